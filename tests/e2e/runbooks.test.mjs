// Each `weir …` line of the runbooks is understood by the program: it runs, with an exit status that is no usage error; those that stay
// (serve, run, watch) are held against their help. The settings in them are good.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { WEIR, scratch, startSim, startWeir, stopAll } from './lib/harness.mjs';

const pages = new URL('../../docs/runbooks/', import.meta.url);
const folder = scratch('weir-runbooks-');
const STAYS = /^weir (serve|run|top)\b|--watch\b|--online\b/;
let sim, weir, env;

const blocks = (text, language) => [...text.matchAll(new RegExp(`^ *\`\`\`${language}\\n([\\s\\S]*?)^ *\`\`\``, 'gm'))].map((m) => m[1]);
const books = readdirSync(pages).filter((name) => name.endsWith('.md'));
const text = (name) => readFileSync(new URL(name, pages), 'utf8');
const commands = books.flatMap((name) =>
  [...blocks(text(name), 'sh').flatMap((block) => block.split('\n')), ...[...text(name).matchAll(/`(weir [a-z]+ [^`]*)`/g)].map((m) => m[1])]
    .map((line) => line.trim())
    .filter((line) => line.startsWith('weir '))
    .map((line) => [name, line]),
);

before(async () => {
  sim = await startSim();
  weir = await startWeir({ sim, extra: 'budgets:\n  - {name: dev-day, each: user, window: day, limit: 25 USD, override: {up_to: 25 USD}}\n' });
  const key = weir.newKey('--role', 'owner', '--user', 'ana@example.com');
  await new Promise((done) => setTimeout(done, 300));
  for (const session of ['5c1f2f0e-5f6c-4f6e-9a59-5f0c5b7b7a11', 'other'])
    await (
      await fetch(`${weir.url}/v1/messages`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': key, 'x-weir-session': session },
        body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 100, messages: [{ role: 'user', content: session }] }),
      })
    ).text();
  for (const name of ['usage.json', 'costs.json', 'invoice.csv', 'usage.csv']) writeFileSync(join(weir.folder, name), '{}\n');
  env = { ...weir.environment, WEIR_KEY: key, WEIR_CONFIG: weir.file, PATH: `${join(WEIR, '..')}:${process.env.PATH}` };
});
after(stopAll);

test('there are runbooks, and commands in each', () => {
  assert.ok(books.length >= 7);
  for (const name of books.filter((b) => b !== 'README.md')) assert.ok(commands.some(([of]) => of === name), name);
});

test('each line is understood', () => {
  for (const [name, line] of commands) {
    if (STAYS.test(line)) {
      const [, command] = line.split(' ');
      const help = spawnSync(WEIR, [command, '--help'], { env, encoding: 'utf8' });
      assert.equal(help.status, 0, `${name}: ${line}`);
      for (const [option] of line.split(' -- ')[0].matchAll(/--[a-z-]+/g)) assert.ok(help.stdout.includes(option), `${name}: ${line}: ${option}`);
      continue;
    }
    const done = spawnSync('sh', ['-c', line], { env, cwd: weir.folder, encoding: 'utf8', timeout: 20000 });
    assert.ok(done.status !== null && done.status !== 2 && done.status < 120, `${name}: ${line}: ${done.status}\n${done.stderr}`);
    assert.doesNotMatch(done.stderr, /there is no option|no command|no dimension|no measure|no field/, `${name}: ${line}`);
  }
});

test('the settings in them are good', () => {
  for (const name of books)
    for (const [i, block] of blocks(text(name), 'yaml').entries()) {
      const indent = /^ */.exec(block)[0].length;
      const path = join(folder, `${name}-${i}.yaml`);
      writeFileSync(path, block.replace(new RegExp(`^ {${indent}}`, 'gm'), ''));
      const done = spawnSync(WEIR, ['check', '--no-secrets', path], { env, encoding: 'utf8' });
      assert.equal(done.status, 0, `${name}:\n${done.stdout}${done.stderr}`);
    }
});
