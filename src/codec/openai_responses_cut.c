/* The early end of a stream of Responses (platform.openai.com/docs/api-reference/responses-streaming): a
 * message that is open is done as incomplete, then response.incomplete with the reason max_output_tokens and
 * the whole response. Its output repeats what has passed, so that is kept while it passes, up to
 * STREAM_KEPT_MAX.
 *
 * A call or a piece of reasoning that is open is not done, and not in the output: agents run a call when its
 * item is done, and reasoning without its encrypted content cannot be sent back. */
#include "codec/codec.h"

#include <stdio.h>

#include "base/num.h"
#include "model/wire.h"
#include "text/jsonw.h"

#define EVENT_MAX 8192

/* --- what is open ------------------------------------------------------------------------------------- */

enum { E_STATE, E_ITEM, E_ITEM_DONE, E_PART, E_PART_DONE, E_TEXT, E_END };
static const struct wire_word event_types[] = {
    WIRE_WORD("response.created", E_STATE),
    WIRE_WORD("response.queued", E_STATE),
    WIRE_WORD("response.in_progress", E_STATE),
    WIRE_WORD("response.output_item.added", E_ITEM),
    WIRE_WORD("response.output_item.done", E_ITEM_DONE),
    WIRE_WORD("response.content_part.added", E_PART),
    WIRE_WORD("response.content_part.done", E_PART_DONE),
    WIRE_WORD("response.output_text.delta", E_TEXT),
    WIRE_WORD("response.completed", E_END),
    WIRE_WORD("response.incomplete", E_END),
    WIRE_WORD("response.failed", E_END),
};
enum { P_MESSAGE, P_TEXT };
static const struct wire_word kinds[] = {WIRE_WORD("message", P_MESSAGE), WIRE_WORD("output_text", P_TEXT)};

enum {
	F_TYPE,
	F_RESPONSE,
	F_ITEM,
	F_PART,
	F_DELTA,
	F_OUTPUT_INDEX,
	F_PART_INDEX,
	F_NUMBER,
	F_CREATED,
	F_ID,
	F_KIND
};
static const struct wire_word event_fields[] = {
    WIRE_WORD("type", F_TYPE),
    WIRE_WORD("response", F_RESPONSE),
    WIRE_WORD("item", F_ITEM),
    WIRE_WORD("part", F_PART),
    WIRE_WORD("delta", F_DELTA),
    WIRE_WORD("output_index", F_OUTPUT_INDEX),
    WIRE_WORD("content_index", F_PART_INDEX),
    WIRE_WORD("sequence_number", F_NUMBER),
};
static const struct wire_word response_fields[] = {WIRE_WORD("created_at", F_CREATED)};
static const struct wire_word item_fields[] = {WIRE_WORD("id", F_ID), WIRE_WORD("type", F_KIND)};

struct following {
	struct stream_open *o;
	int type, kind;
	slice delta, raw; /* a string's inside; the item or part */
	int64_t item, part;
	struct name id;
};

static void read_field(struct json *j, int id, void *arg);

/* The item or part: its range, and its kind and id. */
static void read_thing(struct json *j, struct following *f)
{
	struct json in;
	if (!json_skip(j, &f->raw))
		return;
	json_init(&in, f->raw);
	wire_object(&in, WIRE_WORDS(item_fields), read_field, f);
}

static void read_field(struct json *j, int id, void *arg)
{
	struct following *f = arg;
	json_str s;
	switch (id) {
	case F_TYPE:
		f->type = wire_read_word(j, WIRE_WORDS(event_types));
		break;
	case F_RESPONSE:
		wire_object(j, WIRE_WORDS(response_fields), read_field, f);
		break;
	case F_ITEM:
	case F_PART:
		read_thing(j, f);
		break;
	case F_DELTA:
		if (json_opt_string(j, &s))
			f->delta = s.raw;
		break;
	case F_OUTPUT_INDEX:
		wire_count(j, &f->item);
		break;
	case F_PART_INDEX:
		wire_count(j, &f->part);
		break;
	case F_NUMBER:
		wire_count(j, &f->o->sequence);
		break;
	case F_CREATED:
		wire_count(j, &f->o->created);
		break;
	case F_ID:
		wire_name(j, &f->id);
		break;
	default:
		f->kind = wire_read_word(j, WIRE_WORDS(kinds));
	}
}

/* Appends a value to a list. */
static void keep(struct stream_open *o, struct buf *list, slice value)
{
	if (value.n == 0 || o->lost)
		return;
	if ((list->n && buf_append(list, SLICE(","))) || buf_append(list, value))
		o->lost = true;
	else /* white space that would end the line of an event */
		for (char *p = list->data + list->at + list->n - value.n, *end = p + value.n; p < end; p++)
			if (*p == '\r' || *p == '\n')
				*p = ' ';
}

