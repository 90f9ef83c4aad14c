#include "text/gist.h"

#include <string.h>
#include <xxhash.h>

#define ID_LENGTH    16
#define HEX_LENGTH   8
#define LABEL_LENGTH 9 /* of the longest in label_of */
#define SHORT_HEX    6

void gist_init(struct gist *g)
{
	*g = (struct gist){.hash = 0x9e3779b97f4a7c15u};
	memset(g->least, 0xff, sizeof g->least);
}

/* --- words ----------------------------------------------------------------------------------- */

enum { C_LETTER = 1, C_DIGIT = 2, C_HEX = 4, C_COLON = 8, C_DASH = 16, C_DOT = 32, C_OTHER = 64 };

/* What a character of a word is; 0 parts words. */
static const uint8_t classes[256] = {
    ['0' ... '9'] = C_DIGIT | C_HEX,
    ['A' ... 'F'] = C_LETTER | C_HEX,
    ['G' ... 'Z'] = C_LETTER,
    ['a' ... 'f'] = C_LETTER | C_HEX,
    ['g' ... 'z'] = C_LETTER,
    [0x80 ... 0xff] = C_LETTER,
    [':'] = C_COLON,
    ['-'] = C_DASH,
    ['.'] = C_DOT,
    ['_'] = C_OTHER,
    ['/'] = C_OTHER,
    ['+'] = C_OTHER,
    ['%'] = C_OTHER,
    ['#'] = C_OTHER,
    ['@'] = C_OTHER,
    ['~'] = C_OTHER,
};

static unsigned class_of(unsigned char c)
{
	return classes[c];
}

struct word {
	slice text;
	unsigned all, any; /* classes that every, that some character has */
	size_t digits, letters, colons, dashes, dots;
};

static struct word word_of(slice text)
{
	struct word w = {.text = text, .all = ~0u};
	for (size_t i = 0; i < text.n; i++) {
		unsigned c = class_of((unsigned char)text.p[i]);
		w.all &= c;
		w.any |= c;
		w.digits += (c & C_DIGIT) != 0;
		w.letters += (c & C_LETTER) != 0;
		w.colons += c == C_COLON;
		w.dashes += c == C_DASH;
		w.dots += c == C_DOT;
	}
	return w;
}

static bool is_number(const struct word *w)
{
	return w->digits > 0 && w->digits + w->dots == w->text.n;
}

/* 12:01, 12:01:59.123, 2026-11-24, 2026-11-24T12:01:59Z */
static bool is_time(const struct word *w)
{
	size_t rest = w->text.n - w->digits - w->colons - w->dashes - w->dots;
	bool letters = w->letters == rest && rest <= 2;
	return w->digits >= 3 && letters && (w->colons >= 1 || (w->dashes == 2 && w->digits >= 6));
}

/* "0.31s", "12ms", "1m2s" */
static bool is_duration(const struct word *w)
{
	static const slice units[] = {SLICE("ns"), SLICE("us"),  SLICE("ms"),  SLICE("s"),
	                              SLICE("m"),  SLICE("sec"), SLICE("min"), SLICE("h")};
	size_t n = w->text.n;
	if (!w->digits || w->text.p[0] < '0' || w->text.p[0] > '9' || w->letters > 4 ||
	    w->digits + w->letters + w->dots != n)
		return false;
	size_t from = n;
	while (from && !(class_of((unsigned char)w->text.p[from - 1]) & (C_DIGIT | C_DOT)))
		from--;
	slice unit = slice_sub(w->text, from, n);
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (slice_eq(unit, units[i]))
			return true;
	return false;
}

static bool is_unit(slice word)
{
	static const slice units[] = {SLICE("ms"),      SLICE("s"),       SLICE("sec"),
	                              SLICE("secs"),    SLICE("seconds"), SLICE("us"),
	                              SLICE("minutes"), SLICE("second"),  SLICE("minute"),
	                              SLICE("min"),     SLICE("millis"),  SLICE("milliseconds")};
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (slice_eq_nocase(word, units[i]))
			return true;
	return false;
}

/* Addresses, hashes, UUIDs and ids. */
static bool is_id(const struct word *w)
{
	size_t n = w->text.n;
	if (n > 2 && w->text.p[0] == '0' && (w->text.p[1] | 32) == 'x')
		return true;
	bool hex = w->digits && (w->any & ~(unsigned)(C_LETTER | C_HEX | C_DIGIT | C_DASH)) == 0;
	if (hex && n >= HEX_LENGTH && w->digits != n) {
		size_t not_hex = 0;
		for (size_t i = 0; i < n; i++)
			not_hex += !(class_of((unsigned char)w->text.p[i]) & (C_HEX | C_DASH));
		if (not_hex == 0)
			return true;
	}
	return n >= ID_LENGTH && w->digits >= 4 && w->letters >= 4 && w->dots == 0 &&
	       memchr(w->text.p, '/', n) == NULL;
}

static bool is_short_hex(slice word)
{
	for (size_t i = 0; i < word.n; i++)
		if (!(class_of((unsigned char)word.p[i]) & C_HEX))
			return false;
	return word.n >= SHORT_HEX;
}

