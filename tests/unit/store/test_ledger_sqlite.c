#include <sqlite3.h>
#include <sys/stat.h>

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

/* --- filters and calendars -------------------------------------------------------------------- */

static int64_t calls_where(struct ledger *l, const char *column, const char *value)
{
	struct ledger_query q = {.filters_n = 1, .filters = {{slice_of(column), slice_of(value)}}};
	struct ledger_measures total;
	struct error e = {0};
	struct groups g = {0};
	if (sqlite()->report(l, &q, note_group, &g, &total, &e) != 0)
		fail_msg("%s=%s: %s", column, value, e.text);
	return total.calls;
}

static void filters_mean_what_they_say(void **state)
{
	/* five calls: users ana, bo, unknown, "a[1]*", "Ana"; statuses 200, 200, 429, 500, unknown */
	static const struct {
		const char *column, *value;
		int calls;
	} cases[] = {
	    {"user", "ana", 1},
	    {"user", "ana,bo", 2},
	    {"user", "a*", 2},
	    {"user", "*", 4},
	    {"user", "?o", 1},
	    {"user", "a[1]*", 1},
	    {"user", "a[1]?", 1},
	    {"user", "[ab]*", 0},
	    {"user", "", 1},
	    {"user", "!", 4},
	    {"user", "!ana", 4},
	    {"user", "!ana,bo", 3},
	    {"user", "ana,", 2},
	    {"user", "' OR 1=1 --", 0},
	    {"status", "200", 2},
	    {"status", "200,429", 3},
	    {"status", ">200", 2},
	    {"status", ">=200", 4},
	    {"status", "<500", 3},
	    {"status", "<=500", 4},
	    {"status", "!200", 3},
	    {"status", "", 1},
	    {"stream", "true", 5},
	    {"stream", "false", 0},
	    {"api", "anthropic.*", 5},
	    {"model", "claude-*", 5},
	    {"model", "other", 0},
	    {"tags.ticket", "PAY-17", 4},
	    {"tags.ticket", "", 1},
	    {"tags.n", "3", 1},
	    {"tags.no", "x", 0},
	    {"cost_nanousd", ">23961000", 0},
	    {"cost_nanousd", ">=23961000", 5},
	};
	static const char *const users[] = {"ana", "bo", "", "a[1]*", "Ana"};
	static const int64_t statuses[] = {200, 200, 429, 500, RECORD_ABSENT};
	struct folder f;
	struct record r[5];
	folder_make(&f);
	struct ledger *l = opened(&f, true);
	for (int i = 0; i < 5; i++) {
		sample_settled(&r[i], i);
		r[i].who.v[ATTR_USER] = slice_of(users[i]);
		r[i].status = statuses[i];
	}
	r[4].who.v[ATTR_TAGS] = SLICE("{\"n\":3}");
	add_all(l, r, 5);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t calls = calls_where(l, cases[i].column, cases[i].value);
		if (calls != cases[i].calls)
			fail_msg("%s=%s: %lld calls, not %d", cases[i].column, cases[i].value,
			         (long long)calls, cases[i].calls);
	}
	sqlite()->close(l);
	folder_remove(&f);
	(void)state;
}

static void wrong_questions_are_answered_with_an_error(void **state)
{
	static const struct {
		const char *by, *column, *value, *zone;
		int code;
	} cases[] = {
	    {"nobody", "", "", "", ERR_NOT_FOUND},
	    {"cost_nanousd", "", "", "", ERR_NOT_FOUND},
	    {"user\" FROM keys --", "", "", "", ERR_NOT_FOUND},
	    {"user", "nothing", "x", "", ERR_NOT_FOUND},
	    {"user", "status", "many", "", ERR_INVALID},
	    {"user", "status", ">", "", ERR_INVALID},
	    {"user", "", "", "Europe/Nowhere", ERR_NOT_FOUND},
	};
	struct folder f;
	folder_make(&f);
	struct ledger *l = opened(&f, true);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ledger_query q = {.by_n = 1,
		                         .by = {slice_of(cases[i].by)},
		                         .timezone = slice_of(cases[i].zone),
		                         .filters_n = cases[i].column[0] != '\0',
		                         .filters = {{slice_of(cases[i].column), slice_of(cases[i].value)}}};
		struct groups g = {0};
		struct error e = {0};
		int rc = sqlite()->report(l, &q, note_group, &g, NULL, &e);
		if (rc != cases[i].code || e.text[0] == '\0')
			fail_msg("by %s where %s=%s: %d %s", cases[i].by, cases[i].column, cases[i].value, rc,
			         e.text);
	}
	assert_int_equal(rows_of(l), 0); /* and it goes on answering */
	sqlite()->close(l);
	folder_remove(&f);
	(void)state;
}

