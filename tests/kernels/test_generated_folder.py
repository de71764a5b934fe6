"""One copy of the sources, as each build system takes it.

CMake, Make and Kconfig are the real tools. Zephyr's and Arduino's own builders are not on PyPI or
Debian: what their documentation asks for is checked here rule by rule, and what they would compile
is compiled. Sources: Zephyr "Modules (External projects)", Arduino "Library specification" 2.2 and
the rules of Arduino Lint, PlatformIO "library.json".
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from strict_compilers import STRICT, gcc_for
from zephyr_commands import ZEPHYR_COMMANDS

from edgetool.compilation.firmware import export_sources
from edgetool.exporters.c import source_files
from edgetool.packs import find_target
from edgetool.program.executor import execute
from golden_programs import GOLDEN, branches, classifier
from needs import require_module, require_tool

CMAKE, GCC = "apt install cmake", "apt install gcc"
ZIG = "pip install 'edgetool[mcu]'"
PROGRAMS = {"classifier": classifier(), "two_branches": branches()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both programs for a core without special instructions, which this machine can run too."""
    folder = tmp_path_factory.mktemp("libraries")
    for name, program in PROGRAMS.items():
        export_sources(program, find_target("rv32imc"), folder / name)
    return folder


def expected_lines(program_name: str) -> list[int]:
    """What the example prints: every output for an input of zeros."""
    program = PROGRAMS[program_name]
    zeros = {n: np.zeros((1, *program.tensors[n].shape), np.int8) for n in program.inputs}
    values = execute(program, zeros)
    return [int(value) for name in program.outputs for value in values[name].ravel()]


def configure_and_build(source: Path, build: Path, *options: str) -> None:
    require_tool("cmake", CMAKE)
    require_tool("make", "apt install make")
    for command in (["cmake", "-S", source, "-B", build, *options], ["cmake", "--build", build]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def printed_by(*command: str | Path) -> list[int]:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [int(line) for line in done.stdout.split()]


def zig_scripts(folder: Path, *flags: str) -> list[str]:
    """CMake's words for zig's compiler and archiver, which are two words each."""
    require_module("ziglang", ZIG)
    for name in ("cc", "ar", "ranlib"):
        given = " ".join(flags) if name == "cc" else ""
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ziglang {name} {given} "$@"\n')
        script.chmod(0o755)
    tools = {"C_COMPILER": "cc", "AR": "ar", "RANLIB": "ranlib"}
    return [f"-DCMAKE_{variable}={folder / name}" for variable, name in tools.items()]


@pytest.mark.parametrize("name", PROGRAMS)
def test_cmake_builds_library_and_example(folder: Path, name: str, tmp_path: Path) -> None:
    options = [f"-D{name.upper()}_EXAMPLE=ON", f"-DCMAKE_C_FLAGS={' '.join(STRICT[1:])}"]
    options += ["-DCMAKE_BUILD_TYPE=Release", f"-DCMAKE_C_COMPILER={require_tool('gcc', GCC)}"]
    configure_and_build(folder / name, tmp_path / "build", *options)
    assert printed_by(tmp_path / "build" / f"{name}_example") == expected_lines(name)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4", "cortex-m55"])
def test_cmake_cross_compiles_the_library(core: str, compiler: str, tmp_path: Path) -> None:
    target = find_target(core)
    assert target.core is not None
    export_sources(classifier(), target, tmp_path / "c", "size")
    options = ["-DCMAKE_SYSTEM_NAME=Generic", "-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY"]
    warnings = " ".join(STRICT[1:])
    if compiler == "gcc":
        command, *flags = gcc_for(core)
        warnings += f" {' '.join(flags)} -ffreestanding"
        options.append(f"-DCMAKE_C_COMPILER={command}")
    else:
        machine = ("-target", target.core.zig_target, f"-mcpu={target.core.zig_cpu}")
        options += zig_scripts(tmp_path, *machine, "-nostdlib")
    options += [f"-DCMAKE_C_FLAGS={warnings}", "-DCMAKE_BUILD_TYPE=MinSizeRel"]
    configure_and_build(tmp_path / "c", tmp_path / "build", *options)
    archive = (tmp_path / "build" / "libclassifier.a").read_bytes()
    assert b"classifier_run" in archive
    assert b"\x7fELF\x01" in archive, "not 32-bit code"


def test_two_models_share_one_program(folder: Path, tmp_path: Path) -> None:
    require_tool("gcc", GCC)
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.13)\nproject(both C)\n"
        f"add_subdirectory({folder / 'classifier'} one)\n"
        f"add_subdirectory({folder / 'two_branches'} two)\n"
        "add_executable(both main.c)\ntarget_link_libraries(both classifier two_branches)\n"
    )
    (tmp_path / "main.c").write_text(
        '#include "classifier.h"\n#include "two_branches.h"\n'
        "int main(void)\n{\n"
        "    return classifier_run(0, 0, 0) != EDGE_BAD_ARG ||\n"
        "           two_branches_run(0, 0, 0) != EDGE_BAD_ARG;\n}\n"
    )
    configure_and_build(tmp_path, tmp_path / "build")
    assert printed_by(tmp_path / "build" / "both") == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_make_builds_the_library_and_serves_another_makefile(
    folder: Path, name: str, tmp_path: Path
) -> None:
    make = require_tool("make", "apt install make")
    require_tool("cc", GCC)
    macro, fragment = name.upper(), folder / name / f"{name}.mk"
    (tmp_path / "Makefile").write_text(
        f"all: example\ninclude {fragment}\n"
        f"example: {folder / name}/examples/main.c lib{name}.a\n"
        f"\t$(CC) -std=c11 $({macro}_INCLUDES) $^ -o $@\n"
    )
    flags = f"CFLAGS={' '.join(STRICT[1:])}"
    subprocess.run([make, "all", flags], cwd=tmp_path, check=True, capture_output=True)
    assert printed_by(tmp_path / "example") == expected_lines(name)


