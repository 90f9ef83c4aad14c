/* What a call may cost is held in every budget that it falls under, before it leaves; while it runs the hold
 * is extended, and its end settles it. policy/budget.h counts; this is where calls meet it. */
#ifndef WEIR_GATEWAY_HOLD_H
#define WEIR_GATEWAY_HOLD_H

#include "gateway/admit.h"

/* The stage: takes the hold and writes it into the record. Refuses, or holds back, when a budget has no
 * room. */
enum admit_next admit_budgets(struct exchange *ex);

/* The record is final, and about to be given to the journal: budgets that are being made take note of it,
 * those that were made while it ran count it. */
void hold_charge(struct exchange *ex);
/* The record says what was used: that takes the hold's place. */
void hold_settle(struct exchange *ex);
/* Nothing was used, or nothing is held (then nothing happens). */
void hold_release(struct exchange *ex);

/* The clock that budgets go by, of the exchange's worker, as of now. */
struct budget_clock *hold_clock(struct exchange *ex);

/* What it changed of the call, as headers of the answer. */
void hold_headers(struct exchange *ex, void (*add)(struct exchange *ex, slice name, slice value));
/* After a piece of a stream was metered, before it passes on: its output is paid for, or the stream is ended.
 */
void hold_follow(struct exchange *ex);
/* The provider will not be read for a while, and may make all it can meanwhile: all of that is held, or the
 * stream is ended. */
void hold_whole(struct exchange *ex);

#endif
