/* `weir price reprice`: what calls would have cost by the prices of today's book, and correction rows for the
 * difference. A row of the ledger is never changed: a correction names the row it mends, holds the difference
 * alone, and stands at the same time with the same attribution, so that every report sums to the right
 * figure. A second correction builds on the first; without a change of price there is nothing to correct. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/map.h"
#include "base/money.h"
#include "base/num.h"
#include "cli/price.h"
#include "model/usage.h"
#include "store/ledger.h"

#define CORRECTIONS_MAX 2000000
#define MEM_MAX         ((size_t)2 << 30)
#define GROUP           500 /* rows of one transaction */

/* What the corrections of a row came to so far. */
struct mended {
	struct cost cost;
	int64_t n;
};

struct change {
	struct change *next;
	struct record r; /* the correction; texts in the arena */
	int64_t was;
};

struct reprice {
	struct price_query *q;
	const struct ledger_ops *ops;
	struct ledger *ledger;
	struct arena mem;
	struct map mended; /* by the id of the row */
	struct change *first, **last;
	int64_t looked, changed, skipped, unpriced, sum;
	struct error e;
};

/* --- what was corrected before ------------------------------------------------------------------ */

static int on_correction(void *arg, const struct record *r)
{
	struct reprice *p = arg;
	slice id = r->text[TEXT_CORRECTS];
	struct mended *m = map_get(&p->mended, id);
	if (m == NULL) {
		m = arena_zalloc(&p->mem, sizeof *m);
		slice key = arena_copy(&p->mem, id);
		if (m == NULL || key.p == NULL || map_put(&p->mended, key, m, NULL))
			return error_set(&p->e, ERR_FULL, "too many corrections: take a later --since");
	}
	m->n++;
	for (int i = 0; i < COST_N; i++)
		m->cost.part[i] += r->cost.part[i];
	m->cost.total += r->cost.total;
	return 0;
}

/* --- one row ------------------------------------------------------------------------------------ */

/* Rows whose usage is known, of one model: what a price makes a cost of. */
static bool can_reprice(const struct record *r)
{
	/* what keeping a cache cost has corrections of its own, by when it ended */
	if (slice_eq(r->text[TEXT_SOURCE], SLICE("correction")) || r->ending == ENDING_REFUSED ||
	    r->api == API_GEMINI_CACHES)
		return false;
	if (r->usage.m[METER_INPUT] == TOKENS_ABSENT || slice_eq(r->text[TEXT_PRICE_ID], SLICE("charged")))
		return false;
	if (r->usage_source == SOURCE_HOLD)
		return slice_starts(r->text[TEXT_EXPLANATION], SLICE("priced at its worst case"));
	return r->usage_source == SOURCE_REPORTED || r->usage_source == SOURCE_COUNTED;
}

static bool new_cost(const struct reprice *p, const struct record *r, struct cost *cost, slice *price_id)
{
	const struct settings *s = p->q->settings;
	const struct provider *of = settings_provider(s, DIALECT_NONE, r->text[TEXT_PROVIDER], SLICE_NONE);
	slice names[] = {r->text[TEXT_MODEL_SERVED], r->text[TEXT_MODEL_REQUESTED]};
	struct billed_as as = {r->text[TEXT_SERVICE_TIER], r->text[TEXT_SPEED], r->text[TEXT_REGION]};
	const struct price *price = NULL;
	bool fallback = true;
	/* A Bedrock id says where the model runs, and with it the price. */
	for (int i = r->api == API_BEDROCK_INVOKE; of && i < 2 && (price == NULL || fallback); i++)
		if (names[i].n)
			price = settings_price(s, of, names[i], r->time_ms, &fallback);
	struct error e = {0};
	if (price == NULL || usage_cost(price, &r->usage, &as, cost, &e))
		return false;
	*price_id = price->id;
	return true;
}

static bool correction_id(struct reprice *p, const struct record *r, int64_t n, char out[CRYPTO_ID_MAX])
{
	uint8_t hash[CRYPTO_SHA256_BYTES];
	slice text = arena_printf(&p->mem, "%s\ncorrection %lld", r->id, (long long)n);
	if (text.p == NULL || crypto_sha256(text, hash))
		return false;
	crypto_id_of(r->time_ms, hash, out);
	return true;
}

