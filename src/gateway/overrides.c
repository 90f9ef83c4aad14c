#include "gateway/overrides.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/zone.h"
#include "text/json.h"

#define APPLIED_MAX 100000
#define MEM_MAX     (16u << 20)
#define TURN_MEM    (256 * 1024)

struct applied {
	slice id, budget, scope;
	int64_t amount, until_ms;
	bool rolling, ended;
};

struct overrides {
	struct shared *s;
	const struct ledger_ops *ops;
	pthread_mutex_t lock;  /* guards the rest */
	struct ledger *ledger; /* owned; read-only */
	int64_t version;       /* of the store's, as last seen */
	struct settings *of;   /* owned reference: the settings they were looked at with */
	struct arena mem;      /* of what was applied */
	struct map by_id;      /* of struct applied */
	struct budget_clock clock;
};

struct overrides *overrides_new(struct shared *s, const struct ledger_ops *ops, slice store, struct error *e)
{
	uint64_t seed;
	struct overrides *o = calloc(1, sizeof *o);
	if (o == NULL || crypto_random(&seed, sizeof seed) || ops->open(store.p, false, &o->ledger, e)) {
		if (e->code == 0)
			error_set(e, ERR_NOMEM, "out of memory");
		free(o);
		return NULL;
	}
	o->s = s;
	o->ops = ops;
	pthread_mutex_init(&o->lock, NULL);
	arena_init(&o->mem, MEM_MAX);
	map_init(&o->by_id, APPLIED_MAX, seed);
	return o;
}

