// What packaging/ says about metrics holds: each one that the dashboard and the alerting rules name is one that the gateway has.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ROOT, startSim, startWeir, stopAll } from './lib/harness.mjs';

let sim, weir, metrics;

before(async () => {
  sim = await startSim();
  weir = await startWeir({ sim, extra: 'budgets:\n  - {name: dev-day, each: user, window: day, limit: 1 USD}\n' });
  const answer = await fetch(`${weir.url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': weir.firstKey },
    body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 5, messages: [{ role: 'user', content: 'x' }] }),
  });
  assert.equal(answer.status, 200);
  await answer.text();
  await weir.ledgerOf(1);
  metrics = await (await fetch(`${weir.console}/metrics`)).text();
});
after(stopAll);

const names = () => new Map([...metrics.matchAll(/^(weir_\w+)(?:\{([^}]*)\})? (\S+)$/gm)].map((m) => [m[1], { labels: m[2] ?? '', value: Number(m[3]) }]));

test('the text is as Prometheus reads it: help and type before each metric, once; counters end on _total', () => {
  const types = new Map([...metrics.matchAll(/^# TYPE (weir_\w+) (\w+)$/gm)].map((m) => [m[1], m[2]]));
  const helps = [...metrics.matchAll(/^# HELP (weir_\w+) \S.*$/gm)].map((m) => m[1]);
  assert.equal(new Set(helps).size, helps.length);
  assert.deepEqual([...types.keys()].sort(), [...helps].sort());
  for (const [name, type] of types) assert.equal(type === 'counter', /_total$/.test(name), `${name} is a ${type}`);
  for (const [name, { value }] of names()) {
    assert.ok(types.has(name), `${name} has a type`);
    assert.ok(Number.isFinite(value) && value >= 0, `${name} ${value}`);
  }
  for (const line of metrics.split('\n')) assert.match(line, /^$|^# (HELP|TYPE) weir_\w+ .+$|^weir_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? \d+(\.\d+)?$/);
});

test('money and budgets are what the ledger has', async () => {
  const [row] = weir.ledger();
  assert.equal(names().get('weir_spent_nanousd_total').value, row.cost_nanousd);
  assert.ok(names().get('weir_burn_nanousd_minute').value >= row.cost_nanousd);
  assert.equal(metrics.match(/^weir_budget_fullest_ratio\{budget="dev-day"\} (\S+)$/m)[1], (Math.floor(row.cost_nanousd / 1e3) / 1e6).toFixed(6));
});

const used = (text) => new Set([...text.matchAll(/\bweir_\w+/g)].map((m) => m[0]));

test('the dashboard: each metric is there, each panel has its place', () => {
  const board = JSON.parse(readFileSync(join(ROOT, 'packaging/grafana/weir.json'), 'utf8'));
  const exprs = board.panels.flatMap((p) => p.targets.map((t) => t.expr));
  assert.ok(exprs.length > 15);
  for (const name of [...exprs, board.templating.list[1].query].flatMap((e) => [...used(e)])) assert.ok(names().has(name), name);
  const places = new Set();
  for (const { title, gridPos: g } of board.panels) {
    assert.ok(title && g.x + g.w <= 24, title);
    for (let x = g.x; x < g.x + g.w; x++)
      for (let y = g.y; y < g.y + g.h; y++) {
        assert.ok(!places.has(`${x},${y}`), `${title} covers another`);
        places.add(`${x},${y}`);
      }
  }
  assert.equal(new Set(board.panels.map((p) => p.id)).size, board.panels.length);
});

test('the alerting rules: each metric is there, each rule says what to do', () => {
  const text = readFileSync(join(ROOT, 'packaging/prometheus/weir.rules.yml'), 'utf8');
  const rules = text.split(/^ {6}- alert: /m).slice(1);
  assert.ok(rules.length >= 8);
  for (const rule of rules) {
    const [, name, expr, wait, severity, summary, description] =
      rule.match(/^(\w+)\n {8}expr: '([^']+)'\n {8}for: (\d+[mh])\n {8}labels: \{severity: (critical|warning|info)\}\n {8}annotations:\n {10}summary: "([^"]+)"\n {10}description: "([^"]+)"\n$/) ?? [];
    assert.ok(name && wait && severity && summary && description, rule);
    for (const metric of used(expr)) assert.ok(names().has(metric), `${name}: ${metric}`);
    assert.equal((expr.match(/\(/g) ?? []).length, (expr.match(/\)/g) ?? []).length, name);
  }
});
