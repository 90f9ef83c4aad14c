/* Gemini's explicit caches (docs/batches.md, "Caches that are kept by the hour"): the creation's row has what
 * keeping costs until the cache ends; a change of its end is a correction of that row. They stand in the same
 * table as batches, and batch_tap.c calls these. */
#ifndef WEIR_GATEWAY_CACHE_TAP_H
#define WEIR_GATEWAY_CACHE_TAP_H

#include "gateway/batch.h"

struct exchange;

/* Which call of a cache it is, and whose: id is what stands behind /v1beta/cachedContents/. */
void cache_tap_admit(struct exchange *ex, slice id, slice action);
/* The most that keeping what is sent can cost. False when refused. */
bool cache_tap_hold(struct exchange *ex);
/* The answer is whole, the call not yet settled. */
void cache_tap_end(struct exchange *ex, slice body);
/* How many tokens it was told to keep; RECORD_ABSENT: it was not. */
int64_t cache_tap_tokens(const struct exchange *ex);
/* A row of the ledger, of a creation: how many tokens, for how long. */
void cache_tap_load(struct batches *t, const struct record *made);
/* Milliseconds until the cache ends, by what is known; 0: it has. */
int64_t cache_tap_left(struct batches *t, const struct batch *b, int64_t now_ms);

#endif
