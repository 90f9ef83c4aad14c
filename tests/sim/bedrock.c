/*
 * Bedrock's InvokeModel for Claude models and Converse, whole and as AWS event streams
 * (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html).
 */
#include "ask.h"

#include <cjson/cJSON.h>
#include <string.h>

/* --- messages of an event stream: lengths and sums big-endian --------------------------------------------
 */

static uint32_t crc(const char *p, size_t n)
{
	uint32_t c = 0xffffffff;

	for (size_t i = 0; i < n; i++) {
		c ^= (unsigned char)p[i];
		for (int k = 0; k < 8; k++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320 : 0);
	}
	return ~c;
}

static void add32(struct buf *out, uint32_t v)
{
	const char bytes[4] = {(char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v};

	buf_add(out, bytes, sizeof bytes);
}

static void add_header(struct buf *out, const char *name, const char *value)
{
	const char length = (char)strlen(name), tail[3] = {7, 0, (char)strlen(value)};

	buf_add(out, &length, 1);
	buf_z(out, name);
	buf_add(out, tail, sizeof tail);
	buf_z(out, value);
}

static void add_message(struct buf *out, const char *kind, const char *type, struct str payload)
{
	struct buf headers = {0};
	size_t from = out->len;

	add_header(&headers, strcmp(kind, "event") == 0 ? ":event-type" : ":exception-type", type);
	add_header(&headers, ":content-type", "application/json");
	add_header(&headers, ":message-type", kind);
	add32(out, (uint32_t)(16 + headers.len + payload.n));
	add32(out, (uint32_t)headers.len);
	add32(out, crc(out->p + from, 8));
	buf_add(out, headers.p, headers.len);
	buf_add(out, payload.p, payload.n);
	add32(out, crc(out->p + from, out->len - from));
	buf_free(&headers);
}

static void add_base64(struct buf *out, const char *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)(unsigned char)p[i] << 16;
		char four[4];

		v |= i + 1 < n ? (uint32_t)(unsigned char)p[i + 1] << 8 : 0;
		v |= i + 2 < n ? (unsigned char)p[i + 2] : 0;
		for (size_t k = 0; k < 4; k++)
			four[k] = i + k <= n ? digits[v >> (18 - 6 * k) & 63] : '=';
		buf_add(out, four, 4);
	}
}

static void add_error(const struct call *c, int status, struct buf *out)
{
	(void)c;
	buf_z(out, status == 429   ? "{\"message\":\"Too many requests, please wait before trying again.\"}"
	           : status == 403 ? "{\"message\":\"User is not authorized to perform this action.\"}"
	           : status >= 500
	               ? "{\"message\":\"The system encountered an unexpected error.\"}"
	               : "{\"message\":\"Malformed input request, please reformat your input.\"}");
}

static void add_exception(const struct call *c, struct buf *out)
{
	(void)c;
	add_message(out, "exception", "modelStreamErrorException",
	            STR("{\"message\":\"The model's stream broke.\",\"originalStatusCode\":529}"));
}

/* --- InvokeModel: Anthropic's body, and its events in chunks ----------------------------------------------
 */

static bool invoke_read(struct call *c, const cJSON *root)
{
	bool stream = c->ask.stream;

	if (!dialect_anthropic.read(c, root))
		return false;
	c->ask.stream = stream;
	cache_explicit(c);
	return true;
}

static void invoke_body(struct call *c, struct buf *out)
{
	dialect_anthropic.body(c, out);
}

static void add_metrics(struct call *c, struct buf *event)
{
	const struct usage *u = &c->usage;

	event->len--; /* the closing brace */
	buf_fmt(event,
	        ",\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":%lld,\"outputTokenCount\":%lld,"
	        "\"invocationLatency\":1000,\"firstByteLatency\":100,\"cacheReadInputTokenCount\":%lld,"
	        "\"cacheWriteInputTokenCount\":%lld}}",
	        (long long)u->input, (long long)u->output, (long long)u->cache_read,
	        (long long)(u->write_5m + u->write_1h));
}

static enum ev invoke_next(struct call *c, struct buf *out)
{
	struct buf event = {0}, payload = {0};
	enum ev ev = dialect_anthropic.next(c, &event);
	const char *data = memmem(event.p, event.len, "data: ", 6);
	size_t at = (size_t)(data - event.p) + 6;

