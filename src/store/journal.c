/* A call's life in its slot, and the lists slots wait in. */
#include "store/journal.h"

#include <xxhash.h>

#include "model/usage.h"
#include "store/journal_impl.h"

static void count(atomic_ullong *n)
{
	atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

/* --- lists ----------------------------------------------------------------------------------- */

/* Free slots are a stack, so that the slots used last are used next and few pages are ever touched. Its head
 * counts changes in the upper half: a slot that was taken and came back between our look and our exchange is
 * noticed. */
void journal_push_free(struct journal *j, journal_slot s)
{
	uint64_t head = atomic_load_explicit(&j->free, memory_order_relaxed), with;
	do {
		atomic_store_explicit(&j->next[s], (uint32_t)head, memory_order_relaxed);
		with = ((head >> 32) + 1) << 32 | s;
	} while (!atomic_compare_exchange_weak_explicit(&j->free, &head, with, memory_order_release,
	                                                memory_order_relaxed));
}

static journal_slot pop_free(struct journal *j)
{
	uint64_t head = atomic_load_explicit(&j->free, memory_order_acquire), without;
	journal_slot s;
	do {
		s = (uint32_t)head;
		if (s == 0)
			return 0;
		without = ((head >> 32) + 1) << 32 | atomic_load_explicit(&j->next[s], memory_order_relaxed);
	} while (!atomic_compare_exchange_weak_explicit(&j->free, &head, without, memory_order_acquire,
	                                                memory_order_acquire));
	return s;
}

static void push_settled(struct journal *j, journal_slot s)
{
	count(&j->settled_n); /* first, so that what waits is never less than what can be taken */
	uint32_t head = atomic_load_explicit(&j->settled, memory_order_relaxed);
	do
		atomic_store_explicit(&j->next[s], head, memory_order_relaxed);
	while (!atomic_compare_exchange_weak(&j->settled, &head, s));
	waker_wake(&j->writer);
}

/* Moves what was settled meanwhile behind what is to be taken, turned round: oldest first. */
static void gather_settled(struct journal *j)
{
	uint32_t s = atomic_exchange(&j->settled, 0), last = s, first = 0;
	while (s) {
		uint32_t older = atomic_load_explicit(&j->next[s], memory_order_relaxed);
		atomic_store_explicit(&j->next[s], first, memory_order_relaxed);
		first = s;
		s = older;
	}
	if (first == 0)
		return;
	if (j->take_first == 0)
		j->take_first = first;
	else
		atomic_store_explicit(&j->next[j->take_last], first, memory_order_relaxed);
	j->take_last = last;
}

/* The sync thread takes the mark away before it copies, so what is written before this is in that copy or a
 * later one. */
void journal_mark_changed(struct journal *j, journal_slot s)
{
	atomic_store_explicit(&j->changed[s], 1, memory_order_release);
	if (!atomic_exchange(&j->dirty, true))
		waker_wake(&j->sync);
}

static void set_state(struct slot *s, enum slot_state state)
{
	s->change++;
	atomic_store_explicit(&s->state, state, memory_order_release);
}

static struct journal_counts *counts_of(struct journal *j, unsigned worker)
{
	return &j->counts[worker < j->workers ? worker : 0];
}

/* --- a call's life --------------------------------------------------------------------------- */

static journal_slot new_slot(struct journal *j, unsigned worker)
{
	journal_slot s = pop_free(j);
	if (s == 0) {
		count(&counts_of(j, worker)->full);
		return 0;
	}
	uint32_t used = atomic_load_explicit(&j->head->used, memory_order_relaxed);
	while (s > used && !atomic_compare_exchange_weak(&j->head->used, &used, s))
		;
	return s;
}

journal_slot journal_begin(struct journal *j, unsigned worker, const struct record *r)
{
	journal_slot n = new_slot(j, worker);
	if (n == 0)
		return 0;
	struct slot *s = journal_at(j, n);
	s->intent_n = (uint16_t)record_pack(r, NULL, s->body, SLOT_INTENT_ROOM);
	s->settle_n = 0;
	s->intent_sum = XXH3_64bits(s->body, s->intent_n);
	s->settle_sum = 0;
	for (int i = 0; i < 2; i++)
		s->progress[i].sum = s->progress[i].seq = 0;
	atomic_store_explicit(&s->held_nanousd, 0, memory_order_relaxed);
	atomic_store_explicit(&s->held_tokens, 0, memory_order_relaxed);
	set_state(s, SLOT_INTENT);
	journal_mark_changed(j, n);
	count(&counts_of(j, worker)->begun);
	return n;
}

void journal_left(struct journal *j, journal_slot n)
{
	set_state(journal_at(j, n), SLOT_LEFT);
	journal_mark_changed(j, n);
}

static uint64_t progress_sum(const struct slot *s, const struct slot_progress *p)
{
	return XXH3_64bits(&p->seq, sizeof *p - offsetof(struct slot_progress, seq)) ^ s->intent_sum;
}

void journal_progress(struct journal *j, journal_slot n, const struct usage *u)
{
	struct slot *s = journal_at(j, n);
	int older = s->progress[0].seq > s->progress[1].seq;
	struct slot_progress *p = &s->progress[older];
	p->seq = s->progress[!older].seq + 1;
	memcpy(p->m, u->m, sizeof p->m);
	/* A process killed before this line leaves an old sum over new words: the other one is then taken. */
	atomic_signal_fence(memory_order_seq_cst);
	p->sum = progress_sum(s, p);
	/* Not marked as a change: after a power loss the hold stands in, and a copy for every event would
	 * wear the disk. */
}

static uint64_t parts_sum(struct slot *s)
{
	return XXH3_64bits(slot_parts(s), s->parts_n) ^ s->intent_sum ^ s->settle_sum;
}

/* Without parts when those in the slot are not the settlement's. */
static void take_parts(struct journal *j, struct slot *s, struct record *r)
{
	size_t n;
	if (s->parts_n == 0 || s->parts_n > SLOT_PARTS_ROOM || s->parts_sum != parts_sum(s) ||
	    !parts_unpack(slice_make(slot_parts(s), s->parts_n), j->taken, &n))
		return;
	r->parts = j->taken;
	r->parts_n = n;
}

void journal_extend(struct journal *j, journal_slot n, int64_t hold_nanousd, int64_t hold_tokens)
{
	struct slot *s = journal_at(j, n);
	/* A process killed between the two leaves one of before: what they pay for has not passed yet. */
	atomic_store_explicit(&s->held_nanousd, hold_nanousd, memory_order_release);
	atomic_store_explicit(&s->held_tokens, hold_tokens, memory_order_release);
	journal_mark_changed(j, n);
}

void journal_settle(struct journal *j, journal_slot n, const struct record *r)
{
	struct slot *s = journal_at(j, n);
	struct record intent;
	const struct record *base = slot_intent(s, &intent) ? &intent : NULL;
	unsigned char *to = s->body + s->intent_n;
	s->settle_n = (uint16_t)record_pack(r, base, to, SLOT_BODY - s->intent_n);
	s->settle_sum = XXH3_64bits(to, s->settle_n) ^ s->intent_sum;
	s->parts_n =
	    r->parts_n ? (uint16_t)parts_pack(r->parts, r->parts_n, slot_parts(s), SLOT_PARTS_ROOM) : 0;
	s->parts_sum = parts_sum(s);
	set_state(s, SLOT_SETTLED);
	journal_mark_changed(j, n);
	push_settled(j, n);
}

void journal_drop(struct journal *j, unsigned worker, journal_slot n)
{
	set_state(journal_at(j, n), SLOT_FREE);
	journal_mark_changed(j, n);
	count(&counts_of(j, worker)->dropped);
	journal_push_free(j, n);
}

int journal_refusal(struct journal *j, unsigned worker, const struct record *r)
{
	journal_slot n = new_slot(j, worker);
	if (n == 0)
		return ERR_FULL;
	struct slot *s = journal_at(j, n);
	s->intent_n = 0;
	s->intent_sum = 0;
	count(&counts_of(j, worker)->refusals);
	journal_settle(j, n, r);
	return 0;
}

/* --- reading slots --------------------------------------------------------------------------- */

bool slot_intent(const struct slot *s, struct record *r)
{
	return s->intent_n && s->intent_n <= SLOT_BODY &&
	       record_unpack(slice_make(s->body, s->intent_n), NULL, r);
}

bool slot_settlement(const struct slot *s, struct record *r)
{
	struct record intent;
	if (s->settle_n == 0 || (size_t)s->intent_n + s->settle_n > SLOT_BODY)
		return false;
	if (s->intent_n && !slot_intent(s, &intent))
		return false;
	return record_unpack(slice_make(s->body + s->intent_n, s->settle_n), s->intent_n ? &intent : NULL, r);
}

bool slot_progress(const struct slot *s, struct usage *u)
{
	const struct slot_progress *best = NULL;
	for (int i = 0; i < 2; i++) {
		const struct slot_progress *p = &s->progress[i];
		if (p->seq && p->sum == progress_sum(s, p) && (best == NULL || p->seq > best->seq))
			best = p;
	}
	if (best)
		memcpy(u->m, best->m, sizeof u->m);
	return best != NULL;
}

enum slot_fate slot_judge(const struct slot *s, bool power_lost)
{
	uint32_t state = atomic_load_explicit(&s->state, memory_order_relaxed);
	struct record r;
	if (state == SLOT_FREE)
		return FATE_FREE;
	if (state >= SLOT_N || (size_t)s->intent_n + s->settle_n > SLOT_BODY)
		return FATE_DAMAGED;
	bool intent = s->intent_n && s->intent_sum == XXH3_64bits(s->body, s->intent_n) && slot_intent(s, &r);
	bool base = intent || (s->intent_n == 0 && s->intent_sum == 0);
	if (state == SLOT_SETTLED && base && slot_settlement(s, &r) &&
	    s->settle_sum == (XXH3_64bits(s->body + s->intent_n, s->settle_n) ^ s->intent_sum))
		return FATE_SETTLED;
	if (!intent)
		return FATE_DAMAGED;
	return state == SLOT_INTENT && !power_lost ? FATE_UNSENT : FATE_CRASHED;
}

/* The hold as it was extended last. */
static void extended(const struct slot *s, struct record *r)
{
	int64_t nanousd = atomic_load_explicit(&s->held_nanousd, memory_order_relaxed);
	int64_t tokens = atomic_load_explicit(&s->held_tokens, memory_order_relaxed);
	if (nanousd && nanousd > r->hold_nanousd)
		r->hold_nanousd = nanousd;
	if (tokens && tokens > r->hold_tokens)
		r->hold_tokens = tokens;
}

int journal_each_open(const struct journal *j, int (*on_call)(void *arg, const struct record *r), void *arg)
{
	_Alignas(8) char copy[JOURNAL_SLOT_BYTES];
	const struct slot *s = (const struct slot *)(const void *)copy;
	uint32_t used = atomic_load_explicit(&j->head->used, memory_order_acquire);
	for (journal_slot n = 1; n <= used && n <= j->n; n++) {
		const struct slot *is = journal_at(j, n);
		struct record r;
		uint32_t state = atomic_load_explicit(&is->state, memory_order_acquire);
		if (state != SLOT_INTENT && state != SLOT_LEFT)
			continue;
		journal_copy_slot(copy, is);
		bool same = atomic_load_explicit(&s->state, memory_order_relaxed) == state;
		if (!same || s->intent_n > SLOT_BODY || s->intent_sum != XXH3_64bits(s->body, s->intent_n) ||
		    !slot_intent(s, &r))
			continue;
		extended(s, &r);
		int rc = on_call(arg, &r);
		if (rc)
			return rc;
	}
	return 0;
}

/* --- the writer's side ----------------------------------------------------------------------- */

void journal_on_crash(struct journal *j, journal_crash_fn *fn, void *arg)
{
	j->on_crash = fn;
	j->on_crash_arg = arg;
}

static const enum meter answer_meters[] = {METER_OUTPUT, METER_REASONING, METER_OUTPUT_AUDIO,
                                           METER_OUTPUT_IMAGE};

/* The row of a call that was under way when the process died. */
static bool crash_row(struct journal *j, const struct slot *s, struct record *r)
{
	if (!slot_intent(s, r))
		return false;
	slot_progress(s, &r->usage);
	r->context_tokens = usage_context_tokens(&r->usage);
	r->ending = ENDING_CRASH;
	r->usage_source = SOURCE_HOLD;
	extended(s, r);
	if (r->hold_nanousd != RECORD_ABSENT) {
		memset(&r->cost, 0, sizeof r->cost);
		r->priced = true;
		r->cost.part[COST_OTHER] = r->cost.total = r->hold_nanousd;
	}
	if (j->on_crash) {
		j->on_crash(j->on_crash_arg, r);
		return true;
	}
	/* The answer had more to come: what was noted of it is not what it was. */
	for (size_t i = 0; i < sizeof answer_meters / sizeof answer_meters[0]; i++)
		r->usage.m[answer_meters[i]] = TOKENS_ABSENT;
	return true;
}

bool journal_take(struct journal *j, journal_slot *out, struct record *r)
{
	gather_settled(j);
	for (;;) {
		journal_slot n = j->take_first;
		if (n == 0)
			return false;
		j->take_first = atomic_load_explicit(&j->next[n], memory_order_relaxed);
		struct slot *s = journal_at(j, n);
		bool crashed = atomic_load_explicit(&s->state, memory_order_acquire) == SLOT_LEFT;
		if (crashed ? crash_row(j, s, r) : slot_settlement(s, r)) {
			if (!crashed)
				take_parts(j, s, r);
			*out = n;
			return true;
		}
		/* Checked on opening or written by this process: memory itself went wrong. */
		count(&j->broken);
		journal_done(j, n);
	}
}

/* No sync: when the power goes before the disk hears of it, the row is given to the ledger again, which has
 * it. */
void journal_done(struct journal *j, journal_slot n)
{
	set_state(journal_at(j, n), SLOT_FREE);
	count(&j->done_n);
	journal_push_free(j, n);
}

void journal_untake(struct journal *j, journal_slot n)
{
	if (j->take_first == 0)
		j->take_last = n;
	atomic_store_explicit(&j->next[n], j->take_first, memory_order_relaxed);
	j->take_first = n;
}

static bool has_settled(void *arg)
{
	struct journal *j = arg;
	return j->take_first || atomic_load(&j->settled);
}

void journal_wait(struct journal *j, int timeout_ms)
{
	if (!has_settled(j))
		waker_sleep(&j->writer, timeout_ms, has_settled, j);
}

void journal_wake(struct journal *j)
{
	waker_kick(&j->writer);
}

/* --- figures --------------------------------------------------------------------------------- */

void journal_stats_get(const struct journal *j, struct journal_stats *out)
{
	unsigned long long begun = 0, dropped = 0, refusals = 0;
	*out = j->recovered;
	out->slots = j->n;
	for (unsigned i = 0; i < j->workers; i++) {
		begun += atomic_load_explicit(&j->counts[i].begun, memory_order_relaxed);
		dropped += atomic_load_explicit(&j->counts[i].dropped, memory_order_relaxed);
		refusals += atomic_load_explicit(&j->counts[i].refusals, memory_order_relaxed);
		out->full += atomic_load_explicit(&j->counts[i].full, memory_order_relaxed);
	}
	unsigned long long done = atomic_load_explicit(&j->done_n, memory_order_relaxed);
	unsigned long long settled = atomic_load_explicit(&j->settled_n, memory_order_relaxed);
	unsigned long long found = out->recovered_settled + out->recovered_crash;
	out->damaged += atomic_load_explicit(&j->broken, memory_order_relaxed);
	out->syncs = atomic_load_explicit(&j->syncs, memory_order_relaxed);
	/* Read one after another while others count on: never below nothing. */
	unsigned long long ended = settled + dropped > refusals ? settled + dropped - refusals : 0;
	out->in_flight = begun > ended ? begun - ended : 0;
	out->settled = settled + found > done ? settled + found - done : 0;
}
