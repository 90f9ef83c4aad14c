#include "text/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

struct reading {
	yaml_document_t *doc;
	struct arena *mem;
	yaml_error_fn *on_error;
	void *arg;
	size_t nodes;  /* made so far */
	int faults;    /* told so far */
	bool spent;    /* a cap was passed, and told */
	bool *open;    /* by index in doc: the walk stands within it; owned */
	size_t open_n; /* nodes in doc */
};

static void fault(struct reading *r, int line, int column, const char *message)
{
	r->faults++;
	r->on_error(r->arg, line, column, message);
}

/* --- faults of syntax -------------------------------------------------------- */

/* Line and column, from 1, of a byte; columns count characters. */
static void place_of(slice text, size_t offset, int *line, int *column)
{
	*line = 1;
	*column = 1;
	for (size_t i = 0; i < offset && i < text.n; i++) {
		if (text.p[i] == '\n') {
			++*line;
			*column = 1;
		} else if (((unsigned char)text.p[i] & 0xC0) != 0x80) {
			++*column;
		}
	}
}

/* The byte at a mark of libyaml (line and column from 0, in characters); NUL beyond the end. */
static char char_at(slice text, size_t line, size_t column)
{
	size_t i = 0;
	while (line && i < text.n)
		line -= text.p[i++] == '\n';
	for (; i < text.n && text.p[i] != '\n'; i++) {
		bool first = ((unsigned char)text.p[i] & 0xC0) != 0x80;
		if (first && column-- == 0)
			return text.p[i];
	}
	return '\0';
}

static void syntax_fault(struct reading *r, const yaml_parser_t *p, slice text)
{
	char message[256];
	int line, column;
	const char *problem = p->problem ? p->problem : "the text cannot be read";
	if (p->error == YAML_READER_ERROR) {
		place_of(text, p->problem_offset, &line, &column);
		snprintf(message, sizeof message, "this is not UTF-8 text: %s", problem);
	} else if (p->error == YAML_MEMORY_ERROR) {
		place_of(text, 0, &line, &column);
		snprintf(message, sizeof message, "memory is spent");
	} else {
		line = (int)p->problem_mark.line + 1;
		column = (int)p->problem_mark.column + 1;
		const char *hint = "";
		char c = char_at(text, p->problem_mark.line, p->problem_mark.column);
		if (c == '\t')
			hint = " (a tab: indent by spaces)";
		else if (c == '%' || c == '@' || c == '`')
			hint = " (put the text in quotes)";
		if (p->context && p->context_mark.line + 1 != (size_t)line)
			snprintf(message, sizeof message, "%s, %s that begins on line %zu%s", problem,
			         p->context, p->context_mark.line + 1, hint);
		else
			snprintf(message, sizeof message, "%s%s%s%s", problem, p->context ? ", " : "",
			         p->context ? p->context : "", hint);
	}
	fault(r, line, column, message);
}

/* --- the tree ---------------------------------------------------------------- */

static bool is_null(slice text)
{
	return text.n == 0 || slice_eq(text, SLICE("~")) || slice_eq_nocase(text, SLICE("null"));
}

static void spent(struct reading *r, const struct yaml_node *at, const char *message)
{
	if (!r->spent)
		fault(r, at->line, at->column, message);
	r->spent = true;
}

static struct yaml_node *make_nodes(struct reading *r, const struct yaml_node *at, size_t n)
{
	r->nodes += n;
	if (r->nodes > YAML_NODES_MAX) {
		spent(r, at, "the text is too large, with its aliases written out");
		return NULL;
	}
	struct yaml_node *made = arena_zalloc(r->mem, n * sizeof *made);
	if (made == NULL)
		spent(r, at, "memory is spent");
	return made;
}

static void build(struct reading *r, int index, unsigned depth, struct yaml_node *out);

static void build_scalar(struct reading *r, const yaml_node_t *from, struct yaml_node *out)
{
	out->text = arena_copy(r->mem, slice_make(from->data.scalar.value, from->data.scalar.length));
	if (out->text.p == NULL)
		spent(r, out, "memory is spent");
	out->quoted = from->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	out->kind = !out->quoted && is_null(out->text) ? YAML_NULL : YAML_SCALAR;
	if (out->text.n && memchr(out->text.p, '\0', out->text.n))
		fault(r, out->line, out->column, "a text must not have a NUL character in it");
}

static void build_list(struct reading *r, const yaml_node_t *from, unsigned depth, struct yaml_node *out)
{
	size_t n = (size_t)(from->data.sequence.items.top - from->data.sequence.items.start);
	out->kind = YAML_LIST;
	out->at = make_nodes(r, out, n);
	for (size_t i = 0; i < n && out->at && !r->spent; i++) {
		build(r, from->data.sequence.items.start[i], depth + 1, &out->at[i]);
		out->n = i + 1;
	}
}

static int by_text(const void *a, const void *b)
{
	const struct yaml_node *x = *(const struct yaml_node *const *)a,
	                       *y = *(const struct yaml_node *const *)b;
	int c = slice_cmp(x->text, y->text);
	if (c != 0)
		return c;
	return x->line != y->line ? (x->line > y->line) - (x->line < y->line)
	                          : (x->column > y->column) - (x->column < y->column);
}

