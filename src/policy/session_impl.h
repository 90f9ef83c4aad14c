/* What session.c (states, the ledger's side), session_table.c (shards, index, who goes), session_find.c
 * (which session a request belongs to), session_read.c (what is new in it) and session_image.c share. */
#ifndef WEIR_POLICY_SESSION_IMPL_H
#define WEIR_POLICY_SESSION_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#define XXH_STATIC_LINKING_ONLY /* the size of a state */
#include <xxhash.h>

#include "policy/session.h"
#include "text/json.h"

#define SHARDS         64   /* a power of two */
#define RUNS_MAX       2048 /* of one thread; beyond it the oldest are added up */
#define THREADS_MAX    64   /* of one session; then the one that was quiet longest goes */
#define CHAINS         4    /* turns whose chain is remembered */
#define LAUNCHES       4    /* texts that the thread handed to tools of late */
#define CALLS_KEPT     32   /* tool calls that wait for their result */
#define SUBAGENT_MAX   64
#define USERS_MAX      8 /* texts of one request that are looked up */
#define CALL_ID        26
#define TREE_DEPTH_MAX 16 /* sessions above one another that are looked at */

/* --- the index -------------------------------------------------------------------------------------------
 */

/* What a thread is found by; each is hashed with its scope. */
enum key_kind {
	KEY_SERIAL,
	KEY_CLIENT,  /* session and subagent as the client says */
	KEY_SESSION, /* the session's id; of the session's first thread alone */
	KEY_OPENING, /* the first message */
	KEY_USER,    /* the last words of the user in the thread's first request */
	KEY_DIRECTORY,
	KEY_CHAIN,
	KEY_LAUNCH = KEY_CHAIN + CHAINS,
	KEYS = KEY_LAUNCH + LAUNCHES
};

struct thread;
struct node {
	uint64_t key;            /* 0: not in the index */
	struct node *next, **at; /* at: what points to this one */
	struct thread *thread;   /* not owned; the node is a part of it */
};

/* Linear hashing: the table grows by one bucket for each node beyond one a bucket, so that no insert is long.
 */
#define PAGE 1024
struct index {
	struct node ***pages; /* owned, and what they point to: PAGE buckets each */
	size_t pages_n, buckets, nodes;
};
int index_put(struct index *x, struct node *n, uint64_t key) WARN_UNUSED;
void index_take(struct index *x, struct node *n);
/* Walks the nodes of a key: from NULL on; NULL at the end. */
struct node *index_next(const struct index *x, uint64_t key, const struct node *after);
void index_release(struct index *x);

/* --- what a body says ------------------------------------------------------------------------------------
 */

struct tool_seen {
	uint64_t hash; /* of its name and space */
	const struct tool_text *text;
	bool defined; /* in the request read last */
};
/* A name, kept as long as the table. */
struct tool_text {
	struct tool_text *next;
	uint64_t hash;
	slice name, server;
	char bytes[];
};

struct call_seen {
	uint32_t id; /* of a hash of call_id; 0: none */
	uint8_t tool;
};

/* A place in the messages up to which they are known. */
struct mark {
	size_t bytes; /* of the messages' value, from its first byte to the end of a span */
	int64_t spans;
	uint64_t chain;
	uint32_t runs;
};

/* Grows with the conversation; owned by a thread, or by an opening. */
struct context {
	struct session_run *runs; /* owned: definitions, the system prompt, then messages up to `at` */
	uint32_t runs_n, runs_room, head; /* head: the runs before the messages */
	struct tool_seen *tools;          /* owned */
	uint8_t tools_n, tools_room;
	struct call_seen calls[CALLS_KEPT];
	uint8_t calls_at;
	uint64_t tools_hash, system_hash;
	struct mark at;   /* where reading goes on */
	uint64_t at_hash; /* of the bytes before it */
};

struct thread {
	struct node key[KEYS];
	struct session *session;
	struct thread *next; /* of its session */
	struct context c;
	uint64_t serial, agent, directory; /* directory 0: unknown */
	uint64_t raw;                      /* of the last request's messages */
	uint64_t opening, last_chain;
	int64_t spans, seen_ms;
	int32_t turn, attempt;
	bool has_tools, waiting, answered, spoke; /* spoke: the last request had words of the model */
	uint8_t chain_at, launch_at;
	char call[CALL_ID + 1];      /* of the last turn's first attempt */
	char subagent[SUBAGENT_MAX]; /* "": none */
};

struct session {
	struct session *newer, *older; /* in its shard, by use */
	struct session *changed;       /* next in the list of those */
	struct thread *threads;        /* owned; the first one is the last */
	unsigned threads_n, subagents;
	unsigned tree; /* subagents and sessions that were started below it */
	bool is_changed;
	enum session_state state;
	char *reason; /* owned; NULL: none, as of most */
	int64_t state_ms, started_ms, seen_ms, active_ms, calls, retries, compactions;
	struct arena_text {
		char *p; /* owned: id, scope, parent, agent, directory one behind the other */
		uint16_t id, scope, parent, agent, directory; /* bytes of each */
	} text;
};
slice session_text_id(const struct session *s);
slice session_reason(const struct session *s);
/* A copy, cut; without memory the session has none. */
void session_set_reason(struct session *s, slice reason);

