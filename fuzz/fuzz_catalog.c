/* A price book of any bytes: it is read or refused with a place, and of a book that was read every row is
 * found by its name, and no call costs more than its worst case. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "model/catalog.h"
#include "model/usage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* 1,000 of each meter that has a price, billed as the modifier says. */
static void check_cost(const struct price *p, const struct price_modifier *m)
{
	struct billed_as as = {0};
	struct usage u;
	struct cost cost;
	struct error e;
	struct price_bounds b = {.web_searches = 1000, .hosted_tool_calls = 1000};
	if (m)
		as = (struct billed_as){m->service_tier, m->speed, m->region};
	for (int i = 0; i < METER_N; i++) {
		bool out = i == METER_OUTPUT || i == METER_OUTPUT_AUDIO || i == METER_OUTPUT_IMAGE;
		bool calls = i == METER_WEB_SEARCHES || i == METER_HOSTED_TOOL_CALLS;
		u.m[i] = p->per_million[i] == PRICE_ABSENT || i == METER_REASONING ? TOKENS_ABSENT : 1000;
		b.max_output += out && u.m[i] > 0 ? 1000 : 0;
		b.input_tokens += !out && !calls && u.m[i] > 0 ? 1000 : 0;
	}
	int status = usage_cost(p, &u, &as, &cost, &e);
	int64_t worst = price_worst_case_of(p, &b);
	must(status == 0 || status == ERR_RANGE);
	must(status == ERR_RANGE || (cost.total >= 0 && cost.total <= worst));
}

static void check_rows(const struct catalog *c)
{
	size_t at = 0;
	slice last = SLICE_NONE;
	for (const struct price *p; (p = catalog_each(c, &at)) != NULL; last = p->id) {
		int64_t when = p->from_ms == INT64_MIN ? p->until_ms - 1 : p->from_ms;
		must(catalog_price(c, p->vendor, p->model, when) == p);
		must(p->id.n <= PRICE_ID_MAX && slice_cmp(last, p->id) <= 0);
		check_cost(p, NULL);
		for (size_t i = 0; i < p->modifiers_n; i++)
			check_cost(p, &p->modifiers[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const slice base =
	    SLICE("{\"format\":\"weir-prices/1\",\"vendors\":{\"v\":{\"m\":{\"names\":[\"*\"],"
	          "\"prices\":[{\"input\":\"1\"}]}}}}");
	struct error e = {0};
	slice text = slice_make(data, size);
	struct catalog *c = catalog_read(text, &e);
	if (!c) {
		must(e.code < 0 && e.text[0] && e.offset <= size);
		return 0;
	}
	check_rows(c);
	catalog_price(c, slice_sub(text, 0, size / 2), slice_sub(text, size / 2, size), 0);
	struct catalog *below = catalog_read(base, &e);
	struct catalog *over = catalog_overlay(below, text, &e);
	must(below && over);
	catalog_price(over, SLICE("v"), SLICE("anything"), 0);
	catalog_unref(below);
	catalog_unref(over);
	catalog_unref(c);
	return 0;
}
