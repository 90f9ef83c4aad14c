/* The window of a rise, and what it is held against: the same hours of earlier weeks, and of days of the same
 * kind where there are few weeks; spans that were incidents themselves are left out. */
#include <math.h>
#include <stdlib.h>

#include "base/zone.h"
#include "finops/anomaly_hours.h"
#include "finops/triage_impl.h"

#define WEEKS_BACK   4
#define DAYS_BACK    14
#define SPANS_ENOUGH 8
#define ROWS_MOST    INT64_C(300000) /* of the baseline; the nearest spans are kept */
#define ODD          2.5             /* times the median: a span that is no baseline */
#define THURSDAY     72              /* hours of a week before the first of January 1970 */
#define LOOKED_FOR   48              /* hours back in which a rise is looked for */
#define LATE_HOURS   6.0
#define LONGEST_RUN  24 /* hours */

struct series {
	int64_t from_ms; /* of the first hour */
	size_t n;
	int64_t spent[ANOMALY_HOURS], plan[ANOMALY_HOURS], calls[ANOMALY_HOURS];
	int64_t first_ms; /* when something was seen first; 0: never */
};

static int on_hour(void *arg, const struct ledger_group *g)
{
	struct series *s = arg;
	int64_t at = (g->bucket_ms - s->from_ms) / HOUR_MS;
	if (at < 0 || (size_t)at >= s->n)
		return 0;
	s->spent[at] += g->m.cost_nanousd == RECORD_ABSENT ? 0 : g->m.cost_nanousd;
	s->plan[at] += g->m.subscription_nanousd == RECORD_ABSENT ? 0 : g->m.subscription_nanousd;
	s->calls[at] += g->m.calls;
	if (s->first_ms == 0 || g->bucket_ms < s->first_ms)
		s->first_ms = g->bucket_ms;
	return 0;
}

/* The hours of eight weeks before until. */
static int read_series(struct series *s, const struct triage_ask *ask, int64_t until_ms, struct error *e)
{
	struct ledger_query q = {.per = PER_HOUR, .filters_n = ask->filters_n};
	int64_t end = (until_ms + HOUR_MS - 1) / HOUR_MS * HOUR_MS;
	memset(s, 0, sizeof *s);
	s->n = ANOMALY_HOURS;
	s->from_ms = end - (int64_t)s->n * HOUR_MS;
	q.since_ms = s->from_ms > 0 ? s->from_ms : 0;
	q.until_ms = until_ms;
	for (size_t i = 0; i < ask->filters_n; i++)
		q.filters[i] = ask->filters[i];
	return ask->ops->report(ask->ledger, &q, on_hour, s, NULL, e);
}

/* --- the window ------------------------------------------------------------------------------ */

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

/* A rise of less than a fifth of a usual busy hour, or of ten cents, is none. */
static int64_t least_of(const int64_t *hours, size_t n)
{
	int64_t busy[ANOMALY_HOURS];
	size_t busy_n = 0;
	for (size_t i = 0; i < n; i++)
		if (hours[i] > 0)
			busy[busy_n++] = hours[i];
	qsort(busy, busy_n, sizeof busy[0], by_size);
	int64_t least = busy_n ? busy[busy_n / 2] / 5 : 0;
	return least > 100000000 ? least : 100000000;
}

struct run {
	double score;
	size_t from, to; /* hours, to not included */
	bool unusual;
};

/* Judges the last hours by those before each. */
static int judge(const int64_t *hours, size_t n, int64_t from_ms, int64_t least,
                 struct anomaly judged[LOOKED_FOR])
{
	size_t skip = 0, first = n - LOOKED_FOR;
	while (skip < first && hours[skip] == 0) /* before the first spend there was no series */
		skip++;
	struct anomaly_in in = {.hours = hours + skip,
	                        .hours_n = n - skip,
	                        .hour_of_week = (int)((from_ms / HOUR_MS + (int64_t)skip + THURSDAY) % 168),
	                        .least = least};
	return anomaly_hours(&in, first - skip, judged);
}

/* Who asks without a window asks of now: a run counts half as much for each LATE_HOURS since its end. */
static double lateness(size_t hours)
{
	return exp2(-(double)hours / LATE_HOURS);
}

/* The run of hours of late whose spend is least usual, by the scan statistic that the causes are found with:
 * what came, a, against what was expected, b, is a ln(a/b) - (a - b). */
static int find_run(const int64_t *hours, size_t n, int64_t from_ms, struct run *best)
{
	struct anomaly judged[LOOKED_FOR];
	int64_t least = least_of(hours, n);
	size_t first = n - LOOKED_FOR;
	*best = (struct run){0};
	if (judge(hours, n, from_ms, least, judged) != 0)
		return ERR_NOMEM;
	for (size_t i = first; i < n; i++) {
		double a = 0, b = (double)least;
		struct run run = {.from = i};
		for (run.to = i + 1; run.to <= n && run.to <= i + LONGEST_RUN; run.to++) {
			const struct anomaly *j = &judged[run.to - 1 - first];
			a += (double)hours[run.to - 1];
			b += (double)j->expected;
			run.unusual = run.unusual || j->is;
			run.score = a > b ? (a * log(a / b) - (a - b)) * lateness(n - run.to) : 0;
			bool tighter = run.score >= best->score && i > best->from; /* no empty hours */
			if (run.score > best->score || (run.score > 0 && tighter))
				*best = run;
		}
	}
	return 0;
}

