/* Which named reports there are; the plain one as a document, beside the period before it, and over time. */
#include "finops/report_view.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/money.h"
#include "base/num.h"
#include "model/units.h"
#include "model/vendors.h"

#define HOUR_MS   INT64_C(3600000)
#define DAY_MS    INT64_C(86400000)
#define TOP_USUAL 200

/* --- questions ------------------------------------------------------------------------------- */

struct ledger_query view_query(const struct view *v)
{
	struct ledger_query q = v->r->q;
	q.by_n = 0;
	q.per = PER_NONE;
	q.until_ms = v->until_ms;
	q.parts = false;
	return q;
}

void view_by(struct ledger_query *q, const char *dimension)
{
	if (q->by_n < LEDGER_BY_MAX)
		q->by[q->by_n++] = slice_of(dimension);
}

bool view_where(struct ledger_query *q, const char *column, slice value)
{
	if (q->filters_n == LEDGER_FILTERS_MAX)
		return false;
	q->filters[q->filters_n++] = (struct ledger_filter){.column = slice_of(column), .value = value};
	return true;
}

void view_before(const struct view *v, struct ledger_query *q)
{
	q->until_ms = v->r->q.since_ms;
	q->since_ms = v->r->q.since_ms - (v->until_ms - v->r->q.since_ms);
}

struct asking {
	struct view *v;
	struct groups *out;
	size_t by_n;
};

static int on_group(void *arg, const struct ledger_group *g)
{
	struct asking *a = arg;
	struct groups *o = a->out;
	struct arena *mem = &a->v->d->mem;
	if (o->n == VIEW_GROUPS_MAX)
		return ERR_FULL;
	if (o->n == o->cap) {
		size_t cap = o->cap ? o->cap * 2 : 64;
		struct group *more = arena_alloc(mem, cap * sizeof *more);
		if (more == NULL)
			return ERR_FULL;
		if (o->n)
			memcpy(more, o->at, o->n * sizeof *more);
		o->at = more;
		o->cap = cap;
	}
	struct group *to = &o->at[o->n++];
	*to = (struct group){.bucket_ms = g->bucket_ms, .m = g->m};
	for (size_t i = 0; i < a->by_n; i++)
		if (g->key[i].p && (to->key[i] = arena_copy(mem, g->key[i])).p == NULL)
			return ERR_FULL;
	return 0;
}

static int too_large(struct view *v, int rc)
{
	return rc == ERR_FULL && v->e->text[0] == '\0'
	           ? error_set(v->e, rc,
	                       "the report is too large: name fewer dimensions, a shorter window or a filter")
	           : rc;
}

int view_ask(struct view *v, const struct ledger_query *q, struct groups *out)
{
	struct asking a = {v, out, q->by_n};
	*out = (struct groups){.n = 0};
	ledger_measures_none(&out->total);
	return v->l ? too_large(v, v->ops->report(v->l, q, on_group, &a, &out->total, v->e)) : 0;
}

static int no_group(void *arg, const struct ledger_group *g)
{
	(void)arg;
	(void)g;
	return 0;
}

int view_total(struct view *v, const struct ledger_query *q, struct ledger_measures *out)
{
	ledger_measures_none(out);
	return v->l ? v->ops->report(v->l, q, no_group, NULL, out, v->e) : 0;
}

/* --- figures --------------------------------------------------------------------------------- */

int64_t view_money(const struct view *v, const struct ledger_measures *m)
{
	return v->plan ? m->subscription_nanousd : m->cost_nanousd;
}

int64_t view_per(int64_t a, int64_t b)
{
	return a == RECORD_ABSENT || b <= 0 ? RECORD_ABSENT : a / b;
}

int64_t view_share(int64_t a, int64_t b)
{
	return a == RECORD_ABSENT || b <= 0 ? RECORD_ABSENT : (int64_t)(((__int128)a * 10000 + b / 2) / b);
}

