/* Does triage name what was done? Incidents in made companies (bench/incidents.h), each asked about while it
 * goes on or just after, from the hour it began in. An answer is right when the first cause is the injected
 * one: no parent and no child of it, nothing beside it but what holds for all its calls.
 *
 *	build/bench/triage              INCIDENTS=200 SEED=1 unless set
 *	VERBOSE=1                       shows each that is missed
 *	NO_WINDOW=1                     lets triage look for the rise by itself
 *	build/bench/triage LEDGER.db    how long it takes on a ledger
 */
#include <unistd.h>

#include "base/clock.h"
#include "finops/triage.h"
#include "incidents.h"

#define EACH 8 /* incidents in one company */

/* --- a company as a ledger ------------------------------------------------------------------- */

struct ledger {
	struct company *c;
	size_t n; /* of its own events */
	const struct incident *x;
	int64_t until; /* later calls have not been made yet */
};

static slice named(const char *names, size_t size, unsigned at)
{
	return at ? slice_of(names + (size_t)(at - 1) * size) : SLICE_NONE;
}

static void tell(const struct ledger *l, const struct co_event *e, char session[32], char version[16],
                 char branch[16], struct record *r)
{
	const struct company *c = l->c;
	const struct co_model *m = &co_models[e->model];
	record_init(r);
	r->time_ms = e->at;
	snprintf(session, 32, "s-%08x", e->session);
	snprintf(version, 16, "1.%d.0", e->version);
	snprintf(branch, 16, "pr-%d", e->branch);
	r->who.v[ATTR_USER] = named(c->user[0], CO_NAME, e->user);
	r->who.v[ATTR_TEAM] = named(c->team[0], CO_NAME, e->team);
	r->who.v[ATTR_REPO] = named(c->repo[0], CO_NAME, e->repo);
	r->who.v[ATTR_BRANCH] = e->branch ? slice_of(branch) : SLICE_NONE;
	r->who.v[ATTR_WORKFLOW] = e->flow ? slice_of(c->flow[e->flow]) : SLICE_NONE;
	r->who.v[ATTR_ENVIRONMENT] = e->ci ? SLICE("ci") : SLICE("local");
	r->who.v[ATTR_TRIGGER] = !e->ci ? SLICE_NONE : e->pr ? SLICE("pull_request") : SLICE("schedule");
	r->who.v[ATTR_AGENT] = slice_of(co_agents[e->agent]);
	r->who.v[ATTR_AGENT_VERSION] = e->version ? slice_of(version) : SLICE_NONE;
	r->who.v[ATTR_SESSION] = slice_of(session);
	r->text[TEXT_KEY_ID] = e->ci ? SLICE("k_ci") : named(c->key[0], CO_NAME, e->key);
	r->text[TEXT_PROVIDER] = slice_of(m->provider);
	r->text[TEXT_MODEL_SERVED] = slice_of(m->name);
	r->attempt = e->attempt;
	r->context_tokens = e->context;
	r->usage.m[METER_INPUT] = e->fresh;
	r->usage.m[METER_CACHE_READ] = e->read;
	r->usage.m[METER_CACHE_WRITE_5M] = e->write;
	r->usage.m[METER_OUTPUT] = e->out;
	r->priced = true;
	r->cost.part[COST_INPUT] = (int64_t)e->fresh * m->in;
	r->cost.part[COST_CACHE_READ] = (int64_t)e->read * m->in / 10;
	r->cost.part[COST_CACHE_WRITE_5M] = (int64_t)e->write * m->in * 5 / 4;
	r->cost.part[COST_OUTPUT] = (int64_t)e->out * m->out;
	r->cost.total = co_cost(e);
	r->usage_source = SOURCE_REPORTED;
}

static size_t first_at(const struct co_event *e, size_t n, int64_t at)
{
	size_t low = 0;
	while (low < n) {
		size_t middle = (low + n) / 2;
		if (e[middle].at < at)
			low = middle + 1;
		else
			n = middle;
	}
	return low;
}

/* Its own calls as the incident has them, then those that the incident added. */
static int each(struct ledger *l, int64_t since, int64_t until,
                int (*on)(void *arg, const struct co_event *e), void *arg)
{
	int rc = 0;
	until = until && until < l->until ? until : l->until;
	for (size_t i = first_at(l->c->events, l->n, since);
	     i < l->n && l->c->events[i].at < until && rc == 0; i++) {
		struct co_event e = incident_apply(l->x, l->c->events[i]);
		rc = on(arg, &e);
	}
	for (size_t i = first_at(l->x->extra, l->x->extra_n, since);
	     i < l->x->extra_n && l->x->extra[i].at < until && rc == 0; i++)
		rc = on(arg, &l->x->extra[i]);
	return rc;
}

