/* The same work told of by the gateway, by telemetry (events and counters) and by the agent's transcript, in
 * every order of arrival, for three agents: each call is one row, the gateway's where it saw it, and nothing
 * is told twice. */
#include "unit/unit.h"

#include "books.h"
#include "finops/otlp_meter.h"

#define AT    INT64_C(1790000000000)
#define T(at) "17900000" at "000000000"

enum teller { GATEWAY, EVENTS, COUNTERS, TRANSCRIPT, TELLERS };

/* Two calls of an agent. Input is all of it, cached ones within. */
struct work {
	const char *agent, *session, *gateway_session, *model, *provider;
	enum api api;
	const char *keys[2]; /* at the gateway: the provider's id of the answer */
	int64_t input[2], cached[2], output[2];
	const char *events, *counters, *transcript;
	const struct import_source *source;
};

#define TEXT(k, v)   "{\"key\":\"" k "\",\"value\":{\"stringValue\":\"" v "\"}}"
#define LOG(at, ...) "{\"timeUnixNano\":\"" T(at) "\",\"attributes\":[" __VA_ARGS__ "]}"
#define LOGS(a, b)   "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[" a "," b "]}]}]}"
#define POINT(n, ...)                                                                                        \
	"{\"startTimeUnixNano\":\"" T("00") "\",\"timeUnixNano\":\"" T(                                      \
	    "60") "\",\"asInt\":\"" n "\",\"attributes\":[" __VA_ARGS__ "]}"
#define COUNTER(name, points)                                                                                \
	"{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":\"" name                           \
	"\",\"sum\":{\"aggregationTemporality\":2,\"dataPoints\":[" points "]}}]}]}]}"

#define CLAUDE_EVENT(at, id, in, read, out)                                                                  \
	LOG(at,                                                                                              \
	    TEXT("event.name", "claude_code.api_request") "," TEXT("session.id", "c-1") "," TEXT(            \
	        "model",                                                                                     \
	        "claude-opus-4-6") "," TEXT("request_id",                                                    \
	                                    id) "," TEXT("input_tokens",                                     \
	                                                 in) "," TEXT("cache_read_tokens",                   \
	                                                              read) "," TEXT("output_tokens", out))
#define CLAUDE_POINT(type, n)                                                                                \
	POINT(n, TEXT("type", type) "," TEXT("session.id", "c-1") "," TEXT("model", "claude-opus-4-6"))
#define CLAUDE_LINE(id, at, in, read, out)                                                                   \
	"{\"type\":\"assistant\",\"sessionId\":\"c-1\",\"timestamp\":\"2026-09-21T14:13:" at                 \
	"Z\",\"message\":{\"id\":\"" id "\",\"role\":\"assistant\",\"model\":\"claude-opus-4-6\","           \
	"\"content\":[],\"usage\":{\"input_tokens\":" in ",\"cache_read_input_tokens\":" read                \
	",\"output_tokens\":" out "}}}\n"

#define CODEX_EVENT(at, in, read, out)                                                                       \
	LOG(at,                                                                                              \
	    TEXT("event.name", "codex.sse_event") "," TEXT("event.kind", "response.completed") "," TEXT(     \
	        "conversation.id",                                                                           \
	        "x-1") "," TEXT("model",                                                                     \
	                        "gpt-5.4") "," TEXT("input_token_count",                                     \
	                                            in) "," TEXT("cached_token_count",                       \
	                                                         read) "," TEXT("output_token_count", out))
#define CODEX_POINT(type, n)                                                                                 \
	POINT(n, TEXT("token_type", type) "," TEXT("conversation.id", "x-1") "," TEXT("model", "gpt-5.4"))
#define CODEX_COUNT(at, total, last)                                                                         \
	"{\"timestamp\":\"2026-09-21T14:13:" at "Z\",\"type\":\"event_msg\",\"payload\":{\"type\":\"token_"  \
	"count\",\"info\":{\"total_token_usage\":" total ",\"last_token_usage\":" last "}}}\n"
#define USAGE(in, read, out)                                                                                 \
	"{\"input_tokens\":" in ",\"cached_input_tokens\":" read ",\"output_tokens\":" out                   \
	",\"reasoning_output_tokens\":0}"

#define GEMINI_EVENT(at, in, read, out)                                                                      \
	LOG(at,                                                                                              \
	    TEXT("event.name", "gemini_cli.api_response") "," TEXT("session.id", "g-1") "," TEXT(            \
	        "model", "gemini-2.5-pro") "," TEXT("input_token_count",                                     \
	                                            in) "," TEXT("cached_content_token_count",               \
	                                                         read) "," TEXT("output_token_count", out))
#define GEMINI_POINT(type, n)                                                                                \
	POINT(n, TEXT("type", type) "," TEXT("session.id", "g-1") "," TEXT("model", "gemini-2.5-pro"))
