/* The journal's file: creating, locking, recovery. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "store/journal_impl.h"

#define SLOTS_MAX  (1u << 20) /* 2 GB */
#define ZEROS_MAX  (2u << 20) /* of a new file: more slots than most installations ever use at once */
#define SCAN_SLOTS 32         /* read at a time when opening */

int journal_read_at(int fd, void *out, size_t n, uint64_t at)
{
	char *p = out;
	while (n) {
		ssize_t got = pread(fd, p, n, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0) {
			memset(p, 0, n);
			return 0;
		}
		p += got;
		n -= (size_t)got;
		at += (uint64_t)got;
	}
	return 0;
}

/* --- opening --------------------------------------------------------------------------------- */

static int lock_file(int fd, const char *path, struct error *e)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	int why = errno;
	struct journal_header head;
	if (why != EWOULDBLOCK)
		return error_errno(e, ERR_IO, why, "%s: cannot be locked", path);
	if (journal_read_at(fd, &head, sizeof head, 0) == 0 &&
	    memcmp(head.magic, JOURNAL_MAGIC, sizeof head.magic) == 0 && head.pid)
		return error_set(
		    e, ERR_BUSY,
		    "%s: another weir is running with it (process %u): end that one, or give this "
		    "one a ledger of its own by `store:`",
		    path, (unsigned)head.pid);
	return error_set(e, ERR_BUSY,
	                 "%s: another weir is running with it: end that one, or give this one a ledger of "
	                 "its own by `store:`",
	                 path);
}

bool journal_is_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool taken = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	if (fd >= 0)
		close(fd);
	return taken;
}

int journal_grow_file(int fd, const char *path, uint64_t from, uint64_t to, struct error *e)
{
	static const char zeros[1 << 16];
	unsigned long long megabytes = to >> 20;
	int why = posix_fallocate(fd, 0, (off_t)to);
	if (to > ZEROS_MAX)
		to = ZEROS_MAX;
	while (why == 0 && from < to) {
		size_t n = to - from < sizeof zeros ? (size_t)(to - from) : sizeof zeros;
		ssize_t put = pwrite(fd, zeros, n, (off_t)from);
		if (put < 0 && errno != EINTR)
			why = errno;
		else if (put > 0)
			from += (uint64_t)put;
	}
	return why ? error_errno(
	                 e, ERR_IO, why,
	                 "%s: there is no room for its %llu MB (make some, or ask for less by `journal: "
	                 "{slots: 1024}`)",
	                 path, megabytes)
	           : 0;
}

static void read_boot_id(char out[static 40])
{
	memset(out, 0, 40);
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (read(fd, out, 36) != 36)
		memset(out, 0, 40);
	close(fd);
}

/* What the two files say they are. */
struct found {
	struct journal_header main, disk; /* zeros: a new file, or one that an earlier start did not finish */
	bool has_main, has_disk;          /* can be read; the disk's slots are copies of main's */
	uint64_t slots, used;
};

static bool readable(const struct journal_header *h)
{
	return h->version == JOURNAL_VERSION && h->slot_bytes == JOURNAL_SLOT_BYTES &&
	       h->layout == pack_layout();
}

/* Another version's slots: those that hold something, by their state alone. */
static int count_live(int fd, const struct journal_header *h, uint64_t *live)
{
	for (uint64_t i = 0; i < h->slots; i++) {
		uint32_t state;
		if (journal_read_at(fd, &state, sizeof state, JOURNAL_PAGE + i * h->slot_bytes) != 0)
			return -1;
		*live += state != SLOT_FREE;
	}
	return 0;
}

