"""The device's side of deployments, without a link: complete or absent, switched in one step."""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import json
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

AGENT = Path(__file__).parents[2] / "targets" / "linux" / "agent"


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module releases, as the agent on the device imports it."""
    names = [path.stem for path in AGENT.glob("*.py")]
    others = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    monkeypatch.syspath_prepend(str(AGENT))
    yield importlib.import_module("releases")
    for name in names:
        sys.modules.pop(name, None)
    sys.modules.update(others)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def artifact_files(model: bytes, notes: bytes = b"the same in all") -> dict[str, bytes]:
    files = {"model.onnx": model, "c/notes.txt": notes, "empty": b""}
    listed = {name: sha256(content) for name, content in files.items()}
    return {**files, "manifest.json": json.dumps(listed).encode()}


def manifest_of(files: dict[str, bytes]) -> str:
    listed = {path: {"sha256": sha256(c), "size": len(c)} for path, c in files.items()}
    return json.dumps({"files": listed})


def deploy(agent: ModuleType, root: Path, files: dict[str, bytes], name: str = "digits") -> Any:
    manifest = manifest_of(files)
    plan = agent.preflight(str(root), manifest, name)
    wanted = {sha256(content): content for content in files.values()}
    packed = [wanted[found] for found in plan["lacks"]]
    if plan["incoming"] is None:
        return agent.install(str(root), manifest, name)
    (root / plan["incoming"] / "packed").write_bytes(b"".join(packed))
    sent = {"file": "packed", "files": plan["lacks"]}
    return agent.install(str(root), manifest, name, plan["incoming"], packed=sent)


def identity(files: dict[str, bytes]) -> str:
    return sha256(files["manifest.json"])


def current(root: Path, name: str = "digits") -> dict[str, bytes]:
    folder = root / "releases" / name / "current"
    found = {path for path in folder.rglob("*") if path.is_file()}
    shown = {str(path.relative_to(folder)): path.read_bytes() for path in found}
    return {name: content for name, content in shown.items() if not name.startswith(".")}


def test_a_release_has_the_artifacts_files_and_no_other(agent: ModuleType, tmp_path: Path) -> None:
    files = artifact_files(b"weights")
    done = deploy(agent, tmp_path, files)
    assert done == {"artifact": identity(files), "added": True, "previous": None, "check": "no-key"}
    assert current(tmp_path) == files
    assert list((tmp_path / "incoming").iterdir()) == []
    assert not any(path.stat().st_mode & 0o222 for path in (tmp_path / "store").rglob("*.onnx"))


def test_only_files_that_are_nowhere_in_the_store_are_asked_for(
    agent: ModuleType, tmp_path: Path
) -> None:
    deploy(agent, tmp_path, artifact_files(b"one"))
    second = artifact_files(b"two")
    plan = agent.preflight(str(tmp_path), manifest_of(second), "digits")
    assert plan["lacks"] == sorted([sha256(b"two"), identity(second)])
    first = agent.preflight(str(tmp_path), manifest_of(artifact_files(b"one")), "digits")
    assert first["lacks"] == []


def test_a_damaged_file_of_the_store_is_sent_again(agent: ModuleType, tmp_path: Path) -> None:
    files = artifact_files(b"weights")
    deploy(agent, tmp_path, files)
    stored = tmp_path / "store" / identity(files) / "model.onnx"
    stored.chmod(0o644)
    stored.write_bytes(b"wEights")
    assert deploy(agent, tmp_path, files)["added"] is True
    assert current(tmp_path) == files


def test_rolling_back_and_forth_swaps_two_releases(agent: ModuleType, tmp_path: Path) -> None:
    one, two = artifact_files(b"one"), artifact_files(b"two")
    deploy(agent, tmp_path, one)
    deploy(agent, tmp_path, two)
    for wanted in (one, two, one):
        assert agent.rollback(str(tmp_path), "digits")["artifact"] == identity(wanted)
        assert current(tmp_path) == wanted
    (shown,) = agent.deployments(str(tmp_path))["releases"]
    assert [entry["do"] for entry in shown["history"]] == ["deploy"] * 2 + ["rollback"] * 3


def test_a_rollback_with_nothing_before_is_refused(agent: ModuleType, tmp_path: Path) -> None:
    deploy(agent, tmp_path, artifact_files(b"one"))
    with pytest.raises(Exception, match="no release before the current one"):
        agent.rollback(str(tmp_path), "digits")


def test_collecting_keeps_current_previous_newest_and_what_runs(
    agent: ModuleType, tmp_path: Path
) -> None:
    made = [artifact_files(b"model %d" % n) for n in range(6)]
    for files in made:
        deploy(agent, tmp_path, files)
    run = tmp_path / "runs" / "r1"
    run.mkdir(parents=True)
    (run / "job.json").write_text(json.dumps({"model": f"store/{identity(made[0])}/model.onnx"}))
    (run / "state.json").write_text(json.dumps({"state": "running"}))
    with (run / "alive").open("w") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
        removed = agent.collect(str(tmp_path), keep=3)["removed"]
    assert {entry["artifact"] for entry in removed} == {identity(made[1]), identity(made[2])}
    assert all(entry["bytes"] > 0 for entry in removed)
    removed = agent.collect(str(tmp_path), keep=0)["removed"]
    assert {entry["artifact"] for entry in removed} == {identity(made[0]), identity(made[3])}
    assert current(tmp_path) == made[5]


def test_what_early_ends_left_is_swept_after_a_day_and_not_before(
    agent: ModuleType, tmp_path: Path
) -> None:
    deploy(agent, tmp_path, artifact_files(b"one"))
    left = tmp_path / "incoming" / f"{'a' * 16}.0"
    left.mkdir()
    (left / "pack").write_bytes(b"half")
    assert agent.collect(str(tmp_path))["swept_bytes"] == 0
    os.utime(left, (1.0, 1.0))
    assert agent.collect(str(tmp_path))["swept_bytes"] == 4
    assert list((tmp_path / "incoming").iterdir()) == []


def test_something_else_in_current_s_place_stays_and_is_named(
    agent: ModuleType, tmp_path: Path
) -> None:
    one, two = artifact_files(b"one"), artifact_files(b"two")
    deploy(agent, tmp_path, one)
    link = tmp_path / "releases" / "digits" / "current"
    link.unlink()
    link.mkdir()
    (link / "work of somebody").write_text("x")
    with pytest.raises(Exception, match="is not a link that edgetool made"):
        deploy(agent, tmp_path, two)
    assert (link / "work of somebody").exists()


def test_a_dry_run_of_preflight_leaves_no_trace(agent: ModuleType, tmp_path: Path) -> None:
    plan = agent.preflight(str(tmp_path), manifest_of(artifact_files(b"x")), "digits", False)
    assert len(plan["lacks"]) == 4
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["/etc", "../../../elsewhere", "../../store/" + "0" * 64])
def test_a_current_that_points_elsewhere_counts_for_nothing(
    target: str, agent: ModuleType, tmp_path: Path
) -> None:
    files = artifact_files(b"one")
    deploy(agent, tmp_path, files)
    link = tmp_path / "releases" / "digits" / "current"
    link.unlink()
    link.symlink_to(target)
    assert agent.deployments(str(tmp_path))["releases"][0]["current"] is None
    deploy(agent, tmp_path, files)
    assert current(tmp_path) == files


@pytest.mark.parametrize(
    "path", ["../x", "/x", "a//b", ".release.json", "a/../../x", "a\x00b", "", ".", "a/."]
)
def test_a_manifest_never_leads_out_of_its_folder(
    path: str, agent: ModuleType, tmp_path: Path
) -> None:
    files = {**artifact_files(b"one"), path: b"evil"}
    with pytest.raises(Exception, match="entry that cannot be"):
        agent.preflight(str(tmp_path), manifest_of(files), "digits")


@pytest.mark.parametrize("name", ["../x", "", "-x", "A", "a/b", "x" * 64, None, 5])
def test_a_release_is_called_by_a_name_only(name: Any, agent: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="cannot be called"):
        agent.preflight(str(tmp_path), manifest_of(artifact_files(b"one")), name)


def test_ending_anywhere_leaves_the_old_release_or_the_new_one(
    agent: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed at its n-th system call that writes, for every n."""

    class Killed(BaseException):
        pass

    calls = [0]
    limit = [0]

    def mortal(original: Any) -> Any:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            calls[0] += 1
            if calls[0] == limit[0]:
                raise Killed
            return original(*args, **kwargs)

        return wrapped

    for name in ("rename", "symlink", "fsync", "link", "unlink", "fchmod", "chmod"):
        monkeypatch.setattr(os, name, mortal(getattr(os, name)))
    one, two = artifact_files(b"one"), artifact_files(b"two")
    ended = 0
    for n in range(1, 60):
        root = tmp_path / str(n)
        limit[0] = -1
        deploy(agent, root, one)
        calls[0], limit[0] = 0, n
        try:
            deploy(agent, root, two)
        except Killed:
            ended += 1
        limit[0] = -1
        agent._slots.clear()
        assert current(root) in (one, two), n
        for artifact in (root / "store").iterdir():
            assert artifact.name in (identity(one), identity(two))
        deploy(agent, root, two)
        assert current(root) == two
    assert ended >= 20


def test_random_bytes_for_a_manifest_are_refused(agent: ModuleType, tmp_path: Path) -> None:
    random.seed(3)
    for _ in range(200):
        text = bytes(random.randrange(256) for _ in range(40)).decode("latin-1")
        with pytest.raises(Exception, match="manifest"):
            agent.preflight(str(tmp_path), text, "digits")
