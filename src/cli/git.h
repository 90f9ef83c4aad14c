/* What git knows of a folder, read from its files: no program is started, so no hook, alias or filter of a
 * strange repository runs. */
#ifndef WEIR_CLI_GIT_H
#define WEIR_CLI_GIT_H

#include "base/arena.h"
#include "base/slice.h"

struct git_facts {
	slice remote; /* URL of origin, else of the first remote; n 0 when there is none */
	slice branch; /* n 0 on a detached HEAD */
	slice commit; /* 40 or 64 hex digits; n 0 before the first commit */
};

/* Looks from folder upwards for a repository (work trees and submodules too). False when there is none. Texts
 * live in mem. */
bool git_read(const char *folder, struct arena *mem, struct git_facts *out);

#endif
