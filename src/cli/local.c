#include "cli/local.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define START_MS   15000 /* for a gateway to become ready: it may have a journal to book first */
#define PROBE_MS   1000
#define STEP_MS    20
#define LOG_MAX    (8 << 20) /* a log of earlier runs that is larger is begun anew */
#define TAIL_BYTES 2048

/* --- asking ------------------------------------------------------------------ */

static int64_t now_ms(void)
{
	return clock_mono_us(clock_real()) / 1000;
}

static bool wait_for(int fd, short events, int64_t until)
{
	struct pollfd p = {fd, events, 0};
	int64_t left = until - now_ms();
	return left > 0 && poll(&p, 1, (int)left) == 1;
}

/* A connected socket, or -1 with *absent set when nobody listens. */
static int connect_to(const char *host, int port, int64_t until, bool *absent)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all = NULL;
	char service[16];
	int fd = -1;
	*absent = true;
	snprintf(service, sizeof service, "%d", port);
	if (getaddrinfo(host, service, &hints, &all) != 0)
		return -1;
	for (struct addrinfo *a = all; a && fd < 0; a = a->ai_next) {
		int error = 0;
		socklen_t n = sizeof error;
		fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (fd < 0)
			continue;
		int rc = connect(fd, a->ai_addr, a->ai_addrlen);
		if (rc != 0 && errno != EINPROGRESS) {
			error = errno;
		} else if (rc != 0 && !wait_for(fd, POLLOUT, until)) {
			error = ETIMEDOUT;
			*absent = false;
		} else if (rc != 0) {
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n);
		}
		if (error) {
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(all);
	return fd;
}

/* Writes the request and reads until the end, the cap or the time. */
static size_t exchange_bytes(int fd, slice request, char *answer, size_t cap, int64_t until)
{
	size_t n = 0;
	while (request.n && wait_for(fd, POLLOUT, until)) {
		ssize_t put = send(fd, request.p, request.n, MSG_NOSIGNAL);
		if (put < 0 && errno != EAGAIN)
			return 0;
		request = slice_sub(request, put > 0 ? (size_t)put : 0, request.n);
	}
	while (n < cap && wait_for(fd, POLLIN, until)) {
		ssize_t got = recv(fd, answer + n, cap - n, 0);
		if (got == 0 || (got < 0 && errno != EAGAIN))
			break;
		n += got > 0 ? (size_t)got : 0;
	}
	return n;
}

enum probe probe_ready(const char *host, int port, bool tls, int timeout_ms, char *text, size_t cap)
{
	char request[512], answer[2048];
	bool absent, six = strchr(host, ':') != NULL;
	int64_t until = now_ms() + timeout_ms;
	if (text && cap)
		text[0] = '\0';
	int fd = connect_to(host, port, until, &absent);
	if (fd < 0)
		return absent ? PROBE_ABSENT : PROBE_TIMEOUT;
	if (tls) {
		close(fd);
		return PROBE_ANSWERS;
	}
	snprintf(request, sizeof request,
	         "GET /readyz HTTP/1.1\r\nHost: %s%s%s:%d\r\nConnection: close\r\n\r\n", six ? "[" : "", host,
	         six ? "]" : "", port);
	size_t n = exchange_bytes(fd, slice_of(request), answer, sizeof answer, until);
	close(fd);
	slice all = slice_make(answer, n), line;
	if (n == 0)
		return PROBE_TIMEOUT;
	slice body = all;
	ptrdiff_t at = slice_find(all, SLICE("\r\n\r\n"));
	body = at < 0 ? SLICE_NONE : slice_sub(all, (size_t)at + 4, all.n);
	if (slice_split(&body, '\n', &line) && text)
		snprintf(text, cap, SLICE_FMT, SLICE_ARG(slice_trim(line)));
	if (slice_starts(all, SLICE("HTTP/1.1 200 ")) && slice_starts(line, SLICE("ready")))
		return PROBE_READY;
	return slice_starts(all, SLICE("HTTP/1.1 503 ")) ? PROBE_UNREADY : PROBE_ANSWERS;
}

slice local_host(const struct listen *l)
{
	if (slice_eq(l->host, SLICE("0.0.0.0")))
		return SLICE("127.0.0.1");
	return slice_eq(l->host, SLICE("::")) ? SLICE("::1") : l->host;
}

