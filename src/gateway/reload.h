/* What is taken up while the gateway runs: keys and rules that another process or the API wrote, settings of
 * a changed file. */
#ifndef WEIR_GATEWAY_RELOAD_H
#define WEIR_GATEWAY_RELOAD_H

#include "gateway/context.h"
#include "store/ledger.h"

struct reload;

/* on_change is called after shared->generation has moved. config n 0: nothing to watch. */
struct reload *reload_new(struct shared *s, slice config, const struct ledger_ops *ops, slice store,
                          void (*on_change)(void *arg), void *arg, struct error *e);
void reload_free(struct reload *r);
/* Reads now what the store has: keys, and the teams and budgets that the API made. From any thread but a
 * worker's. */
int reload_stored(struct reload *r, struct error *e);
/* A few times a second: keys when their version moved; the settings when asked (SIGHUP) or when their files
 * changed. A bad file leaves the old settings in force and says why in the log. */
void reload_turn(struct reload *r, bool asked);

#endif
