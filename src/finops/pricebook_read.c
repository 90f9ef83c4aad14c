/* Readers of public price books. A book is walked over once; of each of its entries, a few hundred bytes,
 * fields are looked up one by one, since their order is nobody's promise. Numbers are read as decimals, never
 * as binary fractions. What the vendors are called is in pricebook_vendors.c. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/money.h"
#include "finops/pricebook.h"
#include "finops/pricebook_in.h"
#include "text/json.h"

#define A_TOKEN                                                                                              \
	15 /* powers of ten from USD for one unit, a thousand, a million to nano-dollars for a million */
#define A_THOUSAND 12
#define A_MILLION  9

/* --- small parts of JSON ---------------------------------------------------------------------- */

/* The member's bytes; n 0 when it is not there. */
static slice member(slice object, slice key)
{
	struct json j;
	json_key k;
	slice raw, found = SLICE_NONE;
	json_init(&j, object);
	if (json_peek(&j) == JSON_OBJECT && json_object(&j))
		while (json_next_key(&j, &k))
			if (json_skip(&j, &raw) && found.n == 0 && json_key_is(&k, key))
				found = raw;
	return found;
}

/* A string's characters; n 0 when it is none, or one with escapes: names and dates have none. */
static slice words(slice raw)
{
	return raw.n >= 2 && raw.p[0] == '"' && slice_find_char(raw, '\\') < 0 ? slice_sub(raw, 1, raw.n - 1)
	                                                                       : SLICE_NONE;
}

static slice text_of(slice object, slice key)
{
	return words(member(object, key));
}

static int64_t count_of(slice object, slice key)
{
	slice raw = member(object, key);
	int64_t n;
	return raw.n && (raw.p[0] == '-' || (raw.p[0] >= '0' && raw.p[0] <= '9')) &&
	               json_number_i64(raw, &n) && n > 0
	           ? n
	           : 0;
}

/* The elements of an array, the members of an object (key n 0: an array). */
struct walk {
	struct json j;
	bool object, open;
};

static struct walk walk_over(slice raw)
{
	struct walk w = {0};
	json_init(&w.j, raw);
	w.object = json_peek(&w.j) == JSON_OBJECT;
	w.open = w.object ? json_object(&w.j) : json_peek(&w.j) == JSON_ARRAY && json_array(&w.j);
	return w;
}

static bool walk_next(struct walk *w, slice *key, slice *raw)
{
	json_key k = {SLICE_NONE, false};
	if (!w->open || !(w->object ? json_next_key(&w->j, &k) : json_next(&w->j)))
		return false;
	*key = k.raw;
	return json_skip(&w->j, raw);
}

/* --- rows ------------------------------------------------------------------------------------- */

struct book {
	struct pricebook *b;
	slice source;
};

/* A price above 0 into a meter; 0 in these books is mostly "we do not know", and would be free here. */
static bool take(int64_t per_million[METER_N], enum meter m, slice number, int shift)
{
	int64_t price;
	if (m == METER_N || number.n == 0 || money_price(number, shift, &price) || price == 0)
		return false;
	per_million[m] = price;
	return true;
}

/* Names are looked up case folded; kept so, the same name in two spellings is one. */
static slice low(struct book *k, slice name)
{
	char *p = name.n && name.n <= 128 ? arena_alloc(&k->b->mem, name.n) : NULL;
	for (size_t i = 0; p && i < name.n; i++)
		p[i] = (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] + 32 : name.p[i]);
	return slice_make(p, p ? name.n : 0);
}

static struct price *row_for(struct book *k, slice vendor, slice model)
{
	slice name = slice_find_char(model, '*') < 0 && slice_find_char(model, '?') < 0 &&
	                     slice_find_char(model, '\\') < 0 && vendor.n + 1 + model.n + 11 <= PRICE_ID_MAX
	                 ? low(k, model)
	                 : SLICE_NONE;
	struct price *p = name.n ? pricebook_add(k->b, vendor, name) : NULL;
	if (p)
		p->source = k->source;
	else
		k->b->left_out++;
	return p;
}

/* Ends the newest row: without a price for input it says nothing, and goes. So it does with more conditions
 * than a row can have. */
