/* Series by the hour, judged. Of a window first the hours in which something is worth a look, then of those
 * values the history, in one question for each dimension. */
#include "finops/anomaly.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/money.h"
#include "base/num.h"
#include "store/columns.h"

#define HOUR_MS  INT64_C(3600000)
#define DAY_MS   INT64_C(86400000)
#define THURSDAY 72                       /* hours of a week before the first of January 1970 */
#define HISTORY  ((int64_t)ANOMALY_HOURS) /* hours before the first that is judged */

static const char *const usual[] = {"", "user", "team", "repo", "workflow", "model", "agent"};

const char *anomaly_dimension(size_t i)
{
	return i < sizeof usual / sizeof *usual ? usual[i] : NULL;
}

/* Hours by the local clock, so that nine o'clock stays nine o'clock over the change of summer time: the hour
 * that comes twice then is one of the two's mean, the one that is left out is as the one before it. */
static int64_t local_hour(const struct zone *zone, int64_t ms)
{
	int64_t s = ms / 1000, local = s + zone_offset(zone, s);
	return local / 3600 - (local % 3600 < 0);
}

struct series {
	char value[ANOMALY_VALUE_MAX];
	bool known;
	slice whole;          /* the value, whole; in the arena */
	int64_t *hours;       /* in the arena */
	unsigned char *times; /* how often an hour came */
	int64_t first;        /* of the hours in which anything was spent; -1: none yet */
	int64_t judged;       /* nano-dollars of the window that is judged */
};

struct scanning {
	const struct anomaly_scan *scan;
	slice dimension; /* n 0: the whole */
	int64_t least;
	int64_t from, to; /* local hours that are judged: [from, to) */
	int64_t begin;    /* the first of the series */
	bool running;     /* the last of them is not over */
	size_t n;
	struct series series[ANOMALY_SERIES];
	struct arena mem;
	struct anomalies *out;
};

static int64_t spend_of(const struct ledger_measures *m)
{
	return num_sat_add_i64(num_max_i64(m->cost_nanousd, 0), num_max_i64(m->subscription_nanousd, 0));
}

/* --- what is worth a look ----------------------------------------------------------------------------------
 */

static struct series *series_of(struct scanning *s, slice value)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->series[i].known == (value.p != NULL) && slice_eq(s->series[i].whole, value))
			return &s->series[i];
	return NULL;
}

static slice value_of(const struct scanning *s, const struct ledger_group *g)
{
	return s->dimension.n ? g->key[0] : SLICE("");
}

/* Takes a value in; when there is no more room, in place of the one with the least if that has less. */
static int note_candidate(void *arg, const struct ledger_group *g)
{
	struct scanning *s = arg;
	int64_t spent = spend_of(&g->m);
	slice value = value_of(s, g);
	if (spent < s->least)
		return 0;
	struct series *at = series_of(s, value);
	if (at) {
		at->judged = num_sat_add_i64(at->judged, spent);
		return 0;
	}
	if (s->n < ANOMALY_SERIES) {
		at = &s->series[s->n++];
	} else {
		at = &s->series[0];
		for (size_t i = 1; i < s->n; i++)
			at = s->series[i].judged < at->judged ? &s->series[i] : at;
		if (at->judged >= spent)
			return 0;
	}
	*at = (struct series){.known = value.p != NULL, .judged = spent, .first = -1};
	at->whole = arena_copy(&s->mem, value);
	snprintf(at->value, sizeof at->value, SLICE_FMT, SLICE_ARG(value));
	return at->whole.p ? 0 : ERR_NOMEM;
}

static int ask(struct scanning *s, int64_t since_ms, int64_t until_ms,
               int (*on_group)(void *arg, const struct ledger_group *g), struct error *e)
{
	const struct anomaly_scan *a = s->scan;
	struct ledger_query q = {.per = PER_HOUR,
	                         .timezone = a->timezone,
	                         .since_ms = since_ms,
	                         .until_ms = until_ms,
	                         .filters_n = a->filters_n};
	memcpy(q.filters, a->filters, a->filters_n * sizeof *q.filters);
	if (s->dimension.n)
		q.by[q.by_n++] = s->dimension;
	if (s->dimension.n && s->n == 1 && on_group != note_candidate && s->series[0].known &&
	    q.filters_n < LEDGER_FILTERS_MAX)
		q.filters[q.filters_n++] = (struct ledger_filter){s->dimension, s->series[0].whole, true};
	return a->ops->report(a->ledger, &q, on_group, s, NULL, e);
}

/* --- the history -------------------------------------------------------------------------------------------
 */

