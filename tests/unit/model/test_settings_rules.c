/* The rules out of a settings file: what is read, and every fault of one run in words. */
#include <stdlib.h>
#include <unistd.h>

#include "model/settings.h"
#include "unit/unit.h"

static char told[8192];

static void tell(void *arg, const char *line)
{
	const char *file = arg;
	size_t n = strlen(told);
	if (strncmp(line, file, strlen(file)) == 0)
		line += strlen(file) + 1;
	snprintf(told + n, sizeof told - n, "%s\n", line);
}

static struct settings *load(const char *text)
{
	char path[] = "/tmp/weir-rules-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	told[0] = '\0';
	struct settings *s =
	    settings_load_with(slice_of(path), SETTINGS_NO_PRICES | SETTINGS_NO_FOLDER, tell, path);
	unlink(path);
	return s;
}

/* The example of the product's page. */
static const char EXAMPLE[] =
    "timezone: Europe/Berlin\n"
    "budgets:\n"
    "  - {name: org-month,  window: month, limit: 20000 USD, alerts: [50%, 80%, 100%, forecast]}\n"
    "  - {name: team-month, each: team,  window: month, limit: 4000 USD}\n"
    "  - {name: dev-day,    each: user,  window: day,   limit: 25 USD, override: {up_to: 25 USD, per: day}}\n"
    "  - {name: ci-pr,      each: [repo, pr], where: {environment: ci}, window: total, limit: 3 USD}\n"
    "  - {name: session,    each: session, window: total, limit: 10 USD, action: pause}\n"
    "quotas:\n"
    "  - {name: burst, each: user, requests: 120/minute, tokens: 2000000/minute, concurrent: 16}\n"
    "gates:                                 # first match decides\n"
    "  - {name: ci-push, where: {environment: ci, trigger: push}, deny: \"agents run on pull requests "
    "only\"}\n"
    "  - {name: ci-diff, where: {environment: ci, diff_lines: \">3000\"}, deny: \"diff too large for an "
    "agent "
    "review\"}\n"
    "  - {name: mcp,     where: {mcp_server: \"!approved-*\"}, deny: \"unapproved MCP server\"}\n"
    "routes:\n"
    "  tiers: {small: [claude-haiku-4-5, gpt-5-mini], large: [claude-opus-4-5, gpt-5]}\n"
    "storms: {repeat_calls: 6, same_error: 4, turns: 200, runtime: 2h, fan_out: 20, depth: 4,\n"
    "  retry_budget: {calls: 20, usd: 5}, burn: 2 USD/minute, action: pause, handoff: {to: chat, timeout: "
    "8h}}\n";

#define USD        INT64_C(1000000000)
#define IS(s, lit) assert_true(slice_eq((s), SLICE(lit)))

static void example(void **state)
{
	struct settings *s = load(EXAMPLE);
	(void)state;
	assert_string_equal(told, "");
	assert_non_null(s);
	assert_non_null(s->zone);
	assert_int_equal(s->budgets_n, 5);
	const struct budget_rule *b = s->budgets;
	IS(b[0].rule.name, "org-month");
	assert_null(b[0].rule.where);
	assert_int_equal(b[0].each_n, 0);
	assert_int_equal(b[0].window.kind, WINDOW_MONTH);
	assert_int_equal(b[0].limit.unit, LIMIT_USD);
	assert_int_equal(b[0].limit.n, 20000 * USD);
	assert_int_equal(b[0].alerts_n, 3);
	assert_int_equal(b[0].alerts[1], 800000);
	assert_true(b[0].alert_forecast);
	assert_int_equal(b[0].action, ACTION_BLOCK);
	assert_int_equal(b[0].on_failure, 0);
	assert_false(b[0].include);
	assert_int_equal(b[1].each_n, 1);
	assert_int_equal(b[1].each[0].field, FIELD_TEAM);
	assert_true(b[2].has_override);
	assert_int_equal(b[2].override_up_to.n, 25 * USD);
	assert_int_equal(b[2].override_per.kind, WINDOW_DAY);
	assert_int_equal(b[3].each_n, 2);
	assert_int_equal(b[3].each[1].field, FIELD_PR);
	assert_non_null(b[3].rule.where);
	assert_int_equal(b[3].window.kind, WINDOW_TOTAL);
	assert_int_equal(b[4].action, ACTION_PAUSE);
	assert_ptr_equal(settings_budget(s, SLICE("session")), &b[4]);
	assert_null(settings_budget(s, SLICE("none")));
	assert_int_equal(s->quotas_n, 1);
	const struct quota_rule *q = s->quotas;
	assert_int_equal(q->requests.n, 120);
	assert_int_equal(q->requests.period_ms, 60000);
	assert_int_equal(q->tokens.n, 2000000);
	assert_int_equal(q->concurrent, 16);
	assert_int_equal(q->burst_ms, 0);
	assert_int_equal(s->gates_n, 3);
	assert_int_equal(s->tiers_n, 2);
	IS(settings_tier(s, SLICE("large"))->models[1], "gpt-5");
	assert_int_equal(s->storms_n, 1);
	IS(s->storms[0].handoff_to, "chat");
	IS(s->gates[2].rule.name, "mcp");
	IS(s->gates[2].deny, "unapproved MCP server");
	assert_true(where_uses(s->gates[2].rule.where, FIELD_MCP_SERVER));
	settings_unref(s);
}

