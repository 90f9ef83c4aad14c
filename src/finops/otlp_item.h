/* What the two encodings of OTLP have in common once they are read. */
#ifndef WEIR_FINOPS_OTLP_ITEM_H
#define WEIR_FINOPS_OTLP_ITEM_H

#include "finops/otlp.h"

/* The attributes that are kept. */
enum otlp_field {
	OTLP_SERVICE,
	OTLP_VERSION,
	OTLP_EVENT,
	OTLP_EVENT_TIME,
	OTLP_EVENT_KIND,
	OTLP_SESSION,
	OTLP_USER,
	OTLP_TEAM,
	OTLP_COST_CENTRE,
	OTLP_REPO,
	OTLP_BRANCH,
	OTLP_COMMIT,
	OTLP_ENVIRONMENT,
	OTLP_WORKFLOW,
	OTLP_MODEL,
	OTLP_MODEL_ASKED,
	OTLP_DURATION,
	OTLP_REQUEST,
	OTLP_RESPONSE,
	OTLP_PROMPT,
	OTLP_INPUT,
	OTLP_OUTPUT,
	OTLP_CACHE_READ,
	OTLP_CACHE_WRITE,
	OTLP_REASONING,
	OTLP_TOOL_TOKENS,
	OTLP_SPEED,
	OTLP_EFFORT,
	OTLP_TIER,
	OTLP_FINISH,
	OTLP_OPERATION,
	OTLP_PROVIDER,
	OTLP_AUTH,
	OTLP_TOKEN_TYPE,
	OTLP_FIELDS
};

/* Of an attribute's name; OTLP_FIELDS when it is none of these. */
enum otlp_field otlp_field_of(slice name);

struct otlp_value {
	slice text;     /* of a text */
	int64_t number; /* of a number, cut to a whole one */
	bool is_number;
};

#define OTLP_TRACE_HEX 32
#define OTLP_SPAN_HEX  16

struct otlp_item {
	slice name;              /* of the event, span or metric; else the record's body */
	int64_t time_ns, end_ns; /* 0: not told */
	slice trace, span;       /* hex */
	uint64_t points;         /* of a metric that no call is told by */
	uint64_t identity;       /* a sum of hashes of all its attributes and its resource's */
	char hex[OTLP_TRACE_HEX + OTLP_SPAN_HEX];
	struct otlp_value v[OTLP_FIELDS];
};

/* Takes items one at a time; nonzero ends the reading and is returned. */
struct otlp_sink {
	enum otlp_signal signal;
	const struct import_options *o;
	struct otlp_counts *n;
	struct arena *mem;
};
int otlp_take(const struct otlp_sink *s, const struct otlp_item *item);

/* A metric whose points are tokens of an agent; NULL when it is none. */
struct otlp_metric;
const struct otlp_metric *otlp_metric_of(slice name);
/* A point of it; value is a sum for histograms. The item has its attributes. */
struct otlp_reading {
	int64_t start_ns, time_ns;
	int64_t value;
	bool has_value, cumulative;
};
int otlp_take_point(const struct otlp_sink *s, const struct otlp_metric *m, const struct otlp_item *item,
                    const struct otlp_reading *p);
/* Of an attribute as it stands. */
uint64_t otlp_hash(slice key, slice value);

/* 0, ERR_INVALID, ERR_NOMEM, or what otlp_take returned. */
int otlp_read_json(const struct otlp_sink *s, slice body);
int otlp_read_protobuf(const struct otlp_sink *s, slice body);
/* Is it well formed, down to the attributes? Read before anything of it is given. */
bool otlp_valid_protobuf(enum otlp_signal signal, slice body);

#endif
