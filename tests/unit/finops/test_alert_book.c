/* The alerts that are open and what is told of them: each cause once, grouped, silenced, tried again, kept by
 * the ledger over a restart, and told while the ledger itself fails. */
#include <signal.h>
#include <sys/resource.h>

#include "finops/alert_book.h"
#include "unit/store/fixture.h"

#define T0   INT64_C(1764000000000)
#define SEC  INT64_C(1000)
#define MIN  (60 * SEC)
#define HOUR (60 * MIN)

static const struct ledger_ops *ops;
static struct folder folder;
static struct ledger *l;
static struct alert_book *b;
static struct alert_target targets[3];
static size_t targets_n;

static void target(const char *name)
{
	targets[targets_n++] = (struct alert_target){.name = slice_of(name),
	                                             .severity = ALERT_WARNING,
	                                             .repeat_ms = 4 * HOUR,
	                                             .group_ms = 30 * SEC,
	                                             .rate = 60,
	                                             .timeout_ms = 10 * SEC};
	alert_book_targets(b, targets, targets_n);
}

static int set_up(void **state)
{
	(void)state;
	struct error e = {0};
	slice rest;
	folder_make(&folder);
	ops = ledger_for(SLICE("sqlite:x"), &rest, &e);
	assert_int_equal(ops->open(folder_file(&folder, "weir.db"), true, &l, &e), 0);
	b = alert_book_new();
	targets_n = 0;
	target("chat");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	alert_book_free(b);
	ops->close(l);
	folder_remove(&folder);
	return 0;
}

static void store(void)
{
	struct error e = {0};
	assert_int_equal(ops->begin(l, &e), 0);
	assert_int_equal(alert_book_store(b, ops, l, &e), 0);
	assert_int_equal(ops->commit(l, &e), 0);
	alert_book_stored(b, true);
}

static struct alert_cause budget(const char *key, int64_t level)
{
	struct alert_cause c = {.key = slice_of(key),
	                        .kind = ALERT_BUDGET,
	                        .severity = level >= 100 ? ALERT_CRITICAL : ALERT_WARNING,
	                        .level = level,
	                        .title = slice_of(key)};
	alert_label_add(&c, "budget", SLICE("dev-day"));
	alert_label_add(&c, "user", slice_of(key));
	alert_label_add(&c, "scope", slice_of(key));
	return c;
}

/* A turn in which these are so; count of raises given by names apart by blanks, "name:level". */
static void turn(int64_t now, const char *names)
{
	slice rest = slice_of(names), word, name;
	alert_book_begin(b);
	while (rest.n && slice_split(&rest, ' ', &word)) {
		char key[64];
		long long level = 80;
		slice_split(&word, ':', &name);
		if (word.p)
			assert_true(slice_to_i64(word, &level));
		snprintf(key, sizeof key, SLICE_FMT, SLICE_ARG(name));
		struct alert_cause c = budget(key, level);
		assert_int_equal(alert_book_raise(b, &c, now), 0);
	}
	alert_book_end(b, UINT64_C(1) << ALERT_BUDGET, now);
	store();
}

/* What is told to a target now: "raised ana, resolved bo"; "" when nothing is due. */
static char said[2000];
static const char *due(size_t t, int64_t now, struct alert_message *m)
{
	said[0] = '\0';
	if (!alert_book_due(b, &targets[t], now, false, m))
		return said;
	for (size_t i = 0; i < m->n; i++) {
		struct arena mem;
		struct alert_cause c = {0};
		arena_init(&mem, 65536);
		assert_int_equal(alert_body_read(m->told[i].body, &mem, &c), 0);
		snprintf(said + strlen(said), sizeof said - strlen(said), "%s%s " SLICE_FMT, i ? ", " : "",
		         alert_event_name(m->told[i].event), SLICE_ARG(c.title));
		arena_release(&mem);
	}
	return said;
}

static void done(const struct alert_message *m, bool sent, int64_t now)
{
	struct alert_outcome o = {.sent = sent, .why = sent ? SLICE_NONE : SLICE("connection refused")};
	alert_book_done(b, m, &o, now);
	store();
}

/* Told and taken. */
static const char *told(size_t t, int64_t now)
{
	struct alert_message m;
	if (due(t, now, &m)[0])
		done(&m, true, now);
	return said;
}

