#include "gateway/exchange_impl.h"

#include <stdlib.h>

#include "base/money.h"
#include "gateway/admit.h"
#include "gateway/call_session.h"
#include "gateway/call_storm.h"
#include "gateway/foresee.h"
#include "gateway/hold.h"
#include "gateway/settle.h"

#define MEM_MAX (256 * 1024)
#define WHOLE_AT_ONCE                                                                                        \
	(256 * 1024) /* an answer up to this size is sent in one piece, with its cost in a header */
#define OWN_HEADERS_MAX (8 + WARN_HEADERS_MAX)              /* that Weir adds to an answer */
#define OUT_SLACK       (4 * STREAM_KEPT_MAX + 1024 * 1024) /* of an event, and of a stream's early end */

/* --- states --- */

static const char *const state_names[EX_STATES] = {
    "new", "reading", "held", "calling", "answering", "answered", "refused", "closed",
};

#define BIT(s) (1u << (s))
static const unsigned legal[EX_STATES] = {
    [EX_NEW] = BIT(EX_READING) | BIT(EX_REFUSED) | BIT(EX_CLOSED),
    [EX_READING] = BIT(EX_HELD) | BIT(EX_CALLING) | BIT(EX_REFUSED) | BIT(EX_CLOSED),
    [EX_HELD] = BIT(EX_CALLING) | BIT(EX_REFUSED) | BIT(EX_CLOSED),
    [EX_CALLING] = BIT(EX_ANSWERING) | BIT(EX_ANSWERED) | BIT(EX_REFUSED) | BIT(EX_CLOSED),
    [EX_ANSWERING] = BIT(EX_ANSWERED) | BIT(EX_REFUSED) | BIT(EX_CLOSED),
    [EX_ANSWERED] = BIT(EX_CLOSED),
    [EX_REFUSED] = BIT(EX_CLOSED),
};

const char *exchange_state_name(enum exchange_state s)
{
	return s < EX_STATES ? state_names[s] : "?";
}

void exchange_set_state(struct exchange *ex, enum exchange_state to)
{
	if (ex->state == EX_HELD) {
		held_remove(&ex->w->held, &ex->wait);
		COUNT(ex->w, held_ended);
	}
	if (!(legal[ex->state] & BIT(to))) {
		log_event(ex->w->shared->log, LOG_ERROR, "exchange.illegal_transition",
		          LOG_Z("from", exchange_state_name(ex->state)), LOG_Z("to", exchange_state_name(to)),
		          LOG_Z("id", ex->record.id));
		return;
	}
	ex->state = to;
}

/* --- life --- */

struct exchange *exchange_new(struct worker *w, slice target_raw)
{
	struct exchange *ex = calloc(1, sizeof *ex);
	if (ex == NULL)
		return NULL;
	ex->w = w;
	arena_init(&ex->mem, MEM_MAX);
	ex->settings = settings_ref(w->settings);
	ex->keys = keyring_ref(w->keys);
	ex->trust = trust_ref(w->trust);
	ex->loopback = ex->settings->listen.loopback;
	ex->arrived_us = ex->last_byte_us = clock_mono_us(w->shared->clock);
	buf_init(&ex->out, (size_t)ex->settings->limits.stream_buffer + OUT_SLACK +
	                       (size_t)ex->settings->limits.event_bytes);
	ex->answer_length = -1;
	ex->target_raw = arena_copy(&ex->mem, target_raw);
	if (ex->target_raw.p == NULL) {
		arena_release(&ex->mem);
		settings_unref(ex->settings);
		keyring_unref(ex->keys);
		trust_unref(ex->trust);
		free(ex);
		return NULL;
	}
	ex->next = w->active;
	if (w->active)
		w->active->prev = ex;
	w->active = ex;
	w->active_n++;
	atomic_fetch_add_explicit(&w->shared->calls, 1, memory_order_relaxed);
	COUNT(w, requests);
	return ex;
}

