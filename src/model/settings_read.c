/* Readers of single values. A fault says what was found, what is wanted, and gives an example. */
#include "model/settings_read.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/money.h"
#include "base/num.h"
#include "text/nearest.h"

/* --- faults ------------------------------------------------------------------ */

/* A line each, and nothing that a terminal would obey: values are shown as they were written. */
static void fault_text(struct reader *r, struct place at, char *text)
{
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7F)
			*p = ' ';
	if (r->faults_n == SETTINGS_FAULTS_MAX) {
		r->faults_more++;
		return;
	}
	slice kept = arena_copy(&r->snap->mem, slice_of(text));
	if (kept.p == NULL)
		kept = SLICE("memory is spent");
	r->faults[r->faults_n++] = (struct fault){at, kept};
}

void settings_fault_at(struct reader *r, struct place at, const char *format, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	fault_text(r, at, text);
}

void settings_fault(struct reader *r, const struct yaml_node *at, const char *format, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	fault_text(r, (struct place){r->file, at->line, at->column}, text);
}

static const char *kind_name(const struct yaml_node *n)
{
	static const char *const names[] = {[YAML_NULL] = "nothing",
	                                    [YAML_SCALAR] = "a text",
	                                    [YAML_LIST] = "a list",
	                                    [YAML_MAP] = "a mapping"};
	return names[n->kind];
}

/* What is shown of a value in a message. */
static slice shown(const struct yaml_node *n)
{
	return slice_sub(n->text, 0, 60);
}

static bool scalar(struct reader *r, const struct option *o, const struct yaml_node *n)
{
	if (n->kind == YAML_SCALAR && n->text.n)
		return true;
	if (n->kind == YAML_NULL || n->kind == YAML_SCALAR)
		settings_fault(r, n, "%s has no value: write %s, or take the key out", o->key, o->type);
	else
		settings_fault(r, n, "%s: %s stands here where %s is wanted", o->key, kind_name(n), o->type);
	return false;
}

static bool keep(struct reader *r, const struct yaml_node *n, slice text, slice *out)
{
	*out = settings_copy(r, text);
	if (out->p == NULL)
		settings_fault(r, n, "memory is spent");
	return out->p != NULL;
}

void *settings_alloc(struct reader *r, size_t n)
{
	void *made = arena_alloc(&r->snap->mem, n);
	r->spent = r->spent || made == NULL;
	return made;
}

slice settings_copy(struct reader *r, slice s)
{
	slice made = arena_copy(&r->snap->mem, s);
	r->spent = r->spent || made.p == NULL;
	return made;
}

slice settings_text(struct reader *r, const char *format, ...)
{
	va_list ap;
	char *text = NULL;
	va_start(ap, format);
	int n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0) {
		r->spent = true;
		return SLICE_NONE;
	}
	slice made = settings_copy(r, slice_make(text, (size_t)n));
	free(text);
	return made;
}

/* --- texts ------------------------------------------------------------------- */

static bool has_control(slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7F)
			return true;
	return false;
}

void read_text(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	if (!scalar(r, o, n))
		return;
	if (has_control(n->text) || n->text.n > ATTR_TEXT_MAX)
		settings_fault(r, n, "%s: a text of one line and at most %d bytes is wanted", o->key,
		               ATTR_TEXT_MAX);
	else
		keep(r, n, n->text, field);
}

static bool is_name_char(char c, bool first)
{
	bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
	return alnum || (!first && (c == '-' || c == '_' || c == '.'));
}

void read_name(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	if (!scalar(r, o, n))
		return;
	bool good = n->text.n <= 63;
	for (size_t i = 0; i < n->text.n; i++)
		good = good && is_name_char(n->text.p[i], i == 0);
	if (good)
		keep(r, n, n->text, field);
	else
		settings_fault(r, n,
		               "%s: \"" SLICE_FMT
		               "\" is no name: letters, digits, '-', '_' and '.' are, at most "
		               "63 of them, a letter or digit first",
		               o->key, SLICE_ARG(shown(n)));
}

