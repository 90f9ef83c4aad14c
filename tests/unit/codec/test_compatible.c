/* Dialects of few paths: Cohere's and Ollama's own, the older completions, Gemini's embeddings and
 * interactions. */
#include "unit/codec/support.h"

static struct arena mem;

static int read_request(const struct codec_ops *c, enum api api, const char *body, struct request_view *v)
{
	const struct target t = {.api = api, .model = api == API_GEMINI_EMBED ? SLICE("g") : SLICE_NONE};
	struct error e = {0};
	arena_reset(&mem);
	return c->request(&t, slice_of(body), &mem, v, &e);
}

static const struct {
	const struct codec_ops *codec;
	enum api api;
	const char *body, *model;
	int64_t limit, choices, messages;
	bool stream, hidden;
} requests[] = {
    {&codec_ollama, API_OLLAMA_CHAT,
     "{\"model\":\"q\",\"messages\":[{},{}],\"options\":{\"num_predict\":9},\"think\":\"high\"}", "q", 9, 1,
     2, true, false},
    {&codec_ollama, API_OLLAMA_CHAT, "{\"model\":\"q\",\"stream\":false,\"messages\":[]}", "q", -1, 1, 0,
     false, false},
    {&codec_ollama, API_OLLAMA_GENERATE,
     "{\"model\":\"q\",\"prompt\":\"x\",\"options\":{\"num_predict\":-1}}", "q", -1, 1, 1, true, false},
    {&codec_ollama, API_OLLAMA_EMBED, "{\"model\":\"q\",\"input\":[\"a\",\"b\"]}", "q", 0, 1, 2, false,
     false},
    {&codec_cohere, API_COHERE_CHAT,
     "{\"model\":\"command-a\",\"messages\":[{}],\"max_tokens\":7,\"stream\":true,\"thinking\":"
     "{\"type\":\"enabled\",\"token_budget\":50}}",
     "command-a", 7, 1, 1, true, false},
    {&codec_cohere, API_COHERE_CHAT,
     "{\"model\":\"command-r\",\"message\":\"hi\",\"chat_history\":[{}],\"connectors\":[{\"id\":\"web-"
     "search\"}]}",
     "command-r", -1, 1, 2, false, true},
    {&codec_cohere, API_COHERE_EMBED, "{\"model\":\"embed-v4.0\",\"texts\":[\"a\"],\"images\":null}",
     "embed-v4.0", 0, 1, 1, false, false},
    {&codec_openai_completions, API_OPENAI_COMPLETIONS,
     "{\"model\":\"d\",\"prompt\":[\"a\",\"b\"],\"n\":2,\"best_of\":3,\"max_tokens\":5}", "d", 5, 6, 2, false,
     false},
    {&codec_openai_completions, API_OPENAI_COMPLETIONS, "{\"model\":\"d\",\"prompt\":[1,2,3]}", "d", -1, 1, 3,
     false, false},
    {&codec_gemini_embed, API_GEMINI_EMBED, "{\"requests\":[{},{}]}", "g", 0, 1, 2, false, false},
    {&codec_gemini_interactions, API_GEMINI_INTERACTIONS,
     "{\"model\":\"g\",\"input\":\"x\",\"stream\":true,\"generation_config\":{\"max_output_tokens\":4}}", "g",
     4, 1, 1, true, false},
    {&codec_gemini_interactions, API_GEMINI_INTERACTIONS,
     "{\"model\":\"g\",\"input\":\"x\",\"previous_interaction_id\":\"i\"}", "g", -1, 1, 1, false, true},
    {&codec_gemini_interactions, API_GEMINI_INTERACTIONS,
     "{\"model\":\"g\",\"input\":[{}],\"tools\":[{\"type\":\"google_search\"}]}", "g", -1, 1, 1, false, true},
};

static void requests_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(requests); i++) {
		struct request_view v;
		if (read_request(requests[i].codec, requests[i].api, requests[i].body, &v))
			fail_msg("%s is refused", requests[i].body);
		assert_slice(requests[i].body, v.model, requests[i].model);
		if (v.max_output != requests[i].limit || v.choices != requests[i].choices ||
		    v.message_count != requests[i].messages || v.stream != requests[i].stream ||
		    v.hidden_input != requests[i].hidden)
			fail_msg("%s: limit %lld, choices %lld, messages %lld, stream %d, hidden %d",
			         requests[i].body, (long long)v.max_output, (long long)v.choices,
			         (long long)v.message_count, v.stream, v.hidden_input);
		assert_int_not_equal(read_request(requests[i].codec, requests[i].api, "{\"model\":1", &v), 0);
	}
}

