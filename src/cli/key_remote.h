/* `weir key` against a running gateway, with no more than one's own key. */
#ifndef WEIR_CLI_KEY_REMOTE_H
#define WEIR_CLI_KEY_REMOTE_H

#include "cli/cli.h"
#include "store/ledger.h"

/* The keys that the caller may see; all: those that open nothing any more too. */
int key_remote_list(struct cli *c, bool all);
/* Makes a key with k's user, team, role and attributes, which is printed once; expires: as the user wrote it,
 * n 0: never. */
int key_remote_create(struct cli *c, const struct ledger_key *k, slice expires);
/* Shuts a key, or (rotating) makes another in its place, which is printed once. */
int key_remote_change(struct cli *c, const char *id, bool rotating);

#endif
