/* The books of the budgets: sums kept beside the rows, from which the counters are made at a start, and when
 * a budget is new.
 *
 * The ledger's writer adds each row to the sums of the budgets it falls under, in the row's own transaction
 * (books_hook). A budget whose sums are not there, or that counts something else than they do, has them made
 * from the rows, in that writer too, before its next row. So sums and rows never differ, whenever the process
 * is killed.
 *
 * At a start the journal's rows are written first; then the counters are loaded, and calls let in. Budgets of
 * changed settings are loaded once every worker counts by them and what was settled before is written; what
 * ends in between waits (budget_charge), and counts unless its row is among those that the sums are of. */
#ifndef WEIR_GATEWAY_BOOKS_H
#define WEIR_GATEWAY_BOOKS_H

#include "gateway/context.h"
#include "store/writer.h"

struct books;

/* Workers: to know when all have taken new settings; may be added later. */
struct books *books_new(struct shared *s, const struct ledger_ops *ops, slice store);
void books_free(struct books *b);
/* For writer_start_with. */
struct writer_hook books_hook(struct books *b);
/* The sums of a row that does not come by that writer, in the transaction that has added it. */
int books_row(const struct ledger_ops *ops, struct ledger *l, const struct settings *s,
              const struct record *r, struct error *e) WARN_UNUSED;
/* Housekeeping, some times a second: loads what is not loaded yet. ready: all workers have the settings of
 * that generation. True when every budget of the settings is loaded. */
bool books_turn(struct books *b, struct writer *w, const struct worker *workers, int workers_n);

#endif
