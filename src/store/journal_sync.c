/* The copy of the journal on the disk: changed slots are written to FILE.disk and flushed, by the sync thread
 * alone. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/journal_impl.h"

#define STAGING_SLOTS 32 /* neighbours that go to the disk in one write */

/* --- the file --------------------------------------------------------------------------------- */

int journal_disk_open(struct journal *j, struct journal_header *own, struct error *e)
{
	size_t n = strlen(j->path) + sizeof ".disk";
	j->disk_path = malloc(n);
	j->staging = malloc((size_t)STAGING_SLOTS * JOURNAL_SLOT_BYTES);
	if (j->disk_path == NULL || j->staging == NULL)
		return error_set(e, ERR_NOMEM, "out of memory");
	snprintf(j->disk_path, n, "%s.disk", j->path);
	j->disk_fd = open(j->disk_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (j->disk_fd < 0)
		return error_errno(e, ERR_IO, errno, "%s: cannot be opened", j->disk_path);
	if (journal_read_at(j->disk_fd, own, sizeof *own, 0) != 0)
		return error_errno(e, ERR_IO, errno, "%s", j->disk_path);
	return 0;
}

static int write_at(int fd, const void *p, size_t n, uint64_t at)
{
	const char *from = p;
	while (n) {
		ssize_t put = pwrite(fd, from, n, (off_t)at);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return -1;
		from += put;
		n -= (size_t)put;
		at += (uint64_t)put;
	}
	return 0;
}

int journal_disk_adopt(struct journal *j, bool keep, struct error *e)
{
	if (!keep && ftruncate(j->disk_fd, 0) != 0)
		return error_errno(e, ERR_IO, errno, "%s", j->disk_path);
	int why = posix_fallocate(j->disk_fd, 0, (off_t)j->bytes);
	if (why != 0)
		return error_errno(
		    e, ERR_IO, why,
		    "%s: there is no room for its %zu MB (make some, or ask for less by `journal: "
		    "{slots: 1024}`)",
		    j->disk_path, j->bytes >> 20);
	memcpy(&j->disk_head, j->head, sizeof j->disk_head);
	if (write_at(j->disk_fd, &j->disk_head, sizeof j->disk_head, 0) != 0)
		return error_errno(e, ERR_IO, errno, "%s", j->disk_path);
	return 0;
}

void journal_disk_close(struct journal *j)
{
	if (j->disk_fd >= 0)
		close(j->disk_fd);
	free(j->disk_path);
	free(j->staging);
}

/* --- syncing ---------------------------------------------------------------------------------- */

static bool is_dirty(void *arg)
{
	struct journal *j = arg;
	return atomic_load(&j->dirty);
}

bool journal_sync_wait(struct journal *j, int timeout_ms)
{
	if (!is_dirty(j))
		waker_sleep(&j->sync, timeout_ms, is_dirty, j);
	return is_dirty(j);
}

void journal_sync_wake(struct journal *j)
{
	waker_kick(&j->sync);
}

/* A worker may be writing the slot meanwhile, and the copy then be a mixture: no promise has been made yet
 * for what is being written, the sums tell it from a whole state, what an earlier promise needs is not among
 * the bytes being written, and the slot is marked again and copied in the next round. Hence no lock, and the
 * thread sanitizer is not asked. */
#if defined(__SANITIZE_THREAD__)
__attribute__((no_sanitize("thread"), noinline))
#endif
void
journal_copy_slot(char *to, const struct slot *from)
{
#if defined(__SANITIZE_THREAD__)
	const volatile uint64_t *words = (const volatile uint64_t *)(const volatile void *)from;
	for (size_t i = 0; i < JOURNAL_SLOT_BYTES / 8; i++) {
		uint64_t word = words[i];
		for (size_t k = 0; k < 8; k++)
			to[8 * i + k] = (char)(word >> 8 * k);
	}
#else
	memcpy(to, from, JOURNAL_SLOT_BYTES);
#endif
}

static bool take_mark(struct journal *j, journal_slot s)
{
	return s <= j->n && atomic_load_explicit(&j->changed[s], memory_order_relaxed) &&
	       atomic_exchange_explicit(&j->changed[s], 0, memory_order_acq_rel);
}

/* From first on, as many neighbours as are marked; 0 when the write failed, and they are marked again. */
static size_t write_run(struct journal *j, journal_slot first)
{
	size_t n = 0;
	do {
		journal_copy_slot(j->staging + n * JOURNAL_SLOT_BYTES,
		                  journal_at(j, first + (journal_slot)n));
		n++;
	} while (n < STAGING_SLOTS && take_mark(j, first + (journal_slot)n));
	if (write_at(j->disk_fd, j->staging, n * JOURNAL_SLOT_BYTES, journal_file_bytes(first - 1)) == 0)
		return n;
	for (size_t i = 0; i < n; i++)
		atomic_store(&j->changed[first + i], 1);
	return 0;
}

/* Slots, and the header when slots were used that never were before. */
static bool write_changes(struct journal *j, uint32_t used)
{
	for (journal_slot s = 1; s <= used;) {
		size_t n = take_mark(j, s) ? write_run(j, s) : 1;
		if (n == 0)
			return false;
		s += (journal_slot)n;
	}
	if (used == j->disk_head.used)
		return true;
	j->disk_head.used = used;
	return write_at(j->disk_fd, &j->disk_head, sizeof j->disk_head, 0) == 0;
}

/* A new file is found after a power loss only when its folder was flushed too. */
static int flush_folder(struct journal *j)
{
	char *folder = strdup(j->disk_path);
	char *slash = folder ? strrchr(folder, '/') : NULL;
	if (slash)
		slash[slash == folder] = '\0';
	int fd = folder ? open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int rc = fd < 0 ? -1 : fsync(fd);
	int why = errno;
	if (fd >= 0)
		close(fd);
	free(folder);
	errno = why;
	j->named = rc == 0;
	return rc;
}

int journal_sync(struct journal *j, struct error *e)
{
	if (!atomic_exchange(&j->dirty, false))
		return 0;
	atomic_fetch_add_explicit(&j->syncs, 1, memory_order_relaxed);
	uint32_t used = atomic_load(&j->head->used);
	bool written = write_changes(j, used);
	if (written && fdatasync(j->disk_fd) == 0 && (j->named || flush_folder(j) == 0))
		return 0;
	int why = errno;
	/* What a failed flush has dropped is not known: all of it is written again. */
	for (journal_slot s = 1; written && s <= used; s++)
		atomic_store(&j->changed[s], 1);
	j->disk_head.used = 0;
	atomic_store(&j->dirty, true);
	return error_errno(e, ERR_IO, why, "%s: cannot be written", j->disk_path);
}
