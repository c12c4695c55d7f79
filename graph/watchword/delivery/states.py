"""The states of a subscription, and what takes it from one to the next. Pure.

`after` is the only place where one state follows another. docs/explanation/architecture.md has a picture of it, which a test
compares with this.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

R = TypeVar("R")
K = TypeVar("K")
G = TypeVar("G")


@dataclass(frozen=True, slots=True)
class Opening:
    """It was made, and has not begun."""


@dataclass(frozen=True, slots=True)
class Alone(Generic[R]):
    """It has a run of its own."""

    run: R


@dataclass(frozen=True, slots=True)
class Offered(Generic[R, K]):
    """It has a run of its own, and is known to wait for a group with this key."""

    run: R
    key: K


@dataclass(frozen=True, slots=True)
class Grouped(Generic[G]):
    """A group runs for it."""

    group: G


@dataclass(frozen=True, slots=True)
class Over:
    """It has ended: nothing more is sent."""


@dataclass(frozen=True, slots=True)
class Begun(Generic[R]):
    """A run of its own has begun: the first, or from where its last run or its group left it."""

    run: R


@dataclass(frozen=True, slots=True)
class Waits(Generic[K]):
    """Its own run waits for what has not happened yet, and no group with its key is open."""

    key: K


@dataclass(frozen=True, slots=True)
class Joined(Generic[G]):
    """A group took it in."""

    group: G


@dataclass(frozen=True, slots=True)
class Ended:
    """Its client, its lease or its resolver ended it."""


State = Opening | Alone[R] | Offered[R, K] | Grouped[G] | Over
Happening = Begun[R] | Waits[K] | Joined[G] | Ended


def after(state: State[R, K, G], happened: Happening[R, K, G]) -> State[R, K, G]:
    """Return the state after something happened; the same one when that changes nothing."""
    match state, happened:
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
