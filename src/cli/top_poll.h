/* Asks the gateway now and then, on a thread of its own, so that a slow line does not hold up the keys. */
#ifndef WEIR_CLI_TOP_POLL_H
#define WEIR_CLI_TOP_POLL_H

#include "base/buf.h"
#include "cli/cli.h"

struct top_poll;

/* c is copied; every_ms between two questions. NULL without memory. */
struct top_poll *top_poll_start(const struct cli *c, int every_ms);
void top_poll_stop(struct top_poll *p);
/* Readable when there is something to take. */
int top_poll_fd(const struct top_poll *p);
/* The newest answer into out, which is emptied before; false when there was none, and then why says what is
 * the matter ("" when nothing is). */
bool top_poll_take(struct top_poll *p, struct buf *out, char *why, size_t cap);
/* At once. */
void top_poll_now(struct top_poll *p);

/* One question or change, with what is said against it in why (cap bytes, one line) and not on a stream. */
bool top_ask(const struct cli *c, const char *method, slice path, slice body, struct buf *out, char *why,
             size_t cap);

#endif
