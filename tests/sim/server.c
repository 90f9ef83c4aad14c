#include "server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "books.h"
#include "replay.h"
#include "script.h"
#include "tls.h"

#define READ_SIZE  (256u * 1024u)
#define MAX_EVENTS 256
#define KEEP_BUF   (16u * 1024u)   /* larger buffers are given back between requests, */
#define KEEP_BIG   (1024u * 1024u) /* but with few connections only these */
#define FEW_CONNS  128
#define BENCH_HEAD 4096
#define BENCH_TAIL 1024

struct loop {
	const struct options *options;
	int epoll, listener;
	void *tls_context;
	struct conn **heap; /* 1-based, by due */
	size_t heap_len, heap_cap;
	struct conn **all; /* by descriptor */
	size_t all_cap, live;
	struct conn *free_list[64];
	size_t nfree;
	struct conn *dead; /* closed in this round; reused after it */
	char *scratch;
};

static int stop_event = -1;

const struct options *conn_options(const struct conn *c)
{
	return c->loop->options;
}

static void heap_set(struct loop *l, size_t i, struct conn *c)
{
	l->heap[i] = c;
	c->heap_at = i;
}

static void heap_up(struct loop *l, size_t i)
{
	struct conn *c = l->heap[i];

	for (; i > 1 && l->heap[i / 2]->due > c->due; i /= 2)
		heap_set(l, i, l->heap[i / 2]);
	heap_set(l, i, c);
}

static void heap_down(struct loop *l, size_t i)
{
	struct conn *c = l->heap[i];

	for (size_t k; (k = i * 2) <= l->heap_len; i = k) {
		if (k < l->heap_len && l->heap[k + 1]->due < l->heap[k]->due)
			k++;
		if (l->heap[k]->due >= c->due)
			break;
		heap_set(l, i, l->heap[k]);
	}
	heap_set(l, i, c);
}

static void heap_remove(struct loop *l, struct conn *c)
{
	size_t i = c->heap_at;
	struct conn *last;

	if (!i)
		return;
	last = l->heap[l->heap_len--];
	c->heap_at = 0;
	if (last == c)
		return;
	heap_set(l, i, last);
	heap_up(l, i);
	heap_down(l, last->heap_at);
}

void conn_timer(struct conn *c, uint64_t due)
{
	struct loop *l = c->loop;

	heap_remove(l, c);
	c->due = due;
	if (!due)
		return;
	if (l->heap_len + 2 > l->heap_cap) {
		l->heap_cap = l->heap_cap ? l->heap_cap * 2 : 256;
		l->heap = realloc(l->heap, l->heap_cap * sizeof *l->heap);
		if (!l->heap)
			sim_die("out of memory");
	}
	heap_set(l, ++l->heap_len, c);
	heap_up(l, l->heap_len);
}

static void conn_close(struct conn *c)
{
	struct loop *l = c->loop;

	if (c->state == CONN_DEAD)
		return;
	if (c->call.active)
		serve_gone(c);
	conn_timer(c, 0);
	if (c->tls)
		tls_free(c->tls);
	l->all[c->fd] = NULL;
	l->live--;
	close(c->fd);
	buf_free(&c->in);
	buf_free(&c->head);
	buf_free(&c->body);
	buf_free(&c->out);
	c->state = CONN_DEAD;
	c->next_dead = l->dead;
	l->dead = c;
}

void conn_reset(struct conn *c)
{
	struct linger hard = {.l_onoff = 1, .l_linger = 0};

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	c->close_after = true;
}

