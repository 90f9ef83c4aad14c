/* Settings: what is read, what is refused and in which words, at which place. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/settings.h"
#include "unit/unit.h"

struct place {
	char folder[64];
	char told[16384]; /* the faults, a line each, without the folder's name */
};

static void tell(void *arg, const char *line)
{
	struct place *p = arg;
	size_t at = strlen(p->told), n = strlen(p->folder);
	if (strncmp(line, p->folder, n) == 0 && line[n] == '/')
		line += n + 1;
	snprintf(p->told + at, sizeof p->told - at, "%s\n", line);
}

static void write_file(const struct place *p, const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", p->folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static struct settings *load_flags(struct place *p, const char *text, unsigned flags)
{
	char path[128];
	write_file(p, "t.yaml", text);
	snprintf(path, sizeof path, "%s/t.yaml", p->folder);
	p->told[0] = '\0';
	return settings_load_with(slice_of(path), flags, tell, p);
}

static struct settings *load(struct place *p, const char *text)
{
	return load_flags(p, text, SETTINGS_NO_PRICES);
}

static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	snprintf(p->folder, sizeof p->folder, "/tmp/weir-settings-XXXXXX");
	if (mkdtemp(p->folder) == NULL)
		return -1;
	setenv("XDG_DATA_HOME", p->folder, 1);
	setenv("HOME", p->folder, 1);
	setenv("WEIR_TEST_SECRET", "sk-test-1", 1);
	setenv("WEIR_TEST_BAD_SECRET", "two words", 1);
	unsetenv("WEIR_TEST_UNSET");
	unsetenv("WEIR_CONFIG");
	unsetenv("TZ");
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;
	static const char *const names[] = {"t.yaml", "a.yaml", "b.yml", "secret", "price.json", "weir", "d"};
	char path[128];
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(path, sizeof path, "%s/%s", p->folder, names[i]);
		remove(path);
	}
	rmdir(p->folder);
	free(p);
	return 0;
}

#define IS(slice_, text) assert_string_equal((slice_).p, text)

/* --- what is read ------------------------------------------------------------ */

