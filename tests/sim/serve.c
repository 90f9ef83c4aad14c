/* One call's life: read, faulted or answered, streamed, booked. */
#include <pthread.h>
#include <string.h>

#include "ask.h"
#include "books.h"
#include "record.h"
#include "replay.h"
#include "route.h"

#define SEEDED_MS 1767225600000 /* when calls with a seed begin: 2026-01-01 */
#define OUT_HIGH  (32u * 1024u)

/* x-sim and x-sim-script over the command line's defaults; false: answered 400. */
static bool read_directives(struct conn *c)
{
	const struct options *o = conn_options(c);
	struct str sim = http_header(&c->req, "x-sim"), script = http_header(&c->req, "x-sim-script"), bad;
	struct buf b = {0};

	c->call.d = o->defaults;
	if (script.p) {
		str_copy(c->call.d.script, sizeof c->call.d.script, script);
		c->call.d.script_by_header = true;
	}
	if (!sim.p || directives_parse(&c->call.d, sim, &bad))
		return true;
	buf_fmt(
	    &b,
	    "{\"error\":{\"type\":\"invalid_request_error\",\"message\":\"x-sim: not understood: %.*s\"}}",
	    STR_ARG(bad));
	answer_with(c, 400, "application/json", "", (struct str){b.p, b.len});
	buf_free(&b);
	return false;
}

bool serve_head(struct conn *c)
{
	struct call *k = &c->call;

	memset(k, 0, sizeof *k);
	directives_init(&k->d);
	if (!route_call(&c->req, k) && !replay_on())
		return true;
	if (!read_directives(c))
		return false;
	if (k->d.early > 0 && k->dialect) {
		c->req.keep_alive = false;
		k->dialect->error(k, (int)k->d.early, &c->body);
		answer_with(c, (int)k->d.early, "application/json", "", (struct str){c->body.p, c->body.len});
		return false;
	}
	return true;
}

/* How often a body has been seen, for faults that strike only the first tries. */
static int64_t tries_of(uint64_t body_hash)
{
	static struct {
		pthread_mutex_t lock;
		struct {
			uint64_t key;
			int64_t n;
		} slots[8192];
	} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};
	int64_t n;
	size_t i = (size_t)(body_hash % 8192);

	pthread_mutex_lock(&seen.lock);
	if (seen.slots[i].key != body_hash) {
		seen.slots[i].key = body_hash;
		seen.slots[i].n = 0;
	}
	n = seen.slots[i].n++;
	pthread_mutex_unlock(&seen.lock);
	return n;
}

static void fault_by_rate(struct call *k, const struct options *o)
{
	static const struct {
		enum fault fault;
		int status;
	} table[] = {{FAULT_STATUS, 429}, {FAULT_STATUS, 529}, {FAULT_STATUS, 500},    {FAULT_STATUS, 503},
	             {FAULT_CUT, 0},      {FAULT_CLOSE, 0},    {FAULT_ERROR_EVENT, 0}, {FAULT_GARBAGE, 0}};
	uint64_t r = mix64(o->seed + k->seq), pick = mix64(r) % (sizeof table / sizeof *table);

	if (k->d.fault != FAULT_NONE || o->fault_rate <= 0 ||
	    (double)(r >> 11) / 9007199254740992.0 >= o->fault_rate)
		return;
	k->d.fault = table[pick].fault;
	k->d.status = table[pick].status;
}

/* A fault that is not to strike this call is taken back. */
static void settle_fault(struct conn *c)
{
	struct call *k = &c->call;

	fault_by_rate(k, conn_options(c));
	if (k->d.fault == FAULT_NONE)
		return;
	if (k->d.times >= 0 && tries_of(hash_bytes(5, c->body.p, c->body.len)) >= k->d.times)
		k->d.fault = FAULT_NONE;
	if (k->d.fault == FAULT_STATUS && k->d.at > k->ask.turns)
		k->d.fault = FAULT_NONE;
	if (k->d.at < 0)
		k->d.at = 1;
	if (k->d.huge < 0)
		k->d.huge = 1 << 20;
	if (k->d.fault == FAULT_HUGE && !k->ask.stream)
		k->d.size = k->d.huge;
}

static uint64_t credential_hash(const struct http_req *r)
{
	static const char *const names[] = {"x-api-key", "authorization", "x-goog-api-key", "api-key"};
	uint64_t h = 11;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct str v = http_header(r, names[i]);

		h = hash_bytes(h, v.p, v.n);
	}
	return h;
}

/* The recorded pair for this request; `made_up` tells whether the answer is to be made up instead. */
static const struct pair *recorded(struct conn *c, bool *made_up)
{
	const struct pair *p = NULL;

	*made_up = true;
	if (!replay_on() || str_starts(c->req.target, "/sim/"))
		return NULL;
	if (http_header(&c->req, "x-sim").p && !http_header(&c->req, "x-sim-pair").p && c->call.dialect)
		return NULL;
	p = replay_find(c);
	if (c->call.d.chunk < 0)
		c->call.d.chunk = conn_options(c)->replay_chunk;
	*made_up = !p && !c->call.dialect;
	return p;
}

