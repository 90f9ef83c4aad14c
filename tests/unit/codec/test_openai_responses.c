/* Responses: views, usage and hosted tools of whole and streamed answers, refusals. */
#include "unit/codec/support.h"

static const struct target responses = {.api = API_OPENAI_RESPONSES};

static struct arena mem;

static int read_request(const char *body, struct request_view *v, struct error *e)
{
	memset(e, 0, sizeof *e);
	return codec_openai_responses.request(&responses, slice_of(body), &mem, v, e);
}

static void the_view_of_a_request(void **state)
{
	(void)state;
	static const char body[] = "{\"model\":\"gpt-5-codex\",\"instructions\":\"You "
	                           "are\",\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":"
	                           "[{\"type\":\"input_image\",\"image_url\":\"data:image/"
	                           "png;base64,AA\"}]},{\"type\":\"function_call_output\",\"output\":"
	                           "\"ok\"}],\"tools\":[{\"type\":\"function\",\"name\":\"shell\"},{\"type\":"
	                           "\"custom\"}],\"store\":false,\"stream\":true,"
	                           "\"max_output_tokens\":500,\"reasoning\":{\"effort\":\"high\",\"summary\":"
	                           "\"auto\"},\"service_tier\":\"priority\","
	                           "\"prompt_cache_key\":\"sess-1\",\"metadata\":{\"m\":1},\"client_"
	                           "metadata\":{\"k\":\"v\"},\"safety_identifier\":\"u9\","
	                           "\"previous_response_id\":null}";
	struct request_view v;
	struct error e;
	assert_int_equal(read_request(body, &v, &e), 0);
	assert_slice("model", v.model, "gpt-5-codex");
	assert_slice("system", v.system, "\"You are\"");
	assert_int_equal(v.message_count, 2);
	assert_int_equal(v.tool_count, 2);
	assert_int_equal(v.max_output, 500);
	assert_true(v.stream && !v.hidden_input);
	assert_slice("effort", v.effort, "high");
	assert_slice("tier", v.service_tier, "priority");
	assert_slice("session", v.session_hint, "sess-1");
	assert_slice("metadata", v.client_metadata, "{\"k\":\"v\"}");
	assert_slice("user", v.user_id, "u9");
	assert_false(codec_openai_responses.edits_stream(&v));
}

static const struct {
	const char *rest; /* of a body behind {"model":"m", */
	bool hidden;
	const char *system;
	int64_t messages;
} view_cases[] = {
    {"\"input\":\"hi\"}", false, "", 1},
    {"\"input\":null}", false, "", 0},
    {"\"input\":[{\"role\":\"developer\",\"content\":\"be\"},{\"role\":\"user\",\"content\":\"x\"}]}", false,
     "\"be\"", 2},
    {"\"instructions\":\"i\",\"input\":[{\"role\":\"system\",\"content\":\"be\"}]}", false, "\"i\"", 1},
    {"\"previous_response_id\":\"resp_1\"}", true, "", 0},
    {"\"conversation\":\"conv_1\"}", true, "", 0},
    {"\"prompt\":{\"id\":\"p\"}}", true, "", 0},
    {"\"tools\":[{\"type\":\"web_search\"}]}", true, "", 0},
    {"\"tools\":[{\"type\":\"mcp\"}]}", true, "", 0},
    {"\"tools\":[{\"type\":\"apply_patch\"},{\"type\":\"local_shell\"},{\"type\":\"namespace\"}]}", false, "",
     0},
    {"\"input\":[{\"type\":\"item_reference\",\"id\":\"i\"}]}", true, "", 1},
    {"\"input\":[{\"content\":[{\"type\":\"input_file\",\"file_id\":\"f\"}]}]}", true, "", 1},
    {"\"input\":[{\"content\":[{\"type\":\"input_file\",\"file_url\":\"https://x\"}]}]}", true, "", 1},
    {"\"input\":[{\"content\":[{\"type\":\"input_image\",\"image_url\":\"https://x\"}]}]}", true, "", 1},
    {"\"input\":[{\"type\":\"computer_call_output\",\"output\":{\"image_url\":\"https://x\"}}]}", true, "",
     1},
    {"\"input\":[{\"type\":\"computer_call_output\",\"output\":{\"image_url\":\"data:image\"}}]}", false, "",
     1},
};

