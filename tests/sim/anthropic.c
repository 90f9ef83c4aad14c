/* Anthropic Messages and count_tokens (https://docs.anthropic.com/en/api/messages-streaming). */
#include "call.h"
#include "ask.h"

#include <cjson/cJSON.h>
#include <string.h>

#define TURN_TOKENS 3 /* what opens the answer's turn: never cached */

static int breakpoint_of(const cJSON *part)
{
	const cJSON *cc = cJSON_GetObjectItemCaseSensitive(part, "cache_control");
	const char *ttl = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(cc, "ttl"));

	if (!cJSON_IsObject(cc))
		return 0;
	return ttl && strcmp(ttl, "1h") == 0 ? 60 : 5;
}

/* A string is the same prompt as one text block; clients send now this, now that. */
static void read_string(struct ask *a, const char *text)
{
	cJSON *part = cJSON_CreateObject();

	cJSON_AddStringToObject(part, "type", "text");
	cJSON_AddStringToObject(part, "text", text);
	ask_segment(a, part, 0);
	cJSON_Delete(part);
}

static bool read_content(struct ask *a, const cJSON *message, struct spoken *spoken)
{
	const cJSON *content = cJSON_GetObjectItemCaseSensitive(message, "content"), *part;
	bool user = json_is(message, "role", "user");

	if (cJSON_IsString(content)) {
		read_string(a, content->valuestring);
		if (user)
			spoken->text = str_of(content->valuestring);
		return true;
	}
	cJSON_ArrayForEach(part, content)
	{
		ask_segment(a, part, breakpoint_of(part));
		if (json_is(part, "type", "tool_result"))
			spoken->results++;
		else if (user && json_is(part, "type", "text"))
			spoken_text(spoken, json_str(part, "text"));
	}
	return cJSON_IsArray(content);
}

static void read_tools(struct ask *a, const cJSON *tools)
{
	const cJSON *tool;

	cJSON_ArrayForEach(tool, tools)
	{
		ask_segment(a, tool, breakpoint_of(tool));
		if (!cJSON_GetObjectItemCaseSensitive(tool, "input_schema"))
			continue; /* a tool of the provider's own */
		ask_tool(a, (struct tool){.name = json_str(tool, "name"),
		                          .schema = cJSON_GetObjectItemCaseSensitive(tool, "input_schema")});
	}
}

static void read_system(struct ask *a, const cJSON *system)
{
	const cJSON *part;

	if (cJSON_IsString(system)) {
		read_string(a, system->valuestring);
		a->system_text = str_of(system->valuestring);
	}
	if (!cJSON_IsArray(system))
		return;
	cJSON_ArrayForEach(part, system)
	{
		ask_segment(a, part, breakpoint_of(part));
		a->system_text = json_str(part, "text");
	}
}

static bool anthropic_read(struct call *c, const cJSON *root)
{
	struct ask *a = &c->ask;
	const cJSON *messages = cJSON_GetObjectItemCaseSensitive(root, "messages"), *m;
	const cJSON *thinking = cJSON_GetObjectItemCaseSensitive(root, "thinking");
	const cJSON *format = cJSON_GetObjectItemCaseSensitive(root, "output_format");
	const cJSON *choice = cJSON_GetObjectItemCaseSensitive(root, "tool_choice");
	int automatic = breakpoint_of(root);

	if (!cJSON_IsArray(messages))
		return false;
	if (!format)
		format = cJSON_GetObjectItemCaseSensitive(
		    cJSON_GetObjectItemCaseSensitive(root, "output_config"), "format");
	a->stream = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "stream"));
	a->max_output = json_int(root, "max_tokens");
	a->thinking = json_is(thinking, "type", "enabled") || json_is(thinking, "type", "adaptive");
	a->thinking_hidden = json_is(thinking, "display", "omitted");
	a->json_schema = cJSON_GetObjectItemCaseSensitive(format, "schema");
	a->wants_json = a->json_schema != NULL;
	read_tools(a, cJSON_GetObjectItemCaseSensitive(root, "tools"));
	read_system(a, cJSON_GetObjectItemCaseSensitive(root, "system"));
	cJSON_ArrayForEach(m, messages)
	{
		struct spoken spoken = {0};

		if (!read_content(a, m, &spoken))
			return false;
		ask_spoken(a, &spoken);
	}
	a->input_tokens += TURN_TOKENS;
	if (automatic && a->nsegments)
		a->segments[a->nsegments - 1].ttl = automatic;
	a->force_tool = json_is(choice, "type", "any") || json_is(choice, "type", "tool");
	a->force_name = json_str(choice, "name");
	if (c->api == API_ANTHROPIC)
		cache_explicit(c);
	return true;
}

