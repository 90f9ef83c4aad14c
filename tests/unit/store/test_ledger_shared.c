/* One ledger, several connections of one process, and another process that comes and goes: what is committed
 * stays to be seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/ledger.h"

static char path[] = "/tmp/weir-test-shared-XXXXXX";

static const struct ledger_ops *ops_of(slice *rest)
{
	char url[256];
	struct error e = {0};
	snprintf(url, sizeof url, "sqlite:%s/weir.db", path);
	static char kept[256];
	snprintf(kept, sizeof kept, "%s", url);
	return ledger_for(slice_of(kept), rest, &e);
}

static int count_row(void *arg, const struct record *r)
{
	(void)r;
	++*(int *)arg;
	return 0;
}

/* In a process of its own: the rows it finds. It opens the ledger for writing and closes it, as `weir key
 * create` does. */
static int visit(const char *at)
{
	slice rest;
	struct error e = {0};
	struct ledger *l = NULL;
	struct ledger_query q = {.since_ms = 0, .until_ms = INT64_MAX};
	const struct ledger_ops *ops = ledger_for(SLICE("sqlite:x"), &rest, &e);
	int rows = 0;
	if (ops->open(at, true, &l, &e) || ops->rows(l, &q, count_row, &rows, &e))
		return 99;
	ops->close(l);
	return rows;
}

/* Executed anew, not only forked: SQLite keeps what it knows of a process's locks in its memory. */
static int rows_seen_by_another_process(const char *at)
{
	pid_t pid = fork();
	if (pid == 0) {
		execl("/proc/self/exe", "visitor", at, (char *)NULL);
		_exit(98);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void add_row(const struct ledger_ops *ops, struct ledger *l, const char *id)
{
	struct record r;
	struct error e = {0};
	record_init(&r);
	snprintf(r.id, sizeof r.id, "%s", id);
	r.time_ms = 1000;
	assert_int_equal(ops->begin(l, &e), 0);
	assert_int_equal(ops->add(l, &r, &e), 0);
	assert_int_equal(ops->commit(l, &e), 0);
}

static void a_visitor_takes_nothing_away(void **state)
{
	(void)state;
	slice at;
	struct error e = {0};
	struct ledger *writer = NULL, *reader = NULL, *late = NULL;
	assert_non_null(mkdtemp(path));
	const struct ledger_ops *ops = ops_of(&at);
	assert_int_equal(ops->open(at.p, true, &writer, &e), 0);
	assert_int_equal(ops->open(at.p, false, &reader, &e), 0);
	add_row(ops, writer, "01A");
	/* one more connection of this process comes and stays, while the others hold their locks */
	assert_int_equal(ops->open(at.p, true, &late, &e), 0);
	assert_int_equal(rows_seen_by_another_process(at.p), 1);
	add_row(ops, writer, "01B");
	assert_int_equal(rows_seen_by_another_process(at.p), 2);
	ops->close(late);
	ops->close(reader);
	ops->close(writer);
	assert_int_equal(rows_seen_by_another_process(at.p), 2);
	char command[300];
	snprintf(command, sizeof command, "%s/weir.db", path);
	unlink(command);
	rmdir(path);
}

int main(int argc, char **argv)
{
	if (argc == 2)
		return visit(argv[1]);
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_visitor_takes_nothing_away)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
