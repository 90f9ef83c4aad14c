/* What is ahead: burn by day, week and month, by weekday, by a dimension, against budgets; and what a query
 * would cost in a month. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/money.h"
#include "base/num.h"
#include "finops/burn.h"
#include "finops/outlook.h"
#include "finops/report_view.h"
#include "finops/sheet.h"
#include "model/usage.h"

#define PAST       FORECAST_DAYS
#define LINES_MAX  4096
#define LINES_TOP  30
#define BURNS_MAX  200
#define RECENT     28    /* days that calls and tokens a day are of */
#define LARGE      20000 /* tokens of a call, above which its month is told in words */
#define MONTH_DAYS 30

/* One value's past. */
struct line {
	struct line *next;
	slice key[LEDGER_BY_MAX];          /* in the arena */
	int64_t day[PAST + 1];             /* the last is today */
	int64_t month;                     /* of this month */
	int64_t calls, tokens, cost, days; /* of the days looked at as recent */
	struct forecast f;
};

struct looking {
	const struct outlook *o;
	const struct settings *s;
	const struct ledger_ops *ops;
	struct ledger *l;
	struct doc *d;
	const struct zone *zone;
	struct burn_hours hours;
	bool plan; /* nothing was spent by the token: the value of calls on a plan is looked at */
	int64_t today;
	struct map map;
	struct line *first;
	size_t by_n; /* of the lines */
	bool unkept;
};

static int64_t money(const struct looking *k, const struct ledger_measures *m)
{
	return num_max_i64(k->plan ? m->subscription_nanousd : m->cost_nanousd, 0);
}

/* --- gathering ------------------------------------------------------------------------------- */

static struct line *line_for(struct looking *k, const struct ledger_group *g)
{
	char key[2048];
	size_t n = 0;
	for (size_t i = 0; i < k->by_n; i++) {
		int len = snprintf(key + n, sizeof key - n, "%s" SLICE_FMT "\x1f", g->key[i].p ? "=" : "",
		                   SLICE_ARG(g->key[i]));
		n += len > 0 && (size_t)len < sizeof key - n ? (size_t)len : 0;
	}
	struct line *line = map_get(&k->map, slice_make(key, n));
	if (line)
		return line;
	if (k->map.n == LINES_MAX) {
		k->unkept = true;
		return NULL;
	}
	line = arena_zalloc(&k->d->mem, sizeof *line);
	slice kept = arena_copy(&k->d->mem, slice_make(key, n));
	if (line == NULL || kept.p == NULL || map_put(&k->map, kept, line, NULL) != 0)
		return NULL;
	for (size_t i = 0; i < k->by_n; i++)
		line->key[i] = g->key[i].p ? arena_copy(&k->d->mem, g->key[i]) : SLICE_NONE;
	line->next = k->first;
	k->first = line;
	return line;
}

static int on_day(void *arg, const struct ledger_group *g)
{
	struct looking *k = arg;
	struct line *line = line_for(k, g);
	int64_t day = PAST - (k->today - burn_day(k->zone, g->bucket_ms));
	if (line == NULL || day < 0 || day > PAST)
		return k->unkept ? 0 : ERR_FULL;
	line->day[day] = num_sat_add_i64(line->day[day], money(k, &g->m));
	if (day < PAST - RECENT || day == PAST)
		return 0;
	line->calls += g->m.calls;
	line->tokens = num_sat_add_i64(line->tokens, num_max_i64(g->m.context_tokens, 0));
	line->cost = num_sat_add_i64(line->cost, money(k, &g->m));
	line->days++;
	return 0;
}

static int gather(struct looking *k, const slice *by, size_t by_n, struct error *e)
{
	struct ledger_query q = {.per = PER_DAY,
	                         .timezone = k->o->r.q.timezone,
	                         .since_ms = burn_day_begins(k->zone, k->today - PAST),
	                         .filters_n = k->o->r.q.filters_n,
	                         .by_n = by_n};
	memcpy(q.filters, k->o->r.q.filters, q.filters_n * sizeof *q.filters);
	for (size_t i = 0; i < by_n; i++)
		q.by[i] = by[i];
	k->by_n = by_n;
	k->first = NULL;
	map_release(&k->map);
	map_init(&k->map, LINES_MAX, (uint64_t)k->o->r.now_ms);
	return k->l ? k->ops->report(k->l, &q, on_day, k, NULL, e) : 0;
}

