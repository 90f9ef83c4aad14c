/* Sessions by the API: what each did, and pausing, resuming, stopping it, or handing it to somebody. A
 * developer sees and holds those of their own keys; of another's there is none for them. */
#include "finops/session_list.h"
#include "gateway/admin.h"
#include "gateway/pulse.h"
#include "policy/session.h"

#define LIST_USUAL 100
#define LIST_MOST  5000
#define WEEK_MS    (INT64_C(7) * 24 * 3600 * 1000)
#define OWN_MAX    4096 /* keys of one user */
#define TO_MAX     60

/* --- whose ------------------------------------------------------------------------------------------------
 */

struct own {
	struct admin *a;
	slice *keys; /* in the question's memory */
	size_t n;
	bool spent;
};

static int take_key(void *arg, const struct ledger_key *k)
{
	struct own *o = arg;
	if (!admin_is_self(o->a, k->user) || o->n == OWN_MAX)
		return 0;
	o->keys[o->n] = arena_copy(&o->a->mem, k->id);
	o->spent = o->keys[o->n++].p == NULL;
	return o->spent;
}

static bool is_own(void *arg, slice scope)
{
	const struct own *o = arg;
	slice mine = name_get(&o->a->who->key_id);
	if (mine.n && slice_eq(mine, scope))
		return true;
	for (size_t i = 0; i < o->n; i++)
		if (slice_eq(o->keys[i], scope))
			return true;
	return false;
}

/* How the caller looks at sessions; false after a refusal, in *r. */
static bool begin_view(struct admin *a, struct own *o, struct session_view *v, int *r)
{
	struct error e = {0};
	*o = (struct own){.a = a};
	*v = (struct session_view){.ops = a->c->ops,
	                           .ledger = a->c->ledger,
	                           .timezone = a->c->timezone,
	                           .now_ms = a->now_ms,
	                           .json = true,
	                           .catalog = a->settings->catalog};
	slice format = admin_query(a, SLICE("format"));
	if (format.n && !slice_eq(format, SLICE("json")) && !slice_eq(format, SLICE("table"))) {
		*r = admin_refuse(a, 400, "format is json or table");
		return false;
	}
	v->json = !slice_eq(format, SLICE("table"));
	if (a->who->all || a->who->anonymous)
		return true;
	v->may_see = is_own;
	v->arg = o;
	v->user = name_get(&a->who->user);
	o->keys = arena_alloc(&a->mem, OWN_MAX * sizeof *o->keys);
	if (o->keys && a->c->ops->keys(a->c->ledger, take_key, o, &e) >= 0 && !o->spent)
		return true;
	*r = o->keys && !o->spent ? admin_fault(a, &e) : admin_refuse(a, 503, "out of memory");
	return false;
}

/* --- shown ------------------------------------------------------------------------------------------------
 */

/* A table is wrapped, so that every answer of this API is JSON: {"text": "..."}. */
static int answer_view(struct admin *a, const struct session_view *v, int rc, struct buf *text,
                       const struct error *e)
{
	int r;
	if (rc) {
		r = admin_fault(a, e);
	} else if (v->json) {
		r = buf_append(a->out, buf_slice(text));
	} else {
		jsonw_object(&a->w);
		jsonw_put_string(&a->w, SLICE("text"), buf_slice(text));
		jsonw_object_end(&a->w);
		r = admin_end(a);
	}
	buf_release(text);
	return r;
}

static int64_t burn_of(void *arg, slice id, slice scope)
{
	return pulse_burn_of(arg, id, scope);
}

/* A number of the query within its bounds; false after a refusal, in *r. */
static bool read_number(struct admin *a, const char *name, long long least, long long most, long long *to,
                        int *r)
{
	slice text = admin_query(a, slice_of(name));
	if (text.p == NULL || (slice_to_i64(text, to) && *to >= least && *to <= most))
		return true;
	*r = admin_refuse(a, 400, "%s is a number from %lld to %lld", name, least, most);
	return false;
}

static int list_json(struct admin *a, const struct session_view *v, long long limit, long long offset)
{
	struct error e = {0};
	slice sort = admin_query(a, SLICE("sort")), state = admin_query(a, SLICE("state"));
	struct session_list ask = {.since_ms = a->now_ms - WEEK_MS,
	                           .sort = sort.n ? session_sort_from_name(sort) : SORT_SEEN,
	                           .search = slice_trim(admin_query(a, SLICE("search"))),
	                           .state = state,
	                           .offset = (size_t)offset,
	                           .limit = (size_t)limit,
	                           .burn = burn_of,
	                           .burn_arg = a->c->shared->pulse};
	if (ask.sort == SESSION_SORTS)
		return admin_refuse(a, 400, "sort is seen, burn, cost, calls, turns or started");
	if (state.n && session_state_from_name(state) == SESSION_STATES)
		return admin_refuse(a, 400, "state is running, paused or stopped");
	return session_list_json(v, &ask, a->out, &e) ? admin_fault(a, &e) : 0;
}

