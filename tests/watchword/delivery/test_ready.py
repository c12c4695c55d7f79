"""Answers that are made without waiting are added to the first one, up to a limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from watchword.delivery import ready
from watchword.delivery.ready import add_ready
from watchword.delivery.run import Sent


async def answers(
    *texts: bytes, gate: asyncio.Event | None = None, fails: bool = False
) -> AsyncGenerator[Sent, None]:
    for text in texts:
        yield Sent(text)
    if gate is not None:
        await gate.wait()
        yield Sent(b"late")
    if fails:
        raise RuntimeError("the resolver failed")


def texts(made: list[Sent]) -> list[bytes]:
    return [each.json for each in made]


async def test_an_answer_that_waits_is_returned_and_comes_later() -> None:
    gate = asyncio.Event()
    made = [Sent(b"1")]
    coming = add_ready(answers(b"2", b"3", gate=gate), made, lambda: True)
    assert texts(made) == [b"1", b"2", b"3"]
    assert coming is not None
    gate.set()
    assert (await coming).json == b"late"


async def test_an_error_is_kept_until_the_answers_before_it_are_sent() -> None:
    made = [Sent(b"1")]
    coming = add_ready(answers(b"2", fails=True), made, lambda: True)
    assert texts(made) == [b"1", b"2"]
    assert coming is not None
    with pytest.raises(RuntimeError, match="the resolver failed"):
        await coming


async def test_nothing_is_asked_for_that_may_not_be_made_now() -> None:
    made, following = [Sent(b"1")], answers(b"2")
    assert add_ready(following, made, lambda: False) is None
    assert texts(made) == [b"1"]
    assert (await anext(following)).json == b"2"


async def test_an_answer_that_is_refused_is_not_added() -> None:
    made = [Sent(b"1")]
    coming = add_ready(answers(b"2"), made, lambda: True, lambda: True)
    assert texts(made) == [b"1"]
    assert coming is not None
    assert (await coming).json == b"2"


@pytest.mark.parametrize(("name", "most"), [("MOST_TOGETHER", 2), ("LONGEST_TOGETHER", 2)])
async def test_there_are_limits(name: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, name, most)
    made = [Sent(b"1")]
    assert add_ready(answers(b"2", b"3"), made, lambda: True) is None
    assert texts(made) == [b"1", b"2"]
