#include "load_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls.h"

#define SCRATCH    (256u * 1024u)
#define RETRY_NS   20000000u
#define MAX_EVENTS 512

static bool more_to_send(const struct run *r, uint64_t now)
{
	return (r->o->requests <= 0 || r->next_call < r->o->requests) && (r->o->seconds <= 0 || now < r->end);
}

/* When call number n is due. */
static uint64_t due_of(const struct run *r, int64_t n, uint64_t now)
{
	if (r->o->rate <= 0)
		return now;
	return r->start + (uint64_t)((double)n * 1e9 / r->o->rate);
}

static void resolve(struct run *r)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found = NULL;

	if (getaddrinfo(r->o->host, NULL, &hints, &found) || !found)
		sim_die("cannot resolve %s", r->o->host);
	memcpy(&r->address, found->ai_addr, sizeof r->address);
	r->address.sin_port = htons((uint16_t)r->o->port);
	freeaddrinfo(found);
}

static void build_request(const struct run *r, struct lconn *c)
{
	const struct load_options *o = r->o;

	c->out.len = c->out_at = 0;
	buf_fmt(
	    &c->out,
	    "POST %s HTTP/1.1\r\nhost: %s:%d\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n",
	    o->path, o->host, o->port, o->body.len);
	if (o->sim)
		buf_fmt(&c->out, "x-sim: %s\r\n", o->sim);
	if (o->tag)
		buf_fmt(&c->out, "x-sim-call: %s-%lld\r\n", o->tag, (long long)c->call);
	if (o->fresh)
		BUF_LIT(&c->out, "connection: close\r\n");
	for (size_t i = 0; i < o->nheaders; i++) {
		struct str rest = str_of(o->headers[i]);
		const char *at = memmem(rest.p, rest.n, "%d", 2);

		if (at) {
			buf_add(&c->out, rest.p, (size_t)(at - rest.p));
			buf_int(&c->out, c->call);
			buf_z(&c->out, at + 2);
		} else {
			buf_add(&c->out, rest.p, rest.n);
		}
		BUF_LIT(&c->out, "\r\n");
	}
	BUF_LIT(&c->out, "\r\n");
	buf_add(&c->out, o->body.p, o->body.len);
}

static void hang_up(struct run *r, struct lconn *c)
{
	if (c->tls)
		tls_free(c->tls);
	if (c->fd >= 0)
		close(c->fd);
	c->tls = NULL;
	c->fd = -1;
	c->reused = false;
	(void)r;
}

static void start_next(struct run *r, struct lconn *c, uint64_t now);

/* The call on this connection is over. */
void load_end(struct run *r, struct lconn *c, const char *ended, uint64_t now)
{
	struct load_stats *st = r->st;
	bool good = c->whole;

	if (c->started) {
		load_note(r, c, ended, now);
		st->bytes += c->bytes;
		st->lost += c->lost;
		if (c->status > 0 && c->status < 600)
			st->by_status[c->status]++;
		if (good && c->status == 200)
			st->ok++;
		else if (good)
			st->http_errors++;
		if (good && c->due >= r->warm) {
			samples_add(&st->latency, (double)(now - c->due) / 1e6);
			samples_add(&st->first_byte, (double)(c->first_byte - c->due) / 1e6);
		}
	}
	r->busy--;
	if (!good || !c->keep_alive || r->o->fresh)
		hang_up(r, c);
	c->state = L_IDLE;
	start_next(r, c, now);
}

/* The connection failed before the answer was whole. */
void load_fail(struct run *r, struct lconn *c, const char *how, uint64_t now)
{
	bool unsent = c->state == L_CONNECTING;

	c->whole = false;
	if (unsent && r->o->keep_going && more_to_send(r, now)) {
		hang_up(r, c);
		c->state = L_WAITING;
		c->retry_at = now + RETRY_NS;
		return;
	}
	if (unsent)
		r->st->refused++;
	else if (strcmp(how, "timeout") == 0)
		r->st->timeouts++;
	else
		r->st->cut++;
	if (unsent) {
		hang_up(r, c);
		load_note(r, c, "refused", now);
		r->busy--;
		c->state = more_to_send(r, now) ? L_WAITING : L_IDLE;
		c->retry_at = now + RETRY_NS;
		c->call = -1;
		return;
	}
	load_end(r, c, how, now);
}

