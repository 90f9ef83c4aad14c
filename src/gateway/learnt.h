/* What was learnt of models' tokens, kept over restarts: a small file beside the journal
 * ("weir.journal.learnt"), written by the thread that keeps house, never by a loop. It is an aid: one that
 * cannot be read is left alone and replaced. */
#ifndef WEIR_GATEWAY_LEARNT_H
#define WEIR_GATEWAY_LEARNT_H

#include "base/log.h"
#include "model/predict.h"

struct learnt_file {
	struct predictor *p; /* not owned */
	struct log *log;     /* not owned */
	char path[4096];
	unsigned long long saved; /* predictor_stats' learnt, when last written */
	int64_t due_us;
};

/* Takes back what was kept. */
void learnt_open(struct learnt_file *f, struct predictor *p, slice journal, struct log *log);
/* Writes what has been learnt since, once a minute at most; now_us monotonic. */
void learnt_turn(struct learnt_file *f, int64_t now_us);
/* The same, at once. */
void learnt_close(struct learnt_file *f);

#endif
