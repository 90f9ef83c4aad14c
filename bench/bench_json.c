/* The body reader against cJSON: how fast a request body is read and validated (grammar, UTF-8, escapes,
 * numbers).
 *
 * usage: bench_json [FILE...]
 *
 * The bodies are shaped like those of a coding agent: the tools, then turns of tool calls and
 * tool results. What the results hold makes the kinds: source files (this repository's own, so run it from
 * its top folder), JSON inside a JSON string, text with 38 % of its bytes outside ASCII. FILEs, JSON each,
 * are measured too. The two readers take turns, and each figure is the median over the runs. */
#include "bench.h"

#include <cjson/cJSON.h>
#include <glob.h>

#include "base/buf.h"
#include "text/json.h"
#include "text/jsonw.h"

enum { RUNS = 15, BODY = 300 * 1000, MAX_KINDS = 32 };
#define RUN_SECONDS 0.02

struct kind {
	const char *name;
	const char *target; /* GB/s to reach */
	struct buf body;
	double weir, cjson; /* GB/s */
};

static void die(const char *what)
{
	fprintf(stderr, "bench_json: %s\n", what);
	exit(1);
}

static struct buf read_file(const char *path)
{
	struct buf b;
	char part[65536];
	size_t n;
	FILE *f = fopen(path, "rb");
	buf_init(&b, 256 << 20);
	if (!f)
		die(path);
	while ((n = fread(part, 1, sizeof part, f)) > 0)
		if (buf_append(&b, slice_make(part, n)) < 0)
			die("out of memory");
	fclose(f);
	return b;
}

/* --- what tool results hold; each gives the text of turn number i
 * ---------------------------------------------------- */

static struct buf code_text(size_t i)
{
	glob_t g;
	if (glob("src/*/*.[ch]", 0, NULL, &g) != 0)
		die("no src/*/*.c here: run it from the top folder of the repository");
	struct buf text = read_file(g.gl_pathv[i % g.gl_pathc]);
	globfree(&g);
	return text;
}

/* A listing as an API gives it, which in a string has an escape every six bytes. */
static struct buf json_text(size_t i)
{
	struct buf text;
	struct jsonw w;
	buf_init(&text, 1 << 20);
	jsonw_init(&w, &text);
	jsonw_array(&w);
	for (size_t k = 0; k < 60; k++) {
		jsonw_object(&w);
		jsonw_put_i64(&w, SLICE("id"), (int64_t)(i * 7919 + k * 104729));
		jsonw_put_string(&w, SLICE("path"), SLICE("src/gateway/exchange.c"));
		jsonw_put_string(&w, SLICE("kind"), SLICE("file"));
		jsonw_put_string(&w, SLICE("line"), SLICE("\tif (n < 0)\n\t\treturn \"no\";\n"));
		jsonw_put_bool(&w, SLICE("ok"), true);
		jsonw_object_end(&w);
	}
	jsonw_array_end(&w);
	if (jsonw_end(&w) < 0)
		die("out of memory");
	return text;
}

/* Code and prose of several scripts: characters of 2, 3 and 4 bytes, mixed with ASCII so that 38 % of the
 * bytes of the whole body are not ASCII. */
static struct buf world_text(size_t i)
{
	static const char *const world[] = {
	    "// Возвращает остаток бюджета для команды\n",
	    "# 予算の残りを返す。上限を超えた呼び出しは拒否される\n",
	    "超出预算的请求会被拒绝，并说明原因\n",
	    "Die Prüfung läuft über alle Zähler; größere Beträge werden gerundet.\n",
	    "✅ done in 3 turns 🚀 ⚠️ retried once\n",
	    "예산이 초과되면 요청이 거부됩니다\n",
	};
	static const char *const ascii[] = {
	    "long left(struct budget *b, int team) { return b->limit; }\n",
	    "\tfor (size_t i = 0; i < n; i++)\n\t\tsum += at[i].cost_nanousd;\n",
	    "return errors.New(\"budget exceeded, ask your platform team\")\n",
	};
	struct buf text;
	size_t high = 0, all = 1;
	buf_init(&text, 1 << 20);
	for (size_t k = i; k < i + 120; k++) {
		bool more = high * 1000 < all * 415; /* the frame around it is ASCII */
		slice line = slice_of(more ? world[k % (sizeof world / sizeof world[0])]
		                           : ascii[k % (sizeof ascii / sizeof ascii[0])]);
		for (size_t c = 0; c < line.n; c++)
			high += (unsigned char)line.p[c] >= 0x80;
		all += line.n;
		if (buf_append(&text, line) < 0)
			die("out of memory");
	}
	return text;
}

