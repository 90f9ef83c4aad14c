/* A gateway's store in a process of its own, killed at random moments, started again, killed again; in the
 * end two books are compared: what the process said it did (memory shared with it), and the ledger.
 *
 * WEIR_TEST_KILLS=500 for the long form. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "fixture.h"
#include "store/writer.h"

#define CALLS   60000
#define WORKERS 3
#define SLOTS   256
#define HELD    24 /* calls that a worker has open at the same time */

/* What a call's own worker says: about to do it, or has done it. */
enum said { NOTHING, BEGINNING, BEGUN, LEAVING, LEFT, SETTLING, SETTLED, DROPPING, REFUSING, REFUSED };

struct shared {
	atomic_uint next; /* the next call's number: over all processes */
	atomic_uint steps;
	_Atomic unsigned char said[CALLS];
};

static struct shared *shared;

static void say(unsigned call, enum said what)
{
	atomic_store(&shared->said[call], (unsigned char)what);
	atomic_fetch_add(&shared->steps, 1);
}

/* --- the process that is killed -------------------------------------------------------------- */

struct worker {
	struct journal *journal;
	unsigned index;
};

struct open_call {
	unsigned number, step;
	journal_slot slot;
};

static void begin(struct worker *w, struct open_call *c)
{
	struct record r;
	c->number = atomic_fetch_add(&shared->next, 1);
	c->step = 0;
	c->slot = 0;
	if (c->number >= CALLS)
		return;
	sample_record(&r, c->number);
	if (c->number % 10 == 9) {
		say(c->number, REFUSING);
		r.ending = ENDING_REFUSED;
		while (journal_refusal(w->journal, w->index, &r) != 0)
			sched_yield(); /* full: the writer is behind */
		say(c->number, REFUSED);
		return;
	}
	say(c->number, BEGINNING);
	while ((c->slot = journal_begin(w->journal, w->index, &r)) == 0)
		sched_yield();
	say(c->number, BEGUN);
}

/* One step of one call: left, some progress, and the end. */
static void go_on(struct worker *w, struct open_call *c)
{
	struct record r;
	sample_settled(&r, c->number);
	c->step++;
	if (c->number % 7 == 3) {
		say(c->number, DROPPING);
		journal_drop(w->journal, w->index, c->slot);
		c->slot = 0;
	} else if (c->step == 1) {
		say(c->number, LEAVING);
		journal_left(w->journal, c->slot);
		say(c->number, LEFT);
	} else if (c->step < 4) {
		r.usage.m[METER_INPUT] = c->step;
		journal_progress(w->journal, c->slot, &r.usage);
		atomic_fetch_add(&shared->steps, 1);
	} else {
		say(c->number, SETTLING);
		journal_settle(w->journal, c->slot, &r);
		say(c->number, SETTLED);
		c->slot = 0;
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct open_call calls[HELD] = {0};
	unsigned seed = w->index + 1;
	for (;;) {
		struct open_call *c = &calls[rand_r(&seed) % HELD];
		if (c->slot)
			go_on(w, c);
		else if (atomic_load(&shared->next) < CALLS)
			begin(w, c);
		else
			sched_yield();
	}
	return NULL;
}

static _Noreturn void live(const char *journal, const char *ledger)
{
	struct error e = {0};
	struct log log;
	struct worker workers[WORKERS];
	pthread_t thread;
	slice rest;
	log_init(&log, STDERR_FILENO, LOG_ERROR, clock_real());
	struct journal *j = journal_open(journal, SLOTS, WORKERS, &e);
	if (j == NULL ||
	    writer_start(j, ledger_for(SLICE("sqlite:x"), &rest, &e), slice_of(ledger), &log, &e) == NULL) {
		fprintf(stderr, "%s\n", e.text);
		_exit(1);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){j, i};
		pthread_create(&thread, NULL, work, &workers[i]);
	}
	for (;;)
		pause();
}

/* --- the books ------------------------------------------------------------------------------- */

struct book {
	unsigned char rows[CALLS], ending[CALLS];
	int foreign;
};

