/* What journal.c (a call's life, the queues), journal_file.c (file, lock, recovery) and journal_sync.c (the
 *copy on the disk) share.
 *
 * Two files, both in this machine's byte order and of the same shape:
 *
 *	page 0			struct journal_header
 *	page 1 ...		slots of 4 KB, number 1 first (0 is no slot)
 *
 * FILE is mapped into memory and is what the event loops write: it survives the process. It is never flushed
 *by us: a flush write-protects its pages, and the loop that touches one next would wait for the file system.
 *FILE.disk is what the sync thread copies changed slots to and flushes: it survives a power loss. After a
 *crash of the process FILE alone is read; when the machine was restarted in between, FILE holds whatever the
 *kernel had written back of it, and each slot is taken from the file that has its later whole state.
 *
 * A slot keeps intent and settlement side by side, and nothing that a later state needs is ever written over:
 *
 *	state			FREE | INTENT | LEFT | SETTLED; written last, with release order
 *	change			counts the slot's changes of state: which of two copies is later
 *	intent_n, settle_n	bytes of each in body; the settlement begins at intent_n
 *	intent_sum		XXH3 of the intent's bytes
 *	settle_sum		XXH3 of the settlement's bytes, xor intent_sum (0 for a refusal, which has no
 *intent) progress[2]		usage so far; written in turns, so that one of them is always whole body
 *intent, settlement (store/pack.h)
 *
 * A process that is killed leaves its writes in the page cache in the order of the program, so the state
 *alone tells what is whole. A power loss leaves any mixture of old and new sectors: then the sums tell, and
 *each is bound to the call (by intent_sum), so that the leftovers of an earlier call in the same slot are not
 *taken for this one's.
 *
 * The second half of a slot holds the parts of the input (store/pack_parts.h), written before the
 *settlement's state as it is: parts_n bytes, and parts_sum, XXH3 of them, xor intent_sum and settle_sum, so
 *that those of another settlement are not taken for this one's. A settlement whose parts are not whole is
 *given without them. */
#ifndef WEIR_STORE_JOURNAL_IMPL_H
#define WEIR_STORE_JOURNAL_IMPL_H

#include <stdatomic.h>

#include "store/journal.h"
#include "store/pack.h"
#include "store/pack_parts.h"
#include "store/waker.h"

#define JOURNAL_MAGIC   "weirjrnl"
#define JOURNAL_VERSION 2
#define JOURNAL_PAGE    4096

enum slot_state { SLOT_FREE, SLOT_INTENT, SLOT_LEFT, SLOT_SETTLED, SLOT_N };

struct journal_header {
	char magic[8];
	uint32_t version, slot_bytes, slots;
	uint32_t pid;          /* of the process that opened it last, for the message of the next one */
	uint64_t layout;       /* pack_layout() of that process */
	uint64_t instance;     /* random, the same in both files: the FILE.disk of another FILE is not read */
	_Atomic uint32_t used; /* the highest slot ever used: those behind it were never written */
	uint32_t spare;
	char boot[40]; /* boot id of the machine then: another one means that it was restarted in between */
};

struct slot_progress {
	uint64_t sum; /* XXH3 of seq and m, xor intent_sum */
	uint64_t seq; /* the larger one is the later one */
	int64_t m[METER_N];
};

struct slot {
	_Atomic uint32_t state;
	uint16_t intent_n, settle_n;
	uint64_t intent_sum, settle_sum;
	uint64_t change;
	uint64_t parts_sum;
	uint16_t parts_n, spare16[3];
	_Atomic int64_t held_nanousd, held_tokens; /* of a hold that was extended; 0: the intent's */
	struct slot_progress progress[2];
	unsigned char body[];
};

#define SLOT_PARTS_ROOM  ((size_t)2048)
#define SLOT_BODY        (JOURNAL_SLOT_BYTES - SLOT_PARTS_ROOM - sizeof(struct slot))
/* Left for the settlement: every number, and the texts that are known only then. */
#define SLOT_SETTLE_ROOM ((size_t)PACK_MIN + 160)
#define SLOT_INTENT_ROOM (SLOT_BODY - SLOT_SETTLE_ROOM)

