/* What the tests of codecs share: usage as a line of text, requests and streams from literals. */
#ifndef WEIR_TESTS_CODEC_SUPPORT_H
#define WEIR_TESTS_CODEC_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/codec.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* "input_tokens=1 output_tokens=2": the meters that are known, in the order of METER_LIST. */
static inline const char *usage_text(const struct usage *u, char out[512])
{
	size_t n = 0;
	out[0] = '\0';
	for (int i = 0; i < METER_N; i++)
		if (u->m[i] != TOKENS_ABSENT)
			n += (size_t)snprintf(out + n, 512 - n, "%s%s=%lld", n ? " " : "",
			                      meter_name((enum meter)i), (long long)u->m[i]);
	return out;
}

/* Gives `want` in a case's own words when it fails. */
static inline void assert_text(const char *name, const char *got, const char *want)
{
	if (strcmp(got, want) != 0)
		fail_msg("%s:\n   got  %s\n   want %s", name, got, want);
}

static inline void assert_slice(const char *name, slice got, const char *want)
{
	if (!slice_eq(got, slice_of(want)))
		fail_msg("%s:\n   got  " SLICE_FMT "\n   want %s", name, SLICE_ARG(got), want);
}

/* One event of a stream whose data line is z; what the client gets is appended to out (may be NULL): the data
 * after edits, a line each. */
static inline void feed_data(const struct codec_ops *c, slice data, const struct request_view *v,
                             struct answer *a, struct buf *out)
{
	struct json_edits edits;
	json_edits_init(&edits);
	struct sse_event e = {.raw = data, .data = data, .has_data = true};
	enum event_action act = c->event(&e, v, a, &edits);
	if (!out || act == EVENT_DROP)
		return;
	size_t n = act == EVENT_EDIT ? json_edits_size(&edits, data) : data.n;
	char *p = buf_reserve(out, n + 1);
	assert_non_null(p);
	if (act == EVENT_EDIT)
		json_edits_apply(&edits, data, p);
	else
		memcpy(p, data.p, n);
	p[n] = '\n';
	buf_commit(out, n + 1);
}

/* A stream given as data lines, one a line. */
static inline void feed_lines(const struct codec_ops *c, const char *lines, const struct request_view *v,
                              struct answer *a, struct buf *out)
{
	slice rest = slice_of(lines), line;
	while (slice_split(&rest, '\n', &line))
		if (line.n)
			feed_data(c, line, v, a, out);
}

#endif
