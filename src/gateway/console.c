#include "gateway/console.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "gateway/admin.h"
#include "gateway/console_api.h"
#include "gateway/console_assets.h"
#include "gateway/console_pool.h"
#include "gateway/events.h"
#include "gateway/metrics.h"
#include "gateway/oidc.h"
#include "gateway/otlp_intake.h"
#include "gateway/server.h"
#include "gateway/signin_answer.h"
#include "gateway/strict.h"
#include "gateway/tls.h"

#define EVENT_STREAM "text/event-stream"
#define API          SLICE("/api/v1/")
#define HEADERS_MAX  64
#define BODY_MAX     (8 * 1024 * 1024)
#define IDENTITY_MEM (256 * 1024)
#define BODIES_MAX   ((size_t)64 << 20) /* of all requests that are being read */

struct console {
	struct console_context ctx;
	struct MHD_Daemon *daemon; /* owned */
	pthread_mutex_t lock;      /* guards ctx.writable: one change at a time */
	struct events *events;     /* owned */
	struct console_pool *pool; /* owned */
	struct signin *signin;     /* owned */
	struct settings *settings; /* owned reference: of the start */
	struct tls tls;            /* owned */
	int port;
	size_t bodies; /* bytes; of the daemon's one thread */
};

struct answer_of {
	int status;
	const char *type;
	struct buf body;
	struct MHD_Response *stream; /* owned; in place of body */
	struct asset_answer page;    /* status 0: it is no file of the page */
	char cookies[2][SIGNIN_COOKIE_MAX];
	char *location; /* owned; NULL: none */
	int retry_s;
};

/* A request waits, suspended, while the pool makes its answer. */
enum request_stage { REQUEST_NEW, REQUEST_ASKED, REQUEST_ANSWERED };

struct request_of {
	struct MHD_Connection *connection;
	enum request_stage stage;
	int code; /* of the answer */
	struct answer_of answer;
	struct header at[HEADERS_MAX];
	struct headers headers;
	slice method, path, query;
	uint64_t peer;   /* a hash of the client's address */
	struct buf body; /* of what changes something; empty else */
	bool too_large, busy, begun;
	char target[4096];
};

static enum MHD_Result collect(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_n,
                               const char *value, size_t value_n)
{
	struct request_of *r = cls;
	(void)kind;
	if (r->headers.n == HEADERS_MAX)
		return MHD_NO;
	r->at[r->headers.n++] = (struct header){slice_make(name, name_n), slice_make(value, value_n)};
	return MHD_YES;
}

static int say(struct answer_of *a, int status, const char *text)
{
	a->status = status;
	a->type = "text/plain; charset=utf-8";
	return buf_printf(&a->body, "%s\n", text);
}

static int ready(struct console *c, struct answer_of *a)
{
	struct writer_stats w;
	writer_stats_get(c->ctx.writer, &w);
	if (atomic_load(&c->ctx.shared->draining))
		return say(a, 503, "draining");
	if (w.failing)
		return say(a, 503, "the ledger takes no rows; calls go on within the journal's room");
	return say(a, 200, "ready");
}

static int refuse(struct answer_of *a, int status, const char *message)
{
	a->status = status;
	a->type = "application/json";
	if (buf_append(&a->body, SLICE("{\"error\":{\"message\":\"")) ||
	    console_escape(&a->body, slice_of(message)))
		return ERR_FULL;
	return buf_append(&a->body, SLICE("\"}}\n"));
}

/* Whose key it is; the team is the key's, else that of the settings. */
static void read_names(struct console *c, const struct principal *p, struct console_reader *who)
{
	struct shared *s = c->ctx.shared;
	name_set(&who->user, p->fixed.v[ATTR_USER]);
	name_set(&who->key_id, p->key_id);
	name_set(&who->team, p->fixed.v[ATTR_TEAM]);
	pthread_mutex_lock(&s->lock);
	const struct team *team = settings_team(s->settings, p->fixed.v[ATTR_USER]);
	if (who->team.n == 0 && team)
		name_set(&who->team, team->name);
	pthread_mutex_unlock(&s->lock);
}

/* What an answer looks at of the one who asks. */
struct asker {
	struct console_reader who;
	struct identity id; /* texts in the four below */
	struct keyring *keys;
	struct trust *trust;
	struct settings *settings;
	struct arena mem;
	bool by_cookie;
};

