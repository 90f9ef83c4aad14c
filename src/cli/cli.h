/* The command line's frame: a table of commands, the options all of them take. */
#ifndef WEIR_CLI_CLI_H
#define WEIR_CLI_CLI_H

#include <stdio.h>

#include "base/err.h"
#include "base/slice.h"
#include "model/settings.h"
#include "text/jsonw.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_POLICY = 3 };

struct cli {
	const char *config; /* --config FILE, or NULL */
	const char *server; /* --server URL or WEIR_URL, or NULL */
	const char *key;    /* WEIR_KEY, or NULL */
	bool json;          /* --json */
	bool rest;          /* "--" was passed: all that follows are positionals */
	char option[32];    /* name of the option read last */
	FILE *out, *err;    /* not owned */
	char **environ_;    /* not owned */
};

struct command {
	const char *name, *summary;
	const char *usage; /* "weir report [options]" and an option a line, shown by --help; man pages are
	                      made from it */
	int (*run)(struct cli *c, int argc,
	           char **argv); /* argv[0] is the command's name; returns an exit status */
};

/* The table, ended by a NULL name: src/cli/commands.c. */
extern const struct command *const cli_commands[];

/* Finds and runs the command; --help and --version here. */
int cli_main(int argc, char **argv, char **environ_);

/* Prints usage to c->out and returns EXIT_DONE. */
int cli_help(const struct cli *c, const struct command *cmd);
/* "weir report: message" and "try `weir report --help`" to c->err; returns EXIT_USAGE. */
int cli_usage_error(const struct cli *c, const struct command *cmd, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "weir: message" to c->err; returns EXIT_FAILED. */
int cli_fail(const struct cli *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One option off the command line, in any place before "--" (what follows that is positional). Walks argv
 * from *at (start at 1). Returns 1 with *name ("by", a string in *c until the next call) and *value (NULL for
 * a flag), 2 for a positional (in *value), 0 at the end, -1 after a usage error was printed (return
 * EXIT_USAGE), -2 after --help (return EXIT_DONE). options: "by=:per=:csv" style list, ':' apart, '=' for
 * those with a value. The common --config, --server, --json, --help are handled here. */
int cli_next(struct cli *c, const struct command *cmd, int argc, char **argv, int *at, const char *options,
             const char **name, const char **value);

/* A variable of the environment the program was started with; NULL when it is not set or empty. */
const char *cli_env(const struct cli *c, const char *name);

/* The settings of --config or the default place; prints errors; NULL after an error. cli_settings is for who
 * serves: secrets are looked up, the data folder is made. The others, who only ask the store or the prices,
 * use cli_settings_with(c, SETTINGS_NO_SECRETS) (flags of settings_load_with), so that a report needs no API
 * keys. */
struct settings *cli_settings(struct cli *c);
struct settings *cli_settings_with(struct cli *c, unsigned flags);

/* Ends w and prints what it wrote into b, and a line feed; releases b. Returns EXIT_DONE, or EXIT_FAILED
 * after a message. */
int cli_print_json(const struct cli *c, struct jsonw *w, struct buf *b);

/* The commands */
extern const struct command command_serve, command_run, command_check, command_doctor, command_key,
    command_session, command_report, command_export, command_import, command_price, command_tokens,
    command_demo, command_top, command_freeze, command_unfreeze, command_gate, command_budget, command_triage,
    command_alert, command_forecast, command_anomaly, command_savings;

#endif
