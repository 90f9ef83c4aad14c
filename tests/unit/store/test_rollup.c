/* Reports from rollups against reports from rows, over random ledgers: whatever was written, by whom and
 * when, both tell the same. */
#include <signal.h>
#include <sys/wait.h>

#include "fixture.h"

#include "store/ledger_sqlite.h"

struct random {
	uint64_t seed;
};
static uint32_t below(struct random *r, uint32_t n)
{
	r->seed ^= r->seed << 13;
	r->seed ^= r->seed >> 7;
	r->seed ^= r->seed << 17;
	return (uint32_t)(r->seed * UINT64_C(2685821657736338717) >> 33) % n;
}

static bool chance(struct random *r, uint32_t percent)
{
	return below(r, 100) < percent;
}

static void must(int rc, const struct error *e)
{
	if (rc != 0)
		print_error("%s\n", e->text);
	assert_int_equal(rc, 0);
}

/* --- ledgers --------------------------------------------------------------------------------- */

#define ROWS_MAX 4000
#define DAYS     6
#define BEGIN_MS INT64_C(1792627200000) /* the clocks change on 2026-10-25 */
#define DAY_MS   INT64_C(86400000)

struct world {
	struct folder folder;
	const struct ledger_ops *ops;
	struct ledger *writer[2], *reader;
	struct random random;
	int64_t next;
	size_t unpriced_n;
	char unpriced[256][27]; /* rows without a price, to be corrected */
	char text[4][64];
};

static const char *const users[] = {"ana", "ben", "cho [x]", "d*e", "\xc3\xa9lo", "Ana", "", "ana"};
static const char *const repos[] = {"github.com/acme/a", "github.com/acme/b", "", "a,b"};
static const char *const models[] = {"claude-sonnet-4-5", "gpt-5", "", "gemini-2.5-pro"};
static const char *const tags[] = {"{\"ticket\":\"PAY-1\"}", "{\"ticket\":\"PAY-2\",\"n\":7}", "", "not json",
                                   "{\"n\":7}"};
#define ONE_OF(w, list) slice_of((list)[below(&(w)->random, sizeof(list) / sizeof *(list))])

static int64_t some_time(struct world *w)
{
	int64_t span = chance(&w->random, 5) ? 40 : DAYS;
	int64_t t = BEGIN_MS + (int64_t)below(&w->random, (uint32_t)(span * 96)) * 900000;
	return chance(&w->random, 20) ? t : t + below(&w->random, 900000);
}

static void random_usage(struct world *w, struct record *r)
{
	struct random *x = &w->random;
	for (int i = 0; i < METER_N; i++)
		if (chance(x, i < 6 ? 80 : 5))
			r->usage.m[i] = below(x, chance(x, 2) ? 1u << 31 : 5000);
	r->context_tokens = chance(x, 90) ? (int64_t)below(x, 200000) : RECORD_ABSENT;
	r->credits_nano = chance(x, 10) ? (int64_t)below(x, 1000) * 1000003 : RECORD_ABSENT;
	r->usage_source = chance(x, 90) ? SOURCE_REPORTED : chance(x, 50) ? SOURCE_HOLD : SOURCE_NONE;
	if (r->usage_source == SOURCE_HOLD)
		r->hold_tokens = chance(x, 80) ? (int64_t)below(x, 60000) : RECORD_ABSENT;
	r->priced = chance(x, 88);
	for (int i = 0; r->priced && i < COST_N; i++) {
		r->cost.part[i] = chance(x, 60) ? (int64_t)below(x, 1u << 30) : 0;
		r->cost.total += r->cost.part[i];
	}
	if (chance(x, 60))
		r->list_cost_nanousd = below(x, 1u << 30);
}

/* Most calls are like many others, so that there are lines of many cells. */
static void be_usual(struct world *w, struct record *r)
{
	struct record usual;
	sample_settled(&usual, 0);
	r->api = usual.api;
	r->who = usual.who;
	memcpy(r->text, usual.text, sizeof r->text);
	r->who.v[ATTR_USER] = chance(&w->random, 50) ? SLICE("ana") : SLICE("ben");
	r->attempt = 1;
	r->status = 200;
	r->ending = ENDING_COMPLETE;
	r->billing = BILLING_METERED;
	r->stream = true;
}

