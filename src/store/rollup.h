/* Rollups: sums of the ledger's rows, so that a report over months need not read them. docs/rollups.md tells
 * the whole; here is what a sum is, how rows become sums, and how sums are packed.
 *
 * A *cell* is the sum of all rows of one quarter of an hour that are alike in every dimension; the cells of
 * one UTC day that are alike in all but their time make a *line*. A line that lies within what is asked is
 * taken as a whole, else its cells are. The dimensions are numbers of words (rollup_words of the ledger),
 * 0 is unknown.
 *
 * Packed, a day's lines are columns: each a base and an offset of 0, 1, 2, 4 or 8 bytes for each value
 * (little-endian; width 0: all are the base). Where some are absent, code 0 is absent and others are one
 * more. */
#ifndef WEIR_STORE_ROLLUP_H
#define WEIR_STORE_ROLLUP_H

#include "base/buf.h"
#include "model/types.h"

#define ROLLUP_CELL_MS      (INT64_C(15) * 60 * 1000)
#define ROLLUP_CELLS        96 /* of a day */

/* The dimensions, in the order that lines are sorted by. Their places are their numbers in the file: more
 * may only be added at the end. "model" is model_served, or model_requested when none was. */
#define ROLLUP_DIMS         42
#define ROLLUP_USER         0
#define ROLLUP_SESSION      1
#define ROLLUP_MODEL        5
#define ROLLUP_TAGS         22
#define ROLLUP_OTHER        UINT32_MAX /* a word beyond the most that are kept: what it was is in the rows alone */
#define ROLLUP_WORDS_MAX    262144 /* of a dimension */
#define ROLLUP_SESSIONS_MAX (1 << 24)
const char *rollup_dim_name(size_t i);
/* ROLLUP_DIMS when it is none. */
size_t rollup_dim_find(slice name);

/* What is summed. */
enum rollup_measure {
	RM_ROWS,
	RM_CALLS,
	RM_REFUSED,
	RM_RUNTIME_MS,
	RM_RETRIES,
	RM_TOOL_CALLS,
	RM_UNPRICED,
	RM_UNPRICED_SUBSCRIPTION,
	RM_CONTEXT,
	RM_CREDITS,
	RM_COST,         /* metered */
	RM_SUBSCRIPTION, /* value of what a subscription paid */
	RM_BACK,         /* of RM_COST, the rows below 0 */
	RM_CREDITS_BACK, /* likewise of RM_CREDITS */
	RM_HOLD,         /* tokens of calls whose usage is not known: all that was held */
	RM_COST_PART,
	RM_METER = RM_COST_PART + COST_N,
	RM_N = RM_METER + METER_N
};
_Static_assert(RM_N <= 64, "a bit for each");

/* Those that each row knows. */
#define ROLLUP_COUNTS                                                                                        \
	(UINT64_C(1) << RM_ROWS | UINT64_C(1) << RM_CALLS | UINT64_C(1) << RM_REFUSED |                      \
	 UINT64_C(1) << RM_RETRIES | UINT64_C(1) << RM_UNPRICED | UINT64_C(1) << RM_UNPRICED_SUBSCRIPTION)

struct rollup_sums {
	uint64_t known; /* bit m: some row knew v[m], which is else 0 */
	int64_t v[RM_N];
};
/* Those of one row. unpriced: it used something whose cost is not known to this day. */
void rollup_sums_of(const struct record *r, bool unpriced, struct rollup_sums *out);
/* False when one would overflow. */
bool rollup_sums_add(struct rollup_sums *to, const struct rollup_sums *from) WARN_UNUSED;

/* --- cells being gathered -------------------------------------------------------------------- */

struct rollup_line {
	int32_t day; /* since 1970-01-01 UTC */
	uint32_t dim[ROLLUP_DIMS];
	uint32_t newest, cells; /* its cell made last + 1; how many */
};
struct rollup_cell {
	int64_t time;   /* of quarters since 1970-01-01 UTC */
	uint32_t older; /* + 1; 0 none */
	struct rollup_sums sums;
};
struct rollup_set {
	struct rollup_line *lines; /* owned */
	struct rollup_cell *cells; /* owned */
	uint32_t *slots;           /* owned; of lines, by what they are alike in; + 1 */
	size_t lines_n, lines_cap, cells_n, cells_cap, slots_n, max;
};
void rollup_set_init(struct rollup_set *s, size_t max_cells);
void rollup_set_release(struct rollup_set *s);
void rollup_set_clear(struct rollup_set *s);
/* ERR_FULL, ERR_NOMEM, ERR_RANGE (a sum that overflows). */
int rollup_set_add(struct rollup_set *s, const uint32_t dim[ROLLUP_DIMS], int64_t time,
                   const struct rollup_sums *sums) WARN_UNUSED;
/* Quarters since 1970-01-01 UTC, and days of quarters: also of times before. */
int64_t rollup_time(int64_t ms);
int64_t rollup_day(int64_t time);

/* --- columns --------------------------------------------------------------------------------- */

/* What a packed day is made of, by number in the file. */
enum {
	ROLLUP_COLUMN_CELLS = 0, /* of each line: how many cells */
	ROLLUP_COLUMN_FIRST = 1, /* of each line: its first and last cell, 0 to 95 */
	ROLLUP_COLUMN_LAST = 2,
	ROLLUP_COLUMN_TIME = 3, /* of each cell, 0 to 95 */
	ROLLUP_COLUMN_DIM = 64,
	ROLLUP_COLUMN_LINE = 128, /* measures of lines, by rollup_column_of */
	ROLLUP_COLUMN_CELL =
	    256, /* of cells; not there when each line has one cell: then those of lines are */
	ROLLUP_COLUMNS = 384
};
/* The measure's number in the file, less than 128. */
unsigned rollup_column_of(enum rollup_measure m);

struct rollup_column {
	uint16_t id;
	uint8_t width; /* bytes of a value: 0, 1, 2, 4, 8 */
	bool absent;   /* some are */
	int64_t base;
	const void *body; /* width times n bytes; borrowed */
};
#define ROLLUP_HEAD_BYTES 12 /* of a column's description */

/* Bodies and head of what rollup_pack makes. on_column gets each column that has a body. */
struct rollup_packed {
	uint32_t lines, cells;
	int64_t rows;
	struct buf head; /* owned; descriptions of all columns, in order of id */
};
/* Packs the lines of one day after another: on_day is called for each, with its columns just before. */
struct rollup_sink {
	void *arg;
	int (*on_column)(void *arg, const struct rollup_column *c, size_t n);
	int (*on_day)(void *arg, int32_t day, const struct rollup_packed *p);
};
int rollup_pack(struct rollup_set *s, const struct rollup_sink *sink) WARN_UNUSED;
/* The column of that id as the head describes it; absent from the head: all absent (dimensions: unknown).
 * False when there is none. */
bool rollup_head_find(slice head, unsigned id, struct rollup_column *out);
/* One value; false when it is absent. */
bool rollup_value(const struct rollup_column *c, size_t i, int64_t *out);

#endif
