/* OpenAI's chat completions (platform.openai.com/docs/api-reference/chat) and what speaks like them, the
 * older completions, whose choices have a text in place of a message, and the list of models.
 *
 * Usage: prompt_tokens includes what was read from and written to the cache, completion_tokens includes
 * reasoning. A stream carries usage only when stream_options.include_usage is set, in a last chunk whose
 * choices are empty, and null in the others: Weir sets it for a client that did not and takes both out again.
 * A usage that comes in a chunk with choices stays: those providers send it unasked. */
#include "codec/codec.h"

#include "base/num.h"
#include "model/wire.h"

/* --- usage --------------------------------------------------------------------------------------------- */

/* The fields of usage, those of its details, and other vendors' spellings. */
enum {
	U_PROMPT,
	U_COMPLETION,
	U_TOTAL,
	U_CACHED,
	U_CACHE_WRITE,
	U_AUDIO_IN,
	U_IMAGE_IN,
	U_REASONING,
	U_AUDIO_OUT,
	U_IMAGE_OUT,
	U_CACHED_AUDIO,
	U_SEARCHES,
	U_N, /* counts end here, objects follow */
	U_PROMPT_DETAILS,
	U_COMPLETION_DETAILS,
	U_CACHED_DETAILS,
	U_SERVER_TOOLS,
	U_COST,
	U_TOTAL_COST,
	U_OWN_KEY,
};
static const struct wire_word usage_fields[] = {
    WIRE_WORD("prompt_tokens", U_PROMPT),
    WIRE_WORD("completion_tokens", U_COMPLETION),
    WIRE_WORD("total_tokens", U_TOTAL),
    WIRE_WORD("prompt_tokens_details", U_PROMPT_DETAILS),
    WIRE_WORD("completion_tokens_details", U_COMPLETION_DETAILS),
    WIRE_WORD("prompt_cache_hit_tokens", U_CACHED), /* DeepSeek */
    WIRE_WORD("reasoning_tokens", U_REASONING),     /* DeepSeek behind Azure */
    WIRE_WORD("cached_tokens", U_CACHED),           /* Moonshot, Together */
    WIRE_WORD("num_cached_tokens", U_CACHED),       /* Mistral */
    WIRE_WORD("cache_read_input_tokens", U_CACHED), /* Claude behind Databricks, Snowflake */
    WIRE_WORD("cache_creation_input_tokens", U_CACHE_WRITE),
    WIRE_WORD("server_tool_use", U_SERVER_TOOLS), /* OpenRouter */
    WIRE_WORD("server_tool_use_details", U_SERVER_TOOLS),
    WIRE_WORD("cost", U_COST), /* OpenRouter, in USD; Perplexity, an object */
    WIRE_WORD("is_byok", U_OWN_KEY),
};
static const struct wire_word cost_fields[] = {WIRE_WORD("total_cost", U_TOTAL_COST)};
static const struct wire_word prompt_detail_fields[] = {
    WIRE_WORD("cached_tokens", U_CACHED),
    WIRE_WORD("cache_write_tokens", U_CACHE_WRITE),
    WIRE_WORD("audio_tokens", U_AUDIO_IN),
    WIRE_WORD("image_tokens", U_IMAGE_IN),
    WIRE_WORD("cached_tokens_details", U_CACHED_DETAILS),
};
static const struct wire_word completion_detail_fields[] = {
    WIRE_WORD("reasoning_tokens", U_REASONING),
    WIRE_WORD("audio_tokens", U_AUDIO_OUT),
    WIRE_WORD("image_tokens", U_IMAGE_OUT),
};
static const struct wire_word cached_detail_fields[] = {WIRE_WORD("audio_tokens", U_CACHED_AUDIO)};
static const struct wire_word server_tool_fields[] = {WIRE_WORD("web_search_requests", U_SEARCHES)};

struct usage_reading {
	int64_t n[U_N];  /* TOKENS_ABSENT when not in the object */
	int64_t charged; /* nano-dollars, -1 when not said */
	bool own_key;    /* the tokens are billed elsewhere: what was charged is not all */
};

static void read_usage_field(struct json *j, int id, void *arg)
{
	struct usage_reading *u = arg;
	int64_t n = TOKENS_ABSENT;
	switch (id) {
	case U_PROMPT_DETAILS:
		wire_object(j, WIRE_WORDS(prompt_detail_fields), read_usage_field, u);
		break;
	case U_COMPLETION_DETAILS:
		wire_object(j, WIRE_WORDS(completion_detail_fields), read_usage_field, u);
		break;
	case U_CACHED_DETAILS:
		wire_object(j, WIRE_WORDS(cached_detail_fields), read_usage_field, u);
		break;
	case U_SERVER_TOOLS:
		wire_object(j, WIRE_WORDS(server_tool_fields), read_usage_field, u);
		break;
	case U_COST:
		if (json_peek(j) == JSON_OBJECT)
			wire_object(j, WIRE_WORDS(cost_fields), read_usage_field, u);
		else
			wire_usd(j, &u->charged);
		break;
	case U_TOTAL_COST:
		wire_usd(j, &u->charged);
		break;
	case U_OWN_KEY:
		json_opt_bool(j, &u->own_key);
		break;
	default:
		wire_count(j, &n);
		u->n[id] = num_max_i64(u->n[id], n); /* spellings of one count may stand side by side */
	}
}

