/* Named reports of sums: at a glance, models, caching, waste, CI, subscriptions, allocation, cohorts. */
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/num.h"
#include "finops/report_view.h"

#define PPM_OF_RATIO 100 /* a ratio's unit in millionths */
#define TOP          50

/* The dimensions that were asked for, else one of the view's own. */
static void dimensions(const struct view *v, struct ledger_query *q, const char *otherwise)
{
	if (!v->r->by_given)
		view_by(q, otherwise);
	for (size_t i = 0; v->r->by_given && i < v->r->q.by_n; i++)
		q->by[q->by_n++] = v->r->q.by[i];
}

/* --- at a glance ----------------------------------------------------------------------------- */

struct glance {
	struct ledger_measures m;
	struct ledger_measures
	    paid; /* of the calls whose money is told: what a day, a session, a call of them costs */
	int64_t tasks, task_cost; /* named ones, of those */
	int64_t saved, retried, ci, unallocated;
};

static int ask_parts(struct view *v, struct ledger_query base, struct glance *out)
{
	struct ledger_measures m;
	struct groups all;
	struct ledger_query q = base;
	int rc = view_total(v, &q, &out->m);
	if (rc == 0)
		rc = view_where(&q, "billing", v->plan ? SLICE("subscription") : SLICE("!subscription"))
		         ? view_total(v, &q, &out->paid)
		         : ERR_FULL;
	view_by(&q, "task");
	if (rc == 0)
		rc = view_ask(v, &q, &all);
	for (size_t i = 0; rc == 0 && i < all.n; i++)
		if (all.at[i].key[0].p) {
			out->tasks++;
			out->task_cost += num_max_i64(view_money(v, &all.at[i].m), 0);
		}
	q = base;
	if (rc == 0)
		rc = view_cache_query(v, &q) ? view_ask(v, &q, &all) : ERR_FULL;
	for (size_t i = 0; rc == 0 && i < all.n; i++) {
		int64_t paid, saved = view_saved(v, &all.at[i], &paid);
		out->saved += saved == RECORD_ABSENT ? 0 : saved;
	}
	q = base;
	if (rc == 0 && view_where(&q, "attempt", SLICE(">1")))
		rc = view_total(v, &q, &m);
	out->retried = rc == 0 ? view_money(v, &m) : 0;
	q = base;
	if (rc == 0 && view_where(&q, "environment", SLICE("ci")))
		rc = view_total(v, &q, &m);
	out->ci = rc == 0 ? view_money(v, &m) : 0;
	q = base;
	if (rc == 0 && view_where(&q, "team", SLICE("")))
		rc = view_total(v, &q, &m);
	out->unallocated = rc == 0 ? view_money(v, &m) : 0;
	return rc;
}

/* The figures in the order in which they are told. */
static const struct figure {
	const char *name, *people;
	enum measure_kind kind;
} figures[] = {
    {"cost", "spent", MEASURE_MONEY},
    {"plan_value", "value of calls on plans", MEASURE_MONEY},
    {"calls", "calls", MEASURE_COUNT},
    {"refused", "refused", MEASURE_COUNT},
    {"sessions", "sessions", MEASURE_COUNT},
    {"tasks", "tasks with a name", MEASURE_COUNT},
    {"active_days", "active developer days", MEASURE_COUNT},
    {"cost_per_active_day", "cost of an active developer day", MEASURE_MONEY},
    {"cost_per_session", "cost of a session", MEASURE_MONEY},
    {"cost_per_task", "cost of a task", MEASURE_MONEY},
    {"cost_per_call", "cost of a call", MEASURE_MONEY},
    {"tokens_per_call", "input of a call", MEASURE_TOKENS},
    {"cache_hit_ratio", "input read from the cache", MEASURE_RATIO},
    {"saved_by_caching", "saved by caching", MEASURE_MONEY},
    {"retries", "retries", MEASURE_COUNT},
    {"cost_of_retries", "cost of retries", MEASURE_MONEY},
    {"ci_share", "share of CI", MEASURE_RATIO},
    {"unallocated_share", "share without a team", MEASURE_RATIO},
    {"unpriced", "calls whose cost is not known", MEASURE_COUNT},
};
#define FIGURES (sizeof figures / sizeof *figures)

