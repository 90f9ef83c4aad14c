/* Each saving on a ledger made by hand, whose answer is known; what is not known is said; nothing is counted
 * twice; names from outside do no harm. */
#include "../store/fixture.h"
#include "finops/savings.h"
#include "finops/storm_text.h"
#include "store/ledger.h"

#define NOW    INT64_C(1764072000000)
#define MINUTE INT64_C(60000)
#define BEGIN  (NOW - INT64_C(10) * 24 * 60 * MINUTE) /* ten days: a month is three times the window */
#define USD    INT64_C(1000000000)

static struct folder folder;
static const struct ledger_ops *ops;
static struct ledger *ledger;
static int64_t made;
static struct error e;

static int open_ledger(void **state)
{
	slice rest;
	folder_make(&folder);
	ops = ledger_for(SLICE("sqlite:x"), &rest, &e);
	made = 0;
	(void)state;
	return ops->open(folder_file(&folder, "weir.db"), true, &ledger, &e);
}

static int close_ledger(void **state)
{
	ops->close(ledger);
	folder_remove(&folder);
	(void)state;
	return 0;
}

/* A call of ana's session s on a model at 3 USD a million tokens, 0.30 to read, 3.75 to write, 15 to say. */
static void call(struct record *r, const char *session, int64_t minute)
{
	sample_settled(r, made++);
	r->time_ms = BEGIN + minute * MINUTE;
	r->who.v[ATTR_SESSION] = slice_of(session);
	r->text[TEXT_PRICE_ID] = SLICE_NONE;
	r->text[TEXT_MODEL_SERVED] = SLICE("big");
}

static void use(struct record *r, int64_t fresh, int64_t read, int64_t write, int64_t out, int64_t times)
{
	r->usage.m[METER_INPUT] = fresh;
	r->usage.m[METER_CACHE_READ] = read;
	r->usage.m[METER_CACHE_WRITE_5M] = write;
	r->usage.m[METER_OUTPUT] = out;
	r->context_tokens = fresh + read + write;
	memset(&r->cost, 0, sizeof r->cost);
	r->cost.part[COST_INPUT] = fresh * 3000 * times / 10;
	r->cost.part[COST_CACHE_READ] = read * 300 * times / 10;
	r->cost.part[COST_CACHE_WRITE_5M] = write * 3750 * times / 10;
	r->cost.part[COST_OUTPUT] = out * 15000 * times / 10;
	for (int i = 0; i < COST_N; i++)
		r->cost.total += r->cost.part[i];
	r->list_cost_nanousd = r->cost.total;
}

static void put(const struct record *r)
{
	assert_int_equal(ops->begin(ledger, &e), 0);
	assert_int_equal(ops->add(ledger, r, &e), 0);
	assert_int_equal(ops->commit(ledger, &e), 0);
}

static void look(struct savings *s, int64_t seat)
{
	struct savings_ask ask = {.ops = ops,
	                          .ledger = ledger,
	                          .since_ms = BEGIN,
	                          .until_ms = NOW,
	                          .seat_nanousd = seat,
	                          .seed = 7};
	if (savings_run(s, &ask, &e) != 0)
		fail_msg("%s", e.text);
}

static const struct saving *found(const struct savings *s, enum saving_kind k)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->at[i].kind == k)
			return &s->at[i];
	return NULL;
}

/* That of a kind alone. */
static int64_t only(const struct savings *s, enum saving_kind k)
{
	assert_int_equal(s->n, 1);
	assert_int_equal(s->at[0].kind, k);
	return s->at[0].nanousd;
}

