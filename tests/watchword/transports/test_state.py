"""The states of a connection are those that the documentation draws, and each can end."""

from __future__ import annotations

import re

import pytest

from tests.support.documents import ARCHITECTURE
from watchword.transports.state import MOVES, Machine, Move, State


def drawn() -> set[tuple[str, str, str]]:
    text = ARCHITECTURE.read_text()
    section = text.partition("## Live connections")[2].partition("\n## ")[0]
    [picture] = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", section, re.DOTALL)
    return set(re.findall(r"^ +(\w+) --> (\w+): (\w+)$", picture, re.MULTILINE))


def test_the_states_are_those_that_are_drawn() -> None:
    moves = {
        (before.name, after.name, move.name)
        for before, found in MOVES.items()
        for move, after in found.items()
    }
    assert drawn() == moves


@pytest.mark.parametrize("state", list(State))
def test_each_state_can_be_closed_once_and_nothing_follows(state: State) -> None:
    machine = Machine(state)
    assert machine.move(Move.CLOSE) is (state is not State.CLOSED)
    assert machine.state is State.CLOSED
    assert not any(map(machine.move, Move))


def test_a_move_that_a_state_does_not_have_changes_nothing() -> None:
    machine = Machine()
    assert not machine.move(Move.OPEN)
    assert machine.state is State.WAITING
