/* libmicrohttpd does not see a client leave while its connection is suspended, so each connection's
 * descriptor is also in the worker's own epoll set (EPOLLRDHUP, edge-triggered), from NOTIFY_STARTED to
 * NOTIFY_CLOSED, tagged with a slot and a generation. */
#include "gateway/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/map.h"
#include "gateway/exchange.h"
#include "gateway/tls.h"

#define POOL_BYTES     (24 * 1024) /* a connection's memory in the library: its head, its reads and writes */
#define STREAM_BLOCK   (4 * 1024 - 256)
#define WHOLE_BLOCK    (32 * 1024)
#define LISTEN_BACKLOG 1024
#define BODY_PAUSES    20 /* times limits.body_timeout for a whole body */

struct client {
	unsigned index, generation;
	int fd;              /* -1: the slot is free */
	int64_t deadline_us; /* of what the client has to do next; 0: nothing */
	struct exchange *ex; /* NULL between requests */
	bool gone;           /* it has closed its side: nobody waits for an answer any more */
	bool overdue;        /* and so it was at the last tick, with nothing more to come */
	unsigned next_free;
};

struct server {
	struct worker *w;
	struct MHD_Daemon *daemon; /* owned */
	int mhd_epoll;
	bool run; /* its epoll descriptor is readable, or a connection was resumed */
	bool quiesced;
	unsigned open, open_most;                   /* connections; at most so many are taken */
	struct client *clients;                     /* owned; grows, pointers into it are not kept */
	unsigned clients_n, clients_cap, free_head; /* free_head: index + 1 */
	struct tls tls;                             /* owned */
};

/* --- clients
 * -----------------------------------------------------------------------------------------------------------
 */

static struct client *client_new(struct server *s, int fd)
{
	unsigned i = s->free_head;
	if (i) {
		s->free_head = s->clients[i - 1].next_free;
	} else {
		if (s->clients_n == s->clients_cap) {
			unsigned cap = s->clients_cap ? s->clients_cap * 2 : 64;
			struct client *bigger = realloc(s->clients, cap * sizeof *bigger);
			if (bigger == NULL)
				return NULL;
			s->clients = bigger;
			s->clients_cap = cap;
		}
		i = ++s->clients_n;
		s->clients[i - 1] = (struct client){.index = i - 1};
	}
	struct client *c = &s->clients[i - 1];
	c->fd = fd;
	c->generation++;
	c->ex = NULL;
	c->gone = c->overdue = false;
	return c;
}

static void client_free(struct server *s, struct client *c)
{
	c->fd = -1;
	c->generation++;
	c->next_free = s->free_head;
	s->free_head = c->index + 1;
}

static struct client *client_of(struct server *s, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	uintptr_t i = info ? (uintptr_t)info->socket_context : 0;
	return i ? &s->clients[i - 1] : NULL;
}

static void expect_head(struct server *s, struct client *c, int64_t ms)
{
	c->deadline_us = s->w->now_us + ms * 1000;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
	struct server *s = cls;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info =
		    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		struct client *c = info ? client_new(s, info->connect_fd) : NULL;
		if (c == NULL)
			return;
		*socket_context = (void *)(uintptr_t)(c->index + 1);
		struct epoll_event ev = {.events = EPOLLRDHUP | EPOLLET,
		                         .data.u64 = event_tag(EVENT_CLIENT, c->generation, c->index)};
		epoll_ctl(s->w->epoll, EPOLL_CTL_ADD, c->fd, &ev);
		expect_head(s, c, s->w->settings->limits.header_ms);
		s->open++;
		COUNT(s->w, connections_opened);
		atomic_fetch_add_explicit(&s->w->shared->connections, 1, memory_order_relaxed);
	} else if (*socket_context) {
		struct client *c = &s->clients[(uintptr_t)*socket_context - 1];
		epoll_ctl(s->w->epoll, EPOLL_CTL_DEL, c->fd, NULL);
		client_free(s, c);
		*socket_context = NULL;
		/* The library has not listened since its last place was taken; it does again in its next
		 * turn. */
		if (s->open-- >= s->open_most)
			s->run = true;
		COUNT(s->w, connections_closed);
		atomic_fetch_sub_explicit(&s->w->shared->connections, 1, memory_order_relaxed);
	}
}

