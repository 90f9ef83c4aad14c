// Telemetry on the console's port: what the agents' exporters send becomes rows, once, whatever else tells of the same calls.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { WEIR, cleanEnvironment, scratch, startSim, startWeir, stopAll } from './lib/harness.mjs';
import { until } from './lib/raw.mjs';
import { metric, rows } from './lib/rows.mjs';

after(stopAll);

const attributes = (o) => Object.entries(o).map(([key, v]) => ({ key, value: typeof v === 'number' ? { intValue: String(v) } : { stringValue: v } }));
const logs = (service, ...records) => ({
  resourceLogs: [{ scopeLogs: [{ scope: { name: 's' }, logRecords: records }], resource: { attributes: attributes({ 'service.name': service, 'service.version': '2.1.0', 'team.id': 'payments' }) } }],
});
const record = (body, o, at = Date.now()) => ({ timeUnixNano: `${at}000000`, body: { stringValue: body }, attributes: attributes(o) });
const claude = (o, at) => record('claude_code.api_request', { 'event.name': 'api_request', 'user.email': 'ana@example.com', model: 'claude-opus-4-6', cost_usd: '0.5', duration_ms: 1500, ...o }, at);

// Protocol buffers, as far as the messages of the tests need them.
const varint = (n) => {
  const out = [];
  for (let v = BigInt.asUintN(64, BigInt(n)); ; v >>= 7n) {
    if (v < 128n) return Buffer.from([...out, Number(v)]);
    out.push(Number(v & 127n) | 128);
  }
};
const field = (n, bytes) => Buffer.concat([varint(n * 8 + 2), varint(bytes.length), bytes]);
const text = (n, s) => field(n, Buffer.from(s));
const fixed = (n, v) => {
  const b = Buffer.alloc(8);
  b.writeBigUInt64LE(BigInt(v));
  return Buffer.concat([varint(n * 8 + 1), b]);
};
const value = (v) => (v.stringValue !== undefined ? text(1, v.stringValue) : Buffer.concat([varint(3 * 8), varint(v.intValue)]));
const pairs = (n, list) => Buffer.concat(list.map((a) => field(n, Buffer.concat([text(1, a.key), field(2, value(a.value))]))));
const logRecord = (r) => Buffer.concat([fixed(1, r.timeUnixNano), field(5, value(r.body)), pairs(6, r.attributes)]);
const span = (s) => Buffer.concat([field(1, Buffer.from(s.traceId, 'hex')), field(2, Buffer.from(s.spanId, 'hex')), text(5, s.name), fixed(7, s.startTimeUnixNano), fixed(8, s.endTimeUnixNano), pairs(9, s.attributes)]);
const protobuf = (o) => {
  const [group] = o.resourceLogs ?? o.resourceSpans;
  const [scope] = group.scopeLogs ?? group.scopeSpans;
  const items = scope.logRecords?.map(logRecord) ?? scope.spans.map(span);
  return field(1, Buffer.concat([field(2, Buffer.concat(items.map((i) => field(2, i)))), field(1, pairs(1, group.resource.attributes))]));
};

