/* The ways of scanning a string (a byte, 8 or 16, 64 at a time) agree on everything, wherever it falls in
 * their blocks. */
#include "unit/unit.h"

#include "exact.h"

#include "text/json_scan.h"

typedef const char *scanner(const char *p, const char *end, struct json_scan *r);

static const struct {
	const char *name;
	scanner *scan;
} scanners[] = {
    {"dispatched", json_scan_string},
    {"plain", json_scan_plain},
#ifdef JSON_SCAN_AVX2
    {"avx2", json_scan_avx2},
#endif
};

static bool can_run(size_t i)
{
#ifdef JSON_SCAN_AVX2
	return scanners[i].scan != json_scan_avx2 || __builtin_cpu_supports("avx2");
#else
	return i < COUNT(scanners);
#endif
}

static void show(const char *name, slice text, const char *what)
{
	char hex[1024];
	size_t n = 0;
	for (size_t i = 0; i < text.n && n + 4 < sizeof hex; i++)
		n += (size_t)snprintf(hex + n, sizeof hex - n, "%02x ", (unsigned char)text.p[i]);
	fail_msg("%s: %s: %s", name, what, hex);
}

/* text: what follows an opening quote. */
static void agree(slice text)
{
	struct json_scan want, got;
	const char *end = text.p + text.n, *close = json_scan_scalar(text.p, end, &want);
	for (size_t i = 0; i < COUNT(scanners); i++) {
		if (!can_run(i))
			continue;
		memset(&got, 0, sizeof got);
		const char *at = scanners[i].scan(text.p, end, &got);
		if (at != close)
			show(scanners[i].name, text, "another end");
		if (close ? got.escaped != want.escaped : got.at != want.at || got.error != want.error)
			show(scanners[i].name, text, "another finding");
	}
	const char *known = json_scan_known(text.p, end, &got);
	if (close ? known != close || got.escaped != want.escaped
	          : known != NULL && (known < text.p || known >= end))
		show("known", text, close ? "another end or finding" : "an end outside");
	const char *quick = json_scan_short(text.p, end);
	if (quick && (quick != close || want.escaped))
		show("short", text, "not what is there");
}

/* What the bits of the four bytes stand for, said without the cases of json_utf8_len. */
static unsigned by_definition(const unsigned char s[4])
{
	unsigned n = s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf8 ? 4 : 0;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t c = s[0] & (0x7fu >> n);
	for (unsigned i = 1; i < n; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : n;
}

/* All first and second bytes, with third and fourth ones around the borders of what continues. */
static void knows_utf8(void **state)
{
	(void)state;
	static const unsigned char more[] = {0x00, '"', 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
	size_t valid = 0;
	for (unsigned pair = 0x8000; pair < 65536; pair++)
		for (unsigned k = 0; k < COUNT(more) * COUNT(more); k++) {
			unsigned char b[4] = {(unsigned char)(pair >> 8), (unsigned char)pair,
			                      more[k / COUNT(more)], more[k % COUNT(more)]};
			char s[4];
			memcpy(s, b, 4);
			unsigned n = json_utf8_len(s, s + 4), want = by_definition(b);
			if (n != want)
				fail_msg("%02x %02x %02x %02x: %u, not %u", b[0], b[1], b[2], b[3], n, want);
			for (unsigned cut = 1; cut < n; cut++)
				assert_int_equal(json_utf8_len(s, s + cut), 0);
			valid += n > 0;
		}
	assert_true(valid > 100000);
}

/* Every pair of bytes, a quote or a continuation behind it, across the ends of blocks of 16, 32 and 64. */
static void agrees_on_pairs(void **state)
{
	(void)state;
	static const size_t places[] = {0, 13, 14, 15, 29, 30, 31, 61, 62, 63};
	char text[128];
	for (size_t k = 0; k < COUNT(places); k++)
		for (unsigned pair = 0; pair < 65536; pair++) {
			memset(text, 'a', sizeof text);
			text[places[k]] = (char)(pair >> 8);
			text[places[k] + 1] = (char)pair;
			text[places[k] + 2] = pair % 3 ? '"' : '\x80';
			text[100] = '"';
			agree(slice_make(text, sizeof text));
		}
}

/* Strings made of pieces that matter, of all lengths, the text ending anywhere. */
static void agrees_on_random_strings(void **state)
{
	(void)state;
	static const char *const pieces[] = {
	    "a",
	    "plain text ",
	    "\\n",
	    "\\\"",
	    "\\\\",
	    "\\u00e9",
	    "\\ud83d\\ude00",
	    "\xc3\xa9",
	    "\xe4\xb8\xad",
	    "\xf0\x9f\x98\x80",
	    "\\",
	    "\\x",
	    "\\u12",
	    "\x80",
	    "\xc3",
	    "\xe4\xb8",
	    "\xf0\x9f",
	    "\"",
	    "\n",
	    "\\\\\\\\",
	    "0123456789abcdef",
	    "\xed\xa0\x80",
	    "\xf4\x90\x80\x80",
	    "\\t",
	};
	/* The last pieces are faults: a text has few of them, or the rest would never be looked at. */
	static const unsigned char sound[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 19, 20, 23};
	uint64_t x = 88172645463325252;
	for (int round = 0; round < 60000; round++) {
		char text[400];
		size_t n = 0, want = next_random(&x) % 300;
		while (n < want) {
			uint64_t r = next_random(&x);
			const char *piece =
			    pieces[r % 40 ? sound[(r >> 8) % sizeof sound] : (r >> 8) % COUNT(pieces)];
			memcpy(text + n, piece, strlen(piece));
			n += strlen(piece);
		}
		if (round % 4)
			text[n++] = '"';
		struct exact e = exact_copy(slice_make(text, n));
		agree(e.s);
		exact_free(&e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(knows_utf8),
	    cmocka_unit_test(agrees_on_pairs),
	    cmocka_unit_test(agrees_on_random_strings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