static void each_cause_is_told_once_and_when_it_is_over(void **state)
{
	(void)state;
	turn(T0, "ana");
	assert_string_equal(told(0, T0), "raised ana");
	for (int i = 1; i < 100; i++) {
		turn(T0 + i * MIN, "ana");
		assert_string_equal(told(0, T0 + i * MIN), "");
	}
	turn(T0 + 100 * MIN, "");
	assert_string_equal(told(0, T0 + 100 * MIN), "resolved ana");
	turn(T0 + 200 * MIN, "ana");
	assert_string_equal(told(0, T0 + 200 * MIN), "raised ana");
}

static void it_is_told_again_when_it_grows_and_after_repeat(void **state)
{
	(void)state;
	turn(T0, "ana:50");
	assert_string_equal(told(0, T0), "raised ana");
	turn(T0 + MIN, "ana:80");
	assert_string_equal(told(0, T0 + MIN), "risen ana");
	turn(T0 + 2 * MIN, "ana:50"); /* it does not fall */
	assert_string_equal(told(0, T0 + 2 * MIN), "");
	turn(T0 + 4 * HOUR - SEC, "ana:80");
	assert_string_equal(told(0, T0 + 4 * HOUR - SEC), "");
	turn(T0 + 4 * HOUR, "ana:80");
	assert_string_equal(told(0, T0 + 4 * HOUR), "repeated ana");
	turn(T0 + 4 * HOUR + SEC, "ana:80");
	assert_string_equal(told(0, T0 + 4 * HOUR + SEC), "");
}

static int keep_body(void *arg, const struct ledger_alert *a)
{
	snprintf(arg, 1000, SLICE_FMT, SLICE_ARG(a->body));
	return 0;
}

static void figures_of_an_open_one_are_renewed_and_not_told(void **state)
{
	(void)state;
	char body[1000];
	struct error e = {0};
	struct ledger_alert_query open = {.open = true};
	for (int s = 0; s <= 60; s += 20) {
		struct alert_cause c = budget("ana", 80);
		char title[32];
		snprintf(title, sizeof title, "%d%% used", 80 + s / 20);
		c.title = slice_of(title);
		alert_book_begin(b);
		assert_int_equal(alert_book_raise(b, &c, T0 + s * SEC), 0);
		alert_book_end(b, UINT64_C(1) << ALERT_BUDGET, T0 + s * SEC);
		store();
		assert_string_equal(told(0, T0 + s * SEC), s ? "" : "raised 80% used");
	}
	assert_int_equal(ops->alerts->list(l, &open, keep_body, body, &e), 0);
	assert_non_null(strstr(body, "83% used"));
}

static void a_kind_that_was_not_looked_at_is_not_over(void **state)
{
	(void)state;
	turn(T0, "ana");
	told(0, T0);
	alert_book_begin(b);
	alert_book_end(b, UINT64_C(1) << ALERT_FREEZE, T0 + HOUR);
	assert_string_equal(told(0, T0 + HOUR), "");
	alert_book_begin(b);
	alert_book_end(b, UINT64_C(1) << ALERT_BUDGET, T0 + HOUR);
	store();
	assert_string_equal(told(0, T0 + HOUR), "resolved ana");
}

static void an_event_is_over_when_none_came_for_a_while(void **state)
{
	(void)state;
	struct alert_stats st;
	struct alert_cause c = budget("ana", 1);
	c.hold_ms = 30 * MIN;
	c.kind = ALERT_STORM;
	for (int i = 0; i < 3; i++) {
		alert_book_begin(b);
		assert_int_equal(alert_book_raise(b, &c, T0 + i * 10 * MIN), 0);
		alert_book_end(b, 0, T0 + i * 10 * MIN);
		store();
		assert_string_equal(told(0, T0 + i * 10 * MIN), i ? "" : "raised ana");
	}
	alert_book_begin(b);
	alert_book_end(b, 0, T0 + 49 * MIN);
	alert_book_stats(b, &st);
	assert_int_equal(st.open[ALERT_WARNING], 1);
	alert_book_end(b, 0, T0 + 50 * MIN);
	alert_book_stats(b, &st);
	assert_int_equal(st.open[ALERT_WARNING], 0);
	store();
	assert_string_equal(told(0, T0 + 50 * MIN),
	                    ""); /* nothing to say to people; an incident would be closed */
}

