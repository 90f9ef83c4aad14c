/* Routing: a request line's target, a line for the method before it. A routed path is a part of the target,
 * and what is not under a known prefix is not routed. */
#include <stdint.h>
#include <stdlib.h>

#include "codec/registry.h"

#define ENSURE(condition)                                                                                    \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			__builtin_trap();                                                                    \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct headers none;
	char *copy = malloc(size ? size : 1);
	struct arena mem;
	struct target t;
	slice method;
	ENSURE(copy);
	if (size)
		memcpy(copy, data, size);
	slice path = slice_make(copy, size);
	arena_init(&mem, 1 << 16);
	slice_split(&path, '\n', &method);
	enum route_result r = registry_route(method, path, &none, &mem, &t);
	if (r == ROUTE_OK) {
		ENSURE(t.api < API_N && t.rest.n > 1 && t.rest.p[0] == '/');
		ENSURE(slice_find(t.rest, SLICE("/../")) < 0 && slice_find(t.rest, SLICE("//")) < 0);
		ENSURE(t.rest.p + t.rest.n == t.path.p + t.path.n);
		ENSURE(slice_starts(t.path, SLICE("/p/")) || slice_starts(t.path, SLICE("/v1/")) ||
		       slice_starts(t.path, SLICE("/v1beta/")) || slice_starts(t.path, SLICE("/model/")) ||
		       slice_starts(t.path, SLICE("/openai/")));
		ENSURE(t.model.n <= t.rest.n);
	}
	ENSURE(registry_refuser(path, &none) != NULL);
	arena_release(&mem);
	free(copy);
	return 0;
}
