/* Inside of `where`: what it is compiled to. Files of model/where* only. */
#ifndef WEIR_MODEL_WHERE_IN_H
#define WEIR_MODEL_WHERE_IN_H

#include "model/where.h"

enum where_op {
	OP_UNKNOWN, /* the value is not known */
	OP_EQUAL,   /* text, or number */
	OP_PREFIX,  /* text, then anything: the commonest glob */
	OP_GLOB,
	OP_BELOW,
	OP_AT_MOST,
	OP_ABOVE,
	OP_AT_LEAST,
};

struct where_test {
	enum where_op op;
	slice text;     /* of OP_EQUAL on a text, OP_PREFIX, OP_GLOB */
	int64_t number; /* of the others */
};

/* One field's: one of yes (or none there are), and none of no. */
struct where_cond {
	struct field_ref ref; /* of a budget, tag is its name */
	size_t yes_n, no_n;
	const struct where_test *yes, *no;
};

struct where {
	uint64_t fields; /* a bit each, those of any included */
	size_t conds_n;
	const struct where_cond *conds;
	bool has_any;
	size_t any_n;
	const struct where *const *any;
};

_Static_assert(FIELD_N <= 64, "a bit for each field");

#endif
