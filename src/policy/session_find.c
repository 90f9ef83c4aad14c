/* Which thread of which session a request belongs to. In this order:
 *
 *  1. the client's id: among the threads of that session and subagent the one whose messages the request
 * begins with; else one whose tools are the same (its past was compacted); else it is a conversation beside;
 *  2. the messages: the thread whose last request is a beginning of this one, or one of the turns before;
 *     or, when it begins with an agent's own summary, the last thread of that agent and folder: compacted;
 *  3. words that a thread handed to a tool, and that come as this request's prompt: its subagent;
 *  4. the same words of the user in a first request with tools and one without: beside one another;
 *  5. a thread of the same agent and folder that waits for its tools, and has other ones: its subagent.
 *
 * What is none of these is a new session; when another's thread in its folder waits for a tool, that one's
 * shell has started it, until its own next request tells otherwise. */
#include "policy/session_impl.h"

#define BESIDE_MS       (INT64_C(10) * 60 * 1000)
#define WAITING_MS      (INT64_C(6) * 3600 * 1000)
#define CANDIDATES      16
#define CHAIN_LOOK_BACK 4096 /* spans from the end that are looked up */

struct finding {
	struct opening *o;
	struct shard *shard;
	struct context *scratch;
	struct found *f;
	bool has_tools;
	uint64_t agent, directory;
};

static uint64_t key_of(const struct finding *w, enum key_kind kind, uint64_t a)
{
	return session_key(w->o->table, w->o->in->scope, kind, a);
}

static uint64_t text_hash(const struct finding *w, slice s)
{
	return XXH3_64bits_withSeed(s.n ? s.p : "", s.n, w->o->table->seed);
}

static void read_all(struct opening *o)
{
	while (opening_step(o))
		;
}

static bool is_kind(const struct node *n, enum key_kind kind)
{
	ptrdiff_t slot = n - n->thread->key;
	if (kind == KEY_CHAIN)
		return slot >= KEY_CHAIN && slot < KEY_CHAIN + CHAINS;
	if (kind == KEY_LAUNCH)
		return slot >= KEY_LAUNCH && slot < KEY_LAUNCH + LAUNCHES;
	return slot == (ptrdiff_t)kind;
}

/* The same program in the same folder, as far as that is known. */
static bool related(const struct finding *w, const struct thread *th)
{
	return th->agent == w->agent && (th->directory == w->directory || !th->directory || !w->directory);
}

/* The span of the model's first words among those read. */
static int64_t first_answer(const struct opening *o)
{
	size_t i = 0;
	while (i < o->spans_n && !o->span[i].assistant)
		i++;
	return o->first > 0 ? o->first : (int64_t)i;
}

/* Has the request been made of this thread's turns? How, and from which span on is it new. */
static bool goes_on(struct finding *w, struct thread *th)
{
	struct opening *o = w->o;
	int64_t n = opening_spans(o);
	if (th->spans <= n && opening_chain(o, th->spans) == th->last_chain) {
		w->f->how = th->spans == n ? SESSION_RETRY : SESSION_CONTINUED;
		w->f->new_from = th->spans;
		return true;
	}
	/* Not before the model's first words: others may begin with the same. */
	int64_t least = o->first > first_answer(o) ? o->first : first_answer(o);
	for (int64_t i = n; i > least && i > n - CHAIN_LOOK_BACK; i--)
		for (unsigned k = 0; k < CHAINS; k++)
			if (th->key[KEY_CHAIN + k].key &&
			    th->key[KEY_CHAIN + k].key == key_of(w, KEY_CHAIN, opening_chain(o, i))) {
				w->f->how = SESSION_REWOUND;
				w->f->new_from = i;
				return true;
			}
	return false;
}

/* The thread's own context when the messages begin with what it knows; all of them are read behind that. */
static bool take_up(struct finding *w, struct thread *th)
{
	if (!opening_fits(w->o, &th->c))
		return false;
	opening_begin(w->o, &th->c, true);
	read_all(w->o);
	w->f->thread = th;
	w->f->session = th->session;
	if (!goes_on(w, th)) { /* its last words were changed */
		w->f->how = SESSION_REWOUND;
		w->f->new_from = w->o->first;
	}
	return true;
}

static void read_anew(struct finding *w)
{
	if (w->o->c == w->scratch)
		return;
	opening_begin(w->o, w->scratch, false);
	read_all(w->o);
}