/* The request's bytes are no longer needed; ranges into them are forgotten. */
static void free_body(struct exchange *ex)
{
	block_release(&ex->w->blocks, &ex->body);
	struct request_view *v = &ex->view;
	v->body = v->model_raw = v->max_output_raw = v->system = v->tools = v->messages = SLICE_NONE;
	v->client_metadata = v->mcp_servers = v->stream_options = v->user_id = v->session_hint = SLICE_NONE;
	v->model = ex->record.text[TEXT_MODEL_REQUESTED];
	v->effort = ex->record.text[TEXT_EFFORT];
	v->speed = ex->record.text[TEXT_SPEED];
	v->service_tier = ex->record.text[TEXT_SERVICE_TIER];
	atomic_fetch_sub(&ex->w->shared->bodies, ex->held_bytes);
	ex->held_bytes = 0;
}

void exchange_free(struct exchange *ex)
{
	struct worker *w = ex->w;
	admit_quota_end(ex);
	free_body(ex);
	hold_release(ex);
	meter_release(&ex->meter);
	batch_tap_release(ex);
	atomic_fetch_sub(&w->shared->bodies, ex->held_whole);
	block_release(&w->blocks, &ex->whole);
	buf_release(&ex->out);
	if (ex->prev)
		ex->prev->next = ex->next;
	else
		w->active = ex->next;
	if (ex->next)
		ex->next->prev = ex->prev;
	w->active_n--;
	atomic_fetch_sub_explicit(&w->shared->calls, 1, memory_order_relaxed);
	settings_unref(ex->settings);
	keyring_unref(ex->keys);
	trust_unref(ex->trust);
	arena_release(&ex->mem);
	free(ex);
}

/* Nothing more comes from the provider; of a body that is not whole, what passed is counted. */
void exchange_stop_provider(struct exchange *ex)
{
	if (ex->call)
		upstream_cancel(ex->call);
	ex->call = NULL;
	if (ex->gather) {
		ex->meter.lost = true;
		ex->meter.passed = ex->whole.n;
	}
}

void exchange_close(struct exchange *ex, bool delivered)
{
	if (!delivered && exchange_drain(ex)) {
		exchange_detach(ex);
		return;
	}
	exchange_stop_provider(ex);
	settle_call(ex, ENDING_CLIENT_GONE, delivered ? NULL : "the client closed its connection");
	exchange_set_state(ex, EX_CLOSED);
	exchange_free(ex);
}

/* --- refusals --- */

static void add_answer_header(struct exchange *ex, slice name, slice value)
{
	struct header *at = (struct header *)(uintptr_t)ex->answer_headers.at;
	if (at && value.p && ex->answer_headers.n < ex->answer_headers_room)
		at[ex->answer_headers.n++] = (struct header){name, value};
}

static void start_answer_headers(struct exchange *ex, size_t of_provider)
{
	struct header *at;
	ex->answer_headers_room = of_provider + OWN_HEADERS_MAX;
	at = arena_alloc(&ex->mem, sizeof *at * ex->answer_headers_room);
	ex->answer_headers = (struct headers){at, 0};
	if (ex->record.id[0])
		add_answer_header(ex, SLICE("x-weir-request-id"), slice_of(ex->record.id));
	if (ex->record.who.v[ATTR_SESSION].n)
		add_answer_header(ex, SLICE("x-weir-session"),
		                  arena_copy(&ex->mem, ex->record.who.v[ATTR_SESSION]));
	hold_headers(ex, add_answer_header);
}

/* Weir's own answer in place of a provider's. */
static void answer_refusal(struct exchange *ex, enum refusal_kind kind, slice message)
{
	struct refusal_answer a;
	buf_clear(&ex->out);
	ex->whole.n = 0;
	ex->gather = false;
	int r = refusal_write(kind, kind == REFUSAL_MALFORMED ? ex->status : 0, message, ex->refuser,
	                      refusal_reader(&ex->headers), &a, &ex->out);
	ex->status = r ? 500 : a.status;
	start_answer_headers(ex, 0);
	add_answer_header(ex, SLICE("content-type"), slice_of(a.content_type));
	add_answer_header(ex, a.fault ? SLICE("x-weir-fault") : SLICE("x-weir-refusal"),
	                  slice_of(refusal_name(kind)));
	if (!a.fault)
		add_answer_header(ex, SLICE("x-should-retry"), SLICE("false"));
	if (a.retry_after && ex->retry_after_s > 0)
		a.retry_after =
		    ex->retry_after_s < REFUSAL_RETRY_AFTER_MAX ? ex->retry_after_s : REFUSAL_RETRY_AFTER_MAX;
	if (a.retry_after)
		add_answer_header(ex, SLICE("retry-after"), arena_printf(&ex->mem, "%d", a.retry_after));
	if (kind == REFUSAL_UPGRADE)
		add_answer_header(ex, SLICE("upgrade"), SLICE("HTTP/1.1"));
	ex->answer_length = (int64_t)ex->out.n;
	ex->ready = true;
	exchange_set_state(ex, EX_REFUSED);
}

