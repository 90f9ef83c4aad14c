/* A call that goes to another model than was asked for: once, to the first model of a tier that its provider
 * takes. */
#ifndef WEIR_GATEWAY_REROUTE_H
#define WEIR_GATEWAY_REROUTE_H

#include "gateway/admit.h"

/* The model that the call goes to instead for a budget that downgrades, with its price, into the exchange and
 * its record. False, and nothing is changed: the budget does not downgrade, the call went another way
 * already, the model asked for is one of the tier, or the provider takes none of it. */
bool reroute_to_tier(struct exchange *ex, const struct budget_rule *r);

/* The call goes to no other model after all; nothing happens when it would not have. */
void reroute_undo(struct exchange *ex);

/* As much of the output asked for as the model that is really called can make. */
int64_t reroute_output(const struct exchange *ex, int64_t asked);

/* The path to send on: with that model in it where paths name models. p NULL without memory. */
slice reroute_path(struct exchange *ex);

void reroute_headers(struct exchange *ex, void (*add)(struct exchange *ex, slice name, slice value));

#endif
