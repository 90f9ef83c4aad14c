#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/zone.h"

static struct zone *zone(const char *name)
{
	struct error e = {0};
	struct zone *z = zone_load(slice_of(name), &e);
	if (z == NULL)
		fail_msg("%s", e.text);
	return z;
}

/* The second opinion: libc, which reads the same files by other code. */
static long libc_offset(int64_t t)
{
	time_t at = (time_t)t;
	struct tm tm;
	assert_non_null(localtime_r(&at, &tm));
	return tm.tm_gmtoff;
}

static void offsets_are_those_of_libc(void **state)
{
	static const char *const names[] = {
	    "Europe/Berlin",    "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe",
	    "Asia/Kolkata",     "Pacific/Apia",     "Africa/Casablanca", "Europe/Dublin",
	    "America/St_Johns", "Asia/Tokyo",       "Pacific/Auckland",  "Asia/Tehran",
	    "America/Havana",   "Antarctica/Troll", "Asia/Gaza",
	};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct zone *z = zone(names[i]);
		setenv("TZ", names[i], 1);
		tzset();
		/* 1950 to 2100, a step that falls on all times of day */
		for (int64_t t = -631152000; t < INT64_C(4102444800); t += 40009)
			if (zone_offset(z, t) != libc_offset(t))
				fail_msg("%s at %lld: %d, libc says %ld", names[i], (long long)t,
				         zone_offset(z, t), libc_offset(t));
		zone_free(z);
	}
	setenv("TZ", "UTC", 1);
	tzset();
	(void)state;
}

static int64_t at(const char *text)
{
	int64_t ms;
	if (!clock_parse_rfc3339(slice_of(text), &ms))
		fail_msg("%s", text);
	return ms;
}

