/* opencode's newer store: opencode.db, a SQLite file whose table `message` has the id and the session as
 * columns and the rest as JSON. Read only, while opencode may be writing. */
#include <sqlite3.h>

#include "cli/import.h"

#define MESSAGE_MAX ((size_t)1 << 20)

static slice column(sqlite3_stmt *s, int at)
{
	const unsigned char *p = sqlite3_column_text(s, at);
	return p ? slice_make(p, (size_t)sqlite3_column_bytes(s, at)) : SLICE_NONE;
}

/* {"id":…,"sessionID":…, and the members of data. */
static int make_message(sqlite3_stmt *s, struct buf *out)
{
	slice data = slice_trim(column(s, 2));
	buf_clear(out);
	if (data.n < 2 || data.p[0] != '{')
		return ERR_INVALID;
	struct jsonw id, session;
	int rc = buf_append(out, SLICE("{\"id\":"));
	jsonw_init(&id, out);
	jsonw_string(&id, column(s, 0));
	if (rc == 0)
		rc = jsonw_end(&id);
	if (rc == 0)
		rc = buf_append(out, SLICE(",\"sessionID\":"));
	jsonw_init(&session, out);
	jsonw_string(&session, column(s, 1));
	if (rc == 0)
		rc = jsonw_end(&session);
	slice rest = slice_trim(slice_sub(data, 1, data.n));
	if (rc == 0 && rest.p[0] != '}')
		rc = buf_append(out, SLICE(","));
	return rc ? rc : buf_append(out, rest);
}

static int read_rows(struct import_run *r, const struct import_source *s, sqlite3_stmt *rows)
{
	struct buf text;
	struct arena mem;
	int rc = 0;
	buf_init(&text, MESSAGE_MAX);
	arena_init(&mem, MESSAGE_MAX * 8);
	while (rc == 0 && sqlite3_step(rows) == SQLITE_ROW) {
		if (make_message(rows, &text)) {
			r->totals.counts.bad_lines++;
			continue;
		}
		/* A message without its end may still be written. */
		struct import_file f = {.text = buf_slice(&text), .growing = !r->open_too, .mem = &mem};
		rc = s->read(&r->options, &f, &r->totals.counts);
		arena_reset(&mem);
	}
	buf_release(&text);
	arena_release(&mem);
	return rc;
}

int import_run_opencode_db(struct import_run *r, const struct import_source *s, const char *path,
                           struct error *e)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *rows = NULL;
	int rc = 0;
	int code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL);
	if (code == SQLITE_OK) {
		sqlite3_busy_timeout(db, 1000);
		code = sqlite3_prepare_v2(db, "SELECT id,session_id,data FROM message ORDER BY id", -1, &rows,
		                          NULL);
	}
	if (code != SQLITE_OK)
		rc = error_set(e, ERR_INVALID, "%s: not a store of opencode that this weir can read: %s",
		               path, db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
	else
		rc = read_rows(r, s, rows);
	sqlite3_finalize(rows);
	sqlite3_close(db);
	return rc;
}
