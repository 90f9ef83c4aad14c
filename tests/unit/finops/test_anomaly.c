/* Anomalies found in a ledger: which series, which hours, and what is left in peace. */
#include "books.h"

#include "finops/anomaly.h"

#define NOW   INT64_C(1764158400000) /* 2025-11-26T12:00:00Z, a Wednesday */
#define START (NOW - 35 * DAY)

static struct books book;
static struct zone *berlin;

/* Five weeks: ana and bo spend from 8 to 18 hours of weekdays, a little up and down; bo runs away at 9 and 10
 * of the last day, and at half past eleven again. */
static int fill(void **state)
{
	struct error e = {0};
	books_open(&book);
	for (int64_t at = START; at < NOW; at += HOUR) {
		int hour = (int)(at / HOUR % 24), weekday = (int)((at / DAY + 3) % 7);
		if (hour < 8 || hour >= 18 || weekday >= 5)
			continue;
		int64_t wave = (at / HOUR * 7919 % 100) * USD / 100;
		books_spend(&book, at + 60000, "ana@example.com", "payments", 10 * USD + wave);
		books_spend(&book, at + 70000, "bo@example.com", "web", 5 * USD + wave);
		books_spend(&book, at + 70000, "cy@example.com", "web", USD / 100);
	}
	books_spend(&book, NOW - 3 * HOUR, "bo@example.com", "web", 20 * USD);
	books_spend(&book, NOW - 2 * HOUR, "bo@example.com", "web", 30 * USD);
	/* Ten cents a week ago and 60 now: little is no incident. */
	books_spend(&book, NOW - 3 * HOUR, "cy@example.com", "web", 6 * USD / 10);
	books_done(&book);
	berlin = zone_load(SLICE("Europe/Berlin"), &e);
	assert_non_null(berlin);
	(void)state;
	return 0;
}

static int clear(void **state)
{
	zone_free(berlin);
	books_close(&book);
	(void)state;
	return 0;
}

static struct anomalies list;

static void find(struct anomaly_scan *scan)
{
	struct error e = {0};
	scan->ops = book.ops;
	scan->ledger = book.ledger;
	scan->timezone = SLICE("Europe/Berlin");
	scan->zone = berlin;
	if (anomalies_find(scan, &list, &e) != 0)
		fail_msg("%s", e.text);
}

static const struct anomaly_found *found(const char *dimension, const char *value)
{
	for (size_t i = 0; i < list.n; i++)
		if (strcmp(list.at[i].dimension, dimension) == 0 && strcmp(list.at[i].value, value) == 0)
			return &list.at[i];
	return NULL;
}

static void the_runaway_is_found_at_each_dimension(void **state)
{
	struct anomaly_scan scan = {.now_ms = NOW - HOUR, .since_ms = NOW - 2 * DAY};
	char text[512];
	find(&scan);
	const struct anomaly_found *bo = found("user", "bo@example.com");
	assert_non_null(bo);
	assert_int_equal(bo->hours, 2);
	assert_int_equal(bo->from_ms, NOW - 3 * HOUR);
	assert_int_equal(bo->worst_ms, NOW - 2 * HOUR);
	assert_true(bo->spent > 60 * USD && bo->spent < 64 * USD);
	assert_true(bo->expected > 9 * USD && bo->expected < 13 * USD);
	assert_int_equal(bo->weeks, 4);
	assert_false(bo->running);
	assert_non_null(found("", ""));
	assert_non_null(found("team", "web"));
	assert_null(found("user", "ana@example.com"));
	assert_null(found("team", "payments"));
	assert_null(found("user", "cy@example.com"));
	anomaly_sentence(bo, berlin, text, sizeof text);
	assert_non_null(strstr(text, "user bo@example.com: $6"));
	assert_non_null(strstr(text, " in 2 hours from 10:00, usually $1"));
	(void)state;
}

static void the_hour_that_runs_counts_when_it_is_past_all_that_is_usual(void **state)
{
	struct anomaly_scan scan = {.now_ms = NOW - 2 * HOUR + 10 * 60000};
	find(&scan);
	const struct anomaly_found *bo = found("user", "bo@example.com");
	assert_non_null(bo);
	assert_true(bo->running);
	assert_int_equal(bo->hours, 2);
	/* A quarter of an hour earlier only the first hour was to be seen. */
	scan.now_ms = NOW - 2 * HOUR - 5 * 60000;
	find(&scan);
	bo = found("user", "bo@example.com");
	assert_non_null(bo);
	assert_int_equal(bo->hours, 1);
	assert_true(bo->running);
	(void)state;
}