static void a_loop_costs_what_came_after_it(void **state)
{
	struct record r;
	struct savings s;
	(void)state;
	for (int i = 0; i < 5; i++) {
		call(&r, "loop", i);
		use(&r, 1000, 50000, 100, 10000, 10);
		if (i == 1)
			r.text[TEXT_EXPLANATION] = SLICE("Bash gave the same result 3 times");
		put(&r);
	}
	look(&s, 0);
	assert_int_equal(only(&s, SAVING_LOOPS), 3 * r.cost.total);
	assert_int_equal(s.at[0].month_nanousd, 9 * r.cost.total);
	assert_int_equal(s.at[0].calls, 3);
	assert_int_equal(s.at[0].sessions, 1);
	assert_slice_equal(s.at[0].session, SLICE("loop"));
	assert_slice_equal(s.at[0].who[0].value, SLICE("ana@example.com"));
	assert_slice_equal(s.at[0].settings, SLICE("storms: {action: pause}"));
	savings_release(&s);
}

static void a_broken_cache_is_what_reading_would_have_saved(void **state)
{
	struct record r;
	struct savings s;
	(void)state;
	call(&r, "s", 0);
	use(&r, 0, 0, 100000, 5000, 10);
	put(&r);
	call(&r, "s", 2); /* all of it read: as it should be */
	use(&r, 0, 100000, 1000, 5000, 10);
	put(&r);
	call(&r, "s", 4); /* nothing read two minutes later */
	use(&r, 0, 0, 102000, 5000, 10);
	put(&r);
	call(&r, "s", 5); /* compacted: that is no break */
	use(&r, 0, 0, 30000, 5000, 10);
	put(&r);
	call(&r, "s", 90); /* long after: nobody's fault */
	use(&r, 0, 0, 40000, 5000, 10);
	put(&r);
	look(&s, 0);
	assert_int_equal(only(&s, SAVING_CACHE), 101000 * (3750 - 300));
	assert_int_equal(s.at[0].calls, 1);
	assert_slice_equal(s.at[0].command, SLICE("weir session show -- s"));
	savings_release(&s);
}

static void answers_that_were_lost(void **state)
{
	struct record r;
	struct savings s;
	int64_t lost = 0;
	(void)state;
	for (int i = 0; i < 4; i++) {
		call(&r, "s", i);
		use(&r, 10000, 50000, 0, 5000, 10);
		r.ending = i == 1 ? ENDING_TIMEOUT : ENDING_COMPLETE;
		r.attempt = i == 2 ? 2 : 1;
		lost += i == 1 || i == 2 ? r.cost.total : 0;
		put(&r);
	}
	look(&s, 0);
	assert_int_equal(only(&s, SAVING_LOST), lost);
	assert_slice_equal(s.at[0].who[0].value, SLICE("anthropic"));
	savings_release(&s);
}

/* The smaller model costs a third for each token; it is used elsewhere. */
static void smaller_models_do_small_work(void **state)
{
	struct record r;
	struct savings s;
	int64_t routine = 0, sub = 0;
	(void)state;
	for (int i = 0; i < 12; i++) { /* a large session of each, that is no small work */
		call(&r, i % 2 ? "large-small" : "large", i);
		use(&r, 1000, 90000, 3000, 4000, i % 2 ? 3 : 10);
		if (i % 2)
			r.text[TEXT_MODEL_SERVED] = SLICE("small");
		put(&r);
	}
	for (int i = 0; i < 3; i++) {
		call(&r, "short", 100 + i);
		use(&r, 1000, 20000, 1000, 500, 10);
		routine += r.cost.total * 7 / 10;
		put(&r);
	}
	for (int i = 0; i < 3; i++) {
		call(&r, "large", 200 + i);
		r.who.v[ATTR_SUBAGENT] = SLICE("explore");
		use(&r, 1000, 90000, 1000, 4000, 10);
		sub += r.cost.total * 7 / 10;
		put(&r);
	}
	look(&s, 0);
	assert_int_equal(s.n, 2);
	assert_int_equal(found(&s, SAVING_ROUTINE)->nanousd, routine);
	assert_int_equal(found(&s, SAVING_SUBAGENTS)->nanousd, sub);
	assert_slice_equal(found(&s, SAVING_SUBAGENTS)->instead, SLICE("small"));
	assert_int_equal(s.claimed, routine + sub);
	assert_true(s.at[0].nanousd >= s.at[1].nanousd);
	savings_release(&s);
}

