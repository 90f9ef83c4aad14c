#include "model/vendors.h"

static const struct vendor vendors[] = {
    {"anthropic", "", "api.anthropic.com", "anthropic", "https://api.anthropic.com", false, false,
     "the Messages API itself"},
    {"openai", "", "api.openai.com", "openai", "https://api.openai.com", false, false,
     "the chat and Responses APIs themselves"},
    {"openrouter", "", "openrouter.ai", "openrouter", "https://openrouter.ai/api", false, false,
     "cache writes in `prompt_tokens_details.cache_write_tokens`, searches in `server_tool_use_details`; its "
     "own `cost` holds where the price book lacks one"},
    {"mistral", "mistralai", "api.mistral.ai codestral.mistral.ai", "mistral", "https://api.mistral.ai",
     false, true,
     "usage in the last chunk of every stream, and `stream_options` is refused, so it is not asked for; "
     "cached tokens in `num_cached_tokens` of older answers"},
    {"groq", "groqcloud", "api.groq.com", "groq", "https://api.groq.com/openai", false, false,
     "streams that were not asked have it in `x_groq.usage`"},
    {"deepseek", "", "api.deepseek.com", "deepseek", "https://api.deepseek.com", false, false,
     "cached tokens in `prompt_cache_hit_tokens`; usage in the last chunk that has choices"},
    {"xai", "x-ai grok", "api.x.ai .api.x.ai", "xai", "https://api.x.ai", false, false,
     "chat: reasoning is beside `completion_tokens`, as `total_tokens` shows, and is added; Responses: "
     "inside `output_tokens`"},
    {"together", "together-ai togetherai", "api.together.xyz api.together.ai", "together",
     "https://api.together.xyz", false, false, "cached tokens in `usage.cached_tokens`"},
    {"fireworks", "fireworks-ai", "api.fireworks.ai", "fireworks", "https://api.fireworks.ai/inference",
     false, false, "as OpenAI's"},
    {"cerebras", "", "api.cerebras.ai", "cerebras", "https://api.cerebras.ai", false, false, "as OpenAI's"},
    {"perplexity", "", "api.perplexity.ai", "perplexity", "https://api.perplexity.ai", true, true,
     "usage in every chunk; a fee for each request that no count shows, so sonar models have no price in the "
     "book: with a fallback price its own `cost` is booked"},
    {"cohere", "", "api.cohere.com api.cohere.ai", "cohere", "https://api.cohere.com/compatibility", false,
     false, "its own API (`api: cohere`) bills `billed_units`, which leave out what it adds to a prompt"},
    {"moonshot", "moonshotai kimi", "api.moonshot.ai api.moonshot.cn", "moonshot", "https://api.moonshot.ai",
     false, false, "usage in `choices[].usage`; cached tokens in `usage.cached_tokens`"},
    {"zhipu", "zai z-ai zhipuai bigmodel glm", "api.z.ai open.bigmodel.cn", "zhipu",
     "https://api.z.ai/api/paas/v4", true, false, "as OpenAI's; reasoning inside `completion_tokens`"},
    {"alibaba", "qwen dashscope", "dashscope.aliyuncs.com dashscope-intl.aliyuncs.com .maas.aliyuncs.com",
     "alibaba", "https://dashscope-intl.aliyuncs.com/compatible-mode", false, false, "as OpenAI's"},
    {"minimax", "", "api.minimax.io api.minimaxi.com api.minimax.chat", "minimax", "https://api.minimax.io",
     false, false, "as OpenAI's; as Anthropic's under `/anthropic`"},
    {"deepinfra", "", "api.deepinfra.com", "deepinfra", "https://api.deepinfra.com/v1/openai", true, false,
     "as OpenAI's; its `estimated_cost` is not used"},
    {"voyage", "voyageai", "api.voyageai.com", "voyage", "https://api.voyageai.com", false, false,
     "embeddings with `total_tokens` alone"},
    {"opencode", "zen", "opencode.ai", "opencode", "https://opencode.ai/zen", false, false,
     "the dialect of each model's maker"},
    {"huggingface", "hf", "router.huggingface.co", "huggingface", "https://router.huggingface.co", false,
     false, "that of the provider it routes to; no price book has its prices"},
    {"databricks", "", ".databricks.com .azuredatabricks.net", "databricks", NULL, true, false,
     "of Claude `cache_read_input_tokens` and `cache_creation_input_tokens`, inside `prompt_tokens`; billed "
     "in "
     "units of its own"},
    {"snowflake", "cortex", ".snowflakecomputing.com", "snowflake", NULL, false, false,
     "as OpenAI's; billed in credits"},
    {"cloudflare", "workers-ai", "api.cloudflare.com gateway.ai.cloudflare.com", "cloudflare", NULL, false,
     false, "a running sum in every chunk; billed in units of its own"},
    {"ollama", "", "ollama.com", "ollama", "http://127.0.0.1:11434", false, false,
     "its own API (`api: ollama`): `prompt_eval_count`, `eval_count` in the line that is `done`"},
    {"vllm", "", "", "vllm", "http://127.0.0.1:8000", false, false,
     "as OpenAI's; cached tokens only with `--enable-prompt-tokens-details`"},
    {"llamacpp", "llama.cpp llama-cpp", "", "llamacpp", "http://127.0.0.1:8080", false, false,
     "as OpenAI's where asked for; without it counted (its `timings` leave out what was cached)"},
    {"sglang", "", "", "sglang", "http://127.0.0.1:30000", false, false, "as OpenAI's"},
    {"lmstudio", "lm-studio", "", "lmstudio", "http://127.0.0.1:1234", false, false, "as OpenAI's"},
};
#define VENDORS_N (sizeof vendors / sizeof *vendors)

static bool has_word(const char *words, slice word)
{
	slice rest = slice_of(words), part;
	while (slice_split(&rest, ' ', &part))
		if (part.n && slice_eq_nocase(part, word))
			return true;
	return false;
}

/* One of the hosts, or what ends with one that begins with a dot. */
static bool has_host(const char *hosts, slice host)
{
	slice rest = slice_of(hosts), part;
	while (slice_split(&rest, ' ', &part)) {
		if (part.n == 0 || part.n > host.n)
			continue;
		bool suffix = part.p[0] == '.';
		if (slice_eq_nocase(part, suffix ? slice_sub(host, host.n - part.n, host.n) : host))
			return true;
	}
	return false;
}

const struct vendor *vendor_named(slice name)
{
	for (size_t i = 0; i < VENDORS_N && name.n; i++)
		if (slice_eq_nocase(slice_of(vendors[i].name), name) || has_word(vendors[i].also, name))
			return &vendors[i];
	return NULL;
}

const struct vendor *vendor_at(slice host)
{
	ptrdiff_t colon = slice_find_char(host, ':');
	if (colon >= 0)
		host = slice_sub(host, 0, (size_t)colon);
	for (size_t i = 0; i < VENDORS_N && host.n; i++)
		if (has_host(vendors[i].hosts, host))
			return &vendors[i];
	return NULL;
}

const struct vendor *vendor_each(size_t *at)
{
	return *at < VENDORS_N ? &vendors[(*at)++] : NULL;
}
