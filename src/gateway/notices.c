#include "gateway/notices.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_MAX   64
#define SUBJECT_MAX 64
#define DETAIL_MAX  256
#define AGAIN_US    1000000

struct notice {
	const char *action;
	char subject[SUBJECT_MAX], detail[DETAIL_MAX];
	size_t subject_n, detail_n;
	int64_t at_ms;
};

struct notices {
	pthread_mutex_t lock; /* guards at, and additions to n */
	atomic_size_t n;
	struct notice at[QUEUE_MAX];
	int64_t next_us; /* main thread */
	bool failing;    /* main thread */
};

struct notices *notices_new(void)
{
	struct notices *n = calloc(1, sizeof *n);
	if (n)
		pthread_mutex_init(&n->lock, NULL);
	return n;
}

void notices_free(struct notices *n)
{
	if (n)
		pthread_mutex_destroy(&n->lock);
	free(n);
}

static size_t keep(char *out, size_t cap, slice text)
{
	slice kept = slice_sub(text, 0, cap);
	if (kept.n)
		memcpy(out, kept.p, kept.n);
	return kept.n;
}

void notices_add(struct notices *n, const char *action, slice subject, slice detail, int64_t wall_ms)
{
	pthread_mutex_lock(&n->lock);
	size_t at = atomic_load(&n->n);
	if (at < QUEUE_MAX) {
		struct notice *new = &n->at[at];
		new->action = action;
		new->at_ms = wall_ms;
		new->subject_n = keep(new->subject, SUBJECT_MAX, subject);
		new->detail_n = keep(new->detail, DETAIL_MAX, detail);
		atomic_store(&n->n, at + 1);
	}
	pthread_mutex_unlock(&n->lock);
}

/* Writes the first of the queue, which only this thread takes from. */
static int write_first(struct notices *n, const struct ledger_ops *ops, struct ledger *l, struct error *e)
{
	pthread_mutex_lock(&n->lock);
	struct notice first = n->at[0];
	pthread_mutex_unlock(&n->lock);
	struct ledger_change c = {.at_ms = first.at_ms,
	                          .action = slice_of(first.action),
	                          .subject = slice_make(first.subject, first.subject_n),
	                          .detail = slice_make(first.detail, first.detail_n)};
	int rc = ops->record(l, &c, e);
	if (rc)
		return rc;
	pthread_mutex_lock(&n->lock);
	size_t left = atomic_load(&n->n) - 1;
	memmove(n->at, n->at + 1, left * sizeof *n->at);
	atomic_store(&n->n, left);
	pthread_mutex_unlock(&n->lock);
	return 0;
}

void notices_turn(struct notices *n, const struct ledger_ops *ops, slice store, const struct clock *clock,
                  struct log *log)
{
	struct ledger *l = NULL;
	struct error e = {0};
	if (atomic_load(&n->n) == 0 || clock_mono_us(clock) < n->next_us)
		return;
	int rc = ops->open(store.p, true, &l, &e);
	if (rc == 0) {
		ops->act_as(l, SLICE("weir"));
		while (rc == 0 && atomic_load(&n->n) > 0)
			rc = write_first(n, ops, l, &e);
		ops->close(l);
	}
	n->next_us = rc ? clock_mono_us(clock) + AGAIN_US : 0;
	if (rc && !n->failing)
		log_event(log, LOG_WARN, "notices.unwritten", LOG_Z("why", e.text));
	n->failing = rc != 0;
}
