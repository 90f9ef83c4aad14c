/* Triage as people read it: one screen, and a post-mortem's draft in Markdown. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/money.h"
#include "base/zone.h"
#include "finops/report_cell.h"
#include "finops/triage_impl.h"

#define NAME_WIDTH   36
#define LINE_MAX_    1024
#define FACTOR_LEAST 0.02 /* of the rise: parts that are less are not told */

struct saying {
	const struct triage *t;
	struct buf *out;
	struct zone *zone; /* owned */
	bool markdown, utf8, colour;
	int rc;
};

__attribute__((format(printf, 2, 3))) static void say(struct saying *x, const char *format, ...)
{
	char text[LINE_MAX_];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (x->rc == 0 && n > 0)
		x->rc = buf_append(x->out,
		                   slice_make(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1));
}

/* --- words ----------------------------------------------------------------------------------- */

struct word {
	char s[CELL_MAX * 2 + 8];
};

/* A name from outside, harmless where it is shown. */
static struct word name(const struct saying *x, slice text)
{
	struct cell c;
	struct word w;
	size_t n = 0;
	cell_text(&c, text.n ? text : SLICE("(unknown)"));
	for (size_t i = 0; i < c.n; i++) {
		if (x->markdown && strchr("\\`*_{}[]<>()#+!|~&$", c.s[i]) && c.s[i])
			w.s[n++] = '\\';
		w.s[n++] = c.s[i];
	}
	w.s[n] = '\0';
	return w;
}

static struct word money(int64_t nano)
{
	struct word w;
	char text[MONEY_TEXT_MAX];
	money_format_human(nano, text);
	snprintf(w.s, sizeof w.s, "%s", text);
	return w;
}

/* With its sign in front: "+$4.10", "-$0.02". */
static struct word change(int64_t nano)
{
	struct word w;
	char text[MONEY_TEXT_MAX];
	money_format_human(nano < 0 ? -nano : nano, text);
	snprintf(w.s, sizeof w.s, "%c%s", nano < 0 ? '-' : '+', text);
	return w;
}

static struct word times(const struct saying *x, double v)
{
	struct word w;
	snprintf(w.s, sizeof w.s, v < 10 ? "%s%.2f" : "%s%.0f", x->utf8 ? "×" : "x", v);
	return w;
}

static struct word local(const struct saying *x, int64_t ms, const char *how)
{
	struct word w;
	int64_t s = ms / 1000, at = s + zone_offset(x->zone, s), year;
	int month, day;
	zone_date_of(at / 86400, &year, &month, &day);
	int second = (int)(at % 86400);
	if (how[0] == 'd')
		snprintf(w.s, sizeof w.s, "%04d-%02d-%02d %02d:%02d", (int)year, month, day, second / 3600,
		         second / 60 % 60);
	else
		snprintf(w.s, sizeof w.s, "%02d:%02d", second / 3600, second / 60 % 60);
	return w;
}

static struct word label(const struct saying *x, const struct triage_cause *c)
{
	struct word w;
	size_t n = 0;
	snprintf(w.s, sizeof w.s, "all of it, alike");
	for (size_t i = 0; i < c->what_n; i++) {
		int len = snprintf(w.s + n, sizeof w.s - n, "%s%s %s", i ? ", " : "",
		                   triage_dim_name(c->what[i].dim), name(x, c->what[i].text).s);
		if (len > 0 && (size_t)len < sizeof w.s - n)
			n += (size_t)len;
	}
	return w;
}

static int64_t rise(const struct triage *t)
{
	return t->after - t->before;
}

static void head(struct saying *x, const char *text)
{
	if (x->markdown)
		say(x, "\n## %s\n\n", text);
	else
		say(x, "\n%s%s%s\n", x->colour ? "\033[1m" : "", text, x->colour ? "\033[0m" : "");
}

/* --- what happened --------------------------------------------------------------------------- */

static int64_t earliest(const struct triage *t)
{
	int64_t ms = t->since_ms;
	for (size_t i = 0; i < t->spans_n; i++)
		ms = num_min_i64(ms, t->spans[i].since_ms);
	return ms;
}

