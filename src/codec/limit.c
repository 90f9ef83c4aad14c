/* The limits that a request is sent with, of output and of calls of the provider's own tools, in place of the
 * client's or of none: one number, every other byte as it was. */
#include "codec/codec.h"

#include "base/num.h"
#include "model/wire.h"

/* Anthropic's least thinking.budget_tokens (platform.claude.com/docs, extended thinking). */
#define THINKING_LEAST 1024

/* Where each API keeps the limit of output. */
static const struct {
	enum api api;
	const char *parent; /* the object it stands in; NULL: the request itself */
	const char *name;
} places[] = {
    {API_ANTHROPIC_MESSAGES, NULL, "max_tokens"},
    {API_OPENAI_CHAT, NULL, "max_completion_tokens"},
    {API_OPENAI_RESPONSES, NULL, "max_output_tokens"},
    {API_GEMINI_GENERATE, "generationConfig", "maxOutputTokens"},
    {API_BEDROCK_CONVERSE, "inferenceConfig", "maxTokens"},
};

/* The raw value of a member of an object; n 0: it has none. */
static slice member(slice object, const char *name)
{
	struct json j;
	json_key k;
	slice raw;
	json_init(&j, object);
	if (!json_object(&j))
		return SLICE_NONE;
	while (json_next_key(&j, &k)) {
		if (!json_skip(&j, &raw))
			return SLICE_NONE;
		if (json_key_is(&k, slice_of(name)))
			return raw;
	}
	return SLICE_NONE;
}

static bool replace(struct json_edits *e, slice body, slice raw, slice with)
{
	size_t from = (size_t)(raw.p - body.p);
	return with.p && json_edit_replace(e, from, from + raw.n, with);
}

/* A member at the beginning of an object. */
static bool insert(struct json_edits *e, slice body, slice object, slice name_and_value, struct arena *mem)
{
	ptrdiff_t brace = slice_find_char(object, '{');
	if (brace < 0)
		return false;
	slice rest = slice_trim(slice_sub(object, (size_t)brace + 1, object.n));
	bool empty = rest.n > 0 && rest.p[0] == '}';
	slice with = arena_printf(mem, SLICE_FMT "%s", SLICE_ARG(name_and_value), empty ? "" : ",");
	return with.p && json_edit_insert(e, (size_t)(object.p - body.p) + (size_t)brace + 1, with);
}

static bool insert_limit(const struct request_view *v, size_t place, slice number, struct json_edits *e,
                         struct arena *mem)
{
	const char *parent = places[place].parent, *name = places[place].name;
	slice own = arena_printf(mem, "\"%s\":" SLICE_FMT, name, SLICE_ARG(number));
	if (own.p == NULL)
		return false;
	slice object = parent ? member(v->body, parent) : v->body;
	if (object.n && object.p[0] == '{')
		return insert(e, v->body, object, own, mem);
	slice with = arena_printf(mem, "{" SLICE_FMT "}", SLICE_ARG(own));
	if (with.p == NULL)
		return false;
	if (object.n) /* null, or what is not an object */
		return replace(e, v->body, object, with);
	return parent == NULL ? insert(e, v->body, v->body, own, mem)
	                      : insert(e, v->body, v->body,
	                               arena_printf(mem, "\"%s\":" SLICE_FMT, parent, SLICE_ARG(with)), mem);
}

/* Thinking is output too, and its budget must be below the limit. */
static bool fit_thinking(const struct request_view *v, int64_t limit, struct json_edits *e, struct arena *mem)
{
	int64_t budget;
	slice thinking = member(v->body, "thinking"), raw = SLICE_NONE;
	if (thinking.n && thinking.p[0] == '{')
		raw = member(thinking, "budget_tokens");
	if (raw.n == 0 || !json_number_i64(raw, &budget) || budget < limit)
		return true;
	if (limit <= THINKING_LEAST)
		return false;
	return replace(e, v->body, raw, arena_printf(mem, "%lld", (long long)limit - 1));
}

bool codec_can_limit(enum api api)
{
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (places[i].api == api)
			return true;
	return api == API_BEDROCK_INVOKE;
}

int codec_limit(const struct request_view *v, int64_t limit, struct json_edits *e, struct arena *mem)
{
	slice number = arena_printf(mem, "%lld", (long long)limit);
	size_t place = 0;
	if (number.p == NULL)
		return ERR_NOMEM;
	if (!fit_thinking(v, limit, e, mem))
		return ERR_INVALID;
	if (v->max_output_raw.n)
		return replace(e, v->body, v->max_output_raw, number) ? 0 : ERR_FULL;
	while (place < sizeof places / sizeof *places && places[place].api != v->api)
		place++;
	if (place == sizeof places / sizeof *places)
		return ERR_UNSUPPORTED;
	return insert_limit(v, place, number, e, mem) ? 0 : ERR_FULL;
}

