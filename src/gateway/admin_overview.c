/* The first look, in one answer: what today, the week and the month have cost against the same stretch
 * before, what moved, what loops were stopped, what nobody is booked for, how full the budgets are. */
#include <stdlib.h>

#include "base/num.h"
#include "gateway/admin_ask.h"
#include "model/catalog.h"
#include "gateway/pulse.h"

#define MOVERS_SHOWN 5    /* of each dimension */
#define VALUES_MAX   2000 /* of a dimension that are compared */
#define LOOPS_MAX    200  /* sessions whose burn is looked up */
#define LOOKBACK_MS  (INT64_C(10) * 60 * 1000)

/* --- periods ---------------------------------------------------------------------------------------------
 */

static int ignore_group(void *arg, const struct ledger_group *g)
{
	(void)arg, (void)g;
	return 0;
}

static int total_of(struct admin *a, int64_t since, int64_t until, struct ledger_measures *m, struct error *e)
{
	struct ledger_query q;
	int r;
	if (!admin_ask_begin(a, since, until, &q, &r))
		return error_set(e, ERR_REFUSED, "this key has no user, and so no calls of its own to show");
	return a->c->ops->report(a->c->ledger, &q, ignore_group, NULL, m, e);
}

static int put_period(struct admin *a, const char *name, const struct admin_span *s, struct error *e)
{
	struct ledger_measures now, before;
	int rc = total_of(a, s->from_ms, a->now_ms + 1, &now, e);
	if (rc == 0)
		rc = total_of(a, s->before_ms, s->before_to_ms, &before, e);
	if (rc)
		return rc;
	jsonw_key(&a->w, slice_of(name));
	jsonw_object(&a->w);
	admin_put_time(a, SLICE("since"), s->from_ms);
	admin_put_time(a, SLICE("until"), s->to_ms);
	admin_put_measures(a, &now);
	jsonw_key(&a->w, SLICE("before"));
	jsonw_object(&a->w);
	admin_put_time(a, SLICE("since"), s->before_ms);
	admin_put_time(a, SLICE("until"), s->before_to_ms);
	admin_put_measures(a, &before);
	jsonw_object_end(&a->w);
	jsonw_object_end(&a->w);
	return 0;
}

/* --- movers ----------------------------------------------------------------------------------------------
 */

struct mover {
	slice value; /* p NULL: unknown */
	int64_t now, before;
};
struct movers {
	struct admin *a;
	struct mover *at;
	size_t n;
	bool past; /* the period before is read */
};

static int64_t spent(const struct ledger_measures *m)
{
	return m->cost_nanousd > 0 ? m->cost_nanousd : 0;
}

static int take_value(void *arg, const struct ledger_group *g)
{
	struct movers *m = arg;
	size_t i = m->past ? 0 : m->n; /* values of one report are told once each */
	while (i < m->n && !(slice_eq(m->at[i].value, g->key[0]) && !m->at[i].value.p == !g->key[0].p))
		i++;
	if (i == VALUES_MAX)
		return 0;
	if (i == m->n) {
		m->at[i] =
		    (struct mover){.value = g->key[0].p ? arena_copy(&m->a->mem, g->key[0]) : SLICE_NONE};
		m->n++;
	}
	*(m->past ? &m->at[i].before : &m->at[i].now) += spent(&g->m);
	return 0;
}

static int by_change(const void *a, const void *b)
{
	const struct mover *x = a, *y = b;
	int64_t dx = llabs(x->now - x->before), dy = llabs(y->now - y->before);
	return dx != dy ? (dx < dy ? 1 : -1) : slice_cmp(x->value, y->value);
}

static int put_movers_of(struct admin *a, const char *by, const struct admin_span *s, struct error *e)
{
	struct movers m = {.a = a, .at = arena_alloc(&a->mem, VALUES_MAX * sizeof *m.at)};
	struct ledger_measures total;
	int rc = m.at ? 0 : error_set(e, ERR_NOMEM, "out of memory");
	for (int past = 0; rc == 0 && past < 2; past++) {
		struct ledger_query q;
		m.past = past;
		if (!admin_ask_begin(a, past ? s->before_ms : s->from_ms,
		                     past ? s->before_to_ms : a->now_ms + 1, &q, &rc))
			return error_set(e, ERR_REFUSED, "not for this key");
		admin_ask_by(&q, by);
		rc = a->c->ops->report(a->c->ledger, &q, take_value, &m, &total, e);
	}
	if (rc)
		return rc;
	qsort(m.at, m.n, sizeof *m.at, by_change);
	for (size_t i = 0; i < m.n && i < MOVERS_SHOWN && m.at[i].now != m.at[i].before; i++) {
		jsonw_object(&a->w);
		jsonw_put_string(&a->w, SLICE("by"), slice_of(by));
		jsonw_put_string(&a->w, SLICE("value"), m.at[i].value);
		jsonw_put_i64(&a->w, SLICE("cost_nanousd"), m.at[i].now);
		jsonw_put_i64(&a->w, SLICE("before_nanousd"), m.at[i].before);
		jsonw_object_end(&a->w);
	}
	return 0;
}

