/* The frame of the command line, with commands of its own. */
#include <stdlib.h>

#include "unit/unit.h"

#include "cli/cli.h"

static int run_echo(struct cli *c, int argc, char **argv);

static const struct command command_echo = {
    "echo", "says what it was given", "weir echo [options] WORD…\n  --by X  a value\n  --csv   a flag\n",
    run_echo};
const struct command *const cli_commands[] = {&command_echo, NULL};

static int run_echo(struct cli *c, int argc, char **argv)
{
	const char *name, *value;
	int at = 1, r;
	while ((r = cli_next(c, &command_echo, argc, argv, &at, "by=:csv", &name, &value)) > 0)
		fprintf(c->out, "%s=%s ", r == 1 ? name : "", value ? value : "");
	if (r < 0)
		return r == -2 ? EXIT_DONE : EXIT_USAGE;
	fprintf(c->out, "%s%s%s%s", c->json ? "json " : "", c->config ? c->config : "", c->server ? "@" : "",
	        c->server ? c->server : "");
	return EXIT_DONE;
}

struct words {
	int n;
	char *v[12];
	char store[512];
};

/* "a b" as words, "|" between them. */
static void split(struct words *w, const char *line)
{
	snprintf(w->store, sizeof w->store, "%s", line);
	w->n = 0;
	char *at = w->store;
	while (at) {
		w->v[w->n++] = at;
		at = strchr(at, '|');
		if (at)
			*at++ = '\0';
	}
	w->v[w->n] = NULL;
}

/* Runs in a child's stead: stdout and stderr are what cli_main writes to, so the command is called itself. */
static int run(const char *line, char *out, size_t cap)
{
	struct words w;
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	struct cli c = {.out = f, .err = f};
	split(&w, line);
	int status = command_echo.run(&c, w.n, w.v);
	fclose(f);
	snprintf(out, cap, "%s", text);
	free(text);
	return status;
}

static void options(void **state)
{
	static const struct {
		const char *line;
		int status;
		const char *out;
	} cases[] = {
	    {"echo", EXIT_DONE, ""},
	    {"echo|a|b", EXIT_DONE, "=a =b "},
	    {"echo|--by|x|--csv|w", EXIT_DONE, "by=x csv= =w "},
	    {"echo|--by=x=y", EXIT_DONE, "by=x=y "},
	    {"echo|--by=", EXIT_DONE, "by= "},
	    {"echo|w|--json|--config|f.yaml|--server=u", EXIT_DONE, "=w json f.yaml@u"},
	    {"echo|--csv|--|--by|-x", EXIT_DONE, "csv= =--by =-x "},
	    {"echo|-", EXIT_DONE, "=- "},
	    {"echo|--by|--csv", EXIT_DONE, "by=--csv "},
	    {"echo|--by", EXIT_USAGE, "weir echo: --by needs a value\nTry `weir echo --help`.\n"},
	    {"echo|--csv=1", EXIT_USAGE, "weir echo: --csv takes no value\nTry `weir echo --help`.\n"},
	    {"echo|--cvs", EXIT_USAGE,
	     "weir echo: there is no option --cvs; did you mean --csv?\nTry `weir echo --help`.\n"},
	    {"echo|--jsn", EXIT_USAGE,
	     "weir echo: there is no option --jsn; did you mean --json?\nTry `weir echo --help`.\n"},
	    {"echo|--quite-other", EXIT_USAGE,
	     "weir echo: there is no option --quite-other\nTry `weir echo --help`.\n"},
	    {"echo|-x", EXIT_USAGE,
	     "weir echo: there is no option -x (options begin with --)\nTry `weir echo --help`.\n"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char out[4096];
		assert_int_equal(run(cases[i].line, out, sizeof out), cases[i].status);
		assert_string_equal(out, cases[i].out);
	}
}

static void help(void **state)
{
	char out[4096], again[4096];
	(void)state;
	assert_int_equal(run("echo|--help", out, sizeof out), EXIT_DONE);
	assert_non_null(strstr(out, "echo: says what it was given"));
	assert_non_null(strstr(out, "--csv   a flag"));
	assert_non_null(strstr(out, "--config FILE"));
	assert_int_equal(run("echo|a|-h|--wrong", again, sizeof again), EXIT_DONE);
	assert_non_null(strstr(again, "--config FILE"));
}

static void statuses(void **state)
{
	static const struct {
		const char *line;
		int status;
	} cases[] = {
	    {"weir", EXIT_USAGE},        {"weir|--help", EXIT_DONE},  {"weir|help|echo", EXIT_DONE},
	    {"weir|ecoh", EXIT_USAGE},   {"weir|--json", EXIT_USAGE}, {"weir|--version", EXIT_DONE},
	    {"weir|help|x", EXIT_USAGE}, {"weir|echo|w", EXIT_DONE},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct words w;
		char *none[] = {NULL};
		split(&w, cases[i].line);
		assert_int_equal(cli_main(w.n, w.v, none), cases[i].status);
	}
}

static void variables(void **state)
{
	char *environ_[] = {(char *)"A=1", (char *)"AB=2", (char *)"EMPTY=", NULL};
	struct cli c = {.environ_ = environ_};
	(void)state;
	assert_string_equal(cli_env(&c, "A"), "1");
	assert_string_equal(cli_env(&c, "AB"), "2");
	assert_null(cli_env(&c, "EMPTY"));
	assert_null(cli_env(&c, "B"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(options), cmocka_unit_test(help),
	                                   cmocka_unit_test(statuses), cmocka_unit_test(variables)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
