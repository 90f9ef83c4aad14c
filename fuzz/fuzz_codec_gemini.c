/* The codec of gemini: see codec_fuzz.h. */
#include "codec_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_codec(&codec_gemini, API_GEMINI_GENERATE, data, size);
}
