/* Rules that the API makes, tried before they are stored. */
#ifndef WEIR_GATEWAY_ADMIN_RULES_H
#define WEIR_GATEWAY_ADMIN_RULES_H

#include "gateway/admin.h"

/* The budget of the request's body as the settings would have it, whether or not one of its name is in force;
 * it lives in the settings returned, a reference of the caller's. NULL after a refusal, in *r. */
struct settings *admin_try_budget(struct admin *a, const struct budget_rule **out, int *r);

#endif