struct rows {
	struct ledger *l;
	int (*on_row)(void *arg, const struct record *r);
	void *arg;
};

static int give_row(void *arg, const struct co_event *e)
{
	struct rows *w = arg;
	struct record r;
	char session[32], version[16], branch[16];
	tell(w->l, e, session, version, branch, &r);
	return w->on_row(w->arg, &r);
}

static int rows(struct ledger *l, const struct ledger_query *q,
                int (*on_row)(void *arg, const struct record *r), void *arg, struct error *e)
{
	struct rows w = {l, on_row, arg};
	(void)e;
	return each(l, q->since_ms, q->until_ms, give_row, &w);
}

struct hours {
	int64_t spent[CO_WEEKS * 7 * 24 + 24], calls[CO_WEEKS * 7 * 24 + 24];
};

static int add_hour(void *arg, const struct co_event *e)
{
	struct hours *h = arg;
	int64_t at = (e->at - CO_BEGIN) / CO_HOUR;
	if (at >= 0 && at < CO_WEEKS * 7 * 24 + 24) {
		h->spent[at] += co_cost(e);
		h->calls[at]++;
	}
	return 0;
}

/* By hour; or which values of one dimension there were. */
static int report(struct ledger *l, const struct ledger_query *q,
                  int (*on_group)(void *arg, const struct ledger_group *g), void *arg,
                  struct ledger_measures *total, struct error *e)
{
	static struct hours h;
	(void)total;
	(void)e;
	if (q->by_n)
		return 0; /* newcomers are not judged here */
	memset(&h, 0, sizeof h);
	each(l, q->since_ms, q->until_ms, add_hour, &h);
	for (int i = 0; i < CO_WEEKS * 7 * 24 + 24; i++) {
		struct ledger_group g = {.bucket_ms = CO_BEGIN + i * CO_HOUR};
		ledger_measures_none(&g.m);
		g.m.cost_nanousd = h.spent[i];
		g.m.calls = h.calls[i];
		if (h.calls[i])
			on_group(arg, &g);
	}
	return 0;
}

static const struct ledger_ops ops = {.name = "company", .rows = rows, .report = report};

/* --- incidents ------------------------------------------------------------------------------- */

static int64_t spent_in(struct ledger *l, int64_t from, int64_t until)
{
	struct hours h = {{0}, {0}};
	int64_t sum = 0;
	each(l, from, until, add_hour, &h);
	for (int i = 0; i < CO_WEEKS * 7 * 24 + 24; i++)
		sum += h.spent[i];
	return sum;
}

static int descending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x < y) - (x > y);
}

/* What one session in 200 costs. */
static int64_t dear_session(const struct company *c, size_t n)
{
	int64_t *sum = calloc(c->sessions + 1, sizeof *sum), dear = 0;
	for (size_t i = 0; sum && i < n; i++)
		if (c->events[i].session <= c->sessions)
			sum[c->events[i].session] += co_cost(&c->events[i]);
	if (sum) {
		qsort(sum, c->sessions + 1, sizeof *sum, descending);
		dear = sum[c->sessions / 200];
	}
	free(sum);
	return dear;
}

struct deltas {
	int64_t *by_session; /* owned */
	size_t n;
	int64_t sum, by_user[CO_USERS_MAX + 1];
};

static void add_delta(struct deltas *d, const struct co_event *e, int64_t by)
{
	if (e->session < d->n)
		d->by_session[e->session] += by;
	d->by_user[e->user] += e->user ? by : 0;
	d->sum += by;
}

/* Is it nobody's alone that is not meant to be: no one session and no one person is most of it? */
static bool is_spread(const struct deltas *d, enum incident_kind kind)
{
	bool one_person = kind == INCIDENT_USER || kind == INCIDENT_LEAK || kind == INCIDENT_LOOP;
	int64_t session = 0, user = 0;
	for (size_t i = 0; i < d->n; i++)
		session = d->by_session[i] > session ? d->by_session[i] : session;
	for (size_t i = 0; i <= CO_USERS_MAX; i++)
		user = d->by_user[i] > user ? d->by_user[i] : user;
	return (kind == INCIDENT_LOOP || session * 10 <= d->sum * 4) &&
	       (one_person || user * 10 <= d->sum * 5);
}

/* Does the incident show by now: the spend since the hour it began in is twice what is usual then, and the
 * rise is its own for the most part? */
