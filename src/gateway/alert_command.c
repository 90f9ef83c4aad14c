#include "gateway/alert_command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 64
#define VALUE_MAX     4096

/* The input as a file that is nowhere on the disk; -1 and errno. */
static int file_of(slice input)
{
	int fd = memfd_create("weir-alert", MFD_CLOEXEC);
	for (size_t at = 0; fd >= 0 && at < input.n;) {
		ssize_t n = write(fd, input.p + at, input.n - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int saved = errno;
			close(fd);
			errno = saved;
			return -1;
		}
		at += (size_t)n;
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

static int spawn(pid_t *pid, char *const *argv, char *const *environment, int input)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_adddup2(&files, input, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&files, 3);
	/* This process's threads hold signals back, and ignore SIGPIPE. */
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr,
	                         POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	int why = posix_spawn(pid, argv[0], &files, &attr, argv, environment);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return why;
}

int alert_command_start(struct alert_command *c, const slice *argv, size_t argv_n, slice input,
                        struct error *e)
{
	static const char *const names[] = {"PATH", "HOME", "LANG"};
	char *arguments[ARGUMENTS_MAX + 1] = {0}, *environment[4] = {0}, values[3][VALUE_MAX];
	size_t kept = 0, n = argv_n < ARGUMENTS_MAX ? argv_n : ARGUMENTS_MAX;
	bool memory = true;
	*c = (struct alert_command){0};
	for (size_t i = 0; i < n; i++) {
		arguments[i] = strndup(argv[i].n ? argv[i].p : "", argv[i].n);
		memory = memory && arguments[i];
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = getenv(names[i]);
		if (value && snprintf(values[i], VALUE_MAX, "%s=%s", names[i], value) < VALUE_MAX)
			environment[kept++] = values[i];
	}
	int fd = memory ? file_of(input) : -1, why = memory ? errno : ENOMEM;
	if (fd >= 0) {
		why = spawn(&c->pid, arguments, environment, fd);
		close(fd);
	}
	for (size_t i = 0; i < n; i++)
		free(arguments[i]);
	if (fd >= 0 && why == 0)
		return 0;
	c->pid = 0;
	return error_errno(e, ERR_IO, why, "the command cannot be started");
}

bool alert_command_ended(struct alert_command *c)
{
	int status;
	if (c->pid && waitpid(c->pid, &status, WNOHANG) == c->pid) {
		c->pid = 0;
		c->status = status;
	}
	return c->pid == 0;
}

void alert_command_kill(struct alert_command *c)
{
	if (c->pid == 0)
		return;
	kill(-c->pid, SIGKILL);
	waitpid(c->pid, &c->status, 0);
	c->pid = 0;
}
