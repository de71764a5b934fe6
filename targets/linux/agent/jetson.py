"""What a Jetson says of its TensorRT, its GPU and its power mode.

Nothing is kept in a table that the board can say itself; the one exception is the GPU, which on
a Tegra no tool of JetPack 4 names: it follows from the chip in the device tree.
"""

import glob
import os
import subprocess

import system

TRTEXEC = ("/usr/src/tensorrt/bin/trtexec", "/usr/bin/trtexec", "/opt/tensorrt/bin/trtexec")
NVPMODEL = "/usr/sbin/nvpmodel"
LIBRARIES = "/usr/lib/aarch64-linux-gnu/libnvinfer.so.*.*"
COMPATIBLE = ("/proc/device-tree/compatible", "/sys/firmware/devicetree/base/compatible")
# Chip → compute capability: NVIDIA, "CUDA GPU Compute Capability", legacy and Jetson tables.
CAPABILITIES = {
    "nvidia,tegra210": "5.3",
    "nvidia,tegra186": "6.2",
    "nvidia,tegra194": "7.2",
    "nvidia,tegra234": "8.7",
    "nvidia,tegra264": "11.0",
}
TIMEOUT_S = 60


def look(root):
    """trtexec: its path, banner: its first line, library: of libnvinfer, compute_capability,
    power_mode; each null where the board has none or does not say."""
    path = next((system.at(p) for p in TRTEXEC if os.access(system.at(p), os.X_OK)), None)
    return {
        "trtexec": path,
        "banner": path and first_line([path]),
        "library": library(),
        "compute_capability": compute_capability(),
        "power_mode": power_mode(),
    }


def library():
    """The name of libnvinfer's file, which ends with its version in full."""
    found = [os.path.basename(path) for path in glob.glob(system.at(LIBRARIES))]
    return max(found, key=len) if found else None


def compute_capability():
    """Of the GPU, "8.7"."""
    texts = [system.read_text(path) for path in COMPATIBLE]
    chips = next((text for text in texts if text), "").split("\0")
    return next((CAPABILITIES[chip] for chip in chips if chip in CAPABILITIES), None)


def power_mode():
    """nvpmodel's name of the mode: "NV Power Mode: MAXN"."""
    line = first_line([system.at(NVPMODEL), "-q"])
    key, _, name = (line or "").partition(": ")
    return name.strip() if key == "NV Power Mode" and name else None


def first_line(command):
    """The first line with something in it that a command writes; None if it cannot run."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return None
    try:
        said = process.communicate(timeout=TIMEOUT_S)[0].decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None
    return next((line.strip()[:400] for line in said.split("\n") if line.strip()), None)
