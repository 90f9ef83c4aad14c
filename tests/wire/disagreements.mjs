// Where genai-prices 0.1.8 prices a recorded call otherwise than Weir, and why: docs/wire.md tells the same. A disagreement that
// none of these explains fails the test. Rules, not single calls: the recordings are a part of more.
const theirs = (pair) => Math.round(pair.oracle_genai_prices.total_price * 1e9);

export const KNOWN = [
  {
    why: "the library leaves out the fees of the provider's own tools (searches, code, files): without them both agree",
    when: (pair, row) => row.cost.tools > 0 && Math.abs(row.cost_nanousd - row.cost.tools - theirs(pair)) <= 5,
  },
  {
    why: "the library does not see cache writes in the usage of Responses, and prices them as fresh input",
    when: (pair, row) => row.api === 'openai.responses' && row.cache_write_5m_tokens > 0,
  },
  {
    why: 'the library does not see num_cached_tokens, and prices cached input as fresh',
    provider: 'mistral',
    when: (pair, row) => row.cache_read_tokens > 0 && pair.usage_last.prompt_tokens_details === undefined,
  },
  {
    why: 'mistral-large-latest is Mistral Large 3 since 2025-12 (0.50 and 1.50 USD); the library has the price of Large 2',
    provider: 'mistral',
    when: (pair) => pair.model === 'mistral-large-latest',
  },
  {
    why: 'the answer names another model than was asked for, and its own price holds; the library prices the name asked for, or has another price for that one',
    when: (pair, row) => row.model_served !== null && row.model_served !== pair.model && !row.price_id.startsWith('fallback'),
  },
  {
    why: 'the price book lacks a price of it, and what the provider says it charged is booked: with it fees that the library leaves out',
    when: (pair, row) => row.price_id === 'charged',
  },
  {
    why: 'each request costs a fee that no field of its usage tells: not in the book, so refused unless the settings have a price',
    when: (pair, row) => row.price_id.startsWith('fallback') && /search-preview/.test(pair.model),
  },
  {
    why: 'the library has no audio prices for it, and prices sound as text',
    provider: 'openai',
    when: (pair) => /audio-preview/.test(pair.model),
  },
  {
    why: 'the answer reports no input; the library takes it for nothing, and Weir counts it',
    provider: 'gemini',
    when: (pair, row) => row.usage_source === 'counted' && pair.usage_last.promptTokenCount === undefined,
  },
];
