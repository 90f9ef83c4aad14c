/* Cursor: the events of its dashboard's export (CSV), and of its Admin API (POST
 * /teams/filtered-usage-events, JSON). An event is a call. What a plan includes is valued and not spent; what
 * goes by the user's own key of a provider is paid there, and told of there. */
#include "base/money.h"
#include "finops/import_export.h"
#include "model/attr_text.h"
#include "model/usage.h"
#include "model/wire.h"

struct event {
	int64_t time_ms;
	slice user, kind, model, session;
	int64_t input, write, read, output, total; /* total: of all tokens, as told */
	bool costed;
	int64_t charged; /* nano-dollars */
	bool valued;
	int64_t value; /* what the tokens are worth, likewise */
	size_t line;
};

/* Events that are alike in all are told apart by their order. */
struct seen {
	struct import_export x; /* first: what is given an export here is given this */
	slice last;
	unsigned again;
};

static bool has(slice text, const char *word)
{
	char lower[64];
	size_t n = text.n < sizeof lower ? text.n : sizeof lower;
	for (size_t i = 0; i < n; i++)
		lower[i] = text.p[i] >= 'A' && text.p[i] <= 'Z' ? (char)(text.p[i] - 'A' + 'a')
		           : text.p[i] == '_'                   ? ' '
		                                                : text.p[i];
	return slice_find(slice_make(lower, n), slice_of(word)) >= 0;
}

static bool by_own_key(slice kind)
{
	return has(kind, "user api key");
}

static bool is_free(slice kind)
{
	return has(kind, "no charge") || has(kind, "not charged");
}

static bool is_included(slice kind)
{
	return has(kind, "included") || has(kind, "free");
}

/* Whether what was written to the cache stands in the column of fresh input too is told by the total. */
static void settle_input(struct event *e)
{
	int64_t apart = e->input + e->write + e->read + e->output;
	if (e->total > 0 && e->total != apart && e->write >= e->input && e->total == apart - e->input)
		e->write -= e->input;
}

static void set_money(const struct event *e, const struct import_export *x, struct record *r)
{
	bool known = e->costed || e->valued;
	int64_t amount = e->costed ? e->charged : e->value;
	if (is_free(e->kind)) {
		r->priced = true;
	} else if (is_included(e->kind)) {
		r->billing = BILLING_SUBSCRIPTION;
		known = e->valued || (e->costed && e->charged > 0);
		amount = e->valued ? e->value : e->charged;
	}
	if (is_free(e->kind) || !known) {
		if (!r->priced)
			import_price(x->o, r, NULL);
	} else {
		r->priced = true;
		r->cost.part[COST_OTHER] = r->cost.total = r->list_cost_nanousd = amount;
	}
	r->context_tokens = usage_context_tokens(&r->usage);
}

static slice key_of(struct seen *s, const struct event *e)
{
	struct arena *mem = s->x.f->mem;
	slice key = arena_printf(mem, "cursor %lld " SLICE_FMT " " SLICE_FMT " %lld %lld %lld %lld",
	                         (long long)e->time_ms, SLICE_ARG(slice_sub(e->user, 0, 24)),
	                         SLICE_ARG(slice_sub(e->model, 0, 20)), (long long)e->input,
	                         (long long)e->write, (long long)e->read, (long long)e->output);
	s->again = slice_eq(key, s->last) ? s->again + 1 : 0;
	s->last = key;
	return s->again ? arena_printf(mem, SLICE_FMT " #%u", SLICE_ARG(key), s->again + 1) : key;
}

