/* Reads a price book. The format (docs/prices.md shows it with examples):
 *
 *	{"format": "weir-prices/1", "date": "2026-08-22",
 *	 "sources":   {"short": "long text"},                  optional; rows name their source by the short
 *form "modifiers": {"set": [MODIFIER, …]},                  optional; must stand before "vendors" "vendors":
 *{"anthropic": {"claude-x": { "names": ["alias", "pattern-*"], "context_window": 200000, "max_output": 64000,
 *		"prices": [{"from": "2026-03-13", "until": "…", "source": "short", METER: PRICE, …,
 *		            "modifiers": "set" or [MODIFIER, …]}, …]}}}}                     oldest first
 *	MODIFIER: {"tier": "batch", "speed": "fast", "region": "us|eu", "above_context": 200000,
 *	           "times": "0.5", "meters": [METER, …], METER: PRICE, …}
 *	METER: the meters of types.h without "_tokens";  PRICE: an integer, nano-dollars for a million units,
 *or a string, USD for a million units ("3.75").
 *
 * Unknown keys are refused: a mistyped meter would make a call cheaper than it is. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/num.h"
#include "model/catalog_in.h"

static bool read_name(struct reader *r, const json_str *s, slice *out)
{
	if (!book_characters(r, s, out))
		return false;
	if (out->n == 0 || out->n > CATALOG_NAME_MAX)
		return book_fault(r, "a name has 1 to %d bytes", CATALOG_NAME_MAX);
	return true;
}

/* vendor/model@2026-03-13, or without the date when the price holds from ever. */
static bool name_row(struct reader *r, struct price *p)
{
	char date[CLOCK_RFC3339_MAX];
	bool dated = p->from_ms != INT64_MIN;
	size_t n = p->vendor.n + 1 + p->model.n + (dated ? 11 : 0);
	char *id = arena_alloc(&r->c->mem, n);
	if (!id)
		return book_no_memory(r);
	p->id = slice_make(id, n);
	memcpy(id, p->vendor.p, p->vendor.n);
	id[p->vendor.n] = '/';
	memcpy(id + p->vendor.n + 1, p->model.p, p->model.n);
	if (dated && clock_format_rfc3339(p->from_ms, date) >= 10) {
		id[n - 11] = '@';
		memcpy(id + n - 10, date, 10);
	}
	return n <= PRICE_ID_MAX ? true : book_fault(r, "vendor and model together are too long");
}

static bool read_rows(struct reader *r, struct book_model *m)
{
	struct catalog *c = r->c;
	if (!json_array(&r->j))
		return book_json_fault(r);
	while (json_next(&r->j)) {
		struct price *p = GROW(r, c->prices, c->prices_n, r->prices_cap, CATALOG_NAMES_MAX);
		if (!p || !book_row(r, p))
			return false;
		p->vendor = m->vendor;
		p->model = m->name;
		if (!name_row(r, p))
			return false;
		c->prices_n++;
		if (m->n++ == 0)
			continue;
		if (p[-1].from_ms >= p->from_ms)
			return book_fault(r, "prices of a model stand oldest first");
		p[-1].until_ms = num_min_i64(p[-1].until_ms, p->from_ms);
	}
	if (r->j.error)
		return book_json_fault(r);
	return m->n > 0 ? true : book_fault(r, "a model without prices");
}

static bool has_wildcard(slice name)
{
	return slice_find_char(name, '*') >= 0 || slice_find_char(name, '?') >= 0;
}

static bool add_pattern(struct reader *r, slice name, uint32_t model)
{
	struct catalog *c = r->c;
	struct book_name *b = GROW(r, c->patterns, c->patterns_n, r->patterns_cap, CATALOG_NAMES_MAX);
	char *low = b ? arena_alloc(&c->mem, name.n) : NULL;
	if (!low)
		return b ? book_no_memory(r) : false;
	for (size_t i = 0; i < name.n; i++)
		low[i] = (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] - 'A' + 'a' : name.p[i]);
	*b = (struct book_name){slice_make(low, name.n), model};
	c->patterns_n++;
	return true;
}

static bool add_name(struct reader *r, slice name, uint32_t model)
{
	struct catalog *c = r->c;
	struct book_name *b = GROW(r, c->names, c->names_n, r->names_cap, CATALOG_NAMES_MAX);
	if (!b)
		return false;
	*b = (struct book_name){name, model};
	c->names_n++;
	return true;
}

