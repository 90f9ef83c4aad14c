/* Token counting beside the npm packages tiktoken and gpt-tokenizer, in the same run.
 *
 * usage: bench_bpe     from the repository's top folder
 *
 * The texts: this repository's source files; its documents; sentences in some sixty languages, their words in
 * any order; letters of many scripts at random, which no tokeniser has words for. "first" is the first pass
 * over a text in a process that has not counted anything: the tables come in page by page. "again" is the
 * median of passes after it. The packages are those of tools/bpe's lock file (make deps); without them there
 * is no comparison. */
#include "bench.h"

#include <glob.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "text/bpe.h"

enum { RUNS = 5, KINDS = 4, MIXED = 400 * 1000 };

struct kind {
	const char *name;
	double target; /* MB/s of the first pass; 0: none */
	struct buf text;
};

struct speeds {
	size_t tokens;
	double first, again; /* MB/s */
};

static struct bpe_scratch scratch;

static void die(const char *what)
{
	fprintf(stderr, "bench_bpe: %s\n", what);
	exit(1);
}

static void append(struct buf *b, slice s)
{
	if (buf_append(b, s) < 0)
		die("out of memory");
}

static void read_files(struct buf *b, const char *pattern)
{
	glob_t g;
	char part[65536];
	if (glob(pattern, 0, NULL, &g) != 0)
		die("run it from the top folder of the repository");
	for (size_t i = 0; i < g.gl_pathc; i++) {
		FILE *f = fopen(g.gl_pathv[i], "rb");
		for (size_t n; f && (n = fread(part, 1, sizeof part, f)) > 0;)
			append(b, slice_make(part, n));
		if (f)
			fclose(f);
	}
	globfree(&g);
}

static uint64_t next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* --- the texts -------------------------------------------------------------------------------------------
 */

static struct buf code(void)
{
	struct buf b;
	buf_init(&b, 64 << 20);
	read_files(&b, "src/*/*.[ch]");
	return b;
}

static struct buf english(void)
{
	struct buf b;
	buf_init(&b, 64 << 20);
	read_files(&b, "README.md");
	read_files(&b, "docs/*.md");
	read_files(&b, "docs/cli/*.md");
	return b;
}

static struct buf languages(void)
{
	struct buf from, b;
	uint64_t x = 5;
	size_t n = 0;
	static slice word[4096];
	buf_init(&from, 1 << 20);
	buf_init(&b, 1 << 20);
	read_files(&from, "tests/wire/bpe/sentences.txt");
	slice rest = buf_slice(&from), line, one;
	while (slice_split(&rest, '\n', &line))
		while (slice_split(&line, ' ', &one) && n < sizeof word / sizeof word[0])
			word[n++] = one;
	while (n && buf_slice(&b).n < MIXED) {
		append(&b, word[next(&x) % n]);
		append(&b, next(&x) % 12 ? SLICE(" ") : SLICE("\n"));
	}
	buf_release(&from);
	return b;
}

static struct buf letters(void)
{
	static const struct {
		uint32_t first, n;
	} scripts[] = {{0x430, 32},  {0x3b1, 25},    {0x5d0, 27},     {0x627, 36},
	               {0x905, 53},  {0xe01, 46},    {0xac00, 11172}, {0x3041, 83},
	               {0x30a1, 86}, {0x4e00, 6000}, {0xe0, 32},      {0x10d0, 33}};
	struct buf b;
	uint64_t x = 3;
	buf_init(&b, 1 << 20);
	while (buf_slice(&b).n < MIXED) {
		size_t s = next(&x) % (sizeof scripts / sizeof scripts[0]), n = 1 + next(&x) % 9;
		for (size_t i = 0; i < n; i++) {
			uint32_t c = scripts[s].first + (uint32_t)(next(&x) % scripts[s].n);
			char utf8[3] = {(char)(0xe0 | c >> 12), (char)(0x80 | (c >> 6 & 0x3f)),
			                (char)(0x80 | (c & 0x3f))};
			if (c < 0x800)
				utf8[1] = (char)(0xc0 | c >> 6);
			append(&b, c < 0x800 ? slice_make(utf8 + 1, 2) : slice_make(utf8, 3));
		}
		append(&b, SLICE(" "));
	}
	return b;
}

/* --- the speeds ------------------------------------------------------------------------------------------
 */

