#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define STEP_MS 20
#define PIECE   4096

static int64_t now_ms(void)
{
	return clock_mono_us(clock_real()) / 1000;
}

/* --- signals ----------------------------------------------------------------- */

static void ending_signals(sigset_t *set)
{
	static const int which[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	sigemptyset(set);
	for (size_t i = 0; i < sizeof which / sizeof *which; i++)
		sigaddset(set, which[i]);
}

int stopper_init(struct stopper *s, struct error *e)
{
	sigset_t set;
	ending_signals(&set);
	*s = (struct stopper){.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
	if (s->fd < 0 || sigprocmask(SIG_BLOCK, &set, NULL) != 0 ||
	    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL) != 0)
		return error_errno(e, ERR_IO, errno, "signals cannot be watched");
	return 0;
}

void stopper_release(struct stopper *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

bool stopper_wait(struct stopper *s, int ms)
{
	struct pollfd p = {s->fd, POLLIN, 0};
	struct signalfd_siginfo info;
	if (s->signal == 0 && poll(&p, 1, ms) == 1 && read(s->fd, &info, sizeof info) == sizeof info)
		s->signal = (int)info.ssi_signo;
	return s->signal != 0;
}

/* --- starting ---------------------------------------------------------------- */

/* In the child: never returns. */
static void become(const char *const *argv, pid_t parent, int out, int err)
{
	sigset_t set;
	int null = open("/dev/null", O_RDONLY);
	setpgid(0, 0);
	ending_signals(&set);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
		_exit(126);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(126);
	/* Everything is on this machine. */
	if (setenv("NO_PROXY", "*", 1) != 0 || setenv("no_proxy", "*", 1) != 0)
		_exit(126);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

int child_start(struct child *c, const char *name, const char *const *argv, int err, struct error *e)
{
	int out[2];
	pid_t parent = getpid();
	*c = (struct child){.name = name, .out = -1};
	if (pipe2(out, O_CLOEXEC) != 0)
		return error_errno(e, ERR_IO, errno, "%s cannot be started", name);
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		become(argv, parent, out[1], err);
	close(out[1]);
	if (pid < 0) {
		close(out[0]);
		return error_errno(e, ERR_IO, errno, "%s cannot be started", name);
	}
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	c->pid = pid;
	c->out = out[0];
	return 0;
}

/* --- hearing ----------------------------------------------------------------- */

bool child_ended(struct child *c)
{
	int status;
	if (c->pid && waitpid(c->pid, &status, WNOHANG) == c->pid) {
		c->pid = 0;
		c->status = status;
	}
	return c->pid == 0;
}

static int lines_in(slice text)
{
	int n = 0;
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

int child_read(struct child *c, struct stopper *s, int lines, int ms, struct buf *b)
{
	int64_t until = now_ms() + ms;
	while (lines == 0 || lines_in(buf_slice(b)) < lines) {
		struct pollfd p[] = {{c->out, POLLIN, 0}, {s->fd, POLLIN, 0}};
		int64_t left = until - now_ms();
		if (left <= 0)
			return ERR_BUSY;
		if (poll(p, 2, (int)left) < 0 && errno != EINTR)
			return ERR_IO;
		if (stopper_wait(s, 0))
			return ERR_REFUSED;
		if (p[0].revents == 0)
			continue;
		char *room = buf_reserve(b, PIECE);
		if (room == NULL)
			return ERR_FULL;
		ssize_t got = read(c->out, room, PIECE);
		if (got > 0)
			buf_commit(b, (size_t)got);
		else if (got == 0)
			return lines ? ERR_NOT_FOUND : 0;
		else if (errno != EAGAIN && errno != EINTR)
			return ERR_IO;
	}
	return 0;
}

/* --- ending ------------------------------------------------------------------ */

void child_stop(struct child *c, int ms)
{
	int64_t until = now_ms() + ms;
	if (c->pid) {
		kill(c->pid, SIGTERM);
		while (!child_ended(c) && now_ms() < until)
			poll(NULL, 0, STEP_MS);
	}
	if (c->pid) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, &c->status, 0);
		c->pid = 0;
	}
	if (c->out > 0)
		close(c->out);
	c->out = -1;
}

void child_how(const struct child *c, char *text, size_t cap)
{
	if (WIFSIGNALED(c->status))
		snprintf(text, cap, "signal %d (%s)", WTERMSIG(c->status), strsignal(WTERMSIG(c->status)));
	else
		snprintf(text, cap, "exit status %d", WEXITSTATUS(c->status));
}
