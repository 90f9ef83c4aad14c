/* `weir run` whole: the gateway that it starts is this program again, called as `weir serve`, which answers
 * as a console does, or fails, as its settings' folder says. */
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cli/cli.h"
#include "unit/cli/ports.h"
#include "unit/unit.h"

struct stand {
	char folder[64], config[96], home[96];
	int gateway_fd, console_fd, gateway_port, console_port;
	char out[8192];
};

static void put(const struct stand *t, const char *name, const char *text)
{
	char path[160];
	snprintf(path, sizeof path, "%s/%s", t->folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int set_up(void **state)
{
	struct stand *t = calloc(1, sizeof *t);
	char text[256];
	snprintf(t->folder, sizeof t->folder, "/tmp/weir-run-XXXXXX");
	if (mkdtemp(t->folder) == NULL || chdir(t->folder) != 0)
		return -1;
	t->gateway_fd = port_keep(&t->gateway_port);
	t->console_fd = port_keep(&t->console_port);
	snprintf(t->config, sizeof t->config, "%s/weir.yaml", t->folder);
	snprintf(t->home, sizeof t->home, "HOME=%s", t->folder);
	snprintf(text, sizeof text,
	         "listen: 127.0.0.1:%d\nconsole: {listen: 127.0.0.1:%d}\nstore: sqlite:weir.db\n",
	         t->gateway_port, t->console_port);
	put(t, "weir.yaml", text);
	snprintf(text, sizeof text, "%d", t->console_port);
	put(t, "port", text);
	*state = t;
	return 0;
}

/* Ends the gateway that the run left, which wrote its pid. */
static int tear_down(void **state)
{
	struct stand *t = *state;
	static const char *const names[] = {"weir.yaml", "port", "fail", "pid", "serve.log", "weir.db"};
	char path[160], text[32] = "";
	long long pid;
	snprintf(path, sizeof path, "%s/pid", t->folder);
	FILE *f = fopen(path, "r");
	if (f && fgets(text, sizeof text, f) && slice_to_i64(slice_of(text), &pid))
		kill((pid_t)pid, SIGKILL);
	if (f)
		fclose(f);
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(path, sizeof path, "%s/%s", t->folder, names[i]);
		unlink(path);
	}
	close(t->gateway_fd);
	close(t->console_fd);
	if (chdir("/") == 0)
		rmdir(t->folder);
	free(t);
	return 0;
}

/* Runs `weir run` in a child with words parted by '|'; what it printed, both ways, is in t->out. */
static int run(struct stand *t, const char *line, const char *more_env)
{
	int fds[2], status;
	assert_int_equal(pipe(fds), 0);
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		char store[512], *argv[24], *at = store;
		char *env[] = {t->home, (char *)"PATH=/usr/bin:/bin", (char *)(more_env ? more_env : "X=1"),
		               NULL};
		int argc = 0;
		snprintf(store, sizeof store, "run|%s", line);
		while (at) {
			argv[argc++] = at;
			at = strchr(at, '|');
			if (at)
				*at++ = '\0';
		}
		argv[argc] = NULL;
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		close(fds[0]);
		close(fds[1]);
		struct cli c = {.config = t->config, .out = stdout, .err = stderr, .environ_ = env};
		if (more_env && strncmp(more_env, "WEIR_URL=", 9) == 0)
			c.server = more_env + 9;
		status = command_run.run(&c, argc, argv);
		fflush(NULL);
		_exit(status);
	}
	close(fds[1]);
	size_t n = 0;
	ssize_t got;
	while ((got = read(fds[0], t->out + n, sizeof t->out - 1 - n)) > 0)
		n += (size_t)got;
	t->out[n] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static bool said(const struct stand *t, const char *part)
{
	return strstr(t->out, part) != NULL;
}

static void started_and_found(void **state)
{
	struct stand *t = *state;
	char wanted[128];
	assert_int_equal(run(t, "--|sh|-c|echo $ANTHROPIC_BASE_URL; exit 7", NULL), 7);
	assert_true(said(t, "weir: started a gateway on http://127.0.0.1:"));
	snprintf(wanted, sizeof wanted, "\nhttp://127.0.0.1:%d\n", t->gateway_port);
	assert_true(said(t, wanted));
	/* the gateway has a session of its own: what ends the agent's terminal does not end it */
	char text[32] = "";
	long long pid;
	FILE *f = fopen("pid", "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof text, f));
	fclose(f);
	assert_true(slice_to_i64(slice_of(text), &pid));
	assert_true(getsid((pid_t)pid) > 0 && getsid((pid_t)pid) != getsid(0));
	/* the second one finds it, and says nothing of its own; signals are the agent's */
	assert_int_equal(run(t, "sh|-c|kill -TERM $$", NULL), 128 + SIGTERM);
	assert_string_equal(t->out, "");
}

static void failed_start(void **state)
{
	struct stand *t = *state;
	put(t, "fail", "");
	assert_int_equal(run(t, "true", NULL), EXIT_FAILED);
	assert_true(said(t, "and the one that was started did not become ready; its log ("));
	assert_true(said(t, "\n  the disk is on fire\n"));
}

static void taken_ports(void **state)
{
	struct stand *t = *state;
	int fd = port_listen(t->gateway_port);
	assert_int_equal(run(t, "true", NULL), EXIT_FAILED);
	assert_true(said(t, "which is to be Weir's, belongs to another program"));
	close(fd);
}

static void refusals(void **state)
{
	struct stand *t = *state;
	static const struct {
		const char *line, *env;
		int status;
		const char *said;
	} cases[] = {
	    {"nosuch-agent", NULL, 127, "weir: there is no program \"nosuch-agent\""},
	    {"--agent|clude|true", NULL, EXIT_USAGE, "weir run: --agent clude: write claude, codex"},
	    {"--set|rpo=x|true", NULL, EXIT_USAGE, "there is no header \"rpo\"; did you mean repo?"},
	    {"--set|repo|true", NULL, EXIT_USAGE, "--set repo: write --set NAME=VALUE"},
	    {"--", NULL, EXIT_USAGE, "weir run: which agent?"},
	    {"true", "WEIR_URL=127.0.0.1:1", EXIT_FAILED, "is no URL of a gateway"},
	    {"true", "WEIR_URL=http://127.0.0.1:1", EXIT_FAILED, "no gateway answers at http://127.0.0.1:1"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(run(t, cases[i].line, cases[i].env), cases[i].status);
		assert_true(said(t, cases[i].said));
	}
	struct stat st;
	assert_int_not_equal(stat("serve.log", &st), 0); /* nothing was started for any of them */
}

static void printed(void **state)
{
	struct stand *t = *state;
	assert_int_equal(run(t, "--print|--set|cohort=pilot|codex|exec|hi", "OPENAI_API_KEY=sk"), EXIT_DONE);
	assert_true(
	    said(t, "agent: codex\nheader: x-weir-cohort: pilot\ncommand: codex -c model_provider=\"weir\""));
	assert_true(said(t, " exec hi\n"));
	struct stat st;
	assert_int_not_equal(stat("serve.log", &st), 0);
}

/* Called as `weir serve --config FILE`: chdir("/") was done, FILE's folder tells the rest. */
static int serve(const char *config)
{
	char folder[128], text[64] = "", request[1024];
	long long port;
	static const char ready[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nready\n";
	snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(config, '/') - config), config);
	if (chdir(folder) != 0)
		return 1;
	if (access("fail", F_OK) == 0) {
		fputs("the disk is on fire\n", stderr);
		return 1;
	}
	FILE *f = fopen("port", "r");
	if (f == NULL || fgets(text, sizeof text, f) == NULL || !slice_to_i64(slice_of(text), &port))
		return 1;
	fclose(f);
	f = fopen("pid", "w");
	fprintf(f, "%d", (int)getpid());
	fclose(f);
	alarm(60); /* never outlives a test that was killed */
	int fd = port_listen((int)port);
	for (;;) {
		int c = accept(fd, NULL, NULL);
		if (c >= 0 && recv(c, request, sizeof request, 0) > 0)
			send(c, ready, sizeof ready - 1, MSG_NOSIGNAL);
		close(c);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "serve") == 0)
		return serve(argv[3]);
	const struct CMUnitTest tests[] = {T(started_and_found), T(failed_start), T(taken_ports), T(refusals),
	                                   T(printed)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
