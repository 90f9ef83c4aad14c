/* Requests of chat completions, read into a view in one pass (platform.openai.com/docs/api-reference/chat),
 * and the edit that asks a stream for its usage. */
#include "codec/codec.h"

#include "base/num.h"
#include "model/wire.h"

enum {
	R_MODEL,
	R_LIMIT,
	R_OLD_LIMIT,
	R_STREAM,
	R_STREAM_OPTIONS,
	R_TOOLS,
	R_FUNCTIONS,
	R_MESSAGES,
	R_CHOICES,
	R_EFFORT,
	R_REASONING,
	R_TIER,
	R_USER,
	R_SESSION,
	R_METADATA,
	R_SEARCH,
	R_PROMPT,
	R_BEST_OF,
};

static const struct wire_word request_fields[] = {
    WIRE_WORD("model", R_MODEL),
    WIRE_WORD("max_tokens", R_OLD_LIMIT),
    WIRE_WORD("max_completion_tokens", R_LIMIT),
    WIRE_WORD("stream", R_STREAM),
    WIRE_WORD("stream_options", R_STREAM_OPTIONS),
    WIRE_WORD("tools", R_TOOLS),
    WIRE_WORD("functions", R_FUNCTIONS),
    WIRE_WORD("messages", R_MESSAGES),
    WIRE_WORD("n", R_CHOICES),
    WIRE_WORD("reasoning_effort", R_EFFORT),
    WIRE_WORD("reasoning", R_REASONING),
    WIRE_WORD("service_tier", R_TIER),
    WIRE_WORD("user", R_USER),
    WIRE_WORD("prompt_cache_key", R_SESSION),
    WIRE_WORD("metadata", R_METADATA),
    WIRE_WORD("web_search_options", R_SEARCH),
    /* of the older completions */
    WIRE_WORD("prompt", R_PROMPT),
    WIRE_WORD("best_of", R_BEST_OF),
};

struct reading {
	struct request_view *v;
	struct arena *mem;
	int64_t prompts; /* texts to be completed, each paid for */
	/* of the message being read */
	bool system;
	slice content;
};

enum { P_IMAGE_URL, P_FILE, P_URL, P_FILE_ID };
static const struct wire_word part_fields[] = {
    WIRE_WORD("image_url", P_IMAGE_URL),
    WIRE_WORD("video_url", P_IMAGE_URL),
    WIRE_WORD("file", P_FILE),
};
static const struct wire_word reference_fields[] = {
    WIRE_WORD("url", P_URL),
    WIRE_WORD("file_id", P_FILE_ID),
};

/* A URL that is not a data: one, or the id of a file kept by the provider. */
static void read_reference(struct json *j, int id, void *arg)
{
	struct request_view *v = arg;
	json_str s;
	if (!json_opt_string(j, &s))
		return;
	if (id == P_FILE_ID ? s.raw.n > 0 : !slice_starts(s.raw, SLICE("data:")))
		v->hidden_input = true;
}

static void read_part_field(struct json *j, int id, void *arg)
{
	if (id == P_IMAGE_URL && json_peek(j) == JSON_STRING)
		read_reference(j, P_URL, arg);
	else
		wire_object(j, WIRE_WORDS(reference_fields), read_reference, arg);
}

static void read_part(struct json *j, int index, void *arg)
{
	(void)index;
	wire_object(j, WIRE_WORDS(part_fields), read_part_field, arg);
}

enum { M_ROLE, M_CONTENT, M_AUDIO };
static const struct wire_word message_fields[] = {
    WIRE_WORD("role", M_ROLE), WIRE_WORD("content", M_CONTENT),
    WIRE_WORD("audio", M_AUDIO), /* an earlier answer, by its id */
};