static void what_belongs_together_is_one_message(void **state)
{
	(void)state;
	turn(T0, "ana bo cy");
	assert_string_equal(told(0, T0), "raised ana, raised bo, raised cy");
	turn(T0 + SEC, "ana bo cy dee");
	assert_string_equal(told(0, T0 + SEC), "");
	turn(T0 + 20 * SEC, "ana bo cy dee eve");
	assert_string_equal(told(0, T0 + 29 * SEC), "");
	assert_string_equal(told(0, T0 + 30 * SEC), "raised dee, raised eve");
	assert_string_equal(told(0, T0 + 90 * SEC), "");
}

static void a_receiver_that_is_down_is_tried_again_and_told_once(void **state)
{
	(void)state;
	struct alert_message m;
	int64_t now = T0;
	turn(now, "ana");
	int64_t pauses[] = {5, 10, 20, 40, 60, 60};
	for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
		assert_string_equal(due(0, now, &m), "raised ana");
		done(&m, false, now);
		now += pauses[i] * SEC - 1;
		assert_string_equal(due(0, now, &m), "");
		now += 1;
	}
	turn(now, "ana bo");
	assert_string_equal(told(0, now), "raised ana, raised bo");
	assert_string_equal(told(0, now + HOUR), "");
}

static void it_is_given_up_after_a_day_and_a_refusal_after_an_hour(void **state)
{
	(void)state;
	struct alert_message m;
	struct alert_stats st;
	struct alert_outcome no = {.turned_down = true, .why = SLICE("404")};
	turn(T0, "ana");
	assert_string_equal(due(0, T0, &m), "raised ana");
	alert_book_done(b, &m, &no, T0);
	store();
	assert_string_equal(due(0, T0 + 2 * HOUR, &m), "raised ana");
	alert_book_done(b, &m, &no, T0 + 2 * HOUR);
	store();
	assert_string_equal(due(0, T0 + 3 * HOUR, &m), "");
	turn(T0 + 3 * HOUR, "ana bo");
	for (int h = 0; h < 24; h++) {
		assert_string_equal(due(0, T0 + (3 + h) * HOUR, &m), "raised bo");
		done(&m, false, T0 + (3 + h) * HOUR);
	}
	assert_string_equal(due(0, T0 + 27 * HOUR, &m), "raised bo");
	done(&m, false, T0 + 27 * HOUR);
	assert_string_equal(due(0, T0 + 28 * HOUR, &m), "");
	alert_book_stats(b, &st);
	assert_int_equal(st.given_up, 2);
	assert_int_equal(st.waiting, 0);
}

static void more_than_the_rate_waits_and_comes_in_one(void **state)
{
	(void)state;
	int messages = 0, alerts = 0;
	targets[0].rate = 10;
	targets[0].group_ms = 0;
	char all[400] = "";
	for (int i = 0; i < 40; i++) {
		size_t n = strlen(all);
		snprintf(all + n, sizeof all - n, "%su%d", n ? " " : "", i);
		turn(T0 + i * SEC, all);
		if (told(0, T0 + i * SEC)[0]) {
			messages++;
			for (const char *p = said; (p = strstr(p, "raised")) != NULL; p++)
				alerts++;
		}
	}
	assert_int_equal(messages, 10);
	assert_int_equal(alerts, 10);
	assert_true(told(0, T0 + 10 * MIN)[0] != '\0');
	for (const char *p = said; (p = strstr(p, "raised")) != NULL; p++)
		alerts++;
	assert_int_equal(alerts, 40); /* none is lost */
}

static int silence(const char *matches, int64_t from, int64_t until)
{
	struct error e = {0};
	struct ledger_silence s = {SLICE("S1"), slice_of(matches), SLICE("ana"), SLICE("known"), from, until};
	int rc = ops->alerts->silence_put(l, &s, from, &e);
	return rc ? rc : alert_book_refresh(b, ops, l, from, &e);
}

static void a_silence_holds_back_what_it_matches_until_it_ends(void **state)
{
	(void)state;
	assert_int_equal(silence("user=an*", T0, T0 + 2 * HOUR), 0);
	turn(T0, "ana bo");
	assert_string_equal(told(0, T0), "raised bo");
	turn(T0 + HOUR, "ana:100 bo");
	assert_string_equal(told(0, T0 + HOUR), "");
	turn(T0 + 2 * HOUR, "ana:100 bo");
	assert_string_equal(told(0, T0 + 2 * HOUR), "raised ana");
}

