#include "gateway/console_page.h"

#include <stdio.h>

#include "finops/report.h"
#include "finops/report_cell.h"

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

static const char style[] =
    ":root{color-scheme:light "
    "dark;--ink:#14202b;--soft:#5b6b78;--line:#dde4ea;--bar:#2f7d95;--paper:#fbfcfd;--card:#fff}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6edf2;--soft:#9fb0bd;--line:#2b3843;--bar:#4fa8c2;--"
    "paper:#11181e;--card:#182129}}"
    "*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 "
    "system-ui,sans-serif}"
    "main{max-width:1080px;margin:0 auto;padding:24px 20px 60px}h1{font-size:20px;margin:0 0 "
    "2px}h2{font-size:15px;margin:34px 0 8px}"
    "p{color:var(--soft);margin:2px 0}.tiles{display:flex;gap:14px;flex-wrap:wrap;margin-top:20px}"
    ".tile{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px "
    "16px;min-width:180px;flex:1}"
    ".tile b{display:block;font-size:24px;font-variant-numeric:tabular-nums;font-weight:600}.tile "
    "span{color:var(--soft);font-size:13px}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;width:100%;background:var(--card);border:1px solid "
    "var(--line)}"
    "th,td{padding:6px 12px;text-align:left;border-bottom:1px solid var(--line);white-space:nowrap}"
    "th{font-weight:600;font-size:13px;color:var(--soft)}.n{text-align:right;font-variant-numeric:tabular-"
    "nums}"
    ".bar{display:inline-block;height:9px;background:var(--bar);border-radius:2px}code{font-size:13px}";

struct page {
	struct console_context *c;
	const struct console_reader *who;
	struct buf *out;
	size_t by_n, rows;
	int64_t most;
};

static int put_measure(struct page *p, const char *name, const struct ledger_measures *m)
{
	const struct measure *of = NULL;
	for (size_t i = 0; (of = report_measure_at(i)) != NULL; i++)
		if (slice_eq(slice_of(of->name), slice_of(name)))
			break;
	struct cell cell = {0};
	if (of)
		cell_measure(&cell, of, report_measure(of, m));
	return buf_append(p->out, slice_make(cell.s, cell.n));
}

static int one_tile(struct page *p, const char *measure, const struct ledger_measures *m, const char *what)
{
	if (buf_printf(p->out, "<div class=tile><b>") || put_measure(p, measure, m))
		return ERR_FULL;
	return buf_printf(p->out, "</b><span>%s</span></div>", what);
}

static int on_group(void *arg, const struct ledger_group *g)
{
	struct page *p = arg;
	if (p->rows == 0)
		p->most = g->m.cost_nanousd > 0 ? g->m.cost_nanousd : 1;
	if (p->rows++ >= 15)
		return 0;
	if (buf_printf(p->out, "<tr>"))
		return ERR_FULL;
	for (size_t i = 0; i < p->by_n; i++)
		if (buf_printf(p->out, "<td>") ||
		    console_escape(p->out, g->key[i].p ? g->key[i] : SLICE("unknown"), false))
			return ERR_FULL;
	static const char *const columns[] = {"cost_nanousd", "calls", "input_tokens", "output_tokens",
	                                      "cache_hit_ratio"};
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
		if (buf_printf(p->out, "<td class=n>") || put_measure(p, columns[i], &g->m))
			return ERR_FULL;
	int64_t share = g->m.cost_nanousd > 0 ? g->m.cost_nanousd * 100 / p->most : 0;
	return buf_printf(p->out, "<td><span class=bar style=\"width:%dpx\"></span></tr>",
	                  (int)(share > 100 ? 100 : share) + 1);
}

