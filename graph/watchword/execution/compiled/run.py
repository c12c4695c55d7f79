"""One execution of a compiled operation: its context and variables, and the errors that it collects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

from graphql import GraphQLError, located_error
from graphql.execution import Executor

from watchword.execution.compiled.mark import Mark, Marks, Open, trail
from watchword.execution.compiled.site import Site, path
from watchword.libraries.graphql_execution import (
    OWN_PARTS,
    CollectedErrors,
    Path,
    collect_iterator_awaitables,
)
from watchword.libraries.strawberry_parts import is_awaitable

Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]
"""Returns a field's resolver with the hooks around it."""


class Run:
    """The state of one execution. The success path writes nothing into it but `kept`.

    `values` are the coerced variables, `root` is the value of the root type. `kept` holds the values that are made once
    for the execution: arguments that depend on variables, and decisions about permissions. `wrap` puts the hooks of
    extensions around a resolver, if there are any.
    """

    __slots__ = (
        *("_above", "_build", "_common", "_errors", "_executor", "context"),
        *("kept", "marks", "root", "values", "wrap"),
    )

    def __init__(
        self,
        marks: Marks,
        context: Any,
        values: dict[str, Any],
        root: Any,
        build: Callable[[Run], Executor[Any]],
        wrap: Wrap | None = None,
    ) -> None:
        self.marks = marks
        self.context = context
        self.values = values
        self.root = root
        self.wrap = wrap
        self.kept: dict[Any, Any] = {}
        self._build = build
        self._executor: Executor[Any] | None = None
        self._errors: CollectedErrors | None = None
        # The object for which a field's info was made last, by its path, and what all infos have in common.
        self._above: tuple[Any, tuple[int, ...], Any] = (None, (), None)
        self._common: tuple[Callable[..., Any], tuple[Any, ...]] | None = None

    @property
    def errors(self) -> list[GraphQLError] | None:
        """The errors of the answer so far; None if there are none."""
        return None if self._errors is None else self._errors.errors or None

    @property
    def executor(self) -> Executor[Any]:
        """graphql-core's own executor of the same operation, which adds to the same errors.

        It is made only when a value turns up that the compiled functions leave to graphql-core.
        """
        if self._executor is None:
            self._executor = self._build(self)
            self._executor.collected_errors = self._collected()
        return self._executor

    def raw_info(self, site: Site, indexes: tuple[int, ...]) -> Any:
        """Return graphql-core's info for a field."""
        above, known, at = self._above
        if above is not site.above or known != indexes:
            at = path(site.above, indexes)
            self._above = site.above, indexes, at
        at = Path(at, *site.step)
        if self._common is None:
            made = self.executor.build_resolve_info(site.definition, site.nodes, site.parent, at)
            self._common = type(made)._make, made[OWN_PARTS:]
            return made
        make, common = self._common
        return make((site.name, site.nodes, site.definition.type, site.parent, at, *common))

    def fail(self, error: Exception, place: Mark, indexes: tuple[int, ...]) -> None:
        """Collect the error of a field or an item that may be null, and return its value: null."""
        located = self.locate(error, place, indexes)
        self._collected().add(located, path(place.steps, indexes))

    def collects(self, error: Exception, place: Mark, indexes: tuple[int, ...]) -> bool:
        """Collect an error as `fail` does. Tell whether it was: nothing is, below a place that is null already."""
        collected = self._collected().errors
        before = len(collected)
        self.fail(error, place, indexes)
        return len(collected) > before

    def locate(self, error: Exception, place: Mark, indexes: tuple[int, ...]) -> GraphQLError:
        """Return an error with the path at which it was raised, and let go of the work that it interrupts.

        `place` is where the error is caught. The error came from there, or from the last place of its trail.
        """
        mark, at = place, path(place.steps, indexes)
        interrupted: list[tuple[Open, FrameType]] = []
        for depth, (mark, frame) in enumerate(trail(error.__traceback__, self.marks)):
            at = mark.path(frame)
            # The function that catches the error goes on with what it had opened before the place.
            opens = mark.opens[len(place.opens) :] if depth == 0 else mark.opens
            interrupted += [(each, frame) for each in opens]
        self._let_go(interrupted)
        return located_error(error, mark.site.nodes, at.as_list())

    def end(self, error: Exception) -> None:
        """Collect the error that makes the whole answer null. The caller has just caught it."""
        assert error.__traceback__ is not None, "it was raised"
        located, interrupted = error, []
        for mark, frame in trail(error.__traceback__.tb_next, self.marks):
            located = located_error(error, mark.site.nodes, mark.path(frame).as_list())
            interrupted += [(each, frame) for each in mark.opens]
        self._let_go(interrupted)
        if not isinstance(located, GraphQLError):
            raise located
        self._collected().add(located, None)

    def _collected(self) -> CollectedErrors:
        if self._errors is None:
            self._errors = CollectedErrors()
        return self._errors

    def _let_go(self, interrupted: list[tuple[Open, FrameType]]) -> None:
        """Let awaitables that nothing waits for end in the background, the innermost first."""
        for each, frame in reversed(interrupted):
            held = frame.f_locals.get(each.variable)
            if held is None:
                continue
            waiting: Iterable[Any] = (
                collect_iterator_awaitables(held, is_awaitable)
                if each.is_iterator
                else held.values()
            )
            if waiting := list(waiting):
                self.executor.settle_in_background(waiting)
