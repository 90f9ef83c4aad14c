/* How many devices a key is seen from. */
#include "policy/device.h"
#include "unit/unit.h"

#define HOUR INT64_C(3600000)

static uint64_t device(const char *user_id, const char *agent, uint64_t peer)
{
	struct request_view v = {.user_id = slice_of(user_id)};
	struct header h = {SLICE("User-Agent"), slice_of(agent)};
	struct headers all = {&h, 1};
	return device_of(&v, &all, peer, 7);
}

static void ids(void **state)
{
	static const char json[] = "{\"account_uuid\":\"a\",\"device_id\":\"d1\",\"session_id\":\"s1\"}",
	                  other[] = "{\"device_id\":\"d1\",\"session_id\":\"s2\"}",
	                  second[] = "{\"device_id\":\"d2\",\"session_id\":\"s2\"}",
	                  old[] = "user_abc_account_x_session_1", old2[] = "user_abc_account_x_session_2";
	(void)state;
	assert_true(device(json, "a", 1) == device(other, "b", 2)); /* what it says, wherever it is */
	assert_true(device(json, "a", 1) != device(second, "a", 1));
	assert_true(device(old, "a", 1) == device(old2, "a", 3));
	/* else platform and address, whatever the version */
	assert_true(device("", "codex_cli_rs/0.46.0 (Mac OS 15.5; arm64) iTerm", 1) ==
	            device("", "codex_cli_rs/0.47.1 (Mac OS 15.5; arm64) iTerm", 1));
	assert_true(device("", "codex_cli_rs/0.46.0 (Mac OS 15.5; arm64) iTerm", 1) !=
	            device("", "codex_cli_rs/0.46.0 (Mac OS 15.5; arm64) iTerm", 2));
	assert_true(device("", "x/1 (linux; arm64)", 1) != device("", "x/1 (darwin; arm64)", 1));
	assert_true(device("", "x/1", 0) == 0);
	static const char *const odd[] = {"{", "[]", "\"x\"", "{\"device_id\":4}", "user_", "user__account_",
	                                  "("};
	for (size_t i = 0; i < COUNT(odd); i++)
		assert_true(device(odd[i], odd[i], 1) == device("", odd[i], 1));
}

static void many(void **state)
{
	struct devices *d = devices_new(3);
	int64_t n, now = 1000 * HOUR;
	(void)state;
	assert_non_null(d);
	for (uint64_t i = 1; i <= 5; i++)
		assert_false(devices_seen(d, SLICE("k_1"), i, now, 5, &n));
	assert_false(devices_seen(d, SLICE("k_1"), 3, now, 5, &n)); /* again */
	assert_int_equal(n, 5);
	assert_false(devices_seen(d, SLICE("k_2"), 6, now, 5, &n)); /* another key */
	assert_true(devices_seen(d, SLICE("k_1"), 6, now, 5, &n));
	assert_int_equal(n, 6);
	assert_false(devices_seen(d, SLICE("k_1"), 7, now + HOUR, 5, &n)); /* told already */
	assert_true(devices_seen(d, SLICE("k_1"), 7, now + 24 * HOUR, 2, &n) == false);
	assert_int_equal(n, 1); /* the others were more than a day ago */
	int told = 0;
	for (uint64_t i = 10; i < 16; i++)
		told += devices_seen(d, SLICE("k_1"), i, now + 25 * HOUR, 5, &n);
	assert_int_equal(told, 1); /* a day later it is told again, once */
	for (uint64_t i = 100; i < 200; i++)
		devices_seen(d, SLICE("k_1"), i, now + 26 * HOUR, 5, &n);
	assert_int_equal(n, DEVICES_OF_KEY);
	assert_false(devices_seen(d, SLICE("k_3"), 0, now, 0, &n));
	devices_free(d);
}

static void many_keys(void **state)
{
	struct devices *d = devices_new(3);
	char key[16];
	int64_t n;
	(void)state;
	for (int i = 0; i < 100000; i++) {
		snprintf(key, sizeof key, "k_%d", i);
		devices_seen(d, slice_of(key), 1, HOUR + i, 5, &n);
		assert_int_equal(n, 1);
	}
	devices_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(ids), cmocka_unit_test(many),
	                                   cmocka_unit_test(many_keys)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
