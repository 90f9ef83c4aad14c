// Writes tests/wire/bpe/vectors.jsonl: texts with the ids that tiktoken gives them. usage: node tools/bpe/vectors.mjs [N]
// (after npm ci in tools/bpe); with N, that many texts go to standard output instead, for a longer comparison.
import fs from "node:fs";
import { get_encoding } from "tiktoken";

const TOP = new URL("../../", import.meta.url);
const PARTS = [
  "a", "b", "e", "A", "B", "I", "s", "t", "ll", "re", "ve", "'", "'s", "'S", "'\u017f", "\u017f", "'LL", "'re", "'Ve", "m", "d", " ",
  "  ", "   ", "\n", "\r\n", "\r", "\t", "\v", "\u00a0", "\u3000", "\u2028", "\u0085", "/", "//", "{", "}", "!", "...", "-", "=", "==",
  "1", "12", "2024", "\u0663", "\u2167", "\u00bd", "\u00e9", "\u00c9", "e\u0301", "\u0301", "\u0300\u0301", "\u4e2d", "\u6587",
  "\u65e5\u672c\u8a9e", "\u3072\u3089\u304c\u306a", "\u30fc", "\ud55c\uad6d", "\u01c5", "\u02b0", "\u03a9", "\u044f", "\u042f", "\u05e9",
  "\u0627", "\u0915\u094d\u0937", "\u0e44\u0e17\u0e22", "\u{1f680}", "\u{1f469}\u200d\u{1f467}", "\u200d", "\ufe0f", "\u{e0101}",
  "\u{1d400}", "\u{20000}", "\u{10ffff}", "\ue000", "\0", "\u007f", "_", "the", "Hello", "World", "function", "return", "<|endoftext|>",
  "<|fim_prefix|>", "\u034f", "\ufb01", "\u0130", "\u0131", "\u212a", "\u{1f1e6}", "\u1e9e", "\ufffd",
];
const LONG = [["a", 9000], [" ", 9000], ["=", 8200], ["\n", 300], ["ab", 4600], ["\u7684", 2900], ["0", 100], ["aAb", 3000]];

let state = 88172645463325252n;
function random(n) {
  state ^= (state << 13n) & 0xffffffffffffffffn;
  state ^= state >> 7n;
  state ^= (state << 17n) & 0xffffffffffffffffn;
  return Number(state % BigInt(n));
}
const one = (list) => list[random(list.length)];

// A few parts that come again, and now and then another.
function made(i) {
  const few = Array.from({ length: 1 + random(6) }, () => one(PARTS));
  return Array.from({ length: 1 + random(i % 10 ? 12 : 60) }, () => one(random(3) ? few : PARTS)).join("");
}

function* texts(count) {
  for (let i = 0; i < count; i++) yield made(i);
  for (const [part, times] of LONG) yield part.repeat(times);
  yield* fs.readFileSync(new URL("tests/wire/bpe/sentences.txt", TOP), "utf8").trim().split("\n");
}

const o200k = get_encoding("o200k_base");
const cl100k = get_encoding("cl100k_base");
const lines = Array.from(texts(Number(process.argv[2] ?? 500)), (text) =>
  JSON.stringify({
    text,
    o200k_base: Array.from(o200k.encode_ordinary(text)),
    cl100k_base: Array.from(cl100k.encode_ordinary(text)),
  }),
);
fs.writeFileSync(process.argv[2] ? 1 : new URL("tests/wire/bpe/vectors.jsonl", TOP), lines.join("\n") + "\n");
