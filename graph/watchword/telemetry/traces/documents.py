"""The text of a document without the values that a client wrote into it."""

from __future__ import annotations

from typing import Any

from graphql import DocumentNode, EnumValueNode, Visitor, print_ast, visit

LONGEST = 4_096


class _Hiding(Visitor):
    """Puts a question mark in the place of each literal: it may be a secret."""

    def _hide(self, *_: Any) -> EnumValueNode:
        return EnumValueNode(value="?")

    enter_string_value = enter_int_value = enter_float_value = _hide


def shown(document: DocumentNode) -> str:
    """Return the text of a document, shortened, with a question mark in the place of each number and string."""
    return print_ast(visit(document, _Hiding()))[:LONGEST]
