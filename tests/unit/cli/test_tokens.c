/* `weir tokens` as a user sees it: what is printed, on which stream, with which exit status. */
#include "unit/unit.h"

#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"

const struct command *const cli_commands[] = {&command_tokens, NULL};

enum { ARGS_MAX = 16 };

static char folder[64];

static const struct {
	const char *name, *text;
} files[] = {
    {"text", "Hello, world!\n"},
    {"special", "a<|endoftext|>"},
    {"none", ""},
    {"chat.json",
     "{\"model\":\"gpt-4\",\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},"
     "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hello,\\u0020world!\"},"
     "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}}]}],"
     "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"read\",\"description\":\"Reads.\","
     "\"parameters\":{\"type\":\"object\"}}}]}"},
    {"claude.json", "{\"model\":\"claude-opus-4-5\",\"system\":\"Be brief.\",\"max_tokens\":9,\"messages\":"
                    "[{\"role\":\"user\",\"content\":\"Hello, world!\"}]}"},
    {"responses.json", "{\"model\":\"gpt-5\",\"instructions\":\"Be brief.\",\"input\":\"Hello, world!\"}"},
    {"answer.json", "{\"model\":\"claude-opus-4-5\",\"content\":\"Hello, world!\"}"},
};

static void path_of(const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", folder, name);
}

static int make_folder(void **state)
{
	(void)state;
	char path[128];
	snprintf(folder, sizeof folder, "/tmp/weir-tokens-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	for (size_t i = 0; i < COUNT(files); i++) {
		path_of(files[i].name, path);
		FILE *f = fopen(path, "w");
		if (!f)
			return -1;
		fputs(files[i].text, f);
		fclose(f);
	}
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	char path[128];
	for (size_t i = 0; i < COUNT(files); i++) {
		path_of(files[i].name, path);
		unlink(path);
	}
	return rmdir(folder);
}

static const struct {
	const char *file, *args; /* words apart by one space */
	int status;
	const char *out, *err;
} cases[] = {
    {"text", "", EXIT_DONE, "4 tokens of o200k_base, 14 bytes\n", ""},
    {"text", "--encoding cl100k_base", EXIT_DONE, "4 tokens of cl100k_base, 14 bytes\n", ""},
    {"text", "--ids", EXIT_DONE, "13225\n11\n2375\n4175\n", ""},
    {"text", "--ids --encoding=cl100k_base --json", EXIT_DONE,
     "{\"encoding\":\"cl100k_base\",\"exact\":true,\"bytes\":14,\"tokens\":4,\"ids\":[9906,11,1917,4999]}\n",
     ""},
    {"text", "--model gpt-3.5-turbo --json", EXIT_DONE,
     "{\"encoding\":\"cl100k_base\",\"exact\":true,\"bytes\":14,\"tokens\":4}\n", ""},
    {"text", "--model claude-opus-4-5 --json", EXIT_DONE, "\"exact\":false", "claude-opus-4-5 is not public"},
    {"none", "", EXIT_DONE, "0 tokens of o200k_base, 0 bytes\n", ""},
    {"none", "--ids --json", EXIT_DONE, "\"ids\":[]", ""},
    {"special", "", EXIT_DONE, "8 tokens", ""},
    {"special", "--special --ids", EXIT_DONE, "64\n199999\n", ""},
    /* requests, by their own model */
    {"chat.json", "", EXIT_DONE, "7  messages\n", ""},
    {"chat.json", "", EXIT_DONE, "tokens of cl100k_base\n", ""},
    {"chat.json", "--json", EXIT_DONE, "\"parts\":{\"system\":0,\"tools\":9,\"messages\":7}", ""},
    {"claude.json", "--json", EXIT_DONE, "\"tokens\":7,\"parts\":{\"system\":3,\"tools\":0,\"messages\":4}",
     "not public"},
    {"claude.json", "--model gpt-5", EXIT_DONE,
     "         3  system\n         0  tools\n         4  messages\n", ""},
    {"responses.json", "--json", EXIT_DONE, "\"parts\":{\"system\":3,\"tools\":0,\"messages\":4}", ""},
    {"responses.json", "--text --json", EXIT_DONE,
     "\"encoding\":\"o200k_base\",\"exact\":true,\"bytes\":68,\"tokens\":20}", ""},
    {"answer.json", "", EXIT_DONE, " tokens of o200k_base, 53 bytes\n", ""},
    /* faults */
    {"text", "--encoding p50k", EXIT_USAGE, "", "there are o200k_base and cl100k_base"},
    {"text", "--model gpt-4 --encoding o200k_base", EXIT_USAGE, "", "not both"},
    {"text", "more", EXIT_USAGE, "", "one file, not also"},
    {"text", "--id", EXIT_USAGE, "", "did you mean --ids?"},
    {"missing", "", EXIT_FAILED, "", "missing cannot be read: No such file"},
    {"", "", EXIT_FAILED, "", "cannot be read"},
};

static void what_is_asked_is_answered(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char path[128], words[256], *argv[ARGS_MAX] = {(char *)"tokens"}, *environment[] = {NULL};
		char *out = NULL, *err = NULL;
		size_t out_n, err_n;
		int argc = 1;
		path_of(cases[i].file, path);
		snprintf(words, sizeof words, "%s", cases[i].args);
		for (char *word = words, *end; *word && argc < ARGS_MAX - 2; word = end) {
			end = strchrnul(word, ' ');
			if (*end)
				*end++ = '\0';
			argv[argc++] = word;
		}
		argv[argc++] = path;
		struct cli c = {.out = open_memstream(&out, &out_n),
		                .err = open_memstream(&err, &err_n),
		                .environ_ = environment};
		int status = command_tokens.run(&c, argc, argv);
		fclose(c.out);
		fclose(c.err);
		if (status != cases[i].status || !strstr(out, cases[i].out) || !strstr(err, cases[i].err) ||
		    (status == EXIT_DONE && !cases[i].err[0] && err[0]))
			fail_msg("weir tokens %s %s: %d\n%s\n%s", cases[i].file, cases[i].args, status, out,
			         err);
		free(out);
		free(err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_asked_is_answered)};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
