"""Completes values of interfaces and unions: a function for each type that turns up, made when it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from graphql import GraphQLObjectType, Undefined, default_type_resolver

from watchword.execution.compiled.fields.checks import (
    MOST_CLASSES,
    Indexes,
    Place,
    is_plain,
    object_check,
    raise_returned,
    runtime_type,
)
from watchword.execution.compiled.mark import passed_by
from watchword.execution.compiled.run import Run
from watchword.libraries.strawberry_fields import resolves_by_class
from watchword.libraries.strawberry_parts import is_awaitable

ObjectFunction = Callable[[Any, Run, Indexes], Any]
"""Makes the answer's object of a value; returns a coroutine if something in it is not there yet."""


class Abstract:
    """The values of an interface or a union at one place.

    `known` has the functions of the classes whose type is known without a look at the object.
    """

    def __init__(
        self, place: Place, function: Callable[[GraphQLObjectType], ObjectFunction | None]
    ) -> None:
        """`function` makes the function of a type; None if graphql-core has to complete such values."""
        self.known: dict[type, ObjectFunction] = {}
        self._place = place
        self._make = function
        self._made: dict[str, tuple[ObjectFunction, Callable[..., Any]]] = {}
        self._resolve = place.inner.resolve_type or default_type_resolver

    @passed_by
    def complete(self, value: Any, run: Run, indexes: Indexes) -> Any:
        """Complete a value of an unknown class. Returns None for null."""
        place = self._place
        if isinstance(value, Exception):
            raise_returned(value)
        if place.waits(value):
            return place.later(value, run, indexes)
        if value is None or value is Undefined:
            return None
        name = self._resolve(value, place.info(run, indexes), place.inner)
        if is_awaitable(name):
            return place.settle(self._complete_later(value, name, run, indexes), run, indexes)
        return self._as(runtime_type(place, name, value, run, indexes), value, run, indexes)

    @passed_by
    async def _complete_later(
        self, value: Any, name: Awaitable[Any], run: Run, indexes: Indexes
    ) -> Any:
        kind = runtime_type(self._place, await name, value, run, indexes)
        done = self._as(kind, value, run, indexes)
        return await done if is_awaitable(done) else done

    @passed_by
    def _as(self, kind: GraphQLObjectType, value: Any, run: Run, indexes: Indexes) -> Any:
        function, check = self._function(kind)
        checked = check(value, run, indexes)
        if checked is not value:
            return checked
        of = type(value)
        has_room = len(self.known) < MOST_CLASSES
        if has_room and is_plain(of) and resolves_by_class(self._place.inner, kind, of):
            self.known[of] = function
        return function(value, run, indexes)

    def _function(self, kind: GraphQLObjectType) -> tuple[ObjectFunction, Callable[..., Any]]:
        found = self._made.get(kind.name)
        if found is None:
            function = self._make(kind) or partial(self._by_core, kind)
            found = self._made[kind.name] = (function, self._check(kind))
        return found

    def _by_core(self, kind: GraphQLObjectType, value: Any, run: Run, indexes: Indexes) -> Any:
        place = self._place
        at = place.path(indexes)
        made = run.executor.collect_and_execute_subfields(kind, place.site.details, at, value, None)
        return place.settle(made, run, indexes) if is_awaitable(made) else made

    def _check(self, kind: GraphQLObjectType) -> Callable[..., Any]:
        place = self._place
        narrowed = Place(place.common, place.site, place.levels, kind, None)
        narrowed.is_required = place.is_required
        return object_check(narrowed, set())
