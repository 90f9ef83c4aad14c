/* The price book: what a name leads to, at what time, and what a broken book is refused for. */
#include "unit/unit.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/money.h"
#include "model/catalog.h"
#include "model/usage.h"

static int64_t day(const char *date)
{
	int64_t ms = 0;
	assert_true(clock_parse_rfc3339(slice_of(date), &ms));
	return ms;
}

#define NOW day("2026-11-22")

static struct catalog *book(const char *json)
{
	struct error e;
	struct catalog *c = catalog_read(slice_of(json), &e);
	if (!c)
		fail_msg("%s at byte %zu", e.text, e.offset);
	return c;
}

static const char names_book[] =
    "{\"format\":\"weir-prices/1\",\"vendors\":{"
    "\"acme\":{"
    "\"swift\":{\"prices\":[{\"input\":\"1\"}]},"
    "\"swift-2\":{\"names\":[\"swift-two\",\"Quick\\u002d2\"],\"prices\":[{\"input\":\"2\"}]},"
    "\"swift-2-20250101\":{\"prices\":[{\"input\":\"3\"}]},"
    "\"slow\":{\"names\":[\"slow-*\",\"*\"],\"prices\":[{\"input\":\"4\"}]},"
    "\"slow-mo\":{\"names\":[\"slow-mo-*\",\"slow-??????????\"],\"prices\":[{\"input\":\"5\"}]}},"
    "\"other\":{\"far\":{\"prices\":[{\"input\":\"6\"}]},"
    "\"eu.far\":{\"prices\":[{\"input\":\"7\"}]}}}}";

static void names_lead_to_rows(void **state)
{
	(void)state;
	static const struct {
		const char *vendor, *model, *id;
	} cases[] = {
	    {"acme", "swift", "acme/swift"},
	    {"acme", "SWIFT", "acme/swift"},
	    {"Acme", "Swift-Two", "acme/swift-2"},
	    {"acme", "quick-2", "acme/swift-2"},
	    {"acme", "swift-2-20250101", "acme/swift-2-20250101"},
	    {"acme", "swift-2-20250102", "acme/swift-2"},
	    {"acme", "swift-2@20250102", "acme/swift-2"},
	    {"acme", "swift-2-2025-08-07", "acme/swift-2"},
	    {"acme", "swift-two-latest", "acme/swift-2"},
	    {"acme", "swift-2@default", "acme/swift-2"},
	    {"acme", "swift-2-20250102-v1:0", "acme/swift-2"},
	    {"acme", "swift-2-v2", "acme/swift-2"},
	    /* the longest pattern; a family that is known goes before a pattern */
	    {"acme", "slow-x", "acme/slow"},
	    {"acme", "slow-mo-x", "acme/slow-mo"},
	    {"acme", "SLOW-0123456789", "acme/slow-mo"},
	    {"acme", "unheard-of", "acme/slow"},
	    /* no guess from a longer name, an unmarked number, another vendor, a wildcard in the question */
	    {"other", "far-2", NULL},
	    {"other", "farther", NULL},
	    {"other", "fa", NULL},
	    {"other", "far-1234567", NULL},
	    {"other", "far-123456789", NULL},
	    {"other", "far-10250102", NULL},
	    {"other", "far-2025-8-07", NULL},
	    {"other", "f*", NULL},
	    {"other", "*", NULL},
	    {"other", "swift", NULL},
	    {"other", "-20250102", NULL},
	    {"other", "-latest", NULL},
	    {"other", "", NULL},
	    {"acm", "swift", NULL},
	    {"", "swift", NULL},
	    {"other", "us.far", NULL},
	    {"other", "eu.far-v1:0", "other/eu.far"},
	};
	struct catalog *c = book(names_book);
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct price *p =
		    catalog_price(c, slice_of(cases[i].vendor), slice_of(cases[i].model), 0);
		slice want = slice_of(cases[i].id), got = p ? p->id : SLICE_NONE;
		if (!slice_eq(want, got))
			fail_msg("%s %s: " SLICE_FMT ", want %s", cases[i].vendor, cases[i].model,
			         SLICE_ARG(got), cases[i].id ? cases[i].id : "none");
	}
	catalog_unref(c);
}

static void long_names_are_unknown(void **state)
{
	(void)state;
	char name[300];
	memset(name, 'x', sizeof name);
	struct catalog *c = book(names_book);
	assert_non_null(catalog_price(c, SLICE("acme"), slice_make(name, 128), 0)); /* "*" */
	assert_null(catalog_price(c, SLICE("acme"), slice_make(name, 129), 0));
	assert_null(catalog_price(c, SLICE("acme"), slice_make(name, sizeof name), 0));
	catalog_unref(c);
}

