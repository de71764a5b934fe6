"""A trtexec job on a device, from its start to its result."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from edgetool.agent import AgentClient, Event, RunState, start_run
from edgetool.errors import DeviceError
from edgetool.runtimes.tensorrt.jobs import Result, explain_refusal, read_result

OnEvent = Callable[[Event], None]


def run_trtexec(
    client: AgentClient,
    job: Mapping[str, Any],
    *,
    run: str | None = None,
    by: str = "",
    on_event: OnEvent | None = None,
) -> Result:
    """Start a job of jobs.describe_job, follow it to its end, and take its result apart.

    run: a name from an earlier try whose link was lost: that run is followed, not started again.
    by: who asks.   The run is forgotten on the device once its result is here.
    Raises: LinkError, and what explain_refusal says when trtexec failed.
    """
    name = start_run(client, job, run=run, by=by)
    journal, state = _follow(client, name, on_event)
    if state.state != "done":
        raise _error_of(client.where, state, journal)
    result = read_result(job, journal)
    with contextlib.suppress(DeviceError):
        client.call("forget", run=name)
    return result


def _follow(
    client: AgentClient, run: str, on_event: OnEvent | None
) -> tuple[list[dict[str, Any]], RunState]:
    journal: list[dict[str, Any]] = []
    for item in client.follow(run):
        if isinstance(item, RunState):
            return journal, item
        if isinstance(item, Event):
            journal.append({**item.fields, "kind": item.kind})
            if on_event is not None:
                on_event(item)
    raise DeviceError(f"run {run} on {client.where} did not say how it ended")


def _error_of(where: str, state: RunState, journal: list[dict[str, Any]]) -> Exception:
    said = state.error or f"it is {state.state}"
    known = explain_refusal(state.error_kind or "", said, journal)
    return known or DeviceError(f"TensorRT on {where} did not finish its job: {said}")
