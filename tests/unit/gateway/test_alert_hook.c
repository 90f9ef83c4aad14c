/* What the ledger's writer notes for alerts: in the row's transaction, once in a while for each cause, again
 * after one that was undone; and how providers do of late. */
#include "gateway/alert_hook.h"
#include "unit/store/fixture.h"

#define T0 INT64_C(1764000000000)

static const struct ledger_ops *ops;
static struct folder folder;
static struct ledger *l;
static struct shared shared;
static struct clock clock_;
static struct alert_hook *hook;
static struct writer_hook w;
static int inner_rows, inner_rc;

static void on_fault(void *arg, const char *line)
{
	(void)arg;
	fail_msg("%s", line);
}

static int on_inner_row(void *arg, struct ledger *ledger, const struct record *r, struct error *e)
{
	(void)arg, (void)ledger, (void)r, (void)e;
	inner_rows++;
	return inner_rc;
}

static int set_up(void **state)
{
	(void)state;
	struct error e = {0};
	struct writer_hook inner = {.row = on_inner_row};
	slice rest;
	folder_make(&folder);
	ops = ledger_for(SLICE("sqlite:x"), &rest, &e);
	assert_int_equal(ops->open(folder_file(&folder, "weir.db"), true, &l, &e), 0);
	const char *path = folder_file(&folder, "weir.yaml");
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs("store: sqlite:weir.db\nstorms: {action: alert}\n", f);
	fclose(f);
	clock_ = clock_fake(T0, 1);
	shared = (struct shared){.clock = &clock_, .settings = settings_load(slice_of(path), on_fault, NULL)};
	pthread_mutex_init(&shared.lock, NULL);
	hook = alert_hook_new(&shared, ops);
	w = alert_hook_of(hook, &inner);
	inner_rows = inner_rc = 0;
	return shared.settings && hook ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	alert_hook_free(hook);
	settings_unref(shared.settings);
	pthread_mutex_destroy(&shared.lock);
	ops->close(l);
	folder_remove(&folder);
	return 0;
}

static void storm(struct record *r, const char *session)
{
	sample_record(r, 1);
	r->who.v[ATTR_SESSION] = slice_of(session);
	r->text[TEXT_RULE] = SLICE("storms");
	r->text[TEXT_EXPLANATION] = SLICE("it goes round");
	r->text[TEXT_SOURCE] = SLICE("gateway");
	r->decision = DECISION_ADMITTED;
}

static int rows(const struct record *r, size_t n, bool commits)
{
	struct error e = {0};
	assert_int_equal(ops->begin(l, &e), 0);
	int rc = w.begin(w.arg, l, &e);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = w.row(w.arg, l, &r[i], &e);
	if (rc == 0)
		rc = w.end(w.arg, l, &e);
	if (rc == 0 && commits)
		assert_int_equal(ops->commit(l, &e), 0);
	else
		ops->rollback(l);
	w.done(w.arg, rc == 0 && commits);
	return rc;
}

static int count(void *arg, const struct ledger_alert_event *ev)
{
	assert_true(slice_eq(ev->kind, SLICE("storm")));
	++*(int *)arg;
	return 0;
}

static int events(void)
{
	struct error e = {0};
	int n = 0;
	assert_int_equal(ops->alerts->events(l, 0, 100, count, &n, &e), 0);
	return n;
}

static void a_storm_is_noted_with_its_row(void **state)
{
	(void)state;
	struct record r[3];
	storm(&r[0], "a");
	storm(&r[1], "a"); /* the same, in the same moment */
	storm(&r[2], "b");
	assert_int_equal(rows(r, 3, true), 0);
	assert_int_equal(inner_rows, 3);
	assert_int_equal(events(), 2);
	clock_.fake_wall_ms += 9999;
	assert_int_equal(rows(r, 1, true), 0);
	assert_int_equal(events(), 2);
	clock_.fake_wall_ms += 1;
	assert_int_equal(rows(r, 1, true), 0);
	assert_int_equal(events(), 3);
}

static void what_was_undone_is_noted_when_the_row_comes_again(void **state)
{
	(void)state;
	struct record r;
	storm(&r, "a");
	assert_int_equal(rows(&r, 1, false), 0);
	assert_int_equal(events(), 0);
	assert_int_equal(rows(&r, 1, true), 0);
	assert_int_equal(events(), 1);
}

static void other_rows_and_faults_of_the_books_note_nothing(void **state)
{
	(void)state;
	struct record r;
	sample_record(&r, 1);
	assert_int_equal(rows(&r, 1, true), 0);
	storm(&r, "a");
	inner_rc = ERR_BUSY;
	assert_int_equal(rows(&r, 1, true), ERR_BUSY);
	inner_rc = 0;
	r.text[TEXT_SOURCE] = SLICE("correction");
	assert_int_equal(rows(&r, 1, true), 0);
	assert_int_equal(events(), 0);
}

static void providers_are_counted_over_the_last_minutes(void **state)
{
	(void)state;
	struct alert_provider p[ALERT_PROVIDERS] = {0};
	struct record r;
	size_t n = 0;
	sample_record(&r, 1);
	r.text[TEXT_PROVIDER] = SLICE("acme");
	r.text[TEXT_SOURCE] = SLICE("gateway");
	r.text[TEXT_RULE] = SLICE_NONE;
	for (int i = 0; i < 6; i++) {
		r.ending = i % 2 ? ENDING_PROVIDER_GONE : ENDING_COMPLETE;
		assert_int_equal(rows(&r, 1, true), 0);
		clock_.fake_wall_ms += 60000;
	}
	clock_.fake_wall_ms -= 60000;
	n = alert_hook_providers(hook, p, n);
	assert_int_equal(n, 1);
	assert_string_equal(p[0].name, "acme");
	assert_int_equal(p[0].calls, 5); /* the first is longer ago */
	assert_int_equal(p[0].errors, 3);
	clock_.fake_wall_ms += 10 * 60000;
	n = alert_hook_providers(hook, p, n);
	assert_int_equal(n, 1);
	assert_int_equal(p[0].calls, 0);
	r.ending = ENDING_REFUSED; /* nobody was asked */
	assert_int_equal(rows(&r, 1, true), 0);
	alert_hook_providers(hook, p, n);
	assert_int_equal(p[0].calls, 0);
}

static void an_error_is_the_providers_or_the_clients(void **state)
{
	(void)state;
	static const struct {
		enum ending ending;
		int64_t status;
		bool errs;
	} cases[] = {{ENDING_COMPLETE, 200, false},       {ENDING_PROVIDER_ERROR, 400, false},
	             {ENDING_PROVIDER_ERROR, 404, false}, {ENDING_PROVIDER_ERROR, 401, true},
	             {ENDING_PROVIDER_ERROR, 429, true},  {ENDING_PROVIDER_ERROR, 529, true},
	             {ENDING_TIMEOUT, 504, true},         {ENDING_PROVIDER_GONE, 502, true},
	             {ENDING_CLIENT_GONE, 200, false}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct record r;
		sample_record(&r, 1);
		r.ending = cases[i].ending;
		r.status = cases[i].status;
		assert_int_equal(alert_provider_erred(&r), cases[i].errs);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_storm_is_noted_with_its_row),
	    TEST(what_was_undone_is_noted_when_the_row_comes_again),
	    TEST(other_rows_and_faults_of_the_books_note_nothing),
	    TEST(providers_are_counted_over_the_last_minutes),
	    TEST(an_error_is_the_providers_or_the_clients),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
