/* What is so, by source: each cause's key, severity and words, on a ledger and counters made by hand. */
#include "base/money.h"
#include "base/zone.h"
#include "finops/alert_source.h"
#include "unit/store/fixture.h"

#define T0   INT64_C(1764000000000) /* 2025-11-24T16:00:00Z */
#define SEC  INT64_C(1000)
#define MIN  (60 * SEC)
#define HOUR (60 * MIN)

static const struct ledger_ops *ops;
static struct folder folder;
static struct ledger *l;
static struct settings *settings;
static struct alert_source src;

struct seen {
	size_t n;
	char text[32][1800];
	struct alert_label label[32];
};
static struct seen seen;

static int see(void *arg, const struct alert_cause *c)
{
	(void)arg;
	if (seen.n < 32)
		snprintf(seen.text[seen.n], sizeof seen.text[0],
		         SLICE_FMT "|%s|%s|%lld|" SLICE_FMT "|" SLICE_FMT "|" SLICE_FMT "|to " SLICE_FMT,
		         SLICE_ARG(c->key), alert_kind_name(c->kind), alert_severity_name(c->severity),
		         (long long)c->level, SLICE_ARG(c->title), SLICE_ARG(c->look), SLICE_ARG(c->contain),
		         SLICE_ARG(c->target));
	seen.n++;
	return 0;
}

static bool saw(const char *part)
{
	for (size_t i = 0; i < seen.n && i < 32; i++)
		if (strstr(seen.text[i], part))
			return true;
	return false;
}

static void on_fault(void *arg, const char *line)
{
	(void)arg;
	fail_msg("%s", line);
}

static const char *const yaml =
    "store: sqlite:weir.db\n"
    "budgets:\n"
    "  - {name: dev-day, each: [user, repo], window: day, limit: 10 USD, alerts: [50%, 80%, 100%]}\n"
    "  - {name: soft, window: month, limit: 1M tokens, action: alert, alerts: [100%]}\n"
    "  - {name: mute, window: day, limit: 1 USD}\n"
    "  - {name: session, each: session, window: total, limit: 10 USD, alerts: [50%, 100%]}\n"
    "storms:\n"
    "  - {name: loops, where: {team: a}, action: pause, handoff: {to: lead}}\n"
    "  - {name: told, action: alert}\n";

static int set_up(void **state)
{
	(void)state;
	struct error e = {0};
	slice rest;
	folder_make(&folder);
	ops = ledger_for(SLICE("sqlite:x"), &rest, &e);
	assert_int_equal(ops->open(folder_file(&folder, "weir.db"), true, &l, &e), 0);
	const char *path = folder_file(&folder, "weir.yaml");
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(yaml, f);
	fclose(f);
	settings = settings_load(slice_of(path), on_fault, NULL);
	memset(&seen, 0, sizeof seen);
	src = (struct alert_source){
	    .ops = ops, .ledger = l, .settings = settings, .now_ms = T0, .on_cause = see};
	return settings ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	settings_unref(settings);
	ops->close(l);
	folder_remove(&folder);
	return 0;
}

/* --- budgets ----------------------------------------------------------------------------- */

static void load(struct budgets *b, const char *name, const char *key, int64_t amount, int64_t from_ms)
{
	struct budget_clock clock = {.zone = settings->zone, .steady_ms = T0};
	struct budget_entry e = {.from_ms = from_ms, .amount = amount, .key_n = strlen(key)};
	memcpy(e.key, key, e.key_n);
	const struct budget_rule *r = settings_budget(settings, slice_of(name));
	assert_int_equal(budget_load(b, r, &e, &clock), 0);
	budget_set_loaded(b, r);
}

