/*
 * The front door: epoll loops that read requests and write answers. A connection carries one call
 * at a time; what to answer is decided in serve.c, which is called when a request is whole and
 * again whenever more of a stream can go out.
 */
#ifndef SIM_SERVER_H
#define SIM_SERVER_H

#include "call.h"

struct loop;

enum conn_state { CONN_HEAD, CONN_BODY, CONN_ANSWER, CONN_DEAD };

struct conn {
	int fd;
	void *tls; /* SSL, owned; NULL without TLS */
	struct loop *loop;
	struct conn *next_dead;
	enum conn_state state;
	bool readable, peer_gone, close_after, handshaking;
	struct buf in;   /* bytes read but not yet used */
	struct buf head; /* the request's head; `req` points into it */
	struct buf body;
	struct buf out;
	size_t out_at;
	struct http_req req;
	struct chunked chunked;
	int64_t body_seen;
	bool bench_body; /* only the ends of the body are kept */
	uint64_t due;    /* timer, 0: none */
	size_t heap_at;  /* 1-based place in the loop's heap, 0: none */
	struct call call;
};

struct options {
	const char *host;
	int port, threads;
	const char *tls_cert, *tls_key;
	const char *books_path, *requests_path, *replay_path, *script;
	bool bench, quiet;
	double fault_rate;
	uint64_t seed;
	int64_t replay_chunk, max_body;
	struct directives defaults;
	struct str script_file; /* contents, owned by main for the program's life */
};

/* Runs until SIGTERM or SIGINT; returns an exit status. */
int server_run(const struct options *o);
const struct options *conn_options(const struct conn *c);
void conn_timer(struct conn *c, uint64_t due);
/* Writes what is in `out`; false: not all of it went (or the connection died). */
bool conn_flush(struct conn *c);
void conn_reset(struct conn *c); /* aborts with RST */

/* listen.c: a listening socket; `shared` with other loops of this program. Port 0 picks one, told in `bound`.
 */
int listen_on(const char *host, int port, bool shared, int *bound);

/* serve.c */
bool serve_head(struct conn *c);    /* the head is whole; false: already answered, close */
void serve_request(struct conn *c); /* the request is whole */
/* Goes on with the answer. True: the call has ended. */
bool serve_pump(struct conn *c);
void serve_gone(struct conn *c);     /* the client has left during an answer */
void serve_shutdown(struct conn *c); /* the program ends */

#endif
