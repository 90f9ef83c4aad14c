/* Chat completions and embeddings: views, the edit that asks for usage, what the client sees of it, usage,
 * refusals. */
#include "unit/codec/support.h"

static const struct target chat = {.api = API_OPENAI_CHAT};
static const struct target embeddings = {.api = API_OPENAI_EMBEDDINGS};

static struct arena mem;

static int read_request(const char *body, struct request_view *v, struct error *e)
{
	memset(e, 0, sizeof *e);
	return codec_openai_chat.request(&chat, slice_of(body), &mem, v, e);
}

static void the_view_of_a_request(void **state)
{
	(void)state;
	static const char body[] = "{\"model\":\"gpt-5\",\"messages\":[{\"role\":\"system\",\"content\":\"be "
	                           "brief\"},{\"role\":\"user\",\"content\":[{"
	                           "\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/"
	                           "png;base64,AA\"}}]}],\"tools\":[{\"type\":\"function\"}],"
	                           "\"max_completion_tokens\":77,\"n\":3,\"stream\":true,\"stream_options\":{"
	                           "\"include_usage\":true},"
	                           "\"reasoning_effort\":\"low\",\"service_tier\":\"flex\",\"user\":\"ana\","
	                           "\"prompt_cache_key\":\"s\\u0031\","
	                           "\"metadata\":{\"a\":\"b\"}}";
	struct request_view v;
	struct error e;
	assert_int_equal(read_request(body, &v, &e), 0);
	assert_slice("model", v.model, "gpt-5");
	assert_slice("system", v.system, "\"be brief\"");
	assert_int_equal(v.message_count, 2);
	assert_int_equal(v.tool_count, 1);
	assert_int_equal(v.max_output, 77);
	assert_int_equal(v.choices, 3);
	assert_true(v.stream && v.wants_usage && !v.hidden_input);
	assert_slice("stream_options", v.stream_options, "{\"include_usage\":true}");
	assert_slice("effort", v.effort, "low");
	assert_slice("tier", v.service_tier, "flex");
	assert_slice("user", v.user_id, "ana");
	assert_slice("session", v.session_hint, "s1");
	assert_slice("metadata", v.client_metadata, "{\"a\":\"b\"}");
}

static const struct {
	const char *rest; /* of a body behind {"model":"m", */
	int rc;
	bool hidden;
	int64_t max_output, choices;
} view_cases[] = {
    {"\"n\":null}", 0, false, -1, 1},
    {"\"n\":0}", 0, false, -1, 1},
    {"\"n\":\"9\"}", ERR_INVALID, false, 0, 0},
    {"\"n\":-2}", ERR_INVALID, false, 0, 0},
    {"\"max_tokens\":5}", 0, false, 5, 1},
    {"\"max_tokens\":5,\"max_completion_tokens\":9}", ERR_INVALID, false, 0, 0},
    {"\"max_tokens\":null,\"max_completion_tokens\":9}", 0, false, 9, 1},
    {"\"max_completion_tokens\":9,\"max_tokens\":null}", 0, false, 9, 1},
    {"\"max_tokens\":5,\"max_tokens\":9}", ERR_INVALID, false, 0, 0},
    {"\"stream\":false,\"stream\":true}", ERR_INVALID, false, 0, 0},
    {"\"stream_options\":{\"include_usage\":true,\"include_usage\":false}}", ERR_INVALID, false, 0, 0},
    {"\"messages\":[{\"content\":[{\"image_url\":{\"url\":\"https://x/y\"}}]}]}", 0, true, -1, 1},
    {"\"messages\":[{\"content\":[{\"image_url\":\"https://x/y\"}]}]}", 0, true, -1, 1},
    {"\"messages\":[{\"content\":[{\"file\":{\"file_id\":\"f\"}}]}]}", 0, true, -1, 1},
    {"\"messages\":[{\"content\":[{\"file\":{\"file_data\":\"data:\"}}]}]}", 0, false, -1, 1},
    {"\"messages\":[{\"role\":\"assistant\",\"audio\":{\"id\":\"a\"}}]}", 0, true, -1, 1},
    {"\"tools\":[{\"type\":\"web_search\"}]}", 0, true, -1, 1},
    {"\"web_search_options\":{}}", 0, true, -1, 1},
    {"\"functions\":[{\"name\":\"f\"}]}", 0, false, -1, 1},
};

