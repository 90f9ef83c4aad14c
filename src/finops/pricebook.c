/* Price books: gathering rows, comparing them, following a book. pricebook_read.c reads, pricebook_write.c
 * writes. */
#include "finops/pricebook.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/money.h"
#include "model/usage.h"

#define PRICEBOOK_MEM_MAX (256u << 20)
#define RATIO_ONE         INT64_C(1000000)

void pricebook_init(struct pricebook *b)
{
	*b = (struct pricebook){.format = "?"};
	arena_init(&b->mem, PRICEBOOK_MEM_MAX);
}

void pricebook_release(struct pricebook *b)
{
	free(b->rows);
	arena_release(&b->mem);
	*b = (struct pricebook){0};
}

static void no_prices(int64_t per_million[METER_N])
{
	for (int m = 0; m < METER_N; m++)
		per_million[m] = PRICE_ABSENT;
}

struct price *pricebook_add(struct pricebook *b, slice vendor, slice model)
{
	if (b->rows_n == b->rows_cap) {
		size_t cap = b->rows_cap ? b->rows_cap * 2 : 256;
		struct price *more =
		    cap <= PRICEBOOK_ROWS_MAX ? reallocarray(b->rows, cap, sizeof *more) : NULL;
		if (more == NULL) {
			b->full = true;
			return NULL;
		}
		b->rows = more;
		b->rows_cap = cap;
	}
	struct price *p = &b->rows[b->rows_n++];
	*p = (struct price){.vendor = vendor, .model = model, .from_ms = INT64_MIN, .until_ms = INT64_MAX};
	no_prices(p->per_million);
	return p;
}

struct price_modifier *pricebook_modifier(struct pricebook *b)
{
	struct price *p = &b->rows[b->rows_n - 1];
	if (p->modifiers == NULL)
		p->modifiers = arena_alloc(&b->mem, PRICE_MODS * sizeof *p->modifiers);
	if (p->modifiers == NULL) {
		b->full = true;
		return NULL;
	}
	if (p->modifiers_n == PRICE_MODS)
		return NULL;
	struct price_modifier *m = &p->modifiers[p->modifiers_n++];
	*m = (struct price_modifier){.ppm = PPM_NONE};
	no_prices(m->per_million);
	return m;
}

/* --- comparing -------------------------------------------------------------------------------- */

/* Factors that were made of rounded prices are off by a little. */
static bool same_price(int64_t a, int64_t b)
{
	int64_t more = a > b ? a : b, less = a > b ? b : a;
	return more - less <= 1 + more / RATIO_ONE;
}

static slice first_of(slice condition)
{
	slice one = SLICE_NONE;
	slice_split(&condition, '|', &one);
	return one;
}

static bool compare_rates(const int64_t ours[METER_N], const int64_t theirs[METER_N],
                          const struct price_modifier *when, uint32_t *told,
                          struct price_difference out[PRICE_DIFFERENCES_MAX], size_t *n)
{
	for (int m = 0; m < METER_N && *n < PRICE_DIFFERENCES_MAX; m++) {
		if (theirs[m] == PRICE_ABSENT || (*told >> m & 1u) ||
		    (ours[m] != PRICE_ABSENT && same_price(ours[m], theirs[m])))
			continue;
		out[(*n)++] = (struct price_difference){(enum meter)m, when, ours[m], theirs[m]};
		if (when == NULL)
			*told |= 1u << m; /* its conditions differ for the same reason */
	}
	return *n < PRICE_DIFFERENCES_MAX;
}

size_t pricebook_compare(const struct price *ours, const struct price *theirs,
                         struct price_difference out[PRICE_DIFFERENCES_MAX])
{
	size_t n = 0;
	uint32_t told = 0;
	bool room = compare_rates(ours->per_million, theirs->per_million, NULL, &told, out, &n);
	for (size_t i = 0; room && i < theirs->modifiers_n; i++) {
		const struct price_modifier *m = &theirs->modifiers[i];
		struct billed_as as = {first_of(m->service_tier), first_of(m->speed), first_of(m->region)};
		int64_t context = m->above_context_tokens ? m->above_context_tokens + 1 : 0;
		int64_t a[METER_N], b[METER_N];
		if (price_rates(ours, &as, context, a) || price_rates(theirs, &as, context, b))
			continue;
		for (int meter = 0; meter < METER_N; meter++)
			if (m->per_million[meter] == PRICE_ABSENT &&
			    (m->ppm == PPM_NONE || !(m->meters >> meter & 1u)))
				b[meter] = PRICE_ABSENT; /* the condition says nothing of it */
		room = compare_rates(a, b, m, &told, out, &n);
	}
	return n;
}

