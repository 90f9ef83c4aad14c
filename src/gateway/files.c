#include "gateway/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

char *files_read(slice path, size_t max, size_t *n, struct error *e)
{
	char name[4096];
	if (path.n >= sizeof name) {
		error_set(e, ERR_INVALID, "file name too long");
		return NULL;
	}
	memcpy(name, path.p, path.n);
	name[path.n] = '\0';
	FILE *f = fopen(name, "rbe");
	char *data = f ? malloc(max + 1) : NULL;
	size_t got = data ? fread(data, 1, max + 1, f) : 0;
	if (f == NULL || data == NULL || ferror(f)) {
		error_errno(e, ERR_IO, errno, "cannot read %s", name);
	} else if (got > max) {
		error_set(e, ERR_FULL, "%s is larger than %zu bytes", name, max);
	} else {
		fclose(f);
		data[got] = '\0';
		if (n)
			*n = got;
		return data;
	}
	if (f)
		fclose(f);
	free(data);
	return NULL;
}
