/* check: tsan
 *
 * The writer with ledgers that do not take rows: nothing is lost, and it goes on as soon as they do. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "fixture.h"
#include "store/writer.h"

struct rig {
	struct folder folder;
	struct log log;
	int log_fd;
	struct journal *journal;
	struct writer *writer;
	const struct ledger_ops *ops;
	const char *ledger;
};

static void rig_start(struct rig *g, const struct ledger_ops *ops, const char *ledger)
{
	struct error e = {0};
	slice rest;
	memset(g, 0, sizeof *g);
	folder_make(&g->folder);
	g->log_fd = open(folder_file(&g->folder, "log"), O_RDWR | O_CREAT | O_APPEND, 0600);
	log_init(&g->log, g->log_fd, LOG_INFO, clock_real());
	g->ops = ops ? ops : ledger_for(SLICE("sqlite:x"), &rest, &e);
	g->ledger = ledger ? ledger : folder_file(&g->folder, "weir.db");
	g->journal = journal_open(folder_file(&g->folder, "weir.journal"), 256, 1, &e);
	assert_non_null(g->journal);
}

static void rig_run(struct rig *g)
{
	struct error e = {0};
	g->writer = writer_start(g->journal, g->ops, slice_of(g->ledger), &g->log, &e);
	assert_non_null(g->writer);
}

static void rig_end(struct rig *g)
{
	journal_close(g->journal);
	close(g->log_fd);
	folder_remove(&g->folder);
}

static void book(struct rig *g, int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i++) {
		struct record r;
		sample_record(&r, i);
		journal_slot s = journal_begin(g->journal, 0, &r);
		assert_int_not_equal(s, 0);
		journal_left(g->journal, s);
		sample_settled(&r, i);
		journal_settle(g->journal, s, &r);
	}
}

/* Until a figure of the writer's is reached; the runner's time limit is the test's. */
static void wait_for(struct rig *g, bool (*reached)(const struct writer_stats *s, unsigned long long n),
                     unsigned long long n)
{
	struct writer_stats s;
	do {
		writer_stats_get(g->writer, &s);
		sched_yield();
	} while (!reached(&s, n));
}

static bool has_failed(const struct writer_stats *s, unsigned long long n)
{
	return s->failures >= n;
}

static bool has_rows(const struct writer_stats *s, unsigned long long n)
{
	return s->rows >= n;
}

static int count_row(void *arg, const struct record *r)
{
	++*(int *)arg;
	(void)r;
	return 0;
}

static int rows_in(struct rig *g)
{
	struct ledger *l;
	struct error e = {0};
	struct ledger_query q = {0};
	int n = 0;
	if (g->ops->open(g->ledger, false, &l, &e) != 0)
		fail_msg("%s", e.text);
	assert_int_equal(g->ops->rows(l, &q, count_row, &n, &e), 0);
	g->ops->close(l);
	return n;
}

static int lines_with(struct rig *g, const char *word)
{
	static char text[1 << 16];
	ssize_t n = pread(g->log_fd, text, sizeof text - 1, 0);
	int lines = 0;
	assert_true(n >= 0);
	text[n] = '\0';
	for (const char *p = text; (p = strstr(p, word)) != NULL; p++)
		lines++;
	return lines;
}

/* --- the cases ------------------------------------------------------------------------------- */

