"""Refuses an operation as a whole: what the caller's grants deny is found before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    NamedTypeNode,
    SelectionNode,
    SelectionSetNode,
    get_directive_values,
    get_named_type,
    is_abstract_type,
    is_list_type,
    is_non_null_type,
)
from graphql.execution import VariableValues
from strawberry.permission import BasePermission, PermissionExtension

from watchword.context import Context
from watchword.errors import WatchwordError
from watchword.execution.plan import Plan, Refused
from watchword.libraries.strawberry_parts import permission_extensions
from watchword.permissions.field import refuse, rule_of
from watchword.permissions.grants import decide
from watchword.permissions.guards import is_recorder
from watchword.permissions.input_permission import InputPermission
from watchword.permissions.verdict import Denied, Verdict
from watchword.principal import Principal

Objects = frozenset[GraphQLObjectType]
Pattern = tuple[str, ...]
"""A path of the answer, in which `@` stands for each index of a list."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A field that grants deny: the pattern of its path, the field in the document, and the denial."""

    path: Pattern
    node: FieldNode
    denied: Denied


def check(schema: GraphQLSchema, plan: Plan, values: VariableValues, context: Context) -> None:
    """Raise `Refused` if `reject` is set, or asked for by the request, and grants deny a field that is selected.

    There is one error for each requirement, with the patterns of its paths in `extensions.paths`. A field whose
    permission reads more than grants, such as the object, is not decided here.
    """
    if _wanted(context) != "reject":
        return
    principal = context.principal
    found = [*_Walk(schema, plan, values, principal).refusals()]
    if found:
        raise Refused([_error(each, principal) for each in _by_requirement(found)])


def _wanted(context: Context) -> Any:
    """Return what the request asks for in `extensions.refusals`, or what is set. A shared run has no request."""
    asked = None if context.is_shared else context.extensions
    return (asked and asked.get("refusals")) or context.services.settings.refusals


def _by_requirement(found: list[Refusal]) -> list[list[Refusal]]:
    grouped: dict[str, list[Refusal]] = {}
    for each in found:
        grouped.setdefault(repr(each.denied), []).append(each)
    return [*grouped.values()]


def _error(refusals: list[Refusal], principal: Principal) -> GraphQLError:
    try:
        refuse(refusals[0].denied, principal)
    except WatchwordError as error:
        error.extensions["paths"] = [list(each.path) for each in refusals]
        nodes = [each.node for each in refusals]
        return GraphQLError(error.message, nodes, original_error=error)


class _Walk:
    """Finds the denied fields of a selection. A fragment's fields are found at the first place that spreads it."""

    def __init__(
        self, schema: GraphQLSchema, plan: Plan, values: VariableValues, principal: Principal
    ) -> None:
        self._schema, self._plan, self._values, self._principal = schema, plan, values, principal
        self._fragments = {
            node.name.value: node
            for node in plan.document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        # Without it, a document of fragments in fragments would take exponentially long.
        self._visited: set[tuple[int, Objects]] = set()

    def refusals(self) -> Iterator[Refusal]:
        root = self._schema.get_root_type(self._plan.operation.operation)
        yield from self._selections(self._plan.operation.selection_set, self._objects(root), ())

    def _selections(
        self, nodes: SelectionSetNode | None, objects: Objects, above: Pattern
    ) -> Iterator[Refusal]:
        if nodes is None or not objects or (id(nodes), objects) in self._visited:
            return
        self._visited.add((id(nodes), objects))
        for node in nodes.selections:
            if self._is_included(node):
                yield from self._selection(node, objects, above)

    def _selection(
        self, node: SelectionNode, objects: Objects, above: Pattern
    ) -> Iterator[Refusal]:
        if isinstance(node, FieldNode):
            for kind in sorted(objects, key=lambda each: each.name):
                if (field := kind.fields.get(node.name.value)) is not None:
                    yield from self._field(node, field, above)
            return
        fragment = (
            self._fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
        )
        assert isinstance(fragment, FragmentDefinitionNode | InlineFragmentNode), (
            "there are three kinds"
        )
        narrowed = self._narrowed(fragment.type_condition, objects)
        yield from self._selections(fragment.selection_set, narrowed, above)

    def _field(self, node: FieldNode, field: GraphQLField, above: Pattern) -> Iterator[Refusal]:
        here = (*above, (node.alias or node.name).value)
        denied = self._denial(node, field)
        if denied is not None:
            yield Refusal(here, node, denied)
            return
        inner = self._objects(get_named_type(field.type))
        yield from self._selections(node.selection_set, inner, (*here, *_indexes(field)))

    def _denial(self, node: FieldNode, field: GraphQLField) -> Denied | None:
        """Return the denial that the field itself would meet first.

        None if nothing denies, if something must be asked before, or if the field is made to be empty in silence.
        """
        for extension in reversed(permission_extensions(field)):
            # A subclass may ask its permissions in another way.
            if type(extension) is not PermissionExtension:
                return None
            for each in extension.permissions:
                verdict = self._verdict(each, node)
                if isinstance(verdict, Denied):
                    return None if extension.fail_silently else verdict
                if verdict is None and not is_recorder(each):
                    return None
        return None

    def _verdict(self, permission: BasePermission, node: FieldNode) -> Verdict | None:
        if isinstance(permission, InputPermission):
            return permission.decide(node, self._values, self._principal)
        rule = rule_of(permission)
        return None if rule is None else decide(rule, self._principal)

    def _is_included(self, node: SelectionNode) -> bool:
        if not node.directives:
            return True
        skip = get_directive_values(GraphQLSkipDirective, node, self._values)
        include = get_directive_values(GraphQLIncludeDirective, node, self._values)
        return not (skip and skip["if"]) and (include is None or bool(include["if"]))

    def _narrowed(self, condition: NamedTypeNode | None, objects: Objects) -> Objects:
        if condition is None:
            return objects
        return objects & self._objects(self._schema.get_type(condition.name.value))

    def _objects(self, kind: GraphQLNamedType | None) -> Objects:
        if is_abstract_type(kind):
            return frozenset(self._schema.get_possible_types(kind))
        return frozenset({kind}) if isinstance(kind, GraphQLObjectType) else frozenset()


def _indexes(field: GraphQLField) -> Iterator[str]:
    kind = field.type
    while is_non_null_type(kind) or is_list_type(kind):
        if is_list_type(kind):
            yield "@"
        kind = kind.of_type
