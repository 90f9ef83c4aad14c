/* The early end of a stream of chat completions, and of the older ones
 * (platform.openai.com/docs/api-reference/chat-streaming): each choice that runs gets its finish_reason
 * length, the usage chunk follows when it was asked for, then [DONE]. The arguments of a call that has begun
 * stay as they are: JSON without its end. */
#include "codec/codec.h"

#include "base/num.h"
#include "model/wire.h"
#include "text/jsonw.h"

#define CHUNK_MAX 4096

/* --- what is open ------------------------------------------------------------------------------------- */

enum { F_CREATED, F_CHOICES, F_USAGE };
static const struct wire_word chunk_fields[] = {
    WIRE_WORD("created", F_CREATED),
    WIRE_WORD("choices", F_CHOICES),
    WIRE_WORD("usage", F_USAGE),
};
enum { C_INDEX, C_DELTA, C_FINISH, C_TEXT };
static const struct wire_word choice_fields[] = {
    WIRE_WORD("index", C_INDEX), WIRE_WORD("delta", C_DELTA), WIRE_WORD("finish_reason", C_FINISH),
    WIRE_WORD("text", C_TEXT), /* of the older completions */
};
enum { D_TEXT, D_TOOL };
static const struct wire_word delta_fields[] = {
    WIRE_WORD("content", D_TEXT),
    WIRE_WORD("refusal", D_TEXT),
    WIRE_WORD("tool_calls", D_TOOL),
    WIRE_WORD("function_call", D_TOOL),
};

struct following {
	struct stream_open *o;
	int64_t index, text, choices;
	bool tool, finished, usage;
};

static void read_delta(struct json *j, int id, void *arg)
{
	struct following *f = arg;
	if (id == D_TEXT) {
		wire_add_bytes(j, &f->text);
		return;
	}
	f->tool = f->tool || json_peek(j) != JSON_NULL;
	json_skip(j, NULL);
}

static void read_choice_field(struct json *j, int id, void *arg)
{
	struct following *f = arg;
	switch (id) {
	case C_INDEX:
		wire_count(j, &f->index);
		break;
	case C_DELTA:
		wire_object(j, WIRE_WORDS(delta_fields), read_delta, f);
		break;
	case C_TEXT:
		wire_add_bytes(j, &f->text);
		break;
	default:
		f->finished = json_peek(j) == JSON_STRING;
		json_skip(j, NULL);
	}
}

static void read_choice(struct json *j, int index, void *arg)
{
	struct following *chunk = arg, f = {.o = chunk->o};
	(void)index;
	wire_object(j, WIRE_WORDS(choice_fields), read_choice_field, &f);
	if (f.index >= STREAM_CHOICES_MAX)
		return;
	uint64_t bit = UINT64_C(1) << f.index;
	f.o->begun = true;
	f.o->seen |= bit;
	if (f.text > 0)
		f.o->text |= bit;
	if (f.tool)
		f.o->text &= ~bit;
	if (f.finished)
		f.o->finished |= bit;
}

static void read_chunk_field(struct json *j, int id, void *arg)
{
	struct following *f = arg;
	switch (id) {
	case F_CREATED:
		wire_count(j, &f->o->created);
		break;
	case F_CHOICES:
		f->choices = wire_array(j, read_choice, f);
		break;
	default:
		f->usage = json_peek(j) == JSON_OBJECT;
		json_skip(j, NULL);
	}
}

void codec_openai_chat_follow(const struct sse_event *e, struct stream_open *o)
{
	struct following f = {.o = o};
	struct json j;
	if (!e->has_data)
		return;
	if (slice_eq(e->data, SLICE("[DONE]"))) {
		o->ended = true;
		return;
	}
	json_init(&j, e->data);
	wire_object(&j, WIRE_WORDS(chunk_fields), read_chunk_field, &f);
	if (f.usage && f.choices == 0)
		o->stopped = true;
}

/* --- the end ------------------------------------------------------------------------------------------ */

struct ending_stream {
	const struct stream_open *o;
	const struct stream_cut *c;
	struct buf *out, json;
};