/* Families that answer without thinking before. */
static bool answers_at_once(slice model)
{
	static const slice families[] = {SLICE("gpt-4o"),     SLICE("gpt-4.1"),    SLICE("gpt-4-"),
	                                 SLICE("gpt-3.5"),    SLICE("chatgpt-4o"), SLICE("gemini-2.0"),
	                                 SLICE("gemini-1.5"), SLICE("claude-")};
	for (size_t i = 0; i < sizeof families / sizeof *families; i++)
		if (slice_starts(model, families[i]))
			return true;
	return false;
}

bool codec_shows_output(const struct request_view *v)
{
	if (!v->stream || v->choices > 1 || !answers_at_once(v->model))
		return false;
	switch ((int)v->api) {
	case API_ANTHROPIC_MESSAGES: {
		slice thinking = member(v->body, "thinking");
		return thinking.n == 0 || slice_eq(member(thinking, "type"), SLICE("\"disabled\""));
	}
	case API_OPENAI_CHAT:
	case API_OPENAI_RESPONSES:
	case API_GEMINI_GENERATE:
		return true;
	default: /* Bedrock bills a call that was cut whole */
		return false;
	}
}

/* --- tools that the provider runs itself ------------------------------------------------------------- */

/* Each value of a name in an object, also where it stands twice: what the provider would take is not known.
 * False from `on` ends the walk, and is returned. */
typedef bool on_value(void *arg, slice raw);
static bool each_member(slice object, const char *name, on_value *on, void *arg)
{
	struct json j;
	json_key k;
	slice raw;
	json_init(&j, object);
	if (!json_object(&j))
		return true;
	while (json_next_key(&j, &k)) {
		bool is = json_key_is(&k, slice_of(name));
		if (!json_skip(&j, &raw) || (is && !on(arg, raw)))
			return false;
	}
	return true;
}

/* The most that the values allow. */
struct allowed {
	size_t n;
	int64_t most; /* INT64_MAX: any number */
};

/* A value of any type, as a number that is not negative. */
static bool whole_number(slice raw, int64_t *n)
{
	return raw.n && raw.p[0] >= '0' && raw.p[0] <= '9' && json_number_i64(raw, n);
}

static bool on_allowed(void *arg, slice raw)
{
	struct allowed *a = arg;
	int64_t n;
	a->n++;
	if (!whole_number(raw, &n))
		n = INT64_MAX;
	a->most = num_max_i64(a->most, n);
	return true;
}

static int64_t allowed_by(slice object, const char *name)
{
	struct allowed a = {0};
	if (!each_member(object, name, on_allowed, &a) || a.n == 0)
		return INT64_MAX;
	return a.most;
}

/* A type that is spelt with escapes may be any. */
static bool is_search(const json_str *type)
{
	return type->escaped || slice_starts(type->raw, SLICE("web_search")) ||
	       slice_starts(type->raw, SLICE("openrouter:web_search"));
}

static bool is_billed(const json_str *type)
{
	return type->escaped || slice_starts(type->raw, SLICE("file_search")) ||
	       slice_starts(type->raw, SLICE("code_interpreter")) ||
	       slice_starts(type->raw, SLICE("image_generation"));
}

/* The type that counts, when there are several. */
static bool on_type(void *arg, slice raw)
{
	json_str *type = arg;
	*type = body_string(raw);
	return !is_search(type) && !is_billed(type);
}

/* Of a tool's definition; n 0: none. */
static json_str type_of(slice tool)
{
	json_str type = {SLICE_NONE, false};
	(void)each_member(tool, "type", on_type, &type);
	return type;
}

static bool is_present(slice raw)
{
	return raw.n > 0 && !slice_eq(raw, SLICE("null")) && !slice_eq(raw, SLICE("false"));
}

static void hosted_anthropic(const struct request_view *v, struct codec_hosted *h)
{
	struct body_elements e;
	slice tool;
	int64_t sum = 0;
	h->can_limit = true;
	if (!body_elements(v->tools, &e))
		return;
	while (body_next(&e, &tool)) {
		json_str type = type_of(tool);
		if (!is_search(&type))
			continue;
		h->searches = true;
		sum = num_sat_add_i64(sum, allowed_by(tool, "max_uses"));
	}
	h->most = sum;
}

