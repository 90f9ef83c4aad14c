#include "gateway/admit.h"

#include "base/num.h"
#include "codec/registry.h"
#include "gateway/oidc.h"
#include "gateway/settle.h"
#include "gateway/sigv4.h"
#include "gateway/reroute.h"
#include "model/usage.h"
#include "policy/attribution.h"

/* A refused body up to this many times the cap is still read (and thrown away), so that the client, busy
 * sending, sees the answer. */
#define DISCARD_FACTOR 4

/* What makes a request smaller. */
#define SMALLER        "compact the conversation (/compact in most agents), or leave large files out of it"

static bool refuse(struct exchange *ex, enum refusal_kind kind, const char *rule, slice message)
{
	exchange_refuse(ex, kind, rule, message);
	return false;
}

/* --- head
 * ----------------------------------------------------------------------------------------------------------
 */

static bool admit_path(struct exchange *ex)
{
	switch (registry_route(ex->method, ex->target_raw, &ex->headers, &ex->mem, &ex->target)) {
	case ROUTE_OK:
		ex->codec = registry_codec(ex->target.api);
		if (ex->codec)
			ex->refuser = ex->codec;
		return true;
	case ROUTE_LOCAL_HELLO:
		ex->status = 200;
		ex->ready = true;
		exchange_set_state(ex, EX_REFUSED);
		return false;
	case ROUTE_WEBSOCKET:
		return refuse(ex, REFUSAL_UPGRADE, "websocket",
		              SLICE("Weir speaks HTTP here, not WebSocket: send the request by POST"));
	case ROUTE_BAD_METHOD:
		return refuse(ex, REFUSAL_METHOD, "method", SLICE("this path does not take that method"));
	case ROUTE_UNKNOWN:
		break;
	}
	return refuse(
	    ex, REFUSAL_NOT_FOUND, "path",
	    SLICE("no such path at this Weir gateway; it serves /v1/messages, "
	          "/v1/chat/completions, /v1/responses, /v1/embeddings, "
	          "/v1/models, /v1beta/models/MODEL:generateContent, /model/ID/converse and "
	          "/model/ID/invoke, /openai/deployments/NAME/..., and any named provider under "
	          "/p/PROVIDER/; the console has a port of its own (8788 unless `console:` says otherwise)"));
}

static bool start_record(struct exchange *ex)
{
	struct worker *w = ex->w;
	struct record *r = &ex->record;
	record_init(r);
	r->time_ms = clock_wall_ms(w->shared->clock);
	r->api = ex->target.api;
	r->text[TEXT_NODE] = slice_of(w->shared->node);
	r->text[TEXT_SOURCE] = SLICE("gateway");
	if (crypto_id(&w->ids, r->time_ms, r->id)) {
		r->id[0] = '\0';
		return refuse(ex, REFUSAL_OVERLOAD, "random",
		              SLICE("the machine gives no random numbers; try again"));
	}
	return true;
}

static bool admit_identity(struct exchange *ex)
{
	struct identity id;
	struct shared *s = ex->w->shared;
	struct identity_in in = {.keys = ex->keys,
	                         .trust = ex->trust,
	                         .headers = &ex->headers,
	                         .query = ex->target.query,
	                         .loopback = ex->loopback,
	                         .now_ms = clock_wall_ms(s->clock)};
	identity_check(&in, &ex->mem, &id);
	ex->who = id.who;
	if (id.stale >= 0 && s->oidc)
		oidc_refetch(s->oidc, id.stale);
	if (id.result == IDENTITY_OK || id.result == IDENTITY_ANONYMOUS) {
		ex->record.text[TEXT_KEY_ID] = ex->who.key_id;
		return true;
	}
	return refuse(ex, REFUSAL_IDENTITY, "identity", slice_of(id.why));
}

static bool admit_coding(struct exchange *ex)
{
	slice coding = headers_get(&ex->headers, SLICE("content-encoding"));
	if (coding.n == 0 || slice_eq_nocase(coding, SLICE("identity")))
		return true;
	return refuse(ex, REFUSAL_ENCODING, "content-encoding",
	              SLICE("a compressed request cannot be metered: send it without Content-Encoding "
	                    "(in most clients: switch request compression off)"));
}

