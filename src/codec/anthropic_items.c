/* The content of Anthropic's requests (platform.claude.com/docs/en/api/messages, "Input messages"): blocks by
 * their type. */
#include "codec/codec.h"

enum {
	B_TYPE,
	B_TEXT,
	B_SOURCE,
	B_THINKING,
	B_DATA,
	B_ID,
	B_NAME,
	B_INPUT,
	B_RESULT_OF,
	B_CONTENT,
	B_ERROR,
	B_CACHE,
	B_SERVER,
	B_FILE,
	B_SEALED,
	B_FIELDS
};
static const struct wire_word block_fields[] = {
    WIRE_WORD("type", B_TYPE),          WIRE_WORD("text", B_TEXT),      WIRE_WORD("source", B_SOURCE),
    WIRE_WORD("thinking", B_THINKING),  WIRE_WORD("data", B_DATA),      WIRE_WORD("id", B_ID),
    WIRE_WORD("name", B_NAME),          WIRE_WORD("input", B_INPUT),    WIRE_WORD("tool_use_id", B_RESULT_OF),
    WIRE_WORD("content", B_CONTENT),    WIRE_WORD("is_error", B_ERROR), WIRE_WORD("cache_control", B_CACHE),
    WIRE_WORD("server_name", B_SERVER), WIRE_WORD("file_id", B_FILE),   WIRE_WORD("signature", B_SEALED),
};

enum { S_MEDIA, S_DATA, S_URL, S_FILE, S_CONTENT, S_FIELDS };
static const struct wire_word source_fields[] = {
    WIRE_WORD("media_type", S_MEDIA), WIRE_WORD("data", S_DATA),       WIRE_WORD("url", S_URL),
    WIRE_WORD("file_id", S_FILE),     WIRE_WORD("content", S_CONTENT),
};

enum { K_TEXT, K_IMAGE, K_FILE, K_THINKING, K_REDACTED, K_CALL, K_PROVIDERS_CALL, K_RESULT, K_CITED };
static const struct wire_word types[] = {
    WIRE_WORD("text", K_TEXT),
    WIRE_WORD("image", K_IMAGE),
    WIRE_WORD("document", K_FILE),
    WIRE_WORD("container_upload", K_FILE),
    WIRE_WORD("thinking", K_THINKING),
    WIRE_WORD("redacted_thinking", K_REDACTED),
    WIRE_WORD("tool_use", K_CALL),
    WIRE_WORD("server_tool_use", K_PROVIDERS_CALL),
    WIRE_WORD("mcp_tool_use", K_PROVIDERS_CALL),
    WIRE_WORD("tool_result", K_RESULT),
    WIRE_WORD("search_result", K_CITED),
};

/* What a block takes from the message, or from the result, that it stands in. */
struct around {
	enum item_kind text;
	bool assistant;
	const struct body_item *result; /* NULL outside of one */
	bool more;
};

static void media(struct body_item *it, const slice *f)
{
	slice s[S_FIELDS] = {{0}};
	body_fields(f[B_SOURCE], WIRE_WORDS(source_fields), s);
	it->media_type = body_string(s[S_MEDIA]);
	it->data = body_string(s[S_DATA]);
	it->url = body_string(s[S_URL].n ? s[S_URL] : s[S_FILE].n ? s[S_FILE] : f[B_FILE]);
	if (s[S_CONTENT].n)
		body_words(it, s[S_CONTENT]);
	if (slice_eq(it->media_type.raw, SLICE("text/plain")) && it->data.raw.n) { /* its words, not base64 */
		it->text = it->data;
		it->data = (json_str){SLICE_NONE, false};
	}
}

static void give_contents(struct body_walk *w, slice content, struct around in);

/* A result of blocks: one item for each; of nothing: one without words. */
static void give_result(struct body_walk *w, struct body_item *it, slice content)
{
	if (body_is_array(content) && slice_trim(slice_sub(content, 1, content.n - 1)).n) {
		give_contents(w, content, (struct around){ITEM_TOOL_RESULT, it->assistant, it, false});
		return;
	}
	body_words(it, content);
	body_give(w, it);
}

static enum item_kind kind_of(int type, struct around in)
{
	static const enum item_kind kinds[] = {
	    [K_IMAGE] = ITEM_IMAGE,       [K_FILE] = ITEM_FILE,      [K_THINKING] = ITEM_THINKING,
	    [K_REDACTED] = ITEM_THINKING, [K_CALL] = ITEM_TOOL_CALL, [K_PROVIDERS_CALL] = ITEM_TOOL_CALL,
	    [K_RESULT] = ITEM_TOOL_RESULT};
	if (type == K_TEXT || type == K_CITED)
		return in.text;
	return type == WIRE_NONE ? ITEM_OTHER : kinds[type];
}