static bool shows(struct company *c, size_t n, const struct incident *x, int64_t now)
{
	int64_t from = x->from / CO_HOUR * CO_HOUR, usual = 0;
	struct ledger l = {c, n, x, CO_END + CO_DAY};
	struct deltas d = {.n = c->sessions + 1};
	int64_t spent = spent_in(&l, from, now);
	for (int week = 1; week <= 4; week++)
		usual += spent_in(&l, from - week * 7 * CO_DAY, now - week * 7 * CO_DAY) / 4;
	if (spent < 2 * usual || (d.by_session = calloc(d.n, sizeof *d.by_session)) == NULL)
		return false;
	for (size_t i = first_at(c->events, n, from); i < n && c->events[i].at < now; i++) {
		struct co_event e = incident_apply(x, c->events[i]);
		add_delta(&d, &e, co_cost(&e) - co_cost(&c->events[i]));
	}
	for (size_t i = 0; i < x->extra_n && x->extra[i].at < now; i++)
		add_delta(&d, &x->extra[i], co_cost(&x->extra[i]));
	bool good = d.sum * 4 >= (spent - usual) * 3 && is_spread(&d, x->kind);
	free(d.by_session);
	return good;
}

static void choose(struct company *c, struct incident *x, uint64_t *s)
{
	x->user = co_below(s, c->users);
	x->team = c->who[co_below(s, c->users)].team;
	x->repo = c->who[x->user].repo[0];
	x->agent = co_below(s, 4);
	x->provider = co_uses[co_below(s, 3)][0];
	x->times = 4 + 6 * co_uniform(s);
	x->session = ++c->sessions;
	x->flow = 1 + co_below(s, c->flows);
	if (x->kind == INCIDENT_FLOW) {
		x->flow = c->flows + 1;
		snprintf(c->flow[x->flow], CO_NAME, "ai-review-all");
		c->runs[x->flow].calls = 12;
		for (int k = 0; k < 3; k++)
			c->runs[x->flow].repo[k] = co_below(s, c->repos);
	}
}

/* One that doubles the spend of its time, by what it was and by what is usual then, and is dearer than all
 * but one session of 200; false when this company has no such. */
static bool inject(struct company *c, size_t n, struct incident *x, uint64_t *s, enum incident_kind kind,
                   int64_t *asked)
{
	int64_t dear = dear_session(c, n);
	for (int tries = 0; tries < 200; tries++) {
		struct ledger l = {c, n, x, CO_END + CO_DAY};
		int64_t day = CO_END - (1 + co_below(s, 6)) * CO_DAY;
		int hour = kind == INCIDENT_LOOP || kind == INCIDENT_LEAK || kind == INCIDENT_CI
		               ? co_below(s, 24)
		               : 8 + co_below(s, 9);
		c->n = n;
		*x = (struct incident){.kind = INCIDENTS,
		                       .from = day + hour * CO_HOUR + co_below(s, 60) * 60000};
		x->until = x->from + CO_HOUR + (int64_t)(co_uniform(s) * 4 * (double)CO_HOUR);
		int64_t there = spent_in(&l, x->from, x->until), usual = there;
		for (int week = 1; week <= 4; week++)
			usual += (spent_in(&l, x->from - week * 7 * CO_DAY, x->until - week * 7 * CO_DAY) -
			          there) /
			         4;
		usual = usual > there ? usual : there;
		x->kind = kind;
		choose(c, x, s);
		int64_t least = dear, want = (int64_t)((double)usual * (1.1 + 3 * co_uniform(s)));
		if (kind == INCIDENT_RETRIES)
			incident_retries(c, x, s, n);
		else if (kind != INCIDENT_MODEL && kind != INCIDENT_CACHE && kind != INCIDENT_CONTEXT)
			incident_add(c, x, s, want > least ? want : least);
		int64_t now = spent_in(&l, x->from, x->until);
		*asked = x->from + (int64_t)((0.5 + 0.7 * co_uniform(s)) * (double)(x->until - x->from));
		if (now - there >= usual && now - there >= least && shows(c, n, x, *asked))
			return true;
	}
	return false;
}

static bool has(const struct triage_cause *c, enum triage_dim d, const char *text)
{
	for (size_t i = 0; i < c->what_n; i++)
		if (c->what[i].dim == d && slice_eq(c->what[i].text, slice_of(text)))
			return true;
	for (size_t i = 0; i < c->same_n; i++)
		if (c->same[i].dim == d && slice_eq(c->same[i].text, slice_of(text)))
			return true;
	return false;
}