static int no_group(void *arg, const struct ledger_group *g)
{
	(void)arg;
	(void)g;
	return 0;
}

/* Has anything been paid by the token, in the days looked at? */
static int find_plan(struct looking *k, struct error *e)
{
	struct ledger_measures total;
	struct ledger_query q = {.timezone = k->o->r.q.timezone,
	                         .since_ms = burn_day_begins(k->zone, k->today - PAST),
	                         .filters_n = k->o->r.q.filters_n};
	memcpy(q.filters, k->o->r.q.filters, q.filters_n * sizeof *q.filters);
	ledger_measures_none(&total);
	int rc = k->l ? k->ops->report(k->l, &q, no_group, NULL, &total, e) : 0;
	k->plan = total.cost_nanousd <= 0 && total.subscription_nanousd > 0;
	return rc;
}

/* --- foretelling ----------------------------------------------------------------------------- */

/* From local day `from` on to day `to`, not included, today among them. */
static struct forecast foretell(const struct looking *k, const struct line *line, int64_t from, int64_t to,
                                int64_t *so_far)
{
	struct forecast f;
	*so_far = 0;
	for (int64_t day = from; day <= k->today; day++)
		if (k->today - day <= PAST)
			*so_far = num_sat_add_i64(*so_far, line->day[PAST - (k->today - day)]);
	struct forecast_in in = {.days = line->day,
	                         .days_n = PAST,
	                         .today_weekday = burn_weekday(k->today),
	                         .today_nanousd = line->day[PAST],
	                         .today_done_ppm = burn_hours_done_ppm(&k->hours, k->zone, k->o->r.now_ms),
	                         .days_left = (size_t)(to - k->today - 1),
	                         .so_far_nanousd = *so_far};
	forecast_period(&in, &f);
	return f;
}

static void span_days(const struct looking *k, enum zone_unit unit, int64_t ms, int64_t *from, int64_t *to)
{
	int64_t a, b;
	zone_span(k->zone, unit, ms, &a, &b);
	*from = burn_day(k->zone, a);
	*to = burn_day(k->zone, b - 1) + 1;
}

static int64_t sum_of(const struct looking *k, const struct line *line, int64_t from, int64_t to)
{
	int64_t sum = 0;
	for (int64_t day = from; day < to; day++) {
		if (k->today - day > PAST)
			return RECORD_ABSENT;
		sum = num_sat_add_i64(sum, line->day[PAST - (k->today - day)]);
	}
	return sum;
}

static void put_periods(struct looking *k, const struct line *line)
{
	static const struct {
		const char *name, *people;
		enum zone_unit unit;
	} units[] = {{"day", "today", ZONE_DAY},
	             {"week", "this week", ZONE_WEEK},
	             {"month", "this month", ZONE_MONTH}};
	struct sheet *s = doc_sheet(k->d, "periods", "");
	if (s == NULL)
		return;
	sheet_column(s, "period", NULL, SHEET_TEXT);
	sheet_column(s, NULL, "period", SHEET_TEXT);
	sheet_column(s, "so_far_nanousd", "so far", MEASURE_MONEY);
	sheet_column(s, "expected_nanousd", "expected", MEASURE_MONEY);
	sheet_column(s, "low_nanousd", "from", MEASURE_MONEY);
	sheet_column(s, "high_nanousd", "to", MEASURE_MONEY);
	sheet_column(s, "before_nanousd", "the one before", MEASURE_MONEY);
	sheet_column(s, "change", "change", SHEET_CHANGE);
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		int64_t from, to, before, end, so_far;
		struct sheet_row *row = sheet_row(k->d, s, false);
		span_days(k, units[i].unit, k->o->r.now_ms, &from, &to);
		span_days(k, units[i].unit, burn_day_begins(k->zone, from) - 1, &before, &end);
		struct forecast f = foretell(k, line, from, to, &so_far);
		int64_t was = sum_of(k, line, before, end);
		sheet_text(k->d, row, 0, slice_of(units[i].name));
		sheet_text(k->d, row, 1, slice_of(units[i].people));
		sheet_value(row, 2, so_far);
		sheet_value(row, 3, f.expected);
		sheet_value(row, 4, f.low);
		sheet_value(row, 5, f.high);
		sheet_value(row, 6, was);
		sheet_value(row, 7, view_change(f.expected, was));
	}
	doc_note(k->d, "From and to hold what comes 8 times of 10%s.",
	         foretell(k, line, k->today, k->today + 1, &(int64_t){0}).enough
	             ? ""
	             : "; less than a week is known yet, so that this is a guess");
	if (k->plan)
		doc_note(k->d,
		         "Nothing was paid by the token: this is the list value of calls on a subscription.");
}

