/* Costing: rounding, modifiers one over another, meters without a price, and the worst case as a bound. */
#include "unit/unit.h"

#include <stdlib.h>

#include "model/usage.h"

#define USD INT64_C(1000000000)

static struct price row(void)
{
	struct price p = {.id = SLICE("v/m"),
	                  .vendor = SLICE("v"),
	                  .model = SLICE("m"),
	                  .from_ms = INT64_MIN,
	                  .until_ms = INT64_MAX};
	for (int m = 0; m < METER_N; m++)
		p.per_million[m] = PRICE_ABSENT;
	return p;
}

static struct price_modifier modifier(void)
{
	struct price_modifier m = {.ppm = PPM_NONE, .meters = (1u << METER_WEB_SEARCHES) - 1};
	for (int i = 0; i < METER_N; i++)
		m.per_million[i] = PRICE_ABSENT;
	return m;
}

static struct usage used(void)
{
	struct usage u;
	for (int m = 0; m < METER_N; m++)
		u.m[m] = TOKENS_ABSENT;
	return u;
}

/* A Claude-like row with everything that can be stacked. */
static struct price_modifier stack[5];
static struct price claude(void)
{
	struct price p = row();
	p.per_million[METER_INPUT] = 3 * USD;
	p.per_million[METER_CACHE_READ] = 300000000;
	p.per_million[METER_CACHE_WRITE_5M] = 3750000000;
	p.per_million[METER_CACHE_WRITE_1H] = 6 * USD;
	p.per_million[METER_OUTPUT] = 15 * USD;
	p.per_million[METER_WEB_SEARCHES] = 10000 * USD;
	for (size_t i = 0; i < COUNT(stack); i++)
		stack[i] = modifier();
	stack[0].above_context_tokens = 200000;
	stack[0].per_million[METER_INPUT] = 6 * USD;
	stack[0].per_million[METER_CACHE_READ] = 600000000;
	stack[0].per_million[METER_CACHE_WRITE_5M] = 7500000000;
	stack[0].per_million[METER_CACHE_WRITE_1H] = 12 * USD;
	stack[0].per_million[METER_OUTPUT] = 22500000000;
	stack[1].service_tier = SLICE("batch");
	stack[1].ppm = 500000;
	stack[2].region = SLICE("us|eu");
	stack[2].ppm = 1100000;
	stack[3].speed = SLICE("fast");
	stack[3].ppm = 6000000;
	stack[4].service_tier = SLICE("priority|fast");
	stack[4].ppm = 2500000;
	stack[4].meters = 1u << METER_OUTPUT;
	p.modifiers = stack;
	p.modifiers_n = COUNT(stack);
	return p;
}

static int64_t cost_of(const struct price *p, const struct usage *u, struct billed_as as, struct cost *cost)
{
	struct error e = {0};
	if (usage_cost(p, u, &as, cost, &e) != 0)
		fail_msg("%s", e.text);
	int64_t sum = 0;
	for (int i = 0; i < COST_N; i++)
		sum += cost->part[i];
	assert_int_equal(sum, cost->total);
	return cost->total;
}

static void each_meter_is_rounded_once_half_to_even(void **state)
{
	(void)state;
	static const struct {
		int64_t units, price, ppm, want;
	} cases[] = {
	    {1, 500000, 1000000, 0},
	    {3, 500000, 1000000, 2},
	    {5, 500000, 1000000, 2},
	    {7, 500000, 1000000, 4},
	    {1, 500001, 1000000, 1},
	    {1, 1499999, 1000000, 1},
	    {1, 1000000, 500000, 0},
	    {3, 1000000, 500000, 2},
	    {1, 3000000, 1100000, 3},
	    {5, 1000000, 1100000, 6},
	    {15, 1000000, 1100000, 16},
	    {25, 1000000, 1100000, 28},
	    {1000000, 3 * USD, 1000000, 3 * USD},
	    {123, 3 * USD, 1100000, 405900},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct price_modifier m = modifier();
		m.region = SLICE("us");
		m.ppm = cases[i].ppm;
		struct price p = row();
		p.per_million[METER_INPUT] = p.per_million[METER_OUTPUT] = cases[i].price;
		p.modifiers = &m;
		p.modifiers_n = 1;
		struct usage u = used();
		u.m[METER_INPUT] = u.m[METER_OUTPUT] = cases[i].units;
		struct cost c;
		cost_of(&p, &u, (struct billed_as){.region = SLICE("us")}, &c);
		if (c.part[COST_INPUT] != cases[i].want || c.part[COST_OUTPUT] != cases[i].want)
			fail_msg("case %zu: %lld, want %lld", i, (long long)c.part[COST_INPUT],
			         (long long)cases[i].want);
	}
}

