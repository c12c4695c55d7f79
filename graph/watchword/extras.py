"""How resolvers read a context that were written for a `context_getter` of Strawberry's views."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import cache, partial
from operator import setitem
from typing import TYPE_CHECKING, Any

from watchword.asgi.views import ConnectionView, RequestView
from watchword.asgi.written_head import ResponseView

STANDARD = ("request", "response", "connection_params")
"""The items of each context, whatever `Domain.context` returns. Strawberry's views give them too."""


_OWNER = "_watchword_context"


def in_place(made: Any, context: ExtrasAccess) -> Any:
    """Return what `Domain.context` made for a context. An object of a class of `BaseContext` has the context's
    `request` and `connection_params`, which Strawberry's router sets and methods of the class read.

    They are read when they are asked for, so that an operation whose resolvers ask for neither stays shared.
    """
    # An object of such a class cannot come without its module, which would import FastAPI here for everybody.
    module = sys.modules.get("strawberry.fastapi")
    if module is not None and isinstance(made, module.BaseContext):
        # If the hook returns one object for several contexts, no caller's methods may see another's request.
        made.__dict__[_OWNER] = None if _OWNER in made.__dict__ else context
        kind: Any = type(made)
        made.__class__ = _with_standard(kind)
    return made


@cache
def _with_standard(kind: type) -> type:
    """Return the class with properties for `STANDARD`, beside those that it defines itself."""
    missing = [name for name in STANDARD if getattr(kind, name, None) is None]
    members: dict[str, Any] = {name: property(_standard(name)) for name in missing}
    return type(kind.__name__, (kind,), members) if members else kind


def _standard(name: str) -> Any:
    def read(made: Any) -> Any:
        owner = made.__dict__[_OWNER]
        return None if owner is None else owner[name]

    return read


SetOn = Callable[[Any, str, Any], None]


class SetInSubscription:
    """What extensions and the resolver have set on the context of a subscription. The contexts of its events get it too,
    as under Strawberry's views, where all of a subscription has one context."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: dict[tuple[SetOn, str], Any] | None = None

    def note(self, set_on: SetOn, name: str, value: Any) -> None:
        """Remember a value, and how it was set: as an item or as an attribute."""
        if self._values is None:
            self._values = {}
        self._values[set_on, name] = value

    def repeat_on(self, event: ExtrasAccess) -> None:
        """Set the same on the context of an event, once its extras are there."""
        if self._values is None:
            return
        if event.extras_scope is None:
            self._set_on(event)
        else:
            event.extras_scope.when_open(partial(self._set_on, event))

    def _set_on(self, event: ExtrasAccess) -> None:
        for (set_on, name), value in (self._values or {}).items():
            set_on(event, name, value)


class ExtrasAccess:
    """Gives the members of a context's `extras` as items and attributes of the context itself."""

    __slots__ = ("_extras", "_noted") if TYPE_CHECKING else ()

    if TYPE_CHECKING:
        _extras: Any
        _noted: SetInSubscription | None
        extras_scope: Any

        @property
        def extras(self) -> Any: ...
        @property
        def request(self) -> RequestView | None: ...
        @property
        def connection(self) -> ConnectionView | None: ...
        @property
        def response(self) -> ResponseView: ...

    def __getitem__(self, name: str) -> Any:
        """Return what a resolver reads that was written for the dict of a `context_getter` of Strawberry's views.

        That is the member of this name of `extras`, if this is a mapping; or else "request", which is the connection
        over a WebSocket, "response", or "connection_params", the payload of its connection_init. Raises `KeyError` for others.
        """
        extras = self.extras
        if isinstance(extras, Mapping) and name in extras:
            return extras[name]
        if name == "request":
            return self.request or self.connection
        if name == "response":
            return self.response
        if name == "connection_params":
            return None if self.connection is None else self.connection.payload
        raise KeyError(f"info.context has no {name!r}. Let Domain.context return a dict that has.")

    def __setitem__(self, name: str, value: Any) -> None:
        """Set an item of `extras`; without `Domain.context` that becomes a dict, as the context of Strawberry's views is
        one without a `context_getter`. Raises `TypeError` if it is something else."""
        if self.extras is None:
            self._extras = {}
        if not isinstance(self.extras, dict):
            raise TypeError("info.context has no items to set. Let Domain.context return a dict.")
        self.extras[name] = value
        self._note(setitem, name, value)

    def _note(self, set_on: SetOn, name: str, value: Any) -> None:
        if self._noted is not None:
            self._noted.note(set_on, name, value)

    def __contains__(self, name: object) -> bool:
        return name in STANDARD or (isinstance(self.extras, Mapping) and name in self.extras)

    def get(self, name: str, default: Any = None) -> Any:
        """Return the item of this name, or `default` if there is none."""
        if name not in self:
            return default
        return self[name]

    if not TYPE_CHECKING:
        # Type checkers know the context's own attributes, and those of `extras`.
        def __getattr__(self, name: str) -> Any:
            """Return what a resolver reads that was written for a context class of Strawberry's views: the attribute
            of `extras`. An attribute of the context's own has precedence."""
            if name.startswith("__") or hasattr(type(self), name):
                # A property of the context raised this; raise it again.
                return object.__getattribute__(self, name)
            if self.extras is None:
                raise AttributeError(
                    f"info.context has no {name!r}. Let Domain.context return an object that has."
                )
            return getattr(self.extras, name)
