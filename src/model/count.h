/* Tokens of what passes in a stream, counted while it passes: for answers that end before the provider
 * reports its usage. By a public encoding the count is what the whole text would give, however it was cut. */
#ifndef WEIR_MODEL_COUNT_H
#define WEIR_MODEL_COUNT_H

#include <stdint.h>

#include "text/bpe.h"
#include "text/json.h"

/* What passes is counted apart, and each is a text of its own. */
enum count_kind { COUNT_TEXT, COUNT_TOOL_ARGUMENTS, COUNT_THINKING, COUNT_KINDS };

/* Bytes that wait for more of their kind. A word that is longer (hundreds of letters without a space or a
 * stop) is cut there, which may be a token too many. */
#define COUNT_TAIL 512

struct token_count {
	const struct bpe *bpe; /* not owned */
	int64_t settled[COUNT_KINDS];
	struct {
		size_t n;
		char bytes[COUNT_TAIL];
	} tail[COUNT_KINDS];
};

void token_count_init(struct token_count *c, const struct bpe *b);

/* More text of a kind: whole characters or parts of them. s: the caller's, one for each thread. */
void token_count_add(struct token_count *c, struct bpe_scratch *s, enum count_kind kind, slice text);

/* The same, of a JSON string as it stands in an event. */
void token_count_add_json(struct token_count *c, struct bpe_scratch *s, enum count_kind kind,
                          const json_str *text);

/* The end of a text, before another of the same kind (the next tool call, the next block). */
void token_count_break(struct token_count *c, struct bpe_scratch *s, enum count_kind kind);

/* Tokens so far, if the texts ended here. */
int64_t token_count_of(const struct token_count *c, struct bpe_scratch *s, enum count_kind kind);
int64_t token_count_all(const struct token_count *c, struct bpe_scratch *s);

#endif
