/* Windows: of the calendar, and rolling ones. */
#include "policy/budget_impl.h"

#include "base/num.h"

/* --- of the calendar ------------------------------------------------------------------------------ */

static struct budget_span quarter_at(const struct zone *z, int64_t ms)
{
	struct budget_span s;
	int64_t year;
	int month, day;
	zone_span(z, ZONE_MONTH, ms, &s.from_ms, &s.to_ms);
	/* The middle of the month is in that month, whatever the time zone. */
	zone_date_of((s.from_ms / 2 + s.to_ms / 2) / 86400000, &year, &month, &day);
	int first = (month - 1) / 3 * 3 + 1;
	s.from_ms = zone_day_begins(z, year, first, 1);
	s.to_ms = first == 10 ? zone_day_begins(z, year + 1, 1, 1) : zone_day_begins(z, year, first + 3, 1);
	return s;
}

static struct budget_span find_span(const struct zone *z, enum window_kind kind, int64_t ms)
{
	static const enum zone_unit units[] = {[WINDOW_HOUR] = ZONE_HOUR,
	                                       [WINDOW_DAY] = ZONE_DAY,
	                                       [WINDOW_WEEK] = ZONE_WEEK,
	                                       [WINDOW_MONTH] = ZONE_MONTH};
	struct budget_span s = {0, INT64_MAX};
	switch (kind) {
	case WINDOW_HOUR:
	case WINDOW_DAY:
	case WINDOW_WEEK:
	case WINDOW_MONTH:
		zone_span(z, units[kind], ms, &s.from_ms, &s.to_ms);
		break;
	case WINDOW_QUARTER:
		s = quarter_at(z, ms);
		break;
	case WINDOW_NONE:
	case WINDOW_TOTAL:
	case WINDOW_ROLLING:
		break;
	}
	return s;
}

void budget_clock_in(struct budget_clock *clock, const struct zone *zone)
{
	if (clock->zone != zone)
		*clock = (struct budget_clock){.zone = zone, .steady_ms = clock->steady_ms};
}

struct budget_span budget_span_at(struct budget_clock *clock, const struct window *w, int64_t ms)
{
	struct budget_span *s = &clock->at[w->kind];
	if (ms < s->from_ms || ms >= s->to_ms)
		*s = find_span(clock->zone, w->kind, ms);
	return *s;
}

/* --- rolling -------------------------------------------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

void budget_steps_begin(struct budget_steps *s, const struct window *w, int64_t now_ms)
{
	memset(s->settled, 0, sizeof s->settled);
	/* The open step and 63 whole ones before it: at least the window, at most a 63rd more. */
	s->width_ms = (w->rolling_ms + ROLLING_STEPS - 2) / (ROLLING_STEPS - 1);
	s->width_ms = num_max_i64(s->width_ms, 1);
	s->last = floor_div(now_ms, s->width_ms);
}

void budget_steps_turn(struct budget_counter *c, struct budget_steps *s, int64_t now_ms)
{
	int64_t now = floor_div(now_ms, s->width_ms), gone = 0;
	if (now - s->last >= ROLLING_STEPS) {
		for (size_t i = 0; i < ROLLING_STEPS; i++)
			gone += s->settled[i];
		memset(s->settled, 0, sizeof s->settled);
		s->last = now;
	}
	for (; s->last < now; s->last++) {
		int64_t *oldest = &s->settled[(s->last + 1) & (ROLLING_STEPS - 1)];
		gone += *oldest;
		*oldest = 0;
	}
	if (gone)
		atomic_fetch_sub(&c->committed, gone);
}

bool budget_steps_add(struct budget_counter *c, struct budget_steps *s, int64_t ms, int64_t amount)
{
	int64_t step = floor_div(ms, s->width_ms);
	if (step > s->last)
		budget_steps_turn(c, s, ms);
	if (s->last - step >= ROLLING_STEPS)
		return false;
	s->settled[step & (ROLLING_STEPS - 1)] += amount;
	return true;
}
