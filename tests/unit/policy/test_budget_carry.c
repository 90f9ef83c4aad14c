/* A hold that goes on in other settings, or after a restart. */
#include "unit/policy/budget_fixture.h"

#define NOW at("2026-11-24T12:00:00Z")

static const struct budget_need need = {.usd = 3 * USD, .calls = 1}, counted = {.calls = 1};

static void into_other_settings(void **state)
{
	struct settings *old = fixture_settings("budgets:\n"
	                                        "  - {name: same, window: total, limit: 10 USD}\n"
	                                        "  - {name: gone, window: total, limit: 10 USD}\n");
	struct settings *new = fixture_settings("budgets:\n"
	                                        "  - {name: small, window: day, limit: 1 USD}\n"
	                                        "  - {name: same, window: total, limit: 4 USD}\n"
	                                        "  - {name: calls, window: 1h, limit: 5 requests}\n"
	                                        "  - {name: off, window: day, limit: 9 USD, mode: off}\n");
	struct budgets *b = budgets_new(64, 42);
	struct budget_hold h;
	struct caller c;
	(void)state;
	fixture_loaded(b, old);
	caller_init(&c, b, old, NOW);
	assert_int_equal(take_usd(&c, 3 * USD, &h), BUDGET_OK);
	budget_carry(b, &h, new, &c.f, &c.clock, &need, &counted);
	assert_int_equal(h.n, 3);
	for (unsigned i = 0; i < h.n; i++)
		assert_true(h.part[i].rule >= new->budgets &&h.part[i].rule < new->budgets + new->budgets_n);
	assert_int_equal(sums_of(b, "gone").held, 0);
	assert_int_equal(sums_of(b, "same").held, 3 * USD);
	assert_int_equal(sums_of(b, "small").held, 3 * USD); /* whatever room there is */
	assert_int_equal(sums_of(b, "calls").held, 1);
	settle_usd(&c, &h, USD);
	static const char *const names[] = {"same", "small"};
	for (size_t i = 0; i < COUNT(names); i++) {
		assert_int_equal(sums_of(b, names[i]).held, 0);
		assert_int_equal(sums_of(b, names[i]).settled, USD);
	}
	assert_int_equal(sums_of(b, "gone").settled, 0);
	budgets_free(b);
	settings_unref(old);
	settings_unref(new);
}

/* The counters know of it by nothing but its row: the call, not the hold. */
static void after_a_restart(void **state)
{
	struct settings *s = fixture_settings("budgets:\n"
	                                      "  - {name: day, window: day, limit: 10 USD}\n"
	                                      "  - {name: calls, window: day, limit: 5 requests}\n");
	struct budgets *b = budgets_new(64, 42);
	struct budget_entry e = {.amount = 1};
	struct budget_hold h = {0};
	struct caller c;
	(void)state;
	caller_init(&c, b, s, NOW);
	budget_carry(b, &h, s, &c.f, &c.clock, &need, &counted);
	e.from_ms = at("2026-11-24T00:00:00Z");
	assert_int_equal(budget_load(b, &s->budgets[1], &e, &c.clock), 0);
	fixture_loaded(b, s);
	assert_int_equal(sums_of(b, "day").held, 3 * USD);
	assert_int_equal(sums_of(b, "calls").held, 1);
	assert_int_equal(sums_of(b, "calls").settled, 0);
	assert_true(spend(&c, 7 * USD));
	assert_false(spend(&c, 1)); /* its room is taken */
	budget_settle(b, &h, &(struct budget_need){.usd = 2 * USD, .calls = 3});
	assert_int_equal(sums_of(b, "day").settled, 9 * USD);
	assert_int_equal(sums_of(b, "calls").settled, 4); /* it, its two lines, and the other */
	assert_int_equal(sums_of(b, NULL).held, 0);
	budgets_free(b);
	settings_unref(s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(into_other_settings),
	                                          cmocka_unit_test(after_a_restart)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
