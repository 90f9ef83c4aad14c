/* What calls show, one after the other within their thread (a session's main one, or a subagent's): loops,
 * answers that were lost, caches that broke, large models on small work, pauses. */
#include <stdlib.h>

#include "base/money.h"
#include "finops/savings_impl.h"
#include "finops/storm_text.h"

#define THREADS_MAX     ((size_t)300000)
#define MODELS_MAX      128
#define AGENTS_MAX      32
#define MEMORY          ((size_t)512 << 20)
#define TTL_MS          (INT64_C(5) * 60000)
#define HOUR_MS         (INT64_C(60) * 60000)
#define CACHED_LEAST    10000 /* tokens: a smaller cache is not worth a word */
#define SMALLER         2     /* times cheaper a model must be to be called smaller */
#define ROUTINE_CALLS   8
#define ROUTINE_OUT     3000
#define ROUTINE_CONTEXT 60000

enum { FRESH, READ, WRITE_5M, WRITE_1H, OUTPUT, TERMS };

struct terms {
	int64_t tokens[TERMS], money[TERMS], calls;
};

struct model {
	slice name, provider;
	struct terms sums;
	int64_t read_price, hour_price; /* nano-dollars a million tokens, by the book; PRICE_ABSENT */
};

struct agent {
	slice name;
	int64_t again, dearer; /* money: writes again after a pause; what the hour's writes would cost more */
	int64_t calls;
	bool unknown; /* a model of it has no price for the hour */
};

struct thread {
	slice session, agent;
	bool subagent, storm, mixed; /* mixed: more than one model */
	int model;
	int64_t last_ms, cached, most_context, calls, by_kind[SAVINGS];
	struct terms left; /* of calls that nothing else claimed */
	struct thread *next;
};

struct calls {
	struct search *x;
	struct arena mem;
	struct map by_key;
	struct thread *threads;
	size_t models_n, agents_n;
	struct model models[MODELS_MAX];
	struct agent agents[AGENTS_MAX];
	int64_t first_ms, priced;
	bool full;
};

static const enum meter meters[TERMS] = {METER_INPUT, METER_CACHE_READ, METER_CACHE_WRITE_5M,
                                         METER_CACHE_WRITE_1H, METER_OUTPUT};
static const enum cost_part parts[TERMS] = {COST_INPUT, COST_CACHE_READ, COST_CACHE_WRITE_5M,
                                            COST_CACHE_WRITE_1H, COST_OUTPUT};

static int64_t known(int64_t v)
{
	return v > 0 ? v : 0;
}

static void terms_of(const struct record *r, struct terms *t)
{
	*t = (struct terms){.calls = 1};
	for (int k = 0; k < TERMS; k++) {
		t->tokens[k] = known(r->usage.m[meters[k]]);
		t->money[k] = r->priced ? r->cost.part[parts[k]] : 0;
	}
}

static void terms_add(struct terms *to, const struct terms *t)
{
	to->calls += t->calls;
	for (int k = 0; k < TERMS; k++) {
		to->tokens[k] += t->tokens[k];
		to->money[k] += t->money[k];
	}
}

static int64_t terms_money(const struct terms *t)
{
	int64_t sum = 0;
	for (int k = 0; k < TERMS; k++)
		sum += t->money[k];
	return sum;
}

/* tokens at so much for a million. */
static int64_t at_price(int64_t tokens, int64_t per_million)
{
	int64_t v;
	return money_cost(tokens, per_million, 1000000, &v) == 0 ? v : 0;
}

/* What a million tokens of a term cost here; PRICE_ABSENT: none were paid. */
static int64_t paid_price(const struct terms *t, int k)
{
	if (t->tokens[k] == 0 || t->money[k] == 0)
		return PRICE_ABSENT;
	return (int64_t)((__int128)t->money[k] * 1000000 / t->tokens[k]);
}

/* --- models and threads ---------------------------------------------------------------------- */

/* The book's figures of a row's price. */
static void look_up(const struct calls *c, struct model *m, slice price_id)
{
	size_t at = 0;
	const struct price *p;
	m->read_price = m->hour_price = PRICE_ABSENT;
	while (c->x->ask->catalog && price_id.n && (p = catalog_each(c->x->ask->catalog, &at)) != NULL)
		if (slice_eq(p->id, price_id)) {
			m->read_price = p->per_million[METER_CACHE_READ];
			m->hour_price = p->per_million[METER_CACHE_WRITE_1H];
		}
}

