#include "gateway/tls.h"

#include <gnutls/gnutls.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "gateway/files.h"

#define PEM_MAX (1024 * 1024)

static int read_one(char **out, slice file, struct error *e)
{
	if (file.n == 0)
		return 0;
	*out = files_read(file, PEM_MAX, NULL, e);
	return *out ? 0 : e->code;
}

int tls_read(struct tls *t, const struct listen *l, struct error *e)
{
	*t = (struct tls){NULL, NULL, NULL};
	int r = read_one(&t->certificate, l->certificate, e);
	if (r == 0)
		r = read_one(&t->key, l->key, e);
	return r ? r : read_one(&t->client_ca, l->client_ca, e);
}

static void wipe(char **text)
{
	if (*text)
		crypto_zero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

void tls_release(struct tls *t)
{
	wipe(&t->certificate);
	wipe(&t->key);
	wipe(&t->client_ca);
}

void tls_options(const struct tls *t, struct MHD_OptionItem out[TLS_OPTIONS])
{
	struct MHD_OptionItem *o = out;
	if (t->certificate)
		*o++ = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, t->certificate};
	if (t->key)
		*o++ = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, t->key};
	if (t->client_ca)
		*o++ = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0, t->client_ca};
	*o = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
}

bool tls_client_ok(const struct tls *t, struct MHD_Connection *connection)
{
	if (t->client_ca == NULL)
		return true;
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	unsigned status = 1;
	return info && gnutls_certificate_verify_peers2(info->tls_session, &status) == 0 && status == 0;
}
