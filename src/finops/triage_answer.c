#include "finops/triage_answer.h"

#include <stdlib.h>

#include "base/num.h"
#include "finops/alert.h"
#include "store/columns.h"

#define HOUR_MS   INT64_C(3600000)
#define ALERT_MEM ((size_t)256 << 10)

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
	int i = 0;
	for (size_t k = 0; k < sizeof of_report / sizeof of_report[0]; k++)
		if (slice_eq(word, of_report[k]))
			return report_set(&w->r, word, value, e);
	if (slice_eq(word, SLICE("alert"))) {
		if (value.n == 0)
			return error_set(e, ERR_INVALID, "alert is its id, as `weir alert list` shows it");
		w->alert = value;
	} else if (slice_eq(word, SLICE("format"))) {
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
	} else {
		return error_set(e, ERR_NOT_FOUND,
		                 "no parameter \"" SLICE_FMT
		                 "\": there are since, until, where, alert, format",
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

/* --- from an alert --------------------------------------------------------------------------- */

struct from_alert {
	struct triage_ask *ask;
	struct arena *mem;
	struct ledger_filter filters[LEDGER_FILTERS_MAX];
	bool found;
	int rc;
};

/* The window of an alert: from an hour before it on, until it was over. Of a series that was unusual, its
 * calls alone. */
static int on_alert(void *arg, const struct ledger_alert *a)
{
	struct from_alert *f = arg;
	struct alert_cause c;
	f->found = true;
	f->ask->since_ms = num_max_i64((a->since_ms - HOUR_MS) / 60000 * 60000, 1);
	f->ask->until_ms = a->resolved_ms ? num_max_i64(a->resolved_ms, a->since_ms + 60000) : f->ask->now_ms;
	slice body = arena_copy(f->mem, a->body);
	f->rc = body.p ? alert_body_read(body, f->mem, &c) : ERR_NOMEM;
	for (size_t i = 0; f->rc == 0 && slice_eq(a->kind, SLICE("anomaly")) && i < c.labels_n; i++)
		if (column_may_filter(c.labels[i].name) && f->ask->filters_n < LEDGER_FILTERS_MAX)
			f->filters[f->ask->filters_n++] =
			    (struct ledger_filter){c.labels[i].name, c.labels[i].value, true};
	return f->rc ? f->rc : 1;
}

/* Whose alerts may be seen: n 0 all. Somebody who sees only their own calls is known by the filter that no
 * word of theirs can make. */
static slice own_user(const struct ledger_query *q)
{
	for (size_t i = 0; i < q->filters_n; i++)
		if (q->filters[i].exact && slice_eq(q->filters[i].column, SLICE("user")))
			return q->filters[i].value;
	return SLICE_NONE;
}

static int take_alert(const struct triage_words *w, struct from_alert *f, struct error *e)
{
	struct ledger_alert_query q = {.id = w->alert, .user = own_user(&w->r.q), .limit = 1};
	if (w->alert.n == 0)
		return 0;
	if (w->r.since_given || w->r.until_given)
		return error_set(e, ERR_INVALID, "alert has its own window: leave since and until out");
	int rc = f->ask->ledger ? f->ask->ops->alerts->list(f->ask->ledger, &q, on_alert, f, e) : 0;
	if (f->rc)
		return error_set(e, f->rc, "the alert cannot be read");
	if (rc < 0 || f->found)
		return rc < 0 ? rc : 0;
	return error_set(e, ERR_NOT_FOUND, "no alert \"" SLICE_FMT "\": `weir alert list --all` shows them",
	                 SLICE_ARG(slice_sub(w->alert, 0, 60)));
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
	struct arena mem;
	struct from_alert from = {.ask = &ask, .mem = &mem};
	struct triage *t = malloc(sizeof *t);
	if (t == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	arena_init(&mem, ALERT_MEM);
	memcpy(from.filters, q->filters, q->filters_n * sizeof q->filters[0]);
	ask.filters = from.filters;
	int rc = take_alert(w, &from, e);
	if (rc) {
		arena_release(&mem);
		free(t);
		return rc;
	}
	rc = triage_run(t, &ask, e);
	if (rc == 0 && w->format == TRIAGE_JSON)
		rc = triage_json(t, out);
	else if (rc == 0)
		rc = w->format == TRIAGE_MARKDOWN ? triage_markdown(t, out) : triage_text(t, &w->style, out);
	if (type)
		*type = types[w->format];
	triage_release(t);
	free(t);
	arena_release(&mem);
	return rc && e->text[0] == '\0' ? error_set(e, rc, "the answer is too large, or memory is spent")
	                                : rc;
}