static void dial(struct run *r, struct lconn *c, uint64_t now)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		sim_die("socket: %s", strerror(errno));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	c->state = L_CONNECTING;
	c->reused = false;
	r->st->connects++;
	if (connect(c->fd, (struct sockaddr *)&r->address, sizeof r->address) && errno != EINPROGRESS) {
		load_fail(r, c, "refused", now);
		return;
	}
	if (r->tls_context)
		c->tls = tls_connect(r->tls_context, c->fd, r->o->host);
	epoll_ctl(r->epoll, EPOLL_CTL_ADD, c->fd, &ev);
}

static void reset_answer(struct lconn *c)
{
	c->head.len = c->text.len = 0;
	c->status = 0;
	c->whole = false;
	c->bytes = c->events = c->lost = c->next_event = 0;
	c->last_event = -1;
	c->first_byte = 0;
	c->request_id[0] = c->session[0] = '\0';
}

static void send_more(struct run *r, struct lconn *c, uint64_t now)
{
	while (c->out_at < c->out.len) {
		size_t left = c->out.len - c->out_at;
		ssize_t n = c->tls ? tls_write(c->tls, c->out.p + c->out_at, left)
		                   : send(c->fd, c->out.p + c->out_at, left, MSG_NOSIGNAL);

		if (n > 0)
			c->out_at += (size_t)n;
		else if (n < 0 && errno == EINTR)
			continue;
		else if (n < 0 && errno == EAGAIN)
			return;
		else {
			load_fail(r, c, "cut", now);
			return;
		}
	}
	c->state = L_HEAD;
}

static void begin_call(struct run *r, struct lconn *c, uint64_t now)
{
	c->started = now;
	r->st->sent++;
	c->state = L_WRITING;
	send_more(r, c, now);
}

/* Takes the next call if one is due; else the connection stays idle. */
static void start_next(struct run *r, struct lconn *c, uint64_t now)
{
	uint64_t due;

	if (!more_to_send(r, now))
		return;
	due = due_of(r, r->next_call, now);
	if (due > now)
		return;
	c->call = r->next_call++;
	c->due = due;
	c->started = 0;
	r->busy++;
	reset_answer(c);
	build_request(r, c);
	if (c->fd < 0) {
		dial(r, c, now);
		return;
	}
	c->reused = true;
	begin_call(r, c, now);
}

/* `ended`: the other side will send no more, so that a short read is not the last. */
static void read_more(struct run *r, struct lconn *c, bool ended)
{
	while (c->fd >= 0) {
		ssize_t n =
		    c->tls ? tls_read(c->tls, r->scratch, SCRATCH) : recv(c->fd, r->scratch, SCRATCH, 0);
		uint64_t now = now_ns();

		if (n > 0) {
			load_take(r, c, r->scratch, (size_t)n, now);
			if (!c->tls && !ended && n < (ssize_t)SCRATCH)
				return;
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else if (n < 0 && errno == EAGAIN) {
			return;
		} else if (c->state == L_IDLE || c->state == L_WAITING) {
			hang_up(r, c);
		} else if (c->state == L_BODY && c->length_left == -2 && n == 0) {
			c->whole = true;
			c->keep_alive = false;
			load_end(r, c, "complete", now);
			return;
		} else {
			load_fail(r, c, "cut", now);
			return;
		}
	}
}

static void on_event(struct run *r, struct lconn *c, uint32_t events)
{
	uint64_t now = now_ns();
	int error = 0;
	socklen_t len = sizeof error;

	if (c->fd < 0)
		return;
	if (c->state == L_CONNECTING && events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) {
		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		if (error) {
			load_fail(r, c, "refused", now);
			return;
		}
		begin_call(r, c, now);
	} else if (c->state == L_WRITING) {
		send_more(r, c, now);
	}
	if (c->fd >= 0 && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR) || c->tls))
		read_more(r, c, events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
}

