/* `weir run`: an agent through a gateway. The agent takes this process's place, so that its exit status, its
 * signals and its terminal are its own. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/agents.h"
#include "cli/ci.h"
#include "cli/cli.h"
#include "cli/git.h"
#include "cli/launch.h"
#include "cli/local.h"
#include "policy/attribution.h"
#include "text/nearest.h"

static int run_run(struct cli *c, int argc, char **argv);

const struct command command_run = {
    "run", "runs an agent through a gateway, with no set-up",
    "weir run [options] [--] AGENT [its arguments]\n\n"
    "AGENT: claude, codex, gemini, opencode, qwen, or any program that uses a provider's SDK. Its base URL "
    "is set\n"
    "to the gateway: that of --server (or WEIR_URL), else the one of this machine, which is started when "
    "none\n"
    "answers. Repository, branch, commit and what a CI system tells of its job go along as headers. The "
    "exit\n"
    "status is the agent's.\n\n"
    "  --set K=V      a header of your own: team, repo, branch, commit, workflow, environment, session, "
    "task,\n"
    "                 cohort, tags (tags=a=1,b=2), trigger, pr, diff-lines; may stand several times\n"
    "  --agent NAME   which agent it is, when the command's name does not tell\n"
    "  --print        prints what would be set, and runs nothing\n",
    run_run};

/* What may be sent along, by PRODUCT's list of attribution headers. */
static const char *const HEADERS[] = {
    "x-weir-team",        "x-weir-repo",    "x-weir-branch",    "x-weir-commit", "x-weir-workflow",
    "x-weir-environment", "x-weir-session", "x-weir-task",      "x-weir-cohort", "x-weir-tags",
    "x-weir-trigger",     "x-weir-pr",      "x-weir-diff-lines"};
#define HEADERS_N (sizeof HEADERS / sizeof *HEADERS)

struct run {
	struct cli *c;
	const char *agent_word;
	bool print;
	size_t sets_n;
	const char *sets[LAUNCH_HEADERS_MAX];
};

static bool add_set(struct launch *l, struct cli *c, const char *text)
{
	struct nearest near;
	slice value = slice_of(text), name;
	slice_split(&value, '=', &name);
	nearest_init(&near, name);
	for (size_t i = 0; i < HEADERS_N; i++) {
		slice known = slice_of(HEADERS[i] + sizeof "x-weir-" - 1);
		if (slice_eq(name, known) && value.n) {
			launch_header(l, HEADERS[i], value);
			return true;
		}
		nearest_offer(&near, known);
	}
	if (value.n == 0)
		cli_usage_error(c, &command_run, "--set %s: write --set NAME=VALUE", text);
	else
		cli_usage_error(c, &command_run,
		                "--set: there is no header \"" SLICE_FMT "\"%s" SLICE_FMT "%s",
		                SLICE_ARG(name), near.best.n ? "; did you mean " : "", SLICE_ARG(near.best),
		                near.best.n ? "?" : "");
	return false;
}

/* --set first, then CI's variables (a job's checkout is often detached), then git. */
static bool add_headers(struct run *r, struct launch *l)
{
	struct git_facts git;
	for (size_t i = 0; i < r->sets_n; i++)
		if (!add_set(l, r->c, r->sets[i]))
			return false;
	ci_headers(l);
	if (git_read(".", &l->mem, &git)) {
		launch_header(l, "x-weir-repo", attribution_repo(git.remote, &l->mem));
		launch_header(l, "x-weir-branch", git.branch);
		launch_header(l, "x-weir-commit", git.commit);
	}
	return true;
}

/* --- the gateway ------------------------------------------------------------- */

static int named_gateway(struct cli *c, char base[LOCAL_URL_MAX])
{
	char host[256], text[64];
	int port;
	bool tls;
	size_t n = strlen(c->server);
	while (n && c->server[n - 1] == '/')
		n--;
	snprintf(base, LOCAL_URL_MAX, "%.*s", (int)(n < LOCAL_URL_MAX ? n : 0), c->server);
	if (!url_place(base, host, &port, &tls))
		return cli_fail(c, "\"%s\" is no URL of a gateway: write http://HOST:8787 or https://HOST",
		                c->server);
	enum probe p = probe_ready(host, port, tls, 5000, text, sizeof text);
	if (p == PROBE_ABSENT || p == PROBE_TIMEOUT)
		return cli_fail(
		    c,
		    "no gateway answers at %s: is the address right, and is `weir serve` running there? "
		    "Without --server and WEIR_URL one is started on this machine",
		    base);
	if (p == PROBE_READY)
		return cli_fail(c,
		                "%s is a console; the gateway has another port (8787 unless the settings say "
		                "otherwise)",
		                base);
	return EXIT_DONE;
}

static int find_gateway(struct run *r, struct agent_gateway *g, struct settings **s, char base[LOCAL_URL_MAX])
{
	*g = (struct agent_gateway){.base = base, .key = r->c->key, .dry = r->print};
	if (r->c->server)
		return named_gateway(r->c, base);
	*s = cli_settings_with(r->c, SETTINGS_NO_SECRETS | SETTINGS_NO_PRICES);
	if (*s == NULL)
		return EXIT_FAILED;
	g->settings = *s;
	local_url(&(*s)->listen, base);
	return r->print ? EXIT_DONE : local_gateway(r->c, *s);
}

