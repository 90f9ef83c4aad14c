#include "gateway/learnt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/files.h"

#define EVERY_US (INT64_C(60) * 1000 * 1000)
#define FILE_MAX ((size_t)4 * 1024 * 1024)

void learnt_open(struct learnt_file *f, struct predictor *p, slice journal, struct log *log)
{
	struct error e = {0};
	size_t n = 0;
	memset(f, 0, sizeof *f);
	f->p = p;
	f->log = log;
	snprintf(f->path, sizeof f->path, SLICE_FMT ".learnt", SLICE_ARG(journal));
	if (access(f->path, F_OK) != 0)
		return;
	char *saved = files_read(slice_of(f->path), FILE_MAX, &n, &e);
	if (!saved || predictor_load(p, slice_make(saved, n)))
		log_event(
		    log, LOG_WARN, "learnt.unreadable", LOG_Z("file", f->path),
		    LOG_Z("message", "what was learnt of models' tokens cannot be read; it is learnt anew"));
	free(saved);
}

static bool write_all(int fd, slice bytes)
{
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);
		if (n < 0 && errno != EINTR)
			return false;
		bytes = slice_sub(bytes, n > 0 ? (size_t)n : 0, bytes.n);
	}
	return true;
}

/* Whole or not at all: under another name first. */
static bool replace(const char *path, slice bytes)
{
	char beside[4200];
	snprintf(beside, sizeof beside, "%s.new", path);
	int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	bool ok = write_all(fd, bytes);
	ok = close(fd) == 0 && ok;
	if (ok && rename(beside, path) == 0)
		return true;
	unlink(beside);
	return false;
}

static void save(struct learnt_file *f)
{
	struct predictor_stats stats;
	struct buf bytes;
	predictor_stats(f->p, &stats);
	if (stats.learnt == f->saved)
		return;
	buf_init(&bytes, FILE_MAX);
	if (predictor_save(f->p, &bytes) || !replace(f->path, buf_slice(&bytes)))
		log_event(f->log, LOG_WARN, "learnt.unwritten", LOG_Z("file", f->path),
		          LOG_Z("message",
		                "what was learnt of models' tokens cannot be kept; it will be learnt "
		                "anew after a restart"));
	else
		f->saved = stats.learnt;
	buf_release(&bytes);
}

void learnt_turn(struct learnt_file *f, int64_t now_us)
{
	if (f->p == NULL || now_us < f->due_us)
		return;
	bool first = f->due_us == 0;
	f->due_us = now_us + EVERY_US;
	if (!first)
		save(f);
}

void learnt_close(struct learnt_file *f)
{
	if (f->p)
		save(f);
}