static struct signin_ask signin_ask_of(const struct console *c, const struct request_of *r)
{
	return (struct signin_ask){.shared = c->ctx.shared,
	                           .table = c->signin,
	                           .headers = &r->headers,
	                           .method = r->method,
	                           .path = r->path,
	                           .query = r->query,
	                           .body = buf_slice(&r->body),
	                           .tls = tls_on(&c->tls),
	                           .loopback = c->settings->console.loopback,
	                           .port = c->port,
	                           .peer = r->peer};
}

/* A key or a token that was sent counts; without one the browser's session. */
static void check_identity(struct console *c, const struct request_of *r, struct asker *k)
{
	struct identity_in in = {.keys = k->keys,
	                         .trust = k->trust,
	                         .headers = &r->headers,
	                         .loopback = c->settings->console.loopback,
	                         .now_ms = clock_wall_ms(c->ctx.shared->clock)};
	struct signin_ask ask = signin_ask_of(c, r);
	identity_check(&in, &k->mem, &k->id);
	if (k->id.stale >= 0)
		oidc_refetch(c->ctx.shared->oidc, k->id.stale);
	if (k->id.result != IDENTITY_ANONYMOUS && k->id.result != IDENTITY_MISSING)
		return;
	struct principal who;
	if (!signin_identify(&ask, k->keys, k->settings, in.now_ms, &k->mem, &who))
		return;
	k->by_cookie = true;
	k->id.who = who;
	k->id.result = who.role == ROLE_AGENT || who.role == ROLE_DEVELOPER ? IDENTITY_OK : IDENTITY_ROLE;
}

/* Who may look: on loopback everyone at this machine, beyond it a key or who signed in; a developer or an
 * agent sees their own only. False after a refusal. Release it either way. */
static bool identify(struct console *c, const struct request_of *r, struct asker *k, struct answer_of *a)
{
	struct shared *s = c->ctx.shared;
	pthread_mutex_lock(&s->lock);
	k->keys = keyring_ref(s->keys);
	k->trust = trust_ref(s->trust);
	k->settings = settings_ref(s->settings);
	pthread_mutex_unlock(&s->lock);
	arena_init(&k->mem, IDENTITY_MEM);
	k->by_cookie = false;
	check_identity(c, r, k);
	const struct principal *p = &k->id.who;
	enum identity_result result = k->id.result;
	k->who = (struct console_reader){
	    .all = result != IDENTITY_OK, /* else an agent or a developer */
	    .anonymous = p->anonymous,
	    .role = !p->anonymous            ? p->role
	            : keyring_count(k->keys) ? ROLE_VIEWER
	                                     : ROLE_OWNER,
	    .principal = p,
	    .gate_secret = trust_secret(k->trust),
	};
	read_names(c, p, &k->who);
	bool ok = result == IDENTITY_OK || result == IDENTITY_ANONYMOUS || result == IDENTITY_ROLE;
	if (!ok)
		refuse(a, 401, k->id.why);
	return ok;
}

static void asker_release(struct asker *k)
{
	keyring_unref(k->keys);
	trust_unref(k->trust);
	settings_unref(k->settings);
	arena_release(&k->mem);
}

/* An agent that was pointed at this port by mistake. */
static int refuse_agent(const struct console *c, struct answer_of *a)
{
	char text[400];
	const struct listen *l = &c->settings->listen;
	bool v6 = slice_find_char(l->host, ':') >= 0;
	int port = l->port ? l->port : 8787;
	snprintf(text, sizeof text,
	         "this is Weir's console; agents call its gateway, on another port: %s://%s" SLICE_FMT
	         "%s:%d",
	         l->certificate.n ? "https" : "http", v6 ? "[" : "", SLICE_ARG(l->host), v6 ? "]" : "", port);
	return refuse(a, 404, text);
}

/* A page of another site can make a browser send a form, but neither this content type nor another's Origin
 * (strict.c). */
static bool may_change(const struct request_of *r, struct answer_of *a)
{
	slice type = headers_get(&r->headers, SLICE("content-type")), kind;
	if (r->busy)
		return refuse(a, 503, "too many requests are being read: send it again"), false;
	if (r->too_large)
		return refuse(a, 413, "the request's body is too large"), false;
	slice_split(&type, ';', &kind);
	if (buf_slice(&r->body).n && !slice_eq_nocase(slice_trim(kind), SLICE("application/json")))
		return refuse(a, 415, "send it as JSON, with content-type: application/json"), false;
	return true;
}

