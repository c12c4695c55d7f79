"""A subscription's states, against the picture in the documentation."""

from __future__ import annotations

import re
from itertools import product

from tests.support.documents import ARCHITECTURE
from watchword.delivery.states import (
    Alone,
    Begun,
    Ended,
    Grouped,
    Joined,
    Offered,
    Opening,
    Over,
    Waits,
    next_state,
)

STATES = (Opening(), Alone("run"), Offered("run", "key"), Grouped("group"), Over())
TRANSITIONS = (Begun("other run"), Waits("key"), Joined("group"), Ended())
Edge = tuple[str, str, str]


def name(value: object) -> str:
    return type(value).__name__


def drawn() -> set[Edge]:
    """The edges of the picture."""
    picture = (
        ARCHITECTURE.read_text().split("<!-- the states of a subscription -->")[1].split("```")[1]
    )
    edges = re.findall(r"^ *(\w+) --> (\w+): (.+)$", picture, re.MULTILINE)
    return {(here, there, each) for here, there, many in edges for each in many.split(", ")}


def test_the_picture_of_a_subscription_is_its_code() -> None:
    moves = {
        (name(state), name(next_state(state, happened)), name(happened))
        for state, happened in product(STATES, TRANSITIONS)
        if next_state(state, happened) is not state
    }
    assert drawn() == moves


def test_nothing_follows_the_end() -> None:
    assert [next_state(Over(), happened) for happened in TRANSITIONS] == [Over()] * len(TRANSITIONS)


def test_transitions_keep_what_they_do_not_change() -> None:
    assert next_state(Alone("run"), Waits("key")) == Offered("run", "key")
    assert next_state(Offered("run", "key"), Begun("other run")) == Alone("other run")
    assert next_state(Grouped("group"), Waits("key")) == Grouped("group")