static int find_window(struct triage *t, const struct series *s)
{
	struct run run;
	const int64_t *hours = t->plan ? s->plan : s->spent;
	t->found = true;
	int rc = find_run(hours, s->n, s->from_ms, &run);
	if (rc != 0)
		return rc;
	t->unusual = run.unusual;
	if (run.score <= 0) {
		t->until_ms = t->now_ms;
		t->since_ms = t->now_ms - DAY_MS;
		return 0;
	}
	t->since_ms = s->from_ms + (int64_t)run.from * HOUR_MS;
	t->until_ms = num_min_i64(s->from_ms + (int64_t)run.to * HOUR_MS, t->now_ms);
	return 0;
}

/* --- the baseline ---------------------------------------------------------------------------- */

struct span {
	int64_t back_ms, spent, calls;
};

/* What a series has in [since, until): hours that are cut by an edge count by their share. */
static int64_t within(const struct series *s, const int64_t *hours, int64_t since, int64_t until)
{
	double sum = 0;
	for (int64_t h = (since - s->from_ms) / HOUR_MS; h * HOUR_MS + s->from_ms < until; h++) {
		int64_t from = s->from_ms + h * HOUR_MS, to = from + HOUR_MS;
		if (h < 0 || (size_t)h >= s->n)
			continue;
		int64_t part = num_min_i64(to, until) - num_max_i64(from, since);
		sum += (double)hours[h] * (double)part / (double)HOUR_MS;
	}
	return (int64_t)sum;
}

static bool is_weekend(const struct zone *z, int64_t at_ms)
{
	int64_t day = (at_ms / 1000 + zone_offset(z, at_ms / 1000)) / 86400;
	int64_t weekday = (day + 3) % 7; /* 0 Monday */
	return weekday >= 5;
}

/* Takes a span when the ledger is old enough to know it. */
static size_t offer(const struct triage *t, const struct series *s, int64_t back, struct span *spans,
                    size_t n)
{
	int64_t since = t->since_ms - back, until = t->until_ms - back;
	if (n == TAKINGS_SPANS || back < t->until_ms - t->since_ms || s->first_ms == 0 || since < s->first_ms)
		return n;
	spans[n] = (struct span){back, within(s, t->plan ? s->plan : s->spent, since, until),
	                         within(s, s->calls, since, until)};
	return n + 1;
}

/* Without those whose spend is far from the others'. */
static size_t drop_odd(struct span *spans, size_t n)
{
	int64_t sorted[TAKINGS_SPANS];
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		sorted[i] = spans[i].spent;
	qsort(sorted, n, sizeof sorted[0], by_size);
	double middle = n ? (double)sorted[n / 2] : 0;
	if (n < 3 || middle <= 0)
		return n;
	for (size_t i = 0; i < n; i++)
		if ((double)spans[i].spent < middle * ODD && (double)spans[i].spent * ODD > middle)
			spans[kept++] = spans[i];
	return kept ? kept : n;
}

static int choose_spans(struct triage *t, const struct series *s, struct error *e)
{
	struct span spans[TAKINGS_SPANS];
	size_t n = 0;
	int64_t length = t->until_ms - t->since_ms, rows = 0;
	int64_t weeks = (length + WEEK_MS - 1) / WEEK_MS * WEEK_MS;
	struct zone *z = zone_load(t->timezone, e);
	if (z == NULL)
		return e->code;
	for (int k = 1; k <= WEEKS_BACK; k++)
		n = offer(t, s, k * weeks, spans, n);
	bool weekend = is_weekend(z, t->since_ms);
	for (int k = 1; k <= DAYS_BACK && length <= DAY_MS && n < SPANS_ENOUGH; k++)
		if (k % 7 && is_weekend(z, t->since_ms - k * DAY_MS) == weekend)
			n = offer(t, s, k * DAY_MS, spans, n);
	zone_free(z);
	if (n == 0)
		n = offer(t, s, length, spans, n);
	n = drop_odd(spans, n);
	for (size_t i = 0; i < n; i++) {
		rows += spans[i].calls;
		if (i > 0 && rows > ROWS_MOST)
			break;
		t->spans[t->spans_n++].since_ms = t->since_ms - spans[i].back_ms;
	}
	return 0;
}

int triage_window(struct triage *t, const struct triage_ask *ask, struct error *e)
{
	int64_t until = ask->since_ms && ask->until_ms ? ask->until_ms : ask->now_ms, spent = 0, plan = 0;
	struct series *s = malloc(sizeof *s);
	int rc = s ? read_series(s, ask, until, e) : error_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < s->n; i++) {
		spent += s->spent[i];
		plan += s->plan[i];
	}
	t->plan = spent <= 0 && plan > 0;
	if (rc == 0 && ask->since_ms) {
		t->since_ms = ask->since_ms;
		t->until_ms = until;
		if (t->until_ms <= t->since_ms || t->until_ms - t->since_ms > TRIAGE_LONGEST)
			rc = error_set(
			    e, ERR_INVALID,
			    "the window is none, or longer than 31 days: give --since and --until, or "
			    "neither");
	} else if (rc == 0) {
		rc = find_window(t, s);
	}
	if (rc == 0)
		rc = choose_spans(t, s, e);
	free(s);
	return rc;
}
