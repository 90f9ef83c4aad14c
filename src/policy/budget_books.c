/* Between calls and counters: what a call falls into, what it adds, and sums of calls that were. */
#include "policy/budget_impl.h"

#include "base/num.h"

size_t budget_values(const struct budget_rule *rule, const struct facts *f, char out[BUDGET_KEY_MAX])
{
	char tag[ATTR_TEXT_MAX];
	size_t n = 0;
	for (size_t i = 0; i < rule->each_n; i++) {
		slice v = facts_text(f, &rule->each[i], tag);
		if (i)
			out[n++] = '\x1f';
		v.n = v.n < ATTR_TEXT_MAX ? v.n : ATTR_TEXT_MAX;
		for (size_t k = 0; k < v.n; k++)
			out[n++] = (char)(v.p[k] == '\x1f' ? ' ' : v.p[k]);
	}
	return n;
}

_Static_assert(BUDGET_KEY_MAX >= EACH_MAX * (ATTR_TEXT_MAX + 1), "all values of a key have room");

/* --- amounts -------------------------------------------------------------------------------------- */

static bool is_output(enum meter m)
{
	return m == METER_OUTPUT || m == METER_REASONING || m == METER_OUTPUT_AUDIO ||
	       m == METER_OUTPUT_IMAGE;
}

static int64_t meter_amount(enum meter m, const struct budget_need *n)
{
	if (n->meters && n->meters->m[m] != TOKENS_ABSENT)
		return n->meters->m[m];
	return is_output(m) ? n->output : n->input;
}

int64_t budget_amount(const struct amount *limit, const struct budget_need *n)
{
	switch (limit->unit) {
	case LIMIT_USD:
		return n->usd;
	case LIMIT_TOKENS:
		return num_sat_add_i64(n->input, n->output);
	case LIMIT_METER:
		return meter_amount(limit->meter, n);
	case LIMIT_CALLS:
		return n->calls;
	case LIMIT_CREDITS:
		return n->credits;
	}
	return 0;
}

static int64_t known(int64_t tokens)
{
	return num_max_i64(tokens, 0);
}

bool budget_used_by(const struct record *row, struct budget_need *out)
{
	const struct usage *u = &row->usage;
	*out = (struct budget_need){.calls = row->ending != ENDING_REFUSED};
	if (row->ending == ENDING_REFUSED)
		return false;
	if (row->billing == BILLING_METERED && row->priced)
		out->usd = num_max_i64(row->cost.total, 0);
	out->input = known(u->m[METER_INPUT]) + known(u->m[METER_CACHE_READ]) +
	             known(u->m[METER_CACHE_WRITE_5M]) + known(u->m[METER_CACHE_WRITE_1H]) +
	             known(u->m[METER_INPUT_AUDIO]) + known(u->m[METER_CACHE_READ_AUDIO]) +
	             known(u->m[METER_INPUT_IMAGE]);
	out->output =
	    known(u->m[METER_OUTPUT]) + known(u->m[METER_OUTPUT_AUDIO]) + known(u->m[METER_OUTPUT_IMAGE]);
	out->credits = num_max_i64(row->credits_nano, 0);
	if (row->usage_source == SOURCE_HOLD && row->hold_tokens > out->input + out->output) {
		/* What it used is not known: every meter is taken for all that was held. */
		out->input = row->hold_tokens - out->output;
		return true;
	}
	out->meters = u;
	return true;
}

/* --- rows ----------------------------------------------------------------------------------------- */

/* The columns of one field; false when it is not known which. */
static bool columns_of(enum field f, const char **out, size_t *n)
{
	switch ((int)f) {
	case FIELD_WEEKDAY:
	case FIELD_HOUR:
		return true; /* of time_ms */
	case FIELD_MODEL:
		out[(*n)++] = "model_called";
		out[(*n)++] = "model_requested";
		return true;
	case FIELD_KEY:
		out[(*n)++] = "key_id";
		return true;
	case FIELD_USER:
	case FIELD_COHORT:
	case FIELD_SOURCE:
	case FIELD_BILLING:
		return true; /* read anyway */
	default:
		out[(*n)++] = field_name(f);
		return field_in_row(f);
	}
}

size_t budget_row_columns(const struct budget_rule *rule, const char *out[BUDGET_COLUMNS_MAX])
{
	static const char *const always[] = {"time_ms",      "source",       "ending",      "billing",
	                                     "usage_source", "cost_nanousd", "hold_tokens", "credits_nano",
	                                     "user",         "cohort",       "claimed"};
	size_t n = 0;
	uint64_t fields = rule->rule.where ? where_fields(rule->rule.where) : 0;
	_Static_assert(FIELD_N <= 64, "a bit for each");
	_Static_assert(FIELD_N + METER_N + 13 <= BUDGET_COLUMNS_MAX, "all of them fit");
	for (size_t i = 0; i < rule->each_n; i++)
		fields |= UINT64_C(1) << rule->each[i].field;
	for (size_t i = 0; i < sizeof always / sizeof *always; i++)
		out[n++] = always[i];
	if (rule->limit.unit == LIMIT_TOKENS || rule->limit.unit == LIMIT_METER)
		for (int m = 0; m < METER_N; m++)
			out[n++] = meter_name((enum meter)m);
	for (int f = 0; f < FIELD_N; f++)
		if (fields >> f & 1u && !columns_of((enum field)f, out, &n))
			return 0;
	return n;
}

