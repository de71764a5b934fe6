"""What a probe found on a device, checked: the agent's verbs `probe` and `conditions`.

What the device did not show is None or an empty tuple, and never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from edgetool.agent.client import AgentClient
from edgetool.agent.messages import Reader

PROBE_TIMEOUT_S = 60.0
ENTRIES_MAX = 4096
T = TypeVar("T")


@dataclass(frozen=True)
class CpuCluster:
    """Cores that are alike.   implementer, part: Arm's numbers ("0x41", "0xd0b").

    clock_hz: of each core at that moment.   features: as /proc/cpuinfo names them.
    """

    cpus: tuple[int, ...]
    governor: str | None = None
    governors: tuple[str, ...] = ()
    clock_hz: tuple[int, ...] = ()
    min_hz: int | None = None
    max_hz: int | None = None
    hardware_max_hz: int | None = None
    implementer: str | None = None
    part: str | None = None
    model: str | None = None
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class GpuClock:
    """device: of /sys/class/devfreq."""

    device: str
    governor: str | None = None
    clock_hz: int | None = None
    min_hz: int | None = None
    max_hz: int | None = None


@dataclass(frozen=True)
class PowerMode:
    """Of nvpmodel."""

    id: int
    name: str


@dataclass(frozen=True)
class Conditions:
    """What speed depends on, at a moment.   throttled: a Raspberry Pi's bits.

    temperatures_c: by thermal zone.   load: processes that want to run, over a minute.
    """

    cpu_clocks: tuple[CpuCluster, ...] = ()
    temperatures_c: tuple[tuple[str, float], ...] = ()
    gpu: GpuClock | None = None
    memory_clock_hz: int | None = None
    throttled: int | None = None
    power_mode: PowerMode | None = None
    load: float | None = None


@dataclass(frozen=True)
class Rail:
    """A power rail that the board measures.   sensor: "ina3221" or "pmic"."""

    sensor: str
    name: str
    voltage_v: float | None = None
    current_a: float | None = None
    power_w: float | None = None


@dataclass(frozen=True)
class InstalledRuntime:
    """A distribution that the user's Python finds; nobody has tried to import it."""

    name: str
    distribution: str
    version: str
    where: str


@dataclass(frozen=True)
class Facts:
    """A device.   machine: as `uname -m`.   bits: of its programs, which may be fewer than its
    kernel's.   libc: "glibc 2.27", "musl".   python: None where there is none.

    root_rights: "root", "sudo" (without a password) or None.
    prepared: runtimes that edgetool has put there, folders below python/.
    """

    machine: str
    kernel: str
    bits: int | None = None
    libc: str | None = None
    os: str | None = None
    os_id: str | None = None
    os_version: str | None = None
    boot_id: str | None = None
    user: str | None = None
    python: str | None = None
    python_executable: str | None = None
    memory_bytes: int | None = None
    memory_available_bytes: int | None = None
    disk_free_bytes: int | None = None
    writable: bool | None = None
    cpus_online: tuple[int, ...] = ()
    cpu_clusters: tuple[CpuCluster, ...] = ()
    conditions: Conditions = Conditions()
    rails: tuple[Rail, ...] = ()
    tools: tuple[tuple[str, str], ...] = ()
    openssh: str | None = None
    root_rights: str | None = None
    runtimes: tuple[InstalledRuntime, ...] = ()
    prepared: tuple[str, ...] = ()
    board_model: str | None = None
    compatible: tuple[str, ...] = ()
    soc: str | None = None
    compute_capability: str | None = None
    l4t: str | None = None
    power_modes: tuple[PowerMode, ...] = ()
    trtexec: str | None = None
    tensorrt: str | None = None

    def tool(self, name: str) -> str | None:
        """The path of a command there."""
        return dict(self.tools).get(name)


def probe_device(client: AgentClient) -> Facts:
    """Ask what the device is. Raises: as AgentClient.call; ProtocolError."""
    return read_facts(client.call("probe", timeout_s=PROBE_TIMEOUT_S), Reader(client.where))


def read_conditions(client: AgentClient) -> Conditions:
    """Ask how things stand there now. Raises: as probe_device."""
    answer = client.call("conditions", timeout_s=PROBE_TIMEOUT_S)
    return _Table(answer, Reader(client.where)).conditions()


