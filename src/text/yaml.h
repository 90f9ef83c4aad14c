/* A YAML document as a tree with marks, for settings: read by libyaml, then checked for what a settings file
 * must not have. Refused, each with its place: syntax errors, a second document, duplicate keys, keys that
 * are no plain text, tags, aliases within themselves, and whatever passes the caps below (aliases count as
 * often as they are used, so that a few lines cannot stand for a million nodes). */
#ifndef WEIR_TEXT_YAML_H
#define WEIR_TEXT_YAML_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

#define YAML_BYTES_MAX 1048576 /* of one text */
#define YAML_NODES_MAX 65536   /* of one document, aliases expanded */
#define YAML_DEPTH_MAX 32

enum yaml_kind {
	YAML_NULL, /* nothing, "~" or "null", unquoted */
	YAML_SCALAR,
	YAML_LIST,
	YAML_MAP,
};

struct yaml_node {
	enum yaml_kind kind;
	int line, column;     /* from 1; columns are characters */
	slice text;           /* of a scalar, and of a null as written; NUL-terminated beyond n */
	bool quoted;          /* a scalar in quotes or a block: never a number or a null */
	size_t n;             /* elements of a list, pairs of a map */
	struct yaml_node *at; /* the list's n elements; the map's 2n: key, value, key, value */
};

typedef void yaml_error_fn(void *arg, int line, int column, const char *message);

/* Reads one document into mem; every fault is given to on_error, and ERR_INVALID returned when there was one
 * (libyaml itself stops at the first fault of syntax). An empty text is a YAML_NULL. */
int yaml_read(slice text, struct arena *mem, const struct yaml_node **root, yaml_error_fn *on_error,
              void *arg) WARN_UNUSED;

/* The value of a key; NULL when there is none or map is no map. */
const struct yaml_node *yaml_get(const struct yaml_node *map, slice key);

#endif
