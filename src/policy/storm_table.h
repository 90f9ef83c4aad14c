/* The storm detectors of all conversations that go on: one state a thread (policy/session gives the handles),
 * and the openings of fresh sessions by key. Divided into shards with a lock each; a full shard lets go of
 * the one that was quiet longest, which then begins anew. Time comes in. */
#ifndef WEIR_POLICY_STORM_TABLE_H
#define WEIR_POLICY_STORM_TABLE_H

#include "model/body.h"
#include "model/storm.h"

struct storm_table;
/* threads: at most about so many are kept. NULL without memory. */
struct storm_table *storm_table_new(size_t threads, uint64_t seed);
void storm_table_free(struct storm_table *t);

/* What a request brings. */
struct storm_request {
	uint64_t thread;               /* the handle, not 0 */
	const struct body_item *items; /* what earlier requests of the thread did not have, in order */
	size_t items_n;
	/* Tools that the request offers, by XXH3 of the name as it stands, sorted; n 0: it does not say. */
	const uint64_t *tools;
	size_t tools_n;
	bool compacted, retry; /* the thread's context became shorter; the very same request again */
	bool begins;           /* the first request of a session: its words are counted for its scope */
	slice scope;           /* whose sessions are compared: a key, and where it works */
	bool only_told; /* what is found stops nothing: the same opening is told of again at twice the number
	                 */
	int64_t now_ms;
	int64_t fan_out, depth;
};
/* Takes it in; true when a signal's limit is reached. Turns, runtime, retries and what was spent are the
 * table's own count. fresh: sessions of the scope that may begin with the same words within an hour; 0: any
 * number. A signal that was found before is lifted by the allowance first: the call would not have come
 * otherwise. */
bool storm_watch(struct storm_table *t, const struct storm_request *r, const struct storm_limits *l,
                 int64_t fresh, unsigned allowance, struct storm_finding *out);
/* A call of the thread has cost so much. */
void storm_spent(struct storm_table *t, uint64_t thread, int64_t nanousd, int64_t now_ms);

struct storm_stats {
	size_t threads, openings;
	unsigned long long evicted;
};
void storm_stats_get(struct storm_table *t, struct storm_stats *out);

/* The hash that `tools` holds. */
uint64_t storm_tool_hash(slice name);

#endif