static bool admit_size(struct exchange *ex)
{
	const struct limits *l = &ex->settings->limits;
	int64_t length = ex->framing.content_length;
	if (length <= l->body_bytes)
		return true;
	if (length > l->body_bytes * DISCARD_FACTOR)
		ex->refused_close = true;
	return refuse(ex, REFUSAL_SIZE, "limits.body",
	              arena_printf(&ex->mem,
	                           "Request too large: %lld bytes, the limit is %lld (limits.body in Weir's "
	                           "settings). To go on now: " SMALLER,
	                           (long long)length, (long long)l->body_bytes));
}

static bool admit_load(struct exchange *ex)
{
	struct shared *s = ex->w->shared;
	if (atomic_load_explicit(&s->draining, memory_order_relaxed))
		return refuse(ex, REFUSAL_OVERLOAD, "draining",
		              SLICE("this gateway is shutting down; try again in a moment"));
	if (atomic_load_explicit(&s->calls, memory_order_relaxed) > ex->settings->limits.calls)
		return refuse(ex, REFUSAL_OVERLOAD, "limits.calls",
		              SLICE("too many calls at once; try again in a few seconds"));
	return true;
}

/* Room for the body, out of the cap that all bodies share. */
static bool reserve_body(struct exchange *ex, size_t want)
{
	struct shared *s = ex->w->shared;
	if (want <= ex->body.cap)
		return true;
	int64_t more = (int64_t)(want - ex->body.cap);
	int64_t held = atomic_fetch_add(&s->bodies, more) + more;
	ex->held_bytes += more;
	if (held <= ex->settings->limits.bodies_bytes && block_reserve(&ex->w->blocks, &ex->body, want))
		return true;
	return refuse(ex, REFUSAL_OVERLOAD, "limits.bodies",
	              SLICE("too many large requests at once; try again in a few seconds"));
}

bool admit_head(struct exchange *ex, size_t head_bytes)
{
	struct strict_in in = {ex->method, ex->target_raw,      ex->version,          &ex->headers,
	                       head_bytes, ex->settings->hosts, ex->settings->hosts_n};
	strict_check(&in, &ex->framing);
	ex->refuser = registry_refuser(ex->target_raw, &ex->headers);
	if (ex->framing.status) {
		COUNT(ex->w, malformed);
		ex->refused_close = true;
		ex->status = ex->framing.status;
		return refuse(ex, REFUSAL_MALFORMED, "malformed", slice_of(ex->framing.message));
	}
	if (ex->no_certificate) {
		ex->refused_close = true;
		return refuse(ex, REFUSAL_IDENTITY, "certificate",
		              SLICE("a client certificate is needed here, signed by the authority of "
		                    "listen.tls.client_ca in Weir's settings"));
	}
	if (!admit_path(ex))
		return false;
	if (ex->framing.upgrade) {
		ex->refused_close = true;
		return refuse(ex, REFUSAL_MALFORMED, "malformed",
		              SLICE("this path does not upgrade to another protocol"));
	}
	if (!start_record(ex) || !admit_identity(ex) || !admit_coding(ex) || !admit_size(ex) ||
	    !admit_load(ex))
		return false;
	return ex->framing.content_length <= 0 || reserve_body(ex, (size_t)ex->framing.content_length);
}

bool admit_piece(struct exchange *ex, slice piece)
{
	size_t want;
	if (!num_add_size(ex->body_n, piece.n, &want) || (int64_t)want > ex->settings->limits.body_bytes)
		return refuse(
		    ex, REFUSAL_SIZE, "limits.body",
		    arena_printf(
		        &ex->mem,
		        "Request too large: the limit is %lld bytes (limits.body in Weir's settings). To go "
		        "on now: " SMALLER,
		        (long long)ex->settings->limits.body_bytes));
	if (want > ex->body.cap) {
		size_t doubled = ex->body.cap < 8192 ? 8192 : ex->body.cap * 2;
		if ((int64_t)doubled > ex->settings->limits.body_bytes)
			doubled = (size_t)ex->settings->limits.body_bytes;
		if (!reserve_body(ex, doubled > want ? doubled : want))
			return false;
	}
	memcpy(ex->body.p + ex->body.n, piece.p, piece.n);
	ex->body.n = ex->body_n = want;
	return true;
}

