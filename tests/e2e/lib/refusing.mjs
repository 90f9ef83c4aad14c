// How each kind of refusal is brought about by what a user of Weir may do: the kill switch, a revoked key, changed settings.
// Between client and Weir stands a proxy that counts requests, and that for `unmetered` asks for a path that cannot be metered,
// which no agent does by itself. What `directive` of it is set to goes to the simulated provider with each request; `headers` of it are added to each.
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import { startWeir } from './harness.mjs';
import { STREAM, dial, post, sleep, until } from './raw.mjs';

const proxies = new Set();

/** Other settings, in force when this returns. */
export async function change(weir, edit) {
  const before = weir.output().split('settings.loaded').length;
  writeFileSync(weir.file, typeof edit === 'string' ? `${weir.config()}\n${edit}\n` : edit(weir.config()));
  weir.child.kill('SIGHUP');
  await until(() => weir.output().split('settings.loaded').length > before, 'the settings are in force');
}

const must = (done) => {
  if (done.status !== 0) throw new Error(done.stderr);
};

/** Another call of the same user, that is let through; `more` of its headers. It ends when its line is destroyed, or sooner. */
export async function ask(weir, sim, ...more) {
  const { started } = await sim.books();
  const line = dial(weir.direct);
  await line.write(post('/v1/messages', weir.firstKey, STREAM, ['x-weir-session: other', ...more]));
  weir.lines.push(line);
  await until(async () => (await sim.books()).started > started, 'it runs');
}

// status, what the message says, wait: it has Retry-After; now(weir, sim): from here on calls are refused; long: of a request that is long
export const KINDS = {
  frozen: { status: 402, says: /^.*Frozen: user ana@example[.]com, by .*\(a loop\).*weir unfreeze --user ana@example[.]com/,
    now: async (weir) => must(weir.run('freeze', '--user', 'ana@example.com', '--reason', 'a loop')) },
  budget: { status: 402, says: /Budget \\?"dev-day\\?" of ana@example[.]com.*Resets .*weir budget override dev-day/,
    now: (weir) => change(weir, 'budgets:\n  - {name: dev-day, each: user, window: day, limit: 0.0001 USD, override: {up_to: 5 USD}}') },
  storm: { status: 402, says: /session \S+ is paused: a loop.*weir session resume \S+ --reason/,
    now: async (weir) => {
      const { session } = (await weir.ledgerOf(1)).findLast((row) => row.session);
      await until(() => weir.run('session', 'pause', session, '--reason', 'a loop').status === 0, 'the session is in the ledger');
      await sleep(1500); // another process wrote it: the gateway looks each second
    } },
  gate: { status: 402, says: /agents rest at night/,
    now: (weir) => change(weir, 'gates:\n  - {name: night, deny: "agents rest at night"}') },
  unpriced: { status: 402, says: /price/i, // whose models the price book does not know
    now: (weir) => change(weir, (settings) => settings.replaceAll(', credential:', ', vendor: acme, credential:')) },
  unmetered: { status: 402, says: /cannot meter.*unmetered: allow/, now: async (weir) => (weir.unmetered = true) },
  identity: { status: 401, says: /key/i, now: async (weir) => must(weir.run('key', 'revoke', weir.firstKey)) },
  context: { status: 402, says: /Context too large: \d+ tokens, the limit \\?"short\\?" is 300.*compact the conversation/, long: true,
    now: (weir) => change(weir, 'context: [{name: short, limits: {tokens: 300}}]') },
  quota: { status: 429, says: /Quota \\?"few\\?" of ana@example[.]com is used up: 1 requests an hour/, wait: true,
    now: async (weir, sim) => {
      await change(weir, 'limits: {hold_back: 500ms}\nquotas:\n  - {name: few, each: user, requests: 1/hour}');
      await ask(weir, sim); // the one that there is
    } },
  size: { status: 413, says: /[Rr]equest too large: .*limits[.]body.*compact the conversation/, long: true, now: (weir) => change(weir, 'limits: {body: 24KB}') },
  overload: { status: 503, says: /too many calls/, wait: true,
    now: async (weir, sim) => {
      await ask(weir, sim, 'x-sim: delay=600000'); // which takes all the room there is
      await change(weir, 'limits: {calls: 1}');
    } },
};

/** Weir behind a counting proxy: {…startWeir, url (the proxy's), direct, requests()}. */
export async function startRefusing(sim) {
  const weir = await startWeir({ sim });
  const direct = weir.url;
  let requests = 0;
  const proxy = http.createServer((request, answer) => {
    let path = request.url;
    if (request.method === 'POST') {
      requests++;
      if (weir.unmetered) path = path.replace(/^(?=\/)/, '/p/anthropic').replace(/(messages|completions|responses|models\/[^?]*)/, '$1x/unheard-of');
    }
    const up = http.request(direct + path, { method: request.method, headers: { ...request.headers, ...(weir.directive && { 'x-sim': weir.directive }), ...weir.headers, host: new URL(direct).host } }, (from) => {
      answer.writeHead(from.statusCode, from.headers);
      from.pipe(answer);
    });
    up.on('error', () => answer.destroy());
    answer.on('close', () => up.destroy());
    request.pipe(up);
  });
  await new Promise((done) => proxy.listen(0, '127.0.0.1', done));
  proxies.add(proxy);
  const stop = weir.stop;
  return Object.assign(weir, {
    direct,
    url: `http://127.0.0.1:${proxy.address().port}`,
    lines: [],
    requests: () => requests,
    stop: async () => {
      for (const line of weir.lines) line.destroy();
      proxy.closeAllConnections();
      proxy.close();
      proxies.delete(proxy);
      return stop();
    },
  });
}
process.on('exit', () => {
  for (const proxy of proxies) proxy.close();
});