_Static_assert(offsetof(struct slot, progress) == 64, "a slot's head is one cache line, and never torn");
_Static_assert(SLOT_INTENT_ROOM >= PACK_MIN + 512, "an intent has room for its texts");

/* Counters of one worker, on a cache line of their own. */
struct journal_counts {
	_Alignas(64) atomic_ullong begun, dropped, refusals, full;
};

struct journal {
	struct journal_header *head; /* the mapping; owned */
	char *slots;                 /* slot 1; in the mapping */
	size_t bytes, n;             /* of the mapping; slots */
	int fd;                      /* holds the lock */
	bool opened;                 /* whole: what is in it is to be synced on closing */
	char *path;                  /* owned */
	unsigned workers;
	struct journal_counts *counts; /* owned; one for each worker */

	/* A slot is in one list at most; next[s] is the slot behind s in it. */
	_Atomic uint32_t *next; /* owned */
	_Alignas(64) _Atomic uint64_t
	    free; /* last in, first out: slot in the low half, changes in the high half */
	_Alignas(64) _Atomic uint32_t settled; /* newest first; emptied as a whole by the writer */
	_Alignas(64) atomic_bool dirty;        /* something changed since the last sync began */
	_Atomic unsigned char *changed;        /* owned; changed[s]: the slot has, since it was copied last */
	struct waker writer, sync;

	/* the sync thread's */
	int disk_fd;                     /* FILE.disk */
	char *disk_path;                 /* owned */
	char *staging;                   /* owned; slots on their way to it */
	struct journal_header disk_head; /* as it is to stand in that file */
	bool named;                      /* its name is on the disk too */

	/* the writer thread's */
	uint32_t take_first, take_last;                 /* oldest first */
	struct record_part taken[RECORD_PARTS_MAX + 1]; /* of the row taken last */
	journal_crash_fn *on_crash;
	void *on_crash_arg;

	atomic_ullong settled_n, done_n, syncs, broken;
	struct journal_stats recovered; /* at the last opening */
};

static inline struct slot *journal_at(const struct journal *j, journal_slot s)
{
	return (struct slot *)(void *)(j->slots + (size_t)(s - 1) * JOURNAL_SLOT_BYTES);
}

/* A copy of a slot as it lies in the file, checked: what is to become of it. */
enum slot_fate { FATE_FREE, FATE_UNSENT, FATE_CRASHED, FATE_SETTLED, FATE_DAMAGED };
enum slot_fate slot_judge(const struct slot *s, bool power_lost);

/* The intent; false when there is none or it is not whole. */
bool slot_intent(const struct slot *s, struct record *r);
bool slot_settlement(const struct slot *s, struct record *r);
/* Where the parts stand. */
static inline unsigned char *slot_parts(struct slot *s)
{
	return (unsigned char *)s + JOURNAL_SLOT_BYTES - SLOT_PARTS_ROOM;
}
/* The usage noted last; false when none was. */
bool slot_progress(const struct slot *s, struct usage *u);

void journal_push_free(struct journal *j, journal_slot s);
void journal_mark_changed(struct journal *j, journal_slot s);

/* journal_file.c */
static inline uint64_t journal_file_bytes(uint64_t slots)
{
	return JOURNAL_PAGE + slots * JOURNAL_SLOT_BYTES;
}
/* pread of the whole range; what lies behind the end of the file reads as zeros. -1: errno */
int journal_read_at(int fd, void *out, size_t n, uint64_t at);
/* Room on the disk up to `to`, and zeros really written at its beginning: a page that is only set aside makes
 * who touches it first wait for the file system. */
int journal_grow_file(int fd, const char *path, uint64_t from, uint64_t to, struct error *e) WARN_UNUSED;

/* Of a slot that others may be writing: the copy may be a mixture, which its sums tell. */
void journal_copy_slot(char *to, const struct slot *from);
/* journal_sync.c: opens or creates FILE.disk and reads its header into *own (zeros when it has none). */
int journal_disk_open(struct journal *j, struct journal_header *own, struct error *e) WARN_UNUSED;
/* After recovery: makes it this journal's, with room for all its slots. keep: its slots are copies of this
 * journal's; else they are thrown away. */
int journal_disk_adopt(struct journal *j, bool keep, struct error *e) WARN_UNUSED;
void journal_disk_close(struct journal *j);

#endif
