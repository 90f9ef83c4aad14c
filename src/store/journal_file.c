/* The journal's file: creating, locking, recovery. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/journal_impl.h"

#define SLOTS_MAX  (1u << 20) /* 2 GB */
#define SCAN_SLOTS 32         /* read at a time when opening */

static uint64_t file_bytes(uint64_t slots)
{
	return JOURNAL_PAGE + slots * JOURNAL_SLOT_BYTES;
}

/* pread of the whole range; what lies behind the end of the file reads as zeros. */
static int read_at(int fd, void *out, size_t n, uint64_t at)
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
	if (read_at(fd, &head, sizeof head, 0) == 0 &&
	    memcmp(head.magic, JOURNAL_MAGIC, sizeof head.magic) == 0 && head.pid)
		return error_set(e, ERR_BUSY, "%s: another weir is running with it (process %u)", path,
		                 (unsigned)head.pid);
	return error_set(e, ERR_BUSY, "%s: another weir is running with it", path);
}

/* Zeros from the end of the file to its new one, really written: a page that is only set aside would make the
 * event loop that touches it first wait for the file system. */
static int grow_file(int fd, const char *path, uint64_t from, uint64_t to, struct error *e)
{
	static const char zeros[1 << 16];
	int why = posix_fallocate(fd, 0, (off_t)to);
	while (why == 0 && from < to) {
		size_t n = to - from < sizeof zeros ? (size_t)(to - from) : sizeof zeros;
		ssize_t put = pwrite(fd, zeros, n, (off_t)from);
		if (put < 0 && errno != EINTR)
			why = errno;
		else if (put > 0)
			from += (uint64_t)put;
	}
	return why ? error_errno(e, ERR_IO, why, "%s: no room for %llu MB", path,
	                         (unsigned long long)(to >> 20))
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

/* Slots of the file that hold something, by their state alone. */
static int count_live(int fd, uint64_t slots, uint64_t *live)
{
	for (uint64_t i = 0; i < slots; i++) {
		uint32_t state;
		if (read_at(fd, &state, sizeof state, JOURNAL_PAGE + i * JOURNAL_SLOT_BYTES) != 0)
			return -1;
		*live += state != SLOT_FREE;
	}
	return 0;
}

/* What the file says it is: its slots in *slots (0: a new file, or one that an earlier start did not finish).
 */
static int check_header(int fd, const char *path, struct journal_header *head, uint64_t *slots,
                        struct error *e)
{
	static const struct journal_header none;
	struct stat st;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || read_at(fd, head, sizeof *head, 0) != 0)
		return error_set(e, ERR_IO, "%s: not a file that can be read", path);
	*slots = 0;
	if (memcmp(head, &none, sizeof none) == 0)
		return 0;
	if (memcmp(head->magic, JOURNAL_MAGIC, sizeof head->magic) != 0)
		return error_set(e, ERR_INVALID,
		                 "%s: not a journal of weir: name another file in the settings", path);
	if (head->slots == 0 || head->slots > SLOTS_MAX)
		return error_set(e, ERR_INVALID, "%s: damaged header (%u slots)", path,
		                 (unsigned)head->slots);
	*slots = head->slots;
	if (head->version == JOURNAL_VERSION && head->slot_bytes == JOURNAL_SLOT_BYTES &&
	    head->layout == pack_layout())
		return 0;
	uint64_t live = 0;
	if (head->slot_bytes != JOURNAL_SLOT_BYTES || count_live(fd, head->slots, &live) != 0 || live)
		return error_set(
		    e, ERR_UNSUPPORTED,
		    "%s: written by another version of weir, with %llu calls not yet in the ledger: start "
		    "and "
		    "stop that version once, which empties it; or move the file away and lose them",
		    path, (unsigned long long)live);
	return 0;
}

static int map_file(struct journal *j, struct error *e)
{
	j->bytes = file_bytes(j->n);
	void *p = mmap(NULL, j->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, j->fd, 0);
	if (p == MAP_FAILED)
		return error_errno(e, ERR_IO, errno, "%s: cannot be mapped", j->path);
	j->head = p;
	j->slots = (char *)p + JOURNAL_PAGE;
	return 0;
}

