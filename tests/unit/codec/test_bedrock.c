/* Bedrock: what is read of requests, answers and event streams' messages, and its refusals. */
#include "unit/codec/support.h"

#include "base/base64.h"

static slice input(const char *z)
{
	return slice_of(z);
}

/* --- requests ------------------------------------------------------------------------------------------ */

static const struct request_case {
	const char *name;
	bool invoke;
	const char *model, *body;
	int rc;
	int64_t max_output, choices, messages, tools;
	const char *effort, *tier, *speed;
	bool hidden;
} requests[] = {
    {"claude", true, "us.anthropic.claude-haiku-4-5-20251001-v1:0",
     "{\"anthropic_version\":\"bedrock-2023-05-31\",\"max_tokens\":50,\"messages\":[{\"role\":\"user\","
     "\"content\":\"a\"}],\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":20},\"tools\":[{\"name\":"
     "\"t\"}]}",
     0, 50, 1, 1, 1, "budget:20", "", "", false},
    {"twice", true, "anthropic.claude-v2", "{\"max_tokens\":5,\"max_tokens\":6,\"messages\":[]}", ERR_INVALID,
     0, 0, 0, 0, "", "", "", false},
    {"titan", true, "amazon.titan-text-lite-v1",
     "{\"inputText\":\"a\",\"textGenerationConfig\":{\"maxTokenCount\":70}}", 0, 70, 1, 1, 0, "", "", "",
     false},
    {"llama", true, "meta.llama3-70b-instruct-v1:0", "{\"prompt\":\"a\",\"max_gen_len\":60}", 0, 60, 1, 1, 0,
     "", "", "", false},
    {"no limit known", true, "x.y", "{\"prompt\":\"a\"}", 0, TOKENS_ABSENT, 1, 1, 0, "", "", "", false},
    {"the larger of two limits", true, "x.y", "{\"maxTokens\":9,\"max_new_tokens\":3,\"numResults\":4}", 0, 9,
     4, 0, 0, "", "", "", false},
    {"nova's file", true, "amazon.nova-pro-v1:0",
     "{\"messages\":[{\"content\":[{\"video\":{\"source\":{\"s3Location\":{}}}}]}]}", 0, TOKENS_ABSENT, 1, 1,
     0, "", "", "", true},
    {"not an object", true, "x.y", "[]", ERR_INVALID, 0, 0, 0, 0, "", "", "", false},
    {"converse", false, "x.y",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"a\"}]}],\"system\":[{\"text\":\"s\"}],"
     "\"inferenceConfig\":{\"maxTokens\":40},\"toolConfig\":{\"tools\":[{\"toolSpec\":{}},{\"cachePoint\":{}}"
     "]},"
     "\"serviceTier\":{\"type\":\"flex\"},\"performanceConfig\":{\"latency\":\"optimized\"},"
     "\"additionalModelRequestFields\":{\"thinking\":{\"budget_tokens\":30}}}",
     0, 40, 1, 1, 2, "budget:30", "flex", "optimized", false},
    {"converse with a file", false, "x.y",
     "{\"messages\":[{\"content\":[{\"document\":{\"source\":{\"s3Location\":{\"uri\":\"s3://\"}}}}]}]}", 0,
     TOKENS_ABSENT, 1, 1, 0, "", "", "", true},
    {"converse with a system's tool", false, "x.y", "{\"toolConfig\":{\"tools\":[{\"systemTool\":{}}]}}", 0,
     TOKENS_ABSENT, 1, 0, 1, "", "", "", true},
    {"two limits", false, "x.y", "{\"additionalModelRequestFields\":{\"max_tokens\":9}}", ERR_INVALID, 0, 0,
     0, 0, "", "", "", false},
};

