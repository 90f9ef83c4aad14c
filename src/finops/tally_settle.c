/* From tallies to rows. A span (a UTC day, or what an invoice is for) of one provider at a time:
 *
 *   tokens  for each model and meter, what the tallies have less what the ledger's finer rows have, at least
 * 0, divided among the tallies in proportion to what each told (exactly: by running sums); money   where the
 * provider tells it, the same of the money, divided among the tallies that have tokens; else the price book's
 * for the tokens that are left.
 *
 * Rows that an earlier settling made are compared with that: what grew is added as a row, what shrank, since
 * calls of it came in one by one meanwhile, is taken out and put in anew. */
#include "finops/tally.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "finops/tally_rows.h"
#include "model/usage.h"

#define MEM_MAX     ((size_t)512 << 20)
#define KNOWN_MAX   1024
#define LONG_BEYOND (INT64_C(1) << 40) /* a context that every long-context price applies to */

__extension__ typedef __int128 i128;

/* What the ledger knows of a model by finer rows. */
struct known {
	char model[TALLY_MODEL_MAX];
	size_t model_n;
	enum billing billing;
	struct ledger_measures m;
};

struct knowns {
	size_t n;
	struct known at[KNOWN_MAX];
};

/* --- sums ------------------------------------------------------------------------------------------------
 */

static int64_t or_zero(int64_t v)
{
	return v > 0 ? v : 0;
}

/* b is not negative. */
static int64_t minus(int64_t a, int64_t b)
{
	return num_sat_add_i64(a, -b);
}

static slice key_of(const struct tally *t, char out[TALLY_MODEL_MAX])
{
	return t->all_models || t->tools ? SLICE_NONE : tally_model_key(t->model, out);
}

static bool same_group(const struct tally *a, const struct tally *b)
{
	char x[TALLY_MODEL_MAX], y[TALLY_MODEL_MAX];
	return a->billing == b->billing && a->all_models == b->all_models && a->tools == b->tools &&
	       slice_eq(key_of(a, x), key_of(b, y));
}

static bool covers(const struct tally *t, const struct known *k)
{
	char key[TALLY_MODEL_MAX];
	if (t->billing != k->billing && t->kind != TALLY_METRICS) /* counters do not tell who pays */
		return false;
	return t->all_models || t->tools || slice_eq(key_of(t, key), slice_make(k->model, k->model_n));
}

static int64_t known_money(const struct tally *t, const struct known *k)
{
	int64_t all =
	    or_zero(k->billing == BILLING_SUBSCRIPTION ? k->m.subscription_nanousd : k->m.cost_nanousd);
	int64_t tools = k->billing == BILLING_SUBSCRIPTION ? 0 : or_zero(k->m.cost_part[COST_TOOLS]);
	return t->all_models ? all : t->tools ? tools : minus(all, tools);
}

/* Cache writes that a source cannot tell apart (all as of 5 minutes) are known all the same. */
static void share_excess(int64_t left[METER_N])
{
	static const enum meter pair[2] = {METER_CACHE_WRITE_5M, METER_CACHE_WRITE_1H};
	for (int i = 0; i < 2; i++) {
		int64_t *over = &left[pair[i]], *other = &left[pair[1 - i]];
		if (*over >= 0 || *other <= 0)
			continue;
		int64_t take = -*over < *other ? -*over : *other;
		*over += take;
		*other -= take;
	}
}

/* The part of `whole` that falls to [before, before + mine) of `sum`. */
static int64_t part_of(int64_t whole, int64_t before, int64_t mine, int64_t sum)
{
	if (sum <= 0)
		return 0;
	return (int64_t)((i128)whole * ((i128)before + mine) / sum - (i128)whole * before / sum);
}

/* --- tokens ----------------------------------------------------------------------------------------------
 */

struct span {
	struct tally_item *item; /* borrowed */
	size_t n;
	const struct knowns *known;
	const struct catalog *catalog;
	struct tally_counts *counts;
};

