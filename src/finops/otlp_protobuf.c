/* OTLP as protocol buffers (opentelemetry-proto, collector/{logs,trace,metrics}/v1): the few messages that
 * calls stand in, by their field numbers. Fields that are not known are passed over. */
#include <math.h>
#include <string.h>

#include "base/crypto.h"
#include "finops/otlp_item.h"
#include "text/protobuf.h"

/* The same numbers for all three signals. */
enum { BODY_GROUP = 1, GROUP_RESOURCE = 1, GROUP_SCOPE = 2, RESOURCE_ATTRIBUTE = 1, SCOPE_ITEM = 2 };

static bool is_message(const struct protobuf_field *f, uint64_t number)
{
	return f->number == number && f->type == PROTOBUF_BYTES;
}

/* --- attributes ------------------------------------------------------------------------------------------
 */

enum { VALUE_TEXT = 1, VALUE_INT = 3, VALUE_DOUBLE = 4, VALUE_ARRAY = 5, ARRAY_ELEMENT = 1 };

static bool whole_of(uint64_t bits, int64_t *out)
{
	double d;
	memcpy(&d, &bits, sizeof d);
	if (!(d > -9e15 && d < 9e15))
		return false;
	*out = (int64_t)trunc(d);
	return true;
}

/* deep: an array's first element stands for all of it, and is no array itself. */
static bool read_value(slice message, struct otlp_value *v, bool deep)
{
	struct protobuf r;
	struct protobuf_field f;
	protobuf_init(&r, message);
	while (protobuf_next(&r, &f)) {
		if (is_message(&f, VALUE_TEXT)) {
			v->text = f.bytes;
		} else if (f.number == VALUE_INT && f.type == PROTOBUF_VARINT) {
			v->number = (int64_t)f.value;
			v->is_number = true;
		} else if (f.number == VALUE_DOUBLE && f.type == PROTOBUF_FIXED64) {
			v->is_number = whole_of(f.value, &v->number);
		} else if (is_message(&f, VALUE_ARRAY) && deep) {
			struct protobuf list;
			struct protobuf_field first;
			protobuf_init(&list, f.bytes);
			if (protobuf_next(&list, &first) && is_message(&first, ARRAY_ELEMENT) &&
			    !read_value(first.bytes, v, false))
				return false;
		}
	}
	return !r.bad;
}

static bool read_attribute(slice message, struct otlp_item *to)
{
	struct protobuf r;
	struct protobuf_field f;
	struct otlp_value v = {0};
	slice key = SLICE_NONE;
	protobuf_init(&r, message);
	while (protobuf_next(&r, &f)) {
		if (is_message(&f, 1))
			key = f.bytes;
		else if (is_message(&f, 2) && !read_value(f.bytes, &v, true))
			return false;
	}
	to->identity += otlp_hash(key, message);
	enum otlp_field field = otlp_field_of(key);
	if (field != OTLP_FIELDS && (v.is_number || v.text.n))
		to->v[field] = v;
	return !r.bad;
}

/* --- records, spans, metrics -----------------------------------------------------------------------------
 */

/* Field numbers of the two messages that have times, ids and attributes; 0: there is none. */
struct numbers {
	uint64_t name, body, time, observed, end, trace, span, attribute;
};
static const struct numbers of_log = {12, 5, 1, 11, 0, 9, 10, 6};
static const struct numbers of_span = {5, 0, 7, 0, 8, 1, 2, 9};

static slice hex_of(slice bytes, char *to, size_t chars)
{
	char hex[2 * CRYPTO_SHA256_BYTES + 1];
	if (bytes.n * 2 != chars)
		return SLICE_NONE;
	crypto_hex((const uint8_t *)bytes.p, bytes.n, hex);
	memcpy(to, hex, chars);
	return slice_make(to, chars);
}

