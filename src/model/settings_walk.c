/* Files to values: finds each key's row, and tells what no row has. */
#include "model/settings_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/version.h"
#include "text/nearest.h"

const struct option *settings_option_row(slice prefix, slice key)
{
	for (size_t i = 0; i < settings_options_n; i++) {
		slice row = slice_of(settings_options[i].key);
		if (row.n == prefix.n + key.n && slice_starts(row, prefix) && slice_ends(row, key))
			return &settings_options[i];
	}
	return NULL;
}

struct place settings_seen(const struct reader *r, const char *key)
{
	const struct option *o = settings_option_row(SLICE_NONE, slice_of(key));
	return o ? r->seen[o - settings_options] : (struct place){0};
}

/* The part of a row's key behind prefix when it is a direct child ("name" of "providers[].name"); n 0. */
static slice child_of(const struct option *o, slice prefix)
{
	slice row = slice_of(o->key);
	if (!slice_starts(row, prefix))
		return SLICE_NONE;
	slice rest = slice_sub(row, prefix.n, row.n);
	return slice_find_char(rest, '.') < 0 ? rest : SLICE_NONE;
}

/* The one place, if there is just one, where the key does stand in the table. */
static const struct option *elsewhere(slice key)
{
	const struct option *found = NULL;
	for (size_t i = 0; i < settings_options_n; i++) {
		slice row = slice_of(settings_options[i].key);
		if (row.n > key.n && slice_ends(row, key) && row.p[row.n - key.n - 1] == '.') {
			if (found)
				return NULL;
			found = &settings_options[i];
		}
	}
	return found;
}

static void children_text(slice prefix, char *out, size_t cap)
{
	size_t at = 0;
	out[0] = '\0';
	for (size_t i = 0; i < settings_options_n && at < cap; i++) {
		slice child = child_of(&settings_options[i], prefix);
		if (child.n)
			at += (size_t)snprintf(out + at, cap - at, "%s" SLICE_FMT, at ? ", " : "",
			                       SLICE_ARG(child));
	}
}

static void unknown_key(struct reader *r, const struct yaml_node *key, slice prefix)
{
	struct nearest near;
	char full[160], known[300];
	slice word = slice_sub(key->text, 0, 60);
	snprintf(full, sizeof full, SLICE_FMT SLICE_FMT, SLICE_ARG(prefix), SLICE_ARG(word));
	const char *why = settings_refused_key(slice_of(full));
	if (why) {
		settings_fault(r, key,
		               "%s: not carried out by this version of Weir (" WEIR_VERSION
		               "), so that %s: take it out until a version that has it",
		               full, why);
		return;
	}
	nearest_init(&near, word);
	for (size_t i = 0; i < settings_options_n; i++)
		nearest_offer(&near, child_of(&settings_options[i], prefix));
	const struct option *other = elsewhere(word);
	if (near.best.n) {
		settings_fault(r, key, "there is no key %s; did you mean " SLICE_FMT "?", full,
		               SLICE_ARG(near.best));
	} else if (other) {
		settings_fault(r, key, "there is no key %s here; it stands as %s", full, other->key);
	} else {
		children_text(prefix, known, sizeof known);
		settings_fault(r, key, "there is no key %s; known here: %s", full, known);
	}
}

/* Once for a scalar among all files; false after a fault. */
static bool first_time(struct reader *r, const struct option *o, const struct yaml_node *key)
{
	struct place *seen = &r->seen[o - settings_options];
	if (strstr(o->key, "[]") || (o->read == NULL && o->group))
		return true;
	if (seen->line && seen->file == r->file)
		return false; /* twice in one file: told already */
	if (seen->line && !o->joined) {
		settings_fault(r, key, "%s stands in another file already (" SLICE_FMT ":%d): keep one",
		               o->key, SLICE_ARG(r->files[seen->file]), seen->line);
		return false;
	}
	*seen = (struct place){r->file, key->line, key->column};
	return true;
}

void settings_read_map(struct reader *r, const struct yaml_node *map, slice prefix, void *base)
{
	char deeper[96];
	for (size_t i = 0; i < map->n; i++) {
		const struct yaml_node *key = &map->at[2 * i], *value = &map->at[2 * i + 1];
		const struct option *o = settings_option_row(prefix, key->text);
		if (o == NULL || key->text.n == 0) {
			unknown_key(r, key, prefix);
			continue;
		}
		if (!first_time(r, o, key))
			continue;
		if (o->group && value->kind == YAML_MAP) {
			snprintf(deeper, sizeof deeper, "%s.", o->key);
			settings_read_map(r, value, slice_of(deeper), base);
		} else if (o->read) {
			o->read(r, o, value, (char *)base + o->offset);
		} else {
			snprintf(deeper, sizeof deeper, "%s.", o->key);
			char known[300];
			children_text(slice_of(deeper), known, sizeof known);
			settings_fault(r, value, "%s: a mapping is wanted, with: %s", o->key, known);
		}
	}
}