static int model_of(struct calls *c, const struct record *r)
{
	slice name =
	    r->text[TEXT_MODEL_SERVED].n ? r->text[TEXT_MODEL_SERVED] : r->text[TEXT_MODEL_REQUESTED];
	for (size_t i = 0; i < c->models_n; i++)
		if (slice_eq(c->models[i].name, name) &&
		    slice_eq(c->models[i].provider, r->text[TEXT_PROVIDER]))
			return (int)i;
	if (c->models_n == MODELS_MAX || name.n == 0)
		return -1;
	struct model *m = &c->models[c->models_n];
	*m = (struct model){.name = arena_copy(&c->x->out->mem, name),
	                    .provider = arena_copy(&c->x->out->mem, r->text[TEXT_PROVIDER])};
	look_up(c, m, r->text[TEXT_PRICE_ID]);
	return (int)c->models_n++;
}

static struct agent *agent_of(struct calls *c, slice name)
{
	for (size_t i = 0; i < c->agents_n; i++)
		if (slice_eq(c->agents[i].name, name))
			return &c->agents[i];
	if (c->agents_n == AGENTS_MAX)
		return NULL;
	c->agents[c->agents_n] = (struct agent){.name = arena_copy(&c->x->out->mem, name)};
	return &c->agents[c->agents_n++];
}

/* The thread of a call; NULL: its session is not known, or there is no room. */
static struct thread *thread_of(struct calls *c, const struct record *r)
{
	char text[ATTR_TEXT_MAX * 2 + 2];
	slice session = r->who.v[ATTR_SESSION], sub = r->who.v[ATTR_SUBAGENT];
	if (session.n == 0 || session.n > ATTR_TEXT_MAX || sub.n > ATTR_TEXT_MAX)
		return NULL;
	memcpy(text, session.p, session.n);
	text[session.n] = '\n';
	if (sub.n)
		memcpy(text + session.n + 1, sub.p, sub.n);
	slice key = slice_make(text, session.n + 1 + sub.n);
	struct thread *t = map_get(&c->by_key, key);
	if (t)
		return t;
	t = arena_zalloc(&c->mem, sizeof *t);
	slice kept = arena_copy(&c->mem, key), agent = arena_copy(&c->mem, r->who.v[ATTR_AGENT]);
	if (t == NULL || kept.p == NULL || agent.p == NULL || map_put(&c->by_key, kept, t, NULL) != 0) {
		c->full = true;
		return NULL;
	}
	*t = (struct thread){.session = slice_sub(kept, 0, session.n),
	                     .agent = agent,
	                     .subagent = sub.n > 0,
	                     .model = -1,
	                     .next = c->threads};
	c->threads = t;
	return t;
}

/* --- what one call shows --------------------------------------------------------------------- */

static void claim(struct calls *c, struct thread *t, enum saving_kind k, slice name, int64_t nanousd)
{
	finding_add(c->x, k, name, nanousd, 1);
	c->x->out->claimed += nanousd;
	if (t)
		t->by_kind[k] += nanousd;
}

static bool was_lost(const struct record *r)
{
	return r->attempt > 1 || r->text[TEXT_RETRY_OF].n > 0 || r->ending == ENDING_CLIENT_GONE ||
	       r->ending == ENDING_PROVIDER_GONE || r->ending == ENDING_PROVIDER_ERROR ||
	       r->ending == ENDING_TIMEOUT || r->ending == ENDING_CRASH;
}

static int64_t read_price_of(const struct model *m)
{
	return m->read_price != PRICE_ABSENT ? m->read_price : paid_price(&m->sums, READ);
}

/* Tokens of a term that were paid as such and might have been read from the cache: no longer of this call. */
static int64_t take_back(struct terms *now, int k, int64_t tokens, int64_t read_price)
{
	int64_t price = paid_price(now, k), n = num_min_i64(tokens, now->tokens[k]);
	if (n <= 0 || price == PRICE_ABSENT || price <= read_price)
		return 0;
	int64_t paid = at_price(n, price), read = at_price(n, read_price);
	now->tokens[k] -= n;
	now->money[k] -= paid;
	now->tokens[READ] += n;
	now->money[READ] += read;
	return paid - read;
}

