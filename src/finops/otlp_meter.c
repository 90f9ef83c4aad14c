#include "finops/otlp_meter.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/num.h"

#define SERIES_MAX 65536
#define GROUPS_MAX 16384
#define MEM_MAX    ((size_t)64 << 20)
#define DAY_MS     (INT64_C(24) * 3600 * 1000)

/* A tally being counted. */
struct group {
	struct tally tally;
	slice key;
	int64_t input; /* fresh; below 0 while a point of what is within it came first */
	bool dirty;
	struct group *next_dirty;
};

struct series {
	struct ledger_series at;
	struct group *group; /* of its last point; not owned */
	int64_t day_ms;      /* the group's */
	bool dirty;
	struct series *next_dirty;
};

struct otlp_meters {
	uint64_t seed;
	struct arena mem;
	struct map series, groups;
	struct series *dirty_series;
	struct group *dirty_groups;
	bool changed;
	int64_t changed_since, changed_until, since, until;
};

static void start(struct otlp_meters *m)
{
	arena_init(&m->mem, MEM_MAX);
	map_init(&m->series, SERIES_MAX, m->seed);
	map_init(&m->groups, GROUPS_MAX, m->seed);
	m->dirty_series = NULL;
	m->dirty_groups = NULL;
	m->since = INT64_MAX;
	m->until = INT64_MIN;
}

struct otlp_meters *otlp_meters_new(uint64_t seed)
{
	struct otlp_meters *m = calloc(1, sizeof *m);
	if (m == NULL)
		return NULL;
	m->seed = seed;
	start(m);
	return m;
}

static void release(struct otlp_meters *m)
{
	map_release(&m->series);
	map_release(&m->groups);
	arena_release(&m->mem);
}

void otlp_meters_free(struct otlp_meters *m)
{
	if (m == NULL)
		return;
	release(m);
	free(m);
}

void otlp_meters_forget(struct otlp_meters *m)
{
	release(m);
	start(m);
}

static bool is_full(const struct otlp_meters *m)
{
	return m->series.n >= SERIES_MAX || m->groups.n >= GROUPS_MAX || m->mem.used > MEM_MAX / 4 * 3;
}

/* --- groups ----------------------------------------------------------------------------------------------
 */

/* Of a session it lasts from its first point to its last, else it is of a day. */
static void set_tally(const struct record *r, int64_t day_ms, struct tally *t)
{
	tally_init(t);
	t->source = SLICE("otlp:metrics");
	t->kind = TALLY_METRICS;
	t->provider = r->text[TEXT_PROVIDER].n ? r->text[TEXT_PROVIDER] : SLICE("unknown");
	t->model = r->text[TEXT_MODEL_SERVED];
	t->all_models = t->model.n == 0;
	t->billing = r->billing;
	t->who = r->who;
	t->from_ms = tally_of_session(t) ? r->time_ms : day_ms;
	t->until_ms = tally_of_session(t) ? r->time_ms + 1 : day_ms + DAY_MS;
}

struct loading {
	struct group *g;
	struct arena *mem;
};

static int on_tally(void *arg, const struct ledger_tally *t)
{
	struct loading *l = arg;
	struct tally told;
	int rc = tally_read(t, l->mem, &told);
	if (rc)
		return rc;
	l->g->tally.usage = told.usage;
	l->g->tally.from_ms = num_min_i64(told.from_ms, l->g->tally.from_ms);
	l->g->tally.until_ms = num_max_i64(told.until_ms, l->g->tally.until_ms);
	l->g->input = told.usage.m[METER_INPUT] > 0 ? told.usage.m[METER_INPUT] : 0;
	return 0;
}

