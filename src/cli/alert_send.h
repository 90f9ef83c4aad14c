/* `weir alert test` where no gateway runs: the test is sent from here. */
#ifndef WEIR_CLI_ALERT_SEND_H
#define WEIR_CLI_ALERT_SEND_H

#include "cli/cli.h"

/* To a target of the settings, or (NULL) to all. EXIT_DONE when all took it. */
int alert_send_test(struct cli *c, const char *target, const char *by);

#endif
