/* Alerts of a running gateway: a thread that looks at what is so, keeps the book of it in the ledger, and
 * sends what is due; and a hook of the ledger's writer, which notes events in the transaction of the call's
 * own row. Nothing of it is on an event loop, and no call waits for it. docs/alerts.md. */
#ifndef WEIR_GATEWAY_ALERTS_H
#define WEIR_GATEWAY_ALERTS_H

#include "finops/alert_book.h"
#include "gateway/context.h"
#include "store/writer.h"

struct alerts;

/* Before the writer is started; NULL without memory. */
struct alerts *alerts_new(struct shared *s, const struct ledger_ops *ops, slice store);
/* For writer_start_with: inner is called first. */
struct writer_hook alerts_hook(struct alerts *a, const struct writer_hook *inner);
int alerts_start(struct alerts *a, struct writer *w, struct error *e) WARN_UNUSED;
/* Sends what is under way, for a moment, and ends the thread; before the writer is stopped. */
void alerts_stop(struct alerts *a);
/* After the writer was stopped. */
void alerts_free(struct alerts *a);

/* From any thread: a budget's threshold was passed, and it is to be looked at soon. */
void alerts_budget_moved(struct alerts *a);
void alerts_stats_get(struct alerts *a, struct alert_stats *out);

#endif
