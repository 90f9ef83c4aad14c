/* Costing against an independent library: genai-prices 0.1.8 (MIT) priced the usage of recorded provider
 * answers, and both must come to the same money. A sample stands in tests/wire/prices; with WEIR_DATA set to
 * a folder that holds http/open/pairs.jsonl, all of the recorded pairs are compared too.
 *
 * The library's `input_tokens` include cached, written and audio tokens; Weir's meters are disjoint. */
#include "unit/unit.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/num.h"
#include "model/catalog.h"
#include "model/usage.h"
#include "text/json.h"

#define SAMPLE   "tests/wire/prices/oracle.jsonl"
#define LINE_MAX (64u << 20)

/* The library's names for vendors. */
static const struct {
	const char *theirs, *ours;
} vendors[] = {
    {"aws", "bedrock"}, {"x-ai", "xai"}, {"moonshotai", "moonshot"}, {"zai", "zhipu"}, {"zhipuai", "zhipu"}};

/* Why a pair may differ: read by a human, not computed. Any other difference fails. */
static const struct {
	const char *vendor, *model, *why; /* model is a pattern */
} known[] = {
    {"openai", "gpt-4o-audio-preview", "the library has no audio prices for it, and prices sound as text"},
    {"openai", "gpt-4o-search-preview", "left out of the book: a fee for each call stands in no usage field"},
    {"perplexity", "sonar", "left out of the book for the same reason"},
    {"bedrock", "arn:*", "the profile hides the model from the price book"},
};

struct pair {
	slice vendor, model, served; /* as requested; what the library found in the answer */
	struct usage usage;
	int64_t nano; /* the library's total; -1 when it has no price */
	int64_t when;
	bool has_oracle;
	char text[3][320];
};

struct tally {
	int pairs, equal, served, known, unpriced_there, different, no_usage;
};

static int64_t nano_of(slice number)
{
	char text[64];
	if (number.n >= sizeof text)
		return -1;
	memcpy(text, number.p, number.n);
	text[number.n] = '\0';
	return (int64_t)(strtod(text, NULL) * 1e9 + 0.5);
}

/* Bedrock's models stand percent-encoded in the path. */
static size_t percent_decode(char *s, size_t n)
{
	size_t out = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned v;
		char hex[3] = {0};
		if (s[i] == '%' && i + 2 < n) {
			memcpy(hex, s + i + 1, 2);
			v = (unsigned)strtoul(hex, NULL, 16);
			s[out++] = (char)v;
			i += 2;
		} else {
			s[out++] = s[i];
		}
	}
	return out;
}

static void keep(struct pair *p, int slot, const json_str *s, slice *out)
{
	size_t n = json_unescape(s, p->text[slot], sizeof p->text[slot]);
	n = n <= sizeof p->text[slot] ? percent_decode(p->text[slot], n) : 0;
	*out = slice_make(p->text[slot], n);
}

static void read_usage(struct json *j, struct usage *u)
{
	static const struct {
		const char *key;
		enum meter meter;
	} fields[] = {
	    {"input_tokens", METER_INPUT},
	    {"output_tokens", METER_OUTPUT},
	    {"cache_read_tokens", METER_CACHE_READ},
	    {"cache_write_5m_tokens", METER_CACHE_WRITE_5M},
	    {"cache_write_1h_tokens", METER_CACHE_WRITE_1H},
	    {"output_reasoning_tokens", METER_REASONING},
	    {"input_audio_tokens", METER_INPUT_AUDIO},
	    {"output_audio_tokens", METER_OUTPUT_AUDIO},
	    {"input_image_tokens", METER_INPUT_IMAGE},
	    {"web_searches", METER_WEB_SEARCHES},
	};
	int64_t written = 0;
	json_key k;
	if (!json_object(j))
		return;
	while (json_next_key(j, &k)) {
		size_t f = 0;
		while (f < COUNT(fields) && !json_key_is(&k, slice_of(fields[f].key)))
			f++;
		if (f < COUNT(fields))
			json_opt_i64(j, &u->m[fields[f].meter]);
		else if (json_key_is(&k, SLICE("cache_write_tokens")))
			json_opt_i64(j, &written);
		else
			json_skip(j, NULL);
	}
	/* Anthropic at times sends the split as zeros beside a total: what the split lacks is 5 m. */
	u->m[METER_CACHE_WRITE_5M] =
	    num_max_i64(u->m[METER_CACHE_WRITE_5M], written - num_max_i64(u->m[METER_CACHE_WRITE_1H], 0));
	static const enum meter inside[] = {METER_CACHE_READ, METER_CACHE_WRITE_5M, METER_CACHE_WRITE_1H,
	                                    METER_INPUT_AUDIO, METER_INPUT_IMAGE};
	for (size_t i = 0; i < COUNT(inside); i++)
		if (u->m[inside[i]] > 0)
			u->m[METER_INPUT] -= u->m[inside[i]];
	if (u->m[METER_OUTPUT_AUDIO] > 0)
		u->m[METER_OUTPUT] -= u->m[METER_OUTPUT_AUDIO];
}

