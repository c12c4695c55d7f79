"""How Strawberry makes and runs the extensions of a schema: the private and undocumented parts of that."""

from __future__ import annotations

import sys
from collections.abc import Hashable
from contextlib import AsyncExitStack
from types import NoneType
from typing import Any

import strawberry
from graphql import FieldNode, NoDeprecatedCustomRule, NoSchemaIntrospectionCustomRule
from graphql.execution import MiddlewareManager
from strawberry.extensions import (
    AddValidationRules,
    DisableIntrospection,
    DisableValidation,
    MaskErrors,
    MaxAliasesLimiter,
    MaxTokensLimiter,
    ParserCache,
    QueryDepthLimiter,
    SchemaExtension,
    ValidationCache,
    max_aliases,
    query_depth_limiter,
)
from strawberry.extensions.context import ExtensionContextManagerBase
from strawberry.extensions.directives import SPECIFIED_DIRECTIVES, DirectivesExtension
from strawberry.extensions.mask_errors import default_should_mask_error
from strawberry.extensions.pydantic_error_extension import PydanticErrorExtension
from strawberry.extensions.runner import SchemaExtensionsRunner
from strawberry.schema.schema import DEFAULT_ALLOWED_OPERATION_TYPES
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError

from watchword.libraries.strawberry_parts import overridden

__all__ = ["ExecutionResult", "PreExecutionError"]

METHODS = (
    *("on_operation", "on_parse", "on_validate", "on_execute", "on_stream_result"),
    *("resolve", "get_results"),
)
"""The methods of an extension that it may override."""

# Methods of `strawberry.Schema` that decide which extensions run.
_DECIDING = ("get_extensions", "create_extensions_runner")
# Extensions of Strawberry that do nothing but add rules.
_RULES_ONLY = (AddValidationRules, QueryDepthLimiter, MaxAliasesLimiter, DisableIntrospection)
# Extensions of Strawberry that change nothing in an answer without errors, for any caller.
_NEUTRAL = (
    DirectivesExtension,
    DisableValidation,
    ParserCache,
    PydanticErrorExtension,
    ValidationCache,
)
# Extensions of Strawberry that keep what is kept here anyway. They need longer to find it than to run the operation.
_NEEDLESS = (ParserCache, ValidationCache)
# Rules that look at nothing but the document and the schema.
_PURE_RULES = (NoDeprecatedCustomRule, NoSchemaIntrospectionCustomRule)
# The functions that make a class of a rule for each extension, from limits.
_RULE_MAKERS = (max_aliases.create_validator, query_depth_limiter.create_validator)


def has_extensions(schema: strawberry.Schema) -> bool:
    """Tell whether any extension may run. Operation directives are run by an extension of Strawberry's."""
    return bool(schema.extensions or schema.directives or overridden(schema, _DECIDING))


def is_fixed(schema: strawberry.Schema) -> bool:
    """Tell whether each request gets extensions of the same classes, made with the same arguments."""
    makers = schema.extensions
    made_alike = all(isinstance(each, (type, SchemaExtension)) for each in makers)
    return made_alike and not overridden(schema, _DECIDING)


def methods_of(kind: type[SchemaExtension]) -> frozenset[str]:
    """Return the names of the methods that an extension's class overrides."""
    return frozenset(
        name for name in METHODS if getattr(kind, name) is not getattr(SchemaExtension, name)
    )


def is_for_directives(extension: SchemaExtension) -> bool:
    """Tell whether an extension is the one by which Strawberry runs operation directives."""
    return type(extension) is DirectivesExtension


def is_directive_for_resolvers(name: str) -> bool:
    """Tell whether a directive on a field is run by that extension, and not by graphql-core."""
    return name not in SPECIFIED_DIRECTIVES


