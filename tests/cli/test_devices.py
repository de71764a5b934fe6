"""edgetool devices: list, show and remove, for people and for scripts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from refused_commands import refused

import schemas
from command_line import edgetool, succeed
from edgetool.devices import Device, save_device

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHK5LQg7xbdZ2OnrL+3gTYZAkFPBtgtbfJyRJQCE8z1p"
PI = Device("pi5-kitchen", "raspberry-pi-5", "pi5.example", user="pi", host_keys=(HOST_KEY,))


@pytest.fixture(autouse=True)
def enrolled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGETOOL_DEVICES", str(tmp_path / "devices"))
    save_device(PI)


@pytest.mark.parametrize("words", [("devices",), ("devices", "list")])
def test_devices_are_listed(words: tuple[str, ...]) -> None:
    content = succeed(*words, "--json").json
    schemas.validate(content, "devices")
    assert [device["name"] for device in content["devices"]] == ["pi5-kitchen"]
    assert "pi@pi5.example" in succeed(*words).out


def test_a_device_is_shown_with_its_host_key() -> None:
    content = succeed("devices", "show", "pi5-kitchen", "--json").json
    schemas.validate(content, "device")
    assert content["host_keys"] == [HOST_KEY]
    assert content["fingerprints"][0] in succeed("devices", "show", "pi5-kitchen").out


def test_a_removed_device_is_gone_and_said_to_be() -> None:
    content = succeed("devices", "remove", "pi5-kitchen", "--json").json
    schemas.validate(content, "devices-remove")
    assert not Path(content["removed"]).exists()
    assert "no device is enrolled" in edgetool("devices").err


@pytest.mark.parametrize("verb", ["show", "remove"])
def test_a_name_that_is_not_enrolled_is_refused(verb: str, here: Path) -> None:
    message = "device 'pi5-kitchn' is not enrolled"
    refused(here, ("devices", verb, "pi5-kitchn"), 2, message, "did you mean: pi5-kitchen")


def enrol_this_machine(target: str, tmp_path: Path) -> None:
    arguments = ("--target", target, "--backend", "local", "--root", tmp_path / "board")
    succeed("devices", "add", "here", *arguments)


def test_a_check_says_what_this_machine_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    enrol_this_machine("host", tmp_path)
    content = succeed("devices", "check", "here", "--json").json
    schemas.validate(content, "devices-check")
    assert content["holds"] is True
    assert abs(content["clock_offset_s"]["value"]) < 1.0
    assert content["disk_free_bytes"]["value"] > 0
    assert "python" in content["state"]
    assert "runtime onnxruntime" in succeed("devices", "check", "here").out


def test_a_check_of_what_is_untrue_is_exit_5_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    enrol_this_machine("jetson-nano", tmp_path)
    finished = edgetool("devices", "check", "here", "--json")
    assert finished.code == 5
    schemas.validate(finished.json, "devices-check")
    assert finished.json["holds"] is False
    assert finished.err.startswith("error: 'here' is not what 'jetson-nano' says")
    assert "runtime tensorrt: the target says runs, found not there" in finished.err
    assert "try: " in finished.err


def test_a_device_without_python_is_asked_through_its_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "commands" / "python3"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\nexit 127\n")
    python.chmod(0o700)
    monkeypatch.setenv("PATH", f"{python.parent}:{os.environ['PATH']}")
    save_device(Device("bare", "host", backend="local", root=str(tmp_path / "root")))
    finished = edgetool("devices", "check", "bare", "--json")
    assert finished.code == 5
    schemas.validate(finished.json, "devices-check")
    assert finished.json["facts"]
    assert "clock_offset_s" not in finished.json
    assert "note: it has no Python 3" in edgetool("devices", "check", "bare").err
    assert "runtime onnxruntime: the target says runs, found not there" in finished.err
    assert "apt install python3" in finished.err
