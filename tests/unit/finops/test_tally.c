/* Whatever is told in sum and whatever comes in one by one, in whatever order: what the ledger has in the end
 * of each provider, day and model is the larger of the two, to the token and the nano-dollar. */
#include "unit/unit.h"

#include "books.h"
#include "finops/tally.h"

#define FROM   (INT64_C(20000) * DAY)
#define DAYS   3
#define MODELS 3

static const char *const models[MODELS] = {"claude-opus-4-6", "claude-haiku-4-5-20251001",
                                           "claude-sonnet-4-5"};

struct world {
	struct books b;
	uint64_t random;
	int64_t told[DAYS][MODELS], known[DAYS][MODELS]; /* tokens of output */
	int64_t told_cost[DAYS][MODELS], known_cost[DAYS][MODELS];
	int64_t told_ms;
};

static uint64_t any(struct world *w, uint64_t below)
{
	w->random = w->random * 6364136223846793005u + 1442695040888963407u;
	return (w->random >> 33) % below;
}

static void tell_tally(struct world *w, int day, int model, int key, enum tally_kind kind, int64_t tokens,
                       int64_t cost)
{
	struct arena mem;
	struct tally t;
	struct ledger_tally row;
	struct error e = {0};
	char name[16];
	arena_init(&mem, 1 << 16);
	tally_init(&t);
	t.source = SLICE("anthropic-usage");
	t.kind = kind;
	t.provider = SLICE("anthropic");
	t.model = slice_of(models[model]);
	t.from_ms = FROM + day * DAY;
	t.until_ms = t.from_ms + DAY;
	snprintf(name, sizeof name, "key-%d", key);
	t.who.v[ATTR_USER] = slice_of(name);
	if (kind == TALLY_USAGE)
		t.usage.m[METER_OUTPUT] = tokens;
	t.costed = kind == TALLY_COST;
	if (t.costed)
		t.cost.part[COST_OUTPUT] = t.cost.total = cost;
	assert_int_equal(tally_write(&t, w->told_ms, &mem, &row), 0);
	assert_int_equal(w->b.ops->tally_put(w->b.ledger, &row, &e), 0);
	arena_release(&mem);
}

/* A day of one kind, all models, some keys each: it replaces what was told of it. */
static void tell_day(struct world *w)
{
	struct error e = {0};
	int day = (int)any(w, DAYS);
	bool cost = any(w, 3) == 0;
	w->told_ms++;
	assert_int_equal(w->b.ops->begin(w->b.ledger, &e), 0);
	for (int m = 0; m < MODELS; m++) {
		int64_t sum = 0;
		int keys = 1 + (int)any(w, 3);
		for (int k = 0; k < keys; k++) {
			int64_t n = (int64_t)any(w, cost ? 9999999999u : 5000);
			tell_tally(w, day, m, k, cost ? TALLY_COST : TALLY_USAGE, n, n);
			sum += n;
		}
		*(cost ? &w->told_cost[day][m] : &w->told[day][m]) = sum;
	}
	assert_int_equal(w->b.ops->commit(w->b.ledger, &e), 0);
}

static void call(struct world *w)
{
	struct error e = {0};
	struct record r;
	int day = (int)any(w, DAYS), m = (int)any(w, MODELS);
	int64_t tokens = (int64_t)any(w, 900), cost = (int64_t)any(w, 1999999999u);
	books_call(&w->b, &r, FROM + day * DAY + (int64_t)any(w, DAY), "ana", "payments", cost);
	usage_clear(&r.usage);
	r.usage.m[METER_OUTPUT] = tokens;
	r.text[TEXT_SOURCE] = any(w, 2) ? SLICE("gateway") : SLICE("import:claude-code");
	r.text[TEXT_PROVIDER] = SLICE("anthropic");
	r.text[TEXT_MODEL_SERVED] = slice_of(models[m]);
	assert_int_equal(w->b.ops->begin(w->b.ledger, &e), 0);
	books_add(&w->b, &r);
	assert_int_equal(w->b.ops->commit(w->b.ledger, &e), 0);
	w->known[day][m] += tokens;
	w->known_cost[day][m] += cost;
}

