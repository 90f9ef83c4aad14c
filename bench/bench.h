/* What the benchmarks share: a clock, the best of several runs, and a table that goes to the terminal and, as
 *one line of JSON, to the file named by BENCH_RESULTS:
 *
 *	{"bench": "json", "title": "…", "unit": "GB/s", "columns": ["body", "weir", …], "rows": [["code",
 *"3.7", …], …]}
 *
 * tools/bench-report makes docs/benchmarks.md of those lines. Cells are texts without quotes or backslashes.
 */
#ifndef WEIR_BENCH_H
#define WEIR_BENCH_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BENCH_CELLS 12
#define BENCH_ROWS  64

struct bench {
	const char *name, *title, *unit;
	size_t columns, rows;
	char cell[BENCH_ROWS + 1][BENCH_CELLS][48]; /* row 0 is the head */
};

static inline double bench_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds of the fastest of `runs` calls. */
static inline double bench_best(int runs, void (*work)(void *), void *arg)
{
	double best = 1e9;
	for (int i = 0; i < runs; i++) {
		double start = bench_now();
		work(arg);
		double took = bench_now() - start;
		best = took < best ? took : best;
	}
	return best;
}

/* One cell of the row being filled; bench_row ends it. */
__attribute__((format(printf, 3, 4))) static inline void bench_cell(struct bench *b, size_t column,
                                                                    const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (column < BENCH_CELLS && b->rows <= BENCH_ROWS)
		vsnprintf(b->cell[b->rows][column], sizeof b->cell[0][0], format, args);
	va_end(args);
	if (column < BENCH_CELLS && column + 1 > b->columns)
		b->columns = column + 1;
}

static inline void bench_row(struct bench *b)
{
	if (b->rows < BENCH_ROWS)
		b->rows++;
}

static inline void bench_begin(struct bench *b, const char *name, const char *title, const char *unit, ...)
{
	memset(b, 0, sizeof *b);
	b->name = name;
	b->title = title;
	b->unit = unit;
	va_list heads;
	va_start(heads, unit);
	size_t column = 0;
	for (const char *head; (head = va_arg(heads, const char *)) != NULL; column++)
		bench_cell(b, column, "%s", head);
	va_end(heads);
	bench_row(b);
}

static inline void bench_print(const struct bench *b)
{
	size_t width[BENCH_CELLS] = {0};
	for (size_t r = 0; r < b->rows; r++)
		for (size_t c = 0; c < b->columns; c++)
			if (strlen(b->cell[r][c]) > width[c])
				width[c] = strlen(b->cell[r][c]);
	printf("\n%s%s%s%s\n", b->title, b->unit[0] ? " (" : "", b->unit, b->unit[0] ? ")" : "");
	for (size_t r = 0; r < b->rows; r++) {
		for (size_t c = 0; c < b->columns; c++)
			printf(c == 0 ? "  %-*s" : "  %*s", (int)width[c], b->cell[r][c]);
		printf("\n");
	}
}

/* Prints the table and appends the line; 0, or 1 when the line could not be written. */
static inline int bench_end(const struct bench *b)
{
	const char *path = getenv("BENCH_RESULTS");
	bench_print(b);
	FILE *f = path != NULL ? fopen(path, "a") : NULL;
	if (f == NULL)
		return path != NULL;
	fprintf(f, "{\"bench\":\"%s\",\"title\":\"%s\",\"unit\":\"%s\",\"columns\":[", b->name, b->title,
	        b->unit);
	for (size_t c = 0; c < b->columns; c++)
		fprintf(f, "%s\"%s\"", c ? "," : "", b->cell[0][c]);
	fprintf(f, "],\"rows\":[");
	for (size_t r = 1; r < b->rows; r++) {
		fprintf(f, r > 1 ? ",[" : "[");
		for (size_t c = 0; c < b->columns; c++)
			fprintf(f, "%s\"%s\"", c ? "," : "", b->cell[r][c]);
		fprintf(f, "]");
	}
	fprintf(f, "]}\n");
	return fclose(f) != 0;
}

#endif