def key_of_rule(rule: type[Any]) -> Hashable | None:
    """Return a value that is equal for rules that find the same errors in the same document; None if that is not known.

    `QueryDepthLimiter` and `MaxAliasesLimiter` make a new class of their rule each time.
    """
    if rule in _PURE_RULES:
        return rule.__module__, rule.__qualname__
    code = getattr(rule.__init__, "__code__", None)
    for maker in _RULE_MAKERS:
        if code is not None and code in _codes_in(maker):
            limits = {
                name: cell.cell_contents
                for name, cell in zip(code.co_freevars, rule.__init__.__closure__, strict=True)
                if name != "__class__"
            }
            # A function among them may look at anything.
            if all(type(each) in (int, NoneType) for each in limits.values()):
                return code, tuple(sorted(limits.items()))
    return None


def neutral_key(extension: SchemaExtension) -> Hashable | None:
    """Return a value that is equal for extensions of Strawberry that do the same; None for all that are not neutral.

    A neutral extension does to a whole answer nothing that depends on the request: an answer that passed it once
    passes it again.
    """
    kind = type(extension)
    if kind in _NEUTRAL:
        return kind
    if isinstance(extension, MaxTokensLimiter) and kind is MaxTokensLimiter:
        return kind, extension.max_token_count
    if isinstance(extension, MaskErrors) and kind is MaskErrors:
        is_usual = extension.should_mask_error is default_should_mask_error
        return (kind, extension.error_message) if is_usual else None
    if isinstance(extension, AddValidationRules) and kind in _RULES_ONLY:
        keys = tuple(key_of_rule(rule) for rule in extension.validation_rules)
        return None if None in keys else (kind, keys)
    return None


class Hooks:
    """The extensions of one execution, and what they see of it."""

    def __init__(
        self,
        schema: strawberry.Schema,
        query: str | None,
        variables: dict[str, Any] | None,
        context: Any,
        operation_name: str | None,
    ) -> None:
        """Make the extensions, as Strawberry does for each request."""
        self.seen: ExecutionContext = schema._create_execution_context(
            query,
            DEFAULT_ALLOWED_OPERATION_TYPES,
            variables,
            context,
            operation_name=operation_name,
            operation_extensions=context.extensions,
        )
        made = schema.get_extensions()
        self.raises_syntax_errors = any(type(each) is ParserCache for each in made)
        """Whether a document that cannot be parsed is an error in a hook, as it is beside `ParserCache`."""
        self._extensions = [each for each in made if type(each) not in _NEEDLESS]
        for extension in self._extensions:
            extension.execution_context = self.seen
        self.runner: SchemaExtensionsRunner = schema.create_extensions_runner(
            self.seen, self._extensions
        )

    def middleware(self, is_directed: bool) -> MiddlewareManager | None:
        """Return what runs the `resolve` of each extension around each field; None if there is none.

        `is_directed` says that the operation has operation directives.
        """
        wrapping = [
            each
            for each in self._extensions
            if each._implements_resolve() and (is_directed or not is_for_directives(each))
        ]
        return MiddlewareManager(*wrapping) if wrapping else None


class around:
    """Runs the hooks of one step around a block.

    If a hook raises before the block, those before it are left at once, with its error. Strawberry leaves them to the
    garbage collector.
    """

    __slots__ = ("_step",)

    def __init__(self, step: ExtensionContextManagerBase) -> None:
        # Most steps have no hooks.
        self._step = step if step.hooks else None

    async def __aenter__(self) -> None:
        if self._step is None:
            return
        try:
            await self._step.__aenter__()
        except BaseException:
            entered: AsyncExitStack = self._step.async_exit_stack
            await entered.__aexit__(*sys.exc_info())
            raise

    async def __aexit__(self, *raised: Any) -> None:
        if self._step is not None:
            await self._step.__aexit__(*raised)


def directives_of(node: FieldNode) -> list[str]:
    """Return the names of the directives on a field."""
    return [directive.name.value for directive in node.directives or ()]


def _codes_in(maker: Any) -> list[Any]:
    """Return the code of the functions in the classes that a function makes."""
    bodies = [each for each in maker.__code__.co_consts if hasattr(each, "co_consts")]
    return [each for body in bodies for each in body.co_consts if hasattr(each, "co_code")]