/* Made absolute: "~/" is the home folder, everything else stands relative to the file's folder. */
static bool keep_path(struct reader *r, const struct option *o, const struct yaml_node *n, slice path,
                      slice *out)
{
	slice made;
	if (path.n == 0 || has_control(path)) {
		settings_fault(r, n, "%s: a path is wanted", o->key);
		return false;
	}
	if (slice_starts(path, SLICE("~/"))) {
		const char *home = getenv("HOME");
		if (home == NULL || *home == '\0') {
			settings_fault(r, n,
			               "%s: ~ cannot be told, since HOME is not set: write the whole path",
			               o->key);
			return false;
		}
		made = settings_text(r, "%s" SLICE_FMT, home, SLICE_ARG(slice_sub(path, 1, path.n)));
	} else if (path.p[0] == '/') {
		made = settings_copy(r, path);
	} else {
		made = settings_text(r, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(r->folder), SLICE_ARG(path));
	}
	if (made.p == NULL)
		settings_fault(r, n, "memory is spent");
	else
		*out = made;
	return made.p != NULL;
}

void read_path(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	if (scalar(r, o, n))
		keep_path(r, o, n, n->text, field);
}

void read_file_path(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	slice path = SLICE_NONE;
	if (!scalar(r, o, n) || !keep_path(r, o, n, n->text, &path))
		return;
	*(slice *)field = path;
	if (access(path.p, R_OK) != 0)
		settings_fault(r, n, "%s: " SLICE_FMT " cannot be read: %s", o->key, SLICE_ARG(path),
		               strerror(errno));
}

void read_store(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	slice path, made;
	if (!scalar(r, o, n))
		return;
	if (slice_starts(n->text, SLICE("postgresql:")) || slice_starts(n->text, SLICE("postgres:"))) {
		settings_fault(r, n, "%s: this version keeps its ledger in SQLite only: write sqlite:weir.db",
		               o->key);
		return;
	}
	if (!slice_starts(n->text, SLICE("sqlite:"))) {
		settings_fault(r, n, "%s: \"" SLICE_FMT "\" names no kind of store: write sqlite:PATH",
		               o->key, SLICE_ARG(shown(n)));
		return;
	}
	path = slice_sub(n->text, 7, n->text.n);
	if (slice_starts(path, SLICE(":")) || slice_ends(path, SLICE("/"))) {
		settings_fault(r, n, "%s: a file is wanted: write sqlite:weir.db", o->key);
		return;
	}
	if (!keep_path(r, o, n, path, &path))
		return;
	made = settings_text(r, "sqlite:" SLICE_FMT, SLICE_ARG(path));
	if (made.p)
		*(slice *)field = made;
}

static bool is_zone(slice name)
{
	char path[256];
	if (slice_eq(name, SLICE("UTC")))
		return true;
	if (name.n == 0 || name.n > 64 || name.p[0] == '/' || slice_find(name, SLICE("..")) >= 0)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!is_name_char(name.p[i], false) && name.p[i] != '/' && name.p[i] != '+')
			return false;
	snprintf(path, sizeof path, "/usr/share/zoneinfo/" SLICE_FMT, SLICE_ARG(name));
	return access(path, R_OK) == 0 && slice_find_char(name, '.') < 0 && name.p[name.n - 1] != '/';
}

void read_timezone(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	if (!scalar(r, o, n))
		return;
	if (is_zone(n->text))
		keep(r, n, n->text, field);
	else if (access("/usr/share/zoneinfo", R_OK) != 0)
		settings_fault(r, n, "%s: this machine knows no zones but UTC: install tzdata, or write UTC",
		               o->key);
	else
		settings_fault(
		    r, n, "%s: there is no zone \"" SLICE_FMT "\": write a name such as Europe/Berlin or UTC",
		    o->key, SLICE_ARG(shown(n)));
}

/* --- numbers ----------------------------------------------------------------- */

