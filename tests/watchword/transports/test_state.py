"""The states of a connection are those that the documentation draws, and each can end."""

from __future__ import annotations

import re

import pytest

from tests.support.documents import ARCHITECTURE
from watchword.transports.state import TRANSITIONS, ConnectionState, StateMachine, Transition


def drawn() -> set[tuple[str, str, str]]:
    text = ARCHITECTURE.read_text()
    section = text.partition("## Live connections")[2].partition("\n## ")[0]
    [picture] = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", section, re.DOTALL)
    return set(re.findall(r"^ +(\w+) --> (\w+): (\w+)$", picture, re.MULTILINE))


def test_the_states_are_those_that_are_drawn() -> None:
    transitions = {
        (before.name, after.name, transition.name)
        for before, found in TRANSITIONS.items()
        for transition, after in found.items()
    }
    assert drawn() == transitions


@pytest.mark.parametrize("state", list(ConnectionState))
def test_each_state_can_be_closed_once_and_nothing_follows(state: ConnectionState) -> None:
    machine = StateMachine(state)
    assert machine.go(Transition.CLOSE) is (state is not ConnectionState.CLOSED)
    assert machine.state is ConnectionState.CLOSED
    assert not any(map(machine.go, Transition))


def test_a_move_that_a_state_does_not_have_changes_nothing() -> None:
    machine = StateMachine()
    assert not machine.go(Transition.OPEN)
    assert machine.state is ConnectionState.AWAITING_INIT
