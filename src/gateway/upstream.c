/* One multi handle a worker. Easy handles are kept and used again: what never changes is set once, what a
 * call needs is set for it. CURL_POLL_* is followed exactly (an idle descriptor left registered would spin).
 * HTTP/1.1 by default: HTTP/2 of this libcurl stalls paused streams, and fails when a server answers before
 * it has read the body. */
#include "gateway/upstream.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define IDLE_HANDLES_MAX 256
#define HEADERS_MAX      96
#define HEAD_BYTES_MAX   (64 * 1024)
#define STREAM_BUFFER    (4L * 1024)
#define WHOLE_BUFFER     (32L * 1024)
#define CONNECTIONS_KEPT 512L

struct upstream_call {
	CURL *easy; /* owned */
	struct upstream *u;
	const struct upstream_handler *handler;
	void *arg;
	long buffer_size;
	const struct provider *set_for; /* whose options the handle has, of the settings of that generation */
	unsigned set_generation;
	size_t body_n; /* bytes to be sent */
	bool paused, head_done;
	bool out;               /* the request is being written, or was */
	bool again;             /* for the second time: the first broke before all of it was out */
	bool inside, cancelled; /* a handler runs; it has cancelled the call, which libcurl must be told by
	                           its return value */
	int status;
	size_t headers_n;
	struct arena head;      /* the answer's header lines */
	struct header *headers; /* of HEADERS_MAX, in head */
	char error[CURL_ERROR_SIZE];
	struct upstream_call *next; /* in the list of idle ones */
};

struct upstream {
	struct worker *w;
	CURLM *multi;               /* owned */
	int64_t due_us;             /* -1: no timer */
	struct upstream_call *idle; /* owned */
	size_t idle_n;
	bool environment_proxy; /* HTTP_PROXY and its kin are set; else libcurl need not look for them at each
	                           call */
};

/* --- libcurl's callbacks
 * --------------------------------------------------------------------------------------------- */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *userp, void *socketp)
{
	(void)easy;
	struct upstream *u = userp;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(u->w->epoll, EPOLL_CTL_DEL, fd, NULL);
		curl_multi_assign(u->multi, fd, NULL);
		return 0;
	}
	struct epoll_event ev = {.events = (what & CURL_POLL_IN ? EPOLLIN : 0) |
	                                   (what & CURL_POLL_OUT ? EPOLLOUT : 0),
	                         .data.u64 = event_tag(EVENT_UPSTREAM, 0, (unsigned)fd)};
	int op = socketp ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	if (epoll_ctl(u->w->epoll, op, fd, &ev) != 0)
		epoll_ctl(u->w->epoll, op == EPOLL_CTL_ADD ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev);
	if (socketp == NULL)
		curl_multi_assign(u->multi, fd, u);
	return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *userp)
{
	(void)multi;
	struct upstream *u = userp;
	u->due_us = timeout_ms < 0 ? -1 : clock_mono_us(u->w->shared->clock) + timeout_ms * 1000;
	return 0;
}

static int on_prereq(void *userp, char *conn_primary_ip, char *conn_local_ip, int primary_port,
                     int local_port)
{
	(void)conn_primary_ip, (void)conn_local_ip, (void)primary_port, (void)local_port;
	struct upstream_call *c = userp;
	/* libcurl sends once more when a kept connection ends without an answer. The provider may have had
	 * all of the request by then, and bills each: the client decides, by a call that is booked. */
	if (c->out && c->body_n)
		return CURL_PREREQFUNC_ABORT;
	c->out = true;
	c->handler->on_leave(c->arg);
	return CURL_PREREQFUNC_OK;
}

static void start_head(struct upstream_call *c, slice line)
{
	arena_reset(&c->head);
	c->headers_n = 0;
	c->headers = arena_alloc(&c->head, sizeof *c->headers * HEADERS_MAX);
	ptrdiff_t space = slice_find_char(line, ' ');
	long long status = 0;
	if (space > 0 && slice_to_i64(slice_sub(line, (size_t)space + 1, (size_t)space + 4), &status))
		c->status = (int)status;
}

static bool add_header(struct upstream_call *c, slice line)
{
	ptrdiff_t colon = slice_find_char(line, ':');
	if (colon <= 0)
		return true; /* libcurl has let it through; it is not passed on */
	slice copy = arena_copy(&c->head, line);
	if (copy.p == NULL || c->headers == NULL || c->headers_n == HEADERS_MAX)
		return false;
	c->headers[c->headers_n++] = (struct header){slice_sub(copy, 0, (size_t)colon),
	                                             slice_trim(slice_sub(copy, (size_t)colon + 1, copy.n))};
	return true;
}

