/* Opening, rows in, and what every statement needs. The file is in WAL mode: one writer and any number of
 * readers at the same time. synchronous is FULL, so that a commit is on the disk when it returns: the journal
 * frees a row's slot then, and with NORMAL a power loss could take the row after its slot was gone. The
 * writer commits batches, so that this costs one flush for all the rows of a batch. */
#include "store/ledger_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/columns.h"
#include "store/record_json.h"

/* --- faults and statements ------------------------------------------------------------------- */

static int err_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_INTERRUPT:
		return ERR_BUSY;
	case SQLITE_NOMEM:
		return ERR_NOMEM;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
	case SQLITE_RANGE:
		return ERR_INVALID;
	default:
		return ERR_IO;
	}
}

int ledger_fault(struct ledger *l, int code, const char *what, struct error *e)
{
	const char *text = l->db && (sqlite3_extended_errcode(l->db) & 0xff) == (code & 0xff)
	                       ? sqlite3_errmsg(l->db)
	                       : sqlite3_errstr(code);
	static const struct {
		int code;
		const char *text;
	} hints[] = {
	    {SQLITE_FULL, " (make room on its disk)"},
	    {SQLITE_NOTADB, " (name another file as `store:` in the settings)"},
	    {SQLITE_CORRUPT,
	     " (it is damaged: `sqlite3 FILE .recover` saves what is whole, then move it away)"},
	    {SQLITE_CANTOPEN, " (this user must be able to read and write the file and its folder)"},
	    {SQLITE_READONLY, " (this user must be able to write the file and its folder)"},
	    {SQLITE_BUSY, " (another program holds it; try again)"},
	};
	const char *hint = "";
	for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++)
		if ((code & 0xff) == hints[i].code)
			hint = hints[i].text;
	return error_set(e, err_of(code), "%s: %s: %s%s", l->path, what, text, hint);
}

int ledger_exec(struct ledger *l, const char *sql, struct error *e)
{
	int code = sqlite3_exec(l->db, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : ledger_fault(l, code, "ledger", e);
}

int ledger_prepare(struct ledger *l, slice sql, sqlite3_stmt **out, struct error *e)
{
	int code = sqlite3_prepare_v2(l->db, sql.p, (int)sql.n, out, NULL);
	return code == SQLITE_OK ? 0 : ledger_fault(l, code, "ledger", e);
}

int ledger_number(struct ledger *l, const char *sql, int64_t *out, struct error *e)
{
	sqlite3_stmt *s = NULL;
	int rc = ledger_prepare(l, slice_of(sql), &s, e);
	*out = 0;
	if (rc == 0) {
		int code = sqlite3_step(s);
		if (code == SQLITE_ROW)
			*out = sqlite3_column_int64(s, 0);
		else if (code != SQLITE_DONE)
			rc = ledger_fault(l, code, "ledger", e);
	}
	sqlite3_finalize(s);
	return rc;
}

/* Length of the well-formed UTF-8 sequence at p (Unicode 15, table 3-7); 0 when there is none, or it is NUL.
 */
static size_t utf8_len(const unsigned char *p, size_t n)
{
	if (p[0] < 0x80)
		return p[0] != 0;
	size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || n < len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	bool bad = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) ||
	           (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90);
	return bad ? 0 : len;
}

static size_t clean_prefix(slice s)
{
	size_t at = 0, len;
	while (at < s.n && (len = utf8_len((const unsigned char *)s.p + at, s.n - at)) > 0)
		at += len;
	return at;
}

int ledger_bind_text(sqlite3_stmt *s, int at, slice text)
{
	if (text.n == 0)
		return sqlite3_bind_null(s, at);
	size_t good = clean_prefix(text), n = 0;
	if (good == text.n)
		return sqlite3_bind_text(s, at, text.p, (int)text.n, SQLITE_STATIC);
	char *clean = malloc(text.n * 3);
	if (clean == NULL)
		return SQLITE_NOMEM;
	while (text.n) {
		good = clean_prefix(text);
		memcpy(clean + n, text.p, good);
		n += good;
		text = slice_sub(text, good, text.n);
		if (text.n) {
			memcpy(clean + n, "\xef\xbf\xbd", 3);
			n += 3;
			text = slice_sub(text, 1, text.n);
		}
	}
	return sqlite3_bind_text(s, at, clean, (int)n, free);
}