static void what_a_request_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(view_cases); i++) {
		char body[512];
		struct request_view v;
		struct error e;
		snprintf(body, sizeof body, "{\"model\":\"m\",%s", view_cases[i].rest);
		if (read_request(body, &v, &e))
			fail_msg("%s: %s", body, e.text);
		if (v.hidden_input != view_cases[i].hidden || v.message_count != view_cases[i].messages)
			fail_msg("%s: hidden %d, %lld messages", body, v.hidden_input,
			         (long long)v.message_count);
		assert_slice(body, v.system, view_cases[i].system);
	}
	struct request_view v;
	struct error e;
	assert_int_equal(
	    read_request("{\"model\":\"m\",\"reasoning\":{\"effort\":\"low\",\"effort\":\"high\"}}", &v, &e),
	    ERR_INVALID);
}

#define USAGE                                                                                                \
	"\"usage\":{\"input_tokens\":100,\"input_tokens_details\":{\"cached_tokens\":60,\"cache_write_"      \
	"tokens\":10},"                                                                                      \
	"\"output_tokens\":30,\"output_tokens_details\":{\"reasoning_tokens\":20},\"total_tokens\":130}"
#define USAGE_TEXT                                                                                           \
	"input_tokens=30 cache_read_tokens=60 cache_write_5m_tokens=10 output_tokens=30 reasoning_tokens=20"
#define OUTPUT                                                                                               \
	"\"output\":[{\"type\":\"reasoning\",\"summary\":[{\"text\":\"abc\"}]},"                             \
	"{\"type\":\"web_search_call\",\"action\":{\"type\":\"search\",\"query\":\"q\"}},"                   \
	"{\"type\":\"web_search_call\",\"action\":{\"type\":\"open_page\"}},{\"type\":\"web_search_call\"}," \
	"{\"type\":\"file_search_call\"},{\"type\":\"code_interpreter_call\",\"code\":\"1+1\"},{\"type\":"   \
	"\"mcp_call\"},"                                                                                     \
	"{\"type\":\"function_call\",\"arguments\":\"{}\"},{\"type\":\"custom_tool_call\",\"input\":\"xy\"}" \
	","                                                                                                  \
	"{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"hello\"},{\"refusal\":"     \
	"\"no\"}]}]"

static void a_whole_answer(void **state)
{
	(void)state;
	struct answer a;
	char text[512];
	answer_init(&a);
	codec_openai_responses.answer(SLICE("{\"id\":\"resp_1\",\"object\":\"response\",\"status\":"
	                                    "\"completed\",\"error\":null,\"incomplete_details\":null,"
	                                    "\"model\":\"gpt-5-2025\",\"service_tier\":\"flex\"," OUTPUT
	                                    "," USAGE "}"),
	                              &a);
	assert_true(a.has_usage && a.ended && !a.error);
	assert_text("usage", usage_text(&a.usage, text),
	            USAGE_TEXT " web_searches=2 file_searches=1 code_sessions=1");
	assert_slice("id", name_get(&a.id), "resp_1");
	assert_slice("model", name_get(&a.model), "gpt-5-2025");
	assert_slice("tier", name_get(&a.service_tier), "flex");
	assert_slice("stop", name_get(&a.stop_reason), "completed");
	assert_int_equal(a.tool_calls, 2);
	assert_int_equal(a.server_tool_calls, 6);
	assert_int_equal(a.text_bytes, 7);
	assert_int_equal(a.thinking_bytes, 3);
	assert_int_equal(a.tool_bytes, 7);

	answer_init(&a);
	codec_openai_responses.answer(
	    SLICE("{\"error\":{\"message\":\"m\",\"type\":\"t\",\"code\":\"model_not_found\"}}"), &a);
	assert_true(a.error && !a.ended && !a.has_usage);
	assert_slice("code", name_get(&a.error_type), "model_not_found");
	answer_init(&a);
	codec_openai_responses.answer(SLICE("{\"status\":\"queued\",\"output\":[],\"usage\":null}"), &a);
	assert_false(a.has_usage);
	assert_slice("no stop", name_get(&a.stop_reason), "");
}

static const char stream[] =
    "{\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"status\":\"in_progress\",\"model\":"
    "\"gpt-5\","
    "\"service_tier\":\"auto\",\"output\":[],\"usage\":null,\"error\":null}}\n"
    "{\"type\":\"response.reasoning_summary_text.delta\",\"delta\":\"abc\"}\n"
    "{\"type\":\"response.output_item.done\",\"item\":{\"type\":\"web_search_call\",\"action\":{\"type\":"
    "\"search\"}}}\n"
    "{\"type\":\"response.output_item.added\",\"item\":{\"type\":\"function_call\",\"arguments\":\"\"}}\n"
    "{\"type\":\"response.function_call_arguments.delta\",\"delta\":\"{}\"}\n"
    "{\"type\":\"response.function_call_arguments.done\",\"arguments\":\"{}\"}\n"
    "{\"type\":\"response.output_item.done\",\"item\":{\"type\":\"function_call\",\"arguments\":\"{}\"}}\n"
    "{\"type\":\"response.output_text.delta\",\"delta\":\"hello\"}\n"
    "{\"type\":\"response.refusal.delta\",\"delta\":\"no\"}\n";

