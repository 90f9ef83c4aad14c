/* The rows of compatible providers: names are theirs alone, and the price book has the prices they name. */
#include "unit/unit.h"

#include <stdlib.h>
#include <unistd.h>

#include "model/catalog.h"
#include "model/settings.h"
#include "model/vendors.h"

static void recognised_by_name_and_host(void **state)
{
	(void)state;
	static const struct {
		const char *name, *host, *want; /* one of the two */
	} cases[] = {
	    {"groq", NULL, "groq"},
	    {"Z-AI", NULL, "zhipu"},
	    {"kimi", NULL, "moonshot"},
	    {"llama.cpp", NULL, "llamacpp"},
	    {"gro", NULL, NULL},
	    {"", NULL, NULL},
	    {NULL, "api.groq.com", "groq"},
	    {NULL, "API.Groq.com:443", "groq"},
	    {NULL, "eu-west-1.api.x.ai", "xai"},
	    {NULL, "evilapi.groq.com", NULL},
	    {NULL, "api.groq.com.evil.example", NULL},
	    {NULL, "adb-1.1.azuredatabricks.net", "databricks"},
	    {NULL, "azuredatabricks.net", NULL},
	    {NULL, "127.0.0.1:8000", NULL},
	    {NULL, "", NULL},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct vendor *v = cases[i].name ? vendor_named(slice_of(cases[i].name))
		                                       : vendor_at(slice_of(cases[i].host));
		const char *got = v ? v->name : "none", *want = cases[i].want ? cases[i].want : "none";
		if (strcmp(got, want) != 0)
			fail_msg("%s: %s, want %s", cases[i].name ? cases[i].name : cases[i].host, got, want);
	}
}

static bool book_has(const struct catalog *c, slice vendor)
{
	const struct price *p;
	for (size_t at = 0; (p = catalog_each(c, &at)) != NULL;)
		if (slice_eq(p->vendor, vendor))
			return true;
	return false;
}

static void each_row_is_whole(void **state)
{
	(void)state;
	/* their own prices, or none that are public for each token */
	static const char *const unpriced[] = {"huggingface", "databricks", "snowflake",
	                                       "cloudflare",  "ollama",     "vllm",
	                                       "llamacpp",    "sglang",     "lmstudio"};
	struct error e;
	struct catalog *c = catalog_builtin(&e);
	const struct vendor *v;
	assert_non_null(c);
	for (size_t at = 0; (v = vendor_each(&at)) != NULL;) {
		bool priced = book_has(c, slice_of(v->prices)), listed = false;
		slice rest = slice_of(v->also), word;
		for (size_t i = 0; i < COUNT(unpriced); i++)
			listed = listed || strcmp(unpriced[i], v->name) == 0;
		if (priced == listed)
			fail_msg("%s: the price book %s %s", v->name, priced ? "has" : "has no", v->prices);
		assert_ptr_equal(vendor_named(slice_of(v->name)), v);
		while (slice_split(&rest, ' ', &word))
			if (word.n)
				assert_ptr_equal(vendor_named(word), v);
		rest = slice_of(v->hosts);
		while (slice_split(&rest, ' ', &word))
			if (word.n && word.p[0] != '.')
				assert_ptr_equal(vendor_at(word), v);
		assert_true(v->note[0] && strchr(v->note, '\t') == NULL);
		assert_true(v->base_url == NULL || v->base_url[strlen(v->base_url) - 1] != '/');
	}
	catalog_unref(c);
}

/* --- settings ------------------------------------------------------------------------------------------ */

#define IS(got, want) assert_true(slice_eq((got), slice_of(want)))

struct told {
	char *text;
	size_t cap;
};

static void tell(void *arg, const char *line)
{
	struct told *t = arg;
	snprintf(t->text, t->cap, "%s", line);
}

