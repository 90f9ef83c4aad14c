/* Message batches: what their bodies say, what a line costs, that a line is the same row each time, and the
 * most that a batch can cost. */
#include "unit/unit.h"

#include <stdlib.h>

#include "gateway/batch.h"
#include "gateway/batch_text.h"
#include "text/multipart.h"

#define MADE_MS INT64_C(1795000000000) /* 2026-11 */

static struct settings *settings(void)
{
	setenv("WEIR_CONFIG", "", 1);
	struct settings *s =
	    settings_load_with(SLICE_NONE, SETTINGS_NO_SECRETS | SETTINGS_NO_FOLDER, NULL, NULL);
	assert_non_null(s);
	return s;
}

static struct batch batch_of(enum api api, const char *provider)
{
	struct batch b = {.id = SLICE("batch_1"), .provider = slice_of(provider)};
	record_init(&b.made);
	b.made.api = api;
	b.made.time_ms = MADE_MS;
	b.made.hold_nanousd = 77;
	b.made.who.v[ATTR_USER] = SLICE("ana");
	b.made.text[TEXT_PROVIDER] = b.provider;
	b.made.text[TEXT_BATCH] = b.id;
	b.made.text[TEXT_SOURCE] = SLICE("gateway");
	return b;
}

#define GOOD                                                                                                 \
	"{\"custom_id\":\"one\",\"result\":{\"type\":\"succeeded\",\"message\":{\"id\":\"msg_1\",\"type\":"  \
	"\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5-20250929\",\"content\":[{"         \
	"\"type\":"                                                                                          \
	"\"text\",\"text\":\"hi\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":1000,"          \
	"\"cache_read_input_tokens\":500,\"output_tokens\":100,\"service_tier\":\"batch\"%s}}}}"

static void line_row(const struct batch *b, const struct settings *s, const char *line, struct arena *mem,
                     struct record *r)
{
	assert_int_equal(batch_line(b, s, slice_of(line), mem, r), 0);
}

static void an_anthropic_line(void **state)
{
	(void)state;
	struct settings *s = settings();
	struct batch b = batch_of(API_ANTHROPIC_BATCH, "anthropic");
	struct record r, again;
	struct arena mem;
	char line[1024];
	arena_init(&mem, 1 << 16);
	snprintf(line, sizeof line, GOOD, "");
	line_row(&b, s, line, &mem, &r);
	/* (1000 * 3 + 500 * 0.30 + 100 * 15) USD for a million, halved */
	assert_int_equal(r.cost.total, (3000000 + 150000 + 1500000) / 2);
	assert_int_equal(r.usage_source, SOURCE_REPORTED);
	assert_int_equal(r.time_ms, MADE_MS);
	assert_true(slice_eq(r.who.v[ATTR_USER], SLICE("ana")));
	assert_true(slice_eq(r.text[TEXT_SERVICE_TIER], SLICE("batch")));
	line_row(&b, s, line, &mem, &again);
	assert_string_equal(r.id, again.id);
	b.id = SLICE("batch_2");
	line_row(&b, s, line, &mem, &again);
	assert_string_not_equal(r.id, again.id);
	/* US-only inference over batch: 0.5 * 1.1 for the models that have it; this one has not */
	snprintf(line, sizeof line, GOOD, ",\"inference_geo\":\"us\"");
	line_row(&b, s, line, &mem, &again);
	assert_int_equal(again.cost.total, r.cost.total);
	arena_release(&mem);
	settings_unref(s);
}

static void lines_that_cost_nothing(void **state)
{
	(void)state;
	static const struct {
		enum api api;
		const char *line, *says;
	} cases[] = {
	    {API_ANTHROPIC_BATCH, "{\"custom_id\":\"a\",\"result\":{\"type\":\"expired\"}}", "expired"},
	    {API_ANTHROPIC_BATCH, "{\"custom_id\":\"a\",\"result\":{\"type\":\"canceled\"}}", "canceled"},
	    {API_ANTHROPIC_BATCH,
	     "{\"custom_id\":\"a\",\"result\":{\"type\":\"errored\",\"error\":{\"type\":\"error\",\"error\":{"
	     "\"type\":\"invalid_request_error\",\"message\":\"m\"}}}}",
	     "errored, invalid_request_error"},
	    {API_OPENAI_BATCH,
	     "{\"custom_id\":\"a\",\"response\":null,\"error\":{\"code\":\"batch_expired\",\"message\":\"m\"}"
	     "}",
	     "batch_expired"},
	    {API_OPENAI_BATCH,
	     "{\"custom_id\":\"a\",\"response\":{\"status_code\":400,\"body\":{\"error\":{}}},\"error\":"
	     "null}",
	     ""},
	};
	struct settings *s = settings();
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct batch b = batch_of(cases[i].api, "openai");
		struct record r;
		struct arena mem;
		arena_init(&mem, 1 << 16);
		line_row(&b, s, cases[i].line, &mem, &r);
		assert_true(r.priced);
		assert_int_equal(r.cost.total, 0);
		assert_int_equal(r.ending, ENDING_PROVIDER_ERROR);
		assert_true(slice_find(r.text[TEXT_EXPLANATION], slice_of(cases[i].says)) >= 0);
		arena_release(&mem);
	}
	settings_unref(s);
}

static void an_unknown_model_has_no_cost(void **state)
{
	(void)state;
	struct settings *s = settings();
	struct batch b = batch_of(API_OPENAI_BATCH, "openai");
	struct record r;
	struct arena mem;
	arena_init(&mem, 1 << 16);
	line_row(
	    &b, s,
	    "{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"object\":\"chat.completion\","
	    "\"model\":\"nobody\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1}}}}",
	    &mem, &r);
	assert_false(r.priced);
	assert_int_equal(r.usage.m[METER_INPUT], 9);
	batch_lost_row(&b, "gone", &mem, &r);
	assert_int_equal(r.cost.total, 77);
	assert_int_equal(r.usage_source, SOURCE_HOLD);
	arena_release(&mem);
	settings_unref(s);
}

