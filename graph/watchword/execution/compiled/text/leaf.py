"""Writes the completion of scalars and enum values: most are complete as they are, which their class tells."""

from __future__ import annotations

from typing import Any, Protocol

from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLString,
)

from watchword.execution.compiled.compilation import Compilation
from watchword.execution.compiled.fields.checks import Check, Place, leaf_check
from watchword.execution.compiled.fields.hiding import Hide, hide, hiding_check
from watchword.execution.compiled.text.scope import Scope, Slot
from watchword.execution.compiled.text.unit import Function, Unit
from watchword.libraries.strawberry_fields import enum_names, written_as_text

# `T` is `type`: a local variable is found faster than a builtin.
_UNLIKELY = {
    GraphQLInt: f"T({{v}}) is not int or not {GRAPHQL_MIN_INT} <= {{v}} <= {GRAPHQL_MAX_INT}",
    # The difference is not zero for infinity and for what is not a number.
    GraphQLFloat: "T({v}) is not float or {v} - {v} != 0.0",
    GraphQLBoolean: "{v} is not True and {v} is not False",
}


class Writer(Protocol):
    """What writes the functions that the lines of this module belong to."""

    common: Compilation
    unit: Unit

    def write_check(
        self, scope: Scope, place: Place, check: Check, variable: str, slot: Slot
    ) -> None:
        """Write the call of a check."""


def write_leaf(writer: Writer, scope: Scope, place: Place, variable: str, slot: Slot) -> None:
    """Write the completion of the scalar or enum value in a variable."""
    hidden = hide(writer.common, place.inner)
    function, mark = scope.function, scope.mark(place.site, place.levels)
    if is_text(place.inner):
        head = _write_text_test(writer.unit, function, place, variable)
    elif (unusual := unlikely(place.inner, variable)) is not None:
        head = (
            f"if {unusual}" if place.is_required else f"if {variable} is not None and ({unusual})"
        )
    else:
        branches = _branches(writer, place, variable)
        if hidden is not None:
            branches = _unhidden(writer.unit, function, place, branches, hidden)
        for number, (condition, expression) in enumerate(branches):
            with function.block(f"{'elif' if number else 'if'} {condition}", mark):
                function.line(f"{variable} = {expression}", mark)
        if place.is_required:
            head = "else" if branches else "if True"
        else:
            head = f"{'elif' if branches else 'if'} {variable} is not None"
    with function.block(head, mark):
        check = leaf_check(place) if hidden is None else hiding_check(place, hidden)
        writer.write_check(scope, place, check, variable, slot)


def is_text(kind: Any) -> bool:
    """Tell whether a type is one of the two whose values are usually texts."""
    return kind is GraphQLString or kind is GraphQLID


def text_test(unit: Unit) -> tuple[str, str]:
    """Return the names of two functions: a test that is true for texts which are complete as they are, and
    what is asked in its place when it raises TypeError.

    `str.isascii` refuses what is not a text, so one call tests both, and costs half of what a test of the class
    and a call cost. A subclass of `str` passes: orjson writes its characters. The exception takes as long as
    twenty tests, so a place that has met a value of another class asks for the class from then on.
    """
    test = unit.constant("A", str.isascii)

    def ask(value: object) -> bool:
        if value is not None:
            unit.names[test] = _is_ascii
        return False

    return test, unit.constant("O", ask)


def unlikely(kind: Any, variable: str) -> str | None:
    """Return a condition that is false for values of a number or Boolean that are complete; None for other types."""
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


def _write_text_test(unit: Unit, function: Function, place: Place, variable: str) -> str:
    """Write the test of a text, and return the head of a block for values that are unusual."""
    test, ask = text_test(unit)
    is_absent = "" if place.is_required else f"{variable} is None or "
    with function.block("try"):
        function.line(f"u = {is_absent}{test}({variable})")
    with function.block("except TypeError"):
        function.line(f"u = {ask}({variable})")
    return "if not u"


def _is_ascii(value: object) -> bool:
    return type(value) is str and value.isascii()


def _branches(writer: Writer, place: Place, variable: str) -> list[tuple[str, str]]:
    """Return conditions and what a value is completed to where one holds, for types that are no plain scalars."""
    unit, common = writer.unit, writer.common
    usual = converted(unit, place.inner, variable)
    plain, kind = unit.constant("K", common.plain), unit.constant("K", place.inner)
    others = (f"T({variable}) in {plain}", f"LEAF({kind}, {variable})")
    return [others] if usual is None else [usual, others]


def _unhidden(
    unit: Unit, function: Function, place: Place, branches: list[tuple[str, str]], hidden: Hide
) -> list[tuple[str, str]]:
    """Return the branch of usual values, without those that are hidden: they go to the check with all others."""
    decided = unit.constant("H", hidden)
    names = function.decide(f"e_{place.inner.name}", f"{decided}(X)")
    return [(f"{known} and n not in {names}", made) for known, made in branches[:-1]]