/* The route has said that the reader may. */
static int open_events(struct console *c, const struct request_of *r, const struct console_reader *who,
                       struct answer_of *a)
{
	const char *why;
	buf_clear(&a->body);
	if (slice_eq(r->method, SLICE("HEAD"))) {
		a->type = EVENT_STREAM;
		return 0;
	}
	a->stream = events_open(c->events, r->connection, who,
	                        headers_get(&r->headers, SLICE("last-event-id")), &why);
	if (a->stream == NULL)
		return refuse(a, 503, why);
	a->type = EVENT_STREAM;
	return 0;
}

/* of: the console's own context, or that of a thread of the pool. */
static int answer_known(struct console *c, struct console_context *of, const struct request_of *r,
                        const struct console_reader *who, slice method, struct answer_of *a)
{
	if (slice_eq(r->path, SLICE("/metrics"))) {
		a->status = 200;
		a->type = "text/plain; version=0.0.4; charset=utf-8";
		return metrics_write(&c->ctx, &a->body);
	}
	bool reads = slice_eq(method, SLICE("GET"));
	a->type = "application/json";
	int code = admin_api(of, who, method, r->path, r->query, buf_slice(&r->body), &a->status, &a->body);
	if (code == ERR_NOT_FOUND && reads)
		code = console_api(of, who, r->path, r->query, &a->status, &a->type, &a->body);
	if (code == 0 && a->status == 200 && slice_eq(r->path, SLICE("/api/v1/events")))
		return open_events(c, r, who, a);
	if (code == ERR_NOT_FOUND)
		return refuse(
		    a, 404,
		    "no such page; there are /, /metrics, /healthz, /readyz, and /api/v1/..., which "
		    "/api/v1/openapi.json lists");
	return code;
}

/* Telemetry: from whom may call models, and from operators. */
static int take_telemetry(struct console *c, const struct request_of *r, slice path, struct answer_of *a)
{
	struct asker k;
	int code = 0;
	if (r->busy)
		return refuse(a, 503, "too many requests are being read: send it again");
	if (r->too_large)
		return refuse(a, 413, "the request's body is too large: send smaller batches");
	if (identify(c, r, &k, a)) {
		/* by a key or a token alone: a browser's session is no sender */
		bool may = !k.by_cookie && (k.id.result != IDENTITY_ROLE || k.who.role == ROLE_OPERATOR ||
		                            k.who.role == ROLE_OWNER);
		code = may ? otlp_intake_take(c->ctx.shared->otlp, path, &r->headers, buf_slice(&r->body),
		                              &k.id.who.fixed, &a->status, &a->type, &a->body)
		           : refuse(a, 403, "a key of this role may not send telemetry");
	}
	asker_release(&k);
	return code;
}

/* A header that a page of another site, or of another port of this machine, cannot send without asking. */
static bool is_by_page(const struct request_of *r)
{
	slice origin = headers_get(&r->headers, SLICE("origin")),
	      host = headers_get(&r->headers, SLICE("host"));
	ptrdiff_t at = slice_find(origin, SLICE("://"));
	if (origin.n && (at < 0 || !slice_eq_nocase(slice_sub(origin, (size_t)at + 3, origin.n), host)))
		return false; /* to a cookie another port is the same site */
	return slice_eq(headers_get(&r->headers, SLICE("x-weir-console")), SLICE("1"));
}

/* Signing in and out. */
static int answer_signin(struct console *c, struct request_of *r)
{
	struct answer_of *a = &r->answer;
	struct signin_ask ask = signin_ask_of(c, r);
	struct signin_answer s = {.body = &a->body};
	int code = 0;
	if (slice_eq(r->method, SLICE("HEAD")))
		ask.method = SLICE("GET");
	if (slice_eq(r->method, SLICE("POST")) && (!may_change(r, a)))
		return 0;
	if (slice_eq(r->method, SLICE("POST")) && !is_by_page(r))
		return refuse(a, 400, "signing in and out wants the header x-weir-console: 1");
	signin_answer(&ask, &s, &code);
	a->status = s.status;
	a->type = s.type;
	memcpy(a->cookies, s.cookies, sizeof a->cookies);
	a->location = s.location;
	a->retry_s = s.retry_s;
	return code;
}

