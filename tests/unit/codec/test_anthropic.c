/* Anthropic's Messages: the view of a request, usage of whole and streamed answers, refusals. */
#include "unit/codec/support.h"

static const struct target messages = {.api = API_ANTHROPIC_MESSAGES};

static struct arena mem;

static int read_request(const char *body, struct request_view *v, struct error *e)
{
	memset(e, 0, sizeof *e);
	return codec_anthropic.request(&messages, slice_of(body), &mem, v, e);
}

static void the_view_of_a_request(void **state)
{
	(void)state;
	static const char body[] =
	    "{\"model\":\"claude-\\u006fpus\", \"max_tokens\" : 4096,\"stream\":true,"
	    "\"system\":[{\"type\":\"text\",\"text\":\"s\"}],"
	    "\"tools\":[{\"name\":\"Bash\",\"input_schema\":{\"type\":\"object\"}},{\"type\":\"bash_"
	    "20250124\",\"name\":\"b\"}],"
	    "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},"
	    "{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"data\":"
	    "\"\"}},"
	    "{\"type\":\"tool_use\",\"input\":{\"file_id\":\"f\",\"source\":{\"type\":\"url\"}}}]}],"
	    "\"metadata\":{\"user_id\":\"{\\\"device_id\\\":\\\"d\\\",\\\"session_id\\\":\\\"s-1\\\"}\"},"
	    "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2048},\"service_tier\":\"auto\",\"speed\":"
	    "\"fast\"}";
	struct request_view v;
	struct error e;
	assert_int_equal(read_request(body, &v, &e), 0);
	assert_slice("model", v.model, "claude-opus");
	assert_slice("model_raw", v.model_raw, "\"claude-\\u006fpus\"");
	assert_true(v.stream);
	assert_int_equal(v.max_output, 4096);
	assert_slice("max_output_raw", v.max_output_raw, "4096");
	assert_slice("system", v.system, "[{\"type\":\"text\",\"text\":\"s\"}]");
	assert_true(slice_starts(v.tools, SLICE("[{\"name\":\"Bash\"")) &&
	            slice_ends(v.tools, SLICE("\"b\"}]")));
	assert_true(slice_starts(v.messages, SLICE("[{\"role\"")) && slice_ends(v.messages, SLICE("}]}]")));
	assert_int_equal(v.tool_count, 2);
	assert_int_equal(v.message_count, 2);
	assert_int_equal(v.choices, 1);
	assert_slice("session", v.session_hint, "s-1");
	assert_slice("effort", v.effort, "budget:2048");
	assert_slice("tier", v.service_tier, "auto");
	assert_slice("speed", v.speed, "fast");
	assert_false(v.hidden_input);
	assert_false(codec_anthropic.edits_stream(&v));
}

static const struct {
	const char *name, *rest; /* of a body behind {"model":"m", */
	bool hidden;
	const char *session, *effort;
	int64_t max_output;
	const char *max_raw;
} view_cases[] = {
    {"nothing", "\"messages\":[]}", false, "", "", -1, ""},
    {"old user id", "\"metadata\":{\"user_id\":\"user_ab_account_u_session_0-1-2\"}}", false, "0-1-2", "", -1,
     ""},
    {"null metadata", "\"metadata\":null,\"tools\":null,\"system\":null}", false, "", "", -1, ""},
    {"effort",
     "\"output_config\":{\"effort\":\"max\"},\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":9}}", false,
     "", "max", -1, ""},
    {"limit of another type", "\"max_tokens\":null}", false, "", "", -1, "null"},
    {"limit too large", "\"max_tokens\":1e30}", false, "", "", -1, "1e30"},
    {"limit as 1e3", "\"max_tokens\":1e3}", false, "", "", 1000, "1e3"},
    {"image by URL",
     "\"messages\":[{\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"u\"}}]}]}", true,
     "", "", -1, ""},
    {"document by file, escaped",
     "\"messages\":[{\"content\":[{\"type\":\"document\",\"s\\u006furce\":{\"type\":\"fil\\u0065\",\"file_"
     "id\":\"f\"}}]}]}",
     true, "", "", -1, ""},
    {"image inside a tool's result",
     "\"messages\":[{\"content\":[{\"type\":\"tool_result\",\"content\":[{\"source\":{\"type\":\"url\"}}]}]}]"
     "}",
     true, "", "", -1, ""},
    {"upload into a container",
     "\"messages\":[{\"content\":[{\"type\":\"container_upload\",\"file_id\":\"f\"}]}]}", true, "", "", -1,
     ""},
    {"server tool", "\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}]}", true, "", "",
     -1, ""},
    {"MCP servers", "\"mcp_servers\":[{}]}", true, "", "", -1, ""},
    {"no container", "\"container\":null}", false, "", "", -1, ""},
};