void read_int64(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	long long v;
	if (!scalar(r, o, n))
		return;
	if (!slice_to_i64(n->text, &v))
		settings_fault(r, n, "%s: \"" SLICE_FMT "\" is no whole number", o->key, SLICE_ARG(shown(n)));
	else if (v < o->least || v > o->most)
		settings_fault(r, n, "%s: %lld is not between %lld and %lld", o->key, v, (long long)o->least,
		               (long long)o->most);
	else
		*(int64_t *)field = v;
}

void read_int(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	int64_t v = *(int *)field;
	read_int64(r, o, n, &v);
	*(int *)field = (int)v;
}

/* "64MB", "64 MiB", "1024": powers of 1024 either way. */
static bool parse_size(slice text, int64_t *out)
{
	static const char *const units[] = {"", "K", "M", "G", "T"};
	size_t digits = 0;
	long long v;
	while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
		digits++;
	slice unit = slice_trim(slice_sub(text, digits, text.n));
	if (!slice_to_i64(slice_sub(text, 0, digits), &v))
		return false;
	if (unit.n == 3 && slice_eq_nocase(slice_sub(unit, 1, 3), SLICE("iB")))
		unit.n = 1;
	else if (unit.n && unit.n <= 2 && slice_eq_nocase(slice_sub(unit, unit.n - 1, unit.n), SLICE("B")))
		unit.n--;
	*out = v;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (slice_eq_nocase(unit, slice_of(units[i])))
			return true;
		if (!num_mul_i64(*out, 1024, out))
			return false;
	}
	return false;
}

static void size_text(int64_t bytes, char out[32])
{
	static const char *const units[] = {"", "KB", "MB", "GB", "TB"};
	size_t u = 0;
	while (u < 4 && bytes >= 1024 && bytes % 1024 == 0) {
		bytes /= 1024;
		u++;
	}
	snprintf(out, 32, "%lld%s", (long long)bytes, units[u]);
}

void read_size(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	int64_t v;
	char least[32], most[32];
	if (!scalar(r, o, n))
		return;
	size_text(o->least, least);
	size_text(o->most, most);
	if (!parse_size(n->text, &v))
		settings_fault(r, n, "%s: \"" SLICE_FMT "\" is no size: write bytes, or 512KB, 64MB, 1GB",
		               o->key, SLICE_ARG(shown(n)));
	else if (v < o->least || v > o->most)
		settings_fault(r, n, "%s: " SLICE_FMT " is not between %s and %s", o->key,
		               SLICE_ARG(shown(n)), least, most);
	else
		*(int64_t *)field = v;
}

static void duration_text(int64_t ms, char out[32])
{
	if (ms && ms % 3600000 == 0)
		snprintf(out, 32, "%lldh", (long long)(ms / 3600000));
	else if (ms && ms % 60000 == 0)
		snprintf(out, 32, "%lldm", (long long)(ms / 60000));
	else if (ms % 1000 == 0)
		snprintf(out, 32, "%llds", (long long)(ms / 1000));
	else
		snprintf(out, 32, "%lldms", (long long)ms);
}

void read_duration(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	int64_t v;
	char least[32], most[32];
	if (!scalar(r, o, n))
		return;
	duration_text(o->least, least);
	duration_text(o->most, most);
	if (!clock_parse_duration(n->text, &v))
		settings_fault(r, n, "%s: \"" SLICE_FMT "\" is no duration: write 500ms, 90s, 5m, 2h or 7d",
		               o->key, SLICE_ARG(shown(n)));
	else if (v < o->least || v > o->most)
		settings_fault(r, n, "%s: " SLICE_FMT " is not between %s and %s", o->key,
		               SLICE_ARG(shown(n)), least, most);
	else
		*(int64_t *)field = v;
}