static void budgets_by_the_highest_threshold_of_this_window(void **state)
{
	(void)state;
	int64_t from, to;
	struct budgets *b = budgets_new(100, 1);
	src.budgets = b;
	zone_span(settings->zone, ZONE_DAY, T0, &from, &to);
	load(b, "dev-day", "ana@example.com\x1fshop", 8 * MONEY_NANO_PER_USD, from);
	load(b, "dev-day", "bo@example.com\x1fshop", 4 * MONEY_NANO_PER_USD, from);
	load(b, "dev-day", "cy@example.com\x1fshop", 9950 * (MONEY_NANO_PER_USD / 1000), from);
	load(b, "dev-day", "dee@example.com\x1fshop", 9 * MONEY_NANO_PER_USD, from - 24 * HOUR);
	load(b, "mute", "", 5 * MONEY_NANO_PER_USD, from);
	assert_int_equal(alert_source_budgets(&src), 0);
	assert_int_equal(seen.n, 2);
	assert_true(
	    saw("budget/dev-day/ana@example.com, shop/1763942400000|budget|warning|800000|Budget dev-day of "
	        "ana@example.com, shop: 80% used, $8.00 of $10.00|weir triage --since 2025-11-24T15:00:00Z "
	        "--where user=ana@example.com|weir freeze --user=ana@example.com --reason alert|"));
	assert_true(saw(
	    "cy@example.com, shop/1763942400000|budget|critical|1000000|Budget dev-day of cy@example.com, "
	    "shop: 99% used, $9.95 of $10.00"));
	budgets_free(b);
}

static void a_budget_that_only_counts_is_never_critical(void **state)
{
	(void)state;
	int64_t from, to;
	struct budgets *b = budgets_new(100, 1);
	src.budgets = b;
	zone_span(settings->zone, ZONE_MONTH, T0, &from, &to);
	load(b, "soft", "", 2000000, from);
	assert_int_equal(alert_source_budgets(&src), 0);
	assert_int_equal(seen.n, 1);
	assert_true(
	    saw("|budget|warning|1000000|Budget soft: 200% used, 2.00M tokens of 1.00M tokens|weir triage "
	        "--since 2025-11-24T15:00:00Z||"));
	budgets_free(b);
}

static void a_budget_for_ever_is_told_as_it_is_passed(void **state)
{
	(void)state;
	struct budgets *b = budgets_new(100, 1);
	src.budgets = b;
	src.levels = alert_levels_new();
	load(b, "session", "old", 10 * MONEY_NANO_PER_USD, 0);
	load(b, "session", "new", MONEY_NANO_PER_USD, 0);
	assert_int_equal(alert_source_budgets(&src), 0);
	assert_int_equal(seen.n, 0); /* it was so before */
	load(b, "session", "new", 4 * MONEY_NANO_PER_USD, 0);
	load(b, "session", "newer", 10 * MONEY_NANO_PER_USD, 0);
	assert_int_equal(alert_source_budgets(&src), 0);
	assert_int_equal(seen.n, 2);
	assert_true(saw("budget/session/new/0|budget|warning|500000|Budget session of new: 50% used"));
	assert_true(saw("budget/session/newer/0|budget|critical|1000000|"));
	assert_true(saw("|weir session pause -- newer|"));
	assert_int_equal(alert_source_budgets(&src), 0);
	assert_int_equal(seen.n, 2);
	load(b, "session", "new", 5 * MONEY_NANO_PER_USD, 0);
	assert_int_equal(alert_source_budgets(&src), 0);
	assert_int_equal(seen.n, 3);
	alert_levels_free(src.levels);
	budgets_free(b);
}

/* --- sessions ---------------------------------------------------------------------------- */

static void put_call(const char *id, const char *session, const char *rule, enum decision d)
{
	struct record r;
	struct error e = {0};
	sample_record(&r, 1);
	snprintf(r.id, sizeof r.id, "%s", id);
	r.who.v[ATTR_SESSION] = slice_of(session);
	r.who.v[ATTR_USER] = SLICE("ana@example.com");
	r.text[TEXT_RULE] = slice_of(rule);
	r.decision = d;
	assert_int_equal(ops->begin(l, &e), 0);
	assert_int_equal(ops->add(l, &r, &e), 0);
	assert_int_equal(ops->commit(l, &e), 0);
}

static void put_session(const char *id, const char *state, const char *reason)
{
	struct error e = {0};
	struct ledger_session s = {.id = slice_of(id),
	                           .scope = SLICE("k_1"),
	                           .agent = SLICE("codex"),
	                           .reason = slice_of(reason),
	                           .state = slice_of(state),
	                           .started_ms = T0 - HOUR,
	                           .seen_ms = T0,
	                           .state_ms = T0 - MIN,
	                           .calls = 12};
	assert_int_equal(ops->begin(l, &e), 0);
	assert_int_equal(ops->session_put(l, &s, &e), 0);
	assert_int_equal(ops->commit(l, &e), 0);
}

