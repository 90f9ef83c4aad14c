#!/usr/bin/env python3
"""The gateway against nginx (proxy_pass) and against no gateway at all, in one run: requests a second and CPU for each request at 1 KB and
200 KB, streamed and not, added latency at a fixed rate, and events of many concurrent streams with their memory.

One worker of Weir is pinned to one core with nginx pinned to the same one in its turn; the provider, the load and Weir's ledger writer
have the other. Pairs are interleaved and the median of the pairs' ratios is told. GATEWAY=throughput,latency,streams,memory picks parts;
PAIRS=5 and SECONDS=4 set the effort. GATEWAY=start,… : time until ready and idle memory."""
import json, os, re, shutil, signal, statistics, subprocess, sys, tempfile, time, urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SIM, WEIR = ROOT + "/build/weir-sim", ROOT + "/build/weir"
PAIRS, SECONDS = int(os.environ.get("PAIRS", 5)), float(os.environ.get("SECONDS", 4))
PARTS = os.environ.get("GATEWAY", "start,throughput,latency,streams,memory").split(",")
RESULTS = os.environ.get("BENCH_RESULTS")
GATE_CPU, REST_CPU = "0", "1"
TICK = os.sysconf("SC_CLK_TCK")


class Server:
    """A process with a port, pinned to a core, whose CPU and memory can be asked."""

    def __init__(self, argv, ready, cpu, env=None):
        self.log = tempfile.TemporaryFile()
        self.proc = subprocess.Popen(["taskset", "-c", cpu] + argv, stdout=subprocess.PIPE, stderr=self.log, text=True,
                                     env={**os.environ, **(env or {})})
        self.ready = ready(self.proc)

    def tree(self):
        pids = [self.proc.pid]
        try:
            pids += [int(p) for p in open(f"/proc/{self.proc.pid}/task/{self.proc.pid}/children").read().split()]
        except OSError:
            pass
        return pids

    def threads_cpu(self):
        """Seconds of CPU by thread."""
        out = {}
        for pid in self.tree():
            for tid in os.listdir(f"/proc/{pid}/task"):
                f = open(f"/proc/{pid}/task/{tid}/stat").read().rsplit(")", 1)[1].split()
                out[(pid, int(tid))] = (int(f[11]) + int(f[12])) / TICK
        return out

    def rss(self):
        return sum(int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{p}/status").read()).group(1)) for p in self.tree()) * 1024

    def stop(self):
        self.proc.send_signal(signal.SIGTERM)
        try:
            self.proc.wait(20)
        except subprocess.TimeoutExpired:
            self.proc.kill()


def start_sim(extra=()):
    def ready(p):
        return re.search(r"127\.0\.0\.1:(\d+)", p.stdout.readline()).group(1)
    return Server([SIM, "--bench", *extra], ready, REST_CPU)


def nginx_program():
    """Of the path, of Debian's place, or as tools/deps unpacked it."""
    places = [shutil.which("nginx"), "/usr/sbin/nginx", ROOT + "/build/deps/nginx/usr/sbin/nginx"]
    return next((p for p in places if p and os.access(p, os.X_OK)), None) or sys.exit("bench: no nginx: run `tools/deps bench`")


def start_nginx(folder, port):
    conf = folder + "/nginx.conf"
    listen = 20000 + os.getpid() % 20000
    open(conf, "w").write(f"""
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.err crit;
events {{ worker_connections 16384; }}
http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
 scgi_temp_path {folder}/s; client_max_body_size 64m; client_body_buffer_size 1m; keepalive_requests 1000000; proxy_buffers 16 32k;
 upstream sim {{ server 127.0.0.1:{port}; keepalive 512; keepalive_requests 1000000; }}
 server {{ listen 127.0.0.1:{listen} backlog=4096;
  location / {{ proxy_pass http://sim; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_read_timeout 300s; }}
  location /stream/ {{ proxy_pass http://sim/; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; proxy_read_timeout 300s; }}
 }} }}
""")
    def ready(p):
        wait(listen)
        return str(listen)
    return Server([nginx_program(), "-e", folder + "/nginx.err", "-p", folder, "-c", conf], ready, GATE_CPU)


def wait(port):
    import socket
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", int(port)), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    sys.exit(f"bench: nothing listens on {port}")


def start_weir(folder, port, scheme="http", ca=None):
    conf = folder + "/weir.yaml"
    tls = f", ca_file: {ca}" if ca else ""
    open(conf, "w").write(f"""
listen: 127.0.0.1:0
console: {{listen: 127.0.0.1:0}}
store: sqlite:{folder}/weir.db
workers: 1
limits: {{calls: 16000, connections: 16000}}
journal: {{slots: 16384}}
log: {{level: warn}}
providers:
  - {{name: sim, api: anthropic, base_url: "{scheme}://127.0.0.1:{port}", credential: env:SIM_KEY{tls}}}
""")
    made = subprocess.run([WEIR, "key", "create", "--user", "bench", "--json", "--config", conf], capture_output=True, text=True,
                          env={**os.environ, "SIM_KEY": "x"})
    if made.returncode:
        sys.exit(f"bench: no key: {made.stderr}")
    key = json.loads(made.stdout)["key"]

    def ready(p):
        gateway = re.search(r":(\d+)\s*$", p.stdout.readline()).group(1)
        console = re.search(r":(\d+)\s*$", p.stdout.readline()).group(1)
        return gateway, console, key
    s = Server([WEIR, "serve", "--config", conf], ready, f"{GATE_CPU},{REST_CPU}", {"SIM_KEY": "x"})
    pin(s)
    return s


def names(server):
    out = {}
    for tid in os.listdir(f"/proc/{server.proc.pid}/task"):
        out[int(tid)] = open(f"/proc/{server.proc.pid}/task/{tid}/comm").read().strip()
    return out


def pin(server):
    """The worker to the gateway's core, all else to the other."""
    for tid, name in names(server).items():
        os.sched_setaffinity(tid, {int(GATE_CPU if name.startswith("weir-worker") else REST_CPU)})


def load(url, *args, key=None):
    argv = ["taskset", "-c", REST_CPU, SIM, "load", "--url", url, *map(str, args)]
    if key:
        argv += ["--header", f"x-api-key: {key}"]
    r = subprocess.run(argv, capture_output=True, text=True)
    if r.returncode:
        sys.exit(f"bench: the load failed: {r.stdout} {r.stderr}")
    return json.loads(r.stdout)


def measured(server, only, run):
    before = server.threads_cpu()
    result = run()
    after = server.threads_cpu()
    worker = other = 0.0
    for t, c in after.items():
        spent = c - before.get(t, 0)
        if only is None or t[1] in only:
            worker += spent
        else:
            other += spent
    calls = max(1, result["ok"])
    return result, worker / calls * 1e6, other / calls * 1e6


def emit(name, title, unit, columns, rows):
    print(f"\n{title} ({unit})")
    widths = [max(len(str(r[i])) for r in [columns] + rows) for i in range(len(columns))]
    for r in [columns] + rows:
        print("  " + "  ".join(str(c).ljust(w) if i == 0 else str(c).rjust(w) for i, (c, w) in enumerate(zip(r, widths))))
    if RESULTS:
        with open(RESULTS, "a") as f:
            f.write(json.dumps({"bench": name, "title": title, "unit": unit, "columns": columns,
                                "rows": [[str(c) for c in r] for r in rows]}) + "\n")


def throughput(sim, nginx, weir):
    gateway, _, key = weir.ready
    workers = {t for t, n in names(weir).items() if n.startswith("weir-worker")}
    rows = []
    shapes = [("1 KB", ["--body-size", 1000], "size=1000", ""), ("200 KB", ["--body-size", 200000], "size=200000", ""),
              ("1 KB streamed", ["--body-size", 1000, "--stream"], "events=10", "/stream"),
              ("200 KB streamed", ["--body-size", 200000, "--stream"], "events=50", "/stream")]
    for label, body, sim_args, path in shapes:
        args = ["--connections", 32, "--seconds", SECONDS, "--warmup", 0.3, "--sim", sim_args, *body]
        load(f"http://127.0.0.1:{sim.ready}", *args)
        direct = load(f"http://127.0.0.1:{sim.ready}", *args)
        pairs = []
        for _ in range(PAIRS):
            n, n_cpu, _ = measured(nginx, None, lambda: load(f"http://127.0.0.1:{nginx.ready}{path}", *args))
            w, w_cpu, w_other = measured(weir, workers, lambda: load(f"http://127.0.0.1:{gateway}", *args, key=key))
            pairs.append((w["requests_per_s"] / n["requests_per_s"], n["requests_per_s"], w["requests_per_s"], n_cpu, w_cpu, w_other))
        m = [statistics.median(p[i] for p in pairs) for i in range(6)]
        rows.append([label, f"{direct['requests_per_s']:.0f}", f"{m[1]:.0f}", f"{m[2]:.0f}", f"{m[0]:.2f}", f"{m[3]:.0f}", f"{m[4]:.0f}", f"{m[5]:.0f}"])
    emit("gateway-throughput", "Calls through one worker on one core, 32 connections", "calls/s; µs of CPU for each call",
         ["body", "direct", "nginx", "weir", "weir/nginx", "nginx CPU", "worker CPU", "other threads' CPU"], rows)


def latency(sim, nginx, weir):
    gateway, _, key = weir.ready
    rows = []
    for label, body, sim_args in [("1 KB", 1000, "size=1000")]:
        args = ["--connections", 64, "--seconds", max(4, SECONDS), "--warmup", 0.5, "--rate", 1000, "--sim", sim_args, "--body-size", body]
        runs = {"direct": [], "nginx": [], "weir": []}
        for _ in range(PAIRS):
            runs["direct"].append(load(f"http://127.0.0.1:{sim.ready}", *args))
            runs["nginx"].append(load(f"http://127.0.0.1:{nginx.ready}", *args))
            runs["weir"].append(load(f"http://127.0.0.1:{gateway}", *args, key=key))
        base = runs["direct"]
        for who, rs in runs.items():
            p50 = statistics.median(r["latency_ms"]["p50"] for r in rs)
            p99 = statistics.median(r["latency_ms"]["p99"] for r in rs)
            d50 = statistics.median(r["latency_ms"]["p50"] - b["latency_ms"]["p50"] for r, b in zip(rs, base))
            d99 = statistics.median(r["latency_ms"]["p99"] - b["latency_ms"]["p99"] for r, b in zip(rs, base))
            rows.append([f"{label}, {who}", f"{p50:.3f}", f"{p99:.3f}", f"{d50:.3f}", f"{d99:.3f}"])
    emit("gateway-latency", "Latency at 1,000 calls/s, from when each was due", "ms", ["through", "p50", "p99", "added p50", "added p99"], rows)


def streams(sim, nginx, weir):
    gateway, _, key = weir.ready
    rows = []
    for count in (1000, 2000):
        args = ["--connections", count, "--requests", count, "--seconds", 60, "--ramp", 2, "--stream", "--body-size", 1000, "--sim",
                "events=200;rate=20;stamp=1", "--timeout", 120]
        runs = [("direct", load(f"http://127.0.0.1:{sim.ready}", *args)),
                ("nginx", load(f"http://127.0.0.1:{nginx.ready}/stream", *args)),
                ("weir", load(f"http://127.0.0.1:{gateway}", *args, key=key))]
        base = runs[0][1]["event_delay_ms"]
        for who, r in runs:
            d = r["event_delay_ms"]
            rows.append([f"{count}, {who}", r["ok"], r["events"], r["events_lost"], f"{d['p50']:.2f}", f"{d['p99']:.2f}",
                         f"{d['p99'] - base['p99']:.2f}"])
    emit("gateway-streams", "Concurrent streams of 20 events a second on one worker", "delay of an event, ms",
         ["streams", "complete", "events", "lost", "p50", "p99", "added p99"], rows)


def start():
    """From exec to the first answer of the port (Weir: journal, ledger, keys and prices read; nginx: its configuration)."""
    sim, took, idle = start_sim(), {"nginx": [], "weir": []}, {}
    for _ in range(7):
        for who, begin in (("nginx", start_nginx), ("weir", start_weir_timed)):
            folder = tempfile.mkdtemp(prefix="weir-bench-")
            at = time.monotonic()
            server = begin(folder, sim.ready)
            took[who].append((getattr(server, "took", None) or time.monotonic() - at) * 1000)
            time.sleep(0.3)
            idle[who] = server.rss()
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)
    sim.stop()
    rows = [[who, f"{statistics.median(took[who]):.0f}", f"{idle[who] / 1e6:.1f}"] for who in took]
    emit("gateway-start", "From start to ready, and idle", "ms; MB resident", ["server", "ready", "idle"], rows)


