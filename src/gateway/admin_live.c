/* What goes on just now: the burn rate, the sessions that spend, the fullest budgets, what is frozen. The
 * same for one question (GET live) and for the events (events.h), and without one to the ledger. */
#include <stdlib.h>

#include "base/map.h"
#include "gateway/admin_ask.h"
#include "gateway/alerts.h"
#include "gateway/pulse.h"
#include "policy/budget.h"
#include "policy/session.h"

#define SESSIONS_USUAL 100
#define SESSIONS_MOST  2000
#define BUDGETS_SHOWN  24

/* --- burn ------------------------------------------------------------------------------------------------
 */

void admin_put_burn(struct admin *a)
{
	struct pulse_rate rate;
	bool all = a->who->all;
	pulse_rate_of(a->c->shared->pulse, all ? SLICE_NONE : name_get(&a->who->user), &rate);
	jsonw_key(&a->w, SLICE("burn"));
	jsonw_object(&a->w);
	jsonw_put_i64(&a->w, SLICE("minute_nanousd"), rate.minute_nanousd);
	jsonw_put_i64(&a->w, SLICE("five_minutes_nanousd"), rate.five_nanousd);
	admin_put_known(a, SLICE("minute_calls"), all ? rate.minute_calls : RECORD_ABSENT);
	jsonw_put_i64(&a->w, SLICE("slot_ms"), PULSE_SLOT_MS);
	jsonw_key(&a->w, SLICE("slots_nanousd"));
	jsonw_array(&a->w);
	for (int i = 0; i < PULSE_SLOTS; i++)
		jsonw_i64(&a->w, rate.slot_nanousd[i]);
	jsonw_array_end(&a->w);
	jsonw_object_end(&a->w);
	if (all)
		jsonw_put_i64(&a->w, SLICE("calls_in_flight"), atomic_load(&a->c->shared->calls));
	else
		jsonw_put_null(&a->w, SLICE("calls_in_flight"));
}

void admin_put_alerts(struct admin *a)
{
	struct alert_stats s;
	int64_t open = 0;
	jsonw_key(&a->w, SLICE("alerts"));
	if (!a->who->all) {
		jsonw_null(&a->w);
		return;
	}
	alerts_stats_get(a->c->shared->alerts, &s);
	for (int i = 0; i < ALERT_SEVERITIES; i++)
		open += (int64_t)s.open[i];
	jsonw_object(&a->w);
	jsonw_put_i64(&a->w, SLICE("open"), open);
	jsonw_put_i64(&a->w, SLICE("critical"), (int64_t)s.open[ALERT_CRITICAL]);
	jsonw_put_i64(&a->w, SLICE("changes"), (int64_t)(s.raised + s.resolved));
	jsonw_object_end(&a->w);
}

static void put_health(struct admin *a)
{
	struct writer_stats w;
	writer_stats_get(a->c->writer, &w);
	jsonw_put_bool(&a->w, SLICE("draining"), atomic_load(&a->c->shared->draining));
	jsonw_put_bool(&a->w, SLICE("ledger_failing"), w.failing);
	admin_put_alerts(a);
}

/* --- sessions --------------------------------------------------------------------------------------------
 */

struct taking {
	struct admin *a;
	struct pulse_session *at; /* in the question's memory */
	size_t n;
	bool spent; /* no more memory: what is there is shown */
};

static int take(void *arg, const struct pulse_session *s)
{
	struct taking *t = arg;
	struct arena *mem = &t->a->mem;
	if (!t->a->who->all && !admin_is_self(t->a, s->user))
		return 0;
	struct pulse_session *to = &t->at[t->n];
	*to = *s;
	slice *const texts[] = {&to->id,   &to->key_id, &to->user,  &to->team, &to->agent,
	                        &to->repo, &to->branch, &to->model, &to->rule, &to->explanation};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		*texts[i] = texts[i]->n ? arena_copy(mem, *texts[i]) : SLICE_NONE;
		t->spent = t->spent || (texts[i]->p == NULL && texts[i]->n);
	}
	t->n += !t->spent;
	return t->spent || t->n == PULSE_SESSIONS;
}