void pricebook_condition(const struct price_modifier *m, char out[128])
{
	slice words[3] = {SLICE_NONE, SLICE_NONE, SLICE_NONE};
	size_t at = 0;
	out[0] = '\0';
	if (m == NULL)
		return;
	words[0] = m->service_tier;
	words[1] = m->speed;
	words[2] = m->region;
	for (int i = 0; i < 3; i++)
		if (words[i].n && at < 100)
			at += (size_t)snprintf(out + at, 128 - at, "%s%.*s", at ? ", " : "",
			                       (int)(words[i].n < 28 ? words[i].n : 28), words[i].p);
	if (m->above_context_tokens && at < 100)
		snprintf(out + at, 128 - at, "%sover %lld tokens", at ? ", " : "",
		         (long long)m->above_context_tokens);
}

/* --- following a book ------------------------------------------------------------------------- */

/* price * now / then, rounded up: what is only reckoned is never too low. */
static int64_t in_proportion(int64_t price, int64_t now, int64_t then)
{
	__extension__ typedef unsigned __int128 u128;
	if (price <= 0 || then <= 0 || now < 0 || now == then)
		return price;
	u128 n = ((u128)price * (u128)now + (u128)then - 1) / (u128)then;
	return n > (u128)MONEY_MAX ? MONEY_MAX : (int64_t)n;
}

static bool of_output(enum meter m)
{
	return m == METER_OUTPUT || m == METER_REASONING || m == METER_OUTPUT_AUDIO ||
	       m == METER_OUTPUT_IMAGE;
}

static int64_t kept_price(const struct price *ours, const struct price *theirs, enum meter m, int64_t price)
{
	if (price == PRICE_ABSENT || m >= METER_WEB_SEARCHES)
		return price;
	enum meter by = of_output(m) ? METER_OUTPUT : METER_INPUT;
	return in_proportion(price, theirs->per_million[by], ours->per_million[by]);
}

static bool overlap(slice a, slice b)
{
	slice one;
	if (a.n == 0 || b.n == 0)
		return a.n == b.n;
	while (slice_split(&a, '|', &one)) {
		slice rest = b, other;
		while (slice_split(&rest, '|', &other))
			if (one.n && slice_eq_nocase(one, other))
				return true;
	}
	return false;
}

/* A tier's factor and its prices in a long context go together. */
static bool same_condition(const struct price_modifier *a, const struct price_modifier *b)
{
	return overlap(a->service_tier, b->service_tier) && overlap(a->speed, b->speed) &&
	       overlap(a->region, b->region) &&
	       (a->service_tier.n || a->speed.n || !a->above_context_tokens == !b->above_context_tokens);
}

static bool copy_modifier(struct pricebook *b, const struct price_modifier *from, const struct price *ours,
                          const struct price *theirs)
{
	struct price_modifier *m = pricebook_modifier(b);
	if (m == NULL)
		return false;
	*m = *from;
	for (int i = 0; ours && i < METER_N; i++)
		m->per_million[i] = kept_price(ours, theirs, (enum meter)i, from->per_million[i]);
	return true;
}

static bool follow_modifiers(struct pricebook *b, const struct price *ours, const struct price *theirs)
{
	for (size_t i = 0; i < theirs->modifiers_n; i++)
		if (!copy_modifier(b, &theirs->modifiers[i], NULL, theirs))
			return false;
	for (size_t i = 0; ours && i < ours->modifiers_n; i++) {
		bool told = false;
		for (size_t k = 0; k < theirs->modifiers_n && !told; k++)
			told = same_condition(&theirs->modifiers[k], &ours->modifiers[i]);
		if (!told && !copy_modifier(b, &ours->modifiers[i], ours, theirs))
			return false;
	}
	return true;
}

struct price *pricebook_follow(struct pricebook *b, const struct price *ours, const struct price *theirs,
                               int64_t from_ms, slice source)
{
	struct price *p = pricebook_add(b, theirs->vendor, theirs->model);
	if (p == NULL)
		return NULL;
	p->from_ms = from_ms;
	p->source = source;
	p->context_window = theirs->context_window ? theirs->context_window : ours ? ours->context_window : 0;
	p->max_output = theirs->max_output ? theirs->max_output : ours ? ours->max_output : 0;
	for (int m = 0; m < METER_N; m++) {
		p->per_million[m] = theirs->per_million[m];
		if (p->per_million[m] == PRICE_ABSENT && ours)
			p->per_million[m] = kept_price(ours, theirs, (enum meter)m, ours->per_million[m]);
	}
	if (follow_modifiers(b, ours, theirs))
		return p;
	b->rows_n--;
	return NULL;
}