static int answer(struct console *c, struct console_context *of, struct request_of *r)
{
	struct answer_of *a = &r->answer;
	static const char *const agents[] = {
	    "/v1/messages", "/v1/chat/", "/v1/responses", "/v1/embeddings", "/v1/models", "/v1beta/", "/p/"};
	for (size_t i = 0; i < sizeof agents / sizeof *agents; i++)
		if (slice_starts(r->path, slice_of(agents[i])))
			return refuse_agent(c, a);
	bool reads = slice_eq(r->method, SLICE("GET")) || slice_eq(r->method, SLICE("HEAD"));
	if (otlp_intake_path(r->path))
		return slice_eq(r->method, SLICE("POST"))
		           ? take_telemetry(c, r, r->path, a)
		           : refuse(a, 405, "telemetry is sent here: use POST");
	if (signin_is_path(r->path))
		return answer_signin(c, r);
	if (!reads && !slice_starts(r->path, API))
		return refuse(a, 405, "this path only shows: use GET");
	if (!reads && !may_change(r, a))
		return 0;
	if (slice_eq(r->path, SLICE("/healthz")))
		return say(a, 200, "ok");
	if (slice_eq(r->path, SLICE("/readyz")))
		return ready(c, a);
	if (reads && console_asset_answer(r->path, &r->headers, &a->page, &a->body))
		return a->page.status == 503 ? ERR_NOMEM : 0;
	struct asker k;
	int code = 0;
	if (identify(c, r, &k, a))
		code = k.by_cookie && !reads && !is_by_page(r)
		           ? refuse(a, 403,
		                    "a change by who is signed in to the console wants the header "
		                    "x-weir-console: 1, which "
		                    "another site's page cannot send")
		           : answer_known(c, of, r, &k.who, reads ? SLICE("GET") : r->method, a);
	asker_release(&k);
	return code;
}

/* On a thread of the pool. */
static void run_job(void *arg, struct console_context *of, void *job)
{
	struct request_of *r = job;
	r->code = answer(arg, of, r);
	r->stage = REQUEST_ANSWERED;
	MHD_resume_connection(r->connection); /* r is the library's thread's from here on */
}

/* What asks the ledger, or waits for it. */
static bool is_job(const struct request_of *r)
{
	if (signin_is_path(r->path))
		return true;
	return slice_starts(r->path, API) && !slice_eq(r->path, SLICE("/api/v1/events")) &&
	       !slice_eq(r->path, SLICE("/api/v1/live"));
}

/* Suspended before a thread can have it, which then resumes it. */
static void give_away(struct console *c, struct request_of *r)
{
	r->stage = REQUEST_ASKED;
	MHD_suspend_connection(r->connection);
	if (console_pool_push(c->pool, r))
		return;
	r->code = refuse(&r->answer, 503, "too many questions wait for the ledger: ask again in a moment");
	r->stage = REQUEST_ANSWERED;
	MHD_resume_connection(r->connection);
}

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
	(void)cls, (void)connection;
	struct request_of *r = calloc(1, sizeof *r);
	if (r) {
		snprintf(r->target, sizeof r->target, "%s", uri);
		slice path, rest = slice_of(uri);
		slice_split(&rest, '?', &path);
		buf_init(&r->body, otlp_intake_path(path) ? OTLP_BODY_MAX : ADMIN_BODY_MAX);
		buf_init(&r->answer.body, BODY_MAX);
		r->answer.status = 500;
		r->answer.type = "text/plain";
	}
	return r;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode code)
{
	struct console *c = cls;
	(void)connection, (void)code;
	struct request_of *r = *con_cls;
	if (r) {
		c->bodies -= r->body.n;
		buf_release(&r->body);
		buf_release(&r->answer.body);
		free(r->answer.location);
	}
	free(r);
	*con_cls = NULL;
}

