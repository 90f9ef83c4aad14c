/* Repositories of every shape, laid out by hand as gitrepository-layout(5) says. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/git.h"
#include "unit/unit.h"

#define A40 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B40 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C64 "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

struct stand {
	char folder[64];
	struct arena mem;
};

static int set_up(void **state)
{
	struct stand *t = calloc(1, sizeof *t);
	snprintf(t->folder, sizeof t->folder, "/tmp/weir-git-XXXXXX");
	arena_init(&t->mem, 1 << 20);
	*state = t;
	return mkdtemp(t->folder) ? 0 : -1;
}

static void remove_all(const char *path)
{
	char *argv[] = {(char *)"rm", (char *)"-rf", (char *)path, NULL};
	if (fork() == 0)
		execvp("rm", argv);
}

static int tear_down(void **state)
{
	struct stand *t = *state;
	remove_all(t->folder);
	arena_release(&t->mem);
	free(t);
	return 0;
}

/* Writes a file under the stand's folder, its folders too. */
static void put(struct stand *t, const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", t->folder, name);
	for (char *at = path + 1; (at = strchr(at, '/')) != NULL; at++) {
		*at = '\0';
		mkdir(path, 0700);
		*at = '/';
	}
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static bool look(struct stand *t, const char *from, struct git_facts *out)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", t->folder, from);
	return git_read(path, &t->mem, out);
}

#define IS(slice_, text) assert_true(slice_eq((slice_), slice_of(text)))

static void plain(void **state)
{
	struct stand *t = *state;
	struct git_facts g;
	put(t, ".git/HEAD", "ref: refs/heads/feature/x\n");
	put(t, ".git/refs/heads/feature/x", A40 "\n");
	put(t, ".git/config",
	    "[core]\n\tbare = false\n[remote \"fork\"]\n\turl = git@h:f/n.git\n"
	    "[remote \"origin\"]\n\tfetch = +refs\n\turl = \"https://h/o/n\"\n[branch \"x\"]\n");
	put(t, "sub/deep/file", "");
	assert_true(look(t, "sub/deep", &g));
	IS(g.branch, "feature/x");
	IS(g.commit, A40);
	IS(g.remote, "https://h/o/n");
}

static void detached_packed_and_new(void **state)
{
	struct stand *t = *state;
	struct git_facts g;
	put(t, "d/.git/HEAD", A40 "\n");
	assert_true(look(t, "d", &g));
	IS(g.branch, "");
	IS(g.commit, A40);
	IS(g.remote, "");

	put(t, "p/.git/HEAD", "ref: refs/heads/main\n");
	put(t, "p/.git/packed-refs",
	    "# pack-refs with: peeled fully-peeled sorted\n" B40 " refs/heads/mai\n" C64
	    " refs/heads/main\n^" B40 "\n");
	put(t, "p/.git/config", "[remote \"only\"]\n url=ssh://h/o/n\n");
	assert_true(look(t, "p", &g));
	IS(g.commit, C64);
	IS(g.remote, "ssh://h/o/n");

	put(t, "n/.git/HEAD", "ref: refs/heads/main\n");
	assert_true(look(t, "n", &g));
	IS(g.branch, "main");
	IS(g.commit, "");
}

static void work_tree(void **state)
{
	struct stand *t = *state;
	struct git_facts g;
	put(t, "r/.git/HEAD", "ref: refs/heads/main\n");
	put(t, "r/.git/config", "[remote \"origin\"]\nurl = h:o/n\n");
	put(t, "r/.git/refs/heads/wt", B40 "\n");
	put(t, "r/.git/worktrees/w/HEAD", "ref: refs/heads/wt\n");
	put(t, "r/.git/worktrees/w/commondir", "../..\n");
	put(t, "w/.git", "gitdir: ../r/.git/worktrees/w\n");
	assert_true(look(t, "w", &g));
	IS(g.branch, "wt");
	IS(g.commit, B40);
	IS(g.remote, "h:o/n");
}

/* What is no repository, or would lead out of one, tells nothing. */
static void strange(void **state)
{
	struct stand *t = *state;
	struct git_facts g;
	put(t, "s/.git/HEAD", "ref: refs/../../../secret\n");
	put(t, "s/.git/refs/heads/main", B40 "\n");
	put(t, "secret", A40 "\n");
	assert_true(look(t, "s", &g));
	IS(g.commit, "");
	put(t, "e/.git/HEAD", "");
	assert_true(look(t, "e", &g));
	IS(g.branch, "");
	put(t, "f/.git", "no link\n");
	assert_false(look(t, "f", &g));
	assert_false(look(t, "not-there", &g));
	assert_false(git_read("/", &t->mem, &g));
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {T(plain), T(detached_packed_and_new), T(work_tree), T(strange)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
