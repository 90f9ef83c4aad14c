/* Metric points into tallies: what agents count of their tokens, where they send metrics alone. A point of a
 * series adds what it has beyond the one before (cumulative: since its start; else as it is); one that came
 * already adds nothing; a start that moved, or a value that fell, is a counter that began anew. How far each
 * series was counted stands in the ledger with the tallies, so that a restart counts nothing twice.
 *
 * A tally of points is of a day, session and model. As of others (finops/tally.h) rows are booked only for
 * what it has beyond the calls that are known one by one. */
#ifndef WEIR_FINOPS_OTLP_METER_H
#define WEIR_FINOPS_OTLP_METER_H

#include "finops/otlp.h"
#include "finops/tally.h"

struct otlp_meters;

/* NULL without memory. */
struct otlp_meters *otlp_meters_new(uint64_t seed);
void otlp_meters_free(struct otlp_meters *m);
/* Within a transaction of the ledger. *added: the point was a new one. */
int otlp_meters_take(struct otlp_meters *m, const struct ledger_ops *ops, struct ledger *l,
                     const struct record *r, const struct otlp_point *p, bool *added,
                     struct error *e) WARN_UNUSED;
/* Writes what changed since the last time, in the same transaction. */
int otlp_meters_flush(struct otlp_meters *m, const struct ledger_ops *ops, struct ledger *l,
                      struct error *e) WARN_UNUSED;
/* After a transaction that was rolled back: what it had is forgotten. */
void otlp_meters_forget(struct otlp_meters *m);
/* The spans of the tallies that changed since it was asked last; false: none did. */
bool otlp_meters_changed(struct otlp_meters *m, int64_t *since_ms, int64_t *until_ms);
/* The spans of all tallies that are in memory; false: there are none. */
bool otlp_meters_spans(const struct otlp_meters *m, int64_t *since_ms, int64_t *until_ms);

#endif
