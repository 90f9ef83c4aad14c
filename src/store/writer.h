/* The ledger writer: one thread that moves settled rows from the journal into the ledger, and one that syncs
 * the journal. */
#ifndef WEIR_STORE_WRITER_H
#define WEIR_STORE_WRITER_H

#include "base/log.h"
#include "store/journal.h"
#include "store/ledger.h"

struct writer;

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
/* Waits up to timeout_ms for the journal's settled rows to be in the ledger, then ends both threads. False
 * when rows stayed behind (they are in the journal, for the next start). */
bool writer_stop(struct writer *w, int timeout_ms);
void writer_stats_get(const struct writer *w, struct writer_stats *out);

#endif