const send = (weir, signal, body, headers = {}) => fetch(`${weir.console}/v1/${signal}`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
const PROTOBUF = { 'content-type': 'application/x-protobuf' };
const settled = (weir, n) => until(async () => (await metric(weir, 'otlp_added_total')) + (await metric(weir, 'otlp_known_total')) >= n, `${n} calls of telemetry in the ledger`, 15000);

describe('telemetry', () => {
  let sim, weir;
  before(async () => {
    sim = await startSim();
    weir = await startWeir({ sim });
  });

  test('events of three agents and a span, in both encodings and packed, are one row each; what is no call is counted', async () => {
    const at = Date.now();
    const events = {
      claude: logs('claude-code', claude({ 'session.id': 's1', request_id: 'req_1', input_tokens: 10, output_tokens: 700, cache_read_tokens: 1000, cache_creation_tokens: 100 }, at), record('claude_code.user_prompt', { prompt_length: 3 })),
      codex: logs('codex_cli_rs', record('', { 'event.name': 'codex.sse_event', 'event.kind': 'response.completed', 'conversation.id': 's2', model: 'gpt-5-codex', input_token_count: 500, cached_token_count: 400, output_token_count: 60, reasoning_token_count: 20, tool_token_count: 560, auth_mode: 'Chatgpt' }, at),
        record('', { 'event.name': 'codex.sse_event', 'event.kind': 'response.output_item.done' }, at)),
      gemini: logs('gemini-cli', record('API response', { 'event.name': 'gemini_cli.api_response', 'session.id': 's3', model: 'gemini-2.5-pro', input_token_count: 300, cached_content_token_count: 100, output_token_count: 40, thoughts_token_count: 5, tool_token_count: 7, duration_ms: 20 }, at)),
      stranger: logs('shop', record('an order was placed', { order: 7 })),
    };
    const spans = { resourceSpans: [{ resource: { attributes: attributes({ 'service.name': 'billing-bot' }) }, scopeSpans: [{ spans: [{ traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', name: 'chat gpt-5-mini', startTimeUnixNano: `${at}000000`, endTimeUnixNano: `${at + 250}000000`,
      attributes: attributes({ 'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': 'openai', 'gen_ai.request.model': 'gpt-5-mini', 'gen_ai.usage.input_tokens': 100, 'gen_ai.usage.output_tokens': 9, 'gen_ai.usage.cache_read.input_tokens': 60 }) }] }] }] };
    for (const e of Object.values(events)) {
      const plain = await send(weir, 'logs', JSON.stringify(e));
      assert.deepEqual([plain.status, await plain.json()], [200, {}]);
      assert.equal((await send(weir, 'logs', gzipSync(protobuf(e)), { ...PROTOBUF, 'content-encoding': 'gzip' })).status, 200);
    }
    assert.equal((await send(weir, 'traces', JSON.stringify(spans))).status, 200);
    assert.equal((await send(weir, 'traces', protobuf(spans), PROTOBUF)).status, 200);
    await settled(weir, 8);
    const of = Object.fromEntries((await rows(weir, "source='otlp'")).map((r) => [r.agent, r]));
    assert.deepEqual(Object.keys(of).sort(), ['billing-bot', 'claude-code', 'codex', 'gemini-cli']);
    assert.equal((await rows(weir)).length, 4);
    const c = of['claude-code'];
    assert.deepEqual([c.time_ms, c.duration_ms, c.user, c.team, c.session, c.agent_version, c.call_key], [at - 1500, 1500, 'ana@example.com', 'payments', 's1', '2.1.0', 'req_1']);
    assert.deepEqual([c.input_tokens, c.cache_read_tokens, c.cache_write_5m_tokens, c.output_tokens, c.context_tokens], [10, 1000, 100, 700, 1110]);
    assert.equal(c.cost_nanousd, 10 * 5000 + 1000 * 500 + 100 * 6250 + 700 * 25000);
    assert.deepEqual([of.codex.input_tokens, of.codex.cache_read_tokens, of.codex.output_tokens, of.codex.reasoning_tokens, of.codex.billing], [100, 400, 60, 20, 'subscription']);
    const g = of['gemini-cli'];
    assert.deepEqual([g.input_tokens, g.cache_read_tokens, g.output_tokens, g.reasoning_tokens], [207, 100, 45, 5]);
    const b = of['billing-bot'];
    assert.deepEqual([b.input_tokens, b.cache_read_tokens, b.duration_ms, b.call_key, b.provider], [40, 60, 250, '0af7651916cd43dd8448eb211c80319c/b7ad6b7169203331', 'openai']);
    assert.deepEqual([await metric(weir, 'otlp_others_total'), await metric(weir, 'otlp_not_understood_total'), await metric(weir, 'otlp_known_total')], [4, 2, 4]);
  });

  test('points that are no tokens of a model, or have no time, are counted and make no rows', async () => {
    const had = (await rows(weir)).length;
    const metrics = { resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'claude_code.token.usage', sum: { aggregationTemporality: 1, dataPoints: [{ asInt: '5' }, { asInt: '6' }] } }, { name: 'http.server.duration', histogram: { dataPoints: [{}] } }] }] }] };
    const [points, unknown] = [await metric(weir, 'otlp_points_total'), await metric(weir, 'otlp_not_understood_total')];
    assert.equal((await send(weir, 'metrics', JSON.stringify(metrics))).status, 200);
    assert.deepEqual([(await metric(weir, 'otlp_points_total')) - points, (await metric(weir, 'otlp_not_understood_total')) - unknown], [3, 1]);
    assert.equal((await rows(weir)).length, had);
  });

  test('a call that gateway, telemetry and transcript tell of is one row', async () => {
    const session = 'c0ffee00-0000-4000-8000-00000000000a';
    const answer = await fetch(`${weir.url}/v1/messages`, { method: 'POST', headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', 'x-api-key': await weir.key(), 'user-agent': 'claude-cli/2.1.0 (external, cli)', 'x-claude-code-session-id': session },
      body: JSON.stringify({ model: 'claude-opus-4-6', max_tokens: 64, messages: [{ role: 'user', content: 'count me once' }] }) });
    const body = await answer.json();
    assert.equal(answer.status, 200, JSON.stringify(body));
    const u = body.usage;
    const seen = (await metric(weir, 'otlp_added_total')) + (await metric(weir, 'otlp_known_total'));
    const told = { 'session.id': session, request_id: 'req_9', input_tokens: u.input_tokens, output_tokens: u.output_tokens, cache_read_tokens: u.cache_read_input_tokens ?? 0, cache_creation_tokens: u.cache_creation_input_tokens ?? 0 };
    const elsewhere = { 'session.id': session, request_id: 'req_10', input_tokens: 4321, output_tokens: 77 };
    assert.equal((await send(weir, 'logs', JSON.stringify(logs('claude-code', claude(told), claude(elsewhere))))).status, 200);
    await settled(weir, seen + 2);
    const home = scratch('weir-telemetry-');
    mkdirSync(join(home, 't'));
    const line = (id, usage) => JSON.stringify({ type: 'assistant', sessionId: session, version: '2.1.0', uuid: id, timestamp: new Date().toISOString(), message: { id, type: 'message', role: 'assistant', model: 'claude-opus-4-6', content: [], usage } });
    writeFileSync(join(home, 't/a.jsonl'), `${line(body.id, u)}\n${line('msg_10', { input_tokens: 4321, output_tokens: 77 })}\n`);
    utimesSync(join(home, 't/a.jsonl'), 1e9, 1e9); // its last call is whole
    const done = spawnSync(WEIR, ['import', 'claude-code', 't', '--json', '--config', weir.configFile], { cwd: home, encoding: 'utf8', env: cleanEnvironment({ HOME: home }) });
    assert.equal(done.status, 0, done.stderr);
    const imported = JSON.parse(done.stdout);
    assert.deepEqual([imported.calls, imported.known, imported.added], [2, 2, 0]);
    const of = await rows(weir, `session='${session}'`);
    assert.deepEqual(of.map((r) => [r.source, r.output_tokens]).sort(), [['gateway', u.output_tokens], ['otlp', 77]]);
  });

  test('a key fixes whose calls they are, and a wrong one is refused', async () => {
    const told = JSON.stringify(logs('claude-code', claude({ 'user.email': 'bo@example.com', 'session.id': 's9', request_id: 'req_key', input_tokens: 3, output_tokens: 4 })));
    const seen = (await metric(weir, 'otlp_added_total')) + (await metric(weir, 'otlp_known_total'));
    assert.equal((await send(weir, 'logs', told, { 'x-weir-key': 'wk_of_nobody' })).status, 401);
    assert.equal((await send(weir, 'logs', told, { 'x-weir-key': weir.key() })).status, 200);
    await settled(weir, seen + 1);
    assert.deepEqual((await rows(weir, "session='s9'")).map((r) => r.user), ['ana@example.com']);
  });

  test('what is no telemetry is refused with what would be', async () => {
    const refused = async (body, headers) => {
      const answer = await send(weir, 'logs', body, headers);
      return [answer.status, await answer.text()];
    };
    assert.equal((await refused('{"resourceLogs":[', {}))[0], 400);
    assert.equal((await refused('{}', { 'content-type': 'text/plain' }))[0], 415);
    assert.equal((await refused('{}', { 'content-encoding': 'gzip' }))[0], 400);
    assert.equal((await refused(Buffer.from([0x0a, 0x7f]), PROTOBUF))[0], 400);
    assert.equal((await refused(gzipSync(Buffer.alloc(17 << 20, 32)), { 'content-encoding': 'gzip' }))[0], 413);
    assert.equal((await fetch(`${weir.console}/v1/logs`)).status, 405);
    assert.equal((await refused('{"more":[1]}', {}))[0], 200);
  });
});