static void random_call(struct world *w, struct record *r)
{
	struct random *x = &w->random;
	record_init(r);
	snprintf(r->id, sizeof r->id, "01TEST%020lld", (long long)w->next++);
	r->time_ms = some_time(w);
	r->api = chance(x, 50) ? API_ANTHROPIC_MESSAGES : API_OPENAI_CHAT;
	r->who.v[ATTR_USER] = ONE_OF(w, users);
	r->who.v[ATTR_REPO] = ONE_OF(w, repos);
	r->who.v[ATTR_TAGS] = ONE_OF(w, tags);
	r->who.v[ATTR_TEAM] = chance(x, 70) ? SLICE("payments") : SLICE("");
	snprintf(w->text[0], sizeof w->text[0], "session-%u", below(x, 60));
	r->who.v[ATTR_SESSION] = chance(x, 85) ? slice_of(w->text[0]) : SLICE("");
	r->text[TEXT_SOURCE] = chance(x, 70) ? SLICE("gateway") : SLICE("import:codex");
	r->text[TEXT_MODEL_REQUESTED] = ONE_OF(w, models);
	r->text[TEXT_MODEL_SERVED] = ONE_OF(w, models);
	r->text[TEXT_STOP_REASON] = chance(x, 50) ? SLICE("tool_use") : SLICE("end_turn");
	r->turn = below(x, 50);
	r->attempt = chance(x, 10) ? 2 : chance(x, 90) ? 1 : RECORD_ABSENT;
	if (chance(x, 3))
		r->text[TEXT_RETRY_OF] = SLICE("01TEST00000000000000000000");
	r->status = chance(x, 80) ? 200 : chance(x, 50) ? 529 : RECORD_ABSENT;
	r->ending = chance(x, 80) ? ENDING_COMPLETE : (enum ending)below(x, ENDING_N);
	r->billing = chance(x, 75) ? BILLING_METERED : BILLING_SUBSCRIPTION;
	r->duration_ms = chance(x, 90) ? (int64_t)below(x, 90000) : RECORD_ABSENT;
	r->tool_calls = chance(x, 70) ? (int64_t)below(x, 4) : RECORD_ABSENT;
	r->stream = chance(x, 50);
	if (chance(x, 60))
		be_usual(w, r);
	random_usage(w, r);
	if (!r->priced && r->usage_source != SOURCE_NONE && w->unpriced_n < 256)
		memcpy(w->unpriced[w->unpriced_n++], r->id, sizeof r->id);
}

/* Of a row that has no price, or that is not there (yet). */
static void random_correction(struct world *w, struct record *r)
{
	random_call(w, r);
	usage_clear(&r->usage);
	r->text[TEXT_SOURCE] = SLICE("correction");
	r->duration_ms = r->context_tokens = r->tool_calls = r->credits_nano = RECORD_ABSENT;
	r->usage_source = SOURCE_REPORTED;
	r->priced = true;
	r->cost.part[COST_OTHER] = r->cost.total = (int64_t)below(&w->random, 1000000) - 500000;
	snprintf(w->text[1], sizeof w->text[1], "01TEST%020lld", (long long)w->next + below(&w->random, 40));
	if (w->unpriced_n && chance(&w->random, 90))
		r->text[TEXT_CORRECTS] = slice_of(w->unpriced[below(&w->random, (uint32_t)w->unpriced_n)]);
	else
		r->text[TEXT_CORRECTS] = slice_of(w->text[1]);
}

static void write_some(struct world *w, uint32_t most)
{
	struct ledger *l = w->writer[below(&w->random, 2)];
	struct error e = {0};
	size_t unpriced = w->unpriced_n;
	must(w->ops->begin(l, &e), &e);
	for (uint32_t n = 1 + below(&w->random, most); n > 0; n--) {
		struct record r;
		if (chance(&w->random, 8))
			random_correction(w, &r);
		else
			random_call(w, &r);
		must(w->ops->add(l, &r, &e), &e);
		if (chance(&w->random, 2)) /* told a second time */
			must(w->ops->add(l, &r, &e), &e);
	}
	if (chance(&w->random, 10)) {
		w->unpriced_n = unpriced;
		w->ops->rollback(l);
	} else {
		must(w->ops->commit(l, &e), &e);
	}
}

