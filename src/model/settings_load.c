/* From files to a snapshot: which files, their text, the defaults that depend on what was written, the checks
 * that need more than one value, and all faults in the order of their places. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/settings_read.h"

#define PRICE_BOOK_MAX (64 << 20)

/* --- files ------------------------------------------------------------------- */

/* Reads a whole file into an allocation of the caller's (free it); p NULL and errno on failure. */
static slice read_file(const char *path, size_t most)
{
	struct stat st;
	slice out = SLICE_NONE;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return out;
	size_t n = 0, cap = 0;
	char *text = NULL;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		errno = EISDIR;
	else
		cap = (size_t)(st.st_size > 0 && (size_t)st.st_size < most ? st.st_size : 65536) + 1;
	while (cap) {
		char *more = realloc(text, cap + 1);
		ssize_t got = more ? read(fd, (text = more) + n, cap - n) : -1;
		n += got > 0 ? (size_t)got : 0;
		if (got > 0 && n > most)
			errno = EFBIG;
		if (got < 0 || n > most) {
			free(text);
			text = NULL;
			break;
		}
		if (got == 0)
			break;
		cap = n == cap ? cap * 2 : cap;
	}
	int saved = errno;
	close(fd);
	errno = saved;
	return text ? (slice){text, n} : out;
}

static int by_name(const void *a, const void *b)
{
	return slice_cmp(*(const slice *)a, *(const slice *)b);
}

static bool is_settings_name(slice name)
{
	return name.p[0] != '.' && (slice_ends(name, SLICE(".yaml")) || slice_ends(name, SLICE(".yml")));
}

static void list_folder(struct reader *r, slice path)
{
	DIR *dir = opendir(path.p);
	struct place here = {.file = 0};
	slice shown = path;
	while (shown.n > 1 && shown.p[shown.n - 1] == '/')
		shown.n--;
	r->files[0] = path;
	if (dir == NULL) {
		r->files_n = 1;
		r->unreadable = true;
		settings_fault_at(r, here, "cannot be read: %s", strerror(errno));
		return;
	}
	size_t n = 0;
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		slice name = slice_of(e->d_name);
		if (!is_settings_name(name))
			continue;
		if (n == SETTINGS_FILES_MAX) {
			settings_fault_at(r, here, "more than %d files are not taken", SETTINGS_FILES_MAX);
			break;
		}
		r->files[n] = settings_text(r, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(shown), SLICE_ARG(name));
		n += r->files[n].p != NULL;
	}
	closedir(dir);
	qsort(r->files, n, sizeof *r->files, by_name);
	r->files_n = n;
	if (n == 0) {
		r->files[0] = path;
		r->files_n = 1;
		r->unreadable = true;
		settings_fault_at(r, here, "there is no *.yaml file in this folder");
	}
}

static void yaml_fault(void *arg, int line, int column, const char *message)
{
	struct reader *r = arg;
	settings_fault_at(r, (struct place){r->file, line, column}, "%s", message);
}

static void set_folder(struct reader *r, slice file)
{
	char full[PATH_MAX];
	const char *slash = strrchr(file.p, '/');
	slice folder = slash ? slice_sub(file, 0, (size_t)(slash - file.p)) : SLICE(".");
	if (slash == file.p)
		folder = SLICE("/");
	slice zfolder = settings_copy(r, folder);
	const char *real = zfolder.p ? realpath(zfolder.p, full) : NULL;
	r->folder = settings_copy(r, real ? slice_of(real) : folder);
	if (slice_eq(r->folder, SLICE("/")))
		r->folder = SLICE("");
}

static void load_text(struct reader *r, slice text)
{
	const struct yaml_node *root;
	struct arena tree; /* values are copied out of it */
	arena_init(&tree, SETTINGS_MEMORY_MAX);
	int status = yaml_read(text, &tree, &root, yaml_fault, r);
	if (root && root->kind == YAML_MAP)
		settings_read_map(r, root, SLICE_NONE, &r->snap->s);
	else if (root && root->kind != YAML_NULL)
		settings_fault(r, root, "settings are a mapping of keys to values, such as \"workers: 2\"");
	else if (status < 0 && r->faults_n == 0)
		settings_fault_at(r, (struct place){.file = r->file}, "memory is spent");
	arena_release(&tree);
}

