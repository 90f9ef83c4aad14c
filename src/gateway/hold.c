#include "gateway/hold.h"

#include "base/buf.h"
#include "base/money.h"
#include "base/num.h"
#include "gateway/refusal_text.h"
#include "model/usage.h"

/* Tokens: what providers add to a prompt with tools; a window and an answer where the price book has no
 * figure for the model. */
#define INPUT_UNSEEN   2048
#define INPUT_UNKNOWN  2000000
#define OUTPUT_UNKNOWN 128000

/* A budget that slows is asked again this often. */
#define THROTTLE_US    INT64_C(1000000)
/* Likewise while what was spent is being counted from the ledger. */
#define LOADING_US     INT64_C(50000)

/* --- what it can cost ------------------------------------------------------------------------------- */

/* All input together: as it was predicted, bounded by the body's bytes, or where the body does not hold it
 * all, by the model's window. */
static int64_t input_bound(const struct exchange *ex)
{
	int64_t bound = tokens_upper_bound(ex->body_n) + INPUT_UNSEEN, window = ex->price->context_window;
	if (ex->foreseen && !ex->predicted.open)
		bound = num_min_i64(bound, ex->predicted.bound);
	return ex->view.hidden_input ? num_max_i64(bound, window > 0 ? window : INPUT_UNKNOWN) : bound;
}

/* The most that one choice's output can be. */
static int64_t output_bound(const struct exchange *ex)
{
	if (ex->view.max_output != TOKENS_ABSENT)
		return ex->view.max_output;
	return ex->price->max_output > 0 ? ex->price->max_output : OUTPUT_UNKNOWN;
}

static int64_t worst_usd(const struct exchange *ex, int64_t output)
{
	const struct request_view *v = &ex->view;
	struct billed_as asked = {.service_tier = v->service_tier, .speed = v->speed};
	struct price_bounds b = {
	    .input_tokens = ex->hold.input, .max_output = output, .choices = v->choices, .asked = &asked};
	return price_worst_case_of(ex->price, &b);
}

/* What a call needs with so much output; its worst case in money in *list. */
static struct budget_need need_for(const struct exchange *ex, int64_t output, int64_t *list)
{
	struct budget_need n = {.calls = 1};
	*list = RECORD_ABSENT;
	if (ex->price == NULL)
		return n;
	int64_t choices = num_max_i64(ex->view.choices, 1);
	*list = worst_usd(ex, output);
	n.usd = ex->record.billing == BILLING_METERED ? *list : 0;
	n.input = ex->hold.input;
	if (!num_mul_i64(output, choices, &n.output))
		n.output = INT64_MAX;
	if (ex->provider->credit_nanousd > 0)
		n.credits = money_in_credits(*list, ex->provider->credit_nanousd);
	return n;
}

/* --- words ------------------------------------------------------------------------------------------ */

static slice unit_name(const struct amount *a)
{
	switch (a->unit) {
	case LIMIT_TOKENS:
		return SLICE("tokens");
	case LIMIT_METER:
		return slice_of(meter_name(a->meter));
	case LIMIT_CALLS:
		return SLICE("requests");
	case LIMIT_USD:
	case LIMIT_CREDITS:
		break;
	}
	return SLICE("credits");
}

static long long whole(const struct amount *a, int64_t n)
{
	return a->unit == LIMIT_CREDITS ? n / MONEY_NANO_PER_USD : n;
}

static slice figures(struct exchange *ex, const struct budget_why *why)
{
	const struct amount *a = &why->rule->limit;
	return arena_printf(
	    &ex->mem, "%lld of %lld " SLICE_FMT " used, %lld held by calls under way, this call may use %lld",
	    whole(a, why->settled), whole(a, why->limit), SLICE_ARG(unit_name(a)), whole(a, why->held),
	    whole(a, why->need));
}

static slice lift_command(struct exchange *ex, const struct budget_rule *r)
{
	if (!r->has_override)
		return SLICE_NONE;
	return arena_printf(&ex->mem, "weir budget override " SLICE_FMT " --add \"%s\" --reason WHY",
	                    SLICE_ARG(r->rule.name), r->limit.unit == LIMIT_USD ? "5 USD" : "AMOUNT");
}

static slice budget_text(struct exchange *ex, const struct budget_why *why)
{
	const struct budget_rule *r = why->rule;
	bool spent = why->settled >= why->limit;
	slice of =
	    why->label.n ? arena_printf(&ex->mem, " of " SLICE_FMT, SLICE_ARG(why->label)) : SLICE_NONE;
	slice what =
	    arena_printf(&ex->mem, "Budget \"" SLICE_FMT "\"" SLICE_FMT " %s", SLICE_ARG(r->rule.name),
	                 SLICE_ARG(of), spent ? "is spent" : "has no room for this call");
	struct refusal_words w = refusal_words(what);
	if (r->limit.unit == LIMIT_USD) {
		w.spent = why->settled;
		w.limit = why->limit;
		w.held = why->held;
		w.need = why->need;
	} else {
		w.figures = figures(ex, why);
	}
	w.resets_ms = why->resets_ms == INT64_MAX ? 0 : why->resets_ms;
	w.now_ms = ex->record.time_ms;
	w.zone = ex->settings->zone;
	w.zone_name = ex->settings->timezone;
	w.lift = lift_command(ex, r);
	if (w.lift.n == 0)
		w.who = r->approvers_n ? r->approvers[0] : SLICE("whoever keeps Weir's settings (budgets)");
	return refusal_compose(&w, &ex->mem);
}

