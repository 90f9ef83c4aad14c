/* log_redact: overwrites secrets in a text, in place and without changing its length, so that quoting and
 * JSON stay whole.
 *
 * Four shapes are looked for at every byte where a word begins:
 *   tokens    a known prefix and what follows it:            sk-ant-…, wk_…, AIza…, ghp_…, eyJ….….…
 *   schemes   "Bearer " or "Basic " and what follows:        Authorization: Bearer …
 *   names     a name that says secret, '=' or ':', a value:  "x-api-key": "…", password=…, \"api_key\":\"…\"
 *   URLs      the password in scheme://user:password@host
 * A quoted value is overwritten up to its closing quote, at whatever depth of JSON inside JSON it stands;
 * other values up to a blank, quote or delimiter. Linear but for the short look-ahead of each shape. */
#include "base/log.h"
#include "base/redact.h"

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_token(char c)
{
	return is_word(c) || c == '-' || c == '.' || c == '+' || c == '/' || c == '=' || c == '~' ||
	       c == '%' || c == '*'; /* the last one: what was overwritten before */
}

static size_t token_run(const char *s, size_t at, size_t n)
{
	while (at < n && is_token(s[at]))
		at++;
	return at;
}

static size_t skip_blanks(const char *s, size_t at, size_t n)
{
	while (at < n && (s[at] == ' ' || s[at] == '\t'))
		at++;
	return at;
}

static void overwrite(char *s, size_t from, size_t to)
{
	if (to > from)
		memset(s + from, '*', to - from);
}

static const struct {
	slice prefix;
	size_t least; /* bytes that must follow, so that words which begin alike stay readable */
} tokens[] = {
    {SLICE("wk_"), 8},
    {SLICE("wg_"), 8},
    {SLICE("sk-"), 8},
    {SLICE("sk_"), 12},
    {SLICE("pk-"), 16},
    {SLICE("rk_"), 16},
    {SLICE("AIza"), 16},
    {SLICE("AQ."), 16},
    {SLICE("ya29."), 8},
    {SLICE("ghp_"), 16},
    {SLICE("gho_"), 16},
    {SLICE("ghu_"), 16},
    {SLICE("ghs_"), 16},
    {SLICE("ghr_"), 16},
    {SLICE("github_pat_"), 8},
    {SLICE("glpat-"), 8},
    {SLICE("gldt-"), 8},
    {SLICE("npm_"), 16},
    {SLICE("hf_"), 16},
    {SLICE("gsk_"), 16},
    {SLICE("xai-"), 16},
    {SLICE("xoxb-"), 8},
    {SLICE("xoxp-"), 8},
    {SLICE("xapp-"), 8},
    {SLICE("AKIA"), 16},
    {SLICE("ASIA"), 16},
    {SLICE("ABSK"), 16},
    {SLICE("eyJ"), 16},
    {SLICE("hooks.slack.com/services/"), 1},
};

/* The end of the token at `at`, or 0. */
static size_t match_token(char *s, size_t at, size_t n)
{
	slice rest = slice_make(s + at, n - at);
	for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
		size_t from = at + tokens[i].prefix.n;
		if (!slice_starts(rest, tokens[i].prefix))
			continue;
		size_t to = token_run(s, from, n);
		if (to - from < tokens[i].least)
			continue;
		overwrite(s, from, to);
		return to;
	}
	return 0;
}

/* "basic" is also a word: on its own it counts when what follows could be base64 and not the next word. */
static bool is_lower_word(const char *s, size_t from, size_t to)
{
	while (from < to && s[from] >= 'a' && s[from] <= 'z')
		from++;
	return from == to;
}

static size_t match_scheme(char *s, size_t at, size_t n)
{
	static const slice schemes[] = {SLICE("bearer"), SLICE("basic")};
	slice rest = slice_make(s + at, n - at);
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
		if (!slice_starts_nocase(rest, schemes[i]))
			continue;
		size_t from = skip_blanks(s, at + schemes[i].n, n), to = token_run(s, from, n);
		if (from == at + schemes[i].n || to == from || (i == 1 && is_lower_word(s, from, to)))
			continue;
		overwrite(s, from, to);
		return to;
	}
	return 0;
}

/* Names that say secret. '-' stands for '-', '_' or nothing; what comes before ("x-", "ANTHROPIC_") does not
 * matter, and no word character may follow. `key` alone is no secret's name, but in a URL's query. */
static const slice names[] = {
    SLICE("authorization"), SLICE("cookie"), /* header_names: their values have blanks and delimiters */
    SLICE("api-key"),       SLICE("weir-key"),       SLICE("access-key"),   SLICE("access-token"),
    SLICE("refresh-token"), SLICE("id-token"),       SLICE("auth-token"),   SLICE("session-token"),
    SLICE("oauth-token"),   SLICE("security-token"), SLICE("bearer-token"), SLICE("private-token"),
    SLICE("token"),         SLICE("client-secret"),  SLICE("secret-key"),   SLICE("private-key"),
    SLICE("signing-key"),   SLICE("secret"),         SLICE("password"),     SLICE("passwd"),
    SLICE("credential"),    SLICE("signature-256"),  SLICE("signature"),
};
#define HEADER_NAMES 2