static void dated_prices_change_at_their_border(void **state)
{
	(void)state;
	static const char json[] =
	    "{\"format\":\"weir-prices/1\",\"vendors\":{\"v\":{\"m\":{\"prices\":["
	    "{\"input\":\"1\",\"until\":\"2026-01-01\"},{\"from\":\"2026-02-01\",\"input\":\"2\"},"
	    "{\"from\":\"2026-03-01\",\"until\":\"2026-04-01\",\"input\":\"3\"}]}}}}";
	static const struct {
		const char *at;
		int64_t off;
		const char *id;
	} cases[] = {
	    {"1970-01-01", -1000000, "v/m"},
	    {"2026-01-01", -1, "v/m"},
	    {"2026-01-01", 0, NULL},
	    {"2026-02-01", -1, NULL},
	    {"2026-02-01", 0, "v/m@2026-02-01"},
	    {"2026-03-01", -1, "v/m@2026-02-01"},
	    {"2026-03-01", 0, "v/m@2026-03-01"},
	    {"2026-04-01", -1, "v/m@2026-03-01"},
	    {"2026-04-01", 0, NULL},
	    {"2099-01-01", 0, NULL},
	};
	struct catalog *c = book(json);
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct price *p =
		    catalog_price(c, SLICE("v"), SLICE("m"), day(cases[i].at) + cases[i].off);
		if (!slice_eq(slice_of(cases[i].id), p ? p->id : SLICE_NONE))
			fail_msg("%s %+lld: " SLICE_FMT, cases[i].at, (long long)cases[i].off,
			         p ? (int)p->id.n : 4, p ? p->id.p : "none");
	}
	catalog_unref(c);
}

static void rows_hold_what_the_book_says(void **state)
{
	(void)state;
	static const char json[] =
	    "{\"format\":\"weir-prices/1\",\"date\":\"2026-08-22\",\"sources\":{\"s\":\"a book, 2026\"},"
	    "\"modifiers\":{\"half\":[{\"tier\":\"batch|flex\",\"times\":\"0.5\"}]},"
	    "\"vendors\":{\"v\":{\"m\":{\"context_window\":200000,\"max_output\":64000,\"prices\":["
	    "{\"source\":\"s\",\"input\":3000000000,\"output\":\"15\",\"cache_read\":\"0.30\",\"web_"
	    "searches\":"
	    "\"10000\","
	    "\"modifiers\":\"half\"},"
	    "{\"from\":\"2026-01-01\",\"source\":\"by "
	    "hand\",\"input\":\"0\",\"modifiers\":[{\"region\":\"us\","
	    "\"times\":\"1.1\",\"meters\":[\"input\",\"output\"]},"
	    "{\"above_context\":200000,\"input\":\"6\"},{\"speed\":\"fast\",\"times\":\"6\"}]}]}}}}";
	struct catalog *c = book(json);
	const struct price *p = catalog_price(c, SLICE("v"), SLICE("m"), 0);
	assert_true(slice_eq(p->source, SLICE("a book, 2026")));
	assert_true(slice_eq(catalog_date(c), SLICE("2026-08-22")));
	assert_int_equal(p->per_million[METER_INPUT], INT64_C(3000000000));
	assert_int_equal(p->per_million[METER_OUTPUT], INT64_C(15000000000));
	assert_int_equal(p->per_million[METER_CACHE_READ], 300000000);
	assert_int_equal(p->per_million[METER_WEB_SEARCHES], INT64_C(10000000000000));
	assert_int_equal(p->per_million[METER_CACHE_WRITE_5M], PRICE_ABSENT);
	assert_int_equal(p->context_window, 200000);
	assert_int_equal(p->max_output, 64000);
	assert_int_equal(p->modifiers_n, 1);
	assert_int_equal(p->modifiers[0].ppm, 500000);
	assert_true(p->modifiers[0].meters >> METER_OUTPUT_AUDIO & 1);
	assert_false(p->modifiers[0].meters >> METER_WEB_SEARCHES & 1);
	p = catalog_price(c, SLICE("v"), SLICE("m"), NOW);
	assert_true(slice_eq(p->source, SLICE("by hand")));
	assert_int_equal(p->per_million[METER_INPUT], 0);
	assert_int_equal(p->modifiers_n, 3);
	assert_int_equal(p->modifiers[0].ppm, 1100000);
	assert_int_equal(p->modifiers[0].meters, 1 << METER_INPUT | 1 << METER_OUTPUT);
	assert_int_equal(p->modifiers[1].ppm, PPM_NONE);
	assert_int_equal(p->modifiers[1].above_context_tokens, 200000);
	assert_int_equal(p->modifiers[1].per_million[METER_INPUT], INT64_C(6000000000));
	catalog_unref(c);
}