static void hosted_openai(const struct request_view *v, struct codec_hosted *h)
{
	struct body_elements e;
	slice tool;
	if (body_elements(v->tools, &e)) {
		while (body_next(&e, &tool)) {
			json_str type = type_of(tool);
			h->searches = h->searches || is_search(&type);
			h->others = h->others || is_billed(&type);
		}
	}
	if (v->api == API_OPENAI_CHAT) {
		h->searches = h->searches || slice_ends(v->model, SLICE(":online")) ||
		              slice_find(v->model, SLICE("-search")) >= 0 ||
		              is_present(member(v->body, "web_search_options")) ||
		              is_present(member(v->body, "plugins"));
		h->others = false; /* chat answers name no other tool that is billed */
		return;
	}
	if (is_present(member(v->body, "prompt"))) /* kept by the provider, and may have tools */
		h->searches = h->others = true;
	h->can_limit = true;
	if (h->searches || h->others)
		h->most = allowed_by(v->body, "max_tool_calls");
}

/* Grounding: any tool that is not known to run at the client. */
static void hosted_gemini(const struct request_view *v, struct codec_hosted *h)
{
	static const struct wire_word searchless[] = {
	    WIRE_WORD("functionDeclarations", 1), WIRE_WORD("function_declarations", 1),
	    WIRE_WORD("computerUse", 1),          WIRE_WORD("computer_use", 1),
	    WIRE_WORD("codeExecution", 1),        WIRE_WORD("code_execution", 1),
	    WIRE_WORD("urlContext", 1),           WIRE_WORD("url_context", 1),
	};
	struct body_elements e;
	struct json j;
	json_key k;
	slice tool;
	if (!body_elements(v->tools, &e))
		return;
	while (body_next(&e, &tool)) {
		json_init(&j, tool);
		if (!json_object(&j))
			continue;
		while (json_next_key(&j, &k) && json_skip(&j, NULL))
			h->searches = h->searches || wire_word(&k, WIRE_WORDS(searchless)) != 1;
	}
}

void codec_hosted(const struct request_view *v, struct codec_hosted *out)
{
	*out = (struct codec_hosted){.most = INT64_MAX};
	switch ((int)v->api) {
	case API_ANTHROPIC_MESSAGES:
		hosted_anthropic(v, out);
		break;
	case API_OPENAI_CHAT:
	case API_OPENAI_RESPONSES:
		hosted_openai(v, out);
		break;
	case API_GEMINI_GENERATE:
		hosted_gemini(v, out);
		break;
	default:
		break;
	}
	if (!out->searches && !out->others)
		out->most = 0;
}

struct lowering {
	const struct request_view *v;
	slice number;
	int64_t limit;
	struct json_edits *e;
	size_t n; /* values there were */
};

static bool on_lower(void *arg, slice raw)
{
	struct lowering *l = arg;
	int64_t n;
	l->n++;
	if (whole_number(raw, &n) && n <= l->limit)
		return true;
	return replace(l->e, l->v->body, raw, l->number);
}

/* No more than so many by this member of the object, which is put in where there is none. */
static bool lower(struct lowering *l, slice object, const char *name, struct arena *mem)
{
	l->n = 0;
	if (!each_member(object, name, on_lower, l))
		return false;
	if (l->n)
		return true;
	slice own = arena_printf(mem, "\"%s\":" SLICE_FMT, name, SLICE_ARG(l->number));
	return own.p && insert(l->e, l->v->body, object, own, mem);
}

int codec_hosted_limit(const struct request_view *v, int64_t limit, struct json_edits *e, struct arena *mem)
{
	struct lowering l = {.v = v, .limit = limit, .e = e};
	struct body_elements at;
	slice tool;
	size_t tools = 0;
	l.number = arena_printf(mem, "%lld", (long long)limit);
	if (l.number.p == NULL)
		return ERR_NOMEM;
	if (v->api == API_OPENAI_RESPONSES)
		return lower(&l, v->body, "max_tool_calls", mem) ? 0 : ERR_FULL;
	if (v->api != API_ANTHROPIC_MESSAGES)
		return ERR_UNSUPPORTED;
	if (!body_elements(v->tools, &at))
		return 0;
	while (body_next(&at, &tool)) {
		json_str type = type_of(tool);
		if (!is_search(&type))
			continue;
		if (++tools > 1) /* each would allow so many */
			return ERR_UNSUPPORTED;
		if (!lower(&l, tool, "max_uses", mem))
			return ERR_FULL;
	}
	return 0;
}
