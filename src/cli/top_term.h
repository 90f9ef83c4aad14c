/* The terminal of `weir top`, by ncurses: it sends what has changed alone, which is little on a slow line. */
#ifndef WEIR_CLI_TOP_TERM_H
#define WEIR_CLI_TOP_TERM_H

#include "cli/top_screen.h"

enum {
	TOP_KEY_NONE = -1,
	TOP_KEY_UP = 1000,
	TOP_KEY_DOWN,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END,
	TOP_KEY_ENTER,
	TOP_KEY_BACK,
	TOP_KEY_ESCAPE,
	TOP_KEY_RESIZE,
};

/* False when the terminal is of a kind that is not known. */
bool top_term_open(bool colour);
void top_term_close(void);
/* Its size, at most what a canvas holds. */
void top_term_size(struct top_canvas *c);
void top_term_show(const struct top_canvas *c);
/* A key that waits: a character, or one of the above. */
int top_term_key(void);

#endif
