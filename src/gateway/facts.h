/* What rules are matched against, out of an exchange. */
#ifndef WEIR_GATEWAY_FACTS_H
#define WEIR_GATEWAY_FACTS_H

#include "gateway/exchange.h"

/* Fills ex->facts once the record has what the request says. Names of the tools offered are read only when a
 * rule of the settings asks for them; they are copied, since the body goes. False without memory: what a rule
 * asks for would be missing. */
bool facts_read(struct exchange *ex) WARN_UNUSED;

#endif
