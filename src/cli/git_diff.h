/* What a job's commit changes: lines and files, by git itself. */
#ifndef WEIR_CLI_GIT_DIFF_H
#define WEIR_CLI_GIT_DIFF_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

#define GIT_DIFF_FILES_MAX 100000

struct git_diff {
	int64_t lines; /* added and removed; of binary files none */
	size_t files;
	slice paths; /* a line each, in mem */
	slice base;  /* the commit that was compared with */
};

/* HEAD of the folder's repository against its merge base with ref; when HEAD is that itself (a push to the
 * base), against its first parent. Runs git without external diffs, filters and fsmonitor of the repository.
 * ERR_NOT_FOUND when ref is not in this clone; a sentence for a human either way. */
int git_diff(const char *folder, const char *ref, struct arena *mem, struct git_diff *out,
             struct error *e) WARN_UNUSED;

#endif
