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
from watchword.libraries.strawberry_fields import enum_names, written_as_text

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


def converted(unit: Unit, kind: Any, variable: str) -> tuple[str, str] | None:
    """Return a condition for values of the usual class, and an expression of what they become; None for most types.

    The condition may set the variable `n`.
    """
    enum, text = enum_names(kind), written_as_text(kind)
    if enum is not None:
        members, names = enum
        of, name = unit.constant("K", members), unit.constant("E", names.get)
        return f"T({variable}) is {of} and (n := {name}({variable}._name_)) is not None", "n"
    if text is not None:
        of, method = unit.constant("K", text[0]), text[1]
        return f"T({variable}) is {of}", f"{variable}.{method}()"
    return None