void local_url(const struct listen *l, char out[LOCAL_URL_MAX])
{
	slice host = local_host(l);
	bool six = slice_find_char(host, ':') >= 0;
	snprintf(out, LOCAL_URL_MAX, "%s://%s" SLICE_FMT "%s:%d", l->certificate.n ? "https" : "http",
	         six ? "[" : "", SLICE_ARG(host), six ? "]" : "", l->port);
}

bool url_place(const char *url, char host[256], int *port, bool *tls)
{
	slice rest = slice_of(url), authority;
	long long number;
	*tls = slice_starts_nocase(rest, SLICE("https://"));
	if (!*tls && !slice_starts_nocase(rest, SLICE("http://")))
		return false;
	rest = slice_sub(rest, *tls ? 8 : 7, rest.n);
	if (!slice_split(&rest, '/', &authority) || authority.n == 0 || slice_find_char(authority, '@') >= 0)
		return false;
	slice name = authority, digits = SLICE_NONE;
	ptrdiff_t bracket = slice_find_char(authority, ']');
	ptrdiff_t colon = bracket < 0 ? slice_find_char(authority, ':') : bracket + 1;
	if (colon > 0 && (size_t)colon < authority.n) {
		name = slice_sub(authority, 0, (size_t)colon);
		digits = slice_sub(authority, (size_t)colon + 1, authority.n);
		if (authority.p[colon] != ':' || !slice_to_i64(digits, &number) || number < 1 ||
		    number > 65535)
			return false;
		*port = (int)number;
	} else {
		*port = *tls ? 443 : 80;
	}
	if (bracket > 0 && name.p[0] == '[')
		name = slice_sub(name, 1, (size_t)bracket);
	snprintf(host, 256, SLICE_FMT, SLICE_ARG(name));
	return name.n > 0 && name.n < 256;
}

/* --- starting ---------------------------------------------------------------- */

slice local_log_path(const struct settings *s, char *buf, size_t cap)
{
	slice path = slice_sub(s->store, 7, s->store.n);
	size_t end = path.n;
	while (end && path.p[end - 1] != '/')
		end--;
	snprintf(buf, cap, SLICE_FMT "serve.log", SLICE_ARG(slice_sub(path, 0, end)));
	return slice_of(buf);
}

static int open_log(const char *path)
{
	struct stat st;
	int fresh = stat(path, &st) == 0 && st.st_size > LOG_MAX ? O_TRUNC : 0;
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | fresh, 0600);
}

/* In the grandchild: never returns. */
static void become_gateway(int log, const char *config)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	int null = open("/dev/null", O_RDONLY);
	self[n > 0 ? n : 0] = '\0';
	if (null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0 || chdir("/") != 0)
		_exit(EXIT_FAILED);
	for (int fd = 3; fd < 256; fd++)
		close(fd);
	if (config)
		execl(self, "weir", "serve", "--config", config, (char *)NULL);
	else
		execl(self, "weir", "serve", (char *)NULL);
	_exit(EXIT_FAILED);
}

/* Starts the gateway as nobody's child (it outlives the agent, which takes this process's place); its pid, or
 * -1. */
static pid_t start(int log, const char *config)
{
	int pipe_fd[2];
	pid_t gateway = -1;
	if (pipe2(pipe_fd, O_CLOEXEC) != 0)
		return -1;
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		setsid();
		gateway = fork();
		if (gateway == 0)
			become_gateway(log, config);
		ssize_t put = write(pipe_fd[1], &gateway, sizeof gateway);
		_exit(put == sizeof gateway ? EXIT_DONE : EXIT_FAILED);
	}
	close(pipe_fd[1]);
	if (child > 0) {
		if (read(pipe_fd[0], &gateway, sizeof gateway) != sizeof gateway)
			gateway = -1;
		waitpid(child, NULL, 0);
	}
	close(pipe_fd[0]);
	return gateway;
}

/* Has the process ended? By a descriptor where the kernel has one: a process that nobody waits for stays. */
static bool has_ended(int pidfd, pid_t pid)
{
	struct pollfd p = {pidfd, POLLIN, 0};
	if (pidfd >= 0)
		return poll(&p, 1, 0) == 1;
	return kill(pid, 0) != 0 && errno == ESRCH;
}

void local_print_tail(struct cli *c, const char *path, off_t from)
{
	char text[TAIL_BYTES + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0) {
		if (fd >= 0)
			close(fd);
		return;
	}
	if (st.st_size - from > TAIL_BYTES)
		from = st.st_size - TAIL_BYTES;
	ssize_t n = pread(fd, text, TAIL_BYTES, from);
	close(fd);
	slice all = slice_make(text, n > 0 ? (size_t)n : 0), line;
	while (slice_split(&all, '\n', &line))
		if (line.n)
			fprintf(c->err, "  " SLICE_FMT "\n", SLICE_ARG(line));
}