static void add_usage(struct call *c, struct buf *out, int64_t output, bool full)
{
	const struct usage *u = &c->usage;

	BUF_LIT(out, "{\"input_tokens\":");
	buf_int(out, u->input);
	BUF_LIT(out, ",\"cache_creation_input_tokens\":");
	buf_int(out, u->write_5m + u->write_1h);
	BUF_LIT(out, ",\"cache_read_input_tokens\":");
	buf_int(out, u->cache_read);
	if (full) {
		BUF_LIT(out, ",\"cache_creation\":{\"ephemeral_5m_input_tokens\":");
		buf_int(out, u->write_5m);
		BUF_LIT(out, ",\"ephemeral_1h_input_tokens\":");
		buf_int(out, u->write_1h);
		BUF_LIT(out, "}");
	}
	BUF_LIT(out, ",\"output_tokens\":");
	buf_int(out, output);
	if (full)
		BUF_LIT(out, ",\"service_tier\":\"standard\"");
	else if (u->reasoning > 0) {
		BUF_LIT(out, ",\"output_tokens_details\":{\"thinking_tokens\":");
		buf_int(out, u->reasoning);
		BUF_LIT(out, "}");
	}
	BUF_LIT(out, "}");
	c->reported = *u;
	c->reported.output = output;
	c->reported.reasoning = full ? -1 : u->reasoning;
}

static const char *stop_reason(const struct call *c)
{
	static const char *const names[] = {"end_turn", "tool_use", "max_tokens"};

	return names[c->plan.stop];
}

static void add_message_head(struct call *c, struct buf *out)
{
	BUF_LIT(out, "{\"model\":");
	buf_json(out, str_of(c->model));
	BUF_LIT(out, ",\"id\":\"");
	call_id(c, "msg_01", 0, 22, out);
	BUF_LIT(out, "\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[");
}

static void add_signature(const struct call *c, struct buf *out)
{
	call_id(c, "EqQBCkYIBxgC", 99, 84, out);
	BUF_LIT(out, "==");
}

static void add_block(struct call *c, const struct block *b, struct buf *out)
{
	switch (b->kind) {
	case BLOCK_TEXT:
		BUF_LIT(out, "{\"type\":\"text\",\"text\":\"");
		plan_text(b, out);
		BUF_LIT(out, "\"}");
		break;
	case BLOCK_THINKING:
		BUF_LIT(out, "{\"type\":\"thinking\",\"thinking\":\"");
		plan_text(b, out);
		BUF_LIT(out, "\",\"signature\":\"");
		add_signature(c, out);
		BUF_LIT(out, "\"}");
		break;
	case BLOCK_TOOL:
		buf_fmt(out, "{\"type\":\"tool_use\",\"id\":\"%s\",\"name\":\"%s\",\"input\":%s}", b->id,
		        b->name, b->text);
		break;
	}
}

static void anthropic_body(struct call *c, struct buf *out)
{
	add_message_head(c, out);
	for (size_t i = 0; i < c->plan.n; i++) {
		if (i)
			BUF_LIT(out, ",");
		add_block(c, &c->plan.blocks[i], out);
	}
	buf_fmt(out, "],\"stop_reason\":\"%s\",\"stop_sequence\":null", stop_reason(c));
	if (!c->d.no_usage) {
		BUF_LIT(out, ",\"usage\":");
		add_usage(c, out, c->usage.output, true);
	}
	BUF_LIT(out, "}");
}

enum { A_START, A_BLOCK, A_PING, A_PIECE, A_SIGNATURE, A_STOP, A_DELTA, A_END };

static void ev_start(struct call *c, struct buf *out)
{
	BUF_LIT(out, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":");
	add_message_head(c, out);
	BUF_LIT(out, "],\"stop_reason\":null,\"stop_sequence\":null");
	if (!c->d.no_usage) {
		BUF_LIT(out, ",\"usage\":");
		add_usage(c, out, 1, true);
	}
	BUF_LIT(out, "}}\n\n");
}

