/* Budgets: who counts where, all or nothing, windows, and each written behaviour of docs/budgets.md. */
#include "unit/policy/budget_fixture.h"

#define NOW at("2026-11-24T12:00:00Z")

static struct caller c;

static void begin(const char *text, size_t counters)
{
	struct settings *s = fixture_settings(text);
	struct budgets *b = budgets_new(counters, 42);
	assert_non_null(b);
	fixture_loaded(b, s);
	caller_init(&c, b, s, NOW);
}

static void end(void)
{
	budgets_free(c.b);
	settings_unref(c.s);
}

/* --- holds ------------------------------------------------------------------------------------------ */

static void hold_and_settle(void **state)
{
	struct budget_hold one, two;
	(void)state;
	begin("budgets: [{name: all, window: total, limit: 10 USD}]\n", 64);
	assert_int_equal(take_usd(&c, 6 * USD, &one), BUDGET_OK);
	struct sums s = sums_of(c.b, "all");
	assert_int_equal(s.held, 6 * USD);
	assert_int_equal(s.settled, 0);
	assert_int_equal(take_usd(&c, 5 * USD, &two), BUDGET_REFUSED);
	budget_release(c.b, &two);
	settle_usd(&c, &one, USD);
	s = sums_of(c.b, "all");
	assert_int_equal(s.held, 0);
	assert_int_equal(s.settled, USD);
	assert_true(spend(&c, 9 * USD)); /* to the last cent */
	assert_false(spend(&c, 1));
	assert_true(spend(&c, 0)); /* what costs nothing is not refused */
	end();
}

static void refusal_says_why(void **state)
{
	struct budget_hold h, held;
	struct budget_why why;
	(void)state;
	begin("timezone: Europe/Berlin\n"
	      "budgets: [{name: dev-day, each: [user, team], window: day, limit: 25 USD}]\n",
	      64);
	c.r.who.v[ATTR_USER] = SLICE("ana@example.com");
	c.r.who.v[ATTR_TEAM] = SLICE("payments");
	assert_true(spend(&c, 20 * USD));
	assert_int_equal(take_usd(&c, 3 * USD, &held), BUDGET_OK);
	assert_int_equal(take_need(&c, (struct budget_need){.usd = 4 * USD, .calls = 1}, &h, &why),
	                 BUDGET_REFUSED);
	assert_true(slice_eq(why.rule->rule.name, SLICE("dev-day")));
	assert_true(slice_eq(why.label, SLICE("ana@example.com, payments")));
	assert_int_equal(why.settled, 20 * USD);
	assert_int_equal(why.held, 3 * USD);
	assert_int_equal(why.limit, 25 * USD);
	assert_int_equal(why.need, 4 * USD);
	assert_int_equal(why.resets_ms, at("2026-11-24T23:00:00Z")); /* midnight in Berlin */
	budget_release(c.b, &h);
	settle_usd(&c, &held, 0);
	end();
}

static void all_or_nothing(void **state)
{
	struct budget_hold h;
	(void)state;
	begin("budgets:\n"
	      "  - {name: org, window: month, limit: 100 USD}\n"
	      "  - {name: team, each: team, window: month, limit: 50 USD}\n"
	      "  - {name: dev, each: user, window: day, limit: 5 USD}\n",
	      64);
	c.r.who.v[ATTR_USER] = SLICE("ana");
	c.r.who.v[ATTR_TEAM] = SLICE("web");
	assert_int_equal(take_usd(&c, 6 * USD, &h), BUDGET_REFUSED);
	budget_release(c.b, &h);
	assert_int_equal(sums_of(c.b, NULL).held, 0);
	assert_int_equal(take_usd(&c, 5 * USD, &h), BUDGET_OK);
	assert_int_equal(sums_of(c.b, NULL).held, 15 * USD);
	assert_int_equal(sums_of(c.b, NULL).n, 3);
	settle_usd(&c, &h, 5 * USD);
	assert_false(spend(&c, USD));
	c.r.who.v[ATTR_USER] = SLICE("bo"); /* a counter of his own */
	assert_true(spend(&c, 5 * USD));
	assert_int_equal(sums_of(c.b, "team").settled, 10 * USD);
	assert_int_equal(sums_of(c.b, "dev").n, 2);
	end();
}

