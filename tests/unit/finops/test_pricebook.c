/* Public price books: each format in its own spelling gives the same prices; what differs is found; what is
 * followed keeps what the book does not tell. The samples are shaped as the books are, their figures made up.
 */
#include "unit/unit.h"

#include "base/clock.h"
#include "finops/pricebook.h"
#include "model/usage.h"

static const char models_dev[] =
    "{\"anthropic\":{\"id\":\"anthropic\",\"models\":{\"Claude-X\":{\"cost\":{\"input\":3,\"output\":15.00,"
    "\"cache_read\":0.3,\"cache_write\":3.75,\"reasoning\":15,\"input_audio\":0,"
    "\"context_over_200k\":{\"input\":6,\"output\":22.5}},"
    "\"limit\":{\"context\":200000,\"output\":64000},\"experimental\":{\"modes\":{\"fast\":{\"cost\":{"
    "\"input\":6,"
    "\"output\":30},\"provider\":{\"body\":{\"speed\":\"fast\"}}}}}},"
    "\"claude-free\":{\"cost\":{\"input\":0,\"output\":0}},\"claude-none\":{}}},"
    "\"somebody\":{\"models\":{\"m\":{\"cost\":{\"input\":1}}}}}";

static const char litellm[] =
    "{\"sample_spec\":{\"litellm_provider\":\"one of https://docs\",\"input_cost_per_token\":0.0},"
    "\"claude-x\":{\"litellm_provider\":\"anthropic\",\"input_cost_per_token\":3e-06,"
    "\"output_cost_per_token\":1.5e-05,\"cache_read_input_token_cost\":3.0000000000000004e-07,"
    "\"cache_creation_input_token_cost\":3.75e-06,\"cache_creation_input_token_cost_above_1hr\":6e-06,"
    "\"input_cost_per_token_above_200k_tokens\":6e-06,\"output_cost_per_token_above_200k_tokens\":2.25e-05,"
    "\"cache_creation_input_token_cost_above_1hr_above_200k_tokens\":1.2e-05,"
    "\"input_cost_per_token_batches\":1.5e-06,\"output_cost_per_token_batches\":7.5e-06,"
    "\"search_context_cost_per_query\":{\"search_context_size_medium\":0.01},\"max_input_tokens\":200000},"
    "\"anthropic/claude-x\":{\"litellm_provider\":\"anthropic\",\"input_cost_per_token\":9},"
    "\"gemini/"
    "g-1\":{\"litellm_provider\":\"gemini\",\"input_cost_per_token\":1e-6,\"output_cost_per_token\":2e-6}}";

static const char genai[] =
    "[{\"id\":\"anthropic\",\"models\":[{\"id\":\"claude-x\",\"context_window\":200000,\"match\":{\"equals\":"
    "\"y\"},"
    "\"prices\":[{\"prices\":{\"input_mtok\":{\"base\":3,\"tiers\":[{\"start\":200000,\"price\":6}]},"
    "\"output_mtok\":{\"base\":15,\"tiers\":[{\"start\":200000,\"price\":22.5}]},\"cache_read_mtok\":0.3,"
    "\"web_searches_kcount\":10}},{\"constraint\":{\"start_date\":\"2026-03-13\"},\"prices\":{\"input_mtok\":"
    "2,"
    "\"output_mtok\":10}}]},{\"id\":\"claude-night\",\"prices\":[{\"prices\":{\"input_mtok\":1,\"output_"
    "mtok\":2}},"
    "{\"constraint\":{\"start_time\":\"00:30:00Z\"},\"prices\":{\"input_mtok\":4,\"output_mtok\":8}}]},"
    "{\"id\":\"claude-fee\",\"prices\":{\"input_mtok\":1,\"requests_kcount\":5}}]},"
    "{\"id\":\"nobody\",\"models\":[{\"id\":\"z\",\"prices\":{\"input_mtok\":1}}]}]";

static const char langfuse[] =
    "[{\"modelName\":\"claude-x\",\"pricingTiers\":[{\"isDefault\":true,\"conditions\":[],\"prices\":{"
    "\"input\":3e-06,"
    "\"output\":1.5e-05,\"cache_read_input_tokens\":3e-07,\"web_search_queries\":0.01}},"
    "{\"isDefault\":false,\"conditions\":[{\"usageDetailPattern\":\"input\",\"operator\":\"gt\",\"value\":"
    "200000}],"
    "\"prices\":{\"input\":6e-06,\"output\":2.25e-05}},"
    "{\"isDefault\":false,\"conditions\":[{\"key\":\"service_tier\",\"values\":[\"fast\",\"priority\"]}],"
    "\"prices\":{\"input\":6e-06,\"output\":3e-05}}]},"
    "{\"modelName\":\"gpt-y\",\"prices\":{\"input\":1e-6,\"output\":2e-6}}]";

