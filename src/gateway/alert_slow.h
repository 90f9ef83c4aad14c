/* The questions over weeks that alerts need (forecasts of budgets, anomalies), asked by a thread of its own
 * with a connection of its own: on a large ledger they may take long, and what else is to be told does not
 * wait for them. Its answers are taken whole. */
#ifndef WEIR_GATEWAY_ALERT_SLOW_H
#define WEIR_GATEWAY_ALERT_SLOW_H

#include "finops/alert_source.h"
#include "gateway/context.h"

struct alert_slow;
/* NULL without memory or a thread. */
struct alert_slow *alert_slow_start(struct shared *s, const struct ledger_ops *ops, slice store);
/* Breaks off what it is asking. */
void alert_slow_stop(struct alert_slow *a);

/* Gives what was found since the last time to on_cause, and adds the kinds that it is all of to *kinds;
 * nothing when there is nothing new. 0, or what on_cause answered. */
int alert_slow_take(struct alert_slow *a, int (*on_cause)(void *arg, const struct alert_cause *c), void *arg,
                    uint64_t *kinds) WARN_UNUSED;

#endif