/* After a fault *v is 0, so that the price is not told as missing too. */
static bool parse_price(struct reader *r, const struct option *o, const struct yaml_node *n, int64_t *v)
{
	*v = 0;
	if (!scalar(r, o, n))
		return false;
	if (money_parse(n->text, v) == 0 && *v >= 0)
		return true;
	*v = 0;
	settings_fault(r, n,
	               "%s: \"" SLICE_FMT "\" is no price: write USD with at most 9 decimals, such as 3.00",
	               o->key, SLICE_ARG(shown(n)));
	return false;
}

void read_money(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	parse_price(r, o, n, field);
}

void read_call_money(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	int64_t v;
	*(int64_t *)field = 0;
	if (!parse_price(r, o, n, &v))
		return;
	if (num_mul_i64(v, 1000, &v))
		*(int64_t *)field = v;
	else
		settings_fault(r, n, "%s: the price is too large", o->key);
}

/* --- choices ----------------------------------------------------------------- */

void read_bool(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	if (!scalar(r, o, n))
		return;
	if (slice_eq(n->text, SLICE("true")))
		*(bool *)field = true;
	else if (slice_eq(n->text, SLICE("false")))
		*(bool *)field = false;
	else
		settings_fault(r, n, "%s: \"" SLICE_FMT "\" is neither true nor false", o->key,
		               SLICE_ARG(shown(n)));
}

void read_choice(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct nearest near;
	if (!scalar(r, o, n))
		return;
	nearest_init(&near, n->text);
	for (int i = 0; o->choices[i]; i++) {
		if (slice_eq(n->text, slice_of(o->choices[i]))) {
			*(int *)field = i;
			return;
		}
		nearest_offer(&near, slice_of(o->choices[i]));
	}
	settings_fault(r, n, "%s: \"" SLICE_FMT "\" is not to be chosen: write %s%s" SLICE_FMT "%s", o->key,
	               SLICE_ARG(shown(n)), o->type, near.best.n ? " (did you mean " : "",
	               SLICE_ARG(near.best), near.best.n ? "?)" : "");
}

void read_unknown_price(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct settings *s = field;
	s->unknown_price = UNKNOWN_PRICE_REFUSE;
	if (scalar(r, o, n) && !slice_eq(n->text, SLICE("refuse")))
		settings_fault(r, n,
		               "%s: \"" SLICE_FMT
		               "\" is not to be chosen: write refuse, or a price: {input: 3.00, "
		               "output: 15.00}, USD for a million tokens",
		               o->key, SLICE_ARG(shown(n)));
}

/* --- addresses --------------------------------------------------------------- */

static bool split_address(slice text, slice *host, long long *port)
{
	ptrdiff_t colon = -1;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == ':')
			colon = (ptrdiff_t)i;
	if (colon < 0)
		return false;
	*host = slice_sub(text, 0, (size_t)colon);
	if (host->n > 2 && host->p[0] == '[' && host->p[host->n - 1] == ']')
		*host = slice_sub(*host, 1, host->n - 1);
	else if (slice_find_char(*host, ':') >= 0)
		return false;
	if (slice_eq(*host, SLICE("localhost")))
		*host = SLICE("127.0.0.1");
	return slice_to_i64(slice_sub(text, (size_t)colon + 1, text.n), port) && *port >= 0 && *port <= 65535;
}

void read_address(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	struct listen *l = field;
	slice host;
	long long port;
	unsigned char four[4], six[16];
	char zhost[64];
	if (!scalar(r, o, n))
		return;
	if (split_address(n->text, &host, &port) && host.n < sizeof zhost) {
		snprintf(zhost, sizeof zhost, SLICE_FMT, SLICE_ARG(host));
		bool is4 = inet_pton(AF_INET, zhost, four) == 1, is6 = inet_pton(AF_INET6, zhost, six) == 1;
		if (is4 || is6) {
			static const unsigned char one[16] = {[15] = 1};
			l->loopback = is4 ? four[0] == 127 : memcmp(six, one, 16) == 0;
			l->port = (int)port;
			keep(r, n, host, &l->host);
			return;
		}
	}
	settings_fault(r, n,
	               "%s: \"" SLICE_FMT "\" is no address: write an IP address and a port, such as "
	               "127.0.0.1:8787 or [::1]:8787",
	               o->key, SLICE_ARG(shown(n)));
}

