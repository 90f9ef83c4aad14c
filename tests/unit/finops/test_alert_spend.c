/* Forecasts and anomalies as alerts, on ledgers of some weeks. */
#include "base/zone.h"
#include "finops/alert_source.h"
#include "unit/finops/books.h"

#define NOW (INT64_C(20416) * DAY + 12 * HOUR) /* 2025-11-24T12:00Z, a Monday */

struct seen {
	size_t n;
	char text[16][1600];
};

static int see(void *arg, const struct alert_cause *c)
{
	struct seen *s = arg;
	if (s->n < 16)
		snprintf(s->text[s->n], sizeof s->text[0],
		         SLICE_FMT "|%s|%s|" SLICE_FMT "|" SLICE_FMT "|" SLICE_FMT, SLICE_ARG(c->key),
		         alert_kind_name(c->kind), alert_severity_name(c->severity), SLICE_ARG(c->title),
		         SLICE_ARG(c->look), SLICE_ARG(c->contain));
	s->n++;
	return 0;
}

static const char *of(const struct seen *s, const char *key)
{
	for (size_t i = 0; i < s->n && i < 16; i++)
		if (strncmp(s->text[i], key, strlen(key)) == 0)
			return s->text[i];
	return "";
}

static struct alert_source source_of(struct books *b, struct settings *s, struct seen *seen)
{
	memset(seen, 0, sizeof *seen);
	return (struct alert_source){
	    .ops = b->ops, .ledger = b->ledger, .settings = s, .now_ms = NOW, .on_cause = see, .arg = seen};
}

static void a_budget_that_will_be_over_is_told_and_one_that_will_not_is_not(void **state)
{
	(void)state;
	struct books b;
	struct seen seen;
	struct error e = {0};
	books_open(&b);
	for (int d = 1; d <= 40; d++) {
		books_spend(&b, NOW - d * DAY, "ana@example.com", "web", 5 * USD);
		books_spend(&b, NOW - d * DAY, "bo@example.com", "web", USD);
	}
	books_done(&b);
	struct settings *s = books_settings(
	    &b, "budgets:\n"
	        "  - {name: month, each: user, window: month, limit: 140 USD, alerts: [forecast]}\n"
	        "  - {name: unasked, window: month, limit: 10 USD, alerts: [100%]}\n"
	        "  - {name: passed, window: month, limit: 50 USD, alerts: [forecast]}\n");
	struct alert_source src = source_of(&b, s, &seen);
	assert_int_equal(alert_source_forecasts(&src, &e), 0);
	assert_int_equal(seen.n, 1);
	const char *ana = of(&seen, "forecast/month/ana@example.com/");
	assert_non_null(strstr(ana, "|forecast|warning|Budget month, ana@example.com: "));
	assert_non_null(strstr(ana, " of $140.00"));
	assert_non_null(
	    strstr(ana, " --where user=ana@example.com|weir freeze --user=ana@example.com --reason alert"));
	settings_unref(s);
	books_close(&b);
}

static void a_spike_is_told_for_its_series_and_a_usual_day_is_not(void **state)
{
	(void)state;
	struct books b;
	struct seen seen;
	struct error e = {0};
	books_open(&b);
	for (int h = 1; h <= 28 * 24; h++) {
		books_spend(&b, NOW - h * HOUR, "ana@example.com", "web", 2 * USD + (h % 5) * USD / 10);
		books_spend(&b, NOW - h * HOUR, "bo@example.com", "web", 2 * USD + (h % 3) * USD / 10);
	}
	books_done(&b);
	struct settings *s = books_settings(&b, "timezone: UTC\n");
	struct alert_source src = source_of(&b, s, &seen);
	assert_int_equal(alert_source_anomalies(&src, &e), 0);
	assert_int_equal(seen.n, 0);
	assert_int_equal(b.ops->begin(b.ledger, &e), 0);
	books_spend(&b, NOW - HOUR / 2, "ana@example.com", "web", 60 * USD);
	books_done(&b);
	assert_int_equal(alert_source_anomalies(&src, &e), 0);
	assert_int_equal(seen.n, 1); /* not once more for the team and for the whole */
	const char *ana = of(&seen, "anomaly/user=ana@example.com|");
	assert_non_null(strstr(ana, "|anomaly|warning|Spend is out of the usual: user ana@example.com: $6"));
	assert_non_null(
	    strstr(ana, " --where user=ana@example.com|weir freeze --user=ana@example.com --reason alert"));
	assert_string_equal(of(&seen, "anomaly/user=bo@example.com|"), "");
	settings_unref(s);
	books_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_budget_that_will_be_over_is_told_and_one_that_will_not_is_not),
	    cmocka_unit_test(a_spike_is_told_for_its_series_and_a_usual_day_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
