/* Forecast and anomalies as they are asked for, and documents of them in every format. */
#include "books.h"

#include "finops/outlook.h"
#include "text/json.h"

#define NOW   INT64_C(1764158400000) /* 2025-11-26T12:00:00Z, a Wednesday */
#define TODAY INT64_C(1764115200000)
#define EVIL  "=cmd|'<b>\"x\",*a*\n"

static struct books book;
static struct settings *settings;

/* Ten dollars a day of a workflow with an evil name, in calls of 60,000 tokens; four weeks; and a runaway
 * at 11. */
static int fill(void **state)
{
	struct record r;
	books_open(&book);
	for (int d = 27; d >= 0; d--)
		for (int h = 0; h < 10 && (d || h < 4); h++) {
			books_call(&book, &r, TODAY - d * DAY + (8 + h) * HOUR, "ana@example.com", "payments",
			           USD);
			r.who.v[ATTR_WORKFLOW] = SLICE(EVIL);
			r.context_tokens = 60000;
			books_add(&book, &r);
		}
	books_spend(&book, NOW - HOUR + 60000, "bo@example.com", "web", 40 * USD);
	books_done(&book);
	settings = books_settings(&book, "budgets:\n"
	                                 "  - {name: org, window: month, limit: 250 USD}\n"
	                                 "  - {name: dev, each: user, window: week, limit: 50 USD}\n");
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

static char text[1 << 18];

static int ask(enum outlook_kind kind, const char *query, const char *user, struct error *e)
{
	struct outlook o;
	struct arena mem;
	struct buf out;
	arena_init(&mem, 1 << 16);
	buf_init(&out, sizeof text - 1);
	*e = (struct error){0};
	assert_int_equal(outlook_init(&o, kind, SLICE_NONE, NOW, e), 0);
	int rc = outlook_set_query(&o, slice_of(query), &mem, e);
	if (rc == 0 && user)
		rc = outlook_only(&o, slice_of(user), e);
	if (rc == 0)
		rc = outlook_answer(&o, settings, book.ops, book.ledger, &out, NULL, e);
	snprintf(text, sizeof text, SLICE_FMT, SLICE_ARG(buf_slice(&out)));
	outlook_release(&o);
	arena_release(&mem);
	buf_release(&out);
	return rc;
}

static void good(enum outlook_kind kind, const char *query, const char *user)
{
	struct error e;
	if (ask(kind, query, user, &e) != 0)
		fail_msg("%s: %s", query, e.text);
}

static void says(const char *what)
{
	if (strstr(text, what) == NULL)
		fail_msg("\"%s\" is not in:\n%s", what, text);
}

static void says_not(const char *what)
{
	if (strstr(text, what) != NULL)
		fail_msg("\"%s\" is in:\n%s", what, text);
}

static void a_forecast_tells_periods_workflows_and_budgets(void **state)
{
	(void)state;
	good(OUTLOOK_FORECAST, "format=json", NULL);
	says("\"period\":\"day\",\"so_far_nanousd\":44000000000,");
	says("\"tokens_per_call\":60000,");
	says("\"budget\":\"org\",\"for\":\"all\",\"window\":\"month\",\"unit\":\"nanousd\"");
	says("\"state\":\"spent\""); /* 25 days of 10 and 44 dollars */
	says("sends 60.0k tokens a call, 10 calls a day: $");
	good(OUTLOOK_FORECAST, "format=table&by=team", NULL);
	says("payments");
	says("30 days at this rate");
	good(OUTLOOK_FORECAST, "format=json&budget=dev", NULL);
	says("\"for\":\"bo@example.com\"");
	says_not("\"periods\"");
}

static void one_who_sees_their_own_sees_no_more(void **state)
{
	(void)state;
	good(OUTLOOK_FORECAST, "format=json", "bo@example.com");
	says("\"period\":\"day\",\"so_far_nanousd\":40000000000,");
	says("\"for\":\"bo@example.com\"");
	says_not("ana@example.com");
	says_not("\"budget\":\"org\"");
	says_not("tokens a call");
	good(OUTLOOK_ANOMALY, "format=json&since=today&by=user", "ana@example.com");
	says("\"rows\":[]");
	/* Not even when the question names another. */
	good(OUTLOOK_ANOMALY, "format=json&since=today&by=user&where=user=bo@example.com", "ana@example.com");
	says("\"rows\":[]");
}

static void a_query_has_its_price(void **state)
{
	struct error e;
	(void)state;
	/* Sonnet 4.5: $3, $15 for a million; 100 calls a day of 40,000 and 1,000 */
	good(OUTLOOK_FORECAST, "format=json&tokens=40k&output=1000&calls=100&model=claude-sonnet-4-5", NULL);
	says("\"cost_per_call_nanousd\":135000000,");
	says("\"month_nanousd\":405000000000");
	assert_int_equal(ask(OUTLOOK_FORECAST, "tokens=40k", NULL, &e), ERR_INVALID);
	assert_non_null(strstr(e.text, "name the model"));
	assert_int_equal(ask(OUTLOOK_FORECAST, "tokens=40k&model=nothing-9", NULL, &e), ERR_INVALID);
	assert_non_null(strstr(e.text, "the price book has no model"));
}

static void wrong_words_say_what_there_is(void **state)
{
	static const struct {
		enum outlook_kind kind;
		const char *query;
		int code;
		const char *says;
	} cases[] = {
	    {OUTLOOK_FORECAST, "since=7d", ERR_NOT_FOUND, "there are by, where, budget"},
	    {OUTLOOK_ANOMALY, "budget=org", ERR_NOT_FOUND, "since, until, least"},
	    {OUTLOOK_ANOMALY, "least=cheap", ERR_INVALID, "least is money"},
	    {OUTLOOK_ANOMALY, "by=tem", ERR_INVALID, "did you mean team?"},
	    {OUTLOOK_ANOMALY, "format=xml", ERR_INVALID, "table, json, csv, markdown or html"},
	    {OUTLOOK_FORECAST, "cached=lots", ERR_INVALID, "like 80%"},
	    {OUTLOOK_FORECAST, "budget=none", ERR_NOT_FOUND, "there is no budget \"none\""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct error e;
		assert_int_equal(ask(cases[i].kind, cases[i].query, NULL, &e), cases[i].code);
		if (strstr(e.text, cases[i].says) == NULL)
			fail_msg("%s says \"%s\"", cases[i].query, e.text);
	}
}

static void anomalies_are_told(void **state)
{
	(void)state;
	good(OUTLOOK_ANOMALY, "format=table&since=today", NULL);
	says("bo@example.com");
	says("2025-11-26T11:00");
	says("1 ");
	good(OUTLOOK_ANOMALY, "format=table&since=yesterday&until=today", NULL);
	says("No hour is out of the usual.");
}

/* A text from outside is text in every format. */
static void evil_names_stay_names(void **state)
{
	(void)state;
	good(OUTLOOK_FORECAST, "format=html", NULL);
	says("<td>=cmd|&#39;&lt;b&gt;&quot;x&quot;,*a*");
	says_not("<b>");
	says("<!doctype html>");
	says_not("<script");
	good(OUTLOOK_FORECAST, "format=markdown", NULL);
	says("| =cmd\\|'\\<b\\>\"x\",\\*a\\*");
	good(OUTLOOK_FORECAST, "format=csv", NULL);
	says("\r\n\"'=cmd|'<b>\"\"x\"\",*a*\n\",");
	good(OUTLOOK_FORECAST, "format=json", NULL);
	struct json j;
	json_init(&j, slice_of(text));
	assert_true(json_skip(&j, NULL));
	assert_true(json_end(&j));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_forecast_tells_periods_workflows_and_budgets),
	    cmocka_unit_test(one_who_sees_their_own_sees_no_more),
	    cmocka_unit_test(a_query_has_its_price),
	    cmocka_unit_test(wrong_words_say_what_there_is),
	    cmocka_unit_test(anomalies_are_told),
	    cmocka_unit_test(evil_names_stay_names),
	};
	return cmocka_run_group_tests(tests, fill, clear);
}