/* OPEN_TEXT: a message with an open text. OPEN_OTHER: a message without. OPEN_TOOL: any other item. */
static void apply(struct stream_open *o, struct following *f)
{
	switch (f->type) {
	case E_STATE:
		o->begun = true;
		break;
	case E_ITEM:
		o->kind = f->kind == P_MESSAGE ? OPEN_OTHER : OPEN_TOOL;
		o->block = f->item;
		o->item = f->id;
		buf_clear(&o->parts);
		break;
	case E_PART:
		if (f->kind == P_TEXT && o->kind == OPEN_OTHER)
			o->kind = OPEN_TEXT;
		o->part = f->part;
		buf_clear(&o->said);
		break;
	case E_TEXT:
		if (!o->lost && buf_append(&o->said, f->delta))
			o->lost = true;
		break;
	case E_PART_DONE:
		if (o->kind == OPEN_TEXT)
			o->kind = OPEN_OTHER;
		keep(o, &o->parts, f->raw);
		break;
	case E_ITEM_DONE:
		o->kind = OPEN_NONE;
		o->blocks = num_max_i64(o->blocks, f->item + 1);
		keep(o, &o->kept, f->raw);
		break;
	case E_END:
		o->ended = true;
		break;
	default:
		break;
	}
}

void codec_openai_responses_follow(const struct sse_event *e, struct stream_open *o)
{
	struct following f = {.o = o, .type = WIRE_NONE, .kind = WIRE_NONE};
	struct json j;
	if (!e->has_data)
		return;
	json_init(&j, e->data);
	wire_object(&j, WIRE_WORDS(event_fields), read_field, &f);
	if (json_end(&j))
		apply(o, &f);
}

/* --- the end ------------------------------------------------------------------------------------------ */

struct ending_stream {
	const struct stream_open *o;
	const struct stream_cut *c;
	struct buf *out, json;
	struct jsonw w;
	int64_t number;     /* of the next event */
	slice item;         /* the open message's id */
	int64_t at, part;   /* its place, and that of its open text */
	slice said, text;   /* that text before the last words, as in a JSON string; the last words */
	struct buf whole;   /* both, a JSON string */
	struct buf message; /* the message, done as incomplete; empty when none is */
};

static struct jsonw *begin(struct ending_stream *s, slice type)
{
	buf_clear(&s->json);
	jsonw_init(&s->w, &s->json);
	jsonw_object(&s->w);
	jsonw_put_string(&s->w, SLICE("type"), type);
	jsonw_put_i64(&s->w, SLICE("sequence_number"), s->number++);
	return &s->w;
}

static int end(struct ending_stream *s, slice type)
{
	jsonw_object_end(&s->w);
	int r = jsonw_end(&s->w);
	return r ? r : codec_cut_sse(s->out, type, buf_slice(&s->json));
}

/* Where a text stands. */
static void put_place(struct ending_stream *s)
{
	jsonw_put_string(&s->w, SLICE("item_id"), s->item);
	jsonw_put_i64(&s->w, SLICE("output_index"), s->at);
	jsonw_put_i64(&s->w, SLICE("content_index"), s->part);
}

static void put_part(struct jsonw *w, slice text)
{
	jsonw_object(w);
	jsonw_put_string(w, SLICE("type"), SLICE("output_text"));
	jsonw_put_raw(w, SLICE("annotations"), SLICE("[]"));
	jsonw_put_raw(w, SLICE("logprobs"), SLICE("[]"));
	jsonw_put_raw(w, SLICE("text"), text);
	jsonw_object_end(w);
}

static void put_message(struct jsonw *w, slice id, slice status, slice parts)
{
	jsonw_object(w);
	jsonw_put_string(w, SLICE("id"), id);
	jsonw_put_string(w, SLICE("type"), SLICE("message"));
	jsonw_put_string(w, SLICE("status"), status);
	jsonw_put_string(w, SLICE("role"), SLICE("assistant"));
	jsonw_put_raw(w, SLICE("content"), parts);
	jsonw_object_end(w);
}

