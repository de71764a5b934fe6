"""The verb `probe`: what a board is and what is there. What is not there is absent."""

import getpass
import glob
import os
import platform
import re
import struct
import sys

import conditions
import processors
import rails
import system
import tools

TOOLS = ("sha256sum", "ssh-keygen", "taskset", "jetson_clocks", "nvpmodel", "tegrastats")
TOOLS += ("vcgencmd", "trtexec", "sudo")
# Distributions by the names of their metadata folders, which are read and nothing is imported.
RUNTIMES = {
    "onnxruntime": "onnxruntime",
    "onnxruntime_gpu": "onnxruntime",
    "ai_edge_litert": "litert",
    "tflite_runtime": "tflite-runtime",
    "tensorflow": "tensorflow",
    "numpy": "numpy",
}
METADATA = re.compile(r"([A-Za-z0-9_.]+)-([0-9][A-Za-z0-9.+!]*?)(?:-py[0-9.]+)?\.(?:dist|egg)-info")
COMPUTE_CAPABILITIES = {
    "tegra210": "5.3",
    "tegra186": "6.2",
    "tegra194": "7.2",
    "tegra234": "8.7",
    "tegra264": "11.0",
}
VERSION = re.compile(r"(\d+\.\d+\.\d+)")


def read(root):
    """Everything, in a second or two."""
    found = {
        "system": _system(),
        "python": _python(),
        "memory": _memory(),
        "disk": _disk(root),
        "cpus": {
            "online": processors.online(),
            "clusters": processors.clusters(processors.kinds()),
        },
        "conditions": conditions.read(root),
        "rails": rails.read(),
        "tools": {name: tools.find(name) for name in TOOLS if tools.find(name)},
        "openssh": _openssh(),
        "root_rights": tools.may_be_root(),
        "runtimes": _runtimes(),
        "prepared": system.names_in(os.path.join(root, "python")),
        "board": _board(),
        "jetson": _jetson(),
        "tensorrt": _tensorrt(),
    }
    return _known(found)


def _known(table):
    return {key: value for key, value in table.items() if value is not None}


def _system():
    uname = os.uname()
    release = _os_release()
    return _known(
        {
            "machine": uname.machine,
            "kernel": uname.release,
            "bits": struct.calcsize("P") * 8,  # of user space: a 64-bit kernel may carry 32
            "libc": _libc(),
            "os": release.get("PRETTY_NAME"),
            "os_id": release.get("ID"),
            "os_version": release.get("VERSION_ID"),
            "boot_id": system.boot_id(),
            "user": _user(),
        }
    )


def _user():
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return None


def _os_release():
    """os-release(5), its values without quotes."""
    text = system.read_text("/etc/os-release") or system.read_text("/usr/lib/os-release") or ""
    pairs = re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE)
    return {name: value.strip().strip("\"'") for name, value in pairs}


def _libc():
    """ "glibc 2.27", "musl", or None."""
    try:
        named = os.confstr("CS_GNU_LIBC_VERSION")
    except (ValueError, OSError):
        named = None
    if named:
        return named
    return "musl" if glob.glob(system.at("/lib/ld-musl-*")) else None


def _python():
    """What wheels have to fit: the version, ABI flags and platform of the Python that runs us."""
    return {
        "version": platform.python_version(),
        "implementation": platform.python_implementation(),
        "executable": sys.executable,
        "abiflags": getattr(sys, "abiflags", ""),
    }


def _memory():
    text = system.read_text("/proc/meminfo") or ""
    kilobytes = dict(re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE))
    names = {"MemTotal": "total_bytes", "MemAvailable": "available_bytes"}
    return {name: int(kilobytes[key]) * 1024 for key, name in names.items() if key in kilobytes}


def _disk(root):
    room = os.statvfs(root)
    return {
        "free_bytes": room.f_bavail * room.f_frsize,
        "total_bytes": room.f_blocks * room.f_frsize,
        "free_files": room.f_favail,
        "writable": os.access(root, os.W_OK | os.X_OK) and not room.f_flag & os.ST_RDONLY,
    }


