#include "gateway/console_page.h"

#include <stdio.h>

#include "base/zone.h"
#include "finops/report.h"
#include "finops/report_cell.h"
#include "gateway/console_style.h"

#define ROWS_SHOWN  12
#define CALLS_SHOWN 15
#define NAME_SHOWN  48 /* characters */
#define NAME_NARROW 26 /* more than these may be cut by the style sheet */

int console_escape(struct buf *out, slice text, bool json)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		const char *as = NULL;
		if ((unsigned char)c < 0x20 || c == 0x7f)
			as = json && c == '\n' ? "\\n" : "?";
		else if (json)
			as = c == '"' ? "\\\"" : c == '\\' ? "\\\\" : NULL;
		else if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'')
			as = c == '<'   ? "&lt;"
			     : c == '>' ? "&gt;"
			     : c == '&' ? "&amp;"
			     : c == '"' ? "&quot;"
			                : "&#39;";
		int r = as ? buf_append(out, slice_of(as)) : buf_append(out, slice_make(&c, 1));
		if (r)
			return r;
	}
	return 0;
}

/* A table of groups. */
struct groups {
	const char *title, *by, *heads; /* heads: of the dimensions, as HTML */
	bool narrow;                    /* half the page: cost, bar and calls alone */
	size_t cut;                     /* characters shown of the first dimension; 0: all */
};

struct page {
	struct console_context *c;
	const struct console_reader *who;
	struct buf *out;
	struct zone *zone; /* owned */
	int64_t now_ms;
	int failed; /* the first error of writing */
	const struct groups *groups;
	size_t by_n, rows;
	int64_t most;
	bool refused; /* there are refusals to show */
};

/* --- pieces ------------------------------------------------------------------ */

static void put(struct page *p, const char *html)
{
	if (p->failed == 0)
		p->failed = buf_append(p->out, slice_of(html));
}

/* A text from outside, at most max bytes of it (0: all). What turns the direction of writing is taken out of
 * it by cell_text. */
static void put_text(struct page *p, slice text, size_t max)
{
	struct cell cell;
	cell_text(&cell, text);
	cell_cut(&cell, max, true);
	if (p->failed == 0)
		p->failed = console_escape(p->out, slice_make(cell.s, cell.n), false);
}

/* A name, with a place to break its line before '@' and after '/'. */
static void put_breakable(struct page *p, slice text)
{
	struct cell cell;
	cell_text(&cell, text);
	cell_cut(&cell, NAME_SHOWN, true);
	slice rest = slice_make(cell.s, cell.n);
	for (size_t i = 0; i <= rest.n && p->failed == 0; i++) {
		bool at = i < rest.n && rest.p[i] == '@', slash = i > 0 && rest.p[i - 1] == '/';
		if (i < rest.n && (i == 0 || !(at || slash)))
			continue;
		p->failed = console_escape(p->out, slice_sub(rest, 0, i), false);
		if (i < rest.n)
			put(p, "<wbr>");
		rest = slice_sub(rest, i, rest.n);
		i = 0;
		if (rest.n == 0)
			break;
	}
}

/* A cell; cut: characters of an id that are shown, 0: a name. The whole is told to who points at it. */
static void put_name(struct page *p, slice text, size_t cut, bool wide_only)
{
	if (text.p == NULL || text.n == 0) {
		put(p, wide_only ? "<td class=\"off x\">unknown" : "<td class=off>unknown");
		return;
	}
	put(p, cut ? "<td class=s" : wide_only ? "<td class=\"t x\"" : "<td class=t");
	if (text.n > (cut ? cut : NAME_NARROW)) {
		put(p, " title=\"");
		put_text(p, text, 0);
		put(p, "\"");
	}
	put(p, ">");
	if (cut)
		put_text(p, text, cut);
	else
		put_breakable(p, text);
}

/* Money is aligned at its point: what is missing of four decimals is there unseen. */
static void put_money_padding(struct page *p, slice text)
{
	static const char *const zeros[] = {"<i aria-hidden=true>0000</i>", "<i aria-hidden=true>000</i>",
	                                    "<i aria-hidden=true>00</i>", "<i aria-hidden=true>0</i>"};
	ptrdiff_t point = slice_find_char(text, '.');
	size_t decimals = point < 0 ? 0 : text.n - (size_t)point - 1;
	if (point >= 0 && decimals < 4)
		put(p, zeros[decimals]);
}

static const struct measure *measure_of(const char *name)
{
	const struct measure *of = NULL;
	for (size_t i = 0; (of = report_measure_at(i)) != NULL; i++)
		if (strcmp(of->name, name) == 0)
			break;
	return of;
}

