/* Companies with coding agents, and incidents in them: what triage is measured with. A company is made of a
 * seed: teams, people with hours and habits of their own, repositories, CI, agents and their versions,
 * models; its weeks have days off, quiet people, a few very long sessions, newcomers. An incident changes the
 * calls of a few hours or adds some, and says what it did. Nothing of triage is known here. */
#ifndef WEIR_BENCH_INCIDENTS_H
#define WEIR_BENCH_INCIDENTS_H

#include <math.h>
#include <stdint.h>

#include "bench.h"
#include "store/ledger.h"

#define CO_WEEKS      6
#define CO_HOUR       INT64_C(3600000)
#define CO_DAY        (24 * CO_HOUR)
#define CO_END        (INT64_C(1795478400000)) /* 2026-11-24T00:00:00Z */
#define CO_BEGIN      (CO_END - CO_WEEKS * 7 * CO_DAY)
#define CO_NAME       40
#define CO_USERS_MAX  320
#define CO_REPOS_MAX  200
#define CO_FLOWS_MAX  20
#define CO_TEAMS_MAX  24
#define CO_KEYS_MAX   (CO_USERS_MAX * 2)
#define CO_AGENTS     6
#define CO_VERSIONS   4
#define CO_MODELS     8
#define CO_EVENTS_MAX ((size_t)3 << 20)

struct co_model {
	const char *name, *provider;
	int64_t in, out; /* nano-dollars a token */
};
static const struct co_model co_models[CO_MODELS] = {
    {"claude-sonnet-4-5", "anthropic", 3000, 15000},
    {"claude-haiku-4-5", "anthropic", 1000, 5000},
    {"claude-opus-4-1", "anthropic", 15000, 75000},
    {"gpt-5", "openai", 1250, 10000},
    {"gpt-5-mini", "openai", 250, 2000},
    {"gpt-5-pro", "openai", 15000, 120000},
    {"gemini-2.5-pro", "google", 1250, 10000},
    {"gemini-2.5-flash", "google", 300, 2500},
};
static const char *const co_agents[CO_AGENTS] = {"claude-code", "codex",     "gemini-cli",
                                                 "opencode",    "ci-runner", "python-requests"};
/* Of each agent: the usual model, the small one, the dear one. */
static const uint8_t co_uses[CO_AGENTS][3] = {{0, 1, 2}, {3, 4, 5}, {6, 7, 2},
                                              {0, 4, 2}, {0, 1, 2}, {3, 4, 5}};

struct co_event {
	int64_t at;
	uint32_t session, fresh, read, write, out, context;
	uint16_t user, repo, key, branch;
	uint8_t flow, agent, version, model, attempt, team;
	bool ci, pr;
};

struct company {
	uint64_t seed;
	int teams, users, repos, flows;
	char team[CO_TEAMS_MAX][CO_NAME], user[CO_USERS_MAX][CO_NAME], repo[CO_REPOS_MAX][CO_NAME],
	    flow[CO_FLOWS_MAX + 1][CO_NAME], key[CO_KEYS_MAX][CO_NAME];
	struct {
		double level; /* sessions a working day */
		int team, agent, begins, hours, keys;
		int repo[4];
		double dear, small;
		int64_t from; /* when they came */
	} who[CO_USERS_MAX];
	struct {
		double level;    /* runs a day */
		int repo[3], at; /* at: the hour of a nightly one, or -1 */
		double calls;
	} runs[CO_FLOWS_MAX + 1];
	uint32_t sessions;
	size_t n;
	struct co_event *events; /* owned, by time */
};

static inline double co_uniform(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return (double)((*s * UINT64_C(2685821657736338717)) >> 11) / 9007199254740992.0;
}
static inline int co_below(uint64_t *s, int n)
{
	return (int)(co_uniform(s) * n);
}
static inline double co_normal(uint64_t *s)
{
	double u = co_uniform(s) + 1e-12, v = co_uniform(s);
	return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}
static inline double co_lognormal(uint64_t *s, double middle, double spread)
{
	return middle * exp(spread * co_normal(s));
}
static inline int co_poisson(uint64_t *s, double mean)
{
	double p = exp(-mean), sum = p, u = co_uniform(s);
	int k = 0;
	for (; u > sum && k < 1000; sum += p)
		p *= mean / ++k;
	return k;
}

