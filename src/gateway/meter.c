#include "gateway/meter.h"

#include <stdlib.h>

#include "base/num.h"
#include "model/usage.h"

void meter_init(struct stream_meter *m, const struct codec_ops *codec, const struct request_view *view)
{
	memset(m, 0, sizeof *m);
	m->codec = codec;
	m->view = view;
	answer_init(&m->answer);
	m->input = TOKENS_ABSENT;
}

void meter_count_with(struct stream_meter *m, struct predictor *p, struct predict_scratch *s)
{
	m->predictor = s ? p : NULL;
	m->scratch = s;
}

static void on_said(void *arg, enum said_kind kind, slice raw)
{
	struct stream_meter *m = arg;
	said_add(&m->said, kind, raw);
}

void meter_release(struct stream_meter *m)
{
	if (m->mode == METER_EVENTS)
		sse_release(&m->sse);
	if (m->mode == METER_FRAMES)
		eventstream_release(&m->frames);
	said_release(&m->said);
	buf_release(&m->open.kept);
	buf_release(&m->open.parts);
	buf_release(&m->open.said);
	if (m->mode == METER_LINES)
		lines_release(&m->lines);
	m->mode = METER_PASS;
}

/* An event too large to be read goes on as it is: the client may know what to do with it. */
static int on_skipped(void *arg, slice raw)
{
	struct stream_meter *m = arg;
	return m->edits ? buf_append(m->out, raw) : 0;
}

void meter_begin(struct stream_meter *m, enum meter_mode mode, size_t max_event)
{
	m->mode = m->codec ? mode : METER_PASS;
	if (meter_is_stream(m) && m->predictor) {
		m->answer.said = on_said;
		m->answer.said_arg = m;
	}
	buf_init(&m->open.kept, STREAM_KEPT_MAX);
	buf_init(&m->open.parts, STREAM_KEPT_MAX);
	buf_init(&m->open.said, STREAM_KEPT_MAX);
	if (m->mode == METER_FRAMES)
		eventstream_init(&m->frames, max_event);
	if (m->mode == METER_LINES)
		lines_init(&m->lines, max_event);
	if (m->mode != METER_EVENTS)
		return;
	sse_init(&m->sse, max_event);
	m->sse.on_skipped = on_skipped;
	m->edits = m->codec->edits_stream && m->codec->edits_stream(m->view);
}

void meter_head(struct stream_meter *m, const struct headers *h)
{
	if (m->mode != METER_PASS && m->codec->head)
		m->codec->head(h, &m->answer);
}

unsigned long long meter_skipped(const struct stream_meter *m)
{
	if (m->mode == METER_FRAMES)
		return m->frames.skipped + m->frames.broken;
	if (m->mode == METER_LINES)
		return m->lines.skipped;
	return m->mode == METER_EVENTS ? m->sse.skipped : 0;
}

/* raw with edits applied to the data inside it. Edits are only asked for when data is one line, so it stands
 * in raw as it is. */
static int append_edited(struct buf *out, const struct sse_event *e, const struct json_edits *edits)
{
	ptrdiff_t at = slice_find(e->raw, e->data);
	if (at < 0)
		return buf_append(out, e->raw);
	size_t tail = (size_t)at + e->data.n, n = json_edits_size(edits, e->data);
	char *room = buf_reserve(out, (size_t)at + n + (e->raw.n - tail));
	if (room == NULL)
		return ERR_FULL;
	memcpy(room, e->raw.p, (size_t)at);
	json_edits_apply(edits, e->data, room + at);
	memcpy(room + at + n, e->raw.p + tail, e->raw.n - tail);
	buf_commit(out, (size_t)at + n + (e->raw.n - tail));
	return 0;
}

static void follow(struct stream_meter *m, const struct sse_event *e)
{
	if (m->codec->follow)
		m->codec->follow(e, &m->open);
}

static int on_event(void *arg, const struct sse_event *e)
{
	struct stream_meter *m = arg;
	struct json_edits edits;
	json_edits_init(&edits);
	enum event_action action = m->codec->event(e, m->view, &m->answer, &edits);
	follow(m, e);
	if (!m->edits || action == EVENT_DROP)
		return 0;
	return action == EVENT_EDIT ? append_edited(m->out, e, &edits) : buf_append(m->out, e->raw);
}

/* A message as the event it is; those of this framing always pass. */
static int on_message(void *arg, const struct eventstream_message *f)
{
	struct stream_meter *m = arg;
	struct json_edits none;
	struct sse_event e = {.raw = f->raw,
	                      .name = f->type,
	                      .data = f->payload,
	                      .has_data = f->payload.n > 0,
	                      .fault = !slice_eq(f->message_type, SLICE("event")) && f->message_type.n > 0};
	json_edits_init(&none);
	m->codec->event(&e, m->view, &m->answer, &none);
	follow(m, &e);
	return 0;
}

/* A line as the event it is; those always pass. */
static void on_line(void *arg, slice line)
{
	struct stream_meter *m = arg;
	struct json_edits none;
	struct sse_event e = {.raw = line, .data = line, .has_data = true};
	json_edits_init(&none);
	m->codec->event(&e, m->view, &m->answer, &none);
	follow(m, &e);
}

int meter_feed(struct stream_meter *m, slice piece, struct buf *out)
{
	m->passed += piece.n;
	m->out = out;
	/* What is forwarded as it came goes first: a full queue must leave the meter where it was. */
	if (m->mode != METER_EVENTS || !m->edits) {
		int r = buf_append(out, piece);
		if (r)
			return r;
	}
	if (!meter_is_stream(m))
		return 0;
	int r = 0;
	if (m->mode == METER_LINES)
		lines_feed(&m->lines, piece, on_line, m);
	else
		r = m->mode == METER_EVENTS ? sse_feed(&m->sse, piece, on_event, m)
		                            : eventstream_feed(&m->frames, piece, on_message, m);
	if (meter_skipped(m))
		m->lost = true;
	return r;
}

