#include "gateway/hold.h"

#include "gateway/batch_budget.h"

#include "base/map.h"
#include "base/money.h"
#include "base/num.h"
#include "gateway/refusal_text.h"
#include "gateway/reroute.h"
#include "model/usage.h"

/* Tokens: what providers add to a prompt with tools; a window and an answer where the price book has no
 * figure for the model. */
#define INPUT_UNSEEN   2048
#define INPUT_UNKNOWN  2000000
#define OUTPUT_UNKNOWN 128000

/* Tokens of output: a call that the budgets cannot pay so many of is refused. */
#define OUTPUT_FLOOR   1024
/* For what frames an answer and is not seen as text: each answer, each call of a tool. */
#define FRAME_TOKENS   32

/* A budget that slows is asked again this often. */
#define THROTTLE_US    INT64_C(1000000)
/* Likewise while what was spent is being counted from the ledger. */
#define LOADING_US     INT64_C(50000)

/* Tokens of what stands around a note to the model. */
#define NOTE_UNSEEN    32

/* --- what it can cost ------------------------------------------------------------------------------- */

/* All input together: as it was predicted, bounded by the body's bytes, or where the body does not hold it
 * all, by the model's window. */
static int64_t input_bound(const struct exchange *ex)
{
	int64_t bound = tokens_upper_bound(ex->body_n) + INPUT_UNSEEN, window = ex->price->context_window;
	if (ex->foreseen && !ex->predicted.open && ex->record.text[TEXT_MODEL_CALLED].n == 0)
		bound = num_min_i64(bound, ex->predicted.bound);
	if (ex->advice.n) /* a note that Weir itself adds */
		bound = num_sat_add_i64(bound, tokens_upper_bound(ex->advice.n) + NOTE_UNSEEN);
	return ex->view.hidden_input ? num_max_i64(bound, window > 0 ? window : INPUT_UNKNOWN) : bound;
}

/* The most that one choice's output can be. */
static int64_t output_bound(const struct exchange *ex)
{
	if (ex->view.max_output != TOKENS_ABSENT)
		return reroute_output(ex, ex->view.max_output);
	return ex->price->max_output > 0 ? ex->price->max_output : OUTPUT_UNKNOWN;
}

static int64_t worst_usd(const struct exchange *ex, int64_t output)
{
	const struct request_view *v = &ex->view;
	if (ex->batch.kind == BATCH_CALL_CACHE || ex->batch.kind == BATCH_CALL_CREATE)
		return ex->batch.worst;
	struct billed_as asked = {.service_tier = v->service_tier, .speed = v->speed};
	struct price_bounds b = {.input_tokens = ex->hold.input,
	                         .max_output = output,
	                         .choices = v->choices,
	                         .asked = &asked,
	                         .web_searches = ex->hold.searches,
	                         .hosted_tool_calls = ex->hold.hosted};
	return price_worst_case_of(ex->price, &b);
}

/* So many calls of the provider's own tools, at most; true when that makes a difference to the price. */
static bool expect_tools(struct exchange *ex, const struct codec_hosted *offered, int64_t calls)
{
	struct call_hold *h = &ex->hold;
	h->searches = h->hosted = 0;
	int64_t without = worst_usd(ex, 0);
	h->searches = offered->searches ? calls : 0;
	h->hosted = offered->others ? calls : 0;
	return worst_usd(ex, 0) != without;
}

/* They are billed by call: as many as the request allows, else, or where that costs too much, as many as the
 * settings say. */
static bool bound_tools(struct exchange *ex, bool fewer)
{
	struct codec_hosted offered;
	codec_hosted(&ex->view, &offered);
	int64_t most = ex->settings->limits.hosted_calls;
	bool open = offered.most == INT64_MAX,
	     lower = offered.can_limit && (open || (fewer && offered.most > most));
	ex->hold.tools_limited = expect_tools(ex, &offered, open || lower ? most : offered.most) && lower;
	return ex->hold.tools_limited;
}

/* What a call needs with so much output; its worst case in money in *list. */
static struct budget_need need_for(const struct exchange *ex, int64_t output, int64_t *list)
{
	struct budget_need n = {.calls = 1};
	*list = RECORD_ABSENT;
	if (ex->price == NULL && ex->batch.kind != BATCH_CALL_CREATE)
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
	reroute_undo(ex);
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
	struct budget_clock *c = &ex->w->budget_clock;
	c->steady_ms = shared_steady_ms(ex->w->shared);
	return c;
}

static struct facts facts_of(const struct exchange *ex, const struct settings *s)
{
	return (struct facts){.record = &ex->record, .zone = s->zone};
}

static uint64_t model_of(const struct exchange *ex)
{
	const slice *text = ex->record.text;
	return map_hash(text[TEXT_MODEL_CALLED].n ? text[TEXT_MODEL_CALLED] : text[TEXT_MODEL_REQUESTED], 0);
}

/* As much output as the hold pays for. */
static void cover(struct exchange *ex, int64_t output)
{
	struct call_hold *h = &ex->hold;
	h->cover.held = output;
	h->need = need_for(ex, output, &ex->record.hold_nanousd);
	ex->record.hold_tokens = ex->price ? num_sat_add_i64(h->need.input, h->need.output) : RECORD_ABSENT;
}

