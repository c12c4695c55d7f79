"""Validation rules that are asked together.

graphql-core asks each rule for its methods at each kind of node, and again for each document. Here the rules that
have a method for a kind are known once, which saves a quarter of what a new document costs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from graphql import (
    BREAK,
    SKIP,
    ASTValidationRule,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    ParallelVisitor,
    TypeInfo,
    TypeInfoVisitor,
    ValidationContext,
    Visitor,
    visit,
)
from graphql.language.visitor import EnterLeaveVisitor
from graphql.validation.validate import (
    FragmentNestingVisitor,
    ValidationAbortedError,
    query_document_keys_to_validate,
)

Named = tuple[tuple[int, str], ...]
"""The methods that rules have for one kind of node: the number of the rule, and the name of its method."""


def validate(
    schema: GraphQLSchema,
    document: DocumentNode,
    rules: Sequence[type[ASTValidationRule]],
    max_errors: int,
    hide_suggestions: bool,
) -> list[GraphQLError]:
    """Return the errors of a document, as graphql-core's `validate` does for a schema that was validated.

    graphql-core's leaves its visitors in cycles, from which only a collection of garbage releases them: that was a quarter
    of what a new document costs. And a single rule is asked through one visitor less.
    """
    errors: list[GraphQLError] = []

    def add(error: GraphQLError) -> None:
        if len(errors) >= max_errors:
            raise ValidationAbortedError(
                "Too many validation errors, error limit reached. Validation aborted."
            )
        errors.append(error)

    types = TypeInfo(schema)
    context = ValidationContext(schema, document, types, add, hide_suggestions)
    visitors: list[Visitor] = [rule(context) for rule in rules]
    nodes = (each for each in document.definitions if isinstance(each, FragmentDefinitionNode))
    if fragments := {node.name.value: node for node in nodes}:
        visitors.insert(0, FragmentNestingVisitor(fragments))
    together = visitors[0] if len(visitors) == 1 else ParallelVisitor(visitors)
    visitor = TypeInfoVisitor(types, together)
    try:
        visit(document, visitor, query_document_keys_to_validate)
    except ValidationAbortedError as error:
        # The frames of the validation must not live as long as the error.
        error.__context__ = None
        errors.append(error.with_traceback(None))
    except RecursionError:
        errors.append(ValidationAbortedError("Validation aborted."))
    finally:
        for each in (visitor, together, *visitors):
            each.enter_leave_map.clear()
    return errors


class Rules:
    """Rules in their order, as one rule for graphql-core's `validate`. The errors are the same, in the same order.

    The rules' methods must be in their classes: one that is set on an object is not found.
    """

    def __init__(self, rules: Sequence[type[ASTValidationRule]]) -> None:
        self._rules = tuple(rules)
        self._known: dict[str, tuple[Named, Named]] = {}

    @property
    def as_rule(self) -> type[ASTValidationRule]:
        """These rules for the parameter `rules` of `validate`, which calls each rule with a context."""
        return cast("type[ASTValidationRule]", self)

    def __call__(self, context: ValidationContext) -> Visitor:
        return _Together([rule(context) for rule in self._rules], self._methods)

    def _methods(self, kind: str) -> tuple[Named, Named]:
        known = self._known.get(kind)
        if known is None:
            known = self._known[kind] = self._find("enter", kind), self._find("leave", kind)
        return known

    def _find(self, prefix: str, kind: str) -> Named:
        found = []
        for number, rule in enumerate(self._rules):
            for name in (f"{prefix}_{kind}", prefix):
                if getattr(rule, name, None) is not None:
                    found.append((number, name))
                    break
        return tuple(found)


class _Together(Visitor):
    """Visits a document with several visitors, as graphql-core's `ParallelVisitor`."""

    def __init__(self, visitors: list[Any], methods: Callable[[str], tuple[Named, Named]]) -> None:
        super().__init__()
        self._visitors = visitors
        self._methods = methods
        # The node below which a visitor is not asked, or BREAK if it is not asked any more.
        self._skipping: list[Any] = [None] * len(visitors)

    def get_enter_leave_for_kind(self, kind: str) -> EnterLeaveVisitor:
        made = self.enter_leave_map.get(kind)
        if made is None:
            enters, leaves = (self._bound(each) for each in self._methods(kind))
            made = EnterLeaveVisitor(
                self._enter(enters) if enters else None,
                self._leave(enters, leaves) if enters or leaves else None,
            )
            self.enter_leave_map[kind] = made
        return made

    def _bound(self, named: Named) -> dict[int, Callable[..., Any]]:
        return {number: getattr(self._visitors[number], name) for number, name in named}

    def _enter(self, methods: dict[int, Callable[..., Any]]) -> Callable[..., Any]:
        skipping, pairs = self._skipping, tuple(methods.items())

        def enter(node: Any, *args: Any) -> None:
            for number, method in pairs:
                if skipping[number] is None:
                    action = method(node, *args)
                    if action is not None:
                        is_skipped = action is SKIP or action is False
                        skipping[number] = node if is_skipped else _checked(action)

        return enter

    def _leave(
        self, enters: dict[int, Callable[..., Any]], leaves: dict[int, Callable[..., Any]]
    ) -> Callable[..., Any]:
        skipping = self._skipping
        # A visitor without a method here may have skipped this node when it was entered.
        pairs = tuple((number, leaves.get(number)) for number in sorted({*enters, *leaves}))

        def leave(node: Any, *args: Any) -> None:
            for number, method in pairs:
                if skipping[number] is node:
                    skipping[number] = None
                elif skipping[number] is None and method is not None:
                    action = method(node, *args)
                    if action is not None and action is not SKIP and action is not False:
                        skipping[number] = _checked(action)

        return leave


def _checked(action: Any) -> Any:
    assert action is BREAK or action is True, "a rule changes no document"
    return BREAK
