#include "cli/demo_place.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "gateway/server.h"

#define DAY_MS   ((int64_t)24 * 3600 * 1000)
#define FILE_MAX 65536

/* --- programs ---------------------------------------------------------------- */

static int find_self(struct demo_place *p, struct error *e)
{
	char here[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", p->weir, sizeof p->weir - 1);
	if (n <= 0)
		return error_errno(e, ERR_IO, errno, "this program's own file cannot be found in /proc");
	p->weir[n] = '\0';
	snprintf(p->weir_said, sizeof p->weir_said, "%s", p->weir);
	if (getcwd(here, sizeof here) && slice_starts(slice_of(p->weir), slice_of(here)) &&
	    p->weir[strlen(here)] == '/')
		snprintf(p->weir_said, sizeof p->weir_said, "%s", p->weir + strlen(here) + 1);
	return 0;
}

/* FOLDER/weir-sim when it can be run. */
static bool sim_in(struct demo_place *p, slice folder)
{
	int n = snprintf(p->sim, sizeof p->sim, SLICE_FMT "/weir-sim", SLICE_ARG(folder));
	return folder.n && n < (int)sizeof p->sim && access(p->sim, X_OK) == 0;
}

static int find_sim(struct demo_place *p, const struct cli *c, struct error *e)
{
	slice beside = slice_of(p->weir), path = slice_of(cli_env(c, "PATH")), folder;
	while (beside.n && beside.p[beside.n - 1] != '/')
		beside.n--;
	beside.n -= beside.n > 0;
	if (sim_in(p, beside))
		return 0;
	while (slice_split(&path, ':', &folder))
		if (sim_in(p, folder))
			return 0;
	return error_set(
	    e, ERR_NOT_FOUND,
	    "weir-sim, which plays the provider and the team, is neither beside this program (in " SLICE_FMT
	    ") nor in PATH: `make` builds both, `make install` installs both",
	    SLICE_ARG(beside));
}

/* --- the folder -------------------------------------------------------------- */

bool demo_path(const struct demo_place *p, const char *name, char out[PATH_MAX])
{
	return snprintf(out, PATH_MAX, "%s/%s", p->folder, name) < PATH_MAX;
}

int demo_place_make(struct demo_place *p, const struct cli *c, struct error *e)
{
	const char *tmp = cli_env(c, "TMPDIR");
	int rc = find_self(p, e);
	if (rc == 0)
		rc = find_sim(p, c, e);
	if (rc < 0)
		return rc;
	if (tmp == NULL || tmp[0] != '/')
		tmp = "/tmp";
	snprintf(p->folder, sizeof p->folder, "%.*s/weir-demo-XXXXXX", PATH_MAX - 64, tmp);
	if (mkdtemp(p->folder) == NULL) {
		p->folder[0] = '\0';
		return error_errno(e, ERR_IO, errno,
		                   "no folder can be made in %s (name another by the variable TMPDIR)", tmp);
	}
	bool fits = demo_path(p, "weir.yaml", p->config);
	fits = fits && snprintf(p->store, sizeof p->store, "sqlite:%s/weir.db", p->folder) < PATH_MAX;
	return fits ? 0 : error_set(e, ERR_FULL, "the folder's name is too long: %s", tmp);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	remove(path);
	return 0;
}

void demo_place_remove(struct demo_place *p)
{
	if (p->folder[0])
		nftw(p->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	p->folder[0] = '\0';
}

int demo_create(const struct demo_place *p, const char *name, struct error *e)
{
	char path[PATH_MAX];
	int fd = demo_path(p, name, path)
	             ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600)
	             : -1;
	return fd >= 0 ? fd : error_errno(e, ERR_IO, errno, "%s/%s cannot be written", p->folder, name);
}

static int write_file(const struct demo_place *p, const char *name, slice text, struct error *e)
{
	int fd = demo_create(p, name, e);
	if (fd < 0)
		return fd;
	ssize_t put = write(fd, text.p, text.n);
	int why = put < 0 ? errno : ENOSPC;
	if (close(fd) != 0 || put != (ssize_t)text.n)
		return error_errno(e, ERR_IO, why, "%s/%s cannot be written", p->folder, name);
	return 0;
}

/* --- settings ---------------------------------------------------------------- */

/* The usual port when it is wanted and free, else one that is. */
static int pick_port(int usual, struct error *e)
{
	const slice host = SLICE("127.0.0.1");
	int port = 0;
	if (usual && server_port_free(host, usual, NULL) == 0)
		return usual;
	int fd = server_listen(host, 0, &port, e);
	if (fd < 0)
		return ERR_IO;
	close(fd);
	return port;
}

int demo_settings(const struct demo_place *p, const char *provider_url, bool usual_ports, struct error *e)
{
	struct buf b;
	int gateway = pick_port(usual_ports ? 8787 : 0, e);
	int console = gateway < 0 ? gateway : pick_port(usual_ports ? 8788 : 0, e);
	if (console < 0)
		return console;
	buf_init(&b, FILE_MAX);
	int rc = buf_printf(
	    &b,
	    "# Of `weir demo`: everything here is simulated.\n"
	    "listen: 127.0.0.1:%d\n"
	    "console: {listen: 127.0.0.1:%d}\n"
	    "store: sqlite:weir.db\n"
	    "workers: 2\n"
	    "limits: {drain: 2s}\n"
	    "providers:\n"
	    "  - {name: simulated-anthropic, api: anthropic, base_url: \"%s\", credential: file:credential}\n"
	    "  - {name: simulated-openai, api: openai, base_url: \"%s\", credential: file:credential}\n"
	    "  - {name: simulated-gemini, api: gemini, base_url: \"%s\", credential: file:credential}\n"
	    "teams:\n"
	    "  - {name: payments, cost_centre: CC-1204}\n"
	    "  - {name: platform, cost_centre: CC-1310}\n"
	    "  - {name: web, cost_centre: CC-1422}\n"
	    "  - {name: ci, cost_centre: CC-1310}\n"
	    "budgets:\n" /* wider than the team spends: the demo's books are of calls that went through */
	    "  - {name: org-day, window: day, limit: 200 USD}\n"
	    "  - {name: org-month, window: month, limit: 400 USD, alerts: [50%%, 80%%, 100%%, forecast]}\n"
	    "  - {name: team-week, each: team, window: week, limit: 120 USD}\n"
	    "  - {name: dev-day, each: user, window: day, limit: 60 USD, override: {up_to: 20 USD, per: "
	    "day}}\n"
	    "  - {name: try-session, each: session, window: total, limit: 0.40 USD, mode: shadow}\n",
	    gateway, console, provider_url, provider_url, provider_url);
	rc = rc ? error_set(e, rc, "out of memory") : write_file(p, "weir.yaml", buf_slice(&b), e);
	buf_release(&b);
	return rc ? rc : write_file(p, "credential", SLICE("a-simulated-credential\n"), e);
}

/* --- people ------------------------------------------------------------------ */

struct somebody {
	const char *user, *team, *attributes, *use;
	enum role role;
	bool expired;
};

static const struct somebody people_at[DEMO_PEOPLE_MAX] = {
    {.user = "ana@acme.example", .team = "payments"},   {.user = "bo@acme.example", .team = "payments"},
    {.user = "chen@acme.example", .team = "platform"},  {.user = "dora@acme.example", .team = "platform"},
    {.user = "emil@acme.example", .team = "web"},       {.user = "fatima@acme.example", .team = "web"},
    {.user = "goran@acme.example", .team = "payments"}, {.user = "hana@acme.example", .team = "platform"},
    {.user = "ines@acme.example", .team = "web"},       {.user = "jonas@acme.example", .team = "payments"},
    {.user = "kofi@acme.example", .team = "platform"},  {.user = "lena@acme.example", .team = "web"},
};
static const struct somebody who_left = {.user = "max@contractor.example", .team = "web", .expired = true};
static const struct somebody ci = {.user = "ci@acme.example",
                                   .team = "ci",
                                   .attributes = "{\"environment\":\"ci\"}",
                                   .use = "ci",
                                   .role = ROLE_AGENT};

static int put_key(const struct somebody *who, const struct ledger_ops *ops, struct ledger *l,
                   struct buf *out, struct error *e)
{
	char key[IDENTITY_KEY_MAX], id[32];
	int64_t now = clock_wall_ms(clock_real());
	struct ledger_key k = {
	    .user = slice_of(who->user),
	    .team = slice_of(who->team),
	    .attributes = slice_of(who->attributes),
	    .role = who->role == ROLE_AGENT ? ROLE_AGENT : ROLE_DEVELOPER,
	    .created_ms = now - 30 * DAY_MS,
	    .expires_ms = who->expired ? now - DAY_MS : 0,
	};
	int rc = key_make(ops, l, &k, key, id, e);
	if (rc == 0)
		rc = buf_printf(out, "{\"id\":\"%s\",\"user\":\"%s\",\"key\":\"%s\"%s%s%s}\n", id, who->user,
		                key, who->use ? ",\"use\":\"" : "", who->use ? who->use : "",
		                who->use ? "\"" : "");
	crypto_zero(key, sizeof key);
	return rc;
}

int demo_keys(const struct demo_place *p, const struct ledger_ops *ops, struct ledger *l, size_t people,
              struct error *e)
{
	struct buf b;
	buf_init(&b, FILE_MAX);
	int rc = put_key(&ci, ops, l, &b, e);
	for (size_t i = 0; i < people && i < DEMO_PEOPLE_MAX && rc == 0; i++)
		rc = put_key(&people_at[i], ops, l, &b, e);
	if (rc == 0)
		rc = put_key(&who_left, ops, l, &b, e);
	if (rc == 0)
		rc = write_file(p, "keys", buf_slice(&b), e);
	buf_release(&b);
	return rc;
}
