/* The codec of the older completions: see codec_fuzz.h. */
#include "codec_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_codec(&codec_openai_completions, API_OPENAI_COMPLETIONS, data, size);
}