static void figures_of(const struct view *v, const struct glance *g, int64_t out[FIGURES])
{
	int64_t cost = view_money(v, &g->m);
	const int64_t all[FIGURES] = {g->m.cost_nanousd,
	                              g->m.subscription_nanousd,
	                              g->m.calls,
	                              g->m.refused,
	                              g->m.sessions,
	                              g->tasks,
	                              g->m.active_days,
	                              view_per(cost, g->paid.active_days),
	                              view_per(cost, g->paid.sessions),
	                              view_per(g->task_cost, g->tasks),
	                              view_per(cost, g->paid.calls),
	                              view_per(g->m.context_tokens, g->m.calls),
	                              view_cached(&g->m),
	                              v->r->prices ? g->saved : RECORD_ABSENT,
	                              g->m.retries,
	                              g->retried,
	                              view_share(g->ci, cost),
	                              view_share(g->unallocated, cost),
	                              g->m.unpriced};
	memcpy(out, all, sizeof all);
}

static void put_figure(struct view *v, struct sheet_row *row, size_t program, size_t people,
                       enum measure_kind kind, int64_t value)
{
	struct sheet_cell as = {.v = value};
	struct cell cell;
	bool ratio = kind == MEASURE_RATIO && value != RECORD_ABSENT;
	sheet_value(row, program, ratio ? value * PPM_OF_RATIO : value);
	sheet_cell_text(&cell, (int)kind, &as);
	sheet_text(v->d, row, people, slice_make(cell.s, cell.n));
}

int view_summary(struct view *v)
{
	static const char *const units[] = {"count", "tokens", "seconds", "nanousd", "ppm", "credits"};
	struct glance now = {.tasks = 0}, before = {.tasks = 0};
	struct ledger_query q = view_query(v);
	int64_t is[FIGURES], was[FIGURES];
	int rc = ask_parts(v, q, &now);
	view_before(v, &q);
	if (rc == 0)
		rc = ask_parts(v, q, &before);
	struct sheet *s = rc == 0 ? doc_sheet(v->d, "summary", "") : NULL;
	if (s == NULL)
		return rc;
	figures_of(v, &now, is);
	figures_of(v, &before, was);
	sheet_column(s, "figure", NULL, SHEET_TEXT);
	sheet_column(s, NULL, "", SHEET_TEXT);
	sheet_column(s, "unit", NULL, SHEET_TEXT);
	sheet_column(s, "value", NULL, MEASURE_COUNT);
	sheet_column(s, "before", NULL, MEASURE_COUNT);
	sheet_column(s, NULL, "now", SHEET_TEXT);
	sheet_column(s, NULL, "before", SHEET_TEXT);
	sheet_column(s, "change", "change", SHEET_CHANGE);
	for (size_t i = 0; i < FIGURES; i++) {
		struct sheet_row *row = sheet_row(v->d, s, false);
		sheet_text(v->d, row, 0, slice_of(figures[i].name));
		sheet_text(v->d, row, 1, slice_of(figures[i].people));
		sheet_text(v->d, row, 2, slice_of(units[figures[i].kind]));
		put_figure(v, row, 3, 5, figures[i].kind, is[i]);
		put_figure(v, row, 4, 6, figures[i].kind, was[i]);
		sheet_value(row, 7, view_change(is[i], was[i]));
	}
	doc_note(v->d, "Before is the time of the same length that ends where this period begins.");
	return rc;
}

/* --- models ---------------------------------------------------------------------------------- */

static void put_model(struct view *v, struct sheet_row *row, size_t at, const struct ledger_measures *m,
                      int64_t all)
{
	int64_t cost = view_money(v, m);
	sheet_value(row, at, m->calls);
	sheet_value(row, at + 1, m->context_tokens);
	sheet_value(row, at + 2, m->meters[METER_OUTPUT]);
	sheet_value(row, at + 3, view_cached(m));
	sheet_value(row, at + 4, view_per(cost, m->calls));
	sheet_value(row, at + 5, view_per(cost, m->sessions));
	sheet_value(row, at + 6, view_share(cost, all));
	sheet_value(row, at + 7, cost);
}