int64_t view_change(int64_t now, int64_t before)
{
	if (now == RECORD_ABSENT || before == RECORD_ABSENT || before <= 0)
		return RECORD_ABSENT;
	return (int64_t)(((__int128)now - before) * 10000 / before);
}

int64_t view_cached(const struct ledger_measures *m)
{
	static const struct measure ratio = {.kind = MEASURE_RATIO};
	return report_measure(&ratio, m);
}

size_t view_top(const struct view *v, size_t usual)
{
	return v->r->style.top ? v->r->style.top : v->r->format == REPORT_TABLE ? SIZE_MAX : usual;
}

static int64_t known(int64_t tokens)
{
	return num_max_i64(tokens, 0);
}

/* A provider's name in the settings is its own; the price book knows vendors. */
static const struct price *price_of(const struct view *v, slice provider, slice model, int64_t at_ms)
{
	const struct price *p = catalog_price(v->r->prices, provider, model, at_ms);
	const struct vendor *vendor = vendor_named(provider);
	if (p == NULL && vendor)
		p = catalog_price(v->r->prices, slice_of(vendor->prices), model, at_ms);
	const struct price *each;
	for (size_t at = 0; p == NULL && (each = catalog_each(v->r->prices, &at)) != NULL;)
		p = catalog_price(v->r->prices, each->vendor, model, at_ms);
	return p;
}

bool view_cache_query(const struct view *v, struct ledger_query *q)
{
	view_by(q, "provider");
	view_by(q, "model");
	return view_where(q, "billing", v->plan ? SLICE("subscription") : SLICE("metered"));
}

/* What its cached tokens were paid with; on a plan, what they would be worth. */
static int64_t paid_of(const struct view *v, const struct group *g, const struct price *p)
{
	static const enum meter meters[] = {METER_CACHE_READ, METER_CACHE_WRITE_5M, METER_CACHE_WRITE_1H};
	static const enum cost_part parts[] = {COST_CACHE_READ, COST_CACHE_WRITE_5M, COST_CACHE_WRITE_1H};
	int64_t sum = 0;
	for (size_t i = 0; i < sizeof meters / sizeof *meters; i++) {
		int64_t cost = known(g->m.cost_part[parts[i]]), tokens = known(g->m.meters[meters[i]]);
		if (v->plan && tokens &&
		    (p == NULL || p->per_million[meters[i]] == PRICE_ABSENT ||
		     money_cost(tokens, p->per_million[meters[i]], PPM, &cost) != 0))
			return RECORD_ABSENT;
		sum = num_sat_add_i64(sum, cost);
	}
	return sum;
}

int64_t view_saved(const struct view *v, const struct group *g, int64_t *paid)
{
	int64_t tokens = known(g->m.meters[METER_CACHE_READ]) + known(g->m.meters[METER_CACHE_WRITE_5M]) +
	                 known(g->m.meters[METER_CACHE_WRITE_1H]);
	int64_t fresh, at = v->until_ms - 1;
	const struct price *p = v->r->prices && g->key[1].p ? price_of(v, g->key[0], g->key[1], at) : NULL;
	*paid = paid_of(v, g, p);
	if (tokens == 0)
		return 0;
	if (*paid == RECORD_ABSENT || p == NULL || p->per_million[METER_INPUT] == PRICE_ABSENT ||
	    money_cost(tokens, p->per_million[METER_INPUT], PPM, &fresh) != 0)
		return RECORD_ABSENT;
	return fresh - *paid;
}

void view_dimensions(struct view *v, struct sheet *s, const slice *by, size_t by_n)
{
	for (size_t i = 0; s && i < by_n; i++) {
		slice name = arena_copy(&v->d->mem, by[i]);
		sheet_column(s, name.p, name.p, SHEET_TEXT);
	}
}

/* --- the plain report ------------------------------------------------------------------------ */

/* What a document has when no measures are named. */
static const char *const usual[] = {"calls",         "sessions",        "context_tokens",
                                    "output_tokens", "cache_hit_ratio", "subscription_nanousd",
                                    "cost_nanousd"};