static void left_of_group(const struct span *s, size_t first, int64_t told[METER_N], int64_t left[METER_N])
{
	const struct tally *of = &s->item[first].tally;
	memset(told, 0, METER_N * sizeof *told);
	for (size_t i = first; i < s->n; i++)
		if (same_group(of, &s->item[i].tally))
			for (int m = 0; m < METER_N; m++)
				told[m] = num_sat_add_i64(told[m], or_zero(s->item[i].tally.usage.m[m]));
	memcpy(left, told, METER_N * sizeof *left);
	for (size_t k = 0; k < s->known->n; k++)
		if (covers(of, &s->known->at[k]))
			for (int m = 0; m < METER_N; m++)
				left[m] = minus(left[m], or_zero(s->known->at[k].m.meters[m]));
	share_excess(left);
	for (int m = 0; m < METER_N; m++)
		left[m] = or_zero(left[m]);
}

static void divide_tokens(const struct span *s, size_t first)
{
	const struct tally *of = &s->item[first].tally;
	int64_t told[METER_N], left[METER_N], before[METER_N] = {0};
	left_of_group(s, first, told, left);
	for (size_t i = first; i < s->n; i++) {
		struct tally_item *t = &s->item[i];
		if (!same_group(of, &t->tally))
			continue;
		t->grouped = true;
		for (int m = 0; m < METER_N; m++) {
			int64_t mine = t->tally.usage.m[m];
			t->row.usage.m[m] =
			    mine < 0 ? TOKENS_ABSENT : part_of(left[m], before[m], mine, told[m]);
			before[m] += or_zero(mine);
			if (m == METER_REASONING) /* within output */
				continue;
			s->counts->tokens = num_sat_add_i64(s->counts->tokens, or_zero(mine));
			s->counts->known_tokens = num_sat_add_i64(s->counts->known_tokens,
			                                          or_zero(mine) - or_zero(t->row.usage.m[m]));
		}
	}
}

/* --- money -----------------------------------------------------------------------------------------------
 */

/* By the price book; false when something that was used has no price. */
static bool price(const struct span *s, const struct tally *t, const struct usage *u, struct cost *out,
                  slice *price_id)
{
	const struct billed_as as = {t->service_tier, t->speed, t->region};
	slice vendor = tally_vendor(t);
	const struct price *p = s->catalog && vendor.n && t->model.n
	                            ? catalog_price(s->catalog, vendor, t->model, t->from_ms)
	                            : NULL;
	memset(out, 0, sizeof *out);
	if (p == NULL)
		return false;
	*price_id = p->id;
	/* A sum of many calls is no long context. */
	return usage_cost_of_sum(p, u, &as, t->long_context ? LONG_BEYOND : 0, out, NULL) == 0;
}

static bool in_scope(const struct span *s, size_t first, size_t i, bool whole)
{
	const struct tally *a = &s->item[first].tally, *b = &s->item[i].tally;
	return whole ? a->billing == b->billing : same_group(a, b);
}

struct scope {
	size_t first;
	bool whole;         /* all of the span, since models were not told apart somewhere */
	bool told, carried; /* some money is told; some tally has tokens */
	int64_t told_nanousd, left_nanousd;
	int64_t left_part[COST_N], left_parts; /* and their sum */
};

static void read_scope(const struct span *s, struct scope *c)
{
	int64_t part[COST_N] = {0};
	for (size_t i = c->first; i < s->n; i++) {
		const struct tally *t = &s->item[i].tally;
		if (!in_scope(s, c->first, i, c->whole))
			continue;
		c->carried = c->carried || tally_has_usage(t);
		if (!t->costed)
			continue;
		c->told = true;
		c->told_nanousd = num_sat_add_i64(c->told_nanousd, t->cost.total);
		for (int p = 0; p < COST_N; p++)
			part[p] = num_sat_add_i64(part[p], t->cost.part[p]);
	}
	struct tally of = s->item[c->first].tally;
	of.all_models = of.all_models || c->whole;
	int64_t known = 0;
	for (size_t k = 0; k < s->known->n; k++)
		if (covers(&of, &s->known->at[k])) {
			known = num_sat_add_i64(known, known_money(&of, &s->known->at[k]));
			for (int p = 0; p < COST_N; p++)
				part[p] = minus(part[p], or_zero(s->known->at[k].m.cost_part[p]));
		}
	/* Credits and refunds that a provider gives back are told as they are. */
	c->left_nanousd = c->told_nanousd < 0 ? c->told_nanousd : or_zero(minus(c->told_nanousd, known));
	for (int p = 0; p < COST_N; p++) {
		c->left_part[p] = or_zero(part[p]);
		c->left_parts = num_sat_add_i64(c->left_parts, c->left_part[p]);
	}
}