static void locked_by_another_connection(void **state)
{
	struct rig g;
	sqlite3 *other;
	struct error e = {0};
	struct ledger *l;
	struct journal_stats s;
	rig_start(&g, NULL, NULL);
	assert_int_equal(g.ops->open(g.ledger, true, &l, &e), 0);
	g.ops->close(l);
	assert_int_equal(sqlite3_open(g.ledger, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	rig_run(&g);
	book(&g, 0, 20);
	wait_for(&g, has_failed, 2);
	journal_stats_get(g.journal, &s);
	assert_int_equal(s.settled, 20);
	assert_int_equal(lines_with(&g, "ledger.unavailable"), 1); /* once a minute */
	assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	wait_for(&g, has_rows, 20);
	sqlite3_close(other);
	book(&g, 20, 30);
	assert_true(writer_stop(g.writer, 10000));
	assert_int_equal(rows_in(&g), 30);
	assert_int_equal(lines_with(&g, "ledger.available"), 1);
	rig_end(&g);
	(void)state;
}

static void a_folder_that_comes_later(void **state)
{
	struct rig g;
	char folder[64], path[96], behind[112];
	rig_start(&g, NULL, NULL);
	snprintf(folder, sizeof folder, "%s/sub", g.folder.path);
	snprintf(path, sizeof path, "%s/weir.db", folder);
	g.ledger = path;
	rig_run(&g);
	book(&g, 0, 5);
	wait_for(&g, has_failed, 3);
	assert_int_equal(mkdir(folder, 0700), 0);
	wait_for(&g, has_rows, 5);
	assert_true(writer_stop(g.writer, 10000));
	assert_int_equal(rows_in(&g), 5);
	for (int i = 0; i < 3; i++) {
		snprintf(behind, sizeof behind, "%s%s", path, i == 0 ? "" : i == 1 ? "-wal" : "-shm");
		unlink(behind);
	}
	assert_int_equal(rmdir(folder), 0);
	rig_end(&g);
	(void)state;
}

static void a_ledger_that_is_moved_away(void **state)
{
	struct rig g;
	rig_start(&g, NULL, NULL);
	rig_run(&g);
	book(&g, 0, 5);
	wait_for(&g, has_rows, 5);
	assert_int_equal(rename(g.ledger, folder_file(&g.folder, "old.db")), 0);
	book(&g, 5, 12); /* not into the file that went */
	assert_true(writer_stop(g.writer, 10000));
	assert_int_equal(rows_in(&g), 7);
	rig_end(&g);
	(void)state;
}

static void stopping_while_the_ledger_fails_keeps_the_rows(void **state)
{
	struct rig g;
	struct error e = {0};
	struct journal_stats s;
	rig_start(&g, NULL, "/nonexistent/weir.db");
	rig_run(&g);
	book(&g, 0, 9);
	assert_false(writer_stop(g.writer, 100));
	journal_close(g.journal);
	g.journal = journal_open(folder_file(&g.folder, "weir.journal"), 256, 1, &e);
	assert_non_null(g.journal);
	journal_stats_get(g.journal, &s);
	assert_int_equal(s.recovered_settled, 9);
	g.ledger = folder_file(&g.folder, "weir.db");
	rig_run(&g);
	assert_true(writer_stop(g.writer, 10000));
	assert_int_equal(rows_in(&g), 9);
	rig_end(&g);
	(void)state;
}

/* A limit on the size of files stands in for a full disk: the write fails in the middle of a transaction. */
static void a_disk_that_is_full(void **state)
{
	struct rig g;
	struct stat st;
	struct error e = {0};
	struct ledger *l;
	struct rlimit was, limit;
	rig_start(&g, NULL, NULL);
	assert_int_equal(g.ops->open(g.ledger, true, &l, &e), 0);
	g.ops->close(l);
	assert_int_equal(stat(g.ledger, &st), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	rig_run(&g);
	book(&g, 0, 3);
	wait_for(&g, has_rows, 3);
	limit = was;
	limit.rlim_cur = 64 << 10; /* of the journal too, which was made before */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	book(&g, 3, 203);
	wait_for(&g, has_failed, 2);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	wait_for(&g, has_rows, 203);
	assert_true(writer_stop(g.writer, 10000));
	assert_int_equal(rows_in(&g), 203);
	rig_end(&g);
	(void)state;
}

/* --- a ledger that finds one row impossible --------------------------------------------------- */

static int picky_add(struct ledger *l, const struct record *r, struct error *e)
{
	slice rest;
	if (r->turn == 13)
		return error_set(e, ERR_INVALID, "an unlucky turn");
	return ledger_for(SLICE("sqlite:x"), &rest, e)->add(l, r, e);
}

static void a_row_that_can_never_be_taken_does_not_hold_up_the_others(void **state)
{
	struct rig g;
	struct writer_stats s;
	struct record r;
	sqlite3 *db;
	sqlite3_stmt *q;
	slice rest;
	struct ledger_ops picky = *ledger_for(SLICE("sqlite:x"), &rest, NULL);
	picky.add = picky_add;
	rig_start(&g, &picky, NULL);
	book(&g, 0, 4);
	sample_settled(&r, 4);
	r.turn = 13;
	assert_int_equal(journal_refusal(g.journal, 0, &r), 0);
	book(&g, 5, 9);
	rig_run(&g);
	wait_for(&g, has_rows, 9);
	writer_stats_get(g.writer, &s);
	assert_int_equal(s.rejected, 1);
	assert_int_equal(s.failures, 0);
	assert_true(writer_stop(g.writer, 10000));
	assert_int_equal(rows_in(&g), 8);
	assert_int_equal(lines_with(&g, "ledger.row_rejected"), 1);
	assert_int_equal(sqlite3_open(g.ledger, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_prepare_v2(db, "SELECT why, json_extract(row,'$.id') FROM rejected", -1, &q, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(q, 0), "an unlucky turn");
	assert_string_equal((const char *)sqlite3_column_text(q, 1), r.id);
	sqlite3_finalize(q);
	sqlite3_close(db);
	rig_end(&g);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(locked_by_another_connection),
	    cmocka_unit_test(a_folder_that_comes_later),
	    cmocka_unit_test(a_ledger_that_is_moved_away),
	    cmocka_unit_test(stopping_while_the_ledger_fails_keeps_the_rows),
	    cmocka_unit_test(a_disk_that_is_full),
	    cmocka_unit_test(a_row_that_can_never_be_taken_does_not_hold_up_the_others),
	};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigaction(SIGXFSZ, &ignore, NULL); /* the write then fails with EFBIG */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