	event.len -= 2; /* the blank line */
	if (ev == EV_END && !c->d.no_usage)
		add_metrics(c, &event);
	BUF_LIT(&payload, "{\"bytes\":\"");
	add_base64(&payload, event.p + at, event.len - at);
	BUF_LIT(&payload, "\",\"p\":\"abcdefghijkl\"}");
	add_message(out, "event", "chunk", (struct str){payload.p, payload.len});
	buf_free(&event);
	buf_free(&payload);
	return ev;
}

const struct dialect dialect_bedrock_invoke = {
    .read = invoke_read,
    .body = invoke_body,
    .next = invoke_next,
    .error = add_error,
    .error_event = add_exception,
    .request_id_header = "x-amzn-requestid",
    .stream_type = "application/vnd.amazon.eventstream",
};

/* --- Converse ---------------------------------------------------------------------------------------------
 */

/* A list of blocks; a cache point ends what stands before it. */
static void read_blocks(struct ask *a, const cJSON *list, bool user, struct spoken *spoken)
{
	const cJSON *part, *point;

	cJSON_ArrayForEach(part, list)
	{
		point = cJSON_GetObjectItemCaseSensitive(part, "cachePoint");
		if (point && a->nsegments) {
			a->segments[a->nsegments - 1].ttl = json_is(point, "ttl", "1h") ? 60 : 5;
			continue;
		}
		ask_segment(a, part, 0);
		if (spoken && cJSON_GetObjectItemCaseSensitive(part, "toolResult"))
			spoken->results++;
		else if (spoken && user && json_str(part, "text").p)
			spoken_text(spoken, json_str(part, "text"));
	}
}

static void read_tools(struct ask *a, const cJSON *config)
{
	const cJSON *tool, *spec;

	cJSON_ArrayForEach(tool, cJSON_GetObjectItemCaseSensitive(config, "tools"))
	{
		spec = cJSON_GetObjectItemCaseSensitive(tool, "toolSpec");
		if (!spec)
			continue;
		ask_segment(a, tool, 0);
		ask_tool(a,
		         (struct tool){.name = json_str(spec, "name"),
		                       .schema = cJSON_GetObjectItemCaseSensitive(
		                           cJSON_GetObjectItemCaseSensitive(spec, "inputSchema"), "json")});
	}
}

static bool converse_read(struct call *c, const cJSON *root)
{
	struct ask *a = &c->ask;
	const cJSON *messages = cJSON_GetObjectItemCaseSensitive(root, "messages"), *m;
	const cJSON *system = cJSON_GetObjectItemCaseSensitive(root, "system");

	if (!cJSON_IsArray(messages))
		return false;
	a->max_output = json_int(cJSON_GetObjectItemCaseSensitive(root, "inferenceConfig"), "maxTokens");
	read_tools(a, cJSON_GetObjectItemCaseSensitive(root, "toolConfig"));
	read_blocks(a, system, false, NULL);
	a->system_text = json_str(cJSON_GetArrayItem(system, 0), "text");
	cJSON_ArrayForEach(m, messages)
	{
		struct spoken spoken = {0};

		read_blocks(a, cJSON_GetObjectItemCaseSensitive(m, "content"), json_is(m, "role", "user"),
		            &spoken);
		ask_spoken(a, &spoken);
	}
	cache_explicit(c);
	return true;
}

static void add_usage(struct call *c, struct buf *out)
{
	const struct usage *u = &c->usage;
	long long written = (long long)(u->write_5m + u->write_1h);

	buf_fmt(out,
	        "\"usage\":{\"inputTokens\":%lld,\"outputTokens\":%lld,\"totalTokens\":%lld,"
	        "\"cacheReadInputTokens\":%lld,\"cacheWriteInputTokens\":%lld",
	        (long long)u->input, (long long)u->output,
	        (long long)(u->input + u->output + u->cache_read) + written, (long long)u->cache_read,
	        written);
	if (written)
		buf_fmt(out,
		        ",\"cacheDetails\":[{\"ttl\":\"1h\",\"inputTokens\":%lld},{\"ttl\":\"5m\","
		        "\"inputTokens\":%lld}]",
		        (long long)u->write_1h, (long long)u->write_5m);
	BUF_LIT(out, "}");
	c->reported = *u;
	c->reported.reasoning = -1;
	if (!written)
		c->reported.write_1h = -1;
}

static const char *stop_reason(const struct call *c)
{
	static const char *const names[] = {"end_turn", "tool_use", "max_tokens"};

	return names[c->plan.stop];
}

