#include "finops/tally_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/map.h"
#include "base/num.h"
#include "finops/import.h"
#include "model/usage.h"

#define ITEMS_MAX ((size_t)1 << 20)
#define SEED      0x7461 /* keys are hashes of ours */

/* Whose rows are of which level. */
static const struct {
	slice source;
	int level;
} sources[] = {
    {SLICE("otlp:metrics"), 0},           {SLICE("import:anthropic-people"), 1},
    {SLICE("import:anthropic-usage"), 2}, {SLICE("import:openai-usage"), 2},
    {SLICE("import:copilot"), 2},         {SLICE("import:invoice"), 3},
};
#define SOURCES (sizeof sources / sizeof sources[0])

slice tally_coarser(int level, struct arena *mem)
{
	struct buf list;
	buf_init(&list, 1024);
	int rc = buf_append(&list, SLICE("!"));
	bool first = true;
	for (size_t i = 0; i < SOURCES && rc == 0; i++)
		if (sources[i].level >= level) {
			rc =
			    buf_printf(&list, "%s" SLICE_FMT, first ? "" : ",", SLICE_ARG(sources[i].source));
			first = false;
		}
	slice out = rc ? SLICE_NONE : arena_copy(mem, buf_slice(&list));
	buf_release(&list);
	return out;
}

slice tally_vendor(const struct tally *t)
{
	slice by_name = import_vendor(t->model);
	return by_name.n ? by_name : t->provider;
}

/* --- reading ---------------------------------------------------------------------------------------------
 */

void tally_rows_init(struct tally_rows *r, int level, int64_t since_ms, int64_t until_ms, size_t max)
{
	*r = (struct tally_rows){.level = level, .since_ms = since_ms, .until_ms = until_ms};
	arena_init(&r->mem, max);
}

void tally_rows_release(struct tally_rows *r)
{
	free(r->item);
	arena_release(&r->mem);
}

static bool grow(struct tally_rows *r)
{
	size_t cap = r->cap ? r->cap * 2 : 64;
	if (r->n < r->cap)
		return true;
	struct tally_item *more = cap <= ITEMS_MAX ? realloc(r->item, cap * sizeof *more) : NULL;
	if (more == NULL)
		return false;
	r->item = more;
	r->cap = cap;
	return true;
}

static slice keep(struct tally_rows *r, slice text)
{
	return text.n ? arena_copy(&r->mem, text) : SLICE_NONE;
}

/* Metrics are of an agent's session, all else of all that a provider sees. */
static slice scope_of(const struct tally *t, struct arena *mem)
{
	const slice *v = t->who.v;
	if (t->kind != TALLY_METRICS)
		return SLICE("");
	return arena_printf(mem, SLICE_FMT "\n" SLICE_FMT "\n" SLICE_FMT, SLICE_ARG(v[ATTR_AGENT]),
	                    SLICE_ARG(v[ATTR_USER]), SLICE_ARG(v[ATTR_SESSION]));
}

static int by_run(const void *x, const void *y)
{
	const struct tally_item *a = x, *b = y;
	int by = slice_cmp(a->tally.provider, b->tally.provider);
	if (by == 0)
		by = slice_cmp(a->scope, b->scope);
	if (by == 0 && a->span_from_ms != b->span_from_ms)
		by = a->span_from_ms < b->span_from_ms ? -1 : 1;
	if (by == 0 && a->span_until_ms != b->span_until_ms)
		by = a->span_until_ms < b->span_until_ms ? -1 : 1;
	return by ? by : slice_cmp(a->key, b->key);
}

struct reading {
	struct tally_rows *rows;
	const struct tally_book *b;
};

