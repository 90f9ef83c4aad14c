/* Server-sent events (WHATWG HTML, section 9.2), framed without losing a byte: each event is given with the
 * exact bytes it came in, blank line included, so that it can be passed on, changed or left out. */
#ifndef WEIR_TEXT_SSE_H
#define WEIR_TEXT_SSE_H

#include "base/slice.h"

struct sse_event {
	slice raw;  /* the event's bytes as they came, its ending blank line included */
	slice name; /* the last `event:` field's value; n 0 when absent */
	slice data; /* the `data:` value; several data lines are joined by \n. n 0 when there is none
	               (comments, pings) */
	bool has_data;
	bool fault; /* not of SSE: the message of an AWS event stream is an exception or an error */
};

/* Carries what is left of an event over to the next piece. */
struct sse {
	char *tail;    /* owned; malloc */
	size_t n, cap; /* bytes kept, bytes allocated */
	size_t max;    /* largest event framed; a larger one is skipped and counted */
	char *joined;  /* owned; scratch for several data lines */
	size_t joined_cap;
	unsigned long long skipped; /* events over max, or lost for want of memory */
	unsigned char state;        /* where in a line the stream stands */
	bool skipping, at_start;
	/* May be set after sse_init: is given the bytes of skipped events, in pieces and in order with the
	 * events, so that a caller who passes events on loses none. Nonzero stops as on_event does. */
	int (*on_skipped)(void *arg, slice raw);
};

void sse_init(struct sse *s, size_t max_event);
void sse_release(struct sse *s);

/* Feeds one piece of the stream; calls on_event for each event completed by it, in order, its slices valid
 * during the call only. CRLF, LF and CR line ends, a leading BOM, pieces cut anywhere (the events are the
 * same however the stream is cut; a blank line on its own is an event with neither name nor data). on_event
 * returning nonzero stops and is returned, the rest of the piece being dropped; else 0. */
int sse_feed(struct sse *s, slice piece, int (*on_event)(void *arg, const struct sse_event *e), void *arg);

/* The stream has ended: what is left with no blank line after it, as one event (the standard drops it, but
 * some providers end so); same return as sse_feed. The memory is given back; the framer is then as new, but
 * for the count of what it skipped. */
int sse_finish(struct sse *s, int (*on_event)(void *arg, const struct sse_event *e), void *arg);

/* Bytes held back, not yet given as an event. */
slice sse_pending(const struct sse *s);

#endif
