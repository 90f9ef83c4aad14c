/* Look-ups in a price book and its lifetime; catalog_read.c reads it.
 *
 * Names and aliases are found through an open-addressing table of indices; case is folded in the hash and in
 * the comparison, so that no key is copied. Patterns are few and walked, longest first. */
#include <stdlib.h>

#include "model/catalog_in.h"

static unsigned char fold(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* FNV-1a. Only the book's author chooses the keys, so no seed is needed. */
static uint32_t hash_bytes(uint32_t h, slice s)
{
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ fold(s.p[i])) * 16777619u;
	return h;
}

uint32_t catalog_hash(slice vendor, slice name)
{
	return hash_bytes(hash_bytes(hash_bytes(2166136261u, vendor), SLICE("/")), name);
}

struct catalog *catalog_new(void)
{
	struct catalog *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	atomic_init(&c->refs, 1);
	arena_init(&c->mem, CATALOG_MEM_MAX);
	return c;
}

struct catalog *catalog_ref(struct catalog *c)
{
	if (c)
		atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void catalog_unref(struct catalog *c)
{
	while (c && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1) {
		struct catalog *base = c->base;
		free(c->text);
		free(c->prices);
		free(c->models);
		free(c->names);
		free(c->patterns);
		free(c->slots);
		free(c->rows);
		arena_release(&c->mem);
		free(c);
		c = base;
	}
}

const struct book_name *catalog_find(const struct catalog *c, slice vendor, slice name)
{
	if (c->slots_n == 0)
		return NULL;
	size_t mask = c->slots_n - 1;
	for (size_t i = catalog_hash(vendor, name) & mask; c->slots[i] != CATALOG_NO_SLOT;
	     i = (i + 1) & mask) {
		const struct book_name *b = &c->names[c->slots[i]];
		if (slice_eq_nocase(b->name, name) && slice_eq_nocase(c->models[b->model].vendor, vendor))
			return b;
	}
	return NULL;
}

static bool digits(slice s, size_t from, size_t n)
{
	if (from + n > s.n)
		return false;
	for (size_t i = from; i < from + n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

/* True when name ends in one of the marks of a version, which *family is then without. */
static bool cut_mark(slice name, slice *family)
{
	static const char *const marks[] = {"-latest", "@latest", "@default"};
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
		slice mark = slice_of(marks[i]);
		if (name.n > mark.n && slice_eq_nocase(slice_sub(name, name.n - mark.n, name.n), mark)) {
			*family = slice_sub(name, 0, name.n - mark.n);
			return true;
		}
	}
	return false;
}

/* -20250929, @20250514, -2025-08-07 */
static bool cut_date(slice name, slice *family)
{
	size_t at = name.n > 9 ? name.n - 9 : 0;
	if (at && (name.p[at] == '-' || name.p[at] == '@') && name.p[at + 1] == '2' &&
	    digits(name, at + 1, 8)) {
		*family = slice_sub(name, 0, at);
		return true;
	}
	at = name.n > 11 ? name.n - 11 : 0;
	if (at && name.p[at] == '-' && name.p[at + 1] == '2' && digits(name, at + 1, 4) &&
	    name.p[at + 5] == '-' && digits(name, at + 6, 2) && name.p[at + 8] == '-' &&
	    digits(name, at + 9, 2)) {
		*family = slice_sub(name, 0, at);
		return true;
	}
	return false;
}

/* Bedrock's -v1:0, -v1 */
static bool cut_version(slice name, slice *family)
{
	slice s = name;
	if (s.n > 2 && s.p[s.n - 2] == ':' && digits(s, s.n - 1, 1))
		s.n -= 2;
	if (s.n <= 3 || s.p[s.n - 3] != '-' || fold(s.p[s.n - 2]) != 'v' || !digits(s, s.n - 1, 1))
		return false;
	*family = slice_sub(s, 0, s.n - 3);
	return true;
}

/* The row of the family that a snapshot belongs to: marks are cut off one by one until a name is known. */
static const struct book_name *find_family(const struct catalog *c, slice vendor, slice name)
{
	const struct book_name *b = NULL;
	for (int cuts = 0; !b && cuts < 3; cuts++) {
		if (!cut_mark(name, &name) && !cut_version(name, &name) && !cut_date(name, &name))
			break;
		b = catalog_find(c, vendor, name);
	}
	return b;
}

/* Patterns are kept in lower case; so is the name here. */
static const struct book_name *find_pattern(const struct catalog *c, slice vendor, slice name)
{
	char low[CATALOG_NAME_MAX];
	for (size_t i = 0; i < name.n; i++)
		low[i] = (char)fold(name.p[i]);
	for (size_t i = 0; i < c->patterns_n; i++) {
		const struct book_name *b = &c->patterns[i];
		if (slice_eq_nocase(c->models[b->model].vendor, vendor) &&
		    slice_glob(slice_make(low, name.n), b->name))
			return b;
	}
	return NULL;
}

static const struct price *at_time(const struct catalog *c, const struct book_name *b, int64_t wall_ms)
{
	const struct book_model *m = &c->models[b->model];
	for (size_t i = m->n; i-- > 0;) {
		const struct price *p = &c->prices[m->first + i];
		if (wall_ms >= p->from_ms && wall_ms < p->until_ms)
			return p;
	}
	return NULL;
}

/* The first way of a name that leads to a row of that time. A name that is in the book with no row for that
 * time is unknown then: a looser match would be a guess. */
static const struct price *price_in(const struct catalog *c, slice vendor, slice model, int64_t wall_ms)
{
	const struct book_name *b = catalog_find(c, vendor, model);
	if (!b)
		b = find_family(c, vendor, model);
	if (!b)
		b = find_pattern(c, vendor, model);
	return b ? at_time(c, b, wall_ms) : NULL;
}

const struct price *catalog_price(const struct catalog *c, slice vendor, slice model, int64_t wall_ms)
{
	if (model.n == 0 || model.n > CATALOG_NAME_MAX)
		return NULL;
	for (; c; c = c->base) {
		const struct price *p = price_in(c, vendor, model, wall_ms);
		if (p)
			return p;
	}
	return NULL;
}

const struct price *catalog_each(const struct catalog *c, size_t *at)
{
	return *at < c->rows_n ? c->rows[(*at)++] : NULL;
}

static slice nth_name(const struct catalog *c, const struct book_name *names, size_t n, size_t row, size_t *i)
{
	for (size_t k = 0; k < n; k++) {
		const struct book_model *m = &c->models[names[k].model];
		if (row >= m->first && row - m->first < m->n && !slice_eq(names[k].name, m->name) &&
		    (*i)-- == 0)
			return names[k].name;
	}
	return SLICE_NONE;
}

slice catalog_name(const struct catalog *c, const struct price *p, size_t i)
{
	while (c && (p < c->prices || p >= c->prices + c->prices_n))
		c = c->base;
	if (c == NULL)
		return SLICE_NONE;
	size_t row = (size_t)(p - c->prices);
	slice name = nth_name(c, c->names, c->names_n, row, &i);
	return name.n ? name : nth_name(c, c->patterns, c->patterns_n, row, &i);
}

slice catalog_date(const struct catalog *c)
{
	while (c->date.n == 0 && c->base)
		c = c->base;
	return c->date;
}

void price_from_settings(struct price *p, slice id, const int64_t per_million[METER_N])
{
	*p = (struct price){
	    .id = id, .model = id, .source = SLICE("settings"), .from_ms = INT64_MIN, .until_ms = INT64_MAX};
	memcpy(p->per_million, per_million, sizeof p->per_million);
	static const enum meter at_input[] = {METER_CACHE_READ, METER_CACHE_WRITE_5M, METER_CACHE_WRITE_1H};
	for (size_t i = 0; i < sizeof at_input / sizeof at_input[0]; i++)
		if (p->per_million[at_input[i]] == PRICE_ABSENT)
			p->per_million[at_input[i]] = p->per_million[METER_INPUT];
}

slice catalog_unknown_message(struct arena *mem, slice vendor, slice model)
{
	/* A name from outside stands in a message for a human: no control characters, no endless names. */
	char shown[CATALOG_NAME_MAX + 1];
	size_t n = model.n < CATALOG_NAME_MAX ? model.n : CATALOG_NAME_MAX;
	for (size_t i = 0; i < n; i++)
		shown[i] = (unsigned char)model.p[i] < 0x20 || model.p[i] == 0x7f ? '?' : model.p[i];
	while (n > 0 && n < model.n && ((unsigned char)model.p[n] & 0xc0) == 0x80)
		n--; /* never half a character */
	slice of = vendor.n ? SLICE(" of ") : SLICE_NONE;
	slice which = vendor.n ? vendor : SLICE("all");
	return arena_printf(
	    mem,
	    "No price is known for model \"%.*s\"" SLICE_FMT SLICE_FMT
	    ", and Weir does not run what it cannot price. Is the name right? `weir price list "
	    "--vendor " SLICE_FMT "` shows the known ones. To add a price, in USD for a million tokens, "
	    "write one of these into weir.yaml: "
	    "`prices: {input: 3.00, output: 15.00}` under that provider; or `prices: {unknown: {input: 3.00, "
	    "output: 15.00}}` for every unknown model; or `prices: {file: my-prices.json}` with a row for "
	    "\"%.*s\" "
	    "(docs/prices.md has an example).",
	    (int)n, shown, SLICE_ARG(of), SLICE_ARG(vendor), SLICE_ARG(which), (int)n, shown);
}
