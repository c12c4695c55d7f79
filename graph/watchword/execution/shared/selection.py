"""Finds out what an operation reads, from the declarations of everything that it selects."""

from __future__ import annotations

from collections.abc import Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    OperationType,
    SelectionSetNode,
    get_named_type,
    is_object_type,
)

from watchword.events.sources import Sources, declared_by, together
from watchword.execution.plan import Plan
from watchword.execution.selections import Objects, Selections
from watchword.libraries.strawberry_federation import is_sdl
from watchword.libraries.strawberry_parts import definition_of, is_attribute, owners
from watchword.libraries.strawberry_permissions import has_added_permissions
from watchword.permissions.guards import permissions_of
from watchword.permissions.input_permission import input_permission_of
from watchword.permissions.observed import Observed
from watchword.permissions.rules import AllOf, AnyOf, Check, Not, Rule

# The package of the rules that look nothing up.
_OURS = "watchword.permissions."


class _Undeclared(Exception):
    """A selected field does not declare what it reads."""


class Declarations:
    """What the fields of a schema declare to read. They are looked up once, and not for each document."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        kinds = [kind for kind in schema.type_map.values() if is_object_type(kind)]
        self._fields = {
            (kind.name, name): declaration(kind, field)
            for kind in kinds
            for name, field in kind.fields.items()
        }
        self.streams = together(each for each in self._fields.values() if each is not None).streams
        """All streams that any field reads."""

    def sources_of(self, plan: Plan) -> Sources | None:
        """Return what a query reads; None for any other operation, or if a selected field does not declare it.

        Selections under `@skip` and `@include` count.
        """
        if plan.operation.operation is not OperationType.QUERY:
            return None
        walk = _Walk(self._schema, self._fields, plan.document)
        try:
            walk.query(self._schema.query_type, plan.operation.selection_set)
        except _Undeclared:
            return None
        return together(walk.found)


def declaration(kind: GraphQLNamedType, field: GraphQLField) -> Sources | None:
    """Return what a field of an object type declares to read; None if it does not.

    A field that only shows an attribute inherits the declaration of its type. A declaration covers the field's own
    permissions, and not those that were added to it.
    """
    made_from = definition_of(field)
    if made_from is None:
        return None
    # Printing the SDL of a large schema takes long, and it does not change while the process runs.
    own = Sources() if is_sdl(field) else declared_by(made_from)
    if own is not None and not has_added_permissions(field):
        return own
    if not _reads_grants_only(field):
        return None
    if own is not None or not is_attribute(field):
        return own
    found = [sources for owner in owners(kind, field) if (sources := declared_by(owner))]
    return together(found) if found else None


class _Walk:
    """Collects the declarations of a selection."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fields: Mapping[tuple[str, str], Sources | None],
        document: DocumentNode,
    ) -> None:
        self.found: set[Sources] = set()
        self._fields = fields
        self._selections = Selections(schema, document)
        # Selections by identity, with the types that they were made on. Without it, a document could make the walk
        # take exponentially long.
        self._visited: set[tuple[int, Objects]] = set()

    def query(self, kind: GraphQLNamedType | None, nodes: SelectionSetNode) -> None:
        """Collect the declarations of what a query selects on its root type. Raises `_Undeclared`."""
        self._walk(nodes, self._selections.objects(kind))

    def _walk(self, nodes: SelectionSetNode, objects: Objects) -> None:
        if (id(nodes), objects) in self._visited:
            return
        self._visited.add((id(nodes), objects))
        for node in nodes.selections if objects else ():
            if isinstance(node, FieldNode):
                self._field(node, objects)
            else:
                self._walk(*self._selections.within(node, objects))

    def _field(self, node: FieldNode, objects: Objects) -> None:
        name = node.name.value
        if name.startswith("__"):
            return  # introspection: the schema does not change while the process runs
        for kind in objects:
            declared = self._fields[kind.name, name]
            if declared is None:
                raise _Undeclared
            self.found.add(declared)
            if node.selection_set is not None:
                inner = get_named_type(kind.fields[name].type)
                self._walk(node.selection_set, self._selections.objects(inner))


def _reads_grants_only(field: GraphQLField) -> bool:
    """Tell whether the permissions of a field look nothing up. An author's own condition may read anything."""
    rules = [getattr(each, "rule", None) for each in permissions_of(field)]
    if (of_inputs := input_permission_of(field)) is not None:
        rules += of_inputs.rules
    return all(isinstance(rule, Rule) and not _asks_author(rule) for rule in rules)


def _asks_author(rule: Rule) -> bool:
    match rule:
        case AllOf(rules) | AnyOf(rules):
            return any(map(_asks_author, rules))
        case Not(inner) | Observed(inner):
            return _asks_author(inner)
    # A rule of an author's own class may read anything, as a condition may.
    return type(rule) is Check or not type(rule).__module__.startswith(_OURS)