int view_models(struct view *v)
{
	struct ledger_query q = view_query(v);
	struct groups all;
	dimensions(v, &q, "model");
	int rc = view_ask(v, &q, &all);
	struct sheet *s = rc == 0 ? doc_sheet(v->d, "models", "") : NULL;
	if (s == NULL)
		return rc;
	view_dimensions(v, s, q.by, q.by_n);
	sheet_column(s, "calls", "calls", MEASURE_COUNT);
	sheet_column(s, "context_tokens", "input", MEASURE_TOKENS);
	sheet_column(s, "output_tokens", "output", MEASURE_TOKENS);
	sheet_column(s, "cache_hit_ratio", "cached", MEASURE_RATIO);
	sheet_column(s, "cost_per_call_nanousd", "a call", MEASURE_MONEY);
	sheet_column(s, "cost_per_session_nanousd", "a session", MEASURE_MONEY);
	sheet_column(s, "share", "share", MEASURE_RATIO);
	sheet_column(s, "cost_nanousd", "cost", MEASURE_MONEY);
	s->bar = (int)q.by_n + 7;
	for (size_t i = 0; i < all.n && i < view_top(v, TOP); i++) {
		struct sheet_row *row = sheet_row(v->d, s, false);
		for (size_t k = 0; k < q.by_n; k++)
			sheet_text(v->d, row, k, all.at[i].key[k]);
		put_model(v, row, q.by_n, &all.at[i].m, view_money(v, &all.total));
	}
	s->hidden = all.n - s->rows_n;
	if (all.n)
		put_model(v, sheet_row(v->d, s, true), q.by_n, &all.total, view_money(v, &all.total));
	return rc;
}

/* --- caching --------------------------------------------------------------------------------- */

struct cached {
	struct ledger_measures m;
	int64_t saved, paid;
	bool unknown; /* of a part of it no price is known */
	const struct group *first;
};

static void add_cached(struct view *v, struct cached *c, const struct group *g)
{
	static const enum meter meters[] = {METER_INPUT, METER_CACHE_READ, METER_CACHE_WRITE_5M,
	                                    METER_CACHE_WRITE_1H};
	int64_t paid, saved = view_saved(v, g, &paid);
	if (c->first == NULL)
		ledger_measures_none(&c->m);
	c->first = c->first ? c->first : g;
	for (size_t i = 0; i < sizeof meters / sizeof *meters; i++)
		if (g->m.meters[meters[i]] != TOKENS_ABSENT)
			c->m.meters[meters[i]] =
			    num_max_i64(c->m.meters[meters[i]], 0) + g->m.meters[meters[i]];
	c->paid += num_max_i64(paid, 0);
	c->m.calls += g->m.calls;
	c->unknown = c->unknown || saved == RECORD_ABSENT;
	c->saved += saved == RECORD_ABSENT ? 0 : saved;
}

static void put_cached(struct view *v, struct sheet_row *row, size_t at, const struct cached *c)
{
	int64_t written5 = c->m.meters[METER_CACHE_WRITE_5M], written1 = c->m.meters[METER_CACHE_WRITE_1H];
	bool written = written5 != TOKENS_ABSENT || written1 != TOKENS_ABSENT;
	sheet_value(row, at, c->m.calls);
	sheet_value(row, at + 1, c->m.meters[METER_INPUT]);
	sheet_value(row, at + 2, c->m.meters[METER_CACHE_READ]);
	sheet_value(row, at + 3,
	            written ? num_max_i64(written5, 0) + num_max_i64(written1, 0) : RECORD_ABSENT);
	sheet_value(row, at + 4, view_cached(&c->m));
	sheet_value(row, at + 5, c->paid);
	sheet_value(row, at + 6, c->unknown || v->r->prices == NULL ? RECORD_ABSENT : c->paid + c->saved);
	sheet_value(row, at + 7, c->unknown || v->r->prices == NULL ? RECORD_ABSENT : c->saved);
}

static int by_saved(const void *a, const void *b)
{
	const struct cached *x = *(struct cached *const *)a, *y = *(struct cached *const *)b;
	return x->saved > y->saved ? -1 : x->saved < y->saved;
}