/* The row again, with the difference for its cost and nothing that counts a second time. */
static int add_change(struct reprice *p, const struct record *r, const struct cost *delta, int64_t was,
                      int64_t n, slice price_id)
{
	static const enum record_text dropped[] = {TEXT_CALL_KEY, TEXT_RETRY_OF, TEXT_SHADOW,
	                                           TEXT_STOP_REASON, TEXT_RULE};
	struct change *c = arena_zalloc(&p->mem, sizeof *c);
	if (c == NULL || !correction_id(p, r, n, c->r.id))
		return error_set(&p->e, ERR_NOMEM, "too many corrections at once: take a later --since");
	char id[CRYPTO_ID_MAX];
	memcpy(id, c->r.id, sizeof id);
	record_init(&c->r);
	memcpy(c->r.id, id, sizeof id);
	c->r.time_ms = r->time_ms;
	c->r.api = r->api;
	c->r.billing = r->billing;
	c->r.decision = DECISION_ADMITTED;
	for (int i = 0; i < ATTR_N; i++)
		c->r.who.v[i] = arena_copy(&p->mem, r->who.v[i]);
	for (int i = 0; i < TEXT_N; i++)
		c->r.text[i] = arena_copy(&p->mem, r->text[i]);
	for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++)
		c->r.text[dropped[i]] = SLICE_NONE;
	c->r.text[TEXT_SOURCE] = SLICE("correction");
	c->r.text[TEXT_CORRECTS] = arena_copy(&p->mem, slice_of(r->id));
	c->r.text[TEXT_PRICE_ID] = price_id;
	c->r.text[TEXT_EXPLANATION] =
	    arena_printf(&p->mem, "repriced by " SLICE_FMT " in place of " SLICE_FMT, SLICE_ARG(price_id),
	                 SLICE_ARG(r->text[TEXT_PRICE_ID]));
	c->r.priced = true;
	c->r.cost = *delta;
	c->r.list_cost_nanousd = delta->total;
	const struct provider *of =
	    settings_provider(p->q->settings, DIALECT_NONE, r->text[TEXT_PROVIDER], SLICE_NONE);
	if (of->credit_nanousd > 0)
		c->r.credits_nano = money_in_credits(delta->total, of->credit_nanousd);
	c->was = was;
	*p->last = c;
	p->last = &c->next;
	p->changed++;
	p->sum = num_sat_add_i64(p->sum, delta->total);
	return 0;
}

static int on_row(void *arg, const struct record *r)
{
	struct reprice *p = arg;
	struct cost cost, delta;
	slice price_id = SLICE_NONE;
	if (!can_reprice(r))
		return 0;
	if (slice_starts(r->text[TEXT_EXPLANATION], SLICE("several models"))) {
		p->skipped++;
		return 0;
	}
	p->looked++;
	if (!new_cost(p, r, &cost, &price_id)) {
		p->unpriced++;
		return 0;
	}
	const struct mended *m = map_get(&p->mended, slice_of(r->id));
	bool differs = !r->priced && m == NULL;
	for (int i = 0; i < COST_N; i++) {
		delta.part[i] = cost.part[i] - r->cost.part[i] - (m ? m->cost.part[i] : 0);
		differs = differs || delta.part[i] != 0;
	}
	delta.total = cost.total - r->cost.total - (m ? m->cost.total : 0);
	int64_t was = r->cost.total + (m ? m->cost.total : 0);
	return differs ? add_change(p, r, &delta, was, m ? m->n + 1 : 1, price_id) : 0;
}

/* --- the whole ---------------------------------------------------------------------------------- */

static int write_changes(struct reprice *p)
{
	int rc = 0;
	size_t n = 0;
	for (const struct change *c = p->first; c && rc == 0; c = c->next) {
		if (n++ % GROUP == 0)
			rc = p->ops->begin(p->ledger, &p->e);
		if (rc == 0)
			rc = p->ops->add(p->ledger, &c->r, &p->e);
		if (rc == 0 && (n % GROUP == 0 || c->next == NULL))
			rc = p->ops->commit(p->ledger, &p->e);
	}
	if (rc)
		p->ops->rollback(p->ledger);
	return rc;
}

