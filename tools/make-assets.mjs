// Compresses the files of OUT/dist into OUT/packed and writes OUT/assets.h, the table that src/gateway/console_assets.c is
// compiled with:
//
//   ASSET(number, "path", "content type", "entity tag", is its name made of its content?, bytes as they are)
//
// usage: node tools/make-assets.mjs OUT
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

const out = process.argv[2];
if (!out) {
  process.stderr.write('usage: node tools/make-assets.mjs OUT\n');
  process.exit(2);
}
const dist = join(out, 'dist');
const packed = join(out, 'packed');
rmSync(packed, { recursive: true, force: true });
mkdirSync(packed, { recursive: true });

const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(dist.length + 1))
  .sort();
const rows = files.map((file, n) => {
  const type = TYPES[extname(file)];
  if (!type) throw new Error(`${file}: tools/make-assets.mjs knows no content type for it`);
  if (!/^[\w./-]+$/.test(file)) throw new Error(`${file}: a name that does not go into a C string`);
  const bytes = readFileSync(join(dist, file));
  writeFileSync(join(packed, `${n}.gz`), gzipSync(bytes, { level: 9 }));
  writeFileSync(
    join(packed, `${n}.br`),
    brotliCompressSync(bytes, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
    }),
  );
  const tag = createHash('sha256').update(bytes).digest('hex').slice(0, 20);
  const path = file === 'index.html' ? '/' : `/${file}`;
  return `ASSET(${n}, "${path}", "${type}", "${tag}", ${file.startsWith('assets/')}, ${bytes.length})\n`;
});
writeFileSync(join(out, 'assets.h.new'), rows.join(''));
renameSync(join(out, 'assets.h.new'), join(out, 'assets.h'));
