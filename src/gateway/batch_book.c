/* Money of batches: what a line of the results cost, and the most that a batch can. */
#include "base/crypto.h"
#include "base/money.h"
#include "base/num.h"
#include "codec/registry.h"
#include "gateway/batch.h"
#include "gateway/batch_text.h"
#include "gateway/meter.h"
#include "model/usage.h"

#define TIER           SLICE("batch")
/* As at admission: tokens that providers add to a prompt, and figures where the book has none. */
#define INPUT_UNSEEN   2048
#define INPUT_UNKNOWN  2000000
#define OUTPUT_UNKNOWN 128000

/* --- a line ----------------------------------------------------------------------------------- */

/* The same for the same line of the same batch, in order of the batches' times. */
static bool line_id(const struct batch *b, slice custom_id, struct arena *mem, char out[CRYPTO_ID_MAX])
{
	uint8_t hash[CRYPTO_SHA256_BYTES];
	slice text = arena_printf(mem, SLICE_FMT "\n" SLICE_FMT "\n" SLICE_FMT, SLICE_ARG(b->provider),
	                          SLICE_ARG(b->id), SLICE_ARG(custom_id));
	if (text.p == NULL || crypto_sha256(text, hash))
		return false;
	crypto_id_of(b->made.time_ms, hash, out);
	return true;
}

static void start_row(const struct batch *b, struct record *r)
{
	static const enum record_text kept[] = {TEXT_NODE,   TEXT_SOURCE,  TEXT_PROVIDER,
	                                        TEXT_KEY_ID, TEXT_CLAIMED, TEXT_BATCH};
	record_init(r);
	r->time_ms = b->made.time_ms;
	r->api = b->made.api;
	r->who = b->made.who;
	r->billing = b->made.billing;
	r->decision = DECISION_ADMITTED;
	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
		r->text[kept[i]] = b->made.text[kept[i]];
	r->text[TEXT_SERVICE_TIER] = TIER;
}

static const struct codec_ops *codec_of(const struct batch *b, const struct batch_result *l)
{
	static const struct {
		slice object;
		enum api api;
	} shapes[] = {
	    {{"chat.completion", 15}, API_OPENAI_CHAT},
	    {{"response", 8}, API_OPENAI_RESPONSES},
	    {{"list", 4}, API_OPENAI_EMBEDDINGS},
	    {{"text_completion", 15}, API_OPENAI_COMPLETIONS},
	};
	if (b->made.api == API_ANTHROPIC_BATCH)
		return registry_codec(API_ANTHROPIC_MESSAGES);
	for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
		if (slice_eq(name_get(&l->object), shapes[i].object))
			return registry_codec(shapes[i].api);
	return registry_codec(API_OPENAI_CHAT);
}

static bool add_part(const struct settings *s, const struct provider *p, slice model, const struct usage *u,
                     const struct billed_as *as, struct record *r, struct error *e)
{
	bool fallback;
	const struct price *row = p ? settings_price(s, p, model, r->time_ms, &fallback) : NULL;
	if (row == NULL) {
		error_set(e, ERR_NOT_FOUND, "no price is known for model \"" SLICE_FMT "\"",
		          SLICE_ARG(model));
		return false;
	}
	if (usage_cost_add(row, u, as, &r->cost, e))
		return false;
	if (r->text[TEXT_PRICE_ID].n == 0)
		r->text[TEXT_PRICE_ID] = row->id;
	return true;
}

/* What cannot be priced stays without a cost, and is told: never nothing. */
static void price_line(const struct batch *b, const struct settings *s, const struct answer *a,
                       struct arena *mem, struct record *r)
{
	const struct provider *p = settings_provider(s, DIALECT_NONE, b->provider, SLICE_NONE);
	struct billed_as as = {TIER, name_get(&a->speed), name_get(&a->region)};
	struct error e = {0};
	r->priced = add_part(s, p, name_get(&a->model), &r->usage, &as, r, &e);
	for (size_t i = 0; i < a->parts_n; i++) {
		r->priced =
		    r->priced && add_part(s, p, name_get(&a->parts[i].model), &a->parts[i].usage, &as, r, &e);
		usage_add(&r->usage, &a->parts[i].usage);
	}
	if (!r->priced) {
		r->cost = (struct cost){0};
		r->text[TEXT_EXPLANATION] = arena_copy(mem, slice_of(e.text));
		return;
	}
	r->list_cost_nanousd = r->cost.total;
	if (p->credit_nanousd > 0)
		r->credits_nano = money_in_credits(r->cost.total, p->credit_nanousd);
}

static void fill_answer(const struct batch *b, const struct settings *s, const struct batch_result *l,
                        struct arena *mem, struct record *r)
{
	struct stream_meter m;
	struct request_view view = {.choices = 1, .max_output = TOKENS_ABSENT};
	meter_init(&m, codec_of(b, l), &view);
	meter_begin(&m, METER_WHOLE, l->body.n);
	meter_whole(&m, l->body);
	r->usage_source = meter_usage(&m, 0, false, &r->usage);
	price_line(b, s, &m.answer, mem, r);
	r->text[TEXT_MODEL_SERVED] = arena_copy(mem, name_get(&m.answer.model));
	r->text[TEXT_MODEL_REQUESTED] = r->text[TEXT_MODEL_SERVED];
	r->text[TEXT_STOP_REASON] = arena_copy(mem, name_get(&m.answer.stop_reason));
	r->text[TEXT_CALL_KEY] = arena_copy(mem, name_get(&m.answer.id));
	r->context_tokens = usage_context_tokens(&r->usage);
	r->tool_calls = m.answer.tool_calls;
	r->server_tool_calls = m.answer.server_tool_calls;
	meter_release(&m);
}

