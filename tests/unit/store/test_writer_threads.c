/* Workers, the writer and the sync thread together. */
#include <pthread.h>

#include "fixture.h"
#include "store/writer.h"

#define WORKERS 3
#define CALLS   400

struct worker {
	struct journal *journal;
	unsigned index;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	for (int i = 0; i < CALLS; i++) {
		struct record r;
		int64_t n = (int64_t)w->index * CALLS + i;
		journal_slot s;
		sample_record(&r, n);
		while ((s = journal_begin(w->journal, w->index, &r)) == 0)
			sched_yield(); /* full: the writer is behind */
		if (i % 10 == 9) {
			journal_drop(w->journal, w->index, s);
			continue;
		}
		journal_left(w->journal, s);
		journal_progress(w->journal, s, &r.usage);
		sample_settled(&r, n);
		journal_settle(w->journal, s, &r);
	}
	return NULL;
}

static int count_row(void *arg, const struct record *r)
{
	++*(int *)arg;
	(void)r;
	return 0;
}

static void every_call_is_booked_once(void **state)
{
	struct folder f;
	struct error e = {0};
	struct log log;
	struct writer_stats stats;
	struct worker workers[WORKERS];
	pthread_t threads[WORKERS];
	slice rest;
	int rows = 0;
	folder_make(&f);
	log_init(&log, STDERR_FILENO, LOG_INFO, clock_real());
	const struct ledger_ops *ops = ledger_for(SLICE("sqlite:x"), &rest, &e);
	struct journal *j = journal_open(folder_file(&f, "weir.journal"), 128, WORKERS, &e);
	assert_non_null(j);
	struct writer *w = writer_start(j, ops, slice_of(folder_file(&f, "weir.db")), &log, &e);
	assert_non_null(w);
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){j, i};
		pthread_create(&threads[i], NULL, work, &workers[i]);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	writer_stats_get(w, &stats);
	assert_int_equal(stats.failing, 0);
	assert_true(writer_stop(w, 10000));
	journal_close(j);
	struct ledger *l;
	struct ledger_query q = {0};
	assert_int_equal(ops->open(folder_file(&f, "weir.db"), false, &l, &e), 0);
	assert_int_equal(ops->rows(l, &q, count_row, &rows, &e), 0);
	assert_int_equal(rows, WORKERS * CALLS * 9 / 10);
	ops->close(l);
	folder_remove(&f);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_call_is_booked_once)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
