/* The table of stations, and a call's way through them. */
#include "policy/quota.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "base/num.h"
#include "policy/quota_impl.h"

#define IDLE_LOOKED_AT 16 /* of the idle, for one that is not in debt */

/* --- the table ---------------------------------------------------------------- */

struct quota *quota_new(size_t max_stations)
{
	struct quota *q = calloc(1, sizeof *q);
	if (q == NULL)
		return NULL;
	if (crypto_random(&q->seed, sizeof q->seed)) {
		free(q);
		return NULL;
	}
	q->max = (max_stations + SHARDS - 1) / SHARDS;
	for (size_t i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&q->shards[i].lock, NULL);
		map_init(&q->shards[i].stations, q->max, q->seed);
	}
	return q;
}

void quota_free(struct quota *q)
{
	if (q == NULL)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		size_t at = 0;
		slice key;
		void *station;
		while (map_each(&q->shards[i].stations, &at, &key, &station))
			free(station);
		map_release(&q->shards[i].stations);
		pthread_mutex_destroy(&q->shards[i].lock);
	}
	free(q);
}

struct quota_shard *quota_shard_of(struct quota *q, const struct quota_station *s)
{
	return &q->shards[s->key[0] % SHARDS];
}

static void unlink_idle(struct quota_shard *h, struct quota_station *s)
{
	*(s->older ? &s->older->newer : &h->oldest) = s->newer;
	*(s->newer ? &s->newer->older : &h->newest) = s->older;
	s->older = s->newer = NULL;
}

/* Room for one more: an idle station that nobody would miss, its buckets full again. */
static bool make_room(struct quota_shard *h, size_t max, int64_t now_us)
{
	if (h->stations.n < max)
		return true;
	struct quota_station *s = h->oldest;
	for (int i = 0; s && i < IDLE_LOOKED_AT; i++, s = s->newer) {
		if (s->requests_tat_ns > now_us * 1000 || s->tokens_tat_ns > now_us * 1000 ||
		    s->blocked_until_us > now_us)
			continue;
		unlink_idle(h, s);
		map_remove(&h->stations, slice_make(s->key, sizeof s->key));
		free(s);
		return true;
	}
	return false;
}

/* With a reference; NULL when there is no room. */
static struct quota_station *station_get(struct quota *q, const uint64_t key[2], int64_t now_us)
{
	struct quota_shard *h = &q->shards[key[0] % SHARDS];
	pthread_mutex_lock(&h->lock);
	struct quota_station *s = map_get(&h->stations, slice_make(key, 2 * sizeof *key));
	if (s && s->refs == 0)
		unlink_idle(h, s);
	if (s == NULL && make_room(h, q->max, now_us)) {
		s = calloc(1, sizeof *s);
		if (s) {
			memcpy(s->key, key, sizeof s->key);
			if (map_put(&h->stations, slice_make(s->key, sizeof s->key), s, NULL)) {
				free(s);
				s = NULL;
			}
		}
	}
	if (s)
		s->refs++;
	else
		h->refused_full++;
	pthread_mutex_unlock(&h->lock);
	return s;
}

/* Under the shard's lock. */
static void station_put(struct quota_shard *h, struct quota_station *s)
{
	if (--s->refs)
		return;
	s->older = h->newest;
	s->newer = NULL;
	*(h->newest ? &h->newest->newer : &h->oldest) = s;
	h->newest = s;
}

/* --- which stations ----------------------------------------------------------- */

static void mix(uint64_t key[2], slice part)
{
	key[0] = map_hash(part, key[0] + part.n);
	key[1] = map_hash(part, key[1] ^ part.n);
}

/* A station is known by its rule's name and the values of `each`; two values run together make no third. */
static void rule_key(const struct quota *q, const struct quota_rule *rule, const struct facts *f,
                     uint64_t key[2])
{
	char buf[ATTR_TEXT_MAX];
	key[0] = q->seed;
	key[1] = ~q->seed;
	mix(key, SLICE("rule"));
	mix(key, rule->rule.name);
	for (size_t i = 0; i < rule->each_n; i++)
		mix(key, facts_text(f, &rule->each[i], buf));
}

static void provider_key(const struct quota *q, slice provider, slice model, uint64_t account,
                         uint64_t key[2])
{
	key[0] = q->seed;
	key[1] = ~q->seed;
	mix(key, SLICE("provider"));
	mix(key, provider);
	mix(key, model);
	mix(key, slice_make(&account, sizeof account));
}