struct shard {
	pthread_mutex_t lock;
	struct index index;
	struct session *newest, *oldest;
	struct session *changed;
	size_t sessions, threads, bytes;
};

struct session_table {
	struct shard shards[SHARDS];
	uint64_t seed;
	size_t max;
	atomic_size_t sessions;
	atomic_ullong opened, evicted;
	_Atomic uint64_t serial;
	pthread_mutex_t names_lock;
	struct tool_text *names[1024]; /* owned */
	size_t names_n;
	unsigned next_changed; /* the shard looked at next; the taker's */
};

/* --- session_table.c --- */
struct shard *session_shard(struct session_table *t, slice scope);
uint64_t session_key(const struct session_table *t, slice scope, enum key_kind kind, uint64_t a);
/* KEY_SESSION is of no scope: people name a session by its id alone. */
uint64_t session_id_key(const struct session_table *t, slice id);
/* Walks the shard's sessions of that id, of any scope: *after NULL at first; NULL at the end. */
struct session *session_of_id(const struct session_table *t, const struct shard *s, slice id,
                              struct node **after);
/* The one of that scope. */
struct session *session_of_key(const struct session_table *t, const struct shard *s, slice scope, slice id);
struct session *session_add(struct session_table *t, struct shard *s, const struct session_row *row);
struct thread *session_thread_add(struct session_table *t, struct shard *s, struct session *of,
                                  slice subagent);
void session_touch(struct shard *s, struct session *of);
void session_changed(struct shard *s, struct session *of);
/* Another key of that kind for the thread; one it had goes. */
int session_rekey(struct shard *s, struct thread *th, unsigned slot, uint64_t key) WARN_UNUSED;
const struct tool_text *session_tool_text(struct session_table *t, slice agent, slice name, slice space);
void context_release(struct context *c);

/* --- session_read.c --- */

/* One request being read. */
struct opening {
	struct session_table *table;
	const struct session_in *in;
	struct arena *mem, *out; /* of the reading; of what is handed on */
	struct context *c;       /* what is read goes there; not owned */
	struct json j;           /* stands in the messages, behind what was read */
	struct body_span at;
	struct span_mark {
		uint64_t chain; /* with this span */
		uint32_t runs;  /* before it */
		slice raw;
		bool assistant;
	} * span; /* in mem: those read */
	size_t spans_n, spans_room;
	int64_t first;         /* the number of span[0] in the body */
	uint64_t chain, start; /* now; before span[0] */
	uint64_t tools_hash, system_hash;
	_Alignas(64) XXH3_state_t stream; /* of the messages' bytes up to stream_n */
	size_t stream_n;
	uint64_t user[USERS_MAX]; /* words of the user, a ring */
	unsigned users_n;
	bool failed;                /* no memory */
	bool spoke;                 /* there are words of the model */
	bool summary;               /* the user's words are an agent's own summary of what went before */
	bool *before;               /* in mem: of each tool, its definition was in the request before */
	uint32_t *calls, *failures; /* in mem: of each tool, new */
	uint64_t launch[LAUNCHES];  /* words handed to tools, new, a ring */
	unsigned launches_n;
};

void opening_init(struct opening *o, struct session_table *t, const struct session_in *in, struct arena *mem);
/* The messages begin with the same bytes as those the context was read from, up to its mark. */
bool opening_fits(struct opening *o, const struct context *c);
/* Reads into c: from its mark on when it fits, else anew. */
void opening_begin(struct opening *o, struct context *c, bool fits);
/* Reads one span more; false at the end. */
bool opening_step(struct opening *o);
/* The chain after so many spans of the body; 0 when they were not read. */
uint64_t opening_chain(const struct opening *o, int64_t spans);
static inline int64_t opening_spans(const struct opening *o)
{
	return o->first + (int64_t)o->spans_n;
}
/* Definitions and the system prompt, when they changed. */
void opening_head(struct opening *o);
/* Looks at the spans from `from` on once more, for what counts once. */
void opening_count(struct opening *o, int64_t from);
/* Where new words begin in a conversation that is not known: with what the model said last. */
int64_t opening_last_answer(const struct opening *o);
/* Runs before that span. */
uint32_t opening_runs(const struct opening *o, int64_t spans);
/* What was read is kept up to the mark from which the next request goes on; the hash of all messages. */
uint64_t opening_keep(struct opening *o);

/* --- session_find.c --- */
struct found {
	struct thread *thread;   /* NULL: a new one */
	struct session *session; /* NULL: a new one */
	struct session *parent;  /* of a new one, not owned */
	enum session_how how;
	int64_t new_from; /* span */
};
void session_find(struct opening *o, struct shard *s, struct context *scratch, struct found *f);

#endif
