/* The words of a refusal: what was refused, by which rule, how much of how much was spent, when it resets,
 * and the one command or link that lifts it; the most important words first, since a terminal cuts the rest.
 */
#ifndef WEIR_GATEWAY_REFUSAL_TEXT_H
#define WEIR_GATEWAY_REFUSAL_TEXT_H

#include <stdint.h>

#include "base/arena.h"
#include "base/zone.h"

#define REFUSAL_FIGURE_NONE INT64_C(-1)

/* What is absent is left out of the sentence. */
struct refusal_words {
	slice what; /* `Budget "dev-day" of ana@example.com is spent`: no full stop */
	/* Money in nano-dollars; REFUSAL_FIGURE_NONE when there is none. */
	int64_t spent, limit, held, need; /* need: what this call may cost */
	slice figures; /* instead of these where the unit is another: `1,203 of 1,200 requests a minute` */
	int64_t resets_ms, now_ms; /* wall clock; resets 0: not by itself */
	const struct zone *zone;   /* the rules' time zone; NULL: UTC */
	slice zone_name;           /* `Europe/Berlin`; n 0: UTC */
	slice lift; /* `weir budget override dev-day --add "10 USD" --reason "…"`, or a link */
	slice who;  /* whom to ask where no command lifts it; n 0: nobody in particular */
};

/* All figures absent. */
struct refusal_words refusal_words(slice what);
/* One line; p NULL when out of memory (exchange_refuse has words for that). */
slice refusal_compose(const struct refusal_words *w, struct arena *mem);

/* "45 s", "12 min", "4 h 12 min", "3 d 4 h": what is left, rounded up, so that nobody comes back too early.
 */
#define REFUSAL_SPAN_MAX 32
size_t refusal_span(int64_t ms, char out[REFUSAL_SPAN_MAX]);

#endif
