/* A request taken in, a call's end, and the states. */
#include "policy/session.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "policy/session_impl.h"

#define READING_MAX ((size_t)32 << 20) /* what one request's reading takes; given back at its end */

#define X(id, name) #name,
static const char *const states[] = {SESSION_STATE_LIST(X)};
static const char *const hows[] = {SESSION_HOW_LIST(X)};
#undef X

const char *session_state_name(enum session_state s)
{
	return s < SESSION_STATES ? states[s] : "?";
}

enum session_state session_state_from_name(slice name)
{
	int i = 0;
	while (i < SESSION_STATES && !slice_eq(name, slice_of(states[i])))
		i++;
	return (enum session_state)i;
}

const char *session_how_name(enum session_how h)
{
	return h < SESSION_HOWS ? hows[h] : "?";
}

/* --- taking in -------------------------------------------------------------------------------------------
 */

static uint64_t text_hash(const struct session_table *t, slice s)
{
	return XXH3_64bits_withSeed(s.n ? s.p : "", s.n, t->seed);
}

/* The id of a session whose client sends none: of its first call. */
static slice own_id(const struct session_in *in, struct arena *mem)
{
	return arena_printf(mem, "ws_%s", in->call);
}

static struct session *new_session(struct opening *o, struct shard *s, const struct found *f)
{
	const struct session_in *in = o->in;
	struct session_row row = {.id = in->session.n ? in->session : own_id(in, o->mem),
	                          .scope = in->scope,
	                          .agent = in->agent,
	                          .directory = in->directory,
	                          .started_ms = in->now_ms,
	                          .seen_ms = in->now_ms};
	if (f->parent) /* a copy: the parent may be the one that goes for it */
		row.parent = arena_copy(o->mem, session_text_id(f->parent));
	atomic_fetch_add_explicit(&o->table->opened, 1, memory_order_relaxed);
	return row.id.p ? session_add(o->table, s, &row) : NULL;
}

/* --- the tree of agents: a session may have been started by another's shell
 * --------------------------------- */

static slice parent_text(const struct session *of)
{
	return (slice){of->text.p + of->text.id + of->text.scope, of->text.parent};
}

/* The session that started it, when it is still known. */
static struct session *parent_of(const struct opening *o, struct shard *s, const struct session *of)
{
	slice id = parent_text(of);
	if (id.n == 0)
		return NULL;
	return session_of_key(o->table, s, o->in->scope, id);
}

/* From the session up to the root: one more below each of them, when begun; what the turn is told. */
static int climb(const struct opening *o, struct shard *s, struct session *of, bool begun, bool subagent,
                 struct session_turn *out)
{
	struct session *at = of, *held = NULL;
	out->depth = subagent;
	for (int up = 0; at && up < TREE_DEPTH_MAX; up++) {
		struct session *next = parent_of(o, s, at);
		if (begun && (at != of || subagent))
			at->tree++;
		if (held == NULL && at->state != SESSION_RUNNING)
			held = at;
		out->tree = at->tree;
		out->root = session_text_id(at);
		out->depth += next != NULL;
		at = next;
	}
	held = held ? held : of;
	out->state = held->state;
	out->state_ms = held->state_ms;
	out->root = arena_copy(o->out, out->root);
	out->state_of = arena_copy(o->out, session_text_id(held));
	out->reason = arena_copy(o->out, session_reason(held));
	return out->root.p && out->state_of.p && out->reason.p ? 0 : ERR_NOMEM;
}

/* What the thread is found by from now on. */
static int set_keys(struct opening *o, struct shard *s, struct thread *th, bool is_new)
{
	const struct session_in *in = o->in;
	struct session_table *t = o->table;
	const struct session *of = th->session;
	uint64_t client = text_hash(t, in->subagent) * 31 + text_hash(t, in->session);
	int rc = 0;
	if (in->session.n)
		rc = session_rekey(s, th, KEY_CLIENT, session_key(t, in->scope, KEY_CLIENT, client));
	if (rc == 0 && is_new && th->next == NULL)
		rc = session_rekey(s, th, KEY_SESSION, session_id_key(t, session_text_id(of)));
	if (rc == 0 && th->opening)
		rc = session_rekey(s, th, KEY_OPENING, session_key(t, in->scope, KEY_OPENING, th->opening));
	if (rc == 0 && is_new && o->users_n)
		rc =
		    session_rekey(s, th, KEY_USER,
		                  session_key(t, in->scope, KEY_USER, o->user[(o->users_n - 1) % USERS_MAX]));
	if (rc == 0 && in->directory.n)
		rc = session_rekey(s, th, KEY_DIRECTORY,
		                   session_key(t, in->scope, KEY_DIRECTORY, text_hash(t, in->directory)));
	if (rc == 0 && th->last_chain != o->chain)
		rc = session_rekey(s, th, KEY_CHAIN + th->chain_at++ % CHAINS,
		                   session_key(t, in->scope, KEY_CHAIN, o->chain));
	for (unsigned i = 0; rc == 0 && i < LAUNCHES && i < o->launches_n; i++)
		rc = session_rekey(s, th, KEY_LAUNCH + th->launch_at++ % LAUNCHES,
		                   session_key(t, in->scope, KEY_LAUNCH, o->launch[i]));
	return rc;
}

