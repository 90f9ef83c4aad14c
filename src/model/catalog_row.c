/* Reads the parts of a price book that hold figures: prices, modifiers, rows. The format is told in
 * catalog_read.c. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/money.h"
#include "model/catalog_in.h"

#define TOKEN_METERS ((1u << METER_WEB_SEARCHES) - 1) /* the meters of calls and hours stand behind */

bool book_fault(struct reader *r, const char *format, ...)
{
	if (r->e && r->e->code == 0) {
		char text[ERR_TEXT_MAX];
		va_list ap;
		va_start(ap, format);
		vsnprintf(text, sizeof text, format, ap);
		va_end(ap);
		error_set(r->e, ERR_INVALID, "%s", text);
		r->e->offset = json_offset(&r->j);
	}
	return false;
}

/* A JSON error in the reader becomes the book's. */
bool book_json_fault(struct reader *r)
{
	if (!r->j.error)
		return book_fault(r, "a value of another type is due here");
	if (r->e && r->e->code == 0) {
		error_set(r->e, ERR_INVALID, "%s", r->j.error);
		r->e->offset = r->j.error_at;
	}
	return false;
}

bool book_no_memory(struct reader *r)
{
	error_set(r->e, ERR_NOMEM, "no memory for a price book");
	return false;
}

/* Room for one more in an array that the caller owns; zeroed. NULL when over max or no memory. */
void *book_grow(struct reader *r, void *array, size_t n, size_t *cap, size_t size, size_t max)
{
	void **at = array;
	if (n == *cap) {
		size_t more = *cap ? *cap * 2 : 16;
		void *p = n < max ? reallocarray(*at, more, size) : NULL;
		if (!p) {
			if (n < max)
				book_no_memory(r);
			else
				book_fault(r, "more than %zu entries of one kind", max);
			return NULL;
		}
		*at = p;
		*cap = more;
	}
	char *slot = (char *)*at + n * size;
	memset(slot, 0, size);
	return slot;
}

/* The characters of a string: borrowed from the text where nothing is escaped. */
bool book_characters(struct reader *r, const json_str *s, slice *out)
{
	*out = s->raw;
	if (!s->escaped)
		return true;
	char *p = arena_alloc(&r->c->mem, s->raw.n);
	if (!p)
		return book_no_memory(r);
	*out = slice_make(p, json_unescape(s, p, s->raw.n));
	return true;
}

bool book_text(struct reader *r, slice *out)
{
	json_str s;
	return json_string(&r->j, &s) ? book_characters(r, &s, out) : book_json_fault(r);
}

bool book_count(struct reader *r, const char *what, int64_t *out)
{
	if (!json_i64(&r->j, out))
		return book_json_fault(r);
	return *out > 0 ? true : book_fault(r, "%s must be above 0", what);
}

static bool read_price(struct reader *r, int64_t *out)
{
	if (json_peek(&r->j) == JSON_STRING) {
		slice text;
		if (!book_text(r, &text))
			return false;
		if (money_parse(text, out) != 0 || *out < 0)
			return book_fault(
			    r, "a price is an amount of USD for a million units, such as \"3.75\"");
		return true;
	}
	if (!json_i64(&r->j, out))
		return book_json_fault(r);
	return *out >= 0 ? true : book_fault(r, "a price cannot be below 0");
}

static bool read_date(struct reader *r, int64_t *out)
{
	slice text;
	if (!book_text(r, &text))
		return false;
	return clock_parse_rfc3339(text, out) ? true
	                                      : book_fault(r, "a date is due here, such as 2026-03-13 (UTC)");
}

/* "1.1" -> 1_100_000 */
static bool read_times(struct reader *r, int64_t *ppm)
{
	slice text;
	int64_t nano;
	if (!book_text(r, &text))
		return false;
	if (money_parse(text, &nano) != 0 || nano < 0 || nano % 1000 != 0 || slice_find_char(text, ' ') >= 0)
		return book_fault(r, "\"times\" is a factor with at most 6 decimals, such as \"0.5\"");
	*ppm = nano / 1000;
	return true;
}

#define X(id, name) [id] = {#name, sizeof #name - 1},
static const slice meter_names[] = {METER_LIST(X)};
#undef X

/* key, or key and "_tokens", is the meter's name. */
static bool is_key(slice name, slice key)
{
	static const slice unit = {"_tokens", 7};
	return slice_starts(name, key) &&
	       (name.n == key.n ? !slice_ends(name, unit) : slice_eq(slice_sub(name, key.n, name.n), unit));
}

enum meter catalog_meter(slice key)
{
	for (int m = 0; m < METER_N; m++)
		if (is_key(meter_names[m], key))
			return (enum meter)m;
	return METER_N;
}

slice catalog_meter_key(enum meter m)
{
	slice name = meter_names[m];
	return slice_ends(name, SLICE("_tokens")) ? slice_sub(name, 0, name.n - 7) : name;
}

bool book_unknown_key(struct reader *r, const json_key *k, const char *where)
{
	return book_fault(r, "unknown key \"" SLICE_FMT "\" in %s", SLICE_ARG(slice_sub(k->raw, 0, 64)),
	                  where);
}

static enum meter key_meter(const json_key *k)
{
	return k->escaped ? METER_N : catalog_meter(k->raw);
}

