/* Requests of Bedrock's runtime, read into views in one pass. Converse:
 * docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html */
#include "codec/codec.h"

#include "model/wire.h"

enum { R_MESSAGES, R_SYSTEM, R_TOOLS, R_CONFIG, R_MORE, R_TIER, R_PERFORMANCE, R_METADATA, R_PROMPT };
static const struct wire_word request_fields[] = {
    WIRE_WORD("messages", R_MESSAGES),
    WIRE_WORD("system", R_SYSTEM),
    WIRE_WORD("toolConfig", R_TOOLS),
    WIRE_WORD("inferenceConfig", R_CONFIG),
    WIRE_WORD("additionalModelRequestFields", R_MORE),
    WIRE_WORD("serviceTier", R_TIER),
    WIRE_WORD("performanceConfig", R_PERFORMANCE),
    WIRE_WORD("requestMetadata", R_METADATA),
    WIRE_WORD("promptVariables", R_PROMPT),
};

struct reading {
	struct request_view *v;
	struct arena *mem;
	int64_t budget; /* of thinking; TOKENS_ABSENT */
	slice effort;
};

enum { I_TOOLS, I_LIMIT, I_TYPE, I_LATENCY, I_THINKING, I_BUDGET, I_EFFORT, I_OUTPUT_CONFIG, I_OTHER_LIMIT };
static const struct wire_word tool_fields[] = {WIRE_WORD("tools", I_TOOLS)};
static const struct wire_word config_fields[] = {WIRE_WORD("maxTokens", I_LIMIT)};
static const struct wire_word tier_fields[] = {WIRE_WORD("type", I_TYPE)};
static const struct wire_word performance_fields[] = {WIRE_WORD("latency", I_LATENCY)};
/* Of the model's own fields: what thinks, and a limit that might outdo maxTokens. */
static const struct wire_word more_fields[] = {
    WIRE_WORD("thinking", I_THINKING),
    WIRE_WORD("reasoning_config", I_THINKING),
    WIRE_WORD("output_config", I_OUTPUT_CONFIG),
    WIRE_WORD("max_tokens", I_OTHER_LIMIT),
};
static const struct wire_word thinking_fields[] = {WIRE_WORD("budget_tokens", I_BUDGET)};
static const struct wire_word effort_fields[] = {WIRE_WORD("effort", I_EFFORT)};

enum { M_CONTENT, M_SOURCE, M_MEDIA, M_S3 };
static const struct wire_word message_fields[] = {WIRE_WORD("content", M_CONTENT)};
static const struct wire_word block_fields[] = {
    WIRE_WORD("image", M_MEDIA),   WIRE_WORD("document", M_MEDIA),   WIRE_WORD("video", M_MEDIA),
    WIRE_WORD("audio", M_MEDIA),   WIRE_WORD("toolResult", M_MEDIA), WIRE_WORD("content", M_CONTENT),
    WIRE_WORD("source", M_SOURCE),
};
static const struct wire_word source_fields[] = {WIRE_WORD("s3Location", M_S3)};

static void read_block(struct json *j, int index, void *arg);

/* What is not in the body but named by it. Nesting is capped by the reader's depth. */
static void read_block_field(struct json *j, int id, void *arg)
{
	struct request_view *v = arg;
	switch (id) {
	case M_CONTENT:
		wire_array(j, read_block, v);
		break;
	case M_MEDIA:
		wire_object(j, WIRE_WORDS(block_fields), read_block_field, v);
		break;
	case M_SOURCE:
		wire_object(j, WIRE_WORDS(source_fields), read_block_field, v);
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

/* A tool of AWS's own runs there, and what it finds is billed as input. */
static void read_tool_field(struct json *j, int id, void *arg)
{
	struct request_view *v = arg;
	(void)id;
	v->hidden_input = true;
	json_skip(j, NULL);
}

static void read_tool(struct json *j, int index, void *arg)
{
	static const struct wire_word fields[] = {WIRE_WORD("systemTool", 0)};
	(void)index;
	wire_object(j, WIRE_WORDS(fields), read_tool_field, arg);
}

static void read_inner(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	switch (id) {
	case I_TOOLS:
		r->v->tool_count = wire_elements(j, &r->v->tools, read_tool, r->v);
		break;
	case I_LIMIT:
		wire_limit(j, r->v);
		break;
	case I_OTHER_LIMIT: /* which of two binds is the model's choice: neither is relied on */
		wire_fail(j, j->p,
		          "max_tokens stands in additionalModelRequestFields: use "
		          "inferenceConfig.maxTokens");
		break;
	case I_TYPE:
		wire_text(j, r->mem, &r->v->service_tier);
		break;
	case I_LATENCY:
		wire_text(j, r->mem, &r->v->speed);
		break;
	case I_THINKING:
		wire_object_once(j, WIRE_WORDS(thinking_fields), read_inner, r);
		break;
	case I_BUDGET:
		wire_count(j, &r->budget);
		break;
	case I_OUTPUT_CONFIG:
		wire_object_once(j, WIRE_WORDS(effort_fields), read_inner, r);
		break;
	default:
		wire_text(j, r->mem, &r->effort);
	}
}

static void read_request_field(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	struct request_view *v = r->v;
	switch (id) {
	case R_MESSAGES:
		v->message_count = wire_elements(j, &v->messages, read_message, v);
		break;
	case R_SYSTEM:
		wire_range(j, &v->system);
		break;
	case R_TOOLS:
		wire_object_once(j, WIRE_WORDS(tool_fields), read_inner, r);
		break;
	case R_CONFIG:
		wire_object_once(j, WIRE_WORDS(config_fields), read_inner, r);
		break;
	case R_MORE:
		wire_object_once(j, WIRE_WORDS(more_fields), read_inner, r);
		break;
	case R_TIER:
		wire_object_once(j, WIRE_WORDS(tier_fields), read_inner, r);
		break;
	case R_PERFORMANCE:
		wire_object_once(j, WIRE_WORDS(performance_fields), read_inner, r);
		break;
	case R_METADATA:
		wire_range(j, &v->client_metadata);
		break;
	default: /* a prompt that AWS keeps */
		v->hidden_input = v->hidden_input || json_peek(j) != JSON_NULL;
		json_skip(j, NULL);
	}
}

int codec_bedrock_converse_request(const struct target *t, slice body, struct arena *mem,
                                   struct request_view *out, struct error *e)
{
	struct reading r = {.v = out, .mem = mem, .budget = TOKENS_ABSENT};
	int rc = wire_request(out, t->api, body, WIRE_WORDS(request_fields), read_request_field, &r, e);
	if (rc)
		return rc;
	out->stream = t->stream;
	out->effort = r.effort;
	if (!r.effort.n && r.budget >= 0)
		out->effort = arena_printf(mem, "budget:%lld", (long long)r.budget);
	codec_path_model(t, out);
	return out->model.n ? 0 : wire_no_model(e);
}
