/* What is taken up while the gateway runs: keys that another process wrote, settings of a changed file. */
#ifndef WEIR_GATEWAY_RELOAD_H
#define WEIR_GATEWAY_RELOAD_H

#include "gateway/context.h"
#include "store/ledger.h"

struct reload;

/* on_change is called after shared->generation has moved. config n 0: nothing to watch. */
struct reload *reload_new(struct shared *s, slice config, const struct ledger_ops *ops, slice store,
                          void (*on_change)(void *arg), void *arg, struct error *e);
void reload_free(struct reload *r);
/* Reads the keys now. */
int reload_keys(struct reload *r, struct error *e) WARN_UNUSED;
/* A few times a second: keys when their version moved; the settings when asked (SIGHUP) or when their files
 * changed. A bad file leaves the old settings in force and says why in the log. */
void reload_turn(struct reload *r, bool asked);

#endif
