/* What is ahead, and what is out of the usual, as it is asked for by the command line and by the API: the
 *same words, the same answers.
 *
 *	weir forecast	by, where, budget; tokens, output, cached, calls, model: what a query would cost in a
 *month weir anomaly	by, since, until, where, least
 *	both		format=table|json|csv|markdown|html; width, top, bars, colour of a table */
#ifndef WEIR_FINOPS_OUTLOOK_H
#define WEIR_FINOPS_OUTLOOK_H

#include "finops/report.h"
#include "model/settings.h"

enum outlook_kind { OUTLOOK_FORECAST, OUTLOOK_ANOMALY };

struct outlook {
	struct report r; /* by, since, until, where, style, format */
	enum outlook_kind kind;
	slice budget;  /* of a forecast; n 0: all */
	int64_t least; /* of an anomaly; nano-dollars, 0: not said */
	struct outlook_query {
		int64_t tokens, output, calls; /* a call's input and output; calls a day; 0: not said */
		int64_t cached_ppm;
		slice model;
	} query;
	slice user; /* only this user's own; n 0: all. Set by outlook_only */
};

int outlook_init(struct outlook *o, enum outlook_kind kind, slice timezone, int64_t now_ms,
                 struct error *e) WARN_UNUSED;
void outlook_release(struct outlook *o);
/* ERR_INVALID, ERR_NOT_FOUND: no such word, with those there are. Values are borrowed. */
int outlook_set(struct outlook *o, slice word, slice value, struct error *e) WARN_UNUSED;
int outlook_set_query(struct outlook *o, slice query, struct arena *mem, struct error *e) WARN_UNUSED;
/* Of this user's own calls and counters alone. */
int outlook_only(struct outlook *o, slice user, struct error *e) WARN_UNUSED;
/* s: budgets, time zone, and (for a query's cost) prices; not NULL. l NULL: no ledger yet. */
int outlook_answer(const struct outlook *o, const struct settings *s, const struct ledger_ops *ops,
                   struct ledger *l, struct buf *out, const char **type, struct error *e) WARN_UNUSED;

/* For the files of this module. */
struct doc;
int outlook_forecast(const struct outlook *o, const struct settings *s, const struct ledger_ops *ops,
                     struct ledger *l, struct doc *d, struct error *e) WARN_UNUSED;

#endif