static int read_rows(struct reprice *p)
{
	struct ledger_query ask = {.since_ms = p->q->at_ms - p->q->since_ms, .filters_n = 1};
	ask.filters[0] = (struct ledger_filter){SLICE("source"), SLICE("correction"), true};
	int rc = p->ops->rows(p->ledger, &ask, on_correction, p, &p->e);
	ask.filters[0] = (struct ledger_filter){SLICE("source"), SLICE("!correction"), false};
	if (p->q->pattern.n)
		ask.filters[ask.filters_n++] = (struct ledger_filter){SLICE("model"), p->q->pattern, false};
	return rc ? rc : p->ops->rows(p->ledger, &ask, on_row, p, &p->e);
}

static int say_json(const struct reprice *p)
{
	struct buf b;
	struct jsonw w;
	buf_init(&b, PRICE_JSON_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	jsonw_put_i64(&w, SLICE("calls"), p->looked);
	jsonw_put_i64(&w, SLICE("corrections"), p->changed);
	jsonw_put_i64(&w, SLICE("cost_nanousd"), p->sum);
	jsonw_put_i64(&w, SLICE("without_price"), p->unpriced);
	jsonw_put_i64(&w, SLICE("skipped"), p->skipped);
	jsonw_put_bool(&w, SLICE("applied"), p->q->apply);
	jsonw_object_end(&w);
	return cli_print_json(p->q->c, &w, &b);
}

static int say(const struct reprice *p)
{
	FILE *out = p->q->c->out;
	char text[MONEY_TEXT_MAX];
	if (p->q->c->json)
		return say_json(p);
	size_t shown = 0;
	for (const struct change *c = p->first; c && shown < 10; c = c->next, shown++) {
		char was[MONEY_TEXT_MAX], now[MONEY_TEXT_MAX];
		money_format_exact(c->was, was);
		money_format_exact(c->was + c->r.cost.total, now);
		fprintf(out, "  " SLICE_FMT "  " SLICE_FMT "  %s USD instead of %s  (" SLICE_FMT ")\n",
		        SLICE_ARG(c->r.text[TEXT_CORRECTS]), SLICE_ARG(c->r.text[TEXT_MODEL_SERVED]), now,
		        was, SLICE_ARG(c->r.text[TEXT_PRICE_ID]));
	}
	if ((int64_t)shown < p->changed)
		fprintf(out, "  … and %lld more\n", (long long)p->changed - (long long)shown);
	money_format_exact(p->sum, text);
	fprintf(out, "%lld calls looked at, %lld %s, %s USD in all.\n", (long long)p->looked,
	        (long long)p->changed, p->q->apply ? "corrected" : "to be corrected", text);
	if (p->unpriced)
		fprintf(out, "%lld calls still have no price: `weir price check` names their models.\n",
		        (long long)p->unpriced);
	if (p->skipped)
		fprintf(out, "%lld calls of several models in one answer were left as they are.\n",
		        (long long)p->skipped);
	if (p->changed && !p->q->apply)
		fputs("Nothing was written: add --apply to write the correction rows.\n", out);
	return EXIT_DONE;
}

int price_reprice(struct price_query *q)
{
	struct reprice p = {.q = q};
	slice path;
	int status = EXIT_DONE;
	if (!q->since_given)
		return cli_usage_error(q->c, &command_price, "how far back? --since 30d");
	p.last = &p.first;
	p.ops = ledger_for(q->settings->store, &path, &p.e);
	int rc = p.ops ? p.ops->open(path.p, q->apply, &p.ledger, &p.e) : ERR_INVALID;
	if (rc == 0) {
		arena_init(&p.mem, MEM_MAX);
		map_init(&p.mended, CORRECTIONS_MAX, 1);
		rc = read_rows(&p);
		if (rc == 0 && q->apply)
			rc = write_changes(&p);
		if (rc == 0)
			status = say(&p);
		map_release(&p.mended);
		arena_release(&p.mem);
		p.ops->close(p.ledger);
	}
	return rc ? cli_fail(q->c, "the ledger " SLICE_FMT ": %s", SLICE_ARG(q->settings->store), p.e.text)
	          : status;
}
