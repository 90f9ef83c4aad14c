#!/usr/bin/env python3
"""Reading Claude Code's transcripts, beside the npm tool ccusage over the same folder in the same run: the first import into an empty
ledger, the same import again, and a report straight from the transcripts. The sessions are those of WEIR_DATA (the folder that holds
transcripts/open/sessions/claude), else some made here in the same shape."""
import glob, json, os, random, shutil, statistics, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WEIR = ROOT + "/build/weir"
CCUSAGE = ROOT + "/tools/ccusage/node_modules/ccusage/dist/index.js"
RESULTS = os.environ.get("BENCH_RESULTS")
ROUNDS = int(os.environ.get("ROUNDS", 5))


def node():
    private = ROOT + "/build/deps/node/node_modules/.bin/node"
    return private if os.path.exists(private) else shutil.which("node") or sys.exit("bench: no node: run `make deps`")


def make_session(path, seed):
    """A session of a hundred calls, each answer in two lines, with tool results of some kilobytes between them."""
    rng = random.Random(seed)
    with open(path, "w") as f:
        for turn in range(100):
            usage = {"input_tokens": rng.randrange(1, 50), "cache_creation_input_tokens": rng.randrange(100, 4000),
                     "cache_read_input_tokens": 12000 + turn * 900, "output_tokens": 3}
            for output in (3, rng.randrange(20, 900)):
                message = {"id": f"msg_{seed}_{turn}", "type": "message", "role": "assistant", "model": "claude-opus-4-6", "stop_reason": None,
                           "content": [{"type": "text", "text": "x" * rng.randrange(100, 2000)}], "usage": dict(usage, output_tokens=output)}
                f.write(json.dumps({"type": "assistant", "sessionId": f"s{seed}", "cwd": "/srv/shop", "version": "2.1.0", "isSidechain": False,
                                    "uuid": f"{seed}-{turn}-{output}", "requestId": f"req_{seed}_{turn}",
                                    "timestamp": f"2026-03-{1 + seed % 28:02}T10:{turn % 60:02}:{turn // 60:02}.000Z", "message": message}) + "\n")
            f.write(json.dumps({"type": "user", "sessionId": f"s{seed}", "timestamp": "2026-03-01T10:00:00.000Z", "uuid": f"u{seed}-{turn}",
                                "message": {"role": "user", "content": [{"type": "tool_result", "content": "y" * rng.randrange(500, 9000)}]}}) + "\n")


def make_home(folder):
    projects = folder + "/.claude/projects/p"
    os.makedirs(projects)
    recorded = sorted(glob.glob(os.environ.get("WEIR_DATA", "/nonexistent") + "/transcripts/open/sessions/claude/*.jsonl"))
    for path in recorded:
        shutil.copy(path, projects)
    if not recorded:
        for seed in range(80):
            make_session(f"{projects}/{seed}.jsonl", seed)
    for path in glob.glob(projects + "/*"):
        os.utime(path, (1.7e9, 1.7e9))
    size = sum(os.path.getsize(p) for p in glob.glob(projects + "/*"))
    return len(os.listdir(projects)), size, "recorded" if recorded else "made here"


def took(argv, env):
    at = time.monotonic()
    done = subprocess.run(argv, env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"bench: {' '.join(argv)}: {done.stderr}")
    return (time.monotonic() - at) * 1000, done.stdout


def main():
    folder = tempfile.mkdtemp(prefix="weir-bench-")
    files, size, what = make_home(folder)
    env = {"HOME": folder, "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    conf = folder + "/weir.yaml"
    open(conf, "w").write(f"store: sqlite:{folder}/weir.db\n")
    times = {"ccusage": [], "first": [], "again": [], "report": []}
    for _ in range(ROUNDS):
        for name in ("weir.db", "weir.db-wal", "weir.db-shm"):
            if os.path.exists(f"{folder}/{name}"):
                os.unlink(f"{folder}/{name}")
        times["ccusage"].append(took([node(), CCUSAGE, "daily", "--offline", "--json"], env)[0])
        ms, out = took([WEIR, "import", "claude-code", "--config", conf, "--json"], env)
        times["first"].append(ms)
        calls = json.loads(out)["added"]
        times["again"].append(took([WEIR, "import", "claude-code", "--config", conf, "--json"], env)[0])
        times["report"].append(took([WEIR, "report", "--since", "900d", "--per", "day", "--by", "model"], dict(env, XDG_DATA_HOME=folder + "/none"))[0])
    shutil.rmtree(folder)
    m = {k: statistics.median(v) for k, v in times.items()}
    title = f"Transcripts of Claude Code: {files} files ({what}), {size / 1e6:.0f} MB, {calls} calls"
    columns = ["what", "ms", "faster than ccusage", "of the first import"]
    rows = [["ccusage daily --offline", f"{m['ccusage']:.0f}", "1.0", "-"],
            ["weir import, first", f"{m['first']:.0f}", f"{m['ccusage'] / m['first']:.1f}", "100 %"],
            ["weir import, again", f"{m['again']:.0f}", f"{m['ccusage'] / m['again']:.1f}", f"{100 * m['again'] / m['first']:.1f} %"],
            ["weir report, no ledger", f"{m['report']:.0f}", f"{m['ccusage'] / m['report']:.1f}", "-"]]
    print(f"\n{title}")
    widths = [max(len(r[i]) for r in [columns] + rows) for i in range(len(columns))]
    for r in [columns] + rows:
        print("  " + "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(r, widths))))
    if RESULTS:
        with open(RESULTS, "a") as f:
            f.write(json.dumps({"bench": "imports", "title": title, "unit": "ms, median", "columns": columns, "rows": rows}) + "\n")


main()
