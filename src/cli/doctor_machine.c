/* The gateway of this machine and its files. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/doctor.h"
#include "cli/local.h"
#include "store/journal.h"
#include "store/ledger.h"

#define ROOM_LEAST (INT64_C(64) << 20) /* bytes free below which rows may soon not be kept */
#define ROOM_NOTE  (INT64_C(1) << 30)
#define BUILD_MS   INT64_C(1763769600000) /* 2025-11-22: no clock is right that is before it */
#define JUMP_MS    INT64_C(300000)

/* --- gateway ----------------------------------------------------------------- */

/* Does another process hold the journal's lock? */
static bool journal_is_held(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	if (fd >= 0)
		close(fd);
	return held;
}

static void absent_gateway(struct doctor *d, const struct settings *s, const char *url)
{
	char host[256];
	snprintf(host, sizeof host, SLICE_FMT, SLICE_ARG(local_host(&s->listen)));
	enum probe port = probe_ready(host, s->listen.port, true, 1000, NULL, 0);
	if (port != PROBE_ABSENT)
		doctor_find(
		    d, FINDING_FAULT, "gateway",
		    doctor_text(d,
		                "End it, or write `listen: 127.0.0.1:PORT` with a free port. Who it is: "
		                "ss -ltnp 'sport = :%d'",
		                s->listen.port),
		    "port %d belongs to another program", s->listen.port);
	else if (journal_is_held(s->journal.p))
		doctor_find(d, FINDING_FAULT, "gateway",
		            "Does it listen elsewhere (`weir check` shows where it should)? Else end it: its "
		            "calls are "
		            "in the journal and are booked by the next one.",
		            "a process holds the journal " SLICE_FMT ", but nothing answers at %s",
		            SLICE_ARG(s->journal), url);
	else
		doctor_find(d, FINDING_NOTE, "gateway", "`weir run -- claude` starts one, or `weir serve`.",
		            "none runs at %s", url);
}

void doctor_gateway(struct doctor *d, const struct settings *s)
{
	char host[256], url[LOCAL_URL_MAX], text[160];
	local_url(&s->listen, url);
	if (s->listen.port == 0 || s->console.port == 0) {
		doctor_find(d, FINDING_NOTE, "gateway",
		            "Write ports into the settings, so that `weir run` finds it.",
		            "the system chooses its ports: it cannot be looked for");
		return;
	}
	snprintf(host, sizeof host, SLICE_FMT, SLICE_ARG(local_host(&s->console)));
	enum probe p =
	    probe_ready(host, s->console.port, s->console.certificate.n > 0, 2000, text, sizeof text);
	d->gateway_ready = p == PROBE_READY || (p == PROBE_ANSWERS && s->console.certificate.n);
	if (d->gateway_ready)
		doctor_find(d, FINDING_OK, "gateway", NULL, "ready at %s", url);
	else if (p == PROBE_UNREADY)
		doctor_find(d, FINDING_FAULT, "gateway", "Its log tells more; see `store` below.",
		            "at %s it says: %s", url, text);
	else if (p == PROBE_ABSENT)
		absent_gateway(d, s, url);
	else
		doctor_find(
		    d, FINDING_FAULT, "gateway",
		    doctor_text(d,
		                "End it, or write `console: {listen: 127.0.0.1:PORT}` with a free port. Who "
		                "it is: ss -ltnp 'sport = :%d'",
		                s->console.port),
		    "port %d, the console's, belongs to another program", s->console.port);
}

/* --- store ------------------------------------------------------------------- */

static void folder_of(slice path, char out[PATH_MAX])
{
	size_t end = path.n;
	while (end > 1 && path.p[end - 1] != '/')
		end--;
	snprintf(out, PATH_MAX, SLICE_FMT, SLICE_ARG(slice_sub(path, 0, end > 1 ? end - 1 : 1)));
}

/* The names of file systems that lock or map files otherwise than a local disk; NULL for all others. */
static const char *remote_kind(const char *folder)
{
	static const struct {
		long type;
		const char *name;
	} kinds[] = {{0x6969, "NFS"}, {0xFF534D42, "CIFS"}, {0xFE534D42, "SMB"},  {0x01021997, "9p"},
	             {0x517B, "SMB"}, {0x5346414F, "AFS"},  {0x00C36400, "Ceph"}, {0x0BD00BD0, "Lustre"}};
	struct statfs fs;
	if (statfs(folder, &fs) != 0)
		return NULL;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if ((unsigned long)(unsigned)fs.f_type == (unsigned long)(unsigned)kinds[i].type)
			return kinds[i].name;
	return NULL;
}

static void check_room(struct doctor *d, const struct settings *s, const char *about, const char *folder)
{
	struct statvfs v;
	struct stat st;
	if (statvfs(folder, &v) != 0)
		return;
	int64_t free_bytes = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
	int64_t wanted = stat(s->journal.p, &st) == 0 ? 0 : s->journal_slots * JOURNAL_SLOT_BYTES;
	int64_t least = ROOM_LEAST + wanted;
	const char *mend = "Make room on that disk, or move `store` and `journal` to another.";
	if (free_bytes < least)
		doctor_find(d, FINDING_FAULT, about, mend, "%s has %lld MB free, and %lld MB are wanted",
		            folder, (long long)(free_bytes >> 20), (long long)(least >> 20));
	else if (free_bytes < ROOM_NOTE)
		doctor_find(d, FINDING_NOTE, about, mend, "%s has only %lld MB free", folder,
		            (long long)(free_bytes >> 20));
}

