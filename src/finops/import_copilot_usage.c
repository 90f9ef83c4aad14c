/* GitHub Copilot: the usage reports of GitHub's billing pages (CSV: premium requests, AI credits, seats) and
 * the billing API's answer (JSON, usageItems). A line is what one person, model and kind of use came to in a
 * day. What the plan includes (discount_amount) is valued and not spent, the rest (net_amount) is spent. */
#include "finops/import_export.h"
#include "model/attr_text.h"
#include "model/wire.h"

__extension__ typedef __int128 i128;

#define DAY_MS (INT64_C(24) * 3600 * 1000)

enum {
	C_DATE,
	C_PRODUCT,
	C_SKU,
	C_QUANTITY,
	C_UNIT,
	C_GROSS,
	C_DISCOUNT,
	C_NET,
	C_USER,
	C_ORGANIZATION,
	C_REPO,
	C_COST_CENTRE,
	C_MODEL,
	C_INPUT,
	C_OUTPUT,
	C_READ,
	C_WRITE,
	C_REQUESTS,
	C_EXCEEDS,
	C_N
};
static const struct import_column columns[] = {
    {C_DATE, "date timestamp usageat"},
    {C_PRODUCT, "product"},
    {C_SKU, "sku"},
    {C_QUANTITY, "quantity"},
    {C_UNIT, "unittype"},
    {C_GROSS, "grossamount"},
    {C_DISCOUNT, "discountamount"},
    {C_NET, "netamount"},
    {C_USER, "username user"},
    {C_ORGANIZATION, "organization organizationname"},
    {C_REPO, "repository repositoryname"},
    {C_COST_CENTRE, "costcentername"},
    {C_MODEL, "model"},
    {C_INPUT, "input inputtokens"},
    {C_OUTPUT, "output outputtokens"},
    {C_READ, "cacheread cachereadtokens"},
    {C_WRITE, "cachewrite cachewritetokens"},
    {C_REQUESTS, "requestsused"},
    {C_EXCEEDS, "exceedsmonthlyquota exceedsquota"},
};

/* A line, whatever it came as. */
struct line {
	struct import_export *x;
	slice text[C_N];
	size_t at;
};

static bool amount_of(const struct line *l, int id, int64_t *out)
{
	*out = 0;
	return l->text[id].n == 0 || import_amount(l->text[id], out);
}

static void set_who(const struct line *l, struct tally *t)
{
	struct arena *mem = l->x->f->mem;
	struct attr_tags tags;
	attr_tags_init(&tags);
	if (l->text[C_ORGANIZATION].n)
		attr_tags_add(&tags, SLICE("organization"), l->text[C_ORGANIZATION]);
	if (l->text[C_SKU].n)
		attr_tags_add(&tags, SLICE("sku"), l->text[C_SKU]);
	if (tags.n)
		import_tally_attr(l->x, t, ATTR_TAGS, attr_tags_json(&tags, mem));
	if (l->text[C_USER].n)
		import_tally_attr(l->x, t, ATTR_USER, l->text[C_USER]);
	if (l->text[C_COST_CENTRE].n)
		import_tally_attr(l->x, t, ATTR_COST_CENTRE, l->text[C_COST_CENTRE]);
	slice repo = l->text[C_REPO];
	if (repo.n && slice_find_char(repo, '/') < 0 && l->text[C_ORGANIZATION].n)
		repo = arena_printf(mem, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(l->text[C_ORGANIZATION]),
		                    SLICE_ARG(repo));
	if (repo.n)
		import_tally_attr(l->x, t, ATTR_REPO,
		                  arena_printf(mem, "github.com/" SLICE_FMT, SLICE_ARG(repo)));
}

