#include "gateway/batch_budget.h"

#include <stdlib.h>

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