bool quota_told(struct quota *q, slice provider, slice model, int64_t now_us, struct quota_told *out)
{
	uint64_t key[2];
	provider_key(q, provider, model, 0, key);
	struct quota_shard *h = &q->shards[key[0] % SHARDS];
	pthread_mutex_lock(&h->lock);
	const struct quota_station *s = map_get(&h->stations, slice_make(key, sizeof key));
	if (s)
		*out = (struct quota_told){
		    .requests = s->requests.limit,
		    .requests_left = s->requests.limit ? learnt_left(&s->requests, now_us) : 0,
		    .tokens = s->tokens.limit,
		    .tokens_left = s->tokens.limit ? learnt_left(&s->tokens, now_us) : 0,
		    .flying = s->flying,
		    .waiting = (int64_t)s->waiting,
		    .window = s->window,
		    .blocked_us = num_max_i64(0, s->blocked_until_us - now_us)};
	pthread_mutex_unlock(&h->lock);
	return s != NULL;
}

static bool add_take(struct quota *q, struct quota_ticket *t, const struct quota_rule *rule,
                     const uint64_t key[2], int64_t now_us)
{
	struct quota_station *s = station_get(q, key, now_us);
	if (s == NULL)
		return false;
	t->takes[t->n++] = (struct quota_take){.station = s, .rule = rule};
	return true;
}

static bool begin(struct quota *q, struct quota_ticket *t, const struct quota_ask *a, struct arena *mem,
                  int64_t now_us)
{
	uint64_t key[2];
	if (t->takes == NULL)
		t->takes = arena_alloc(mem, (a->rules_n + 1) * sizeof *t->takes);
	if (t->takes == NULL)
		return false;
	t->q = q;
	t->tokens = num_max_i64(0, a->tokens);
	for (size_t i = 0; i < a->rules_n; i++) {
		if (!rule_applies(&a->rules[i].rule, a->facts))
			continue;
		rule_key(q, &a->rules[i], a->facts, key);
		if (!add_take(q, t, &a->rules[i], key, now_us))
			return false;
	}
	if (a->provider.n == 0)
		return true;
	provider_key(q, a->provider, a->model, a->account, key);
	return add_take(q, t, NULL, key, now_us);
}

/* --- the way through ---------------------------------------------------------- */

/* "120 requests a minute" */
static size_t rate_text(char *out, size_t cap, const struct rate *rate, const char *what)
{
	const char *of = rate->period_ms == 1000      ? "second"
	                 : rate->period_ms == 60000   ? "minute"
	                 : rate->period_ms == 3600000 ? "hour"
	                                              : "day";
	int n = snprintf(out, cap, "%lld %s a%s %s", (long long)rate->n, what, *of == 'h' ? "n" : "", of);
	return n > 0 ? (size_t)n : 0;
}

static void limits_text(const struct quota_rule *rule, char *out, size_t cap)
{
	size_t n = 0;
	out[0] = '\0';
	if (rule->requests.n)
		n += rate_text(out, cap, &rule->requests, "requests");
	if (rule->tokens.n && n < cap)
		n += (size_t)snprintf(out + n, cap - n, "%s", n ? ", " : "");
	if (rule->tokens.n && n < cap)
		n += rate_text(out + n, cap - n, &rule->tokens, "tokens");
	if (rule->concurrent && n < cap)
		snprintf(out + n, cap - n, "%s%lld at once", n ? ", " : "", (long long)rule->concurrent);
}

static void note_shadow(struct quota_ticket *t, const struct quota_rule *rule, struct arena *mem)
{
	char limits[160];
	limits_text(rule, limits, sizeof limits);
	slice text =
	    arena_printf(mem, SLICE_FMT "%squota \"" SLICE_FMT "\" would hold it back: %s",
	                 SLICE_ARG(t->shadow), t->shadow.n ? "; " : "", SLICE_ARG(rule->rule.name), limits);
	if (text.p)
		t->shadow = text;
}

/* A provider's limit that only the client's own credential has, for long: the provider says it better. */
static bool is_the_clients(const struct quota_station *s, const struct quota_ask *a, int64_t now_us)
{
	return a->own && s->blocked_until_us - now_us > 45 * ASK_AGAIN_US;
}