slice ledger_column_text(sqlite3_stmt *s, int at)
{
	const unsigned char *p = sqlite3_column_text(s, at);
	return p ? slice_make(p, (size_t)sqlite3_column_bytes(s, at)) : SLICE_NONE;
}

/* --- opening --------------------------------------------------------------------------------- */

static void sqlite_close(struct ledger *l)
{
	if (l == NULL)
		return;
	sqlite3_finalize(l->insert);
	sqlite3_finalize(l->budget_add);
	sqlite3_finalize(l->session_put);
	sqlite3_finalize(l->by_key);
	sqlite3_finalize(l->by_usage);
	sqlite3_finalize(l->import_seen);
	sqlite3_finalize(l->insert_part);
	sqlite3_finalize(l->series);
	sqlite3_finalize(l->series_put);
	sqlite3_finalize(l->tally_put);
	sqlite3_finalize(l->tally_forget);
	ledger_sqlite_rollup_free(l);
	sqlite3_close(l->db);
	free(l->path);
	free(l);
}

/* Why a file cannot be had, and what to do about it. */
static int place_error(const char *path, int why, struct error *e)
{
	const char *mend = why == ENOENT ? "make its folder, or name another place by `store:`"
	                   : why == ENOSPC
	                       ? "make room on that disk, or name another place by `store:`"
	                       : "run weir as a user who may write there, or name another place by "
	                         "`store:`";
	return error_set(e, ERR_IO, "%s: the ledger cannot be opened: %s: %s", path, strerror(why), mend);
}

/* SQLite would create the file for all to read; it holds names and the hashes of keys. A file that is there
 * already is not touched: closing any descriptor of it would take away the locks that this process's other
 * connections hold (POSIX), and with them the write-ahead log under their feet. */
static int create_private(const char *path, struct error *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return 0;
	if (fd < 0)
		return place_error(path, errno, e);
	close(fd);
	return 0;
}

