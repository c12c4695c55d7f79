"""What extensions need is looked at when a schema is mounted, and decides what may be shared."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest
import strawberry
from graphql import ValidationRule
from strawberry.directive import DirectiveLocation, DirectiveValue
from strawberry.extensions import (
    AddValidationRules,
    DisableIntrospection,
    MaskErrors,
    MaxAliasesLimiter,
    MaxTokensLimiter,
    ParserCache,
    QueryDepthLimiter,
    SchemaExtension,
    ValidationCache,
)
from strawberry.extensions.tracing import ApolloTracingExtension

from watchword.execution.extensions.mounted import Extensions
from watchword.execution.extensions.needs import each_execution, each_request
from watchword.execution.limits import Limits
from watchword.execution.plan import Plan, Planner
from watchword.libraries.strawberry_parts import definition
from watchword.permissions.field import Public


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def hello(self) -> str:
        return "hello"


@strawberry.directive(locations=[DirectiveLocation.FIELD])
def loud(value: DirectiveValue[str]) -> str:
    return value.upper()


def mounted(*extensions: Any, **options: Any) -> Extensions | None:
    return Extensions.of(strawberry.Schema(Query, extensions=extensions, **options))


def plan(query: str, **options: Any) -> Plan:
    schema = strawberry.Schema(Query, **options)
    return Planner(definition(schema), Limits(1000, 10, 10, 1000), 10).plan(query, None)


HELLO = plan("{ hello }")


def shares(*extensions: Any) -> tuple[bool, bool]:
    """Return whether answers, and whether subscriptions are shared."""
    found = mounted(*extensions)
    assert found is not None
    return found.share_answers(HELLO), found.share_subscriptions


def test_a_schema_without_extensions_has_none_to_run() -> None:
    assert mounted() is None


@pytest.mark.parametrize(
    "extension",
    [
        DisableIntrospection,
        MaskErrors,
        ParserCache,
        ValidationCache,
        partial(MaxAliasesLimiter, 5),
        lambda: MaxAliasesLimiter(5),
        lambda: MaxTokensLimiter(100),
        lambda: QueryDepthLimiter(max_depth=5),
    ],
)
def test_extensions_that_do_nothing_to_a_whole_answer_let_it_be_shared(extension: Any) -> None:
    assert shares(extension) == (True, True)


class Own(SchemaExtension):
    def on_execute(self) -> Iterator[None]:
        yield


class Masking(MaskErrors):
    pass


@pytest.mark.parametrize(
    "extension",
    [
        Own,
        Masking,
        ApolloTracingExtension,
        lambda: MaskErrors(lambda _: True),
        lambda: QueryDepthLimiter(5, callback=print),
        lambda: QueryDepthLimiter(5, should_ignore=lambda _: False),
        lambda: AddValidationRules([ValidationRule]),
    ],
)
def test_an_extension_that_may_need_each_request_keeps_answers_from_being_shared(
    extension: Any,
) -> None:
    assert shares(extension) == (False, True)
    assert shares(MaskErrors, extension) == (False, True)


def test_the_author_of_an_extension_decides() -> None:
    class Said(SchemaExtension):
        pass

    assert shares(each_request(Said)) == (False, False)
    assert shares(each_execution(Said)) == (True, True)


def test_a_factory_that_makes_another_extension_for_a_request_is_noticed() -> None:
    limit = 5
    found = mounted(lambda: QueryDepthLimiter(limit))
    assert found is not None
    assert found.share_answers(HELLO)
    limit = 4
    assert not found.share_answers(HELLO)


def test_a_factory_that_needs_a_request_shares_no_answers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    depth: ContextVar[int] = ContextVar("depth")
    assert shares(lambda: QueryDepthLimiter(depth.get())) == (False, True)
    assert "no answers are shared" in caplog.text


class TestDirectives:
    schema = strawberry.Schema(Query, directives=[loud])
    found = Extensions(schema)

    def test_only_operations_that_use_one_are_concerned(self) -> None:
        options = {"directives": [loud]}
        for query, uses in (
            ("{ hello }", False),
            ("{ hello @include(if: true) }", False),
            ("{ hello @loud }", True),
            ("{ ...Part } fragment Part on Query { a: hello @skip(if: false) @loud }", True),
        ):
            asked = plan(query, **options)
            assert self.found.concern(asked) == uses
            assert self.found.share_answers(asked) != uses

    def test_with_extensions_all_operations_are_concerned(self) -> None:
        found = mounted(MaskErrors, directives=[loud])
        assert found is not None
        assert found.concern(HELLO)
        assert not found.are_directives_only


def test_extensions_hear_of_events_only_if_they_say_so() -> None:
    class Hearing(SchemaExtension):
        def on_stream_result(self, result: Any) -> Iterator[None]:
            yield

    for extension, hears in ((Own, False), (Hearing, True), (ApolloTracingExtension, True)):
        found = mounted(extension)
        assert found is not None
        assert found.hear_events == hears


def test_a_request_that_cannot_be_planned_is_not_shared() -> None:
    planner = Planner(definition(strawberry.Schema(Query)), Limits(1000, 10, 10, 1000), 10)
    found = mounted(MaskErrors)
    assert found is not None
    for query in (None, "{", "{ colour }"):
        assert not found.share_answers(planner.draft(query, None, None))
    assert found.share_answers(planner.draft("{ hello }", None, None))
