/* A span's features: what its items are in tokens of the base encoding, by kind. */
#include "model/predict_impl.h"

#include <xxhash.h>

#include "model/encoding.h"

const struct bpe *predict_encoding(slice model)
{
	const struct bpe *own = encoding_of_model(model);
	return own ? own : bpe_o200k_base();
}

enum predict_family predict_family_of(const struct request_view *v)
{
	if (slice_find(v->model, SLICE("claude")) >= 0 || slice_find(v->model, SLICE("anthropic")) >= 0)
		return FAMILY_CLAUDE;
	if (slice_find(v->model, SLICE("gemini")) >= 0)
		return FAMILY_GEMINI;
	if (encoding_of_model(v->model))
		return FAMILY_OPENAI;
	return api_dialect(v->api) == DIALECT_ANTHROPIC ? FAMILY_CLAUDE
	       : api_dialect(v->api) == DIALECT_GEMINI  ? FAMILY_GEMINI
	                                                : FAMILY_OTHER;
}

static uint32_t count_plain(struct predict_scratch *s, slice text)
{
	return (uint32_t)bpe_count(s->encoding, &s->bpe, text, BPE_ORDINARY);
}

size_t predict_cut(slice raw, size_t max)
{
	if (raw.n <= max)
		return raw.n;
	for (size_t n = max; n > max / 2; n--)
		if (raw.p[n] == ' ' && raw.p[n - 1] != ' ')
			return n;
	size_t n = max;
	for (size_t k = 1; k < 12 && k < max;
	     k++) /* an escape is at most 12 bytes long, two halves of a character */
		if (raw.p[max - k] == '\\')
			n = max - k;
	while (n > max / 2 && (raw.p[n] & 0xc0) == 0x80)
		n--;
	for (; n > max / 2 && raw.p[n - 1] == '\\'; n--) {
	}
	return n;
}

uint32_t predict_count_text(struct predict_scratch *s, json_str text)
{
	uint32_t tokens = 0;
	slice raw = text.raw;
	if (!text.escaped)
		return count_plain(s, raw);
	while (raw.n) {
		size_t n = predict_cut(raw, sizeof s->plain);
		json_str part = {slice_sub(raw, 0, n), true};
		size_t out = json_unescape(&part, s->plain, sizeof s->plain);
		tokens += count_plain(s, slice_make(s->plain, out < sizeof s->plain ? out : sizeof s->plain));
		raw = slice_sub(raw, n, raw.n);
	}
	return tokens;
}

static enum feature feature_of(const struct body_item *it)
{
	static const enum feature of[ITEM_KINDS] = {
	    [ITEM_SYSTEM] = FEATURE_SYSTEM,       [ITEM_TOOL_DEFINITION] = FEATURE_TOOLS,
	    [ITEM_USER_TEXT] = FEATURE_TEXT,      [ITEM_ASSISTANT_TEXT] = FEATURE_TEXT,
	    [ITEM_THINKING] = FEATURE_THINKING,   [ITEM_TOOL_CALL] = FEATURE_CALLS,
	    [ITEM_TOOL_RESULT] = FEATURE_RESULTS, [ITEM_IMAGE] = FEATURE_IMAGES,
	    [ITEM_FILE] = FEATURE_FILES,          [ITEM_AUDIO] = FEATURE_FILES,
	    [ITEM_OTHER] = FEATURE_TEXT};
	return of[it->kind];
}

/* Numbers alone are tokens already (embeddings take lists of ids). */
static uint32_t count_json(struct predict_scratch *s, slice json)
{
	bool number = json.n && (json.p[0] == '-' || (json.p[0] >= '0' && json.p[0] <= '9'));
	return number ? 1 : count_plain(s, json);
}

#define FILE_MORE 1024 /* tokens at most that a file's being there adds: titles, how to cite */

