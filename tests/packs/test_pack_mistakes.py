"""What a user may get wrong in a pack: each is refused with the file, the key and what to try."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgetool.errors import PackError
from edgetool.packs import find_profile, find_recipe, find_target

WritePack = Callable[[str, str], Path]
BOARD = """
inherits = "cortex-m4"
description = "my board"
ram_bytes = 65_536
"""
RECIPE = """
description = "my model"
licence = "MIT"
metric = "top1"
[input]
shape = [1, 4]
layout = "NC"
dtype = "float32"
"""
HASH = "a" * 64


def refusal(file: Path) -> str:
    """The error's text when this target is read."""
    with pytest.raises(PackError) as error:
        find_target(file)
    assert error.value.exit_code == 2
    return str(error.value)


CODE_MEMORY = "[code_memory]\nwait_states = 5"
PORT = (
    "[port]\ntried = 'x'\nflash_start = 0\nflash_bytes = 1\nram_start = 0\nram_bytes = 1\n"
    "stack_bytes = 1"
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ram_byte = 1", "ram_byte: unknown key; did you mean ram_bytes?"),
        ("zzz = 1", "zzz: unknown key; known: description"),
        ("name = 'other'", "name: unknown key"),
        ("source = 'x'", "source: unknown key"),
        ("flash_bytes = '1 MB'", "flash_bytes: must be a whole number, is '1 MB'"),
        ("flash_bytes = true", "flash_bytes: must be a whole number, is True"),
        ("flash_bytes = 0", "flash_bytes: is 0, must be positive"),
        ("clock_hz = -1", "clock_hz: is -1, must be positive"),
        ("symmetric_activations = 'no'", "symmetric_activations: must be true or false"),
        ("precisions = ['int9']", "precisions[0]: 'int9' is not one of float32"),
        ("precisions = []", "precisions: must name at least one"),
        ("precisions = ['int8', 'int8']", "precisions: must name at least one, and none twice"),
        ("precisions = ['float32']\ndefault_io = 'float32'", "'int8' is not among precisions"),
        ("precisions = ['float32']", "default_io: is int8, but int8 is not among precisions"),
        ("runtimes = 'c'", "runtimes: must be a list, is 'c'"),
        ("runtimes = ['tensorrt']", "'tensorrt' does not run on family 'microcontroller'"),
        ("family = 'linux'", "core: family 'linux' must not have a [core]"),
        ("family = 'desktop'", "family: 'desktop' is not one of microcontroller, linux, host"),
        ("arch = 'aarch64'", "arch: must not be given for family 'microcontroller'"),
        ("opset_max = 3", "opset_max: is 3, must be 10 to 40"),
        ('notes = ["\\u001b[31m"]', "notes[0]: '\\x1b[31m' has control characters"),
        ("[flash]\ntools = []", "flash.tools: must name at least one"),
        ("[flash]\ntools = ['dfu']", "flash.tools[0]: 'dfu' is not one of pyocd, openocd"),
        ("[flash]\ntools = ['pyocd']", "flash.pyocd_target: missing: pyocd needs it"),
        ("[flash]\ntools = ['openocd']", "flash.openocd_config: missing: openocd needs it"),
        ("[flash]\ntools = ['st-flash']", "flash.address: missing: st-flash needs it"),
        (
            "[flash]\ntools = ['pyocd']\npyocd_target = '--script=x'",
            "flash.pyocd_target: '--script=x' is not [a-z0-9_]+",
        ),
        (
            "[flash]\ntools = ['openocd']\nopenocd_config = ['/tmp/evil.cfg']",
            "flash.openocd_config: '/tmp/evil.cfg' is not a script of OpenOCD's own",
        ),
        (
            "[flash]\ntools = ['openocd']\nopenocd_config = ['target/../../evil.cfg']",
            "'target/../../evil.cfg' is not a script of OpenOCD's own",
        ),
        ("[flash]\ntools = ['picotool']\naddress = -4", "flash.address: must be 0 to"),
        ("[port]\nsource = 'x'", "port.flash_start: missing"),
        (f"{PORT}\nsource = '../x'", "port.source: '../x' is not"),
        (f"{PORT}\nsource = 'x'\n[port.defines]\nX = 1", "port.defines.X: is not EDGE_"),
        (f"{PORT}\nsource = 'x'\n[port.defines]\nEDGE_X = -1", "port.defines.EDGE_X: is -1"),
        ("[core]\nfpux = true", "core.fpux: unknown key; did you mean core.fpu?"),
        ("[core]\nisa = 'z80'", "core.isa: 'z80' is not one of armv6-m"),
        ("[core]\nkernels = ['cortex-m4']", "core.kernels: must end with 'portable'"),
        ("[core]\nkernels = ['../evil', 'portable']", "core.kernels: '../evil' is not a target"),
        ("[core]\ngcc_flags = ['-fplugin=evil.so']", "core.gcc_flags: '-fplugin=evil.so' is not"),
        ("[core]\ngcc_flags = ['-mcpu=x -wrapper y']", "core.gcc_flags"),
        ("[core]\ngcc_flags = ['@options']", "core.gcc_flags"),
        ("[core]\ngcc = '/tmp/gcc'", "core.gcc: '/tmp/gcc' is not of the form"),
        ("[core]\nzig_cpu = 'x -o y'", "core.zig_cpu"),
        ("[core]\nqemu_machine = '-kernel'", "core.qemu_machine"),
        ("[core]\nunicorn_cpu = '__import__'", "core.unicorn_cpu"),
        ("[core.cycles]\naluu = 1", "core.cycles.aluu: unknown class"),
        ("[core.cycles]\nalu = -1", "core.cycles.alu: is -1.0, must be 0 to 1000 cycles"),
        ("[core]\nissue_width = 3", "core.issue_width: is 3, must be 1 or 2"),
        ("[code_memory]\nwait_states = 5", "code_memory.read_bytes: missing"),
        (f"{CODE_MEMORY}\nread_bytes = 6", "code_memory.read_bytes: is 6, must be one of"),
        (
            f"{CODE_MEMORY}\nread_bytes = 8\ndata_cache_bytes = 12",
            "code_memory.data_cache_bytes: is 12, must be a multiple of read_bytes",
        ),
        (
            f"{CODE_MEMORY}\nread_bytes = 8\ninstruction_cache_bytes = 16_384",
            "instruction_cache_bytes: is 16384, must be a multiple of read_bytes, at most 1024",
        ),
        ("[facts]\nrom = 'x'", "facts.rom: cites a field that is not there"),
        ("[[sensors]]\nrails = []", "sensors[0].meter: missing"),
        ("[[sensors]]\nmeter = 'ina3221'\ntotal = 'VDD'", "sensors[0].total: 'VDD' is not among"),
        ("[[power_modes]]\nname='A'\n[[power_modes]]\nname='A'", "power_modes: two have the same"),
    ],
)
def test_mistake_in_a_target_is_named(write_pack: WritePack, line: str, expected: str) -> None:
    file = write_pack("targets/my-board/target.toml", BOARD + line)
    text = refusal(file)
    assert expected in text
    assert str(file) in text