void server_client_event(struct server *s, unsigned index, unsigned generation)
{
	struct client *c = index < s->clients_n ? &s->clients[index] : NULL;
	if (c == NULL || c->fd < 0 || (c->generation & 0xffffff) != generation)
		return;
	/* The kernel tells once, and perhaps before the request that came with it has been read. */
	c->gone = true;
	if (c->ex)
		exchange_client_gone(c->ex);
}

/* --- answers
 * -----------------------------------------------------------------------------------------------------------
 */

static void suspend(struct exchange *ex)
{
	ex->suspended = true;
	MHD_suspend_connection(ex->connection);
}

static void wake(struct exchange *ex)
{
	if (!ex->suspended)
		return;
	ex->suspended = false;
	ex->w->server->run = true;
	MHD_resume_connection(ex->connection);
}

static ssize_t read_answer(void *cls, uint64_t pos, char *out, size_t max)
{
	struct exchange *ex = cls;
	(void)pos;
	long n = exchange_read(ex, out, max);
	if (n > 0)
		return n;
	if (n == 0) {
		suspend(ex);
		return 0;
	}
	return n == -1 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

/* A body that the library sends from where it lies. */
struct lent {
	struct blocks *blocks;
	struct block_buf buf;
};

static void take_back(void *cls)
{
	struct lent *l = cls;
	block_release(l->blocks, &l->buf);
	free(l);
}

static struct MHD_Response *lend(struct exchange *ex)
{
	struct lent *l = malloc(sizeof *l);
	if (l == NULL)
		return NULL;
	*l = (struct lent){&ex->w->blocks, ex->whole};
	struct MHD_Response *r =
	    MHD_create_response_from_buffer_with_free_callback_cls(l->buf.n, l->buf.p, take_back, l);
	if (r == NULL) {
		free(l);
		return NULL;
	}
	ex->whole = (struct block_buf){NULL, 0, 0};
	COUNT_ADD(ex->w, bytes_out, l->buf.n);
	return r;
}

static struct MHD_Response *make_response(struct exchange *ex)
{
	slice out = buf_slice(&ex->out);
	if (ex->state == EX_REFUSED)
		return MHD_create_response_from_buffer(out.n, (void *)(uintptr_t)(out.n ? out.p : ""),
		                                       MHD_RESPMEM_MUST_COPY);
	if (ex->state == EX_ANSWERED && !ex->broken && !ex->streaming && ex->whole.n && out.n == 0)
		return lend(ex);
	uint64_t size = ex->answer_length >= 0 ? (uint64_t)ex->answer_length : MHD_SIZE_UNKNOWN;
	return MHD_create_response_from_callback(size, ex->view.stream ? STREAM_BLOCK : WHOLE_BLOCK,
	                                         read_answer, ex, NULL);
}

static enum MHD_Result queue_answer(struct exchange *ex)
{
	struct MHD_Response *r = make_response(ex);
	if (r == NULL)
		return MHD_NO;
	slice name, value;
	for (size_t i = 0; i < ex->answer_headers.n; i++) {
		name = ex->answer_headers.at[i].name;
		value = ex->answer_headers.at[i].value;
		MHD_add_response_header(r, name.p, value.p);
	}
	if (ex->refused_close || atomic_load_explicit(&ex->w->shared->draining, memory_order_relaxed))
		MHD_add_response_header(r, "Connection", "close");
	enum MHD_Result queued = MHD_queue_response(ex->connection, (unsigned)ex->status, r);
	MHD_destroy_response(r);
	return queued;
}

/* --- requests
 * ------------------------------------------------------------------------------------------------------------
 */

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
	struct server *s = cls;
	struct client *c = client_of(s, connection);
	if (c == NULL)
		return NULL;
	struct exchange *ex = exchange_new(s->w, slice_of(uri));
	if (ex == NULL)
		return NULL;
	ex->connection = connection;
	ex->wake = wake;
	c->ex = ex;
	expect_head(s, c, s->w->settings->limits.header_ms);
	return ex;
}

