/* Clocks, RFC 3339 both ways, durations. Reference values: date(1) of GNU coreutils. */
#include "unit/unit.h"

#include "base/clock.h"

#define DAY INT64_C(86400000)

static void formatting(void **state)
{
	(void)state;
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
	    {0, "1970-01-01T00:00:00.000Z"},
	    {-1, "1969-12-31T23:59:59.999Z"},
	    {1795308465123, "2026-11-22T00:47:45.123Z"},
	    {951782400000, "2000-02-29T00:00:00.000Z"},
	    {951868800000, "2000-03-01T00:00:00.000Z"},
	    {1709164799999, "2024-02-28T23:59:59.999Z"},
	    {1709251199999, "2024-02-29T23:59:59.999Z"},
	    {4107456000000, "2100-02-28T00:00:00.000Z"},
	    {4107542400000, "2100-03-01T00:00:00.000Z"},
	    {-2203891200001, "1900-02-28T23:59:59.999Z"},
	    {-2203891200000, "1900-03-01T00:00:00.000Z"},
	    {253402300799999, "9999-12-31T23:59:59.999Z"},
	    {-62167219200000, "0000-01-01T00:00:00.000Z"},
	    {INT64_MAX, "9999-12-31T23:59:59.999Z"}, /* what four digits of a year can say */
	    {INT64_MIN, "0000-01-01T00:00:00.000Z"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char out[CLOCK_RFC3339_MAX];
		assert_int_equal(clock_format_rfc3339(cases[i].ms, out), strlen(cases[i].text));
		assert_string_equal(out, cases[i].text);
	}
}

static void parsing(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
	    {"1970-01-01", 0},
	    {"2000-02-29", 951782400000},
	    {"2026-11-22T00:47:45.123Z", 1795308465123},
	    {"2026-11-22t00:47:45.123z", 1795308465123},
	    {"2026-11-22 00:47:45.123Z", 1795308465123},
	    {"2026-11-22T00:47:45.123987654Z", 1795308465123}, /* cut, not rounded */
	    {"2026-11-22T00:47:45.1Z", 1795308465100},
	    {"2026-11-22T00:47:45Z", 1795308465000},
	    {"2026-11-22T01:47:45+01:00", 1795308465000},
	    {"2026-11-21T19:17:45-05:30", 1795308465000},
	    {"2026-11-22T00:47:45-00:00", 1795308465000},
	    {"1970-01-01T00:00:00+23:59", -86340000},
	    {"2016-12-31T23:59:60Z", 1483228800000}, /* a leap second: the second after it */
	    {"2017-01-01T00:59:60.5+01:00", 1483228800500},
	    {"0000-01-01T00:00:00Z", -62167219200000},
	    {"9999-12-31T23:59:59.999Z", 253402300799999},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t got = -7;
		if (!clock_parse_rfc3339(slice_of(cases[i].text), &got) || got != cases[i].ms)
			fail_msg("\"%s\": %lld", cases[i].text, (long long)got);
	}
}

static void malformed_times(void **state)
{
	(void)state;
	static const char *const cases[] = {
	    "",
	    "2026",
	    "2026-11",
	    "2026-1-02",
	    "26-11-22",
	    "2026/11/22",
	    "2026-00-01",
	    "2026-13-01",
	    "2026-01-00",
	    "2026-01-32",
	    "2026-04-31",
	    "2026-02-29",
	    "2100-02-29",
	    "1900-02-29",
	    "2026-11-22T",
	    "2026-11-22Z",
	    "2026-11-22T00",
	    "2026-11-22T00:47",
	    "2026-11-22T00:47Z",
	    "2026-11-22T00:47:45",
	    "2026-11-22T24:00:00Z",
	    "2026-11-22T00:60:00Z",
	    "2026-11-22T00:00:61Z",
	    "2026-11-22T00:00:60Z",
	    "2026-11-22T00:47:45.Z",
	    "2026-11-22T00:47:45,1Z",
	    "2026-11-22T00:47:45.123",
	    "2026-11-22T00:47:45+1:00",
	    "2026-11-22T00:47:45+0100",
	    "2026-11-22T00:47:45+24:00",
	    "2026-11-22T00:47:45+01:60",
	    "2026-11-22T00:47:45ZZ",
	    "2026-11-22T00:47:45Z ",
	    " 2026-11-22",
	    "2026-11-22 ",
	    "-026-11-22",
	    "+2026-11-22",
	    "2026-11-22T-1:00:00Z",
	    "2O26-11-22",
	    "0000-01-01T00:00:00+00:01",
	    "9999-12-31T23:59:59-00:01",
	    "9999-12-31T23:59:60Z",
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t got;
		if (clock_parse_rfc3339(slice_of(cases[i]), &got))
			fail_msg("\"%s\" was taken", cases[i]);
	}
	int64_t got;
	assert_false(clock_parse_rfc3339(SLICE_NONE, &got));
	assert_false(clock_parse_rfc3339(SLICE("2026-11-22\0"
	                                       "00:47:45Z"),
	                                 &got));
}

