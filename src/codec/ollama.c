/* Ollama's own API: /api/chat, /api/generate, /api/embed and the older /api/embeddings
 * (docs.ollama.com/api). Answers stream unless the request says otherwise, one JSON object a line.
 *
 * Counts come with the line that is done: prompt_eval_count is all input, eval_count all output, thinking
 * included. A prompt that lay in the cache whole has no prompt_eval_count in older versions: then the output
 * is known and the input is not. */
#include "codec/codec.h"

#include "model/wire.h"

/* --- requests ------------------------------------------------------------------------------------------ */

enum { R_MODEL, R_STREAM, R_SYSTEM, R_TOOLS, R_MESSAGES, R_PROMPT, R_OPTIONS, R_THINK, R_LIMIT };
static const struct wire_word request_fields[] = {
    WIRE_WORD("model", R_MODEL),   WIRE_WORD("stream", R_STREAM),   WIRE_WORD("system", R_SYSTEM),
    WIRE_WORD("tools", R_TOOLS),   WIRE_WORD("input", R_MESSAGES),  WIRE_WORD("messages", R_MESSAGES),
    WIRE_WORD("prompt", R_PROMPT), WIRE_WORD("options", R_OPTIONS), WIRE_WORD("think", R_THINK),
};
static const struct wire_word option_fields[] = {WIRE_WORD("num_predict", R_LIMIT)};

struct reading {
	struct request_view *v;
	struct arena *mem;
	bool stream; /* the answer streams when nothing is said */
};

static void read_element(struct json *j, int index, void *arg)
{
	(void)index;
	(void)arg;
	json_skip(j, NULL);
}

static void read_request_field(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	struct request_view *v = r->v;
	switch (id) {
	case R_MODEL:
		wire_model(j, v, r->mem);
		break;
	case R_STREAM:
		json_opt_bool(j, &r->stream);
		break;
	case R_SYSTEM:
		wire_range(j, &v->system);
		break;
	case R_TOOLS:
		v->tool_count = wire_elements(j, &v->tools, read_element, NULL);
		break;
	case R_MESSAGES:
		if (json_peek(j) == JSON_ARRAY) {
			v->message_count = wire_elements(j, &v->messages, read_element, NULL);
			break;
		}
		/* fall through */
	case R_PROMPT:
		if (v->messages.n) { /* what is not used */
			json_skip(j, NULL);
			break;
		}
		wire_range(j, &v->messages);
		v->message_count = v->messages.n > 0;
		break;
	case R_OPTIONS:
		wire_object_once(j, WIRE_WORDS(option_fields), read_request_field, r);
		break;
	case R_THINK: /* true, false, or how much */
		wire_text(j, r->mem, &v->effort);
		break;
	default: /* below 0: without a limit */
		wire_limit(j, v);
	}
}

static int request(const struct target *t, slice body, struct arena *mem, struct request_view *out,
                   struct error *e)
{
	struct reading r = {.v = out, .mem = mem, .stream = t->api != API_OLLAMA_EMBED};
	int rc = wire_request(out, t->api, body, WIRE_WORDS(request_fields), read_request_field, &r, e);
	if (rc)
		return rc;
	out->stream = r.stream;
	if (t->api == API_OLLAMA_EMBED)
		out->max_output = 0; /* there is no output to pay */
	return out->model.n ? 0 : wire_no_model(e);
}

/* --- answers ------------------------------------------------------------------------------------------- */

enum {
	F_MODEL,
	F_DONE,
	F_REASON,
	F_INPUT,
	F_OUTPUT,
	F_TEXT,
	F_THINKING,
	F_MESSAGE,
	F_CALLS,
	F_FUNCTION,
	F_ARGUMENTS,
	F_VECTORS,
	F_ERROR,
};
static const struct wire_word answer_fields[] = {
    WIRE_WORD("model", F_MODEL),        WIRE_WORD("done", F_DONE),
    WIRE_WORD("done_reason", F_REASON), WIRE_WORD("prompt_eval_count", F_INPUT),
    WIRE_WORD("eval_count", F_OUTPUT),  WIRE_WORD("response", F_TEXT),
    WIRE_WORD("thinking", F_THINKING),  WIRE_WORD("message", F_MESSAGE),
    WIRE_WORD("embedding", F_VECTORS),  WIRE_WORD("embeddings", F_VECTORS),
    WIRE_WORD("error", F_ERROR),
};
static const struct wire_word message_fields[] = {
    WIRE_WORD("content", F_TEXT),
    WIRE_WORD("thinking", F_THINKING),
    WIRE_WORD("tool_calls", F_CALLS),
};
static const struct wire_word call_fields[] = {WIRE_WORD("function", F_FUNCTION)};
static const struct wire_word function_fields[] = {WIRE_WORD("arguments", F_ARGUMENTS)};

