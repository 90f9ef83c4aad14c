#include "cli/git_diff.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"

#define OUTPUT_MAX (64u << 20)

extern char **environ;

/* Everything the descriptor gives, to its end. */
static int read_all(int fd, struct buf *out)
{
	for (;;) {
		char *to = buf_reserve(out, 65536);
		if (to == NULL)
			return ERR_FULL;
		ssize_t n = read(fd, to, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? ERR_IO : 0;
		buf_commit(out, (size_t)n);
	}
}

/* Runs git in folder; its output into out. False when it failed or could not be started. */
static bool run_git(const char *folder, const char *const *words, struct buf *out)
{
	const char *argv[24] = {
	    "git", "-C", folder, "-c", "core.fsmonitor=false", "-c", "core.quotePath=false"};
	size_t n = 7;
	int pipe_fd[2];
	pid_t pid;
	posix_spawn_file_actions_t actions;
	while (*words && n < sizeof argv / sizeof *argv - 1)
		argv[n++] = *words++;
	if (pipe2(pipe_fd, O_CLOEXEC) != 0)
		return false;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipe_fd[1], 1);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	int failed = posix_spawnp(&pid, "git", &actions, NULL, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(pipe_fd[1]);
	int r = failed ? ERR_IO : read_all(pipe_fd[0], out);
	close(pipe_fd[0]);
	int status = 1;
	while (!failed && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return !failed && r == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* One word that git answers, in mem; n 0 when it fails. */
static slice ask_git(const char *folder, const char *const *words, struct arena *mem)
{
	struct buf out;
	buf_init(&out, 1 << 17);
	slice answer =
	    run_git(folder, words, &out) ? arena_copy(mem, slice_trim(buf_slice(&out))) : SLICE_NONE;
	buf_release(&out);
	return answer;
}

/* The output of --numstat -z: "ADDED\tREMOVED\tPATH\0"; '-' for both of a binary file. */
static int read_numstat(slice text, struct arena *mem, struct git_diff *out)
{
	char *paths = arena_alloc(mem, text.n + 1);
	size_t n = 0;
	slice entry, added, removed;
	if (paths == NULL)
		return ERR_NOMEM;
	while (text.n && slice_split(&text, '\0', &entry)) {
		long long plus = 0, minus = 0;
		if (!slice_split(&entry, '\t', &added) || !slice_split(&entry, '\t', &removed) ||
		    entry.n == 0)
			continue;
		if (++out->files > GIT_DIFF_FILES_MAX)
			return ERR_FULL;
		if (slice_to_i64(added, &plus) && slice_to_i64(removed, &minus))
			out->lines += plus + minus;
		for (size_t i = 0; i < entry.n; i++) /* a line feed in a name would make two of it */
			paths[n++] = entry.p[i] == '\n' ? '?' : entry.p[i];
		paths[n++] = '\n';
	}
	out->paths = slice_make(paths, n ? n - 1 : 0);
	return 0;
}

int git_diff(const char *folder, const char *ref, struct arena *mem, struct git_diff *out, struct error *e)
{
	struct buf text;
	*out = (struct git_diff){0};
	slice head = ask_git(folder, (const char *const[]){"rev-parse", "HEAD", NULL}, mem);
	if (head.n == 0)
		return error_set(e, ERR_NOT_FOUND,
		                 "this is no git repository with a commit, or git is not installed");
	slice base = ref[0] == '-'
	                 ? SLICE_NONE
	                 : ask_git(folder, (const char *const[]){"merge-base", ref, "HEAD", NULL}, mem);
	if (base.n == 0)
		return error_set(
		    e, ERR_NOT_FOUND,
		    "%s has no common commit with HEAD in this clone: fetch it (GitHub: "
		    "actions/checkout with fetch-depth: 0; GitLab: GIT_DEPTH: 0), or name another "
		    "by --base",
		    ref);
	if (slice_eq(base, head)) {
		slice parent = ask_git(folder, (const char *const[]){"rev-parse", "HEAD^1", NULL}, mem);
		base = parent.n ? parent : base;
	}
	out->base = base;
	buf_init(&text, OUTPUT_MAX);
	bool good = run_git(folder,
	                    (const char *const[]){"diff", "--numstat", "-z", "--no-renames", "--no-ext-diff",
	                                          "--no-textconv", base.p, "HEAD", "--", NULL},
	                    &text);
	int r = good ? read_numstat(buf_slice(&text), mem, out) : ERR_IO;
	buf_release(&text);
	return r ? error_set(e, r, "git could not compare HEAD with " SLICE_FMT, SLICE_ARG(base)) : 0;
}
