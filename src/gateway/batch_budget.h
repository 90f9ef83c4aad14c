/* What budgets hold for a batch: the creation's hold is not settled with the call but kept until the batch is
 * booked or lost, and then settled once, with what one whole reading of its results used. */
#ifndef WEIR_GATEWAY_BATCH_BUDGET_H
#define WEIR_GATEWAY_BATCH_BUDGET_H

#include "gateway/batch.h"
#include "policy/budget.h"

struct exchange;
struct shared;

/* Sums of one reading; zeroed to begin. */
struct batch_used {
	struct budget_need need;
	struct usage usage;
	bool any;
};
void batch_used_add(struct batch_used *u, const struct record *line);

/* At the creation's settlement: true when the batch has the call's hold now (which is left empty). */
bool batch_budget_keep(struct exchange *ex);
/* What is held for open batches goes on in these settings: of batches of an earlier process it is taken
 * again, in budgets that are new it is taken too (budget_carry). Again: nothing. fresh: only batches of an
 * earlier process. */
void batch_budget_carry(struct shared *shared, struct settings *s, bool fresh);
/* Ends an open batch and settles what is held for it; used NULL: nothing was. */
void batch_close(struct shared *s, struct batch *b, enum batch_state to, struct batch_used *used);

#endif
