/* OpenAI Responses (https://platform.openai.com/docs/api-reference/responses-streaming). */
#include "ask.h"
#include "openai.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static void read_item(struct ask *a, const cJSON *item)
{
	const cJSON *content = cJSON_GetObjectItemCaseSensitive(item, "content"), *part;
	struct str type = json_str(item, "type");
	struct spoken spoken = {0};

	ask_segment(a, item, 0);
	if (type.n > 7 && str_eq((struct str){type.p + type.n - 7, 7}, "_output")) {
		spoken.results = 1;
	} else if (json_is(item, "role", "user")) {
		if (cJSON_IsString(content))
			spoken_text(&spoken, str_of(content->valuestring));
		cJSON_ArrayForEach(part, content) spoken_text(&spoken, json_str(part, "text"));
	}
	ask_spoken(a, &spoken);
}

static void read_tools(struct ask *a, const cJSON *tools, struct str group)
{
	const cJSON *tool;

	cJSON_ArrayForEach(tool, tools)
	{
		if (!group.n)
			ask_segment(a, tool, 0);
		if (json_is(tool, "type", "namespace"))
			read_tools(a, cJSON_GetObjectItemCaseSensitive(tool, "tools"),
			           json_str(tool, "name"));
		else
			ask_tool(a,
			         (struct tool){.name = json_str(tool, "name"),
			                       .group = group,
			                       .schema = cJSON_GetObjectItemCaseSensitive(tool, "parameters"),
			                       .custom = json_is(tool, "type", "custom")});
	}
}

static bool responses_read(struct call *c, const cJSON *root)
{
	struct ask *a = &c->ask;
	const cJSON *input = cJSON_GetObjectItemCaseSensitive(root, "input"), *item;
	const cJSON *instructions = cJSON_GetObjectItemCaseSensitive(root, "instructions");
	const cJSON *choice = cJSON_GetObjectItemCaseSensitive(root, "tool_choice");
	const cJSON *format =
	    cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(root, "text"), "format");

	if (!cJSON_IsString(input) && !cJSON_IsArray(input))
		return false;
	a->stream = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "stream"));
	a->max_output = json_int(root, "max_output_tokens");
	a->session = json_str(root, "prompt_cache_key");
	a->wants_json = json_is(format, "type", "json_object") || json_is(format, "type", "json_schema");
	a->json_schema = cJSON_GetObjectItemCaseSensitive(format, "schema");
	if (cJSON_IsString(instructions)) {
		ask_segment(a, instructions, 0);
		a->system_text = str_of(instructions->valuestring);
	}
	read_tools(a, cJSON_GetObjectItemCaseSensitive(root, "tools"), (struct str){NULL, 0});
	a->force_tool = json_str(choice, "name").n || json_is(root, "tool_choice", "required");
	a->force_name = json_str(choice, "name");
	if (cJSON_IsString(input)) {
		ask_segment(a, input, 0);
		a->last_text = str_of(input->valuestring);
	}
	if (cJSON_IsArray(input))
		cJSON_ArrayForEach(item, input) read_item(a, item);
	cache_automatic(c, 1024, 128);
	return true;
}

static void item_id(const struct call *c, const char *prefix, size_t index, struct buf *out)
{
	call_id(c, prefix, 10 + index, 50, out);
}

static const char *id_prefix(const struct block *b)
{
	return b->kind == BLOCK_THINKING ? "rs_"
	       : b->kind == BLOCK_TEXT   ? "msg_"
	       : b->custom               ? "ctc_"
	                                 : "fc_";
}

