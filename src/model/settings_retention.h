/* The rows of retention: for model/settings_table.c alone. */
#ifndef WEIR_MODEL_SETTINGS_RETENTION_H
#define WEIR_MODEL_SETTINGS_RETENTION_H

#include <stddef.h>

#include "model/settings_read.h"

#define RETENTION_HOUR_MS (INT64_C(3600) * 1000)

#define RETENTION_ROWS                                                                                       \
	{.key = "retention", .type = "mapping", .text = "how long the ledger keeps what", .group = true},    \
	    {.key = "retention.rows",                                                                        \
	     .type = "duration",                                                                             \
	     .text = "rows older than this are deleted, their sums stay (docs/rollups.md), and older calls " \
	             "are not "                                                                              \
	             "imported; 2d to 36500d; for ever when not given",                                      \
	     .read = read_duration,                                                                          \
	     .offset = offsetof(struct settings, retention_rows_ms),                                         \
	     .least = 48 * RETENTION_HOUR_MS,                                                                \
	     .most = 876000 * RETENTION_HOUR_MS},                                                            \
	{                                                                                                    \
		.key = "retention.sums", .type = "duration",                                                 \
		.text = "sums of deleted rows that are older than this are deleted too; 2d to 36500d; for "  \
		        "ever when not "                                                                     \
		        "given",                                                                             \
		.read = read_duration, .offset = offsetof(struct settings, retention_sums_ms),               \
		.least = 48 * RETENTION_HOUR_MS, .most = 876000 * RETENTION_HOUR_MS                          \
	}

#endif
