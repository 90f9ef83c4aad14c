/* The ledger writer: one thread that moves settled rows from the journal into the ledger, and one that syncs
 * the journal. */
#ifndef WEIR_STORE_WRITER_H
#define WEIR_STORE_WRITER_H

#include "base/log.h"
#include "store/journal.h"
#include "store/ledger.h"

struct writer;

/* Who keeps sums of the rows, in the transaction that adds them. On the writer's thread. */
struct writer_hook {
	void *arg;
	/* The transaction has begun; a row was put in that was not there; before it is committed. */
	int (*begin)(void *arg, struct ledger *l, struct error *e);
	int (*row)(void *arg, struct ledger *l, const struct record *r, struct error *e);
	int (*end)(void *arg, struct ledger *l, struct error *e);
	/* It was committed, or all of it is undone. */
	void (*done)(void *arg, bool committed);
};

struct writer_stats {
	unsigned long long rows, transactions;
	unsigned long long failures; /* transactions that were rolled back and tried again */
	unsigned long long rejected; /* rows that the ledger can never take: kept aside in it, and logged */
	int failing;                 /* 1 while the ledger does not take rows */
	long long cpu_us;            /* processor time of the writer's thread */
};

/* Starts both threads on an open journal. The ledger is opened by the writer itself, again and again while it
 * can't be: calls go on meanwhile within the journal's room, and the log says so once a minute. log must live
 * as long as the writer. */
struct writer *writer_start(struct journal *j, const struct ledger_ops *ops, slice url, struct log *log,
                            struct error *e);
struct writer *writer_start_with(struct journal *j, const struct ledger_ops *ops, slice url,
                                 const struct writer_hook *hook, struct log *log, struct error *e);
/* A transaction soon, also when no row waits: the hook has something to write. */
void writer_poke(struct writer *w);
/* Deletes rows, and sums of rows that are deleted, of before these instants (0: none), when there is time. */
void writer_retain(struct writer *w, int64_t rows_before_ms, int64_t sums_before_ms);
/* Waits up to timeout_ms for the journal's settled rows to be in the ledger, then ends both threads. False
 * when rows stayed behind (they are in the journal, for the next start). */
bool writer_stop(struct writer *w, int timeout_ms);
void writer_stats_get(const struct writer *w, struct writer_stats *out);

#endif
