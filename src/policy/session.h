/* Sessions: which calls are one piece of an agent's work, and what of a request is new in it.
 *
 * A session is recognised by the id that its client sends, or without any by the chain of its messages: each
 * request of a conversation begins with the one before it. Within a session there are threads, one for each
 * conversation: the main one, one for each subagent, and those beside it (a title, a router's question). A
 * session that another's shell started is a session of its own with a parent. docs/sessions.md has the rules.
 *
 * The table is divided by scope (a Weir key) into shards with a lock each, held for one request's look-up and
 * for the reading of what is new in it. It holds at most so many sessions: then the one that was quiet
 * longest goes. What must outlive that, and the process, is given to the ledger by session_take_changed. */
#ifndef WEIR_POLICY_SESSION_H
#define WEIR_POLICY_SESSION_H

#include "base/arena.h"
#include "base/err.h"
#include "model/body.h"
#include "model/types.h"

#define SESSION_STATE_LIST(X)                                                                                \
	X(SESSION_RUNNING, running) X(SESSION_PAUSED, paused) X(SESSION_STOPPED, stopped)
#define SESSION_HOW_LIST(X)                                                                                  \
	X(SESSION_NEW, new)             /* the first call of a session */                                    \
	X(SESSION_CONTINUED, continued) /* the next turn of a thread */                                      \
	X(SESSION_RETRY, retry)         /* the same turn again */                                            \
	X(SESSION_REWOUND, rewound)     /* goes on from an earlier turn */                                   \
	X(SESSION_COMPACTED, compacted) /* goes on with another, shorter past */                             \
	X(SESSION_BESIDE, beside)       /* the first call of another thread: a title, a question beside */   \
	X(SESSION_SUBAGENT, subagent)   /* the first call of a subagent */
#define X(id, name) id,
enum session_state { SESSION_STATE_LIST(X) SESSION_STATES };
enum session_how { SESSION_HOW_LIST(X) SESSION_HOWS };
#undef X
const char *session_state_name(enum session_state s);
const char *session_how_name(enum session_how h);
enum session_state session_state_from_name(slice name); /* SESSION_STATES when unknown */

struct session_table;
/* sessions: at most so many are kept (beyond it by one for each shard). seed: of the hashes, random. */
struct session_table *session_table_new(size_t sessions, uint64_t seed);
void session_table_free(struct session_table *t);

/* --- one request --------------------------------------------------------------------------------------- */

typedef int session_items_fn(const struct request_view *v, const struct body_span *s, body_item_fn *on_item,
                             void *arg);

struct session_in {
	const struct request_view *view;
	session_items_fn *items; /* of the dialect's codec */
	slice scope;             /* the Weir key's id; n 0: callers without one */
	slice session, subagent; /* as the client says; n 0: it does not */
	slice agent, directory;  /* n 0: unknown */
	const char *call;        /* the record's id */
	int64_t now_ms;
	/* Called for each item that this request is the first to bring, in order; may be NULL. */
	body_item_fn *on_new;
	void *on_new_arg;
};

/* A stretch of the input that belongs to one part, in the order of the body. */
struct session_run {
	uint32_t kind : 3;    /* enum session_run_kind */
	uint32_t tool : 7;    /* index into the turn's tools */
	uint32_t weight : 22; /* bytes */
};
enum session_run_kind {
	RUN_DEFINITION,
	RUN_ARGUMENT,
	RUN_RESULT,
	RUN_SYSTEM,
	RUN_USER,
	RUN_ASSISTANT,
	RUN_THINKING,
	RUN_OTHER
};
#define SESSION_TOOLS_MAX 127 /* of one thread; the rest are added up as PART_OTHER_TOOLS */

struct session_tool {
	slice name, server;       /* live as long as the table */
	uint32_t calls, failures; /* new in this request */
	bool defined_before;      /* its definition was sent before */
};

