/* A document as one HTML file: no script, nothing loaded from elsewhere, light and dark by the reader's own
 * setting, and still a table where a mail program drops the style. */
#include "finops/sheet.h"

static const char head[] = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                           "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                           "<meta name=\"color-scheme\" content=\"light dark\">\n"
                           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                           "style-src 'unsafe-inline'\">\n";

static const char style[] =
    "<style>\n"
    ":root{--ink:#1a1d21;--soft:#5b6470;--page:#fff;--line:#dfe3e8;--bar:#0b7285;--c0:#0b7285;--c1:#e8590c;"
    "--c2:#5f3dc4;--c3:#2b8a3e;--c4:#c2255c;--c5:#997404;--c6:#868e96}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#9aa4b0;--page:#14171a;--line:#2c3238;"
    "--bar:#3bc9db;--c0:#3bc9db;--c1:#ff922b;--c2:#b197fc;--c3:#69db7c;--c4:#f783ac;--c5:#ffd43b;--c6:#"
    "868e96}}\n"
    "body{font:15px/1.5 system-ui,-apple-system,Segoe UI,Roboto,sans-serif;color:var(--ink);"
    "background:var(--page);max-width:62rem;margin:2rem auto;padding:0 1rem}\n"
    "h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .5rem}p{margin:.4rem 0}"
    ".soft{color:var(--soft)}\n"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:.3rem .6rem;text-align:left;border-bottom:1px solid var(--line);vertical-align:baseline}\n"
    "th{font-weight:600;color:var(--soft)}.n{text-align:right;white-space:nowrap}"
    "td:not(.n){overflow-wrap:anywhere}tfoot td{font-weight:600;border-bottom:0}\n"
    ".bar{width:9rem}.bar i{display:block;height:.7rem;border-radius:2px;background:var(--bar)}\n"
    "svg{width:100%;height:auto}svg text{fill:var(--soft);font-size:12px}svg .g{stroke:var(--line)}\n"
    ".f0{fill:var(--c0)}.f1{fill:var(--c1)}.f2{fill:var(--c2)}.f3{fill:var(--c3)}.f4{fill:var(--c4)}"
    ".f5{fill:var(--c5)}.f6{fill:var(--c6)}\n"
    "@media print{body{margin:0;max-width:none}}\n"
    "</style>\n";

struct writing {
	struct buf *out;
	int rc;
};

static void put(struct writing *w, slice s)
{
	if (w->rc == 0)
		w->rc = buf_append(w->out, s);
}

int doc_html_escape(struct buf *out, slice text)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		slice as = c == '&'                ? SLICE("&amp;")
		           : c == '<'              ? SLICE("&lt;")
		           : c == '>'              ? SLICE("&gt;")
		           : c == '"'              ? SLICE("&quot;")
		           : c == '\''             ? SLICE("&#39;")
		           : c < 0x20 || c == 0x7f ? SLICE(" ")
		                                   : slice_sub(text, i, i + 1);
		rc = buf_append(out, as);
	}
	return rc;
}

static void escaped(struct writing *w, slice text)
{
	if (w->rc == 0)
		w->rc = doc_html_escape(w->out, text);
}

static void put_bar(struct writing *w, int64_t v, int64_t most)
{
	long long percent = v > 0 && most > 0 ? (long long)((__int128)v * 1000 / most) : 0;
	put(w, SLICE("<td class=\"bar\">"));
	if (percent && w->rc == 0)
		w->rc = buf_printf(w->out, "<i style=\"width:%lld.%lld%%\"></i>", percent / 10, percent % 10);
	put(w, SLICE("</td>"));
}

static void put_row(struct writing *w, const struct sheet *s, const struct sheet_row *r, int64_t most)
{
	struct cell c;
	put(w, SLICE("<tr>"));
	for (size_t i = 0; i < s->columns_n; i++) {
		bool text = sheet_is_text(s->column[i].kind);
		if (s->column[i].head == NULL)
			continue;
		put(w, text ? SLICE("<td>") : SLICE("<td class=\"n\">"));
		if (r == s->total && text)
			cell_text(&c, i == 0 ? SLICE("total") : SLICE(""));
		else
			sheet_cell_text(&c, s->column[i].kind, &r->cell[i]);
		escaped(w, (slice){c.s, c.n});
		put(w, SLICE("</td>"));
	}
	if (s->bar >= 0 && r != s->total)
		put_bar(w, r->cell[s->bar].v, most);
	else if (s->bar >= 0)
		put(w, SLICE("<td></td>"));
	put(w, SLICE("</tr>\n"));
}

static void put_sheet(struct writing *w, const struct sheet *s)
{
	int64_t most = 0;
	for (const struct sheet_row *r = s->first; s->bar >= 0 && r; r = r->next)
		most = r->cell[s->bar].v > most ? r->cell[s->bar].v : most;
	if (s->title[0]) {
		put(w, SLICE("<h2>"));
		escaped(w, slice_of(s->title));
		put(w, SLICE("</h2>\n"));
	}
	if (s->rows_n == 0) {
		put(w, SLICE("<p>"));
		escaped(w, slice_of(s->none));
		put(w, SLICE("</p>\n"));
		return;
	}
	put(w, SLICE("<table><thead><tr>"));
	for (size_t i = 0; i < s->columns_n; i++) {
		if (s->column[i].head == NULL)
			continue;
		put(w, sheet_is_text(s->column[i].kind) ? SLICE("<th>") : SLICE("<th class=\"n\">"));
		escaped(w, slice_of(s->column[i].head));
		put(w, SLICE("</th>"));
	}
	put(w, s->bar >= 0 ? SLICE("<th></th></tr></thead><tbody>\n") : SLICE("</tr></thead><tbody>\n"));
	for (const struct sheet_row *r = s->first; r; r = r->next)
		put_row(w, s, r, most);
	put(w, SLICE("</tbody>"));
	if (s->total) {
		put(w, SLICE("<tfoot>"));
		put_row(w, s, s->total, most);
		put(w, SLICE("</tfoot>"));
	}
	put(w, SLICE("</table>\n"));
	if (s->hidden && w->rc == 0)
		w->rc = buf_printf(
		    w->out, "<p class=\"soft\">%zu more are not shown, but counted in the total.</p>\n",
		    s->hidden);
}

int doc_html(const struct doc *d, struct buf *out)
{
	struct writing w = {out, d->full ? ERR_FULL : 0};
	put(&w, slice_of(head));
	put(&w, SLICE("<title>"));
	escaped(&w, d->title);
	put(&w, SLICE("</title>\n"));
	put(&w, slice_of(style));
	put(&w, SLICE("</head><body>\n<h1>"));
	escaped(&w, d->title);
	put(&w, SLICE("</h1>\n<p class=\"soft\">"));
	escaped(&w, d->period);
	if (d->where.n) {
		put(&w, SLICE(", where "));
		escaped(&w, d->where);
	}
	put(&w, SLICE("</p>\n"));
	if (d->chart && w.rc == 0)
		w.rc = doc_chart_svg(d->chart, out);
	for (size_t i = 0; i < d->sheets_n; i++)
		put_sheet(&w, d->sheet[i]);
	for (size_t i = 0; i < d->notes_n; i++) {
		put(&w, SLICE("<p class=\"soft\">"));
		escaped(&w, d->note[i]);
		put(&w, SLICE("</p>\n"));
	}
	put(&w, SLICE("</body></html>\n"));
	return w.rc;
}
