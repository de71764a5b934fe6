"""Sessions with a device that outlast its links: runs started once, followed and fetched whole."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from cut_links import CutTransport
from edgetool.agent import Event, Patience, Tries
from edgetool.errors import LinkError
from edgetool.runtimes.board import open_board

PATIENT = Patience(give_up_s=60.0, first_delay_s=0.01, longest_delay_s=0.1)
SAMPLES = 200
JOB = {"kind": "count", "samples": SAMPLES, "every_s": 0.004, "batch_s": 0}
CUTS = 20
UNCUT = 1 << 30


@pytest.mark.parametrize("killed", [False, True], ids=["link-cut", "agent-killed"])
def test_a_run_over_links_that_get_lost_gives_every_sample_once(
    tmp_path: Path, killed: bool
) -> None:
    chance = random.Random(11 + killed)
    cuts = [chance.randrange(250, 900) for _ in range(CUTS)]
    bears = iter([UNCUT, *cuts, *[UNCUT] * 9])  # the first finds no agent there
    seen: list[Event] = []
    with open_board(lambda: CutTransport(tmp_path, bears, killed), ".edgetool", PATIENT) as board:
        run, state = board.run(JOB, seen.append)
        log = tmp_path / ".edgetool/runs" / run / "log"
        log.write_text("as it was")
        assert board.fetch(run, "log", 9) == b"as it was"
        board.forget(run)
    assert state.state == "done"
    assert [event.index for event in seen] == list(range(len(seen)))
    numbers = [n for event in seen if event.kind == "samples" for n in event.fields["samples"]]
    assert numbers == list(range(SAMPLES))
    assert len(list(bears)) < 9, "every link that was to be cut was used"


def test_patience_begins_when_the_link_is_lost_and_not_before() -> None:
    tries = Tries(Patience(give_up_s=0.05, first_delay_s=0.01))
    time.sleep(0.1)
    assert tries.failed(LinkError("lost")).attempt == 1
    time.sleep(0.1)
    with pytest.raises(LinkError, match="gave up after"):
        tries.failed(LinkError("lost"))
