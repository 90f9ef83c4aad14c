/* OpenAI chat completions (https://platform.openai.com/docs/api-reference/chat). */
#include "ask.h"
#include "openai.h"

#include <cjson/cJSON.h>
#include <string.h>

static bool read_message(struct ask *a, const cJSON *m)
{
	const cJSON *content = cJSON_GetObjectItemCaseSensitive(m, "content"), *part;
	struct spoken spoken = {0};

	if (!json_str(m, "role").p)
		return false;
	ask_segment(a, m, 0);
	if (json_is(m, "role", "tool")) {
		spoken.results = 1;
	} else if (json_is(m, "role", "user")) {
		if (cJSON_IsString(content))
			spoken_text(&spoken, str_of(content->valuestring));
		cJSON_ArrayForEach(part, content) if (json_is(part, "type", "text"))
		    spoken_text(&spoken, json_str(part, "text"));
	} else if (cJSON_IsString(content) && !json_is(m, "role", "assistant")) {
		a->system_text = str_of(content->valuestring);
	}
	ask_spoken(a, &spoken);
	return true;
}

static bool chat_read(struct call *c, const cJSON *root)
{
	struct ask *a = &c->ask;
	const cJSON *messages = cJSON_GetObjectItemCaseSensitive(root, "messages"), *m, *tool;
	const cJSON *format = cJSON_GetObjectItemCaseSensitive(root, "response_format");
	const cJSON *choice = cJSON_GetObjectItemCaseSensitive(root, "tool_choice");
	const cJSON *so = cJSON_GetObjectItemCaseSensitive(root, "stream_options");

	if (!cJSON_IsArray(messages) || (so && c->d.quirk == QUIRK_MISTRAL))
		return false;
	a->stream = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "stream"));
	a->include_usage = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(so, "include_usage"));
	a->max_output = json_int(root, "max_completion_tokens");
	if (a->max_output < 0)
		a->max_output = json_int(root, "max_tokens");
	a->session = json_str(root, "prompt_cache_key");
	a->wants_json = json_is(format, "type", "json_object") || json_is(format, "type", "json_schema");
	a->json_schema = cJSON_GetObjectItemCaseSensitive(
	    cJSON_GetObjectItemCaseSensitive(format, "json_schema"), "schema");
	cJSON_ArrayForEach(tool, cJSON_GetObjectItemCaseSensitive(root, "tools"))
	{
		const cJSON *f = cJSON_GetObjectItemCaseSensitive(tool, "function");

		ask_segment(a, tool, 0);
		ask_tool(a, (struct tool){.name = json_str(f, "name"),
		                          .schema = cJSON_GetObjectItemCaseSensitive(f, "parameters")});
	}
	a->force_tool = cJSON_IsObject(choice) || json_is(root, "tool_choice", "required");
	a->force_name = json_str(cJSON_GetObjectItemCaseSensitive(choice, "function"), "name");
	cJSON_ArrayForEach(m, messages) if (!read_message(a, m)) return false;
	cache_automatic(c, 1024, 128);
	return true;
}

static const char *finish_reason(const struct call *c)
{
	static const char *const names[] = {"stop", "tool_calls", "length"};

	return names[c->plan.stop];
}

static void add_cached(const struct call *c, struct buf *out)
{
	long long read = (long long)c->usage.cache_read, fresh = (long long)c->usage.input;

	if (c->d.quirk == QUIRK_DEEPSEEK)
		buf_fmt(out, "\"prompt_cache_hit_tokens\":%lld,\"prompt_cache_miss_tokens\":%lld", read,
		        fresh);
	else if (c->d.quirk == QUIRK_MISTRAL)
		buf_fmt(out, "\"num_cached_tokens\":%lld", read);
	else if (c->d.quirk == QUIRK_MOONSHOT)
		buf_fmt(out, "\"cached_tokens\":%lld", read);
	else
		buf_fmt(out, "\"prompt_tokens_details\":{\"cached_tokens\":%lld,\"audio_tokens\":0}", read);
}