/* --- the agent --------------------------------------------------------------- */

static bool is_secret(const char *line)
{
	return strstr(line, "KEY=") || strstr(line, "TOKEN=") || strstr(line, "x-weir-key");
}

/* What differs from the environment as it was. */
static void print_launch(struct cli *c, const struct launch *l, const char *agent)
{
	fprintf(c->out, "agent: %s\n", agent ? agent : "not known by name");
	for (size_t i = 0; i < l->headers_n; i++)
		fprintf(c->out, "header: %s: " SLICE_FMT "\n", l->headers[i].name,
		        SLICE_ARG(l->headers[i].value));
	for (size_t i = 0; i < l->envc; i++) {
		bool same = false;
		for (char **e = c->environ_; e && *e; e++)
			same = same || strcmp(*e, l->env[i]) == 0;
		if (!same && is_secret(l->env[i]))
			fprintf(c->out, "variable: %.*s=… (with a key)\n", (int)strcspn(l->env[i], "="),
			        l->env[i]);
		else if (!same)
			fprintf(c->out, "variable: %s\n", l->env[i]);
	}
	fputs("command:", c->out);
	for (size_t i = 0; i < l->argc; i++)
		fprintf(c->out, " %s", l->argv[i]);
	fputc('\n', c->out);
}

static int no_program(struct cli *c, const char *name)
{
	cli_fail(c, "there is no program \"%s\": is it installed, and on the PATH?", name);
	return 127; /* as a shell says it */
}

/* Before a gateway is started in vain. */
static bool can_start(const char *name)
{
	char path[PATH_MAX];
	const char *all = getenv("PATH");
	slice rest = slice_of(all && *all ? all : "/usr/bin:/bin"), folder;
	if (strchr(name, '/'))
		return access(name, F_OK) == 0;
	while (slice_split(&rest, ':', &folder)) {
		snprintf(path, sizeof path, SLICE_FMT "/%s", SLICE_ARG(folder.n ? folder : SLICE(".")), name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static int become_agent(struct cli *c, struct launch *l)
{
	fflush(NULL);
	execvpe(l->argv[0], (char *const *)l->argv, (char *const *)l->env);
	int reason = errno;
	if (reason == ENOENT)
		return no_program(c, l->argv[0]);
	cli_fail(c, "%s cannot be started: %s", l->argv[0], strerror(reason));
	return 126;
}

static int launch(struct run *r, struct launch *l)
{
	char base[LOCAL_URL_MAX];
	struct agent_gateway g;
	struct settings *s = NULL;
	size_t at;
	const char *agent = agent_of(l->argc, l->argv, &at);
	if (r->agent_word) {
		agent = agent_named(r->agent_word);
		if (agent == NULL)
			return cli_usage_error(r->c, &command_run,
			                       "--agent %s: write claude, codex, gemini, opencode or qwen",
			                       r->agent_word);
	}
	if (!add_headers(r, l))
		return EXIT_USAGE;
	if (!r->print && !can_start(l->argv[0]))
		return no_program(r->c, l->argv[0]);
	int status = find_gateway(r, &g, &s, base);
	if (status == EXIT_DONE) {
		agent_prepare(l, agent, at, &g);
		for (size_t i = 0; i < l->notes_n; i++)
			fprintf(r->c->err, "weir: %s.\n", l->notes[i]);
	}
	settings_unref(s);
	if (status != EXIT_DONE)
		return status;
	if (l->failed)
		return cli_fail(r->c, "the environment or the command line is too large");
	if (r->print) {
		print_launch(r->c, l, agent);
		return EXIT_DONE;
	}
	return become_agent(r->c, l);
}

static int run_run(struct cli *c, int argc, char **argv)
{
	struct run r = {.c = c};
	const char *name, *value;
	int at = 1, got;
	while ((got = cli_next(c, &command_run, argc, argv, &at, "set=:agent=:print", &name, &value)) == 1) {
		if (strcmp(name, "print") == 0)
			r.print = true;
		else if (strcmp(name, "agent") == 0)
			r.agent_word = value;
		else if (r.sets_n < LAUNCH_HEADERS_MAX)
			r.sets[r.sets_n++] = value;
		else
			return cli_usage_error(c, &command_run, "--set stands too often");
	}
	if (got < 0)
		return got == -2 ? EXIT_DONE : EXIT_USAGE;
	if (got == 0)
		return cli_usage_error(c, &command_run, "which agent? For example: weir run -- claude");
	struct launch *l = malloc(sizeof *l);
	int status = l == NULL ? ERR_NOMEM : launch_init(l, argc - at + 1, argv + at - 1, c->environ_);
	status = status < 0 ? cli_fail(c, "the environment or the command line is too large") : launch(&r, l);
	if (l)
		launch_release(l);
	free(l);
	return status;
}
