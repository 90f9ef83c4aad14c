/* Requests of OpenAI's Responses, read into a view in one pass
 * (platform.openai.com/docs/api-reference/responses). */
#include "codec/codec.h"

#include "model/wire.h"

enum {
	R_MODEL,
	R_LIMIT,
	R_STREAM,
	R_INSTRUCTIONS,
	R_TOOLS,
	R_INPUT,
	R_REASONING,
	R_TIER,
	R_USER,
	R_SAFETY,
	R_SESSION,
	R_METADATA,
	R_CLIENT_METADATA,
	R_PREVIOUS,
	R_CONVERSATION,
	R_PROMPT,
};

static const struct wire_word request_fields[] = {
    WIRE_WORD("model", R_MODEL),
    WIRE_WORD("max_output_tokens", R_LIMIT),
    WIRE_WORD("stream", R_STREAM),
    WIRE_WORD("instructions", R_INSTRUCTIONS),
    WIRE_WORD("tools", R_TOOLS),
    WIRE_WORD("input", R_INPUT),
    WIRE_WORD("reasoning", R_REASONING),
    WIRE_WORD("service_tier", R_TIER),
    WIRE_WORD("user", R_USER),
    WIRE_WORD("safety_identifier", R_SAFETY),
    WIRE_WORD("prompt_cache_key", R_SESSION),
    WIRE_WORD("metadata", R_METADATA),
    WIRE_WORD("client_metadata", R_CLIENT_METADATA),
    WIRE_WORD("previous_response_id", R_PREVIOUS),
    WIRE_WORD("conversation", R_CONVERSATION),
    WIRE_WORD("prompt", R_PROMPT),
};

struct reading {
	struct request_view *v;
	struct arena *mem;
	slice metadata, client_metadata, user, safety;
	/* of the item being read */
	bool system;
	slice content;
};

/* --- input: what is named but not in the body ------------------------------------------------------------
 */

enum { I_TYPE, I_ROLE, I_CONTENT, I_OUTPUT, I_URL, I_FILE_ID };
static const struct wire_word part_fields[] = {
    WIRE_WORD("image_url", I_URL),
    WIRE_WORD("file_url", I_URL),
    WIRE_WORD("file_id", I_FILE_ID),
};
static const struct wire_word item_fields[] = {
    WIRE_WORD("type", I_TYPE),       WIRE_WORD("role", I_ROLE),     WIRE_WORD("content", I_CONTENT),
    WIRE_WORD("output", I_OUTPUT),   WIRE_WORD("image_url", I_URL), WIRE_WORD("file_url", I_URL),
    WIRE_WORD("file_id", I_FILE_ID),
};

static void read_part_field(struct json *j, int id, void *arg)
{
	struct request_view *v = arg;
	json_str s;
	if (!json_opt_string(j, &s))
		return;
	if (id == I_FILE_ID ? s.raw.n > 0 : !slice_starts(s.raw, SLICE("data:")))
		v->hidden_input = true;
}

static void read_part(struct json *j, int index, void *arg)
{
	(void)index;
	wire_object(j, WIRE_WORDS(part_fields), read_part_field, arg);
}

/* content and output: a text, an object or a list of parts. */
static void read_parts(struct json *j, struct request_view *v)
{
	if (json_peek(j) == JSON_ARRAY)
		wire_array(j, read_part, v);
	else
		read_part(j, 0, v);
}

static void read_item_field(struct json *j, int id, void *arg)
{
	static const struct wire_word system_roles[] = {WIRE_WORD("system", 1), WIRE_WORD("developer", 1)};
	static const struct wire_word references[] = {WIRE_WORD("item_reference", 1)};
	struct reading *r = arg;
	const char *from = (json_peek(j), j->p);
	switch (id) {
	case I_TYPE:
		if (wire_read_word(j, WIRE_WORDS(references)) == 1)
			r->v->hidden_input = true;
		break;
	case I_ROLE:
		r->system = wire_read_word(j, WIRE_WORDS(system_roles)) == 1;
		break;
	case I_CONTENT:
		read_parts(j, r->v);
		r->content = slice_make(from, (size_t)(j->p - from));
		break;
	case I_OUTPUT:
		read_parts(j, r->v);
		break;
	default:
		read_part_field(j, id, r->v);
	}
}