static void end_row(struct book *k)
{
	struct price *p = &k->b->rows[k->b->rows_n - 1];
	if (p->per_million[METER_REASONING] == p->per_million[METER_OUTPUT])
		p->per_million[METER_REASONING] = PRICE_ABSENT;
	size_t n = 0;
	for (size_t i = 0; i < p->modifiers_n; i++) {
		bool priced = false;
		for (int m = 0; m < METER_N; m++)
			priced |= p->modifiers[i].per_million[m] != PRICE_ABSENT;
		if (priced || p->modifiers[i].ppm != PPM_NONE)
			p->modifiers[n++] = p->modifiers[i];
	}
	p->modifiers_n = n;
	if (p->per_million[METER_INPUT] != PRICE_ABSENT && pricebook_tiers(p))
		return;
	k->b->rows_n--;
	k->b->left_out++;
}

/* The newest row's modifier of that condition, made when it is not there. */
static struct price_modifier *condition(struct book *k, slice tier, slice speed, int64_t above)
{
	struct price *p = &k->b->rows[k->b->rows_n - 1];
	for (size_t i = 0; i < p->modifiers_n; i++) {
		struct price_modifier *m = &p->modifiers[i];
		if (slice_eq(m->service_tier, tier) && slice_eq(m->speed, speed) &&
		    m->above_context_tokens == above)
			return m;
	}
	struct price_modifier *m = pricebook_modifier(k->b);
	if (m) {
		m->service_tier = tier;
		m->speed = speed;
		m->above_context_tokens = above;
	}
	return m;
}

struct meter_key {
	const char *key;
	enum meter meter;
};
#define KEYS(table) (table), sizeof(table) / sizeof((table)[0])

static enum meter key_meter(slice key, const struct meter_key *table, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq(key, slice_of(table[i].key)))
			return table[i].meter;
	return METER_N;
}

static void take_all(int64_t per_million[METER_N], slice object, const struct meter_key *table, size_t n,
                     int shift)
{
	struct walk w = walk_over(object);
	slice key, raw;
	while (walk_next(&w, &key, &raw)) {
		enum meter m = key_meter(key, table, n);
		if (m < METER_N && per_million[m] == PRICE_ABSENT)
			take(per_million, m, raw, shift);
	}
}

static int64_t day_of(slice text)
{
	int64_t ms;
	return text.n && clock_parse_rfc3339(text, &ms) ? ms : INT64_MIN;
}

/* --- models.dev: {provider: {models: {id: {cost, limit}}}} -------------------------------------- */

static const struct meter_key models_dev_keys[] = {
    {"input", METER_INPUT},
    {"output", METER_OUTPUT},
    {"cache_read", METER_CACHE_READ},
    {"cache_write", METER_CACHE_WRITE_5M},
    {"reasoning", METER_REASONING},
    {"input_audio", METER_INPUT_AUDIO},
    {"output_audio", METER_OUTPUT_AUDIO},
};

static void models_dev_cost(struct book *k, slice cost, slice speed, int64_t above)
{
	struct price_modifier *m = cost.n ? condition(k, SLICE_NONE, speed, above) : NULL;
	if (m)
		take_all(m->per_million, cost, KEYS(models_dev_keys), A_MILLION);
}

static void models_dev_model(struct book *k, slice vendor, slice name, slice model)
{
	slice cost = member(model, SLICE("cost")), limit = member(model, SLICE("limit")), key, raw;
	struct price *p = row_for(k, vendor, name);
	if (p == NULL)
		return;
	take_all(p->per_million, cost, KEYS(models_dev_keys), A_MILLION);
	p->context_window = count_of(limit, SLICE("context"));
	p->max_output = count_of(limit, SLICE("output"));
	models_dev_cost(k, member(cost, SLICE("context_over_200k")), SLICE_NONE, 200000);
	for (struct walk w = walk_over(member(cost, SLICE("tiers"))); walk_next(&w, &key, &raw);) {
		int64_t size = count_of(member(raw, SLICE("tier")), SLICE("size"));
		if (size)
			models_dev_cost(k, raw, SLICE_NONE, size);
	}
	slice modes = member(member(model, SLICE("experimental")), SLICE("modes"));
	for (struct walk w = walk_over(modes); walk_next(&w, &key, &raw);) {
		slice speed = text_of(member(member(raw, SLICE("provider")), SLICE("body")), SLICE("speed"));
		if (speed.n)
			models_dev_cost(k, member(raw, SLICE("cost")), speed, 0);
	}
	end_row(k);
}

