/* Which items are calls, and the rows that they become. */
#include "finops/otlp.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/map.h"
#include "finops/otlp_item.h"
#include "model/usage.h"
#include "policy/attribution.h"

#define KEY_MAX     95 /* as the gateway keeps an answer's id */
#define SESSION_KEY 40

/* --- attributes ------------------------------------------------------------------------------------------
 */

/* Those of the agents, and of OpenTelemetry's semantic conventions with the older spellings that are still
 * sent. */
enum otlp_field otlp_field_of(slice name)
{
	static const struct {
		slice name;
		enum otlp_field field;
	} words[] = {
	    {SLICE("service.name"), OTLP_SERVICE},
	    {SLICE("service.version"), OTLP_VERSION},
	    {SLICE("app.version"), OTLP_VERSION},
	    {SLICE("event.name"), OTLP_EVENT},
	    {SLICE("event.timestamp"), OTLP_EVENT_TIME},
	    {SLICE("event.kind"), OTLP_EVENT_KIND},
	    {SLICE("session.id"), OTLP_SESSION},
	    {SLICE("conversation.id"), OTLP_SESSION},
	    {SLICE("gen_ai.conversation.id"), OTLP_SESSION},
	    {SLICE("user.email"), OTLP_USER},
	    {SLICE("enduser.id"), OTLP_USER},
	    {SLICE("team"), OTLP_TEAM},
	    {SLICE("team.id"), OTLP_TEAM},
	    {SLICE("cost_center"), OTLP_COST_CENTRE},
	    {SLICE("cost_centre"), OTLP_COST_CENTRE},
	    {SLICE("vcs.repository.url.full"), OTLP_REPO},
	    {SLICE("vcs.ref.head.name"), OTLP_BRANCH},
	    {SLICE("vcs.ref.head.revision"), OTLP_COMMIT},
	    {SLICE("deployment.environment.name"), OTLP_ENVIRONMENT},
	    {SLICE("deployment.environment"), OTLP_ENVIRONMENT},
	    {SLICE("cicd.pipeline.name"), OTLP_WORKFLOW},
	    {SLICE("model"), OTLP_MODEL},
	    {SLICE("gen_ai.response.model"), OTLP_MODEL},
	    {SLICE("gen_ai.request.model"), OTLP_MODEL_ASKED},
	    {SLICE("duration_ms"), OTLP_DURATION},
	    {SLICE("request_id"), OTLP_REQUEST},
	    {SLICE("gen_ai.response.id"), OTLP_RESPONSE},
	    {SLICE("prompt_id"), OTLP_PROMPT},
	    {SLICE("input_tokens"), OTLP_INPUT},
	    {SLICE("input_token_count"), OTLP_INPUT},
	    {SLICE("gen_ai.usage.input_tokens"), OTLP_INPUT},
	    {SLICE("gen_ai.usage.prompt_tokens"), OTLP_INPUT},
	    {SLICE("output_tokens"), OTLP_OUTPUT},
	    {SLICE("output_token_count"), OTLP_OUTPUT},
	    {SLICE("gen_ai.usage.output_tokens"), OTLP_OUTPUT},
	    {SLICE("gen_ai.usage.completion_tokens"), OTLP_OUTPUT},
	    {SLICE("cache_read_tokens"), OTLP_CACHE_READ},
	    {SLICE("cached_token_count"), OTLP_CACHE_READ},
	    {SLICE("cached_content_token_count"), OTLP_CACHE_READ},
	    {SLICE("gen_ai.usage.cache_read.input_tokens"), OTLP_CACHE_READ},
	    {SLICE("gen_ai.usage.cache_read_input_tokens"), OTLP_CACHE_READ},
	    {SLICE("cache_creation_tokens"), OTLP_CACHE_WRITE},
	    {SLICE("gen_ai.usage.cache_creation.input_tokens"), OTLP_CACHE_WRITE},
	    {SLICE("gen_ai.usage.cache_creation_input_tokens"), OTLP_CACHE_WRITE},
	    {SLICE("reasoning_token_count"), OTLP_REASONING},
	    {SLICE("thoughts_token_count"), OTLP_REASONING},
	    {SLICE("gen_ai.usage.reasoning.output_tokens"), OTLP_REASONING},
	    {SLICE("tool_token_count"), OTLP_TOOL_TOKENS},
	    {SLICE("speed"), OTLP_SPEED},
	    {SLICE("effort"), OTLP_EFFORT},
	    {SLICE("openai.response.service_tier"), OTLP_TIER},
	    {SLICE("gen_ai.openai.response.service_tier"), OTLP_TIER},
	    {SLICE("gen_ai.response.finish_reasons"), OTLP_FINISH},
	    {SLICE("gen_ai.operation.name"), OTLP_OPERATION},
	    {SLICE("gen_ai.provider.name"), OTLP_PROVIDER},
	    {SLICE("gen_ai.system"), OTLP_PROVIDER},
	    {SLICE("auth_mode"), OTLP_AUTH},
	    {SLICE("auth_type"), OTLP_AUTH},
	    {SLICE("type"), OTLP_TOKEN_TYPE},
	    {SLICE("token_type"), OTLP_TOKEN_TYPE},
	    {SLICE("gen_ai.token.type"), OTLP_TOKEN_TYPE},
	};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (slice_eq(name, words[i].name))
			return words[i].field;
	return OTLP_FIELDS;
}

