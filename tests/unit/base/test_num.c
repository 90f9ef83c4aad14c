/* Checked arithmetic at the edges, and slices' numbers and patterns. */
#include "unit/unit.h"

#include "base/num.h"

#define MAX INT64_MAX
#define MIN INT64_MIN

static void checked(void **state)
{
	(void)state;
	static const struct {
		char op;
		int64_t a, b;
		bool fits;
		int64_t result;
	} cases[] = {
	    {'+', MAX, 0, true, MAX},
	    {'+', MAX, 1, false, 0},
	    {'+', MIN, -1, false, 0},
	    {'+', MAX, MIN, true, -1},
	    {'-', MIN, 0, true, MIN},
	    {'-', MIN, 1, false, 0},
	    {'-', 0, MIN, false, 0},
	    {'-', -1, MIN, true, MAX},
	    {'*', MAX, 1, true, MAX},
	    {'*', MIN, -1, false, 0},
	    {'*', MAX, -1, true, -MAX},
	    {'*', INT64_C(1) << 32, INT64_C(1) << 31, false, 0},
	    {'*', INT64_C(1) << 32, INT64_C(1) << 30, true, INT64_C(1) << 62},
	    {'*', 0, MIN, true, 0},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t a = cases[i].a, b = cases[i].b, r = 0;
		bool fits = cases[i].op == '+'   ? num_add_i64(a, b, &r)
		            : cases[i].op == '-' ? num_sub_i64(a, b, &r)
		                                 : num_mul_i64(a, b, &r);
		if (fits != cases[i].fits || (fits && r != cases[i].result))
			fail_msg("case %zu: %d, %lld", i, fits, (long long)r);
	}
	size_t z;
	assert_true(num_add_size(SIZE_MAX - 1, 1, &z) && z == SIZE_MAX);
	assert_false(num_add_size(SIZE_MAX, 1, &z));
	assert_true(num_mul_size(SIZE_MAX / 2, 2, &z) && z == SIZE_MAX - 1);
	assert_false(num_mul_size(SIZE_MAX / 2 + 1, 2, &z));
}

static void saturating(void **state)
{
	(void)state;
	static const int64_t cases[][3] = {
	    {1, 2, 3},      {MAX, 1, MAX},   {MAX - 1, 1, MAX}, {MIN, -1, MIN},
	    {MAX, MIN, -1}, {MAX, MAX, MAX}, {MIN, MIN, MIN},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(num_sat_add_i64(cases[i][0], cases[i][1]), cases[i][2]);
	assert_int_equal(num_min_i64(-1, 1), -1);
	assert_int_equal(num_max_i64(-1, 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(checked),
	    cmocka_unit_test(saturating),
	};
	return cmocka_run_group_tests_name("base/num", tests, NULL, NULL);
}