struct collected {
	struct header at[EXCHANGE_HEADERS_MAX];
	size_t n;
};

static enum MHD_Result collect(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_n,
                               const char *value, size_t value_n)
{
	struct collected *c = cls;
	(void)kind;
	if (c->n < EXCHANGE_HEADERS_MAX)
		c->at[c->n++] = (struct header){slice_make(name, name_n), slice_make(value, value_n)};
	return MHD_YES;
}

/* More headers than fit are left out, and the head's size then gives the request away as not understood. */
static bool collect_headers(struct exchange *ex)
{
	struct collected c = {.n = 0};
	MHD_get_connection_values_n(ex->connection, MHD_HEADER_KIND, collect, &c);
	struct header *at = arena_alloc(&ex->mem, sizeof *at * (c.n + 1));
	if (at == NULL)
		return false;
	memcpy(at, c.at, sizeof *at * c.n);
	ex->headers = (struct headers){at, c.n};
	return true;
}

uint64_t server_peer(struct MHD_Connection *connection, uint64_t seed)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *a = info ? info->client_addr : NULL;
	const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)a;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)a;
	slice address = a && a->sa_family == AF_INET    ? slice_make(&four->sin_addr, sizeof four->sin_addr)
	                : a && a->sa_family == AF_INET6 ? slice_make(&six->sin6_addr, sizeof six->sin6_addr)
	                                                : SLICE_NONE;
	return address.n ? map_hash(address, seed) | 1 : 0;
}

static enum MHD_Result first_call(struct server *s, struct exchange *ex, const char *method,
                                  const char *version)
{
	struct client *c = client_of(s, ex->connection);
	ex->no_certificate = !tls_client_ok(&s->tls, ex->connection);
	ex->method = slice_of(method);
	ex->version = slice_of(version);
	if (!collect_headers(ex))
		return MHD_NO;
	ex->peer = server_peer(ex->connection, s->w->shared->device_seed);
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(ex->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	enum exchange_next next = exchange_head(ex, info ? info->header_size : 0);
	if (c)
		c->deadline_us = next == NEXT_BODY ? s->w->now_us + s->w->settings->limits.body_ms * 1000 : 0;
	/* An answer given now closes the connection (the library reads no body any more): where there is none
	 * it can wait for the next call, which follows at once. */
	bool body = ex->framing.chunked || ex->framing.content_length > 0;
	return next == NEXT_ANSWER && (body || ex->refused_close) ? queue_answer(ex) : MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *piece, size_t *piece_n,
                                  void **con_cls)
{
	struct server *s = cls;
	struct exchange *ex = *con_cls;
	(void)url;
	if (ex == NULL)
		return MHD_NO;
	if (ex->method.p == NULL)
		return first_call(s, ex, method, version);
	struct client *c = client_of(s, connection);
	if (*piece_n) {
		exchange_body(ex, slice_make(piece, *piece_n));
		*piece_n = 0;
		if (c)
			c->deadline_us = s->w->now_us + s->w->settings->limits.body_ms * 1000;
		return MHD_YES;
	}
	if (c)
		c->deadline_us = 0;
	if (c && c->gone && ex->state == EX_READING)
		return MHD_NO;
	if (ex->state == EX_READING || ex->discarding) {
		ex->discarding = false;
		exchange_body_end(ex);
	}
	if (exchange_ready(ex))
		return queue_answer(ex);
	if (ex->broken)
		return MHD_NO;
	suspend(ex);
	return MHD_YES;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode code)
{
	struct server *s = cls;
	struct exchange *ex = *con_cls;
	struct client *c = client_of(s, connection);
	if (ex == NULL)
		return;
	if (c) {
		c->ex = NULL;
		expect_head(s, c, s->w->settings->limits.idle_ms);
	}
	*con_cls = NULL;
	exchange_close(ex, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
}

/* --- the daemon
 * ------------------------------------------------------------------------------------------------------------
 */

/* A bound socket, or -1 with errno. */
static int bind_socket(const struct addrinfo *at, bool shared)
{
	int one = 1, fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
	    (!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) == 0) &&
	    bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, LISTEN_BACKLOG) == 0)
		return fd;
	int why = errno;
	if (fd >= 0)
		close(fd);
	errno = why;
	return -1;
}

