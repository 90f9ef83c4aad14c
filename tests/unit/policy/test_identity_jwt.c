/* Tokens of an issuer: what holds, and that each thing that is wrong with one is refused with its reason.
 * Keys are made here and tokens signed by OpenSSL. */
#include "unit/unit.h"

#include "policy/identity.h"
#include "policy/identity_jwt.h"
#include "unit/policy/token.h"

#define NOW_S INT64_C(1795308465)
#define ISS   "https://ci.example.com"

struct stand {
	EVP_PKEY *rsa, *ec, *other;
	struct jwks *keys;
	struct arena mem;
	struct issuer issuer;
	slice audience;
};

static struct stand *stand;

static int set_up(void **state)
{
	static struct stand s;
	char set[4096], a[2000], b[1000];
	stand = *state = &s;
	arena_init(&s.mem, 1 << 20);
	s.rsa = token_rsa(2048);
	s.other = token_rsa(2048);
	s.ec = token_p256();
	token_jwk(s.rsa, "r1", a, sizeof a);
	token_jwk(s.ec, "e1", b, sizeof b);
	snprintf(set, sizeof set, "{\"keys\":[%s,%s]}", a, b);
	s.keys = jwks_read(slice_of(set), NULL);
	assert_non_null(s.keys);
	s.audience = SLICE("weir");
	s.issuer = (struct issuer){.name = SLICE("ci"),
	                           .issuer = SLICE(ISS),
	                           .audiences_n = 1,
	                           .audiences = &s.audience,
	                           .skew_ms = 60000};
	return 0;
}

static int tear_down(void **state)
{
	struct stand *s = *state;
	EVP_PKEY_free(s->rsa);
	EVP_PKEY_free(s->ec);
	EVP_PKEY_free(s->other);
	jwks_unref(s->keys);
	arena_release(&s->mem);
	return 0;
}

/* The result of one token and its reason. */
static int check(EVP_PKEY *key, const char *header, const char *claims, struct error *e)
{
	char token[8192];
	struct jwt t;
	*e = (struct error){0};
	token_make(key, header, claims, token, sizeof token);
	int r = jwt_read(slice_of(token), &stand->mem, &t, e);
	return r ? r : jwt_check(&t, &stand->issuer, stand->keys, "", NOW_S * 1000, e);
}

#define R1    "{\"alg\":\"RS256\",\"kid\":\"r1\",\"typ\":\"JWT\"}"
#define E1    "{\"alg\":\"ES256\",\"kid\":\"e1\"}"
#define UNTIL "\"exp\":1795308500"
#define GOOD  "{\"iss\":\"" ISS "\",\"aud\":\"weir\"," UNTIL "}"

static void tokens_that_hold(void **state)
{
	(void)state;
	struct error e;
	static const char *const claims[] = {
	    GOOD,
	    "{\"iss\":\"" ISS "\",\"aud\":[\"x\",\"weir\"]," UNTIL "}",
	    "{\"iss\":\"" ISS "\",\"aud\":\"weir\",\"exp\":1795308464}", /* within the skew */
	    "{\"iss\":\"" ISS
	    "\",\"aud\":\"weir\",\"exp\":1795308500.25,\"nbf\":1795308470,\"iat\":1795308470}",
	};
	for (size_t i = 0; i < COUNT(claims); i++) {
		assert_int_equal(check(stand->rsa, R1, claims[i], &e), 0);
		assert_int_equal(check(stand->ec, E1, claims[i], &e), 0);
	}
}