static void load_file(struct reader *r, int index)
{
	slice file = r->files[index];
	r->file = index;
	slice text = read_file(file.p, YAML_BYTES_MAX);
	if (text.p == NULL) {
		settings_fault_at(r, (struct place){.file = index}, "cannot be read: %s", strerror(errno));
		return;
	}
	set_folder(r, file);
	load_text(r, text);
	free((char *)text.p);
}

static void load_more(struct reader *r)
{
	if (r->files_n == SETTINGS_FILES_MAX) {
		settings_fault_at(r, (struct place){.file = 0}, "more than %d files are not taken",
		                  SETTINGS_FILES_MAX - 1);
		return;
	}
	r->file = (int)r->files_n;
	r->files[r->files_n++] = SLICE(SETTINGS_MORE_NAME);
	load_text(r, r->more);
}

/* --- what depends on what was written ---------------------------------------- */

/* Creates the missing folders of path, each 0700. */
static int make_folders(const char *path)
{
	char part[PATH_MAX];
	size_t n = strlen(path);
	if (n >= sizeof part)
		return -1;
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST)
			return -1;
	}
	return 0;
}

static void default_store(struct reader *r)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	slice folder = SLICE_NONE;
	if (data && data[0] == '/')
		folder = settings_text(r, "%s/weir", data);
	else if (home && home[0] == '/')
		folder = settings_text(r, "%s/.local/share/weir", home);
	if (folder.p == NULL) {
		settings_fault_at(r, (struct place){.file = 0},
		                  "HOME is not set, so there is no place for the ledger: write `store: "
		                  "sqlite:/path/weir.db` into a file, and name it by --config");
		return;
	}
	if (!(r->flags & SETTINGS_NO_FOLDER) && make_folders(folder.p) != 0)
		settings_fault_at(r, (struct place){.file = 0},
		                  "the folder " SLICE_FMT " for the ledger cannot be made: %s: write `store: "
		                  "sqlite:/path/weir.db` into a file, and name it by --config",
		                  SLICE_ARG(folder), strerror(errno));
	r->snap->s.store = settings_text(r, "sqlite:" SLICE_FMT "/weir.db", SLICE_ARG(folder));
}

static void default_journal(struct reader *r)
{
	struct settings *s = &r->snap->s;
	slice path = slice_sub(s->store, 7, s->store.n);
	if (slice_ends(path, SLICE(".db")))
		path.n -= 3;
	s->journal = settings_text(r, SLICE_FMT ".journal", SLICE_ARG(path));
}

static void load_prices(struct reader *r)
{
	struct settings *s = &r->snap->s;
	struct error e = {0};
	struct place at = settings_seen(r, "prices.file");
	if (r->flags & SETTINGS_NO_PRICES)
		return;
	s->catalog = catalog_builtin(&e);
	if (s->catalog == NULL)
		settings_fault_at(r, at, "the built-in price book cannot be read: %s", e.text);
	if (s->catalog == NULL || s->price_file.n == 0)
		return;
	slice text = read_file(s->price_file.p, PRICE_BOOK_MAX);
	if (text.p == NULL) {
		if (errno == EFBIG || errno == EISDIR || errno == ENOMEM)
			settings_fault_at(r, at, "prices.file: " SLICE_FMT " cannot be read: %s",
			                  SLICE_ARG(s->price_file), strerror(errno));
		return; /* other reasons were told where the key was read */
	}
	struct catalog *own = catalog_overlay(s->catalog, text, &e);
	if (own == NULL)
		settings_fault_at(r, at, "prices.file: " SLICE_FMT ":%d:%d: %s", SLICE_ARG(s->price_file),
		                  e.line, e.column, e.text);
	catalog_unref(s->catalog);
	s->catalog = own;
	free((char *)text.p);
}

static void load_zone(struct reader *r)
{
	struct error e = {0};
	struct settings *s = &r->snap->s;
	s->zone = zone_load(s->timezone, &e);
	if (s->zone == NULL)
		settings_fault_at(r, settings_seen(r, "timezone"), "timezone: %s", e.text);
}

static void map_members(struct reader *r)
{
	struct settings *s = &r->snap->s;
	for (size_t t = 0; t < s->teams_n; t++)
		for (size_t m = 0; m < s->teams[t].members_n; m++)
			if (map_put(&r->snap->members, s->teams[t].members[m], &s->teams[t], NULL) < 0)
				settings_fault_at(r, settings_seen(r, "teams"), "there are too many members");
}