/* What a call is in its session. Texts and arrays are in the arena given. */
struct session_turn {
	uint64_t thread; /* a handle; 0: none */
	unsigned shard;  /* where it is */
	slice session;   /* the client's id, or one of Weir's own ("ws_...") */
	slice subagent;  /* n 0: of the main thread, or beside it */
	slice parent;    /* the session whose agent started this one; n 0: none is known */
	enum session_how how;
	int64_t turn, attempt; /* of the thread, from 1 */
	slice retry_of;        /* the call's id */
	/* Whether the call may go on: the state of its session, or of one that started it when that is paused
	 * or stopped; which, and why. */
	enum session_state state;
	slice state_of, reason;
	int64_t state_ms; /* since when; 0: from the beginning */
	slice root;       /* the session at the root of the tree of agents; often the same one */
	int64_t tree,
	    depth; /* subagents and sessions started below the root; how deep this call is below it */
	const struct session_run *runs;
	size_t runs_n,
	    runs_old; /* the first runs_old of them were sent before (definitions: as the tool says) */
	const struct session_tool *tools;
	size_t tools_n;
};

/* Recognises the request and takes it in. ERR_NOMEM: nothing is changed, out has no thread. */
int session_open(struct session_table *t, const struct session_in *in, struct arena *mem,
                 struct session_turn *out) WARN_UNUSED;

/* The call has ended. */
struct session_end {
	bool answered;        /* whole and good */
	int64_t tool_calls;   /* that the answer asks the client for; it comes back with their results */
	int64_t cost_nanousd; /* RECORD_ABSENT: unknown */
	int64_t now_ms, duration_ms;
};
void session_close(struct session_table *t, const struct session_turn *turn, const struct session_end *end);

/* The parts of the call's input, for its record: r->usage and r->cost shared out over the turn's runs. The
 * tokens of all parts are r->context_tokens, their money is cost_input, cost_cache_read and both
 * cost_cache_write together. Returns how many; in mem. */
size_t session_parts(const struct session_turn *turn, const struct record *r, struct arena *mem,
                     const struct record_part **out);

/* --- states ----------------------------------------------------------------------------------------------
 */

enum session_action { SESSION_PAUSE, SESSION_RESUME, SESSION_STOP, SESSION_ACTIONS };
/* The one place where a state changes. ERR_NOT_FOUND: no such session here; ERR_REFUSED: not from its state
 * (a stopped session does not go on). reason is kept (cut at SESSION_REASON_MAX). scope n 0 and any: true
 * finds the id under every key. */
#define SESSION_REASON_MAX 160
int session_act(struct session_table *t, slice id, enum session_action a, slice reason,
                int64_t now_ms) WARN_UNUSED;
/* The same of one session in the tree of a turn: its state_of or root. */
int session_act_on(struct session_table *t, const struct session_turn *turn, slice id, enum session_action a,
                   slice reason, int64_t now_ms) WARN_UNUSED;
/* The state of a session here; SESSION_STATES: it is not here. */
enum session_state session_state_get(struct session_table *t, slice scope, slice id);
/* The state that an action leads to from another; SESSION_STATES when it leads nowhere. */
enum session_state session_after(enum session_state from, enum session_action a);

/* --- the ledger's side -----------------------------------------------------------------------------------
 */

#define SESSION_IMAGE_MAX 4096
/* What is kept of a session for good. Texts are borrowed. */
struct session_row {
	slice id, scope, parent, agent, directory;
	int64_t started_ms, seen_ms;
	enum session_state state;
	slice reason;
	int64_t state_ms; /* since when; 0: it was never changed */
	int64_t calls, retries, compactions, active_ms;
	slice image; /* the threads' keys, so that the session goes on after a restart */
};
/* The next session that changed since it was taken last; false when none has. Texts are in mem. */
bool session_take_changed(struct session_table *t, struct arena *mem, struct session_row *out);
/* The seed that an image was made with: a table takes over only images of its own seed. */
bool session_image_seed(slice image, uint64_t *seed);
/* A session of an earlier process, before the first call. ERR_INVALID when the image is none. */
int session_restore(struct session_table *t, const struct session_row *row) WARN_UNUSED;

struct session_stats {
	size_t sessions, threads;
	size_t bytes; /* of memory, about */
	unsigned long long opened, evicted;
};
void session_stats_get(struct session_table *t, struct session_stats *out);

#endif
