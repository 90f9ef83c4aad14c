/* Questions as SQL, put together from the table of columns alone; every word of a user's is a bound
 * parameter. */
#include "store/ledger_sqlite_ask.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/columns.h"

#define SQL_MAX  (1 << 15)
#define WORD_MAX 512 /* bytes of one word */

void asking_say(struct asking *a, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (a->rc == 0 &&
	    (n < 0 || (size_t)n >= sizeof text || buf_append(&a->sql, slice_make(text, (size_t)n)) != 0))
		a->rc = error_set(a->e, ERR_FULL, "the question is too long");
}

static void word(struct asking *a, slice text, int64_t number, char *made)
{
	if (a->words_n == ASKING_WORDS || text.n > WORD_MAX) {
		free(made);
		if (a->rc == 0)
			a->rc = error_set(a->e, ERR_FULL, "the question is too long");
		return;
	}
	a->words[a->words_n++] = (struct word){text, number, made};
	asking_say(a, "?%zu", a->words_n);
}

void asking_text(struct asking *a, slice text)
{
	word(a, text.p ? text : SLICE(""), 0, NULL);
}

void asking_number(struct asking *a, int64_t number)
{
	word(a, SLICE_NONE, number, NULL);
}

/* --- columns and filters --------------------------------------------------------------------- */

/* The column's expression; c NULL: a tag, or "model". */
void asking_column(struct asking *a, const struct column *c, slice name)
{
	if (a->of_words && !column_is_tag(name)) {
		asking_say(a, "value");
		return;
	}
	if (c) {
		asking_say(a, "\"%s\"", c->name);
		return;
	}
	if (slice_eq(name, SLICE(COLUMN_MODEL))) {
		asking_say(a, "coalesce(model_served,model_requested)");
		return;
	}
	if (column_is_part(name)) {
		asking_say(a, "nullif(p." SLICE_FMT ",'')", SLICE_ARG(name));
		return;
	}
	char *path = malloc(name.n + 8);
	if (path == NULL) {
		a->rc = error_set(a->e, ERR_NOMEM, "out of memory");
		return;
	}
	int n = snprintf(path, name.n + 8, "$.\"" SLICE_FMT "\"", SLICE_ARG(slice_sub(name, 5, name.n)));
	const char *tags = a->of_words ? "value" : "tags";
	asking_say(a, "CASE WHEN json_valid(%s)THEN CAST(json_extract(%s,", tags, tags);
	word(a, slice_make(path, n > 0 ? (size_t)n : 0), 0, path);
	asking_say(a, ")AS TEXT)END");
}

void asking_no_column(struct asking *a, slice name, const char *what)
{
	a->rc = error_set(a->e, ERR_NOT_FOUND, "no %s \"" SLICE_FMT "\"", what, SLICE_ARG(name));
}

static bool take_compare(slice *value, const char **op)
{
	static const char *const ops[] = {">=", "<=", ">", "<"};
	for (size_t i = 0; i < 4; i++)
		if (slice_starts(*value, slice_of(ops[i]))) {
			*op = ops[i];
			*value = slice_trim(slice_sub(*value, strlen(ops[i]), value->n));
			return true;
		}
	return false;
}

static void say_number_test(struct asking *a, const struct column *c, slice value)
{
	const char *op = "=";
	long long number = 0;
	slice digits = value;
	if (c->kind == COLUMN_BOOL && (slice_eq(value, SLICE("true")) || slice_eq(value, SLICE("false")))) {
		number = slice_eq(value, SLICE("true"));
	} else {
		take_compare(&digits, &op);
		if (!slice_to_i64(digits, &number)) {
			a->rc =
			    error_set(a->e, ERR_INVALID,
			              "%s=" SLICE_FMT ": the field holds a number: write %s=3 or %s=\">3\"",
			              c->name, SLICE_ARG(value), c->name, c->name);
			return;
		}
	}
	asking_column(a, c, slice_of(c->name));
	asking_say(a, "%s", op);
	asking_number(a, number);
}

/* SQLite's GLOB has classes, ours has none: '[' stands for itself. */
static void say_glob(struct asking *a, slice pattern)
{
	char *made = malloc(pattern.n * 3 + 1);
	size_t n = 0;
	for (size_t i = 0; made && i < pattern.n; i++) {
		bool bracket = pattern.p[i] == '[';
		memcpy(made + n, bracket ? "[[]" : &pattern.p[i], bracket ? 3 : 1);
		n += bracket ? 3 : 1;
	}
	if (made == NULL)
		a->rc = error_set(a->e, ERR_NOMEM, "out of memory");
	else
		word(a, slice_make(made, n), 0, made);
}