static void read_message_field(struct json *j, int id, void *arg)
{
	static const struct wire_word system_roles[] = {WIRE_WORD("system", 1), WIRE_WORD("developer", 1)};
	struct reading *r = arg;
	const char *from = (json_peek(j), j->p);
	switch (id) {
	case M_ROLE:
		r->system = wire_read_word(j, WIRE_WORDS(system_roles)) == 1;
		break;
	case M_CONTENT:
		wire_array(j, read_part, r->v);
		r->content = slice_make(from, (size_t)(j->p - from));
		break;
	default:
		r->v->hidden_input = r->v->hidden_input || json_peek(j) == JSON_OBJECT;
		json_skip(j, NULL);
	}
}

/* The view's system is what the first message says when it is the system's. */
static void read_message(struct json *j, int index, void *arg)
{
	struct reading *r = arg;
	r->system = false;
	r->content = SLICE_NONE;
	wire_object(j, WIRE_WORDS(message_fields), read_message_field, r);
	if (index == 0 && r->system)
		r->v->system = r->content;
}

/* Anything but a function or a custom tool runs at the provider. */
static void read_tool_type(struct json *j, int id, void *arg)
{
	static const struct wire_word clients[] = {WIRE_WORD("function", 1), WIRE_WORD("custom", 1)};
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

/* A number of choices that cannot be read could be more than one. best_of makes as many and gives the n best
 * of them. */
static void read_choices(struct json *j, struct request_view *v)
{
	int64_t n = -1;
	const char *at = (json_peek(j), j->p);
	if (json_peek(j) == JSON_NULL) {
		json_skip(j, NULL);
		return;
	}
	wire_count(j, &n);
	if (n < 0)
		wire_fail(j, at, "n and best_of are whole numbers");
	v->choices = num_max_i64(v->choices, n);
}

static void count_prompt(struct json *j, int index, void *arg)
{
	struct reading *r = arg;
	(void)index;
	/* one text, or the numbers of one text's tokens */
	r->prompts += json_peek(j) != JSON_NUMBER;
	json_skip(j, NULL);
}

static void read_prompt(struct json *j, struct reading *r)
{
	if (json_peek(j) == JSON_ARRAY)
		r->v->message_count = wire_elements(j, &r->v->messages, count_prompt, r);
	else
		wire_range(j, &r->v->messages);
}

/* Two names for one limit: OpenAI refuses both together, and a limit must bind whichever a provider reads. */
static void read_limit(struct json *j, struct request_view *v)
{
	bool null = json_peek(j) == JSON_NULL, before = v->max_output_raw.n > 0;
	if (null && before) {
		json_skip(j, NULL);
		return;
	}
	if (before && v->max_output_raw.p[0] != 'n')
		wire_fail(j, j->p, "max_tokens and max_completion_tokens cannot both be given");
	wire_limit(j, v);
}

static void read_include_usage(struct json *j, int id, void *arg)
{
	struct request_view *v = arg;
	(void)id;
	json_opt_bool(j, &v->wants_usage);
}

static void read_effort(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	(void)id;
	wire_text(j, r->mem, &r->v->effort);
}

static void read_stream_options(struct json *j, struct request_view *v)
{
	static const struct wire_word include_usage[] = {WIRE_WORD("include_usage", 0)};
	const char *from = (json_peek(j), j->p);
	wire_object_once(j, WIRE_WORDS(include_usage), read_include_usage, v);
	v->stream_options = slice_make(from, (size_t)(j->p - from));
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
	case R_OLD_LIMIT:
		read_limit(j, v);
		break;
	case R_STREAM:
		json_opt_bool(j, &v->stream);
		break;
	case R_STREAM_OPTIONS:
		read_stream_options(j, v);
		break;
	case R_TOOLS:
		v->tool_count = wire_elements(j, &v->tools, read_tool, v);
		break;
	case R_FUNCTIONS: /* the older form of tools */
		if (v->tools.n)
			json_skip(j, NULL);
		else
			v->tool_count = wire_elements(j, &v->tools, read_part, v);
		break;
	case R_MESSAGES:
		v->message_count = wire_elements(j, &v->messages, read_message, r);
		break;
	case R_CHOICES:
	case R_BEST_OF:
		read_choices(j, v);
		break;
	case R_PROMPT:
		if (v->api == API_OPENAI_COMPLETIONS)
			read_prompt(j, r);
		else
			json_skip(j, NULL);
		break;
	case R_EFFORT:
		read_effort(j, 0, r);
		break;
	case R_REASONING:
		wire_object_once(j, WIRE_WORDS(effort), read_effort, r);
		break;
	case R_TIER:
		wire_text(j, r->mem, &v->service_tier);
		break;
	case R_USER:
		wire_text(j, r->mem, &v->user_id);
		break;
	case R_SESSION:
		wire_text(j, r->mem, &v->session_hint);
		break;
	case R_METADATA:
		wire_range(j, &v->client_metadata);
		break;
	default:
		v->hidden_input = v->hidden_input || json_peek(j) != JSON_NULL;
		json_skip(j, NULL);
	}
}

