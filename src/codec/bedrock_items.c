/* The content of Bedrock's requests: Converse's blocks, by the field they have
 * (docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html); InvokeModel's bodies are
 * in the model's own dialect. */
#include "codec/codec.h"

enum {
	B_TEXT,
	B_IMAGE,
	B_FILE,
	B_AUDIO,
	B_CALL,
	B_RESULT,
	B_THINKING,
	B_CACHE,
	B_GUARD,
	B_CITED,
	B_JSON,
	B_FIELDS
};
static const struct wire_word block_fields[] = {
    WIRE_WORD("text", B_TEXT),
    WIRE_WORD("image", B_IMAGE),
    WIRE_WORD("document", B_FILE),
    WIRE_WORD("video", B_FILE),
    WIRE_WORD("audio", B_AUDIO),
    WIRE_WORD("toolUse", B_CALL),
    WIRE_WORD("toolResult", B_RESULT),
    WIRE_WORD("reasoningContent", B_THINKING),
    WIRE_WORD("cachePoint", B_CACHE),
    WIRE_WORD("guardContent", B_GUARD),
    WIRE_WORD("citationsContent", B_CITED),
    WIRE_WORD("json", B_JSON),
    WIRE_WORD("searchResult", B_JSON),
};

enum {
	V_FORMAT,
	V_SOURCE,
	V_BYTES,
	V_PLACE,
	V_ID,
	V_NAME,
	V_INPUT,
	V_CONTENT,
	V_STATUS,
	V_TEXT,
	V_THOUGHT,
	V_SEALED,
	V_TYPE,
	V_FIELDS
};
/* Of the objects within a block. */
static const struct wire_word value_fields[] = {
    WIRE_WORD("format", V_FORMAT),
    WIRE_WORD("source", V_SOURCE),
    WIRE_WORD("bytes", V_BYTES),
    WIRE_WORD("s3Location", V_PLACE),
    WIRE_WORD("uri", V_PLACE),
    WIRE_WORD("toolUseId", V_ID),
    WIRE_WORD("name", V_NAME),
    WIRE_WORD("input", V_INPUT),
    WIRE_WORD("content", V_CONTENT),
    WIRE_WORD("status", V_STATUS),
    WIRE_WORD("text", V_TEXT),
    WIRE_WORD("reasoningText", V_THOUGHT),
    WIRE_WORD("redactedContent", V_SEALED),
    WIRE_WORD("type", V_TYPE),
};

/* What a block takes from the message, or from the result, that it stands in. */
struct around {
	enum item_kind text;
	bool assistant;
	const struct body_item *result; /* NULL outside of one */
	bool more;
};

static void give_contents(struct body_walk *w, slice content, struct around in);

static void media(struct body_item *it, slice value)
{
	slice f[V_FIELDS] = {{0}}, source[V_FIELDS] = {{0}};
	body_fields(value, WIRE_WORDS(value_fields), f);
	body_fields(f[V_SOURCE], WIRE_WORDS(value_fields), source);
	it->media_type = body_string(f[V_FORMAT]);
	it->data = body_string(source[V_BYTES]);
	if (body_is_object(source[V_PLACE]))
		body_fields(source[V_PLACE], WIRE_WORDS(value_fields), source);
	it->url = body_string(source[V_PLACE]);
	if (source[V_TEXT].n || source[V_CONTENT].n)
		body_words(it, source[V_TEXT].n ? source[V_TEXT] : source[V_CONTENT]);
}

static void call(struct body_item *it, slice value)
{
	slice f[V_FIELDS] = {{0}};
	body_fields(value, WIRE_WORDS(value_fields), f);
	it->name = body_string(f[V_NAME]);
	it->call_id = body_string(f[V_ID]);
	it->by_provider = body_is(f[V_TYPE], SLICE("server_tool_use"));
	body_words(it, f[V_INPUT]);
}

static void give_result(struct body_walk *w, struct body_item *it, slice value)
{
	slice f[V_FIELDS] = {{0}};
	body_fields(value, WIRE_WORDS(value_fields), f);
	it->kind = ITEM_TOOL_RESULT;
	it->call_id = body_string(f[V_ID]);
	it->is_error = body_is(f[V_STATUS], SLICE("error"));
	bool any =
	    body_is_array(f[V_CONTENT]) && slice_trim(slice_sub(f[V_CONTENT], 1, f[V_CONTENT].n - 1)).n;
	if (any)
		give_contents(w, f[V_CONTENT], (struct around){ITEM_TOOL_RESULT, false, it, false});
	else
		body_give(w, it);
}

static void thinking(struct body_item *it, slice value)
{
	slice f[V_FIELDS] = {{0}};
	body_fields(value, WIRE_WORDS(value_fields), f);
	it->data = body_string(f[V_SEALED]);
	body_fields(f[V_THOUGHT], WIRE_WORDS(value_fields), f);
	if (f[V_TEXT].n)
		body_words(it, f[V_TEXT]);
}

