/* How a report looks on the terminal that the command writes to. */
#ifndef WEIR_CLI_STYLE_H
#define WEIR_CLI_STYLE_H

#include "base/buf.h"
#include "cli/cli.h"
#include "finops/report.h"

/* By the locale, NO_COLOR, TERM, COLUMNS, and whether it is a terminal at all. top: rows shown on one. */
struct report_style cli_style(const struct cli *c, size_t top);
/* The same as words of a query, for a server that makes the answer; format first. ERR_FULL, ERR_NOMEM. */
int cli_style_words(struct buf *query, enum report_format format,
                    const struct report_style *style) WARN_UNUSED;
/* "table", "json", …; false after a usage error when it is none. */
bool cli_format(const struct cli *c, const struct command *cmd, const char *word, enum report_format *out);

#endif
