/* Writer has OpenAI's answers under a path that Cohere has too, /v1/chat: those are read as OpenAI's.
 *
 * Cohere's own API: /v2/chat, /v1/chat, /v1/generate, /v2/embed, /v1/embed (docs.cohere.com/reference).
 *
 * What is billed stands in billed_units, which leaves out what Cohere adds to a prompt (docs.cohere.com/docs/
 * how-does-cohere-pricing-work); `tokens` is what the model saw and counts where there are no billed units.
 * They come with the answer's `usage` (v2) or `meta` (v1, embeddings), in a stream with its last event. */
#include "codec/codec.h"

#include "base/num.h"
#include "model/wire.h"

/* --- requests ------------------------------------------------------------------------------------------ */

enum {
	R_MODEL,
	R_STREAM,
	R_LIMIT,
	R_MESSAGES,
	R_TEXTS,
	R_INPUTS,
	R_HISTORY,
	R_IMAGES,
	R_PROMPT,
	R_SYSTEM,
	R_TOOLS,
	R_CHOICES,
	R_CONNECTORS,
	R_CONVERSATION,
	R_THINKING,
	R_BUDGET,
};
static const struct wire_word request_fields[] = {
    WIRE_WORD("model", R_MODEL),
    WIRE_WORD("stream", R_STREAM),
    WIRE_WORD("max_tokens", R_LIMIT),
    WIRE_WORD("messages", R_MESSAGES),
    WIRE_WORD("texts", R_TEXTS),
    WIRE_WORD("inputs", R_INPUTS),
    WIRE_WORD("chat_history", R_HISTORY),
    WIRE_WORD("images", R_IMAGES),
    WIRE_WORD("message", R_PROMPT),
    WIRE_WORD("prompt", R_PROMPT),
    WIRE_WORD("preamble", R_SYSTEM),
    WIRE_WORD("tools", R_TOOLS),
    WIRE_WORD("num_generations", R_CHOICES),
    WIRE_WORD("n", R_CHOICES),
    WIRE_WORD("connectors", R_CONNECTORS),        /* what they find is billed as input */
    WIRE_WORD("conversation_id", R_CONVERSATION), /* a history that Cohere keeps */
    WIRE_WORD("thinking", R_THINKING),
};
static const struct wire_word thinking_fields[] = {WIRE_WORD("token_budget", R_BUDGET)};

struct reading {
	struct request_view *v;
	struct arena *mem;
	int64_t budget; /* of thinking; TOKENS_ABSENT */
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
	slice unused = SLICE_NONE;
	int64_t n = 1;
	switch (id) {
	case R_MODEL:
		wire_model(j, v, r->mem);
		break;
	case R_STREAM:
		json_opt_bool(j, &v->stream);
		break;
	case R_LIMIT:
		wire_limit(j, v);
		break;
	case R_MESSAGES:
	case R_TEXTS:
	case R_INPUTS:
	case R_HISTORY:
	case R_IMAGES:
		v->message_count +=
		    wire_elements(j, v->messages.n ? &unused : &v->messages, read_element, NULL);
		break;
	case R_PROMPT:
		v->message_count++;
		wire_range(j, v->messages.n ? &unused : &v->messages);
		break;
	case R_SYSTEM:
		wire_range(j, &v->system);
		break;
	case R_TOOLS:
		v->tool_count = wire_elements(j, &v->tools, read_element, NULL);
		break;
	case R_CHOICES:
		wire_count(j, &n);
		v->choices = num_max_i64(n, 1);
		break;
	case R_CONNECTORS:
	case R_CONVERSATION:
		v->hidden_input = v->hidden_input || json_peek(j) != JSON_NULL;
		json_skip(j, NULL);
		break;
	case R_THINKING:
		wire_object_once(j, WIRE_WORDS(thinking_fields), read_request_field, r);
		break;
	default:
		wire_count(j, &r->budget);
	}
}

static int request(const struct target *t, slice body, struct arena *mem, struct request_view *out,
                   struct error *e)
{
	struct reading r = {.v = out, .mem = mem, .budget = TOKENS_ABSENT};
	int rc = wire_request(out, t->api, body, WIRE_WORDS(request_fields), read_request_field, &r, e);
	if (rc)
		return rc;
	if (r.budget >= 0)
		out->effort = arena_printf(mem, "budget:%lld", (long long)r.budget);
	if (t->api == API_COHERE_EMBED)
		out->max_output = 0; /* there is no output to pay */
	return out->model.n ? 0 : wire_no_model(e);
}

/* --- usage --------------------------------------------------------------------------------------------- */

enum { U_BILLED, U_TOKENS, U_INPUT, U_OUTPUT, U_IMAGES, U_REASONING };
static const struct wire_word usage_fields[] = {WIRE_WORD("billed_units", U_BILLED),
                                                WIRE_WORD("tokens", U_TOKENS)};
static const struct wire_word count_fields[] = {
    WIRE_WORD("input_tokens", U_INPUT),
    WIRE_WORD("output_tokens", U_OUTPUT),
    WIRE_WORD("image_tokens", U_IMAGES),
    WIRE_WORD("reasoning_tokens", U_REASONING),
};

