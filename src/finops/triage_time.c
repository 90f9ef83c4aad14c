/* When it began, and what stands near: the spend of the first cause step by step, the moment from which it
 * runs away (CUSUM: E. S. Page, "Continuous inspection schemes", Biometrika 41, 1954), values seen for the
 * first time, changes of settings, storms. */
#include <stdlib.h>

#include "finops/triage_impl.h"

#define NEAR_BEFORE  DAY_MS /* a change that long before the first bad moment may have to do with it */
#define NEW_BACK     (4 * WEEK_MS)
#define NEW_SHARE    20 /* a value counts from a twentieth of the rise on */
#define NEW_DIMS_MAX 5
#define CHANGES_MOST 500

/* --- points ---------------------------------------------------------------------------------- */

static const struct triage_cause *named(const struct triage *t)
{
	return t->causes_n && t->causes[0].what_n ? &t->causes[0] : NULL;
}

/* Whole minutes, so many that all of the window has room. */
static int64_t step_for(int64_t length)
{
	static const int64_t minutes[] = {1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1440};
	for (size_t i = 0; i < sizeof minutes / sizeof minutes[0]; i++)
		if (length / (minutes[i] * 60000) < TRIAGE_POINTS - 1)
			return minutes[i] * 60000;
	return DAY_MS;
}

/* What is usual in a step: the cause's mean, evenly over the window. */
static void draw_points(struct triage *t, const bool *of_cause, int64_t from_ms)
{
	const struct takings *f = &t->takings;
	const struct triage_cause *c = named(t);
	int64_t usual = c ? c->before : t->before;
	t->step_ms = step_for(t->until_ms - from_ms);
	from_ms -= from_ms % t->step_ms;
	t->points_n =
	    (size_t)num_min_i64((t->until_ms - from_ms + t->step_ms - 1) / t->step_ms, TRIAGE_POINTS);
	for (size_t i = 0; i < t->points_n; i++)
		t->points[i] = (struct triage_point){
		    from_ms + (int64_t)i * t->step_ms, 0,
		    (int64_t)((double)usual * (double)t->step_ms / (double)(t->until_ms - t->since_ms))};
	for (size_t i = 0; i < f->events_n; i++) {
		int64_t at = (f->events[i].at_ms - from_ms) / t->step_ms;
		if (of_cause[f->events[i].cell] && at >= 0 && (size_t)at < t->points_n)
			t->points[at].spent += f->events[i].spent;
	}
}

/* The point after which the sums of what is above the middle between usual and now only grew. */
static size_t onset(const struct triage *t)
{
	const struct triage_cause *c = named(t);
	double after =
	    (double)(c ? c->after : t->after) * (double)t->step_ms / (double)(t->until_ms - t->since_ms);
	double sum = 0, most = 0;
	size_t from = 0, best = 0;
	for (size_t i = 0; i < t->points_n; i++) {
		sum += (double)t->points[i].spent - (after + (double)t->points[i].usual) / 2;
		if (sum <= 0) {
			sum = 0;
			from = i + 1;
		} else if (sum > most) {
			most = sum;
			best = from;
		}
	}
	return best < t->points_n ? best : 0;
}

/* The first call of the cause that costs something at the onset. */
static void find_first(struct triage *t, const bool *of_cause)
{
	const struct takings *f = &t->takings;
	if (t->points_n == 0 || t->after <= t->before)
		return;
	int64_t since = t->points[onset(t)].at_ms;
	for (size_t i = 0; i < f->events_n; i++) {
		const struct takings_event *ev = &f->events[i];
		bool later = t->first_ms && ev->at_ms >= t->first_ms;
		if (of_cause[ev->cell] && ev->at_ms >= since && ev->spent > 0 && !later)
			t->first_ms = ev->at_ms;
	}
}

/* --- what stands near ------------------------------------------------------------------------ */

static void add_near(struct triage *t, const struct triage_near *n)
{
	size_t at = t->near_n;
	while (at > 0 && t->near[at - 1].at_ms > n->at_ms)
		at--;
	if (t->near_n == TRIAGE_NEAR)
		return;
	memmove(&t->near[at + 1], &t->near[at], (t->near_n - at) * sizeof t->near[0]);
	t->near[at] = *n;
	t->near_n++;
}

struct newcomer {
	uint32_t id;
	int64_t first_ms, spent;
	bool known; /* it was there in the weeks before */
};

struct looking {
	struct triage *t;
	enum triage_dim dim;
	struct newcomer *at; /* owned; by the value's id */
};

static int on_known(void *arg, const struct ledger_group *g)
{
	struct looking *l = arg;
	uintptr_t id =
	    (uintptr_t)map_get(&l->t->takings.by_text[l->dim], g->key[0].n ? g->key[0] : SLICE("\1"));
	if (id)
		l->at[id].known = true;
	return 0;
}

