/* Hours out of the usual, in series that are made here: weeks with weekends, growth, spikes. */
#include "unit/unit.h"

#include <math.h>
#include <stdlib.h>

#include "finops/anomaly_hours.h"

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

/* Hours of a team's spend: an office's weekdays, few at night, growth, calls of uneven cost. */
static double usual_at(size_t h)
{
	static const double of_day[24] = {1,  1,  1,   1,  1,  2,  6,  20, 60, 90, 100, 95,
	                                  70, 85, 100, 95, 80, 60, 30, 15, 8,  4,  2,   1};
	return of_day[h % 24] * (h / 24 % 7 < 5 ? 1.0 : 0.15) * (1 + (double)h / 4000);
}

static void make_hours(int64_t *hours, size_t n, uint64_t seed)
{
	for (size_t h = 0; h < n; h++) {
		double usual = usual_at(h);
		double sum = 0;
		for (int call = 0; call < 40; call++)
			sum += -log(1 - uniform(&seed)) / 40;
		hours[h] = (int64_t)(usual * sum * 1e9);
	}
}

static void a_doubled_hour_is_found_and_a_monday_is_not(void **state)
{
	enum { WEEKS = 8, HOURS = WEEKS * 168, FROM = 4 * 168 };
	static int64_t hours[HOURS];
	static struct anomaly judged[HOURS - FROM];
	int alarms = 0, spikes = 0, found = 0;
	(void)state;
	for (uint64_t series = 1; series <= 12; series++) {
		uint64_t seed = series * 977;
		make_hours(hours, HOURS, series * 31337);
		struct anomaly_in in = {hours, HOURS, 0, 5 * USD};
		assert_int_equal(anomaly_hours(&in, FROM, judged), 0);
		for (size_t h = FROM; h < HOURS; h++) {
			struct anomaly *a = &judged[h - FROM];
			alarms += a->is;
			if (hours[h] < 20 * USD || chance(&seed) % 40)
				continue;
			/* As much again as the hour usually has. */
			anomaly_again(a, hours[h] + (int64_t)(usual_at(h) * 1e9), in.least);
			spikes++;
			found += a->is;
		}
	}
	print_message("    %d false alarms in %d weeks of series; %d of %d doubled hours found\n", alarms,
	              12 * (WEEKS - 4), found, spikes);
	assert_true(alarms <= 12 * (WEEKS - 4));
	assert_true(found * 100 >= spikes * 95);
}

static void a_series_that_begins_is_no_incident(void **state)
{
	int64_t hours[30] = {0};
	struct anomaly judged[30];
	struct anomaly_in in = {hours, 30, 0, 5 * USD};
	(void)state;
	for (size_t n = 20; n < 30; n++)
		hours[n] = 2 * USD;
	assert_int_equal(anomaly_hours(&in, 0, judged), 0);
	for (size_t n = 0; n < 30; n++)
		assert_false(judged[n].is);
	anomaly_again(&judged[29], 80 * USD, in.least);
	assert_true(judged[29].is);
}

/* What an hour is judged by lies before it: the same whether one or all are asked for, and whatever came
 * after. */
static void an_hour_is_judged_by_those_before_it(void **state)
{
	enum { HOURS = 6 * 168 };
	static int64_t hours[HOURS];
	static struct anomaly all[HOURS];
	struct anomaly one;
	struct anomaly_in in = {hours, HOURS, 0, 5 * USD};
	(void)state;
	make_hours(hours, HOURS, 99);
	assert_int_equal(anomaly_hours(&in, 5 * 168, all), 0);
	for (size_t h = 5 * 168; h < HOURS; h += 7) {
		in.hours_n = h + 1;
		assert_int_equal(anomaly_hours(&in, h, &one), 0);
		assert_int_equal(one.is, all[h - 5 * 168].is);
		/* The level began at another hour. */
		double apart = (double)one.expected - (double)all[h - 5 * 168].expected;
		assert_true(fabs(apart) <= 0.02 * (double)one.expected + 1e6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_doubled_hour_is_found_and_a_monday_is_not),
	    cmocka_unit_test(a_series_that_begins_is_no_incident),
	    cmocka_unit_test(an_hour_is_judged_by_those_before_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