# Zephyr


@pytest.mark.parametrize("name", PROGRAMS)
def test_zephyr_finds_what_module_yml_names(folder: Path, name: str) -> None:
    module = yaml.safe_load((folder / name / "zephyr" / "module.yml").read_text())
    assert module == {"name": name, "build": {"cmake": "zephyr", "kconfig": "zephyr/Kconfig"}}
    assert (folder / name / module["build"]["cmake"] / "CMakeLists.txt").is_file()
    assert (folder / name / module["build"]["kconfig"]).is_file()


@pytest.mark.parametrize("name", PROGRAMS)
def test_zephyr_s_kconfig_reader_takes_the_options(folder: Path, name: str) -> None:
    require_module("kconfiglib", "pip install kconfiglib")
    import kconfiglib

    kconfig = kconfiglib.Kconfig(str(folder / name / "zephyr" / "Kconfig"), warn_to_stderr=False)
    assert kconfig.warnings == []
    enabled, flags = (kconfig.syms[f"EDGETOOL_{name.upper()}{x}"] for x in ("", "_COMPILER_FLAGS"))
    assert (enabled.str_value, flags.str_value, flags.visibility) == ("n", "", 0)
    enabled.set_value("y")
    assert flags.str_value == "-O2"


@pytest.mark.parametrize("enabled", [True, False])
def test_zephyr_builds_the_module_when_it_is_switched_on(
    folder: Path, enabled: bool, tmp_path: Path
) -> None:
    """With Zephyr's commands as its documentation defines them, on this machine."""
    require_tool("gcc", GCC)
    example = folder / "classifier" / "examples" / "main.c"
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(app C)\n"
        "set(CMAKE_EXPORT_COMPILE_COMMANDS ON)\n"
        f"{ZEPHYR_COMMANDS}\n"
        f"set(CONFIG_EDGETOOL_CLASSIFIER {'y' if enabled else ''})\n"
        'set(CONFIG_EDGETOOL_CLASSIFIER_COMPILER_FLAGS "-O1 -DSEEN")\n'
        f"add_subdirectory({folder / 'classifier' / 'zephyr'} module)\n"
        "if(TARGET classifier)\n"
        f"  add_executable(app {example})\n"
        "  target_link_libraries(app zephyr_interface classifier)\nendif()\n"
    )
    configure_and_build(tmp_path, tmp_path / "build")
    assert (tmp_path / "build" / "app").exists() == enabled
    if enabled:
        commands = json.loads((tmp_path / "build" / "compile_commands.json").read_text())
        kernels = [item["command"] for item in commands if "/src/" in item["file"]]
        assert kernels and all("-O1 -DSEEN -ffp-contract=off" in words for words in kernels)
        assert printed_by(tmp_path / "build" / "app") == expected_lines("classifier")


# Arduino

CATEGORIES = {
    "Display",
    "Communication",
    "Signal Input/Output",
    "Sensors",
    "Device Control",
    "Timing",
    "Data Storage",
    "Data Processing",
    "Other",
}
REQUIRED = ("name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url")


def properties_of(library: Path) -> dict[str, str]:
    lines = (library / "library.properties").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize("name", PROGRAMS)
