/* What a request is made of, in every dialect: literals with what each must give, and every recorded request
 * (tests/wire/SOURCES.md) against the texts that another JSON reader finds in it. */
#include "unit/codec/support.h"

#include <cjson/cJSON.h>

#include "codec/registry.h"

/* A line for each item: its kind, flags and what it has. */
static int describe(void *arg, const struct body_item *it)
{
	struct buf *out = arg;
	char line[1024];
	size_t n = (size_t)snprintf(line, sizeof line, "%d.%lld %s%s%s%s%s%s%s", (int)it->span->section,
	                            (long long)it->span->index, item_kind_name(it->kind),
	                            it->first ? "" : "+", it->assistant ? " assistant" : "",
	                            it->more ? " more" : "", it->is_error ? " error" : "",
	                            it->by_provider ? " provider" : "", it->cache_breakpoint ? " cache" : "");
	const struct {
		const char *name;
		slice s;
	} fields[] = {{"text", it->text.raw},     {"json", it->json},      {"name", it->name.raw},
	              {"space", it->space.raw},   {"id", it->call_id.raw}, {"type", it->media_type.raw},
	              {"sealed", it->sealed.raw}, {"data", it->data.raw},  {"url", it->url.raw},
	              {"detail", it->detail.raw}};
	for (size_t i = 0; i < COUNT(fields); i++)
		if (fields[i].s.n)
			n += (size_t)snprintf(line + n, sizeof line - n, " %s=" SLICE_FMT, fields[i].name,
			                      SLICE_ARG(fields[i].s));
	line[n++] = '\n';
	return buf_append(out, slice_make(line, n));
}

struct item_case {
	const char *name;
	enum api api;
	const char *model; /* of the path; NULL */
	const char *body, *want;
};

