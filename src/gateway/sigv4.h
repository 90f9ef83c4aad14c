/* AWS Signature Version 4 in a header (docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html),
 * as every service but S3 wants it: the path is encoded once more than it was sent. */
#ifndef WEIR_GATEWAY_SIGV4_H
#define WEIR_GATEWAY_SIGV4_H

#include "base/arena.h"
#include "base/err.h"
#include "model/types.h"

struct sigv4_key {
	slice region, service;
	slice id, secret;
	slice token; /* of a session; n 0: none */
};

struct sigv4_request {
	slice method;
	slice host;                    /* as the Host header will say it */
	slice path;                    /* as sent, percent-encoding included; without dot segments */
	slice query;                   /* as sent, without '?' */
	const struct headers *headers; /* of these the content-type and all x-amz-* are signed */
	slice body;
	int64_t wall_ms;
};

/* Values of the headers to be sent with the request. */
struct sigv4 {
	slice authorization;
	slice date;  /* x-amz-date */
	slice token; /* x-amz-security-token; n 0: none */
};

#define SIGV4_HEADERS_MAX 64 /* signed headers */

/* Texts are put into mem. ERR_NOMEM; ERR_FULL with too many headers to sign. */
int sigv4_sign(const struct sigv4_key *key, const struct sigv4_request *r, struct arena *mem,
               struct sigv4 *out) WARN_UNUSED;

/* A header that a client's own signature came with, and that must not go on beside another one. */
bool sigv4_is_signature_header(slice name);

#endif
