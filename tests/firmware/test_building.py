"""Building images: errors that name the place, sizes that add up, the same bytes every time."""

from __future__ import annotations

from pathlib import Path

import pytest
from firmware_models import SOURCES, core_named, firmware, image, need_compiler

from edgetool.compilers import Compiler, build
from edgetool.compilers.elf import read_elf
from edgetool.errors import CompilerError, DoesNotFitError, MissingToolError, UsageError

CLANG_AND_GCC = pytest.mark.parametrize("compiler", ["clang", "gcc"])


@CLANG_AND_GCC
def test_the_same_sources_give_the_same_elf_in_another_folder(
    compiler: Compiler, tmp_path: Path
) -> None:
    copies = []
    for name in ("first", "second, elsewhere"):
        folder = tmp_path / name
        folder.mkdir()
        source = folder / "dense.c"
        source.write_bytes((SOURCES / "dense.c").read_bytes())
        what = firmware("dense", (16,), (4,), source=source)
        copies.append(image(what, "cortex-m4", folder / "build", compiler).elf.read_bytes())
    assert copies[0] == copies[1]
    assert str(tmp_path).encode() not in copies[0]


@CLANG_AND_GCC
def test_sections_of_a_known_function_are_exact(compiler: Compiler, tmp_path: Path) -> None:
    built = image(firmware("sections", (1,), (1,)), "cortex-m4", tmp_path, compiler)
    assert built.sections["constants"] == 12
    assert built.sections["static_data_initial"] == 8
    assert built.sections["static_data"] == 48
    assert built.sections["helpers"] == 0
    assert built.sections["code"] == built.symbols["sections_run"].size
    assert built.flash_bytes == built.sections["code"] + 12 + 8
    assert built.ram_bytes == 48
    assert "sections_unused" not in built.symbols


def test_code_of_a_known_sequence_takes_12_bytes(tmp_path: Path) -> None:
    built = image(firmware("counted", (1,), (1,)), "cortex-m3", tmp_path)
    assert built.flash_bytes == 12


@CLANG_AND_GCC
def test_memcpy_counts_as_a_helper_only_where_it_is_called(
    compiler: Compiler, tmp_path: Path
) -> None:
    unknown = image(firmware("copying", (8,), (8,)), "cortex-m3", tmp_path / "a", compiler)
    source = tmp_path / "copying.c"
    source.write_text("#define COPY_FOUR\n" + (SOURCES / "copying.c").read_text())
    four = firmware("copying", (8,), (8,), source=source)
    known = image(four, "cortex-m3", tmp_path / "b", compiler)
    assert unknown.sections["helpers"] > 0
    assert known.sections["helpers"] == 0


def test_a_mistake_in_c_is_shown_with_file_and_line(tmp_path: Path) -> None:
    source = tmp_path / "broken.c"
    source.write_text("int broken_run(void)\n{\n    return undeclared;\n}\n")
    with pytest.raises(CompilerError, match=r"cannot compile broken\.c for cortex-m4") as caught:
        image(firmware("broken", (1,), (1,), source=source), "cortex-m4", tmp_path / "build")
    assert any("broken.c:3" in line and "undeclared" in line for line in caught.value.details)


def test_a_model_without_its_function_names_the_function(tmp_path: Path) -> None:
    source = tmp_path / "empty.c"
    source.write_text("int something;\n")
    with pytest.raises(CompilerError) as caught:
        image(firmware("empty", (1,), (1,), source=source), "cortex-m4", tmp_path / "b", "gcc")
    assert any("empty_run" in line for line in caught.value.details)


@CLANG_AND_GCC
def test_more_constants_than_the_machine_has_flash_do_not_fit(
    compiler: Compiler, tmp_path: Path
) -> None:
    source = tmp_path / "huge.c"
    source.write_text(
        "#include <stdint.h>\nconst int8_t table[5 << 20] = {1};\n"
        "int huge_run(const int8_t *i, int8_t *o, uint8_t *a)\n"
        "{ (void)a; *o = table[*i]; return 0; }\n"
    )
    with pytest.raises(DoesNotFitError, match=r"FLASH is [\d,]+ bytes short"):
        image(firmware("huge", (1,), (1,), source=source), "cortex-m4", tmp_path / "b", compiler)


def test_a_missing_gcc_gives_the_install_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="no arm-none-eabi-gcc for cortex-m4") as caught:
        build(firmware("dense", (16,), (4,)), core_named("cortex-m4"), "gcc", "-O2", tmp_path)
    assert "apt install gcc-arm-none-eabi" in caught.value.hints


def test_a_missing_zig_gives_the_install_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingToolError, match="ziglang wheel is not installed") as caught:
        build(firmware("dense", (16,), (4,)), core_named("cortex-m4"), "clang", "-O2", tmp_path)
    assert "pip install 'edgetool[mcu]'" in caught.value.hints


@pytest.mark.parametrize(
    ("name", "inputs", "message"),
    [
        ("9lives", (1,), "not a C identifier"),
        ("dense", (1, 1), "arrays of pointers"),
        ("dense", (0,), "at least one byte"),
    ],
)
def test_what_cannot_be_called_is_refused(
    name: str, inputs: tuple[int, ...], message: str, tmp_path: Path
) -> None:
    what = firmware(name, inputs, (1,), source=SOURCES / "dense.c")
    with pytest.raises(UsageError, match=message):
        build(what, core_named("cortex-m4"), "clang", "-O2", tmp_path)


def test_a_cut_off_elf_is_an_error_and_no_crash(tmp_path: Path) -> None:
    need_compiler("cortex-m4", "clang")
    whole = image(firmware("dense", (16,), (4,)), "cortex-m4", tmp_path).elf.read_bytes()
    cut = tmp_path / "cut.elf"
    for size in (0, 5, 30, 52, len(whole) // 2, len(whole) - 1):
        cut.write_bytes(whole[:size])
        with pytest.raises(CompilerError, match="not a 32-bit little-endian ELF file"):
            read_elf(cut)


def test_an_address_is_described_by_its_symbol(tmp_path: Path) -> None:
    built = image(firmware("dense", (16,), (4,)), "cortex-m4", tmp_path)
    address = built.symbols["dense_run"].address
    assert built.describe(address + 2) == f"dense_run+0x2 (0x{address + 2:08x})"
    assert built.describe(0xFFFF_0000) == "0xffff0000"
