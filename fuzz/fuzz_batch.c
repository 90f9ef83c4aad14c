/* What is read of message batches: a form with a file, requests, a state, a line of results. Whatever is
 * found lies in the text. The first byte chooses. */
#include <stdint.h>

#include "gateway/batch_text.h"
#include "text/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void within(slice part, slice text)
{
	if (part.n && (part.p < text.p || part.p + part.n > text.p + text.n))
		__builtin_trap();
}

static int on_item(void *arg, const struct batch_item *item, struct error *e)
{
	(void)e;
	within(item->body, *(slice *)arg);
	return 0;
}

static void read_form(slice text)
{
	slice content;
	if (multipart_part(text, SLICE("b"), SLICE("file"), &content))
		within(content, text);
	within(multipart_boundary(text), text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct batch_result l;
	struct batch_status st;
	struct error e = {0};
	struct arena mem;
	if (size < 1)
		return 0;
	slice text = slice_make((const char *)data + 1, size - 1);
	arena_init(&mem, 1 << 16);
	int rc = 0;
	switch (data[0] % 5) {
	case 0:
		read_form(text);
		break;
	case 1:
		rc = batch_items(text, on_item, &text, &e);
		break;
	case 2:
		rc = batch_item_line(text, on_item, &text, &e);
		break;
	case 3:
		batch_read_status(text, &st);
		break;
	default:
		if (batch_read_result(text, &mem, &l))
			within(l.body, text);
	}
	if (rc > 0)
		__builtin_trap();
	arena_release(&mem);
	return 0;
}
