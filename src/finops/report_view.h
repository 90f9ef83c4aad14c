/* Named reports: each a document (finops/sheet.h) of what people ask for by a word. Files of report_view*
 * only, but for report_document. */
#ifndef WEIR_FINOPS_REPORT_VIEW_H
#define WEIR_FINOPS_REPORT_VIEW_H

#include "finops/report.h"
#include "finops/sheet.h"

struct view {
	const struct report *r;
	const struct ledger_ops *ops;
	struct ledger *l; /* NULL: no rows */
	struct doc *d;
	struct error *e;
	int64_t until_ms; /* of the window, never 0 */
	bool plan;        /* nothing was spent by the token: money is the list value of calls on a plan */
};

/* The rows of one question, by descending money. */
struct groups {
	size_t n, cap;
	struct group {
		slice key[LEDGER_BY_MAX]; /* in the document's arena */
		int64_t bucket_ms;
		struct ledger_measures m;
	} * at; /* in the document's arena */
	struct ledger_measures total;
};
#define VIEW_GROUPS_MAX 200000

/* The window's question by other dimensions: by is "" ended. */
struct ledger_query view_query(const struct view *v);
void view_by(struct ledger_query *q, const char *dimension);
/* False when there is no room for another one. */
bool view_where(struct ledger_query *q, const char *column, slice value);
int view_ask(struct view *v, const struct ledger_query *q, struct groups *out) WARN_UNUSED;
/* The sums alone. */
int view_total(struct view *v, const struct ledger_query *q, struct ledger_measures *out) WARN_UNUSED;
/* The period before, of the same length. */
void view_before(const struct view *v, struct ledger_query *q);

int64_t view_money(const struct view *v, const struct ledger_measures *m); /* RECORD_ABSENT: unknown */
/* a / b; RECORD_ABSENT when one is unknown or b is not above 0. */
int64_t view_per(int64_t a, int64_t b);
/* a / b in a ratio's units. */
int64_t view_share(int64_t a, int64_t b);
int64_t view_change(int64_t now, int64_t before);
int64_t view_cached(const struct ledger_measures *m);
/* How many rows of a table are shown. */
size_t view_top(const struct view *v, size_t usual);
/* The dimensions as columns, and a row's values. */
void view_dimensions(struct view *v, struct sheet *s, const slice *by, size_t by_n);

/* By provider and model, of the calls whose money is told; false without room. */
bool view_cache_query(const struct view *v, struct ledger_query *q);
/* Money saved by the cache, of a group of such a question: what the input read from it and written to it
 * would have cost fresh, less what was paid for it, in *paid. RECORD_ABSENT: no price is known. */
int64_t view_saved(const struct view *v, const struct group *g, int64_t *paid);

typedef int view_fn(struct view *v);
view_fn view_summary, view_models, view_cache, view_waste, view_ci, view_subscription, view_allocation,
    view_cohorts;
view_fn view_context, view_distribution;

#endif
