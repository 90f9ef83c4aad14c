/* Telemetry on the console's port: POST /v1/logs, /v1/traces, /v1/metrics (OTLP/HTTP).
 *
 * A body is read whole on the console's thread; its calls wait in a bounded queue of rows, and a thread of
 * its own puts them into the ledger by its own connection, a while later, so that what the gateway booked of
 * the same calls stands there first. A request's calls are queued all or none: when there is no room the
 * exporter is told to come again (503). */
#ifndef WEIR_GATEWAY_OTLP_INTAKE_H
#define WEIR_GATEWAY_OTLP_INTAKE_H

#include "base/buf.h"
#include "gateway/context.h"
#include "store/ledger.h"

#define OTLP_BODY_MAX  ((size_t)4 << 20)  /* as it is sent */
#define OTLP_PLAIN_MAX ((size_t)16 << 20) /* unpacked */

struct otlp_intake;

/* id, help */
#define OTLP_COUNTER_LIST(X)                                                                                 \
	X(requests, "Telemetry requests taken")                                                              \
	X(malformed, "Telemetry requests that were not what they said to be")                                \
	X(full, "Telemetry requests turned away for want of room, to be sent again")                         \
	X(logs, "Log records received")                                                                      \
	X(spans, "Spans received")                                                                           \
	X(points, "Metric points received")                                                                  \
	X(counted, "Metric points of tokens that were added to what their session used")                     \
	X(repeated, "Metric points that came already")                                                       \
	X(settled, "Rows booked for what metrics tell beyond the calls known one by one")                    \
	X(others, "Telemetry of known exporters that is no call")                                            \
	X(not_understood, "Telemetry of which nothing is known")                                             \
	X(calls, "Calls that telemetry told of")                                                             \
	X(unpriced, "Of these, calls whose model has no price")                                              \
	X(added, "Rows that telemetry put into the ledger")                                                  \
	X(known, "Calls of telemetry that the ledger had already")                                           \
	X(rejected, "Calls of telemetry that can never be a row: kept aside in the ledger")                  \
	X(failures, "Transactions of telemetry that failed and were tried again")                            \
	X(lost, "Calls of telemetry that the ledger had not taken at the end")

struct otlp_stats {
#define X(name, help) unsigned long long name;
	OTLP_COUNTER_LIST(X)
#undef X
	unsigned long long waiting; /* rows in the queue */
};

/* NULL and *e without memory or a thread. store as for ops->open. */
struct otlp_intake *otlp_intake_start(struct shared *s, const struct ledger_ops *ops, slice store,
                                      struct error *e);
/* Puts what waits into the ledger, for a while, and ends. */
void otlp_intake_stop(struct otlp_intake *t);
void otlp_intake_stats(struct otlp_intake *t, struct otlp_stats *out);

/* Is it a path of telemetry? */
bool otlp_intake_path(slice path);
/* Answers a POST there: *status, *type and out. `fixed`: what the caller's key says. 0, or an enum err when
 * the answer could not be made. */
int otlp_intake_take(struct otlp_intake *t, slice path, const struct headers *headers, slice body,
                     const struct attribution *fixed, int *status, const char **type,
                     struct buf *out) WARN_UNUSED;

#endif