static void give(struct seen *s, struct event *e)
{
	struct import_export *x = &s->x;
	struct record r;
	struct attr_tags tags;
	if (x->rc)
		return;
	if (by_own_key(e->kind)) {
		x->n->others++;
		return;
	}
	settle_input(e);
	slice key = key_of(s, e);
	if (key.p == NULL) {
		x->rc = ERR_NOMEM;
		return;
	}
	import_record(&r, &import_cursor, x->o, e->time_ms, key);
	r.api = API_OPENAI_CHAT;
	r.usage.m[METER_INPUT] = e->input;
	r.usage.m[METER_CACHE_WRITE_5M] = e->write;
	r.usage.m[METER_CACHE_READ] = e->read;
	r.usage.m[METER_OUTPUT] = e->output;
	r.text[TEXT_PROVIDER] = SLICE("cursor");
	r.text[TEXT_MODEL_SERVED] = e->model;
	r.text[TEXT_CALL_KEY] = slice_sub(key, 0, 95);
	r.text[TEXT_SOURCE] = SLICE("import:cursor");
	if (e->user.n)
		import_attr(&r, x->o, ATTR_USER, e->user);
	if (e->session.n)
		import_attr(&r, x->o, ATTR_SESSION, e->session);
	attr_tags_init(&tags);
	if (e->kind.n && attr_tags_add(&tags, SLICE("kind"), e->kind))
		import_attr(&r, x->o, ATTR_TAGS, attr_tags_json(&tags, x->f->mem));
	set_money(e, x, &r);
	x->n->calls++;
	x->n->unpriced += !r.priced;
	x->rc = x->o->on_call(x->o->arg, &r);
}

/* --- CSV -------------------------------------------------------------------------------------------------
 */

enum { C_DATE, C_USER, C_KIND, C_MODEL, C_WRITE, C_INPUT, C_READ, C_OUTPUT, C_TOTAL, C_COST, C_AGENT };
static const struct import_column columns[] = {
    {C_DATE, "date timestamp"},
    {C_USER, "user useremail email"},
    {C_KIND, "kind"},
    {C_MODEL, "model"},
    {C_WRITE, "inputwcachewrite cachewrite cachewritetokens"},
    {C_INPUT, "inputwocachewrite input inputtokens"},
    {C_READ, "cacheread cachereadtokens"},
    {C_OUTPUT, "outputtokens output"},
    {C_TOTAL, "totaltokens"},
    {C_COST, "cost costtoyou"},
    {C_AGENT, "cloudagentid"},
};
#define NEEDED (1u << C_DATE | 1u << C_MODEL | 1u << C_OUTPUT)

static bool read_counts(const struct import_table *t, struct event *e)
{
	static const int ids[] = {C_INPUT, C_WRITE, C_READ, C_OUTPUT, C_TOTAL};
	int64_t *const to[] = {&e->input, &e->write, &e->read, &e->output, &e->total};
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		slice text = import_table_text(t, ids[i]);
		*to[i] = 0;
		if (text.n && !slice_eq(text, SLICE("-")) && !import_whole(text, to[i]))
			return false;
	}
	return true;
}

static void read_table(struct seen *s, struct import_table *t)
{
	while (import_table_next(t, &s->x)) {
		struct event e = {.user = import_table_text(t, C_USER),
		                  .kind = import_table_text(t, C_KIND),
		                  .model = import_table_text(t, C_MODEL),
		                  .session = import_table_text(t, C_AGENT),
		                  .line = t->csv.line};
		slice cost = import_table_text(t, C_COST);
		if (!import_time(import_table_text(t, C_DATE), &e.time_ms)) {
			import_bad(&s->x, e.line, "no date in the column Date");
			continue;
		}
		if (!read_counts(t, &e)) {
			import_bad(&s->x, e.line, "a token count that is no whole number");
			continue;
		}
		e.costed = import_amount(cost, &e.charged);
		if (cost.n && cost.p[0] >= '0' && cost.p[0] <= '9' && !e.costed) {
			import_bad(&s->x, e.line, "an amount in the column Cost that is no number");
			continue;
		}
		if (is_included(cost) && e.kind.n == 0)
			e.kind = cost;
		give(s, &e);
	}
}

/* --- JSON ------------------------------------------------------------------------------------------------
 */

