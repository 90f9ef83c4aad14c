// Signing in to the console: by a key, at an issuer, and what a browser's session may and may not.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startSim, startWeir, stopAll } from './lib/harness.mjs';
import { startIssuer } from './lib/issuer.mjs';

let sim, weir, issuer, owner, developer;

before(async () => {
  sim = await startSim();
  issuer = await startIssuer();
  issuer.addKey('k1');
  weir = await startWeir({
    sim,
    env: { CONSOLE_SECRET: 'a-client-secret' },
    extra: `issuers:
  - name: corp
    issuer: "${issuer.url}"
    audience: weir-tokens
    role: developer
    client_id: weir-console
    client_secret: env:CONSOLE_SECRET
    roles: {platform: operator, finance: viewer}
    retry: 100ms
  - {name: ci, issuer: "https://ci.example.com", audience: weir}
`,
  });
  owner = weir.newKey('--role', 'owner', '--user', 'olga@example.com');
  developer = weir.newKey('--role', 'developer', '--user', 'dev@example.com');
  await new Promise((done) => setTimeout(done, 300));
});
after(async () => {
  await stopAll();
  await issuer.stop();
});

/** As much of a browser as this needs: it keeps cookies and follows no redirect by itself. */
class Browser {
  cookies = new Map();
  async ask(path, { method = 'GET', body, headers = {}, page = true } = {}) {
    const answer = await fetch(path.startsWith('http') ? path : `${weir.console}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        ...(this.cookies.size ? { cookie: [...this.cookies].map(([n, v]) => `${n}=${v}`).join('; ') } : {}),
        ...(body ? { 'content-type': 'application/json' } : {}),
        ...(page && method !== 'GET' ? { 'x-weir-console': '1' } : {}),
        ...headers,
      },
      body: body && JSON.stringify(body),
    });
    this.lines = answer.headers.getSetCookie();
    for (const line of this.lines) {
      const [, name, value, rest] = line.match(/^([^=]+)=([^;]*)(.*)$/);
      if (/Max-Age=0/.test(rest)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, json: /json/.test(answer.headers.get('content-type')) ? JSON.parse(text) : null };
  }
  key(key) {
    return this.ask('/api/v1/signin', { method: 'POST', body: { key } });
  }
}

test('by a key: a cookie that scripts and other sites do not get, and what the key may', async () => {
  const b = new Browser();
  assert.deepEqual((await b.ask('/api/v1/signin')).json, {
    signed_in: false, user: null, role: null, needed: false,
    issuers: [{ name: 'corp', url: '/signin/oidc?issuer=corp' }],
  });
  const put = (options) => b.ask('/api/v1/teams/x', { method: 'PUT', body: { members: ['a@example.com'] }, ...options });
  assert.equal((await put()).status, 401, 'nobody yet');
  assert.equal((await b.key(owner)).status, 200);
  assert.match(b.lines[0], /^weir_session_\d+=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
  assert.ok(!b.lines[0].includes(owner.slice(3, 20)), 'the key is not in it');
  assert.equal((await b.ask('/api/v1/me')).json.role, 'owner');
  assert.equal((await b.ask('/api/v1/me')).json.user, 'olga@example.com');
  assert.equal((await put()).status, 200);
  const changes = (await b.ask('/api/v1/audit')).json.changes;
  assert.match(changes.find((c) => c.action === 'team.put').actor, /^olga@example\.com \(k_/);
  assert.ok(changes.some((c) => c.action === 'console.signin') || (await new Promise((done) => setTimeout(done, 500))) || (await b.ask('/api/v1/audit')).json.changes.some((c) => c.action === 'console.signin'));

  // a form of another site, and a page on another port of this machine
  assert.equal((await put({ page: false })).status, 403);
  assert.equal((await put({ headers: { origin: 'http://127.0.0.1:1' } })).status, 403);
  assert.equal((await b.ask('/api/v1/signin', { method: 'POST', body: { key: owner }, page: false })).status, 400);

  assert.equal((await b.ask('/api/v1/signout', { method: 'POST', body: {} })).status, 200);
  assert.equal(b.cookies.size, 0);
  assert.equal((await put()).status, 401);
});

test('a developer who signed in sees their own; what a key may no more, its session may not either', async () => {
  const b = new Browser();
  const made = (await b.ask('/api/v1/keys', { method: 'POST', body: { user: 'gone@example.com', role: 'operator' }, headers: { 'x-weir-key': owner } })).json;
  assert.equal((await b.key(made.key)).status, 200);
  assert.equal((await b.ask('/api/v1/me')).json.role, 'operator');
  assert.equal((await new Browser().ask(`/api/v1/keys/${made.id}`, { method: 'DELETE', headers: { 'x-weir-key': owner } })).status, 200);
  assert.equal((await b.ask('/api/v1/me')).json.user, null, 'on loopback: anybody again');
  assert.equal((await b.ask('/api/v1/freeze', { method: 'POST', body: { org: true } })).status, 401);

  assert.equal((await b.key(developer)).status, 200);
  assert.equal((await b.ask('/api/v1/me')).json.sees_all, false);
  assert.equal((await b.ask('/api/v1/audit')).status, 403);
  const mixed = await b.ask('/api/v1/me', { headers: { 'x-weir-key': owner } });
  assert.equal(mixed.json.role, 'owner', 'a key that is sent counts more than the cookie');
  b.cookies.set([...b.cookies.keys()][0], 'A'.repeat(43));
  assert.equal((await b.ask('/api/v1/me')).json.user, null);
});

test('at an issuer: code flow with PKCE; groups are roles; the session is for this site alone', async () => {
  const b = new Browser();
  const away = await b.ask('/signin/oidc?issuer=corp&to=%2Fsessions%3Fstate%3Dpaused');
  assert.equal(away.status, 302, away.text);
  assert.match(b.lines[0], /^weir_signin_\d+=[\w-]{43}; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/);
  const asked = Object.fromEntries(new URL(away.headers.get('location')).searchParams);
  assert.equal(asked.response_type, 'code');
  assert.equal(asked.client_id, 'weir-console');
  assert.equal(asked.redirect_uri, `${weir.console}/signin/callback`);
  assert.equal(asked.code_challenge_method, 'S256');
  assert.match(asked.code_challenge, /^[\w-]{43}$/);
  assert.equal(asked.scope, 'openid email profile');
  const back = issuer.consent(away.headers.get('location'), 'k1', { email: 'pat@example.com', email_verified: true, groups: ['finance', 'platform', 'x'], sub: '7' }, { secret: 'a-client-secret' });
  const arrived = await b.ask(back);
  assert.equal(arrived.status, 200, arrived.text);
  assert.match(arrived.text, /<meta http-equiv=refresh content="0;url=\/sessions\?state=paused">/);
  assert.match(b.lines.join('\n'), /weir_session_\d+=[\w-]{43}; .*SameSite=Strict/);
  assert.match(arrived.headers.get('content-security-policy'), /default-src 'none'/);
  const me = (await b.ask('/api/v1/me')).json;
  assert.deepEqual([me.user, me.role, me.key], ['pat@example.com', 'operator', 'issuer:corp']);
  assert.equal((await b.ask('/api/v1/teams/y', { method: 'PUT', body: { members: [] } })).status, 200);
  const changes = (await b.ask('/api/v1/audit')).json.changes;
  assert.equal(changes.find((c) => c.action === 'team.put').actor, 'pat@example.com (issuer:corp)');
  assert.equal((await b.ask(back)).status, 400, 'a way back is gone once');

  const plain = new Browser();
  const second = await plain.ask('/signin/oidc?issuer=corp');
  const answer = await plain.ask(issuer.consent(second.headers.get('location'), 'k1', { email: 'eve@example.com', email_verified: false, preferred_username: 'eve', groups: 'finance' }, { secret: 'a-client-secret' }));
  assert.equal(answer.status, 200);
  const eve = (await plain.ask('/api/v1/me')).json;
  assert.deepEqual([eve.user, eve.role], ['eve', 'viewer'], 'an address that was not verified is nobody\'s');
});

test('what does not hold: another browser, another nonce, audience, key, issuer, page', async () => {
  const secret = { secret: 'a-client-secret' };
  const go = async (claims, how = secret, kid = 'k1') => {
    const b = new Browser();
    const away = await b.ask('/signin/oidc?issuer=corp');
    const got = await b.ask(issuer.consent(away.headers.get('location'), kid, { email: 'm@example.com', ...claims }, how));
    assert.equal((await b.ask('/api/v1/me')).json.user, null, got.text);
    return got;
  };
  assert.match((await go({ nonce: 'another' })).text, /another sign-in/);
  assert.match((await go({ aud: 'weir-tokens' })).text, /another audience/);
  assert.match((await go({ exp: 1 })).text, /expired/);
  assert.match((await go({ iss: 'https://evil.example' })).text, /another issuer/);
  assert.equal((await go({}, { secret: 'wrong' })).status, 502);
  issuer.addKey('k9');
  assert.match((await go({}, { ...secret, header: { kid: 'k1' } }, 'k9')).text, /signature/);

  const first = new Browser();
  const thief = new Browser();
  const away = await first.ask('/signin/oidc?issuer=corp');
  const back = issuer.consent(away.headers.get('location'), 'k1', { email: 'm@example.com' }, secret);
  assert.equal((await thief.ask(back)).status, 400, 'begun in another browser');
  assert.equal((await first.ask(`/signin/callback?state=${new URL(away.headers.get('location')).searchParams.get('state')}&error=access_denied&error_description=%3Cscript%3Ealert(1)%3C%2Fscript%3E`)).text.includes('<script>'), false);
  for (const to of ['//evil.example', '/\\evil.example', 'https://evil.example', '/%22onload', 'javascript:alert(1)']) {
    const b = new Browser();
    const left = await b.ask(`/signin/oidc?issuer=corp&to=${encodeURIComponent(to)}`);
    const page = await b.ask(issuer.consent(left.headers.get('location'), 'k1', { email: 'm@example.com' }, secret));
    assert.match(page.text, /content="0;url=(\/|\/%22onload)">/, to);
  }
  assert.equal((await first.ask('/signin/oidc?issuer=ci')).status, 404, 'an issuer without a client');
  assert.equal((await first.ask('/signin/oidc')).status, 404);
});

test('every answer has the headers that keep other sites out', async () => {
  for (const path of ['/', '/api/v1/me', '/api/v1/nothing', '/metrics', '/healthz', '/signin/callback']) {
    const { headers } = await new Browser().ask(path);
    assert.match(headers.get('content-security-policy'), /default-src 'none'/, path);
    assert.match(headers.get('content-security-policy'), /frame-ancestors 'none'/, path);
    assert.doesNotMatch(headers.get('content-security-policy'), /unsafe/, path);
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
    assert.equal(headers.get('x-frame-options'), 'DENY', path);
    assert.equal(headers.get('referrer-policy'), 'no-referrer', path);
    assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin', path);
  }
});

test('tries are counted', async () => {
  const b = new Browser();
  for (let i = 0; i < 10; i++) assert.equal((await b.key(`wk_${'x'.repeat(43)}`)).status, 401);
  const limited = await b.key(owner);
  assert.equal(limited.status, 429);
  assert.equal(limited.headers.get('retry-after'), '60');
  assert.equal(b.cookies.size, 0);
  assert.equal((await b.ask('/api/v1/me', { headers: { 'x-weir-key': owner } })).status, 200, 'others are not kept out');
});
