/* The codec of Gemini's interactions, and of its embeddings: see codec_fuzz.h. */
#include "codec_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_codec(&codec_gemini_embed, API_GEMINI_EMBED, data, size);
	fuzz_codec(&codec_gemini_caches, API_GEMINI_CACHES, data, size);
	return fuzz_codec(&codec_gemini_interactions, API_GEMINI_INTERACTIONS, data, size);
}