/* Of the week, against the same stretch of the week before. */
static int put_movers(struct admin *a, const struct admin_span *week, struct error *e)
{
	static const char *const by[] = {"team", "user", "repo", "workflow", "model"};
	int rc = 0;
	jsonw_key(&a->w, SLICE("movers"));
	jsonw_array(&a->w);
	for (size_t i = 0; rc == 0 && i < sizeof by / sizeof *by; i++)
		rc = put_movers_of(a, by[i], week, e);
	jsonw_array_end(&a->w);
	return rc;
}

/* --- loops -----------------------------------------------------------------------------------------------
 */

struct loop {
	slice session;
	int64_t at_ms;
};
struct loops {
	struct admin *a;
	struct loop at[LOOPS_MAX];
	size_t n;
	int64_t refused, spent;
};

static int take_loop(void *arg, const struct record *r)
{
	struct loops *l = arg;
	slice session = r->who.v[ATTR_SESSION];
	if (r->ending != ENDING_REFUSED)
		return 0;
	l->refused++;
	for (size_t i = 0; i < l->n; i++)
		if (slice_eq(l->at[i].session, session))
			return 0;
	if (l->n < LOOPS_MAX)
		l->at[l->n++] = (struct loop){arena_copy(&l->a->mem, session), r->time_ms};
	return 0;
}

static int add_spent(void *arg, const struct record *r)
{
	struct loops *l = arg;
	if (r->priced && r->billing == BILLING_METERED)
		l->spent = num_sat_add_i64(l->spent, r->cost.total);
	return 0;
}

/* Sessions that a rule of storms stopped, and what they had burnt in the ten minutes before: six times that
 * is what another hour would have cost. */
static int put_loops(struct admin *a, int64_t since, struct error *e)
{
	struct loops *l = arena_zalloc(&a->mem, sizeof *l);
	struct ledger_query q;
	int rc = l ? 0 : error_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < a->settings->storms_n; i++) {
		l->a = a;
		if (!admin_ask_begin(a, since, a->now_ms + 1, &q, &rc))
			return error_set(e, ERR_REFUSED, "not for this key");
		admin_ask_where(&q, "rule", a->settings->storms[i].rule.name, true);
		rc = a->c->ops->rows(a->c->ledger, &q, take_loop, l, e);
	}
	for (size_t i = 0; rc == 0 && i < l->n; i++) {
		if (!admin_ask_begin(a, l->at[i].at_ms - LOOKBACK_MS, l->at[i].at_ms + 1, &q, &rc))
			break;
		admin_ask_where(&q, "session", l->at[i].session, true);
		rc = a->c->ops->rows(a->c->ledger, &q, add_spent, l, e);
	}
	if (rc)
		return rc;
	jsonw_key(&a->w, SLICE("loops"));
	jsonw_object(&a->w);
	admin_put_time(a, SLICE("since"), since);
	jsonw_put_i64(&a->w, SLICE("sessions"), (int64_t)l->n);
	jsonw_put_i64(&a->w, SLICE("refused"), l->refused);
	jsonw_put_i64(&a->w, SLICE("burnt_nanousd"), l->spent);
	jsonw_put_i64(&a->w, SLICE("next_hour_nanousd"), l->spent > INT64_MAX / 6 ? INT64_MAX : l->spent * 6);
	jsonw_object_end(&a->w);
	return 0;
}

/* --- cache -----------------------------------------------------------------------------------------------
 */

struct cache {
	const struct catalog *catalog;
	int64_t saved, read,
	    unknown; /* nano-dollars; tokens; tokens whose price is not in the book any more */
};

static const struct price *price_of(const struct catalog *c, slice id)
{
	size_t at = 0;
	const struct price *p;
	while (c && id.n && (p = catalog_each(c, &at)) != NULL)
		if (slice_eq(p->id, id))
			return p;
	return NULL;
}

/* What the meter's tokens would have cost as fresh input, less what they did; negative for writes. */
static int64_t saved_by(const struct price *p, const struct ledger_measures *m, enum meter meter)
{
	int64_t tokens = m->meters[meter], fresh = p->per_million[METER_INPUT], paid = p->per_million[meter];
	if (tokens <= 0 || fresh == PRICE_ABSENT || paid == PRICE_ABSENT)
		return 0;
	__int128 saved = (__int128)tokens * (fresh - paid) / 1000000;
	return saved > INT64_MAX ? INT64_MAX : saved < -INT64_MAX ? -INT64_MAX : (int64_t)saved;
}

