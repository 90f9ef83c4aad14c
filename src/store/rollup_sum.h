/* Groups of a report being summed from packed days and from single rows. */
#ifndef WEIR_STORE_ROLLUP_SUM_H
#define WEIR_STORE_ROLLUP_SUM_H

#include "store/rollup.h"

#define ROLLUP_BY_MAX     8
#define ROLLUP_GROUPS_MAX ((size_t)1 << 22)
#define ROLLUP_LAST_DAYS  1024

/* Distinct numbers. */
struct rollup_seen {
	uint64_t *slots; /* owned; 0 empty */
	size_t n, cap;
};

struct rollup_group {
	int64_t bucket_ms;
	uint32_t key[ROLLUP_BY_MAX];
	int64_t sessions, active_days;
	struct rollup_sums sums;
};

/* groups[0] gets what is not asked for; its sessions and active_days are those of all groups together. */
struct rollup_groups {
	size_t by_n, n, cap;
	struct rollup_group *groups; /* owned */
	uint32_t *slots;             /* owned; of groups, by bucket and key */
	size_t slots_n, last;
	struct rollup_pair {
		uint32_t first, second;
	} * pairs; /* owned; the first two groups of each session */
	size_t pairs_n;
	struct rollup_seen sessions, days;    /* sessions: of further groups */
	uint64_t last_days[ROLLUP_LAST_DAYS]; /* of those seen, by hash: most are seen again soon */
	int rc; /* the first fault: ERR_NOMEM, ERR_FULL, ERR_RANGE; what follows does nothing */
};
void rollup_groups_init(struct rollup_groups *g, size_t by_n);
void rollup_groups_release(struct rollup_groups *g);
/* Its number, made when it is new; 0 after a fault. */
uint32_t rollup_group_of(struct rollup_groups *g, int64_t bucket_ms, const uint32_t key[ROLLUP_BY_MAX]);
/* A call of that group in that session (0: unknown), and by that user on that day. */
void rollup_saw_session(struct rollup_groups *g, uint32_t group, uint32_t session);
void rollup_saw_day(struct rollup_groups *g, uint32_t group, uint32_t user, int64_t day);
/* These measures (bits) are known of each of n groups. */
void rollup_sum_known(struct rollup_groups *g, uint64_t measures, const uint32_t *group, size_t n);
/* Adds a column: of each of n values to measure m of its group. Where some are absent, the others are known;
 * that all are known is rollup_sum_known's to say. */
void rollup_sum_column(struct rollup_groups *g, enum rollup_measure m, const struct rollup_column *c,
                       const uint32_t *group, size_t n);
void rollup_sum_row(struct rollup_groups *g, uint32_t group, const struct rollup_sums *sums);

#endif