/* 2026-10-25 in Berlin has 25 hours; calls before, in and after the hour that comes twice, and in the next
 * day. */
static void calendars_follow_the_time_zone(void **state)
{
	static const int64_t times[] = {
	    INT64_C(1792879200000), /* 2026-10-24T22:00Z: midnight in Berlin */
	    INT64_C(1792886400000), /* 00:00Z: 02:00+02:00 */
	    INT64_C(1792890000000), /* 01:00Z: 02:00+01:00 */
	    INT64_C(1792969199999), /* 22:59:59.999Z: the day's last millisecond */
	    INT64_C(1792969200000), /* 23:00Z: the next midnight */
	};
	static const struct {
		enum ledger_per per;
		const char *zone, *expected;
	} cases[] = {
	    {PER_DAY, "Europe/Berlin", "2026-10-25:4 2026-10-26:1 "},
	    {PER_DAY, "", "2026-10-24:1 2026-10-25:4 "},
	    {PER_HOUR, "Europe/Berlin",
	     "2026-10-25T00:00:1 2026-10-25T02:00+02:00:1 2026-10-25T02:00+01:00:1 2026-10-25T23:00:1 "
	     "2026-10-26T00:00:1 "},
	    {PER_WEEK, "Europe/Berlin", "2026-W43:4 2026-W44:1 "},
	    {PER_WEEK, "America/New_York", "2026-W43:5 "},
	    {PER_MONTH, "Europe/Berlin", "2026-10:5 "},
	};
	struct folder f;
	struct record r[5];
	folder_make(&f);
	struct ledger *l = opened(&f, true);
	for (int i = 0; i < 5; i++) {
		sample_settled(&r[i], i);
		r[i].time_ms = times[i];
	}
	add_all(l, r, 5);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ledger_query q = {.per = cases[i].per, .timezone = slice_of(cases[i].zone)};
		struct ledger_measures total;
		struct error e = {0};
		struct groups g = {0};
		char text[512] = "";
		size_t n = 0;
		if (sqlite()->report(l, &q, note_group, &g, &total, &e) != 0)
			fail_msg("%s", e.text);
		for (int k = 0; k < g.n; k++)
			n += (size_t)snprintf(text + n, sizeof text - n, "%.*s:%lld ",
			                      (int)strcspn(g.text[k], "|"), g.text[k],
			                      (long long)g.m[k].calls);
		assert_string_equal(text, cases[i].expected);
		assert_int_equal(total.active_days, 2);
	}
	/* since is in, until is not */
	struct ledger_query q = {.since_ms = times[1], .until_ms = times[3]};
	struct ledger_measures total;
	struct groups g = {0};
	assert_int_equal(sqlite()->report(l, &q, note_group, &g, &total, NULL), 0);
	assert_int_equal(total.calls, 2);
	sqlite()->close(l);
	folder_remove(&f);
	(void)state;
}

static void unknown_is_not_nothing(void **state)
{
	struct folder f;
	struct record r[3];
	struct error e = {0};
	struct groups g = {0};
	struct ledger_measures total;
	folder_make(&f);
	struct ledger *l = opened(&f, true);
	for (int i = 0; i < 3; i++) {
		sample_settled(&r[i], i);
		r[i].text[TEXT_PROVIDER] = i == 0 ? SLICE("a") : i == 1 ? SLICE("b") : SLICE("c");
		memset(&r[i].usage, 0xff, sizeof r[i].usage); /* TOKENS_ABSENT */
		r[i].tool_calls = r[i].duration_ms = RECORD_ABSENT;
		r[i].priced = false;
		r[i].list_cost_nanousd = RECORD_ABSENT;
	}
	r[1].usage_source = SOURCE_NONE; /* it used nothing */
	r[2].billing = BILLING_SUBSCRIPTION;
	add_all(l, r, 3);
	struct ledger_query q = {.by_n = 1, .by = {SLICE("provider")}};
	assert_int_equal(sqlite()->report(l, &q, note_group, &g, &total, &e), 0);
	for (int i = 0; i < 3; i++) {
		const struct ledger_measures *m = &g.m[i];
		assert_int_equal(m->calls, 1);
		assert_int_equal(m->meters[METER_INPUT], TOKENS_ABSENT);
		assert_int_equal(m->tool_calls, RECORD_ABSENT);
		assert_int_equal(m->runtime_s, RECORD_ABSENT);
		assert_int_equal(m->unpriced, i != 1);
		assert_int_equal(m->cost_nanousd, i == 0 ? RECORD_ABSENT : 0);
		assert_int_equal(m->subscription_nanousd, i == 2 ? RECORD_ABSENT : 0);
	}
	sqlite()->close(l);
	folder_remove(&f);
	(void)state;
}

