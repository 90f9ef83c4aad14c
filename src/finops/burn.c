/* Budgets as they will end. Of each counter the days of the past are added up, by the ledger where it can say
 * the budget's `where`, else row by row, and given to forecast_period. */
#include "finops/burn.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/money.h"
#include "base/num.h"
#include "policy/budget.h"

#define HOUR_MS    INT64_C(3600000)
#define DAY_MS     INT64_C(86400000)
#define PAST       FORECAST_DAYS
#define MEM_MAX    ((size_t)64 << 20)
#define LEARN_DAYS 28
#define HOUR_PRIOR 0.05 /* of a day's spend that is taken to lie evenly over it, whatever was seen */
#define SEPARATOR  '\x1f'

/* --- the calendar ------------------------------------------------------------------------------------------
 */

int64_t burn_day(const struct zone *zone, int64_t ms)
{
	int64_t s = ms / 1000 - (ms % 1000 < 0), local = s + zone_offset(zone, s);
	return local / 86400 - (local % 86400 < 0);
}

int64_t burn_day_begins(const struct zone *zone, int64_t day)
{
	int64_t year;
	int month, date;
	zone_date_of(day, &year, &month, &date);
	return zone_day_begins(zone, year, month, date);
}

int burn_weekday(int64_t day)
{
	return (int)(((day + 3) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
}

static int hour_of(const struct zone *zone, int64_t ms, double *into)
{
	int64_t s = ms / 1000, local = s + zone_offset(zone, s), in_day = local - burn_day(zone, ms) * 86400;
	*into = (double)(in_day % 3600) / 3600;
	return (int)(in_day / 3600 % 24);
}

/* --- how a day's spend lies over its hours -----------------------------------------------------------------
 */

struct learning {
	const struct zone *zone;
	double spent[2][24];
};

static int learn_hour(void *arg, const struct ledger_group *g)
{
	struct learning *l = arg;
	double into;
	int hour = hour_of(l->zone, g->bucket_ms, &into);
	bool weekend = burn_weekday(burn_day(l->zone, g->bucket_ms)) >= 5;
	l->spent[weekend][hour] +=
	    (double)num_max_i64(g->m.cost_nanousd, 0) + (double)num_max_i64(g->m.subscription_nanousd, 0);
	return 0;
}

static void share_out(const double spent[24], double before[25])
{
	double sum = 0;
	for (int h = 0; h < 24; h++)
		sum += spent[h];
	before[0] = 0;
	for (int h = 0; h < 24; h++) {
		double seen = sum > 0 ? spent[h] / sum : 1.0 / 24;
		before[h + 1] = before[h] + (1 - HOUR_PRIOR) * seen + HOUR_PRIOR / 24;
	}
}

int burn_hours_learn(const struct ledger_ops *ops, struct ledger *l, slice timezone, const struct zone *zone,
                     int64_t now_ms, const struct ledger_filter *filters, size_t filters_n,
                     struct burn_hours *out, struct error *e)
{
	struct learning seen = {.zone = zone};
	int64_t today = burn_day(zone, now_ms);
	struct ledger_query q = {.per = PER_HOUR,
	                         .timezone = timezone,
	                         .since_ms = burn_day_begins(zone, today - LEARN_DAYS),
	                         .until_ms = burn_day_begins(zone, today)};
	for (; q.filters_n < filters_n && q.filters_n < LEDGER_FILTERS_MAX; q.filters_n++)
		q.filters[q.filters_n] = filters[q.filters_n];
	int rc = l ? ops->report(l, &q, learn_hour, &seen, NULL, e) : 0;
	for (int k = 0; k < 2; k++)
		share_out(seen.spent[k], out->before[k]);
	return rc;
}

static const double *hours_at(const struct burn_hours *h, const struct zone *zone, int64_t ms)
{
	return h->before[burn_weekday(burn_day(zone, ms)) >= 5];
}

static double done_at(const struct burn_hours *h, const struct zone *zone, int64_t ms)
{
	double into;
	int hour = hour_of(zone, ms, &into);
	const double *before = hours_at(h, zone, ms);
	return before[hour] + (before[hour + 1] - before[hour]) * into;
}

int64_t burn_hours_done_ppm(const struct burn_hours *h, const struct zone *zone, int64_t ms)
{
	return (int64_t)(done_at(h, zone, ms) * 1e6);
}

int64_t burn_passes_ms(const struct burn_hours *h, const struct zone *zone, int64_t now_ms,
                       const struct forecast *f)
{
	if (f->passes_in_days < 0)
		return 0;
	int64_t from =
	    f->passes_in_days ? burn_day_begins(zone, burn_day(zone, now_ms) + f->passes_in_days) : now_ms;
	const double *before = hours_at(h, zone, from);
	double begun = f->passes_in_days ? 0 : done_at(h, zone, now_ms);
	double at = begun + (1 - begun) * (double)f->passes_ppm / 1e6, into;
	int hour = hour_of(zone, from, &into);
	while (hour < 23 && before[hour + 1] < at)
		hour++;
	double share =
	    before[hour + 1] > before[hour] ? (at - before[hour]) / (before[hour + 1] - before[hour]) : 0;
	int64_t midnight = burn_day_begins(zone, burn_day(zone, from));
	int64_t when = midnight + (int64_t)(((double)hour + share) * (double)HOUR_MS);
	return num_max_i64(when, now_ms);
}

/* --- the counters of one budget ----------------------------------------------------------------------------
 */

struct counter {
	struct counter *next;
	slice key;             /* values apart by SEPARATOR; in the arena */
	int64_t day[PAST + 1]; /* the last is today */
	int64_t before;        /* of the window, before those days */
	int64_t rolling;       /* of a rolling window */
	int64_t lifted;
};

struct gathering {
	const struct burn_question *q;
	const struct budget_rule *rule;
	const struct zone *zone;
	struct arena mem;
	struct map map;
	struct counter *first;
	int64_t today;
	int64_t from_ms, to_ms; /* the window */
	int64_t past_ms;        /* when the days begin */
	enum { OF_DAYS, OF_BEFORE, OF_ROLLING } what;
	struct budget_clock clock;
	size_t unkept; /* counters beyond the cap */
};

static struct counter *counter_for(struct gathering *g, slice key)
{
	struct counter *c = map_get(&g->map, key);
	if (c)
		return c;
	if (g->map.n == BURN_COUNTERS_MAX) {
		g->unkept++;
		return NULL;
	}
	c = arena_zalloc(&g->mem, sizeof *c);
	if (c == NULL || (c->key = arena_copy(&g->mem, key)).p == NULL ||
	    map_put(&g->map, c->key, c, NULL) != 0)
		return NULL;
	c->next = g->first;
	g->first = c;
	return c;
}

static void add(struct gathering *g, slice key, int64_t ms, int64_t amount)
{
	struct counter *c = amount > 0 ? counter_for(g, key) : NULL;
	int64_t day = PAST - (g->today - burn_day(g->zone, ms));
	if (c == NULL)
		return;
	if (g->what == OF_BEFORE)
		c->before = num_sat_add_i64(c->before, amount);
	else if (g->what == OF_ROLLING)
		c->rolling = num_sat_add_i64(c->rolling, amount);
	else if (day >= 0 && day <= PAST)
		c->day[day] = num_sat_add_i64(c->day[day], amount);
}

/* --- added up by the ledger --------------------------------------------------------------------------------
 */

static int64_t known(int64_t v)
{
	return num_max_i64(v, 0);
}

static int64_t amount_of(const struct amount *limit, const struct ledger_measures *m)
{
	static const enum meter all[] = {METER_INPUT,          METER_CACHE_READ,  METER_CACHE_WRITE_5M,
	                                 METER_CACHE_WRITE_1H, METER_INPUT_AUDIO, METER_CACHE_READ_AUDIO,
	                                 METER_INPUT_IMAGE,    METER_OUTPUT,      METER_OUTPUT_AUDIO,
	                                 METER_OUTPUT_IMAGE};
	int64_t sum = 0;
	switch (limit->unit) {
	case LIMIT_USD:
		return known(m->cost_nanousd);
	case LIMIT_TOKENS:
		for (size_t i = 0; i < sizeof all / sizeof *all; i++)
			sum = num_sat_add_i64(sum, known(m->meters[all[i]]));
		return sum;
	case LIMIT_METER:
		return known(m->meters[limit->meter]);
	case LIMIT_CALLS:
		return m->calls;
	case LIMIT_CREDITS:
		return known(m->credits_nano);
	}
	return 0;
}

static int add_group(void *arg, const struct ledger_group *group)
{
	struct gathering *g = arg;
	char key[BUDGET_KEY_MAX];
	size_t n = 0;
	for (size_t i = 0; i < g->rule->each_n; i++) {
		slice v = slice_sub(group->key[i], 0, ATTR_TEXT_MAX);
		if (i)
			key[n++] = SEPARATOR;
		if (v.n)
			memcpy(key + n, v.p, v.n);
		n += v.n;
	}
	add(g, slice_make(key, n), group->bucket_ms, amount_of(&g->rule->limit, &group->m));
	return 0;
}

static bool add_filter(struct ledger_query *q, slice column, slice value, bool exact)
{
	if (q->filters_n == LEDGER_FILTERS_MAX)
		return false;
	q->filters[q->filters_n++] = (struct ledger_filter){column, value, exact};
	return true;
}

/* False when the ledger cannot say what the budget counts. */
static bool as_query(struct gathering *g, struct ledger_query *q)
{
	const struct budget_rule *b = g->rule;
	struct where_filter tests[LEDGER_FILTERS_MAX];
	size_t n;
	*q = (struct ledger_query){.timezone = g->q->settings->timezone};
	if (!where_filters(b->rule.where, &g->mem, tests, LEDGER_FILTERS_MAX, &n) ||
	    b->rule.cohort.kind == COHORT_SHARE)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!add_filter(q, tests[i].column, tests[i].value, false))
			return false;
	if (b->rule.cohort.kind == COHORT_NAMED && !add_filter(q, SLICE("cohort"), b->rule.cohort.name, true))
		return false;
	if (!b->include && !add_filter(q, SLICE("source"), SLICE("gateway"), true))
		return false;
	for (size_t i = 0; i < b->each_n; i++) {
		enum field f = b->each[i].field;
		if (f == FIELD_MODEL || f == FIELD_WEEKDAY || f == FIELD_TRIGGER)
			return false;
		q->by[q->by_n++] = f == FIELD_TAGS
		                       ? arena_printf(&g->mem, "tags." SLICE_FMT, SLICE_ARG(b->each[i].tag))
		                   : f == FIELD_KEY ? SLICE("key_id")
		                                    : slice_of(field_name(f));
		if (f == FIELD_USER && g->q->user.n && !add_filter(q, SLICE("user"), g->q->user, true))
			return false;
	}
	return true;
}

static int ask(struct gathering *g, struct ledger_query *q, enum ledger_per per, int64_t since, int64_t until,
               struct error *e)
{
	q->per = per;
	q->since_ms = since;
	q->until_ms = until;
	return since < until || until == 0 ? g->q->ops->report(g->q->ledger, q, add_group, g, NULL, e) : 0;
}

/* --- row by row --------------------------------------------------------------------------------------------
 */

static int add_row(void *arg, const struct record *r)
{
	struct gathering *g = arg;
	struct facts f = {.record = r, .zone = g->zone};
	struct budget_entry entry;
	if (g->q->user.n && !slice_eq(r->who.v[ATTR_USER], g->q->user))
		return 0;
	if (!budget_entry_of(g->rule, &f, &g->clock, &entry))
		return 0;
	bool of_days = r->time_ms >= g->past_ms;
	bool rolls = g->rule->window.kind == WINDOW_ROLLING;
	if (rolls && r->time_ms >= g->from_ms) {
		g->what = OF_ROLLING;
		add(g, slice_make(entry.key, entry.key_n), r->time_ms, entry.amount);
	}
	g->what = of_days ? OF_DAYS : OF_BEFORE;
	if (of_days || r->time_ms >= g->from_ms)
		add(g, slice_make(entry.key, entry.key_n), r->time_ms, entry.amount);
	return 0;
}

static int walk_rows(struct gathering *g, struct error *e)
{
	struct ledger_query q = {.since_ms = num_min_i64(g->past_ms, g->from_ms)};
	q.only_n = budget_row_columns(g->rule, q.only);
	return g->q->ops->rows(g->q->ledger, &q, add_row, g, e);
}

static int gather(struct gathering *g, struct error *e)
{
	struct ledger_query q;
	if (!as_query(g, &q))
		return walk_rows(g, e);
	g->what = OF_DAYS;
	int rc = ask(g, &q, PER_DAY, g->past_ms, 0, e);
	if (rc == 0 && g->rule->window.kind == WINDOW_ROLLING) {
		g->what = OF_ROLLING;
		return ask(g, &q, PER_NONE, g->from_ms, 0, e);
	}
	g->what = OF_BEFORE;
	return rc ? rc : ask(g, &q, PER_NONE, g->from_ms, g->past_ms, e);
}

/* --- limits that were lifted -------------------------------------------------------------------------------
 */

/* The scope's value of a field: the text of {"user": "ana@example.com"}; texts that need an escape are none.
 */
static slice scope_value(slice scope, const struct field_ref *ref)
{
	char quoted[ATTR_TEXT_MAX + 16];
	int n = ref->field == FIELD_TAGS
	            ? snprintf(quoted, sizeof quoted, "\"tags." SLICE_FMT "\":", SLICE_ARG(ref->tag))
	            : snprintf(quoted, sizeof quoted, "\"%s\":", field_name(ref->field));
	ptrdiff_t at = n > 0 ? slice_find(scope, slice_make(quoted, (size_t)n)) : -1;
	if (at < 0)
		return SLICE_NONE;
	slice rest = slice_trim(slice_sub(scope, (size_t)at + (size_t)n, scope.n));
	if (!slice_starts(rest, SLICE("\"")))
		return SLICE_NONE;
	rest = slice_sub(rest, 1, rest.n);
	ptrdiff_t end = slice_find_char(rest, '"');
	return end < 0 ? SLICE_NONE : slice_sub(rest, 0, (size_t)end);
}

static int lift(void *arg, const struct ledger_override *o)
{
	struct gathering *g = arg;
	char key[BUDGET_KEY_MAX];
	size_t n = 0;
	if (o->state != OVERRIDE_ACTIVE || !slice_eq(o->budget, g->rule->rule.name) ||
	    g->q->now_ms < o->from_ms || g->q->now_ms >= o->until_ms)
		return 0;
	for (size_t i = 0; i < g->rule->each_n; i++) {
		slice v = slice_sub(scope_value(o->scope, &g->rule->each[i]), 0, ATTR_TEXT_MAX);
		if (i)
			key[n++] = SEPARATOR;
		if (v.n)
			memcpy(key + n, v.p, v.n);
		n += v.n;
	}
	struct counter *c = map_get(&g->map, slice_make(key, n));
	if (c)
		c->lifted = num_sat_add_i64(c->lifted, o->amount);
	return 0;
}

/* --- forecasts ---------------------------------------------------------------------------------------------
 */

static bool has_forecast(const struct budget_rule *b)
{
	static const enum field brief[] = {FIELD_SESSION, FIELD_SUBAGENT, FIELD_TASK,   FIELD_PR,
	                                   FIELD_COMMIT,  FIELD_TURN,     FIELD_ATTEMPT};
	for (size_t i = 0; i < b->each_n; i++)
		for (size_t k = 0; k < sizeof brief / sizeof *brief; k++)
			if (b->each[i].field == brief[k])
				return false;
	if (b->window.kind == WINDOW_HOUR || b->window.kind == WINDOW_NONE)
		return false;
	return b->rule.mode != MODE_OFF &&
	       (b->window.kind != WINDOW_ROLLING || b->window.rolling_ms >= DAY_MS);
}

/* [*from, *to) of the window that holds now. */
static void find_window(const struct window *w, const struct zone *zone, int64_t now_ms, int64_t *from,
                        int64_t *to)
{
	struct budget_rule rule = {.window = *w};
	struct budget_clock clock = {.zone = zone, .steady_ms = now_ms};
	*to = INT64_MAX;
	if (w->kind == WINDOW_ROLLING) {
		*from = now_ms - w->rolling_ms;
		return;
	}
	*from = budget_counts_from(&rule, zone, now_ms, &clock);
	if (w->kind != WINDOW_TOTAL)
		*to = clock.at[w->kind].to_ms;
}

/* The values apart by ", ". */
static void values_text(slice key, char *out, size_t cap)
{
	slice part, rest = key;
	size_t n = 0;
	out[0] = '\0';
	for (bool first = true; n < cap && slice_split(&rest, SEPARATOR, &part); first = false) {
		int len = snprintf(out + n, cap - n, "%s" SLICE_FMT, first ? "" : ", ",
		                   SLICE_ARG(part.n ? part : SLICE("unknown")));
		n += len > 0 ? (size_t)len : 0;
	}
}

static int64_t so_far_of(const struct gathering *g, const struct counter *c)
{
	if (g->rule->window.kind == WINDOW_ROLLING)
		return c->rolling;
	int64_t sum = c->before;
	for (int i = 0; i <= PAST; i++)
		if (burn_day_begins(g->zone, g->today - PAST + i) >= g->from_ms)
			sum = num_sat_add_i64(sum, c->day[i]);
	return sum;
}

static void foresee(const struct gathering *g, const struct burn_hours *hours, const struct counter *c,
                    struct burn *out)
{
	bool rolls = g->rule->window.kind == WINDOW_ROLLING;
	*out = (struct burn){.rule = g->rule,
	                     .from_ms = g->from_ms,
	                     .to_ms = g->to_ms,
	                     .limit = num_sat_add_i64(g->rule->limit.n, c->lifted),
	                     .so_far = so_far_of(g, c),
	                     .today = c->day[PAST]};
	if (g->rule->each_n)
		values_text(c->key, out->label, sizeof out->label);
	int64_t left = rolls                   ? (g->rule->window.rolling_ms + DAY_MS - 1) / DAY_MS - 1
	               : g->to_ms == INT64_MAX ? BURN_AHEAD_DAYS
	                                       : burn_day(g->zone, g->to_ms - 1) - g->today;
	struct forecast_in in = {.days = c->day,
	                         .days_n = PAST,
	                         .today_weekday = burn_weekday(g->today),
	                         .today_nanousd = c->day[PAST],
	                         .today_done_ppm =
	                             rolls ? 0 : burn_hours_done_ppm(hours, g->zone, g->q->now_ms),
	                         .days_left = (size_t)num_max_i64(left, 0),
	                         .so_far_nanousd = rolls ? 0 : out->so_far,
	                         .limit_nanousd = out->limit};
	forecast_period(&in, &out->f);
	if (out->so_far >= out->limit)
		out->f.passes_in_days = out->f.passes_ppm = 0;
	out->passes_ms = burn_passes_ms(hours, g->zone, g->q->now_ms, &out->f);
	if (rolls && out->so_far < out->limit && out->f.passes_in_days >= 0)
		out->passes_ms = 0; /* what has rolled out by then is not known day by day */
}

bool burn_is_over(const struct burn *b)
{
	return b->so_far >= b->limit;
}

bool burn_will_be_over(const struct burn *b)
{
	return !burn_is_over(b) && b->f.enough && b->f.expected > b->limit;
}

/* The share of the limit that is expected: what is shown first. */
static double pressure(const struct burn *b)
{
	double most = (double)num_max_i64(b->f.expected, b->so_far);
	return b->limit > 0 ? most / (double)b->limit : most > 0 ? 1e9 : 0;
}

/* Into a list that keeps the greatest. */
static void keep(struct burns *list, const struct burn *b)
{
	size_t at = list->n;
	while (at > 0 && pressure(&list->at[at - 1]) < pressure(b))
		at--;
	if (list->n == list->cap)
		list->more++;
	else
		list->n++;
	if (at >= list->cap)
		return;
	memmove(&list->at[at + 1], &list->at[at], (list->n - 1 - at) * sizeof *list->at);
	list->at[at] = *b;
}

static int one_budget(const struct burn_question *q, const struct budget_rule *rule,
                      const struct burn_hours *hours, struct burns *list, struct error *e)
{
	struct gathering g = {.q = q, .rule = rule, .zone = q->settings->zone};
	g.today = burn_day(g.zone, q->now_ms);
	g.past_ms = burn_day_begins(g.zone, g.today - PAST);
	find_window(&rule->window, g.zone, q->now_ms, &g.from_ms, &g.to_ms);
	g.clock = (struct budget_clock){.zone = g.zone, .steady_ms = q->now_ms};
	arena_init(&g.mem, MEM_MAX);
	map_init(&g.map, BURN_COUNTERS_MAX, (uint64_t)q->now_ms);
	int rc = gather(&g, e);
	if (rc == 0 && rule->each_n == 0 && counter_for(&g, SLICE("")) == NULL)
		rc = error_set(e, ERR_NOMEM, "out of memory");
	if (rc == 0)
		rc = q->ops->overrides(q->ledger, q->now_ms, lift, &g, e);
	for (const struct counter *c = g.first; rc == 0 && c; c = c->next) {
		struct burn b;
		foresee(&g, hours, c, &b);
		if (b.so_far || b.f.expected || rule->each_n == 0)
			keep(list, &b);
	}
	list->more += g.unkept ? 1 : 0;
	map_release(&g.map);
	arena_release(&g.mem);
	return rc;
}

/* A budget of everybody's money is not for one user's eyes. */
static bool may_see(const struct burn_question *q, const struct budget_rule *b)
{
	for (size_t i = 0; i < b->each_n; i++)
		if (b->each[i].field == FIELD_USER)
			return true;
	return q->user.n == 0;
}

int burn_budgets(const struct burn_question *q, struct burns *list, struct error *e)
{
	const struct settings *s = q->settings;
	struct burn_hours hours;
	bool found = q->budget.n == 0;
	list->n = list->more = list->unseen = 0;
	if (q->ledger == NULL)
		return 0;
	int rc = burn_hours_learn(q->ops, q->ledger, s->timezone, s->zone, q->now_ms, NULL, 0, &hours, e);
	for (size_t i = 0; rc == 0 && i < s->budgets_n; i++) {
		const struct budget_rule *b = &s->budgets[i];
		if (q->budget.n && !slice_eq(q->budget, b->rule.name))
			continue;
		found = true;
		if (!has_forecast(b) || !may_see(q, b))
			list->unseen++;
		else
			rc = one_budget(q, b, &hours, list, e);
	}
	if (rc == 0 && !found)
		return error_set(e, ERR_NOT_FOUND, "there is no budget \"" SLICE_FMT "\"",
		                 SLICE_ARG(q->budget));
	return rc;
}
