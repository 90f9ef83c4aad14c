/* A ledger as a company with coding agents writes it, of any size: sessions that overlap, working hours,
 * users with a few repositories each, subagents on a cheaper model, retries, refusals, calls without a price
 * and their corrections, seats on a subscription. The same number of rows always gives the same ledger but
 * for the time it ends at.
 */
#ifndef WEIR_BENCH_BIG_LEDGER_H
#define WEIR_BENCH_BIG_LEDGER_H

#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "bench.h"
#include "store/ledger_sqlite.h"

#define BIG_DAYS          100
#define BIG_TEAMS         20
#define BIG_USERS         300
#define BIG_REPOS         200
#define BIG_WORKFLOWS     15
#define BIG_SESSION_CALLS 40 /* on average */
#define BIG_OPEN_MAX      65536
#define BIG_COMMIT        50000                  /* rows in a transaction */
#define BIG_END_MS        INT64_C(1795478400000) /* 2026-11-24T00:00:00Z, unless told otherwise */
#define BIG_DAY_MS        INT64_C(86400000)

struct big_model {
	const char *name, *provider;
	enum api api;
	int64_t in, out; /* nano-dollars a token */
};

static const struct big_model big_models[] = {
    {"claude-sonnet-4-5-20250929", "anthropic", API_ANTHROPIC_MESSAGES, 3000, 15000},
    {"claude-opus-4-5-20251101", "anthropic", API_ANTHROPIC_MESSAGES, 5000, 25000},
    {"claude-haiku-4-5-20251001", "anthropic", API_ANTHROPIC_MESSAGES, 1000, 5000},
    {"gpt-5.1-codex", "openai", API_OPENAI_RESPONSES, 1250, 10000},
    {"gpt-5.1", "openai", API_OPENAI_RESPONSES, 1250, 10000},
    {"gpt-5-mini", "openai", API_OPENAI_CHAT, 250, 2000},
    {"gemini-2.5-pro", "google", API_GEMINI_GENERATE, 1250, 10000},
    {"gemini-2.5-flash", "google", API_GEMINI_GENERATE, 300, 2500},
    {"qwen3-coder", "together", API_OPENAI_CHAT, 200, 800},
    {"deepseek-v3.2", "together", API_OPENAI_CHAT, 280, 420},
    {"kimi-k2", "together", API_OPENAI_CHAT, 600, 2500},
    {"mistral-large", "mistral", API_OPENAI_CHAT, 2000, 6000},
};
#define BIG_MODELS (sizeof big_models / sizeof big_models[0])

static const char *const big_agents[] = {"claude-code", "codex", "gemini-cli", "opencode",
                                         "aider",       "cline", "copilot",    "ci-runner"};
#define BIG_AGENTS (sizeof big_agents / sizeof big_agents[0])

struct big_session {
	int64_t next_ms, begun_ms, context;
	uint32_t left, calls, user, number;
	uint8_t agent, model, workflow, repo, ticket, local, subscription;
	char id[40], branch[40], commit[48];
};

struct big_made {
	const struct ledger_ops *ops;
	struct ledger *ledger;
	struct error e;
	uint64_t seed;
	int64_t rows, wanted, begin_ms;
	uint32_t sessions;
	size_t open_n;
	struct big_session *open; /* owned; a heap by next_ms */
	struct names {
		char user[BIG_USERS][32], team[BIG_TEAMS][24], cost_centre[BIG_TEAMS][12],
		    repo[BIG_REPOS][32], workflow[BIG_WORKFLOWS][24], ticket[64][32];
	} names;
	char text[4][96]; /* of the row being made */
};

static inline uint64_t big_random(struct big_made *m)
{
	m->seed ^= m->seed << 13;
	m->seed ^= m->seed >> 7;
	m->seed ^= m->seed << 17;
	return m->seed * UINT64_C(2685821657736338717) >> 16;
}

