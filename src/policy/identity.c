/* Keys are known by their SHA-256 alone: the text a client sends is hashed and the hash looked up, so that
 * neither the ledger nor this process's memory holds a key longer than a request lasts. */
#include <stdlib.h>

#include "base/crypto.h"
#include "base/map.h"
#include "model/attr_text.h"
#include "policy/identity.h"
#include "policy/identity_gate.h"
#include "policy/identity_jwt.h"
#include "text/json.h"

#define KEYS_MAX       1000000
#define KEY_BYTES      32                /* random bytes of a key */
#define KEYS_BYTES_MAX ((size_t)1 << 30) /* all keys of a ring, with their attributes */

struct entry {
	uint8_t hash[CRYPTO_SHA256_BYTES];
	slice id;
	enum role role;
	struct attribution fixed;
	int64_t expires_ms, revoked_ms; /* 0: never */
};

struct keyring {
	unsigned refs; /* changed atomically */
	size_t live;   /* keys not revoked */
	struct arena mem;
	struct map by_hash; /* of struct entry in mem */
	struct map by_id;   /* the same */
};

int identity_new_key(char key[IDENTITY_KEY_MAX], char id[32], uint8_t out_hash[32])
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint8_t bytes[KEY_BYTES], id_bytes[12];
	int err = crypto_random(bytes, sizeof bytes);
	if (!err)
		err = crypto_random(id_bytes, sizeof id_bytes);
	if (err)
		return err;
	memcpy(key, IDENTITY_KEY_PREFIX, sizeof IDENTITY_KEY_PREFIX - 1);
	size_t n = sizeof IDENTITY_KEY_PREFIX - 1;
	n += crypto_base64url(bytes, sizeof bytes, key + n);
	crypto_zero(bytes, sizeof bytes);
	memcpy(id, "k_", 2);
	for (size_t i = 0; i < sizeof id_bytes; i++)
		id[2 + i] = digits[id_bytes[i] & 31];
	id[2 + sizeof id_bytes] = '\0';
	return crypto_sha256(slice_make(key, n), out_hash);
}

struct keyring *keyring_new(void)
{
	uint64_t seed;
	struct keyring *k = malloc(sizeof *k);
	if (!k || crypto_random(&seed, sizeof seed)) {
		free(k);
		return NULL;
	}
	*k = (struct keyring){.refs = 1};
	arena_init(&k->mem, KEYS_BYTES_MAX);
	map_init(&k->by_hash, KEYS_MAX, seed);
	map_init(&k->by_id, KEYS_MAX, seed);
	return k;
}

struct keyring *keyring_ref(struct keyring *k)
{
	if (k)
		__atomic_fetch_add(&k->refs, 1, __ATOMIC_RELAXED);
	return k;
}

