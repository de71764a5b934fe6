"""Uploads beside scp, over a real sshd on loopback, in one run.

python benchmarks/transfer [--mb N] [--pairs N] [--delays MS …] [--json FILE]

Each time is from nothing to a file that is there: connecting included, for edgetool also hashing
on both sides and syncing, which scp does not do. edgetool and scp take turns (ABBA); the ratio is
the median of scp's time over edgetool's in each pair. Delays are round trips, by a proxy in
between that both go through. Measured on this machine, with the server's work on it too.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from edgetool.transports.endpoint import Endpoint
from edgetool.transports.openssh import OpenSshTransport
from edgetool.transports.ssh import SshTransport
from edgetool.transports.transport import Transport
from link import Link
from ssh_server import SshServer

BACKENDS: dict[str, Callable[[Endpoint], Transport]] = {
    "paramiko": SshTransport,
    "openssh": OpenSshTransport,
}


@dataclass(frozen=True)
class Row:
    """One backend at one delay.   ratio: scp's time over ours, above 1 where scp is slower."""

    backend: str
    round_trip_ms: float
    upload_s: float
    scp_s: float
    ratio: float
    ratio_min: float
    ratio_max: float


def main() -> None:
    """Measure and print."""
    options = read_options()
    rows = []
    with tempfile.TemporaryDirectory(prefix="edgetool-transfer-") as folder:
        source = Path(folder) / "source"
        source.write_bytes(os.urandom(int(options.mb * 1e6)))
        with SshServer(Path(folder) / "server") as server:
            for delay_ms in options.delays:
                with way(server.port, delay_ms) as port:
                    for backend in BACKENDS:
                        rows.append(compare(server, port, backend, source, delay_ms, options.pairs))
                        show(rows[-1], options.mb)
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


@contextlib.contextmanager
def way(port: int, delay_ms: float) -> Iterator[int]:
    """The port to go to. The proxy is a process of its own: its work is not to slow down ours."""
    if not delay_ms:
        yield port
        return
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=carry, args=(port, delay_ms / 2000, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()


def carry(port: int, delay_s: float, told: Connection) -> None:
    """Tell the proxy's port and serve until killed."""
    with Link(port, delay_s=delay_s) as link:
        told.send(link.port)
        time.sleep(3600)


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python benchmarks/transfer", description=__doc__)
    parser.add_argument("--mb", type=float, default=50.0)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--delays", type=float, nargs="+", default=[0.0, 20.0], metavar="MS")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def compare(
    server: SshServer, port: int, backend: str, source: Path, delay_ms: float, pairs: int
) -> Row:
    """Pairs of an upload and an scp, each first every other time."""
    endpoint = server.endpoint(port=port, config_file=Path("none"))
    times: dict[str, list[float]] = {"ours": [], "scp": []}
    for pair in range(pairs):
        for name in ("ours", "scp") if pair % 2 == 0 else ("scp", "ours"):
            for old in server.home.iterdir():
                old.unlink()
            start = time.perf_counter()
            if name == "ours":
                upload(BACKENDS[backend], endpoint, source)
            else:
                scp(server, port, source)
            times[name].append(time.perf_counter() - start)
    ratios = [scp_s / ours_s for ours_s, scp_s in zip(times["ours"], times["scp"], strict=True)]
    return Row(
        backend,
        delay_ms,
        median(times["ours"]),
        median(times["scp"]),
        median(ratios),
        min(ratios),
        max(ratios),
    )


def upload(connect: Callable[[Endpoint], Transport], endpoint: Endpoint, source: Path) -> None:
    """Connect, upload, hang up."""
    with connect(endpoint) as transport:
        transport.upload(source, "uploaded")


def scp(server: SshServer, port: int, source: Path) -> None:
    """The same with OpenSSH's scp, with its own choice of algorithms."""
    known = server.folder / "known_hosts"
    known.write_text(f"[{server.host}]:{port} {server.host_key}\n")
    options = ["-q", "-F", "none", "-i", str(server.identity), "-o", f"UserKnownHostsFile={known}"]
    target = f"{server.user}@{server.host}:{server.home}/scp"
    command = ["scp", *options, "-o", "BatchMode=yes", "-P", str(port), str(source), target]
    subprocess.run(command, check=True, timeout=600)


def show(row: Row, megabytes: float) -> None:
    """One line."""
    print(
        f"{row.backend:9} {row.round_trip_ms:5.1f} ms   {megabytes / row.upload_s:6.1f} MB/s   "
        f"scp {megabytes / row.scp_s:6.1f} MB/s   "
        f"{row.ratio:.2f} x scp ({row.ratio_min:.2f} to {row.ratio_max:.2f})",
        flush=True,
    )


if __name__ == "__main__":
    main()