static void converse_body(struct call *c, struct buf *out)
{
	BUF_LIT(out, "{\"metrics\":{\"latencyMs\":1000},\"output\":{\"message\":{\"content\":[");
	for (size_t i = 0; i < c->plan.n; i++) {
		const struct block *b = &c->plan.blocks[i];

		if (i)
			BUF_LIT(out, ",");
		if (b->kind == BLOCK_TOOL) {
			buf_fmt(out, "{\"toolUse\":{\"input\":%s,\"name\":\"%s\",\"toolUseId\":\"%s\"}}",
			        b->text, b->name, b->id);
			continue;
		}
		buf_z(out, b->kind == BLOCK_TEXT ? "{\"text\":\""
		                                 : "{\"reasoningContent\":{\"reasoningText\":{\"text\":\"");
		plan_text(b, out);
		buf_z(out, b->kind == BLOCK_TEXT ? "\"}" : "\"}}}");
	}
	buf_fmt(out, "],\"role\":\"assistant\"}},\"stopReason\":\"%s\"", stop_reason(c));
	if (!c->d.no_usage) {
		BUF_LIT(out, ",");
		add_usage(c, out);
	}
	BUF_LIT(out, "}");
}

enum { C_START, C_BLOCK, C_PIECE, C_STOP, C_END, C_METADATA };

static void add_piece(struct call *c, const struct block *b, struct buf *out)
{
	static const char *const before[] = {
	    [BLOCK_TEXT] = "{\"text\":\"",
	    [BLOCK_THINKING] = "{\"reasoningContent\":{\"text\":\"",
	    [BLOCK_TOOL] = "{\"toolUse\":{\"input\":\"",
	};

	buf_fmt(out, "{\"contentBlockIndex\":%zu,\"delta\":%s", c->at.block, before[b->kind]);
	plan_piece(c, b, c->at.piece, out);
	buf_z(out, b->kind == BLOCK_TEXT ? "\"},\"p\":\"abc\"}" : "\"}},\"p\":\"abc\"}");
}

/* The payload of the next event; its type is returned. */
static const char *next_payload(struct call *c, const struct block *b, struct buf *out)
{
	struct cursor *at = &c->at;

	switch (at->phase) {
	case C_START:
		at->phase = c->plan.n ? C_BLOCK : C_END;
		BUF_LIT(out, "{\"p\":\"abcdefg\",\"role\":\"assistant\"}");
		return "messageStart";
	case C_BLOCK:
		at->piece = 0;
		at->phase = C_PIECE;
		buf_fmt(out,
		        "{\"contentBlockIndex\":%zu,\"start\":{\"toolUse\":{\"name\":\"%s\",\"toolUseId\":\"%"
		        "s\"}}}",
		        at->block, b->name, b->id);
		return "contentBlockStart";
	case C_PIECE:
		add_piece(c, b, out);
		if (++at->piece == b->pieces)
			at->phase = C_STOP;
		return "contentBlockDelta";
	case C_STOP:
		buf_fmt(out, "{\"contentBlockIndex\":%zu,\"p\":\"ab\"}", at->block);
		at->phase = ++at->block < c->plan.n ? C_BLOCK : C_END;
		return "contentBlockStop";
	case C_END:
		buf_fmt(out, "{\"p\":\"abcd\",\"stopReason\":\"%s\"}", stop_reason(c));
		at->phase = C_METADATA;
		return "messageStop";
	default:
		BUF_LIT(out, "{\"metrics\":{\"latencyMs\":1000},");
		if (!c->d.no_usage) {
			add_usage(c, out);
			BUF_LIT(out, ",");
		}
		BUF_LIT(out, "\"p\":\"abc\"}");
		return "metadata";
	}
}

static enum ev converse_next(struct call *c, struct buf *out)
{
	const struct block *b = &c->plan.blocks[c->at.block < c->plan.n ? c->at.block : 0];
	struct buf payload = {0};
	const char *type;
	bool last = c->at.phase == C_METADATA, delta;

	if (c->at.phase == C_BLOCK && b->kind != BLOCK_TOOL) { /* only tools are announced */
		c->at.piece = 0;
		c->at.phase = C_PIECE;
	}
	delta = c->at.phase == C_PIECE;
	type = next_payload(c, b, &payload);
	add_message(out, "event", type, (struct str){payload.p, payload.len});
	buf_free(&payload);
	return last ? EV_END : delta ? EV_DELTA : EV_HEAD;
}

const struct dialect dialect_bedrock_converse = {
    .read = converse_read,
    .body = converse_body,
    .next = converse_next,
    .error = add_error,
    .error_event = add_exception,
    .request_id_header = "x-amzn-requestid",
    .stream_type = "application/vnd.amazon.eventstream",
};
