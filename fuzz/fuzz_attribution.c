/* What anyone may send about himself. The first byte chooses; the rest is the input.
 *   r  attribution_repo: no user, no password, at most the cap, and its own fixed point
 *   t  attr_tags: valid JSON within the cap         c  attr_clean: its own fixed point
 *   b  a body's texts, read for every agent         h  headers, "name: value" lines */
#include <stdlib.h>

#include "model/attr_text.h"
#include "policy/attribution.h"
#include "text/json.h"

#define ENSURE(condition)                                                                                    \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			__builtin_trap();                                                                    \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_repo(slice in, struct arena *mem)
{
	slice repo = attribution_repo(in, mem);
	ENSURE(repo.n <= ATTR_TEXT_MAX);
	if (repo.n == 0)
		return;
	ptrdiff_t host = slice_find_char(repo, '/');
	ENSURE(host > 0 && slice_find_char(slice_sub(repo, 0, (size_t)host), '@') < 0);
	ENSURE(slice_find_char(slice_sub(repo, 0, (size_t)host), ':') < 0);
}

static void fuzz_tags(slice in, struct arena *mem)
{
	struct attr_tags t;
	size_t at;
	attr_tags_init(&t);
	attr_tags_read(&t, in);
	slice json = attr_tags_json(&t, mem);
	ENSURE(json.n <= ATTR_TEXT_MAX);
	if (json.n == 0)
		return;
	ENSURE(json_validate(json, &at) == NULL);
	struct attr_tags again; /* what was written reads back to the same */
	attr_tags_init(&again);
	ENSURE(attr_tags_read(&again, json));
	ENSURE(slice_eq(attr_tags_json(&again, mem), json));
}

static void fuzz_clean(slice in, struct arena *mem)
{
	slice once = attr_clean(in, mem);
	ENSURE(once.n <= ATTR_TEXT_MAX);
	ENSURE(slice_eq(attr_clean(once, mem), once));
}

static void read_all(const struct headers *h, const struct request_view *v, struct arena *mem)
{
	struct attribution_in in = {.headers = h, .view = v};
	struct attribution out;
	attribution_read(&in, mem, &out);
	for (int a = 0; a < ATTR_N; a++)
		ENSURE(out.v[a].n <= ATTR_TEXT_MAX);
	ENSURE(!slice_eq_nocase(out.v[ATTR_ENVIRONMENT], SLICE("ci")));
}

static void fuzz_body(slice in, struct arena *mem)
{
	struct header agent = {SLICE("originator"), SLICE("codex_exec")};
	struct headers h = {&agent, 1};
	struct request_view v = {.system = in, .messages = in, .client_metadata = in};
	read_all(&h, &v, mem);
}

static void fuzz_headers(slice in, struct arena *mem)
{
	struct header at[32];
	struct headers h = {at, 0};
	slice line, name;
	while (h.n < 32 && in.n && slice_split(&in, '\n', &line)) {
		slice_split(&line, ':', &name);
		at[h.n++] = (struct header){name, slice_trim(line)};
	}
	read_all(&h, NULL, mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		char name;
		void (*run)(slice in, struct arena *mem);
	} targets[] = {
	    {'r', fuzz_repo}, {'t', fuzz_tags}, {'c', fuzz_clean}, {'b', fuzz_body}, {'h', fuzz_headers},
	};
	for (size_t i = 0; size && i < sizeof targets / sizeof targets[0]; i++)
		if (targets[i].name == (char)data[0]) {
			struct arena mem;
			char *exact = malloc(size); /* so that a byte read beyond the end is seen */
			ENSURE(exact);
			memcpy(exact, data, size);
			arena_init(&mem, 1 << 20);
			targets[i].run(slice_make(exact + 1, size - 1), &mem);
			arena_release(&mem);
			free(exact);
		}
	return 0;
}