static void requests_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(requests); i++) {
		const struct request_case *c = &requests[i];
		const struct codec_ops *codec = c->invoke ? &codec_bedrock_invoke : &codec_bedrock_converse;
		struct target t = {.api = c->invoke ? API_BEDROCK_INVOKE : API_BEDROCK_CONVERSE,
		                   .model = slice_of(c->model),
		                   .stream = true};
		struct arena mem;
		struct request_view v;
		struct error e = {0};
		arena_init(&mem, 1 << 16);
		int rc = codec->request(&t, input(c->body), &mem, &v, &e);
		if (rc != c->rc)
			fail_msg("%s: %d %s", c->name, rc, e.text);
		if (rc == 0) {
			assert_slice(c->name, v.model, c->model);
			assert_int_equal(v.model_raw.n, 0);
			assert_true(v.stream);
			if (v.max_output != c->max_output || v.choices != c->choices)
				fail_msg("%s: limit %lld", c->name, (long long)v.max_output);
			assert_int_equal(v.message_count, c->messages);
			assert_int_equal(v.tool_count, c->tools);
			assert_slice(c->name, v.effort, c->effort);
			assert_slice(c->name, v.service_tier, c->tier);
			assert_slice(c->name, v.speed, c->speed);
			assert_int_equal(v.hidden_input, c->hidden);
		}
		arena_release(&mem);
	}
}

/* --- answers ------------------------------------------------------------------------------------------- */

static const struct answer_case {
	const char *name;
	bool invoke;
	const char *body;
	bool has_usage, ended, error;
	const char *usage, *stop;
	int64_t tools, text, thinking, tool_bytes;
} answers[] = {
    {"converse", false,
     "{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[{\"reasoningContent\":{\"reasoningText\":"
     "{\"text\":\"abc\",\"signature\":\"x\"}}},{\"text\":\"hello\"},{\"toolUse\":{\"toolUseId\":\"t\","
     "\"name\":"
     "\"n\",\"input\":{\"a\":1}}}]}},\"stopReason\":\"tool_use\",\"usage\":{\"inputTokens\":7,"
     "\"outputTokens\":"
     "9,\"totalTokens\":116,\"cacheReadInputTokens\":60,\"cacheWriteInputTokens\":40,\"cacheDetails\":[{"
     "\"ttl\":"
     "\"1h\",\"inputTokens\":30},{\"ttl\":\"5m\",\"inputTokens\":10}]}}",
     true, true, false,
     "input_tokens=7 cache_read_tokens=60 cache_write_5m_tokens=10 cache_write_1h_tokens=30 output_tokens=9",
     "tool_use", 1, 5, 3, 7},
    {"writes without a split", false,
     "{\"output\":{},\"usage\":{\"inputTokens\":7,\"outputTokens\":9,\"cacheWriteInputTokens\":40}}", true,
     true, false, "input_tokens=7 cache_write_5m_tokens=40 output_tokens=9", "", 0, 0, 0, 0},
    {"writes beyond the split", false,
     "{\"output\":{},\"usage\":{\"inputTokens\":7,\"outputTokens\":9,\"cacheWriteInputTokens\":40,"
     "\"cacheDetails\":"
     "[{\"ttl\":\"1h\",\"inputTokens\":30}]}}",
     true, true, false, "input_tokens=7 cache_write_5m_tokens=10 cache_write_1h_tokens=30 output_tokens=9",
     "", 0, 0, 0, 0},
    {"absent is not zero", false, "{\"output\":{},\"usage\":{\"inputTokens\":7}}", false, true, false,
     "input_tokens=7", "", 0, 0, 0, 0},
    {"an error", false, "{\"message\":\"no\",\"__type\":\"ValidationException\"}", false, false, true, "", "",
     0, 0, 0, 0},
    {"cut", false, "{\"output\":{},\"usage\":{\"inputTokens\":7,\"outputTokens\":9}", false, false, false,
     "input_tokens=7 output_tokens=9", "", 0, 0, 0, 0},
    {"claude", true,
     "{\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\"hello\"}],\"stop_reason\":\"end_"
     "turn\","
     "\"usage\":{\"input_tokens\":3,\"output_tokens\":4,\"cache_creation_input_tokens\":5,\"cache_creation\":"
     "{"
     "\"ephemeral_1h_input_tokens\":5}}}",
     true, true, false, "input_tokens=3 cache_write_5m_tokens=0 cache_write_1h_tokens=5 output_tokens=4",
     "end_turn", 0, 5, 0, 0},
    {"nova", true,
     "{\"output\":{\"message\":{\"content\":[{\"text\":\"hello\"}]}},\"stopReason\":\"end_turn\",\"usage\":{"
     "\"inputTokens\":3,\"outputTokens\":4,\"cacheReadInputTokenCount\":2}}",
     true, true, false, "input_tokens=3 cache_read_tokens=2 output_tokens=4", "end_turn", 0, 5, 0, 0},
    {"titan", true,
     "{\"inputTextTokenCount\":3,\"results\":[{\"tokenCount\":4,\"outputText\":\"hello\"},{\"tokenCount\":1}]"
     "}",
     true, true, false, "input_tokens=3 output_tokens=5", "", 0, 5, 0, 0},
    {"llama", true, "{\"generation\":\"hello\",\"prompt_token_count\":3,\"generation_token_count\":4}", true,
     true, false, "input_tokens=3 output_tokens=4", "", 0, 5, 0, 0},
    {"embedding", true, "{\"embedding\":[1],\"inputTextTokenCount\":3}", true, true, false,
     "input_tokens=3 output_tokens=0", "", 0, 0, 0, 0},
    {"nothing reported", true, "{\"completion\":\"hello\"}", false, true, false, "", "", 0, 5, 0, 0},
    {"fault", true, "{\"message\":\"no\"}", false, false, true, "", "", 0, 0, 0, 0},
    {"no JSON", true, "hello", false, false, false, "", "", 0, 0, 0, 0},
};

