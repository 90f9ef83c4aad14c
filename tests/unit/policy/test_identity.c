/* Keys: made, known, in every place a client puts them; roles, expiry, revocation; what is a credential. */
#include "unit/unit.h"

#include "base/crypto.h"
#include "policy/identity.h"

#define NOW INT64_C(1795308465000)

/* Keys by name, so that tables can say "wk_ana". The ring knows their hashes only. */
static const struct {
	const char *key;
	enum role role;
	const char *user, *team, *attributes;
	int64_t expires_ms, revoked_ms;
} keys[] = {
    {"wk_ana", ROLE_DEVELOPER, "ana@example.com", "payments", "{\"repo\":\"host/o/n\",\"tags\":\"a=1\"}", 0,
     0},
    {"wk_ci", ROLE_AGENT, "", "", "{\"environment\":\"ci\"}", NOW + 1, 0},
    {"wk_old", ROLE_AGENT, "bo@example.com", "", "", NOW, 0},
    {"wk_gone", ROLE_AGENT, "bo@example.com", "", "", 0, 5},
    {"wk_viewer", ROLE_VIEWER, "eve", "", "", 0, 0},
    {"wk_operator", ROLE_OPERATOR, "eve", "", "", 0, 0},
    {"wk_owner", ROLE_OWNER, "eve", "", "", 0, 0},
};

static enum identity_result check(const struct keyring *k, const struct headers *h, slice query,
                                  bool loopback, int64_t now_ms, struct principal *out, const char **why)
{
	struct identity id;
	struct arena mem;
	struct identity_in in = {
	    .keys = k, .headers = h, .query = query, .loopback = loopback, .now_ms = now_ms};
	arena_init(&mem, 1 << 16);
	identity_check(&in, &mem, &id);
	assert_int_equal(id.stale, -1);
	*out = id.who;
	*why = id.why;
	arena_release(&mem);
	return id.result;
}

static struct keyring *ring(void)
{
	struct keyring *k = keyring_new();
	assert_non_null(k);
	for (size_t i = 0; i < COUNT(keys); i++) {
		uint8_t hash[CRYPTO_SHA256_BYTES];
		char id[16];
		snprintf(id, sizeof id, "k_%zu", i);
		assert_int_equal(crypto_sha256(slice_of(keys[i].key), hash), 0);
		assert_int_equal(keyring_add(k, slice_of(id), hash, keys[i].role, slice_of(keys[i].user),
		                             slice_of(keys[i].team), slice_of(keys[i].attributes),
		                             keys[i].expires_ms, keys[i].revoked_ms),
		                 0);
	}
	return k;
}

