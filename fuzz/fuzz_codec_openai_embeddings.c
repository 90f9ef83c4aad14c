/* The codec of openai embeddings: see codec_fuzz.h. */
#include "codec_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_codec(&codec_openai_embeddings, API_OPENAI_EMBEDDINGS, data, size);
}
