#include "base/slice.h"

#include <stdint.h>

static unsigned char fold(char c)
{
	unsigned char u = (unsigned char)c;
	return u >= 'A' && u <= 'Z' ? (unsigned char)(u + 32) : u;
}

bool slice_eq_nocase(slice a, slice b)
{
	return a.n == b.n && slice_starts_nocase(a, b);
}

bool slice_starts_nocase(slice s, slice prefix)
{
	if (s.n < prefix.n)
		return false;
	for (size_t i = 0; i < prefix.n; i++)
		if (fold(s.p[i]) != fold(prefix.p[i]))
			return false;
	return true;
}

int slice_cmp(slice a, slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;
	if (c != 0)
		return c;
	return a.n < b.n ? -1 : a.n > b.n;
}

ptrdiff_t slice_find_char(slice s, char c)
{
	const char *hit = s.n ? memchr(s.p, c, s.n) : NULL;
	return hit ? hit - s.p : -1;
}

ptrdiff_t slice_find(slice s, slice needle)
{
	if (needle.n == 0)
		return 0;
	const char *hit = s.n >= needle.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
	return hit ? hit - s.p : -1;
}

slice slice_sub(slice s, size_t from, size_t to)
{
	if (to > s.n)
		to = s.n;
	if (from >= to)
		return SLICE_NONE;
	return (slice){s.p + from, to - from};
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

slice slice_trim(slice s)
{
	while (s.n && is_space(s.p[0]))
		s = (slice){s.p + 1, s.n - 1};
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool slice_split(slice *rest, char sep, slice *part)
{
	if (rest->p == NULL)
		return false;
	ptrdiff_t at = slice_find_char(*rest, sep);
	if (at < 0) {
		*part = *rest;
		*rest = SLICE_NONE;
	} else {
		*part = (slice){rest->p, (size_t)at};
		*rest = (slice){rest->p + at + 1, rest->n - (size_t)at - 1};
	}
	return true;
}

bool slice_to_i64(slice s, long long *out)
{
	bool neg = s.n && s.p[0] == '-';
	size_t i = neg;
	if (i == s.n)
		return false;
	long long v = 0;
	for (; i < s.n; i++) {
		int d = s.p[i] - '0';
		if (d < 0 || d > 9 || __builtin_mul_overflow(v, 10LL, &v))
			return false;
		if (neg ? __builtin_sub_overflow(v, (long long)d, &v)
		        : __builtin_add_overflow(v, (long long)d, &v))
			return false;
	}
	*out = v;
	return true;
}

bool slice_glob(slice s, slice pattern)
{
	size_t i = 0, j = 0, star = SIZE_MAX, mark = 0;
	while (i < s.n) {
		if (j < pattern.n && pattern.p[j] == '*') {
			star = j++;
			mark = i;
		} else if (j < pattern.n && (pattern.p[j] == '?' || pattern.p[j] == s.p[i])) {
			i++;
			j++;
		} else if (star != SIZE_MAX) {
			j = star + 1;
			i = ++mark;
		} else {
			return false;
		}
	}
	while (j < pattern.n && pattern.p[j] == '*')
		j++;
	return j == pattern.n;
}
