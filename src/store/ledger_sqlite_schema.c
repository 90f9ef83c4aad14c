/* The schema and its migrations. PRAGMA user_version is the schema's number: a step for each, run in one
 * transaction, and none ever drops a row. The table of calls is made from store/columns.h; a column that a
 * later version of weir adds to that table is added to the file when it is opened, and holds null in the rows
 * that are older. */
#include <stdio.h>

#include "store/columns.h"
#include "store/ledger_sqlite.h"

static const char *const other_tables =
    "CREATE INDEX calls_time ON calls(time_ms);"
    "CREATE TABLE rejected(seq INTEGER PRIMARY KEY,time_ms INTEGER NOT NULL,why TEXT,row TEXT)STRICT;"
    "CREATE TABLE keys(id TEXT NOT NULL PRIMARY KEY,hash BLOB NOT NULL UNIQUE,user TEXT,team TEXT,attributes "
    "TEXT,"
    "role TEXT NOT NULL,created_ms INTEGER NOT NULL,expires_ms INTEGER,revoked_ms INTEGER)STRICT;"
    "CREATE TABLE audit(seq INTEGER PRIMARY KEY,time_ms INTEGER NOT NULL,actor TEXT,action TEXT NOT "
    "NULL,subject TEXT,"
    "detail TEXT)STRICT;"
    "CREATE TABLE counters(name TEXT NOT NULL PRIMARY KEY,value INTEGER NOT NULL)STRICT;"
    "INSERT INTO counters VALUES('keys',1);";

static const char *const column_indexes =
    "CREATE INDEX IF NOT EXISTS calls_corrects ON calls(corrects)WHERE corrects IS NOT NULL;"
    "CREATE INDEX IF NOT EXISTS calls_batch ON calls(batch)WHERE batch IS NOT NULL;";
/* What people decide, and a record of it that only grows. */
static const char *const admin_tables =
    "ALTER TABLE audit ADD COLUMN before TEXT;"
    "ALTER TABLE audit ADD COLUMN after TEXT;"
    "ALTER TABLE audit ADD COLUMN reason TEXT;"
    "CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT,'audit only grows');END;"
    "CREATE TRIGGER audit_remains BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT,'audit only grows');END;"
    "CREATE TABLE overrides(id TEXT NOT NULL PRIMARY KEY,budget TEXT NOT NULL,scope TEXT,amount INTEGER NOT "
    "NULL,from_ms INTEGER NOT NULL,until_ms INTEGER NOT NULL,state TEXT NOT NULL,requested_by "
    "TEXT,requested_ms "
    "INTEGER NOT NULL,decided_by TEXT,decided_ms INTEGER,reason TEXT)STRICT;"
    "CREATE INDEX overrides_until ON overrides(until_ms);"
    "CREATE TABLE rules(kind TEXT NOT NULL,name TEXT NOT NULL,body TEXT NOT NULL,by TEXT,time_ms INTEGER NOT "
    "NULL,PRIMARY KEY(kind,name))STRICT;"
    "INSERT INTO counters VALUES('overrides',1),('rules',1);";

static const char *column_type(const struct column *c)
{
	if (c->kind == COLUMN_ID)
		return "TEXT NOT NULL PRIMARY KEY";
	if (c->kind == COLUMN_TIME)
		return "INTEGER NOT NULL";
	return column_is_text(c) ? "TEXT" : "INTEGER";
}

static int create_tables(struct ledger *l, struct error *e)
{
	struct buf sql;
	buf_init(&sql, 1 << 14);
	int rc = buf_append(&sql, SLICE("CREATE TABLE calls("));
	for (size_t i = 0; rc == 0 && i < columns_n(); i++)
		rc = buf_printf(&sql, "%s\"%s\" %s", i ? "," : "", column_at(i)->name,
		                column_type(column_at(i)));
	if (rc == 0)
		rc = buf_printf(&sql, ")STRICT;%s", other_tables);
	if (rc == 0)
		rc = buf_append(&sql, (slice){"", 1}); /* NUL */
	if (rc != 0)
		error_set(e, rc, "out of memory");
	else
		rc = ledger_exec(l, buf_slice(&sql).p, e);
	buf_release(&sql);
	return rc;
}

