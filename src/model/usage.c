/* Usage to money. A price's modifiers are first turned into one rate for each meter (a price and a factor);
 * then every meter costs units * price * factor, rounded once, half to even. */
#include "base/money.h"
#include "base/num.h"
#include "model/usage.h"

#define PPM_ONE    INT64_C(1000000)
#define VALUES_MAX (2 + PRICE_MODS * PRICE_ALTERNATIVES) /* values of a condition that a worst case tries */

struct rate {
	int64_t price, ppm; /* PRICE_ABSENT when the meter has no price */
};

void usage_merge(struct usage *into, const struct usage *from)
{
	for (int m = 0; m < METER_N; m++)
		if (from->m[m] != TOKENS_ABSENT)
			into->m[m] = from->m[m];
}

void usage_add(struct usage *into, const struct usage *from)
{
	for (int m = 0; m < METER_N; m++)
		if (from->m[m] != TOKENS_ABSENT)
			into->m[m] = into->m[m] == TOKENS_ABSENT ? from->m[m]
			                                         : num_sat_add_i64(into->m[m], from->m[m]);
}

static int64_t known_input(const struct usage *u)
{
	static const enum meter inputs[] = {METER_INPUT,          METER_CACHE_READ,  METER_CACHE_WRITE_5M,
	                                    METER_CACHE_WRITE_1H, METER_INPUT_AUDIO, METER_CACHE_READ_AUDIO,
	                                    METER_INPUT_IMAGE};
	int64_t sum = 0;
	for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++)
		if (u->m[inputs[i]] > 0)
			sum = num_sat_add_i64(sum, u->m[inputs[i]]);
	return sum;
}

int64_t usage_context_tokens(const struct usage *u)
{
	return u->m[METER_INPUT] == TOKENS_ABSENT ? TOKENS_ABSENT : known_input(u);
}

/* Whether value is one of "a|b|c", case folded; a condition of n 0 always holds. */
static bool holds(slice condition, slice value)
{
	slice rest = condition, one;
	if (condition.n == 0)
		return true;
	while (slice_split(&rest, '|', &one))
		if (one.n && slice_eq_nocase(one, value))
			return true;
	return false;
}

static bool modifier_holds(const struct price_modifier *m, const struct billed_as *as, int64_t context)
{
	return (m->above_context_tokens == 0 || context > m->above_context_tokens) &&
	       holds(m->service_tier, as->service_tier) && holds(m->speed, as->speed) &&
	       holds(m->region, as->region);
}

static void rates_of(const struct price *p, const struct billed_as *as, int64_t context,
                     struct rate rates[METER_N])
{
	for (int m = 0; m < METER_N; m++)
		rates[m] = (struct rate){p->per_million[m], PPM_ONE};
	for (size_t i = 0; i < p->modifiers_n; i++) {
		const struct price_modifier *mod = &p->modifiers[i];
		if (!modifier_holds(mod, as, context))
			continue;
		for (int m = 0; m < METER_N; m++) {
			if (mod->per_million[m] != PRICE_ABSENT)
				rates[m].price = mod->per_million[m];
			/* A product of factors is again in ppm: money_cost's own arithmetic and rounding. */
			if (mod->ppm != PPM_NONE && mod->meters >> m & 1u &&
			    money_cost(rates[m].ppm, mod->ppm, PPM_ONE, &rates[m].ppm) != 0)
				rates[m].ppm = INT64_MAX;
		}
	}
}

int price_rates(const struct price *p, const struct billed_as *as, int64_t context_tokens,
                int64_t per_million[METER_N])
{
	static const struct billed_as plain;
	struct rate rates[METER_N];
	int status = 0;
	rates_of(p, as ? as : &plain, context_tokens, rates);
	for (int m = 0; m < METER_N; m++) {
		per_million[m] = PRICE_ABSENT;
		if (rates[m].price != PRICE_ABSENT &&
		    money_cost(PPM_ONE, rates[m].price, rates[m].ppm, &per_million[m]) != 0)
			status = ERR_RANGE;
	}
	return status;
}

/* The meter whose price stands in for one that has none of its own. */
static enum meter stand_in(enum meter m)
{
	static const unsigned char other[METER_N] = {
	    [METER_INPUT] = METER_INPUT,
	    [METER_CACHE_READ] = METER_CACHE_READ,
	    [METER_CACHE_WRITE_5M] = METER_CACHE_WRITE_5M,
	    [METER_CACHE_WRITE_1H] = METER_CACHE_WRITE_1H,
	    [METER_OUTPUT] = METER_OUTPUT,
	    [METER_REASONING] = METER_OUTPUT,
	    [METER_INPUT_AUDIO] = METER_INPUT,
	    [METER_CACHE_READ_AUDIO] = METER_CACHE_READ,
	    [METER_OUTPUT_AUDIO] = METER_OUTPUT,
	    [METER_INPUT_IMAGE] = METER_INPUT,
	    [METER_OUTPUT_IMAGE] = METER_OUTPUT,
	    [METER_WEB_SEARCHES] = METER_WEB_SEARCHES,
	    [METER_HOSTED_TOOL_CALLS] = METER_HOSTED_TOOL_CALLS,
	    [METER_FILE_SEARCHES] = METER_HOSTED_TOOL_CALLS,
	    [METER_CODE_SESSIONS] = METER_HOSTED_TOOL_CALLS,
	    [METER_CACHE_STORAGE] = METER_CACHE_STORAGE,
	};
	return (enum meter)other[m];
}

