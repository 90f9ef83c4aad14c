/* A note at the end of a request: where it stands in each dialect, what stays as it was, and where none can
 * be put. */
#include "unit/unit.h"

#include "codec/registry.h"

static const struct {
	enum api api;
	const char *body, *with; /* with NULL: no note can be put there */
} cases[] = {
    {API_ANTHROPIC_MESSAGES,
     "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
     "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
     "\"text\":\"hi\"},{\"type\":\"text\","
     "\"text\":\"say \\\"no\\\"\"}]}]}"},
    {API_ANTHROPIC_MESSAGES,
     "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"tool_"
     "result\",\"tool_use_id\":\"t\","
     "\"content\":\"x\",\"cache_control\":{\"type\":\"ephemeral\"}} ]}]}",
     "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"tool_"
     "result\",\"tool_use_id\":\"t\","
     "\"content\":\"x\",\"cache_control\":{\"type\":\"ephemeral\"}} ,{\"type\":\"text\",\"text\":\"say "
     "\\\"no\\\"\"}]}]}"},
    {API_ANTHROPIC_MESSAGES,
     "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"
     "\"assistant\",\"content\":\"{\"}]}",
     NULL},
    {API_OPENAI_CHAT,
     "{\"model\":\"m\",\"messages\":[{\"role\":\"tool\",\"tool_call_id\":\"t\",\"content\":\"x\"}]}",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"tool\",\"tool_call_id\":\"t\",\"content\":\"x\"},{\"role\":"
     "\"user\",\"content\":\"say "
     "\\\"no\\\"\"}]}"},
    {API_OPENAI_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":\"x\"}]}", NULL},
    {API_OPENAI_CHAT, "{\"model\":\"m\",\"messages\":[]}", NULL},
    {API_OPENAI_RESPONSES, "{\"model\":\"m\",\"input\":\"hi\"}",
     "{\"model\":\"m\",\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_"
     "text\",\"text\":\"hi\"}]},{\"type\":"
     "\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"say \\\"no\\\"\"}]}]}"},
    {API_OPENAI_RESPONSES,
     "{\"model\":\"m\",\"input\":[{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"x\"}]}",
     "{\"model\":\"m\",\"input\":[{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"x\"},{"
     "\"type\":\"message\",\"role\":\"user\","
     "\"content\":[{\"type\":\"input_text\",\"text\":\"say \\\"no\\\"\"}]}]}"},
    {API_OPENAI_RESPONSES,
     "{\"model\":\"m\",\"input\":[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":"
     "\"{}\"}]}",
     NULL},
    {API_GEMINI_GENERATE, "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]}",
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]},{\"role\":\"user\",\"parts\":[{"
     "\"text\":\"say \\\"no\\\"\"}]}]}"},
    {API_BEDROCK_CONVERSE, "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}]}",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"},{\"text\":\"say \\\"no\\\"\"}]}]}"},
    {API_BEDROCK_INVOKE,
     "{\"anthropic_version\":\"b\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
     "\"text\",\"text\":\"hi\"}]}]}",
     "{\"anthropic_version\":\"b\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
     "\"text\",\"text\":\"hi\"},{\"type\":\"text\","
     "\"text\":\"say \\\"no\\\"\"}]}]}"},
    {API_BEDROCK_INVOKE, "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}]}",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"},{\"text\":\"say \\\"no\\\"\"}]}]}"},
};

static void the_note_stands_last_and_all_else_as_it_was(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct arena mem;
		struct request_view v = {0};
		struct json_edits edits;
		struct error e = {0};
		struct target t = {.api = cases[i].api, .model = SLICE("anthropic.claude-x")};
		const struct codec_ops *c = registry_codec(cases[i].api);
		slice body = slice_of(cases[i].body);
		arena_init(&mem, 1 << 20);
		json_edits_init(&edits);
		if (c->request(&t, body, &mem, &v, &e))
			fail_msg("case %zu: %s", i, e.text);
		bool put = c->advise(&v, SLICE("say \"no\""), &edits, &mem);
		if (put != (cases[i].with != NULL))
			fail_msg("case %zu: %d", i, put);
		if (put) {
			size_t n = json_edits_size(&edits, body), at;
			char *out = arena_alloc(&mem, n + 1);
			json_edits_apply(&edits, body, out);
			out[n] = '\0';
			assert_string_equal(out, cases[i].with);
			assert_null(json_validate(slice_make(out, n), &at));
		} else {
			assert_int_equal(edits.n, 0);
		}
		arena_release(&mem);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_note_stands_last_and_all_else_as_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
