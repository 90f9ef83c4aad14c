/* Where a period's spend will end: from the days before, what of today is past, and the days that are left.
 * Estimates, in floating point: nothing is decided by them. */
#ifndef WEIR_FINOPS_FORECAST_H
#define WEIR_FINOPS_FORECAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORECAST_DAYS 56 /* of the past that are looked at */

struct forecast_in {
	const int64_t *days; /* nano-dollars of whole days, oldest first, the last is yesterday */
	size_t days_n;
	int today_weekday;      /* 0 Monday to 6 Sunday */
	int64_t today_nanousd;  /* so far */
	int64_t today_done_ppm; /* what share of a usual day's spend falls before now; 0 to 1,000,000 */
	size_t days_left;       /* whole days of the period after today */
	int64_t so_far_nanousd; /* of the period, today included */
	int64_t limit_nanousd;  /* 0: none */
};

struct forecast {
	int64_t expected, low, high; /* of the period's end; low and high hold it 8 times of 10 */
	int64_t day_nanousd;         /* a usual day's */
	bool enough;                 /* at least a week was looked at: else it is little more than a guess */
	int passes_in_days; /* days from today on which the limit will be passed; 0: today; -1: not in the
	                       period */
	int passes_ppm; /* millionths of that day's spend (of today's: of what is left of it) before it is */
	double weekday[7]; /* a weekday's spend over a usual day's, Monday first; all 1 where that is not
	                      known */
};

void forecast_period(const struct forecast_in *in, struct forecast *out);

#endif
