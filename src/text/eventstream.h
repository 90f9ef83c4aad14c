/* AWS event streams (application/vnd.amazon.eventstream; smithy.io/2.0/aws/amazon-eventstream.html), framed
 * without losing a byte. A message, numbers big-endian:
 *
 *	u32 length of the message | u32 length of the headers | u32 CRC-32 of these 8 bytes
 *	headers | payload | u32 CRC-32 of all before it
 *
 * A header: u8 length of the name, name, u8 type, value (strings and bytes: u16 length first). */
#ifndef WEIR_TEXT_EVENTSTREAM_H
#define WEIR_TEXT_EVENTSTREAM_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct eventstream_message {
	slice raw;     /* the message's bytes as they came */
	slice headers; /* their bytes */
	slice payload;
	slice message_type; /* of ":message-type": event, exception or error; n 0 when absent */
	slice type;         /* of ":event-type", ":exception-type" or ":error-code" */
	slice content_type, error_message; /* of ":content-type", ":error-message" */
};

/* Carries what is left of a message over to the next piece. */
struct eventstream {
	char *tail;                 /* owned; malloc */
	size_t n, cap;              /* bytes kept, bytes allocated */
	size_t max;                 /* largest message framed; a larger one is skipped and counted */
	size_t skip;                /* bytes of a message that is being skipped still to come */
	unsigned long long skipped; /* messages over max, with a wrong sum or bad headers, or lost for want of
	                               memory */
	bool broken; /* the prelude's sum or lengths are wrong: where the next message begins is unknown, and
	                nothing more is framed */
};

void eventstream_init(struct eventstream *s, size_t max_message);
void eventstream_release(struct eventstream *s);

/* Feeds one piece of the stream, cut anywhere; calls on_message for each message completed by it, in order,
 * its slices valid during the call only. on_message returning nonzero stops and is returned, the rest of the
 * piece being dropped; else 0. */
int eventstream_feed(struct eventstream *s, slice piece,
                     int (*on_message)(void *arg, const struct eventstream_message *m), void *arg);

/* Bytes held back, not yet given as a message: more than 0 when the stream ended inside one. */
size_t eventstream_pending(const struct eventstream *s);

/* Walks headers (of a message): *at 0 to begin. False at the end. Values of strings and byte arrays are their
 * bytes; of the other types the raw ones (booleans have none). */
enum eventstream_type {
	EVENTSTREAM_TRUE,
	EVENTSTREAM_FALSE,
	EVENTSTREAM_BYTE,
	EVENTSTREAM_I16,
	EVENTSTREAM_I32,
	EVENTSTREAM_I64,
	EVENTSTREAM_BYTES,
	EVENTSTREAM_STRING,
	EVENTSTREAM_TIME,
	EVENTSTREAM_UUID,
	EVENTSTREAM_TYPES
};
bool eventstream_header(slice headers, size_t *at, slice *name, enum eventstream_type *type, slice *value);

/* Writes one message of :message-type event, its :event-type type, its payload JSON. ERR_FULL, ERR_NOMEM. */
int eventstream_write(struct buf *out, slice type, slice json) WARN_UNUSED;

#endif
