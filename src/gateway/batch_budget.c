#include "gateway/batch_budget.h"

#include <stdlib.h>

#include "base/money.h"
#include "base/num.h"
#include "gateway/exchange.h"
#include "model/usage.h"

void batch_used_add(struct batch_used *u, const struct record *line)
{
	struct budget_need n = {0};
	if (!budget_used_by(line, &n))
		return;
	if (!u->any)
		usage_clear(&u->usage);
	u->any = true;
	u->need.usd = num_sat_add_i64(u->need.usd, n.usd);
	u->need.input = num_sat_add_i64(u->need.input, n.input);
	u->need.output = num_sat_add_i64(u->need.output, n.output);
	u->need.credits = num_sat_add_i64(u->need.credits, n.credits);
	u->need.calls += n.calls;
	usage_add(&u->usage, &line->usage);
}

bool batch_budget_keep(struct exchange *ex)
{
	struct batches *t = ex->w->shared->batches;
	if (ex->batch.kind != BATCH_CALL_CREATE || ex->hold.budget.n == 0 ||
	    ex->record.text[TEXT_BATCH].n == 0)
		return false;
	struct budget_hold *h = malloc(sizeof *h);
	struct batch *b = h ? batches_find(t, ex->record.text[TEXT_BATCH]) : NULL;
	bool kept = false;
	if (b) {
		*h = ex->hold.budget; /* its counters stay pinned, its rules live with the settings */
		kept = batch_keep_hold(t, b, h, settings_ref(ex->settings));
		if (kept)
			ex->hold.budget = (struct budget_hold){0};
		else
			settings_unref(ex->settings);
	}
	if (!kept)
		free(h);
	batch_unref(b);
	return kept;
}

struct carrying {
	struct shared *shared;
	struct settings *s;
	const struct record *made;
	bool fresh; /* only what is not held at all */
};

/* The worst case of money, as at its creation; that itself is a call, and in the sums by its row. */
static void carry(void *arg, struct budget_hold **h, struct settings **settings)
{
	struct carrying *c = arg;
	const struct record *made = c->made;
	const struct provider *p =
	    settings_provider(c->s, DIALECT_NONE, made->text[TEXT_PROVIDER], SLICE_NONE);
	int64_t worst = num_max_i64(made->hold_nanousd, 0);
	struct budget_need need = {.usd = made->billing == BILLING_METERED ? worst : 0, .calls = 1},
	                   counted = {.calls = 1};
	struct facts f = {.record = made, .zone = c->s->zone};
	struct budget_clock clock = {.zone = c->s->zone, .steady_ms = shared_steady_ms(c->shared)};
	if (*settings == c->s || (c->fresh && *settings))
		return;
	if (*h == NULL)
		*h = calloc(1, sizeof **h);
	if (*h == NULL)
		return; /* tried again with the next settings */
	if (p && p->credit_nanousd > 0)
		need.credits = money_in_credits(worst, p->credit_nanousd);
	budget_carry(c->shared->budgets, *h, c->s, &f, &clock, &need, &counted);
	settings_unref(*settings);
	*settings = settings_ref(c->s);
}

void batch_budget_carry(struct shared *shared, struct settings *s, bool fresh)
{
	struct batches *t = shared->batches;
	struct batch *b;
	for (size_t at = 0; t && (b = batches_each(t, &at)) != NULL; batch_unref(b)) {
		struct carrying c = {shared, s, &b->made, fresh};
		if (b->made.api != API_GEMINI_CACHES)
			batch_with_hold(t, b, carry, &c);
	}
}

void batch_close(struct shared *s, struct batch *b, enum batch_state to, struct batch_used *used)
{
	struct batch_used none = {.any = false};
	struct budget_hold *h = NULL;
	struct settings *settings = NULL;
	batch_leave(s->batches, b, to, &h, &settings);
	if (h == NULL)
		return;
	if (used == NULL)
		used = &none;
	used->need.calls++; /* the creation */
	used->need.meters = used->any ? &used->usage : NULL;
	budget_settle(s->budgets, h, &used->need);
	free(h);
	settings_unref(settings);
}