static void a_paused_session_is_a_storm_or_a_persons_doing(void **state)
{
	(void)state;
	struct error e = {0};
	put_session("s-run", "running", "");
	put_session("s-storm", "paused", "`make` gave the same result 3 times");
	put_call("01ARZ3NDEKTSV4RRFFQ69G5FA1", "s-storm", "loops", DECISION_PAUSED);
	put_session("--reason", "running", "");
	put_call("01ARZ3NDEKTSV4RRFFQ69G5FA2", "--reason", "", DECISION_ADMITTED);
	assert_int_equal(ops->session_act(l, SLICE("--reason"), SLICE("paused"), SLICE("handed to chat: odd"),
	                                  SLICE("bo"), T0 - MIN, &e),
	                 0);
	assert_int_equal(alert_source_sessions(&src, &e), 0);
	assert_int_equal(seen.n, 2);
	assert_true(saw(
	    "storm/s-storm/1763999940000|storm|warning|0|Storm: session s-storm of ana@example.com is "
	    "paused: `make` gave the same result 3 times|weir triage --since 2025-11-24T14:59:00Z --where "
	    "session=s-storm|weir session stop -- s-storm|to lead"));
	assert_true(
	    saw("pause/--reason/1763999940000|pause|warning|0|Session --reason of ana@example.com was paused "
	        "by bo: handed to chat: odd|"));
	assert_true(saw("|weir session stop -- --reason|to chat"));
}

static void a_session_that_was_paused_long_ago_is_no_news(void **state)
{
	(void)state;
	struct error e = {0};
	put_session("s-old", "paused", "x");
	src.now_ms = T0 + 24 * HOUR;
	assert_int_equal(alert_source_sessions(&src, &e), 0);
	assert_int_equal(seen.n, 0);
}

/* --- freezes, overrides, changes --------------------------------------------------------- */

static void what_is_frozen_and_lifted(void **state)
{
	(void)state;
	struct error e = {0};
	struct ledger_freeze user = {SLICE("user"), SLICE("o'hara"), SLICE("bo"), SLICE("loops"), T0},
	                     org = {SLICE("org"), SLICE_NONE, SLICE("bo"), SLICE_NONE, T0};
	assert_int_equal(ops->freeze_put(l, &user, &e), 0);
	assert_int_equal(ops->freeze_put(l, &org, &e), 0);
	assert_int_equal(alert_source_freezes(&src, &e), 0);
	assert_int_equal(seen.n, 2);
	assert_true(
	    saw("freeze/user/o'hara|freeze|warning|0|Frozen: user o'hara, by bo: loops|weir freeze list|weir "
	        "unfreeze --user='o'\\''hara'|"));
	assert_true(saw(
	    "freeze/org/|freeze|critical|0|Frozen: all calls, by bo|weir freeze list|weir unfreeze --org|"));
	struct ledger_override w = {.id = SLICE("o1"),
	                            .budget = SLICE("dev-day"),
	                            .amount = 5 * MONEY_NANO_PER_USD,
	                            .from_ms = T0 - HOUR,
	                            .until_ms = T0 + HOUR,
	                            .state = OVERRIDE_WAITING,
	                            .requested_by = SLICE("ana@example.com (k_1)"),
	                            .reason = SLICE("a release"),
	                            .requested_ms = T0};
	assert_int_equal(ops->override_add(l, &w, SLICE_NONE, &e), 0);
	assert_int_equal(alert_source_overrides(&src, &e), 0);
	assert_true(saw(
	    "override/o1/waiting|override|warning|0|An override waits: ana@example.com (k_1) asks for $5.00 "
	    "more of budget dev-day: a release|weir budget show dev-day|weir budget approve o1|"));
	assert_int_equal(
	    ops->override_decide(l, SLICE("o1"), OVERRIDE_ACTIVE, SLICE("lead"), T0, SLICE_NONE, &e), 0);
	assert_int_equal(alert_source_overrides(&src, &e), 0);
	assert_true(saw("override/o1/active|override|info|0|ana@example.com (k_1) took $5.00 more"));
	src.now_ms = T0 + 2 * HOUR;
	size_t before = seen.n;
	assert_int_equal(alert_source_overrides(&src, &e), 0);
	assert_int_equal(seen.n, before);
}

