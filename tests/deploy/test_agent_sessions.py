"""The agent on a device: put there once, asked, refused, and answering whatever comes."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from edgetool.agent import AgentClient, Event, RunState, agent_bundle, start_run
from edgetool.agent.bundle import bundle_of
from edgetool.errors import DeviceError, LinkError, RefusedError
from edgetool.transports.transport import Channel, Transport

AGENT = Path(__file__).parents[2] / "targets" / "linux" / "agent"


def agents(home: Path) -> list[str]:
    return sorted(path.name for path in (home / ".edgetool/agent").iterdir())


def test_bundle_is_the_same_bytes_whenever_and_from_wherever_it_is_made(tmp_path: Path) -> None:
    for source in AGENT.glob("*.py"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
        os.utime(tmp_path / source.name, (1e9, 1e9))
    assert bundle_of(tmp_path) == agent_bundle()


def test_bundle_holds_each_module_of_the_agent_uncompressed() -> None:
    import io

    with zipfile.ZipFile(io.BytesIO(agent_bundle().content)) as archive:
        entries = archive.infolist()
    assert [e.filename for e in entries] == sorted(path.name for path in AGENT.glob("*.py"))
    assert {e.compress_type for e in entries} == {zipfile.ZIP_STORED}


def test_agent_is_uploaded_once_and_then_only_started(
    transport: Transport, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with AgentClient(transport) as client:
        assert client.hello.agent == agent_bundle().name
    assert agents(home) == [f"{agent_bundle().name}.pyz"]
    monkeypatch.setattr(type(transport), "upload", None)  # a second one would fail
    with AgentClient(transport) as client:
        assert client.call("runs") == {"runs": []}


def test_damaged_agent_is_replaced(transport: Transport, home: Path) -> None:
    path = home / ".edgetool" / agent_bundle().path
    for content in (b"", b"PK\3\4 no zip", agent_bundle().content[:-100]):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        with AgentClient(transport) as client:
            assert client.call("runs") == {"runs": []}
        assert path.read_bytes() == agent_bundle().content


def test_agents_that_were_not_used_lately_are_removed(transport: Transport, home: Path) -> None:
    folder = home / ".edgetool/agent"
    folder.mkdir(parents=True)
    for age in range(5):
        old = folder / f"{age:016x}.pyz"
        old.write_bytes(b"")
        os.utime(old, (1e9 - age, 1e9 - age))
    (folder / "of-the-user").write_bytes(b"")
    with AgentClient(transport) as client:
        client.call("runs")
    kept = ["0000000000000000.pyz", "0000000000000001.pyz", f"{agent_bundle().name}.pyz"]
    assert agents(home) == sorted([*kept, "of-the-user"])


def test_without_python_the_error_says_so(transport: Transport) -> None:
    with pytest.raises(DeviceError, match="has no python-4") as caught:
        AgentClient(transport, python="python-4").__enter__()
    assert "Python 3.6" in str(caught.value)


def test_root_that_cannot_be_made_is_reported_with_what_the_device_said(
    transport: Transport, home: Path
) -> None:
    (home / "file").write_bytes(b"")
    with pytest.raises(DeviceError) as caught:
        AgentClient(transport, "file/below").__enter__()
    assert "file" in str(caught.value)
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(
    ("verb", "arguments", "reason"),
    [
        ("nonsense", {}, "unknown-verb"),
        ("__import__", {"name": "os"}, "unknown-verb"),
        ("status", {}, "arguments"),
        ("status", {"run": "none"}, "no-run"),
        ("status", {"run": "../x"}, "name"),
        ("status", {"run": 7}, "name"),
        ("follow", {"run": "none"}, "no-run"),
        ("start", {"run": "a", "job": {"kind": "nonsense"}}, "unknown-kind"),
        ("start", {"run": "a", "job": 5}, "unknown-kind"),
        ("hash", {"paths": ["../../etc/passwd"]}, "path"),
        ("hash", {"paths": ["/etc/passwd"]}, "path"),
        ("hash", {"paths": ["a\0b"]}, "path"),
    ],
)
def test_agent_refuses(
    transport: Transport, verb: str, arguments: dict[str, Any], reason: str
) -> None:
    with AgentClient(transport) as client:
        with pytest.raises(RefusedError) as caught:
            client.call(verb, **arguments)
        assert caught.value.reason == reason
        assert client.call("runs") == {"runs": []}


def test_hashes_are_those_of_regular_files_below_the_root(transport: Transport, home: Path) -> None:
    (home / ".edgetool").mkdir()
    (home / ".edgetool/model").write_bytes(b"abc")
    (home / ".edgetool/link").symlink_to("/etc/passwd")
    with AgentClient(transport) as client:
        found = client.call("hash", paths=["model", "absent", "agent"])["sha256"]
        with pytest.raises(RefusedError):
            client.call("hash", paths=["link"])
    assert found[0].startswith("ba7816bf")
    assert found[1:] == [None, None]


def test_nonsense_on_standard_input_is_answered_and_ends_nothing(transport: Transport) -> None:
    with AgentClient(transport) as client:
        channel: Channel = client._open_channel()
        for line in (b"\n", b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"do":"runs"}'):
            channel.send(line + b"\n")
        assert client.call("runs") == {"runs": []}


def collect(client: AgentClient, run: str, first: int = 0) -> tuple[list[Event], RunState]:
    items = list(client.follow(run, first))
    assert isinstance(items[-1], RunState)
    return [item for item in items if isinstance(item, Event)], items[-1]


def samples_of(events: list[Event]) -> list[int]:
    return [v for event in events if event.kind == "samples" for v in event.fields["samples"]]


def test_run_is_followed_to_its_end_and_again_from_any_line(transport: Transport) -> None:
    with AgentClient(transport) as client:
        run = start_run(client, {"kind": "count", "samples": 300, "every_s": 0.002})
        events, state = collect(client, run)
        assert samples_of(events) == list(range(300))
        assert [event.index for event in events] == list(range(len(events)))
        assert (state.state, state.result, state.lines) == ("done", {"samples": 300}, len(events))
        for first in range(len(events) + 1):
            assert collect(client, run, first)[0] == events[first:]


def test_run_whose_job_fails_says_why(transport: Transport) -> None:
    with AgentClient(transport) as client:
        run = start_run(client, {"kind": "count", "samples": 1, "fail": "no more numbers"})
        events, state = collect(client, run)
    assert (state.state, state.error_kind, state.error) == ("failed", "count", "no more numbers")
    assert events[-1].kind == "error"


def test_run_whose_process_crashes_says_how(transport: Transport) -> None:
    with AgentClient(transport) as client:
        run = start_run(client, {"kind": "count", "samples": 5, "exit": 7})
        events, state = collect(client, run)
    assert (state.state, state.error_kind) == ("failed", "crashed")
    assert "exit code 7" in str(state.error)
    assert samples_of(events) == list(range(5))


def test_requests_are_answered_while_a_run_is_followed(transport: Transport) -> None:
    with AgentClient(transport) as client:
        run = start_run(client, {"kind": "count", "samples": 10_000, "every_s": 0.01})
        items = client.follow(run)
        next(items)
        assert client.call("status", run=run)["state"] in ("starting", "running")
        client.call("stop", run=run)
        last = list(items)[-1]
        assert isinstance(last, RunState)
        assert last.state == "stopped"
        assert client.call("forget", run=run) == {"run": run}
        assert client.call("runs") == {"runs": []}


def test_run_that_is_not_followed_to_its_end_leaves_the_session_usable(
    transport: Transport,
) -> None:
    with AgentClient(transport) as client:
        run = start_run(client, {"kind": "count", "samples": 10_000, "every_s": 0.01})
        for _ in client.follow(run):
            break
        assert client.call("stop", run=run)["state"] == "stopped"


def test_starting_the_same_run_twice_starts_it_once(transport: Transport) -> None:
    job = {"kind": "count", "samples": 20}
    with AgentClient(transport) as client:
        assert client.call("start", run="once", job=job)["started"] is True
        assert client.call("start", run="once", job=job)["started"] is False
        with pytest.raises(RefusedError) as caught:
            client.call("start", run="once", job={**job, "samples": 21})
        assert caught.value.reason == "run-exists"
        assert samples_of(collect(client, "once")[0]) == list(range(20))


def test_second_host_is_told_who_times(transport: Transport) -> None:
    job = {"kind": "count", "samples": 10_000, "every_s": 0.01, "exclusive": True}
    with AgentClient(transport) as first, AgentClient(transport) as second:
        run = start_run(first, job, by="ada on bench-1")
        with pytest.raises(RefusedError, match=rf"ada on bench-1, run {run}") as caught:
            start_run(second, job)
        assert caught.value.reason == "busy"
        first.call("stop", run=run)
        other = start_run(second, job)
        second.call("stop", run=other)


def test_reservation_lasts_as_long_as_the_session_and_its_runs(transport: Transport) -> None:
    job = {"kind": "count", "samples": 10_000, "every_s": 0.01, "exclusive": True}
    with AgentClient(transport) as second:
        with AgentClient(transport) as first:
            first.call("reserve", by="ada")
            run = start_run(first, job)
            with pytest.raises(RefusedError, match="ada"):
                second.call("reserve")
        with pytest.raises(RefusedError, match="ada"):
            second.call("reserve")
        second.call("stop", run=run)
        assert second.call("reserve") == {"reserved": True}


def test_run_goes_on_without_link_and_agent(transport: Transport) -> None:
    with AgentClient(transport) as client:
        run = start_run(client, {"kind": "count", "samples": 200, "every_s": 0.005})
    with AgentClient(transport) as client:
        events, state = collect(client, run)
    assert state.state == "done"
    assert samples_of(events) == list(range(200))


def test_answer_of_another_program_is_no_agents(transport: Transport, tmp_path: Path) -> None:
    for number, said in enumerate(("hello", json.dumps({"hello": {"protocol": 99}}), "\\377")):
        script = tmp_path / f"python-{number}"
        script.write_text(f"#!/bin/sh\nprintf '%b\\n' '{said}'\nexec cat >/dev/null\n")
        script.chmod(0o755)
        with pytest.raises(DeviceError, match="never does"):
            AgentClient(transport, python=str(script)).__enter__()


def test_agent_that_ends_is_a_lost_link(transport: Transport) -> None:
    with AgentClient(transport) as client:
        client.call("bye")
        with pytest.raises(LinkError):
            client.call("runs")
