/* Lines: the same ones however the stream is cut. The first byte is how it is cut. */
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "text/lines.h"

#define MAX_LINE 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_line(void *arg, slice line)
{
	if (line.n == 0 || line.n > MAX_LINE || buf_append(arg, line) || buf_append(arg, SLICE("\n")))
		__builtin_trap();
}

static unsigned long long read_in(slice text, size_t step, struct buf *out)
{
	struct lines l;
	lines_init(&l, MAX_LINE);
	for (; text.n; text = slice_sub(text, step, text.n))
		lines_feed(&l, slice_sub(text, 0, step), on_line, out);
	lines_finish(&l, on_line, out);
	lines_release(&l);
	return l.skipped;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, cut;
	if (size < 1)
		return 0;
	slice text = slice_make((const char *)data + 1, size - 1);
	buf_init(&whole, 2 * size + 2);
	buf_init(&cut, 2 * size + 2);
	if (read_in(text, size, &whole) != read_in(text, 1u + data[0] % 16, &cut) ||
	    !slice_eq(buf_slice(&whole), buf_slice(&cut)))
		__builtin_trap();
	buf_release(&whole);
	buf_release(&cut);
	return 0;
}
