/* The picture of `weir top` as lines of text with styles, so that a terminal, a pipe and a test get the same.
 */
#ifndef WEIR_CLI_TOP_SCREEN_H
#define WEIR_CLI_TOP_SCREEN_H

#include "cli/top_data.h"

#define TOP_ROWS_MAX  200
#define TOP_LINE_MAX  2000 /* bytes */
#define TOP_RUNS_MAX  24
#define TOP_INPUT_MAX 160

enum top_style {
	TOP_PLAIN,
	TOP_BOLD,
	TOP_DIM,
	TOP_GOOD,
	TOP_WARN,
	TOP_BAD,
	TOP_HEAD,
	TOP_CHOSEN,
	TOP_STYLES
};

struct top_line {
	size_t n, width;
	char text[TOP_LINE_MAX];
	size_t runs_n;
	struct {
		size_t from; /* byte */
		enum top_style style;
	} runs[TOP_RUNS_MAX];
};

struct top_canvas {
	int w, h;
	bool utf8;
	int rows; /* written */
	struct top_line line[TOP_ROWS_MAX];
};

enum top_mode { TOP_LIST, TOP_HELP, TOP_INSPECT };

struct top_view {
	const struct top_data *data;
	const char *server;
	enum top_mode mode;
	enum top_sort sort;
	slice filter, chosen; /* chosen: the id of the session under the cursor; n 0: none */
	size_t scroll;        /* first line of what is inspected; of the list the caller keeps none */
	slice inspected;      /* text */
	const char *message;  /* the last line; "" the keys */
	bool bad;             /* it tells of a fault */
	const char *prompt;   /* asks for a word; NULL: none */
	slice input;
	bool once; /* nobody can press a key */
};

void top_draw(struct top_canvas *c, const struct top_view *v);

#endif
