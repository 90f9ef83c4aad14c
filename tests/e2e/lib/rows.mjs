// The ledger of a running gateway, read beside it: tests that wait for single rows would start `weir export` a hundred times.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { until } from './raw.mjs';

const run = promisify(execFile);

/** Rows of an SQL question to the ledger file. */
export async function query(file, sql) {
  const { stdout } = await run('sqlite3', ['-readonly', '-json', '-cmd', '.timeout 2000', file, sql], { maxBuffer: 1 << 28 });
  return stdout.trim() ? JSON.parse(stdout) : [];
}

export const rows = (weir, where = '1') => query(`${weir.folder}/weir.db`, `SELECT * FROM calls WHERE ${where} ORDER BY time_ms`);

/** The one row of the call whose x-weir-task was `task`. */
export async function rowOf(weir, task, ms = 10000) {
  const found = await until(
    async () => {
      const some = await rows(weir, `task='${task}'`);
      return some.length && some;
    },
    `a row of ${task}`,
    ms,
  );
  if (found.length !== 1) throw new Error(`${found.length} rows of ${task}`);
  return found[0];
}

/** One figure of the console's /metrics. */
export async function metric(weir, name) {
  const text = await (await fetch(`${weir.console}/metrics`)).text();
  const match = text.match(new RegExp(`^weir_${name} (\\d+)`, 'm'));
  if (!match) throw new Error(`no weir_${name} in /metrics`);
  return Number(match[1]);
}