/* Were they there in the weeks before? */
static int ask_before(struct looking *l, const struct triage_ask *ask, struct error *e)
{
	struct ledger_query q = {.by_n = 1, .until_ms = l->t->since_ms, .filters_n = ask->filters_n};
	q.by[0] = slice_of(triage_dim_name(l->dim));
	q.since_ms = num_max_i64(l->t->since_ms - NEW_BACK, 0);
	for (size_t i = 0; i < ask->filters_n; i++)
		q.filters[i] = ask->filters[i];
	return ask->ops->report(ask->ledger, &q, on_known, l, NULL, e);
}

static bool find_new(struct looking *l, const bool *of_cause)
{
	const struct takings *f = &l->t->takings;
	int64_t rise = l->t->after - l->t->before;
	bool any = false;
	for (size_t i = 0; i < f->events_n; i++) {
		const struct takings_event *ev = &f->events[i];
		uint32_t id = f->cells[ev->cell]->id[l->dim];
		struct newcomer *n = &l->at[id];
		if (id == 0 || f->values[l->dim][id].early || !of_cause[ev->cell])
			continue;
		n->spent += ev->spent;
		n->first_ms = n->first_ms == 0 || ev->at_ms < n->first_ms ? ev->at_ms : n->first_ms;
		any = any || n->spent * NEW_SHARE >= rise;
	}
	return any && rise > 0;
}

/* Values of a dimension that the cause's calls have, and nobody had before. */
static int look_for_new(struct triage *t, const struct triage_ask *ask, enum triage_dim dim,
                        const bool *of_cause, struct error *e)
{
	size_t n = t->takings.values_n[dim];
	int64_t rise = t->after - t->before;
	struct looking l = {t, dim, calloc(n, sizeof *l.at)};
	int rc = l.at ? 0 : ERR_NOMEM;
	if (rc == 0 && find_new(&l, of_cause)) {
		rc = ask_before(&l, ask, e);
		for (size_t id = 1; rc == 0 && id < n; id++)
			if (!l.at[id].known && l.at[id].spent > 0 && l.at[id].spent * NEW_SHARE >= rise)
				add_near(t, &(struct triage_near){
				                .at_ms = l.at[id].first_ms,
				                .kind = NEAR_NEW,
				                .what = {dim, takings_text(&t->takings, dim, (uint32_t)id)}});
	}
	free(l.at);
	return rc;
}

struct changes {
	struct triage *t;
	int64_t since_ms;
	int rc;
};

static int on_change(void *arg, const struct ledger_change *c)
{
	struct changes *x = arg;
	struct triage *t = x->t;
	if (c->at_ms > t->until_ms)
		return 0;
	if (c->at_ms < x->since_ms || t->near_n == TRIAGE_NEAR)
		return 1;
	struct triage_near n = {.at_ms = c->at_ms,
	                        .kind = NEAR_CHANGE,
	                        .text = arena_printf(&t->mem, SLICE_FMT "%s" SLICE_FMT, SLICE_ARG(c->action),
	                                             c->subject.n ? " " : "", SLICE_ARG(c->subject)),
	                        .who = arena_copy(&t->mem, c->actor)};
	if (n.text.p == NULL || n.who.p == NULL)
		return x->rc = ERR_NOMEM;
	add_near(t, &n);
	return 0;
}

static int look_for_changes(struct triage *t, const struct triage_ask *ask, struct error *e)
{
	struct changes x = {t, (t->first_ms ? t->first_ms : t->since_ms) - NEAR_BEFORE, 0};
	int rc = ask->changes ? ask->ops->changes(ask->ledger, 0, CHANGES_MOST, on_change, &x, e) : 0;
	return rc < 0 ? rc : x.rc;
}

static void look_for_storms(struct triage *t)
{
	for (size_t i = 0; i < t->sessions_n; i++)
		if (t->sessions[i].f.storm_ms)
			add_near(t, &(struct triage_near){.at_ms = t->sessions[i].f.storm_ms,
			                                  .kind = NEAR_STORM,
			                                  .text = t->sessions[i].f.evidence,
			                                  .who = t->sessions[i].id});
}

int triage_time(struct triage *t, const struct triage_ask *ask, struct error *e)
{
	static const enum triage_dim dims[NEW_DIMS_MAX] = {TRIAGE_VERSION, TRIAGE_MODEL, TRIAGE_WORKFLOW,
	                                                   TRIAGE_REPO, TRIAGE_USER};
	const struct takings *f = &t->takings;
	int64_t lead = num_min_i64(t->until_ms - t->since_ms, 6 * HOUR_MS);
	bool *of_cause = calloc(f->cells_n ? f->cells_n : 1, sizeof *of_cause);
	int rc = of_cause ? 0 : ERR_NOMEM;
	for (size_t i = 0; rc == 0 && i < f->cells_n; i++)
		of_cause[i] = named(t) == NULL || triage_is_of(t, named(t), f->cells[i]);
	if (rc == 0) {
		draw_points(t, of_cause, t->since_ms - lead);
		find_first(t, of_cause);
		look_for_storms(t);
	}
	/* Of a ledger with no past, everything is new. */
	for (size_t i = 0; rc == 0 && i < NEW_DIMS_MAX && t->spans_n; i++)
		rc = look_for_new(t, ask, dims[i], of_cause, e);
	if (rc == 0)
		rc = look_for_changes(t, ask, e);
	free(of_cause);
	return rc;
}