static void put_weekdays(struct looking *k, const struct line *line)
{
	static const char *const names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
	                                    "Friday", "Saturday", "Sunday"};
	int64_t so_far;
	struct forecast f = foretell(k, line, k->today, k->today + 1, &so_far);
	struct sheet *s = f.enough ? doc_sheet(k->d, "weekdays", "A usual week") : NULL;
	if (s == NULL)
		return;
	sheet_column(s, "weekday", "weekday", SHEET_TEXT);
	sheet_column(s, "usual_nanousd", "usually", MEASURE_MONEY);
	s->bar = 1;
	for (int i = 0; i < 7; i++) {
		struct sheet_row *row = sheet_row(k->d, s, false);
		sheet_text(k->d, row, 0, slice_of(names[i]));
		sheet_value(row, 1, (int64_t)((double)f.day_nanousd * f.weekday[i]));
	}
}

/* --- by a dimension -------------------------------------------------------------------------- */

/* What thirty days like these cost. */
static int64_t month_of(const struct line *line)
{
	double week = 0;
	for (int i = 0; i < 7; i++)
		week += line->f.weekday[i] * (double)line->f.day_nanousd;
	return (int64_t)(week / 7 * MONTH_DAYS);
}

static int by_expected(const void *a, const void *b)
{
	const struct line *x = *(struct line *const *)a, *y = *(struct line *const *)b;
	return x->f.expected > y->f.expected ? -1 : x->f.expected < y->f.expected;
}

static void tell_month(struct looking *k, const struct line *line)
{
	struct measure tokens = {.kind = MEASURE_TOKENS}, count = {.kind = MEASURE_COUNT};
	struct cell name, size, calls;
	char cost[MONEY_TEXT_MAX];
	int64_t each = line->calls ? line->tokens / line->calls : 0;
	if (each < LARGE || line->key[0].p == NULL)
		return;
	cell_text(&name, line->key[0]);
	cell_measure(&size, &tokens, each);
	cell_measure(&calls, &count, (line->calls + RECENT / 2) / RECENT);
	money_format_human(month_of(line), cost);
	doc_note(k->d, "%.*s sends %.*s tokens a call, %.*s calls a day: %s in a month at this rate.",
	         (int)name.n, name.s, (int)size.n, size.s, (int)calls.n, calls.s, cost);
}

static void put_line(struct looking *k, struct sheet *s, const struct line *line)
{
	struct sheet_row *row = sheet_row(k->d, s, false);
	size_t at = k->by_n;
	for (size_t i = 0; i < k->by_n; i++)
		sheet_text(k->d, row, i, line->key[i]);
	sheet_value(row, at, line->month);
	sheet_value(row, at + 1, line->f.expected);
	sheet_value(row, at + 2, line->f.low);
	sheet_value(row, at + 3, line->f.high);
	sheet_value(row, at + 4, (line->calls + RECENT / 2) / RECENT);
	sheet_value(row, at + 5, line->calls ? line->tokens / line->calls : RECORD_ABSENT);
	sheet_value(row, at + 6, line->calls ? line->cost / line->calls : RECORD_ABSENT);
	sheet_value(row, at + 7, month_of(line));
}

