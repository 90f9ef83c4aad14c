#include "gateway/settle.h"

#include "base/money.h"
#include "base/num.h"
#include "gateway/admit.h"
#include "gateway/cache_tap.h"
#include "gateway/call_session.h"
#include "gateway/call_storm.h"
#include "gateway/foresee.h"
#include "gateway/hold.h"
#include "model/usage.h"

static int64_t since_ms(int64_t from_us, int64_t to_us)
{
	return from_us && to_us >= from_us ? (to_us - from_us) / 1000 : RECORD_ABSENT;
}

/* The row of the model that answered when it has a price of its own, else that of the one asked for. */
static const struct price *price_served(const struct exchange *ex, slice model)
{
	bool fallback = false;
	const struct price *p =
	    model.n ? settings_price(ex->settings, ex->provider, model, ex->record.time_ms, &fallback) : NULL;
	return p && !fallback ? p : ex->price;
}

/* What is known of the cost of usage that has a meter without a price: all but those. */
static int64_t known_part(const struct price *p, const struct usage *u, const struct billed_as *as)
{
	struct usage rest = *u;
	struct cost c;
	struct error e;
	for (int m = 0; m < METER_N; m++) {
		struct usage one;
		usage_clear(&one);
		one.m[m] = u->m[m];
		if (usage_cost(p, &one, as, &c, &e))
			rest.m[m] = TOKENS_ABSENT;
	}
	return usage_cost(p, &rest, as, &c, &e) ? 0 : c.total;
}

/* A meter was used that the price book has no figure for: the hold is what it may have cost, or what is known
 * of it when that is more; never nothing. */
static void price_at_worst(struct exchange *ex, struct record *r, int64_t worst, const char *why,
                           const char **note)
{
	r->usage_source = SOURCE_HOLD;
	r->priced = r->hold_nanousd >= 0 || worst > 0;
	r->cost = (struct cost){.total = num_max_i64(worst, 0)};
	r->cost.part[COST_OTHER] = r->cost.total;
	r->list_cost_nanousd = r->priced ? worst : RECORD_ABSENT;
	slice told = arena_printf(&ex->mem, "priced at its worst case: %s", why);
	*note = told.p ? told.p : "priced at its worst case";
}

/* Prices the whole answer: its own usage and the parts that name other models. */
static void price_call(struct exchange *ex, struct record *r, const char **note)
{
	const struct answer *a = &ex->meter.answer;
	struct billed_as as = {a->service_tier.n ? name_get(&a->service_tier) : ex->view.service_tier,
	                       a->speed.n ? name_get(&a->speed) : ex->view.speed,
	                       ex->target.region.n ? ex->target.region : name_get(&a->region)};
	/* A Bedrock id says where the model runs, and with it the price; the name in the answer does not. */
	const struct price *p =
	    r->api == API_BEDROCK_INVOKE ? ex->price : price_served(ex, name_get(&a->model));
	struct error e = {0};
	struct cost total = {0};
	bool known = usage_cost_add(p, &r->usage, &as, &total, &e) == 0;
	r->text[TEXT_PRICE_ID] = p->id;
	r->text[TEXT_REGION] = as.region;
	if (a->parts_n)
		*note = "several models in one answer: each part at its own model's price";
	for (size_t i = 0; known && i < a->parts_n; i++) {
		known = usage_cost_add(price_served(ex, name_get(&a->parts[i].model)), &a->parts[i].usage,
		                       &as, &total, &e) == 0;
		usage_add(&r->usage, &a->parts[i].usage);
	}
	/* The book does not know all of it, and the provider says what it took: an invoice says the same. */
	if ((!known || p == &ex->settings->fallback_price) && a->charged_nanousd >= 0 &&
	    r->usage_source == SOURCE_REPORTED) {
		total = (struct cost){.total = a->charged_nanousd};
		total.part[COST_OTHER] = a->charged_nanousd;
		r->text[TEXT_PRICE_ID] = SLICE("charged");
		*note = "as the provider says in its answer: the price book does not know all that was used";
		known = true;
	}
	if (known) {
		r->priced = true;
		r->cost = total;
		r->list_cost_nanousd = total.total;
		return;
	}
	price_at_worst(ex, r, num_max_i64(r->hold_nanousd, known_part(p, &r->usage, &as)), e.text, note);
}

static void fill_usage(struct exchange *ex, struct record *r, enum ending ending, const char **note)
{
	bool spent = ex->left && ex->price &&
	             !(ending == ENDING_PROVIDER_ERROR && !ex->meter.answer.has_usage && ex->status >= 400);
	if (ex->batch.kind == BATCH_CALL_CREATE && ex->left && ex->status < 400 &&
	    r->text[TEXT_BATCH].n == 0) {
		/* it may be running, under an id that nobody knows */
		price_at_worst(ex, r, num_max_i64(r->hold_nanousd, 0), "the batch's id did not come back",
		               note);
		return;
	}
	if (ex->batch.kind == BATCH_CALL_CACHE && spent && ex->status < 400 && !ex->meter.answer.has_usage) {
		price_at_worst(ex, r, num_max_i64(r->hold_nanousd, 0),
		               "how many tokens are kept, and until when, did not come back", note);
		return;
	}
	if (ex->price == NULL) { /* a path that costs nothing by its nature, or that could not be metered */
		r->priced = !api_is_metered(r->api);
		r->usage_source = SOURCE_NONE;
		return;
	}
	if (!spent) {
		r->priced = true;
		r->usage_source = SOURCE_NONE;
		r->list_cost_nanousd = 0;
		return;
	}
	if (ex->meter.answer.usage.m[METER_INPUT] == TOKENS_ABSENT)
		ex->meter.input = foresee_input(ex);
	r->usage_source = meter_usage(&ex->meter, ex->body_n, ending != ENDING_COMPLETE, &r->usage);
	if (r->usage_source == SOURCE_COUNTED)
		COUNT(ex->w, counted);
	else if (ending == ENDING_COMPLETE && api_is_metered(r->api))
		foresee_learn(ex, &r->usage);
	price_call(ex, r, note);
	r->context_tokens = usage_context_tokens(&r->usage);
	if (ex->batch.kind == BATCH_CALL_CACHE)
		r->context_tokens = cache_tap_tokens(ex);
	r->tool_calls = ex->meter.answer.tool_calls;
	r->server_tool_calls = ex->meter.answer.server_tool_calls;
}

