/* Triage on ledgers made by hand: the cause, its other names, the moment, the parts that are the rise, what
 * stops it; filters; a ledger without a past; names from outside. */
#include "../store/fixture.h"
#include "finops/shell.h"
#include "finops/triage.h"
#include "store/ledger.h"

#define NOW    INT64_C(1764072000000) /* 2025-11-25T12:00:00Z, a Tuesday */
#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define WEEK   (7 * 24 * HOUR)
#define USD    INT64_C(1000000000)

static struct folder folder;
static const struct ledger_ops *ops;
static struct ledger *ledger;
static int64_t made;
static struct error e;

static int open_ledger(void **state)
{
	slice rest;
	(void)state;
	folder_make(&folder);
	ops = ledger_for(SLICE("sqlite:x"), &rest, &e);
	made = 0;
	return ops->open(folder_file(&folder, "weir.db"), true, &ledger, &e);
}

static int close_ledger(void **state)
{
	(void)state;
	ops->close(ledger);
	folder_remove(&folder);
	return 0;
}

static const char *const people[] = {"ana@example.com", "bo@example.com", "cy@example.com", "di@example.com"};

/* A call of one of the people, in a session of that hour. */
static void call(struct record *r, int who, int64_t at_ms, char session[64])
{
	sample_settled(r, made++);
	snprintf(session, 64, "s-%d-%lld", who, (long long)(at_ms / HOUR));
	r->time_ms = at_ms;
	r->who.v[ATTR_USER] = slice_of(people[who]);
	r->who.v[ATTR_TEAM] = who < 2 ? SLICE("payments") : SLICE("search");
	r->who.v[ATTR_REPO] = who % 2 ? SLICE("acme/api") : SLICE("acme/web");
	r->who.v[ATTR_BRANCH] = SLICE("main");
	r->who.v[ATTR_SESSION] = slice_of(session);
	r->text[TEXT_KEY_ID] = who < 2 ? SLICE("k_payments") : SLICE("k_search");
}

static void put(const struct record *r)
{
	if (ops->add(ledger, r, &e) != 0)
		fail_msg("%s", e.text);
}

/* Everybody makes a call each five minutes of the three hours before noon, for weeks. */
static void usual_weeks(int weeks)
{
	struct record r;
	char session[64];
	for (int w = 0; w <= weeks; w++)
		for (int64_t m = 0; m < 180; m += 5)
			for (int who = 0; who < 4; who++) {
				call(&r, who, NOW - w * WEEK - 3 * HOUR + m * MINUTE, session);
				put(&r);
			}
}

static void run(struct triage *t, int64_t since_ms, int64_t until_ms)
{
	struct triage_ask ask = {.ops = ops,
	                         .ledger = ledger,
	                         .now_ms = NOW,
	                         .since_ms = since_ms,
	                         .until_ms = until_ms,
	                         .changes = true,
	                         .seed = 9};
	if (triage_run(t, &ask, &e) != 0)
		fail_msg("%s", e.text);
}

/* A session of bo's that goes round for an hour, from 10:30 on. */
static void a_loop(const char *id, const char *evidence)
{
	struct record r;
	char session[64];
	for (int i = 0; i < 240; i++) {
		call(&r, 1, NOW - 90 * MINUTE + i * 15000, session);
		r.who.v[ATTR_SESSION] = slice_of(id);
		r.context_tokens = 40000 + i * 500;
		if (i == 20) {
			r.text[TEXT_RULE] = SLICE("storms");
			r.text[TEXT_EXPLANATION] = slice_of(evidence);
		}
		put(&r);
	}
}

static int64_t sum_of(const struct split_result *s)
{
	int64_t sum = 0;
	for (int i = 0; i < SPLIT_N; i++)
		sum += s->part[i].nanousd;
	return sum;
}

