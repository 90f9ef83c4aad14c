/* The numbers of words, and the columns of rows that sums are made of. */
#include "store/ledger_sqlite_rollup.h"

#include <string.h>

#define WORDS_KEPT 65536 /* in memory */
#define WORD_BYTES 1024  /* a longer one counts as one too many */

void rollup_words_init(struct rollup_words *w)
{
	memset(w, 0, sizeof *w);
	map_init(&w->map, WORDS_KEPT, 0);
	arena_init(&w->arena, (size_t)WORDS_KEPT * (WORD_BYTES + 64));
}

void rollup_words_forget(struct rollup_words *w)
{
	map_release(&w->map);
	map_init(&w->map, WORDS_KEPT, 0);
	arena_reset(&w->arena);
	memset(w->last, 0, sizeof w->last);
}

void rollup_words_release(struct rollup_words *w)
{
	sqlite3_finalize(w->find);
	sqlite3_finalize(w->add);
	sqlite3_finalize(w->most);
	map_release(&w->map);
	arena_release(&w->arena);
}

static int prepare_once(struct ledger *l, sqlite3_stmt **s, const char *sql, struct error *e)
{
	return *s ? 0 : ledger_prepare(l, slice_of(sql), s, e);
}

/* Dimension, kind and bytes as one text. */
static slice key_of(size_t dim, struct value v, char out[WORD_BYTES + 16])
{
	out[0] = (char)dim;
	out[1] = (char)v.kind;
	if (v.kind == VALUE_INT) {
		memcpy(out + 2, &v.number, sizeof v.number);
		return slice_make(out, 2 + sizeof v.number);
	}
	memcpy(out + 2, v.text.p, v.text.n);
	return slice_make(out, 2 + v.text.n);
}

int rollup_words_most(struct ledger *l, struct rollup_words *w, size_t dim, uint32_t *out, struct error *e)
{
	int rc = prepare_once(l, &w->most, "SELECT max(id)FROM rollup_words WHERE dim=?", e);
	if (rc != 0)
		return rc;
	sqlite3_bind_int64(w->most, 1, (int64_t)dim);
	int code = sqlite3_step(w->most);
	*out = code == SQLITE_ROW ? (uint32_t)sqlite3_column_int64(w->most, 0) : 0;
	if (code != SQLITE_ROW)
		rc = ledger_fault(l, code, "rollups", e);
	sqlite3_reset(w->most);
	return rc;
}

static int bind_word(sqlite3_stmt *s, int at, struct value v)
{
	return v.kind == VALUE_INT ? sqlite3_bind_int64(s, at, v.number)
	                           : sqlite3_bind_text(s, at, v.text.p, (int)v.text.n, SQLITE_STATIC);
}

static int find_word(struct ledger *l, struct rollup_words *w, size_t dim, struct value v, uint32_t *id,
                     struct error *e)
{
	int rc = prepare_once(l, &w->find, "SELECT id FROM rollup_words WHERE dim=? AND value=?", e);
	if (rc != 0)
		return rc;
	sqlite3_bind_int64(w->find, 1, (int64_t)dim);
	int code = bind_word(w->find, 2, v);
	if (code == SQLITE_OK)
		code = sqlite3_step(w->find);
	*id = code == SQLITE_ROW ? (uint32_t)sqlite3_column_int64(w->find, 0) : 0;
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		rc = ledger_fault(l, code, "rollups", e);
	sqlite3_reset(w->find);
	return rc;
}

static uint32_t words_max(size_t dim)
{
	return dim == ROLLUP_SESSION ? ROLLUP_SESSIONS_MAX : ROLLUP_WORDS_MAX;
}

static int add_word(struct ledger *l, struct rollup_words *w, size_t dim, struct value v, uint32_t *id,
                    struct error *e)
{
	uint32_t most;
	int rc = rollup_words_most(l, w, dim, &most, e);
	if (rc == 0 && most >= words_max(dim)) {
		*id = ROLLUP_OTHER;
		return 0;
	}
	if (rc == 0)
		rc = prepare_once(l, &w->add, "INSERT INTO rollup_words(dim,id,value)VALUES(?,?,?)", e);
	if (rc != 0)
		return rc;
	*id = most + 1;
	sqlite3_bind_int64(w->add, 1, (int64_t)dim);
	sqlite3_bind_int64(w->add, 2, *id);
	int code = bind_word(w->add, 3, v);
	if (code == SQLITE_OK)
		code = sqlite3_step(w->add);
	if (code != SQLITE_DONE)
		rc = ledger_fault(l, code, "rollups", e);
	sqlite3_reset(w->add);
	return rc;
}

