/* A span's features: what its items are in tokens of the base encoding, by kind. */
#include "model/predict_impl.h"

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
	return number ? 1 : predict_count_json(s, json);
}

#define FILE_MORE 1024 /* tokens at most that a file's being there adds: titles, how to cite */

/* OpenAI's search for tools, unless the client does it: what it finds is input, in the same call. */
static bool searches(const struct body_item *it)
{
	static const struct wire_word fields[] = {WIRE_WORD("execution", 0)};
	slice by = SLICE_NONE;
	body_fields(it->json, WIRE_WORDS(fields), &by);
	return json_str_is(&it->name, SLICE("tool_search")) && !body_is(by, SLICE("client"));
}

static bool is_deferred(const struct body_item *it)
{
	static const struct wire_word fields[] = {WIRE_WORD("defer_loading", 0)};
	slice deferred = SLICE_NONE;
	body_fields(it->json, WIRE_WORDS(fields), &deferred);
	return body_is_true(deferred);
}

static void add_definition(struct predict_scratch *s, const struct body_item *it)
{
	struct span_counts *c = s->into;
	uint32_t json = predict_count_json(s, it->json);
	if (it->by_provider || searches(it))
		c->open = true;
	if (is_deferred(it)) { /* the model only sees it when it has been searched for */
		c->media_more += 2 * json;
		return;
	}
	c->at[FEATURE_TOOLS_N]++;
	c->at[FEATURE_TOOLS] += json;
	uint32_t titles = 0;
	c->at[FEATURE_TOOLS_SHOWN] += predict_count_tool(s, it, &titles);
	c->at[FEATURE_TITLES] += titles;
}

static void add_sealed(struct span_counts *c, const json_str *sealed)
{
	c->at[FEATURE_SEALED] += (uint32_t)(sealed->raw.n / 8);
	c->media_more += (uint32_t)(sealed->raw.n / 4);
}

static void add_media(struct predict_scratch *s, const struct body_item *it)
{
	struct span_counts *c = s->into;
	uint32_t more = FILE_MORE;
	if (it->kind == ITEM_IMAGE) {
		more = 0;
		c->at[FEATURE_IMAGES] += predict_image_tokens(s->family, s->model, it, &more);
	} else { /* pages and seconds are not to be seen in their bytes */
		c->at[FEATURE_FILES] += (uint32_t)(it->data.raw.n * 3 / 4 / 100);
		c->open = c->open || !it->text.raw.p;
		if (it->text.raw.p)
			c->at[FEATURE_TEXT] += predict_count_text(s, it->text);
	}
	c->media_more += more;
}

/* The pieces that a span is made of. */
static void add_numbers(struct span_counts *c, const struct body_item *it)
{
	c->breakpoints += it->cache_breakpoint;
	c->instructs = c->instructs || it->kind == ITEM_SYSTEM;
	c->assistant = c->assistant || it->assistant;
	if (it->kind == ITEM_USER_TEXT && !it->in_result)
		c->begins = true;
	if (it->kind == ITEM_TOOL_CALL) {
		c->at[FEATURE_TOGETHER_N] += c->at[FEATURE_CALLS_N] > 0;
		c->at[FEATURE_CALLS_N]++;
	}
	if (it->kind == ITEM_TOOL_RESULT && !it->more)
		c->at[FEATURE_RESULTS_N]++;
}

static int add_item(void *arg, const struct body_item *it)
{
	struct predict_scratch *s = arg;
	struct span_counts *c = s->into;
	enum feature f = feature_of(it);
	add_numbers(c, it);
	if (it->sealed.raw.n)
		add_sealed(c, &it->sealed);
	if (it->kind == ITEM_TOOL_DEFINITION) {
		add_definition(s, it);
		return 0;
	}
	if (f == FEATURE_IMAGES || f == FEATURE_FILES) {
		add_media(s, it);
		return 0;
	}
	if (it->text.raw.p)
		c->at[f] += predict_count_text(s, it->text);
	else if (it->json.n)
		c->at[f] += count_json(s, it->json);
	else if (it->data.raw.n) /* compacted contexts */
		add_sealed(c, &it->data);
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
	out->at[FEATURE_LATER] = span->section == BODY_MESSAGES && out->at[FEATURE_TOOLS_N] > 0;
	out->begins = out->begins && out->at[FEATURE_RESULTS_N] == 0 && span->section == BODY_MESSAGES;
	return true;
}