void exchange_refuse(struct exchange *ex, enum refusal_kind kind, const char *rule, slice message)
{
	if (message.p == NULL)
		message = SLICE("refused; out of memory for the details");
	answer_refusal(ex, kind, message);
	COUNT(ex->w, refused);
	if (kind == REFUSAL_OVERLOAD)
		COUNT(ex->w, overload);
	log_event(ex->w->shared->log, LOG_INFO, "refused", LOG_Z("kind", refusal_name(kind)),
	          LOG_S("id", slice_of(ex->record.id)), LOG_S("message", message));
	settle_refusal(ex, rule, message);
}

/* --- the provider's side --- */

static void on_leave(void *arg)
{
	struct exchange *ex = arg;
	if (!ex->left)
		journal_left(ex->w->shared->journal, ex->slot);
	ex->left = true;
}

static bool answer_header_passes(slice name, slice connection)
{
	if (admit_is_framing_header(name) || slice_eq_nocase(name, SLICE("alt-svc")) ||
	    slice_starts_nocase(name, SLICE("x-weir-")))
		return false;
	slice part;
	while (slice_split(&connection, ',', &part))
		if (slice_eq_nocase(slice_trim(part), name))
			return false;
	return true;
}

static void copy_answer_headers(struct exchange *ex, const struct headers *h)
{
	slice connection = headers_get(h, SLICE("connection"));
	start_answer_headers(ex, h->n);
	struct header warn[WARN_HEADERS_MAX];
	bool claude_code = api_dialect(ex->target.api) == DIALECT_ANTHROPIC &&
	                   slice_eq(ex->record.who.v[ATTR_AGENT], SLICE("claude-code"));
	size_t warnings = warn_headers(&ex->budget, h, claude_code, &ex->mem, warn);
	for (size_t i = 0; i < warnings; i++)
		add_answer_header(ex, warn[i].name, warn[i].value);
	for (size_t i = 0; i < h->n; i++)
		if (answer_header_passes(h->at[i].name, connection))
			add_answer_header(ex, arena_copy(&ex->mem, h->at[i].name),
			                  arena_copy(&ex->mem, h->at[i].value));
}

static void on_head(void *arg, int status, const struct headers *h)
{
	struct exchange *ex = arg;
	long long length;
	ex->first_byte_us = ex->last_byte_us = clock_mono_us(ex->w->shared->clock);
	ex->w->answer_us += (ex->first_byte_us - ex->asked_us - ex->w->answer_us) / 8;
	ex->w->awake_until_us = 0;
	ex->status = status;
	admit_quota_learn(ex, status, h);
	copy_answer_headers(ex, h);
	if (headers_get(h, SLICE("content-encoding")).p == NULL &&
	    slice_to_i64(headers_get(h, SLICE("content-length")), &length))
		ex->answer_length = length;
	slice type = headers_get(h, SLICE("content-type"));
	bool events = slice_starts_nocase(type, SLICE("text/event-stream"));
	bool frames = slice_starts_nocase(type, SLICE("application/vnd.amazon.eventstream"));
	bool lines = slice_starts_nocase(type, SLICE("application/x-ndjson")) ||
	             slice_starts_nocase(type, SLICE("application/stream+json")) ||
	             slice_starts_nocase(type, SLICE("application/jsonl"));
	bool metered = ex->codec != NULL && !slice_eq(ex->method, SLICE("HEAD"));
	meter_begin(&ex->meter,
	            !metered ? METER_PASS
	            : events ? METER_EVENTS
	            : frames ? METER_FRAMES
	            : lines  ? METER_LINES
	                     : METER_WHOLE,
	            (size_t)ex->settings->limits.event_bytes);
	if (status < 400)
		meter_head(&ex->meter, h);
	batch_tap_head(ex, status);
	ex->gather = ex->meter.mode == METER_WHOLE;
	if (ex->meter.edits)
		ex->answer_length = -1;
	if (upstream_body_sent(ex->call))
		free_body(ex);
	exchange_set_state(ex, EX_ANSWERING);
	if (!ex->gather || ex->view.stream) {
		ex->streaming = ex->ready = true;
		ex->wake(ex);
	}
}

