"""edgetool deploy and deployments on this machine, for people and for scripts."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from refused_commands import assert_refused, refused

import schemas
from command_line import MODEL, Finished, edgetool, succeed

MOVED = "moved_bytes"


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root folder of "here": this machine, enrolled."""
    monkeypatch.setenv("EDGETOOL_DEVICES", str(tmp_path / "devices"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    folder = tmp_path / "board"
    enrol("here", folder)
    return folder


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """digits-cnn for this machine. Not to be changed."""
    folder = tmp_path_factory.mktemp("deployed") / "digits"
    succeed("compile", MODEL, "--target", "host", "--output", folder)
    return folder


def enrol(name: str, root: Path) -> Finished:
    arguments = ("--target", "host", "--backend", "local", "--root", root, "--json")
    return succeed("devices", "add", name, *arguments)


def deploy(artifact: Path, *arguments: object) -> dict[str, Any]:
    content = succeed("deploy", artifact, "--device", "here", *arguments, "--json").json
    schemas.validate(content, "deploy")
    assert set(schemas.bare_numbers(content)) == {"schema_version"}
    (device,) = content["devices"]
    return dict(device)


def other(artifact: Path, folder: Path) -> Path:
    """Another artifact: the same model under another name."""
    output = folder / "digits"
    succeed("compile", MODEL, "--target", "host", "--name", "again", "--output", output)
    return output


def sha256(artifact: Path) -> str:
    return hashlib.sha256((artifact / "manifest.json").read_bytes()).hexdigest()


def test_what_is_deployed_is_the_artifact_and_is_current(artifact: Path, board: Path) -> None:
    done = deploy(artifact)
    assert done["state"] == "deployed"
    assert done["checked_by"] == "signature"
    current = board / "releases" / "digits" / "current"
    assert current.readlink() == Path("../../store") / sha256(artifact)
    for file in json.loads((artifact / "manifest.json").read_text())["files"]:
        assert (current / file).read_bytes() == (artifact / file).read_bytes()


def test_a_second_deploy_moves_nothing(artifact: Path, board: Path) -> None:
    first, second = deploy(artifact), deploy(artifact)
    assert (second["state"], second[MOVED]["value"]) == ("already there", 0)
    assert first[MOVED]["value"] == first["release_bytes"]["value"]
    third = deploy(artifact, "--name", "digits-again")
    assert (third["state"], third[MOVED]["value"]) == ("deployed", 0)


def test_a_dry_run_says_what_would_be_sent_and_deploys_nothing(artifact: Path, board: Path) -> None:
    plan = deploy(artifact, "--dry-run")
    assert plan["state"] == "dry-run"
    assert plan[MOVED] == plan["release_bytes"], "nothing is measured"
    assert not (board / "store").exists()
    assert not (board / "incoming").exists()


def test_a_changed_artifact_sends_only_what_changed(
    artifact: Path, board: Path, tmp_path: Path
) -> None:
    deploy(artifact)
    done = deploy(other(artifact, tmp_path))
    assert 0 < done[MOVED]["value"] < done["release_bytes"]["value"]
    assert done["previous"] == sha256(artifact)


def test_a_rollback_makes_current_what_was_before(
    artifact: Path, board: Path, tmp_path: Path
) -> None:
    deploy(artifact)
    deploy(other(artifact, tmp_path))
    content = succeed("deployments", "rollback", "--device", "here", "--json").json
    schemas.validate(content, "deployments-rollback")
    assert content["artifact_sha256"] == sha256(artifact)
    listed = succeed("deployments", "list", "--device", "here", "--json").json
    schemas.validate(listed, "deployments")
    assert listed["releases"][0]["current"] == sha256(artifact)
    to = listed["releases"][0]["previous"][:12]
    succeed("deployments", "rollback", "--device", "here", "--to", to)
    assert sha256(artifact)[:12] in succeed("deployments", "list", "--device", "here").out


def test_collecting_frees_what_nothing_needs(artifact: Path, board: Path, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        output = tmp_path / name
        succeed("compile", MODEL, "--target", "host", "--name", name, "--output", output)
        deploy(output, "--name", "digits")
    content = succeed("deployments", "collect", "--device", "here", "--json").json
    schemas.validate(content, "deployments-collect")
    assert [e["artifact_sha256"] for e in content["removed"]] == [sha256(tmp_path / "a")]
    assert content["freed_bytes"]["value"] > 0
    assert "0 B freed" in succeed("deployments", "collect", "--device", "here").out


def test_a_revoked_key_deploys_no_more_until_it_is_trusted_again(
    artifact: Path, board: Path, tmp_path: Path
) -> None:
    deploy(artifact)
    content = succeed("devices", "trust", "here", "--revoke", "--json").json
    schemas.validate(content, "devices-trust")
    assert content["keys"] == []
    finished = edgetool("deploy", other(artifact, tmp_path), "--device", "here")
    assert_refused(finished, 4, "'here' refuses: no key that is trusted", "devices trust here")
    succeed("devices", "trust", "here")
    assert deploy(tmp_path / "digits")["checked_by"] == "signature"


def test_a_store_that_was_changed_is_not_rolled_back_to(
    artifact: Path, board: Path, tmp_path: Path
) -> None:
    deploy(artifact)
    deploy(other(artifact, tmp_path))
    model = board / "store" / sha256(artifact) / "model.onnx"
    model.chmod(0o644)
    model.write_bytes(b"something else")
    finished = edgetool("deployments", "rollback", "--device", "here")
    assert_refused(finished, 4, "'here' refuses: .* in the store is damaged", "deploy it again")
    current = board / "releases" / "digits" / "current"
    assert current.readlink().name == sha256(tmp_path / "digits")


def test_several_devices_are_deployed_to_at_once_and_one_s_fault_is_its_own(
    artifact: Path, board: Path, tmp_path: Path
) -> None:
    enrol("there", tmp_path / "there")
    finished = edgetool("deploy", artifact, "--devices-with-target", "host", "--json")
    assert finished.code == 0
    assert [device["device"] for device in finished.json["devices"]] == ["here", "there"]
    current = tmp_path / "there" / "releases" / "digits" / "current"
    current.unlink()
    current.mkdir()
    finished = edgetool("deploy", artifact, "--device", "here", "--device", "there", "--json")
    assert finished.code == 4
    schemas.validate(finished.json, "deploy")
    assert finished.json["holds"] is False
    here, there = finished.json["devices"]
    assert here["state"] == "already there"
    assert "is not a link that edgetool made" in there["error"]["message"]
    assert finished.err.startswith("error: 'there' refuses")


@pytest.mark.parametrize(
    ("arguments", "code", "message", "also"),
    [
        ((), 2, "no device is named", "--device NAME"),
        (("--device", "hre"), 2, "device 'hre' is not enrolled", "did you mean: here"),
        (("--device", "/dev/ttyACM0"), 2, "'/dev/ttyACM0' is a serial port", "firmware"),
        (("--devices-with-target", "jetson-nano"), 2, "no device is enrolled with target", ""),
        (("--device", "here", "--name", "a/b"), 2, "a release cannot be called 'a/b'", "--name"),
    ],
)
def test_a_deploy_that_cannot_be_is_refused(
    arguments: tuple[str, ...], code: int, message: str, also: str, artifact: Path, board: Path,
    here: Path,
) -> None:  # fmt: skip
    refused(here, ("deploy", artifact, *arguments), code, message, also)


def test_an_artifact_for_a_microcontroller_is_not_deployed(
    sources_only: Path, board: Path, here: Path
) -> None:
    message = "'.*' is for 'cortex-m4', a microcontroller"
    refused(here, ("deploy", sources_only, "--device", "here"), 2, message, "edgetool firmware")


@pytest.mark.skipif(os.uname().machine == "aarch64", reason="needs another machine than aarch64")
def test_an_artifact_for_another_architecture_is_refused(
    for_linux: Path, board: Path, here: Path
) -> None:
    message = f"'here' is {os.uname().machine}, and the artifact is for aarch64"
    arguments = ("deploy", for_linux, "--device", "here")
    refused(here, arguments, 4, message, "compiled for 'raspberry-pi-5'", "--target host")
    assert not (board / "store").exists()


@pytest.mark.without_root_rights
def test_a_root_that_may_not_be_written_to_is_named(artifact: Path, board: Path) -> None:
    board.chmod(0o500)
    finished = edgetool("deploy", artifact, "--device", "here")
    board.chmod(0o700)
    assert_refused(finished, 4, ".*ermission", "--root DIR")


def test_rolling_back_what_has_no_past_says_so(artifact: Path, board: Path, here: Path) -> None:
    rollback = ("deployments", "rollback", "--device", "here")
    refused(here, rollback, 2, "'here' has no release", "edgetool deploy")
    deploy(artifact)
    refused(here, rollback, 4, "'here' refuses: digits has no release before", "deployments list")
    refused(here, (*rollback, "--to", "ffff"), 2, "no artifact on 'here' with a sha256", "list")


def test_a_dry_run_leaves_a_full_disk_s_error_with_numbers(
    artifact: Path, board: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgetool.deployment.judge.SPARE_BYTES", 1 << 60)
    message = "no space left on 'here' below"
    refused(here, ("deploy", artifact, "--device", "here"), 4, message, "are needed", "collect")