static void world_open(struct world *w, uint64_t seed, int64_t tail)
{
	struct error e = {0};
	slice rest;
	memset(w, 0, sizeof *w);
	folder_make(&w->folder);
	w->random.seed = seed;
	w->ops = ledger_for(SLICE("sqlite:"), &rest, &e);
	const char *path = folder_file(&w->folder, "weir.db");
	for (int i = 0; i < 2; i++) {
		must(w->ops->open(path, true, &w->writer[i], &e), &e);
		must(ledger_exec(w->writer[i], "PRAGMA synchronous=OFF", &e), &e);
		w->writer[i]->tail_rows = tail;
	}
	must(w->ops->open(path, false, &w->reader, &e), &e);
}

static void world_close(struct world *w)
{
	w->ops->close(w->reader);
	w->ops->close(w->writer[0]);
	w->ops->close(w->writer[1]);
	folder_remove(&w->folder);
}

/* --- answers --------------------------------------------------------------------------------- */

#define GROUPS_MAX 20000

struct answer_kept {
	size_t n;
	struct group_kept {
		char bucket[40], key[3][64];
		int64_t bucket_ms;
		struct ledger_measures m;
	} * groups;
	struct ledger_measures total;
};

static void keep_text(char *out, size_t cap, slice s)
{
	snprintf(out, cap, "%s" SLICE_FMT, s.p ? "=" : "null", SLICE_ARG(s));
}

static int on_group(void *arg, const struct ledger_group *g)
{
	struct answer_kept *a = arg;
	assert_true(a->n < GROUPS_MAX);
	struct group_kept *k = &a->groups[a->n++];
	memset(k, 0, sizeof *k);
	keep_text(k->bucket, sizeof k->bucket, g->bucket);
	for (int i = 0; i < 3; i++)
		keep_text(k->key[i], sizeof k->key[i], g->key[i]);
	k->bucket_ms = g->bucket_ms;
	k->m = g->m;
	return 0;
}

static void show(const char *what, const struct group_kept *g)
{
	print_error(
	    "%s: %s %s %s %s: calls %lld refused %lld sessions %lld days %lld unpriced %lld cost %lld\n",
	    what, g->bucket, g->key[0], g->key[1], g->key[2], (long long)g->m.calls, (long long)g->m.refused,
	    (long long)g->m.sessions, (long long)g->m.active_days, (long long)g->m.unpriced,
	    (long long)g->m.cost_nanousd);
}

static void ask(struct world *w, const struct ledger_query *q, bool rows, struct answer_kept *out)
{
	struct error e = {0};
	out->n = 0;
	memset(&out->total, 0, sizeof out->total);
	w->reader->by_rows = rows;
	must(w->ops->report(w->reader, q, on_group, out, &out->total, &e), &e);
}

static void describe(const struct ledger_query *q)
{
	print_error("per %d of " SLICE_FMT " from %lld to %lld by", (int)q->per, SLICE_ARG(q->timezone),
	            (long long)q->since_ms, (long long)q->until_ms);
	for (size_t i = 0; i < q->by_n; i++)
		print_error(" " SLICE_FMT, SLICE_ARG(q->by[i]));
	for (size_t i = 0; i < q->filters_n; i++)
		print_error(" where " SLICE_FMT "%s" SLICE_FMT, SLICE_ARG(q->filters[i].column),
		            q->filters[i].exact ? "==" : "=", SLICE_ARG(q->filters[i].value));
	print_error("\n");
}

/* Whether it was told by rollups. */
static bool same_both_ways(struct world *w, const struct ledger_query *q)
{
	static struct answer_kept a, b;
	if (a.groups == NULL) {
		a.groups = calloc(GROUPS_MAX, sizeof *a.groups);
		b.groups = calloc(GROUPS_MAX, sizeof *b.groups);
	}
	assert_true(a.groups && b.groups);
	ask(w, q, true, &a);
	ask(w, q, false, &b);
	bool same = a.n == b.n && memcmp(&a.total, &b.total, sizeof a.total) == 0;
	for (size_t i = 0; same && i < a.n; i++)
		if (memcmp(&a.groups[i], &b.groups[i], sizeof a.groups[i]) != 0) {
			show("rows", &a.groups[i]);
			show("rollups", &b.groups[i]);
			same = false;
		}
	if (!same) {
		describe(q);
		print_error("%zu and %zu groups; calls %lld and %lld\n", a.n, b.n, (long long)a.total.calls,
		            (long long)b.total.calls);
	}
	assert_true(same);
	return w->reader->by_rollup;
}