/* Takes up to part off *whole and returns what was taken; an absent part stays absent. */
static int64_t take(int64_t *whole, int64_t part)
{
	int64_t taken = num_min_i64(part, *whole);
	*whole -= taken > 0 ? taken : 0;
	return taken;
}

/* Of the prompt's tokens. What a provider reports is booked as reported, also where it is more than the
 * prompt (Grok behind Azure) or counts the same tokens as read and as written (Gemini behind OpenRouter,
 * which bills both). */
static void book_prompt(struct usage *u, const int64_t n[U_N])
{
	int64_t fresh = n[U_PROMPT], cached = n[U_CACHED], audio = n[U_AUDIO_IN],
	        cached_audio = n[U_CACHED_AUDIO];
	if (fresh < 0)
		return;
	take(&fresh, cached);
	if (cached_audio > 0) {
		take(&cached, cached_audio);
		take(&audio, cached_audio);
	}
	u->m[METER_CACHE_READ] = cached;
	u->m[METER_CACHE_READ_AUDIO] = cached_audio;
	u->m[METER_CACHE_WRITE_5M] = n[U_CACHE_WRITE];
	if (n[U_CACHE_WRITE] <= fresh)
		take(&fresh, n[U_CACHE_WRITE]);
	u->m[METER_INPUT_AUDIO] = take(&fresh, audio);
	u->m[METER_INPUT_IMAGE] = take(&fresh, n[U_IMAGE_IN]);
	u->m[METER_INPUT] = fresh;
}

static void book_completion(struct usage *u, const int64_t n[U_N])
{
	int64_t output = n[U_COMPLETION], reasoning = n[U_REASONING];
	if (output < 0)
		return;
	/* xAI counts reasoning apart: its total says so */
	if (reasoning > 0 && n[U_PROMPT] >= 0 && n[U_TOTAL] == n[U_PROMPT] + output + reasoning)
		output += reasoning;
	u->m[METER_REASONING] = reasoning;
	u->m[METER_OUTPUT_AUDIO] = take(&output, n[U_AUDIO_OUT]);
	u->m[METER_OUTPUT_IMAGE] = take(&output, n[U_IMAGE_OUT]);
	u->m[METER_OUTPUT] = output;
}

/* Reads one value. The last usage object of a stream counts; those before it are running sums. */
static void read_usage(struct json *j, struct answer *a)
{
	struct usage_reading r;
	if (json_peek(j) != JSON_OBJECT) {
		json_skip(j, NULL);
		return;
	}
	for (int i = 0; i < U_N; i++)
		r.n[i] = TOKENS_ABSENT;
	r.charged = -1;
	r.own_key = false;
	wire_object(j, WIRE_WORDS(usage_fields), read_usage_field, &r);
	a->charged_nanousd = r.own_key ? -1 : r.charged;
	book_prompt(&a->usage, r.n);
	book_completion(&a->usage, r.n);
	if (r.n[U_SEARCHES] >= 0)
		a->usage.m[METER_WEB_SEARCHES] = r.n[U_SEARCHES];
	a->has_usage = a->has_usage || (r.n[U_PROMPT] >= 0 && r.n[U_COMPLETION] >= 0);
}

/* --- answers and chunks ----------------------------------------------------------------------------------
 */

/* Of a delta or a message, and of what lies in it. */
enum { D_TEXT, D_THINKING, D_CALLS, D_CALL, D_FUNCTION, D_ID, D_NAME, D_ARGUMENTS };
static const struct wire_word delta_fields[] = {
    WIRE_WORD("content", D_TEXT),
    WIRE_WORD("refusal", D_TEXT),
    WIRE_WORD("reasoning_content", D_THINKING),
    WIRE_WORD("reasoning", D_THINKING),
    WIRE_WORD("thinking", D_THINKING), /* a part of Mistral's content, an array */
    WIRE_WORD("text", D_TEXT),
    WIRE_WORD("tool_calls", D_CALLS),
    WIRE_WORD("function_call", D_CALL),
};
static const struct wire_word call_fields[] = {
    WIRE_WORD("id", D_ID),
    WIRE_WORD("function", D_FUNCTION),
    WIRE_WORD("custom", D_FUNCTION),
};
static const struct wire_word function_fields[] = {
    WIRE_WORD("name", D_NAME),
    WIRE_WORD("arguments", D_ARGUMENTS),
    WIRE_WORD("input", D_ARGUMENTS),
};

