/* The early end of a stream of Cohere's chat (docs.cohere.com/v2/docs/streaming): what is open is ended, then
 * message-end says MAX_TOKENS with the usage so far. v1's stream, which has no blocks, gets its stream-end.
 */
#include "codec/codec.h"

#include "model/wire.h"
#include "text/jsonw.h"

#define EVENT_MAX 4096

/* --- what is open ------------------------------------------------------------------------------------- */

enum { F_TYPE, F_TYPE_V1, F_INDEX };
static const struct wire_word event_fields[] = {WIRE_WORD("type", F_TYPE), WIRE_WORD("event_type", F_TYPE_V1),
                                                WIRE_WORD("index", F_INDEX)};
enum { E_MESSAGE_START, E_START, E_DELTA, E_END, E_PLAN, E_CALL, E_CALL_END, E_MESSAGE_END };
static const struct wire_word types[] = {
    WIRE_WORD("message-start", E_MESSAGE_START), WIRE_WORD("content-start", E_START),
    WIRE_WORD("content-delta", E_DELTA),         WIRE_WORD("content-end", E_END),
    WIRE_WORD("tool-plan-delta", E_PLAN),        WIRE_WORD("tool-call-start", E_CALL),
    WIRE_WORD("tool-call-end", E_CALL_END),      WIRE_WORD("message-end", E_MESSAGE_END),
    WIRE_WORD("stream-end", E_MESSAGE_END),      WIRE_WORD("stream-start", E_MESSAGE_START),
};

enum { SHAPE_V2, SHAPE_V1 };

struct following {
	struct stream_open *o;
	int type;
	int64_t index;
	bool v1;
};

static void read_field(struct json *j, int id, void *arg)
{
	struct following *f = arg;
	if (id == F_INDEX) {
		wire_count(j, &f->index);
	} else {
		f->v1 = f->v1 || id == F_TYPE_V1;
		f->type = wire_read_word(j, WIRE_WORDS(types));
	}
}

static void open_block(struct stream_open *o, enum open_kind kind, int64_t index)
{
	o->kind = kind;
	o->block = index;
	o->blocks = index >= o->blocks ? index + 1 : o->blocks;
}

void codec_cohere_follow(const struct sse_event *e, struct stream_open *o)
{
	struct following f = {.o = o, .type = WIRE_NONE};
	struct json j;
	if (!e->has_data)
		return;
	json_init(&j, e->data);
	wire_object(&j, WIRE_WORDS(event_fields), read_field, &f);
	if (j.error)
		return;
	o->begun = true;
	o->shape = f.v1 ? SHAPE_V1 : SHAPE_V2;
	switch (f.type) {
	case E_START:
	case E_DELTA:
		open_block(o, OPEN_TEXT, f.index);
		break;
	case E_CALL:
		open_block(o, OPEN_TOOL, f.index);
		break;
	case E_END:
	case E_CALL_END:
		o->kind = OPEN_NONE;
		break;
	case E_MESSAGE_END:
		o->ended = true;
		break;
	default: /* a tool plan has no block */
		break;
	}
}

/* --- the end ------------------------------------------------------------------------------------------ */

struct ending_stream {
	const struct stream_open *o;
	const struct stream_cut *c;
	struct buf *out, json;
};

static void begin(struct ending_stream *s, struct jsonw *w, slice type)
{
	buf_clear(&s->json);
	jsonw_init(w, &s->json);
	jsonw_object(w);
	jsonw_put_string(w, SLICE("type"), type);
}

static int end(struct ending_stream *s, struct jsonw *w, slice type)
{
	jsonw_object_end(w);
	int r = jsonw_end(w);
	return r ? r : codec_cut_sse(s->out, type, buf_slice(&s->json));
}

static void open_message(struct jsonw *w)
{
	jsonw_key(w, SLICE("delta"));
	jsonw_object(w);
	jsonw_key(w, SLICE("message"));
	jsonw_object(w);
}

static void close_message(struct jsonw *w)
{
	jsonw_object_end(w);
	jsonw_object_end(w);
}

static int say_start(struct ending_stream *s)
{
	struct jsonw w;
	begin(s, &w, SLICE("message-start"));
	jsonw_put_string(&w, SLICE("id"), slice_of(s->c->id));
	open_message(&w);
	jsonw_put_string(&w, SLICE("role"), SLICE("assistant"));
	close_message(&w);
	return end(s, &w, SLICE("message-start"));
}

