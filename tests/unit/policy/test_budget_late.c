/* Calls that end while a budget's counters are being made of the ledger: each counts once. */
#include "unit/policy/budget_fixture.h"

#define NOW at("2026-11-24T12:00:00Z")

static struct settings *s;
static struct budgets *b;
static struct caller c;

static void begin(void)
{
	s = fixture_settings("budgets:\n"
	                     "  - {name: made, window: total, limit: 100 USD}\n"
	                     "  - {name: new, window: day, limit: 100 USD, on_failure: open}\n");
	b = budgets_new(64, 42);
	budget_set_loaded(b, &s->budgets[0]);
	caller_init(&c, b, s, NOW);
	c.r.ending = ENDING_COMPLETE;
	c.r.priced = true;
}

static void end(void)
{
	budgets_free(b);
	settings_unref(s);
}

/* A call's row, as it is when the call has ended. */
static void row(const char *id, int64_t usd)
{
	snprintf(c.r.id, sizeof c.r.id, "%s", id);
	c.r.cost.total = usd;
}

static int asked;
/* The rows whose id begins with that letter are in the ledger. */
static int has_row(void *arg, const char *id, int64_t time_ms)
{
	asked++;
	assert_int_equal(time_ms, NOW);
	return id[0] == *(const char *)arg;
}

static int load(void)
{
	char in = 'i';
	return budget_load_late(b, &s->budgets[1], &c.clock, has_row, &in);
}

static void each_counts_once(void **state)
{
	struct budget_hold h[3];
	static const char *const ids[] = {"in", "out", "after"};
	(void)state;
	begin();
	asked = 0;
	for (int i = 0; i < 3; i++)
		assert_int_equal(take_usd(&c, 9 * USD, &h[i]), BUDGET_OK);
	for (int i = 0; i < 3; i++) {
		const struct budget_need used = {.usd = (i + 1) * USD, .calls = 1};
		if (i == 2) { /* the sums that were read have the first one */
			struct budget_entry sum = {.from_ms = at("2026-11-24T00:00:00Z"), .amount = USD};
			assert_int_equal(budget_load(b, &s->budgets[1], &sum, &c.clock), 0);
			assert_false(budget_is_loaded(b, &s->budgets[1]));
			assert_int_equal(load(), 0);
			assert_true(budget_is_loaded(b, &s->budgets[1]));
		}
		row(ids[i], used.usd);
		budget_charge(b, NULL, &c.f, &c.clock, &h[i], &used);
		budget_settle(b, &h[i], &used);
	}
	assert_int_equal(asked, 2);
	assert_int_equal(sums_of(b, "made").settled, 6 * USD);
	assert_int_equal(sums_of(b, "new").settled, 6 * USD);
	assert_int_equal(sums_of(b, NULL).held, 0);
	end();
}

/* The call knew nothing of the budget: its settings were replaced while it ran. */
static void of_other_settings(void **state)
{
	struct budget_hold h = {0};
	const struct budget_need used = {.usd = USD, .calls = 1};
	(void)state;
	begin();
	row("out", USD);
	budget_charge(b, s, &c.f, &c.clock, &h, &used);
	assert_int_equal(sums_of(b, "made").settled, USD);
	assert_int_equal(sums_of(b, "new").settled, 0);
	row("in", USD);
	budget_charge(b, s, &c.f, &c.clock, &h, &used);
	assert_int_equal(load(), 0);
	assert_int_equal(sums_of(b, "new").settled,
	                 USD); /* the other is in the sums, which were not loaded here */
	budget_charge(b, s, &c.f, &c.clock, &h, &used);
	assert_int_equal(sums_of(b, "new").settled, 2 * USD);
	end();
}

static void never_loaded(void **state)
{
	struct budget_hold h = {0};
	const struct budget_need used = {.usd = USD, .calls = 1};
	(void)state;
	begin();
	row("out", USD);
	budget_charge(b, s, &c.f, &c.clock, &h, &used);
	end(); /* and nothing leaks */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(each_counts_once),
	                                          cmocka_unit_test(of_other_settings),
	                                          cmocka_unit_test(never_loaded)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
