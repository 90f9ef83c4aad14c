/* The codec of cohere: see codec_fuzz.h. */
#include "codec_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_codec(&codec_cohere, API_COHERE_CHAT, data, size);
}