/* Groups of provider and model, and the dimensions asked for, added up over those two where they were not. */
static size_t add_up(struct view *v, const struct groups *all, size_t by_n, struct cached *list,
                     struct cached *total)
{
	struct map at;
	size_t n = 0;
	map_init(&at, all->n + 1, (uint64_t)v->r->now_ms);
	for (size_t i = 0; i < all->n; i++) {
		slice key = SLICE("");
		for (size_t k = 2; k < 2 + by_n; k++)
			key = arena_printf(&v->d->mem, SLICE_FMT "%s" SLICE_FMT "\x1f", SLICE_ARG(key),
			                   all->at[i].key[k].p ? "=" : "", SLICE_ARG(all->at[i].key[k]));
		struct cached *c = key.p ? map_get(&at, key) : NULL;
		if (c == NULL && key.p && map_put(&at, key, &list[n], NULL) == 0)
			c = &list[n++];
		if (c)
			add_cached(v, c, &all->at[i]);
		v->d->full = v->d->full || c == NULL;
		add_cached(v, total, &all->at[i]);
	}
	map_release(&at);
	return n;
}

int view_cache(struct view *v)
{
	struct ledger_query q = view_query(v), named = view_query(v);
	struct groups all;
	struct cached total = {.saved = 0};
	bool room = view_cache_query(v, &q);
	dimensions(v, &named, "model");
	for (size_t i = 0; i < named.by_n && q.by_n < LEDGER_BY_MAX; i++)
		q.by[q.by_n++] = named.by[i];
	size_t by_n = q.by_n - 2;
	int rc = room ? view_ask(v, &q, &all) : ERR_FULL;
	struct cached *list = rc == 0 ? arena_zalloc(&v->d->mem, (all.n + 1) * sizeof *list) : NULL;
	struct cached **order = list ? arena_alloc(&v->d->mem, (all.n + 1) * sizeof *order) : NULL;
	struct sheet *s = order ? doc_sheet(v->d, "cache", "") : NULL;
	if (s == NULL)
		return rc ? rc : ERR_FULL;
	view_dimensions(v, s, named.by, by_n);
	sheet_column(s, "calls", "calls", MEASURE_COUNT);
	sheet_column(s, "input_tokens", "fresh", MEASURE_TOKENS);
	sheet_column(s, "cache_read_tokens", "read", MEASURE_TOKENS);
	sheet_column(s, "cache_write_tokens", "written", MEASURE_TOKENS);
	sheet_column(s, "cache_hit_ratio", "hit", MEASURE_RATIO);
	sheet_column(s, "paid_nanousd", "paid for it", MEASURE_MONEY);
	sheet_column(s, "fresh_nanousd", "had it been fresh", MEASURE_MONEY);
	sheet_column(s, "saved_nanousd", "saved", MEASURE_MONEY);
	s->bar = (int)by_n + 7;
	size_t n = add_up(v, &all, by_n, list, &total);
	for (size_t i = 0; i < n; i++)
		order[i] = &list[i];
	qsort(order, n, sizeof *order, by_saved);
	for (size_t i = 0; i < n && i < view_top(v, TOP); i++) {
		struct sheet_row *row = sheet_row(v->d, s, false);
		for (size_t k = 0; k < by_n; k++)
			sheet_text(v->d, row, k, order[i]->first->key[2 + k]);
		put_cached(v, row, by_n, order[i]);
	}
	s->hidden = n - s->rows_n;
	if (n)
		put_cached(v, sheet_row(v->d, s, true), by_n, &total);
	doc_note(v->d, "Saved: what input read from the cache and written to it would have cost fresh, at "
	               "the price book's rate, less "
	               "what was paid for it. Below nothing, writing cost more than reading saved.");
	return rc;
}

/* --- waste ----------------------------------------------------------------------------------- */

static void put_waste(struct view *v, struct sheet *s, const char *what, slice kind,
                      const struct ledger_measures *m, int64_t count, int64_t all)
{
	struct sheet_row *row = count > 0 ? sheet_row(v->d, s, false) : NULL;
	sheet_text(v->d, row, 0, slice_of(what));
	sheet_text(v->d, row, 1, kind);
	sheet_value(row, 2, count);
	sheet_value(row, 3, m->sessions);
	sheet_value(row, 4, view_share(view_money(v, m), all));
	sheet_value(row, 5, view_money(v, m));
}