static int take_price(void *arg, const struct ledger_group *g)
{
	struct cache *c = arg;
	const struct price *p = price_of(c->catalog, g->key[0]);
	int64_t read = g->m.meters[METER_CACHE_READ];
	if (read > 0)
		c->read = num_sat_add_i64(c->read, read);
	if (p == NULL) {
		c->unknown = num_sat_add_i64(c->unknown, read > 0 ? read : 0);
		return 0;
	}
	static const enum meter meters[] = {METER_CACHE_READ, METER_CACHE_WRITE_5M, METER_CACHE_WRITE_1H};
	for (size_t i = 0; i < sizeof meters / sizeof *meters; i++)
		c->saved = num_sat_add_i64(c->saved, saved_by(p, &g->m, meters[i]));
	return 0;
}

/* What prompt caching has saved this month, at list prices: reads at less than fresh input, less what writing
 * took more. */
static int put_cache(struct admin *a, const struct admin_span *month, struct error *e)
{
	struct cache c = {.catalog = a->settings->catalog};
	struct ledger_measures total;
	struct ledger_query q;
	int rc;
	if (!admin_ask_begin(a, month->from_ms, a->now_ms + 1, &q, &rc))
		return error_set(e, ERR_REFUSED, "not for this key");
	admin_ask_by(&q, "price_id");
	rc = a->c->ops->report(a->c->ledger, &q, take_price, &c, &total, e);
	if (rc)
		return rc;
	jsonw_key(&a->w, SLICE("cache"));
	jsonw_object(&a->w);
	admin_put_time(a, SLICE("since"), month->from_ms);
	jsonw_put_i64(&a->w, SLICE("saved_nanousd"), c.saved);
	jsonw_put_i64(&a->w, SLICE("read_tokens"), c.read);
	jsonw_put_i64(&a->w, SLICE("unpriced_tokens"), c.unknown);
	jsonw_object_end(&a->w);
	return 0;
}

/* --- all of it -------------------------------------------------------------------------------------------
 */

/* What no team is booked for. */
static int put_unallocated(struct admin *a, const struct admin_span *month, struct error *e)
{
	struct ledger_measures m;
	struct ledger_query q;
	int rc;
	if (!admin_ask_begin(a, month->from_ms, a->now_ms + 1, &q, &rc))
		return error_set(e, ERR_REFUSED, "not for this key");
	admin_ask_where(&q, "team", SLICE(""), false);
	rc = a->c->ops->report(a->c->ledger, &q, ignore_group, NULL, &m, e);
	if (rc)
		return rc;
	jsonw_key(&a->w, SLICE("unallocated"));
	jsonw_object(&a->w);
	admin_put_time(a, SLICE("since"), month->from_ms);
	jsonw_put_i64(&a->w, SLICE("cost_nanousd"), spent(&m));
	jsonw_put_i64(&a->w, SLICE("calls"), m.calls);
	jsonw_object_end(&a->w);
	return 0;
}

static int put_all(struct admin *a, struct error *e)
{
	struct admin_span day = admin_span_of(a, ZONE_DAY), week = admin_span_of(a, ZONE_WEEK),
	                  month = admin_span_of(a, ZONE_MONTH);
	jsonw_object(&a->w);
	admin_put_time(a, SLICE("time"), a->now_ms);
	jsonw_put_string(&a->w, SLICE("timezone"), a->c->timezone.n ? a->c->timezone : SLICE("UTC"));
	jsonw_put_bool(&a->w, SLICE("simulated"), a->c->simulated);
	int rc = put_period(a, "today", &day, e);
	if (rc == 0)
		rc = put_period(a, "week", &week, e);
	if (rc == 0)
		rc = put_period(a, "month", &month, e);
	if (rc == 0)
		rc = put_movers(a, &week, e);
	if (rc == 0)
		rc = put_loops(a, month.from_ms, e);
	if (rc == 0)
		rc = put_unallocated(a, &month, e);
	if (rc == 0)
		rc = put_cache(a, &month, e);
	admin_put_burn(a);
	admin_put_alerts(a);
	jsonw_key(&a->w, SLICE("budgets"));
	admin_put_levels(a);
	jsonw_object_end(&a->w);
	return rc;
}

int admin_overview(struct admin *a)
{
	struct error e = {0};
	int rc = put_all(a, &e);
	if (rc == ERR_REFUSED)
		return admin_refuse(a, 403, "this key has no user, and so no calls of its own to show");
	return rc ? admin_fault(a, &e) : admin_end(a);
}