static void a_stream(void **state)
{
	(void)state;
	struct answer a;
	char text[512];
	answer_init(&a);
	feed_lines(&codec_openai_responses, stream, NULL, &a, NULL);
	assert_false(a.has_usage || a.ended || a.error);
	assert_text("cut", usage_text(&a.usage, text), "web_searches=1");
	assert_slice("cut", name_get(&a.stop_reason), "");
	assert_int_equal(a.tool_calls, 1);
	assert_int_equal(a.text_bytes, 7);
	assert_int_equal(a.thinking_bytes, 3);
	assert_int_equal(a.tool_bytes, 2);
	struct answer b = a;
	/* the last event repeats the output: its calls hold, its text was counted */
	feed_lines(
	    &codec_openai_responses,
	    "{\"type\":\"response.incomplete\",\"response\":{\"status\":\"incomplete\",\"model\":\"gpt-5-"
	    "2025\","
	    "\"service_tier\":\"default\",\"incomplete_details\":{\"reason\":\"max_output_tokens\"}," OUTPUT
	    "," USAGE "}}",
	    NULL, &a, NULL);
	assert_true(a.has_usage && a.ended && !a.error);
	assert_text("usage", usage_text(&a.usage, text),
	            USAGE_TEXT " web_searches=2 file_searches=1 code_sessions=1");
	assert_slice("stop", name_get(&a.stop_reason), "max_output_tokens");
	assert_slice("tier", name_get(&a.service_tier), "default");
	assert_slice("model", name_get(&a.model), "gpt-5-2025");
	assert_int_equal(a.tool_calls, 2);
	assert_int_equal(a.text_bytes, 7);
	/* some servers leave it empty */
	feed_lines(
	    &codec_openai_responses,
	    "{\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"output\":[]," USAGE
	    "}}",
	    NULL, &b, NULL);
	assert_text("usage", usage_text(&b.usage, text), USAGE_TEXT " web_searches=1");
	assert_int_equal(b.tool_calls, 1);
}

static void streams_that_fail(void **state)
{
	(void)state;
	struct answer a;
	answer_init(&a);
	feed_lines(&codec_openai_responses,
	           "{\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":"
	           "\"server_error\","
	           "\"message\":\"m\"},\"usage\":null,\"output\":[]}}",
	           NULL, &a, NULL);
	assert_true(a.error && a.ended && !a.has_usage);
	assert_slice("code", name_get(&a.error_type), "server_error");
	answer_init(&a);
	feed_lines(&codec_openai_responses,
	           "{\"type\":\"error\",\"code\":\"rate_limit_exceeded\",\"message\":\"m\",\"param\":null}",
	           NULL, &a, NULL);
	assert_true(a.error && !a.ended);
	assert_slice("code", name_get(&a.error_type), "rate_limit_exceeded");
	answer_init(&a);
	feed_lines(&codec_openai_responses,
	           "{\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":1", NULL, &a,
	           NULL);
	assert_false(a.ended || a.has_usage);
}

static void refusals_have_the_dialects_shape(void **state)
{
	(void)state;
	struct buf out;
	struct refusal_text r = {"budget", 402, SLICE("spent \"all\"")};
	buf_init(&out, 4096);
	assert_int_equal(codec_openai_responses.refusal(&r, &out), 0);
	assert_slice(
	    "402", buf_slice(&out),
	    "{\"error\":{\"message\":\"spent \\\"all\\\"\",\"type\":\"billing_error\",\"code\":\"budget\","
	    "\"param\":null}}");
	buf_release(&out);
}

static int set_up(void **state)
{
	(void)state;
	arena_init(&mem, 1 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_release(&mem);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_view_of_a_request), cmocka_unit_test(what_a_request_says),
	    cmocka_unit_test(a_whole_answer),        cmocka_unit_test(a_stream),
	    cmocka_unit_test(streams_that_fail),     cmocka_unit_test(refusals_have_the_dialects_shape),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
