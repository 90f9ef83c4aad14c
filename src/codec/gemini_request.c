/* Requests of Gemini's generateContent and countTokens, read into a view in one pass
 * (ai.google.dev/api/generate-content). The body is JSON of protocol buffers: a field may be spelt in camel
 * case or as in the schema, and a number may be a string. */
#include "codec/codec.h"

#include "model/wire.h"

enum { R_CONTENTS, R_SYSTEM, R_TOOLS, R_CONFIG, R_CACHED, R_TIER, R_LABELS };
static const struct wire_word request_fields[] = {
    WIRE_WORD("contents", R_CONTENTS),
    WIRE_WORD("systemInstruction", R_SYSTEM),
    WIRE_WORD("system_instruction", R_SYSTEM),
    WIRE_WORD("tools", R_TOOLS),
    WIRE_WORD("generationConfig", R_CONFIG),
    WIRE_WORD("generation_config", R_CONFIG),
    WIRE_WORD("cachedContent", R_CACHED),
    WIRE_WORD("cached_content", R_CACHED),
    WIRE_WORD("serviceTier", R_TIER),
    WIRE_WORD("service_tier", R_TIER),
    WIRE_WORD("labels", R_LABELS),
};

enum { C_LIMIT, C_CHOICES, C_THINKING, C_BUDGET, C_LEVEL };
static const struct wire_word config_fields[] = {
    WIRE_WORD("maxOutputTokens", C_LIMIT),   WIRE_WORD("max_output_tokens", C_LIMIT),
    WIRE_WORD("candidateCount", C_CHOICES),  WIRE_WORD("candidate_count", C_CHOICES),
    WIRE_WORD("thinkingConfig", C_THINKING), WIRE_WORD("thinking_config", C_THINKING),
};
static const struct wire_word thinking_fields[] = {
    WIRE_WORD("thinkingBudget", C_BUDGET),
    WIRE_WORD("thinking_budget", C_BUDGET),
    WIRE_WORD("thinkingLevel", C_LEVEL),
    WIRE_WORD("thinking_level", C_LEVEL),
};

struct reading {
	struct request_view *v;
	struct arena *mem;
	bool budgeted;
	int64_t budget; /* thinking; -1 asks the model to choose */
	slice level;
};

enum { P_PARTS, P_FILE, P_RESPONSE };
static const struct wire_word content_fields[] = {WIRE_WORD("parts", P_PARTS)};
static const struct wire_word part_fields[] = {
    WIRE_WORD("fileData", P_FILE),
    WIRE_WORD("file_data", P_FILE),
    WIRE_WORD("functionResponse", P_RESPONSE),
    WIRE_WORD("function_response", P_RESPONSE),
};

static void read_part(struct json *j, int index, void *arg);

/* A file or a video is named, not sent. Nesting is capped by the reader's depth. */
static void read_part_field(struct json *j, int id, void *arg)
{
	struct request_view *v = arg;
	if (id == P_PARTS) {
		wire_array(j, read_part, v);
	} else if (id == P_RESPONSE) {
		wire_object(j, WIRE_WORDS(content_fields), read_part_field, v);
	} else {
		v->hidden_input = true;
		json_skip(j, NULL);
	}
}

static void read_part(struct json *j, int index, void *arg)
{
	(void)index;
	wire_object(j, WIRE_WORDS(part_fields), read_part_field, arg);
}

static void read_content(struct json *j, int index, void *arg)
{
	(void)index;
	wire_object(j, WIRE_WORDS(content_fields), read_part_field, arg);
}

/* Declarations count as tools; any other tool runs at the provider, and what it finds is billed as input. */
static void read_declaration(struct json *j, int index, void *arg)
{
	(void)index;
	(void)arg;
	json_skip(j, NULL);
}

static void read_tool(struct json *j, int index, void *arg)
{
	static const struct wire_word clients[] = {
	    WIRE_WORD("functionDeclarations", 1),
	    WIRE_WORD("function_declarations", 1),
	    WIRE_WORD("computerUse", 2),
	    WIRE_WORD("computer_use", 2),
	};
	struct request_view *v = arg;
	json_key k;
	(void)index;
	if (json_peek(j) != JSON_OBJECT) {
		json_skip(j, NULL);
		return;
	}
	json_object(j);
	while (json_next_key(j, &k)) {
		int kind = wire_word(&k, WIRE_WORDS(clients));
		if (kind == 1) {
			v->tool_count += wire_array(j, read_declaration, NULL);
			continue;
		}
		v->hidden_input = v->hidden_input || kind == WIRE_NONE;
		v->tool_count++;
		json_skip(j, NULL);
	}
}

/* A number of candidates that cannot be read could be more than one. */
static void read_choices(struct json *j, struct request_view *v)
{
	int64_t n = -1;
	const char *at = (json_peek(j), j->p);
	if (json_peek(j) == JSON_NULL) {
		json_skip(j, NULL);
		return;
	}
	wire_count_or_digits(j, &n);
	if (n < 0)
		wire_fail(j, at, "candidateCount is not a whole number");
	v->choices = n > 1 ? n : 1;
}

static void read_budget(struct json *j, struct reading *r)
{
	int64_t n = -1;
	r->budgeted = json_peek(j) != JSON_NULL;
	if (json_peek(j) == JSON_STRING)
		wire_count_or_digits(j, &n);
	else
		json_opt_i64(j, &n);
	r->budget = n;
}

static void read_config_field(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	switch (id) {
	case C_LIMIT:
		wire_limit(j, r->v);
		break;
	case C_CHOICES:
		read_choices(j, r->v);
		break;
	case C_THINKING:
		wire_object_once(j, WIRE_WORDS(thinking_fields), read_config_field, r);
		break;
	case C_BUDGET:
		read_budget(j, r);
		break;
	default:
		wire_text(j, r->mem, &r->level);
	}
}

static void read_request_field(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	struct request_view *v = r->v;
	const char *from = (json_peek(j), j->p);
	switch (id) {
	case R_CONTENTS:
		if (json_peek(j) == JSON_OBJECT) { /* a single one is taken too */
			read_content(j, 0, v);
			v->messages = slice_make(from, (size_t)(j->p - from));
			v->message_count = 1;
		} else {
			v->message_count = wire_elements(j, &v->messages, read_content, v);
		}
		break;
	case R_SYSTEM:
		wire_range(j, &v->system);
		break;
	case R_TOOLS:
		wire_elements(j, &v->tools, read_tool, v);
		break;
	case R_CONFIG:
		wire_object_once(j, WIRE_WORDS(config_fields), read_config_field, r);
		break;
	case R_TIER:
		wire_text(j, r->mem, &v->service_tier);
		break;
	case R_LABELS:
		wire_range(j, &v->client_metadata);
		break;
	default: /* cached content */
		v->hidden_input = v->hidden_input || json_peek(j) != JSON_NULL;
		json_skip(j, NULL);
	}
}

int codec_gemini_request(const struct target *t, slice body, struct arena *mem, struct request_view *out,
                         struct error *e)
{
	struct reading r = {.v = out, .mem = mem};
	int rc = wire_request(out, t->api, body, WIRE_WORDS(request_fields), read_request_field, &r, e);
	if (rc)
		return rc;
	out->model = t->model;
	out->stream = t->stream;
	out->effort = r.level;
	if (!r.level.n && r.budgeted)
		out->effort = arena_printf(mem, "budget:%lld", (long long)r.budget);
	return out->model.n ? 0 : wire_no_model(e);
}
