#include "finops/shell.h"

#include "base/utf8.h"

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("@%+=:,./_-", c));
}

/* Control characters, and the marks that turn the direction of what follows. */
static bool is_hidden(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

static bool can_be_pasted(slice word)
{
	uint32_t c;
	for (size_t i = 0, n; i < word.n; i += n) {
		n = utf8_next(word, i, &c);
		if (n == 0 || is_hidden(c))
			return false;
	}
	return true;
}

int shell_word(struct buf *out, slice word)
{
	bool plain = word.n > 0;
	int rc = can_be_pasted(word) ? 0 : ERR_INVALID;
	for (size_t i = 0; i < word.n; i++)
		plain = plain && is_plain(word.p[i]);
	if (rc == 0 && buf_slice(out).n)
		rc = buf_append(out, SLICE(" "));
	if (plain)
		return rc ? rc : buf_append(out, word);
	if (rc == 0)
		rc = buf_append(out, SLICE("'"));
	for (size_t i = 0; rc == 0 && i < word.n; i++)
		rc = word.p[i] == '\'' ? buf_append(out, SLICE("'\\''"))
		                       : buf_append(out, slice_sub(word, i, i + 1));
	return rc ? rc : buf_append(out, SLICE("'"));
}
