/* The client side: calls to providers on one libcurl multi handle a worker, driven by the worker's epoll. */
#ifndef WEIR_GATEWAY_UPSTREAM_H
#define WEIR_GATEWAY_UPSTREAM_H

#include "base/arena.h"
#include "gateway/context.h"

struct upstream_call; /* one transfer */

enum upstream_end {
	UPSTREAM_COMPLETE,    /* the answer came whole */
	UPSTREAM_UNREACHABLE, /* no connection: name, address, TLS */
	UPSTREAM_LOST,        /* the connection broke, or the answer is not HTTP */
};

struct upstream_handler {
	/* A connection to the provider stands and the request is about to be written; a second time when the
	 * first connection broke before all of it was out. */
	void (*on_leave)(void *arg);
	/* The final answer's head (1xx are skipped). Headers live during the call only. */
	void (*on_head)(void *arg, int status, const struct headers *h);
	/* A piece of the body; false: no room, give it again after upstream_resume. */
	bool (*on_body)(void *arg, slice piece);
	/* The transfer has ended and the call is gone after this. message: for a human, when it did not
	 * complete. */
	void (*on_end)(void *arg, enum upstream_end end, const char *message);
};

struct upstream_request {
	slice method, url; /* url NUL-terminated */
	const struct headers
	    *headers; /* end to end headers only; names and values are checked by the caller */
	slice body;   /* must live until on_head or on_end */
	const struct provider *provider; /* must live as long as the call */
	bool stream;                     /* small buffers */
};

struct upstream *upstream_new(struct worker *w);
void upstream_free(struct upstream *u); /* no calls may be under way */

/* Starts a call; mem keeps its header list until the end. NULL when out of memory. */
struct upstream_call *upstream_start(struct upstream *u, const struct upstream_request *r, struct arena *mem,
                                     const struct upstream_handler *handler, void *arg);
void upstream_resume(struct upstream_call *c);
/* Closes the provider's connection; no handler is called any more. May be called by a handler. */
void upstream_cancel(struct upstream_call *c);

/* All of the request's body is out, so that its bytes may go. */
bool upstream_body_sent(const struct upstream_call *c);

/* The loop's side: an event on a descriptor of ours, the timer (microseconds until it is due, -1 none), and
 * what has ended. */
void upstream_event(struct upstream *u, int fd, unsigned epoll_events);
int64_t upstream_timeout_us(const struct upstream *u);
void upstream_turn(struct upstream *u);

#endif