static inline uint32_t big_below(struct big_made *m, uint32_t n)
{
	return (uint32_t)(big_random(m) % n);
}

/* One of n, the first ones more often. */
static inline uint32_t big_skewed(struct big_made *m, uint32_t n)
{
	uint32_t a = big_below(m, n), b = big_below(m, n);
	return a < b ? a : b;
}

static inline void big_must(struct big_made *m, int rc)
{
	if (rc == 0)
		return;
	fprintf(stderr, "bench: %s\n", m->e.text);
	exit(1);
}

static inline void big_names(struct names *n)
{
	static const char *const first[] = {"ana",  "ben",  "cho",  "dee",  "eli", "fay",  "gus", "hana",
	                                    "ivo",  "jana", "kim",  "leo",  "mia", "noor", "oto", "pia",
	                                    "quin", "rosa", "sami", "tara", "uma", "vik",  "wen", "yara"};
	for (int i = 0; i < BIG_USERS; i++)
		snprintf(n->user[i], sizeof n->user[i], "%s.%d@example.com", first[i % 24], i);
	for (int i = 0; i < BIG_TEAMS; i++) {
		snprintf(n->team[i], sizeof n->team[i], "team-%02d", i);
		snprintf(n->cost_centre[i], sizeof n->cost_centre[i], "CC-%d", 1200 + i / 2);
	}
	for (int i = 0; i < BIG_REPOS; i++)
		snprintf(n->repo[i], sizeof n->repo[i], "github.com/acme/service-%03d", i);
	for (int i = 0; i < BIG_WORKFLOWS; i++)
		snprintf(n->workflow[i], sizeof n->workflow[i], "workflow-%02d", i);
	for (int i = 0; i < 64; i++)
		snprintf(n->ticket[i], sizeof n->ticket[i], "{\"ticket\":\"PAY-%d\"}", 100 + i);
}

/* --- when work begins ------------------------------------------------------------------------ */

/* How much of it in an hour, of 100: busy from 8 to 18 on working days. */
static inline uint32_t big_busy(int64_t ms)
{
	int64_t day = ms / BIG_DAY_MS, hour = ms / 3600000 % 24;
	bool weekend = (day + 3) % 7 >= 5; /* 1970-01-01 was a Thursday */
	uint32_t busy = hour >= 8 && hour < 18 ? 100 : hour >= 6 && hour < 22 ? 30 : 8;
	return weekend ? busy / 8 + 4 : busy;
}

static inline int64_t big_when(struct big_made *m)
{
	for (;;) {
		int64_t at = m->begin_ms + (int64_t)(big_random(m) % (uint64_t)(BIG_DAYS * BIG_DAY_MS));
		if (big_below(m, 100) < big_busy(at))
			return at;
	}
}

static inline int big_by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* --- sessions under way ---------------------------------------------------------------------- */

static inline void big_sink(struct big_made *m, size_t at)
{
	struct big_session s = m->open[at];
	for (size_t child; (child = at * 2 + 1) < m->open_n; at = child) {
		if (child + 1 < m->open_n && m->open[child + 1].next_ms < m->open[child].next_ms)
			child++;
		if (m->open[child].next_ms >= s.next_ms)
			break;
		m->open[at] = m->open[child];
	}
	m->open[at] = s;
}

static inline void big_push(struct big_made *m, const struct big_session *s)
{
	size_t at = m->open_n++;
	for (; at && m->open[(at - 1) / 2].next_ms > s->next_ms; at = (at - 1) / 2)
		m->open[at] = m->open[(at - 1) / 2];
	m->open[at] = *s;
}

