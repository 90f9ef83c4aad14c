/* Output that no provider reported: recorded streams (tests/wire/SOURCES.md) cut at random places, what the
 * tap counts against one count of all that passed; and texts so long that only a sample of them is kept. */
#include "unit/unit.h"

#include <stdlib.h>

#include <cjson/cJSON.h>

#include "codec/registry.h"
#include "gateway/meter.h"
#include "model/predict_impl.h"
#include "model/said.h"
#include "text/bpe.h"

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* What passed, kept whole and unescaped by this test. */
struct heard {
	struct buf text[SAID_KINDS];
	bool broken;
};

static void hear(void *arg, enum said_kind kind, slice raw)
{
	struct heard *h = arg;
	json_str s = {raw, slice_find_char(raw, '\\') >= 0};
	char *plain = malloc(raw.n + 1);
	assert_non_null(plain);
	size_t n = json_unescape(&s, plain, raw.n);
	h->broken = h->broken || buf_append(&h->text[kind], slice_make(plain, n)) != 0;
	free(plain);
}

static int on_event(void *arg, const struct sse_event *e)
{
	void **at = arg;
	const struct codec_ops *codec = at[0];
	struct json_edits edits;
	json_edits_init(&edits);
	codec->event(e, NULL, at[1], &edits);
	return 0;
}

static int64_t count_whole(const struct codec_ops *codec, const struct bpe *bpe, slice stream)
{
	static struct bpe_scratch scratch;
	struct heard h = {0};
	struct answer a;
	struct sse sse;
	int64_t tokens = 0;
	void *arg[] = {(void *)(uintptr_t)codec, &a};
	answer_init(&a);
	a.said = hear;
	a.said_arg = &h;
	for (int k = 0; k < SAID_KINDS; k++)
		buf_init(&h.text[k], 16 << 20);
	sse_init(&sse, 1 << 20);
	assert_int_equal(sse_feed(&sse, stream, on_event, arg), 0);
	sse_release(&sse);
	assert_false(h.broken);
	for (int k = 0; k < SAID_KINDS; k++) {
		tokens += (int64_t)bpe_count(bpe, &scratch, buf_slice(&h.text[k]), BPE_ORDINARY);
		buf_release(&h.text[k]);
	}
	return tokens;
}

struct tally {
	struct predictor *p;
	struct predict_scratch *s;
	uint64_t seed;
	int streams, cuts;
	double worst;
};

static void cut_one(struct tally *t, enum api api, slice model, slice stream)
{
	struct request_view v = {.api = api, .model = model, .stream = true, .max_output = TOKENS_ABSENT};
	struct stream_meter m;
	struct buf out;
	buf_init(&out, 16 << 20);
	meter_init(&m, registry_codec(api), &v);
	meter_count_with(&m, t->p, t->s);
	meter_begin(&m, METER_EVENTS, 1 << 20);
	for (slice rest = stream; rest.n;) {
		size_t n = 1 + (size_t)(next(&t->seed) % 700);
		assert_int_equal(meter_feed(&m, slice_sub(rest, 0, n), &out), 0);
		rest = slice_sub(rest, n < rest.n ? n : rest.n, rest.n);
	}
	int64_t got = meter_count(&m), want = count_whole(m.codec, predict_encoding(model), stream);
	double off = (double)llabs(got - want), share = want ? off / (double)want : off;
	if (off > 1 && share > 0.02)
		fail_msg("%s, %zu bytes: %lld counted, %lld at once", api_name(api), stream.n, (long long)got,
		         (long long)want);
	t->worst = off > 1 && share > t->worst ? share : t->worst;
	t->cuts++;
	meter_release(&m);
	buf_release(&out);
}

static void check_line(struct tally *t, const cJSON *line)
{
	static const struct {
		const char *name;
		enum api api;
	} apis[] = {{"messages", API_ANTHROPIC_MESSAGES},
	            {"chat", API_OPENAI_CHAT},
	            {"responses", API_OPENAI_RESPONSES},
	            {"streamGenerateContent", API_GEMINI_GENERATE}};
	const char *api = cJSON_GetStringValue(cJSON_GetObjectItem(line, "api"));
	const char *model = cJSON_GetStringValue(cJSON_GetObjectItem(line, "model"));
	const char *body =
	    cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetObjectItem(line, "response"), "body"));
	if (!api || !body || !cJSON_IsTrue(cJSON_GetObjectItem(line, "stream")) || body[0] == '[' ||
	    body[0] == '{')
		return;
	for (size_t i = 0; i < COUNT(apis); i++) {
		if (strcmp(apis[i].name, api) != 0)
			continue;
		size_t n = strlen(body);
		t->streams++;
		for (int cut = 0; cut < 20; cut++)
			cut_one(t, apis[i].api, slice_of(model),
			        slice_make(body, (size_t)(next(&t->seed) % (n + 1))));
		cut_one(t, apis[i].api, slice_of(model), slice_make(body, n));
	}
}

