/* How much of an answer is held at a time, and how long answers are. */
#include "unit/policy/budget_fixture.h"

static void slices(void **state)
{
	struct budget_output o = {.most = 10000};
	(void)state;
	assert_int_equal(budget_output_first(&o, 0), BUDGET_SLICE_LEAST + BUDGET_SLICE_ROOM);
	assert_int_equal(budget_output_first(&o, 3000), 3000 + BUDGET_SLICE_ROOM);
	assert_int_equal(budget_output_first(&o, 30000), 10000); /* never more than can be made */
	assert_int_equal(budget_output_share(50000, 0), 50000);
	assert_int_equal(budget_output_share(50000, 3000), 12000);
	assert_int_equal(budget_output_share(50000, 10), 4 * BUDGET_SLICE_LEAST);
	assert_int_equal(budget_output_share(2000, 3000), 2000);
	assert_int_equal(budget_output_share(2000, INT64_MAX), 2000);
	o.held = 1536;
	for (int64_t passed = 0; passed <= 10000; passed++) {
		int64_t next = budget_output_next(&o, passed);
		assert_true(next >= o.held && next <= o.most);
		o.held = next;
		/* room for what is on its way, always, or all there can be */
		assert_true(o.held >= passed + BUDGET_SLICE_ROOM || o.held == o.most);
	}
	assert_int_equal(o.held, 10000);
}

static void sizes_are_learnt(void **state)
{
	struct budget_sizes s = {0};
	uint64_t roll = 7;
	(void)state;
	assert_int_equal(budget_sizes_usual(&s, 5), 0);
	for (int i = 0; i < 2000; i++) {
		roll = roll * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		budget_sizes_learn(&s, 5, 500 + (int64_t)((roll >> 33) % 1000));
	}
	int64_t usual = budget_sizes_usual(&s, 5);
	assert_true(usual > 1200 && usual < 1700);                     /* of 500 to 1500 */
	assert_int_equal(budget_sizes_usual(&s, 5 + BUDGET_SIZES), 0); /* another model in its place */
	budget_sizes_learn(&s, 5 + BUDGET_SIZES, 0);
	assert_int_equal(budget_sizes_usual(&s, 5), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(slices),
	                                          cmocka_unit_test(sizes_are_learnt)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
