/* Server-sent events. Two passes, both over whole runs of bytes: one finds where an event ends, across
 * pieces, by a state of one byte; the other, over the finished event, finds its fields. An event that lies
 * within one piece is never copied.
 *
 * After a CR the next byte decides whether the line end is CR or CRLF, so an event ended by a CR at the end
 * of a piece is held until that byte comes (or sse_finish): the events do not depend on how the stream was
 * cut. */
#include "text/sse.h"

#include <stdlib.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define KEEP 512 /* a spent buffer up to this size is kept for the next event */

enum {           /* sse.state */
       AT_START, /* of the stream: a byte order mark may come */
       AT_BOM1,  /* its first byte was seen */
       AT_BOM2,  /* its second too */
       AT_LINE,  /* the start of a line */
       IN_LINE,  /* in a line that has at least one byte */
       AFTER_CR, /* a line ended with CR; a LF belongs to it */
       BLANK_CR, /* a blank line ended with CR: the event is whole but for a LF that may belong to it */
};

void sse_init(struct sse *s, size_t max_event)
{
	*s = (struct sse){.max = max_event, .state = AT_START, .at_start = true};
}

void sse_release(struct sse *s)
{
	free(s->tail);
	free(s->joined);
	sse_init(s, s->max);
}

/* First CR or LF in [p, end), or end. */
static const char *line_end(const char *p, const char *end)
{
#if defined(__SSE2__)
	const __m128i lf = _mm_set1_epi8('\n'), cr = _mm_set1_epi8('\r');
	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)p);
		int bits = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(v, lf), _mm_cmpeq_epi8(v, cr)));
		if (bits)
			return p + __builtin_ctz((unsigned)bits);
	}
#endif
	while (p < end && *p != '\n' && *p != '\r')
		p++;
	return p;
}

/* Goes on through [p, end) from s->state to the end of the event and returns the byte behind it; NULL when it
 * is not there. */
static const char *event_end(struct sse *s, const char *p, const char *end)
{
	while (p < end) {
		char c = *p;
		switch (s->state) {
		case AT_START:
			s->state = c == '\xef' ? AT_BOM1 : AT_LINE;
			p += c == '\xef';
			break;
		case AT_BOM1:
			s->state = c == '\xbb' ? AT_BOM2 : IN_LINE;
			p += c == '\xbb';
			break;
		case AT_BOM2:
			s->state = c == '\xbf' ? AT_LINE : IN_LINE;
			p += c == '\xbf';
			break;
		case AFTER_CR:
			s->state = AT_LINE;
			p += c == '\n';
			break;
		case BLANK_CR:
			s->state = AT_LINE;
			return p + (c == '\n');
		case AT_LINE:
			if (c == '\n')
				return p + 1;
			s->state = c == '\r' ? BLANK_CR : IN_LINE;
			p++;
			break;
		default:
			p = line_end(p, end);
			if (p < end) {
				s->state = *p == '\n' ? AT_LINE : AFTER_CR;
				p++;
			}
		}
	}
	return NULL;
}

/* Adds one more data line to what is joined so far. */
static bool join(struct sse *s, slice *data, slice line)
{
	size_t need = data->n + 1 + line.n;
	if (need > s->joined_cap) {
		size_t cap = need < 256 ? 256 : need + need / 2;
		char *grown = realloc(s->joined, cap);
		if (!grown)
			return false;
		if (data->p == s->joined)
			data->p = grown;
		s->joined = grown;
		s->joined_cap = cap;
	}
	if (data->p != s->joined && data->n)
		memcpy(s->joined, data->p, data->n);
	s->joined[data->n] = '\n';
	if (line.n)
		memcpy(s->joined + data->n + 1, line.p, line.n);
	*data = slice_make(s->joined, need);
	return true;
}

/* One line of the event, without its end. False when memory ran out. */
static bool field(struct sse *s, struct sse_event *e, slice line)
{
	const char *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
	slice name = line, value = slice_make(line.p + line.n, 0);
	if (colon) {
		name.n = (size_t)(colon - line.p);
		value = slice_make(colon + 1, line.n - name.n - 1);
		if (value.n && *value.p == ' ')
			value = slice_make(value.p + 1, value.n - 1);
	}
	if (slice_eq(name, SLICE("data"))) {
		if (e->has_data)
			return join(s, &e->data, value);
		e->data = value;
		e->has_data = true;
	} else if (slice_eq(name, SLICE("event"))) {
		e->name = value;
	}
	return true;
}