/* Was there a cache that this call should have read, and did not? What it would have saved. */
static void look_at_cache(struct calls *c, struct thread *t, const struct record *r, struct terms *now)
{
	const struct model *m = &c->models[t->model];
	int64_t all = now->tokens[FRESH] + now->tokens[READ] + now->tokens[WRITE_5M] + now->tokens[WRITE_1H];
	int64_t gap = r->time_ms - t->last_ms, price = read_price_of(m);
	bool there = t->cached >= CACHED_LEAST && all >= t->cached; /* else it was compacted */
	int64_t missed = num_min_i64(t->cached, all) - now->tokens[READ];
	struct agent *a = agent_of(c, t->agent);
	if (!there || now->tokens[READ] * 5 > t->cached || missed <= 0 || price == PRICE_ABSENT)
		return;
	if (gap <= TTL_MS) {
		int64_t saved = 0, left = missed;
		for (int k = WRITE_5M; k >= FRESH && left > 0; k = k == WRITE_5M ? FRESH : -1) {
			int64_t had = now->tokens[k];
			saved += take_back(now, k, left, price);
			left -= had - now->tokens[k];
		}
		if (saved > 0)
			claim(c, t, SAVING_CACHE, t->agent, saved);
	} else if (gap <= HOUR_MS && a && now->tokens[WRITE_5M] > 0) {
		struct terms copy = *now;
		a->again += take_back(&copy, WRITE_5M, missed, price);
		a->calls++;
	}
}

/* What writes that live for an hour would have cost more. */
static void price_hour(struct calls *c, const struct thread *t, const struct terms *now)
{
	const struct model *m = &c->models[t->model];
	struct agent *a = agent_of(c, t->agent);
	int64_t paid = paid_price(now, WRITE_5M);
	if (a == NULL || now->tokens[WRITE_5M] == 0 || paid == PRICE_ABSENT)
		return;
	if (m->hour_price == PRICE_ABSENT)
		a->unknown = true;
	else
		a->dearer += at_price(now->tokens[WRITE_5M], m->hour_price) - now->money[WRITE_5M];
}

static void note_thread(struct calls *c, struct thread *t, const struct record *r, int model)
{
	struct terms now;
	terms_of(r, &now);
	int64_t read = now.tokens[READ] + now.tokens[WRITE_5M] + now.tokens[WRITE_1H];
	t->mixed = t->mixed || (t->model >= 0 && t->model != model);
	if (t->model == model)
		look_at_cache(c, t, r, &now);
	t->model = model;
	price_hour(c, t, &now);
	terms_add(&t->left, &now);
	t->calls++;
	t->last_ms = r->time_ms;
	t->cached = read;
	t->most_context = num_max_i64(t->most_context, r->context_tokens);
}

static int on_row(void *arg, const struct record *r)
{
	struct calls *c = arg;
	struct thread *t;
	struct terms now;
	if (c->first_ms == 0 || r->time_ms < c->first_ms)
		c->first_ms = r->time_ms;
	if (r->ending == ENDING_REFUSED || r->billing == BILLING_SUBSCRIPTION || !r->priced)
		return c->x->rc;
	c->x->out->spent += r->cost.total;
	if (slice_eq(r->text[TEXT_SOURCE], SLICE("correction")))
		return c->x->rc;
	c->priced++;
	t = thread_of(c, r);
	int model = model_of(c, r);
	if (t && t->storm) {
		claim(c, t, SAVING_LOOPS, r->who.v[ATTR_USER], r->cost.total);
		return c->x->rc;
	}
	if (t && storm_is_told(r->text[TEXT_EXPLANATION]))
		t->storm = true;
	if (was_lost(r)) {
		if (r->cost.total > 0)
			claim(c, t, SAVING_LOST, r->text[TEXT_PROVIDER], r->cost.total);
		return c->x->rc;
	}
	if (model >= 0) {
		terms_of(r, &now);
		terms_add(&c->models[model].sums, &now);
	}
	if (t && model >= 0)
		note_thread(c, t, r, model);
	return c->x->rc;
}

/* --- what they show together ----------------------------------------------------------------- */

/* What the same tokens cost on another model; -1: it was never paid for one of these. */
static int64_t cost_on(const struct model *m, const struct terms *t)
{
	int64_t sum = 0;
	for (int k = 0; k < TERMS; k++) {
		int64_t price = paid_price(&m->sums, k);
		if (price == PRICE_ABSENT && k != FRESH && k != OUTPUT) /* as fresh input at most */
			price = paid_price(&m->sums, FRESH);
		if (t->tokens[k] && price == PRICE_ABSENT)
			return -1;
		sum += t->tokens[k] ? at_price(t->tokens[k], price) : 0;
	}
	return sum;
}

