#include "cli/top_screen.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/money.h"
#include "finops/report_cell.h"

#define BUDGETS_MOST 6
#define BAR          20

/* --- the canvas -------------------------------------------------------------------------------------------
 */

static void put_bytes(struct top_canvas *c, int row, enum top_style style, const char *text, size_t n,
                      size_t width)
{
	if (row < 0 || row >= c->h || row >= TOP_ROWS_MAX)
		return;
	struct top_line *l = &c->line[row];
	if (l->n + n > TOP_LINE_MAX || l->width + width > (size_t)c->w)
		return;
	bool same = l->runs_n && l->runs[l->runs_n - 1].style == style;
	if (!same && l->runs_n < TOP_RUNS_MAX) {
		l->runs[l->runs_n].from = l->n;
		l->runs[l->runs_n++].style = style;
	}
	memcpy(l->text + l->n, text, n);
	l->n += n;
	l->width += width;
	if (row >= c->rows)
		c->rows = row + 1;
}

/* ASCII of our own making; what does not fit is cut. */
static void put(struct top_canvas *c, int row, enum top_style style, const char *format, ...)
{
	char text[400];
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (n < 0 || row < 0 || row >= c->h || row >= TOP_ROWS_MAX)
		return;
	size_t len = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
	size_t room = (size_t)c->w - (c->line[row].width < (size_t)c->w ? c->line[row].width : (size_t)c->w);
	put_bytes(c, row, style, text, len < room ? len : room, len < room ? len : room);
}

static void pad(struct top_canvas *c, int row, enum top_style style, size_t n)
{
	static const char blanks[] =
	    "                                                                                ";
	while (n) {
		size_t some = n < sizeof blanks - 1 ? n : sizeof blanks - 1;
		put_bytes(c, row, style, blanks, some, some);
		n -= some;
	}
}

/* A text from outside in a column so wide; right: aligned there. One blank behind. */
static void put_column(struct top_canvas *c, int row, enum top_style style, slice text, size_t width,
                       bool right)
{
	struct cell cell;
	cell_text(&cell, text.n ? text : SLICE("-"));
	cell_cut(&cell, width, c->utf8);
	size_t rest = cell.width < width ? width - cell.width : 0;
	if (right)
		pad(c, row, style, rest);
	put_bytes(c, row, style, cell.s, cell.n, cell.width);
	pad(c, row, style, (right ? 0 : rest) + 1);
}

/* --- figures ----------------------------------------------------------------------------------------------
 */

static const char *money(int64_t nano, char out[MONEY_TEXT_MAX])
{
	if (nano == TOP_UNKNOWN)
		return "-";
	out[money_format_human(nano, out)] = '\0';
	return out;
}

static void short_count(int64_t n, char out[24])
{
	if (n == TOP_UNKNOWN)
		snprintf(out, 24, "-");
	else if (n < 10000)
		snprintf(out, 24, "%lld", (long long)n);
	else if (n < 10000000)
		snprintf(out, 24, "%lldk", (long long)n / 1000);
	else
		snprintf(out, 24, "%lldM", (long long)n / 1000000);
}

static void amount(const struct top_budget *b, int64_t n, char out[MONEY_TEXT_MAX])
{
	if (slice_eq(b->unit, SLICE("nanousd")))
		money(n, out);
	else if (slice_eq(b->unit, SLICE("nanocredits")))
		short_count(n / MONEY_NANO_PER_USD, out);
	else
		short_count(n, out);
}

/* --- parts ------------------------------------------------------------------------------------------------
 */

static void draw_sparkline(struct top_canvas *c, int row, const struct top_data *d)
{
	static const char *const utf8[] = {"\u2581", "\u2582", "\u2583", "\u2584",
	                                   "\u2585", "\u2586", "\u2587", "\u2588"};
	static const char *const ascii[] = {"_", ".", ".", "-", "-", "=", "=", "#"};
	char text[MONEY_TEXT_MAX];
	int64_t most = 0;
	for (size_t i = 0; i < d->slots_n; i++)
		most = d->slots[i] > most ? d->slots[i] : most;
	put(c, row, TOP_DIM, " last 5 minutes ");
	for (size_t i = 0; i < d->slots_n; i++) {
		int level = most > 0 ? (int)((__int128)d->slots[i] * 7 / most) : 0;
		const char *block =
		    d->slots[i] <= 0 ? (c->utf8 ? "\u00b7" : " ") : (c->utf8 ? utf8 : ascii)[level];
		put_bytes(c, row, TOP_GOOD, block, strlen(block), 1);
	}
	put(c, row, TOP_DIM, "  at most %s in 10 s", money(most, text));
}

