"""The value of a field that grants deny and whose resolver is a coroutine function: refused when it would be called.

graphql-core has a task for each such field of a row, in which the permission refuses. Each step here is taken in the
turn of the event loop in which that task would take it: errors are collected in the same order, and none below what is
null already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Protocol

from watchword.execution.compiled.mark import Mark
from watchword.execution.compiled.promise import Future, Indexes, Pending, Promise
from watchword.execution.compiled.run import Run


class Denial(Protocol):
    """A field that the caller's grants do not open in one execution."""

    run: Run
    is_told: bool
    """Whether one error has told all places. Then each further place is null."""

    @property
    def made(self) -> Future:
        """A future that is done."""

    def settle(self, place: Mark, indexes: Indexes) -> Any:
        """Return the value of a place, after its error was taken care of."""


class Refusal(Pending):
    """One place of a denied field."""

    __slots__ = ("_indexes", "_place", "denial")

    def __init__(self, denial: Denial, place: Mark, indexes: Indexes) -> None:
        self.denial = denial
        self._place = place
        self._indexes = indexes

    def settle(self, *_: object) -> Any:
        """Refuse, and return the value. Raises the error only of a field that must not be null."""
        return self.denial.settle(self._place, self._indexes)

    def start(self, *_: object) -> Coroutine[Any, Any, Any]:
        return self._settled()

    def promise(self) -> Promise:
        """Return the same for a row that has other parts too."""
        denial = self.denial
        return Promise(denial.made, denial.run, self._indexes, self.settle, self.start)

    async def _settled(self) -> Any:
        return self.settle()


class RefusedRows(asyncio.Future[None]):
    """Done when rows of nothing but refusals are, in as many turns as `Rows`."""

    def __init__(self, rows: Iterable[tuple[Any, dict[Any, Any]]], is_single: bool) -> None:
        """`rows` are objects, with null in place of their refusals. `is_single` says that each has one."""
        super().__init__(loop=asyncio.get_running_loop())
        self._rows = rows
        self._is_single = is_single
        self._after(1 if is_single else 2, self._settle)

    def _after(self, turns: int, step: Callable[[], object]) -> None:
        if turns == 1:
            self.get_loop().call_soon(step)
        else:
            self.get_loop().call_soon(self._after, turns - 1, step)

    def _settle(self) -> None:
        if self.done():  # it was cancelled
            return
        for made, refusals in self._rows:
            for key, each in refusals.items():
                if not each.denial.is_told:
                    made[key] = each.settle()
        self._after(1 if self._is_single else 3, self._end)

    def _end(self) -> None:
        if not self.done():
            self.set_result(None)
