/* What triage reads: the calls of a window and of the spans it is held against, added up by all their
 * dimensions at once. One pass over the rows; every question of triage is then answered from here. */
#ifndef WEIR_FINOPS_TRIAGE_TAKINGS_H
#define WEIR_FINOPS_TRIAGE_TAKINGS_H

#include "base/arena.h"
#include "base/map.h"
#include "store/ledger.h"

/* id, the ledger's name. In the order in which one is preferred where several are the same calls: what
 * explains most, first. */
#define TRIAGE_DIM_LIST(X)                                                                                   \
	X(TRIAGE_SESSION, session)                                                                           \
	X(TRIAGE_WORKFLOW, workflow)                                                                         \
	X(TRIAGE_TASK, task)                                                                                 \
	X(TRIAGE_MODEL, model)                                                                               \
	X(TRIAGE_VERSION, agent_version)                                                                     \
	X(TRIAGE_USER, user)                                                                                 \
	X(TRIAGE_REPO, repo)                                                                                 \
	X(TRIAGE_BRANCH, branch)                                                                             \
	X(TRIAGE_TEAM, team)                                                                                 \
	X(TRIAGE_AGENT, agent)                                                                               \
	X(TRIAGE_KEY, key_id)                                                                                \
	X(TRIAGE_TRIGGER, trigger)                                                                           \
	X(TRIAGE_ENVIRONMENT, environment)                                                                   \
	X(TRIAGE_PROVIDER, provider)                                                                         \
	X(TRIAGE_ATTEMPT, attempt) /* only ">1": retries */
#define X(id, name) id,
enum triage_dim { TRIAGE_DIM_LIST(X) TRIAGE_DIMS };
#undef X
const char *triage_dim_name(enum triage_dim d);

#define TAKINGS_SPANS 16 /* spans of the baseline at most */

/* Input is of four kinds, by what it costs. */
enum takings_input { INPUT_FRESH, INPUT_READ, INPUT_WRITE_5M, INPUT_WRITE_1H, TAKINGS_INPUTS };

/* Sums of calls; money in nano-dollars. */
struct takings_sums {
	int64_t calls;
	int64_t again; /* of them: retries, and those of a session after a storm was found in it */
	int64_t tokens[TAKINGS_INPUTS], money[TAKINGS_INPUTS];
	int64_t output, output_money;
	int64_t spent; /* all of it, with what is none of the above */
};
void takings_sums_add(struct takings_sums *to, const struct takings_sums *more);

/* Calls with the same value in every dimension. */
struct takings_cell {
	uint32_t id[TRIAGE_DIMS];          /* of the values; 0: unknown */
	uint32_t spans;                    /* a bit for each span of the baseline it was seen in */
	bool now;                          /* seen in the window */
	struct takings_sums after, before; /* in the window; in all spans of the baseline together */
};

struct takings_value {
	slice text; /* n 0: unknown */
	bool early; /* seen in the baseline, or shortly before the window */
};

/* A session of the window. */
struct takings_session {
	uint32_t id[TRIAGE_DIMS]; /* of its dearest call's */
	int64_t first_ms, last_ms, calls, retries, storms, spent, dearest;
	int64_t first_context, last_context, most_context; /* RECORD_ABSENT: unknown */
	int64_t read, input;                               /* tokens from the cache, of all input */
	slice rule, evidence;                              /* of the latest storm */
	int64_t storm_ms;                                  /* of the first one; 0 none */
};

/* A call of the window, or of the time shortly before it. */
struct takings_event {
	int64_t at_ms, spent;
	uint32_t cell;
};

struct takings {
	const struct ledger_ops *ops;
	struct ledger *ledger;
	struct ledger_query q; /* filters */
	bool plan;             /* money is the list value of calls on a subscription, not what was spent */
	struct arena mem;
	struct map by_text[TRIAGE_DIMS];
	size_t values_n[TRIAGE_DIMS], values_room[TRIAGE_DIMS];
	struct takings_value *values[TRIAGE_DIMS];
	struct map by_ids;
	size_t cells_n, cells_room;
	struct takings_cell **cells;
	struct takings_session **sessions; /* by the session's id; NULL: not in the window */
	size_t sessions_room;
	size_t events_n, events_room;
	struct takings_event *events;
	size_t spans_n;
	int64_t span_spent[TAKINGS_SPANS];
	int64_t refused, unpriced; /* calls of the window */
	bool lumped;               /* there were more cells than have room: sessions were put together */
	bool events_lost;
	/* of the span that is read */
	enum { TAKINGS_LEAD, TAKINGS_WINDOW, TAKINGS_BASE } part;
	int rc;
};

void takings_init(struct takings *f, const struct ledger_ops *ops, struct ledger *l, uint64_t seed);
void takings_release(struct takings *f);
/* Reads [since, until) as the window, as the time before it, or as one more span of the baseline. */
int takings_read(struct takings *f, int part, int64_t since_ms, int64_t until_ms,
                 struct error *e) WARN_UNUSED;

static inline slice takings_text(const struct takings *f, enum triage_dim d, uint32_t id)
{
	return f->values[d][id].text;
}

#endif
