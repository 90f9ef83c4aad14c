/* The storm detector over sessions that are past: which loops there were in transcripts, and what went on
 * being spent after the detector would have spoken. */
#ifndef WEIR_FINOPS_HINDSIGHT_H
#define WEIR_FINOPS_HINDSIGHT_H

#include "finops/import.h"
#include "model/storm.h"

/* A loop: of a session, the first of each signal. Texts live during the call. */
struct hindsight_loop {
	slice session, subagent;
	int64_t time_ms;      /* when it would have been stopped */
	int64_t turn;         /* of the session, from 1 */
	int64_t cost_nanousd; /* the session's until then */
	struct storm_finding finding;
};

struct hindsight {
	const struct storm_limits *limits;
	int (*on_loop)(void *arg, const struct hindsight_loop *l);
	void *arg;
	uint64_t sessions, turns, loops, stopped; /* stopped: sessions with a loop */
	int64_t after_nanousd;                    /* spent in those after the first one was found */
	struct hindsight_session *head;           /* owned */
};

void hindsight_init(struct hindsight *h, const struct storm_limits *limits);
/* An item, as import_options.on_item gives it: one session (and each of its subagents) at a time per file. */
int hindsight_item(struct hindsight *h, const struct import_moment *m, const struct body_item *it);
/* The file is at its end. */
void hindsight_end_file(struct hindsight *h);

#endif