/* A book around one model's entry. */
#define MODEL(entry) "{\"format\":\"weir-prices/1\",\"vendors\":{\"v\":{\"m\":" entry "}}}"
#define ROW(row)     MODEL("{\"prices\":[" row "]}")

static void broken_books_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *json, *says;
	} cases[] = {
	    {"", "end"},
	    {"[]", "object"},
	    {"{}", "format"},
	    {"{\"format\":\"weir-prices/2\"}", "weir-prices/1"},
	    {"{\"format\":\"weir-prices/1\"}", "vendors"},
	    {"{\"format\":\"weir-prices/1\",\"vendors\":{},\"vendors\":{}}", "unknown key \"vendors\""},
	    {"{\"format\":\"weir-prices/1\",\"vendors\":{}} x", ""},
	    {"{\"format\":\"weir-prices/1\",\"vendor\":{}}", "unknown key \"vendor\""},
	    {MODEL("{}"), "without prices"},
	    {MODEL("{\"prices\":[]}"), "without prices"},
	    {MODEL("{\"prices\":[{\"input\":1}],\"prices\":[{\"input\":1}]}"), "unknown key \"prices\""},
	    {MODEL("{\"price\":[{\"input\":1}]}"), "unknown key \"price\""},
	    {MODEL("{\"names\":[\"\"],\"prices\":[{\"input\":1}]}"), "a name has 1 to 128 bytes"},
	    {MODEL("{\"names\":[\"M\"],\"prices\":[{\"input\":1}]}"), "stands twice"},
	    {MODEL("{\"names\":[\"a\",\"A\"],\"prices\":[{\"input\":1}]}"), "stands twice"},
	    {MODEL("{\"names\":\"a\",\"prices\":[{\"input\":1}]}"), ""},
	    {MODEL("{\"context_window\":0,\"prices\":[{\"input\":1}]}"), "above 0"},
	    {ROW("{}"), "without any meter"},
	    {ROW("{\"source\":\"x\"}"), "without any meter"},
	    {ROW("{\"input_tokens\":1}"), "unknown key \"input_tokens\""},
	    {ROW("{\"input\":-1}"), "below 0"},
	    {ROW("{\"input\":\"-1\"}"), "USD"},
	    {ROW("{\"input\":\"1e3\"}"), "USD"},
	    {ROW("{\"input\":\"0.0000000001\"}"), "USD"},
	    {ROW("{\"input\":0.5}"), ""},
	    {ROW("{\"input\":null}"), ""},
	    {ROW("{\"input\":9223372036854775808}"), ""},
	    {ROW("{\"input\":1,\"from\":\"yesterday\"}"), "date"},
	    {ROW("{\"input\":1,\"from\":\"2026-02-01\",\"until\":\"2026-02-01\"}"), "after"},
	    {ROW("{\"input\":1,\"from\":\"2026-02-01\"},{\"input\":1,\"from\":\"2026-02-01\"}"),
	     "oldest first"},
	    {ROW("{\"input\":1},{\"input\":1}"), "oldest first"},
	    {ROW("{\"input\":1,\"modifiers\":\"none\"}"), "no set"},
	    {ROW("{\"input\":1,\"modifiers\":[{\"times\":\"2\"}]}"), "condition"},
	    {ROW("{\"input\":1,\"modifiers\":[{\"tier\":\"\",\"times\":\"2\"}]}"), "1 to 4 values"},
	    {ROW("{\"input\":1,\"modifiers\":[{\"tier\":\"a|b|c|d|e\",\"times\":\"2\"}]}"), "1 to 4 values"},
	    {ROW("{\"input\":1,\"modifiers\":[{\"tier\":\"a\",\"times\":\"0.0000001\"}]}"), "6 decimals"},
	    {ROW("{\"input\":1,\"modifiers\":[{\"tier\":\"a\",\"times\":\"2 USD\"}]}"), "6 decimals"},
	    {ROW("{\"input\":1,\"modifiers\":[{\"tier\":\"a\",\"times\":\"-1\"}]}"), "6 decimals"},
	    {ROW("{\"input\":1,\"modifiers\":[{\"tier\":\"a\",\"meters\":[\"all\"]}]}"), "unknown meter"},
	    {ROW("{\"input\":1,\"modifiers\":[{\"tier\":\"a\",\"above\":1}]}"), "unknown key \"above\""},
	    {ROW("{\"input\":1,\"modifiers\":[{\"above_context\":0}]}"), "above 0"},
	    {"{\"format\":\"weir-prices/1\",\"vendors\":{\"v\":{\"m*\":{\"prices\":[{\"input\":1}]}}}}",
	     "wildcard"},
	    {"{\"format\":\"weir-prices/1\",\"vendors\":{\"v\":{\"m\":{\"prices\":[{\"input\":1}]},\"m\":{"
	     "\"prices\":[{\"input\":1}]}}}}",
	     "stands twice"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct error e = {0};
		struct catalog *c = catalog_read(slice_of(cases[i].json), &e);
		if (c || e.code != ERR_INVALID || !strstr(e.text, cases[i].says) || e.text[0] == '\0' ||
		    e.offset > strlen(cases[i].json) || e.line != 1 || e.column != (int)e.offset + 1)
			fail_msg("%s\n%s: code %d at %zu: %s", cases[i].json, c ? "taken" : "refused", e.code,
			         e.offset, e.text);
		assert_null(catalog_read(slice_of(cases[i].json), NULL));
	}
}