static void add_usage(struct call *c, struct buf *out)
{
	const struct usage *u = &c->usage;
	int64_t prompt = u->input + u->cache_read;
	int64_t completion = u->output - (c->d.quirk == QUIRK_XAI ? u->reasoning : 0);

	buf_fmt(out, "{\"prompt_tokens\":%lld,\"completion_tokens\":%lld,\"total_tokens\":%lld,",
	        (long long)prompt, (long long)completion, (long long)(prompt + u->output));
	add_cached(c, out);
	buf_fmt(out,
	        ",\"completion_tokens_details\":{\"reasoning_tokens\":%lld,\"audio_tokens\":0,"
	        "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}",
	        (long long)u->reasoning);
	openai_reported(c);
}

static void add_head(const struct call *c, const char *object, struct buf *out)
{
	BUF_LIT(out, "{\"id\":\"");
	call_id(c, "chatcmpl-", 0, 29, out);
	BUF_LIT(out, "\",\"object\":\"");
	buf_z(out, object);
	BUF_LIT(out, "\",\"created\":");
	buf_int(out, c->epoch_ms / 1000);
	BUF_LIT(out, ",\"model\":");
	buf_json(out, str_of(c->model));
}

static void add_tool_calls(const struct plan *p, struct buf *out)
{
	bool first = true;

	for (size_t i = 0; i < p->n; i++) {
		const struct block *b = &p->blocks[i];

		if (b->kind != BLOCK_TOOL)
			continue;
		buf_fmt(
		    out,
		    "%s{\"id\":\"%s\",\"type\":\"function\",\"function\":{\"name\":\"%s\",\"arguments\":\"",
		    first ? ",\"tool_calls\":[" : ",", b->id, b->name);
		plan_text(b, out);
		BUF_LIT(out, "\"}}");
		first = false;
	}
	if (!first)
		BUF_LIT(out, "]");
}

static void chat_body(struct call *c, struct buf *out)
{
	const struct plan *p = &c->plan;
	bool text = false;

	add_head(c, "chat.completion", out);
	BUF_LIT(out, ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
	for (size_t i = 0; i < p->n && !text; i++) {
		if (p->blocks[i].kind != BLOCK_TEXT)
			continue;
		text = true;
		BUF_LIT(out, "\"");
		plan_text(&p->blocks[i], out);
		BUF_LIT(out, "\"");
	}
	if (!text)
		BUF_LIT(out, "null");
	add_tool_calls(p, out);
	buf_fmt(out, ",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"%s\"}]",
	        finish_reason(c));
	if (!c->d.no_usage) {
		BUF_LIT(out, ",\"usage\":");
		add_usage(c, out);
	}
	BUF_LIT(out, ",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_5153a1ea70\"}\n");
}

static void chunk_begin(const struct call *c, struct buf *out)
{
	BUF_LIT(out, "data: ");
	add_head(c, "chat.completion.chunk", out);
	BUF_LIT(out, ",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_5153a1ea70\",\"choices\":["
	             "{\"index\":0,\"delta\":");
}

/* In a chunk of its own. */
static bool tells_at_end(const struct call *c)
{
	return c->ask.include_usage && !c->d.no_usage &&
	       (c->d.quirk == QUIRK_NONE || c->d.quirk == QUIRK_GROQ || c->d.quirk == QUIRK_XAI);
}

/* In a chunk that has choices; false when it has none there. */
static bool told_in_chunk(struct call *c, bool last, struct buf *out)
{
	bool always = c->d.quirk == QUIRK_MISTRAL || c->d.quirk == QUIRK_DEEPSEEK;

	if (c->d.quirk == QUIRK_GROQ && last && !c->ask.include_usage) {
		BUF_LIT(out, ",\"x_groq\":{\"id\":\"req_1\",\"usage\":");
		add_usage(c, out);
		BUF_LIT(out, "}");
		return true;
	}
	if (!(always && last) && c->d.quirk != QUIRK_CLOUDFLARE)
		return false;
	BUF_LIT(out, ",\"usage\":");
	add_usage(c, out);
	return true;
}

static void chunk_end(struct call *c, const char *finish, struct buf *out)
{
	BUF_LIT(out, ",\"logprobs\":null,\"finish_reason\":");
	if (finish)
		buf_fmt(out, "\"%s\"", finish);
	else
		BUF_LIT(out, "null");
	if (finish && c->d.quirk == QUIRK_MOONSHOT) {
		BUF_LIT(out, ",\"usage\":");
		add_usage(c, out);
	}
	BUF_LIT(out, "}]");
	if (!told_in_chunk(c, finish != NULL, out) && tells_at_end(c))
		BUF_LIT(out, ",\"usage\":null");
	BUF_LIT(out, "}\n\n");
}

enum { C_ROLE, C_BLOCK, C_PIECE, C_FINISH, C_USAGE, C_DONE };

/* The number of the tool call among the answer's tool calls. */
static size_t tool_index(const struct call *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->at.block; i++)
		n += c->plan.blocks[i].kind == BLOCK_TOOL;
	return n;
}