static void defaults(void **state)
{
	struct place *p = *state;
	char path[128];
	struct stat st;
	struct settings *s = settings_load_with(SLICE_NONE, SETTINGS_NO_PRICES, tell, p);
	assert_string_equal(p->told, "");
	assert_non_null(s);
	assert_int_equal(s->source.n, 0);
	IS(s->listen.host, "127.0.0.1");
	assert_int_equal(s->listen.port, 8787);
	assert_true(s->listen.loopback);
	assert_int_equal(s->console.port, 8788);
	snprintf(path, sizeof path, "sqlite:%s/weir/weir.db", p->folder);
	IS(s->store, path);
	snprintf(path, sizeof path, "%s/weir/weir.journal", p->folder);
	IS(s->journal, path);
	snprintf(path, sizeof path, "%s/weir", p->folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(s->unknown_price, UNKNOWN_PRICE_REFUSE);
	assert_int_equal(s->unmetered, UNMETERED_REFUSE);
	assert_int_equal(s->limits.body_bytes, 64 << 20);
	assert_int_equal(s->providers_n, 4);
	static const char *const names[] = {"anthropic", "openai", "gemini", "chatgpt"};
	static const char *const vendors[] = {"anthropic", "openai", "google", "openai"};
	for (size_t i = 0; i < 4; i++) {
		IS(s->providers[i].name, names[i]);
		IS(s->providers[i].vendor, vendors[i]);
		assert_int_equal(s->providers[i].credential, CREDENTIAL_PASSTHROUGH);
	}
	IS(s->providers[0].base_url, "https://api.anthropic.com");
	assert_true(slice_eq(s->providers[0].host, SLICE("api.anthropic.com")));
	IS(s->providers[3].base_url, "https://chatgpt.com/backend-api/codex");
	assert_true(slice_eq(s->providers[3].host, SLICE("chatgpt.com")));
	assert_int_equal(s->providers[3].billing, BILLING_SUBSCRIPTION);
	IS(settings_provider(s, DIALECT_OPENAI, SLICE_NONE, SLICE("gpt-5"))->name, "openai");
	settings_unref(s);
}

static struct settings *load_everything(struct place *p)
{
	write_file(p, "secret", "  sk-from-file\n");
	return load(
	    p, "listen: {address: '[::1]:9001', tls: {certificate: secret, key: secret, client_ca: secret}}\n"
	       "console: {listen: 0.0.0.0:0}\n"
	       "insecure_listen: true\n"
	       "hosts: [weir.example.com, Weir2]\n"
	       "store: sqlite:sub/x.db\n"
	       "journal: {file: ~/j, slots: 8192}\n"
	       "timezone: UTC\n"
	       "workers: 3\n"
	       "unmetered: allow\n"
	       "prices: {unknown: {input: 3.00, output: 15.00, cache_read: 0.30, web_searches: 10}}\n"
	       "providers:\n"
	       "  - {name: one, api: anthropic, credential: env:WEIR_TEST_SECRET, on_abort: cancel}\n"
	       "  - {name: two, api: openai, base_url: 'http://10.0.0.7:8000/x/', credential: file:secret,\n"
	       "     models: ['llama-*', q], vendor: meta, billing: subscription, prices: {input: 0.20, "
	       "output: 0.60},\n"
	       "     http2: true, ca_file: secret, proxy: 'http://proxy:3128',\n"
	       "     timeouts: {connect: 1s, first_byte: 2m, idle: 3m, total: 2h}}\n"
	       "  - {name: three, api: gemini}\n"
	       "teams:\n"
	       "  - {name: payments, cost_centre: CC-1204, members: [ana@example.com, bo]}\n"
	       "  - {name: core, members: cy}\n"
	       "limits: {body: 1MB, bodies: 2 GiB, headers: 32768, answer: 1M, event: 64kb, stream_buffer: "
	       "16KB,\n"
	       "  connections: 10, calls: 20, header_timeout: 1s, body_timeout: 2s, idle_timeout: 3s, drain: "
	       "0s}\n"
	       "log: {level: debug, format: json}\n");
}

static void check_providers(const struct settings *s)
{
	const struct provider *one = &s->providers[0], *two = &s->providers[1], *three = &s->providers[2];
	assert_int_equal(s->providers_n, 3);
	assert_int_equal(one->credential, CREDENTIAL_SECRET);
	IS(one->secret, "sk-test-1");
	assert_false(one->has_price);
	assert_int_equal(one->total_ms, 3600000);
	IS(two->base_url, "http://10.0.0.7:8000/x");
	assert_true(slice_eq(two->host, SLICE("10.0.0.7:8000")));
	IS(two->secret, "sk-from-file");
	IS(two->vendor, "meta");
	assert_int_equal(two->billing, BILLING_SUBSCRIPTION);
	assert_true(two->http2 && two->has_price);
	IS(two->price.id, "settings:two");
	assert_int_equal(two->price.per_million[METER_OUTPUT], INT64_C(600000000));
	IS(two->proxy, "http://proxy:3128");
	assert_int_equal(two->connect_ms, 1000);
	assert_int_equal(two->first_byte_ms, 120000);
	assert_int_equal(two->idle_ms, 180000);
	assert_int_equal(two->total_ms, 7200000);
	assert_int_equal(three->credential, CREDENTIAL_NONE);
}

/* Who is asked with what: AWS's keys, Azure's deployments, and whose model a name stands for. */
static void clouds(void **state)
{
	struct place *p = *state;
	setenv("AWS_ACCESS_KEY_ID", "AKIA1", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret1", 1);
	setenv("AWS_SESSION_TOKEN", "token1", 1);
	struct settings *s = load_flags(
	    p,
	    "providers:\n"
	    "  - {name: a, api: bedrock, credential: {aws: {region: eu-west-1}}}\n"
	    "  - {name: b, api: bedrock, base_url: 'http://127.0.0.1:1', deployments: {p/x: "
	    "us.amazon.nova-pro-v1:0},\n"
	    "     credential: {aws: {region: us-east-1, access_key_id: env:WEIR_TEST_SECRET, "
	    "secret_access_key: env:WEIR_TEST_SECRET}}}\n"
	    "  - {name: c, api: azure, base_url: 'https://x.openai.azure.com', deployments: {prod: "
	    "gpt-5}}\n",
	    0);
	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	unsetenv("AWS_SESSION_TOKEN");
	assert_string_equal(p->told, "");
	assert_non_null(s);
	const struct provider *a = &s->providers[0], *b = &s->providers[1], *c = &s->providers[2];
	assert_int_equal(a->credential, CREDENTIAL_AWS);
	IS(a->base_url, "https://bedrock-runtime.eu-west-1.amazonaws.com");
	IS(a->host, "bedrock-runtime.eu-west-1.amazonaws.com");
	IS(a->aws.key_id, "AKIA1");
	IS(a->aws.secret, "secret1");
	IS(a->aws.token, "token1");
	IS(a->vendor, "bedrock");
	IS(b->aws.key_id, "sk-test-1");
	assert_int_equal(b->aws.token.n, 0);
	IS(provider_model(b, SLICE("p/x")), "us.amazon.nova-pro-v1:0");
	IS(provider_model(b, SLICE("arn:aws:bedrock:us-east-1:1:inference-profile/us.m-v1:0")), "us.m-v1:0");
	IS(provider_model(c, SLICE("prod")), "gpt-5");
	IS(provider_model(c, SLICE("gpt-4o")), "gpt-4o");
	IS(provider_model(c, SLICE("arn:x/y")), "arn:x/y");
	assert_ptr_equal(settings_provider(s, DIALECT_BEDROCK, SLICE_NONE, SLICE("m")), a);
	assert_ptr_equal(settings_provider(s, DIALECT_AZURE, SLICE_NONE, SLICE("m")), c);
	bool fallback;
	const struct price *prod = settings_price(s, c, SLICE("prod"), INT64_C(1795000000000), &fallback);
	assert_non_null(prod);
	assert_true(slice_starts(prod->id, SLICE("azure/gpt-5")));
	assert_null(settings_price(s, c, SLICE("unknown"), INT64_C(1795000000000), &fallback));
	static const char *const priced[] = {"us.anthropic.claude-sonnet-4-5-20250929-v1:0",
	                                     "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
	                                     "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
	                                     "apac.anthropic.claude-sonnet-4-20250514-v1:0",
	                                     "anthropic.claude-3-haiku-20240307-v1:0",
	                                     "us.anthropic.claude-sonnet-4-6",
	                                     "us.amazon.nova-micro-v1:0",
	                                     "amazon.nova-lite-v1:0",
	                                     "us.amazon.nova-2-lite-v1:0",
	                                     "us.deepseek.r1-v1:0",
	                                     "arn:aws:bedrock:us-east-1::foundation-model/"
	                                     "anthropic.claude-3-haiku-20240307-v1:0"};
	for (size_t i = 0; i < COUNT(priced); i++)
		if (!settings_price(s, a, slice_of(priced[i]), INT64_C(1795000000000), &fallback))
			fail_msg("%s has no price", priced[i]);
	assert_null(settings_price(s, a,
	                           SLICE("arn:aws:bedrock:us-east-1:1:application-inference-profile/x1"),
	                           INT64_C(1795000000000), &fallback));
	settings_unref(s);
}

static void everything(void **state)
{
	struct place *p = *state;
	char path[128];
	struct settings *s = load_everything(p);
	assert_string_equal(p->told, "");
	assert_non_null(s);
	IS(s->listen.host, "::1");
	assert_true(s->listen.loopback);
	assert_int_equal(s->listen.port, 9001);
	snprintf(path, sizeof path, "%s/secret", p->folder);
	IS(s->listen.certificate, path);
	IS(s->listen.client_ca, path);
	assert_false(s->console.loopback);
	assert_int_equal(s->console.port, 0);
	assert_int_equal(s->hosts_n, 2);
	IS(s->hosts[1], "Weir2");
	snprintf(path, sizeof path, "sqlite:%s/sub/x.db", p->folder);
	IS(s->store, path);
	snprintf(path, sizeof path, "%s/j", p->folder);
	IS(s->journal, path);
	assert_int_equal(s->journal_slots, 8192);
	assert_int_equal(s->workers, 3);
	assert_int_equal(s->unmetered, UNMETERED_ALLOW);
	assert_int_equal(s->unknown_price, UNKNOWN_PRICE_FALLBACK);
	IS(s->fallback_price.id, "fallback");
	assert_int_equal(s->fallback_price.per_million[METER_INPUT], INT64_C(3000000000));
	assert_int_equal(s->fallback_price.per_million[METER_CACHE_READ], INT64_C(300000000));
	assert_int_equal(s->fallback_price.per_million[METER_WEB_SEARCHES], INT64_C(10000000000000));

	check_providers(s);
	assert_int_equal(s->teams_n, 2);
	IS(s->teams[0].cost_centre, "CC-1204");
	assert_ptr_equal(settings_team(s, SLICE("bo")), &s->teams[0]);
	assert_ptr_equal(settings_team(s, SLICE("cy")), &s->teams[1]);
	assert_null(settings_team(s, SLICE("dora")));
	assert_null(settings_team(s, SLICE_NONE));
	assert_ptr_equal(settings_team_named(s, SLICE("core")), &s->teams[1]);
	assert_null(settings_team_named(s, SLICE("cor")));

	assert_int_equal(s->limits.body_bytes, 1 << 20);
	assert_int_equal(s->limits.bodies_bytes, INT64_C(2) << 30);
	assert_int_equal(s->limits.header_bytes, 32768);
	assert_int_equal(s->limits.event_bytes, 65536);
	assert_int_equal(s->limits.connections, 10);
	assert_int_equal(s->limits.drain_ms, 0);
	assert_int_equal(s->log_level, 0);
	assert_int_equal(s->log_format, 1);

	struct settings *again = settings_ref(s);
	settings_unref(s);
	assert_int_equal(again->workers, 3);
	settings_unref(again);
}

static void providers_of_models(void **state)
{
	struct place *p = *state;
	struct settings *s = load(p, "providers:\n"
	                             "  - {name: a, api: anthropic}\n"
	                             "  - {name: b, api: openai, models: [gpt-*]}\n"
	                             "  - {name: c, api: openai}\n"
	                             "  - {name: d, api: openai, models: ['o*']}\n");
	static const struct {
		enum dialect d;
		const char *name, *model, *provider;
	} cases[] = {
	    {DIALECT_ANTHROPIC, "", "claude-x", "a"}, {DIALECT_OPENAI, "", "gpt-5", "b"},
	    {DIALECT_OPENAI, "", "o3", "d"},          {DIALECT_OPENAI, "", "llama", "c"},
	    {DIALECT_OPENAI, "d", "gpt-5", "d"},      {DIALECT_OPENAI, "nope", "gpt-5", NULL},
	    {DIALECT_GEMINI, "", "gemini-x", NULL},
	};
	assert_string_equal(p->told, "");
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct provider *got =
		    settings_provider(s, cases[i].d, slice_of(cases[i].name), slice_of(cases[i].model));
		if (cases[i].provider)
			IS(got->name, cases[i].provider);
		else
			assert_null(got);
	}
	settings_unref(s);
}

static void prices(void **state)
{
	struct place *p = *state;
	bool fallback = true;
	struct settings *s = load(p, "prices: {unknown: {input: 1, output: 2}}\n"
	                             "providers:\n"
	                             "  - {name: a, api: openai, prices: {input: 3, output: 4}}\n"
	                             "  - {name: b, api: openai}\n");
	assert_string_equal(p->told, "");
	const struct price *own = settings_price(s, &s->providers[0], SLICE("m"), 0, &fallback);
	IS(own->id, "settings:a");
	assert_false(fallback);
	const struct price *other = settings_price(s, &s->providers[1], SLICE("m"), 0, &fallback);
	IS(other->id, "fallback");
	assert_true(fallback);
	settings_unref(s);
	s = load(p, "workers: 1\n");
	assert_null(settings_price(s, &s->providers[0], SLICE("m"), 0, &fallback));
	assert_false(fallback);
	settings_unref(s);
}

static void price_book(void **state)
{
	struct place *p = *state;
	bool fallback;
	struct settings *s = load_flags(p, "workers: 1\n", 0);
	assert_string_equal(p->told, "");
	const struct price *price =
	    settings_price(s, &s->providers[0], SLICE("claude-opus-4-5"), INT64_C(1790000000000), &fallback);
	assert_non_null(price);
	assert_false(fallback);
	settings_unref(s);
	write_file(p, "price.json", "{\"nothing\": tru}");
	assert_null(load_flags(p, "prices: {file: price.json}\n", 0));
	assert_non_null(strstr(p->told, "t.yaml:1:10: prices.file: "));
	assert_null(load_flags(p, "prices: {file: nope.json}\n", 0));
	assert_non_null(strstr(p->told, "nope.json cannot be read: No such file"));
}

static void folders(void **state)
{
	struct place *p = *state;
	p->told[0] = '\0';
	write_file(p, "b.yml", "providers:\n  - {name: b, api: openai}\nworkers: 2\n");
	write_file(p, "a.yaml", "providers:\n  - {name: a, api: openai}\nlimits: {calls: 5}\n");
	write_file(p, "t.yaml", "limits: {body: 1MB}\nhosts: [x]\n");
	struct settings *s = settings_load_with(slice_of(p->folder), SETTINGS_NO_PRICES, tell, p);
	assert_string_equal(p->told, "");
	assert_int_equal(s->providers_n, 2);
	IS(s->providers[0].name, "a");
	IS(s->providers[1].name, "b");
	assert_int_equal(s->limits.calls, 5);
	assert_int_equal(s->limits.body_bytes, 1 << 20);
	settings_unref(s);

	write_file(p, "t.yaml", "workers: 3\nproviders: [{name: a, api: gemini}]\nnope: 1\n");
	assert_null(settings_load_with(slice_of(p->folder), SETTINGS_NO_PRICES, tell, p));
	assert_non_null(strstr(p->told, "t.yaml:1:1: workers stands in another file already (/tmp/"));
	assert_non_null(strstr(p->told, "b.yml:3): keep one\n"));
	assert_non_null(strstr(p->told, "t.yaml:2:20: providers[].name: there are two providers \"a\"\n"));
	assert_non_null(strstr(p->told, "t.yaml:3:1: there is no key nope"));

	char path[128];
	snprintf(path, sizeof path, "%s/d", p->folder);
	assert_int_equal(mkdir(path, 0700), 0);
	p->told[0] = '\0';
	assert_null(settings_load_with(slice_of(path), SETTINGS_NO_PRICES, tell, p));
	assert_string_equal(p->told, "d: there is no *.yaml file in this folder\n");
}

/* --- what is refused --------------------------------------------------------- */

#define P "providers: [{name: x, api: openai, "

static const struct {
	const char *text, *told;
} FAULTS[] = {
    {"lisen: 1\n", "1:1: there is no key lisen; did you mean listen?"},
    {"level: 1\n", "1:1: there is no key level here; it stands as log.level"},
    {"log: {colour: 1}\n", "1:7: there is no key log.colour; known here: level, format"},
    {"console: {lisen: 1}\n", "1:11: there is no key console.lisen; did you mean listen?"},
    {"- a\n", "1:1: settings are a mapping of keys to values, such as \"workers: 2\""},
    {"text\n", "1:1: settings are a mapping of keys to values, such as \"workers: 2\""},
    {"workers:\n", "1:9: workers has no value: write number, or take the key out"},
    {"workers: [1]\n", "1:10: workers: a list stands here where number is wanted"},
    {"workers: two\n", "1:10: workers: \"two\" is no whole number"},
    {"workers: 257\n", "1:10: workers: 257 is not between 1 and 256"},
    {"workers: 99999999999999999999\n", "1:10: workers: \"99999999999999999999\" is no whole number"},
    {"log: debug\n", "1:6: log: a mapping is wanted, with: level, format"},
    {"log: {level: wran}\n",
     "1:14: log.level: \"wran\" is not to be chosen: write debug, info, warn or error (did you mean warn?)"},
    {"insecure_listen: yes\n", "1:18: insecure_listen: \"yes\" is neither true nor false"},
    {"listen: 8787\n", "1:9: listen: \"8787\" is no address: write an IP address and a port, such as "
                       "127.0.0.1:8787 or [::1]:8787"},
    {"listen: ::1:80\n", "1:9: listen: \"::1:80\" is no address: write an IP address and a port, such as "
                         "127.0.0.1:8787 or [::1]:8787"},
    {"listen: 127.0.0.1:70000\n", "1:9: listen: \"127.0.0.1:70000\" is no address: write an IP address and a "
                                  "port, such as 127.0.0.1:8787 or [::1]:8787"},
    {"listen: weir.example.com:80\n",
     "1:9: listen: \"weir.example.com:80\" is no address: write an IP address "
     "and a port, such as 127.0.0.1:8787 or [::1]:8787"},
    {"listen: 10.1.2.3:80\n", "1:1: listen: 10.1.2.3 is not loopback: give it `tls: {certificate:, key:}`, "
                              "listen on 127.0.0.1, or write `insecure_listen: true`"},
    {"console: {listen: 127.0.0.1:8787}\n",
     "1:11: console.listen and listen have the same port 8787: give them two"},
    {"listen: {tls: {client_ca: t.yaml}}\n",
     "1:16: listen.tls: client_ca needs certificate and key beside it"},
    {"listen: {tls: {key: t.yaml}}\n", "1:16: listen.tls: certificate and key belong together: write both"},
    {"hosts: ['http://x']\n", "1:9: hosts: \"http://x\" is no host name: write it without scheme and port"},
    {"store: weir.db\n", "1:8: store: \"weir.db\" names no kind of store: write sqlite:PATH"},
    {"store: postgresql://h/d\n",
     "1:8: store: this version keeps its ledger in SQLite only: write sqlite:weir.db"},
    {"store: 'sqlite::memory:'\n", "1:8: store: a file is wanted: write sqlite:weir.db"},
    {"timezone: ../../etc/passwd\n",
     "1:11: timezone: there is no zone \"../../etc/passwd\": write a name such "
     "as Europe/Berlin or UTC"},
    {"limits: {body: 5XB}\n", "1:16: limits.body: \"5XB\" is no size: write bytes, or 512KB, 64MB, 1GB"},
    {"limits: {body: 1KB}\n", "1:16: limits.body: 1KB is not between 4KB and 1GB"},
    {"limits: {headers: 65537}\n", "1:19: limits.headers: 65537 is not between 4KB and 64KB"},
    {"limits: {body: 9999999999GB}\n",
     "1:16: limits.body: \"9999999999GB\" is no size: write bytes, or 512KB, 64MB, 1GB"},
    {"limits: {idle_timeout: 3}\n",
     "1:24: limits.idle_timeout: \"3\" is no duration: write 500ms, 90s, 5m, 2h or 7d"},
    {"limits: {idle_timeout: 2h}\n", "1:24: limits.idle_timeout: 2h is not between 100ms and 1h"},
    {"limits: {body: 600MB}\n", "1:10: limits.body is larger than limits.bodies: one body would fill it"},
    {"journal: {slots: 100}\n",
     "1:11: limits.calls (4096) is above journal.slots (100): each call needs a slot"},
    {"prices: {unknown: guess}\n", "1:19: prices.unknown: \"guess\" is not to be chosen: write refuse, or a "
                                   "price: {input: 3.00, output: 15.00}, USD for a million tokens"},
    {"prices: {unknown: {input: 3}}\n",
     "1:10: prices.unknown: needs both input and output, USD for a million tokens"},
    {"prices: {unknown: {input: -3, output: 1}}\n",
     "1:27: prices.unknown.input: \"-3\" is no price: write USD with at most 9 decimals, such as 3.00"},
    {"providers: []\n", "1:12: providers: a list is wanted, an entry a line: - {name: …}"},
    {"providers: {name: x}\n", "1:12: providers: a list is wanted, an entry a line: - {name: …}"},
    {"providers: [x]\n", "1:13: providers[]: a mapping is wanted: {name: …, api: …}"},
    {"providers: [{api: openai}]\n",
     "1:13: providers[].name is missing: a name for the ledger and for /p/NAME/"},
    {"providers: [{name: x}]\n", "1:13: providers[].api is missing: write anthropic, openai, gemini, "
                                 "bedrock, azure, vertex, cohere or ollama"},
    {"providers: [{name: x, api: palm}]\n",
     "1:28: providers[].api: write anthropic, openai, gemini, bedrock, azure, vertex, cohere or ollama"},
    {"providers: [{name: x, api: bedrock}]\n", "1:13: providers[].base_url is missing: such as "
                                               "https://bedrock-runtime.us-east-1.amazonaws.com"},
    {"providers: [{name: x, api: azure, deployments: {a: b}}]\n",
     "1:13: providers[].base_url is missing: such as https://NAME.openai.azure.com"},
    {"providers: [{name: x, api: azure, base_url: 'https://x', deployments: [a]}]\n",
     "1:71: providers[].deployments: a mapping is wanted, names to models: {prod-gpt5: gpt-5}"},
    {"providers: [{name: x, api: azure, base_url: 'https://x', deployments: {a: [b]}}]\n",
     "1:75: providers[].deployments: a model's name is wanted: {prod-gpt5: gpt-5}"},
    {"providers: [{name: x, api: bedrock, credential: {aws: {region: A/B, access_key_id: AKIA1, "
     "secret_access_key: env:WEIR_TEST_SECRET}}}]\n",
     "1:64: providers[].credential.aws.region: a region's name is wanted, such as us-east-1\n"
     "1:84: providers[].credential.aws.access_key_id: write env:NAME (a variable) or file:PATH"},
    {"providers: [{name: a/b, api: openai}]\n", "1:20: providers[].name: \"a/b\" is no name: letters, "
                                                "digits, '-', '_' and '.' are, at most 63 of them, a "
                                                "letter or digit first"},
    {"providers: [{name: x, api: openai}, {name: x, api: gemini}]\n",
     "1:44: providers[].name: there are two providers \"x\""},
    {P "base_url: 'https://api.openai.com/v1/'}]\n", "1:46: providers[].base_url: the API's version comes "
                                                     "with the client's path: write https://api.openai.com"},
    {P "base_url: api.openai.com}]\n",
     "1:46: providers[].base_url: \"api.openai.com\" is no URL to use: it has "
     "to begin with https:// or http://"},
    {P "base_url: 'https://h:0/'}]\n",
     "1:46: providers[].base_url: \"https://h:0/\" is no URL to use: its port is none"},
    {P "base_url: 'https://h?x'}]\n",
     "1:46: providers[].base_url: \"https://h?x\" is no URL to use: it must have no ? or # part"},
    {P "base_url: 'https://u:p@h'}]\n",
     "1:46: providers[].base_url: a password does not stand in a URL: use `credential`"},
    {P "credential: sk-secret}]\n",
     "1:48: providers[].credential: a secret does not stand in the file itself: write env:NAME (a variable), "
     "file:PATH, passthrough (the client's own) or none"},
    {P "credential: env:WEIR_TEST_UNSET}]\n",
     "1:48: providers[].credential: the variable WEIR_TEST_UNSET is not set: set it where weir starts "
     "(export "
     "WEIR_TEST_UNSET=…), or write passthrough to use the client's own"},
    {P "credential: env:WEIR_TEST_BAD_SECRET}]\n",
     "1:48: providers[].credential: what stands in env:WEIR_TEST_BAD_SECRET is no key: one line of printable "
     "characters without blanks is wanted"},
    {P "credential: {aws: {region: x, access_key_id: env:WEIR_TEST_SECRET, secret_access_key: "
       "env:WEIR_TEST_SECRET}}}]\n",
     "1:54: providers[].credential.aws: only for api: bedrock"},
    {P "credential: {}}]\n", "1:48: providers[].credential: as a mapping: {aws: {region: us-east-1}}"},
    {P "on_abort: finish}]\n",
     "1:46: providers[].on_abort: \"finish\" is not to be chosen: write cancel or drain"},
    {P "prices: {input: 1}}]\n",
     "1:44: providers[].prices: needs both input and output, USD for a million tokens"},
    {P "proxy: 'http://u:p@h:1'}]\n", "1:43: providers[].proxy: a password does not stand in the file "
                                      "itself: write env:NAME or file:PATH for the "
                                      "whole URL"},
    {P "models: [a, {b: c}]}]\n",
     "1:48: providers[].models: a mapping stands here where list of globs is wanted"},
    {P "timeouts: {total: 90d}}]\n", "1:54: providers[].timeouts.total: 90d is not between 1s and 24h"},
    {"teams: [{members: [a]}]\n", "1:9: teams[].name is missing"},
    {"teams: [{name: t}, {name: t}]\n", "1:27: teams[].name: there are two teams \"t\""},
    {"workers: 0\nstore: x\nworkers: 1\n", "1:10: workers: 0 is not between 1 and 256\n"
                                           "2:8: store: \"x\" names no kind of store: write sqlite:PATH\n"
                                           "3:1: \"workers\" stands here twice (before on line 1): keep one"},
    {"store: \"a\\nb\\e[31mc\"\n", "1:8: store: \"a b [31mc\" names no kind of store: write sqlite:PATH"},
    {"a: [\n", "2:1: did not find expected node content, while parsing a flow node"},
};

static void faults(void **state)
{
	struct place *p = *state;
	for (size_t i = 0; i < COUNT(FAULTS); i++) {
		char wanted[2048] = "";
		slice rest = slice_of(FAULTS[i].told), line;
		while (slice_split(&rest, '\n', &line)) {
			size_t at = strlen(wanted);
			snprintf(wanted + at, sizeof wanted - at, "t.yaml:" SLICE_FMT "\n", SLICE_ARG(line));
		}
		assert_null(load(p, FAULTS[i].text));
		assert_string_equal(p->told, wanted);
	}
}

/* A key of a later version is never taken in silence. */
static void later_keys(void **state)
{
	struct place *p = *state;
	static const char *const keys[] = {"outcomes", "record"};
	for (size_t i = 0; i < COUNT(keys); i++) {
		char text[64], wanted[128];
		snprintf(text, sizeof text, "%s: []\n", keys[i]);
		snprintf(wanted, sizeof wanted, "t.yaml:1:1: %s: not carried out by this version of Weir",
		         keys[i]);
		assert_null(load(p, text));
		assert_true(slice_starts(slice_of(p->told), slice_of(wanted)));
	}
	assert_null(load(p, "routes:\n  rules: []\n"));
	assert_true(slice_starts(slice_of(p->told),
	                         SLICE("t.yaml:2:3: routes.rules: not carried out by this version of Weir")));
}

static void members_once(void **state)
{
	struct place *p = *state;
	assert_null(load(p, "teams:\n  - {name: a, members: [x, y]}\n  - {name: b, members: [y]}\n"));
	assert_non_null(strstr(p->told, "t.yaml:3:25: teams[].members: \"y\" is in a team already ("));
}

static void many_faults(void **state)
{
	struct place *p = *state;
	char text[4096] = "";
	for (int i = 0; i < 150; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "nothing%d: 1\n", i);
	assert_null(load(p, text));
	size_t lines = 0;
	for (const char *at = p->told; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	assert_true(lines >= 20); /* as many as the test's text holds */
	assert_non_null(strstr(p->told, "t.yaml:1:1: "));
}

static void secrets_not_needed(void **state)
{
	struct place *p = *state;
	struct settings *s = load_flags(p, P "credential: env:WEIR_TEST_UNSET}]\n",
	                                SETTINGS_NO_PRICES | SETTINGS_NO_SECRETS | SETTINGS_NO_FOLDER);
	assert_string_equal(p->told, "");
	assert_int_equal(s->providers[0].credential, CREDENTIAL_SECRET);
	assert_int_equal(s->providers[0].secret.n, 0);
	settings_unref(s);
}

static void found(void **state)
{
	struct place *p = *state;
	char buf[256], before[512], config[200];
	assert_non_null(getcwd(before, sizeof before));
	setenv("WEIR_CONFIG", "/given/x.yaml", 1);
	assert_true(slice_eq(settings_find(buf, sizeof buf), SLICE("/given/x.yaml")));
	unsetenv("WEIR_CONFIG");
	snprintf(config, sizeof config, "%s/weir", p->folder);
	setenv("XDG_CONFIG_HOME", p->folder, 1);
	mkdir(config, 0700);
	write_file(p, "weir/weir.yaml", "");
	assert_int_equal(chdir("/"), 0);
	snprintf(config, sizeof config, "%s/weir/weir.yaml", p->folder);
	assert_true(slice_eq(settings_find(buf, sizeof buf), slice_of(config)));
	assert_int_equal(remove(config), 0);
	write_file(p, "weir.yaml", "");
	assert_int_equal(chdir(p->folder), 0);
	assert_true(slice_eq(settings_find(buf, sizeof buf), SLICE("weir.yaml")));
	assert_int_equal(remove("weir.yaml"), 0);
	assert_int_equal(chdir(before), 0);
}

static void missing(void **state)
{
	struct place *p = *state;
	p->told[0] = '\0';
	assert_null(settings_load(SLICE("/nonexistent/weir.yaml"), tell, p));
	assert_string_equal(p->told, "/nonexistent/weir.yaml: cannot be read: No such file or directory\n");
}

/* The table and its readers: every key is told, once, with a text. */
static void options(void **state)
{
	const char *key, *type, *text, *before = "";
	size_t at = 0, n = 0;
	(void)state;
	while (settings_option(&at, &key, &type, &text)) {
		assert_true(strlen(key) && strlen(type) && strlen(text));
		assert_null(strpbrk(text, "\t\n"));
		assert_string_not_equal(key, before);
		before = key;
		n++;
	}
	assert_true(n > 60);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(defaults),   T(everything),   T(clouds),      T(providers_of_models),
	    T(prices),     T(price_book),   T(folders),     T(faults),
	    T(later_keys), T(members_once), T(many_faults), T(secrets_not_needed),
	    T(found),      T(missing),      T(options),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