static struct body_item block_of(slice raw, const slice *f, struct around in)
{
	struct body_item it = {.raw = raw, .assistant = in.assistant, .cache_breakpoint = f[B_CACHE].n > 0};
	if (in.result) {
		it.call_id = in.result->call_id;
		it.is_error = in.result->is_error;
		it.by_provider = in.result->by_provider;
		it.cache_breakpoint = it.cache_breakpoint || in.result->cache_breakpoint;
		it.in_result = true;
		it.more = in.more;
	}
	return it;
}

static void give_block(struct body_walk *w, slice raw, struct around in)
{
	slice f[B_FIELDS] = {{0}};
	if (!body_fields(raw, WIRE_WORDS(block_fields), f))
		return;
	struct body_item it = block_of(raw, f, in);
	json_str type = body_string(f[B_TYPE]);
	int t = wire_word(&type, WIRE_WORDS(types));
	if (t == WIRE_NONE && slice_ends(type.raw, SLICE("_tool_result"))) { /* web_search_tool_result… */
		t = K_RESULT;
		it.by_provider = true;
	}
	it.kind = kind_of(t, in);
	switch (t) {
	case K_IMAGE:
	case K_FILE:
		media(&it, f);
		break;
	case K_CALL:
	case K_PROVIDERS_CALL:
		it.by_provider = t == K_PROVIDERS_CALL;
		it.name = body_string(f[B_NAME]);
		it.space = body_string(f[B_SERVER]);
		it.call_id = body_string(f[B_ID]);
		body_words(&it, f[B_INPUT]);
		break;
	case K_RESULT:
		it.call_id = body_string(f[B_RESULT_OF]);
		it.is_error = body_is_true(f[B_ERROR]);
		if (!in.result) { /* no result stands in a result */
			give_result(w, &it, f[B_CONTENT]);
			return;
		}
		break;
	case K_TEXT:
		body_words(&it, f[B_TEXT]);
		break;
	case K_THINKING:
		body_words(&it, f[B_THINKING]);
		it.sealed = body_string(f[B_SEALED]);
		break;
	case K_REDACTED:
		it.sealed = body_string(f[B_DATA]);
		break;
	default:
		body_words(&it, f[B_CONTENT].n ? f[B_CONTENT] : raw);
	}
	body_give(w, &it);
}

/* A text, or blocks. */
static void give_contents(struct body_walk *w, slice content, struct around in)
{
	struct body_elements e;
	slice block;
	if (body_is_string(content)) {
		struct body_item it = {.kind = in.text, .raw = content, .assistant = in.assistant};
		body_words(&it, content);
		body_give(w, &it);
	} else if (body_elements(content, &e)) {
		for (; w->rc == 0 && body_next(&e, &block); in.more = true)
			give_block(w, block, in);
	}
}

static void read_message(struct body_walk *w, slice raw)
{
	enum { M_ROLE, M_CONTENT, M_FIELDS };
	static const struct wire_word fields[] = {WIRE_WORD("role", M_ROLE), WIRE_WORD("content", M_CONTENT)};
	slice f[M_FIELDS] = {{0}};
	body_fields(raw, WIRE_WORDS(fields), f);
	bool assistant = body_is(f[M_ROLE], SLICE("assistant"));
	enum item_kind text = assistant                             ? ITEM_ASSISTANT_TEXT
	                      : body_is(f[M_ROLE], SLICE("system")) ? ITEM_SYSTEM
	                                                            : ITEM_USER_TEXT;
	give_contents(w, f[M_CONTENT], (struct around){text, assistant, NULL, false});
}

static void read_system(struct body_walk *w, slice raw)
{
	give_contents(w, raw, (struct around){ITEM_SYSTEM, false, NULL, false});
}

static bool runs_at_provider(slice type)
{
	static const slice theirs[] = {
	    {"web_", 4}, {"code_execution", 14}, {"tool_search", 11}, {"advisor", 7}};
	for (size_t i = 0; i < sizeof theirs / sizeof theirs[0]; i++)
		if (slice_starts(type, theirs[i]))
			return true;
	return false;
}

/* {"name", "input_schema"}, or one of Anthropic's own by its type. */
static void read_tool(struct body_walk *w, slice raw)
{
	slice f[B_FIELDS] = {{0}};
	if (!body_fields(raw, WIRE_WORDS(block_fields), f))
		return;
	struct body_item it = {.kind = ITEM_TOOL_DEFINITION, .raw = raw, .json = raw};
	it.name = body_string(f[B_NAME].n ? f[B_NAME] : f[B_TYPE]);
	it.cache_breakpoint = f[B_CACHE].n > 0;
	it.by_provider = runs_at_provider(body_string(f[B_TYPE]).raw);
	body_give(w, &it);
}

int codec_anthropic_items(const struct request_view *v, const struct body_span *s, body_item_fn *on_item,
                          void *arg)
{
	static body_reader *const readers[] = {
	    [BODY_TOOLS] = read_tool, [BODY_SYSTEM] = read_system, [BODY_MESSAGES] = read_message};
	(void)v;
	return body_walk(s, readers[s->section], on_item, arg);
}