/* The provider can be told to make no more than so much. */
static bool can_limit(struct exchange *ex, int64_t output)
{
	struct json_edits edits;
	json_edits_init(&edits);
	return ex->codec && codec_can_limit(ex->view.api) &&
	       codec_limit(&ex->view, output, &edits, &ex->mem) == 0;
}

static bool can_limit_tools(struct exchange *ex, int64_t calls)
{
	struct json_edits edits;
	json_edits_init(&edits);
	return codec_hosted_limit(&ex->view, calls, &edits, &ex->mem) == 0;
}

/* Only budgets of money that enforce change what is sent. */
static bool money_is_enforced(const struct budget_hold *h)
{
	for (unsigned i = 0; i < h->n; i++) {
		const struct budget_part *p = &h->part[i];
		if (p->enforced && (p->rule->limit.unit == LIMIT_USD || p->rule->limit.unit == LIMIT_CREDITS))
			return true;
	}
	return false;
}

/* The provider can be told to run fewer of its tools than the client allows. */
static bool fewer_tools(struct exchange *ex)
{
	struct call_hold *h = &ex->hold;
	int64_t searches = h->searches, hosted = h->hosted;
	if (h->tools_limited || !money_is_enforced(&h->budget))
		return false;
	if (bound_tools(ex, true) && can_limit_tools(ex, num_max_i64(h->searches, h->hosted))) {
		cover(ex, h->cover.held);
		return true;
	}
	h->tools_limited = false;
	h->searches = searches;
	h->hosted = hosted;
	return false;
}

/* There is no room for what was asked: for less of it, perhaps. A stream begins with a smaller slice; of what
 * is not seen while it is made the provider makes less. */
static enum budget_result take_less(struct exchange *ex, struct budget_why *why)
{
	struct call_hold *h = &ex->hold;
	int64_t list, choices = num_max_i64(ex->view.choices, 1);
	if (ex->price == NULL)
		return BUDGET_REFUSED;
	if (fewer_tools(ex) && budget_take(ex->w->shared->budgets, &h->budget, &h->need, why) == BUDGET_OK)
		return BUDGET_OK;
	struct budget_need base = need_for(ex, 0, &list), million = need_for(ex, 1000000, &list);
	int64_t room = budget_output_room(&h->budget, &base, million.usd - base.usd) / choices;
	if (room < OUTPUT_FLOOR || room >= h->cover.held || (!h->sliced && !can_limit(ex, room)))
		return BUDGET_REFUSED;
	if (!h->sliced) {
		room = budget_output_share(room, budget_sizes_usual(&ex->w->sizes, model_of(ex)));
		h->cover.most = h->limit = room;
	}
	cover(ex, room);
	return budget_take(ex->w->shared->budgets, &h->budget, &h->need, why);
}

static enum budget_result take(struct exchange *ex, struct budget_why *why)
{
	struct call_hold *h = &ex->hold;
	struct budgets *b = ex->w->shared->budgets;
	struct facts f = facts_of(ex, ex->settings);
	unsigned flags = ex->record.text[TEXT_MODEL_CALLED].n ? BUDGET_DOWNGRADED : 0;
	enum budget_result r = budget_match(b, ex->settings, &f, flags, hold_clock(ex), &h->budget, why);
	h->tools_limited = h->tools_limited && money_is_enforced(&h->budget) &&
	                   can_limit_tools(ex, num_max_i64(h->searches, h->hosted));
	if (r == BUDGET_OK)
		r = budget_take(b, &h->budget, &h->need, why);
	return r == BUDGET_REFUSED ? take_less(ex, why) : r;
}

/* What a warning in the answer's head goes by. */
static void note_tightest(struct exchange *ex)
{
	struct budget_why t;
	if (!budget_tightest(&ex->hold.budget, &t))
		return;
	ex->budget = (struct budget_left){.name = t.rule->rule.name,
	                                  .limit = t.limit,
	                                  .left = t.need,
	                                  .resets_ms = t.resets_ms == INT64_MAX ? 0 : t.resets_ms};
}

static enum budget_result hold_once(struct exchange *ex, struct budget_why *why)
{
	struct call_hold *h = &ex->hold;
	*h = (struct call_hold){0};
	int64_t output = 0;
	if (ex->price) {
		h->input = input_bound(ex);
		(void)bound_tools(ex, false);
		output = h->cover.most = output_bound(ex);
		if (output < ex->view.max_output && can_limit(ex, output))
			h->limit = output;
		h->sliced =
		    ex->settings->budgets_n && ex->codec && ex->codec->cut && codec_shows_output(&ex->view);
		if (h->sliced)
			output =
			    budget_output_first(&h->cover, budget_sizes_usual(&ex->w->sizes, model_of(ex)));
	}
	cover(ex, output);
	return take(ex, why);
}

