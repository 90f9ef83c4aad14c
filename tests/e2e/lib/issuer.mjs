// An issuer of OpenID Connect tokens on 127.0.0.1, as a CI system has one: discovery, a key set, and tokens.
import { createServer } from 'node:http';
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

export async function startIssuer() {
  const keys = new Map();
  let asked = 0;
  let down = false;
  const codes = new Map(); // of people who signed in: code -> what was asked for, and the token's claims
  const server = createServer(async (request, answer) => {
    const set = request.url === '/jwks';
    if (down) return answer.writeHead(503).end();
    if (request.url === '/token') {
      let text = '';
      for await (const chunk of request) text += chunk;
      const form = Object.fromEntries(new URLSearchParams(text));
      const known = codes.get(form.code);
      codes.delete(form.code);
      const challenge = createHash('sha256').update(form.code_verifier ?? '').digest('base64url');
      const good =
        known && form.grant_type === 'authorization_code' && form.client_id === known.client_id && form.redirect_uri === known.redirect_uri &&
        challenge === known.code_challenge && (form.client_secret ?? '') === (known.secret ?? '');
      issuer.forms.push(form);
      if (!good) return answer.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"invalid_grant"}');
      const { kid, claims, header } = known;
      const bare = Object.fromEntries(['repository', 'ref', 'head_ref', 'event_name', 'workflow', 'sha', 'run_id', 'actor'].map((name) => [name, undefined]));
      const id_token = issuer.token(kid, { ...bare, aud: known.client_id, nonce: known.nonce, ...claims }, header);
      return answer.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ access_token: 'x', token_type: 'Bearer', id_token }));
    }
    if (set) asked++;
    else if (request.url !== '/.well-known/openid-configuration') return answer.writeHead(404).end();
    const body = set
      ? { keys: [...keys].map(([kid, key]) => ({ ...key.publicKey.export({ format: 'jwk' }), kid, use: 'sig' })) }
      : {
          issuer: issuer.url,
          jwks_uri: `${issuer.url}/jwks`,
          authorization_endpoint: `${issuer.url}/authorize`,
          token_endpoint: `${issuer.url}/token`,
        };
    answer.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const issuer = {
    url: `http://127.0.0.1:${server.address().port}`,
    asked: () => asked,
    forms: [],
    /** Somebody says yes on the issuer's page that `location` leads to: the URL that their browser is sent back to. */
    consent: (location, kid, claims, { secret, header } = {}) => {
      const asked = Object.fromEntries(new URL(location).searchParams);
      const code = randomBytes(8).toString('hex');
      codes.set(code, { ...asked, kid, claims, secret, header });
      return `${asked.redirect_uri}?${new URLSearchParams({ code, state: asked.state })}`;
    },
    addKey: (kid, type = 'rsa') =>
      keys.set(kid, type === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', { namedCurve: 'P-256' })),
    dropKey: (kid) => keys.delete(kid),
    setDown: (is) => (down = is),
    /** A token like GitHub Actions'; `claims` override, undefined takes one out. */
    token: (kid, claims = {}, header = {}) => {
      const key = keys.get(kid);
      const now = Math.floor(Date.now() / 1000);
      const alg = key.privateKey.asymmetricKeyType === 'rsa' ? 'RS256' : 'ES256';
      const all = {
        iss: issuer.url,
        aud: 'weir',
        iat: now,
        nbf: now,
        exp: now + 300,
        repository: 'acme/shop',
        ref: 'refs/pull/17/merge',
        head_ref: 'fix/basket',
        event_name: 'pull_request',
        workflow: 'review',
        sha: 'c0ffee',
        run_id: '4242',
        actor: 'ana',
        ...claims,
      };
      const input = `${part({ alg, kid, typ: 'JWT', ...header })}.${part(all)}`;
      return `${input}.${sign('sha256', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
    },
    stop: () => new Promise((done) => server.close(done)),
  };
  return issuer;
}