static void ev_piece(struct call *c, const struct block *b, struct buf *out)
{
	chunk_begin(c, out);
	if (b->kind == BLOCK_TEXT) {
		BUF_LIT(out, "{\"content\":\"");
		plan_piece(c, b, c->at.piece, out);
		BUF_LIT(out, "\"}");
	} else {
		buf_fmt(out, "{\"tool_calls\":[{\"index\":%zu,\"function\":{\"arguments\":\"", tool_index(c));
		plan_piece(c, b, c->at.piece, out);
		BUF_LIT(out, "\"}}]}");
	}
	chunk_end(c, NULL, out);
}

static void ev_tool(struct call *c, const struct block *b, struct buf *out)
{
	chunk_begin(c, out);
	buf_fmt(out,
	        "{\"tool_calls\":[{\"index\":%zu,\"id\":\"%s\",\"type\":\"function\",\"function\":{\"name\":"
	        "\"%s\","
	        "\"arguments\":\"\"}}]}",
	        tool_index(c), b->id, b->name);
	chunk_end(c, NULL, out);
}

static void next_block(struct call *c, size_t from)
{
	struct cursor *at = &c->at;

	at->piece = 0;
	for (at->block = from; at->block < c->plan.n; at->block++) {
		if (c->plan.blocks[at->block].kind == BLOCK_THINKING)
			continue;
		at->phase = c->plan.blocks[at->block].kind == BLOCK_TOOL ? C_BLOCK : C_PIECE;
		return;
	}
	at->phase = C_FINISH;
}

static void ev_usage(struct call *c, struct buf *out)
{
	BUF_LIT(out, "data: ");
	add_head(c, "chat.completion.chunk", out);
	BUF_LIT(out, ",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_5153a1ea70\",\"choices\":[],"
	             "\"usage\":");
	add_usage(c, out);
	BUF_LIT(out, "}\n\n");
}

static enum ev chat_next(struct call *c, struct buf *out)
{
	struct cursor *at = &c->at;
	const struct block *b = &c->plan.blocks[at->block < c->plan.n ? at->block : 0];

	switch (at->phase) {
	case C_ROLE:
		chunk_begin(c, out);
		BUF_LIT(out, "{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}");
		chunk_end(c, NULL, out);
		next_block(c, 0);
		return EV_HEAD;
	case C_BLOCK:
		ev_tool(c, b, out);
		at->phase = C_PIECE;
		return EV_HEAD;
	case C_PIECE:
		ev_piece(c, b, out);
		if (++at->piece == b->pieces)
			next_block(c, at->block + 1);
		return EV_DELTA;
	case C_FINISH:
		chunk_begin(c, out);
		BUF_LIT(out, "{}");
		chunk_end(c, finish_reason(c), out);
		at->phase = tells_at_end(c) ? C_USAGE : C_DONE;
		return EV_HEAD;
	case C_USAGE:
		ev_usage(c, out);
		at->phase = C_DONE;
		return EV_HEAD;
	default:
		BUF_LIT(out, "data: [DONE]\n\n");
		return EV_END;
	}
}

static void chat_error_event(const struct call *c, struct buf *out)
{
	(void)c;
	BUF_LIT(
	    out,
	    "data: {\"error\":{\"message\":\"The server had an error while processing your request. Sorry "
	    "about that!\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n");
}

const struct dialect dialect_chat = {
    .read = chat_read,
    .body = chat_body,
    .next = chat_next,
    .error = openai_error,
    .error_event = chat_error_event,
    .request_id_header = "x-request-id",
};