static void units_have_their_borders_and_names(void **state)
{
	static const struct {
		const char *zone;
		enum zone_unit unit;
		const char *instant, *from, *to, *label;
	} cases[] = {
	    {"UTC", ZONE_HOUR, "2026-11-22T03:59:59.999Z", "2026-11-22T03:00:00Z", "2026-11-22T04:00:00Z",
	     "2026-11-22T03:00"},
	    {"UTC", ZONE_DAY, "2024-02-29T12:00:00Z", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z",
	     "2024-02-29"},
	    {"UTC", ZONE_MONTH, "2024-02-29T12:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z",
	     "2024-02"},
	    {"UTC", ZONE_MONTH, "2025-12-31T23:59:59Z", "2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z",
	     "2025-12"},
	    {"UTC", ZONE_WEEK, "2026-11-22T23:59:59Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z",
	     "2026-W47"},
	    {"UTC", ZONE_WEEK, "2027-01-01T00:00:00Z", "2026-12-28T00:00:00Z", "2027-01-04T00:00:00Z",
	     "2026-W53"},
	    {"UTC", ZONE_WEEK, "2024-12-30T00:00:00Z", "2024-12-30T00:00:00Z", "2025-01-06T00:00:00Z",
	     "2025-W01"},
	    {"UTC", ZONE_DAY, "1969-12-31T23:59:59Z", "1969-12-31T00:00:00Z", "1970-01-01T00:00:00Z",
	     "1969-12-31"},
	    /* a day of 23 hours, one of 25, and the week and month around it */
	    {"Europe/Berlin", ZONE_DAY, "2026-03-29T00:30:00Z", "2026-03-28T23:00:00Z",
	     "2026-03-29T22:00:00Z", "2026-03-29"},
	    {"Europe/Berlin", ZONE_DAY, "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z",
	     "2026-10-25T23:00:00Z", "2026-10-25"},
	    {"Europe/Berlin", ZONE_WEEK, "2026-10-25T12:00:00Z", "2026-10-18T22:00:00Z",
	     "2026-10-25T23:00:00Z", "2026-W43"},
	    {"Europe/Berlin", ZONE_MONTH, "2026-10-31T22:59:59Z", "2026-09-30T22:00:00Z",
	     "2026-10-31T23:00:00Z", "2026-10"},
	    {"Europe/Berlin", ZONE_MONTH, "2026-10-31T23:00:00Z", "2026-10-31T23:00:00Z",
	     "2026-11-30T23:00:00Z", "2026-11"},
	    /* years that the file does not list any more: the rule */
	    {"Europe/Berlin", ZONE_DAY, "2077-07-01T12:00:00Z", "2077-06-30T22:00:00Z",
	     "2077-07-01T22:00:00Z", "2077-07-01"},
	    /* an hour that comes twice, and the one that does not come */
	    {"Europe/Berlin", ZONE_HOUR, "2026-10-25T00:30:00Z", "2026-10-25T00:00:00Z",
	     "2026-10-25T01:00:00Z", "2026-10-25T02:00+02:00"},
	    {"Europe/Berlin", ZONE_HOUR, "2026-10-25T01:30:00Z", "2026-10-25T01:00:00Z",
	     "2026-10-25T02:00:00Z", "2026-10-25T02:00+01:00"},
	    {"Europe/Berlin", ZONE_HOUR, "2026-10-25T02:30:00Z", "2026-10-25T02:00:00Z",
	     "2026-10-25T03:00:00Z", "2026-10-25T03:00"},
	    {"Europe/Berlin", ZONE_HOUR, "2026-03-29T01:10:00Z", "2026-03-29T01:00:00Z",
	     "2026-03-29T02:00:00Z", "2026-03-29T03:00"},
	    /* half an hour is put back: the hour in which it happens is cut in two */
	    {"Australia/Lord_Howe", ZONE_HOUR, "2026-04-04T14:50:00Z", "2026-04-04T14:00:00Z",
	     "2026-04-04T15:00:00Z", "2026-04-05T01:00+11:00"},
	    {"Australia/Lord_Howe", ZONE_HOUR, "2026-04-04T15:10:00Z", "2026-04-04T15:00:00Z",
	     "2026-04-04T15:30:00Z", "2026-04-05T01:00+10:30"},
	    {"Asia/Kolkata", ZONE_HOUR, "2026-11-22T03:45:00Z", "2026-11-22T03:30:00Z",
	     "2026-11-22T04:30:00Z", "2026-11-22T09:00"},
	    /* midnight does not come: the day begins at one */
	    {"America/Sao_Paulo", ZONE_DAY, "2018-11-04T10:00:00Z", "2018-11-04T03:00:00Z",
	     "2018-11-05T02:00:00Z", "2018-11-04"},
	    /* the eve comes again: it is the new day's */
	    {"America/St_Johns", ZONE_DAY, "2010-11-07T02:40:00Z", "2010-11-07T02:30:00Z",
	     "2010-11-08T03:30:00Z", "2010-11-07"},
	    /* a day that was left out of the calendar */
	    {"Pacific/Apia", ZONE_DAY, "2011-12-30T09:00:00Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z",
	     "2011-12-29"},
	    {"Pacific/Apia", ZONE_DAY, "2011-12-30T11:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z",
	     "2011-12-31"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct zone *z = zone(cases[i].zone);
		int64_t from, to;
		char label[ZONE_LABEL_MAX], a[CLOCK_RFC3339_MAX], b[CLOCK_RFC3339_MAX];
		zone_span(z, cases[i].unit, at(cases[i].instant), &from, &to);
		zone_label(z, cases[i].unit, from, label);
		clock_format_rfc3339(from, a);
		clock_format_rfc3339(to, b);
		if (from != at(cases[i].from) || to != at(cases[i].to) || strcmp(label, cases[i].label) != 0)
			fail_msg("%s %s: %s to %s, %s", cases[i].zone, cases[i].instant, a, b, label);
		zone_free(z);
	}
	(void)state;
}

/* Whatever the zone does, units touch, hold their instants, and are named differently from their neighbours.
 */
static void units_leave_no_gap(void **state)
{
	static const char *const names[] = {"Europe/Berlin",    "America/Sao_Paulo", "Australia/Lord_Howe",
	                                    "America/St_Johns", "Pacific/Apia",      "Africa/Casablanca",
	                                    "America/Havana",   "Asia/Gaza"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		for (enum zone_unit unit = ZONE_HOUR; unit < ZONE_UNIT_N; unit++) {
			struct zone *z = zone(names[i]);
			char before[ZONE_LABEL_MAX] = "", label[ZONE_LABEL_MAX];
			int64_t t = at("2009-06-01T00:00:00Z"), end = at("2013-06-01T00:00:00Z"), from, to,
			        was = 0;
			while (t < end) {
				zone_span(z, unit, t, &from, &to);
				zone_label(z, unit, from, label);
				if (from > t || to <= t || (was && from != was) || strcmp(label, before) == 0)
					fail_msg("%s: unit %d at %lld: %lld to %lld, %s after %s", names[i],
					         unit, (long long)t, (long long)from, (long long)to, label,
					         before);
				memcpy(before, label, sizeof before);
				was = to;
				t = to;
			}
			zone_free(z);
		}
	(void)state;
}

static void what_is_no_zone_is_refused(void **state)
{
	static const struct {
		const char *name;
		int code;
	} cases[] = {{"Europe/Berlni", ERR_NOT_FOUND}, {"../../etc/passwd", ERR_INVALID},
	             {"/etc/localtime", ERR_INVALID},  {"Europe/Ber lin", ERR_INVALID},
	             {"Europe", ERR_NOT_FOUND},        {"tzdata.zi", ERR_INVALID},
	             {"zone1970", ERR_NOT_FOUND}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct error e = {0};
		assert_null(zone_load(slice_of(cases[i].name), &e));
		if (e.code != cases[i].code)
			fail_msg("%s: %d %s", cases[i].name, e.code, e.text);
	}
	(void)state;
}

/* A small file of our own, cut and turned at every byte: refused or read, never beyond its end. */
static void damaged_files_do_no_harm(void **state)
{
	static const char file[] =
	    "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4"
	    "\0\0\0\0\0\0UTC\0"
	    "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2\0\0\0\2\0\0\0\4"
	    "\0\0\0\0\x40\0\0\0\0\0\0\0\x50\0\0\0\1\0"
	    "\0\0\x0e\x10\0\0\0\0\x1c\x20\1\0CET\0"
	    "\nCET-1CEST,M3.5.0,M10.5.0/3\n";
	struct zone *z = zone_parse((slice){file, sizeof file - 1}, NULL);
	assert_non_null(z);
	assert_int_equal(zone_offset(z, 0x40000000), 7200);
	assert_int_equal(zone_offset(z, at("2026-07-01T00:00:00Z") / 1000), 7200);
	assert_int_equal(zone_offset(z, at("2026-12-01T00:00:00Z") / 1000), 3600);
	zone_free(z);
	for (size_t n = 0; n < sizeof file - 1; n++) {
		char *cut = malloc(n + 1);
		memcpy(cut, file, n);
		zone_free(zone_parse((slice){cut, n}, NULL));
		free(cut);
	}
	for (size_t i = 0; i < sizeof file - 1; i++)
		for (int bit = 0; bit < 8; bit++) {
			char *turned = malloc(sizeof file - 1);
			memcpy(turned, file, sizeof file - 1);
			turned[i] = (char)(turned[i] ^ 1 << bit);
			z = zone_parse((slice){turned, sizeof file - 1}, NULL);
			for (int64_t t = -5; z && t < INT64_C(4000000000); t += 400000003) {
				int64_t from, to;
				char label[ZONE_LABEL_MAX];
				zone_span(z, ZONE_DAY, t * 1000, &from, &to);
				zone_label(z, ZONE_WEEK, from, label);
			}
			zone_free(z);
			free(turned);
		}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(offsets_are_those_of_libc), cmocka_unit_test(units_have_their_borders_and_names),
	    cmocka_unit_test(units_leave_no_gap),        cmocka_unit_test(what_is_no_zone_is_refused),
	    cmocka_unit_test(damaged_files_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
