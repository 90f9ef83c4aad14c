// What a provider reported, read from its own usage object, apart from Weir's reading and from the providers' documents:
// {input, read, written, output}, where input is all input together; null when it is no report of a call.

const number = (value) => (Number.isInteger(value) ? value : null);
const sum = (...values) => values.reduce((total, value) => total + (value ?? 0), 0);

/** The usage of a call, by the shape of the object and the ledger's name of the API. */
export function told(usage, api) {
  if (!usage) return null;
  if ('promptTokenCount' in usage || 'candidatesTokenCount' in usage) return gemini(usage, api);
  if ('total_input_tokens' in usage) return interactions(usage);
  if ('billed_units' in usage) return { input: usage.billed_units.input_tokens, output: usage.billed_units.output_tokens };
  if ('prompt_eval_count' in usage || 'eval_count' in usage)
    return { input: number(usage.prompt_eval_count), output: number(usage.eval_count) };
  if ('inputTokens' in usage || 'inputTokenCount' in usage) return bedrock(usage);
  if ('prompt_tokens' in usage || (api === 'openai.embeddings' && 'total_tokens' in usage)) return chat(usage, api);
  if (!('input_tokens' in usage)) return null;
  if (api === 'openai.responses') {
    const details = usage.input_tokens_details;
    return { input: usage.input_tokens, read: number(details?.cached_tokens), written: number(details?.cache_write_tokens), output: usage.output_tokens };
  }
  if (api.startsWith('cohere')) return { input: usage.input_tokens, output: usage.output_tokens ?? 0 };
  return anthropic(usage);
}

function gemini(usage, api) {
  const thoughts = usage.thoughtsTokenCount ?? 0;
  const prompt = sum(usage.promptTokenCount, usage.toolUsePromptTokenCount);
  const candidates = usage.candidatesTokenCount ?? usage.responseTokenCount ?? (usage.totalTokenCount ?? prompt + thoughts) - prompt - thoughts;
  return { input: 'promptTokenCount' in usage ? prompt : null, read: number(usage.cachedContentTokenCount), output: api === 'gemini.embed' ? 0 : candidates + thoughts };
}

function interactions(usage) {
  return {
    input: sum(usage.total_input_tokens, usage.total_tool_use_tokens),
    read: number(usage.total_cached_tokens),
    output: sum(usage.total_output_tokens, usage.total_thought_tokens),
  };
}

function bedrock(usage) {
  const read = number(usage.cacheReadInputTokens ?? usage.cacheReadInputTokenCount);
  const written = number(usage.cacheWriteInputTokens ?? usage.cacheWriteInputTokenCount);
  return { input: sum(usage.inputTokens ?? usage.inputTokenCount, read, written), read, written, output: usage.outputTokens ?? usage.outputTokenCount };
}

function anthropic(usage) {
  const split = usage.cache_creation;
  const parts = split ? sum(split.ephemeral_5m_input_tokens, split.ephemeral_1h_input_tokens) : 0;
  const written = Math.max(usage.cache_creation_input_tokens ?? 0, parts); // some split nothing
  return { input: sum(usage.input_tokens, usage.cache_read_input_tokens, written), read: number(usage.cache_read_input_tokens), written, output: usage.output_tokens };
}

/** A provider may report more of its cache than there was input, or the same tokens as read and as written: it bills both. */
function chat(usage, api) {
  const details = usage.prompt_tokens_details;
  const read = [details?.cached_tokens, usage.cached_tokens, usage.prompt_cache_hit_tokens, usage.num_cached_tokens, usage.cache_read_input_tokens]
    .filter(Number.isInteger)
    .reduce((most, n) => Math.max(most ?? 0, n), null);
  const written = number(details?.cache_write_tokens) ?? number(usage.cache_creation_input_tokens);
  const reasoning = usage.completion_tokens_details?.reasoning_tokens ?? 0;
  const prompt = usage.prompt_tokens ?? usage.total_tokens;
  const cached = sum(read, written);
  const beside = reasoning > 0 && usage.total_tokens === usage.prompt_tokens + usage.completion_tokens + reasoning; // xAI
  return {
    input: cached <= prompt ? prompt : cached + Math.max(0, prompt - Math.max(read ?? 0, written ?? 0)),
    read,
    written,
    output: api === 'openai.embeddings' ? 0 : (usage.completion_tokens ?? 0) + (beside ? reasoning : 0),
  };
}

/** What the row lacks or has too much of; null when it has what was told. */
export function usageFault(row, usage) {
  const together = (...fields) => fields.reduce((total, field) => total + (row[field] ?? 0), 0);
  const half = usage.input === null || usage.output === null || usage.output === undefined;
  const wanted = {
    source: [row.usage_source, half ? 'counted' : 'reported'],
    ...(usage.input !== null && { 'all input': [row.context_tokens, usage.input] }),
    'cache read': [together('cache_read_tokens', 'cache_read_audio_tokens'), usage.read ?? 0],
    'cache write': [together('cache_write_5m_tokens', 'cache_write_1h_tokens'), usage.written ?? 0],
    ...(Number.isInteger(usage.output) && { output: [together('output_tokens', 'output_audio_tokens', 'output_image_tokens'), usage.output] }),
  };
  for (const [name, [got, want]] of Object.entries(wanted)) if (got !== want) return `${name} ${got}, told ${want}`;
  return null;
}