static slice unknown_text(struct exchange *ex, const struct budget_why *why)
{
	return arena_printf(&ex->mem,
	                    "Budget \"" SLICE_FMT
	                    "\" cannot be checked: %s. It says on_failure: closed, so calls wait "
	                    "until it can; try again in a moment, or ask whoever keeps Weir's settings",
	                    SLICE_ARG(why->rule->rule.name), why->fault);
}

/* --- the stage -------------------------------------------------------------------------------------- */

static enum admit_next refuse_budget(struct exchange *ex, const struct budget_why *why)
{
	const struct budget_rule *r = why->rule;
	slice text = budget_text(ex, why);
	hold_release(ex);
	if (r->action == ACTION_THROTTLE) {
		if (exchange_hold_back(ex, clock_mono_us(ex->w->shared->clock) + THROTTLE_US))
			return ADMIT_HELD;
		exchange_refuse(ex, REFUSAL_QUOTA, r->rule.name.p, text);
		return ADMIT_REFUSED;
	}
	if (r->action == ACTION_PAUSE)
		ex->record.decision = DECISION_PAUSED;
	exchange_refuse(ex, REFUSAL_BUDGET, r->rule.name.p, text);
	return ADMIT_REFUSED;
}

/* What budgets that only count would have done. */
static void note_shadows(struct exchange *ex)
{
	for (unsigned i = 0; i < ex->hold.budget.n; i++) {
		const struct budget_part *p = &ex->hold.budget.part[i];
		if (!p->exceeded || p->rule->rule.mode != MODE_SHADOW)
			continue;
		slice *shadow = &ex->record.text[TEXT_SHADOW];
		slice text =
		    arena_printf(&ex->mem, SLICE_FMT "%sbudget " SLICE_FMT ": would refuse",
		                 SLICE_ARG(*shadow), shadow->n ? "; " : "", SLICE_ARG(p->rule->rule.name));
		if (text.p)
			*shadow = text;
	}
}

struct budget_clock *hold_clock(struct exchange *ex)
{
	struct shared *s = ex->w->shared;
	struct budget_clock *c = &ex->w->budget_clock;
	c->steady_ms = s->steady_wall_ms + (clock_mono_us(s->clock) - s->steady_mono_us) / 1000;
	return c;
}

static struct facts facts_of(const struct exchange *ex, const struct settings *s)
{
	return (struct facts){.record = &ex->record, .zone = s->zone};
}

static enum budget_result take(struct exchange *ex, struct budget_why *why)
{
	struct call_hold *h = &ex->hold;
	struct budgets *b = ex->w->shared->budgets;
	struct facts f = facts_of(ex, ex->settings);
	enum budget_result r = budget_match(b, ex->settings, &f, 0, hold_clock(ex), &h->budget, why);
	if (r == BUDGET_OK)
		r = budget_take(b, &h->budget, &h->need, why);
	return r;
}

enum admit_next admit_budgets(struct exchange *ex)
{
	struct call_hold *h = &ex->hold;
	struct record *r = &ex->record;
	struct budget_why why;
	int64_t list;
	if (!api_is_metered(ex->target.api) || ex->body_n == 0)
		return ADMIT_ON;
	*h = (struct call_hold){0};
	if (ex->price) {
		h->input = input_bound(ex);
		h->output = h->output_max = output_bound(ex);
	}
	h->need = need_for(ex, h->output, &list);
	r->hold_nanousd = list;
	r->hold_tokens = ex->price ? num_sat_add_i64(h->need.input, h->need.output) : RECORD_ABSENT;
	switch (take(ex, &why)) {
	case BUDGET_OK:
		break;
	case BUDGET_REFUSED:
		return refuse_budget(ex, &why);
	case BUDGET_UNKNOWN:
		if (why.soon && exchange_hold_back(ex, clock_mono_us(ex->w->shared->clock) + LOADING_US))
			return ADMIT_HELD;
		exchange_refuse(ex, REFUSAL_BUDGET, why.rule->rule.name.p, unknown_text(ex, &why));
		return ADMIT_REFUSED;
	}
	note_shadows(ex);
	return ADMIT_ON;
}

/* --- the end ---------------------------------------------------------------------------------------- */

void hold_settle(struct exchange *ex)
{
	struct call_hold *h = &ex->hold;
	struct budgets *b = ex->w->shared->budgets;
	const struct settings *now = ex->w->settings;
	struct budget_need used;
	budget_used_by(&ex->record, &used);
	if (now != ex->settings && api_is_metered(ex->target.api)) {
		/* Budgets that were made while the call was under way count it now. */
		struct facts f = facts_of(ex, now);
		budget_charge(b, now, &f, hold_clock(ex), &h->budget, &used);
	}
	budget_settle(b, &h->budget, &used);
}

void hold_release(struct exchange *ex)
{
	budget_release(ex->w->shared->budgets, &ex->hold.budget);
}

slice hold_remaining(struct exchange *ex)
{
	int64_t left;
	char usd[MONEY_TEXT_MAX];
	const struct budget_rule *r = budget_tightest(&ex->hold.budget, &left);
	if (r == NULL)
		return SLICE_NONE;
	size_t n = money_format_exact(left, usd);
	return arena_printf(&ex->mem, SLICE_FMT "=%.*s", SLICE_ARG(r->rule.name), (int)n, usd);
}