static void read_models_dev(struct book *k, slice text)
{
	slice provider, raw, name, model;
	for (struct walk w = walk_over(text); walk_next(&w, &provider, &raw);) {
		slice vendor;
		if (!pricebook_vendor(BOOK_MODELS_DEV, provider, 0, &vendor, NULL))
			continue;
		for (struct walk m = walk_over(member(raw, SLICE("models"))); walk_next(&m, &name, &model);)
			models_dev_model(k, vendor, name, model);
	}
}

/* --- genai-prices: [{id, models: [{id, prices: {} or [{constraint, prices}]}]}] ------------------- */

static const struct meter_key genai_keys[] = {
    {"input_mtok", METER_INPUT},
    {"cache_read_mtok", METER_CACHE_READ},
    {"cache_write_mtok", METER_CACHE_WRITE_5M},
    {"cache_write_1h_mtok", METER_CACHE_WRITE_1H},
    {"output_mtok", METER_OUTPUT},
    {"output_reasoning_mtok", METER_REASONING},
    {"input_audio_mtok", METER_INPUT_AUDIO},
    {"cache_audio_read_mtok", METER_CACHE_READ_AUDIO},
    {"output_audio_mtok", METER_OUTPUT_AUDIO},
    {"input_image_mtok", METER_INPUT_IMAGE},
    {"output_image_mtok", METER_OUTPUT_IMAGE},
};

static void genai_row(struct book *k, slice vendor, slice name, slice model, slice prices, int64_t from_ms)
{
	struct price *p = row_for(k, vendor, name);
	slice key, raw, none, tier;
	if (p == NULL)
		return;
	p->from_ms = from_ms;
	p->context_window = count_of(model, SLICE("context_window"));
	take(p->per_million, METER_WEB_SEARCHES, member(prices, SLICE("web_searches_kcount")), A_THOUSAND);
	for (struct walk w = walk_over(prices); walk_next(&w, &key, &raw);) {
		enum meter m = key_meter(key, KEYS(genai_keys));
		bool stepped = raw.n && raw.p[0] == '{';
		take(p->per_million, m, stepped ? member(raw, SLICE("base")) : raw, A_MILLION);
		for (struct walk t = walk_over(member(raw, SLICE("tiers")));
		     stepped && walk_next(&t, &none, &tier);) {
			struct price_modifier *c =
			    condition(k, SLICE_NONE, SLICE_NONE, count_of(tier, SLICE("start")));
			if (c && c->above_context_tokens)
				take(c->per_million, m, member(tier, SLICE("price")), A_MILLION);
		}
	}
	end_row(k);
}

/* Of prices by the hour of the day the dearest stands: they all begin on the same day. */
static void genai_history(struct book *k, slice vendor, slice name, slice model, slice list)
{
	slice none, entry, best = SLICE_NONE;
	int64_t most = -1;
	for (struct walk w = walk_over(list); walk_next(&w, &none, &entry);) {
		slice when = member(entry, SLICE("constraint")), prices = member(entry, SLICE("prices"));
		int64_t input;
		if (member(when, SLICE("start_time")).n == 0) {
			genai_row(k, vendor, name, model, prices, day_of(text_of(when, SLICE("start_date"))));
			continue;
		}
		if (money_price(member(prices, SLICE("input_mtok")), A_MILLION, &input) == 0 &&
		    input > most) {
			most = input;
			best = prices;
		}
	}
	struct price *last = k->b->rows_n ? &k->b->rows[k->b->rows_n - 1] : NULL;
	if (best.n == 0 || (last && slice_eq_nocase(last->model, name) && slice_eq(last->vendor, vendor) &&
	                    last->per_million[METER_INPUT] >= most))
		return;
	int64_t from = INT64_MIN;
	if (last && slice_eq_nocase(last->model, name) && slice_eq(last->vendor, vendor)) {
		from = last->from_ms;
		k->b->rows_n--;
	}
	genai_row(k, vendor, name, model, best, from);
}

static void genai_model(struct book *k, slice vendor, slice model)
{
	slice name = text_of(model, SLICE("id")), prices = member(model, SLICE("prices"));
	if (slice_find(prices, SLICE("requests_kcount")) >= 0) {
		k->b->left_out++; /* a fee for each request, which no meter counts */
		return;
	}
	if (slice_eq(vendor, SLICE("google")) && slice_find(name, SLICE("claude")) >= 0)
		vendor = SLICE("vertex");
	if (slice_starts(name, SLICE("regional.")))
		name = slice_sub(name, 9, name.n);
	if (prices.n && prices.p[0] == '[')
		genai_history(k, vendor, name, model, prices);
	else
		genai_row(k, vendor, name, model, prices, INT64_MIN);
}

