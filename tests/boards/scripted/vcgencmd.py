#!/usr/bin/env python3
"""vcgencmd: answers of the firmware by command, as Raspberry Pi's documentation shows them."""

import json
import os
import sys

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "vcgencmd.json")) as stream:
    ANSWERS = json.load(stream)
command = " ".join(sys.argv[1:])
if command not in ANSWERS:
    sys.exit('error=1 error_msg="Command not registered"')
print(ANSWERS[command])
