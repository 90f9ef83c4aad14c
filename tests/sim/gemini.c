/* Gemini generateContent, streamed as SSE or as a JSON array, and countTokens (https://ai.google.dev/api). */
#include "ask.h"

#include <cjson/cJSON.h>
#include <string.h>

static bool read_content(struct ask *a, const cJSON *content)
{
	const cJSON *parts = cJSON_GetObjectItemCaseSensitive(content, "parts"), *part;
	struct spoken spoken = {0};

	ask_segment(a, content, 0);
	cJSON_ArrayForEach(part, parts)
	{
		if (cJSON_GetObjectItemCaseSensitive(part, "functionResponse"))
			spoken.results++;
		else if (!json_is(content, "role", "model") && json_str(part, "text").p)
			spoken_text(&spoken, json_str(part, "text"));
	}
	ask_spoken(a, &spoken);
	return cJSON_IsArray(parts);
}

static void read_tools(struct ask *a, const cJSON *tools)
{
	const cJSON *tool, *f;

	cJSON_ArrayForEach(tool, tools)
	{
		const cJSON *list = cJSON_GetObjectItemCaseSensitive(tool, "functionDeclarations");

		ask_segment(a, tool, 0);
		if (!list)
			list = cJSON_GetObjectItemCaseSensitive(tool, "function_declarations");
		cJSON_ArrayForEach(f, list)
		{
			const cJSON *schema = cJSON_GetObjectItemCaseSensitive(f, "parametersJsonSchema");

			if (!schema)
				schema = cJSON_GetObjectItemCaseSensitive(f, "parameters");
			ask_tool(a, (struct tool){.name = json_str(f, "name"), .schema = schema});
		}
	}
}

static void read_config(struct ask *a, const cJSON *config)
{
	const cJSON *thinking = cJSON_GetObjectItemCaseSensitive(config, "thinkingConfig");

	a->max_output = json_int(config, "maxOutputTokens");
	a->wants_json = json_is(config, "responseMimeType", "application/json");
	a->json_schema = cJSON_GetObjectItemCaseSensitive(config, "responseJsonSchema");
	if (!a->json_schema)
		a->json_schema = cJSON_GetObjectItemCaseSensitive(config, "responseSchema");
	a->thinking = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(thinking, "includeThoughts"));
}

static bool gemini_read(struct call *c, const cJSON *root)
{
	struct ask *a = &c->ask;
	const cJSON *inner = cJSON_GetObjectItemCaseSensitive(root, "generateContentRequest"), *contents,
	            *content;
	const cJSON *system, *calling;

	if (inner)
		root = inner; /* countTokens may hold a whole request */
	contents = cJSON_GetObjectItemCaseSensitive(root, "contents");
	system = cJSON_GetObjectItemCaseSensitive(root, "systemInstruction");
	if (!cJSON_IsArray(contents))
		return false;
	if (!system)
		system = cJSON_GetObjectItemCaseSensitive(root, "system_instruction");
	if (system) {
		ask_segment(a, system, 0);
		a->system_text = json_str(
		    cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(system, "parts"), 0), "text");
	}
	read_tools(a, cJSON_GetObjectItemCaseSensitive(root, "tools"));
	calling = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(root, "toolConfig"),
	                                           "functionCallingConfig");
	a->force_tool = json_is(calling, "mode", "ANY");
	read_config(a, cJSON_GetObjectItemCaseSensitive(root, "generationConfig"));
	cJSON_ArrayForEach(content, contents) if (!read_content(a, content)) return false;
	if (c->api == API_GEMINI)
		cache_automatic(c, 2048, 1);
	return true;
}

/* usageMetadata with the candidates' tokens up to now; thoughts are apart from them. */
static void add_usage(struct call *c, int64_t candidates, struct buf *out)
{
	const struct usage *u = &c->usage;
	int64_t prompt = u->input + u->cache_read, thoughts = u->reasoning > 0 ? u->reasoning : 0;

	buf_fmt(out, "\"usageMetadata\": {\"promptTokenCount\": %lld,", (long long)prompt);
	if (candidates > 0)
		buf_fmt(out, "\"candidatesTokenCount\": %lld,", (long long)candidates);
	buf_fmt(out, "\"totalTokenCount\": %lld,", (long long)(prompt + candidates + thoughts));
	if (u->cache_read > 0)
		buf_fmt(out,
		        "\"cachedContentTokenCount\": %lld,\"cacheTokensDetails\": [{\"modality\": \"TEXT\","
		        "\"tokenCount\": %lld}],",
		        (long long)u->cache_read, (long long)u->cache_read);
	buf_fmt(out, "\"promptTokensDetails\": [{\"modality\": \"TEXT\",\"tokenCount\": %lld}]",
	        (long long)prompt);
	if (thoughts)
		buf_fmt(out, ",\"thoughtsTokenCount\": %lld", (long long)thoughts);
	BUF_LIT(out, "}");
	c->reported = *u;
	c->reported.write_5m = c->reported.write_1h = -1;
	c->reported.output = candidates + thoughts;
}

static void add_tail(struct call *c, int64_t candidates, struct buf *out)
{
	BUF_LIT(out, "],");
	if (!c->d.no_usage) {
		add_usage(c, candidates, out);
		BUF_LIT(out, ",");
	}
	BUF_LIT(out, "\"modelVersion\": ");
	buf_json(out, str_of(c->model));
	BUF_LIT(out, ",\"responseId\": \"");
	call_id(c, "", 0, 22, out);
	BUF_LIT(out, "\"}");
}

static void add_tool(const struct call *c, const struct block *b, struct buf *out)
{
	buf_fmt(out, "{\"functionCall\": {\"name\": \"%s\",\"args\": %s},\"thoughtSignature\": \"", b->name,
	        b->text);
	call_id(c, "CsYB", 5, 60, out);
	BUF_LIT(out, "\"}");
}