#define GEMINI_MESSAGE(id, at, in, read, out)                                                                \
	"{\"id\":\"" id "\",\"timestamp\":\"2026-09-21T14:13:" at                                            \
	"Z\",\"type\":\"gemini\",\"model\":\"gemini-2.5-pro\",\"tokens\":{\"input\":" in ",\"cached\":" read \
	",\"output\":" out ",\"thoughts\":0,\"tool\":0}}"

static const struct work works[] = {
    {.agent = "claude-code",
     .session = "c-1",
     .gateway_session = "c-1",
     .model = "claude-opus-4-6",
     .provider = "anthropic",
     .api = API_ANTHROPIC_MESSAGES,
     .keys = {"msg_1", "msg_2"},
     .input = {1010, 2020},
     .cached = {1000, 2000},
     .output = {30, 40},
     .events = LOGS(CLAUDE_EVENT("01", "req_1", "10", "1000", "30"),
                    CLAUDE_EVENT("02", "req_2", "20", "2000", "40")),
     .counters = COUNTER(
         "claude_code.token.usage",
         CLAUDE_POINT("input", "30") "," CLAUDE_POINT("output", "70") "," CLAUDE_POINT("cacheRead", "3000")),
     .transcript = CLAUDE_LINE("msg_1", "21.000", "10", "1000", "30")
         CLAUDE_LINE("msg_2", "22.000", "20", "2000", "40"),
     .source = &import_claude_code},
    {.agent = "codex",
     .session = "x-1",
     .gateway_session = "x-1",
     .model = "gpt-5.4",
     .provider = "openai",
     .api = API_OPENAI_RESPONSES,
     .keys = {"resp_1", "resp_2"},
     .input = {1500, 2500},
     .cached = {1000, 2000},
     .output = {30, 40},
     .events = LOGS(CODEX_EVENT("01", "1500", "1000", "30"), CODEX_EVENT("02", "2500", "2000", "40")),
     .counters =
         COUNTER("codex.turn.token_usage", CODEX_POINT("input", "4000") "," CODEX_POINT(
                                               "cached_input", "3000") "," CODEX_POINT("output", "70")),
     .transcript =
         "{\"timestamp\":\"2026-09-21T14:13:20.000Z\",\"type\":\"session_meta\",\"payload\":{\"id\":\"x-1\"}}"
         "\n"
         "{\"timestamp\":\"2026-09-21T14:13:20.000Z\",\"type\":\"turn_context\",\"payload\":{\"model\":\"gpt-"
         "5.4\"}}\n" CODEX_COUNT("21.000", USAGE("1500", "1000", "30"), USAGE("1500", "1000", "30"))
             CODEX_COUNT("22.000", USAGE("4000", "3000", "70"), USAGE("2500", "2000", "40")),
     .source = &import_codex},
    {.agent = "gemini-cli",
     .session = "g-1",
     .gateway_session = "ws_01K00000000000000000000000",
     .model = "gemini-2.5-pro",
     .provider = "google",
     .api = API_GEMINI_GENERATE,
     .keys = {"answer-1", "answer-2"},
     .input = {1500, 2500},
     .cached = {1000, 2000},
     .output = {30, 40},
     .events = LOGS(GEMINI_EVENT("01", "1500", "1000", "30"), GEMINI_EVENT("02", "2500", "2000", "40")),
     .counters = COUNTER("gemini_cli.token.usage", GEMINI_POINT("cache", "3000") "," GEMINI_POINT(
                                                       "input", "4000") "," GEMINI_POINT("output", "70")),
     .transcript = "{\"sessionId\":\"g-1\",\"messages\":[" GEMINI_MESSAGE(
         "m-1", "21.000", "1500", "1000", "30") "," GEMINI_MESSAGE("m-2", "22.000", "2500", "2000",
                                                                   "40") "]}",
     .source = &import_gemini_cli},
};

/* --- the four ways ---------------------------------------------------------------------------------------
 */

struct telling {
	struct books b;
	struct otlp_meters *meters;
	size_t calls; /* given by a reader */
};

/* As the importers do. */
static int on_call(void *arg, const struct record *r)
{
	struct telling *t = arg;
	struct error e = {0};
	char source[64];
	t->calls++;
	assert_int_equal(t->b.ops->same_call(t->b.ledger, r, source, sizeof source, &e), 0);
	if (source[0] == '\0')
		books_add(&t->b, r);
	return 0;
}

static int on_point(void *arg, const struct record *r, const struct otlp_point *p)
{
	struct telling *t = arg;
	struct error e = {0};
	bool added;
	assert_int_equal(otlp_meters_take(t->meters, t->b.ops, t->b.ledger, r, p, &added, &e), 0);
	t->calls += added;
	return 0;
}