/* Where the turn stands, and its number. */
static void count_turn(struct opening *o, struct thread *th, const struct found *f)
{
	struct session *of = th->session;
	of->calls++;
	of->seen_ms = th->seen_ms = o->in->now_ms;
	if (f->how == SESSION_RETRY) {
		th->attempt++;
		of->retries++;
		return;
	}
	of->compactions += f->how == SESSION_COMPACTED;
	th->turn++;
	th->attempt = 1;
	snprintf(th->call, sizeof th->call, "%s", o->in->call);
}

static int fill_tools(struct opening *o, struct session_turn *out, bool known_before)
{
	const struct context *c = o->c;
	struct session_tool *tools = arena_zalloc(o->out, (size_t)(c->tools_n + 1) * sizeof *tools);
	if (tools == NULL)
		return ERR_NOMEM;
	for (unsigned i = 0; i < c->tools_n; i++) {
		tools[i] = (struct session_tool){.name = c->tools[i].text->name,
		                                 .server = c->tools[i].text->server,
		                                 .calls = o->calls[i],
		                                 .failures = o->failures[i],
		                                 .defined_before = known_before || o->before[i]};
	}
	out->tools = tools;
	out->tools_n = c->tools_n;
	return 0;
}

/* What was read, before it is cut at the mark. known: by an earlier request, or from before this process. */
static int fill_parts(struct opening *o, const struct found *f, struct session_turn *out)
{
	const struct context *c = o->c;
	bool past = f->thread == NULL && f->new_from > 0;
	struct session_run *runs = arena_alloc(o->out, (size_t)(c->runs_n + 1) * sizeof *runs);
	if (runs == NULL)
		return ERR_NOMEM;
	if (c->runs_n)
		memcpy(runs, c->runs, c->runs_n * sizeof *runs);
	out->runs = runs;
	out->runs_n = c->runs_n;
	out->runs_old = f->thread || past ? opening_runs(o, f->new_from) : 0;
	return fill_tools(o, out, past || (f->thread && c->tools_n && o->c != &f->thread->c));
}

static int fill_texts(struct opening *o, const struct thread *th, struct session_turn *out)
{
	const struct session *of = th->session;
	out->session = arena_copy(o->out, session_text_id(of));
	out->parent = of->text.parent ? arena_copy(o->out, parent_text(of)) : SLICE_NONE;
	out->subagent = th->subagent[0] ? arena_copy(o->out, slice_of(th->subagent)) : SLICE_NONE;
	out->retry_of = th->attempt > 1 ? arena_copy(o->out, slice_of(th->call)) : SLICE_NONE;
	return out->session.p ? 0 : ERR_NOMEM;
}

static struct thread *new_thread(struct opening *o, struct shard *s, const struct found *f,
                                 struct session *of)
{
	char name[SUBAGENT_MAX];
	slice subagent = o->in->subagent;
	if (subagent.n == 0 && f->how == SESSION_SUBAGENT) {
		int n = snprintf(name, sizeof name, "s%u", ++of->subagents);
		subagent = slice_make(name, (size_t)n);
	}
	return session_thread_add(o->table, s, of, subagent);
}

static int take_in(struct opening *o, struct shard *s, struct context *scratch, struct session_turn *out)
{
	struct found f;
	session_find(o, s, scratch, &f);
	opening_head(o);
	if (!o->failed)
		opening_count(o, f.new_from);
	if (o->failed || fill_parts(o, &f, out))
		return ERR_NOMEM;
	bool is_new = f.thread == NULL;
	struct session *of = f.session ? f.session : new_session(o, s, &f);
	struct thread *th = is_new && of ? new_thread(o, s, &f, of) : f.thread;
	if (th == NULL)
		return ERR_NOMEM;
	session_touch(s, of);
	count_turn(o, th, &f);
	if (o->c != &th->c) {
		context_release(&th->c);
		th->c = *scratch;
		*scratch = (struct context){0};
		o->c = &th->c;
	}
	if (o->first == 0)
		th->opening = opening_chain(o, 1);
	int rc = set_keys(o, s, th, is_new);
	th->last_chain = o->chain;
	th->spans = opening_spans(o);
	th->has_tools = o->in->view->tool_count > 0;
	th->agent = text_hash(o->table, o->in->agent);
	if (o->in->directory.n)
		th->directory = text_hash(o->table, o->in->directory);
	th->spoke = o->spoke;
	th->waiting = th->answered = false;
	th->raw = opening_keep(o);
	session_changed(s, of);
	out->thread = th->serial;
	out->how = f.how;
	out->turn = th->turn;
	out->attempt = th->attempt;
	bool subagent = th->subagent[0] != '\0';
	bool begun = is_new && (subagent || (f.session == NULL && f.parent));
	if (rc == 0)
		rc = climb(o, s, of, begun, subagent, out);
	return rc ? rc : fill_texts(o, th, out);
}