static void read_item(struct json *j, int index, void *arg)
{
	struct reading *r = arg;
	r->system = false;
	r->content = SLICE_NONE;
	wire_object(j, WIRE_WORDS(item_fields), read_item_field, r);
	if (index == 0 && r->system && !r->v->system.n)
		r->v->system = r->content;
}

static void read_input(struct json *j, struct reading *r)
{
	struct request_view *v = r->v;
	if (json_peek(j) == JSON_ARRAY) {
		v->message_count = wire_elements(j, &v->messages, read_item, r);
	} else {
		wire_range(j, &v->messages);
		v->message_count = v->messages.n > 0;
	}
}

/* --- the rest --------------------------------------------------------------------------------------------
 */

/* Tools that the client runs, or that bring in nothing that is not in the body; what others find is billed as
 * input. */
static void read_tool_type(struct json *j, int id, void *arg)
{
	static const struct wire_word clients[] = {
	    WIRE_WORD("function", 1),    WIRE_WORD("custom", 1),    WIRE_WORD("local_shell", 1),
	    WIRE_WORD("apply_patch", 1), WIRE_WORD("computer", 1),  WIRE_WORD("computer_use_preview", 1),
	    WIRE_WORD("tool_search", 1), WIRE_WORD("namespace", 1),
	};
	struct request_view *v = arg;
	(void)id;
	if (wire_read_word(j, WIRE_WORDS(clients)) != 1)
		v->hidden_input = true;
}

static void read_tool(struct json *j, int index, void *arg)
{
	static const struct wire_word type[] = {WIRE_WORD("type", 0)};
	(void)index;
	wire_object(j, WIRE_WORDS(type), read_tool_type, arg);
}

static void read_effort(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	(void)id;
	wire_text(j, r->mem, &r->v->effort);
}

static void read_request_field(struct json *j, int id, void *arg)
{
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
	case R_INSTRUCTIONS:
		wire_range(j, &v->system);
		break;
	case R_TOOLS:
		v->tool_count = wire_elements(j, &v->tools, read_tool, v);
		break;
	case R_INPUT:
		read_input(j, r);
		break;
	case R_REASONING:
		wire_object_once(j, WIRE_WORDS(effort), read_effort, r);
		break;
	case R_TIER:
		wire_text(j, r->mem, &v->service_tier);
		break;
	case R_USER:
		wire_text(j, r->mem, &r->user);
		break;
	case R_SAFETY:
		wire_text(j, r->mem, &r->safety);
		break;
	case R_SESSION:
		wire_text(j, r->mem, &v->session_hint);
		break;
	case R_METADATA:
		wire_range(j, &r->metadata);
		break;
	case R_CLIENT_METADATA:
		wire_range(j, &r->client_metadata);
		break;
	default: /* an earlier answer, a conversation or a prompt that the provider keeps */
		v->hidden_input = v->hidden_input || json_peek(j) != JSON_NULL;
		json_skip(j, NULL);
	}
}

int codec_openai_responses_request(const struct target *t, slice body, struct arena *mem,
                                   struct request_view *out, struct error *e)
{
	struct reading r = {.v = out, .mem = mem};
	int rc = wire_request(out, t->api, body, WIRE_WORDS(request_fields), read_request_field, &r, e);
	if (rc)
		return rc;
	out->client_metadata = r.client_metadata.n ? r.client_metadata : r.metadata;
	out->user_id = r.user.n ? r.user : r.safety;
	return out->model.n ? 0 : wire_no_model(e);
}
