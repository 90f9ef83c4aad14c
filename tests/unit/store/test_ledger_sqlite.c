#include <sqlite3.h>

#include "fixture.h"
#include "store/ledger.h"

static const struct ledger_ops *sqlite(void)
{
	slice rest;
	const struct ledger_ops *ops = ledger_for(SLICE("sqlite:x"), &rest, NULL);
	assert_non_null(ops);
	return ops;
}

static struct ledger *opened(struct folder *f, bool writable)
{
	struct error e = {0};
	struct ledger *l = NULL;
	if (sqlite()->open(folder_file(f, "weir.db"), writable, &l, &e) != 0)
		print_error("%s\n", e.text);
	assert_non_null(l);
	return l;
}

static void add_all(struct ledger *l, const struct record *r, size_t n)
{
	struct error e = {0};
	assert_int_equal(sqlite()->begin(l, &e), 0);
	for (size_t i = 0; i < n; i++)
		if (sqlite()->add(l, &r[i], &e) != 0)
			fail_msg("%s", e.text);
	assert_int_equal(sqlite()->commit(l, &e), 0);
}

static int count_row(void *arg, const struct record *r)
{
	++*(int *)arg;
	(void)r;
	return 0;
}

static int rows_of(struct ledger *l)
{
	struct ledger_query q = {0};
	struct error e = {0};
	int n = 0;
	assert_int_equal(sqlite()->rows(l, &q, count_row, &n, &e), 0);
	return n;
}

static int expect_row(void *arg, const struct record *r)
{
	assert_record_equal(arg, r);
	return 0;
}

static void a_row_comes_back_as_it_went_in(void **state)
{
	struct folder f;
	struct record r;
	struct error e = {0};
	struct ledger_query q = {0};
	folder_make(&f);
	struct ledger *l = opened(&f, true);
	sample_settled(&r, 1);
	add_all(l, &r, 1);
	assert_int_equal(sqlite()->rows(l, &q, expect_row, &r, &e), 0);
	assert_int_equal(rows_of(l), 1);
	sqlite()->close(l);
	folder_remove(&f);
	(void)state;
}

static void an_id_is_taken_once(void **state)
{
	struct folder f;
	struct record r[3];
	folder_make(&f);
	struct ledger *l = opened(&f, true);
	for (int i = 0; i < 3; i++)
		sample_settled(&r[i], i);
	add_all(l, r, 2);
	add_all(l, r, 3);
	assert_int_equal(rows_of(l), 3);
	sqlite()->close(l);
	folder_remove(&f);
	(void)state;
}

static void what_was_rolled_back_is_not_there(void **state)
{
	struct folder f;
	struct record r;
	struct error e = {0};
	folder_make(&f);
	struct ledger *l = opened(&f, true);
	sample_settled(&r, 1);
	assert_int_equal(sqlite()->begin(l, &e), 0);
	assert_int_equal(sqlite()->add(l, &r, &e), 0);
	sqlite()->rollback(l);
	assert_int_equal(rows_of(l), 0);
	add_all(l, &r, 1);
	assert_int_equal(rows_of(l), 1);
	sqlite()->close(l);
	folder_remove(&f);
	(void)state;
}

/* --- questions ------------------------------------------------------------------------------- */

struct groups {
	int n;
	char text[8][128];
	struct ledger_measures m[8];
};

static int note_group(void *arg, const struct ledger_group *g)
{
	struct groups *to = arg;
	assert_true(to->n < 8);
	snprintf(to->text[to->n], sizeof to->text[0], SLICE_FMT "|" SLICE_FMT "|" SLICE_FMT,
	         SLICE_ARG(g->bucket), SLICE_ARG(g->key[0]), SLICE_ARG(g->key[1]));
	to->m[to->n++] = g->m;
	return 0;
}

static void groups_and_totals(void **state)
{
	struct folder f;
	struct record r[5];
	struct error e = {0};
	struct groups g = {0};
	struct ledger_measures total;
	folder_make(&f);
	struct ledger *l = opened(&f, true);
	for (int i = 0; i < 5; i++)
		sample_settled(&r[i], i);
	r[1].who.v[ATTR_USER] = SLICE("bo@example.com");
	r[2].who.v[ATTR_USER] = SLICE_NONE;
	r[2].cost.total = 1;
	r[3].ending = ENDING_REFUSED;
	r[3].priced = false;
	r[3].usage_source = SOURCE_NONE;
	r[4].billing = BILLING_SUBSCRIPTION;
	r[4].attempt = 2;
	add_all(l, r, 5);
	struct ledger_query q = {.by_n = 1, .by = {SLICE("user")}};
	if (sqlite()->report(l, &q, note_group, &g, &total, &e) != 0)
		fail_msg("%s", e.text);
	assert_int_equal(g.n, 3);
	assert_string_equal(g.text[0], "|ana@example.com|");
	assert_string_equal(g.text[1], "|bo@example.com|");
	assert_string_equal(g.text[2], "||");
	assert_int_equal(g.m[0].calls, 2);
	assert_int_equal(g.m[0].refused, 1);
	assert_int_equal(g.m[0].retries, 1);
	assert_int_equal(g.m[0].cost_nanousd, 23961000);
	assert_int_equal(g.m[0].subscription_nanousd, 23961000);
	assert_int_equal(total.calls, 4);
	assert_int_equal(total.cost_nanousd, 2 * 23961000 + 1);
	assert_int_equal(total.sessions, 1);
	assert_int_equal(total.active_days, 3);
	assert_int_equal(total.meters[METER_CACHE_READ], 5 * 40000);
	assert_int_equal(total.meters[METER_REASONING], TOKENS_ABSENT);
	sqlite()->close(l);
	folder_remove(&f);
	(void)state;
}

static void keys_are_kept_and_counted(void **state)
{
	struct folder f;
	struct error e = {0};
	struct ledger_key k = {
	    .id = SLICE("k1"), .user = SLICE("ana"), .role = ROLE_DEVELOPER, .created_ms = 5};
	int64_t before, after;
	folder_make(&f);
	struct ledger *l = opened(&f, true);
	assert_int_equal(sqlite()->keys_version(l, &before, &e), 0);
	assert_int_equal(sqlite()->key_add(l, &k, &e), 0);
	assert_int_equal(sqlite()->keys_version(l, &after, &e), 0);
	assert_true(after > before);
	assert_int_equal(sqlite()->key_revoke(l, SLICE("k1"), 9, &e), 0);
	assert_int_equal(sqlite()->key_revoke(l, SLICE("k2"), 9, &e), ERR_NOT_FOUND);
	sqlite()->close(l);
	folder_remove(&f);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_row_comes_back_as_it_went_in),    cmocka_unit_test(an_id_is_taken_once),
	    cmocka_unit_test(what_was_rolled_back_is_not_there), cmocka_unit_test(groups_and_totals),
	    cmocka_unit_test(keys_are_kept_and_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
