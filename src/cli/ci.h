/* What a CI system says of the job it runs, by its variables. */
#ifndef WEIR_CLI_CI_H
#define WEIR_CLI_CI_H

#include "cli/launch.h"

/* Adds repo, branch, commit, workflow, trigger and pr as far as the CI system that is recognised tells them.
 * Returns its name, or NULL outside CI. */
const char *ci_headers(struct launch *l);

#endif