static bool read_bytes(const struct numbers *k, const struct protobuf_field *f, struct otlp_item *i)
{
	struct otlp_value body = {0};
	if (f->number == k->name)
		i->name = f->bytes.n ? f->bytes : i->name;
	else if (f->number == k->trace)
		i->trace = hex_of(f->bytes, i->hex, OTLP_TRACE_HEX);
	else if (f->number == k->span)
		i->span = hex_of(f->bytes, i->hex + OTLP_TRACE_HEX, OTLP_SPAN_HEX);
	else if (f->number == k->attribute)
		return read_attribute(f->bytes, i);
	else if (f->number == k->body) {
		if (!read_value(f->bytes, &body, false))
			return false;
		if (i->name.n == 0)
			i->name = body.text;
	}
	return true;
}

static bool read_timed(const struct numbers *k, slice message, struct otlp_item *i)
{
	struct protobuf r;
	struct protobuf_field f;
	protobuf_init(&r, message);
	while (protobuf_next(&r, &f)) {
		if (f.type == PROTOBUF_BYTES && !read_bytes(k, &f, i))
			return false;
		if (f.type != PROTOBUF_FIXED64)
			continue;
		if (f.number == k->time && f.value)
			i->time_ns = (int64_t)f.value;
		else if (f.number == k->observed && i->time_ns == 0)
			i->time_ns = (int64_t)f.value;
		else if (f.number == k->end)
			i->end_ns = (int64_t)f.value;
	}
	return !r.bad;
}

/* The kinds of data, and the numbers of a point's fields in each; 0: there is none. */
struct data_numbers {
	uint64_t data, attribute, value, whole;
};
static const struct data_numbers data_kinds[] = {
    {5, 7, 4, 6},  /* gauge */
    {7, 7, 4, 6},  /* sum */
    {9, 9, 5, 0},  /* histogram: its sum */
    {10, 1, 5, 0}, /* exponential histogram */
    {11, 7, 5, 0}, /* summary */
};
enum {
	POINT_START = 2,
	POINT_TIME = 3,
	METRIC_NAME = 1,
	DATA_POINT = 1,
	DATA_TEMPORALITY = 2,
	CUMULATIVE = 2
};

static const struct data_numbers *data_kind(uint64_t number)
{
	for (size_t i = 0; i < sizeof data_kinds / sizeof data_kinds[0]; i++)
		if (data_kinds[i].data == number)
			return &data_kinds[i];
	return NULL;
}

static bool read_point(const struct data_numbers *k, slice message, struct otlp_item *i,
                       struct otlp_reading *p)
{
	struct protobuf r;
	struct protobuf_field f;
	protobuf_init(&r, message);
	while (protobuf_next(&r, &f)) {
		if (is_message(&f, k->attribute)) {
			if (!read_attribute(f.bytes, i))
				return false;
		} else if (f.type == PROTOBUF_FIXED64) {
			if (f.number == POINT_START)
				p->start_ns = (int64_t)f.value;
			else if (f.number == POINT_TIME)
				p->time_ns = (int64_t)f.value;
			else if (f.number == k->value)
				p->has_value = whole_of(f.value, &p->value);
			else if (f.number == k->whole) {
				p->has_value = true;
				p->value = (int64_t)f.value;
			}
		}
	}
	return !r.bad;
}

/* The points of data whose metric is m (NULL: only counted). s NULL: only whether they are well formed. */
static int read_points(const struct otlp_sink *s, const struct otlp_metric *m, const struct data_numbers *k,
                       slice data, struct otlp_item *base)
{
	struct protobuf points;
	struct protobuf_field f;
	bool cumulative = false;
	protobuf_init(&points, data);
	while (protobuf_next(&points, &f))
		if (f.number == DATA_TEMPORALITY && f.type == PROTOBUF_VARINT)
			cumulative = f.value == CUMULATIVE;
	if (points.bad)
		return ERR_INVALID;
	protobuf_init(&points, data);
	while (protobuf_next(&points, &f)) {
		if (!is_message(&f, DATA_POINT))
			continue;
		if (m == NULL) {
			base->points++;
			continue;
		}
		struct otlp_item item = *base;
		struct otlp_reading p = {.cumulative = cumulative};
		if (!read_point(k, f.bytes, &item, &p))
			return ERR_INVALID;
		int rc = s ? otlp_take_point(s, m, &item, &p) : 0;
		if (rc)
			return rc;
	}
	return 0;
}