/* content-start (of an empty text) and content-delta are alike. */
static int say_text(struct ending_stream *s, slice type, int64_t index, slice text)
{
	struct jsonw w;
	begin(s, &w, type);
	jsonw_put_i64(&w, SLICE("index"), index);
	open_message(&w);
	jsonw_key(&w, SLICE("content"));
	jsonw_object(&w);
	if (text.n == 0)
		jsonw_put_string(&w, SLICE("type"), SLICE("text"));
	jsonw_put_string(&w, SLICE("text"), text.p ? text : SLICE(""));
	jsonw_object_end(&w);
	close_message(&w);
	return end(s, &w, type);
}

static int say_end(struct ending_stream *s, slice type, int64_t index)
{
	struct jsonw w;
	begin(s, &w, type);
	jsonw_put_i64(&w, SLICE("index"), index);
	return end(s, &w, type);
}

static void put_units(struct jsonw *w, slice name, const struct usage *u)
{
	jsonw_key(w, name);
	jsonw_object(w);
	jsonw_put_i64(w, SLICE("input_tokens"), codec_cut_input(u));
	jsonw_put_i64(w, SLICE("output_tokens"), codec_cut_output(u));
	jsonw_object_end(w);
}

static void put_usage(struct jsonw *w, slice name, const struct usage *u)
{
	jsonw_key(w, name);
	jsonw_object(w);
	put_units(w, SLICE("billed_units"), u);
	put_units(w, SLICE("tokens"), u);
	jsonw_object_end(w);
}

static int say_message_end(struct ending_stream *s)
{
	struct jsonw w;
	begin(s, &w, SLICE("message-end"));
	jsonw_key(&w, SLICE("delta"));
	jsonw_object(&w);
	jsonw_put_string(&w, SLICE("finish_reason"), SLICE("MAX_TOKENS"));
	put_usage(&w, SLICE("usage"), s->c->usage);
	jsonw_object_end(&w);
	return end(s, &w, SLICE("message-end"));
}

/* The open block ends; text goes into it, or into one of its own where none has begun. */
static int say_message(struct ending_stream *s)
{
	const struct stream_open *o = s->o;
	char text[CUT_TEXT_MAX];
	bool opens = !o->begun || (o->kind == OPEN_NONE && o->blocks == 0);
	int r = 0;
	if (o->kind == OPEN_TOOL)
		return say_end(s, SLICE("tool-call-end"), o->block);
	if (o->kind == OPEN_NONE && !(opens && s->c->message.n))
		return 0;
	if (opens)
		r = say_text(s, SLICE("content-start"), 0, SLICE_NONE);
	if (r == 0 && s->c->message.n)
		r = say_text(s, SLICE("content-delta"), o->block,
		             codec_cut_text(s->c->message, !opens, text));
	return r ? r : say_end(s, SLICE("content-end"), o->block);
}

static int cut_v1(struct ending_stream *s)
{
	struct jsonw w;
	char text[CUT_TEXT_MAX];
	int r = 0;
	if (s->c->message.n) {
		buf_clear(&s->json);
		jsonw_init(&w, &s->json);
		jsonw_object(&w);
		jsonw_put_bool(&w, SLICE("is_finished"), false);
		jsonw_put_string(&w, SLICE("event_type"), SLICE("text-generation"));
		jsonw_put_string(&w, SLICE("text"), codec_cut_text(s->c->message, true, text));
		jsonw_object_end(&w);
		r = jsonw_end(&w);
		r = r ? r : buf_append(s->out, buf_slice(&s->json));
		r = r ? r : buf_append(s->out, SLICE("\n"));
	}
	buf_clear(&s->json);
	jsonw_init(&w, &s->json);
	jsonw_object(&w);
	jsonw_put_bool(&w, SLICE("is_finished"), true);
	jsonw_put_string(&w, SLICE("event_type"), SLICE("stream-end"));
	jsonw_put_string(&w, SLICE("finish_reason"), SLICE("MAX_TOKENS"));
	jsonw_key(&w, SLICE("response"));
	jsonw_object(&w);
	put_usage(&w, SLICE("meta"), s->c->usage);
	jsonw_object_end(&w);
	jsonw_object_end(&w);
	int end = jsonw_end(&w);
	r = r ? r : end;
	r = r ? r : buf_append(s->out, buf_slice(&s->json));
	return r ? r : buf_append(s->out, SLICE("\n"));
}

int codec_cohere_cut(const struct stream_open *o, const struct stream_cut *c, struct buf *out)
{
	struct ending_stream s = {.o = o, .c = c, .out = out};
	int r = 0;
	if (o->ended)
		return 0;
	buf_init(&s.json, EVENT_MAX + CUT_TEXT_MAX * 6);
	if (o->begun && o->shape == SHAPE_V1) {
		r = cut_v1(&s);
	} else {
		r = o->begun ? 0 : say_start(&s);
		r = r ? r : say_message(&s);
		r = r ? r : say_message_end(&s);
	}
	buf_release(&s.json);
	return r;
}