int batch_line(const struct batch *b, const struct settings *s, slice line, struct arena *mem,
               struct record *r)
{
	struct batch_result l;
	start_row(b, r);
	if (!batch_read_result(line, mem, &l) || !line_id(b, l.custom_id, mem, r->id))
		return ERR_INVALID;
	bool good = l.body.n && (l.type.n == 0 || slice_eq(name_get(&l.type), SLICE("succeeded"))) &&
	            (l.status == RECORD_ABSENT || l.status < 400);
	r->status = l.status != RECORD_ABSENT ? l.status : good ? 200 : RECORD_ABSENT;
	if (good) {
		r->ending = ENDING_COMPLETE;
		fill_answer(b, s, &l, mem, r);
		return 0;
	}
	r->ending = ENDING_PROVIDER_ERROR;
	r->priced = true; /* what failed, expired or was canceled is not billed */
	r->list_cost_nanousd = 0;
	slice type = name_get(&l.type), error = name_get(&l.error);
	r->text[TEXT_EXPLANATION] =
	    arena_printf(mem, "the batch's line was not answered: " SLICE_FMT "%s" SLICE_FMT, SLICE_ARG(type),
	                 type.n && error.n ? ", " : "", SLICE_ARG(error));
	return 0;
}

void batch_lost_row(const struct batch *b, const char *why, struct arena *mem, struct record *r)
{
	start_row(b, r);
	if (!line_id(b, SLICE_NONE, mem, r->id)) /* no memory: the creation's own id, one later */
		crypto_id_of(b->made.time_ms + 1, (const uint8_t *)b->made.id, r->id);
	r->ending = ENDING_PROVIDER_GONE;
	r->usage_source = SOURCE_HOLD;
	r->hold_nanousd = RECORD_ABSENT;
	r->priced = b->made.hold_nanousd >= 0;
	r->cost.total = r->cost.part[COST_OTHER] = num_max_i64(b->made.hold_nanousd, 0);
	r->list_cost_nanousd = b->made.hold_nanousd;
	r->text[TEXT_EXPLANATION] = slice_of(why);
}

/* --- the worst case --------------------------------------------------------------------------- */

struct holding {
	const struct settings *s;
	const struct provider *p;
	int64_t wall_ms, sum;
	struct arena *mem; /* for what outlives a request */
	struct arena one;  /* for one request */
	slice *model;      /* the one without a price */
};

static int64_t worst_case(const struct price *p, const struct request_view *v, size_t bytes,
                          int64_t hosted_calls)
{
	struct codec_hosted tools;
	codec_hosted(v, &tools);
	int64_t calls = tools.most == INT64_MAX ? hosted_calls : tools.most;
	struct billed_as asked = {.service_tier = TIER, .speed = v->speed};
	struct price_bounds b = {
	    .input_tokens = tokens_upper_bound(bytes) + INPUT_UNSEEN, .choices = v->choices, .asked = &asked};
	b.web_searches = tools.searches ? calls : 0;
	b.hosted_tool_calls = tools.others ? calls : 0;
	if (v->hidden_input)
		b.input_tokens =
		    num_max_i64(b.input_tokens, p->context_window > 0 ? p->context_window : INPUT_UNKNOWN);
	b.max_output = v->max_output != TOKENS_ABSENT ? v->max_output
	               : p->max_output > 0            ? p->max_output
	                                              : OUTPUT_UNKNOWN;
	return price_worst_case_of(p, &b);
}

static int add_item(void *arg, const struct batch_item *item, struct error *e)
{
	struct holding *h = arg;
	const struct codec_ops *codec = registry_codec(item->api);
	struct target t = {.api = item->api};
	struct request_view v;
	bool fallback;
	if (codec == NULL)
		return error_set(e, ERR_INVALID, "a batch's line asks for a path that cannot be metered");
	arena_reset(&h->one);
	int rc = codec->request(&t, item->body, &h->one, &v, e);
	if (rc)
		return rc;
	const struct price *p = settings_price(h->s, h->p, v.model, h->wall_ms, &fallback);
	if (p == NULL) {
		*h->model = arena_copy(h->mem, v.model);
		return error_set(e, ERR_NOT_FOUND, "no price is known");
	}
	h->sum = num_sat_add_i64(h->sum, worst_case(p, &v, item->body.n, h->s->limits.hosted_calls));
	return 0;
}

int batch_hold_body(const struct settings *s, const struct provider *p, int64_t wall_ms, slice body,
                    struct arena *mem, int64_t *hold, slice *model, struct error *e)
{
	struct holding h = {.s = s, .p = p, .wall_ms = wall_ms, .mem = mem, .model = model};
	arena_init(&h.one, 1 << 20);
	int rc = batch_items(body, add_item, &h, e);
	arena_release(&h.one);
	*hold = h.sum;
	return rc;
}

int batch_hold_file(const struct settings *s, const struct provider *p, int64_t wall_ms, slice lines,
                    struct arena *mem, int64_t *hold, slice *model, struct error *e)
{
	struct holding h = {.s = s, .p = p, .wall_ms = wall_ms, .mem = mem, .model = model};
	slice line;
	int rc = 0;
	arena_init(&h.one, 1 << 20);
	while (rc == 0 && slice_split(&lines, '\n', &line)) {
		line = slice_trim(line);
		if (line.n)
			rc = batch_item_line(line, add_item, &h, e);
	}
	arena_release(&h.one);
	*hold = h.sum;
	return rc;
}