static int add_item(void *arg, const struct body_item *it)
{
	struct predict_scratch *s = arg;
	struct span_counts *c = s->into;
	enum feature f = feature_of(it);
	c->breakpoints += it->cache_breakpoint;
	if (it->by_provider && it->kind == ITEM_TOOL_DEFINITION)
		c->open = true;
	if (it->kind == ITEM_TOOL_DEFINITION) {
		c->at[FEATURE_TOOLS_N]++;
		c->at[FEATURE_TOOLS_SHOWN] += predict_count_tool(s, it);
	}
	if (it->kind == ITEM_TOOL_CALL || (it->kind == ITEM_TOOL_RESULT && !it->more))
		c->at[FEATURE_CALLS_N]++;
	if (it->kind == ITEM_IMAGE) {
		uint32_t more = 0;
		c->at[f] += predict_image_tokens(s->family, s->model, it, &more);
		c->media_more += more;
		return 0;
	}
	if (f == FEATURE_FILES) { /* pages and seconds are not to be seen in their bytes */
		c->at[f] += (uint32_t)(it->data.raw.n * 3 / 4 / 100);
		c->open = c->open || !it->text.raw.p;
		c->media_more += FILE_MORE;
		f = FEATURE_TEXT;
	}
	if (it->text.raw.p)
		c->at[f] += predict_count_text(s, it->text);
	else if (it->json.n)
		c->at[f] += count_json(s, it->json);
	else if (it->data.raw.n) { /* sealed thoughts, compacted contexts */
		c->at[FEATURE_THINKING] += (uint32_t)(it->data.raw.n / 8);
		c->media_more += (uint32_t)(it->data.raw.n / 4);
	}
	if (it->kind == ITEM_TOOL_CALL)
		c->at[f] += predict_count_text(s, it->name);
	return 0;
}

bool predict_count_span(struct predict_scratch *s, const struct request_view *v, const struct body_span *span,
                        predict_items *items, struct span_counts *out)
{
	memset(out, 0, sizeof *out);
	if (span->raw.n > s->budget)
		return false;
	s->budget -= span->raw.n;
	s->into = out;
	items(v, span, add_item, s);
	out->at[FEATURE_MESSAGES_N] = span->section == BODY_MESSAGES;
	return true;
}

/* Fields beside the sections that no model reads. */
static bool is_read_by_model(const json_key *k)
{
	static const struct wire_word read[] = {
	    WIRE_WORD("response_format", 1),
	    WIRE_WORD("text", 1),
	    WIRE_WORD("tool_choice", 1),
	    WIRE_WORD("thinking", 1),
	    WIRE_WORD("toolConfig", 1),
	    WIRE_WORD("tool_config", 1),
	    WIRE_WORD("generationConfig", 1),
	    WIRE_WORD("generation_config", 1),
	    WIRE_WORD("output_config", 1),
	    WIRE_WORD("output_format", 1),
	    WIRE_WORD("reasoning", 1),
	    WIRE_WORD("format", 1),
	    WIRE_WORD("additionalModelRequestFields", 1),
	    WIRE_WORD("outputConfig", 1),
	    WIRE_WORD("responseFormat", 1),
	};
	return wire_word(k, WIRE_WORDS(read)) == 1;
}

/* Where the reader stands at a section that is known: over it, without reading it again. */
static bool jump(struct json *j, slice section)
{
	if (section.n == 0 || j->p != section.p)
		return false;
	j->p += section.n;
	j->want = false;
	return true;
}

/* Models that search, or run themselves several times: what they read is not in the body. */
static bool brings_its_own(slice model)
{
	static const char *const patterns[] = {"*compound*", "*sonar*", "*-search*", "*deep-research*",
	                                       "*:online"};
	for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
		if (slice_glob(model, slice_of(patterns[i])))
			return true;
	return false;
}

static bool runs_often(const json_key *k, slice value)
{
	static const struct wire_word fields[] = {WIRE_WORD("mode", 0)};
	slice mode = SLICE_NONE;
	return slice_eq(k->raw, SLICE("reasoning")) && body_fields(value, WIRE_WORDS(fields), &mode) &&
	       mode.n > 0;
}

uint32_t predict_count_rest(struct predict_scratch *s, const struct request_view *v, uint64_t *hash,
                            bool *open)
{
	struct json j;
	json_key k;
	uint32_t tokens = 0;
	*hash = 0;
	*open = brings_its_own(v->model);
	json_init(&j, v->body);
	if (json_peek(&j) != JSON_OBJECT)
		return 0;
	json_object(&j);
	while (json_next_key(&j, &k)) {
		slice value;
		json_peek(&j);
		if (jump(&j, v->messages) || jump(&j, v->tools) || jump(&j, v->system))
			continue;
		if (!json_skip(&j, &value) || !is_read_by_model(&k) || value.n > s->budget)
			continue;
		s->budget -= value.n;
		*open = *open || runs_often(&k, value);
		tokens += value.n > 24 ? count_plain(s, value) : 0;
		*hash = XXH3_64bits_withSeed(value.p, value.n, *hash ^ XXH3_64bits(k.raw.p, k.raw.n));
	}
	return tokens;
}
