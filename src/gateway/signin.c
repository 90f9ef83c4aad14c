#include "gateway/signin.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/crypto.h"

#define TOKEN_BYTES 32
#define PEERS       256
#define MINUTE_MS   INT64_C(60000)
#define ALL_FACTOR  10

struct session {
	bool used;
	uint8_t hash[CRYPTO_SHA256_BYTES];
	struct signed_in who;
	int64_t used_ms, until_ms;
};

struct tries {
	uint64_t peer;
	int64_t since_ms;
	unsigned n;
};

struct signin {
	const struct clock *clock;
	pthread_mutex_t lock; /* guards what follows */
	struct session at[SIGNIN_SESSIONS];
	struct signin_pending pending[SIGNIN_PENDING];
	struct tries tries[SIGNIN_TRY_KINDS][PEERS], all[SIGNIN_TRY_KINDS];
};

struct signin *signin_new(const struct clock *clock)
{
	struct signin *s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	s->clock = clock;
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void signin_free(struct signin *s)
{
	if (s == NULL)
		return;
	pthread_mutex_destroy(&s->lock);
	crypto_zero(s, sizeof *s);
	free(s);
}

static int64_t now_ms(const struct signin *s)
{
	return clock_mono_us(s->clock) / 1000;
}

static int random_text(char out[SIGNIN_TOKEN_MAX])
{
	uint8_t bytes[TOKEN_BYTES];
	_Static_assert((TOKEN_BYTES * 4 + 2) / 3 < SIGNIN_TOKEN_MAX, "a token fits");
	int rc = crypto_random(bytes, sizeof bytes);
	if (rc == 0)
		crypto_base64url(bytes, sizeof bytes, out);
	crypto_zero(bytes, sizeof bytes);
	return rc;
}

/* --- sessions ------------------------------------------------------------------------------------------- */

static bool is_over(const struct session *at, int64_t now)
{
	return !at->used || now >= at->until_ms || now - at->used_ms >= SIGNIN_IDLE_MS;
}

/* A free place, one that is over, or the one not used for longest. */
static struct session *place(struct signin *s, int64_t now)
{
	struct session *oldest = &s->at[0];
	for (size_t i = 0; i < SIGNIN_SESSIONS; i++) {
		if (is_over(&s->at[i], now))
			return &s->at[i];
		if (s->at[i].used_ms < oldest->used_ms)
			oldest = &s->at[i];
	}
	return oldest;
}

int signin_begin(struct signin *s, const struct signed_in *who, char token[SIGNIN_TOKEN_MAX])
{
	uint8_t hash[CRYPTO_SHA256_BYTES];
	int rc = random_text(token);
	if (rc == 0)
		rc = crypto_sha256(slice_of(token), hash);
	if (rc)
		return rc;
	pthread_mutex_lock(&s->lock);
	int64_t now = now_ms(s);
	struct session *at = place(s, now);
	*at = (struct session){.used = true, .who = *who, .used_ms = now, .until_ms = now + SIGNIN_MOST_MS};
	memcpy(at->hash, hash, sizeof hash);
	pthread_mutex_unlock(&s->lock);
	return 0;
}

/* Under the lock. */
static struct session *find(struct signin *s, slice token)
{
	uint8_t hash[CRYPTO_SHA256_BYTES];
	int64_t now = now_ms(s);
	if (token.n == 0 || token.n >= SIGNIN_TOKEN_MAX || crypto_sha256(token, hash))
		return NULL;
	for (size_t i = 0; i < SIGNIN_SESSIONS; i++)
		if (!is_over(&s->at[i], now) && memcmp(s->at[i].hash, hash, sizeof hash) == 0)
			return &s->at[i];
	return NULL;
}

bool signin_find(struct signin *s, slice token, struct signed_in *out)
{
	pthread_mutex_lock(&s->lock);
	struct session *at = find(s, token);
	if (at) {
		at->used_ms = now_ms(s);
		*out = at->who;
	}
	pthread_mutex_unlock(&s->lock);
	return at != NULL;
}

void signin_end(struct signin *s, slice token)
{
	pthread_mutex_lock(&s->lock);
	struct session *at = find(s, token);
	if (at)
		*at = (struct session){0};
	pthread_mutex_unlock(&s->lock);
}

size_t signin_count(struct signin *s)
{
	size_t n = 0;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < SIGNIN_SESSIONS; i++)
		n += !is_over(&s->at[i], now_ms(s));
	pthread_mutex_unlock(&s->lock);
	return n;
}

