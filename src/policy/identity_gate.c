#include "policy/identity_gate.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "base/jws.h"
#include "text/json.h"
#include "text/jsonw.h"

#define CLAIMS_MAX 8192
#define MAC_TEXT   43 /* characters of 32 bytes in base64url */

static int write_claims(const struct gate_token *t, struct buf *out)
{
	struct jsonw w;
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_put_i64(&w, SLICE("v"), 1);
	jsonw_put_string(&w, SLICE("id"), t->id);
	jsonw_put_string(&w, SLICE("by"), t->by);
	jsonw_put_string(&w, SLICE("role"), slice_of(role_name(t->role)));
	jsonw_put_i64(&w, SLICE("iat"), t->issued_s);
	jsonw_put_i64(&w, SLICE("exp"), t->expires_s);
	if (t->ci.diff_lines >= 0)
		jsonw_put_i64(&w, SLICE("diff_lines"), t->ci.diff_lines);
	if (t->ci.author.n)
		jsonw_put_string(&w, SLICE("author"), t->ci.author);
	if (t->ci.paths.n && t->ci.paths.n <= GATE_PATHS_MAX)
		jsonw_put_string(&w, SLICE("paths"), t->ci.paths);
	jsonw_key(&w, SLICE("fixed"));
	jsonw_object(&w);
	for (int i = 0; i < ATTR_N; i++)
		if (t->fixed.v[i].n)
			jsonw_put_string(&w, slice_of(attr_name((enum attr)i)), t->fixed.v[i]);
	jsonw_object_end(&w);
	jsonw_object_end(&w);
	return jsonw_end(&w);
}

static int append_base64url(struct buf *out, slice bytes)
{
	size_t n = (bytes.n * 4 + 2) / 3;
	char *to = buf_reserve(out, n + 1);
	if (to == NULL)
		return ERR_FULL;
	buf_commit(out, crypto_base64url((const uint8_t *)bytes.p, bytes.n, to));
	return 0;
}

int gate_token_make(const struct gate_token *t, const uint8_t secret[TRUST_SECRET_BYTES], struct buf *out)
{
	uint8_t mac[CRYPTO_SHA256_BYTES];
	struct buf claims, text;
	buf_init(&claims, CLAIMS_MAX);
	buf_init(&text, GATE_TOKEN_MAX);
	int r = write_claims(t, &claims);
	if (r == 0)
		r = buf_append(&text, SLICE(GATE_TOKEN_PREFIX));
	if (r == 0)
		r = append_base64url(&text, buf_slice(&claims));
	if (r == 0)
		r = crypto_hmac_sha256(slice_make(secret, TRUST_SECRET_BYTES), buf_slice(&text), mac);
	if (r == 0)
		r = buf_append(&text, SLICE("."));
	if (r == 0)
		r = append_base64url(&text, slice_make(mac, sizeof mac));
	if (r == 0)
		r = buf_append(out, buf_slice(&text));
	buf_release(&claims);
	buf_release(&text);
	return r;
}

/* --- reading --------------------------------------------------------------------------------------- */

static bool take_text(struct json *j, struct arena *mem, slice *to)
{
	json_str s;
	if (!json_string(j, &s))
		return false;
	char *out = arena_alloc(mem, s.raw.n + 1);
	if (out == NULL)
		return false;
	*to = slice_make(out, json_unescape(&s, out, s.raw.n + 1));
	return true;
}

static bool take_fixed(struct json *j, struct arena *mem, struct attribution *to)
{
	json_key k;
	char name[32];
	if (!json_object(j))
		return false;
	while (json_next_key(j, &k)) {
		size_t n = json_unescape(&k, name, sizeof name);
		enum attr a = n <= sizeof name ? attr_from_name(slice_make(name, n)) : ATTR_N;
		if (a == ATTR_N || !take_text(j, mem, &to->v[a]))
			return false;
	}
	return j->error == NULL;
}

static bool take_member(struct json *j, const json_key *k, struct arena *mem, struct gate_token *t)
{
	slice role;
	if (json_key_is(k, SLICE("id")))
		return take_text(j, mem, &t->id);
	if (json_key_is(k, SLICE("by")))
		return take_text(j, mem, &t->by);
	if (json_key_is(k, SLICE("author")))
		return take_text(j, mem, &t->ci.author);
	if (json_key_is(k, SLICE("paths")))
		return take_text(j, mem, &t->ci.paths);
	if (json_key_is(k, SLICE("iat")))
		return json_i64(j, &t->issued_s);
	if (json_key_is(k, SLICE("exp")))
		return json_i64(j, &t->expires_s);
	if (json_key_is(k, SLICE("diff_lines")))
		return json_i64(j, &t->ci.diff_lines);
	if (json_key_is(k, SLICE("fixed")))
		return take_fixed(j, mem, &t->fixed);
	if (!json_key_is(k, SLICE("role")))
		return json_skip(j, NULL);
	bool good = take_text(j, mem, &role);
	if (good)
		t->role = role_from_name(role);
	return good;
}

static bool read_claims(slice claims, struct arena *mem, struct gate_token *t)
{
	struct json j;
	json_key k;
	bool good = true;
	*t = (struct gate_token){.role = ROLE_N, .ci = ci_proof_none()};
	json_init(&j, claims);
	good = json_object(&j);
	while (good && json_next_key(&j, &k))
		good = take_member(&j, &k, mem, t);
	return good && json_end(&j) && t->role != ROLE_N && t->by.n && t->id.n;
}

int gate_token_read(slice text, const uint8_t secret[TRUST_SECRET_BYTES], int64_t now_ms, struct arena *mem,
                    struct gate_token *out, struct error *e)
{
	static const char whole[] =
	    "The gate's token does not hold: it was changed, or made by another gateway. Run "
	    "\"weir gate\" in this job again.";
	uint8_t mac[CRYPTO_SHA256_BYTES];
	char want[MAC_TEXT + 2];
	ptrdiff_t dot = slice_find_char(text, '.');
	if (text.n > GATE_TOKEN_MAX || dot < (ptrdiff_t)sizeof GATE_TOKEN_PREFIX ||
	    !slice_starts(text, SLICE(GATE_TOKEN_PREFIX)))
		return error_set(e, ERR_REFUSED, "%s", whole);
	slice head = slice_sub(text, 0, (size_t)dot), tail = slice_sub(text, (size_t)dot + 1, text.n);
	if (crypto_hmac_sha256(slice_make(secret, TRUST_SECRET_BYTES), head, mac))
		return error_set(e, ERR_REFUSED, "%s", whole);
	size_t n = crypto_base64url(mac, sizeof mac, want), claims_n = 0;
	if (!crypto_equal(slice_make(want, n), tail))
		return error_set(e, ERR_REFUSED, "%s", whole);
	slice body = slice_sub(head, sizeof GATE_TOKEN_PREFIX - 1, head.n);
	char *claims = arena_alloc(mem, body.n + 1);
	if (claims == NULL || !jws_base64url_decode(body, claims, &claims_n) ||
	    !read_claims(slice_make(claims, claims_n), mem, out))
		return error_set(e, ERR_REFUSED, "%s", whole);
	if (now_ms / 1000 >= out->expires_s)
		return error_set(e, ERR_REFUSED,
		                 "The gate's token expired %lld s ago: run \"weir gate\" in this job again.",
		                 (long long)(now_ms / 1000 - out->expires_s));
	return 0;
}