static void what_a_request_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(view_cases); i++) {
		char body[512];
		struct request_view v;
		struct error e;
		snprintf(body, sizeof body, "{\"model\":\"m\",%s", view_cases[i].rest);
		int rc = read_request(body, &v, &e);
		if (rc != view_cases[i].rc)
			fail_msg("%s: %d: %s", body, rc, e.text);
		if (rc)
			continue;
		if (v.hidden_input != view_cases[i].hidden || v.max_output != view_cases[i].max_output ||
		    v.choices != view_cases[i].choices)
			fail_msg("%s: hidden %d, limit %lld, choices %lld", body, v.hidden_input,
			         (long long)v.max_output, (long long)v.choices);
	}
}

static const struct {
	const char *body, *sent;
} prepare_cases[] = {
    {"{\"model\":\"m\",\"stream\":true}",
     "{\"stream_options\":{\"include_usage\":true},\"model\":\"m\",\"stream\":true}"},
    {" { \"model\":\"m\",\"stream\":true, \"x\" : 1.50 }",
     " {\"stream_options\":{\"include_usage\":true}, \"model\":\"m\",\"stream\":true, \"x\" : 1.50 }"},
    {"{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_obfuscation\":false}}",
     "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true,\"include_obfuscation\":"
     "false}}"},
    {"{\"model\":\"m\",\"stream\":true,\"stream_options\":{ }}",
     "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true }}"},
    {"{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\" : false}}",
     "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\" : true}}"},
    {"{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":null,\"a\":1}}",
     "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true,\"a\":1}}"},
    {"{\"model\":\"m\",\"stream\":true,\"stream_options\":null}",
     "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}"},
    {"{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}",
     "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}"},
    {"{\"model\":\"m\",\"stream\":false}", "{\"model\":\"m\",\"stream\":false}"},
    {"{\"model\":\"m\"}", "{\"model\":\"m\"}"},
};

static void a_stream_is_asked_for_its_usage(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(prepare_cases); i++) {
		struct request_view v;
		struct error e;
		struct json_edits edits;
		char sent[512];
		json_edits_init(&edits);
		assert_int_equal(read_request(prepare_cases[i].body, &v, &e), 0);
		assert_int_equal(codec_openai_chat.prepare(&v, &edits, &mem), 0);
		size_t n = json_edits_size(&edits, v.body);
		assert_true(n < sizeof sent);
		json_edits_apply(&edits, v.body, sent);
		sent[n] = '\0';
		assert_text(prepare_cases[i].body, sent, prepare_cases[i].sent);
	}
}

static const char stream[] =
    "{\"id\":\"c1\",\"model\":\"gpt-5-2025-08-07\",\"service_tier\":\"default\",\"choices\":[{\"index\":0,"
    "\"delta\":{\"role\":"
    "\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n"
    "{\"usage\":null,\"id\":\"c1\",\"choices\":[{\"delta\":{\"content\":\"he \\\"usage\\\": null\"}}], "
    "\"obfuscation\":\"x\"}\n"
    "{\"id\":\"c1\",\"choices\":[{\"delta\":{\"reasoning_content\":\"abc\",\"tool_calls\":[{\"index\":0,"
    "\"id\":\"t1\","
    "\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}}]}\n"
    "{\"id\":\"c1\",\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{"
    "\\\"a\\\"\"}}]}}],"
    "\"usage\": null }\n"
    "{\"id\":\"c1\",\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}],\"usage\":null}\n"
    "{\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":30,\"total_"
    "tokens\":130,"
    "\"prompt_tokens_details\":{\"cached_tokens\":40,\"cache_write_tokens\":10,\"audio_tokens\":5},"
    "\"completion_tokens_details\":{\"reasoning_tokens\":20,\"audio_tokens\":4}}}\n"
    "[DONE]\n";

