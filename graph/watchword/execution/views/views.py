"""The views of the mounted schema, by what callers are granted: made when the first caller of a kind comes, and kept."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import strawberry

from watchword.execution.views.view import View, closed, without
from watchword.permissions.reach import Reach, about
from watchword.principal import Principal

Find = Callable[[Principal], View | None]
"""Returns what a caller is told of the schema; None if it is told all of it."""

SHOWN, HIDDEN, SCOPE = "shown", "hidden", "scope:"
"""What the setting `introspection` may be; after `scope:` comes the name of a scope."""

# A view of a schema with a hundred types takes about 100 KB. A person may ask for tokens with any of their scopes, and
# so for many of them.
MOST_VIEWS = 200
# A tenant, or a custom claim that permissions read, makes grants of its own.
MOST_CALLERS = 10_000


def finder(schema: strawberry.Schema, introspection: str, forget: Callable[[View], None]) -> Find:
    """Return what finds the views of callers by the setting `introspection`.

    `forget` is called with each view that is not used any more.
    """
    if introspection == SHOWN:
        return _whole
    if introspection == HIDDEN:
        return Views(schema, forget).of
    return _behind_scope(schema, introspection.removeprefix(SCOPE))


class Views:
    """The views of callers from whom what they can never reach is hidden."""

    def __init__(self, schema: strawberry.Schema, forget: Callable[[View], None]) -> None:
        self._schema = schema
        self._forget = forget
        self._reach = Reach(schema)
        self._found: dict[Hashable, View | None] = {}
        # Many grants hide the same fields.
        self._made: dict[frozenset[str], View] = {}

    def of(self, principal: Principal) -> View | None:
        """Return the view of a caller; None if nothing is hidden from it."""
        key = about(principal)
        try:
            return self._found[key]
        except KeyError:
            return self._find(key, principal)

    def _find(self, key: Hashable, principal: Principal) -> View | None:
        hidden = self._reach.hidden_from(principal)
        found = self._view(hidden) if hidden else None
        if len(self._found) >= MOST_CALLERS:
            del self._found[next(iter(self._found))]
        self._found[key] = found
        return found

    def _view(self, hidden: frozenset[str]) -> View:
        known = self._made.get(hidden)
        if known is None:
            if len(self._made) >= MOST_VIEWS:
                self._drop(self._made.pop(next(iter(self._made))))
            known = self._made[hidden] = without(self._schema, hidden)
        return known

    def _drop(self, view: View) -> None:
        """Drop a view that is not kept any more from all that would hold it in memory."""
        self._found = {key: found for key, found in self._found.items() if found is not view}
        self._forget(view)


def _whole(_principal: Principal) -> View | None:
    """Everybody is told all of the schema."""
    return None


def _behind_scope(schema: strawberry.Schema, scope: str) -> Find:
    sdl = Reach(schema).sdl
    view = closed(schema, frozenset() if sdl is None else frozenset({sdl}))
    return lambda principal: None if scope in principal.grants.scopes else view
