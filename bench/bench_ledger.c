/* Calls booked from the journal into the ledger, end to end, beside the same rows put into SQLite by a plain
 * loop in the same run; and what a call's passage through the journal costs the event loop. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/num.h"
#include "bench.h"
#include "store/columns.h"
#include "store/journal.h"
#include "store/writer.h"

#define ROWS      200000
#define BATCH     1000 /* rows in a transaction of the baseline */
#define SLOTS     8192
#define RATE      20000 /* calls a second of the steady run */
#define SECONDS   5
#define LATENCIES 400000

static const struct ledger_ops *ops;
static char folder[64];

static void path_of(char out[128], const char *name)
{
	snprintf(out, 128, "%s/%s", folder, name);
}

static void remove_files(void)
{
	static const char *const names[] = {"weir.db", "weir.db-wal", "weir.db-shm", "weir.journal",
	                                    "weir.journal.disk"};
	char path[128];
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		path_of(path, names[i]);
		unlink(path);
	}
}

static void must(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "bench_ledger: %s\n", what);
		remove_files();
		rmdir(folder);
		exit(1);
	}
}

static double thread_cpu(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A call of a coding agent, as long as they usually are. */
static void make_call(struct record *r, int64_t n)
{
	record_init(r);
	snprintf(r->id, sizeof r->id, "01BENCH%019lld", (long long)n);
	r->time_ms = INT64_C(1764000000000) + n;
	r->who.v[ATTR_USER] = SLICE("ana@example.com");
	r->who.v[ATTR_TEAM] = SLICE("payments");
	r->who.v[ATTR_COST_CENTRE] = SLICE("CC-1204");
	r->who.v[ATTR_REPO] = SLICE("github.com/acme/ledger");
	r->who.v[ATTR_BRANCH] = SLICE("feature/settle-before-hold");
	r->who.v[ATTR_COMMIT] = SLICE("2f093a16624cfc426950d240f18cc1d9aacfea5f");
	r->who.v[ATTR_ENVIRONMENT] = SLICE("local");
	r->who.v[ATTR_AGENT] = SLICE("claude-code");
	r->who.v[ATTR_AGENT_VERSION] = SLICE("2.1.330");
	r->who.v[ATTR_SESSION] = SLICE("5c1f2f0e-5f6c-4f6e-9a59-5f0c5b7b7a11");
	r->text[TEXT_NODE] = SLICE("gateway-1");
	r->text[TEXT_SOURCE] = SLICE("gateway");
	r->text[TEXT_PROVIDER] = SLICE("anthropic");
	r->text[TEXT_MODEL_REQUESTED] = SLICE("claude-sonnet-4-5");
	r->text[TEXT_KEY_ID] = SLICE("k_01JD7Y2Z9Q");
	r->turn = n % 40;
	r->attempt = 1;
	r->stream = true;
	r->hold_nanousd = 200000000;
}

static void end_call(struct record *r)
{
	r->text[TEXT_MODEL_SERVED] = SLICE("claude-sonnet-4-5-20250929");
	r->text[TEXT_STOP_REASON] = SLICE("tool_use");
	r->text[TEXT_PRICE_ID] = SLICE("anthropic/claude-sonnet-4-5@2025-09-29");
	r->status = 200;
	r->duration_ms = 2400;
	r->ttft_ms = 310;
	r->usage.m[METER_INPUT] = 12;
	r->usage.m[METER_CACHE_READ] = 40000;
	r->usage.m[METER_CACHE_WRITE_5M] = 1500;
	r->usage.m[METER_OUTPUT] = 420;
	r->context_tokens = 41512;
	r->tool_calls = 1;
	r->priced = true;
	r->cost.part[COST_INPUT] = 36000;
	r->cost.part[COST_CACHE_READ] = 12000000;
	r->cost.part[COST_OUTPUT] = 6300000;
	r->cost.total = 18336000;
	r->list_cost_nanousd = 18336000;
	r->usage_source = SOURCE_REPORTED;
}

/* --- the baseline: a plain loop ------------------------------------------------------------ */

static void bind_row(sqlite3_stmt *s, const struct record *r)
{
	for (size_t i = 0; i < columns_n(); i++) {
		struct value v = column_get(column_at(i), r);
		if (v.kind == VALUE_TEXT)
			sqlite3_bind_text(s, (int)i + 1, v.text.p, (int)v.text.n, SQLITE_STATIC);
		else if (v.kind == VALUE_INT)
			sqlite3_bind_int64(s, (int)i + 1, v.number);
		else
			sqlite3_bind_null(s, (int)i + 1);
	}
}

static void plain_sqlite(struct bench *b)
{
	char path[128], sql[8192];
	sqlite3 *db;
	sqlite3_stmt *s;
	size_t n = 0;
	path_of(path, "weir.db");
	must(sqlite3_open(path, &db) == SQLITE_OK, "open");
	n += (size_t)snprintf(sql, sizeof sql,
	                      "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;CREATE TABLE calls(");
	for (size_t i = 0; i < columns_n(); i++)
		n += (size_t)snprintf(sql + n, sizeof sql - n, "%s\"%s\"%s", i ? "," : "", column_at(i)->name,
		                      i ? "" : " TEXT PRIMARY KEY");
	snprintf(sql + n, sizeof sql - n, ");CREATE INDEX calls_time ON calls(time_ms)");
	must(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "create");
	n = (size_t)snprintf(sql, sizeof sql, "INSERT INTO calls VALUES(?");
	for (size_t i = 1; i < columns_n(); i++)
		n += (size_t)snprintf(sql + n, sizeof sql - n, ",?");
	snprintf(sql + n, sizeof sql - n, ")");
	must(sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK, "prepare");
	double start = bench_now(), cpu = thread_cpu();
	for (int64_t i = 0; i < ROWS; i++) {
		struct record r;
		make_call(&r, i);
		end_call(&r);
		if (i % BATCH == 0)
			sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
		bind_row(s, &r);
		must(sqlite3_step(s) == SQLITE_DONE, "insert");
		sqlite3_reset(s);
		if (i % BATCH == BATCH - 1)
			must(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK, "commit");
	}
	double took = bench_now() - start;
	cpu = thread_cpu() - cpu;
	sqlite3_finalize(s);
	sqlite3_close(db);
	bench_cell(b, 0, "plain SQLite loop, %d rows a commit", BATCH);
	bench_cell(b, 1, "%.0f", ROWS / took);
	bench_cell(b, 2, "%.1f", cpu / ROWS * 1e6);
	bench_cell(b, 3, "-");
	bench_cell(b, 4, "%.0f%%", cpu / took * 100);
	bench_row(b);
	remove_files();
}

/* --- journal to ledger --------------------------------------------------------------------- */

struct gate {
	struct log log;
	struct journal *journal;
	struct writer *writer;
};

static void gate_open(struct gate *g)
{
	char path[128];
	struct error e = {0};
	log_init(&g->log, STDERR_FILENO, LOG_WARN, clock_real());
	path_of(path, "weir.journal");
	g->journal = journal_open(path, SLOTS, 1, &e);
	must(g->journal != NULL, e.text);
	path_of(path, "weir.db");
	g->writer = writer_start(g->journal, ops, slice_of(path), &g->log, &e);
	must(g->writer != NULL, e.text);
}

/* The writer's figures are read before it ends. */
static double gate_close(struct gate *g, unsigned long long rows)
{
	struct writer_stats s;
	do
		writer_stats_get(g->writer, &s);
	while (s.rows < rows && (sched_yield(), true));
	must(writer_stop(g->writer, 10000), "rows stayed behind");
	journal_close(g->journal);
	remove_files();
	return (double)s.cpu_us / 1e6;
}

static void one_call(struct gate *g, int64_t n)
{
	struct record r;
	journal_slot s;
	make_call(&r, n);
	while ((s = journal_begin(g->journal, 0, &r)) == 0)
		sched_yield();
	journal_left(g->journal, s);
	end_call(&r);
	journal_settle(g->journal, s, &r);
}

static void as_fast_as_it_goes(struct bench *b)
{
	struct gate g;
	gate_open(&g);
	double start = bench_now();
	for (int64_t i = 0; i < ROWS; i++)
		one_call(&g, i);
	double cpu = gate_close(&g, ROWS), took = bench_now() - start;
	bench_cell(b, 0, "journal to ledger, as fast as it goes");
	bench_cell(b, 1, "%.0f", ROWS / took);
	bench_cell(b, 2, "%.1f", cpu / ROWS * 1e6);
	bench_cell(b, 3, "-");
	bench_cell(b, 4, "%.0f%%", cpu / took * 100);
	bench_row(b);
}

static void steady(struct bench *b)
{
	struct gate g;
	struct journal_stats s;
	size_t most = 0, last = 0;
	gate_open(&g);
	double start = bench_now();
	for (int64_t i = 0; i < (int64_t)RATE * SECONDS; i++) {
		while (bench_now() - start < (double)i / RATE)
			sched_yield();
		one_call(&g, i);
		if (i % 100 == 0) {
			journal_stats_get(g.journal, &s);
			last = s.settled;
			most = last > most ? last : most;
		}
	}
	double took = bench_now() - start;
	double cpu = gate_close(&g, (unsigned long long)RATE * SECONDS);
	bench_cell(b, 0, "journal to ledger, %d calls/s for %d s", RATE, SECONDS);
	bench_cell(b, 1, "%.0f", RATE * SECONDS / took);
	bench_cell(b, 2, "%.1f", cpu / (RATE * SECONDS) * 1e6);
	bench_cell(b, 3, "%zu, at the end %zu", most, last);
	bench_cell(b, 4, "%.0f%%", cpu / took * 100);
	bench_row(b);
}

/* --- what the event loop pays -------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return x < y ? -1 : x > y;
}

static void percentiles(struct bench *b, const char *name, float *us, size_t n)
{
	static const double at[] = {0.5, 0.99, 0.999, 0.9999};
	qsort(us, n, sizeof *us, by_size);
	bench_cell(b, 0, "%s", name);
	for (size_t i = 0; i < sizeof at / sizeof at[0]; i++)
		bench_cell(b, i + 1, "%.2f", (double)us[(size_t)((double)(n - 1) * at[i])]);
	bench_cell(b, 5, "%.0f", (double)us[n - 1]);
	bench_row(b);
}

/* At the steady rate, with writer and sync threads at work. */
static void latency(struct bench *b)
{
	static float call[LATENCIES], progress[LATENCIES];
	struct gate g;
	size_t n = (size_t)RATE * SECONDS;
	gate_open(&g);
	double start = bench_now();
	for (size_t i = 0; i < n; i++) {
		struct record r;
		journal_slot s;
		while (bench_now() - start < (double)i / RATE)
			sched_yield();
		make_call(&r, (int64_t)i);
		double t0 = bench_now();
		while ((s = journal_begin(g.journal, 0, &r)) == 0)
			sched_yield();
		journal_left(g.journal, s);
		double t1 = bench_now();
		journal_progress(g.journal, s, &r.usage);
		double t2 = bench_now();
		end_call(&r);
		double t3 = bench_now();
		journal_settle(g.journal, s, &r);
		call[i] = (float)((bench_now() - t3 + t1 - t0) * 1e6);
		progress[i] = (float)((t2 - t1) * 1e6);
	}
	gate_close(&g, n);
	percentiles(b, "begin, left and settle of a call", call, n);
	percentiles(b, "progress, once an event", progress, n);
}

int main(void)
{
	struct bench b;
	slice rest;
	struct error e = {0};
	int status;
	snprintf(folder, sizeof folder, "%s/weir-bench-XXXXXX",
	         getenv("BENCH_TMP") ? getenv("BENCH_TMP") : "build");
	if (mkdtemp(folder) == NULL) {
		perror(folder);
		return 1;
	}
	ops = ledger_for(SLICE("sqlite:"), &rest, &e);
	bench_begin(&b, "ledger", "Calls booked, to the disk", "", "way", "calls/s", "writer us/call",
	            "longest queue", "writer CPU", (char *)NULL);
	plain_sqlite(&b);
	as_fast_as_it_goes(&b);
	steady(&b);
	status = bench_end(&b);
	bench_begin(&b, "journal", "What the journal costs the event loop, at 20,000 calls/s", "us", "step",
	            "p50", "p99", "p99.9", "p99.99", "max", (char *)NULL);
	latency(&b);
	status |= bench_end(&b);
	rmdir(folder);
	return status;
}
