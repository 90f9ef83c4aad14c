#include "gateway/reroute.h"

#include "codec/registry.h"

/* What a Bedrock id begins with when the model runs in several regions. */
static const slice REGIONS[] = {{"us.", 3}, {"eu.", 3}, {"apac.", 5},   {"global.", 7},
                                {"jp.", 3}, {"au.", 3}, {"us-gov.", 7}, {"ca.", 3}};

/* "anthropic.claude" of us.anthropic.claude-haiku-4-5, "claude" of claude-haiku-4-5@20251001. */
static slice family(slice model)
{
	for (size_t i = 0; i < sizeof REGIONS / sizeof *REGIONS; i++)
		if (slice_starts(model, REGIONS[i])) {
			model = slice_sub(model, REGIONS[i].n, model.n);
			break;
		}
	slice first = model;
	slice_split(&model, '-', &first);
	return first;
}

/* Where the path says which model's words the body is in, only one of the same family understands them. */
static bool reads_same_body(const struct exchange *ex, slice model)
{
	if (ex->target.model_n == 0 ||
	    (ex->target.dialect != DIALECT_VERTEX && ex->target.api != API_BEDROCK_INVOKE))
		return true;
	return slice_eq(family(provider_model(ex->provider, model)),
	                family(provider_model(ex->provider, ex->view.model)));
}

static const struct price *price_of(const struct exchange *ex, slice model)
{
	bool fallback = false;
	const struct price *p = NULL;
	if (provider_takes(ex->provider, model) && reads_same_body(ex, model))
		p = settings_price(ex->settings, ex->provider, model, ex->record.time_ms, &fallback);
	return fallback ? NULL : p;
}

static bool is_of(const struct tier *t, slice model)
{
	for (size_t i = 0; i < t->models_n; i++)
		if (slice_eq(t->models[i], model))
			return true;
	return false;
}

bool reroute_to_tier(struct exchange *ex, const struct budget_rule *r)
{
	const struct tier *t =
	    r->action == ACTION_DOWNGRADE ? settings_tier(ex->settings, r->downgrade) : NULL;
	struct record *row = &ex->record;
	if (t == NULL || row->text[TEXT_MODEL_CALLED].n || is_of(t, ex->view.model) ||
	    (ex->view.model_raw.n == 0 && ex->target.model_n == 0))
		return false;
	for (size_t i = 0; i < t->models_n; i++) {
		const struct price *p = price_of(ex, t->models[i]);
		if (p == NULL)
			continue;
		row->text[TEXT_MODEL_CALLED] = t->models[i];
		row->text[TEXT_PRICE_ID] = p->id;
		row->text[TEXT_RULE] = r->rule.name;
		row->text[TEXT_EXPLANATION] =
		    arena_printf(&ex->mem,
		                 "called " SLICE_FMT " (tier " SLICE_FMT "): budget " SLICE_FMT
		                 " had no room for " SLICE_FMT,
		                 SLICE_ARG(t->models[i]), SLICE_ARG(t->name), SLICE_ARG(r->rule.name),
		                 SLICE_ARG(ex->view.model));
		ex->price = p;
		ex->price_fallback = false;
		return true;
	}
	return false;
}

void reroute_undo(struct exchange *ex)
{
	slice *text = ex->record.text;
	if (text[TEXT_MODEL_CALLED].n == 0)
		return;
	text[TEXT_MODEL_CALLED] = text[TEXT_RULE] = text[TEXT_EXPLANATION] = SLICE_NONE;
	ex->price = settings_price(ex->settings, ex->provider, ex->view.model, ex->record.time_ms,
	                           &ex->price_fallback);
	text[TEXT_PRICE_ID] = ex->price ? ex->price->id : SLICE_NONE;
}

int64_t reroute_output(const struct exchange *ex, int64_t asked)
{
	int64_t most = ex->price->max_output;
	return ex->record.text[TEXT_MODEL_CALLED].n && most > 0 && most < asked ? most : asked;
}

slice reroute_path(struct exchange *ex)
{
	slice called = ex->record.text[TEXT_MODEL_CALLED];
	return called.n ? registry_path_with(&ex->target, called, &ex->mem) : ex->target.rest;
}

void reroute_headers(struct exchange *ex, void (*add)(struct exchange *ex, slice name, slice value))
{
	if (ex->record.text[TEXT_MODEL_CALLED].n == 0)
		return;
	add(ex, SLICE("x-weir-model"), ex->record.text[TEXT_MODEL_CALLED]);
	add(ex, SLICE("x-weir-route"), ex->record.text[TEXT_RULE]);
}