static void put_measure(struct page *p, const char *name, const struct ledger_measures *m, bool column)
{
	const struct measure *of = measure_of(name);
	struct cell cell = {0};
	if (of == NULL)
		return;
	cell_measure(&cell, of, report_measure(of, m));
	if (p->failed == 0)
		p->failed = buf_append(p->out, slice_make(cell.s, cell.n));
	if (column && of->kind == MEASURE_MONEY)
		put_money_padding(p, slice_make(cell.s, cell.n));
}

/* --- questions --------------------------------------------------------------- */

typedef int group_fn(void *arg, const struct ledger_group *g);

/* who: one who may see their own only. */
static int own_only(struct page *p, struct report *r, struct error *e)
{
	slice user = name_get(&p->who->user);
	if (p->who->all)
		return 0;
	if (user.n == 0)
		return error_set(e, ERR_REFUSED, "this key has no user, and so no calls of its own to show");
	return report_only(r, SLICE("user"), user, e);
}

/* by NULL: the total alone. on_row: the newest calls instead. */
static int ask(struct page *p, const char *by, const char *since, group_fn *on,
               int (*on_row)(void *, const struct record *), struct ledger_measures *total)
{
	struct report r;
	struct error e = {0};
	if (report_init(&r, p->c->timezone, p->now_ms, &e))
		return ERR_IO;
	int code = by ? report_set(&r, SLICE("by"), slice_of(by), &e) : 0;
	if (code == 0)
		code = report_set(&r, SLICE("since"), slice_of(since), &e);
	if (code == 0)
		code = own_only(p, &r, &e);
	if (code == 0)
		code = report_ready(&r, &e);
	if (by == NULL)
		r.q.by_n = 0;
	p->by_n = r.q.by_n;
	p->rows = 0;
	r.q.newest_first = true;
	r.q.limit = CALLS_SHOWN;
	if (code == 0)
		code = on_row ? p->c->ops->rows(p->c->ledger, &r.q, on_row, p, &e)
		              : p->c->ops->report(p->c->ledger, &r.q, on, p, total, &e);
	report_release(&r);
	if (code)
		log_event(p->c->shared->log, LOG_ERROR, "console.page", LOG_Z("message", e.text));
	return code;
}

static int ignore_group(void *arg, const struct ledger_group *g)
{
	(void)arg, (void)g;
	return 0;
}

/* --- tiles ------------------------------------------------------------------- */

static void tile(struct page *p, const char *measure, const struct ledger_measures *m, const char *what)
{
	put(p, "<div class=tile><b>");
	put_measure(p, measure, m, false);
	put(p, "</b><span>");
	put(p, what);
	put(p, "</span></div>");
}

static int tiles(struct page *p)
{
	struct ledger_measures day, week;
	if (ask(p, NULL, "today", ignore_group, NULL, &day) || ask(p, NULL, "7d", ignore_group, NULL, &week))
		return ERR_IO;
	p->refused = week.refused > 0;
	put(p, "<div class=tiles>");
	tile(p, "cost_nanousd", &day, "spent today");
	tile(p, "cost_nanousd", &week, "spent in 7 days");
	if (week.subscription_nanousd > 0)
		tile(p, "subscription_nanousd", &week, "list value on subscriptions, not spent");
	tile(p, "calls", &week, "calls in 7 days");
	tile(p, "sessions", &week, "sessions in 7 days");
	tile(p, "cache_hit_ratio", &week, "input from cache");
	if (p->refused)
		tile(p, "refused", &week, "refused in 7 days");
	put(p, "</div>");
	return p->failed;
}

/* --- groups ------------------------------------------------------------------ */

static int on_group(void *arg, const struct ledger_group *g)
{
	struct page *p = arg;
	bool narrow = p->groups->narrow;
	if (narrow && g->m.calls == 0)
		return 0; /* refusals alone */
	if (p->rows == 0)
		p->most = g->m.cost_nanousd > 0 ? g->m.cost_nanousd : 1;
	if (p->rows++ >= ROWS_SHOWN)
		return 0;
	put(p, "<tr>");
	for (size_t i = 0; i < p->by_n; i++)
		put_name(p, g->key[i], i == 0 ? p->groups->cut : 0, i >= 2);
	put(p, "<td class=n>");
	put_measure(p, "cost_nanousd", &g->m, true);
	int64_t share = g->m.cost_nanousd > 0 ? (int64_t)((__int128)g->m.cost_nanousd * 100 / p->most) : 0;
	put(p, "<td class=w>");
	if (g->m.cost_nanousd > 0 && p->failed == 0)
		p->failed = buf_printf(p->out, "<div><span style=\"width:%d%%\"></span></div>",
		                       (int)(share > 100 ? 100 : share));
	put(p, "<td class=n>");
	put_measure(p, "calls", &g->m, true);
	if (p->refused && !narrow) {
		put(p, "<td class=\"n x\">");
		if (g->m.refused)
			put_measure(p, "refused", &g->m, true);
	}
	static const char *const rest[] = {"context_tokens", "cache_hit_ratio", "output_tokens"};
	for (size_t i = 0; i < sizeof rest / sizeof *rest && !narrow; i++) {
		put(p, "<td class=\"n x\">");
		put_measure(p, rest[i], &g->m, true);
	}
	put(p, "</tr>");
	return p->failed;
}

