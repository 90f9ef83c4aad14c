/* Between the files of triage. */
#ifndef WEIR_FINOPS_TRIAGE_IMPL_H
#define WEIR_FINOPS_TRIAGE_IMPL_H

#include "base/num.h"
#include "finops/triage.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)
#define WEEK_MS (7 * DAY_MS)

/* triage_window.c: the window, when none was given, and the spans it is held against (t->spans). */
int triage_window(struct triage *t, const struct triage_ask *ask, struct error *e) WARN_UNUSED;

/* triage_scan.c: the values of each dimension (t->top) and the causes. */
int triage_scan(struct triage *t) WARN_UNUSED;
/* Whether a cell is of a cause's calls. */
bool triage_is_of(const struct triage *t, const struct triage_cause *c, const struct takings_cell *cell);

/* triage_time.c: points, the first bad moment, what stands near. */
int triage_time(struct triage *t, const struct triage_ask *ask, struct error *e) WARN_UNUSED;

/* triage_contain.c */
int triage_contain(struct triage *t) WARN_UNUSED;

/* A mean over the spans of the baseline, rounded. */
static inline int64_t triage_mean(const struct triage *t, int64_t sum)
{
	int64_t n = t->spans_n ? (int64_t)t->spans_n : 1;
	return (sum >= 0 ? sum + n / 2 : sum - n / 2) / n;
}

#endif
