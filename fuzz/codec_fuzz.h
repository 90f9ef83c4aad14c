/* What the fuzz targets of the codecs share. The first byte chooses, the rest is the input:
 *   q  a request: what is read lies in the body, which is valid JSON; what is sent is valid JSON too
 *   a  a whole answer     e  the data lines of a stream, one a line, for a client that asked for usage
 *   u  the same for one that did not: what is edited stays valid JSON */
#ifndef WEIR_FUZZ_CODEC_H
#define WEIR_FUZZ_CODEC_H

#include <stdint.h>
#include <stdlib.h>

#include "codec/codec.h"
#include "text/eventstream.h"

#define ENSURE(condition)                                                                                    \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			__builtin_trap();                                                                    \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void ensure_within(slice part, slice whole)
{
	ENSURE(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

/* A range of the body that is one JSON value. */
static inline void ensure_value(slice part, slice body)
{
	size_t at;
	ensure_within(part, body);
	ENSURE(part.n == 0 || json_validate(part, &at) == NULL);
}

static inline char *applied(const struct json_edits *edits, slice source, size_t *n)
{
	*n = json_edits_size(edits, source);
	char *out = malloc(*n ? *n : 1);
	ENSURE(out);
	json_edits_apply(edits, source, out);
	return out;
}

static inline void ensure_prepared(const struct codec_ops *c, const struct target *t,
                                   const struct request_view *v, struct arena *mem)
{
	struct json_edits edits;
	struct request_view again;
	struct error e;
	size_t n, at;
	json_edits_init(&edits);
	if (!c->prepare)
		return;
	ENSURE(c->prepare(v, &edits, mem) == 0);
	char *sent = applied(&edits, v->body, &n);
	ENSURE(json_validate(slice_make(sent, n), &at) == NULL);
	ENSURE(c->request(t, slice_make(sent, n), mem, &again, &e) == 0);
	ENSURE(again.wants_usage == (v->wants_usage || v->stream));
	ENSURE(slice_eq(again.model, v->model) && again.max_output == v->max_output &&
	       again.stream == v->stream);
	free(sent);
}

/* Items lie in the body, in its order of spans, at least one a span. */
struct fuzz_items {
	const struct codec_ops *codec;
	const struct request_view *v;
	const struct body_span *span;
	size_t n;
};

static inline void ensure_text(const json_str *s, slice body)
{
	if (s->raw.n == 0 || s->raw.p < body.p || s->raw.p > body.p + body.n)
		return; /* names of built-in tools are Weir's own */
	ensure_within(s->raw, body);
	/* a part of an escaped text (a data URL's bytes) may have no escape itself */
	ENSURE(s->escaped || slice_find_char(s->raw, '\\') < 0);
}

static inline int fuzz_item(void *arg, const struct body_item *it)
{
	struct fuzz_items *i = arg;
	const json_str *texts[] = {&it->text,       &it->name, &it->space, &it->call_id,
	                           &it->media_type, &it->data, &it->url,   &it->detail};
	ENSURE(it->kind < ITEM_KINDS && it->span == i->span && it->first == (i->n == 0));
	ensure_value(it->raw, i->v->body);
	ensure_value(it->json, i->v->body);
	ensure_within(it->text.raw, i->v->body);
	ensure_within(it->data.raw, i->v->body);
	ENSURE(!it->text.raw.p || !it->json.p);
	for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
		ensure_text(texts[k], i->v->body);
	i->n++;
	return i->n >= 100000;
}

static inline int fuzz_span(void *arg, const struct body_span *s)
{
	struct fuzz_items *i = arg;
	i->span = s;
	i->n = 0;
	ensure_value(s->raw, i->v->body);
	ENSURE(s->raw.n > 0 && s->index >= 0);
	int rc = i->codec->items(i->v, s, fuzz_item, i);
	ENSURE(i->n > 0);
	return rc;
}

static inline void fuzz_request(const struct codec_ops *c, enum api api, slice body)
{
	struct target t = {.api = api, .model = SLICE("m"), .stream = true};
	struct arena mem;
	struct request_view v;
	struct error e = {0};
	size_t at;
	arena_init(&mem, 1 << 20);
	int rc = c->request(&t, body, &mem, &v, &e);
	if (rc == 0) {
		ENSURE(json_validate(body, &at) == NULL);
		/* The change of a cache names none. */
		ENSURE((v.model.n > 0 || api == API_GEMINI_CACHES) && v.choices >= 1 &&
		       v.max_output >= TOKENS_ABSENT);
		ensure_value(v.model_raw, body);
		ensure_value(v.max_output_raw, body);
		ensure_value(v.system, body);
		ensure_value(v.tools, body);
		ensure_value(v.messages, body);
		ensure_value(v.client_metadata, body);
		ensure_value(v.stream_options, body);
		ensure_prepared(c, &t, &v, &mem);
		struct fuzz_items items = {.codec = c, .v = &v};
		if (c->items)
			body_spans(&v, fuzz_span, &items);
	} else {
		ENSURE(rc == ERR_INVALID || rc == ERR_NOMEM);
		ENSURE(e.text[0] && e.offset <= body.n);
	}
	arena_release(&mem);
}

static inline void ensure_sane(const struct answer *a)
{
	for (int i = 0; i < METER_N; i++)
		ENSURE(a->usage.m[i] >= TOKENS_ABSENT);
	ENSURE(a->parts_n <= USAGE_PARTS_MAX && a->tool_calls >= 0 && a->server_tool_calls >= 0);
	ENSURE(a->text_bytes >= 0 && a->thinking_bytes >= 0 && a->tool_bytes >= 0);
	ENSURE(a->model.n <= NAME_MAX_BYTES && a->stop_reason.n <= NAME_MAX_BYTES &&
	       a->id.n <= NAME_MAX_BYTES);
}

/* Each event of an early end is one JSON value, or the dialect's last word. */
static inline int ensure_event(void *arg, const struct sse_event *e)
{
	size_t at;
	(void)arg;
	ENSURE(e->has_data);
	ENSURE(slice_eq(e->data, SLICE("[DONE]")) || json_validate(e->data, &at) == NULL);
	return 0;
}

static inline int ensure_message(void *arg, const struct eventstream_message *m)
{
	size_t at;
	(void)arg;
	ENSURE(m->type.n && json_validate(m->payload, &at) == NULL);
	return 0;
}

static inline void ensure_lines(slice out)
{
	slice line;
	size_t at;
	ENSURE(out.n == 0 || slice_ends(out, SLICE("\n")));
	while (slice_split(&out, '\n', &line))
		ENSURE(line.n == 0 || json_validate(line, &at) == NULL);
}

static inline void ensure_cut(const struct codec_ops *c, const struct request_view *v, const struct answer *a,
                              struct stream_open *o, bool frames)
{
	struct buf out;
	struct stream_cut cut = {
	    .message = SLICE("\"no\"\n"), .usage = &a->usage, .answer = a, .view = v, .id = "x"};
	buf_init(&out, 8 << 20);
	if (c->cut) {
		ENSURE(c->cut(o, &cut, &out) == 0);
		struct sse sse;
		struct eventstream es;
		sse_init(&sse, 8 << 20);
		eventstream_init(&es, 8 << 20);
		if (frames)
			eventstream_feed(&es, buf_slice(&out), ensure_message, NULL);
		else if (c->cut == codec_ollama_cut)
			ensure_lines(buf_slice(&out));
		else
			sse_feed(&sse, buf_slice(&out), ensure_event, NULL);
		ENSURE(sse_pending(&sse).n == 0 && eventstream_pending(&es) == 0 && es.skipped == 0);
		sse_release(&sse);
		eventstream_release(&es);
	}
	buf_release(&out);
	buf_release(&o->kept);
	buf_release(&o->parts);
	buf_release(&o->said);
}

static inline void fuzz_stream(const struct codec_ops *c, slice lines, bool asked)
{
	struct request_view v = {.stream = true, .wants_usage = asked, .choices = 1, .model = SLICE("m")};
	struct stream_open open = {.begun = false};
	struct answer a;
	slice data;
	size_t at, n;
	answer_init(&a);
	buf_init(&open.kept, STREAM_KEPT_MAX);
	buf_init(&open.parts, STREAM_KEPT_MAX);
	buf_init(&open.said, STREAM_KEPT_MAX);
	while (slice_split(&lines, '\n', &data)) {
		struct sse_event e = {.raw = data, .data = data, .has_data = true};
		struct json_edits edits;
		json_edits_init(&edits);
		enum event_action act = c->event(&e, &v, &a, &edits);
		ensure_sane(&a);
		if (c->follow)
			c->follow(&e, &open);
		ENSURE(act == EVENT_PASS || c->edits_stream(&v));
		if (act != EVENT_EDIT)
			continue;
		char *out = applied(&edits, data, &n);
		ENSURE(n < data.n && json_validate(slice_make(out, n), &at) == NULL);
		free(out);
	}
	ensure_cut(c, &v, &a, &open,
	           c->cut == codec_bedrock_converse_cut || c->cut == codec_bedrock_invoke_cut);
}

static inline int fuzz_codec(const struct codec_ops *c, enum api api, const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	/* a copy of its own, so that a read past the end is seen */
	char *copy = malloc(size);
	struct answer a;
	ENSURE(copy);
	memcpy(copy, data + 1, size - 1);
	slice in = slice_make(copy, size - 1);
	switch (data[0]) {
	case 'q':
		fuzz_request(c, api, in);
		break;
	case 'a':
		answer_init(&a);
		c->answer(in, &a);
		ensure_sane(&a);
		break;
	case 'e':
		fuzz_stream(c, in, true);
		break;
	case 'u':
		fuzz_stream(c, in, false);
		break;
	default:
		break;
	}
	free(copy);
	return 0;
}

#endif