static struct addrinfo *address_of(slice host, int port, struct error *e)
{
	char name[256], service[16];
	snprintf(name, sizeof name, SLICE_FMT, SLICE_ARG(host));
	snprintf(service, sizeof service, "%d", port);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
	                *found = NULL;
	int r = getaddrinfo(name, service, &hints, &found);
	if (r == 0)
		return found;
	error_set(e, ERR_IO, "cannot listen on %s: %s", name, gai_strerror(r));
	return NULL;
}

static int listen_error(struct error *e, int why, slice host, int port)
{
	if (why == EADDRINUSE)
		return error_set(
		    e, ERR_BUSY,
		    "cannot listen on " SLICE_FMT
		    ":%d: something listens there already, maybe another `weir serve`; stop it, or "
		    "choose another port under `listen:` or `console:`",
		    SLICE_ARG(host), port);
	const char *mend = why == EADDRNOTAVAIL ? "it is no address of this machine: write one that is"
	                   : why == EACCES      ? "ports below 1024 need root's rights: choose another"
	                                        : "choose another address";
	return error_set(e, ERR_IO,
	                 "cannot listen on " SLICE_FMT ":%d (%s): %s under `listen:` or `console:`",
	                 SLICE_ARG(host), port, strerror(why), mend);
}

int server_port_free(slice host, int port, struct error *e)
{
	struct addrinfo *at = port ? address_of(host, port, e) : NULL;
	if (at == NULL)
		return port ? ERR_IO : 0;
	int fd = bind_socket(at, false), why = errno;
	freeaddrinfo(at);
	if (fd < 0)
		return listen_error(e, why, host, port);
	close(fd);
	return 0;
}

int server_listen(slice host, int port, int *bound_port, struct error *e)
{
	struct addrinfo *at = address_of(host, port, e);
	if (at == NULL)
		return -1;
	int fd = bind_socket(at, true), why = errno;
	freeaddrinfo(at);
	if (fd < 0) {
		listen_error(e, why, host, port);
		return -1;
	}
	struct sockaddr_storage bound;
	socklen_t n = sizeof bound;
	char digits[16];
	long long number = port;
	if (getsockname(fd, (struct sockaddr *)&bound, &n) == 0 &&
	    getnameinfo((struct sockaddr *)&bound, n, NULL, 0, digits, sizeof digits, NI_NUMERICSERV) == 0)
		(void)slice_to_i64(slice_of(digits), &number);
	*bound_port = (int)number;
	return fd;
}

static void mhd_log(void *cls, const char *format, va_list ap)
{
	struct server *s = cls;
	char text[256];
	vsnprintf(text, sizeof text, format, ap);
	log_event(s->w->shared->log, LOG_DEBUG, "server", LOG_S("message", slice_trim(slice_of(text))));
}

