#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "util.h"

void *tls_server(const char *certificate, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx || SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key ? key : certificate, SSL_FILETYPE_PEM) != 1)
		sim_die("cannot use certificate %s and its key", certificate);
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	                          SSL_MODE_RELEASE_BUFFERS);
	return ctx;
}

void *tls_client(const char *ca_file)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx)
		sim_die("cannot start TLS");
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	                          SSL_MODE_RELEASE_BUFFERS);
	if (ca_file) {
		if (SSL_CTX_load_verify_locations(ctx, ca_file, NULL) != 1)
			sim_die("cannot read %s", ca_file);
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	}
	return ctx;
}

void *tls_accept(void *context, int fd)
{
	SSL *s = SSL_new(context);

	if (!s || SSL_set_fd(s, fd) != 1)
		sim_die("out of memory");
	SSL_set_accept_state(s);
	return s;
}

void *tls_connect(void *context, int fd, const char *host)
{
	SSL *s = SSL_new(context);

	if (!s || SSL_set_fd(s, fd) != 1 || SSL_set_tlsext_host_name(s, host) != 1)
		sim_die("out of memory");
	SSL_set_connect_state(s);
	return s;
}

static ssize_t result(SSL *s, int rc)
{
	int e;

	if (rc > 0)
		return rc;
	e = SSL_get_error(s, rc);
	ERR_clear_error();
	if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) {
		errno = EAGAIN;
		return -1;
	}
	if (e == SSL_ERROR_ZERO_RETURN)
		return 0;
	errno = EPROTO;
	return -1;
}

ssize_t tls_read(void *tls, void *p, size_t n)
{
	return result(tls, SSL_read(tls, p, n > 1 << 30 ? 1 << 30 : (int)n));
}

ssize_t tls_write(void *tls, const void *p, size_t n)
{
	return result(tls, SSL_write(tls, p, n > 1 << 30 ? 1 << 30 : (int)n));
}

void tls_context_free(void *context)
{
	SSL_CTX_free(context);
}

void tls_free(void *tls)
{
	SSL_shutdown(tls);
	SSL_free(tls);
}