static void what_a_request_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(view_cases); i++) {
		char body[1024];
		struct request_view v;
		struct error e;
		snprintf(body, sizeof body, "{\"model\":\"m\",%s", view_cases[i].rest);
		if (read_request(body, &v, &e))
			fail_msg("%s: %s", view_cases[i].name, e.text);
		if (v.hidden_input != view_cases[i].hidden)
			fail_msg("%s: hidden_input %d", view_cases[i].name, v.hidden_input);
		assert_slice(view_cases[i].name, v.session_hint, view_cases[i].session);
		assert_slice(view_cases[i].name, v.effort, view_cases[i].effort);
		assert_slice(view_cases[i].name, v.max_output_raw, view_cases[i].max_raw);
		assert_int_equal(v.max_output, view_cases[i].max_output);
	}
}

static const struct {
	const char *body, *says;
	size_t offset;
} bad_cases[] = {
    {"", "is empty", 0},
    {" \n", "is empty", 0},
    {"[]", "not a JSON object", 0},
    {"{\"model\":\"m\"", "ends too early", 12},
    {"{\"model\":\"m\"} x", "", 14},
    {"{\"max_tokens\":1}", "names no model", 0},
    {"{\"model\":7}", "names no model", 0},
    {"{\"model\":\"\"}", "names no model", 0},
    {"{\"model\":\"a\",\"model\":\"b\"}", "field \"model\" stands twice", 13},
    {"{\"model\":\"a\",\"mod\\u0065l\":\"b\"}", "twice", 13},
    {"{\"model\":\"a\",\"max_tokens\":1,\"max_tokens\":99999}", "field \"max_tokens\" stands twice", 28},
    {"{\"model\":\"a\",\"metadata\":{\"user_id\":\"a\",\"user_id\":\"b\"}}", "field \"user_id\" stands twice",
     39},
    {"{\"model\":\"a\",\"messages\":[{\"content\":\"\xff\"}]}", "", 37},
};

static void bad_requests_say_where(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad_cases); i++) {
		struct request_view v;
		struct error e;
		int rc = read_request(bad_cases[i].body, &v, &e);
		if (rc != ERR_INVALID || !strstr(e.text, bad_cases[i].says) ||
		    e.offset != bad_cases[i].offset)
			fail_msg("%s: %d at %zu: %s", bad_cases[i].body, rc, e.offset, e.text);
	}
}

#define SPLIT(w5, w1)                                                                                        \
	"\"cache_creation\":{\"ephemeral_5m_input_tokens\":" w5 ",\"ephemeral_1h_input_tokens\":" w1 "}"