/* The response. output: the elements of its list. */
static void put_response(struct ending_stream *s, slice status, const struct usage *u, slice output)
{
	const struct stream_cut *c = s->c;
	const struct answer *a = c->answer;
	struct jsonw *w = &s->w;
	jsonw_key(w, SLICE("response"));
	jsonw_object(w);
	jsonw_put_string(w, SLICE("id"), a->id.n ? name_get(&a->id) : slice_of(c->id));
	jsonw_put_string(w, SLICE("object"), SLICE("response"));
	jsonw_put_i64(w, SLICE("created_at"), s->o->created ? s->o->created : c->time_s);
	jsonw_put_string(w, SLICE("status"), status);
	jsonw_put_null(w, SLICE("error"));
	jsonw_put_raw(w, SLICE("incomplete_details"),
	              u ? SLICE("{\"reason\":\"max_output_tokens\"}") : SLICE("null"));
	jsonw_put_null(w, SLICE("instructions"));
	if (c->view->max_output >= 0)
		jsonw_put_i64(w, SLICE("max_output_tokens"), c->view->max_output);
	else
		jsonw_put_null(w, SLICE("max_output_tokens"));
	jsonw_put_string(w, SLICE("model"), a->model.n ? name_get(&a->model) : c->view->model);
	jsonw_key(w, SLICE("output"));
	jsonw_raw(w, output);
	jsonw_put_bool(w, SLICE("parallel_tool_calls"), true);
	jsonw_put_null(w, SLICE("previous_response_id"));
	jsonw_put_string(w, SLICE("tool_choice"), SLICE("auto"));
	jsonw_put_raw(w, SLICE("tools"), SLICE("[]"));
	jsonw_put_raw(w, SLICE("metadata"), SLICE("{}"));
	jsonw_key(w, SLICE("usage"));
	if (u == NULL) {
		jsonw_null(w);
	} else {
		int64_t input = codec_cut_input(u), output_n = codec_cut_output(u);
		jsonw_object(w);
		jsonw_put_i64(w, SLICE("input_tokens"), input);
		jsonw_key(w, SLICE("input_tokens_details"));
		jsonw_object(w);
		jsonw_put_i64(w, SLICE("cached_tokens"), num_max_i64(u->m[METER_CACHE_READ], 0));
		jsonw_object_end(w);
		jsonw_put_i64(w, SLICE("output_tokens"), output_n);
		jsonw_key(w, SLICE("output_tokens_details"));
		jsonw_object(w);
		jsonw_put_i64(w, SLICE("reasoning_tokens"), num_max_i64(u->m[METER_REASONING], 0));
		jsonw_object_end(w);
		jsonw_put_i64(w, SLICE("total_tokens"), num_sat_add_i64(input, output_n));
		jsonw_object_end(w);
	}
	jsonw_object_end(w);
}

/* A message of Weir's own, up to its text, in a response that has not begun. */
static int say_start(struct ending_stream *s)
{
	struct jsonw *w = begin(s, SLICE("response.created"));
	put_response(s, SLICE("in_progress"), NULL, SLICE("[]"));
	int r = end(s, SLICE("response.created"));
	if (r || s->text.n == 0)
		return r;
	w = begin(s, SLICE("response.output_item.added"));
	jsonw_put_i64(w, SLICE("output_index"), s->at);
	jsonw_key(w, SLICE("item"));
	put_message(w, s->item, SLICE("in_progress"), SLICE("[]"));
	r = end(s, SLICE("response.output_item.added"));
	if (r)
		return r;
	w = begin(s, SLICE("response.content_part.added"));
	put_place(s);
	jsonw_key(w, SLICE("part"));
	put_part(w, SLICE("\"\""));
	return end(s, SLICE("response.content_part.added"));
}

/* The last words, and the end of the text they stand in. */
static int end_text(struct ending_stream *s)
{
	struct jsonw *w;
	int r = 0;
	if (s->text.n) {
		w = begin(s, SLICE("response.output_text.delta"));
		put_place(s);
		jsonw_put_string(w, SLICE("delta"), s->text);
		jsonw_put_raw(w, SLICE("logprobs"), SLICE("[]"));
		r = end(s, SLICE("response.output_text.delta"));
	}
	if (r)
		return r;
	w = begin(s, SLICE("response.output_text.done"));
	put_place(s);
	jsonw_put_raw(w, SLICE("text"), buf_slice(&s->whole));
	jsonw_put_raw(w, SLICE("logprobs"), SLICE("[]"));
	r = end(s, SLICE("response.output_text.done"));
	if (r)
		return r;
	w = begin(s, SLICE("response.content_part.done"));
	put_place(s);
	jsonw_key(w, SLICE("part"));
	put_part(w, buf_slice(&s->whole));
	return end(s, SLICE("response.content_part.done"));
}

