/* Sessions between the process and the ledger: taken over at the start, written as they change, and paused,
 * resumed or stopped when another process (`weir session`) writes that. On the main thread. */
#ifndef WEIR_GATEWAY_SESSION_KEEPER_H
#define WEIR_GATEWAY_SESSION_KEEPER_H

#include "gateway/context.h"
#include "store/ledger.h"

struct session_keeper;

/* Makes shared->sessions, with those of the last week. NULL: without memory, calls then have no sessions. */
struct session_keeper *session_keeper_new(struct shared *s, const struct ledger_ops *ops, slice store);
/* Now and then; a ledger that cannot be written is tried again the next time. */
void session_keeper_turn(struct session_keeper *k);
/* Writes what is left; shared->sessions is freed. */
void session_keeper_free(struct session_keeper *k);

#endif
