// An issuer of OpenID Connect tokens on 127.0.0.1, as a CI system has one: discovery, a key set, and tokens.
import { createServer } from 'node:http';
import { generateKeyPairSync, sign } from 'node:crypto';

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

export async function startIssuer() {
  const keys = new Map();
  let asked = 0;
  let down = false;
  const server = createServer((request, answer) => {
    const set = request.url === '/jwks';
    if (down) return answer.writeHead(503).end();
    if (set) asked++;
    else if (request.url !== '/.well-known/openid-configuration') return answer.writeHead(404).end();
    const body = set
      ? { keys: [...keys].map(([kid, key]) => ({ ...key.publicKey.export({ format: 'jwk' }), kid, use: 'sig' })) }
      : { issuer: issuer.url, jwks_uri: `${issuer.url}/jwks` };
    answer.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const issuer = {
    url: `http://127.0.0.1:${server.address().port}`,
    asked: () => asked,
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
