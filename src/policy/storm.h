/* The storm detector of one session: it is given what is new in each request, item by item, and tells when
 * the agent repeats itself without getting on. Pure: time and cost come in, nothing is allocated, work and
 * memory are bounded. */
#ifndef WEIR_POLICY_STORM_H
#define WEIR_POLICY_STORM_H

#include "model/body.h"
#include "model/storm.h"

/* Zeroed state is a new session's. */

/* One request's reading: what is between two items of a result, and the words for a finding. */
struct storm_reading {
	struct storm_state *state;
	uint32_t at_s, cost;
	bool in_result;
	uint64_t id;   /* of the result being read */
	uint64_t call; /* the same, when the result says no id: the oldest that waits */
	bool failed;
	struct gist gist;
	char what[STORM_WHAT_MAX + 1]; /* the last call */
	uint64_t what_id;
};

void storm_begin(struct storm_reading *r, struct storm_state *s, int64_t since_start_ms,
                 int64_t cost_nanousd);
/* An item that the session's earlier requests did not have, in order. offered: the request offers a tool of
 * that name (of TOOL_CALL alone). */
void storm_item(struct storm_reading *r, const struct body_item *it, bool offered);
/* The context became shorter than it was. */
void storm_compacted(struct storm_reading *r);
/* What agents put among a user's words by themselves. */
bool storm_is_by_agent(slice text);
/* The request is read; the worst that is found. False: nothing. */
bool storm_end(struct storm_reading *r, const struct storm_limits *l, const struct storm_facts *f,
               struct storm_finding *out);
/* The session goes on by a human's word: what was found before does not count any more, and the signal's
 * limit is raised by so many. */
void storm_lift(struct storm_state *s, enum storm_signal signal, unsigned allowance);

#endif