/* An attempt that looks, finds room everywhere, and then does not get it all, takes back what it added. Here
 * the one that is in its way is itself: the counter stands twice in its hold. */
static void taken_back(void **state)
{
	struct budget_hold h = {0};
	struct budget_why why;
	struct budget_need need = {.usd = 6 * USD};
	struct budget_stats stats;
	(void)state;
	begin("budgets: [{name: all, window: total, limit: 10 USD}]\n", 64);
	assert_int_equal(budget_match(c.b, c.s, &c.f, 0, &c.clock, &h, &why), BUDGET_OK);
	h.part[1] = h.part[0];
	h.n = 2;
	assert_int_equal(budget_take(c.b, &h, &need, &why), BUDGET_REFUSED);
	budgets_stats(c.b, &stats);
	assert_true(stats.rolled_back > 0);
	assert_int_equal(stats.refused, 1);
	h.n = 1;
	budget_release(c.b, &h);
	struct sums s = sums_of(c.b, "all");
	assert_int_equal(s.settled, 0);
	assert_int_equal(s.held, 0);
	assert_true(spend(&c, 10 * USD));
	end();
}

static void extended(void **state)
{
	struct budget_hold h;
	struct budget_why why;
	struct budget_need more = {.usd = 3 * USD};
	(void)state;
	begin("budgets:\n"
	      "  - {name: all, window: total, limit: 10 USD}\n"
	      "  - {name: calls, window: total, limit: 1 requests}\n",
	      64);
	assert_int_equal(take_usd(&c, 4 * USD, &h), BUDGET_OK);
	assert_int_equal(budget_extend(c.b, &h, &more, &why), BUDGET_OK);
	assert_int_equal(budget_extend(c.b, &h, &more, &why), BUDGET_OK);
	assert_int_equal(budget_extend(c.b, &h, &more, &why), BUDGET_REFUSED);
	assert_int_equal(sums_of(c.b, "all").held, 10 * USD);
	assert_int_equal(sums_of(c.b, "calls").held, 1);
	settle_usd(&c, &h, 8 * USD);
	assert_int_equal(sums_of(c.b, "all").settled, 8 * USD);
	assert_int_equal(sums_of(c.b, "calls").settled, 1);
	assert_false(spend(&c, USD)); /* the one call is made */
	end();
}

static void units(void **state)
{
	static const struct {
		const char *limit;
		struct budget_need fits, too_much;
	} cases[] = {
	    {"100 tokens", {.input = 60, .output = 40}, {.input = 60, .output = 41}},
	    {"100 output_tokens", {.input = 900, .output = 100}, {.output = 101}},
	    {"100 cache_read_tokens", {.input = 100, .output = 900}, {.input = 101}},
	    {"2 credits", {.credits = 2 * USD}, {.credits = 2 * USD + 1}},
	    {"1 requests", {.calls = 1}, {.calls = 2}},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[200];
		struct budget_hold h;
		struct budget_why why;
		snprintf(text, sizeof text, "budgets: [{name: b, window: day, limit: %s}]\n", cases[i].limit);
		begin(text, 64);
		assert_int_equal(take_need(&c, cases[i].too_much, &h, &why), BUDGET_REFUSED);
		budget_release(c.b, &h);
		assert_int_equal(take_need(&c, cases[i].fits, &h, &why), BUDGET_OK);
		budget_settle(c.b, &h, &cases[i].fits);
		end();
	}
}

/* A meter that was told counts as told; one that was not counts as the bound. */
static void meters(void **state)
{
	struct budget_hold h;
	struct budget_why why;
	struct usage u;
	(void)state;
	begin("budgets: [{name: b, window: day, limit: 100 cache_read_tokens}]\n", 64);
	usage_clear(&u);
	u.m[METER_CACHE_READ] = 7;
	assert_int_equal(take_need(&c, (struct budget_need){.input = 50}, &h, &why), BUDGET_OK);
	budget_settle(c.b, &h, &(struct budget_need){.input = 50, .meters = &u});
	assert_int_equal(sums_of(c.b, "b").settled, 7);
	end();
}

