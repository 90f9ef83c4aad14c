/* The output limit that a request is sent with, in place of the client's or of none: one number, every other
 * byte as it was. Where each API keeps it: the first name is the one that is written when there is none. */
#include "codec/codec.h"

#include "model/wire.h"

/* Anthropic's least thinking.budget_tokens (platform.claude.com/docs, extended thinking). */
#define THINKING_LEAST 1024

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
