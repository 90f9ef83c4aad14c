/* Settings with every allocation failed in turn: told, and nothing leaks. */
#include <stdlib.h>
#include <unistd.h>

#include "model/settings.h"
#include "nomem.h"
#include "unit/unit.h"

static const char TEXT[] =
    "hosts: [a, b]\nstore: sqlite:x.db\n"
    "prices: {unknown: {input: 1, output: 2}}\n"
    "providers:\n"
    "  - {name: x, api: openai, credential: env:WEIR_TEST_SECRET, models: [a, b]}\n"
    "  - {name: y, api: anthropic, prices: {input: 1, output: 2}}\n"
    "teams: [{name: t, members: [a, b]}, {name: u, members: c}]\n"
    "budgets: [{name: b, each: [user, pr], window: day, limit: 1 USD, alerts: [50%]}]\n"
    "quotas: [{name: q, requests: 1/s}]\n"
    "gates: [{name: g, where: {team: [t, '!u'], any: [{budget: {b: '>8%'}}]}, deny: x}]\n"
    "alerts: [{name: chat, url: env:WEIR_TEST_SECRET_URL, where: {team: [t, u]}}, {name: run, command: "
    "[/bin/true, x]}, "
    "{name: post, mail: {to: [a@x.y, b@x.y], from: w@x.y, url: 'smtp://m'}}]\n";

static void tell(void *arg, const char *line)
{
	assert_true(strlen(line) > 0);
	++*(size_t *)arg;
}

static void each_allocation(void **state)
{
	char path[] = "/tmp/weir-nomem-XXXXXX";
	int fd = mkstemp(path);
	(void)state;
	assert_int_equal(write(fd, TEXT, sizeof TEXT - 1), sizeof TEXT - 1);
	close(fd);
	setenv("WEIR_TEST_SECRET", "sk-test", 1);
	setenv("WEIR_TEST_SECRET_URL", "https://x.y/z", 1);
	long n = 0, failed;
	do {
		size_t told = 0;
		nomem_failed = 0;
		nomem_in = n++;
		struct settings *s = settings_load_with(slice_of(path), SETTINGS_NO_PRICES, tell, &told);
		nomem_in = -1;
		failed = nomem_failed;
		assert_true(s ? told == 0 : told > 0);
		if (s) { /* what is given out is whole */
			assert_int_equal(s->providers_n, 2);
			assert_int_equal(s->hosts_n, 2);
			assert_true(slice_eq(s->providers[0].secret, SLICE("sk-test")));
			assert_true(s->journal.n > 0 && s->timezone.n > 0);
			assert_non_null(settings_team(s, SLICE("c")));
			assert_int_equal(s->budgets_n, 1);
			assert_int_equal(s->alerts_n, 3);
			assert_true(slice_eq(s->alerts[0].where->value, SLICE("t,u")));
			assert_true(s->alerts[1].command_n == 2 && s->alerts[1].command[1].n == 1);
			assert_true(s->alerts[2].mail.to_n == 2 && s->alerts[2].mail.to[1].n == 5);
			assert_int_equal(s->budgets->each_n, 2);
			assert_int_equal(s->budgets->alerts_n, 1);
			assert_non_null(s->gates->rule.where);
			assert_non_null(s->zone);
		}
		settings_unref(s);
	} while (failed && n < 10000);
	unlink(path);
	assert_true(n > 10 && n < 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_allocation)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