static int groups(struct page *p, const struct groups *of)
{
	struct ledger_measures total;
	p->groups = of;
	put(p, "<div><h2>");
	put(p, of->title);
	put(p, "</h2><div class=card><table><thead><tr>");
	put(p, of->heads);
	put(p, "<th class=n>Cost<th><th class=n>Calls");
	if (p->refused && !of->narrow)
		put(p, "<th class=\"n x\">Refused");
	if (!of->narrow)
		put(p, "<th class=\"n x\">Input<th class=\"n x\">Cached<th class=\"n x\">Output");
	put(p, "</tr></thead><tbody>");
	if (ask(p, of->by, "7d", on_group, NULL, &total))
		return ERR_IO;
	if (p->rows > ROWS_SHOWN && p->failed == 0)
		p->failed = buf_printf(p->out,
		                       "<tr><td class=say colspan=9>and %zu more: "
		                       "<code>weir report --by %s --since 7d</code></tr>",
		                       p->rows - ROWS_SHOWN, of->by);
	put(p, "</tbody></table></div></div>");
	return p->failed;
}

/* --- the latest calls -------------------------------------------------------- */

static void put_time(struct page *p, int64_t ms)
{
	int64_t from, to, local = ms / 1000 + zone_offset(p->zone, ms / 1000);
	char day[ZONE_LABEL_MAX];
	int second = (int)(local % 86400);
	zone_span(p->zone, ZONE_DAY, ms, &from, &to);
	zone_label(p->zone, ZONE_DAY, from, day);
	bool today = p->now_ms >= from && p->now_ms < to;
	if (p->failed == 0)
		p->failed =
		    buf_printf(p->out, "<td>%s%s%02d:%02d<span class=x>:%02d</span>", today ? "" : day,
		               today ? "" : " ", second / 3600, second / 60 % 60, second % 60);
}

static const char *ending_words(enum ending e)
{
	static const char *const words[ENDING_N] = {
	    [ENDING_COMPLETE] = "",
	    [ENDING_CLIENT_GONE] = "The client left in the middle of the answer.",
	    [ENDING_PROVIDER_GONE] = "The provider broke off.",
	    [ENDING_PROVIDER_ERROR] = "The provider answered with an error.",
	    [ENDING_TIMEOUT] = "The provider took too long.",
	    [ENDING_TRUNCATED] = "Ended by Weir.",
	    [ENDING_REFUSED] = "Refused.",
	    [ENDING_CRASH] = "Cut off by a crash, and booked at its worst case.",
	};
	return e < ENDING_N && words[e] ? words[e] : "";
}

static void put_call_figures(struct page *p, const struct record *r)
{
	const struct {
		const char *measure;
		int64_t value;
	} figures[] = {
	    {"context_tokens", r->context_tokens},
	    {"output_tokens", r->usage.m[METER_OUTPUT]},
	    {"cost_nanousd", !r->priced || r->ending == ENDING_REFUSED ? RECORD_ABSENT
	                     : r->billing == BILLING_SUBSCRIPTION      ? 0
	                                                               : r->cost.total},
	};
	for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
		const struct measure *of = measure_of(figures[i].measure);
		struct cell cell = {0};
		cell_measure(&cell, of, figures[i].value);
		put(p, of->kind == MEASURE_MONEY ? "<td class=n>" : "<td class=\"n x\">");
		put_text(p, slice_make(cell.s, cell.n), 0);
		if (of->kind == MEASURE_MONEY)
			put_money_padding(p, slice_make(cell.s, cell.n));
	}
}