static int put_lines(struct looking *k, const slice *by, size_t by_n, struct error *e)
{
	int64_t from, to;
	int rc = gather(k, by, by_n, e);
	size_t n = 0, top = k->o->r.style.top ? k->o->r.style.top : LINES_TOP;
	struct line **all = rc == 0 && k->map.n ? arena_alloc(&k->d->mem, k->map.n * sizeof *all) : NULL;
	if (all == NULL)
		return rc;
	span_days(k, ZONE_MONTH, k->o->r.now_ms, &from, &to);
	for (struct line *line = k->first; line; line = line->next) {
		line->f = foretell(k, line, from, to, &line->month);
		bool named = k->o->r.by_given || line->key[0].p;
		if (named && (line->month || line->f.expected))
			all[n++] = line;
	}
	qsort(all, n, sizeof *all, by_expected);
	struct sheet *s = n ? doc_sheet(k->d, "lines", "This month") : NULL;
	for (size_t i = 0; s && i < by_n; i++) {
		slice name = arena_copy(&k->d->mem, by[i]);
		sheet_column(s, name.p, name.p, SHEET_TEXT);
	}
	sheet_column(s, "so_far_nanousd", "so far", MEASURE_MONEY);
	sheet_column(s, "expected_nanousd", "expected", MEASURE_MONEY);
	sheet_column(s, "low_nanousd", NULL, MEASURE_MONEY);
	sheet_column(s, "high_nanousd", NULL, MEASURE_MONEY);
	sheet_column(s, "calls_per_day", "calls a day", MEASURE_COUNT);
	sheet_column(s, "tokens_per_call", "tokens a call", MEASURE_TOKENS);
	sheet_column(s, "cost_per_call_nanousd", "a call", MEASURE_MONEY);
	sheet_column(s, "month_nanousd", "30 days at this rate", MEASURE_MONEY);
	for (size_t i = 0; s && i < n && i < top; i++)
		put_line(k, s, all[i]);
	if (s)
		s->hidden = n - s->rows_n;
	for (size_t i = 0; i < n && i < 3; i++)
		tell_month(k, all[i]);
	return rc;
}

/* --- budgets --------------------------------------------------------------------------------- */

static void put_budget(struct looking *k, struct sheet *s, const struct burn *b)
{
	static const char *const windows[] = {"none",  "hour",    "day",   "week",
	                                      "month", "quarter", "total", "rolling"};
	static const char *const units[] = {"nanousd", "tokens", "tokens", "requests", "credits_nano"};
	char text[BURN_AMOUNT_MAX], when[CLOCK_RFC3339_MAX], label[ZONE_LABEL_MAX];
	struct sheet_row *row = sheet_row(k->d, s, false);
	const int64_t figures[] = {b->so_far, b->limit, b->f.expected, b->f.low, b->f.high};
	int64_t from, to;
	sheet_text(k->d, row, 0, b->rule->rule.name);
	if (b->label[0])
		sheet_text(k->d, row, 1, slice_of(b->label));
	else
		sheet_text(k->d, row, 1, SLICE("all"));
	sheet_text(k->d, row, 2, slice_of(windows[b->rule->window.kind]));
	sheet_text(k->d, row, 3, slice_of(units[b->rule->limit.unit]));
	for (size_t i = 0; i < 5; i++)
		sheet_value(row, 4 + i, figures[i]);
	for (size_t i = 0; i < 3; i++) {
		burn_amount(&b->rule->limit, figures[i], text);
		sheet_text(k->d, row, 9 + i, slice_of(text));
	}
	if (b->passes_ms) {
		sheet_text(k->d, row, 12, slice_make(when, clock_format_rfc3339(b->passes_ms, when)));
		zone_span(k->zone, ZONE_HOUR, b->passes_ms, &from, &to);
		sheet_text(k->d, row, 13, slice_make(label, zone_label(k->zone, ZONE_HOUR, from, label)));
	}
	sheet_text(k->d, row, 14,
	           burn_is_over(b)        ? SLICE("spent")
	           : burn_will_be_over(b) ? SLICE("will be spent")
	                                  : SLICE("within"));
}