int admin_sessions_list(struct admin *a)
{
	struct own own;
	struct session_view v;
	struct error e = {0};
	struct buf text;
	size_t n;
	long long limit = LIST_USUAL, offset = 0;
	int r;
	if (!read_number(a, "limit", 1, LIST_MOST, &limit, &r) ||
	    !read_number(a, "offset", 0, SESSION_LIST_MOST, &offset, &r) || !begin_view(a, &own, &v, &r))
		return r;
	if (v.json)
		return list_json(a, &v, limit, offset);
	buf_init(&text, a->out->max);
	int rc = session_view_list(&v, a->now_ms - WEEK_MS, (size_t)limit, &text, &n, &e);
	return answer_view(a, &v, rc, &text, &e);
}

int admin_sessions_show(struct admin *a)
{
	struct own own;
	struct session_view v;
	struct error e = {0};
	struct buf text;
	int r;
	if (!begin_view(a, &own, &v, &r))
		return r;
	buf_init(&text, a->out->max);
	int rc = session_view_show(&v, a->param, &text, &e);
	return answer_view(a, &v, rc, &text, &e);
}

/* --- held -------------------------------------------------------------------------------------------------
 */

struct target {
	struct own *own;
	const struct session_view *v;
	slice id;
	bool mine, others;
};

static int look(void *arg, const struct ledger_session *s)
{
	struct target *t = arg;
	bool mine = t->v->may_see == NULL || t->v->may_see(t->v->arg, s->scope);
	if (!slice_eq(s->id, t->id))
		return 0;
	t->mine = t->mine || mine;
	t->others = t->others || !mine;
	return 0;
}

/* May the caller hold the session of the path? False after a refusal, in *r. */
static bool may_act(struct admin *a, int *r)
{
	struct own own;
	struct session_view v;
	struct error e = {0};
	if (!begin_view(a, &own, &v, r))
		return false;
	struct target t = {&own, &v, a->param, false, false};
	if (a->c->ops->session(a->c->writable, a->param, SESSION_VIEW_MOST, look, &t, &e) < 0)
		*r = admin_fault(a, &e);
	else if (!t.mine)
		*r = admin_refuse(a, 404, "no session \"" SLICE_FMT "\": `weir session list` shows them",
		                  SLICE_ARG(a->param));
	else if (t.others)
		*r = admin_refuse(a, 403, "another user's key has a session of that id too: ask an operator");
	else
		return true;
	return false;
}

static int act(struct admin *a, enum session_action action, slice reason)
{
	struct error e = {0};
	const char *state = session_state_name(session_after(SESSION_RUNNING, action));
	slice kept = slice_sub(reason, 0, SESSION_REASON_MAX);
	int rc = a->c->ops->session_act(a->c->writable, a->param, slice_of(state), kept, admin_actor(a),
	                                a->now_ms, &e);
	if (rc == ERR_REFUSED)
		return admin_refuse(a, 409, "%s", e.text);
	if (rc < 0)
		return admin_fault(a, &e);
	/* in force with the answer; the store is looked at ten times a second besides */
	struct session_table *t = a->c->shared->sessions;
	if (t && session_act(t, a->param, action, kept, a->now_ms) == ERR_REFUSED)
		log_event(a->c->shared->log, LOG_WARN, "sessions.refused", LOG_S("id", a->param));
	pulse_touch(a->c->shared->pulse, a->param, SLICE_NONE);
	log_event(a->c->shared->log, LOG_WARN, "session", LOG_S("session", a->param), LOG_Z("state", state),
	          LOG_S("by", admin_actor(a)), LOG_S("reason", kept));
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("id"), a->param);
	jsonw_put_string(&a->w, SLICE("state"), slice_of(state));
	jsonw_put_string(&a->w, SLICE("reason"), kept.n ? kept : SLICE_NONE);
	jsonw_object_end(&a->w);
	return admin_end(a);
}

static int change(struct admin *a, enum session_action action)
{
	slice reason = SLICE_NONE;
	struct admin_field fields[] = {{"reason", &reason, false}};
	int r;
	if ((a->body.n || action == SESSION_RESUME) && !admin_body(a, fields, 1, &r))
		return r;
	if (action == SESSION_RESUME && slice_trim(reason).n == 0)
		return admin_refuse(a, 400, "a resume wants a \"reason\", for the audit");
	return may_act(a, &r) ? act(a, action, reason) : r;
}

int admin_session_pause(struct admin *a)
{
	return change(a, SESSION_PAUSE);
}

int admin_session_resume(struct admin *a)
{
	return change(a, SESSION_RESUME);
}

int admin_session_stop(struct admin *a)
{
	return change(a, SESSION_STOP);
}

/* Paused, and waits for somebody, whose name whoever is refused reads. */
int admin_session_escalate(struct admin *a)
{
	slice to, reason;
	struct admin_field fields[] = {{"to", &to, false}, {"reason", &reason, false}};
	int r;
	if (!admin_body(a, fields, 2, &r))
		return r;
	if (slice_trim(to).n == 0 || to.n > TO_MAX)
		return admin_refuse(a, 400, "\"to\" names whom it is handed to, in at most %d bytes", TO_MAX);
	if (!may_act(a, &r))
		return r;
	slice why = arena_printf(&a->mem, "handed to " SLICE_FMT "%s" SLICE_FMT, SLICE_ARG(to),
	                         reason.n ? ": " : "", SLICE_ARG(reason));
	return why.p ? act(a, SESSION_PAUSE, why) : admin_refuse(a, 503, "out of memory");
}
