"""Text that tells by its class whether a scalar's or an enum's value is complete as it is."""

from __future__ import annotations

from typing import Any

from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLString,
)

from watchword.execution.compiled.text.unit import Unit
from watchword.libraries.strawberry_fields import enum_names

# `T` is `type` and `S` is `str`: a local variable is found faster than a builtin.
_TEXT = "T({v}) is not S or not {v}.isascii()"
_UNLIKELY = {
    GraphQLString: _TEXT,
    GraphQLID: _TEXT,
    GraphQLInt: f"T({{v}}) is not int or not {GRAPHQL_MIN_INT} <= {{v}} <= {GRAPHQL_MAX_INT}",
    # The difference is not zero for infinity and for what is not a number.
    GraphQLFloat: "T({v}) is not float or {v} - {v} != 0.0",
    GraphQLBoolean: "{v} is not True and {v} is not False",
}


def unlikely(kind: Any, variable: str) -> str | None:
    """Return a condition that is false for values that are complete; None if every value must be converted."""
    for known, text in _UNLIKELY.items():
        if kind is known:
            return text.format(v=variable)
    return None


def enum_text(unit: Unit, kind: Any, variable: str) -> tuple[str, str] | None:
    """Return a condition for members of an enum, and an expression for their names; None for other types."""
    found = enum_names(kind)
    if found is None:
        return None
    members, names = found
    of, name = unit.constant("K", members), unit.constant("E", names)
    return f"T({variable}) is {of} and {variable}._name_ in {name}", f"{name}[{variable}._name_]"
