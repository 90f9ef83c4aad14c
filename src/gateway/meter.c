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
}

void meter_release(struct stream_meter *m)
{
	if (m->mode == METER_EVENTS)
		sse_release(&m->sse);
	m->mode = METER_PASS;
}

void meter_begin(struct stream_meter *m, enum meter_mode mode, size_t max_event)
{
	m->mode = m->codec ? mode : METER_PASS;
	if (m->mode != METER_EVENTS)
		return;
	sse_init(&m->sse, max_event);
	m->edits = m->codec->edits_stream && m->codec->edits_stream(m->view);
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

static int on_event(void *arg, const struct sse_event *e)
{
	struct stream_meter *m = arg;
	struct json_edits edits;
	json_edits_init(&edits);
	enum event_action action = m->codec->event(e, m->view, &m->answer, &edits);
	if (!m->edits || action == EVENT_DROP)
		return 0;
	return action == EVENT_EDIT ? append_edited(m->out, e, &edits) : buf_append(m->out, e->raw);
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
	if (m->mode != METER_EVENTS)
		return 0;
	int r = sse_feed(&m->sse, piece, on_event, m);
	if (m->sse.skipped)
		m->lost = true;
	return r;
}

int meter_finish(struct stream_meter *m, struct buf *out)
{
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
}

int64_t meter_estimate(int64_t bytes)
{
	return bytes / 4 + (bytes % 4 != 0);
}

enum usage_source meter_usage(const struct stream_meter *m, size_t body_bytes, bool abandoned,
                              struct usage *out)
{
	const struct answer *a = &m->answer;
	*out = a->usage;
	bool whole = a->has_usage && !(abandoned && !a->ended);
	if (whole && out->m[METER_INPUT] != TOKENS_ABSENT)
		return SOURCE_REPORTED;
	int64_t seen = a->text_bytes + a->thinking_bytes + a->tool_bytes;
	/* Something could not be read: all that passed is taken for output, rather too much than too little.
	 */
	int64_t counted = meter_estimate(m->lost ? num_max_i64(seen, (int64_t)m->passed) : seen);
	out->m[METER_OUTPUT] = num_max_i64(out->m[METER_OUTPUT], counted);
	if (out->m[METER_INPUT] == TOKENS_ABSENT)
		out->m[METER_INPUT] = meter_estimate((int64_t)body_bytes);
	return SOURCE_COUNTED;
}
