/* TLS of a listener: certificate, key and client authority by the settings' files, for libmicrohttpd. */
#ifndef WEIR_GATEWAY_TLS_H
#define WEIR_GATEWAY_TLS_H

#include <microhttpd.h>

#include "base/err.h"
#include "model/settings.h"

#define TLS_OPTIONS 4

struct tls {
	char *certificate, *key, *client_ca; /* owned; PEM; NULL when not configured */
};

int tls_read(struct tls *t, const struct listen *l, struct error *e) WARN_UNUSED;
/* Zeroes and frees; only after the daemon that uses it was stopped. */
void tls_release(struct tls *t);
static inline bool tls_on(const struct tls *t)
{
	return t->certificate != NULL;
}
/* For MHD_OPTION_ARRAY, ended by MHD_OPTION_END. */
void tls_options(const struct tls *t, struct MHD_OptionItem out[TLS_OPTIONS]);
/* No client authority is configured, or the client showed a certificate of it. */
bool tls_client_ok(const struct tls *t, struct MHD_Connection *connection);

#endif
