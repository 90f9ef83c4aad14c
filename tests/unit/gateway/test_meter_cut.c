/* Streams ended before their end: every recorded stream of the sample is cut at each border between two
 * events, and inside the event behind it, and a strict client of its dialect must take what comes out for an
 * answer that ran into its limit of output. */
#include "unit/unit.h"

#include <stdlib.h>

#include <cjson/cJSON.h>

#include "base/base64.h"
#include "codec/registry.h"
#include "gateway/meter.h"

#define SAMPLE   "tests/wire/pairs-sample.jsonl"
#define CUTS_MAX 120 /* places at which a long stream is cut */
#define MESSAGE  "Frozen by kim: \"caf\xc3\xa9\"\\\n2 lines. To go on now: weir unfreeze --user ana"

/* --- strict clients ------------------------------------------------------------------------------------- */

struct client {
	bool started, stopped, ended;
	bool open, text; /* a block; of text */
	int64_t at, next;
	uint64_t seen, finished; /* choices */
	bool usage, wants_usage;
	int64_t number;
	cJSON *done; /* Responses: items that were done; owned */
	bool says;   /* the last text is Weir's */
	char stop[40];
	char fault[200];
};

#define REFUSE_IF(c, bad)                                                                                    \
	do {                                                                                                 \
		if ((bad) && !(c)->fault[0])                                                                 \
			snprintf((c)->fault, sizeof(c)->fault, "%s:%d: %s", __func__, __LINE__, #bad);       \
	} while (0)

static const cJSON *get(const cJSON *o, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(o, key);
}

static const char *text(const cJSON *o, const char *key)
{
	const cJSON *v = get(o, key);
	return cJSON_IsString(v) ? v->valuestring : "";
}

static int64_t number(const cJSON *o, const char *key)
{
	const cJSON *v = get(o, key);
	return cJSON_IsNumber(v) ? (int64_t)v->valuedouble : -1;
}

static void stop(struct client *c, const char *why)
{
	snprintf(c->stop, sizeof c->stop, "%s", why);
	c->stopped = true;
}

static bool is_weirs(const char *s)
{
	const char *at = strstr(s, "[weir] ");
	return at && strcmp(at + 7, MESSAGE) == 0;
}

static void anthropic_client(struct client *c, slice name, const cJSON *e)
{
	const char *type = text(e, "type");
	REFUSE_IF(c, name.n && !slice_eq(name, slice_of(type)));
	REFUSE_IF(c, c->ended);
	if (strcmp(type, "message_start") == 0) {
		const cJSON *m = get(e, "message");
		REFUSE_IF(c, c->started || !text(m, "id")[0] || !text(m, "model")[0]);
		REFUSE_IF(c, number(get(m, "usage"), "input_tokens") < 0);
		c->started = true;
	} else if (strcmp(type, "content_block_start") == 0) {
		REFUSE_IF(c, !c->started || c->open || c->stopped || number(e, "index") != c->next);
		c->open = true;
		c->text = strcmp(text(get(e, "content_block"), "type"), "text") == 0;
		c->at = c->next++;
	} else if (strcmp(type, "content_block_delta") == 0) {
		REFUSE_IF(c, !c->open || number(e, "index") != c->at);
		c->says = is_weirs(text(get(e, "delta"), "text"));
		REFUSE_IF(c, c->says && !c->text);
	} else if (strcmp(type, "content_block_stop") == 0) {
		REFUSE_IF(c, !c->open || number(e, "index") != c->at);
		c->open = false;
	} else if (strcmp(type, "message_delta") == 0) {
		REFUSE_IF(c, c->open || c->stopped || number(get(e, "usage"), "output_tokens") < 0);
		stop(c, text(get(e, "delta"), "stop_reason"));
	} else if (strcmp(type, "message_stop") == 0) {
		REFUSE_IF(c, !c->stopped);
		c->ended = true;
	} else {
		REFUSE_IF(c, strcmp(type, "ping") != 0);
	}
}

static void chat_choice(struct client *c, const cJSON *choice)
{
	int64_t i = number(choice, "index") < 0 ? 0 : number(choice, "index");
	uint64_t bit = UINT64_C(1) << (i & 63);
	const char *why = text(choice, "finish_reason");
	/* OpenRouter says it twice */
	REFUSE_IF(c, c->finished & bit && strcmp(why, "length") == 0 && strcmp(c->stop, why) != 0);
	c->seen |= bit;
	c->says = is_weirs(text(get(choice, "delta"), "content"));
	if (!why[0])
		return;
	c->finished |= bit;
	stop(c, why);
}

static void chat_client(struct client *c, slice name, const cJSON *e)
{
	const cJSON *choice;
	(void)name;
	REFUSE_IF(c, c->ended);
	if (cJSON_IsString(e)) { /* [DONE] */
		REFUSE_IF(c, c->seen != c->finished || (c->wants_usage && !c->usage));
		c->ended = true;
		return;
	}
	c->started = true;
	/* a provider's own chunk may say no model and no time (Azure's first one); one of Weir's says both */
	REFUSE_IF(c, !cJSON_IsArray(get(e, "choices")));
	REFUSE_IF(c,
	          strcmp(text(e, "id"), "0abc") == 0 && (!text(e, "model")[0] || number(e, "created") <= 0));
	cJSON_ArrayForEach(choice, get(e, "choices")) chat_choice(c, choice);
	if (cJSON_IsObject(get(e, "usage")) && c->seen == c->finished)
		c->usage = true;
}

static void responses_end(struct client *c, const cJSON *response, const char *type)
{
	const cJSON *output = get(response, "output");
	REFUSE_IF(c, number(get(response, "usage"), "output_tokens") < 0);
	if (cJSON_GetArraySize(output) > 0 || strcmp(type, "response.incomplete") == 0)
		REFUSE_IF(c, !cJSON_Compare(output, c->done, true));
	stop(c, strcmp(type, "response.completed") == 0
	            ? "completed"
	            : text(get(response, "incomplete_details"), "reason"));
	c->ended = true;
}

static void responses_text(struct client *c, const char *type, const cJSON *e)
{
	if (strcmp(type, "response.content_part.added") == 0) {
		c->text = strcmp(text(get(e, "part"), "type"), "output_text") == 0;
	} else if (strcmp(type, "response.output_text.delta") == 0) {
		REFUSE_IF(c, !c->open || !c->text || number(e, "output_index") != c->at);
		c->says = is_weirs(text(e, "delta"));
	} else if (strcmp(type, "response.output_text.done") == 0) {
		REFUSE_IF(c, c->says && !is_weirs(text(e, "text")));
	} else if (strcmp(type, "response.content_part.done") == 0) {
		REFUSE_IF(c, c->says && !is_weirs(text(get(e, "part"), "text")));
		c->text = false;
	}
}

static void responses_client(struct client *c, slice name, const cJSON *e)
{
	const char *type = text(e, "type");
	(void)name;
	REFUSE_IF(c, c->ended);
	REFUSE_IF(c, get(e, "sequence_number") && number(e, "sequence_number") != c->number);
	c->number++;
	if (strcmp(type, "response.created") == 0)
		c->started = true;
	REFUSE_IF(c, !c->started);
	responses_text(c, type, e);
	if (strcmp(type, "response.output_item.added") == 0) {
		c->open = true;
		c->at = number(e, "output_index");
	} else if (strcmp(type, "response.output_item.done") == 0) {
		REFUSE_IF(c, !c->open || number(e, "output_index") != c->at || c->text);
		c->open = false;
		if (c->done == NULL)
			c->done = cJSON_CreateArray();
		cJSON_AddItemToArray(c->done, cJSON_Duplicate(get(e, "item"), true));
	} else if (strcmp(type, "response.completed") == 0 || strcmp(type, "response.incomplete") == 0) {
		if (c->done == NULL)
			c->done = cJSON_CreateArray();
		responses_end(c, get(e, "response"), type);
	}
}

static void gemini_client(struct client *c, slice name, const cJSON *e)
{
	const cJSON *candidate, *part;
	(void)name;
	REFUSE_IF(c, c->stopped && cJSON_GetArraySize(get(e, "candidates")) > 0 && c->seen == c->finished);
	c->started = true;
	cJSON_ArrayForEach(candidate, get(e, "candidates"))
	{
		int64_t i = number(candidate, "index") < 0 ? 0 : number(candidate, "index");
		c->seen |= UINT64_C(1) << i;
		cJSON_ArrayForEach(part, get(get(candidate, "content"), "parts")) c->says =
		    is_weirs(text(part, "text"));
		if (text(candidate, "finishReason")[0]) {
			c->finished |= UINT64_C(1) << i;
			stop(c, text(candidate, "finishReason"));
		}
	}
	REFUSE_IF(c, c->stopped && number(get(e, "usageMetadata"), "promptTokenCount") < 0);
	c->ended = c->stopped && c->seen == c->finished;
}

static void converse_client(struct client *c, slice name, const cJSON *e)
{
	const cJSON *delta = get(e, "delta");
	REFUSE_IF(c, c->ended);
	if (slice_eq(name, SLICE("messageStart"))) {
		REFUSE_IF(c, c->started || strcmp(text(e, "role"), "assistant") != 0);
		c->started = true;
	} else if (slice_eq(name, SLICE("contentBlockStart")) || slice_eq(name, SLICE("contentBlockDelta"))) {
		REFUSE_IF(c,
		          !c->started || c->stopped || (c->open && number(e, "contentBlockIndex") != c->at));
		c->open = true;
		c->at = number(e, "contentBlockIndex");
		c->says = is_weirs(text(delta, "text"));
	} else if (slice_eq(name, SLICE("contentBlockStop"))) {
		REFUSE_IF(c, !c->open || number(e, "contentBlockIndex") != c->at);
		c->open = false;
	} else if (slice_eq(name, SLICE("messageStop"))) {
		REFUSE_IF(c, c->open || c->stopped);
		stop(c, text(e, "stopReason"));
	} else if (slice_eq(name, SLICE("metadata"))) {
		REFUSE_IF(c, !c->stopped || number(get(e, "usage"), "outputTokens") < 0);
		REFUSE_IF(c, number(get(e, "metrics"), "latencyMs") < 0);
		c->ended = true;
	} else {
		REFUSE_IF(c, true);
	}
}

/* The model's own events: Anthropic's, Converse's in an object, or plain ones. */
static void invoke_client(struct client *c, slice name, const cJSON *chunk)
{
	char json[65536];
	size_t n = 0;
	slice coded = slice_of(text(chunk, "bytes"));
	REFUSE_IF(c, !slice_eq(name, SLICE("chunk")) || coded.n > sizeof json / 2);
	REFUSE_IF(c, !base64_decode(coded, json, &n));
	cJSON *e = cJSON_ParseWithLength(json, n);
	bool metered = cJSON_IsObject(get(e, "amazon-bedrock-invocationMetrics"));
	REFUSE_IF(c, e == NULL);
	if (text(e, "type")[0]) {
		anthropic_client(c, SLICE_NONE, e);
		REFUSE_IF(c, c->ended && !metered);
	} else if (e && e->child && cJSON_IsObject(e->child) && !metered) {
		converse_client(c, slice_of(e->child->string), e->child);
	} else if (get(e, "metadata")) {
		converse_client(c, SLICE("metadata"), get(e, "metadata"));
	} else if (metered) {
		c->ended = true;
		stop(c, text(e, "stop_reason"));
	}
	cJSON_Delete(e);
}

static const struct {
	enum api api;
	void (*event)(struct client *c, slice name, const cJSON *e);
	const char *limit;
} clients[] = {
    {API_ANTHROPIC_MESSAGES, anthropic_client, "max_tokens"},
    {API_OPENAI_CHAT, chat_client, "length"},
    {API_OPENAI_RESPONSES, responses_client, "max_output_tokens"},
    {API_GEMINI_GENERATE, gemini_client, "MAX_TOKENS"},
    {API_BEDROCK_CONVERSE, converse_client, "max_tokens"},
    {API_BEDROCK_INVOKE, invoke_client, "max_tokens"},
};

/* --- streams -------------------------------------------------------------------------------------------- */

struct stream {
	const char *id;
	enum api api;
	size_t client;
	bool frames, usage; /* an AWS event stream; the client asked for usage */
	slice body, model;
	size_t borders[20000], n; /* where events end */
};

struct reading {
	struct client *c;
	const struct stream *s;
	struct stream *borders; /* to be found, instead of reading */
	size_t at;
	bool error; /* an error of the provider's is in it */
};

static int read_event(struct reading *r, slice raw, slice name, slice data)
{
	r->at += raw.n;
	if (r->borders) {
		assert_true(r->borders->n < COUNT(r->borders->borders));
		r->borders->borders[r->borders->n++] = r->at;
		r->error = r->error || slice_find(data, SLICE("\"error\":{")) >= 0;
		return 0;
	}
	if (data.n == 0)
		return 0;
	cJSON *e = slice_eq(data, SLICE("[DONE]")) ? cJSON_CreateString("[DONE]")
	                                           : cJSON_ParseWithLength(data.p, data.n);
	REFUSE_IF(r->c, e == NULL);
	clients[r->s->client].event(r->c, name, e);
	cJSON_Delete(e);
	return 0;
}

static int on_event(void *arg, const struct sse_event *e)
{
	return read_event(arg, e->raw, e->name, e->data);
}

static int on_message(void *arg, const struct eventstream_message *m)
{
	return read_event(arg, m->raw, m->type, m->payload);
}

/* Bytes that are left over. */
static size_t read_stream(struct reading *r, bool frames, slice body)
{
	if (frames) {
		struct eventstream s;
		eventstream_init(&s, 1 << 20);
		eventstream_feed(&s, body, on_message, r);
		size_t left = eventstream_pending(&s) + s.skipped + s.broken;
		eventstream_release(&s);
		return left;
	}
	struct sse s;
	sse_init(&s, 1 << 20);
	sse_feed(&s, body, on_event, r);
	size_t left = sse_pending(&s).n;
	sse_release(&s);
	return left;
}

static void cut_at(const struct stream *s, size_t border, size_t at, unsigned *says)
{
	struct request_view v = {.api = s->api,
	                         .stream = true,
	                         .choices = 1,
	                         .max_output = TOKENS_ABSENT,
	                         .model = s->model,
	                         .wants_usage = s->usage};
	struct client c = {.wants_usage = s->usage};
	struct reading r = {.c = &c, .s = s};
	struct stream_meter m;
	struct usage u;
	struct buf out;
	buf_init(&out, 8 << 20);
	meter_init(&m, registry_codec(s->api), &v);
	meter_begin(&m, s->frames ? METER_FRAMES : METER_EVENTS, 1 << 20);
	if (at)
		assert_int_equal(meter_feed(&m, slice_sub(s->body, 0, at), &out), 0);
	assert_true(meter_can_cut(&m));
	bool over = m.open.ended;
	meter_usage(&m, 100, true, &u);
	struct stream_cut cut = {
	    .message = SLICE(MESSAGE), .usage = &u, .id = "0abc", .time_s = 1700000000, .latency_ms = 5};
	assert_int_equal(meter_cut(&m, &cut, &out), 0);
	if (!m.edits) {
		assert_true(out.n >= border);
		assert_memory_equal(buf_slice(&out).p, s->body.p, border);
	}
	size_t left = read_stream(&r, s->frames, buf_slice(&out));
	if (c.fault[0] || left || (!over && !c.ended) ||
	    (border == 0 && strcmp(c.stop, clients[s->client].limit)))
		fail_msg(
		    "%s cut at %zu of %zu (event ends at %zu): %s; left %zu, ended %d, stop \"%s\"\n%.*s",
		    s->id, at, s->body.n, border, c.fault, left, c.ended, c.stop, (int)out.n,
		    buf_slice(&out).p);
	*says += c.says;
	cJSON_Delete(c.done);
	buf_release(&out);
	meter_release(&m);
}

static unsigned cut_everywhere(struct stream *s)
{
	unsigned says = 0;
	size_t step = s->n / CUTS_MAX + 1;
	cut_at(s, 0, 0, &says);
	if (says != 1)
		fail_msg("%s: an answer that has not begun says nothing", s->id);
	for (size_t i = 0; i + 1 < s->n; i += i < 20 || i + 20 > s->n ? 1 : step) {
		size_t from = s->borders[i], to = s->borders[i + 1];
		cut_at(s, from, from, &says);
		cut_at(s, from, from + 1, &says);
		cut_at(s, from, from + (to - from) / 2, &says);
		cut_at(s, from, to - 1, &says);
	}
	return says;
}

/* --- the sample ----------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	enum api api;
} apis[] = {
    {"messages", API_ANTHROPIC_MESSAGES},  {"chat", API_OPENAI_CHAT},
    {"responses", API_OPENAI_RESPONSES},   {"streamGenerateContent", API_GEMINI_GENERATE},
    {"invoke-stream", API_BEDROCK_INVOKE}, {"converse-stream", API_BEDROCK_CONVERSE},
};

static bool find_client(struct stream *s, const char *api)
{
	s->api = API_N;
	for (size_t i = 0; i < COUNT(apis); i++)
		if (strcmp(apis[i].name, api) == 0)
			s->api = apis[i].api;
	for (s->client = 0; s->client < COUNT(clients); s->client++)
		if (clients[s->client].api == s->api)
			return true;
	return false;
}

/* What the client did not ask for is hidden from it, so the pieces of a chat that is edited are not compared.
 */
static bool load(struct stream *s, const cJSON *pair, char **owned)
{
	const cJSON *response = get(pair, "response");
	const char *body = text(response, "body"), *coded = text(response, "body_b64");
	if (!cJSON_IsTrue(get(pair, "stream")) || number(pair, "status") != 200 ||
	    !find_client(s, text(pair, "api")))
		return false;
	size_t n = strlen(body);
	*owned = NULL;
	if (coded[0]) {
		*owned = malloc(base64_room(strlen(coded)));
		assert_non_null(*owned);
		assert_true(base64_decode(slice_of(coded), *owned, &n));
		body = *owned;
	}
	s->id = text(pair, "id");
	s->body = slice_make(body, n);
	s->model = slice_of(text(pair, "model"));
	s->frames = s->api == API_BEDROCK_CONVERSE || s->api == API_BEDROCK_INVOKE;
	s->usage = true;
	s->n = 0;
	struct reading r = {.borders = s};
	/* An array of chunks is no stream of events; an error of the provider's is no answer. */
	bool good =
	    n > 0 && body[0] != '[' && read_stream(&r, s->frames, s->body) == 0 && !r.error && s->n > 1;
	if (!good) {
		free(*owned);
		*owned = NULL;
	}
	return good;
}

static void recorded_streams(void **state)
{
	(void)state;
	static struct stream s;
	unsigned streams[API_N] = {0}, says[API_N] = {0};
	char *line = NULL, *owned;
	size_t cap = 0;
	FILE *f = fopen(SAMPLE, "r");
	assert_non_null(f);
	while (getline(&line, &cap, f) > 0) {
		cJSON *pair = cJSON_Parse(line);
		if (load(&s, pair, &owned)) {
			streams[s.api]++;
			says[s.api] += cut_everywhere(&s);
			free(owned);
		}
		cJSON_Delete(pair);
	}
	free(line);
	fclose(f);
	for (size_t i = 0; i < COUNT(apis); i++) {
		printf("%-20s %3u streams, %5u ends with words\n", apis[i].name, streams[apis[i].api],
		       says[apis[i].api]);
		assert_true(streams[apis[i].api] > 0 && says[apis[i].api] > streams[apis[i].api]);
	}
}

/* --- calls that are open ----------------------------------------------------------------------------------
 */

/* What is appended to a stream that is cut at its end. */
static const char *added(enum api api, const char *stream, struct buf *out)
{
	struct request_view v = {.api = api, .stream = true, .choices = 1, .model = SLICE("m")};
	struct stream_meter m;
	struct usage u;
	usage_clear(&u);
	meter_init(&m, registry_codec(api), &v);
	meter_begin(&m, METER_EVENTS, 1 << 16);
	assert_int_equal(meter_feed(&m, slice_of(stream), out), 0);
	struct stream_cut cut = {.message = SLICE("no"), .usage = &u, .id = "x", .time_s = 1};
	assert_int_equal(meter_cut(&m, &cut, out), 0);
	assert_int_equal(buf_append(out, slice_make("", 1)), 0);
	return buf_slice(out).p + strlen(stream);
}

/* A call that has begun does not look like a whole one, and no words stand where no text is open. */
static void open_calls(void **state)
{
	(void)state;
	static const struct {
		enum api api;
		const char *stream, *has, *has_not;
	} cases[] = {
	    {API_ANTHROPIC_MESSAGES,
	     "data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}\n\n"
	     "data: "
	     "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\"}}\n\n",
	     "\"partial_json\":\"{\\\"\"", "[weir]"},
	    {API_ANTHROPIC_MESSAGES,
	     "data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}\n\n"
	     "data: "
	     "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\"}}\n\n"
	     "data: "
	     "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"partial_json\":\"{\\\"a\"}}\n\n",
	     "content_block_stop", "partial_json"},
	    {API_OPENAI_RESPONSES,
	     "data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\"},\"sequence_number\":0}\n\n"
	     "data: "
	     "{\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"type\":\"function_"
	     "call\","
	     "\"id\":\"f\"},\"sequence_number\":1}\n\n",
	     "\"output\":[]", "output_item.done"},
	    {API_OPENAI_RESPONSES,
	     "data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\"},\"sequence_number\":0}\n\n"
	     "data: "
	     "{\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"type\":\"message\","
	     "\"id\":\"f\"},\"sequence_number\":1}\n\n",
	     "\"content\":[]", "[weir]"},
	    {API_OPENAI_CHAT,
	     "data: "
	     "{\"id\":\"c\",\"created\":1,\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hm\"}}]}\n\n"
	     "data: "
	     "{\"id\":\"c\",\"created\":1,\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0}]"
	     "}}]}\n\n",
	     "\"finish_reason\":\"length\"", "[weir]"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out;
		buf_init(&out, 1 << 20);
		const char *end = added(cases[i].api, cases[i].stream, &out);
		if (!strstr(end, cases[i].has) || strstr(end, cases[i].has_not))
			fail_msg("case %zu: %s", i, end);
		buf_release(&out);
	}
}

/* What is over the cap is not said again; the end is an end all the same. */
static void more_than_is_kept(void **state)
{
	(void)state;
	struct buf in, out;
	buf_init(&in, 4 << 20);
	buf_init(&out, 4 << 20);
	assert_int_equal(
	    buf_printf(
	        &in,
	        "data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\"}}\n\n"
	        "data: {\"type\":\"response.output_item.added\",\"item\":{\"type\":\"message\"}}\n\n"
	        "data: {\"type\":\"response.content_part.added\",\"part\":{\"type\":\"output_text\"}}\n\n"),
	    0);
	for (int i = 0; i < 600; i++)
		assert_int_equal(
		    buf_printf(
		        &in, "data: {\"type\":\"response.output_text.delta\",\"delta\":\"%01000d\"}\n\n", i),
		    0);
	assert_int_equal(buf_append(&in, slice_make("", 1)), 0);
	const char *end = added(API_OPENAI_RESPONSES, buf_slice(&in).p, &out);
	assert_non_null(strstr(end, "response.incomplete"));
	assert_true(strlen(end) < 4096);
	buf_release(&in);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(recorded_streams),
	    cmocka_unit_test(open_calls),
	    cmocka_unit_test(more_than_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
