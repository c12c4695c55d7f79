"""The states of a live connection and the moves between them. Pure; docs/explanation/architecture.md draws them.

A socket begins in `WAITING`. A stream over HTTP was authenticated as a request, and begins in `OPENING`.
"""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """Where a connection is."""

    WAITING = "waiting for connection_init"
    OPENING = "being authenticated, or its head is being sent"
    LIVE = "operations start and run"
    DRAINING = "the server stops: no operation starts, and the connection ends soon"
    LEAVING = "ends as soon as queries and mutations are answered"
    CLOSED = "nothing more is sent, and nothing is listened to"


class Move(Enum):
    """What takes a connection from one state to another."""

    INIT = "connection_init came"
    OPEN = "connection_ack, or the head of the response, is sent"
    DRAIN = "the server stops"
    LEAVE = "its moment to end has come, or its client asks for more"
    CLOSE = "the close frame or the last event is sent, or the connection is lost"


MOVES: dict[State, dict[Move, State]] = {
    State.WAITING: {Move.INIT: State.OPENING, Move.CLOSE: State.CLOSED},
    State.OPENING: {Move.OPEN: State.LIVE, Move.CLOSE: State.CLOSED},
    State.LIVE: {Move.DRAIN: State.DRAINING, Move.CLOSE: State.CLOSED},
    State.DRAINING: {Move.LEAVE: State.LEAVING, Move.CLOSE: State.CLOSED},
    State.LEAVING: {Move.CLOSE: State.CLOSED},
    State.CLOSED: {},
}


class Machine:
    """The state of one connection."""

    def __init__(self, state: State = State.WAITING) -> None:
        self.state = state

    def move(self, move: Move) -> bool:
        """Make a move. Returns False, and changes nothing, when the state does not have it."""
        after = MOVES[self.state].get(move)
        if after is None:
            return False
        self.state = after
        return True

    @property
    def is_open(self) -> bool:
        """Tell whether answers may be sent."""
        return self.state in (State.LIVE, State.DRAINING, State.LEAVING)