static void without_a_smaller_model_nothing_is_claimed(void **state)
{
	struct record r;
	struct savings s;
	(void)state;
	call(&r, "short", 1);
	use(&r, 1000, 20000, 1000, 500, 10);
	put(&r);
	look(&s, 0);
	assert_int_equal(s.n, 0);
	savings_release(&s);
}

static void tools_that_are_never_called(void **state)
{
	static struct record_part parts[2];
	struct record r;
	struct savings s;
	(void)state;
	for (int i = 0; i < 30; i++) {
		call(&r, "s", i);
		use(&r, 10000, 50000, 0, 5000, 10);
		for (int k = 0; k < 2; k++) {
			parts[k] =
			    (struct record_part){.part = CALL_PART_TOOL,
			                         .tool = k ? SLICE("Read") : SLICE("mcp__jira__search"),
			                         .mcp_server = k ? SLICE_NONE : SLICE("jira"),
			                         .calls = k};
			for (int m = 0; m < SENT_N; m++)
				parts[k].tokens[m] = parts[k].nanousd[m] = RECORD_ABSENT;
			parts[k].tokens[SENT_AGAIN] = 2000;
			parts[k].nanousd[SENT_AGAIN] = 2000000;
			if (k)
				parts[k].tokens[SENT_RESULT] = 16000,
				parts[k].nanousd[SENT_RESULT] = 10000000;
		}
		r.parts = parts;
		r.parts_n = 2;
		put(&r);
	}
	look(&s, 0);
	assert_int_equal(s.n, 2);
	assert_int_equal(found(&s, SAVING_TOOLS)->nanousd, 30 * 2000000);
	assert_slice_equal(found(&s, SAVING_TOOLS)->who[0].value, SLICE("jira"));
	/* three quarters of what results cost, the first time and again */
	assert_int_equal(found(&s, SAVING_RESULTS)->nanousd, 30 * 12000000 / 4 * 3);
	assert_int_equal(s.missing_n, 0);
	savings_release(&s);
}

static void pauses_want_a_cache_of_an_hour(void **state)
{
	struct record r;
	struct savings s;
	struct catalog *c = catalog_builtin(&e);
	size_t at = 0;
	const struct price *p;
	(void)state;
	assert_non_null(c);
	do
		p = catalog_each(c, &at);
	while (p && !(p->per_million[METER_CACHE_WRITE_1H] > 0 && p->per_million[METER_CACHE_WRITE_5M] > 0 &&
	              p->per_million[METER_CACHE_READ] > 0));
	assert_non_null(p);
	int64_t write = p->per_million[METER_CACHE_WRITE_5M], hour = p->per_million[METER_CACHE_WRITE_1H];
	for (int i = 0; i < 4; i++) { /* all is written again each half hour */
		call(&r, "s", i * 30);
		r.text[TEXT_PRICE_ID] = p->id;
		use(&r, 0, 0, 100000, 5000, 0);
		r.cost.part[COST_CACHE_WRITE_5M] = write / 10;
		r.cost.total = r.cost.part[COST_CACHE_WRITE_5M];
		put(&r);
	}
	struct savings_ask ask = {
	    .ops = ops, .ledger = ledger, .since_ms = BEGIN, .until_ms = NOW, .catalog = c, .seed = 7};
	assert_int_equal(savings_run(&s, &ask, &e), 0);
	int64_t again = 3 * (write - p->per_million[METER_CACHE_READ]) / 10, dearer = 4 * (hour - write) / 10;
	assert_true(again > dearer);
	assert_int_equal(only(&s, SAVING_HOUR), again - dearer);
	savings_release(&s);
	catalog_unref(c);
}

static void seats_want_their_price(void **state)
{
	struct record r;
	struct savings s;
	(void)state;
	call(&r, "s", 0);
	use(&r, 10000, 0, 0, 5000, 10);
	r.billing = BILLING_SUBSCRIPTION;
	put(&r);
	look(&s, 0);
	assert_int_equal(s.n, 0);
	assert_true(s.missing_n > 0);
	assert_non_null(strstr(s.missing[s.missing_n - 1].p, "--seat"));
	savings_release(&s);
	look(&s, 60 * USD); /* ten days of it: 20 */
	assert_int_equal(only(&s, SAVING_SEATS), 20 * USD - r.list_cost_nanousd);
	savings_release(&s);
}

