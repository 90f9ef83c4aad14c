/* What the server library's parser lets through and Weir does not: request smuggling shapes, DNS rebinding,
 * foreign origins. The check stands before any body byte is read and before anything is sent on. */
#ifndef WEIR_GATEWAY_STRICT_H
#define WEIR_GATEWAY_STRICT_H

#include "model/types.h"

struct strict_in {
	slice method, target, version; /* raw, as received */
	const struct headers *headers;
	size_t head_bytes;  /* size of the head as the server counted it, request line to blank line */
	const slice *hosts; /* further names accepted in Host and Origin */
	size_t hosts_n;
};

struct strict_out {
	int status;          /* 400, 403, 417, 421, 501; 0 when the request may go on */
	const char *message; /* a sentence */
	bool upgrade;        /* asks for a WebSocket (the router answers 426 or the request is refused) */
	bool expect_continue;
	bool chunked;
	int64_t content_length; /* -1: none given */
};

/* RFC 9112 sections 2 to 6, narrowed: token characters in names, no control characters, exactly one Host, at
 * most one Content-Length, one Transfer-Encoding equal to "chunked" and never both, origin-form targets, no
 * Upgrade but websocket. The sum of the parsed parts must equal head_bytes: folded lines, bare LF, NUL and
 * dropped lines show up there. */
void strict_check(const struct strict_in *in, struct strict_out *out);

/* A Host header's value names this server: a loopback name, an IP literal (no name to rebind), or one of
 * hosts; port ignored. */
bool strict_host_ok(slice host, const slice *hosts, size_t hosts_n);
/* An Origin header's value is one of ours by the same rule; "null" is not. */
bool strict_origin_ok(slice origin, const slice *hosts, size_t hosts_n);

#endif