static void every_key(void **state)
{
	struct settings *s =
	    load("budgets:\n"
	         "  - {name: a, mode: shadow, cohort: pilot, each: [user, tags.customer, key], window: "
	         "rolling 24h,\n"
	         "     limit: 2M tokens, action: downgrade, to: small, on_failure: open, include: [all], "
	         "alerts: 90%,\n"
	         "     override: {up_to: 500k tokens, approved_up_to: 1M tokens, approvers: [ana, bo]}}\n"
	         "  - {name: b, mode: off, cohort: 12.5%, window: 7d, limit: 500k output_tokens}\n"
	         "  - {name: c, window: quarter, limit: 100 requests}\n"
	         "  - {name: d, window: hour, limit: 2.5 credits}\n"
	         "quotas: [{name: a, requests: 10/s, burst: 30s, where: {provider: openai}}]\n"
	         "routes: {tiers: {small: [claude-haiku-4-5, 'us.amazon.nova-lite-v1:0'], large: [gpt-5]}}\n"
	         "gates:\n"
	         "  - {name: hotfix, where: {branch: hotfix/*}, allow: true}\n"
	         "  - {name: dear, where: {budget: {c: '>80%'}}, deny: late}\n");
	(void)state;
	assert_string_equal(told, "");
	assert_non_null(s);
	const struct budget_rule *b = s->budgets;
	assert_int_equal(b[0].rule.mode, MODE_SHADOW);
	assert_int_equal(b[0].rule.cohort.kind, COHORT_NAMED);
	IS(b[0].rule.cohort.name, "pilot");
	assert_int_equal(b[0].each_n, 3);
	assert_int_equal(b[0].each[1].field, FIELD_TAGS);
	IS(b[0].each[1].tag, "customer");
	assert_int_equal(b[0].window.kind, WINDOW_ROLLING);
	assert_int_equal(b[0].window.rolling_ms, 86400000);
	assert_int_equal(b[0].limit.unit, LIMIT_TOKENS);
	assert_int_equal(b[0].limit.n, 2000000);
	assert_int_equal(b[0].action, ACTION_DOWNGRADE);
	IS(b[0].downgrade, "small");
	assert_int_equal(s->tiers_n, 2);
	const struct tier *small = settings_tier(s, SLICE("small"));
	assert_int_equal(small->models_n, 2);
	IS(small->models[0], "claude-haiku-4-5");
	IS(small->models[1], "us.amazon.nova-lite-v1:0");
	IS(s->tiers[1].models[0], "gpt-5");
	assert_null(settings_tier(s, SLICE("middle")));
	assert_int_equal(b[0].on_failure, 1);
	assert_true(b[0].include);
	assert_int_equal(b[0].alerts_n, 1);
	assert_int_equal(b[0].override_up_to.n, 500000);
	assert_int_equal(b[0].approve_up_to.n, 1000000);
	assert_int_equal(b[0].approvers_n, 2);
	assert_int_equal(b[0].override_per.kind, WINDOW_NONE);
	assert_int_equal(b[1].rule.mode, MODE_OFF);
	assert_int_equal(b[1].rule.cohort.ppm, 125000);
	assert_int_equal(b[1].window.rolling_ms, INT64_C(604800000));
	assert_int_equal(b[1].limit.unit, LIMIT_METER);
	assert_int_equal(b[1].limit.meter, METER_OUTPUT);
	assert_int_equal(b[2].limit.unit, LIMIT_CALLS);
	assert_int_equal(b[3].limit.unit, LIMIT_CREDITS);
	assert_int_equal(b[3].limit.n, 2500000000);
	assert_int_equal(s->quotas[0].burst_ms, 30000);
	assert_true(s->gates[0].allow);
	settings_unref(s);
}

