#!/usr/bin/env python3
"""How soon an alert is at its receiver, from the cause on, and what the thread that looks for causes takes of a core when nothing is so.

usage: bench/alerts.py     (`BENCH=alerts make bench`)

A gateway in front of the simulated provider; a webhook on this machine that notes when each alert came. Causes, one after the other: an
agent that goes round in circles (from the answer to the call that shows it), a budget that passes a threshold (from the answer to the
call that passes it), a freeze (from the end of `weir freeze`), a model without a price. Exit status 1 when one took more than 60 s.
"""
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROUNDS = 15
MOST_S = 60
IDLE_S = 10

came = {}  # a word of the alert's -> when it came
lock = threading.Condition()


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with lock:
            for alert in body["alerts"]:
                if alert["event"] == "raised":
                    for word in [alert["kind"], *alert["labels"].values()]:
                        came.setdefault(word, time.monotonic())
            lock.notify_all()
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def wait(word):
    with lock:
        if not lock.wait_for(lambda: word in came, MOST_S):
            sys.exit(f"bench: no alert of {word} within {MOST_S} s")
        return came[word]


def first_line(process, words):
    for line in process.stdout:
        if words in line:
            return line
    sys.exit(f"bench: {process.args[0]} ended: {process.wait()}")


def call(gateway, messages, session, user_key, model="claude-sonnet-4-5", sim="text=on it"):
    request = urllib.request.Request(
        f"{gateway}/v1/messages", method="POST",
        headers={"content-type": "application/json", "x-api-key": user_key, "x-sim": sim, "x-weir-session": session},
        data=json.dumps({"model": model, "max_tokens": 100, "messages": messages}).encode())
    try:
        urllib.request.urlopen(request).read()
    except urllib.error.HTTPError as refused:
        refused.read()
    return time.monotonic()


def storm(gateway, key, n):
    messages, session = [{"role": "user", "content": f"make the tests pass ({n})"}], f"storm-{n}"
    call(gateway, messages, session, key)
    for i in range(3):
        messages += [{"role": "assistant", "content": [{"type": "tool_use", "id": f"t{i}", "name": "Bash", "input": {"command": "npm test"}}]},
                     {"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"t{i}", "content": "FAIL", "is_error": True}]}]
        at = call(gateway, messages, session, key)
    return wait(session) - at


def unpriced(gateway, key, n):
    at = call(gateway, [{"role": "user", "content": "x"}], f"unpriced-{n}", key, model=f"nobody-knows-{n}")
    return wait(f"nobody-knows-{n}") - at


def budget(gateway, _, n, weir):
    key = json.loads(weir("key", "create", "--json", "--user", f"user-{n}@example.com"))["key"]
    time.sleep(0.2)
    at = call(gateway, [{"role": "user", "content": "x"}], f"budget-{n}", key, sim="reply_tokens=90")
    return wait(f"user-{n}@example.com") - at


def freeze(_gateway, _key, n, weir):
    weir("freeze", "--team", f"team-{n}")
    at = time.monotonic()
    return wait(f"team-{n}") - at


def idle_us(pid):
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/comm") as comm:
            if comm.read().strip() == "weir-alerts":
                def spent():
                    with open(f"/proc/{pid}/task/{task}/schedstat") as stat:
                        return int(stat.read().split()[0])
                before = spent()
                time.sleep(IDLE_S)
                return (spent() - before) / 1000 / IDLE_S
    sys.exit("bench: no thread weir-alerts")


def table(rows):
    head = ["cause", "alerts", "median", "at most"]
    print("\nAlerts: from the cause to the receiver (seconds)")
    for row in [head, *rows]:
        print("  " + row[0].ljust(34) + "".join(cell.rjust(14) for cell in row[1:]))
    if os.environ.get("BENCH_RESULTS"):
        with open(os.environ["BENCH_RESULTS"], "a") as out:
            out.write(json.dumps({"bench": "alerts", "title": "Alerts: from the cause to the receiver", "unit": "seconds",
                                  "columns": head, "rows": rows}) + "\n")


def main():
    hook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        env = {"PATH": os.environ["PATH"], "HOME": folder, "SIM": "sk-simulated"}
        sim = subprocess.Popen([f"{ROOT}/build/weir-sim", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        sim_url = "http://" + first_line(sim, "listening on").split("listening on ")[1].strip().removeprefix("http://")
        config = f"{folder}/weir.yaml"
        with open(config, "w") as file:
            file.write(f"""listen: 127.0.0.1:0
console: {{listen: 127.0.0.1:0}}
store: sqlite:weir.db
providers:
  - {{name: anthropic, api: anthropic, base_url: "{sim_url}", credential: env:SIM}}
budgets:
  - {{name: small, each: user, where: {{user: "user-*"}}, window: day, limit: 0.002 USD, action: alert, alerts: [10%]}}
storms: {{action: alert}}
alerts:
  - {{name: hook, url: "http://127.0.0.1:{hook.server_port}/", group: 0s, rate: 1000, resolved: quiet}}
""")

        def weir(*args):
            done = subprocess.run([f"{ROOT}/build/weir", args[0], "--config", config, *args[1:]], env=env, text=True, capture_output=True)
            return done.stdout if done.returncode == 0 else sys.exit(f"bench: weir {args}: {done.stderr}")

        key = json.loads(weir("key", "create", "--json", "--user", "ana@example.com"))["key"]
        serve = subprocess.Popen([f"{ROOT}/build/weir", "serve", "--config", config], env=env, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True)
        try:
            gateway = first_line(serve, "weir: listening on").split("on ")[1].strip()
            threading.Thread(target=lambda: [None for _ in serve.stdout], daemon=True).start()
            time.sleep(1)
            rows = []
            for name, cause in [("an agent goes round in circles", storm), ("a budget passes a threshold", lambda *a: budget(*a, weir)),
                                ("a freeze", lambda *a: freeze(*a, weir)), ("a model without a price", unpriced)]:
                took = sorted(cause(gateway, key, n) for n in range(ROUNDS))
                rows.append([name, str(len(took)), f"{took[len(took) // 2]:.2f}", f"{took[-1]:.2f}"])
            rows.append(["the thread, nothing new: CPU a second", "-", f"{idle_us(serve.pid) / 1e6:.4f}", "-"])
            table(rows)
        finally:
            for process in (serve, sim):
                process.terminate()
                process.wait()
    hook.shutdown()


main()