static void modifiers_stack(void **state)
{
	(void)state;
	static const struct {
		const char *tier, *speed, *region;
		int64_t input, output;     /* tokens */
		int64_t cost_in, cost_out; /* nano-dollars */
	} cases[] = {
	    {NULL, NULL, NULL, 1000, 1000, 3000000, 15000000},
	    {"standard", "standard", "not_available", 1000, 1000, 3000000, 15000000},
	    {"batch", NULL, NULL, 1000, 1000, 1500000, 7500000},
	    {"BATCH", NULL, "US", 1000, 1000, 1650000, 8250000},
	    {NULL, NULL, "eu", 1000, 1000, 3300000, 16500000},
	    {NULL, NULL, "us|eu", 1000, 1000, 3000000, 15000000},
	    {NULL, "fast", "us", 1000, 1000, 19800000, 99000000},
	    {"priority", NULL, NULL, 1000, 1000, 3000000, 37500000},
	    {"fast", NULL, NULL, 1000, 1000, 3000000, 37500000},
	    {"batch|priority", NULL, NULL, 1000, 1000, 3000000, 15000000},
	    /* the whole request is repriced, from one token above */
	    {NULL, NULL, NULL, 200000, 1000, 600000000, 15000000},
	    {NULL, NULL, NULL, 200001, 1000, 1200006000, 22500000},
	    {"batch", NULL, "us", 200001, 1000, 660003300, 12375000},
	};
	struct price p = claude();
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct usage u = used();
		struct cost c;
		u.m[METER_INPUT] = cases[i].input;
		u.m[METER_OUTPUT] = cases[i].output;
		cost_of(&p, &u,
		        (struct billed_as){slice_of(cases[i].tier), slice_of(cases[i].speed),
		                           slice_of(cases[i].region)},
		        &c);
		if (c.part[COST_INPUT] != cases[i].cost_in || c.part[COST_OUTPUT] != cases[i].cost_out)
			fail_msg("case %zu: %lld + %lld", i, (long long)c.part[COST_INPUT],
			         (long long)c.part[COST_OUTPUT]);
	}
}

/* Each way of being billed alone and with each other: a long context's price is replaced, factors multiply,
 * and the factor of some meters leaves the others alone. */
static void modifiers_alone_and_together(void **state)
{
	(void)state;
	static const char *const tiers[] = {"", "batch", "priority", "fast"}, *const speeds[] = {"", "fast"},
	                         *const regions[] = {"", "us", "eu", "asia"};
	static const int64_t contexts[] = {1, 200000, 200001};
	struct price p = claude();
	size_t seen = 0;
	for (size_t i = 0; i < COUNT(tiers) * COUNT(speeds) * COUNT(regions) * COUNT(contexts); i++) {
		size_t t = i % 4, s = i / 4 % 2, r = i / 8 % 4, c = i / 32;
		struct billed_as as = {slice_of(tiers[t]), slice_of(speeds[s]), slice_of(regions[r])};
		int64_t rates[METER_N];
		assert_int_equal(price_rates(&p, &as, contexts[c], rates), 0);
		for (int m = METER_INPUT; m <= METER_OUTPUT; m++) {
			int64_t want = c == 2 ? stack[0].per_million[m] : p.per_million[m];
			want = t == 1 ? want / 2 : want;
			want = r == 1 || r == 2 ? want / 10 * 11 : want;
			want = s ? want * 6 : want;
			want = t >= 2 && m == METER_OUTPUT ? want / 2 * 5 : want;
			if (rates[m] != want)
				fail_msg("%s %s %s %lld %s: %lld, not %lld", tiers[t], speeds[s], regions[r],
				         (long long)contexts[c], meter_name((enum meter)m),
				         (long long)rates[m], (long long)want);
			seen++;
		}
		assert_int_equal(rates[METER_WEB_SEARCHES], 10000 * USD); /* a fee is none of theirs */
	}
	assert_int_equal(seen, 96 * 5);
}