static const struct {
	const char *name, *usage, *want;
} usage_cases[] = {
    {"plain", "\"input_tokens\":10,\"output_tokens\":5", "input_tokens=10 output_tokens=5"},
    {"nulls are absent",
     "\"input_tokens\":1,\"output_tokens\":2,\"cache_read_input_tokens\":null,\"cache_creation\":null",
     "input_tokens=1 output_tokens=2"},
    {"split",
     "\"input_tokens\":1,\"cache_creation_input_tokens\":30,\"cache_read_input_tokens\":7," SPLIT("10", "20"),
     "input_tokens=1 cache_read_tokens=7 cache_write_5m_tokens=10 cache_write_1h_tokens=20"},
    {"total only", "\"input_tokens\":1,\"cache_creation_input_tokens\":30",
     "input_tokens=1 cache_write_5m_tokens=30"},
    {"total beyond the split", "\"input_tokens\":1,\"cache_creation_input_tokens\":35," SPLIT("10", "20"),
     "input_tokens=1 cache_write_5m_tokens=15 cache_write_1h_tokens=20"},
    {"zero split, total", "\"input_tokens\":1,\"cache_creation_input_tokens\":35," SPLIT("0", "0"),
     "input_tokens=1 cache_write_5m_tokens=35 cache_write_1h_tokens=0"},
    {"split only", "\"input_tokens\":1," SPLIT("3", "4"),
     "input_tokens=1 cache_write_5m_tokens=3 cache_write_1h_tokens=4"},
    {"details",
     "\"input_tokens\":1,\"output_tokens\":9,\"output_tokens_details\":{\"thinking_tokens\":4},\"server_tool_"
     "use\":{"
     "\"web_search_requests\":2,\"web_fetch_requests\":3}",
     "input_tokens=1 output_tokens=9 reasoning_tokens=4 web_searches=2"},
    {"not counts", "\"input_tokens\":-5,\"output_tokens\":\"7\",\"cache_read_input_tokens\":1.5", ""},
    {"not objects",
     "\"input_tokens\":1,\"cache_creation\":5,\"server_tool_use\":[1],\"iterations\":{\"a\":1}",
     "input_tokens=1"},
};

static void usage_of_whole_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(usage_cases); i++) {
		char body[1024], text[512];
		struct answer a;
		answer_init(&a);
		snprintf(body, sizeof body, "{\"type\":\"message\",\"usage\":{%s}}", usage_cases[i].usage);
		codec_anthropic.answer(slice_of(body), &a);
		assert_text(usage_cases[i].name, usage_text(&a.usage, text), usage_cases[i].want);
	}
}

static void a_whole_answer(void **state)
{
	(void)state;
	struct answer a;
	answer_init(&a);
	codec_anthropic.answer(SLICE("{\"id\":\"msg_1\",\"type\":\"message\",\"model\":\"claude-x-1\","
	                             "\"content\":[{\"type\":\"thinking\",\"thinking\":"
	                             "\"abc\"},{\"type\":\"text\",\"text\":\"hello\"},{\"type\":\"tool_use\","
	                             "\"name\":\"Bash\",\"input\":{\"a\":1}},"
	                             "{\"type\":\"server_tool_use\",\"input\":{}},{\"type\":\"web_search_"
	                             "tool_result\",\"content\":[{}]}],"
	                             "\"stop_reason\":\"tool_use\",\"usage\":{\"input_tokens\":1,\"output_"
	                             "tokens\":2,\"service_tier\":\"priority\","
	                             "\"speed\":\"fast\",\"inference_geo\":\"us\"}}"),
	                       &a);
	assert_true(a.has_usage && a.ended && !a.error);
	assert_slice("id", name_get(&a.id), "msg_1");
	assert_slice("model", name_get(&a.model), "claude-x-1");
	assert_slice("stop", name_get(&a.stop_reason), "tool_use");
	assert_slice("tier", name_get(&a.service_tier), "priority");
	assert_slice("speed", name_get(&a.speed), "fast");
	assert_slice("region", name_get(&a.region), "us");
	assert_int_equal(a.text_bytes, 5);
	assert_int_equal(a.thinking_bytes, 3);
	assert_int_equal(a.tool_bytes, 7);
	assert_int_equal(a.tool_calls, 1);
	assert_int_equal(a.server_tool_calls, 1);
}

