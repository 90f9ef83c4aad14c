/* `weir check`: what it prints, and the status a script goes by. */
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "text/json.h"
#include "unit/unit.h"

struct stand {
	char file[64], out[32768], err[512];
};

static int set_up(void **state)
{
	struct stand *t = calloc(1, sizeof *t);
	snprintf(t->file, sizeof t->file, "/tmp/weir-check-XXXXXX");
	int fd = mkstemp(t->file);
	unsetenv("WEIR_TEST_UNSET");
	*state = t;
	return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
	struct stand *t = *state;
	unlink(t->file);
	free(t);
	return 0;
}

/* Runs `weir check OPTION FILE` on a file of that text. */
static int run(struct stand *t, bool json, const char *option, const char *text)
{
	char *argv[] = {(char *)"check", t->file, (char *)option, NULL}, *out, *err;
	size_t out_n, err_n;
	FILE *f = fopen(t->file, "w");
	fputs(text, f);
	fclose(f);
	struct cli c = {.json = json, .out = open_memstream(&out, &out_n)};
	c.err = open_memstream(&err, &err_n);
	int status = command_check.run(&c, option ? 3 : 2, argv);
	fclose(c.out);
	fclose(c.err);
	snprintf(t->out, sizeof t->out, "%s", out);
	snprintf(t->err, sizeof t->err, "%s", err);
	free(out);
	free(err);
	return status;
}

static const char GOOD[] = "store: sqlite:/nowhere/weir.db\ntimezone: UTC\n"
                           "providers: [{name: a, api: openai, base_url: 'http://10.0.0.7:8000'},\n"
                           "  {name: b, api: openai, base_url: 'https://api.example.com'}]\n"
                           "teams: [{name: t, members: [x, y]}]\n";
static const char BAD[] = "workers: 0\nstore: x\n";
static const char SECRET[] = "providers: [{name: a, api: openai, credential: env:WEIR_TEST_UNSET}]\n";

static void texts(void **state)
{
	struct stand *t = *state;
	char wanted[512];
	assert_int_equal(run(t, false, NULL, GOOD), EXIT_DONE);
	snprintf(wanted, sizeof wanted, "%s is good.\n", t->file);
	assert_true(strncmp(t->out, wanted, strlen(wanted)) == 0);
	assert_non_null(strstr(t->out, "  ledger     sqlite:/nowhere/weir.db\n"));
	assert_non_null(strstr(t->out, "  teams      1, with 2 members\n"));
	assert_non_null(strstr(t->out, "Note: provider b: calls go to api.example.com without a credential"));
	assert_null(strstr(t->out, "provider a: calls go")); /* a host of one's own needs none */
	assert_string_equal(t->err, "");

	assert_int_equal(run(t, false, NULL, BAD), EXIT_FAILED);
	snprintf(wanted, sizeof wanted,
	         "%s:1:10: workers: 0 is not between 1 and 256\n"
	         "%s:2:8: store: \"x\" names no kind of store: write sqlite:PATH\n",
	         t->file, t->file);
	assert_string_equal(t->out, wanted);
	assert_string_equal(
	    t->err, "weir: 2 faults: a running gateway keeps its old settings until they are mended\n");
}

static void json(void **state)
{
	struct stand *t = *state;
	size_t at;
	assert_int_equal(run(t, true, NULL, GOOD), EXIT_DONE);
	assert_null(json_validate(slice_trim(slice_of(t->out)), &at));
	assert_true(strncmp(t->out, "{\"faults\":[],\"ok\":true,", 23) == 0);
	assert_int_equal(run(t, true, NULL, BAD), EXIT_FAILED);
	assert_null(json_validate(slice_trim(slice_of(t->out)), &at));
	assert_non_null(strstr(t->out, ":1:10: workers: 0 is not between 1 and 256\","));
	assert_non_null(strstr(t->out, "],\"ok\":false}"));
}

static void secrets(void **state)
{
	struct stand *t = *state;
	assert_int_equal(run(t, false, NULL, SECRET), EXIT_FAILED);
	assert_int_equal(run(t, false, "--no-secrets", SECRET), EXIT_DONE);
}

static void options(void **state)
{
	struct stand *t = *state;
	size_t lines = 0, at;
	assert_int_equal(run(t, false, "--options", BAD), EXIT_DONE);
	slice rest = slice_of(t->out), line, part;
	while (slice_split(&rest, '\n', &line) && line.n) {
		size_t parts = 0;
		while (slice_split(&line, '\t', &part))
			parts += part.n > 0;
		assert_int_equal(parts, 3);
		lines++;
	}
	assert_true(lines > 60);
	assert_int_equal(run(t, true, "--options", BAD), EXIT_DONE);
	assert_null(json_validate(slice_trim(slice_of(t->out)), &at));
}

static void usage(void **state)
{
	struct stand *t = *state;
	assert_int_equal(run(t, false, "another", GOOD), EXIT_USAGE);
	assert_non_null(strstr(t->err, "one file or folder, not also another"));
	assert_int_equal(run(t, false, "--optoins", GOOD), EXIT_USAGE);
	assert_non_null(strstr(t->err, "did you mean --options?"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {T(texts), T(json), T(secrets), T(options), T(usage)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