def _openssh():
    """ "9.2", which ssh-keygen belongs to."""
    done = tools.run("ssh", "-V")
    found = re.search(r"OpenSSH_(\d+\.\d+)", done[1] + done[2]) if done else None
    return found.group(1) if found else None


def _runtimes():
    """{"name", "distribution", "version", "where"} of what this user's Python finds."""
    found = []
    for folder in _import_path():
        for entry in system.names_in(folder):
            named = METADATA.fullmatch(entry)
            name = named.group(1).replace("-", "_").lower() if named else ""
            if name in RUNTIMES:
                found.append(
                    {
                        "name": RUNTIMES[name],
                        "distribution": name,
                        "version": named.group(2),
                        "where": folder,
                    }
                )
    return found


def _import_path():
    """sys.path as a program of the user's has it; ours lacks what -I leaves out."""
    script = "import os, sys; print('\\n'.join(p for p in sys.path if os.path.isdir(p)))"
    return (tools.ask(sys.executable, "-c", script) or "").splitlines()


def _board():
    """Model and compatible names of the device tree; None on machines without one."""
    model = system.read_text("/proc/device-tree/model")
    compatible = system.read_text("/proc/device-tree/compatible")
    names = compatible.split("\0") if compatible else []
    found = _known({"model": model})
    return dict(found, compatible=names) if found or names else None


def _jetson():
    """Release, SoC and GPU of a Jetson; None elsewhere."""
    compatible = system.read_text("/proc/device-tree/compatible") or ""
    soc = re.search(r"nvidia,(tegra\d{3})\b", compatible)
    release = system.read_text("/etc/nv_tegra_release")
    if soc is None and release is None:
        return None
    named = re.search(r"R(\d+) \(release\), REVISION: ([0-9.]+)", release or "")
    return _known(
        {
            "soc": soc.group(1) if soc else None,
            "compute_capability": COMPUTE_CAPABILITIES.get(soc.group(1)) if soc else None,
            "l4t": "{}.{}".format(*named.groups()) if named else None,
            "power_modes": conditions.power_modes() or None,
        }
    )


def _tensorrt():
    """trtexec's path and TensorRT's version, each if it is there; None without both."""
    found = _known({"trtexec": tools.find("trtexec"), "version": _tensorrt_version()})
    return found or None


def _tensorrt_version():
    """ "8.2.1": of the package, of the header, of the library's name; the first that says."""
    return _packaged_version() or _header_version() or _library_version()


def _packaged_version():
    status = system.read_text("/var/lib/dpkg/status", 1 << 25) or ""
    for block in status.split("\n\n"):
        if re.search(r"^Package: (?:libnvinfer\d+|libnvinfer-bin)$", block, re.MULTILINE):
            version = re.search(r"^Version: (\S+)$", block, re.MULTILINE)
            found = VERSION.match(version.group(1)) if version else None
            if found and re.search(r"^Status: .* installed$", block, re.MULTILINE):
                return found.group(1)
    return None


def _header_version():
    for folder in ("/usr/include/aarch64-linux-gnu", "/usr/include"):
        text = system.read_text(folder + "/NvInferVersion.h") or ""
        parts = [
            re.search(r"#define (?:NV_TENSORRT|TRT)_{}(?:_ENTERPRISE)?\s+(\d+)".format(part), text)
            for part in ("MAJOR", "MINOR", "PATCH")
        ]
        if all(parts):
            return ".".join(part.group(1) for part in parts)
    return None


def _library_version():
    for folder in ("/usr/lib/aarch64-linux-gnu", "/usr/lib"):
        for name in system.names(folder):
            found = re.fullmatch(r"libnvinfer\.so\.(\d+\.\d+\.\d+)", name)
            if found:
                return found.group(1)
    return None