static const char unasked[] =
    "{\"id\":\"c1\",\"model\":\"gpt-5-2025-08-07\",\"service_tier\":\"default\",\"choices\":[{\"index\":0,"
    "\"delta\":{\"role\":"
    "\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n"
    "{\"id\":\"c1\",\"choices\":[{\"delta\":{\"content\":\"he \\\"usage\\\": null\"}}], "
    "\"obfuscation\":\"x\"}\n"
    "{\"id\":\"c1\",\"choices\":[{\"delta\":{\"reasoning_content\":\"abc\",\"tool_calls\":[{\"index\":0,"
    "\"id\":\"t1\","
    "\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}}]}\n"
    "{\"id\":\"c1\",\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{"
    "\\\"a\\\"\"}}]}}] }\n"
    "{\"id\":\"c1\",\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n"
    "[DONE]\n";

static void the_usage_is_kept_from_who_did_not_ask(void **state)
{
	(void)state;
	struct request_view asked = {.stream = true, .wants_usage = true}, not_asked = {.stream = true};
	struct answer a;
	struct buf out;
	char text[512];
	buf_init(&out, 1 << 16);
	answer_init(&a);
	assert_true(codec_openai_chat.edits_stream(&not_asked));
	feed_lines(&codec_openai_chat, stream, &not_asked, &a, &out);
	assert_slice("not asked", buf_slice(&out), unasked);
	assert_true(a.has_usage && a.ended && !a.error);
	assert_text("usage", usage_text(&a.usage, text),
	            "input_tokens=45 cache_read_tokens=40 cache_write_5m_tokens=10 output_tokens=26 "
	            "reasoning_tokens=20 "
	            "input_audio_tokens=5 output_audio_tokens=4");
	assert_slice("model", name_get(&a.model), "gpt-5-2025-08-07");
	assert_slice("tier", name_get(&a.service_tier), "default");
	assert_slice("stop", name_get(&a.stop_reason), "tool_calls");
	assert_int_equal(a.tool_calls, 1);
	assert_int_equal(a.tool_bytes, 6);
	assert_int_equal(a.thinking_bytes, 3);
	assert_int_equal(a.text_bytes, 18);

	buf_clear(&out);
	answer_init(&a);
	assert_false(codec_openai_chat.edits_stream(&asked));
	feed_lines(&codec_openai_chat, stream, &asked, &a, &out);
	assert_slice("asked", buf_slice(&out), stream);
	buf_release(&out);
}