static const struct item_case cases[] = {
    {"anthropic", API_ANTHROPIC_MESSAGES, NULL,
     "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},"
     "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"s\"},"
     "{\"type\":\"text\",\"text\":\"yes\"},{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"Bash\",\"input\":{"
     "\"c\":1}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"content\":[{\"type\":\"text\","
     "\"text\":\"out\"},{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\","
     "\"data\":\"AAAA\"}}],\"is_error\":true,\"tool_use_id\":\"t1\"},{\"type\":\"text\",\"text\":\"go\","
     "\"cache_control\":{\"type\":\"ephemeral\"}}]},{\"role\":\"user\",\"content\":[]}],"
     "\"system\":[{\"type\":\"text\",\"text\":\"be\"}],\"tools\":[{\"name\":\"Bash\",\"input_schema\":{}},"
     "{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}]}",
     "0.0 tool_definition json={\"name\":\"Bash\",\"input_schema\":{}} name=Bash\n"
     "0.1 tool_definition provider json={\"type\":\"web_search_20250305\",\"name\":\"web_search\"} "
     "name=web_search\n"
     "1.0 system text=be\n"
     "2.0 user_text text=hi\n"
     "2.1 thinking assistant text=hm sealed=s\n"
     "2.1 assistant_text+ assistant text=yes\n"
     "2.1 tool_call+ assistant json={\"c\":1} name=Bash id=t1\n"
     "2.2 tool_result error text=out id=t1\n"
     "2.2 image+ more error id=t1 type=image/png data=AAAA\n"
     "2.2 user_text+ cache text=go\n"
     "2.3 other\n"},
    {"chat", API_OPENAI_CHAT, NULL,
     "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"be\"},{\"role\":\"user\",\"content\":"
     "["
     "{\"type\":\"text\",\"text\":\"see\"},{\"type\":\"image_url\",\"image_url\":{\"url\":"
     "\"data:image/png;base64,AA\",\"detail\":\"low\"}},{\"type\":\"image_url\",\"image_url\":{\"url\":"
     "\"https://x/y\"}},{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"QQ\",\"format\":\"wav\"}}]},"
     "{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"hm\",\"tool_calls\":[{\"id\":\"c1\","
     "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}]},"
     "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"42\"},{\"role\":\"tool\",\"tool_call_id\":"
     "\"c2\","
     "\"content\":\"\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}",
     "0.0 tool_definition json={\"name\":\"f\"} name=f\n"
     "2.0 system text=be\n"
     "2.1 user_text text=see\n"
     "2.1 image+ more type=image/png data=AA detail=low\n"
     "2.1 image+ more url=https://x/y\n"
     "2.1 audio+ more type=wav data=QQ\n"
     "2.2 thinking assistant text=hm\n"
     "2.2 tool_call+ assistant text={\\\"a\\\":1} name=f id=c1\n"
     "2.3 tool_result text=42 id=c1\n"
     "2.4 tool_result id=c2\n"},
    {"responses", API_OPENAI_RESPONSES, NULL,
     "{\"model\":\"m\",\"instructions\":\"be\",\"tools\":[{\"type\":\"function\",\"name\":\"f\"},{\"type\":"
     "\"web_search\"},{\"type\":\"mcp\",\"server_label\":\"git\"},{\"type\":\"namespace\",\"name\":\"ns\","
     "\"tools\":[{\"type\":\"function\",\"name\":\"g\"}]}],\"input\":[{\"role\":\"user\",\"content\":"
     "[{\"type\":\"input_text\",\"text\":\"hi\"}]},{\"type\":\"reasoning\",\"summary\":[{\"type\":"
     "\"summary_text\",\"text\":\"so\"}],\"encrypted_content\":\"EE\"},{\"type\":\"function_call\",\"call_"
     "id\":"
     "\"c\",\"name\":\"f\",\"arguments\":\"{}\"},{\"type\":\"function_call_output\",\"call_id\":\"c\","
     "\"output\":\"o\"},{\"type\":\"custom_tool_call\",\"call_id\":\"d\",\"name\":\"patch\",\"input\":\"p\"},"
     "{\"type\":\"custom_tool_call_output\",\"call_id\":\"d\",\"output\":[{\"type\":\"input_text\",\"text\":"
     "\"1\"},{\"type\":\"input_text\",\"text\":\"2\"}]},{\"type\":\"local_shell_call\",\"call_id\":\"e\","
     "\"action\":{\"command\":[\"ls\"]}},{\"type\":\"local_shell_call_output\",\"call_id\":\"e\",\"output\":"
     "\"x\"},{\"type\":\"mcp_call\",\"id\":\"m1\",\"server_label\":\"git\",\"name\":\"log\",\"arguments\":"
     "\"{}\",\"output\":\"l\"},{\"type\":\"item_reference\",\"id\":\"r\"},{\"type\":"
     "\"additional_tools\",\"role\":\"developer\",\"tools\":[{\"type\":\"function\",\"name\":\"h\"}]}]}",
     "0.0 tool_definition json={\"type\":\"function\",\"name\":\"f\"} name=f\n"
     "0.1 tool_definition provider json={\"type\":\"web_search\"} name=web_search\n"
     "0.2 tool_definition provider json={\"type\":\"mcp\",\"server_label\":\"git\"} name=mcp space=git\n"
     "0.3 tool_definition json={\"type\":\"function\",\"name\":\"g\"} name=g space=ns\n"
     "1.0 system text=be\n"
     "2.0 user_text text=hi\n"
     "2.1 thinking assistant text=so\n"
     "2.1 thinking+ assistant sealed=EE\n"
     "2.2 tool_call assistant text={} name=f id=c\n"
     "2.3 tool_result text=o id=c\n"
     "2.4 tool_call assistant text=p name=patch id=d\n"
     "2.5 tool_result text=1 id=d\n"
     "2.5 tool_result+ more text=2 id=d\n"
     "2.6 tool_call assistant json={\"command\":[\"ls\"]} name=local_shell id=e\n"
     "2.7 tool_result text=x name=local_shell id=e\n"
     "2.8 tool_call assistant provider text={} name=log space=git id=m1\n"
     "2.8 tool_result+ assistant provider text=l name=log space=git id=m1\n"
     "2.9 other\n"
     "2.10 tool_definition json={\"type\":\"function\",\"name\":\"h\"} name=h\n"},
    {"responses of one text", API_OPENAI_RESPONSES, NULL, "{\"model\":\"m\",\"input\":\"hi\"}",
     "2.0 user_text text=hi\n"},
    {"gemini", API_GEMINI_GENERATE, "g",
     "{\"systemInstruction\":{\"parts\":[{\"text\":\"be\"}]},\"tools\":[{\"functionDeclarations\":[{\"name\":"
     "\"f\"},{\"name\":\"g\"}]},{\"googleSearch\":{}}],\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":"
     "\"hi\"},{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AA\"}},{\"fileData\":{\"mimeType\":"
     "\"application/pdf\",\"fileUri\":\"u\"}}]},{\"role\":\"model\",\"parts\":[{\"text\":\"hm\",\"thought\":"
     "true},{\"functionCall\":{\"name\":\"f\",\"args\":{\"a\":1}},\"thoughtSignature\":\"SS\"}]},{\"role\":"
     "\"user\",\"parts\":["
     "{\"functionResponse\":{\"name\":\"f\",\"response\":{\"error\":\"no\"}}}]}]}",
     "0.0 tool_definition json={\"name\":\"f\"} name=f\n"
     "0.0 tool_definition+ json={\"name\":\"g\"} name=g\n"
     "0.1 tool_definition provider json={} name=googleSearch\n"
     "1.0 system text=be\n"
     "2.0 user_text text=hi\n"
     "2.0 image+ type=image/png data=AA\n"
     "2.0 file+ type=application/pdf url=u\n"
     "2.1 thinking assistant text=hm\n"
     "2.1 tool_call+ assistant json={\"a\":1} name=f sealed=SS\n"
     "2.2 tool_result error json={\"error\":\"no\"} name=f\n"},
    {"converse", API_BEDROCK_CONVERSE, "anthropic.claude",
     "{\"system\":[{\"text\":\"be\"},{\"cachePoint\":{\"type\":\"default\"}}],\"toolConfig\":{\"tools\":["
     "{\"toolSpec\":{\"name\":\"f\"}}]},\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"},"
     "{\"image\":{\"format\":\"png\",\"source\":{\"bytes\":\"AA\"}}}]},{\"role\":\"assistant\",\"content\":["
     "{\"reasoningContent\":{\"reasoningText\":{\"text\":\"hm\"}}},{\"toolUse\":{\"toolUseId\":\"t\","
     "\"name\":"
     "\"f\",\"input\":{}}}]},{\"role\":\"user\",\"content\":[{\"toolResult\":{\"toolUseId\":\"t\","
     "\"content\":"
     "[{\"text\":\"a\"},{\"json\":{\"b\":1}}],\"status\":\"error\"}}]}]}",
     "0.0 tool_definition json={\"name\":\"f\"} name=f\n"
     "1.0 system text=be\n"
     "1.0 other+ cache\n"
     "2.0 user_text text=hi\n"
     "2.0 image+ type=png data=AA\n"
     "2.1 thinking assistant text=hm\n"
     "2.1 tool_call+ assistant json={} name=f id=t\n"
     "2.2 tool_result error text=a id=t\n"
     "2.2 tool_result+ more error json={\"b\":1} id=t\n"},
    {"invoke, Claude", API_BEDROCK_INVOKE, "us.anthropic.claude-x",
     "{\"anthropic_version\":\"b\",\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
     "2.0 user_text text=hi\n"},
    {"invoke, Nova", API_BEDROCK_INVOKE, "amazon.nova-lite",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}]}", "2.0 user_text text=hi\n"},
    {"invoke, a prompt", API_BEDROCK_INVOKE, "meta.llama3", "{\"prompt\":\"hi\",\"max_gen_len\":5}",
     "2.0 user_text text=hi\n"},
    {"embeddings", API_OPENAI_EMBEDDINGS, NULL, "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}",
     "2.0 user_text text=a\n2.1 user_text text=b\n"},
};