static bool read_names(struct reader *r, uint32_t model)
{
	if (!json_array(&r->j))
		return book_json_fault(r);
	while (json_next(&r->j)) {
		json_str s;
		slice name;
		if (!json_string(&r->j, &s))
			return book_json_fault(r);
		if (!read_name(r, &s, &name))
			return false;
		if (!(has_wildcard(name) ? add_pattern(r, name, model) : add_name(r, name, model)))
			return false;
	}
	return r->j.error ? book_json_fault(r) : true;
}

static bool read_model(struct reader *r, slice vendor, slice name)
{
	struct catalog *c = r->c;
	struct book_model *m = GROW(r, c->models, c->models_n, r->models_cap, CATALOG_MODELS_MAX);
	if (!m)
		return false;
	*m = (struct book_model){.vendor = vendor, .name = name, .first = (uint32_t)c->prices_n};
	uint32_t index = (uint32_t)c->models_n++;
	if (has_wildcard(name))
		return book_fault(r, "a model's own name has no wildcard; patterns stand in \"names\"");
	int64_t window = 0, most = 0;
	bool good = add_name(r, name, index), rows = false;
	json_key k;
	if (!json_object(&r->j))
		return book_json_fault(r);
	while (good && json_next_key(&r->j, &k)) {
		if (json_key_is(&k, SLICE("names")))
			good = read_names(r, index);
		else if (json_key_is(&k, SLICE("context_window")))
			good = book_count(r, "context_window", &window);
		else if (json_key_is(&k, SLICE("max_output")))
			good = book_count(r, "max_output", &most);
		else if (json_key_is(&k, SLICE("prices")) && !rows)
			good = rows = read_rows(r, m);
		else
			good = book_unknown_key(r, &k, "a model");
	}
	for (size_t i = m->first; i < c->prices_n; i++) {
		c->prices[i].context_window = window;
		c->prices[i].max_output = most;
	}
	if (good && r->j.error)
		return book_json_fault(r);
	return good && !rows ? book_fault(r, "a model without prices") : good;
}

static bool read_vendors(struct reader *r)
{
	json_key k;
	slice vendor, name;
	r->has_vendors = true;
	if (!json_object(&r->j))
		return book_json_fault(r);
	while (json_next_key(&r->j, &k)) {
		if (!read_name(r, &k, &vendor))
			return false;
		if (!json_object(&r->j))
			return book_json_fault(r);
		while (json_next_key(&r->j, &k))
			if (!read_name(r, &k, &name) || !read_model(r, vendor, name))
				return false;
	}
	return true;
}

static bool read_sets(struct reader *r)
{
	json_key k;
	if (!json_object(&r->j))
		return book_json_fault(r);
	while (json_next_key(&r->j, &k)) {
		struct mod_set *s = GROW(r, r->sets, r->sets_n, r->sets_cap, 4096);
		if (!s || !read_name(r, &k, &s->name) || !book_modifiers(r, &s->at, &s->n))
			return false;
		r->sets_n++;
	}
	return true;
}

static bool read_sources(struct reader *r)
{
	json_key k;
	if (!json_object(&r->j))
		return book_json_fault(r);
	while (json_next_key(&r->j, &k)) {
		struct short_text *s = GROW(r, r->sources, r->sources_n, r->sources_cap, 4096);
		if (!s || !read_name(r, &k, &s->key) || !book_text(r, &s->text))
			return false;
		r->sources_n++;
	}
	return true;
}

static bool read_format(struct reader *r)
{
	slice format;
	r->has_format = true;
	if (!book_text(r, &format))
		return false;
	return slice_eq(format, SLICE("weir-prices/1"))
	           ? true
	           : book_fault(r, "\"format\" must be \"weir-prices/1\"");
}

static bool read_book(struct reader *r)
{
	json_key k;
	bool good = true;
	if (!json_object(&r->j))
		return book_json_fault(r);
	while (good && json_next_key(&r->j, &k)) {
		if (json_key_is(&k, SLICE("format")))
			good = read_format(r);
		else if (json_key_is(&k, SLICE("date")))
			good = book_text(r, &r->c->date);
		else if (json_key_is(&k, SLICE("sources")))
			good = read_sources(r);
		else if (json_key_is(&k, SLICE("modifiers")))
			good = read_sets(r);
		else if (json_key_is(&k, SLICE("vendors")) && !r->has_vendors)
			good = read_vendors(r);
		else
			good = book_unknown_key(r, &k, "a price book");
	}
	if (!good)
		return false;
	if (!json_end(&r->j))
		return book_json_fault(r);
	if (!r->has_format)
		return book_fault(r, "\"format\": \"weir-prices/1\" is missing");
	return r->has_vendors ? true : book_fault(r, "\"vendors\" is missing");
}

