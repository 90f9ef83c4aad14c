/* OpenAI's organisation API as it answers: pages of GET /v1/organization/usage/… (completions, embeddings,
 * code interpreter sessions) and /v1/organization/costs. Buckets of a minute, an hour or a day. Input counts
 * what was cached with it; what is measured in images, characters or seconds is told by the costs alone. */
#include "finops/import_export.h"
#include "base/money.h"
#include "model/attr_text.h"
#include "model/wire.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

enum text { T_MODEL, T_PROJECT, T_USER, T_KEY, T_TIER, T_LINE, T_OBJECT, T_N };
enum number { N_INPUT, N_CACHED, N_OUTPUT, N_AUDIO_IN, N_AUDIO_OUT, N_REQUESTS, N_SESSIONS, N_N };
enum { F_NUMBER = T_N, F_BATCH = F_NUMBER + N_N, F_AMOUNT };
static const struct wire_word result_fields[] = {
    WIRE_WORD("model", T_MODEL),
    WIRE_WORD("project_id", T_PROJECT),
    WIRE_WORD("user_id", T_USER),
    WIRE_WORD("api_key_id", T_KEY),
    WIRE_WORD("service_tier", T_TIER),
    WIRE_WORD("line_item", T_LINE),
    WIRE_WORD("object", T_OBJECT),
    WIRE_WORD("input_tokens", F_NUMBER + N_INPUT),
    WIRE_WORD("input_cached_tokens", F_NUMBER + N_CACHED),
    WIRE_WORD("output_tokens", F_NUMBER + N_OUTPUT),
    WIRE_WORD("input_audio_tokens", F_NUMBER + N_AUDIO_IN),
    WIRE_WORD("output_audio_tokens", F_NUMBER + N_AUDIO_OUT),
    WIRE_WORD("num_model_requests", F_NUMBER + N_REQUESTS),
    WIRE_WORD("num_sessions", F_NUMBER + N_SESSIONS),
    WIRE_WORD("batch", F_BATCH),
    WIRE_WORD("amount", F_AMOUNT),
};

struct result {
	struct import_export *x;
	slice text[T_N];
	int64_t number[N_N];
	bool batch, has_amount;
	slice value, currency; /* of the amount */
};

enum { A_VALUE, A_CURRENCY };
static const struct wire_word amount_fields[] = {WIRE_WORD("value", A_VALUE),
                                                 WIRE_WORD("currency", A_CURRENCY)};

static void read_amount_field(struct json *j, int id, void *arg)
{
	struct result *r = arg;
	slice *to = id == A_VALUE ? &r->value : &r->currency;
	if (json_peek(j) == JSON_STRING)
		wire_text(j, r->x->f->mem, to);
	else
		json_skip(j, to);
}

static void read_result_field(struct json *j, int id, void *arg)
{
	struct result *r = arg;
	if (id < T_N) {
		wire_text(j, r->x->f->mem, &r->text[id]);
	} else if (id < F_BATCH) {
		wire_count(j, &r->number[id - F_NUMBER]);
	} else if (id == F_BATCH) {
		json_opt_bool(j, &r->batch);
	} else {
		r->has_amount = json_peek(j) == JSON_OBJECT;
		wire_object(j, WIRE_WORDS(amount_fields), read_amount_field, r);
	}
}

/* --- tallies ---------------------------------------------------------------------------------------------
 */

struct bucket {
	struct import_export *x;
	int64_t from_ms, until_ms; /* 0: not told */
	slice results;
	const char *at;
};

static void set_who(const struct result *r, struct tally *t)
{
	static const struct {
		enum text text;
		const char *tag;
	} rows[] = {{T_PROJECT, "project"}, {T_KEY, "api_key"}};
	struct attr_tags tags;
	attr_tags_init(&tags);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (r->text[rows[i].text].n)
			attr_tags_add(&tags, slice_of(rows[i].tag), r->text[rows[i].text]);
	if (tags.n)
		import_tally_attr(r->x, t, ATTR_TAGS, attr_tags_json(&tags, r->x->f->mem));
	if (r->text[T_USER].n)
		import_tally_attr(r->x, t, ATTR_USER, r->text[T_USER]);
}

static void set_usage(const struct result *r, struct tally *t)
{
	int64_t input = r->number[N_INPUT], cached = r->number[N_CACHED];
	t->kind = TALLY_USAGE;
	t->usage.m[METER_INPUT] = input >= 0 && cached > 0 ? (input > cached ? input - cached : 0) : input;
	t->usage.m[METER_CACHE_READ] = cached;
	t->usage.m[METER_OUTPUT] = r->number[N_OUTPUT];
	t->usage.m[METER_INPUT_AUDIO] = r->number[N_AUDIO_IN];
	t->usage.m[METER_OUTPUT_AUDIO] = r->number[N_AUDIO_OUT];
	t->usage.m[METER_CODE_SESSIONS] = r->number[N_SESSIONS];
	t->tools = r->number[N_SESSIONS] >= 0;
	t->calls = r->number[N_REQUESTS];
	t->model = r->text[T_MODEL];
	t->all_models = t->model.n == 0 && !t->tools;
	t->service_tier = r->batch ? SLICE("batch") : r->text[T_TIER];
}

