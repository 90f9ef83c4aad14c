/* A pull reader of protocol buffers' wire format (protobuf.dev/programming-guides/encoding) over a slice, in
 * place: it allocates nothing and never reads past the end. Groups are refused: no format that Weir reads has
 * them. */
#ifndef WEIR_TEXT_PROTOBUF_H
#define WEIR_TEXT_PROTOBUF_H

#include <stdint.h>

#include "base/slice.h"

enum protobuf_type { PROTOBUF_VARINT = 0, PROTOBUF_FIXED64 = 1, PROTOBUF_BYTES = 2, PROTOBUF_FIXED32 = 5 };

struct protobuf {
	const char *p, *end; /* not owned */
	bool bad;            /* it is no message; sticky */
};

struct protobuf_field {
	uint64_t number;
	enum protobuf_type type;
	uint64_t value; /* of the three that are numbers */
	slice bytes;    /* of PROTOBUF_BYTES: a text or another message */
};

void protobuf_init(struct protobuf *r, slice message);
/* The next field; false at the end, or when bad. */
bool protobuf_next(struct protobuf *r, struct protobuf_field *f);

#endif