size_t meter_tail(const struct stream_meter *m)
{
	if (m->mode == METER_FRAMES)
		return m->frames.broken ? 0 : eventstream_pending(&m->frames);
	if (m->mode == METER_LINES)
		return m->lines.skipping ? 0 : m->lines.n;
	return m->mode == METER_EVENTS && !m->edits ? sse_pending(&m->sse).n : 0;
}

bool meter_can_cut(const struct stream_meter *m)
{
	if (!meter_is_stream(m) || m->codec->cut == NULL)
		return false;
	if (m->mode == METER_LINES)
		return !m->lines.skipping;
	return m->mode == METER_EVENTS ? !m->sse.skipping : !m->frames.broken && m->frames.skip == 0;
}

int meter_cut(struct stream_meter *m, struct stream_cut *c, struct buf *out)
{
	buf_drop_end(out, meter_tail(m));
	c->answer = &m->answer;
	c->view = m->view;
	int r = m->codec->cut(&m->open, c, out);
	meter_release(m);
	return r;
}

int meter_finish(struct stream_meter *m, struct buf *out)
{
	if (m->mode == METER_LINES)
		lines_finish(&m->lines, on_line, m);
	if (m->mode != METER_EVENTS)
		return 0;
	m->out = out;
	return sse_finish(&m->sse, on_event, m);
}

void meter_whole(struct stream_meter *m, slice body)
{
	if (m->codec && m->codec->answer)
		m->codec->answer(body, &m->answer);
	if (!m->answer.ended && !m->answer.has_usage) { /* not JSON, or not to its end */
		m->lost = true;
		m->passed = body.n;
	}
	if (m->predictor && m->codec && m->codec->answer &&
	    !m->answer.has_usage) { /* once more, to hear it */
		struct answer again;
		answer_init(&again);
		again.said = on_said;
		again.said_arg = m;
		m->codec->answer(body, &again);
	}
}

int64_t meter_estimate(int64_t bytes)
{
	return bytes / 4 + (bytes % 4 != 0);
}

static int64_t bytes_seen(const struct answer *a)
{
	return a->text_bytes + a->thinking_bytes + a->tool_bytes;
}

int64_t meter_count(const struct stream_meter *m)
{
	int64_t heard = 0, seen = bytes_seen(&m->answer);
	for (int k = 0; k < SAID_KINDS; k++)
		heard = num_sat_add_i64(heard, (int64_t)m->said.text[k].all);
	if (!m->predictor || heard == 0)
		return meter_estimate(seen);
	/* What was measured and could not be read as text comes by its bytes. */
	return num_sat_add_i64(said_count(&m->said, m->scratch, m->view ? m->view->model : SLICE_NONE),
	                       meter_estimate(num_max_i64(seen - heard, 0)));
}

bool meter_progress(const struct stream_meter *m, struct usage *noted)
{
	enum { STEP = 256 }; /* tokens; a note is not for every event */
	struct usage now = m->answer.usage;
	int64_t counted = meter_estimate(bytes_seen(&m->answer));
	if (!m->answer.has_usage) {
		int64_t *output = &now.m[METER_OUTPUT], before = noted->m[METER_OUTPUT];
		int64_t from = num_max_i64(before, 0);
		*output = num_max_i64(*output, counted < from + STEP ? before : counted);
	}
	if (memcmp(&now, noted, sizeof now) == 0)
		return false;
	*noted = now;
	return true;
}

/* What an answer that ended before its time may have cost beside what was seen of it: thinking that is only
 * told at the end. Not of answers in which thinking passes. */
static void add_hidden(const struct stream_meter *m, struct usage *out)
{
	const struct answer *a = &m->answer;
	if (!m->predictor || !m->view || a->thinking_bytes || a->has_usage || out->m[METER_REASONING] >= 0)
		return;
	int64_t hidden = predict_hidden(m->predictor, m->view), limit = m->view->max_output;
	if (limit >= 0 && hidden > limit - out->m[METER_OUTPUT])
		hidden = num_max_i64(limit - out->m[METER_OUTPUT], 0);
	if (hidden <= 0)
		return;
	out->m[METER_REASONING] = hidden;
	out->m[METER_OUTPUT] = num_sat_add_i64(out->m[METER_OUTPUT], hidden);
}

enum usage_source meter_usage(const struct stream_meter *m, size_t body_bytes, bool abandoned,
                              struct usage *out)
{
	const struct answer *a = &m->answer;
	*out = a->usage;
	bool whole = a->has_usage && !(abandoned && !a->ended);
	if (whole && out->m[METER_INPUT] != TOKENS_ABSENT && out->m[METER_OUTPUT] != TOKENS_ABSENT)
		return SOURCE_REPORTED;
	int64_t counted = meter_count(m);
	if (m->predictor && m->view)
		counted = predict_output(m->predictor, m->view, counted);
	/* Something could not be read: all that passed is taken for output, rather too much than too little.
	 */
	if (m->lost)
		counted = num_max_i64(counted, meter_estimate((int64_t)m->passed));
	/* What the answer's own end says of it stands. */
	if (abandoned || !a->ended || out->m[METER_OUTPUT] == TOKENS_ABSENT)
		out->m[METER_OUTPUT] = num_max_i64(out->m[METER_OUTPUT], counted);
	if (abandoned)
		add_hidden(m, out);
	if (out->m[METER_INPUT] == TOKENS_ABSENT)
		out->m[METER_INPUT] = m->input >= 0 ? m->input : meter_estimate((int64_t)body_bytes);
	return SOURCE_COUNTED;
}
