/* A budget before it is made or changed: whom would it have stopped? The calls of the days before are added
 * up as the budget would count them; one that would have passed the limit is left out and counted as stopped.
 * What was held beside a call while it ran is not known any more, so that this is a little milder than the
 * real thing. */
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/num.h"
#include "gateway/admin_ask.h"
#include "gateway/admin_rules.h"
#include "policy/budget.h"

#define DAY_MS       (INT64_C(24) * 3600 * 1000)
#define COUNTERS_MAX 20000
#define SHOWN        50
#define STEPS        64 /* of a rolling window */
#define KEY_BYTES    (BUDGET_KEY_MAX + 32)

struct counter {
	slice key; /* in the question's memory: the values apart by 0x1f */
	int64_t from_ms, settled;
	int64_t stopped, stopped_amount, stopped_nanousd, first_ms;
	struct {
		int64_t from_ms, amount;
	} step[STEPS]; /* of a rolling window: what is still in it */
	size_t steps_n;
};

struct preview {
	struct admin *a;
	const struct budget_rule *rule;
	struct budget_clock clock;
	struct map at; /* of counters by window and key */
	struct counter **all;
	size_t n;
	int64_t calls, stopped, stopped_nanousd;
	bool full;
};

static struct counter *counter_of(struct preview *p, const struct budget_entry *e)
{
	bool rolling = p->rule->window.kind == WINDOW_ROLLING;
	int64_t from = rolling ? 0 : e->from_ms;
	char key[KEY_BYTES];
	memcpy(key, &from, sizeof from);
	memcpy(key + sizeof from, e->key, e->key_n);
	slice whole = slice_make(key, sizeof from + e->key_n);
	struct counter *c = map_get(&p->at, whole);
	if (c || p->n == COUNTERS_MAX)
		return c;
	slice kept = arena_copy(&p->a->mem, whole);
	c = kept.p ? calloc(1, sizeof *c) : NULL;
	if (c == NULL)
		return NULL;
	c->key = slice_sub(kept, sizeof from, kept.n);
	c->from_ms = from;
	p->all[p->n] = c;
	if (map_put(&p->at, kept, c, NULL)) {
		free(c);
		return NULL;
	}
	p->n++;
	return c;
}

/* Steps that have left the window count no more. */
static void roll(struct counter *c, const struct budget_rule *rule, const struct budget_entry *e)
{
	size_t gone = 0;
	while (gone < c->steps_n && c->step[gone].from_ms <= e->from_ms - rule->window.rolling_ms)
		c->settled -= c->step[gone++].amount;
	if (gone)
		memmove(c->step, c->step + gone, (c->steps_n - gone) * sizeof *c->step);
	c->steps_n -= gone;
	if (c->steps_n == 0 || c->step[c->steps_n - 1].from_ms != e->from_ms) {
		if (c->steps_n == STEPS)
			return;
		c->step[c->steps_n].from_ms = e->from_ms;
		c->step[c->steps_n++].amount = 0;
	}
}

static int take_row(void *arg, const struct record *r)
{
	struct preview *p = arg;
	struct budget_entry e;
	struct facts f = {.record = r, .zone = p->a->settings->zone};
	p->calls += r->ending != ENDING_REFUSED;
	if (!budget_entry_of(p->rule, &f, &p->clock, &e))
		return 0;
	struct counter *c = counter_of(p, &e);
	if (c == NULL) {
		p->full = true;
		return 0;
	}
	bool rolling = p->rule->window.kind == WINDOW_ROLLING;
	if (rolling)
		roll(c, p->rule, &e);
	if (num_sat_add_i64(c->settled, e.amount) <= p->rule->limit.n) {
		c->settled += e.amount;
		if (rolling && c->steps_n)
			c->step[c->steps_n - 1].amount += e.amount;
		return 0;
	}
	int64_t spent = r->priced && r->billing == BILLING_METERED ? r->cost.total : 0;
	if (c->stopped++ == 0)
		c->first_ms = r->time_ms;
	c->stopped_amount = num_sat_add_i64(c->stopped_amount, e.amount);
	c->stopped_nanousd = num_sat_add_i64(c->stopped_nanousd, spent);
	p->stopped++;
	p->stopped_nanousd = num_sat_add_i64(p->stopped_nanousd, spent);
	return 0;
}

