#!/usr/bin/env python3
"""jetson_clocks: every core's lowest clock becomes its highest; --store and --restore. Root only."""

import glob
import json
import os
import sys

if os.geteuid() != 0:
    sys.exit("Error: Run this script(%s) as a root user" % sys.argv[0])
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CORES = sorted(glob.glob(ROOT + "/sys/devices/system/cpu/cpu[0-9]*/cpufreq"))


def read(path):
    with open(path) as stream:
        return stream.read().strip()


def write(path, text):
    with open(path, "w") as stream:
        stream.write(text + "\n")


def lowest(core):
    return core + "/scaling_min_freq"


action, where = [*sys.argv[1:], "", ""][:2]
where = where or ROOT + "/etc/l4t_dfs.conf"
if action == "--show":
    for core in CORES:
        print("%s: MinFreq=%s" % (core.split("/")[-2], read(lowest(core))))
elif action == "--store":
    write(where, json.dumps({os.path.basename(os.path.dirname(c)): read(lowest(c)) for c in CORES}))
elif action == "--restore":
    for name, value in json.loads(read(where)).items():
        write("%s/sys/devices/system/cpu/%s/cpufreq/scaling_min_freq" % (ROOT, name), value)
elif action == "":
    for core in CORES:
        write(lowest(core), read(core + "/scaling_max_freq"))
else:
    sys.exit("Error: unknown option " + action)
