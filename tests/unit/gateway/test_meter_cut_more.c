/* Streams of the other dialects ended before their end, at each of their bytes: what was whole has passed as
 * it came, and what follows ends the answer as its dialect ends one that ran into its limit. Shapes are those
 * of the providers' public references. */
#include "unit/unit.h"

#include <cjson/cJSON.h>

#include "codec/registry.h"
#include "gateway/meter.h"

#define MESSAGE "Frozen by kim: \"caf\xc3\xa9\""

struct seen {
	enum api api;
	bool lines, ended, begun;
	int open; /* blocks that are not ended */
	int64_t input, output;
	char text[4096], stop[40];
};

static const cJSON *get(const cJSON *o, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(o, key);
}

static void add_text(struct seen *s, const cJSON *text)
{
	size_t n = strlen(s->text);
	if (cJSON_IsString(text))
		snprintf(s->text + n, sizeof s->text - n, "%s", text->valuestring);
}

static int64_t number(const cJSON *o, const char *key)
{
	const cJSON *v = get(o, key);
	return cJSON_IsNumber(v) ? (int64_t)v->valuedouble : -1;
}

static void on_stop(struct seen *s, const cJSON *why)
{
	if (cJSON_IsString(why))
		snprintf(s->stop, sizeof s->stop, "%s", why->valuestring);
}

static void completions(struct seen *s, const cJSON *e)
{
	const cJSON *choice = cJSON_GetArrayItem(get(e, "choices"), 0);
	assert_string_equal(get(e, "object")->valuestring, "text_completion");
	add_text(s, get(choice, "text"));
	on_stop(s, get(choice, "finish_reason"));
}

static void cohere(struct seen *s, const cJSON *e)
{
	const char *type = get(e, "type")->valuestring;
	const cJSON *delta = get(e, "delta"), *content = get(get(delta, "message"), "content");
	assert_false(s->ended);
	assert_int_equal(s->begun, strcmp(type, "message-start") != 0);
	s->begun = true;
	s->open += strstr(type, "-start") && strcmp(type, "message-start") != 0;
	assert_true(!strstr(type, "-delta") || s->open > 0 || strcmp(type, "tool-plan-delta") == 0);
	s->open -= strstr(type, "-end") && strcmp(type, "message-end") != 0;
	assert_true(s->open == 0 || s->open == 1);
	add_text(s, get(content, "text"));
	if (strcmp(type, "message-end") != 0)
		return;
	assert_int_equal(s->open, 0);
	s->ended = true;
	on_stop(s, get(delta, "finish_reason"));
	s->input = number(get(get(delta, "usage"), "billed_units"), "input_tokens");
	s->output = number(get(get(delta, "usage"), "tokens"), "output_tokens");
}

static void ollama(struct seen *s, const cJSON *e)
{
	assert_false(s->ended);
	assert_true(cJSON_IsString(get(e, "model")));
	add_text(s, s->api == API_OLLAMA_CHAT ? get(get(e, "message"), "content") : get(e, "response"));
	s->ended = cJSON_IsTrue(get(e, "done"));
	on_stop(s, get(e, "done_reason"));
	s->input = number(e, "prompt_eval_count");
	s->output = number(e, "eval_count");
}

