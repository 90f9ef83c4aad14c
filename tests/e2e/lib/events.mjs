// A reader of server-sent events over plain HTTP, so that a test sees ids, heartbeats and when the stream ends.
import { request } from 'node:http';

/** {next(test) -> the next message that fits, all: [], beats, closed, status, stop()} */
export function listen(url, headers = {}) {
  return new Promise((done, fail) => {
    const asked = request(url, { headers }, (answer) => {
      const waiting = [];
      let rest = '';
      const reader = {
        status: answer.statusCode,
        headers: answer.headers,
        all: [],
        beats: 0,
        closed: false,
        bytes: 0,
        pause: () => answer.pause(),
        stop: () => asked.destroy(),
        next: (fits = () => true, ms = 8000) =>
          new Promise((found, late) => {
            const seen = reader.all.slice(reader.taken).findIndex(fits);
            if (seen >= 0) {
              reader.taken += seen + 1;
              return found(reader.all[reader.taken - 1]);
            }
            reader.taken = reader.all.length;
            const timer = setTimeout(() => late(new Error(`no such event in ${ms} ms: ${JSON.stringify(reader.all.at(-1))?.slice(0, 500)}`)), ms);
            waiting.push({ fits, found, timer });
          }),
        taken: 0,
      };
      answer.setEncoding('utf8');
      answer.on('data', (chunk) => {
        reader.bytes += chunk.length;
        rest += chunk;
        for (let at; (at = rest.indexOf('\n\n')) >= 0; rest = rest.slice(at + 2)) {
          const block = rest.slice(0, at);
          if (block.startsWith(':')) {
            reader.beats++;
            continue;
          }
          const field = (name) => block.match(new RegExp(`^${name}: (.*)$`, 'm'))?.[1];
          const message = { id: field('id'), event: field('event'), data: JSON.parse(field('data')) };
          reader.all.push(message);
          for (const w of waiting.filter((w) => w.fits(message))) {
            waiting.splice(waiting.indexOf(w), 1);
            clearTimeout(w.timer);
            reader.taken = reader.all.length;
            w.found(message);
          }
        }
      });
      answer.on('close', () => (reader.closed = true));
      answer.on('error', () => (reader.closed = true));
      done(reader);
    });
    asked.on('error', fail);
    asked.end();
  });
}
