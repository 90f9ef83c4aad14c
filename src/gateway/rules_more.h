/* Teams and budgets that the API made, joined to the settings of the file, which win where both speak. */
#ifndef WEIR_GATEWAY_RULES_MORE_H
#define WEIR_GATEWAY_RULES_MORE_H

#include "base/log.h"
#include "model/settings.h"
#include "store/ledger.h"

/* The settings of a file (path n 0: the defaults) with those rules of the store that the file has no others
 * of the same name for. extra (may be NULL): a rule more, as if it were stored, in place of the stored one of
 * its name. NULL when something is wrong; on_error gets every fault. A reference of the caller's. */
struct settings *rules_load(slice path, const struct ledger_ops *ops, struct ledger *l,
                            const struct ledger_rule *extra, void (*on_error)(void *arg, const char *line),
                            void *arg);

#endif
