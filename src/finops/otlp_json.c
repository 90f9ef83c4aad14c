/* OTLP as JSON (opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding"): 64-bit numbers are texts of
 * digits or numbers, ids are hex, fields come in any order. */
#include <math.h>
#include <stdlib.h>

#include "finops/otlp_item.h"
#include "model/wire.h"

struct reading {
	const struct otlp_sink *s;
	struct otlp_item base; /* what the resource says */
	struct otlp_item item;
	slice resource, scopes;
	slice data; /* of a metric */
	const struct otlp_metric *metric;
	struct otlp_item point_item;
	struct otlp_reading point;
	int rc;
};

/* --- attributes ------------------------------------------------------------------------------------------
 */

/* A number, or a text of one; *out stays for anything else. */
static bool read_whole(struct json *j, int64_t *out)
{
	json_str s = {0};
	slice raw;
	long long whole;
	if (json_peek(j) == JSON_STRING) {
		bool ok = json_string(j, &s) && slice_to_i64(s.raw, &whole);
		if (ok)
			*out = whole;
		return ok;
	}
	if (json_peek(j) != JSON_NUMBER)
		return json_skip(j, NULL), false;
	if (!json_number(j, &raw))
		return false;
	if (json_number_i64(raw, out))
		return true;
	char text[64];
	if (raw.n >= sizeof text)
		return false;
	memcpy(text, raw.p, raw.n);
	text[raw.n] = '\0';
	double d = trunc(strtod(text, NULL));
	if (!(d > -9e15 && d < 9e15))
		return false;
	*out = (int64_t)d;
	return true;
}

struct attribute {
	struct reading *r;
	struct otlp_item *to;
	json_str key;
	struct otlp_value value;
	bool inner; /* within an array */
};

enum { V_TEXT, V_NUMBER, V_ARRAY, V_VALUES };
static const struct wire_word value_fields[] = {
    WIRE_WORD("stringValue", V_TEXT), WIRE_WORD("intValue", V_NUMBER), WIRE_WORD("doubleValue", V_NUMBER),
    WIRE_WORD("arrayValue", V_ARRAY)};
static const struct wire_word array_fields[] = {WIRE_WORD("values", V_VALUES)};

static void read_value_field(struct json *j, int id, void *arg);

/* The first of them stands for all. */
static void read_element(struct json *j, int id, void *arg)
{
	if (id == 0)
		wire_object(j, WIRE_WORDS(value_fields), read_value_field, arg);
	else
		json_skip(j, NULL);
}

static void read_array_field(struct json *j, int id, void *arg)
{
	(void)id;
	wire_array(j, read_element, arg);
}

static void read_value_field(struct json *j, int id, void *arg)
{
	struct attribute *a = arg;
	if (id == V_TEXT) {
		wire_text(j, a->r->s->mem, &a->value.text);
	} else if (id == V_NUMBER) {
		a->value.is_number = read_whole(j, &a->value.number);
	} else if (a->inner) {
		json_skip(j, NULL);
	} else {
		a->inner = true;
		wire_object(j, WIRE_WORDS(array_fields), read_array_field, a);
	}
}

enum { A_KEY, A_VALUE };
static const struct wire_word attribute_fields[] = {WIRE_WORD("key", A_KEY), WIRE_WORD("value", A_VALUE)};

static void read_attribute_field(struct json *j, int id, void *arg)
{
	struct attribute *a = arg;
	if (id == A_KEY)
		json_opt_string(j, &a->key);
	else
		wire_object(j, WIRE_WORDS(value_fields), read_value_field, a);
}

static void read_attribute(struct json *j, int id, void *arg)
{
	struct attribute *list = arg;
	struct attribute a = {.r = list->r, .to = list->to};
	(void)id;
	json_peek(j);
	const char *from = j->p;
	wire_object(j, WIRE_WORDS(attribute_fields), read_attribute_field, &a);
	a.to->identity += otlp_hash(a.key.raw, slice_make(from, (size_t)(j->p - from)));
	enum otlp_field f = otlp_field_of(a.key.raw);
	if (f != OTLP_FIELDS && (a.value.is_number || a.value.text.n))
		a.to->v[f] = a.value;
}