static void who_asks(void **state)
{
	(void)state;
	static const struct {
		const char *headers; /* "name: value\n…" */
		const char *query;
		bool loopback;
		enum identity_result result;
		const char *id; /* the key's; NULL: anonymous */
		bool own;
	} cases[] = {
	    /* the places, and their order */
	    {"x-weir-key: wk_ana", "", false, IDENTITY_OK, "k_0", false},
	    {"X-API-Key: wk_ana", "", false, IDENTITY_OK, "k_0", false},
	    {"Authorization: Bearer wk_ana", "", false, IDENTITY_OK, "k_0", false},
	    {"authorization:   bearer   wk_ana  ", "", false, IDENTITY_OK, "k_0", false},
	    {"x-goog-api-key: wk_ana", "", false, IDENTITY_OK, "k_0", false},
	    {"api-key: wk_ana", "", false, IDENTITY_OK, "k_0", false},
	    {"", "alt=sse&key=wk_ana", false, IDENTITY_OK, "k_0", false},
	    {"", "key=wk_ana&alt=sse", true, IDENTITY_OK, "k_0", false},
	    {"x-weir-key: wk_ci\nx-api-key: wk_ana", "key=wk_old", false, IDENTITY_OK, "k_1", false},
	    {"api-key: wk_ana\nauthorization: Bearer wk_ci", "", false, IDENTITY_OK, "k_1", false},
	    {"x-api-key: sk-1\nx-api-key: wk_ana", "", false, IDENTITY_OK, "k_0", true},
	    /* beside the client's own credential */
	    {"x-weir-key: wk_ana\nx-api-key: sk-ant-1", "", false, IDENTITY_OK, "k_0", true},
	    {"x-weir-key: wk_ana\nauthorization: Bearer sk-1", "", false, IDENTITY_OK, "k_0", true},
	    {"x-weir-key: wk_ana", "key=AIza1", false, IDENTITY_OK, "k_0", true},
	    {"x-weir-key: wk_ana\nx-api-key: ", "", false, IDENTITY_OK, "k_0", false},
	    /* without a key */
	    {"", "", false, IDENTITY_MISSING, NULL, false},
	    {"x-api-key: sk-ant-1", "", false, IDENTITY_MISSING, NULL, true},
	    {"x-api-key: sk-ant-1", "", true, IDENTITY_ANONYMOUS, NULL, true},
	    {"authorization: Bearer oauth-token", "", true, IDENTITY_ANONYMOUS, NULL, true},
	    {"", "", true, IDENTITY_ANONYMOUS, NULL, false},
	    {"x-other: wk_ana", "other=wk_ana&key", true, IDENTITY_ANONYMOUS, NULL, false},
	    {"", "monkey=wk_ana", true, IDENTITY_ANONYMOUS, NULL, false},
	    /* keys that do not open: on loopback neither */
	    {"x-api-key: wk_nobody", "", true, IDENTITY_UNKNOWN, NULL, false},
	    {"x-api-key: wk_", "", true, IDENTITY_UNKNOWN, NULL, false},
	    {"x-api-key: wk_anaa", "", true, IDENTITY_UNKNOWN, NULL, false},
	    {"x-api-key: wk_Ana", "", true, IDENTITY_UNKNOWN, NULL, false},
	    {"x-weir-key: ana", "", true, IDENTITY_UNKNOWN, NULL, false},
	    {"x-weir-key: sk-ant-1\nx-api-key: sk-ant-1", "", true, IDENTITY_UNKNOWN, NULL, true},
	    {"x-api-key: wk_nobody\nauthorization: Bearer wk_ana", "", false, IDENTITY_UNKNOWN, NULL, false},
	    {"x-api-key: wk_old", "", true, IDENTITY_EXPIRED, "k_2", false},
	    {"x-api-key: wk_gone", "", true, IDENTITY_REVOKED, "k_3", false},
	    {"x-api-key: wk_viewer", "", true, IDENTITY_ROLE, "k_4", false},
	    {"x-api-key: wk_operator", "", true, IDENTITY_ROLE, "k_5", false},
	    {"x-api-key: wk_owner", "", true, IDENTITY_ROLE, "k_6", false},
	};
	struct keyring *k = ring();
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct header at[4];
		struct headers h = {at, 0};
		struct principal p;
		const char *why = NULL;
		slice rest = slice_of(cases[i].headers), line, name;
		while (rest.n && slice_split(&rest, '\n', &line)) {
			slice_split(&line, ':', &name);
			at[h.n++] = (struct header){name, slice_trim(line)};
		}
		enum identity_result got =
		    check(k, &h, slice_of(cases[i].query), cases[i].loopback, NOW, &p, &why);
		if (got != cases[i].result || p.own_credential != cases[i].own ||
		    p.anonymous != !cases[i].id || !slice_eq(p.key_id, slice_of(cases[i].id)))
			fail_msg("case %zu: %d, own %d, id " SLICE_FMT, i, got, p.own_credential,
			         SLICE_ARG(p.key_id));
		bool refused = got != IDENTITY_OK && got != IDENTITY_ANONYMOUS;
		assert_true(why && (strlen(why) > 0) == refused);
	}
	keyring_unref(k);
}

static void what_a_key_fixes(void **state)
{
	(void)state;
	struct keyring *k = ring();
	struct header at = {SLICE("x-api-key"), SLICE("wk_ana")};
	struct headers h = {&at, 1};
	struct principal p;
	const char *why;
	assert_int_equal(check(k, &h, SLICE_NONE, false, NOW, &p, &why), IDENTITY_OK);
	assert_int_equal(p.role, ROLE_DEVELOPER);
	assert_true(slice_eq(p.fixed.v[ATTR_USER], SLICE("ana@example.com")));
	assert_true(slice_eq(p.fixed.v[ATTR_TEAM], SLICE("payments")));
	assert_true(slice_eq(p.fixed.v[ATTR_REPO], SLICE("host/o/n")));
	assert_true(slice_eq(p.fixed.v[ATTR_TAGS], SLICE("{\"a\":\"1\"}")));
	assert_int_equal(p.fixed.v[ATTR_ENVIRONMENT].n, 0);
	at.value = SLICE("wk_ci");
	assert_int_equal(check(k, &h, SLICE_NONE, false, NOW, &p, &why), IDENTITY_OK);
	assert_true(slice_eq(p.fixed.v[ATTR_ENVIRONMENT], SLICE("ci")));
	assert_int_equal(p.fixed.v[ATTR_USER].n, 0);
	assert_int_equal(check(k, &h, SLICE_NONE, false, NOW + 1, &p, &why), IDENTITY_EXPIRED);
	assert_int_equal(check(NULL, &h, SLICE_NONE, false, NOW, &p, &why), IDENTITY_UNKNOWN);
	keyring_unref(k);
}

