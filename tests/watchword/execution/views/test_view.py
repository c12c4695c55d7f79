"""A view has two schemas: what documents are validated against, and what runs them."""

from __future__ import annotations

from graphql import NoSchemaIntrospectionCustomRule

from tests.support.vault_schema import vault
from watchword.execution.views.view import closed, without
from watchword.libraries.strawberry_parts import definition

SCHEMA = vault()


def test_hidden_field_is_only_gone_from_what_is_shown() -> None:
    view = without(SCHEMA, frozenset({"Query.hello"}))
    assert view.shown.query_type is not None
    assert view.run.query_type is definition(SCHEMA).query_type
    assert "hello" not in view.shown.query_type.fields
    assert not view.rules
    assert not view.hides_suggestions


def test_resolvers_find_the_strawberry_schema_of_a_view() -> None:
    view = without(SCHEMA, frozenset({"Query.hello"}))
    assert view.run._strawberry_schema is SCHEMA  # type: ignore[attr-defined]


def test_view_without_anything_hidden_is_the_schema_itself() -> None:
    view = without(SCHEMA, frozenset())
    assert view.shown is view.run is definition(SCHEMA)


def test_closed_view_tells_nothing() -> None:
    view = closed(SCHEMA, frozenset())
    assert view.rules == (NoSchemaIntrospectionCustomRule,)
    assert view.hides_suggestions