static const struct {
	const char *name;
	enum api api;
	bool lines;
	void (*event)(struct seen *s, const cJSON *e);
	const char *limit, *body;
} streams[] = {
    {"completions", API_OPENAI_COMPLETIONS, false, completions, "length",
     "data: "
     "{\"id\":\"c\",\"object\":\"text_completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"text\":"
     "\"Hi\","
     "\"index\":0,\"logprobs\":null,\"finish_reason\":null}]}\n\n"
     "data: "
     "{\"id\":\"c\",\"object\":\"text_completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"text\":\" "
     "you\","
     "\"index\":0,\"logprobs\":null,\"finish_reason\":null}]}\n\n"},
    {"cohere", API_COHERE_CHAT, false, cohere, "MAX_TOKENS",
     "event: message-start\ndata: {\"id\":\"a\",\"type\":\"message-start\",\"delta\":{\"message\":{\"role\":"
     "\"assistant\",\"content\":[]}}}\n\n"
     "event: content-start\ndata: "
     "{\"type\":\"content-start\",\"index\":0,\"delta\":{\"message\":{\"content\":{"
     "\"type\":\"text\",\"text\":\"\"}}}}\n\n"
     "event: content-delta\ndata: "
     "{\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{"
     "\"text\":\"Hi\"}}}}\n\n"
     "event: content-end\ndata: {\"type\":\"content-end\",\"index\":0}\n\n"},
    {"cohere tools", API_COHERE_CHAT, false, cohere, "MAX_TOKENS",
     "event: message-start\ndata: {\"id\":\"a\",\"type\":\"message-start\",\"delta\":{\"message\":{\"role\":"
     "\"assistant\"}}}\n\n"
     "event: tool-plan-delta\ndata: "
     "{\"type\":\"tool-plan-delta\",\"delta\":{\"message\":{\"tool_plan\":\"I\"}}}\n\n"
     "event: tool-call-start\ndata: "
     "{\"type\":\"tool-call-start\",\"index\":0,\"delta\":{\"message\":{\"tool_calls\":"
     "{\"id\":\"t\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}}}}\n\n"
     "event: tool-call-delta\ndata: "
     "{\"type\":\"tool-call-delta\",\"index\":0,\"delta\":{\"message\":{\"tool_calls\":"
     "{\"function\":{\"arguments\":\"{\"}}}}}\n\n"
     "event: tool-call-end\ndata: {\"type\":\"tool-call-end\",\"index\":0}\n\n"},
    {"ollama chat", API_OLLAMA_CHAT, true, ollama, "length",
     "{\"model\":\"m\",\"created_at\":\"2026-09-01T00:00:00Z\",\"message\":{\"role\":\"assistant\","
     "\"content\":\"Hi\"},"
     "\"done\":false}\n"
     "{\"model\":\"m\",\"created_at\":\"2026-09-01T00:00:00Z\",\"message\":{\"role\":\"assistant\","
     "\"content\":\" you\"},"
     "\"done\":false}\n"},
    {"ollama generate", API_OLLAMA_GENERATE, true, ollama, "length",
     "{\"model\":\"m\",\"created_at\":\"2026-09-01T00:00:00Z\",\"response\":\"Hi\",\"done\":false}\n"},
};

/* What the client reads: each event's JSON, in order. */
static void read_client(size_t k, struct seen *s, slice out)
{
	slice line;
	s->api = streams[k].api;
	assert_true(out.n && out.p[out.n - 1] == '\n');
	while (slice_split(&out, '\n', &line)) {
		if (line.n == 0 || slice_starts(line, SLICE("event: ")))
			continue;
		if (!streams[k].lines) {
			assert_true(slice_starts(line, SLICE("data: ")));
			line = slice_sub(line, 6, line.n);
		}
		if (slice_eq(line, SLICE("[DONE]"))) {
			s->ended = true;
			continue;
		}
		cJSON *e = cJSON_ParseWithLength(line.p, line.n);
		if (e == NULL)
			fail_msg("%s: no JSON: " SLICE_FMT, streams[k].name, SLICE_ARG(line));
		streams[k].event(s, e);
		cJSON_Delete(e);
	}
}

/* The text, with Weir's words behind it where some had begun or nothing had. */
static void cut_at(size_t k, size_t at, bool message)
{
	struct request_view v = {.api = streams[k].api,
	                         .stream = true,
	                         .choices = 1,
	                         .max_output = TOKENS_ABSENT,
	                         .model = SLICE("asked")};
	struct seen s = {.input = -1};
	struct stream_meter m;
	struct usage u;
	struct buf out;
	usage_clear(&u);
	u.m[METER_INPUT] = 12;
	u.m[METER_OUTPUT] = 34;
	buf_init(&out, 1 << 20);
	meter_init(&m, registry_codec(v.api), &v);
	meter_begin(&m, streams[k].lines ? METER_LINES : METER_EVENTS, 1 << 16);
	for (size_t i = 0; i < at; i++)
		assert_int_equal(meter_feed(&m, slice_make(streams[k].body + i, 1), &out), 0);
	assert_true(meter_can_cut(&m));
	struct stream_cut cut = {.message = message ? SLICE(MESSAGE) : SLICE_NONE,
	                         .usage = &u,
	                         .id = "0abc",
	                         .time_s = 1700000000,
	                         .latency_ms = 5};
	assert_int_equal(meter_cut(&m, &cut, &out), 0);
	read_client(k, &s, buf_slice(&out));
	if (!s.ended || strcmp(s.stop, streams[k].limit) != 0)
		fail_msg("%s cut at %zu: ended %d, \"%s\"\n%.*s", streams[k].name, at, s.ended, s.stop,
		         (int)out.n, buf_slice(&out).p);
	if (s.input >= 0) {
		assert_int_equal(s.input, 12);
		assert_int_equal(s.output, 34);
	}
	if (at == 0)
		assert_string_equal(s.text, message ? "[weir] " MESSAGE : "");
	assert_true(!strstr(s.text, "[weir]") || message);
	buf_release(&out);
	meter_release(&m);
}

static void every_byte(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof streams / sizeof streams[0]; k++)
		for (size_t at = 0; at <= strlen(streams[k].body); at++) {
			cut_at(k, at, true);
			cut_at(k, at, false);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_byte)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
