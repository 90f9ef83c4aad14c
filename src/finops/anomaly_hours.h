/* Hours of a series that are out of the usual. Estimates, in floating point: nothing is decided by them.
 *
 * What is usual of an hour is what it was in earlier weeks and on days like this one, times the level of
 * late. How far it may be above that is learnt from how far such hours (quiet ones, busy ones) have been: so
 * the night of few calls has more room than the noon of many, and a series of bursts more than an even one.
 */
#ifndef WEIR_FINOPS_ANOMALY_HOURS_H
#define WEIR_FINOPS_ANOMALY_HOURS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ANOMALY_WEEKS 8
#define ANOMALY_HOURS ((size_t)ANOMALY_WEEKS * 168) /* before an hour that are looked at */

struct anomaly_in {
	const int64_t *hours; /* of whole hours, oldest first */
	size_t hours_n;
	int hour_of_week; /* of the first: 0 is Monday's from midnight, 167 the last of Sunday */
	int64_t least;    /* a rise of less is none */
};

struct anomaly {
	bool is;
	int64_t expected;
	int64_t usual_high; /* what it would still be usual to see */
	double score;       /* how far above, in usual deviations */
};

/* Judges the hours from `from` on into out, hours_n - from of them, each by those before it alone. ERR_NOMEM.
 */
int anomaly_hours(const struct anomaly_in *in, size_t from, struct anomaly *out)
    __attribute__((warn_unused_result));
/* Judges another value of an hour that was judged. */
void anomaly_again(struct anomaly *a, int64_t value, int64_t least);

#endif
