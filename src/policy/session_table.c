/* Shards, the index, and which session goes when there are too many. */
#include <stdio.h>
#include <stdlib.h>

#include "model/tool_name.h"
#include "policy/session_impl.h"

#define NAMES_MAX ((size_t)1 << 16)

/* --- the index -------------------------------------------------------------------------------------------
 */

static struct node **bucket_at(const struct index *x, size_t i)
{
	return &x->pages[i / PAGE][i % PAGE];
}

static size_t bucket_of(const struct index *x, uint64_t key)
{
	size_t round = PAGE; /* buckets when the table was last a power of two of pages */
	while (round * 2 <= x->buckets)
		round *= 2;
	size_t i = key & (round * 2 - 1);
	return i < x->buckets ? i : key & (round - 1);
}

static void push(struct node **to, struct node *n)
{
	n->next = *to;
	n->at = to;
	if (n->next)
		n->next->at = &n->next;
	*to = n;
}

static int add_page(struct index *x)
{
	if ((x->pages_n & (x->pages_n - 1)) == 0) { /* room for twice as many, or for the first */
		struct node ***more = realloc(x->pages, (x->pages_n ? x->pages_n * 2 : 1) * sizeof *more);
		if (more == NULL)
			return ERR_NOMEM;
		x->pages = more;
	}
	struct node **page = calloc(PAGE, sizeof *page);
	if (page == NULL)
		return ERR_NOMEM;
	x->pages[x->pages_n++] = page;
	return 0;
}

/* One bucket more; the nodes of the one that it is split from are put where they belong now. */
static int grow(struct index *x)
{
	if (x->buckets == 0) {
		x->buckets = add_page(x) ? 0 : PAGE;
		return x->buckets ? 0 : ERR_NOMEM;
	}
	if (x->buckets / PAGE == x->pages_n && add_page(x))
		return ERR_NOMEM;
	size_t round = PAGE;
	while (round * 2 <= x->buckets)
		round *= 2;
	struct node *n = *bucket_at(x, x->buckets - round);
	*bucket_at(x, x->buckets - round) = NULL;
	x->buckets++;
	while (n) {
		struct node *next = n->next;
		push(bucket_at(x, bucket_of(x, n->key)), n);
		n = next;
	}
	return 0;
}

int index_put(struct index *x, struct node *n, uint64_t key)
{
	if (x->nodes >= x->buckets && grow(x) && x->buckets == 0)
		return ERR_NOMEM;
	n->key = key;
	push(bucket_at(x, bucket_of(x, key)), n);
	x->nodes++;
	return 0;
}

void index_take(struct index *x, struct node *n)
{
	if (n->key == 0)
		return;
	*n->at = n->next;
	if (n->next)
		n->next->at = n->at;
	n->key = 0;
	x->nodes--;
}

struct node *index_next(const struct index *x, uint64_t key, const struct node *after)
{
	if (x->buckets == 0)
		return NULL;
	struct node *n = after ? after->next : *bucket_at(x, bucket_of(x, key));
	while (n && n->key != key)
		n = n->next;
	return n;
}

void index_release(struct index *x)
{
	for (size_t i = 0; i < x->pages_n; i++)
		free(x->pages[i]);
	free(x->pages);
	*x = (struct index){0};
}

/* --- sessions and threads --------------------------------------------------------------------------------
 */

slice session_text_id(const struct session *s)
{
	return (slice){s->text.p, s->text.id};
}

slice session_reason(const struct session *s)
{
	return s->reason ? slice_of(s->reason) : SLICE("");
}

void session_set_reason(struct session *s, slice reason)
{
	slice kept = slice_sub(reason, 0, SESSION_REASON_MAX);
	free(s->reason);
	s->reason = kept.n ? malloc(kept.n + 1) : NULL;
	if (s->reason)
		snprintf(s->reason, kept.n + 1, SLICE_FMT, SLICE_ARG(kept));
}

struct shard *session_shard(struct session_table *t, slice scope)
{
	return &t->shards[XXH3_64bits_withSeed(scope.n ? scope.p : "", scope.n, t->seed) & (SHARDS - 1)];
}

uint64_t session_key(const struct session_table *t, slice scope, enum key_kind kind, uint64_t a)
{
	uint64_t scoped = XXH3_64bits_withSeed(scope.n ? scope.p : "", scope.n, t->seed + (uint64_t)kind);
	uint64_t key = XXH3_64bits_withSeed(&a, sizeof a, scoped);
	return key ? key : 1;
}

uint64_t session_id_key(const struct session_table *t, slice id)
{
	return session_key(t, SLICE_NONE, KEY_SESSION, XXH3_64bits_withSeed(id.n ? id.p : "", id.n, t->seed));
}

struct session *session_of_id(const struct session_table *t, const struct shard *s, slice id,
                              struct node **after)
{
	uint64_t key = session_id_key(t, id);
	while ((*after = index_next(&s->index, key, *after)) != NULL)
		if (*after == &(*after)->thread->key[KEY_SESSION] &&
		    slice_eq(session_text_id((*after)->thread->session), id))
			return (*after)->thread->session;
	return NULL;
}

