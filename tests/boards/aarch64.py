"""An aarch64 Linux board on this machine: Debian's sshd and Python under qemu's user emulation.

It is true in its architecture (`uname -m`, the loader, wheels), its SSH, its file systems, its
processes and its boot_id, and in nothing that has to do with time.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from boards.root_file_system import USER, cached_root_file_system
from boards.trees import write_tree

INIT = Path(__file__).with_name("aarch64_init.sh")
UP_TIMEOUT_S = 60.0
MAPPED_ACCOUNTS = "0 0 65536\n"
CPU = "cortex-a72"  # a Raspberry Pi 4's: no dot product, no SVE
SSHD_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey /etc/ssh/board_host_key
AuthorizedKeysFile /etc/ssh/board_authorized_keys
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PermitRootLogin prohibit-password
MaxStartups 200:30:400
PerSourceMaxStartups none
SetEnv QEMU_CPU={cpu} LANG=C.UTF-8
Subsystem sftp /usr/lib/openssh/sftp-server
PidFile none
"""


def missing_for_a_board() -> str | None:
    """Why no board can be started on this machine; None where one can."""
    for tool, package in {
        "qemu-aarch64-static": "qemu-user-static",
        "mmdebstrap": "mmdebstrap",
        "unshare": "util-linux",
        "ssh-keygen": "openssh-client",
    }.items():
        if shutil.which(tool) is None:
            return f"{tool} is not installed: apt install {package}"
    if os.geteuid() != 0:
        return "an aarch64 board needs root, for the accounts and mounts of its namespace"
    return None


@dataclass
class Aarch64Board:
    """A board whose state is in a folder; `with` starts it and ends it.

    folder: of this board alone, empty at first.   target: the board of boards.machines whose
    /sys, /proc, /etc and commands it shows as its own.   user: may log in with `key`, and so may
    root.   It listens at `host`:`port`.
    """

    folder: Path
    target: str = "raspberry-pi-4"
    user: str = USER
    host: str = "127.0.0.1"
    port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def __enter__(self) -> Self:
        self._prepare()
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def key(self) -> Path:
        """The private key that lets `user` and root in."""
        return self.folder / "user_key"

    @property
    def host_key(self) -> str:
        """The board's public host key, as known_hosts has it: "ssh-ed25519 AAAA…"."""
        text = (self.folder / "upper/etc/ssh/board_host_key.pub").read_text()
        return " ".join(text.split()[:2])

    @property
    def boot_id(self) -> str:
        """What /proc/sys/kernel/random/boot_id says on the board."""
        return self._boot_id_file.read_text().strip()

    @property
    def log(self) -> str:
        """What its sshd wrote since the board was made."""
        return (self.folder / "sshd.log").read_text(errors="replace")

    def on_disk(self, path: str) -> Path:
        """Where a file that the board wrote, or is to find, lies on this machine."""
        return self.folder / "upper" / path.lstrip("/")

    def start(self) -> None:
        """Boot: a new boot_id, then sshd. Returns when it takes connections."""
        self._boot_id_file.write_text(f"{uuid.uuid4()}\n")
        with (self.folder / "sshd.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.PIPE, stdout=log, stderr=log
            )
        self._map_accounts(self._process)
        self._wait_until_up(self._process)

    def stop(self) -> None:
        """Power off: every process of the board is killed at once, its mounts are gone."""
        process, self._process = self._process, None
        if process is None:
            return
        for child in _children(process.pid):
            os.kill(child, signal.SIGKILL)  # the first process of its namespace: all of them end
        if process.stdin:
            process.stdin.close()
        process.wait(timeout=UP_TIMEOUT_S)

    def reboot(self) -> None:
        """Power off and on again: what is on its disk stays, /tmp and /run are empty."""
        self.stop()
        self.start()

    @property
    def _boot_id_file(self) -> Path:
        return self.folder / "tree/proc/sys/kernel/random/boot_id"

    def _command(self) -> list[str]:
        qemu = str(shutil.which("qemu-aarch64-static"))
        namespaces = ["--user", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"]
        arguments = [str(cached_root_file_system()), str(self.folder), qemu]
        return ["unshare", *namespaces, "sh", str(INIT), *arguments]

    def _prepare(self) -> None:
        reason = missing_for_a_board()
        if reason:
            raise RuntimeError(reason)
        self.port = self.port or _free_port()
        tree = write_tree(self.target, self.folder / "tree")
        for name in ("etc", "usr", "var"):
            if (tree / name).is_dir():
                shutil.copytree(tree / name, self.folder / "upper" / name)
        self._boot_id_file.parent.mkdir(parents=True, exist_ok=True)
        self._write_ssh_files()

    def _write_ssh_files(self) -> None:
        ssh = self.folder / "upper/etc/ssh"
        ssh.mkdir(parents=True, exist_ok=True)
        _make_key(ssh / "board_host_key")
        _make_key(self.key)
        public = self.key.with_suffix(".pub").read_text()
        (ssh / "board_authorized_keys").write_text(public)
        (ssh / "board_config").write_text(SSHD_CONFIG.format(port=self.port, cpu=CPU))

    def _map_accounts(self, process: subprocess.Popen[bytes]) -> None:
        """All accounts are mapped onto themselves, which only root may ask for."""
        _wait_for_user_namespace(process)
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{process.pid}/{name}").write_text(MAPPED_ACCOUNTS)
        assert process.stdin is not None
        process.stdin.write(b"mapped\n")
        process.stdin.flush()

    def _wait_until_up(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + UP_TIMEOUT_S
        while time.monotonic() < deadline and process.poll() is None:
            if _greets(self.host, self.port):
                return
            time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"the board did not come up:\n{self.log[-2000:]}")


def _wait_for_user_namespace(process: subprocess.Popen[bytes]) -> None:
    ours = Path("/proc/self/ns/user").readlink()
    deadline = time.monotonic() + UP_TIMEOUT_S
    while Path(f"/proc/{process.pid}/ns/user").readlink() == ours:
        if time.monotonic() > deadline or process.poll() is not None:
            raise RuntimeError("unshare made no user namespace")
        time.sleep(0.005)


def _children(pid: int) -> list[int]:
    try:
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _greets(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=5.0) as link:
            return link.recv(4) == b"SSH-"
    except OSError:
        return False


def _make_key(path: Path) -> None:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "board", "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
