#include "gateway/admin_ask.h"

bool admin_ask_begin(struct admin *a, int64_t since_ms, int64_t until_ms, struct ledger_query *q, int *r)
{
	*q = (struct ledger_query){
	    .timezone = a->settings->timezone, .since_ms = since_ms, .until_ms = until_ms};
	slice user = name_get(&a->who->user);
	if (a->who->all)
		return true;
	if (user.n == 0) {
		*r = admin_refuse(a, 403, "this key has no user, and so no calls of its own to show");
		return false;
	}
	admin_ask_where(q, "user", user, true);
	return true;
}

void admin_ask_by(struct ledger_query *q, const char *dimension)
{
	if (q->by_n < LEDGER_BY_MAX)
		q->by[q->by_n++] = slice_of(dimension);
}

void admin_ask_where(struct ledger_query *q, const char *column, slice value, bool exact)
{
	if (q->filters_n < LEDGER_FILTERS_MAX)
		q->filters[q->filters_n++] = (struct ledger_filter){slice_of(column), value, exact};
}

struct admin_span admin_span_of(const struct admin *a, enum zone_unit unit)
{
	struct admin_span s;
	zone_span(a->settings->zone, unit, a->now_ms, &s.from_ms, &s.to_ms);
	int64_t end;
	zone_span(a->settings->zone, unit, s.from_ms - 1, &s.before_ms, &end);
	s.before_to_ms = s.before_ms + (a->now_ms - s.from_ms);
	if (s.before_to_ms > end)
		s.before_to_ms = end;
	return s;
}

void admin_put_known(struct admin *a, slice key, int64_t n)
{
	if (n == RECORD_ABSENT)
		jsonw_put_null(&a->w, key);
	else
		jsonw_put_i64(&a->w, key, n);
}

void admin_put_text(struct admin *a, slice key, slice text)
{
	jsonw_put_string(&a->w, key, text.n ? text : SLICE_NONE);
}

/* Cache reads among all input that can be cached. */
static int64_t cache_hit_ppm(const struct ledger_measures *m)
{
	static const enum meter input[] = {METER_INPUT, METER_CACHE_READ, METER_CACHE_WRITE_5M,
	                                   METER_CACHE_WRITE_1H};
	__int128 read = m->meters[METER_CACHE_READ], all = 0;
	for (size_t i = 0; i < sizeof input / sizeof *input; i++)
		if (m->meters[input[i]] != TOKENS_ABSENT)
			all += m->meters[input[i]];
	return read < 0 || all <= 0 ? RECORD_ABSENT : (int64_t)((read * 1000000 + all / 2) / all);
}

void admin_put_measures(struct admin *a, const struct ledger_measures *m)
{
	admin_put_known(a, SLICE("cost_nanousd"), m->cost_nanousd);
	admin_put_known(a, SLICE("subscription_nanousd"), m->subscription_nanousd);
	jsonw_put_i64(&a->w, SLICE("calls"), m->calls);
	jsonw_put_i64(&a->w, SLICE("refused"), m->refused);
	jsonw_put_i64(&a->w, SLICE("sessions"), m->sessions);
	jsonw_put_i64(&a->w, SLICE("active_days"), m->active_days);
	jsonw_put_i64(&a->w, SLICE("unpriced"), m->unpriced);
	admin_put_known(a, SLICE("context_tokens"), m->context_tokens);
	admin_put_known(a, SLICE("output_tokens"), m->meters[METER_OUTPUT]);
	admin_put_known(a, SLICE("cache_hit_ppm"), cache_hit_ppm(m));
}
