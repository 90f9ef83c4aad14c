/* What the parts of `weir price` share. */
#ifndef WEIR_CLI_PRICE_H
#define WEIR_CLI_PRICE_H

#include "base/money.h"
#include "cli/cli.h"
#include "model/catalog.h"

#define PRICE_JSON_MAX  (64u << 20)
#define PRICE_FILES_MAX 64

struct price_query {
	struct cli *c;
	struct settings *settings;  /* owned by the command */
	slice vendor;               /* n 0: those of the settings' providers; "all": every one */
	slice pattern;              /* a model's name or part of it; n 0: any */
	int64_t at_ms;              /* the time that prices are asked for */
	int64_t older_ms, since_ms; /* of check: how old the book may be; how far back the ledger is read */
	bool dated;                 /* --at was given */
	bool since_given, apply;    /* of reprice; apply of import too */
	bool replace;               /* of import: rows written by hand too */
	const char *out;            /* of import: the price file; NULL: that of the settings */
	const char *files[PRICE_FILES_MAX]; /* of import; of check what it is held against; not owned */
	size_t files_n;
};

int price_list(struct price_query *q);
int price_show(struct price_query *q);
int price_check(struct price_query *q);
int price_reprice(struct price_query *q);
int price_import(struct price_query *q);

/* A book of others. */
struct price_book {
	struct catalog *catalog; /* owned */
	const char *format;
	size_t left_out;
	char file[256]; /* its name without folders */
};

/* Calls on_book with each book of q->files: a folder stands for its *.json files in order of name, of which
 * those that are no price books are passed over. An exit status: EXIT_DONE, EXIT_FAILED after a message, or
 * what on_book returned to end the walk. */
typedef int price_book_fn(void *arg, const struct price_book *b);
int price_books(const struct price_query *q, price_book_fn *on_book, void *arg);

/* Whether a row is asked for: its time, its vendor, its model's name. */
bool price_listed(const struct price_query *q, const struct price *p);

/* USD for a million units, "3.00"; "-" when absent. */
void price_text(int64_t nano, char out[MONEY_TEXT_MAX]);
/* "2026-03-13"; "" for an open end. */
void price_date(int64_t ms, char out[16]);
/* A row as a JSON object. */
void price_json(struct jsonw *w, const struct price *p);
/* Whether a provider of the settings is billed by this vendor's prices. */
bool price_vendor_used(const struct settings *s, slice vendor);

#endif