/* Completions of the older kind: a text in place of a delta. */
static bool is_old(const struct stream_cut *c)
{
	return c->view->api == API_OPENAI_COMPLETIONS;
}

/* A chunk up to its choices, which follow. */
static void begin_chunk(struct ending_stream *s, struct jsonw *w)
{
	const struct answer *a = s->c->answer;
	buf_clear(&s->json);
	jsonw_init(w, &s->json);
	jsonw_object(w);
	jsonw_put_string(w, SLICE("id"), a->id.n ? name_get(&a->id) : slice_of(s->c->id));
	jsonw_put_string(w, SLICE("object"),
	                 is_old(s->c) ? SLICE("text_completion") : SLICE("chat.completion.chunk"));
	jsonw_put_i64(w, SLICE("created"), s->o->created ? s->o->created : s->c->time_s);
	jsonw_put_string(w, SLICE("model"), a->model.n ? name_get(&a->model) : s->c->view->model);
	if (a->service_tier.n)
		jsonw_put_string(w, SLICE("service_tier"), name_get(&a->service_tier));
	jsonw_key(w, SLICE("choices"));
	jsonw_array(w);
}

static int end_chunk(struct ending_stream *s, struct jsonw *w)
{
	jsonw_object_end(w);
	int r = jsonw_end(w);
	return r ? r : codec_cut_sse(s->out, SLICE_NONE, buf_slice(&s->json));
}

static int finish_choice(struct ending_stream *s, int64_t index)
{
	struct jsonw w;
	char text[CUT_TEXT_MAX];
	uint64_t bit = UINT64_C(1) << index;
	bool begun = s->o->seen & bit, says = s->c->message.n && (s->o->text & bit || !begun);
	begin_chunk(s, &w);
	jsonw_object(&w);
	jsonw_put_i64(&w, SLICE("index"), index);
	slice said = says ? codec_cut_text(s->c->message, begun, text) : SLICE("");
	if (is_old(s->c)) {
		jsonw_put_string(&w, SLICE("text"), said);
	} else {
		jsonw_key(&w, SLICE("delta"));
		jsonw_object(&w);
		if (!begun)
			jsonw_put_string(&w, SLICE("role"), SLICE("assistant"));
		if (says)
			jsonw_put_string(&w, SLICE("content"), said);
		jsonw_object_end(&w);
	}
	jsonw_put_null(&w, SLICE("logprobs"));
	jsonw_put_string(&w, SLICE("finish_reason"), SLICE("length"));
	jsonw_object_end(&w);
	jsonw_array_end(&w);
	if (s->c->view->wants_usage)
		jsonw_put_null(&w, SLICE("usage"));
	return end_chunk(s, &w);
}

static int say_usage(struct ending_stream *s)
{
	const struct usage *u = s->c->usage;
	int64_t input = codec_cut_input(u), output = codec_cut_output(u);
	struct jsonw w;
	begin_chunk(s, &w);
	jsonw_array_end(&w);
	jsonw_key(&w, SLICE("usage"));
	jsonw_object(&w);
	jsonw_put_i64(&w, SLICE("prompt_tokens"), input);
	jsonw_put_i64(&w, SLICE("completion_tokens"), output);
	jsonw_put_i64(&w, SLICE("total_tokens"), num_sat_add_i64(input, output));
	jsonw_object_end(&w);
	return end_chunk(s, &w);
}

int codec_openai_chat_cut(const struct stream_open *o, const struct stream_cut *c, struct buf *out)
{
	struct ending_stream s = {.o = o, .c = c, .out = out};
	int64_t choices = num_min_i64(num_max_i64(c->view->choices, 1), STREAM_CHOICES_MAX);
	int r = 0;
	if (o->ended)
		return 0;
	buf_init(&s.json, CHUNK_MAX + CUT_TEXT_MAX * 6);
	for (int64_t i = 0; i < choices && r == 0; i++)
		if (!(o->finished >> i & 1))
			r = finish_choice(&s, i);
	if (r == 0 && c->view->wants_usage && !o->stopped)
		r = say_usage(&s);
	buf_release(&s.json);
	return r ? r : codec_cut_sse(out, SLICE_NONE, SLICE("[DONE]"));
}
