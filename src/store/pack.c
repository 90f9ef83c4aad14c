#include "store/pack.h"

#include <xxhash.h>

#define SAME 1
#define TEXT 2

/* The plain numbers of a record. */
static const unsigned short numbers[] = {
    offsetof(struct record, time_ms),           offsetof(struct record, turn),
    offsetof(struct record, attempt),           offsetof(struct record, status),
    offsetof(struct record, duration_ms),       offsetof(struct record, ttft_ms),
    offsetof(struct record, context_tokens),    offsetof(struct record, tool_calls),
    offsetof(struct record, server_tool_calls), offsetof(struct record, list_cost_nanousd),
    offsetof(struct record, hold_nanousd),      offsetof(struct record, cost.total),
    offsetof(struct record, credits_nano),      offsetof(struct record, hold_tokens),
};
#define NUMBERS (sizeof numbers / sizeof numbers[0])

_Static_assert(PACK_ID + 10 * (NUMBERS + METER_N + COST_N) + 7 + PACK_TEXTS <= PACK_MIN,
               "PACK_MIN is too small");
_Static_assert(ATTR_TEXT_MAX < 1 << 14, "a text's length takes at most two bytes");

/* --- writing --------------------------------------------------------------------------------- */

static unsigned char *put_uint(unsigned char *p, uint64_t v)
{
	while (v >= 0x80) {
		*p++ = (unsigned char)(v | 0x80);
		v >>= 7;
	}
	*p++ = (unsigned char)v;
	return p;
}