/* A gathered body that grows past what is kept goes on as a stream; its usage will be counted. */
static void stop_gathering(struct exchange *ex)
{
	ex->gather = false;
	ex->meter.lost = true;
	ex->meter.passed = ex->whole.n;
}

/* False when the answer, or all that is held together, grows over its cap. */
static bool gather(struct exchange *ex, slice piece)
{
	struct shared *s = ex->w->shared;
	size_t before = ex->whole.cap, want = ex->whole.n + piece.n, ask = want;
	if ((int64_t)want > ex->settings->limits.answer_bytes)
		return false;
	if (want > before) { /* in one step when the size is known, else by doubling */
		bool told = ex->answer_length >= (int64_t)want && ex->answer_length <= WHOLE_AT_ONCE;
		ask = told ? (size_t)ex->answer_length : want > before * 2 ? want : before * 2;
		if (atomic_load_explicit(&s->bodies, memory_order_relaxed) >
		        ex->settings->limits.bodies_bytes ||
		    !block_reserve(&ex->w->blocks, &ex->whole, ask))
			return false;
		int64_t more = (int64_t)ex->whole.cap - (int64_t)before;
		atomic_fetch_add(&s->bodies, more);
		ex->held_whole += more;
	}
	memcpy(ex->whole.p + ex->whole.n, piece.p, piece.n);
	ex->whole.n = want;
	if (!ex->streaming && ex->whole.n > WHOLE_AT_ONCE)
		ex->streaming = ex->ready = true;
	return true;
}

/* Bytes that wait for the client: the beginning of an event is kept until its end is here. */
int64_t exchange_out_ready(const struct exchange *ex)
{
	size_t tail = ex->state == EX_ANSWERING ? meter_tail(&ex->meter) : 0;
	return (int64_t)(ex->out.n > tail ? ex->out.n - tail : 0);
}

static void end_stream(struct exchange *ex);

static bool on_body(void *arg, slice piece)
{
	struct exchange *ex = arg;
	ex->last_byte_us = clock_mono_us(ex->w->shared->clock);
	if (ex->draining) {
		buf_clear(&ex->out);
		ex->drain_left -= (int64_t)piece.n;
		if (ex->drain_left < 0) /* the next tick ends it */
			return true;
	}
	if (ex->gather && !gather(ex, piece)) {
		stop_gathering(ex);
		ex->streaming = ex->ready = true;
	}
	if (!ex->gather) {
		if (exchange_out_ready(ex) >= ex->settings->limits.stream_buffer) {
			COUNT(ex->w, pauses);
			hold_whole(ex);
			return false;
		}
		if (!batch_tap_piece(ex, piece))
			return false;
		if (meter_feed(&ex->meter, piece, &ex->out)) {
			ex->broken = true; /* no memory: the client sees an early end, the rest is counted */
			ex->meter.lost = true;
		}
		hold_follow(ex);
		if (ex->slot && meter_is_stream(&ex->meter) && meter_progress(&ex->meter, &ex->noted))
			journal_progress(ex->w->shared->journal, ex->slot, &ex->noted);
		if (ex->end.wanted && meter_can_cut(&ex->meter))
			end_stream(ex);
	}
	if (ex->streaming)
		ex->wake(ex);
	return true;
}