/* --- body
 * ----------------------------------------------------------------------------------------------------------
 */

static bool reads_only(const struct exchange *ex)
{
	return slice_eq(ex->method, SLICE("GET")) || slice_eq(ex->method, SLICE("HEAD")) ||
	       slice_eq(ex->method, SLICE("DELETE"));
}

static bool admit_view(struct exchange *ex)
{
	struct error e = {0};
	ex->view.api = ex->target.api;
	ex->view.max_output = TOKENS_ABSENT;
	ex->view.choices = 1;
	ex->view.model = ex->target.model;
	if (ex->codec == NULL || reads_only(ex))
		return true;
	int r = ex->codec->request(&ex->target, slice_make(ex->body.p, ex->body.n), &ex->mem, &ex->view, &e);
	if (r == 0)
		return true;
	return refuse(ex, REFUSAL_REQUEST, "request",
	              arena_printf(&ex->mem, "the request cannot be read: %s (byte %zu of the body)", e.text,
	                           e.offset));
}

/* A Claude subscription's own token, passed on: what it uses is a plan's, and not spent. */
static bool is_subscription(const struct exchange *ex)
{
	return ex->provider->dialect == DIALECT_ANTHROPIC &&
	       (!provider_has_credential(ex->provider) || ex->who.anonymous) &&
	       slice_starts_nocase(headers_get(&ex->headers, SLICE("authorization")),
	                           SLICE("Bearer sk-ant-oat"));
}

/* Before the provider is looked for: a path of no dialect has none. */
static bool admit_metered(struct exchange *ex)
{
	if (!api_is_metered(ex->target.api) || ex->codec || reads_only(ex) ||
	    ex->settings->unmetered == UNMETERED_ALLOW)
		return true;
	return refuse(ex, REFUSAL_UNMETERED, "unmetered",
	              SLICE("Weir cannot meter this path, and what it costs would be invisible; to let such "
	                    "calls through, set `unmetered: allow` in Weir's settings"));
}

static bool admit_provider(struct exchange *ex)
{
	ex->provider =
	    settings_provider(ex->settings, ex->target.dialect, ex->target.provider, ex->view.model);
	if (ex->provider == NULL) {
		if (ex->target.provider.n)
			return refuse(ex, REFUSAL_NOT_FOUND, "provider",
			              arena_printf(&ex->mem,
			                           "no provider is named \"" SLICE_FMT
			                           "\" in Weir's settings (providers:)",
			                           SLICE_ARG(ex->target.provider)));
		if (ex->view.model.n == 0)
			return refuse(ex, REFUSAL_NOT_FOUND, "provider",
			              SLICE("this path does not tell which provider is meant: call it under "
			                    "/p/PROVIDER/, with a name of providers: in Weir's settings"));
		return refuse(ex, REFUSAL_NOT_FOUND, "provider",
		              arena_printf(&ex->mem,
		                           "no provider takes the model \"" SLICE_FMT
		                           "\"; add one under providers: in Weir's settings, "
		                           "or its name to a provider's models:",
		                           SLICE_ARG(ex->view.model)));
	}
	ex->record.text[TEXT_PROVIDER] = ex->provider->name;
	/* as if the client had: nothing is added to the request, nothing taken out of the answer */
	ex->view.wants_usage = ex->view.wants_usage || ex->provider->usage_unasked;
	ex->record.billing = is_subscription(ex) ? BILLING_SUBSCRIPTION : ex->provider->billing;
	if (provider_has_credential(ex->provider) && ex->who.anonymous && !ex->who.own_credential)
		return refuse(ex, REFUSAL_IDENTITY, "identity",
		              SLICE("a Weir key is needed for this provider: make one with `weir key create "
		                    "--user YOU` and use it as the API key"));
	if (ex->provider->credential == CREDENTIAL_PASSTHROUGH && !ex->who.anonymous &&
	    !ex->who.own_credential)
		return refuse(
		    ex, REFUSAL_IDENTITY, "identity",
		    arena_printf(&ex->mem,
		                 "the provider \"" SLICE_FMT
		                 "\" is asked with your own API key, and this call has none beside the "
		                 "Weir key: send the Weir key in x-weir-key (`weir run` does), or write "
		                 "`credential: env:NAME` into its settings",
		                 SLICE_ARG(ex->provider->name)));
	return true;
}