static unsigned char *put_int(unsigned char *p, int64_t v)
{
	return put_uint(p, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

static unsigned char *put_numbers(unsigned char *p, const struct record *r)
{
	memcpy(p, r->id, PACK_ID);
	p += PACK_ID;
	*p++ = (unsigned char)r->api;
	*p++ = (unsigned char)r->ending;
	*p++ = (unsigned char)r->billing;
	*p++ = (unsigned char)r->usage_source;
	*p++ = (unsigned char)r->decision;
	*p++ = (unsigned char)(r->stream | r->priced << 1);
	for (size_t i = 0; i < NUMBERS; i++) {
		int64_t v;
		memcpy(&v, (const char *)r + numbers[i], sizeof v);
		p = put_int(p, v);
	}
	for (size_t i = 0; i < METER_N; i++)
		p = put_int(p, r->usage.m[i]);
	for (size_t i = 0; i < COST_N; i++)
		p = put_int(p, r->cost.part[i]);
	return p;
}

static const slice *text_at(const struct record *r, size_t i)
{
	return i < ATTR_N ? &r->who.v[i] : &r->text[i - ATTR_N];
}

static size_t text_max(size_t i)
{
	return i < ATTR_N ? ATTR_TEXT_MAX : record_text_max((enum record_text)(i - ATTR_N));
}

/* n, or less so that no UTF-8 sequence is cut. */
static size_t char_border(slice s, size_t n)
{
	if (n >= s.n)
		return s.n;
	while (n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* Bytes that a text of n bytes takes beyond the one that every text takes. */
static size_t text_cost(size_t n)
{
	return n == 0 ? 0 : n + (n + TEXT >= 0x80);
}

/* Shortens lengths until their sum fits into room. */
static void cut_texts(const struct record *r, uint16_t n[PACK_TEXTS], size_t sum, size_t room)
{
	static const size_t first[] = {ATTR_TAGS, ATTR_N + TEXT_EXPLANATION};
	for (size_t i = 0; i < sizeof first / sizeof first[0] && sum > room; i++) {
		sum -= text_cost(n[first[i]]);
		n[first[i]] = 0; /* half a JSON object or half a sentence is worse than none */
	}
	while (sum > room) {
		size_t longest = 0;
		for (size_t i = 1; i < PACK_TEXTS; i++)
			if (n[i] > n[longest])
				longest = i;
		size_t over = sum - room, half = n[longest] / 2;
		size_t to = n[longest] - over > half && over < n[longest] ? n[longest] - over : half;
		sum -= text_cost(n[longest]);
		n[longest] = (uint16_t)char_border(*text_at(r, longest), to);
		sum += text_cost(n[longest]);
	}
}

/* Which texts need not be written: those equal to base's or, when short of room, those base has the beginning
 * of. Returns what the others take. */
static size_t plan_texts(const struct record *r, const struct record *base, bool short_of_room,
                         uint16_t n[PACK_TEXTS], bool same[PACK_TEXTS])
{
	size_t sum = 0;
	for (size_t i = 0; i < PACK_TEXTS; i++) {
		slice s = *text_at(r, i), b = base ? *text_at(base, i) : SLICE_NONE;
		same[i] = b.n && (short_of_room ? slice_starts(s, b) : slice_eq(s, b));
		n[i] = same[i] ? 0 : (uint16_t)char_border(s, text_max(i));
		sum += text_cost(n[i]);
	}
	return sum;
}

size_t record_pack(const struct record *r, const struct record *base, unsigned char *out, size_t cap)
{
	uint16_t n[PACK_TEXTS];
	bool same[PACK_TEXTS];
	unsigned char *p = put_numbers(out, r);
	size_t room = cap - (size_t)(p - out) - PACK_TEXTS;
	size_t sum = plan_texts(r, base, false, n, same);
	if (sum > room)
		sum = plan_texts(r, base, true, n, same);
	if (sum > room)
		cut_texts(r, n, sum, room);
	for (size_t i = 0; i < PACK_TEXTS; i++) {
		if (n[i] == 0) {
			*p++ = same[i] ? SAME : 0;
			continue;
		}
		p = put_uint(p, n[i] + TEXT);
		memcpy(p, text_at(r, i)->p, n[i]);
		p += n[i];
	}
	return (size_t)(p - out);
}

/* --- reading --------------------------------------------------------------------------------- */

struct reader {
	const unsigned char *p, *end;
	bool bad;
};

static uint64_t get_uint(struct reader *in)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64 && in->p < in->end; shift += 7) {
		unsigned char c = *in->p++;
		v |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80)
			return v;
	}
	in->bad = true;
	return 0;
}

static int64_t get_int(struct reader *in)
{
	uint64_t v = get_uint(in);
	return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

static unsigned get_below(struct reader *in, unsigned limit)
{
	unsigned v = in->p < in->end ? *in->p++ : limit;
	if (v >= limit) {
		in->bad = true;
		return 0;
	}
	return v;
}

static void get_numbers(struct reader *in, struct record *r)
{
	memcpy(r->id, in->p, PACK_ID);
	in->p += PACK_ID;
	r->api = (enum api)get_below(in, API_N);
	r->ending = (enum ending)get_below(in, ENDING_N);
	r->billing = (enum billing)get_below(in, BILLING_N);
	r->usage_source = (enum usage_source)get_below(in, SOURCE_N);
	r->decision = (enum decision)get_below(in, DECISION_N);
	unsigned flags = get_below(in, 4);
	r->stream = flags & 1;
	r->priced = flags >> 1;
	for (size_t i = 0; i < NUMBERS; i++) {
		int64_t v = get_int(in);
		memcpy((char *)r + numbers[i], &v, sizeof v);
	}
	for (size_t i = 0; i < METER_N; i++)
		r->usage.m[i] = get_int(in);
	for (size_t i = 0; i < COST_N; i++)
		r->cost.part[i] = get_int(in);
}

bool record_unpack(slice bytes, const struct record *base, struct record *r)
{
	record_init(r);
	if (bytes.n < PACK_ID)
		return false;
	struct reader in = {(const unsigned char *)bytes.p, (const unsigned char *)bytes.p + bytes.n, false};
	get_numbers(&in, r);
	for (size_t i = 0; i < PACK_TEXTS && !in.bad; i++) {
		slice *to = i < ATTR_N ? &r->who.v[i] : &r->text[i - ATTR_N];
		uint64_t n = get_uint(&in);
		if (n == SAME && base)
			*to = *text_at(base, i);
		else if (n == SAME || (n >= TEXT && n - TEXT > (uint64_t)(in.end - in.p)))
			in.bad = true;
		else if (n >= TEXT) {
			*to = (slice){(const char *)in.p, (size_t)(n - TEXT)};
			in.p += n - TEXT;
		}
	}
	return !in.bad && in.p == in.end;
}

/* --- layout ---------------------------------------------------------------------------------- */

uint64_t pack_layout(void)
{
	static const char names[] =
#define X(id, name, ...) #name " "
	    API_LIST(X) ATTR_LIST(X) RECORD_TEXT_LIST(X) METER_LIST(X) COST_LIST(X) ENDING_LIST(X)
	        USAGE_SOURCE_LIST(X) DECISION_LIST(X) BILLING_LIST(X)
#undef X
	            "time turn attempt status duration ttft context tools server_tools list hold total";
	return XXH3_64bits(names, sizeof names - 1);
}
