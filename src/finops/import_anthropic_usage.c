/* Anthropic's Admin API as it answers: pages of GET /v1/organizations/usage_report/messages (tokens),
 * …/cost_report (money, in cents) and …/usage_report/claude_code (by person). Buckets of a minute, an hour or
 * a day; what is null was not told apart. */
#include "base/money.h"
#include "finops/import_export.h"
#include "model/attr_text.h"
#include "model/wire.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

enum text {
	T_KEY,
	T_WORKSPACE,
	T_ACCOUNT,
	T_SERVICE_ACCOUNT,
	T_MODEL,
	T_TIER,
	T_WINDOW,
	T_GEO,
	T_SPEED,
	T_CURRENCY,
	T_DESCRIPTION,
	T_COST_TYPE,
	T_TOKEN_TYPE,
	T_N,
	R_INPUT = T_N,
	R_READ,
	R_OUTPUT,
	R_CREATION,
	R_TOOLS,
	R_AMOUNT
};
static const struct wire_word result_fields[] = {
    WIRE_WORD("api_key_id", T_KEY),
    WIRE_WORD("workspace_id", T_WORKSPACE),
    WIRE_WORD("account_id", T_ACCOUNT),
    WIRE_WORD("service_account_id", T_SERVICE_ACCOUNT),
    WIRE_WORD("model", T_MODEL),
    WIRE_WORD("service_tier", T_TIER),
    WIRE_WORD("context_window", T_WINDOW),
    WIRE_WORD("inference_geo", T_GEO),
    WIRE_WORD("speed", T_SPEED),
    WIRE_WORD("currency", T_CURRENCY),
    WIRE_WORD("description", T_DESCRIPTION),
    WIRE_WORD("cost_type", T_COST_TYPE),
    WIRE_WORD("token_type", T_TOKEN_TYPE),
    WIRE_WORD("uncached_input_tokens", R_INPUT),
    WIRE_WORD("cache_read_input_tokens", R_READ),
    WIRE_WORD("output_tokens", R_OUTPUT),
    WIRE_WORD("cache_creation", R_CREATION),
    WIRE_WORD("server_tool_use", R_TOOLS),
    WIRE_WORD("amount", R_AMOUNT),
};

struct result {
	struct import_export *x;
	slice text[T_N];
	struct usage usage;
	bool has_amount;
	slice amount; /* cents */
};

static const struct wire_word creation_fields[] = {
    WIRE_WORD("ephemeral_5m_input_tokens", METER_CACHE_WRITE_5M),
    WIRE_WORD("ephemeral_1h_input_tokens", METER_CACHE_WRITE_1H)};
static const struct wire_word tool_fields[] = {WIRE_WORD("web_search_requests", METER_WEB_SEARCHES)};

static void read_meter(struct json *j, int id, void *arg)
{
	wire_count(j, &((struct usage *)arg)->m[id]);
}

/* A text of a decimal, or a number. */
static void read_decimal(struct json *j, slice *out)
{
	json_str s;
	if (json_peek(j) == JSON_STRING) {
		if (json_string(j, &s))
			*out = s.raw;
	} else {
		json_skip(j, out);
	}
}

static void read_result_field(struct json *j, int id, void *arg)
{
	struct result *r = arg;
	if (id < T_N) {
		wire_text(j, r->x->f->mem, &r->text[id]);
	} else if (id == R_CREATION) {
		wire_object(j, WIRE_WORDS(creation_fields), read_meter, &r->usage);
	} else if (id == R_TOOLS) {
		wire_object(j, WIRE_WORDS(tool_fields), read_meter, &r->usage);
	} else if (id == R_AMOUNT) {
		r->has_amount = true;
		read_decimal(j, &r->amount);
	} else {
		static const enum meter meters[] = {METER_INPUT, METER_CACHE_READ, METER_OUTPUT};
		wire_count(j, &r->usage.m[meters[id - R_INPUT]]);
	}
}

/* --- tallies ---------------------------------------------------------------------------------------------
 */

struct bucket {
	struct import_export *x;
	json_str from, until, date;
	slice results, actor, models, customer;
	const char *at;
	int64_t from_ms, until_ms;
};

static void set_who(const struct result *r, struct tally *t)
{
	static const struct {
		enum text text;
		const char *tag;
	} rows[] = {{T_WORKSPACE, "workspace"},
	            {T_KEY, "api_key"},
	            {T_ACCOUNT, "account"},
	            {T_SERVICE_ACCOUNT, "service_account"}};
	struct attr_tags tags;
	attr_tags_init(&tags);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (r->text[rows[i].text].n)
			attr_tags_add(&tags, slice_of(rows[i].tag), r->text[rows[i].text]);
	if (tags.n)
		import_tally_attr(r->x, t, ATTR_TAGS, attr_tags_json(&tags, r->x->f->mem));
}