static void each_fault_has_its_reason(void **state)
{
	(void)state;
	static const struct {
		int key; /* 0 rsa, 1 ec, 2 a stranger's, 3 none */
		const char *header, *claims, *reason;
	} cases[] = {
	    {2, R1, GOOD, "signature is not its issuer's"},
	    {3, R1, GOOD, "signature is not its issuer's"},
	    {3, "{\"alg\":\"none\",\"kid\":\"r1\"}", GOOD,
	     "signed by \"none\", where its issuer's key is for RS256"},
	    {3, "{\"alg\":\"none\"}", GOOD, "does not say which"},
	    {0, "{\"alg\":\"HS256\",\"kid\":\"r1\"}", GOOD, "\"HS256\""},
	    {0, "{\"alg\":\"RS512\",\"kid\":\"r1\"}", GOOD, "\"RS512\""},
	    {1, "{\"alg\":\"ES256\",\"kid\":\"r1\"}", GOOD, "is for RS256"},
	    {0, "{\"alg\":\"RS256\",\"kid\":\"e1\"}", GOOD, "is for ES256"},
	    {0, "{\"kid\":\"r1\"}", GOOD, "signed by \"\""},
	    {0, "{\"alg\":\"RS256\",\"kid\":\"r2\"}", GOOD, "does not publish (kid \"r2\")"},
	    {0, "{\"alg\":\"RS256\",\"kid\":\"r1\",\"crit\":[\"b64\"]}", GOOD, "extensions"},
	    {0, "{\"alg\":\"RS256\",\"alg\":\"none\",\"kid\":\"r1\"}", GOOD, "header is no JSON"},
	    {0, "{\"alg\":\"RS256\",\"kid\":5}", GOOD, "header is no JSON"},
	    {0, R1, "{\"iss\":\"" ISS "/\",\"aud\":\"weir\"," UNTIL "}", "another issuer"},
	    {0, R1, "{\"aud\":\"weir\"," UNTIL "}", "another issuer"},
	    {0, R1, "{\"iss\":\"" ISS "\",\"aud\":\"other\"," UNTIL "}", "another audience than \"weir\""},
	    {0, R1, "{\"iss\":\"" ISS "\",\"aud\":[\"weirs\",5]," UNTIL "}", "another audience"},
	    {0, R1, "{\"iss\":\"" ISS "\"," UNTIL "}", "another audience"},
	    {0, R1, "{\"iss\":\"" ISS "\",\"aud\":\"weir\"}", "never expires"},
	    {0, R1, "{\"iss\":\"" ISS "\",\"aud\":\"weir\",\"exp\":1795308405}", "expired 60 s ago"},
	    {0, R1, "{\"iss\":\"" ISS "\",\"aud\":\"weir\"," UNTIL ",\"nbf\":1795308526}", "not valid yet"},
	    {0, R1, "{\"iss\":\"" ISS "\",\"aud\":\"weir\"," UNTIL ",\"iat\":1795308526}", "in the future"},
	    {0, R1, "{\"iss\":\"" ISS "\",\"aud\":\"weir\",\"exp\":\"1795308500\"}", "claims are no JSON"},
	    {0, R1, "{\"iss\":\"" ISS "\",\"iss\":\"x\",\"aud\":\"weir\"," UNTIL "}", "claims are no JSON"},
	    {0, R1, "{\"iss\":\"" ISS "\",\"aud\":\"weir\",\"exp\":1e30}", "claims are no JSON"},
	    {0, R1, "[]", "claims are no JSON"},
	};
	EVP_PKEY *keys[] = {stand->rsa, stand->ec, stand->other, NULL};
	struct error e;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int r = check(keys[cases[i].key], cases[i].header, cases[i].claims, &e);
		if (r >= 0 || strstr(e.text, cases[i].reason) == NULL)
			fail_msg("case %zu: %d %s", i, r, e.text);
	}
	assert_int_equal(check(stand->rsa, "{\"alg\":\"RS256\",\"kid\":\"r2\"}", GOOD, &e), ERR_NOT_FOUND);
}

/* The public key's text as an HMAC secret, the classic confusion. */
static void hmac_by_the_public_key(void **state)
{
	(void)state;
	char input[2000], part[1000], jwk[2000], token[4000];
	uint8_t mac[32];
	struct jwt t;
	struct error e = {0};
	const char *header = "{\"alg\":\"HS256\",\"kid\":\"r1\"}";
	token_jwk(stand->rsa, "r1", jwk, sizeof jwk);
	crypto_base64url((const uint8_t *)header, strlen(header), part);
	size_t n = (size_t)snprintf(input, sizeof input, "%s.", part);
	crypto_base64url((const uint8_t *)GOOD, strlen(GOOD), part);
	snprintf(input + n, sizeof input - n, "%s", part);
	assert_int_equal(crypto_hmac_sha256(slice_of(jwk), slice_of(input), mac), 0);
	crypto_base64url(mac, sizeof mac, part);
	snprintf(token, sizeof token, "%s.%s", input, part);
	assert_int_equal(jwt_read(slice_of(token), &stand->mem, &t, &e), 0);
	assert_int_equal(jwt_check(&t, &stand->issuer, stand->keys, "", NOW_S * 1000, &e), ERR_REFUSED);
}