static bool is_shown(const struct view *v, const struct measure *m)
{
	if (v->r->measures_given || v->r->q.parts)
		return true;
	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
		if (strcmp(m->name, usual[i]) == 0)
			return true;
	return false;
}

static size_t add_measures(struct view *v, struct sheet *s, const struct measure *out[SHEET_COLUMNS])
{
	size_t n = 0;
	for (size_t i = 0; i < v->r->measures_n && s->columns_n < SHEET_COLUMNS; i++) {
		const struct measure *m = report_measure_at(v->r->measures[i]);
		if (!is_shown(v, m))
			continue;
		bool spent = strcmp(m->name, v->plan ? "subscription_nanousd" : "cost_nanousd") == 0;
		if (spent || (s->bar < 0 && m->kind == MEASURE_MONEY))
			s->bar = (int)s->columns_n;
		out[n++] = m;
		sheet_column(s, m->name, m->head, (int)m->kind);
	}
	return n;
}

static void put_label(struct view *v, struct sheet_row *row, int64_t bucket_ms)
{
	static const enum zone_unit units[] = {ZONE_DAY, ZONE_HOUR, ZONE_DAY, ZONE_WEEK, ZONE_MONTH};
	char label[ZONE_LABEL_MAX];
	size_t n = zone_label(v->r->zone, units[v->r->q.per], bucket_ms, label);
	sheet_text(v->d, row, 0, slice_make(label, n));
}

static int spend(struct view *v)
{
	const struct measure *measures[SHEET_COLUMNS];
	struct ledger_query q = v->r->q;
	struct groups all;
	q.until_ms = v->until_ms;
	int rc = view_ask(v, &q, &all);
	struct sheet *s = rc == 0 ? doc_sheet(v->d, "spend", "") : NULL;
	if (s == NULL)
		return rc;
	s->none = "No calls.";
	if (q.per)
		sheet_column(s, "bucket", "time", SHEET_TEXT);
	view_dimensions(v, s, q.by, q.by_n);
	size_t first = s->columns_n, n = add_measures(v, s, measures), shown = 0,
	       top = view_top(v, TOP_USUAL);
	for (size_t i = 0; i < all.n; i++) {
		shown = i && all.at[i].bucket_ms == all.at[i - 1].bucket_ms ? shown + 1 : 1;
		if (shown > top)
			continue;
		struct sheet_row *row = sheet_row(v->d, s, false);
		if (q.per)
			put_label(v, row, all.at[i].bucket_ms);
		for (size_t k = 0; k < q.by_n; k++)
			sheet_text(v->d, row, k + (q.per ? 1 : 0), all.at[i].key[k]);
		for (size_t k = 0; k < n; k++)
			sheet_value(row, first + k, report_measure(measures[k], &all.at[i].m));
	}
	s->hidden = all.n - s->rows_n;
	struct sheet_row *total = all.n ? sheet_row(v->d, s, true) : NULL;
	for (size_t k = 0; total && k < n; k++)
		sheet_value(total, first + k, report_measure(measures[k], &all.total));
	return rc;
}

/* --- beside the period before ---------------------------------------------------------------- */

struct pair {
	const struct group *now, *before;
};

static slice joined(struct view *v, const struct group *g, size_t by_n)
{
	slice all = SLICE("");
	for (size_t i = 0; i < by_n; i++)
		all = arena_printf(&v->d->mem, SLICE_FMT "%s" SLICE_FMT "\x1f", SLICE_ARG(all),
		                   g->key[i].p ? "=" : "", SLICE_ARG(g->key[i]));
	return all;
}