static inline void co_make_people(struct company *c)
{
	uint64_t *s = &c->seed;
	for (int i = 0; i < c->users; i++) {
		c->who[i].team = (int)(pow(co_uniform(s), 1.5) * c->teams);
		c->who[i].level = co_lognormal(s, 3, 0.8);
		c->who[i].agent = co_uniform(s) < 0.55 ? 0 : 1 + co_below(s, 3);
		c->who[i].begins = 7 + co_below(s, 4) + (co_uniform(s) < 0.15 ? 7 : 0);
		c->who[i].hours = 7 + co_below(s, 4);
		c->who[i].keys = co_uniform(s) < 0.3 ? 2 : 1;
		c->who[i].dear = co_uniform(s) < 0.2 ? 0.4 : 0.04;
		c->who[i].small = co_uniform(s) < 0.3 ? 0.3 : 0.05;
		c->who[i].from =
		    co_uniform(s) < 0.06 ? CO_BEGIN + (int64_t)(co_uniform(s) * CO_WEEKS * 7) * CO_DAY : 0;
		for (int k = 0; k < 4; k++)
			c->who[i].repo[k] =
			    (c->who[i].team * c->repos / c->teams + co_below(s, 8)) % c->repos;
		snprintf(c->user[i], CO_NAME, "dev%d@example.com", i);
		for (int k = 0; k < 2; k++)
			snprintf(c->key[i * 2 + k], CO_NAME, "k_%04d%c", i, 'A' + k);
	}
}

static inline void co_make(struct company *c, uint64_t seed)
{
	struct co_event *kept = c->events;
	memset(c, 0, sizeof *c);
	c->events = kept ? kept : malloc(CO_EVENTS_MAX * sizeof *kept);
	c->seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	uint64_t *s = &c->seed;
	c->teams = 3 + co_below(s, 15);
	c->users = c->teams * (3 + co_below(s, 12));
	c->users = c->users > CO_USERS_MAX - 2 ? CO_USERS_MAX - 2 : c->users;
	c->repos = c->teams * (2 + co_below(s, 6));
	c->flows = 3 + co_below(s, 10);
	for (int i = 0; i < c->teams; i++)
		snprintf(c->team[i], CO_NAME, "team-%d", i);
	for (int i = 0; i < c->repos; i++)
		snprintf(c->repo[i], CO_NAME, "github.com/acme/svc-%d", i);
	co_make_people(c);
	for (int i = 1; i <= c->flows; i++) {
		c->runs[i].level = co_lognormal(s, 12, 1.0);
		c->runs[i].at = co_uniform(s) < 0.3 ? co_below(s, 24) : -1;
		c->runs[i].calls = co_lognormal(s, 10, 0.5);
		for (int k = 0; k < 3; k++)
			c->runs[i].repo[k] = co_below(s, c->repos);
		snprintf(c->flow[i], CO_NAME, "flow-%d", i);
	}
}

static inline void co_put(struct company *c, const struct co_event *e)
{
	if (c->n < CO_EVENTS_MAX)
		c->events[c->n++] = *e;
}

/* The calls of one session, e telling who and where. */
static inline void co_session(struct company *c, uint64_t *s, struct co_event e, double calls)
{
	int n = 1 + (int)co_lognormal(s, calls, 0.9);
	double context = co_lognormal(s, 22000, 0.4), grows = co_lognormal(s, 1200, 0.5);
	uint8_t main = e.model;
	e.session = ++c->sessions;
	e.attempt = 1;
	for (int i = 0; i < n && i < 600; i++) {
		double hit = co_uniform(s) < 0.04 ? 0 : 0.93 + 0.06 * co_uniform(s);
		bool sub = co_uniform(s) < 0.1;
		e.model = sub ? co_uses[e.agent][1] : main;
		e.context = (uint32_t)(sub ? context / 3 : context);
		e.read = (uint32_t)(e.context * hit);
		e.write = (e.context - e.read) * 9 / 10;
		e.fresh = e.context - e.read - e.write;
		e.out = (uint32_t)co_lognormal(s, 350, 0.9);
		e.attempt = co_uniform(s) < 0.01 ? 2 : 1;
		co_put(c, &e);
		e.at += 3000 + (int64_t)(-log(co_uniform(s) + 1e-9) * 28000);
		if (co_uniform(s) < 0.02)
			e.at += (int64_t)(co_uniform(s) * (double)(20 * 60000));
		context = context > 170000 ? 30000 : context + grows * (0.5 + co_uniform(s));
	}
}

