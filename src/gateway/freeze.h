/* The kill switch of a running gateway: who changes it, how every worker learns of it, and what it does to a
 * call. Effective on every worker in the turn of its loop that follows, for running streams too. */
#ifndef WEIR_GATEWAY_FREEZE_H
#define WEIR_GATEWAY_FREEZE_H

#include "gateway/context.h"
#include "policy/freeze.h"
#include "store/ledger.h"

struct freezer;

/* Reads what is frozen. on_change is called after each change, when shared->generation has moved; it wakes
 * the workers. */
struct freezer *freezer_new(struct shared *s, const struct ledger_ops *ops, slice store,
                            void (*on_change)(void *arg), void *arg, struct error *e);
void freezer_free(struct freezer *f);

/* From any thread but a worker's (both write to the ledger, with an audit row by what->by).
 * Freezing is in force first and written then: ERR_IO and the like mean that it holds, but that a start of
 * the gateway would forget it until it could be written, which is tried again. ERR_INVALID, ERR_FULL,
 * ERR_NOMEM: nothing has changed. Lifting is written first: on any error it is still frozen. ERR_NOT_FOUND:
 * it was not. */
int freezer_add(struct freezer *f, const struct freeze *what, struct error *e) WARN_UNUSED;
int freezer_remove(struct freezer *f, const struct freeze *what, struct error *e) WARN_UNUSED;
/* What is frozen now; unref it. */
struct freeze_set *freezer_get(struct freezer *f);
/* Now and then: what another process has written, and what could not be written before. */
void freezer_turn(struct freezer *f);

/* The worker has a new set: ends its calls that are frozen. */
void freeze_running(struct worker *w);

#endif