/* --- questions ------------------------------------------------------------------------------- */

static const char *const by[] = {"user",        "team",    "repo",   "model",      "model_served",
                                 "session",     "status",  "stream", "ending",     "billing",
                                 "tags.ticket", "tags.n",  "tags",   "source",     "provider",
                                 "api",         "attempt", "turn",   "stop_reason"};
static const char *const zones[] = {"",
                                    "UTC",
                                    "Europe/Berlin",
                                    "America/New_York",
                                    "Asia/Kolkata",
                                    "Asia/Kathmandu",
                                    "Pacific/Auckland",
                                    "Australia/Lord_Howe"};
static const struct {
	const char *column, *value;
	bool exact;
} filters[] = {{"user", "ana", true},
               {"user", "ana,ben", false},
               {"user", "!ana", false},
               {"user", "", false},
               {"user", "!", false},
               {"user", "?na,*lo", false},
               {"user", "cho [x*", false},
               {"user", "d*e", true},
               {"status", ">=500", false},
               {"status", "!200", false},
               {"status", "200", true},
               {"stream", "true", false},
               {"model", "claude*", false},
               {"model", "!gpt-5,", false},
               {"tags.ticket", "PAY-1", false},
               {"tags.n", "7", false},
               {"tags.ticket", "!PAY-1", false},
               {"session", "session-7", true},
               {"source", "import:*", false},
               {"ending", "!refused", false},
               {"turn", ">10", false},
               {"repo", "a,b", true},
               {"output_tokens", ">100", false},
               {"attempt", "2,", false}};

static int64_t some_bound(struct world *w)
{
	int64_t t = some_time(w);
	return chance(&w->random, 40) ? t - t % 3600000 : t;
}

static void random_question(struct world *w, struct ledger_query *q)
{
	struct random *x = &w->random;
	memset(q, 0, sizeof *q);
	q->by_n = below(x, 4);
	for (size_t i = 0; i < q->by_n; i++)
		q->by[i] = slice_of(by[below(x, chance(x, 90) ? 17 : 19)]);
	q->per = (enum ledger_per)below(x, 5);
	q->timezone = ONE_OF(w, zones);
	if (chance(x, 80))
		q->since_ms = some_bound(w);
	if (chance(x, 60))
		q->until_ms = q->since_ms && chance(x, 30) ? q->since_ms + below(x, 4000000) : some_bound(w);
	q->filters_n = chance(x, 50) ? 0 : 1 + below(x, 2);
	for (size_t i = 0; i < q->filters_n; i++) {
		size_t f = below(x, sizeof filters / sizeof *filters);
		q->filters[i] = (struct ledger_filter){slice_of(filters[f].column),
		                                       slice_of(filters[f].value), filters[f].exact};
	}
}

/* --- tests ----------------------------------------------------------------------------------- */

static void one_world(uint64_t seed, int64_t tail, int64_t rows)
{
	struct world w;
	int rolled = 0, asked = 0;
	world_open(&w, seed, tail);
	while (w.next < rows) {
		write_some(&w, 120);
		for (int i = 0; i < 2; i++, asked++) {
			struct ledger_query q;
			random_question(&w, &q);
			rolled += same_both_ways(&w, &q);
		}
	}
	assert_true(rolled * 2 > asked);
	world_close(&w);
}

static void test_random(void **state)
{
	int worlds = *(int *)*state;
	bool soak = worlds > 3;
	for (uint64_t seed = 1; seed <= (uint64_t)worlds; seed++)
		one_world(seed * 7919, seed % 3 == 0 ? 1 : seed % 3 == 1 ? 20 : 300, soak ? ROWS_MAX : 1500);
}

/* --- rows as sums ---------------------------------------------------------------------------- */

