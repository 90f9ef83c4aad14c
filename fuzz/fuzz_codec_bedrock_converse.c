/* The codec of Bedrock's converse: see codec_fuzz.h. */
#include "codec_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_codec(&codec_bedrock_converse, API_BEDROCK_CONVERSE, data, size);
}