/* Can a folder that is not there be made: does the nearest one above it that is there let us? */
static bool can_be_made(const char *folder)
{
	char above[PATH_MAX];
	struct stat st;
	snprintf(above, sizeof above, "%s", folder);
	while (above[1] && stat(above, &st) != 0) {
		char *slash = strrchr(above, '/');
		if (slash == NULL)
			return true; /* relative: the working directory's matter */
		slash[slash == above] = '\0';
	}
	return access(above, W_OK | X_OK) == 0;
}

/* True when files can be made there. */
static bool check_folder(struct doctor *d, const struct settings *s, const char *about, slice file)
{
	char folder[PATH_MAX];
	struct stat st;
	folder_of(file, folder);
	if (stat(folder, &st) != 0 && s->source.n == 0 && errno == ENOENT && !can_be_made(folder)) {
		doctor_find(
		    d, FINDING_FAULT, about,
		    "Set HOME to your own, or write `store: sqlite:/path/weir.db` into a settings file.",
		    "the folder %s is not there and cannot be made", folder);
		return false;
	}
	if (stat(folder, &st) != 0 && s->source.n == 0 && errno == ENOENT) {
		doctor_find(d, FINDING_OK, about, NULL, "%s is made at the first start", folder);
		return false;
	}
	if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode)) {
		doctor_find(d, FINDING_FAULT, about, doctor_text(d, "mkdir -p -m 700 '%s'", folder),
		            "there is no folder %s", folder);
		return false;
	}
	if (access(folder, W_OK | X_OK) != 0) {
		doctor_find(
		    d, FINDING_FAULT, about,
		    "Give that folder to the user that runs weir (chown), or move it by the settings.",
		    "files cannot be made in %s: %s", folder, strerror(errno));
		return false;
	}
	const char *kind = remote_kind(folder);
	if (kind)
		doctor_find(d, FINDING_FAULT, about, "Move `store` and `journal` to a local disk.",
		            "%s is on %s: locks and mapped files are not safe there", folder, kind);
	check_room(d, s, about, folder);
	return true;
}

static int count_row(void *arg, const struct ledger_key *k)
{
	size_t *n = arg;
	*n += k->revoked_ms == 0;
	return 0;
}

void doctor_store(struct doctor *d, const struct settings *s)
{
	struct error e = {0};
	struct ledger *l = NULL;
	slice path;
	size_t keys = 0;
	const struct ledger_ops *ops = ledger_for(s->store, &path, &e);
	if (ops == NULL) {
		doctor_find(d, FINDING_FAULT, "store", NULL, "%s", e.text);
		return;
	}
	if (!check_folder(d, s, "store", path))
		return;
	char store_folder[PATH_MAX], journal_folder[PATH_MAX];
	folder_of(path, store_folder);
	folder_of(s->journal, journal_folder);
	if (strcmp(store_folder, journal_folder) != 0)
		check_folder(d, s, "journal", s->journal);
	int status = ops->open(path.p, false, &l, &e);
	if (status == ERR_NOT_FOUND) {
		doctor_find(d, FINDING_OK, "store", NULL, SLICE_FMT " is made at the first start",
		            SLICE_ARG(path));
		return;
	}
	if (status == 0)
		status = ops->keys(l, count_row, &keys, &e);
	if (status < 0)
		doctor_find(d, FINDING_FAULT, "store",
		            "Is the disk sound? `sqlite3 FILE 'pragma integrity_check'` tells; keep a copy "
		            "before mending.",
		            SLICE_FMT ": %s", SLICE_ARG(path), e.text);
	else
		doctor_find(d, FINDING_OK, "store", NULL, SLICE_FMT ", with %zu key%s", SLICE_ARG(path), keys,
		            keys == 1 ? "" : "s");
	if (l)
		ops->close(l);
}

/* --- clock and limits -------------------------------------------------------- */

void doctor_clock(struct doctor *d, const struct settings *s)
{
	struct stat st;
	int64_t now = clock_wall_ms(clock_real());
	char text[CLOCK_RFC3339_MAX];
	const char *mend = "Set it, best by a time service: timedatectl set-ntp true";
	clock_format_rfc3339(now, text);
	if (now < BUILD_MS)
		doctor_find(d, FINDING_FAULT, "clock", mend, "it says %s, which is past", text);
	else if (stat(s->journal.p, &st) == 0 && (int64_t)st.st_mtime * 1000 > now + JUMP_MS)
		doctor_find(d, FINDING_FAULT, "clock", mend,
		            "it says %s, but the journal was written after that: it went back", text);
	else
		doctor_find(d, FINDING_OK, "clock", NULL, "%s, days begin in " SLICE_FMT, text,
		            SLICE_ARG(s->timezone));
}

void doctor_limits(struct doctor *d, const struct settings *s)
{
	struct rlimit files;
	int64_t wanted = s->limits.connections + s->limits.calls + 64;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_max == RLIM_INFINITY)
		return;
	if ((int64_t)files.rlim_max < wanted)
		doctor_find(
		    d, FINDING_NOTE, "limits",
		    doctor_text(d,
		                "Raise it (LimitNOFILE=%lld in a unit), or lower limits.connections and "
		                "limits.calls.",
		                (long long)wanted),
		    "a process may open %lld files here, and the settings allow for %lld",
		    (long long)files.rlim_max, (long long)wanted);
}