/* --- checks that need more than one value ------------------------------------ */

/* Where the first of the keys stood that stood anywhere. */
static struct place seen_first(const struct reader *r, const char *base, const char *const *keys)
{
	char key[96];
	struct place at = {0};
	for (; *keys && at.line == 0; keys++) {
		snprintf(key, sizeof key, "%s%s", base, *keys);
		at = settings_seen(r, key);
	}
	return at;
}

static void check_listen(struct reader *r, const struct listen *l, const char *key)
{
	static const char *const TLS[] = {".tls.certificate", ".tls.key", ".tls.client_ca", NULL};
	static const char *const ADDRESS[] = {".address", "", NULL};
	if ((l->certificate.n == 0) != (l->key.n == 0))
		settings_fault_at(r, seen_first(r, key, TLS),
		                  "%s.tls: certificate and key belong together: write both", key);
	else if (l->client_ca.n && l->certificate.n == 0)
		settings_fault_at(r, seen_first(r, key, TLS),
		                  "%s.tls: client_ca needs certificate and key beside it", key);
	else if (!l->loopback && l->certificate.n == 0 && !r->snap->s.insecure_listen)
		settings_fault_at(r, seen_first(r, key, ADDRESS),
		                  "%s: " SLICE_FMT
		                  " is not loopback: give it `tls: {certificate:, key:}`, listen "
		                  "on 127.0.0.1, or write `insecure_listen: true`",
		                  key, SLICE_ARG(l->host));
}

void settings_check(struct reader *r)
{
	static const char *const PORT_KEYS[] = {"console.listen.address", "console.listen", "listen.address",
	                                        "listen", NULL};
	static const char *const BODY_KEYS[] = {"limits.body", "limits.bodies", NULL};
	static const char *const CALL_KEYS[] = {"journal.slots", "limits.calls", NULL};
	struct settings *s = &r->snap->s;
	check_listen(r, &s->listen, "listen");
	check_listen(r, &s->console, "console.listen");
	if (s->listen.port && s->listen.port == s->console.port && slice_eq(s->listen.host, s->console.host))
		settings_fault_at(r, seen_first(r, "", PORT_KEYS),
		                  "console.listen and listen have the same port %d: give them two",
		                  s->listen.port);
	if (s->limits.body_bytes > s->limits.bodies_bytes)
		settings_fault_at(r, seen_first(r, "", BODY_KEYS),
		                  "limits.body is larger than limits.bodies: one body would fill it");
	if (s->limits.calls > s->journal_slots)
		settings_fault_at(r, seen_first(r, "", CALL_KEYS),
		                  "limits.calls (%lld) is above journal.slots (%lld): each call needs a slot",
		                  (long long)s->limits.calls, (long long)s->journal_slots);
	struct place unknown = settings_seen(r, "prices.unknown");
	if (unknown.line == 0)
		s->unknown_price = UNKNOWN_PRICE_REFUSE;
	else if (s->unknown_price == UNKNOWN_PRICE_FALLBACK)
		settings_finish_price(r, unknown, "prices.unknown", SLICE("fallback"), &s->fallback_price);
}