static void not_results(void **state)
{
	(void)state;
	static const char *const lines[] = {"",
	                                    "{}",
	                                    "[1]",
	                                    "{\"custom_id\":\"a\"}",
	                                    "{\"custom_id\":\"a\",\"result\":",
	                                    "{\"result\":{\"type\":\"expired\"}}"};
	struct batch_result l;
	struct arena mem;
	arena_init(&mem, 1 << 16);
	for (size_t i = 0; i < COUNT(lines); i++)
		assert_false(batch_read_result(slice_of(lines[i]), &mem, &l));
	arena_release(&mem);
}

static void the_worst_case_of_all_lines(void **state)
{
	(void)state;
	static const char one[] =
	    "{\"requests\":[{\"custom_id\":\"a\",\"params\":{\"model\":\"claude-sonnet-4-5\",\"max_"
	    "tokens\":100,\"messages\":[]}}]}";
	static const char two[] =
	    "{\"requests\":[{\"custom_id\":\"a\",\"params\":{\"model\":\"claude-sonnet-4-5\",\"max_"
	    "tokens\":100,\"messages\":[]}},{\"params\":{\"model\":\"claude-sonnet-4-5\",\"max_"
	    "tokens\":100,\"messages\":[]}}]}";
	struct settings *s = settings();
	const struct provider *p = settings_provider(s, DIALECT_ANTHROPIC, SLICE_NONE, SLICE("claude-x"));
	struct arena mem;
	struct error e = {0};
	slice model = SLICE_NONE;
	int64_t hold1, hold2;
	arena_init(&mem, 1 << 16);
	assert_int_equal(batch_hold_body(s, p, MADE_MS, slice_of(one), &mem, &hold1, &model, &e), 0);
	assert_int_equal(batch_hold_body(s, p, MADE_MS, slice_of(two), &mem, &hold2, &model, &e), 0);
	assert_int_equal(hold2, 2 * hold1);
	assert_true(hold1 > 100 * 15000 / 2 && hold1 < 100 * 15000 + 3000 * 6000);
	assert_int_equal(batch_hold_body(s, p, MADE_MS, SLICE("{\"requests\":[]}"), &mem, &hold1, &model, &e),
	                 ERR_INVALID);
	assert_int_equal(batch_hold_body(s, p, MADE_MS,
	                                 SLICE("{\"requests\":[{\"params\":{\"model\":\"none\",\"max_"
	                                       "tokens\":1,\"messages\":[]}}]}"),
	                                 &mem, &hold1, &model, &e),
	                 ERR_NOT_FOUND);
	assert_true(slice_eq(model, SLICE("none")));
	arena_release(&mem);
	settings_unref(s);
}

static void the_table(void **state)
{
	(void)state;
	struct batches *t = batches_new();
	struct batch made = batch_of(API_OPENAI_BATCH, "openai"), *b;
	assert_int_equal(batches_add(t, &made.made), 0);
	assert_int_equal(batches_add(t, &made.made), 0);
	b = batches_find(t, SLICE("batch_1"));
	assert_non_null(b);
	assert_null(batches_find(t, SLICE("batch_2")));
	assert_true(batch_take_changed(t, b));
	assert_false(batch_take_changed(t, b));
	batch_set_files(t, b, SLICE("file-1"), SLICE_NONE);
	assert_true(batch_take_changed(t, b));
	struct batch *same = batches_by_file(t, SLICE("file-1"));
	assert_ptr_equal(same, b);
	batch_unref(same);
	assert_null(batches_by_file(t, SLICE_NONE));
	/* what is booked stays booked */
	batch_set_state(t, b, BATCH_BOOKED);
	batch_set_state(t, b, BATCH_LOST);
	assert_int_equal(batch_state(t, b), BATCH_BOOKED);
	struct batch_file f = {.hold_nanousd = 5}, found;
	name_set(&f.id, SLICE("file-in"));
	batches_file_add(t, &f);
	assert_true(batches_file(t, SLICE("file-in"), &found) && found.hold_nanousd == 5);
	assert_false(batches_file(t, SLICE_NONE, &found));
	batch_unref(b);
	batches_free(t);
}

static void forms(void **state)
{
	(void)state;
	slice content, boundary = multipart_boundary(SLICE("multipart/form-data; boundary=\"x-1\""));
	slice body = SLICE(
	    "--x-1\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n"
	    "--x-1\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n{\"a\":1}\n--x-1 "
	    "is no end\r\n--x-1--\r\n");
	assert_true(slice_eq(boundary, SLICE("x-1")));
	assert_true(multipart_part(body, boundary, SLICE("purpose"), &content));
	assert_true(slice_eq(content, SLICE("batch")));
	assert_false(multipart_part(body, boundary, SLICE("none"), &content));
	assert_false(multipart_part(slice_sub(body, 0, 60), boundary, SLICE("purpose"), &content));
	assert_null(multipart_boundary(SLICE("application/json; boundary=x")).p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_anthropic_line),
	    cmocka_unit_test(lines_that_cost_nothing),
	    cmocka_unit_test(an_unknown_model_has_no_cost),
	    cmocka_unit_test(not_results),
	    cmocka_unit_test(the_worst_case_of_all_lines),
	    cmocka_unit_test(the_table),
	    cmocka_unit_test(forms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
