#include "route.h"

#include <string.h>

#include "batch.h"
#include "books.h"
#include "cache.h"

void answer_with(struct conn *c, int status, const char *type, const char *extra, struct str body)
{
	buf_fmt(&c->out, "HTTP/1.1 %d %s\r\ncontent-type: %s\r\ncontent-length: %zu\r\n%s%s\r\n", status,
	        http_reason(status), type, body.n, extra, c->req.keep_alive ? "" : "connection: close\r\n");
	if (!str_eq(c->req.method, "HEAD"))
		buf_add(&c->out, body.p, body.n);
	if (!c->req.keep_alive)
		c->close_after = true;
}

static struct str path_of(const struct http_req *r)
{
	struct str rest = r->target;

	return str_cut(&rest, '?');
}

static bool ends(struct str s, const char *suffix)
{
	size_t n = strlen(suffix);

	return s.n >= n && memcmp(s.p + s.n - n, suffix, n) == 0;
}

static bool route_gemini(struct call *c, struct str path, struct str query)
{
	static const struct {
		const char *method;
		enum api api;
		const struct dialect *dialect;
		bool stream;
	} table[] = {
	    {"generateContent", API_GEMINI, &dialect_gemini, false},
	    {"streamGenerateContent", API_GEMINI, &dialect_gemini, true},
	    {"countTokens", API_GEMINI_COUNT, &dialect_gemini_count, false},
	};
	const char *at = memmem(path.p, path.n, "/models/", 8);
	struct str rest, model;

	if (!at)
		return false;
	rest = (struct str){at + 8, path.n - (size_t)(at + 8 - path.p)};
	model = str_cut(&rest, ':');
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		if (!str_eq(rest, table[i].method) || !table[i].dialect->read)
			continue;
		c->api = table[i].api;
		c->dialect = table[i].dialect;
		c->ask.stream = table[i].stream;
		c->ask.gemini_array = table[i].stream && !str_has(query, "alt=sse");
		str_copy(c->model, sizeof c->model, model);
		return true;
	}
	return false;
}

/* Vertex: …/publishers/anthropic/models/{model}:rawPredict and its stream; the model count-tokens counts. */
static bool route_vertex(struct call *c, struct str path)
{
	static const char under[] = "/publishers/anthropic/models/";
	const char *at = memmem(path.p, path.n, under, sizeof under - 1);
	struct str rest, model;

	if (!at || !str_starts(path, "/v1/projects/"))
		return false;
	rest = (struct str){at + sizeof under - 1, path.n - (size_t)(at + sizeof under - 1 - path.p)};
	model = str_cut(&rest, ':');
	if (!str_eq(rest, "rawPredict") && !str_eq(rest, "streamRawPredict"))
		return false;
	if (str_eq(model, "count-tokens")) {
		c->api = API_ANTHROPIC_COUNT;
		c->dialect = &dialect_anthropic_count;
		return true;
	}
	c->api = API_ANTHROPIC;
	c->dialect = &dialect_anthropic;
	str_copy(c->model, sizeof c->model, model);
	return true;
}

/* /model/{id}/invoke and its like; the id may have its ':' encoded. */
static bool route_bedrock(struct call *c, struct str path)
{
	static const struct {
		const char *method;
		enum api api;
		const struct dialect *dialect;
		bool stream;
	} table[] = {
	    {"invoke", API_BEDROCK_INVOKE, &dialect_bedrock_invoke, false},
	    {"invoke-with-response-stream", API_BEDROCK_INVOKE, &dialect_bedrock_invoke, true},
	    {"converse", API_BEDROCK_CONVERSE, &dialect_bedrock_converse, false},
	    {"converse-stream", API_BEDROCK_CONVERSE, &dialect_bedrock_converse, true},
	};
	struct str rest = {path.p + 7, path.n - 7}, model = str_cut(&rest, '/');
	size_t n = 0;

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		if (!str_eq(rest, table[i].method))
			continue;
		c->api = table[i].api;
		c->dialect = table[i].dialect;
		c->ask.stream = table[i].stream;
		for (size_t k = 0; k < model.n && n + 1 < sizeof c->model; k++) {
			bool colon = k + 2 < model.n && (memcmp(model.p + k, "%3A", 3) == 0 ||
			                                 memcmp(model.p + k, "%3a", 3) == 0);

			c->model[n++] = colon ? ':' : model.p[k];
			k += colon ? 2 : 0;
		}
		c->model[n] = '\0';
		return true;
	}
	return false;
}

bool route_call(const struct http_req *r, struct call *c)
{
	static const struct {
		const char *suffix;
		enum api api;
		const struct dialect *dialect;
	} table[] = {
	    {"/v1/messages", API_ANTHROPIC, &dialect_anthropic},
	    {"/v1/messages/count_tokens", API_ANTHROPIC_COUNT, &dialect_anthropic_count},
	    {"/chat/completions", API_CHAT, &dialect_chat},
	    {"/responses", API_RESPONSES, &dialect_responses},
	    {"/embeddings", API_EMBEDDINGS, &dialect_embeddings},
	};
	struct str query = r->target, path = str_cut(&query, '?');

	if (!str_eq(r->method, "POST"))
		return false;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (ends(path, table[i].suffix) && table[i].dialect->read) {
			c->api = table[i].api;
			c->dialect = table[i].dialect;
			return true;
		}
	if (str_starts(path, "/model/"))
		return route_bedrock(c, path);
	if (route_vertex(c, path))
		return true;
	return route_gemini(c, path, query);
}