static const struct rate *rate_for(const struct rate rates[METER_N], enum meter m)
{
	return &rates[rates[m].price == PRICE_ABSENT ? stand_in(m) : m];
}

static const unsigned char part_of[METER_N] = {
    [METER_INPUT] = COST_INPUT,
    [METER_CACHE_READ] = COST_CACHE_READ,
    [METER_CACHE_WRITE_5M] = COST_CACHE_WRITE_5M,
    [METER_CACHE_WRITE_1H] = COST_CACHE_WRITE_1H,
    [METER_OUTPUT] = COST_OUTPUT,
    [METER_REASONING] = COST_OUTPUT,
    [METER_INPUT_AUDIO] = COST_INPUT,
    [METER_CACHE_READ_AUDIO] = COST_CACHE_READ,
    [METER_OUTPUT_AUDIO] = COST_OUTPUT,
    [METER_INPUT_IMAGE] = COST_INPUT,
    [METER_OUTPUT_IMAGE] = COST_OUTPUT,
    [METER_WEB_SEARCHES] = COST_TOOLS,
    [METER_HOSTED_TOOL_CALLS] = COST_TOOLS,
    [METER_FILE_SEARCHES] = COST_TOOLS,
    [METER_CODE_SESSIONS] = COST_TOOLS,
    [METER_CACHE_STORAGE] = COST_OTHER,
};

/* What is to be paid on each meter: reasoning lies in output, and leaves it where it has a price of its own.
 */
static void units_of(const struct price *p, const struct usage *u, int64_t units[METER_N])
{
	for (int m = 0; m < METER_N; m++)
		units[m] = num_max_i64(u->m[m], 0);
	if (p->per_million[METER_REASONING] == PRICE_ABSENT)
		units[METER_REASONING] = 0;
	units[METER_REASONING] = num_min_i64(units[METER_REASONING], units[METER_OUTPUT]);
	units[METER_OUTPUT] -= units[METER_REASONING];
}

int usage_cost_of_sum(const struct price *p, const struct usage *u, const struct billed_as *as,
                      int64_t context_tokens, struct cost *out, struct error *e)
{
	static const struct billed_as plain;
	struct rate rates[METER_N];
	int64_t units[METER_N];
	*out = (struct cost){0};
	rates_of(p, as ? as : &plain, context_tokens, rates);
	units_of(p, u, units);
	for (int i = 0; i < METER_N; i++) {
		enum meter m = (enum meter)i;
		const struct rate *rate = rate_for(rates, m);
		int64_t cost, *part = &out->part[part_of[m]];
		if (units[m] == 0)
			continue;
		if (rate->price == PRICE_ABSENT)
			return error_set(e, ERR_INVALID, "no price for %s of " SLICE_FMT, meter_name(m),
			                 SLICE_ARG(p->id));
		if (money_cost(units[m], rate->price, rate->ppm, &cost) != 0 ||
		    !num_add_i64(*part, cost, part) || !num_add_i64(out->total, cost, &out->total))
			return error_set(e, ERR_RANGE, "the cost of %lld %s of " SLICE_FMT " is out of range",
			                 (long long)units[m], meter_name(m), SLICE_ARG(p->id));
	}
	return 0;
}

int usage_cost(const struct price *p, const struct usage *u, const struct billed_as *as, struct cost *out,
               struct error *e)
{
	return usage_cost_of_sum(p, u, as, known_input(u), out, e);
}

int usage_cost_add(const struct price *p, const struct usage *u, const struct billed_as *as,
                   struct cost *total, struct error *e)
{
	struct cost c;
	int rc = usage_cost(p, u, as, &c, e);
	for (int i = 0; rc == 0 && i < COST_N; i++)
		total->part[i] = num_sat_add_i64(total->part[i], c.part[i]);
	if (rc == 0)
		total->total = num_sat_add_i64(total->total, c.total);
	return rc;
}

/* --- the worst case ------------------------------------------------------------------------------------- */

/* The values of a condition that could be billed; at[0] is the empty one. */
struct values {
	size_t n;
	slice at[VALUES_MAX];
};

static void values_add(struct values *v, slice value)
{
	size_t i = 0;
	while (i < v->n && !slice_eq_nocase(v->at[i], value))
		i++;
	if (i == v->n && v->n < VALUES_MAX)
		v->at[v->n++] = value;
}

static void values_add_all(struct values *v, slice condition)
{
	slice rest = condition, one;
	while (condition.n && slice_split(&rest, '|', &one))
		values_add(v, one);
}

struct worst {
	struct values tier, speed, region;
	size_t contexts_n;
	int64_t context[PRICE_MODS + 1]; /* one for each set of above_context modifiers that can hold */
};

