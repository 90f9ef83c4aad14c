// The speed of tiktoken and gpt-tokenizer over a text, for bench/bench_bpe.c.
// usage: node tools/bpe/bench.mjs ENCODING FILE; prints a line: tokens, then MB/s of the first pass and of the median one, for each.
import fs from "node:fs";
import { get_encoding } from "tiktoken";

const RUNS = 3;
const [encoding, path] = process.argv.slice(2);
const text = fs.readFileSync(path, "utf8");
const bytes = fs.statSync(path).size;
const plain = await import(`gpt-tokenizer/encoding/${encoding}`);
const tiktoken = get_encoding(encoding);

function measure(encode) {
  const took = [];
  let tokens = 0;
  for (let i = 0; i < RUNS; i++) {
    const start = process.hrtime.bigint();
    tokens = encode(text).length;
    took.push(Number(process.hrtime.bigint() - start));
  }
  const rate = (ns) => ((bytes / ns) * 1e3).toFixed(2);
  return [tokens, rate(took[0]), rate(took.sort((a, b) => a - b)[RUNS >> 1])];
}

const theirs = measure((t) => tiktoken.encode_ordinary(t));
const others = measure((t) => plain.encode(t, { disallowedSpecial: new Set() }));
console.log([...theirs, ...others].join(" "));
