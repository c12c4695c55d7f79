"""Extensions with a `resolve` hook that play on the stage: they note what they are given, and now and then interfere."""

from __future__ import annotations

from copy import copy
from inspect import isawaitable
from typing import Any

import strawberry
from graphql import GraphQLResolveInfo
from strawberry.extensions import SchemaExtension

from tests.differential.stage import stage


def hooked(schema: strawberry.Schema, *extensions: type[SchemaExtension]) -> strawberry.Schema:
    """Return the same schema with these extensions."""
    made = copy(schema)
    made.extensions = extensions
    return made


def _note(info: GraphQLResolveInfo[Any], root: Any, arguments: dict[str, Any]) -> int:
    """Note everything that a hook can see of a field; return a number that depends on the place alone."""
    place = info.path.as_list()
    stage.note(
        *("hook", place, info.path.typename, info.parent_type, info.field_name, info.return_type),
        *([node.loc.start for node in info.field_nodes if node.loc], sorted(arguments)),
        *(type(root).__name__, info.operation.operation, sorted(info.fragments)),
        *(info.variable_values, type(info).__name__, len(info)),
    )
    return stage.number("hook", *place) % 24


class Now(SchemaExtension):
    """Notes each field. Some it answers itself, some it lets fail, some it asks twice."""

    def resolve(
        self, _next: Any, root: Any, info: GraphQLResolveInfo[Any], *args: Any, **kwargs: Any
    ) -> Any:
        match _note(info, root, kwargs):
            case 0:
                raise ValueError("a hook fails")
            case 1:
                return None
            case 2:
                _drop(_next(root, info, *args, **kwargs))
        return _next(root, info, *args, **kwargs)


class Later(SchemaExtension):
    """Does so in a coroutine, which may wait before and after the resolver."""

    async def resolve(
        self, _next: Any, root: Any, info: GraphQLResolveInfo[Any], *args: Any, **kwargs: Any
    ) -> Any:
        number = _note(info, root, kwargs)
        if number == 0:
            raise ValueError("a hook fails")
        if number in (1, 2):
            await stage.wait(f"hook {info.path.as_list()}")
        value = _next(root, info, *args, **kwargs)
        if isawaitable(value):
            value = await value
        if number == 3:
            await stage.wait(f"hook after {info.path.as_list()}")
        return value


def _drop(value: Any) -> None:
    if hasattr(value, "close"):
        value.close()
