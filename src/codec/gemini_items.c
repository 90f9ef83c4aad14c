/* The content of Gemini's requests (ai.google.dev/api/caching#Content): parts by the field they have. */
#include "codec/codec.h"

enum { P_TEXT, P_THOUGHT, P_INLINE, P_FILE, P_CALL, P_RESPONSE, P_CODE, P_CODE_RESULT, P_SEALED, P_FIELDS };
static const struct wire_word part_fields[] = {
    WIRE_WORD("text", P_TEXT),
    WIRE_WORD("thought", P_THOUGHT),
    WIRE_WORD("inlineData", P_INLINE),
    WIRE_WORD("inline_data", P_INLINE),
    WIRE_WORD("fileData", P_FILE),
    WIRE_WORD("file_data", P_FILE),
    WIRE_WORD("functionCall", P_CALL),
    WIRE_WORD("function_call", P_CALL),
    WIRE_WORD("functionResponse", P_RESPONSE),
    WIRE_WORD("function_response", P_RESPONSE),
    WIRE_WORD("executableCode", P_CODE),
    WIRE_WORD("executable_code", P_CODE),
    WIRE_WORD("codeExecutionResult", P_CODE_RESULT),
    WIRE_WORD("code_execution_result", P_CODE_RESULT),
    WIRE_WORD("thoughtSignature", P_SEALED),
    WIRE_WORD("thought_signature", P_SEALED),
};

enum { V_MIME, V_DATA, V_URI, V_ID, V_NAME, V_ARGS, V_RESPONSE, V_PARTS, V_FIELDS };
/* Of the object within a part. */
static const struct wire_word value_fields[] = {
    WIRE_WORD("mimeType", V_MIME), WIRE_WORD("mime_type", V_MIME),    WIRE_WORD("data", V_DATA),
    WIRE_WORD("fileUri", V_URI),   WIRE_WORD("file_uri", V_URI),      WIRE_WORD("id", V_ID),
    WIRE_WORD("name", V_NAME),     WIRE_WORD("args", V_ARGS),         WIRE_WORD("code", V_ARGS),
    WIRE_WORD("output", V_ARGS),   WIRE_WORD("response", V_RESPONSE), WIRE_WORD("parts", V_PARTS),
};

/* What a part takes from the content that it stands in. */
struct around {
	enum item_kind text;
	bool assistant;
	const struct body_item *result; /* of a function whose response has parts; NULL elsewhere */
};

static bool has_error(slice response)
{
	static const struct wire_word fields[] = {WIRE_WORD("error", 0)};
	slice error = SLICE_NONE;
	return body_fields(response, WIRE_WORDS(fields), &error) && error.n > 0;
}

static void give_media(struct body_walk *w, struct body_item *it, slice value, struct around in)
{
	slice f[V_FIELDS] = {{0}};
	body_fields(value, WIRE_WORDS(value_fields), f);
	it->media_type = body_string(f[V_MIME]);
	it->data = body_string(f[V_DATA]);
	it->url = body_string(f[V_URI]);
	slice type = it->media_type.raw;
	it->kind = slice_starts(type, SLICE("image/"))   ? ITEM_IMAGE
	           : slice_starts(type, SLICE("audio/")) ? ITEM_AUDIO
	                                                 : ITEM_FILE;
	if (in.result) {
		it->call_id = in.result->call_id;
		it->name = in.result->name;
		it->in_result = it->more = true;
	}
	body_give(w, it);
}

static void give_part(struct body_walk *w, slice raw, struct around in);

/* A result, and the media that it brings. */
static void give_response(struct body_walk *w, struct body_item *it, slice value)
{
	slice f[V_FIELDS] = {{0}}, part;
	struct body_elements e;
	body_fields(value, WIRE_WORDS(value_fields), f);
	it->kind = ITEM_TOOL_RESULT;
	it->name = body_string(f[V_NAME]);
	it->call_id = body_string(f[V_ID]);
	it->is_error = has_error(f[V_RESPONSE]);
	body_words(it, f[V_RESPONSE]);
	body_give(w, it);
	if (body_elements(f[V_PARTS], &e))
		while (w->rc == 0 && body_next(&e, &part))
			give_part(w, part, (struct around){ITEM_TOOL_RESULT, false, it});
}

static void give_call(struct body_walk *w, struct body_item *it, slice value)
{
	slice f[V_FIELDS] = {{0}};
	body_fields(value, WIRE_WORDS(value_fields), f);
	it->kind = ITEM_TOOL_CALL;
	it->name = body_string(f[V_NAME]);
	it->call_id = body_string(f[V_ID]);
	body_words(it, f[V_ARGS]);
	body_give(w, it);
}