/* Nothing at all: the body is then structure, short strings and numbers. */
static struct buf no_text(size_t i)
{
	struct buf text;
	(void)i;
	buf_init(&text, 64);
	return text;
}

/* --- the body around it
 * --------------------------------------------------------------------------------------------- */

static void put_tool(struct jsonw *w, const char *name)
{
	static const char *const params[] = {"file_path", "offset", "limit", "pattern"};
	jsonw_object(w);
	jsonw_put_string(w, SLICE("name"), slice_of(name));
	jsonw_put_string(
	    w, SLICE("description"),
	    SLICE("Reads a file from the local file system.\n\nUsage:\n- The \"file_path\" is absolute."));
	jsonw_key(w, SLICE("input_schema"));
	jsonw_object(w);
	jsonw_put_string(w, SLICE("type"), SLICE("object"));
	jsonw_key(w, SLICE("properties"));
	jsonw_object(w);
	for (size_t i = 0; i < sizeof params / sizeof params[0]; i++) {
		jsonw_key(w, slice_of(params[i]));
		jsonw_object(w);
		jsonw_put_string(w, SLICE("type"), i == 0 || i == 3 ? SLICE("string") : SLICE("number"));
		jsonw_put_string(w, SLICE("description"), SLICE("What to read"));
		jsonw_object_end(w);
	}
	jsonw_object_end(w);
	jsonw_put_bool(w, SLICE("additionalProperties"), false);
	jsonw_object_end(w);
	jsonw_object_end(w);
}

static void put_turn(struct jsonw *w, size_t i, slice text)
{
	char id[32];
	int n = snprintf(id, sizeof id, "toolu_%012zu", i);
	jsonw_object(w);
	jsonw_put_string(w, SLICE("role"), SLICE("assistant"));
	jsonw_key(w, SLICE("content"));
	jsonw_array(w);
	jsonw_object(w);
	jsonw_put_string(w, SLICE("type"), SLICE("tool_use"));
	jsonw_put_string(w, SLICE("id"), slice_make(id, (size_t)n));
	jsonw_put_string(w, SLICE("name"), SLICE("Read"));
	jsonw_key(w, SLICE("input"));
	jsonw_object(w);
	jsonw_put_string(w, SLICE("file_path"), SLICE("/home/ana/project/src/main.c"));
	jsonw_put_i64(w, SLICE("limit"), 2000);
	jsonw_object_end(w);
	jsonw_object_end(w);
	jsonw_array_end(w);
	jsonw_object_end(w);
	jsonw_object(w);
	jsonw_put_string(w, SLICE("role"), SLICE("user"));
	jsonw_key(w, SLICE("content"));
	jsonw_array(w);
	jsonw_object(w);
	jsonw_put_string(w, SLICE("type"), SLICE("tool_result"));
	jsonw_put_string(w, SLICE("tool_use_id"), slice_make(id, (size_t)n));
	jsonw_put_string(w, SLICE("content"), text);
	jsonw_object_end(w);
	jsonw_array_end(w);
	jsonw_object_end(w);
}

static struct buf agent_body(struct buf (*text_of)(size_t))
{
	struct buf body;
	struct jsonw w;
	buf_init(&body, 64 << 20);
	jsonw_init(&w, &body);
	jsonw_object(&w);
	jsonw_put_string(&w, SLICE("model"), SLICE("claude-opus-4-5"));
	jsonw_put_i64(&w, SLICE("max_tokens"), 32000);
	jsonw_put_bool(&w, SLICE("stream"), true);
	jsonw_key(&w, SLICE("tools"));
	jsonw_array(&w);
	for (int i = 0; i < 12; i++)
		put_tool(&w, "Read");
	jsonw_array_end(&w);
	jsonw_key(&w, SLICE("messages"));
	jsonw_array(&w);
	for (size_t i = 0; buf_slice(&body).n < BODY; i++) {
		struct buf text = text_of(i);
		put_turn(&w, i, buf_slice(&text));
		buf_release(&text);
	}
	jsonw_array_end(&w);
	jsonw_object_end(&w);
	if (jsonw_end(&w) < 0)
		die("out of memory");
	return body;
}

