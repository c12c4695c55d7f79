"""A view of the mounted schema: what one kind of caller is told of it."""

from __future__ import annotations

from dataclasses import dataclass

import strawberry
from graphql import ASTValidationRule, GraphQLSchema, NoSchemaIntrospectionCustomRule

from watchword.libraries.graphql_masking import MaskedSchema
from watchword.libraries.graphql_reduction import reduced
from watchword.libraries.strawberry_parts import definition


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What one kind of caller is told of a schema. A view is equal only to itself.

    Documents are validated against `shown`, with these rules too, and run with `run`. Nothing suggests a name if
    `hides_suggestions`.
    """

    shown: GraphQLSchema
    run: GraphQLSchema
    rules: tuple[type[ASTValidationRule], ...] = ()
    hides_suggestions: bool = False


def without(schema: strawberry.Schema, hidden: frozenset[str]) -> View:
    """Return the view in which what is named by coordinates, such as `Incident.body`, does not exist."""
    whole = definition(schema)
    if not hidden:
        return View(whole, whole)
    shown = reduced(whole, hidden)
    return View(shown, MaskedSchema(whole, shown))


def closed(schema: strawberry.Schema, hidden: frozenset[str]) -> View:
    """Return the view that tells nothing: neither introspection, nor suggestions, nor these fields."""
    open_ = without(schema, hidden)
    return View(open_.shown, open_.run, (NoSchemaIntrospectionCustomRule,), hides_suggestions=True)