void serve_request(struct conn *c)
{
	struct call *k = &c->call;
	const struct pair *pair;
	bool ok = true, made_up;

	record_request(c);
	pair = recorded(c, &made_up);
	if (!k->dialect && !pair) {
		if (!c->req.keep_alive)
			c->close_after = true;
		route_other(c);
		return;
	}
	k->active = true;
	k->status = 200;
	k->started_ms = wall_ms();
	k->epoch_ms = k->d.seed >= 0 ? SEEDED_MS : k->started_ms;
	k->start_ns = now_ns();
	k->body_bytes = c->body_seen;
	k->reported = usage_none();
	k->d.bench = k->d.bench || conn_options(c)->bench;
	k->scope = credential_hash(&c->req);
	str_copy(k->tag, sizeof k->tag, http_header(&c->req, "x-sim-call"));
	if (made_up)
		ok = ask_read(k, c->body.p, c->body.len);
	else
		replay_call(k, pair);
	books_start(k);
	settle_fault(c);
	if (ok && made_up) {
		plan_make(k);
		usage_whole(k);
	} else if (!ok) {
		k->d.fault = FAULT_STATUS;
		k->d.status = 400;
	}
	c->body.len = 0;
	if (k->d.delay_ms > 0)
		k->due = k->start_ns + (uint64_t)k->d.delay_ms * 1000000u;
}

static void add_head(struct conn *c, const char *type, int64_t length)
{
	const struct call *k = &c->call;
	struct buf *out = &c->out;

	buf_fmt(out, "HTTP/1.1 %d %s\r\n", k->status, http_reason(k->status));
	if (k->pair)
		buf_add(out, k->pair->headers.p, k->pair->headers.len);
	else
		buf_fmt(out, "content-type: %s\r\n", type);
	if (k->dialect->request_id_header) {
		buf_z(out, k->dialect->request_id_header);
		BUF_LIT(out, ": ");
		call_id(k, "req_01", 7, 22, out);
		BUF_LIT(out, "\r\n");
	}
	BUF_LIT(out, "x-sim-seq: ");
	buf_int(out, (int64_t)k->seq);
	if (k->d.retry_after >= 0 && k->status != 200)
		buf_fmt(out, "\r\nretry-after: %lld", (long long)k->d.retry_after);
	if (!c->req.keep_alive)
		BUF_LIT(out, "\r\nconnection: close");
	if (length < 0)
		BUF_LIT(out, "\r\ntransfer-encoding: chunked\r\n\r\n");
	else {
		BUF_LIT(out, "\r\ncontent-length: ");
		buf_int(out, length);
		BUF_LIT(out, "\r\n\r\n");
	}
}

static void add_chunk(struct buf *out, const char *p, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	char size[20];
	size_t i = sizeof size - 2;

	if (!n)
		return;
	memcpy(size + i, "\r\n", 2);
	for (size_t v = n; v; v >>= 4)
		size[--i] = hex[v & 15];
	buf_add(out, size + i, sizeof size - i);
	buf_add(out, p, n);
	BUF_LIT(out, "\r\n");
}

/*
 * Moves what was rendered in `body` to the wire: as one chunk, or as chunks of a given size, whatever
 * the events in them; then what does not fill a chunk waits, unless it is the last or events are paced.
 */
static void send_rendered(struct conn *c, bool last)
{
	const struct directives *d = &c->call.d;
	size_t each = d->chunk > 0 ? (size_t)d->chunk : c->body.len, at = 0;
	bool all = last || d->rate > 0;

	while (at < c->body.len && (all || c->body.len - at >= each)) {
		size_t n = c->body.len - at < each ? c->body.len - at : each;

		add_chunk(&c->out, c->body.p + at, n);
		at += n;
	}
	buf_consume(&c->body, at);
}

static void end_call(struct call *k, enum finish how)
{
	k->ended = true;
	k->finish = how;
}

static void add_garbage(struct buf *out)
{
	for (uint64_t i = 1; i <= 12; i++) {
		uint64_t w = mix64(i);

		buf_add(out, &w, sizeof w);
	}
	BUF_LIT(out, "\n\n");
}