static void read_attributes(struct json *j, struct reading *r, struct otlp_item *to)
{
	struct attribute list = {.r = r, .to = to};
	wire_array(j, read_attribute, &list);
}

/* --- records, spans, metrics -----------------------------------------------------------------------------
 */

enum { P_START, P_TIME, P_VALUE, P_ATTRIBUTES };
static const struct wire_word point_fields[] = {
    WIRE_WORD("startTimeUnixNano", P_START),
    WIRE_WORD("timeUnixNano", P_TIME),
    WIRE_WORD("asInt", P_VALUE),
    WIRE_WORD("asDouble", P_VALUE),
    WIRE_WORD("sum", P_VALUE),
    WIRE_WORD("attributes", P_ATTRIBUTES),
};

static void read_point_field(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	if (id == P_ATTRIBUTES)
		read_attributes(j, r, &r->point_item);
	else if (id == P_VALUE)
		r->point.has_value = read_whole(j, &r->point.value);
	else
		read_whole(j, id == P_START ? &r->point.start_ns : &r->point.time_ns);
}

static void read_point(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	(void)id;
	if (r->metric == NULL || r->rc) {
		json_skip(j, NULL);
		r->item.points++;
		return;
	}
	r->point_item = r->item;
	r->point.start_ns = r->point.time_ns = 0;
	r->point.has_value = false;
	wire_object(j, WIRE_WORDS(point_fields), read_point_field, r);
	if (j->error == NULL)
		r->rc = otlp_take_point(r->s, r->metric, &r->point_item, &r->point);
}

enum { D_POINTS, D_TEMPORALITY };
static const struct wire_word data_fields[] = {WIRE_WORD("dataPoints", D_POINTS),
                                               WIRE_WORD("aggregationTemporality", D_TEMPORALITY)};

/* 2, or its name. */
static void read_temporality(struct json *j, struct reading *r)
{
	json_str s;
	int64_t number = 0;
	if (json_peek(j) == JSON_STRING) {
		if (json_string(j, &s))
			r->point.cumulative = json_str_is(&s, SLICE("AGGREGATION_TEMPORALITY_CUMULATIVE"));
	} else {
		read_whole(j, &number);
		r->point.cumulative = number == 2;
	}
}

static void read_temporality_field(struct json *j, int id, void *arg)
{
	if (id == D_TEMPORALITY)
		read_temporality(j, arg);
	else
		json_skip(j, NULL);
}

static void read_points_field(struct json *j, int id, void *arg)
{
	if (id == D_POINTS)
		wire_array(j, read_point, arg);
	else
		json_skip(j, NULL);
}

/* Its name, and whether its points are sums since a start, may stand behind them. */
static void read_data(struct reading *r)
{
	struct json j;
	r->metric = otlp_metric_of(r->item.name);
	r->point.cumulative = false;
	json_init(&j, r->data);
	wire_object(&j, WIRE_WORDS(data_fields), read_temporality_field, r);
	json_init(&j, r->data);
	wire_object(&j, WIRE_WORDS(data_fields), read_points_field, r);
	if (j.error && r->rc == 0)
		r->rc = ERR_NOMEM; /* the text was valid */
}

enum { I_NAME, I_BODY, I_TIME, I_OBSERVED, I_END, I_TRACE, I_SPAN, I_ATTRIBUTES, I_DATA };
static const struct wire_word item_fields[] = {
    WIRE_WORD("name", I_NAME),
    WIRE_WORD("eventName", I_NAME),
    WIRE_WORD("body", I_BODY),
    WIRE_WORD("timeUnixNano", I_TIME),
    WIRE_WORD("startTimeUnixNano", I_TIME),
    WIRE_WORD("observedTimeUnixNano", I_OBSERVED),
    WIRE_WORD("endTimeUnixNano", I_END),
    WIRE_WORD("traceId", I_TRACE),
    WIRE_WORD("spanId", I_SPAN),
    WIRE_WORD("attributes", I_ATTRIBUTES),
    WIRE_WORD("sum", I_DATA),
    WIRE_WORD("gauge", I_DATA),
    WIRE_WORD("histogram", I_DATA),
    WIRE_WORD("exponentialHistogram", I_DATA),
    WIRE_WORD("summary", I_DATA),
};

