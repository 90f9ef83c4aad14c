#include "text/protobuf.h"

#define VARINT_BYTES 10

void protobuf_init(struct protobuf *r, slice message)
{
	*r = (struct protobuf){message.p, message.p ? message.p + message.n : NULL, false};
}

static bool spoil(struct protobuf *r)
{
	r->bad = true;
	return false;
}

static bool read_varint(struct protobuf *r, uint64_t *out)
{
	*out = 0;
	for (int i = 0; i < VARINT_BYTES && r->p < r->end; i++) {
		uint8_t byte = (uint8_t)*r->p++;
		if (i == VARINT_BYTES - 1 && byte > 1)
			break;
		*out |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte < 0x80)
			return true;
	}
	return spoil(r);
}

static bool read_fixed(struct protobuf *r, int bytes, uint64_t *out)
{
	if (r->end - r->p < bytes)
		return spoil(r);
	*out = 0;
	for (int i = 0; i < bytes; i++)
		*out |= (uint64_t)(uint8_t)r->p[i] << (8 * i);
	r->p += bytes;
	return true;
}

bool protobuf_next(struct protobuf *r, struct protobuf_field *f)
{
	uint64_t tag;
	if (r->bad || r->p == r->end || !read_varint(r, &tag))
		return false;
	*f = (struct protobuf_field){.number = tag >> 3};
	if (f->number == 0 || f->number >= (uint64_t)1 << 29)
		return spoil(r);
	switch (tag & 7) {
	case PROTOBUF_VARINT:
		f->type = PROTOBUF_VARINT;
		return read_varint(r, &f->value);
	case PROTOBUF_FIXED64:
		f->type = PROTOBUF_FIXED64;
		return read_fixed(r, 8, &f->value);
	case PROTOBUF_FIXED32:
		f->type = PROTOBUF_FIXED32;
		return read_fixed(r, 4, &f->value);
	case PROTOBUF_BYTES:
		f->type = PROTOBUF_BYTES;
		if (!read_varint(r, &f->value) || f->value > (uint64_t)(r->end - r->p))
			return spoil(r);
		f->bytes = slice_make(r->p, (size_t)f->value);
		r->p += f->value;
		return true;
	default:
		return spoil(r);
	}
}