static size_t match_one_name(const char *s, size_t at, size_t n, slice name)
{
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '-') {
			if (at < n && (s[at] == '-' || s[at] == '_'))
				at++;
			continue;
		}
		if (at >= n || (s[at] | 32) != (name.p[i] | 32))
			return 0;
		at++;
	}
	return at == n || !is_word(s[at]) ? at : 0;
}

/* The end of a secret's name that begins at `at`, or 0; *header when its value behind ':' is the whole line.
 */
static size_t match_name(const char *s, size_t at, size_t n, bool *header)
{
	*header = false;
	if (at > 0 && (s[at - 1] == '?' || s[at - 1] == '&') && n - at > 4 && memcmp(s + at, "key=", 4) == 0)
		return at + 3;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		size_t end = match_one_name(s, at, n, names[i]);
		if (end) {
			*header = i < HEADER_NAMES;
			return end;
		}
	}
	return 0;
}

/* The start of the closing quote (its backslashes included) of a string whose opening quote has `depth`
 * backslashes before it. In JSON inside JSON at nesting d that is 2^d - 1, and an escaped quote has 2^(d+1) -
 * 1, behind pairs of others. */
static size_t quoted_end(const char *s, size_t at, size_t n, char quote, size_t depth)
{
	size_t slashes = 0;
	for (; at < n; at++) {
		if (s[at] == '\\') {
			slashes++;
			continue;
		}
		size_t extra = slashes % (2 * (depth + 1));
		if (s[at] == quote && extra <= depth)
			return at - extra;
		slashes = 0;
	}
	return n;
}

/* The end of a value that has no quotes: one of `stops`, an escaped quote or an escaped control character. */
static size_t bare_end(const char *s, size_t at, size_t n, const char *stops)
{
	for (; at < n && !strchr(stops, s[at]); at++) {
		if (s[at] != '\\')
			continue;
		if (at + 1 < n && strchr("\"'nrtu", s[at + 1]))
			return at;
		at++;
	}
	return at < n ? at : n;
}

/* Backslashes and a quote at `at`: returns what is behind them and sets *depth; `at` itself when there is no
 * quote. */
static size_t take_quote(const char *s, size_t at, size_t n, size_t *depth)
{
	size_t i = at;
	while (i < n && s[i] == '\\')
		i++;
	if (i >= n || (s[i] != '"' && s[i] != '\''))
		return at;
	*depth = i - at;
	return i + 1;
}

/* The value behind a secret's name that ended at `at`; returns where to go on, 0 when there is no value. */
static size_t redact_value(char *s, size_t at, size_t n, bool header)
{
	size_t depth = 0, from = take_quote(s, at, n, &depth);
	bool json = from != at;
	from = skip_blanks(s, from, n);
	if (from >= n || (s[from] != ':' && s[from] != '='))
		return 0;
	header = header && s[from] == ':';
	from = skip_blanks(s, from + 1, n);
	while (from < n && s[from] == '[')
		from++;
	size_t value = take_quote(s, from, n, &depth);
	if (value != from) {
		size_t to = quoted_end(s, value, n, s[value - 1], depth);
		overwrite(s, value, to);
		return to;
	}
	/* In JSON a value without quotes is a number, true, false, null or an object: no secret, and stars
	 * would break it. */
	if (json)
		return from;
	size_t scheme = header ? 0 : match_scheme(s, from, n);
	if (scheme)
		return scheme;
	size_t to = bare_end(s, from, n, header ? "\r\n\"" : " \t\r\n\"',;&)}]>");
	overwrite(s, from, to);
	return to;
}

/* "://" at `at`: the password before the last '@' of the authority (RFC 3986 section 3.2). */
static size_t match_url(char *s, size_t at, size_t n)
{
	if (n - at < 3 || memcmp(s + at, "://", 3) != 0)
		return 0;
	size_t from = at + 3, colon = 0, last = 0;
	for (size_t i = from; i < n && !strchr("/?# \t\r\n\"'<>\\", s[i]); i++) {
		if (s[i] == ':' && !colon)
			colon = i;
		if (s[i] == '@')
			last = i;
	}
	if (colon && last > colon)
		overwrite(s, colon + 1, last);
	return from; /* a user name can be a token, too */
}

/* Whether a word begins at `at`; the letters of an escape before it are no part of it: \n, \u000a, %0A. */
static bool begins_word(const char *s, size_t at)
{
	if (!is_word(s[at]))
		return false;
	if (at == 0 || !is_word(s[at - 1]) || s[at - 1] == '_')
		return true;
	return (at >= 2 && s[at - 2] == '\\' && strchr("nrtbf", s[at - 1])) ||
	       (at >= 6 && s[at - 6] == '\\' && s[at - 5] == 'u') || (at >= 3 && s[at - 3] == '%');
}

bool redact_is_secret_name(slice name)
{
	bool header;
	for (size_t at = 0; at < name.n; at++)
		if (begins_word(name.p, at) && match_name(name.p, at, name.n, &header) == name.n)
			return true;
	return false;
}

void log_redact(char *line, size_t n)
{
	for (size_t at = 0; at < n;) {
		size_t next = 0;
		bool header;
		if (line[at] == ':') {
			next = match_url(line, at, n);
		} else if (begins_word(line, at)) {
			next = match_name(line, at, n, &header);
			if (next)
				next = redact_value(line, next, n, header);
			if (!next)
				next = match_scheme(line, at, n);
			if (!next)
				next = match_token(line, at, n);
		}
		at = next > at ? next : at + 1;
	}
}