static slice text_of(const struct otlp_item *i, enum otlp_field f)
{
	return i->v[f].text;
}

/* A number, or a text of one; TOKENS_ABSENT when it is neither, or past all reason. */
static int64_t count_of(const struct otlp_item *i, enum otlp_field f)
{
	long long n = i->v[f].number;
	if (!i->v[f].is_number && !slice_to_i64(i->v[f].text, &n))
		return TOKENS_ABSENT;
	return n >= 0 && n <= INT64_C(1) << 53 ? n : TOKENS_ABSENT;
}

/* --- a call's tokens -------------------------------------------------------------------------------------
 */

static int64_t or_zero(int64_t n)
{
	return n > 0 ? n : 0;
}

/* input with what was cached in it. Some send it without: then the parts are more than the whole. */
static void usage_within(const struct otlp_item *i, struct usage *u)
{
	int64_t input = count_of(i, OTLP_INPUT), read = count_of(i, OTLP_CACHE_READ);
	int64_t write = count_of(i, OTLP_CACHE_WRITE), cached = or_zero(read) + or_zero(write);
	u->m[METER_INPUT] = input >= cached ? input - cached : input;
	u->m[METER_CACHE_READ] = read;
	u->m[METER_CACHE_WRITE_5M] = write;
	u->m[METER_OUTPUT] = count_of(i, OTLP_OUTPUT);
	u->m[METER_REASONING] = count_of(i, OTLP_REASONING);
}

static void usage_claude(const struct otlp_item *i, struct usage *u)
{
	u->m[METER_INPUT] = count_of(i, OTLP_INPUT);
	u->m[METER_CACHE_READ] = count_of(i, OTLP_CACHE_READ);
	u->m[METER_CACHE_WRITE_5M] = count_of(i, OTLP_CACHE_WRITE);
	u->m[METER_OUTPUT] = count_of(i, OTLP_OUTPUT);
}

static void usage_gemini(const struct otlp_item *i, struct usage *u)
{
	usage_within(i, u);
	if (u->m[METER_INPUT] != TOKENS_ABSENT)
		u->m[METER_INPUT] += or_zero(count_of(i, OTLP_TOOL_TOKENS));
	if (u->m[METER_OUTPUT] != TOKENS_ABSENT)
		u->m[METER_OUTPUT] += or_zero(u->m[METER_REASONING]);
}

/* --- which items are calls -------------------------------------------------------------------------------
 */

struct exporter {
	const char *agent, *services, *events; /* what its names begin with */
	const char *event, *kind;              /* of a call */
	slice provider;
	enum api api;
	void (*usage)(const struct otlp_item *i, struct usage *u);
};

static const struct exporter exporters[] = {
    {"claude-code", "claude-code", "claude_code.", "api_request", NULL, SLICE("anthropic"),
     API_ANTHROPIC_MESSAGES, usage_claude},
    {"codex", "codex", "codex.", "sse_event", "response.completed", SLICE("openai"), API_OPENAI_RESPONSES,
     usage_within},
    {"gemini-cli", "gemini-cli", "gemini_cli.", "api_response", NULL, SLICE("google"), API_GEMINI_GENERATE,
     usage_gemini},
};
#define EXPORTERS (sizeof exporters / sizeof exporters[0])

static const struct exporter genai = {
    .services = "", .events = "gen_ai.", .provider = SLICE_NONE, .usage = usage_within};

