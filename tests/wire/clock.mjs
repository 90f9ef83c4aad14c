// The clock of a gateway under test: shift-clock.c, built and preloaded.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../e2e/lib/harness.mjs';

/** An environment in which a program's wall clock stands at `time` (milliseconds) now. */
export function clockAt(time, folder) {
  const library = join(folder, 'shift-clock.so');
  const done = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, join(ROOT, 'tests/wire/shift-clock.c'), '-ldl'], { encoding: 'utf8' });
  assert.equal(done.status, 0, done.stderr);
  return { LD_PRELOAD: library, WEIR_SHIFT_SECONDS: String(Math.round((time - Date.now()) / 1000)), ASAN_OPTIONS: 'verify_asan_link_order=0' };
}