static int put_stopped(struct view *v)
{
	struct ledger_query q = view_query(v);
	struct groups all;
	view_by(&q, "rule");
	view_by(&q, "decision");
	int rc =
	    view_where(&q, "decision", SLICE("refused,paused,truncated")) ? view_ask(v, &q, &all) : ERR_FULL;
	struct sheet *s = rc == 0 && all.n ? doc_sheet(v->d, "stopped", "What rules stopped") : NULL;
	if (s == NULL)
		return rc;
	sheet_column(s, "rule", "rule", SHEET_TEXT);
	sheet_column(s, "decision", "decision", SHEET_TEXT);
	sheet_column(s, "calls", "calls", MEASURE_COUNT);
	for (size_t i = 0; i < all.n && i < view_top(v, TOP); i++) {
		struct sheet_row *row = sheet_row(v->d, s, false);
		sheet_text(v->d, row, 0, all.at[i].key[0]);
		sheet_text(v->d, row, 1, all.at[i].key[1]);
		sheet_value(row, 2, all.at[i].m.calls + all.at[i].m.refused);
	}
	s->hidden = all.n - s->rows_n;
	return rc;
}

int view_waste(struct view *v)
{
	struct ledger_query q = view_query(v);
	struct ledger_measures total, retried, again;
	struct groups endings;
	int rc = view_total(v, &q, &total);
	if (rc == 0)
		rc = view_where(&q, "attempt", SLICE(">1")) ? view_total(v, &q, &retried) : ERR_FULL;
	q = view_query(v);
	if (rc == 0)
		rc = view_where(&q, "attempt", SLICE("!>1")) && view_where(&q, "retry_of", SLICE("!"))
		         ? view_total(v, &q, &again)
		         : ERR_FULL;
	q = view_query(v);
	view_by(&q, "ending");
	if (rc == 0)
		rc = view_where(&q, "ending", SLICE("!complete,refused")) ? view_ask(v, &q, &endings)
		                                                          : ERR_FULL;
	struct sheet *s = rc == 0 ? doc_sheet(v->d, "waste", "") : NULL;
	if (s == NULL)
		return rc;
	int64_t all = view_money(v, &total);
	s->none = "No retries and no failures.";
	sheet_column(s, "what", "what", SHEET_TEXT);
	sheet_column(s, "kind", "", SHEET_TEXT);
	sheet_column(s, "calls", "calls", MEASURE_COUNT);
	sheet_column(s, "sessions", "sessions", MEASURE_COUNT);
	sheet_column(s, "share", "share", MEASURE_RATIO);
	sheet_column(s, "cost_nanousd", "cost", MEASURE_MONEY);
	s->bar = 5;
	put_waste(v, s, "retries", SLICE("the same turn again"), &retried, retried.calls, all);
	put_waste(v, s, "retries", SLICE("of a call that failed"), &again, again.calls, all);
	for (size_t i = 0; i < endings.n; i++)
		put_waste(v, s, "no whole answer", endings.at[i].key[0], &endings.at[i].m,
		          endings.at[i].m.calls, all);
	doc_note(v->d, "Loops within a session are found by storm rules as they happen; `weir import "
	               "--loops` finds those in "
	               "transcripts. A call may stand in more than one line.");
	return put_stopped(v);
}

/* --- CI, subscriptions ----------------------------------------------------------------------- */