void keyring_unref(struct keyring *k)
{
	if (!k || __atomic_sub_fetch(&k->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	map_release(&k->by_hash);
	map_release(&k->by_id);
	arena_release(&k->mem);
	free(k);
}

size_t keyring_count(const struct keyring *k)
{
	return k->live;
}

/* Sets one fixed attribute; tags are put into their JSON form. */
static int fix(struct keyring *k, struct attribution *to, enum attr a, slice text)
{
	slice clean;
	if (a == ATTR_TAGS) {
		struct attr_tags tags;
		attr_tags_init(&tags);
		if (!attr_tags_read(&tags, text))
			return ERR_INVALID;
		clean = attr_tags_json(&tags, &k->mem);
	} else {
		clean = attr_clean(text, &k->mem);
	}
	if (clean.n == 0)
		return text.n == 0 ? 0 : ERR_INVALID;
	to->v[a] = clean;
	return 0;
}

static int fix_all(struct keyring *k, struct attribution *to, slice attributes)
{
	struct json j;
	json_key name;
	json_str value;
	char name_text[32], text[4 * ATTR_TEXT_MAX];
	json_init(&j, attributes);
	if (json_object(&j))
		while (json_next_key(&j, &name)) {
			size_t name_n = json_unescape(&name, name_text, sizeof name_text);
			enum attr a = name_n <= sizeof name_text
			                  ? attr_from_name(slice_make(name_text, name_n))
			                  : ATTR_N;
			if (a == ATTR_N || !json_string(&j, &value))
				return ERR_INVALID;
			size_t n = json_unescape(&value, text, sizeof text);
			int err = n > sizeof text ? ERR_INVALID : fix(k, to, a, slice_make(text, n));
			if (err)
				return err;
		}
	return json_end(&j) ? 0 : ERR_INVALID;
}

int keyring_add(struct keyring *k, slice id, const uint8_t hash[32], enum role role, slice user, slice team,
                slice attributes, int64_t expires_ms, int64_t revoked_ms)
{
	if (id.n == 0 || (unsigned)role >= ROLE_N)
		return ERR_INVALID;
	struct entry *e = arena_zalloc(&k->mem, sizeof *e);
	if (!e)
		return ERR_NOMEM;
	memcpy(e->hash, hash, sizeof e->hash);
	e->id = arena_copy(&k->mem, id);
	e->role = role;
	e->expires_ms = expires_ms;
	e->revoked_ms = revoked_ms;
	int err = e->id.p ? 0 : ERR_NOMEM;
	if (!err && attributes.n)
		err = fix_all(k, &e->fixed, attributes);
	if (!err)
		err = fix(k, &e->fixed, ATTR_USER, user);
	if (!err)
		err = fix(k, &e->fixed, ATTR_TEAM, team);
	void *old;
	if (!err)
		err = map_put(&k->by_hash, slice_make(e->hash, sizeof e->hash), e, &old);
	if (!err)
		err = map_put(&k->by_id, e->id, e, NULL);
	if (err)
		return err;
	k->live += revoked_ms == 0;
	k->live -= old && ((const struct entry *)old)->revoked_ms == 0;
	return 0;
}

bool keyring_find(const struct keyring *k, slice id, int64_t now_ms, struct principal *out)
{
	const struct entry *e = k ? map_get(&k->by_id, id) : NULL;
	if (!e || e->revoked_ms || (e->expires_ms && now_ms >= e->expires_ms))
		return false;
	out->key_id = e->id;
	out->role = e->role;
	out->fixed = e->fixed;
	return true;
}

/* --- who asks -------------------------------------------------------------------------------------- */

/* Where a client puts its API key, in the order in which they are looked at. */
static const slice key_headers[] = {
    SLICE("x-weir-key"),     SLICE("x-api-key"), SLICE("authorization"),
    SLICE("x-goog-api-key"), SLICE("api-key"),
};
#define OWN_HEADER 0 /* x-weir-key: never the client's credential for a provider */

bool identity_is_credential_header(slice name)
{
	for (size_t i = 0; i < sizeof key_headers / sizeof key_headers[0]; i++)
		if (slice_eq_nocase(name, key_headers[i]))
			return true;
	return slice_eq_nocase(name, SLICE("proxy-authorization")) || slice_eq_nocase(name, SLICE("cookie"));
}

/* A header's value without "Bearer ". */
static slice bare_key(slice value)
{
	value = slice_trim(value);
	if (slice_starts_nocase(value, SLICE("Bearer ")) || slice_starts_nocase(value, SLICE("Bearer\t")))
		value = slice_trim(slice_sub(value, 7, value.n));
	return value;
}

bool identity_is_weir_key(slice value)
{
	slice key = bare_key(value);
	return slice_starts(key, SLICE(IDENTITY_KEY_PREFIX)) || slice_starts(key, SLICE(GATE_TOKEN_PREFIX));
}

/* What was sent: the first Weir key or token of ours by rank, and whether there is a credential beside it. */
struct sent {
	slice key;
	struct jwt token;
	int issuer;     /* of the token; -1: key is a Weir key, or there is none */
	bool foreign;   /* a credential of another kind */
	bool misused;   /* x-weir-key with something else in it */
	slice stranger; /* the issuer of a token there that is not trusted */
};

/* The number of the trusted issuer whose token that is, *t read; else -1. */
static int our_token(const struct trust *trust, slice text, struct arena *mem, struct jwt *t)
{
	if (!trust || trust_issuers(trust) == 0 || !jwt_looks_like(text) || jwt_read(text, mem, t, NULL))
		return -1;
	return trust_find(trust, t->issuer);
}

static void look_at(struct sent *s, const struct identity_in *in, struct arena *mem, size_t rank, slice value)
{
	slice key = bare_key(value);
	struct jwt t = {0};
	bool weir = identity_is_weir_key(key);
	int issuer = weir ? -1 : our_token(in->trust, key, mem, &t);
	if (weir || issuer >= 0) {
		if (!s->key.p) {
			s->key = key;
			s->token = t;
			s->issuer = issuer;
		}
	} else if (key.n && rank == OWN_HEADER) {
		s->misused = true;
		s->stranger = t.issuer;
	} else if (key.n) {
		s->foreign = true;
	}
}

static void look(const struct identity_in *in, struct arena *mem, struct sent *s)
{
	slice query = in->query, pair, name;
	*s = (struct sent){.issuer = -1};
	for (size_t rank = 0; rank < sizeof key_headers / sizeof key_headers[0]; rank++)
		for (size_t i = 0; i < in->headers->n; i++)
			if (slice_eq_nocase(in->headers->at[i].name, key_headers[rank]))
				look_at(s, in, mem, rank, in->headers->at[i].value);
	while (slice_split(&query, '&', &pair)) {
		slice value = pair;
		slice_split(&value, '=', &name);
		if (value.n && slice_eq(name, SLICE("key")))
			look_at(s, in, mem, OWN_HEADER + 1, value);
	}
}

bool identity_is_ours(const struct trust *t, slice value, struct arena *mem)
{
	struct jwt token;
	return identity_is_weir_key(value) || our_token(t, bare_key(value), mem, &token) >= 0;
}

static const char *const whys[] = {
    [IDENTITY_OK] = "",
    [IDENTITY_ANONYMOUS] = "",
    [IDENTITY_MISSING] =
        "No Weir key was sent. Put one (wk_...) where your client has its API key, or into the header "
        "x-weir-key; \"weir key create --user YOU\" on the gateway makes one.",
    [IDENTITY_UNKNOWN] = "This Weir key is not known here. Is it whole, and made for this gateway? "
                         "\"weir key list\" on the gateway shows the keys there are.",
    [IDENTITY_EXPIRED] =
        "This Weir key has expired. \"weir key create --user YOU\" on the gateway makes a new one.",
    [IDENTITY_REVOKED] =
        "This Weir key was revoked. \"weir key create --user YOU\" on the gateway makes a new one.",
    [IDENTITY_ROLE] = "This Weir key's role may not call models: only agent and developer may. "
                      "\"weir key create --user YOU --role developer\" on the gateway makes one that may.",
    [IDENTITY_TOKEN] = "The token does not hold.",
};

static enum identity_result role_result(enum role r)
{
	return r == ROLE_AGENT || r == ROLE_DEVELOPER ? IDENTITY_OK : IDENTITY_ROLE;
}

static enum identity_result judge_key(const struct identity_in *in, slice key, struct principal *out)
{
	uint8_t hash[CRYPTO_SHA256_BYTES];
	if (key.n >= IDENTITY_KEY_MAX || crypto_sha256(key, hash))
		return IDENTITY_UNKNOWN;
	const struct entry *e = in->keys ? map_get(&in->keys->by_hash, slice_make(hash, sizeof hash)) : NULL;
	if (!e)
		return IDENTITY_UNKNOWN;
	out->anonymous = false;
	out->key_id = e->id;
	out->role = e->role;
	out->fixed = e->fixed;
	if (e->revoked_ms)
		return IDENTITY_REVOKED;
	if (e->expires_ms && in->now_ms >= e->expires_ms)
		return IDENTITY_EXPIRED;
	return role_result(e->role);
}

/* Of a token that does not hold nothing is recorded: it says nothing that is known to be true. */
static enum identity_result judge_token(const struct identity_in *in, const struct sent *s, struct arena *mem,
                                        struct identity *out)
{
	struct error e = {0};
	const struct issuer *i = &trust_settings(in->trust)->issuers[s->issuer];
	int r = jwt_check(&s->token, i, trust_keys(in->trust, (size_t)s->issuer),
	                  trust_why(in->trust, (size_t)s->issuer), in->now_ms, &e);
	if (r) {
		if (r == ERR_NOT_FOUND)
			out->stale = s->issuer;
		slice why = arena_copy(mem, slice_of(e.text));
		out->why = why.p;
		return IDENTITY_TOKEN;
	}
	out->who.anonymous = false;
	out->who.by_token = true;
	out->who.key_id = arena_printf(mem, "issuer:" SLICE_FMT, SLICE_ARG(i->name));
	out->who.role = (enum role)i->role;
	jwt_attributes(&s->token, i, mem, &out->who.fixed);
	out->who.ci.author = jwt_author(&s->token, mem);
	return role_result(out->who.role);
}

/* A token of the gate is good as long as the key it was asked with. */
static enum identity_result judge_gate(const struct identity_in *in, slice text, struct arena *mem,
                                       struct identity *out)
{
	struct gate_token t;
	struct error e = {0};
	int r = in->trust ? gate_token_read(text, trust_secret(in->trust), in->now_ms, mem, &t, &e)
	                  : error_set(&e, ERR_REFUSED, "No tokens are taken here.");
	const struct entry *key = r == 0 && in->keys ? map_get(&in->keys->by_id, t.by) : NULL;
	bool of_key = r == 0 && slice_starts(t.by, SLICE("k_"));
	if (of_key && (!key || key->revoked_ms || (key->expires_ms && in->now_ms >= key->expires_ms)))
		r = error_set(&e, ERR_REFUSED,
		              "The gate's token was asked for with a key that opens nothing any more.");
	if (r) {
		slice why = arena_copy(mem, slice_of(e.text));
		out->why = why.p;
		return IDENTITY_TOKEN;
	}
	out->who.anonymous = false;
	out->who.by_token = true;
	out->who.key_id = t.by;
	out->who.role = t.role;
	out->who.fixed = t.fixed;
	out->who.ci = t.ci;
	return role_result(t.role);
}

void identity_check(const struct identity_in *in, struct arena *mem, struct identity *out)
{
	struct sent s;
	look(in, mem, &s);
	*out = (struct identity){.stale = -1};
	out->who = (struct principal){
	    .anonymous = true, .role = ROLE_DEVELOPER, .own_credential = s.foreign, .ci = ci_proof_none()};
	if (s.key.p && s.issuer >= 0)
		out->result = judge_token(in, &s, mem, out);
	else if (slice_starts(s.key, SLICE(GATE_TOKEN_PREFIX)))
		out->result = judge_gate(in, s.key, mem, out);
	else if (s.key.p)
		out->result = judge_key(in, s.key, &out->who);
	else if (s.misused)
		out->result = s.stranger.n ? IDENTITY_TOKEN : IDENTITY_UNKNOWN;
	else
		out->result = in->loopback ? IDENTITY_ANONYMOUS : IDENTITY_MISSING;
	if (out->result == IDENTITY_TOKEN && s.stranger.n) {
		slice why = arena_printf(mem,
		                         "The token in x-weir-key is of the issuer " SLICE_FMT
		                         ", which Weir's settings do not name (issuers:).",
		                         SLICE_ARG(slice_sub(s.stranger, 0, 200)));
		out->why = why.p;
	}
	if (out->why == NULL)
		out->why = whys[out->result];
}
