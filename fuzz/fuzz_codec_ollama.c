/* The codec of ollama: see codec_fuzz.h. */
#include "codec_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_codec(&codec_ollama, API_OLLAMA_CHAT, data, size);
}