static bool carries(const struct scope *c, const struct tally *t)
{
	return c->carried ? tally_has_usage(t) : t->costed;
}

/* What a tally's part of the money is measured by. */
static int64_t weight_of(const struct span *s, const struct tally *t)
{
	struct cost cost;
	slice id = SLICE_NONE;
	if (t->costed)
		return or_zero(t->cost.total);
	if (price(s, t, &t->usage, &cost, &id))
		return cost.total;
	int64_t tokens = 0;
	for (int m = 0; m < METER_N; m++)
		tokens = num_sat_add_i64(tokens, or_zero(t->usage.m[m]));
	return tokens;
}

/* An amount by the parts that are left of what was told; else as what it is. */
static void set_cost(const struct scope *c, const struct tally *t, int64_t amount, struct cost *out)
{
	int64_t before = 0;
	memset(out, 0, sizeof *out);
	out->total = amount;
	if (c->left_parts <= 0)
		out->part[t->tools ? COST_TOOLS : COST_OTHER] = amount;
	for (int p = 0; c->left_parts > 0 && p < COST_N; p++) {
		out->part[p] = part_of(amount, before, c->left_part[p], c->left_parts);
		before += c->left_part[p];
	}
}

static void divide_money(const struct span *s, const struct scope *c)
{
	int64_t sum = 0, before = 0;
	size_t last = s->n;
	for (size_t i = c->first; i < s->n; i++)
		if (in_scope(s, c->first, i, c->whole) && carries(c, &s->item[i].tally)) {
			sum = num_sat_add_i64(sum, weight_of(s, &s->item[i].tally));
			last = i;
		}
	for (size_t i = c->first; i < s->n; i++) {
		struct tally_item *t = &s->item[i];
		if (!in_scope(s, c->first, i, c->whole))
			continue;
		t->scoped = true;
		t->row.priced = carries(c, &t->tally);
		if (!t->row.priced)
			continue;
		int64_t mine = sum > 0 ? weight_of(s, &t->tally) : i == last;
		int64_t amount = part_of(c->left_nanousd, before, mine, sum > 0 ? sum : 1);
		before += mine;
		set_cost(c, &t->tally, amount, &t->row.cost);
		if (t->tally.credits_nano > 0 && t->tally.cost.total > 0)
			t->row.credits_nano = part_of(t->tally.credits_nano, 0, amount, t->tally.cost.total);
	}
}

static void price_scope(const struct span *s, const struct scope *c)
{
	for (size_t i = c->first; i < s->n; i++) {
		struct tally_item *t = &s->item[i];
		if (!in_scope(s, c->first, i, c->whole))
			continue;
		t->scoped = true;
		t->row.priced = price(s, &t->tally, &t->row.usage, &t->row.cost, &t->row.text[TEXT_PRICE_ID]);
	}
}

static bool models_untold(const struct span *s, enum billing billing)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->item[i].tally.all_models && s->item[i].tally.billing == billing)
			return true;
	return false;
}

static void divide_span(const struct span *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->item[i].grouped)
			divide_tokens(s, i);
	for (size_t i = 0; i < s->n; i++) {
		struct scope c = {.first = i};
		if (s->item[i].scoped)
			continue;
		c.whole = models_untold(s, s->item[i].tally.billing);
		read_scope(s, &c);
		if (c.told)
			divide_money(s, &c);
		else
			price_scope(s, &c);
	}
}

/* --- what the ledger knows -------------------------------------------------------------------------------
 */

static int on_known(void *arg, const struct ledger_group *g)
{
	struct knowns *k = arg;
	if (k->n == KNOWN_MAX)
		return ERR_FULL;
	struct known *at = &k->at[k->n++];
	at->model_n = tally_model_key(g->key[0], at->model).n;
	at->billing = slice_eq(g->key[1], slice_of(billing_name(BILLING_SUBSCRIPTION))) ? BILLING_SUBSCRIPTION
	                                                                                : BILLING_METERED;
	at->m = g->m;
	return 0;
}