static int forward(const struct sse *s, slice raw, void *arg)
{
	return s->on_skipped && raw.n ? s->on_skipped(arg, raw) : 0;
}

/* Gives one whole event to the caller. */
static int give(struct sse *s, slice raw, int (*on_event)(void *, const struct sse_event *), void *arg)
{
	struct sse_event e = {.raw = raw};
	const char *p = raw.p, *end = p + raw.n;
	bool ok = true;
	if (s->at_start && slice_starts(raw, SLICE("\xef\xbb\xbf")))
		p += 3;
	s->at_start = false;
	while (ok && p < end) {
		const char *eol = line_end(p, end);
		if (eol > p && *p != ':')
			ok = field(s, &e, slice_make(p, (size_t)(eol - p)));
		p = eol + 1; /* CRLF gives one more empty line, which is nothing */
	}
	if (!ok)
		s->skipped++;
	int stop = ok ? on_event(arg, &e) : forward(s, raw, arg);
	if (s->joined_cap > KEEP) {
		free(s->joined);
		s->joined = NULL;
		s->joined_cap = 0;
	}
	return stop;
}

static void drop_tail(struct sse *s)
{
	s->n = 0;
	if (s->cap > KEEP) {
		free(s->tail);
		s->tail = NULL;
		s->cap = 0;
	}
}

/* Keeps bytes of an unfinished event. Over the largest size, or without memory, the event is given up. */
static int keep(struct sse *s, slice more, void *arg)
{
	if (s->skipping)
		return forward(s, more, arg);
	if (more.n == 0)
		return 0;
	size_t need = s->n + more.n;
	if (more.n <= s->max && need <= s->max && need > s->cap) {
		size_t cap = need < 256 ? 256 : s->n ? need + need / 2 : need;
		if (cap > s->max)
			cap = s->max;
		char *grown = realloc(s->tail, cap);
		if (grown) {
			s->tail = grown;
			s->cap = cap;
		}
	}
	if (more.n > s->max || need > s->max || need > s->cap) {
		s->skipping = true;
		s->at_start = false;
		s->skipped++;
		int stop = forward(s, slice_make(s->tail, s->n), arg);
		drop_tail(s);
		return stop ? stop : forward(s, more, arg);
	}
	memcpy(s->tail + s->n, more.p, more.n);
	s->n = need;
	return 0;
}

/* The event whose last bytes, or whole, are `rest`. */
static int complete(struct sse *s, slice rest, int (*on_event)(void *, const struct sse_event *), void *arg)
{
	int stop = 0;
	if (s->n || s->skipping)
		stop = keep(s, rest, arg);
	if (s->skipping) {
		s->skipping = false;
	} else if (s->n) {
		stop = give(s, slice_make(s->tail, s->n), on_event, arg);
		drop_tail(s);
	} else if (rest.n > s->max) {
		s->at_start = false;
		s->skipped++;
		stop = forward(s, rest, arg);
	} else {
		stop = give(s, rest, on_event, arg);
	}
	return stop;
}

int sse_feed(struct sse *s, slice piece, int (*on_event)(void *arg, const struct sse_event *e), void *arg)
{
	if (piece.n == 0)
		return 0;
	const char *p = piece.p, *end = p + piece.n;
	while (p < end) {
		const char *to = event_end(s, p, end);
		if (!to)
			return keep(s, slice_make(p, (size_t)(end - p)), arg);
		int stop = complete(s, slice_make(p, (size_t)(to - p)), on_event, arg);
		if (stop)
			return stop;
		p = to;
	}
	return 0;
}

int sse_finish(struct sse *s, int (*on_event)(void *arg, const struct sse_event *e), void *arg)
{
	int stop = s->n ? give(s, slice_make(s->tail, s->n), on_event, arg) : 0;
	unsigned long long skipped = s->skipped;
	sse_release(s);
	s->skipped = skipped;
	return stop;
}

slice sse_pending(const struct sse *s)
{
	return slice_make(s->tail, s->n);
}
