/* check: tsan
 * Prediction of input: what is remembered, what is learnt, what is kept. The figures over recorded calls are
 * in unit/codec/test_predict_recorded.c. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/registry.h"
#include "model/predict_impl.h"

struct fixture {
	struct predictor *p;
	struct predict_scratch *s;
	struct arena mem;
	struct request_view v;
	struct prediction at;
};

static void set_up(struct fixture *f)
{
	memset(f, 0, sizeof *f);
	f->p = predictor_new(2 << 20);
	f->s = predict_scratch_new();
	assert_true(f->p && f->s);
	arena_init(&f->mem, 1 << 20);
}

static void tear_down(struct fixture *f)
{
	predictor_free(f->p);
	predict_scratch_free(f->s);
	arena_release(&f->mem);
}

static void predict(struct fixture *f, enum api api, const char *body)
{
	struct target t = {.api = api};
	struct error e = {0};
	if (registry_codec(api)->request(&t, slice_of(body), &f->mem, &f->v, &e))
		fail_msg("%s", e.text);
	predict_request(f->p, f->s, &f->v, registry_codec(api)->items, &f->at);
}

static void a_public_tokeniser_is_exact_at_once(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f);
	/* 3 for the answer's beginning, 4 for the message, 2 for "Hello!" */
	predict(&f, API_OPENAI_CHAT,
	        "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello!\"}]}");
	assert_int_equal(f.at.tokens, 9);
	assert_true(f.at.bound > f.at.tokens && !f.at.open && f.at.context != 0);
	tear_down(&f);
}

