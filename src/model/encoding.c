#include "model/encoding.h"

/* Patterns as slice_glob has them; the first that matches. gpt-oss reads with o200k_harmony, which is
 * o200k_base with more special tokens. */
static const struct {
	const char *pattern, *encoding;
} models[] = {
    {"gpt-4o*", "o200k_base"},
    {"chatgpt-4o*", "o200k_base"},
    {"gpt-4.*", "o200k_base"},
    {"gpt-4", "cl100k_base"},
    {"gpt-4-*", "cl100k_base"},
    {"gpt-4_*", "cl100k_base"},
    {"gpt-3.5*", "cl100k_base"},
    {"gpt-35-*", "cl100k_base"}, /* Azure's spelling */
    {"gpt-5*", "o200k_base"},
    {"gpt-6*", "o200k_base"},
    {"gpt-oss-*", "o200k_base"},
    {"gpt-audio*", "o200k_base"},
    {"gpt-realtime*", "o200k_base"},
    {"codex-*", "o200k_base"},
    {"computer-use-preview*", "o200k_base"},
    {"o1", "o200k_base"},
    {"o1-*", "o200k_base"},
    {"o3", "o200k_base"},
    {"o3-*", "o200k_base"},
    {"o4", "o200k_base"},
    {"o4-*", "o200k_base"},
    {"text-embedding-3-*", "cl100k_base"},
    {"text-embedding-ada-002", "cl100k_base"},
    {"davinci-002", "cl100k_base"},
    {"babbage-002", "cl100k_base"},
};

const struct bpe *encoding_of_model(slice model)
{
	for (ptrdiff_t slash; (slash = slice_find_char(model, '/')) >= 0;)
		model = slice_sub(model, (size_t)slash + 1, model.n);
	if (slice_starts(model, SLICE("ft:")))
		model = slice_sub(model, 3, model.n);
	ptrdiff_t colon =
	    slice_find_char(model, ':'); /* "gpt-4o:online", and what a fine-tuned one was called */
	if (colon > 0)
		model.n = (size_t)colon;
	for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
		if (slice_glob(model, slice_of(models[i].pattern)))
			return bpe_by_name(slice_of(models[i].encoding));
	return NULL;
}
