/* A forecast in words. */
#include <stdio.h>

#include "base/money.h"
#include "finops/burn.h"
#include "finops/report_cell.h"

static void figure(enum measure_kind kind, int64_t n, char *out, size_t cap)
{
	static const struct measure kinds[] = {
	    [MEASURE_COUNT] = {.kind = MEASURE_COUNT},     [MEASURE_TOKENS] = {.kind = MEASURE_TOKENS},
	    [MEASURE_SECONDS] = {.kind = MEASURE_SECONDS}, [MEASURE_MONEY] = {.kind = MEASURE_MONEY},
	    [MEASURE_RATIO] = {.kind = MEASURE_RATIO},     [MEASURE_CREDITS] = {.kind = MEASURE_CREDITS}};
	struct cell c;
	cell_measure(&c, &kinds[kind], n);
	snprintf(out, cap, "%.*s", (int)c.n, c.s);
}

void burn_amount(const struct amount *like, int64_t n, char out[BURN_AMOUNT_MAX])
{
	char text[CELL_MAX + 1];
	switch (like->unit) {
	case LIMIT_USD:
		figure(MEASURE_MONEY, n, out, BURN_AMOUNT_MAX);
		return;
	case LIMIT_TOKENS:
		figure(MEASURE_TOKENS, n, text, sizeof text);
		snprintf(out, BURN_AMOUNT_MAX, "%.40s tokens", text);
		return;
	case LIMIT_METER:
		figure(MEASURE_TOKENS, n, text, sizeof text);
		snprintf(out, BURN_AMOUNT_MAX, "%.40s %s", text, meter_name(like->meter));
		return;
	case LIMIT_CALLS:
		figure(MEASURE_COUNT, n, text, sizeof text);
		snprintf(out, BURN_AMOUNT_MAX, "%.40s requests", text);
		return;
	case LIMIT_CREDITS:
		figure(MEASURE_CREDITS, n, text, sizeof text);
		snprintf(out, BURN_AMOUNT_MAX, "%.40s credits", text);
		return;
	}
}

/* "Thursday, 2026-11-26, about 15:00" */
static void when(const struct zone *zone, int64_t ms, char *out, size_t cap)
{
	static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
	                                   "Friday", "Saturday", "Sunday"};
	int64_t day = burn_day(zone, ms), year, s = ms / 1000;
	int month, date, minutes = (int)((s + zone_offset(zone, s)) / 60 % 1440);
	zone_date_of(day, &year, &month, &date);
	snprintf(out, cap, "%s, %04lld-%02d-%02d, about %02d:00", days[((day + 3) % 7 + 7) % 7],
	         (long long)year, month, date, minutes / 60);
}

void burn_sentence(const struct burn *b, const struct zone *zone, char *out, size_t cap)
{
	const struct amount *unit = &b->rule->limit;
	char so_far[BURN_AMOUNT_MAX], limit[BURN_AMOUNT_MAX], end[BURN_AMOUNT_MAX], low[BURN_AMOUNT_MAX],
	    high[BURN_AMOUNT_MAX], spent[128] = "", day[64];
	burn_amount(unit, b->so_far, so_far);
	burn_amount(unit, b->limit, limit);
	burn_amount(unit, b->f.expected, end);
	burn_amount(unit, b->f.low, low);
	burn_amount(unit, b->f.high, high);
	when(zone, b->passes_ms, day, sizeof day);
	if (burn_is_over(b))
		snprintf(spent, sizeof spent, ", spent");
	else if (b->passes_ms)
		snprintf(spent, sizeof spent, ", at this rate spent on %s", day);
	snprintf(out, cap, SLICE_FMT "%s%s: %s of %s%s; %s expected by %s (%s to %s)%s",
	         SLICE_ARG(b->rule->rule.name), b->label[0] ? ", " : "", b->label, so_far, limit, spent, end,
	         b->rule->window.kind == WINDOW_ROLLING ? "a window's end at this rate"
	         : b->to_ms == INT64_MAX                ? "30 days from now"
	                                                : "the end",
	         low, high, b->f.enough ? "" : "; less than a week is known, so this is a guess");
}