/* Every prefix of a good book is refused, none is read beyond its end. */
static void torn_books_are_refused(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof names_book - 1; n++) {
		char *copy = malloc(n ? n : 1);
		assert_non_null(copy);
		memcpy(copy, names_book, n);
		struct error e = {0};
		assert_null(catalog_read(slice_make(copy, n), &e));
		assert_int_equal(e.code, ERR_INVALID);
		free(copy);
	}
}

static void a_book_over_another(void **state)
{
	(void)state;
	struct catalog *below = book(names_book);
	static const char json[] = "{\"format\":\"weir-prices/1\",\"vendors\":{\"acme\":{"
	                           "\"swift-2\":{\"prices\":[{\"input\":\"9\"}]},"
	                           "\"newest\":{\"names\":[\"swift\"],\"prices\":[{\"input\":\"8\"}]}}}}";
	struct error e;
	struct catalog *c = catalog_overlay(below, slice_of(json), &e);
	assert_non_null(c);
	catalog_unref(below); /* c keeps it */
	static const struct {
		const char *vendor, *model;
		int64_t usd;
	} cases[] = {{"acme", "swift-2", 9},          {"acme", "swift-2-20250102", 9},
	             {"acme", "newest", 8},           {"acme", "swift", 8},
	             {"acme", "swift-two", 2},        {"other", "far", 6},
	             {"acme", "swift-2-20250101", 9}, {"acme", "slow-x", 4}};
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct price *p =
		    catalog_price(c, slice_of(cases[i].vendor), slice_of(cases[i].model), NOW);
		assert_non_null(p);
		assert_int_equal(p->per_million[METER_INPUT], cases[i].usd * INT64_C(1000000000));
	}
	size_t at = 0, n = 0;
	slice last = SLICE_NONE;
	for (const struct price *p; (p = catalog_each(c, &at)) != NULL; n++) {
		assert_true(slice_cmp(last, p->id) < 0);
		last = p->id;
	}
	assert_int_equal(
	    n, 7); /* newest, slow, slow-mo, swift-2, swift-2-20250101, eu.far, far: swift is hidden */
	catalog_unref(c);
}

/* --- the built-in book ------------------------------------------------------------------------------------
 */