def test_library_properties_keep_arduino_s_rules(folder: Path, name: str) -> None:
    found = properties_of(folder / name)
    assert all(found[field] for field in (*REQUIRED, "architectures"))
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,62}", found["name"])
    assert re.search("[A-Za-z]", found["name"])
    assert not found["name"].lower().startswith("arduino")
    assert re.fullmatch(r"\d+\.\d+\.\d+", found["version"])
    assert found["category"] in CATEGORIES
    assert re.match("https?://", found["url"])
    assert found["dot_a_linkage"] in ("true", "false")
    assert found["sentence"] not in found["paragraph"]
    assert (folder / name / "src" / found["includes"]).is_file()


def test_a_model_called_arduino_does_not_pretend_to_be_official(tmp_path: Path) -> None:
    import dataclasses

    program = dataclasses.replace(classifier(), name="arduino-net")
    export_sources(program, find_target("rv32imc"), tmp_path)
    assert properties_of(tmp_path)["name"] == "edgetool_arduino_net"
    assert properties_of(tmp_path)["includes"] == "arduino_net.h"


@pytest.mark.parametrize("name", PROGRAMS)
def test_sketches_lie_where_arduino_looks(folder: Path, name: str) -> None:
    library = folder / name
    sketches = list(library.rglob("*.ino"))
    assert [path.relative_to(library).parts[0] for path in sketches] == ["examples"]
    assert all(path.stem == path.parent.name for path in sketches)
    assert {path.suffix for path in sketches[0].parent.iterdir()} == {".ino"}
    assert not list(library.glob("*.c")), "with src/, sources of the root are not compiled"
    assert not (library / "utility").exists(), "not beside src/"


ARDUINO_H = """#pragma once
#include <stdint.h>
#include <stdio.h>
static struct Port {
  void begin(long) {}
  void print(const char *text) { fputs(text, stderr); }
  void print(long value) { fprintf(stderr, "%ld", value); }
  void println(unsigned long value) { fprintf(stderr, "%lu\\n", value); }
  void println(int value) { printf("%d\\n", value); }
} Serial __attribute__((unused));
static inline unsigned long micros() { return 0; }
static inline void delay(unsigned long) {}
"""


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_sketch_builds_and_runs_as_arduino_builds_it(
    folder: Path, name: str, tmp_path: Path
) -> None:
    """Every source below src, with src alone on the include path; the sketch as C++."""
    gcc, gxx = require_tool("gcc", GCC), require_tool("g++", "apt install g++")
    library = folder / name
    (tmp_path / "Arduino.h").write_text(ARDUINO_H)
    (tmp_path / "main.cpp").write_text(
        "#include <Arduino.h>\nvoid setup();\nvoid loop();\n"
        "int main() { setup(); loop(); return 0; }\n"
    )
    objects = []
    for source in sorted((library / "src").rglob("*.c")):
        objects.append(tmp_path / f"{source.stem}.o")
        command = [gcc, "-std=gnu11", "-Os", "-c", source, f"-I{library / 'src'}"]
        subprocess.run([*command, "-o", objects[-1]], check=True)
    [sketch] = library.rglob("*.ino")
    command = [gxx, "-std=gnu++11", "-Wall", "-Wextra", "-Werror", "-I", tmp_path]
    command += ["-I", library / "src", "-x", "c++", "-include", "Arduino.h"]
    files = [sketch, tmp_path / "main.cpp", "-x", "none", *objects]
    subprocess.run([*command, *files, "-o", tmp_path / "sketch"], check=True)
    assert printed_by(tmp_path / "sketch") == expected_lines(name)


# PlatformIO, STM32CubeIDE and any other build


@pytest.mark.parametrize("name", PROGRAMS)
def test_library_json_names_files_that_exist(folder: Path, name: str) -> None:
    found = json.loads((folder / name / "library.json").read_text())
    assert re.fullmatch(r"[\w .-]{1,100}", found["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", found["version"])
    assert 1 <= len(found["description"]) <= 255
    build = found["build"]
    assert (folder / name / build["srcDir"]).is_dir()
    assert (folder / name / build["includeDir"] / found["headers"]).is_file()
    assert build["flags"][0] == "-O2"


@pytest.mark.parametrize("name", PROGRAMS)
def test_sources_and_objects_have_names_of_their_own(folder: Path, name: str) -> None:
    """Several IDEs put all objects into one folder."""
    below = [path for path in (folder / name / "src").rglob("*") if path.suffix in (".c", ".h")]
    assert len({path.name for path in below}) == len(below)
    assert set(source_files(folder / name)) == {path for path in below if path.suffix == ".c"}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_readme_names_only_what_is_there(name: str) -> None:
    folder = Path(__file__).parents[1] / "golden" / name
    text = (folder / "README.md").read_text()
    for path in ("src", "examples/main.c", f"{name}.mk", "library.properties"):
        assert f"`{path}`" in text or f" {path}" in text
        assert (folder / path).exists()
