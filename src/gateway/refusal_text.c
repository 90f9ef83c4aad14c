#include "gateway/refusal_text.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/money.h"

#define TEXT_MAX 1024

struct refusal_words refusal_words(slice what)
{
	return (struct refusal_words){.what = what,
	                              .spent = REFUSAL_FIGURE_NONE,
	                              .limit = REFUSAL_FIGURE_NONE,
	                              .held = REFUSAL_FIGURE_NONE,
	                              .need = REFUSAL_FIGURE_NONE};
}

size_t refusal_span(int64_t ms, char out[REFUSAL_SPAN_MAX])
{
	long long s = ms > 0 ? (ms + 999) / 1000 : 0, min = (s + 59) / 60, h = min / 60, d = h / 24;
	int n;
	if (s < 60)
		n = snprintf(out, REFUSAL_SPAN_MAX, "%lld s", s);
	else if (min < 60)
		n = snprintf(out, REFUSAL_SPAN_MAX, "%lld min", min);
	else if (h < 48)
		n = snprintf(out, REFUSAL_SPAN_MAX, min % 60 ? "%lld h %lld min" : "%lld h", h, min % 60);
	else
		n = snprintf(out, REFUSAL_SPAN_MAX, h % 24 ? "%lld d %lld h" : "%lld d", d, h % 24);
	return n > 0 ? (size_t)n : 0;
}

static int add_money(struct buf *b, const char *before, int64_t nano, const char *after)
{
	char text[MONEY_TEXT_MAX];
	size_t n = money_format_human(nano, text);
	return buf_printf(b, "%s%.*s%s", before, (int)n, text, after);
}

static int add_figures(struct buf *b, const struct refusal_words *w)
{
	int r = 0;
	if (w->figures.n)
		r |= buf_printf(b, ": " SLICE_FMT, SLICE_ARG(w->figures));
	else if (w->spent >= 0 && w->limit >= 0)
		r |= add_money(b, ": ", w->spent, " of ") | add_money(b, "", w->limit, " spent");
	else if (w->spent >= 0)
		r |= add_money(b, ": ", w->spent, " spent");
	else if (w->limit >= 0)
		r |= add_money(b, ": the limit is ", w->limit, "");
	if (w->held > 0)
		r |= add_money(b, ", ", w->held, " held by running calls");
	if (w->need >= 0)
		r |= add_money(b, ", this call may cost ", w->need, "");
	return r | buf_append(b, SLICE("."));
}

static int add_reset(struct buf *b, const struct refusal_words *w)
{
	if (w->resets_ms <= 0)
		return 0;
	char span[REFUSAL_SPAN_MAX];
	int64_t s = w->resets_ms / 1000, year;
	int month, day;
	s += w->zone ? zone_offset(w->zone, s) : 0;
	zone_date_of(s / 86400, &year, &month, &day);
	refusal_span(w->resets_ms - w->now_ms, span);
	slice zone = w->zone && w->zone_name.n ? w->zone_name : SLICE("UTC");
	return buf_printf(b, " Resets %04lld-%02d-%02d %02lld:%02lld " SLICE_FMT " (in %s).", (long long)year,
	                  month, day, (long long)(s % 86400 / 3600), (long long)(s % 3600 / 60),
	                  SLICE_ARG(zone), span);
}

slice refusal_compose(const struct refusal_words *w, struct arena *mem)
{
	struct buf b;
	buf_init(&b, TEXT_MAX);
	int r = buf_append(&b, w->what) | add_figures(&b, w) | add_reset(&b, w);
	if (w->lift.n)
		r |= buf_printf(&b, " To go on now: " SLICE_FMT, SLICE_ARG(w->lift));
	else if (w->who.n)
		r |= buf_printf(&b, " To go on now, ask " SLICE_FMT ".", SLICE_ARG(w->who));
	/* Names that are too long for one line cost its end, not its beginning. */
	slice text = b.n ? arena_copy(mem, buf_slice(&b)) : SLICE_NONE;
	(void)r;
	buf_release(&b);
	return text;
}
