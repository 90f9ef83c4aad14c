/* CSV (RFC 4180), as spreadsheets and billing pages write it: a record at a time, over a slice. Fields in
 * quotes may hold separators, line ends and doubled quotes; line ends are LF or CRLF; a byte order mark is
 * passed over. The separator is a comma, a semicolon or a tab, whichever the first line has most of outside
 * quotes. */
#ifndef WEIR_TEXT_CSV_H
#define WEIR_TEXT_CSV_H

#include "base/arena.h"
#include "base/slice.h"

#define CSV_FIELDS_MAX 256

struct csv {
	slice rest;
	char separator;
	size_t line;      /* of the record that was given last, from 1 */
	size_t next_line; /* of the one that comes */
};

struct csv_record {
	size_t n; /* fields; those beyond CSV_FIELDS_MAX are left out */
	slice field[CSV_FIELDS_MAX];
	const char *fault; /* NULL, or what is wrong with it, a static sentence: a quote that is not closed,
	                      text behind one */
};

void csv_init(struct csv *c, slice text);
/* The next record that is no empty line; false at the end. Fields point into the text, or into mem where
 * quotes were doubled. */
bool csv_next(struct csv *c, struct arena *mem, struct csv_record *out);

#endif
