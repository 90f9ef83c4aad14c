/* Writes gathered rows as a price book of ours: weir-prices/1 (catalog_read.c tells the format). */
#include <stdlib.h>

#include "base/clock.h"
#include "base/money.h"
#include "finops/pricebook.h"
#include "text/jsonw.h"

static int by_model(const void *a, const void *b)
{
	const struct price *x = a, *y = b;
	int c = slice_cmp(x->vendor, y->vendor);
	if (c == 0)
		c = slice_cmp(x->model, y->model);
	if (c == 0)
		c = (x->from_ms > y->from_ms) - (x->from_ms < y->from_ms);
	return c ? c : (x->id.n > y->id.n) - (x->id.n < y->id.n);
}

static bool same_model(const struct price *a, const struct price *b)
{
	return slice_eq(a->vendor, b->vendor) && slice_eq(a->model, b->model);
}

/* In order of vendor, model and day; of rows of one day the first that came stays. The order in which they
 * came stands in the length of the id, which rows have none of yet. */
static void sort_rows(struct pricebook *b)
{
	size_t n = 0;
	for (size_t i = 0; i < b->rows_n; i++)
		b->rows[i].id = (slice){NULL, i};
	if (b->rows_n)
		qsort(b->rows, b->rows_n, sizeof b->rows[0], by_model);
	for (size_t i = 0; i < b->rows_n; i++)
		if (n == 0 || !same_model(&b->rows[n - 1], &b->rows[i]) ||
		    b->rows[n - 1].from_ms != b->rows[i].from_ms)
			b->rows[n++] = b->rows[i];
	b->rows_n = n;
	for (size_t i = 0; i < n; i++)
		b->rows[i].id = SLICE_NONE;
}

static void put_prices(struct jsonw *w, const int64_t per_million[METER_N])
{
	for (int m = 0; m < METER_N; m++) {
		char text[MONEY_TEXT_MAX];
		if (per_million[m] == PRICE_ABSENT)
			continue;
		money_format_exact(per_million[m], text);
		jsonw_put_string(w, catalog_meter_key((enum meter)m), slice_of(text));
	}
}

static void put_modifier(struct jsonw *w, const struct price_modifier *m)
{
	static const uint32_t tokens = (1u << METER_WEB_SEARCHES) - 1;
	jsonw_object(w);
	if (m->service_tier.n)
		jsonw_put_string(w, SLICE("tier"), m->service_tier);
	if (m->speed.n)
		jsonw_put_string(w, SLICE("speed"), m->speed);
	if (m->region.n)
		jsonw_put_string(w, SLICE("region"), m->region);
	if (m->above_context_tokens)
		jsonw_put_i64(w, SLICE("above_context"), m->above_context_tokens);
	if (m->ppm != PPM_NONE) {
		char text[MONEY_TEXT_MAX];
		money_format_exact(m->ppm * 1000, text);
		jsonw_put_string(w, SLICE("times"), slice_of(text));
	}
	if (m->ppm != PPM_NONE && m->meters != tokens) {
		jsonw_key(w, SLICE("meters"));
		jsonw_array(w);
		for (int i = 0; i < METER_N; i++)
			if (m->meters >> i & 1u)
				jsonw_string(w, catalog_meter_key((enum meter)i));
		jsonw_array_end(w);
	}
	put_prices(w, m->per_million);
	jsonw_object_end(w);
}

static void put_day(struct jsonw *w, slice key, int64_t ms)
{
	char text[CLOCK_RFC3339_MAX] = "";
	if (ms == INT64_MIN || ms == INT64_MAX)
		return;
	clock_format_rfc3339(ms, text);
	jsonw_put_string(w, key, slice_sub(slice_of(text), 0, 10));
}

static void put_row(struct jsonw *w, const struct price *p, int64_t next_ms)
{
	jsonw_object(w);
	put_day(w, SLICE("from"), p->from_ms);
	if (p->until_ms < next_ms)
		put_day(w, SLICE("until"), p->until_ms);
	if (p->source.n)
		jsonw_put_string(w, SLICE("source"), p->source);
	put_prices(w, p->per_million);
	if (p->modifiers_n) {
		jsonw_key(w, SLICE("modifiers"));
		jsonw_array(w);
		for (size_t i = 0; i < p->modifiers_n; i++)
			put_modifier(w, &p->modifiers[i]);
		jsonw_array_end(w);
	}
	jsonw_object_end(w);
}

static void put_model(struct jsonw *w, const struct price *rows, size_t n, pricebook_name_fn *names,
                      void *arg)
{
	const struct price *last = &rows[n - 1];
	slice name = names ? names(arg, last, 0) : SLICE_NONE;
	if (buf_append(w->out, SLICE("\n"))) /* a model a line, so that a change can be read */
		w->error = w->error ? w->error : ERR_FULL;
	jsonw_key(w, last->model);
	jsonw_object(w);
	if (name.n) {
		jsonw_key(w, SLICE("names"));
		jsonw_array(w);
		for (size_t i = 1; name.n; name = names(arg, last, i++))
			jsonw_string(w, name);
		jsonw_array_end(w);
	}
	if (last->context_window)
		jsonw_put_i64(w, SLICE("context_window"), last->context_window);
	if (last->max_output)
		jsonw_put_i64(w, SLICE("max_output"), last->max_output);
	jsonw_key(w, SLICE("prices"));
	jsonw_array(w);
	for (size_t i = 0; i < n; i++)
		put_row(w, &rows[i], i + 1 < n ? rows[i + 1].from_ms : INT64_MAX);
	jsonw_array_end(w);
	jsonw_object_end(w);
}

int pricebook_write(struct pricebook *b, slice date, pricebook_name_fn *names, void *arg, struct buf *out)
{
	struct jsonw w;
	sort_rows(b);
	jsonw_init(&w, out);
	jsonw_object(&w);
	jsonw_put_string(&w, SLICE("format"), SLICE("weir-prices/1"));
	if (date.n)
		jsonw_put_string(&w, SLICE("date"), date);
	jsonw_key(&w, SLICE("vendors"));
	jsonw_object(&w);
	for (size_t i = 0, n; i < b->rows_n; i += n) {
		if (i == 0 || !slice_eq(b->rows[i - 1].vendor, b->rows[i].vendor)) {
			if (i)
				jsonw_object_end(&w);
			jsonw_key(&w, b->rows[i].vendor);
			jsonw_object(&w);
		}
		for (n = 1; i + n < b->rows_n && same_model(&b->rows[i], &b->rows[i + n]); n++)
			;
		put_model(&w, &b->rows[i], n, names, arg);
	}
	if (b->rows_n)
		jsonw_object_end(&w);
	jsonw_object_end(&w);
	jsonw_object_end(&w);
	return jsonw_end(&w);
}
