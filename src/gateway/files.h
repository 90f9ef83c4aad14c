/* Small files read whole. */
#ifndef WEIR_GATEWAY_FILES_H
#define WEIR_GATEWAY_FILES_H

#include "base/err.h"
#include "base/slice.h"

/* The file's bytes and a NUL, to be freed by the caller; NULL and *e when it can't be read or is larger than
 * max. *n may be NULL. */
char *files_read(slice path, size_t max, size_t *n, struct error *e);

#endif