/* One alone needs no name; of several each does. */
static void contexts(void **state)
{
	struct settings *s = load("context: {limits: {tokens: 180000}}\n");
	(void)state;
	assert_string_equal(told, "");
	assert_int_equal(s->contexts_n, 1);
	IS(s->contexts[0].rule.name, "context");
	assert_int_equal(s->contexts[0].tokens, 180000);
	settings_unref(s);
	s = load("context:\n  - {name: a, limits: {tokens: 2k}, mode: shadow}\n  - {name: b, limits: "
	         "{tokens: 1}}\n");
	assert_string_equal(told, "");
	assert_int_equal(s->contexts_n, 2);
	assert_int_equal(s->contexts[0].tokens, 2000);
	assert_int_equal(s->contexts[0].rule.mode, MODE_SHADOW);
	settings_unref(s);
	assert_null(load("context:\n  - {limits: {tokens: 0}}\n"));
	assert_string_equal(
	    told, "2:5: context[].name is missing: refusals, the ledger and alerts call the rule by it\n"
	          "2:5: context[]: nothing is limited: write limits: {tokens: 180000}\n"
	          "2:23: context[].limits.tokens: 0 is not between 1 and 100000000\n");
	assert_null(load("context: {limits: {tokens: 9, tool_result: 9}}\n"));
	assert_non_null(strstr(told, "context[].limits.tool_result: not carried out by this version"));
}