/* Any bit of a token that is changed makes it another's. */
static void changed_tokens(void **state)
{
	(void)state;
	EVP_PKEY *keys[] = {stand->rsa, stand->ec};
	const char *headers[] = {R1, E1};
	for (size_t k = 0; k < 2; k++) {
		char token[4096];
		token_make(keys[k], headers[k], GOOD, token, sizeof token);
		for (size_t i = 0; token[i]; i++) {
			char was = token[i];
			struct jwt t;
			struct error e = {0};
			if (was == '.')
				continue;
			token[i] = was == 'A' ? 'B' : 'A';
			if (jwt_read(slice_of(token), &stand->mem, &t, &e) == 0)
				assert_true(jwt_check(&t, &stand->issuer, stand->keys, "", NOW_S * 1000, &e) <
				            0);
			token[i] = was;
			if (i % 64 == 0)
				arena_reset(&stand->mem);
		}
	}
}

static void key_sets(void **state)
{
	(void)state;
	char set[8192], a[2000], b[1000];
	struct error e = {0};
	token_jwk(stand->rsa, "r1", a, sizeof a);
	token_jwk(stand->ec, "e1", b, sizeof b);
	assert_int_equal(jwks_count(stand->keys), 2);
	assert_null(jwks_find(stand->keys, SLICE_NONE)); /* two: which? */
	assert_null(jwks_find(stand->keys, SLICE("r")));
	snprintf(set, sizeof set,
	         "{\"keys\":[%s,{\"kty\":\"oct\",\"kid\":\"h\",\"k\":\"AAAA\"},{\"kty\":\"OKP\",\"crv\":"
	         "\"Ed25519\","
	         "\"x\":\"AA\"},5],\"more\":{}}",
	         b);
	struct jwks *one = jwks_read(slice_of(set), &e); /* strangers are passed over */
	assert_non_null(one);
	assert_int_equal(jwks_count(one), 1);
	assert_non_null(jwks_find(one, SLICE_NONE));
	assert_int_equal(jws_key_alg(jwks_find(one, SLICE("e1"))), JWS_ES256);
	jwks_unref(one);
	static const char *const bad[] = {
	    "",
	    "{}",
	    "[]",
	    "{\"keys\":{}}",
	    "{\"keys\":[]}",
	    "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
	    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}]}"};
	for (size_t i = 0; i < COUNT(bad); i++)
		if (jwks_read(slice_of(bad[i]), &e))
			fail_msg("%s", bad[i]);
	snprintf(set, sizeof set, "{\"keys\":[%s,%s]}", a, a);
	assert_null(jwks_read(slice_of(set), &e));
	assert_non_null(strstr(e.text, "two keys"));
	char *y = strstr(b, "\"y\":\"") + 5; /* a point beside the curve */
	y[3] = y[3] == 'A' ? 'B' : 'A';
	snprintf(set, sizeof set, "{\"keys\":[%s]}", b);
	assert_null(jwks_read(slice_of(set), &e));
	EVP_PKEY *small = token_rsa(1024);
	token_jwk(small, "s", a, sizeof a);
	snprintf(set, sizeof set, "{\"keys\":[%s]}", a);
	assert_null(jwks_read(slice_of(set), &e));
	EVP_PKEY_free(small);
}

/* --- claims ---------------------------------------------------------------------------------------- */

static void attributes_of(const char *claims, const struct issuer *i, struct attribution *out)
{
	struct jwt t = {.claims = slice_of(claims)};
	jwt_attributes(&t, i, &stand->mem, out);
}

static void is(const struct attribution *a, enum attr which, const char *text)
{
	if (!slice_eq(a->v[which], slice_of(text)))
		fail_msg("%s: \"" SLICE_FMT "\" is not \"%s\"", attr_name(which), SLICE_ARG(a->v[which]),
		         text);
}

