/* The price book: models, dated prices, modifiers. Loaded from JSON (the built-in data/prices.json, or the
 * file of the settings), immutable afterwards, shared by reference count. Prices are integers, nano-dollars
 * for a million units of the meter (for METER_WEB_SEARCHES and METER_HOSTED_TOOL_CALLS too: $10 for 1,000
 * searches is 10_000_000_000_000). */
#ifndef WEIR_MODEL_CATALOG_H
#define WEIR_MODEL_CATALOG_H

#include "base/err.h"
#include "model/types.h"

#define PRICE_ABSENT INT64_C(-1)
#define PRICE_ID_MAX 96
#define PRICE_MODS   16 /* modifiers a price may have */

/* When a modifier applies: all given conditions hold for the answer (what was billed), else for the request.
 */
struct price_modifier {
	slice service_tier, speed, region; /* n 0: no condition */
	int64_t
	    above_context_tokens; /* > 0: only when all input together is above it (whole request repriced) */
	int64_t ppm;     /* multiplies every meter of meters; PPM_NONE when only prices below are given */
	uint32_t meters; /* bit set of enum meter */
	int64_t per_million[METER_N]; /* replaces the price; PRICE_ABSENT: not replaced */
};

/* A row: what one model costs from a date on. Texts live as long as the catalog. */
struct price {
	slice id;                     /* vendor/model@from: what the ledger's price_id says */
	slice vendor, model, source;  /* anthropic, openai, google, …; canonical model; where the figure is
	                                 from, with its date */
	int64_t from_ms, until_ms;    /* effective [from, until); INT64_MIN / INT64_MAX open */
	int64_t per_million[METER_N]; /* PRICE_ABSENT when the book has none */
	int64_t context_window, max_output; /* tokens; 0 unknown */
	size_t modifiers_n;
	struct price_modifier *modifiers; /* owned by the catalog */
};

struct catalog;

/* Reads a price book. On error *e says the offset and what is wrong, and NULL is returned. */
struct catalog *catalog_read(slice json, struct error *e);
/* The built-in book (compiled in). */
struct catalog *catalog_builtin(struct error *e);
struct catalog *catalog_ref(struct catalog *c);
void catalog_unref(struct catalog *c);

/* The row of a vendor's model at a time: exact name, then alias, then pattern (longest first), case folded,
 * dated snapshots
 * ("-20250929", "-2025-08-07", "@20250514", "-latest") match their family when they have no row of their own.
 * NULL when unknown: never guessed across vendors. */
const struct price *catalog_price(const struct catalog *c, slice vendor, slice model, int64_t wall_ms);

/* All rows in order of id, for `weir price list`; NULL at the end. */
const struct price *catalog_each(const struct catalog *c, size_t *at);

/* A price made from settings ({input, output, …} USD for a million tokens): texts are borrowed. Meters not
 * given are priced at their natural stand-in: cache reads and writes at input, reasoning in output. */
void price_from_settings(struct price *p, slice id, const int64_t per_million[METER_N]);

#endif