static void settle(struct world *w, struct tally_counts *n)
{
	struct error e = {0};
	const struct tally_book book = {.ops = w->b.ops, .ledger = w->b.ledger};
	*n = (struct tally_counts){0};
	assert_int_equal(tally_settle(&book, 0, INT64_MAX, n, &e), 0);
}

struct found {
	int64_t tokens, cost;
};

static int on_group(void *arg, const struct ledger_group *g)
{
	struct found *f = arg;
	f->tokens += g->m.meters[METER_OUTPUT] > 0 ? g->m.meters[METER_OUTPUT] : 0;
	f->cost += g->m.cost_nanousd > 0 ? g->m.cost_nanousd : 0;
	return 0;
}

static void check(struct world *w, uint64_t seed)
{
	for (int day = 0; day < DAYS; day++)
		for (int m = 0; m < MODELS; m++) {
			struct error e = {0};
			struct found f = {0};
			struct ledger_query q = {.by_n = 1,
			                         .by = {SLICE("model")},
			                         .since_ms = FROM + day * DAY,
			                         .until_ms = FROM + (day + 1) * DAY,
			                         .filters_n = 1};
			q.filters[0] = (struct ledger_filter){SLICE("model"), slice_of(models[m]), true};
			assert_int_equal(w->b.ops->report(w->b.ledger, &q, on_group, &f, NULL, &e), 0);
			int64_t told = w->told[day][m], known = w->known[day][m],
			        want = told > known ? told : known;
			if (f.tokens != want)
				fail_msg("seed %llu, day %d, %s: %lld tokens, told %lld, known %lld",
				         (unsigned long long)seed, day, models[m], (long long)f.tokens,
				         (long long)told, (long long)known);
			int64_t cost = w->told_cost[day][m] > w->known_cost[day][m] ? w->told_cost[day][m]
			                                                            : w->known_cost[day][m];
			if (f.cost != cost)
				fail_msg("seed %llu, day %d, %s: %lld nano-dollars, told %lld, known %lld",
				         (unsigned long long)seed, day, models[m], (long long)f.cost,
				         (long long)w->told_cost[day][m], (long long)w->known_cost[day][m]);
		}
}

static void the_larger_of_the_two(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct world w = {.random = seed};
		struct tally_counts n;
		books_open(&w.b);
		books_done(&w.b);
		for (int step = 0; step < 24; step++) {
			if (any(&w, 3) == 0)
				tell_day(&w);
			else
				call(&w);
			if (any(&w, 2))
				settle(&w, &n);
		}
		settle(&w, &n);
		check(&w, seed);
		settle(&w, &n);
		assert_int_equal(n.booked + n.removed, 0);
		books_close(&w.b);
	}
}

static void models_by_any_spelling(void **state)
{
	static const struct {
		const char *told, *key;
	} rows[] = {
	    {"claude-opus-4-6-20260205", "claude-opus-4-6"},
	    {"gpt-5-2025-08-07", "gpt-5"},
	    {"Claude Sonnet 4.5", "claude-sonnet-4-5"},
	    {"Auto: GPT-5.4", "gpt-5-4"},
	    {"models/gemini-2.5-pro", "gemini-2-5-pro"},
	    {"claude-3-5-haiku-latest", "claude-3-5-haiku"},
	    {"claude-opus-4@20250514", "claude-opus-4"},
	    {"", ""},
	    {"20250514", "20250514"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char out[TALLY_MODEL_MAX];
		assert_true(slice_eq(tally_model_key(slice_of(rows[i].told), out), slice_of(rows[i].key)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_larger_of_the_two),
	                                   cmocka_unit_test(models_by_any_spelling)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
