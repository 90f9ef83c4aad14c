#include "text/csv.h"

#include <string.h>

#define BOM       "\xef\xbb\xbf"
#define LOOKED_AT 20 /* lines */

/* The one that a line has most of: other text may stand before the table. */
static char separator_of(slice text)
{
	static const char marks[] = {',', ';', '\t'};
	size_t n[sizeof marks] = {0}, most[sizeof marks] = {0}, best = 0;
	bool quoted = false;
	for (size_t i = 0, line = 0; i < text.n && line < LOOKED_AT; i++) {
		char c = text.p[i];
		if (c == '"')
			quoted = !quoted;
		for (size_t k = 0; k < sizeof marks; k++) {
			n[k] += !quoted && c == marks[k];
			most[k] = n[k] > most[k] ? n[k] : most[k];
			n[k] = !quoted && c == '\n' ? 0 : n[k];
		}
		line += !quoted && c == '\n';
	}
	for (size_t k = 1; k < sizeof marks; k++)
		if (most[k] > most[best])
			best = k;
	return marks[best];
}

void csv_init(struct csv *c, slice text)
{
	if (slice_starts(text, SLICE(BOM)))
		text = slice_sub(text, sizeof BOM - 1, text.n);
	*c = (struct csv){.rest = text, .separator = separator_of(text), .next_line = 1};
}

static char at(const struct csv *c, size_t i)
{
	return i < c->rest.n ? c->rest.p[i] : '\n';
}

static bool at_end(const struct csv *c, size_t i)
{
	return at(c, i) == '\n' || (at(c, i) == '\r' && at(c, i + 1) == '\n');
}

/* The text between quotes with each doubled one made single. */
static slice single_quotes(slice text, size_t doubled, struct arena *mem)
{
	if (doubled == 0)
		return text;
	char *to = arena_alloc(mem, text.n);
	size_t n = 0;
	for (size_t i = 0; to && i < text.n; i++) {
		to[n++] = text.p[i];
		i += text.p[i] == '"';
	}
	return slice_make(to, to ? n : 0);
}

/* A field in quotes that begins at i; returns where it ends. */
static size_t quoted(struct csv *c, size_t i, struct arena *mem, slice *out, const char **fault)
{
	size_t from = ++i, doubled = 0;
	for (; i < c->rest.n; i++) {
		c->next_line += c->rest.p[i] == '\n';
		if (c->rest.p[i] != '"')
			continue;
		if (i + 1 >= c->rest.n || c->rest.p[i + 1] != '"')
			break;
		doubled++;
		i++;
	}
	*out = single_quotes(slice_sub(c->rest, from, i), doubled, mem);
	if (i >= c->rest.n) {
		*fault = "a quote that is not closed";
		return i;
	}
	return i + 1;
}

static size_t field(struct csv *c, size_t i, struct arena *mem, slice *out, const char **fault)
{
	size_t from = i;
	if (at(c, i) == '"' && i < c->rest.n) {
		i = quoted(c, i, mem, out, fault);
		if (at(c, i) != c->separator && !at_end(c, i) && *fault == NULL)
			*fault = "text behind a closing quote";
		while (!at_end(c, i) && at(c, i) != c->separator)
			i++;
		return i;
	}
	while (!at_end(c, i) && at(c, i) != c->separator)
		i++;
	*out = slice_sub(c->rest, from, i);
	return i;
}

static void record(struct csv *c, struct arena *mem, struct csv_record *out)
{
	size_t i = 0;
	out->n = 0;
	out->fault = NULL;
	c->line = c->next_line;
	for (;;) {
		slice text = SLICE_NONE;
		i = field(c, i, mem, &text, &out->fault);
		if (out->n < CSV_FIELDS_MAX)
			out->field[out->n++] = text;
		if (i >= c->rest.n || at(c, i) != c->separator)
			break;
		i++;
	}
	i += at(c, i) == '\r' && i < c->rest.n;
	c->rest = slice_sub(c->rest, i < c->rest.n ? i + 1 : i, c->rest.n);
	c->next_line++;
}

bool csv_next(struct csv *c, struct arena *mem, struct csv_record *out)
{
	while (c->rest.n) {
		record(c, mem, out);
		if (out->n > 1 || out->field[0].n)
			return true;
	}
	return false;
}
