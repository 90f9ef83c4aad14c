/* Budgets as they will end, over weeks of calls: 10 dollars a weekday, half before noon. */
#include "books.h"

#include "finops/burn.h"

#define NOW   INT64_C(1764158400000) /* 2025-11-26T12:00:00Z, a Wednesday */
#define TODAY INT64_C(1764115200000)

static struct books book;
static struct settings *settings;

/* Ana spends 10 dollars every weekday, bo 2 and on the plan besides; a call of telemetry beside them. */
static int fill(void **state)
{
	struct record r;
	books_open(&book);
	for (int d = 42; d >= 0; d--) {
		int64_t day = TODAY - d * DAY;
		int weekday = (int)((2 + 7 * 42 - d) % 7); /* today is Wednesday */
		if (weekday >= 5)
			continue;
		for (int h = 0; h < 2; h++) {
			if (d == 0 && h == 1)
				break; /* it is noon */
			int64_t at = day + (h ? 15 : 9) * HOUR;
			books_spend(&book, at, "ana@example.com", "payments", 5 * USD);
			books_spend(&book, at, "bo@example.com", "web", 1 * USD);
			books_call(&book, &r, at, "bo@example.com", "web", 100 * USD);
			r.billing = BILLING_SUBSCRIPTION;
			books_add(&book, &r);
			books_call(&book, &r, at, "ana@example.com", "payments", 50 * USD);
			r.text[TEXT_SOURCE] = SLICE("otlp");
			books_add(&book, &r);
		}
	}
	books_done(&book);
	settings = books_settings(
	    &book, "budgets:\n"
	           "  - {name: org, window: month, limit: 240 USD}\n"
	           "  - {name: dev, each: user, window: week, limit: 40 USD}\n"
	           "  - {name: today, where: {user: ana@example.com}, window: day, limit: 8 USD}\n"
	           "  - {name: walked, where: {any: [{team: payments}, {weekday: sun}]}, window: month, "
	           "limit: 1000 USD}\n"
	           "  - {name: calls, window: day, limit: 10 requests}\n"
	           "  - {name: seen, include: [all], window: day, limit: 1000 USD}\n"
	           "  - {name: ever, where: {team: \"!payments\"}, window: total, limit: 70 USD}\n"
	           "  - {name: rolls, where: {user: [ana@example.com, cy@example.com]}, window: rolling 7d, "
	           "limit: 60 USD}\n"
	           "  - {name: session, each: session, window: total, limit: 10 USD}\n"
	           "  - {name: hour, window: hour, limit: 10 USD}\n");
	(void)state;
	return 0;
}

static int clear(void **state)
{
	settings_unref(settings);
	books_close(&book);
	(void)state;
	return 0;
}

static struct burn found[32];

static struct burns ask(const char *budget, const char *user)
{
	struct burn_question q = {book.ops, book.ledger, settings, NOW, slice_of(budget), slice_of(user)};
	struct burns list = {.cap = 32, .at = found};
	struct error e = {0};
	if (burn_budgets(&q, &list, &e) != 0)
		fail_msg("%s", e.text);
	return list;
}

static const struct burn *only(const char *budget)
{
	struct burns list = ask(budget, NULL);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.at[0].rule->rule.name.p ? budget : "", budget);
	return &list.at[0];
}

static void assert_near(int64_t got, int64_t want, int64_t by)
{
	if (got < want - by || got > want + by)
		fail_msg("%lld is not within %lld of %lld", (long long)got, (long long)by, (long long)want);
}

static void a_months_end_is_foreseen(void **state)
{
	const struct burn *b = only("org");
	/* 17 weekdays of 12 dollars are over; half of today, and 2 more to the 30th, a Sunday */
	assert_int_equal(b->so_far, 17 * 12 * USD + 6 * USD);
	assert_near(b->f.expected, 20 * 12 * USD, 4 * USD);
	assert_true(b->f.low < b->f.expected && b->f.expected < b->f.high);
	assert_true(b->f.enough);
	assert_int_equal(b->from_ms, INT64_C(1761955200000));
	assert_int_equal(b->to_ms, INT64_C(1764547200000));
	/* What a subscription pays is not spent, and what did not pass the gateway does not count. */
	(void)state;
}