static int ask(struct page *p, const char *by, const char *since,
               int (*on)(void *, const struct ledger_group *), struct ledger_measures *total)
{
	struct report r;
	struct error e = {0};
	slice user = name_get(&p->who->user);
	char filter[NAME_MAX_BYTES + 8];
	if (report_init(&r, p->c->timezone, clock_wall_ms(p->c->shared->clock), &e))
		return ERR_IO;
	int code = by ? report_set(&r, SLICE("by"), slice_of(by), &e) : 0;
	if (code == 0)
		code = report_set(&r, SLICE("since"), slice_of(since), &e);
	if (code == 0 && !p->who->all) {
		int n = snprintf(filter, sizeof filter, "user=" SLICE_FMT, SLICE_ARG(user));
		code = report_set(&r, SLICE("where"), slice_make(filter, (size_t)n), &e);
	}
	if (code == 0)
		code = report_ready(&r, &e);
	if (code == 0 && by == NULL)
		r.q.by_n = 0;
	p->by_n = r.q.by_n;
	p->rows = 0;
	if (code == 0)
		code = p->c->ops->report(p->c->ledger, &r.q, on, p, total, &e);
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

static int tiles(struct page *p)
{
	struct ledger_measures day, week;
	if (ask(p, NULL, "today", ignore_group, &day) || ask(p, NULL, "7d", ignore_group, &week))
		return ERR_IO;
	if (buf_printf(p->out, "<div class=tiles>") || one_tile(p, "cost_nanousd", &day, "spent today") ||
	    one_tile(p, "cost_nanousd", &week, "spent in 7 days") ||
	    one_tile(p, "calls", &week, "calls in 7 days") ||
	    one_tile(p, "sessions", &week, "sessions in 7 days") ||
	    one_tile(p, "cache_hit_ratio", &week, "of input read from cache"))
		return ERR_FULL;
	return buf_printf(p->out, "</div>");
}

static int table(struct page *p, const char *title, const char *by, const char *heads)
{
	struct ledger_measures total;
	if (buf_printf(p->out,
	               "<h2>%s</h2><div class=wide><table><thead><tr>%s<th class=n>Cost<th class=n>Calls<th "
	               "class=n>Input<th class=n>Output"
	               "<th class=n>Cache hits<th></tr></thead><tbody>",
	               title, heads) ||
	    ask(p, by, "7d", on_group, &total))
		return ERR_IO;
	if (p->rows == 0 &&
	    buf_printf(p->out,
	               "<tr><td colspan=8>No calls in the last seven days. Point an agent at this gateway, "
	               "for example with <code>weir run -- claude</code>.</tr>"))
		return ERR_FULL;
	if (p->rows > 15 &&
	    buf_printf(p->out,
	               "<tr><td colspan=8>and %zu more: <code>weir report --by %s --since 7d</code></tr>",
	               p->rows - 15, by))
		return ERR_FULL;
	return buf_printf(p->out, "</tbody></table></div>");
}

int console_page(struct console_context *c, const struct console_reader *who, struct buf *out)
{
	struct page p = {.c = c, .who = who, .out = out};
	if (buf_printf(
	        out,
	        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
	        "content=\"width=device-width,initial-scale=1\">"
	        "<meta http-equiv=refresh "
	        "content=5><title>Weir</title><style>%s</style><main><h1>Weir</h1><p>What the agents of this "
	        "gateway spent, on what. Refreshed every five seconds%s.</p>",
	        style,
	        c->simulated ? ". <b>All of it is simulated: no provider was called, no money was spent</b>"
	                     : ""))
		return ERR_FULL;
	if (tiles(&p) || table(&p, "By person and agent", "user,agent", "<th>User<th>Agent") ||
	    table(&p, "By model", "model_served", "<th>Model") ||
	    table(&p, "By repository and branch", "repo,branch", "<th>Repository<th>Branch") ||
	    table(&p, "By session", "session,user", "<th>Session<th>User"))
		return ERR_IO;
	return buf_printf(
	    out, "<p style=\"margin-top:30px\">The same as JSON: "
	         "<code>/api/v1/report?by=user,model&amp;since=7d</code>, "
	         "<code>/api/v1/calls</code>; for Prometheus: <code>/metrics</code>.</p></main></html>\n");
}
