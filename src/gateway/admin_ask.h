/* Questions to the ledger for the handlers of the API: whatever is asked, one who sees only their own gets
 * that as one more filter. */
#ifndef WEIR_GATEWAY_ADMIN_ASK_H
#define WEIR_GATEWAY_ADMIN_ASK_H

#include "gateway/admin.h"

/* Calls of [since, until) that the caller may see, by no dimension yet. False after a refusal (a key without
 * a user has nothing of its own), in *r. */
bool admin_ask_begin(struct admin *a, int64_t since_ms, int64_t until_ms, struct ledger_query *q, int *r);
/* One more dimension or filter; value as in struct ledger_filter. */
void admin_ask_by(struct ledger_query *q, const char *dimension);
void admin_ask_where(struct ledger_query *q, const char *column, slice value, bool exact);

/* One calendar unit: where it began, and the same stretch of the one before it. */
struct admin_span {
	int64_t from_ms, to_ms;          /* of the unit; to: its end, in the future */
	int64_t before_ms, before_to_ms; /* as much of the one before as has passed of this one */
};
struct admin_span admin_span_of(const struct admin *a, enum zone_unit unit);

/* The measures that a summary has, as members: cost_nanousd, subscription_nanousd, calls, refused, sessions,
 * active_days, unpriced, context_tokens, output_tokens, cache_hit_ppm; null: unknown. */
void admin_put_measures(struct admin *a, const struct ledger_measures *m);
/* null when it is RECORD_ABSENT. */
void admin_put_known(struct admin *a, slice key, int64_t n);
/* null when it is empty. */
void admin_put_text(struct admin *a, slice key, slice text);

#endif
