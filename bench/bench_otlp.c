/* Telemetry read on one core: log records of Claude Code's calls into records of the ledger with their price,
 * and metric points, in both encodings; batches of 512, as exporters send them. */
#include "bench.h"

#include "base/buf.h"
#include "finops/otlp.h"

#define ITEMS  512
#define ROUNDS 40

struct work {
	enum otlp_signal signal;
	bool protobuf;
	slice body;
	struct import_options o;
	size_t calls;
	struct otlp_counts n;
};

static int on_call(void *arg, const struct record *r)
{
	(void)r;
	++*(size_t *)arg;
	return 0;
}

static void read_all(void *arg)
{
	struct work *w = arg;
	for (int i = 0; i < ROUNDS; i++) {
		struct arena mem;
		arena_init(&mem, (size_t)32 << 20);
		if (otlp_read(w->signal, w->protobuf, w->body, &w->o, &mem, &w->n))
			exit(1);
		arena_release(&mem);
	}
}

/* --- bodies ------------------------------------------------------------------------------------------ */

static const struct {
	const char *key, *value;
} attributes[] = {
    {"event.name", "api_request"},
    {"event.timestamp", "2026-11-24T10:00:00.000Z"},
    {"session.id", "c0ffee00-0000-4000-8000-000000000001"},
    {"user.id", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
    {"organization.id", "7b6f1c0e-8f4a-4f0e-9c53-2d0f5a1b7c11"},
    {"user.email", "ana@example.com"},
    {"terminal.type", "vscode"},
    {"model", "claude-opus-4-6"},
    {"cost_usd", "0.0123"},
    {"duration_ms", "4321"},
    {"input_tokens", "12"},
    {"output_tokens", "345"},
    {"cache_read_tokens", "60000"},
    {"cache_creation_tokens", "789"},
    {"query_source", "main"},
};
#define ATTRIBUTES (sizeof attributes / sizeof attributes[0])

static void put(struct buf *b, slice s)
{
	if (buf_append(b, s))
		exit(1);
}

static void put_z(struct buf *b, const char *z)
{
	put(b, slice_of(z));
}

static void json_item(struct buf *b, enum otlp_signal signal, int at)
{
	put_z(b, at ? ",{" : "{");
	if (signal == OTLP_LOGS && buf_printf(b, "\"timeUnixNano\":\"1790000000%09d\",", at))
		exit(1);
	put_z(b, "\"attributes\":[");
	for (size_t k = 0; k < ATTRIBUTES; k++)
		if (buf_printf(b, "%s{\"key\":\"%s\",\"value\":{\"stringValue\":\"%s\"}}", k ? "," : "",
		               attributes[k].key, attributes[k].value))
			exit(1);
	if (signal == OTLP_LOGS &&
	    buf_printf(b, ",{\"key\":\"request_id\",\"value\":{\"stringValue\":\"req_%d\"}}", at))
		exit(1);
	put_z(b, signal == OTLP_LOGS ? "]}" : "],\"asInt\":\"5\"}");
}

static void json_body(struct buf *b, enum otlp_signal signal)
{
	put_z(b, signal == OTLP_LOGS ? "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":["
	                             : "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":"
	                               "\"claude_code.token.usage\",\"sum\":{\"dataPoints\":[");
	for (int i = 0; i < ITEMS; i++)
		json_item(b, signal, i);
	put_z(b, signal == OTLP_LOGS ? "]}]" : "]}}]}]");
	put_z(b, ",\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":"
	         "\"claude-code\"}}]}}]}");
}

static void varint(struct buf *b, size_t n)
{
	for (; n > 127; n >>= 7)
		put(b, slice_make(&(char){(char)((n & 127) | 128)}, 1));
	put(b, slice_make(&(char){(char)n}, 1));
}

static void field(struct buf *b, unsigned number, slice bytes)
{
	varint(b, number * 8 + 2);
	varint(b, bytes.n);
	put(b, bytes);
}

static void pair(struct buf *to, unsigned number, const char *key, const char *value)
{
	struct buf v, kv;
	buf_init(&v, 1 << 12);
	buf_init(&kv, 1 << 12);
	field(&v, 1, slice_of(value));
	field(&kv, 1, slice_of(key));
	field(&kv, 2, buf_slice(&v));
	field(to, number, buf_slice(&kv));
	buf_release(&v);
	buf_release(&kv);
}

/* Puts what is in *b into a field of its own. */
static void wrap(struct buf *b, unsigned number)
{
	struct buf outer;
	buf_init(&outer, b->max);
	field(&outer, number, buf_slice(b));
	buf_release(b);
	*b = outer;
}

static void protobuf_body(struct buf *b, enum otlp_signal signal)
{
	bool logs = signal == OTLP_LOGS;
	for (int i = 0; i < ITEMS; i++) {
		struct buf item;
		char request[32];
		buf_init(&item, 1 << 16);
		put(&item, slice_make("\x09\x00\x00\x64\xa7\xb3\xb6\xd7\x18", 9));
		for (size_t k = 0; k < ATTRIBUTES; k++)
			pair(&item, logs ? 6 : 7, attributes[k].key, attributes[k].value);
		snprintf(request, sizeof request, "req_%d", i);
		if (logs)
			pair(&item, 6, "request_id", request);
		field(b, logs ? 2 : 1, buf_slice(&item));
		buf_release(&item);
	}
	if (!logs) {
		struct buf metric;
		buf_init(&metric, b->max);
		field(&metric, 1, SLICE("claude_code.token.usage"));
		field(&metric, 7, buf_slice(b));
		buf_release(b);
		*b = metric;
		wrap(b, 2);
	}
	wrap(b, 2);
	struct buf resource;
	buf_init(&resource, 1 << 12);
	pair(&resource, 1, "service.name", "claude-code");
	field(b, 1, buf_slice(&resource));
	buf_release(&resource);
	wrap(b, 1);
}

static void row(struct bench *b, const char *name, enum otlp_signal signal, bool protobuf,
                const struct catalog *catalog)
{
	struct buf body;
	struct work w = {.signal = signal, .protobuf = protobuf};
	buf_init(&body, 16 << 20);
	if (protobuf)
		protobuf_body(&body, signal);
	else
		json_body(&body, signal);
	w.body = buf_slice(&body);
	w.o = (struct import_options){.catalog = catalog, .on_call = on_call, .arg = &w.calls};
	double took = bench_best(5, read_all, &w);
	if (signal == OTLP_LOGS ? w.calls != 5 * ITEMS * ROUNDS : w.n.points != 5 * ITEMS * ROUNDS)
		exit(1);
	bench_cell(b, 0, "%s", name);
	bench_cell(b, 1, "%.0f", ITEMS * ROUNDS / took);
	bench_cell(b, 2, "%.0f", (double)w.body.n / ITEMS);
	bench_row(b);
	buf_release(&body);
}

int main(void)
{
	static struct bench b;
	struct error e = {0};
	struct catalog *catalog = catalog_builtin(&e);
	if (catalog == NULL) {
		fprintf(stderr, "bench: %s\n", e.text);
		return 1;
	}
	bench_begin(&b, "otlp", "Telemetry read on one core", "", "body", "a second", "bytes each", NULL);
	row(&b, "calls, JSON", OTLP_LOGS, false, catalog);
	row(&b, "calls, protobuf", OTLP_LOGS, true, catalog);
	row(&b, "points, JSON", OTLP_METRICS, false, catalog);
	row(&b, "points, protobuf (only counted)", OTLP_METRICS, true, catalog);
	catalog_unref(catalog);
	return bench_end(&b);
}