static void the_built_in_book_prices_what_agents_use(void **state)
{
	(void)state;
	static const struct {
		const char *vendor, *model, *at;
		const char *input, *cache_read, *write_5m, *write_1h, *output; /* USD for a million */
	} cases[] = {
	    {"anthropic", "claude-opus-5", "2026-11-22", "5", "0.5", "6.25", "10", "25"},
	    {"anthropic", "claude-opus-4-8", "2026-11-22", "5", "0.5", "6.25", "10", "25"},
	    {"anthropic", "claude-opus-4-1-20250805", "2026-11-22", "15", "1.5", "18.75", "30", "75"},
	    {"anthropic", "claude-opus-4-20250514", "2026-11-22", "15", "1.5", "18.75", "30", "75"},
	    {"anthropic", "claude-opus-4-6", "2026-03-12", "5", "0.5", "6.25", "10", "25"},
	    {"anthropic", "claude-sonnet-5-5", "2026-10-06", "2", "0.2", "2.5", "4", "10"},
	    {"anthropic", "claude-sonnet-5-5", "2026-10-07", "2", "0.1", "2.5", "4", "10"},
	    {"anthropic", "claude-sonnet-4-5-20250929", "2026-11-22", "3", "0.3", "3.75", "6", "15"},
	    {"anthropic", "claude-sonnet-4-20250514", "2026-11-22", "3", "0.3", "3.75", "6", "15"},
	    {"anthropic", "claude-haiku-4-5-20251001", "2026-11-22", "1", "0.1", "1.25", "2", "5"},
	    {"anthropic", "claude-3-5-haiku-20241022", "2026-11-22", "0.8", "0.08", "1", "1.6", "4"},
	    {"anthropic", "claude-3-7-sonnet-latest", "2026-11-22", "3", "0.3", "3.75", "6", "15"},
	    {"openai", "gpt-5", "2026-11-22", "1.25", "0.125", NULL, NULL, "10"},
	    {"openai", "gpt-5-codex", "2026-11-22", "1.25", "0.125", NULL, NULL, "10"},
	    {"openai", "gpt-5.6-luna", "2026-07-29", "1", "0.1", "1.25", NULL, "6"},
	    {"openai", "gpt-5.6-luna", "2026-07-30", "0.2", "0.02", "0.25", NULL, "1.2"},
	    {"openai", "gpt-5.6-sol", "2026-08-20", "5", "0.5", "6.25", NULL, "30"},
	    {"openai", "gpt-5.6", "2026-08-21", "4", "0.4", "5", NULL, "20"},
	    {"openai", "gpt-6.1-sol", "2026-11-22", "2", "0.1", "2.5", NULL, "10"},
	    {"openai", "gpt-4o-2024-05-13", "2026-11-22", "5", "5", NULL, NULL, "15"},
	    {"openai", "gpt-4o-2024-08-06", "2026-11-22", "2.5", "1.25", NULL, NULL, "10"},
	    {"openai", "o3", "2025-06-09", "10", NULL, NULL, NULL, "40"},
	    {"openai", "o3", "2025-06-10", "2", "0.5", NULL, NULL, "8"},
	    {"google", "gemini-2.5-pro", "2026-11-22", "1.25", "0.125", NULL, NULL, "10"},
	    {"google", "gemini-2.5-flash", "2026-11-22", "0.3", "0.03", NULL, NULL, "2.5"},
	    {"bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "2026-11-22", "3.3", "0.33", "4.125",
	     "6.6", "16.5"},
	    {"bedrock", "global.anthropic.claude-sonnet-4-5-20250929-v1:0", "2026-11-22", "3", "0.3", "3.75",
	     "6", "15"},
	    {"bedrock", "us.anthropic.claude-opus-5-5", "2026-11-22", "4.4", "0.22", "5.5", "8.8", "22"},
	    {"bedrock", "global.anthropic.claude-opus-5-5", "2026-11-22", "4", "0.2", "5", "8", "20"},
	    {"vertex", "claude-opus-5-5", "2026-11-22", "4", "0.2", "5", "8", "20"},
	    {"vertex", "claude-opus-4-6@default", "2026-11-22", "5", "0.5", "6.25", "10", "25"},
	    {"azure", "claude-sonnet-5", "2026-11-22", "2", "0.2", "2.5", "4", "10"},
	    {"azure", "gpt-5", "2026-11-22", "1.25", "0.13", NULL, NULL, "10"},
	};
	static const enum meter meters[] = {METER_INPUT, METER_CACHE_READ, METER_CACHE_WRITE_5M,
	                                    METER_CACHE_WRITE_1H, METER_OUTPUT};
	struct error e;
	struct catalog *c = catalog_builtin(&e);
	if (!c)
		fail_msg("%s at byte %zu", e.text, e.offset);
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *want[] = {cases[i].input, cases[i].cache_read, cases[i].write_5m,
		                      cases[i].write_1h, cases[i].output};
		const struct price *p =
		    catalog_price(c, slice_of(cases[i].vendor), slice_of(cases[i].model), day(cases[i].at));
		if (!p)
			fail_msg("%s %s is unknown", cases[i].vendor, cases[i].model);
		for (size_t k = 0; k < COUNT(meters); k++) {
			int64_t nano = PRICE_ABSENT;
			if (want[k])
				assert_int_equal(money_parse(slice_of(want[k]), &nano), 0);
			else if (meters[k] == METER_CACHE_READ)
				continue; /* not told */
			if (p->per_million[meters[k]] != nano)
				fail_msg("%s %s at %s, %s: %lld, want %lld", cases[i].vendor, cases[i].model,
				         cases[i].at, meter_name(meters[k]),
				         (long long)p->per_million[meters[k]], (long long)nano);
		}
	}
	assert_null(catalog_price(c, SLICE("openai"), SLICE("claude-opus-5"), NOW));
	assert_null(catalog_price(c, SLICE("anthropic"), SLICE("gpt-5"), NOW));
	assert_null(catalog_price(c, SLICE("anthropic"), SLICE("claude-opus-4-10"), NOW));
	assert_null(catalog_price(c, SLICE("openai"), SLICE("gpt-5.9-nova"), NOW));
	catalog_unref(c);
}

