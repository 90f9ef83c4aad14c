/* The content of Responses' requests (platform.openai.com/docs/api-reference/responses/create, "input"):
 * items by their type. What ends in _call is a call, what ends in _output its result, whichever tool it is
 * of. */
#include "codec/codec.h"

enum {
	I_TYPE,
	I_ROLE,
	I_CONTENT,
	I_CALL_ID,
	I_ID,
	I_NAME,
	I_SPACE,
	I_ARGUMENTS,
	I_OUTPUT,
	I_SUMMARY,
	I_SEALED,
	I_STATUS,
	I_ERROR,
	I_FIELDS
};
static const struct wire_word item_fields[] = {
    WIRE_WORD("type", I_TYPE),
    WIRE_WORD("role", I_ROLE),
    WIRE_WORD("content", I_CONTENT),
    WIRE_WORD("call_id", I_CALL_ID),
    WIRE_WORD("id", I_ID),
    WIRE_WORD("name", I_NAME),
    WIRE_WORD("server_label", I_SPACE),
    WIRE_WORD("namespace", I_SPACE),
    WIRE_WORD("arguments", I_ARGUMENTS), /* of functions and MCP tools */
    WIRE_WORD("input", I_ARGUMENTS),     /* custom tools */
    WIRE_WORD("action", I_ARGUMENTS),    /* shells, computers, web search */
    WIRE_WORD("operation", I_ARGUMENTS), /* apply_patch */
    WIRE_WORD("queries", I_ARGUMENTS),   /* file search */
    WIRE_WORD("code", I_ARGUMENTS),      /* code interpreter */
    WIRE_WORD("output", I_OUTPUT),
    WIRE_WORD("outputs", I_OUTPUT),
    WIRE_WORD("results", I_OUTPUT),
    WIRE_WORD("tools", I_OUTPUT),
    WIRE_WORD("summary", I_SUMMARY),
    WIRE_WORD("encrypted_content", I_SEALED),
    WIRE_WORD("status", I_STATUS),
    WIRE_WORD("error", I_ERROR),
};

enum {
	P_TYPE,
	P_TEXT,
	P_IMAGE,
	P_DETAIL,
	P_FILE_ID,
	P_FILE_DATA,
	P_FILE_URL,
	P_AUDIO,
	P_DATA,
	P_FORMAT,
	P_FIELDS
};
static const struct wire_word part_fields[] = {
    WIRE_WORD("type", P_TYPE),           WIRE_WORD("text", P_TEXT),         WIRE_WORD("refusal", P_TEXT),
    WIRE_WORD("image_url", P_IMAGE),     WIRE_WORD("detail", P_DETAIL),     WIRE_WORD("file_id", P_FILE_ID),
    WIRE_WORD("file_data", P_FILE_DATA), WIRE_WORD("file_url", P_FILE_URL), WIRE_WORD("input_audio", P_AUDIO),
    WIRE_WORD("data", P_DATA),           WIRE_WORD("format", P_FORMAT),
};

/* Which a part is, by its type; a type that is not known, by its fields. */
static enum item_kind media_kind(slice type, const slice *f)
{
	if (slice_eq(type, SLICE("input_image")) || slice_eq(type, SLICE("computer_screenshot")) ||
	    f[P_IMAGE].n)
		return ITEM_IMAGE;
	if (slice_eq(type, SLICE("input_audio")) || f[P_AUDIO].n)
		return ITEM_AUDIO;
	return f[P_FILE_ID].n || f[P_FILE_DATA].n || f[P_FILE_URL].n ? ITEM_FILE : ITEM_OTHER;
}

static void media(struct body_item *it, const slice *f)
{
	slice audio[P_FIELDS] = {{0}};
	it->detail = body_string(f[P_DETAIL]);
	if (f[P_IMAGE].n || f[P_FILE_DATA].n)
		body_address(it, body_string(f[P_IMAGE].n ? f[P_IMAGE] : f[P_FILE_DATA]));
	else
		it->url = body_string(f[P_FILE_ID].n ? f[P_FILE_ID] : f[P_FILE_URL]);
	if (it->kind != ITEM_AUDIO)
		return;
	body_fields(f[P_AUDIO], WIRE_WORDS(part_fields), audio);
	it->data = body_string(audio[P_DATA].n ? audio[P_DATA] : f[P_DATA]);
	it->media_type = body_string(audio[P_FORMAT].n ? audio[P_FORMAT] : f[P_FORMAT]);
}

