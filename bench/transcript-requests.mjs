// The requests that Claude Code must have sent for a transcript, rebuilt turn by turn: node bench/transcript-requests.mjs OUT FILE...
// Writes OUT/NAME.jsonl, a request a line, as bench_session reads them. Each answer of the model stands in the transcript with the
// chain of its parents; the request is that chain: user texts, the model's blocks, tool results. Subagents (isSidechain) have fewer tools.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const [out, ...files] = process.argv.slice(2);
if (!out || files.length === 0) {
  console.error('usage: node bench/transcript-requests.mjs OUT FILE.jsonl...');
  process.exit(2);
}
mkdirSync(out, { recursive: true });

const tool = (name) => ({ name, description: `${name} of the agent`, input_schema: { type: 'object' } });
const lines = (file) => readFileSync(file, 'utf8').split('\n').filter(Boolean).flatMap((l) => { try { return [JSON.parse(l)]; } catch { return []; } });

/** The chain of messages up to an entry, the oldest first. */
function chain(byId, entry) {
  const all = [], seen = new Set();
  for (let at = entry; at && !seen.has(at.uuid); at = byId.get(at.parentUuid)) {
    seen.add(at.uuid);
    if ((at.type === 'user' || at.type === 'assistant') && at.message?.content && !at.isMeta) all.unshift(at);
  }
  return all;
}

/** As messages: blocks of one answer, and tool results beside one another, are one message. */
function messages(entries) {
  const list = [];
  for (const { message } of entries) {
    const content = typeof message.content === 'string' ? [{ type: 'text', text: message.content }] : message.content;
    const last = list.at(-1);
    if (last?.role === message.role) last.content.push(...content);
    else list.push({ role: message.role, content: [...content] });
  }
  return list;
}

let total = 0;
for (const file of files) {
  const entries = lines(file), byId = new Map(entries.filter((e) => e.uuid).map((e) => [e.uuid, e]));
  const done = new Set(), requests = [];
  for (const e of entries) {
    if (e.type !== 'assistant' || !e.message?.id || done.has(e.message.id)) continue;
    done.add(e.message.id);
    const body = messages(chain(byId, byId.get(e.parentUuid)));
    if (body.length === 0) continue;
    const names = new Set(['Bash', 'Read', 'Edit', 'Write', 'Grep', 'Glob', ...(e.isSidechain ? [] : ['Task'])]);
    requests.push({
      t_ms: Date.parse(e.timestamp ?? 0) || 0, method: 'POST', path: '/v1/messages', session: e.sessionId,
      headers: {
        'user-agent': 'claude-cli/2.1.0 (external, cli)', 'anthropic-version': '2023-06-01', 'x-claude-code-session-id': e.sessionId,
        ...(e.isSidechain ? { 'x-claude-code-agent-id': e.agentId ?? 'sidechain' } : {}),
      },
      body: {
        model: e.message.model ?? 'claude-sonnet-4-5', max_tokens: 32000, tools: [...names].map(tool),
        system: [{ type: 'text', text: `Working directory: ${entries.find((x) => x.cwd)?.cwd ?? '/src'}\n` }], messages: body,
      },
    });
  }
  if (requests.length) writeFileSync(join(out, basename(file)), requests.map((r) => `${JSON.stringify(r)}\n`).join(''));
  total += requests.length;
}
console.log(`${total} requests of ${files.length} transcripts`);