static void check_answer(const char *name, const struct answer *a, const struct answer_case *c)
{
	char text[512];
	assert_text(name, usage_text(&a->usage, text), c->usage);
	if (a->has_usage != c->has_usage || a->ended != c->ended || a->error != c->error)
		fail_msg("%s: has_usage %d ended %d error %d", name, a->has_usage, a->ended, a->error);
	assert_slice(name, name_get(&a->stop_reason), c->stop);
	assert_int_equal(a->tool_calls, c->tools);
	assert_int_equal(a->text_bytes, c->text);
	assert_int_equal(a->thinking_bytes, c->thinking);
	assert_int_equal(a->tool_bytes, c->tool_bytes);
}

static void answers_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++) {
		struct answer a;
		answer_init(&a);
		(answers[i].invoke ? &codec_bedrock_invoke : &codec_bedrock_converse)
		    ->answer(input(answers[i].body), &a);
		check_answer(answers[i].name, &a, &answers[i]);
	}
}

static void headers_count_what_the_body_does_not(void **state)
{
	(void)state;
	static const struct header at[] = {{{"X-Amzn-Bedrock-Input-Token-Count", 32}, {"21", 2}},
	                                   {{"x-amzn-bedrock-output-token-count", 33}, {"22", 2}}};
	struct headers h = {at, COUNT(at)};
	struct answer a;
	char text[512];
	answer_init(&a);
	codec_bedrock_invoke.head(&h, &a);
	assert_false(a.has_usage);
	codec_bedrock_invoke.answer(SLICE("{\"completion\":\"x\"}"), &a);
	assert_true(a.has_usage && a.ended);
	assert_text("headers", usage_text(&a.usage, text), "input_tokens=21 output_tokens=22");
	answer_init(&a);
	codec_bedrock_invoke.head(&h, &a);
	codec_bedrock_invoke.answer(
	    SLICE("{\"type\":\"message\",\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}"), &a);
	assert_text("body first", usage_text(&a.usage, text), "input_tokens=3 output_tokens=4");
}

/* --- streams ------------------------------------------------------------------------------------------- */

static void send(const struct codec_ops *c, struct answer *a, const char *name, slice payload, bool fault)
{
	struct json_edits edits;
	json_edits_init(&edits);
	struct sse_event e = {.raw = payload,
	                      .name = slice_of(name),
	                      .data = payload,
	                      .has_data = payload.n > 0,
	                      .fault = fault};
	assert_int_equal(c->event(&e, NULL, a, &edits), EVENT_PASS);
	assert_int_equal(edits.n, 0);
}

