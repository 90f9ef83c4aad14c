/* The server side of a worker: libmicrohttpd in external-epoll mode on the worker's own listening socket. */
#ifndef WEIR_GATEWAY_SERVER_H
#define WEIR_GATEWAY_SERVER_H

#include "gateway/context.h"

struct server;

/* Takes over the listening socket. */
struct server *server_new(struct worker *w, int listen_fd, struct error *e);
/* Ends what is left; only after server_quiesce and when no exchange is active. */
void server_free(struct server *s);
/* Accepts no more connections, and closes the idle ones. */
void server_quiesce(struct server *s);

/* The library's own epoll descriptor is readable. */
void server_event(struct server *s);
/* One turn of the library. */
void server_turn(struct server *s);
/* Milliseconds until server_turn is due, -1 none. */
int server_timeout_ms(struct server *s);
/* An epoll event of EVENT_CLIENT: a client left. */
void server_client_event(struct server *s, unsigned index, unsigned generation);
/* Time limits of clients' heads and bodies. */
void server_tick(struct server *s, int64_t now_us);

/* A hash of the client's address, without the port, which is another one for each connection; 0: not known.
 */
struct MHD_Connection;
uint64_t server_peer(struct MHD_Connection *connection, uint64_t seed);

/* Workers share a port by SO_REUSEPORT, which another gateway of this user could share too, unseen: ERR_BUSY
 * when someone listens there. */
int server_port_free(slice host, int port, struct error *e) WARN_UNUSED;

/* A bound, non-blocking listening socket with SO_REUSEPORT; *port gets the one bound. -1 and *e on failure.
 */
int server_listen(slice host, int port, int *bound_port, struct error *e);

#endif
