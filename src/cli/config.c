/* The settings a command runs with, and JSON it prints. */
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

int cli_print_json(const struct cli *c, struct jsonw *w, struct buf *b)
{
	int status = jsonw_end(w);
	slice text = buf_slice(b);
	if (status == 0)
		fprintf(c->out, SLICE_FMT "\n", SLICE_ARG(text));
	buf_release(b);
	return status == 0 ? EXIT_DONE : cli_fail(c, "the answer is too large to print as JSON");
}