struct counts {
	int64_t input, output, images, reasoning; /* TOKENS_ABSENT when not there */
};
#define COUNTS_NONE                                                                                          \
	(struct counts)                                                                                      \
	{                                                                                                    \
		TOKENS_ABSENT, TOKENS_ABSENT, TOKENS_ABSENT, TOKENS_ABSENT                                   \
	}

struct usage_reading {
	struct counts billed, seen;
};

static void read_count(struct json *j, int id, void *arg)
{
	struct counts *c = arg;
	wire_count(j, id == U_INPUT    ? &c->input
	              : id == U_OUTPUT ? &c->output
	              : id == U_IMAGES ? &c->images
	                               : &c->reasoning);
}

static void read_counts(struct json *j, int id, void *arg)
{
	struct usage_reading *u = arg;
	wire_object(j, WIRE_WORDS(count_fields), read_count, id == U_BILLED ? &u->billed : &u->seen);
}

static int64_t first(int64_t a, int64_t b)
{
	return a >= 0 ? a : b;
}

static void read_usage(struct json *j, struct answer *a)
{
	struct usage_reading u = {COUNTS_NONE, COUNTS_NONE};
	int64_t *m = a->usage.m;
	wire_object(j, WIRE_WORDS(usage_fields), read_counts, &u);
	m[METER_INPUT] = first(first(u.billed.input, u.seen.input), m[METER_INPUT]);
	m[METER_OUTPUT] = first(first(u.billed.output, u.seen.output), m[METER_OUTPUT]);
	m[METER_INPUT_IMAGE] = first(u.billed.images, m[METER_INPUT_IMAGE]);
	if (u.seen.reasoning >= 0)
		m[METER_REASONING] = num_min_i64(u.seen.reasoning, num_max_i64(m[METER_OUTPUT], 0));
	a->has_usage = m[METER_INPUT] >= 0 && m[METER_OUTPUT] >= 0;
}

/* --- answers and events -------------------------------------------------------------------------------- */

enum {
	F_ID,
	F_TYPE,
	F_FINISH,
	F_USAGE,
	F_INNER,
	F_LIST,
	F_TEXT,
	F_THINKING,
	F_CALLS,
	F_FUNCTION,
	F_ARGUMENTS,
	F_CALL_ID,
	F_VECTORS,
	F_CHOICES,
};
/* Of an answer, of an event, and of what lies in either: each name means the same wherever it stands. */
static const struct wire_word answer_fields[] = {
    WIRE_WORD("id", F_ID),
    WIRE_WORD("generation_id", F_ID),
    WIRE_WORD("type", F_TYPE),       /* v2's events */
    WIRE_WORD("event_type", F_TYPE), /* v1's */
    WIRE_WORD("finish_reason", F_FINISH),
    WIRE_WORD("usage", F_USAGE),
    WIRE_WORD("meta", F_USAGE),
    WIRE_WORD("delta", F_INNER),
    WIRE_WORD("message", F_INNER),
    WIRE_WORD("generations", F_LIST),
    WIRE_WORD("content", F_LIST),
    WIRE_WORD("text", F_TEXT),
    WIRE_WORD("tool_plan", F_TEXT),
    WIRE_WORD("thinking", F_THINKING),
    WIRE_WORD("tool_calls", F_CALLS),
    WIRE_WORD("embeddings", F_VECTORS),
    WIRE_WORD("choices", F_CHOICES),
};
/* v1's last event has the whole answer again: only what is new in it is read. */
static const struct wire_word end_fields[] = {
    WIRE_WORD("event_type", F_TYPE), WIRE_WORD("finish_reason", F_FINISH), WIRE_WORD("generation_id", F_ID),
    WIRE_WORD("meta", F_USAGE),      WIRE_WORD("response", F_INNER),
};
static const struct wire_word call_fields[] = {
    WIRE_WORD("id", F_CALL_ID),
    WIRE_WORD("name", F_CALL_ID), /* v1 has no ids */
    WIRE_WORD("function", F_FUNCTION),
    WIRE_WORD("parameters", F_ARGUMENTS),
};
static const struct wire_word function_fields[] = {WIRE_WORD("arguments", F_ARGUMENTS)};
enum { T_END, T_STREAM_END, T_ERROR };
static const struct wire_word event_types[] = {
    WIRE_WORD("message-end", T_END),
    WIRE_WORD("stream-end", T_STREAM_END),
    WIRE_WORD("stream-error", T_ERROR),
};

struct reader {
	struct answer *a;
	struct wire_words fields;
	int depth; /* of F_INNER and F_LIST */
	int type;  /* of event_types */
	bool message, vectors, choices, called;
};