/* True when it passed the station. */
static bool pass_one(struct quota_ticket *t, const struct quota_ask *a, struct arena *mem, int64_t now_us,
                     int64_t *until_us)
{
	struct quota_take *take = &t->takes[t->at];
	struct quota_station *s = take->station;
	struct quota_shard *h = quota_shard_of(t->q, s);
	bool shadow = take->rule && take->rule->rule.mode == MODE_SHADOW, noted = true;
	pthread_mutex_lock(&h->lock);
	bool skip = take->rule == NULL && is_the_clients(s, a, now_us);
	if (skip) {
		station_unqueue(s, &t->waiter);
	} else if (take->taken) {
		/* let through while it waited */
	} else if (shadow) {
		noted = station_note(s, take, t->tokens, now_us);
	} else if (!t->waiter.user && !station_pass(s, take, t->tokens, now_us)) {
		uint64_t user = map_hash(a->user, t->q->seed);
		t->waiter = (struct quota_waiter){
		    .take = take, .ci = a->ci, .tokens = t->tokens, .wake = a->wake, .wake_arg = a->wake_arg};
		station_queue(s, &t->waiter, user);
	}
	bool passed = skip || take->taken;
	if (!passed) {
		int64_t next = station_serve(s, now_us, &t->waiter);
		passed = take->taken;
		*until_us = num_max_i64(num_min_i64(next, now_us + ASK_AGAIN_US), now_us + 2000);
	}
	pthread_mutex_unlock(&h->lock);
	if (!noted)
		note_shadow(t, take->rule, mem);
	return passed;
}

enum quota_next quota_ask(struct quota *q, struct quota_ticket *t, const struct quota_ask *a,
                          struct arena *mem, int64_t now_us, int64_t *until_us)
{
	*until_us = now_us + ASK_AGAIN_US;
	if (t->q == NULL && !begin(q, t, a, mem, now_us)) {
		quota_end(t, false, 0, now_us);
		return QUOTA_WAIT;
	}
	while (t->at < t->n) {
		if (!pass_one(t, a, mem, now_us, until_us))
			return QUOTA_WAIT;
		t->at++;
	}
	return QUOTA_ON;
}

void quota_end(struct quota_ticket *t, bool left, int64_t tokens, int64_t now_us)
{
	for (size_t i = 0; t->q && i < t->n; i++) {
		struct quota_take *take = &t->takes[i];
		struct quota_shard *h = quota_shard_of(t->q, take->station);
		pthread_mutex_lock(&h->lock);
		if (t->waiter.user && t->waiter.take == take) {
			station_unqueue(take->station, &t->waiter);
			station_serve(take->station, now_us, NULL);
		}
		if (take->taken)
			station_leave(take->station, take, t->tokens, left, tokens, t->answered, now_us);
		station_put(h, take->station);
		pthread_mutex_unlock(&h->lock);
	}
	t->q = NULL;
	t->n = t->at = 0;
}

void quota_why(const struct quota_ticket *t, const struct quota_ask *a, struct arena *mem, int64_t now_us,
               struct quota_why *out)
{
	char limits[160];
	*out = (struct quota_why){.rule = "quota", .what = SLICE("Weir counts too many quotas at once")};
	if (t->q == NULL || t->at >= t->n)
		return;
	const struct quota_take *take = &t->takes[t->at];
	struct quota_station *s = take->station;
	struct quota_shard *h = quota_shard_of(t->q, s);
	pthread_mutex_lock(&h->lock);
	out->retry_us = station_ready_us(s, take->rule, t->tokens, now_us) - now_us;
	pthread_mutex_unlock(&h->lock);
	if (take->rule == NULL) {
		out->rule = "provider";
		out->what = arena_printf(mem,
		                         "The rate limit of provider \"" SLICE_FMT "\" for " SLICE_FMT
		                         " is reached, and others wait before this call",
		                         SLICE_ARG(a->provider), SLICE_ARG(a->model));
		return;
	}
	char buf[ATTR_TEXT_MAX];
	const struct quota_rule *rule = take->rule;
	slice of = rule->each_n == 1 ? facts_text(a->facts, &rule->each[0], buf) : SLICE_NONE;
	limits_text(rule, limits, sizeof limits);
	out->rule = rule->rule.name.p;
	out->what = arena_printf(mem, "Quota \"" SLICE_FMT "\"%s" SLICE_FMT " is used up: %s",
	                         SLICE_ARG(rule->rule.name), of.n ? " of " : "", SLICE_ARG(of), limits);
}

void quota_stats_get(struct quota *q, struct quota_stats *out)
{
	*out = (struct quota_stats){0};
	for (size_t i = 0; i < SHARDS; i++) {
		struct quota_shard *h = &q->shards[i];
		size_t at = 0;
		slice key;
		void *station;
		pthread_mutex_lock(&h->lock);
		out->stations += h->stations.n;
		out->refused_full += h->refused_full;
		out->throttled += h->throttled;
		while (map_each(&h->stations, &at, &key, &station))
			out->waiting += ((struct quota_station *)station)->waiting;
		pthread_mutex_unlock(&h->lock);
	}
}