static enum probe ask_console(const struct settings *s, int timeout_ms, char *text, size_t cap)
{
	char host[256];
	snprintf(host, sizeof host, SLICE_FMT, SLICE_ARG(local_host(&s->console)));
	return probe_ready(host, s->console.port, s->console.certificate.n > 0, timeout_ms, text, cap);
}

static enum probe ask_gateway(const struct settings *s)
{
	char host[256];
	snprintf(host, sizeof host, SLICE_FMT, SLICE_ARG(local_host(&s->listen)));
	return probe_ready(host, s->listen.port, true, PROBE_MS, NULL, 0);
}

static bool is_up(enum probe p, const struct settings *s)
{
	return p == PROBE_READY || (p == PROBE_ANSWERS && s->console.certificate.n);
}

/* Waits for the gateway to be ready, to end, or for the time to pass. */
static bool wait_until_up(const struct settings *s, pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int64_t until = now_ms() + START_MS;
	bool up = false, ended = false;
	while (!(up = is_up(ask_console(s, PROBE_MS, NULL, 0), s)) && now_ms() < until && !ended) {
		poll(NULL, 0, STEP_MS);
		/* another `weir run` may have been first: then that one's gateway is about to answer */
		if (has_ended(pidfd, pid)) {
			ended = true;
			int64_t grace = now_ms() + PROBE_MS;
			while (!(up = is_up(ask_console(s, PROBE_MS, NULL, 0), s)) && now_ms() < grace)
				poll(NULL, 0, STEP_MS);
		}
	}
	if (pidfd >= 0)
		close(pidfd);
	return up;
}

static int start_and_wait(struct cli *c, const struct settings *s)
{
	char log_path[PATH_MAX], config[PATH_MAX], url[LOCAL_URL_MAX];
	struct stat st;
	local_log_path(s, log_path, sizeof log_path);
	local_url(&s->listen, url);
	int log = open_log(log_path);
	if (log < 0 || fstat(log, &st) != 0)
		return cli_fail(c, "no gateway answers at %s, and none can be started: %s: %s", url, log_path,
		                strerror(errno));
	bool whole = s->source.n == 0 || realpath(s->source.p, config) != NULL;
	pid_t pid = whole ? start(log, s->source.n ? config : NULL) : -1;
	close(log);
	if (pid < 0)
		return cli_fail(c, "no gateway answers at %s, and none can be started: %s", url,
		                strerror(errno));
	if (wait_until_up(s, pid)) {
		fprintf(c->err, "weir: started a gateway on %s; it stays (`kill %d` ends it; log: %s)\n", url,
		        (int)pid, log_path);
		return EXIT_DONE;
	}
	cli_fail(c,
	         "no gateway answers at %s, and the one that was started did not become ready; its log (%s):",
	         url, log_path);
	local_print_tail(c, log_path, st.st_size);
	fputs("`weir doctor` looks for the cause.\n", c->err);
	return EXIT_FAILED;
}

int local_gateway(struct cli *c, const struct settings *s)
{
	char url[LOCAL_URL_MAX], text[160];
	local_url(&s->listen, url);
	if (s->listen.port == 0 || s->console.port == 0)
		return cli_fail(
		    c, "the settings let the system choose the ports, so that a running gateway cannot be "
		       "found: write ports there, or name the gateway by --server");
	enum probe p = ask_console(s, PROBE_MS, text, sizeof text);
	if (is_up(p, s))
		return EXIT_DONE;
	if (p == PROBE_UNREADY) {
		fprintf(c->err, "weir: the gateway on %s says: %s\n", url, text);
		return EXIT_DONE;
	}
	if (p != PROBE_ABSENT)
		return cli_fail(
		    c,
		    "port %d, which is to be Weir's console, belongs to another program: end it, or "
		    "choose another by `console: {listen: 127.0.0.1:PORT}`",
		    s->console.port);
	if (ask_gateway(s) != PROBE_ABSENT)
		return cli_fail(
		    c,
		    "port %d, which is to be Weir's, belongs to another program: end it, or choose "
		    "another by `listen: 127.0.0.1:PORT`",
		    s->listen.port);
	return start_and_wait(c, s);
}