static void read_item_field(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	struct otlp_item *i = &r->item;
	struct attribute body = {.r = r, .inner = true};
	int64_t observed = 0;
	switch (id) {
	case I_NAME:
		wire_text(j, r->s->mem, &i->name);
		break;
	case I_BODY:
		wire_object(j, WIRE_WORDS(value_fields), read_value_field, &body);
		if (i->name.n == 0)
			i->name = body.value.text;
		break;
	case I_TIME:
		read_whole(j, &i->time_ns);
		break;
	case I_OBSERVED:
		read_whole(j, &observed);
		if (i->time_ns == 0)
			i->time_ns = observed;
		break;
	case I_END:
		read_whole(j, &i->end_ns);
		break;
	case I_TRACE:
	case I_SPAN:
		wire_text(j, r->s->mem, id == I_TRACE ? &i->trace : &i->span);
		break;
	case I_ATTRIBUTES:
		read_attributes(j, r, i);
		break;
	default:
		json_skip(j, &r->data);
	}
}

static void read_item(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	(void)id;
	r->item = r->base;
	r->data = SLICE_NONE;
	r->metric = NULL;
	wire_object(j, WIRE_WORDS(item_fields), read_item_field, r);
	if (r->rc == 0 && j->error == NULL && r->data.n)
		read_data(r);
	if (r->rc == 0 && j->error == NULL && r->metric == NULL)
		r->rc = otlp_take(r->s, &r->item);
}

/* --- the tree --------------------------------------------------------------------------------------------
 */

static const struct wire_word scope_fields[] = {
    WIRE_WORD("logRecords", OTLP_LOGS), WIRE_WORD("spans", OTLP_TRACES), WIRE_WORD("metrics", OTLP_METRICS)};

static void read_scope_field(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	if (id == (int)r->s->signal)
		wire_array(j, read_item, r);
	else
		json_skip(j, NULL);
}

static void read_scope(struct json *j, int id, void *arg)
{
	(void)id;
	wire_object(j, WIRE_WORDS(scope_fields), read_scope_field, arg);
}

static const struct wire_word resource_fields[] = {WIRE_WORD("attributes", 0)};

static void read_resource_field(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	(void)id;
	read_attributes(j, r, &r->base);
}

enum { G_RESOURCE, G_SCOPES };
static const struct wire_word group_fields[] = {
    WIRE_WORD("resource", G_RESOURCE), WIRE_WORD("scopeLogs", G_SCOPES), WIRE_WORD("scopeSpans", G_SCOPES),
    WIRE_WORD("scopeMetrics", G_SCOPES)};

static void read_group_field(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	json_skip(j, id == G_RESOURCE ? &r->resource : &r->scopes);
}

/* The resource first, wherever it stands. */
static void read_group(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	struct json part;
	(void)id;
	r->base = (struct otlp_item){0};
	r->resource = r->scopes = SLICE_NONE;
	wire_object(j, WIRE_WORDS(group_fields), read_group_field, r);
	if (r->resource.n) {
		json_init(&part, r->resource);
		wire_object(&part, WIRE_WORDS(resource_fields), read_resource_field, r);
	}
	if (r->scopes.n) {
		json_init(&part, r->scopes);
		wire_array(&part, read_scope, r);
	}
}

static const struct wire_word root_fields[] = {
    WIRE_WORD("resourceLogs", OTLP_LOGS),
    WIRE_WORD("resourceSpans", OTLP_TRACES),
    WIRE_WORD("resourceMetrics", OTLP_METRICS),
};

static void read_root_field(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	if (id == (int)r->s->signal)
		wire_array(j, read_group, r);
	else
		json_skip(j, NULL);
}

int otlp_read_json(const struct otlp_sink *s, slice body)
{
	struct reading r = {.s = s};
	struct json j;
	size_t at;
	if (json_validate(body, &at))
		return ERR_INVALID;
	json_init(&j, body);
	if (json_peek(&j) != JSON_OBJECT)
		return ERR_INVALID;
	wire_object(&j, WIRE_WORDS(root_fields), read_root_field, &r);
	return r.rc ? r.rc : json_end(&j) ? 0 : ERR_NOMEM;
}
