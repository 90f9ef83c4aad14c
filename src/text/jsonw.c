/* The writer (jsonw.h). */
#include "text/jsonw.h"

#include "text/json_scan.h"

void jsonw_init(struct jsonw *w, struct buf *out)
{
	*w = (struct jsonw){.out = out};
}

static void misuse(struct jsonw *w)
{
	if (!w->error)
		w->error = ERR_INVALID;
}

static void put(struct jsonw *w, slice s)
{
	if (!w->error && s.n)
		w->error = buf_append(w->out, s);
}

static bool in_object(const struct jsonw *w)
{
	return w->depth && (w->objects >> (w->depth - 1) & 1);
}

/* Before every value: is one due here, and does a comma go before it? */
static void value(struct jsonw *w)
{
	if (in_object(w) ? !w->keyed : w->depth == 0 && w->comma)
		misuse(w);
	if (w->comma && !w->keyed)
		put(w, SLICE(","));
	w->comma = true;
	w->keyed = false;
}

static void open(struct jsonw *w, bool object)
{
	value(w);
	if (w->depth >= JSONW_MAX_DEPTH) {
		misuse(w);
		return;
	}
	uint64_t bit = (uint64_t)1 << w->depth++;
	w->objects = object ? w->objects | bit : w->objects & ~bit;
	w->comma = false;
	put(w, object ? SLICE("{") : SLICE("["));
}

static void shut(struct jsonw *w, bool object)
{
	if (w->depth == 0 || in_object(w) != object || w->keyed) {
		misuse(w);
		return;
	}
	w->depth--;
	w->comma = true;
	put(w, object ? SLICE("}") : SLICE("]"));
}

int jsonw_end(struct jsonw *w)
{
	if (w->depth || !w->comma)
		misuse(w);
	return w->error;
}

void jsonw_object(struct jsonw *w)
{
	open(w, true);
}

void jsonw_object_end(struct jsonw *w)
{
	shut(w, true);
}

void jsonw_array(struct jsonw *w)
{
	open(w, false);
}

void jsonw_array_end(struct jsonw *w)
{
	shut(w, false);
}

static void escape(struct jsonw *w, unsigned char c)
{
	static const char hex[] = "0123456789abcdef", from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	char out[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
	const char *hit = c ? strchr(from, c) : NULL;
	if (c >= 0x80) {
		put(w, SLICE("\xef\xbf\xbd"));
		return;
	}
	if (hit)
		out[1] = to[hit - from];
	put(w, slice_make(out, hit ? 2 : 6));
}

/* Runs of bytes that stand for themselves go out in one piece. */
static void quoted(struct jsonw *w, slice text)
{
	const char *p = text.p, *end = p + text.n, *run = p;
	put(w, SLICE("\""));
	while (p < end && !w->error) {
		unsigned char c = (unsigned char)*p;
		unsigned n = c < 0x80 ? c >= 0x20 && c != '"' && c != '\\' : json_utf8_len(p, end);
		p += n;
		if (n)
			continue;
		put(w, slice_make(run, (size_t)(p - run)));
		escape(w, c);
		run = ++p;
	}
	put(w, slice_make(run, (size_t)(p - run)));
	put(w, SLICE("\""));
}

void jsonw_key(struct jsonw *w, slice key)
{
	if (!in_object(w) || w->keyed)
		misuse(w);
	if (w->comma)
		put(w, SLICE(","));
	quoted(w, key);
	put(w, SLICE(":"));
	w->keyed = true;
}

void jsonw_string(struct jsonw *w, slice text)
{
	value(w);
	quoted(w, text);
}

void jsonw_str(struct jsonw *w, const json_str *s)
{
	value(w);
	put(w, SLICE("\""));
	put(w, s->raw);
	put(w, SLICE("\""));
}

void jsonw_i64(struct jsonw *w, int64_t v)
{
	char digits[20], *p = digits + sizeof digits;
	uint64_t n = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	if (v < 0)
		*--p = '-';
	jsonw_raw(w, slice_make(p, (size_t)(digits + sizeof digits - p)));
}

void jsonw_bool(struct jsonw *w, bool v)
{
	jsonw_raw(w, v ? SLICE("true") : SLICE("false"));
}

void jsonw_null(struct jsonw *w)
{
	jsonw_raw(w, SLICE("null"));
}

void jsonw_raw(struct jsonw *w, slice raw)
{
	value(w);
	if (raw.n == 0)
		misuse(w);
	put(w, raw);
}

void jsonw_put_string(struct jsonw *w, slice key, slice text)
{
	jsonw_key(w, key);
	if (text.p)
		jsonw_string(w, text);
	else
		jsonw_null(w);
}

void jsonw_put_i64(struct jsonw *w, slice key, int64_t v)
{
	jsonw_key(w, key);
	jsonw_i64(w, v);
}

void jsonw_put_bool(struct jsonw *w, slice key, bool v)
{
	jsonw_key(w, key);
	jsonw_bool(w, v);
}

void jsonw_put_null(struct jsonw *w, slice key)
{
	jsonw_key(w, key);
	jsonw_null(w);
}

void jsonw_put_raw(struct jsonw *w, slice key, slice value_bytes)
{
	jsonw_key(w, key);
	jsonw_raw(w, value_bytes);
}