static void items_of_each_dialect(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct item_case *c = &cases[i];
		struct target t = {.api = c->api, .model = slice_of(c->model)};
		struct arena mem;
		struct request_view v;
		struct error e = {0};
		struct buf out;
		arena_init(&mem, 1 << 16);
		buf_init(&out, 1 << 16);
		if (registry_codec(c->api)->request(&t, slice_of(c->body), &mem, &v, &e))
			fail_msg("%s: %s", c->name, e.text);
		assert_int_equal(registry_items(&v, describe, &out), 0);
		assert_int_equal(buf_append(&out, slice_make("", 1)), 0);
		assert_text(c->name, buf_slice(&out).p, c->want);
		buf_release(&out);
		arena_release(&mem);
	}
}

static int stop_at_second(void *arg, const struct body_item *it)
{
	(void)it;
	return ++*(int *)arg == 2 ? 7 : 0;
}

static void a_walk_can_be_ended(void **state)
{
	(void)state;
	struct target t = {.api = cases[0].api};
	struct arena mem;
	struct request_view v;
	struct error e = {0};
	int seen = 0;
	arena_init(&mem, 1 << 16);
	assert_int_equal(codec_anthropic.request(&t, slice_of(cases[0].body), &mem, &v, &e), 0);
	assert_int_equal(registry_items(&v, stop_at_second, &seen), 7);
	assert_int_equal(seen, 2);
	arena_release(&mem);
}

