// The short form of tests/soak/kill9.test.mjs.
import { after, test } from 'node:test';
import { killAgainAndAgain } from '../lib/kill9.mjs';
import { stopAll } from '../lib/harness.mjs';

after(stopAll);

test('two kills under 100 streams: every call is booked once', (t) => killAgainAndAgain({ kills: 2, streams: 100, maxMs: 1200, say: (line) => t.diagnostic(line) }));