static void give_part(struct body_walk *w, slice raw, const struct body_item *like)
{
	slice f[P_FIELDS] = {{0}};
	struct body_item it = *like;
	it.raw = raw;
	it.in_result = like->kind == ITEM_TOOL_RESULT;
	if (!body_fields(raw, WIRE_WORDS(part_fields), f) || f[P_TEXT].n) {
		body_words(&it, f[P_TEXT].n ? f[P_TEXT] : raw);
		body_give(w, &it);
		return;
	}
	enum item_kind kind = media_kind(body_string(f[P_TYPE]).raw, f);
	if (kind == ITEM_OTHER) {
		it.json = raw;
		it.kind =
		    like->kind == ITEM_TOOL_RESULT || like->kind == ITEM_THINKING ? like->kind : ITEM_OTHER;
	} else {
		it.kind = kind;
		media(&it, f);
	}
	body_give(w, &it);
}

/* A text, one part, or a list of parts. */
static void give_parts(struct body_walk *w, slice value, struct body_item like)
{
	struct body_elements e;
	slice part;
	if (body_elements(value, &e)) {
		for (; w->rc == 0 && body_next(&e, &part); like.more = true)
			give_part(w, part, &like);
	} else if (value.n) {
		give_part(w, value, &like);
	}
}

static void give_message(struct body_walk *w, const slice *f)
{
	static const struct wire_word roles[] = {
	    WIRE_WORD("system", ITEM_SYSTEM),
	    WIRE_WORD("developer", ITEM_SYSTEM),
	    WIRE_WORD("user", ITEM_USER_TEXT),
	    WIRE_WORD("assistant", ITEM_ASSISTANT_TEXT),
	};
	json_str role = body_string(f[I_ROLE]);
	int kind = wire_word(&role, WIRE_WORDS(roles));
	struct body_item it = {.kind = kind == WIRE_NONE ? ITEM_USER_TEXT : (enum item_kind)kind};
	it.assistant = kind == ITEM_ASSISTANT_TEXT;
	give_parts(w, f[I_CONTENT], it);
}

/* What the model thought: its summary, its own words when they are there, and the sealed form of them. */
static void give_thinking(struct body_walk *w, slice raw, const slice *f)
{
	struct body_item it = {.kind = ITEM_THINKING, .assistant = true};
	give_parts(w, f[I_SUMMARY], it);
	give_parts(w, f[I_CONTENT], it);
	it.raw = raw;
	it.sealed = body_string(f[I_SEALED]);
	if (f[I_SEALED].n)
		body_give(w, &it);
}

static bool failed(const slice *f)
{
	return f[I_ERROR].n || body_is(f[I_STATUS], SLICE("failed")) ||
	       body_is(f[I_STATUS], SLICE("incomplete"));
}

/* `of` is the type without its ending. Calls with an output in them ran at the provider. */
static void give_call(struct body_walk *w, slice raw, slice of, const slice *f)
{
	static const struct wire_word clients[] = {
	    WIRE_WORD("function", 1),    WIRE_WORD("custom_tool", 1), WIRE_WORD("local_shell", 1),
	    WIRE_WORD("shell", 1),       WIRE_WORD("apply_patch", 1), WIRE_WORD("computer", 1),
	    WIRE_WORD("tool_search", 1),
	};
	json_str type = body_literal(of);
	struct body_item it = {.kind = ITEM_TOOL_CALL, .raw = raw, .assistant = true};
	it.name = f[I_NAME].n ? body_string(f[I_NAME]) : type;
	it.space = body_string(f[I_SPACE]);
	it.call_id = body_string(f[I_CALL_ID].n ? f[I_CALL_ID] : f[I_ID]);
	it.by_provider = wire_word(&type, WIRE_WORDS(clients)) == WIRE_NONE;
	body_words(&it, f[I_ARGUMENTS]);
	body_give(w, &it);
	if (!it.by_provider || !(f[I_OUTPUT].n || f[I_ERROR].n))
		return;
	it.kind = ITEM_TOOL_RESULT;
	it.is_error = failed(f);
	body_words(&it, f[I_OUTPUT].n ? f[I_OUTPUT] : f[I_ERROR]);
	body_give(w, &it);
}

static void give_result(struct body_walk *w, slice raw, slice of, const slice *f)
{
	static const struct wire_word named[] = {WIRE_WORD("function_call", 1),
	                                         WIRE_WORD("custom_tool_call", 1)};
	json_str type = body_literal(of);
	struct body_item it = {.kind = ITEM_TOOL_RESULT, .raw = raw};
	it.call_id = body_string(f[I_CALL_ID].n ? f[I_CALL_ID] : f[I_ID]);
	it.is_error = failed(f);
	if (wire_word(&type, WIRE_WORDS(named)) == WIRE_NONE)
		it.name = body_literal(slice_ends(of, SLICE("_call")) ? slice_sub(of, 0, of.n - 5) : of);
	if (f[I_OUTPUT].n)
		give_parts(w, f[I_OUTPUT], it);
	else
		body_give(w, &it);
}

