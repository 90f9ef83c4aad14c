/*
 * weir-sim: small tools of its own. It shares no code with the gateway on purpose, so that
 * their two books can be compared.
 */
#ifndef SIM_UTIL_H
#define SIM_UTIL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes owned by somebody else. */
struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_ARG(s)   (int)(s).n, (s).p

struct str str_of(const char *z);
bool str_eq(struct str s, const char *z);
bool str_eq_nocase(struct str s, const char *z);
bool str_starts(struct str s, const char *prefix);
bool str_has(struct str s, const char *needle);
struct str str_trim(struct str s);
/* The part before the first `sep`; `rest` becomes what follows it (empty when there is none). */
struct str str_cut(struct str *rest, char sep);
/* Decimal digits only; returns -1 for anything else. */
int64_t str_int(struct str s);
/* Copies at most cap - 1 bytes and terminates. */
void str_copy(char *to, size_t cap, struct str s);

/* A growing byte buffer that owns its memory; the program ends when memory does. */
struct buf {
	char *p;
	size_t len, cap;
};

void buf_need(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_z(struct buf *b, const char *z);
void buf_int(struct buf *b, int64_t v);
void buf_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds a JSON string with its quotes. */
void buf_json(struct buf *b, struct str s);
/* Adds the inside of a JSON string, escaped, without quotes. */
void buf_json_in(struct buf *b, struct str s);
void buf_consume(struct buf *b, size_t n);
void buf_free(struct buf *b);

#define BUF_LIT(b, literal) buf_add((b), "" literal, sizeof(literal) - 1)

uint64_t now_ns(void); /* CLOCK_MONOTONIC */
int64_t wall_ms(void); /* Unix time in milliseconds */
uint64_t hash_bytes(uint64_t seed, const void *p, size_t n);
uint64_t mix64(uint64_t x);
void *sim_alloc(size_t n); /* zeroed; never returns NULL */
void sim_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