static void fill_texts(struct exchange *ex, struct record *r)
{
	const struct answer *a = &ex->meter.answer;
	r->text[TEXT_MODEL_SERVED] = name_get(&a->model);
	r->text[TEXT_STOP_REASON] = name_get(&a->stop_reason);
	r->text[TEXT_CALL_KEY] = name_get(&a->id);
	if (a->service_tier.n)
		r->text[TEXT_SERVICE_TIER] = name_get(&a->service_tier);
	if (a->speed.n)
		r->text[TEXT_SPEED] = name_get(&a->speed);
	r->status = ex->status ? ex->status : RECORD_ABSENT;
	r->duration_ms = since_ms(ex->arrived_us, ex->ended_us);
	r->ttft_ms = since_ms(ex->arrived_us, ex->first_byte_us);
}

static void count_ending(struct worker *w, enum ending ending)
{
	COUNT(w, calls_ended);
	switch (ending) {
	case ENDING_CLIENT_GONE:
		COUNT(w, client_gone);
		break;
	case ENDING_PROVIDER_GONE:
		COUNT(w, provider_gone);
		break;
	case ENDING_PROVIDER_ERROR:
		COUNT(w, provider_errors);
		break;
	case ENDING_TIMEOUT:
		COUNT(w, timeouts);
		break;
	case ENDING_COMPLETE:
	case ENDING_TRUNCATED:
	case ENDING_REFUSED:
	case ENDING_CRASH:
	case ENDING_N:
		break;
	}
}

/* Credits are reckoned from the cost, which is of the same list; in 128 bits, half to even. */
static void fill_credits(const struct provider *p, struct record *r)
{
	if (p && p->credit_nanousd > 0 && r->priced && r->usage_source != SOURCE_NONE)
		r->credits_nano = money_in_credits(r->cost.total, p->credit_nanousd);
}

void settle_call(struct exchange *ex, enum ending ending, const char *note)
{
	if (ex->slot == 0)
		return;
	struct shared *s = ex->w->shared;
	struct record *r = &ex->record;
	journal_slot slot = ex->slot;
	ex->slot = 0;
	ex->ended_us = clock_mono_us(s->clock);
	if (!ex->left &&
	    ending == ENDING_CLIENT_GONE) { /* nothing went to the provider, and nobody waits for it */
		journal_drop(s->journal, ex->w->index, slot);
		hold_release(ex);
		COUNT(ex->w, calls_ended);
		return;
	}
	r->ending = ending;
	fill_usage(ex, r, ending, &note);
	fill_credits(ex->provider, r);
	fill_texts(ex, r);
	if (note == NULL && ex->price_fallback)
		note = "priced by the fallback of the settings: the price book does not know this model";
	if (note)
		r->text[TEXT_EXPLANATION] = slice_of(note);
	call_session_close(ex);
	call_storm_close(ex);
	ex->cost = r->cost;
	ex->cost_known = r->priced && ex->price != NULL;
	hold_charge(ex);
	/* The row first: were the room given back before, another call could hold it, and a crash in between
	 * would still book the hold of this one (tests/model/budget.pml). */
	journal_settle(s->journal, slot, r);
	hold_settle(ex);
	admit_quota_end(ex);
	if (meter_skipped(&ex->meter))
		COUNT_ADD(ex->w, events_skipped, meter_skipped(&ex->meter));
	count_ending(ex->w, ending);
}

void settle_refusal(struct exchange *ex, const char *rule, slice message)
{
	struct record *r = &ex->record;
	hold_release(ex);
	if (r->id[0] == '\0')
		return;
	if (r->decision != DECISION_PAUSED) /* a stage may have said that its session waits for a human */
		if (r->decision != DECISION_PAUSED)
			r->decision = DECISION_REFUSED;
	r->ending = ENDING_REFUSED;
	r->usage_source = SOURCE_NONE;
	r->priced = true;
	r->list_cost_nanousd = 0;
	r->status = ex->status;
	r->text[TEXT_RULE] = slice_of(rule);
	r->text[TEXT_EXPLANATION] = message;
	r->duration_ms = since_ms(ex->arrived_us, clock_mono_us(ex->w->shared->clock));
	if (r->who.v[ATTR_USER].n == 0)
		r->who = ex->who.fixed;
	if (journal_refusal(ex->w->shared->journal, ex->w->index, r))
		log_event(ex->w->shared->log, LOG_ERROR, "refusal.unbooked", LOG_Z("rule", rule),
		          LOG_S("message", message));
}