static enum ending ending_of(const struct exchange *ex)
{
	if (ex->status >= 400 || ex->meter.answer.error)
		return ENDING_PROVIDER_ERROR;
	/* A stream whose dialect has a last word, and that ended without it. */
	if (meter_is_stream(&ex->meter) && !ex->meter.answer.ended && ex->price)
		return ENDING_PROVIDER_GONE;
	return ENDING_COMPLETE;
}

/* The provider's answer ends here, before its end. What passed is booked; a client that has seen nothing yet
 * gets Weir's words instead, one that is reading sees its stream break off. */
void exchange_cut_short(struct exchange *ex, enum ending ending, enum refusal_kind kind, slice text)
{
	exchange_stop_provider(ex);
	if (!ex->streaming)
		ex->status = kind == REFUSAL_TIMEOUT ? 504 : 502;
	settle_call(ex, ending, text.p);
	if (ex->streaming) {
		ex->broken = true;
		exchange_set_state(ex, EX_ANSWERED);
	} else {
		answer_refusal(ex, kind, text.p ? text : SLICE("the provider's answer did not come"));
	}
	ex->wake(ex);
}

static void provider_failed(struct exchange *ex, enum upstream_end end, const char *message)
{
	slice text =
	    arena_printf(&ex->mem,
	                 end == UPSTREAM_UNREACHABLE
	                     ? "the provider \"" SLICE_FMT "\" cannot be reached: %s (base_url " SLICE_FMT
	                       "); see `weir doctor --online`"
	                     : "the provider \"" SLICE_FMT "\" broke off: %s (base_url " SLICE_FMT ")",
	                 SLICE_ARG(ex->provider->name), message, SLICE_ARG(ex->provider->base_url));
	log_event(ex->w->shared->log, LOG_WARN, "provider.failed", LOG_S("provider", ex->provider->name),
	          LOG_Z("why", message), LOG_Z("id", ex->record.id));
	exchange_cut_short(ex, ENDING_PROVIDER_GONE, REFUSAL_PROVIDER, text);
}

static void on_end(void *arg, enum upstream_end end, const char *message)
{
	struct exchange *ex = arg;
	ex->call = NULL;
	if (ex->body.p)
		free_body(ex);
	if (ex->draining) {
		exchange_drained(ex, end == UPSTREAM_COMPLETE && ex->drain_left >= 0);
		return;
	}
	if (end != UPSTREAM_COMPLETE) {
		provider_failed(ex, end, message);
		return;
	}
	if (ex->gather)
		meter_whole(&ex->meter, slice_make(ex->whole.p, ex->whole.n));
	if (meter_finish(&ex->meter, &ex->out))
		ex->broken = true;
	batch_tap_end(ex, slice_make(ex->whole.p, ex->whole.n));
	enum ending ending = ending_of(ex);
	settle_call(ex, ending,
	            ending == ENDING_PROVIDER_GONE ? "the provider's stream ended without its last event"
	                                           : NULL);
	exchange_set_state(ex, EX_ANSWERED);
	batch_tap_edit(ex);
	if (!ex->streaming) {
		char usd[MONEY_TEXT_MAX];
		ex->answer_length = (int64_t)ex->whole.n;
		if (ex->cost_known) {
			size_t n = money_format_exact(ex->cost.total, usd);
			add_answer_header(ex, SLICE("x-weir-cost"), arena_copy(&ex->mem, slice_make(usd, n)));
		}
	}
	ex->ready = true;
	ex->wake(ex);
}

static const struct upstream_handler provider_side = {
    .on_leave = on_leave,
    .on_head = on_head,
    .on_body = on_body,
    .on_end = on_end,
};

/* --- the client's side --- */

/* Where a refusal goes out: at once, or when the body that the client is sending has been read away. */
static enum exchange_next after_refusal(struct exchange *ex)
{
	bool body = ex->framing.chunked || ex->framing.content_length > 0;
	if (!body || ex->refused_close || ex->framing.expect_continue)
		return NEXT_ANSWER;
	ex->discarding = true;
	ex->ready = false;
	return NEXT_BODY;
}

enum exchange_next exchange_head(struct exchange *ex, size_t head_bytes)
{
	if (!admit_head(ex, head_bytes))
		return after_refusal(ex);
	exchange_set_state(ex, EX_READING);
	return NEXT_BODY;
}

