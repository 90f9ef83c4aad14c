/* Conditions as our price rows want them. Public books write out each tier's prices; written so into a row, a
 * tier's price would stand in the place of the long context's too, and a meter that the book leaves out would
 * have no discount. A tier is therefore a factor on each meter, which long context is multiplied with. */
#include "base/money.h"
#include "base/num.h"
#include "finops/pricebook_in.h"

#define PPM_ONE INT64_C(1000000)
#define TOKENS  ((1u << METER_WEB_SEARCHES) - 1)

static bool tiered(const struct price_modifier *m)
{
	return m->service_tier.n || m->speed.n;
}

/* a * b / c rounded up: a price that is reckoned is never too low. */
static int64_t times_up(int64_t a, int64_t b, int64_t c)
{
	__extension__ typedef unsigned __int128 u128;
	u128 q = ((u128)a * (u128)b + (u128)c - 1) / (u128)c;
	return q > (u128)MONEY_MAX ? MONEY_MAX : (int64_t)q;
}

/* The factor of each meter in millionths; of those that the tier does not tell, that of input, else of
 * output. */
static void factors_of(const struct price *p, const struct price_modifier *tier, int64_t ppm[METER_N])
{
	int64_t common = PPM_NONE;
	static const enum meter first[] = {METER_OUTPUT, METER_INPUT};
	for (int m = 0; m < METER_N; m++) {
		bool told =
		    m < METER_WEB_SEARCHES && tier->per_million[m] != PRICE_ABSENT && p->per_million[m] > 0;
		ppm[m] = told ? times_up(tier->per_million[m], PPM_ONE, p->per_million[m]) : PPM_NONE;
	}
	for (int i = 0; i < 2; i++)
		common = ppm[first[i]] != PPM_NONE ? ppm[first[i]] : common;
	for (int m = 0; m < METER_WEB_SEARCHES; m++)
		if (ppm[m] == PPM_NONE)
			ppm[m] = common;
}

struct list {
	struct price_modifier at[PRICE_MODS];
	size_t n;
	bool lost; /* more than a row can have */
};

static void append(struct list *l, const struct price_modifier *m)
{
	if (l->n == PRICE_MODS)
		l->lost = true;
	else
		l->at[l->n++] = *m;
}

static void append_factors(struct list *l, const struct price *p, const struct price_modifier *tier)
{
	int64_t ppm[METER_N];
	uint32_t done = 0;
	factors_of(p, tier, ppm);
	for (int m = 0; m < METER_WEB_SEARCHES; m++) {
		struct price_modifier one = *tier;
		if (ppm[m] == PPM_NONE || (done >> m & 1u))
			continue;
		one.ppm = ppm[m];
		one.meters = 0;
		for (int i = m; i < METER_WEB_SEARCHES; i++)
			one.meters |= ppm[i] == ppm[m] ? 1u << i : 0;
		for (int i = 0; i < METER_N; i++)
			one.per_million[i] = PRICE_ABSENT;
		done |= one.meters;
		if (one.ppm != PPM_ONE)
			append(l, &one);
	}
}

/* A tier's prices in a long context, without the tier's factor, which comes on top. */
static void append_long(struct list *l, const struct price *p, const struct price_modifier *m)
{
	struct price_modifier one = *m;
	int64_t ppm[METER_N];
	for (int i = 0; i < METER_N; i++)
		ppm[i] = PPM_NONE;
	for (size_t i = 0; i < p->modifiers_n; i++) {
		const struct price_modifier *tier = &p->modifiers[i];
		if (!tier->above_context_tokens && slice_eq(tier->service_tier, m->service_tier) &&
		    slice_eq(tier->speed, m->speed))
			factors_of(p, tier, ppm);
	}
	for (int i = 0; i < METER_WEB_SEARCHES; i++)
		if (one.per_million[i] != PRICE_ABSENT && ppm[i] > 0)
			one.per_million[i] = times_up(one.per_million[i], PPM_ONE, ppm[i]);
	append(l, &one);
}

bool pricebook_tiers(struct price *p)
{
	struct list l = {.n = 0};
	/* longer contexts behind shorter ones: the last price that applies is the one */
	for (int64_t above = 0;;) {
		const struct price_modifier *next = NULL;
		for (size_t i = 0; i < p->modifiers_n; i++) {
			const struct price_modifier *m = &p->modifiers[i];
			if (!tiered(m) && m->above_context_tokens > above &&
			    (next == NULL || m->above_context_tokens < next->above_context_tokens))
				next = m;
		}
		if (next == NULL)
			break;
		append(&l, next);
		above = next->above_context_tokens;
	}
	for (size_t i = 0; i < p->modifiers_n; i++)
		if (tiered(&p->modifiers[i]) && p->modifiers[i].above_context_tokens)
			append_long(&l, p, &p->modifiers[i]);
	for (size_t i = 0; i < p->modifiers_n; i++)
		if (tiered(&p->modifiers[i]) && !p->modifiers[i].above_context_tokens)
			append_factors(&l, p, &p->modifiers[i]);
	for (size_t i = 0; i < l.n; i++)
		p->modifiers[i] = l.at[i];
	p->modifiers_n = l.n;
	return !l.lost;
}
