/* Requests of Anthropic's Messages API and count_tokens, read into a view in one pass
 * (platform.claude.com/docs/en/api/messages). */
#include "codec/codec.h"

#include "model/wire.h"

enum {
	R_MODEL,
	R_LIMIT,
	R_STREAM,
	R_SYSTEM,
	R_TOOLS,
	R_MESSAGES,
	R_METADATA,
	R_THINKING,
	R_OUTPUT_CONFIG,
	R_SPEED,
	R_TIER,
	R_CONTAINER,
	R_MCP,
};

static const struct wire_word request_fields[] = {
    WIRE_WORD("model", R_MODEL),       WIRE_WORD("max_tokens", R_LIMIT),
    WIRE_WORD("stream", R_STREAM),     WIRE_WORD("system", R_SYSTEM),
    WIRE_WORD("tools", R_TOOLS),       WIRE_WORD("messages", R_MESSAGES),
    WIRE_WORD("metadata", R_METADATA), WIRE_WORD("thinking", R_THINKING),
    WIRE_WORD("speed", R_SPEED),       WIRE_WORD("output_config", R_OUTPUT_CONFIG),
    WIRE_WORD("service_tier", R_TIER), WIRE_WORD("container", R_CONTAINER),
    WIRE_WORD("mcp_servers", R_MCP),
};

struct reading {
	struct request_view *v;
	struct arena *mem;
	int64_t thinking_budget;
	slice effort;
};

enum { SOURCE_TYPE_HIDDEN = 1 };
static const struct wire_word source_types[] = {
    WIRE_WORD("url", SOURCE_TYPE_HIDDEN),
    WIRE_WORD("file", SOURCE_TYPE_HIDDEN),
};
enum { B_SOURCE, B_CONTENT, B_FILE_ID };
static const struct wire_word block_fields[] = {
    WIRE_WORD("source", B_SOURCE),
    WIRE_WORD("content", B_CONTENT),
    WIRE_WORD("file_id", B_FILE_ID),
};
static const struct wire_word source_fields[] = {WIRE_WORD("type", 0)};
static const struct wire_word message_fields[] = {WIRE_WORD("content", B_CONTENT)};

static void read_source(struct json *j, int id, void *arg)
{
	struct request_view *v = arg;
	(void)id;
	if (wire_read_word(j, WIRE_WORDS(source_types)) == SOURCE_TYPE_HIDDEN)
		v->hidden_input = true;
}

static void read_block(struct json *j, int index, void *arg);

/* Of a message or a block: what is not in the body but named by it. Nesting is capped by the reader's depth.
 */
static void read_block_field(struct json *j, int id, void *arg)
{
	struct request_view *v = arg;
	switch (id) {
	case B_SOURCE:
		wire_object(j, WIRE_WORDS(source_fields), read_source, v);
		break;
	case B_CONTENT:
		wire_array(j, read_block, v);
		break;
	default:
		v->hidden_input = true;
		json_skip(j, NULL);
	}
}

static void read_block(struct json *j, int index, void *arg)
{
	(void)index;
	wire_object(j, WIRE_WORDS(block_fields), read_block_field, arg);
}

static void read_message(struct json *j, int index, void *arg)
{
	(void)index;
	wire_object(j, WIRE_WORDS(message_fields), read_block_field, arg);
}

/* A tool whose type is neither absent, custom nor one that runs at the client runs at the provider, and what
 * it finds is billed as input. */
static void read_tool_type(struct json *j, int id, void *arg)
{
	static const slice clients[] = {
	    {"custom", 6}, {"bash_", 5}, {"text_editor_", 12}, {"computer_", 9}, {"memory_", 7}};
	struct request_view *v = arg;
	json_str s;
	(void)id;
	if (!json_opt_string(j, &s))
		return;
	for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++)
		if (slice_starts(s.raw, clients[i]))
			return;
	v->hidden_input = true;
}

static void read_tool(struct json *j, int index, void *arg)
{
	(void)index;
	wire_object(j, WIRE_WORDS(source_fields), read_tool_type, arg);
}

/* metadata.user_id: a JSON text with session_id, or user_<hex>_account_<uuid>_session_<uuid>. */
static void read_session_id(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	(void)id;
	wire_text(j, r->mem, &r->v->session_hint);
}

static void read_user_id(struct json *j, int id, void *arg)
{
	static const struct wire_word fields[] = {WIRE_WORD("session_id", 0)};
	struct reading *r = arg;
	struct request_view *v = r->v;
	(void)id;
	wire_text(j, r->mem, &v->user_id);
	if (slice_starts(v->user_id, SLICE("{"))) {
		struct json inner;
		json_init(&inner, v->user_id);
		wire_object(&inner, WIRE_WORDS(fields), read_session_id, r);
		return;
	}
	ptrdiff_t at = slice_find(v->user_id, SLICE("_session_"));
	if (at >= 0)
		v->session_hint = slice_sub(v->user_id, (size_t)at + 9, v->user_id.n);
}

static void read_thinking(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	(void)id;
	wire_count(j, &r->thinking_budget);
}

static void read_effort(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	(void)id;
	wire_text(j, r->mem, &r->effort);
}

static void read_request_field(struct json *j, int id, void *arg)
{
	static const struct wire_word user_id[] = {WIRE_WORD("user_id", 0)};
	static const struct wire_word budget[] = {WIRE_WORD("budget_tokens", 0)};
	static const struct wire_word effort[] = {WIRE_WORD("effort", 0)};
	struct reading *r = arg;
	struct request_view *v = r->v;
	switch (id) {
	case R_MODEL:
		wire_model(j, v, r->mem);
		break;
	case R_LIMIT:
		wire_limit(j, v);
		break;
	case R_STREAM:
		json_opt_bool(j, &v->stream);
		break;
	case R_SYSTEM:
		wire_range(j, &v->system);
		break;
	case R_TOOLS:
		v->tool_count = wire_elements(j, &v->tools, read_tool, v);
		break;
	case R_MESSAGES:
		v->message_count = wire_elements(j, &v->messages, read_message, v);
		break;
	case R_METADATA:
		wire_object_once(j, WIRE_WORDS(user_id), read_user_id, r);
		break;
	case R_THINKING:
		wire_object_once(j, WIRE_WORDS(budget), read_thinking, r);
		break;
	case R_OUTPUT_CONFIG:
		wire_object_once(j, WIRE_WORDS(effort), read_effort, r);
		break;
	case R_SPEED:
		wire_text(j, r->mem, &v->speed);
		break;
	case R_TIER:
		wire_text(j, r->mem, &v->service_tier);
		break;
	case R_MCP: /* tools and answers of MCP servers that the provider asks */
		v->hidden_input = v->hidden_input || json_peek(j) != JSON_NULL;
		wire_range(j, &v->mcp_servers);
		break;
	default: /* a container's files */
		v->hidden_input = v->hidden_input || json_peek(j) != JSON_NULL;
		json_skip(j, NULL);
	}
}

int codec_anthropic_request(const struct target *t, slice body, struct arena *mem, struct request_view *out,
                            struct error *e)
{
	struct reading r = {.v = out, .mem = mem, .thinking_budget = TOKENS_ABSENT};
	int rc = wire_request(out, t->api, body, WIRE_WORDS(request_fields), read_request_field, &r, e);
	if (rc)
		return rc;
	out->effort = r.effort;
	if (!r.effort.n && r.thinking_budget >= 0)
		out->effort = arena_printf(mem, "budget:%lld", (long long)r.thinking_budget);
	codec_path_model(t, out);
	out->stream = out->stream || t->stream;
	return out->model.n ? 0 : wire_no_model(e);
}
