/* What Weir itself noticed and a person should find in the record of changes (GET /api/v1/audit) later:
 * queued by workers, which never wait for the ledger, written by the main thread. */
#ifndef WEIR_GATEWAY_NOTICES_H
#define WEIR_GATEWAY_NOTICES_H

#include "base/clock.h"
#include "base/log.h"
#include "store/ledger.h"

struct notices;
struct notices *notices_new(void); /* NULL without memory */
void notices_free(struct notices *n);

/* From any thread; action lives for ever, subject and detail are copied (and cut). One too many is left to
 * the log alone. */
void notices_add(struct notices *n, const char *action, slice subject, slice detail, int64_t wall_ms);
/* On the main thread, now and then: writes what is queued. A ledger that cannot be written is tried again a
 * second later. */
void notices_turn(struct notices *n, const struct ledger_ops *ops, slice store, const struct clock *clock,
                  struct log *log);

#endif
