/* The journal: a memory-mapped table of slots, one for each call from its intent until the ledger has its
 * row. What is written here survives the process (kill -9) at once and a power loss after the next sync (at
 * most JOURNAL_SYNC_MS).
 *
 * A slot's life:  FREE -> INTENT (the call may leave) -> LEFT (it has been given to a connected provider) ->
 * SETTLED (its row is final)
 *                 -> FREE (the ledger has committed the row).   INTENT -> FREE when the call never left and
 * leaves no row. Refusals go FREE -> SETTLED at once. A slot's words are written before its state, with
 * release order. On opening after a crash: SETTLED rows are given to the ledger again (which ignores an id it
 * has), LEFT becomes a row with ending `crash` (`counted` from the progress noted last with the worst case of
 * what is unknown, else `hold`), INTENT never left and is freed. */
#ifndef WEIR_STORE_JOURNAL_H
#define WEIR_STORE_JOURNAL_H

#include "base/err.h"
#include "base/log.h"
#include "model/types.h"

#define JOURNAL_SLOT_BYTES                                                                                   \
	2048 /* longer records are cut: tags first, then explanation, then the longest text */
#define JOURNAL_SYNC_MS 50

struct journal;
typedef uint32_t journal_slot; /* 0 is no slot */

struct journal_stats {
	size_t slots, in_flight, settled; /* all, INTENT or LEFT, waiting for the ledger */
	unsigned long long full;          /* calls turned away because no slot was free */
	unsigned long long recovered_settled, recovered_crash, recovered_unsent; /* at the last opening */
	unsigned long long syncs,
	    damaged; /* damaged: slots whose checksum failed on opening; kept aside in FILE.damaged */
};

/* Opens or creates path with room for slots calls (the file is preallocated: ERR_IO when the disk has no
 * room) and takes its exclusive lock: ERR_BUSY when another process has it (message says which pid, when
 * known). workers: threads that will call journal_begin. */
struct journal *journal_open(const char *path, size_t slots, unsigned workers, struct error *e);
/* Syncs and closes; slots not yet in the ledger stay for the next opening. */
void journal_close(struct journal *j);

/* Writes the intent; 0 when the journal is full. r->hold_nanousd is the worst case. Never blocks; worker is
 * the caller's index. */
journal_slot journal_begin(struct journal *j, unsigned worker, const struct record *r);
/* The provider has been reached: from here on the call has a row whatever happens. */
void journal_left(struct journal *j, journal_slot s);
/* Usage known so far, in place; cheap enough for every event. */
void journal_progress(struct journal *j, journal_slot s, const struct usage *u);
/* The final row, in place of the intent; the slot belongs to the ledger writer from here on. Exactly once for
 * each slot. */
void journal_settle(struct journal *j, journal_slot s, const struct record *r);
/* The call never left and leaves no row. */
void journal_drop(struct journal *j, unsigned worker, journal_slot s);
/* A row with no call before it (a refusal): ERR_FULL when no slot is free. */
int journal_refusal(struct journal *j, unsigned worker, const struct record *r) WARN_UNUSED;

/* --- the ledger writer's side: one thread
 * --------------------------------------------------------------------------------- */

/* The next settled slot not yet taken, decoded; texts point into the slot until journal_done. False when
 * there is none. */
bool journal_take(struct journal *j, journal_slot *s, struct record *r);
/* The ledger has committed the row: the slot is free. */
void journal_done(struct journal *j, journal_slot s);
/* Rows taken but not committed are given again by journal_take (a transaction was rolled back). */
void journal_untake(struct journal *j, journal_slot s);
/* Sleeps until something is settled, timeout_ms passed, or journal_wake; returns at once when something
 * waits. */
void journal_wait(struct journal *j, int timeout_ms);
void journal_wake(struct journal *j);

/* The sync thread's one step: msync of what changed. */
int journal_sync(struct journal *j, struct error *e) WARN_UNUSED;
void journal_stats_get(const struct journal *j, struct journal_stats *out);

#endif
