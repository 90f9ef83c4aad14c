/*
 * The simulated provider's own books: one entry for each request that was wholly received, totals
 * by API and model. An entry says what was really put on the wire as usage (`reported`; absent
 * meters are null) and what the call was worth by the simulator's rule when it ended (`served`).
 *
 * The file is JSON Lines, each line one write(2) at the moment it describes: a "start" line when the
 * request is there, an "end" line when the call has ended, so that a kill loses nothing.
 */
#ifndef SIM_BOOKS_H
#define SIM_BOOKS_H

#include "call.h"

void books_open(const char *path, bool keep_calls);
/* Gives the call its number. */
void books_start(struct call *c);
void books_end(struct call *c, enum finish how);
void books_reset(void);
void books_close(void);
/* JSON for GET /sim/books, and JSON Lines for GET /sim/calls. */
void books_totals(struct buf *out);
void books_calls(struct buf *out, int64_t since);

#endif