static bool check_file(struct tally *t, const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;
	if (!f)
		return false;
	while (getline(&line, &cap, f) > 0) {
		cJSON *pair = cJSON_Parse(line);
		check_line(t, pair);
		cJSON_Delete(pair);
	}
	free(line);
	fclose(f);
	printf("%s: %d streams, %d cuts, the worst %.2f %% off\n", path, t->streams, t->cuts, 100 * t->worst);
	return true;
}

static void set_up(struct tally *t)
{
	*t = (struct tally){
	    .p = predictor_new(1 << 16), .s = predict_scratch_new(), .seed = 88172645463325252u};
	assert_true(t->p && t->s);
}

static void tear_down(struct tally *t)
{
	predictor_free(t->p);
	predict_scratch_free(t->s);
}

static void streams_cut_at_random(void **state)
{
	(void)state;
	struct tally t;
	set_up(&t);
	if (!check_file(&t, "tests/wire/pairs-sample.jsonl"))
		fail_msg("run from the repository's root");
	assert_true(t.streams > 10);
	tear_down(&t);
}

static void the_full_set_cut_at_random(void **state)
{
	(void)state;
	const char *folder = getenv("WEIR_DATA");
	char path[4096];
	struct tally t;
	set_up(&t);
	snprintf(path, sizeof path, "%s/http/open/pairs.jsonl", folder ? folder : "../weir-data");
	bool there = check_file(&t, path);
	tear_down(&t);
	if (!there) {
		printf("  %s is not there: the full set was not read (set WEIR_DATA)\n", path);
		skip();
	}
}

/* A text of many kinds by turns: this repository's own. */
static size_t long_text(char *out, size_t max)
{
	static const char *const files[] = {
	    "docs/wire.md",          "src/text/json.c",       "LICENSE",
	    "docs/configuration.md", "src/codec/anthropic.c", "docs/ledger.md"};
	size_t n = 0;
	for (size_t i = 0; n < max; i++) {
		FILE *f = fopen(files[i % COUNT(files)], "r");
		if (!f)
			fail_msg("run from the repository's root");
		for (int c; n + 2 < max && (c = fgetc(f)) != EOF;) {
			if (c == '\n' || c == '"' || c == '\\' || c == '\t') {
				out[n++] = '\\';
				c = c == '\n' ? 'n' : c == '\t' ? 't' : c;
			}
			out[n++] = (char)c;
		}
		fclose(f);
		if (n + 2 >= max)
			break;
	}
	return n;
}

/* Beyond what is kept a sample stands for all. */
static void long_texts_are_sampled(void **state)
{
	(void)state;
	static char text[600000];
	struct predict_scratch *s = predict_scratch_new();
	size_t n = long_text(text, sizeof text);
	uint64_t seed = 12345;
	for (size_t size = 20000; size <= n; size += 97000) {
		struct said said = {0};
		size_t at = 0;
		while (at < size) {
			size_t piece = predict_cut(slice_make(text + at, size - at), 5 + next(&seed) % 90);
			said_add(&said, SAID_TEXT, slice_make(text + at, piece));
			at += piece;
		}
		s->encoding = bpe_o200k_base();
		int64_t whole = predict_count_text(s, (json_str){slice_make(text, size), true});
		int64_t got = said_count(&said, s, SLICE("gpt-4o"));
		double off = (double)llabs(got - whole) / (double)whole;
		printf("  %zu bytes: %lld counted, %lld at once, %.2f %% off, %zu kept\n", size,
		       (long long)got, (long long)whole, 100 * off, said.text[SAID_TEXT].n);
		assert_true(off <= 0.03); /* what is no longer than SAID_KEPT is exact */
		assert_true(said.text[SAID_TEXT].n <= SAID_KEPT + 4096);
		said_release(&said);
	}
	predict_scratch_free(s);
}

/* What is told of a model's hidden thinking comes to a cut call's output, within its limit. */
static void hidden_thinking_of_a_cut_call(void **state)
{
	(void)state;
	struct tally t;
	struct usage u;
	struct request_view v = {
	    .api = API_OPENAI_CHAT, .model = SLICE("o9"), .stream = true, .max_output = 500};
	set_up(&t);
	for (int i = 0; i < 50; i++)
		predict_learn_call(t.p, &v, 0, 0, 320);
	for (int known = 0; known < 2; known++) {
		struct stream_meter m;
		meter_init(&m, registry_codec(API_OPENAI_CHAT), &v);
		meter_count_with(&m, t.p, t.s);
		meter_begin(&m, METER_EVENTS, 1 << 20);
		m.input = 77;
		if (known)
			m.answer.usage.m[METER_REASONING] = 10;
		assert_int_equal(meter_usage(&m, 400, true, &u), SOURCE_COUNTED);
		assert_int_equal(u.m[METER_INPUT], 77);
		assert_int_equal(u.m[METER_OUTPUT], known ? 0 : 320);
		assert_int_equal(u.m[METER_REASONING], known ? 10 : 320);
		meter_release(&m);
	}
	tear_down(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(streams_cut_at_random),
	    cmocka_unit_test(the_full_set_cut_at_random),
	    cmocka_unit_test(long_texts_are_sampled),
	    cmocka_unit_test(hidden_thinking_of_a_cut_call),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