/* What Claude Code 2.1.330 reckons with (its own total_cost_usd), by model: both must come to the same. */
static void claude_models_cost_what_claude_code_says(void **state)
{
	(void)state;
	static const struct {
		const char *models;                             /* apart by spaces */
		double input, output, write_5m, write_1h, read; /* USD for a million tokens */
		double fast;                                    /* times; 0: no fast mode */
	} cases[] = {
	    {"claude-3-5-haiku-20241022", 0.8, 4, 1, 1.6, 0.08, 0},
	    {"claude-haiku-4-5 claude-haiku-4-5-20251001", 1, 5, 1.25, 2, 0.1, 0},
	    {"claude-haiku-5-5", 0.1, 0.5, 0.125, 0.2, 0.01, 0},
	    {"claude-3-5-sonnet-20241022 claude-3-7-sonnet-20250219 claude-sonnet-4-20250514 "
	     "claude-sonnet-4-0 "
	     "claude-sonnet-4-5-20250929 claude-sonnet-4-6",
	     3, 15, 3.75, 6, 0.3, 0},
	    {"claude-sonnet-5", 2, 10, 2.5, 4, 0.2, 0},
	    {"claude-sonnet-5-5", 2, 10, 2.5, 4, 0.1, 0},
	    {"claude-opus-4-0 claude-opus-4-20250514 claude-opus-4-1-20250805", 15, 75, 18.75, 30, 1.5, 0},
	    {"claude-opus-4-5-20251101", 5, 25, 6.25, 10, 0.5, 0},
	    {"claude-opus-4-6 claude-opus-4-7", 5, 25, 6.25, 10, 0.5, 6},
	    {"claude-opus-4-8 claude-opus-5", 5, 25, 6.25, 10, 0.5, 2},
	    {"claude-opus-5-5", 4, 20, 5, 8, 0.2, 2},
	    {"claude-fable-5 claude-mythos-5", 10, 50, 12.5, 20, 1, 0},
	    {"claude-fable-5-1 claude-mythos-5-1", 10, 50, 12.5, 20, 0.25, 0},
	    {"claude-fable-5-2 claude-mythos-5-2", 8, 40, 10, 16, 0.2, 2},
	};
	struct error e;
	struct catalog *c = catalog_builtin(&e);
	assert_non_null(c);
	for (size_t i = 0; i < COUNT(cases); i++) {
		slice rest = slice_of(cases[i].models), model;
		while (slice_split(&rest, ' ', &model)) {
			const double want[] = {cases[i].input, cases[i].output, cases[i].write_5m,
			                       cases[i].write_1h, cases[i].read};
			static const enum meter meters[] = {METER_INPUT, METER_OUTPUT, METER_CACHE_WRITE_5M,
			                                    METER_CACHE_WRITE_1H, METER_CACHE_READ};
			int64_t rates[METER_N], fast[METER_N];
			struct billed_as as = {.speed = SLICE("fast")};
			const struct price *p = catalog_price(c, SLICE("anthropic"), model, NOW);
			if (!p)
				fail_msg(SLICE_FMT " is unknown", SLICE_ARG(model));
			assert_int_equal(price_rates(p, NULL, 1000, rates), 0);
			assert_int_equal(price_rates(p, &as, 1000, fast), 0);
			for (size_t k = 0; k < COUNT(meters); k++) {
				int64_t nano = (int64_t)(want[k] * 1e9 + 0.5);
				if (rates[meters[k]] != nano ||
				    (cases[i].fast > 0 &&
				     fast[meters[k]] != (int64_t)(want[k] * cases[i].fast * 1e9 + 0.5)))
					fail_msg(SLICE_FMT ", %s: %lld, fast %lld", SLICE_ARG(model),
					         meter_name(meters[k]), (long long)rates[meters[k]],
					         (long long)fast[meters[k]]);
			}
			assert_int_equal(rates[METER_WEB_SEARCHES], INT64_C(10000000000000));
		}
	}
	int64_t rates[METER_N]; /* Haiku 5.5 is dearer for longer prompts */
	const struct price *p = catalog_price(c, SLICE("anthropic"), SLICE("claude-haiku-5-5"), NOW);
	assert_int_equal(price_rates(p, NULL, 100000, rates), 0);
	assert_int_equal(rates[METER_INPUT], 100000000);
	assert_int_equal(price_rates(p, NULL, 100001, rates), 0);
	assert_int_equal(rates[METER_INPUT], 500000000);
	assert_int_equal(rates[METER_OUTPUT], 2500000000);
	catalog_unref(c);
}