static void say_window(struct saying *x)
{
	const struct triage *t = x->t;
	int64_t minutes = (t->until_ms - t->since_ms) / 60000;
	if (t->found && !t->unusual)
		say(x, "No hour of the last two days is far from usual; this is what is least so.\n");
	say(x, "%s%s in %lld h %02lld m from %s to %s", money(t->after).s,
	    t->plan ? " of list value on plans (not spent)" : "", (long long)(minutes / 60),
	    (long long)(minutes % 60), local(x, t->since_ms, "date").s, local(x, t->until_ms, "time").s);
	if (t->spans_n == 0)
		say(x, "; the ledger has no earlier time to hold it against.\n");
	else if (t->before > 0)
		say(x, ": %s what is usual there (%s), %s.\n",
		    times(x, (double)t->after / (double)t->before).s, money(t->before).s, change(rise(t)).s);
	else
		say(x, ", where nothing is usual.\n");
	if (t->spans_n)
		say(x, "Usual: the mean of %zu like span%s before, the earliest of %s.\n", t->spans_n,
		    t->spans_n == 1 ? "" : "s", local(x, earliest(t), "date").s);
	if (t->takings.unpriced)
		say(x, "%lld calls have no price and are not in these sums: `weir price check` says which.\n",
		    (long long)t->takings.unpriced);
	if (t->takings.lumped || t->takings.events_lost)
		say(x,
		    "There are more calls than can be told apart one by one: a shorter window tells more.\n");
	if (t->takings.refused)
		say(x, "%lld calls were refused.\n", (long long)t->takings.refused);
}

static void say_same(struct saying *x, const struct triage_cause *c)
{
	if (c->same_n == 0)
		return;
	say(x, "%s", x->markdown ? " (nearly the same calls: " : "      nearly the same calls: ");
	for (size_t i = 0; i < c->same_n; i++)
		say(x, "%s%s %s", i ? ", " : "", triage_dim_name(c->same[i].dim), name(x, c->same[i].text).s);
	say(x, x->markdown ? ")" : "\n");
}

static void say_cause(struct saying *x, size_t i)
{
	const struct triage *t = x->t;
	const struct triage_cause *c = &t->causes[i];
	struct word share = {""};
	if (rise(t) > 0)
		snprintf(share.s, sizeof share.s, "%.0f %% of the rise",
		         100 * (double)(c->after - c->before) / (double)rise(t));
	if (x->markdown) {
		say(x, "%zu. **%s**", i + 1, label(x, c).s);
		say_same(x, c);
		say(x, ": %s, usual %s, %s, %s\n", money(c->after).s,
		    c->new_here ? "none" : money(c->before).s, change(c->after - c->before).s, share.s);
		return;
	}
	say(x, "  %zu  %-*s %10s  usual %9s  %10s  %s\n", i + 1, NAME_WIDTH, label(x, c).s, money(c->after).s,
	    c->new_here ? "none" : money(c->before).s, change(c->after - c->before).s, share.s);
	say_same(x, c);
}

/* --- why ------------------------------------------------------------------------------------- */

static struct word level(enum split f, double v)
{
	struct word w;
	if (f == SPLIT_CACHE)
		snprintf(w.s, sizeof w.s, "%.0f %%", v * 100);
	else if ((f == SPLIT_CONTEXT || f == SPLIT_OUTPUT) && v >= 1000)
		snprintf(w.s, sizeof w.s, v >= 10000 ? "%.0fk" : "%.1fk", v / 1000);
	else
		snprintf(w.s, sizeof w.s, v < 10 ? "%.2f" : "%.0f", v);
	return w;
}

static void say_factors(struct saying *x, const struct split_result *s, int64_t whole)
{
	if (x->markdown)
		say(x,
		    "| | before | now | times | part of the rise |\n| --- | ---: | ---: | ---: | ---: |\n");
	for (int f = 0; f < SPLIT_N; f++) {
		const struct split_part *p = &s->part[f];
		struct word before = {""}, after = {""};
		if (fabs((double)p->nanousd) < FACTOR_LEAST * fabs((double)whole))
			continue;
		if (p->known) {
			before = level((enum split)f, p->before);
			after = level((enum split)f, p->after);
		}
		const char *to = !p->known ? "  " : x->utf8 ? "\u2192 " : "->";
		if (x->markdown)
			say(x, "| %s | %s | %s | %s | %s |\n", split_text((enum split)f), before.s, after.s,
			    times(x, p->times).s, change(p->nanousd).s);
		else
			say(x, "     %-20s %8s %s %-8s %6s  %11s\n", split_text((enum split)f), before.s, to,
			    after.s, times(x, p->times).s, change(p->nanousd).s);
	}
}