static const struct {
	const char *name, *chunk, *usage;
	bool has_usage;
	enum event_action act;
} chunk_cases[] = {
    {"usage in a chunk with choices stays",
     "{\"choices\":[{\"delta\":{}}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}",
     "input_tokens=3 output_tokens=2", true, EVENT_PASS},
    {"Azure's first chunk has no choices and no usage", "{\"choices\":[],\"prompt_filter_results\":[]}", "",
     false, EVENT_PASS},
    {"no choices, usage null", "{\"choices\":[],\"moderation\":{},\"usage\":null}", "", false, EVENT_EDIT},
    {"a running sum", "{\"choices\":[{}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":null}}",
     "input_tokens=3", false, EVENT_PASS},
    {"several data lines are not edited", "{\"choices\":[],\n\"usage\":null}", "", false, EVENT_PASS},
    {"not JSON", "{\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}",
     "input_tokens=3 output_tokens=2", true, EVENT_PASS},
    {"Groq", "{\"choices\":[{}],\"x_groq\":{\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}}",
     "input_tokens=3 output_tokens=2", true, EVENT_PASS},
    {"Moonshot",
     "{\"choices\":[{\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"cached_tokens\":1}}]}",
     "input_tokens=2 cache_read_tokens=1 output_tokens=2", true, EVENT_PASS},
    {"xAI counts reasoning apart",
     "{\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":2,\"total_tokens\":19,"
     "\"completion_tokens_details\":{"
     "\"reasoning_tokens\":7}}}",
     "input_tokens=10 output_tokens=9 reasoning_tokens=7", true, EVENT_DROP},
    {"more cached than there is",
     "{\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":8,\"prompt_tokens_details\":{"
     "\"cached_tokens\":161}}}",
     "input_tokens=0 cache_read_tokens=161 output_tokens=8", true, EVENT_DROP},
    {"cached audio",
     "{\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":8,\"prompt_tokens_details\":{"
     "\"cached_tokens\":60,"
     "\"audio_tokens\":50,\"cached_tokens_details\":{\"audio_tokens\":20}}}}",
     "input_tokens=10 cache_read_tokens=40 output_tokens=8 input_audio_tokens=30 cache_read_audio_tokens=20",
     true, EVENT_DROP},
    {"searches",
     "{\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"server_tool_use_details\":{"
     "\"web_search_requests\":3}}}",
     "input_tokens=1 output_tokens=1 web_searches=3", true, EVENT_DROP},
};

static void usage_of_one_chunk(void **state)
{
	(void)state;
	struct request_view v = {.stream = true};
	for (size_t i = 0; i < COUNT(chunk_cases); i++) {
		struct answer a;
		struct json_edits edits;
		char text[512];
		slice data = slice_of(chunk_cases[i].chunk);
		struct sse_event e = {.raw = data, .data = data, .has_data = true};
		answer_init(&a);
		json_edits_init(&edits);
		enum event_action act = codec_openai_chat.event(&e, &v, &a, &edits);
		assert_text(chunk_cases[i].name, usage_text(&a.usage, text), chunk_cases[i].usage);
		if (act != chunk_cases[i].act || a.has_usage != chunk_cases[i].has_usage)
			fail_msg("%s: action %d, has_usage %d", chunk_cases[i].name, act, a.has_usage);
	}
}

static void whole_answers_and_errors(void **state)
{
	(void)state;
	struct answer a;
	answer_init(&a);
	codec_openai_chat.answer(
	    SLICE("{\"id\":\"x\",\"choices\":[{\"message\":{\"content\":[{\"type\":\"thinking\",\"thinking\":"
	          "[{\"type\":\"text\","
	          "\"text\":\"ab\"}]},{\"type\":\"text\",\"text\":\"abc\"}],\"function_call\":{\"name\":"
	          "\"f\",\"arguments\":\"{}\"}},"
	          "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}"),
	    &a);
	assert_true(a.has_usage && a.ended && !a.error);
	assert_int_equal(a.text_bytes, 3);
	assert_int_equal(a.thinking_bytes, 2);
	assert_int_equal(a.tool_calls, 1);
	assert_int_equal(a.tool_bytes, 2);

	answer_init(&a);
	codec_openai_chat.answer(
	    SLICE("{\"error\":{\"message\":\"m\",\"type\":null,\"code\":\"model_not_found\"}}"), &a);
	assert_true(a.error && !a.ended && !a.has_usage);
	assert_slice("code", name_get(&a.error_type), "model_not_found");
	answer_init(&a);
	codec_openai_chat.answer(SLICE("{\"error\":{\"code\":\"c\",\"type\":\"t\"}}"), &a);
	assert_slice("type", name_get(&a.error_type), "t");
	answer_init(&a);
	codec_openai_chat.answer(SLICE("{\"error\":null,\"choices\":[]}"), &a);
	assert_false(a.error);
}