/* Every row of the built-in book is found by its own name, and is whole. */
/* What Anthropic and OpenAI say of all their models, held over every row there is; borders to the token and
 * to the millisecond. */
static void the_built_in_book_is_billed_as_vendors_say(void **state)
{
	(void)state;
	struct error e = {0};
	struct catalog *c = catalog_builtin(&e);
	size_t at = 0, regions = 0, batches = 0, fast = 0;
	int64_t base[METER_N], with[METER_N], both[METER_N], day;
	for (const struct price *p; (p = catalog_each(c, &at)) != NULL;) {
		if (!slice_eq(p->vendor, SLICE("anthropic")))
			continue;
		assert_int_equal(price_rates(p, NULL, 1, base), 0);
		assert_int_equal(
		    price_rates(p, &(struct billed_as){SLICE("batch"), SLICE(""), SLICE("")}, 1, with), 0);
		assert_int_equal(with[METER_INPUT] * 2, base[METER_INPUT]);
		assert_int_equal(with[METER_OUTPUT] * 2, base[METER_OUTPUT]);
		batches++;
		assert_int_equal(
		    price_rates(p, &(struct billed_as){SLICE(""), SLICE(""), SLICE("us")}, 1, with), 0);
		assert_int_equal(
		    price_rates(p, &(struct billed_as){SLICE("batch"), SLICE(""), SLICE("us")}, 1, both), 0);
		bool dearer = with[METER_INPUT] != base[METER_INPUT];
		for (int m = METER_INPUT; dearer && m <= METER_OUTPUT; m++) {
			if (base[m] == PRICE_ABSENT)
				continue;
			assert_int_equal(with[m] * 10, base[m] * 11);
			assert_int_equal(both[m] * 20, base[m] * 11);
		}
		regions += dearer;
		assert_int_equal(
		    price_rates(p, &(struct billed_as){SLICE(""), SLICE("fast"), SLICE("")}, 1, with), 0);
		for (int m = METER_INPUT; m <= METER_OUTPUT; m++)
			if (base[m] > 0 && with[METER_INPUT] != base[METER_INPUT])
				assert_true(with[m] > base[m]);
		fast += with[METER_INPUT] != base[METER_INPUT];
	}
	assert_true(batches > 20 && regions > 5 && fast > 2);
	assert_true(clock_parse_rfc3339(SLICE("2026-08-21"), &day));
	const struct price *old = catalog_price(c, SLICE("openai"), SLICE("gpt-5.6-sol"), day - 1),
	                   *new = catalog_price(c, SLICE("openai"), SLICE("gpt-5.6-sol"), day);
	assert_int_equal(old->per_million[METER_INPUT], INT64_C(5000000000));
	assert_int_equal(new->per_million[METER_INPUT], INT64_C(4000000000));
	assert_int_equal(price_rates(new, NULL, 272000, base), 0);
	assert_int_equal(price_rates(new, NULL, 272001, with), 0);
	assert_int_equal(base[METER_INPUT] * 2, with[METER_INPUT]);
	assert_int_equal(base[METER_OUTPUT] * 3, with[METER_OUTPUT] * 2);
	assert_int_equal(
	    price_rates(new, &(struct billed_as){SLICE("batch"), SLICE(""), SLICE("eu")}, 272001, both), 0);
	assert_int_equal(both[METER_INPUT] * 20, with[METER_INPUT] * 11);
	/* one set of factors for each way of saying them: priority and fast are the same at OpenAI */
	const struct price *mini = catalog_price(c, SLICE("openai"), SLICE("gpt-5-mini"), day);
	assert_int_equal(price_rates(mini, &(struct billed_as){SLICE("fast"), SLICE(""), SLICE("")}, 1, with),
	                 0);
	assert_int_equal(
	    price_rates(mini, &(struct billed_as){SLICE("priority"), SLICE(""), SLICE("")}, 1, both), 0);
	assert_true(with[METER_OUTPUT] == both[METER_OUTPUT] &&
	            with[METER_OUTPUT] > mini->per_million[METER_OUTPUT]);
	catalog_unref(c);
}

