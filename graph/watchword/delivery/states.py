"""The states of a subscription and the transitions between them. Pure.

`next_state` is the only place that changes one state into another. A picture of it is in
docs/explanation/architecture.md; a test compares the two. The verbs of `Subscription` cause the transitions:

| verb | transition |
|---|---|
| `start`, `regrant`, `continue_alone` | `Begun`: a run of its own begins |
| its run is idle and no group is open | `Waits` |
| `join` | `Joined` |
| `stop` (by the client or the lease), `finish` (by the resolver) | `Ended` |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

R = TypeVar("R")
K = TypeVar("K")
G = TypeVar("G")


# States.


@dataclass(frozen=True, slots=True)
class Opening:
    """The subscription was made, and has not begun."""


@dataclass(frozen=True, slots=True)
class Alone(Generic[R]):
    """It has a run of its own."""

    run: R


@dataclass(frozen=True, slots=True)
class Offered(Generic[R, K]):
    """It has a run of its own, and is registered as waiting for a group with this key."""

    run: R
    key: K


@dataclass(frozen=True, slots=True)
class Grouped(Generic[G]):
    """It is a member of a group, and has no run of its own."""

    group: G


@dataclass(frozen=True, slots=True)
class Over:
    """It has ended. Nothing more is sent."""


# Transitions.


@dataclass(frozen=True, slots=True)
class Begun(Generic[R]):
    """A run of its own has begun: the first, or one that continues its last run or its group's."""

    run: R


@dataclass(frozen=True, slots=True)
class Waits(Generic[K]):
    """Its own run is idle, and no group with its key is open."""

    key: K


@dataclass(frozen=True, slots=True)
class Joined(Generic[G]):
    """It was added to a group."""

    group: G


@dataclass(frozen=True, slots=True)
class Ended:
    """Its client, its lease or its resolver ended it."""


State = Opening | Alone[R] | Offered[R, K] | Grouped[G] | Over
Transition = Begun[R] | Waits[K] | Joined[G] | Ended


def next_state(state: State[R, K, G], transition: Transition[R, K, G]) -> State[R, K, G]:
    """Return the state after a transition; the same state if the transition does not apply to it."""
    match state, transition:
        case Over(), _:
            return state
        case _, Ended():
            return Over()
        case _, Begun(run):
            return Alone(run)
        case Alone(run) | Offered(run, _), Waits(key):
            return Offered(run, key)
        case Alone() | Offered(), Joined(group):
            return Grouped(group)
    return state