static int open_file(struct ledger *l, struct error *e)
{
	struct stat st;
	int flags = l->writable ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
	int code = sqlite3_open_v2(l->path, &l->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
	if (code != SQLITE_OK && access(l->path, l->writable ? R_OK | W_OK : R_OK) != 0)
		return place_error(l->path, errno, e);
	if (code != SQLITE_OK)
		return ledger_fault(l, code, "the ledger cannot be opened", e);
	if (stat(l->path, &st) != 0)
		return error_errno(e, ERR_IO, errno, "%s: the ledger cannot be opened", l->path);
	l->device = st.st_dev;
	l->inode = st.st_ino;
	sqlite3_extended_result_codes(l->db, 1);
	sqlite3_busy_timeout(l->db, LEDGER_BUSY_MS);
	if (!l->writable)
		return ledger_exec(l, "PRAGMA query_only=1", e);
	return ledger_exec(l, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-1024", e);
}

static int open_mode(const char *path, bool writable, struct ledger **out, struct error *e)
{
	struct ledger *l = calloc(1, sizeof *l);
	if (l == NULL || (l->path = strdup(path)) == NULL) {
		free(l);
		return error_set(e, ERR_NOMEM, "out of memory");
	}
	l->writable = writable;
	int rc = writable ? create_private(path, e) : 0;
	if (rc == 0)
		rc = open_file(l, e);
	if (rc == 0)
		rc = writable ? ledger_schema_write(l, e) : ledger_schema_check(l, e);
	if (rc == 0)
		*out = l;
	else
		sqlite_close(l);
	return rc;
}

static int sqlite_open(const char *path, bool writable, struct ledger **out, struct error *e)
{
	*out = NULL;
	if (path[0] == '\0')
		return error_set(e, ERR_INVALID, "`store:` names no file: write sqlite:PATH");
	if (writable)
		return open_mode(path, true, out, e);
	struct stat st;
	int seen = stat(path, &st);
	if (seen != 0 && errno == ENOENT)
		return error_set(e, ERR_NOT_FOUND, "%s: no ledger is there yet", path);
	if (seen == 0 && S_ISDIR(st.st_mode))
		return error_set(e, ERR_IO, "%s is a folder: `store:` names a file, like sqlite:%s/weir.db",
		                 path, path);
	int rc = open_mode(path, false, out, e);
	if (rc != SCHEMA_OLDER)
		return rc;
	struct ledger *once; /* an older schema: mended by a connection that may write */
	rc = open_mode(path, true, &once, e);
	if (rc != 0)
		return rc;
	sqlite_close(once);
	return open_mode(path, false, out, e);
}

/* --- rows ------------------------------------------------------------------------------------ */

/* A file that was deleted or moved away would take rows and lose them. */
static int check_place(struct ledger *l, struct error *e)
{
	struct stat st;
	if (stat(l->path, &st) == 0 && st.st_dev == l->device && st.st_ino == l->inode)
		return 0;
	return error_set(e, ERR_IO, "%s: the ledger was moved or deleted while in use", l->path);
}

int ledger_sqlite_begin(struct ledger *l, struct error *e)
{
	int rc = check_place(l, e);
	return rc ? rc : ledger_exec(l, "BEGIN IMMEDIATE", e);
}

static int sqlite_view_begin(struct ledger *l, struct error *e)
{
	return ledger_exec(l, "BEGIN", e);
}

static void sqlite_view_end(struct ledger *l)
{
	if (!sqlite3_get_autocommit(l->db))
		sqlite3_exec(l->db, "COMMIT", NULL, NULL, NULL); /* of a reader: nothing can be lost */
}

int ledger_sqlite_commit(struct ledger *l, struct error *e)
{
	int rc = ledger_sqlite_rollup_commit(l, e);
	return rc ? rc : ledger_exec(l, "COMMIT", e);
}

void ledger_sqlite_rollback(struct ledger *l)
{
	ledger_sqlite_rollup_rolled_back(l);
	/* SQLite has rolled back by itself after some faults; a second time would be an error of its own. */
	if (!sqlite3_get_autocommit(l->db))
		sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
}

static int prepare_insert(struct ledger *l, struct error *e)
{
	struct buf sql;
	buf_init(&sql, 1 << 14);
	int rc = buf_append(&sql, SLICE("INSERT INTO calls("));
	for (size_t i = 0; rc == 0 && i < columns_n(); i++)
		rc = buf_printf(&sql, "%s\"%s\"", i ? "," : "", column_at(i)->name);
	if (rc == 0)
		rc = buf_append(&sql, SLICE(")VALUES("));
	for (size_t i = 0; rc == 0 && i < columns_n(); i++)
		rc = buf_append(&sql, i ? SLICE(",?") : SLICE("?"));
	/* Not OR IGNORE: that would also swallow a row that breaks another rule. */
	if (rc == 0)
		rc = buf_append(&sql, SLICE(")ON CONFLICT(id)DO NOTHING"));
	if (rc == 0)
		rc = ledger_prepare(l, buf_slice(&sql), &l->insert, e);
	buf_release(&sql);
	return rc;
}

static int sqlite_add(struct ledger *l, const struct record *r, struct error *e)
{
	int rc = l->insert ? 0 : prepare_insert(l, e);
	if (rc != 0)
		return rc;
	int code = SQLITE_OK;
	for (size_t i = 0; code == SQLITE_OK && i < columns_n(); i++) {
		struct value v = column_get(column_at(i), r);
		if (v.kind == VALUE_INT)
			code = sqlite3_bind_int64(l->insert, (int)i + 1, v.number);
		else
			code = ledger_bind_text(l->insert, (int)i + 1, v.text);
	}
	if (code == SQLITE_OK)
		code = sqlite3_step(l->insert);
	if (code != SQLITE_DONE)
		rc = ledger_fault(l, code, "insert", e);
	sqlite3_reset(l->insert);
	l->added = rc == 0 && sqlite3_changes(l->db) > 0;
	if (r->parts_n && l->added) /* else the row was there, with its parts */
		rc = ledger_sqlite_parts_add(l, r, e);
	if (rc == 0 && l->added)
		rc = ledger_sqlite_rollup_added(l, e);
	return rc;
}

static int sqlite_reject(struct ledger *l, const struct record *r, const char *why, int64_t at_ms,
                         struct error *e)
{
	sqlite3_stmt *s = NULL;
	struct buf row;
	buf_init(&row, 1 << 16);
	int rc = record_json(&row, r);
	if (rc != 0)
		error_set(e, rc, "a rejected row cannot be written down");
	else
		rc = ledger_prepare(l, SLICE("INSERT INTO rejected(time_ms,why,row)VALUES(?,?,?)"), &s, e);
	if (rc == 0) {
		int code = sqlite3_bind_int64(s, 1, at_ms);
		if (code == SQLITE_OK)
			code = ledger_bind_text(s, 2, slice_of(why));
		if (code == SQLITE_OK)
			code = ledger_bind_text(s, 3, buf_slice(&row));
		if (code == SQLITE_OK)
			code = sqlite3_step(s);
		rc = code == SQLITE_DONE ? 0 : ledger_fault(l, code, "insert", e);
	}
	sqlite3_finalize(s);
	buf_release(&row);
	return rc;
}

/* --- the operations -------------------------------------------------------------------------- */

static bool sqlite_added(const struct ledger *l)
{
	return l->added;
}

const struct ledger_ops ledger_sqlite_ops = {
    .name = "sqlite",
    .open = sqlite_open,
    .close = sqlite_close,
    .begin = ledger_sqlite_begin,
    .add = sqlite_add,
    .commit = ledger_sqlite_commit,
    .rollback = ledger_sqlite_rollback,
    .view_begin = sqlite_view_begin,
    .view_end = sqlite_view_end,
    .reject = sqlite_reject,
    .report = ledger_sqlite_report,
    .rows = ledger_sqlite_rows,
    .key_add = ledger_sqlite_key_add,
    .key_revoke = ledger_sqlite_key_revoke,
    .keys = ledger_sqlite_keys,
    .batch_put = ledger_sqlite_batch_put,
    .batches = ledger_sqlite_batches,
    .keys_version = ledger_sqlite_keys_version,
    .act_as = ledger_sqlite_act_as,
    .record = ledger_sqlite_audit,
    .changes = ledger_sqlite_changes,
    .override_add = ledger_sqlite_override_add,
    .override_decide = ledger_sqlite_override_decide,
    .overrides = ledger_sqlite_overrides,
    .rule_put = ledger_sqlite_rule_put,
    .rule_delete = ledger_sqlite_rule_delete,
    .rules = ledger_sqlite_rules,
    .version = ledger_sqlite_version,
    .import_seen = ledger_sqlite_import_seen,
    .import_note = ledger_sqlite_import_note,
    .same_call = ledger_sqlite_same_call,
    .same_sweep = ledger_sqlite_same_sweep,
    .freeze_put = ledger_sqlite_freeze_put,
    .freeze_drop = ledger_sqlite_freeze_drop,
    .freezes = ledger_sqlite_freezes,
    .freezes_version = ledger_sqlite_freezes_version,
    .added = sqlite_added,
    .budget_add = ledger_sqlite_budget_add,
    .budget_keep = ledger_sqlite_budget_keep,
    .budget_drop = ledger_sqlite_budget_drop,
    .budget_trim = ledger_sqlite_budget_trim,
    .budget_shapes = ledger_sqlite_budget_shapes,
    .budget_sums = ledger_sqlite_budget_sums,
    .session_put = ledger_sqlite_session_put,
    .session_act = ledger_sqlite_session_act,
    .sessions = ledger_sqlite_sessions,
    .session = ledger_sqlite_session,
    .sessions_version = ledger_sqlite_sessions_version,
    .alerts = &ledger_sqlite_alert_ops,
    .tidy = ledger_sqlite_tidy,
    .tally_put = ledger_sqlite_tally_put,
    .tallies = ledger_sqlite_tallies,
    .tally_unbook = ledger_sqlite_tally_unbook,
    .tally = ledger_sqlite_tally,
    .series = ledger_sqlite_series,
    .series_put = ledger_sqlite_series_put,
    .series_trim = ledger_sqlite_series_trim,
    .cells = ledger_sqlite_cells,
    .trim = ledger_sqlite_trim,
};
