/* The vendors of public price books by their names there. A provider that no row names is not read: its
 * prices would be looked up by nobody. */
#include "finops/pricebook_in.h"

struct vendor_row {
	unsigned books; /* bits of the formats that call it so */
	const char *theirs, *vendor, *prefix;
};

#define IN(f) (1u << (f))
#define SOME  (IN(BOOK_MODELS_DEV) | IN(BOOK_GENAI) | IN(BOOK_LLM))
#define ALL   (SOME | IN(BOOK_LITELLM))
#define LLM   IN(BOOK_LLM)
#define DEV   IN(BOOK_MODELS_DEV)
#define GENAI IN(BOOK_GENAI)
#define LITE  IN(BOOK_LITELLM)

static const struct vendor_row rows[] = {
    {ALL, "anthropic", "anthropic", ""},
    {ALL, "openai", "openai", ""},
    {SOME, "google", "google", ""},
    {ALL, "azure", "azure", "azure/"},
    {ALL, "mistral", "mistral", "mistral/"},
    {ALL, "groq", "groq", "groq/"},
    {ALL, "deepseek", "deepseek", "deepseek/"},
    {ALL, "cerebras", "cerebras", "cerebras/"},
    {ALL, "cohere", "cohere", ""},
    {ALL, "minimax", "minimax", ""},
    {ALL, "openrouter", "openrouter", "openrouter/"},
    {ALL, "perplexity", "perplexity", "perplexity/"},
    {ALL, "xai", "xai", "xai/"},
    {ALL, "deepinfra", "deepinfra", "deepinfra/"},
    {GENAI, "x-ai", "xai", ""},
    {GENAI, "aws", "bedrock", ""},
    {GENAI, "together", "together", ""},
    {GENAI, "fireworks", "fireworks", ""},
    {GENAI | DEV, "moonshotai", "moonshot", ""},
    {GENAI, "zhipuai", "zhipu", ""},
    {GENAI | DEV, "zai", "zhipu", ""},
    {GENAI, "voyageai", "voyage", ""},
    {DEV, "google-vertex", "vertex", ""},
    {DEV, "google-vertex-anthropic", "vertex", ""},
    {DEV, "amazon-bedrock", "bedrock", ""},
    {DEV, "togetherai", "together", ""},
    {DEV, "fireworks-ai", "fireworks", ""},
    {DEV, "alibaba", "alibaba", ""},
    {DEV, "opencode", "opencode", ""},
    {LLM, "amazon", "bedrock", ""},
    {LLM, "moonshot-ai", "moonshot", ""},
    {LLM, "qwen", "alibaba", ""},
    {LITE, "text-completion-openai", "openai", ""},
    {LITE, "gemini", "google", "gemini/"},
    {LITE, "vertex_ai-language-models", "google", ""},
    {LITE, "vertex_ai-language-models", "vertex", ""},
    {LITE, "vertex_ai-embedding-models", "google", ""},
    {LITE, "vertex_ai-embedding-models", "vertex", ""},
    {LITE, "vertex_ai-anthropic_models", "vertex", "vertex_ai/"},
    {LITE, "bedrock", "bedrock", ""},
    {LITE, "bedrock_converse", "bedrock", ""},
    {LITE, "together_ai", "together", "together_ai/"},
    {LITE, "fireworks_ai", "fireworks", "fireworks_ai/"},
    {LITE, "cohere_chat", "cohere", ""},
    {LITE, "moonshot", "moonshot", "moonshot/"},
    {LITE, "zhipu", "zhipu", ""},
    {LITE, "dashscope", "alibaba", "dashscope/"},
    {LITE, "voyage", "voyage", "voyage/"},
};

/* langfuse has models of three vendors, told apart by how they begin; the last row is for all others. */
static const struct {
	const char *begins, *vendor;
} families[] = {{"claude", "anthropic"},     {"gemini", "google"},     {"chat-bison", "google"},
                {"codechat", "google"},      {"text-bison", "google"}, {"text-unicorn", "google"},
                {"textembedding", "google"}, {"code-", "google"},      {"", "openai"}};

bool pricebook_vendor(enum book_format f, slice theirs, size_t i, slice *vendor, slice *prefix)
{
	for (size_t k = 0; f == BOOK_LANGFUSE && k < sizeof families / sizeof families[0]; k++)
		if (slice_starts(theirs, slice_of(families[k].begins))) {
			*vendor = slice_of(families[k].vendor);
			return i == 0;
		}
	for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++)
		if ((rows[k].books & IN(f)) && slice_eq(theirs, slice_of(rows[k].theirs)) && i-- == 0) {
			*vendor = slice_of(rows[k].vendor);
			if (prefix)
				*prefix = slice_of(rows[k].prefix);
			return true;
		}
	return false;
}