struct session *session_of_key(const struct session_table *t, const struct shard *s, slice scope, slice id)
{
	struct node *at = NULL;
	struct session *of;
	while ((of = session_of_id(t, s, id, &at)) != NULL)
		if (slice_eq((slice){of->text.p + of->text.id, of->text.scope}, scope))
			return of;
	return NULL;
}

void context_release(struct context *c)
{
	free(c->runs);
	free(c->tools);
	*c = (struct context){0};
}

static size_t context_bytes(const struct context *c)
{
	return c->runs_room * sizeof *c->runs + c->tools_room * sizeof *c->tools;
}

static void thread_free(struct shard *s, struct thread *th)
{
	for (unsigned i = 0; i < KEYS; i++)
		index_take(&s->index, &th->key[i]);
	context_release(&th->c);
	free(th);
	s->threads--;
}

static void unlink_session(struct shard *s, struct session *of)
{
	*(of->newer ? &of->newer->older : &s->newest) = of->older;
	*(of->older ? &of->older->newer : &s->oldest) = of->newer;
}

static void link_newest(struct shard *s, struct session *of)
{
	of->newer = NULL;
	of->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = of;
	s->newest = of;
}

void session_touch(struct shard *s, struct session *of)
{
	if (s->newest == of)
		return;
	unlink_session(s, of);
	link_newest(s, of);
}

void session_changed(struct shard *s, struct session *of)
{
	if (of->is_changed)
		return;
	of->is_changed = true;
	of->changed = s->changed;
	s->changed = of;
}

static void session_free(struct session_table *t, struct shard *s, struct session *of)
{
	unlink_session(s, of);
	while (of->threads) {
		struct thread *th = of->threads;
		of->threads = th->next;
		thread_free(s, th);
	}
	free(of->text.p);
	free(of->reason);
	free(of);
	s->sessions--;
	atomic_fetch_sub_explicit(&t->sessions, 1, memory_order_relaxed);
}

/* The one that was quiet longest and that the ledger has. One that waits to be taken by the ledger is passed
 * over, as is one that people have paused or stopped: those must be known when they come back. */
static void make_room(struct session_table *t, struct shard *s)
{
	struct session *of = s->oldest;
	for (int tries = 0; of && tries < 64 && (of->is_changed || of->state != SESSION_RUNNING); tries++)
		of = of->newer;
	if (of == NULL || of->is_changed || of->state != SESSION_RUNNING)
		return;
	session_free(t, s, of);
	atomic_fetch_add_explicit(&t->evicted, 1, memory_order_relaxed);
}

static size_t put_text(char *to, uint16_t *n, slice s)
{
	size_t len = s.n < ATTR_TEXT_MAX ? s.n : ATTR_TEXT_MAX;
	if (len)
		memcpy(to, s.p, len);
	*n = (uint16_t)len;
	return len;
}

struct session *session_add(struct session_table *t, struct shard *s, const struct session_row *row)
{
	size_t n = atomic_load_explicit(&t->sessions, memory_order_relaxed);
	if (n >= t->max)
		make_room(t, s);
	if (n >= t->max * 2) /* paused ones alone: a flood */
		return NULL;
	struct session *of = calloc(1, sizeof *of);
	if (of == NULL)
		return NULL;
	of->text.p = malloc(row->id.n + row->scope.n + row->parent.n + row->agent.n + row->directory.n + 1);
	if (of->text.p == NULL) {
		free(of);
		return NULL;
	}
	n = put_text(of->text.p, &of->text.id, row->id);
	n += put_text(of->text.p + n, &of->text.scope, row->scope);
	n += put_text(of->text.p + n, &of->text.parent, row->parent);
	n += put_text(of->text.p + n, &of->text.agent, row->agent);
	put_text(of->text.p + n, &of->text.directory, row->directory);
	of->started_ms = row->started_ms;
	of->seen_ms = row->seen_ms;
	link_newest(s, of);
	s->sessions++;
	atomic_fetch_add_explicit(&t->sessions, 1, memory_order_relaxed);
	return of;
}

/* The thread of the session that was quiet longest goes, but for the first one. */
static void drop_thread(struct shard *s, struct session *of)
{
	struct thread **oldest = NULL;
	for (struct thread **at = &of->threads; *at && (*at)->next; at = &(*at)->next)
		if (oldest == NULL || (*at)->seen_ms < (*oldest)->seen_ms)
			oldest = at;
	if (oldest == NULL)
		return;
	struct thread *gone = *oldest;
	*oldest = gone->next;
	of->threads_n--;
	thread_free(s, gone);
}

struct thread *session_thread_add(struct session_table *t, struct shard *s, struct session *of,
                                  slice subagent)
{
	if (of->threads_n >= THREADS_MAX)
		drop_thread(s, of);
	struct thread *th = calloc(1, sizeof *th);
	if (th == NULL)
		return NULL;
	for (unsigned i = 0; i < KEYS; i++)
		th->key[i].thread = th;
	th->session = of;
	th->serial = atomic_fetch_add_explicit(&t->serial, 1, memory_order_relaxed) + 1;
	size_t n = subagent.n < sizeof th->subagent - 1 ? subagent.n : sizeof th->subagent - 1;
	if (n)
		memcpy(th->subagent, subagent.p, n);
	if (index_put(&s->index, &th->key[KEY_SERIAL], session_key(t, SLICE_NONE, KEY_SERIAL, th->serial))) {
		free(th);
		return NULL;
	}
	th->next = of->threads;
	of->threads = th;
	of->threads_n++;
	s->threads++;
	return th;
}

