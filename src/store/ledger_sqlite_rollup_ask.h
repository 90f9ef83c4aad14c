/* Inside of store/ledger_sqlite_rollup_*.c: a report being made of rollups. */
#ifndef WEIR_STORE_LEDGER_SQLITE_ROLLUP_ASK_H
#define WEIR_STORE_LEDGER_SQLITE_ROLLUP_ASK_H

#include "store/ledger_sqlite_ask.h"
#include "store/ledger_sqlite_rollup.h"
#include "store/rollup_sum.h"

#define SUMS_TAIL_MOST 262144 /* rows behind the mark beyond which SQL is as good */

/* A dimension to group by: words by number. */
struct sums_by {
	size_t dim;
	bool tag;     /* of the words, one value */
	uint32_t *of; /* owned; of a tag: the number of each word's value, + 1; 0 not asked yet */
	size_t of_n;
	struct sums_text {
		struct value v;
		bool read;
	} * texts; /* owned; by number */
	size_t texts_n, values_n;
	struct map values; /* of a tag: texts to their numbers */
};

/* A filter: which words pass. */
struct sums_pick {
	size_t dim;
	uint8_t *pass; /* owned; by number of the word */
	size_t n;
};

struct sums {
	struct asking *a;
	struct ledger *l;
	const struct ledger_query *q;
	struct rollup_mark mark;
	struct sums_by by[LEDGER_BY_MAX];
	struct sums_pick pick[LEDGER_FILTERS_MAX];
	struct rollup_groups groups;
	struct rollup_words words;
	struct arena texts;
	int64_t from, to;            /* whole cells: [from, to) */
	int64_t kept_ms;             /* rows before are no more */
	sqlite3_stmt *column, *word; /* owned */
	/* new words of the tail: numbers behind those of the file */
	uint32_t next_word[ROLLUP_DIMS], first_fresh[ROLLUP_DIMS]; /* 0: none yet */
	struct map fresh;
	/* of the day being summed */
	size_t lines, cells;
	struct rollup_column head[ROLLUP_COLUMNS];
	bool has[ROLLUP_COLUMNS];
	int64_t segment, day;
	int64_t bucket[ROLLUP_CELLS], local_day[ROLLUP_CELLS];
	size_t room;
	uint32_t *group, *first, *last, *count, *user, *session, *key[LEDGER_BY_MAX], *scratch; /* owned */
	size_t cell_room;
	uint32_t *cell_group, *cell_time, *cell_calls;            /* owned */
	int64_t zone_from, zone_to, date, bucket_from, bucket_to; /* the spans asked for last */
	bool cannot;
};

/* NULL: no memory. */
struct sums *sums_new(struct asking *a);
void sums_release(struct sums *s);
/* The mark, the whole cells of the window, and the statement for columns. */
int sums_window(struct sums *s) WARN_UNUSED;
/* Of s->segment with s->lines and s->cells: what its columns are like. */
void sums_read_head(struct sums *s, slice head);
/* A column with its body, which lasts until the next. */
int sums_fetch(struct sums *s, unsigned id, size_t n, struct rollup_column *out) WARN_UNUSED;
/* A column of small numbers, none absent; zeros when it is not there. */
int sums_numbers(struct sums *s, unsigned id, size_t n, uint32_t *out) WARN_UNUSED;
/* It cannot be told by rollups: ROLLUP_CANNOT, and the rows are asked. */
int sums_give_up(struct sums *s);
int sums_no_memory(struct sums *s);
/* What a word is called. */
int sums_set_text(struct sums *s, struct sums_by *b, size_t id, struct value v) WARN_UNUSED;
/* The number of a tag's value. */
int sums_value_number(struct sums *s, struct sums_by *b, struct value v, uint32_t *out) WARN_UNUSED;
/* The local date of a day that begins then. */
int64_t sums_date_of(const struct sums *s, int64_t day_ms);

/* Sums packed days, for the whole cells of the window. */
int sums_days(struct sums *s) WARN_UNUSED;
/* Sums rows: those behind the mark, and those where the window cuts a cell. */
int sums_rows(struct sums *s) WARN_UNUSED;

#endif
