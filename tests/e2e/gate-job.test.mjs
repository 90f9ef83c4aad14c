// `weir gate` in a CI job: the diff by git itself, the decision by the gateway's gates, the token for the job's calls,
// and that nothing of it can be forged. A real repository, a local issuer, real HTTP.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createHmac } from 'node:crypto';
import { cleanEnvironment, ROOT, scratch, startSim, startWeir, stopAll, WEIR } from './lib/harness.mjs';
import { startIssuer } from './lib/issuer.mjs';
import { until } from './lib/raw.mjs';

let sim, weir, issuer, repo, github, ciKey;

const git = (...args) =>
  execFileSync('git', ['-C', repo, '-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], { encoding: 'utf8', env: cleanEnvironment({ HOME: repo }) }).trim();
const write = (name, lines) => {
  mkdirSync(join(repo, name, '..'), { recursive: true });
  writeFileSync(join(repo, name), Array.from({ length: lines }, (_, i) => `line ${i}\n`).join(''));
};
/** `weir gate` as a step of a job; asynchronous: GitHub's token endpoint is in this process. */
const gate = async (env, ...args) => {
  const { spawn } = await import('node:child_process');
  const child = spawn(WEIR, ['gate', ...args], { cwd: repo, env: cleanEnvironment({ HOME: repo, ...env }) });
  let out = '', err = '';
  child.stdout.on('data', (d) => (out += d));
  child.stderr.on('data', (d) => (err += d));
  const status = await new Promise((done) => child.on('close', done));
  return { status, out: out.trim(), err };
};
const call = async (key, headers = {}) => {
  const answer = await fetch(`${weir.url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key, ...headers },
    body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 5, messages: [{ role: 'user', content: 'x' }] }),
  });
  return { status: answer.status, refusal: answer.headers.get('x-weir-refusal'), text: await answer.text() };
};
const job = (extra = {}) => ({
  GITHUB_ACTIONS: 'true', GITHUB_REPOSITORY: 'acme/shop', GITHUB_EVENT_NAME: 'pull_request', GITHUB_REF: 'refs/pull/17/merge',
  GITHUB_HEAD_REF: 'fix', GITHUB_BASE_REF: 'main', GITHUB_WORKFLOW: 'review', GITHUB_RUN_ID: '99', GITHUB_ACTOR: 'ana', WEIR_URL: weir.console, ...extra,
});

before(async () => {
  sim = await startSim();
  issuer = await startIssuer();
  issuer.addKey('k1');
  weir = await startWeir({
    sim,
    extra: `issuers:
  - {name: ci, issuer: "${issuer.url}", audience: weir}
gates:
  - {name: no-tools, where: {environment: ci, mcp_server: "!approved-*"}, deny: "unapproved MCP server"}
  - {name: push, where: {environment: ci, trigger: push}, deny: "agents run on pull requests only"}
  - {name: secrets, where: {environment: ci, path: "infra/*"}, deny: "infra is changed by people"}
  - {name: large, where: {environment: ci, diff_lines: ">100"}, deny: "diff too large for an agent review"}
  - {name: unsized, where: {environment: ci, task: "unsized-*"}, deny: "x", mode: shadow}
`,
  });
  ciKey = weir.newKey('--role', 'agent', '--user', 'ci@example.com', '--set', 'environment=ci');
  // GitHub's endpoint for the job's own token
  github = createServer((request, answer) => {
    const url = new URL(request.url, 'http://x');
    const good = request.headers.authorization === 'Bearer runner' && url.searchParams.get('audience') === 'weir';
    answer.writeHead(good ? 200 : 401).end(JSON.stringify({ value: issuer.token('k1', { run_id: '99' }) }));
  });
  await new Promise((done) => github.listen(0, '127.0.0.1', done));
  repo = scratch();
  git('init', '-q', '-b', 'main');
  write('a.txt', 10);
  git('add', '.');
  git('commit', '-qm', 'first');
  git('update-ref', 'refs/remotes/origin/main', 'HEAD');
  git('checkout', '-qb', 'fix');
  write('a.txt', 30);
  write('docs/b c.md', 12);
  git('add', '.');
  git('commit', '-qm', 'second');
  await new Promise((done) => setTimeout(done, 200));
});
after(async () => {
  await stopAll();
  await issuer.stop();
  await new Promise((done) => github.close(done));
});

const oidc = () => ({ ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${github.address().port}/token?v=1`, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'runner' });

test('a job with its own OIDC token is admitted, and its calls carry what the gate knows', async () => {
  const got = await gate(job(oidc()));
  assert.equal(got.status, 0, got.err);
  assert.match(got.out, /^wg_[\w-]+\.[\w-]{43}$/);
  assert.match(got.err, /GitHub Actions, repo github\.com\/acme\/shop, trigger pull_request, pr 17, branch fix; 32 lines in 2 files/);
  assert.match(got.err, /admitted: no gate is against it/);
  assert.equal((await call(got.out, { 'x-weir-trigger': 'push', 'x-weir-diff-lines': '5', 'x-weir-pr': '1' })).status, 200);
  const row = (await weir.ledgerOf(1)).at(-1);
  assert.equal(row.key_id, 'issuer:ci');
  assert.equal(row.environment, 'ci');
  assert.equal(row.trigger, 'pull_request');
  assert.equal(row.pr, '17');
  assert.equal(row.task, '99');
  const claims = JSON.parse(Buffer.from(got.out.slice(3).split('.')[0], 'base64url'));
  assert.equal(claims.diff_lines, 32);
  assert.equal(claims.paths, 'a.txt\ndocs/b c.md');
  assert.equal(claims.author, 'ana');
});

test('gates refuse with status 3 and their reason, and no token', async () => {
  const push = await gate(job({ GITHUB_EVENT_NAME: 'push', GITHUB_REF: 'refs/heads/fix', GITHUB_BASE_REF: '', WEIR_KEY: ciKey }), '--base', 'main');
  assert.equal(push.status, 3);
  assert.equal(push.out, '');
  assert.match(push.err, /refused\. Gate "push" refuses this call: agents run on pull requests only/);
  git('checkout', '-qb', 'big');
  write('big.txt', 101);
  git('add', '.');
  git('commit', '-qm', 'big');
  const large = await gate(job({ WEIR_KEY: ciKey }), '--json');
  assert.equal(large.status, 3);
  assert.equal(JSON.parse(large.out).gate, 'large');
  assert.equal(JSON.parse(large.out).token, null);
  git('checkout', '-q', 'fix');
  git('checkout', '-qb', 'infra');
  write('infra/main.tf', 1);
  git('add', '.');
  git('commit', '-qm', 'infra');
  assert.match((await gate(job({ WEIR_KEY: ciKey }))).err, /"secrets" refuses this call: infra is changed by people/);
  git('checkout', '-q', 'fix');
});

test('an issuer tells trigger and pull request: the job cannot say otherwise', async () => {
  const token = issuer.token('k1', { event_name: 'push', ref: 'refs/heads/main', head_ref: '' });
  const got = await gate(job({ WEIR_KEY: token })); // its variables claim a pull request
  assert.equal(got.status, 3);
  assert.match(got.err, /pull requests only/);
});

test('what gates ask of a call is decided at the call', async () => {
  const got = await gate(job({ WEIR_KEY: ciKey }), '--json');
  assert.deepEqual(JSON.parse(got.out).later, ['no-tools']);
  const { token } = JSON.parse(got.out);
  const answer = await fetch(`${weir.url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': token },
    body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 5, messages: [{ role: 'user', content: 'x' }], tools: [{ name: 'mcp__evil__run', input_schema: { type: 'object' } }] }),
  });
  assert.equal(answer.status, 402);
  assert.equal(answer.headers.get('x-weir-refusal'), 'gate');
});

test('a token cannot be forged, changed, outlive its time or its key', async () => {
  const { out: token } = await gate(job({ WEIR_KEY: ciKey }));
  assert.equal((await call(token)).status, 200);
  const [body, mac] = token.slice(3).split('.');
  const claims = JSON.parse(Buffer.from(body, 'base64url'));
  const pack = (c) => `wg_${Buffer.from(JSON.stringify(c)).toString('base64url')}`;
  const small = pack({ ...claims, diff_lines: 1 });
  const guess = createHmac('sha256', Buffer.alloc(32)).update(small).digest('base64url');
  for (const bad of [`${small}.${mac}`, `${small}.${guess}`, small, `wg_.${mac}`, `wg_${body}.`, `${token}A`, 'wg_', `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`]) {
    const got = await call(bad);
    assert.equal(got.status, 401, bad);
    assert.match(got.text, /gate's token does not hold/);
  }
  // one that the gateway's own secret signed, but whose time is over
  const secret = readFileSync(join(weir.folder, readdirSync(weir.folder).find((f) => f.endsWith('.gate-secret'))));
  const old = pack({ ...claims, exp: Math.floor(Date.now() / 1000) - 5 });
  const expired = await call(`${old}.${createHmac('sha256', secret).update(old).digest('base64url')}`);
  assert.equal(expired.status, 401);
  assert.match(expired.text, /expired 5 s ago/);
  weir.must('key', 'revoke', claims.by);
  const orphan = await call(token);
  assert.equal(orphan.status, 401);
  assert.match(orphan.text, /opens nothing any more/);
  assert.equal(JSON.stringify(await sim.calls()).includes('wg_'), false, 'no token reached the provider');
});

test('what stands in the way is said, and is no admission', async () => {
  const dev = await gate(job({ WEIR_KEY: weir.key() }));
  assert.equal(dev.status, 3);
  assert.match(dev.err, /not one of CI: make one by `weir key create/);
  const shallow = await gate(job({ WEIR_KEY: ciKey, GITHUB_BASE_REF: 'elsewhere' }));
  assert.equal(shallow.status, 1);
  assert.match(shallow.err, /origin\/elsewhere has no common commit with HEAD in this clone: fetch it/);
  const nobody = await gate(job({ WEIR_KEY: 'wk_unknown' }));
  assert.equal(nobody.status, 1);
  assert.match(nobody.err, /not known here/);
  const away = await gate(job({ WEIR_KEY: 'wk_x', WEIR_URL: 'http://127.0.0.1:1' }));
  assert.equal(away.status, 1);
});

test('without a gateway the gates of the settings decide, and there is no token', () => {
  const env = cleanEnvironment({ HOME: repo, ...job(), WEIR_URL: '', SIM_CREDENTIAL: 'x' });
  const good = spawnSync(WEIR, ['gate', '--config', weir.file], { cwd: repo, env, encoding: 'utf8' });
  assert.equal(good.status, 0, good.stderr);
  assert.equal(good.stdout, '');
  const bad = spawnSync(WEIR, ['gate', '--config', weir.file, '--set', 'trigger=push'], { cwd: repo, env, encoding: 'utf8' });
  assert.equal(bad.status, 3);
  assert.match(bad.stderr, /pull requests only/);
});

test('the secret is its owner\'s alone', () => {
  const name = readdirSync(weir.folder).find((f) => f.endsWith('.gate-secret'));
  assert.equal(execFileSync('stat', ['-c', '%a', join(weir.folder, name)], { encoding: 'utf8' }).trim(), '600');
});

test('another secret in the settings holds from the reload on; one that cannot be had changes nothing', async () => {
  const key = weir.newKey('--role', 'agent', '--user', 'ci@example.com', '--set', 'environment=ci');
  const token = async () => (await gate(job({ WEIR_KEY: key }))).out;
  const change = async (settings, told) => {
    const before = weir.output().split(told).length;
    writeFileSync(weir.file, settings);
    weir.child.kill('SIGHUP');
    await until(() => weir.output().split(told).length > before, told);
  };
  const settings = weir.config();
  const old = await token();
  assert.equal((await call(old)).status, 200);
  const file = join(weir.folder, 'secret');
  writeFileSync(file, 'another-secret-that-is-long-enough-to-sign-with\n', { mode: 0o600 });
  await change(`${settings}gate_token: {secret: "file:${file}"}\n`, 'gate.secret_changed');
  await until(async () => (await call(old)).status === 401, 'the token before is refused');
  const fresh = await token();
  assert.equal((await call(fresh)).status, 200);
  await change(`${settings}gate_token: {secret: "file:${file}.gone"}\n`, 'settings.kept');
  assert.equal((await call(fresh)).status, 200);
  await change(settings, 'gate.secret_changed');
  await until(async () => (await call(fresh)).status === 401, 'it is the first one again');
});

test('the workflow files for CI systems are YAML, and each asks the gate before the agent', () => {
  const folder = join(ROOT, 'packaging/ci');
  const files = readdirSync(folder);
  assert.equal(files.length, 5);
  for (const file of files) {
    const text = readFileSync(join(folder, file), 'utf8');
    assert.ok(text.indexOf('weir gate') >= 0 || text.indexOf('"$WEIR" gate') >= 0, file);
    const asked = Math.max(text.indexOf('weir gate)'), text.indexOf('"$WEIR" gate)'));
    assert.ok(asked > 0 && asked < text.lastIndexOf('sh -c'), file);
    if (!file.endsWith('.yml')) continue;
    const parsed = spawnSync('python3', ['-c', 'import sys, yaml; d = yaml.safe_load(open(sys.argv[1])); assert isinstance(d, dict)', join(folder, file)], { encoding: 'utf8' });
    if (/No module named/.test(parsed.stderr)) continue;
    assert.equal(parsed.status, 0, `${file}: ${parsed.stderr}`);
  }
});
