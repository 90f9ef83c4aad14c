#!/usr/bin/env python3
"""The console's figures in a real browser: tests/web/figures.mjs, by the Node.js of tools/deps."""
import os, shutil, subprocess, sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PRIVATE = ROOT + "/build/deps/node/node_modules/.bin/node"
NODE = PRIVATE if os.path.exists(PRIVATE) else shutil.which("node") or sys.exit("bench: no node: run `make deps`")
if not os.path.isdir(ROOT + "/tests/web/node_modules/playwright-core"):
    sys.exit("bench: no browser: run `tools/deps check`")
sys.exit(subprocess.run([NODE, ROOT + "/tests/web/figures.mjs"], check=False).returncode)