static int keep(struct rollup_words *w, size_t dim, slice key, uint32_t id, struct error *e)
{
	int rc = 0;
	if (w->map.n == WORDS_KEPT)
		rollup_words_forget(w);
	slice copy = arena_copy(&w->arena, key);
	if (copy.p == NULL || (rc = map_put(&w->map, copy, (void *)(uintptr_t)((uint64_t)id + 1), NULL)) != 0)
		return error_set(e, rc ? rc : ERR_NOMEM, "out of memory");
	w->last[dim].key = copy;
	w->last[dim].id = id;
	return 0;
}

int rollup_word(struct ledger *l, struct rollup_words *w, size_t dim, struct value v, bool make, uint32_t *id,
                struct error *e)
{
	char text[WORD_BYTES + 16];
	*id = v.kind == VALUE_NULL ? 0 : ROLLUP_OTHER;
	if (v.kind == VALUE_NULL || (v.kind == VALUE_TEXT && v.text.n > WORD_BYTES))
		return 0;
	slice key = key_of(dim, v, text);
	if (slice_eq(key, w->last[dim].key)) {
		*id = w->last[dim].id;
		return 0;
	}
	void *known = map_get(&w->map, key);
	if (known) {
		*id = (uint32_t)((uintptr_t)known - 1);
		return 0;
	}
	int rc = find_word(l, w, dim, v, id, e);
	if (rc == 0 && *id == 0 && make)
		rc = add_word(l, w, dim, v, id, e);
	if (rc == 0 && *id == 0)
		*id = ROLLUP_UNKNOWN_WORD;
	else if (rc == 0 && *id != ROLLUP_OTHER)
		rc = keep(w, dim, key, *id, e);
	return rc;
}

/* --- rows ------------------------------------------------------------------------------------ */

static const char *const plain[] = {"time_ms",      "duration_ms",       "tool_calls",   "context_tokens",
                                    "credits_nano", "list_cost_nanousd", "cost_nanousd", "retry_of",
                                    "corrects",     "attempt",           "source",       "ending",
                                    "hold_tokens",  "usage_source",      "billing"};

static void take(struct rollup_row *r, slice name)
{
	r->column[r->n++] = column_find(name);
}

void rollup_row_columns(struct rollup_row *r, uint64_t wanted)
{
	_Static_assert(ROLLUP_DIMS + 2 + 15 + METER_N + COST_N <= ROLLUP_ROW_COLUMNS, "all of them fit");
	memset(r, 0, sizeof *r);
	for (size_t i = 0; i < ROLLUP_DIMS; i++) {
		r->dim_at[i] = -1;
		if (!(wanted >> i & 1))
			continue;
		r->dim_at[i] = (signed char)r->n;
		if (i != ROLLUP_MODEL)
			take(r, slice_of(rollup_dim_name(i)));
		else
			take(r, SLICE("model_served")), take(r, SLICE("model_requested"));
	}
	r->extra = r->n;
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		take(r, slice_of(plain[i]));
	for (int i = 0; i < METER_N; i++)
		take(r, slice_of(meter_name((enum meter)i)));
	for (int i = 0; i < COST_N; i++) {
		char name[48] = "cost_";
		slice part = slice_of(cost_part_name((enum cost_part)i));
		memcpy(name + 5, part.p, part.n);
		take(r, slice_make(name, 5 + part.n));
	}
}

int rollup_row_names(const struct rollup_row *r, struct buf *sql)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < r->n; i++)
		rc = buf_printf(sql, "%s\"%s\"", i ? "," : "", r->column[i]->name);
	return rc;
}

struct value ledger_column_value(sqlite3_stmt *s, int at)
{
	switch (sqlite3_column_type(s, at)) {
	case SQLITE_INTEGER:
		return (struct value){VALUE_INT, SLICE_NONE, sqlite3_column_int64(s, at)};
	case SQLITE_TEXT:
		return (struct value){VALUE_TEXT, ledger_column_text(s, at), 0};
	default:
		return (struct value){VALUE_NULL, SLICE_NONE, 0};
	}
}

void rollup_row_record(const struct rollup_row *r, sqlite3_stmt *s, int at, struct record *out)
{
	record_init(out);
	for (size_t i = r->extra; i < r->n; i++)
		column_set(r->column[i], out, ledger_column_value(s, at + (int)i));
}

struct value rollup_row_dim(const struct rollup_row *r, sqlite3_stmt *s, int at, size_t dim)
{
	struct value v = ledger_column_value(s, at + r->dim_at[dim]);
	return dim == ROLLUP_MODEL && v.kind == VALUE_NULL ? ledger_column_value(s, at + r->dim_at[dim] + 1)
	                                                   : v;
}
