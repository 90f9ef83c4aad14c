/* Named reports: what each says of a ledger whose figures are known, in every format. */
#include "books.h"

#include "finops/report.h"
#include "text/json.h"

#define NOW   INT64_C(1764158400000) /* 2025-11-26T12:00:00Z, a Wednesday */
#define TODAY INT64_C(1764115200000)
#define EVIL  "@ana <img src=x onerror=y> |*_"

static struct books book;
static struct catalog *prices;

/* A call of Sonnet 4.5 ($3 fresh, $0.30 read, $3.75 written, $15 output for a million): 10,000 fresh, 100,000
 * read, 20,000 written, 1,000 output. */
static void call(int64_t ms, const char *user, const char *session, const char *task, struct record *r)
{
	books_call(&book, r, ms, user, "payments", 0);
	r->who.v[ATTR_SESSION] = slice_of(session);
	r->who.v[ATTR_TASK] = slice_of(task);
	r->usage.m[METER_INPUT] = 10000;
	r->usage.m[METER_CACHE_READ] = 100000;
	r->usage.m[METER_CACHE_WRITE_5M] = 20000;
	r->usage.m[METER_OUTPUT] = 1000;
	r->context_tokens = 130000;
	r->cost.part[COST_INPUT] = 30000000;
	r->cost.part[COST_CACHE_READ] = 30000000;
	r->cost.part[COST_CACHE_WRITE_5M] = 75000000;
	r->cost.part[COST_OUTPUT] = 15000000;
	r->cost.total = r->list_cost_nanousd = 150000000;
}

/* This week: ana two sessions of task one (3 calls, 1 call), one of them in CI; bo on a plan; a retry; a
 * refusal; a failure; a call without a team. The week before: two calls of ana's. */
static int fill(void **state)
{
	struct record r;
	struct error e = {0};
	books_open(&book);
	for (int i = 0; i < 3; i++) {
		call(TODAY - DAY + i * HOUR, "ana@example.com", "s1", "one", &r);
		r.attempt = i == 2 ? 2 : 1;
		books_add(&book, &r);
	}
	call(TODAY - DAY, "ana@example.com", "s2", "one", &r);
	r.who.v[ATTR_ENVIRONMENT] = SLICE("ci");
	r.who.v[ATTR_WORKFLOW] = SLICE(EVIL);
	r.who.v[ATTR_COHORT] = SLICE("pilot");
	books_add(&book, &r);
	call(TODAY - DAY, "bo@example.com", "s3", "two", &r);
	r.billing = BILLING_SUBSCRIPTION;
	books_add(&book, &r);
	call(TODAY - DAY, "ana@example.com", "s1", "one", &r);
	r.ending = ENDING_REFUSED;
	r.priced = false;
	r.decision = DECISION_REFUSED;
	r.text[TEXT_RULE] = SLICE("dev-day");
	r.usage_source = SOURCE_NONE;
	for (int i = 0; i < METER_N; i++)
		r.usage.m[i] = TOKENS_ABSENT;
	r.context_tokens = r.tool_calls = RECORD_ABSENT;
	books_add(&book, &r);
	call(TODAY - DAY, "cy@example.com", "s4", NULL, &r);
	r.who.v[ATTR_TEAM] = SLICE_NONE;
	r.ending = ENDING_PROVIDER_ERROR;
	r.context_tokens = 8000;
	books_add(&book, &r);
	for (int i = 0; i < 2; i++) {
		call(TODAY - 9 * DAY, "ana@example.com", "s5", "three", &r);
		books_add(&book, &r);
	}
	books_done(&book);
	prices = catalog_builtin(&e);
	assert_non_null(prices);
	(void)state;
	return 0;
}

static int clear(void **state)
{
	catalog_unref(prices);
	books_close(&book);
	(void)state;
	return 0;
}

static char text[1 << 18];
static const char *type;

static int ask(const char *query, struct error *e)
{
	struct report r;
	struct arena mem;
	struct buf out;
	arena_init(&mem, 1 << 16);
	buf_init(&out, sizeof text - 1);
	*e = (struct error){0};
	assert_int_equal(report_init(&r, SLICE_NONE, NOW, e), 0);
	r.prices = prices;
	r.format = REPORT_JSON;
	int rc = report_set_query(&r, slice_of(query), &mem, e);
	if (rc == 0)
		rc = report_ready(&r, e);
	if (rc == 0)
		rc = report_answer(book.ops, book.ledger, &r, &out, &type, e);
	snprintf(text, sizeof text, SLICE_FMT, SLICE_ARG(buf_slice(&out)));
	report_release(&r);
	arena_release(&mem);
	buf_release(&out);
	return rc;
}