bool upstream_body_sent(const struct upstream_call *c)
{
	curl_off_t sent = 0;
	return curl_easy_getinfo(c->easy, CURLINFO_SIZE_UPLOAD_T, &sent) == CURLE_OK &&
	       sent >= (curl_off_t)c->body_n;
}

static size_t on_header(char *p, size_t size, size_t n, void *userp)
{
	struct upstream_call *c = userp;
	slice line = slice_trim(slice_make(p, size * n));
	if (c->head_done) /* trailers */
		return size * n;
	if (slice_starts(line, SLICE("HTTP/")) && c->headers_n == 0) {
		start_head(c, line);
	} else if (line.n) {
		if (!add_header(c, line))
			return 0;
	} else if (c->status >= 200) {
		c->head_done = true;
		struct headers h = {c->headers, c->headers_n};
		curl_easy_setopt(c->easy, CURLOPT_UPLOAD_BUFFERSIZE,
		                 64L * 1024); /* gives the upload buffer back */
		c->inside = true;
		c->handler->on_head(c->arg, c->status, &h);
		c->inside = false;
		arena_release(&c->head); /* nothing of it is needed while the body streams */
		arena_init(&c->head, HEAD_BYTES_MAX);
	} else {
		c->headers_n = 0;
	}
	return c->cancelled ? 0 : size * n;
}

static size_t on_write(char *p, size_t size, size_t n, void *userp)
{
	struct upstream_call *c = userp;
	if (c->cancelled)
		return CURL_WRITEFUNC_ERROR;
	c->inside = true;
	bool taken = c->handler->on_body(c->arg, slice_make(p, size * n));
	c->inside = false;
	if (c->cancelled)
		return CURL_WRITEFUNC_ERROR;
	if (!taken) {
		c->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	return size * n;
}

/* --- handles
 * -----------------------------------------------------------------------------------------------------------
 */

static void set_constants(struct upstream_call *c)
{
	CURL *e = c->easy;
	curl_easy_setopt(e, CURLOPT_PRIVATE, c);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->error);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_prereq);
	curl_easy_setopt(e, CURLOPT_PREREQDATA, c);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_CAPATH, "/etc/ssl/certs");
	/* Whatever coding comes is decoded, so that nothing passes unread; the header list asks for identity
	 * all the same. */
	curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "");
}

static struct upstream_call *take_handle(struct upstream *u)
{
	struct upstream_call *c = u->idle;
	if (c) {
		u->idle = c->next;
		u->idle_n--;
		return c;
	}
	c = calloc(1, sizeof *c);
	if (c == NULL)
		return NULL;
	c->easy = curl_easy_init();
	if (c->easy == NULL) {
		free(c);
		return NULL;
	}
	c->u = u;
	arena_init(&c->head, HEAD_BYTES_MAX);
	set_constants(c);
	return c;
}

static void free_handle(struct upstream_call *c)
{
	curl_easy_cleanup(c->easy);
	arena_release(&c->head);
	free(c);
}

static void give_handle(struct upstream_call *c)
{
	struct upstream *u = c->u;
	curl_multi_remove_handle(u->multi, c->easy);
	curl_easy_setopt(c->easy, CURLOPT_FORBID_REUSE, 0L);
	curl_easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, 0L);
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, NULL);
	c->cancelled = false;
	arena_release(&c->head);
	arena_init(&c->head, HEAD_BYTES_MAX);
	if (u->idle_n >= IDLE_HANDLES_MAX) {
		free_handle(c);
		return;
	}
	c->next = u->idle;
	u->idle = c;
	u->idle_n++;
}

static bool has_environment_proxy(void)
{
	static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
	                                    "ALL_PROXY"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (getenv(names[i]))
			return true;
	return false;
}