static void errors_are_told(void **state)
{
	(void)state;
	struct answer a;
	answer_init(&a);
	codec_anthropic.answer(
	    SLICE(
	        "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}"),
	    &a);
	assert_true(a.error && !a.has_usage && !a.ended);
	assert_slice("type", name_get(&a.error_type), "overloaded_error");
	answer_init(&a);
	codec_anthropic.answer(SLICE("<html>"), &a);
	assert_false(a.error || a.has_usage || a.ended);
	answer_init(&a);
	codec_anthropic_count.answer(SLICE("{\"input_tokens\":12}"), &a);
	assert_int_equal(a.usage.m[METER_INPUT], TOKENS_ABSENT);
}

/* Recorded (@ai-sdk/anthropic, Apache-2.0): an executor and its advisor; shortened. */
static const char advisor_stream[] =
    "{\"type\":\"message_start\",\"message\":{\"model\":\"claude-sonnet-4-6\",\"id\":\"msg_018\",\"type\":"
    "\"message\","
    "\"role\":\"assistant\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":1051,"
    "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"cache_creation\":{\"ephemeral_5m_"
    "input_tokens\":0,"
    "\"ephemeral_1h_input_tokens\":0},\"output_tokens\":35,\"service_tier\":\"standard\",\"inference_geo\":"
    "\"global\"}}}\n"
    "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"server_tool_use\",\"id\":"
    "\"srvtoolu_1\","
    "\"name\":\"advisor\",\"input\":{}}}\n"
    "{\"type\":\"ping\"}\n"
    "{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\\nb\"}}\n"
    "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{"
    "\"input_tokens\":4727,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":"
    "3391,"
    "\"server_tool_use\":{\"web_search_requests\":0,\"web_fetch_requests\":0},\"iterations\":[{\"input_"
    "tokens\":1051,"
    "\"output_tokens\":35,\"type\":\"message\"},{\"input_tokens\":2728,\"output_tokens\":3880,"
    "\"cache_read_input_tokens\":0,\"cache_creation_input_tokens\":0,\"cache_creation\":{\"ephemeral_5m_"
    "input_tokens\":0,"
    "\"ephemeral_1h_input_tokens\":0},\"type\":\"advisor_message\",\"model\":\"claude-opus-4-7\"},{\"input_"
    "tokens\":3676,"
    "\"output_tokens\":3356,\"type\":\"message\"}]}}\n"
    "{\"type\":\"message_stop\"}\n";

static void an_advisor_is_a_part(void **state)
{
	(void)state;
	struct answer a;
	char text[512];
	answer_init(&a);
	feed_lines(&codec_anthropic, advisor_stream, NULL, &a, NULL);
	assert_true(a.has_usage && a.ended && !a.error && !a.parts_lost);
	assert_text("top", usage_text(&a.usage, text),
	            "input_tokens=4727 cache_read_tokens=0 cache_write_5m_tokens=0 cache_write_1h_tokens=0 "
	            "output_tokens=3391 "
	            "web_searches=0");
	assert_int_equal(a.parts_n, 1);
	assert_slice("model", name_get(&a.parts[0].model), "claude-opus-4-7");
	assert_text("part", usage_text(&a.parts[0].usage, text),
	            "input_tokens=2728 cache_read_tokens=0 cache_write_5m_tokens=0 cache_write_1h_tokens=0 "
	            "output_tokens=3880");
	assert_int_equal(a.server_tool_calls, 1);
	assert_int_equal(a.text_bytes, 4);
}

