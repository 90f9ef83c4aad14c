#!/usr/bin/env python3
"""Writes data/bpe/*.ranks: the tokens of OpenAI's public encodings, out of the npm package `tiktoken` of tools/bpe's lock file.

usage: tools/make-ranks.py [--check]     (after: npm ci in tools/bpe, which `make deps` does)

The build reads these files and needs neither npm nor a network; --check tells whether they are what the package has.

A .ranks file is every token in the order of its id, from 0 without a gap: one byte of length, then the token's bytes.
"""
import base64
import json
import os
import sys

PACKAGE = "tools/bpe/node_modules/tiktoken/encoders"
ENCODINGS = ("cl100k_base", "o200k_base")


def ranks(name):
    with open(os.path.join(PACKAGE, name + ".json"), encoding="utf-8") as file:
        lines = json.load(file)["bpe_ranks"].splitlines()
    out, next_id = bytearray(), 0
    for line in lines:
        mark, first, *tokens = line.split(" ")
        if mark != "!" or int(first) != next_id:
            sys.exit(f"{name}: ids are not without a gap at {next_id}")
        for token in tokens:
            raw = base64.b64decode(token)
            out += bytes([len(raw)]) + raw
        next_id += len(tokens)
    return bytes(out)


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    if not os.path.isdir(PACKAGE):
        sys.exit(f"{PACKAGE} is missing: run \"make deps\"")
    differ = 0
    for name in ENCODINGS:
        path, data = f"data/bpe/{name}.ranks", ranks(name)
        if sys.argv[1:] == ["--check"]:
            with open(path, "rb") as file:
                if file.read() != data:
                    print(f"{path} is not what the package has: tools/make-ranks.py")
                    differ = 1
        else:
            os.makedirs("data/bpe", exist_ok=True)
            with open(path, "wb") as file:
                file.write(data)
    return differ


if __name__ == "__main__":
    sys.exit(main())