static void embeddings_pay_input_only(void **state)
{
	(void)state;
	struct request_view v;
	struct error e;
	struct answer a;
	char text[512];
	assert_int_equal(
	    codec_openai_embeddings.request(
	        &embeddings, SLICE("{\"model\":\"e\",\"input\":[\"a\",[1,2]],\"user\":\"u\"}"), &mem, &v, &e),
	    0);
	assert_slice("input", v.messages, "[\"a\",[1,2]]");
	assert_int_equal(v.message_count, 2);
	assert_int_equal(v.max_output, 0);
	answer_init(&a);
	codec_openai_embeddings.answer(SLICE("{\"object\":\"list\",\"data\":[{}],\"model\":\"e-2\",\"usage\":"
	                                     "{\"prompt_tokens\":8,\"total_tokens\":8}}"),
	                               &a);
	assert_true(a.has_usage && a.ended);
	assert_text("usage", usage_text(&a.usage, text), "input_tokens=8 output_tokens=0");
	answer_init(&a);
	codec_openai_embeddings.answer(SLICE("{\"data\":[],\"usage\":{\"total_tokens\":9}}"), &a);
	assert_text("total alone", usage_text(&a.usage, text), "input_tokens=9 output_tokens=0");
	answer_init(&a);
	codec_openai_embeddings.answer(SLICE("{\"data\":[]}"), &a);
	assert_text("nothing", usage_text(&a.usage, text), "");
	assert_false(a.has_usage);
}

static void refusals_have_the_dialects_shape(void **state)
{
	(void)state;
	struct buf out;
	struct refusal_text r = {"budget", 402, SLICE("spent")};
	buf_init(&out, 4096);
	assert_int_equal(codec_openai_chat.refusal(&r, &out), 0);
	assert_slice("402", buf_slice(&out),
	             "{\"error\":{\"message\":\"spent\",\"type\":\"billing_error\",\"code\":\"budget\","
	             "\"param\":null}}");
	buf_clear(&out);
	r.status = 503, r.kind = "overload";
	assert_int_equal(codec_openai_chat.refusal(&r, &out), 0);
	assert_slice("503", buf_slice(&out),
	             "{\"error\":{\"message\":\"spent\",\"type\":\"server_error\",\"code\":\"overload\","
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

static void what_the_provider_charged(void **state)
{
	(void)state;
	static const struct {
		const char *usage;
		int64_t nano;
	} cases[] = {
	    {"\"cost\":0.0076509169000000005", 7650917},
	    {"\"cost\":4.1148e-05", 41148},
	    {"\"cost\":1.5E+2", INT64_C(150000000000)},
	    {"\"cost\":12", INT64_C(12000000000)},
	    {"\"cost\":0", 0},
	    {"\"cost\":0.0000000005", 1},
	    {"\"cost\":0.0000000004", 0},
	    {"\"cost\":{\"request_cost\":0.005,\"total_cost\":0.00528}", 5280000},
	    {"\"cost\":0.01,\"is_byok\":true", -1},
	    {"\"cost\":-1", -1},
	    {"\"cost\":1e30", -1},
	    {"\"cost\":99999999999999999999999", -1},
	    {"\"cost\":\"1\"", -1},
	    {"\"prompt_tokens\":1", -1},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char body[256];
		struct answer a;
		answer_init(&a);
		snprintf(body, sizeof body, "{\"choices\":[],\"usage\":{%s}}", cases[i].usage);
		codec_openai_chat.answer(slice_of(body), &a);
		if (a.charged_nanousd != cases[i].nano)
			fail_msg("%s: %lld, want %lld", cases[i].usage, (long long)a.charged_nanousd,
			         (long long)cases[i].nano);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_the_provider_charged),
	    cmocka_unit_test(the_view_of_a_request),
	    cmocka_unit_test(what_a_request_says),
	    cmocka_unit_test(a_stream_is_asked_for_its_usage),
	    cmocka_unit_test(the_usage_is_kept_from_who_did_not_ask),
	    cmocka_unit_test(usage_of_one_chunk),
	    cmocka_unit_test(whole_answers_and_errors),
	    cmocka_unit_test(embeddings_pay_input_only),
	    cmocka_unit_test(refusals_have_the_dialects_shape),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
