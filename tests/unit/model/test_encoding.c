/* Which model reads with which encoding. */
#include "unit/unit.h"

#include "model/encoding.h"

static const struct {
	const char *model, *encoding; /* NULL: not public */
} models[] = {
    {"gpt-4o", "o200k_base"},
    {"gpt-4o-mini-2024-07-18", "o200k_base"},
    {"chatgpt-4o-latest", "o200k_base"},
    {"gpt-4.1-nano", "o200k_base"},
    {"gpt-4.5-preview", "o200k_base"},
    {"gpt-5", "o200k_base"},
    {"gpt-5.2-codex", "o200k_base"},
    {"gpt-6-mini", "o200k_base"},
    {"o1", "o200k_base"},
    {"o3-mini", "o200k_base"},
    {"o4-mini", "o200k_base"},
    {"openai/gpt-5-mini", "o200k_base"},
    {"openrouter/openai/gpt-oss-120b", "o200k_base"},
    {"ft:gpt-4o-mini-2024-07-18:acme::AbC1", "o200k_base"},
    {"gpt-4", "cl100k_base"},
    {"gpt-4-turbo", "cl100k_base"},
    {"gpt-4-32k-0613", "cl100k_base"},
    {"gpt-3.5-turbo", "cl100k_base"},
    {"gpt-35-turbo", "cl100k_base"},
    {"text-embedding-3-small", "cl100k_base"},
    {"text-embedding-ada-002", "cl100k_base"},
    {"claude-opus-4-5", NULL},
    {"gemini-3-pro", NULL},
    {"gpt-2", NULL},
    {"gpt", NULL},
    {"o", NULL},
    {"o10-mini", NULL},
    {"olmo-2", NULL},
    {"", NULL},
    {"/", NULL},
    {":", NULL},
    {"ft:", NULL},
};

static void models_have_their_encoding(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(models); i++) {
		const struct bpe *b = encoding_of_model(slice_of(models[i].model));
		const char *name = b ? bpe_name(b) : "none", *want = models[i].encoding;
		if (strcmp(name, want ? want : "none") != 0)
			fail_msg("%s reads with %s", models[i].model, name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(models_have_their_encoding)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
