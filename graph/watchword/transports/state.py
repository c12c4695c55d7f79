"""The states of a live connection and the transitions between them. Pure; docs/explanation/architecture.md draws them.

A socket begins in `AWAITING_INIT`. A stream over HTTP begins in `OPENING`: it was authenticated as a request.
"""

from __future__ import annotations

from enum import Enum


class ConnectionState(Enum):
    """The state of a connection."""

    AWAITING_INIT = "waiting for connection_init"
    OPENING = "being authenticated, or sending the head of the response"
    OPEN = "operations start and run"
    DRAINING = "the server stops: no operation starts, and the connection ends soon"
    FINISHING = "ends as soon as its queries and mutations are answered"
    CLOSED = "nothing more is sent, and input is ignored"


class Transition(Enum):
    """The events that take a connection from one state to another."""

    INIT = "connection_init arrived"
    OPEN = "connection_ack, or the head of the response, is sent"
    DRAIN = "the server stops"
    FINISH = "the connection's time to drain is over, or its client asks for another operation"
    CLOSE = "the close frame or the last event is sent, or the connection is lost"


_STATE, _BY = ConnectionState, Transition
TRANSITIONS: dict[ConnectionState, dict[Transition, ConnectionState]] = {
    _STATE.AWAITING_INIT: {_BY.INIT: _STATE.OPENING, _BY.CLOSE: _STATE.CLOSED},
    _STATE.OPENING: {_BY.OPEN: _STATE.OPEN, _BY.CLOSE: _STATE.CLOSED},
    _STATE.OPEN: {_BY.DRAIN: _STATE.DRAINING, _BY.CLOSE: _STATE.CLOSED},
    _STATE.DRAINING: {_BY.FINISH: _STATE.FINISHING, _BY.CLOSE: _STATE.CLOSED},
    _STATE.FINISHING: {_BY.CLOSE: _STATE.CLOSED},
    _STATE.CLOSED: {},
}


class StateMachine:
    """The state of one connection."""

    __slots__ = ("state",)

    def __init__(self, state: ConnectionState = ConnectionState.AWAITING_INIT) -> None:
        self.state = state

    def go(self, transition: Transition) -> bool:
        """Make a transition. Returns False, and changes nothing, when the present state does not have it."""
        after = TRANSITIONS[self.state].get(transition)
        if after is None:
            return False
        self.state = after
        return True

    @property
    def is_open(self) -> bool:
        """Whether answers may be sent."""
        return self.state in (_STATE.OPEN, _STATE.DRAINING, _STATE.FINISHING)