int view_ci(struct view *v)
{
	struct ledger_query q = view_query(v);
	struct ledger_measures total;
	struct groups all;
	int rc = view_total(v, &q, &total);
	dimensions(v, &q, "workflow");
	if (!v->r->by_given)
		view_by(&q, "trigger");
	if (rc == 0)
		rc = view_where(&q, "environment", SLICE("ci")) ? view_ask(v, &q, &all) : ERR_FULL;
	struct sheet *s = rc == 0 ? doc_sheet(v->d, "ci", "") : NULL;
	if (s == NULL)
		return rc;
	int64_t spent = view_money(v, &total);
	struct cell share;
	struct sheet_cell as = {.v = view_share(view_money(v, &all.total), spent)};
	s->none = "No calls came from CI (environment: ci).";
	view_dimensions(v, s, q.by, q.by_n);
	sheet_column(s, "sessions", "runs", MEASURE_COUNT);
	sheet_column(s, "calls", "calls", MEASURE_COUNT);
	sheet_column(s, "context_tokens_per_call", "input a call", MEASURE_TOKENS);
	sheet_column(s, "cost_per_session_nanousd", "a run", MEASURE_MONEY);
	sheet_column(s, "share", "share of all", MEASURE_RATIO);
	sheet_column(s, "cost_nanousd", "cost", MEASURE_MONEY);
	s->bar = (int)q.by_n + 5;
	for (size_t i = 0; i <= all.n && all.n; i++) {
		const struct ledger_measures *m = i < all.n ? &all.at[i].m : &all.total;
		if (i >= view_top(v, TOP) && i < all.n)
			continue;
		struct sheet_row *row = sheet_row(v->d, s, i == all.n);
		for (size_t k = 0; i < all.n && k < q.by_n; k++)
			sheet_text(v->d, row, k, all.at[i].key[k]);
		sheet_value(row, q.by_n, m->sessions);
		sheet_value(row, q.by_n + 1, m->calls);
		sheet_value(row, q.by_n + 2, view_per(m->context_tokens, m->calls));
		sheet_value(row, q.by_n + 3, view_per(view_money(v, m), m->sessions));
		sheet_value(row, q.by_n + 4, view_share(view_money(v, m), spent));
		sheet_value(row, q.by_n + 5, view_money(v, m));
	}
	s->hidden = all.n - s->rows_n;
	sheet_cell_text(&share, MEASURE_RATIO, &as);
	if (all.n)
		doc_note(v->d, "CI is %.*s of all spend of this period.", (int)share.n, share.s);
	return rc;
}

int view_subscription(struct view *v)
{
	struct ledger_query q = view_query(v);
	struct groups all;
	dimensions(v, &q, "user");
	int rc = view_ask(v, &q, &all);
	struct sheet *s = rc == 0 ? doc_sheet(v->d, "subscription", "") : NULL;
	if (s == NULL)
		return rc;
	view_dimensions(v, s, q.by, q.by_n);
	sheet_column(s, "active_days", "active days", MEASURE_COUNT);
	sheet_column(s, "calls", "calls", MEASURE_COUNT);
	sheet_column(s, "cost_nanousd", "metered", MEASURE_MONEY);
	sheet_column(s, "subscription_nanousd", "plan value", MEASURE_MONEY);
	sheet_column(s, "plan_share", "on the plan", MEASURE_RATIO);
	sheet_column(s, "plan_per_active_day_nanousd", "plan value a day", MEASURE_MONEY);
	s->bar = (int)q.by_n + 3;
	for (size_t i = 0; i <= all.n && all.n; i++) {
		const struct ledger_measures *m = i < all.n ? &all.at[i].m : &all.total;
		if (i >= view_top(v, TOP) && i < all.n)
			continue;
		struct sheet_row *row = sheet_row(v->d, s, i == all.n);
		int64_t plan = m->subscription_nanousd,
		        both = num_max_i64(plan, 0) + num_max_i64(m->cost_nanousd, 0);
		for (size_t k = 0; i < all.n && k < q.by_n; k++)
			sheet_text(v->d, row, k, all.at[i].key[k]);
		sheet_value(row, q.by_n, m->active_days);
		sheet_value(row, q.by_n + 1, m->calls);
		sheet_value(row, q.by_n + 2, m->cost_nanousd);
		sheet_value(row, q.by_n + 3, plan);
		sheet_value(row, q.by_n + 4, view_share(plan, both));
		sheet_value(row, q.by_n + 5, view_per(plan, m->active_days));
	}
	s->hidden = all.n - s->rows_n;
	v->plan = false; /* both stand beside each other */
	doc_note(v->d,
	         "Plan value: what calls on a subscription would cost at list price. It was not spent.");
	return rc;
}

/* --- allocation, cohorts --------------------------------------------------------------------- */