static const struct exporter *exporter_of(const struct otlp_item *i)
{
	slice event = text_of(i, OTLP_EVENT);
	for (size_t k = 0; k < EXPORTERS; k++)
		if (slice_starts(text_of(i, OTLP_SERVICE), slice_of(exporters[k].services)) ||
		    slice_starts(event, slice_of(exporters[k].events)) ||
		    slice_starts(i->name, slice_of(exporters[k].events)))
			return &exporters[k];
	if (text_of(i, OTLP_OPERATION).n || slice_starts(i->name, slice_of(genai.events)) ||
	    slice_starts(event, slice_of(genai.events)))
		return &genai;
	return NULL;
}

/* The event's name, with the exporter's prefix or without. */
static bool is_named(const struct exporter *x, slice name)
{
	slice prefix = slice_of(x->events);
	if (slice_starts(name, prefix))
		name = slice_sub(name, prefix.n, name.n);
	return slice_eq(name, slice_of(x->event));
}

static bool is_call_of_genai(const struct otlp_item *i)
{
	static const slice operations[] = {SLICE("chat"), SLICE("text_completion"), SLICE("generate_content"),
	                                   SLICE("embeddings")};
	for (size_t k = 0; k < sizeof operations / sizeof operations[0]; k++)
		if (slice_eq(text_of(i, OTLP_OPERATION), operations[k]))
			return true;
	return false;
}

/* An agent's spans tell of its calls once more: only its events count. */
static bool is_call(const struct otlp_sink *s, const struct exporter *x, const struct otlp_item *i)
{
	if (count_of(i, OTLP_INPUT) == TOKENS_ABSENT && count_of(i, OTLP_OUTPUT) == TOKENS_ABSENT)
		return false;
	if (x == &genai)
		return is_call_of_genai(i);
	slice event = text_of(i, OTLP_EVENT);
	return s->signal == OTLP_LOGS && is_named(x, event.n ? event : i->name) &&
	       (x->kind == NULL || slice_eq(text_of(i, OTLP_EVENT_KIND), slice_of(x->kind)));
}

/* --- metrics that count tokens ------------------------------------------------------------------------- */

struct otlp_metric {
	const char *name;
	const struct exporter *exporter;
	struct {
		const char *word;
		enum otlp_token token;
	} types[6];
};

static const struct otlp_metric metrics[] = {
    {"claude_code.token.usage",
     &exporters[0],
     {{"input", OTLP_TOKENS_INPUT},
      {"output", OTLP_TOKENS_OUTPUT},
      {"cacheRead", OTLP_TOKENS_CACHE_READ},
      {"cacheCreation", OTLP_TOKENS_CACHE_WRITE}}},
    {"codex.turn.token_usage",
     &exporters[1],
     {{"input", OTLP_TOKENS_INPUT},
      {"cached_input", OTLP_TOKENS_CACHED_WITHIN},
      {"output", OTLP_TOKENS_OUTPUT},
      {"reasoning_output", OTLP_TOKENS_REASONING}}},
    {"gemini_cli.token.usage",
     &exporters[2],
     {{"input", OTLP_TOKENS_INPUT},
      {"cache", OTLP_TOKENS_CACHED_WITHIN},
      {"output", OTLP_TOKENS_OUTPUT},
      {"thought", OTLP_TOKENS_THOUGHTS},
      {"tool", OTLP_TOKENS_INPUT}}},
    {"gen_ai.client.token.usage",
     &genai,
     {{"input", OTLP_TOKENS_INPUT}, {"output", OTLP_TOKENS_OUTPUT}, {"completion", OTLP_TOKENS_OUTPUT}}},
};
#define METRICS (sizeof metrics / sizeof metrics[0])

const struct otlp_metric *otlp_metric_of(slice name)
{
	for (size_t i = 0; i < METRICS; i++)
		if (slice_eq(name, slice_of(metrics[i].name)))
			return &metrics[i];
	return NULL;
}

static bool token_of(const struct otlp_metric *m, slice type, enum otlp_token *out)
{
	for (size_t i = 0; i < sizeof m->types / sizeof m->types[0] && m->types[i].word; i++)
		if (slice_eq(type, slice_of(m->types[i].word))) {
			*out = m->types[i].token;
			return true;
		}
	return false;
}

uint64_t otlp_hash(slice key, slice value)
{
	return map_hash(value, map_hash(key, 0));
}

/* --- rows ------------------------------------------------------------------------------------------------
 */