bool budget_entry_of(const struct budget_rule *rule, const struct facts *row, struct budget_clock *clock,
                     struct budget_entry *out)
{
	bool whole;
	return budget_entry_of_sum(rule, row, 1, row->record->time_ms + 1, clock, out, &whole);
}

/* A meter that some of the rows did not tell is not known of their sum. */
static bool adds_up(const struct amount *limit)
{
	return limit->unit != LIMIT_METER;
}

bool budget_entry_of_sum(const struct budget_rule *rule, const struct facts *row, int64_t rows, int64_t to_ms,
                         struct budget_clock *clock, struct budget_entry *out, bool *whole)
{
	const struct record *r = row->record;
	struct budget_need used;
	*whole = true;
	if (!rule->include && !slice_eq(r->text[TEXT_SOURCE], SLICE("gateway")))
		return false;
	if (!budget_used_by(r, &used) || !rule_applies(&rule->rule, row))
		return false;
	*whole = rows == 1 || adds_up(&rule->limit);
	used.calls = rows;
	out->amount = budget_amount(&rule->limit, &used);
	if (out->amount == 0)
		return false;
	out->key_n = budget_values(rule, row, out->key);
	if (rule->window.kind == WINDOW_ROLLING) {
		struct budget_steps s;
		budget_steps_begin(&s, &rule->window, r->time_ms);
		out->from_ms = s.last * s.width_ms;
		*whole &= to_ms <= (s.last + 1) * s.width_ms;
	} else {
		budget_clock_in(clock, row->zone);
		struct budget_span span = budget_span_at(clock, &rule->window, r->time_ms);
		out->from_ms = span.from_ms;
		*whole &= to_ms <= span.to_ms;
	}
	return true;
}

int64_t budget_counts_from(const struct budget_rule *rule, const struct zone *zone, int64_t now_ms,
                           struct budget_clock *clock)
{
	struct budget_steps s;
	budget_clock_in(clock, zone);
	if (rule->window.kind != WINDOW_ROLLING)
		return budget_span_at(clock, &rule->window, now_ms).from_ms;
	budget_steps_begin(&s, &rule->window, now_ms);
	return (s.last - ROLLING_STEPS + 1) * s.width_ms;
}

/* The counter a sum belongs to. of_ms: any instant of its window. */
static struct budget_counter *counter_of(struct budgets *b, const struct budget_rule *rule, slice values,
                                         int64_t of_ms, struct budget_clock *clock, bool make)
{
	struct budget_key k = {.rule = rule, .values = values};
	k.span = budget_span_at(clock, &rule->window, of_ms);
	budget_key_hash(b, &k);
	return budget_find(b, &k, make);
}

static void load_rolling(struct budgets *b, struct budget_counter *c, const struct budget_entry *e,
                         int64_t steady_ms)
{
	struct budget_steps *s = budget_steps_of(b, c);
	budget_lock(&s->lock);
	budget_steps_turn(c, s, steady_ms);
	if (budget_steps_add(c, s, num_min_i64(e->from_ms, steady_ms), e->amount))
		atomic_fetch_add(&c->committed, e->amount);
	budget_unlock(&s->lock);
}

int budget_load(struct budgets *b, const struct budget_rule *rule, const struct budget_entry *e,
                struct budget_clock *clock)
{
	struct budget_counter *c = counter_of(b, rule, slice_make(e->key, e->key_n), e->from_ms, clock, true);
	if (c == NULL)
		return ERR_FULL;
	if (c->rolls)
		load_rolling(b, c, e, clock->steady_ms);
	else
		atomic_fetch_add(&c->committed, e->amount);
	atomic_fetch_add_explicit(&c->settled, e->amount, memory_order_relaxed);
	budget_unpin(c);
	return 0;
}

/* --- one counter, asked for by a call's facts ----------------------------------------------------- */

int budget_lift(struct budgets *b, const struct budget_rule *rule, const struct facts *f,
                struct budget_clock *clock, int64_t by)
{
	char values[BUDGET_KEY_MAX];
	size_t n = budget_values(rule, f, values);
	budget_clock_in(clock, f->zone);
	struct budget_counter *c =
	    counter_of(b, rule, slice_make(values, n), f->record->time_ms, clock, true);
	if (c == NULL)
		return ERR_FULL;
	atomic_fetch_add(&c->lifted, by);
	budget_unpin(c);
	return 0;
}

static int64_t share_of(int64_t part, int64_t whole)
{
	if (whole <= 0)
		return PPM;
	__int128 share = (__int128)part * PPM / whole;
	return share > INT64_MAX ? INT64_MAX : share < 0 ? 0 : (int64_t)share;
}

int64_t budget_share(struct budgets *b, const struct budget_rule *rule, const struct facts *f,
                     struct budget_clock *clock)
{
	char values[BUDGET_KEY_MAX];
	size_t n = budget_values(rule, f, values);
	budget_clock_in(clock, f->zone);
	struct budget_counter *c =
	    counter_of(b, rule, slice_make(values, n), f->record->time_ms, clock, false);
	if (c == NULL)
		return rule_applies(&rule->rule, f) ? 0 : -1;
	int64_t limit = num_sat_add_i64(rule->limit.n, atomic_load(&c->lifted));
	int64_t share = share_of(atomic_load(&c->committed), limit);
	budget_unpin(c);
	return share;
}