static void many_devices_are_told_once(void **state)
{
	(void)state;
	struct error e = {0};
	int64_t seq = 0;
	struct ledger_change c = {.at_ms = T0 - MIN,
	                          .action = SLICE("key.many_devices"),
	                          .subject = SLICE("k_1"),
	                          .detail = SLICE("9 devices")};
	assert_int_equal(ops->record(l, &c, &e), 0);
	assert_int_equal(alert_source_changes(&src, &seq, &e), 0);
	assert_int_equal(seen.n, 1);
	assert_true(saw("key/k_1|key|warning|0|Key k_1 is used from many devices"));
	assert_true(saw("|weir freeze --key=k_1 --reason 'many devices'|"));
	assert_int_equal(alert_source_changes(&src, &seq, &e), 0);
	assert_int_equal(seen.n, 1);
	assert_int_equal(ops->record(l, &c, &e), 0);
	assert_int_equal(alert_source_changes(&src, &seq, &e), 0);
	assert_int_equal(seen.n, 2);
}

/* --- the ledger, providers, single calls ------------------------------------------------- */

static void trouble_of_the_ledger_and_its_journal(void **state)
{
	(void)state;
	struct alert_ledger ok = {.journal = {.slots = 100, .in_flight = 30, .settled = 40}};
	assert_int_equal(alert_source_ledger(&src, &ok), 0);
	struct alert_ledger lock = ok;
	lock.failing_since_ms = T0 - 9 * SEC;
	assert_int_equal(alert_source_ledger(&src, &lock), 0);
	assert_int_equal(seen.n, 0);
	lock.failing_since_ms = T0 - 10 * SEC;
	lock.journal.settled = 50;
	assert_int_equal(alert_source_ledger(&src, &lock), 0);
	assert_int_equal(seen.n, 2);
	assert_true(saw("ledger/journal|ledger|critical|1|The journal is 80% full: 80 of 100 calls|"));
	assert_true(saw("ledger/rows|ledger|critical|0|The ledger takes no rows|weir doctor|"));
}

static void a_provider_errs_above_what_is_usual(void **state)
{
	(void)state;
	struct error e = {0};
	struct alert_provider p[] = {
	    {"few", 19, 19, false}, {"bad", 100, 30, false}, {"worse", 100, 60, false}};
	assert_int_equal(alert_source_providers(&src, p, 3, &e), 0);
	assert_int_equal(seen.n, 2);
	assert_true(saw("provider/bad|provider|warning|1|Provider bad errs: 30% of its calls in the last 5 "
	                "minutes (30 of "
	                "100)|"));
	assert_true(saw("provider/worse|provider|critical|2|"));
	p[1].errors = 11; /* still above the share at which it ends */
	p[2].errors = 9;
	seen.n = 0;
	assert_int_equal(alert_source_providers(&src, p, 3, &e), 0);
	assert_int_equal(seen.n, 1);
	assert_true(saw("provider/bad|"));
}

static void a_provider_that_always_errs_so_is_no_news(void **state)
{
	(void)state;
	struct error e = {0};
	for (int i = 0; i < 10; i++) {
		struct record r;
		sample_record(&r, i);
		snprintf(r.id, sizeof r.id, "01ARZ3NDEKTSV4RRFFQ69G5F0%c", (char)(0x30 + i));
		r.time_ms = T0 - HOUR;
		r.text[TEXT_PROVIDER] = SLICE("bad");
		r.text[TEXT_SOURCE] = SLICE("gateway");
		r.ending = i < 2 ? ENDING_PROVIDER_ERROR : ENDING_COMPLETE;
		r.status = i < 2 ? 529 : 200;
		assert_int_equal(ops->begin(l, &e), 0);
		assert_int_equal(ops->add(l, &r, &e), 0);
		assert_int_equal(ops->commit(l, &e), 0);
	}
	struct alert_provider p = {"bad", 100, 30, false};
	assert_int_equal(alert_source_providers(&src, &p, 1, &e), 0);
	assert_int_equal(seen.n, 0); /* a third is not three times a fifth */
	p.errors = 61;
	assert_int_equal(alert_source_providers(&src, &p, 1, &e), 0);
	assert_int_equal(seen.n, 1);
}

