/* Prometheus text exposition (format 0.0.4). */
#ifndef WEIR_GATEWAY_METRICS_H
#define WEIR_GATEWAY_METRICS_H

#include "gateway/console_api.h"

int metrics_write(const struct console_context *c, struct buf *out) WARN_UNUSED;

#endif
