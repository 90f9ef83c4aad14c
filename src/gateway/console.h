/* The console's listener: health, metrics, the JSON API over the ledger, and a page.
 * What it changes it changes by the admin API (admin.h), with a key of a role that may. */
#ifndef WEIR_GATEWAY_CONSOLE_H
#define WEIR_GATEWAY_CONSOLE_H

#include "gateway/context.h"
#include "store/ledger.h"
#include "store/writer.h"

struct console;

struct console *console_start(struct shared *s, struct worker *workers, int workers_n, struct writer *writer,
                              const struct ledger_ops *ops, slice store, struct error *e);
void console_stop(struct console *c);
/* Its URL, NUL-terminated. */
void console_url_get(const struct console *c, char *out, size_t cap);

#endif
