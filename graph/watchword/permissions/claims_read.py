"""Finds the claims that a schema's permissions read. Only these are part of a principal's grants."""

from __future__ import annotations

from collections.abc import Iterator

import strawberry
from graphql import GraphQLInterfaceType, GraphQLObjectType

from watchword.libraries.strawberry_parts import definition
from watchword.permissions.authentication_rules import AuthenticatedByRule, MultiFactorRule
from watchword.permissions.guards import permissions_of
from watchword.permissions.input_permission import guarded_inputs, input_permission_of
from watchword.permissions.observed import Observed
from watchword.permissions.rules import AllOf, AnyOf, ClaimRule, Not, Rule
from watchword.principal import METHODS


def claims_read(schema: strawberry.Schema) -> frozenset[str]:
    """Return the names of the custom claims that any permission reads, and `amr` if one reads methods."""
    return frozenset(name for rule in _rules(schema) for name in _names(rule))


def _rules(schema: strawberry.Schema) -> Iterator[Rule | None]:
    for kind in definition(schema).type_map.values():
        if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            continue
        for field in kind.fields.values():
            yield from (getattr(each, "rule", None) for each in permissions_of(field))
            if (of_inputs := input_permission_of(field)) is not None:
                yield from of_inputs.rules
    # A value that only answers have.
    for guarded in guarded_inputs(schema):
        yield from guarded.rules


def _names(rule: Rule | None) -> Iterator[str]:
    match rule:
        case ClaimRule(name):
            yield name
        case AuthenticatedByRule() | MultiFactorRule():
            yield METHODS
        case AllOf(rules) | AnyOf(rules):
            for each in rules:
                yield from _names(each)
        case Not(inner) | Observed(inner):
            yield from _names(inner)