static int draw_head(struct top_canvas *c, const struct top_view *v)
{
	const struct top_data *d = v->data;
	char now[MONEY_TEXT_MAX], five[MONEY_TEXT_MAX], calls[24];
	slice clock = slice_sub(d->time, 11, 19); /* of 2026-11-22T10:00:00.000Z */
	put(c, 0, TOP_BOLD, " weir top ");
	put(c, 0, TOP_DIM, SLICE_FMT "Z ", SLICE_ARG(clock));
	put(c, 0, TOP_BOLD, " %s/min", money(d->minute, now));
	put(c, 0, TOP_PLAIN, "  %s/min over 5 min", money(d->five, five));
	short_count(d->calls, calls);
	if (d->calls != TOP_UNKNOWN)
		put(c, 0, TOP_PLAIN, "  %s calls/min", calls);
	if (d->in_flight != TOP_UNKNOWN)
		put(c, 0, TOP_PLAIN, "  %lld in flight", (long long)d->in_flight);
	if (d->draining)
		put(c, 0, TOP_BAD, "  draining");
	if (d->failing)
		put(c, 0, TOP_BAD, "  the ledger takes no rows");
	draw_sparkline(c, 1, d);
	if (d->freezes_n == 0)
		return 2;
	put(c, 2, TOP_BAD, " frozen: ");
	put_column(c, 2, TOP_BAD, d->freeze, 8, false);
	put_column(c, 2, TOP_BAD, d->freeze_value, 32, false);
	if (d->freezes_n > 1)
		put(c, 2, TOP_BAD, "and %zu more", d->freezes_n - 1);
	return 3;
}

static int draw_budgets(struct top_canvas *c, const struct top_data *d, int row)
{
	size_t most = c->h > 30 ? BUDGETS_MOST : c->h > 18 ? 3 : 1;
	for (size_t i = 0; i < d->budgets_n && i < most; i++, row++) {
		const struct top_budget *b = &d->budgets[i];
		char settled[MONEY_TEXT_MAX], limit[MONEY_TEXT_MAX];
		int64_t percent = b->share_ppm / 10000;
		enum top_style style = percent >= 100 ? TOP_BAD : percent >= 80 ? TOP_WARN : TOP_GOOD;
		struct cell bar;
		put(c, row, TOP_PLAIN, " ");
		put_column(c, row, TOP_PLAIN, b->name, 14, false);
		put_column(c, row, TOP_DIM, b->whose.n ? b->whose : SLICE("all"), 20, false);
		cell_bar(&bar, b->share_ppm > 1000000 ? 1000000 : b->share_ppm, 1000000, BAR, c->utf8);
		put_bytes(c, row, style, bar.s, bar.n, bar.width);
		pad(c, row, TOP_DIM, bar.width < BAR ? BAR - bar.width : 0);
		amount(b, b->settled + b->held, settled);
		amount(b, b->limit + (b->lifted > 0 ? b->lifted : 0), limit);
		put(c, row, style, " %3lld%%", (long long)percent);
		put(c, row, TOP_PLAIN, "  %s of %s", settled, limit);
		if (b->held > 0) {
			amount(b, b->held, settled);
			put(c, row, TOP_DIM, ", %s held", settled);
		}
	}
	return row;
}

struct columns {
	size_t user, agent, model, repo;
	bool context, id;
};

/* What there is room for. */
static struct columns columns_for(int w)
{
	if (w >= 150)
		return (struct columns){24, 12, 22, 34, true, true};
	if (w >= 118)
		return (struct columns){20, 12, 18, 22, true, true};
	if (w >= 92)
		return (struct columns){20, 11, 18, 0, true, true};
	if (w >= 78)
		return (struct columns){16, 0, 17, 0, true, false};
	if (w >= 66)
		return (struct columns){14, 0, 15, 0, false, false};
	return (struct columns){14, 0, 0, 0, false, false};
}

