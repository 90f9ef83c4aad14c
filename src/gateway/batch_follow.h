/* The thread that asks the providers about open batches and books their results, whether or not a client ever
 * fetches them. It has a connection of its own to the ledger, and the provider's credential out of the
 * settings; a batch of a provider without one is left to what passes. */
#ifndef WEIR_GATEWAY_BATCH_FOLLOW_H
#define WEIR_GATEWAY_BATCH_FOLLOW_H

#include "gateway/batch.h"
#include "gateway/context.h"
#include "store/ledger.h"

/* Puts the batches that the ledger keeps as open into the table, as far as they are saved; the thread looks
 * for the others. */
int batches_restore(struct shared *shared, const struct ledger_ops *ops, struct ledger *l,
                    struct error *e) WARN_UNUSED;

struct follower;

/* Batches of the last days are taken out of the ledger first. All pointers must live until follower_stop. */
struct follower *follower_start(struct shared *shared, const struct ledger_ops *ops, slice store,
                                struct error *e);
void follower_stop(struct follower *f);

#endif
