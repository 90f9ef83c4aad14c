/* Where alerts go, out of a settings file: what is read, and every fault in words that say what to write. */
#include <stdlib.h>
#include <unistd.h>

#include "model/settings.h"
#include "unit/unit.h"

#define IS(s, lit) assert_true(slice_eq((s), SLICE(lit)))

static char told[8192];

static void tell(void *arg, const char *line)
{
	const char *file = arg;
	size_t n = strlen(told);
	if (strncmp(line, file, strlen(file)) == 0)
		line += strlen(file) + 1;
	snprintf(told + n, sizeof told - n, "%s\n", line);
}

static struct settings *load(const char *text, unsigned flags)
{
	char path[] = "/tmp/weir-alerts-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	told[0] = '\0';
	struct settings *s =
	    settings_load_with(slice_of(path), flags | SETTINGS_NO_PRICES | SETTINGS_NO_FOLDER, tell, path);
	unlink(path);
	return s;
}

static void every_kind_of_target(void **state)
{
	(void)state;
	setenv("WEIR_T_URL", "https://hooks.example.com/services/T0/B0/x", 1);
	setenv("WEIR_T_KEY", "0123456789abcdef0123456789abcdef", 1);
	struct settings *s =
	    load("alerts:\n"
	         "  - {name: chat, url: env:WEIR_T_URL, format: slack, where: {team: [payments, web]}}\n"
	         "  - {name: pager, format: pagerduty, secret: env:WEIR_T_KEY, severity: critical}\n"
	         "  - {name: hook, url: \"http://10.0.0.7/x\", secret: env:WEIR_T_KEY, kinds: [budget, "
	         "storm], repeat: 0s, group: 5s,\n"
	         "     rate: 10, timeout: 2s, resolved: quiet}\n"
	         "  - {name: post, mail: {to: a@example.com, from: w@example.com, url: \"smtps://mail:465\", "
	         "user: w, password: env:WEIR_T_KEY}}\n"
	         "  - {name: run, command: [/bin/true, --oncall]}\n",
	         0);
	assert_string_equal(told, "");
	assert_non_null(s);
	assert_int_equal(s->alerts_n, 5);
	const struct alert_target *t = s->alerts;
	IS(t[0].url, "https://hooks.example.com/services/T0/B0/x");
	assert_int_equal(t[0].format, ALERT_SLACK);
	assert_int_equal(t[0].severity, ALERT_WARNING);
	assert_int_equal(t[0].repeat_ms, 4 * 3600000);
	assert_int_equal(t[0].group_ms, 30000);
	assert_int_equal(t[0].rate, 60);
	IS(t[0].where[0].name, "team");
	IS(t[0].where[0].value, "payments,web");
	IS(t[1].url, "https://events.pagerduty.com/v2/enqueue");
	assert_int_equal(t[1].severity, ALERT_CRITICAL);
	assert_int_equal(t[2].kinds, 1u << ALERT_BUDGET | 1u << ALERT_STORM);
	assert_int_equal(t[2].repeat_ms, 0);
	assert_int_equal(t[2].quiet, 1);
	assert_true(t[2].insecure_url);
	assert_int_equal(t[3].mail.to_n, 1);
	IS(t[3].mail.url, "smtps://mail:465");
	assert_int_equal(t[4].command_n, 2);
	struct alert_label web = {SLICE("team"), SLICE("web")}, other = {SLICE("team"), SLICE("ops")};
	assert_true(alert_target_wants(&t[0], ALERT_STORM, ALERT_WARNING, &web, 1));
	assert_false(alert_target_wants(&t[0], ALERT_STORM, ALERT_WARNING, &other, 1));
	assert_false(alert_target_wants(&t[0], ALERT_STORM, ALERT_INFO, &web, 1));
	assert_false(alert_target_wants(&t[2], ALERT_FREEZE, ALERT_CRITICAL, &web, 1));
	settings_unref(s);
}