static void what_was_told_is_told_again_when_its_silence_ends(void **state)
{
	(void)state;
	target("pager");
	targets[1].format = ALERT_PAGERDUTY;
	turn(T0, "ana");
	assert_string_equal(told(0, T0), "raised ana");
	assert_string_equal(told(1, T0), "raised ana");
	assert_int_equal(silence("user=ana", T0 + MIN, T0 + HOUR), 0);
	turn(T0 + MIN, "ana");
	assert_string_equal(told(0, T0 + MIN), "");
	assert_string_equal(told(1, T0 + MIN), "acknowledged ana"); /* somebody has it */
	turn(T0 + HOUR - 1, "ana");
	assert_string_equal(told(0, T0 + HOUR - 1), "");
	turn(T0 + HOUR, "ana");
	assert_string_equal(told(0, T0 + HOUR), "repeated ana");
	turn(T0 + HOUR + MIN, "ana");
	assert_string_equal(told(0, T0 + HOUR + MIN), "");
}

static void what_waits_for_a_target_that_is_gone_does_not_wait_for_ever(void **state)
{
	(void)state;
	struct alert_stats st;
	turn(T0, "ana");
	alert_book_targets(b, targets, 0);
	turn(T0 + HOUR - 1, "ana");
	alert_book_stats(b, &st);
	assert_int_equal(st.waiting, 1);
	turn(T0 + HOUR, "ana");
	alert_book_stats(b, &st);
	assert_int_equal(st.waiting, 0);
}

static void what_waits_when_a_silence_comes_is_not_sent(void **state)
{
	(void)state;
	struct alert_message m;
	turn(T0, "ana");
	assert_string_equal(due(0, T0, &m), "raised ana");
	done(&m, false, T0);
	assert_int_equal(silence("budget=dev-day", T0 + SEC, T0 + HOUR), 0);
	turn(T0 + MIN, "ana");
	assert_string_equal(told(0, T0 + MIN), "");
	turn(T0 + HOUR, "ana");
	assert_string_equal(told(0, T0 + HOUR), "raised ana");
}

static void a_restart_loses_nothing_and_tells_nothing_twice(void **state)
{
	(void)state;
	struct error e = {0};
	struct alert_message m;
	turn(T0, "ana bo:50");
	assert_string_equal(told(0, T0), "raised ana, raised bo");
	turn(T0 + MIN, "ana:100 bo:50 cy");
	assert_string_equal(due(0, T0 + MIN, &m), "risen ana, raised cy"); /* under way when it is killed */
	alert_book_free(b);
	b = alert_book_new();
	alert_book_targets(b, targets, targets_n);
	assert_int_equal(alert_book_load(b, ops, l, T0 + 2 * MIN, &e), 0);
	turn(T0 + 2 * MIN, "ana:100 bo:50 cy");
	int64_t id = m.id;
	assert_string_equal(due(0, T0 + 2 * MIN, &m), "risen ana, raised cy");
	assert_int_equal(m.id, id);
	done(&m, true, T0 + 2 * MIN);
	alert_book_free(b);
	b = alert_book_new();
	alert_book_targets(b, targets, targets_n);
	assert_int_equal(alert_book_load(b, ops, l, T0 + 3 * MIN, &e), 0);
	turn(T0 + 3 * MIN, "ana:100 bo:50 cy");
	assert_string_equal(told(0, T0 + 3 * MIN), "");
	turn(T0 + 4 * MIN, "cy");
	assert_string_equal(told(0, T0 + 4 * MIN), "resolved ana, resolved bo");
}

static void what_is_over_but_not_told_yet_comes_after_a_restart(void **state)
{
	(void)state;
	struct error e = {0};
	struct alert_message m;
	turn(T0, "ana");
	due(0, T0, &m);
	done(&m, false, T0);
	turn(T0 + MIN, "");
	alert_book_free(b);
	b = alert_book_new();
	alert_book_targets(b, targets, targets_n);
	assert_int_equal(alert_book_load(b, ops, l, T0 + 2 * MIN, &e), 0);
	assert_string_equal(told(0, T0 + 2 * MIN), "resolved ana");
	assert_string_equal(told(0, T0 + HOUR), "");
}

