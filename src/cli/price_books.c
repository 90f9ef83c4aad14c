/* Price books of others, by file and by folder. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/price.h"
#include "finops/pricebook.h"

/* A file's bytes, mapped; n 0 and errno when it cannot be read. */
static slice map_file(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *p = MAP_FAILED;
	if (fd < 0)
		return SLICE_NONE;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= PRICEBOOK_TEXT_MAX)
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	else
		errno = st.st_size > PRICEBOOK_TEXT_MAX ? EFBIG : EINVAL;
	int why = errno;
	close(fd);
	errno = why;
	return p == MAP_FAILED ? SLICE_NONE : slice_make(p, (size_t)st.st_size);
}

/* of_folder: what is no price book is passed over. */
static int one_book(const struct price_query *q, const char *path, bool of_folder, price_book_fn *on_book,
                    void *arg)
{
	struct price_book b = {0};
	struct error e = {0};
	const char *name = strrchr(path, '/');
	char source[320];
	slice text = map_file(path);
	if (text.n == 0)
		return cli_fail(q->c, "%s cannot be read: %s", path, strerror(errno));
	snprintf(b.file, sizeof b.file, "%.255s", name ? name + 1 : path);
	snprintf(source, sizeof source, "%s", b.file);
	b.catalog = pricebook_catalog(text, slice_of(source), &b.format, &b.left_out, &e);
	munmap((void *)(uintptr_t)text.p, text.n);
	if (b.catalog == NULL && of_folder && e.code == ERR_INVALID)
		return EXIT_DONE;
	if (b.catalog == NULL && e.line)
		return cli_fail(q->c, "%s:%d:%d: %s", path, e.line, e.column, e.text);
	if (b.catalog == NULL)
		return cli_fail(q->c, "%s: %s", path, e.text);
	int status = on_book(arg, &b);
	catalog_unref(b.catalog);
	return status;
}

static int is_json(const struct dirent *d)
{
	size_t n = strlen(d->d_name);
	return n > 5 && strcmp(d->d_name + n - 5, ".json") == 0;
}

static int folder_of_books(const struct price_query *q, const char *folder, price_book_fn *on_book, void *arg)
{
	struct dirent **files;
	int status = EXIT_DONE, n = scandir(folder, &files, is_json, alphasort);
	if (n < 0)
		return cli_fail(q->c, "%s cannot be read: %s", folder, strerror(errno));
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX];
		int length = snprintf(path, sizeof path, "%s/%s", folder, files[i]->d_name);
		if (status == EXIT_DONE && length > 0 && (size_t)length < sizeof path)
			status = one_book(q, path, true, on_book, arg);
		free(files[i]);
	}
	free(files);
	return status;
}

int price_books(const struct price_query *q, price_book_fn *on_book, void *arg)
{
	int status = EXIT_DONE;
	for (size_t i = 0; status == EXIT_DONE && i < q->files_n; i++) {
		struct stat st;
		bool folder = stat(q->files[i], &st) == 0 && S_ISDIR(st.st_mode);
		status = folder ? folder_of_books(q, q->files[i], on_book, arg)
		                : one_book(q, q->files[i], false, on_book, arg);
	}
	return status;
}
