/* The content of chat completions' requests (platform.openai.com/docs/api-reference/chat/create, "messages"),
 * and of the many providers that speak it. */
#include "codec/codec.h"

enum { M_ROLE, M_CONTENT, M_CALLS, M_OLD_CALL, M_CALL_ID, M_NAME, M_THINKING, M_REFUSAL, M_CACHE, M_FIELDS };
static const struct wire_word message_fields[] = {
    WIRE_WORD("role", M_ROLE),
    WIRE_WORD("content", M_CONTENT),
    WIRE_WORD("tool_calls", M_CALLS),
    WIRE_WORD("function_call", M_OLD_CALL),
    WIRE_WORD("tool_call_id", M_CALL_ID),
    WIRE_WORD("name", M_NAME),
    WIRE_WORD("reasoning_content", M_THINKING),
    WIRE_WORD("reasoning", M_THINKING),
    WIRE_WORD("refusal", M_REFUSAL),
    WIRE_WORD("cache_control", M_CACHE),
};

enum {
	P_TYPE,
	P_TEXT,
	P_IMAGE,
	P_AUDIO,
	P_FILE,
	P_REFUSAL,
	P_THINKING,
	P_CACHE,
	P_URL,
	P_DETAIL,
	P_DATA,
	P_FORMAT,
	P_FILE_DATA,
	P_FILE_ID,
	P_FIELDS
};
/* Of a part, and of the object in it. */
static const struct wire_word part_fields[] = {
    WIRE_WORD("type", P_TYPE),           WIRE_WORD("text", P_TEXT),
    WIRE_WORD("image_url", P_IMAGE),     WIRE_WORD("input_audio", P_AUDIO),
    WIRE_WORD("file", P_FILE),           WIRE_WORD("video_url", P_FILE),
    WIRE_WORD("refusal", P_REFUSAL),     WIRE_WORD("thinking", P_THINKING),
    WIRE_WORD("cache_control", P_CACHE), WIRE_WORD("url", P_URL),
    WIRE_WORD("detail", P_DETAIL),       WIRE_WORD("data", P_DATA),
    WIRE_WORD("format", P_FORMAT),       WIRE_WORD("file_data", P_FILE_DATA),
    WIRE_WORD("file_id", P_FILE_ID),
};

/* What is within image_url, input_audio, file: an object, or for images the address itself. */
static void media(struct body_item *it, slice value)
{
	slice f[P_FIELDS] = {{0}};
	if (body_is_string(value)) {
		body_address(it, body_string(value));
		return;
	}
	body_fields(value, WIRE_WORDS(part_fields), f);
	it->detail = body_string(f[P_DETAIL]);
	if (f[P_URL].n)
		body_address(it, body_string(f[P_URL]));
	else if (f[P_FILE_DATA].n)
		body_address(it, body_string(f[P_FILE_DATA]));
	else
		it->url = body_string(f[P_FILE_ID]);
	if (f[P_DATA].n) {
		it->data = body_string(f[P_DATA]);
		it->media_type = body_string(f[P_FORMAT]);
	}
}

/* One part of a content; `like` has what all of them share. */
static void give_part(struct body_walk *w, slice raw, const struct body_item *like)
{
	slice f[P_FIELDS] = {{0}};
	struct body_item it = *like;
	it.raw = raw;
	if (body_is_string(raw)) {
		body_words(&it, raw);
		body_give(w, &it);
		return;
	}
	body_fields(raw, WIRE_WORDS(part_fields), f);
	it.cache_breakpoint = like->cache_breakpoint || f[P_CACHE].n > 0;
	it.in_result = like->kind == ITEM_TOOL_RESULT;
	if (f[P_IMAGE].n) {
		it.kind = ITEM_IMAGE;
		media(&it, f[P_IMAGE]);
		it.detail = it.detail.raw.p ? it.detail : body_string(f[P_DETAIL]);
	} else if (f[P_AUDIO].n || f[P_FILE].n) {
		it.kind = f[P_AUDIO].n ? ITEM_AUDIO : ITEM_FILE;
		media(&it, f[P_AUDIO].n ? f[P_AUDIO] : f[P_FILE]);
	} else if (f[P_THINKING].n) { /* Mistral: a list of texts */
		it.kind = ITEM_THINKING;
		body_words(&it, f[P_THINKING]);
	} else if (f[P_TEXT].n || f[P_REFUSAL].n) {
		body_words(&it, f[P_TEXT].n ? f[P_TEXT] : f[P_REFUSAL]);
	} else {
		it.kind = ITEM_OTHER;
		it.json = raw;
	}
	body_give(w, &it);
}

static void give_content(struct body_walk *w, slice content, struct body_item like)
{
	struct body_elements e;
	slice part;
	like.raw = content;
	if (body_elements(content, &e)) {
		for (; w->rc == 0 && body_next(&e, &part); like.more = true)
			give_part(w, part, &like);
	} else if (content.n) {
		body_words(&like, content);
		body_give(w, &like);
	} else if (like.kind == ITEM_TOOL_RESULT) {
		like.raw = w->span->raw;
		body_give(w, &like);
	}
}