static int check_main(int fd, const char *path, struct found *f, struct error *e)
{
	static const struct journal_header none;
	struct journal_header *h = &f->main;
	struct stat st;
	uint64_t live = 0;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || journal_read_at(fd, h, sizeof *h, 0) != 0)
		return error_set(e, ERR_IO, "%s: not a file that can be read", path);
	if (memcmp(h, &none, sizeof none) == 0)
		return 0;
	if (memcmp(h->magic, JOURNAL_MAGIC, sizeof h->magic) != 0)
		return error_set(e, ERR_INVALID,
		                 "%s: not a journal of weir: name another file in the settings", path);
	if (h->slots == 0 || h->slots > SLOTS_MAX || h->slot_bytes == 0 || h->slot_bytes > (1 << 16))
		return error_set(e, ERR_INVALID,
		                 "%s: its header is damaged: move it and %s.disk away; calls in it are lost",
		                 path, path);
	f->has_main = readable(h);
	if (!f->has_main && count_live(fd, h, &live) != 0)
		return error_errno(e, ERR_IO, errno, "%s", path);
	if (live)
		return error_set(
		    e, ERR_UNSUPPORTED,
		    "%s: written by another version of weir, with %llu calls not yet in the ledger: start "
		    "and stop "
		    "that version once, which empties it; or move it and %s.disk away, and lose them",
		    path, (unsigned long long)live, path);
	return 0;
}

static void check_disk(struct found *f)
{
	const struct journal_header *d = &f->disk;
	f->has_disk = memcmp(d->magic, JOURNAL_MAGIC, sizeof d->magic) == 0 && readable(d) && d->slots > 0 &&
	              d->slots <= SLOTS_MAX && (!f->has_main || d->instance == f->main.instance);
	f->slots = f->has_main ? f->main.slots : 0;
	f->used = f->has_main ? f->main.used : 0;
	if (f->has_disk && d->slots > f->slots)
		f->slots = d->slots;
	if (f->has_disk && d->used > f->used)
		f->used = d->used;
	if (f->used > f->slots)
		f->used = f->slots;
}

static int map_file(struct journal *j, struct error *e)
{
	j->bytes = journal_file_bytes(j->n);
	void *p = mmap(NULL, j->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, j->fd, 0);
	if (p == MAP_FAILED)
		return error_errno(e, ERR_IO, errno, "%s: cannot be mapped", j->path);
	j->head = p;
	j->slots = (char *)p + JOURNAL_PAGE;
	return 0;
}

static int write_header(struct journal *j, const struct found *f, struct error *e)
{
	struct journal_header *h = j->head;
	uint64_t instance = f->has_main ? f->main.instance : f->has_disk ? f->disk.instance : 0;
	if (instance == 0 && crypto_random(&instance, sizeof instance) != 0)
		return error_set(e, ERR_IO, "the operating system gives no random bytes");
	h->version = JOURNAL_VERSION;
	h->slot_bytes = JOURNAL_SLOT_BYTES;
	h->slots = (uint32_t)j->n;
	h->pid = (uint32_t)getpid();
	h->layout = pack_layout();
	h->instance = instance;
	atomic_store(&h->used, (uint32_t)f->used);
	read_boot_id(h->boot);
	memcpy(h->magic, JOURNAL_MAGIC, sizeof h->magic);
	return 0;
}

/* --- recovery -------------------------------------------------------------------------------- */

static int set_aside(struct journal *j, const struct slot *s, struct error *e)
{
	char path[4096];
	int n = snprintf(path, sizeof path, "%s.damaged", j->path);
	int fd = n > 0 && (size_t)n < sizeof path
	             ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)
	             : -1;
	ssize_t put = fd < 0 ? -1 : write(fd, s, JOURNAL_SLOT_BYTES);
	int why = errno;
	if (fd >= 0)
		close(fd);
	return put == JOURNAL_SLOT_BYTES ? 0 : error_errno(e, ERR_IO, why, "%s", path);
}

static void append_taken(struct journal *j, journal_slot n)
{
	atomic_store_explicit(&j->next[n], 0, memory_order_relaxed);
	if (j->take_first == 0)
		j->take_first = n;
	else
		atomic_store_explicit(&j->next[j->take_last], n, memory_order_relaxed);
	j->take_last = n;
}

