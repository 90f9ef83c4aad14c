/* What the readers of usage exports share: tables by their header, JSON documents one behind the other, and
 * the ways in which amounts and times are written. */
#ifndef WEIR_FINOPS_IMPORT_EXPORT_H
#define WEIR_FINOPS_IMPORT_EXPORT_H

#include "finops/import.h"
#include "finops/tally.h"
#include "text/csv.h"
#include "text/json.h"

/* One file being read. */
struct import_export {
	const struct import_source *source;
	const struct import_options *o;
	const struct import_file *f;
	struct import_counts *n;
	int rc; /* what a callback returned; nothing more is given then */
};

/* The line that a place of the file's text is on, from 1. */
size_t import_line_at(const struct import_export *x, const char *at);
void import_bad(struct import_export *x, size_t line, const char *why);

/* A tally of this export: source, provider, account and what the options fix are set. */
void import_tally(const struct import_export *x, struct tally *t, slice provider);
/* Sets an attribute unless the options fix it. */
void import_tally_attr(const struct import_export *x, struct tally *t, enum attr a, slice value);
void import_give_tally(struct import_export *x, const struct tally *t);

/* Nano-dollars of "12.34", "$1,234.50", "(0.10)", "3 USD"; false when it is none. */
bool import_amount(slice text, int64_t *nano);
/* A whole number, "1,234" too, or a decimal without a fraction. */
bool import_whole(slice text, int64_t *out);
/* RFC 3339, a day ("2026-09-05", "9/5/26"), "2026-09-05 10:11:12 UTC", seconds or milliseconds since 1970. */
bool import_time(slice text, int64_t *ms);

/* Is the text JSON (else it is a table)? */
bool import_is_json(slice text);
/* Each document of the text, one behind the other; an array's elements are documents too. What is no JSON is
 * told as bad, and ends it. */
void import_documents(struct import_export *x, void (*read)(struct import_export *x, struct json *j));

/* A document that is a list under a name (a page of an API), or one element of it: read gets each element,
 * and x. */
void import_list(struct import_export *x, struct json *j, slice name,
                 void (*read)(struct json *j, int id, void *x));

/* --- tables ----------------------------------------------------------------------------------------------
 */

#define IMPORT_COLUMNS 24

/* A column by the names that it has: lower case, letters and digits only, apart by blanks. */
struct import_column {
	int id; /* below IMPORT_COLUMNS */
	const char *names;
};

struct import_table {
	struct csv csv;
	struct csv_record record;
	int at[IMPORT_COLUMNS]; /* the field of each column; -1: there is none */
};

/* Reads the header, which may stand behind a few lines of other text; false when there is none that has all
 * of `needed` (bits of ids). mapped: "name=Header,…" of import_options.columns, by names[0] of each column.
 */
bool import_table_open(struct import_table *t, const struct import_export *x,
                       const struct import_column *columns, size_t n, uint32_t needed, slice mapped);
/* The next record that can be read; others are told as bad. */
bool import_table_next(struct import_table *t, struct import_export *x);
/* Trimmed; n 0 when the column is not there. */
slice import_table_text(const struct import_table *t, int id);
static inline bool import_table_has(const struct import_table *t, int id)
{
	return t->at[id] >= 0;
}

#endif
