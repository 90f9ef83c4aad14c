/* Issuers of tokens in the settings: what is read, and what is refused in which words. */
#include <stdlib.h>
#include <unistd.h>

#include "model/settings.h"
#include "unit/unit.h"

static void tell(void *arg, const char *line)
{
	char *told = arg;
	size_t n = strlen(told);
	snprintf(told + n, 4096 - n, "%s\n", line);
}

/* The settings of a text; told gets the faults. */
static struct settings *load(const char *text, char told[4096])
{
	char path[] = "/tmp/weir-issuer-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	told[0] = '\0';
	struct settings *s =
	    settings_load_with(slice_of(path), SETTINGS_NO_PRICES | SETTINGS_NO_FOLDER, tell, told);
	unlink(path);
	return s;
}

#define STORE "store: sqlite:/tmp/w.db\n"

static void what_is_read(void **state)
{
	(void)state;
	char told[4096];
	setenv("WEIR_TEST_GATE", "0123456789abcdef", 1);
	struct settings *s = load(
	    STORE
	    "issuers:\n"
	    "  - {name: github, issuer: https://token.actions.githubusercontent.com, audience: weir,\n"
	    "     claims: {repo: repository, branch: ref}, set: {environment: ci}}\n"
	    "  - {name: own, issuer: \"http://127.0.0.1:9/x/\", audience: [a, b], role: viewer, skew: 0s}\n"
	    "gate_token: {secret: env:WEIR_TEST_GATE, lifetime: 30m}\n",
	    told);
	assert_string_equal(told, "");
	assert_non_null(s);
	assert_int_equal(s->issuers_n, 2);
	const struct issuer *a = &s->issuers[0], *b = &s->issuers[1];
	assert_string_equal(a->issuer.p, "https://token.actions.githubusercontent.com");
	assert_int_equal(a->claims_n, 2);
	assert_int_equal(a->claims[1].attr, ATTR_BRANCH);
	assert_string_equal(a->claims[1].text.p, "ref");
	assert_int_equal(a->set[0].attr, ATTR_ENVIRONMENT);
	assert_int_equal(a->role, ROLE_AGENT);
	assert_int_equal(a->skew_ms, 60000);
	assert_string_equal(b->issuer.p, "http://127.0.0.1:9/x/"); /* letter for letter */
	assert_int_equal(b->audiences_n, 2);
	assert_int_equal(b->role, ROLE_VIEWER);
	assert_int_equal(b->skew_ms, 0);
	assert_int_equal(s->gate_token_ms, 30 * 60000);
	assert_string_equal(s->gate_secret.p, "0123456789abcdef");
	settings_unref(s);
}

static void refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *message;
	} cases[] = {
	    {"issuers: {name: x}", "a list is wanted"},
	    {"issuers: [x]", "a mapping is wanted"},
	    {"issuers: [{issuer: https://a, audience: w}]", "issuers[].name is missing"},
	    {"issuers: [{name: x, audience: w}]", "issuers[].issuer is missing"},
	    {"issuers: [{name: x, issuer: https://a}]", "issuers[].audience is missing"},
	    {"issuers: [{name: x, issuer: http://a.example, audience: w}]", "https is wanted"},
	    {"issuers: [{name: x, issuer: \"http://127.0.0.1.example\", audience: w}]", "https is wanted"},
	    {"issuers: [{name: x, issuer: \"https://u:p@a\", audience: w}]", "no place"},
	    {"issuers: [{name: x, issuer: a, audience: w}]", "this is no URL"},
	    {"issuers: [{name: x, issuer: https://a, audience: w, claims: {colour: c}}]", "no field colour"},
	    {"issuers: [{name: x, issuer: https://a, audience: w, claims: {brunch: c}}]",
	     "did you mean branch"},
	    {"issuers: [{name: x, issuer: https://a, audience: w, set: {team: [a]}}]", "set.team: a text"},
	    {"issuers: [{name: x, issuer: https://a, audience: w, role: boss}]", "role"},
	    {"issuers: [{name: x, issuer: https://a, audience: w}, {name: x, issuer: https://b, audience: "
	     "w}]",
	     "two issuers \"x\""},
	    {"issuers: [{name: x, issuer: https://a, audience: w}, {name: y, issuer: https://a, audience: "
	     "w}]",
	     "stands twice"},
	    {"gate_token: {secret: abc}", "env:NAME or file:PATH"},
	    {"gate_token: {secret: env:WEIR_TEST_SHORT}", "at least 16"},
	    {"gate_token: {lifetime: 1s}", "lifetime"},
	};
	setenv("WEIR_TEST_SHORT", "short", 1);
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[1000], told[4096];
		snprintf(text, sizeof text, STORE "%s\n", cases[i].text);
		if (load(text, told) || !strstr(told, cases[i].message))
			fail_msg("%s: %s", cases[i].text, told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_read), cmocka_unit_test(refused)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