/* False when a count is no whole number. */
static bool set_usage(const struct line *l, struct tally *t)
{
	static const struct {
		int id;
		enum meter meter;
	} rows[] = {{C_INPUT, METER_INPUT},
	            {C_OUTPUT, METER_OUTPUT},
	            {C_READ, METER_CACHE_READ},
	            {C_WRITE, METER_CACHE_WRITE_5M}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (l->text[rows[i].id].n && !import_whole(l->text[rows[i].id], &t->usage.m[rows[i].meter]))
			return false;
	return true;
}

static void give_part(const struct tally *like, struct import_export *x, enum billing billing, int64_t amount,
                      int64_t gross, bool tokens)
{
	struct tally t = *like;
	t.billing = billing;
	t.cost.part[t.tools ? COST_TOOLS : COST_OTHER] = t.cost.total = amount;
	if (like->credits_nano > 0)
		t.credits_nano =
		    gross > 0 ? (int64_t)((i128)like->credits_nano * amount / gross) : RECORD_ABSENT;
	if (!tokens)
		usage_clear(&t.usage);
	import_give_tally(x, &t);
}

/* The old report of premium requests, which tells no money: what was beyond the quota is spent, at a price
 * that is not in it. */
static void give_requests(const struct line *l, struct tally *t)
{
	int64_t n;
	if (!import_whole(l->text[C_REQUESTS], &n)) {
		import_bad(l->x, l->at, "no whole number of requests in the column Requests Used");
		return;
	}
	t->calls = n;
	t->usage.m[METER_HOSTED_TOOL_CALLS] = n;
	t->billing =
	    slice_eq_nocase(l->text[C_EXCEEDS], SLICE("true")) ? BILLING_METERED : BILLING_SUBSCRIPTION;
	import_give_tally(l->x, t);
}

static void give_amounts(const struct line *l, struct tally *t)
{
	int64_t gross, discount, net, quantity;
	if (!amount_of(l, C_GROSS, &gross) || !amount_of(l, C_DISCOUNT, &discount) ||
	    !amount_of(l, C_NET, &net) || !amount_of(l, C_QUANTITY, &quantity)) {
		import_bad(l->x, l->at, "an amount that is no number");
		return;
	}
	if (!set_usage(l, t)) {
		import_bad(l->x, l->at, "a token count that is no whole number");
		return;
	}
	if (l->text[C_NET].n == 0)
		net = gross - discount;
	slice unit = l->text[C_UNIT];
	if (slice_find(unit, SLICE("credit")) >= 0)
		t->credits_nano = quantity;
	int64_t requests;
	if (slice_find(unit, SLICE("request")) >= 0 && import_whole(l->text[C_QUANTITY], &requests))
		t->calls = requests;
	t->costed = true;
	if (net)
		give_part(t, l->x, BILLING_METERED, net, gross, net >= discount);
	if (discount > 0)
		give_part(t, l->x, BILLING_SUBSCRIPTION, discount, gross, net < discount);
	if (net == 0 && discount <= 0)
		l->x->n->others++;
}

static void give(const struct line *l)
{
	struct tally t;
	import_tally(l->x, &t, SLICE("copilot"));
	slice product = l->text[C_PRODUCT], sku = l->text[C_SKU];
	if (product.n && slice_find(product, SLICE("opilot")) < 0 && slice_find(sku, SLICE("opilot")) < 0 &&
	    slice_find(sku, SLICE("premium_request")) < 0 && slice_find(sku, SLICE("ai_credit")) < 0) {
		l->x->n->others++; /* runners, storage */
		return;
	}
	if (!import_time(l->text[C_DATE], &t.from_ms)) {
		import_bad(l->x, l->at, "no day in the column date");
		return;
	}
	t.kind = TALLY_USAGE;
	t.until_ms = t.from_ms + DAY_MS;
	t.from_ms -= ((t.from_ms % DAY_MS) + DAY_MS) % DAY_MS;
	t.until_ms = t.from_ms + DAY_MS;
	t.model = l->text[C_MODEL];
	t.what = sku;
	t.tools = t.model.n == 0;
	set_who(l, &t);
	if (l->text[C_REQUESTS].n)
		give_requests(l, &t);
	else
		give_amounts(l, &t);
}

/* --- JSON ------------------------------------------------------------------------------------------------
 */

static const struct wire_word item_fields[] = {
    WIRE_WORD("date", C_DATE),
    WIRE_WORD("product", C_PRODUCT),
    WIRE_WORD("sku", C_SKU),
    WIRE_WORD("quantity", C_QUANTITY),
    WIRE_WORD("unitType", C_UNIT),
    WIRE_WORD("grossAmount", C_GROSS),
    WIRE_WORD("discountAmount", C_DISCOUNT),
    WIRE_WORD("netAmount", C_NET),
    WIRE_WORD("user", C_USER),
    WIRE_WORD("organizationName", C_ORGANIZATION),
    WIRE_WORD("repositoryName", C_REPO),
    WIRE_WORD("model", C_MODEL),
};

static void read_item_field(struct json *j, int id, void *arg)
{
	struct line *l = arg;
	if (json_peek(j) == JSON_STRING)
		wire_text(j, l->x->f->mem, &l->text[id]);
	else if (json_peek(j) == JSON_NUMBER)
		json_skip(j, &l->text[id]);
	else
		json_skip(j, NULL);
}

static void read_item(struct json *j, int id, void *arg)
{
	struct line l = {.x = arg};
	const char *at = j->p;
	(void)id;
	wire_object(j, WIRE_WORDS(item_fields), read_item_field, &l);
	l.at = import_line_at(l.x, at);
	if (j->error == NULL)
		give(&l);
}

static void read_document(struct import_export *x, struct json *j)
{
	import_list(x, j, SLICE("usageItems"), read_item);
}

static void read_table(struct import_export *x, struct import_table *t)
{
	while (import_table_next(t, x)) {
		struct line l = {.x = x, .at = t->csv.line};
		for (int i = 0; i < C_N; i++)
			l.text[i] = import_table_text(t, i);
		give(&l);
	}
}

static int read_file(const struct import_options *o, const struct import_file *f, struct import_counts *n)
{
	struct import_export x = {&import_copilot, o, f, n, 0};
	size_t columns_n = sizeof columns / sizeof columns[0];
	struct import_table *t = arena_alloc(f->mem, sizeof *t);
	if (t == NULL)
		return ERR_NOMEM;
	if (import_is_json(f->text))
		import_documents(&x, read_document);
	else if (import_table_open(t, &x, columns, columns_n, 1u << C_DATE | 1u << C_GROSS, SLICE_NONE) ||
	         import_table_open(t, &x, columns, columns_n, 1u << C_DATE | 1u << C_REQUESTS, SLICE_NONE))
		read_table(&x, t);
	else
		import_bad(
		    &x, 1,
		    "no usage report of GitHub: its header has date and gross_amount, or Timestamp and "
		    "Requests Used");
	return x.rc;
}

const struct import_source import_copilot = {
    .name = "copilot",
    .agent = "copilot",
    .title = "GitHub's usage reports of Copilot",
    .endings = {".csv", ".json"},
    .read = read_file,
    .named_only = true,
};
