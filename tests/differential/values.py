"""Random values of arguments and variables, most of them valid."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    is_required_input_field,
)

MOST_DEEP = 3
INTS = (0, 1, 2, 3, 5, 9, 11)
TEXTS = ("", "a", "word", "é\n\u2028", '"quoted" \\', "5")
SCALARS: dict[str, Callable[[Random], Any]] = {
    "Int": lambda dice: dice.choice(INTS),
    "Float": lambda dice: dice.choice((0.5, 2, -1.25, 1e10)),
    "String": lambda dice: dice.choice(TEXTS),
    "Boolean": lambda dice: dice.random() < 0.5,
    "ID": lambda dice: dice.choice(("1", "UHJvZHVjdDox", "UHJvZHVjdDo5OQ==", "x", 7)),
    "Odd": lambda dice: dice.choice((1, 3, 5)),
    "DateTime": lambda dice: dice.choice(("2030-01-02T03:04:05Z", "2030-01-02T03:04:05+02:00")),
    "Date": lambda dice: dice.choice(("2030-01-02", "1999-12-31")),
    "Decimal": lambda dice: dice.choice(("1.10", "2")),
    "UUID": lambda dice: dice.choice(("12345678-1234-5678-1234-567812345678",)),
    "JSON": lambda dice: dice.choice(({"a": [1, None]}, [], "text", 1, True)),
    "Base64": lambda dice: dice.choice(("c29tZQ==", "")),
}
WRONG: tuple[Any, ...] = (
    None,
    4,
    2**40,
    1.5,
    "wrong",
    True,
    [],
    [None],
    {},
    {"x": 1, "nowhere": 2},
    [[[1]]],
)


def value(dice: Random, kind: GraphQLInputType, depth: int = 0) -> Any:
    """Return a value of an input type as a client writes it in JSON; an enum's value as its name."""
    if isinstance(kind, GraphQLNonNull):
        return _present(dice, kind.of_type, depth)
    return None if dice.random() < 0.15 else _present(dice, kind, depth)


def variable(dice: Random, kind: GraphQLInputType) -> Any:
    """Return a value of a variable, which now and then does not fit its type."""
    return dice.choice(WRONG) if dice.random() < 0.03 else value(dice, kind)


def _present(dice: Random, kind: Any, depth: int) -> Any:
    if isinstance(kind, GraphQLList):
        if dice.random() < 0.2:  # one item stands for a list of it
            return value(dice, kind.of_type, depth + 1)
        return [value(dice, kind.of_type, depth + 1) for _ in range(dice.randrange(3))]
    if isinstance(kind, GraphQLInputObjectType):
        return _object(dice, kind, depth)
    if isinstance(kind, GraphQLEnumType):
        return Name(dice.choice(list(kind.values)))
    assert isinstance(kind, GraphQLScalarType)
    return SCALARS[kind.name](dice)


def _object(dice: Random, kind: GraphQLInputObjectType, depth: int) -> dict[str, Any]:
    if is_one_of(kind):
        name = dice.choice(list(kind.fields))
        return {name: _present(dice, _nullable(kind.fields[name].type), depth + 1)}
    chance = 0.0 if depth > MOST_DEEP else 0.5
    return {
        name: value(dice, field.type, depth + 1)
        for name, field in kind.fields.items()
        if is_required_input_field(field) or dice.random() < chance
    }


def is_one_of(kind: Any) -> bool:
    """Tell whether an input object takes exactly one field; graphql-core does not know that of Strawberry's."""
    made_from = kind.extensions.get("strawberry-definition")
    return kind.is_one_of or getattr(made_from, "is_one_of", False)


def _nullable(kind: Any) -> Any:
    return kind.of_type if isinstance(kind, GraphQLNonNull) else kind


class Name(str):
    """The name of an enum's value, which a document writes without quotes."""


def literal(given: Any) -> str:
    """Write a value as a GraphQL literal."""
    if isinstance(given, Name):
        return str(given)
    if isinstance(given, dict):
        return "{" + ", ".join(f"{name}: {literal(item)}" for name, item in given.items()) + "}"
    if isinstance(given, list):
        return "[" + ", ".join(map(literal, given)) + "]"
    return json.dumps(given)