static const char llm_prices[] =
    "{\"vendor\":\"anthropic\",\"models\":[{\"id\":\"claude-x\",\"price_history\":[{\"input\":3,\"output\":"
    "15,"
    "\"input_cached\":0.3,\"from_date\":null,\"to_date\":\"2026-03-13\"},{\"input\":2,\"output\":10,"
    "\"input_cached\":null,\"from_date\":\"2026-03-13\",\"to_date\":null}]}]}";

static const char llm_current[] =
    "{\"updated_at\":\"2026-01-01\",\"prices\":[{\"id\":\"claude-x\",\"vendor\":"
    "\"anthropic\",\"input\":3,\"output\":15,\"input_cached\":0.3}]}";

static struct catalog *book(const char *text, const char *want, size_t left)
{
	struct error e = {0};
	const char *format = "";
	size_t left_out = 99;
	struct catalog *c = pricebook_catalog(slice_of(text), SLICE("a book"), &format, &left_out, &e);
	if (c == NULL)
		fail_msg("%s: %s", want, e.text);
	assert_string_equal(format, want);
	assert_int_equal(left_out, left);
	return c;
}

static int64_t rate(const struct catalog *c, const char *model, const char *day, slice tier, slice speed,
                    int64_t context, enum meter m)
{
	int64_t at, rates[METER_N];
	assert_true(clock_parse_rfc3339(slice_of(day), &at));
	const struct price *p = catalog_price(c, SLICE("anthropic"), slice_of(model), at);
	struct billed_as as = {tier, speed, SLICE_NONE};
	if (p == NULL)
		return -2;
	assert_true(slice_eq(p->source, SLICE("a book")));
	assert_int_equal(price_rates(p, &as, context, rates), 0);
	return rates[m];
}
#define NONE       SLICE_NONE
#define USD(cents) ((int64_t)(cents)*10000000)

static void each_format_gives_its_prices(void **state)
{
	(void)state;
	static const struct {
		const char *text, *format;
		size_t left;
	} books[] = {{models_dev, "models.dev", 2}, {litellm, "LiteLLM", 1},
	             {genai, "genai-prices", 1},    {langfuse, "langfuse", 0},
	             {llm_prices, "llm-prices", 0}, {llm_current, "llm-prices", 0}};
	for (size_t i = 0; i < COUNT(books); i++) {
		struct catalog *c = book(books[i].text, books[i].format, books[i].left);
		assert_int_equal(rate(c, "claude-x", "2026-01-01", NONE, NONE, 1, METER_INPUT), USD(300));
		assert_int_equal(rate(c, "claude-x", "2026-01-01", NONE, NONE, 1, METER_OUTPUT), USD(1500));
		assert_int_equal(rate(c, "claude-x", "2026-01-01", NONE, NONE, 1, METER_CACHE_READ), USD(30));
		assert_int_equal(rate(c, "claude-x", "2026-01-01", NONE, NONE, 1, METER_REASONING),
		                 PRICE_ABSENT);
		bool long_too = books[i].text != llm_prices && books[i].text != llm_current;
		assert_int_equal(rate(c, "claude-x", "2026-01-01", NONE, NONE, 200000, METER_OUTPUT),
		                 USD(1500));
		assert_int_equal(rate(c, "claude-x", "2026-01-01", NONE, NONE, 200001, METER_OUTPUT),
		                 USD(long_too ? 2250 : 1500));
		assert_int_equal(rate(c, "claude-free", "2026-01-01", NONE, NONE, 1, METER_INPUT), -2);
		catalog_unref(c);
	}
}