static void put_pair(struct view *v, struct sheet_row *row, size_t at, const struct ledger_measures *now,
                     const struct ledger_measures *before)
{
	int64_t money = now ? view_money(v, now) : 0, was = before ? view_money(v, before) : 0;
	sheet_value(row, at, now ? now->calls : 0);
	sheet_value(row, at + 1, before ? before->calls : 0);
	sheet_value(row, at + 2, money);
	sheet_value(row, at + 3, was);
	sheet_value(row, at + 4,
	            money == RECORD_ABSENT || was == RECORD_ABSENT ? RECORD_ABSENT : money - was);
	sheet_value(row, at + 5, view_change(money, was));
}

static int pair_up(struct view *v, const struct groups *now, const struct groups *before, size_t by_n,
                   struct pair *out, size_t *n)
{
	struct map at;
	int rc = 0;
	map_init(&at, now->n + before->n + 1, (uint64_t)v->r->now_ms);
	*n = 0;
	for (size_t i = 0; rc == 0 && i < now->n; i++) {
		slice key = joined(v, &now->at[i], by_n);
		out[*n] = (struct pair){&now->at[i], NULL};
		rc = key.p ? map_put(&at, key, &out[(*n)++], NULL) : ERR_FULL;
	}
	for (size_t i = 0; rc == 0 && i < before->n; i++) {
		slice key = joined(v, &before->at[i], by_n);
		struct pair *p = key.p ? map_get(&at, key) : NULL;
		if (p)
			p->before = &before->at[i];
		else
			out[(*n)++] = (struct pair){NULL, &before->at[i]};
		rc = key.p ? 0 : ERR_FULL;
	}
	map_release(&at);
	return too_large(v, rc);
}

static int compare(struct view *v)
{
	struct ledger_query q = v->r->q;
	struct groups now, before;
	if (q.per)
		return error_set(v->e, ERR_INVALID,
		                 "two periods are compared as wholes: compare without per");
	q.until_ms = v->until_ms;
	int rc = view_ask(v, &q, &now);
	view_before(v, &q);
	if (rc == 0)
		rc = view_ask(v, &q, &before);
	struct pair *pairs = rc == 0 ? arena_alloc(&v->d->mem, (now.n + before.n + 1) * sizeof *pairs) : NULL;
	size_t n = 0, top = view_top(v, TOP_USUAL);
	if (rc == 0)
		rc = pairs ? pair_up(v, &now, &before, q.by_n, pairs, &n) : too_large(v, ERR_FULL);
	struct sheet *s = rc == 0 ? doc_sheet(v->d, "compare", "") : NULL;
	if (s == NULL)
		return rc;
	s->none = "No calls.";
	view_dimensions(v, s, q.by, q.by_n);
	sheet_column(s, "calls", "calls", MEASURE_COUNT);
	sheet_column(s, "calls_before", "before", MEASURE_COUNT);
	sheet_column(s, "cost_nanousd", "cost", MEASURE_MONEY);
	sheet_column(s, "cost_before_nanousd", "before", MEASURE_MONEY);
	sheet_column(s, "change_nanousd", "change", SHEET_MONEY_CHANGE);
	sheet_column(s, "change", "%", SHEET_CHANGE);
	for (size_t i = 0; i < n && i < top; i++) {
		struct sheet_row *row = sheet_row(v->d, s, false);
		const struct group *any = pairs[i].now ? pairs[i].now : pairs[i].before;
		for (size_t k = 0; k < q.by_n; k++)
			sheet_text(v->d, row, k, any->key[k]);
		put_pair(v, row, q.by_n, pairs[i].now ? &pairs[i].now->m : NULL,
		         pairs[i].before ? &pairs[i].before->m : NULL);
	}
	s->hidden = n - s->rows_n;
	if (n)
		put_pair(v, sheet_row(v->d, s, true), q.by_n, &now.total, &before.total);
	doc_note(v->d, "Before is the time of the same length that ends where this period begins.");
	return rc;
}

/* --- over time ------------------------------------------------------------------------------- */

