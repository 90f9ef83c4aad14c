/* Walking an agent's folders, and putting what its source reads into the ledger: one transaction a file, so
 * that a file is in whole or not at all, and is noted as read in the same one. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "cli/git.h"
#include "cli/import.h"
#include "policy/attribution.h"

#define DEPTH_MAX    16
#define FILE_MAX     ((int64_t)2 << 30)
#define GROWING_MS   (INT64_C(60) * 1000)
#define SHOW_EVERY   16 /* files between two lines of progress */
#define COMMIT_EVERY 64 /* files */
#define BAD_TOLD_MAX 20 /* lines of a file */
#define STREAM_MAX   ((size_t)512 << 20)

/* --- calls -----------------------------------------------------------------------------------------------
 */

static int take_call(void *arg, const struct record *r)
{
	struct import_run *run = arg;
	struct error e = {0};
	char source[64];
	if (run->ledger == NULL)
		return 0;
	int rc = run->ops->same_call(run->ledger, r, source, sizeof source, &e);
	if (rc == 0 && source[0]) {
		run->totals.known++;
		return 0;
	}
	if (rc == 0)
		rc = run->ops->add(run->ledger, r, &e);
	if (rc != 0) {
		cli_fail(run->c, "%s", e.text);
		return rc;
	}
	run->totals.added++;
	if (r->priced)
		run->totals.cost_nanousd = num_sat_add_i64(run->totals.cost_nanousd, r->cost.total);
	return 0;
}

/* The calls of a file are of few folders: the last one's repository is remembered. */
static slice repo_of(void *arg, slice folder, struct arena *mem)
{
	struct import_run *run = arg;
	struct git_facts git;
	if (folder.n == 0 || folder.n >= sizeof run->folder || folder.p[0] != '/')
		return SLICE_NONE;
	if (!slice_eq(folder, slice_of(run->folder))) {
		snprintf(run->folder, sizeof run->folder, SLICE_FMT, SLICE_ARG(folder));
		slice repo =
		    git_read(run->folder, mem, &git) ? attribution_repo(git.remote, mem) : SLICE_NONE;
		snprintf(run->repo, sizeof run->repo, SLICE_FMT, SLICE_ARG(repo));
	}
	return slice_of(run->repo);
}

/* Of transcripts, which agents write as they like, lines are only counted; of an export each is told. */
static void tell_bad(void *arg, size_t line, const char *why)
{
	struct import_run *run = arg;
	if (run->bad_told++ < BAD_TOLD_MAX)
		fprintf(run->c->err, "weir: %s:%zu: %s\n", run->path, line, why);
	else if (run->bad_told == BAD_TOLD_MAX + 1)
		fprintf(run->c->err, "weir: %s: more lines cannot be read\n", run->path);
}

void import_run_init(struct import_run *r, struct cli *c, const struct ledger_ops *ops, struct ledger *l)
{
	*r = (struct import_run){.c = c, .ops = ops, .ledger = l, .now_ms = clock_wall_ms(clock_real())};
	r->options.repo_of = repo_of;
	r->options.on_call = take_call;
	r->options.on_tally = import_take_tally;
	r->options.on_bad = tell_bad;
	r->options.arg = r;
}

/* --- files -----------------------------------------------------------------------------------------------
 */