/* told has room for 2048 bytes. */
static struct settings *load(char *told, const char *text)
{
	char path[] = "/tmp/weir-vendors-XXXXXX";
	struct told t = {told, 2048};
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
	struct settings *s = settings_load_with(
	    slice_of(path), SETTINGS_NO_FOLDER | SETTINGS_NO_PRICES | SETTINGS_NO_SECRETS, tell, &t);
	assert_int_equal(unlink(path), 0);
	return s;
}

/* Rows of vendors: by the vendor's name, else the host, else the provider's name. */
static void compatible_providers(void **state)
{
	char told[2048] = "";
	(void)state;
	struct settings *s =
	    load(told, "providers:\n"
	               "  - {name: a, api: openai, base_url: 'https://api.groq.com/openai'}\n"
	               "  - {name: mistral, api: openai}\n"
	               "  - {name: z, api: openai, vendor: zai}\n"
	               "  - {name: groq, api: openai, base_url: 'http://127.0.0.1:9', vendor: openai}\n"
	               "  - {name: xai, api: openai, base_url: 'http://127.0.0.1:9/api/v4'}\n"
	               "  - {name: kimi, api: anthropic, base_url: 'https://api.moonshot.ai/anthropic'}\n"
	               "  - {name: plain, api: openai, base_url: 'http://10.0.0.7:8000', vendor: mine}\n"
	               "  - {name: v, api: vertex, base_url: 'https://us-east5-aiplatform.googleapis.com'}\n"
	               "  - {name: o, api: ollama, models: [llama*]}\n"
	               "  - {name: c, api: cohere}\n");
	assert_string_equal(told, "");
	assert_non_null(s);
	static const struct {
		const char *vendor, *base_url, *host;
		bool bare, usage_unasked;
	} want[] = {
	    {"groq", "https://api.groq.com/openai", "api.groq.com", false, false},
	    {"mistral", "https://api.mistral.ai", "api.mistral.ai", false, true},
	    {"zhipu", "https://api.z.ai/api/paas/v4", "api.z.ai", true, false},
	    {"openai", "http://127.0.0.1:9", "127.0.0.1:9", false, false},
	    {"xai", "http://127.0.0.1:9/api/v4", "127.0.0.1:9", true, false},
	    {"moonshot", "https://api.moonshot.ai/anthropic", "api.moonshot.ai", false, false},
	    {"mine", "http://10.0.0.7:8000", "10.0.0.7:8000", false, false},
	    {"vertex", "https://us-east5-aiplatform.googleapis.com", "us-east5-aiplatform.googleapis.com",
	     false, false},
	    {"ollama", "http://127.0.0.1:11434", "127.0.0.1:11434", false, false},
	    {"cohere", "https://api.cohere.com", "api.cohere.com", false, false},
	};
	assert_int_equal(s->providers_n, COUNT(want));
	for (size_t i = 0; i < COUNT(want); i++) {
		IS(s->providers[i].vendor, want[i].vendor);
		IS(s->providers[i].base_url, want[i].base_url);
		assert_true(slice_eq(s->providers[i].host, slice_of(want[i].host)));
		assert_int_equal(s->providers[i].bare, want[i].bare);
		assert_int_equal(s->providers[i].usage_unasked, want[i].usage_unasked);
	}
	IS(provider_model(&s->providers[7], SLICE("google/gemini-2.5-pro")), "gemini-2.5-pro");
	/* Ollama takes the others' dialects for the models that it is said to have */
	assert_ptr_equal(settings_provider(s, DIALECT_OPENAI, SLICE_NONE, SLICE("llama3")), &s->providers[8]);
	assert_ptr_equal(settings_provider(s, DIALECT_OPENAI, SLICE_NONE, SLICE("m")), &s->providers[0]);
	assert_ptr_equal(settings_provider(s, DIALECT_VERTEX, SLICE_NONE, SLICE("m")), &s->providers[7]);
	settings_unref(s);
	assert_null(load(told, "providers: [{name: v, api: vertex}]\n"));
	assert_non_null(strstr(told, "https://aiplatform.googleapis.com"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(recognised_by_name_and_host),
	    cmocka_unit_test(each_row_is_whole),
	    cmocka_unit_test(compatible_providers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