static int read_metric(const struct otlp_sink *s, slice message, struct otlp_item *i)
{
	struct protobuf r;
	struct protobuf_field f;
	protobuf_init(&r, message);
	while (protobuf_next(&r, &f))
		if (is_message(&f, METRIC_NAME))
			i->name = f.bytes;
	if (r.bad)
		return ERR_INVALID;
	const struct otlp_metric *m = otlp_metric_of(i->name);
	protobuf_init(&r, message);
	while (protobuf_next(&r, &f)) {
		const struct data_numbers *k = f.type == PROTOBUF_BYTES ? data_kind(f.number) : NULL;
		int rc = k ? read_points(s, m, k, f.bytes, i) : 0;
		if (rc)
			return rc;
	}
	return s && m == NULL ? otlp_take(s, i) : 0;
}

static int read_item(enum otlp_signal signal, const struct otlp_sink *s, slice message, struct otlp_item *i)
{
	if (signal == OTLP_METRICS)
		return read_metric(s, message, i);
	if (!read_timed(signal == OTLP_LOGS ? &of_log : &of_span, message, i))
		return ERR_INVALID;
	return s ? otlp_take(s, i) : 0;
}

/* --- the tree --------------------------------------------------------------------------------------------
 */

/* s NULL: only whether it is well formed. */
struct reading {
	enum otlp_signal signal;
	const struct otlp_sink *s;
	struct otlp_item base;
};

static int read_scope(struct reading *r, slice message)
{
	struct protobuf scope;
	struct protobuf_field f;
	protobuf_init(&scope, message);
	while (protobuf_next(&scope, &f)) {
		struct otlp_item item;
		if (!is_message(&f, SCOPE_ITEM))
			continue;
		item = r->base;
		int rc = read_item(r->signal, r->s, f.bytes, &item);
		if (rc)
			return rc;
	}
	return scope.bad ? ERR_INVALID : 0;
}

static bool read_resource(struct reading *r, slice message)
{
	struct protobuf resource;
	struct protobuf_field f;
	protobuf_init(&resource, message);
	while (protobuf_next(&resource, &f))
		if (is_message(&f, RESOURCE_ATTRIBUTE) && !read_attribute(f.bytes, &r->base))
			return false;
	return !resource.bad;
}

/* The resource first, wherever it stands. */
static int read_group(struct reading *r, slice message)
{
	struct protobuf group;
	struct protobuf_field f;
	r->base = (struct otlp_item){0};
	protobuf_init(&group, message);
	while (protobuf_next(&group, &f))
		if (is_message(&f, GROUP_RESOURCE) && !read_resource(r, f.bytes))
			return ERR_INVALID;
	protobuf_init(&group, message);
	while (protobuf_next(&group, &f)) {
		int rc = is_message(&f, GROUP_SCOPE) ? read_scope(r, f.bytes) : 0;
		if (rc)
			return rc;
	}
	return group.bad ? ERR_INVALID : 0;
}

static int read_body(struct reading *r, slice body)
{
	struct protobuf message;
	struct protobuf_field f;
	protobuf_init(&message, body);
	while (protobuf_next(&message, &f)) {
		int rc = is_message(&f, BODY_GROUP) ? read_group(r, f.bytes) : 0;
		if (rc)
			return rc;
	}
	return message.bad ? ERR_INVALID : 0;
}

bool otlp_valid_protobuf(enum otlp_signal signal, slice body)
{
	struct reading r = {.signal = signal};
	return read_body(&r, body) == 0;
}

int otlp_read_protobuf(const struct otlp_sink *s, slice body)
{
	struct reading r = {.signal = s->signal, .s = s};
	return read_body(&r, body);
}