/* A whole answer in one piece, with the faults that such an answer can have. */
static void begin_whole(struct conn *c)
{
	struct call *k = &c->call;
	size_t cut_at;

	if (k->status != 200)
		k->dialect->error(k, k->status, &c->body);
	else if (k->d.fault == FAULT_ERROR_EVENT)
		k->dialect->error(k, 529, &c->body);
	else if (k->d.fault == FAULT_GARBAGE)
		add_garbage(&c->body);
	else
		k->dialect->body(k, &c->body);
	end_call(k, k->status == 200 && k->d.fault != FAULT_ERROR_EVENT ? FINISH_COMPLETE : FINISH_ERROR);
	cut_at = c->body.len;
	if (k->d.fault == FAULT_HALF) {
		c->body.len = cut_at = c->body.len / 2;
		k->reported = usage_none();
	}
	if (k->d.chunk > 0) {
		add_head(c, "application/json", -1);
		send_rendered(c, true);
		BUF_LIT(&c->out, "0\r\n\r\n");
		return;
	}
	add_head(c, "application/json", (int64_t)c->body.len);
	if (k->d.fault == FAULT_CUT || k->d.fault == FAULT_RESET || k->d.fault == FAULT_STALL) {
		cut_at /= 2;
		c->close_after = true;
		end_call(k, FINISH_CUT);
		k->reported = usage_none();
	}
	buf_add(&c->out, c->body.p, cut_at);
	if (k->d.fault == FAULT_RESET)
		conn_reset(c);
	if (k->d.fault == FAULT_STALL) {
		k->ended = false;
		k->struck = true;
		k->due = k->d.stall_ms > 0 ? now_ns() + (uint64_t)k->d.stall_ms * 1000000u : UINT64_MAX;
	}
	c->body.len = 0;
}

static void begin(struct conn *c)
{
	struct call *k = &c->call;

	k->begun = true;
	k->due = 0;
	if (k->d.fault == FAULT_CLOSE) {
		c->close_after = true;
		end_call(k, FINISH_CUT);
		k->status = 0;
		return;
	}
	if (k->d.fault == FAULT_STATUS)
		k->status = k->d.status;
	if (!k->ask.stream || k->status != 200) {
		begin_whole(c);
		return;
	}
	add_head(c,
	         k->ask.gemini_array       ? "application/json; charset=UTF-8"
	         : k->dialect->stream_type ? k->dialect->stream_type
	                                   : "text/event-stream; charset=utf-8",
	         -1);
}

/* The fault strikes between two events. */
static void strike(struct conn *c)
{
	struct call *k = &c->call;

	k->struck = true;
	switch (k->d.fault) {
	case FAULT_CUT:
	case FAULT_HALF:
	case FAULT_RESET:
		c->close_after = true;
		end_call(k, FINISH_CUT);
		if (k->d.fault == FAULT_RESET)
			conn_reset(c);
		break;
	case FAULT_STALL:
		k->due = k->d.stall_ms > 0 ? now_ns() + (uint64_t)k->d.stall_ms * 1000000u : UINT64_MAX;
		break;
	case FAULT_GARBAGE:
		add_garbage(&c->body);
		send_rendered(c, true);
		break;
	case FAULT_ERROR_EVENT:
		k->dialect->error_event(k, &c->body);
		send_rendered(c, true);
		BUF_LIT(&c->out, "0\r\n\r\n");
		end_call(k, FINISH_ERROR);
		break;
	case FAULT_NONE:
	case FAULT_STATUS:
	case FAULT_HUGE:
	case FAULT_CLOSE:
		break;
	}
}

/* Writes the next events, up to one that has to wait or until enough is under way. */
static void stream_more(struct conn *c)
{
	struct call *k = &c->call;

	while (!k->ended && c->out.len < OUT_HIGH) {
		enum ev ev;

		if (k->d.fault != FAULT_NONE && !k->struck && k->events_sent >= k->d.at) {
			strike(c);
			if (k->due || k->ended)
				return;
		}
		ev = k->dialect->next(k, &c->body);
		send_rendered(c, ev == EV_END);
		if (ev == EV_END) {
			BUF_LIT(&c->out, "0\r\n\r\n");
			end_call(k, FINISH_COMPLETE);
		} else if (ev == EV_DELTA) {
			k->events_sent++;
			if (k->d.rate > 0) {
				uint64_t step = 1000000000u / (uint64_t)k->d.rate;

				k->due = (k->events_sent == 1 ? now_ns() : k->last_due) + step;
				k->last_due = k->due;
				return;
			}
		}
	}
}

static void finish(struct conn *c, enum finish how)
{
	struct call *k = &c->call;

	books_end(k, how);
	plan_free(&k->plan);
	ask_free(&k->ask);
	k->active = false;
	if (!c->req.keep_alive)
		c->close_after = true;
}

bool serve_pump(struct conn *c)
{
	struct call *k = &c->call;

	for (;;) {
		if (!conn_flush(c))
			return false;
		if (!k->active)
			return true;
		if (k->ended) {
			finish(c, k->finish);
			return true;
		}
		if (k->due) {
			if (k->due == UINT64_MAX)
				return false;
			if (k->due > now_ns()) {
				conn_timer(c, k->due);
				return false;
			}
			k->due = 0;
		}
		if (!k->begun)
			begin(c);
		else if (k->ask.stream && k->status == 200)
			stream_more(c);
		else
			end_call(k, k->finish);
	}
}

void serve_gone(struct conn *c)
{
	struct call *k = &c->call;

	finish(c, k->ended && c->out_at == c->out.len ? k->finish : FINISH_GONE);
}

void serve_shutdown(struct conn *c)
{
	finish(c, FINISH_CUT);
}
