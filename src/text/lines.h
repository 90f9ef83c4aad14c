/* JSON Lines (jsonlines.org, application/x-ndjson): one document a line, framed as it passes. */
#ifndef WEIR_TEXT_LINES_H
#define WEIR_TEXT_LINES_H

#include "base/slice.h"

/* Carries what is left of a line over to the next piece. */
struct lines {
	char *tail;    /* owned; malloc */
	size_t n, cap; /* bytes kept, bytes allocated */
	size_t max;    /* largest line given; a larger one is skipped and counted */
	bool skipping;
	unsigned long long skipped; /* lines over max, or lost for want of memory */
};

void lines_init(struct lines *l, size_t max_line);
void lines_release(struct lines *l);

/* Calls on_line for each line completed by the piece, in order, without its end (LF or CRLF); empty lines are
 * left out. The slice is valid during the call only. However the stream is cut, the lines are the same. */
void lines_feed(struct lines *l, slice piece, void (*on_line)(void *arg, slice line), void *arg);
/* The stream has ended: a last line without an end. */
void lines_finish(struct lines *l, void (*on_line)(void *arg, slice line), void *arg);

#endif