/* Is the first cause what was injected, and nothing narrower or wider? */
static bool is_right(const struct company *c, const struct incident *x, const struct triage *t)
{
	const struct triage_cause *first = &t->causes[0];
	char session[32];
	if (t->causes_n == 0)
		return false;
	if (x->kind == INCIDENT_ALL)
		return first->what_n == 0 || (first->what_n == 1 && has(first, TRIAGE_ENVIRONMENT, "local"));
	if (x->kind == INCIDENT_MODEL) { /* the team, with or without the model it moved to */
		size_t team = has(first, TRIAGE_TEAM, c->team[x->team]),
		       local = has(first, TRIAGE_ENVIRONMENT, "local");
		size_t model =
		    has(first, TRIAGE_MODEL, "claude-opus-4-1") || has(first, TRIAGE_MODEL, "gpt-5-pro");
		return team + model > 0 && team + model + local >= first->what_n && first->what_n;
	}
	/* Beside it only what is true of all its calls. */
	bool ci = x->kind == INCIDENT_CI || x->kind == INCIDENT_FLOW;
	bool place = has(first, TRIAGE_ENVIRONMENT, ci ? "ci" : "local");
	if (first->what_n != 1 && !(first->what_n == 2 && place && x->kind != INCIDENT_CONTEXT))
		return false;
	snprintf(session, sizeof session, "s-%08x", x->session);
	switch (x->kind) {
	case INCIDENT_LOOP:
		return has(first, TRIAGE_SESSION, session);
	case INCIDENT_USER:
		return has(first, TRIAGE_USER, c->user[x->user]);
	case INCIDENT_FLOW:
	case INCIDENT_CI:
		return has(first, TRIAGE_WORKFLOW, c->flow[x->flow]);
	case INCIDENT_CACHE:
		return has(first, TRIAGE_VERSION, "1.3.0");
	case INCIDENT_CONTEXT:
		return has(first, TRIAGE_REPO, c->repo[x->repo]);
	case INCIDENT_TEAM:
		return has(first, TRIAGE_TEAM, c->team[x->team]);
	case INCIDENT_RETRIES:
		return has(first, TRIAGE_ATTEMPT, ">1") ||
		       has(first, TRIAGE_PROVIDER, co_models[x->provider].provider);
	case INCIDENT_LEAK:
		return has(first, TRIAGE_AGENT, co_agents[5]) ||
		       has(first, TRIAGE_KEY, c->key[x->user * 2]) ||
		       has(first, TRIAGE_USER, c->user[x->user]);
	case INCIDENT_MODEL:
	case INCIDENT_ALL:
	case INCIDENTS:
		break;
	}
	return false;
}

#define X(id, text) text,
static const char *const kinds[] = {INCIDENT_LIST(X)};
#undef X

static void show_miss(const struct company *c, const struct incident *x, const struct triage *t)
{
	struct buf out;
	struct report_style style = {.utf8 = true};
	buf_init(&out, 1 << 20);
	printf(
	    "\n==== missed: %s; user %s team %s repo %s flow %s agent %s provider %s; %d users, %lld min\n",
	    kinds[x->kind], c->user[x->user], c->team[x->team], c->repo[x->repo], c->flow[x->flow],
	    co_agents[x->agent], co_models[x->provider].provider, c->users,
	    (long long)((x->until - x->from) / 60000));
	if (triage_text(t, &style, &out) == 0)
		printf(SLICE_FMT "\n", SLICE_ARG(buf_slice(&out)));
	buf_release(&out);
}

static long env_or(const char *name, long otherwise)
{
	long long n;
	const char *v = getenv(name);
	return v && slice_to_i64(slice_of(v), &n) ? (long)n : otherwise;
}

struct tally {
	long right[INCIDENTS], all[INCIDENTS], found[INCIDENTS];
	double seconds, longest;
};

static void try_one(struct company *c, size_t n, const struct incident *x, int64_t now, struct tally *sum)
{
	struct triage t;
	struct error e = {0};
	struct ledger l = {c, n, x, now};
	struct triage_ask ask = {.ops = &ops,
	                         .ledger = &l,
	                         .now_ms = now,
	                         .seed = 1,
	                         .since_ms = getenv("NO_WINDOW") ? 0 : x->from / CO_HOUR * CO_HOUR,
	                         .until_ms = getenv("NO_WINDOW") ? 0 : now};
	double start = bench_now();
	int rc = triage_run(&t, &ask, &e);
	double took = bench_now() - start;
	bool right = rc == 0 && is_right(c, x, &t);
	sum->all[x->kind]++;
	sum->right[x->kind] += right;
	sum->found[x->kind] += t.unusual;
	sum->seconds += took;
	sum->longest = took > sum->longest ? took : sum->longest;
	if (!right && getenv("VERBOSE"))
		show_miss(c, x, &t);
	triage_release(&t);
}