static const char anthropic_models[] =
    "{\"data\":["
    "{\"type\":\"model\",\"id\":\"claude-opus-4-5-20251101\",\"display_name\":\"Claude Opus 4.5\","
    "\"created_at\":\"2025-11-24T00:00:00Z\"},"
    "{\"type\":\"model\",\"id\":\"claude-haiku-4-5-20251001\",\"display_name\":\"Claude Haiku 4.5\","
    "\"created_at\":\"2025-10-15T00:00:00Z\"},"
    "{\"type\":\"model\",\"id\":\"claude-sonnet-4-5-20250929\",\"display_name\":\"Claude Sonnet 4.5\","
    "\"created_at\":\"2025-09-29T00:00:00Z\"}],"
    "\"has_more\":false,\"first_id\":\"claude-opus-4-5-20251101\",\"last_id\":\"claude-sonnet-4-5-"
    "20250929\"}";

static const char openai_models[] =
    "{\n  \"object\": \"list\",\n  \"data\": [\n"
    "    {\n      \"id\": \"gpt-5\",\n      \"object\": \"model\",\n      \"created\": 1754425777,\n"
    "      \"owned_by\": \"system\"\n    },\n"
    "    {\n      \"id\": \"gpt-5-mini\",\n      \"object\": \"model\",\n      \"created\": 1754425928,\n"
    "      \"owned_by\": \"system\"\n    },\n"
    "    {\n      \"id\": \"text-embedding-3-small\",\n      \"object\": \"model\",\n      \"created\": "
    "1705948997,\n      \"owned_by\": \"system\"\n    }\n  ]\n}\n";

static const char gemini_models[] =
    "{\n  \"models\": [\n    {\n      \"name\": \"models/gemini-2.5-pro\",\n      \"version\": \"2.5\",\n"
    "      \"displayName\": \"Gemini 2.5 Pro\",\n      \"inputTokenLimit\": 1048576,\n"
    "      \"outputTokenLimit\": 65536,\n      \"supportedGenerationMethods\": [\n"
    "        \"generateContent\",\n        \"countTokens\"\n      ]\n    }\n  ]\n}\n";

static void answer_models(struct conn *c, struct str path)
{
	if (ends(path, "/v1beta/models"))
		answer_with(c, 200, "application/json; charset=UTF-8", "", str_of(gemini_models));
	else if (http_header(&c->req, "anthropic-version").p)
		answer_with(c, 200, "application/json", "request-id: req_models\r\n",
		            str_of(anthropic_models));
	else
		answer_with(c, 200, "application/json", "x-request-id: req_models\r\n",
		            str_of(openai_models));
}

static void answer_sim(struct conn *c, struct str path, struct str query)
{
	struct buf b = {0};
	int64_t since = str_starts(query, "since=") ? str_int((struct str){query.p + 6, query.n - 6}) : 0;

	if (str_eq(path, "/sim/books")) {
		books_totals(&b);
		answer_with(c, 200, "application/json", "", (struct str){b.p, b.len});
	} else if (str_eq(path, "/sim/calls")) {
		books_calls(&b, since);
		answer_with(c, 200, "application/x-ndjson", "", (struct str){b.p, b.len});
	} else if (str_eq(path, "/sim/reset") && str_eq(c->req.method, "POST")) {
		books_reset();
		answer_with(c, 200, "application/json", "", STR("{\"reset\":true}\n"));
	} else {
		answer_with(c, 404, "text/plain", "", STR("try /sim/books, /sim/calls, POST /sim/reset\n"));
	}
	buf_free(&b);
}

void route_other(struct conn *c)
{
	struct str query = c->req.target, path = str_cut(&query, '?');
	bool read_only = str_eq(c->req.method, "GET") || str_eq(c->req.method, "HEAD");

	if (str_starts(path, "/sim/"))
		answer_sim(c, path, query);
	else if (cache_route(c, path) || batch_route(c, path))
		return;
	else if (read_only && ends(path, "/api/hello"))
		answer_with(c, 200, "application/json", "", STR("{\"message\":\"hello\"}"));
	else if (read_only && ends(path, "/models"))
		answer_models(c, path);
	else if (read_only && ends(path_of(&c->req), "/responses") && http_header(&c->req, "upgrade").p)
		answer_with(c, 426, "application/json", "upgrade: HTTP/1.1\r\n",
		            STR("{\"error\":{\"message\":\"WebSocket is not offered\",\"type\":"
		                "\"invalid_request_error\"}}"));
	else
		answer_with(c, 404, "application/json", "",
		            STR("{\"error\":{\"type\":\"not_found_error\",\"message\":\"no such path\"}}"));
}
