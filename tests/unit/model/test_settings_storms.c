/* Storms in the settings: one rule as a mapping, a list of rules, the defaults, and what is wrong with
 * either. */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/settings.h"

static char told[4096];

static void on_error(void *arg, const char *line)
{
	(void)arg;
	size_t n = strlen(told);
	snprintf(told + n, sizeof told - n, "%s\n", line);
}

static struct settings *load(const char *text)
{
	char path[] = "/tmp/weir-storms-XXXXXX.yaml";
	int fd = mkstemps(path, 5);
	told[0] = '\0';
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	struct settings *s = settings_load_with(
	    slice_of(path), SETTINGS_NO_SECRETS | SETTINGS_NO_FOLDER | SETTINGS_NO_PRICES, on_error, NULL);
	unlink(path);
	return s;
}

static void without_any_they_are_told_only(void **state)
{
	struct settings *s = load("workers: 1\n");
	(void)state;
	assert_non_null(s);
	assert_int_equal(s->storms_n, 1);
	assert_int_equal(s->storms[0].action, STORM_ALERT);
	assert_int_equal(s->storms[0].limits.repeat_calls, 6);
	settings_unref(s);
}

static void one_rule_as_a_mapping(void **state)
{
	struct settings *s = load("storms: {repeat_calls: 9, same_error: 0, turns: 50, runtime: 30m, "
	                          "retry_budget: {calls: 7, usd: 2.50},"
	                          " burn: 60 USD/hour, action: pause, handoff: {to: chat, timeout: 8h}, "
	                          "where: {environment: ci}}\n");
	(void)state;
	assert_non_null(s);
	const struct storm_rule *r = &s->storms[0];
	assert_true(slice_eq(r->rule.name, SLICE("storms")));
	assert_int_equal(r->limits.repeat_calls, 9);
	assert_int_equal(r->limits.same_error, 0);
	assert_int_equal(r->limits.turns, 50);
	assert_int_equal(r->limits.runtime_ms, 1800000);
	assert_int_equal(r->limits.retry_calls, 7);
	assert_int_equal(r->limits.retry_nanousd, INT64_C(2500000000));
	assert_int_equal(r->limits.burn_nanousd, INT64_C(1000000000));
	assert_int_equal(r->limits.opening_burn_nanousd, INT64_C(1000000000));
	assert_int_equal(r->limits.cycles, storm_limits_usual.cycles);
	assert_int_equal(r->handoff_ms, INT64_C(8) * 3600 * 1000);
	assert_non_null(r->rule.where);
	settings_unref(s);
}

/* Only what is written changes: of two limits under one key both. */
static void burn_can_be_off(void **state)
{
	struct settings *s = load("storms: {turns: 50}\n");
	(void)state;
	assert_int_equal(s->storms[0].limits.burn_nanousd, 0);
	assert_int_equal(s->storms[0].limits.opening_burn_nanousd, INT64_C(5000000000));
	settings_unref(s);
	static const char *const off[] = {"storms: {burn: 0}\n", "storms: {burn: 0 USD/minute}\n"};
	for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
		s = load(off[i]);
		assert_non_null(s);
		assert_int_equal(s->storms[0].limits.burn_nanousd, 0);
		assert_int_equal(s->storms[0].limits.opening_burn_nanousd, 0);
		settings_unref(s);
	}
}

static void several_rules(void **state)
{
	struct settings *s = load("storms:\n  - {name: ci, where: {environment: ci}, action: stop}\n  - "
	                          "{name: rest, mode: shadow}\n");
	(void)state;
	assert_non_null(s);
	assert_int_equal(s->storms_n, 2);
	assert_int_equal(s->storms[0].action, STORM_STOP);
	assert_int_equal(s->storms[1].rule.mode, MODE_SHADOW);
	assert_int_equal(s->storms[1].action, STORM_PAUSE);
	settings_unref(s);
}

static void what_is_wrong_is_told_with_its_place(void **state)
{
	static const struct {
		const char *text, *wrong;
	} cases[] = {
	    {"storms: {burn: fast}\n", ":1:16: storms[].burn: \"fast\" is no rate of spending: write 2 "
	                               "USD/minute or 60 USD/hour; 0: any"},
	    {"storms: {retry_budget: {usd: -1}}\n",
	     ":1:30: storms[].retry_budget.usd: \"-1\" is no amount of money"},
	    {"storms: {action: kill}\n", ":1:18: storms[].action: \"kill\""},
	    {"storms: {action: alert, handoff: {to: x}}\n", "only action: pause waits for someone"},
	    {"storms:\n  - {action: pause}\n", "storms[].name is missing"},
	    {"storms: {repeat_cals: 3}\n", "repeat_calls"},
	    {"storms: 5\n", "a list is wanted"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_null(load(cases[i].text));
		if (strstr(told, cases[i].wrong) == NULL)
			fail_msg("%s: %s", cases[i].text, told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_any_they_are_told_only),
	    cmocka_unit_test(one_rule_as_a_mapping),
	    cmocka_unit_test(burn_can_be_off),
	    cmocka_unit_test(several_rules),
	    cmocka_unit_test(what_is_wrong_is_told_with_its_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