/* What a file of the page needs besides: how it is packed, and for how long it may be kept. */
static void put_page_headers(struct MHD_Response *response, struct answer_of *a)
{
	const struct asset_answer *page = &a->page;
	char tag[40];
	snprintf(tag, sizeof tag, "\"%s\"", page->asset.tag);
	a->status = page->status;
	a->type = page->asset.type;
	MHD_add_response_header(response, "ETag", tag);
	MHD_add_response_header(response, "Vary", "Accept-Encoding");
	if (page->encoding)
		MHD_add_response_header(response, "Content-Encoding", page->encoding);
	MHD_add_response_header(response, "Cache-Control",
	                        page->asset.immutable ? "public, max-age=31536000, immutable" : "no-cache");
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, struct answer_of *a)
{
	bool fixed = a->page.body.n > 0;
	slice body = fixed ? a->page.body : buf_slice(&a->body);
	struct MHD_Response *response =
	    a->stream
	        ? a->stream
	        : MHD_create_response_from_buffer(body.n, (void *)(uintptr_t)(body.n ? body.p : ""),
	                                          fixed ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_COPY);
	if (response == NULL)
		return MHD_NO;
	if (a->page.status)
		put_page_headers(response, a);
	else
		MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "Content-Type", a->type);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "X-Frame-Options", "DENY");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(response, "Content-Security-Policy",
	                        a->page.status ? CONSOLE_PAGE_POLICY
	                                       : "default-src 'none'; frame-ancestors 'none'");
	MHD_add_response_header(response, "Cross-Origin-Opener-Policy", "same-origin");
	MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
	for (size_t i = 0; i < sizeof a->cookies / sizeof *a->cookies; i++)
		if (a->cookies[i][0])
			MHD_add_response_header(response, "Set-Cookie", a->cookies[i]);
	if (a->location)
		MHD_add_response_header(response, "Location", a->location);
	if (a->retry_s) {
		char seconds[16];
		snprintf(seconds, sizeof seconds, "%d", a->retry_s);
		MHD_add_response_header(response, "Retry-After", seconds);
	}
	enum MHD_Result r = MHD_queue_response(connection, (unsigned)a->status, response);
	MHD_destroy_response(response);
	return r;
}

/* What is asked, once all of it is there; refused, or answered, here or by the pool. True when the pool has
 * it, or has had it: r may be another thread's. */
static bool take_request(struct console *c, struct request_of *r, const char *method, const char *version)
{
	struct strict_out framing;
	MHD_get_connection_values_n(r->connection, MHD_HEADER_KIND, collect, r);
	r->headers.at = r->at;
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	struct strict_in in = {slice_of(method),    slice_of(r->target),          slice_of(version),
	                       &r->headers,         info ? info->header_size : 0, c->settings->hosts,
	                       c->settings->hosts_n};
	strict_check(&in, &framing);
	r->query = slice_of(r->target);
	r->path = SLICE_NONE;
	slice_split(&r->query, '?', &r->path);
	r->method = slice_of(method);
	r->peer = server_peer(r->connection, c->ctx.shared->device_seed);
	if (framing.status == 0 && !tls_client_ok(&c->tls, r->connection)) {
		framing.status = 401;
		framing.message = "a client certificate is needed here, signed by the authority of "
		                  "console.listen.tls.client_ca";
	}
	if (framing.status == 0 && is_job(r)) {
		give_away(c, r);
		return true;
	}
	r->code =
	    framing.status ? refuse(&r->answer, framing.status, framing.message) : answer(c, &c->ctx, r);
	r->stage = REQUEST_ANSWERED;
	return false;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *piece, size_t *piece_n,
                                  void **con_cls)
{
	struct console *c = cls;
	struct request_of *r = *con_cls;
	(void)url;
	if (r == NULL)
		return MHD_NO;
	bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
	if (!r->begun && !reads) { /* the head alone: the body comes next */
		r->begun = true;
		return MHD_YES;
	}
	if (*piece_n) {
		r->busy = r->busy || c->bodies + *piece_n > BODIES_MAX;
		if (!r->busy && !r->too_large && buf_append(&r->body, slice_make(piece, *piece_n)) == 0)
			c->bodies += *piece_n;
		else
			r->too_large = true;
		*piece_n = 0;
		return MHD_YES;
	}
	if (r->stage == REQUEST_NEW) {
		r->connection = connection;
		if (take_request(c, r, method, version))
			return MHD_YES;
	}
	if (r->code) {
		buf_clear(&r->answer.body);
		r->answer.page.status = 0;
		refuse(&r->answer, 500, "the answer could not be made; see the log of weir serve");
	}
	return send_answer(connection, &r->answer);
}

