"""What deploying to many devices at once costs, beside one: real sshds on loopback.

    python benchmarks/deployment [--devices 20] [--pairs 5] [--bytes 1000000] [--delay-ms 0]

Each of the pairs deploys a new artifact to one device, then another to all at once; every device
is a server of its own with its own folder. With --delay-ms every link has that delay each way.
Servers and agents run on this machine too: what is measured is an upper bound of what the host
spends. Prints the ratio of the medians.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "toolchain"), str(ROOT / "tests")]

from deployed import RELEASE, device_of, with_weights  # noqa: E402
from edgetool.compilation.request import CompileRequest  # noqa: E402
from edgetool.compilation.steps import compile_model  # noqa: E402
from edgetool.deployment.deploy import Deployment  # noqa: E402
from edgetool.deployment.many import deploy_to_all  # noqa: E402
from edgetool.devices import Device  # noqa: E402
from link import Link  # noqa: E402
from ssh_server import SshServer  # noqa: E402

MODEL = ROOT / "models" / "digits-cnn" / "model.onnx"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--devices", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--bytes", type=int, default=1_000_000)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as open_:
        os.environ["XDG_CONFIG_HOME"] = folder  # a signing key of its own
        base = compile_model(CompileRequest(MODEL, "host", output=Path(folder, "digits"))).folder
        devices = [
            start(open_, Path(folder, f"server{n}"), arguments.delay_ms / 1e3)
            for n in range(arguments.devices)
        ]
        measure(base, Path(folder), devices, arguments)


def start(open_: contextlib.ExitStack, folder: Path, delay_s: float) -> Device:
    """A server, with a link in between where there is to be a delay."""
    server = open_.enter_context(SshServer(folder))
    if not delay_s:
        return device_of(server, folder.name)
    link = open_.enter_context(Link(server.port, delay_s=delay_s))
    return device_of(server, folder.name, link.port)


def measure(base: Path, folder: Path, devices: list[Device], arguments: argparse.Namespace) -> None:
    """Pairs of one device and all of them; the first pair, which sends the agent, is left out."""
    one, many = [], []
    for pair in range(arguments.pairs + 1):
        seconds = []
        for count, chosen in enumerate((devices[:1], devices)):
            seed = 2 * pair + count
            made = with_weights(base, folder / f"artifact{seed}", seed, arguments.bytes)
            deployment = Deployment.prepare(made, RELEASE)
            started = time.perf_counter()
            outcomes = deploy_to_all(deployment, chosen)
            seconds.append(time.perf_counter() - started)
            errors = [outcome.error for outcome in outcomes if outcome.error]
            if errors:
                raise errors[0]
        if pair:
            one.append(seconds[0])
            many.append(seconds[1])
            print(f"one {seconds[0]:.3f} s, {len(devices)} at once {seconds[1]:.3f} s", flush=True)
    ratio = statistics.median(many) / statistics.median(one)
    print(
        f"medians of {len(one)}: one {statistics.median(one):.3f} s, {len(devices)} at once "
        f"{statistics.median(many):.3f} s, {ratio:.1f} times (load {os.getloadavg()[0]:.1f}, "
        f"{os.cpu_count()} cores)"
    )


main()