static enum cost_part part_of(slice token_type)
{
	static const struct {
		slice type;
		enum cost_part part;
	} rows[] = {
	    {SLICE("uncached_input_tokens"), COST_INPUT},
	    {SLICE("cache_read_input_tokens"), COST_CACHE_READ},
	    {SLICE("cache_creation.ephemeral_5m_input_tokens"), COST_CACHE_WRITE_5M},
	    {SLICE("cache_creation.ephemeral_1h_input_tokens"), COST_CACHE_WRITE_1H},
	    {SLICE("output_tokens"), COST_OUTPUT},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (slice_eq(token_type, rows[i].type))
			return rows[i].part;
	return COST_OTHER;
}

static bool is_tool(slice cost_type)
{
	return slice_eq(cost_type, SLICE("web_search")) || slice_eq(cost_type, SLICE("code_execution"));
}

/* A line of the cost report. False after it was told as bad. */
static bool set_cost(const struct result *r, const struct bucket *b, struct tally *t)
{
	slice type = r->text[T_COST_TYPE];
	int64_t nano;
	size_t line = import_line_at(r->x, b->at);
	if (r->text[T_CURRENCY].n && !slice_eq_nocase(r->text[T_CURRENCY], SLICE("USD"))) {
		import_bad(r->x, line, "an amount that is not in USD: nothing is converted");
		return false;
	}
	if (money_decimal(r->amount, 7, &nano) != 0) {
		import_bad(r->x, line, "an amount that is no number");
		return false;
	}
	t->kind = TALLY_COST;
	t->costed = true;
	t->what = r->text[T_DESCRIPTION];
	t->tools = is_tool(type);
	t->all_models = t->model.n == 0 && type.n == 0 && t->what.n == 0;
	t->cost.part[t->tools ? COST_TOOLS : part_of(r->text[T_TOKEN_TYPE])] = nano;
	t->cost.total = nano;
	return true;
}

static void give_result(struct result *r, const struct bucket *b)
{
	struct tally t;
	import_tally(r->x, &t, SLICE("anthropic"));
	t.from_ms = b->from_ms;
	t.until_ms = b->until_ms;
	t.model = r->text[T_MODEL];
	t.service_tier = r->text[T_TIER];
	t.region = r->text[T_GEO];
	t.speed = r->text[T_SPEED];
	t.long_context = slice_starts(r->text[T_WINDOW], SLICE("200k-"));
	set_who(r, &t);
	if (r->has_amount) {
		if (set_cost(r, b, &t))
			import_give_tally(r->x, &t);
		return;
	}
	t.kind = TALLY_USAGE;
	t.usage = r->usage;
	t.all_models = t.model.n == 0;
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
	b->at = j->p;
	usage_clear(&r.usage);
	wire_object(j, WIRE_WORDS(result_fields), read_result_field, &r);
	if (j->error == NULL)
		give_result(&r, b);
}

/* --- Claude Code's analytics: a person's day ---------------------------------------------------------------
 */

enum { M_MODEL, M_TOKENS, M_COST };
static const struct wire_word model_fields[] = {WIRE_WORD("model", M_MODEL), WIRE_WORD("tokens", M_TOKENS),
                                                WIRE_WORD("estimated_cost", M_COST)};
static const struct wire_word token_fields[] = {
    WIRE_WORD("input", METER_INPUT), WIRE_WORD("output", METER_OUTPUT),
    WIRE_WORD("cache_read", METER_CACHE_READ), WIRE_WORD("cache_creation", METER_CACHE_WRITE_5M)};
static const struct wire_word cost_fields[] = {WIRE_WORD("amount", R_AMOUNT),
                                               WIRE_WORD("currency", T_CURRENCY)};

static void read_model_field(struct json *j, int id, void *arg)
{
	struct result *r = arg;
	if (id == M_MODEL)
		wire_text(j, r->x->f->mem, &r->text[T_MODEL]);
	else if (id == M_TOKENS)
		wire_object(j, WIRE_WORDS(token_fields), read_meter, &r->usage);
	else
		wire_object(j, WIRE_WORDS(cost_fields), read_result_field, r);
}

struct person {
	struct import_export *x;
	slice email, key;
};
enum { P_EMAIL, P_KEY };
static const struct wire_word actor_fields[] = {WIRE_WORD("email_address", P_EMAIL),
                                                WIRE_WORD("api_key_name", P_KEY)};

static void read_actor_field(struct json *j, int id, void *arg)
{
	struct person *p = arg;
	wire_text(j, p->x->f->mem, id == P_EMAIL ? &p->email : &p->key);
}

static void give_person(struct result *r, const struct bucket *b)
{
	struct person p = {.x = r->x};
	struct attr_tags tags;
	struct tally t;
	struct json j;
	json_init(&j, b->actor);
	if (b->actor.n)
		wire_object(&j, WIRE_WORDS(actor_fields), read_actor_field, &p);
	import_tally(r->x, &t, SLICE("anthropic"));
	t.source = SLICE("anthropic-people");
	t.from_ms = b->from_ms;
	t.until_ms = b->until_ms;
	t.model = r->text[T_MODEL];
	if (slice_find(b->customer, SLICE("subscription")) >= 0)
		t.billing = BILLING_SUBSCRIPTION;
	import_tally_attr(r->x, &t, ATTR_AGENT, SLICE("claude-code"));
	if (p.email.n)
		import_tally_attr(r->x, &t, ATTR_USER, p.email);
	attr_tags_init(&tags);
	if (p.key.n && attr_tags_add(&tags, SLICE("api_key"), p.key))
		import_tally_attr(r->x, &t, ATTR_TAGS, attr_tags_json(&tags, r->x->f->mem));
	if (r->has_amount && !set_cost(r, b, &t))
		return;
	t.kind = TALLY_PEOPLE;
	t.usage = r->usage;
	if (t.costed || tally_has_usage(&t))
		import_give_tally(r->x, &t);
}

static void read_model(struct json *j, int id, void *arg)
{
	struct bucket *b = arg;
	struct result r = {.x = b->x};
	(void)id;
	b->at = j->p;
	usage_clear(&r.usage);
	wire_object(j, WIRE_WORDS(model_fields), read_model_field, &r);
	if (j->error == NULL)
		give_person(&r, b);
}

/* --- pages -----------------------------------------------------------------------------------------------
 */

enum { B_FROM, B_UNTIL, B_DATE, B_RESULTS, B_ACTOR, B_MODELS, B_CUSTOMER };
static const struct wire_word bucket_fields[] = {
    WIRE_WORD("starting_at", B_FROM),
    WIRE_WORD("ending_at", B_UNTIL),
    WIRE_WORD("date", B_DATE),
    WIRE_WORD("results", B_RESULTS),
    WIRE_WORD("actor", B_ACTOR),
    WIRE_WORD("model_breakdown", B_MODELS),
    WIRE_WORD("customer_type", B_CUSTOMER),
};

static void read_bucket_field(struct json *j, int id, void *arg)
{
	struct bucket *b = arg;
	json_str *const texts[] = {&b->from, &b->until, &b->date};
	slice *const raw[] = {&b->results, &b->actor, &b->models, &b->customer};
	if (id < B_RESULTS)
		json_opt_string(j, texts[id]);
	else
		json_skip(j, raw[id - B_RESULTS]);
}

static void read_within(slice text, wire_field *read, struct bucket *b)
{
	struct json j;
	json_init(&j, text);
	wire_array(&j, read, b);
	if (!json_end(&j) && b->x->rc == 0)
		b->x->rc = ERR_NOMEM;
}

static void read_bucket(struct json *j, int id, void *arg)
{
	struct bucket b = {.x = arg};
	const char *at = j->p;
	(void)id;
	wire_object(j, WIRE_WORDS(bucket_fields), read_bucket_field, &b);
	if (j->error || b.x->rc)
		return;
	slice from = b.date.raw.n ? b.date.raw : b.from.raw;
	if (!import_time(from, &b.from_ms)) {
		import_bad(b.x, import_line_at(b.x, at),
		           "a bucket without the time that it begins at (starting_at)");
		return;
	}
	if (!import_time(b.until.raw, &b.until_ms) || b.until_ms <= b.from_ms)
		b.until_ms = b.from_ms + DAY_MS;
	if (b.models.n)
		read_within(b.models, read_model, &b);
	else if (b.results.n)
		read_within(b.results, read_result, &b);
	else
		b.x->n->others++;
}

static void read_document(struct import_export *x, struct json *j)
{
	import_list(x, j, SLICE("data"), read_bucket);
}

static int read_file(const struct import_options *o, const struct import_file *f, struct import_counts *n)
{
	struct import_export x = {&import_anthropic_usage, o, f, n, 0};
	if (import_is_json(f->text))
		import_documents(&x, read_document);
	else
		import_bad(&x, 1, "no JSON: save the answers of the Admin API as they are");
	return x.rc;
}

const struct import_source import_anthropic_usage = {
    .name = "anthropic-usage",
    .title = "Anthropic's usage and cost reports",
    .endings = {".json", ".jsonl"},
    .read = read_file,
    .named_only = true,
};
