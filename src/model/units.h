/* Units that rules are written in, beside money (base/money.h) and durations (base/clock.h). */
#ifndef WEIR_MODEL_UNITS_H
#define WEIR_MODEL_UNITS_H

#include <stdint.h>

#include "base/slice.h"

#define PPM INT64_C(1000000) /* the whole, in millionths */

/* "80%", "2.5%" -> millionths (at most 4 decimals); false when it is none, or above most_percent. */
bool units_percent(slice text, int64_t most_percent, int64_t *ppm);

/* So many in a time. */
struct rate {
	int64_t n;         /* 0: no limit */
	int64_t period_ms; /* 1000, 60000, 3600000 or 86400000 */
};
/* "120/minute": second, minute, hour, day, or s, m, min, h, d; false when it is none. n is 1 at least. */
bool units_rate(slice text, struct rate *out);

/* Digits with a multiplier: "2000000", "250k", "2M" (thousands and millions); false when it is none. */
bool units_count(slice text, int64_t *out);

#endif