static int note_hour(void *arg, const struct ledger_group *g)
{
	struct scanning *s = arg;
	struct series *at = series_of(s, value_of(s, g));
	int64_t hour = local_hour(s->scan->zone, g->bucket_ms) - s->begin, spent = spend_of(&g->m);
	if (at == NULL || hour < 0 || hour >= s->to - s->begin)
		return 0;
	int64_t times = ++at->times[hour];
	/* The mean of those so far and this one. */
	at->hours[hour] += (spent - at->hours[hour]) / times;
	if (at->first < 0 || hour < at->first)
		at->first = hour;
	return 0;
}

static bool make_room(struct scanning *s)
{
	size_t hours = (size_t)(s->to - s->begin);
	for (size_t i = 0; i < s->n; i++) {
		s->series[i].hours = arena_zalloc(&s->mem, hours * sizeof(int64_t));
		s->series[i].times = arena_zalloc(&s->mem, hours);
		if (s->series[i].hours == NULL || s->series[i].times == NULL)
			return false;
	}
	return true;
}

/* --- judging -----------------------------------------------------------------------------------------------
 */

/* When a local hour began; of the one that comes twice the first. */
static int64_t hour_begins(const struct zone *zone, int64_t hour)
{
	int64_t guess = hour * 3600, s = guess - zone_offset(zone, guess);
	s = guess - zone_offset(zone, s);
	return s * 1000;
}

static int64_t rise(const struct anomaly_found *a)
{
	return a->spent - a->expected;
}

/* The latest first, then the greatest rise. */
static bool before(const struct anomaly_found *a, const struct anomaly_found *b)
{
	return a->from_ms != b->from_ms ? a->from_ms > b->from_ms : rise(a) > rise(b);
}

static void keep(struct anomalies *list, const struct anomaly_found *a)
{
	size_t at = list->n;
	while (at > 0 && before(a, &list->at[at - 1]))
		at--;
	if (list->n == ANOMALIES_MAX)
		list->more++;
	else
		list->n++;
	if (at == ANOMALIES_MAX)
		return;
	memmove(&list->at[at + 1], &list->at[at], (list->n - 1 - at) * sizeof *list->at);
	list->at[at] = *a;
}

static void begin_found(const struct scanning *s, const struct series *x, int64_t hour,
                        struct anomaly_found *a)
{
	*a = (struct anomaly_found){.from_ms = hour_begins(s->scan->zone, hour),
	                            .weeks = (hour - s->begin - x->first) / 168,
	                            .worst_ms = INT64_MIN};
	snprintf(a->dimension, sizeof a->dimension, SLICE_FMT, SLICE_ARG(s->dimension));
	snprintf(a->value, sizeof a->value, "%s", x->value);
}

static void extend_found(const struct scanning *s, int64_t hour, int64_t spent, const struct anomaly *j,
                         struct anomaly_found *a)
{
	a->hours++;
	a->spent = num_sat_add_i64(a->spent, spent);
	a->expected = num_sat_add_i64(a->expected, j->expected);
	a->running = s->running && hour + 1 == s->to;
	if (a->worst_ms == INT64_MIN || j->score > a->score) {
		a->worst_ms = hour_begins(s->scan->zone, hour);
		a->score = j->score;
		a->high = j->usual_high;
	}
}

/* 0 or ERR_NOMEM. */
static int judge(struct scanning *s, const struct series *x)
{
	struct anomaly_found open = {.hours = 0};
	/* Before the first spend there was no series. */
	int64_t n = s->to - s->begin - x->first, from = num_max_i64(s->from - s->begin - x->first, 0);
	struct anomaly_in in = {x->hours + x->first, (size_t)n, (int)((s->begin + x->first + THURSDAY) % 168),
	                        s->least};
	struct anomaly *judged =
	    x->first >= 0 ? arena_alloc(&s->mem, (size_t)(n - from) * sizeof *judged) : NULL;
	if (judged == NULL || anomaly_hours(&in, (size_t)from, judged) != 0)
		return x->first >= 0 ? ERR_NOMEM : 0;
	for (int64_t at = from; at < n; at++) {
		const struct anomaly *j = &judged[at - from];
		int64_t hour = s->begin + x->first + at;
		if (!j->is && open.hours)
			keep(s->out, &open);
		if (!j->is) {
			open.hours = 0;
			continue;
		}
		if (open.hours == 0)
			begin_found(s, x, hour, &open);
		extend_found(s, hour, in.hours[at], j, &open);
	}
	if (open.hours)
		keep(s->out, &open);
	return 0;
}