bool conn_flush(struct conn *c)
{
	while (c->out_at < c->out.len) {
		size_t left = c->out.len - c->out_at;
		ssize_t n = c->tls ? tls_write(c->tls, c->out.p + c->out_at, left)
		                   : send(c->fd, c->out.p + c->out_at, left, MSG_NOSIGNAL);

		if (n > 0) {
			c->out_at += (size_t)n;
			c->call.wire_bytes += n;
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else {
			if (errno != EAGAIN)
				c->peer_gone = true;
			return false;
		}
	}
	c->out.len = c->out_at = 0;
	return true;
}

static void trim(const struct loop *l, struct buf *b)
{
	if (b->cap > (l->live <= FEW_CONNS ? KEEP_BIG : KEEP_BUF))
		buf_free(b);
	b->len = 0;
}

static void next_request(struct conn *c)
{
	c->state = CONN_HEAD;
	trim(c->loop, &c->head);
	trim(c->loop, &c->body);
	trim(c->loop, &c->out);
	c->out_at = 0;
	conn_timer(c, 0);
}

/* Goes on with the answer; true: the connection is ready for the next request. */
static bool answer(struct conn *c)
{
	if (!serve_pump(c)) {
		if (c->peer_gone)
			conn_close(c);
		return false;
	}
	if (c->close_after || c->peer_gone) {
		conn_close(c);
		return false;
	}
	next_request(c);
	return true;
}

/* Bench mode keeps the first and the last bytes of a body and counts the rest. */
static void body_add(struct conn *c, const char *p, size_t n)
{
	size_t keep = BENCH_HEAD + BENCH_TAIL;

	c->body_seen += (int64_t)n;
	if (!c->bench_body || c->body.len + n <= keep) {
		buf_add(&c->body, p, n);
		return;
	}
	if (c->body.len < BENCH_HEAD) {
		size_t take = BENCH_HEAD - c->body.len < n ? BENCH_HEAD - c->body.len : n;

		buf_add(&c->body, p, take);
		p += take;
		n -= take;
	}
	if (n >= BENCH_TAIL) {
		c->body.len = BENCH_HEAD;
		buf_add(&c->body, p + n - BENCH_TAIL, BENCH_TAIL);
		return;
	}
	buf_add(&c->body, p, n);
	if (c->body.len > keep) {
		memmove(c->body.p + BENCH_HEAD, c->body.p + c->body.len - BENCH_TAIL, BENCH_TAIL);
		c->body.len = keep;
	}
}

static void refuse(struct conn *c, int status)
{
	c->out.len = c->out_at = 0;
	buf_fmt(&c->out, "HTTP/1.1 %d %s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", status,
	        http_reason(status));
	conn_flush(c);
	conn_close(c);
}

/* A head at the start of p. Returns bytes used; 0: more needed or the connection is gone. */
static size_t take_head(struct conn *c, const char *p, size_t n)
{
	long used = http_parse_head(p, n, &c->req);

	if (used < 0) {
		refuse(c, (int)-used);
		return 0;
	}
	if (!used)
		return 0;
	c->head.len = 0;
	buf_add(&c->head, p, (size_t)used);
	if (http_parse_head(c->head.p, c->head.len, &c->req) != used)
		sim_die("a head parsed twice differs");
	c->body_seen = 0;
	c->chunked = (struct chunked){0};
	c->bench_body = c->loop->options->bench && !c->req.chunked;
	if (c->req.content_length > c->loop->options->max_body) {
		refuse(c, 413);
		return 0;
	}
	if (!serve_head(c)) {
		conn_flush(c);
		shutdown(c->fd, SHUT_WR); /* let the answer arrive although the body is unread */
		conn_close(c);
		return 0;
	}
	if (c->req.expect && (c->req.chunked || c->req.content_length > 0)) {
		BUF_LIT(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
		conn_flush(c);
	}
	c->state = CONN_BODY;
	return (size_t)used;
}

/* Body bytes at p. Returns bytes used; `whole` tells whether the body is there. */
static size_t take_body(struct conn *c, const char *p, size_t n, bool *whole)
{
	if (c->req.chunked) {
		long used = chunked_feed(&c->chunked, p, n, &c->body);

		if (used < 0 || (int64_t)c->body.len > c->loop->options->max_body) {
			refuse(c, used < 0 ? 400 : 413);
			return 0;
		}
		c->body_seen = (int64_t)c->body.len;
		*whole = chunked_done(&c->chunked);
		return (size_t)used;
	}
	if (c->req.content_length > 0) {
		int64_t want = c->req.content_length - c->body_seen;
		size_t take = (int64_t)n < want ? n : (size_t)want;

		body_add(c, p, take);
		*whole = c->body_seen == c->req.content_length;
		return take;
	}
	*whole = true;
	return 0;
}

/* Uses up bytes until more are needed, an answer is under way, or the connection is gone. */
static size_t use_bytes(struct conn *c, const char *p, size_t n)
{
	size_t at = 0;

	for (;;) {
		bool whole = false;

		if (c->state == CONN_HEAD) {
			size_t used = at < n ? take_head(c, p + at, n - at) : 0;

			if (!used)
				return at;
			at += used;
		}
		if (c->state == CONN_BODY) {
			at += take_body(c, p + at, n - at, &whole);
			if (c->state == CONN_DEAD || !whole)
				return at;
			c->state = CONN_ANSWER;
			serve_request(c);
			if (!answer(c))
				return at;
			continue;
		}
		return at;
	}
}

static void feed(struct conn *c, const char *p, size_t n)
{
	size_t used;

	if (c->in.len) {
		buf_add(&c->in, p, n);
		used = use_bytes(c, c->in.p, c->in.len);
		if (c->state != CONN_DEAD)
			buf_consume(&c->in, used);
		if (c->state != CONN_DEAD && !c->in.len)
			trim(c->loop, &c->in);
		return;
	}
	used = use_bytes(c, p, n);
	if (c->state != CONN_DEAD && used < n)
		buf_add(&c->in, p + used, n - used);
}

static void read_more(struct conn *c)
{
	if (c->in.len)
		feed(c, "", 0);
	while (c->state != CONN_DEAD && c->state != CONN_ANSWER && c->readable) {
		ssize_t n = c->tls ? tls_read(c->tls, c->loop->scratch, READ_SIZE)
		                   : recv(c->fd, c->loop->scratch, READ_SIZE, 0);

		if (n > 0) {
			if (!c->tls && n < (ssize_t)READ_SIZE && !c->peer_gone)
				c->readable = false;
			feed(c, c->loop->scratch, (size_t)n);
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else if (n < 0 && errno == EAGAIN) {
			c->readable = false;
		} else {
			conn_close(c);
		}
	}
}

static struct conn *conn_new(struct loop *l, int fd)
{
	struct conn *c = l->nfree ? l->free_list[--l->nfree] : sim_alloc(sizeof *c);

	memset(c, 0, offsetof(struct conn, req));
	c->due = 0;
	c->heap_at = 0;
	c->call.active = false;
	c->fd = fd;
	c->loop = l;
	if ((size_t)fd >= l->all_cap) {
		size_t cap = (size_t)fd * 2 + 64;

		l->all = realloc(l->all, cap * sizeof *l->all);
		if (!l->all)
			sim_die("out of memory");
		memset(l->all + l->all_cap, 0, (cap - l->all_cap) * sizeof *l->all);
		l->all_cap = cap;
	}
	l->all[fd] = c;
	l->live++;
	return c;
}

static void accept_all(struct loop *l)
{
	int one = 1;

	for (;;) {
		int fd = accept4(l->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
		struct conn *c;

		if (fd < 0)
			return;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		c = conn_new(l, fd);
		if (l->tls_context)
			c->tls = tls_accept(l->tls_context, fd);
		ev.data.ptr = c;
		if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev))
			conn_close(c);
	}
}

static void conn_event(struct conn *c, uint32_t events)
{
	if (c->state == CONN_DEAD)
		return;
	if (events & EPOLLIN || c->tls)
		c->readable = true;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		c->peer_gone = c->readable = true;
		if (c->state == CONN_ANSWER) {
			conn_close(c);
			return;
		}
	}
	if (c->state == CONN_ANSWER && (events & EPOLLOUT || c->tls))
		answer(c);
	if (c->state != CONN_DEAD && c->state != CONN_ANSWER)
		read_more(c);
}

static void run_timers(struct loop *l)
{
	uint64_t now = now_ns();

	while (l->heap_len && l->heap[1]->due <= now) {
		struct conn *c = l->heap[1];

		conn_timer(c, 0);
		if (c->state == CONN_ANSWER && answer(c))
			read_more(c);
	}
}

static void bury(struct loop *l)
{
	while (l->dead) {
		struct conn *c = l->dead;

		l->dead = c->next_dead;
		if (l->nfree < sizeof l->free_list / sizeof *l->free_list)
			l->free_list[l->nfree++] = c;
		else
			free(c);
	}
}

static int wait_events(struct loop *l, struct epoll_event *evs)
{
	struct timespec t, *wait = NULL;

	if (l->heap_len) {
		uint64_t now = now_ns(), due = l->heap[1]->due, d = due > now ? due - now : 0;

		t = (struct timespec){.tv_sec = (time_t)(d / 1000000000u),
		                      .tv_nsec = (long)(d % 1000000000u)};
		wait = &t;
	}
	return epoll_pwait2(l->epoll, evs, MAX_EVENTS, wait, NULL);
}

/* What is under way is booked as cut; then everything is given back. */
static void loop_end(struct loop *l)
{
	for (size_t i = 0; i < l->all_cap; i++) {
		if (!l->all[i])
			continue;
		if (l->all[i]->call.active)
			serve_shutdown(l->all[i]);
		conn_close(l->all[i]);
	}
	bury(l);
	while (l->nfree)
		free(l->free_list[--l->nfree]);
	free(l->all);
	free(l->heap);
	free(l->scratch);
	close(l->epoll);
	close(l->listener);
}

static void *loop_run(void *arg)
{
	struct loop *l = arg;
	struct epoll_event evs[MAX_EVENTS];
	bool stop = false;

	while (!stop) {
		int n = wait_events(l, evs);

		if (n < 0 && errno != EINTR)
			sim_die("epoll_pwait2: %s", strerror(errno));
		for (int i = 0; i < n; i++) {
			if (evs[i].data.ptr == l)
				accept_all(l);
			else if (evs[i].data.ptr == &stop_event)
				stop = true;
			else
				conn_event(evs[i].data.ptr, evs[i].events);
		}
		run_timers(l);
		bury(l);
	}
	loop_end(l);
	return NULL;
}

static void loop_init(struct loop *l, const struct options *o, int listener, void *tls_context)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = l};

	*l = (struct loop){.options = o, .listener = listener, .tls_context = tls_context};
	l->scratch = sim_alloc(READ_SIZE);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(l->epoll, EPOLL_CTL_ADD, listener, &ev);
	ev.data.ptr = &stop_event;
	epoll_ctl(l->epoll, EPOLL_CTL_ADD, stop_event, &ev);
}