void exchange_body(struct exchange *ex, slice piece)
{
	ex->last_byte_us = ex->w->now_us;
	COUNT_ADD(ex->w, bytes_in, piece.n);
	if (ex->discarding)
		return;
	if (!admit_piece(ex, piece)) {
		ex->discarding = true;
		ex->ready = false;
		free_body(ex);
	}
}

/* The stages of admission after the body: what a call is held back for comes before what it holds. */
static admit_stage *const stages[] = {admit_body,    admit_session, admit_frozen,  admit_gates, admit_storm,
                                      admit_context, admit_quotas,  admit_budgets, admit_intent};
#define STAGES (sizeof stages / sizeof *stages)

/* All stages have let the call on: it leaves. */
static enum exchange_next leave(struct exchange *ex)
{
	struct upstream_request request;
	meter_init(&ex->meter, ex->codec, &ex->view);
	meter_count_with(&ex->meter, ex->w->shared->predictor, ex->w->counting);
	foresee_sample(ex);
	usage_clear(&ex->noted);
	exchange_set_state(ex, EX_CALLING);
	if (!admit_request(ex, &request)) {
		settle_call(ex, ENDING_CLIENT_GONE, NULL);
		return NEXT_ANSWER;
	}
	ex->asked_us = ex->last_byte_us = clock_mono_us(ex->w->shared->clock);
	ex->call = upstream_start(ex->w->upstream, &request, &ex->mem, &provider_side, ex);
	if (ex->call == NULL) {
		settle_call(ex, ENDING_CLIENT_GONE, NULL);
		exchange_refuse(ex, REFUSAL_OVERLOAD, "memory",
		                SLICE("out of memory; try again in a few seconds"));
		return NEXT_ANSWER;
	}
	if (ex->w->answer_us < AWAKE_US)
		ex->w->awake_until_us = ex->asked_us + AWAKE_US;
	COUNT(ex->w, calls);
	return NEXT_WAIT;
}

static enum exchange_next advance(struct exchange *ex)
{
	while (ex->stage < STAGES) {
		enum admit_next next = stages[ex->stage](ex);
		if (next != ADMIT_ON)
			return next == ADMIT_HELD ? NEXT_WAIT : NEXT_ANSWER;
		ex->stage++;
	}
	return leave(ex);
}

enum exchange_next exchange_body_end(struct exchange *ex)
{
	if (ex->state == EX_REFUSED) {
		ex->ready = true;
		return NEXT_ANSWER;
	}
	return advance(ex);
}

bool exchange_hold_back(struct exchange *ex, int64_t until_us)
{
	struct worker *w = ex->w;
	int64_t now = clock_mono_us(w->shared->clock), since = ex->wait.since_us ? ex->wait.since_us : now;
	int64_t last = since + ex->settings->limits.hold_back_ms * 1000;
	if (ex->broken || now >= last || atomic_load_explicit(&w->shared->draining, memory_order_relaxed))
		return false;
	ex->wait.owner = ex;
	if (!held_add(&w->held, &ex->wait, until_us < last ? until_us : last))
		return false;
	if (ex->state != EX_HELD) {
		ex->wait.since_us = since;
		exchange_set_state(ex, EX_HELD);
		COUNT(w, held);
	}
	return true;
}

void exchange_retry(void *held)
{
	struct exchange *ex = held;
	if (ex->state != EX_HELD || ex->broken)
		return;
	if (atomic_load_explicit(&ex->w->shared->draining, memory_order_relaxed))
		exchange_refuse(ex, REFUSAL_OVERLOAD, "draining",
		                SLICE("this gateway is shutting down; try again in a moment"));
	else if (admit_frozen(ex) == ADMIT_ON)
		advance(ex);
	if (ex->ready)
		ex->wake(ex);
}