static bool read_meters(struct reader *r, uint32_t *set)
{
	*set = 0;
	if (!json_array(&r->j))
		return book_json_fault(r);
	while (json_next(&r->j)) {
		slice name;
		if (!book_text(r, &name))
			return false;
		enum meter m = catalog_meter(name);
		if (m == METER_N)
			return book_fault(r, "unknown meter \"" SLICE_FMT "\"",
			                  SLICE_ARG(slice_sub(name, 0, 64)));
		*set |= 1u << m;
	}
	return true;
}

static void clear_prices(int64_t per_million[METER_N])
{
	for (int m = 0; m < METER_N; m++)
		per_million[m] = PRICE_ABSENT;
}

/* "us|eu": the values that a condition takes. */
static bool read_condition(struct reader *r, slice *out)
{
	if (!book_text(r, out))
		return false;
	size_t bars = 0;
	for (size_t i = 0; i < out->n; i++)
		bars += out->p[i] == '|';
	if (out->n == 0 || bars >= PRICE_ALTERNATIVES)
		return book_fault(r, "a condition has 1 to %d values, apart by |", PRICE_ALTERNATIVES);
	return true;
}

static bool read_modifier_key(struct reader *r, const json_key *k, struct price_modifier *m)
{
	if (json_key_is(k, SLICE("tier")))
		return read_condition(r, &m->service_tier);
	if (json_key_is(k, SLICE("speed")))
		return read_condition(r, &m->speed);
	if (json_key_is(k, SLICE("region")))
		return read_condition(r, &m->region);
	if (json_key_is(k, SLICE("above_context")))
		return book_count(r, "above_context", &m->above_context_tokens);
	if (json_key_is(k, SLICE("times")))
		return read_times(r, &m->ppm);
	if (json_key_is(k, SLICE("meters")))
		return read_meters(r, &m->meters);
	enum meter meter = key_meter(k);
	return meter < METER_N ? read_price(r, &m->per_million[meter]) : book_unknown_key(r, k, "a modifier");
}

static bool read_modifier(struct reader *r, struct price_modifier *m)
{
	*m = (struct price_modifier){.ppm = PPM_NONE, .meters = TOKEN_METERS};
	clear_prices(m->per_million);
	json_key k;
	if (!json_object(&r->j))
		return book_json_fault(r);
	while (json_next_key(&r->j, &k))
		if (!read_modifier_key(r, &k, m))
			return false;
	if (!m->service_tier.n && !m->speed.n && !m->region.n && !m->above_context_tokens)
		return book_fault(r, "a modifier needs a condition: tier, speed, region or above_context");
	return true;
}

/* An array of modifiers, put into the catalog's arena. */
bool book_modifiers(struct reader *r, struct price_modifier **at, size_t *n)
{
	struct price_modifier list[PRICE_MODS];
	*n = 0;
	if (!json_array(&r->j))
		return book_json_fault(r);
	while (json_next(&r->j)) {
		if (*n == PRICE_MODS)
			return book_fault(r, "more than %d modifiers", PRICE_MODS);
		if (!read_modifier(r, &list[(*n)++]))
			return false;
	}
	if (r->j.error)
		return book_json_fault(r);
	*at = arena_alloc(&r->c->mem, *n * sizeof list[0]);
	if (!*at)
		return book_no_memory(r);
	memcpy(*at, list, *n * sizeof list[0]);
	return true;
}

static bool use_modifiers(struct reader *r, struct price *p)
{
	slice name;
	if (json_peek(&r->j) != JSON_STRING)
		return book_modifiers(r, &p->modifiers, &p->modifiers_n);
	if (!book_text(r, &name))
		return false;
	for (size_t i = 0; i < r->sets_n; i++)
		if (slice_eq(r->sets[i].name, name)) {
			p->modifiers = r->sets[i].at;
			p->modifiers_n = r->sets[i].n;
			return true;
		}
	return book_fault(r, "no set of modifiers \"" SLICE_FMT "\" (sets stand before \"vendors\")",
	                  SLICE_ARG(slice_sub(name, 0, 64)));
}

static bool read_source(struct reader *r, slice *out)
{
	if (!book_text(r, out))
		return false;
	for (size_t i = 0; i < r->sources_n; i++)
		if (slice_eq(r->sources[i].key, *out)) {
			*out = r->sources[i].text;
			break;
		}
	return true;
}

bool book_row(struct reader *r, struct price *p)
{
	json_key k;
	bool good = true, any = false;
	p->from_ms = INT64_MIN;
	p->until_ms = INT64_MAX;
	clear_prices(p->per_million);
	if (!json_object(&r->j))
		return book_json_fault(r);
	while (good && json_next_key(&r->j, &k)) {
		enum meter m = key_meter(&k);
		if (m < METER_N)
			good = any = read_price(r, &p->per_million[m]);
		else if (json_key_is(&k, SLICE("from")))
			good = read_date(r, &p->from_ms);
		else if (json_key_is(&k, SLICE("until")))
			good = read_date(r, &p->until_ms);
		else if (json_key_is(&k, SLICE("source")))
			good = read_source(r, &p->source);
		else if (json_key_is(&k, SLICE("modifiers")))
			good = use_modifiers(r, p);
		else
			good = book_unknown_key(r, &k, "a price");
	}
	if (good && r->j.error)
		return book_json_fault(r);
	if (good && !any)
		return book_fault(r, "a price without any meter");
	if (good && p->until_ms <= p->from_ms)
		return book_fault(r, "\"until\" must be after \"from\"");
	return good;
}