static const struct {
	const struct codec_ops *codec;
	const char *body; /* one line: an answer; more: the data of a stream */
	const char *usage;
	bool has_usage, ended, error;
	int64_t calls, text;
} answers[] = {
    {&codec_ollama,
     "{\"model\":\"q\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"function\":"
     "{\"name\":\"f\",\"arguments\":{\"a\":1}}}]},\"done\":true,\"done_reason\":\"stop\","
     "\"prompt_eval_count\":310,\"eval_count\":145}",
     "input_tokens=310 output_tokens=145", true, true, false, 1, 0},
    {&codec_ollama,
     "{\"model\":\"q\",\"response\":\"abc\",\"done\":false}\n"
     "{\"model\":\"q\",\"response\":\"\",\"done\":true,\"eval_count\":58}\n",
     "output_tokens=58", false, true, false, 0, 3},
    {&codec_ollama, "{\"model\":\"q\",\"response\":\"abc\",\"done\":false}\n{\"model\"\n", "", false, false,
     false, 0, 3},
    {&codec_ollama, "{\"error\":\"model 'x' not found\"}", "", false, false, true, 0, 0},
    {&codec_ollama, "{\"model\":\"e\",\"embeddings\":[[0.1]],\"prompt_eval_count\":8}",
     "input_tokens=8 output_tokens=0", true, true, false, 0, 0},
    {&codec_cohere,
     "{\"id\":\"i\",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"four\"}]},"
     "\"finish_reason\":\"COMPLETE\",\"usage\":{\"billed_units\":{\"input_tokens\":10,\"output_tokens\":104},"
     "\"tokens\":{\"input_tokens\":505,\"output_tokens\":107},\"cached_tokens\":448}}",
     "input_tokens=10 output_tokens=104", true, true, false, 0, 4},
    {&codec_cohere,
     "{\"id\":\"i\",\"type\":\"message-start\",\"delta\":{\"message\":{\"content\":[],\"tool_calls\":[]}}}\n"
     "{\"type\":\"content-delta\",\"delta\":{\"message\":{\"content\":{\"text\":\"ab\"}}}}\n"
     "{\"type\":\"tool-call-start\",\"delta\":{\"message\":{\"tool_calls\":{\"id\":\"t\",\"function\":"
     "{\"name\":\"f\",\"arguments\":\"\"}}}}}\n"
     "{\"type\":\"tool-call-delta\",\"delta\":{\"message\":{\"tool_calls\":{\"function\":{\"arguments\":\"{}"
     "\"}}}}}"
     "\n"
     "{\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"TOOL_CALL\",\"usage\":{\"billed_units\":"
     "{\"input_tokens\":98,\"output_tokens\":35},\"tokens\":{\"input_tokens\":1508,\"output_tokens\":67,"
     "\"reasoning_tokens\":20}}}}\n",
     "input_tokens=98 output_tokens=35 reasoning_tokens=20", true, true, false, 1, 2},
    {&codec_cohere,
     "{\"event_type\":\"stream-start\",\"generation_id\":\"g\"}\n"
     "{\"event_type\":\"text-generation\",\"text\":\"abc\"}\n"
     "{\"event_type\":\"stream-end\",\"finish_reason\":\"COMPLETE\",\"response\":{\"text\":\"abc\","
     "\"meta\":{\"billed_units\":{\"input_tokens\":3,\"output_tokens\":2}}}}\n",
     "input_tokens=3 output_tokens=2", true, true, false, 0, 3},
    {&codec_cohere,
     "{\"id\":\"i\",\"embeddings\":{\"float\":[[0.5]]},\"meta\":{\"billed_units\":{\"input_tokens\":3,"
     "\"image_tokens\":0}}}",
     "input_tokens=3 output_tokens=0 input_image_tokens=0", true, true, false, 0, 0},
    {&codec_cohere, "{\"id\":\"i\",\"message\":\"model 'x' not found\"}", "", false, false, true, 0, 0},
    {&codec_cohere,
     "{\"choices\":[{\"message\":{\"content\":\"hey\"},\"finish_reason\":\"stop\"}],\"usage\":"
     "{\"prompt_tokens\":39,\"completion_tokens\":74,\"total_tokens\":113}}",
     "input_tokens=39 output_tokens=74", true, true, false, 0, 3},
    {&codec_openai_completions,
     "{\"choices\":[{\"text\":\"hello\",\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":19,"
     "\"completion_tokens\":16,\"total_tokens\":35}}",
     "input_tokens=19 output_tokens=16", true, true, false, 0, 5},
    {&codec_gemini_embed, "{\"embeddings\":[{\"values\":[1]}],\"usageMetadata\":{\"promptTokenCount\":8}}",
     "input_tokens=8 output_tokens=0", true, true, false, 0, 0},
    {&codec_gemini_embed, "{\"embeddings\":[{\"values\":[1]}]}", "output_tokens=0", false, true, false, 0, 0},
    {&codec_gemini_interactions,
     "{\"id\":\"v1_x\",\"status\":\"completed\",\"usage\":{\"total_tokens\":333,\"total_input_tokens\":267,"
     "\"input_tokens_by_modality\":[{\"modality\":\"text\",\"tokens\":9},{\"modality\":\"image\",\"tokens\":"
     "258}],"
     "\"total_cached_tokens\":5,\"total_output_tokens\":3,\"total_tool_use_tokens\":6,\"total_thought_"
     "tokens\":57},"
     "\"steps\":[{\"type\":\"thought\",\"signature\":\"s\"},{\"type\":\"model_output\",\"content\":"
     "[{\"type\":\"text\",\"text\":\"The\"}]}],\"model\":\"gemini-2.5-flash-lite\"}",
     "input_tokens=10 cache_read_tokens=5 output_tokens=60 reasoning_tokens=57 input_image_tokens=258", true,
     true, false, 0, 3},
    {&codec_gemini_interactions,
     "{\"interaction\":{\"id\":\"i\",\"status\":\"in_progress\"},\"event_type\":\"interaction.created\"}\n"
     "{\"event_type\":\"step.delta\",\"delta\":{\"type\":\"text\",\"text\":\"1, 2\"}}\n"
     "{\"interaction\":{\"id\":\"i\",\"status\":\"completed\",\"usage\":{\"total_input_tokens\":9,"
     "\"total_output_tokens\":4,\"total_thought_tokens\":1}},\"event_type\":\"interaction.completed\"}\n",
     "input_tokens=9 output_tokens=5 reasoning_tokens=1", true, true, false, 0, 4},
    {&codec_gemini_interactions,
     "{\"interaction\":{\"id\":\"i\",\"status\":\"in_progress\"},\"event_type\":\"interaction.created\"}\n"
     "{\"event_type\":\"error\",\"error\":{\"code\":\"quota\",\"message\":\"m\"}}\n",
     "", false, false, true, 0, 0},
};

