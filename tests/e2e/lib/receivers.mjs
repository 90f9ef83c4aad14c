// Where alerts are sent to in the tests: a webhook and a mail server on 127.0.0.1, which keep what they got.
import { createHmac } from 'node:crypto';
import http from 'node:http';
import net from 'node:net';

const listen = (server, port) => new Promise((done, fail) => server.once('error', fail).listen(port, '127.0.0.1', done));

/** A webhook. `status` may be changed while it runs; `port` lets one come back where it was. */
export async function startHook({ status = 200, port = 0 } = {}) {
  const hook = { got: [], status };
  const server = http.createServer((request, answer) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      hook.got.push({ path: request.url, headers: request.headers, text, body: JSON.parse(text), at: Date.now(), status: hook.status });
      const headers = hook.status === 302 ? { location: `${hook.url}/elsewhere` } : {};
      answer.writeHead(hook.status, headers).end(hook.status < 300 ? 'ok' : 'no: sk-ant-api03-not-for-logs-0123456789abcdef');
    });
  });
  await listen(server, port);
  hook.port = server.address().port;
  hook.url = `http://127.0.0.1:${hook.port}`;
  /** What was taken of a path: [{event, ...alert}], oldest first. */
  hook.alerts = (path) => hook.got.filter((m) => m.path === path && m.status < 300).flatMap((m) => m.body.alerts);
  hook.stop = () =>
    new Promise((done) => {
      server.close(done);
      server.closeAllConnections();
    });
  return hook;
}

/** As docs/alerts.md tells a receiver to check it. */
export function signatureHolds(message, secret) {
  const time = message.headers['x-weir-timestamp'];
  const wanted = `v1=${createHmac('sha256', secret).update(`${time}.${message.text}`).digest('hex')}`;
  return message.headers['x-weir-signature'] === wanted && Math.abs(Date.now() / 1000 - Number(time)) < 300;
}

/** A mail server that knows the commands that are needed; {mails: [{from, to, text}]}. */
export async function startMail() {
  const mail = { mails: [] };
  const server = net.createServer((socket) => {
    let buffered = '';
    let current = { to: [] };
    let data = false;
    const say = (line) => socket.write(`${line}\r\n`);
    const command = (line) => {
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === 'EHLO') return say('250-mail\r\n250 SIZE 1000000');
      if (verb === 'MAIL') current = { from: line.match(/<(.*?)>/)[1], to: [] };
      if (verb === 'RCPT') current.to.push(line.match(/<(.*?)>/)[1]);
      if (verb === 'DATA') {
        data = true;
        return say('354 go on');
      }
      if (verb === 'QUIT') return socket.end('221 bye\r\n');
      return say('250 ok');
    };
    say('220 mail ESMTP');
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      buffered += chunk.toString('latin1');
      for (;;) {
        const end = data ? buffered.indexOf('\r\n.\r\n') : buffered.indexOf('\r\n');
        if (end < 0) return;
        const line = buffered.slice(0, end);
        buffered = buffered.slice(end + (data ? 5 : 2));
        if (!data) {
          command(line);
          continue;
        }
        data = false;
        mail.mails.push({ ...current, text: line });
        say('250 taken');
      }
    });
  });
  await listen(server, 0);
  mail.url = `smtp://127.0.0.1:${server.address().port}`;
  mail.stop = () => new Promise((done) => server.close(done));
  return mail;
}

/** Headers (unfolded, by lower-case name, each once or it throws) and the decoded body of a mail. */
export function readMail(text) {
  const [head, body] = text.split(/\r\n\r\n([^]*)/);
  const headers = {};
  for (const line of head.replace(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    const [, name, value] = line.match(/^([A-Za-z-]+): ?(.*)$/);
    if (name.toLowerCase() in headers) throw new Error(`two headers ${name}`);
    headers[name.toLowerCase()] = value;
  }
  const words = (headers.subject ?? '').split(' ').map((w) => Buffer.from(w.match(/^=\?UTF-8\?B\?(.*)\?=$/)[1], 'base64'));
  return { headers, subject: Buffer.concat(words).toString('utf8'), body: Buffer.from(body, 'base64').toString('utf8') };
}