/* --- lists of texts ---------------------------------------------------------- */

/* The n and the array stand side by side in the scope. */
struct texts {
	size_t n;
	slice *at;
};
_Static_assert(offsetof(struct settings, hosts) == offsetof(struct settings, hosts_n) + sizeof(size_t) &&
                   offsetof(struct provider, models) ==
                       offsetof(struct provider, models_n) + sizeof(size_t) &&
                   offsetof(struct team, members) == offsetof(struct team, members_n) + sizeof(size_t),
               "lists of texts");

typedef bool text_check(struct reader *r, const struct option *o, const struct yaml_node *n);

/* Adds the list's texts (or the one text that stands in its place) to those in field. */
static void add_texts(struct reader *r, const struct option *o, const struct yaml_node *n, void *field,
                      text_check *check)
{
	struct texts list;
	bool one = n->kind == YAML_SCALAR;
	if (!one && n->kind != YAML_LIST) {
		scalar(r, o, n);
		return;
	}
	const struct yaml_node *from = one ? n : n->at;
	size_t more = one ? 1 : n->n;
	memcpy(&list, field, sizeof list);
	slice *at = settings_alloc(r, (list.n + more + 1) * sizeof *at);
	if (at == NULL || list.n + more > SETTINGS_LIST_MAX) {
		settings_fault(r, n, "%s: more than %d are not taken", o->key, SETTINGS_LIST_MAX);
		return;
	}
	if (list.n)
		memcpy(at, list.at, list.n * sizeof *at);
	for (size_t i = 0; i < more; i++)
		if (scalar(r, o, &from[i]) && check(r, o, &from[i]) &&
		    keep(r, &from[i], from[i].text, &at[list.n]))
			list.n++;
	list.at = at;
	memcpy(field, &list, sizeof list);
}

static bool is_line(struct reader *r, const struct option *o, const struct yaml_node *n)
{
	if (!has_control(n->text) && n->text.n <= ATTR_TEXT_MAX)
		return true;
	settings_fault(r, n, "%s: a text of one line and at most %d bytes is wanted", o->key, ATTR_TEXT_MAX);
	return false;
}

static bool is_host(struct reader *r, const struct option *o, const struct yaml_node *n)
{
	bool good = n->text.n <= 253;
	for (size_t i = 0; i < n->text.n; i++)
		good = good && is_name_char(n->text.p[i], false);
	if (!good)
		settings_fault(r, n,
		               "%s: \"" SLICE_FMT "\" is no host name: write it without scheme and port",
		               o->key, SLICE_ARG(shown(n)));
	return good;
}

static bool is_member(struct reader *r, const struct option *o, const struct yaml_node *n)
{
	if (!is_line(r, o, n))
		return false;
	const struct place *before = map_get(&r->members, n->text);
	if (before) {
		settings_fault(r, n,
		               "%s: \"" SLICE_FMT "\" is in a team already (" SLICE_FMT
		               ":%d): a user is in one team",
		               o->key, SLICE_ARG(shown(n)), SLICE_ARG(r->files[before->file]), before->line);
		return false;
	}
	struct place *here = settings_alloc(r, sizeof *here);
	slice user = settings_copy(r, n->text);
	if (here == NULL || user.p == NULL || map_put(&r->members, user, here, NULL) < 0) {
		settings_fault(r, n, "%s: there are too many members", o->key);
		return false;
	}
	*here = (struct place){r->file, n->line, n->column};
	return true;
}

void read_texts(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	add_texts(r, o, n, field, is_line);
}

void read_hosts(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	add_texts(r, o, n, field, is_host);
}

void read_members(struct reader *r, const struct option *o, const struct yaml_node *n, void *field)
{
	add_texts(r, o, n, field, is_member);
}
