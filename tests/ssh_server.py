"""A real OpenSSH server on loopback, as a device to test with: its own keys, home and commands.

    @pytest.fixture
    def server(tmp_path: Path) -> Iterator[SshServer]:
        needs.require_ssh_server()
        with SshServer(tmp_path / "server") as server:
            yield server

    SshTransport(server.endpoint())                      # paramiko, everything pinned
    Device(name=…, host=server.host, user=server.user, port=server.port,
           host_keys=(server.host_key,), identity=str(server.identity))

Files are below `server.home`, where every session starts and which is its HOME. Fake commands
(vcgencmd, trtexec …) go into `server.commands`, which stands first on PATH.

options: any of sshd_config, {"MaxStartups": "1:100:1"}; see sshd_config(5).
environment: of every session.   unprivileged: sessions of root have no more rights than others
(so that "Permission denied" happens), where this machine has setpriv.

`stop()` and `start()` keep port, keys and home; `end_sessions()` cuts every connection from the
server's side, as a crash of its sshd does. Faults of the link in between are in link.py.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from edgetool.transports.endpoint import Endpoint

HOW_TO_INSTALL = "apt install openssh-server openssh-client"
UP_TIMEOUT_S = 30.0
PRIVILEGE_SEPARATION = Path("/run/sshd")  # sshd of root's insists on it; Debian's unit makes it
OPTIONS = {
    "ListenAddress": "127.0.0.1",
    "StrictModes": "no",  # /tmp is everybody's
    "UsePAM": "no",
    "UseDNS": "no",
    "PasswordAuthentication": "no",
    "KbdInteractiveAuthentication": "no",
    "PermitRootLogin": "prohibit-password",
    "PidFile": "none",
    "MaxStartups": "200:30:400",
    "PerSourceMaxStartups": "none",
    # not internal-sftp, which the forced command cannot run
    "Subsystem": "sftp /usr/lib/openssh/sftp-server",
}
SESSION = """\
#!/bin/sh
cd {home} || exit 99
export HOME={home} PATH={commands}:"$PATH" {environment}
exec {prefix} ${{SHELL:-/bin/sh}} -c "$SSH_ORIGINAL_COMMAND"
"""
WITHOUT_PRIVILEGES = "setpriv --bounding-set=-all --inh-caps=-all --no-new-privs"


@dataclass
class SshServer:
    """An sshd of this user's, whose state is in a folder; `with` starts it and ends it."""

    folder: Path
    options: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    unprivileged: bool = False
    host: str = "127.0.0.1"
    port: int = 0
    user: str = field(default_factory=getpass.getuser)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def __enter__(self) -> Self:
        for path in (self.folder, self.home, self.commands):
            path.mkdir(parents=True, exist_ok=True)
        self.port = self.port or _free_port()
        for key in (self.folder / "host_key", self.identity):
            if not key.exists():
                make_key(key)
        shutil.copy(self.identity.with_suffix(".pub"), self.folder / "authorized_keys")
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
    def home(self) -> Path:
        """Where sessions start."""
        return self.folder / "home"

    @property
    def commands(self) -> Path:
        """First on the sessions' PATH."""
        return self.folder / "commands"

    @property
    def identity(self) -> Path:
        """The private key that lets the user in."""
        return self.folder / "user_key"

    @property
    def host_key(self) -> str:
        """The public host key, as known_hosts has it: "ssh-ed25519 AAAA…"."""
        return " ".join((self.folder / "host_key.pub").read_text().split()[:2])

    @property
    def log(self) -> str:
        """What the server wrote."""
        return (self.folder / "log").read_text(errors="replace")

    def endpoint(self, **changes: Any) -> Endpoint:
        """How to get there; changes: other fields of it (port=link.port)."""
        from edgetool.transports.endpoint import Endpoint

        fields: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "host_keys": (self.host_key,),
            "identity_files": (self.identity,),
            "identities_only": True,
        }
        return Endpoint(**{**fields, **changes})

    def start(self) -> None:
        """Start the server; returns when it takes connections."""
        self._write_files()
        if os.geteuid() == 0:
            PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
        config, log = self.folder / "config", self.folder / "log"
        self._process = subprocess.Popen(
            [str(sshd()), "-D", "-f", str(config), "-E", str(log)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait_until_up(self._process)

    def stop(self) -> None:
        """End the server and every session, with the programs that still belong to one."""
        process, self._process = self._process, None
        if process is not None:
            sessions = list(_descendants(process.pid))
            process.kill()
            process.wait(UP_TIMEOUT_S)
            _kill(sessions)

    def end_sessions(self) -> None:
        """Kill what serves the connections that are open; the server takes new ones."""
        if self._process is not None:
            _kill(list(_descendants(self._process.pid)))

    def _write_files(self) -> None:
        session = self.folder / "session"
        words = [f"{name}={shlex.quote(value)}" for name, value in self.environment.items()]
        drop = self.unprivileged and os.geteuid() == 0
        text = SESSION.format(
            home=shlex.quote(str(self.home)),
            commands=shlex.quote(str(self.commands)),
            environment=" ".join(words),
            prefix=WITHOUT_PRIVILEGES if drop else "",
        )
        session.write_text(text)
        session.chmod(0o700)
        options = {
            "Port": str(self.port),
            "HostKey": str(self.folder / "host_key"),
            "AuthorizedKeysFile": str(self.folder / "authorized_keys"),
            "ForceCommand": str(session),
            "SetEnv": f'"HOME={self.home}"',  # else bash reads this user's own .bashrc first
            **OPTIONS,
            **self.options,
        }
        lines = [f"{name} {value}\n" for name, value in options.items()]
        (self.folder / "config").write_text("".join(lines))

    def _wait_until_up(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + UP_TIMEOUT_S
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection((self.host, self.port), timeout=5.0).close()
                return
            time.sleep(0.02)
        self.stop()
        raise RuntimeError(f"sshd did not come up:\n{self.log[-2000:]}")


def sshd() -> Path | None:
    """The server's absolute path, which it wants to be started by; None where there is none."""
    found = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    return Path(found).resolve() if found else None


def make_key(path: Path, kind: str = "ed25519") -> None:
    """A key pair without a passphrase: `path` and `path`.pub."""
    command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "test", "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _descendants(pid: int) -> Iterator[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in map(int, children):
        yield child  # first: killed before it can tell of its own children's end
        yield from _descendants(child)


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
