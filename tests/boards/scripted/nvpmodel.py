#!/usr/bin/env python3
"""nvpmodel: -q says the power mode, -m sets one, which only root may; modes are the board's."""

import json
import os
import sys

STATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "nvpmodel.json")
with open(STATE) as stream:
    state = json.load(stream)
modes = {str(number): name for number, name in state["modes"]}
arguments = sys.argv[1:]
if arguments[:1] == ["-m"]:
    if os.geteuid() != 0:
        sys.exit("NVPM ERROR: Error: must be root to set the power mode")
    if arguments[1] not in modes:
        sys.exit("NVPM ERROR: PARSE: Invalid power mode %s" % arguments[1])
    state["mode"] = int(arguments[1])
    with open(STATE, "w") as stream:
        json.dump(state, stream)
elif arguments[:1] == ["-q"]:
    print("NV Power Mode: %s\n%d" % (modes[str(state["mode"])], state["mode"]))
else:
    sys.exit("NVPM ERROR: usage: nvpmodel -q | -m ID")