static inline struct co_event co_human(const struct company *c, uint64_t *s, int user, int64_t at)
{
	struct co_event e = {
	    .at = at, .user = (uint16_t)(user + 1), .team = (uint8_t)(c->who[user].team + 1)};
	double u = co_uniform(s);
	e.agent = (uint8_t)(co_uniform(s) < 0.9 ? c->who[user].agent : co_below(s, 4));
	e.version = (uint8_t)(co_uniform(s) < 0.8 ? 1 : 2);
	e.model = co_uses[e.agent][u < c->who[user].dear                        ? 2
	                           : u < c->who[user].dear + c->who[user].small ? 1
	                                                                        : 0];
	e.repo = (uint16_t)(c->who[user].repo[(int)(pow(co_uniform(s), 2) * 4)] + 1);
	e.key = (uint16_t)(user * 2 + co_below(s, c->who[user].keys) + 1);
	e.branch = (uint16_t)(1 + user * 40 + (int)(at / (3 * CO_DAY)) % 40);
	return e;
}

static inline struct co_event co_ci(const struct company *c, uint64_t *s, int flow, int64_t at)
{
	struct co_event e = {.at = at, .flow = (uint8_t)flow, .ci = true, .agent = 4, .version = 1};
	int repo = c->runs[flow].repo[co_below(s, 3)];
	e.repo = (uint16_t)(repo + 1);
	e.team = (uint8_t)(repo * c->teams / c->repos + 1);
	e.model = co_uses[4][co_uniform(s) < 0.3];
	e.key = (uint16_t)(CO_KEYS_MAX - 2);
	e.pr = c->runs[flow].at < 0;
	e.branch = (uint16_t)(20000 + co_below(s, 900));
	return e;
}

static inline bool co_weekend(int64_t at)
{
	return (at / CO_DAY + 3) % 7 >= 5;
}

static inline int co_by_time(const void *a, const void *b)
{
	int64_t x = ((const struct co_event *)a)->at, y = ((const struct co_event *)b)->at;
	return (x > y) - (x < y);
}

static inline void co_day(struct company *c, int64_t day)
{
	uint64_t *s = &c->seed;
	for (int u = 0; u < c->users; u++) {
		bool off = co_uniform(s) < 0.12 || (co_weekend(day) && co_uniform(s) < 0.9);
		if (off || day < c->who[u].from)
			continue;
		int n = co_poisson(s, c->who[u].level * co_lognormal(s, 0.85, 0.4));
		for (int i = 0; i < n; i++) {
			double hour =
			    c->who[u].begins + c->who[u].hours * (co_uniform(s) + co_uniform(s)) / 2;
			struct co_event e = co_human(c, s, u, day + (int64_t)(hour * (double)CO_HOUR));
			co_session(c, s, e, co_uniform(s) < 0.02 ? 200 : 16);
		}
	}
	for (int f = 1; f <= c->flows; f++) {
		int n = co_poisson(s, c->runs[f].level * (co_weekend(day) ? 0.2 : 1));
		for (int i = 0; i < n; i++) {
			double hour =
			    c->runs[f].at >= 0 ? c->runs[f].at + co_uniform(s) / 2 : 6 + 14 * co_uniform(s);
			co_session(c, s, co_ci(c, s, f, day + (int64_t)(hour * (double)CO_HOUR)),
			           c->runs[f].calls);
		}
	}
}

static inline void co_fill(struct company *c)
{
	for (int64_t day = CO_BEGIN; day < CO_END; day += CO_DAY)
		co_day(c, day);
	qsort(c->events, c->n, sizeof *c->events, co_by_time);
}

/* --- what calls cost ------------------------------------------------------------------------- */

static inline int64_t co_cost(const struct co_event *e)
{
	const struct co_model *m = &co_models[e->model];
	return (int64_t)e->fresh * m->in + (int64_t)e->read * m->in / 10 + (int64_t)e->write * m->in * 5 / 4 +
	       (int64_t)e->out * m->out;
}

/* --- incidents ------------------------------------------------------------------------------- */

#define INCIDENT_LIST(X)                                                                                     \
	X(INCIDENT_LOOP, "a session loops")                                                                  \
	X(INCIDENT_USER, "one person does far more")                                                         \
	X(INCIDENT_FLOW, "a new CI workflow")                                                                \
	X(INCIDENT_MODEL, "a team moves to a dear model")                                                    \
	X(INCIDENT_CACHE, "a new agent version breaks the cache")                                            \
	X(INCIDENT_CONTEXT, "contexts of a repository swell")                                                \
	X(INCIDENT_CI, "a workflow runs over and over")                                                      \
	X(INCIDENT_TEAM, "a team does far more")                                                             \
	X(INCIDENT_ALL, "everybody does more")                                                               \
	X(INCIDENT_RETRIES, "a provider fails, clients retry")                                               \
	X(INCIDENT_LEAK, "a key is used by a stranger")
#define X(id, text) id,
enum incident_kind { INCIDENT_LIST(X) INCIDENTS };
#undef X