/* copy: the slot as read from a file, so that pages of free slots are not mapped in only to be looked at. */
static int recover_slot(struct journal *j, journal_slot n, const struct slot *copy, bool power_lost,
                        struct error *e)
{
	uint32_t state = SLOT_FREE;
	switch (slot_judge(copy, power_lost)) {
	case FATE_FREE:
		return 0;
	case FATE_UNSENT:
		j->recovered.recovered_unsent++;
		break;
	case FATE_SETTLED:
		j->recovered.recovered_settled++;
		state = SLOT_SETTLED;
		break;
	case FATE_CRASHED:
		j->recovered.recovered_crash++;
		state = SLOT_LEFT;
		break;
	case FATE_DAMAGED:
		j->recovered.damaged++;
		if (set_aside(j, copy, e) != 0)
			return ERR_IO;
		break;
	}
	/* Said in the file too: after another crash the boot id will be this one. */
	struct slot *s = journal_at(j, n);
	s->change++;
	atomic_store_explicit(&s->state, state, memory_order_release);
	journal_mark_changed(j, n);
	if (state != SLOT_FREE)
		append_taken(j, n);
	return 0;
}

/* Which of the two copies of a slot is the later whole state. */
static bool disk_is_later(const struct slot *main, const struct slot *disk)
{
	enum slot_fate of_main = slot_judge(main, true), of_disk = slot_judge(disk, true);
	if (of_disk == FATE_DAMAGED || of_main == FATE_DAMAGED)
		return of_disk != FATE_DAMAGED && of_disk != FATE_FREE;
	if (main->change != disk->change)
		return disk->change > main->change;
	return disk->state > main->state;
}

struct recovery {
	const struct found *found;
	bool power_lost;
	struct slot *main, *disk; /* owned; SCAN_SLOTS each */
};

static struct slot *nth(struct slot *s, size_t i)
{
	return (struct slot *)(void *)((char *)s + i * JOURNAL_SLOT_BYTES);
}