struct call_reading {
	struct answer *a;
	bool old_form; /* function_call: counted by its name, having no id */
};

static void read_call_field(struct json *j, int id, void *arg)
{
	struct call_reading *c = arg;
	int64_t n = 0;
	switch (id) {
	case D_ID: /* in the first piece of a call only; later ones have none, or an empty one */
		wire_add_bytes(j, &n);
		c->a->tool_calls += n > 0;
		break;
	case D_NAME:
		wire_add_bytes(j, &n);
		c->a->tool_calls += c->old_form && n > 0;
		break;
	case D_ARGUMENTS:
		wire_said(j, c->a, SAID_ARGUMENTS);
		break;
	default:
		wire_object(j, WIRE_WORDS(function_fields), read_call_field, c);
	}
}

static void read_call(struct json *j, int index, void *arg)
{
	struct call_reading c = {.a = arg};
	(void)index;
	wire_object(j, WIRE_WORDS(call_fields), read_call_field, &c);
}

struct delta_reading {
	struct answer *a;
	bool thinking; /* what is read is within it */
};

static void read_delta_field(struct json *j, int id, void *arg);

static void read_part(struct json *j, int index, void *arg)
{
	(void)index;
	wire_object(j, WIRE_WORDS(delta_fields), read_delta_field, arg);
}

/* A text, or a list of parts (Mistral), all of it thinking when the field says so. */
static void read_texts(struct json *j, struct delta_reading *d, bool thinking)
{
	struct delta_reading inner = {d->a, d->thinking || thinking};
	if (json_peek(j) == JSON_ARRAY)
		wire_array(j, read_part, &inner);
	else
		wire_said(j, d->a, inner.thinking ? SAID_THINKING : SAID_TEXT);
}

/* Nesting is capped by the reader's depth. */
static void read_delta_field(struct json *j, int id, void *arg)
{
	struct delta_reading *d = arg;
	struct call_reading c = {.a = d->a, .old_form = true};
	switch (id) {
	case D_CALLS:
		wire_array(j, read_call, d->a);
		break;
	case D_CALL:
		wire_object(j, WIRE_WORDS(function_fields), read_call_field, &c);
		break;
	default:
		read_texts(j, d, id == D_THINKING);
	}
}

enum { C_DELTA, C_FINISH, C_USAGE, C_TEXT };
static const struct wire_word choice_fields[] = {
    WIRE_WORD("delta", C_DELTA), WIRE_WORD("message", C_DELTA), WIRE_WORD("finish_reason", C_FINISH),
    WIRE_WORD("usage", C_USAGE), /* Moonshot */
    WIRE_WORD("text", C_TEXT),   /* of completions */
};

static void read_choice_field(struct json *j, int id, void *arg)
{
	struct answer *a = arg;
	struct delta_reading d = {a, false};
	if (id == C_DELTA)
		wire_object(j, WIRE_WORDS(delta_fields), read_delta_field, &d);
	else if (id == C_FINISH)
		wire_name(j, &a->stop_reason);
	else if (id == C_TEXT)
		wire_add_bytes(j, &a->text_bytes);
	else
		read_usage(j, a);
}

static void read_choice(struct json *j, int index, void *arg)
{
	(void)index;
	wire_object(j, WIRE_WORDS(choice_fields), read_choice_field, arg);
}

enum { F_ID, F_MODEL, F_TIER, F_USAGE, F_CHOICES, F_ERROR, F_GROQ, F_ERROR_TYPE, F_ERROR_CODE };
static const struct wire_word chunk_fields[] = {
    WIRE_WORD("id", F_ID),       WIRE_WORD("model", F_MODEL),     WIRE_WORD("service_tier", F_TIER),
    WIRE_WORD("usage", F_USAGE), WIRE_WORD("choices", F_CHOICES), WIRE_WORD("error", F_ERROR),
    WIRE_WORD("x_groq", F_GROQ),
};
static const struct wire_word groq_fields[] = {WIRE_WORD("usage", F_USAGE)};
static const struct wire_word error_fields[] = {
    WIRE_WORD("type", F_ERROR_TYPE),
    WIRE_WORD("code", F_ERROR_CODE),
};

/* Groq's own place for the usage of a stream that was not asked for it. */
static void read_groq_usage(struct json *j, int id, void *arg)
{
	struct answer *a = arg;
	(void)id;
	if (a->has_usage)
		json_skip(j, NULL);
	else
		read_usage(j, a);
}

struct chunk_reading {
	struct answer *a;
	slice usage;       /* the chunk's own usage: its value's range */
	int64_t choices_n; /* -1: no choices in the chunk */
};