static void soft_ones_count_only(void **state)
{
	struct budget_hold h;
	struct budget_why why;
	(void)state;
	begin("budgets:\n"
	      "  - {name: tell, window: day, limit: 1 USD, action: alert}\n"
	      "  - {name: try, window: day, limit: 1 USD, mode: shadow}\n"
	      "  - {name: none, window: day, limit: 1 USD, mode: off}\n"
	      "  - {name: hard, window: day, limit: 3 USD}\n",
	      64);
	assert_int_equal(take_usd(&c, 2 * USD, &h), BUDGET_OK);
	assert_int_equal(h.n, 3);
	assert_true(h.part[0].exceeded && h.part[1].exceeded && !h.part[2].exceeded);
	settle_usd(&c, &h, 2 * USD);
	assert_int_equal(sums_of(c.b, "tell").settled, 2 * USD);
	assert_int_equal(take_need(&c, (struct budget_need){.usd = 2 * USD}, &h, &why), BUDGET_REFUSED);
	assert_true(slice_eq(why.rule->rule.name, SLICE("hard")));
	budget_release(c.b, &h);
	assert_int_equal(sums_of(c.b, "tell").held, 0); /* not held either when another refuses */
	end();
}

static void rooms(void **state)
{
	struct budget_hold h = {0};
	struct budget_why why;
	struct budget_need base = {.usd = USD, .input = 10};
	(void)state;
	begin("budgets:\n"
	      "  - {name: usd, window: day, limit: 3 USD}\n"
	      "  - {name: tight, window: day, limit: 2 USD}\n"
	      "  - {name: soft, window: day, limit: 1 USD, action: alert}\n"
	      "  - {name: tokens, window: day, limit: 50000 tokens}\n",
	      64);
	assert_int_equal(budget_match(c.b, c.s, &c.f, 0, &c.clock, &h, &why), BUDGET_OK);
	/* a dollar left after the input, at 15 dollars a million */
	assert_int_equal(budget_output_room(&h, &base, 15 * USD), 49990);
	assert_int_equal(budget_output_room(&h, &base, 75 * USD), 13333);
	assert_true(budget_tightest(&h, &why));
	assert_true(slice_eq(why.rule->rule.name, SLICE("tight")));
	assert_int_equal(why.need, 2 * USD);
	base.usd = 3 * USD;
	assert_true(budget_output_room(&h, &base, 15 * USD) < 0);
	budget_release(c.b, &h);
	end();
}

/* --- windows ---------------------------------------------------------------------------------------- */