static inline void big_start(struct big_made *m, int64_t at)
{
	struct big_session s = {.next_ms = at, .begun_ms = at, .number = m->sessions++};
	if (m->open_n == BIG_OPEN_MAX)
		return;
	s.user = big_skewed(m, BIG_USERS);
	s.left = 1 + big_below(m, BIG_SESSION_CALLS) + big_below(m, BIG_SESSION_CALLS);
	s.local = big_below(m, 100) < 75;
	s.agent = s.local ? (uint8_t)(big_below(m, 100) < 70 ? s.user % 3 : big_skewed(m, BIG_AGENTS - 1))
	                  : (uint8_t)(BIG_AGENTS - 1);
	s.model =
	    big_below(m, 100) < 60 ? (uint8_t)(s.agent * 3 % BIG_MODELS) : (uint8_t)big_skewed(m, BIG_MODELS);
	s.workflow = s.local ? BIG_WORKFLOWS : (uint8_t)big_skewed(m, BIG_WORKFLOWS);
	s.repo = (uint8_t)((s.user % BIG_TEAMS * 10 + big_skewed(m, 6)) % BIG_REPOS);
	s.ticket = (uint8_t)(big_below(m, 100) < 30 ? big_below(m, 64) : 64);
	s.subscription = s.local && s.user % 5 == 0;
	s.context = 12000 + big_below(m, 20000);
	snprintf(s.id, sizeof s.id, "%08x-5f6c-4f6e-9a59-%012llx", s.number,
	         (unsigned long long)(big_random(m) & UINT64_C(0xffffffffffff)));
	if (big_below(m, 100) < 60)
		snprintf(s.branch, sizeof s.branch, "feature/PAY-%u", 100 + s.number / 8 % 900);
	else
		snprintf(s.branch, sizeof s.branch, "main");
	snprintf(s.commit, sizeof s.commit, "%016llx%08x%016llx", (unsigned long long)big_random(m), s.number,
	         (unsigned long long)big_random(m));
	big_push(m, &s);
}

static inline void big_note_session(struct big_made *m, const struct big_session *s, int64_t at)
{
	struct ledger_session r = {.id = slice_of(s->id),
	                           .scope = SLICE("k_01JD7Y2Z9Q"),
	                           .agent = slice_of(big_agents[s->agent]),
	                           .state = SLICE("active"),
	                           .started_ms = s->begun_ms,
	                           .seen_ms = at,
	                           .state_ms = s->begun_ms,
	                           .calls = s->calls,
	                           .active_ms = at - s->begun_ms};
	big_must(m, m->ops->session_put(m->ledger, &r, &m->e));
}

/* --- rows ------------------------------------------------------------------------------------ */

static inline void big_who(struct big_made *m, const struct big_session *s, struct record *r)
{
	const struct names *n = &m->names;
	r->who.v[ATTR_USER] = slice_of(n->user[s->user]);
	r->who.v[ATTR_TEAM] = slice_of(n->team[s->user % BIG_TEAMS]);
	r->who.v[ATTR_COST_CENTRE] = slice_of(n->cost_centre[s->user % BIG_TEAMS]);
	r->who.v[ATTR_REPO] = slice_of(n->repo[s->repo]);
	r->who.v[ATTR_BRANCH] = slice_of(s->branch);
	r->who.v[ATTR_COMMIT] = slice_of(s->commit);
	r->who.v[ATTR_ENVIRONMENT] = s->local ? SLICE("local") : SLICE("ci");
	if (s->workflow < BIG_WORKFLOWS)
		r->who.v[ATTR_WORKFLOW] = slice_of(n->workflow[s->workflow]);
	if (s->ticket < 64)
		r->who.v[ATTR_TAGS] = slice_of(n->ticket[s->ticket]);
	r->who.v[ATTR_AGENT] = slice_of(big_agents[s->agent]);
	r->who.v[ATTR_AGENT_VERSION] = s->number % 7 ? SLICE("2.1.330") : SLICE("2.1.329");
	r->who.v[ATTR_SESSION] = slice_of(s->id);
	r->text[TEXT_NODE] = SLICE("gateway-1");
	r->text[TEXT_SOURCE] = SLICE("gateway");
	r->text[TEXT_KEY_ID] = SLICE("k_01JD7Y2Z9Q");
}