static enum ledger_per chart_per(const struct view *v)
{
	int64_t length = v->until_ms - v->r->q.since_ms;
	if (v->r->q.per)
		return v->r->q.per;
	return length <= 3 * DAY_MS ? PER_HOUR : length <= CHART_BUCKETS * DAY_MS / 4 ? PER_DAY : PER_WEEK;
}

static struct chart_series *series_for(struct chart *c, slice name)
{
	for (size_t i = 0; i < c->series_n; i++)
		if ((c->series[i].name.p == NULL) == (name.p == NULL) && slice_eq(c->series[i].name, name))
			return &c->series[i];
	return NULL;
}

static int64_t value_of(const struct view *v, const struct ledger_measures *m)
{
	return num_max_i64(view_money(v, m), 0);
}

/* The dearest values, and the others as one. */
static int find_series(struct view *v, struct chart *c, struct ledger_query q)
{
	struct groups all;
	int64_t rest = 0;
	q.per = PER_NONE;
	int rc = view_ask(v, &q, &all);
	for (size_t i = 0; rc == 0 && i < all.n; i++) {
		int64_t total = value_of(v, &all.at[i].m);
		slice name = q.by_n ? all.at[i].key[0] : SLICE("all");
		if (total > 0 && c->series_n < CHART_SERIES)
			c->series[c->series_n++] = (struct chart_series){.name = name, .total = total};
		else
			rest = num_sat_add_i64(rest, total);
	}
	if (rest > 0)
		c->series[c->series_n++] = (struct chart_series){.name = SLICE("others"), .total = rest};
	return rc;
}

static int draw(struct view *v, const char *over)
{
	static const enum zone_unit units[] = {ZONE_DAY, ZONE_HOUR, ZONE_DAY, ZONE_WEEK, ZONE_MONTH};
	static const char *const titles[] = {"", "Cost by hour", "Cost by day", "Cost by week",
	                                     "Cost by month"};
	struct chart *c = arena_zalloc(&v->d->mem, sizeof *c);
	struct ledger_query q = view_query(v);
	struct groups all;
	int64_t begins[CHART_BUCKETS];
	if (c == NULL)
		return too_large(v, ERR_FULL);
	if (over && !v->r->by_given)
		view_by(&q, over);
	else if (v->r->q.by_n && !v->r->q.parts)
		q.by[q.by_n++] = v->r->q.by[0];
	int rc = find_series(v, c, q);
	q.per = chart_per(v);
	c->title = titles[q.per];
	c->kind = MEASURE_MONEY;
	for (int64_t at = q.since_ms, from, to; at < v->until_ms && c->buckets_n < CHART_BUCKETS; at = to) {
		char label[ZONE_LABEL_MAX];
		zone_span(v->r->zone, units[q.per], at, &from, &to);
		size_t n = zone_label(v->r->zone, units[q.per], from, label);
		begins[c->buckets_n] = from;
		c->label[c->buckets_n++] = arena_copy(&v->d->mem, slice_make(label, n));
	}
	if (rc == 0)
		rc = view_ask(v, &q, &all);
	for (size_t i = 0, b = 0; rc == 0 && i < all.n; i++) {
		while (b < c->buckets_n && begins[b] < all.at[i].bucket_ms)
			b++;
		struct chart_series *s = series_for(c, q.by_n ? all.at[i].key[0] : SLICE("all"));
		if (s == NULL)
			s = series_for(c, SLICE("others"));
		if (s && b < c->buckets_n && begins[b] == all.at[i].bucket_ms)
			s->value[b] = num_sat_add_i64(s->value[b], value_of(v, &all.at[i].m));
	}
	v->d->chart = rc == 0 && c->series_n ? c : NULL;
	return rc;
}

/* --- the views ------------------------------------------------------------------------------- */