static void every_meter_has_its_part(void **state)
{
	(void)state;
	struct price p = claude();
	struct usage u = used();
	struct cost c;
	u.m[METER_INPUT] = 7;
	u.m[METER_CACHE_READ] = 1000;
	u.m[METER_CACHE_WRITE_5M] = 100;
	u.m[METER_CACHE_WRITE_1H] = 10;
	u.m[METER_OUTPUT] = 20;
	u.m[METER_REASONING] = 15;
	u.m[METER_WEB_SEARCHES] = 3;
	cost_of(&p, &u, (struct billed_as){.service_tier = SLICE("batch")}, &c);
	assert_int_equal(c.part[COST_INPUT], 10500);
	assert_int_equal(c.part[COST_CACHE_READ], 150000);
	assert_int_equal(c.part[COST_CACHE_WRITE_5M], 187500);
	assert_int_equal(c.part[COST_CACHE_WRITE_1H], 30000);
	assert_int_equal(c.part[COST_OUTPUT], 150000);  /* reasoning is in output */
	assert_int_equal(c.part[COST_TOOLS], 30000000); /* no discount on searches */
	assert_int_equal(c.part[COST_OTHER], 0);
	/* cache counts are context: 150000 read and 60000 fresh are above 200000 */
	u = used();
	u.m[METER_INPUT] = 60000;
	u.m[METER_CACHE_READ] = 150000;
	assert_int_equal(usage_context_tokens(&u), 210000);
	cost_of(&p, &u, (struct billed_as){0}, &c);
	assert_int_equal(c.part[COST_INPUT], 360000000);
	assert_int_equal(c.part[COST_CACHE_READ], 90000000);
}

static void reasoning_can_have_its_own_price(void **state)
{
	(void)state;
	struct price p = claude();
	struct usage u = used();
	struct cost c;
	p.per_million[METER_REASONING] = 3 * USD;
	u.m[METER_OUTPUT] = 100;
	u.m[METER_REASONING] = 40;
	cost_of(&p, &u, (struct billed_as){0}, &c);
	assert_int_equal(c.part[COST_OUTPUT], 60 * 15000 + 40 * 3000);
	u.m[METER_REASONING] = 1000; /* more than output: a provider's slip, never a negative count */
	cost_of(&p, &u, (struct billed_as){0}, &c);
	assert_int_equal(c.part[COST_OUTPUT], 100 * 3000);
}

static void sound_and_pictures_stand_in_as_text(void **state)
{
	(void)state;
	struct price p = row();
	struct usage u = used();
	struct cost c;
	p.per_million[METER_INPUT] = USD;
	p.per_million[METER_CACHE_READ] = USD / 10;
	p.per_million[METER_OUTPUT] = 2 * USD;
	p.per_million[METER_INPUT_AUDIO] = 32 * USD;
	u.m[METER_INPUT] = 0;
	u.m[METER_INPUT_AUDIO] = 10;
	u.m[METER_INPUT_IMAGE] = 10;
	u.m[METER_CACHE_READ_AUDIO] = 10;
	u.m[METER_OUTPUT_AUDIO] = 10;
	u.m[METER_OUTPUT_IMAGE] = 10;
	cost_of(&p, &u, (struct billed_as){0}, &c);
	assert_int_equal(c.part[COST_INPUT], 320000 + 10000);
	assert_int_equal(c.part[COST_CACHE_READ], 1000);
	assert_int_equal(c.part[COST_OUTPUT], 40000);
	assert_int_equal(usage_context_tokens(&u), 30);
}

static void a_used_meter_without_a_price_is_refused(void **state)
{
	(void)state;
	for (int m = 0; m < METER_N; m++) {
		struct price p = row();
		struct usage u = used();
		struct cost c;
		struct error e = {0};
		u.m[METER_OUTPUT] = m == METER_REASONING ? 1 : TOKENS_ABSENT;
		u.m[m] = 1;
		assert_int_equal(usage_cost(&p, &u, NULL, &c, &e), ERR_INVALID);
		assert_non_null(
		    strstr(e.text, m == METER_REASONING ? "output_tokens" : meter_name((enum meter)m)));
		assert_non_null(strstr(e.text, "v/m"));
		u.m[METER_OUTPUT] = u.m[m] = 0; /* unused is no fault, nor is absent */
		assert_int_equal(usage_cost(&p, &u, NULL, &c, &e), 0);
		assert_int_equal(c.total, 0);
	}
	struct price free_of_charge = row(); /* $0 that a book states is a price */
	free_of_charge.per_million[METER_INPUT] = 0;
	struct usage u = used();
	struct cost c;
	u.m[METER_INPUT] = 1000;
	assert_int_equal(cost_of(&free_of_charge, &u, (struct billed_as){0}, &c), 0);
}