static void read_tool(struct body_walk *w, slice raw);

/* Tools that come with a message. */
static void read_tools(struct body_walk *w, slice list)
{
	struct body_elements e;
	slice tool;
	if (body_elements(list, &e))
		while (w->rc == 0 && body_next(&e, &tool))
			read_tool(w, tool);
}

static void read_item(struct body_walk *w, slice raw)
{
	slice f[I_FIELDS] = {{0}};
	struct body_item it = {.kind = ITEM_USER_TEXT, .raw = raw};
	if (!body_fields(raw, WIRE_WORDS(item_fields), f)) {
		body_words(&it, raw);
		body_give(w, &it);
		return;
	}
	slice type = body_string(f[I_TYPE]).raw;
	if (f[I_TYPE].n == 0 || slice_eq(type, SLICE("message"))) {
		give_message(w, f);
	} else if (slice_eq(type, SLICE("reasoning"))) {
		give_thinking(w, raw, f);
	} else if (slice_ends(type, SLICE("_call"))) {
		give_call(w, raw, slice_sub(type, 0, type.n - 5), f);
	} else if (slice_ends(type, SLICE("_output"))) {
		give_result(w, raw, slice_sub(type, 0, type.n - 7), f);
	} else if (slice_eq(type, SLICE("additional_tools"))) {
		read_tools(w, f[I_OUTPUT]);
	} else { /* a reference, a compaction, a list of an MCP server's tools */
		it.kind = ITEM_OTHER;
		it.sealed = body_string(f[I_SEALED]);
		it.space = body_string(f[I_SPACE]);
		it.json = it.data.raw.p ? SLICE_NONE : f[I_OUTPUT];
		body_give(w, &it);
	}
}

static void read_system(struct body_walk *w, slice raw)
{
	struct body_item it = {.kind = ITEM_SYSTEM};
	give_parts(w, raw, it);
}

enum { T_TYPE, T_NAME, T_SERVER, T_TOOLS, T_FIELDS };
static const struct wire_word tool_fields[] = {
    WIRE_WORD("type", T_TYPE),
    WIRE_WORD("name", T_NAME),
    WIRE_WORD("server_label", T_SERVER),
    WIRE_WORD("tools", T_TOOLS),
};

static void give_tool(struct body_walk *w, slice raw, json_str space, const slice *f)
{
	static const struct wire_word clients[] = {
	    WIRE_WORD("function", 1),
	    WIRE_WORD("custom", 1),
	    WIRE_WORD("local_shell", 1),
	    WIRE_WORD("shell", 1),
	    WIRE_WORD("computer", 1),
	    WIRE_WORD("apply_patch", 1),
	    WIRE_WORD("computer_use_preview", 1),
	    WIRE_WORD("tool_search", 1),
	};
	struct body_item it = {.kind = ITEM_TOOL_DEFINITION, .raw = raw, .json = raw};
	json_str type = body_string(f[T_TYPE]);
	it.name = f[T_NAME].n ? body_string(f[T_NAME]) : type;
	it.space = f[T_SERVER].n ? body_string(f[T_SERVER]) : space;
	it.by_provider = type.raw.p && wire_word(&type, WIRE_WORDS(clients)) == WIRE_NONE;
	body_give(w, &it);
}

/* A tool, or a namespace of tools. */
static void read_tool(struct body_walk *w, slice raw)
{
	slice f[T_FIELDS] = {{0}}, tool;
	struct body_elements e;
	if (!body_fields(raw, WIRE_WORDS(tool_fields), f))
		return;
	if (!body_is(f[T_TYPE], SLICE("namespace")) || !body_elements(f[T_TOOLS], &e)) {
		give_tool(w, raw, (json_str){SLICE_NONE, false}, f);
		return;
	}
	while (w->rc == 0 && body_next(&e, &tool)) {
		slice inner[T_FIELDS] = {{0}};
		if (body_fields(tool, WIRE_WORDS(tool_fields), inner))
			give_tool(w, tool, body_string(f[T_NAME]), inner);
	}
}

int codec_openai_responses_items(const struct request_view *v, const struct body_span *s,
                                 body_item_fn *on_item, void *arg)
{
	static body_reader *const readers[] = {
	    [BODY_TOOLS] = read_tool, [BODY_SYSTEM] = read_system, [BODY_MESSAGES] = read_item};
	(void)v;
	return body_walk(s, readers[s->section], on_item, arg);
}
