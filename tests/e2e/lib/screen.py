#!/usr/bin/env python3
"""Runs a program on a pseudo-terminal of its own and plays a script: what stood on the screen goes to the test as JSON.

usage: screen.py SCRIPT.json PROGRAM ARG...
A script is a list of steps: {"wait": TEXT} until TEXT stands on the screen (15 s), {"gone": TEXT} until it does not, {"send": KEYS},
{"size": [ROWS, COLUMNS]}, {"quiet": SECONDS} (how many bytes come meanwhile). Printed: {"screens": [after each step], "bytes": [of each step],
"status": exit status}. The terminal is a VT100: as much of it as ncurses uses.
"""
import codecs
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

CSI = re.compile(r"\x1b\[([?]?)([0-9;]*)([A-Za-z])")
OTHER = re.compile(r"\x1b([()][0-9A-B]|[=>78MDEH])")


class Screen:
    def __init__(self, rows, columns):
        self.cells = []
        self.y = self.x = 0
        self.rest = ""
        self.resize(rows, columns)

    def resize(self, rows, columns):
        """What was there stays, as far as there is room."""
        self.rows, self.columns = rows, columns
        self.cells = [(row + [" "] * columns)[:columns] for row in self.cells[:rows]]
        self.cells += [[" "] * columns for _ in range(rows - len(self.cells))]
        self.y, self.x = min(self.y, rows - 1), min(self.x, columns - 1)
        self.top, self.bottom = 0, rows - 1

    def scroll(self, up):
        """The lines of the scrolling region by one."""
        del self.cells[self.top if up else self.bottom]
        self.cells.insert(self.bottom if up else self.top, [" "] * self.columns)

    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells)

    def control(self, private, args, what):
        n = [int(a) if a else 0 for a in args.split(";")]
        first = n[0] or 1
        if what == "H":
            self.y, self.x = min((n[0] or 1), self.rows) - 1, min((n[1] if len(n) > 1 else 1) or 1, self.columns) - 1
        elif what == "A":
            self.y = max(0, self.y - first)
        elif what == "B":
            self.y = min(self.rows - 1, self.y + first)
        elif what == "C":
            self.x = min(self.columns - 1, self.x + first)
        elif what == "D":
            self.x = max(0, self.x - first)
        elif what == "r":
            self.top, self.bottom = first - 1, ((n[1] if len(n) > 1 else 0) or self.rows) - 1
            self.y = self.x = 0
        elif what == "K":
            for x in range(0 if n[0] else self.x, self.x + 1 if n[0] == 1 else self.columns):
                self.cells[self.y][x] = " "
        elif what == "J":
            if n[0] == 0:
                self.control("", "0", "K")
            for y in range(0 if n[0] == 2 else self.y + 1, self.rows):
                self.cells[y] = [" "] * self.columns

    def feed(self, text):
        text, self.rest = self.rest + text, ""
        at = 0
        while at < len(text):
            c = text[at]
            if c == "\x1b":
                found = CSI.match(text, at)
                if found:
                    self.control(*found.groups())
                else:
                    found = OTHER.match(text, at)
                    if found and found.group(1) == "M":
                        if self.y == self.top:
                            self.scroll(False)
                        else:
                            self.y = max(0, self.y - 1)
                if not found:
                    if len(text) - at < 16:
                        self.rest = text[at:]
                        return
                    at += 1
                    continue
                at = found.end()
                continue
            if c == "\r":
                self.x = 0
            elif c == "\n":
                if self.y == self.bottom:
                    self.scroll(True)
                else:
                    self.y = min(self.rows - 1, self.y + 1)
            elif c == "\b":
                self.x = max(0, self.x - 1)
            elif c == "\t":
                self.x = min(self.columns - 1, self.x // 8 * 8 + 8)
            elif c >= " ":
                self.cells[self.y][min(self.x, self.columns - 1)] = c
                self.x += 1
            at += 1


def main():
    script = json.load(open(sys.argv[1], encoding="utf-8"))
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        os.execv(sys.argv[2], sys.argv[2:])
    screen, count, screens = Screen(24, 100), [], []
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def size(rows, columns):
        screen.resize(rows, columns)
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.kill(pid, signal.SIGWINCH)

    def read(seconds):
        ready, _, _ = select.select([fd], [], [], seconds)
        if not ready:
            return 0
        try:
            data = os.read(fd, 65536)
        except OSError:
            return -1
        screen.feed(decode(data))
        return len(data)

    for step in script:
        n, end = 0, time.monotonic() + step.get("quiet", 15)
        if "send" in step:
            os.write(fd, step["send"].encode())
            end = time.monotonic() + 0.4
        if "size" in step:
            size(*step["size"])
            end = time.monotonic() + 0.6
        while time.monotonic() < end:
            text = screen.text()
            if ("wait" in step and step["wait"] in text) or ("gone" in step and step["gone"] not in text):
                break
            got = read(0.05)
            if got < 0:
                break
            n += got
        else:
            if "wait" in step or "gone" in step:
                print(f"screen.py: {step}:\n{screen.text()}", file=sys.stderr)
        screens.append(screen.text())
        count.append(n)
    end = time.monotonic() + 5
    status = None
    while status is None and time.monotonic() < end:
        read(0.05)
        done, code = os.waitpid(pid, os.WNOHANG)
        if done:
            status = os.waitstatus_to_exitcode(code)
    if status is None:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    json.dump({"screens": screens, "bytes": count, "status": status}, sys.stdout)


main()