/* By what they burn now, then by what they spent. */
static int by_burn(const void *a, const void *b)
{
	const struct pulse_session *x = a, *y = b;
	if (x->five_nanousd != y->five_nanousd)
		return x->five_nanousd < y->five_nanousd ? 1 : -1;
	if (x->last_ms != y->last_ms)
		return x->last_ms < y->last_ms ? 1 : -1;
	return slice_cmp(x->id, y->id);
}

/* A rule of storms, of that name alone. */
static bool is_loop(const struct admin *a, slice rule)
{
	bool storm = false;
	for (size_t i = 0; rule.n && i < a->settings->storms_n; i++)
		storm = storm || slice_eq(a->settings->storms[i].rule.name, rule);
	for (size_t i = 0; storm && i < a->settings->budgets_n; i++)
		storm = !slice_eq(a->settings->budgets[i].rule.name, rule);
	return storm;
}

static slice state_of(const struct admin *a, const struct pulse_session *s)
{
	struct session_table *t = a->c->shared->sessions;
	enum session_state state = t ? session_state_get(t, s->key_id, s->id) : SESSION_STATES;
	return state < SESSION_STATES ? slice_of(session_state_name(state)) : SLICE("running");
}

static void put_session(struct admin *a, const struct pulse_session *s)
{
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("id"), s->id);
	admin_put_text(a, SLICE("key_id"), s->key_id);
	admin_put_text(a, SLICE("user"), s->user);
	admin_put_text(a, SLICE("team"), s->team);
	admin_put_text(a, SLICE("agent"), s->agent);
	admin_put_text(a, SLICE("repo"), s->repo);
	admin_put_text(a, SLICE("branch"), s->branch);
	admin_put_text(a, SLICE("model"), s->model);
	jsonw_put_string(&a->w, SLICE("state"), state_of(a, s));
	admin_put_time(a, SLICE("since"), s->first_ms);
	admin_put_time(a, SLICE("seen"), s->last_ms);
	jsonw_put_i64(&a->w, SLICE("calls"), s->calls);
	jsonw_put_i64(&a->w, SLICE("refused"), s->refused);
	admin_put_known(a, SLICE("turn"), s->turn);
	admin_put_known(a, SLICE("context_tokens"), s->context_tokens);
	jsonw_put_i64(&a->w, SLICE("spent_nanousd"), s->nanousd);
	jsonw_put_i64(&a->w, SLICE("subscription_nanousd"), s->subscription_nanousd);
	jsonw_put_i64(&a->w, SLICE("minute_nanousd"), s->minute_nanousd);
	jsonw_put_i64(&a->w, SLICE("five_minutes_nanousd"), s->five_nanousd);
	jsonw_put_bool(&a->w, SLICE("loop"), is_loop(a, s->rule));
	admin_put_text(a, SLICE("rule"), s->rule);
	admin_put_text(a, SLICE("explanation"), s->explanation);
	admin_put_time(a, SLICE("rule_time"), s->rule_ms);
	jsonw_object_end(&a->w);
}

static uint64_t put_sessions(struct admin *a, uint64_t since, size_t most)
{
	struct taking t = {.a = a};
	uint64_t newest = since;
	t.at = arena_alloc(&a->mem, PULSE_SESSIONS * sizeof *t.at);
	if (t.at)
		newest = pulse_sessions(a->c->shared->pulse, since, take, &t);
	qsort(t.at, t.n, sizeof *t.at, by_burn);
	jsonw_put_i64(&a->w, SLICE("sessions_changed"), (int64_t)t.n);
	jsonw_key(&a->w, SLICE("sessions"));
	jsonw_array(&a->w);
	for (size_t i = 0; i < t.n && i < most; i++)
		put_session(a, &t.at[i]);
	jsonw_array_end(&a->w);
	return newest;
}

/* --- budgets ---------------------------------------------------------------------------------------------
 */

struct level {
	const struct budget_rule *rule;
	slice label;
	int64_t share_ppm, settled, held, lifted, until_ms;
};
struct levels {
	struct admin *a;
	const struct budget_rule *rule;
	struct level at[BUDGETS_SHOWN]; /* the fullest first */
	size_t n;
};

static int64_t share_of(const struct budget_rule *rule, const struct budget_view *v)
{
	int64_t limit = rule->limit.n + v->lifted, used = v->settled + v->held;
	if (limit <= 0)
		return used > 0 ? PPM : 0;
	__int128 ppm = (__int128)used * PPM / limit;
	return ppm > INT64_MAX ? INT64_MAX : (int64_t)ppm;
}