static void on_signal(int sig)
{
	uint64_t one = 1;

	(void)sig;
	if (write(stop_event, &one, sizeof one) < 0)
		_exit(1);
}

static void raise_limits(void)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
	sigaction(SIGPIPE, &ignore, NULL);
	prctl(PR_SET_TIMERSLACK, 1000UL); /* paced events go out when they are due */
}

int server_run(const struct options *o)
{
	struct loop *loops = sim_alloc((size_t)o->threads * sizeof *loops);
	pthread_t *threads = sim_alloc((size_t)o->threads * sizeof *threads);
	struct sigaction sa = {.sa_handler = on_signal};
	void *tls_context = o->tls_cert ? tls_server(o->tls_cert, o->tls_key) : NULL;
	int port = o->port;

	raise_limits();
	stop_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	for (int i = 0; i < o->threads; i++)
		loop_init(&loops[i], o, listen_on(o->host, port, o->threads > 1, &port), tls_context);
	for (int i = 1; i < o->threads; i++)
		pthread_create(&threads[i], NULL, loop_run, &loops[i]);
	printf("weir-sim listening on %s:%d\n", o->host, port);
	fflush(stdout);
	loop_run(&loops[0]);
	for (int i = 1; i < o->threads; i++)
		pthread_join(threads[i], NULL);
	if (tls_context)
		tls_context_free(tls_context);
	books_close();
	replay_release();
	script_release();
	free(loops);
	free(threads);
	return 0;
}
