// An agent's own counters, where it sends metrics alone: what they tell is booked once, whatever temporality they have, and never beside
// calls that are known one by one.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startSim, startWeir, stopAll } from './lib/harness.mjs';
import { until } from './lib/raw.mjs';
import { metric, query, rows } from './lib/rows.mjs';

after(stopAll);

const DELTA = 1;
const CUMULATIVE = 2;
const attributes = (o) => Object.entries(o).map(([key, v]) => ({ key, value: { stringValue: v } }));
const group = (service, metrics) => ({ resourceMetrics: [{ resource: { attributes: attributes({ 'service.name': service }) }, scopeMetrics: [{ metrics }] }] });
const point = (at, start, value, o) => ({ startTimeUnixNano: `${start}000000`, timeUnixNano: `${at}000000`, asInt: `${value}`, attributes: attributes(o) });
const sum = (name, temporality, ...dataPoints) => ({ name, unit: 'tokens', sum: { aggregationTemporality: temporality, isMonotonic: true, dataPoints } });
const send = async (weir, signal, body) => assert.equal((await fetch(`${weir.console}/v1/${signal}`, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })).status, 200);
const claude = (at, start, session, counts, temporality = DELTA) => group('claude-code', [sum('claude_code.token.usage', temporality,
  ...Object.entries(counts).map(([type, n]) => point(at, start, n, { type, model: 'claude-opus-4-6', 'session.id': session, 'user.email': 'ana@example.com' })))]);
/** What the rows of a session have in all. */
const told = async (weir, where) => (await query(`${weir.folder}/weir.db`, `SELECT count(*) n, coalesce(sum(input_tokens),0) input, coalesce(sum(output_tokens),0) output, coalesce(sum(cache_read_tokens),0) cached,
  coalesce(sum(cache_write_5m_tokens),0) written, coalesce(sum(reasoning_tokens),0) reasoning, coalesce(sum(cost_nanousd),0) cost FROM calls WHERE ${where}`))[0];
const reaches = (weir, where, output) => until(async () => (await told(weir, where)).output === output, `${output} tokens of ${where}`, 20000);
const points = (weir, n) => until(async () => (await metric(weir, 'otlp_counted_total')) + (await metric(weir, 'otlp_repeated_total')) >= n, `${n} points`, 15000);

