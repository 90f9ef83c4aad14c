/* Who holds, and since when: calls under way, by their intents in the journal, and message batches that are
 * not booked. A developer sees their own. */
#include <stdlib.h>

#include "base/map.h"
#include "base/money.h"
#include "gateway/admin.h"
#include "gateway/batch.h"
#include "store/journal.h"

#define HOLDERS_MOST  1024 /* looked at */
#define HOLDERS_SHOWN 200

struct holders {
	struct admin *a;
	const struct budget_rule *rule; /* only those that hold in it; NULL: in any */
	struct record *at;              /* in the question's memory; texts too */
	size_t n;
	bool more; /* there were some that are not here */
};

static bool holds_in(const struct admin *a, const struct budget_rule *rule, const struct record *r)
{
	struct facts f = {.record = r, .zone = a->settings->zone};
	return rule_applies(&rule->rule, &f);
}

static bool is_wanted(const struct holders *h, const struct record *r)
{
	const struct admin *a = h->a;
	if (!a->who->all && !admin_is_self(a, r->who.v[ATTR_USER]))
		return false;
	if (h->rule)
		return holds_in(a, h->rule, r);
	for (size_t i = 0; i < a->settings->budgets_n; i++)
		if (holds_in(a, &a->settings->budgets[i], r))
			return true;
	return false;
}

static int take(void *arg, const struct record *r)
{
	static const enum record_text kept[] = {TEXT_MODEL_REQUESTED, TEXT_MODEL_CALLED, TEXT_PROVIDER,
	                                        TEXT_BATCH};
	struct holders *h = arg;
	if (!is_wanted(h, r))
		return 0;
	h->more = h->n == HOLDERS_MOST;
	if (h->more)
		return 1;
	struct record *to = &h->at[h->n++];
	*to = *r;
	for (size_t i = 0; i < ATTR_N; i++)
		to->who.v[i] = arena_copy(&h->a->mem, r->who.v[i]);
	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
		to->text[kept[i]] = arena_copy(&h->a->mem, r->text[kept[i]]);
	return 0;
}

static int by_age(const void *a, const void *b)
{
	const struct record *x = a, *y = b;
	return (x->time_ms > y->time_ms) - (x->time_ms < y->time_ms);
}

static void gather(struct holders *h)
{
	struct shared *s = h->a->c->shared;
	struct batch *b;
	size_t cursor = 0;
	h->at = arena_alloc(&h->a->mem, HOLDERS_MOST * sizeof *h->at);
	if (h->at == NULL) {
		h->more = true;
		return;
	}
	if (s->journal)
		(void)journal_each_open(s->journal, take, h);
	while (s->batches && (b = batches_each(s->batches, &cursor))) {
		if (batch_state(s->batches, b) == BATCH_OPEN)
			(void)take(h, &b->made);
		batch_unref(b);
	}
	qsort(h->at, h->n, sizeof *h->at, by_age);
}

static void put_text(struct admin *a, slice key, slice value)
{
	jsonw_put_string(&a->w, key, value.n ? value : SLICE_NONE);
}

/* The counter as the budget's list calls it. */
static slice label_of(struct admin *a, const struct budget_rule *rule, const struct record *r)
{
	char buf[ATTR_TEXT_MAX];
	struct facts f = {.record = r, .zone = a->settings->zone};
	slice label = SLICE_NONE;
	for (size_t i = 0; i < rule->each_n; i++)
		label = arena_printf(&a->mem, SLICE_FMT "%s" SLICE_FMT, SLICE_ARG(label), i ? ", " : "",
		                     SLICE_ARG(facts_text(&f, &rule->each[i], buf)));
	return label;
}

static void put_budgets(struct admin *a, const struct record *r)
{
	jsonw_key(&a->w, SLICE("budgets"));
	jsonw_array(&a->w);
	for (size_t i = 0; i < a->settings->budgets_n; i++) {
		const struct budget_rule *rule = &a->settings->budgets[i];
		if (!holds_in(a, rule, r))
			continue;
		jsonw_object(&a->w);
		jsonw_put_string(&a->w, SLICE("budget"), rule->rule.name);
		put_text(a, SLICE("for"), label_of(a, rule, r));
		jsonw_object_end(&a->w);
	}
	jsonw_array_end(&a->w);
}

static void put_holder(struct admin *a, const struct budget_rule *only, const struct record *r)
{
	static const struct {
		const char *name;
		enum attr is;
	} who[] = {{"user", ATTR_USER},   {"team", ATTR_TEAM},       {"repo", ATTR_REPO},
	           {"agent", ATTR_AGENT}, {"session", ATTR_SESSION}, {"task", ATTR_TASK}};
	static const struct amount usd = {.unit = LIMIT_USD};
	slice called = r->text[TEXT_MODEL_CALLED];
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("call"), slice_of(r->id));
	put_text(a, SLICE("batch"), r->text[TEXT_BATCH]);
	for (size_t i = 0; i < sizeof who / sizeof who[0]; i++)
		put_text(a, slice_of(who[i].name), r->who.v[who[i].is]);
	put_text(a, SLICE("provider"), r->text[TEXT_PROVIDER]);
	put_text(a, SLICE("model"), called.n ? called : r->text[TEXT_MODEL_REQUESTED]);
	put_text(a, SLICE("held"),
	         r->hold_nanousd >= 0 ? admin_amount(a, &usd, r->hold_nanousd) : SLICE_NONE);
	if (r->hold_tokens >= 0)
		jsonw_put_i64(&a->w, SLICE("held_tokens"), r->hold_tokens);
	else
		jsonw_put_null(&a->w, SLICE("held_tokens"));
	admin_put_time(a, SLICE("since"), r->time_ms);
	jsonw_put_i64(&a->w, SLICE("age_s"), a->now_ms > r->time_ms ? (a->now_ms - r->time_ms) / 1000 : 0);
	if (only == NULL)
		put_budgets(a, r);
	jsonw_object_end(&a->w);
}

void admin_put_holders(struct admin *a, const struct budget_rule *rule)
{
	struct holders h = {.a = a, .rule = rule};
	gather(&h);
	jsonw_key(&a->w, SLICE("holders"));
	jsonw_array(&a->w);
	for (size_t i = 0; i < h.n && i < HOLDERS_SHOWN; i++)
		put_holder(a, rule, &h.at[i]);
	jsonw_array_end(&a->w);
	jsonw_put_bool(&a->w, SLICE("more_holders"), h.more || h.n > HOLDERS_SHOWN);
}