static int on_tally(void *arg, const struct ledger_tally *t)
{
	struct reading *reading = arg;
	struct tally_rows *r = reading->rows;
	const struct tally_book *b = reading->b;
	struct ledger_tally own = *t;
	if (!grow(r))
		return ERR_NOMEM;
	struct tally_item *item = &r->item[r->n];
	memset(item, 0, sizeof *item);
	own.key = keep(r, t->key);
	own.source = keep(r, t->source);
	own.provider = keep(r, t->provider);
	own.account = keep(r, t->account);
	own.body = keep(r, t->body);
	if (own.key.p == NULL || own.body.p == NULL)
		return ERR_NOMEM;
	int rc = tally_read(&own, &r->mem, &item->tally);
	if (rc)
		return rc;
	if (tally_level(item->tally.kind) != r->level || (b->wants && !b->wants(b->arg, &item->tally)))
		return 0;
	item->key = own.key;
	item->span_from_ms = t->from_ms;
	item->span_until_ms = t->until_ms;
	item->scope = scope_of(&item->tally, &r->mem);
	if (item->scope.p == NULL)
		return ERR_NOMEM;
	r->rows_since_ms = r->n ? num_min_i64(r->rows_since_ms, t->from_ms) : t->from_ms;
	r->rows_until_ms = r->n ? num_max_i64(r->rows_until_ms, t->until_ms) : t->until_ms;
	record_init(&item->row);
	r->n++;
	return 0;
}

int tally_rows_read(const struct tally_book *b, struct tally_rows *r, struct error *e)
{
	struct reading reading = {r, b};
	int rc = b->ops->tallies(b->ledger, r->since_ms, r->until_ms, on_tally, &reading, e);
	if (rc == 0 && r->n)
		qsort(r->item, r->n, sizeof *r->item, by_run);
	if (rc == ERR_NOMEM)
		return error_set(e, rc, "out of memory: the exports tell of too much at once");
	return rc == ERR_INVALID ? error_set(e, rc, "a tally in the ledger is damaged") : rc;
}

bool tally_next_run(const struct tally_rows *r, size_t *at, struct tally_run *out)
{
	if (*at >= r->n)
		return false;
	const struct tally_item *first = &r->item[*at];
	*out = (struct tally_run){.provider = first->tally.provider,
	                          .from_ms = first->span_from_ms,
	                          .until_ms = first->span_until_ms,
	                          .first = *at};
	for (; *at < r->n; ++*at, out->n++) {
		const struct tally_item *i = &r->item[*at];
		bool span = i->span_from_ms == out->from_ms && i->span_until_ms == first->span_until_ms;
		if (!slice_eq(i->tally.provider, out->provider) || !slice_eq(i->scope, first->scope) ||
		    (!span && !tally_of_session(&first->tally)))
			break;
		out->until_ms = num_max_i64(out->until_ms, i->span_until_ms);
	}
	return true;
}

/* --- what was booked -------------------------------------------------------------------------------------
 */

struct booked {
	slice key;
	uint64_t rows;
	struct usage usage;
	struct cost cost;
	bool priced, wanted;
	struct booked *next;
};

struct booking {
	const struct tally_book *b;
	struct tally_rows *r;
	struct tally_counts *n;
	struct map by_key;
	struct booked *all;
};

static int on_row(void *arg, const struct record *row)
{
	struct booking *k = arg;
	slice key = row->text[TEXT_CALL_KEY];
	if (!slice_starts(key, SLICE("tally:")))
		return 0;
	struct booked *at = map_get(&k->by_key, key);
	if (at == NULL) {
		at = arena_zalloc(&k->r->mem, sizeof *at);
		if (at)
			at->key = arena_copy(&k->r->mem, key);
		if (at == NULL || at->key.p == NULL || map_put(&k->by_key, at->key, at, NULL))
			return ERR_NOMEM;
		at->priced = true;
		at->next = k->all;
		k->all = at;
	}
	at->rows++;
	for (int m = 0; m < METER_N; m++)
		at->usage.m[m] = num_sat_add_i64(at->usage.m[m], row->usage.m[m] > 0 ? row->usage.m[m] : 0);
	at->priced = at->priced && row->priced;
	if (!row->priced)
		return 0;
	at->cost.total = num_sat_add_i64(at->cost.total, row->cost.total);
	for (int p = 0; p < COST_N; p++)
		at->cost.part[p] = num_sat_add_i64(at->cost.part[p], row->cost.part[p]);
	return 0;
}

