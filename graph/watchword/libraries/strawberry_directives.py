"""Adds schema directives to fields of a schema that is built already: Strawberry prints those of its own definitions."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import strawberry
from graphql import GraphQLField
from strawberry import federation
from strawberry.federation import schema_directives as apollo
from strawberry.schema_directive import Location

from watchword.libraries.strawberry_parts import definition, definition_of

_BACKREF = "strawberry-definition"
_SPECIFICATION = "https://specs.apollo.dev/federation/"


@strawberry.schema_directive(locations=[Location.FIELD_DEFINITION], name="authenticated")
class Authenticated:
    """Declares `@authenticated` in the SDL of a schema that is no subgraph."""


@strawberry.schema_directive(locations=[Location.FIELD_DEFINITION], name="requiresScopes")
class RequiresScopes:
    """Declares `@requiresScopes` in the SDL of a schema that is no subgraph."""

    scopes: list[list[str]]


@strawberry.schema_directive(locations=[Location.FIELD_DEFINITION], name="policy")
class Policy:
    """Declares `@policy` in the SDL of a schema that is no subgraph."""

    policies: list[list[str]]


def add_directives(
    schema: strawberry.Schema,
    field: GraphQLField,
    authenticated: bool,
    scopes: Sequence[Sequence[str]],
    policies: Sequence[Sequence[str]],
) -> None:
    """Let the SDL of this schema show @authenticated, @requiresScopes and @policy on a field; empty ones are left out.

    A subgraph imports them (`@link`), if its version of Federation knows them. Directives that the field has already
    stay as they are, and a name that the schema uses for another directive is left to it.
    """
    given = definition_of(field)
    if given is None:
        return
    wanted = _made(isinstance(schema, federation.Schema), authenticated, scopes, policies)
    had = {_name(each) for each in given.directives}
    added = [each for each in wanted if _name(each) not in had and _is_known(schema, each)]
    if not added:
        return
    made = copy.copy(given)
    made.directives = [*given.directives, *added]
    field.extensions = {**field.extensions, _BACKREF: made}
    if isinstance(schema, federation.Schema):
        _import(schema, {f"@{_name(each)}" for each in added})


def add_directive(element: Any, directive: object) -> None:
    """Let the SDL of this schema show one more directive on an argument, an input field or an enum value."""
    given = element.extensions.get(_BACKREF)
    if given is None:
        return
    made = copy.copy(given)
    made.directives = [*given.directives, directive]
    element.extensions = {**element.extensions, _BACKREF: made}


def _made(
    is_subgraph: bool,
    authenticated: bool,
    scopes: Sequence[Sequence[str]],
    policies: Sequence[Sequence[str]],
) -> Iterator[Any]:
    if authenticated:
        yield apollo.Authenticated() if is_subgraph else Authenticated()
    if scopes:
        scoped = apollo.RequiresScopes if is_subgraph else RequiresScopes
        yield scoped(scopes=[[*each] for each in scopes])
    if policies:
        policy = apollo.Policy if is_subgraph else Policy
        yield policy(policies=[[*each] for each in policies])


def _name(directive: Any) -> str:
    return str(directive.__strawberry_directive__.graphql_name or "")


def _is_known(schema: strawberry.Schema, directive: Any) -> bool:
    used = definition(schema).get_directive(_name(directive))
    made_from = None if used is None else used.extensions.get(_BACKREF)
    if used is not None and made_from is not type(directive).__strawberry_directive__:
        return False
    if isinstance(schema, federation.Schema):
        return bool(schema.federation_version >= directive.minimum_version)
    return True


def _import(schema: federation.Schema, names: set[str]) -> None:
    """Add names to the import of the specification of Federation."""
    links = [each for each in schema.schema_directives if isinstance(each, apollo.Link)]
    link = next((each for each in links if str(each.url).startswith(_SPECIFICATION)), None)
    if link is None:
        major, minor = schema.federation_version
        link = apollo.Link(url=f"{_SPECIFICATION}v{major}.{minor}", import_=[])
        schema.schema_directives = [*schema.schema_directives, link]
    link.import_ = sorted({*(link.import_ or ()), *names})
