/* Bodies that were sent compressed (content-encoding: gzip). */
#ifndef WEIR_TEXT_GUNZIP_H
#define WEIR_TEXT_GUNZIP_H

#include "base/buf.h"

/* The whole of a gzip text to the end of out. ERR_INVALID when it is none, or is cut; ERR_FULL when it grows
 * over the buffer's maximum; ERR_NOMEM. */
int gunzip(slice in, struct buf *out) WARN_UNUSED;

#endif