/* Those of all spans that were read, and of spans whose tallies are gone. */
static int read_booked(struct booking *k, struct error *e)
{
	struct ledger_query q = {
	    .since_ms = k->r->rows_since_ms, .until_ms = k->r->rows_until_ms, .filters_n = 1};
	for (size_t i = 0; i < SOURCES; i++) {
		if (sources[i].level != k->r->level)
			continue;
		q.filters[0] = (struct ledger_filter){SLICE("source"), sources[i].source, true};
		int rc = k->b->ops->rows(k->b->ledger, &q, on_row, k, e);
		if (rc)
			return rc == ERR_NOMEM ? error_set(e, rc, "out of memory") : rc;
	}
	return 0;
}

/* --- booking ---------------------------------------------------------------------------------------------
 */

static bool is_empty(const struct record *r)
{
	for (int m = 0; m < METER_N; m++)
		if (r->usage.m[m] > 0)
			return false;
	return !r->priced || r->cost.total == 0;
}

/* Below 0: less than what is booked somewhere; above: more; 0: the same. */
static int compare(const struct record *want, const struct booked *have)
{
	int more = 0;
	if (want->priced != have->priced)
		return -1;
	for (int m = 0; m < METER_N; m++) {
		int64_t w = want->usage.m[m] > 0 ? want->usage.m[m] : 0;
		if (w < have->usage.m[m])
			return -1;
		more |= w > have->usage.m[m];
	}
	for (int p = 0; p < COST_N && want->priced; p++) {
		if (want->cost.part[p] < have->cost.part[p])
			return -1;
		more |= want->cost.part[p] > have->cost.part[p];
	}
	return more;
}

static enum api api_of(const struct tally *t)
{
	return slice_eq(tally_vendor(t), SLICE("anthropic")) ? API_ANTHROPIC_MESSAGES
	       : slice_eq(tally_vendor(t), SLICE("google"))  ? API_GEMINI_GENERATE
	                                                     : API_OPENAI_CHAT;
}

/* The same tally, the same ids. */
static int set_row(struct booking *k, const struct tally_item *i, uint64_t nth, struct record *r)
{
	const struct tally *t = &i->tally;
	uint8_t hash[CRYPTO_SHA256_BYTES];
	struct arena *mem = &k->r->mem;
	slice seed = arena_printf(mem, SLICE_FMT " %llu", SLICE_ARG(i->key), (unsigned long long)nth);
	if (seed.p == NULL || crypto_sha256(seed, hash))
		return ERR_NOMEM;
	/* What a session grew by is of when that was told. */
	r->time_ms = tally_of_session(t) && nth ? t->until_ms - 1 : t->from_ms;
	crypto_id_of(r->time_ms, hash, r->id);
	r->who = t->who;
	r->api = api_of(t);
	r->billing = t->billing;
	r->ending = ENDING_COMPLETE;
	r->usage_source = SOURCE_REPORTED;
	r->decision = DECISION_ADMITTED;
	r->context_tokens = usage_context_tokens(&r->usage); /* of all of them: sums of it stay whole */
	r->list_cost_nanousd = r->priced ? r->cost.total : RECORD_ABSENT;
	r->text[TEXT_SOURCE] = t->kind == TALLY_METRICS
	                           ? t->source
	                           : arena_printf(mem, "import:" SLICE_FMT, SLICE_ARG(t->source));
	r->text[TEXT_PROVIDER] = t->provider;
	r->text[TEXT_MODEL_SERVED] = t->model;
	r->text[TEXT_SERVICE_TIER] = t->service_tier;
	r->text[TEXT_SPEED] = t->speed;
	r->text[TEXT_REGION] = t->region;
	r->text[TEXT_CALL_KEY] = i->key;
	r->text[TEXT_EXPLANATION] =
	    t->calls > 0 ? arena_printf(mem,
	                                "what is told in sum, of %lld calls, beyond those "
	                                "that are known one by one" SLICE_FMT SLICE_FMT,
	                                (long long)t->calls, SLICE_ARG(t->what.n ? SLICE(": ") : SLICE("")),
	                                SLICE_ARG(t->what))
	                 : arena_printf(mem,
	                                "what is told in sum, beyond the calls that are known "
	                                "one by one" SLICE_FMT SLICE_FMT,
	                                SLICE_ARG(t->what.n ? SLICE(": ") : SLICE("")), SLICE_ARG(t->what));
	return r->text[TEXT_SOURCE].p && r->text[TEXT_EXPLANATION].p ? 0 : ERR_NOMEM;
}