static void overflow_is_refused(void **state)
{
	(void)state;
	struct price p = claude();
	struct usage u = used();
	struct cost c;
	struct error e = {0};
	u.m[METER_INPUT] = INT64_MAX;
	assert_int_equal(usage_cost(&p, &u, NULL, &c, &e), ERR_RANGE);
	u.m[METER_INPUT] = u.m[METER_CACHE_WRITE_1H] = INT64_MAX / 8000; /* each fits, the sum does not */
	assert_int_equal(usage_cost(&p, &u, NULL, &c, &e), ERR_RANGE);
	u.m[METER_CACHE_WRITE_1H] = TOKENS_ABSENT;
	assert_int_equal(usage_cost(&p, &u, NULL, &c, &e), 0);
	struct price_modifier m[16];
	for (size_t i = 0; i < COUNT(m); i++) {
		m[i] = modifier();
		m[i].region = SLICE("us");
		m[i].ppm = INT64_MAX / 2;
	}
	p.modifiers = m;
	p.modifiers_n = COUNT(m);
	u = used();
	u.m[METER_INPUT] = 1000000;
	assert_int_equal(usage_cost(&p, &u, &(struct billed_as){.region = SLICE("us")}, &c, &e), ERR_RANGE);
	assert_true(price_worst_case(&p, 1000000, 1, 1) == INT64_MAX);
}

static void usage_is_merged_and_added(void **state)
{
	(void)state;
	struct usage a = used(), b = used();
	a.m[METER_INPUT] = 5;
	a.m[METER_OUTPUT] = 1;
	b.m[METER_OUTPUT] = 9;
	b.m[METER_CACHE_READ] = 0;
	struct usage merged = a;
	usage_merge(&merged, &b);
	assert_int_equal(merged.m[METER_INPUT], 5);
	assert_int_equal(merged.m[METER_OUTPUT], 9);
	assert_int_equal(merged.m[METER_CACHE_READ], 0);
	assert_int_equal(merged.m[METER_REASONING], TOKENS_ABSENT);
	usage_add(&a, &b);
	assert_int_equal(a.m[METER_INPUT], 5);
	assert_int_equal(a.m[METER_OUTPUT], 10);
	assert_int_equal(a.m[METER_CACHE_READ], 0);
	assert_int_equal(a.m[METER_REASONING], TOKENS_ABSENT);
	a.m[METER_INPUT] = INT64_MAX - 1;
	b.m[METER_INPUT] = 2;
	usage_add(&a, &b);
	assert_true(a.m[METER_INPUT] == INT64_MAX);
	struct usage none = used();
	none.m[METER_CACHE_READ] = 5;
	assert_int_equal(usage_context_tokens(&none), TOKENS_ABSENT);
}

static void rates_say_what_a_million_costs(void **state)
{
	(void)state;
	struct price p = claude();
	int64_t rates[METER_N];
	assert_int_equal(price_rates(&p, NULL, 0, rates), 0);
	assert_memory_equal(rates, p.per_million, sizeof rates);
	struct billed_as as = {.service_tier = SLICE("batch"), .region = SLICE("us")};
	assert_int_equal(price_rates(&p, &as, 200001, rates), 0);
	assert_int_equal(rates[METER_INPUT], 3300000000);
	assert_int_equal(rates[METER_OUTPUT], 12375000000);
	assert_int_equal(rates[METER_WEB_SEARCHES], 10000 * USD);
	assert_int_equal(rates[METER_REASONING], PRICE_ABSENT);
}

/* --- the worst case
 * ----------------------------------------------------------------------------------------- */