/* --- how long it takes ----------------------------------------------------------------------- */

static int note_newest(void *arg, const struct record *r)
{
	*(int64_t *)arg = r->time_ms;
	return 0;
}

static double cpu_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void time_one(struct bench *b, const struct triage_ask *ask, const char *what)
{
	struct triage t;
	struct error e = {0};
	double best = 1e9, least = 1e9;
	for (int i = 0; i < 3; i++) {
		double start = bench_now(), cpu = cpu_now();
		if (triage_run(&t, ask, &e) != 0)
			fprintf(stderr, "bench_triage: %s\n", e.text);
		double took = bench_now() - start;
		best = took < best ? took : best;
		cpu = cpu_now() - cpu;
		least = cpu < least ? cpu : least;
		bench_cell(b, 1, "%zu", t.takings.events_n);
		triage_release(&t);
	}
	bench_cell(b, 0, "%s", what);
	bench_cell(b, 2, "%.2f", best);
	bench_cell(b, 3, "%.2f", least);
	bench_row(b);
}

static int time_ledger(const char *path)
{
	struct bench b;
	struct error e = {0};
	slice rest;
	struct ledger_query newest = {.newest_first = true, .limit = 1};
	const struct ledger_ops *sqlite = ledger_for(SLICE("sqlite:x"), &rest, &e);
	struct triage_ask ask = {.ops = sqlite, .seed = 1};
	int64_t end = 0;
	if (sqlite == NULL || sqlite->open(path, false, &ask.ledger, &e) != 0 ||
	    sqlite->rows(ask.ledger, &newest, note_newest, &end, &e) != 0) {
		fprintf(stderr, "bench_triage: %s\n", e.text);
		return 1;
	}
	/* Its end may be thin: the afternoon of the last working day but one. */
	for (end -= end % CO_DAY + CO_DAY; co_weekend(end - CO_DAY);)
		end -= CO_DAY;
	ask.now_ms = end - 9 * CO_HOUR;
	bench_begin(&b, "triage_time", "How long triage takes on a ledger", "s, the best of three", "window",
	            "calls in it and before", "took", "of it CPU", NULL);
	time_one(&b, &ask, "looked for");
	for (int hours = 2; hours <= 24; hours *= 12) {
		char what[32];
		snprintf(what, sizeof what, "%d hours", hours);
		ask.since_ms = ask.now_ms - hours * CO_HOUR;
		ask.until_ms = ask.now_ms;
		time_one(&b, &ask, what);
	}
	sqlite->close(ask.ledger);
	return bench_end(&b);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return time_ledger(argv[1]);

	struct company *c = calloc(1, sizeof *c);
	struct tally sum = {.seconds = 0};
	struct bench b;
	long want = env_or("INCIDENTS", 200), seed = env_or("SEED", 1), done = 0, right = 0,
	     only = env_or("KIND", -1);
	if (c == NULL)
		return 1;
	for (uint64_t company = (uint64_t)seed * 1000; done < want; company++) {
		co_make(c, company);
		co_fill(c);
		size_t n = c->n;
		for (int i = 0; i < EACH && done < want; i++) {
			struct incident x;
			enum incident_kind kind = (enum incident_kind)(only >= 0 ? only : done % INCIDENTS);
			int64_t now;
			if (!inject(c, n, &x, &c->seed, kind, &now))
				continue;
			try_one(c, n, &x, now, &sum);
			done++;
		}
	}
	bench_begin(&b, "triage", "Incidents whose injected cause triage names first", "", "incident",
	            "incidents", "named first", "share", NULL);
	for (int k = 0; k <= INCIDENTS; k++) {
		long all = k < INCIDENTS ? sum.all[k] : done, good = k < INCIDENTS ? sum.right[k] : right;
		right += k < INCIDENTS ? good : 0;
		if (all == 0)
			continue;
		bench_cell(&b, 0, "%s", k < INCIDENTS ? kinds[k] : "all");
		bench_cell(&b, 1, "%ld", all);
		bench_cell(&b, 2, "%ld", good);
		bench_cell(&b, 3, "%.1f %%", 100.0 * (double)good / (double)all);
		bench_row(&b);
	}
	free(c->events);
	free(c);
	printf("triage took %.3f s on average, %.3f s at most\n", sum.seconds / (double)done, sum.longest);
	return bench_end(&b) || right * 100 < done * 95;
}