static void calendar(void **state)
{
	/* Berlin sets its clocks forward on 29 March 2026 and back on 25 October 2026 */
	static const struct {
		const char *window, *spent, *still, *next;
	} cases[] = {
	    {"hour", "2026-10-25T00:30:00Z", "2026-10-25T00:59:59Z", "2026-10-25T01:00:00Z"},
	    {"day", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z", "2026-03-29T22:00:00Z"}, /* 23 hours */
	    {"day", "2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z", "2026-10-25T23:00:00Z"}, /* 25 hours */
	    {"week", "2026-11-22T23:00:00Z", "2026-11-29T22:59:59Z", "2026-11-29T23:00:00Z"},
	    {"month", "2026-10-31T23:00:00Z", "2026-11-30T22:59:59Z", "2026-11-30T23:00:00Z"},
	    {"quarter", "2026-09-30T22:00:00Z", "2026-12-31T22:59:59Z", "2026-12-31T23:00:00Z"},
	    {"quarter", "2026-06-30T22:00:00Z", "2026-09-30T21:59:59Z", "2026-09-30T22:00:00Z"},
	    {"quarter", "2025-12-31T23:00:00Z", "2026-03-31T21:59:59Z", "2026-03-31T22:00:00Z"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[200];
		snprintf(text, sizeof text,
		         "timezone: Europe/Berlin\nbudgets: [{name: b, window: %s, limit: 1 USD}]\n",
		         cases[i].window);
		begin(text, 64);
		caller_at(&c, at(cases[i].spent) - 1);
		assert_true(spend(&c, USD));
		caller_at(&c, at(cases[i].spent));
		if (i != 0) /* that hour had begun before */
			assert_true(spend(&c, USD));
		assert_false(spend(&c, 1));
		caller_at(&c, at(cases[i].still));
		assert_false(spend(&c, 1));
		caller_at(&c, at(cases[i].next));
		assert_true(spend(&c, USD));
		end();
	}
}

/* A call that was held before midnight settles in the day in which it was held. */
static void across_midnight(void **state)
{
	struct budget_hold h;
	(void)state;
	begin("budgets: [{name: b, window: day, limit: 10 USD}]\ntimezone: UTC\n", 64);
	caller_at(&c, at("2026-11-24T23:59:59Z"));
	assert_int_equal(take_usd(&c, 9 * USD, &h), BUDGET_OK);
	caller_at(&c, at("2026-11-25T00:00:01Z"));
	assert_true(spend(&c, 10 * USD)); /* the new day is whole */
	settle_usd(&c, &h, 8 * USD);
	assert_false(spend(&c, 1));
	caller_at(&c, at("2026-11-24T23:59:59Z"));
	assert_true(spend(&c, 2 * USD));
	assert_false(spend(&c, 1));
	end();
}

static void rolling(void **state)
{
	struct budget_hold h;
	(void)state;
	begin("budgets: [{name: b, window: 1h, limit: 10 USD}]\n", 64);
	assert_true(spend(&c, 6 * USD));
	caller_at(&c, NOW + 30 * MIN);
	assert_true(spend(&c, 4 * USD));
	assert_false(spend(&c, 1));
	caller_at(&c, NOW + 60 * MIN - 1);
	assert_false(spend(&c, 1)); /* never sooner than the hour */
	caller_at(&c, NOW + 62 * MIN);
	assert_true(spend(&c, 6 * USD)); /* and at most a 63rd later */
	assert_false(spend(&c, 1));
	caller_at(&c, NOW + 92 * MIN);
	assert_int_equal(take_usd(&c, 4 * USD, &h), BUDGET_OK);
	caller_at(&c, NOW + 24 * HOUR); /* a hold does not roll out */
	assert_false(spend(&c, 7 * USD));
	settle_usd(&c, &h, 4 * USD); /* but what it was does: that call is a day old */
	assert_int_equal(sums_of(c.b, "b").settled, 0);
	assert_true(spend(&c, 10 * USD));
	end();
}

/* --- clocks ----------------------------------------------------------------------------------------- */

/* The wall clock jumps; each window has its own limit, and none is ever passed. */
static void clock_jumps(void **state)
{
	(void)state;
	begin("timezone: UTC\n"
	      "budgets:\n"
	      "  - {name: day, window: day, limit: 10 USD}\n"
	      "  - {name: roll, window: 2h, limit: 15 USD}\n",
	      64);
	assert_true(spend(&c, 10 * USD));
	c.r.time_ms = NOW + DAY; /* forward: another day, but no time has passed for what rolls */
	assert_false(spend(&c, 6 * USD));
	assert_true(spend(&c, 5 * USD));
	c.r.time_ms = NOW; /* back again: that day's counter has kept what it had */
	assert_false(spend(&c, 1));
	c.r.time_ms = NOW - DAY;
	assert_false(spend(&c, 1)); /* 15 USD in two hours of real time */
	c.clock.steady_ms += 3 * HOUR;
	assert_true(spend(&c, 5 * USD));
	end();
}

/* A window that was forgotten is not begun anew when the clock is set back to it. */
static void forgotten_window(void **state)
{
	struct budget_hold h;
	struct budget_why why;
	(void)state;
	begin("timezone: UTC\n"
	      "budgets:\n"
	      "  - {name: shut, window: hour, limit: 10 USD}\n"
	      "  - {name: wide, window: hour, limit: 10 USD, on_failure: open}\n",
	      64);
	assert_true(spend(&c, 10 * USD));
	budgets_turn(c.b, NOW + 90 * MIN);
	assert_int_equal(sums_of(c.b, NULL).n, 2); /* kept for a while */
	budgets_turn(c.b, NOW + 4 * HOUR);
	assert_int_equal(sums_of(c.b, NULL).n, 0);
	assert_int_equal(take_need(&c, (struct budget_need){.usd = 1}, &h, &why), BUDGET_UNKNOWN);
	assert_true(slice_eq(why.rule->rule.name, SLICE("shut")));
	assert_int_equal(sums_of(c.b, NULL).held, 0);
	caller_at(&c, NOW + 4 * HOUR);
	assert_true(spend(&c, USD));
	end();
}

static void held_windows_stay(void **state)
{
	struct budget_hold h;
	(void)state;
	begin("budgets: [{name: b, window: hour, limit: 10 USD}]\ntimezone: UTC\n", 64);
	assert_int_equal(take_usd(&c, 10 * USD, &h), BUDGET_OK);
	budgets_turn(c.b, NOW + 10 * HOUR);
	assert_int_equal(sums_of(c.b, "b").held, 10 * USD);
	settle_usd(&c, &h, USD);
	budgets_turn(c.b, NOW + 10 * HOUR);
	assert_int_equal(sums_of(c.b, "b").n, 0);
	end();
}

/* --- limits that move ------------------------------------------------------------------------------- */

static void lowered_below_what_is_held(void **state)
{
	struct budget_hold h, other;
	struct budget_why why;
	struct budget_need more = {.usd = 1};
	(void)state;
	begin("budgets: [{name: b, window: total, limit: 10 USD}]\n", 64);
	struct settings *before = c.s;
	assert_int_equal(take_usd(&c, 8 * USD, &h), BUDGET_OK);
	c.s = fixture_settings("budgets: [{name: b, window: total, limit: 5 USD}]\n");
	c.f.zone = c.s->zone;
	assert_int_equal(take_usd(&c, 1, &other), BUDGET_REFUSED);
	budget_release(c.b, &other);
	/* the call under way keeps the limit it was admitted by, and what it holds */
	assert_int_equal(budget_extend(c.b, &h, &more, &why), BUDGET_OK);
	settle_usd(&c, &h, 3 * USD);
	assert_true(spend(&c, 2 * USD));
	assert_false(spend(&c, 1));
	settings_unref(before);
	end();
}

static void lifted(void **state)
{
	(void)state;
	begin("budgets: [{name: b, each: user, window: day, limit: 10 USD}]\ntimezone: UTC\n", 64);
	c.r.who.v[ATTR_USER] = SLICE("ana");
	assert_true(spend(&c, 10 * USD));
	assert_false(spend(&c, USD));
	assert_int_equal(budget_share(c.b, &c.s->budgets[0], &c.f, &c.clock), 1000000);
	assert_int_equal(budget_lift(c.b, &c.s->budgets[0], &c.f, &c.clock, 10 * USD), 0);
	assert_int_equal(budget_share(c.b, &c.s->budgets[0], &c.f, &c.clock), 500000);
	assert_true(spend(&c, 10 * USD));
	assert_false(spend(&c, 1));
	c.r.who.v[ATTR_USER] = SLICE("bo");
	assert_true(spend(&c, 10 * USD));
	assert_false(spend(&c, 1));
	caller_at(&c, NOW + DAY); /* of the day only */
	c.r.who.v[ATTR_USER] = SLICE("ana");
	assert_true(spend(&c, 10 * USD));
	assert_false(spend(&c, 1));
	end();
}

static int64_t told_ppm[8];
static size_t told_n;

static void on_alert(void *arg, const struct budget_alert *a)
{
	(void)arg;
	assert_true(slice_eq(a->label, SLICE("ana")));
	assert_true(told_n < COUNT(told_ppm));
	told_ppm[told_n++] = a->ppm;
}

static void thresholds_are_told_once(void **state)
{
	(void)state;
	told_n = 0;
	begin("budgets: [{name: b, each: user, window: day, limit: 10 USD, alerts: [50%, 80%, 100%]}]\n", 64);
	budgets_on_alert(c.b, on_alert, NULL);
	c.r.who.v[ATTR_USER] = SLICE("ana");
	assert_true(spend(&c, 4 * USD));
	assert_int_equal(told_n, 0);
	assert_true(spend(&c, 5 * USD)); /* past two at once */
	assert_int_equal(told_n, 2);
	assert_true(told_ppm[0] == 500000 && told_ppm[1] == 800000);
	assert_true(spend(&c, USD / 2));
	assert_true(spend(&c, USD / 2)); /* it is reached */
	assert_int_equal(told_n, 3);
	end();
}

/* --- failure ---------------------------------------------------------------------------------------- */

static void table_at_its_cap(void **state)
{
	struct budget_hold h;
	struct budget_why why;
	char user[16];
	(void)state;
	for (int open = 0; open < 2; open++) {
		begin(open ? "budgets: [{name: b, each: user, window: day, limit: 1 USD, on_failure: open}]\n"
		           : "budgets: [{name: b, each: user, window: day, limit: 1 USD}]\n",
		      8);
		for (int i = 0; i < 8; i++) {
			snprintf(user, sizeof user, "u%d", i);
			c.r.who.v[ATTR_USER] = slice_of(user);
			assert_true(spend(&c, USD));
		}
		c.r.who.v[ATTR_USER] = SLICE("new");
		enum budget_result r = take_need(&c, (struct budget_need){.usd = 5 * USD}, &h, &why);
		assert_int_equal(r, open ? BUDGET_OK : BUDGET_UNKNOWN);
		budget_release(c.b, &h);
		c.r.who.v[ATTR_USER] = SLICE("u3"); /* those that are there go on */
		assert_false(spend(&c, 1));
		struct budget_stats stats;
		budgets_stats(c.b, &stats);
		assert_int_equal(stats.used, 8);
		assert_int_equal(stats.unknown, 1);
		end();
	}
}

static void not_loaded(void **state)
{
	struct budget_hold h;
	struct budget_why why;
	(void)state;
	struct settings *s =
	    fixture_settings("budgets:\n"
	                     "  - {name: wide, window: day, limit: 1 USD, on_failure: open}\n"
	                     "  - {name: shut, window: day, limit: 1 USD, where: {user: ana}}\n");
	struct budgets *b = budgets_new(64, 1);
	caller_init(&c, b, s, NOW);
	assert_int_equal(take_need(&c, (struct budget_need){.usd = 5 * USD}, &h, &why), BUDGET_OK);
	budget_settle(c.b, &h, &(struct budget_need){.usd = 5 * USD}); /* passes, and is counted */
	c.r.who.v[ATTR_USER] = SLICE("ana");
	assert_int_equal(take_need(&c, (struct budget_need){.usd = 1}, &h, &why), BUDGET_UNKNOWN);
	assert_non_null(why.fault);
	fixture_loaded(b, s);
	assert_int_equal(take_need(&c, (struct budget_need){.usd = 1}, &h, &why), BUDGET_REFUSED);
	assert_true(slice_eq(why.rule->rule.name, SLICE("wide")));
	budget_release(c.b, &h);
	end();
}

static void too_many_match(void **state)
{
	char text[8192] = "budgets:\n";
	struct budget_hold h;
	struct budget_why why;
	(void)state;
	for (int i = 0; i <= BUDGET_PARTS_MAX; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text),
		         "  - {name: b%d, window: day, limit: 1 USD}\n", i);
	begin(text, 64);
	assert_int_equal(take_need(&c, (struct budget_need){.usd = 1}, &h, &why), BUDGET_UNKNOWN);
	assert_int_equal(sums_of(c.b, NULL).held, 0);
	end();
}

/* --- the books -------------------------------------------------------------------------------------- */

/* Counters made of rows are those that the calls had made. */
static void from_rows(void **state)
{
	static const char *const users[] = {"ana", "bo", ""};
	(void)state;
	begin("timezone: Europe/Berlin\n"
	      "budgets:\n"
	      "  - {name: org, window: month, limit: 1000 USD}\n"
	      "  - {name: dev, each: [user, team], window: day, limit: 100 USD}\n"
	      "  - {name: ana, where: {user: ana}, window: quarter, limit: 9000000 tokens}\n"
	      "  - {name: roll, each: user, window: 7d, limit: 1000 requests}\n",
	      256);
	struct budgets *anew = budgets_new(256, 7);
	fixture_loaded(anew, c.s);
	for (int i = 0; i < 300; i++) {
		struct budget_hold h;
		struct budget_need used;
		struct budget_entry e;
		c.r.who.v[ATTR_USER] = slice_of(users[i % 3]);
		c.r.who.v[ATTR_TEAM] = i % 2 ? SLICE("web")
		                             : SLICE("a\x1f"
		                                     "b");
		caller_at(&c, NOW + i * HOUR);
		c.r.priced = true;
		c.r.cost.total = i * USD / 1000;
		c.r.usage.m[METER_INPUT] = 10 + i;
		c.r.usage.m[METER_CACHE_READ] = i % 5 ? i : TOKENS_ABSENT;
		c.r.usage.m[METER_OUTPUT] = 3;
		assert_true(budget_used_by(&c.r, &used));
		assert_int_equal(take_usd(&c, USD, &h), BUDGET_OK);
		budget_settle(c.b, &h, &used);
		for (size_t k = 0; k < c.s->budgets_n; k++) {
			/* what the calendar makes of a window's beginning is that window */
			if (budget_entry_of(&c.s->budgets[k], &c.f, &c.clock, &e))
				assert_int_equal(budget_load(anew, &c.s->budgets[k], &e, &c.clock), 0);
		}
	}
	for (size_t k = 0; k < c.s->budgets_n; k++) {
		char name[32];
		snprintf(name, sizeof name, SLICE_FMT, SLICE_ARG(c.s->budgets[k].rule.name));
		struct sums was = sums_of(c.b, name), is = sums_of(anew, name);
		assert_true(was.settled > 0);
		assert_int_equal(is.settled, was.settled);
		if (k != 0) /* the first call cost nothing: no row of it */
			assert_int_equal(is.n, was.n);
	}
	budgets_free(anew);
	end();
}

static void what_rows_count(void **state)
{
	struct budget_need used;
	struct budget_entry e;
	(void)state;
	begin("budgets:\n"
	      "  - {name: own, window: day, limit: 1 USD}\n"
	      "  - {name: all, window: day, limit: 1 USD, include: [all]}\n",
	      64);
	c.r.priced = true;
	c.r.cost.total = 5;
	assert_true(budget_entry_of(&c.s->budgets[0], &c.f, &c.clock, &e));
	assert_int_equal(e.amount, 5);
	c.r.text[TEXT_SOURCE] = SLICE("import:codex");
	assert_false(budget_entry_of(&c.s->budgets[0], &c.f, &c.clock, &e));
	assert_true(budget_entry_of(&c.s->budgets[1], &c.f, &c.clock, &e));
	c.r.billing = BILLING_SUBSCRIPTION; /* not spent */
	assert_false(budget_entry_of(&c.s->budgets[1], &c.f, &c.clock, &e));
	c.r.ending = ENDING_REFUSED;
	assert_false(budget_used_by(&c.r, &used));
	end();
}

static void shapes(void **state)
{
	static const char *const same[] = {"limit: 1 USD", "limit: 9 USD, action: pause, on_failure: open"};
	static const char *const other[] = {"limit: 1 tokens",
	                                    "limit: 1 USD, each: user",
	                                    "limit: 1 USD, where: {user: ana}",
	                                    "limit: 1 USD, where: {user: bo}",
	                                    "limit: 1 USD, where: {user: \"!bo\"}",
	                                    "limit: 1 USD, cohort: 5%",
	                                    "limit: 1 USD, include: [all]"};
	uint64_t seen[COUNT(other) + 2];
	char text[200];
	size_t n = 0;
	(void)state;
	for (size_t i = 0; i < COUNT(same) + COUNT(other); i++) {
		snprintf(text, sizeof text, "timezone: UTC\nbudgets: [{name: b, window: day, %s}]\n",
		         i < COUNT(same) ? same[i] : other[i - COUNT(same)]);
		begin(text, 8);
		uint64_t shape = c.s->budgets[0].shape;
		if (i == 1)
			assert_true(shape == seen[0]);
		else
			for (size_t k = 0; k < n; k++)
				assert_true(shape != seen[k]);
		seen[n++] = shape;
		end();
	}
	begin("timezone: Europe/Berlin\nbudgets: [{name: b, window: day, limit: 1 USD}]\n", 8);
	assert_true(c.s->budgets[0].shape != seen[0]);
	end();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hold_and_settle),
	    cmocka_unit_test(refusal_says_why),
	    cmocka_unit_test(all_or_nothing),
	    cmocka_unit_test(taken_back),
	    cmocka_unit_test(extended),
	    cmocka_unit_test(units),
	    cmocka_unit_test(meters),
	    cmocka_unit_test(soft_ones_count_only),
	    cmocka_unit_test(rooms),
	    cmocka_unit_test(calendar),
	    cmocka_unit_test(across_midnight),
	    cmocka_unit_test(rolling),
	    cmocka_unit_test(clock_jumps),
	    cmocka_unit_test(forgotten_window),
	    cmocka_unit_test(held_windows_stay),
	    cmocka_unit_test(lowered_below_what_is_held),
	    cmocka_unit_test(lifted),
	    cmocka_unit_test(thresholds_are_told_once),
	    cmocka_unit_test(table_at_its_cap),
	    cmocka_unit_test(not_loaded),
	    cmocka_unit_test(too_many_match),
	    cmocka_unit_test(from_rows),
	    cmocka_unit_test(what_rows_count),
	    cmocka_unit_test(shapes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
