"""Answers that are made without waiting: one write then takes several to a subscriber."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable

from watchword.delivery.run import Sent
from watchword.process.eager import Eager

# The most answers, and bytes, that are made before the first of them is sent.
MOST_TOGETHER = 100
LONGEST_TOGETHER = 32_768


def add_ready(
    answers: AsyncGenerator[Sent, None],
    made: list[Sent],
    may_go_on: Callable[[], bool],
    is_refused: Callable[[], bool] | None = None,
) -> Eager[Sent] | None:
    """Add the answers to events that have happened already to `made`, while `may_go_on`. Nothing is waited for.

    Returns the next answer if it is being made, has failed, or `is_refused` says that it must not be sent with the others.
    """
    size = len(made[0].json)
    while len(made) < MOST_TOGETHER and size < LONGEST_TOGETHER and may_go_on():
        coming = Eager(anext(answers))
        if not coming.has_result or (is_refused is not None and is_refused()):
            return coming
        made.append(coming.result())
        size += len(made[-1].json)
    return None