static int recover_run(struct journal *j, const struct recovery *r, uint64_t at, size_t n, struct error *e)
{
	if (journal_read_at(j->fd, r->main, n * JOURNAL_SLOT_BYTES, journal_file_bytes(at)) != 0)
		return error_errno(e, ERR_IO, errno, "%s", j->path);
	if (r->found->has_disk &&
	    journal_read_at(j->disk_fd, r->disk, n * JOURNAL_SLOT_BYTES, journal_file_bytes(at)) != 0)
		return error_errno(e, ERR_IO, errno, "%s", j->disk_path);
	for (size_t i = 0; i < n; i++) {
		const struct slot *main = nth(r->main, i), *disk = nth(r->disk, i), *from = main;
		journal_slot s = (journal_slot)(at + i + 1);
		/* The whole of it: after a power loss one of two slots with the same head may be torn. */
		bool differ = r->found->has_disk && memcmp(main, disk, JOURNAL_SLOT_BYTES) != 0;
		if (differ && r->power_lost && disk_is_later(main, disk)) {
			memcpy(journal_at(j, s), disk, JOURNAL_SLOT_BYTES);
			from = disk;
		}
		if (differ)
			journal_mark_changed(j, s);
		int rc = recover_slot(j, s, from, r->power_lost, e);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int recover(struct journal *j, const struct found *f, struct error *e)
{
	char now[40];
	read_boot_id(now);
	/* Without its own header the mapped file is a new one, and the other all there is. */
	struct recovery r = {.found = f,
	                     .power_lost =
	                         !f->has_main || now[0] == '\0' || memcmp(now, f->main.boot, sizeof now) != 0,
	                     .main = malloc((size_t)SCAN_SLOTS * JOURNAL_SLOT_BYTES),
	                     .disk = malloc((size_t)SCAN_SLOTS * JOURNAL_SLOT_BYTES)};
	int rc = r.main && r.disk ? 0 : error_set(e, ERR_NOMEM, "out of memory");
	for (uint64_t at = 0; rc == 0 && at < f->used; at += SCAN_SLOTS)
		rc = recover_run(j, &r, at, f->used - at < SCAN_SLOTS ? (size_t)(f->used - at) : SCAN_SLOTS,
		                 e);
	free(r.main);
	free(r.disk);
	return rc;
}

/* Slots that nobody waits for; number 1 on top. */
static int fill_free_list(struct journal *j, struct error *e)
{
	bool *taken = calloc(j->n + 1, sizeof *taken);
	if (taken == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	for (journal_slot s = j->take_first; s; s = atomic_load(&j->next[s]))
		taken[s] = true;
	for (journal_slot s = (journal_slot)j->n; s > 0; s--)
		if (!taken[s])
			journal_push_free(j, s);
	free(taken);
	return 0;
}

/* --- the whole ------------------------------------------------------------------------------- */

static int open_files(struct journal *j, size_t slots, struct found *f, struct error *e)
{
	j->fd = open(j->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (j->fd < 0)
		return error_errno(e, ERR_IO, errno, "%s: cannot be opened", j->path);
	int rc = lock_file(j->fd, j->path, e);
	if (rc == 0)
		rc = check_main(j->fd, j->path, f, e);
	if (rc == 0)
		rc = journal_disk_open(j, &f->disk, e);
	if (rc != 0)
		return rc;
	check_disk(f);
	j->n = f->slots > slots ? f->slots : slots;
	uint64_t has = f->has_main ? f->main.slots : 0;
	if (!f->has_main && ftruncate(j->fd, 0) != 0)
		return error_errno(e, ERR_IO, errno, "%s", j->path);
	if (j->n > has)
		rc = journal_grow_file(j->fd, j->path, has ? journal_file_bytes(has) : 0,
		                       journal_file_bytes(j->n), e);
	return rc ? rc : map_file(j, e);
}

static int open_journal(struct journal *j, size_t slots, struct error *e)
{
	struct found f = {0};
	int rc = open_files(j, slots, &f, e);
	if (rc != 0)
		return rc;
	j->next = calloc(j->n + 1, sizeof *j->next);
	j->changed = calloc(j->n + 1, sizeof *j->changed);
	j->counts = aligned_alloc(64, j->workers * sizeof *j->counts);
	if (j->next == NULL || j->changed == NULL || j->counts == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	memset(j->counts, 0, j->workers * sizeof *j->counts);
	rc = recover(j, &f, e);
	if (rc == 0)
		rc = fill_free_list(j, e);
	if (rc == 0)
		rc = write_header(j, &f, e);
	if (rc == 0)
		rc = journal_disk_adopt(j, f.has_disk, e);
	atomic_store(&j->dirty, true);
	return rc;
}

struct journal *journal_open(const char *path, size_t slots, unsigned workers, struct error *e)
{
	if (slots == 0 || slots > SLOTS_MAX) {
		error_set(e, ERR_RANGE, "a journal has 1 to %u slots, not %zu", SLOTS_MAX, slots);
		return NULL;
	}
	struct journal *j = aligned_alloc(64, (sizeof *j + 63) / 64 * 64);
	if (j == NULL) {
		error_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	memset(j, 0, sizeof *j);
	j->fd = j->disk_fd = j->writer.fd = j->sync.fd = -1;
	j->workers = workers ? workers : 1;
	j->path = strdup(path);
	if (j->path == NULL)
		error_set(e, ERR_NOMEM, "out of memory");
	else if (waker_init(&j->writer, e) == 0 && waker_init(&j->sync, e) == 0 &&
	         open_journal(j, slots, e) == 0) {
		j->opened = true;
		return j;
	}
	journal_close(j);
	return NULL;
}

void journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	/* When it fails the mapped file still has it all, and only a power loss could take it. */
	if (j->opened && journal_sync(j, NULL) != 0)
		atomic_store(&j->dirty, true);
	if (j->head)
		munmap(j->head, j->bytes);
	journal_disk_close(j);
	if (j->fd >= 0)
		close(j->fd);
	waker_release(&j->writer);
	waker_release(&j->sync);
	free(j->counts);
	free(j->changed);
	free(j->next);
	free(j->path);
	free(j);
}