static void a_loop_is_named_and_can_be_stopped(void **state)
{
	struct triage t;
	struct buf out;
	struct report_style style = {.utf8 = true};
	(void)state;
	assert_int_equal(ops->begin(ledger, &e), 0);
	usual_weeks(4);
	a_loop("loop-1", "Bash gave the same result 3 times");
	assert_int_equal(ops->commit(ledger, &e), 0);
	run(&t, NOW - 3 * HOUR, NOW);
	assert_int_equal(t.spans_n, 4);
	assert_int_equal(t.before, 144 * INT64_C(23961000));
	assert_int_equal(t.after, (144 + 240) * INT64_C(23961000));
	assert_int_equal(t.causes_n, 1);
	assert_int_equal(t.causes[0].what_n, 1);
	assert_int_equal(t.causes[0].what[0].dim, TRIAGE_SESSION);
	assert_slice_equal(t.causes[0].what[0].text, SLICE("loop-1"));
	assert_int_equal(t.causes[0].after, 240 * INT64_C(23961000));
	assert_true(t.causes[0].new_here);
	assert_int_equal(sum_of(&t.whole), t.after - t.before);
	assert_int_equal(sum_of(&t.of_cause), t.causes[0].after);
	assert_true(t.whole.part[SPLIT_LOOPS].nanousd > 0);
	assert_int_equal(t.first_ms, NOW - 90 * MINUTE);
	assert_int_equal(t.sessions_n, 1);
	assert_int_equal(t.sessions[0].f.storms, 1);
	assert_int_equal(t.sessions[0].f.last_context, 40000 + 239 * 500);
	assert_slice_equal(t.sessions[0].f.evidence, SLICE("Bash gave the same result 3 times"));
	assert_int_equal(t.near_n, 1); /* the storm; nobody new is there but the session */
	assert_int_equal(t.near[0].kind, NEAR_STORM);
	assert_true(t.contain_n > 0);
	assert_slice_equal(t.contain[0].command,
	                   SLICE("weir session pause --reason 'spend rose: weir triage' -- loop-1"));
	buf_init(&out, 1 << 20);
	assert_int_equal(triage_text(&t, &style, &out), 0);
	assert_true(slice_find(buf_slice(&out), SLICE("session loop-1")) > 0);
	assert_true(slice_find(buf_slice(&out), SLICE("It began at 2025-11-25 10:30")) > 0);
	buf_release(&out);
	triage_release(&t);
	run(&t, 0, 0); /* and is found */
	assert_true(t.found);
	assert_slice_equal(t.causes[0].what[0].text, SLICE("loop-1"));
	triage_release(&t);
}

/* Everybody on search moves to a model that costs five times as much. */
static void a_dear_model_is_the_mix(void **state)
{
	struct record r;
	struct triage t;
	char session[64];
	(void)state;
	assert_int_equal(ops->begin(ledger, &e), 0);
	usual_weeks(4);
	for (int64_t m = 1; m < 180; m += 5)
		for (int who = 2; who < 4; who++) {
			call(&r, who, NOW + m * MINUTE, session);
			r.text[TEXT_MODEL_SERVED] = SLICE("claude-opus-4-1");
			for (int i = 0; i < COST_N; i++)
				r.cost.part[i] *= 5;
			r.cost.total *= 5;
			put(&r);
		}
	for (int w = 1; w <= 4; w++) /* who do the same hours usually, at the usual price */
		for (int64_t m = 1; m < 180; m += 5)
			for (int who = 2; who < 4; who++) {
				call(&r, who, NOW - w * WEEK + m * MINUTE, session);
				put(&r);
			}
	assert_int_equal(ops->commit(ledger, &e), 0);
	run(&t, NOW, NOW + 3 * HOUR);
	assert_int_equal(t.after, 5 * t.before);
	assert_int_equal(sum_of(&t.whole), t.after - t.before);
	assert_int_equal(t.whole.part[SPLIT_MIX].nanousd, t.after - t.before);
	bool told = false;
	for (size_t i = 0; i < t.near_n; i++)
		told = told || slice_eq(t.near[i].what.text, SLICE("claude-opus-4-1"));
	assert_true(told);
	triage_release(&t);
}

static void a_ledger_without_a_past(void **state)
{
	struct triage t;
	struct buf out;
	struct report_style style = {0};
	(void)state;
	buf_init(&out, 1 << 20);
	run(&t, 0, 0);
	assert_int_equal(triage_text(&t, &style, &out), 0);
	assert_true(slice_starts(buf_slice(&out), SLICE("Nothing was spent")));
	triage_release(&t);
	assert_int_equal(ops->begin(ledger, &e), 0);
	usual_weeks(0);
	assert_int_equal(ops->commit(ledger, &e), 0);
	buf_clear(&out);
	run(&t, NOW - 3 * HOUR, NOW);
	assert_int_equal(t.spans_n, 0);
	assert_int_equal(sum_of(&t.whole), t.after);
	assert_int_equal(triage_text(&t, &style, &out), 0);
	assert_true(slice_find(buf_slice(&out), SLICE("no earlier time")) > 0);
	buf_clear(&out);
	assert_int_equal(triage_json(&t, &out), 0);
	assert_int_equal(triage_markdown(&t, &out), 0);
	buf_release(&out);
	triage_release(&t);
}