static void event(struct record *r)
{
	struct buf body;
	buf_init(&body, 8192);
	struct ledger_alert_event ev = {1, T0, alert_event_of(settings, r, &body), SLICE_NONE};
	ev.body = buf_slice(&body);
	if (ev.kind.n)
		assert_int_equal(alert_source_event(&src, &ev), 0);
	buf_release(&body);
}

static void calls_that_are_told_of_by_themselves(void **state)
{
	(void)state;
	struct record r;
	sample_record(&r, 1);
	r.who.v[ATTR_SESSION] = SLICE("s 1");
	r.who.v[ATTR_USER] = SLICE("ana");
	r.decision = DECISION_ADMITTED;
	r.text[TEXT_RULE] = SLICE("told");
	r.text[TEXT_EXPLANATION] = SLICE("`make` gave the same result 3 times");
	event(&r);
	assert_int_equal(seen.n, 1);
	assert_true(saw("storm/s 1|storm|critical|0|Storm: session s 1 of ana goes round in circles: `make` "
	                "gave the same "
	                "result 3 times|"));
	assert_true(saw("|weir session pause -- 's 1'|"));
	r.text[TEXT_RULE] = SLICE("loops"); /* pauses: its session's state says so */
	r.decision = DECISION_PAUSED;
	event(&r);
	r.text[TEXT_RULE] = SLICE("dev-day");
	r.decision = DECISION_REFUSED;
	event(&r);
	assert_int_equal(seen.n, 1);
	r.text[TEXT_RULE] = SLICE("unpriced");
	r.text[TEXT_PROVIDER] = SLICE("acme");
	r.text[TEXT_MODEL_SERVED] = SLICE_NONE;
	r.text[TEXT_MODEL_REQUESTED] = SLICE("new-model");
	event(&r);
	assert_int_equal(seen.n, 2);
	assert_true(saw(
	    "unpriced/acme/new-model|unpriced|warning|0|No price is known for model new-model at acme: its "
	    "calls are refused|"));
}

static void words_for_a_shell(void **state)
{
	(void)state;
	char out[64], look[ALERT_COMMAND];
	alert_quote(SLICE("ana@example.com"), out, sizeof out);
	assert_string_equal(out, "ana@example.com");
	alert_quote(SLICE("$(rm -rf /)\n`x`"), out, sizeof out);
	assert_string_equal(out, "'$(rm -rf /) `x`'");
	alert_quote(SLICE("it's"), out, sizeof out);
	assert_string_equal(out, "'it'\\''s'");
	alert_quote(SLICE(""), out, sizeof out);
	assert_string_equal(out, "''");
	char small[12];
	alert_quote(SLICE("a''''''''''''''''b"), small, sizeof small);
	assert_true(strlen(small) < sizeof small);
	alert_look(look, T0, "user", SLICE("a b"));
	assert_string_equal(look, "weir triage --since 2025-11-24T15:00:00Z --where 'user=a b'");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(budgets_by_the_highest_threshold_of_this_window),
	    TEST(a_budget_that_only_counts_is_never_critical),
	    TEST(a_budget_for_ever_is_told_as_it_is_passed),
	    TEST(a_paused_session_is_a_storm_or_a_persons_doing),
	    TEST(a_session_that_was_paused_long_ago_is_no_news),
	    TEST(what_is_frozen_and_lifted),
	    TEST(many_devices_are_told_once),
	    TEST(trouble_of_the_ledger_and_its_journal),
	    TEST(a_provider_errs_above_what_is_usual),
	    TEST(a_provider_that_always_errs_so_is_no_news),
	    TEST(calls_that_are_told_of_by_themselves),
	    TEST(words_for_a_shell),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