/* The text's whole, a JSON string, into s->whole. */
static int join_text(struct ending_stream *s)
{
	struct jsonw w;
	struct buf words;
	buf_init(&words, CUT_TEXT_MAX * 6 + 2);
	jsonw_init(&w, &words);
	jsonw_string(&w, s->text);
	int r = jsonw_end(&w);
	r = r ? r : buf_append(&s->whole, SLICE("\""));
	r = r ? r : buf_append(&s->whole, s->said);
	r = r ? r
	      : buf_append(&s->whole, slice_sub(buf_slice(&words), 1, words.n)); /* its closing quote too */
	buf_release(&words);
	return r;
}

/* The message that is open, with its parts and the text, done as incomplete. */
static int end_message(struct ending_stream *s, bool text)
{
	struct jsonw w;
	struct buf parts;
	int r;
	buf_init(&parts, 2 * STREAM_KEPT_MAX + EVENT_MAX + CUT_TEXT_MAX * 6);
	r = buf_append(&parts, SLICE("["));
	r = r ? r : buf_append(&parts, buf_slice(&s->o->parts));
	if (text && r == 0) {
		struct buf part;
		buf_init(&part, STREAM_KEPT_MAX + EVENT_MAX + CUT_TEXT_MAX * 6);
		jsonw_init(&w, &part);
		put_part(&w, buf_slice(&s->whole));
		r = jsonw_end(&w);
		if (r == 0 && s->o->parts.n)
			r = buf_append(&parts, SLICE(","));
		r = r ? r : buf_append(&parts, buf_slice(&part));
		buf_release(&part);
	}
	r = r ? r : buf_append(&parts, SLICE("]"));
	jsonw_init(&w, &s->message);
	put_message(&w, s->item, SLICE("incomplete"), buf_slice(&parts));
	r = r ? r : jsonw_end(&w);
	buf_release(&parts);
	if (r)
		return r;
	jsonw_put_i64(begin(s, SLICE("response.output_item.done")), SLICE("output_index"), s->at);
	jsonw_put_raw(&s->w, SLICE("item"), buf_slice(&s->message));
	return end(s, SLICE("response.output_item.done"));
}

static int say_incomplete(struct ending_stream *s)
{
	struct buf output;
	buf_init(&output, 3 * STREAM_KEPT_MAX + EVENT_MAX);
	int r = buf_append(&output, SLICE("["));
	if (r == 0 && !s->o->lost) {
		r = buf_append(&output, buf_slice(&s->o->kept));
		if (r == 0 && s->o->kept.n && s->message.n)
			r = buf_append(&output, SLICE(","));
		r = r ? r : buf_append(&output, buf_slice(&s->message));
	}
	r = r ? r : buf_append(&output, SLICE("]"));
	if (r == 0) {
		begin(s, SLICE("response.incomplete"));
		put_response(s, SLICE("incomplete"), s->c->usage, buf_slice(&output));
		r = end(s, SLICE("response.incomplete"));
	}
	buf_release(&output);
	return r;
}

static int say_end(struct ending_stream *s)
{
	const struct stream_open *o = s->o;
	bool text = o->begun ? o->kind == OPEN_TEXT : s->text.n > 0;
	bool message = text || o->kind == OPEN_OTHER;
	int r = o->begun ? 0 : say_start(s);
	if (o->lost) /* what has passed cannot be said again */
		message = text = false;
	if (r == 0 && text)
		r = join_text(s);
	if (r == 0 && text)
		r = end_text(s);
	if (r == 0 && message)
		r = end_message(s, text);
	return r ? r : say_incomplete(s);
}

int codec_openai_responses_cut(const struct stream_open *o, const struct stream_cut *c, struct buf *out)
{
	char text[CUT_TEXT_MAX], id[64];
	struct ending_stream s = {.o = o, .c = c, .out = out, .at = o->block, .part = o->part};
	if (o->ended)
		return 0;
	s.number = o->begun ? o->sequence + 1 : 0;
	s.item = name_get(&o->item);
	if (!o->begun)
		s.item = slice_make(id, (size_t)snprintf(id, sizeof id, "msg_%.50s", c->id));
	if (o->begun)
		s.said = buf_slice(&o->said);
	if (c->message.n)
		s.text = codec_cut_text(c->message, s.said.n > 0, text);
	buf_init(&s.json, 4 * STREAM_KEPT_MAX + EVENT_MAX);
	buf_init(&s.whole, STREAM_KEPT_MAX + CUT_TEXT_MAX * 6 + 2);
	buf_init(&s.message, 3 * STREAM_KEPT_MAX + EVENT_MAX);
	int r = say_end(&s);
	buf_release(&s.json);
	buf_release(&s.whole);
	buf_release(&s.message);
	return r;
}