static void github_shape(void **state)
{
	(void)state;
	struct issuer i = {.issuer = SLICE("https://token.actions.githubusercontent.com")};
	struct attribution a;
	attributes_of(
	    "{\"sub\":\"repo:octo/hello:pull_request\",\"repository\":\"octo/hello\",\"ref\":"
	    "\"refs/pull/17/merge\",\"head_ref\":\"fix/x\",\"base_ref\":\"main\",\"event_name\":\"pull_"
	    "request\",\"workflow\":\"review\",\"sha\":\"abc\",\"run_id\":\"991\",\"actor\":\"octocat\"}",
	    &i, &a);
	is(&a, ATTR_REPO, "github.com/octo/hello");
	is(&a, ATTR_BRANCH, "fix/x");
	is(&a, ATTR_PR, "17");
	is(&a, ATTR_TRIGGER, "pull_request");
	is(&a, ATTR_WORKFLOW, "review");
	is(&a, ATTR_COMMIT, "abc");
	is(&a, ATTR_TASK, "991");
	is(&a, ATTR_USER, "octocat");
	is(&a, ATTR_ENVIRONMENT, "ci");
	attributes_of(
	    "{\"repository\":\"octo/hello\",\"ref\":\"refs/heads/main\",\"head_ref\":\"\",\"run_id\":7}", &i,
	    &a);
	is(&a, ATTR_BRANCH, "main");
	is(&a, ATTR_TASK, "7");
	is(&a, ATTR_PR, "");
	attributes_of("{\"ref\":\"refs/tags/v1\"}", &i, &a);
	is(&a, ATTR_BRANCH, "refs/tags/v1");
	is(&a, ATTR_ENVIRONMENT, "");
}

static void gitlab_shape(void **state)
{
	(void)state;
	struct issuer i = {.issuer = SLICE("https://gitlab.example.com")};
	struct attribution a;
	attributes_of(
	    "{\"project_path\":\"g/sub/p\",\"ref\":\"refs/merge-requests/5/"
	    "head\",\"pipeline_source\":\"merge_"
	    "request_event\",\"pipeline_id\":\"42\",\"user_email\":\"ana@example.com\",\"sha\":\"def\"}",
	    &i, &a);
	is(&a, ATTR_REPO, "gitlab.example.com/g/sub/p");
	is(&a, ATTR_PR, "5");
	is(&a, ATTR_TRIGGER, "merge_request_event");
	is(&a, ATTR_TASK, "42");
	is(&a, ATTR_USER, "ana@example.com");
	is(&a, ATTR_ENVIRONMENT, "ci");
}

static void mapped_claims(void **state)
{
	(void)state;
	struct issuer_pair claims[] = {{ATTR_REPO, SLICE("vcs")},
	                               {ATTR_WORKFLOW, SLICE("job")},
	                               {ATTR_PR, SLICE("change")},
	                               {ATTR_TEAM, SLICE("flag")}};
	struct issuer_pair set[] = {{ATTR_ENVIRONMENT, SLICE("ci")}, {ATTR_WORKFLOW, SLICE("fixed")}};
	struct issuer i = {.issuer = SLICE(ISS), .claims_n = 4, .claims = claims, .set_n = 2, .set = set};
	struct attribution a;
	attributes_of(
	    "{\"vcs\":\"github.com/o/n\",\"job\":\"j\",\"change\":\"refs/pull/3/head\",\"flag\":true,"
	    "\"actor\":\"x\",\"other\":{\"vcs\":\"no\"}}",
	    &i, &a);
	is(&a, ATTR_REPO, "github.com/o/n");
	is(&a, ATTR_WORKFLOW, "fixed"); /* what is set stands before what is claimed */
	is(&a, ATTR_PR, "3");
	is(&a, ATTR_TEAM, "true");
	is(&a, ATTR_USER, ""); /* not mapped */
	is(&a, ATTR_ENVIRONMENT, "ci");
}

/* --- who asks -------------------------------------------------------------------------------------- */