/* Starts what has become due, retries, gives up what takes too long. Returns when to look again. */
static uint64_t tick(struct run *r, uint64_t now)
{
	const struct load_options *o = r->o;
	uint64_t again = now + 100000000u, step = (uint64_t)(o->ramp * 1e9 / o->connections);

	for (int i = 0; i < o->connections; i++) {
		struct lconn *c = &r->conns[i];

		if (c->state == L_IDLE && now >= r->start + (uint64_t)i * step)
			start_next(r, c, now);
		else if (c->state == L_WAITING && c->retry_at <= now) {
			c->state = L_IDLE;
			if (c->call < 0)
				start_next(r, c, now);
			else
				dial(r, c, now);
		} else if (c->state > L_CONNECTING && c->state != L_WAITING && o->timeout > 0 &&
		           (double)(now - c->started) > o->timeout * 1e9)
			load_fail(r, c, "timeout", now);
		if (c->state == L_WAITING && c->retry_at < again)
			again = c->retry_at;
		if (c->state == L_IDLE && r->start + (uint64_t)i * step > now &&
		    r->start + (uint64_t)i * step < again)
			again = r->start + (uint64_t)i * step;
	}
	return again;
}

/* In open loop, hands the due calls to idle connections without looking at all of them each time. */
static uint64_t dispatch(struct run *r, uint64_t now, int *hint)
{
	uint64_t due = due_of(r, r->next_call, now);
	int n = r->o->connections;

	if (r->o->rate <= 0 || !more_to_send(r, now))
		return UINT64_MAX;
	for (int tried = 0; due <= now && tried < n && r->busy < n; tried++) {
		struct lconn *c = &r->conns[*hint];

		if (c->state == L_IDLE) {
			start_next(r, c, now);
			due = due_of(r, r->next_call, now);
		}
		*hint = (*hint + 1) % n;
	}
	return due > now ? due : UINT64_MAX;
}

static void loop(struct run *r)
{
	struct epoll_event evs[MAX_EVENTS];
	uint64_t now = r->start, next_tick = 0;
	int hint = 0;

	while (more_to_send(r, now) || r->busy > 0) {
		struct timespec t;
		uint64_t wake, due;
		int n;

		if (now >= next_tick)
			next_tick = tick(r, now);
		due = dispatch(r, now, &hint);
		wake = due < next_tick ? due : next_tick;
		now = now_ns();
		wake = wake > now ? wake - now : 0;
		t = (struct timespec){.tv_sec = (time_t)(wake / 1000000000u),
		                      .tv_nsec = (long)(wake % 1000000000u)};
		n = epoll_pwait2(r->epoll, evs, MAX_EVENTS, &t, NULL);
		for (int i = 0; i < n; i++)
			on_event(r, evs[i].data.ptr, evs[i].events);
		now = now_ns();
	}
}

void load_run(const struct load_options *o, struct load_stats *st)
{
	struct run r = {.o = o, .st = st, .calls_fd = -1};
	struct rusage u;
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
	prctl(PR_SET_TIMERSLACK, 1000UL);
	resolve(&r);
	if (o->https)
		r.tls_context = tls_client(o->ca_file);
	if (o->calls_path)
		r.calls_fd = open(o->calls_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	r.epoll = epoll_create1(EPOLL_CLOEXEC);
	r.scratch = sim_alloc(SCRATCH);
	r.conns = sim_alloc((size_t)o->connections * sizeof *r.conns);
	for (int i = 0; i < o->connections; i++)
		r.conns[i].fd = -1;
	r.start = now_ns();
	r.end = r.start + (uint64_t)(o->seconds * 1e9);
	r.warm = r.start + (uint64_t)(o->warmup * 1e9);
	loop(&r);
	st->seconds = (double)(now_ns() - r.start) / 1e9;
	getrusage(RUSAGE_SELF, &u);
	st->cpu_seconds = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	                  (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
	for (int i = 0; i < o->connections; i++) {
		hang_up(&r, &r.conns[i]);
		buf_free(&r.conns[i].out);
		buf_free(&r.conns[i].head);
		buf_free(&r.conns[i].text);
	}
	close(r.epoll);
	if (r.calls_fd >= 0)
		close(r.calls_fd);
	if (r.tls_context)
		tls_context_free(r.tls_context);
	free(r.conns);
	free(r.scratch);
}