static void read_genai(struct book *k, slice text)
{
	slice none, provider, model, vendor;
	for (struct walk w = walk_over(text); walk_next(&w, &none, &provider);) {
		if (!pricebook_vendor(BOOK_GENAI, text_of(provider, SLICE("id")), 0, &vendor, NULL))
			continue;
		for (struct walk m = walk_over(member(provider, SLICE("models")));
		     walk_next(&m, &none, &model);)
			genai_model(k, vendor, model);
	}
}

/* --- llm-prices: {vendor, models: [{id, price_history}]}, or {prices: [{vendor, id, input, …}]} ----- */

static const struct meter_key llm_keys[] = {
    {"input", METER_INPUT}, {"output", METER_OUTPUT}, {"input_cached", METER_CACHE_READ}};

static void llm_row(struct book *k, slice their_vendor, slice name, slice prices)
{
	slice vendor;
	struct price *p =
	    pricebook_vendor(BOOK_LLM, their_vendor, 0, &vendor, NULL) ? row_for(k, vendor, name) : NULL;
	if (p == NULL)
		return;
	p->from_ms = day_of(text_of(prices, SLICE("from_date")));
	int64_t until = day_of(text_of(prices, SLICE("to_date")));
	p->until_ms = until == INT64_MIN ? INT64_MAX : until;
	take_all(p->per_million, prices, KEYS(llm_keys), A_MILLION);
	end_row(k);
}

static void read_llm(struct book *k, slice text)
{
	slice none, model, row;
	for (struct walk w = walk_over(member(text, SLICE("prices"))); walk_next(&w, &none, &row);)
		llm_row(k, text_of(row, SLICE("vendor")), text_of(row, SLICE("id")), row);
	for (struct walk w = walk_over(member(text, SLICE("models"))); walk_next(&w, &none, &model);)
		for (struct walk h = walk_over(member(model, SLICE("price_history")));
		     walk_next(&h, &none, &row);)
			llm_row(k, text_of(text, SLICE("vendor")), text_of(model, SLICE("id")), row);
}

/* --- langfuse: [{modelName, pricingTiers: [{isDefault, conditions, prices}]}] ---------------------- */

static const struct meter_key langfuse_keys[] = {
    {"input", METER_INPUT},
    {"output", METER_OUTPUT},
    {"input_cache_read", METER_CACHE_READ},
    {"input_cached_tokens", METER_CACHE_READ},
    {"cache_read_input_tokens", METER_CACHE_READ},
    {"cached_content_token_count", METER_CACHE_READ},
    {"input_cache_creation_5m", METER_CACHE_WRITE_5M},
    {"input_cache_creation", METER_CACHE_WRITE_5M},
    {"cache_write_tokens", METER_CACHE_WRITE_5M},
    {"input_cache_creation_1h", METER_CACHE_WRITE_1H},
    {"input_audio", METER_INPUT_AUDIO},
    {"input_audio_tokens", METER_INPUT_AUDIO},
    {"output_audio", METER_OUTPUT_AUDIO},
    {"output_audio_tokens", METER_OUTPUT_AUDIO},
    {"input_image", METER_INPUT_IMAGE},
    {"web_search_queries", METER_WEB_SEARCHES},
};

/* ["a","b"] as "a|b"; n 0 when it is none or too long. */
static slice alternatives(struct book *k, slice list)
{
	char text[256];
	size_t n = 0;
	slice none, raw;
	for (struct walk w = walk_over(list); walk_next(&w, &none, &raw);) {
		slice one = words(raw);
		if (one.n == 0 || n + one.n + 1 >= sizeof text)
			return SLICE_NONE;
		if (n)
			text[n++] = '|';
		memcpy(text + n, one.p, one.n);
		n += one.n;
	}
	return n ? arena_copy(&k->b->mem, slice_make(text, n)) : SLICE_NONE;
}

