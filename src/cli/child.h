/* Programs that work for this one and end with it, whatever ends it. One thread. */
#ifndef WEIR_CLI_CHILD_H
#define WEIR_CLI_CHILD_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* From here on SIGINT, SIGTERM, SIGHUP and SIGQUIT are asked for by child_stopped instead of ending this
 * process, and a write to a pipe that nobody reads is an error instead of its end. */
struct stopper {
	int fd;
	int signal; /* the one that came; 0: none yet */
};
int stopper_init(struct stopper *s, struct error *e) WARN_UNUSED;
void stopper_release(struct stopper *s);
/* Waits up to ms for a signal; true when one came, now or before. */
bool stopper_wait(struct stopper *s, int ms);

struct child {
	const char *name; /* of messages */
	pid_t pid;        /* 0: does not run */
	int out;          /* its output, to be read; -1 none */
	int status;       /* as waitpid gives it, of one that has ended */
};

/* argv: NULL-ended, argv[0] the file. err: descriptor that it gets as its error output. It is told SIGTERM
 * when this process dies, is in a process group of its own (Ctrl-C is for this one alone), and asks no proxy.
 */
int child_start(struct child *c, const char *name, const char *const *argv, int err,
                struct error *e) WARN_UNUSED;
/* Has it ended? Takes note of how. */
bool child_ended(struct child *c);
/* Appends its output to b until `lines` line feeds are there (0: until it closes it). ERR_REFUSED when a
 * signal came, ERR_BUSY after ms, ERR_FULL; ERR_NOT_FOUND when it closed its output before. */
int child_read(struct child *c, struct stopper *s, int lines, int ms, struct buf *b) WARN_UNUSED;
/* SIGTERM, and SIGKILL after ms; waits for its end. */
void child_stop(struct child *c, int ms);
/* "exit status 1", "signal 9 (Killed)" */
void child_how(const struct child *c, char *text, size_t cap);

#endif