static void a_counter_for_each_user(void **state)
{
	struct burns list = ask("dev", NULL);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.at[0].label, "ana@example.com"); /* the nearest to the limit first */
	assert_int_equal(list.at[0].so_far, 25 * USD);
	assert_near(list.at[0].f.expected, 50 * USD, 2 * USD);
	assert_true(burn_will_be_over(&list.at[0]));
	assert_false(burn_is_over(&list.at[0]));
	/* 40 dollars are passed in the middle of Friday's ten: 15 by Thursday's end, 5 more after noon. */
	int64_t friday = TODAY + 2 * DAY;
	assert_true(list.at[0].passes_ms >= friday - DAY && list.at[0].passes_ms < friday + DAY);
	assert_string_equal(list.at[1].label, "bo@example.com");
	assert_int_equal(list.at[1].passes_ms, 0);
	assert_false(burn_will_be_over(&list.at[1]));
	list = ask("dev", "bo@example.com");
	assert_int_equal(list.n, 1);
	assert_string_equal(list.at[0].label, "bo@example.com");
	(void)state;
}

static void the_hour_of_the_day_is_told(void **state)
{
	const struct burn *b = only("today");
	char text[512];
	assert_int_equal(b->so_far, 5 * USD);
	assert_near(b->f.expected, 10 * USD, USD / 2);
	/* The other half comes at 15:00. */
	assert_near(b->passes_ms, TODAY + 15 * HOUR + HOUR / 2, HOUR);
	burn_sentence(b, settings->zone, text, sizeof text);
	assert_non_null(
	    strstr(text, "today: $5.00 of $8.00, at this rate spent on Wednesday, 2025-11-26, about 15:00"));
	(void)state;
}

static void what_the_ledger_cannot_say_is_walked(void **state)
{
	const struct burn *b = only("walked");
	assert_int_equal(b->so_far, 175 * USD);
	assert_near(b->f.expected, 200 * USD, 4 * USD);
	(void)state;
}

static void other_units_and_windows(void **state)
{
	const struct burn *b = only("calls");
	assert_int_equal(b->so_far, 3);
	assert_near(b->f.expected, 6, 1);
	b = only("seen");
	assert_int_equal(b->so_far, 56 * USD);
	b = only("ever");
	assert_int_equal(b->so_far, 61 * USD);
	assert_int_equal(b->to_ms, INT64_MAX);
	/* Nine dollars more at two a weekday: in the fifth, a Tuesday */
	assert_true(b->passes_ms >= TODAY + 5 * DAY && b->passes_ms < TODAY + 8 * DAY);
	b = only("rolls");
	assert_int_equal(b->so_far, 50 * USD);
	assert_near(b->f.expected, 50 * USD, 4 * USD);
	(void)state;
}

static void short_ones_are_left_out(void **state)
{
	struct burns list = ask(NULL, NULL);
	assert_int_equal(list.unseen, 2);
	assert_int_equal(list.n, 9);
	for (size_t i = 1; i < list.n; i++) {
		const struct burn *a = &list.at[i - 1], *b = &list.at[i];
		assert_true((double)a->f.expected / (double)a->limit >=
		            (double)b->f.expected / (double)b->limit);
	}
	list.cap = 2;
	struct burn_question q = {book.ops, book.ledger, settings, NOW, SLICE_NONE, SLICE_NONE};
	struct error e = {0};
	assert_int_equal(burn_budgets(&q, &list, &e), 0);
	assert_int_equal(list.n, 2);
	assert_int_equal(list.more, 7);
	/* One who sees their own sees no budget of all. */
	list = ask(NULL, "ana@example.com");
	assert_int_equal(list.n, 1);
	q.budget = SLICE("none");
	assert_int_equal(burn_budgets(&q, &list, &e), ERR_NOT_FOUND);
	(void)state;
}

static void a_lifted_limit_counts(void **state)
{
	struct error e = {0};
	struct ledger_override o = {.id = SLICE("o1"),
	                            .budget = SLICE("dev"),
	                            .scope = SLICE("{\"user\":\"ana@example.com\"}"),
	                            .amount = 25 * USD,
	                            .from_ms = TODAY - 2 * DAY,
	                            .until_ms = TODAY + 5 * DAY,
	                            .state = OVERRIDE_ACTIVE,
	                            .requested_by = SLICE("ana@example.com"),
	                            .reason = SLICE("release"),
	                            .requested_ms = TODAY};
	assert_int_equal(book.ops->override_add(book.ledger, &o, SLICE_NONE, &e), 0);
	struct burns list = ask("dev", NULL);
	assert_int_equal(list.at[0].limit, 65 * USD);
	assert_int_equal(list.at[1].limit, 40 * USD);
	assert_false(burn_will_be_over(&list.at[0]));
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_months_end_is_foreseen),
	    cmocka_unit_test(a_counter_for_each_user),
	    cmocka_unit_test(the_hour_of_the_day_is_told),
	    cmocka_unit_test(what_the_ledger_cannot_say_is_walked),
	    cmocka_unit_test(other_units_and_windows),
	    cmocka_unit_test(short_ones_are_left_out),
	    cmocka_unit_test(a_lifted_limit_counts),
	};
	return cmocka_run_group_tests(tests, fill, clear);
}
