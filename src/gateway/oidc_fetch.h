/* One question to an issuer: its keys. */
#ifndef WEIR_GATEWAY_OIDC_FETCH_H
#define WEIR_GATEWAY_OIDC_FETCH_H

#include <stdatomic.h>

#include "base/buf.h"
#include "model/settings.h"
#include "policy/identity_jwks.h"

/* From the file, the URL, or the URL that the issuer's own discovery document names (OpenID Connect Discovery
 * 1.0 section 4). Takes 10 seconds at most, less when *stop becomes true. NULL and a sentence on failure. */
struct jwks *oidc_fetch(const struct issuer *i, atomic_bool *stop, struct error *e);

/* Where people are sent to sign in, and where codes are changed for tokens: by the issuer's discovery
 * document. Takes as long at most. */
#define OIDC_URL_MAX 2048
struct oidc_endpoints {
	char authorize[OIDC_URL_MAX], token[OIDC_URL_MAX];
};
int oidc_endpoints(const struct issuer *i, atomic_bool *stop, struct oidc_endpoints *out,
                   struct error *e) WARN_UNUSED;
/* POST of a form; the body of a 200 into out. */
int oidc_post(const struct issuer *i, const char *url, slice form, atomic_bool *stop, struct buf *out,
              struct error *e) WARN_UNUSED;
/* A text member of a JSON object, in mem; false when there is none. */
bool oidc_member(slice document, slice name, struct arena *mem, slice *out);

#endif
