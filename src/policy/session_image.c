/* What of a session outlives the process: its row, and of each thread what it is found by and where its turns
 * stand. What its messages were made of is not kept: the next request is read whole once, and tells it.
 *
 * The image: a byte of version, then of each thread, the oldest first, fixed fields of this machine's byte
 * order (the ledger does not travel between machines while a gateway runs on it). The hashes are good only
 * under the seed they were made with, which the first image of a ledger brings along: session_image_seed. */
#include <stdio.h>

#include "policy/session_impl.h"

#define IMAGE_VERSION 1

struct thread_image {
	uint64_t key[KEYS]; /* 0: none */
	uint64_t agent, directory, opening, last_chain;
	int64_t spans, seen_ms;
	int32_t turn, attempt;
	uint8_t has_tools, waiting, answered, chain_at;
	char call[CALL_ID + 2];
	char subagent[SUBAGENT_MAX];
};
struct image_head {
	uint64_t version, seed;
};
_Static_assert(sizeof(struct image_head) + sizeof(struct thread_image) <= SESSION_IMAGE_MAX,
               "one thread fits");

static void write_thread(const struct thread *th, struct thread_image *x)
{
	*x = (struct thread_image){.agent = th->agent,
	                           .directory = th->directory,
	                           .opening = th->opening,
	                           .last_chain = th->last_chain,
	                           .spans = th->spans,
	                           .seen_ms = th->seen_ms,
	                           .turn = th->turn,
	                           .attempt = th->attempt,
	                           .has_tools = th->has_tools,
	                           .waiting = th->waiting,
	                           .answered = th->answered,
	                           .chain_at = th->chain_at};
	for (unsigned i = 0; i < KEYS; i++)
		x->key[i] = i == KEY_SERIAL ? 0 : th->key[i].key;
	memcpy(x->call, th->call, sizeof th->call);
	memcpy(x->subagent, th->subagent, sizeof th->subagent);
}

/* The main thread stands last in the list: it is kept, and of the others the newest. */
static slice write_image(const struct session_table *t, const struct session *of, struct arena *mem)
{
	size_t fit = (SESSION_IMAGE_MAX - sizeof(struct image_head)) / sizeof(struct thread_image);
	size_t n = of->threads_n < fit ? of->threads_n : fit, skip = of->threads_n - n;
	size_t bytes = sizeof(struct image_head) + n * sizeof(struct thread_image);
	char *p = arena_alloc(mem, bytes);
	if (p == NULL)
		return SLICE_NONE;
	struct image_head head = {IMAGE_VERSION, t->seed};
	memcpy(p, &head, sizeof head);
	size_t at = n;
	for (const struct thread *th = of->threads; th && at > 0; th = th->next) {
		struct thread_image x;
		if (th->next && at == 1 && skip) { /* room for the main one alone */
			skip--;
			continue;
		}
		write_thread(th, &x);
		memcpy(p + sizeof head + --at * sizeof x, &x, sizeof x);
	}
	return slice_make(p, bytes);
}

static slice text_at(const struct session *of, struct arena *mem, size_t from, size_t n)
{
	return n ? arena_copy(mem, (slice){of->text.p + from, n}) : SLICE_NONE;
}

static void write_row(const struct session_table *t, const struct session *of, struct arena *mem,
                      struct session_row *out)
{
	size_t scope = of->text.id, parent = scope + of->text.scope, agent = parent + of->text.parent,
	       directory = agent + of->text.agent;
	*out = (struct session_row){.id = text_at(of, mem, 0, of->text.id),
	                            .scope = text_at(of, mem, scope, of->text.scope),
	                            .parent = text_at(of, mem, parent, of->text.parent),
	                            .agent = text_at(of, mem, agent, of->text.agent),
	                            .directory = text_at(of, mem, directory, of->text.directory),
	                            .started_ms = of->started_ms,
	                            .seen_ms = of->seen_ms,
	                            .state = of->state,
	                            .reason = arena_copy(mem, session_reason(of)),
	                            .state_ms = of->state_ms,
	                            .calls = of->calls,
	                            .retries = of->retries,
	                            .compactions = of->compactions,
	                            .active_ms = of->active_ms,
	                            .image = write_image(t, of, mem)};
}

bool session_take_changed(struct session_table *t, struct arena *mem, struct session_row *out)
{
	for (unsigned i = 0; i < SHARDS; i++, t->next_changed = (t->next_changed + 1) % SHARDS) {
		struct shard *s = &t->shards[t->next_changed];
		pthread_mutex_lock(&s->lock);
		struct session *of = s->changed;
		if (of) {
			s->changed = of->changed;
			of->is_changed = false;
			write_row(t, of, mem, out);
		}
		pthread_mutex_unlock(&s->lock);
		if (of)
			return true;
	}
	return false;
}

/* --- back ------------------------------------------------------------------------------------------------
 */

static int read_thread(struct session_table *t, struct shard *s, struct session *of,
                       const struct thread_image *x)
{
	struct thread *th =
	    session_thread_add(t, s, of, slice_make(x->subagent, strnlen(x->subagent, SUBAGENT_MAX - 1)));
	if (th == NULL)
		return ERR_NOMEM;
	th->agent = x->agent;
	th->directory = x->directory;
	th->opening = x->opening;
	th->last_chain = x->last_chain;
	th->spans = x->spans;
	th->seen_ms = x->seen_ms;
	th->turn = x->turn;
	th->attempt = x->attempt;
	th->has_tools = x->has_tools;
	th->waiting = x->waiting;
	th->answered = x->answered;
	th->chain_at = x->chain_at;
	snprintf(th->call, sizeof th->call, "%.*s", CALL_ID, x->call);
	of->subagents += th->subagent[0] == 's';
	for (unsigned i = 0; i < KEYS; i++)
		if (i != KEY_SERIAL && i != KEY_SESSION && x->key[i] && session_rekey(s, th, i, x->key[i]))
			return ERR_NOMEM;
	return 0;
}

bool session_image_seed(slice image, uint64_t *seed)
{
	struct image_head head;
	if (image.n < sizeof head)
		return false;
	memcpy(&head, image.p, sizeof head);
	*seed = head.seed;
	return head.version == IMAGE_VERSION;
}

int session_restore(struct session_table *t, const struct session_row *row)
{
	uint64_t seed;
	size_t n = row->image.n < sizeof(struct image_head) ? 0 : row->image.n - sizeof(struct image_head);
	if (row->id.n == 0 || row->state >= SESSION_STATES || !session_image_seed(row->image, &seed) ||
	    seed != t->seed || n % sizeof(struct thread_image))
		return ERR_INVALID;
	struct shard *s = session_shard(t, row->scope);
	pthread_mutex_lock(&s->lock);
	struct session *of = session_add(t, s, row);
	int rc = of ? 0 : ERR_NOMEM;
	if (of) {
		of->state = row->state;
		of->state_ms = row->state_ms;
		of->calls = row->calls;
		of->retries = row->retries;
		of->compactions = row->compactions;
		of->active_ms = row->active_ms;
		session_set_reason(of, row->reason);
	}
	for (size_t i = 0; rc == 0 && i < n; i += sizeof(struct thread_image)) {
		struct thread_image x;
		memcpy(&x, row->image.p + sizeof(struct image_head) + i, sizeof x);
		rc = read_thread(t, s, of, &x);
	}
	struct thread *first = of ? of->threads : NULL;
	while (first && first->next)
		first = first->next;
	if (rc == 0 && first)
		rc = session_rekey(s, first, KEY_SESSION, session_id_key(t, row->id));
	pthread_mutex_unlock(&s->lock);
	return rc;
}