int view_allocation(struct view *v)
{
	static const char *const fields[] = {"user",     "team", "cost_centre", "repo",
	                                     "workflow", "task", "session",     "agent"};
	struct ledger_query q = view_query(v);
	struct ledger_measures total, m;
	int rc = view_total(v, &q, &total);
	struct sheet *s = rc == 0 ? doc_sheet(v->d, "allocation", "") : NULL;
	if (s == NULL)
		return rc;
	sheet_column(s, "field", "field", SHEET_TEXT);
	sheet_column(s, "known_nanousd", "known", MEASURE_MONEY);
	sheet_column(s, "unknown_nanousd", "unknown", MEASURE_MONEY);
	sheet_column(s, "unknown_calls", "calls", MEASURE_COUNT);
	sheet_column(s, "unknown_share", "unknown share", MEASURE_RATIO);
	s->bar = 4;
	for (size_t i = 0; rc == 0 && i < sizeof fields / sizeof *fields; i++) {
		int64_t all = view_money(v, &total);
		q = view_query(v);
		rc = view_where(&q, fields[i], SLICE("")) ? view_total(v, &q, &m) : ERR_FULL;
		struct sheet_row *row = rc == 0 ? sheet_row(v->d, s, false) : NULL;
		int64_t unknown = view_money(v, &m);
		sheet_text(v->d, row, 0, slice_of(fields[i]));
		sheet_value(row, 1,
		            all == RECORD_ABSENT || unknown == RECORD_ABSENT ? RECORD_ABSENT : all - unknown);
		sheet_value(row, 2, unknown);
		sheet_value(row, 3, m.calls);
		sheet_value(row, 4, view_share(unknown, all));
	}
	return rc;
}

int view_cohorts(struct view *v)
{
	struct ledger_query q = view_query(v);
	struct groups all;
	dimensions(v, &q, "cohort");
	int rc = view_ask(v, &q, &all);
	struct sheet *s = rc == 0 ? doc_sheet(v->d, "cohorts", "") : NULL;
	if (s == NULL)
		return rc;
	int64_t base = view_per(view_money(v, &all.total), all.total.active_days);
	view_dimensions(v, s, q.by, q.by_n);
	sheet_column(s, "active_days", "active days", MEASURE_COUNT);
	sheet_column(s, "sessions", "sessions", MEASURE_COUNT);
	sheet_column(s, "calls", "calls", MEASURE_COUNT);
	sheet_column(s, "cost_nanousd", "cost", MEASURE_MONEY);
	sheet_column(s, "cost_per_active_day_nanousd", "an active day", MEASURE_MONEY);
	sheet_column(s, "against_all", "against all", SHEET_CHANGE);
	sheet_column(s, "cost_per_session_nanousd", "a session", MEASURE_MONEY);
	sheet_column(s, "context_tokens_per_call", "input a call", MEASURE_TOKENS);
	sheet_column(s, "cache_hit_ratio", "cached", MEASURE_RATIO);
	sheet_column(s, "retries", "retries", MEASURE_COUNT);
	sheet_column(s, "refused", "refused", MEASURE_COUNT);
	for (size_t i = 0; i <= all.n && all.n; i++) {
		const struct ledger_measures *m = i < all.n ? &all.at[i].m : &all.total;
		if (i >= view_top(v, TOP) && i < all.n)
			continue;
		struct sheet_row *row = sheet_row(v->d, s, i == all.n);
		int64_t cost = view_money(v, m), a_day = view_per(cost, m->active_days);
		const int64_t cells[] = {m->active_days,
		                         m->sessions,
		                         m->calls,
		                         cost,
		                         a_day,
		                         view_change(a_day, base),
		                         view_per(cost, m->sessions),
		                         view_per(m->context_tokens, m->calls),
		                         view_cached(m),
		                         m->retries,
		                         m->refused};
		for (size_t k = 0; i < all.n && k < q.by_n; k++)
			sheet_text(v->d, row, k, all.at[i].key[k]);
		for (size_t k = 0; k < sizeof cells / sizeof *cells; k++)
			sheet_value(row, q.by_n + k, cells[k]);
	}
	s->hidden = all.n - s->rows_n;
	return rc;
}