static const struct {
	const char *name, *data, *model, *want, *part_model, *part;
} stream_cases[] = {
    {"deltas replace, never add",
     "{\"type\":\"message_start\",\"message\":{\"type\":\"message\",\"model\":\"m\",\"usage\":{\"input_"
     "tokens\":10,"
     "\"cache_read_input_tokens\":4,\"cache_creation_input_tokens\":30," SPLIT(
         "10", "20") ",\"output_tokens\":1}}}\n"
                     "{\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":7}}\n"
                     "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{"
                     "\"input_tokens\":12,"
                     "\"cache_creation_input_tokens\":50,\"output_tokens\":9}}",
     "m",
     "input_tokens=12 cache_read_tokens=4 cache_write_5m_tokens=30 cache_write_1h_tokens=20 output_tokens=9",
     NULL, NULL},
    {"cache counts only at the end",
     "{\"type\":\"message_start\",\"message\":{\"model\":\"m\",\"usage\":{\"input_tokens\":0,\"output_"
     "tokens\":0}}}\n"
     "{\"type\":\"message_delta\",\"usage\":{\"input_tokens\":5,\"output_tokens\":9,\"cache_read_input_"
     "tokens\":100}}",
     "m", "input_tokens=5 cache_read_tokens=100 output_tokens=9", NULL, NULL},
    {"compaction",
     "{\"type\":\"message_start\",\"message\":{\"model\":\"m\",\"usage\":{\"input_tokens\":180,\"output_"
     "tokens\":1}}}\n"
     "{\"type\":\"message_delta\",\"usage\":{\"input_tokens\":180,\"output_tokens\":8,\"iterations\":[{"
     "\"type\":\"compaction\","
     "\"input_tokens\":100,\"output_tokens\":82,\"cache_creation_input_tokens\":55096," SPLIT(
         "55096", "0") "},"
                       "{\"type\":\"message\",\"input_tokens\":180,\"output_tokens\":8}]}}",
     "m", "input_tokens=180 output_tokens=8", "m",
     "input_tokens=100 cache_write_5m_tokens=55096 cache_write_1h_tokens=0 output_tokens=82"},
    {"a declined attempt and its fallback",
     "{\"type\":\"message_start\",\"message\":{\"model\":\"big\",\"usage\":{\"input_tokens\":100,"
     "\"cache_creation_input_tokens\":60," SPLIT(
         "0", "60") ",\"output_tokens\":3}}}\n"
                    "{\"type\":\"content_block_start\",\"content_block\":{\"type\":\"fallback\",\"from\":{"
                    "\"model\":\"big\"},\"to\":{\"model\":"
                    "\"small\"}}}\n"
                    "{\"type\":\"message_delta\",\"usage\":{\"input_tokens\":101,\"cache_creation_input_"
                    "tokens\":50,\"output_tokens\":40,"
                    "\"iterations\":[{\"type\":\"message\",\"model\":\"big\",\"input_tokens\":100,\"output_"
                    "tokens\":3,"
                    "\"cache_creation_input_tokens\":60," SPLIT(
                        "0", "60") "},{\"type\":\"fallback_message\",\"model\":\"small\","
                                   "\"input_tokens\":101,\"output_tokens\":40,\"cache_creation_input_"
                                   "tokens\":50," SPLIT("50", "0") "}]}}",
     "small", "input_tokens=101 cache_write_5m_tokens=50 cache_write_1h_tokens=0 output_tokens=40", "big",
     "input_tokens=100 cache_write_5m_tokens=0 cache_write_1h_tokens=60 output_tokens=3"},
    {"iterations that name the model by another name",
     "{\"type\":\"message_start\",\"message\":{\"model\":\"m-latest\",\"usage\":{\"input_tokens\":1,\"output_"
     "tokens\":1}}}\n"
     "{\"type\":\"message_delta\",\"usage\":{\"input_tokens\":1,\"output_tokens\":8,\"iterations\":[{"
     "\"type\":\"message\","
     "\"model\":\"m-2025\",\"input_tokens\":1,\"output_tokens\":8}]}}",
     "m-latest", "input_tokens=1 output_tokens=8", NULL, NULL},
};

static void usage_of_streams(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(stream_cases); i++) {
		struct answer a;
		char text[512];
		answer_init(&a);
		/* twice: what is cumulative replaces, whatever came before */
		feed_lines(&codec_anthropic, stream_cases[i].data, NULL, &a, NULL);
		feed_lines(&codec_anthropic, stream_cases[i].data, NULL, &a, NULL);
		assert_true(a.has_usage);
		assert_text(stream_cases[i].name, usage_text(&a.usage, text), stream_cases[i].want);
		assert_slice(stream_cases[i].name, name_get(&a.model), stream_cases[i].model);
		assert_int_equal(a.parts_n, stream_cases[i].part != NULL);
		if (stream_cases[i].part) {
			assert_text(stream_cases[i].name, usage_text(&a.parts[0].usage, text),
			            stream_cases[i].part);
			assert_slice(stream_cases[i].name, name_get(&a.parts[0].model),
			             stream_cases[i].part_model);
		}
	}
}