enum { J_TIME, J_USER, J_MODEL, J_KIND, J_SESSION, J_TOKENS, J_CHARGED };
static const struct wire_word event_fields[] = {
    WIRE_WORD("timestamp", J_TIME),
    WIRE_WORD("userEmail", J_USER),
    WIRE_WORD("model", J_MODEL),
    WIRE_WORD("kind", J_KIND),
    WIRE_WORD("conversationId", J_SESSION),
    WIRE_WORD("tokenUsage", J_TOKENS),
    WIRE_WORD("chargedCents", J_CHARGED),
};
enum { U_INPUT, U_OUTPUT, U_WRITE, U_READ, U_CENTS };
static const struct wire_word usage_fields[] = {
    WIRE_WORD("inputTokens", U_INPUT),      WIRE_WORD("outputTokens", U_OUTPUT),
    WIRE_WORD("cacheWriteTokens", U_WRITE), WIRE_WORD("cacheReadTokens", U_READ),
    WIRE_WORD("totalCents", U_CENTS),
};

struct reading {
	struct seen *s;
	struct event e;
	slice time;
};

static bool read_cents(struct json *j, int64_t *nano)
{
	slice raw;
	json_str text = {0};
	if (json_peek(j) == JSON_STRING)
		raw = json_string(j, &text) ? text.raw : SLICE_NONE;
	else if (!json_skip(j, &raw))
		return false;
	return money_decimal(raw, 7, nano) == 0;
}

static void read_usage_field(struct json *j, int id, void *arg)
{
	struct event *e = &((struct reading *)arg)->e;
	int64_t *const to[] = {&e->input, &e->output, &e->write, &e->read};
	if (id == U_CENTS)
		e->valued = read_cents(j, &e->value);
	else
		wire_count_or_digits(j, to[id]);
}

static void read_event_field(struct json *j, int id, void *arg)
{
	struct reading *r = arg;
	struct event *e = &r->e;
	slice *const texts[] = {&r->time, &e->user, &e->model, &e->kind, &e->session};
	if (id == J_TIME && json_peek(j) == JSON_NUMBER)
		json_skip(j, &r->time);
	else if (id < J_TOKENS)
		wire_text(j, r->s->x.f->mem, texts[id]);
	else if (id == J_TOKENS)
		wire_object(j, WIRE_WORDS(usage_fields), read_usage_field, r);
	else
		e->costed = read_cents(j, &e->charged);
}

static void read_event(struct json *j, int id, void *arg)
{
	struct seen *s = arg;
	struct import_export *x = &s->x;
	struct reading r = {.s = s};
	const char *at = j->p;
	(void)id;
	wire_object(j, WIRE_WORDS(event_fields), read_event_field, &r);
	if (j->error)
		return;
	if (!import_time(r.time, &r.e.time_ms))
		import_bad(x, import_line_at(x, at), "an event without a timestamp");
	else
		give(s, &r.e);
}

static void read_document(struct import_export *x, struct json *j)
{
	struct json look = *j;
	json_key k;
	slice name = SLICE("usageEvents");
	if (json_peek(j) == JSON_OBJECT && json_object(&look))
		while (json_next_key(&look, &k)) {
			if (json_str_is(&k, SLICE("usageEventsDisplay")))
				name = SLICE("usageEventsDisplay");
			json_skip(&look, NULL);
		}
	import_list(x, j, name, read_event);
}

static int read_file(const struct import_options *o, const struct import_file *f, struct import_counts *n)
{
	struct seen s = {.x = {&import_cursor, o, f, n, 0}};
	static const char why[] = "no table of Cursor's usage: its header has Date, Model and Output Tokens";
	struct import_table *t = arena_alloc(f->mem, sizeof *t);
	if (t == NULL)
		return ERR_NOMEM;
	if (import_is_json(f->text))
		import_documents(&s.x, read_document);
	else if (import_table_open(t, &s.x, columns, sizeof columns / sizeof columns[0], NEEDED, SLICE_NONE))
		read_table(&s, t);
	else
		import_bad(&s.x, 1, why);
	return s.x.rc;
}

const struct import_source import_cursor = {
    .name = "cursor",
    .agent = "cursor",
    .title = "Cursor's usage export",
    .endings = {".csv", ".json"},
    .read = read_file,
    .named_only = true,
};
