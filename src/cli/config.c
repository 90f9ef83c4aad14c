/* The settings a command runs with. */
#include <limits.h>

#include "cli/cli.h"

struct told {
	struct cli *c;
	int n;
};

static void tell(void *arg, const char *line)
{
	struct told *t = arg;
	fprintf(t->c->err, "%s\n", line);
	t->n++;
}

struct settings *cli_settings_with(struct cli *c, unsigned flags)
{
	char found[PATH_MAX];
	struct told t = {.c = c};
	slice path = c->config ? slice_of(c->config) : settings_find(found, sizeof found);
	struct settings *s = settings_load_with(path, flags, tell, &t);
	if (s == NULL)
		cli_fail(c, "%d fault%s in the settings: mend %s and see by `weir check`", t.n,
		         t.n == 1 ? "" : "s", t.n == 1 ? "it" : "them");
	return s;
}

struct settings *cli_settings(struct cli *c)
{
	return cli_settings_with(c, 0);
}