static void what_only_some_books_tell(void **state)
{
	(void)state;
	struct catalog *c = book(models_dev, "models.dev", 2);
	assert_int_equal(rate(c, "claude-x", "2026-01-01", NONE, SLICE("fast"), 1, METER_INPUT), USD(600));
	assert_int_equal(rate(c, "claude-x", "2026-01-01", NONE, SLICE("fast"), 1, METER_CACHE_READ),
	                 USD(60));
	catalog_unref(c);
	c = book(litellm, "LiteLLM", 1);
	assert_int_equal(rate(c, "claude-x", "2026-01-01", NONE, NONE, 1, METER_CACHE_WRITE_1H), USD(600));
	assert_int_equal(rate(c, "claude-x", "2026-01-01", NONE, NONE, 300000, METER_CACHE_WRITE_1H),
	                 USD(1200));
	assert_int_equal(rate(c, "claude-x", "2026-01-01", NONE, NONE, 1, METER_WEB_SEARCHES), USD(1000000));
	/* batch halves the long context's price too, and the meters that the book leaves out */
	assert_int_equal(rate(c, "claude-x", "2026-01-01", SLICE("batch"), NONE, 1, METER_CACHE_READ),
	                 USD(15));
	assert_int_equal(rate(c, "claude-x", "2026-01-01", SLICE("batch"), NONE, 300000, METER_INPUT),
	                 USD(300));
	int64_t at = 0;
	assert_non_null(catalog_price(c, SLICE("google"), SLICE("g-1"), at));
	catalog_unref(c);
	c = book(langfuse, "langfuse", 0);
	assert_int_equal(rate(c, "claude-x", "2026-01-01", SLICE("priority"), NONE, 1, METER_OUTPUT),
	                 USD(3000));
	assert_int_equal(rate(c, "claude-x", "2026-01-01", SLICE("fast"), NONE, 1, METER_CACHE_READ),
	                 USD(60));
	assert_non_null(catalog_price(c, SLICE("openai"), SLICE("gpt-y"), at));
	catalog_unref(c);
	c = book(genai, "genai-prices", 1);
	assert_int_equal(rate(c, "claude-x", "2026-03-12T23:59:59Z", NONE, NONE, 1, METER_INPUT), USD(300));
	assert_int_equal(rate(c, "claude-x", "2026-03-13", NONE, NONE, 1, METER_INPUT), USD(200));
	assert_int_equal(rate(c, "claude-night", "2026-03-13", NONE, NONE, 1, METER_INPUT), USD(400));
	catalog_unref(c);
	c = book(llm_prices, "llm-prices", 0);
	assert_int_equal(rate(c, "claude-x", "2026-03-13", NONE, NONE, 1, METER_OUTPUT), USD(1000));
	catalog_unref(c);
}

static void what_is_no_book_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
	    "", "x", "{}", "[]", "3", "{\"a\":1}", "[{\"a\":1}]", "{\"format\":\"y\"}", "{\"models\":[}"};
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct error e = {0};
		const char *format;
		size_t left;
		assert_null(pricebook_catalog(slice_of(texts[i]), SLICE("s"), &format, &left, &e));
		assert_int_not_equal(e.code, 0);
		assert_true(e.text[0] != '\0');
	}
}

static const char ours[] =
    "{\"format\":\"weir-prices/1\",\"vendors\":{\"anthropic\":{\"claude-x\":{\"prices\":[{\"source\":\"a "
    "book\","
    "\"input\":\"2\",\"output\":\"15\",\"cache_read\":\"0.2\",\"cache_write_1h\":\"0.000000007\",\"web_"
    "searches\":\"10000\","
    "\"modifiers\":[{\"above_context\":200000,\"input\":\"4\",\"output\":\"15\"},{\"tier\":\"batch\","
    "\"times\":\"0.5\"},"
    "{\"tier\":\"priority\",\"times\":\"3\"},{\"region\":\"us\",\"times\":\"1.1\"}]}]}}}}";

static void differences_are_found_by_meter_and_condition(void **state)
{
	(void)state;
	struct error e = {0};
	struct price_difference d[PRICE_DIFFERENCES_MAX];
	char when[128];
	struct catalog *a = catalog_read(slice_of(ours), &e), *b = book(langfuse, "langfuse", 0);
	const struct price *p = catalog_price(a, SLICE("anthropic"), SLICE("claude-x"), 0);
	const struct price *q = catalog_price(b, SLICE("anthropic"), SLICE("claude-x"), 0);
	size_t n = pricebook_compare(p, q, d);
	/* input and cache read are told once; output over 200k and at priority of its own */
	assert_int_equal(n, 4);
	assert_true(d[0].meter == METER_INPUT && d[0].ours == USD(200) && d[0].theirs == USD(300) &&
	            !d[0].when);
	assert_true(d[1].meter == METER_CACHE_READ);
	assert_true(d[2].meter == METER_OUTPUT && d[2].ours == USD(1500) && d[2].theirs == USD(2250));
	pricebook_condition(d[2].when, when);
	assert_string_equal(when, "over 200000 tokens");
	assert_true(d[3].meter == METER_OUTPUT && d[3].ours == USD(1500) && d[3].theirs == USD(3000));
	assert_int_equal(pricebook_compare(q, q, d), 0);
	catalog_unref(a);
	catalog_unref(b);
}