static int longest_first(const void *a, const void *b)
{
	const struct book_name *x = a, *y = b;
	if (x->name.n != y->name.n)
		return x->name.n > y->name.n ? -1 : 1;
	int c = slice_cmp(x->name, y->name);
	return c ? c : (x->model > y->model) - (x->model < y->model);
}

/* The table of names; refuses a name that stands twice at a vendor. */
static bool index_names(struct reader *r)
{
	struct catalog *c = r->c;
	size_t n = 16;
	while (n < c->names_n * 2)
		n *= 2;
	c->slots = malloc(n * sizeof *c->slots);
	if (!c->slots)
		return book_no_memory(r);
	memset(c->slots, 0xff, n * sizeof *c->slots);
	c->slots_n = n;
	for (size_t i = 0; i < c->names_n; i++) {
		const struct book_name *b = &c->names[i];
		slice vendor = c->models[b->model].vendor;
		if (catalog_find(c, vendor, b->name))
			return book_fault(r, "the name \"" SLICE_FMT "\" stands twice at " SLICE_FMT,
			                  SLICE_ARG(b->name), SLICE_ARG(vendor));
		size_t at = catalog_hash(vendor, b->name) & (n - 1);
		while (c->slots[at] != CATALOG_NO_SLOT)
			at = (at + 1) & (n - 1);
		c->slots[at] = (uint32_t)i;
	}
	if (c->patterns_n)
		qsort(c->patterns, c->patterns_n, sizeof *c->patterns, longest_first);
	return true;
}

static int by_id(const void *a, const void *b)
{
	const struct price *const *x = a, *const *y = b;
	return slice_cmp((*x)->id, (*y)->id);
}

/* Every row in order of id: this book's, and those of the book under it that are not hidden. */
static bool list_rows(struct reader *r)
{
	struct catalog *c = r->c;
	size_t below = c->base ? c->base->rows_n : 0;
	c->rows = malloc((c->prices_n + below + 1) * sizeof *c->rows);
	if (!c->rows)
		return book_no_memory(r);
	for (size_t i = 0; i < c->prices_n; i++)
		c->rows[c->rows_n++] = &c->prices[i];
	for (size_t i = 0; i < below; i++)
		if (!catalog_find(c, c->base->rows[i]->vendor, c->base->rows[i]->model))
			c->rows[c->rows_n++] = c->base->rows[i];
	bool sorted = true;
	for (size_t i = 1; sorted && i < c->rows_n; i++)
		sorted = by_id(&c->rows[i - 1], &c->rows[i]) <= 0;
	if (!sorted)
		qsort(c->rows, c->rows_n, sizeof *c->rows, by_id);
	return true;
}

/* Where a byte stands, for a human. */
static void place_of(struct error *e, slice text)
{
	e->line = e->column = 1;
	for (size_t i = 0; i < e->offset && i < text.n; i++) {
		e->column = text.p[i] == '\n' ? 1 : e->column + 1;
		e->line += text.p[i] == '\n';
	}
}

/* Reads a text that lives as long as the catalog. Takes c's reference. */
static struct catalog *read_into(struct catalog *c, slice json, struct error *e)
{
	struct error unseen;
	struct reader r = {.c = c, .e = e ? e : &unseen};
	*r.e = (struct error){0};
	json_init(&r.j, json);
	bool good = read_book(&r) && index_names(&r) && list_rows(&r);
	if (!good && r.e->code == 0)
		book_json_fault(&r);
	free(r.sets);
	free(r.sources);
	if (good)
		return c;
	if (r.e->code == ERR_INVALID)
		place_of(r.e, json);
	catalog_unref(c);
	return NULL;
}

struct catalog *catalog_overlay(struct catalog *base, slice json, struct error *e)
{
	struct catalog *c = json.n <= CATALOG_TEXT_MAX ? catalog_new() : NULL;
	char *text = c ? malloc(json.n + 1) : NULL;
	if (!text) {
		error_set(e, json.n > CATALOG_TEXT_MAX ? ERR_FULL : ERR_NOMEM,
		          "a price book of %zu bytes does not fit", json.n);
		catalog_unref(c);
		return NULL;
	}
	if (json.n)
		memcpy(text, json.p, json.n);
	c->text = text;
	c->base = catalog_ref(base);
	return read_into(c, slice_make(text, json.n), e);
}

struct catalog *catalog_read(slice json, struct error *e)
{
	return catalog_overlay(NULL, json, e);
}

struct catalog *catalog_builtin(struct error *e)
{
	struct catalog *c = catalog_new();
	if (!c) {
		error_set(e, ERR_NOMEM, "no memory for the price book");
		return NULL;
	}
	return read_into(c, catalog_builtin_text(), e);
}
