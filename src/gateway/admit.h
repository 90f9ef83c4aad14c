/* Admission: the stages between a request's bytes and the call. Those that return a bool: true to go on;
 * false when they have refused. */
#ifndef WEIR_GATEWAY_ADMIT_H
#define WEIR_GATEWAY_ADMIT_H

#include "gateway/exchange.h"

/* Head: strictness, the path, identity, body limits. */
bool admit_head(struct exchange *ex, size_t head_bytes);
/* A piece of the body, within the caps. */
bool admit_piece(struct exchange *ex, slice piece);
/* What a stage after the body says. A stage that holds the call back (exchange_hold_back) is asked again
 * later, with the stages before it done, so it changes nothing until it lets the call on. */
enum admit_next { ADMIT_REFUSED, ADMIT_ON, ADMIT_HELD };
typedef enum admit_next admit_stage(struct exchange *ex);

/* Body: the codec's view, the provider, attribution, the price. */
enum admit_next admit_body(struct exchange *ex);
/* Refuses what is frozen (freeze.c). */
enum admit_next admit_frozen(struct exchange *ex);
/* The rules' facts; which calls may be made at all. */
enum admit_next admit_gates(struct exchange *ex);
/* How large the context may be; after the facts are read. */
enum admit_next admit_context(struct exchange *ex);
/* How fast: quotas and the provider's own limits; holds the call back. */
enum admit_next admit_quotas(struct exchange *ex);
/* What the provider's answer says of its limits; the call is over, or never left (again: nothing). */
void admit_quota_learn(struct exchange *ex, int status, const struct headers *h);
void admit_quota_end(struct exchange *ex);
/* The intent with its worst case, in the journal. */
enum admit_next admit_intent(struct exchange *ex);
/* What is sent on: URL, headers, the body with its edits. False when out of memory (refused). */
bool admit_request(struct exchange *ex, struct upstream_request *out);

/* Adds what a rule in shadow would have done to the row: a text of ex->mem or the settings, one line. */
void admit_shadow(struct exchange *ex, slice text);

/* Headers that end at this hop or that Weir writes itself (RFC 9110 section 7.6.1). */
bool admit_is_framing_header(slice name);

#endif