/* A chunk of InvokeModel; longer than what is decoded on the stack when padded. */
static void send_chunk(struct answer *a, const char *inner, size_t padding)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static char text[1 << 16], out[1 << 17];
	size_t n = strlen(inner), at;
	memcpy(text, inner, n);
	memset(text + n, ' ', padding);
	n += padding;
	at = (size_t)snprintf(out, sizeof out, "{\"bytes\":\"");
	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)(unsigned char)text[i] << 16;
		v |= i + 1 < n ? (unsigned)(unsigned char)text[i + 1] << 8 : 0;
		v |= i + 2 < n ? (unsigned char)text[i + 2] : 0;
		for (size_t k = 0; k < 4; k++)
			out[at++] = i + k <= n ? digits[v >> (18 - 6 * k) & 63] : '=';
	}
	at += (size_t)snprintf(out + at, sizeof out - at, "\",\"p\":\"abc\"}");
	send(&codec_bedrock_invoke, a, "chunk", slice_make(out, at), false);
}

static void claudes_stream(void **state)
{
	(void)state;
	char text[512];
	for (size_t padding = 0; padding < 10000; padding += 4999) {
		struct answer a;
		answer_init(&a);
		send_chunk(&a,
		           "{\"type\":\"message_start\",\"message\":{\"model\":\"claude-x\",\"usage\":{"
		           "\"input_tokens\":"
		           "3,\"output_tokens\":1}}}",
		           padding);
		send_chunk(&a,
		           "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":"
		           "\"hello\"}}",
		           padding);
		assert_int_equal(a.text_bytes, 5);
		assert_false(a.has_usage || a.ended);
		send_chunk(&a,
		           "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{"
		           "\"output_tokens\":9}}",
		           padding);
		assert_true(a.has_usage);
		send_chunk(
		    &a,
		    "{\"type\":\"message_stop\",\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":3,"
		    "\"outputTokenCount\":8,\"cacheReadInputTokenCount\":0}}",
		    padding);
		assert_true(a.ended && a.has_usage && !a.error);
		assert_text("claude", usage_text(&a.usage, text),
		            "input_tokens=3 cache_read_tokens=0 output_tokens=9");
		assert_slice("model", name_get(&a.model), "claude-x");
	}
}

/* The model's last word is missing: what AWS counted holds. */
static void metrics_stand_in(void **state)
{
	(void)state;
	struct answer a;
	char text[512];
	answer_init(&a);
	send_chunk(
	    &a,
	    "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}",
	    0);
	send_chunk(
	    &a, "{\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":3,\"outputTokenCount\":8}}", 0);
	assert_true(a.ended && a.has_usage);
	assert_text("metrics", usage_text(&a.usage, text), "input_tokens=3 output_tokens=8");
	answer_init(&a);
	send_chunk(&a, "{\"contentBlockDelta\":{\"delta\":{\"text\":\"hello\"},\"contentBlockIndex\":0}}", 0);
	send_chunk(&a, "{\"messageStop\":{\"stopReason\":\"max_tokens\"}}", 0);
	assert_int_equal(a.text_bytes, 5);
	assert_slice("nova", name_get(&a.stop_reason), "max_tokens");
	assert_false(a.ended || a.has_usage);
	send_chunk(&a, "{\"strange\":\"0123456789\"}", 0);
	assert_int_equal(a.text_bytes, 5 + 24); /* counted whole */
}