static void read_call_field(struct json *j, int id, void *arg)
{
	struct reader *r = arg;
	slice raw = SLICE_NONE;
	if (id == F_CALL_ID) {
		r->called = r->called || json_peek(j) == JSON_STRING;
		json_skip(j, NULL);
	} else if (id == F_FUNCTION) {
		wire_object(j, WIRE_WORDS(function_fields), read_call_field, r);
	} else if (json_peek(j) == JSON_STRING) {
		wire_add_bytes(j, &r->a->tool_bytes);
	} else if (json_skip(j, &raw)) {
		r->a->tool_bytes += (int64_t)raw.n;
	}
}

/* A call, or a piece of one: only the first piece has an id. */
static void read_call(struct json *j, int index, void *arg)
{
	struct reader *r = arg;
	(void)index;
	r->called = false;
	wire_object(j, WIRE_WORDS(call_fields), read_call_field, r);
	r->a->tool_calls += r->called;
}

static void read_answer_field(struct json *j, int id, void *arg);

static void read_element_of(struct json *j, int index, void *arg)
{
	struct reader *r = arg;
	(void)index;
	wire_object(j, r->fields, read_answer_field, r);
}

static void read_inner(struct json *j, int id, struct reader *r)
{
	r->message = r->message || r->depth == 0;
	r->depth++;
	if (json_peek(j) == JSON_STRING && id == F_LIST)
		wire_add_bytes(j, &r->a->text_bytes);
	else if (json_peek(j) == JSON_ARRAY)
		wire_array(j, read_element_of, r);
	else
		wire_object(j, r->fields, read_answer_field, r);
	r->depth--;
}

static void read_answer_field(struct json *j, int id, void *arg)
{
	struct reader *r = arg;
	struct answer *a = r->a;
	switch (id) {
	case F_ID:
		wire_name(j, &a->id);
		break;
	case F_TYPE:
		if (r->depth == 0)
			r->type = wire_read_word(j, WIRE_WORDS(event_types));
		else
			json_skip(j, NULL);
		break;
	case F_FINISH:
		wire_name(j, &a->stop_reason);
		break;
	case F_USAGE:
		read_usage(j, a);
		break;
	case F_TEXT:
		r->message = true;
		wire_add_bytes(j, &a->text_bytes);
		break;
	case F_THINKING:
		wire_add_bytes(j, &a->thinking_bytes);
		break;
	case F_CALLS:
		if (json_peek(j) == JSON_ARRAY)
			wire_array(j, read_call, r);
		else
			read_call(j, 0, r);
		break;
	case F_CHOICES:
		r->choices = r->choices || r->depth == 0;
		json_skip(j, NULL);
		break;
	case F_VECTORS:
		r->vectors = json_peek(j) != JSON_NULL;
		json_skip(j, NULL);
		break;
	default: /* the message of an error is a text */
		if (json_peek(j) == JSON_STRING && id == F_INNER)
			json_skip(j, NULL);
		else
			read_inner(j, id, r);
	}
}

static bool read_object(slice data, struct reader *r)
{
	struct json j;
	json_init(&j, data);
	wire_object(&j, r->fields, read_answer_field, r);
	return json_end(&j);
}

static enum event_action event(const struct sse_event *e, const struct request_view *v, struct answer *a,
                               struct json_edits *edits)
{
	bool last = slice_find(e->data, SLICE("\"stream-end\"")) >= 0;
	struct reader r = {
	    .a = a, .fields = last ? WIRE_WORDS(end_fields) : WIRE_WORDS(answer_fields), .type = WIRE_NONE};
	if (!e->has_data)
		return EVENT_PASS;
	bool whole = read_object(e->data, &r);
	if (r.choices)
		return codec_openai_chat.event(e, v, a, edits);
	a->ended = a->ended || (whole && (r.type == T_END || r.type == T_STREAM_END));
	a->error = a->error || r.type == T_ERROR;
	return EVENT_PASS;
}

static void answer(slice body, struct answer *a)
{
	struct reader r = {.a = a, .fields = WIRE_WORDS(answer_fields), .type = WIRE_NONE};
	bool whole = read_object(body, &r);
	if (r.choices)
		codec_openai_chat.answer(body, a);
	if (r.choices || !whole)
		return;
	if (r.vectors && a->usage.m[METER_INPUT] >= 0) { /* no output is paid */
		a->usage.m[METER_OUTPUT] = 0;
		a->has_usage = true;
	}
	a->ended = r.vectors || r.message;
	a->error = !a->ended;
}

static void answer_unmetered(slice body, struct answer *a)
{
	struct answer seen;
	answer_init(&seen);
	answer(body, &seen);
	a->ended = true;
}

static int refusal(const struct refusal_text *r, struct buf *out)
{
	return wire_text_error(SLICE("message"), r->message, out);
}

const struct codec_ops codec_cohere = {
    .name = "cohere",
    .request = request,
    .answer = answer,
    .event = event,
    .edits_stream = wire_edits_nothing,
    .follow = codec_cohere_follow,
    .cut = codec_cohere_cut,
    .refusal = refusal,
};

const struct codec_ops codec_cohere_models = {
    .name = "cohere models",
    .request = codec_request_nothing,
    .answer = answer_unmetered,
    .event = event,
    .edits_stream = wire_edits_nothing,
    .refusal = refusal,
};