static int add(struct booking *k, const struct tally_item *i, uint64_t nth, struct error *e)
{
	struct record r = i->row;
	int rc = set_row(k, i, nth, &r);
	if (rc)
		return error_set(e, rc, "out of memory");
	rc = k->b->ops->add(k->b->ledger, &r, e);
	k->n->booked++;
	k->n->unpriced += !r.priced;
	if (r.priced)
		k->n->cost_nanousd = num_sat_add_i64(k->n->cost_nanousd, r.cost.total);
	return rc;
}

static int unbook(struct booking *k, const struct booked *b, struct error *e)
{
	k->n->removed += b->rows;
	k->n->cost_nanousd = num_sat_add_i64(k->n->cost_nanousd, -b->cost.total);
	return k->b->ops->tally_unbook(k->b->ledger, b->key, e);
}

/* What is more than what is booked, as a row of its own. */
static void take_booked_off(struct record *r, const struct booked *have)
{
	for (int m = 0; m < METER_N; m++)
		if (r->usage.m[m] > 0)
			r->usage.m[m] -= have->usage.m[m];
	r->cost.total -= have->cost.total;
	for (int p = 0; p < COST_N; p++)
		r->cost.part[p] -= have->cost.part[p];
}

static int book_one(struct booking *k, const struct tally_item *i, struct error *e)
{
	struct booked *have = map_get(&k->by_key, i->key);
	if (have == NULL)
		return is_empty(&i->row) ? 0 : add(k, i, 0, e);
	have->wanted = true;
	if (is_empty(&i->row))
		return unbook(k, have, e);
	int than = compare(&i->row, have);
	if (than == 0)
		return 0;
	if (than < 0) {
		int rc = unbook(k, have, e);
		return rc ? rc : add(k, i, 0, e);
	}
	struct tally_item more = *i;
	take_booked_off(&more.row, have);
	return add(k, &more, have->rows, e);
}

static int book_all(struct booking *k, struct error *e)
{
	int rc = read_booked(k, e);
	if (rc == 0)
		rc = k->b->ops->begin(k->b->ledger, e);
	if (rc)
		return rc;
	for (size_t i = 0; i < k->r->n && rc == 0; i++)
		rc = book_one(k, &k->r->item[i], e);
	for (const struct booked *b = k->all; b && rc == 0; b = b->next)
		if (!b->wanted && k->b->wants == NULL)
			rc = unbook(k, b, e);
	if (rc == 0)
		rc = k->b->ops->commit(k->b->ledger, e);
	if (rc)
		k->b->ops->rollback(k->b->ledger);
	return rc;
}

int tally_rows_book(const struct tally_book *b, struct tally_rows *r, struct tally_counts *n, struct error *e)
{
	struct booking k = {.b = b, .r = r, .n = n};
	n->tallies += r->n;
	if (r->n == 0)
		return 0;
	map_init(&k.by_key, ITEMS_MAX, SEED);
	int rc = book_all(&k, e);
	map_release(&k.by_key);
	return rc;
}
