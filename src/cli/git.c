/* gitrepository-layout(5): HEAD is "ref: refs/heads/NAME" or a commit; a ref is a file of that name, or a
 * line of packed-refs; in a linked work tree `.git` is a file "gitdir: FOLDER", and FOLDER/commondir says
 * where the refs and the config are. */
#include "cli/git.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define FILE_MAX   (1u << 20)
#define DEPTH_MAX  64 /* folders upwards */
#define PACKED_MAX (64u << 20)

struct repo {
	struct arena *mem;
	char dir[PATH_MAX];    /* HEAD stands here */
	char common[PATH_MAX]; /* config and refs stand here */
};

/* A small text file, trimmed; p NULL when it cannot be read. */
static slice read_small(struct arena *mem, const char *folder, const char *name)
{
	char path[2 * PATH_MAX];
	struct stat st;
	snprintf(path, sizeof path, "%s/%s", folder, name);
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > (off_t)FILE_MAX)
		return SLICE_NONE;
	FILE *f = fopen(path, "re");
	char *text = f ? arena_alloc(mem, (size_t)st.st_size + 1) : NULL;
	size_t n = text ? fread(text, 1, (size_t)st.st_size, f) : 0;
	if (f)
		fclose(f);
	if (text == NULL)
		return SLICE_NONE;
	text[n] = '\0';
	slice all = slice_trim(slice_make(text, n));
	return all.n ? all : (slice){text, 0};
}

static bool join(char out[PATH_MAX], const char *folder, slice path)
{
	int n = path.n && path.p[0] == '/'
	            ? snprintf(out, PATH_MAX, SLICE_FMT, SLICE_ARG(path))
	            : snprintf(out, PATH_MAX, "%s/" SLICE_FMT, folder, SLICE_ARG(path));
	return n > 0 && n < PATH_MAX;
}

/* Is folder/.git a repository? Then its places are in *r. */
static bool open_at(struct repo *r, const char *folder)
{
	char dot[PATH_MAX];
	struct stat st;
	if (!join(dot, folder, SLICE(".git")) || stat(dot, &st) != 0)
		return false;
	if (S_ISDIR(st.st_mode)) {
		snprintf(r->dir, sizeof r->dir, "%s", dot);
	} else {
		slice link = read_small(r->mem, folder, ".git");
		if (!slice_starts(link, SLICE("gitdir:")) ||
		    !join(r->dir, folder, slice_trim(slice_sub(link, 7, link.n))))
			return false;
	}
	slice common = read_small(r->mem, r->dir, "commondir");
	if (common.n)
		return join(r->common, r->dir, common);
	snprintf(r->common, sizeof r->common, "%s", r->dir);
	return true;
}

static bool open_above(struct repo *r, const char *folder)
{
	char at[PATH_MAX];
	if (realpath(folder, at) == NULL)
		return false;
	for (int i = 0; i < DEPTH_MAX; i++) {
		if (open_at(r, at))
			return true;
		char *slash = strrchr(at, '/');
		if (slash == NULL || at[1] == '\0')
			return false;
		slash[slash == at] = '\0';
	}
	return false;
}

static bool is_commit(slice s)
{
	if (s.n != 40 && s.n != 64)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!isxdigit((unsigned char)s.p[i]))
			return false;
	return true;
}

/* A name that stays within the folder of refs. */
static bool is_ref(slice name)
{
	if (!slice_starts(name, SLICE("refs/")) || name.n > 1024)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] <= ' ' || name.p[i] == '\\')
			return false;
	return slice_find(name, SLICE("..")) < 0;
}

static slice packed_ref(struct repo *r, slice name)
{
	char path[2 * PATH_MAX], line[1200];
	slice found = SLICE_NONE;
	size_t seen = 0;
	snprintf(path, sizeof path, "%s/packed-refs", r->common);
	FILE *f = fopen(path, "re");
	while (f && found.n == 0 && seen < PACKED_MAX && fgets(line, sizeof line, f)) {
		slice all = slice_trim(slice_of(line)), id;
		seen += strlen(line);
		if (slice_split(&all, ' ', &id) && is_commit(id) && slice_eq(all, name))
			found = arena_copy(r->mem, id);
	}
	if (f)
		fclose(f);
	return found;
}

static slice resolve(struct repo *r, slice name)
{
	char zname[1100];
	const char *folders[] = {r->dir, r->common};
	snprintf(zname, sizeof zname, SLICE_FMT, SLICE_ARG(name));
	for (size_t i = 0; i < 2; i++) {
		slice text = read_small(r->mem, folders[i], zname);
		if (is_commit(text))
			return text;
	}
	return packed_ref(r, name);
}

/* --- config: [remote "NAME"] url = … ----------------------------------------- */

/* `[remote "x"]` -> x; p NULL for any other section. */
static slice remote_section(slice line)
{
	slice inner = slice_trim(slice_sub(line, 1, line.n));
	if (!slice_starts_nocase(inner, SLICE("remote")))
		return SLICE_NONE;
	ptrdiff_t from = slice_find_char(inner, '"');
	if (from < 0)
		return SLICE_NONE;
	slice rest = slice_sub(inner, (size_t)from + 1, inner.n);
	ptrdiff_t to = slice_find_char(rest, '"');
	return to < 0 ? SLICE_NONE : slice_sub(rest, 0, (size_t)to);
}

static slice value_of(slice line, slice key)
{
	slice rest = line, name;
	if (!slice_split(&rest, '=', &name) || rest.p == NULL || !slice_eq_nocase(slice_trim(name), key))
		return SLICE_NONE;
	rest = slice_trim(rest);
	if (rest.n > 1 && rest.p[0] == '"' && rest.p[rest.n - 1] == '"')
		rest = slice_sub(rest, 1, rest.n - 1);
	return rest;
}

static slice remote_url(struct repo *r)
{
	slice all = read_small(r->mem, r->common, "config"), line, section = SLICE_NONE, first = SLICE_NONE;
	while (slice_split(&all, '\n', &line)) {
		line = slice_trim(line);
		if (line.n && line.p[0] == '[') {
			section = remote_section(line);
			continue;
		}
		slice url = section.n ? value_of(line, SLICE("url")) : SLICE_NONE;
		if (url.n && slice_eq(section, SLICE("origin")))
			return url;
		if (url.n && first.n == 0)
			first = url;
	}
	return first;
}

bool git_read(const char *folder, struct arena *mem, struct git_facts *out)
{
	struct repo r = {.mem = mem};
	*out = (struct git_facts){0};
	if (!open_above(&r, folder))
		return false;
	slice head = read_small(mem, r.dir, "HEAD");
	if (slice_starts(head, SLICE("ref:"))) {
		slice ref = slice_trim(slice_sub(head, 4, head.n));
		if (slice_starts(ref, SLICE("refs/heads/")))
			out->branch = slice_sub(ref, 11, ref.n);
		if (is_ref(ref))
			out->commit = resolve(&r, ref);
	} else if (is_commit(head)) {
		out->commit = head;
	}
	out->remote = remote_url(&r);
	return true;
}