def start_weir_timed(folder, port):
    start_weir(folder, port).stop()  # the ledger and its key are made
    at = time.monotonic()
    server = Server([WEIR, "serve", "--config", folder + "/weir.yaml"], lambda p: p.stdout.readline(), f"{GATE_CPU},{REST_CPU}", {"SIM_KEY": "x"})
    server.took = time.monotonic() - at
    return server


def memory_of(start, sim_port, label):
    folder = tempfile.mkdtemp(prefix="weir-bench-")
    weir = start(folder, sim_port)
    gateway, _, key = weir.ready
    idle = weir.rss()
    count, rows = 1000, []
    url = f"http://127.0.0.1:{gateway}"
    argv = ["taskset", "-c", REST_CPU, SIM, "load", "--url", url, "--connections", str(count), "--requests", str(2 * count), "--seconds", "60",
            "--ramp", "2", "--stream", "--body-size", "100000", "--sim", "events=120;rate=20", "--timeout", "120", "--header", f"x-api-key: {key}"]
    p = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    peak, at = 0, []
    while p.poll() is None:
        time.sleep(0.25)
        at.append(weir.rss())
    p.stdout.read()
    second = at[len(at) // 2:]
    peak = statistics.median(sorted(second)[-max(4, len(second) // 2):])
    weir.stop()
    shutil.rmtree(folder, ignore_errors=True)
    return [label, f"{idle / 1e6:.1f}", count, f"{(peak - idle) / count / 1024:.0f}"]


def memory():
    sim = start_sim()
    rows = [memory_of(start_weir, sim.ready, "plain")]
    sim.stop()
    folder = tempfile.mkdtemp(prefix="weir-bench-")
    pem = folder + "/pem"
    if subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                       "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", pem + ".key", "-out", pem + ".crt"],
                      capture_output=True).returncode == 0:
        sim = start_sim(["--tls-cert", pem + ".crt", "--tls-key", pem + ".key"])
        rows.append(memory_of(lambda f, p: start_weir(f, p, "https", pem + ".crt"), sim.ready, "TLS to the provider"))
        sim.stop()
    shutil.rmtree(folder, ignore_errors=True)
    emit("gateway-memory", "Memory with 1,000 streams under way, 100 KB bodies, on each connection's second request", "idle MB; KB a stream",
         ["provider", "idle", "streams", "a stream"], rows)


def main():
    if any(p in PARTS for p in ("throughput", "latency", "streams")):
        folder = tempfile.mkdtemp(prefix="weir-bench-")
        sim = start_sim()
        nginx = start_nginx(folder, sim.ready)
        started = time.monotonic()
        weir = start_weir(folder, sim.ready)
        try:
            for name, part in (("throughput", throughput), ("latency", latency), ("streams", streams)):
                if name in PARTS:
                    part(sim, nginx, weir)
        finally:
            for s in (weir, nginx, sim):
                s.stop()
            shutil.rmtree(folder, ignore_errors=True)
    if "memory" in PARTS:
        memory()
    if "start" in PARTS:
        start()


if __name__ == "__main__":
    main()
