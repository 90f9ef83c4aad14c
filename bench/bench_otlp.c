/* Telemetry read on one core: log records of Claude Code's calls into records of the ledger with their price,
 * and metric points, in both encodings; batches of 512, as exporters send them. */
#include "bench.h"

#include "base/buf.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/crypto.h"
#include "finops/otlp_meter.h"

#define ITEMS  512
#define ROUNDS 40

/* What is booked goes the way of the gateway's intake: looked up, added, a transaction for each body. */
struct work {
	enum otlp_signal signal;
	bool protobuf, booked;
	slice body;
	struct import_options o;
	uint64_t given;
	struct otlp_counts n;
	const struct ledger_ops *ops;
	struct ledger *ledger;
	struct otlp_meters *meters;
};

static void must(int rc, const struct error *e)
{
	if (rc) {
		fprintf(stderr, "bench: %s\n", e->text);
		exit(1);
	}
}

/* Each call another one. */
static int on_call(void *arg, const struct record *told)
{
	struct work *w = arg;
	struct record r = *told;
	struct error e = {0};
	char key[32], source[64];
	uint8_t hash[CRYPTO_SHA256_BYTES] = {0};
	w->given++;
	if (!w->booked)
		return 0;
	memcpy(hash, &w->given, sizeof w->given);
	int n = snprintf(key, sizeof key, "req_%llu", (unsigned long long)w->given);
	r.text[TEXT_CALL_KEY] = slice_make(key, (size_t)n);
	r.time_ms += (int64_t)w->given * 10;
	r.usage.m[METER_OUTPUT] = 1 + (int64_t)(w->given * 7919 % 4000);
	crypto_id_of(r.time_ms, hash, r.id);
	must(w->ops->same_call(w->ledger, &r, source, sizeof source, &e), &e);
	if (source[0] == '\0')
		must(w->ops->add(w->ledger, &r, &e), &e);
	return 0;
}

/* Each point a later one of its series. */
static int on_point(void *arg, const struct record *r, const struct otlp_point *told)
{
	struct work *w = arg;
	struct otlp_point p = *told;
	struct error e = {0};
	bool added = true;
	w->given++;
	if (!w->booked)
		return 0;
	p.time_ns += (int64_t)w->given * 1000;
	p.series += (int64_t)(w->given % ITEMS);
	must(otlp_meters_take(w->meters, w->ops, w->ledger, r, &p, &added, &e), &e);
	return added ? 0 : ERR_INVALID;
}

static void read_all(void *arg)
{
	struct work *w = arg;
	for (int i = 0; i < ROUNDS; i++) {
		struct arena mem;
		struct error e = {0};
		arena_init(&mem, (size_t)32 << 20);
		if (w->booked)
			must(w->ops->begin(w->ledger, &e), &e);
		if (otlp_read(w->signal, w->protobuf, w->body, &w->o, &mem, &w->n))
			exit(1);
		if (w->booked) {
			must(otlp_meters_flush(w->meters, w->ops, w->ledger, &e), &e);
			must(w->ops->commit(w->ledger, &e), &e);
		}
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
    {"type", "output"},
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
	put_z(b, signal == OTLP_LOGS ? "]}" : "],\"timeUnixNano\":\"1790000000000000000\",\"asInt\":\"5\"}");
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
		put(&item, slice_make(logs ? "\x09\x00\x00\x64\xa7\xb3\xb6\xd7\x18"
		                           : "\x19\x00\x00\x64\xa7\xb3\xb6\xd7\x18",
		                      9));
		if (!logs) /* as_int */
			put(&item, slice_make("\x31\x05\x00\x00\x00\x00\x00\x00\x00", 9));
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

static double cpu_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The least processor time of five runs, and the least time on the clock. */
static void measure(struct work *w, double *cpu, double *wall)
{
	for (int i = 0; i < 5; i++) {
		double from = cpu_now(), at = bench_now();
		read_all(w);
		double c = cpu_now() - from, t = bench_now() - at;
		*cpu = i == 0 || c < *cpu ? c : *cpu;
		*wall = i == 0 || t < *wall ? t : *wall;
	}
}

static void row(struct bench *b, const char *name, const struct work *like)
{
	struct buf body;
	struct work w = *like;
	char path[] = "/tmp/weir-bench-XXXXXX", file[64];
	struct error e = {0};
	slice rest;
	buf_init(&body, 16 << 20);
	if (w.protobuf)
		protobuf_body(&body, w.signal);
	else
		json_body(&body, w.signal);
	w.body = buf_slice(&body);
	w.o.on_call = on_call;
	w.o.on_point = on_point;
	w.o.arg = &w;
	w.ops = ledger_for(SLICE("sqlite:x"), &rest, &e);
	w.meters = otlp_meters_new(1);
	if (mkdtemp(path) == NULL || w.meters == NULL)
		exit(1);
	snprintf(file, sizeof file, "%s/weir.db", path);
	must(w.ops->open(file, true, &w.ledger, &e), &e);
	double cpu, wall;
	measure(&w, &cpu, &wall);
	if (w.given != 5 * ITEMS * ROUNDS)
		exit(1);
	bench_cell(b, 0, "%s", name);
	bench_cell(b, 1, "%.0f", ITEMS * ROUNDS / cpu);
	bench_cell(b, 2, "%.0f", ITEMS * ROUNDS / wall);
	bench_cell(b, 3, "%.0f", (double)w.body.n / ITEMS);
	bench_row(b);
	w.ops->close(w.ledger);
	otlp_meters_free(w.meters);
	static const char *const endings[] = {"", "-wal", "-shm"};
	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
		char gone[80];
		snprintf(gone, sizeof gone, "%s%s", file, endings[i]);
		unlink(gone);
	}
	rmdir(path);
	buf_release(&body);
}

int main(void)
{
	static struct bench b;
	struct error e = {0};
	struct catalog *catalog = catalog_builtin(&e);
	must(catalog ? 0 : ERR_INVALID, &e);
	static const struct {
		const char *name;
		struct work work;
	} rows[] = {
	    {"metric points, JSON", {.signal = OTLP_METRICS}},
	    {"metric points, protobuf", {.signal = OTLP_METRICS, .protobuf = true}},
	    {"metric points, protobuf, into the ledger",
	     {.signal = OTLP_METRICS, .protobuf = true, .booked = true}},
	    {"calls, JSON", {.signal = OTLP_LOGS}},
	    {"calls, protobuf", {.signal = OTLP_LOGS, .protobuf = true}},
	    {"calls, protobuf, into the ledger", {.signal = OTLP_LOGS, .protobuf = true, .booked = true}},
	};
	bench_begin(&b, "otlp", "Telemetry on one core", "", "what", "a second of one core", "a second here",
	            "bytes each", NULL);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct work w = rows[i].work;
		w.o.catalog = catalog;
		row(&b, rows[i].name, &w);
	}
	catalog_unref(catalog);
	return bench_end(&b);
}
