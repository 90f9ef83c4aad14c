/* Admission: the stages between a request's bytes and the call. Each returns true to go on; false when it has
 * refused. */
#ifndef WEIR_GATEWAY_ADMIT_H
#define WEIR_GATEWAY_ADMIT_H

#include "gateway/exchange.h"

/* Head: strictness, the path, identity, body limits. */
bool admit_head(struct exchange *ex, size_t head_bytes);
/* A piece of the body, within the caps. */
bool admit_piece(struct exchange *ex, slice piece);
/* Body: the codec's view, the provider, attribution, the price. */
bool admit_body(struct exchange *ex);
/* The intent with its worst case, in the journal. */
bool admit_intent(struct exchange *ex);
/* What is sent on: URL, headers, the body with its edits. False when out of memory (refused). */
bool admit_request(struct exchange *ex, struct upstream_request *out);

/* Headers that end at this hop or that Weir writes itself (RFC 9110 section 7.6.1). */
bool admit_is_framing_header(slice name);

#endif