static void faults(void **state)
{
	static const struct {
		const char *text, *told;
	} cases[] = {
	    {"budgets:\n  - {nome: x, window: dya, limit: 25}\n",
	     "2:5: budgets[].name is missing: refusals, the ledger and alerts call the rule by it\n"
	     "2:6: there is no key budgets[].nome; did you mean name?\n"
	     "2:23: budgets[].window: \"dya\" is no window: write hour, day, week, month, quarter, total, or "
	     "rolling 24h (did you mean day?)\n"
	     "2:35: budgets[].limit: \"25\" is no amount: write 25 USD, 2M tokens, 500k output_tokens, 100 "
	     "requests "
	     "or 50 credits\n"},
	    {"budgets:\n  - {name: x}\n",
	     "2:5: budgets[].limit is missing: such as 25 USD\n"
	     "2:5: budgets[].window is missing: hour, day, week, month, quarter, total, or rolling 24h\n"},
	    {"budgets:\n  - {name: x, window: day, limit: 1 USD, each: usr, where: {diff_lines: 5}}\n",
	     "2:48: budgets[].each: there is no field usr; did you mean user?\n"
	     "2:61: budgets[].where: diff_lines does not stand in the ledger, from which what was spent is "
	     "counted "
	     "again at each start: a gate can ask for it, this rule cannot\n"},
	    {"budgets:\n  - {name: x, window: day, limit: 1 USD, each: [user, user]}\n"
	     "  - {name: x, window: 10s, limit: -1 USD, action: stop, cohort: 101%, each: turn}\n",
	     "2:55: budgets[].each: user stands twice\n"
	     "3:12: budgets[].name: there are two called \"x\": the other is at FILE:2\n"
	     "3:23: budgets[].window: 10s is not between 1m and 366d\n"
	     "3:35: budgets[].limit: \"-1 USD\" is no amount: write 25 USD, 2M tokens, 500k output_tokens, "
	     "100 "
	     "requests or 50 credits\n"
	     "3:51: budgets[].action: \"stop\" is not to be chosen: write block, pause, downgrade, throttle "
	     "or "
	     "alert\n"
	     "3:65: budgets[].cohort: \"101%\" is no share of the users: write 0% to 100%\n"
	     "3:77: budgets[].each: turn parts nothing: write a field that is a text, such as user or "
	     "session\n"},
	    {"budgets:\n  - {name: x, window: day, limit: 1 USD, action: downgrade, alerts: [50, 80%, 80%]}\n"
	     "  - {name: y, window: day, limit: 1 USD, to: small, include: some, override: {up_to: 5 "
	     "tokens}}\n"
	     "  - {name: z, window: day, limit: 1 USD, override: {per: day}}\n",
	     "2:5: budgets[].to is missing: the tier that action: downgrade goes to\n"
	     "2:70: budgets[].alerts: \"50\" is none: write a share of the limit, such as 80%, or forecast\n"
	     "2:79: budgets[].alerts: 80% stands twice\n"
	     "3:46: budgets[].to: only action: downgrade goes to a tier\n"
	     "3:62: budgets[].include: write [all], or take the key out: only calls that pass the gateway "
	     "count "
	     "then\n"
	     "3:86: budgets[].override.up_to: its unit is not that of the limit\n"
	     "4:52: budgets[].override.up_to is missing: what a developer may add without asking, such as 25 "
	     "USD; "
	     "0 USD when an approver is always asked\n"},
	    {"quotas:\n  - {name: q}\n  - {name: r, requests: 120, concurrent: 0, tokens: x/minute}\n",
	     "2:5: quotas[]: nothing is limited: write requests: 120/minute, tokens: 2M/minute or "
	     "concurrent: 16\n"
	     "3:25: quotas[].requests: \"120\" is no rate: write 120/minute, 2M/minute, 10/second or "
	     "5000/hour\n"
	     "3:42: quotas[].concurrent: 0 is not between 1 and 1000000\n"
	     "3:53: quotas[].tokens: \"x/minute\" is no rate: write 120/minute, 2M/minute, 10/second or "
	     "5000/hour\n"},
	    {"gates:\n  - {name: a}\n  - {name: b, deny: x, allow: true}\n  - {name: c, allow: false}\n"
	     "  - {name: d, deny: x, where: {budget: {dya: '>80%'}}, mode: shadwo}\n  - just text\n"
	     "budgets: [{name: day, window: day, limit: 1 USD}]\n",
	     "2:5: gates[].deny is missing: the reason that people are told (or allow: true, to let such "
	     "calls "
	     "past the gates behind)\n"
	     "3:31: gates[]: deny and allow stand together: keep one\n"
	     "4:22: gates[].allow: false says nothing: write deny: \"the reason\"\n"
	     "5:41: budget: there is no budget \"dya\"; did you mean day?\n"
	     "5:62: gates[].mode: \"shadwo\" is not to be chosen: write enforce, shadow or off (did you mean "
	     "shadow?)\n"
	     "6:5: gates[]: a mapping is wanted: {name: …}\n"},
	    {"routes: {tiers: {small: [claude-haiku-4-5, 'gpt-*'], large: gpt-5}}\n"
	     "budgets: [{name: x, window: day, limit: 1 USD, action: downgrade, to: smal}]\n",
	     "1:44: routes.tiers: a model's whole name is wanted, as its provider writes it: "
	     "claude-haiku-4-5\n"
	     "1:61: routes.tiers: a list of 1 to 64 models is wanted: {small: [claude-haiku-4-5]}\n"
	     "2:71: budgets[].to: routes.tiers has no tier \"smal\"; did you mean small?\n"},
	    {"budgets: [{name: x, window: day, limit: 1 USD, action: downgrade, to: small}]\n",
	     "1:71: budgets[].to: write routes: {tiers: {NAME: [MODEL, …]}} too; there is no tier "
	     "\"small\"\n"},
	    {"gates: {name: x}\n", "1:8: gates: a list is wanted, an entry a line: - {name: …}\n"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_null(load(cases[i].text));
		/* the file has another name each time */
		char *at = strstr(told, "/tmp/weir-rules-");
		if (at) {
			memcpy(at, "FILE", 4);
			memmove(at + 4, strchr(at, ':'), strlen(strchr(at, ':')) + 1);
		}
		assert_string_equal(told, cases[i].told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(example),
	    cmocka_unit_test(every_key),
	    cmocka_unit_test(contexts),
	    cmocka_unit_test(faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