static struct trust *trust_of(struct settings **s, bool keys)
{
	uint8_t secret[TRUST_SECRET_BYTES] = {0};
	*s = settings_load_with(SLICE_NONE, SETTINGS_NO_FOLDER | SETTINGS_NO_PRICES, NULL, NULL);
	assert_non_null(*s);
	(*s)->issuers_n = 1;
	(*s)->issuers = &stand->issuer;
	struct trust *t = trust_new(*s, secret, NULL);
	if (keys)
		trust_set(t, 0, stand->keys, "");
	return t;
}

static void identities(void **state)
{
	(void)state;
	struct settings *s;
	struct trust *t = trust_of(&s, true), *empty = trust_new(s, trust_secret(t), NULL);
	char good[4096], foreign[4096], bad[4096];
	token_make(stand->rsa, R1, "{\"iss\":\"" ISS "\",\"aud\":\"weir\"," UNTIL ",\"run_id\":\"9\"}", good,
	           sizeof good);
	token_make(stand->rsa, R1, "{\"iss\":\"https://login.example.com\"," UNTIL "}", foreign,
	           sizeof foreign);
	token_make(stand->rsa, "{\"alg\":\"RS256\",\"kid\":\"r9\"}", GOOD, bad, sizeof bad);
	const struct {
		const char *name, *value;
		const struct trust *trust;
		enum identity_result result;
		bool own;
		int stale;
		const char *why;
	} cases[] = {
	    {"authorization", good, t, IDENTITY_OK, false, -1, ""},
	    {"x-weir-key", good, t, IDENTITY_OK, false, -1, ""},
	    {"x-api-key", good, NULL, IDENTITY_MISSING, true, -1, "No Weir key"},
	    {"x-api-key", good, empty, IDENTITY_TOKEN, false, -1, "keys are not here yet"},
	    {"authorization", foreign, t, IDENTITY_MISSING, true, -1, "No Weir key"},
	    {"x-weir-key", foreign, t, IDENTITY_TOKEN, false, -1, "https://login.example.com"},
	    {"authorization", bad, t, IDENTITY_TOKEN, false, 0, "r9"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char value[5000];
		bool bearer = strcmp(cases[i].name, "authorization") == 0;
		snprintf(value, sizeof value, "%s%s", bearer ? "Bearer " : "", cases[i].value);
		struct header at = {slice_of(cases[i].name), slice_of(value)};
		struct headers h = {&at, 1};
		struct identity id;
		struct identity_in in = {.trust = cases[i].trust, .headers = &h, .now_ms = NOW_S * 1000};
		identity_check(&in, &stand->mem, &id);
		if (id.result != cases[i].result || id.stale != cases[i].stale ||
		    id.who.own_credential != cases[i].own || !strstr(id.why, cases[i].why) ||
		    (id.result == IDENTITY_OK) != (id.why[0] == '\0'))
			fail_msg("case %zu: %d, stale %d, %s", i, id.result, id.stale, id.why);
		if (id.result == IDENTITY_OK) {
			assert_true(slice_eq(id.who.key_id, SLICE("issuer:ci")) && id.who.by_token);
			assert_true(slice_eq(id.who.fixed.v[ATTR_TASK], SLICE("9")));
		}
		bool ours = cases[i].trust && cases[i].value != foreign;
		assert_int_equal(identity_is_ours(cases[i].trust, slice_of(value), &stand->mem), ours);
	}
	struct trust *next = trust_new(s, trust_secret(t), t); /* keys are kept while the issuer is away */
	trust_set(next, 0, NULL, "its keys could not be fetched: away");
	assert_ptr_equal(trust_keys(next, 0), stand->keys);
	trust_unref(next);
	trust_unref(empty);
	trust_unref(t);
	s->issuers_n = 0;
	settings_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tokens_that_hold),
	    cmocka_unit_test(each_fault_has_its_reason),
	    cmocka_unit_test(hmac_by_the_public_key),
	    cmocka_unit_test(changed_tokens),
	    cmocka_unit_test(key_sets),
	    cmocka_unit_test(github_shape),
	    cmocka_unit_test(gitlab_shape),
	    cmocka_unit_test(mapped_claims),
	    cmocka_unit_test(identities),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