/* An AWS signature names the host it was made for, which is this gateway: AWS would refuse it. */
static bool admit_signature(struct exchange *ex)
{
	bool own = !provider_has_credential(ex->provider) || ex->who.anonymous;
	if (!own || ex->provider->dialect != DIALECT_BEDROCK ||
	    !slice_starts_nocase(headers_get(&ex->headers, SLICE("authorization")), SLICE("AWS4-")))
		return true;
	return refuse(ex, REFUSAL_IDENTITY, "identity",
	              SLICE("an AWS signature is good for the host it was made for only and cannot be passed "
	                    "on: set AWS_BEARER_TOKEN_BEDROCK to a Bedrock API key, or use a Weir key with a "
	                    "provider that has credential: {aws: {region: ...}} in Weir's settings"));
}

static bool admit_price(struct exchange *ex)
{
	if (!api_is_metered(ex->target.api) || ex->codec == NULL)
		return true;
	ex->price = settings_price(ex->settings, ex->provider, ex->view.model, ex->record.time_ms,
	                           &ex->price_fallback);
	if (ex->price == NULL)
		return refuse(ex, REFUSAL_UNPRICED, "unpriced",
		              catalog_unknown_message(&ex->mem, ex->provider->vendor, ex->view.model));
	ex->record.text[TEXT_PRICE_ID] = ex->price->id;
	return true;
}

static int64_t attempt_of(const struct headers *h)
{
	long long n;
	return slice_to_i64(headers_get(h, SLICE("x-stainless-retry-count")), &n) && n >= 0 && n < 1000
	           ? n + 1
	           : RECORD_ABSENT;
}

/* What the row needs of the request, kept past the body. */
static void fill_record(struct exchange *ex)
{
	struct record *r = &ex->record;
	r->text[TEXT_MODEL_REQUESTED] = arena_copy(&ex->mem, ex->view.model);
	r->text[TEXT_EFFORT] = arena_copy(&ex->mem, ex->view.effort);
	r->text[TEXT_SPEED] = arena_copy(&ex->mem, ex->view.speed);
	r->text[TEXT_SERVICE_TIER] = arena_copy(&ex->mem, ex->view.service_tier);
	r->stream = ex->view.stream;
	r->attempt = attempt_of(&ex->headers);
	struct attribution_in in = {ex->settings, &ex->who, &ex->headers, ex->codec ? &ex->view : NULL};
	attribution_read(&in, &ex->mem, &r->who);
	r->text[TEXT_CLAIMED] = attribution_claimed(&ex->who, &r->who);
}

enum admit_next admit_body(struct exchange *ex)
{
	if (!admit_view(ex) || !batch_tap_admit(ex))
		return false;
	fill_record(ex);
	return admit_metered(ex) && admit_provider(ex) && admit_signature(ex) && admit_price(ex) &&
	       batch_tap_hold(ex);
}

enum admit_next admit_intent(struct exchange *ex)
{
	struct record *r = &ex->record;
	r->decision = DECISION_ADMITTED;
	ex->slot = journal_begin(ex->w->shared->journal, ex->w->index, r);
	if (ex->slot == 0)
		return refuse(ex, REFUSAL_OVERLOAD, "journal",
		              SLICE("Weir's journal is full, so this call could not be booked; it waits for "
		                    "the ledger: see the log of `weir serve`"));
	return true;
}

/* --- what is sent on
 * ----------------------------------------------------------------------------------------------- */