static void a_quiet_week_and_a_narrower_question(void **state)
{
	struct anomaly_scan scan = {.now_ms = NOW - DAY, .since_ms = NOW - 8 * DAY};
	find(&scan);
	assert_int_equal(list.n, 0);
	assert_true(list.series >= 5);
	scan = (struct anomaly_scan){.now_ms = NOW,
	                             .since_ms = NOW - DAY,
	                             .dimensions_n = 1,
	                             .dimensions = {SLICE("team")},
	                             .filters_n = 1,
	                             .filters = {{SLICE("user"), SLICE("ana@example.com"), true}}};
	find(&scan);
	assert_int_equal(list.n, 0);
	assert_int_equal(list.series, 1);
	scan.filters[0].value = SLICE("bo@example.com");
	find(&scan);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.at[0].dimension, "team");
	/* A rise of less than what was asked for is none. */
	scan.least = 100 * USD;
	find(&scan);
	assert_int_equal(list.n, 0);
	(void)state;
}

static void wrong_questions_are_told(void **state)
{
	struct error e = {0};
	struct anomaly_scan scan = {.ops = book.ops,
	                            .ledger = book.ledger,
	                            .timezone = SLICE("Europe/Berlin"),
	                            .zone = berlin,
	                            .now_ms = NOW,
	                            .since_ms = NOW - 36 * DAY};
	assert_int_equal(anomalies_find(&scan, &list, &e), ERR_INVALID);
	assert_non_null(strstr(e.text, "35 days"));
	scan.since_ms = NOW + DAY;
	assert_int_equal(anomalies_find(&scan, &list, &e), ERR_INVALID);
	scan.since_ms = NOW - DAY;
	scan.dimensions_n = 1;
	scan.dimensions[0] = SLICE("cost_nanousd");
	assert_int_equal(anomalies_find(&scan, &list, &e), ERR_INVALID);
	assert_non_null(strstr(e.text, "no dimension"));
	scan.dimensions_n = 0;
	scan.ledger = NULL; /* none is there yet */
	assert_int_equal(anomalies_find(&scan, &list, &e), 0);
	assert_int_equal(list.n, 0);
	(void)state;
}

/* Nine o'clock is nine o'clock on both sides of the change of summer time (2025-10-26). */
static void summer_time_ends_without_an_alarm(void **state)
{
	struct books autumn;
	struct error e = {0};
	struct anomaly_scan scan = {.dimensions_n = 1, .dimensions = {SLICE("")}};
	int64_t change = INT64_C(1761440400000); /* 01:00 UTC */
	books_open(&autumn);
	for (int64_t at = change - 28 * DAY; at < change + 7 * DAY; at += HOUR) {
		int64_t s = at / 1000, local = s + zone_offset(berlin, s);
		if (local / 3600 % 24 == 9)
			books_spend(&autumn, at, "ana@example.com", "payments", 50 * USD);
		books_spend(&autumn, at, "ana@example.com", "payments", 2 * USD);
	}
	books_done(&autumn);
	scan.ops = autumn.ops;
	scan.ledger = autumn.ledger;
	scan.timezone = SLICE("Europe/Berlin");
	scan.zone = berlin;
	scan.since_ms = change - 2 * DAY;
	scan.now_ms = change + 5 * DAY;
	assert_int_equal(anomalies_find(&scan, &list, &e), 0);
	assert_int_equal(list.n, 0);
	assert_int_equal(list.series, 1);
	books_close(&autumn);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_runaway_is_found_at_each_dimension),
	    cmocka_unit_test(the_hour_that_runs_counts_when_it_is_past_all_that_is_usual),
	    cmocka_unit_test(a_quiet_week_and_a_narrower_question),
	    cmocka_unit_test(wrong_questions_are_told),
	    cmocka_unit_test(summer_time_ends_without_an_alarm),
	};
	return cmocka_run_group_tests(tests, fill, clear);
}
