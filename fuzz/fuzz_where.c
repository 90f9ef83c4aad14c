/* `where` out of any YAML: no crash, a fault or a rule and never both, and the same answer twice, for calls
 * of which everything is known and nothing. */
#include <stdint.h>
#include <stdlib.h>

#include "model/where.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fault(void *arg, const struct yaml_node *at, const char *message)
{
	if (at->line < 1 || at->column < 1 || *message == '\0')
		abort();
	++*(size_t *)arg;
}

static void budget(void *arg, const struct yaml_node *at, slice name)
{
	(void)arg;
	(void)at;
	if (name.p == NULL)
		abort();
}

static void ignore(void *arg, int line, int column, const char *message)
{
	(void)arg;
	(void)line;
	(void)column;
	(void)message;
}

static int64_t used(void *arg, slice name, const struct facts *f)
{
	(void)arg;
	(void)f;
	return (int64_t)name.n * 100000;
}

static void ask(const struct where *w)
{
	static const slice names[] = {SLICE("Bash"), SLICE("approved-git")};
	static const struct ci_proof ci = {
	    .diff_lines = 3500, .author = SLICE("ana"), .paths = SLICE("a\nb/c")};
	struct record r;
	record_init(&r);
	struct facts bare = {.record = &r};
	if (where_match(w, &bare) != where_match(w, &bare))
		abort();
	r.time_ms = INT64_C(1795559400000);
	for (int i = 0; i < ATTR_N; i++)
		r.who.v[i] = SLICE("main");
	r.who.v[ATTR_ENVIRONMENT] = SLICE("ci");
	r.who.v[ATTR_TAGS] = SLICE("{\"a\":\"1\",\"b\":\"\\u00e4\"}");
	for (int i = 0; i < TEXT_N; i++)
		r.text[i] = SLICE("main");
	struct facts full = {.record = &r,
	                     .ci = &ci,
	                     .tools = names,
	                     .tools_n = 2,
	                     .mcp_servers = names,
	                     .mcp_servers_n = 2,
	                     .budget_used = used};
	if (where_match(w, &full) != where_match(w, &full))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct yaml_node *root;
	struct arena mem;
	size_t faults = 0;
	arena_init(&mem, 16u << 20);
	if (yaml_read(slice_make(data, size), &mem, &root, ignore, NULL) == 0 && root) {
		struct where_source rows = {.key = "where",
		                            .rows_only = true,
		                            .fault = fault,
		                            .arg = &faults},
		                    any = {.key = "where", .fault = fault, .budget = budget, .arg = &faults};
		struct field_ref ref;
		const struct where *w = where_read(&rows, root, &mem);
		if ((w == NULL) != (faults > 0))
			abort();
		if (w)
			ask(w);
		faults = 0;
		w = where_read(&any, root, &mem);
		if ((w == NULL) != (faults > 0))
			abort();
		if (w)
			ask(w);
		faults = 0;
		if (where_read_field(&any, root, &mem, &ref) != (faults == 0))
			abort();
	}
	arena_release(&mem);
	return 0;
}