static void check_duplicates(struct reading *r, const struct yaml_node *map)
{
	char message[256];
	const struct yaml_node **keys = arena_alloc(r->mem, (map->n + 1) * sizeof(struct yaml_node *));
	if (keys == NULL) {
		spent(r, map, "memory is spent");
		return;
	}
	size_t n = 0;
	for (size_t i = 0; i < map->n; i++)
		if (map->at[2 * i].kind == YAML_SCALAR || map->at[2 * i].kind == YAML_NULL)
			keys[n++] = &map->at[2 * i];
	qsort(keys, n, sizeof *keys, by_text);
	for (size_t i = 1; i < n; i++) {
		if (!slice_eq(keys[i - 1]->text, keys[i]->text))
			continue;
		slice name = slice_sub(keys[i]->text, 0, 64);
		snprintf(message, sizeof message,
		         "\"" SLICE_FMT "\" stands here twice (before on line %d): keep one", SLICE_ARG(name),
		         keys[i - 1]->line);
		fault(r, keys[i]->line, keys[i]->column, message);
	}
}

static void build_map(struct reading *r, const yaml_node_t *from, unsigned depth, struct yaml_node *out)
{
	size_t n = (size_t)(from->data.mapping.pairs.top - from->data.mapping.pairs.start);
	out->kind = YAML_MAP;
	out->at = make_nodes(r, out, 2 * n);
	for (size_t i = 0; i < n && out->at && !r->spent; i++) {
		const yaml_node_pair_t *pair = &from->data.mapping.pairs.start[i];
		struct yaml_node *key = &out->at[2 * i];
		build(r, pair->key, depth + 1, key);
		if (key->kind != YAML_SCALAR && key->kind != YAML_NULL)
			fault(r, key->line, key->column, "a key must be a plain word");
		else if (slice_eq(key->text, SLICE("<<")))
			fault(r, key->line, key->column, "merge keys (<<) are not read: write the keys out");
		build(r, pair->value, depth + 1, &out->at[2 * i + 1]);
		out->n = i + 1;
	}
	if (!r->spent)
		check_duplicates(r, out);
}

static bool has_tag(const yaml_node_t *n)
{
	const char *usual = n->type == YAML_SCALAR_NODE     ? YAML_DEFAULT_SCALAR_TAG
	                    : n->type == YAML_SEQUENCE_NODE ? YAML_DEFAULT_SEQUENCE_TAG
	                                                    : YAML_DEFAULT_MAPPING_TAG;
	return n->tag && strcmp((const char *)n->tag, usual) != 0;
}

static void build(struct reading *r, int index, unsigned depth, struct yaml_node *out)
{
	const yaml_node_t *from = yaml_document_get_node(r->doc, index);
	if (from == NULL || index < 1 || (size_t)index > r->open_n)
		return;
	out->line = (int)from->start_mark.line + 1;
	out->column = (int)from->start_mark.column + 1;
	if (r->open[index - 1]) {
		fault(r, out->line, out->column, "an alias stands within what it names");
		return;
	}
	if (depth > YAML_DEPTH_MAX) {
		spent(r, out, "the text is nested too deeply");
		return;
	}
	if (has_tag(from))
		fault(r, out->line, out->column, "tags (!…) are not read: leave it out");
	r->open[index - 1] = true;
	if (from->type == YAML_SCALAR_NODE)
		build_scalar(r, from, out);
	else if (from->type == YAML_SEQUENCE_NODE)
		build_list(r, from, depth, out);
	else if (from->type == YAML_MAPPING_NODE)
		build_map(r, from, depth, out);
	r->open[index - 1] = false;
}

static struct yaml_node *build_document(struct reading *r)
{
	struct yaml_node start = {.line = 1, .column = 1};
	struct yaml_node *root = make_nodes(r, &start, 1);
	if (root == NULL)
		return NULL;
	*root = start;
	r->open_n = (size_t)(r->doc->nodes.top - r->doc->nodes.start);
	if (r->open_n == 0)
		return root;
	r->open = calloc(r->open_n, sizeof *r->open);
	if (r->open == NULL)
		spent(r, root, "memory is spent");
	else
		build(r, 1, 0, root);
	free(r->open);
	r->open = NULL;
	return root;
}

/* A second document, or anything wrong behind the first. */
static void check_rest(struct reading *r, yaml_parser_t *p, slice text)
{
	yaml_document_t more;
	if (!yaml_parser_load(p, &more)) {
		syntax_fault(r, p, text);
		return;
	}
	if (more.nodes.top > more.nodes.start)
		fault(r, (int)more.start_mark.line + 1, (int)more.start_mark.column + 1,
		      "a second document begins here (---): write one only");
	yaml_document_delete(&more);
}

int yaml_read(slice text, struct arena *mem, const struct yaml_node **root, yaml_error_fn *on_error,
              void *arg)
{
	yaml_parser_t parser;
	yaml_document_t doc;
	struct reading r = {.doc = &doc, .mem = mem, .on_error = on_error, .arg = arg};
	*root = NULL;
	if (text.n > YAML_BYTES_MAX) {
		fault(&r, 1, 1, "the text is larger than 1 MB");
		return ERR_INVALID;
	}
	if (!yaml_parser_initialize(&parser))
		return ERR_NOMEM;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)(text.p ? text.p : ""), text.n);
	if (yaml_parser_load(&parser, &doc)) {
		*root = build_document(&r);
		bool any = doc.nodes.top > doc.nodes.start;
		yaml_document_delete(&doc);
		if (any)
			check_rest(&r, &parser, text);
	} else {
		syntax_fault(&r, &parser, text);
	}
	yaml_parser_delete(&parser);
	return r.faults ? ERR_INVALID : 0;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, slice key)
{
	if (map == NULL || map->kind != YAML_MAP)
		return NULL;
	for (size_t i = 0; i < map->n; i++)
		if (slice_eq(map->at[2 * i].text, key))
			return &map->at[2 * i + 1];
	return NULL;
}