static void good(const char *query)
{
	struct error e;
	if (ask(query, &e) != 0)
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

static void at_a_glance(void **state)
{
	(void)state;
	good("view=summary&since=7d");
	/* Five metered calls of 15 cents; before, two */
	says("{\"figure\":\"cost\",\"unit\":\"nanousd\",\"value\":750000000,\"before\":300000000,\"change\":"
	     "1.5000}");
	says("\"figure\":\"plan_value\",\"unit\":\"nanousd\",\"value\":150000000,");
	says("\"figure\":\"sessions\",\"unit\":\"count\",\"value\":4,");
	says("\"figure\":\"tasks\",\"unit\":\"count\",\"value\":1,");
	says("\"figure\":\"active_days\",\"unit\":\"count\",\"value\":3,");
	says("\"figure\":\"cost_per_active_day\",\"unit\":\"nanousd\",\"value\":375000000,");
	says("\"figure\":\"cost_per_task\",\"unit\":\"nanousd\",\"value\":600000000,");
	says("\"figure\":\"cost_of_retries\",\"unit\":\"nanousd\",\"value\":150000000,");
	/* 100,000 read and 20,000 written fresh are 36 cents; they were 10.5 */
	says("\"figure\":\"saved_by_caching\",\"unit\":\"nanousd\",\"value\":1275000000,");
	says("\"figure\":\"ci_share\",\"unit\":\"ppm\",\"value\":200000,");
	says("\"figure\":\"unallocated_share\",\"unit\":\"ppm\",\"value\":200000,");
	good("view=summary&since=7d&format=table&bars=ascii");
	says("saved by caching");
	says("$1.28");
}

static void caching_models_and_contexts(void **state)
{
	(void)state;
	good("view=cache&since=7d");
	says(
	    "\"calls\":5,\"input_tokens\":50000,\"cache_read_tokens\":500000,\"cache_write_tokens\":100000,");
	says("\"paid_nanousd\":525000000,\"fresh_nanousd\":1800000000,\"saved_nanousd\":1275000000}");
	good("view=cache&since=7d&by=user");
	says("{\"user\":\"ana@example.com\",\"calls\":4,");
	says("{\"user\":\"cy@example.com\",\"calls\":1,");
	/* What a plan saved is its value at list prices. */
	good("view=cache&since=7d&where=user=bo@example.com");
	says("\"saved_nanousd\":255000000");
	says("list value of calls on a subscription");
	good("view=models&since=7d");
	says("\"share\":1.0000,\"cost_nanousd\":750000000}");
	good("view=context&since=7d&by=user");
	says("{\"user\":\"ana@example.com\",\"calls\":4,\"mean\":130000,\"p50\":130000,");
	says("{\"user\":\"cy@example.com\",\"calls\":1,\"mean\":8000,");
	says("\"total\":{\"calls\":6,\"mean\":109666,\"p50\":130000,\"p90\":130000,\"p95\":130000,\"p99\":"
	     "130000,\"max\":130000,"
	     "\"large_share\":0.8333}");
	struct error e;
	assert_int_equal(ask("view=context&by=user,team,repo", &e), ERR_INVALID);
	assert_non_null(strstr(e.text, "at most two"));
}

static void distributions(void **state)
{
	(void)state;
	good("view=distribution&since=14d");
	/* Sessions of 45, 15, 0 (on the plan), 15 and 30 cents */
	says("{\"of\":\"session\",\"n\":5,\"mean\":210000000,\"p50\":150000000,\"p90\":450000000,");
	says("{\"of\":\"task\",\"n\":3,");
	says("{\"of\":\"call\",\"n\":7,\"mean\":150000000,");
	good("view=distribution&since=14d&where=user=nobody");
	says("\"distribution\":{\"rows\":[]}");
}

static void waste_ci_allocation_cohorts(void **state)
{
	(void)state;
	good("view=waste&since=7d");
	says("{\"what\":\"retries\",\"kind\":\"the same turn again\",\"calls\":1,");
	says("{\"what\":\"no whole answer\",\"kind\":\"provider_error\",\"calls\":1,");
	says("{\"rule\":\"dev-day\",\"decision\":\"refused\",\"calls\":1}");
	good("view=ci&since=7d");
	says("\"share\":0.2000,\"cost_nanousd\":150000000}");
	says("CI is 20% of all spend");
	good("view=allocation&since=7d");
	says("{\"field\":\"team\",\"known_nanousd\":600000000,\"unknown_nanousd\":150000000,\"unknown_"
	     "calls\":1,"
	     "\"unknown_share\":0.2000}");
	good("view=cohorts&since=7d");
	says("{\"cohort\":\"pilot\",\"active_days\":1,\"sessions\":1,");
	good("view=subscription&since=7d");
	says("{\"user\":\"bo@example.com\",\"active_days\":1,\"calls\":1,\"cost_nanousd\":0,\"subscription_"
	     "nanousd\":150000000,"
	     "\"plan_share\":1.0000,");
}

static void periods_are_compared(void **state)
{
	struct error e;
	(void)state;
	good("compare=yes&by=user&since=7d");
	says("{\"user\":\"ana@example.com\",\"calls\":4,\"calls_before\":2,\"cost_nanousd\":600000000,"
	     "\"cost_before_nanousd\":300000000,\"change_nanousd\":300000000,\"change\":1.0000}");
	says("\"total\":{\"calls\":6,\"calls_before\":2,");
	assert_int_equal(ask("compare=yes&per=day", &e), ERR_INVALID);
	assert_non_null(strstr(e.text, "without per"));
	/* Somebody who was there before alone stands there too. */
	good("compare=yes&by=task&since=7d&format=table&bars=ascii");
	says("three      0       2  $0.00   $0.30  -$0.30  -100%\n");
	good("by=user&since=7d&measures=cost_per_call_nanousd,cost_per_session_nanousd,cost_per_active_day_"
	     "nanousd");
	says("{\"user\":\"ana@example.com\",\"bucket\":null,\"cost_per_call_nanousd\":150000000,"
	     "\"cost_per_session_nanousd\":300000000,\"cost_per_active_day_nanousd\":600000000}");
}

static void charts_fit_and_are_aligned(void **state)
{
	(void)state;
	good("chart=yes&by=user&since=14d&format=table&bars=ascii&width=70");
	says("Cost by day");
	says("# ana@example.com");
	for (const char *line = text, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		assert_non_null(end);
		if (end - line > 70 || (end > line && end[-1] == ' '))
			fail_msg("not within 70 columns, or with a blank at its end: \"%.*s\"",
			         (int)(end - line), line);
	}
	for (const char *p = text; *p; p++)
		assert_true((unsigned char)*p < 0x80);
	good("chart=yes&by=user&since=2d");
	says("\"chart\":{\"buckets\":[\"2025-11-24T00:00\",");
	says("\"series\":[{\"name\":\"ana@example.com\",\"values\":[0,");
	good("chart=yes&since=14d&where=user=nobody&format=table");
	says("No calls.");
}

/* What comes from outside is text, whatever the format makes of such letters. */
static void evil_names_stay_names(void **state)
{
	(void)state;
	good("by=workflow&since=7d&format=html");
	assert_string_equal(type, "text/html; charset=utf-8");
	says("@ana &lt;img src=x onerror=y&gt; |*_");
	says("<svg viewBox=");
	says_not("<img");
	says_not("<script");
	says_not("http:");
	says("prefers-color-scheme:dark");
	good("by=workflow&since=7d&format=markdown");
	assert_string_equal(type, "text/markdown; charset=utf-8");
	says("| \\@ana \\<img src=x onerror=y\\> \\|\\*\\_ |");
	good("view=ci&by=workflow&since=7d&format=csv");
	says("\r\n\"'@ana <img");
	good("by=workflow&since=7d&format=csv"); /* the plain one too */
	says("\r\n\"'@ana <img");
}

static void every_view_is_json_and_has_no_rows_of_nothing(void **state)
{
	char query[200];
	(void)state;
	for (size_t i = 0; report_view_name(i); i++) {
		static const char *const formats[] = {"json", "table", "csv", "markdown", "html"};
		for (size_t f = 0; f < 5; f++) {
			snprintf(query, sizeof query, "view=%s&since=7d&chart=yes&format=%s",
			         report_view_name(i), formats[f]);
			good(query);
			assert_true(text[0] != '\0');
			if (f)
				continue;
			struct json j;
			json_init(&j, slice_of(text));
			assert_true(json_skip(&j, NULL) && json_end(&j));
		}
		snprintf(query, sizeof query, "view=%s&since=7d&where=user=nobody", report_view_name(i));
		good(query);
	}
	struct error e;
	assert_int_equal(ask("view=sumary", &e), ERR_INVALID);
	assert_non_null(strstr(e.text, "did you mean summary?"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(at_a_glance),
	    cmocka_unit_test(caching_models_and_contexts),
	    cmocka_unit_test(distributions),
	    cmocka_unit_test(waste_ci_allocation_cohorts),
	    cmocka_unit_test(periods_are_compared),
	    cmocka_unit_test(charts_fit_and_are_aligned),
	    cmocka_unit_test(evil_names_stay_names),
	    cmocka_unit_test(every_view_is_json_and_has_no_rows_of_nothing),
	};
	return cmocka_run_group_tests(tests, fill, clear);
}
