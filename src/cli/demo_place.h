/* Where a demo lies: a folder of its own with settings, store, keys and logs, and the programs it runs. */
#ifndef WEIR_CLI_DEMO_PLACE_H
#define WEIR_CLI_DEMO_PLACE_H

#include <limits.h>

#include "cli/child.h"
#include "cli/cli.h"
#include "gateway/key_make.h"

#define DEMO_PEOPLE_MAX 12

struct demo_place {
	char folder[PATH_MAX]; /* "" until it is made */
	char weir[PATH_MAX], sim[PATH_MAX];
	char weir_said[PATH_MAX]; /* as a user in this working directory would write it */
	char config[PATH_MAX], store[PATH_MAX];
};

/* Finds the programs and makes the folder. */
int demo_place_make(struct demo_place *p, const struct cli *c, struct error *e) WARN_UNUSED;
/* The folder with all that is in it; nothing when there is none. */
void demo_place_remove(struct demo_place *p);

/* A file's path; false when it is too long. */
bool demo_path(const struct demo_place *p, const char *name, char out[PATH_MAX]);
/* A new or emptied file, to be written; a negative enum err. */
int demo_create(const struct demo_place *p, const char *name, struct error *e) WARN_UNUSED;

/* Writes the settings: three simulated providers behind one address, teams. usual_ports: 8787 and 8788 where
 * they are free, so that they are easy to remember; else any free ones. */
int demo_settings(const struct demo_place *p, const char *provider_url, bool usual_ports,
                  struct error *e) WARN_UNUSED;
/* Makes the keys and writes them into the file "keys", as weir-sim reads them: `people` of them, one that has
 * expired, and that of the CI. */
int demo_keys(const struct demo_place *p, const struct ledger_ops *ops, struct ledger *l, size_t people,
              struct error *e) WARN_UNUSED;

#endif
