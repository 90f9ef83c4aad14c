#include "finops/savings_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXTS                         ((size_t)16 << 20)
#define MONTH_MS                      (INT64_C(30) * 24 * 3600 * 1000)
#define DAY_MS                        (INT64_C(24) * 3600 * 1000)
#define LEAST                         INT64_C(10000000) /* a month: a cent; what is less is not named */

#define X(id, name, title, sure, how) {#name, title, sure, how},
static const struct {
	const char *name, *title, *sure, *how;
} kinds[] = {SAVING_LIST(X)};
#undef X

const char *saving_name(enum saving_kind k)
{
	return k < SAVINGS ? kinds[k].name : "";
}
const char *saving_title(enum saving_kind k)
{
	return k < SAVINGS ? kinds[k].title : "";
}
const char *saving_sure(enum saving_kind k)
{
	return k < SAVINGS ? kinds[k].sure : "";
}
const char *saving_how(enum saving_kind k)
{
	return k < SAVINGS ? kinds[k].how : "";
}

/* --- findings -------------------------------------------------------------------------------- */

void finding_add(struct search *x, enum saving_kind k, slice name, int64_t nanousd, int64_t calls)
{
	struct finding *f = &x->of[k];
	struct finding_name *n = map_get(&f->by_name, name.n ? name : SLICE("\1"));
	f->nanousd = num_sat_add_i64(f->nanousd, nanousd);
	f->calls += calls;
	if (n == NULL && f->by_name.n < SAVING_NAMES_MAX) {
		slice kept = arena_copy(&x->out->mem, name.n ? name : SLICE("\1"));
		n = arena_zalloc(&x->out->mem, sizeof *n);
		if (n == NULL || kept.p == NULL || map_put(&f->by_name, kept, n, NULL) != 0) {
			x->rc = ERR_NOMEM;
			return;
		}
		n->name = name.n ? kept : SLICE_NONE;
	}
	if (n)
		n->nanousd = num_sat_add_i64(n->nanousd, nanousd);
}

void finding_instead(struct search *x, enum saving_kind k, slice name, slice instead)
{
	struct finding_name *n = map_get(&x->of[k].by_name, name);
	if (n)
		n->instead = instead;
}

void finding_session(struct search *x, enum saving_kind k, slice session, int64_t nanousd)
{
	struct finding *f = &x->of[k];
	f->sessions++;
	if (nanousd <= f->most)
		return;
	f->most = nanousd;
	f->session = arena_copy(&x->out->mem, session);
	if (f->session.p == NULL)
		x->rc = ERR_NOMEM;
}

void savings_missing(struct search *x, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (n <= 0 || x->out->missing_n == SAVING_MISSING)
		return;
	slice kept = arena_copy(&x->out->mem, slice_of(text));
	if (kept.p)
		x->out->missing[x->out->missing_n++] = kept;
	else
		x->rc = ERR_NOMEM;
}

/* --- ranking --------------------------------------------------------------------------------- */

static void rank_names(const struct finding *f, struct saving *s)
{
	size_t at = 0;
	slice key;
	void *value;
	while (map_each(&f->by_name, &at, &key, &value)) {
		const struct finding_name *n = value;
		size_t to = s->who_n;
		while (to > 0 && (s->who[to - 1].nanousd < n->nanousd ||
		                  (s->who[to - 1].nanousd == n->nanousd &&
		                   slice_cmp(n->name, s->who[to - 1].value) < 0)))
			to--;
		if (to == SAVING_WHO)
			continue;
		size_t end = s->who_n < SAVING_WHO ? s->who_n++ : SAVING_WHO - 1;
		memmove(&s->who[to + 1], &s->who[to], (end - to) * sizeof s->who[0]);
		s->who[to] = (struct saving_who){f->dimension, n->name, n->instead, n->nanousd};
	}
}

static int64_t a_month(const struct savings *s, int64_t nanousd)
{
	int64_t span = s->span_ms > DAY_MS ? s->span_ms : DAY_MS;
	return (int64_t)((__int128)nanousd * MONTH_MS / span);
}

/* Those of parts of the input were not taken from single calls: what those have claimed is taken off. */
static int64_t without_overlap(const struct savings *s, enum saving_kind k, int64_t nanousd)
{
	bool of_calls = k < SAVING_HOUR || k == SAVING_SEATS;
	if (of_calls || s->spent <= 0)
		return nanousd;
	double left = 1 - (double)s->claimed / (double)s->spent;
	return left > 0 ? (int64_t)((double)nanousd * left) : 0;
}

static int rank(struct search *x)
{
	struct savings *s = x->out;
	int64_t sum = 0;
	for (int k = 0; k < SAVINGS && x->rc == 0; k++) {
		const struct finding *f = &x->of[k];
		struct saving one = {.kind = (enum saving_kind)k,
		                     .nanousd = without_overlap(s, (enum saving_kind)k, f->nanousd),
		                     .calls = f->calls,
		                     .sessions = f->sessions,
		                     .session = f->session};
		one.month_nanousd = a_month(s, one.nanousd);
		if (one.month_nanousd < LEAST)
			continue;
		rank_names(f, &one);
		one.instead = one.who_n ? one.who[0].instead : SLICE_NONE;
		x->rc = savings_apply(x, &one);
		sum = num_sat_add_i64(sum, one.month_nanousd);
		size_t at = s->n++;
		for (; at > 0 && s->at[at - 1].month_nanousd < one.month_nanousd; at--)
			s->at[at] = s->at[at - 1];
		s->at[at] = one;
	}
	s->month_nanousd = sum;
	return x->rc;
}

static const char *const dimensions[SAVINGS] = {
    [SAVING_LOOPS] = "user",      [SAVING_LOST] = "provider", [SAVING_CACHE] = "agent",
    [SAVING_SUBAGENTS] = "model", [SAVING_ROUTINE] = "model", [SAVING_HOUR] = "agent",
    [SAVING_TOOLS] = "tool",      [SAVING_RESULTS] = "tool",  [SAVING_SEATS] = "user"};

int savings_run(struct savings *s, const struct savings_ask *ask, struct error *e)
{
	struct search *x = calloc(1, sizeof *x);
	memset(s, 0, sizeof *s);
	arena_init(&s->mem, TEXTS);
	s->since_ms = ask->since_ms;
	s->until_ms = ask->until_ms;
	if (x == NULL || ask->filters_n > LEDGER_FILTERS_MAX) {
		free(x);
		return error_set(e, ERR_NOMEM, "out of memory, or too many filters");
	}
	x->out = s;
	x->ask = ask;
	for (int k = 0; k < SAVINGS; k++) {
		map_init(&x->of[k].by_name, SAVING_NAMES_MAX, ask->seed);
		x->of[k].dimension = dimensions[k];
	}
	int rc = ask->ledger ? savings_calls(x, e) : 0;
	if (rc == 0 && ask->ledger)
		rc = savings_parts(x, e);
	if (rc == 0)
		rc = rank(x);
	for (int k = 0; k < SAVINGS; k++)
		map_release(&x->of[k].by_name);
	free(x);
	return rc && e->text[0] == '\0' ? error_set(e, rc, "out of memory") : rc;
}

void savings_release(struct savings *s)
{
	arena_release(&s->mem);
}
