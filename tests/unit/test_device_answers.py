"""What a broken or hostile device answers about releases never gets further than the reader."""

from __future__ import annotations

from typing import Any

import pytest

from edgetool.deployment.answers import Reader
from edgetool.errors import ProtocolError

A, B = "a" * 64, "b" * 64
READER = Reader("board")
PREFLIGHT = {
    "lacks": [A],
    "incoming": f"incoming/{'a' * 16}.0",
    "free_bytes": 1,
    "current": None,
    "machine": "aarch64",
    "check": "no-key",
}
LISTING = {
    "releases": [
        {
            "release": "digits",
            "current": A,
            "previous": None,
            "history": [{"do": "deploy", "artifact": A, "by": "me@here", "at": 1.5}],
        }
    ],
    "store": [{"artifact": A, "bytes": 10, "in_use": False}],
    "keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"],
}
HOSTILE = [
    "../../etc",
    "/etc/passwd",
    "a\x00b",
    "\x1b[2J",
    "-rf",
    "",
    "A" * 10_000,
    None,
    5,
    [],
    {},
]


def test_what_the_agent_says_is_read() -> None:
    assert READER.preflight(PREFLIGHT, frozenset({A})).lacks == {A}
    listing = READER.listing(LISTING)
    assert listing.releases[0].history[0].by == "me@here"
    assert READER.switched({"artifact": A, "previous": B, "check": "signature"}).previous == B


def test_a_file_that_was_not_asked_about_is_not_sent() -> None:
    with pytest.raises(ProtocolError, match="not in the release"):
        READER.preflight({**PREFLIGHT, "lacks": [A, B]}, frozenset({A}))


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("key", ["lacks", "incoming", "machine", "check", "current"])
def test_a_hostile_preflight_is_refused(key: str, value: Any) -> None:
    if (value is None and key in ("incoming", "current")) or (value == [] and key == "lacks"):
        return  # nothing lacks, nothing to send, nothing current
    with pytest.raises(ProtocolError):
        READER.preflight({**PREFLIGHT, key: value}, frozenset({A}))


@pytest.mark.parametrize("value", [-1, 1.5, "1", True, None])
def test_a_count_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(ProtocolError):
        READER.preflight({**PREFLIGHT, "free_bytes": value}, frozenset({A}))


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(
    "path",
    [
        ("releases", 0, "release"),
        ("releases", 0, "current"),
        ("releases", 0, "history", 0, "artifact"),
        ("releases", 0, "history", 0, "by"),
        ("releases", 0, "history", 0, "at"),
        ("store", 0, "artifact"),
        ("store", 0, "bytes"),
        ("keys", 0),
    ],
)
def test_a_hostile_name_in_a_listing_never_reaches_a_terminal(
    path: tuple[str | int, ...], value: Any
) -> None:
    if (value is None and path[-1] == "current") or (
        isinstance(value, int) and path[-1] != "release"
    ):
        value = "\r"
    if path[-1] == "by" and value in ("../../etc", "/etc/passwd", "-rf", ""):
        return  # text for people, printed and nothing else
    content = replaced(LISTING, path, value)
    with pytest.raises(ProtocolError) as caught:
        READER.listing(content)
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("answer", [None, [], "x", 5, {}, {"releases": {}}, {"releases": [5]}])
def test_an_answer_of_another_form_is_refused(answer: Any) -> None:
    with pytest.raises(ProtocolError):
        READER.listing(answer)


def replaced(content: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """A copy with another value at a path."""
    if not path:
        return value
    if isinstance(content, list):
        return [replaced(x, path[1:], value) if i == path[0] else x for i, x in enumerate(content)]
    return {k: replaced(x, path[1:], value) if k == path[0] else x for k, x in content.items()}
