/* Edits of a text by byte ranges, kept in order of place. */
#include "text/json.h"

void json_edits_init(struct json_edits *e)
{
	e->n = 0;
}

bool json_edit_replace(struct json_edits *e, size_t from, size_t to, slice with)
{
	if (from > to || e->n >= JSON_EDITS_MAX)
		return false;
	size_t i = 0;
	/* At one place insertions come before the range that begins there, and in the order they were asked
	 * for. */
	while (i < e->n && (e->at[i].from < from || (e->at[i].from == from && e->at[i].to == from)))
		i++;
	if (i > 0 && e->at[i - 1].to > from)
		return false;
	if (i < e->n && e->at[i].from < to)
		return false;
	memmove(&e->at[i + 1], &e->at[i], (e->n - i) * sizeof e->at[0]);
	e->at[i] = (struct json_edit){from, to, with};
	e->n++;
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* The removal that covers the byte at `at`, or NULL. */
static const struct json_edit *removal_at(const struct json_edits *e, size_t at)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->at[i].from <= at && at < e->at[i].to)
			return e->at[i].with.n == 0 ? &e->at[i] : NULL;
	return NULL;
}

/* First byte from `at` on that is neither space nor removed; source.n when there is none. */
static size_t forward(const struct json_edits *e, slice source, size_t at)
{
	while (at < source.n) {
		const struct json_edit *gone = removal_at(e, at);
		if (gone)
			at = gone->to;
		else if (is_space(source.p[at]))
			at++;
		else
			break;
	}
	return at;
}

/* Last byte before `at` that is neither space nor removed; source.n when there is none. */
static size_t backward(const struct json_edits *e, slice source, size_t at)
{
	while (at > 0) {
		const struct json_edit *gone = removal_at(e, at - 1);
		if (gone)
			at = gone->from;
		else if (is_space(source.p[at - 1]))
			at--;
		else
			return at - 1;
	}
	return source.n;
}

/* Removals inside [from, to) become part of the one that is about to be added. */
static void absorb(struct json_edits *e, size_t from, size_t to)
{
	size_t kept = 0;
	for (size_t i = 0; i < e->n; i++) {
		const struct json_edit *x = &e->at[i];
		if (x->from < from || x->to > to || x->with.n || x->from == x->to)
			e->at[kept++] = *x;
	}
	e->n = kept;
}

bool json_edit_remove_member(struct json_edits *e, slice source, size_t key_from, size_t value_to)
{
	if (key_from >= value_to || value_to > source.n)
		return false;
	size_t from = key_from, to = value_to;
	size_t after = forward(e, source, value_to);
	if (after < source.n && source.p[after] == ',') {
		to = after + 1;
		while (to < source.n && is_space(source.p[to]))
			to++;
	} else {
		size_t before = backward(e, source, key_from);
		if (before < source.n && source.p[before] == ',')
			from = before;
	}
	struct json_edits was = *e;
	absorb(e, from, to);
	if (json_edit_replace(e, from, to, SLICE_NONE))
		return true;
	*e = was;
	return false;
}

size_t json_edits_size(const struct json_edits *e, slice source)
{
	size_t n = source.n;
	for (size_t i = 0; i < e->n; i++)
		n = n - (e->at[i].to - e->at[i].from) + e->at[i].with.n;
	return n;
}

static char *append(char *out, const char *p, size_t n)
{
	if (n)
		memcpy(out, p, n);
	return out + n;
}

void json_edits_apply(const struct json_edits *e, slice source, char *out)
{
	size_t done = 0;
	for (size_t i = 0; i < e->n; i++) {
		out = append(out, source.p + done, e->at[i].from - done);
		out = append(out, e->at[i].with.p, e->at[i].with.n);
		done = e->at[i].to;
	}
	append(out, source.p + done, source.n - done);
}
