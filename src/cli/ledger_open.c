#include "cli/ledger_open.h"

#include <limits.h>

int cli_ledger_open(struct cli *c, bool writable, struct cli_ledger *out)
{
	struct error e = {0};
	char path[PATH_MAX];
	*out = (struct cli_ledger){.settings = cli_settings_with(c, SETTINGS_NO_SECRETS | SETTINGS_NO_PRICES |
	                                                                (writable ? 0 : SETTINGS_NO_FOLDER))};
	if (out->settings == NULL)
		return EXIT_FAILED;
	out->ops = ledger_for(out->settings->store, &out->path, &e);
	int rc = out->ops ? 0 : e.code;
	if (rc == 0 && out->path.n >= sizeof path)
		rc = error_set(&e, ERR_INVALID, "`store:` names a path that is too long");
	if (rc == 0) {
		snprintf(path, sizeof path, SLICE_FMT, SLICE_ARG(out->path));
		rc = out->ops->open(path, writable, &out->ledger, &e);
	}
	if (rc == 0 || (rc == ERR_NOT_FOUND && !writable))
		return EXIT_DONE;
	cli_ledger_close(out);
	return cli_fail(c, "%s", e.text);
}

void cli_ledger_close(struct cli_ledger *l)
{
	if (l->ledger)
		l->ops->close(l->ledger);
	l->ledger = NULL;
	settings_unref(l->settings);
	l->settings = NULL;
}

void cli_ledger_empty(const struct cli *c, const struct cli_ledger *l)
{
	fprintf(c->err,
	        "weir: no calls in the ledger yet (" SLICE_FMT ").\n"
	        "Run an agent through weir, like `weir run -- claude`, and ask again; `weir demo` shows a "
	        "simulated team.\n",
	        SLICE_ARG(l->path));
}
