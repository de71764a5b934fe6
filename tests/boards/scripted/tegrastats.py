#!/usr/bin/env python3
"""tegrastats: the line of this board every --interval ms, as JetPack 4 and 5/6 write it."""

import json
import os
import sys
import time

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "tegrastats.json")) as stream:
    LINE = json.load(stream)["line"]
interval_ms = 1000
if "--interval" in sys.argv:
    interval_ms = int(sys.argv[sys.argv.index("--interval") + 1])
try:
    while True:
        print(LINE, flush=True)
        time.sleep(interval_ms / 1000)
except (KeyboardInterrupt, BrokenPipeError):
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