static void ev_block(const struct block *b, size_t index, struct buf *out)
{
	BUF_LIT(out, "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":");
	buf_int(out, (int64_t)index);
	if (b->kind == BLOCK_TEXT)
		BUF_LIT(out, ",\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n");
	else if (b->kind == BLOCK_THINKING)
		BUF_LIT(
		    out,
		    ",\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n");
	else
		buf_fmt(out,
		        ",\"content_block\":{\"type\":\"tool_use\",\"id\":\"%s\",\"name\":\"%s\",\"input\":{}"
		        "}}\n\n",
		        b->id, b->name);
}

static void ev_piece(struct call *c, const struct block *b, struct buf *out)
{
	static const char *const kinds[] = {
	    [BLOCK_TEXT] = "text_delta\",\"text\":\"",
	    [BLOCK_THINKING] = "thinking_delta\",\"thinking\":\"",
	    [BLOCK_TOOL] = "input_json_delta\",\"partial_json\":\"",
	};

	BUF_LIT(out, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":");
	buf_int(out, (int64_t)c->at.block);
	BUF_LIT(out, ",\"delta\":{\"type\":\"");
	buf_z(out, kinds[b->kind]);
	plan_piece(c, b, c->at.piece, out);
	BUF_LIT(out, "\"}}\n\n");
}

static void ev_message_delta(struct call *c, struct buf *out)
{
	buf_fmt(out,
	        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"%s\","
	        "\"stop_sequence\":null}",
	        stop_reason(c));
	if (!c->d.no_usage) {
		BUF_LIT(out, ",\"usage\":");
		add_usage(c, out, c->usage.output, false);
	}
	BUF_LIT(out, "}\n\n");
}

/* Thinking whose text is kept back has a signature only. */
static int first_phase(const struct block *b)
{
	return b->kind == BLOCK_THINKING && !b->len ? A_SIGNATURE : A_PIECE;
}

static enum ev anthropic_next(struct call *c, struct buf *out)
{
	struct cursor *at = &c->at;
	const struct block *b = &c->plan.blocks[at->block < c->plan.n ? at->block : 0];

	switch (at->phase) {
	case A_START:
		ev_start(c, out);
		at->phase = c->plan.n ? A_BLOCK : A_DELTA;
		return EV_HEAD;
	case A_BLOCK:
		ev_block(b, at->block, out);
		at->piece = 0;
		at->phase = at->block == 0 ? A_PING : first_phase(b);
		return EV_HEAD;
	case A_PING:
		BUF_LIT(out, "event: ping\ndata: {\"type\": \"ping\"}\n\n");
		at->phase = first_phase(b);
		return EV_HEAD;
	case A_PIECE:
		ev_piece(c, b, out);
		if (++at->piece == b->pieces)
			at->phase = b->kind == BLOCK_THINKING ? A_SIGNATURE : A_STOP;
		return EV_DELTA;
	case A_SIGNATURE:
		buf_fmt(out,
		        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":%zu,"
		        "\"delta\":{\"type\":\"signature_delta\",\"signature\":\"",
		        at->block);
		add_signature(c, out);
		BUF_LIT(out, "\"}}\n\n");
		at->phase = A_STOP;
		return EV_HEAD;
	case A_STOP:
		buf_fmt(
		    out,
		    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":%zu}\n\n",
		    at->block);
		at->phase = ++at->block < c->plan.n ? A_BLOCK : A_DELTA;
		return EV_HEAD;
	case A_DELTA:
		ev_message_delta(c, out);
		at->phase = A_END;
		return EV_HEAD;
	default:
		BUF_LIT(out, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
		return EV_END;
	}
}

static void add_error(const struct call *c, int status, struct buf *out)
{
	static const struct {
		int status;
		const char *type, *message;
	} table[] = {
	    {400, "invalid_request_error", "messages: Field required"},
	    {401, "authentication_error", "invalid x-api-key"},
	    {402, "billing_error", "Your credit balance is too low to access the API."},
	    {403, "permission_error", "Your API key does not have permission to use the resource."},
	    {404, "not_found_error", "Not found"},
	    {413, "request_too_large", "Request exceeds the maximum size"},
	    {429, "rate_limit_error", "This request would exceed the rate limit of your organization."},
	    {503, "api_error", "Service unavailable"},
	    {529, "overloaded_error", "Overloaded"},
	    {0, "api_error", "Internal server error"},
	};
	size_t i = 0;

	while (table[i].status && table[i].status != status)
		i++;
	buf_fmt(out, "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"%s\"},\"request_id\":\"",
	        table[i].type, table[i].message);
	call_id(c, "req_01", 7, 22, out);
	BUF_LIT(out, "\"}");
}

static void anthropic_error_event(const struct call *c, struct buf *out)
{
	BUF_LIT(out, "event: error\ndata: ");
	add_error(c, 529, out);
	BUF_LIT(out, "\n\n");
}

const struct dialect dialect_anthropic = {
    .read = anthropic_read,
    .body = anthropic_body,
    .next = anthropic_next,
    .error = add_error,
    .error_event = anthropic_error_event,
    .request_id_header = "request-id",
};

static void count_body(struct call *c, struct buf *out)
{
	buf_fmt(out, "{\"input_tokens\":%lld}", (long long)c->ask.input_tokens);
}

static bool count_read(struct call *c, const cJSON *root)
{
	bool ok = anthropic_read(c, root);

	c->ask.stream = false;
	c->usage = usage_none();
	return ok;
}

const struct dialect dialect_anthropic_count = {
    .read = count_read,
    .body = count_body,
    .next = anthropic_next,
    .error = add_error,
    .error_event = anthropic_error_event,
    .request_id_header = "request-id",
};
