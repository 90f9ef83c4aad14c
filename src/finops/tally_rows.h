/* Inside of finops/tally*.c: the tallies of a level with the row that each should have, and the rows that
 * they have in the ledger. */
#ifndef WEIR_FINOPS_TALLY_ROWS_H
#define WEIR_FINOPS_TALLY_ROWS_H

#include "finops/tally.h"

struct tally_item {
	struct tally tally;
	slice key;
	int64_t span_from_ms, span_until_ms;
	slice scope; /* only tallies of one are compared together */
	struct record
	    row; /* what should be in the ledger: usage, cost, price_id; the rest is set when it is booked */
	bool grouped, scoped; /* its tokens, its money were seen to */
};

struct tally_rows {
	int level;
	int64_t since_ms, until_ms;
	int64_t rows_since_ms, rows_until_ms; /* where rows of theirs can be */
	struct arena mem;
	struct tally_item *item; /* owned; in order of provider and span */
	size_t n, cap;
};

/* Those of one provider, span and scope. */
struct tally_run {
	slice provider;
	int64_t from_ms, until_ms;
	size_t first, n;
};

void tally_rows_init(struct tally_rows *r, int level, int64_t since_ms, int64_t until_ms, size_t max);
void tally_rows_release(struct tally_rows *r);
int tally_rows_read(const struct tally_book *b, struct tally_rows *r, struct error *e) WARN_UNUSED;
bool tally_next_run(const struct tally_rows *r, size_t *at, struct tally_run *out);
/* Makes the ledger's rows what the items' are. */
int tally_rows_book(const struct tally_book *b, struct tally_rows *r, struct tally_counts *n,
                    struct error *e) WARN_UNUSED;

/* A filter of `source` that leaves out the rows of tallies of a level and of coarser ones. */
slice tally_coarser(int level, struct arena *mem);
/* Whose price book its models are in; n 0: it does not tell. */
slice tally_vendor(const struct tally *t);

#endif