static void by_gateway(struct telling *t, const struct work *w)
{
	for (int i = 0; i < 2; i++) {
		struct record r;
		books_call(&t->b, &r, AT + 1000 * (i + 1), "ana", "payments", 5);
		usage_clear(&r.usage);
		r.api = w->api;
		r.text[TEXT_SOURCE] = SLICE("gateway");
		r.text[TEXT_PROVIDER] = slice_of(w->provider);
		r.text[TEXT_MODEL_SERVED] = slice_of(w->model);
		r.text[TEXT_CALL_KEY] = slice_of(w->keys[i]);
		r.who.v[ATTR_AGENT] = slice_of(w->agent);
		r.who.v[ATTR_SESSION] = slice_of(w->gateway_session);
		r.usage.m[METER_INPUT] = w->input[i] - w->cached[i];
		r.usage.m[METER_CACHE_READ] = w->cached[i];
		r.usage.m[METER_OUTPUT] = w->output[i];
		r.context_tokens = w->input[i];
		books_add(&t->b, &r);
	}
}

static void tell(struct telling *t, const struct work *w, enum teller by)
{
	struct import_options o = {.on_call = on_call, .on_point = on_point, .arg = t};
	struct import_counts n = {0};
	struct otlp_counts counts = {0};
	struct error e = {0};
	struct arena mem;
	arena_init(&mem, 1 << 22);
	t->calls = 0;
	assert_int_equal(t->b.ops->begin(t->b.ledger, &e), 0);
	if (by == GATEWAY) {
		by_gateway(t, w);
	} else if (by == TRANSCRIPT) {
		const struct import_file f = {
		    .text = slice_of(w->transcript), .path = SLICE("x.json"), .mem = &mem};
		assert_int_equal(w->source->read(&o, &f, &n), 0);
		assert_int_equal(t->calls, 2);
	} else {
		assert_int_equal(otlp_read(by == EVENTS ? OTLP_LOGS : OTLP_METRICS, false,
		                           slice_of(by == EVENTS ? w->events : w->counters), &o, &mem,
		                           &counts),
		                 0);
		assert_int_equal(t->calls, by == EVENTS ? 2 : 3);
	}
	assert_int_equal(otlp_meters_flush(t->meters, t->b.ops, t->b.ledger, &e), 0);
	assert_int_equal(t->b.ops->commit(t->b.ledger, &e), 0);
	arena_release(&mem);
}

/* What follows each import and each batch of telemetry. */
static void settle(struct telling *t)
{
	const struct tally_book book = {.ops = t->b.ops, .ledger = t->b.ledger};
	struct tally_counts n = {0};
	struct error e = {0};
	uint64_t removed;
	bool more;
	assert_int_equal(t->b.ops->same_sweep(t->b.ledger, &removed, &more, &e), 0);
	assert_int_equal(tally_settle(&book, 0, INT64_MAX, &n, &e), 0);
}

static int on_group(void *arg, const struct ledger_group *g)
{
	(void)arg;
	(void)g;
	return 0;
}

static void check(struct telling *t, const struct work *w, bool gateway, const char *order)
{
	struct ledger_query q = {.until_ms = AT * 2};
	struct ledger_measures m;
	struct error e = {0};
	for (int k = 0; k < (gateway ? 2 : 1); k++) {
		if (k) {
			q.filters[0] = (struct ledger_filter){SLICE("source"), SLICE("gateway"), true};
			q.filters_n = 1;
		}
		ledger_measures_none(&m);
		assert_int_equal(t->b.ops->report(t->b.ledger, &q, on_group, NULL, &m, &e), 0);
		if (m.calls != 2 || m.meters[METER_OUTPUT] != w->output[0] + w->output[1] ||
		    m.meters[METER_CACHE_READ] != w->cached[0] + w->cached[1] ||
		    m.context_tokens != w->input[0] + w->input[1])
			fail_msg("%s, %s: %lld calls, %lld of output, %lld of input", w->agent, order,
			         (long long)m.calls, (long long)m.meters[METER_OUTPUT],
			         (long long)m.context_tokens);
	}
}

/* The tellers whose bits are set, in the order of a permutation's number. */
static void in_order(const struct work *w, unsigned who, unsigned number)
{
	struct telling t;
	char order[TELLERS + 1] = {0};
	enum teller left[TELLERS];
	unsigned n = 0, told = 0;
	books_open(&t.b);
	books_done(&t.b);
	t.meters = otlp_meters_new(1);
	assert_non_null(t.meters);
	for (unsigned i = 0; i < TELLERS; i++)
		if (who >> i & 1)
			left[n++] = (enum teller)i;
	settle(&t);
	while (n) {
		unsigned at = number % n;
		number /= n;
		enum teller by = left[at];
		memmove(left + at, left + at + 1, (n - at - 1) * sizeof left[0]);
		n--;
		order[told++] = "gect"[by];
		tell(&t, w, by);
		settle(&t);
	}
	if (who != 1u << COUNTERS)
		check(&t, w, who & 1u << GATEWAY, order);
	otlp_meters_free(t.meters);
	books_close(&t.b);
}

static void every_order(void **state)
{
	(void)state;
	for (size_t w = 0; w < sizeof works / sizeof works[0]; w++) {
		for (unsigned k = 0; k < 24; k++)
			in_order(&works[w], (1u << TELLERS) - 1, k);
		for (unsigned k = 0; k < 2; k++)
			in_order(&works[w], 1u << EVENTS | 1u << COUNTERS, k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_order)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