/* --- recorded requests -----------------------------------------------------------------------------------
 */

struct found {
	size_t bytes, items, other;
};

static int add(void *arg, const struct body_item *it)
{
	struct found *f = arg;
	char *plain = malloc(it->text.raw.n + 1);
	assert_non_null(plain);
	f->bytes += json_unescape(&it->text, plain, it->text.raw.n);
	free(plain);
	f->items++;
	f->other += it->kind == ITEM_OTHER;
	return 0;
}

/* Bytes of every string under the key, at any depth. */
static size_t bytes_under(const cJSON *o, const char *key)
{
	size_t n = 0;
	for (const cJSON *c = o ? o->child : NULL; c; c = c->next) {
		if (cJSON_IsString(c) && c->string && strcmp(c->string, key) == 0)
			n += strlen(c->valuestring);
		if (!c->string || strcmp(c->string, "tools") != 0)
			n += bytes_under(c, key);
	}
	return n;
}

static const char *const names[] = {
    "messages", "chat",           "responses", "generateContent", "streamGenerateContent",
    "converse", "converse-stream"};
static const enum api apis[] = {API_ANTHROPIC_MESSAGES, API_OPENAI_CHAT,     API_OPENAI_RESPONSES,
                                API_GEMINI_GENERATE,    API_GEMINI_GENERATE, API_BEDROCK_CONVERSE,
                                API_BEDROCK_CONVERSE};

static void check_recorded(const cJSON *line, size_t *seen)
{
	const char *api = cJSON_GetStringValue(cJSON_GetObjectItem(line, "api"));
	const char *body =
	    cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetObjectItem(line, "request"), "body"));
	for (size_t i = 0; api && body && i < COUNT(names); i++) {
		struct target t = {.api = apis[i], .model = SLICE("m")};
		struct arena mem;
		struct request_view v;
		struct error e = {0};
		struct found f = {0};
		if (strcmp(api, names[i]) != 0)
			continue;
		arena_init(&mem, 1 << 20);
		if (registry_codec(apis[i])->request(&t, slice_of(body), &mem, &v, &e) == 0 && v.messages.n) {
			cJSON *json = cJSON_Parse(body);
			assert_int_equal(registry_items(&v, add, &f), 0);
			assert_true((int64_t)f.items >= v.message_count);
			if (f.bytes < bytes_under(json, "text"))
				fail_msg("%s: %zu bytes of text, %zu found",
				         cJSON_GetStringValue(cJSON_GetObjectItem(line, "id")),
				         bytes_under(json, "text"), f.bytes);
			cJSON_Delete(json);
			++*seen;
		}
		arena_release(&mem);
	}
}

static void every_recorded_text_is_found(void **state)
{
	(void)state;
	FILE *f = fopen("tests/wire/pairs-sample.jsonl", "r");
	char *line = NULL;
	size_t cap = 0, seen = 0;
	if (!f)
		fail_msg("run from the repository's root");
	while (getline(&line, &cap, f) > 0) {
		cJSON *pair = cJSON_Parse(line);
		check_recorded(pair, &seen);
		cJSON_Delete(pair);
	}
	free(line);
	fclose(f);
	assert_true(seen > 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(items_of_each_dialect),
	    cmocka_unit_test(a_walk_can_be_ended),
	    cmocka_unit_test(every_recorded_text_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
