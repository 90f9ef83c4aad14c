#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/import.h"

struct scratch {
	char folder[256], file[272];
};

static int make_folder(struct cli *c, struct scratch *s)
{
	const char *tmp = cli_env(c, "TMPDIR");
	snprintf(s->folder, sizeof s->folder, "%.200s/weir-report-XXXXXX", tmp ? tmp : "/tmp");
	if (mkdtemp(s->folder) == NULL)
		return cli_fail(c, "no folder can be made below %s (TMPDIR)", tmp ? tmp : "/tmp");
	snprintf(s->file, sizeof s->file, "%s/weir.db", s->folder);
	return EXIT_DONE;
}

/* The ledger stays open, and goes when it is closed. */
static void take_away(const struct scratch *s)
{
	static const char *const endings[] = {"", "-wal", "-shm"};
	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
		char path[300];
		snprintf(path, sizeof path, "%s%s", s->file, endings[i]);
		unlink(path);
	}
	rmdir(s->folder);
}

static void note_agent(char *agents, size_t cap, const char *title)
{
	size_t n = strlen(agents);
	snprintf(agents + n, cap - n, "%s%s", n ? ", " : "", title);
}

static int import_places(struct cli *c, const struct ledger_ops *ops, const struct catalog *prices,
                         struct ledger *l, char *agents, size_t cap)
{
	struct import_run r;
	int status = EXIT_DONE;
	import_run_init(&r, c, ops, l);
	r.options.catalog = prices;
	r.open_too = true;
	r.progress = isatty(fileno(c->err));
	for (size_t i = 0; import_source_at(i) && status == EXIT_DONE; i++) {
		if (import_source_at(i)->named_only)
			continue;
		uint64_t before = r.totals.added;
		status = import_run_places(&r, import_source_at(i), NULL);
		if (r.totals.added > before)
			note_agent(agents, cap, import_source_at(i)->title);
	}
	if (r.progress)
		fputs("\r\033[K", c->err);
	return status;
}

int import_scratch(struct cli *c, const struct ledger_ops *ops, const struct catalog *prices,
                   struct ledger **out, char *agents, size_t cap)
{
	struct scratch s;
	struct ledger *l = NULL;
	struct error e = {0};
	agents[0] = '\0';
	int status = make_folder(c, &s);
	if (status != EXIT_DONE)
		return status;
	if (ops->open(s.file, true, &l, &e) != 0)
		status = cli_fail(c, "%s", e.text);
	if (status == EXIT_DONE)
		status = import_places(c, ops, prices, l, agents, cap);
	take_away(&s);
	if (status == EXIT_DONE && agents[0]) {
		*out = l;
		return EXIT_DONE;
	}
	if (l)
		ops->close(l);
	return status;
}
