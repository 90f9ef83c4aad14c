/* A worker: one thread, one epoll, one server, one client side. A call never changes threads. */
#ifndef WEIR_GATEWAY_WORKER_H
#define WEIR_GATEWAY_WORKER_H

#include "gateway/context.h"

/* Sets up everything but the thread; takes over listen_fd. */
int worker_init(struct worker *w, struct shared *shared, unsigned index, int listen_fd,
                struct error *e) WARN_UNUSED;
/* The thread's function; arg is the worker. Returns when the gateway drains and no call is left, or
 * worker_stop was called. */
void *worker_main(void *arg);
/* From any thread: look at the shared state again (new settings, draining). */
void worker_wake(struct worker *w);
/* From any thread: end running calls now, book them, and return. */
void worker_stop(struct worker *w);
void worker_release(struct worker *w);

#endif