static const struct named {
	const char *name, *title;
	view_fn *make;
	const char *over; /* whose values a chart stacks when nothing else is asked for */
} views[] = {
    {"summary", "Spend at a glance", view_summary, "model"},
    {"models", "Models", view_models, "model"},
    {"cache", "Prompt caching", view_cache, "model"},
    {"context", "Context sizes", view_context, "agent"},
    {"distribution", "What a session, a task, a call costs", view_distribution, "workflow"},
    {"waste", "Retries, failures and refusals", view_waste, "ending"},
    {"ci", "Continuous integration", view_ci, "workflow"},
    {"subscription", "Subscriptions beside metered spend", view_subscription, "billing"},
    {"allocation", "What is known of the spend, and what is not", view_allocation, "team"},
    {"cohorts", "Cohorts", view_cohorts, "cohort"},
};

const char *report_view_name(size_t i)
{
	return i < sizeof views / sizeof *views ? views[i].name : NULL;
}

static const struct named *view_named(slice name)
{
	for (size_t i = 0; i < sizeof views / sizeof *views; i++)
		if (slice_eq(name, slice_of(views[i].name)))
			return &views[i];
	return NULL;
}

static slice title_of(const struct view *v, const struct named *named)
{
	const struct ledger_query *q = &v->r->q;
	slice all = slice_of(named ? named->title : "Spend");
	for (size_t i = 0; named == NULL && i < q->by_n; i++)
		all = arena_printf(&v->d->mem, SLICE_FMT "%s" SLICE_FMT, SLICE_ARG(all),
		                   i == 0            ? " by "
		                   : i + 1 < q->by_n ? ", "
		                                     : " and ",
		                   SLICE_ARG(q->by[i]));
	return all;
}

static slice instant(const struct view *v, int64_t ms)
{
	char label[ZONE_LABEL_MAX];
	int64_t from, to, s = ms / 1000;
	zone_span(v->r->zone, ZONE_DAY, ms, &from, &to);
	size_t n = zone_label(v->r->zone, ZONE_DAY, from, label);
	int minutes = (int)((s + zone_offset(v->r->zone, s)) / 60 % 1440);
	return ms == from
	           ? arena_copy(&v->d->mem, slice_make(label, n))
	           : arena_printf(&v->d->mem, "%.*s %02d:%02d", (int)n, label, minutes / 60, minutes % 60);
}

/* Is all of it on plans? Then their value is the money of the document. */
static int find_plan(struct view *v)
{
	struct ledger_query q = view_query(v);
	struct ledger_measures total;
	int rc = view_total(v, &q, &total);
	v->plan = total.cost_nanousd == 0 && total.subscription_nanousd > 0;
	return rc;
}

int report_document(const struct ledger_ops *ops, struct ledger *l, const struct report *r, struct buf *out,
                    const char **type, struct error *e)
{
	const struct named *named = view_named(r->view);
	struct doc d;
	struct view v = {r, ops, l, &d, e, .until_ms = r->until_given ? r->q.until_ms : r->now_ms};
	doc_init(&d, named ? named->name : r->compare ? "compare" : "spend");
	d.title = title_of(&v, named);
	d.since_ms = r->q.since_ms;
	d.until_ms = v.until_ms;
	slice from = instant(&v, d.since_ms), to = instant(&v, d.until_ms);
	d.period = arena_printf(&d.mem, SLICE_FMT " to " SLICE_FMT " (" SLICE_FMT ")", SLICE_ARG(from),
	                        SLICE_ARG(to), SLICE_ARG(r->q.timezone.n ? r->q.timezone : SLICE("UTC")));
	d.where = report_where_text(r, &d.mem);
	int rc = find_plan(&v);
	if (rc == 0 && (r->chart || (named == NULL && r->format == REPORT_HTML && !r->q.parts)))
		rc = draw(&v, named ? named->over : NULL);
	if (rc == 0)
		rc = named ? named->make(&v) : r->compare ? compare(&v) : spend(&v);
	if (v.plan)
		doc_note(
		    &d,
		    "Nothing was spent by the token: money is the list value of calls on a subscription.");
	if (rc == 0)
		rc = doc_write(&d, r->format, &r->style, out, type, e);
	doc_release(&d);
	return rc;
}