describe('metrics', () => {
  let sim, weir;
  const at = Date.now() - 60000;
  before(async () => {
    sim = await startSim();
    weir = await startWeir({ sim });
  });

  test('delta, cumulative, a restart of the agent, what comes twice, histograms of both kinds: each counts once', async () => {
    await send(weir, 'metrics', claude(at, at - 1000, 'm-delta', { input: 10, output: 100, cacheRead: 1000, cacheCreation: 50 }));
    await send(weir, 'metrics', claude(at, at - 1000, 'm-delta', { input: 10, output: 100, cacheRead: 1000, cacheCreation: 50 }));
    await send(weir, 'metrics', claude(at + 1000, at, 'm-delta', { input: 1, output: 7, cacheRead: 30 }));
    await send(weir, 'metrics', claude(at, at - 9000, 'm-sum', { output: 100 }, CUMULATIVE));
    await send(weir, 'metrics', claude(at + 1000, at - 9000, 'm-sum', { output: 140 }, CUMULATIVE));
    await send(weir, 'metrics', claude(at + 1000, at - 9000, 'm-sum', { output: 140 }, CUMULATIVE));
    await send(weir, 'metrics', claude(at + 2000, at + 1500, 'm-sum', { output: 160 }, CUMULATIVE)); // a counter that began anew
    await send(weir, 'metrics', claude(at + 3000, at + 1500, 'm-sum', { output: 20 }, CUMULATIVE)); // and one that fell
    const gemini = (t, o) => group('gemini-cli', [sum('gemini_cli.token.usage', CUMULATIVE, ...Object.entries(o).map(([type, n]) => point(t, at - 5000, n, { type, model: 'gemini-2.5-pro', 'session.id': 'm-gemini' })))]);
    await send(weir, 'metrics', gemini(at, { cache: 400, thought: 5, tool: 3, input: 500, output: 60 }));
    const histogram = (kind, value) => ({ name: 'gen_ai.client.token.usage', [kind]: { aggregationTemporality: DELTA, dataPoints: [
      { startTimeUnixNano: `${at - 1000}000000`, timeUnixNano: `${at}000000`, count: '3', sum: value, attributes: attributes({ 'gen_ai.token.type': kind === 'histogram' ? 'input' : 'output', 'gen_ai.request.model': 'gpt-5-mini', 'gen_ai.provider.name': 'openai', 'gen_ai.operation.name': 'chat' }) }] } });
    await send(weir, 'metrics', group('bot', [histogram('histogram', 900), histogram('exponentialHistogram', 33)]));
    await points(weir, 11 + 5 + 5 + 2);
    await reaches(weir, "session='m-delta'", 107);
    await reaches(weir, "session='m-sum'", 100 + 40 + 160 + 20);
    await reaches(weir, "session='m-gemini'", 65);
    await reaches(weir, "agent='bot'", 33);
    const d = await told(weir, "session='m-delta'");
    assert.deepEqual([d.input, d.cached, d.written, d.cost], [11, 1030, 50, 11 * 5000 + 1030 * 500 + 50 * 6250 + 107 * 25000]);
    const g = await told(weir, "session='m-gemini'");
    assert.deepEqual([g.input, g.cached, g.reasoning], [103, 400, 5]);
    assert.equal((await told(weir, "agent='bot'")).input, 900);
    const [row] = await rows(weir, "session='m-delta'");
    assert.deepEqual([row.source, row.user, row.agent, row.model_served, row.usage_source], ['otlp:metrics', 'ana@example.com', 'claude-code', 'claude-opus-4-6', 'reported']);
  });

  test('events of the same work count alone, whichever comes first', async () => {
    const event = (session, t, input, output) => ({ resourceLogs: [{ resource: { attributes: attributes({ 'service.name': 'claude-code' }) }, scopeLogs: [{ logRecords: [{ timeUnixNano: `${t}000000`, body: { stringValue: 'claude_code.api_request' },
      attributes: attributes({ 'event.name': 'api_request', 'session.id': session, model: 'claude-opus-4-6', request_id: `req-${session}-${t}`, input_tokens: `${input}`, output_tokens: `${output}` }) }] }] }] });
    await send(weir, 'logs', event('m-first', at, 5, 50));
    await send(weir, 'metrics', claude(at + 100, at - 1000, 'm-first', { input: 5, output: 50 }));
    await send(weir, 'metrics', claude(at + 100, at - 1000, 'm-later', { input: 6, output: 60 }));
    await reaches(weir, "session='m-later' AND source='otlp:metrics'", 60);
    await send(weir, 'logs', event('m-later', at, 6, 60));
    await until(async () => (await told(weir, "session='m-later' AND source='otlp:metrics'")).n === 0, 'the sum gives way to the call', 20000);
    for (const [session, output] of [['m-first', 50], ['m-later', 60]]) {
      const t = await told(weir, `session='${session}'`);
      assert.deepEqual([t.n, t.output], [1, output], session);
    }
  });
});

test('a restart of Weir counts nothing twice', async () => {
  const sim = await startSim();
  const at = Date.now() - 60000;
  const weir = await startWeir({ sim });
  await send(weir, 'metrics', claude(at, at - 1000, 'm-again', { output: 100 }, CUMULATIVE));
  await reaches(weir, "session='m-again'", 100);
  await weir.stop();
  await weir.restart();
  await send(weir, 'metrics', claude(at, at - 1000, 'm-again', { output: 100 }, CUMULATIVE));
  await send(weir, 'metrics', claude(at + 1000, at - 1000, 'm-again', { output: 130 }, CUMULATIVE));
  await points(weir, 2);
  await reaches(weir, "session='m-again'", 130);
});