static void trouble_of_the_ledger_is_told_without_it(void **state)
{
	(void)state;
	struct error e = {0};
	struct alert_message m;
	struct alert_cause c = budget("ledger", 1);
	alert_book_begin(b);
	assert_int_equal(alert_book_raise(b, &c, T0), 0);
	alert_book_end(b, UINT64_C(1) << ALERT_BUDGET, T0);
	assert_false(alert_book_due(b, &targets[0], T0, false, &m));
	assert_true(alert_book_due(b, &targets[0], T0, true, &m));
	struct alert_outcome yes = {.sent = true};
	alert_book_done(b, &m, &yes, T0);
	/* a transaction that is undone leaves it all to be written */
	assert_int_equal(ops->begin(l, &e), 0);
	assert_int_equal(alert_book_store(b, ops, l, &e), 0);
	ops->rollback(l);
	alert_book_stored(b, false);
	assert_true(alert_book_dirty(b));
	store();
	assert_false(alert_book_dirty(b));
	alert_book_free(b);
	b = alert_book_new();
	alert_book_targets(b, targets, targets_n);
	assert_int_equal(alert_book_load(b, ops, l, T0 + MIN, &e), 0);
	turn(T0 + MIN, "ledger:1");
	assert_string_equal(told(0, T0 + MIN), "");
}

