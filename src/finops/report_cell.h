/* Figures and texts as people read them in a table. */
#ifndef WEIR_FINOPS_REPORT_CELL_H
#define WEIR_FINOPS_REPORT_CELL_H

#include "finops/report.h"

#define CELL_MAX 160 /* bytes of a cell; longer texts are cut */

struct cell {
	size_t n, width; /* bytes; columns on a terminal */
	char s[CELL_MAX];
};

/* 12,345 · 41.5k tokens · 2h 05m · 94% · $4.10; "-" when unknown. */
void cell_measure(struct cell *c, const struct measure *m, int64_t v);
/* A text from outside: control characters and those that turn the writing's direction become '?'. "-" when p
 * is NULL. */
void cell_text(struct cell *c, slice s);
/* Cuts it to a width, with an ellipsis at its end. */
void cell_cut(struct cell *c, size_t width, bool utf8);
/* A bar for v of most, at most width columns wide. */
void cell_bar(struct cell *c, int64_t v, int64_t most, size_t width, bool utf8);

#endif