#define SUMS_MAX 4096

struct summing {
	size_t n;
	int64_t cells;
	struct sum_kept {
		char key[200];
		int64_t rows, usd, tokens, credits;
	} sum[SUMS_MAX];
};

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct sum_kept *)a)->key, ((const struct sum_kept *)b)->key);
}

/* What a budget of a day and user would count. */
static void add_to(struct summing *s, const struct record *r, int64_t rows)
{
	char key[200] = {0};
	size_t i = 0;
	int64_t tokens = 0;
	snprintf(key, sizeof key, "%lld|" SLICE_FMT "|" SLICE_FMT "|" SLICE_FMT "|%d|%d|%d",
	         (long long)((r->time_ms - 19800000) / DAY_MS), SLICE_ARG(r->who.v[ATTR_USER]),
	         SLICE_ARG(r->who.v[ATTR_TAGS]), SLICE_ARG(r->text[TEXT_SOURCE]), (int)r->ending,
	         (int)r->billing, (int)r->attempt);
	while (i < s->n && strcmp(s->sum[i].key, key) != 0)
		i++;
	assert_true(i < SUMS_MAX);
	if (i == s->n)
		memcpy(s->sum[s->n++].key, key, sizeof key);
	for (int m = 0; m <= METER_OUTPUT_IMAGE; m++)
		if (m != METER_REASONING && r->usage.m[m] > 0)
			tokens += r->usage.m[m];
	if (r->usage_source == SOURCE_HOLD && r->hold_tokens > tokens)
		tokens = r->hold_tokens;
	s->cells++;
	s->sum[i].rows += rows;
	s->sum[i].tokens += tokens;
	if (r->priced && r->billing == BILLING_METERED && r->cost.total > 0)
		s->sum[i].usd += r->cost.total;
	if (r->credits_nano > 0)
		s->sum[i].credits += r->credits_nano;
}

static int on_sum_cell(void *arg, const struct record *r, int64_t rows, int64_t to_ms)
{
	assert_true(rows > 0 && to_ms > r->time_ms && to_ms - r->time_ms <= 900000);
	add_to(arg, r, rows);
	return 0;
}

static int on_sum_row(void *arg, const struct record *r)
{
	return on_sum_cell(arg, r, 1, r->time_ms + 1);
}