/* When it began: events come at a call's end. 0 when no time is told. */
static int64_t time_of(const struct otlp_sink *s, const struct otlp_item *i, int64_t *duration_ms)
{
	int64_t at = i->time_ns / 1000000, told;
	*duration_ms = count_of(i, OTLP_DURATION);
	if (s->signal == OTLP_TRACES) {
		if (i->end_ns >= i->time_ns)
			*duration_ms = i->end_ns / 1000000 - at;
		return at;
	}
	if (clock_parse_rfc3339(text_of(i, OTLP_EVENT_TIME), &told))
		at = told;
	return *duration_ms > 0 && *duration_ms < at ? at - *duration_ms : at;
}

/* The provider's id of the answer, the client's of the request, the span's; else where and when it was, and
 * how much. */
static slice key_of(const struct otlp_item *i, int64_t time_ms, struct arena *mem)
{
	slice response = text_of(i, OTLP_RESPONSE), request = text_of(i, OTLP_REQUEST);
	if (response.n || request.n)
		return slice_sub(response.n ? response : request, 0, KEY_MAX);
	if (i->trace.n && i->span.n && text_of(i, OTLP_OPERATION).n)
		return slice_sub(
		    arena_printf(mem, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(i->trace), SLICE_ARG(i->span)), 0,
		    KEY_MAX);
	slice session = slice_sub(text_of(i, OTLP_SESSION), 0, SESSION_KEY);
	return slice_sub(arena_printf(mem, SLICE_FMT " %lld %lld %lld %lld", SLICE_ARG(session),
	                              (long long)time_ms, (long long)count_of(i, OTLP_INPUT),
	                              (long long)count_of(i, OTLP_CACHE_READ),
	                              (long long)count_of(i, OTLP_OUTPUT)),
	                 0, KEY_MAX);
}

/* Weir's name of a provider that the semantic conventions name. */
static slice provider_of(slice name)
{
	static const struct {
		slice told, name;
	} rows[] = {
	    {SLICE("gcp."), SLICE("google")},        {SLICE("gemini"), SLICE("google")},
	    {SLICE("vertex_ai"), SLICE("google")},   {SLICE("aws"), SLICE("bedrock")},
	    {SLICE("azure"), SLICE("azure")},        {SLICE("az."), SLICE("azure")},
	    {SLICE("mistral_ai"), SLICE("mistral")}, {SLICE("x_ai"), SLICE("xai")},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (slice_starts(name, rows[i].told))
			return rows[i].name;
	return name;
}

static enum api api_of(slice provider, slice operation)
{
	bool embeds = slice_eq(operation, SLICE("embeddings"));
	if (slice_eq(provider, SLICE("anthropic")))
		return API_ANTHROPIC_MESSAGES;
	if (slice_eq(provider, SLICE("google")))
		return embeds ? API_GEMINI_EMBED : API_GEMINI_GENERATE;
	if (slice_eq(provider, SLICE("bedrock")))
		return API_BEDROCK_CONVERSE;
	return embeds ? API_OPENAI_EMBEDDINGS : API_OPENAI_CHAT;
}

static void set_who(const struct otlp_sink *s, const struct otlp_item *i, struct record *r)
{
	static const struct {
		enum attr attr;
		enum otlp_field field;
	} rows[] = {
	    {ATTR_USER, OTLP_USER},         {ATTR_TEAM, OTLP_TEAM},
	    {ATTR_BRANCH, OTLP_BRANCH},     {ATTR_COST_CENTRE, OTLP_COST_CENTRE},
	    {ATTR_COMMIT, OTLP_COMMIT},     {ATTR_ENVIRONMENT, OTLP_ENVIRONMENT},
	    {ATTR_SESSION, OTLP_SESSION},   {ATTR_AGENT_VERSION, OTLP_VERSION},
	    {ATTR_WORKFLOW, OTLP_WORKFLOW},
	};
	for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++)
		if (text_of(i, rows[k].field).n)
			import_attr(r, s->o, rows[k].attr, text_of(i, rows[k].field));
	if (r->who.v[ATTR_AGENT].n == 0)
		import_attr(r, s->o, ATTR_AGENT, text_of(i, OTLP_SERVICE));
	import_attr(r, s->o, ATTR_REPO, attribution_repo(text_of(i, OTLP_REPO), s->mem));
}

