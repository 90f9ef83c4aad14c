/* Lines into columns, and values out of them. */
#include <stdlib.h>
#include <string.h>

#include "store/rollup.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "columns are read as they stand in the file");

#define HEAD_MAX ((size_t)ROLLUP_COLUMNS * ROLLUP_HEAD_BYTES)

unsigned rollup_column_of(enum rollup_measure m)
{
	_Static_assert(RM_COST_PART <= 32 && COST_N <= 32 && METER_N <= 64, "their numbers do not meet");
	if (m >= RM_METER)
		return 64 + (unsigned)m - RM_METER;
	return m >= RM_COST_PART ? 32 + (unsigned)m - RM_COST_PART : (unsigned)m;
}

/* A day being packed: its lines in order, and of each its cells in order of time. */
struct packing {
	const struct rollup_set *s;
	const struct rollup_sink *sink;
	const struct rollup_line **line; /* of all days; owned by rollup_pack */
	uint32_t *cell;                  /* owned; of the day, line by line */
	struct rollup_sums *total;       /* owned; of each line */
	int64_t *value;                  /* owned; of the column being packed */
	uint8_t *known, *body;           /* owned */
	const struct rollup_line **day;
	struct rollup_packed out;
	int rc;
};

static int by_order(const void *a, const void *b)
{
	const struct rollup_line *x = *(const struct rollup_line *const *)a,
	                         *y = *(const struct rollup_line *const *)b;
	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	for (size_t i = 0; i < ROLLUP_DIMS; i++)
		if (x->dim[i] != y->dim[i])
			return x->dim[i] < y->dim[i] ? -1 : 1;
	return 0;
}

static uint8_t width_of(uint64_t most)
{
	return most == 0 ? 0 : most <= UINT8_MAX ? 1 : most <= UINT16_MAX ? 2 : most <= UINT32_MAX ? 4 : 8;
}

static void put_head(struct packing *p, const struct rollup_column *c)
{
	char b[ROLLUP_HEAD_BYTES] = {0};
	memcpy(b, &c->id, 2);
	b[2] = (char)c->width;
	b[3] = c->absent;
	memcpy(b + 4, &c->base, 8);
	if (p->rc == 0)
		p->rc = buf_append(&p->out.head, slice_make(b, sizeof b));
}

/* The n values in p->value, of which those in p->known are known. Nothing is written when none is. */
static void put_column(struct packing *p, unsigned id, size_t n)
{
	struct rollup_column c = {.id = (uint16_t)id, .body = p->body};
	int64_t most = INT64_MIN;
	c.base = INT64_MAX;
	for (size_t i = 0; i < n; i++) {
		if (!p->known[i]) {
			c.absent = true;
			continue;
		}
		c.base = p->value[i] < c.base ? p->value[i] : c.base;
		most = p->value[i] > most ? p->value[i] : most;
	}
	if (most < c.base)
		return;
	uint64_t span = (uint64_t)most - (uint64_t)c.base;
	if (c.absent && span == UINT64_MAX) {
		p->rc = ERR_RANGE;
		return;
	}
	c.width = width_of(span + c.absent);
	put_head(p, &c);
	if (c.width == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		uint64_t code = p->known[i] ? (uint64_t)p->value[i] - (uint64_t)c.base + c.absent : 0;
		memcpy(p->body + i * c.width, &code, c.width);
	}
	if (p->rc == 0)
		p->rc = p->sink->on_column(p->sink->arg, &c, n);
}

static const struct rollup_cell *cell_at(const struct packing *p, size_t i)
{
	return &p->s->cells[p->cell[i]];
}

/* Cells of a line in order of time, and their sum. */
static void take_line(struct packing *p, size_t i)
{
	const struct rollup_line *l = p->day[i];
	uint32_t *first = p->cell + p->out.cells, n = 0;
	memset(&p->total[i], 0, sizeof p->total[i]);
	for (uint32_t at = l->newest; at; at = p->s->cells[at - 1].older, n++) {
		const struct rollup_cell *c = &p->s->cells[at - 1];
		uint32_t k = n;
		for (; k && p->s->cells[first[k - 1]].time > c->time; k--)
			first[k] = first[k - 1];
		first[k] = at - 1;
		if (!rollup_sums_add(&p->total[i], &c->sums))
			p->rc = ERR_RANGE;
		p->out.rows += c->sums.v[RM_ROWS];
	}
	p->out.cells += n;
}