static void say_why(struct saying *x)
{
	const struct triage *t = x->t;
	if (t->spans_n == 0 || rise(t) == 0)
		return;
	head(x, "Why: what changed, in money (the parts are the rise; the factors multiply to it)");
	say_factors(x, &t->whole, rise(t));
	if (t->causes_n && t->causes[0].what_n && !t->causes[0].new_here) {
		struct word of = label(x, &t->causes[0]);
		char text[sizeof of.s + 16];
		snprintf(text, sizeof text, "Of 1, %s", of.s);
		head(x, text);
		say_factors(x, &t->of_cause, t->causes[0].after - t->causes[0].before);
	}
}

/* --- when ------------------------------------------------------------------------------------ */

#define COLUMNS_MOST 60

/* A line of bars, several points a column. */
static void draw(struct saying *x)
{
	static const char *const bars[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char ascii[] = " .:-=+*#@";
	const struct triage *t = x->t;
	int64_t sum[COLUMNS_MOST] = {0}, most = 0;
	size_t each = (t->points_n + COLUMNS_MOST - 1) / COLUMNS_MOST;
	if (t->points_n < 2 || each == 0)
		return;
	for (size_t i = 0; i < t->points_n; i++)
		sum[i / each] += t->points[i].spent;
	for (size_t i = 0; i < COLUMNS_MOST; i++)
		most = sum[i] > most ? sum[i] : most;
	say(x, "     %s ", local(x, t->points[0].at_ms, "time").s);
	for (size_t i = 0; most > 0 && i <= (t->points_n - 1) / each; i++) {
		int h = sum[i] <= 0 ? 0 : 1 + (int)((double)sum[i] * 7 / (double)most);
		if (x->utf8)
			say(x, "%s", bars[h > 8 ? 8 : h]);
		else
			say(x, "%c", ascii[h > 8 ? 8 : h]);
	}
	say(x, " %s, at most %s in %lld min\n", local(x, t->until_ms, "time").s, money(most).s,
	    (long long)((int64_t)each * t->step_ms / 60000));
}

static void say_near(struct saying *x, const struct triage_near *n)
{
	const char *mark = x->markdown ? "- " : "     ";
	struct word at = local(x, n->at_ms, "date");
	if (n->kind == NEAR_NEW)
		say(x, "%s%s  %s %s was seen for the first time\n", mark, at.s, triage_dim_name(n->what.dim),
		    name(x, n->what.text).s);
	else if (n->kind == NEAR_CHANGE)
		say(x, "%s%s  %s, by %s\n", mark, at.s, name(x, n->text).s, name(x, n->who).s);
	else
		say(x, "%s%s  storm: %s (session %s)\n", mark, at.s, name(x, n->text).s, name(x, n->who).s);
}

#define TIMELINE_ROWS 24

/* The spend of the first cause over time, and when it was at its most. */
static void say_timeline(struct saying *x)
{
	const struct triage *t = x->t;
	size_t each = (t->points_n + TIMELINE_ROWS - 1) / TIMELINE_ROWS, most = 0;
	for (size_t i = 0; i < t->points_n; i++)
		most = t->points[i].spent > t->points[most].spent ? i : most;
	if (each == 0)
		return;
	say(x, "- It was at its most at %s: %s in %lld min.\n", local(x, t->points[most].at_ms, "date").s,
	    money(t->points[most].spent).s, (long long)(t->step_ms / 60000));
	say(x, "\n| from | spent | usual |\n| --- | ---: | ---: |\n");
	for (size_t i = 0; i < t->points_n; i += each) {
		int64_t spent = 0, usual = 0;
		for (size_t k = i; k < i + each && k < t->points_n; k++) {
			spent += t->points[k].spent;
			usual += t->points[k].usual;
		}
		say(x, "| %s | %s | %s |\n", local(x, t->points[i].at_ms, "date").s, money(spent).s,
		    money(usual).s);
	}
}

static void say_when(struct saying *x)
{
	const struct triage *t = x->t;
	if (t->first_ms == 0 && t->near_n == 0)
		return;
	head(x, x->markdown ? "Timeline" : "When");
	if (t->first_ms)
		say(x, "%sIt began at %s.\n", x->markdown ? "- " : "     ", local(x, t->first_ms, "date").s);
	if (!x->markdown)
		draw(x);
	for (size_t i = 0; i < t->near_n; i++)
		say_near(x, &t->near[i]);
	if (x->markdown)
		say_timeline(x);
}

/* --- sessions, and what stops it ------------------------------------------------------------- */

static void say_session(struct saying *x, const struct triage_session *s)
{
	say(x, "%s%s  %s, %s, %s: %s, %lld calls", x->markdown ? "- " : "     ", name(x, s->id).s,
	    name(x, s->user).s, name(x, s->agent).s, name(x, s->model).s, money(s->f.spent).s,
	    (long long)s->f.calls);
	if (s->f.first_context != RECORD_ABSENT && s->f.last_context != s->f.first_context)
		say(x, ", context %s to %s", level(SPLIT_CONTEXT, (double)s->f.first_context).s,
		    level(SPLIT_CONTEXT, (double)s->f.last_context).s);
	if (s->f.input > 0)
		say(x, ", %.0f %% cached", 100 * (double)s->f.read / (double)s->f.input);
	if (s->f.retries)
		say(x, ", %lld retries", (long long)s->f.retries);
	say(x, "\n");
	if (s->f.evidence.n)
		say(x, "%sstorm (%s): %s\n", x->markdown ? "  " : "        ", name(x, s->f.rule).s,
		    name(x, s->f.evidence).s);
}

static void say_command(struct saying *x, const struct triage_contain *c)
{
	slice rest = c->command, line;
	say(x, "     # " SLICE_FMT "\n", SLICE_ARG(c->does));
	while (slice_split(&rest, '\n', &line))
		say(x, "     " SLICE_FMT "\n", SLICE_ARG(line));
}

static void say_contain(struct saying *x)
{
	const struct triage *t = x->t;
	if (t->contain_n == 0)
		return;
	head(x, "To stop it (copy one)");
	for (size_t i = 0; i < t->contain_n; i++) {
		const struct triage_contain *c = &t->contain[i];
		if (x->markdown)
			say(x, "%s%s:\n\n```%s\n" SLICE_FMT "\n```\n", i ? "\n" : "", c->does.p,
			    c->settings ? "yaml" : "sh", SLICE_ARG(c->command));
		else
			say_command(x, c);
	}
}

static int begin(struct saying *x, struct error *e)
{
	x->zone = zone_load(x->t->timezone, e);
	return x->zone ? 0 : ERR_NOT_FOUND;
}

static int end(struct saying *x)
{
	zone_free(x->zone);
	return x->rc;
}

static void say_all(struct saying *x)
{
	const struct triage *t = x->t;
	say_window(x);
	if (t->causes_n) {
		head(x, "What carries the rise");
		for (size_t i = 0; i < t->causes_n; i++)
			say_cause(x, i);
	}
	say_why(x);
	say_when(x);
	if (t->sessions_n) {
		head(x, t->causes_n && t->causes[0].what_n ? "Dearest sessions of 1" : "Dearest sessions");
		for (size_t i = 0; i < t->sessions_n; i++)
			say_session(x, &t->sessions[i]);
	}
	say_contain(x);
}

int triage_text(const struct triage *t, const struct report_style *s, struct buf *out)
{
	struct error e = {0};
	struct saying x = {.t = t, .out = out, .utf8 = s->utf8, .colour = s->colour};
	int rc = begin(&x, &e);
	if (rc)
		return rc;
	if (t->after == 0 && t->before == 0)
		say(&x, "Nothing was spent in the window, and nothing usually is.\n");
	else
		say_all(&x);
	return end(&x);
}

int triage_markdown(const struct triage *t, struct buf *out)
{
	struct error e = {0};
	struct saying x = {.t = t, .out = out, .markdown = true, .utf8 = true};
	int rc = begin(&x, &e);
	if (rc)
		return rc;
	say(&x, "# Incident of %s: spend\n\nDraft by `weir triage`, %s (%s). Times are of that zone.\n\n",
	    local(&x, t->first_ms ? t->first_ms : t->since_ms, "date").s, local(&x, t->now_ms, "date").s,
	    t->timezone.n ? name(&x, t->timezone).s : "UTC");
	head(&x, "Summary");
	say_all(&x);
	say(&x,
	    "\n## Impact\n\n%s more than usual.\n\n## Detection, response, lessons\n\n"
	    "- How was it noticed, and how long after it began?\n- Who stopped it, when, and how?\n"
	    "- Which limit would have stopped it by itself?\n",
	    change(rise(t)).s);
	return end(&x);
}
