/* What the ledger's writer notes for alerts, on its thread: events, in the transaction of the row that they
 * are of, so that no crash loses one; and how often each provider erred of late. */
#ifndef WEIR_GATEWAY_ALERT_HOOK_H
#define WEIR_GATEWAY_ALERT_HOOK_H

#include "finops/alert_source.h"
#include "gateway/context.h"
#include "store/writer.h"

#define ALERT_PROVIDERS 64

struct alert_hook;
struct alert_hook *alert_hook_new(struct shared *s, const struct ledger_ops *ops);
void alert_hook_free(struct alert_hook *h);
struct writer_hook alert_hook_of(struct alert_hook *h, const struct writer_hook *inner);

/* From another thread: calls and errors of the last ALERT_PROVIDER_MINUTES, into those of out that have the
 * name, or new ones; how many there are then. */
size_t alert_hook_providers(struct alert_hook *h, struct alert_provider out[ALERT_PROVIDERS], size_t n);

#endif
