"""Looks at the values that generated text does not know by their class: nulls, errors, awaitables and others.

Each check is made for one place, and is called with a value, the run, and the indexes of the place. It
returns the value if the generated text can go on with it, None for null, and a coroutine for a value that is
not there yet. What is rare is left to graphql-core's executor, so that its errors are the same.
"""

from __future__ import annotations

import inspect
from asyncio import Future
from collections.abc import Awaitable, Callable
from types import GeneratorType, WrapperDescriptorType
from typing import Any, NoReturn

from graphql import GraphQLObjectType, Undefined, is_non_null_type

from watchword.execution.compiled.compilation import Compilation
from watchword.execution.compiled.mark import Mark
from watchword.execution.compiled.run import Run
from watchword.execution.compiled.site import Site, path
from watchword.execution.compiled.waiting import guard, locate
from watchword.libraries.graphql_execution import is_async_iterable, is_iterable
from watchword.libraries.strawberry_fields import cast_of, tests_class
from watchword.libraries.strawberry_parts import is_awaitable

Indexes = tuple[int, ...]
Check = Callable[[Any, Run, Indexes], Any]
Awaiter = Callable[[Any, Run, Indexes], Awaitable[Any]]

# The number of classes that one place of an operation remembers.
MOST_CLASSES = 64


class Place:
    """A field, or an item of its lists, with values that are checked.

    `kind` is the type there, with its non-null wrapper. `may_wait` says that an awaitable is awaited. An
    awaitable field is completed by `awaiter`, an awaitable item by graphql-core.
    """

    __slots__ = (
        *("_own", "awaiter", "common", "inner", "is_required", "kind", "levels"),
        *("may_wait", "promises", "site"),
    )

    def __init__(
        self, common: Compilation, site: Site, levels: int, kind: Any, awaiter: Awaiter | None
    ) -> None:
        self.site = site
        self.kind = kind
        self.is_required = is_non_null_type(kind)
        self.inner = kind.of_type if self.is_required else kind
        self.may_wait = awaiter is not None
        self.common = common
        self.awaiter = awaiter
        # Makes a promise of a future: the first thing to look for, because lists have many.
        self.promises = awaiter if levels == 0 else None
        self.levels = levels
        self._own = sum(step is None for step in site.steps)

    def waits(self, value: Any) -> bool:
        return self.may_wait and is_awaitable(value)

    def later(self, value: Any, run: Run, indexes: Indexes) -> Awaitable[Any]:
        """Return a coroutine that awaits a value, completes it, and takes care of its errors."""
        if self.levels == 0:
            assert self.awaiter is not None, "it was asked whether it may wait"
            return self.awaiter(value, run, indexes)
        executor, site = run.executor, self.site
        info = run.raw_info(site, indexes[: self._own])
        return executor.complete_awaitable_list_item_value(
            value, self.kind, site.details, info, self.path(indexes), None
        )

    def leave(self, value: Any, run: Run, indexes: Indexes) -> Any:
        """Let graphql-core complete a value."""
        executor, site = run.executor, self.site
        info = run.raw_info(site, indexes[: self._own])
        done = executor.complete_value(
            self.kind, site.details, info, self.path(indexes), value, None
        )
        return self.settle(done, run, indexes) if is_awaitable(done) else done

    def settle(self, awaitable: Awaitable[Any], run: Run, indexes: Indexes) -> Awaitable[Any]:
        """Return a coroutine that takes care of an awaitable's error."""
        mark = Mark(self.site, self.levels)
        return (locate if self.is_required else guard)(awaitable, run, mark, indexes)

    def path(self, indexes: Indexes) -> Any:
        return path((*self.site.steps, *(None,) * self.levels), indexes)

    def info(self, run: Run, indexes: Indexes) -> Any:
        return run.raw_info(self.site, indexes[: self._own])

    def fail_null(self) -> None:
        """Raise the error of a value that must not be null."""
        raise TypeError(
            f"Cannot return null for non-nullable field {self.site.parent}.{self.site.name}."
        )


def await_by_core(site: Site, value: Any, run: Run, indexes: Indexes) -> Awaitable[Any]:
    """Return a coroutine in which graphql-core awaits and completes a field's value, and handles its errors."""
    at, kind = path(site.steps, indexes), site.definition.type
    info = run.raw_info(site, indexes)
    return run.executor.complete_awaitable_value(kind, site.details, info, at, value, None)


