/* The kill switch's set: what it holds, whom it stops, what it says. */
#include "unit/unit.h"

#include <stdio.h>

#include "policy/freeze.h"

static struct freeze entry(enum freeze_scope scope, const char *value)
{
	return (struct freeze){scope, slice_of(value), SLICE("kim"), SLICE("a loop"), 5};
}

static struct freeze_call call(const char *team, const char *user, const char *key, const char *session)
{
	return (struct freeze_call){.value = {[FREEZE_TEAM] = slice_of(team),
	                                      [FREEZE_USER] = slice_of(user),
	                                      [FREEZE_KEY] = slice_of(key),
	                                      [FREEZE_SESSION] = slice_of(session),
	                                      [FREEZE_PROVIDER] = SLICE("anthropic")}};
}

static void the_widest_entry_stops(void **state)
{
	(void)state;
	struct freeze_set *s = freeze_set_new(3);
	struct freeze_call ana = call("payments", "ana", "k_1", "s1"), nobody = call("", "", "", "");
	struct freeze f;
	assert_null(freeze_set_match(s, &ana));
	/* The same word in another scope is another entry. */
	f = entry(FREEZE_TEAM, "ana");
	assert_int_equal(freeze_set_add(s, &f), 0);
	assert_null(freeze_set_match(s, &ana));
	static const struct {
		enum freeze_scope scope;
		const char *value;
	} wider[] = {{FREEZE_PROVIDER, "anthropic"},
	             {FREEZE_SESSION, "s1"},
	             {FREEZE_KEY, "k_1"},
	             {FREEZE_USER, "ana"},
	             {FREEZE_TEAM, "payments"}};
	for (size_t i = 0; i < COUNT(wider); i++) {
		f = entry(wider[i].scope, wider[i].value);
		assert_int_equal(freeze_set_add(s, &f), 0);
		assert_int_equal(freeze_set_match(s, &ana)->scope, wider[i].scope);
	}
	/* A call of which nothing is known is stopped by its provider and the organisation alone. */
	assert_int_equal(freeze_set_match(s, &nobody)->scope, FREEZE_PROVIDER);
	f = entry(FREEZE_ORG, "");
	assert_int_equal(freeze_set_add(s, &f), 0);
	assert_int_equal(freeze_set_match(s, &nobody)->scope, FREEZE_ORG);
	assert_int_equal(freeze_set_count(s), 7);
	freeze_set_unref(s);
}

static void what_does_not_fit(void **state)
{
	(void)state;
	struct freeze_set *s = freeze_set_new(3);
	char text[ATTR_TEXT_MAX + 2];
	memset(text, 'x', sizeof text);
	text[ATTR_TEXT_MAX + 1] = '\0';
	struct freeze f = entry(FREEZE_USER, "");
	assert_int_equal(freeze_set_add(s, &f), ERR_INVALID);
	f = entry(FREEZE_USER, text);
	assert_int_equal(freeze_set_add(s, &f), ERR_INVALID);
	text[ATTR_TEXT_MAX] = '\0';
	f = entry(FREEZE_USER, text);
	assert_int_equal(freeze_set_add(s, &f), 0);
	f.reason = SLICE("another reason");
	assert_int_equal(freeze_set_add(s, &f), 0);
	assert_int_equal(freeze_set_count(s), 1);
	assert_true(
	    slice_eq(freeze_set_find(s, FREEZE_USER, slice_of(text))->reason, SLICE("another reason")));
	for (int i = 1; i < FREEZES_MAX; i++) {
		snprintf(text, sizeof text, "user%d", i);
		f = entry(FREEZE_USER, text);
		assert_int_equal(freeze_set_add(s, &f), 0);
	}
	f = entry(FREEZE_USER, "one more");
	assert_int_equal(freeze_set_add(s, &f), ERR_FULL);
	assert_non_null(freeze_set_find(s, FREEZE_USER, SLICE("user77")));
	freeze_set_unref(s);
}

static void words(void **state)
{
	(void)state;
	static const struct {
		struct freeze f;
		const char *want;
	} cases[] = {
	    {{FREEZE_ORG, {NULL, 0}, {NULL, 0}, {NULL, 0}, 0},
	     "Frozen: all calls. To go on, an operator runs: weir unfreeze --org"},
	    {{FREEZE_USER, {"ana@example.com", 15}, {"kim", 3}, {"a loop", 6}, 0},
	     "Frozen: user ana@example.com, by kim (a loop). To go on, an operator runs: weir unfreeze "
	     "--user "
	     "ana@example.com"},
	    {{FREEZE_TEAM, {"two words", 9}, {"kim", 3}, {NULL, 0}, 0},
	     "Frozen: team two words, by kim. To go on, an operator runs: weir unfreeze --team 'two words'"},
	};
	struct arena mem;
	arena_init(&mem, 4096);
	for (size_t i = 0; i < COUNT(cases); i++) {
		slice text = freeze_message(&cases[i].f, &mem);
		if (!slice_eq(text, slice_of(cases[i].want)))
			fail_msg("got  " SLICE_FMT "\nwant %s", SLICE_ARG(text), cases[i].want);
	}
	arena_release(&mem);
	for (int i = 0; i < FREEZE_SCOPE_N; i++)
		assert_int_equal(freeze_scope_from_name(slice_of(freeze_scope_name((enum freeze_scope)i))),
		                 i);
	assert_int_equal(freeze_scope_from_name(SLICE("orgs")), FREEZE_SCOPE_N);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_widest_entry_stops),
	    cmocka_unit_test(what_does_not_fit),
	    cmocka_unit_test(words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
