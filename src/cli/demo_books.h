/* The demo's two books: what the simulated provider counted, and what Weir's ledger has. */
#ifndef WEIR_CLI_DEMO_BOOKS_H
#define WEIR_CLI_DEMO_BOOKS_H

#include "cli/cli.h"
#include "store/ledger.h"

struct demo_book {
	int64_t calls;           /* that reached the provider */
	int64_t whole;           /* of these, answered to the end */
	int64_t tokens[METER_N]; /* of the whole ones: the meters of demo_meters */
};

/* The meters that both keep, up to and with METER_REASONING. */
#define DEMO_METERS ((int)METER_REASONING + 1)

/* Out of the text of GET /sim/calls, a JSON object a line; ERR_INVALID when it is none, ERR_BUSY when a call
 * has not ended yet. */
int demo_book_provider(slice lines, struct demo_book *out, struct error *e) WARN_UNUSED;
/* The same by HTTP. */
int demo_book_ask(const char *url, struct demo_book *out, struct error *e) WARN_UNUSED;
/* Out of the ledger, from since_ms on. */
int demo_book_ledger(const struct ledger_ops *ops, struct ledger *l, int64_t since_ms, struct demo_book *out,
                     struct error *e) WARN_UNUSED;
/* Rows of the ledger whose column is of value (the grammar of struct ledger_filter), refused ones too. */
int64_t demo_count(const struct ledger_ops *ops, struct ledger *l, int64_t since_ms, const char *column,
                   const char *value);
bool demo_books_agree(const struct demo_book *a, const struct demo_book *b);

/* A book as a member of an object. */
void demo_book_json(struct jsonw *w, slice name, const struct demo_book *b);
/* The comparison in one line, for people. */
void demo_books_print(FILE *out, const struct demo_book *provider, const struct demo_book *ledger);

#endif