struct upstream *upstream_new(struct worker *w)
{
	struct upstream *u = calloc(1, sizeof *u);
	if (u == NULL)
		return NULL;
	u->w = w;
	u->due_us = -1;
	u->environment_proxy = has_environment_proxy();
	u->multi = curl_multi_init();
	if (u->multi == NULL) {
		free(u);
		return NULL;
	}
	curl_multi_setopt(u->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(u->multi, CURLMOPT_SOCKETDATA, u);
	curl_multi_setopt(u->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(u->multi, CURLMOPT_TIMERDATA, u);
	curl_multi_setopt(u->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
	/* One call at a time on a connection, by HTTP/2 too: this libcurl reads nothing more of a connection
	 * when one of its streams is paused, so that a slow client would hold up the others, and spins on it.
	 */
	curl_multi_setopt(u->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	return u;
}

void upstream_free(struct upstream *u)
{
	if (u == NULL)
		return;
	while (u->idle) {
		struct upstream_call *c = u->idle;
		u->idle = c->next;
		free_handle(c);
	}
	curl_multi_cleanup(u->multi);
	free(u);
}

/* --- a call
 * ----------------------------------------------------------------------------------------------------------------
 */

static struct curl_slist *add_line(struct arena *mem, struct curl_slist ***tail, slice line)
{
	struct curl_slist *node = arena_alloc(mem, sizeof *node);
	if (node == NULL || line.p == NULL)
		return NULL;
	*node = (struct curl_slist){(char *)(uintptr_t)line.p, NULL};
	**tail = node;
	*tail = &node->next;
	return node;
}

static bool has_header(const struct headers *h, slice name)
{
	return headers_get(h, name).p != NULL;
}

static slice header_line(struct arena *mem, const struct header *h)
{
	size_t colon = h->name.n, n = colon + (h->value.n ? 2 + h->value.n : 1);
	char *line = arena_alloc(mem, n + 1);
	if (line == NULL)
		return SLICE_NONE;
	memcpy(line, h->name.p, colon);
	line[colon] = h->value.n ? ':' : ';';
	if (h->value.n) {
		line[colon + 1] = ' ';
		memcpy(line + colon + 2, h->value.p, h->value.n);
	}
	line[n] = '\0';
	return slice_make(line, n);
}

/* A list in the arena: libcurl only reads it. Lines that end in ':' take libcurl's own header away; ';' sends
 * one with no value. */
static struct curl_slist *header_list(const struct upstream_request *r, struct arena *mem)
{
	struct curl_slist *first = NULL, **tail = &first;
	if (!add_line(mem, &tail, SLICE("Accept-Encoding: identity")) ||
	    !add_line(mem, &tail, SLICE("Expect:")))
		return NULL;
	if (!has_header(r->headers, SLICE("accept")) && !add_line(mem, &tail, SLICE("Accept:")))
		return NULL;
	if (!has_header(r->headers, SLICE("content-type")) && !add_line(mem, &tail, SLICE("Content-Type:")))
		return NULL;
	for (size_t i = 0; i < r->headers->n; i++) {
		const struct header *h = &r->headers->at[i];
		if (!add_line(mem, &tail, header_line(mem, h)))
			return NULL;
	}
	return first;
}

static void set_method(struct upstream_call *c, const struct upstream_request *r)
{
	CURL *e = c->easy;
	bool get = slice_eq(r->method, SLICE("GET")), head = slice_eq(r->method, SLICE("HEAD"));
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, NULL);
	curl_easy_setopt(e, CURLOPT_NOBODY, 0L);
	if (get || head) {
		curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
		if (head)
			curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
		return;
	}
	curl_easy_setopt(e, CURLOPT_POST, 1L);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, r->body.n ? r->body.p : "");
	if (!slice_eq(r->method, SLICE("POST"))) {
		char method[32];
		snprintf(method, sizeof method, SLICE_FMT, SLICE_ARG(r->method));
		curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, method);
	}
}

static const char *text_or_null(struct arena *mem, slice s)
{
	return s.n ? arena_copy(mem, s).p : NULL;
}

static void set_provider(struct upstream_call *c, const struct provider *p, struct arena *mem)
{
	CURL *e = c->easy;
	if (c->set_for == p && c->set_generation == c->u->w->generation)
		return;
	c->set_for = p;
	c->set_generation = c->u->w->generation;
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)p->connect_ms);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
	                 p->http2 ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_PROXY,
	                 p->proxy.n || c->u->environment_proxy ? text_or_null(mem, p->proxy) : "");
	/* NO_PROXY goes with the environment's proxies; one of the settings is meant. */
	curl_easy_setopt(e, CURLOPT_NOPROXY, p->proxy.n ? "" : NULL);
	if (p->ca_file.n)
		curl_easy_setopt(e, CURLOPT_CAINFO, text_or_null(mem, p->ca_file));
	else
		curl_easy_setopt(e, CURLOPT_CAINFO, NULL);
}