/* What OpenAI adds for tools, schemas and several calls at once; figures that it reported. */
static void tools_and_schemas_are_shown_as_openai_shows_them(void **state)
{
	(void)state;
	static const struct {
		const char *body;
		enum api api;
		int64_t reported, within;
	} calls[] = {
	    {"{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"What's the weather in "
	     "Paris?\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\","
	     "\"description\":\"Get the current weather for a city.\",\"parameters\": {\"type\" : "
	     "\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":[\"city\"]}}}]}",
	     API_OPENAI_CHAT, 48, 3},
	    {"{\"model\":\"gpt-5-mini\",\"messages\":[{\"role\":\"user\",\"content\":\"What's the weather in "
	     "Paris?\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\","
	     "\"description\":\"Get the current weather for a city.\",\"parameters\":{\"type\":"
	     "\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":[\"city\"]}}}]}",
	     API_OPENAI_CHAT, 132, 4},
	    {"{\"model\":\"gpt-4o-mini\",\"input\":\"Hello!\",\"text\":{\"format\":{\"type\":\"json_schema\","
	     "\"name\":\"Person\",\"strict\":true,\"schema\":{\"type\":\"object\",\"properties\":{\"name\":"
	     "{\"title\":\"Name\",\"type\":\"string\"},\"age\":{\"title\":\"Age\",\"type\":\"integer\"}},"
	     "\"required\":[\"name\",\"age\"],\"title\":\"Person\",\"additionalProperties\":false}}}}",
	     API_OPENAI_RESPONSES, 50, 4},
	};
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		struct fixture f;
		set_up(&f);
		predict(&f, calls[i].api, calls[i].body);
		if (llabs(f.at.tokens - calls[i].reported) > calls[i].within)
			fail_msg("%zu: %lld", i, (long long)f.at.tokens);
		tear_down(&f);
	}
}

/* What was thought counts in the turn it is of, and no more when the user has said something new. */
static void thoughts_of_earlier_turns_are_apart(void **state)
{
	(void)state;
	static const char thinks[] =
	    "{\"model\":\"claude-x\",\"max_tokens\":9,\"messages\":[{\"role\":"
	    "\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":[{"
	    "\"type\":\"thinking\",\"thinking\":\"one two three\",\"signature\":"
	    "\"c2lnbmF0dXJl\"},{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\","
	    "\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
	    "\"tool_use_id\":\"t\",\"content\":\"b\"}]}%s]}";
	struct fixture f;
	char body[1024];
	set_up(&f);
	snprintf(body, sizeof body, thinks, "");
	predict(&f, API_ANTHROPIC_MESSAGES, body);
	assert_true(f.at.at[FEATURE_THINKING] == 3 && f.at.at[FEATURE_SEALED] == 1);
	assert_true(f.at.at[FEATURE_THINKING_BEFORE] == 0);
	predict_learn(f.p, &f.v, &f.at, 100);
	snprintf(body, sizeof body, thinks, ",{\"role\":\"user\",\"content\":\"c\"}");
	predict(&f, API_ANTHROPIC_MESSAGES, body);
	assert_int_equal(f.at.known, 100);
	assert_true(f.at.at[FEATURE_THINKING] == 0 && f.at.at[FEATURE_THINKING_BEFORE] == 3);
	assert_true(f.at.since[FEATURE_THINKING] == -3 && f.at.since[FEATURE_SEALED_BEFORE] == 1);
	tear_down(&f);
}

/* Whether its input can be known is seen in the request. */
static void what_brings_more_input_is_open(void **state)
{
	(void)state;
	static const struct {
		const char *tool;
		bool open;
	} tools[] = {{"{\"type\":\"function\",\"name\":\"f\"}", false},
	             {"{\"type\":\"web_search\"}", true},
	             {"{\"type\":\"tool_search\"}", true},
	             {"{\"type\":\"tool_search\",\"execution\":\"client\"}", false}};
	for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++) {
		struct fixture f;
		char body[256];
		set_up(&f);
		snprintf(body, sizeof body, "{\"model\":\"gpt-5.4\",\"input\":\"hi\",\"tools\":[%s]}",
		         tools[i].tool);
		predict(&f, API_OPENAI_RESPONSES, body);
		assert_int_equal(f.at.open, tools[i].open);
		tear_down(&f);
	}
}

#define TURN_1 "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"What is in the file?\"%s}]}"
#define TURN_2 ",{\"role\":\"assistant\",\"content\":\"A poem.\"},{\"role\":\"user\",\"content\":\"Thanks.\"}"

static void what_was_reported_is_known_for_the_next_turn(void **state)
{
	(void)state;
	struct fixture f;
	char first[512], second[512];
	struct predictor_stats stats;
	set_up(&f);
	snprintf(first, sizeof first, "{\"model\":\"claude-x\",\"max_tokens\":9,\"messages\":[" TURN_1 "]}",
	         ",\"cache_control\":{\"type\":\"ephemeral\"}");
	snprintf(second, sizeof second,
	         "{\"model\":\"claude-x\",\"max_tokens\":9,\"messages\":[" TURN_1 TURN_2 "]}", "");
	predict(&f, API_ANTHROPIC_MESSAGES, first);
	assert_int_equal(f.at.known, 0);
	assert_int_equal(f.at.breakpoints, 1);
	predict_learn(f.p, &f.v, &f.at, 777);
	/* the same again: exactly what was said */
	predict(&f, API_ANTHROPIC_MESSAGES, first);
	assert_int_equal(f.at.tokens, 777);
	/* the breakpoint has moved on, and the beginning is known all the same */
	predict(&f, API_ANTHROPIC_MESSAGES, second);
	assert_int_equal(f.at.known, 777);
	assert_true(f.at.tokens > 777 + 8 && f.at.tokens < 777 + 40);
	predictor_stats(f.p, &stats);
	assert_int_equal(stats.spans, 5);
	assert_int_equal(stats.spans_known, 1);
	/* another model's are its own */
	memcpy(strstr(second, "claude-x"), "claude-y", 8);
	predict(&f, API_ANTHROPIC_MESSAGES, second);
	assert_int_equal(f.at.known, 0);
	tear_down(&f);
}

/* A model that makes 1.4 tokens of each of ours and adds 9 to each message. */
static int64_t invented(const struct prediction *p)
{
	return (int64_t)(1.4 * (double)p->at[FEATURE_TEXT] + 9 * (double)p->at[FEATURE_MESSAGES_N] + 5.5);
}

static void a_models_ratio_is_learnt_and_kept(void **state)
{
	(void)state;
	struct fixture f;
	struct buf saved;
	char body[4096], text[3000];
	set_up(&f);
	buf_init(&saved, 16 << 20);
	for (int call = 0; call < 22; call++) {
		size_t n = 0;
		for (int i = 0; i <= call * 7 % 31 + 3; i++)
			n += (size_t)snprintf(text + n, sizeof text - n, "line %d of call %d says so. ", i,
			                      call);
		snprintf(body, sizeof body,
		         "{\"model\":\"unheard-of\",\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}",
		         text);
		predict(&f, API_OPENAI_CHAT, body);
		int64_t reported = invented(&f.at);
		assert_true(f.at.bound >= reported);
		if (call >= 20)
			assert_true(llabs(f.at.tokens - reported) <= 1 + reported / 100);
		if (call < 21)
			predict_learn(f.p, &f.v, &f.at, reported);
	}
	int64_t before = f.at.tokens;
	assert_int_equal(predictor_save(f.p, &saved), 0);
	predictor_free(f.p);
	f.p = predictor_new(1 << 20);
	predict(&f, API_OPENAI_CHAT, body);
	assert_int_not_equal(f.at.tokens, before);
	assert_int_equal(predictor_load(f.p, buf_slice(&saved)), 0);
	predict(&f, API_OPENAI_CHAT, body);
	assert_int_equal(f.at.tokens, before);
	for (size_t n = 0; n < saved.n; n += 97) /* cut or changed: refused whole */
		assert_int_equal(predictor_load(f.p, slice_sub(buf_slice(&saved), 0, n)), ERR_INVALID);
	((char *)(uintptr_t)buf_slice(&saved).p)[saved.n / 2] ^= 1;
	assert_int_equal(predictor_load(f.p, buf_slice(&saved)), ERR_INVALID);
	buf_release(&saved);
	tear_down(&f);
}

static void a_body_too_large_is_counted_in_part(void **state)
{
	(void)state;
	struct fixture f;
	size_t n = 0, max = 600000;
	char *body = malloc(max + 200);
	assert_non_null(body);
	set_up(&f);
	n = (size_t)snprintf(body, 200,
	                     "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}");
	while (n < max)
		n += (size_t)snprintf(body + n, 200, ",{\"role\":\"user\",\"content\":\"%s%zu\"}",
		                      "the quick brown fox jumps over the lazy dog again and again, as ever ",
		                      n);
	snprintf(body + n, 100, "]}");
	predict(&f, API_OPENAI_CHAT, body);
	assert_true(f.at.partly);
	int64_t part = f.at.tokens;
	for (int i = 0; i < 4 && f.at.partly; i++) /* each time some more of it is known */
		predict(&f, API_OPENAI_CHAT, body);
	assert_false(f.at.partly);
	assert_true(llabs(part - f.at.tokens) * 20 < f.at.tokens);
	tear_down(&f);
	free(body);
}

static void sizes_of_images(void **state)
{
	(void)state;
	static const struct {
		const char *base64;
		uint32_t w, h;
	} images[] = {
	    {"iVBORw0KGgoAAAANSUhEUgAAAyAAAAJYCAYAAACadoJwAAAAAXNSR0IArs4c", 800, 600},
	    {"R0lGODlhLAHIAPAAAAAAAP///yH5BAAAAAAALAAAAAAsAcgAAAL+", 300, 200},
	    {"/9j/4AAQSkZJRgABAQAAAQABAAD/wAARCAHgAoADASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAA", 640, 480},
	    {"UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASpAAfAAAgA0JaQAA3AA/vuUAAA=", 320, 240},
	    {"AAAA", 0, 0},
	    {"", 0, 0},
	};
	for (size_t i = 0; i < sizeof images / sizeof images[0]; i++) {
		struct image_size s = predict_image_size(slice_of(images[i].base64));
		if (s.w != images[i].w || s.h != images[i].h)
			fail_msg("%zu: %u x %u", i, s.w, s.h);
	}
	struct body_item it = {.kind = ITEM_IMAGE, .data = {slice_of(images[0].base64), false}};
	uint32_t most;
	/* 800 x 600: two by two tiles; 480,000 pixels by 750; patches of 32: 25 by 19 */
	assert_int_equal(predict_image_tokens(FAMILY_OPENAI, SLICE("gpt-4o"), &it, &most), 85 + 4 * 170);
	assert_int_equal(predict_image_tokens(FAMILY_CLAUDE, SLICE("claude"), &it, &most), 640);
	assert_int_equal(predict_image_tokens(FAMILY_OPENAI, SLICE("gpt-4.1-mini"), &it, &most), 770);
	assert_int_equal(predict_image_tokens(FAMILY_GEMINI, SLICE("gemini-2.5-flash"), &it, &most), 258 * 4);
	it.detail = body_literal(SLICE("low"));
	assert_int_equal(predict_image_tokens(FAMILY_OPENAI, SLICE("gpt-4o"), &it, &most), 85);
}

static void output_is_learnt(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f);
	predict(&f, API_OPENAI_CHAT, "{\"model\":\"m\",\"messages\":[]}");
	assert_int_equal(predict_output(f.p, &f.v, 100), 100);
	for (int i = 0; i < 30; i++)
		predict_learn_output(f.p, &f.v, 1000 + i, (1000 + i) * 5 / 4);
	predict_learn_output(f.p, &f.v, 1000, 9000); /* hidden thinking: of no use */
	assert_in_range(predict_output(f.p, &f.v, 1000), 1245, 1255);
	tear_down(&f);
}

static void *hammer(void *arg)
{
	struct fixture *shared = arg, f;
	char body[256];
	f = *shared;
	f.s = predict_scratch_new();
	arena_init(&f.mem, 1 << 20);
	for (int i = 0; i < 300; i++) {
		snprintf(body, sizeof body,
		         "{\"model\":\"m%d\",\"messages\":[{\"role\":\"user\",\"content\":\"text %d\"}]}",
		         i % 9, i % 50);
		predict(&f, API_OPENAI_CHAT, body);
		predict_learn(f.p, &f.v, &f.at, f.at.tokens + i % 3);
	}
	arena_release(&f.mem);
	predict_scratch_free(f.s);
	return NULL;
}

static void threads_share_it(void **state)
{
	(void)state;
	struct fixture f;
	pthread_t t[4];
	struct predictor_stats stats;
	set_up(&f);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, hammer, &f), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	predictor_stats(f.p, &stats);
	assert_int_equal(stats.learnt, 1200);
	assert_int_equal(stats.models, 9);
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_public_tokeniser_is_exact_at_once),
	    cmocka_unit_test(what_was_reported_is_known_for_the_next_turn),
	    cmocka_unit_test(tools_and_schemas_are_shown_as_openai_shows_them),
	    cmocka_unit_test(thoughts_of_earlier_turns_are_apart),
	    cmocka_unit_test(what_brings_more_input_is_open),
	    cmocka_unit_test(a_models_ratio_is_learnt_and_kept),
	    cmocka_unit_test(a_body_too_large_is_counted_in_part),
	    cmocka_unit_test(sizes_of_images),
	    cmocka_unit_test(output_is_learnt),
	    cmocka_unit_test(threads_share_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