static int64_t missing_columns(struct ledger *l, struct error *e,
                               int (*on_missing)(struct ledger *, const struct column *, struct error *))
{
	int64_t missing = 0;
	int rc = 0;
	/* Not by pragma_table_info, which takes a millisecond for them all, at each opening. */
	for (size_t i = 0; rc == 0 && i < columns_n(); i++) {
		int code = sqlite3_table_column_metadata(l->db, "main", "calls", column_at(i)->name, NULL,
		                                         NULL, NULL, NULL, NULL);
		if (code == SQLITE_ERROR) {
			missing++;
			rc = on_missing ? on_missing(l, column_at(i), e) : 0;
		} else if (code != SQLITE_OK)
			rc = ledger_fault(l, code, "ledger", e);
	}
	return rc < 0 ? rc : missing;
}

static int add_column(struct ledger *l, const struct column *c, struct error *e)
{
	struct buf sql;
	buf_init(&sql, 1 << 10);
	int rc = buf_printf(&sql, "ALTER TABLE calls ADD COLUMN \"%s\" %s%c", c->name, column_type(c), 0);
	rc = rc ? error_set(e, rc, "out of memory") : ledger_exec(l, buf_slice(&sql).p, e);
	buf_release(&sql);
	return rc;
}

static int add_imports(struct ledger *l, struct error *e)
{
	int64_t missing = missing_columns(l, e, add_column);
	return missing < 0
	           ? (int)missing
	           : ledger_exec(l,
	                         "CREATE INDEX calls_key ON calls(call_key)WHERE call_key IS NOT NULL;"
	                         "CREATE TABLE imports(path TEXT NOT NULL PRIMARY KEY,size INTEGER NOT "
	                         "NULL,changed_ns INTEGER NOT NULL,time_ms INTEGER NOT NULL)STRICT;",
	                         e);
}

/* Message batches that are followed. */
static int add_batches(struct ledger *l, struct error *e)
{
	return ledger_exec(l,
	                   "CREATE TABLE batches(id TEXT NOT NULL PRIMARY KEY,provider TEXT NOT NULL,"
	                   "call TEXT NOT NULL,created_ms INTEGER NOT NULL,state TEXT NOT NULL,"
	                   "results TEXT,errors TEXT)STRICT;",
	                   e);
}

static int add_freezes(struct ledger *l, struct error *e)
{
	return ledger_exec(l,
	                   "CREATE TABLE freezes(scope TEXT NOT NULL,value TEXT NOT NULL,by TEXT,reason TEXT,"
	                   "time_ms INTEGER NOT NULL,PRIMARY KEY(scope,value))STRICT;",
	                   e);
}

static int add_admin(struct ledger *l, struct error *e)
{
	return ledger_exec(l, admin_tables, e);
}

static int add_budgets(struct ledger *l, struct error *e)
{
	return ledger_exec(
	    l,
	    "CREATE TABLE budget_sums(shape INTEGER NOT NULL,from_ms INTEGER NOT NULL,key BLOB "
	    "NOT NULL,amount INTEGER NOT NULL,PRIMARY KEY(shape,from_ms,key))STRICT,WITHOUT "
	    "ROWID;"
	    "CREATE TABLE budget_shapes(shape INTEGER NOT NULL PRIMARY KEY,time_ms INTEGER NOT "
	    "NULL)STRICT;",
	    e);
}

/* Rows that a rule decided, or would have: few among many. */
static int add_rule_indexes(struct ledger *l, struct error *e)
{
	return ledger_exec(l,
	                   "CREATE INDEX calls_rule ON calls(rule,time_ms)WHERE rule IS NOT NULL;"
	                   "CREATE INDEX calls_shadow ON calls(time_ms)WHERE shadow IS NOT NULL;",
	                   e);
}

/* Rows behind the mark are in no rollup yet: they may go. */
static int keep_rollups_of_rows(struct ledger *l, struct error *e)
{
	return ledger_exec(l,
	                   "DROP TRIGGER calls_gone;"
	                   "CREATE TRIGGER calls_gone AFTER DELETE ON calls WHEN(SELECT trimming=0 AND "
	                   "OLD.rowid<=row FROM rollup_mark)BEGIN UPDATE rollup_mark SET broken=1;END;",
	                   e);
}

