/* Forecasts of series that are made here: steady ones, weeks with weekends, outliers. */
#include "unit/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "finops/forecast.h"

#define USD INT64_C(1000000000)

static uint64_t chance(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static double uniform(uint64_t *seed)
{
	return (double)(chance(seed) >> 11) / 9007199254740992.0;
}

static bool near(int64_t got, int64_t want, double by)
{
	return fabs((double)got - (double)want) <= by * fabs((double)want);
}

static void a_steady_spend_goes_on(void **state)
{
	int64_t days[28];
	struct forecast f;
	(void)state;
	for (int i = 0; i < 28; i++)
		days[i] = 100 * USD;
	struct forecast_in in = {.days = days,
	                         .days_n = 28,
	                         .today_weekday = 2,
	                         .today_nanousd = 50 * USD,
	                         .today_done_ppm = 500000,
	                         .days_left = 9,
	                         .so_far_nanousd = 2050 * USD,
	                         .limit_nanousd = 2500 * USD};
	forecast_period(&in, &f);
	assert_true(near(f.expected, 3000 * USD, 0.01));
	assert_true(f.low < f.expected && f.expected < f.high);
	assert_true(f.high < 3200 * USD);
	assert_int_equal(f.passes_in_days, 5);
	assert_true(f.enough);
	in.limit_nanousd = 4000 * USD;
	forecast_period(&in, &f);
	assert_int_equal(f.passes_in_days, -1);
}

static void weekends_are_known(void **state)
{
	int64_t days[42];
	struct forecast f;
	(void)state;
	for (int i = 0; i < 42; i++) /* the first is a Monday */
		days[i] = i % 7 < 5 ? 200 * USD : 10 * USD;
	/* Friday noon; Saturday, Sunday and Monday are left. */
	struct forecast_in in = {.days = days + 4,
	                         .days_n = 35,
	                         .today_weekday = 4,
	                         .today_nanousd = 100 * USD,
	                         .today_done_ppm = 500000,
	                         .days_left = 3,
	                         .so_far_nanousd = 1000 * USD};
	forecast_period(&in, &f);
	assert_true(near(f.expected, (1000 + 100 + 10 + 10 + 200) * USD, 0.08));
}

static void one_wild_day_does_not_carry_the_month(void **state)
{
	int64_t days[28];
	struct forecast f;
	(void)state;
	for (int i = 0; i < 28; i++)
		days[i] = i == 25 ? 5000 * USD : 100 * USD;
	struct forecast_in in = {
	    .days = days, .days_n = 28, .today_weekday = 0, .today_done_ppm = 0, .days_left = 6};
	forecast_period(&in, &f);
	assert_true(f.expected < 1100 * USD);
}

static void little_is_known_at_first_and_said_so(void **state)
{
	struct forecast f;
	int64_t days[2] = {0, 40 * USD};
	(void)state;
	struct forecast_in in = {
	    .today_nanousd = 10 * USD, .today_done_ppm = 250000, .days_left = 1, .so_far_nanousd = 10 * USD};
	forecast_period(&in, &f);
	assert_false(f.enough);
	assert_true(near(f.expected, 80 * USD, 0.01));
	assert_true(f.high > 100 * USD);
	in.days = days;
	in.days_n = 2;
	forecast_period(&in, &f);
	assert_false(f.enough);
	assert_true(f.expected > 50 * USD && f.expected < 120 * USD);
	memset(&in, 0, sizeof in);
	forecast_period(&in, &f);
	assert_int_equal(f.expected, 0);
}

static void the_interval_holds_what_it_says(void **state)
{
	uint64_t seed = 7;
	int inside = 0;
	(void)state;
	for (int run = 0; run < 300; run++) {
		int64_t days[70], total = 0;
		struct forecast f;
		for (int i = 0; i < 70; i++) {
			double noise = 0.6 + 0.8 * uniform(&seed);
			days[i] = (int64_t)((i % 7 < 5 ? 100.0 : 20.0) * noise * 1e9);
		}
		for (int i = 56; i < 70; i++)
			total += days[i];
		struct forecast_in in = {.days = days, .days_n = 56, .today_weekday = 0, .days_left = 13};
		forecast_period(&in, &f);
		inside += total >= f.low && total <= f.high;
	}
	assert_true(inside > 300 * 7 / 10);
}

/* A job of every other Sunday: most days have nothing, and it costs something all the same. */
static void what_comes_seldom_comes_again(void **state)
{
	int64_t days[56] = {0};
	struct forecast f;
	(void)state;
	for (int i = 6; i < 56; i += 14)
		days[i] = 140 * USD;
	days[0] = USD; /* it has begun */
	struct forecast_in in = {.days = days, .days_n = 56, .today_weekday = 0, .days_left = 27};
	forecast_period(&in, &f);
	assert_true(f.expected > 100 * USD && f.expected < 600 * USD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_steady_spend_goes_on),
	    cmocka_unit_test(weekends_are_known),
	    cmocka_unit_test(one_wild_day_does_not_carry_the_month),
	    cmocka_unit_test(little_is_known_at_first_and_said_so),
	    cmocka_unit_test(the_interval_holds_what_it_says),
	    cmocka_unit_test(what_comes_seldom_comes_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