def test_all_mistakes_of_a_file_come_at_once(write_pack: WritePack) -> None:
    text = refusal(write_pack("b/target.toml", BOARD + "a = 1\nflash_bytes = ''\narch = 1\n"))
    assert "3 mistakes" in text
    assert all(key in text for key in ("a: unknown", "flash_bytes: must", "arch: must"))


def test_missing_keys_are_named(write_pack: WritePack) -> None:
    text = refusal(write_pack("b/target.toml", "description = 'x'"))
    assert "family: missing" in text and "runtimes: missing" in text


def test_description_is_not_inherited(write_pack: WritePack) -> None:
    text = refusal(write_pack("b/target.toml", "inherits = 'cortex-m4'"))
    assert "description: missing" in text


def test_mistake_of_a_parent_names_the_parents_file(write_pack: WritePack) -> None:
    parent = write_pack("targets/base/target.toml", BOARD + "wrong = 1")
    child = write_pack(
        "targets/child/target.toml", "inherits = 'base'\ndescription = 'x'\nram_bytes = 1"
    )
    assert str(parent) in refusal(child)


@pytest.mark.parametrize("names", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_a_circle_of_inheritance_is_refused(write_pack: WritePack, names: list[str]) -> None:
    for name, parent in zip(names, [*names[1:], names[0]], strict=True):
        write_pack(f"targets/{name}/target.toml", f"inherits = '{parent}'\ndescription = 'x'")
    file = write_pack("targets/a/target.toml", f"inherits = '{(names * 2)[1]}'\ndescription = 'x'")
    assert "inherits itself" in refusal(file)


def test_a_very_long_chain_is_refused(write_pack: WritePack) -> None:
    for depth in range(20):
        write_pack(f"targets/d{depth}/target.toml", f"inherits = 'd{depth + 1}'")
    assert "too long a chain" in refusal(write_pack("targets/d0/target.toml", "inherits = 'd1'"))


@pytest.mark.parametrize("name", ["cortex-m44", "../cortex-m4", "/etc/passwd", ""])
def test_unknown_parent_is_refused(write_pack: WritePack, name: str) -> None:
    text = refusal(write_pack("b/target.toml", f"inherits = '{name}'\ndescription = 'x'"))
    assert f"inherits: target '{name}' not found" in text
    assert "edgetool targets" in text


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"description = ", "not valid TOML"),
        (b"\xff\xfe\x00", "not valid TOML"),
        (b"#" * (1 << 21), "larger than 1048576 bytes"),
        (b"a = " + b"[" * 100_000, "not valid TOML"),
    ],
    ids=["syntax", "not-utf-8", "huge", "deep"],
)
def test_bytes_that_are_no_toml_are_refused(
    write_pack: WritePack, content: bytes, expected: str
) -> None:
    file = write_pack("b/target.toml", "")
    file.write_bytes(content)
    assert expected in refusal(file)