static void draw_column_heads(struct top_canvas *c, int row, const struct columns *k,
                              const struct top_view *v)
{
	put_column(c, row, TOP_HEAD, SLICE(" STATE"), 8, false);
	put_column(c, row, TOP_HEAD, SLICE("USER"), k->user, false);
	if (k->agent)
		put_column(c, row, TOP_HEAD, SLICE("AGENT"), k->agent, false);
	if (k->model)
		put_column(c, row, TOP_HEAD, SLICE("MODEL"), k->model, false);
	if (k->repo)
		put_column(c, row, TOP_HEAD, SLICE("REPOSITORY"), k->repo, false);
	put_column(c, row, TOP_HEAD, SLICE("BURN/MIN"), 9, true);
	put_column(c, row, TOP_HEAD, SLICE("SPENT"), 9, true);
	put_column(c, row, TOP_HEAD, SLICE("CALLS"), 6, true);
	if (k->context)
		put_column(c, row, TOP_HEAD, SLICE("CONTEXT"), 7, true);
	if (k->id)
		put_column(c, row, TOP_HEAD, SLICE("SESSION"), 14, false);
	(void)v;
}

static void draw_session(struct top_canvas *c, int row, const struct columns *k, const struct top_session *s,
                         bool chosen)
{
	char burn[MONEY_TEXT_MAX], spent[MONEY_TEXT_MAX], calls[24], context[24];
	bool held = !slice_eq(s->state, SLICE("running"));
	enum top_style style = chosen ? TOP_CHOSEN : s->loop ? TOP_BAD : held ? TOP_WARN : TOP_PLAIN;
	slice state = s->loop && !held ? SLICE(" LOOP")
	              : held && slice_eq(s->state, SLICE("paused"))
	                  ? (s->loop ? SLICE(" LOOP ||") : SLICE(" paused"))
	              : held ? SLICE(" stopped")
	                     : SLICE("");
	short_count(s->calls, calls);
	short_count(s->context, context);
	if (state.n)
		put_column(c, row, style, state, 8, false);
	else
		pad(c, row, style, 9);
	put_column(c, row, style, s->user, k->user, false);
	if (k->agent)
		put_column(c, row, style, s->agent, k->agent, false);
	if (k->model)
		put_column(c, row, style, s->model, k->model, false);
	if (k->repo)
		put_column(c, row, style, s->repo, k->repo, false);
	put_column(c, row, style, slice_of(money(s->minute, burn)), 9, true);
	put_column(c, row, style, slice_of(money(s->spent, spent)), 9, true);
	put_column(c, row, style, slice_of(calls), 6, true);
	if (k->context)
		put_column(c, row, style, slice_of(context), 7, true);
	if (k->id) {
		struct top_line *l = &c->line[row < TOP_ROWS_MAX ? row : 0];
		size_t room = (size_t)c->w > l->width + 1 ? (size_t)c->w - l->width - 1 : 0;
		if (room >= 8)
			put_column(c, row, style, s->id, room > 38 ? 38 : room, false);
	}
}

/* What is known of why the chosen session is held, or flagged. */
static void draw_reason(struct top_canvas *c, int row, const struct top_session *s)
{
	if (s->explanation.n == 0)
		return;
	put(c, row, TOP_DIM, "   ");
	put_column(c, row, TOP_DIM, s->explanation, (size_t)(c->w > 8 ? c->w - 5 : 3), false);
}

static void draw_list(struct top_canvas *c, const struct top_view *v, int row, int last)
{
	const struct top_data *d = v->data;
	unsigned short order[TOP_SESSIONS];
	struct columns k = columns_for(c->w);
	size_t n = top_data_order(d, v->sort, v->filter, order), at = 0;
	for (size_t i = 0; i < n; i++)
		if (v->chosen.n && slice_eq(d->sessions[order[i]].id, v->chosen))
			at = i;
	put(c, row, TOP_DIM, " %zu session%s by %s", n, n == 1 ? "" : "s", top_sort_name(v->sort));
	if (v->filter.n)
		put(c, row, TOP_WARN, ", filtered by \"" SLICE_FMT "\"", SLICE_ARG(v->filter));
	if (d->sessions_all > d->sessions_n)
		put(c, row, TOP_DIM, ", of %zu", d->sessions_all);
	draw_column_heads(c, row + 1, &k, v);
	int room = last - row - 2;
	size_t first = room > 1 && at + 2 > (size_t)room ? at + 2 - (size_t)room : 0;
	int y = row + 2;
	for (size_t i = first; i < n && y < last; i++) {
		bool chosen = v->chosen.n && i == at;
		draw_session(c, y++, &k, &d->sessions[order[i]], chosen);
		if (chosen && y < last && d->sessions[order[i]].explanation.n)
			draw_reason(c, y++, &d->sessions[order[i]]);
	}
	if (n == 0)
		put(c, y, TOP_DIM, "%s",
		    v->filter.n ? "   No session matches." : "   Nothing was spent in the last minutes.");
}