static int take_counter(void *arg, const struct budget_view *v)
{
	struct levels *l = arg;
	int64_t share = share_of(l->rule, v);
	if (!l->a->who->all && !admin_owns_counter(l->a, l->rule, v->label))
		return 0;
	size_t at = l->n;
	while (at > 0 && l->at[at - 1].share_ppm < share)
		at--;
	if (at == BUDGETS_SHOWN)
		return 0;
	size_t kept = l->n < BUDGETS_SHOWN ? l->n : BUDGETS_SHOWN - 1;
	memmove(&l->at[at + 1], &l->at[at], (kept - at) * sizeof *l->at);
	l->n = kept + 1;
	l->at[at] = (struct level){.rule = l->rule,
	                           .label = v->label.n ? arena_copy(&l->a->mem, v->label) : SLICE_NONE,
	                           .share_ppm = share,
	                           .settled = v->settled,
	                           .held = v->held,
	                           .lifted = v->lifted,
	                           .until_ms = v->to_ms};
	return 0;
}

static void put_level(struct admin *a, const struct level *l)
{
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("budget"), l->rule->rule.name);
	admin_put_text(a, SLICE("for"), l->label);
	jsonw_put_string(&a->w, SLICE("unit"), admin_unit(&l->rule->limit));
	jsonw_put_i64(&a->w, SLICE("limit"), l->rule->limit.n);
	jsonw_put_i64(&a->w, SLICE("settled"), l->settled);
	jsonw_put_i64(&a->w, SLICE("held"), l->held);
	jsonw_put_i64(&a->w, SLICE("lifted"), l->lifted);
	jsonw_put_i64(&a->w, SLICE("share_ppm"), l->share_ppm);
	admin_put_time(a, SLICE("until"), l->until_ms);
	jsonw_object_end(&a->w);
}

/* The fullest of all counters that the caller may see. */
void admin_put_levels(struct admin *a)
{
	struct levels l = {.a = a};
	for (size_t i = 0; a->c->shared->budgets && i < a->settings->budgets_n; i++) {
		l.rule = &a->settings->budgets[i];
		if (l.rule->rule.mode != MODE_OFF)
			budgets_each(a->c->shared->budgets, l.rule, take_counter, &l);
	}
	jsonw_array(&a->w);
	for (size_t i = 0; i < l.n; i++)
		put_level(a, &l.at[i]);
	jsonw_array_end(&a->w);
}

/* --- all of it -------------------------------------------------------------------------------------------
 */

/* The value that put writes, unless it is what was said before. */
static void put_changed(struct admin *a, slice key, void (*put)(struct admin *a), uint64_t *before)
{
	struct buf text;
	struct jsonw outer = a->w;
	buf_init(&text, a->out->max);
	jsonw_init(&a->w, &text);
	put(a);
	int rc = jsonw_end(&a->w);
	a->w = outer;
	uint64_t hash = map_hash(buf_slice(&text), 0) | 1;
	if (rc == 0 && hash != *before)
		jsonw_put_raw(&a->w, key, buf_slice(&text));
	*before = hash;
	buf_release(&text);
}

void admin_live_put(struct admin *a, struct live_change *change)
{
	jsonw_object(&a->w);
	admin_put_time(a, SLICE("time"), a->now_ms);
	admin_put_burn(a);
	put_health(a);
	change->since = put_sessions(a, change->since, change->sessions);
	put_changed(a, SLICE("budgets"), admin_put_levels, &change->budgets);
	put_changed(a, SLICE("freezes"), admin_put_freezes, &change->freezes);
	jsonw_object_end(&a->w);
}

int admin_live(struct admin *a)
{
	long long limit = SESSIONS_USUAL;
	slice text = admin_query(a, SLICE("limit"));
	if ((text.p && !slice_to_i64(text, &limit)) || limit < 0 || limit > SESSIONS_MOST)
		return admin_refuse(a, 400, "limit is a number of sessions, from 0 to %d", SESSIONS_MOST);
	struct live_change change = {.sessions = (size_t)limit};
	admin_live_put(a, &change);
	return admin_end(a);
}

/* The route says who may; console.c then opens the stream. */
int admin_events(struct admin *a)
{
	(void)a;
	return 0;
}