static void who_only_asks_needs_no_secrets(void **state)
{
	(void)state;
	unsetenv("WEIR_T_NONE");
	struct settings *s = load(
	    "alerts: [{name: a, url: env:WEIR_T_NONE, format: slack}, {name: b, format: pagerduty, secret: "
	    "env:WEIR_T_NONE}]\n",
	    SETTINGS_NO_SECRETS);
	assert_string_equal(told, "");
	assert_non_null(s);
	settings_unref(s);
}

static void faults_say_what_to_write(void **state)
{
	(void)state;
	static const struct {
		const char *text, *fault;
	} cases[] = {
	    {"[{url: \"https://x/\"}]", "alerts[].name is missing"},
	    {"[{name: a}]", "alerts[]: one of url, mail and command says where it goes"},
	    {"[{name: a, url: \"https://x/\", command: [/bin/true]}]",
	     "one of url, mail and command says where"},
	    {"[{name: a, url: \"ftp://x/\"}]", "alerts[].url: this is no URL to use"},
	    {"[{name: a, url: \"https://u:p@x/\"}]", "a user or password has no place in it"},
	    {"[{name: a, url: env:WEIR_T_WORD}]", "what env:WEIR_T_WORD holds is no URL"},
	    {"[{name: a, url: \"https://x/\", secret: hunter2hunter2hunter2}]",
	     "a secret does not stand in the file itself"},
	    {"[{name: a, url: \"https://x/\", secret: env:WEIR_T_WORD}]",
	     "at least 16 characters are wanted"},
	    {"[{name: a, format: pagerduty}]", "pagerduty wants the routing key of an Events v2 integration"},
	    {"[{name: a, url: \"https://x/\", format: slack, secret: env:WEIR_T_KEY}]",
	     "slack and teams take none"},
	    {"[{name: a, url: \"https://x/\", format: discord}]", "\"discord\" is not to be chosen"},
	    {"[{name: a, command: [true]}]", "the program's whole path, then its arguments"},
	    {"[{name: a, command: /bin/true}]", "a list is wanted: the program's whole path"},
	    {"[{name: a, command: [/bin/true], format: json}]", "format and secret are of a url alone"},
	    {"[{name: a, mail: {to: a@x.y, url: \"smtp://m\"}}]", "to, from and url are needed"},
	    {"[{name: a, mail: {to: \"a@x.y\\r\\nBcc: e@x.y\", from: w@x.y, url: \"smtp://m\"}}]",
	     "a mail address is wanted"},
	    {"[{name: a, mail: {to: \"a b@x.y\", from: w@x.y, url: \"smtp://m\"}}]",
	     "a mail address is wanted"},
	    {"[{name: a, mail: {to: a@x.y, from: w@x.y, url: \"https://m\"}}]", "write smtp://HOST:PORT"},
	    {"[{name: a, mail: {to: a@x.y, from: w@x.y, url: \"smtp://m\", user: u}}]",
	     "user and password belong together"},
	    {"[{name: a, url: \"https://x/\", kinds: [budgets]}]",
	     "no kind \"budgets\" (did you mean budget?)"},
	    {"[{name: a, url: \"https://x/\", where: {colour: red}}]", "alerts have no label \"colour\""},
	    {"[{name: a, url: \"https://x/\"}, {name: a, url: \"https://y/\"}]",
	     "there are two targets \"a\""},
	    {"[{name: a, url: \"https://x/\", rate: 0}]", "alerts[].rate: 0 is not between 1"},
	    {"{name: a}", "a list is wanted"},
	};
	setenv("WEIR_T_WORD", "word", 1);
	setenv("WEIR_T_KEY", "0123456789abcdef0123456789abcdef", 1);
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[400];
		snprintf(text, sizeof text, "alerts: %s\n", cases[i].text);
		struct settings *s = load(text, 0);
		if (s != NULL || strstr(told, cases[i].fault) == NULL)
			fail_msg("%s\n%s", text, told);
		assert_null(strstr(told, "hunter2"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_kind_of_target),
	    cmocka_unit_test(who_only_asks_needs_no_secrets),
	    cmocka_unit_test(faults_say_what_to_write),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
