/* Price books that others publish, read as price books of ours, so that they can be compared with it and
 * taken over: models.dev (api.json), genai-prices (data.json), llm-prices, langfuse's
 * default-model-prices.json, LiteLLM's model_prices_and_context_window.json and its copies. docs/prices.md
 * tells what is read of each. */
#ifndef WEIR_FINOPS_PRICEBOOK_H
#define WEIR_FINOPS_PRICEBOOK_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/catalog.h"

#define PRICEBOOK_TEXT_MAX (64u << 20) /* bytes of a book */
#define PRICEBOOK_ROWS_MAX 65536

/* Rows that are being gathered, of any vendor and in any order. */
struct pricebook {
	struct price *rows; /* owned; texts and modifiers lie in mem, or live longer */
	size_t rows_n, rows_cap;
	struct arena mem;
	const char *format; /* whose book was read; static */
	size_t left_out;    /* entries of known vendors without a price that counts */
	bool full;          /* a cap was reached: the book is not whole */
};

void pricebook_init(struct pricebook *b);
void pricebook_release(struct pricebook *b);
/* A row without prices, open at both ends; good until the next is added. NULL when full. */
struct price *pricebook_add(struct pricebook *b, slice vendor, slice model);
/* One more modifier of the newest row, without a factor or prices; NULL when it has PRICE_MODS, or full. */
struct price_modifier *pricebook_modifier(struct pricebook *b);

/* Reads a book in one of the public formats. source: what its rows say of their source. ERR_INVALID: it is
 * none of them, or no JSON; ERR_FULL. */
int pricebook_read(struct pricebook *b, slice json, slice source, struct error *e) WARN_UNUSED;
/* The same as a catalog; our own format too, whose rows name their sources themselves. */
struct catalog *pricebook_catalog(slice json, slice source, const char **format, size_t *left_out,
                                  struct error *e);

/* Writes the rows as a price book in our format, a model a line, in order; of rows of one model and day the
 * first stands. names: the i-th other name of a row's model, n 0 behind the last; NULL: none. ERR_FULL,
 * ERR_NOMEM. */
typedef slice pricebook_name_fn(void *arg, const struct price *p, size_t i);
int pricebook_write(struct pricebook *b, slice date, pricebook_name_fn *names, void *arg,
                    struct buf *out) WARN_UNUSED;

/* Where two rows of a model differ, meter by meter: base prices, then the prices under each condition of
 * theirs. A meter that only ours has is no difference. */
struct price_difference {
	enum meter meter;
	const struct price_modifier *when; /* of theirs; NULL: the base price */
	int64_t ours, theirs;              /* nano-dollars for a million; ours may be PRICE_ABSENT */
};
#define PRICE_DIFFERENCES_MAX 64
size_t pricebook_compare(const struct price *ours, const struct price *theirs,
                         struct price_difference out[PRICE_DIFFERENCES_MAX]);
/* "batch, over 200k"; "" for the base price. */
void pricebook_condition(const struct price_modifier *m, char out[128]);

/* theirs as a new row of b from a day on, for a model that ours priced so far (NULL: nobody did). What they
 * do not tell is kept of ours: a token meter in proportion to input or output, rounded up, a fee as it is,
 * the conditions likewise. NULL when it does not fit into a row. */
struct price *pricebook_follow(struct pricebook *b, const struct price *ours, const struct price *theirs,
                               int64_t from_ms, slice source);

#endif
