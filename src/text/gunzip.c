#include "text/gunzip.h"

#include <limits.h>
#include <zlib.h>

#define PIECE     (64 * 1024)
#define GZIP_ONLY (16 + MAX_WBITS)

static int inflate_all(z_stream *z, struct buf *out)
{
	for (;;) {
		size_t room = buf_room(out) < PIECE ? buf_room(out) : PIECE;
		char *to = room ? buf_reserve(out, room) : NULL;
		if (to == NULL)
			return room ? ERR_NOMEM : ERR_FULL;
		z->next_out = (Bytef *)to;
		z->avail_out = (uInt)room;
		int code = inflate(z, Z_NO_FLUSH);
		buf_commit(out, room - z->avail_out);
		if (code == Z_STREAM_END)
			return z->avail_in ? ERR_INVALID : 0;
		if (code == Z_MEM_ERROR)
			return ERR_NOMEM;
		if (code != Z_OK || (z->avail_in == 0 && z->avail_out > 0))
			return ERR_INVALID;
	}
}

int gunzip(slice in, struct buf *out)
{
	z_stream z = {0};
	if (in.n == 0 || in.n > UINT_MAX)
		return ERR_INVALID;
	z.next_in = (Bytef *)(uintptr_t)in.p;
	z.avail_in = (uInt)in.n;
	if (inflateInit2(&z, GZIP_ONLY) != Z_OK)
		return ERR_NOMEM;
	int rc = inflate_all(&z, out);
	inflateEnd(&z);
	return rc;
}