/* A thread's past is another one now; its tables of tools are thrown away with its context. */
static void replace_past(struct finding *w, struct thread *th)
{
	w->f->thread = th;
	w->f->session = th->session;
	w->f->how = opening_spans(w->o) <= th->spans ? SESSION_COMPACTED : SESSION_REWOUND;
	w->f->new_from = opening_last_answer(w->o);
}

/* --- by the client's id ----------------------------------------------------------------------------------
 */

static size_t candidates(struct finding *w, enum key_kind kind, uint64_t a, struct thread **out)
{
	size_t n = 0;
	uint64_t key = key_of(w, kind, a);
	for (struct node *at = NULL; n < CANDIDATES && (at = index_next(&w->shard->index, key, at)) != NULL;)
		if (is_kind(at, kind))
			out[n++] = at->thread;
	return n;
}

static uint64_t client_hash(const struct finding *w)
{
	return text_hash(w, w->o->in->subagent) * 31 + text_hash(w, w->o->in->session);
}

static void find_by_id(struct finding *w)
{
	struct thread *th[CANDIDATES], *same = NULL;
	size_t n = candidates(w, KEY_CLIENT, client_hash(w), th);
	for (size_t i = 0; i < n; i++)
		if (take_up(w, th[i]))
			return;
	read_anew(w);
	for (size_t i = 0; i < n; i++)
		if (th[i]->has_tools == w->has_tools && goes_on(w, th[i])) {
			w->f->thread = th[i];
			w->f->session = th[i]->session;
			return;
		}
	for (size_t i = 0; i < n; i++)
		if (th[i]->has_tools == w->has_tools &&
		    (th[i]->c.tools_hash == w->o->tools_hash || th[i]->opening == opening_chain(w->o, 1)) &&
		    (same == NULL || th[i]->seen_ms > same->seen_ms))
			same = th[i];
	if (same) {
		replace_past(w, same);
		return;
	}
	const struct session_in *in = w->o->in;
	struct session *of = session_of_key(w->o->table, w->shard, in->scope, in->session);
	if (of) {
		w->f->session = of;
		w->f->how = w->o->in->subagent.n ? SESSION_SUBAGENT : SESSION_BESIDE;
	}
}

/* --- by the messages -------------------------------------------------------------------------------------
 */

/* The same first request once more, when the one before was answered: a session of its own. */
static bool begins_again(const struct finding *w, const struct thread *th)
{
	return w->f->how == SESSION_RETRY && th->answered && !w->o->spoke;
}

static bool find_by_opening(struct finding *w)
{
	struct thread *th[CANDIDATES];
	if (!opening_step(w->o))
		return false;
	size_t n = candidates(w, KEY_OPENING, opening_chain(w->o, 1), th);
	for (size_t i = 0; i < n; i++)
		if (th[i]->has_tools == w->has_tools &&
		    (related(w, th[i]) || (th[i]->c.at.spans > 1 && th[i]->agent == w->agent)) &&
		    take_up(w, th[i]))
			return true;
	return false;
}

/* Its session has said nothing else yet: a title and the conversation it is of come one after the other. */
static bool alone(const struct thread *th)
{
	return th->turn == 1 && th->session->threads_n == 1;
}

static bool find_by_chain(struct finding *w)
{
	struct thread *th[CANDIDATES], *beside = NULL;
	struct opening *o = w->o;
	int64_t total = opening_spans(o);
	for (int64_t i = total; i > 0 && i > total - CHAIN_LOOK_BACK; i--) {
		size_t n = candidates(w, KEY_CHAIN, opening_chain(o, i), th);
		for (size_t k = 0; k < n; k++) {
			/* The model's own words prove it, in whatever folder the agent is by now. */
			bool proven = i > first_answer(o) && th[k]->agent == w->agent;
			if (!proven && !related(w, th[k]))
				continue;
			if (th[k]->has_tools != w->has_tools) {
				if (i > first_answer(o) || alone(th[k]))
					beside = th[k];
				continue;
			}
			if (!goes_on(w, th[k]) || begins_again(w, th[k])) {
				w->f->how = SESSION_NEW;
				continue;
			}
			w->f->thread = th[k];
			w->f->session = th[k]->session;
			return true;
		}
	}
	if (beside && w->o->in->now_ms - beside->seen_ms < BESIDE_MS) {
		w->f->session = beside->session;
		w->f->how = SESSION_BESIDE;
	}
	return beside != NULL && w->f->session != NULL;
}