static void read_oracle(struct json *j, struct pair *p)
{
	json_key k;
	json_str s;
	slice number;
	if (json_peek(j) != JSON_OBJECT) {
		json_skip(j, NULL);
		return;
	}
	p->has_oracle = true;
	json_object(j);
	while (json_next_key(j, &k)) {
		if (json_key_is(&k, SLICE("provider_id")) && json_peek(j) == JSON_STRING) {
			json_string(j, &s);
			keep(p, 0, &s, &p->vendor);
		} else if (json_key_is(&k, SLICE("model")) && json_peek(j) == JSON_STRING) {
			json_string(j, &s);
			keep(p, 2, &s, &p->served);
		} else if (json_key_is(&k, SLICE("usage"))) {
			read_usage(j, &p->usage);
		} else if (json_key_is(&k, SLICE("total_price")) && json_peek(j) == JSON_NUMBER) {
			json_number(j, &number);
			p->nano = nano_of(number);
		} else if (json_key_is(&k, SLICE("priced_at")) && json_peek(j) == JSON_STRING) {
			json_string(j, &s);
			assert_true(clock_parse_rfc3339(s.raw, &p->when));
		} else {
			json_skip(j, NULL);
		}
	}
}

static void read_pair(slice line, struct pair *p)
{
	struct json j;
	json_key k;
	json_str s;
	*p = (struct pair){.nano = -1};
	for (int m = 0; m < METER_N; m++)
		p->usage.m[m] = TOKENS_ABSENT;
	json_init(&j, line);
	if (json_object(&j))
		while (json_next_key(&j, &k)) {
			if (json_key_is(&k, SLICE("oracle_genai_prices")))
				read_oracle(&j, p);
			else if (json_key_is(&k, SLICE("model")) && json_peek(&j) == JSON_STRING &&
			         json_string(&j, &s))
				keep(p, 1, &s, &p->model);
			else
				json_skip(&j, NULL);
		}
	if (!json_end(&j))
		fail_msg("%s at byte %zu", j.error, j.error_at);
	for (size_t i = 0; i < COUNT(vendors); i++)
		if (slice_eq(p->vendor, slice_of(vendors[i].theirs)))
			p->vendor = slice_of(vendors[i].ours);
}

static bool excused(const struct pair *p)
{
	for (size_t i = 0; i < COUNT(known); i++)
		if (slice_eq(p->vendor, slice_of(known[i].vendor)) &&
		    slice_glob(p->model, slice_of(known[i].model)))
			return true;
	return false;
}

static bool costs(const struct price *price, const struct pair *p, int64_t *nano)
{
	struct cost cost;
	struct error e = {0};
	if (!price)
		return false;
	if (usage_cost(price, &p->usage, NULL, &cost, &e) != 0)
		fail_msg("%s", e.text);
	*nano = cost.total;
	return llabs((long long)(cost.total - p->nano)) <=
	       COST_N; /* one rounding of theirs for many of ours */
}

static void compare(const struct catalog *c, const struct pair *p, struct tally *t)
{
	const struct price *asked = catalog_price(c, p->vendor, p->model, p->when);
	const struct price *served = catalog_price(c, p->vendor, p->served, p->when);
	int64_t nano = 0;
	t->pairs++;
	if (p->usage.m[METER_INPUT] < 0)
		t->no_usage++;
	else if (p->nano < 0)
		t->unpriced_there++;
	else if (costs(asked, p, &nano))
		t->equal++;
	else if (costs(served, p, &nano))
		t->served++;
	else if (excused(p))
		t->known++;
	else {
		t->different++;
		printf("  differs: " SLICE_FMT "/" SLICE_FMT ", served as " SLICE_FMT
		       ": %lld here, %lld there; input %lld, read %lld, written %lld + %lld, output %lld\n",
		       SLICE_ARG(p->vendor), SLICE_ARG(p->model), SLICE_ARG(p->served), (long long)nano,
		       (long long)p->nano, (long long)p->usage.m[METER_INPUT],
		       (long long)p->usage.m[METER_CACHE_READ], (long long)p->usage.m[METER_CACHE_WRITE_5M],
		       (long long)p->usage.m[METER_CACHE_WRITE_1H], (long long)p->usage.m[METER_OUTPUT]);
	}
}

static struct tally compare_file(const char *path)
{
	struct tally t = {0};
	struct error e;
	struct catalog *c = catalog_builtin(&e);
	FILE *f = fopen(path, "r");
	assert_non_null(c);
	if (!f)
		fail_msg("%s cannot be opened", path);
	char *line = NULL;
	size_t cap = 0;
	for (ssize_t n; (n = getline(&line, &cap, f)) > 0;) {
		struct pair p;
		read_pair(slice_make(line, (size_t)n), &p);
		if (p.has_oracle)
			compare(c, &p, &t);
	}
	free(line);
	fclose(f);
	catalog_unref(c);
	printf("%s: %d pairs: %d equal, %d equal by the model that answered, %d differ as known, %d differ, "
	       "%d the library "
	       "could not price, %d without usage\n",
	       path, t.pairs, t.equal, t.served, t.known, t.different, t.unpriced_there, t.no_usage);
	return t;
}

static void the_sample_costs_what_the_library_says(void **state)
{
	(void)state;
	struct tally t = compare_file(SAMPLE);
	assert_int_equal(t.different, 0);
	assert_true(t.equal >= 60);
}

static void all_recorded_pairs_cost_what_the_library_says(void **state)
{
	(void)state;
	const char *data = getenv("WEIR_DATA");
	if (!data) {
		printf("WEIR_DATA is not set: the full set of recorded pairs is not here to compare with\n");
		skip();
	}
	char path[4096];
	snprintf(path, sizeof path, "%s/http/open/pairs.jsonl", data);
	struct tally t = compare_file(path);
	assert_int_equal(t.different, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_sample_costs_what_the_library_says),
	    cmocka_unit_test(all_recorded_pairs_cost_what_the_library_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