/* The most used model of the same provider that costs half as much or less for the same; NULL: none. */
static const struct model *smaller(const struct calls *c, int model)
{
	const struct model *of = &c->models[model], *best = NULL;
	int64_t usual = terms_money(&of->sums);
	for (size_t i = 0; i < c->models_n; i++) {
		const struct model *m = &c->models[i];
		int64_t there = cost_on(m, &of->sums);
		if ((int)i == model || !slice_eq(m->provider, of->provider) || there <= 0 ||
		    there * SMALLER > usual)
			continue;
		if (best == NULL || m->sums.calls > best->sums.calls)
			best = m;
	}
	return best;
}

static void judge_thread(struct calls *c, struct thread *t, const struct model *const *smaller_of)
{
	enum saving_kind k = t->subagent ? SAVING_SUBAGENTS : SAVING_ROUTINE;
	bool small = t->calls <= ROUTINE_CALLS && t->left.tokens[OUTPUT] <= ROUTINE_OUT &&
	             t->most_context <= ROUTINE_CONTEXT;
	if (t->model >= 0 && !t->mixed && smaller_of[t->model] && (t->subagent || small)) {
		const struct model *m = smaller_of[t->model];
		int64_t there = cost_on(m, &t->left), saved = terms_money(&t->left) - there;
		if (there >= 0 && saved > 0) {
			finding_add(c->x, k, c->models[t->model].name, saved, t->calls);
			finding_instead(c->x, k, c->models[t->model].name, m->name);
			c->x->out->claimed += saved;
			t->by_kind[k] += saved;
		}
	}
	for (int i = 0; i < SAVINGS; i++)
		if (t->by_kind[i] > 0)
			finding_session(c->x, (enum saving_kind)i, t->session, t->by_kind[i]);
}

static void judge(struct calls *c)
{
	const struct model *smaller_of[MODELS_MAX];
	for (size_t i = 0; i < c->models_n; i++)
		smaller_of[i] = smaller(c, (int)i);
	for (struct thread *t = c->threads; t; t = t->next)
		judge_thread(c, t, smaller_of);
	for (size_t i = 0; i < c->agents_n; i++) {
		const struct agent *a = &c->agents[i];
		if (a->unknown && a->again > 0)
			savings_missing(c->x,
			                "no price for caches of an hour is known for a model of " SLICE_FMT,
			                SLICE_ARG(a->name));
		else if (a->again > a->dearer)
			finding_add(c->x, SAVING_HOUR, a->name, a->again - a->dearer, a->calls);
	}
	if (c->full)
		savings_missing(
		    c->x, "of more than %zu sessions the later ones were not looked at: a shorter --since",
		    THREADS_MAX);
	if (c->priced == 0)
		savings_missing(c->x, "no call that is paid by the token has a price in the window");
	else if (c->threads == NULL)
		savings_missing(c->x, "no session is known: loops, caches and models were not looked at");
}

int savings_calls(struct search *x, struct error *e)
{
	static const char *const only[] = {"time_ms",
	                                   "source",
	                                   "provider",
	                                   "model_requested",
	                                   "model_served",
	                                   "user",
	                                   "agent",
	                                   "session",
	                                   "subagent",
	                                   "attempt",
	                                   "retry_of",
	                                   "ending",
	                                   "input_tokens",
	                                   "cache_read_tokens",
	                                   "cache_write_5m_tokens",
	                                   "cache_write_1h_tokens",
	                                   "output_tokens",
	                                   "context_tokens",
	                                   "cost_nanousd",
	                                   "cost_input",
	                                   "cost_cache_read",
	                                   "cost_cache_write_5m",
	                                   "cost_cache_write_1h",
	                                   "cost_output",
	                                   "billing",
	                                   "price_id",
	                                   "explanation"};
	struct ledger_query q = {
	    .since_ms = x->ask->since_ms, .until_ms = x->ask->until_ms, .any_order = true};
	struct calls *c = calloc(1, sizeof *c);
	if (c == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	c->x = x;
	arena_init(&c->mem, MEMORY);
	map_init(&c->by_key, THREADS_MAX, x->ask->seed);
	for (size_t i = 0; i < x->ask->filters_n; i++)
		q.filters[q.filters_n++] = x->ask->filters[i];
	q.only_n = sizeof only / sizeof only[0];
	memcpy(q.only, only, sizeof only);
	int rc = x->ask->ops->rows(x->ask->ledger, &q, on_row, c, e);
	if (rc == 0)
		judge(c);
	x->out->span_ms = c->first_ms ? x->ask->until_ms - c->first_ms : 0;
	map_release(&c->by_key);
	arena_release(&c->mem);
	free(c);
	return rc ? rc : x->rc;
}