static inline void big_usage(struct big_made *m, struct big_session *s, const struct big_model *model,
                             struct record *r)
{
	int64_t fresh = 5 + big_below(m, 40), write = 400 + big_below(m, 2500);
	int64_t out = 40 + big_below(m, 900);
	r->usage.m[METER_INPUT] = fresh;
	r->usage.m[METER_CACHE_READ] = s->context;
	r->usage.m[METER_CACHE_WRITE_5M] = write;
	r->usage.m[METER_OUTPUT] = out;
	if (model->api != API_ANTHROPIC_MESSAGES)
		r->usage.m[METER_REASONING] = out / 3;
	r->context_tokens = fresh + write + s->context;
	s->context = s->context > 160000 ? 30000 : s->context + write;
	r->cost.part[COST_INPUT] = fresh * model->in;
	r->cost.part[COST_CACHE_READ] = r->usage.m[METER_CACHE_READ] * model->in / 10;
	r->cost.part[COST_CACHE_WRITE_5M] = write * model->in * 5 / 4;
	r->cost.part[COST_OUTPUT] = out * model->out;
	for (int i = 0; i < COST_N; i++)
		r->cost.total += r->cost.part[i];
	r->list_cost_nanousd = r->cost.total;
	r->usage_source = SOURCE_REPORTED;
	r->priced = true;
}

static inline void big_id(struct big_made *m, struct record *r)
{
	uint8_t random[CRYPTO_ID_RANDOM] = {0};
	for (int i = 0; i < 8; i++)
		random[i] = (uint8_t)((uint64_t)m->rows >> (56 - 8 * i));
	crypto_id_of(r->time_ms, random, r->id);
}

static inline void big_add(struct big_made *m, const struct record *r)
{
	big_must(m, m->ops->add(m->ledger, r, &m->e));
	if (++m->rows % BIG_COMMIT)
		return;
	big_must(m, m->ops->commit(m->ledger, &m->e));
	big_must(m, m->ops->begin(m->ledger, &m->e));
}

/* The price that was not known is known some time later. */
static inline void big_correct(struct big_made *m, struct record *r, int64_t after_ms)
{
	struct record c = *r;
	c.time_ms = r->time_ms + after_ms;
	c.text[TEXT_SOURCE] = SLICE("correction");
	c.text[TEXT_CORRECTS] = slice_of(r->id);
	usage_clear(&c.usage);
	c.context_tokens = c.tool_calls = c.duration_ms = RECORD_ABSENT;
	c.priced = true;
	c.cost.part[COST_OUTPUT] = c.cost.total = 5000000;
	big_id(m, &c);
	big_add(m, &c);
}

static inline void big_refuse(struct record *r)
{
	r->ending = ENDING_REFUSED;
	r->decision = DECISION_REFUSED;
	r->status = 429;
	r->text[TEXT_RULE] = SLICE("dev-day");
}