static void a_cut_stream_has_no_final_usage(void **state)
{
	(void)state;
	struct answer a;
	answer_init(&a);
	feed_lines(
	    &codec_anthropic,
	    "{\"type\":\"message_start\",\"message\":{\"model\":\"m\",\"usage\":{\"input_tokens\":10,"
	    "\"output_tokens\":1}}}\n"
	    "{\"type\":\"content_block_start\",\"content_block\":{\"type\":\"tool_use\",\"input\":{}}}\n"
	    "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{"
	    "\\\"a\"}}\n"
	    "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}}"
	    "\n",
	    NULL, &a, NULL);
	assert_false(a.has_usage || a.ended);
	assert_int_equal(a.usage.m[METER_INPUT], 10);
	assert_int_equal(a.tool_calls, 1);
	assert_int_equal(a.tool_bytes, 4);
	assert_int_equal(a.thinking_bytes, 2);
	feed_lines(&codec_anthropic, "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}", NULL,
	           &a, NULL);
	assert_true(a.error);
	assert_slice("type", name_get(&a.error_type), "overloaded_error");
}

static void more_parts_than_there_is_room_for(void **state)
{
	(void)state;
	char data[2048] = "{\"type\":\"message_delta\",\"usage\":{\"output_tokens\":1,\"iterations\":[";
	struct answer a;
	answer_init(&a);
	for (int i = 0; i <= USAGE_PARTS_MAX; i++)
		snprintf(data + strlen(data), sizeof data - strlen(data),
		         "%s{\"type\":\"compaction\",\"input_tokens\":%d}", i ? "," : "", i);
	snprintf(data + strlen(data), sizeof data - strlen(data), "]}}");
	feed_lines(&codec_anthropic, data, NULL, &a, NULL);
	/* it comes again, cumulative: replaced, not added */
	slice last = slice_of(data);
	feed_data(&codec_anthropic, last, NULL, &a, NULL);
	assert_true(a.parts_lost && a.has_usage && !a.ended);
	assert_int_equal(a.parts_n, USAGE_PARTS_MAX);
	assert_int_equal(a.parts[7].usage.m[METER_INPUT], 7);
}

static void refusals_have_the_dialects_shape(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 4096);
	struct refusal_text r = {"budget", 402, SLICE("team \"payments\" spent it")};
	assert_int_equal(codec_anthropic.refusal(&r, &out), 0);
	assert_slice("402", buf_slice(&out),
	             "{\"type\":\"error\",\"error\":{\"type\":\"billing_error\",\"message\":\"team "
	             "\\\"payments\\\" spent it\"}}");
	buf_clear(&out);
	r = (struct refusal_text){"overload", 503, SLICE("later")};
	assert_int_equal(codec_anthropic.refusal(&r, &out), 0);
	assert_slice("503", buf_slice(&out),
	             "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"later\"}}");
	buf_release(&out);
	buf_init(&out, 8);
	assert_int_equal(codec_anthropic.refusal(&r, &out), ERR_FULL);
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
	    cmocka_unit_test(the_view_of_a_request),
	    cmocka_unit_test(what_a_request_says),
	    cmocka_unit_test(bad_requests_say_where),
	    cmocka_unit_test(usage_of_whole_answers),
	    cmocka_unit_test(a_whole_answer),
	    cmocka_unit_test(errors_are_told),
	    cmocka_unit_test(an_advisor_is_a_part),
	    cmocka_unit_test(usage_of_streams),
	    cmocka_unit_test(a_cut_stream_has_no_final_usage),
	    cmocka_unit_test(more_parts_than_there_is_room_for),
	    cmocka_unit_test(refusals_have_the_dialects_shape),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
