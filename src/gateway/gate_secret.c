#include "gateway/gate_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"

/* Beside the journal, which is beside the store unless the settings say otherwise. */
static bool file_name(const struct settings *s, char out[4096])
{
	slice base = s->journal;
	if (slice_ends(base, SLICE(".journal")))
		base.n -= 8;
	int n = snprintf(out, 4096, SLICE_FMT ".gate-secret", SLICE_ARG(base));
	return n > 0 && n < 4096;
}

/* Under another name first, so that no other process reads half of it; whoever is first makes it. */
static int make(const char *path, struct error *e)
{
	char fresh[4200];
	uint8_t secret[TRUST_SECRET_BYTES];
	snprintf(fresh, sizeof fresh, "%s.%ld", path, (long)getpid());
	int r = crypto_random(secret, sizeof secret);
	int fd = r ? -1 : open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool good = fd >= 0 && write(fd, secret, sizeof secret) == (ssize_t)sizeof secret && fsync(fd) == 0;
	int saved = errno;
	if (fd >= 0)
		close(fd);
	crypto_zero(secret, sizeof secret);
	if (good && link(fresh, path) != 0 && errno != EEXIST) {
		good = false;
		saved = errno;
	}
	unlink(fresh);
	return good ? 0 : error_errno(e, ERR_IO, saved, "the gate's secret cannot be kept in %s", path);
}

static int read_file(const char *path, uint8_t out[TRUST_SECRET_BYTES], struct error *e)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT
		           ? ERR_NOT_FOUND
		           : error_errno(e, ERR_IO, errno, "the gate's secret %s cannot be read", path);
	bool whole = fstat(fd, &st) == 0 && read(fd, out, TRUST_SECRET_BYTES) == TRUST_SECRET_BYTES;
	close(fd);
	if (!whole)
		return error_set(e, ERR_IO,
		                 "the gate's secret %s is not whole: delete it, and a new one is made", path);
	if (st.st_mode & 077)
		return error_set(
		    e, ERR_REFUSED,
		    "others than its owner can read the gate's secret %s: chmod 600 it, or delete "
		    "it and a new one is made",
		    path);
	return 0;
}

int gate_secret_read(const struct settings *s, uint8_t out[TRUST_SECRET_BYTES], struct error *e)
{
	char path[4096];
	if (s->gate_secret.n)
		return crypto_hmac_sha256(s->gate_secret, SLICE("weir gate token"), out)
		           ? error_set(e, ERR_IO, "the gate's secret cannot be used")
		           : 0;
	if (!file_name(s, path))
		return error_set(e, ERR_RANGE, "the name of the journal is too long");
	int r = read_file(path, out, e);
	if (r == ERR_NOT_FOUND) {
		r = make(path, e);
		if (r == 0)
			r = read_file(path, out, e);
	}
	return r;
}
