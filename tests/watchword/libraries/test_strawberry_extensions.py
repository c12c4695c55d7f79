"""The parts of Strawberry that make and run extensions are still there, and what is known of its own still holds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import NoSchemaIntrospectionCustomRule, ValidationRule
from strawberry import extensions as stock
from strawberry.directive import DirectiveLocation, DirectiveValue
from strawberry.extensions import (
    AddValidationRules,
    MaskErrors,
    MaxAliasesLimiter,
    MaxTokensLimiter,
    QueryDepthLimiter,
    SchemaExtension,
)
from strawberry.extensions.context import OperationContextManager
from strawberry.extensions.directives import DirectivesExtension

from tests.support import toy_schema
from watchword.libraries.strawberry_extensions import (
    METHODS,
    Hooks,
    around,
    has_extensions,
    is_fixed,
    is_for_directives,
    key_of_rule,
    methods_of,
    neutral_key,
)


def schema(*extensions: Any, **options: Any) -> strawberry.Schema:
    return strawberry.Schema(toy_schema.Query, extensions=extensions, **options)


class Hooked(SchemaExtension):
    def on_parse(self) -> Iterator[None]:
        yield

    def resolve(self, _next: Any, *args: Any, **kwargs: Any) -> Any:
        return _next(*args, **kwargs)


def test_every_method_of_the_installed_strawberry_is_known_here() -> None:
    """A new hook would be run by Strawberry's runner only where its own execution calls it."""
    methods = {
        name
        for name, value in vars(SchemaExtension).items()
        if callable(value) and not name.startswith("_")
    }
    assert methods == set(METHODS)
    assert methods_of(Hooked) == {"on_parse", "resolve"}
    assert methods_of(SchemaExtension) == set()


# What Strawberry exports besides `SchemaExtension`: those that may be shared are listed in the module.
KNOWN = {
    *("AddValidationRules", "DisableIntrospection", "DisableValidation", "MaskErrors"),
    *("MaxAliasesLimiter", "MaxTokensLimiter", "ParserCache", "QueryDepthLimiter"),
    *("PydanticErrorExtension", "SchemaExtension", "ValidationCache"),
}


def test_every_extension_of_the_installed_strawberry_is_known_here() -> None:
    found = {
        name
        for name in stock.__all__
        if isinstance(getattr(stock, name), type)
        and issubclass(getattr(stock, name), SchemaExtension)
    }
    assert found == KNOWN


def test_a_schema_says_whether_anything_may_run() -> None:
    class Deciding(strawberry.Schema):
        def get_extensions(self, sync: bool = False) -> list[SchemaExtension]:
            return []

    assert not has_extensions(schema())
    assert has_extensions(schema(Hooked))
    assert has_extensions(Deciding(toy_schema.Query))
    assert is_fixed(schema(Hooked))
    assert not is_fixed(schema(lambda: Hooked()))
    assert not is_fixed(Deciding(toy_schema.Query))


def test_rules_that_are_made_anew_are_known_by_their_limits() -> None:
    def key(extension: AddValidationRules) -> object:
        [rule] = extension.validation_rules
        return key_of_rule(rule)

    assert key(MaxAliasesLimiter(5)) == key(MaxAliasesLimiter(5)) is not None
    assert key(MaxAliasesLimiter(5)) != key(MaxAliasesLimiter(6))
    assert key(QueryDepthLimiter(5)) == key(QueryDepthLimiter(5)) is not None
    assert key(QueryDepthLimiter(5)) not in (key(QueryDepthLimiter(6)), key(MaxAliasesLimiter(5)))
    assert key(QueryDepthLimiter(5, should_ignore=lambda _: True)) is None
    assert key(QueryDepthLimiter(5, callback=print)) is None
    assert key_of_rule(ValidationRule) is None
    assert key_of_rule(NoSchemaIntrospectionCustomRule) is not None


def test_a_subclass_of_a_neutral_extension_may_do_anything() -> None:
    for kind, arguments in ((MaskErrors, ()), (MaxTokensLimiter, (5,)), (MaxAliasesLimiter, (5,))):
        made: Any = kind(*arguments)
        assert neutral_key(made) is not None
        assert neutral_key(type("Own", (kind,), {})(*arguments)) is None
    assert neutral_key(MaxTokensLimiter(5)) != neutral_key(MaxTokensLimiter(6))
    assert neutral_key(AddValidationRules([ValidationRule])) is None


def test_extensions_see_what_is_run() -> None:
    made = schema(Hooked, directives=[loud])
    context = SimpleNamespace(extensions={"trace": "1"})
    hooks = Hooks(made, "{ hello }", {"a": 1}, context, "Name")
    seen = hooks.seen
    assert (seen.query, seen.variables, seen.context) == ("{ hello }", {"a": 1}, context)
    assert seen.operation_extensions == {"trace": "1"}
    assert seen.operation_name == "Name"
    assert [each.execution_context for each in hooks.runner.extensions] == [seen, seen]
    wrapping = [
        [type(each) for each in hooks.middleware(is_directed).middlewares]  # type: ignore[union-attr]
        for is_directed in (False, True)
    ]
    assert wrapping == [[Hooked], [Hooked, DirectivesExtension]]
    assert is_for_directives(DirectivesExtension())
    assert Hooks(schema(), None, None, context, None).middleware(True) is None


@strawberry.directive(locations=[DirectiveLocation.FIELD])
def loud(value: DirectiveValue[str]) -> str:
    return value.upper()


@pytest.mark.parametrize("fails", [False, True])
async def test_hooks_are_left_in_the_reverse_order(fails: bool) -> None:
    noted: list[str] = []

    def extension(name: str, is_failing: bool = False) -> SchemaExtension:
        class Noting(SchemaExtension):
            async def on_operation(self) -> AsyncIterator[None]:
                noted.append(f"{name} begins")
                if is_failing:
                    raise ValueError(name)
                try:
                    yield
                finally:
                    noted.append(f"{name} ends")

        return Noting()

    extensions = [extension("a"), extension("b"), extension("c", is_failing=fails)]
    manager = OperationContextManager(extensions)
    if fails:
        with pytest.raises(ValueError, match="^c$"):
            async with around(manager):
                pass
    else:
        async with around(manager):
            noted.append("body")
    expected = ["a begins", "b begins", "c begins", *([] if fails else ["body", "c ends"])]
    assert noted == [*expected, "b ends", "a ends"]