struct answer_reading {
	struct answer *a;
	bool vectors;
};

static void read_answer_field(struct json *j, int id, void *arg);

static void read_call(struct json *j, int index, void *arg)
{
	struct answer_reading *r = arg;
	(void)index;
	r->a->tool_calls++;
	wire_object(j, WIRE_WORDS(call_fields), read_answer_field, r);
}

static void read_answer_field(struct json *j, int id, void *arg)
{
	struct answer_reading *r = arg;
	struct answer *a = r->a;
	slice raw = SLICE_NONE;
	switch (id) {
	case F_MODEL:
		wire_name(j, &a->model);
		break;
	case F_DONE:
		json_opt_bool(j, &a->ended);
		break;
	case F_REASON:
		wire_name(j, &a->stop_reason);
		break;
	case F_INPUT:
		wire_count(j, &a->usage.m[METER_INPUT]);
		break;
	case F_OUTPUT:
		wire_count(j, &a->usage.m[METER_OUTPUT]);
		break;
	case F_TEXT:
		wire_add_bytes(j, &a->text_bytes);
		break;
	case F_THINKING:
		wire_add_bytes(j, &a->thinking_bytes);
		break;
	case F_MESSAGE:
		wire_object(j, WIRE_WORDS(message_fields), read_answer_field, r);
		break;
	case F_CALLS:
		wire_array(j, read_call, r);
		break;
	case F_FUNCTION:
		wire_object(j, WIRE_WORDS(function_fields), read_answer_field, r);
		break;
	case F_ARGUMENTS:
		if (json_skip(j, &raw))
			a->tool_bytes += (int64_t)raw.n;
		break;
	case F_VECTORS:
		r->vectors = r->vectors || json_peek(j) == JSON_ARRAY;
		json_skip(j, NULL);
		break;
	default:
		a->error = a->error || json_peek(j) != JSON_NULL;
		json_skip(j, NULL);
	}
}

/* One object; true when it was whole. */
static bool read_object(slice data, struct answer *a)
{
	struct answer_reading r = {.a = a};
	bool ended = a->ended;
	struct json j;
	json_init(&j, data);
	wire_object(&j, WIRE_WORDS(answer_fields), read_answer_field, &r);
	bool whole = json_end(&j);
	a->ended = (a->ended && whole) || ended;
	if (r.vectors && whole) {
		a->ended = true;
		a->usage.m[METER_OUTPUT] = 0;
	}
	a->output_told = a->ended && a->usage.m[METER_OUTPUT] >= 0;
	a->has_usage = a->output_told && a->usage.m[METER_INPUT] >= 0;
	return whole;
}

/* One object, or the lines of a stream that was kept whole. */
static void answer(slice body, struct answer *a)
{
	slice line;
	while (slice_split(&body, '\n', &line))
		if (slice_trim(line).n)
			read_object(line, a);
}

static void answer_unmetered(slice body, struct answer *a)
{
	struct answer seen;
	answer_init(&seen);
	read_object(body, &seen);
	a->error = seen.error;
	a->ended = true;
}

static enum event_action event(const struct sse_event *e, const struct request_view *v, struct answer *a,
                               struct json_edits *edits)
{
	(void)v;
	(void)edits;
	if (e->has_data)
		read_object(e->data, a);
	return EVENT_PASS;
}

static int refusal(const struct refusal_text *r, struct buf *out)
{
	return wire_text_error(SLICE("error"), r->message, out);
}

const struct codec_ops codec_ollama = {
    .name = "ollama",
    .request = request,
    .answer = answer,
    .event = event,
    .edits_stream = wire_edits_nothing,
    .follow = codec_ollama_follow,
    .cut = codec_ollama_cut,
    .refusal = refusal,
};

const struct codec_ops codec_ollama_models = {
    .name = "ollama models",
    .request = codec_request_nothing,
    .answer = answer_unmetered,
    .event = event,
    .edits_stream = wire_edits_nothing,
    .refusal = refusal,
};
