#!/usr/bin/env python3
"""Writes src/text/uniclass_table.c: the classes of characters that token encodings tell apart.

usage: tools/make-unicode.py [--check]     (Debian's package unicode-data; the file made is committed, so a build does not need it)

--check tells whether the committed file is what the package says, and is content when the package is not there.
"""
import os
import sys

SOURCE = "/usr/share/unicode"
OUT = "src/text/uniclass_table.c"
BLOCK = 128
CLASSES = {"Lu": "UPPER", "Lt": "UPPER", "Ll": "LOWER", "Lm": "CASELESS", "Lo": "CASELESS", "Mn": "MARK", "Mc": "MARK",
           "Me": "MARK", "Nd": "DIGIT", "Nl": "DIGIT", "No": "DIGIT"}
ORDER = ["OTHER", "UPPER", "LOWER", "CASELESS", "MARK", "DIGIT", "SPACE", "NEWLINE"]  # enum uniclass


def lines(name):
    with open(os.path.join(SOURCE, name), encoding="utf-8") as file:
        for line in file:
            line = line.partition("#")[0].strip()
            if line:
                yield [field.strip() for field in line.split(";")]


def classes():
    """The class of every character, and the version of Unicode."""
    at = [0] * 0x110000
    first = None
    for fields in lines("UnicodeData.txt"):
        code, name = int(fields[0], 16), fields[1]
        kind = ORDER.index(CLASSES.get(fields[2], "OTHER"))
        if name.endswith(", First>"):
            first = code
            continue
        for c in range(first if first is not None else code, code + 1):
            at[c] = kind
        first = None
    for span, prop in (fields[:2] for fields in lines("PropList.txt")):
        if prop == "White_Space":
            low, _, high = span.partition("..")
            for c in range(int(low, 16), int(high or low, 16) + 1):
                at[c] = ORDER.index("SPACE")
    at[0x0A] = at[0x0D] = ORDER.index("NEWLINE")
    with open(os.path.join(SOURCE, "PropList.txt"), encoding="utf-8") as file:
        version = file.readline().split("-")[1].rsplit(".", 1)[0]
    return at, version


def rows(items, per_line):
    return "".join("\t" + " ".join(items[i:i + per_line]) + "\n" for i in range(0, len(items), per_line))


def table():
    at, version = classes()
    high = max(c for c in range(0xE0000) if at[c]) // BLOCK * BLOCK + BLOCK
    marks = [c for c in range(high, len(at)) if at[c]]
    if any(at[c] != ORDER.index("MARK") for c in marks) or marks != list(range(marks[0], marks[-1] + 1)):
        sys.exit("beyond the table there is more than one run of marks: uniclass.h knows one")
    blocks, index = [], []
    for start in range(0, high, BLOCK):
        block = tuple(at[start:start + BLOCK])
        if block not in blocks:
            blocks.append(block)
        index.append(f"{blocks.index(block)},")
    if len(blocks) > 255:
        sys.exit("more than 255 blocks")
    words = []
    for block in blocks:
        for i in range(0, BLOCK, 16):
            words.append("0x%x," % sum(kind << 4 * k for k, kind in enumerate(block[i:i + 16])))
    return (f"/* Made by tools/make-unicode.py of Unicode {version} (Debian's unicode-data): not to be edited.\n"
            " * Copyright Unicode, Inc.; https://www.unicode.org/terms_of_use.html */\n"
            '#include "text/uniclass.h"\n\n/* clang-format off */\n'
            f"const uint32_t uniclass_limit = 0x{high:x}, uniclass_mark_first = 0x{marks[0]:x}, uniclass_mark_last = 0x{marks[-1]:x};\n\n"
            f"const uint8_t uniclass_block[0x{high:x} / {BLOCK}] = {{\n{rows(index, 32)}}};\n\n"
            f"const uint64_t uniclass_of[{len(blocks)} * {BLOCK // 16}] = {{\n{rows(words, 8)}}};\n")


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    if not os.path.exists(f"{SOURCE}/UnicodeData.txt"):
        if sys.argv[1:] == ["--check"]:
            return 0
        sys.exit("Debian's package unicode-data is missing: apt-get install unicode-data")
    text = table()
    if sys.argv[1:] == ["--check"]:
        with open(OUT, encoding="utf-8") as file:
            if file.read() != text:
                print(f"{OUT} is not what unicode-data says: tools/make-unicode.py")
                return 1
        return 0
    with open(OUT, "w", encoding="utf-8") as file:
        file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