static void converses_stream(void **state)
{
	(void)state;
	static const struct {
		const char *name, *payload;
	} events[] = {
	    {"messageStart", "{\"role\":\"assistant\",\"p\":\"ab\"}"},
	    {"contentBlockStart", "{\"start\":{\"toolUse\":{\"toolUseId\":\"t\",\"name\":\"n\"}}}"},
	    {"contentBlockDelta", "{\"delta\":{\"toolUse\":{\"input\":\"{\\\"a\\\":1}\"}}}"},
	    {"contentBlockDelta", "{\"delta\":{\"reasoningContent\":{\"text\":\"abc\"}}}"},
	    {"contentBlockDelta", "{\"delta\":{\"text\":\"hello\"}}"},
	    {"contentBlockStop", "{\"contentBlockIndex\":0}"},
	    {"messageStop", "{\"stopReason\":\"tool_use\"}"},
	    {"metadata", "{\"usage\":{\"inputTokens\":3,\"outputTokens\":4},\"metrics\":{\"latencyMs\":1},"
	                 "\"serviceTier\":{\"type\":\"priority\"}}"},
	};
	struct answer a;
	char text[512];
	answer_init(&a);
	for (size_t i = 0; i < COUNT(events); i++) {
		assert_false(a.ended || a.has_usage);
		send(&codec_bedrock_converse, &a, events[i].name, slice_of(events[i].payload), false);
	}
	assert_true(a.ended && a.has_usage && !a.error);
	assert_text("converse", usage_text(&a.usage, text), "input_tokens=3 output_tokens=4");
	assert_int_equal(a.tool_calls, 1);
	assert_int_equal(a.thinking_bytes, 3);
	assert_int_equal(a.text_bytes, 5);
	assert_true(a.tool_bytes >= 7);
	assert_slice("tier", name_get(&a.service_tier), "priority");
	assert_slice("stop", name_get(&a.stop_reason), "tool_use");
}

static void an_exception_is_an_error(void **state)
{
	(void)state;
	const struct codec_ops *const both[] = {&codec_bedrock_invoke, &codec_bedrock_converse};
	for (size_t i = 0; i < 2; i++) {
		struct answer a;
		answer_init(&a);
		send(both[i], &a, "throttlingException", SLICE("{\"message\":\"slow\"}"), true);
		assert_true(a.error && !a.ended && !a.has_usage);
		assert_slice("type", name_get(&a.error_type), "throttlingException");
	}
}

/* --- refusals, base64 ---------------------------------------------------------------------------------- */

static void refusals(void **state)
{
	(void)state;
	static const struct {
		int status;
		const char *want;
	} cases[] = {
	    {402, "{\"__type\":\"ServiceQuotaExceededException\",\"message\":\"no \\\"x\\\"\"}"},
	    {418, "{\"__type\":\"ValidationException\",\"message\":\"no \\\"x\\\"\"}"},
	    {500, "{\"__type\":\"InternalServerException\",\"message\":\"no \\\"x\\\"\"}"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct refusal_text r = {"budget", cases[i].status, SLICE("no \"x\"")};
		struct buf out;
		buf_init(&out, 1024);
		assert_int_equal(codec_bedrock_invoke.refusal(&r, &out), 0);
		assert_slice("refusal", buf_slice(&out), cases[i].want);
		buf_release(&out);
	}
}

static void base64(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out; /* NULL: refused */
	} cases[] = {{"", ""},
	             {"Zg==", "f"},
	             {"Zg", "f"},
	             {"Zm8=", "fo"},
	             {"Zm9v", "foo"},
	             {"Zm9vYg==", "foob"},
	             {"+/+/", "\xfb\xff\xbf"},
	             {"Z", NULL},
	             {"Zm9v=Zm9v", NULL},
	             {"Zm 9v", NULL},
	             {"Zg===", NULL},
	             {"_-_-", NULL}};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char out[32];
		size_t n = 0;
		bool ok = base64_decode(slice_of(cases[i].in), out, &n);
		assert_int_equal(ok, cases[i].out != NULL);
		if (ok)
			assert_slice(cases[i].in, slice_make(out, n), cases[i].out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests_are_read),
	    cmocka_unit_test(answers_are_read),
	    cmocka_unit_test(headers_count_what_the_body_does_not),
	    cmocka_unit_test(claudes_stream),
	    cmocka_unit_test(metrics_stand_in),
	    cmocka_unit_test(converses_stream),
	    cmocka_unit_test(an_exception_is_an_error),
	    cmocka_unit_test(refusals),
	    cmocka_unit_test(base64),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