/* The prices of a pricing tier have a place in the row, or in one of its modifiers. */
static void langfuse_tier(struct book *k, struct price *p, slice tier)
{
	slice none, one, service = SLICE_NONE, speed = SLICE_NONE, prices = member(tier, SLICE("prices"));
	int64_t above = 0;
	if (slice_eq(member(tier, SLICE("isDefault")), SLICE("true"))) {
		take_all(p->per_million, prices, KEYS(langfuse_keys), A_TOKEN);
		return;
	}
	for (struct walk w = walk_over(member(tier, SLICE("conditions"))); walk_next(&w, &none, &one);) {
		slice key = text_of(one, SLICE("key"));
		if (member(one, SLICE("usageDetailPattern")).n)
			above = count_of(one, SLICE("value"));
		else if (slice_eq(key, SLICE("service_tier")))
			service = alternatives(k, member(one, SLICE("values")));
		else if (slice_eq(key, SLICE("speed")))
			speed = alternatives(k, member(one, SLICE("values")));
	}
	struct price_modifier *m = service.n || speed.n || above ? condition(k, service, speed, above) : NULL;
	if (m)
		take_all(m->per_million, prices, KEYS(langfuse_keys), A_TOKEN);
}

static void read_langfuse(struct book *k, slice text)
{
	slice none, model, tier, vendor;
	for (struct walk w = walk_over(text); walk_next(&w, &none, &model);) {
		slice name = text_of(model, SLICE("modelName"));
		pricebook_vendor(BOOK_LANGFUSE, name, 0, &vendor, NULL);
		struct price *p = row_for(k, vendor, name);
		if (p == NULL)
			continue;
		/* older copies have the prices in the model itself */
		take_all(p->per_million, member(model, SLICE("prices")), KEYS(langfuse_keys), A_TOKEN);
		for (struct walk t = walk_over(member(model, SLICE("pricingTiers")));
		     walk_next(&t, &none, &tier);)
			langfuse_tier(k, p, tier);
		end_row(k);
	}
}

/* --- LiteLLM: {name: {litellm_provider, input_cost_per_token, …_above_200k_tokens, …_flex}} -------- */

static const struct meter_key litellm_keys[] = {
    {"input_cost_per_token", METER_INPUT},
    {"cache_read_input_token_cost", METER_CACHE_READ},
    {"cache_creation_input_token_cost", METER_CACHE_WRITE_5M},
    {"cache_creation_input_token_cost_above_1hr", METER_CACHE_WRITE_1H},
    {"output_cost_per_token", METER_OUTPUT},
    {"output_cost_per_reasoning_token", METER_REASONING},
    {"input_cost_per_audio_token", METER_INPUT_AUDIO},
    {"cache_read_input_audio_token_cost", METER_CACHE_READ_AUDIO},
    {"output_cost_per_audio_token", METER_OUTPUT_AUDIO},
    {"input_cost_per_image_token", METER_INPUT_IMAGE},
    {"output_cost_per_image_token", METER_OUTPUT_IMAGE},
};

/* Takes "_above_200k_tokens" and "_flex" off a key. */
static void litellm_parts(slice *key, slice *tier, int64_t *above)
{
	static const struct {
		const char *end, *tier;
	} tiers[] = {{"_flex", "flex"}, {"_priority", "priority|fast"}, {"_batches", "batch"}};
	*tier = SLICE_NONE;
	*above = 0;
	for (size_t i = 0; i < sizeof tiers / sizeof tiers[0]; i++)
		if (slice_ends(*key, slice_of(tiers[i].end))) {
			*tier = slice_of(tiers[i].tier);
			key->n -= strlen(tiers[i].end);
		}
	ptrdiff_t at = slice_find(*key, SLICE("_above_"));
	while (at >= 0 && slice_ends(*key, SLICE("k_tokens"))) {
		slice mark = slice_sub(*key, (size_t)at + 7, key->n - 8);
		long long thousands;
		if (slice_to_i64(mark, &thousands) && thousands > 0 && thousands < 1000000) {
			*above = thousands * 1000;
			key->n = (size_t)at;
			return;
		}
		ptrdiff_t more = slice_find(slice_sub(*key, (size_t)at + 7, key->n), SLICE("_above_"));
		at = more < 0 ? -1 : at + 7 + more;
	}
}

static void litellm_row(struct book *k, slice vendor, slice name, slice entry)
{
	struct price *p = row_for(k, vendor, name);
	slice key, raw, tier;
	int64_t above;
	if (p == NULL)
		return;
	p->context_window = count_of(entry, SLICE("max_input_tokens"));
	p->max_output = count_of(entry, SLICE("max_output_tokens"));
	for (struct walk w = walk_over(entry); walk_next(&w, &key, &raw);) {
		litellm_parts(&key, &tier, &above);
		enum meter m = key_meter(key, KEYS(litellm_keys));
		if (m == METER_N)
			continue;
		struct price_modifier *c = tier.n || above ? condition(k, tier, SLICE_NONE, above) : NULL;
		if (c || (tier.n == 0 && above == 0))
			take(c ? c->per_million : p->per_million, m, raw, A_TOKEN);
	}
	take(p->per_million, METER_WEB_SEARCHES,
	     member(member(entry, SLICE("search_context_cost_per_query")),
	            SLICE("search_context_size_medium")),
	     A_TOKEN);
	end_row(k);
}

