/* Signing in and out, as the console answers it: by a Weir key, or at an issuer (OpenID Connect Core 1.0
 * section 3.1, the code flow, with PKCE: RFC 7636). */
#ifndef WEIR_GATEWAY_SIGNIN_ANSWER_H
#define WEIR_GATEWAY_SIGNIN_ANSWER_H

#include "base/buf.h"
#include "gateway/context.h"
#include "gateway/signin.h"

struct signin_ask {
	struct shared *shared;
	struct signin *table;
	const struct headers *headers;
	slice method, path, query, body;
	bool tls, loopback; /* of the listener */
	int port;
	uint64_t peer;
};

struct signin_answer {
	int status;
	const char *type;
	struct buf *body;
	char cookies[2][SIGNIN_COOKIE_MAX]; /* "" none */
	char *location;                     /* owned; NULL: none */
	int retry_s;                        /* of Retry-After; 0: none */
};

/* False when the path is none of these:
 *
 *	GET  /api/v1/signin	is one signed in, and where can one
 *	POST /api/v1/signin	{"key": "wk_..."}
 *	POST /api/v1/signout
 *	GET  /signin/oidc	?issuer=NAME&to=/path: off to the issuer
 *	GET  /signin/callback	and back
 *
 * May take seconds: an issuer is asked. */
bool signin_answer(const struct signin_ask *ask, struct signin_answer *a, int *code);
bool signin_is_path(slice path);

/* The session's cookie of a request, and whose it is; false: none that holds. Texts of *out are in mem, or in
 * the keyring. */
bool signin_identify(const struct signin_ask *ask, const struct keyring *keys,
                     const struct settings *settings, int64_t now_ms, struct arena *mem,
                     struct principal *out);

#endif