static void same_sums(struct world *w, int64_t since_ms)
{
	static struct summing a, b;
	struct ledger_query q = {.since_ms = since_ms};
	struct error e = {0};
	static const char *const names[] = {"time_ms",     "user",         "tags",        "source",
	                                    "ending",      "billing",      "attempt",     "usage_source",
	                                    "hold_tokens", "cost_nanousd", "credits_nano"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		q.only[q.only_n++] = names[i];
	for (int m = 0; m < METER_N; m++)
		q.only[q.only_n++] = meter_name((enum meter)m);
	memset(&a, 0, sizeof a);
	memset(&b, 0, sizeof b);
	w->reader->by_rows = false;
	must(w->ops->rows(w->reader, &q, on_sum_row, &a, &e), &e);
	must(w->ops->cells(w->reader, &q, on_sum_cell, &b, &e), &e);
	qsort(a.sum, a.n, sizeof *a.sum, by_key);
	qsort(b.sum, b.n, sizeof *b.sum, by_key);
	assert_int_equal(a.n, b.n);
	for (size_t i = 0; i < a.n; i++)
		assert_memory_equal(&a.sum[i], &b.sum[i], sizeof a.sum[i]);
	assert_true(b.cells <= a.cells);
	q.only[q.only_n++] = "turn";
	assert_int_equal(w->ops->cells(w->reader, &q, on_sum_cell, &b, &e), LEDGER_NO_CELLS);
}

static void test_sums(void **state)
{
	struct world w;
	(void)state;
	world_open(&w, 2718, 30);
	while (w.next < 3000) {
		write_some(&w, 200);
		same_sums(&w, chance(&w.random, 30) ? 0 : some_time(&w));
	}
	world_close(&w);
}

static void ask_some(struct world *w, int n, int *rolled)
{
	*rolled = 0;
	for (int i = 0; i < n; i++) {
		struct ledger_query q;
		random_question(w, &q);
		*rolled += same_both_ways(w, &q);
	}
}

static void take_all_in(struct world *w, int questions)
{
	bool more = true;
	struct error e = {0};
	int rolled;
	w->writer[0]->tail_rows = 1;
	while (more) {
		must(w->ops->tidy(w->writer[0], &more, &e), &e);
		ask_some(w, questions, &rolled);
	}
}

static int64_t number(struct world *w, const char *sql)
{
	int64_t n = 0;
	struct error e = {0};
	must(ledger_number(w->writer[0], sql, &n, &e), &e);
	return n;
}

/* A ledger from before: its rows are taken in a step at a time, and reports are right between two of them. */
static void test_older_ledger(void **state)
{
	struct world w;
	(void)state;
	world_open(&w, 4711, INT64_C(1) << 30);
	while (w.next < 9000)
		write_some(&w, 400);
	assert_int_equal(number(&w, "SELECT count(*)FROM rollup_segments"), 0);
	take_all_in(&w, 8);
	assert_true(number(&w, "SELECT row FROM rollup_mark") > 8000);
	assert_int_equal(number(&w, "SELECT sum(rows)FROM rollup_segments"),
	                 number(&w, "SELECT count(*)FROM calls"));
	world_close(&w);
}

/* Rows are changed, deleted, numbered anew: reports take their days from the rows until these are summed
 * again. */
static void test_rows_changed(void **state)
{
	static const char *const changes[] = {
	    "UPDATE calls SET cost_nanousd=cost_nanousd+1,\"user\"='zoe' WHERE rowid%7=0",
	    "DELETE FROM calls WHERE rowid%5=0",
	    "DELETE FROM calls WHERE corrects IS NOT NULL AND rowid%2",
	    "UPDATE calls SET corrects=NULL WHERE corrects IS NOT NULL AND rowid%3=0",
	    "UPDATE calls SET time_ms=time_ms+50000000 WHERE rowid%11=0",
	    "DELETE FROM calls WHERE rowid>=(SELECT row FROM rollup_mark)",
	    "DELETE FROM calls WHERE rowid>=(SELECT row-5 FROM rollup_mark)",
	    "DELETE FROM calls WHERE rowid=(SELECT max(rowid)FROM calls)",
	    "DELETE FROM calls",
	};
	struct world w;
	struct error e = {0};
	int rolled;
	(void)state;
	world_open(&w, 815, 20);
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		for (int64_t to = w.next + 600; w.next < to;)
			write_some(&w, 80);
		must(ledger_exec(w.writer[0], changes[i], &e), &e);
		ask_some(&w, 10, &rolled);
		assert_true(rolled > 3);
		must(ledger_exec(w.writer[0], "VACUUM", &e), &e);
		for (int64_t to = w.next + 30; w.next < to;)
			write_some(&w, 10);
		ask_some(&w, 10, &rolled);
		take_all_in(&w, 10);
		assert_int_equal(number(&w, "SELECT count(*)FROM rollup_dirty"), 0);
		must(ledger_exec(w.writer[0], "VACUUM", &e), &e);
		ask_some(&w, 20, &rolled);
		assert_true(rolled > 10);
	}
	world_close(&w);
}

static void keep_answer(struct world *w, const struct ledger_query *q, struct answer_kept *out)
{
	out->groups = calloc(GROUPS_MAX, sizeof *out->groups);
	assert_non_null(out->groups);
	ask(w, q, false, out);
}

