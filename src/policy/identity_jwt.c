#include "policy/identity_jwt.h"

#include "text/json.h"

#define TIME_MOST (INT64_C(1) << 50) /* seconds; as milliseconds it fits in 64 bits */

bool jwt_looks_like(slice text)
{
	slice rest = text, part;
	int parts = 0;
	if (!slice_starts(text, SLICE("eyJ"))) /* base64url of `{"` */
		return false;
	while (slice_split(&rest, '.', &part))
		parts += part.n > 0;
	return parts == 3;
}

static slice decode(slice part, struct arena *mem)
{
	char *out = arena_alloc(mem, part.n + 1);
	size_t n = 0;
	if (out == NULL || !jws_base64url_decode(part, out, &n))
		return SLICE_NONE;
	return slice_make(out, n);
}

/* A string member into *to; one that stands twice, or is none, makes the token faulty. */
static bool take_text(struct json *j, slice *to, struct arena *mem)
{
	json_str s;
	if (to->p || !json_string(j, &s))
		return false;
	char *out = arena_alloc(mem, s.raw.n + 1);
	if (out == NULL)
		return false;
	*to = slice_make(out, json_unescape(&s, out, s.raw.n + 1));
	return true;
}

static bool read_header(slice text, struct arena *mem, struct jwt *t, struct error *e)
{
	struct json j;
	json_key k;
	bool good = true;
	json_init(&j, text);
	json_object(&j);
	while (good && json_next_key(&j, &k)) {
		if (json_key_is(&k, SLICE("alg")))
			good = take_text(&j, &t->alg, mem);
		else if (json_key_is(&k, SLICE("kid")))
			good = take_text(&j, &t->kid, mem);
		else if (json_key_is(&k, SLICE("crit"))) { /* RFC 7515 section 4.1.11 */
			error_set(e, ERR_INVALID, "it has extensions (crit) that are not understood here");
			return false;
		} else
			json_skip(&j, NULL);
	}
	if (good && json_end(&j))
		return true;
	error_set(e, ERR_INVALID, "its header is no JSON object as RFC 7515 has it");
	return false;
}

/* NumericDate (RFC 7519 section 2): a fraction of a second is cut off. */
static bool take_time(struct json *j, int64_t *to)
{
	slice raw;
	long long n;
	if (*to != JWT_NO_TIME || !json_number(j, &raw))
		return false;
	ptrdiff_t dot = slice_find_char(raw, '.');
	if (dot > 0 && slice_find_char(raw, 'e') < 0 && slice_find_char(raw, 'E') < 0)
		raw = slice_sub(raw, 0, (size_t)dot);
	int64_t whole;
	if (!json_number_i64(raw, &whole))
		return false;
	n = whole;
	*to = n;
	return n > -TIME_MOST && n < TIME_MOST;
}

static bool read_payload(slice text, struct arena *mem, struct jwt *t, struct error *e)
{
	struct json j;
	json_key k;
	bool good = true;
	json_init(&j, text);
	json_object(&j);
	while (good && json_next_key(&j, &k)) {
		if (json_key_is(&k, SLICE("iss")))
			good = take_text(&j, &t->issuer, mem);
		else if (json_key_is(&k, SLICE("exp")))
			good = take_time(&j, &t->exp_s);
		else if (json_key_is(&k, SLICE("nbf")))
			good = take_time(&j, &t->nbf_s);
		else if (json_key_is(&k, SLICE("iat")))
			good = take_time(&j, &t->iat_s);
		else
			json_skip(&j, NULL);
	}
	if (good && json_end(&j))
		return true;
	error_set(e, ERR_INVALID, "its claims are no JSON object as RFC 7519 has it");
	return false;
}

int jwt_read(slice token, struct arena *mem, struct jwt *out, struct error *e)
{
	*out = (struct jwt){.exp_s = JWT_NO_TIME, .nbf_s = JWT_NO_TIME, .iat_s = JWT_NO_TIME};
	if (token.n > JWT_BYTES_MAX)
		return error_set(e, ERR_FULL, "it is longer than %d KB", JWT_BYTES_MAX / 1024);
	slice rest = token, header, claims, signature;
	if (!slice_split(&rest, '.', &header) || !slice_split(&rest, '.', &claims) || rest.p == NULL ||
	    slice_find_char(rest, '.') >= 0)
		return error_set(e, ERR_INVALID, "it has not three parts");
	signature = rest;
	out->input = slice_make(token.p, header.n + 1 + claims.n);
	slice header_text = decode(header, mem);
	out->claims = decode(claims, mem);
	out->signature = decode(signature, mem);
	if (header_text.n == 0 || out->claims.n == 0 || out->signature.p == NULL)
		return error_set(e, ERR_INVALID, "a part of it is no base64url");
	if (!read_header(header_text, mem, out, e) || !read_payload(out->claims, mem, out, e))
		return e && e->code ? e->code : ERR_INVALID;
	return 0;
}

