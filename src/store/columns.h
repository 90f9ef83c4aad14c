/* The record's fields as columns: one table from which the schema, the inserts, the reading back, the
 * questions and the export are made, so that they cannot drift apart. */
#ifndef WEIR_STORE_COLUMNS_H
#define WEIR_STORE_COLUMNS_H

#include "model/types.h"

enum column_kind {
	COLUMN_ID,
	COLUMN_TIME, /* milliseconds since 1970-01-01 UTC */
	COLUMN_ATTR, /* struct attribution */
	COLUMN_TEXT, /* struct record's text[] */
	COLUMN_ENUM,
	COLUMN_BOOL,
	COLUMN_INT,  /* RECORD_ABSENT is null */
	COLUMN_COST, /* null when the record is not priced */
};

enum column_enum { ENUM_API, ENUM_ENDING, ENUM_BILLING, ENUM_USAGE_SOURCE, ENUM_DECISION };

struct column {
	const char *name; /* of the ledger's column, and of the filter and dimension */
	enum column_kind kind;
	unsigned short at; /* enum attr, enum record_text, enum column_enum, or the offset of a number in
	                      struct record */
	bool dimension;    /* may stand in `by` */
};

/* In the order of the table; NULL past the end. */
const struct column *column_at(size_t i);
size_t columns_n(void);
/* NULL when there is none of that name. */
const struct column *column_find(slice name);
/* Its values are texts in the ledger (else integers). */
bool column_is_text(const struct column *c);

/* What a question may group by: the columns marked so, "model" (served or, when none was, requested), and
 * tags.NAME. */
bool column_may_group(slice name);
/* What it may filter by: any column, "model" and tags.NAME. */
bool column_may_filter(slice name);
bool column_is_tag(slice name);
#define COLUMN_MODEL "model"
/* Of the parts of a call's input: part, tool, mcp_server. May stand in `by` and in filters too; the question
 * is then one about parts. */
bool column_is_part(slice name);
/* The names to group by, for people to choose from; NULL past the end. */
const char *column_group_name(size_t i);

struct value {
	enum { VALUE_NULL, VALUE_TEXT, VALUE_INT } kind;
	slice text;
	int64_t number;
};
struct value column_get(const struct column *c, const struct record *r);
/* Puts a value as column_get gave it into a record set up by record_init; texts are borrowed. False when it
 * is none of the column's (an unknown name of an enumeration): the field stays as it was. */
bool column_set(const struct column *c, struct record *r, struct value v);

#endif