/* `weir demo` names its providers so. */
static bool all_simulated(const struct settings *s)
{
	for (size_t i = 0; i < s->providers_n; i++)
		if (!slice_starts(s->providers[i].name, SLICE("simulated")))
			return false;
	return s->providers_n > 0;
}

static struct MHD_Daemon *start_daemon(struct console *c, int fd)
{
	struct MHD_OptionItem tls[TLS_OPTIONS];
	unsigned flags = MHD_USE_EPOLL | MHD_USE_INTERNAL_POLLING_THREAD | MHD_ALLOW_SUSPEND_RESUME |
	                 (tls_on(&c->tls) ? MHD_USE_TLS : 0);
	tls_options(&c->tls, tls);
	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, c, MHD_OPTION_LISTEN_SOCKET, fd,
	                        MHD_OPTION_CONNECTION_LIMIT, 256u, MHD_OPTION_CONNECTION_TIMEOUT, 60u,
	                        MHD_OPTION_URI_LOG_CALLBACK, on_uri, c, MHD_OPTION_NOTIFY_COMPLETED,
	                        on_completed, c, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, tls,
	                        MHD_OPTION_END);
}

struct console *console_start(struct shared *s, struct worker *workers, int workers_n, struct writer *writer,
                              const struct ledger_ops *ops, slice store, struct error *e)
{
	struct console *c = calloc(1, sizeof *c);
	if (c == NULL)
		return error_set(e, ERR_NOMEM, "out of memory"), NULL;
	c->settings = settings_ref(s->settings);
	pthread_mutex_init(&c->lock, NULL);
	c->ctx = (struct console_context){.shared = s,
	                                  .workers = workers,
	                                  .workers_n = workers_n,
	                                  .writer = writer,
	                                  .lock = &c->lock,
	                                  .ops = ops,
	                                  .timezone = c->settings->timezone,
	                                  .simulated = all_simulated(c->settings)};
	int fd = -1;
	if (ops->open(store.p, false, &c->ctx.ledger, e) == 0 &&
	    ops->open(store.p, true, &c->ctx.writable, e) == 0 &&
	    tls_read(&c->tls, &c->settings->console, e) == 0 &&
	    server_port_free(c->settings->console.host, c->settings->console.port, e) == 0)
		fd = server_listen(c->settings->console.host, c->settings->console.port, &c->port, e);
	c->signin = signin_new(s->clock);
	if (fd >= 0 && c->signin == NULL)
		error_set(e, ERR_NOMEM, "out of memory");
	else if (fd >= 0)
		c->events = events_start(&c->ctx, e);
	c->ctx.events = c->events;
	if (c->events)
		c->pool = console_pool_start(&c->ctx, store, run_job, c, e);
	if (c->pool) {
		c->daemon = start_daemon(c, fd);
		if (c->daemon == NULL)
			error_set(e, ERR_IO,
			          tls_on(&c->tls)
			              ? "the console did not start: are its certificate and key a valid pair?"
			              : "the console did not start");
	}
	if (c->daemon)
		return c;
	console_stop(c);
	return NULL;
}

void console_stop(struct console *c)
{
	if (c->events)
		events_close(c->events);
	if (c->pool)
		console_pool_stop(c->pool);
	if (c->daemon)
		MHD_stop_daemon(c->daemon);
	if (c->pool)
		console_pool_free(c->pool);
	if (c->events)
		events_stop(c->events);
	if (c->ctx.ledger)
		c->ctx.ops->close(c->ctx.ledger);
	if (c->ctx.writable)
		c->ctx.ops->close(c->ctx.writable);
	signin_free(c->signin);
	tls_release(&c->tls);
	settings_unref(c->settings);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void console_url_get(const struct console *c, char *out, size_t cap)
{
	bool v6 = slice_find_char(c->settings->console.host, ':') >= 0;
	snprintf(out, cap, "%s://%s" SLICE_FMT "%s:%d", tls_on(&c->tls) ? "https" : "http", v6 ? "[" : "",
	         SLICE_ARG(c->settings->console.host), v6 ? "]" : "", c->port);
}
