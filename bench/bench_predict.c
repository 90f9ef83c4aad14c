/* The input of an agent's next turn, foretold: a context of 500 KB that was counted before with one new
 * message, and the same counted cold. */
#include "bench.h"

#include "codec/registry.h"
#include "model/predict.h"

enum { CONTEXT = 500 * 1000, RUNS = 400 };

struct turn {
	struct predictor *p;
	struct predict_scratch *s;
	struct request_view v;
	struct prediction out;
};

/* Appends to body what an agent would read of a source file, as JSON. */
static size_t put_file(char *body, size_t n, size_t max, const char *path)
{
	FILE *f = fopen(path, "r");
	for (int c; f && n + 8 < max && (c = fgetc(f)) != EOF;) {
		if (c == '\n' || c == '\t' || c == '"' || c == '\\') {
			body[n++] = '\\';
			c = c == '\n' ? 'n' : c == '\t' ? 't' : c;
		}
		body[n++] = (char)c;
	}
	if (f)
		fclose(f);
	return n;
}

/* Messages of up to some KB, as an agent's turns are, and a last one of its own number. */
static size_t make_body(char *body, size_t size, const char *last)
{
	static const char *const files[] = {"src/base/slice.h",  "src/base/buf.c",  "src/text/sse.c",
	                                    "src/codec/codec.h", "docs/gateway.md", "src/base/map.c",
	                                    "docs/ledger.md"};
	size_t n =
	    (size_t)snprintf(body, 200, "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":9,\"messages\":[");
	for (size_t i = 0; n < size; i++) {
		n += (size_t)snprintf(
		    body + n, 300,
		    "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t%zu\",\"name\":"
		    "\"Read\",\"input\":{\"path\":\"f%zu\"}}]},{\"role\":\"user\",\"content\":[{\"type\":"
		    "\"tool_result\",\"tool_use_id\":\"t%zu\",\"content\":\"",
		    i, i, i);
		n = put_file(body, n, size + 60000, files[i % (sizeof files / sizeof files[0])]);
		n += (size_t)snprintf(body + n, 100, "\"}]},");
	}
	return n + (size_t)snprintf(body + n, 300, "{\"role\":\"user\",\"content\":\"%s\"}]}", last);
}

static void read_body(struct turn *t, struct arena *mem, const char *body, size_t n)
{
	struct target to = {.api = API_ANTHROPIC_MESSAGES};
	struct error e = {0};
	if (codec_anthropic.request(&to, slice_make(body, n), mem, &t->v, &e)) {
		fprintf(stderr, "bench_predict: %s\n", e.text);
		exit(1);
	}
}

static double once(struct turn *t)
{
	double start = bench_now();
	predict_request(t->p, t->s, &t->v, codec_anthropic.items, &t->out);
	return bench_now() - start;
}

/* All of it known but the last message, which is another one each time. */
static double next_turn(struct turn *t, struct arena *mem, char *body)
{
	double best = 1e9;
	for (int i = 0; i < RUNS; i++) {
		char last[200];
		snprintf(last, sizeof last,
		         "Now look at the third of them once more, and tell me what its error path %d leaves "
		         "behind.",
		         i);
		size_t n = make_body(body, CONTEXT, last);
		read_body(t, mem, body, n);
		double took = once(t);
		best = i > 2 && took < best ? took : best;
		arena_reset(mem);
	}
	return best;
}

static double cold(struct turn *t, struct arena *mem, char *body, size_t size, size_t *bytes)
{
	double best = 1e9;
	size_t n = make_body(body, size, "and now?");
	read_body(t, mem, body, n);
	*bytes = n;
	for (int i = 0; i < 5; i++) {
		predictor_free(t->p);
		t->p = predictor_new(2 << 20);
		double took = once(t);
		best = took < best ? took : best;
	}
	arena_reset(mem);
	return best;
}

int main(void)
{
	struct bench b;
	struct arena mem;
	size_t bytes;
	struct turn t = {.p = predictor_new(2 << 20), .s = predict_scratch_new()};
	char *body = malloc(CONTEXT + 100000);
	if (!t.p || !t.s || !body)
		return 1;
	arena_init(&mem, 1 << 20);
	bench_begin(&b, "predict", "Input tokens of a request, foretold", "", "request", "KB", "\xc2\xb5s",
	            "MB/s", "to reach", NULL);
	double cold_s = cold(&t, &mem, body, 200000, &bytes);
	bench_cell(&b, 0, "never seen before");
	bench_cell(&b, 1, "%zu", bytes / 1000);
	bench_cell(&b, 2, "%.0f", cold_s * 1e6);
	bench_cell(&b, 3, "%.0f", (double)bytes / cold_s / 1e6);
	bench_cell(&b, 4, "-");
	bench_row(&b);
	double next_s = next_turn(&t, &mem, body);
	bench_cell(&b, 0, "the next turn");
	bench_cell(&b, 1, "%d", CONTEXT / 1000);
	bench_cell(&b, 2, "%.0f", next_s * 1e6);
	bench_cell(&b, 3, "-");
	bench_cell(&b, 4, "150 \xc2\xb5s");
	bench_row(&b);
	arena_release(&mem);
	predictor_free(t.p);
	predict_scratch_free(t.s);
	free(body);
	return bench_end(&b);
}