static inline void big_call(struct big_made *m, struct big_session *s)
{
	struct record r;
	record_init(&r);
	r.time_ms = s->next_ms;
	big_who(m, s, &r);
	bool subagent = big_below(m, 100) < 12;
	const struct big_model *model =
	    &big_models[subagent ? (s->model / 3 * 3 + 2) % BIG_MODELS : s->model];
	if (subagent)
		r.who.v[ATTR_SUBAGENT] = SLICE("explore");
	r.api = model->api;
	r.text[TEXT_PROVIDER] = slice_of(model->provider);
	r.text[TEXT_MODEL_REQUESTED] = slice_of(model->name);
	r.turn = s->calls;
	r.attempt = big_below(m, 100) < 2 ? 2 : 1;
	r.stream = true;
	r.hold_nanousd = 200000000;
	uint32_t fate = big_below(m, 1000);
	if (fate < 5) {
		big_refuse(&r);
	} else {
		snprintf(m->text[0], sizeof m->text[0], "%s/%s@2025-09-29", model->provider, model->name);
		snprintf(m->text[1], sizeof m->text[1], "msg_01%016llx", (unsigned long long)big_random(m));
		r.text[TEXT_MODEL_SERVED] = slice_of(model->name);
		r.text[TEXT_PRICE_ID] = slice_of(m->text[0]);
		r.text[TEXT_CALL_KEY] = slice_of(m->text[1]);
		r.text[TEXT_STOP_REASON] = s->left > 1 ? SLICE("tool_use") : SLICE("end_turn");
		r.status = fate < 15 ? 529 : 200;
		r.ending = fate < 15 ? ENDING_PROVIDER_ERROR : ENDING_COMPLETE;
		r.duration_ms = 900 + big_below(m, 9000);
		r.ttft_ms = 200 + big_below(m, 500);
		r.tool_calls = s->left > 1;
		r.billing = s->subscription ? BILLING_SUBSCRIPTION : BILLING_METERED;
		if (fate >= 15)
			big_usage(m, s, model, &r);
		if (fate >= 998)
			r.priced = false, r.list_cost_nanousd = RECORD_ABSENT;
	}
	big_id(m, &r);
	big_add(m, &r);
	if (fate == 999)
		big_correct(m, &r, (1 + big_below(m, 48)) * INT64_C(3600000));
}

static inline void big_turn(struct big_made *m)
{
	struct big_session *s = &m->open[0];
	int64_t at = s->next_ms;
	s->calls++;
	big_call(m, s);
	if (--s->left == 0) {
		big_note_session(m, s, at);
		*s = m->open[--m->open_n];
	} else {
		s->next_ms += 4000 + big_below(m, 40000) + (big_below(m, 20) == 0 ? 600000 : 0);
	}
	big_sink(m, 0);
}

static inline void big_run(struct big_made *m)
{
	size_t n = (size_t)(m->wanted / (BIG_SESSION_CALLS - 4)) + 1, at = 0;
	int64_t *starts = malloc(n * sizeof *starts);
	m->open = malloc(BIG_OPEN_MAX * sizeof *m->open);
	if (starts == NULL || m->open == NULL)
		exit(1);
	for (size_t i = 0; i < n; i++)
		starts[i] = big_when(m);
	qsort(starts, n, sizeof *starts, big_by_time);
	while (m->rows < m->wanted && (at < n || m->open_n)) {
		if (at < n && (m->open_n == 0 || starts[at] <= m->open[0].next_ms))
			big_start(m, starts[at++]);
		else
			big_turn(m);
	}
	while (m->open_n)
		big_note_session(m, &m->open[m->open_n - 1], m->open[m->open_n - 1].next_ms), m->open_n--;
	free(starts);
	free(m->open);
}

/* Makes one at path, which must not be there; the rows made. */
static inline int64_t big_ledger_make(const struct ledger_ops *ops, const char *path, int64_t rows,
                                      int64_t end_ms)
{
	struct big_made *m = calloc(1, sizeof *m);
	if (m == NULL)
		exit(1);
	m->ops = ops;
	m->seed = 88172645463325252u;
	m->wanted = rows;
	m->begin_ms = end_ms - BIG_DAYS * BIG_DAY_MS;
	big_names(&m->names);
	big_must(m, ops->open(path, true, &m->ledger, &m->e));
	/* Nobody else reads it yet, and one that was not finished is thrown away. */
	big_must(m, ledger_exec(m->ledger,
	                        "PRAGMA journal_mode=OFF;PRAGMA synchronous=OFF;PRAGMA cache_size=-400000",
	                        &m->e));
	big_must(m, ops->begin(m->ledger, &m->e));
	big_run(m);
	big_must(m, ops->commit(m->ledger, &m->e));
	big_must(m, ledger_exec(m->ledger, "PRAGMA journal_mode=WAL", &m->e));
	int64_t made = m->rows;
	ops->close(m->ledger);
	free(m);
	return made;
}

#endif