static void answers_are_metered(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++) {
		struct answer a;
		char text[512];
		answer_init(&a);
		if (strchr(answers[i].body, '\n'))
			feed_lines(answers[i].codec, answers[i].body, NULL, &a, NULL);
		else
			answers[i].codec->answer(slice_of(answers[i].body), &a);
		assert_text(answers[i].body, usage_text(&a.usage, text), answers[i].usage);
		if (a.has_usage != answers[i].has_usage || a.ended != answers[i].ended ||
		    a.error != answers[i].error || a.tool_calls != answers[i].calls ||
		    a.text_bytes != answers[i].text)
			fail_msg("%s: has_usage %d, ended %d, error %d, calls %lld, text %lld",
			         answers[i].body, a.has_usage, a.ended, a.error, (long long)a.tool_calls,
			         (long long)a.text_bytes);
	}
}

static void refusals_have_their_shape(void **state)
{
	(void)state;
	const struct refusal_text r = {"budget", 402, SLICE("no")};
	const struct {
		const struct codec_ops *codec;
		const char *want;
	} cases[] = {{&codec_ollama, "{\"error\":\"no\"}"}, {&codec_cohere, "{\"message\":\"no\"}"}};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out;
		buf_init(&out, 1000);
		assert_int_equal(cases[i].codec->refusal(&r, &out), 0);
		assert_slice("refusal", buf_slice(&out), cases[i].want);
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests_are_read),
	    cmocka_unit_test(answers_are_metered),
	    cmocka_unit_test(refusals_have_their_shape),
	};
	arena_init(&mem, 1 << 16);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_release(&mem);
	return failed;
}
