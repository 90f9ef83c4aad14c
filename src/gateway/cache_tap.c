#include "gateway/cache_tap.h"

#include <stdio.h>

#include "base/crypto.h"
#include "base/num.h"
#include "codec/codec.h"
#include "gateway/batch_tap.h"
#include "gateway/exchange.h"
#include "model/usage.h"

#define HOUR_MS       INT64_C(3600000)
#define UNKNOWN_MS    (24 * HOUR_MS)
/* As at admission: tokens that providers add to a prompt, and a figure where the book has none. */
#define INPUT_UNSEEN  2048
#define INPUT_UNKNOWN 2000000

/* What is kept of a cache stands in the places of a batch's two files, so that it is saved with the table. */
struct kept {
	int64_t tokens, lifetime_ms; /* RECORD_ABSENT: not known, nothing can be corrected */
};

static struct kept kept_of(struct batches *t, const struct batch *b)
{
	struct name lifetime, tokens;
	long long ms, n;
	batch_files(t, b, &lifetime, &tokens);
	bool good = slice_to_i64(name_get(&lifetime), &ms) && slice_to_i64(name_get(&tokens), &n);
	return good ? (struct kept){n, ms} : (struct kept){RECORD_ABSENT, RECORD_ABSENT};
}

static void keep(struct batches *t, struct batch *b, const struct kept *k)
{
	char lifetime[32], tokens[32];
	snprintf(lifetime, sizeof lifetime, "%lld", (long long)k->lifetime_ms);
	snprintf(tokens, sizeof tokens, "%lld", (long long)k->tokens);
	batch_set_files(t, b, slice_of(lifetime), slice_of(tokens));
}

void cache_tap_load(struct batches *t, const struct record *made)
{
	struct batch *b = batches_find(t, made->text[TEXT_BATCH]);
	int64_t hours = made->usage.m[METER_CACHE_STORAGE], tokens = made->context_tokens;
	/* the hours were rounded up: of them no more than they are */
	if (b && kept_of(t, b).tokens == RECORD_ABSENT && hours > 0 && tokens > 0 &&
	    hours < INT64_MAX / HOUR_MS)
		keep(t, b, &(struct kept){tokens, hours * HOUR_MS / tokens});
	batch_unref(b);
}

int64_t cache_tap_left(struct batches *t, const struct batch *b, int64_t now_ms)
{
	struct kept k = kept_of(t, b);
	int64_t lifetime =
	    k.tokens == RECORD_ABSENT ? UNKNOWN_MS : k.lifetime_ms; /* it may be told any moment */
	return num_max_i64(num_sat_add_i64(b->made.time_ms, lifetime) - now_ms, 0);
}

void cache_tap_admit(struct exchange *ex, slice id, slice action)
{
	slice method = ex->method;
	if (id.n == 0 && slice_eq(method, SLICE("POST")))
		ex->batch.kind = BATCH_CALL_CACHE;
	else if (id.n && action.n == 0 && slice_eq(method, SLICE("PATCH")))
		ex->batch.kind = BATCH_CALL_CACHE_CHANGE;
	else if (id.n && action.n == 0 && slice_eq(method, SLICE("DELETE")))
		ex->batch.kind = BATCH_CALL_CACHE_END;
	slice name = id.n ? arena_printf(&ex->mem, "cachedContents/" SLICE_FMT, SLICE_ARG(id)) : SLICE_NONE;
	if (name.n)
		ex->batch.of = batches_find(ex->w->shared->batches, name);
}

bool cache_tap_hold(struct exchange *ex)
{
	struct codec_cache c;
	struct usage u;
	struct cost cost;
	struct error e = {0};
	if (ex->batch.kind != BATCH_CALL_CACHE)
		return true;
	ex->price = settings_price(ex->settings, ex->provider, ex->view.model, ex->record.time_ms,
	                           &ex->price_fallback);
	int64_t tokens = tokens_upper_bound(ex->body_n) + INPUT_UNSEEN;
	if (ex->price && ex->view.hidden_input)
		tokens = num_max_i64(tokens, ex->price->context_window > 0 ? ex->price->context_window
		                                                           : INPUT_UNKNOWN);
	codec_cache_read(slice_make(ex->body.p, ex->body.n), ex->record.time_ms, &c);
	usage_clear(&u);
	u.m[METER_CACHE_STORAGE] = codec_cache_hours(tokens, codec_cache_lifetime(&c));
	if (ex->price == NULL || usage_cost(ex->price, &u, NULL, &cost, &e)) {
		exchange_refuse(
		    ex, REFUSAL_UNPRICED, "unpriced",
		    ex->price ? arena_printf(&ex->mem,
		                             "no price is known for keeping a cache of the model \"" SLICE_FMT
		                             "\": add `cache_storage_token_hours` to its row in the "
		                             "price file (docs/prices.md)",
		                             SLICE_ARG(ex->view.model))
		              : catalog_unknown_message(&ex->mem, ex->provider->vendor, ex->view.model));
		return false;
	}
	ex->record.hold_nanousd = ex->batch.worst = cost.total;
	ex->record.text[TEXT_PRICE_ID] = ex->price->id;
	return true;
}

/* --- changes ------------------------------------------------------------------------------------------ */