bool admit_is_framing_header(slice name)
{
	static const slice names[] = {
	    SLICE("connection"),          SLICE("keep-alive"), SLICE("proxy-connection"),
	    SLICE("proxy-authorization"), SLICE("te"),         SLICE("trailer"),
	    SLICE("transfer-encoding"),   SLICE("upgrade"),    SLICE("host"),
	    SLICE("content-length"),      SLICE("expect"),     SLICE("accept-encoding"),
	    SLICE("content-encoding"),
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (slice_eq_nocase(name, names[i]))
			return true;
	return false;
}

static bool is_named_in(slice list, slice name)
{
	slice part;
	while (slice_split(&list, ',', &part))
		if (slice_eq_nocase(slice_trim(part), name))
			return true;
	return false;
}

static bool passes(struct exchange *ex, const struct header *h, slice connection, bool own)
{
	if (admit_is_framing_header(h->name) || slice_starts_nocase(h->name, SLICE("x-weir-")))
		return false;
	if (connection.n && is_named_in(connection, h->name))
		return false;
	if (identity_is_credential_header(h->name))
		return own && !identity_is_ours(ex->trust, h->value, &ex->mem);
	return true;
}

static struct header credential_header(const struct provider *p, struct arena *mem)
{
	switch (p->dialect) {
	case DIALECT_ANTHROPIC:
		return (struct header){SLICE("x-api-key"), p->secret};
	case DIALECT_GEMINI:
		return (struct header){SLICE("x-goog-api-key"), p->secret};
	case DIALECT_AZURE:
		return (struct header){SLICE("api-key"), p->secret};
	case DIALECT_OPENAI:
	case DIALECT_BEDROCK: /* its API keys are bearer tokens */
	case DIALECT_VERTEX:
	case DIALECT_COHERE:
	case DIALECT_OLLAMA:
	case DIALECT_NONE:
	case DIALECT_N:
		break;
	}
	return (struct header){SLICE("authorization"),
	                       arena_printf(mem, "Bearer " SLICE_FMT, SLICE_ARG(p->secret))};
}

#define SIGNATURE_HEADERS 3 /* at most, that Weir adds to a request */

/* The signature for AWS, of what is sent; behind the headers that are there. */
static bool sign_request(struct exchange *ex, struct upstream_request *out, struct headers *h)
{
	const struct provider *p = ex->provider;
	const struct aws *a = &p->aws;
	struct header *at = (struct header *)(uintptr_t)h->at;
	struct sigv4_key key = {a->region, SLICE("bedrock"), a->key_id, a->secret, a->token};
	struct sigv4_request r = {.method = out->method,
	                          .host = p->host,
	                          .headers = h,
	                          .body = out->body,
	                          .wall_ms = clock_wall_ms(ex->w->shared->clock)};
	struct sigv4 s;
	/* the URL begins with the base, whose host is a part of it */
	size_t path = (size_t)(p->host.p - p->base_url.p) + p->host.n;
	r.query = slice_sub(out->url, path, out->url.n);
	slice_split(&r.query, '?', &r.path);
	if (sigv4_sign(&key, &r, &ex->mem, &s))
		return false;
	at[h->n++] = (struct header){SLICE("x-amz-date"), s.date};
	if (s.token.n)
		at[h->n++] = (struct header){SLICE("x-amz-security-token"), s.token};
	at[h->n++] = (struct header){SLICE("authorization"), s.authorization};
	return true;
}

static bool request_headers(struct exchange *ex, struct headers *out)
{
	struct header *at = arena_alloc(&ex->mem, sizeof *at * (ex->headers.n + SIGNATURE_HEADERS));
	if (at == NULL)
		return false;
	slice connection = headers_get(&ex->headers, SLICE("connection"));
	/* The provider's credential goes with a valid key; a caller without one is passed on with no more
	 * than its own. */
	bool own = !provider_has_credential(ex->provider) || ex->who.anonymous;
	size_t n = 0;
	for (size_t i = 0; i < ex->headers.n; i++)
		if (passes(ex, &ex->headers.at[i], connection, own) &&
		    (own || !sigv4_is_signature_header(ex->headers.at[i].name)))
			at[n++] = ex->headers.at[i];
	if (!own && ex->provider->credential == CREDENTIAL_SECRET) {
		at[n] = credential_header(ex->provider, &ex->mem);
		if (at[n++].value.p == NULL)
			return false;
	}
	*out = (struct headers){at, n};
	return true;
}

/* The query without `key=` when that is a Weir key, or when Weir holds the credential. */
static slice query_without_key(struct exchange *ex)
{
	slice rest = ex->target.query, part;
	bool own = !provider_has_credential(ex->provider) || ex->who.anonymous;
	slice kept = SLICE_NONE;
	while (slice_split(&rest, '&', &part)) {
		if (slice_starts(part, SLICE("key=")) &&
		    (!own || identity_is_ours(ex->trust, slice_sub(part, 4, part.n), &ex->mem)))
			continue;
		kept = kept.p
		           ? arena_printf(&ex->mem, SLICE_FMT "&" SLICE_FMT, SLICE_ARG(kept), SLICE_ARG(part))
		           : part;
	}
	return kept;
}

static slice request_url(struct exchange *ex)
{
	slice base = ex->provider->base_url, path = reroute_path(ex), query = query_without_key(ex);
	if (path.p == NULL)
		return SLICE_NONE;
	/* A base URL that ends in /v1, as many clients want it, and a path that begins with it. */
	if ((ex->provider->bare || slice_ends(base, SLICE("/v1"))) && slice_starts(path, SLICE("/v1/")))
		path = slice_sub(path, 3, path.n);
	else if (slice_ends(base, SLICE("/openai")) && slice_starts(path, SLICE("/openai/")))
		path = slice_sub(path, 7, path.n);
	if (query.n == 0)
		return arena_printf(&ex->mem, SLICE_FMT SLICE_FMT, SLICE_ARG(base), SLICE_ARG(path));
	return arena_printf(&ex->mem, SLICE_FMT SLICE_FMT "?" SLICE_FMT, SLICE_ARG(base), SLICE_ARG(path),
	                    SLICE_ARG(query));
}

static bool request_body(struct exchange *ex, slice *out)
{
	struct json_edits edits;
	json_edits_init(&edits);
	slice body = slice_make(ex->body.p, ex->body.n);
	*out = body;
	if (ex->codec == NULL || ex->body_n == 0)
		return true;
	if (ex->codec->prepare && ex->codec->prepare(&ex->view, &edits, &ex->mem))
		return false;
	slice called = ex->record.text[TEXT_MODEL_CALLED], name = ex->view.model_raw;
	if (called.n && name.n) {
		slice quoted = arena_printf(&ex->mem, "\"" SLICE_FMT "\"", SLICE_ARG(called));
		size_t from = (size_t)(name.p - body.p);
		if (quoted.p == NULL || !json_edit_replace(&edits, from, from + name.n, quoted))
			return false;
	}
	if (ex->hold.limit && codec_limit(&ex->view, ex->hold.limit, &edits, &ex->mem))
		return false;
	if (ex->hold.tools_limited &&
	    codec_hosted_limit(&ex->view, num_max_i64(ex->hold.searches, ex->hold.hosted), &edits, &ex->mem))
		return false;
	if (ex->advice.n && ex->codec->advise)
		(void)ex->codec->advise(&ex->view, ex->advice, &edits, &ex->mem);
	if (edits.n == 0)
		return true;
	size_t n = json_edits_size(&edits, body);
	struct block_buf edited = {NULL, 0, 0};
	if (!block_reserve(&ex->w->blocks, &edited, n ? n : 1))
		return false;
	json_edits_apply(&edits, body, edited.p);
	edited.n = n;
	block_release(&ex->w->blocks, &ex->body);
	ex->body = edited;
	*out = slice_make(edited.p, n);
	return true;
}

bool admit_request(struct exchange *ex, struct upstream_request *out)
{
	struct headers *h = arena_alloc(&ex->mem, sizeof *h);
	*out = (struct upstream_request){
	    .method = ex->method, .provider = ex->provider, .headers = h, .stream = ex->view.stream};
	out->url = request_url(ex);
	bool sign = ex->provider->credential == CREDENTIAL_AWS && !ex->who.anonymous;
	if (h && out->url.p && request_headers(ex, h) && request_body(ex, &out->body) &&
	    (!sign || sign_request(ex, out, h)))
		return true;
	return refuse(ex, REFUSAL_OVERLOAD, "memory", SLICE("out of memory; try again in a few seconds"));
}
