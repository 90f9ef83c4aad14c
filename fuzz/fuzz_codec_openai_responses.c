/* The codec of openai responses: see codec_fuzz.h. */
#include "codec_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_codec(&codec_openai_responses, API_OPENAI_RESPONSES, data, size);
}