/* A limit on the size of files stands in for a full disk. */
static void a_full_disk_loses_nothing(void **state)
{
	(void)state;
	struct error e = {0};
	struct rlimit was, limit;
	struct alert_message m;
	turn(T0, "ana");
	assert_string_equal(told(0, T0), "raised ana");
	sigaction(SIGXFSZ, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	limit = was;
	limit.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	struct alert_cause ana = budget("ana", 100), bo = budget("bo", 80);
	alert_book_begin(b);
	assert_int_equal(alert_book_raise(b, &ana, T0 + MIN), 0);
	assert_int_equal(alert_book_raise(b, &bo, T0 + MIN), 0);
	alert_book_end(b, UINT64_C(1) << ALERT_BUDGET, T0 + MIN);
	int rc = ops->begin(l, &e);
	if (rc == 0)
		rc = alert_book_store(b, ops, l, &e);
	if (rc == 0)
		rc = ops->commit(l, &e);
	assert_true(rc < 0);
	ops->rollback(l);
	alert_book_stored(b, false);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_string_equal(due(0, T0 + MIN, &m),
	                    ""); /* not stored, and the ledger may be well in a moment */
	store();
	assert_string_equal(told(0, T0 + MIN), "risen ana, raised bo");
	assert_string_equal(told(0, T0 + HOUR), "");
}

static void targets_get_what_they_want(void **state)
{
	(void)state;
	static struct alert_label payments[] = {{{"budget", 6}, {"other", 5}}};
	target("quiet");
	target("where");
	targets[1].quiet = 1;
	targets[1].severity = ALERT_CRITICAL;
	targets[2].where = payments;
	targets[2].where_n = 1;
	turn(T0, "ana");
	assert_string_equal(told(1, T0), "");
	assert_string_equal(told(2, T0), "");
	turn(T0 + MIN, "ana:100");
	assert_string_equal(told(1, T0 + MIN), "risen ana");
	turn(T0 + 2 * MIN, "");
	assert_string_equal(told(1, T0 + 2 * MIN), "");
	/* a hand-over names its target */
	struct alert_cause c = budget("bo", 1);
	c.target = SLICE("where");
	alert_book_begin(b);
	assert_int_equal(alert_book_raise(b, &c, T0 + 3 * MIN), 0);
	alert_book_end(b, UINT64_C(1) << ALERT_BUDGET, T0 + 3 * MIN);
	store();
	assert_string_equal(told(2, T0 + 3 * MIN), "raised bo");
}

static void an_incident_has_one_alert(void **state)
{
	(void)state;
	targets[0].format = ALERT_PAGERDUTY;
	targets[0].group_ms = 0;
	turn(T0, "ana bo");
	assert_string_equal(told(0, T0), "raised ana");
	assert_string_equal(told(0, T0), "raised bo");
	assert_string_equal(told(0, T0), "");
}

static void another_process_has_it_open(void **state)
{
	(void)state;
	struct alert_book *mine = b;
	turn(T0, "ana");
	b = alert_book_new();
	alert_book_targets(b, targets, targets_n);
	turn(T0, "ana");
	assert_string_equal(told(0, T0), "");
	alert_book_free(b);
	b = mine;
	assert_string_equal(told(0, T0), "raised ana");
}

static void words_say_what_a_silence_holds(void **state)
{
	(void)state;
	struct alert_label out[ALERT_WHERE_MAX];
	struct error e = {0};
	size_t n;
	assert_int_equal(alert_matches_read(SLICE("budget=dev-*, user=!ana*"), out, &n, &e), 0);
	assert_int_equal(n, 2);
	assert_true(slice_eq(out[1].value, SLICE("!ana*")));
	assert_int_equal(alert_matches_read(SLICE(""), out, &n, &e), ERR_INVALID);
	assert_int_equal(alert_matches_read(SLICE("budget"), out, &n, &e), ERR_INVALID);
	assert_int_equal(alert_matches_read(SLICE("colour=red"), out, &n, &e), ERR_INVALID);
	assert_non_null(strstr(e.text, "no label \"colour\""));
}

static void hostile_names_stay_texts(void **state)
{
	(void)state;
	struct arena mem;
	struct buf body;
	struct alert_cause c = budget("x\r\nBcc: eve@example.com\x1b[2J\",\"look\":\"rm", 1), back = {0};
	char longer[5000];
	memset(longer, 'y', sizeof longer);
	c.text = slice_make(longer, sizeof longer);
	arena_init(&mem, 65536);
	buf_init(&body, ALERT_BODY_MAX);
	assert_int_equal(alert_body_write(&c, &body), 0);
	assert_int_equal(alert_body_read(buf_slice(&body), &mem, &back), 0);
	assert_true(slice_eq(back.title, SLICE("x  Bcc: eve@example.com [2J\",\"look\":\"rm")));
	assert_int_equal(back.look.n, 0);
	assert_int_equal(back.text.n, ALERT_TEXT_MAX);
	buf_release(&body);
	arena_release(&mem);
}

static int count(void *arg, const struct ledger_alert *a)
{
	(void)a;
	++*(int64_t *)arg;
	return 0;
}

static void old_ones_go(void **state)
{
	(void)state;
	struct error e = {0};
	int64_t n = 0;
	turn(T0, "ana bo");
	told(0, T0);
	turn(T0 + MIN, "bo");
	told(0, T0 + MIN);
	assert_int_equal(ops->alerts->trim(l, T0 + HOUR, &e), 0);
	struct ledger_alert_query all = {0};
	assert_int_equal(ops->alerts->list(l, &all, count, &n, &e), 0);
	assert_int_equal(n, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_cause_is_told_once_and_when_it_is_over),
	    TEST(it_is_told_again_when_it_grows_and_after_repeat),
	    TEST(figures_of_an_open_one_are_renewed_and_not_told),
	    TEST(a_kind_that_was_not_looked_at_is_not_over),
	    TEST(an_event_is_over_when_none_came_for_a_while),
	    TEST(what_belongs_together_is_one_message),
	    TEST(a_receiver_that_is_down_is_tried_again_and_told_once),
	    TEST(it_is_given_up_after_a_day_and_a_refusal_after_an_hour),
	    TEST(more_than_the_rate_waits_and_comes_in_one),
	    TEST(a_silence_holds_back_what_it_matches_until_it_ends),
	    TEST(what_was_told_is_told_again_when_its_silence_ends),
	    TEST(what_waits_for_a_target_that_is_gone_does_not_wait_for_ever),
	    TEST(what_waits_when_a_silence_comes_is_not_sent),
	    TEST(a_restart_loses_nothing_and_tells_nothing_twice),
	    TEST(what_is_over_but_not_told_yet_comes_after_a_restart),
	    TEST(trouble_of_the_ledger_is_told_without_it),
	    TEST(a_full_disk_loses_nothing),
	    TEST(targets_get_what_they_want),
	    TEST(an_incident_has_one_alert),
	    TEST(another_process_has_it_open),
	    TEST(words_say_what_a_silence_holds),
	    TEST(hostile_names_stay_texts),
	    TEST(old_ones_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
