#include "cli/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/version.h"
#include "text/nearest.h"

static const char COMMON_OPTIONS[] = "config=:server=:json:help";

static const char COMMON_HELP[] = "Options of every command:\n"
                                  "  --config FILE  settings file or folder of them (else WEIR_CONFIG, "
                                  "./weir.yaml, ~/.config/weir/weir.yaml, /etc/weir/weir.yaml)\n"
                                  "  --server URL   a running gateway (else WEIR_URL), asked with WEIR_KEY\n"
                                  "  --json         print JSON\n"
                                  "  --help         this text\n";

static const char *variable(char **environ_, const char *name)
{
	size_t n = strlen(name);
	for (char **v = environ_; v && *v; v++)
		if (strncmp(*v, name, n) == 0 && (*v)[n] == '=')
			return (*v)[n + 1] ? *v + n + 1 : NULL;
	return NULL;
}

const char *cli_env(const struct cli *c, const char *name)
{
	return variable(c->environ_, name);
}

int cli_help(const struct cli *c, const struct command *cmd)
{
	slice usage = slice_of(cmd->usage);
	if (slice_starts(usage, SLICE("Usage: ")))
		usage = slice_sub(usage, 7, usage.n);
	fprintf(c->out, "%s: %s\n\nUsage: " SLICE_FMT "\n", cmd->name, cmd->summary, SLICE_ARG(usage));
	fputs(COMMON_HELP, c->out);
	return EXIT_DONE;
}

int cli_usage_error(const struct cli *c, const struct command *cmd, const char *format, ...)
{
	va_list ap;
	fprintf(c->err, "weir %s: ", cmd->name);
	va_start(ap, format);
	vfprintf(c->err, format, ap);
	va_end(ap);
	fprintf(c->err, "\nTry `weir %s --help`.\n", cmd->name);
	return EXIT_USAGE;
}

int cli_fail(const struct cli *c, const char *format, ...)
{
	va_list ap;
	fflush(c->out); /* what was said before stands before */
	fputs("weir: ", c->err);
	va_start(ap, format);
	vfprintf(c->err, format, ap);
	va_end(ap);
	fputc('\n', c->err);
	return EXIT_FAILED;
}

/* --- options ----------------------------------------------------------------- */

/* Finds word in a list like "by=:csv"; 0 when it is not there, 1 a flag, 2 with a value. */
static int find_option(const char *list, slice word)
{
	slice rest = slice_of(list), part;
	while (slice_split(&rest, ':', &part)) {
		bool valued = slice_ends(part, SLICE("="));
		slice name = slice_sub(part, 0, part.n - valued);
		if (name.n && slice_eq(name, word))
			return 1 + valued;
	}
	return 0;
}

static void offer_options(struct nearest *near, const char *list)
{
	slice rest = slice_of(list), part;
	while (slice_split(&rest, ':', &part))
		nearest_offer(near, slice_sub(part, 0, part.n - slice_ends(part, SLICE("="))));
}

static int unknown_option(const struct cli *c, const struct command *cmd, const char *options, slice word)
{
	struct nearest near;
	nearest_init(&near, word);
	offer_options(&near, options);
	offer_options(&near, COMMON_OPTIONS);
	if (near.best.n)
		cli_usage_error(c, cmd, "there is no option --" SLICE_FMT "; did you mean --" SLICE_FMT "?",
		                SLICE_ARG(word), SLICE_ARG(near.best));
	else
		cli_usage_error(c, cmd, "there is no option --" SLICE_FMT, SLICE_ARG(word));
	return -1;
}

/* Takes in one of the common options; true when it was one. */
static bool common_option(struct cli *c, slice name, const char *value)
{
	if (slice_eq(name, SLICE("config")))
		c->config = value;
	else if (slice_eq(name, SLICE("server")))
		c->server = value;
	else if (slice_eq(name, SLICE("json")))
		c->json = true;
	else
		return false;
	return true;
}

/* The value of a valued option: behind its '=', or the next word. NULL when there is none. */
static const char *option_value(const char *equals, int argc, char **argv, int *at)
{
	if (equals)
		return equals + 1;
	return *at < argc ? argv[(*at)++] : NULL;
}