static int note_row(void *arg, const struct record *r)
{
	struct book *b = arg;
	struct record expected;
	long long n;
	if (!slice_to_i64(slice_sub(slice_of(r->id), 6, 26), &n) || n < 0 || n >= CALLS) {
		b->foreign++;
		return 0;
	}
	b->rows[n]++;
	b->ending[n] = (unsigned char)r->ending;
	sample_settled(&expected, n);
	if (r->ending == ENDING_COMPLETE) {
		assert_record_equal(&expected, r);
	} else if (r->ending == ENDING_CRASH) {
		assert_int_equal(r->cost.total, expected.hold_nanousd);
		assert_slice_equal(r->who.v[ATTR_SESSION], expected.who.v[ATTR_SESSION]);
		assert_true(r->usage.m[METER_INPUT] <= 3);
		assert_int_equal(r->usage.m[METER_OUTPUT], TOKENS_ABSENT);
	}
	return 0;
}

/* Rows that a call may have, by what its process said last; and with which ending. */
static void compare(const struct book *b)
{
	static const struct {
		int least, most;
		bool crash, complete;
	} may[] = {
	    [NOTHING] = {0, 0, false, false},  [BEGINNING] = {0, 0, false, false},
	    [BEGUN] = {0, 0, false, false},    [LEAVING] = {0, 1, true, false},
	    [LEFT] = {1, 1, true, false},      [SETTLING] = {1, 1, true, true},
	    [SETTLED] = {1, 1, false, true},   [DROPPING] = {0, 0, false, false},
	    [REFUSING] = {0, 1, false, false}, [REFUSED] = {1, 1, false, false},
	};
	int rows = 0, crashed = 0;
	for (unsigned i = 0; i < CALLS; i++) {
		unsigned said = shared->said[i];
		bool good = b->rows[i] >= may[said].least && b->rows[i] <= may[said].most;
		if (b->rows[i] && b->ending[i] == ENDING_CRASH)
			good = good && may[said].crash;
		if (b->rows[i] && b->ending[i] == ENDING_COMPLETE)
			good = good && may[said].complete;
		if (!good)
			fail_msg("call %u: its process said %u, the ledger has %d rows, the ending %d", i,
			         said, b->rows[i], b->ending[i]);
		rows += b->rows[i];
		crashed += b->rows[i] && b->ending[i] == ENDING_CRASH;
	}
	print_message("%u calls begun, %d rows, %d of them crashed\n", atomic_load(&shared->next), rows,
	              crashed);
	assert_true(crashed > 0);
	assert_int_equal(b->foreign, 0);
}

static void every_call_that_left_is_booked_once(void **state)
{
	static struct book book;
	struct folder f;
	struct error e = {0};
	struct log log;
	struct journal_stats stats;
	struct ledger_query q = {0};
	struct ledger *l;
	slice rest;
	const char *kills = getenv("WEIR_TEST_KILLS");
	unsigned seed = 1;
	folder_make(&f);
	const char *journal = folder_file(&f, "weir.journal"), *ledger = folder_file(&f, "weir.db");
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	for (int i = 0; i < (kills ? (int)strtol(kills, NULL, 10) : 25); i++) {
		unsigned until = atomic_load(&shared->steps) + 1 + (unsigned)rand_r(&seed) % 6000;
		int status;
		pid_t child = fork();
		if (child == 0)
			live(journal, ledger);
		while (atomic_load(&shared->steps) < until && atomic_load(&shared->next) < CALLS)
			assert_int_equal(waitpid(child, &status, WNOHANG), 0);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
	}
	/* The last start ends in peace. */
	log_init(&log, STDERR_FILENO, LOG_ERROR, clock_real());
	const struct ledger_ops *ops = ledger_for(SLICE("sqlite:x"), &rest, &e);
	struct journal *j = journal_open(journal, SLOTS, 1, &e);
	assert_non_null(j);
	struct writer *w = writer_start(j, ops, slice_of(ledger), &log, &e);
	assert_non_null(w);
	assert_true(writer_stop(w, 30000));
	journal_stats_get(j, &stats);
	assert_int_equal(stats.damaged, 0);
	assert_int_equal(stats.in_flight + stats.settled, 0);
	journal_close(j);
	assert_int_equal(ops->open(ledger, false, &l, &e), 0);
	assert_int_equal(ops->rows(l, &q, note_row, &book, &e), 0);
	ops->close(l);
	compare(&book);
	munmap(shared, sizeof *shared);
	folder_remove(&f);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_call_that_left_is_booked_once)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