/* --- checks ---------------------------------------------------------------------------------------- */

/* aud is one text or a list of them (RFC 7519 section 4.1.3). */
static bool has_audience(const struct jwt *t, slice wanted)
{
	struct json j;
	json_key k;
	json_str s;
	bool found = false;
	json_init(&j, t->claims);
	json_object(&j);
	while (json_next_key(&j, &k)) {
		if (!json_key_is(&k, SLICE("aud"))) {
			json_skip(&j, NULL);
		} else if (json_peek(&j) == JSON_ARRAY) {
			json_array(&j);
			while (json_next(&j))
				found = (json_opt_string(&j, &s) && json_str_is(&s, wanted)) || found;
		} else if (json_opt_string(&j, &s)) {
			found = json_str_is(&s, wanted) || found;
		}
	}
	return found;
}

static int check_audience(const struct jwt *t, const struct issuer *i, struct error *e)
{
	for (size_t a = 0; a < i->audiences_n; a++)
		if (has_audience(t, i->audiences[a]))
			return 0;
	return error_set(e, ERR_REFUSED,
	                 "The token was made for another audience than \"" SLICE_FMT
	                 "\": ask the CI system for one with that audience.",
	                 SLICE_ARG(i->audiences[0]));
}

static int check_times(const struct jwt *t, const struct issuer *i, int64_t now_ms, struct error *e)
{
	if (t->exp_s == JWT_NO_TIME)
		return error_set(e, ERR_REFUSED,
		                 "The token never expires (it has no exp): such are not taken.");
	if (now_ms >= t->exp_s * 1000 + i->skew_ms)
		return error_set(e, ERR_REFUSED,
		                 "The token expired %lld s ago: fetch a fresh one in the job, right before "
		                 "it is used.",
		                 (long long)(now_ms / 1000 - t->exp_s));
	if (t->nbf_s != JWT_NO_TIME && now_ms < t->nbf_s * 1000 - i->skew_ms)
		return error_set(e, ERR_REFUSED,
		                 "The token is not valid yet (nbf): does this machine's clock go wrong?");
	if (t->iat_s != JWT_NO_TIME && now_ms < t->iat_s * 1000 - i->skew_ms)
		return error_set(e, ERR_REFUSED,
		                 "The token was issued in the future (iat): does this machine's clock go "
		                 "wrong?");
	return 0;
}

int jwt_check(const struct jwt *t, const struct issuer *i, const struct jwks *keys, const char *without,
              int64_t now_ms, struct error *e)
{
	if (!slice_eq(t->issuer, i->issuer))
		return error_set(e, ERR_REFUSED, "The token is of another issuer.");
	if (keys == NULL)
		return error_set(
		    e, ERR_REFUSED, "The token's issuer \"" SLICE_FMT "\" cannot be checked: %s.",
		    SLICE_ARG(i->name), without && *without ? without : "its keys are not here yet");
	const struct jws_key *key = jwks_find(keys, t->kid);
	if (key == NULL)
		return error_set(e, ERR_NOT_FOUND,
		                 t->kid.n ? "The token is signed with a key that its issuer \"" SLICE_FMT
		                            "\" does not publish (kid \"" SLICE_FMT
		                            "\"); its keys are being fetched again: try once more in some "
		                            "seconds."
		                          : "The token does not say which of the keys of its issuer "
		                            "\"" SLICE_FMT "\" signed it (no kid)." SLICE_FMT,
		                 SLICE_ARG(i->name), SLICE_ARG(slice_sub(t->kid, 0, 80)));
	const char *alg = jws_alg_name(jws_key_alg(key));
	if (!slice_eq(t->alg, slice_of(alg)))
		return error_set(e, ERR_REFUSED,
		                 "The token says it is signed by \"" SLICE_FMT
		                 "\", where its issuer's key is for %s.",
		                 SLICE_ARG(slice_sub(t->alg, 0, 20)), alg);
	if (!jws_verify(key, t->input, t->signature))
		return error_set(e, ERR_REFUSED, "The token's signature is not its issuer's.");
	int r = check_times(t, i, now_ms, e);
	return r ? r : check_audience(t, i, e);
}