int session_rekey(struct shard *s, struct thread *th, unsigned slot, uint64_t key)
{
	if (th->key[slot].key == key)
		return 0;
	index_take(&s->index, &th->key[slot]);
	return index_put(&s->index, &th->key[slot], key);
}

/* --- names of tools --------------------------------------------------------------------------------------
 */

static const struct tool_text other_tools = {.name = {PART_OTHER_TOOLS, sizeof PART_OTHER_TOOLS - 1}};

/* A namespace that is no server's is a part of the name. */
static struct tool_text *make_tool_text(slice agent, slice name, slice space, uint64_t hash)
{
	slice server = tool_server(agent, name, space);
	bool spaced = space.n && (server.n == 0 || slice_starts(space, SLICE("mcp__")));
	slice joint = spaced ? slice_starts(space, SLICE("mcp__")) ? SLICE("__") : SLICE(".") : SLICE_NONE;
	while (spaced && slice_ends(space, SLICE("_")))
		space.n--;
	size_t head = spaced ? space.n + joint.n : 0;
	struct tool_text *x = malloc(sizeof *x + head + name.n + server.n);
	if (x == NULL)
		return NULL;
	x->hash = hash;
	if (spaced) {
		memcpy(x->bytes, space.p, space.n);
		memcpy(x->bytes + space.n, joint.p, joint.n);
	}
	memcpy(x->bytes + head, name.p, name.n);
	if (server.n)
		memcpy(x->bytes + head + name.n, server.p, server.n);
	x->name = (slice){x->bytes, head + name.n};
	x->server = (slice){x->bytes + head + name.n, server.n};
	return x;
}

const struct tool_text *session_tool_text(struct session_table *t, slice agent, slice name, slice space)
{
	if (name.n == 0 || name.n > ATTR_TEXT_MAX || space.n > ATTR_TEXT_MAX)
		return &other_tools;
	uint64_t h = XXH3_64bits_withSeed(name.p, name.n, t->seed);
	h = XXH3_64bits_withSeed(space.n ? space.p : "", space.n, h);
	h = XXH3_64bits_withSeed(agent.n ? agent.p : "", agent.n, h);
	struct tool_text **at = &t->names[h % (sizeof t->names / sizeof t->names[0])], *x;
	pthread_mutex_lock(&t->names_lock);
	for (x = *at; x && x->hash != h; x = x->next)
		;
	if (x == NULL && t->names_n < NAMES_MAX) {
		x = make_tool_text(agent, name, space, h);
		if (x) {
			x->next = *at;
			*at = x;
			t->names_n++;
		}
	}
	pthread_mutex_unlock(&t->names_lock);
	return x ? x : &other_tools;
}

/* --- the table -------------------------------------------------------------------------------------------
 */

struct session_table *session_table_new(size_t sessions, uint64_t seed)
{
	struct session_table *t = calloc(1, sizeof *t);
	if (t == NULL)
		return NULL;
	t->seed = seed;
	t->max = sessions ? sessions : 1;
	for (unsigned i = 0; i < SHARDS; i++)
		pthread_mutex_init(&t->shards[i].lock, NULL);
	pthread_mutex_init(&t->names_lock, NULL);
	return t;
}

void session_table_free(struct session_table *t)
{
	if (t == NULL)
		return;
	for (unsigned i = 0; i < SHARDS; i++) {
		struct shard *s = &t->shards[i];
		while (s->oldest)
			session_free(t, s, s->oldest);
		index_release(&s->index);
		pthread_mutex_destroy(&s->lock);
	}
	for (size_t i = 0; i < sizeof t->names / sizeof t->names[0]; i++)
		while (t->names[i]) {
			struct tool_text *x = t->names[i];
			t->names[i] = x->next;
			free(x);
		}
	pthread_mutex_destroy(&t->names_lock);
	free(t);
}

void session_stats_get(struct session_table *t, struct session_stats *out)
{
	*out = (struct session_stats){.opened = atomic_load(&t->opened), .evicted = atomic_load(&t->evicted)};
	for (unsigned i = 0; i < SHARDS; i++) {
		struct shard *s = &t->shards[i];
		pthread_mutex_lock(&s->lock);
		out->sessions += s->sessions;
		out->threads += s->threads;
		out->bytes += s->sessions * sizeof(struct session) + s->threads * sizeof(struct thread) +
		              s->index.pages_n * PAGE * sizeof(struct node *);
		for (const struct session *of = s->newest; of; of = of->older)
			for (const struct thread *th = of->threads; th; th = th->next)
				out->bytes += context_bytes(&th->c);
		pthread_mutex_unlock(&s->lock);
	}
}