long exchange_read(struct exchange *ex, char *out, size_t max)
{
	size_t n = ex->whole.n - ex->whole_at;
	if (ex->draining)
		return -2;
	if (n) {
		n = n < max ? n : max;
		memcpy(out, ex->whole.p + ex->whole_at, n);
		ex->whole_at += n;
	} else if (exchange_out_ready(ex)) {
		n = (size_t)exchange_out_ready(ex) < max ? (size_t)exchange_out_ready(ex) : max;
		memcpy(out, buf_slice(&ex->out).p, n);
		buf_consume(&ex->out, n);
		if (ex->call && exchange_out_ready(ex) < ex->settings->limits.stream_buffer / 2)
			upstream_resume(ex->call);
	} else {
		if (ex->broken)
			return -2;
		return ex->state == EX_ANSWERING ? 0 : -1;
	}
	COUNT_ADD(ex->w, bytes_out, n);
	return (long)n;
}

static void end_early(struct exchange *ex, enum ending ending, const char *note)
{
	exchange_stop_provider(ex);
	settle_call(ex, ending, note);
	ex->broken = true;
	exchange_set_state(ex, EX_ANSWERED);
}

static void stop_waiting(struct exchange *ex)
{
	held_remove(&ex->w->held, &ex->wait);
	ex->broken = true;
	ex->wake(ex);
}

void exchange_client_gone(struct exchange *ex)
{
	if (ex->state == EX_HELD) { /* nothing of it left: nobody has spent anything */
		COUNT(ex->w, held_gone);
		stop_waiting(ex);
	} else if (exchange_drain(ex)) {
		ex->wake(ex);
	} else if (ex->state == EX_CALLING || ex->state == EX_ANSWERING) {
		end_early(ex, ENDING_CLIENT_GONE, "the client closed its connection");
		ex->wake(ex);
	}
}

/* The stream ends here, between two events. */
static void end_stream(struct exchange *ex)
{
	struct usage used;
	const struct clock *clock = ex->w->shared->clock;
	meter_usage(&ex->meter, ex->body_n, true, &used);
	struct stream_cut cut = {.message = ex->end.message,
	                         .usage = &used,
	                         .id = ex->record.id,
	                         .time_s = clock_wall_ms(clock) / 1000,
	                         .latency_ms = (clock_mono_us(clock) - ex->arrived_us) / 1000};
	ex->end.wanted = false;
	exchange_stop_provider(ex);
	settle_call(ex, ENDING_TRUNCATED, ex->end.message.p);
	if (meter_cut(&ex->meter, &cut, &ex->out))
		ex->broken = true;
	exchange_set_state(ex, EX_ANSWERED);
	COUNT(ex->w, truncated);
	ex->wake(ex);
}

bool exchange_end_stream(struct exchange *ex, enum refusal_kind kind, slice rule, slice message)
{
	bool answering = ex->state == EX_ANSWERING, stream = meter_is_stream(&ex->meter);
	if ((ex->state != EX_CALLING && !answering) || (stream && ex->meter.open.ended) ||
	    (ex->streaming && !stream))
		return false;
	ex->end =
	    (struct exchange_end){true, kind, arena_copy(&ex->mem, rule), arena_copy(&ex->mem, message)};
	if (ex->end.message.p == NULL)
		ex->end.message = SLICE("ended by a rule of Weir's");
	ex->record.decision = DECISION_TRUNCATED;
	ex->record.text[TEXT_RULE] = ex->end.rule;
	if (!ex->streaming) {
		exchange_stop_provider(ex);
		ex->status = refusal_status(kind);
		settle_call(ex, ENDING_TRUNCATED, ex->end.message.p);
		answer_refusal(ex, kind, ex->end.message);
		ex->wake(ex);
	} else if (meter_can_cut(&ex->meter)) {
		end_stream(ex);
	} else if (ex->meter.codec->cut == NULL) {
		end_early(ex, ENDING_TRUNCATED, ex->end.message.p);
		ex->wake(ex);
	}
	return true;
}

void exchange_abort(struct exchange *ex)
{
	if (ex->draining && ex->call) {
		exchange_drained(ex, false);
		return;
	}
	if (ex->state == EX_CALLING || ex->state == EX_ANSWERING)
		end_early(ex, ENDING_TRUNCATED, "the gateway was stopped before the answer was complete");
	stop_waiting(ex);
}