/* "Chatgpt" of Codex and "oauth-personal" of Gemini CLI: a plan pays. */
static enum billing billing_of(const struct otlp_sink *s, const struct otlp_item *i)
{
	slice told = text_of(i, OTLP_AUTH);
	if (slice_starts_nocase(told, SLICE("chatgpt")) || slice_starts_nocase(told, SLICE("oauth")))
		return BILLING_SUBSCRIPTION;
	return s->o->billing;
}

static void set_model(const struct exporter *x, const struct otlp_item *i, struct record *r)
{
	slice served = text_of(i, OTLP_MODEL), asked = text_of(i, OTLP_MODEL_ASKED);
	r->text[TEXT_PROVIDER] = x->provider.n ? x->provider : provider_of(text_of(i, OTLP_PROVIDER));
	r->api = x == &genai ? api_of(r->text[TEXT_PROVIDER], text_of(i, OTLP_OPERATION)) : x->api;
	r->text[TEXT_MODEL_SERVED] = served.n ? served : asked;
	r->text[TEXT_MODEL_REQUESTED] = asked;
}

static int give(const struct otlp_sink *s, const struct exporter *x, const struct otlp_item *i)
{
	const struct import_source source = {.name = "otlp", .agent = x->agent};
	struct record r;
	int64_t duration_ms, time_ms = time_of(s, i, &duration_ms);
	if (time_ms <= 0) {
		s->n->not_understood++;
		return 0;
	}
	slice key = key_of(i, time_ms, s->mem);
	if (key.p == NULL)
		return ERR_NOMEM;
	import_record(&r, &source, s->o, time_ms, key);
	set_who(s, i, &r);
	r.billing = billing_of(s, i);
	r.duration_ms = duration_ms >= 0 ? duration_ms : RECORD_ABSENT;
	x->usage(i, &r.usage);
	set_model(x, i, &r);
	r.text[TEXT_SPEED] = text_of(i, OTLP_SPEED);
	r.text[TEXT_EFFORT] = text_of(i, OTLP_EFFORT);
	r.text[TEXT_SERVICE_TIER] = text_of(i, OTLP_TIER);
	r.text[TEXT_STOP_REASON] = text_of(i, OTLP_FINISH);
	r.text[TEXT_CALL_KEY] = key;
	import_price(s->o, &r, NULL);
	s->n->calls++;
	s->n->unpriced += !r.priced;
	return s->o->on_call(s->o->arg, &r);
}

int otlp_take_point(const struct otlp_sink *s, const struct otlp_metric *m, const struct otlp_item *i,
                    const struct otlp_reading *p)
{
	struct record r;
	struct otlp_point point = {
	    .cumulative = p->cumulative, .start_ns = p->start_ns, .time_ns = p->time_ns, .value = p->value};
	s->n->points++;
	if (!p->has_value || p->value < 0 || p->time_ns <= 0 || s->o->on_point == NULL ||
	    !token_of(m, text_of(i, OTLP_TOKEN_TYPE), &point.token)) {
		s->n->others++;
		return 0;
	}
	record_init(&r);
	r.time_ms = p->time_ns / 1000000;
	r.who = s->o->fixed;
	if (m->exporter->agent)
		import_attr(&r, s->o, ATTR_AGENT, slice_of(m->exporter->agent));
	set_who(s, i, &r);
	r.billing = billing_of(s, i);
	set_model(m->exporter, i, &r);
	point.series = (int64_t)(otlp_hash(slice_of(m->name), SLICE_NONE) + i->identity);
	s->n->counted++;
	return s->o->on_point(s->o->arg, &r, &point);
}

int otlp_take(const struct otlp_sink *s, const struct otlp_item *item)
{
	const struct exporter *x = exporter_of(item);
	uint64_t weight = s->signal == OTLP_METRICS ? item->points : 1;
	s->n->logs += s->signal == OTLP_LOGS;
	s->n->spans += s->signal == OTLP_TRACES;
	s->n->points += item->points;
	if (x == NULL)
		s->n->not_understood += weight;
	else if (s->signal == OTLP_METRICS || !is_call(s, x, item))
		s->n->others += weight;
	else
		return give(s, x, item);
	return 0;
}

int otlp_read(enum otlp_signal signal, bool protobuf, slice body, const struct import_options *o,
              struct arena *mem, struct otlp_counts *n)
{
	const struct otlp_sink s = {.signal = signal, .o = o, .n = n, .mem = mem};
	if (!protobuf)
		return otlp_read_json(&s, body);
	return otlp_valid_protobuf(signal, body) ? otlp_read_protobuf(&s, body) : ERR_INVALID;
}