struct upstream_call *upstream_start(struct upstream *u, const struct upstream_request *r, struct arena *mem,
                                     const struct upstream_handler *handler, void *arg)
{
	struct upstream_call *c = take_handle(u);
	if (c == NULL)
		return NULL;
	c->handler = handler;
	c->arg = arg;
	c->paused = c->head_done = c->out = c->again = false;
	c->status = 0;
	c->headers_n = 0;
	c->body_n = r->body.n;
	c->error[0] = '\0';
	struct curl_slist *list = header_list(r, mem);
	long size = r->stream ? STREAM_BUFFER : WHOLE_BUFFER;
	if (c->buffer_size != size)
		curl_easy_setopt(c->easy, CURLOPT_BUFFERSIZE, size);
	c->buffer_size = size;
	set_method(c, r);
	set_provider(c, r->provider, mem);
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, list);
	if (list == NULL || curl_easy_setopt(c->easy, CURLOPT_URL, r->url.p) != CURLE_OK ||
	    curl_multi_add_handle(u->multi, c->easy) != CURLM_OK) {
		give_handle(c);
		return NULL;
	}
	return c;
}

void upstream_resume(struct upstream_call *c)
{
	if (!c->paused)
		return;
	c->paused = false;
	curl_easy_pause(c->easy, CURLPAUSE_CONT); /* may run handlers */
	if (c->cancelled)
		give_handle(c);
}

void upstream_cancel(struct upstream_call *c)
{
	/* The connection goes with it. By HTTP/2 libcurl would keep it and reset the stream, which this one
	 * does not manage when the stream is paused: the provider would be left hanging. */
	curl_easy_setopt(c->easy, CURLOPT_FORBID_REUSE, 1L);
	if (c->inside)
		c->cancelled = true;
	else
		give_handle(c);
}

static enum upstream_end end_of(const struct upstream_call *c, CURLcode code)
{
	if (code == CURLE_OK) /* libcurl takes half a head for an answer with no body */
		return c->head_done ? UPSTREAM_COMPLETE : UPSTREAM_LOST;
	switch ((int)code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_PROXY:
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return UPSTREAM_UNREACHABLE;
	default:
		return c->out ? UPSTREAM_LOST : UPSTREAM_UNREACHABLE;
	}
}

/* A provider that answers before it has read the body, and closes, may break the connection while the rest is
 * being written, and libcurl does not read the answer then. It cannot have run a request that it does not
 * have: sent once more, the answer is met. */
static bool send_again(struct upstream_call *c, CURLcode code)
{
	if ((code != CURLE_SEND_ERROR && code != CURLE_RECV_ERROR) || c->again || c->status ||
	    upstream_body_sent(c))
		return false;
	c->again = true;
	c->out = false;
	c->error[0] = '\0';
	curl_multi_remove_handle(c->u->multi, c->easy);
	curl_easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, 1L);
	return curl_multi_add_handle(c->u->multi, c->easy) == CURLM_OK;
}

static const char *reason(const struct upstream_call *c, CURLcode code)
{
	if (code == CURLE_OK)
		return "the connection ended in the head of its answer";
	if (code == CURLE_ABORTED_BY_CALLBACK)
		return "it closed the connection without an answer";
	return c->error[0] ? c->error : curl_easy_strerror(code);
}

static void reap(struct upstream *u)
{
	int left;
	CURLMsg *msg;
	while ((msg = curl_multi_info_read(u->multi, &left)) != NULL) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		struct upstream_call *c = NULL;
		CURLcode code = msg->data.result;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&c);
		if (c->cancelled) {
			give_handle(c);
			continue;
		}
		if (send_again(c, code))
			continue;
		char message[CURL_ERROR_SIZE];
		snprintf(message, sizeof message, "%s", reason(c, code));
		enum upstream_end end = end_of(c, code);
		const struct upstream_handler *handler = c->handler;
		void *arg = c->arg;
		give_handle(c);
		handler->on_end(arg, end, end == UPSTREAM_COMPLETE ? NULL : message);
	}
}

void upstream_event(struct upstream *u, int fd, unsigned events)
{
	int mask = (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
	           (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
	int running;
	curl_multi_socket_action(u->multi, fd, mask, &running);
}

int64_t upstream_timeout_us(const struct upstream *u)
{
	return u->due_us;
}

void upstream_turn(struct upstream *u)
{
	int running;
	if (u->due_us >= 0 && clock_mono_us(u->w->shared->clock) >= u->due_us) {
		u->due_us = -1;
		curl_multi_socket_action(u->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	reap(u);
}