/* The texts of the tally are the record's until it is kept. */
static int make_group(struct otlp_meters *m, const struct ledger_ops *ops, struct ledger *l,
                      const struct tally *t, const struct ledger_tally *kept, struct group **out,
                      struct error *e)
{
	struct loading loading = {.mem = &m->mem};
	struct ledger_tally own = *kept;
	struct group *g = arena_zalloc(&m->mem, sizeof *g);
	own.key = arena_copy(&m->mem, kept->key);
	own.source = t->source; /* static */
	own.provider = arena_copy(&m->mem, kept->provider);
	own.body = arena_copy(&m->mem, kept->body);
	if (g == NULL || own.key.p == NULL || own.provider.p == NULL || own.body.p == NULL ||
	    tally_read(&own, &m->mem, &g->tally))
		return error_set(e, ERR_NOMEM, "out of memory");
	g->key = own.key;
	loading.g = g;
	int rc = ops->tally(l, g->key, on_tally, &loading, e);
	if (rc && rc != ERR_NOT_FOUND)
		return rc;
	if (map_put(&m->groups, g->key, g, NULL))
		return error_set(e, ERR_NOMEM, "out of memory");
	*out = g;
	return 0;
}

static int find_group(struct otlp_meters *m, const struct ledger_ops *ops, struct ledger *l,
                      const struct record *r, int64_t day_ms, struct group **out, struct error *e)
{
	struct arena mem;
	struct ledger_tally kept;
	struct tally t;
	arena_init(&mem, (size_t)1 << 20);
	set_tally(r, day_ms, &t);
	int rc = tally_write(&t, 0, &mem, &kept);
	if (rc)
		rc = error_set(e, rc, "a tally of metric points cannot be written");
	if (rc == 0)
		*out = map_get(&m->groups, kept.key);
	if (rc == 0 && *out == NULL)
		rc = make_group(m, ops, l, &t, &kept, out, e);
	arena_release(&mem);
	return rc;
}

static void add_known(int64_t *to, int64_t n)
{
	*to = num_sat_add_i64(*to > 0 ? *to : 0, n);
}

static void count(struct group *g, enum otlp_token token, int64_t n)
{
	int64_t *m = g->tally.usage.m;
	switch (token) {
	case OTLP_TOKENS_INPUT:
		g->input = num_sat_add_i64(g->input, n);
		break;
	case OTLP_TOKENS_CACHED_WITHIN:
		g->input = num_sat_add_i64(g->input, -n);
		add_known(&m[METER_CACHE_READ], n);
		break;
	case OTLP_TOKENS_CACHE_READ:
		add_known(&m[METER_CACHE_READ], n);
		break;
	case OTLP_TOKENS_CACHE_WRITE:
		add_known(&m[METER_CACHE_WRITE_5M], n);
		break;
	case OTLP_TOKENS_THOUGHTS:
		add_known(&m[METER_OUTPUT], n);
		add_known(&m[METER_REASONING], n);
		break;
	case OTLP_TOKENS_OUTPUT:
		add_known(&m[METER_OUTPUT], n);
		break;
	case OTLP_TOKENS_REASONING:
	case OTLP_TOKENS:
		add_known(&m[METER_REASONING], n);
		break;
	}
	m[METER_INPUT] = g->input > 0 ? g->input : 0;
}

/* --- series ----------------------------------------------------------------------------------------------
 */

