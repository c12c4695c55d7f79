"""The permission of a field for what is sent to it: it asks the rules of the guarded inputs that an operation gives.

It is added to the fields that take guarded inputs, inside of their own permissions. So it is asked over every
transport, before the resolver runs, and again before each event of a subscription.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

import strawberry
from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
)
from strawberry.permission import BasePermission

from watchword.context import Context
from watchword.errors import BadUserInput, Unsafe
from watchword.libraries.graphql_execution import variables_of
from watchword.libraries.strawberry_federation import entity_types
from watchword.libraries.strawberry_parts import definition, permission_extensions, raw_info
from watchword.libraries.strawberry_permissions import add_permissions, is_made_by_strawberry
from watchword.permissions.field import last_denial, passes, refuse
from watchword.permissions.grants import decide
from watchword.permissions.guarded import Classes
from watchword.permissions.inputs import Arguments, Guarded, Inputs
from watchword.permissions.observed import Observed
from watchword.permissions.rules import Question, Rule
from watchword.permissions.sent import Sent, Values
from watchword.permissions.verdict import ALLOWED, Denied, Verdict
from watchword.principal import Principal

# Where a schema says what of its inputs is guarded.
_GUARDED = "watchword-guarded-inputs"


class InputPermission(BasePermission):
    """Asks the rules of the guarded inputs that are sent to one field."""

    def __init__(self, sent: Sent, rules: frozenset[Rule]) -> None:
        """`rules` are all that the guarded inputs of the field may ask."""
        self.sent = sent
        self.rules = rules

    def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        """Tell whether the principal of the context may send what the operation sends."""
        question = Question(info.context.principal, source, info, arguments)
        # In their order, until one refuses.
        return all(
            _passes(rule.decide(question), each, rule, question) for each, rule in self._asked(info)
        )

    def on_unauthorized(self) -> NoReturn:
        """Raise the error of the last denial."""
        refuse(*last_denial())

    def decide(self, node: FieldNode, values: Values, principal: Principal) -> Verdict | None:
        """Return the verdict if grants are enough to know it; None if more must be read."""
        for each in self.sent.found(node, values):
            for rule in each.rules:
                verdict = _decide(rule, principal)
                if isinstance(verdict, Denied):
                    return replace(verdict, of=each.name)
                if verdict is None:
                    return None
        return ALLOWED

    def asked(self, info: Any) -> list[Rule]:
        """Return the rules that the field asks with what is sent to it in an operation."""
        return [rule for _, rule in self._asked(info)]

    def _asked(self, info: Any) -> list[tuple[Guarded, Rule]]:
        raw = raw_info(info)
        node = raw.field_nodes[0]
        if not self.sent.may_have(node):
            return []
        if any(each.variable_definitions for each in raw.fragments.values()):
            raise BadUserInput(
                "A document whose fragments have variables cannot send what a permission guards."
            )
        return [(each, rule) for each in self._found(raw, node) for rule in each.rules]

    def _found(self, raw: Any, node: FieldNode) -> Sequence[Guarded]:
        context = raw.context
        if not isinstance(context, Context):
            return self.sent.found(node, variables_of(raw))
        # A field of a list's items is asked for each item: the same is sent to all of them.
        if (known := context.sent.get(id(node))) is None:
            known = context.sent[id(node)] = self.sent.found(node, variables_of(raw))
        return known


class AsyncInputPermission(InputPermission):
    """Asks rules of which some do I/O."""

    async def has_permission(  # type: ignore[override]
        self, source: Any, info: Any, **arguments: Any
    ) -> bool:
        question = Question(info.context.principal, source, info, arguments)
        for each, rule in self._asked(info):
            if not _passes(await rule.decide_async(question), each, rule, question):
                return False
        return True


def _decide(rule: Rule, principal: Principal) -> Verdict | None:
    if not isinstance(rule, Observed):
        return decide(rule, principal)
    # It must be asked in its place to be counted.
    return ALLOWED if decide(rule.rule, principal) is ALLOWED else None


def _passes(verdict: Verdict, asked: Guarded, rule: Rule, question: Question) -> bool:
    if isinstance(verdict, Denied):
        verdict = replace(verdict, of=asked.name)
    return passes(verdict, rule, question.principal)


def guarded_inputs(schema: strawberry.Schema, named: Mapping[str, Classes] | None = None) -> Inputs:
    """Return what of a schema's inputs is guarded, by itself or as a domain has `named` it.

    Raises `Unsafe` for permissions that inputs cannot ask, and for a field that takes guarded inputs and can ask nothing.
    """
    made = definition(schema)
    found: Inputs | None = made.extensions.get(_GUARDED)
    if found is not None:
        return found
    inputs = Inputs(made, named)
    for name, field, _ in _taking(inputs, made):
        if not is_made_by_strawberry(field):
            raise Unsafe(
                f"{name}: the function of the field was replaced after Strawberry had made it, so it cannot ask"
                " what guarded_by says of its arguments. Let Strawberry make the field."
            )
    for each in entity_types(schema).values():
        _check_references(inputs, each.definition, each.asked)
    return inputs


def _check_references(inputs: Inputs, kind: Any, asked: Mapping[str, Any]) -> None:
    """Raise `Unsafe` if a router's references may have guarded values: no field asks of them."""
    for name, below in asked.items():
        if (field := kind.fields.get(name)) is None:
            continue
        named = get_named_type(field.type)
        if inputs.leads(named):
            raise Unsafe(
                f"{kind.name}.{name} is in references that routers send, and guarded_by guards values of {named.name},"
                " which references do not ask. Take it out of the key, or the guard off the enum."
            )
        if isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
            _check_references(inputs, named, below)


def guard_inputs(schema: strawberry.Schema, inputs: Inputs) -> None:
    """Let the fields of a schema ask what is sent to them. Doing so twice is harmless."""
    made = definition(schema)
    if _GUARDED in made.extensions:
        return
    made.extensions[_GUARDED] = inputs
    for _, field, arguments in _taking(inputs, made):
        add_permissions(schema, field, [_permission(inputs, arguments)], inside=True)


def input_permission_of(field: GraphQLField) -> InputPermission | None:
    """Return the permission by which a field asks what is sent to it; None if nothing that it takes is guarded."""
    for extension in permission_extensions(field):
        for each in extension.permissions:
            if isinstance(each, InputPermission):
                return each
    return None


def guarded_arguments(field: GraphQLField) -> list[Guarded]:
    """Return the arguments of a field that are guarded themselves."""
    permission = input_permission_of(field)
    arguments = {} if permission is None else permission.sent.arguments
    return [each.guard for each in arguments.values() if each.guard is not None]


def _taking(inputs: Inputs, made: GraphQLSchema) -> Iterator[tuple[str, GraphQLField, Arguments]]:
    """Yield the fields of object types that take guarded inputs, with their names and these arguments."""
    for kind in made.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for name, field in kind.fields.items():
                if arguments := inputs.of_field(kind, name, field):
                    yield f"{kind.name}.{name}", field, arguments


def _permission(inputs: Inputs, arguments: Arguments) -> InputPermission:
    guards = [each.guard for each in arguments.values() if each.guard is not None]
    if any(each.kind is not None for each in arguments.values()):
        guards += inputs
    rules = frozenset(rule for each in guards for rule in each.rules)
    kind = AsyncInputPermission if any(rule.is_async for rule in rules) else InputPermission
    return kind(Sent(inputs, arguments), rules)
