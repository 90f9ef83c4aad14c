#!/usr/bin/env python3
"""What open consoles cost the gateway: the same load with none and with ten that listen to the events, in pairs of runs one after the other.

Half of the consoles are a viewer's, half those of a developer who is quiet, so that two kinds of messages are made. PAIRS=5 and SECONDS=4 set the effort, CONSOLES=10 how
many listen. Told are the medians, and the median of the pairs' ratios."""
import importlib.machinery
import importlib.util
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_loader("gateway", importlib.machinery.SourceFileLoader("gateway", HERE + "/gateway.py"))
gateway = importlib.util.module_from_spec(spec)
spec.loader.exec_module(gateway)
CONSOLES = int(os.environ.get("CONSOLES", 10))


class Console(threading.Thread):
    """Reads a stream of events to its end; counts them."""

    def __init__(self, port, key):
        super().__init__(daemon=True)
        self.socket = socket.create_connection(("127.0.0.1", int(port)), 10)
        self.socket.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nx-weir-key: {key}\r\n\r\n".encode())
        self.events = self.bytes = 0
        self.start()

    def run(self):
        try:
            while data := self.socket.recv(65536):
                self.events += data.count(b"\nevent: ") + data.startswith(b"event: ")
                self.bytes += len(data)
        except OSError:
            pass

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.join()
        self.socket.close()


def key_of(folder, role, user):
    made = subprocess.run([gateway.WEIR, "key", "create", "--user", user, "--role", role, "--json", "--config", folder + "/weir.yaml"],
                          capture_output=True, text=True, env={**os.environ, "SIM_KEY": "x"}, check=True)
    return json.loads(made.stdout)["key"]


def cpu(server, only):
    """Nanoseconds of CPU of the workers, and of all other threads: as the scheduler has it, since what runs a moment once a second is
    not seen by sampling."""
    sums = [0, 0]
    for tid in os.listdir(f"/proc/{server.proc.pid}/task"):
        with open(f"/proc/{server.proc.pid}/task/{tid}/schedstat", encoding="ascii") as file:
            sums[int(tid) not in only] += int(file.read().split()[0])
    return sums


def run_once(server, url, key, only, consoles):
    listeners = [Console(*c) for c in consoles]
    try:
        before = cpu(server, only)
        result = gateway.load(url, "--connections", 32, "--seconds", gateway.SECONDS, "--header", "x-weir-session: s-%d", key=key)
        worker, other = ((b - a) / 1000 / max(1, result["ok"]) for a, b in zip(before, cpu(server, only)))
    finally:
        for one in listeners:
            one.stop()
    if listeners and not all(one.events for one in listeners):
        sys.exit("bench: a console heard nothing")
    each = sum(one.bytes for one in listeners) / max(1, len(listeners)) / gateway.SECONDS
    return result["ok"] / gateway.SECONDS, worker, other, each


def main():
    with tempfile.TemporaryDirectory() as folder:
        sim = gateway.start_sim()
        server = gateway.start_weir(folder, sim.ready)
        port, console, key = server.ready
        only = {tid for tid, name in gateway.names(server).items() if name.startswith("weir-worker")}
        keys = [key_of(folder, "viewer", "vic"), key_of(folder, "developer", "dev")]
        consoles = [(console, keys[i % 2]) for i in range(CONSOLES)]
        url = f"http://127.0.0.1:{port}"
        try:
            gateway.load(url, "--seconds", 1, key=key)
            pairs = []
            for i in range(gateway.PAIRS):
                both = [run_once(server, url, key, only, c) for c in (([], consoles) if i % 2 == 0 else (consoles, []))]
                pairs.append(both if i % 2 == 0 else both[::-1])
        finally:
            server.stop()
            sim.stop()
    median = lambda which, field: statistics.median(p[which][field] for p in pairs)
    ratio = lambda field: statistics.median(p[1][field] / p[0][field] for p in pairs)
    rows = [["requests a second", f"{median(0, 0):.0f}", f"{median(1, 0):.0f}", f"{ratio(0):.3f}"],
            ["CPU of the worker, µs a request", f"{median(0, 1):.1f}", f"{median(1, 1):.1f}", f"{ratio(1):.3f}"],
            ["CPU of all other threads, µs a request", f"{median(0, 2):.1f}", f"{median(1, 2):.1f}", f"{ratio(2):.3f}"],
            ["KB/s to each console", "-", f"{median(1, 3) / 1024:.1f}", "-"]]
    gateway.emit("consoles", f"The gateway with none and with {CONSOLES} consoles open, one new session a call", "one worker; median of pairs",
                 ["", "none", f"{CONSOLES} open", "ratio"], rows)


main()
