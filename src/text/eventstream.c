/* A message that lies within one piece is never copied. The prelude's sum is checked before its lengths are
 * believed, so that a stream that is not one is given up at its first 12 bytes. */
#include "text/eventstream.h"

#include <stdlib.h>

#include "base/crc32.h"

#define PRELUDE     12
#define SUM         4
#define LEAST       (PRELUDE + SUM)
#define HEADERS_MAX ((size_t)128 << 10) /* of the specification */
#define KEEP        4096                /* a spent buffer up to this size is kept for the next message */

void eventstream_init(struct eventstream *s, size_t max_message)
{
	*s = (struct eventstream){.max = max_message};
}

void eventstream_release(struct eventstream *s)
{
	free(s->tail);
	eventstream_init(s, s->max);
}

static uint32_t u32(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Bytes of a value of fixed size; -1: a length of 16 bits stands before it. */
static const signed char sizes[EVENTSTREAM_TYPES] = {
    [EVENTSTREAM_TRUE] = 0, [EVENTSTREAM_FALSE] = 0, [EVENTSTREAM_BYTE] = 1,   [EVENTSTREAM_I16] = 2,
    [EVENTSTREAM_I32] = 4,  [EVENTSTREAM_I64] = 8,   [EVENTSTREAM_BYTES] = -1, [EVENTSTREAM_STRING] = -1,
    [EVENTSTREAM_TIME] = 8, [EVENTSTREAM_UUID] = 16,
};

bool eventstream_header(slice headers, size_t *at, slice *name, enum eventstream_type *type, slice *value)
{
	const unsigned char *p = (const unsigned char *)headers.p;
	size_t i = *at, n;
	if (i >= headers.n)
		return false;
	n = p[i++];
	if (n == 0 || headers.n - i < n + 1)
		return false;
	*name = slice_sub(headers, i, i + n);
	i += n;
	unsigned kind = p[i++];
	if (kind >= EVENTSTREAM_TYPES)
		return false;
	n = (size_t)sizes[kind];
	if (sizes[kind] < 0) {
		if (headers.n - i < 2)
			return false;
		n = (size_t)p[i] << 8 | p[i + 1];
		i += 2;
	}
	if (headers.n - i < n)
		return false;
	*type = (enum eventstream_type)kind;
	*value = slice_sub(headers, i, i + n);
	*at = i + n;
	return true;
}

/* False when the headers are not what the format has. */
static bool read_headers(struct eventstream_message *m)
{
	static const slice types[] = {{":event-type", 11}, {":exception-type", 15}, {":error-code", 11}};
	size_t at = 0;
	slice name, value;
	enum eventstream_type type;
	while (eventstream_header(m->headers, &at, &name, &type, &value)) {
		if (type != EVENTSTREAM_STRING)
			continue;
		for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
			if (slice_eq(name, types[i]))
				m->type = value;
		if (slice_eq(name, SLICE(":message-type")))
			m->message_type = value;
		else if (slice_eq(name, SLICE(":content-type")))
			m->content_type = value;
		else if (slice_eq(name, SLICE(":error-message")))
			m->error_message = value;
	}
	return at == m->headers.n;
}

/* The whole message's length by its prelude, whose bytes p has; 0 when it is none. */
static size_t length_of(const char *p)
{
	size_t total = u32(p), headers = u32(p + 4);
	if (crc32_of(0, slice_make(p, PRELUDE - SUM)) != u32(p + PRELUDE - SUM))
		return 0;
	return total >= LEAST && headers <= HEADERS_MAX && headers <= total - LEAST ? total : 0;
}

/* Gives one whole message to the caller. */
static int give(struct eventstream *s, slice raw,
                int (*on_message)(void *, const struct eventstream_message *), void *arg)
{
	size_t headers = u32(raw.p + 4);
	struct eventstream_message m = {.raw = raw,
	                                .headers = slice_sub(raw, PRELUDE, PRELUDE + headers),
	                                .payload = slice_sub(raw, PRELUDE + headers, raw.n - SUM)};
	if (crc32_of(0, slice_make(raw.p, raw.n - SUM)) != u32(raw.p + raw.n - SUM) || !read_headers(&m)) {
		s->skipped++;
		return 0;
	}
	return on_message(arg, &m);
}

static void drop_tail(struct eventstream *s)
{
	s->n = 0;
	if (s->cap > KEEP) {
		free(s->tail);
		s->tail = NULL;
		s->cap = 0;
	}
}

static bool reserve(struct eventstream *s, size_t want)
{
	if (want <= s->cap)
		return true;
	char *grown = realloc(s->tail, want);
	if (!grown)
		return false;
	s->tail = grown;
	s->cap = want;
	return true;
}

/* Moves bytes of the piece to the tail until it has `want`; false when the piece is spent before. */
static bool fill(struct eventstream *s, slice *piece, size_t want)
{
	size_t n = want - s->n < piece->n ? want - s->n : piece->n;
	if (n)
		memcpy(s->tail + s->n, piece->p, n);
	s->n += n;
	*piece = slice_sub(*piece, n, piece->n);
	return s->n == want;
}

/* Begins to pass over `total` bytes of which `here` are there already. */
static void skip_message(struct eventstream *s, size_t total, size_t here)
{
	s->skipped++;
	s->skip = total - here;
	drop_tail(s);
}

/* Goes on with the message whose first bytes are in the tail. */
static int go_on(struct eventstream *s, slice *piece,
                 int (*on_message)(void *, const struct eventstream_message *), void *arg)
{
	if (s->n < PRELUDE && !fill(s, piece, PRELUDE))
		return 0;
	size_t total = length_of(s->tail);
	if (total == 0) {
		s->broken = true;
		drop_tail(s);
		return 0;
	}
	if (total > s->max || !reserve(s, total)) {
		skip_message(s, total, s->n);
		return 0;
	}
	if (!fill(s, piece, total))
		return 0;
	int stop = give(s, slice_make(s->tail, total), on_message, arg);
	drop_tail(s);
	return stop;
}

/* The next message of a piece, from its first byte on. */
static int begin(struct eventstream *s, slice *piece,
                 int (*on_message)(void *, const struct eventstream_message *), void *arg)
{
	size_t total = piece->n >= PRELUDE ? length_of(piece->p) : 0;
	if (piece->n >= PRELUDE && total == 0) {
		s->broken = true;
		return 0;
	}
	if (total > s->max) {
		skip_message(s, total, 0);
		return 0;
	}
	if (total && piece->n >= total) {
		slice raw = slice_sub(*piece, 0, total);
		*piece = slice_sub(*piece, total, piece->n);
		return give(s, raw, on_message, arg);
	}
	if (reserve(s, total ? total : PRELUDE)) {
		fill(s, piece, total ? total : PRELUDE);
	} else if (total) {
		skip_message(s, total, 0);
	} else { /* not even room for a prelude */
		s->skipped++;
		s->broken = true;
	}
	return 0;
}

int eventstream_feed(struct eventstream *s, slice piece,
                     int (*on_message)(void *arg, const struct eventstream_message *m), void *arg)
{
	int stop = 0;
	while (piece.n && !s->broken && !stop) {
		if (s->skip) {
			size_t n = s->skip < piece.n ? s->skip : piece.n;
			s->skip -= n;
			piece = slice_sub(piece, n, piece.n);
		} else if (s->n) {
			stop = go_on(s, &piece, on_message, arg);
		} else {
			stop = begin(s, &piece, on_message, arg);
		}
	}
	return stop;
}

size_t eventstream_pending(const struct eventstream *s)
{
	return s->n;
}

/* --- writing ------------------------------------------------------------------------------------------- */

static char *put_u32(char *p, size_t v)
{
	*p++ = (char)(v >> 24 & 255);
	*p++ = (char)(v >> 16 & 255);
	*p++ = (char)(v >> 8 & 255);
	*p++ = (char)(v & 255);
	return p;
}

static char *put_bytes(char *p, slice s)
{
	memcpy(p, s.p, s.n);
	return p + s.n;
}

static char *put_header(char *p, slice name, slice value)
{
	*p++ = (char)name.n;
	p = put_bytes(p, name);
	*p++ = EVENTSTREAM_STRING;
	*p++ = (char)(value.n >> 8 & 255);
	*p++ = (char)(value.n & 255);
	return put_bytes(p, value);
}

int eventstream_write(struct buf *out, slice type, slice json)
{
	const slice headers[][2] = {{SLICE(":event-type"), type},
	                            {SLICE(":content-type"), SLICE("application/json")},
	                            {SLICE(":message-type"), SLICE("event")}};
	size_t n = 0;
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
		n += 4 + headers[i][0].n + headers[i][1].n;
	size_t whole = PRELUDE + n + json.n + SUM;
	char *start = buf_reserve(out, whole), *p = start;
	if (start == NULL)
		return buf_room(out) < whole ? ERR_FULL : ERR_NOMEM;
	p = put_u32(p, whole);
	p = put_u32(p, n);
	p = put_u32(p, crc32_of(0, slice_make(start, PRELUDE - SUM)));
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
		p = put_header(p, headers[i][0], headers[i][1]);
	p = put_bytes(p, json);
	put_u32(p, crc32_of(0, slice_make(start, whole - SUM)));
	buf_commit(out, whole);
	return 0;
}