static bool keeping_cost(struct exchange *ex, const struct batch *b, const struct kept *k, struct cost *out,
                         slice *price_id)
{
	const struct record *made = &b->made;
	const struct provider *p = settings_provider(ex->settings, DIALECT_NONE, b->provider, SLICE_NONE);
	slice served = made->text[TEXT_MODEL_SERVED],
	      model = served.n ? served : made->text[TEXT_MODEL_REQUESTED];
	struct error e = {0};
	struct usage u;
	bool fallback;
	usage_clear(&u);
	u.m[METER_CACHE_STORAGE] = codec_cache_hours(k->tokens, k->lifetime_ms);
	const struct price *row = p ? settings_price(ex->settings, p, model, made->time_ms, &fallback) : NULL;
	*price_id = row ? row->id : SLICE_NONE;
	return row && usage_cost(row, &u, NULL, out, &e) == 0;
}

/* The id of the same change is the same: it is booked once. */
static bool change_id(struct exchange *ex, const struct batch *b, const struct kept *to,
                      char out[CRYPTO_ID_MAX])
{
	uint8_t hash[CRYPTO_SHA256_BYTES];
	slice text = arena_printf(&ex->mem, "%s\n" SLICE_FMT "\n%s\n%lld", b->made.id, SLICE_ARG(b->id),
	                          ex->record.id, (long long)to->lifetime_ms);
	if (text.p == NULL || crypto_sha256(text, hash))
		return false;
	crypto_id_of(b->made.time_ms, hash, out);
	return true;
}

/* The cache ends at another time than was booked: the difference, to who made it. */
static void book_change(struct exchange *ex, struct batch *b, int64_t lifetime_ms, const char *why)
{
	static const enum record_text copied[] = {TEXT_NODE,         TEXT_PROVIDER, TEXT_MODEL_REQUESTED,
	                                          TEXT_MODEL_SERVED, TEXT_KEY_ID,   TEXT_CLAIMED,
	                                          TEXT_BATCH};
	struct batches *t = ex->w->shared->batches;
	struct kept was = kept_of(t, b), now = {was.tokens, lifetime_ms};
	struct cost before, after;
	struct record r;
	record_init(&r);
	if (was.tokens == RECORD_ABSENT || lifetime_ms == was.lifetime_ms ||
	    !keeping_cost(ex, b, &was, &before, &r.text[TEXT_PRICE_ID]) ||
	    !keeping_cost(ex, b, &now, &after, &r.text[TEXT_PRICE_ID]) || !change_id(ex, b, &now, r.id))
		return;
	r.time_ms = b->made.time_ms;
	r.api = b->made.api;
	r.who = b->made.who;
	r.billing = b->made.billing;
	r.decision = DECISION_ADMITTED;
	r.ending = ENDING_COMPLETE;
	for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++)
		r.text[copied[i]] = b->made.text[copied[i]];
	r.text[TEXT_SOURCE] = SLICE("correction");
	r.text[TEXT_CORRECTS] = slice_of(b->made.id);
	r.text[TEXT_EXPLANATION] = slice_of(why);
	r.priced = true;
	r.cost.total = r.cost.part[COST_OTHER] = after.total - before.total;
	r.list_cost_nanousd = r.cost.total;
	if (journal_refusal(ex->w->shared->journal, ex->w->index, &r)) {
		log_event(ex->w->shared->log, LOG_ERROR, "cache.unbooked", LOG_S("cache", b->id),
		          LOG_I("nanousd", r.cost.total));
		return;
	}
	keep(t, b, &now);
}

static void on_created(struct exchange *ex, const struct codec_cache *c)
{
	struct record *r = &ex->record;
	struct batches *t = ex->w->shared->batches;
	slice model = name_get(&ex->meter.answer.model);
	if (c->name.n == 0 || c->tokens == TOKENS_ABSENT || c->lifetime_ms == TOKENS_ABSENT)
		return; /* it is settled at its worst case */
	ex->batch.tokens = c->tokens;
	r->text[TEXT_BATCH] = arena_copy(&ex->mem, name_get(&c->name));
	r->text[TEXT_MODEL_SERVED] = arena_copy(&ex->mem, model);
	if (batches_add(t, r)) {
		log_event(ex->w->shared->log, LOG_ERROR, "cache.unfollowed",
		          LOG_S("cache", r->text[TEXT_BATCH]),
		          LOG_Z("effect", "it is booked until its end, and an earlier end will not be seen"));
		return;
	}
	struct batch *b = batches_find(t, r->text[TEXT_BATCH]);
	if (b)
		keep(t, b, &(struct kept){c->tokens, c->lifetime_ms});
	batch_unref(b);
}

int64_t cache_tap_tokens(const struct exchange *ex)
{
	return ex->batch.tokens > 0 ? ex->batch.tokens : RECORD_ABSENT;
}

void cache_tap_end(struct exchange *ex, slice body)
{
	struct codec_cache c;
	struct batch *b = ex->batch.of;
	struct batches *t = ex->w->shared->batches;
	int64_t now = clock_wall_ms(ex->w->shared->clock);
	codec_cache_read(body, now, &c);
	if (ex->batch.kind == BATCH_CALL_CACHE) {
		on_created(ex, &c);
		return;
	}
	if (b == NULL || batch_state(t, b) != BATCH_OPEN)
		return;
	int64_t lived = num_max_i64(now - b->made.time_ms, 0);
	if (ex->batch.kind == BATCH_CALL_CACHE_END) {
		int64_t booked = kept_of(t, b).lifetime_ms;
		book_change(ex, b, num_min_i64(lived, booked), "the cache was deleted before its end");
		batch_set_state(t, b, BATCH_BOOKED);
	} else if (c.lifetime_ms != TOKENS_ABSENT) {
		book_change(ex, b, c.lifetime_ms, "the end of the cache was changed");
	} else if (c.left_ms != TOKENS_ABSENT) {
		book_change(ex, b, num_sat_add_i64(lived, c.left_ms), "the end of the cache was changed");
	}
}
