"""Start runs on a device."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

from edgetool.agent.client import AgentClient


def new_run_id(kind: str) -> str:
    """A name for a run that no other has: kind, date and chance."""
    return f"{kind}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"


def start_run(
    client: AgentClient, job: Mapping[str, Any], *, run: str | None = None, by: str = ""
) -> str:
    """Start a job that goes on without us; its run's name.

    run: a name from an earlier try whose answer was lost: it is not started a second time.
    by: who asks, for others that find the board busy.
    Raises: RefusedError ("busy" where another run or host is timing); LinkError.
    """
    name = run or new_run_id(str(job["kind"]))
    client.call("start", run=name, job=dict(job), by=by)
    return name