/* --- tries ---------------------------------------------------------------------------------------------- */

static unsigned count(const struct tries *t, int64_t now)
{
	return now - t->since_ms < MINUTE_MS ? t->n : 0;
}

static void add(struct tries *t, int64_t now)
{
	if (now - t->since_ms >= MINUTE_MS)
		*t = (struct tries){.peer = t->peer, .since_ms = now};
	t->n++;
}

static const unsigned most[SIGNIN_TRY_KINDS] = {SIGNIN_TRIES, SIGNIN_WAYS};

/* The address's own, else the place of the one that is oldest. */
static struct tries *tries_of(struct signin *s, enum signin_try kind, uint64_t peer)
{
	struct tries *all = s->tries[kind], *oldest = &all[0];
	for (size_t i = 0; i < PEERS; i++) {
		if (all[i].peer == peer)
			return &all[i];
		if (all[i].since_ms < oldest->since_ms)
			oldest = &all[i];
	}
	*oldest = (struct tries){.peer = peer, .since_ms = now_ms(s)};
	return oldest;
}

bool signin_may_try(struct signin *s, enum signin_try kind, uint64_t peer)
{
	pthread_mutex_lock(&s->lock);
	int64_t now = now_ms(s);
	bool may = count(tries_of(s, kind, peer), now) < most[kind] &&
	           count(&s->all[kind], now) < ALL_FACTOR * most[kind];
	pthread_mutex_unlock(&s->lock);
	return may;
}

void signin_count_try(struct signin *s, enum signin_try kind, uint64_t peer)
{
	pthread_mutex_lock(&s->lock);
	add(tries_of(s, kind, peer), now_ms(s));
	add(&s->all[kind], now_ms(s));
	pthread_mutex_unlock(&s->lock);
}

/* --- under way ------------------------------------------------------------------------------------------ */

int signin_pend(struct signin *s, struct signin_pending *p)
{
	if (random_text(p->state) || random_text(p->nonce) || random_text(p->verifier))
		return ERR_IO;
	pthread_mutex_lock(&s->lock);
	struct signin_pending *at = &s->pending[0]; /* the oldest goes */
	for (size_t i = 1; i < SIGNIN_PENDING; i++)
		if (s->pending[i].until_ms < at->until_ms)
			at = &s->pending[i];
	p->until_ms = now_ms(s) + SIGNIN_PENDING_MS;
	*at = *p;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

bool signin_take_pending(struct signin *s, slice state, struct signin_pending *out)
{
	bool found = false;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; state.n && i < SIGNIN_PENDING && !found; i++) {
		struct signin_pending *p = &s->pending[i];
		found = p->until_ms > now_ms(s) && crypto_equal(slice_of(p->state), state);
		if (found) {
			*out = *p;
			*p = (struct signin_pending){.until_ms = 0};
		}
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

/* --- cookies -------------------------------------------------------------------------------------------- */

void signin_cookie_name(bool tls, int port, const char *what, char out[64])
{
	snprintf(out, 64, "%sweir_%s_%d", tls ? "__Host-" : "", what, port);
}

slice signin_cookie(slice header, const char *name)
{
	slice part, key;
	while (slice_split(&header, ';', &part)) {
		slice value = slice_trim(part);
		if (slice_split(&value, '=', &key) && value.p && slice_eq(slice_trim(key), slice_of(name)))
			return slice_trim(value);
	}
	return SLICE_NONE;
}

void signin_set_cookie(bool tls, const char *name, slice token, bool lax, int64_t seconds,
                       char out[SIGNIN_COOKIE_MAX])
{
	snprintf(out, SIGNIN_COOKIE_MAX, "%s=" SLICE_FMT "; Path=/; Max-Age=%lld; HttpOnly; SameSite=%s%s",
	         name, SLICE_ARG(token), token.n ? (long long)seconds : 0LL, lax ? "Lax" : "Strict",
	         tls ? "; Secure" : "");
}

/* "//host" and "/\host" are other sites to a browser. */
slice signin_path(slice to)
{
	if (to.n == 0 || to.n >= SIGNIN_TO_MAX || to.p[0] != '/' ||
	    (to.n > 1 && (to.p[1] == '/' || to.p[1] == '\\')))
		return SLICE("/");
	for (size_t i = 0; i < to.n; i++) {
		char c = to.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!plain && (c == '\0' || strchr("/_?=&.,%:~+-!@$", c) == NULL))
			return SLICE("/");
	}
	return to;
}
