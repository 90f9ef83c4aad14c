/* CSV: each record has a field, no field reaches beyond the text or what was made of it, and fields written
 * with quotes around them read back as they were. */
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "text/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_field(struct buf *out, slice s)
{
	int rc = buf_append(out, SLICE("\""));
	for (size_t i = 0; i < s.n && rc == 0; i++)
		rc = buf_append(out, s.p[i] == '"' ? SLICE("\"\"") : slice_sub(s, i, i + 1));
	if (rc || buf_append(out, SLICE("\"")))
		__builtin_trap();
}

/* The record, written again and read again, is the same. */
static void same_again(const struct csv_record *r)
{
	struct arena mem;
	struct buf text;
	struct csv c;
	static struct csv_record again;
	buf_init(&text, (size_t)16 << 20);
	arena_init(&mem, (size_t)16 << 20);
	for (size_t i = 0; i < r->n; i++) {
		if (i && buf_append(&text, SLICE(",")))
			__builtin_trap();
		write_field(&text, r->field[i]);
	}
	csv_init(&c, buf_slice(&text));
	c.separator = ',';
	if (r->n > 1 || r->field[0].n) {
		if (!csv_next(&c, &mem, &again) || again.n != r->n || again.fault)
			__builtin_trap();
		for (size_t i = 0; i < r->n; i++)
			if (!slice_eq(r->field[i], again.field[i]))
				__builtin_trap();
	}
	arena_release(&mem);
	buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct csv_record r;
	struct arena mem;
	struct csv c;
	size_t line = 0;
	arena_init(&mem, (size_t)16 << 20);
	csv_init(&c, slice_make(data, size));
	while (csv_next(&c, &mem, &r)) {
		if (r.n == 0 || c.line <= line)
			__builtin_trap();
		line = c.line;
		same_again(&r);
	}
	arena_release(&mem);
	return 0;
}
