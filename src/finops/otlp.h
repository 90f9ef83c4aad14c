/* Telemetry: what agents and instrumented programs export of their calls by OTLP (logs, traces, metrics; JSON
 * or protocol buffers), read into rows of the ledger. docs/telemetry.md says which events are a call.
 *
 * Both encodings give items: a log record, a span or a metric, with those of its own and its resource's
 * attributes that Weir knows. What an item tells of a call does not depend on how it came.
 */
#ifndef WEIR_FINOPS_OTLP_H
#define WEIR_FINOPS_OTLP_H

#include "finops/import.h"

enum otlp_signal { OTLP_LOGS, OTLP_TRACES, OTLP_METRICS };

struct otlp_counts {
	uint64_t logs, spans, points;
	uint64_t counted;        /* of the points, those of tokens */
	uint64_t calls;          /* items that became a row */
	uint64_t unpriced;       /* of these */
	uint64_t others;         /* items of known exporters that are no call, or tell of one twice */
	uint64_t not_understood; /* items and points of which nothing is known */
};

/* What a metric point counts. */
#define OTLP_TOKEN_LIST(X)                                                                                   \
	X(OTLP_TOKENS_INPUT)                                                                                 \
	X(OTLP_TOKENS_CACHED_WITHIN) /* cached input that the input counts too */                            \
	X(OTLP_TOKENS_CACHE_READ)                                                                            \
	X(OTLP_TOKENS_CACHE_WRITE)                                                                           \
	X(OTLP_TOKENS_OUTPUT)                                                                                \
	X(OTLP_TOKENS_REASONING) /* within output */                                                         \
	X(OTLP_TOKENS_THOUGHTS)  /* beside output, and billed as it */
#define X(id) id,
enum otlp_token { OTLP_TOKEN_LIST(X) OTLP_TOKENS };
#undef X

struct otlp_point {
	enum otlp_token token;
	bool cumulative;           /* value is since start, else since the point before */
	int64_t start_ns, time_ns; /* start 0: not told */
	int64_t value;
	int64_t series; /* a hash of all that the exporter tells it apart by */
};

/* Reads a whole body. Points of tokens that an agent counted go to on_point (with the record of whom, what
 * and by which model, without usage), all else of metrics is counted alone. Calls go to o->on_call, their
 * texts in body and mem. 0; ERR_INVALID when it is not the encoding (nothing was given then); ERR_NOMEM; what
 * on_call returned. */
int otlp_read(enum otlp_signal signal, bool protobuf, slice body, const struct import_options *o,
              struct arena *mem, struct otlp_counts *n) WARN_UNUSED;

#endif