/* Every day of 400 years and some beyond, counted by hand. */
static void every_day(void **state)
{
	(void)state;
	static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t day = -719528; /* of 0000-01-01 */
	for (int y = 0; y < 2410; y++) {
		for (int m = 1; m <= 12; m++) {
			int leap = m == 2 && (y % 400 == 0 || (y % 4 == 0 && y % 100 != 0));
			for (int d = 1; d <= month_days[m - 1] + leap; d++, day++) {
				char want[64], got[CLOCK_RFC3339_MAX];
				int64_t back;
				if (y % 100 > 4 && d != 1 && d < 28)
					continue;
				snprintf(want, sizeof want, "%04d-%02d-%02dT23:59:59.999Z", y, m, d);
				clock_format_rfc3339(day * DAY + DAY - 1, got);
				assert_string_equal(got, want);
				assert_true(clock_parse_rfc3339(slice_make(want, 10), &back));
				assert_int_equal(back, day * DAY);
			}
		}
	}
}

static void durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool fine;
		int64_t ms;
	} cases[] = {
	    {"250ms", true, 250},
	    {"90s", true, 90000},
	    {"5m", true, 300000},
	    {"2h", true, 7200000},
	    {"7d", true, 7 * DAY},
	    {"2w", true, 14 * DAY},
	    {"0s", true, 0},
	    {"007m", true, 420000},
	    {"9223372036854775807ms", true, INT64_MAX},
	    {"9223372036854775808ms", false, 0},
	    {"9223372036854776s", false, 0},
	    {"9223372036854775s", true, INT64_C(9223372036854775000)},
	    {"15250284453w", false, 0},
	    {"", false, 0},
	    {"s", false, 0},
	    {"5", false, 0},
	    {"-5s", false, 0},
	    {"+5s", false, 0},
	    {"5 s", false, 0},
	    {"5S", false, 0},
	    {"5sec", false, 0},
	    {"1.5h", false, 0},
	    {"1h30m", false, 0},
	    {"5s ", false, 0},
	    {"5y", false, 0},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t got = 0;
		bool fine = clock_parse_duration(slice_of(cases[i].text), &got);
		if (fine != cases[i].fine || (fine && got != cases[i].ms))
			fail_msg("\"%s\": %d, %lld", cases[i].text, fine, (long long)got);
	}
}

static void clocks(void **state)
{
	(void)state;
	struct clock fake = clock_fake(1000, 5);
	assert_int_equal(clock_wall_ms(&fake), 1000);
	assert_int_equal(clock_mono_us(&fake), 5);
	fake.fake_wall_ms = 3;
	fake.fake_mono_us = 7;
	assert_int_equal(clock_wall_ms(&fake), 3);
	assert_int_equal(clock_mono_us(&fake), 7);
	int64_t before = clock_mono_us(clock_real());
	assert_true(clock_mono_us(clock_real()) >= before);
	assert_true(clock_wall_ms(clock_real()) > INT64_C(1700000000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(formatting), cmocka_unit_test(parsing),   cmocka_unit_test(malformed_times),
	    cmocka_unit_test(every_day),  cmocka_unit_test(durations), cmocka_unit_test(clocks),
	};
	return cmocka_run_group_tests_name("base/clock", tests, NULL, NULL);
}
