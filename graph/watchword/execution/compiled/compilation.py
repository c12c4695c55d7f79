"""What all generated functions of one operation share: the schema, the document, and counted fields."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

import strawberry
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
)
from graphql.execution import Executor, VariableValues

from watchword.execution.compiled.info import info_maker
from watchword.execution.compiled.mark import Marks
from watchword.execution.compiled.site import Site, Step
from watchword.libraries import graphql_execution
from watchword.permissions.enum_values import hidden_of

log = logging.getLogger("watchword.execution")

T = TypeVar("T")

MISTAKE = "a mistake in the compiler"
# A document with fragments in fragments can select exponentially many fields. Each takes about 0.2 ms to
# compile, in which the event loop stands still.
MOST_FIELDS = 600


class NotCompiled(Exception):
    """The operation, or its execution with these variables, is left to graphql-core; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Compilation:
    """One operation with one choice of what @skip and @include leave of it."""

    def __init__(
        self,
        schema: strawberry.Schema,
        definition: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        executor_class: type[Executor[Any]],
        hides_suggestions: bool,
        fallbacks: Counter[str],
        grow: Callable[[], None],
        is_wrapped: bool = False,
    ) -> None:
        """`is_wrapped` says that a run has something to call around each field's resolver (`Run.wrap`).

        `fallbacks` counts the operations that are left to graphql-core, by the reason. `grow` is called for each field
        that is compiled.
        """
        self.schema = schema
        self.definition = definition
        self.operation = operation
        self.complete_leaf: Callable[[Any, Any], Any] = executor_class.complete_leaf_value
        self.hidden = hidden_of(definition)
        self.make_info = info_maker(schema.config.info_class)
        self.hides_suggestions = hides_suggestions
        self.is_wrapped = is_wrapped
        self.marks: Marks = {}
        # Classes of which no object is awaitable or an exception.
        self.plain: set[type] = set()
        self.values = VariableValues({}, {})
        self.fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._count = 0
        self._fallbacks = fallbacks
        self._grow = grow

    def attempt(self, make: Callable[[], T]) -> T | None:
        """Make functions while an operation runs; None if graphql-core has to complete the value."""
        try:
            return make()
        except NotCompiled as cause:
            self._fallbacks[cause.reason] += 1
        except Exception:
            log.exception("a part of an operation could not be compiled")
            self._fallbacks[MISTAKE] += 1
        return None

    def root_fields(self, kind: GraphQLObjectType) -> list[Site]:
        """Return the root fields of the operation, in order."""
        found = graphql_execution.fields_of(
            self.definition, self.fragments, self.values, kind, self.operation
        )
        return self._sites(found, kind, ())

    def fields(self, kind: GraphQLObjectType, above: Site, steps: tuple[Step, ...]) -> list[Site]:
        """Return the fields that are selected on a type below a field; `steps` is the path of the object."""
        found = graphql_execution.subfields_of(
            self.definition, self.fragments, self.values, kind, self.operation, above.details
        )
        return self._sites(found, kind, steps)

    def _sites(
        self, found: graphql_execution.Fields, kind: GraphQLObjectType, steps: tuple[Step, ...]
    ) -> list[Site]:
        made = []
        for key, details in found.items():
            name = details[0].node.name.value
            field = self.definition.get_field(kind, name)
            if field is None or (name.startswith("__") and name != "__typename"):
                raise NotCompiled("introspection")
            self._count += 1
            self._grow()
            # Hooks of fields run around `__typename` too.
            is_constant = field is graphql_execution.TypeNameMetaFieldDef and not self.is_wrapped
            made.append(Site(self._count, key, kind, field, details, steps, is_constant))
        if self._count > MOST_FIELDS:
            raise NotCompiled("too many fields")
        return made
