/* HTTP/1.1 request heads and bodies (RFC 9112), as much of them as a provider's front door takes. */
#ifndef SIM_HTTP_H
#define SIM_HTTP_H

#include "util.h"

#define HTTP_MAX_HEAD   (64u * 1024u)
#define HTTP_MAX_FIELDS 100u

struct http_field {
	struct str name, value;
};

struct http_req {
	struct str method, target;
	struct http_field fields[HTTP_MAX_FIELDS];
	size_t nfields;
	int64_t content_length; /* -1: none */
	bool chunked, expect, keep_alive;
};

/* Parses a head at the start of `p`. Returns bytes consumed, 0 when more are needed, or -STATUS. */
long http_parse_head(const char *p, size_t n, struct http_req *out);
/* A header's value, or {NULL, 0}. */
struct str http_header(const struct http_req *r, const char *name);

/* Chunked bodies, fed piecemeal. */
struct chunked {
	int state;
	uint64_t left;
};

/* Appends decoded bytes to `body`; returns bytes eaten, or -1 for a malformed body. */
long chunked_feed(struct chunked *c, const char *p, size_t n, struct buf *body);
bool chunked_done(const struct chunked *c);

const char *http_reason(int status);

#endif
