/* The console's page: what was spent today and in the last seven days, by whom, on what. Made on the server,
 * with no script. */
#ifndef WEIR_GATEWAY_CONSOLE_PAGE_H
#define WEIR_GATEWAY_CONSOLE_PAGE_H

#include "gateway/console_api.h"

int console_page(struct console_context *c, const struct console_reader *who, struct buf *out) WARN_UNUSED;

/* Appends text with what HTML (or, json set, a JSON string) gives a meaning to written as references; control
 * characters become '?'. */
int console_escape(struct buf *out, slice text, bool json) WARN_UNUSED;

#endif
