"""What the SDL says of a field's permissions, in the words of Apollo Federation.

@authenticated, @requiresScopes (Federation 2.5) and @policy (2.6). Tools read them; routers do if the schema imports
them, and may then refuse before they ask the subgraph. Watchword decides by the permissions themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain, product

import strawberry
from graphql import GraphQLField

from watchword.libraries.strawberry_directives import add_directives
from watchword.libraries.strawberry_federation import entities_field, is_sdl
from watchword.permissions.additions import root_fields
from watchword.permissions.guards import asked_of
from watchword.permissions.nested import nested_fields
from watchword.permissions.observed import Observed
from watchword.permissions.rules import AllOf, AnyOf, Anyone, Rule, ScopeRule, SignedInRule
from watchword.permissions.words import describe

Choices = tuple[tuple[str, ...], ...]
"""An OR of ANDs: the names of one of these tuples must all be held. With an empty one, everybody passes."""

MOST_CHOICES = 32
"""A field whose rules have more choices than this gets one for all, because `(a | b) & (c | d) & …` doubles with each
pair."""


@dataclass(frozen=True, slots=True)
class Directives:
    """What the directives of one field say. Empty choices stand for no directive."""

    authenticated: bool
    scopes: Choices
    policies: Choices


NONE = Directives(False, (), ())


def describe_permissions(schema: strawberry.Schema) -> None:
    """Write the permissions of a schema's fields into its SDL, which `_service` answers too.

    The permissions of types and of the domain must have been added. A directive that the author wrote on a field stays.
    Fields of interfaces get none: Apollo's composition refuses them there, and routers ask those of the types. Nor do
    the fields that routers themselves ask for.
    """
    # Thousands of fields ask a few rules. A rule lives as long as the class that asks it.
    known: dict[tuple[tuple[str, int], ...], Directives] = {}
    for field in _fields(schema):
        asked = asked_of(field)
        key = tuple((words, id(rule)) for words, rule in asked)
        found = known.get(key)
        if found is None:
            found = known[key] = directives_of(asked)
        add_directives(schema, field, found.authenticated, found.scopes, found.policies)


def directives_of(asked: Iterable[tuple[str, Rule | None]]) -> Directives:
    """Return the directives for the rules that a field asks, all of which must pass.

    Each rule comes with its words; None stands for a permission class of others, which is a policy by its name. Rules
    over scopes alone become scopes, the rule of `SignedIn` becomes `authenticated`, and others are policies by their
    words.
    """
    parts = [part for words, rule in asked for part in _parts(words, rule)]
    signed_in = [part for part in parts if isinstance(part[1], SignedInRule)]
    scoped = [part for part in parts if _reads_scopes_only(part[1])]
    others = [part for part in parts if part not in signed_in and part not in scoped]
    try:
        scopes = _together(_choices(words, rule, _scope) for words, rule in scoped)
        policies = _together(_choices(words, rule, _words) for words, rule in others)
    except _TooMany:
        scopes, policies = (), (tuple(words for words, _ in (*scoped, *others)),)
    return Directives(bool(signed_in), scopes, policies)


class _TooMany(Exception):
    """Rules have more choices than an SDL should show."""


def _fields(schema: strawberry.Schema) -> list[GraphQLField]:
    by_routers = entities_field(schema)
    nested = (each.field for each in nested_fields(schema))
    fields = chain(root_fields(schema).values(), nested)
    return [each for each in fields if each is not by_routers and not is_sdl(each)]


def _parts(words: str, rule: Rule | None) -> list[tuple[str, Rule | None]]:
    """Return the parts of a rule that must all pass, each with its words."""
    if isinstance(rule, AllOf):
        return [part for each in rule.rules for part in _parts(_words(each), each)]
    return [(words, rule)]


def _reads_scopes_only(rule: Rule | None) -> bool:
    if isinstance(rule, AllOf | AnyOf):
        return all(map(_reads_scopes_only, rule.rules))
    return isinstance(rule, ScopeRule)


def _scope(rule: Rule) -> str:
    assert isinstance(rule, ScopeRule), "the rule reads scopes only"
    return rule.scope


def _words(rule: Rule) -> str:
    return describe(rule.requires)


def _choices(words: str, rule: Rule | None, name: Callable[[Rule], str]) -> Choices:
    match rule:
        case AnyOf(rules):
            each = (_choices(_words(each), each, name) for each in rules)
            return _shortest(chain.from_iterable(each))
        case AllOf(rules):
            return _product(_choices(_words(each), each, name) for each in rules)
        case Anyone() | Observed():
            return ((),)
        case None:
            return ((words,),)
    return ((name(rule),),)


def _together(parts: Iterable[Choices]) -> Choices:
    """Return the choices that fulfil all parts; none if everybody passes."""
    found = _product(parts)
    return () if found == ((),) else found


def _product(parts: Iterable[Choices]) -> Choices:
    found: Choices = ((),)
    for part in parts:
        found = _shortest((*left, *right) for left, right in product(found, part))
    return found


def _shortest(choices: Iterable[tuple[str, ...]]) -> Choices:
    """Return choices without repetitions, and without those that ask more than another one. Raises `_TooMany`."""
    unique = dict.fromkeys(tuple(dict.fromkeys(each)) for each in choices)
    found = tuple(each for each in unique if not any({*other} < {*each} for other in unique))
    if len(found) > MOST_CHOICES:
        raise _TooMany
    return found