@pytest.mark.parametrize("folder", ["My Board", "UPPER", "-dash", "x" * 64, "ä"])
def test_folder_name_that_is_no_id_is_refused(write_pack: WritePack, folder: str) -> None:
    assert "name: " in refusal(write_pack(f"{folder}/target.toml", BOARD))


@pytest.mark.parametrize("name", ["UPPER", "a b", "-x", "x" * 64, "a\nb", "$(id)", ""])
def test_a_bad_name_on_the_command_line_is_refused(name: str) -> None:
    with pytest.raises(PackError, match="is not valid"):
        find_target(name)


@pytest.mark.parametrize("number", ["ram_bytes", "flash_bytes", "clock_hz"])
def test_built_in_number_without_citation_is_refused(
    write_pack: WritePack, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    text = Path(find_target("cortex-m4").source.path).read_text()
    write_pack("targets/cortex-m4/target.toml", text)
    board = f"inherits = 'cortex-m4'\ndescription = 'x'\n{number} = 4096\n"
    file = write_pack("targets/board/target.toml", board)
    root = file.parents[2]
    monkeypatch.setattr("edgetool.packs.finding.built_in_root", lambda: root)
    with pytest.raises(PackError, match=f"facts.{number}: missing"):
        find_target("board")
    file.write_text(board + f"[facts]\n{number} = 'data sheet, page 1'\n")
    assert find_target("board").facts[number] == "data sheet, page 1"


def test_citation_of_a_number_that_a_child_changes_is_not_inherited(write_pack: WritePack) -> None:
    text = "inherits = 'nucleo-l4r5zi'\ndescription = 'less RAM'\nram_bytes = 1024"
    board = find_target(write_pack("b/target.toml", text))
    assert "ram_bytes" not in board.facts and "flash_bytes" in board.facts


def files_line(name: str = "m.onnx", sha256: str = HASH, more: str = "") -> str:
    return f"[[files]]\nname = {name!r}\nrole = 'model'\nsha256 = '{sha256}'\n{more}\n"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", "files: missing"),
        (files_line("../evil.onnx"), "files[0].name: '../evil.onnx' is not a plain file name"),
        (files_line("/etc/passwd"), "is not a plain file name"),
        (files_line("a/b.onnx"), "is not a plain file name"),
        (files_line("a\\b.onnx"), "is not a plain file name"),
        (files_line(".."), "is not a plain file name"),
        (files_line(".hidden"), "is not a plain file name"),
        (files_line("x" * 200), "is not a plain file name"),
        (files_line() * 2, "files[1].name: 'm.onnx' is there twice"),
        (files_line(sha256="A" * 64), "files[0].sha256: must be 64 small hexadecimal digits"),
        (files_line(sha256="aeea4368"), "files[0].sha256: must be 64 small hexadecimal digits"),
        (files_line(more="url = 'http://example.org/m'"), "is not https"),
        (files_line(more="url = 'file:///etc/passwd'"), "is not https"),
        (files_line(more="url = 'https:///m'"), "is not https"),
        (files_line(more="url = 'https://github.com/a/b/raw/main/m'"), "is not pinned"),
        (files_line(more="url = 'https://x.org/m'\nshipped = true"), "is shipped and has a url"),
        (files_line(more="size_bytes = 0"), "files[0].size_bytes: is 0"),
        (
            files_line(more="role = 'x'").replace("role = 'model'\n", ""),
            "files[0].role: 'x' is not",
        ),
        ("builder = 'os:system'" + files_line(), "builder: "),
    ],
)
def test_mistake_in_a_recipe_is_named(write_pack: WritePack, lines: str, expected: str) -> None:
    top = "builder = 'os:system'\n" if lines.startswith("builder") else ""
    lines = lines.removeprefix("builder = 'os:system'")
    file = write_pack("models/mine/recipe.toml", top + RECIPE + lines)
    with pytest.raises(PackError) as error:
        find_recipe(file)
    assert expected in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("windows = 10", "windows = 0", "repeats.windows: is 0, must be at least 1"),
        ("confidence = 0.95", "confidence = 95", "statistics.confidence: is 95.0"),
        ("[100, 200, 400]", "[100, 200, 200]", "at least three different positive counts"),
        ("coverage_min = 0.999", "coverage_min = 99.9", "energy.coverage_min: is 99.9"),
        ('["latency", "energy"]', '["latency"]', "has an [energy] table"),
        ("poll_jitter = 0.5", "poll_jitter = 1.5", "energy.poll_jitter: is 1.5"),
        ('order = "abba"', 'order = "baab"', "repeats.order: 'baab' is not one of"),
    ],
)
def test_mistake_in_a_profile_is_named(
    write_pack: WritePack, old: str, new: str, expected: str
) -> None:
    text = find_profile("energy").source.path.read_text()
    assert old in text
    file = write_pack("profiles/mine.toml", text.replace(old, new))
    with pytest.raises(PackError) as error:
        find_profile(file)
    assert expected in str(error.value)
