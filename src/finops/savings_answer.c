#include "finops/savings_answer.h"

#include <stdlib.h>

#include "base/money.h"

int savings_words_init(struct savings_words *w, slice timezone, int64_t now_ms, struct error *e)
{
	memset(w, 0, sizeof *w);
	return report_init(&w->r, timezone, now_ms, e);
}

void savings_words_release(struct savings_words *w)
{
	report_release(&w->r);
}

int savings_set(struct savings_words *w, slice word, slice value, struct error *e)
{
	static const slice of_report[] = {SLICE("since"), SLICE("until"), SLICE("where")};
	for (size_t i = 0; i < sizeof of_report / sizeof of_report[0]; i++)
		if (slice_eq(word, of_report[i]))
			return report_set(&w->r, word, value, e);
	if (slice_eq(word, SLICE("seat"))) {
		if (money_parse(value, &w->seat_nanousd) == 0 && w->seat_nanousd > 0)
			return 0;
		return error_set(e, ERR_INVALID, "seat is what a seat costs a month, like 20 or \"20 USD\"");
	}
	if (!slice_eq(word, SLICE("format")))
		return error_set(e, ERR_NOT_FOUND,
		                 "no parameter \"" SLICE_FMT
		                 "\": there are since, until, where, seat, format",
		                 SLICE_ARG(slice_sub(word, 0, 60)));
	if (!slice_eq(value, SLICE("json")) && !slice_eq(value, SLICE("table")))
		return error_set(e, ERR_INVALID, "format is table or json");
	w->json = slice_eq(value, SLICE("json"));
	return 0;
}

int savings_set_query(struct savings_words *w, slice query, struct arena *mem, struct error *e)
{
	slice word, value;
	while (report_next_word(&query, mem, &word, &value, e)) {
		int rc = word.p ? savings_set(w, word, value, e) : ERR_NOMEM;
		if (rc != 0)
			return rc;
	}
	return 0;
}

int savings_answer(const struct savings_words *w, const struct ledger_ops *ops, struct ledger *l,
                   const struct catalog *catalog, uint64_t seed, struct buf *out, const char **type,
                   struct error *e)
{
	struct report r = w->r;
	int rc = report_ready(&r, e);
	if (rc)
		return rc;
	struct savings_ask ask = {.ops = ops,
	                          .ledger = l,
	                          .since_ms = r.q.since_ms,
	                          .until_ms = r.until_given ? r.q.until_ms : r.now_ms,
	                          .filters = r.q.filters,
	                          .filters_n = r.q.filters_n,
	                          .catalog = catalog,
	                          .seat_nanousd = w->seat_nanousd,
	                          .seed = seed};
	struct savings *s = malloc(sizeof *s);
	if (s == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	rc = savings_run(s, &ask, e);
	if (rc == 0)
		rc = w->json ? savings_json(s, out) : savings_text(s, out);
	if (type)
		*type = w->json ? "application/json" : "text/plain; charset=utf-8";
	savings_release(s);
	free(s);
	return rc && e->text[0] == '\0' ? error_set(e, rc, "the answer is too large, or memory is spent")
	                                : rc;
}
