/* Settlement: every call that has an intent ends in settle_call, once, on every path. */
#ifndef WEIR_GATEWAY_SETTLE_H
#define WEIR_GATEWAY_SETTLE_H

#include "gateway/exchange.h"

/* Books the call's end. note (may be NULL): why, in words. Nothing happens when the call is settled already
 * or had no intent. */
void settle_call(struct exchange *ex, enum ending ending, const char *note);
/* Books a refusal of a recognised call. */
void settle_refusal(struct exchange *ex, const char *rule, slice message);

#endif
