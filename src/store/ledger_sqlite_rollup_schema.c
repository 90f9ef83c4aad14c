/* The tables of rollups, and what notes that rows were changed. */
#include "store/ledger_sqlite_rollup.h"

int ledger_sqlite_rollup_create(struct ledger *l, struct error *e)
{
	return ledger_exec(
	    l,
	    "CREATE TABLE rollup_mark(one INTEGER PRIMARY KEY CHECK(one=1),row INTEGER NOT NULL,id TEXT,"
	    "broken INTEGER NOT NULL,trimming INTEGER NOT NULL)STRICT;"
	    "INSERT INTO rollup_mark VALUES(1,0,NULL,0,0);"
	    "CREATE TABLE rollup_words(dim INTEGER NOT NULL,id INTEGER NOT NULL,value ANY,"
	    "PRIMARY KEY(dim,id))STRICT,WITHOUT ROWID;"
	    "CREATE UNIQUE INDEX rollup_words_value ON rollup_words(dim,value);"
	    "CREATE TABLE rollup_segments(id INTEGER PRIMARY KEY AUTOINCREMENT,day INTEGER NOT NULL,"
	    "level INTEGER NOT NULL,lines INTEGER NOT NULL,cells INTEGER NOT NULL,rows INTEGER NOT NULL,"
	    "head BLOB NOT NULL)STRICT;"
	    "CREATE INDEX rollup_segments_day ON rollup_segments(day,level);"
	    "CREATE TABLE rollup_columns(id INTEGER PRIMARY KEY,data BLOB NOT NULL)STRICT;"
	    "CREATE TRIGGER calls_changed AFTER UPDATE ON calls BEGIN UPDATE rollup_mark SET broken=1;END;"
	    "CREATE TRIGGER calls_gone AFTER DELETE ON calls WHEN(SELECT trimming FROM rollup_mark)=0 "
	    "BEGIN UPDATE rollup_mark SET broken=1;END;",
	    e);
}

#define DAY_OF(time) "(" time "/86400000-(" time "%86400000<0))"
#define DIRTY_OF(id)                                                                                         \
	"INSERT OR IGNORE INTO rollup_dirty SELECT " DAY_OF("time_ms") " FROM calls WHERE id=" id ";"

/* Rows that are in rollups were changed or deleted: their days are summed again, and those of rows that they
 * corrected. The mark stays at a row that is there, so that no new row gets a number before it. */
int ledger_sqlite_rollup_watch(struct ledger *l, struct error *e)
{
	return ledger_exec(l,
	                   "DROP TRIGGER calls_changed;DROP TRIGGER calls_gone;"
	                   "CREATE TABLE rollup_dirty(day INTEGER PRIMARY KEY)STRICT;"
	                   "CREATE TRIGGER calls_changed AFTER UPDATE ON calls WHEN OLD.rowid<=(SELECT row "
	                   "FROM rollup_mark)"
	                   "BEGIN INSERT OR IGNORE INTO rollup_dirty VALUES(" DAY_OF(
	                       "OLD.time_ms") "),(" DAY_OF("NEW.time_ms") ");" DIRTY_OF("OLD.corrects")
	                       DIRTY_OF("NEW.corrects") "UPDATE rollup_mark SET id=NEW.id WHERE "
	                                                "row=OLD.rowid;"
	                                                "UPDATE rollup_mark SET broken=1 WHERE "
	                                                "OLD.rowid<>NEW.rowid OR OLD.id<>NEW.id;END;"
	                                                "CREATE TRIGGER calls_gone AFTER DELETE ON calls "
	                                                "WHEN OLD.rowid<=(SELECT row FROM rollup_mark)"
	                                                "BEGIN INSERT OR IGNORE INTO rollup_dirty "
	                                                "VALUES(" DAY_OF("OLD.time_ms") ");" DIRTY_OF(
	                                                    "OLD.corrects") "UPDATE rollup_mark SET "
	                                                                    "row=coalesce((SELECT "
	                                                                    "max(rowid)FROM calls WHERE "
	                                                                    "rowid<OLD.rowid),0),"
	                                                                    "id=(SELECT id FROM calls WHERE "
	                                                                    "rowid<OLD.rowid ORDER BY rowid "
	                                                                    "DESC LIMIT 1)"
	                                                                    "WHERE row=OLD.rowid;END;",
	                   e);
}

/* Rows of before kept_ms are no more: rollups alone tell of them. */
int ledger_sqlite_rollup_keep(struct ledger *l, struct error *e)
{
	return ledger_exec(l, "ALTER TABLE rollup_mark ADD COLUMN kept_ms INTEGER NOT NULL DEFAULT 0", e);
}