/* "gpt-5-2025-08-07, cached input": the model and the part; another line is a fee. */
static void read_line_item(slice line, struct tally *t, enum cost_part *part)
{
	static const struct {
		slice word;
		enum cost_part part;
	} rows[] = {{SLICE("cached input"), COST_CACHE_READ},
	            {SLICE("input"), COST_INPUT},
	            {SLICE("output"), COST_OUTPUT}};
	slice rest = line, model = SLICE_NONE;
	slice_split(&rest, ',', &model);
	rest = slice_trim(rest);
	*part = COST_OTHER;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (*part == COST_OTHER && slice_find(rest, rows[i].word) >= 0)
			*part = rows[i].part;
	t->what = line;
	t->all_models = line.n == 0;
	if (rest.n || import_vendor(model).n)
		t->model = slice_trim(model);
	else if (line.n) {
		t->tools = true;
		*part = COST_TOOLS;
	}
}

static bool set_cost(const struct result *r, const struct bucket *b, struct tally *t)
{
	enum cost_part part;
	int64_t nano;
	size_t line = import_line_at(r->x, b->at);
	if (r->currency.n && !slice_eq_nocase(r->currency, SLICE("usd"))) {
		import_bad(r->x, line, "an amount that is not in USD: nothing is converted");
		return false;
	}
	if (money_decimal(r->value, 9, &nano) != 0) {
		import_bad(r->x, line, "an amount without a value that is a number");
		return false;
	}
	read_line_item(r->text[T_LINE], t, &part);
	t->kind = TALLY_COST;
	t->costed = true;
	t->cost.part[part] = nano;
	t->cost.total = nano;
	return true;
}

static void give_result(const struct result *r, const struct bucket *b)
{
	struct tally t;
	import_tally(r->x, &t, SLICE("openai"));
	t.from_ms = b->from_ms;
	t.until_ms = b->until_ms;
	set_who(r, &t);
	if (r->has_amount) {
		if (set_cost(r, b, &t))
			import_give_tally(r->x, &t);
		return;
	}
	set_usage(r, &t);
	if (tally_has_usage(&t))
		import_give_tally(r->x, &t);
	else
		r->x->n->others++;
}

static void read_result(struct json *j, int id, void *arg)
{
	struct bucket *b = arg;
	struct result r = {.x = b->x};
	(void)id;
	for (int i = 0; i < N_N; i++)
		r.number[i] = TOKENS_ABSENT;
	b->at = j->p;
	wire_object(j, WIRE_WORDS(result_fields), read_result_field, &r);
	if (j->error == NULL)
		give_result(&r, b);
}

/* --- pages -----------------------------------------------------------------------------------------------
 */

enum { B_FROM, B_UNTIL, B_RESULTS };
static const struct wire_word bucket_fields[] = {
    WIRE_WORD("start_time", B_FROM),
    WIRE_WORD("end_time", B_UNTIL),
    WIRE_WORD("results", B_RESULTS),
    WIRE_WORD("result", B_RESULTS),
};

/* Seconds, as a number or a text. */
static void read_seconds(struct json *j, int64_t *ms)
{
	slice raw = SLICE_NONE;
	json_str s = {0};
	if (json_peek(j) == JSON_STRING)
		raw = json_string(j, &s) ? s.raw : SLICE_NONE;
	else
		json_skip(j, &raw);
	if (!import_time(raw, ms))
		*ms = 0;
}

static void read_bucket_field(struct json *j, int id, void *arg)
{
	struct bucket *b = arg;
	if (id == B_RESULTS)
		json_skip(j, &b->results);
	else
		read_seconds(j, id == B_FROM ? &b->from_ms : &b->until_ms);
}

static void read_bucket(struct json *j, int id, void *arg)
{
	struct bucket b = {.x = arg};
	const char *at = j->p;
	(void)id;
	wire_object(j, WIRE_WORDS(bucket_fields), read_bucket_field, &b);
	if (j->error || b.x->rc)
		return;
	if (b.from_ms <= 0) {
		import_bad(b.x, import_line_at(b.x, at),
		           "a bucket without the time that it begins at (start_time)");
		return;
	}
	if (b.until_ms <= b.from_ms)
		b.until_ms = b.from_ms + DAY_MS;
	struct json results;
	json_init(&results, b.results);
	if (b.results.n)
		wire_array(&results, read_result, &b);
	if (b.results.n && !json_end(&results) && b.x->rc == 0)
		b.x->rc = ERR_NOMEM;
}

static void read_document(struct import_export *x, struct json *j)
{
	import_list(x, j, SLICE("data"), read_bucket);
}

static int read_file(const struct import_options *o, const struct import_file *f, struct import_counts *n)
{
	struct import_export x = {&import_openai_usage, o, f, n, 0};
	if (import_is_json(f->text))
		import_documents(&x, read_document);
	else
		import_bad(&x, 1, "no JSON: save the answers of the usage and costs API as they are");
	return x.rc;
}

const struct import_source import_openai_usage = {
    .name = "openai-usage",
    .title = "OpenAI's usage and costs",
    .endings = {".json", ".jsonl"},
    .read = read_file,
    .named_only = true,
};
