"""Lock a board's clocks for the time that something is timed, and put everything back after it.

What was there before is on disk before anything changes. It is put back by whoever leaves the
timing lock as the last: the session, or the process that watches over a run when the link was lost
meanwhile; after a crash by the next session. What a reboot has undone by itself is forgotten then;
a Jetson's power mode outlives it and is put back.
"""

import os

import conditions
import files
import processors
import reservation
import system
import tools
from refusal import Refused

SAVED = "locks/clocks.json"
JETSON_CLOCKS = "locks/jetson_clocks.conf"
TIMEOUT_S = 60.0


def lock(root, governor=None, power_mode=None, jetson_clocks=False, by=""):
    """The verb `lock_clocks`: reserve the board and set what is asked for.

    governor: of every core.   power_mode: nvpmodel's number.   jetson_clocks: run it.
    Raises: Refused; everything is as before then.
    """
    if not tools.may_be_root():
        raise Refused("no-rights", "setting clocks needs root, or sudo without a password")
    reservation.reserve(root, by)
    try:
        if power_mode is not None:
            _lock_power_mode(root, power_mode)
        if governor is not None:
            _lock_governor(root, governor)
        if jetson_clocks:
            _lock_jetson_clocks(root)
    except BaseException:
        restore(root)
        raise
    return {"conditions": conditions.read(root)}


def restore(root):
    """The verb `restore_clocks`: put back what was before; what was put back, and what was not."""
    saved = files.read_json(_path(root)) or {}
    if saved.get("boot_id") != system.boot_id():
        saved.pop("governors", None)
        saved.pop("jetson_clocks", None)
    restored, left = [], {}
    for key in ("jetson_clocks", "governors", "power_mode"):
        if key in saved:
            if _RESTORE[key](root, saved[key]):
                restored.append(key)
            else:
                left[key] = saved[key]
    _keep(root, dict(left, boot_id=saved.get("boot_id")) if left else None)
    return {"restored": restored, "failed": sorted(left)}


def restore_if_unused(root):
    """Put clocks back where nobody times any more; as restore, None where there is nothing to do.

    The timing lock is asked for: as long as a session or a run has it, clocks stay.
    """
    if not os.path.exists(_path(root)):
        return None
    lock_file = reservation.try_take(root)
    if lock_file is None:
        return None
    try:
        return restore(root)
    finally:
        os.close(lock_file)


def _lock_power_mode(root, number):
    before = conditions.power_mode()
    if before is None:
        raise Refused("not-there", "this board has no power modes that nvpmodel knows")
    if before["id"] == number:
        return
    _save(root, "power_mode", before["id"])
    if not _set_power_mode(root, number):
        raise Refused(
            "not-set", "nvpmodel did not set mode {}: it may ask to reboot".format(number)
        )


def _set_power_mode(_root, number):
    """Whether the board has this mode then. nvpmodel asks before it reboots; no answer is no."""
    tools.as_root("nvpmodel", "-m", str(number), timeout_s=TIMEOUT_S)
    now = conditions.power_mode()
    return now is not None and now["id"] == number


def _lock_governor(root, governor):
    before = {str(cpu): processors.clock(cpu).get("governor") for cpu in processors.online()}
    before = {cpu: name for cpu, name in before.items() if name is not None}
    if not before:
        raise Refused("not-there", "this board does not let the clocks of its cores be governed")
    _save(root, "governors", before)
    if not _set_governors(root, dict.fromkeys(before, governor)):
        raise Refused("not-set", "the governor cannot be set to {!r}".format(governor))


def _set_governors(_root, governors):
    """Whether every core that is online has its governor then."""
    online = set(map(str, processors.online()))
    wanted = {cpu: name for cpu, name in governors.items() if cpu in online}
    for cpu, name in wanted.items():
        if processors.clock(cpu).get("governor") != name:
            _write("{}/cpu{}/cpufreq/scaling_governor".format(processors.CPUS, cpu), name)
    return all(processors.clock(cpu).get("governor") == name for cpu, name in wanted.items())


def _lock_jetson_clocks(root):
    stored = os.path.join(root, JETSON_CLOCKS)
    if tools.find("jetson_clocks") is None:
        raise Refused("not-there", "this board has no jetson_clocks")
    if "jetson_clocks" not in (files.read_json(_path(root)) or {}):
        if not _jetson_clocks("--store", stored):
            raise Refused("not-set", "jetson_clocks cannot store what was before")
        _save(root, "jetson_clocks", True)
    if not _jetson_clocks():
        raise Refused("not-set", "jetson_clocks failed")


def _restore_jetson_clocks(root, _stored):
    return _jetson_clocks("--restore", os.path.join(root, JETSON_CLOCKS))


def _jetson_clocks(*arguments):
    done = tools.as_root("jetson_clocks", *arguments, timeout_s=TIMEOUT_S)
    return done is not None and done[0] == 0


_RESTORE = {
    "jetson_clocks": _restore_jetson_clocks,
    "governors": _set_governors,
    "power_mode": _set_power_mode,
}


def _write(path, text):
    """Write to a file of the kernel's with root's rights. Whether it took is read afterwards."""
    if os.geteuid() == 0:
        try:
            with open(system.at(path), "w") as stream:
                stream.write(text)
        except OSError:
            return
    else:
        tools.as_root("sh", "-c", 'printf %s "$1" > "$2"', "sh", text, system.at(path))


def _save(root, key, value):
    """Note what was before, once, and on disk."""
    saved = files.read_json(_path(root)) or {}
    saved.setdefault("boot_id", system.boot_id())
    saved.setdefault(key, value)
    _keep(root, saved)


def _keep(root, saved):
    path = _path(root)
    if saved is not None:
        files.write_json(path, saved)
    elif os.path.exists(path):
        os.unlink(path)


def _path(root):
    return os.path.join(root, SAVED)