static void the_built_in_book_is_whole(void **state)
{
	(void)state;
	struct error e;
	struct catalog *c = catalog_builtin(&e);
	assert_non_null(c);
	assert_true(catalog_date(c).n == 10);
	size_t at = 0, n = 0;
	for (const struct price *p; (p = catalog_each(c, &at)) != NULL; n++) {
		int64_t when =
		    p->from_ms == INT64_MIN ? p->until_ms == INT64_MAX ? NOW : p->until_ms - 1 : p->from_ms;
		if (catalog_price(c, p->vendor, p->model, when) != p)
			fail_msg(SLICE_FMT " is not found", SLICE_ARG(p->id));
		if (p->per_million[METER_INPUT] == PRICE_ABSENT || p->source.n == 0)
			fail_msg(SLICE_FMT " has no input price or no source", SLICE_ARG(p->id));
		if (p->per_million[METER_CACHE_READ] > p->per_million[METER_INPUT])
			fail_msg(SLICE_FMT ": a cache read is dearer than input", SLICE_ARG(p->id));
	}
	assert_true(n > 1000);
	catalog_unref(c);
}

static void unknown_models_get_a_message_that_helps(void **state)
{
	(void)state;
	struct arena mem;
	arena_init(&mem, 1 << 16);
	slice m = catalog_unknown_message(&mem, SLICE("openai"), SLICE("gpt-9"));
	assert_int_equal(slice_find(m, SLICE("No price is known for model \"gpt-9\" of openai")), 0);
	assert_true(slice_find(m, SLICE("prices: {input: 3.00, output: 15.00}")) > 0);
	assert_true(slice_find(m, SLICE("unknown: {input")) > 0);
	assert_true(slice_find(m, SLICE("weir price list --vendor openai")) > 0);
	m = catalog_unknown_message(&mem, SLICE_NONE, SLICE("gpt-9"));
	assert_true(slice_find(m, SLICE("model \"gpt-9\", and")) > 0);
	assert_true(slice_find(m, SLICE("--vendor all")) > 0);
	m = catalog_unknown_message(&mem, SLICE("openai"), SLICE("a\nb\x7f"));
	assert_true(slice_find(m, SLICE("\"a?b?\"")) > 0);
	/* a long name is cut, never within a character */
	char name[200];
	memset(name, 'x', sizeof name);
	memcpy(name + 127, "\xc3\xa4", 2);
	m = catalog_unknown_message(&mem, SLICE("openai"), slice_make(name, sizeof name));
	assert_int_equal(slice_find(m, SLICE("\xc3")), -1);
	struct arena none;
	arena_init(&none, 16);
	assert_null(catalog_unknown_message(&none, SLICE("openai"), SLICE("gpt-9")).p);
	arena_release(&none);
	arena_release(&mem);
}

static void prices_of_settings_have_stand_ins(void **state)
{
	(void)state;
	int64_t given[METER_N];
	for (int m = 0; m < METER_N; m++)
		given[m] = PRICE_ABSENT;
	given[METER_INPUT] = 3;
	given[METER_OUTPUT] = 15;
	given[METER_CACHE_WRITE_1H] = 6;
	struct price p;
	price_from_settings(&p, SLICE("llama"), given);
	assert_int_equal(p.per_million[METER_CACHE_READ], 3);
	assert_int_equal(p.per_million[METER_CACHE_WRITE_5M], 3);
	assert_int_equal(p.per_million[METER_CACHE_WRITE_1H], 6);
	assert_int_equal(p.per_million[METER_WEB_SEARCHES], PRICE_ABSENT);
	assert_true(slice_eq(p.id, SLICE("llama")));
	assert_true(p.from_ms == INT64_MIN && p.until_ms == INT64_MAX && p.modifiers_n == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_lead_to_rows),
	    cmocka_unit_test(long_names_are_unknown),
	    cmocka_unit_test(dated_prices_change_at_their_border),
	    cmocka_unit_test(rows_hold_what_the_book_says),
	    cmocka_unit_test(broken_books_are_refused),
	    cmocka_unit_test(torn_books_are_refused),
	    cmocka_unit_test(a_book_over_another),
	    cmocka_unit_test(the_built_in_book_prices_what_agents_use),
	    cmocka_unit_test(claude_models_cost_what_claude_code_says),
	    cmocka_unit_test(the_built_in_book_is_billed_as_vendors_say),
	    cmocka_unit_test(the_built_in_book_is_whole),
	    cmocka_unit_test(unknown_models_get_a_message_that_helps),
	    cmocka_unit_test(prices_of_settings_have_stand_ins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
