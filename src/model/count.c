#include "model/count.h"

#include "base/utf8.h"

void token_count_init(struct token_count *c, const struct bpe *b)
{
	c->bpe = b;
	for (int k = 0; k < COUNT_KINDS; k++) {
		c->settled[k] = 0;
		c->tail[k].n = 0;
	}
}

static slice tail_of(const struct token_count *c, enum count_kind kind)
{
	return slice_make(c->tail[kind].bytes, c->tail[kind].n);
}

/* Counts the first n bytes of the tail and drops them. */
static void settle(struct token_count *c, struct bpe_scratch *s, enum count_kind kind, size_t n)
{
	slice tail = tail_of(c, kind);
	c->settled[kind] += (int64_t)bpe_count(c->bpe, s, slice_sub(tail, 0, n), BPE_ORDINARY);
	c->tail[kind].n -= n;
	memmove(c->tail[kind].bytes, c->tail[kind].bytes + n, c->tail[kind].n);
}

void token_count_add(struct token_count *c, struct bpe_scratch *s, enum count_kind kind, slice text)
{
	while (text.n) {
		size_t n = COUNT_TAIL - c->tail[kind].n;
		n = n < text.n ? n : text.n;
		memcpy(c->tail[kind].bytes + c->tail[kind].n, text.p, n);
		c->tail[kind].n += n;
		text = slice_sub(text, n, text.n);
		if (c->tail[kind].n < COUNT_TAIL)
			break;
		size_t place = bpe_settled(tail_of(c, kind));
		settle(c, s, kind, place ? place : utf8_cut(tail_of(c, kind), COUNT_TAIL - 1));
	}
}

/* The length of the escape, or of the two that make one character, at the front of raw. */
static size_t escape_length(slice raw)
{
	if (raw.n < 6 || raw.p[1] != 'u')
		return raw.n < 2 ? raw.n : 2;
	bool first_half = (raw.p[2] | 0x20) == 'd' && ((raw.p[3] | 0x20) == 'a' || (raw.p[3] | 0x20) == 'b' ||
	                                               raw.p[3] == '8' || raw.p[3] == '9');
	return first_half && raw.n >= 12 && raw.p[6] == '\\' && raw.p[7] == 'u' ? 12 : 6;
}

void token_count_add_json(struct token_count *c, struct bpe_scratch *s, enum count_kind kind,
                          const json_str *text)
{
	slice raw = text->raw;
	while (raw.n) {
		ptrdiff_t at = text->escaped ? slice_find_char(raw, '\\') : -1;
		size_t plain = at < 0 ? raw.n : (size_t)at;
		token_count_add(c, s, kind, slice_sub(raw, 0, plain));
		raw = slice_sub(raw, plain, raw.n);
		if (raw.n) {
			char out[16];
			json_str escape = {slice_sub(raw, 0, escape_length(raw)), true};
			size_t n = json_unescape(&escape, out, sizeof out);
			token_count_add(c, s, kind, slice_make(out, n < sizeof out ? n : 0));
			raw = slice_sub(raw, escape.raw.n, raw.n);
		}
	}
}

void token_count_break(struct token_count *c, struct bpe_scratch *s, enum count_kind kind)
{
	settle(c, s, kind, c->tail[kind].n);
}

int64_t token_count_of(const struct token_count *c, struct bpe_scratch *s, enum count_kind kind)
{
	return c->settled[kind] + (int64_t)bpe_count(c->bpe, s, tail_of(c, kind), BPE_ORDINARY);
}

int64_t token_count_all(const struct token_count *c, struct bpe_scratch *s)
{
	int64_t n = 0;
	for (int k = 0; k < COUNT_KINDS; k++)
		n += token_count_of(c, s, (enum count_kind)k);
	return n;
}
