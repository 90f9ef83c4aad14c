/* A call's hold: found, taken, extended, settled. */
#include "policy/budget_impl.h"

#include "base/num.h"

/* How often an attempt looks again while another one, that may yet take back what it added, is in its way. */
#define LOOKS            64

/* How far back of the steady clock a call's arrival may lie and still be taken for when it counts. */
#define ARRIVAL_SLACK_MS 60000

static void count(atomic_ullong *n)
{
	atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

/* --- finding -------------------------------------------------------------------------------------- */

static bool enforces(const struct budget_rule *r, unsigned flags)
{
	if (r->rule.mode != MODE_ENFORCE || r->action == ACTION_ALERT)
		return false;
	return r->action != ACTION_DOWNGRADE || !(flags & BUDGET_DOWNGRADED);
}

static enum budget_result unknown(struct budgets *b, struct budget_hold *h, const struct budget_rule *r,
                                  const char *fault, struct budget_why *why)
{
	count(&b->unknown);
	budget_release(b, h);
	*why = (struct budget_why){
	    .rule = r, .fault = fault, .soon = !budget_is_loaded(b, r), .resets_ms = INT64_MAX};
	return BUDGET_UNKNOWN;
}

/* A budget that applies, and where its counter is looked for. */
struct wanted {
	struct budget_key key;
	bool enforced, loaded;
};

static const char still_counted[] = "what was spent of it is still being counted from the ledger";
static const char no_room[] = "there is no room for its counter (limits.budget_counters in Weir's settings)";
static const char too_many[] = "more budgets match this call than Weir counts at once";

static bool is_closed(const struct budget_rule *r, bool enforced)
{
	return enforced && !r->on_failure;
}

/* Its key, with the memory it lies in on the way; NULL, or why it cannot be had though its budget is closed.
 */
static const char *want(struct budgets *b, const struct budget_rule *r, const struct facts *f, bool enforced,
                        struct budget_clock *clock, struct wanted *w)
{
	char values[BUDGET_KEY_MAX];
	*w = (struct wanted){.key = {.rule = r}, .enforced = enforced, .loaded = budget_is_loaded(b, r)};
	if (!w->loaded && is_closed(r, enforced))
		return still_counted;
	w->key.values = slice_make(values, budget_values(r, f, values));
	w->key.span = budget_span_at(clock, &r->window, f->record->time_ms);
	budget_key_hash(b, &w->key);
	w->key.values = SLICE_NONE;
	budget_prefetch_bucket(b, &w->key);
	return NULL;
}

static struct budget_counter *find_or_make(struct budgets *b, struct wanted *w, const struct facts *f)
{
	char values[BUDGET_KEY_MAX];
	struct budget_counter *c = budget_find(b, &w->key, false);
	if (c)
		return c;
	w->key.values = slice_make(values, budget_values(w->key.rule, f, values));
	c = budget_find(b, &w->key, true);
	w->key.values = SLICE_NONE;
	return c;
}

/* One budget's counter, pinned; false when it cannot be had and the budget is closed. One that is open goes
 * without a counter then. */
static bool pin(struct budgets *b, struct wanted *w, const struct facts *f, const struct budget_clock *clock,
                struct budget_hold *h)
{
	const struct budget_rule *r = w->key.rule;
	struct budget_counter *c = find_or_make(b, w, f);
	if (c == NULL) {
		if (is_closed(r, w->enforced))
			return false;
		count(&b->unknown);
		return true;
	}
	if (c->rolls) {
		struct budget_steps *s = budget_steps_of(b, c);
		budget_lock(&s->lock);
		budget_steps_turn(c, s, clock->steady_ms);
		budget_unlock(&s->lock);
	}
	h->part[h->n++] = (struct budget_part){
	    .counter = c, .rule = r, .enforced = w->enforced && w->loaded, .early = !w->loaded};
	return true;
}

/* Look-ups wait for memory; asked for one after the other, they would wait for each. So all are asked for
 * first. */
static enum budget_result pin_all(struct budgets *b, struct wanted *w, unsigned n, const struct facts *f,
                                  const struct budget_clock *clock, struct budget_hold *h,
                                  struct budget_why *why)
{
	for (unsigned i = 0; i < n; i++)
		budget_prefetch(b, &w[i].key);
	for (unsigned i = 0; i < n; i++)
		if (!pin(b, &w[i], f, clock, h))
			return unknown(b, h, w[i].key.rule, no_room, why);
	return BUDGET_OK;
}

enum budget_result budget_match(struct budgets *b, const struct settings *s, const struct facts *f,
                                unsigned flags, struct budget_clock *clock, struct budget_hold *h,
                                struct budget_why *why)
{
	struct wanted wanted[BUDGET_PARTS_MAX];
	unsigned n = 0;
	h->n = 0;
	h->taken = false;
	budget_clock_in(clock, f->zone);
	h->rolling_ms = num_max_i64(num_min_i64(f->record->time_ms, clock->steady_ms),
	                            clock->steady_ms - ARRIVAL_SLACK_MS);
	for (size_t i = 0; i < s->budgets_n; i++) {
		const struct budget_rule *r = &s->budgets[i];
		if (!rule_applies(&r->rule, f))
			continue;
		bool enforced = enforces(r, flags);
		const char *fault = NULL;
		if (n < BUDGET_PARTS_MAX)
			fault = want(b, r, f, enforced, clock, &wanted[n++]);
		else if (is_closed(r, enforced))
			fault = too_many;
		if (fault)
			return unknown(b, h, r, fault, why);
	}
	return pin_all(b, wanted, n, f, clock, h, why);
}

/* --- taking --------------------------------------------------------------------------------------- */

static int64_t limit_of(const struct budget_part *p)
{
	return num_sat_add_i64(p->rule->limit.n,
	                       atomic_load_explicit(&p->counter->lifted, memory_order_relaxed));
}

/* What costs nothing fits into a budget that is spent. */
static bool fits(int64_t committed, int64_t amount, int64_t limit)
{
	int64_t sum;
	return amount == 0 || (num_add_i64(committed, amount, &sum) && sum <= limit);
}

/* The one step that decides: never past the limit. */
static bool add_within(struct budget_counter *c, int64_t amount, int64_t limit)
{
	int64_t is = atomic_load(&c->committed);
	do
		if (!fits(is, amount, limit))
			return false;
	while (!atomic_compare_exchange_weak(&c->committed, &is, is + amount));
	return true;
}

static void add_any(struct budget_counter *c, int64_t amount)
{
	int64_t is = atomic_load(&c->committed);
	while (!atomic_compare_exchange_weak(&c->committed, &is, num_sat_add_i64(is, amount)))
		;
}

/* The first part that has no room now, without touching anything; n when all have. */
static unsigned blocked_at(const struct budget_hold *h, const struct budget_need *need)
{
	unsigned i = 0;
	for (; i < h->n; i++) {
		const struct budget_part *p = &h->part[i];
		if (p->enforced && !fits(atomic_load(&p->counter->committed),
		                         budget_amount(&p->rule->limit, need), limit_of(p)))
			break;
	}
	return i;
}

/* Adds to all parts in their order, which is that of the settings for every call; at the first that has no
 * room takes back what it added and returns its index. */
static unsigned add_all(struct budgets *b, struct budget_hold *h, const struct budget_need *need)
{
	unsigned i = 0;
	for (; i < h->n; i++) {
		struct budget_part *p = &h->part[i];
		int64_t amount = budget_amount(&p->rule->limit, need);
		if (!p->enforced)
			continue; /* below, when it is sure */
		atomic_fetch_add(&p->counter->trying, 1);
		if (!add_within(p->counter, amount, limit_of(p))) {
			atomic_fetch_sub(&p->counter->trying, 1);
			break;
		}
	}
	bool all = i == h->n;
	if (!all)
		count(&b->rolled_back);
	for (unsigned k = 0; k < i; k++) {
		struct budget_part *p = &h->part[k];
		if (!p->enforced)
			continue;
		if (!all)
			atomic_fetch_sub(&p->counter->committed, budget_amount(&p->rule->limit, need));
		atomic_fetch_sub(&p->counter->trying, 1);
	}
	return i;
}

static void hold_all(struct budget_hold *h, const struct budget_need *need, int64_t now_ms)
{
	for (unsigned i = 0; i < h->n; i++) {
		struct budget_part *p = &h->part[i];
		int64_t amount = budget_amount(&p->rule->limit, need);
		if (!p->enforced) {
			p->exceeded |= !fits(atomic_load(&p->counter->committed), amount, limit_of(p));
			add_any(p->counter, amount);
		}
		p->held = num_sat_add_i64(p->held, amount);
		if (atomic_fetch_add(&p->counter->held, amount) == 0)
			atomic_store_explicit(&p->counter->held_since_ms, now_ms, memory_order_relaxed);
	}
}

static void explain(const struct budget_part *p, const struct budget_need *need, struct budget_why *why)
{
	const struct budget_counter *c = p->counter;
	int64_t committed = atomic_load(&c->committed);
	*why = (struct budget_why){.rule = p->rule,
	                           .label = slice_make(c->label, c->label_n),
	                           .held = num_max_i64(atomic_load(&c->held), 0),
	                           .limit = limit_of(p),
	                           .need = budget_amount(&p->rule->limit, need),
	                           .resets_ms = c->to_ms};
	why->settled = num_max_i64(committed - why->held, 0);
}

static enum budget_result take(struct budgets *b, struct budget_hold *h, const struct budget_need *need,
                               struct budget_why *why)
{
	for (int looks = 0;; looks++) {
		unsigned at = blocked_at(h, need);
		if (at == h->n)
			at = add_all(b, h, need);
		else if (atomic_load(&h->part[at].counter->trying) == 0)
			looks = LOOKS;
		if (at == h->n)
			break;
		if (looks >= LOOKS) {
			explain(&h->part[at], need, why);
			count(&b->refused);
			return BUDGET_REFUSED;
		}
		count(&b->waited);
		__builtin_ia32_pause();
	}
	hold_all(h, need, h->rolling_ms);
	return BUDGET_OK;
}

enum budget_result budget_take(struct budgets *b, struct budget_hold *h, const struct budget_need *need,
                               struct budget_why *why)
{
	if (take(b, h, need, why) != BUDGET_OK)
		return BUDGET_REFUSED;
	h->taken = true;
	count(&b->taken);
	return BUDGET_OK;
}

enum budget_result budget_extend(struct budgets *b, struct budget_hold *h, const struct budget_need *more,
                                 struct budget_why *why)
{
	enum budget_result r = take(b, h, more, why);
	if (r == BUDGET_OK)
		count(&b->extended);
	return r;
}

/* --- settling ------------------------------------------------------------------------------------- */

static void settle_rolling(struct budgets *b, struct budget_counter *c, int64_t ms, int64_t used,
                           int64_t held)
{
	struct budget_steps *s = budget_steps_of(b, c);
	budget_lock(&s->lock);
	int64_t counts = budget_steps_add(c, s, ms, used) ? used : 0;
	atomic_fetch_add(&c->committed, counts - held);
	budget_unlock(&s->lock);
}

void budgets_on_alert(struct budgets *b, budget_alert_fn *fn, void *arg)
{
	b->on_alert = fn;
	b->on_alert_arg = arg;
}

/* Of the settlements that move the sum, one moves it past a threshold: that one tells. */
static void tell_thresholds(struct budgets *b, const struct budget_part *p, int64_t before, int64_t after)
{
	const struct budget_rule *r = p->rule;
	int64_t limit = limit_of(p);
	for (size_t i = 0; i < r->alerts_n; i++) {
		__int128 at = (__int128)limit * r->alerts[i] / PPM;
		if (before >= at || after < at)
			continue;
		struct budget_alert a = {.rule = r,
		                         .label = slice_make(p->counter->label, p->counter->label_n),
		                         .ppm = r->alerts[i],
		                         .settled = after,
		                         .limit = limit};
		b->on_alert(b->on_alert_arg, &a);
	}
}

static void settle_part(struct budgets *b, const struct budget_hold *h, struct budget_part *p, int64_t used)
{
	struct budget_counter *c = p->counter;
	if (p->enforced && used > p->held)
		count(&b->overruns);
	if (c->rolls)
		settle_rolling(b, c, h->rolling_ms, used, p->held);
	else
		atomic_fetch_add(&c->committed, used - p->held);
	int64_t before = atomic_fetch_add_explicit(&c->settled, used, memory_order_relaxed);
	if (b->on_alert && used > 0 && p->rule->alerts_n && !c->rolls)
		tell_thresholds(b, p, before, num_sat_add_i64(before, used));
	atomic_fetch_sub(&c->held, p->held);
	budget_unpin(c);
}

void budget_settle(struct budgets *b, struct budget_hold *h, const struct budget_need *used)
{
	for (unsigned i = 0; i < h->n; i++) {
		struct budget_part *p = &h->part[i];
		settle_part(b, h, p, p->late ? 0 : budget_amount(&p->rule->limit, used));
	}
	if (h->taken)
		count(&b->settled);
	h->n = 0;
	h->taken = false;
}

static bool holds_on(const struct budget_hold *h, uint64_t shape)
{
	for (unsigned i = 0; i < h->n; i++)
		if (h->part[i].rule->shape == shape)
			return true;
	return false;
}

void budget_charge(struct budgets *b, const struct settings *s, const struct facts *f,
                   struct budget_clock *clock, struct budget_hold *h, const struct budget_need *used)
{
	struct budget_hold more = {.rolling_ms = h->n ? h->rolling_ms : clock->steady_ms};
	struct wanted w;
	budget_clock_in(clock, f->zone);
	for (unsigned i = 0; i < h->n; i++)
		if (h->part[i].early)
			h->part[i].late = budget_late_add(b, h->part[i].rule, f, clock);
	for (size_t i = 0; s && i < s->budgets_n && more.n < BUDGET_PARTS_MAX; i++) {
		const struct budget_rule *r = &s->budgets[i];
		if (!holds_on(h, r->shape) && rule_applies(&r->rule, f) && !budget_late_add(b, r, f, clock) &&
		    want(b, r, f, false, clock, &w) == NULL)
			pin(b, &w, f, clock, &more);
	}
	budget_settle(b, &more, used);
}

/* A part's hold, whatever room there is; what was counted is settled already, and held from now on. */
static void hold_part(struct budget_part *p, int64_t need, int64_t counted, int64_t now_ms)
{
	p->enforced = false;
	p->held = need;
	add_any(p->counter, need - counted);
	if (atomic_fetch_add(&p->counter->held, need) == 0)
		atomic_store_explicit(&p->counter->held_since_ms, now_ms, memory_order_relaxed);
}

/* The part of a budget that counts the same, taken out of was. */
static bool move_part(struct budget_hold *was, const struct budget_rule *r, struct budget_part *to)
{
	for (unsigned i = 0; i < was->n; i++) {
		if (was->part[i].rule->shape != r->shape)
			continue;
		*to = was->part[i];
		to->rule = r;
		was->part[i] = was->part[--was->n];
		return true;
	}
	return false;
}

void budget_carry(struct budgets *b, struct budget_hold *h, const struct settings *s, const struct facts *f,
                  struct budget_clock *clock, const struct budget_need *need,
                  const struct budget_need *counted)
{
	struct budget_hold was = *h;
	struct wanted w;
	budget_clock_in(clock, f->zone);
	*h = (struct budget_hold){.taken = true};
	h->rolling_ms = was.n ? was.rolling_ms : num_min_i64(f->record->time_ms, clock->steady_ms);
	for (size_t i = 0; i < s->budgets_n && h->n < BUDGET_PARTS_MAX; i++) {
		const struct budget_rule *r = &s->budgets[i];
		unsigned n = h->n;
		if (!rule_applies(&r->rule, f))
			continue;
		if (move_part(&was, r, &h->part[n]))
			h->n++;
		else if (want(b, r, f, false, clock, &w) == NULL && pin(b, &w, f, clock, h) && h->n > n)
			hold_part(&h->part[n], budget_amount(&r->limit, need),
			          budget_amount(&r->limit, counted), h->rolling_ms);
	}
	for (unsigned i = 0; i < was.n; i++)
		settle_part(b, &was, &was.part[i], 0);
}

void budget_release(struct budgets *b, struct budget_hold *h)
{
	static const struct budget_need nothing = {0};
	budget_settle(b, h, &nothing);
}

/* --- what is left --------------------------------------------------------------------------------- */

static int64_t left_of(const struct budget_part *p)
{
	int64_t left;
	if (!num_sub_i64(limit_of(p), atomic_load(&p->counter->committed), &left))
		return 0;
	return num_max_i64(left, 0);
}

/* Tokens of output that so much pays, rounded down. */
static int64_t tokens_for(int64_t nano, int64_t nano_per_million)
{
	if (nano_per_million <= 0)
		return INT64_MAX;
	__int128 n = (__int128)nano * 1000000 / nano_per_million;
	return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

int64_t budget_output_room(const struct budget_hold *h, const struct budget_need *base,
                           int64_t nano_per_million)
{
	int64_t room = INT64_MAX;
	const struct budget_need one = {.output = 1};
	for (unsigned i = 0; i < h->n; i++) {
		const struct budget_part *p = &h->part[i];
		const struct amount *limit = &p->rule->limit;
		int64_t left = left_of(p) - budget_amount(limit, base);
		if (!p->enforced)
			continue;
		if (limit->unit == LIMIT_USD)
			room = num_min_i64(room, left < 0 ? -1 : tokens_for(left, nano_per_million));
		else if (budget_amount(limit, &one) > 0)
			room = num_min_i64(room, left);
		else if (left < 0)
			room = -1;
	}
	return room;
}

bool budget_tightest(const struct budget_hold *h, struct budget_why *out)
{
	static const struct budget_need nothing = {0};
	const struct budget_part *tightest = NULL;
	int64_t left = 0;
	for (unsigned i = 0; i < h->n; i++) {
		const struct budget_part *p = &h->part[i];
		if (!p->enforced || p->rule->limit.unit != LIMIT_USD)
			continue;
		int64_t is = left_of(p);
		if (tightest && is >= left)
			continue;
		tightest = p;
		left = is;
	}
	if (tightest == NULL)
		return false;
	explain(tightest, &nothing, out);
	out->need = left;
	return true;
}
