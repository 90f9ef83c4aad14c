// kill -9 under 500 concurrent streams, ten times at random moments.
import { after, test } from 'node:test';
import { killAgainAndAgain } from '../e2e/lib/kill9.mjs';
import { stopAll } from '../e2e/lib/harness.mjs';

after(stopAll);

test('ten kills under 500 streams: the two books agree after each restart', () => killAgainAndAgain({ kills: 10, streams: 500, maxMs: 4000 }));
