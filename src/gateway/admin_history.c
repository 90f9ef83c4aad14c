/* What a budget's counters came to in the windows before: the sums that the ledger keeps of it, as it counts
 * them. They begin with the window in which the budget was made, or what it counts was changed last. */
#include <stdlib.h>

#include "gateway/admin_ask.h"
#include "policy/budget.h"

#define ROWS_MAX 5000
#define DAY_MS   (INT64_C(24) * 3600 * 1000)

struct history {
	struct admin *a;
	const struct budget_rule *rule;
	size_t n;
	bool more;
};

/* The values of `each` as people read them: apart by ", " in place of US. */
static slice label_of(struct admin *a, slice key)
{
	char *label = arena_alloc(&a->mem, key.n * 2 + 1);
	size_t n = 0;
	for (size_t i = 0; label && i < key.n; i++) {
		label[n++] = key.p[i] == '\x1f' ? ',' : key.p[i];
		if (key.p[i] == '\x1f')
			label[n++] = ' ';
	}
	return slice_make(label, label ? n : 0);
}

static int put_sum(void *arg, const struct ledger_sum *sum)
{
	struct history *h = arg;
	struct admin *a = h->a;
	slice label = label_of(a, sum->key);
	if (!a->who->all && !admin_owns_counter(a, h->rule, label))
		return 0;
	if (h->n == ROWS_MAX) {
		h->more = true;
		return 0;
	}
	h->n++;
	jsonw_object(&a->w);
	admin_put_text(a, SLICE("for"), label);
	admin_put_time(a, SLICE("from"), sum->from_ms);
	jsonw_put_i64(&a->w, SLICE("amount"), sum->amount);
	jsonw_put_string(&a->w, SLICE("text"), admin_amount(a, &h->rule->limit, sum->amount));
	jsonw_object_end(&a->w);
	return 0;
}

int admin_budget_history(struct admin *a)
{
	struct error e = {0};
	long long days = 92;
	slice text = admin_query(a, SLICE("days"));
	if ((text.p && !slice_to_i64(text, &days)) || days < 1 || days > 3660)
		return admin_refuse(a, 400, "days is a number from 1 to 3660");
	struct history h = {.a = a, .rule = settings_budget(a->settings, a->param)};
	if (h.rule == NULL)
		return admin_refuse(a, 404, "there is no budget \"" SLICE_FMT "\"", SLICE_ARG(a->param));
	jsonw_object(&a->w);
	jsonw_put_string(&a->w, SLICE("name"), h.rule->rule.name);
	jsonw_put_string(&a->w, SLICE("unit"), admin_unit(&h.rule->limit));
	jsonw_put_i64(&a->w, SLICE("limit"), h.rule->limit.n);
	jsonw_key(&a->w, SLICE("windows"));
	jsonw_array(&a->w);
	int rc =
	    a->c->ops->budget_sums(a->c->ledger, h.rule->shape, a->now_ms - days * DAY_MS, put_sum, &h, &e);
	jsonw_array_end(&a->w);
	jsonw_put_bool(&a->w, SLICE("complete"), !h.more);
	jsonw_object_end(&a->w);
	return rc ? admin_fault(a, &e) : admin_end(a);
}
