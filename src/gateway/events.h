/* Server-sent events of the console: at most one message a second, made once for all who may see the same,
 * and handed out to each.
 *
 * A topic is what one kind of reader sees: everything, or one user's own. It has a number for each message
 * and keeps the last EVENTS_KEPT of them. A client that comes with Last-Event-ID goes on behind that one; any
 * other, and one whose message is gone, first gets `state`, which is all there is. Then follow `change`
 * messages: what is in them replaces what was there; sessions are replaced one by one. A message that has no
 * member "budgets" or "freezes" says that those are as they were.
 *
 * Without a client the thread sleeps and nothing is computed. A client waits as a suspended connection of the
 * library; one that does not read falls behind the messages kept, and its stream is ended. */
#ifndef WEIR_GATEWAY_EVENTS_H
#define WEIR_GATEWAY_EVENTS_H

#include <microhttpd.h>

#include "gateway/console_api.h"

#define EVENTS_CLIENTS 64 /* at a time */
#define EVENTS_KEPT    32 /* messages of a topic */

struct events;

/* c must live as long. */
struct events *events_start(struct console_context *c, struct error *e);
/* Before the library's daemon is stopped: every client's stream ends. */
void events_close(struct events *v);
/* After it. */
void events_stop(struct events *v);

/* A response that streams to this reader from now on, for its connection; NULL and a reason in *why (lives
 * for ever) when there is no room. last: of Last-Event-ID; n 0: none. */
struct MHD_Response *events_open(struct events *v, struct MHD_Connection *connection,
                                 const struct console_reader *who, slice last, const char **why);
/* Clients that listen now, and streams ended because their client did not read. */
void events_stats(struct events *v, unsigned *clients, unsigned long long *dropped);

#endif