static void put_budgets(struct looking *k, const struct burns *list)
{
	struct sheet *s = list->n ? doc_sheet(k->d, "budgets", "Budgets") : NULL;
	char text[512];
	if (s == NULL)
		return;
	sheet_column(s, "budget", "budget", SHEET_TEXT);
	sheet_column(s, "for", "for", SHEET_TEXT);
	sheet_column(s, "window", "window", SHEET_TEXT);
	sheet_column(s, "unit", NULL, SHEET_TEXT);
	sheet_column(s, "so_far", NULL, MEASURE_COUNT);
	sheet_column(s, "limit", NULL, MEASURE_COUNT);
	sheet_column(s, "expected", NULL, MEASURE_COUNT);
	sheet_column(s, "low", NULL, MEASURE_COUNT);
	sheet_column(s, "high", NULL, MEASURE_COUNT);
	sheet_column(s, NULL, "so far", SHEET_TEXT);
	sheet_column(s, NULL, "limit", SHEET_TEXT);
	sheet_column(s, NULL, "expected", SHEET_TEXT);
	sheet_column(s, "spent_at", NULL, SHEET_TEXT);
	sheet_column(s, NULL, "spent at", SHEET_TEXT);
	sheet_column(s, "state", "state", SHEET_TEXT);
	for (size_t i = 0; i < list->n; i++)
		put_budget(k, s, &list->at[i]);
	s->hidden = list->more;
	for (size_t i = 0, told = 0; i < list->n && told < 3; i++)
		if (list->at[i].passes_ms) {
			burn_sentence(&list->at[i], k->zone, text, sizeof text);
			doc_note(k->d, "%s.", text);
			told++;
		}
}

