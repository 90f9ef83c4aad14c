/* `weir doctor`: what it finds in installations that lack one thing each. */
#include <stdlib.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "unit/cli/ports.h"
#include "unit/unit.h"

struct stand {
	char folder[64], config[96], home[96], path[160];
	int gateway_fd, console_fd, gateway_port, console_port;
	const char *key, *server;
	char out[16384];
};

static void put(const struct stand *t, const char *name, const char *text, int mode)
{
	char path[160];
	snprintf(path, sizeof path, "%s/%s", t->folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	chmod(path, (mode_t)mode);
}

/* The settings, with more behind the listeners. */
static void settings(struct stand *t, const char *more)
{
	char text[1024];
	snprintf(text, sizeof text, "listen: 127.0.0.1:%d\nconsole: {listen: 127.0.0.1:%d}\n%s",
	         t->gateway_port, t->console_port, more);
	put(t, "weir.yaml", text, 0600);
}

static int set_up(void **state)
{
	struct stand *t = calloc(1, sizeof *t);
	snprintf(t->folder, sizeof t->folder, "/tmp/weir-doctor-XXXXXX");
	if (mkdtemp(t->folder) == NULL || chdir(t->folder) != 0)
		return -1;
	t->gateway_fd = port_keep(&t->gateway_port);
	t->console_fd = port_keep(&t->console_port);
	snprintf(t->config, sizeof t->config, "%s/weir.yaml", t->folder);
	snprintf(t->home, sizeof t->home, "HOME=%s", t->folder);
	snprintf(t->path, sizeof t->path, "PATH=%s", t->folder);
	setenv("no_proxy", "*", 1);
	settings(t, "store: sqlite:weir.db\n");
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	struct stand *t = *state;
	static const char *const names[] = {"weir.yaml", "weir.db", "weir.db-wal", "weir.db-shm",
	                                    "claude",    "codex",   "broken.db",   "weir.journal"};
	char path[160];
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

static int run(struct stand *t, bool json, const char *more_env)
{
	char *argv[] = {(char *)"doctor", NULL}, *out;
	char *env[] = {t->home, t->path, (char *)(more_env ? more_env : "X=1"), NULL};
	size_t n;
	struct cli c = {
	    .config = t->config, .server = t->server, .key = t->key, .json = json, .environ_ = env};
	c.out = c.err = open_memstream(&out, &n);
	int status = command_doctor.run(&c, 1, argv);
	fclose(c.out);
	snprintf(t->out, sizeof t->out, "%s", out);
	free(out);
	return status;
}

static bool said(const struct stand *t, const char *part)
{
	return strstr(t->out, part) != NULL;
}

static void healthy(void **state)
{
	struct stand *t = *state;
	put(t, "codex", "#!/bin/sh\n", 0700);
	assert_int_equal(run(t, false, NULL), EXIT_DONE);
	assert_true(said(t, "note   gateway      none runs at http://127.0.0.1:"));
	assert_true(said(t, "ok     store        "));
	assert_true(said(t, "is made at the first start"));
	assert_true(said(t, "ok     agent codex  is there; `weir run -- codex`"));
	assert_true(said(t, "\nNothing to mend.\n"));
	assert_int_equal(run(t, true, NULL), EXIT_DONE);
	assert_true(said(t, "{\"ok\":true,\"findings\":[{\"state\":\"ok\",\"about\":\"settings\","));
}

static void bad_settings(void **state)
{
	struct stand *t = *state;
	settings(t, "workers: 0\nstore: x\n");
	assert_int_equal(run(t, false, NULL), EXIT_FAILED);
	assert_true(said(t, "weir.yaml:3:10: workers: 0 is not between 1 and 256"));
	assert_true(said(t, "weir.yaml:4:8: store: \"x\" names no kind of store"));
	assert_true(said(t, "\n2 things to mend.\n"));
	settings(
	    t,
	    "store: sqlite:weir.db\nproviders: [{name: a, api: openai, credential: env:WEIR_TEST_UNSET}]\n");
	assert_int_equal(run(t, false, NULL), EXIT_FAILED);
	assert_true(said(t, "the variable WEIR_TEST_UNSET is not set"));
}

static void bad_store(void **state)
{
	struct stand *t = *state;
	settings(t, "store: sqlite:nowhere/weir.db\n");
	assert_int_equal(run(t, false, NULL), EXIT_FAILED);
	assert_true(said(t, "FAULT  store     there is no folder "));
	assert_true(said(t, "-> mkdir -p -m 700 '"));
	put(t, "broken.db", "this is no database at all, by any reading of it, and long enough to tell\n",
	    0600);
	settings(t, "store: sqlite:broken.db\n");
	assert_int_equal(run(t, false, NULL), EXIT_FAILED);
	assert_true(said(t, "FAULT  store "));
	assert_true(said(t, "Is the disk sound?"));
}

static void taken_ports(void **state)
{
	struct stand *t = *state;
	int fd = port_listen(t->gateway_port);
	assert_int_equal(run(t, false, NULL), EXIT_FAILED);
	assert_true(said(t, "belongs to another program"));
	assert_true(said(t, "ss -ltnp 'sport = :"));
	close(fd);
}

/* A key of that role, by weir key; to be freed. */
static char *new_key(struct stand *t, const char *role)
{
	char *made, *quiet, *argv[] = {(char *)"key", (char *)"create", (char *)"--user",
	                               (char *)"a",   (char *)"--role", (char *)role,
	                               NULL};
	size_t n, m;
	struct cli c = {
	    .config = t->config, .out = open_memstream(&made, &n), .err = open_memstream(&quiet, &m)};
	assert_int_equal(command_key.run(&c, 6, argv), EXIT_DONE);
	fclose(c.out);
	fclose(c.err);
	free(quiet);
	made[strcspn(made, "\n")] = '\0';
	return made;
}

static void keys(void **state)
{
	struct stand *t = *state;
	t->key = "sk-other";
	assert_int_equal(run(t, false, NULL), EXIT_FAILED);
	assert_true(said(t, "WEIR_KEY is no Weir key"));
	t->key = "wk_unknown";
	assert_int_equal(run(t, false, NULL), EXIT_FAILED);
	assert_true(said(t, "WEIR_KEY is none that this store knows"));

	t->key = new_key(t, "developer");
	assert_int_equal(run(t, false, NULL), EXIT_DONE);
	assert_true(said(t, "WEIR_KEY is good"));
	assert_true(said(t, "weir.db, with 1 key\n"));
	free((char *)t->key);
	t->key = new_key(t, "viewer");
	assert_int_equal(run(t, false, NULL), EXIT_FAILED);
	assert_true(said(t, "WEIR_KEY has the role viewer, which calls no models"));
	free((char *)t->key);
}

static void clients(void **state)
{
	struct stand *t = *state;
	char env[96];
	put(t, "claude", "#!/bin/sh\n", 0700);
	assert_int_equal(run(t, false, "ANTHROPIC_BASE_URL=https://api.anthropic.com"), EXIT_FAILED);
	assert_true(said(t, "ANTHROPIC_BASE_URL=https://api.anthropic.com leads past Weir"));
	assert_true(said(t, "or start it by `weir run -- claude`"));
	snprintf(env, sizeof env, "ANTHROPIC_BASE_URL=http://localhost:%d/", t->gateway_port);
	assert_int_equal(run(t, false, env), EXIT_DONE);
	assert_true(said(t, "ANTHROPIC_BASE_URL sends its calls through Weir"));
	assert_int_equal(run(t, false, "CLAUDE_CODE_USE_BEDROCK=1"), EXIT_FAILED);
	assert_true(said(t, "CLAUDE_CODE_USE_BEDROCK is set"));
	assert_int_equal(run(t, false, "HTTPS_PROXY=http://proxy:3128"), EXIT_DONE);
	assert_true(said(t, "note   proxy "));
	assert_true(said(t, "-> export NO_PROXY=127.0.0.1 "));
}

static void elsewhere(void **state)
{
	struct stand *t = *state;
	char url[64];
	snprintf(url, sizeof url, "http://127.0.0.1:%d", t->gateway_port);
	t->server = url;
	assert_int_equal(run(t, false, NULL), EXIT_FAILED);
	assert_true(said(t, "cannot be reached: "));
	t->server = "weir.example.com";
	assert_int_equal(run(t, false, NULL), EXIT_FAILED);
	assert_true(said(t, "\"weir.example.com\" is no URL of a gateway"));
}

/* What is only recorded is told, and what can never be asked. */
static void rules(void **state)
{
	struct stand *t = *state;
	settings(t, "store: sqlite:weir.db\n"
	            "budgets: [{name: day, window: day, limit: 5 USD}]\n"
	            "gates: [{name: try, where: {branch: x}, deny: y, mode: shadow}, {name: all, deny: z},\n"
	            "        {name: never, where: {branch: x}, deny: y}]\n");
	assert_int_equal(run(t, false, NULL), EXIT_DONE);
	assert_true(said(t, "3; only recorded (shadow): try\n"));
	assert_true(said(t, "\"all\" decides every call, so that the 1 behind it are never asked"));
	settings(t, "store: sqlite:weir.db\n"
	            "gates: [{name: one, where: {branch: x}, deny: y}, {name: all, deny: z}]\n");
	assert_int_equal(run(t, false, NULL), EXIT_DONE);
	assert_false(said(t, "decides every call"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {T(healthy), T(bad_settings), T(bad_store), T(taken_ports),
	                                   T(keys),    T(clients),      T(elsewhere), T(rules)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
