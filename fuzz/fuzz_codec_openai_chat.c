/* The codec of openai chat: see codec_fuzz.h. */
#include "codec_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_codec(&codec_openai_chat, API_OPENAI_CHAT, data, size);
}
