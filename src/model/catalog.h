/* The price book: models, dated prices, modifiers. Loaded from JSON (the built-in data/prices.json, or the
 * file of the settings), immutable afterwards, shared by reference count. Prices are integers, nano-dollars
 * for a million units of the meter (for those that count calls too: $10 for 1,000
 * searches is 10_000_000_000_000). */
#ifndef WEIR_MODEL_CATALOG_H
#define WEIR_MODEL_CATALOG_H

#include "base/arena.h"
#include "base/err.h"
#include "model/types.h"

#define PRICE_ABSENT       INT64_C(-1)
#define PRICE_ID_MAX       96
#define PRICE_MODS         16 /* modifiers a price may have */
#define PPM_NONE           INT64_C(-1)

#define PRICE_ALTERNATIVES 4 /* values of one condition */

/* When a modifier applies: all given conditions hold for the answer (what was billed), else for the request.
 * Those that apply are taken in their order: a price given here replaces the one before, factors multiply
 * (batch and US-only inference: 0.5 * 1.1). */
struct price_modifier {
	slice service_tier, speed, region; /* n 0: no condition; "priority|fast": either, case folded */
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

/* Reads a price book. On error *e says what is wrong and where (offset, line, column), and NULL is
 * returned. */
struct catalog *catalog_read(slice json, struct error *e);
/* The built-in book (compiled in). */
struct catalog *catalog_builtin(struct error *e);
slice catalog_builtin_text(void);
/* A price book over another: a model found in json is priced by json, every other by base (of which a
 * reference is taken; NULL: none). For `prices: {file:}` over the built-in book. */
struct catalog *catalog_overlay(struct catalog *base, slice json, struct error *e);
struct catalog *catalog_ref(struct catalog *c);
void catalog_unref(struct catalog *c);

/* The row of a vendor's model at a time: exact name or alias, then the family of a dated snapshot
 * ("-20250929", "-2025-08-07", "@20250514", "@default", "-latest", "-v1:0") that has no row of its own, then
 * pattern (longest first); case folded. NULL when unknown: never guessed across vendors, nor from a longer
 * name. */
const struct price *catalog_price(const struct catalog *c, slice vendor, slice model, int64_t wall_ms);

/* All rows in order of id, for `weir price list`; NULL at the end. */
const struct price *catalog_each(const struct catalog *c, size_t *at);

/* The i-th other name or pattern that leads to a row's model; n 0 behind the last. */
slice catalog_name(const struct catalog *c, const struct price *p, size_t i);

/* The day of the book ("2026-08-22"), or of the one under it; n 0 when neither says. */
slice catalog_date(const struct catalog *c);

/* A meter's name in price books and settings: meter_name without "_tokens"; METER_N when unknown. */
slice catalog_meter_key(enum meter m);
enum meter catalog_meter(slice key);

/* What to tell a human whose model has no price: that it is refused, and how to add a price. vendor n 0: not
 * known. In mem; p NULL when mem is full. */
slice catalog_unknown_message(struct arena *mem, slice vendor, slice model);

/* A price made from settings ({input, output, …} USD for a million tokens): texts are borrowed. Meters not
 * given are priced at their natural stand-in: cache reads and writes at input, reasoning in output. */
void price_from_settings(struct price *p, slice id, const int64_t per_million[METER_N]);

#endif
