/* What was learnt, read back from a file, and requests counted with it. The first byte chooses, the rest is
 * the input: l  bytes of a saved file: taken or refused, and what is foretold afterwards stays a number c, m,
 * g  a request of chat completions, Messages, Gemini: foretold twice, the second time from memory, the same;
 * then learnt from */
#include <stdint.h>
#include <stdlib.h>

#include "codec/registry.h"
#include "model/predict.h"

#define ENSURE(condition)                                                                                    \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			__builtin_trap();                                                                    \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void foretell(struct predictor *p, enum api api, slice body)
{
	struct target t = {.api = api, .model = SLICE("m")};
	struct arena mem;
	struct request_view v;
	struct error e = {0};
	struct prediction first, second;
	struct predict_scratch *s = predict_scratch_new();
	ENSURE(s);
	arena_init(&mem, 1 << 20);
	if (registry_codec(api)->request(&t, body, &mem, &v, &e) == 0) {
		predict_request(p, s, &v, registry_codec(api)->items, &first);
		predict_request(p, s, &v, registry_codec(api)->items, &second);
		ENSURE(first.tokens >= 0 && first.bound >= first.tokens);
		ENSURE(first.partly || (first.tokens == second.tokens && first.bound == second.bound));
		predict_learn(p, &v, &first, first.tokens * 2 + 100);
		predict_request(p, s, &v, registry_codec(api)->items, &second);
		ENSURE(first.open || first.partly || !first.context ||
		       second.tokens == first.tokens * 2 + 100);
	}
	arena_release(&mem);
	predict_scratch_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct predictor *p = predictor_new(1 << 16);
	if (size == 0 || !p) {
		predictor_free(p);
		return 0;
	}
	char *copy = malloc(size);
	ENSURE(copy);
	memcpy(copy, data + 1, size - 1);
	slice in = slice_make(copy, size - 1);
	if (data[0] == 'l') {
		int rc = predictor_load(p, in);
		ENSURE(rc == 0 || rc == ERR_INVALID);
		foretell(p, API_OPENAI_CHAT, SLICE("{\"model\":\"m\",\"messages\":[{\"content\":\"a\"}]}"));
	} else {
		foretell(p,
		         data[0] == 'm'   ? API_ANTHROPIC_MESSAGES
		         : data[0] == 'g' ? API_GEMINI_GENERATE
		                          : API_OPENAI_CHAT,
		         in);
	}
	free(copy);
	predictor_free(p);
	return 0;
}
