#include "cli/top_term.h"

#define NCURSES_WIDECHAR 1
#define NCURSES_NOMACROS 1
#include <ncurses.h>

bool top_term_open(bool colour)
{
	if (newterm(NULL, stdout, stdin) == NULL)
		return false;
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
	if (!colour || !has_colors())
		return true;
	start_color();
	use_default_colors();
	init_pair(TOP_GOOD, COLOR_GREEN, -1);
	init_pair(TOP_WARN, COLOR_YELLOW, -1);
	init_pair(TOP_BAD, COLOR_RED, -1);
	return true;
}

void top_term_close(void)
{
	endwin();
}

void top_term_size(struct top_canvas *c)
{
	int h = 0, w = 0;
	getmaxyx(stdscr, h, w);
	c->h = h < TOP_ROWS_MAX ? h : TOP_ROWS_MAX;
	c->w = w < TOP_LINE_MAX / 4 ? w : TOP_LINE_MAX / 4;
}

static chtype look_of(enum top_style s)
{
	switch (s) {
	case TOP_BOLD:
		return A_BOLD;
	case TOP_DIM:
		return A_DIM;
	case TOP_GOOD:
	case TOP_WARN:
		return has_colors() ? (chtype)COLOR_PAIR(s) : A_NORMAL;
	case TOP_BAD:
		return has_colors() ? (chtype)COLOR_PAIR(s) | A_BOLD : A_BOLD;
	case TOP_HEAD:
		return A_UNDERLINE;
	case TOP_CHOSEN:
		return A_REVERSE;
	case TOP_PLAIN:
	case TOP_STYLES:
		break;
	}
	return A_NORMAL;
}

void top_term_show(const struct top_canvas *c)
{
	erase();
	for (int y = 0; y < c->rows && y < c->h; y++) {
		const struct top_line *l = &c->line[y];
		move(y, 0);
		for (size_t i = 0; i < l->runs_n; i++) {
			size_t to = i + 1 < l->runs_n ? l->runs[i + 1].from : l->n;
			attrset((NCURSES_ATTR_T)look_of(l->runs[i].style));
			addnstr(l->text + l->runs[i].from, (int)(to - l->runs[i].from));
		}
		attrset(A_NORMAL);
	}
	refresh();
}

int top_term_key(void)
{
	int k = getch();
	switch (k) {
	case ERR:
		return TOP_KEY_NONE;
	case KEY_UP:
		return TOP_KEY_UP;
	case KEY_DOWN:
		return TOP_KEY_DOWN;
	case KEY_PPAGE:
		return TOP_KEY_PAGE_UP;
	case KEY_NPAGE:
		return TOP_KEY_PAGE_DOWN;
	case KEY_HOME:
		return TOP_KEY_HOME;
	case KEY_END:
		return TOP_KEY_END;
	case KEY_ENTER:
	case '\r':
	case '\n':
		return TOP_KEY_ENTER;
	case KEY_BACKSPACE:
	case 127:
	case 8:
		return TOP_KEY_BACK;
	case 27:
		return TOP_KEY_ESCAPE;
	case KEY_RESIZE: /* nobody knows what a terminal keeps when its size changes: all is drawn again */
		clearok(stdscr, TRUE);
		return TOP_KEY_RESIZE;
	default:
		return k;
	}
}
