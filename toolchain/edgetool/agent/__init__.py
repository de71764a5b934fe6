"""The host's side of the agent: put it on a device, ask it, follow what it runs there."""

from __future__ import annotations

from edgetool.agent.bundle import Bundle, agent_bundle
from edgetool.agent.client import AgentClient
from edgetool.agent.facts import Conditions, Facts, probe_device, read_conditions
from edgetool.agent.following import (
    Board,
    Followed,
    LinkLost,
    Patience,
    Tries,
    explain,
    follow_run,
    start_surely,
)
from edgetool.agent.messages import Event, RunState, Silence
from edgetool.agent.runs import new_run_id, start_run

__all__ = [
    "AgentClient",
    "Board",
    "Bundle",
    "Conditions",
    "Event",
    "Facts",
    "Followed",
    "LinkLost",
    "Patience",
    "RunState",
    "Silence",
    "Tries",
    "agent_bundle",
    "explain",
    "follow_run",
    "new_run_id",
    "probe_device",
    "read_conditions",
    "start_run",
    "start_surely",
]
