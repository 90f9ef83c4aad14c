#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/money.h"
#include "finops/report_cell.h"
#include "finops/savings.h"
#include "text/jsonw.h"

/* --- JSON ------------------------------------------------------------------------------------ */

static void put_text(struct jsonw *w, const char *key, slice text)
{
	jsonw_put_string(w, slice_of(key), text.n ? text : SLICE_NONE);
}

static void put_time(struct jsonw *w, const char *key, int64_t ms)
{
	char text[CLOCK_RFC3339_MAX];
	size_t n = clock_format_rfc3339(ms, text);
	jsonw_put_string(w, slice_of(key), slice_make(text, n));
}

static void put_saving(struct jsonw *w, const struct saving *s)
{
	jsonw_object(w);
	put_text(w, "kind", slice_of(saving_name(s->kind)));
	put_text(w, "title", slice_of(saving_title(s->kind)));
	jsonw_put_i64(w, SLICE("month_nanousd"), s->month_nanousd);
	jsonw_put_i64(w, SLICE("window_nanousd"), s->nanousd);
	put_text(w, "confidence", slice_of(saving_sure(s->kind)));
	put_text(w, "estimate", slice_of(saving_how(s->kind)));
	jsonw_put_i64(w, SLICE("calls"), s->calls);
	jsonw_put_i64(w, SLICE("sessions"), s->sessions);
	jsonw_key(w, SLICE("where"));
	jsonw_array(w);
	for (size_t i = 0; i < s->who_n; i++) {
		jsonw_object(w);
		put_text(w, "dimension", slice_of(s->who[i].dimension));
		put_text(w, "value", s->who[i].value);
		put_text(w, "instead", s->who[i].instead);
		jsonw_put_i64(w, SLICE("window_nanousd"), s->who[i].nanousd);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
	put_text(w, "session", s->session);
	put_text(w, "command", s->command);
	put_text(w, "settings", s->settings);
	put_text(w, "does", s->does);
	jsonw_object_end(w);
}

int savings_json(const struct savings *s, struct buf *out)
{
	struct jsonw w;
	jsonw_init(&w, out);
	jsonw_object(&w);
	put_time(&w, "since", s->since_ms);
	put_time(&w, "until", s->until_ms);
	jsonw_put_i64(&w, SLICE("days"), (s->span_ms + 86399999) / 86400000);
	jsonw_put_i64(&w, SLICE("cost_nanousd"), s->spent);
	jsonw_put_i64(&w, SLICE("month_nanousd"), s->month_nanousd);
	jsonw_key(&w, SLICE("savings"));
	jsonw_array(&w);
	for (size_t i = 0; i < s->n; i++)
		put_saving(&w, &s->at[i]);
	jsonw_array_end(&w);
	jsonw_key(&w, SLICE("missing"));
	jsonw_array(&w);
	for (size_t i = 0; i < s->missing_n; i++)
		jsonw_string(&w, s->missing[i]);
	jsonw_array_end(&w);
	jsonw_object_end(&w);
	int rc = jsonw_end(&w);
	return rc ? rc : buf_append(out, SLICE("\n"));
}

/* --- for people ------------------------------------------------------------------------------ */

struct saying {
	struct buf *out;
	int rc;
};

__attribute__((format(printf, 2, 3))) static void say(struct saying *x, const char *format, ...)
{
	char text[2048];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (x->rc == 0 && n > 0)
		x->rc = buf_append(x->out,
		                   slice_make(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1));
}

static void say_name(struct saying *x, slice text)
{
	struct cell c;
	cell_text(&c, text.n ? text : SLICE("(unknown)"));
	say(x, SLICE_FMT, (int)c.n, c.s);
}

static void say_lines(struct saying *x, slice text)
{
	slice line;
	while (slice_split(&text, '\n', &line))
		say(x, "       " SLICE_FMT "\n", SLICE_ARG(line));
}

static void say_saving(struct saying *x, size_t at, const struct saving *s)
{
	char month[MONEY_TEXT_MAX], part[MONEY_TEXT_MAX];
	money_format_human(s->month_nanousd, month);
	say(x, "\n%2zu  %10s a month  %s (confidence: %s)\n", at + 1, month, saving_title(s->kind),
	    saving_sure(s->kind));
	say(x, "     %lld calls", (long long)s->calls);
	if (s->sessions)
		say(x, " in %lld sessions", (long long)s->sessions);
	for (size_t i = 0; i < s->who_n; i++) {
		money_format_human(s->who[i].nanousd, part);
		say(x, "%s", i ? ", " : ": ");
		say_name(x, s->who[i].value);
		say(x, " %s", part);
		if (s->who[i].instead.n) {
			say(x, " (instead: ");
			say_name(x, s->who[i].instead);
			say(x, ")");
		}
	}
	if (s->session.n) {
		say(x, "; most in session ");
		say_name(x, s->session);
	}
	say(x, "\n     Estimate: %s.\n     To do: " SLICE_FMT ".\n", saving_how(s->kind), SLICE_ARG(s->does));
	say_lines(x, s->command);
	say_lines(x, s->settings);
}

int savings_text(const struct savings *s, struct buf *out)
{
	struct saying x = {.out = out};
	int64_t days = (s->span_ms + 86399999) / 86400000;
	char text[MONEY_TEXT_MAX], month[MONEY_TEXT_MAX];
	money_format_human(s->spent, text);
	money_format_human(s->month_nanousd, month);
	if (s->n)
		say(&x,
		    "%s a month could be saved, by %lld day%s of the ledger (%s spent by the token).\n"
		    "Overlaps are taken off; sums behind names are of these days.\n",
		    month, (long long)days, days == 1 ? "" : "s", text);
	else
		say(&x, "Nothing to save was found (%s spent by the token).\n", text);
	for (size_t i = 0; i < s->n; i++)
		say_saving(&x, i, &s->at[i]);
	for (size_t i = 0; i < s->missing_n; i++)
		say(&x, "%s " SLICE_FMT ".\n", i ? " -" : "\nNot looked at:\n -", SLICE_ARG(s->missing[i]));
	return x.rc;
}
