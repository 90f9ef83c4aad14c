/* The ledger of the settings, for the commands that ask it. */
#ifndef WEIR_CLI_LEDGER_OPEN_H
#define WEIR_CLI_LEDGER_OPEN_H

#include "cli/cli.h"
#include "store/ledger.h"

struct cli_ledger {
	const struct ledger_ops *ops;
	struct ledger *ledger;     /* owned; NULL: none is there yet */
	struct settings *settings; /* owned reference */
	slice path;                /* of the store, without its scheme; in the settings */
};

/* Opens it. EXIT_DONE (with ledger NULL when it does not exist and writable is false), or another exit status
 * after the message was printed. */
int cli_ledger_open(struct cli *c, bool writable, struct cli_ledger *out);
void cli_ledger_close(struct cli_ledger *l);

/* "No calls yet" and what to do about it, to c->err. */
void cli_ledger_empty(const struct cli *c, const struct cli_ledger *l);

#endif
