/* A program that is told of alerts: started without a shell, what it is to read on its input. Linux. */
#ifndef WEIR_GATEWAY_ALERT_COMMAND_H
#define WEIR_GATEWAY_ALERT_COMMAND_H

#include <sys/types.h>

#include "base/err.h"
#include "base/slice.h"

struct alert_command {
	pid_t pid;  /* 0: it has ended */
	int status; /* of waitpid */
};

/* input is read by it from a file in memory, so that it may be slow. argv as in execve; the environment is
 * PATH, HOME and LANG of this process alone. Its output goes nowhere. */
int alert_command_start(struct alert_command *c, const slice *argv, size_t argv_n, slice input,
                        struct error *e) WARN_UNUSED;
/* Has it ended? */
bool alert_command_ended(struct alert_command *c);
/* With all that it started. */
void alert_command_kill(struct alert_command *c);

#endif