/* {"id", "type", "function": {"name", "arguments"}} or "custom": {"name", "input"}. */
static void give_call(struct body_walk *w, slice raw)
{
	enum { C_ID, C_FUNCTION, C_NAME, C_ARGUMENTS, C_FIELDS };
	static const struct wire_word fields[] = {
	    WIRE_WORD("id", C_ID),     WIRE_WORD("function", C_FUNCTION),   WIRE_WORD("custom", C_FUNCTION),
	    WIRE_WORD("name", C_NAME), WIRE_WORD("arguments", C_ARGUMENTS), WIRE_WORD("input", C_ARGUMENTS),
	};
	slice f[C_FIELDS] = {{0}};
	struct body_item it = {.kind = ITEM_TOOL_CALL, .raw = raw, .assistant = true};
	body_fields(raw, WIRE_WORDS(fields), f);
	it.call_id = body_string(f[C_ID]);
	if (f[C_FUNCTION].n)
		body_fields(f[C_FUNCTION], WIRE_WORDS(fields), f);
	it.name = body_string(f[C_NAME]);
	body_words(&it, f[C_ARGUMENTS]);
	body_give(w, &it);
}

static void give_calls(struct body_walk *w, slice calls)
{
	struct body_elements e;
	slice call;
	if (body_elements(calls, &e))
		while (w->rc == 0 && body_next(&e, &call))
			give_call(w, call);
}

static void give_thinking(struct body_walk *w, slice value)
{
	struct body_item it = {.kind = ITEM_THINKING, .raw = value, .assistant = true};
	body_words(&it, value);
	if (value.n)
		body_give(w, &it);
}

static void read_message(struct body_walk *w, slice raw)
{
	static const struct wire_word roles[] = {
	    WIRE_WORD("system", ITEM_SYSTEM),    WIRE_WORD("developer", ITEM_SYSTEM),
	    WIRE_WORD("user", ITEM_USER_TEXT),   WIRE_WORD("assistant", ITEM_ASSISTANT_TEXT),
	    WIRE_WORD("tool", ITEM_TOOL_RESULT), WIRE_WORD("function", ITEM_TOOL_RESULT),
	};
	slice f[M_FIELDS] = {{0}};
	if (!body_fields(raw, WIRE_WORDS(message_fields), f)) {
		struct body_item text = {.kind = ITEM_USER_TEXT};
		give_content(w, raw, text); /* a prompt */
		return;
	}
	json_str role = body_string(f[M_ROLE]);
	int kind = wire_word(&role, WIRE_WORDS(roles));
	struct body_item it = {.kind = kind == WIRE_NONE ? ITEM_OTHER : (enum item_kind)kind};
	it.assistant = kind == ITEM_ASSISTANT_TEXT;
	it.cache_breakpoint = f[M_CACHE].n > 0;
	if (it.kind == ITEM_TOOL_RESULT) {
		it.call_id = body_string(f[M_CALL_ID]);
		it.name = body_string(f[M_NAME]);
	}
	give_thinking(w, f[M_THINKING]);
	give_content(w, f[M_CONTENT], it);
	if (it.assistant && f[M_REFUSAL].n)
		give_content(w, f[M_REFUSAL], it);
	give_calls(w, f[M_CALLS]);
	if (f[M_OLD_CALL].n)
		give_call(w, f[M_OLD_CALL]);
}

/* {"type": "function", "function": {…}}, "custom": {…}, or the older form of functions. */
static void read_tool(struct body_walk *w, slice raw)
{
	enum { T_TYPE, T_FUNCTION, T_NAME, T_CACHE, T_FIELDS };
	static const struct wire_word fields[] = {
	    WIRE_WORD("type", T_TYPE), WIRE_WORD("function", T_FUNCTION),   WIRE_WORD("custom", T_FUNCTION),
	    WIRE_WORD("name", T_NAME), WIRE_WORD("cache_control", T_CACHE),
	};
	slice f[T_FIELDS] = {{0}};
	struct body_item it = {.kind = ITEM_TOOL_DEFINITION, .raw = raw, .json = raw};
	if (!body_fields(raw, WIRE_WORDS(fields), f))
		return;
	if (f[T_FUNCTION].n) {
		it.json = f[T_FUNCTION];
		body_fields(f[T_FUNCTION], WIRE_WORDS(fields), f);
	}
	it.name = body_string(f[T_NAME].n ? f[T_NAME] : f[T_TYPE]);
	it.cache_breakpoint = f[T_CACHE].n > 0;
	it.by_provider = !f[T_FUNCTION].n && !f[T_NAME].n;
	body_give(w, &it);
}

static void read_system(struct body_walk *w, slice raw)
{
	struct body_item it = {.kind = ITEM_SYSTEM};
	give_content(w, raw, it);
}

int codec_openai_chat_items(const struct request_view *v, const struct body_span *s, body_item_fn *on_item,
                            void *arg)
{
	static body_reader *const readers[] = {
	    [BODY_TOOLS] = read_tool, [BODY_SYSTEM] = read_system, [BODY_MESSAGES] = read_message};
	(void)v;
	return body_walk(s, readers[s->section], on_item, arg);
}
