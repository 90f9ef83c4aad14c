/* The threads that answer questions to the ledger, so that the console's own thread waits for none: it takes
 * requests, streams events and takes telemetry meanwhile. Each has a connection to the ledger of its own, to
 * read; those that change something take turns. */
#ifndef WEIR_GATEWAY_CONSOLE_POOL_H
#define WEIR_GATEWAY_CONSOLE_POOL_H

#include "gateway/console_api.h"

#define CONSOLE_POOL_THREADS 3
#define CONSOLE_POOL_WAITING 128 /* jobs that wait at most */

struct console_pool;

/* run is called for each job, on a thread of the pool, with that thread's own context: base's, but for the
 * ledger. */
struct console_pool *console_pool_start(const struct console_context *base, slice store,
                                        void (*run)(void *arg, struct console_context *c, void *job),
                                        void *arg, struct error *e);
/* False when too many wait. */
bool console_pool_push(struct console_pool *p, void *job);
/* Runs what waits, then ends the threads; takes no more. */
void console_pool_stop(struct console_pool *p);
/* After it, when nobody pushes any more. */
void console_pool_free(struct console_pool *p);

#endif
