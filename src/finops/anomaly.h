/* Which series of spend are out of the usual: the whole, each user's, team's, repository's, … by the hour.
 *
 * A series' hour is judged against the same hour of earlier weeks and the level of late
 * (finops/anomaly_hours.h), so that a Monday is no incident. The hour that is running counts as soon as what
 * it has spent already is more than a whole one usually is. Spend is money and, of calls on a subscription,
 * their value at list price.
 *
 * Asked of the ledger alone: from a command, or a thread in the background with a connection of its own. Only
 * hours and values with at least `least` are looked at, so that a quiet hour costs one question for each
 * dimension. */
#ifndef WEIR_FINOPS_ANOMALY_H
#define WEIR_FINOPS_ANOMALY_H

#include "base/zone.h"
#include "finops/anomaly_hours.h"
#include "store/ledger.h"

#define ANOMALY_LEAST      INT64_C(1000000000) /* nano-dollars: the smallest rise that is one, when not said */
#define ANOMALY_DIMENSIONS 8
#define ANOMALY_SERIES     64          /* of each dimension, the dearest */
#define ANOMALIES_MAX      256         /* that are told */
#define ANOMALY_VALUE_MAX  200         /* bytes */
#define ANOMALY_SINCE_MAX  INT64_C(35) /* days that one question may look back */

struct anomaly_scan {
	const struct ledger_ops *ops;
	struct ledger *ledger;
	slice timezone;          /* n 0: UTC */
	const struct zone *zone; /* of that name; not owned */
	int64_t now_ms;
	int64_t since_ms;    /* hours from here on are judged; 0: the last whole one and the one that runs */
	int64_t until_ms;    /* 0: now */
	int64_t least;       /* nano-dollars; 0: ANOMALY_LEAST */
	size_t dimensions_n; /* none: the usual ones; "" is the whole */
	slice dimensions[ANOMALY_DIMENSIONS];
	size_t filters_n; /* of the calls that are looked at */
	struct ledger_filter filters[LEDGER_FILTERS_MAX];
};

/* Hours that follow each other, all out of the usual. */
struct anomaly_found {
	char dimension[32];            /* "" of the whole */
	char value[ANOMALY_VALUE_MAX]; /* cut when longer; "" unknown */
	int64_t from_ms;
	int hours;
	bool running;     /* the last of them is not over */
	int64_t spent;    /* nano-dollars of all these hours */
	int64_t expected; /* what they usually are */
	int64_t high;     /* what would still have been usual of the worst of them */
	double score;     /* of the worst of them: how far above, in usual deviations */
	int64_t worst_ms; /* which that was */
	int64_t weeks;    /* that were looked at before */
};

struct anomalies {
	size_t n;
	struct anomaly_found at[ANOMALIES_MAX]; /* the latest first, of one time the greatest rise first */
	size_t more;                            /* that had no room */
	size_t series;                          /* that were judged */
};

/* The usual ones, "" the whole; NULL past the end. */
const char *anomaly_dimension(size_t i);

/* 0, ERR_INVALID (a dimension that is none, a window too long), ERR_NOMEM, or the store's fault. */
int anomalies_find(const struct anomaly_scan *scan, struct anomalies *out, struct error *e) WARN_UNUSED;

/* "user ana@example.com: $41.20 in the hour from 03:00, usually $6.10 (up to $14.80)"; NUL-terminated, cut to
 * cap. */
void anomaly_sentence(const struct anomaly_found *a, const struct zone *zone, char *out, size_t cap);

#endif
