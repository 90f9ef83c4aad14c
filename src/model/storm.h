/* Storms: what is kept of a session to tell that it no longer gets anywhere, what is found, and what the
 * settings allow. policy/storm.h reads and writes it; docs/storms.md tells what each signal means. */
#ifndef WEIR_MODEL_STORM_H
#define WEIR_MODEL_STORM_H

#include <stdint.h>

#include "base/slice.h"
#include "text/gist.h"

/* id, name, what happened (printf: %s what, %u times) */
#define STORM_LIST(X)                                                                                        \
	X(STORM_NONE, none, "")                                                                              \
	X(STORM_REPEAT, repeat, "%s gave the same result %u times")                                          \
	X(STORM_CYCLE, cycle, "the same calls with the same results went round %u times, last %s")           \
	X(STORM_SAME_ERROR, same_error, "%s failed the same way %u times")                                   \
	X(STORM_INVALID, invalid_calls, "%u calls to tools that are not there or cannot be read, last %s")   \
	X(STORM_ALIKE, near_duplicates, "%u results that hardly differ, last of %s")                         \
	X(STORM_READING, reads, "%u reads and searches without an edit, last %s")                            \
	X(STORM_COMPACTING, compactions, "the context was compacted %u times without an edit between")       \
	X(STORM_RETRIES, retry_budget, "the client sent the same request %u times")                          \
	X(STORM_TURNS, turns, "%u turns")                                                                    \
	X(STORM_RUNTIME, runtime, "it has run for %u minutes")                                               \
	X(STORM_FAN_OUT, fan_out, "%u subagents")                                                            \
	X(STORM_DEPTH, depth, "subagents %u deep")                                                           \
	X(STORM_BURN, burn, "spending faster than allowed for %u minutes")                                   \
	X(STORM_FRESH, fresh_sessions, "%u sessions began with the same words")
#define X(id, name, text) id,
enum storm_signal { STORM_LIST(X) STORM_N };
#undef X
const char *storm_name(enum storm_signal s);
enum storm_signal storm_from_name(slice name); /* STORM_N when unknown */

/* A tool call and its outcome. */
struct storm_step {
	uint64_t call;    /* tool and arguments; 0: none */
	uint64_t outcome; /* gist of the result */
	struct gist_mark mark;
	uint32_t at_s; /* seconds since the session began */
	uint32_t cost; /* of the session until then, in 0.0001 USD; sticks at its greatest value */
	uint16_t tool; /* of its name */
	uint8_t flags;
};
enum {
	STEP_FAILED = 1,
	STEP_EDIT = 2,    /* it changes something, if it succeeds */
	STEP_READ = 4,    /* it only looks */
	STEP_POLL = 8,    /* it waits for something by asking again */
	STEP_HUMAN = 16,  /* a human has said something since the step before */
	STEP_INVALID = 32 /* a tool that is not there, arguments that are no JSON */
};

#define STORM_STEPS   32 /* the latest are kept */
#define STORM_WAITING 8  /* calls whose result has not come yet */

struct storm_state {
	struct storm_step steps[STORM_STEPS]; /* a ring: n % STORM_STEPS is the next */
	uint32_t n;
	uint32_t from;        /* steps before this one do not count any more (resumed) */
	uint16_t reads;       /* since the last edit or human word */
	uint16_t invalid;     /* likewise */
	uint16_t compactions; /* likewise */
	uint8_t waiting_n;
	bool human;               /* a human has spoken since the last step */
	uint16_t lifted[STORM_N]; /* added to a signal's limit by who resumed the session */
	struct storm_waiting {
		uint64_t id, call;
		uint16_t tool;
		uint8_t flags;
	} waiting[STORM_WAITING];
};

/* Limits; 0: that signal is not looked for. */
struct storm_limits {
	int64_t repeat_calls; /* same call, same outcome, nothing done in between */
	int64_t cycles;       /* the same in a row: one call, or up to 8 in the same order */
	int64_t same_error;
	int64_t invalid_calls;
	int64_t near_duplicates;
	int64_t reads;
	int64_t compactions;
	int64_t turns, runtime_ms, fan_out, depth;
	int64_t retry_calls, retry_nanousd; /* byte-identical requests sent again, and what they cost */
	int64_t burn_nanousd;               /* a minute, of a thread */
	int64_t opening_burn_nanousd;       /* likewise, of all sessions that began with the same words */
};
extern const struct storm_limits storm_limits_usual;

/* A pause longer than this is nobody's work: it counts as so long. */
#define STORM_IDLE_MS (INT64_C(5) * 60 * 1000)

/* What is done when something is found. */
#define STORM_ACTION_LIST(X)                                                                                 \
	X(STORM_ALERT, alert)   /* it is written down and told */                                            \
	X(STORM_ADVISE, advise) /* … and the model is told, once, at the end of the request */             \
	X(STORM_SLOW, slow)     /* each further call waits */                                                \
	X(STORM_PAUSE, pause)   /* the session's calls are refused until a human resumes it */               \
	X(STORM_STOP, stop)     /* … for good */
#define X(id, name) id,
enum storm_action { STORM_ACTION_LIST(X) STORM_ACTIONS };
#undef X
const char *storm_action_name(enum storm_action a);

/* What is known of the session's tree besides its steps; turns and runtime since a human last spoke, and of
 * the runtime only what was active. */
struct storm_facts {
	int64_t turns, runtime_ms, fan_out, depth;
	int64_t retries, retries_nanousd;
	int64_t burn_nanousd; /* of the last minute */
	int64_t burn_minutes; /* in a row at that rate or above */
};

#define STORM_WHAT_MAX 120
struct storm_finding {
	enum storm_signal signal; /* STORM_NONE: nothing */
	uint32_t count;
	int64_t for_s;                 /* since the first of them */
	int64_t cost_nanousd;          /* spent since then */
	char what[STORM_WHAT_MAX + 1]; /* of the last call: `npm test`, Read src/a.c */
};
/* "`npm test` failed the same way 6 times in 9 minutes, $4.10" */
void storm_sentence(const struct storm_finding *f, char *out, size_t cap);

#endif