static void read_litellm(struct book *k, slice text)
{
	slice name, entry, vendor, prefix;
	for (struct walk w = walk_over(text); walk_next(&w, &name, &entry);) {
		slice provider = text_of(entry, SLICE("litellm_provider"));
		for (size_t i = 0; pricebook_vendor(BOOK_LITELLM, provider, i, &vendor, &prefix); i++) {
			slice bare = slice_starts(name, prefix) ? slice_sub(name, prefix.n, name.n) : name;
			bool single =
			    slice_find_char(bare, '/') >= 0 &&
			    (slice_eq(vendor, SLICE("bedrock")) || slice_eq(vendor, SLICE("azure")) ||
			     slice_eq(vendor, SLICE("anthropic")));
			/* one data centre's price, or a model with a fee for each search */
			if (single || slice_find(bare, SLICE("search-preview")) >= 0 ||
			    slice_find(bare, SLICE("search-api")) >= 0)
				k->b->left_out++;
			else
				litellm_row(k, vendor, bare, entry);
		}
	}
}

/* --- which book it is ---------------------------------------------------------------------------- */

static bool any_has(slice text, slice key)
{
	slice none, raw;
	for (struct walk w = walk_over(text); walk_next(&w, &none, &raw);)
		if (member(raw, key).n)
			return true;
	return false;
}

static const struct {
	const char *name;
	void (*read)(struct book *k, slice text);
	bool object;     /* else an array */
	const char *key; /* what its entries have; NULL: the book itself has `own` */
	const char *own;
} formats[] = {
    {"llm-prices", read_llm, true, NULL, "prices"},
    {"llm-prices", read_llm, true, NULL, "vendor"},
    {"LiteLLM", read_litellm, true, "litellm_provider", NULL},
    {"models.dev", read_models_dev, true, "models", NULL},
    {"langfuse", read_langfuse, false, "modelName", NULL},
    {"genai-prices", read_genai, false, "models", NULL},
};

int pricebook_read(struct pricebook *b, slice json, slice source, struct error *e)
{
	size_t at = 0, i = 0;
	const char *fault = json_validate(json, &at);
	if (fault) {
		error_set(e, ERR_INVALID, "no JSON: %s at byte %zu", fault, at);
		return ERR_INVALID;
	}
	slice text = slice_trim(json);
	bool object = text.n && text.p[0] == '{';
	for (; i < sizeof formats / sizeof formats[0]; i++)
		if (formats[i].object == object &&
		    (formats[i].key ? any_has(text, slice_of(formats[i].key))
		                    : member(text, slice_of(formats[i].own)).n > 0))
			break;
	if (i == sizeof formats / sizeof formats[0])
		return error_set(
		    e, ERR_INVALID,
		    "no price book that is known here: models.dev's api.json, genai-prices' data.json, "
		    "llm-prices, langfuse's default-model-prices.json, LiteLLM's "
		    "model_prices_and_context_window.json and Weir's own are");
	struct book k = {b, source};
	b->format = formats[i].name;
	formats[i].read(&k, text);
	return b->full ? error_set(e, ERR_FULL, "more than %d prices do not fit", PRICEBOOK_ROWS_MAX) : 0;
}

struct catalog *pricebook_catalog(slice json, slice source, const char **format, size_t *left_out,
                                  struct error *e)
{
	struct pricebook b;
	struct buf text;
	struct catalog *c = NULL;
	*left_out = 0;
	*format = "Weir";
	if (member(slice_trim(json), SLICE("format")).n)
		return catalog_read(json, e);
	pricebook_init(&b);
	buf_init(&text, PRICEBOOK_TEXT_MAX);
	if (pricebook_read(&b, json, source, e) == 0) {
		*format = b.format;
		*left_out = b.left_out;
		if (pricebook_write(&b, SLICE_NONE, NULL, NULL, &text))
			error_set(e, ERR_FULL, "the price book does not fit");
		else
			c = catalog_read(buf_slice(&text), e);
	}
	buf_release(&text);
	pricebook_release(&b);
	return c;
}