/* A call in a loop that broke its cache and was sent twice is a loop. */
static void nothing_is_counted_twice(void **state)
{
	struct record r;
	struct savings s;
	(void)state;
	for (int i = 0; i < 4; i++) {
		call(&r, "s", i);
		use(&r, 100000, 0, 0, 5000, 10);
		if (i == 0)
			r.text[TEXT_EXPLANATION] = SLICE("Edit failed the same way 4 times");
		r.attempt = 2;
		put(&r);
	}
	look(&s, 0);
	assert_true(s.claimed <= s.spent);
	assert_int_equal(found(&s, SAVING_LOOPS)->nanousd + found(&s, SAVING_LOST)->nanousd, s.claimed);
	assert_int_equal(found(&s, SAVING_LOOPS)->nanousd, 3 * r.cost.total);
	savings_release(&s);
}

static void names_do_no_harm(void **state)
{
	struct record r;
	struct savings s;
	struct buf out;
	(void)state;
	for (int i = 0; i < 3; i++) {
		call(&r, i == 1 ? "x'; rm -rf ~ #" : "y\033[31m\n", 10 * i);
		r.who.v[ATTR_AGENT] = SLICE("\"]}\033[2J<script>");
		use(&r, 0, i % 2 ? 0 : 10, 100000, 5000, 10);
		put(&r);
		r.time_ms += MINUTE;
		snprintf(r.id, sizeof r.id, "01HOSTILE%017d", i);
		use(&r, 0, 0, 110000, 5000, 10);
		put(&r);
	}
	look(&s, 0);
	buf_init(&out, 1 << 20);
	assert_int_equal(savings_text(&s, &out), 0);
	assert_int_equal(slice_find_char(buf_slice(&out), '\033'), -1);
	buf_clear(&out);
	assert_int_equal(savings_json(&s, &out), 0);
	assert_int_equal(slice_find_char(buf_slice(&out), '\033'), -1);
	const struct saving *c = found(&s, SAVING_CACHE);
	assert_non_null(c);
	/* quoted, or no command at all */
	assert_true(c->command.n == 0 ||
	            slice_eq(c->command, SLICE("weir session show -- 'x'\\''; rm -rf ~ #'")));
	buf_release(&out);
	savings_release(&s);
}

static void storms_are_told_by_their_sentences(void **state)
{
	(void)state;
	assert_true(storm_is_told(SLICE("Bash gave the same result 3 times")));
	assert_true(
	    storm_is_told(SLICE("the same calls with the same results went round 3 times, last Read")));
	assert_true(storm_is_told(SLICE("session s: 201 turns")));
	assert_false(storm_is_told(SLICE("many turns of phrase")));
	assert_false(storm_is_told(SLICE("budget dev-day is spent")));
	assert_false(storm_is_told(SLICE_NONE));
}

#define WITH_LEDGER(test) cmocka_unit_test_setup_teardown(test, open_ledger, close_ledger)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_LEDGER(a_loop_costs_what_came_after_it),
	    WITH_LEDGER(a_broken_cache_is_what_reading_would_have_saved),
	    WITH_LEDGER(answers_that_were_lost),
	    WITH_LEDGER(smaller_models_do_small_work),
	    WITH_LEDGER(without_a_smaller_model_nothing_is_claimed),
	    WITH_LEDGER(tools_that_are_never_called),
	    WITH_LEDGER(pauses_want_a_cache_of_an_hour),
	    WITH_LEDGER(seats_want_their_price),
	    WITH_LEDGER(nothing_is_counted_twice),
	    WITH_LEDGER(names_do_no_harm),
	    cmocka_unit_test(storms_are_told_by_their_sentences),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