/* steps[n] makes schema n + 1 of schema n. */
static int (*const steps[LEDGER_SCHEMA])(struct ledger *l, struct error *e) = {
    create_tables,
    add_imports,
    add_batches,
    ledger_sqlite_parts_create,
    add_freezes,
    add_admin,
    add_budgets,
    ledger_sqlite_sessions_create,
    add_rule_indexes,
    ledger_sqlite_alerts_create,
    ledger_sqlite_rollup_create,
    ledger_sqlite_tallies_create,
    ledger_sqlite_series_create,
    keep_rollups_of_rows,
    ledger_sqlite_rollup_watch,
    ledger_sqlite_rollup_keep,
    ledger_sqlite_tallies_index,
};

/* What the file is, in version: ERR_INVALID when it belongs to another program, ERR_UNSUPPORTED when to a
 * later weir. */
static int read_version(struct ledger *l, int64_t *version, struct error *e)
{
	int64_t application, tables;
	int rc = ledger_number(l, "PRAGMA user_version", version, e);
	if (rc == 0)
		rc = ledger_number(l, "PRAGMA application_id", &application, e);
	if (rc == 0)
		rc = ledger_number(l, "SELECT count(*) FROM sqlite_schema", &tables, e);
	if (rc != 0)
		return rc;
	if (application != LEDGER_APPLICATION_ID && (application || *version || tables))
		return error_set(e, ERR_INVALID,
		                 "%s: a SQLite file, but not a ledger of weir: name another file as `store:` "
		                 "in the settings",
		                 l->path);
	if (*version > LEDGER_SCHEMA)
		return error_set(e, ERR_UNSUPPORTED,
		                 "%s: written by a later weir (schema %lld, this one knows %d): upgrade this "
		                 "weir, or name "
		                 "another file as `store:` in the settings",
		                 l->path, (long long)*version, LEDGER_SCHEMA);
	return 0;
}

static int migrate(struct ledger *l, struct error *e)
{
	int64_t version;
	int rc = read_version(l, &version, e); /* again: another process may have been first */
	for (; rc == 0 && version < LEDGER_SCHEMA; version++)
		rc = steps[version](l, e);
	if (rc == 0 && missing_columns(l, e, add_column) < 0)
		rc = e && e->code ? e->code : ERR_IO;
	if (rc == 0) /* of columns that an older file has only now */
		rc = ledger_exec(l, column_indexes, e);
	if (rc == 0) {
		char sql[96];
		snprintf(sql, sizeof sql, "PRAGMA application_id=%d;PRAGMA user_version=%d",
		         LEDGER_APPLICATION_ID, LEDGER_SCHEMA);
		rc = ledger_exec(l, sql, e);
	}
	return rc;
}

int ledger_schema_write(struct ledger *l, struct error *e)
{
	int64_t version, missing = 0;
	int rc = read_version(l, &version, e);
	if (rc == 0 && version == LEDGER_SCHEMA)
		missing = missing_columns(l, e, NULL);
	if (rc != 0 || missing < 0)
		return rc ? rc : (int)missing;
	if (version == LEDGER_SCHEMA && missing == 0)
		return 0;
	rc = ledger_exec(l, "BEGIN IMMEDIATE", e);
	if (rc == 0)
		rc = migrate(l, e);
	if (rc == 0)
		rc = ledger_exec(l, "COMMIT", e);
	if (rc != 0)
		ledger_sqlite_rollback(l);
	return rc;
}

int ledger_schema_check(struct ledger *l, struct error *e)
{
	int64_t version, missing = 0;
	int rc = read_version(l, &version, e);
	if (rc == 0 && version == LEDGER_SCHEMA)
		missing = missing_columns(l, e, NULL);
	if (rc != 0 || missing < 0)
		return rc ? rc : (int)missing;
	return version < LEDGER_SCHEMA || missing ? SCHEMA_OLDER : 0;
}