static uint64_t rnd(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static int64_t below(uint64_t *x, int64_t n)
{
	return n <= 0 ? 0 : (int64_t)(rnd(x) % (uint64_t)n);
}

static const char *const words[] = {"", "batch", "flex", "priority", "fast", "us", "eu", "auto"};

static slice word(uint64_t *x)
{
	return slice_of(words[below(x, COUNT(words))]);
}

static slice condition(uint64_t *x)
{
	static const char *const conditions[] = {"",   "",      "batch",          "priority|fast",
	                                         "us", "us|eu", "flex|batch|fast"};
	return slice_of(conditions[below(x, COUNT(conditions))]);
}

static struct price random_price(uint64_t *x, struct price_modifier mods[PRICE_MODS])
{
	struct price p = row();
	for (int m = 0; m < METER_N; m++)
		if (m == METER_INPUT || m == METER_OUTPUT || below(x, 2))
			p.per_million[m] = below(x, 50 * USD);
	p.modifiers = mods;
	p.modifiers_n = (size_t)below(x, 6);
	for (size_t i = 0; i < p.modifiers_n; i++) {
		mods[i] = modifier();
		mods[i].service_tier = condition(x);
		mods[i].speed = condition(x);
		mods[i].region = condition(x);
		mods[i].above_context_tokens = below(x, 3) ? 0 : 1 + below(x, 3000);
		mods[i].ppm = below(x, 3) ? below(x, 7000000) : PPM_NONE;
		mods[i].meters = (uint32_t)rnd(x);
		for (int m = 0; m < METER_N; m++)
			if (below(x, 6) == 0 && p.per_million[m] != PRICE_ABSENT)
				mods[i].per_million[m] = below(x, 90 * USD);
	}
	return p;
}

/* Usage within the bounds: input split at random over the input meters, output over the output meters. */
static struct usage random_usage(uint64_t *x, const struct price_bounds *b, const struct price *p)
{
	static const enum meter in[] = {METER_INPUT,          METER_CACHE_READ,  METER_CACHE_WRITE_5M,
	                                METER_CACHE_WRITE_1H, METER_INPUT_AUDIO, METER_CACHE_READ_AUDIO,
	                                METER_INPUT_IMAGE};
	static const enum meter out[] = {METER_OUTPUT, METER_OUTPUT_AUDIO, METER_OUTPUT_IMAGE};
	struct usage u = used();
	int64_t left = below(x, 3) ? below(x, b->input_tokens + 1) : b->input_tokens;
	for (size_t i = 0; i < COUNT(in); i++) {
		if (b->excluded >> in[i] & 1 ||
		    (p->per_million[in[i]] == PRICE_ABSENT && in[i] <= METER_CACHE_WRITE_1H) ||
		    (in[i] == METER_CACHE_READ_AUDIO && p->per_million[METER_CACHE_READ] == PRICE_ABSENT))
			continue;
		u.m[in[i]] = below(x, 2) ? left : below(x, left + 1);
		left -= u.m[in[i]];
	}
	left = b->max_output * b->choices;
	for (size_t i = 0; i < COUNT(out); i++) {
		if (b->excluded >> out[i] & 1)
			continue;
		u.m[out[i]] = below(x, 2) ? left : below(x, left + 1);
		left -= u.m[out[i]];
	}
	if (u.m[METER_OUTPUT] > 0)
		u.m[METER_REASONING] = below(x, u.m[METER_OUTPUT] + 1);
	if (p->per_million[METER_WEB_SEARCHES] != PRICE_ABSENT)
		u.m[METER_WEB_SEARCHES] = below(x, b->web_searches + 1);
	if (p->per_million[METER_HOSTED_TOOL_CALLS] != PRICE_ABSENT)
		u.m[METER_HOSTED_TOOL_CALLS] = below(x, b->hosted_tool_calls + 1);
	return u;
}

/* What may be billed when asked was asked, by usage.h. */
static struct billed_as random_billing(uint64_t *x, const struct billed_as *asked)
{
	struct billed_as as = {word(x), word(x), word(x)};
	if (!asked)
		return as;
	as.speed = below(x, 2) ? asked->speed : SLICE_NONE;
	if (asked->region.n)
		as.region = asked->region;
	if (asked->service_tier.n && !slice_eq(asked->service_tier, SLICE("auto")))
		as.service_tier = below(x, 2) ? asked->service_tier : SLICE_NONE;
	return as;
}

static void the_worst_case_is_never_passed(void **state)
{
	(void)state;
	uint64_t x = UINT64_C(0x9E3779B97F4A7C15);
	struct price_modifier mods[PRICE_MODS];
	int tight = 0;
	for (int i = 0; i < 20000; i++) {
		struct price p = random_price(&x, mods);
		struct billed_as asked = {word(&x), word(&x), word(&x)};
		struct price_bounds b = {
		    .input_tokens = below(&x, 5000),
		    .max_output = below(&x, 3000),
		    .choices = 1 + below(&x, 3),
		    .web_searches = below(&x, 5),
		    .hosted_tool_calls = below(&x, 5),
		    .excluded = below(&x, 2)
		                    ? (uint32_t)rnd(&x) &
		                          ~(1u << METER_INPUT | 1u << METER_OUTPUT | 1u << METER_REASONING |
		                            1u << METER_WEB_SEARCHES | 1u << METER_HOSTED_TOOL_CALLS)
		                    : 0,
		    .asked = below(&x, 2) ? &asked : NULL};
		struct usage u = random_usage(&x, &b, &p);
		struct billed_as as = random_billing(&x, b.asked);
		struct cost c;
		struct error e = {0};
		if (usage_cost(&p, &u, &as, &c, &e) != 0)
			fail_msg("%d: %s", i, e.text);
		int64_t worst = price_worst_case_of(&p, &b);
		if (c.total > worst)
			fail_msg("%d: cost %lld above worst case %lld", i, (long long)c.total,
			         (long long)worst);
		tight += worst > 0 && c.total + METER_N >= worst;
	}
	assert_true(tight > 20); /* a bound, and one that is reached */
}

static void the_worst_case_knows_what_was_asked(void **state)
{
	(void)state;
	struct price p = claude();
	struct billed_as plain = {.service_tier = SLICE("standard_only"), .region = SLICE("global")};
	struct billed_as fast = {
	    .service_tier = SLICE("default"), .speed = SLICE("fast"), .region = SLICE("global")};
	static const int64_t million = 1000000;
	struct price_bounds b = {.input_tokens = 100000, .max_output = 1000, .choices = 1, .asked = &plain};
	assert_int_equal(price_worst_case_of(&p, &b), 100000 * 6000 + 1000 * 15000 + METER_N);
	b.excluded = 1u << METER_CACHE_WRITE_1H;
	assert_int_equal(price_worst_case_of(&p, &b), 100000 * 3750 + 1000 * 15000 + METER_N);
	b.excluded |= 1u << METER_CACHE_WRITE_5M;
	assert_int_equal(price_worst_case_of(&p, &b), 100000 * 3000 + 1000 * 15000 + METER_N);
	b.web_searches = 2;
	b.choices = 3;
	assert_int_equal(price_worst_case_of(&p, &b), 300 * million + 45 * million + 20 * million + METER_N);
	b.web_searches = 0;
	b.choices = 1;
	b.asked = &fast;
	assert_int_equal(price_worst_case_of(&p, &b), 6 * (300 * million + 15 * million) + METER_N);
	b.input_tokens = 300000; /* above the long-context border */
	assert_int_equal(price_worst_case_of(&p, &b), 6 * (1800 * million + 22500000) + METER_N);
	b.asked = NULL;
	assert_int_equal(price_worst_case_of(&p, &b), (int64_t)(1800 * million * 66 / 10) +
	                                                  (int64_t)(22500000 * 66 / 10 * 5 / 2) + METER_N);
	assert_int_equal(price_worst_case(&p, 0, 0, 1), METER_N);
}

static void impossible_bounds_cost_everything(void **state)
{
	(void)state;
	struct price p = claude();
	assert_true(price_worst_case(&p, -1, 1, 1) == INT64_MAX);
	assert_true(price_worst_case(&p, 1, -1, 1) == INT64_MAX);
	assert_true(price_worst_case(&p, 1, INT64_MAX, 2) == INT64_MAX);
	assert_true(price_worst_case(&p, INT64_MAX, 1, 1) == INT64_MAX);
	assert_true(price_worst_case(&p, 10, 10, 0) == price_worst_case(&p, 10, 10, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_meter_is_rounded_once_half_to_even),
	    cmocka_unit_test(modifiers_stack),
	    cmocka_unit_test(modifiers_alone_and_together),
	    cmocka_unit_test(every_meter_has_its_part),
	    cmocka_unit_test(reasoning_can_have_its_own_price),
	    cmocka_unit_test(sound_and_pictures_stand_in_as_text),
	    cmocka_unit_test(a_used_meter_without_a_price_is_refused),
	    cmocka_unit_test(overflow_is_refused),
	    cmocka_unit_test(usage_is_merged_and_added),
	    cmocka_unit_test(rates_say_what_a_million_costs),
	    cmocka_unit_test(the_worst_case_is_never_passed),
	    cmocka_unit_test(the_worst_case_knows_what_was_asked),
	    cmocka_unit_test(impossible_bounds_cost_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
