/* Reading agents' transcripts into a ledger: what `weir import` does, and `weir report` where there is
 * nothing else to report of. */
#ifndef WEIR_CLI_IMPORT_H
#define WEIR_CLI_IMPORT_H

#include "cli/cli.h"
#include "finops/import.h"
#include "finops/tally.h"
#include "store/ledger.h"

struct import_totals {
	struct import_counts counts;
	uint64_t files, unchanged; /* read; passed over, as they were when read before */
	uint64_t unreadable;
	uint64_t known; /* calls that the ledger had already, from whatever source */
	uint64_t added;
	int64_t cost_nanousd;
	struct tally_counts tallies;
};

struct import_run {
	struct cli *c;
	const struct ledger_ops *ops;
	struct ledger *ledger; /* not owned; writable. NULL: files are read, and nothing is kept */
	struct import_options options;
	const struct settings *settings; /* not owned; may be NULL */
	struct import_tallies *tallies;  /* owned; NULL while no export told anything in sum */
	const char *path;                /* being read */
	unsigned bad_told;               /* lines that cannot be read and were told of, in this file */
	bool progress;                   /* to c->err, a line that is written over */
	bool all;                        /* files too that are as they were when read before */
	void (*file_end)(void *run);     /* after each file that was read; may be NULL */
	void *more;                      /* the caller's own */
	bool open_too; /* calls that may not be complete yet, too: for a ledger that is not kept */
	int64_t now_ms;
	struct import_totals totals;
	unsigned uncommitted;                       /* files */
	char folder[4096], repo[ATTR_TEXT_MAX + 1]; /* of the last call */
};

/* Sets the run up; options.catalog, billing and fixed are the caller's to set. */
void import_run_init(struct import_run *r, struct cli *c, const struct ledger_ops *ops, struct ledger *l);
/* Every file of a source below path (a folder, or one file). *found (may be NULL) counts the files of its
 * kind. EXIT_DONE, EXIT_FAILED after a message. */
int import_run_path(struct import_run *r, const struct import_source *s, const char *path, uint64_t *found);
/* What is read from a descriptor, as if it stood in a file: for "-". */
int import_run_stream(struct import_run *r, const struct import_source *s, int fd);
/* What was told in sum goes into the ledger, and the rows that are made of it are brought up. To be called
 * when all was read. */
int import_tallies_end(struct import_run *r);
void import_tallies_free(struct import_run *r);
/* Inside of cli/import*.c: one more tally; the next file begins. */
int import_take_tally(void *run, const struct tally *told);
void import_tallies_next_file(struct import_run *r);
/* The same below the folders where the agent keeps its files for this user. */
int import_run_places(struct import_run *r, const struct import_source *s, uint64_t *found);

/* What the transcripts of this user say, in a ledger that is gone when it is closed: for a report where no
 * ledger is. *agents (of cap bytes) gets whose they are, "Claude Code and Codex"; l is left as it is when
 * there is none. EXIT_DONE, EXIT_FAILED after a message. */
int import_scratch(struct cli *c, const struct ledger_ops *ops, const struct catalog *prices,
                   struct ledger **out, char *agents, size_t cap);

/* weir import --loops: what the storm detector finds in the transcripts; nothing is kept. paths_n 0: where
 * the agents keep them; source NULL: all that tell what was done. */
int import_loops(struct cli *c, const struct import_source *source, const char *const *paths, size_t paths_n,
                 const struct catalog *prices);

/* opencode.db: its messages through the source, as if each stood in a file. */
int import_run_opencode_db(struct import_run *r, const struct import_source *s, const char *path,
                           struct error *e);

#endif