static void draw_text(struct top_canvas *c, slice text, size_t skip, int last)
{
	slice line;
	int row = 0;
	while (row < last && slice_split(&text, '\n', &line)) {
		if (skip) {
			skip--;
			continue;
		}
		while (line.n &&
		       c->line[row].width < (size_t)c->w) { /* lines of a table are cut at the edge */
			struct cell cell;
			slice part = slice_sub(line, 0, CELL_MAX - 8);
			size_t used = row < TOP_ROWS_MAX ? c->line[row].width : 0;
			cell_text(&cell, part);
			cell_cut(&cell, (size_t)c->w > used ? (size_t)c->w - used : 0, c->utf8);
			put_bytes(c, row, TOP_PLAIN, cell.s, cell.n, cell.width);
			line = slice_sub(line, part.n, line.n);
		}
		row++;
	}
	c->rows = c->rows < row ? row : c->rows;
}

static const char help[] =
    "\n weir top: what the agents of a gateway spend just now\n\n"
    "   up, down, j, k      choose a session\n"
    "   enter, i            inspect it: its turns, how its context grew, what that is made of\n"
    "   p                   pause it: its calls are refused until it is resumed\n"
    "   r                   resume it, with a reason\n"
    "   s                   stop it for good\n"
    "   f                   freeze its user: all of their calls are refused\n"
    "   u                   unfreeze its user\n"
    "   o                   order: burn, spent, calls, context, user\n"
    "   /                   filter by user, agent, model, repository, branch, state or id; empty: all\n"
    "   space               ask the gateway now\n"
    "   ?, q                this help; the way out\n\n"
    " BURN/MIN is of the last five minutes; SPENT is what this gateway has booked of the session since it "
    "runs.\n"
    " LOOP: a rule of storms found that it goes round in circles; the line under it says how.\n"
    " What changes something wants a key of a role that may, in WEIR_KEY. Any key leads back.\n";

void top_draw(struct top_canvas *c, const struct top_view *v)
{
	int last = c->h < TOP_ROWS_MAX ? c->h - 1 : TOP_ROWS_MAX - 1; /* the line of keys and messages */
	for (int i = 0; i < c->h && i < TOP_ROWS_MAX; i++)
		c->line[i].n = c->line[i].width = c->line[i].runs_n = 0;
	c->rows = 0;
	if (v->mode == TOP_HELP) {
		draw_text(c, slice_of(help), 0, last);
	} else if (v->mode == TOP_INSPECT) {
		draw_text(c, v->inspected, v->scroll, last);
	} else if (v->data->tree == NULL) {
		put(c, 0, TOP_DIM, " asking %s ...", v->server);
	} else {
		int row = draw_head(c, v);
		row = draw_budgets(c, v->data, row);
		draw_list(c, v, row, v->once ? last + 1 : last);
	}
	if (v->once)
		return;
	if (v->prompt) {
		put(c, last, TOP_BOLD, " %s ", v->prompt);
		put_column(c, last, TOP_PLAIN, v->input.n ? v->input : SLICE("_"), TOP_INPUT_MAX, false);
	} else if (v->message[0]) {
		put(c, last, v->bad ? TOP_BAD : TOP_GOOD, " %s", v->message);
	} else if (v->mode == TOP_LIST) {
		put(c, last, TOP_DIM,
		    " enter inspect  p pause  r resume  s stop  f freeze  o order  / filter  ? help  q quit");
	} else {
		put(c, last, TOP_DIM, " up, down  scroll    q back");
	}
}
