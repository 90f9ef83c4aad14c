/* A call within its session's storms: what is new in it is looked at, and what is found is acted on. */
#ifndef WEIR_GATEWAY_CALL_STORM_H
#define WEIR_GATEWAY_CALL_STORM_H

#include "gateway/admit.h"

/* Keeps an item that the session's earlier requests did not have; for session_in.on_new, arg is the exchange.
 */
int call_storm_item(void *arg, const struct body_item *it);
/* A stage of admission, after the gates: the settings' first rule of storms that is for the call. */
enum admit_next admit_storm(struct exchange *ex);
/* The call is settled: what it cost is its session's. */
void call_storm_close(struct exchange *ex);

#endif