static void say_test(struct asking *a, const struct column *c, slice name, slice value)
{
	if (value.n == 0) {
		asking_column(a, c, name);
		asking_say(a, " IS NULL");
	} else if (c && !column_is_text(c)) {
		say_number_test(a, c, value);
	} else {
		bool glob = slice_find_char(value, '*') >= 0 || slice_find_char(value, '?') >= 0;
		asking_column(a, c, name);
		asking_say(a, glob ? " GLOB " : "=");
		if (glob)
			say_glob(a, value);
		else
			asking_text(a, value);
	}
}

void asking_filter(struct asking *a, const struct ledger_filter *f)
{
	const struct column *c = column_find(f->column);
	slice rest = f->value, part;
	if (!column_may_filter(f->column)) {
		asking_no_column(a, f->column, "field");
		return;
	}
	if (f->exact) {
		asking_say(a, " AND ");
		asking_column(a, c, f->column);
		asking_say(a, "=");
		asking_text(a, f->value);
		return;
	}
	if (slice_eq(f->value, SLICE("!"))) { /* said so that an index of the known ones serves */
		asking_say(a, " AND ");
		asking_column(a, c, f->column);
		asking_say(a, " IS NOT NULL");
		return;
	}
	bool negated = slice_starts(rest, SLICE("!"));
	if (negated)
		rest = slice_sub(rest, 1, rest.n);
	if (rest.p == NULL)
		rest = SLICE("");
	/* A test of what is unknown is neither true nor false; "not x" is true of it, as in the policies'
	 * `where`. */
	asking_say(a, negated ? " AND NOT coalesce((" : " AND (");
	for (bool first = true; slice_split(&rest, ',', &part); first = false) {
		asking_say(a, first ? "" : " OR ");
		say_test(a, c, f->column, part);
	}
	asking_say(a, negated ? "),0)" : ")");
}

void asking_window(struct asking *a, int64_t since_ms, int64_t until_ms)
{
	asking_say(a, "time_ms>=");
	asking_number(a, since_ms);
	if (until_ms) {
		asking_say(a, " AND time_ms<");
		asking_number(a, until_ms);
	}
}

void asking_filters(struct asking *a)
{
	for (size_t i = 0; a->rc == 0 && i < a->q->filters_n; i++)
		asking_filter(a, &a->q->filters[i]);
}

void asking_where(struct asking *a)
{
	asking_say(a, a->q->parts ? " FROM calls JOIN call_parts p ON p.call_id=calls.id WHERE "
	                          : " FROM calls WHERE ");
	asking_window(a, a->q->since_ms, a->q->until_ms);
	asking_filters(a);
}

/* --- asking ---------------------------------------------------------------------------------- */

void asking_init(struct asking *a, struct ledger *l, const struct ledger_query *q, struct error *e)
{
	memset(a, 0, sizeof *a);
	a->l = l;
	a->q = q;
	a->e = e;
	buf_init(&a->sql, SQL_MAX);
}

void asking_reset(struct asking *a)
{
	sqlite3_finalize(a->stmt);
	a->stmt = NULL;
	buf_clear(&a->sql);
	for (size_t i = 0; i < a->words_n; i++)
		free(a->words[i].made);
	a->words_n = 0;
}

void asking_release(struct asking *a)
{
	asking_reset(a);
	buf_release(&a->sql);
	zone_free(a->zone);
}

int asking_prepare(struct asking *a)
{
	if (a->rc == 0)
		a->rc = ledger_prepare(a->l, buf_slice(&a->sql), &a->stmt, a->e);
	for (size_t i = 0; a->rc == 0 && i < a->words_n; i++) {
		const struct word *w = &a->words[i];
		int code = w->text.p ? sqlite3_bind_text(a->stmt, (int)i + 1, w->text.p, (int)w->text.n,
		                                         SQLITE_STATIC)
		                     : sqlite3_bind_int64(a->stmt, (int)i + 1, w->number);
		if (code != SQLITE_OK)
			a->rc = ledger_fault(a->l, code, "report", a->e);
	}
	return a->rc;
}
