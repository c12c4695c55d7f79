"""Adds schema directives to fields of a schema that is built already: Strawberry prints those of its own definitions."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import strawberry
from graphql import GraphQLField, GraphQLSchema, is_interface_type
from strawberry import federation
from strawberry.federation import schema_directives as apollo
from strawberry.schema_directive import Location

from watchword.libraries.strawberry_parts import definition, definition_of

_BACKREF = "strawberry-definition"
_SPECIFICATION = "https://specs.apollo.dev/federation/"


@strawberry.schema_directive(locations=[Location.FIELD_DEFINITION], name="authenticated")
class Authenticated:
    """Declares `@authenticated` in the SDL of a schema that does not import it."""


@strawberry.schema_directive(locations=[Location.FIELD_DEFINITION], name="requiresScopes")
class RequiresScopes:
    """Declares `@requiresScopes` in the SDL of a schema that does not import it."""

    scopes: list[list[str]]


@strawberry.schema_directive(locations=[Location.FIELD_DEFINITION], name="policy")
class Policy:
    """Declares `@policy` in the SDL of a schema that does not import it."""

    policies: list[list[str]]


def add_directives(
    schema: strawberry.Schema,
    field: GraphQLField,
    authenticated: bool,
    scopes: Sequence[Sequence[str]],
    policies: Sequence[Sequence[str]],
) -> None:
    """Let the SDL of this schema show @authenticated, @requiresScopes and @policy on a field; empty ones are left out.

    The schema defines them itself, so that they are not in a supergraph: a router that cannot ask them would refuse all of
    it. A subgraph whose author imports one from the specification of Federation (`Link`) has Apollo's in its place, which
    composition reads. Directives that the field has already stay as they are, and a name that the schema uses for another
    directive is left to it.
    """
    given = definition_of(field)
    if given is None:
        return
    wanted = _made(_imported(schema), authenticated, scopes, policies)
    had = {_name(each) for each in given.directives}
    added = [each for each in wanted if _name(each) not in had and _is_known(schema, each)]
    if not added:
        return
    made = copy.copy(given)
    made.directives = [*given.directives, *added]
    field.extensions = {**field.extensions, _BACKREF: made}


def add_directive(element: Any, directive: object) -> None:
    """Let the SDL of this schema show one more directive on an argument, an input field or an enum value."""
    given = element.extensions.get(_BACKREF)
    if given is None:
        return
    made = copy.copy(given)
    made.directives = [*given.directives, directive]
    element.extensions = {**element.extensions, _BACKREF: made}


def leave_to_types(schema: GraphQLSchema, kind: type) -> None:
    """Take the directives of a kind from the fields of interfaces. Types that inherit such a field in Python keep them."""
    interfaces = (each for each in schema.type_map.values() if is_interface_type(each))
    for field in (each for interface in interfaces for each in interface.fields.values()):
        given = definition_of(field)
        if given is None or not any(isinstance(each, kind) for each in given.directives):
            continue
        made = copy.copy(given)
        made.directives = [each for each in given.directives if not isinstance(each, kind)]
        field.extensions = {**field.extensions, _BACKREF: made}


def _made(
    imported: Collection[str],
    authenticated: bool,
    scopes: Sequence[Sequence[str]],
    policies: Sequence[Sequence[str]],
) -> Iterator[Any]:
    if authenticated:
        yield apollo.Authenticated() if "@authenticated" in imported else Authenticated()
    if scopes:
        scoped = apollo.RequiresScopes if "@requiresScopes" in imported else RequiresScopes
        yield scoped(scopes=[[*each] for each in scopes])
    if policies:
        policy = apollo.Policy if "@policy" in imported else Policy
        yield policy(policies=[[*each] for each in policies])


def _name(directive: Any) -> str:
    return str(directive.__strawberry_directive__.graphql_name or "")


def _is_known(schema: strawberry.Schema, directive: Any) -> bool:
    used = definition(schema).get_directive(_name(directive))
    made_from = None if used is None else used.extensions.get(_BACKREF)
    return used is None or made_from is type(directive).__strawberry_directive__


def _imported(schema: strawberry.Schema) -> Collection[str]:
    """Return the names that a subgraph imports from the specification of Federation.

    Strawberry adds a link of its own beside one that the author wrote, which composition refuses, so they become one.
    """
    if not isinstance(schema, federation.Schema):
        return ()
    links = [
        each
        for each in schema.schema_directives
        if isinstance(each, apollo.Link) and str(each.url).startswith(_SPECIFICATION)
    ]
    imports = {each for link in links for each in link.import_ or ()}
    if len(links) > 1:
        first = apollo.Link(url=links[0].url, import_=sorted(imports, key=str))
        others = [each for each in schema.schema_directives if each not in links]
        schema.schema_directives = [first, *others]
    return {str(each) for each in imports}
