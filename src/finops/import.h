/* Transcripts: the sessions that agents leave in their folders, read into rows of the ledger. The other way
 * in, for agents that no gateway stands before. docs/imports.md tells what each source gives and what it
 * cannot.
 *
 * A source reads one file at a time and gives its calls as records, each with an id made of the call itself,
 * so that the same call gives the same id however often, and in however many copies of the file, it is read.
 */
#ifndef WEIR_FINOPS_IMPORT_H
#define WEIR_FINOPS_IMPORT_H

#include "base/arena.h"
#include "base/err.h"
#include "model/body.h"
#include "model/catalog.h"
#include "model/types.h"

struct tally;      /* finops/tally.h */
struct otlp_point; /* finops/otlp.h */

/* Where an item of a session's text stands. */
struct import_moment {
	slice session, subagent; /* subagent n 0: the session itself */
	int64_t time_ms;
	int64_t cost_nanousd; /* of the session's calls until then, as far as they have a price */
	bool compacted;       /* the context was made shorter; there is no item */
};

/* What stays the same over the files of one import. */
struct import_options {
	const struct catalog *catalog; /* not owned; NULL: calls stay without a price */
	struct attribution fixed; /* as the caller says (user, team, …), in place of what a file says */
	enum billing billing;
	/* The repository of a folder (`host/owner/name`), when it can be told; n 0 else. May be NULL. */
	slice (*repo_of)(void *arg, slice folder, struct arena *mem);
	/* A call, in the order of the file; texts live during the call only. Nonzero ends the reading and is
	 * returned. */
	int (*on_call)(void *arg, const struct record *r);
	/* What was said and done in a session, in order; NULL: not read. After the calls of the file. item is
	 * NULL for a moment that has none. Only some sources tell it (tells_items). */
	int (*on_item)(void *arg, const struct import_moment *m, const struct body_item *item);
	/* What a provider tells in sum. NULL: passed over. */
	int (*on_tally)(void *arg, const struct tally *t);
	/* A point of a metric of tokens. NULL: passed over. */
	int (*on_point)(void *arg, const struct record *r, const struct otlp_point *p);
	/* A record that cannot be taken: its line, from 1, and why. NULL: only counted. */
	void (*on_bad)(void *arg, size_t line, const char *why);
	void *arg;      /* of all of them */
	slice provider; /* whose export it is, where the file does not tell (invoices), or in place of that */
	slice account;  /* apart from others of the same provider; n 0: there is one */
	slice columns;  /* of an invoice: "amount=Total,date=Day": names of the file for those of ours */
};

/* One file. */
struct import_file {
	slice text;   /* the whole of it */
	slice path;   /* as it was found */
	bool growing; /* written to just now: its last call may not be complete and is left for the next time
	               */
	struct arena *mem; /* for the reading of this file */
};

struct import_counts {
	uint64_t calls;
	uint64_t unpriced;  /* of these, with a model that the price book does not know */
	uint64_t bad_lines; /* that are not the JSON they should be: passed over */
	uint64_t open;      /* calls left for the next time */
	uint64_t tallies;   /* sums that a provider tells */
	uint64_t others;    /* records that are no use of a model: passed over */
};

/* Where an agent keeps its files: a folder under one that a variable names, or under the home folder. */
struct import_place {
	const char *variable; /* "CLAUDE_CONFIG_DIR"; NULL: none */
	const char *home;     /* under $HOME, when the variable is not set; NULL: only by the variable */
	const char *below;    /* under either */
};

#define IMPORT_PLACES 4

struct import_source {
	const char *name;  /* of `weir import NAME`; the rows' source is import:NAME */
	const char *agent; /* the ledger's name of it */
	const char *title;
	const char *endings[IMPORT_PLACES]; /* of files that are read: ".jsonl" */
	struct import_place places[IMPORT_PLACES];
	/* 0; ERR_NOMEM; what on_call returned. What cannot be read is counted, never an error. */
	int (*read)(const struct import_options *o, const struct import_file *f, struct import_counts *n);
	bool tells_items;
	bool named_only; /* an export: it lies nowhere by itself, and is read only when it is named */
};

/* NULL past the end / when unknown. */
const struct import_source *import_source_at(size_t i);
const struct import_source *import_source_named(slice name);

extern const struct import_source import_claude_code, import_codex, import_gemini_cli, import_opencode,
    import_copilot_cli, import_anthropic_usage, import_openai_usage, import_cursor, import_copilot,
    import_invoice;

/* --- what the sources share ------------------------------------------------------------------------------
 */

/* The next line of *rest, without its end; false at the end. */
bool import_line(slice *rest, slice *line);

/* A record of a source's call: id from when and key (what makes the call itself), node of none, ending
 * complete, status unknown; attribution as the options fix it. */
void import_record(struct record *r, const struct import_source *s, const struct import_options *o,
                   int64_t time_ms, slice key);
/* Sets an attribute unless the options fix it. */
void import_attr(struct record *r, const struct import_options *o, enum attr a, slice value);
/* The folder that the agent worked in: repository, and the tag `cwd`. */
void import_folder(struct record *r, const struct import_options *o, slice folder, struct arena *mem);
/* Whose price book a model is in, told by its name: "claude-…" is Anthropic's, "gpt-…" and "o3" OpenAI's, …;
 * n 0 when it does not tell. */
slice import_vendor(slice model);
/* Prices the record's usage (provider and model_served set) as billed so, and what the answer's parts of
 * other models used on top. a may be NULL. */
void import_price(const struct import_options *o, struct record *r, const struct answer *a);
/* The same, and hands it to on_call and counts it. */
int import_give(const struct import_options *o, struct record *r, const struct answer *a,
                struct import_counts *n);

#endif