/* {"text": {"text": …}} of guarded content, {"content": [{"text"}]} of cited content. */
static void words_within(struct body_item *it, slice value)
{
	slice f[V_FIELDS] = {{0}};
	body_fields(value, WIRE_WORDS(value_fields), f);
	if (body_is_object(f[V_TEXT]))
		body_fields(f[V_TEXT], WIRE_WORDS(value_fields), f);
	body_words(it, f[V_TEXT].n ? f[V_TEXT] : f[V_CONTENT]);
}

static void fill_block(struct body_item *it, const slice *f)
{
	if (f[B_TEXT].n) {
		body_words(it, f[B_TEXT]);
	} else if (f[B_IMAGE].n || f[B_FILE].n || f[B_AUDIO].n) {
		it->kind = f[B_IMAGE].n ? ITEM_IMAGE : f[B_FILE].n ? ITEM_FILE : ITEM_AUDIO;
		media(it, f[B_IMAGE].n ? f[B_IMAGE] : f[B_FILE].n ? f[B_FILE] : f[B_AUDIO]);
	} else if (f[B_CALL].n) {
		it->kind = ITEM_TOOL_CALL;
		call(it, f[B_CALL]);
	} else if (f[B_THINKING].n) {
		it->kind = ITEM_THINKING;
		thinking(it, f[B_THINKING]);
	} else if (f[B_GUARD].n || f[B_CITED].n) {
		words_within(it, f[B_GUARD].n ? f[B_GUARD] : f[B_CITED]);
	} else if (f[B_JSON].n) {
		body_words(it, f[B_JSON]);
	} else {
		it->kind = ITEM_OTHER;
		it->cache_breakpoint = f[B_CACHE].n > 0;
	}
}

static void give_block(struct body_walk *w, slice raw, struct around in)
{
	slice f[B_FIELDS] = {{0}};
	struct body_item it = {.kind = in.text, .raw = raw, .assistant = in.assistant, .more = in.more};
	if (!body_fields(raw, WIRE_WORDS(block_fields), f))
		return;
	if (in.result) {
		it.call_id = in.result->call_id;
		it.is_error = in.result->is_error;
		it.in_result = true;
	}
	if (f[B_RESULT].n && !in.result) {
		give_result(w, &it, f[B_RESULT]);
		return;
	}
	fill_block(&it, f);
	body_give(w, &it);
}

static void give_contents(struct body_walk *w, slice content, struct around in)
{
	struct body_elements e;
	slice block;
	if (body_is_string(content)) {
		struct body_item it = {.kind = in.text, .raw = content, .assistant = in.assistant};
		body_words(&it, content);
		body_give(w, &it);
	} else if (body_elements(content, &e)) {
		for (; w->rc == 0 && body_next(&e, &block); in.more = in.result != NULL)
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
	give_contents(
	    w, f[M_CONTENT],
	    (struct around){assistant ? ITEM_ASSISTANT_TEXT : ITEM_USER_TEXT, assistant, NULL, false});
}

static void read_system(struct body_walk *w, slice raw)
{
	give_contents(w, raw, (struct around){ITEM_SYSTEM, false, NULL, false});
}

/* {"toolSpec": {"name", …}}, {"systemTool": {"name"}}, {"cachePoint"}. */
static void read_tool(struct body_walk *w, slice raw)
{
	enum { T_SPEC, T_SYSTEM, T_CACHE, T_FIELDS };
	static const struct wire_word fields[] = {WIRE_WORD("toolSpec", T_SPEC),
	                                          WIRE_WORD("systemTool", T_SYSTEM),
	                                          WIRE_WORD("cachePoint", T_CACHE)};
	slice f[T_FIELDS] = {{0}}, spec[V_FIELDS] = {{0}};
	struct body_item it = {.kind = ITEM_TOOL_DEFINITION, .raw = raw};
	if (!body_fields(raw, WIRE_WORDS(fields), f))
		return;
	it.json = f[T_SPEC].n ? f[T_SPEC] : f[T_SYSTEM];
	it.by_provider = f[T_SYSTEM].n > 0;
	it.cache_breakpoint = f[T_CACHE].n > 0;
	if (!it.json.n)
		it.kind = ITEM_OTHER;
	body_fields(it.json, WIRE_WORDS(value_fields), spec);
	it.name = body_string(spec[V_NAME]);
	body_give(w, &it);
}

int codec_bedrock_converse_items(const struct request_view *v, const struct body_span *s,
                                 body_item_fn *on_item, void *arg)
{
	static body_reader *const readers[] = {
	    [BODY_TOOLS] = read_tool, [BODY_SYSTEM] = read_system, [BODY_MESSAGES] = read_message};
	(void)v;
	return body_walk(s, readers[s->section], on_item, arg);
}

/* Claude's are Anthropic's; Nova's are Converse's; the others', chat completions or one prompt. */
int codec_bedrock_invoke_items(const struct request_view *v, const struct body_span *s, body_item_fn *on_item,
                               void *arg)
{
	if (slice_find(v->model, SLICE("anthropic.")) >= 0)
		return codec_anthropic_items(v, s, on_item, arg);
	if (slice_find(v->model, SLICE("amazon.")) >= 0 && !body_is_string(s->raw))
		return codec_bedrock_converse_items(v, s, on_item, arg);
	return codec_openai_chat_items(v, s, on_item, arg);
}