/* Azure's dated versions have stream_options since 2024-09-01-preview and refuse it before; nothing is added
 * there, and so nothing hidden. */
static bool has_stream_options(const struct target *t)
{
	slice rest = t->query, part;
	while (t->dialect == DIALECT_AZURE && slice_split(&rest, '&', &part))
		if (slice_starts(part, SLICE("api-version=20")))
			return slice_cmp(slice_sub(part, 12, part.n), SLICE("2024-09-01")) >= 0;
	return true;
}

int codec_openai_chat_request(const struct target *t, slice body, struct arena *mem, struct request_view *out,
                              struct error *e)
{
	struct reading r = {.v = out, .mem = mem};
	int rc = wire_request(out, t->api, body, WIRE_WORDS(request_fields), read_request_field, &r, e);
	if (rc)
		return rc;
	if (r.prompts > 1)
		out->choices = out->choices > INT64_MAX / r.prompts ? INT64_MAX : out->choices * r.prompts;
	codec_path_model(t, out);
	out->wants_usage = out->wants_usage || !has_stream_options(t);
	return out->model.n ? 0 : wire_no_model(e);
}

bool codec_openai_chat_edits_stream(const struct request_view *v)
{
	return v && v->stream && !v->wants_usage;
}

/* Where include_usage's value stands in stream_options; n 0 when it is not there. */
static void find_include_usage(struct json *j, int id, void *arg)
{
	(void)id;
	json_skip(j, arg);
}

int codec_openai_chat_prepare(const struct request_view *v, struct json_edits *edits, struct arena *mem)
{
	static const struct wire_word include_usage[] = {WIRE_WORD("include_usage", 0)};
	(void)mem;
	if (!codec_openai_chat_edits_stream(v))
		return 0;
	size_t from = v->stream_options.n ? (size_t)(v->stream_options.p - v->body.p) : 0;
	struct json j;
	slice value = SLICE_NONE;
	bool ok;
	if (!v->stream_options.n) {
		ptrdiff_t brace = slice_find_char(v->body, '{');
		ok = brace >= 0 && json_edit_insert(edits, (size_t)brace + 1,
		                                    SLICE("\"stream_options\":{\"include_usage\":true},"));
	} else if (v->stream_options.p[0] != '{') {
		ok = json_edit_replace(edits, from, from + v->stream_options.n,
		                       SLICE("{\"include_usage\":true}"));
	} else {
		json_init(&j, v->stream_options);
		wire_object(&j, WIRE_WORDS(include_usage), find_include_usage, &value);
		size_t at = value.n ? (size_t)(value.p - v->body.p) : 0;
		bool empty = slice_trim(slice_sub(v->stream_options, 1, v->stream_options.n - 1)).n == 0;
		if (value.n)
			ok = json_edit_replace(edits, at, at + value.n, SLICE("true"));
		else
			ok = json_edit_insert(edits, from + 1,
			                      empty ? SLICE("\"include_usage\":true")
			                            : SLICE("\"include_usage\":true,"));
	}
	return ok ? 0 : ERR_FULL;
}
