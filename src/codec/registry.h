/* The APIs Weir knows: from a request's method, path and headers to a target, from an API to its codec. */
#ifndef WEIR_CODEC_REGISTRY_H
#define WEIR_CODEC_REGISTRY_H

#include "codec/codec.h"

enum route_result {
	ROUTE_OK,
	ROUTE_UNKNOWN,     /* no such path here: 404 */
	ROUTE_BAD_METHOD,  /* the path is known, the method is not: 405 */
	ROUTE_LOCAL_HELLO, /* HEAD or GET /api/hello: answered by Weir itself with 200 */
	ROUTE_WEBSOCKET,   /* GET with an upgrade on /v1/responses: 426 */
};

/* Reads the path. `anthropic-version` in h decides GET /v1/models. Paths under /p/{provider}/ are matched
 * after the prefix; a path no codec knows gives ROUTE_OK with API_UNMETERED only under /p/{provider}/ or a
 * known dialect's prefix (/v1/…, /v1beta/…). The target is raw as received (percent-encoding kept); dot
 * segments and encoded slashes in the API part are refused as unknown. */
enum route_result registry_route(slice method, slice target, const struct headers *h, struct arena *mem,
                                 struct target *out);

/* The path to send on (t->rest) with another model in the place of its own; the path as it is when none
 * stands there. p NULL without memory. */
slice registry_path_with(const struct target *t, slice model, struct arena *mem);

/* The codec of an API; NULL for API_UNMETERED. */
const struct codec_ops *registry_codec(enum api a);

/* All items of a request's body, span by span, in the order of body_spans. Non-zero from on_item ends the
 * walk and is returned; 0 also when the API's requests have no content. */
int registry_items(const struct request_view *v, body_item_fn *on_item, void *arg);

/* A codec to write refusals with when there is no API: by path prefix and headers, never NULL. */
const struct codec_ops *registry_refuser(slice target, const struct headers *h);

#endif