/* How many words behind a label are volatile. */
static unsigned label_of(slice word)
{
	static const struct {
		slice label;
		unsigned words;
	} labels[] = {
	    {SLICE("pgid:"), 1}, {SLICE("pid:"), 1},     {SLICE("pid"), 1},
	    {SLICE("id:"), 1},   {SLICE("time:"), 2},    {SLICE("took"), 2},
	    {SLICE("after"), 2}, {SLICE("elapsed:"), 2}, {SLICE("duration:"), 2},
	};
	char first = (char)(word.p[0] | 32), last = (char)(word.p[word.n - 1] | 32);
	if (last != ':' && first != 'p' && first != 't' && first != 'a') /* none of them, and most words */
		return 0;
	for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
		if (slice_eq_nocase(word, labels[i].label))
			return labels[i].words;
	return 0;
}

/* --- the fingerprint ------------------------------------------------------------------------- */

static void take(struct gist *g, uint64_t h)
{
	g->hash = (g->hash ^ h) * 0xff51afd7ed558ccdu;
	g->hash ^= g->hash >> 32;
	g->words++;
	uint32_t value = (uint32_t)(h >> 32);
	size_t bin = h >> 8 & (GIST_BINS - 1); /* the lowest bits tell kinds of words apart */
	if (value < g->least[bin])
		g->least[bin] = value;
}

/* "exit code 2", "Exited with code 1", "exit status 1", "Exit Code: 2" */
static void note_exit(struct gist *g, slice t, bool number)
{
	if (g->exit == 0 && (t.p[0] | 32) != 'e')
		return;
	if (slice_eq_nocase(t, SLICE("exit")) || slice_eq_nocase(t, SLICE("exited")))
		g->exit = 1;
	else if (g->exit == 1 && slice_eq_nocase(t, SLICE("with")))
		g->exit = 1;
	else if (g->exit == 1 &&
	         (slice_starts_nocase(t, SLICE("code")) || slice_starts_nocase(t, SLICE("status"))))
		g->exit = 2;
	else {
		if (g->exit == 2 && number && !slice_eq(t, SLICE("0")))
			g->failed = true;
		g->exit = 0;
	}
}

/* any: the classes of its characters. Only a word with a digit in it can be volatile by itself, and most have
 * none. */
static void take_word(struct gist *g, slice text, unsigned any)
{
	struct word w = {0};
	bool digits = any & C_DIGIT, number = false;
	if (digits) {
		w = word_of(text);
		number = is_number(&w);
	}
	if (g->number) { /* a number with a unit behind it is a duration, else it counts */
		uint64_t waits = g->number;
		g->number = 0;
		if (!digits && is_unit(text)) {
			take(g, 1);
			return;
		}
		take(g, waits);
	}
	note_exit(g, text, number);
	bool skip = g->label && (digits || is_short_hex(text)); /* an id may happen to have no digit */
	g->label = (uint8_t)(g->label ? g->label - 1 : 0);
	if (skip || (digits && !number && (is_time(&w) || is_duration(&w) || is_id(&w)))) {
		take(g, 1);
		return;
	}
	unsigned label = digits || text.n > LABEL_LENGTH ? 0 : label_of(text);
	if (label)
		g->label = (uint8_t)label;
	uint64_t h = XXH3_64bits(text.p, text.n) | 2;
	if (number)
		g->number = h;
	else
		take(g, h);
}

/* json: a backslash and what it escapes stand between words. */
static void add(struct gist *g, slice text, bool json)
{
	size_t i = 0;
	while (i < text.n) {
		if (json && text.p[i] == '\\') {
			i += i + 1 < text.n && text.p[i + 1] == 'u' ? 6 : 2;
			continue;
		}
		size_t from = i;
		unsigned any = 0;
		for (unsigned c; i < text.n && (c = class_of((unsigned char)text.p[i])) != 0; i++)
			any |= c;
		size_t end = i;
		while (end > from && (text.p[end - 1] == '.' || (text.p[end - 1] == '-' && end - from > 1)))
			end--; /* the end of a sentence is not of the word */
		if (end > from)
			take_word(g, slice_make(text.p + from, end - from), any);
		i += i == from;
	}
}

void gist_add(struct gist *g, slice text)
{
	add(g, text, false);
}

void gist_add_json(struct gist *g, slice raw)
{
	if (raw.n <= (size_t)2 * GIST_READ) {
		add(g, raw, true);
		return;
	}
	add(g, slice_sub(raw, 0, GIST_READ), true);
	take(g, raw.n | (uint64_t)1 << 63);
	add(g, slice_sub(raw, raw.n - GIST_READ, raw.n), true);
}

void gist_end(struct gist *g, struct gist_mark *mark)
{
	if (g->number)
		take(g, g->number);
	g->number = 0;
	for (size_t i = 0; i < GIST_BINS; i++)
		mark->at[i] = g->least[i] == UINT32_MAX ? 0 : (uint8_t)(1 + (g->least[i] & 0xff) % 255);
}

unsigned gist_alike(const struct gist_mark *a, const struct gist_mark *b)
{
	unsigned same = 0;
	for (size_t i = 0; i < GIST_BINS; i++)
		same += a->at[i] == b->at[i];
	return same;
}
