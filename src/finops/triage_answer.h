/* Triage as it is asked for, by the command line and by the API: the same words, the same answers. */
#ifndef WEIR_FINOPS_TRIAGE_ANSWER_H
#define WEIR_FINOPS_TRIAGE_ANSWER_H

#include "finops/report.h"
#include "finops/triage.h"

enum triage_format { TRIAGE_TABLE, TRIAGE_JSON, TRIAGE_MARKDOWN };

struct triage_words {
	struct report r; /* since, until, where */
	enum triage_format format;
	struct report_style style;
	slice alert; /* its id: the window is from an hour before it on; n 0 none. Borrowed */
};

int triage_words_init(struct triage_words *w, slice timezone, int64_t now_ms, struct error *e) WARN_UNUSED;
void triage_words_release(struct triage_words *w);
/* since, until, where as in a report; alert=ID; format=table|json|markdown; bars, colour of a table.
 * ERR_INVALID, ERR_NOT_FOUND: no such word, with those there are. */
int triage_set(struct triage_words *w, slice word, slice value, struct error *e) WARN_UNUSED;
int triage_set_query(struct triage_words *w, slice query, struct arena *mem, struct error *e) WARN_UNUSED;
/* l NULL: no ledger yet. changes: the reader may see the record of changes. *type may be NULL. */
int triage_answer(const struct triage_words *w, const struct ledger_ops *ops, struct ledger *l, bool changes,
                  uint64_t seed, struct buf *out, const char **type, struct error *e) WARN_UNUSED;

#endif