/* Code that the provider ran, and what it printed. */
static void give_code(struct body_walk *w, struct body_item *it, slice value, enum item_kind kind)
{
	slice f[V_FIELDS] = {{0}};
	body_fields(value, WIRE_WORDS(value_fields), f);
	it->kind = kind;
	it->name = body_literal(SLICE("codeExecution"));
	it->by_provider = true;
	body_words(it, f[V_ARGS]);
	body_give(w, it);
}

static void give_part(struct body_walk *w, slice raw, struct around in)
{
	slice f[P_FIELDS] = {{0}};
	struct body_item it = {.kind = in.text, .raw = raw, .assistant = in.assistant};
	body_fields(raw, WIRE_WORDS(part_fields), f);
	it.sealed = body_string(f[P_SEALED]);
	if (f[P_INLINE].n || f[P_FILE].n) {
		give_media(w, &it, f[P_INLINE].n ? f[P_INLINE] : f[P_FILE], in);
	} else if (in.result) { /* only media stand in a result */
	} else if (f[P_RESPONSE].n) {
		give_response(w, &it, f[P_RESPONSE]);
	} else if (f[P_CALL].n) {
		give_call(w, &it, f[P_CALL]);
	} else if (f[P_CODE].n || f[P_CODE_RESULT].n) {
		give_code(w, &it, f[P_CODE].n ? f[P_CODE] : f[P_CODE_RESULT],
		          f[P_CODE].n ? ITEM_TOOL_CALL : ITEM_TOOL_RESULT);
	} else {
		it.kind = !f[P_TEXT].n ? ITEM_OTHER : body_is_true(f[P_THOUGHT]) ? ITEM_THINKING : in.text;
		body_words(&it, f[P_TEXT].n ? f[P_TEXT] : body_is_string(raw) ? raw : SLICE_NONE);
		body_give(w, &it);
	}
}

/* {"role", "parts"}, or a text by itself. */
static void give_content(struct body_walk *w, slice raw, bool system)
{
	enum { C_ROLE, C_PARTS, C_FIELDS };
	static const struct wire_word fields[] = {WIRE_WORD("role", C_ROLE), WIRE_WORD("parts", C_PARTS)};
	slice f[C_FIELDS] = {{0}}, part;
	struct body_elements e;
	struct around in = {system ? ITEM_SYSTEM : ITEM_USER_TEXT, false, NULL};
	if (body_is_string(raw)) {
		struct body_item it = {.kind = in.text, .raw = raw};
		body_words(&it, raw);
		body_give(w, &it);
		return;
	}
	body_fields(raw, WIRE_WORDS(fields), f);
	if (!system && body_is(f[C_ROLE], SLICE("model")))
		in = (struct around){ITEM_ASSISTANT_TEXT, true, NULL};
	if (body_elements(f[C_PARTS], &e)) {
		while (w->rc == 0 && body_next(&e, &part))
			give_part(w, part, in);
	} else if (f[C_PARTS].n) {
		give_part(w, f[C_PARTS], in);
	}
}

static void read_content(struct body_walk *w, slice raw)
{
	give_content(w, raw, false);
}

static void read_system(struct body_walk *w, slice raw)
{
	give_content(w, raw, true);
}

static void give_declaration(struct body_walk *w, slice raw)
{
	slice f[V_FIELDS] = {{0}};
	struct body_item it = {.kind = ITEM_TOOL_DEFINITION, .raw = raw, .json = raw};
	body_fields(raw, WIRE_WORDS(value_fields), f);
	it.name = body_string(f[V_NAME]);
	body_give(w, &it);
}

/* A set of tools: its declarations, and those of Google's own by the name of their field. */
static void read_tools(struct body_walk *w, slice raw)
{
	static const struct wire_word fields[] = {WIRE_WORD("functionDeclarations", 0),
	                                          WIRE_WORD("function_declarations", 0)};
	struct json j;
	json_key k;
	slice value;
	if (!body_is_object(raw))
		return;
	json_init(&j, raw);
	json_object(&j);
	while (w->rc == 0 && json_next_key(&j, &k) && json_skip(&j, &value)) {
		struct body_elements e;
		if (wire_word(&k, WIRE_WORDS(fields)) == 0 && body_elements(value, &e)) {
			slice declaration;
			while (w->rc == 0 && body_next(&e, &declaration))
				give_declaration(w, declaration);
			continue;
		}
		struct body_item it = {.kind = ITEM_TOOL_DEFINITION,
		                       .raw = value,
		                       .json = value,
		                       .name = k,
		                       .by_provider = true};
		body_give(w, &it);
	}
}

int codec_gemini_items(const struct request_view *v, const struct body_span *s, body_item_fn *on_item,
                       void *arg)
{
	static body_reader *const readers[] = {
	    [BODY_TOOLS] = read_tools, [BODY_SYSTEM] = read_system, [BODY_MESSAGES] = read_content};
	(void)v;
	return body_walk(s, readers[s->section], on_item, arg);
}
