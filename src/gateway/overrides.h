/* Limits lifted: the store's overrides put into the counters of this process, at the start, when the API or
 * another process made one, and taken out again when they end. */
#ifndef WEIR_GATEWAY_OVERRIDES_H
#define WEIR_GATEWAY_OVERRIDES_H

#include "gateway/context.h"
#include "policy/budget.h"
#include "store/ledger.h"

struct overrides;

struct overrides *overrides_new(struct shared *s, const struct ledger_ops *ops, slice store, struct error *e);
void overrides_free(struct overrides *o);
/* Now and then, and after a change. From any thread but a worker's. */
int overrides_turn(struct overrides *o, struct error *e);

/* What a counter counts for, as facts: scope is a JSON object of the fields of `each`. False when it is none,
 * or the budget counts by a field that a scope cannot say. r and f belong together and to mem. */
bool overrides_facts(const struct budget_rule *rule, slice scope, int64_t now_ms, struct arena *mem,
                     struct record *r, struct facts *f);
/* The window that holds at an instant: [from, to); a rolling one begins now. */
void overrides_window(const struct window *w, const struct zone *zone, int64_t now_ms, int64_t *from_ms,
                      int64_t *to_ms);

#endif
