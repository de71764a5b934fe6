"""The board's commands: where they are, and what they answer. A command that is not there, fails
or takes too long has no answer: absent, and not an error.
"""

import os
import subprocess

import system

FOLDERS = (
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
    "/opt/vc/bin",  # vcgencmd before Raspberry Pi OS 11
    "/usr/src/tensorrt/bin",
)
TIMEOUT_S = 10.0


def find(name):
    """The path of a command, None where there is none. An ordinary user's PATH lacks sbin."""
    path = os.environ.get("PATH", "") if system.ROOT == "/" else ""
    for folder in [*filter(None, path.split(os.pathsep)), *map(system.at, FOLDERS)]:
        found = os.path.join(folder, name)
        if os.path.isfile(found) and os.access(found, os.X_OK):
            return found
    return None


def ask(name, *arguments, **options):
    """What a command writes to standard output; None without an answer.   timeout_s."""
    done = run(name, *arguments, **options)
    return done[1] if done is not None and done[0] == 0 else None


def run(name, *arguments, **options):
    """(exit code, standard output, standard error) of a command; None where it does not run."""
    path = name if os.path.isabs(name) else find(name)
    if path is None:
        return None
    try:
        done = subprocess.run(
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=options.get("timeout_s", TIMEOUT_S),
            env=dict(os.environ, LC_ALL="C"),
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.returncode, _text(done.stdout), _text(done.stderr)


def as_root(name, *arguments, **options):
    """As run, with root's rights: by being root, or by a sudo that asks for no password."""
    if os.geteuid() == 0:
        return run(name, *arguments, **options)
    path = find(name)
    return None if path is None else run("sudo", "-n", path, *arguments, **options)


def may_be_root():
    """ "root", "sudo" where that asks for no password, else None."""
    if os.geteuid() == 0:
        return "root"
    return "sudo" if ask("sudo", "-n", "true") is not None else None


def _text(data):
    return data.decode("utf-8", "replace").strip()