static void attributes_that_are_refused(void **state)
{
	(void)state;
	static const char *const cases[] = {
	    "{\"colour\":\"red\"}",
	    "{\"repo\":5}",
	    "{\"repo\":null}",
	    "[]",
	    "\"x\"",
	    "{\"repo\":\"a\"",
	    "nonsense",
	    "{\"tags\":\"novalue\"}",
	    "{\"tags\":\"{\\\"a\\\":1}\"}",
	    "{\"repo\":\"\\u0001\"}",
	    "{\"repo\":\"a\"}{}",
	};
	struct keyring *k = keyring_new();
	uint8_t hash[32] = {1};
	for (size_t i = 0; i < COUNT(cases); i++)
		if (keyring_add(k, SLICE("k_1"), hash, ROLE_AGENT, SLICE_NONE, SLICE_NONE, slice_of(cases[i]),
		                0, 0) != ERR_INVALID)
			fail_msg("%s", cases[i]);
	assert_int_equal(
	    keyring_add(k, SLICE_NONE, hash, ROLE_AGENT, SLICE_NONE, SLICE_NONE, SLICE_NONE, 0, 0),
	    ERR_INVALID);
	assert_int_equal(keyring_add(k, SLICE("k_1"), hash, ROLE_N, SLICE_NONE, SLICE_NONE, SLICE_NONE, 0, 0),
	                 ERR_INVALID);
	assert_int_equal(keyring_count(k), 0);
	keyring_unref(k);
}

static void counting_and_sharing(void **state)
{
	(void)state;
	struct keyring *k = ring();
	uint8_t hash[CRYPTO_SHA256_BYTES];
	assert_int_equal(keyring_count(k), COUNT(keys) - 1); /* one is revoked */
	assert_int_equal(crypto_sha256(SLICE("wk_ana"), hash), 0);
	assert_int_equal(
	    keyring_add(k, SLICE("k_0"), hash, ROLE_AGENT, SLICE_NONE, SLICE_NONE, SLICE_NONE, 0, 7), 0);
	assert_int_equal(keyring_count(k), COUNT(keys) - 2); /* replaced by a revoked one */
	struct keyring *second = keyring_ref(k);
	keyring_unref(k);
	assert_int_equal(keyring_count(second), COUNT(keys) - 2);
	keyring_unref(second);
	keyring_unref(NULL);
	assert_null(keyring_ref(NULL));
}

static void new_keys(void **state)
{
	(void)state;
	char key[IDENTITY_KEY_MAX], id[32], other[IDENTITY_KEY_MAX], other_id[32];
	uint8_t hash[32], want[32], other_hash[32];
	assert_int_equal(identity_new_key(key, id, hash), 0);
	assert_int_equal(identity_new_key(other, other_id, other_hash), 0);
	assert_string_not_equal(key, other);
	assert_string_not_equal(id, other_id);
	assert_int_equal(strlen(key), 3 + 43);
	assert_int_equal(strlen(id), 2 + 12);
	assert_memory_equal(key, "wk_", 3);
	assert_memory_equal(id, "k_", 2);
	assert_int_equal(crypto_sha256(slice_of(key), want), 0);
	assert_memory_equal(hash, want, sizeof want);

	struct keyring *k = keyring_new();
	struct header at = {SLICE("authorization"), SLICE_NONE};
	struct headers h = {&at, 1};
	struct principal p;
	const char *why;
	char value[128];
	assert_int_equal(
	    keyring_add(k, slice_of(id), hash, ROLE_AGENT, SLICE_NONE, SLICE_NONE, SLICE_NONE, 0, 0), 0);
	snprintf(value, sizeof value, "Bearer %s", key);
	at.value = slice_of(value);
	assert_int_equal(check(k, &h, SLICE_NONE, false, NOW, &p, &why), IDENTITY_OK);
	for (size_t i = 10; value[i]; i++) { /* any other character in any place */
		value[i] = (char)(value[i] == 'x' ? 'y' : 'x');
		assert_int_equal(check(k, &h, SLICE_NONE, false, NOW, &p, &why), IDENTITY_UNKNOWN);
		snprintf(value, sizeof value, "Bearer %s", key);
	}
	keyring_unref(k);
}

static void credentials(void **state)
{
	(void)state;
	static const char *const names[] = {"x-weir-key",     "X-Api-Key", "authorization",
	                                    "x-goog-api-key", "API-KEY",   "Proxy-Authorization",
	                                    "Cookie"};
	static const char *const others[] = {"", "x-api-keys", "anthropic-version", "x-weir-team",
	                                     "authorization2"};
	static const char *const weir[] = {"wk_a", " wk_a", "Bearer wk_a", "bearer  wk_a", "BEARER\twk_a"};
	static const char *const not_weir[] = {"",       "sk-ant",     "Bearer sk-1", "Bearerwk_a",
	                                       "x wk_a", "Basic wk_a", "WK_a"};
	for (size_t i = 0; i < COUNT(names); i++)
		assert_true(identity_is_credential_header(slice_of(names[i])));
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(identity_is_credential_header(slice_of(others[i])));
	for (size_t i = 0; i < COUNT(weir); i++)
		assert_true(identity_is_weir_key(slice_of(weir[i])));
	for (size_t i = 0; i < COUNT(not_weir); i++)
		assert_false(identity_is_weir_key(slice_of(not_weir[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_asks),
	    cmocka_unit_test(what_a_key_fixes),
	    cmocka_unit_test(attributes_that_are_refused),
	    cmocka_unit_test(counting_and_sharing),
	    cmocka_unit_test(new_keys),
	    cmocka_unit_test(credentials),
	};
	return cmocka_run_group_tests_name("policy/identity", tests, NULL, NULL);
}
