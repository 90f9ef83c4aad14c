/* What rules cost each call: gates decided, quotas passed and ended, on one core; and whether they allocate.
 */
#include "bench.h"

#include <unistd.h>

#include "model/settings.h"
#include "policy/gate.h"
#include "policy/quota.h"

enum { RUNS = 5, CALLS = 200000, USERS = 1000 };

static const char RULES[] =
    "gates:\n"
    "  - {name: a, where: {environment: ci, trigger: push}, deny: x}\n"
    "  - {name: b, where: {environment: ci, diff_lines: '>3000'}, deny: x}\n"
    "  - {name: c, where: {branch: ['release/*', '!release/old-*'], user: '!bot-*'}, deny: x}\n"
    "  - {name: d, where: {tags.customer: acme, any: [{agent: codex}, {model: '*haiku*'}]}, deny: x}\n"
    "  - {name: e, where: {mcp_server: '!approved-*'}, deny: x}\n"
    "  - {name: f, where: {hour: ['>=22', '<6'], weekday: [sat, sun], team: web}, deny: x}\n"
    "  - {name: g, where: {repo: '*/secret-*'}, deny: x, mode: shadow}\n"
    "  - {name: h, cohort: 10%, where: {effort: high}, deny: x}\n"
    "  - {name: i, where: {task: null, session: null}, deny: x}\n"
    "  - {name: j, where: {provider: bedrock}, deny: x}\n"
    "quotas:\n"
    "  - {name: user, each: user, requests: 1M/second, tokens: 1000M/second, concurrent: 16}\n"
    "  - {name: team, each: team, tokens: 1000M/second}\n"
    "  - {name: model, each: [provider, model], concurrent: 1000}\n";

static struct settings *settings;
static struct quota *quota;
static struct record record;
static struct facts facts = {.record = &record};
static char users[USERS][16];
static size_t denied;

static void tell(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "bench_rules: %s\n", line);
}

static void load(void)
{
	char path[] = "/tmp/weir-bench-XXXXXX";
	int fd = mkstemp(path);
	if (fd < 0 || write(fd, RULES, sizeof RULES - 1) != sizeof RULES - 1)
		exit(1);
	settings = settings_load_with(slice_of(path), SETTINGS_NO_PRICES | SETTINGS_NO_FOLDER, tell, NULL);
	unlink(path);
	quota = quota_new(QUOTA_STATIONS_MAX);
	if (settings == NULL || quota == NULL)
		exit(1);
	record_init(&record);
	record.time_ms = INT64_C(1795559400000);
	record.who.v[ATTR_TEAM] = SLICE("payments");
	record.who.v[ATTR_REPO] = SLICE("github.com/acme/pay");
	record.who.v[ATTR_BRANCH] = SLICE("feature/x");
	record.who.v[ATTR_SESSION] = SLICE("f3b8");
	record.who.v[ATTR_TAGS] = SLICE("{\"cwd\":\"/home/ana/pay\",\"customer\":\"other\"}");
	record.text[TEXT_PROVIDER] = SLICE("anthropic");
	record.text[TEXT_MODEL_REQUESTED] = SLICE("claude-opus-4-5");
	for (size_t i = 0; i < USERS; i++)
		snprintf(users[i], sizeof users[i], "user%zu", i);
}

static void gates(void *arg)
{
	struct gate_verdict v;
	(void)arg;
	for (size_t i = 0; i < CALLS; i++) {
		record.who.v[ATTR_USER] = slice_of(users[i % USERS]);
		gate_decide(settings->gates, settings->gates_n, &facts, &v);
		denied += v.deny;
	}
}

static void quotas(void *arg)
{
	static int64_t now = INT64_C(1000000000);
	struct arena mem;
	int64_t until;
	(void)arg;
	arena_init(&mem, 1 << 20);
	for (size_t i = 0; i < CALLS; i++) {
		struct quota_ticket t = {0};
		record.who.v[ATTR_USER] = slice_of(users[i % USERS]);
		struct quota_ask a = {.rules = settings->quotas,
		                      .rules_n = settings->quotas_n,
		                      .facts = &facts,
		                      .user = record.who.v[ATTR_USER],
		                      .tokens = 20000,
		                      .provider = SLICE("anthropic"),
		                      .model = SLICE("claude-opus-4-5")};
		now += 100;
		if (quota_ask(quota, &t, &a, &mem, now, &until) != QUOTA_ON)
			exit(1);
		quota_end(&t, true, 21000, now + 50);
		arena_reset(&mem);
	}
	arena_release(&mem);
}

int main(void)
{
	static struct bench b;
	bench_begin(&b, "rules", "What rules cost a call, on one core", "ns a call", "stage", "mean", NULL);
	load();
	bench_cell(&b, 0, "10 gates, none matches");
	bench_cell(&b, 1, "%.0f", bench_best(RUNS, gates, NULL) / CALLS * 1e9);
	bench_row(&b);
	bench_cell(&b, 0, "3 quotas and the provider's limits");
	bench_cell(&b, 1, "%.0f", bench_best(RUNS, quotas, NULL) / CALLS * 1e9);
	bench_row(&b);
	quota_free(quota);
	settings_unref(settings);
	return denied ? 1 : bench_end(&b);
}