static void read_chunk_field(struct json *j, int id, void *arg)
{
	struct chunk_reading *c = arg;
	struct answer *a = c->a;
	const char *from = (json_peek(j), j->p);
	switch (id) {
	case F_ID:
		wire_name(j, &a->id);
		break;
	case F_MODEL:
		wire_name(j, &a->model);
		break;
	case F_TIER:
		wire_name(j, &a->service_tier);
		break;
	case F_USAGE:
		read_usage(j, a);
		c->usage = slice_make(from, (size_t)(j->p - from));
		break;
	case F_CHOICES:
		c->choices_n = wire_array(j, read_choice, a);
		break;
	case F_GROQ:
		wire_object(j, WIRE_WORDS(groq_fields), read_groq_usage, a);
		break;
	case F_ERROR:
		a->error = a->error || json_peek(j) != JSON_NULL;
		wire_object(j, WIRE_WORDS(error_fields), read_chunk_field, c);
		break;
	case F_ERROR_TYPE:
		wire_name(j, &a->error_type);
		break;
	default:
		if (a->error_type.n)
			json_skip(j, NULL);
		else
			wire_name(j, &a->error_type);
	}
}

/* True when data was one whole JSON value. */
static bool read_chunk(slice data, struct chunk_reading *c)
{
	struct json j;
	json_init(&j, data);
	wire_object(&j, WIRE_WORDS(chunk_fields), read_chunk_field, c);
	return json_end(&j);
}

static void answer(slice body, struct answer *a)
{
	struct chunk_reading c = {.a = a, .choices_n = -1};
	a->ended = read_chunk(body, &c) && c.choices_n >= 0;
}

static void answer_unmetered(slice body, struct answer *a)
{
	struct answer seen;
	answer_init(&seen);
	answer(body, &seen);
	a->error = seen.error;
	a->error_type = seen.error_type;
	a->ended = true;
}

/* Takes the member "usage" out of the chunk, the value of which is given. */
static enum event_action without_usage(slice data, slice value, struct json_edits *edits)
{
	size_t key = (size_t)(value.p - data.p);
	int quotes = 0;
	while (key > 0 && quotes < 2)
		quotes += data.p[--key] == '"';
	size_t to = (size_t)(value.p + value.n - data.p);
	return quotes == 2 && json_edit_remove_member(edits, data, key, to) ? EVENT_EDIT : EVENT_PASS;
}

static enum event_action event(const struct sse_event *e, const struct request_view *v, struct answer *a,
                               struct json_edits *edits)
{
	if (!e->has_data)
		return EVENT_PASS;
	if (slice_eq(e->data, SLICE("[DONE]"))) {
		a->ended = true;
		return EVENT_PASS;
	}
	struct chunk_reading c = {.a = a, .choices_n = -1};
	bool whole = read_chunk(e->data, &c);
	a->ended = a->ended || (a->has_usage && a->stop_reason.n);
	if (!whole || !codec_openai_chat_edits_stream(v) || !c.usage.n)
		return EVENT_PASS;
	if (c.usage.p[0] == '{')
		return c.choices_n == 0 ? EVENT_DROP : EVENT_PASS;
	bool one_line = slice_find_char(e->data, '\n') < 0;
	return slice_eq(c.usage, SLICE("null")) && one_line ? without_usage(e->data, c.usage, edits)
	                                                    : EVENT_PASS;
}

/* --- refusals --------------------------------------------------------------------------------------------
 */

static int refusal(const struct refusal_text *r, struct buf *out)
{
	return wire_openai_error(r->status, r->kind, r->message, out);
}

/* GET /v1/models has no body. */
const struct codec_ops codec_openai_chat = {
    .name = "openai chat",
    .advise = codec_advise_chat,
    .request = codec_openai_chat_request,
    .items = codec_openai_chat_items,
    .prepare = codec_openai_chat_prepare,
    .answer = answer,
    .event = event,
    .edits_stream = codec_openai_chat_edits_stream,
    .follow = codec_openai_chat_follow,
    .cut = codec_openai_chat_cut,
    .refusal = refusal,
};

const struct codec_ops codec_openai_completions = {
    .name = "openai completions",
    .request = codec_openai_chat_request,
    .prepare = codec_openai_chat_prepare,
    .answer = answer,
    .event = event,
    .edits_stream = codec_openai_chat_edits_stream,
    .follow = codec_openai_chat_follow,
    .cut = codec_openai_chat_cut,
    .refusal = refusal,
};

const struct codec_ops codec_openai_models = {
    .name = "openai models",
    .request = codec_request_nothing,
    .answer = answer_unmetered,
    .event = event,
    .edits_stream = wire_edits_nothing,
    .refusal = refusal,
};