static void finish_reason(const struct call *c, struct buf *out)
{
	buf_fmt(out, ",\"finishReason\": \"%s\"", c->plan.stop == STOP_LENGTH ? "MAX_TOKENS" : "STOP");
}

static int64_t candidates_of(const struct call *c)
{
	return c->usage.output - (c->usage.reasoning > 0 ? c->usage.reasoning : 0);
}

static void gemini_body(struct call *c, struct buf *out)
{
	bool first = true;

	BUF_LIT(out, "{\"candidates\": [{\"content\": {\"parts\": [");
	for (size_t i = 0; i < c->plan.n; i++) {
		const struct block *b = &c->plan.blocks[i];

		if (b->kind == BLOCK_THINKING && !b->len)
			continue;
		if (!first)
			BUF_LIT(out, ",");
		first = false;
		if (b->kind == BLOCK_TOOL) {
			add_tool(c, b, out);
			continue;
		}
		BUF_LIT(out, "{\"text\": \"");
		plan_text(b, out);
		buf_z(out, b->kind == BLOCK_THINKING ? "\",\"thought\": true}" : "\"}");
	}
	BUF_LIT(out, "],\"role\": \"model\"}");
	finish_reason(c, out);
	BUF_LIT(out, ",\"index\": 0}");
	add_tail(c, candidates_of(c), out);
	BUF_LIT(out, "\n");
}

/* Each event is a whole answer object with the next part in it; the last one says why it ended. */
static enum ev gemini_next(struct call *c, struct buf *out)
{
	struct cursor *at = &c->at;
	const struct block *b;
	bool last;

	while (at->block < c->plan.n && c->plan.blocks[at->block].kind == BLOCK_THINKING &&
	       !c->plan.blocks[at->block].len)
		at->block++;
	b = &c->plan.blocks[at->block < c->plan.n ? at->block : 0];
	if (c->plan.n && at->block == c->plan.n) {
		if (c->ask.gemini_array)
			BUF_LIT(out, "]\n");
		return EV_END;
	}
	last = !c->plan.n ||
	       (at->block + 1 == c->plan.n && (b->kind == BLOCK_TOOL || at->piece + 1 == b->pieces));
	buf_z(out, !c->ask.gemini_array ? "data: " : at->seq ? ",\r\n" : "[");
	BUF_LIT(out, "{\"candidates\": [{\"content\": {\"parts\": [");
	if (c->plan.n && b->kind == BLOCK_TOOL) {
		add_tool(c, b, out);
		c->bytes_sent += (int64_t)b->len;
	} else if (c->plan.n) {
		BUF_LIT(out, "{\"text\": \"");
		plan_piece(c, b, at->piece, out);
		buf_z(out, b->kind == BLOCK_THINKING ? "\",\"thought\": true}" : "\"}");
	}
	BUF_LIT(out, "],\"role\": \"model\"}");
	if (last)
		finish_reason(c, out);
	BUF_LIT(out, ",\"index\": 0}");
	add_tail(c, last ? candidates_of(c) : tokens_of(c->bytes_sent), out);
	if (!c->ask.gemini_array)
		BUF_LIT(out, "\r\n\r\n");
	at->seq++;
	if (!c->plan.n)
		return EV_END;
	if (b->kind == BLOCK_TOOL || ++at->piece == b->pieces) {
		at->block++;
		at->piece = 0;
	}
	return EV_DELTA;
}

static void gemini_error(const struct call *c, int status, struct buf *out)
{
	static const struct {
		int status;
		const char *name, *message;
	} table[] = {
	    {400, "INVALID_ARGUMENT", "Invalid JSON payload received."},
	    {401, "UNAUTHENTICATED", "API key not valid. Please pass a valid API key."},
	    {403, "PERMISSION_DENIED", "The caller does not have permission"},
	    {404, "NOT_FOUND", "The model is not found for this API version."},
	    {429, "RESOURCE_EXHAUSTED", "You exceeded your current quota."},
	    {503, "UNAVAILABLE", "The model is overloaded. Please try again later."},
	    {0, "INTERNAL", "An internal error has occurred."},
	};
	size_t i = 0;

	(void)c;
	while (table[i].status && table[i].status != status)
		i++;
	buf_fmt(out,
	        "{\n  \"error\": {\n    \"code\": %d,\n    \"message\": \"%s\",\n    \"status\": \"%s\"\n  "
	        "}\n}\n",
	        status, table[i].message, table[i].name);
}

static void gemini_error_event(const struct call *c, struct buf *out)
{
	BUF_LIT(out,
	        "data: {\"error\": {\"code\": 503,\"message\": \"The model is overloaded. Please try again "
	        "later.\",\"status\": \"UNAVAILABLE\"}}\r\n\r\n");
	(void)c;
}

const struct dialect dialect_gemini = {
    .read = gemini_read,
    .body = gemini_body,
    .next = gemini_next,
    .error = gemini_error,
    .error_event = gemini_error_event,
};

static bool count_read(struct call *c, const cJSON *root)
{
	bool ok = gemini_read(c, root);

	c->usage = usage_none();
	return ok;
}

static void count_body(struct call *c, struct buf *out)
{
	buf_fmt(out,
	        "{\n  \"totalTokens\": %lld,\n  \"promptTokensDetails\": [\n    {\n      \"modality\": "
	        "\"TEXT\",\n"
	        "      \"tokenCount\": %lld\n    }\n  ]\n}\n",
	        (long long)c->ask.input_tokens, (long long)c->ask.input_tokens);
}

const struct dialect dialect_gemini_count = {
    .read = count_read,
    .body = count_body,
    .error = gemini_error,
    .error_event = gemini_error_event,
};
