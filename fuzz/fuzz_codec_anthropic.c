/* The codec of anthropic: see codec_fuzz.h. */
#include "codec_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_codec(&codec_anthropic, API_ANTHROPIC_MESSAGES, data, size);
}