static void put_places(struct packing *p)
{
	size_t n = p->out.lines, at = 0;
	memset(p->known, 1, p->out.cells);
	for (size_t i = 0; i < n; i++)
		p->value[i] = p->day[i]->cells;
	put_column(p, ROLLUP_COLUMN_CELLS, n);
	int64_t begin = (int64_t)p->day[0]->day * ROLLUP_CELLS;
	for (size_t i = 0; i < n; at += p->day[i++]->cells)
		p->value[i] = cell_at(p, at)->time - begin;
	put_column(p, ROLLUP_COLUMN_FIRST, n);
	at = 0;
	for (size_t i = 0; i < n; i++) {
		at += p->day[i]->cells;
		p->value[i] = cell_at(p, at - 1)->time - begin;
	}
	put_column(p, ROLLUP_COLUMN_LAST, n);
	for (size_t i = 0; i < p->out.cells; i++)
		p->value[i] = cell_at(p, i)->time - begin;
	put_column(p, ROLLUP_COLUMN_TIME, p->out.cells);
	for (unsigned d = 0; d < ROLLUP_DIMS; d++) {
		for (size_t i = 0; i < n; i++)
			p->value[i] = p->day[i]->dim[d];
		put_column(p, ROLLUP_COLUMN_DIM + d, n);
	}
}

static void put_measures(struct packing *p)
{
	for (int m = 0; p->rc == 0 && m < RM_N; m++) {
		for (size_t i = 0; i < p->out.lines; i++) {
			p->value[i] = p->total[i].v[m];
			p->known[i] = p->total[i].known >> m & 1;
		}
		put_column(p, ROLLUP_COLUMN_LINE + rollup_column_of((enum rollup_measure)m), p->out.lines);
	}
	for (int m = 0; p->rc == 0 && m < RM_N && p->out.cells > p->out.lines; m++) {
		for (size_t i = 0; i < p->out.cells; i++) {
			p->value[i] = cell_at(p, i)->sums.v[m];
			p->known[i] = cell_at(p, i)->sums.known >> m & 1;
		}
		put_column(p, ROLLUP_COLUMN_CELL + rollup_column_of((enum rollup_measure)m), p->out.cells);
	}
}

static int pack_day(struct packing *p)
{
	p->out.cells = 0;
	p->out.rows = 0;
	buf_clear(&p->out.head);
	for (size_t i = 0; i < p->out.lines; i++)
		take_line(p, i);
	put_places(p);
	put_measures(p);
	if (p->rc == 0)
		p->rc = p->sink->on_day(p->sink->arg, p->day[0]->day, &p->out);
	return p->rc;
}

int rollup_pack(struct rollup_set *s, const struct rollup_sink *sink)
{
	struct packing p = {.s = s, .sink = sink};
	size_t n = s->lines_n, cells = s->cells_n;
	buf_init(&p.out.head, HEAD_MAX);
	if (n == 0)
		return 0;
	p.line = malloc(n * sizeof *p.line);
	p.cell = malloc(cells * sizeof *p.cell);
	p.total = malloc(n * sizeof *p.total);
	p.value = malloc(cells * sizeof *p.value);
	p.known = malloc(cells);
	p.body = malloc(cells * sizeof(uint64_t));
	if (!p.line || !p.cell || !p.total || !p.value || !p.known || !p.body)
		p.rc = ERR_NOMEM;
	for (size_t i = 0; p.rc == 0 && i < n; i++)
		p.line[i] = &s->lines[i];
	if (p.rc == 0)
		qsort(p.line, n, sizeof *p.line, by_order);
	for (size_t at = 0; p.rc == 0 && at < n; at += p.out.lines) {
		p.day = p.line + at;
		for (p.out.lines = 0; at + p.out.lines < n && p.day[p.out.lines]->day == p.day[0]->day;)
			p.out.lines++;
		pack_day(&p);
	}
	buf_release(&p.out.head);
	free(p.line);
	free(p.cell);
	free(p.total);
	free(p.value);
	free(p.known);
	free(p.body);
	return p.rc;
}

/* --- out again ------------------------------------------------------------------------------- */

bool rollup_head_find(slice head, unsigned id, struct rollup_column *out)
{
	for (size_t at = 0; at + ROLLUP_HEAD_BYTES <= head.n; at += ROLLUP_HEAD_BYTES) {
		uint16_t is;
		memcpy(&is, head.p + at, 2);
		if (is != id)
			continue;
		*out = (struct rollup_column){.id = is, .width = (uint8_t)head.p[at + 2]};
		out->absent = head.p[at + 3] != 0;
		memcpy(&out->base, head.p + at + 4, 8);
		return true;
	}
	return false;
}

bool rollup_value(const struct rollup_column *c, size_t i, int64_t *out)
{
	uint64_t code = 0;
	if (c->width)
		memcpy(&code, (const char *)c->body + i * c->width, c->width);
	*out = (int64_t)((uint64_t)c->base + code - (c->absent && c->width));
	return !(c->absent && c->width && code == 0);
}
