#include "text/multipart.h"

#define BOUNDARY_MAX 70

/* The value of `name=` among parameters apart by semicolons; quotes are taken off. */
static slice parameter(slice list, slice name)
{
	slice part;
	while (slice_split(&list, ';', &part)) {
		part = slice_trim(part);
		if (!slice_starts_nocase(part, name) || part.n <= name.n || part.p[name.n] != '=')
			continue;
		slice value = slice_sub(part, name.n + 1, part.n);
		if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
			value = slice_sub(value, 1, value.n - 1);
		return value;
	}
	return SLICE_NONE;
}

slice multipart_boundary(slice content_type)
{
	slice value = SLICE_NONE;
	if (slice_starts_nocase(content_type, SLICE("multipart/form-data")))
		value = parameter(content_type, SLICE("boundary"));
	return value.n >= 1 && value.n <= BOUNDARY_MAX ? value : SLICE_NONE;
}

/* Where the next "--boundary" begins at a line's start from `from` on; -1 when there is none. */
static ptrdiff_t find_delimiter(slice body, size_t from, slice boundary)
{
	while (from < body.n) {
		ptrdiff_t at = slice_find(slice_sub(body, from, body.n), boundary);
		if (at < 0)
			return -1;
		size_t found = from + (size_t)at;
		bool dashes = found >= 2 && body.p[found - 1] == '-' && body.p[found - 2] == '-';
		if (dashes && (found == 2 || body.p[found - 3] == '\n'))
			return (ptrdiff_t)found - 2;
		from = found + 1;
	}
	return -1;
}

/* The field's name in a part's head; n 0 when it has none. */
static slice field_name(slice head)
{
	slice line;
	while (slice_split(&head, '\n', &line))
		if (slice_starts_nocase(line, SLICE("content-disposition:")))
			return parameter(slice_trim(slice_sub(line, 20, line.n)), SLICE("name"));
	return SLICE_NONE;
}

bool multipart_part(slice body, slice boundary, slice name, slice *content)
{
	ptrdiff_t at = find_delimiter(body, 0, boundary);
	while (at >= 0) {
		size_t head = (size_t)at + 2 + boundary.n;
		ptrdiff_t gap = slice_find(slice_sub(body, head, body.n), SLICE("\r\n\r\n"));
		if (gap < 0)
			return false;
		size_t from = head + (size_t)gap + 4;
		/* an empty content's end shares its line feed with the head's */
		ptrdiff_t end = find_delimiter(body, from - 2, boundary);
		if (end < 0)
			return false;
		size_t to = (size_t)end >= from + 2 ? (size_t)end - 2 : from;
		if (slice_eq(field_name(slice_sub(body, head, from)), name)) {
			*content = slice_sub(body, from, to);
			return true;
		}
		at = end;
	}
	return false;
}
