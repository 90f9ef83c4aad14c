#include "finops/import.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "model/attr_text.h"
#include "model/usage.h"

/* clang-format off */
static const struct import_source *const sources[] = {
	&import_claude_code,
	&import_codex,
	&import_gemini_cli,
	&import_opencode,
	&import_copilot_cli,
	&import_anthropic_usage,
	&import_openai_usage,
	&import_cursor,
	&import_copilot,
	&import_invoice,
};
/* clang-format on */
#define SOURCES (sizeof sources / sizeof sources[0])

const struct import_source *import_source_at(size_t i)
{
	return i < SOURCES ? sources[i] : NULL;
}

const struct import_source *import_source_named(slice name)
{
	for (size_t i = 0; i < SOURCES; i++)
		if (slice_eq(name, slice_of(sources[i]->name)))
			return sources[i];
	return NULL;
}

bool import_line(slice *rest, slice *line)
{
	if (rest->n == 0)
		return false;
	const char *end = memchr(rest->p, '\n', rest->n);
	size_t n = end ? (size_t)(end - rest->p) : rest->n;
	*line = slice_sub(*rest, 0, n);
	*rest = slice_sub(*rest, n + (end != NULL), rest->n);
	return true;
}

/* --- records ---------------------------------------------------------------------------------------------
 */

/* The hash's first bytes are the id's random part: the same call, the same id. */
static void make_id(struct record *r, const struct import_source *s, slice key)
{
	uint8_t hash[CRYPTO_SHA256_BYTES], both[2 * CRYPTO_SHA256_BYTES];
	if (crypto_sha256(slice_of(s->name), both) || crypto_sha256(key, both + CRYPTO_SHA256_BYTES) ||
	    crypto_sha256(slice_make(both, sizeof both), hash))
		memset(hash, 0, sizeof hash);
	crypto_id_of(r->time_ms, hash, r->id);
}

void import_record(struct record *r, const struct import_source *s, const struct import_options *o,
                   int64_t time_ms, slice key)
{
	record_init(r);
	r->time_ms = time_ms;
	r->who = o->fixed;
	r->billing = o->billing;
	r->ending = ENDING_COMPLETE;
	r->usage_source = SOURCE_REPORTED;
	r->decision = DECISION_ADMITTED;
	make_id(r, s, key);
	r->text[TEXT_SOURCE] = slice_of(s->name);
	import_attr(r, o, ATTR_AGENT, slice_of(s->agent));
}

void import_attr(struct record *r, const struct import_options *o, enum attr a, slice value)
{
	if (o->fixed.v[a].n == 0)
		r->who.v[a] = slice_sub(value, 0, ATTR_TEXT_MAX);
}

void import_folder(struct record *r, const struct import_options *o, slice folder, struct arena *mem)
{
	struct attr_tags tags;
	if (folder.n == 0)
		return;
	attr_tags_init(&tags);
	if (attr_tags_add(&tags, SLICE("cwd"), folder))
		import_attr(r, o, ATTR_TAGS, attr_tags_json(&tags, mem));
	if (o->repo_of && r->who.v[ATTR_REPO].n == 0)
		import_attr(r, o, ATTR_REPO, o->repo_of(o->arg, folder, mem));
}

/* --- prices ----------------------------------------------------------------------------------------------
 */

slice import_vendor(slice model)
{
	static const struct {
		slice starts, vendor;
	} rows[] = {
	    {SLICE("claude"), SLICE("anthropic")}, {SLICE("gpt-"), SLICE("openai")},
	    {SLICE("o1"), SLICE("openai")},        {SLICE("o3"), SLICE("openai")},
	    {SLICE("o4"), SLICE("openai")},        {SLICE("codex"), SLICE("openai")},
	    {SLICE("chatgpt"), SLICE("openai")},   {SLICE("gemini"), SLICE("google")},
	    {SLICE("grok"), SLICE("xai")},         {SLICE("deepseek"), SLICE("deepseek")},
	    {SLICE("mistral"), SLICE("mistral")},  {SLICE("devstral"), SLICE("mistral")},
	    {SLICE("qwen"), SLICE("alibaba")},     {SLICE("kimi"), SLICE("moonshot")},
	    {SLICE("glm"), SLICE("zhipu")},        {SLICE("minimax"), SLICE("minimax")},
	};
	if (slice_find(model, SLICE("anthropic.")) >= 0)
		return SLICE("bedrock");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (slice_starts_nocase(model, rows[i].starts))
			return rows[i].vendor;
	return SLICE_NONE;
}

static const struct price *price_of(const struct import_options *o, slice provider, slice model,
                                    int64_t time_ms)
{
	slice vendor = import_vendor(model);
	const struct price *p = NULL;
	if (o->catalog && provider.n)
		p = catalog_price(o->catalog, provider, model, time_ms);
	if (p == NULL && o->catalog && vendor.n)
		p = catalog_price(o->catalog, vendor, model, time_ms);
	return p;
}

void import_price(const struct import_options *o, struct record *r, const struct answer *a)
{
	struct billed_as as = {.service_tier = r->text[TEXT_SERVICE_TIER],
	                       .speed = r->text[TEXT_SPEED],
	                       .region = a ? name_get(&a->region) : SLICE_NONE};
	struct cost total = {0};
	const struct price *p = price_of(o, r->text[TEXT_PROVIDER], r->text[TEXT_MODEL_SERVED], r->time_ms);
	bool known = p && usage_cost_add(p, &r->usage, &as, &total, NULL) == 0;
	if (p)
		r->text[TEXT_PRICE_ID] = p->id;
	for (size_t i = 0; a && i < a->parts_n; i++) {
		slice model = name_get(&a->parts[i].model);
		p = price_of(o, r->text[TEXT_PROVIDER], model, r->time_ms);
		known = p && usage_cost_add(p, &a->parts[i].usage, &as, &total, NULL) == 0 && known;
		usage_add(&r->usage, &a->parts[i].usage);
	}
	r->context_tokens = usage_context_tokens(&r->usage);
	if (!known)
		return;
	r->priced = true;
	r->cost = total;
	r->list_cost_nanousd = total.total;
}

int import_give(const struct import_options *o, struct record *r, const struct answer *a,
                struct import_counts *n)
{
	char source[64];
	slice name = r->text[TEXT_SOURCE];
	snprintf(source, sizeof source, "import:" SLICE_FMT, SLICE_ARG(name));
	r->text[TEXT_SOURCE] = slice_of(source);
	import_price(o, r, a);
	n->calls++;
	n->unpriced += !r->priced;
	return o->on_call(o->arg, r);
}