def raise_returned(error: Exception) -> NoReturn:
    """Raise an error that a resolver returned.

    It may have a traceback already, from another place. The frame of this function ends the trail before that.
    """
    raise error


def is_plain(kind: type) -> bool:
    """Tell whether no object of a class is awaitable or an exception."""
    return not (
        issubclass(kind, Exception)
        or hasattr(kind, "__await__")
        or hasattr(kind, "__getattr__")
        or type(kind.__getattribute__) is not WrapperDescriptorType
        or issubclass(kind, GeneratorType)
    )


def leaf_check(place: Place) -> Check:
    """Return the check of a scalar or enum value. It returns the completed value."""
    complete, inner, plain = place.common.complete_leaf, place.inner, place.common.plain

    def check(value: Any, run: Run, indexes: Indexes) -> Any:
        kind = type(value)
        if kind in plain:
            return complete(inner, value)
        if isinstance(value, Exception):
            raise value
        if place.waits(value):
            return place.later(value, run, indexes)
        if value is None or value is Undefined:
            if place.is_required:
                place.fail_null()
            return None
        if len(plain) < MOST_CLASSES and is_plain(kind):
            plain.add(kind)
        return complete(inner, value)

    return check


def list_check(place: Place) -> Check:
    """Return the check of a value that is to be iterated."""

    promises = place.promises

    def check(value: Any, run: Run, indexes: Indexes) -> Any:
        if type(value) is Future and promises is not None:
            return promises(value, run, indexes)
        if isinstance(value, Exception):
            raise value
        if place.waits(value):
            return place.later(value, run, indexes)
        if value is None or value is Undefined:
            return None
        if is_async_iterable(value) or not is_iterable(value):
            return place.leave(value, run, indexes)
        return value

    return check


class Known(set[type]):
    """The classes of an object type's values that need no check at one place."""

    def __init__(self) -> None:
        super().__init__()
        self._tell: Callable[[type], object] | None = None

    def tell(self, function: Callable[[type], object]) -> None:
        """Call a function with the first class: most places see only one, which is compared faster."""
        self._tell = function

    def add(self, kind: type) -> None:
        if not self and self._tell is not None:
            self._tell(kind)
        super().add(kind)


def object_check(place: Place, known: set[type]) -> Check:
    """Return the check of a value of an object type. It adds classes that need no check to `known`."""
    is_type_of = place.inner.is_type_of
    by_class = tests_class(place.inner)

    promises = place.promises

    def check(value: Any, run: Run, indexes: Indexes) -> Any:
        if type(value) is Future and promises is not None:
            return promises(value, run, indexes)
        if isinstance(value, Exception):
            raise value
        if place.waits(value):
            return place.later(value, run, indexes)
        if value is None or value is Undefined:
            return None
        if is_type_of is not None and not _is_of(place, is_type_of, value, run, indexes):
            return place.leave(value, run, indexes)
        kind = type(value)
        # A value that was cast says nothing about others of its class.
        has_told = by_class and (is_type_of is None or cast_of(value) is None)
        if has_told and len(known) < MOST_CLASSES and is_plain(kind):
            known.add(kind)
        return value

    return check


def _is_of(
    place: Place, is_type_of: Callable[..., Any], value: Any, run: Run, indexes: Indexes
) -> bool:
    """Tell whether a value is of the place's type. False too if that is not known without waiting."""
    if inspect.iscoroutinefunction(is_type_of):
        return False
    answer = is_type_of(value, place.info(run, indexes))
    if inspect.iscoroutine(answer):
        answer.close()
        return False
    return bool(answer) and not is_awaitable(answer)


def runtime_type(
    place: Place, name: Any, value: Any, run: Run, indexes: Indexes
) -> GraphQLObjectType:
    """Return the type of a name that `resolve_type` gave. Raises graphql-core's error if it is none."""
    found = place.common.definition.type_map.get(name) if isinstance(name, str) else None
    if isinstance(found, GraphQLObjectType) and place.common.definition.is_sub_type(
        place.inner, found
    ):
        return found
    return run.executor.ensure_valid_runtime_type(
        name, place.inner, place.site.details, place.info(run, indexes), value
    )
