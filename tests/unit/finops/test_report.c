#include "../store/fixture.h"
#include "base/clock.h"
#include "finops/report.h"
#include "finops/report_cell.h"
#include "text/json.h"

#define OUT_MAX ((size_t)1 << 20)
#define NOW     INT64_C(1764072000000) /* 2025-11-25T12:00:00Z, a Tuesday */

/* --- words ----------------------------------------------------------------------------------- */

static void times_are_read_in_the_time_zone(void **state)
{
	static const struct {
		const char *zone, *word, *expected;
	} cases[] = {
	    {"", "7d", "2025-11-18T00:00:00.000Z"},
	    {"", "1w", "2025-11-18T00:00:00.000Z"},
	    {"", "12h", "2025-11-25T00:00:00.000Z"},
	    {"", "90m", "2025-11-25T10:30:00.000Z"},
	    {"", "today", "2025-11-25T00:00:00.000Z"},
	    {"", "yesterday", "2025-11-24T00:00:00.000Z"},
	    {"", "week", "2025-11-24T00:00:00.000Z"},
	    {"", "month", "2025-11-01T00:00:00.000Z"},
	    {"", "2025-10-01", "2025-10-01T00:00:00.000Z"},
	    {"", "2025-10-01T08:30:00+02:00", "2025-10-01T06:30:00.000Z"},
	    {"Europe/Berlin", "today", "2025-11-24T23:00:00.000Z"},
	    {"Europe/Berlin", "2025-10-01", "2025-09-30T22:00:00.000Z"},
	    {"Europe/Berlin", "60d", "2025-09-25T22:00:00.000Z"}, /* summer time then */
	    {"Pacific/Auckland", "today", "2025-11-25T11:00:00.000Z"},
	    {"America/Los_Angeles", "month", "2025-11-01T07:00:00.000Z"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct report r;
		struct error e = {0};
		char text[CLOCK_RFC3339_MAX];
		assert_int_equal(report_init(&r, slice_of(cases[i].zone), NOW, &e), 0);
		if (report_set(&r, SLICE("since"), slice_of(cases[i].word), &e) != 0)
			fail_msg("%s: %s", cases[i].word, e.text);
		clock_format_rfc3339(r.q.since_ms, text);
		assert_string_equal(text, cases[i].expected);
		report_release(&r);
	}
	(void)state;
}

static void a_wrong_word_says_what_there_is(void **state)
{
	static const struct {
		const char *word, *value;
		int code;
		const char *says;
	} cases[] = {
	    {"by", "tem", ERR_INVALID, "did you mean team?"},
	    {"by", "cost_nanousd", ERR_INVALID, "no dimension"},
	    {"by", "team,team", ERR_INVALID, "twice"},
	    {"by", "team,\"; DROP TABLE calls", ERR_INVALID, "no dimension"},
	    {"by", "tags.a\"b", ERR_INVALID, "no dimension"},
	    {"per", "dya", ERR_INVALID, "did you mean day?"},
	    {"measures", "cost", ERR_INVALID, "no measure"},
	    {"measures", "", ERR_INVALID, "no measures"},
	    {"where", "team", ERR_INVALID, "write FIELD=VALUE"},
	    {"where", "teem=x", ERR_INVALID, "did you mean team?"},
	    {"since", "last tuesday", ERR_INVALID, "is no time"},
	    {"since", "-3d", ERR_INVALID, "is no time"},
	    {"since", "99999999999d", ERR_INVALID, "is no time"},
	    {"limit", "0", ERR_INVALID, "1 to 1000"},
	    {"format", "xml", ERR_INVALID, "table, json, csv, markdown or html"},
	    {"bars", "unicode", ERR_INVALID, "ascii or utf8"},
	    {"width", "wide", ERR_INVALID, "a number"},
	    {"top", "-1", ERR_INVALID, "a number"},
	    {"group", "team", ERR_NOT_FOUND, "no parameter"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct report r;
		struct error e = {0};
		assert_int_equal(report_init(&r, SLICE_NONE, NOW, &e), 0);
		assert_int_equal(report_set(&r, slice_of(cases[i].word), slice_of(cases[i].value), &e),
		                 cases[i].code);
		if (strstr(e.text, cases[i].says) == NULL)
			fail_msg("%s=%s says \"%s\"", cases[i].word, cases[i].value, e.text);
		report_release(&r);
	}
	(void)state;
}

static void a_query_string_is_decoded(void **state)
{
	struct report r;
	struct error e = {0};
	struct arena mem;
	arena_init(&mem, 1 << 16);
	assert_int_equal(report_init(&r, SLICE_NONE, NOW, &e), 0);
	assert_int_equal(
	    report_set_query(&r,
	                     SLICE("by=team%2Cmodel&per=day&where=user%3Dana%40example.com&where=repo=a+b&&"),
	                     &mem, &e),
	    0);
	assert_int_equal(r.q.by_n, 2);
	assert_slice_equal(r.q.by[1], SLICE("model"));
	assert_int_equal(r.q.per, PER_DAY);
	assert_int_equal(r.q.filters_n, 2);
	assert_slice_equal(r.q.filters[0].value, SLICE("ana@example.com"));
	assert_slice_equal(r.q.filters[1].value, SLICE("a b"));
	assert_int_equal(report_set_query(&r, SLICE("by=100%25%zz%4"), &mem, &e), ERR_INVALID);
	assert_non_null(strstr(e.text, "\"100%%zz%4\""));
	report_release(&r);
	arena_release(&mem);
	(void)state;
}

/* --- answers --------------------------------------------------------------------------------- */

struct answers {
	struct folder folder;
	const struct ledger_ops *ops;
	struct ledger *ledger;
};

static struct answers book;

/* Ana: two calls on sonnet, one unpriced; bo: one on a plan, with an evil team name; one refusal of nobody.
 */
static int fill(void **state)
{
	struct record r[5];
	struct error e = {0};
	slice rest;
	folder_make(&book.folder);
	book.ops = ledger_for(SLICE("sqlite:x"), &rest, &e);
	assert_int_equal(book.ops->open(folder_file(&book.folder, "weir.db"), true, &book.ledger, &e), 0);
	for (int i = 0; i < 5; i++)
		sample_settled(&r[i], i);
	for (int i = 0; i < 5; i++)
		r[i].time_ms = NOW - (5 - i) * INT64_C(3600000) * 12;
	r[1].priced = false;
	r[2].who.v[ATTR_USER] = SLICE("bo@example.com");
	r[2].who.v[ATTR_TEAM] = SLICE("red \033[31m, \"quoted\"\n");
	r[2].billing = BILLING_SUBSCRIPTION;
	r[3].who.v[ATTR_USER] = r[3].who.v[ATTR_TEAM] = SLICE_NONE;
	r[3].ending = ENDING_REFUSED;
	r[3].status = 402;
	r[3].usage_source = SOURCE_NONE;
	r[3].priced = false;
	static struct record_part parts[2];
	for (int i = 0; i < 2; i++) {
		parts[i] =
		    (struct record_part){.part = i ? CALL_PART_USER : CALL_PART_TOOL, .calls = i ? 0 : 2};
		for (int k = 0; k < SENT_N; k++)
			parts[i].tokens[k] = 100 * k, parts[i].nanousd[k] = i ? RECORD_ABSENT : 1000 * k;
	}
	parts[0].tool = SLICE("mcp__jira__search");
	parts[0].mcp_server = SLICE("jira");
	parts[0].failures = 1;
	for (int i = 0; i < 3; i++) { /* ana, ana, and bo on the plan */
		r[i].parts = parts;
		r[i].parts_n = 2;
	}
	assert_int_equal(book.ops->begin(book.ledger, &e), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(book.ops->add(book.ledger, &r[i], &e), 0);
	assert_int_equal(book.ops->commit(book.ledger, &e), 0);
	(void)state;
	return 0;
}

static int clear(void **state)
{
	book.ops->close(book.ledger);
	folder_remove(&book.folder);
	(void)state;
	return 0;
}

static void assert_answer(const char *query, const char *expected)
{
	struct report r;
	struct error e = {0};
	struct arena mem;
	struct buf out;
	int rc = -1;
	arena_init(&mem, 1 << 16);
	buf_init(&out, OUT_MAX);
	assert_int_equal(report_init(&r, SLICE_NONE, NOW, &e), 0);
	if (report_set_query(&r, slice_of(query), &mem, &e) != 0 || report_ready(&r, &e) != 0)
		fail_msg("%s", e.text);
	rc = report_answer(book.ops, book.ledger, &r, &out, NULL, &e);
	if (rc != 0)
		fail_msg("%s", e.text);
	assert_slice_equal(buf_slice(&out), slice_of(expected));
	report_release(&r);
	arena_release(&mem);
	buf_release(&out);
}

static void json_has_the_products_shape(void **state)
{
	assert_answer(
	    "format=json&by=user,status&measures=calls,refused,cost_nanousd,subscription_nanousd,cache_hit_"
	    "ratio",
	    "{\"by\":[\"user\",\"status\"],\"per\":null,\"since\":\"2025-10-26T00:00:00.000Z\",\"until\":"
	    "\"2025-11-25T12:00:00.000Z\",\"rows\":["
	    "{\"user\":\"ana@example.com\",\"status\":200,\"bucket\":null,\"calls\":3,\"refused\":0,"
	    "\"cost_nanousd\":47922000,\"subscription_nanousd\":0,\"cache_hit_ratio\":0.9636},"
	    "{\"user\":\"bo@example.com\",\"status\":200,\"bucket\":null,\"calls\":1,\"refused\":0,"
	    "\"cost_nanousd\":0,\"subscription_nanousd\":23961000,\"cache_hit_ratio\":0.9636},"
	    "{\"user\":null,\"status\":402,\"bucket\":null,\"calls\":0,\"refused\":1,"
	    "\"cost_nanousd\":0,\"subscription_nanousd\":0,\"cache_hit_ratio\":0.9636}],"
	    "\"total\":{\"calls\":4,\"refused\":1,\"cost_nanousd\":47922000,\"subscription_nanousd\":"
	    "23961000,"
	    "\"cache_hit_ratio\":0.9636}}");
	assert_answer("format=json&per=day&since=2025-11-24&until=2025-11-25&measures=calls,reasoning_tokens",
	              "{\"by\":[],\"per\":\"day\",\"since\":\"2025-11-24T00:00:00.000Z\",\"until\":"
	              "\"2025-11-25T00:00:00.000Z\",\"rows\":["
	              "{\"bucket\":\"2025-11-24\",\"calls\":1,\"reasoning_tokens\":null}],"
	              "\"total\":{\"calls\":1,\"reasoning_tokens\":null}}");
	(void)state;
}

static void tools_and_servers(void **state)
{
	assert_answer(
	    "format=csv&by=tool,part",
	    "tool,part,calls,tool_calls,tool_failures,definition_tokens,argument_tokens,result_tokens,"
	    "text_tokens,resent_tokens,resent_nanousd,cost_nanousd,subscription_nanousd\r\n"
	    "mcp__jira__search,tool,3,6,3,0,300,600,900,1200,8000,20000,10000\r\n"
	    ",user,3,0,0,0,300,600,900,1200,,0,0\r\n");
	/* With the dimensions and filters of calls */
	assert_answer(
	    "format=csv&by=mcp_server,user&where=tool=*search&measures=tool_calls,sessions,cost_nanousd",
	    "mcp_server,user,tool_calls,sessions,cost_nanousd\r\n"
	    "jira,ana@example.com,4,1,20000\r\n"
	    "jira,bo@example.com,2,1,0\r\n");
	assert_answer("format=csv&by=user&measures=resent_nanousd",
	              "user,resent_nanousd\r\nana@example.com,8000\r\nbo@example.com,\r\n");
	(void)state;
}

static void a_measure_of_calls_is_none_of_tools(void **state)
{
	struct report r;
	struct error e = {0};
	assert_int_equal(report_init(&r, SLICE_NONE, NOW, &e), 0);
	assert_int_equal(report_set(&r, SLICE("by"), SLICE("tool"), &e), 0);
	assert_int_equal(report_set(&r, SLICE("measures"), SLICE("output_tokens"), &e), 0);
	assert_int_equal(report_ready(&r, &e), ERR_INVALID);
	assert_non_null(strstr(e.text, "output_tokens is a measure of whole calls"));
	report_release(&r);
	(void)state;
}

static void a_cost_that_nobody_knows_is_null(void **state)
{
	assert_answer(
	    "format=json&by=provider&where=cost_nanousd=&where=ending=!refused&measures=calls,unpriced,cost_"
	    "nanousd",
	    "{\"by\":[\"provider\"],\"per\":null,\"since\":\"2025-10-26T00:00:00.000Z\",\"until\":"
	    "\"2025-11-25T12:00:00.000Z\",\"rows\":["
	    "{\"provider\":\"anthropic\",\"bucket\":null,\"calls\":1,\"unpriced\":1,\"cost_nanousd\":null}],"
	    "\"total\":{\"calls\":1,\"unpriced\":1,\"cost_nanousd\":null}}");
	(void)state;
}

static void csv_is_quoted_and_leaves_the_unknown_empty(void **state)
{
	assert_answer("format=csv&by=team&measures=calls,reasoning_tokens,cost_nanousd",
	              "team,calls,reasoning_tokens,cost_nanousd\r\n"
	              "payments,3,,47922000\r\n"
	              "\"red \033[31m, \"\"quoted\"\"\n\",1,,0\r\n"
	              ",0,,0\r\n");
	(void)state;
}

static void a_table_for_people(void **state)
{
	assert_answer(
	    "by=user,team&measures=calls,cost_nanousd",
	    "Spend by user and team, 2025-10-26 to now (UTC)\n"
	    "\n"
	    "user             team                  calls     cost\n"
	    "---------------  --------------------  -----  -------\n"
	    "ana@example.com  payments                  3  $0.0479  ########################\n"
	    "bo@example.com   red ?[31m, \"quoted\"?      1    $0.00\n"
	    "-                -                         0    $0.00\n"
	    "---------------  --------------------  -----  -------\n"
	    "total                                      4  $0.0479\n"
	    "\n"
	    "The cost of 1 call is not known and not in the total: `weir price check` names the models.\n");
	/* Texts give way to the terminal's width, a repeated day is written once. */
	assert_answer("bars=utf8&width=33&by=user&per=day&measures=calls&since=2025-11-23T18:00:00Z",
	              "Spend by user, 2025-11-23 18:00 to now (UTC)\n"
	              "\n"
	              "day         user            calls\n"
	              "──────────  ──────────────  ─────\n"
	              "2025-11-24  bo@example.com      1\n"
	              "            -                   0\n"
	              "2025-11-25  ana@example.c…      1\n"
	              "──────────  ──────────────  ─────\n"
	              "total                           2\n");
	/* Before names become unreadable, figures that were not asked for give way. */
	assert_answer(
	    "width=60&top=1&by=user&where=team=payments",
	    "Spend by user, 2025-10-26 to now (UTC), where team=payments\n"
	    "\n"
	    "user             calls  unpriced  input  output     cost\n"
	    "---------------  -----  --------  -----  ------  -------\n"
	    "ana@example.com      3         1   125k   1,260  $0.0479\n"
	    "---------------  -----  --------  -----  ------  -------\n"
	    "total                3         1   125k   1,260  $0.0479\n"
	    "\n"
	    "The cost of 1 call is not known and not in the total: `weir price check` names the models.\n");
	/* The value of a plan stands apart from what was spent; columns without anything are left out. */
	assert_answer(
	    "top=1&by=user&where=usage_source=reported",
	    "Spend by user, 2025-10-26 to now (UTC), where usage_source=reported\n"
	    "\n"
	    "user             calls  unpriced  sessions  input  cached  output  plan value     cost\n"
	    "---------------  -----  --------  --------  -----  ------  ------  ----------  -------\n"
	    "ana@example.com      3         1         1   125k     96%   1,260       $0.00  $0.0479\n"
	    "---------------  -----  --------  --------  -----  ------  ------  ----------  -------\n"
	    "total                4         1         1   166k     96%   1,680      $0.024  $0.0479\n"
	    "\n"
	    "1 more row is not shown, but counted in the total: --top 0 shows all.\n"
	    "\n"
	    "The cost of 1 call is not known and not in the total: `weir price check` names the models.\n"
	    "\n"
	    "Plan value: what calls on a subscription would cost at list price. It was not spent, and is not "
	    "in "
	    "the cost.\n");
	(void)state;
}

static void calls_are_given_newest_first(void **state)
{
	struct report r;
	struct error e = {0};
	struct buf out;
	size_t at;
	buf_init(&out, OUT_MAX);
	assert_int_equal(report_init(&r, SLICE_NONE, NOW, &e), 0);
	assert_int_equal(report_set(&r, SLICE("limit"), SLICE("2"), &e), 0);
	assert_int_equal(report_ready(&r, &e), 0);
	assert_int_equal(report_calls_json(book.ops, book.ledger, &r, &out, &e), 0);
	slice text = buf_slice(&out);
	assert_null(json_validate(text, &at));
	ptrdiff_t newest = slice_find(text, SLICE("\"id\":\"01TEST00000000000000000004\""));
	ptrdiff_t next = slice_find(text, SLICE("\"id\":\"01TEST00000000000000000003\""));
	assert_true(newest > 0 && next > newest);
	assert_true(slice_find(text, SLICE("01TEST00000000000000000002")) < 0);
	report_release(&r);
	buf_release(&out);
	(void)state;
}

/* The user's own name is no pattern. */
static void a_filter_that_cannot_be_widened(void **state)
{
	static const struct {
		const char *user;
		int calls;
	} cases[] = {
	    {"ana@example.com", 3}, {"*", 0}, {"!x", 0}, {"ana@example.com,bo@example.com", 0}, {"ana*", 0}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct report r;
		struct error e = {0};
		struct buf out;
		char calls[64];
		buf_init(&out, OUT_MAX);
		assert_int_equal(report_init(&r, SLICE_NONE, NOW, &e), 0);
		assert_int_equal(report_set(&r, SLICE("measures"), SLICE("calls"), &e), 0);
		assert_int_equal(report_only(&r, SLICE("user"), slice_of(cases[i].user), &e), 0);
		assert_int_equal(report_only(&r, SLICE("user"), SLICE_NONE, &e), ERR_INVALID);
		assert_int_equal(report_ready(&r, &e), 0);
		assert_int_equal(report_json(book.ops, book.ledger, &r, &out, &e), 0);
		snprintf(calls, sizeof calls, "\"total\":{\"calls\":%d}", cases[i].calls);
		if (slice_find(buf_slice(&out), slice_of(calls)) < 0)
			fail_msg("%s: " SLICE_FMT, cases[i].user, SLICE_ARG(buf_slice(&out)));
		report_release(&r);
		buf_release(&out);
	}
	(void)state;
}

static void figures_for_people(void **state)
{
	static const struct {
		enum measure_kind kind;
		int64_t v;
		const char *expected;
	} cases[] = {
	    {MEASURE_COUNT, 0, "0"},
	    {MEASURE_COUNT, 999, "999"},
	    {MEASURE_COUNT, 1000, "1,000"},
	    {MEASURE_COUNT, 1234567, "1,234,567"},
	    {MEASURE_COUNT, INT64_MAX, "9,223,372,036,854,775,807"},
	    {MEASURE_COUNT, RECORD_ABSENT, "-"},
	    {MEASURE_TOKENS, 9999, "9,999"},
	    {MEASURE_TOKENS, 10000, "10.0k"},
	    {MEASURE_TOKENS, 99949, "99.9k"},
	    {MEASURE_TOKENS, 99950, "100k"},
	    {MEASURE_TOKENS, 999499, "999k"},
	    {MEASURE_TOKENS, 999500, "1.00M"},
	    {MEASURE_TOKENS, 9994999, "9.99M"},
	    {MEASURE_TOKENS, 9995000, "10.0M"},
	    {MEASURE_TOKENS, 1234567890, "1.23B"},
	    {MEASURE_TOKENS, INT64_MAX, "9223372T"},
	    {MEASURE_SECONDS, 59, "59s"},
	    {MEASURE_SECONDS, 61, "1m 01s"},
	    {MEASURE_SECONDS, 3600, "1h 00m"},
	    {MEASURE_SECONDS, 172800, "2d 00h"},
	    {MEASURE_RATIO, 9636, "96%"},
	    {MEASURE_RATIO, 10000, "100%"},
	    {MEASURE_MONEY, 1500000000, "$1.50"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct measure m = {.kind = cases[i].kind};
		struct cell c;
		cell_measure(&c, &m, cases[i].v);
		assert_slice_equal((slice){c.s, c.n}, slice_of(cases[i].expected));
	}
	(void)state;
}

static void texts_cannot_command_the_terminal(void **state)
{
	static const struct {
		const char *text, *expected;
		size_t width;
	} cases[] = {
	    {"plain", "plain", 5},
	    {"M\xc3\xbcller", "M\xc3\xbcller", 6},
	    {"a\033[2Jb", "a?[2Jb", 6},
	    {"a\xc2\x9b"
	     "2Jb",
	     "a?2Jb", 5}, /* C1 control sequence introducer */
	    {"a\xe2\x80\xae"
	     "b",
	     "a?b", 3}, /* right-to-left override */
	    {"\x7f\r\n\t", "????", 4},
	    {"", "", 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct cell c;
		cell_text(&c, slice_of(cases[i].text));
		assert_slice_equal((slice){c.s, c.n}, slice_of(cases[i].expected));
		assert_int_equal(c.width, cases[i].width);
	}
	struct cell c;
	cell_text(&c, SLICE("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f"));
	cell_cut(&c, 3, true);
	assert_slice_equal((slice){c.s, c.n}, SLICE("\xc3\xa4\xc3\xb6\xe2\x80\xa6"));
	cell_bar(&c, 1, 1000000, 8, true);
	assert_slice_equal((slice){c.s, c.n}, SLICE("\xe2\x96\x8f")); /* something is never nothing */
	cell_bar(&c, 100, 100, 3, false);
	assert_slice_equal((slice){c.s, c.n}, SLICE("###"));
	cell_bar(&c, INT64_MAX, INT64_MAX, 40, true);
	assert_int_equal(c.width, 40);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(times_are_read_in_the_time_zone),
	    cmocka_unit_test(a_wrong_word_says_what_there_is),
	    cmocka_unit_test(a_query_string_is_decoded),
	    cmocka_unit_test(json_has_the_products_shape),
	    cmocka_unit_test(tools_and_servers),
	    cmocka_unit_test(a_measure_of_calls_is_none_of_tools),
	    cmocka_unit_test(a_cost_that_nobody_knows_is_null),
	    cmocka_unit_test(csv_is_quoted_and_leaves_the_unknown_empty),
	    cmocka_unit_test(a_table_for_people),
	    cmocka_unit_test(calls_are_given_newest_first),
	    cmocka_unit_test(a_filter_that_cannot_be_widened),
	    cmocka_unit_test(figures_for_people),
	    cmocka_unit_test(texts_cannot_command_the_terminal),
	};
	return cmocka_run_group_tests(tests, fill, clear);
}