static int64_t changed_ns(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static int read_text(struct import_run *r, const struct import_source *s, const char *path, slice text,
                     bool growing)
{
	struct arena mem;
	arena_init(&mem, text.n * 8 + ((size_t)64 << 20));
	struct import_file f = {.text = text, .path = slice_of(path), .growing = growing, .mem = &mem};
	r->path = path;
	r->bad_told = 0;
	import_tallies_next_file(r);
	int rc = s->read(&r->options, &f, &r->totals.counts);
	arena_release(&mem);
	return rc;
}

static int read_mapped(struct import_run *r, const struct import_source *s, const char *path,
                       const struct stat *st, struct error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *text = NULL;
	if (fd >= 0 && st->st_size)
		text = mmap(NULL, (size_t)st->st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (fd < 0 || text == MAP_FAILED) {
		int rc = error_errno(e, ERR_IO, errno, "%s cannot be read", path);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	close(fd);
	int rc = read_text(r, s, path, slice_make(text, (size_t)st->st_size),
	                   !r->open_too && r->now_ms - changed_ns(st) / 1000000 < GROWING_MS);
	if (text)
		munmap(text, (size_t)st->st_size);
	return rc;
}

static void show_progress(const struct import_run *r)
{
	if (r->progress && (r->totals.files + r->totals.unchanged) % SHOW_EVERY == 0)
		fprintf(r->c->err, "\rweir: %llu files, %llu calls", (unsigned long long)r->totals.files,
		        (unsigned long long)r->totals.counts.calls);
}

/* What was read since the last commit is kept. */
static int commit(struct import_run *r)
{
	struct error e = {0};
	if (r->uncommitted == 0 || r->ledger == NULL)
		return EXIT_DONE;
	r->uncommitted = 0;
	if (r->ops->commit(r->ledger, &e) == 0)
		return EXIT_DONE;
	r->ops->rollback(r->ledger);
	return cli_fail(r->c, "%s", e.text);
}

/* A file that cannot be read is told of and passed over; a ledger that takes nothing ends the run. */
static int give_up(struct import_run *r, const char *path, int rc, const struct error *e)
{
	r->totals.unreadable++;
	if (rc != ERR_IO && rc != ERR_INVALID) {
		if (r->ledger)
			r->ops->rollback(r->ledger);
		r->uncommitted = 0;
		return e->text[0] || rc != ERR_NOMEM ? EXIT_FAILED
		                                     : cli_fail(r->c, "%s: out of memory", path);
	}
	fprintf(r->c->err, "weir: %s\n", e->text);
	return EXIT_DONE;
}

/* Reads it and notes that it was, both in one transaction. A file with an open call is not noted: it is read
 * again. */
static int import_one(struct import_run *r, const struct import_source *s, const char *path,
                      const struct stat *st)
{
	struct error e = {0};
	uint64_t open_before = r->totals.counts.open;
	int rc = r->uncommitted || r->ledger == NULL ? 0 : r->ops->begin(r->ledger, &e);
	if (rc != 0)
		return cli_fail(r->c, "%s", e.text);
	r->uncommitted++;
	rc = slice_ends(slice_of(path), SLICE(".db")) ? import_run_opencode_db(r, s, path, &e)
	                                              : read_mapped(r, s, path, st, &e);
	if (rc != 0)
		return give_up(r, path, rc, &e);
	if (r->file_end)
		r->file_end(r->options.arg);
	if (r->ledger && r->totals.counts.open == open_before &&
	    r->ops->import_note(r->ledger, slice_of(path), st->st_size, changed_ns(st), r->now_ms, &e) != 0)
		return cli_fail(r->c, "%s", e.text);
	r->totals.files++;
	return r->uncommitted < COMMIT_EVERY ? EXIT_DONE : commit(r);
}

static bool is_of(const struct import_source *s, const char *name)
{
	for (size_t i = 0; i < IMPORT_PLACES && s->endings[i]; i++)
		if (slice_ends(slice_of(name), slice_of(s->endings[i])))
			return true;
	return false;
}

static int take_file(struct import_run *r, const struct import_source *s, const char *path,
                     const struct stat *st, uint64_t *found)
{
	struct error e = {0};
	bool seen = false;
	++*found;
	show_progress(r);
	if (st->st_size > FILE_MAX) {
		fprintf(r->c->err, "weir: %s is passed over: it is larger than 2 GB\n", path);
		r->totals.unreadable++;
		return EXIT_DONE;
	}
	/* An export is small, and what its files tell belongs together. */
	if (r->ledger && !r->all && !s->named_only &&
	    r->ops->import_seen(r->ledger, slice_of(path), st->st_size, changed_ns(st), &seen, &e))
		return cli_fail(r->c, "%s", e.text);
	if (seen) {
		r->totals.unchanged++;
		return EXIT_DONE;
	}
	return import_one(r, s, path, st);
}

static int walk(struct import_run *r, const struct import_source *s, const char *path, int depth,
                uint64_t *found);

static int walk_folder(struct import_run *r, const struct import_source *s, const char *path, int depth,
                       uint64_t *found)
{
	char below[PATH_MAX];
	struct dirent **names = NULL;
	int n = scandir(path, &names, NULL, alphasort), status = EXIT_DONE;
	if (n < 0) {
		fprintf(r->c->err, "weir: %s cannot be read: %s\n", path, strerror(errno));
		r->totals.unreadable++;
		return EXIT_DONE;
	}
	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;
		int len = snprintf(below, sizeof below, "%s/%s", path, name);
		if (status == EXIT_DONE && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && len > 0 &&
		    (size_t)len < sizeof below)
			status = walk(r, s, below, depth + 1, found);
		free(names[i]);
	}
	free(names);
	return status;
}

/* Links are not followed below the folder that was named: they may lead round in a circle. */
static int walk(struct import_run *r, const struct import_source *s, const char *path, int depth,
                uint64_t *found)
{
	struct stat st;
	if ((depth ? lstat(path, &st) : stat(path, &st)) != 0)
		return EXIT_DONE;
	if (S_ISDIR(st.st_mode))
		return depth < DEPTH_MAX ? walk_folder(r, s, path, depth, found) : EXIT_DONE;
	/* A file that was named is read whatever its name is. */
	if (S_ISREG(st.st_mode) && (depth == 0 || is_of(s, path)))
		return take_file(r, s, path, &st, found);
	return EXIT_DONE;
}

int import_run_path(struct import_run *r, const struct import_source *s, const char *path, uint64_t *found)
{
	uint64_t ignored = 0;
	if (access(path, R_OK) != 0)
		return cli_fail(r->c, "%s cannot be read: %s", path, strerror(errno));
	int status = walk(r, s, path, 0, found ? found : &ignored);
	return status == EXIT_DONE ? commit(r) : status;
}

static int read_all(struct import_run *r, int fd, struct buf *text)
{
	char piece[1 << 16];
	ssize_t n;
	while ((n = read(fd, piece, sizeof piece)) > 0 || (n < 0 && errno == EINTR))
		if (n > 0 && buf_append(text, slice_make(piece, (size_t)n)))
			return cli_fail(r->c, "standard input is too large: import it as a file");
	return n < 0 ? cli_fail(r->c, "standard input cannot be read: %s", strerror(errno)) : EXIT_DONE;
}

int import_run_stream(struct import_run *r, const struct import_source *s, int fd)
{
	struct error e = {0};
	struct buf text;
	buf_init(&text, STREAM_MAX);
	int status = read_all(r, fd, &text);
	if (status == EXIT_DONE && r->uncommitted == 0 && r->ops->begin(r->ledger, &e) != 0)
		status = cli_fail(r->c, "%s", e.text);
	if (status == EXIT_DONE) {
		r->uncommitted++;
		int rc = read_text(r, s, "<stdin>", buf_slice(&text), false);
		r->totals.files++;
		status = rc ? give_up(r, "<stdin>", rc, &e) : commit(r);
	}
	buf_release(&text);
	return status;
}

int import_run_places(struct import_run *r, const struct import_source *s, uint64_t *found)
{
	const char *home = cli_env(r->c, "HOME");
	int status = EXIT_DONE;
	for (size_t i = 0; i < IMPORT_PLACES && status == EXIT_DONE; i++) {
		const struct import_place *p = &s->places[i];
		char path[PATH_MAX];
		const char *base = p->variable ? cli_env(r->c, p->variable) : NULL;
		int n = -1;
		if (p->below && base)
			n = snprintf(path, sizeof path, "%s/%s", base, p->below);
		else if (p->below && p->home && home)
			n = snprintf(path, sizeof path, "%s/%s/%s", home, p->home, p->below);
		else if (!p->below && p->home && home)
			n = snprintf(path, sizeof path, "%s/%s", home, p->home);
		if (n > 0 && (size_t)n < sizeof path && access(path, R_OK) == 0)
			status = import_run_path(r, s, path, found);
	}
	return status;
}