static struct MHD_Daemon *start_daemon(struct server *s, int listen_fd)
{
	const struct limits *l = &s->w->settings->limits;
	s->open_most = (unsigned)(l->connections / s->w->settings->workers + 1);
	unsigned idle_s = (unsigned)((l->idle_ms > l->body_ms ? l->idle_ms : l->body_ms) / 1000 + 1);
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK |
	                 MHD_USE_ERROR_LOG | (tls_on(&s->tls) ? MHD_USE_TLS : 0);
	size_t pool = l->header_bytes > POOL_BYTES ? (size_t)l->header_bytes : POOL_BYTES;
	struct MHD_OptionItem tls[TLS_OPTIONS];
	tls_options(&s->tls, tls);
	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, mhd_log, s,
	                        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
	                        s->open_most, MHD_OPTION_CONNECTION_MEMORY_LIMIT, pool,
	                        MHD_OPTION_CONNECTION_TIMEOUT, idle_s, MHD_OPTION_NOTIFY_CONNECTION,
	                        on_connection, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
	                        MHD_OPTION_URI_LOG_CALLBACK, on_uri, s, MHD_OPTION_STRICT_FOR_CLIENT, 1,
	                        MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

struct server *server_new(struct worker *w, int listen_fd, struct error *e)
{
	struct server *s = calloc(1, sizeof *s);
	if (s == NULL)
		return error_set(e, ERR_NOMEM, "out of memory"), NULL;
	s->w = w;
	w->server = s;
	if (tls_read(&s->tls, &w->settings->listen, e) == 0) {
		s->daemon = start_daemon(s, listen_fd);
		if (s->daemon == NULL)
			error_set(e, ERR_IO,
			          tls_on(&s->tls)
			              ? "the server did not start: are certificate and key a valid pair?"
			              : "the server did not start");
	}
	if (s->daemon == NULL) {
		server_free(s);
		return NULL;
	}
	s->mhd_epoll = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = event_tag(EVENT_SERVER, 0, 0)};
	epoll_ctl(w->epoll, EPOLL_CTL_ADD, s->mhd_epoll, &ev);
	return s;
}

void server_free(struct server *s)
{
	if (s->daemon)
		MHD_stop_daemon(s->daemon);
	tls_release(&s->tls);
	s->w->server = NULL;
	free(s->clients);
	free(s);
}

void server_quiesce(struct server *s)
{
	if (s->quiesced)
		return;
	s->quiesced = true;
	int fd = MHD_quiesce_daemon(s->daemon);
	if (fd >= 0)
		close(fd);
}

void server_event(struct server *s)
{
	s->run = true;
}

void server_turn(struct server *s)
{
	MHD_UNSIGNED_LONG_LONG due;
	/* A connection may have become ready again while the others were served; a few rounds, then the rest
	 * of the loop has its turn. */
	for (int round = 0; round < 4; round++) {
		if (!s->run && !(MHD_get_timeout(s->daemon, &due) == MHD_YES && due == 0))
			return;
		s->run = false;
		MHD_run(s->daemon);
	}
}

int server_timeout_ms(struct server *s)
{
	MHD_UNSIGNED_LONG_LONG due;
	if (s->run)
		return 0;
	if (MHD_get_timeout(s->daemon, &due) != MHD_YES)
		return -1;
	return due > 1000 ? 1000 : (int)due;
}

/* The library reads no further when a client's last bytes came together with its close, and would wait for
 * the rest of the request until a time limit passes. */
static bool waits_in_vain(struct client *c)
{
	bool before = c->overdue;
	c->overdue = c->gone && (c->ex == NULL || c->ex->state <= EX_READING || c->ex->discarding);
	return before && c->overdue;
}

void server_tick(struct server *s, int64_t now_us)
{
	bool draining = atomic_load_explicit(&s->w->shared->draining, memory_order_relaxed);
	for (unsigned i = 0; i < s->clients_n; i++) {
		struct client *c = &s->clients[i];
		if (c->fd < 0)
			continue;
		bool late = (c->deadline_us && now_us > c->deadline_us) || waits_in_vain(c);
		/* A body may pause for limits.body_timeout at a time, but not trickle in for ever. */
		if (c->ex && c->ex->state == EX_READING)
			late |=
			    now_us - c->ex->arrived_us > s->w->settings->limits.body_ms * BODY_PAUSES * 1000;
		if (late || (draining && c->ex == NULL))
			shutdown(c->fd, SHUT_RDWR);
	}
}