/* A call; and a row beneath it when there is something to say of how it ended. */
static int on_call(void *arg, const struct record *r)
{
	struct page *p = arg;
	slice model =
	    r->text[TEXT_MODEL_SERVED].n ? r->text[TEXT_MODEL_SERVED] : r->text[TEXT_MODEL_REQUESTED];
	bool refused = r->ending == ENDING_REFUSED;
	p->rows++;
	put(p, "<tr>");
	put_time(p, r->time_ms);
	put_name(p, r->who.v[ATTR_USER], 0, false);
	put_name(p, r->who.v[ATTR_AGENT], 0, true);
	put_name(p, r->who.v[ATTR_REPO], 0, true);
	put_name(p, model, 0, false);
	put_call_figures(p, r);
	put(p, "</tr>");
	if (r->ending == ENDING_COMPLETE)
		return p->failed;
	put(p, refused ? "<tr class=more><td><td colspan=7 class=\"say bad\">Refused: "
	               : "<tr class=more><td><td colspan=7 class=say>");
	if (refused && r->text[TEXT_EXPLANATION].n)
		put_text(p, r->text[TEXT_EXPLANATION], 150);
	else
		put(p, ending_words(r->ending));
	put(p, "</tr>");
	return p->failed;
}

static int latest_calls(struct page *p)
{
	put(p,
	    "<h2>Latest calls</h2><div class=card><table><thead><tr><th>Time<th>User<th class=x>Agent"
	    "<th class=x>Repository<th>Model<th class=\"n x\">Input<th class=\"n x\">Output<th class=n>Cost"
	    "</tr></thead><tbody>");
	if (ask(p, NULL, "7d", NULL, on_call, NULL))
		return ERR_IO;
	put(p, "</tbody></table></div>");
	return p->failed;
}

/* --- the page ---------------------------------------------------------------- */

static void head(struct page *p)
{
	put(p, "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
	       "content=\"width=device-width,initial-scale=1\"><meta http-equiv=refresh content=10>"
	       "<link rel=icon href=\"data:,\"><title>Weir</title><style>");
	put(p, console_style);
	put(p, "</style><main><h1>Weir</h1><p>What ");
	if (p->who->all) {
		put(p, "the agents of this gateway");
	} else {
		put(p, "the agents of <b>");
		put_text(p, name_get(&p->who->user), 0);
		put(p, "</b>");
	}
	put(p, " spent, and on what. Refreshed every ten seconds.</p>");
	if (p->c->simulated)
		put(p, "<p class=note><b>All of this is simulated.</b> The provider, the people and their "
		       "work are "
		       "made up; no real model was asked and no money was spent.</p>");
}

static void nothing_yet(struct page *p)
{
	put(p, "<h2>No calls in the last seven days</h2><p>Point an agent at this gateway, for example:</p>"
	       "<p><code>weir run -- claude</code></p><p>Each of its calls is here a moment after it ended. "
	       "To see "
	       "how this page looks with a team at work: <code>weir demo</code>.</p>");
}

static int body(struct page *p)
{
	static const struct groups team = {"By team", "team", "<th>Team", true, 0};
	static const struct groups model = {"By model", "model", "<th>Model", true, 0};
	static const struct groups wide[] = {
	    {"By person and agent", "user,agent", "<th>User<th>Agent", false, 0},
	    {"By repository and branch", "repo,branch", "<th>Repository<th>Branch", false, 0},
	    {"By session", "session,user,repo", "<th>Session<th>User<th class=x>Repository", false, 9},
	};
	struct ledger_measures week;
	if (ask(p, NULL, "7d", ignore_group, NULL, &week))
		return ERR_IO;
	if (week.calls == 0 && week.refused == 0) {
		nothing_yet(p);
		return p->failed;
	}
	if (tiles(p))
		return ERR_IO;
	put(p, "<div class=pair>");
	if (groups(p, &team) || groups(p, &model))
		return ERR_IO;
	put(p, "</div>");
	for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
		if (groups(p, &wide[i]))
			return ERR_IO;
	return latest_calls(p);
}

static void foot(struct page *p)
{
	put(p, "<h2></h2><p>Tables are of the last seven days; days begin by the clock of ");
	put_text(p, p->c->timezone.n ? p->c->timezone : SLICE("UTC"), 0);
	put(p,
	    ". The same as JSON: <a href=\"/api/v1/report?by=user,model&amp;since=7d\">/api/v1/report</a>, "
	    "<a href=\"/api/v1/calls\">/api/v1/calls</a>; for Prometheus: <a href=\"/metrics\">/metrics</a>; "
	    "in a "
	    "terminal: <code>weir report</code>.</p></main></html>\n");
}

int console_page(struct console_context *c, const struct console_reader *who, struct buf *out)
{
	struct error e = {0};
	struct page p = {.c = c, .who = who, .out = out, .now_ms = clock_wall_ms(c->shared->clock)};
	p.zone = zone_load(c->timezone, &e);
	if (p.zone == NULL)
		p.zone = zone_load(SLICE_NONE, &e);
	if (p.zone == NULL)
		return e.code;
	head(&p);
	int code = body(&p);
	foot(&p);
	zone_free(p.zone);
	return code ? code : p.failed;
}
