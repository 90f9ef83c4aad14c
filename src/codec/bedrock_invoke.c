/* Bedrock's InvokeModel and InvokeModelWithResponseStream
 * (docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html).
 *
 * Bodies are in the model's own dialect. A Claude model's is Anthropic's without model and stream; its events
 * lie base64-coded in the member `bytes` of chunks, and the last chunk of any model has what AWS counted,
 * amazon-bedrock-invocationMetrics. Whole answers have those counts in headers. They are used where the
 * model's own usage is not there. Nova's bodies and events are Converse's. */
#include "codec/codec.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/num.h"
#include "model/wire.h"

enum {
	I_METRICS,
	I_USAGE,
	I_RESULTS,
	I_TOKENS,
	I_INPUT,
	I_OUTPUT,
	I_CACHE_READ,
	I_CACHE_WRITE,
	I_EMBEDDING,
	I_TEXT,
	I_CONVERSE,
	I_KNOWN,
	I_FAULT,
};
/* Beside Anthropic's: Titan, Llama, the completions of old Claude models, embeddings; Nova's events. */
static const struct wire_word invoke_fields[] = {
    WIRE_WORD("amazon-bedrock-invocationMetrics", I_METRICS),
    WIRE_WORD("usage", I_USAGE),
    WIRE_WORD("results", I_RESULTS),
    WIRE_WORD("inputTextTokenCount", I_INPUT),
    WIRE_WORD("prompt_token_count", I_INPUT),
    WIRE_WORD("totalOutputTextTokenCount", I_OUTPUT),
    WIRE_WORD("generation_token_count", I_OUTPUT),
    WIRE_WORD("embedding", I_EMBEDDING),
    WIRE_WORD("embeddings", I_EMBEDDING),
    WIRE_WORD("completion", I_TEXT),
    WIRE_WORD("generation", I_TEXT),
    WIRE_WORD("outputText", I_TEXT),
    WIRE_WORD("contentBlockDelta", I_CONVERSE),
    WIRE_WORD("contentBlockStart", I_CONVERSE),
    WIRE_WORD("messageStop", I_CONVERSE),
    WIRE_WORD("metadata", I_CONVERSE),
    WIRE_WORD("messageStart", I_KNOWN),
    WIRE_WORD("contentBlockStop", I_KNOWN),
    WIRE_WORD("type", I_KNOWN),
    WIRE_WORD("message", I_FAULT),
};
static const struct wire_word result_fields[] = {WIRE_WORD("tokenCount", I_TOKENS),
                                                 WIRE_WORD("outputText", I_TEXT)};
static const struct wire_word metrics_fields[] = {
    WIRE_WORD("inputTokenCount", I_INPUT),
    WIRE_WORD("outputTokenCount", I_OUTPUT),
    WIRE_WORD("cacheReadInputTokenCount", I_CACHE_READ),
    WIRE_WORD("cacheWriteInputTokenCount", I_CACHE_WRITE),
};
/* Of models imported by customers. */
static const struct wire_word usage_fields[] = {WIRE_WORD("prompt_tokens", I_INPUT),
                                                WIRE_WORD("completion_tokens", I_OUTPUT)};

struct invoke {
	struct answer *a;
	int64_t input, output, read, written; /* TOKENS_ABSENT when not there */
	int64_t result_tokens;
	bool metered, known, fault;
};

static void read_invoke_field(struct json *j, int id, void *arg);

static void read_count(struct json *j, int id, void *arg)
{
	struct invoke *v = arg;
	wire_count(j, id == I_INPUT        ? &v->input
	              : id == I_OUTPUT     ? &v->output
	              : id == I_CACHE_READ ? &v->read
	                                   : &v->written);
}

static void read_result(struct json *j, int index, void *arg)
{
	struct invoke *v = arg;
	(void)index;
	v->result_tokens = TOKENS_ABSENT;
	wire_object(j, WIRE_WORDS(result_fields), read_invoke_field, v);
	if (v->result_tokens >= 0)
		v->output = num_sat_add_i64(num_max_i64(v->output, 0), v->result_tokens);
}

static void read_converse(struct json *j, struct answer *a)
{
	struct json_edits none;
	slice raw = SLICE_NONE;
	json_edits_init(&none);
	if (!json_skip(j, &raw))
		return;
	struct sse_event e = {.raw = raw, .data = raw, .has_data = true};
	codec_bedrock_converse.event(&e, NULL, a, &none);
}