static void following_keeps_what_the_book_does_not_tell(void **state)
{
	(void)state;
	struct error e = {0};
	struct pricebook rows;
	struct buf text;
	int64_t r[METER_N];
	struct catalog *a = catalog_read(slice_of(ours), &e), *b = book(langfuse, "langfuse", 0);
	pricebook_init(&rows);
	buf_init(&text, 1 << 20);
	struct price *p = pricebook_follow(&rows, catalog_price(a, SLICE("anthropic"), SLICE("claude-x"), 0),
	                                   catalog_price(b, SLICE("anthropic"), SLICE("claude-x"), 0), 0,
	                                   SLICE("followed"));
	assert_non_null(p);
	assert_int_equal(pricebook_write(&rows, SLICE("2026-01-01"), NULL, NULL, &text), 0);
	struct catalog *c = catalog_read(buf_slice(&text), &e);
	if (c == NULL)
		fail_msg("%s", e.text);
	const struct price *now = catalog_price(c, SLICE("anthropic"), SLICE("claude-x"), 0);
	assert_true(slice_eq(now->source, SLICE("followed")));
	assert_int_equal(price_rates(now, NULL, 1, r), 0);
	assert_int_equal(r[METER_INPUT], USD(300));
	assert_int_equal(r[METER_CACHE_WRITE_1H], 11); /* 7 * 3 / 2, up */
	assert_int_equal(r[METER_WEB_SEARCHES], USD(1000000));
	assert_int_equal(price_rates(now, &(struct billed_as){SLICE("batch"), NONE, SLICE("us")}, 200001, r),
	                 0);
	assert_int_equal(r[METER_INPUT],
	                 USD(330)); /* 6 * 0.5 * 1.1: their long context, our batch and region */
	assert_int_equal(price_rates(now, &(struct billed_as){SLICE("priority"), NONE, NONE}, 1, r), 0);
	assert_int_equal(r[METER_INPUT], USD(600)); /* theirs alone, not theirs times ours */
	assert_null(catalog_price(c, SLICE("anthropic"), SLICE("claude-x"), -1));
	catalog_unref(a);
	catalog_unref(b);
	catalog_unref(c);
	buf_release(&text);
	pricebook_release(&rows);
}

static void names_of_a_model(void **state)
{
	(void)state;
	static const char text[] =
	    "{\"format\":\"weir-prices/1\",\"vendors\":{\"v\":{\"a\":{\"names\":[\"x\",\"y-*\",\"z\"],"
	    "\"prices\":[{\"input\":1},{\"from\":\"2026-01-01\",\"input\":2}]},"
	    "\"b\":{\"prices\":[{\"input\":1}]}}}}";
	struct error e = {0};
	struct catalog *c = catalog_read(slice_of(text), &e), *over = catalog_overlay(c, slice_of(ours), &e);
	const struct price *p = catalog_price(over, SLICE("v"), SLICE("a"), INT64_MAX / 2);
	assert_true(slice_eq(catalog_name(over, p, 0), SLICE("x")));
	assert_true(slice_eq(catalog_name(over, p, 1), SLICE("z")));
	assert_true(slice_eq(catalog_name(over, p, 2), SLICE("y-*")));
	assert_int_equal(catalog_name(over, p, 3).n, 0);
	assert_int_equal(catalog_name(over, catalog_price(over, SLICE("v"), SLICE("b"), 0), 0).n, 0);
	catalog_unref(over);
	catalog_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_format_gives_its_prices),
	    cmocka_unit_test(what_only_some_books_tell),
	    cmocka_unit_test(what_is_no_book_is_refused),
	    cmocka_unit_test(differences_are_found_by_meter_and_condition),
	    cmocka_unit_test(following_keeps_what_the_book_does_not_tell),
	    cmocka_unit_test(names_of_a_model),
	};
	return cmocka_run_group_tests_name("finops/pricebook", tests, NULL, NULL);
}
