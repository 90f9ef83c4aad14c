#include "policy/identity_jwks.h"

#include <stdlib.h>

#include "text/json.h"

#define KID_MAX    256
#define NUMBER_MAX (JWS_RSA_BITS_MOST / 8 + 8) /* bytes of a key's number */

struct jwks {
	unsigned refs; /* changed atomically */
	size_t n;
	struct entry {
		char kid[KID_MAX];
		size_t kid_n;
		struct jws_key *key; /* owned */
	} at[JWKS_KEYS_MAX];
};

/* One key's members as they stand. */
struct members {
	char kid[KID_MAX], kty[16], use[16], alg[16], crv[16];
	size_t kid_n, kty_n, use_n, alg_n, crv_n;
	char n[NUMBER_MAX], e[NUMBER_MAX], x[NUMBER_MAX], y[NUMBER_MAX];
	size_t n_n, e_n, x_n, y_n;
	bool bad; /* a member is longer than any good one */
};

/* A short text; one that is too long makes the key none that is known. */
static void take_text(struct members *m, const json_str *s, char *out, size_t cap, size_t *n)
{
	*n = json_unescape(s, out, cap);
	if (*n > cap) {
		*n = 0;
		m->bad = true;
	}
}

static void take_number(struct members *m, const json_str *s, char *out, size_t *n)
{
	if (s->escaped || s->raw.n > NUMBER_MAX * 4 / 3 || !jws_base64url_decode(s->raw, out, n)) {
		*n = 0;
		m->bad = true;
	}
}

static void take_member(struct members *m, const json_key *k, const json_str *v)
{
	if (json_key_is(k, SLICE("kid")))
		take_text(m, v, m->kid, sizeof m->kid, &m->kid_n);
	else if (json_key_is(k, SLICE("kty")))
		take_text(m, v, m->kty, sizeof m->kty, &m->kty_n);
	else if (json_key_is(k, SLICE("use")))
		take_text(m, v, m->use, sizeof m->use, &m->use_n);
	else if (json_key_is(k, SLICE("alg")))
		take_text(m, v, m->alg, sizeof m->alg, &m->alg_n);
	else if (json_key_is(k, SLICE("crv")))
		take_text(m, v, m->crv, sizeof m->crv, &m->crv_n);
	else if (json_key_is(k, SLICE("n")))
		take_number(m, v, m->n, &m->n_n);
	else if (json_key_is(k, SLICE("e")))
		take_number(m, v, m->e, &m->e_n);
	else if (json_key_is(k, SLICE("x")))
		take_number(m, v, m->x, &m->x_n);
	else if (json_key_is(k, SLICE("y")))
		take_number(m, v, m->y, &m->y_n);
}

/* The key, or NULL when it is of another kind. */
static struct jws_key *key_of(const struct members *m)
{
	bool rsa = slice_eq(slice_make(m->kty, m->kty_n), SLICE("RSA"));
	bool ec = slice_eq(slice_make(m->kty, m->kty_n), SLICE("EC")) &&
	          slice_eq(slice_make(m->crv, m->crv_n), SLICE("P-256"));
	slice use = slice_make(m->use, m->use_n), alg = slice_make(m->alg, m->alg_n);
	if (m->bad || (!rsa && !ec) || (use.n && !slice_eq(use, SLICE("sig"))))
		return NULL;
	if (alg.n && !slice_eq(alg, slice_of(jws_alg_name(rsa ? JWS_RS256 : JWS_ES256))))
		return NULL;
	return rsa ? jws_key_rsa(slice_make(m->n, m->n_n), slice_make(m->e, m->e_n), NULL)
	           : jws_key_p256(slice_make(m->x, m->x_n), slice_make(m->y, m->y_n), NULL);
}

/* False without memory, or when an id stands twice. */
static bool add_key(struct jwks *set, const struct members *m, struct error *e)
{
	slice kid = slice_make(m->kid, m->kid_n);
	struct jws_key *key = key_of(m);
	if (key == NULL)
		return true;
	for (size_t i = 0; i < set->n; i++)
		if (slice_eq(slice_make(set->at[i].kid, set->at[i].kid_n), kid)) {
			jws_key_free(key);
			error_set(e, ERR_INVALID, "two keys have the id \"" SLICE_FMT "\"", SLICE_ARG(kid));
			return false;
		}
	if (set->n == JWKS_KEYS_MAX) {
		jws_key_free(key);
		error_set(e, ERR_FULL, "more than %d keys", JWKS_KEYS_MAX);
		return false;
	}
	struct entry *to = &set->at[set->n++];
	memcpy(to->kid, m->kid, m->kid_n);
	to->kid_n = m->kid_n;
	to->key = key;
	return true;
}

static bool read_key(struct json *j, struct jwks *set, struct error *e)
{
	struct members m = {0};
	json_key k;
	json_str v;
	if (json_peek(j) != JSON_OBJECT) {
		json_skip(j, NULL);
		return true; /* what is wrong with the text is told at its end */
	}
	json_object(j);
	while (json_next_key(j, &k))
		if (json_opt_string(j, &v))
			take_member(&m, &k, &v);
	return j->error || add_key(set, &m, e);
}

static bool read_set(struct json *j, struct jwks *set, struct error *e)
{
	json_key k;
	if (!json_object(j))
		return true;
	while (json_next_key(j, &k)) {
		if (!json_key_is(&k, SLICE("keys")) || json_peek(j) != JSON_ARRAY) {
			json_skip(j, NULL);
			continue;
		}
		json_array(j);
		while (json_next(j))
			if (!read_key(j, set, e))
				return false;
	}
	return true;
}

struct jwks *jwks_read(slice text, struct error *e)
{
	struct json j;
	if (text.n > JWKS_BYTES_MAX) {
		error_set(e, ERR_FULL, "a key set of more than %d KB", JWKS_BYTES_MAX / 1024);
		return NULL;
	}
	struct jwks *set = calloc(1, sizeof *set);
	if (set == NULL) {
		error_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	set->refs = 1;
	json_init(&j, text);
	bool good = read_set(&j, set, e);
	if (good && !json_end(&j)) {
		error_set(e, ERR_INVALID, "this is no JSON Web Key Set: %s (byte %zu)", j.error, j.error_at);
		good = false;
	}
	if (good && set->n == 0) {
		error_set(e, ERR_INVALID, "no key for RS256 or ES256 is in it");
		good = false;
	}
	if (good)
		return set;
	jwks_unref(set);
	return NULL;
}

struct jwks *jwks_ref(struct jwks *k)
{
	if (k)
		__atomic_fetch_add(&k->refs, 1, __ATOMIC_RELAXED);
	return k;
}

void jwks_unref(struct jwks *k)
{
	if (!k || __atomic_sub_fetch(&k->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	for (size_t i = 0; i < k->n; i++)
		jws_key_free(k->at[i].key);
	free(k);
}

size_t jwks_count(const struct jwks *k)
{
	return k->n;
}

const struct jws_key *jwks_find(const struct jwks *k, slice kid)
{
	if (kid.n == 0)
		return k->n == 1 ? k->at[0].key : NULL;
	for (size_t i = 0; i < k->n; i++)
		if (slice_eq(slice_make(k->at[i].kid, k->at[i].kid_n), kid))
			return k->at[i].key;
	return NULL;
}