static double one_pass(const struct bpe *b, slice text, size_t *tokens)
{
	double start = bench_now();
	*tokens = bpe_count(b, &scratch, text, BPE_ORDINARY);
	return (double)text.n / (bench_now() - start) / 1e6;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* In a process of its own, so that its first pass is the first. */
static struct speeds weir(const struct bpe *b, slice text)
{
	struct speeds s = {0, 0, 0};
	double again[RUNS];
	int pipes[2];
	if (pipe(pipes) != 0)
		die("no pipe");
	pid_t child = fork();
	if (child == 0) {
		s.first = one_pass(b, text, &s.tokens);
		for (int i = 0; i < RUNS; i++)
			again[i] = one_pass(b, text, &s.tokens);
		qsort(again, RUNS, sizeof again[0], by_value);
		s.again = again[RUNS / 2];
		_exit(write(pipes[1], &s, sizeof s) != sizeof s);
	}
	close(pipes[1]);
	if (child < 0 || read(pipes[0], &s, sizeof s) != sizeof s)
		die("no answer");
	close(pipes[0]);
	waitpid(child, NULL, 0);
	return s;
}

/* The median of several processes' first passes. */
static struct speeds weir_median(const struct bpe *b, slice text)
{
	struct speeds s = {0, 0, 0};
	double first[RUNS], again[RUNS];
	for (int i = 0; i < RUNS; i++) {
		s = weir(b, text);
		first[i] = s.first;
		again[i] = s.again;
	}
	qsort(first, RUNS, sizeof first[0], by_value);
	qsort(again, RUNS, sizeof again[0], by_value);
	s.first = first[RUNS / 2];
	s.again = again[RUNS / 2];
	return s;
}

/* Of tiktoken and of gpt-tokenizer; false when Node.js or the packages are not there. */
static bool packages(const struct bpe *b, slice text, struct speeds of[2])
{
	const char *path = "build/bench/bpe.txt";
	char line[256] = "", node_path[4096];
	int pipes[2];
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(text.p, 1, text.n, f) != text.n || fclose(f) != 0 || pipe(pipes) != 0)
		die("build/bench/bpe.txt cannot be written");
	pid_t child = fork();
	if (child == 0) {
		snprintf(node_path, sizeof node_path, "build/deps/node/node_modules/.bin:%s", getenv("PATH"));
		setenv("PATH", node_path, 1);
		dup2(pipes[1], 1);
		execlp("node", "node", "tools/bpe/bench.mjs", bpe_name(b), path, (char *)NULL);
		_exit(127);
	}
	close(pipes[1]);
	f = fdopen(pipes[0], "r");
	bool got = f && fgets(line, sizeof line, f) != NULL;
	if (f)
		fclose(f);
	waitpid(child, NULL, 0);
	unlink(path);
	char *at = line;
	for (int i = 0; got && i < 2; i++) {
		of[i].tokens = strtoul(at, &at, 10);
		of[i].first = strtod(at, &at);
		of[i].again = strtod(at, &at);
	}
	return got && of[0].tokens > 0;
}

static void measure(struct bench *table, const struct kind *k, const struct bpe *b)
{
	slice text = buf_slice(&k->text);
	struct speeds ours = weir_median(b, text), of[2];
	bool compared = packages(b, text, of);
	if (compared && of[0].tokens != ours.tokens)
		die("tiktoken counts otherwise");
	bench_cell(table, 0, "%s", k->name);
	bench_cell(table, 1, "%s", bpe_name(b));
	bench_cell(table, 2, "%.0f", (double)text.n / 1e3);
	bench_cell(table, 3, "%.2f", (double)text.n / (double)ours.tokens);
	bench_cell(table, 4, "%.1f", ours.first);
	bench_cell(table, 5, "%.1f", ours.again);
	for (size_t i = 0; i < 2; i++) {
		if (compared) {
			bench_cell(table, 6 + i, "%.1f, %.1f", of[i].first, of[i].again);
			bench_cell(table, 8 + i, "%.1f", ours.again / of[i].again);
		} else {
			bench_cell(table, 6 + i, "-");
			bench_cell(table, 8 + i, "-");
		}
	}
	bench_cell(table, 10, k->target > 0 ? "%.0f" : "-", k->target);
	bench_row(table);
}

int main(void)
{
	static struct bench table;
	struct kind kinds[KINDS] = {
	    {"code", 50, code()},
	    {"English", 50, english()},
	    {"words of many languages", 15, languages()},
	    {"letters at random", 15, letters()},
	};
	bench_begin(&table, "bpe", "Token counting, one core", "MB/s, first pass and again", "text",
	            "encoding", "KB", "bytes per token", "weir first", "weir again", "tiktoken",
	            "gpt-tokenizer", "weir / tiktoken", "weir / gpt-tokenizer", "to reach", NULL);
	for (size_t i = 0; i < KINDS; i++) {
		size_t at = 0;
		for (const struct bpe *b; (b = bpe_each(&at)) != NULL;)
			measure(&table, &kinds[i], b);
		buf_release(&kinds[i].text);
	}
	return bench_end(&table);
}