static void read_invoke_field(struct json *j, int id, void *arg)
{
	struct invoke *v = arg;
	v->known = v->known || id != I_FAULT;
	switch (id) {
	case I_METRICS:
		v->metered = json_peek(j) == JSON_OBJECT;
		wire_object(j, WIRE_WORDS(metrics_fields), read_count, v);
		break;
	case I_USAGE:
		wire_object(j, WIRE_WORDS(usage_fields), read_count, v);
		break;
	case I_RESULTS:
		wire_array(j, read_result, v);
		break;
	case I_TOKENS:
		wire_count(j, &v->result_tokens);
		break;
	case I_INPUT:
	case I_OUTPUT:
		read_count(j, id, v);
		break;
	case I_EMBEDDING: /* no output is paid */
		v->output = 0;
		json_skip(j, NULL);
		break;
	case I_TEXT:
		wire_said(j, v->a, SAID_TEXT);
		break;
	case I_CONVERSE:
		read_converse(j, v->a);
		break;
	case I_FAULT:
		v->fault = json_peek(j) == JSON_STRING;
		json_skip(j, NULL);
		break;
	default:
		json_skip(j, NULL);
	}
}

static void put(int64_t *meter, int64_t n, bool replace)
{
	if (n >= 0 && (replace || *meter == TOKENS_ABSENT))
		*meter = n;
}

/* What is not Anthropic's. The counts take the place of what is there until the usage is final. True when
 * data was one whole JSON value. */
static bool read_invoke(slice data, struct invoke *v)
{
	struct json j;
	int64_t *m = v->a->usage.m;
	json_init(&j, data);
	wire_object(&j, WIRE_WORDS(invoke_fields), read_invoke_field, v);
	bool replace = !v->a->has_usage;
	put(&m[METER_INPUT], v->input, replace);
	put(&m[METER_OUTPUT], v->output, replace);
	put(&m[METER_CACHE_READ], v->read, replace);
	if (m[METER_CACHE_WRITE_1H] == TOKENS_ABSENT)
		put(&m[METER_CACHE_WRITE_5M], v->written, replace);
	return json_end(&j);
}

static bool counted(const struct answer *a)
{
	return a->usage.m[METER_INPUT] >= 0 && a->usage.m[METER_OUTPUT] >= 0;
}

static struct invoke invoke_of(struct answer *a)
{
	return (struct invoke){
	    a,     TOKENS_ABSENT, TOKENS_ABSENT, TOKENS_ABSENT, TOKENS_ABSENT, TOKENS_ABSENT,
	    false, false,         false};
}

static void invoke_answer(slice body, struct answer *a)
{
	codec_anthropic.answer(body, a);
	if (a->ended || a->error)
		return;
	struct invoke v = invoke_of(a);
	codec_bedrock_converse.answer(body, a);
	a->error = false;
	if (!read_invoke(body, &v))
		return;
	a->error = v.fault && !v.known && !a->ended;
	a->ended = !a->error;
	a->has_usage = a->ended && counted(a);
}

static void head(const struct headers *h, struct answer *a)
{
	static const struct {
		slice name;
		enum meter meter;
	} counts[] = {
	    {{"x-amzn-bedrock-input-token-count", 32}, METER_INPUT},
	    {{"x-amzn-bedrock-output-token-count", 33}, METER_OUTPUT},
	    {{"x-amzn-bedrock-cache-read-input-token-count", 43}, METER_CACHE_READ},
	    {{"x-amzn-bedrock-cache-write-input-token-count", 44}, METER_CACHE_WRITE_5M},
	};
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		long long n;
		if (slice_to_i64(headers_get(h, counts[i].name), &n) && n >= 0 && n <= WIRE_COUNT_MAX)
			a->usage.m[counts[i].meter] = n;
	}
}

/* One event of the model's own, out of a chunk. */
static void invoke_chunk(slice data, struct answer *a)
{
	struct json_edits none;
	struct sse_event e = {.raw = data, .data = data, .has_data = true};
	json_edits_init(&none);
	codec_anthropic.event(&e, NULL, a, &none);
	struct invoke v = invoke_of(a);
	read_invoke(data, &v);
	if (v.metered) { /* in the last one */
		a->ended = true;
		a->has_usage = a->has_usage || counted(a);
	}
	if (!v.known) /* a shape that is not known: rather too much than too little */
		a->text_bytes = num_sat_add_i64(a->text_bytes, (int64_t)data.n);
}

