/* Inside of store/ledger_sqlite*.c: rollups (store/rollup.h) in the ledger's file. docs/rollups.md. */
#ifndef WEIR_STORE_LEDGER_SQLITE_ROLLUP_H
#define WEIR_STORE_LEDGER_SQLITE_ROLLUP_H

#include "base/arena.h"
#include "base/map.h"
#include "store/columns.h"
#include "store/ledger_sqlite.h"
#include "store/rollup.h"

/* --- words ----------------------------------------------------------------------------------- */

/* The words of all dimensions that were met last; emptied when it is full. */
struct rollup_words {
	struct map map; /* of (dimension, kind, bytes) to number + 1 */
	struct arena arena;
	sqlite3_stmt *find, *add, *most; /* owned; NULL until first used */
	struct {
		slice key; /* of the row before: the map's */
		uint32_t id;
	} last[ROLLUP_DIMS];
};
void rollup_words_init(struct rollup_words *w);
void rollup_words_release(struct rollup_words *w);
/* Of a transaction that was rolled back: words of it are no more. */
void rollup_words_forget(struct rollup_words *w);
/* A word's number; ROLLUP_OTHER when there are too many. make: one that is new is added; else *id is
 * ROLLUP_UNKNOWN_WORD. */
#define ROLLUP_UNKNOWN_WORD (UINT32_MAX - 1)
int rollup_word(struct ledger *l, struct rollup_words *w, size_t dim, struct value v, bool make, uint32_t *id,
                struct error *e) WARN_UNUSED;
/* The largest number of a dimension's words. */
int rollup_words_most(struct ledger *l, struct rollup_words *w, size_t dim, uint32_t *out,
                      struct error *e) WARN_UNUSED;

/* --- rows ------------------------------------------------------------------------------------ */

/* How a row's columns stand in a statement that rollup_row_columns began. */
#define ROLLUP_ROW_COLUMNS 128
struct rollup_row {
	size_t n, extra; /* columns; where those begin that are no dimensions */
	const struct column *column[ROLLUP_ROW_COLUMNS];
	signed char dim_at[ROLLUP_DIMS]; /* of each dimension; -1: not read */
};
#define ROLLUP_ALL_DIMS ((UINT64_C(1) << ROLLUP_DIMS) - 1)
/* Those of the dimensions in `wanted` (bits), and what sums need. */
void rollup_row_columns(struct rollup_row *r, uint64_t wanted);
/* Their names, apart by commas. */
int rollup_row_names(const struct rollup_row *r, struct buf *sql) WARN_UNUSED;
/* What sums are made of; texts are the statement's. */
void rollup_row_record(const struct rollup_row *r, sqlite3_stmt *s, int at, struct record *out);
struct value rollup_row_dim(const struct rollup_row *r, sqlite3_stmt *s, int at, size_t dim);
struct value ledger_column_value(sqlite3_stmt *s, int at);

/* A row that used something and has no price; `c` may be one of its corrections. */
#define ROLLUP_UNPRICED    "cost_nanousd IS NULL AND usage_source IS NOT NULL"

/* --- the file -------------------------------------------------------------------------------- */

#define ROLLUP_DAY_COLUMNS 512 /* numbers that a day's columns have in rollup_columns */

/* Up to which row rollups tell of all rows. */
struct rollup_mark {
	int64_t row;
	bool whole; /* false: they tell nothing, since rows were changed */
};
int rollup_mark_read(struct ledger *l, struct rollup_mark *out, struct error *e) WARN_UNUSED;

#endif