/* One "--name" or "--name=value"; -1, 1, or 0 when a common option was taken in. */
static int long_option(struct cli *c, const struct command *cmd, int argc, char **argv, int *at,
                       const char *options, const char **name, const char **value)
{
	const char *text = argv[*at - 1] + 2, *equals = strchr(text, '=');
	slice word = {text, equals ? (size_t)(equals - text) : strlen(text)};
	int kind = find_option(options, word);
	bool own = kind != 0;
	if (!own)
		kind = find_option(COMMON_OPTIONS, word);
	if (kind == 0)
		return unknown_option(c, cmd, options, word);
	if (kind == 1 && equals) {
		cli_usage_error(c, cmd, "--" SLICE_FMT " takes no value", SLICE_ARG(word));
		return -1;
	}
	*value = kind == 2 ? option_value(equals, argc, argv, at) : NULL;
	if (kind == 2 && *value == NULL) {
		cli_usage_error(c, cmd, "--" SLICE_FMT " needs a value", SLICE_ARG(word));
		return -1;
	}
	if (!own && common_option(c, word, *value))
		return 0;
	if (!own)
		return -2; /* --help */
	snprintf(c->option, sizeof c->option, SLICE_FMT, SLICE_ARG(word));
	*name = c->option;
	return 1;
}

int cli_next(struct cli *c, const struct command *cmd, int argc, char **argv, int *at, const char *options,
             const char **name, const char **value)
{
	while (*at < argc) {
		const char *word = argv[(*at)++];
		if (!c->rest && strcmp(word, "--") == 0) {
			c->rest = true;
			continue;
		}
		if (c->rest || word[0] != '-' || word[1] == '\0') {
			*name = NULL;
			*value = word;
			return 2;
		}
		int r;
		if (strcmp(word, "-h") == 0)
			r = -2;
		else if (word[1] == '-')
			r = long_option(c, cmd, argc, argv, at, options, name, value);
		else {
			cli_usage_error(c, cmd, "there is no option %s (options begin with --)", word);
			r = -1;
		}
		if (r == -2)
			cli_help(c, cmd);
		if (r != 0)
			return r;
	}
	return 0;
}

/* --- the program's own words ------------------------------------------------- */

static const struct command *find_command(const char *name)
{
	for (const struct command *const *cmd = cli_commands; *cmd; cmd++)
		if (strcmp((*cmd)->name, name) == 0)
			return *cmd;
	return NULL;
}

static void print_overview(FILE *to)
{
	fputs("weir: what AI agents spend, seen and held to a level\n\nUsage: weir COMMAND [options]\n\n",
	      to);
	for (const struct command *const *cmd = cli_commands; *cmd; cmd++)
		fprintf(to, "  %-10s %s\n", (*cmd)->name, (*cmd)->summary);
	fputs("\n`weir COMMAND --help` tells a command's options; `weir --version` the version.\n"
	      "First use: weir run -- claude\n",
	      to);
}

static int unknown_command(const struct cli *c, const char *name)
{
	struct nearest near;
	nearest_init(&near, slice_of(name));
	for (const struct command *const *cmd = cli_commands; *cmd; cmd++)
		nearest_offer(&near, slice_of((*cmd)->name));
	fprintf(c->err, "weir: there is no command \"%s\"", name);
	if (near.best.n)
		fprintf(c->err, "; did you mean `weir " SLICE_FMT "`?", SLICE_ARG(near.best));
	fputs("\nTry `weir --help`.\n", c->err);
	return EXIT_USAGE;
}

static int help_command(const struct cli *c, int argc, char **argv)
{
	if (argc < 3) {
		print_overview(c->out);
		return EXIT_DONE;
	}
	const struct command *cmd = find_command(argv[2]);
	return cmd ? cli_help(c, cmd) : unknown_command(c, argv[2]);
}

static int dispatch(struct cli *c, int argc, char **argv)
{
	if (argc < 2) {
		print_overview(c->err);
		return EXIT_USAGE;
	}
	const char *word = argv[1];
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
		return help_command(c, argc, argv);
	if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0 || strcmp(word, "version") == 0) {
		fprintf(c->out, "weir %s\n", WEIR_VERSION);
		return EXIT_DONE;
	}
	if (word[0] == '-') {
		fprintf(c->err,
		        "weir: options stand behind the command: weir COMMAND %s\nTry `weir --help`.\n",
		        word);
		return EXIT_USAGE;
	}
	const struct command *cmd = find_command(word);
	return cmd ? cmd->run(c, argc - 1, argv + 1) : unknown_command(c, word);
}

int cli_main(int argc, char **argv, char **environ_)
{
	struct cli c = {
	    .server = variable(environ_, "WEIR_URL"),
	    .key = variable(environ_, "WEIR_KEY"),
	    .out = stdout,
	    .err = stderr,
	    .environ_ = environ_,
	};
	int status = dispatch(&c, argc, argv);
	if ((fflush(stdout) != 0 || ferror(stdout)) && status == EXIT_DONE)
		status = cli_fail(
		    &c, "the output could not be written: the disk is full, or who was to read it has gone");
	return status;
}