static int ask_budgets(struct looking *k, struct error *e)
{
	struct burn_question q = {k->ops, k->l, k->s, k->o->r.now_ms, k->o->budget, k->o->user};
	size_t top = k->o->r.style.top && k->o->r.style.top < BURNS_MAX ? k->o->r.style.top : BURNS_MAX;
	struct burns list = {.cap = top, .at = arena_alloc(&k->d->mem, (top + 1) * sizeof *list.at)};
	if (list.at == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	int rc = burn_budgets(&q, &list, e);
	if (rc == 0)
		put_budgets(k, &list);
	if (rc == 0 && k->o->budget.n && list.n == 0)
		doc_note(k->d, "There is no forecast of this budget: its window is over too soon, its "
		               "counters live too short, "
		               "or it counts more than your own calls.");
	return rc;
}

/* --- what a query would cost ----------------------------------------------------------------- */

static const struct price *find_price(const struct catalog *c, slice model, int64_t now_ms)
{
	const struct price *p, *found = NULL;
	size_t at = 0;
	while (found == NULL && (p = catalog_each(c, &at)) != NULL)
		found = catalog_price(c, p->vendor, model, now_ms);
	return found;
}

static int put_query(struct looking *k, struct error *e)
{
	const struct outlook_query *q = &k->o->query;
	const struct price *p = k->s->catalog ? find_price(k->s->catalog, q->model, k->o->r.now_ms) : NULL;
	struct usage u;
	struct cost cost;
	char call[MONEY_TEXT_MAX], month[MONEY_TEXT_MAX];
	if (q->model.n == 0)
		return error_set(e, ERR_INVALID,
		                 "name the model that the tokens go to: model=claude-sonnet-4-5");
	if (p == NULL)
		return error_set(e, ERR_INVALID,
		                 "the price book has no model \"" SLICE_FMT
		                 "\": `weir price list` shows those it has",
		                 SLICE_ARG(q->model));
	for (int i = 0; i < METER_N; i++)
		u.m[i] = TOKENS_ABSENT;
	u.m[METER_CACHE_READ] = (int64_t)((__int128)q->tokens * q->cached_ppm / PPM);
	u.m[METER_INPUT] = q->tokens - u.m[METER_CACHE_READ];
	u.m[METER_OUTPUT] = q->output;
	int rc = usage_cost(p, &u, NULL, &cost, e);
	int64_t each = q->calls ? q->calls : 1, day = 0, all = 0;
	if (rc == 0 &&
	    (__builtin_mul_overflow(cost.total, each, &day) || __builtin_mul_overflow(day, MONTH_DAYS, &all)))
		rc = error_set(e, ERR_RANGE, "that is more money than can be counted");
	struct sheet *s = rc == 0 ? doc_sheet(k->d, "query", "A query's month") : NULL;
	if (s == NULL)
		return rc;
	sheet_column(s, "model", "model", SHEET_TEXT);
	sheet_column(s, "tokens", "tokens", MEASURE_TOKENS);
	sheet_column(s, "cached_tokens", "of these cached", MEASURE_TOKENS);
	sheet_column(s, "output_tokens", "output", MEASURE_TOKENS);
	sheet_column(s, "calls_per_day", "calls a day", MEASURE_COUNT);
	sheet_column(s, "cost_per_call_nanousd", "a call", MEASURE_MONEY);
	sheet_column(s, "day_nanousd", "a day", MEASURE_MONEY);
	sheet_column(s, "month_nanousd", "30 days", MEASURE_MONEY);
	struct sheet_row *row = sheet_row(k->d, s, false);
	const int64_t figures[] = {q->tokens, u.m[METER_CACHE_READ], q->output, each, cost.total, day, all};
	sheet_text(k->d, row, 0, p->id);
	for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
		sheet_value(row, 1 + i, figures[i]);
	money_format_human(cost.total, call);
	money_format_human(all, month);
	doc_note(k->d, "%lld tokens to " SLICE_FMT " cost %s a call; %lld calls a day are %s in 30 days.",
	         (long long)q->tokens, SLICE_ARG(p->model), call, (long long)each, month);
	return rc;
}

int outlook_forecast(const struct outlook *o, const struct settings *s, const struct ledger_ops *ops,
                     struct ledger *l, struct doc *d, struct error *e)
{
	static const slice workflow = SLICE("workflow");
	struct looking k = {.o = o, .s = s, .ops = ops, .l = l, .d = d, .zone = o->r.zone};
	const struct ledger_query *q = &o->r.q;
	char label[ZONE_LABEL_MAX];
	int64_t from, to;
	k.today = burn_day(k.zone, o->r.now_ms);
	zone_span(k.zone, ZONE_DAY, o->r.now_ms, &from, &to);
	d->title = SLICE("Forecast of spend");
	d->period =
	    arena_printf(&d->mem, "%.*s (" SLICE_FMT ")", (int)zone_label(k.zone, ZONE_DAY, from, label),
	                 label, SLICE_ARG(q->timezone.n ? q->timezone : SLICE("UTC")));
	d->since_ms = burn_day_begins(k.zone, k.today - PAST);
	d->until_ms = o->r.now_ms;
	if (o->query.tokens)
		return put_query(&k, e);
	map_init(&k.map, LINES_MAX, (uint64_t)o->r.now_ms);
	int rc = find_plan(&k, e);
	if (rc == 0)
		rc = burn_hours_learn(ops, l, q->timezone, k.zone, o->r.now_ms, q->filters, q->filters_n,
		                      &k.hours, e);
	if (rc == 0 && o->budget.n == 0) {
		static const struct line none;
		rc = gather(&k, NULL, 0, e);
		if (rc == 0) {
			put_periods(&k, k.first ? k.first : &none);
			put_weekdays(&k, k.first ? k.first : &none);
		}
		if (rc == 0)
			rc = put_lines(&k, q->by_n ? q->by : &workflow, q->by_n ? q->by_n : 1, e);
	}
	if (rc == 0 && (o->budget.n || (q->filters_n == 0 || o->user.n)))
		rc = ask_budgets(&k, e);
	map_release(&k.map);
	return rc;
}