struct incident {
	enum incident_kind kind;
	int64_t from, until;
	int user, team, repo, flow, agent, provider;
	double times;
	uint32_t session;
	size_t extra_n;
	struct co_event *extra; /* owned, by time */
};

/* What an incident makes of a call that is there anyway. */
static inline struct co_event incident_apply(const struct incident *x, struct co_event e)
{
	if (e.at < x->from || e.at >= x->until)
		return e;
	if (x->kind == INCIDENT_MODEL && e.team == x->team + 1 && !e.ci)
		e.model = co_uses[e.agent][2];
	if (x->kind == INCIDENT_CACHE && e.agent == x->agent) {
		e.version = 3;
		e.fresh += e.read;
		e.read = 0;
	}
	if (x->kind == INCIDENT_CONTEXT && e.repo == x->repo + 1) {
		e.fresh = (uint32_t)(e.fresh * x->times);
		e.read = (uint32_t)(e.read * x->times);
		e.write = (uint32_t)(e.write * x->times);
		e.context = (uint32_t)(e.context * x->times);
	}
	return e;
}

static inline int64_t incident_when(uint64_t *s, const struct incident *x)
{
	return x->from + (int64_t)(co_uniform(s) * (double)(x->until - x->from));
}

static inline void incident_loop(struct company *c, const struct incident *x, uint64_t *s, int64_t spend)
{
	struct co_event e = co_human(c, s, x->user, x->from);
	double context = 40000 + 60000 * co_uniform(s);
	e.session = x->session;
	e.attempt = 1;
	int64_t sum = 0, step = 0, from = x->from;
	size_t begin = c->n;
	for (; sum < spend && c->n < CO_EVENTS_MAX; sum += co_cost(&e)) {
		e.context = (uint32_t)context;
		e.read = e.context / 2;
		e.write = 0;
		e.fresh = e.context - e.read;
		e.out = (uint32_t)co_lognormal(s, 600, 0.3);
		co_put(c, &e);
		context = context < 190000 ? context + 900 : context;
	}
	step = (x->until - from) / (int64_t)(c->n - begin + 1);
	for (size_t i = begin; i < c->n; i++)
		c->events[i].at = from += step;
}

/* Adds calls at the end of the company's until they cost so much. */
static inline void incident_add(struct company *c, struct incident *x, uint64_t *s, int64_t spend)
{
	size_t begin = c->n;
	int64_t sum = 0;
	if (x->kind == INCIDENT_LOOP)
		incident_loop(c, x, s, spend);
	while (x->kind != INCIDENT_LOOP && sum < spend && c->n < CO_EVENTS_MAX - 1000) {
		size_t first = c->n;
		struct co_event e;
		int64_t at = incident_when(s, x);
		if (x->kind == INCIDENT_FLOW || x->kind == INCIDENT_CI) {
			co_session(c, s, co_ci(c, s, x->flow, at), c->runs[x->flow].calls);
		} else {
			int u = x->user;
			do
				u = x->kind == INCIDENT_TEAM || x->kind == INCIDENT_ALL
				        ? co_below(s, c->users)
				        : u;
			while (x->kind == INCIDENT_TEAM && c->who[u].team != x->team);
			e = co_human(c, s, u, at);
			if (x->kind == INCIDENT_LEAK) {
				e.agent = 5;
				e.version = 0;
				e.repo = e.branch = 0;
				e.model = co_uses[5][0];
				e.key = (uint16_t)(u * 2 + 1);
			}
			co_session(c, s, e, 16);
		}
		for (size_t i = first; i < c->n; i++)
			sum += c->events[i].at < x->until ? co_cost(&c->events[i]) : 0;
	}
	qsort(c->events + begin, c->n - begin, sizeof *c->events, co_by_time);
	x->extra = c->events + begin;
	x->extra_n = c->n - begin;
}

/* Calls to a provider are made again, some several times. */
static inline void incident_retries(struct company *c, struct incident *x, uint64_t *s, size_t n)
{
	size_t begin = c->n;
	for (size_t i = 0; i < n; i++) {
		struct co_event e = c->events[i];
		if (e.at < x->from || e.at >= x->until ||
		    strcmp(co_models[e.model].provider, co_models[x->provider].provider) != 0)
			continue;
		for (int k = 2; k < 7 && co_uniform(s) < 0.8; k++) {
			e.attempt = (uint8_t)k;
			e.at += 4000;
			co_put(c, &e);
		}
	}
	qsort(c->events + begin, c->n - begin, sizeof *c->events, co_by_time);
	x->extra = c->events + begin;
	x->extra_n = c->n - begin;
}

#endif
