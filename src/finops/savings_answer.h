/* Savings as they are asked for, by the command line and by the API: the same words, the same answers. */
#ifndef WEIR_FINOPS_SAVINGS_ANSWER_H
#define WEIR_FINOPS_SAVINGS_ANSWER_H

#include "finops/report.h"
#include "finops/savings.h"

struct savings_words {
	struct report r; /* since, until, where; by default the last 30 days */
	bool json;
	int64_t seat_nanousd;
};

int savings_words_init(struct savings_words *w, slice timezone, int64_t now_ms, struct error *e) WARN_UNUSED;
void savings_words_release(struct savings_words *w);
/* since, until, where as in a report; seat=USD a month; format=table|json. ERR_INVALID, ERR_NOT_FOUND. */
int savings_set(struct savings_words *w, slice word, slice value, struct error *e) WARN_UNUSED;
int savings_set_query(struct savings_words *w, slice query, struct arena *mem, struct error *e) WARN_UNUSED;
/* l NULL: no ledger yet; catalog NULL: only prices that the ledger shows. *type may be NULL. */
int savings_answer(const struct savings_words *w, const struct ledger_ops *ops, struct ledger *l,
                   const struct catalog *catalog, uint64_t seed, struct buf *out, const char **type,
                   struct error *e) WARN_UNUSED;

#endif
