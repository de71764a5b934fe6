"""edgetool firmware --flash: which tool is called, with what, and what is said when it fails.

Stand-ins on PATH record how they are called; what they print is what the real ones print.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import schemas
from command_line import CALIBRATION, MODEL, Finished, edgetool, succeed
from edgetool.transports import flashing

EXIT_USAGE, EXIT_DEVICE = 2, 4
NO_PROBE = "Error: open failed\\nin procedure 'program'\\n** OpenOCD init failed **"
StandIn = Callable[..., Path]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """stand_in("openocd", says="…", code=1): a tool on an otherwise empty PATH; its record."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def make(name: str, says: str = "", code: int = 0, then: str = "") -> Path:
        record = tmp_path / f"{name}.record"
        script = folder / name
        script.write_text(
            "#!/bin/sh\n"
            f'for word in "$@"; do printf "%s\\n" "$word" >> "{record}"; done\n'
            f'for file in firmware.*; do read -r line < "$file"; '
            f'printf "%s: %s\\n" "$file" "$line" >> "{record}"; done\n'
            f'printf "%b\\n" "{says}" >&2\n{then}\nexit {code}\n'
        )
        script.chmod(0o755)
        return record

    return make


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """artifacts(target) is digits-cnn for that board, C that no compiler has seen."""
    folder = tmp_path_factory.mktemp("flashing")

    def artifact(target: str) -> Path:
        path = folder / target
        if not path.exists():
            succeed("compile", MODEL, "--target", target, "--calibrate", CALIBRATION,
                    "--compiler", "none", "--output", path)  # fmt: skip
        return path

    return artifact


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """What a vendor's project would have built, under a name that is hard to quote."""
    path = tmp_path / "my {project}; x.elf"
    path.write_text("ELF\n")
    return path


def flash(artifact: Path, image: Path, *options: object) -> Finished:
    return edgetool("firmware", artifact, "--flash", "--image", image, *options)


def lines(record: Path) -> list[str]:
    return record.read_bytes().decode("utf-8", "replace").splitlines()


@pytest.mark.parametrize(
    ("target", "tool", "words"),
    [
        ("nucleo-l4r5zi", "openocd",
         ["-f", "interface/stlink.cfg", "-f", "target/stm32l4x.cfg",
          "-c", "program firmware.elf verify reset exit"]),
        ("nucleo-u575zi-q", "pyocd",
         ["flash", "--target", "stm32u575zitx", "firmware.elf"]),
        ("raspberry-pi-pico", "picotool", ["load", "-v", "-x", "firmware.elf"]),
        ("raspberry-pi-pico", "openocd",
         ["-f", "interface/cmsis-dap.cfg", "-f", "target/rp2040.cfg",
          "-c", "adapter speed 5000", "-c", "program firmware.elf verify reset exit"]),
    ],
)  # fmt: skip
def test_an_elf_file_is_written_verified_and_started(
    target: str,
    tool: str,
    words: list[str],
    artifacts: Callable[[str], Path],
    image: Path,
    stand_in: StandIn,
) -> None:
    record = stand_in(tool)
    finished = flash(artifacts(target), image, "--json")
    assert finished.code == 0, finished.err
    schemas.validate(finished.json, "firmware")
    assert finished.json["flashed"] == {"tool": tool, "command": [tool, *words]}
    assert lines(record) == [*words, "firmware.elf: ELF"]


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ("st-flash", ["--reset", "write", "firmware.bin", "0x08000000"]),
        ("openocd", ["-f", "interface/stlink.cfg", "-f", "target/stm32l4x.cfg",
                     "-c", "program firmware.bin verify reset exit 0x08000000"]),
        ("pyocd", ["flash", "--target", "stm32l4r5zitx", "--base-address", "0x08000000",
                   "firmware.bin"]),
    ],
)  # fmt: skip
def test_a_flat_image_gets_the_boards_address(
    tool: str,
    words: list[str],
    artifacts: Callable[[str], Path],
    tmp_path: Path,
    stand_in: StandIn,
) -> None:
    record = stand_in(tool)
    flat = tmp_path / "project.bin"
    flat.write_text("flat\n")
    finished = flash(artifacts("nucleo-l4r5zi"), flat)
    assert finished.code == 0, finished.err
    assert lines(record) == [*words, "firmware.bin: flat"]
    assert finished.out.startswith(f"flashed: {tool} ")


def test_the_targets_first_tool_that_is_installed_is_taken_unless_one_is_asked_for(
    artifacts: Callable[[str], Path], image: Path, stand_in: StandIn
) -> None:
    first, second = stand_in("openocd"), stand_in("pyocd")
    artifact = artifacts("nucleo-l4r5zi")
    assert flash(artifact, image).code == 0
    assert first.exists()
    assert not second.exists()
    assert flash(artifact, image, "--tool", "pyocd").code == 0
    assert second.exists()


