/* A slice: bytes that somebody else owns. Strings travel as slices; NUL only where libc asks. */
#ifndef WEIR_BASE_SLICE_H
#define WEIR_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct slice {
	const char *p; /* not owned; may be NULL when n is 0 */
	size_t n;      /* bytes */
} slice;

#define SLICE(lit)   ((slice){("" lit ""), sizeof(lit) - 1})
#define SLICE_NONE   ((slice){NULL, 0})
#define SLICE_FMT    "%.*s"
#define SLICE_ARG(s) (int)(s).n, (s).n ? (s).p : ""

static inline slice slice_of(const char *z)
{
	return z ? (slice){z, strlen(z)} : SLICE_NONE;
}

static inline slice slice_make(const void *p, size_t n)
{
	return (slice){(const char *)p, n};
}

static inline bool slice_eq(slice a, slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool slice_starts(slice s, slice prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool slice_ends(slice s, slice suffix)
{
	return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.p + (s.n - suffix.n), suffix.p, suffix.n) == 0);
}

/* ASCII case is folded; other bytes compare as they are (header names, RFC 9110 section 5.1). */
bool slice_eq_nocase(slice a, slice b);
bool slice_starts_nocase(slice s, slice prefix);

/* Bytewise order, as memcmp, the shorter first when one is a prefix of the other. */
int slice_cmp(slice a, slice b);

/* Index of the first c, or -1. */
ptrdiff_t slice_find_char(slice s, char c);

/* Index of the first occurrence of needle (a needle of 0 bytes is at 0), or -1. */
ptrdiff_t slice_find(slice s, slice needle);

/* s[from, to), clipped to s. */
slice slice_sub(slice s, size_t from, size_t to);

/* Without leading and trailing spaces, tabs, CR and LF. */
slice slice_trim(slice s);

/* Takes the part before sep off *rest and returns it; all of it when sep is not there. False when *rest is
 * spent (its p is then NULL), so that "a,b," gives three parts and "" one. */
bool slice_split(slice *rest, char sep, slice *part);

/* Decimal digits with an optional '-', the whole slice; false on anything else or overflow. */
bool slice_to_i64(slice s, long long *out);

/* Shell-style pattern: '*' any run, '?' any one byte; no classes. Linear in |s| * |pattern|. */
bool slice_glob(slice s, slice pattern);

#endif
