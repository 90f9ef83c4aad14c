/* `where` as tests of the ledger's columns: what a question to the ledger can say. */
#include "model/where_in.h"

#define LIST_MAX 500 /* bytes of one column's value */

/* A field of the row under its own name that means the same there. A trigger or a pull request may only be
 * claimed, the model that was called is not the one that is told of, and the calendar is no column. */
static const char *column_of(enum field f)
{
	switch ((int)f) {
	case FIELD_TRIGGER:
	case FIELD_PR:
	case FIELD_MODEL:
	case FIELD_WEEKDAY:
	case FIELD_HOUR:
	case FIELD_TAGS:
		return NULL;
	case FIELD_KEY:
		return "key_id";
	default:
		return field_in_row(f) ? field_name(f) : NULL;
	}
}

/* A text that would mean something else in a list of tests. */
static bool is_plain(slice s, bool glob)
{
	if (s.n == 0 || s.p[0] == '!' || slice_find_char(s, ',') >= 0)
		return false;
	return glob || (slice_find_char(s, '*') < 0 && slice_find_char(s, '?') < 0);
}

static slice say_test(const struct where_test *t, bool number, struct arena *mem)
{
	static const char *const ops[] = {
	    [OP_BELOW] = "<", [OP_AT_MOST] = "<=", [OP_ABOVE] = ">", [OP_AT_LEAST] = ">="};
	switch (t->op) {
	case OP_UNKNOWN:
		return SLICE("");
	case OP_EQUAL:
		if (number)
			return arena_printf(mem, "%lld", (long long)t->number);
		return is_plain(t->text, false) ? t->text : SLICE_NONE;
	case OP_PREFIX:
		return is_plain(t->text, false) ? arena_printf(mem, SLICE_FMT "*", SLICE_ARG(t->text))
		                                : SLICE_NONE;
	case OP_GLOB:
		return is_plain(t->text, true) ? t->text : SLICE_NONE;
	case OP_BELOW:
	case OP_AT_MOST:
	case OP_ABOVE:
	case OP_AT_LEAST:
		return number ? arena_printf(mem, "%s%lld", ops[t->op], (long long)t->number) : SLICE_NONE;
	}
	return SLICE_NONE;
}

/* One of them, or with negated none. */
static slice say_list(const struct where_test *t, size_t n, bool number, bool negated, struct arena *mem)
{
	slice all = negated ? SLICE("!") : SLICE("");
	for (size_t i = 0; i < n; i++) {
		slice one = say_test(&t[i], number, mem);
		if (one.p == NULL)
			return SLICE_NONE;
		all =
		    arena_printf(mem, SLICE_FMT "%s" SLICE_FMT, SLICE_ARG(all), i ? "," : "", SLICE_ARG(one));
		if (all.p == NULL || all.n > LIST_MAX)
			return SLICE_NONE;
	}
	return all;
}

bool where_filters(const struct where *w, struct arena *mem, struct where_filter *out, size_t cap, size_t *n)
{
	*n = 0;
	if (w == NULL)
		return true;
	for (size_t i = 0; i < w->conds_n; i++) {
		const struct where_cond *c = &w->conds[i];
		const char *column = column_of(c->ref.field);
		bool number = field_kind_of(c->ref.field) == FIELD_NUMBER;
		for (int no = 0; no < 2; no++) {
			size_t tests = no ? c->no_n : c->yes_n;
			if (tests == 0)
				continue;
			slice value = say_list(no ? c->no : c->yes, tests, number, no, mem);
			if (column == NULL || value.p == NULL || *n == cap)
				return false;
			out[(*n)++] = (struct where_filter){slice_of(column), value};
		}
	}
	return !w->has_any;
}
