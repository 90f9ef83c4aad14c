/* weir serve */
#include <unistd.h>

#include "cli/cli.h"
#include "gateway/gateway.h"

static void on_ready(void *arg, const char *gateway_url, const char *console_url)
{
	struct cli *c = arg;
	fprintf(c->out, "weir: listening on %s\nweir: console on %s\n", gateway_url, console_url);
	fflush(c->out);
}

static int run(struct cli *c, int argc, char **argv)
{
	const char *name, *value;
	int at = 1, r;
	while ((r = cli_next(c, &command_serve, argc, argv, &at, "", &name, &value)) > 0)
		return cli_usage_error(c, &command_serve, "unexpected argument \"%s\"", value ? value : name);
	if (r == -2)
		return EXIT_DONE;
	if (r < 0)
		return EXIT_USAGE;
	struct settings *s = cli_settings(c);
	if (s == NULL)
		return EXIT_FAILED;
	struct log log;
	struct error e = {0};
	log_init(&log, STDERR_FILENO, (enum log_level)s->log_level, clock_real());
	log.format = (enum log_format)s->log_format;
	struct gateway_options o = {.config = s->source, .log = &log, .on_ready = on_ready, .arg = c};
	if (gateway_run(s, &o, &e) == 0)
		return EXIT_DONE;
	return cli_fail(c, "%s", e.text);
}

const struct command command_serve = {
    .name = "serve",
    .summary = "run the gateway and the console",
    .usage = "Usage: weir serve [--config FILE]\n"
             "\n"
             "Runs the gateway and the console in the foreground. With no config it listens on\n"
             "127.0.0.1:8787 (console 127.0.0.1:8788), keeps its ledger in the user's data folder\n"
             "and passes the agents' own credentials through to the providers.\n"
             "\n"
             "Signals: SIGHUP reloads the settings (so does a changed file); SIGTERM and SIGINT\n"
             "stop accepting, let running streams end within limits.drain, book everything and exit\n"
             "with 0; a second one cuts the streams off.\n",
    .run = run,
};