static int by_stopped(const void *a, const void *b)
{
	const struct counter *x = *(struct counter *const *)a, *y = *(struct counter *const *)b;
	if (x->stopped_nanousd != y->stopped_nanousd)
		return x->stopped_nanousd < y->stopped_nanousd ? 1 : -1;
	if (x->stopped != y->stopped)
		return x->stopped < y->stopped ? 1 : -1;
	return slice_cmp(x->key, y->key);
}

static void put_counter(struct admin *a, const struct counter *c, const struct amount *unit)
{
	char *label = arena_alloc(&a->mem, c->key.n * 2 + 1);
	size_t n = 0;
	for (size_t i = 0; label && i < c->key.n; i++) {
		label[n++] = c->key.p[i] == '\x1f' ? ',' : c->key.p[i];
		if (c->key.p[i] == '\x1f')
			label[n++] = ' ';
	}
	jsonw_object(&a->w);
	admin_put_text(a, SLICE("for"), slice_make(label, label ? n : 0));
	admin_put_time(a, SLICE("window"), c->from_ms);
	admin_put_time(a, SLICE("first"), c->first_ms);
	jsonw_put_i64(&a->w, SLICE("stopped"), c->stopped);
	jsonw_put_string(&a->w, SLICE("beyond"), admin_amount(a, unit, c->stopped_amount));
	jsonw_put_i64(&a->w, SLICE("stopped_nanousd"), c->stopped_nanousd);
	jsonw_object_end(&a->w);
}

static void put_answer(struct preview *p, int64_t since)
{
	struct admin *a = p->a;
	size_t hit = 0;
	qsort(p->all, p->n, sizeof *p->all, by_stopped);
	for (size_t i = 0; i < p->n; i++)
		hit += p->all[i]->stopped > 0;
	jsonw_object(&a->w);
	admin_put_time(a, SLICE("since"), since);
	jsonw_put_string(&a->w, SLICE("limit"), admin_amount(a, &p->rule->limit, p->rule->limit.n));
	jsonw_put_bool(&a->w, SLICE("complete"), !p->full);
	jsonw_put_i64(&a->w, SLICE("calls"), p->calls);
	jsonw_put_i64(&a->w, SLICE("counters"), (int64_t)p->n);
	jsonw_put_i64(&a->w, SLICE("counters_stopped"), (int64_t)hit);
	jsonw_put_i64(&a->w, SLICE("stopped"), p->stopped);
	jsonw_put_i64(&a->w, SLICE("stopped_nanousd"), p->stopped_nanousd);
	jsonw_key(&a->w, SLICE("who"));
	jsonw_array(&a->w);
	for (size_t i = 0; i < p->n && i < SHOWN && p->all[i]->stopped; i++)
		put_counter(a, p->all[i], &p->rule->limit);
	jsonw_array_end(&a->w);
	jsonw_object_end(&a->w);
}

static int replay(struct admin *a, const struct budget_rule *rule, int64_t since)
{
	struct preview p = {.a = a, .rule = rule};
	struct ledger_query q;
	struct error e = {0};
	int r;
	if (!admin_ask_begin(a, since, a->now_ms + 1, &q, &r))
		return r;
	p.all = calloc(COUNTERS_MAX, sizeof(struct counter *));
	if (p.all == NULL)
		return admin_refuse(a, 503, "out of memory");
	p.clock = (struct budget_clock){.zone = a->settings->zone, .steady_ms = a->now_ms};
	map_init(&p.at, COUNTERS_MAX, 0);
	q.only_n = budget_row_columns(rule, q.only);
	int rc = a->c->ops->rows(a->c->ledger, &q, take_row, &p, &e);
	if (rc == 0)
		put_answer(&p, since);
	for (size_t i = 0; i < p.n; i++)
		free(p.all[i]);
	map_release(&p.at);
	free(p.all);
	return rc ? admin_fault(a, &e) : admin_end(a);
}

int admin_budget_preview(struct admin *a)
{
	long long days = 30;
	int r;
	slice text = admin_query(a, SLICE("days"));
	if ((text.p && !slice_to_i64(text, &days)) || days < 1 || days > 92)
		return admin_refuse(a, 400, "days is a number from 1 to 92");
	const struct budget_rule *rule;
	struct settings *tried = admin_try_budget(a, &rule, &r);
	if (tried == NULL)
		return r;
	r = replay(a, rule, a->now_ms - days * DAY_MS);
	settings_unref(tried);
	return r;
}