/* One item of `output`, as it is when it has just begun or when it is done. */
static void add_item(const struct call *c, size_t index, bool done, struct buf *out)
{
	const struct block *b = &c->plan.blocks[index];
	const char *status = done ? "completed" : "in_progress";

	BUF_LIT(out, "{\"id\":\"");
	item_id(c, id_prefix(b), index, out);
	if (b->kind == BLOCK_THINKING) {
		BUF_LIT(out, "\",\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"gAAAAAB");
		call_id(c, "", 30 + index, 96, out);
		BUF_LIT(out, "==\"}");
		return;
	}
	if (b->kind == BLOCK_TEXT) {
		buf_fmt(out, "\",\"type\":\"message\",\"status\":\"%s\",\"content\":[", status);
		if (done) {
			BUF_LIT(out,
			        "{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":\"");
			plan_text(b, out);
			BUF_LIT(out, "\"}");
		}
		BUF_LIT(out, "],\"role\":\"assistant\"}");
		return;
	}
	buf_fmt(out, "\",\"type\":\"%s\",\"status\":\"%s\",\"%s\":\"",
	        b->custom ? "custom_tool_call" : "function_call", status, b->custom ? "input" : "arguments");
	if (done)
		plan_text(b, out);
	buf_fmt(out, "\",\"call_id\":\"%s\",\"name\":\"%s\"", b->id, b->name);
	if (b->group[0])
		buf_fmt(out, ",\"namespace\":\"%s\"", b->group);
	BUF_LIT(out, "}");
}

static void add_usage(struct call *c, struct buf *out)
{
	const struct usage *u = &c->usage;
	int64_t prompt = u->input + u->cache_read;

	buf_fmt(
	    out,
	    "{\"input_tokens\":%lld,\"input_tokens_details\":{\"cached_tokens\":%lld},\"output_tokens\":%lld,"
	    "\"output_tokens_details\":{\"reasoning_tokens\":%lld},\"total_tokens\":%lld}",
	    (long long)prompt, (long long)u->cache_read, (long long)u->output, (long long)u->reasoning,
	    (long long)(prompt + u->output));
	openai_reported(c);
}

/* The request's tools come back in the answer, as they do with the real one. */
static void add_tools(const struct call *c, struct buf *out)
{
	const cJSON *tools = cJSON_GetObjectItemCaseSensitive(c->ask.root, "tools");
	char *text = tools ? cJSON_PrintUnformatted(tools) : NULL;

	buf_z(out, text ? text : "[]");
	free(text);
}

static void add_response(struct call *c, const char *status, struct buf *out)
{
	bool begun = strcmp(status, "in_progress") != 0;

	BUF_LIT(out, "{\"id\":\"");
	call_id(c, "resp_", 0, 50, out);
	buf_fmt(out,
	        "\",\"object\":\"response\",\"created_at\":%lld,\"status\":\"%s\",\"background\":false,"
	        "\"error\":%s",
	        (long long)(c->epoch_ms / 1000), status,
	        strcmp(status, "failed")
	            ? "null"
	            : "{\"code\":\"server_error\",\"message\":\"The server had an error.\"}");
	buf_fmt(out, ",\"incomplete_details\":%s,\"instructions\":null,\"max_output_tokens\":null,\"model\":",
	        strcmp(status, "incomplete") ? "null" : "{\"reason\":\"max_output_tokens\"}");
	buf_json(out, str_of(c->model));
	BUF_LIT(out, ",\"output\":[");
	for (size_t i = 0; begun && i < c->plan.n; i++) {
		if (i)
			BUF_LIT(out, ",");
		add_item(c, i, true, out);
	}
	BUF_LIT(out, "],\"parallel_tool_calls\":true,\"previous_response_id\":null,\"prompt_cache_key\":null,"
	             "\"reasoning\":{\"effort\":null,\"summary\":null},\"safety_identifier\":null,\"service_"
	             "tier\":\"");
	buf_z(out, begun ? "default" : "auto");
	BUF_LIT(out, "\",\"store\":false,\"temperature\":1.0,\"text\":{\"format\":{\"type\":\"text\"},"
	             "\"verbosity\":\"medium\"},\"tool_choice\":\"auto\",\"tools\":");
	add_tools(c, out);
	BUF_LIT(out, ",\"top_logprobs\":0,\"top_p\":1.0,\"truncation\":\"disabled\",\"usage\":");
	if (begun && !c->d.no_usage && strcmp(status, "failed"))
		add_usage(c, out);
	else
		BUF_LIT(out, "null");
	BUF_LIT(out, ",\"user\":null,\"metadata\":{}}");
}

static const char *end_status(const struct call *c)
{
	return c->plan.stop == STOP_LENGTH ? "incomplete" : "completed";
}

static void responses_body(struct call *c, struct buf *out)
{
	add_response(c, end_status(c), out);
	BUF_LIT(out, "\n");
}

enum { R_CREATED, R_PROGRESS, R_ITEM, R_PART, R_PIECE, R_TEXT_DONE, R_PART_DONE, R_ITEM_DONE, R_END };

static void ev_begin(struct call *c, const char *type, struct buf *out)
{
	BUF_LIT(out, "event: ");
	buf_z(out, type);
	BUF_LIT(out, "\ndata: {\"type\":\"");
	buf_z(out, type);
	BUF_LIT(out, "\",\"sequence_number\":");
	buf_int(out, c->at.seq++);
}

static void ev_response(struct call *c, const char *type, const char *status, struct buf *out)
{
	ev_begin(c, type, out);
	BUF_LIT(out, ",\"response\":");
	add_response(c, status, out);
	BUF_LIT(out, "}\n\n");
}

static void ev_item(struct call *c, const char *type, bool done, struct buf *out)
{
	ev_begin(c, type, out);
	BUF_LIT(out, ",\"output_index\":");
	buf_int(out, (int64_t)c->at.block);
	BUF_LIT(out, ",\"item\":");
	add_item(c, c->at.block, done, out);
	BUF_LIT(out, "}\n\n");
}

/* The beginning of an event about the item at hand. */
static void ev_about(struct call *c, const char *type, struct buf *out)
{
	const struct block *b = &c->plan.blocks[c->at.block];

	ev_begin(c, type, out);
	BUF_LIT(out, ",\"item_id\":\"");
	item_id(c, id_prefix(b), c->at.block, out);
	BUF_LIT(out, "\",\"output_index\":");
	buf_int(out, (int64_t)c->at.block);
	if (b->kind == BLOCK_TEXT)
		BUF_LIT(out, ",\"content_index\":0");
}

static void ev_piece(struct call *c, const struct block *b, struct buf *out)
{
	ev_about(c,
	         b->kind == BLOCK_TEXT ? "response.output_text.delta"
	         : b->custom           ? "response.custom_tool_call_input.delta"
	                               : "response.function_call_arguments.delta",
	         out);
	BUF_LIT(out, ",\"delta\":\"");
	plan_piece(c, b, c->at.piece, out);
	BUF_LIT(out, "\"");
	if (b->kind == BLOCK_TEXT)
		BUF_LIT(out, ",\"logprobs\":[]");
	BUF_LIT(out, "}\n\n");
}

static void ev_text_done(struct call *c, const struct block *b, struct buf *out)
{
	if (b->kind == BLOCK_TEXT) {
		ev_about(c, "response.output_text.done", out);
		BUF_LIT(out, ",\"logprobs\":[],\"text\":\"");
	} else {
		ev_about(c,
		         b->custom ? "response.custom_tool_call_input.done"
		                   : "response.function_call_arguments.done",
		         out);
		buf_z(out, b->custom ? ",\"input\":\"" : ",\"arguments\":\"");
	}
	plan_text(b, out);
	BUF_LIT(out, "\"}\n\n");
}

static void ev_part(struct call *c, const struct block *b, bool done, struct buf *out)
{
	ev_about(c, done ? "response.content_part.done" : "response.content_part.added", out);
	BUF_LIT(out, ",\"part\":{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":\"");
	if (done)
		plan_text(b, out);
	BUF_LIT(out, "\"}}\n\n");
}

static enum ev item_events(struct call *c, struct buf *out)
{
	struct cursor *at = &c->at;
	const struct block *b = &c->plan.blocks[at->block];

	switch (at->phase) {
	case R_ITEM:
		ev_item(c, "response.output_item.added", false, out);
		at->piece = 0;
		at->phase = b->kind == BLOCK_TEXT ? R_PART : b->kind == BLOCK_TOOL ? R_PIECE : R_ITEM_DONE;
		return EV_HEAD;
	case R_PART:
		ev_part(c, b, false, out);
		at->phase = R_PIECE;
		return EV_HEAD;
	case R_PIECE:
		ev_piece(c, b, out);
		if (++at->piece == b->pieces)
			at->phase = R_TEXT_DONE;
		return EV_DELTA;
	case R_TEXT_DONE:
		ev_text_done(c, b, out);
		at->phase = b->kind == BLOCK_TEXT ? R_PART_DONE : R_ITEM_DONE;
		return EV_HEAD;
	case R_PART_DONE:
		ev_part(c, b, true, out);
		at->phase = R_ITEM_DONE;
		return EV_HEAD;
	default:
		ev_item(c, "response.output_item.done", true, out);
		at->phase = ++at->block < c->plan.n ? R_ITEM : R_END;
		return EV_HEAD;
	}
}

static enum ev responses_next(struct call *c, struct buf *out)
{
	char type[32];

	switch (c->at.phase) {
	case R_CREATED:
		ev_response(c, "response.created", "in_progress", out);
		c->at.phase = R_PROGRESS;
		return EV_HEAD;
	case R_PROGRESS:
		ev_response(c, "response.in_progress", "in_progress", out);
		c->at.phase = c->plan.n ? R_ITEM : R_END;
		return EV_HEAD;
	case R_END:
		memcpy(type, "response.", 9);
		str_copy(type + 9, sizeof type - 9, str_of(end_status(c)));
		ev_response(c, type, end_status(c), out);
		return EV_END;
	default:
		return item_events(c, out);
	}
}

static void responses_error_event(const struct call *c, struct buf *out)
{
	buf_fmt(out,
	        "event: response.failed\ndata: "
	        "{\"type\":\"response.failed\",\"sequence_number\":%lld,\"response\":{\"id\":\"",
	        (long long)c->at.seq);
	call_id(c, "resp_", 0, 50, out);
	buf_fmt(out,
	        "\",\"object\":\"response\",\"created_at\":%lld,\"status\":\"failed\",\"error\":{\"code\":"
	        "\"server_error\","
	        "\"message\":\"The server had an error while processing your "
	        "request.\"},\"incomplete_details\":null,"
	        "\"model\":",
	        (long long)(c->epoch_ms / 1000));
	buf_json(out, str_of(c->model));
	BUF_LIT(out, ",\"output\":[],\"usage\":null,\"metadata\":{}}}\n\n");
}

const struct dialect dialect_responses = {
    .read = responses_read,
    .body = responses_body,
    .next = responses_next,
    .error = openai_error,
    .error_event = responses_error_event,
    .request_id_header = "x-request-id",
};
