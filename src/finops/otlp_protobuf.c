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

/* gauge, sum, histogram, exponential histogram, summary: the points are field 1 of each. */
static bool is_data(uint64_t number)
{
	return number == 5 || number == 7 || (number >= 9 && number <= 11);
}

static bool read_metric(slice message, struct otlp_item *i)
{
	struct protobuf r, points;
	struct protobuf_field f, point;
	protobuf_init(&r, message);
	while (protobuf_next(&r, &f)) {
		if (is_message(&f, 1))
			i->name = f.bytes;
		if (f.type != PROTOBUF_BYTES || !is_data(f.number))
			continue;
		protobuf_init(&points, f.bytes);
		while (protobuf_next(&points, &point))
			i->points += is_message(&point, 1);
		if (points.bad)
			return false;
	}
	return !r.bad;
}

static bool read_item(enum otlp_signal signal, slice message, struct otlp_item *i)
{
	if (signal == OTLP_METRICS)
		return read_metric(message, i);
	return read_timed(signal == OTLP_LOGS ? &of_log : &of_span, message, i);
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
		if (!read_item(r->signal, f.bytes, &item))
			return ERR_INVALID;
		int rc = r->s ? otlp_take(r->s, &item) : 0;
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