void overrides_free(struct overrides *o)
{
	if (o == NULL)
		return;
	o->ops->close(o->ledger);
	settings_unref(o->of);
	map_release(&o->by_id);
	arena_release(&o->mem);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

/* --- a counter's values as facts ---------------------------------------------------------------------- */

static slice *place_of(enum field f, struct record *r, struct facts *facts)
{
	if ((int)f < ATTR_N && f != FIELD_TAGS)
		return &r->who.v[f];
	if (f == FIELD_KEY)
		return &r->text[TEXT_KEY_ID];
	if (f == FIELD_PROVIDER)
		return &r->text[TEXT_PROVIDER];
	if (f == FIELD_MODEL_REQUESTED)
		return &r->text[TEXT_MODEL_REQUESTED];
	return f == FIELD_MODEL ? &facts->model : NULL;
}

bool overrides_facts(const struct budget_rule *rule, slice scope, int64_t now_ms, struct arena *mem,
                     struct record *r, struct facts *f)
{
	struct json j;
	json_key k;
	json_str v;
	record_init(r);
	r->time_ms = now_ms;
	*f = (struct facts){.record = r};
	for (size_t i = 0; i < rule->each_n; i++)
		if (place_of(rule->each[i].field, r, f) == NULL)
			return false;
	if (rule->each_n == 0)
		return true;
	json_init(&j, scope);
	json_object(&j);
	while (json_next_key(&j, &k)) {
		slice *to = NULL;
		for (size_t i = 0; i < rule->each_n; i++)
			if (json_key_is(&k, slice_of(field_name(rule->each[i].field))))
				to = place_of(rule->each[i].field, r, f);
		if (to == NULL || !json_string(&j, &v))
			return false;
		char *text = arena_alloc(mem, v.raw.n + 1);
		if (text == NULL)
			return false;
		*to = slice_make(text, json_unescape(&v, text, v.raw.n + 1));
	}
	return json_end(&j);
}

static void quarter(const struct zone *zone, int64_t now_ms, int64_t *from_ms, int64_t *to_ms)
{
	int64_t local_s = now_ms / 1000 + zone_offset(zone, now_ms / 1000), year;
	int month, day;
	zone_date_of(local_s / 86400, &year, &month, &day);
	month = (month - 1) / 3 * 3 + 1;
	*from_ms = zone_day_begins(zone, year, month, 1);
	*to_ms =
	    month == 10 ? zone_day_begins(zone, year + 1, 1, 1) : zone_day_begins(zone, year, month + 3, 1);
}

void overrides_window(const struct window *w, const struct zone *zone, int64_t now_ms, int64_t *from_ms,
                      int64_t *to_ms)
{
	static const enum zone_unit units[] = {[WINDOW_HOUR] = ZONE_HOUR,
	                                       [WINDOW_DAY] = ZONE_DAY,
	                                       [WINDOW_WEEK] = ZONE_WEEK,
	                                       [WINDOW_MONTH] = ZONE_MONTH};
	*from_ms = 0;
	*to_ms = INT64_MAX;
	if (w->kind == WINDOW_ROLLING) {
		*from_ms = now_ms;
		*to_ms = now_ms + w->rolling_ms;
	} else if (w->kind == WINDOW_QUARTER) {
		quarter(zone, now_ms, from_ms, to_ms);
	} else if (w->kind >= WINDOW_HOUR && w->kind <= WINDOW_MONTH) {
		zone_span(zone, units[w->kind], now_ms, from_ms, to_ms);
	}
}

/* --- applying ------------------------------------------------------------------------------------------ */

static const struct budget_rule *rule_of(const struct settings *s, slice name)
{
	for (size_t i = 0; i < s->budgets_n; i++)
		if (slice_eq(s->budgets[i].rule.name, name))
			return &s->budgets[i];
	return NULL;
}

static bool lift(struct overrides *o, const struct settings *s, slice budget, slice scope, int64_t by,
                 int64_t now_ms, bool *rolling)
{
	struct arena mem;
	struct record r;
	struct facts f;
	const struct budget_rule *rule = rule_of(s, budget);
	arena_init(&mem, TURN_MEM);
	bool good = rule && overrides_facts(rule, scope, now_ms, &mem, &r, &f);
	f.zone = s->zone;
	good = good && budget_lift(o->s->budgets, rule, &f, &o->clock, by) == 0;
	if (good && rolling)
		*rolling = rule->window.kind == WINDOW_ROLLING;
	arena_release(&mem);
	return good;
}

struct turn {
	struct overrides *o;
	const struct settings *s;
	int64_t now_ms;
};

static int apply(void *arg, const struct ledger_override *v)
{
	struct turn *t = arg;
	struct overrides *o = t->o;
	bool rolling = false;
	if (v->state != OVERRIDE_ACTIVE || v->from_ms > t->now_ms || map_get(&o->by_id, v->id))
		return 0;
	struct applied *a = arena_zalloc(&o->mem, sizeof *a);
	if (a == NULL)
		return ERR_NOMEM;
	*a = (struct applied){.id = arena_copy(&o->mem, v->id),
	                      .budget = arena_copy(&o->mem, v->budget),
	                      .scope = arena_copy(&o->mem, v->scope),
	                      .amount = v->amount,
	                      .until_ms = v->until_ms};
	if (!a->id.p || !a->budget.p || !a->scope.p)
		return ERR_NOMEM;
	if (!lift(o, t->s, a->budget, a->scope, a->amount, t->now_ms, &rolling))
		return 0; /* its budget is not there now: tried again when the settings change */
	a->rolling = rolling;
	return map_put(&o->by_id, a->id, a, NULL);
}

/* A rolling window does not end by itself: what was added is taken back. */
static void end_rolling(struct turn *t)
{
	size_t at = 0;
	slice id;
	void *value;
	while (map_each(&t->o->by_id, &at, &id, &value)) {
		struct applied *a = value;
		if (a->rolling && !a->ended && t->now_ms >= a->until_ms)
			a->ended = lift(t->o, t->s, a->budget, a->scope, -a->amount, t->now_ms, NULL);
	}
}

static int turn(struct overrides *o, struct settings *s, struct error *e)
{
	struct turn t = {o, s, clock_wall_ms(o->s->clock)};
	int64_t version = 0;
	end_rolling(&t);
	int r = o->ops->version(o->ledger, SLICE("overrides"), &version, e);
	if (r || (version == o->version && s == o->of))
		return r;
	r = o->ops->overrides(o->ledger, t.now_ms, apply, &t, e);
	if (r)
		return e->code ? r : error_set(e, r, "too many limits are lifted at a time");
	o->version = version;
	settings_unref(o->of);
	o->of = settings_ref(s);
	return 0;
}

int overrides_turn(struct overrides *o, struct error *e)
{
	pthread_mutex_lock(&o->s->lock);
	struct settings *s = settings_ref(o->s->settings);
	pthread_mutex_unlock(&o->s->lock);
	pthread_mutex_lock(&o->lock);
	int r = o->s->budgets ? turn(o, s, e) : 0;
	pthread_mutex_unlock(&o->lock);
	settings_unref(s);
	return r;
}