/* --- the run ----------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
	const struct fault *x = a, *y = b;
	const int xs[] = {x->at.file, x->at.line, x->at.column},
	          ys[] = {y->at.file, y->at.line, y->at.column};
	for (int i = 0; i < 3; i++)
		if (xs[i] != ys[i])
			return xs[i] < ys[i] ? -1 : 1;
	return slice_cmp(x->text, y->text);
}

static void tell_faults(struct reader *r, void (*on_error)(void *arg, const char *line), void *arg)
{
	char line[PATH_MAX + ERR_TEXT_MAX + 64];
	qsort(r->faults, r->faults_n, sizeof *r->faults, by_place);
	for (size_t i = 0; i < r->faults_n; i++) {
		const struct fault *f = &r->faults[i];
		slice file = r->files_n ? r->files[f->at.file] : SLICE("weir");
		if (f->at.line)
			snprintf(line, sizeof line, SLICE_FMT ":%d:%d: " SLICE_FMT, SLICE_ARG(file),
			         f->at.line, f->at.column, SLICE_ARG(f->text));
		else
			snprintf(line, sizeof line, SLICE_FMT ": " SLICE_FMT, SLICE_ARG(file),
			         SLICE_ARG(f->text));
		on_error(arg, line);
	}
	if (r->faults_more) {
		snprintf(line, sizeof line, "%zu more faults are not shown", r->faults_more);
		on_error(arg, line);
	}
}

static void load_all(struct reader *r, slice path)
{
	struct snapshot *snap = r->snap;
	struct stat st;
	if (path.n) {
		snap->s.source = settings_copy(r, path);
		r->files[0] = snap->s.source;
		r->files_n = 1;
		if (snap->s.source.p && stat(snap->s.source.p, &st) == 0 && S_ISDIR(st.st_mode))
			list_folder(r, snap->s.source);
	}
	for (size_t i = 0; i < r->files_n && snap->s.source.p && !r->unreadable; i++)
		load_file(r, (int)i);
	if (r->more.n && !r->unreadable)
		load_more(r);
	bool read_well = r->faults_n == 0;
	settings_check(r);
	if (snap->s.providers_n == 0)
		settings_default_providers(r);
	if (settings_seen(r, "storms").line == 0)
		settings_default_storms(r);
	if (snap->s.store.n == 0 && read_well)
		default_store(r);
	if (snap->s.journal.n == 0 && snap->s.store.n)
		default_journal(r);
	load_prices(r);
	load_zone(r);
	for (size_t i = 0; i < r->snap->s.budgets_n; i++)
		r->snap->s.budgets[i].shape = budget_rule_shape(&r->snap->s.budgets[i], r->snap->s.timezone);
	settings_check_rules(r);
	map_members(r);
	if (r->spent && r->faults_n == 0)
		settings_fault_at(r, (struct place){.file = 0}, "memory is spent");
}

static struct settings *load(slice path, slice more, unsigned flags,
                             void (*on_error)(void *arg, const char *line), void *arg)
{
	struct snapshot *snap = settings_new();
	struct reader *r = calloc(1, sizeof *r);
	if (snap == NULL || r == NULL) {
		on_error(arg, "memory is spent");
		if (snap)
			settings_unref(&snap->s);
		free(r);
		return NULL;
	}
	r->snap = snap;
	r->flags = flags;
	r->more = more;
	map_init(&r->members, SETTINGS_TEAMS_MAX * SETTINGS_LIST_MAX, snap->members.seed);
	load_all(r, path);
	tell_faults(r, on_error, arg);
	bool good = r->faults_n == 0;
	map_release(&r->members);
	free(r);
	if (!good) {
		settings_unref(&snap->s);
		return NULL;
	}
	return &snap->s;
}

struct settings *settings_load_with(slice path, unsigned flags, void (*on_error)(void *arg, const char *line),
                                    void *arg)
{
	return load(path, SLICE_NONE, flags, on_error, arg);
}

struct settings *settings_load_more(slice path, slice more, void (*on_error)(void *arg, const char *line),
                                    void *arg)
{
	return load(path, more, 0, on_error, arg);
}

struct settings *settings_load(slice path, void (*on_error)(void *arg, const char *line), void *arg)
{
	return settings_load_with(path, 0, on_error, arg);
}

/* --- the default file -------------------------------------------------------- */

static bool there(const char *path)
{
	return access(path, F_OK) == 0;
}

slice settings_find(char *buf, size_t cap)
{
	const char *given = getenv("WEIR_CONFIG"), *home = getenv("HOME"),
	           *config = getenv("XDG_CONFIG_HOME");
	if (given && *given) {
		snprintf(buf, cap, "%s", given);
		return slice_of(buf); /* even when it is not there: then reading it tells so */
	}
	snprintf(buf, cap, "weir.yaml");
	if (there(buf))
		return slice_of(buf);
	if (config && config[0] == '/')
		snprintf(buf, cap, "%s/weir/weir.yaml", config);
	else
		snprintf(buf, cap, "%s/.config/weir/weir.yaml", home && *home ? home : "/nonexistent");
	if (there(buf))
		return slice_of(buf);
	snprintf(buf, cap, "/etc/weir/weir.yaml");
	return there(buf) ? slice_of(buf) : SLICE_NONE;
}
