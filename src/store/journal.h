/* The journal: a memory-mapped table of slots, one for each call from its intent until the ledger has its
 *row. What is written here survives the process (kill -9) at once, and a power loss after the next sync: it
 *begins at most JOURNAL_SYNC_MS after the write (docs/ledger.md says in exact words what that means).
 *
 * A slot's life:
 *
 *	FREE -> INTENT		the call may leave
 *	     -> LEFT		it has been given to a connected provider
 *	     -> SETTLED		its row is final
 *	     -> FREE		the ledger has committed the row, to the disk
 *	INTENT -> FREE		the call never left and leaves no row
 *	FREE -> SETTLED		a refusal
 *
 * Intent and settlement stand side by side in the slot, and a slot's words are written before its state, with
 *release order: whenever the process is killed, one of them is whole. On opening after a crash SETTLED rows
 *are given to the ledger again (which ignores an id it has); LEFT becomes a row with ending `crash` and
 *usage_source `hold`, or what journal_on_crash makes of the progress noted last; INTENT never left and is
 *freed, unless the machine was restarted in between: then the LEFT may have been lost with the power, and it
 *is taken for one.
 *
 * All functions but the opening and the writer's may be called from any thread; a slot belongs to one thread
 *at a time. */
#ifndef WEIR_STORE_JOURNAL_H
#define WEIR_STORE_JOURNAL_H

#include "base/err.h"
#include "base/log.h"
#include "model/types.h"

#define JOURNAL_SLOT_BYTES                                                                                   \
	4096 /* half for the record: longer ones are cut: tags first, then explanation, then the longest     \
	        text; half for the parts of its input */
#define JOURNAL_SYNC_MS 50

struct journal;
typedef uint32_t journal_slot; /* 0 is no slot */

struct journal_stats {
	size_t slots, in_flight, settled; /* all, INTENT or LEFT, waiting for the ledger */
	unsigned long long full;          /* calls turned away because no slot was free */
	unsigned long long recovered_settled, recovered_crash, recovered_unsent; /* at the last opening */
	unsigned long long syncs;
	unsigned long long damaged; /* slots whose checksum failed on opening; kept aside in FILE.damaged */
};

/* Opens or creates path with room for slots calls (the file is preallocated: ERR_IO when the disk has no
 * room) and takes its exclusive lock: ERR_BUSY when another process has it (message says which pid, when
 * known). workers: threads that will call journal_begin. */
struct journal *journal_open(const char *path, size_t slots, unsigned workers, struct error *e);
/* A process has the journal open: a gateway runs on this store. */
bool journal_is_open(const char *path);
/* Syncs and closes; slots not yet in the ledger stay for the next opening. */
void journal_close(struct journal *j);

/* What becomes of a call that had left when the process died: r is its intent, with ending `crash`, the usage
 * noted last (all absent when nothing was noted), usage_source `hold` and the hold as its cost. The function
 * may put a better cost and source in; texts it sets must live as long as the journal. Called on the writer's
 * thread. To be set before writer_start; without it the row stays a hold, with its input as noted and its
 * output unknown. */
typedef void journal_crash_fn(void *arg, struct record *r);
void journal_on_crash(struct journal *j, journal_crash_fn *fn, void *arg);

/* Writes the intent; 0 when the journal is full. r->hold_nanousd is the worst case. Never blocks; worker is
 * the caller's index. */
journal_slot journal_begin(struct journal *j, unsigned worker, const struct record *r);
/* The provider has been reached: from here on the call has a row whatever happens. */
void journal_left(struct journal *j, journal_slot s);
/* Usage known so far, in place; cheap enough for every event. */
void journal_progress(struct journal *j, journal_slot s, const struct usage *u);
/* The hold was extended to so much, before what it pays for passes: a crash books it. In place. */
void journal_extend(struct journal *j, journal_slot s, int64_t hold_nanousd, int64_t hold_tokens);
/* The final row, in place of the intent; the slot belongs to the ledger writer from here on. Exactly once for
 * each slot. */
void journal_settle(struct journal *j, journal_slot s, const struct record *r);
/* The call never left and leaves no row. */
void journal_drop(struct journal *j, unsigned worker, journal_slot s);
/* A row with no call before it (a refusal): ERR_FULL when no slot is free. */
int journal_refusal(struct journal *j, unsigned worker, const struct record *r) WARN_UNUSED;

/* --- the ledger writer's side: one thread ---------------------------------------------------- */

/* The next settled slot not yet taken, oldest first, decoded; texts point into the slot until journal_done.
 * False when there is none. */
bool journal_take(struct journal *j, journal_slot *s, struct record *r);
/* The ledger has committed the row: the slot is free. */
void journal_done(struct journal *j, journal_slot s);
/* Rows taken but not committed are given again by journal_take (a transaction was rolled back). */
void journal_untake(struct journal *j, journal_slot s);
/* Sleeps until something is settled, timeout_ms passed, or journal_wake; returns at once when something
 * waits. */
void journal_wait(struct journal *j, int timeout_ms);
void journal_wake(struct journal *j);

/* --- the sync thread's side ------------------------------------------------------------------ */

/* Sleeps until something was written since the last sync, timeout_ms passed, or journal_sync_wake. True when
 * there is something to sync. */
bool journal_sync_wait(struct journal *j, int timeout_ms);
void journal_sync_wake(struct journal *j);
/* Writes to the disk what changed (nothing: no system call); what was written before the call is there when
 * it returns 0. */
int journal_sync(struct journal *j, struct error *e) WARN_UNUSED;

/* The calls that are under way just now: their intents, with their holds as extended last. From any thread,
 * beside those that write: a slot that changes meanwhile is left out. r and its texts live until on_call
 * returns; what it returns ends the walk, when not 0, and is returned. */
int journal_each_open(const struct journal *j, int (*on_call)(void *arg, const struct record *r), void *arg);

void journal_stats_get(const struct journal *j, struct journal_stats *out);

#endif