static int find_series(struct otlp_meters *m, const struct ledger_ops *ops, struct ledger *l, int64_t key,
                       struct series **out, struct error *e)
{
	*out = map_get(&m->series, slice_make(&key, sizeof key));
	if (*out)
		return 0;
	struct series *s = arena_zalloc(&m->mem, sizeof *s);
	if (s == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	int rc = ops->series(l, key, &s->at, e);
	if (rc == ERR_NOT_FOUND)
		s->at = (struct ledger_series){.key = key};
	else if (rc)
		return rc;
	if (map_put(&m->series, slice_make(&s->at.key, sizeof s->at.key), s, NULL))
		return error_set(e, ERR_NOMEM, "out of memory");
	*out = s;
	return 0;
}

/* What the point has beyond the one before; -1 when it came already, or out of order. */
static int64_t beyond(const struct ledger_series *s, const struct otlp_point *p)
{
	if (s->time_ns && p->time_ns <= s->time_ns)
		return -1;
	bool anew = p->value < s->value || (p->start_ns && s->start_ns && p->start_ns != s->start_ns);
	return p->cumulative && s->time_ns && !anew ? p->value - s->value : p->value;
}

static void lengthen(struct otlp_meters *m, struct group *g, const struct record *r)
{
	if (tally_of_session(&g->tally)) {
		g->tally.from_ms = num_min_i64(g->tally.from_ms, r->time_ms);
		g->tally.until_ms = num_max_i64(g->tally.until_ms, r->time_ms + 1);
	}
	m->since = num_min_i64(m->since, g->tally.from_ms);
	m->until = num_max_i64(m->until, g->tally.until_ms);
}

static void touch(struct otlp_meters *m, struct series *s, struct group *g)
{
	if (!s->dirty) {
		s->dirty = true;
		s->next_dirty = m->dirty_series;
		m->dirty_series = s;
	}
	if (g && !g->dirty) {
		g->dirty = true;
		g->next_dirty = m->dirty_groups;
		m->dirty_groups = g;
	}
	if (g == NULL)
		return;
	m->changed_since = m->changed ? num_min_i64(m->changed_since, g->tally.from_ms) : g->tally.from_ms;
	m->changed_until = m->changed ? num_max_i64(m->changed_until, g->tally.until_ms) : g->tally.until_ms;
	m->changed = true;
}

int otlp_meters_take(struct otlp_meters *m, const struct ledger_ops *ops, struct ledger *l,
                     const struct record *r, const struct otlp_point *p, bool *added, struct error *e)
{
	struct series *s;
	int64_t day_ms = r->time_ms - r->time_ms % DAY_MS;
	*added = false;
	if (is_full(m)) {
		int rc = otlp_meters_flush(m, ops, l, e);
		if (rc)
			return rc;
		otlp_meters_forget(m);
	}
	int rc = find_series(m, ops, l, p->series, &s, e);
	if (rc)
		return rc;
	int64_t n = beyond(&s->at, p);
	if (n < 0)
		return 0;
	if (n && (s->group == NULL || s->day_ms != day_ms)) {
		rc = find_group(m, ops, l, r, day_ms, &s->group, e);
		s->day_ms = day_ms;
	}
	if (rc) {
		s->group = NULL;
		return rc;
	}
	if (n) {
		count(s->group, p->token, n);
		lengthen(m, s->group, r);
	}
	s->at.start_ns = p->start_ns;
	s->at.time_ns = p->time_ns;
	s->at.value = p->cumulative ? p->value : 0;
	touch(m, s, n ? s->group : NULL);
	*added = true;
	return 0;
}

/* --- into the ledger -------------------------------------------------------------------------------------
 */

static int put_group(const struct ledger_ops *ops, struct ledger *l, const struct group *g, struct error *e)
{
	struct arena mem;
	struct ledger_tally row;
	arena_init(&mem, (size_t)1 << 20);
	int rc = tally_write(&g->tally, 0, &mem, &row);
	if (rc)
		error_set(e, rc, "a tally of metric points cannot be written");
	else
		rc = ops->tally_put(l, &row, e);
	arena_release(&mem);
	return rc;
}

int otlp_meters_flush(struct otlp_meters *m, const struct ledger_ops *ops, struct ledger *l, struct error *e)
{
	int rc = 0;
	for (; m->dirty_series && rc == 0; m->dirty_series = m->dirty_series->next_dirty) {
		m->dirty_series->dirty = false;
		rc = ops->series_put(l, &m->dirty_series->at, e);
	}
	for (; m->dirty_groups && rc == 0; m->dirty_groups = m->dirty_groups->next_dirty) {
		m->dirty_groups->dirty = false;
		rc = put_group(ops, l, m->dirty_groups, e);
	}
	return rc;
}

bool otlp_meters_changed(struct otlp_meters *m, int64_t *since_ms, int64_t *until_ms)
{
	bool changed = m->changed;
	*since_ms = m->changed_since;
	*until_ms = m->changed_until;
	m->changed = false;
	return changed;
}

bool otlp_meters_spans(const struct otlp_meters *m, int64_t *since_ms, int64_t *until_ms)
{
	*since_ms = m->since;
	*until_ms = m->until;
	return m->groups.n > 0;
}
