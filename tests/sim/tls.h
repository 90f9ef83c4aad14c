/* TLS for the listener and for the load generator, on OpenSSL; the handles are SSL_CTX and SSL. */
#ifndef SIM_TLS_H
#define SIM_TLS_H

#include <stddef.h>
#include <sys/types.h>

void *tls_server(const char *certificate, const char *key);
void *tls_client(const char *ca_file); /* NULL: certificates are not checked */
void *tls_accept(void *context, int fd);
void *tls_connect(void *context, int fd, const char *host);
/* As recv and send on a non-blocking socket: -1 with EAGAIN when it would block, 0 at the end. */
ssize_t tls_read(void *tls, void *p, size_t n);
ssize_t tls_write(void *tls, const void *p, size_t n);
void tls_free(void *tls);
void tls_context_free(void *context);

#endif
