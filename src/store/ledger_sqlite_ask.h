/* Inside of store/ledger_sqlite*.c: a question on its way to a statement. */
#ifndef WEIR_STORE_LEDGER_SQLITE_ASK_H
#define WEIR_STORE_LEDGER_SQLITE_ASK_H

#include "base/zone.h"
#include "store/columns.h"
#include "store/ledger_sqlite.h"

#define ASKING_WORDS 128 /* parameters of one question */

struct asking {
	struct ledger *l;
	const struct ledger_query *q;
	struct error *e;
	struct buf sql;
	sqlite3_stmt *stmt;
	bool of_words; /* a filter tests `value` of the words of rollups, not a column of the rows */
	size_t words_n;
	struct word {
		slice text; /* p NULL: the number */
		int64_t number;
		char *made; /* owned; what text points to, when it had to be made */
	} words[ASKING_WORDS];
	/* of the functions that SQL calls */
	struct zone *zone; /* owned */
	enum zone_unit unit;
	int64_t unit_from, unit_to, day_from,
	    day_to; /* the spans asked for last: rows come in order of time */
	int rc;     /* the first fault; what follows does nothing */
};

void asking_init(struct asking *a, struct ledger *l, const struct ledger_query *q, struct error *e);
/* Ready for another statement of the same question. */
void asking_reset(struct asking *a);
void asking_release(struct asking *a);
void asking_say(struct asking *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
void asking_text(struct asking *a, slice text);
void asking_number(struct asking *a, int64_t number);
/* The column's expression; c NULL: a tag, or "model". */
void asking_column(struct asking *a, const struct column *c, slice name);
void asking_no_column(struct asking *a, slice name, const char *what);
/* " AND …" of one filter, of all; "time_ms>=…"; " FROM … WHERE …" of the question. */
void asking_filter(struct asking *a, const struct ledger_filter *f);
void asking_filters(struct asking *a);
void asking_window(struct asking *a, int64_t since_ms, int64_t until_ms);
void asking_where(struct asking *a);
/* ledger_sqlite_rollup_ask.c: ROLLUP_CANNOT when rollups do not tell it; nothing was given then. */
#define ROLLUP_CANNOT 1
int ledger_sqlite_rollup_report(struct asking *a, int (*on_group)(void *arg, const struct ledger_group *g),
                                void *arg, struct ledger_measures *total) WARN_UNUSED;
/* Makes the statement of what was said. */
int asking_prepare(struct asking *a) WARN_UNUSED;

#endif
