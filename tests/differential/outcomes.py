"""What a resolver may do but return a proper value: raise, and return errors and values that fit no type, or some."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import math
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from graphql import GraphQLError, Undefined

from watchword.errors import NotFound


class Odd:
    def __repr__(self) -> str:
        return "<odd>"


class Text(str):
    def __str__(self) -> str:
        return "another text"


class Whole(int):
    pass


class Named(str, enum.Enum):  # noqa: UP042 - its text is not its value
    RED = "r"


class Numbered(enum.IntEnum):
    TWO = 2


class Falsy:
    def __bool__(self) -> bool:
        raise ValueError("neither true nor false")

    def __repr__(self) -> str:
        return "<falsy>"


# Errors that are raised again and again, and so have a traceback already.
SHARED = RuntimeError("shared"), GraphQLError("shared too"), NotFound("shared as well")


def forget() -> None:
    """Let the shared errors hold nothing of the executions that raised them.

    Each raise adds an entry to the traceback of the same error. All these entries keep their frames, and what
    raises, copies or prints the error walks over them: every document would take longer than the one before.
    """
    for error in SHARED:
        error.__traceback__ = error.__context__ = error.__cause__ = None


def _raise(error: Exception) -> Any:
    raise error


def _broken(place: str) -> Iterator[Any]:
    yield None
    raise RuntimeError(f"{place} broke")


async def _broken_later(place: str) -> AsyncIterator[Any]:
    yield None
    raise RuntimeError(f"{place} broke later")


def _chained(place: str) -> Any:
    try:
        raise KeyError(place)
    except KeyError as error:
        raise RuntimeError("chained") from error


_FAULTS: tuple[Callable[[str], Any], ...] = (
    *(lambda place: None, lambda place: None, lambda place: Undefined),
    lambda place: _raise(RuntimeError(place)),
    lambda place: _raise(GraphQLError(place)),
    lambda place: _raise(GraphQLError(place, extensions={"code": "ODD", "place": place})),
    lambda place: _raise(GraphQLError(place, path=["elsewhere", 1])),
    lambda place: _raise(NotFound(place)),
    lambda place: _raise(KeyError(place)),
    lambda place: _raise(TypeError()),
    lambda place: _raise(StopIteration(place)),
    lambda place: _raise(SHARED[0]),
    lambda place: _raise(SHARED[1]),
    lambda place: _raise(SHARED[2]),
    lambda place: SHARED[0],
    *(_chained, _broken, _broken_later),
    lambda place: ValueError(place),
    lambda place: GraphQLError(place, extensions={"returned": True}),
    lambda place: NotFound(place),
)
_WRONG: tuple[Callable[[], Any], ...] = (
    *(
        Odd,
        Falsy,
        lambda: "text",
        lambda: "",
        lambda: "7",
        lambda: "r",
        lambda: b"bytes",
        lambda: "\ud800",
    ),
    *(
        lambda: 0,
        lambda: 1,
        lambda: 2**31,
        lambda: 2**40,
        lambda: 10**30,
        lambda: -1,
        lambda: Whole(3),
    ),
    *(
        lambda: math.nan,
        lambda: math.inf,
        lambda: 3.0,
        lambda: 3.5,
        lambda: -0.0,
        lambda: True,
        lambda: False,
    ),
    *(
        lambda: Text("text"),
        lambda: Named.RED,
        lambda: Numbered.TWO,
        lambda: decimal.Decimal("2.0"),
    ),
    *(lambda: dt.datetime(2020, 1, 1), lambda: dt.date(2020, 1, 1), lambda: uuid.UUID(int=3)),
    *(
        list,
        lambda: [None],
        lambda: [[1]],
        lambda: [Odd()],
        lambda: [ValueError("in a list")],
        tuple,
        set,
    ),
    *(
        lambda: range(2),
        lambda: iter("ab"),
        lambda: deque(["a"]),
        lambda: frozenset({1}),
        lambda: Exception,
    ),
    *(dict, lambda: {"key": "a", "number": 1}, lambda: {"a": 1}.values(), lambda: object),
)


KINDS = 2 * len(_FAULTS) + len(_WRONG)
"""After so many numbers, the faults are the same again."""


def fault(number: int, place: str) -> Any:
    """Raise an error, or return an error or a value that a resolver should not return; the number says which."""
    which = number % KINDS - 2 * len(_FAULTS)
    return _WRONG[which]() if which >= 0 else _FAULTS[which % len(_FAULTS)](place)