def test_firmware_that_edgetool_builds_is_flashed_at_once(
    artifacts: Callable[[str], Path], here: Path, stand_in: StandIn, clang: None
) -> None:
    record = stand_in("pyocd")
    finished = edgetool("firmware", artifacts("arduino-nano-33-ble"), "--flash", "--output", "fw")
    assert finished.code == 0, finished.err
    assert lines(record)[:4] == ["flash", "--target", "nrf52840", "firmware.elf"]
    assert "never run on this board" in finished.err
    assert (here / "fw" / "firmware.elf").is_file()


def test_without_a_tool_every_install_line_is_named(
    artifacts: Callable[[str], Path], image: Path, stand_in: StandIn
) -> None:
    finished = flash(artifacts("nucleo-l4r5zi"), image)
    assert finished.code == EXIT_USAGE
    assert finished.err.startswith("error: no tool to write the board's flash: openocd, pyocd")
    assert "openocd: apt install openocd" in finished.err
    assert "pyocd: pip install pyocd" in finished.err
    finished = flash(artifacts("nucleo-l4r5zi"), image, "--tool", "openocd")
    assert "apt install openocd" in finished.err
    assert "pip install" not in finished.err


def test_what_the_tool_said_is_shown_when_it_fails(
    artifacts: Callable[[str], Path], image: Path, stand_in: StandIn
) -> None:
    stand_in("openocd", says=NO_PROBE, code=1)
    finished = flash(artifacts("nucleo-l4r5zi"), image)
    assert finished.code == EXIT_DEVICE
    assert "openocd could not write the board's flash (exit code 1)" in finished.err
    assert "** OpenOCD init failed **" in finished.err
    assert "check cable and probe" in finished.err


def test_a_tool_that_hangs_is_ended(
    artifacts: Callable[[str], Path],
    image: Path,
    stand_in: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stand_in("picotool", then="while :; do :; done")
    with pytest.raises(Exception, match=r"picotool did not finish within 0\.3 s"):
        flashing.flash_board(
            flashing.Flash(("picotool",)), flashing.FlashFile(elf=image), timeout_s=0.3
        )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--tool", "openocd"), "--tool says how to flash"),
        (("--image", "x.elf"), "--image says how to flash"),
        (("--flash", "--tool", "dfu-util"), "tool 'dfu-util' is not known"),
        (("--flash", "--image", "missing.elf"), "'missing.elf' is no image that can be flashed"),
        (("--flash", "--image", "."), "'.' is no image that can be flashed"),
    ],
)
def test_options_that_do_not_go_together_are_refused_before_anything_is_written(
    options: tuple[str, ...], said: str, artifacts: Callable[[str], Path], here: Path
) -> None:
    finished = edgetool("firmware", artifacts("nucleo-l4r5zi"), *options, "--output", "fw")
    assert finished.code == EXIT_USAGE
    assert said in finished.err
    assert list(here.iterdir()) == []


def test_sources_for_a_vendors_project_are_written_and_not_flashed(
    artifacts: Callable[[str], Path], here: Path, stand_in: StandIn
) -> None:
    record = stand_in("openocd")
    finished = edgetool("firmware", artifacts("nucleo-l4r5zi"), "--flash", "--output", "fw")
    assert finished.code == EXIT_USAGE
    assert "nothing was built to flash" in finished.err
    assert "--flash --image FILE" in finished.err
    assert not record.exists()


def test_an_emulated_board_has_no_flash(
    artifacts: Callable[[str], Path], here: Path, clang: None
) -> None:
    finished = edgetool("firmware", artifacts("nucleo-l4r5zi"), "--port", "qemu", "--flash",
                        "--output", "fw")  # fmt: skip
    assert finished.code == EXIT_USAGE
    assert "'qemu-mps2-an386' is emulated" in finished.err


def test_a_target_that_does_not_say_how_it_is_flashed_says_so(
    artifacts: Callable[[str], Path], image: Path
) -> None:
    finished = flash(artifacts("nrf5340-dk"), image)
    assert finished.code == EXIT_USAGE
    assert "'nrf5340-dk' does not say how it is flashed" in finished.err


def test_a_tool_that_the_target_does_not_name_is_refused(
    artifacts: Callable[[str], Path], image: Path
) -> None:
    finished = flash(artifacts("nucleo-l4r5zi"), image, "--tool", "picotool")
    assert finished.code == EXIT_USAGE
    assert "one of: openocd, pyocd" in finished.err
