/* The inside of a catalog, shared by catalog_read.c (fills it) and catalog.c (answers from it). */
#ifndef WEIR_MODEL_CATALOG_IN_H
#define WEIR_MODEL_CATALOG_IN_H

#include <stdatomic.h>

#include "base/arena.h"
#include "model/catalog.h"
#include "text/json.h"

#define CATALOG_TEXT_MAX   (16 << 20) /* bytes of a price book */
#define CATALOG_MEM_MAX    (64 << 20) /* bytes of what is made of it */
#define CATALOG_MODELS_MAX 65536
#define CATALOG_NAMES_MAX  262144 /* names, aliases and patterns */
#define CATALOG_NAME_MAX   128    /* bytes of a vendor's or a model's name */
#define CATALOG_NO_SLOT    UINT32_MAX

/* A model of a vendor and its prices, oldest first: prices[first, first + n). */
struct book_model {
	slice vendor, name;
	uint32_t first, n;
};

/* A name that leads to a model: its own, an alias, or a pattern. */
struct book_name {
	slice name;
	uint32_t model;
};

struct catalog {
	atomic_int refs;
	struct catalog *base; /* owned reference: the book under this one, or NULL */
	char *text;           /* owned copy of the JSON, or NULL when it is borrowed for ever */
	struct arena mem;     /* ids, modifiers, unescaped texts */
	slice date;           /* of the book */
	struct price *prices; /* owned */
	struct book_model *models;
	struct book_name *names;    /* owned; own names and aliases */
	struct book_name *patterns; /* owned; longest first */
	uint32_t *slots;            /* owned; index into names by hash, CATALOG_NO_SLOT when free */
	const struct price *
	    *rows; /* owned; every row of this book and those of base it does not hide, by id */
	size_t prices_n, models_n, names_n, patterns_n, slots_n, rows_n;
};

/* Hash of a vendor's name for a model, ASCII case folded. */
uint32_t catalog_hash(slice vendor, slice name);
/* The entry of exactly that name (or alias) in this book alone, or NULL. */
const struct book_name *catalog_find(const struct catalog *c, slice vendor, slice name);
/* An empty catalog with one reference. */
struct catalog *catalog_new(void);

/* --- reading: catalog_row.c; all say false after a fault that stands in r->e ---------------------------- */

struct mod_set {
	slice name;
	size_t n;
	struct price_modifier *at; /* in the catalog's arena */
};

struct short_text {
	slice key, text;
};

/* What reading a book takes; gone when it is read. */
struct reader {
	struct json j;
	struct catalog *c;
	struct error *e;
	struct mod_set *sets;
	struct short_text *sources;
	size_t sets_n, sets_cap, sources_n, sources_cap;
	size_t prices_cap, models_cap, names_cap, patterns_cap;
	bool has_format, has_vendors;
};

/* Sets the error and its offset, once; returns false. */
bool book_fault(struct reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The JSON reader's error becomes the book's. */
bool book_json_fault(struct reader *r);
bool book_no_memory(struct reader *r);
bool book_unknown_key(struct reader *r, const json_key *k, const char *where);
/* Room for one more, zeroed, in an array that array points to; NULL when over max or no memory. */
void *book_grow(struct reader *r, void *array, size_t n, size_t *cap, size_t size, size_t max);
#define GROW(r, array, n, cap, max) book_grow((r), &(array), (n), &(cap), sizeof *(array), (max))
bool book_characters(struct reader *r, const json_str *s, slice *out);
bool book_text(struct reader *r, slice *out);
bool book_count(struct reader *r, const char *what, int64_t *out); /* an integer above 0 */
bool book_modifiers(struct reader *r, struct price_modifier **at, size_t *n);
bool book_row(struct reader *r, struct price *p);

#endif