int session_open(struct session_table *t, const struct session_in *in, struct arena *mem,
                 struct session_turn *out)
{
	struct opening o;
	struct arena reading;
	struct context scratch = {0};
	struct shard *s = session_shard(t, in->scope);
	*out = (struct session_turn){.turn = RECORD_ABSENT, .attempt = RECORD_ABSENT};
	arena_init(&reading, READING_MAX);
	opening_init(&o, t, in, &reading);
	o.out = mem;
	pthread_mutex_lock(&s->lock);
	int rc = take_in(&o, s, &scratch, out);
	context_release(&scratch);
	pthread_mutex_unlock(&s->lock);
	arena_release(&reading);
	if (rc)
		*out = (struct session_turn){.turn = RECORD_ABSENT, .attempt = RECORD_ABSENT};
	else
		out->shard = (unsigned)(s - t->shards);
	return rc;
}

void session_close(struct session_table *t, const struct session_turn *turn, const struct session_end *end)
{
	if (turn->thread == 0)
		return;
	struct shard *s = &t->shards[turn->shard];
	pthread_mutex_lock(&s->lock);
	struct node *n = index_next(&s->index, session_key(t, SLICE_NONE, KEY_SERIAL, turn->thread), NULL);
	if (n) {
		struct thread *th = n->thread;
		struct session *of = th->session;
		th->answered = end->answered;
		th->waiting = end->answered && end->tool_calls > 0;
		th->seen_ms = end->now_ms;
		of->seen_ms = end->now_ms;
		of->active_ms += end->duration_ms > 0 ? end->duration_ms : 0;
		session_changed(s, of);
	}
	pthread_mutex_unlock(&s->lock);
}

/* --- states ----------------------------------------------------------------------------------------------
 */

enum session_state session_after(enum session_state from, enum session_action a)
{
	static const enum session_state to[SESSION_STATES][SESSION_ACTIONS] = {
	    [SESSION_RUNNING] = {[SESSION_PAUSE] = SESSION_PAUSED,
	                         [SESSION_RESUME] = SESSION_RUNNING,
	                         [SESSION_STOP] = SESSION_STOPPED},
	    [SESSION_PAUSED] = {[SESSION_PAUSE] = SESSION_PAUSED,
	                        [SESSION_RESUME] = SESSION_RUNNING,
	                        [SESSION_STOP] = SESSION_STOPPED},
	    [SESSION_STOPPED] = {[SESSION_PAUSE] = SESSION_STATES,
	                         [SESSION_RESUME] = SESSION_STATES,
	                         [SESSION_STOP] = SESSION_STOPPED},
	};
	return from < SESSION_STATES && a < SESSION_ACTIONS ? to[from][a] : SESSION_STATES;
}

static int set_state(struct shard *s, struct session *of, enum session_action a, slice reason, int64_t now_ms)
{
	enum session_state to = session_after(of->state, a);
	if (now_ms < of->state_ms) /* what was decided since then holds */
		return 0;
	if (to == SESSION_STATES)
		return ERR_REFUSED;
	of->state = to;
	of->state_ms = now_ms;
	session_set_reason(of, reason);
	session_changed(s, of);
	return 0;
}

/* An id is looked up in every shard: an operator names no key. Two keys may use the same one, and both stop.
 */
static int act_in(const struct session_table *t, struct shard *s, slice id, enum session_action a,
                  slice reason, int64_t now_ms)
{
	int rc = ERR_NOT_FOUND;
	struct node *at = NULL;
	struct session *of;
	pthread_mutex_lock(&s->lock);
	while ((of = session_of_id(t, s, id, &at)) != NULL) {
		int one = set_state(s, of, a, reason, now_ms);
		rc = rc == ERR_NOT_FOUND || one ? one : rc;
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

enum session_state session_state_get(struct session_table *t, slice scope, slice id)
{
	struct shard *s = session_shard(t, scope);
	pthread_mutex_lock(&s->lock);
	const struct session *of = session_of_key(t, s, scope, id);
	enum session_state state = of ? of->state : SESSION_STATES;
	pthread_mutex_unlock(&s->lock);
	return state;
}

int session_act_on(struct session_table *t, const struct session_turn *turn, slice id, enum session_action a,
                   slice reason, int64_t now_ms)
{
	return turn->thread ? act_in(t, &t->shards[turn->shard], id, a, reason, now_ms) : ERR_NOT_FOUND;
}

int session_act(struct session_table *t, slice id, enum session_action a, slice reason, int64_t now_ms)
{
	int rc = ERR_NOT_FOUND;
	for (unsigned i = 0; i < SHARDS; i++) {
		int one = act_in(t, &t->shards[i], id, a, reason, now_ms);
		rc = one == ERR_NOT_FOUND ? rc : rc == ERR_NOT_FOUND || one ? one : rc;
	}
	return rc;
}