/* --- texts that are none ---------------------------------------------------------------------- */

static int keep_user(void *arg, const struct record *r)
{
	snprintf(arg, 64, SLICE_FMT, SLICE_ARG(r->who.v[ATTR_USER]));
	return 0;
}

static void bytes_that_are_no_text_are_marked(void **state)
{
	static const struct {
		slice user;
		const char *expected;
	} cases[] = {
	    {SLICE("M\xc3\xbcller"), "M\xc3\xbcller"},
	    {SLICE("M\xfcller"), "M\xef\xbf\xbdller"},
	    {SLICE("a\0b"), "a\xef\xbf\xbd"
	                    "b"},
	    {SLICE("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* half a surrogate pair */
	    {SLICE("cut\xe2\x82"), "cut\xef\xbf\xbd\xef\xbf\xbd"},
	    {SLICE("\xf0\x9f\x8c\x8a"), "\xf0\x9f\x8c\x8a"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct folder f;
		struct record r;
		struct ledger_query q = {0};
		char user[64];
		folder_make(&f);
		struct ledger *l = opened(&f, true);
		sample_settled(&r, 1);
		r.who.v[ATTR_USER] = cases[i].user;
		add_all(l, &r, 1);
		assert_int_equal(sqlite()->rows(l, &q, keep_user, user, NULL), 0);
		assert_string_equal(user, cases[i].expected);
		sqlite()->close(l);
		folder_remove(&f);
	}
	(void)state;
}

/* --- schema ----------------------------------------------------------------------------------- */

static void run_sql(struct folder *f, const char *sql)
{
	sqlite3 *db;
	char *why = NULL;
	assert_int_equal(sqlite3_open(folder_file(f, "weir.db"), &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s", why);
	sqlite3_close(db);
}

static int refused_with(struct folder *f, bool writable, char text[ERR_TEXT_MAX])
{
	struct ledger *l = NULL;
	struct error e = {0};
	int rc = sqlite()->open(folder_file(f, "weir.db"), writable, &l, &e);
	assert_null(l);
	memcpy(text, e.text, ERR_TEXT_MAX);
	return rc;
}

static void an_older_schema_is_brought_up_and_keeps_its_rows(void **state)
{
	for (int writable = 0; writable < 2; writable++) { /* a report mends it too */
		struct folder f;
		struct record r[2];
		folder_make(&f);
		struct ledger *l = opened(&f, true);
		sample_settled(&r[0], 0);
		sample_settled(&r[1], 1);
		add_all(l, r, 1);
		sqlite()->close(l);
		run_sql(&f,
		        "ALTER TABLE calls DROP COLUMN cohort; ALTER TABLE calls DROP COLUMN hold_nanousd");
		l = opened(&f, writable);
		assert_int_equal(rows_of(l), 1);
		sqlite()->close(l);
		l = opened(&f, true);
		add_all(l, r, 2);
		assert_int_equal(rows_of(l), 2);
		sqlite()->close(l);
		folder_remove(&f);
	}
	(void)state;
}

static void what_is_no_ledger_of_this_weir_is_refused_and_left_alone(void **state)
{
	static const struct {
		const char *sql;
		int code;
		const char *says;
	} cases[] = {
	    {"PRAGMA application_id=1466263922; PRAGMA user_version=99; CREATE TABLE calls(id)",
	     ERR_UNSUPPORTED, "schema 99"},
	    {"CREATE TABLE photos(name)", ERR_INVALID, "not a ledger"},
	    {"PRAGMA application_id=7; CREATE TABLE calls(id)", ERR_INVALID, "not a ledger"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (int writable = 0; writable < 2; writable++) {
			struct folder f;
			char text[ERR_TEXT_MAX];
			folder_make(&f);
			run_sql(&f, cases[i].sql);
			assert_int_equal(refused_with(&f, writable, text), cases[i].code);
			if (strstr(text, cases[i].says) == NULL)
				fail_msg("%s", text);
			folder_remove(&f);
		}
	(void)state;
}

static void a_file_that_is_no_database_is_refused(void **state)
{
	struct folder f;
	char text[ERR_TEXT_MAX];
	folder_make(&f);
	assert_int_equal(refused_with(&f, false, text), ERR_NOT_FOUND);
	FILE *file = fopen(folder_file(&f, "weir.db"), "w");
	for (int i = 0; i < 200; i++)
		fputs("dear diary, ", file);
	fclose(file);
	assert_int_equal(refused_with(&f, true, text), ERR_IO);
	assert_non_null(strstr(text, "name another file"));
	folder_remove(&f);
	(void)state;
}

static void the_file_is_its_owners(void **state)
{
	struct folder f;
	struct stat st;
	folder_make(&f);
	sqlite()->close(opened(&f, true));
	assert_int_equal(stat(folder_file(&f, "weir.db"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	folder_remove(&f);
	(void)state;
}

/* --- keys ------------------------------------------------------------------------------------- */

static int note_key(void *arg, const struct ledger_key *k)
{
	char *out = arg;
	size_t n = strlen(out);
	snprintf(out + n, 256 - n, SLICE_FMT " " SLICE_FMT " %s %lld %lld %lld %02x" SLICE_FMT "\n",
	         SLICE_ARG(k->id), SLICE_ARG(k->user), role_name(k->role), (long long)k->created_ms,
	         (long long)k->expires_ms, (long long)k->revoked_ms, k->hash[31], SLICE_ARG(k->attributes));
	return 0;
}

static void keys_are_kept_and_counted(void **state)
{
	struct folder f;
	struct error e = {0};
	struct ledger_key k = {
	    .id = SLICE("k1"), .user = SLICE("ana"), .role = ROLE_DEVELOPER, .created_ms = 5};
	int64_t version[4];
	char text[256] = "";
	folder_make(&f);
	struct ledger *l = opened(&f, true);
	assert_int_equal(sqlite()->keys_version(l, &version[0], &e), 0);
	k.hash[31] = 0xab;
	assert_int_equal(sqlite()->key_add(l, &k, &e), 0);
	assert_int_equal(sqlite()->key_add(l, &k, &e), ERR_INVALID); /* the same id, and nothing half done */
	assert_int_equal(sqlite()->keys_version(l, &version[1], &e), 0);
	k = (struct ledger_key){.id = SLICE("k2"),
	                        .attributes = SLICE("{\"repo\":\"x\"}"),
	                        .role = ROLE_AGENT,
	                        .created_ms = 6,
	                        .expires_ms = 70};
	assert_int_equal(sqlite()->key_add(l, &k, &e), 0);
	assert_int_equal(sqlite()->key_revoke(l, SLICE("k1"), 9, &e), 0);
	assert_int_equal(sqlite()->key_revoke(l, SLICE("k1"), 11, &e), 0); /* stays revoked at 9 */
	assert_int_equal(sqlite()->keys_version(l, &version[2], &e), 0);
	assert_int_equal(sqlite()->key_revoke(l, SLICE("k3"), 9, &e), ERR_NOT_FOUND);
	assert_int_equal(sqlite()->keys_version(l, &version[3], &e), 0);
	assert_true(version[1] > version[0] && version[2] > version[1] && version[3] == version[2]);
	assert_int_equal(sqlite()->keys(l, note_key, text, &e), 0);
	assert_string_equal(text, "k1 ana developer 5 0 9 ab\nk2  agent 6 70 0 00{\"repo\":\"x\"}\n");
	sqlite()->close(l);
	folder_remove(&f);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_row_comes_back_as_it_went_in),
	    cmocka_unit_test(an_id_is_taken_once),
	    cmocka_unit_test(what_was_rolled_back_is_not_there),
	    cmocka_unit_test(groups_and_totals),
	    cmocka_unit_test(filters_mean_what_they_say),
	    cmocka_unit_test(wrong_questions_are_answered_with_an_error),
	    cmocka_unit_test(calendars_follow_the_time_zone),
	    cmocka_unit_test(unknown_is_not_nothing),
	    cmocka_unit_test(bytes_that_are_no_text_are_marked),
	    cmocka_unit_test(an_older_schema_is_brought_up_and_keeps_its_rows),
	    cmocka_unit_test(what_is_no_ledger_of_this_weir_is_refused_and_left_alone),
	    cmocka_unit_test(a_file_that_is_no_database_is_refused),
	    cmocka_unit_test(the_file_is_its_owners),
	    cmocka_unit_test(keys_are_kept_and_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