static void windows_that_are_none(void **state)
{
	struct triage t;
	struct triage_ask ask = {
	    .ops = ops, .ledger = ledger, .now_ms = NOW, .since_ms = NOW, .until_ms = NOW};
	(void)state;
	assert_int_equal(triage_run(&t, &ask, &e), ERR_INVALID);
	triage_release(&t);
	ask.since_ms = NOW - 32 * 24 * HOUR;
	assert_int_equal(triage_run(&t, &ask, &e), ERR_INVALID);
	triage_release(&t);
	ask.ledger = NULL;
	assert_int_equal(triage_run(&t, &ask, &e), 0);
	triage_release(&t);
}

static void others_calls_are_not_seen(void **state)
{
	struct ledger_filter mine = {SLICE("user"), SLICE("ana@example.com"), true};
	struct triage t;
	(void)state;
	assert_int_equal(ops->begin(ledger, &e), 0);
	usual_weeks(4);
	a_loop("loop-1", "");
	assert_int_equal(ops->commit(ledger, &e), 0);
	struct triage_ask ask = {.ops = ops,
	                         .ledger = ledger,
	                         .now_ms = NOW,
	                         .since_ms = NOW - 3 * HOUR,
	                         .until_ms = NOW,
	                         .filters = &mine,
	                         .filters_n = 1};
	assert_int_equal(triage_run(&t, &ask, &e), 0);
	assert_int_equal(t.after, t.before);
	assert_int_equal(t.causes_n, 0);
	assert_int_equal(t.takings.values_n[TRIAGE_USER], 2); /* unknown, and ana */
	triage_release(&t);
}

static void names_do_no_harm(void **state)
{
	struct triage t;
	struct buf out;
	struct report_style style = {.utf8 = true};
	(void)state;
	assert_int_equal(ops->begin(ledger, &e), 0);
	usual_weeks(4);
	a_loop("x'$(rm -rf ~)`\033[2J\n", "<script>alert(1)</script> gave the same result 3 times\033]0;");
	assert_int_equal(ops->commit(ledger, &e), 0);
	run(&t, NOW - 3 * HOUR, NOW);
	assert_int_equal(t.causes[0].what[0].dim, TRIAGE_SESSION);
	for (size_t i = 0; i < t.contain_n; i++)
		assert_true(slice_find(t.contain[i].command, SLICE("rm -rf")) < 0);
	buf_init(&out, 1 << 20);
	assert_int_equal(triage_text(&t, &style, &out), 0);
	assert_true(slice_find_char(buf_slice(&out), '\033') < 0);
	buf_clear(&out);
	assert_int_equal(triage_markdown(&t, &out), 0);
	assert_true(slice_find_char(buf_slice(&out), '\033') < 0);
	assert_true(slice_find(buf_slice(&out), SLICE("<script>")) < 0);
	buf_clear(&out);
	assert_int_equal(triage_json(&t, &out), 0);
	assert_true(slice_find_char(buf_slice(&out), '\033') < 0);
	buf_release(&out);
	triage_release(&t);
}

static void words_are_quoted_for_a_shell(void **state)
{
	static const struct {
		slice word, text;
		int code;
	} cases[] = {{SLICE("k_ab-1"), SLICE("k_ab-1"), 0},
	             {SLICE("ana@example.com"), SLICE("ana@example.com"), 0},
	             {SLICE(""), SLICE("''"), 0},
	             {SLICE("a b"), SLICE("'a b'"), 0},
	             {SLICE("it's"), SLICE("'it'\\''s'"), 0},
	             {SLICE("$(x)"), SLICE("'$(x)'"), 0},
	             {SLICE("~root"), SLICE("'~root'"), 0},
	             {SLICE("gr\xc3\xbc\xc3\x9f"), SLICE("'gr\xc3\xbc\xc3\x9f'"), 0},
	             {SLICE("a\nb"), SLICE(""), ERR_INVALID},
	             {SLICE("a\033b"), SLICE(""), ERR_INVALID},
	             {SLICE("a\xe2\x80\xae"
	                    "b"),
	              SLICE(""), ERR_INVALID},
	             {SLICE("\xff"), SLICE(""), ERR_INVALID}};
	struct buf out;
	(void)state;
	buf_init(&out, 256);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		buf_clear(&out);
		assert_int_equal(shell_word(&out, cases[i].word), cases[i].code);
		assert_slice_equal(buf_slice(&out), cases[i].text);
	}
	buf_release(&out);
}

#define WITH_LEDGER(test) cmocka_unit_test_setup_teardown(test, open_ledger, close_ledger)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_LEDGER(a_loop_is_named_and_can_be_stopped),
	    WITH_LEDGER(a_dear_model_is_the_mix),
	    WITH_LEDGER(a_ledger_without_a_past),
	    WITH_LEDGER(windows_that_are_none),
	    WITH_LEDGER(others_calls_are_not_seen),
	    WITH_LEDGER(names_do_no_harm),
	    cmocka_unit_test(words_are_quoted_for_a_shell),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
