/* `weir key` against a running gateway, with no more than one's own key. */
#ifndef WEIR_CLI_KEY_REMOTE_H
#define WEIR_CLI_KEY_REMOTE_H

#include "cli/cli.h"

/* The keys that the caller may see; all: those that open nothing any more too. */
int key_remote_list(struct cli *c, bool all);
/* Shuts a key, or (rotating) makes another in its place, which is printed once. */
int key_remote_change(struct cli *c, const char *id, bool rotating);

#endif
