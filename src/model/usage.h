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
 * the caller decides whether it may be absent. Audio and image tokens, when reported, are priced at their own
 * price or, absent, at the input / output price. list is the total with no modifier for discounts that are
 * the customer's own (equal to cost today). */
int usage_cost(const struct price *p, const struct usage *u, const struct billed_as *as, struct cost *out,
               struct error *e) WARN_UNUSED;

/* An upper bound of what a call can cost: input_tokens at the dearest input meter the row has (fresh, cache
 * write), max_output tokens (times choices) at the dearest output meter, with every modifier that could make
 * it dearer, and every hosted tool that was not excluded. INT64_MAX on overflow. */
int64_t price_worst_case(const struct price *p, int64_t input_tokens, int64_t max_output, int64_t choices);

/* An upper bound of the tokens of n bytes of UTF-8: a byte-level tokeniser never makes more tokens than
 * bytes. */
static inline int64_t tokens_upper_bound(size_t bytes)
{
	return (int64_t)bytes;
}

#endif