/* --- measuring
 * ------------------------------------------------------------------------------------------------------ */

static void by_weir(slice body)
{
	size_t at;
	const char *error = json_validate(body, &at);
	if (error)
		die(error);
}

static void by_cjson(slice body)
{
	cJSON *tree = cJSON_ParseWithLength(body.p, body.n);
	if (!tree)
		die("cJSON refuses a body");
	cJSON_Delete(tree);
}

/* GB/s over one run. */
static double one_run(void (*read)(slice), slice body)
{
	double start = bench_now(), spent;
	size_t rounds = 0;
	do {
		for (size_t i = 0; i < 1 + 100000 / body.n; i++, rounds++)
			read(body);
		spent = bench_now() - start;
	} while (spent < RUN_SECONDS);
	return (double)rounds * (double)body.n / spent / 1e9;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void measure(struct kind *k)
{
	double weir[RUNS], cjson[RUNS];
	for (int i = 0; i < RUNS; i++) {
		weir[i] = one_run(by_weir, buf_slice(&k->body));
		cjson[i] = one_run(by_cjson, buf_slice(&k->body));
	}
	qsort(weir, RUNS, sizeof weir[0], by_value);
	qsort(cjson, RUNS, sizeof cjson[0], by_value);
	k->weir = weir[RUNS / 2];
	k->cjson = cjson[RUNS / 2];
}

struct shape {
	double not_ascii, apart; /* share of bytes >= 0x80; bytes for each escape */
};

static struct shape shape_of(slice body)
{
	size_t high = 0, escapes = 0;
	for (size_t i = 0; i < body.n; i++) {
		high += (unsigned char)body.p[i] >= 0x80;
		if (body.p[i] == '\\') {
			escapes++;
			i++;
		}
	}
	return (struct shape){(double)high / (double)body.n,
	                      (double)body.n / (double)(escapes ? escapes : 1)};
}

int main(int argc, char **argv)
{
	struct kind kinds[MAX_KINDS] = {
	    {.name = "code", .target = "3.0", .body = agent_body(code_text)},
	    {.name = "JSON inside JSON", .target = "0.8", .body = agent_body(json_text)},
	    {.name = "38 % non-ASCII", .target = "1.2", .body = agent_body(world_text)},
	    {.name = "structure only", .target = "-", .body = agent_body(no_text)},
	};
	static struct bench b;
	size_t n = 4;
	for (int i = 1; i < argc && n < MAX_KINDS; i++, n++)
		kinds[n] = (struct kind){.name = argv[i], .target = "-", .body = read_file(argv[i])};
	bench_begin(&b, "json", "Body reader, validating", "GB/s", "body", "KB", "bytes per escape",
	            "non-ASCII %", "weir", "cJSON", "weir / cJSON", "to reach", NULL);
	for (size_t i = 0; i < n; i++) {
		struct kind *k = &kinds[i];
		slice body = buf_slice(&k->body);
		struct shape s = shape_of(body);
		measure(k);
		bench_cell(&b, 0, "%s", k->name);
		bench_cell(&b, 1, "%.0f", (double)body.n / 1e3);
		bench_cell(&b, 2, "%.1f", s.apart);
		bench_cell(&b, 3, "%.1f", s.not_ascii * 100);
		bench_cell(&b, 4, "%.2f", k->weir);
		bench_cell(&b, 5, "%.2f", k->cjson);
		bench_cell(&b, 6, "%.1f", k->weir / k->cjson);
		bench_cell(&b, 7, "%s", k->target);
		bench_row(&b);
		buf_release(&k->body);
	}
	return bench_end(&b);
}