/* Old rows go, what their sums tell stays; what needs them is an error; they do not come again. */
static void test_retention(void **state)
{
	struct world w;
	struct error e = {0};
	struct answer_kept before[3], after;
	struct ledger_query q[3];
	struct record r;
	bool more = true;
	int64_t border = BEGIN_MS + 3 * DAY_MS;
	(void)state;
	world_open(&w, 60, 20);
	while (w.next < 3500)
		write_some(&w, 200);
	take_all_in(&w, 1);
	for (int i = 0; i < 3; i++) {
		memset(&q[i], 0, sizeof q[i]);
		q[i].by[0] = SLICE("user");
		q[i].by[1] = SLICE("model");
		q[i].by_n = 2;
		q[i].per = i == 1 ? PER_DAY : PER_NONE;
		q[i].timezone = slice_of(zones[i + 1]);
		q[i].since_ms = i == 2 ? BEGIN_MS + 4500000 : 0;
		keep_answer(&w, &q[i], &before[i]);
	}
	assert_true(number(&w, "SELECT count(*)FROM calls WHERE time_ms<1792886400000") > 500);
	for (int steps = 0; more; steps++) {
		assert_true(steps < 20);
		must(w.ops->trim(w.writer[0], border + 3600000, 0, &more, &e), &e);
	}
	/* But for the mark's own row, whose number no other may get. */
	assert_int_equal(number(&w,
	                        "SELECT count(*)FROM calls WHERE time_ms<1792886400000 AND rowid<>(SELECT "
	                        "row FROM rollup_mark)"),
	                 0);
	for (int i = 0; i < 3; i++) {
		keep_answer(&w, &q[i], &after);
		assert_int_equal(after.n, before[i].n);
		assert_memory_equal(after.groups, before[i].groups, after.n * sizeof *after.groups);
		assert_memory_equal(&after.total, &before[i].total, sizeof after.total);
		free(after.groups);
		free(before[i].groups);
	}
	q[0].by[0] = SLICE("turn");
	assert_int_equal(w.ops->report(w.reader, &q[0], NULL, NULL, NULL, &e), ERR_NOT_FOUND);
	random_call(&w, &r);
	r.time_ms = border - 1;
	must(w.ops->begin(w.writer[0], &e), &e);
	must(w.ops->add(w.writer[0], &r, &e), &e);
	assert_false(w.ops->added(w.writer[0]));
	must(w.ops->commit(w.writer[0], &e), &e);
	must(ledger_exec(w.writer[0], "UPDATE calls SET team='x' WHERE rowid%3=0", &e), &e);
	take_all_in(&w, 0);
	must(w.ops->trim(w.writer[0], border, border, &more, &e), &e);
	assert_int_equal(number(&w, "SELECT count(*)FROM rollup_segments WHERE day<20751"), 0);
	assert_int_equal(number(&w, "SELECT sum(rows)FROM rollup_segments"),
	                 number(&w, "SELECT count(*)FROM calls WHERE time_ms>=1792886400000 AND "
	                            "rowid<=(SELECT row FROM rollup_mark)"));
	world_close(&w);
}

static void write_until_killed(const char *path, int pipe_fd, int64_t first)
{
	struct world w = {.random = {(uint64_t)first}};
	struct error e = {0};
	slice rest;
	w.ops = ledger_for(SLICE("sqlite:"), &rest, &e);
	if (w.ops->open(path, true, &w.writer[0], &e) != 0)
		_exit(1);
	w.writer[1] = w.writer[0];
	w.writer[0]->tail_rows = 10;
	w.next = first;
	for (;;) {
		write_some(&w, 60);
		if (write(pipe_fd, ".", 1) != 1)
			_exit(1);
	}
}

static void test_kill(void **state)
{
	struct world w;
	int ends[2], rolled, status;
	char dots[64];
	(void)state;
	world_open(&w, 333, 15);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pipe(ends), 0);
		pid_t child = fork();
		if (child == 0)
			write_until_killed(folder_file(&w.folder, "weir.db"), ends[1], (i + 1) * 1000000);
		close(ends[1]);
		for (ssize_t n, seen = 0; seen < 5 + i * 7 && (n = read(ends[0], dots, sizeof dots)) > 0;)
			seen += n;
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		close(ends[0]);
		ask_some(&w, 20, &rolled);
		assert_true(rolled > 10);
		write_some(&w, 60);
		ask_some(&w, 10, &rolled);
	}
	world_close(&w);
}

/* The argument is how many random ledgers there are. */
int main(int argc, char **argv)
{
	long long n;
	int worlds = argc > 1 && slice_to_i64(slice_of(argv[1]), &n) && n > 0 && n < 100000 ? (int)n : 3;
	void *state = &worlds;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_prestate(test_random, state),
	    cmocka_unit_test(test_sums),
	    cmocka_unit_test(test_older_ledger),
	    cmocka_unit_test(test_rows_changed),
	    cmocka_unit_test(test_retention),
	    cmocka_unit_test(test_kill),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
