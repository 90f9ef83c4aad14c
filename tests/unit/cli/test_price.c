/* `weir price` as a user sees it: what is printed, on which stream, with which exit status. */
#include "unit/unit.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "store/ledger.h"

const struct command *const cli_commands[] = {&command_price, NULL};

static char folder[64];
static char config[128];

static void write_file(const char *name, const char *text, char *path, size_t cap)
{
	snprintf(path, cap, "%s/%s", folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static int make_folder(void **state)
{
	(void)state;
	char path[128];
	snprintf(folder, sizeof folder, "/tmp/weir-price-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	write_file(
	    "own.json",
	    "{\"format\": \"weir-prices/1\", \"vendors\": {\"anthropic\": {\"claude-next\": {\"prices\": [\n"
	    "  {\"input\": \"7\", \"output\": \"21\", \"source\": \"the contract\"}]}}}}",
	    path, sizeof path);
	write_file("book.json",
	           "[{\"modelName\":\"claude-next\",\"prices\":{\"input\":8e-6,\"output\":2.1e-5}},"
	           "{\"modelName\":\"claude-sonnet-5-5\",\"prices\":{\"input\":2e-6,\"output\":1.1e-5}},"
	           "{\"modelName\":\"claude-brand-new\",\"prices\":{\"input\":1e-6,\"output\":2e-6}}]",
	           path, sizeof path);
	write_file("bad.json",
	           "{\"format\": \"weir-prices/1\", \"vendors\": {\"v\": {\"m\": {\"prices\": [\n  "
	           "{\"inptu\": 1}]}}}}",
	           path, sizeof path);
	write_file("bad.yaml", "store: sqlite:weir.db\nprices: {file: bad.json}\n", path, sizeof path);
	write_file("none.yaml",
	           "store: sqlite:weir.db\nproviders:\n  - {name: odd, api: openai, base_url: "
	           "http://127.0.0.1:1, vendor: nobody}\n",
	           path, sizeof path);
	write_file("weir.yaml",
	           "store: sqlite:weir.db\nprices: {file: own.json}\nproviders:\n"
	           "  - {name: anthropic, api: anthropic, base_url: https://api.anthropic.com}\n"
	           "  - {name: llama, api: openai, base_url: http://127.0.0.1:1, models: [llama-*], prices: "
	           "{input: 0.20, output: "
	           "0.60}}\n",
	           config, sizeof config);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	static const char *const names[] = {"own.json",    "book.json",   "new.json",    "bad.json",
	                                    "bad.yaml",    "none.yaml",   "weir.yaml",   "weir.db",
	                                    "weir.db-wal", "weir.db-shm", "weir.journal"};
	for (size_t i = 0; i < COUNT(names); i++) {
		char path[128];
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
	return rmdir(folder);
}

struct result {
	int status;
	char *out, *err; /* owned */
};

static struct result run(const char *settings, const char *line)
{
	struct result r = {0};
	size_t out_n = 0, err_n = 0;
	char words[256], path[128], *argv[16] = {NULL};
	int argc = 0;
	snprintf(words, sizeof words, "price %s", line);
	slice rest = slice_of(words), word;
	while (slice_split(&rest, ' ', &word)) {
		words[word.p - words + (ptrdiff_t)word.n] = '\0';
		if (word.n)
			argv[argc++] = words + (word.p - words);
	}

	snprintf(path, sizeof path, "%s/%s", folder, settings);
	char *environment[] = {NULL};
	struct cli c = {.config = path,
	                .out = open_memstream(&r.out, &out_n),
	                .err = open_memstream(&r.err, &err_n),
	                .environ_ = environment};
	r.status = command_price.run(&c, argc, argv);
	fclose(c.out);
	fclose(c.err);
	return r;
}

static void check(const char *settings, const char *line, int status, const char *out, const char *err)
{
	struct result r = run(settings, line);
	if (r.status != status || !strstr(r.out, out) || !strstr(r.err, err))
		fail_msg("weir price %s: %d\n%s\n%s\nwant %d, \"%s\", \"%s\"", line, r.status, r.out, r.err,
		         status, out, err);
	free(r.out);
	free(r.err);
}

static void what_is_asked_is_answered(void **state)
{
	(void)state;
	static const struct {
		const char *settings, *line;
		int status;
		const char *out, *err;
	} cases[] = {
	    {"weir.yaml", "", EXIT_USAGE, "", "list, show, check, import or reprice"},
	    {"weir.yaml", "lst", EXIT_USAGE, "", "there is no `weir price lst`"},
	    {"weir.yaml", "show", EXIT_USAGE, "", "asks for a model"},
	    {"weir.yaml", "show a b", EXIT_USAGE, "", "fewer words"},
	    {"weir.yaml", "check x", EXIT_USAGE, "", "fewer words"},
	    {"weir.yaml", "list --at soon", EXIT_USAGE, "", "write a date"},
	    {"weir.yaml", "check --older-than 5", EXIT_USAGE, "", "write a duration"},
	    {"weir.yaml", "list --vendr x", EXIT_USAGE, "", "vendr"},
	    /* list: the vendors of the settings, parts of names, patterns, days */
	    {"weir.yaml", "list", EXIT_DONE, "claude-next ", ""},
	    {"weir.yaml", "list", EXIT_DONE, "Others, with --vendor: alibaba, azure", ""},
	    {"weir.yaml", "list SONNET-5", EXIT_DONE,
	     "claude-sonnet-5-5       2.00       0.10       2.50       4.00      10.00   1000000\n", ""},
	    {"weir.yaml", "list claude-sonnet-5-5 --at 2026-10-06", EXIT_DONE, "       2.00       0.20", ""},
	    {"weir.yaml", "list sonnet-? --vendor openai", EXIT_FAILED, "", "no price fits"},
	    {"weir.yaml", "list gpt-5.4 --vendor azure", EXIT_DONE, "gpt-5.4-mini", ""},
	    {"weir.yaml", "list gpt-5.4 --vendor all", EXIT_DONE, "azure ", ""},
	    {"weir.yaml", "list claude-next --json", EXIT_DONE,
	     "[{\"id\":\"anthropic/"
	     "claude-next\",\"vendor\":\"anthropic\",\"model\":\"claude-next\",\"from\":null,"
	     "\"until\":null,\"source\":\"the "
	     "contract\",\"nanousd_per_million\":{\"input\":7000000000,\"output\":"
	     "21000000000},\"modifiers\":[]}]\n",
	     ""},
	    /* show */
	    {"weir.yaml", "show claude-opus-4-8", EXIT_DONE, "standard      batch       fast         us", ""},
	    {"weir.yaml", "show claude-opus-4-8", EXIT_DONE,
	     "  cache write 1 h         10.00       5.00      20.00", ""},
	    {"weir.yaml", "show claude-opus-4-8", EXIT_DONE, "Also priced at (--vendor): azure, bedrock", ""},
	    {"weir.yaml", "show claude-opus-4-8-20260101", EXIT_DONE, "which prices claude-opus-4-8-20260101",
	     ""},
	    {"weir.yaml", "show anthropic/claude-opus-4-8", EXIT_DONE, "claude-opus-4-8 of anthropic\n", ""},
	    {"weir.yaml", "show claude-sonnet-5-5 --at 2026-10-01", EXIT_DONE,
	     "of anthropic, until 2026-10-07", ""},
	    {"weir.yaml", "show claude-sonnet-5-5", EXIT_DONE, "input 2.00, output 10.00, until 2026-10-07",
	     ""},
	    {"weir.yaml", "show gpt-5.4 --vendor openai", EXIT_DONE, "flex, over 272k", ""},
	    {"weir.yaml", "show claude-next", EXIT_DONE, "the contract", ""},
	    {"weir.yaml", "show llama-9", EXIT_DONE,
	     "At the provider llama it costs what the settings say: input 0.20", ""},
	    {"weir.yaml", "show claude-sonet-5", EXIT_FAILED, "", "did you mean claude-sonnet-5?"},
	    {"weir.yaml", "show zzz", EXIT_FAILED, "", "No price is known for model \"zzz\", and"},
	    {"weir.yaml", "show zzz --vendor xai", EXIT_FAILED, "", "\"zzz\" of xai"},
	    {"weir.yaml", "show claude-next --json", EXIT_DONE, "\"id\":\"anthropic/claude-next\"", ""},
	    /* check */
	    {"weir.yaml", "check --at 2026-09-01", EXIT_DONE,
	     "The prices are good (price book of 2026-11-20)", ""},
	    {"none.yaml", "check --at 2026-09-01", EXIT_FAILED, "The provider odd is billed as nobody", ""},
	    {"none.yaml", "check --at 2026-12-01 --older-than 5d", EXIT_FAILED, "days old", ""},
	    {"none.yaml", "check --at 2026-09-01 --json", EXIT_FAILED,
	     "{\"findings\":[{\"kind\":\"provider\",\"fault\":true,", ""},
	    {"bad.yaml", "check", EXIT_FAILED, "", "bad.json:2:"},
	    {"bad.yaml", "check", EXIT_FAILED, "", "unknown key \"inptu\""},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		check(cases[i].settings, cases[i].line, cases[i].status, cases[i].out, cases[i].err);
}

/* A call that was booked without a price is told, with how often and where. */
static void unpriced_calls_are_told(void **state)
{
	(void)state;
	char store[160];
	struct error e = {0};
	slice path;
	struct ledger *l = NULL;
	struct record r;
	snprintf(store, sizeof store, "sqlite:%s/weir.db", folder);
	const struct ledger_ops *ops = ledger_for(slice_of(store), &path, &e);
	assert_non_null(ops);
	assert_int_equal(ops->open(path.p, true, &l, &e), 0);
	record_init(&r);
	snprintf(r.id, sizeof r.id, "01JDABCDEFGHJKMNPQRSTVWXYZ");
	assert_true(clock_parse_rfc3339(SLICE("2026-08-30"), &r.time_ms));
	r.api = API_OPENAI_CHAT;
	r.text[TEXT_PROVIDER] = SLICE("openai");
	r.text[TEXT_MODEL_REQUESTED] = SLICE("gpt-unheard");
	r.text[TEXT_SOURCE] = SLICE("gateway");
	r.status = 200;
	r.usage.m[METER_INPUT] = r.usage.m[METER_OUTPUT] = 10;
	r.usage_source = SOURCE_REPORTED;
	assert_int_equal(ops->begin(l, &e), 0);
	assert_int_equal(ops->add(l, &r, &e), 0);
	assert_int_equal(ops->commit(l, &e), 0);
	ops->close(l);
	check("weir.yaml", "check --at 2026-09-01", EXIT_FAILED,
	      "1 calls of gpt-unheard at openai have no price", "");
	check("weir.yaml", "check --at 2026-09-01 --since 1h", EXIT_DONE, "", "");
}

static int skip_group(void *arg, const struct ledger_group *g)
{
	(void)arg, (void)g;
	return 0;
}

/* A correction is a row of its own with the difference; once written there is nothing more to correct. */
static void calls_are_repriced(void **state)
{
	(void)state;
	char store[160];
	struct error e = {0};
	slice path;
	struct ledger *l = NULL;
	struct record r;
	struct ledger_measures total;
	snprintf(store, sizeof store, "sqlite:%s/weir.db", folder);
	const struct ledger_ops *ops = ledger_for(slice_of(store), &path, &e);
	assert_int_equal(ops->open(path.p, true, &l, &e), 0);
	record_init(&r);
	snprintf(r.id, sizeof r.id, "01JDABCDEFGHJKMNPQRSTVWXY0");
	assert_true(clock_parse_rfc3339(SLICE("2026-10-30"), &r.time_ms));
	r.api = API_ANTHROPIC_MESSAGES;
	r.text[TEXT_PROVIDER] = SLICE("anthropic");
	r.text[TEXT_MODEL_REQUESTED] = r.text[TEXT_MODEL_SERVED] = SLICE("claude-next");
	r.text[TEXT_SOURCE] = SLICE("gateway");
	r.text[TEXT_PRICE_ID] = SLICE("anthropic/claude-next@old");
	r.usage.m[METER_INPUT] = r.usage.m[METER_OUTPUT] = 10;
	r.usage_source = SOURCE_REPORTED;
	r.priced = true;
	r.cost.part[COST_INPUT] = r.cost.total = 30000; /* the contract says 70000 + 210000 */
	assert_int_equal(ops->begin(l, &e), 0);
	assert_int_equal(ops->add(l, &r, &e), 0);
	assert_int_equal(ops->commit(l, &e), 0);
	check("weir.yaml", "reprice", EXIT_USAGE, "", "how far back");
	check("weir.yaml", "reprice --at 2026-11-01 --since 5d", EXIT_DONE, "1 to be corrected, 0.00025 USD",
	      "");
	check("weir.yaml", "reprice --at 2026-11-01 --since 5d --model gpt-*", EXIT_DONE, "0 calls looked at",
	      "");
	check("weir.yaml", "reprice --at 2026-11-01 --since 5d --apply", EXIT_DONE,
	      "1 corrected, 0.00025 USD", "");
	check("weir.yaml", "reprice --at 2026-11-01 --since 5d --apply", EXIT_DONE, "0 corrected, 0.00 USD",
	      "");
	struct ledger_query q = {.since_ms = r.time_ms};
	assert_int_equal(ops->report(l, &q, skip_group, NULL, &total, &e), 0);
	assert_int_equal(total.cost_nanousd, 280000);
	assert_int_equal(total.calls, 1);
	assert_int_equal(total.meters[METER_INPUT], 10);
	ops->close(l);
	/* a second change of price builds on the first correction, down again */
	char own[160];
	write_file(
	    "own.json",
	    "{\"format\": \"weir-prices/1\", \"vendors\": {\"anthropic\": {\"claude-next\": {\"prices\": [\n"
	    "  {\"input\": \"1\", \"output\": \"2\", \"source\": \"the new contract\"}]}}}}",
	    own, sizeof own);
	check("weir.yaml", "reprice --at 2026-11-01 --since 5d --apply", EXIT_DONE,
	      "1 corrected, -0.00025 USD", "");
	check("weir.yaml", "reprice --at 2026-11-01 --since 5d --json", EXIT_DONE, "\"corrections\":0", "");
}

/* Other books: where they differ, and taking them over. */
static void other_books_are_compared_and_taken(void **state)
{
	(void)state;
	char line[256], own[160];
	struct result r;
	snprintf(line, sizeof line, "check --at 2026-11-22 --since 1h --against %s/book.json", folder);
	check("weir.yaml", line, EXIT_FAILED,
	      "anthropic/claude-sonnet-5-5: output is 10.00 here (Anthropic's pricing page", "");
	check("weir.yaml", line, EXIT_FAILED, "and 11.00 in book.json (langfuse)", "");
	check("weir.yaml", line, EXIT_FAILED, "Other price books: 0 prices are the same, 2 differ.", "");
	snprintf(line, sizeof line, "check --at 2026-11-22 --since 1h --json --against %s/book.json", folder);
	check("weir.yaml", line, EXIT_FAILED,
	      "\"meter\":\"output\",\"when\":null,\"nanousd\":10000000000,\"price_id\":\"anthropic/"
	      "claude-sonnet-5-5@2026-10-07\",\"source\":",
	      "");
	snprintf(line, sizeof line, "check --at 2026-11-22 --since 1h --model gpt-* --against %s/book.json",
	         folder);
	check("weir.yaml", line, EXIT_DONE, "0 prices are the same, 0 differ", "");
	check("weir.yaml", "check --against /nowhere", EXIT_FAILED, "", "/nowhere cannot be read");
	snprintf(line, sizeof line, "check --against %s/weir.yaml", folder);
	check("weir.yaml", line, EXIT_FAILED, "", "no JSON");

	check("weir.yaml", "import", EXIT_USAGE, "", "asks for a file");
	check("none.yaml", "import x", EXIT_FAILED, "", "the settings name no price file");
	snprintf(line, sizeof line, "import %s/book.json --at 2026-11-22", folder);
	check("weir.yaml", line, EXIT_DONE, "claude-sonnet-5-5: output 10.00 -> 11.00  [book.json]", "");
	check("weir.yaml", line, EXIT_DONE, "claude-brand-new (new): input - -> 1.00, output - -> 2.00", "");
	check("weir.yaml", line, EXIT_DONE,
	      "1 prices change, 1 are new, 0 are the same.\n1 were written by hand", "");
	check("weir.yaml", line, EXIT_DONE, "Nothing was written", "");
	check("weir.yaml", "show claude-brand-new", EXIT_FAILED, "", "No price is known");
	snprintf(line, sizeof line, "import %s/book.json --at 2026-11-22 --apply", folder);
	check("weir.yaml", line, EXIT_DONE, "own.json: a gateway that runs", "");
	check("weir.yaml", "show claude-brand-new --at 2026-01-01", EXIT_DONE,
	      "imported 2026-11-22 from book.json", "");
	/* calls before the day keep their price, what the book does not tell stays */
	check("weir.yaml", "list sonnet-5-5 --at 2026-11-21", EXIT_DONE,
	      "2.00       0.10       2.50       4.00      10.00   1000000", "");
	check("weir.yaml", "list sonnet-5-5 --at 2026-11-22", EXIT_DONE,
	      "2.00       0.10       2.50       4.00      11.00   1000000", "");
	check("weir.yaml", "show claude-next", EXIT_DONE, "the contract", "");
	check("weir.yaml", line, EXIT_DONE, "0 prices change, 0 are new, 2 are the same.", "");
	snprintf(line, sizeof line,
	         "import %s/book.json --at 2026-11-22 --out %s/new.json --replace --apply --json", folder,
	         folder);
	r = run("weir.yaml", line);
	if (r.status != EXIT_DONE || !strstr(r.out, "\"written\":true,\"changed\":1,\"new\":0,\"same\":2"))
		fail_msg("%d %s %s", r.status, r.out, r.err);
	free(r.out);
	free(r.err);
	snprintf(own, sizeof own, "check --at 2026-11-22 --since 1h --against %s/new.json", folder);
	check("weir.yaml", own, EXIT_FAILED, "claude-next: input is 7.00 here (the contract) and 8.00 in",
	      "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_asked_is_answered),
	    cmocka_unit_test(unpriced_calls_are_told),
	    cmocka_unit_test(other_books_are_compared_and_taken),
	    cmocka_unit_test(calls_are_repriced),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