enum admit_next admit_budgets(struct exchange *ex)
{
	struct budget_why why;
	bool other = ex->batch.kind == BATCH_CALL_CACHE || ex->batch.kind == BATCH_CALL_CREATE;
	if ((!api_is_metered(ex->target.api) && !other) || ex->body_n == 0)
		return ADMIT_ON;
	enum budget_result r = hold_once(ex, &why);
	if (r == BUDGET_REFUSED && !other && reroute_to_tier(ex, why.rule)) {
		hold_release(ex);
		r = hold_once(ex, &why);
	}
	switch (r) {
	case BUDGET_OK:
		break;
	case BUDGET_REFUSED:
		return refuse_budget(ex, &why);
	case BUDGET_UNKNOWN:
		if (why.soon && exchange_hold_back(ex, clock_mono_us(ex->w->shared->clock) + LOADING_US))
			return ADMIT_HELD;
		reroute_undo(ex);
		exchange_refuse(ex, REFUSAL_BUDGET, why.rule->rule.name.p, unknown_text(ex, &why));
		return ADMIT_REFUSED;
	}
	note_shadows(ex);
	note_tightest(ex);
	return ADMIT_ON;
}

/* --- while it runs ---------------------------------------------------------------------------------- */

/* An upper bound of the output that has passed: a tokeniser makes no more tokens than there are bytes. */
static int64_t passed_bound(const struct exchange *ex)
{
	const struct answer *a = &ex->meter.answer;
	int64_t bytes = a->text_bytes + a->thinking_bytes + a->tool_bytes;
	if (ex->meter.lost)
		bytes = num_max_i64(bytes, (int64_t)ex->meter.passed);
	return bytes + (a->tool_calls + 1) * FRAME_TOKENS;
}

/* The counters first, then the journal, then what it pays for may pass. */
static void extend(struct exchange *ex, int64_t output)
{
	struct call_hold *h = &ex->hold;
	struct record *r = &ex->record;
	struct budget_why why;
	int64_t list;
	struct budget_need need = need_for(ex, output, &list), more = need;
	more.usd -= h->need.usd;
	more.input = 0;
	more.output -= h->need.output;
	more.credits -= h->need.credits;
	more.calls = 0;
	if (budget_extend(ex->w->shared->budgets, &h->budget, &more, &why) == BUDGET_OK) {
		cover(ex, output);
		journal_extend(ex->w->shared->journal, ex->slot, r->hold_nanousd, r->hold_tokens);
		return;
	}
	exchange_end_stream(ex, REFUSAL_BUDGET, why.rule->rule.name, budget_text(ex, &why));
}

static bool is_followed(const struct exchange *ex)
{
	return ex->hold.sliced && ex->slot && ex->call && !ex->end.wanted && meter_is_stream(&ex->meter) &&
	       ex->hold.cover.held < ex->hold.cover.most;
}

void hold_follow(struct exchange *ex)
{
	if (!is_followed(ex))
		return;
	int64_t next = budget_output_next(&ex->hold.cover, passed_bound(ex));
	if (next > ex->hold.cover.held)
		extend(ex, next);
}

void hold_whole(struct exchange *ex)
{
	if (is_followed(ex))
		extend(ex, ex->hold.cover.most);
}

/* --- the end ---------------------------------------------------------------------------------------- */

void hold_charge(struct exchange *ex)
{
	const struct settings *now = ex->w->settings;
	struct budget_need used;
	bool other = now != ex->settings && api_is_metered(ex->target.api);
	struct facts f = facts_of(ex, other ? now : ex->settings);
	if (ex->batch.kind == BATCH_CALL_CREATE && ex->record.text[TEXT_BATCH].n)
		return; /* held until it is booked, and carried on by itself */
	budget_used_by(&ex->record, &used);
	budget_charge(ex->w->shared->budgets, other ? now : NULL, &f, hold_clock(ex), &ex->hold.budget,
	              &used);
}

void hold_settle(struct exchange *ex)
{
	struct call_hold *h = &ex->hold;
	struct budgets *b = ex->w->shared->budgets;
	struct budget_need used;
	if (batch_budget_keep(ex))
		return;
	budget_used_by(&ex->record, &used);
	budget_settle(b, &h->budget, &used);
	bool cut = h->limit && used.output >= h->limit; /* by Weir: its size is not the model's */
	if (ex->record.ending == ENDING_COMPLETE && ex->price && used.output > 0 && !cut)
		budget_sizes_learn(&ex->w->sizes, model_of(ex), used.output);
}

void hold_release(struct exchange *ex)
{
	budget_release(ex->w->shared->budgets, &ex->hold.budget);
}

void hold_headers(struct exchange *ex, void (*add)(struct exchange *ex, slice name, slice value))
{
	if (ex->hold.limit)
		add(ex, SLICE("x-weir-max-tokens"),
		    arena_printf(&ex->mem, "%lld", (long long)ex->hold.limit));
	if (ex->hold.tools_limited)
		add(ex, SLICE("x-weir-max-tool-calls"),
		    arena_printf(&ex->mem, "%lld",
		                 (long long)num_max_i64(ex->hold.searches, ex->hold.hosted)));
	reroute_headers(ex, add);
}