static bool find_by_words(struct finding *w)
{
	struct thread *th[CANDIDATES];
	struct opening *o = w->o;
	unsigned users = o->users_n < USERS_MAX ? o->users_n : USERS_MAX;
	for (unsigned u = 0; !o->spoke && u < users; u++) {
		size_t n = candidates(w, KEY_LAUNCH, o->user[u], th);
		for (size_t i = 0; i < n; i++)
			if (related(w, th[i])) {
				w->f->session = th[i]->session;
				w->f->how = SESSION_SUBAGENT;
				return true;
			}
	}
	for (unsigned u = 0; !o->spoke && u < users; u++) {
		size_t n = candidates(w, KEY_USER, o->user[u], th);
		for (size_t i = 0; i < n; i++)
			if (alone(th[i]) && th[i]->has_tools != w->has_tools && related(w, th[i]) &&
			    o->in->now_ms - th[i]->seen_ms < BESIDE_MS) {
				w->f->session = th[i]->session;
				w->f->how = SESSION_BESIDE;
				return true;
			}
	}
	return false;
}

/* --- by what waits ---------------------------------------------------------------------------------------
 */

static bool waits(const struct finding *w, const struct thread *th)
{
	return th->waiting && w->o->in->now_ms - th->seen_ms < WAITING_MS;
}

static bool find_by_waiting(struct finding *w)
{
	struct thread *th[CANDIDATES];
	if (w->o->in->directory.n == 0 || w->o->spoke)
		return false;
	size_t n = candidates(w, KEY_DIRECTORY, text_hash(w, w->o->in->directory), th);
	for (size_t i = 0; i < n; i++)
		if (waits(w, th[i]) && related(w, th[i]) && w->has_tools && th[i]->has_tools &&
		    th[i]->c.tools_hash != w->o->tools_hash) {
			w->f->session = th[i]->session;
			w->f->how = SESSION_SUBAGENT;
			return true;
		}
	return false;
}

/* A summary in place of a conversation: that of the thread seen last, of the same agent with the same tools
 * in the same folder. */
static bool find_by_summary(struct finding *w)
{
	struct thread *th[CANDIDATES], *last = NULL;
	if (!w->o->summary || w->o->in->directory.n == 0)
		return false;
	size_t n = candidates(w, KEY_DIRECTORY, w->directory, th);
	for (size_t i = 0; i < n; i++)
		if (th[i]->agent == w->agent && th[i]->c.tools_hash == w->o->tools_hash &&
		    (last == NULL || th[i]->seen_ms > last->seen_ms))
			last = th[i];
	if (last)
		replace_past(w, last);
	return last != NULL;
}

/* The agent whose shell started this one: it waits in the same folder, or in one above it. */
static void find_parent(struct finding *w)
{
	struct thread *th[CANDIDATES];
	slice d = w->o->in->directory;
	for (int up = 0; up < 4 && d.n > 1 && w->f->parent == NULL && !w->o->spoke; up++) {
		size_t n = candidates(w, KEY_DIRECTORY, text_hash(w, d), th);
		for (size_t i = 0; i < n && w->f->parent == NULL; i++)
			if (waits(w, th[i]))
				w->f->parent = th[i]->session;
		while (d.n > 0 && d.p[d.n - 1] != '/')
			d.n--;
		d.n -= d.n > 0;
	}
}

void session_find(struct opening *o, struct shard *s, struct context *scratch, struct found *f)
{
	struct finding w = {.o = o, .shard = s, .scratch = scratch, .f = f};
	*f = (struct found){.how = SESSION_NEW};
	w.has_tools = o->in->view->tool_count > 0;
	w.agent = text_hash(&w, o->in->agent);
	w.directory = o->in->directory.n ? text_hash(&w, o->in->directory) : 0;
	if (o->in->session.n) {
		find_by_id(&w);
	} else {
		opening_begin(o, scratch, false);
		if (find_by_opening(&w)) {
			if (!begins_again(&w, f->thread))
				return;
			*f = (struct found){.how = SESSION_NEW};
			opening_begin(o, scratch, false);
		}
		read_all(o);
		if (find_by_chain(&w) || find_by_summary(&w) || find_by_words(&w) || find_by_waiting(&w)) {
			if (f->thread == NULL)
				f->new_from = opening_last_answer(o);
			return;
		}
	}
	if (f->thread == NULL)
		f->new_from = opening_last_answer(o);
	if (f->session == NULL)
		find_parent(&w);
}