static void worst_prepare(struct worst *w, const struct price *p, const struct price_bounds *b)
{
	bool fixed_tier =
	    b->asked && b->asked->service_tier.n && !slice_eq_nocase(b->asked->service_tier, SLICE("auto"));
	w->tier.n = w->speed.n = w->region.n = 1;
	w->tier.at[0] = w->speed.at[0] = w->region.at[0] = SLICE_NONE;
	w->context[0] = 0;
	w->contexts_n = 1;
	if (fixed_tier)
		values_add(&w->tier, b->asked->service_tier);
	if (b->asked)
		values_add(&w->speed, b->asked->speed);
	if (b->asked && b->asked->region.n)
		values_add(&w->region, b->asked->region);
	for (size_t i = 0; i < p->modifiers_n; i++) {
		const struct price_modifier *m = &p->modifiers[i];
		if (!fixed_tier)
			values_add_all(&w->tier, m->service_tier);
		if (!b->asked)
			values_add_all(&w->speed, m->speed);
		if (!b->asked || !b->asked->region.n)
			values_add_all(&w->region, m->region);
		if (m->above_context_tokens > 0 && m->above_context_tokens < b->input_tokens &&
		    w->contexts_n <= PRICE_MODS)
			w->context[w->contexts_n++] = m->above_context_tokens + 1;
	}
}

/* units at the dearest of some meters; INT64_MAX on overflow. */
static int64_t dearest(const struct rate rates[METER_N], uint32_t meters, int64_t units)
{
	int64_t most = 0;
	for (int i = 0; i < METER_N; i++) {
		int64_t cost;
		if (!(meters >> i & 1u))
			continue;
		const struct rate *rate = rate_for(rates, (enum meter)i);
		if (rate->price == PRICE_ABSENT)
			continue;
		if (money_cost(units, rate->price, rate->ppm, &cost) != 0)
			return INT64_MAX;
		most = num_max_i64(most, cost);
	}
	return most;
}

#define BIT(m) (1u << (m))
#define INPUT_METERS                                                                                         \
	(BIT(METER_INPUT) | BIT(METER_CACHE_READ) | BIT(METER_CACHE_WRITE_5M) | BIT(METER_CACHE_WRITE_1H) |  \
	 BIT(METER_INPUT_AUDIO) | BIT(METER_CACHE_READ_AUDIO) | BIT(METER_INPUT_IMAGE))
#define OUTPUT_METERS                                                                                        \
	(BIT(METER_OUTPUT) | BIT(METER_REASONING) | BIT(METER_OUTPUT_AUDIO) | BIT(METER_OUTPUT_IMAGE))

#define HOSTED_METERS (BIT(METER_HOSTED_TOOL_CALLS) | BIT(METER_FILE_SEARCHES) | BIT(METER_CODE_SESSIONS))

static int64_t worst_as(const struct price *p, const struct price_bounds *b, const struct billed_as *as,
                        int64_t context, int64_t output)
{
	struct rate rates[METER_N];
	rates_of(p, as, context, rates);
	int64_t sum = dearest(rates, INPUT_METERS & ~b->excluded, b->input_tokens);
	sum = num_sat_add_i64(sum, dearest(rates, OUTPUT_METERS & ~b->excluded, output));
	sum = num_sat_add_i64(sum, dearest(rates, BIT(METER_WEB_SEARCHES) & ~b->excluded, b->web_searches));
	sum = num_sat_add_i64(sum, dearest(rates, HOSTED_METERS & ~b->excluded, b->hosted_tool_calls));
	return num_sat_add_i64(
	    sum, dearest(rates, BIT(METER_CACHE_STORAGE) & ~b->excluded, b->cache_storage_token_hours));
}

int64_t price_worst_case_of(const struct price *p, const struct price_bounds *b)
{
	struct worst w;
	int64_t output, most = 0;
	if (b->input_tokens < 0 || b->max_output < 0 || b->web_searches < 0 || b->hosted_tool_calls < 0 ||
	    b->cache_storage_token_hours < 0 ||
	    !num_mul_i64(b->max_output, num_max_i64(b->choices, 1), &output))
		return INT64_MAX;
	worst_prepare(&w, p, b);
	for (size_t t = 0; t < w.tier.n; t++)
		for (size_t s = 0; s < w.speed.n; s++)
			for (size_t r = 0; r < w.region.n; r++)
				for (size_t c = 0; c < w.contexts_n; c++) {
					struct billed_as as = {w.tier.at[t], w.speed.at[s], w.region.at[r]};
					most = num_max_i64(most, worst_as(p, b, &as, w.context[c], output));
				}
	return num_sat_add_i64(most, METER_N); /* each meter may be rounded up by itself */
}

int64_t price_worst_case(const struct price *p, int64_t input_tokens, int64_t max_output, int64_t choices)
{
	struct price_bounds b = {.input_tokens = input_tokens, .max_output = max_output, .choices = choices};
	return price_worst_case_of(p, &b);
}
