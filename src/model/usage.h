/* From usage to money. */
#ifndef WEIR_MODEL_USAGE_H
#define WEIR_MODEL_USAGE_H

#include "base/err.h"
#include "model/catalog.h"
#include "model/types.h"

/* Replaces each meter of into by from's where from has it. */
void usage_merge(struct usage *into, const struct usage *from);
/* Adds meter by meter; absent + x is x, absent + absent stays absent; sticks at INT64_MAX. */
void usage_add(struct usage *into, const struct usage *from);
/* All input together: fresh, cache read, cache written, audio and image input; TOKENS_ABSENT when input
 * itself is. */
int64_t usage_context_tokens(const struct usage *u);

/* What decides on modifiers. Answer's word first, else the request's. */
struct billed_as {
	slice service_tier, speed, region;
};

/* Prices usage by a row. Each meter is rounded once, half to even. ERR_INVALID when a meter that was used (>
 * 0) has no price that applies (its name in e), ERR_RANGE on overflow. An absent meter costs nothing here:
 * the caller decides whether it may be absent. The meters are disjoint, but for reasoning, which lies in
 * output and is priced apart only by a row that has a price for it. Audio and image tokens are priced at
 * their own price or, absent, as input, cache read or output. as may be NULL. A modifier by context counts
 * all input that is known. */
int usage_cost(const struct price *p, const struct usage *u, const struct billed_as *as, struct cost *out,
               struct error *e) WARN_UNUSED;
/* The same of calls in sum, each of which had so much context. */
int usage_cost_of_sum(const struct price *p, const struct usage *u, const struct billed_as *as,
                      int64_t context_tokens, struct cost *out, struct error *e) WARN_UNUSED;
/* As usage_cost, added to what parts of the same answer have cost; total is left as it was when that fails.
 */
int usage_cost_add(const struct price *p, const struct usage *u, const struct billed_as *as,
                   struct cost *total, struct error *e) WARN_UNUSED;

/* What each meter costs for a million units when a call with so much context is billed so: modifiers applied,
 * rounded half to even; PRICE_ABSENT where the row has no price. as may be NULL. ERR_RANGE on overflow. */
int price_rates(const struct price *p, const struct billed_as *as, int64_t context_tokens,
                int64_t per_million[METER_N]) WARN_UNUSED;

/* What is known of a call before it is made. */
struct price_bounds {
	int64_t input_tokens;                    /* the most that all input together can be */
	int64_t max_output;                      /* tokens of one choice */
	int64_t choices;                         /* below 1 is 1 */
	int64_t web_searches, hosted_tool_calls; /* the most that the provider can make, of all kinds
	                                            together; 0: not offered to the model */
	int64_t cache_storage_token_hours;       /* that a cache to be made is kept for */
	uint32_t
	    excluded; /* bit set of meters that cannot be used (no audio in the request, no 1 h breakpoint) */
	/* The request's own words; NULL: anything may be billed. A speed that was not asked for is not
	 * billed; a named service tier is billed as named or without one, "auto" or none as any; a region
	 * that was not named may be any (an account can have a default). */
	const struct billed_as *asked;
};

/* An upper bound of what a call can cost: all input at the dearest input meter, all output at the dearest
 * output meter, billed in the dearest way that is possible. INT64_MAX on overflow or a negative bound. */
int64_t price_worst_case_of(const struct price *p, const struct price_bounds *b);
/* The same with nothing asked, nothing excluded and no hosted tools. */
int64_t price_worst_case(const struct price *p, int64_t input_tokens, int64_t max_output, int64_t choices);

/* An upper bound of the tokens of n bytes of UTF-8: a byte-level tokeniser never makes more tokens than
 * bytes. */
static inline int64_t tokens_upper_bound(size_t bytes)
{
	return (int64_t)bytes;
}

#endif
