/* Inside of gateway/exchange*.c. Not for others. */
#ifndef WEIR_GATEWAY_EXCHANGE_IMPL_H
#define WEIR_GATEWAY_EXCHANGE_IMPL_H

#include "gateway/exchange.h"

void exchange_free(struct exchange *ex);
/* Nothing more comes from the provider; of a body that is not whole, what passed is counted. */
void exchange_stop_provider(struct exchange *ex);

/* The provider's answer ends here, before its end: what passed is booked. */
void exchange_cut_short(struct exchange *ex, enum ending ending, enum refusal_kind kind, slice text);
/* Bytes that wait for the client. */
int64_t exchange_out_ready(const struct exchange *ex);

/* The client has gone: when the provider's settings say drain, the rest of the answer is read within limits
 * and thrown away, so that its usage is known. False when the call ends here. */
bool exchange_drain(struct exchange *ex);
/* The server's side is over while the rest is read: the exchange is on its own, and is freed when that ends.
 */
void exchange_detach(struct exchange *ex);
/* Nothing more is read of it, for better (whole) or worse. ex may be gone afterwards. */
void exchange_drained(struct exchange *ex, bool whole);

#endif
