/* Budgets as they will end: what each counter has spent of its window, what it will have spent at its end,
 * and when its limit is passed at this rate.
 *
 * Asked of the ledger alone: from a command, or a thread in the background with a connection of its own. A
 * budget whose `where` the ledger can answer is added up there; another one (`any`, weekday, …) row by row.
 * Windows of an hour and rolling ones of less than a day are over before a forecast is worth having, and
 * counters of a session, subagent, task, pull request or commit live too short for one: those are left out.
 */
#ifndef WEIR_FINOPS_BURN_H
#define WEIR_FINOPS_BURN_H

#include "finops/forecast.h"
#include "model/settings.h"
#include "store/ledger.h"

#define BURN_LABEL_MAX    256
#define BURN_COUNTERS_MAX 4096 /* of one budget that are kept apart */
#define BURN_AHEAD_DAYS   30   /* of a window that never ends */

/* How the spend of a usual day lies over its hours: weekdays, and weekends. */
struct burn_hours {
	double before[2][25]; /* share of the day's that falls before the hour */
};

struct burn_question {
	const struct ledger_ops *ops;
	struct ledger *ledger;
	const struct settings *settings; /* its budgets, time zone */
	int64_t now_ms;
	slice budget; /* this one alone; n 0: all */
	slice user;   /* only counters of this user's own; n 0: all */
};

struct burn {
	const struct budget_rule *rule; /* of the settings */
	char label[BURN_LABEL_MAX];     /* whose counter: "ana@example.com, web"; "" everybody's */
	int64_t from_ms,
	    to_ms;     /* the window; to INT64_MAX: it never ends, and is looked BURN_AHEAD_DAYS into */
	int64_t limit; /* lifted ones included; in the rule's unit, as all the others */
	int64_t so_far;
	int64_t today;
	struct forecast f; /* of the window's end; of a rolling one, of a window at this rate */
	int64_t passes_ms; /* when the limit is passed; 0: not in this window */
};

struct burns {
	size_t n, cap;
	struct burn *at; /* the caller's; the nearest to its limit, or the farthest above, first */
	size_t more;     /* counters that had no room */
	size_t unseen;   /* budgets of which there is no forecast, as above */
};

/* Has it passed its limit, or is it expected to (with a week's days behind it, so that it is more than a
 * guess)? */
bool burn_is_over(const struct burn *b);
bool burn_will_be_over(const struct burn *b);

/* Fills list->at up to list->cap. ERR_NOT_FOUND (no budget of that name), ERR_NOMEM, or the store's fault. */
int burn_budgets(const struct burn_question *q, struct burns *list, struct error *e) WARN_UNUSED;

/* n of a limit's unit: "$10.00", "2,000 output_tokens", "1.25M tokens", "12.5 credits". */
#define BURN_AMOUNT_MAX 80
void burn_amount(const struct amount *like, int64_t n, char out[BURN_AMOUNT_MAX]);
/* "team-month, payments: $2,410.00 of $4,000.00, at this rate spent on Thursday, 2026-11-26; $4,920.00
 * expected by the end ($4,310.00 to $5,530.00)"; NUL-terminated, cut to cap. */
void burn_sentence(const struct burn *b, const struct zone *zone, char *out, size_t cap);

/* --- the parts, for forecasts of other things ------------------------------------------------------------
 */

/* From the spend of the last four weeks; where there is none, every hour is like another. */
int burn_hours_learn(const struct ledger_ops *ops, struct ledger *l, slice timezone, const struct zone *zone,
                     int64_t now_ms, const struct ledger_filter *filters, size_t filters_n,
                     struct burn_hours *out, struct error *e) WARN_UNUSED;
/* Millionths of a day's spend before this instant of it. */
int64_t burn_hours_done_ppm(const struct burn_hours *h, const struct zone *zone, int64_t ms);
/* When limit is passed, by f; 0: not. */
int64_t burn_passes_ms(const struct burn_hours *h, const struct zone *zone, int64_t now_ms,
                       const struct forecast *f);
/* Days since 1970-01-01 of the local date; when that day begins; its weekday, 0 Monday to 6 Sunday. */
int64_t burn_day(const struct zone *zone, int64_t ms);
int64_t burn_day_begins(const struct zone *zone, int64_t day);
int burn_weekday(int64_t day);

#endif
