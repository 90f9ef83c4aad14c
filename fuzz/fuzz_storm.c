/* The storm detector: whatever calls and results come, its counts stay in their bounds, the words for a human
 * are one line of limited length, and the same input gives the same finding. Each line is an item: `c` a
 * call, `r` a result, `e` a result that failed, `m` more of a result, `u` a user's words, `x` a compaction;
 * then the call's id (a character), the tool's name up to a space, and the text. An empty line ends a
 * request. */
#include <stdint.h>
#include <string.h>

#include "policy/storm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void give(struct storm_reading *r, slice line)
{
	char kind = line.p[0];
	struct body_item it = {0};
	ptrdiff_t space = slice_find_char(line, ' ');
	size_t name_end = space < 2 ? line.n : (size_t)space;
	slice text = slice_sub(line, name_end + 1, line.n);
	if (kind == 'x') {
		storm_compacted(r);
		return;
	}
	it.kind = kind == 'c' ? ITEM_TOOL_CALL : kind == 'u' ? ITEM_USER_TEXT : ITEM_TOOL_RESULT;
	it.call_id = body_literal(slice_sub(line, 1, 2));
	it.name = body_literal(slice_sub(line, 2, name_end));
	if (kind == 'c' && text.n && text.p[0] == '{')
		it.json = text;
	else
		it.text = body_literal(text);
	it.more = kind == 'm';
	it.is_error = kind == 'e';
	storm_item(r, &it, it.kind != ITEM_TOOL_CALL || it.name.raw.n != 1);
}

/* The last finding; true when there was one. */
static bool watch(slice text, struct storm_state *s, struct storm_finding *last)
{
	struct storm_reading r;
	struct storm_facts facts = {0};
	struct storm_finding f;
	int64_t at = 0;
	bool any = false;
	memset(s, 0, sizeof *s);
	storm_begin(&r, s, 0, 0);
	for (;;) {
		ptrdiff_t end = slice_find_char(text, '\n');
		slice line = end < 0 ? text : slice_sub(text, 0, (size_t)end);
		if (line.n)
			give(&r, line);
		if (line.n == 0 || end < 0) {
			if (storm_end(&r, &storm_limits_usual, &facts, &f)) {
				any = true;
				*last = f;
				storm_lift(s, f.signal, (unsigned)f.count);
			}
			at += 7000;
			storm_begin(&r, s, at, at * 1000);
		}
		if (s->waiting_n > STORM_WAITING || s->from > s->n)
			__builtin_trap();
		if (end < 0)
			return any;
		text = slice_sub(text, (size_t)end + 1, text.n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct storm_state one, two;
	struct storm_finding f = {0}, g = {0};
	slice text = slice_make((const char *)data, size);
	char sentence[512];
	bool found = watch(text, &one, &f);
	if (found != watch(text, &two, &g) || one.n != two.n || one.reads != two.reads ||
	    f.signal != g.signal || f.count != g.count)
		__builtin_trap();
	if (!found)
		return 0;
	storm_sentence(&f, sentence, sizeof sentence);
	if (f.count == 0 || strlen(f.what) > STORM_WHAT_MAX || strlen(sentence) >= sizeof sentence ||
	    strchr(sentence, '\n') != NULL)
		__builtin_trap();
	return 0;
}