static int scan_dimension(struct scanning *s, int64_t since_ms, int64_t until_ms, struct error *e)
{
	s->n = 0;
	arena_reset(&s->mem);
	int rc = ask(s, since_ms, until_ms, note_candidate, e);
	if (rc == 0 && s->n) {
		if (!make_room(s))
			return error_set(e, ERR_NOMEM, "out of memory");
		rc = ask(s, since_ms - HISTORY * HOUR_MS, until_ms, note_hour, e);
	}
	for (size_t i = 0; rc == 0 && i < s->n; i++)
		rc = judge(s, &s->series[i]);
	s->out->series += s->n;
	return rc;
}

static int check_scan(const struct anomaly_scan *scan, int64_t since, int64_t until, struct error *e)
{
	for (size_t i = 0; i < scan->dimensions_n; i++)
		if (scan->dimensions[i].n &&
		    (!column_may_group(scan->dimensions[i]) || column_is_part(scan->dimensions[i]) ||
		     scan->dimensions[i].n >= sizeof((struct anomaly_found *)0)->dimension))
			return error_set(e, ERR_INVALID,
			                 "no dimension \"" SLICE_FMT
			                 "\": user, team, repo, model and the like",
			                 SLICE_ARG(scan->dimensions[i]));
	if (since >= until)
		return error_set(e, ERR_INVALID, "since is not before until");
	if (until - since > ANOMALY_SINCE_MAX * DAY_MS)
		return error_set(e, ERR_INVALID, "anomalies are looked for in at most %lld days",
		                 (long long)ANOMALY_SINCE_MAX);
	return 0;
}

#define SCAN_MEM ((size_t)64 << 20)

int anomalies_find(const struct anomaly_scan *scan, struct anomalies *out, struct error *e)
{
	int64_t until = scan->until_ms && scan->until_ms < scan->now_ms ? scan->until_ms : scan->now_ms;
	int64_t hour, next;
	*out = (struct anomalies){.n = 0};
	zone_span(scan->zone, ZONE_HOUR, scan->since_ms ? scan->since_ms : until - HOUR_MS, &hour, &next);
	int64_t since = hour;
	int rc = check_scan(scan, since, until, e);
	struct scanning *s = rc == 0 && scan->ledger ? calloc(1, sizeof *s) : NULL;
	if (rc != 0 || scan->ledger == NULL)
		return rc;
	if (s == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	zone_span(scan->zone, ZONE_HOUR, until - 1, &hour, &next);
	s->scan = scan;
	s->out = out;
	s->least = scan->least > 0 ? scan->least : ANOMALY_LEAST;
	s->from = local_hour(scan->zone, since);
	s->to = local_hour(scan->zone, until - 1) + 1;
	s->begin = s->from - HISTORY;
	s->running = next > scan->now_ms;
	arena_init(&s->mem, SCAN_MEM);
	for (size_t i = 0; rc == 0; i++) {
		const char *name = anomaly_dimension(i);
		if (scan->dimensions_n ? i == scan->dimensions_n : name == NULL)
			break;
		s->dimension = scan->dimensions_n ? scan->dimensions[i] : slice_of(name);
		rc = scan_dimension(s, since, until, e);
	}
	arena_release(&s->mem);
	free(s);
	return rc;
}

void anomaly_sentence(const struct anomaly_found *a, const struct zone *zone, char *out, size_t cap)
{
	char spent[MONEY_TEXT_MAX], expected[MONEY_TEXT_MAX], high[MONEY_TEXT_MAX], span[64];
	int64_t s = a->from_ms / 1000;
	int minutes = (int)((s + zone_offset(zone, s)) / 60 % 1440);
	money_format_human(a->spent, spent);
	money_format_human(a->expected, expected);
	money_format_human(a->high, high);
	if (a->hours > 1)
		snprintf(span, sizeof span, "%d hours from %02d:%02d%s", a->hours, minutes / 60, minutes % 60,
		         a->running ? " so far" : "");
	else
		snprintf(span, sizeof span, "the hour from %02d:%02d%s", minutes / 60, minutes % 60,
		         a->running ? " so far" : "");
	snprintf(out, cap, "%s%s%s: %s in %s, usually %s (%s%s is the most that would be usual)",
	         a->dimension[0] ? a->dimension : "all", a->dimension[0] ? " " : "",
	         !a->dimension[0] ? ""
	         : a->value[0]    ? a->value
	                          : "unknown",
	         spent, span, expected, a->hours > 1 ? "in the worst hour " : "", high);
}
