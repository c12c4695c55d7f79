"""What the lines of a generated function are about. A failure finds its place in the answer by its line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any, NamedTuple, TypeVar

from watchword.execution.compiled.site import Site, Step, path
from watchword.libraries.graphql_execution import Path


class Open(NamedTuple):
    """A variable of a generated function that holds unfinished work: awaitables by key, or an iterator."""

    variable: str
    is_iterator: bool


class Mark(NamedTuple):
    """The place in the answer that a line makes: a field, or `levels` lists below it one of its items.

    `loops` are the variables of the lists that are being filled; their lengths are the open indexes of the
    path, after those that the function was called with. `opens` is the work that the line leaves unfinished
    if it fails, the outermost first.
    """

    site: Site
    levels: int = 0
    loops: tuple[str, ...] = ()
    opens: tuple[Open, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        return (*self.site.steps, *(None,) * self.levels)

    def path(self, frame: FrameType) -> Path:
        """Return the path of the place, in a frame that failed there."""
        held = frame.f_locals
        return path(self.steps, (*held["p"], *(len(held[name]) for name in self.loops)))


_passed_by: set[CodeType] = set()

F = TypeVar("F", bound=Callable[..., Any])


def passed_by(function: F) -> F:
    """Declare that generated functions are called through a function: a trail goes on below it."""
    _passed_by.add(function.__code__)
    return function


Marks = dict[str, dict[int, Mark]]
"""The marks of generated text, by file name and line. Equal functions of two files have equal code objects."""


def trail(traceback: Any, marks: Marks) -> Iterator[tuple[Mark, FrameType]]:
    """Yield the marks through which an error came, the outermost first, each with its frame.

    A frame that stands twice caught the error and raised it again with its path: the work below it was let go then.
    """
    above = None
    while traceback is not None and traceback.tb_frame is not above:
        above = traceback.tb_frame
        code = traceback.tb_frame.f_code
        lines = marks.get(code.co_filename)
        if lines is None and code not in _passed_by:
            return
        mark = lines.get(traceback.tb_lineno) if lines is not None else None
        if mark is not None:
            yield mark, traceback.tb_frame
        traceback = traceback.tb_next