static void read_bytes(struct json *j, int id, void *arg)
{
	slice *out = arg;
	json_str s;
	(void)id;
	if (json_opt_string(j, &s) && !s.escaped)
		*out = s.raw;
}

/* The model's event stands in {"bytes": base64}. */
static enum event_action invoke_event(const struct sse_event *e, const struct request_view *v,
                                      struct answer *a, struct json_edits *edits)
{
	static const struct wire_word fields[] = {WIRE_WORD("bytes", 0)};
	char small[4096];
	struct json j;
	slice coded = SLICE_NONE;
	(void)v;
	(void)edits;
	if (e->fault) { /* it ends the stream; its name is the type of the exception */
		a->error = true;
		name_set(&a->error_type, e->name);
	}
	if (e->fault || !e->has_data)
		return EVENT_PASS;
	json_init(&j, e->data);
	wire_object(&j, WIRE_WORDS(fields), read_bytes, &coded);
	size_t room = base64_room(coded.n), n;
	char *text = room <= sizeof small ? small : malloc(room);
	if (coded.n && text && base64_decode(coded, text, &n))
		invoke_chunk(slice_make(text, n), a);
	else if (coded.n) /* not read: what passed is counted */
		a->text_bytes = num_sat_add_i64(a->text_bytes, (int64_t)room);
	if (text != small)
		free(text);
	return EVENT_PASS;
}

/* --- requests ---------------------------------------------------------------------------------------- */

enum { L_LIMIT, L_CHOICES, L_CONFIG, L_PROMPT };
static const struct wire_word limit_fields[] = {
    WIRE_WORD("max_gen_len", L_LIMIT),
    WIRE_WORD("max_tokens_to_sample", L_LIMIT),
    WIRE_WORD("maxTokens", L_LIMIT),
    WIRE_WORD("max_new_tokens", L_LIMIT),
    WIRE_WORD("maxTokenCount", L_LIMIT),
    WIRE_WORD("num_generations", L_CHOICES),
    WIRE_WORD("numResults", L_CHOICES),
    WIRE_WORD("n", L_CHOICES),
    WIRE_WORD("textGenerationConfig", L_CONFIG),
    WIRE_WORD("inferenceConfig", L_CONFIG),
    WIRE_WORD("prompt", L_PROMPT),
    WIRE_WORD("inputText", L_PROMPT),
};

static void read_limit(struct json *j, int id, void *arg)
{
	struct request_view *v = arg;
	int64_t before = v->max_output, n = 1;
	switch (id) {
	case L_LIMIT:
		wire_limit(j, v);
		if (v->max_output >= 0 && before > v->max_output)
			v->max_output = before; /* the larger of two holds */
		break;
	case L_CHOICES:
		wire_count(j, &n);
		v->choices = num_max_i64(v->choices, n);
		break;
	case L_PROMPT:
		if (v->messages.n) {
			json_skip(j, NULL);
			break;
		}
		wire_range(j, &v->messages);
		v->message_count = v->messages.n > 0;
		break;
	default:
		wire_object_once(j, WIRE_WORDS(limit_fields), read_limit, v);
	}
}

static int invoke_request(const struct target *t, slice body, struct arena *mem, struct request_view *out,
                          struct error *e)
{
	struct json j;
	int rc = codec_anthropic_request(t, body, mem, out, e);
	if (rc)
		return rc;
	if (slice_find(out->model, SLICE("anthropic.claude")) >= 0 && out->max_output != TOKENS_ABSENT)
		return 0;
	json_init(&j, body);
	wire_object(&j, WIRE_WORDS(limit_fields), read_limit, out);
	if (slice_find(body, SLICE("\"s3Location\"")) >= 0)
		out->hidden_input = true;
	return 0;
}

const struct codec_ops codec_bedrock_invoke = {
    .name = "bedrock invoke",
    .advise = codec_advise_invoke,
    .request = invoke_request,
    .items = codec_bedrock_invoke_items,
    .head = head,
    .answer = invoke_answer,
    .event = invoke_event,
    .edits_stream = wire_edits_nothing,
    .follow = codec_bedrock_invoke_follow,
    .cut = codec_bedrock_invoke_cut,
    .refusal = codec_bedrock_refusal,
};