static void filter(struct ledger_query *q, const char *column, slice value, bool exact)
{
	q->filters[q->filters_n++] = (struct ledger_filter){slice_of(column), value, exact};
}

/* Agents whose sessions have the same name whoever tells of them. */
static bool names_sessions(slice agent)
{
	return slice_eq(agent, SLICE("claude-code")) || slice_eq(agent, SLICE("codex"));
}

/* Calls of the same work may have begun a while before its counters were told of. */
#define SLACK_MS LEDGER_SAME_MS

static int ask_known(const struct tally_book *b, const struct ledger_query *q, struct knowns *out,
                     struct error *e)
{
	int rc = b->ops->report(b->ledger, q, on_known, out, NULL, e);
	return rc == ERR_FULL ? error_set(e, rc, "more than %d models in one span", KNOWN_MAX) : rc;
}

/* Metrics are compared with the calls of their session; where that has another name at the gateway, or none,
 * with those of the agent, and of its user where the counters name one. */
static int read_session(const struct tally_book *b, const struct tally *t, struct ledger_query *q,
                        slice coarser, struct knowns *out, struct error *e)
{
	slice agent = t->who.v[ATTR_AGENT], session = t->who.v[ATTR_SESSION], user = t->who.v[ATTR_USER];
	int rc = 0;
	filter(q, "agent", agent, true);
	if (session.n) {
		struct ledger_query own = *q;
		q->since_ms = own.since_ms -= SLACK_MS;
		q->until_ms = own.until_ms += SLACK_MS;
		filter(&own, "session", session, true);
		filter(&own, "source", coarser, false);
		rc = ask_known(b, &own, out, e);
	}
	if (rc || (session.n && names_sessions(agent)))
		return rc;
	if (user.n)
		filter(q, "user", user, true);
	filter(q, "source", session.n ? SLICE("gateway") : coarser, false);
	return ask_known(b, q, out, e);
}

static int read_known(const struct tally_book *b, const struct tally_run *run, const struct tally_rows *rows,
                      struct arena *mem, struct knowns *out, struct error *e)
{
	const struct tally *t = &rows->item[run->first].tally;
	struct ledger_query q = {.by_n = 2,
	                         .by = {SLICE("model"), SLICE("billing")},
	                         .since_ms = run->from_ms,
	                         .until_ms = run->until_ms};
	slice coarser = tally_coarser(rows->level, mem), providers = run->provider;
	out->n = 0;
	if (b->providers_of)
		providers = b->providers_of(b->arg, run->provider, mem);
	if (coarser.p == NULL || providers.p == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	if (t->kind == TALLY_METRICS)
		return read_session(b, t, &q, coarser, out, e);
	filter(&q, "provider", providers, false);
	filter(&q, "source", coarser, false);
	return ask_known(b, &q, out, e);
}

/* --- the whole -------------------------------------------------------------------------------------------
 */

static int settle_level(const struct tally_book *b, struct tally_rows *rows, struct knowns *known,
                        struct tally_counts *n, struct error *e)
{
	struct tally_run run;
	for (size_t at = 0; tally_next_run(rows, &at, &run);) {
		struct arena mem;
		arena_init(&mem, (size_t)1 << 20);
		int rc = read_known(b, &run, rows, &mem, known, e);
		arena_release(&mem);
		if (rc)
			return rc;
		const struct span s = {rows->item + run.first, run.n, known, b->catalog, n};
		divide_span(&s);
	}
	return tally_rows_book(b, rows, n, e);
}

int tally_settle(const struct tally_book *b, int64_t since_ms, int64_t until_ms, struct tally_counts *n,
                 struct error *e)
{
	struct knowns *known = malloc(sizeof *known);
	int rc = known ? 0 : error_set(e, ERR_NOMEM, "out of memory");
	for (int level = 0; level < TALLY_LEVELS && rc == 0; level++) {
		struct tally_rows rows;
		tally_rows_init(&rows, level, since_ms, until_ms, MEM_MAX);
		rc = tally_rows_read(b, &rows, e);
		if (rc == 0)
			rc = settle_level(b, &rows, known, n, e);
		tally_rows_release(&rows);
	}
	free(known);
	return rc;
}
