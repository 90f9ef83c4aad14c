#include "store/pack_parts.h"

#include "base/num.h"

#define NUMBERS  (2 + 2 * SENT_N)
/* The most that one part takes. */
#define PART_MAX ((size_t)1 + 10 * NUMBERS + 2 * (1 + PART_TOOL_MAX))

_Static_assert(PACK_PARTS_MIN >= 1 + PART_MAX + (size_t)10 * NUMBERS + 64,
               "one part and the rest always fit");
_Static_assert(PART_TOOL_MAX < 256, "a text's length is a byte");

/* --- writing --------------------------------------------------------------------------------- */

static unsigned char *put_int(unsigned char *p, int64_t number)
{
	uint64_t v = ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);
	while (v >= 0x80) {
		*p++ = (unsigned char)(v | 0x80);
		v >>= 7;
	}
	*p++ = (unsigned char)v;
	return p;
}

static unsigned char *put_text(unsigned char *p, slice s)
{
	size_t n = s.n < PART_TOOL_MAX ? s.n : PART_TOOL_MAX;
	while (n < s.n && n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--; /* not within a character */
	*p++ = (unsigned char)n;
	if (n)
		memcpy(p, s.p, n);
	return p + n;
}

static size_t put_part(const struct record_part *r, unsigned char *out)
{
	unsigned char *p = out;
	*p++ = (unsigned char)r->part;
	p = put_int(p, r->calls);
	p = put_int(p, r->failures);
	for (int i = 0; i < SENT_N; i++)
		p = put_int(p, r->tokens[i]);
	for (int i = 0; i < SENT_N; i++)
		p = put_int(p, r->nanousd[i]);
	p = put_text(p, r->tool);
	p = put_text(p, r->mcp_server);
	return (size_t)(p - out);
}

static void start_rest(struct record_part *rest)
{
	*rest = (struct record_part){.part = CALL_PART_TOOL, .tool = SLICE(PART_OTHER_TOOLS)};
	for (int i = 0; i < SENT_N; i++)
		rest->tokens[i] = rest->nanousd[i] = RECORD_ABSENT;
}

size_t parts_pack(const struct record_part *parts, size_t n, unsigned char *out, size_t cap)
{
	unsigned char one[PART_MAX];
	struct record_part rest;
	size_t at = 1, room_of_rest = (size_t)1 + 10 * NUMBERS + 2 + sizeof PART_OTHER_TOOLS;
	unsigned count = 0, left = 0;
	start_rest(&rest);
	for (size_t i = 0; i < n; i++) {
		size_t size = put_part(&parts[i], one);
		if (count < RECORD_PARTS_MAX && at + size + room_of_rest <= cap) {
			memcpy(out + at, one, size);
			at += size;
			count++;
		} else {
			record_part_add(&rest, &parts[i]);
			left++;
		}
	}
	if (left) {
		at += put_part(&rest, out + at);
		count++;
	}
	out[0] = (unsigned char)count;
	return at;
}

/* --- reading --------------------------------------------------------------------------------- */

struct reader {
	const unsigned char *p, *end;
	bool bad;
};

static int64_t get_int(struct reader *in)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64 && in->p < in->end; shift += 7) {
		unsigned char c = *in->p++;
		v |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80)
			return (int64_t)(v >> 1 ^ (0 - (v & 1)));
	}
	in->bad = true;
	return 0;
}

static slice get_text(struct reader *in)
{
	size_t n = in->p < in->end ? *in->p++ : (size_t)PART_TOOL_MAX + 1;
	if (n > PART_TOOL_MAX || n > (size_t)(in->end - in->p)) {
		in->bad = true;
		return SLICE_NONE;
	}
	slice s = slice_make(in->p, n);
	in->p += n;
	return s;
}

bool parts_unpack(slice bytes, struct record_part *out, size_t *n)
{
	struct reader in = {(const unsigned char *)bytes.p, (const unsigned char *)bytes.p + bytes.n, false};
	*n = 0;
	if (bytes.n == 0)
		return true;
	size_t count = *in.p++;
	if (count > RECORD_PARTS_MAX + 1)
		return false;
	for (size_t i = 0; i < count && !in.bad; i++) {
		struct record_part *r = &out[i];
		unsigned part = in.p < in.end ? *in.p++ : CALL_PART_N;
		in.bad = part >= CALL_PART_N;
		r->part = (enum call_part)part;
		r->calls = get_int(&in);
		r->failures = get_int(&in);
		for (int k = 0; k < SENT_N; k++)
			r->tokens[k] = get_int(&in);
		for (int k = 0; k < SENT_N; k++)
			r->nanousd[k] = get_int(&in);
		r->tool = get_text(&in);
		r->mcp_server = get_text(&in);
	}
	*n = in.bad ? 0 : count;
	return !in.bad && in.p == in.end;
}