static void write_header(struct journal *j)
{
	struct journal_header *h = j->head;
	memcpy(h->magic, JOURNAL_MAGIC, sizeof h->magic);
	h->version = JOURNAL_VERSION;
	h->slot_bytes = JOURNAL_SLOT_BYTES;
	h->slots = (uint32_t)j->n;
	h->pid = (uint32_t)getpid();
	h->layout = pack_layout();
	read_boot_id(h->boot);
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

/* copy: the slot as read from the file, so that pages of free slots are not mapped in only to be looked at.
 */
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
	atomic_store_explicit(&journal_at(j, n)->state, state, memory_order_release);
	if (state != SLOT_FREE)
		append_taken(j, n);
	return 0;
}

static int recover(struct journal *j, uint64_t slots, const char boot[static 40], struct error *e)
{
	char now[40];
	read_boot_id(now);
	bool power_lost = now[0] == '\0' || memcmp(now, boot, sizeof now) != 0;
	struct slot *copies = malloc((size_t)SCAN_SLOTS * JOURNAL_SLOT_BYTES);
	int rc = copies ? 0 : error_set(e, ERR_NOMEM, "out of memory");
	for (uint64_t at = 0; rc == 0 && at < slots; at += SCAN_SLOTS) {
		size_t n = slots - at < SCAN_SLOTS ? (size_t)(slots - at) : SCAN_SLOTS;
		if (read_at(j->fd, copies, n * JOURNAL_SLOT_BYTES, file_bytes(at)) != 0)
			rc = error_errno(e, ERR_IO, errno, "%s", j->path);
		for (size_t i = 0; rc == 0 && i < n; i++)
			rc = recover_slot(j, (journal_slot)(at + i + 1),
			                  (struct slot *)(void *)((char *)copies + i * JOURNAL_SLOT_BYTES),
			                  power_lost, e);
	}
	free(copies);
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

static int open_journal(struct journal *j, size_t slots, struct error *e)
{
	struct journal_header head;
	uint64_t had = 0;
	j->fd = open(j->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (j->fd < 0)
		return error_errno(e, ERR_IO, errno, "%s: cannot be opened", j->path);
	int rc = lock_file(j->fd, j->path, e);
	if (rc == 0)
		rc = check_header(j->fd, j->path, &head, &had, e);
	j->n = had > slots ? had : slots;
	if (rc == 0 && j->n > had)
		rc = grow_file(j->fd, j->path, had ? file_bytes(had) : 0, file_bytes(j->n), e);
	if (rc == 0)
		rc = map_file(j, e);
	if (rc != 0)
		return rc;
	j->next = calloc(j->n + 1, sizeof *j->next);
	j->counts = aligned_alloc(64, j->workers * sizeof *j->counts);
	if (j->next == NULL || j->counts == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	memset(j->counts, 0, j->workers * sizeof *j->counts);
	if (had)
		rc = recover(j, had, head.boot, e);
	if (rc == 0)
		rc = fill_free_list(j, e);
	if (rc != 0)
		return rc;
	write_header(j);
	atomic_store(&j->dirty, true);
	return 0;
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
	j->fd = j->writer.fd = j->sync.fd = -1;
	j->workers = workers ? workers : 1;
	j->path = strdup(path);
	if (j->path == NULL)
		error_set(e, ERR_NOMEM, "out of memory");
	else if (waker_init(&j->writer, e) == 0 && waker_init(&j->sync, e) == 0 &&
	         open_journal(j, slots, e) == 0)
		return j;
	journal_close(j);
	return NULL;
}

void journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	if (j->head) {
		if (journal_sync(j, NULL) != 0)
			atomic_store(&j->dirty,
			             true); /* the kernel still has it, and writes it in its own time */
		munmap(j->head, j->bytes);
	}
	if (j->fd >= 0)
		close(j->fd);
	waker_release(&j->writer);
	waker_release(&j->sync);
	free(j->counts);
	free(j->next);
	free(j->path);
	free(j);
}