def read_facts(answer: Mapping[str, Any], reader: Reader) -> Facts:
    """The answer to a probe, checked. Raises: ProtocolError."""
    table = _Table(answer, reader)
    system, python, memory = table.table("system"), table.table("python"), table.table("memory")
    disk, cpus, board = table.table("disk"), table.table("cpus"), table.table("board")
    jetson, tensorrt = table.table("jetson"), table.table("tensorrt")
    return Facts(
        reader.text(system.content, "machine"),
        reader.text(system.content, "kernel"),
        system.count("bits"),
        libc=system.text("libc"),
        os=system.text("os"),
        os_id=system.text("os_id"),
        os_version=system.text("os_version"),
        boot_id=system.text("boot_id"),
        user=system.text("user"),
        python=python.text("version"),
        python_executable=python.text("executable"),
        memory_bytes=memory.count("total_bytes"),
        memory_available_bytes=memory.count("available_bytes"),
        disk_free_bytes=disk.count("free_bytes"),
        writable=disk.flag("writable"),
        cpus_online=cpus.counts("online"),
        cpu_clusters=cpus.each("clusters", _Table.cluster),
        conditions=table.table("conditions").conditions(),
        rails=table.each("rails", _Table.rail),
        tools=table.table("tools").texts_by_name(),
        openssh=table.text("openssh"),
        root_rights=table.text("root_rights"),
        runtimes=table.each("runtimes", _Table.runtime),
        prepared=table.texts("prepared"),
        board_model=board.text("model"),
        compatible=board.texts("compatible"),
        soc=jetson.text("soc"),
        compute_capability=jetson.text("compute_capability"),
        l4t=jetson.text("l4t"),
        power_modes=jetson.each("power_modes", _Table.power_mode),
        trtexec=tensorrt.text("trtexec"),
        tensorrt=tensorrt.text("version"),
    )


class _Table:
    """A part of an answer; what is not in it is None or empty."""

    def __init__(self, content: Any, reader: Reader) -> None:
        if not isinstance(content, dict) or len(content) > ENTRIES_MAX:
            reader.refuse("a table that is none")
        self.content: dict[str, Any] = content
        self._reader = reader

    def table(self, key: str) -> _Table:
        return _Table(self.content.get(key, {}), self._reader)

    def text(self, key: str) -> str | None:
        return self._reader.text(self.content, key) if key in self.content else None

    def count(self, key: str) -> int | None:
        return self._reader.count(self.content, key) if key in self.content else None

    def number(self, key: str) -> float | None:
        return self._reader.number(self.content, key) if key in self.content else None

    def flag(self, key: str) -> bool | None:
        found = self.content.get(key)
        return found if isinstance(found, bool) else None

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(self._reader.text({key: each}, key) for each in self._list(key))

    def counts(self, key: str) -> tuple[int, ...]:
        return tuple(self._reader.count({key: each}, key) for each in self._list(key))

    def texts_by_name(self) -> tuple[tuple[str, str], ...]:
        named = ({"name": name, "text": text} for name, text in sorted(self.content.items()))
        return tuple((self._reader.text(e, "name"), self._reader.text(e, "text")) for e in named)

    def each(self, key: str, take: Callable[[_Table], T]) -> tuple[T, ...]:
        return tuple(take(_Table(entry, self._reader)) for entry in self._list(key))

    def _list(self, key: str) -> list[Any]:
        found = self.content.get(key, [])
        if not isinstance(found, list) or len(found) > ENTRIES_MAX:
            self._reader.refuse(f"{key} is no list")
        return found

    def _named(self, key: str) -> str:
        return self._reader.text(self.content, key)

    def cluster(self) -> CpuCluster:
        return CpuCluster(
            self.counts("cpus"),
            self.text("governor"),
            self.texts("governors"),
            self.counts("clock_hz"),
            self.count("min_hz"),
            self.count("max_hz"),
            self.count("hardware_max_hz"),
            self.text("implementer"),
            self.text("part"),
            self.text("model"),
            self.texts("features"),
        )

    def rail(self) -> Rail:
        return Rail(
            self._named("sensor"),
            self._named("name"),
            self.number("voltage_v"),
            self.number("current_a"),
            self.number("power_w"),
        )

    def runtime(self) -> InstalledRuntime:
        return InstalledRuntime(
            self._named("name"),
            self._named("distribution"),
            self._named("version"),
            self._named("where"),
        )

    def power_mode(self) -> PowerMode:
        return PowerMode(self._reader.count(self.content, "id"), self._named("name"))

    def temperature(self) -> tuple[str, float]:
        return self._named("zone"), self._reader.number(self.content, "temperature_c")

    def gpu(self) -> GpuClock:
        return GpuClock(
            self._named("device"),
            self.text("governor"),
            self.count("clock_hz"),
            self.count("min_hz"),
            self.count("max_hz"),
        )

    def conditions(self) -> Conditions:
        has = self.content
        return Conditions(
            self.each("cpu_clocks", _Table.cluster),
            self.each("temperatures", _Table.temperature),
            self.table("gpu").gpu() if "gpu" in has else None,
            self.count("memory_clock_hz"),
            self.count("throttled"),
            self.table("power_mode").power_mode() if "power_mode" in has else None,
            self.number("load"),
        )
