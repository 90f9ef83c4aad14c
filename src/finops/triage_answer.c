#include "finops/triage_answer.h"

#include <stdlib.h>

int triage_words_init(struct triage_words *w, slice timezone, int64_t now_ms, struct error *e)
{
	memset(w, 0, sizeof *w);
	return report_init(&w->r, timezone, now_ms, e);
}

void triage_words_release(struct triage_words *w)
{
	report_release(&w->r);
}

static bool one_of(slice value, const char *const *words, int *out)
{
	for (int i = 0; words[i]; i++)
		if (slice_eq(value, slice_of(words[i]))) {
			*out = i;
			return true;
		}
	return false;
}

int triage_set(struct triage_words *w, slice word, slice value, struct error *e)
{
	static const char *const formats[] = {"table", "json", "markdown", NULL};
	static const char *const bars[] = {"ascii", "utf8", NULL}, *const colours[] = {"no", "yes", NULL};
	static const slice of_report[] = {SLICE("since"), SLICE("until"), SLICE("where")};
	long long width;
	int i = 0;
	for (size_t k = 0; k < sizeof of_report / sizeof of_report[0]; k++)
		if (slice_eq(word, of_report[k]))
			return report_set(&w->r, word, value, e);
	if (slice_eq(word, SLICE("format"))) {
		if (!one_of(value, formats, &i))
			return error_set(e, ERR_INVALID, "format is table, json or markdown");
		w->format = (enum triage_format)i;
	} else if (slice_eq(word, SLICE("bars"))) {
		if (!one_of(value, bars, &i))
			return error_set(e, ERR_INVALID, "bars is ascii or utf8");
		w->style.utf8 = i;
	} else if (slice_eq(word, SLICE("colour"))) {
		if (!one_of(value, colours, &i))
			return error_set(e, ERR_INVALID, "colour is no or yes");
		w->style.colour = i;
	} else if (slice_eq(word, SLICE("width"))) {
		if (!slice_to_i64(value, &width) || width < 0 || width > 10000)
			return error_set(e, ERR_INVALID, "width is a number from 0 to 10000");
		w->style.width = (int)width;
	} else {
		return error_set(e, ERR_NOT_FOUND,
		                 "no parameter \"" SLICE_FMT "\": there are since, until, where, format",
		                 SLICE_ARG(slice_sub(word, 0, 60)));
	}
	return 0;
}

int triage_set_query(struct triage_words *w, slice query, struct arena *mem, struct error *e)
{
	slice word, value;
	while (report_next_word(&query, mem, &word, &value, e)) {
		int rc = word.p ? triage_set(w, word, value, e) : ERR_NOMEM;
		if (rc != 0)
			return rc;
	}
	return 0;
}

int triage_answer(const struct triage_words *w, const struct ledger_ops *ops, struct ledger *l, bool changes,
                  uint64_t seed, struct buf *out, const char **type, struct error *e)
{
	static const char *const types[] = {"text/plain; charset=utf-8", "application/json",
	                                    "text/markdown; charset=utf-8"};
	const struct ledger_query *q = &w->r.q;
	if (w->r.until_given && !w->r.since_given)
		return error_set(e, ERR_INVALID, "until stands with since: say from when on the spend rose");
	struct triage_ask ask = {.ops = ops,
	                         .ledger = l,
	                         .timezone = q->timezone,
	                         .now_ms = w->r.now_ms,
	                         .since_ms = w->r.since_given ? q->since_ms : 0,
	                         .until_ms = w->r.until_given ? q->until_ms : 0,
	                         .filters = q->filters,
	                         .filters_n = q->filters_n,
	                         .changes = changes,
	                         .seed = seed};
	struct triage *t = malloc(sizeof *t);
	if (t == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	int rc = triage_run(t, &ask, e);
	if (rc == 0 && w->format == TRIAGE_JSON)
		rc = triage_json(t, out);
	else if (rc == 0)
		rc = w->format == TRIAGE_MARKDOWN ? triage_markdown(t, out) : triage_text(t, &w->style, out);
	if (type)
		*type = types[w->format];
	triage_release(t);
	free(t);
	return rc && e->text[0] == '\0' ? error_set(e, rc, "the answer is too large, or memory is spent")
	                                : rc;
}
