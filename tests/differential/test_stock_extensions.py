"""Strawberry's own extensions, and two of third parties, do under Watchword what they do under Strawberry's own view."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aforo_graphql_metering import AforoGraphQlBilling, strawberry_extension
from graphene_protector import Limits
from graphene_protector.strawberry import CustomGrapheneProtector
from graphql import FieldNode, GraphQLError, ValidationRule
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
)
from strawberry.extensions.pydantic_error_extension import PydanticErrorExtension
from strawberry.extensions.tracing import (
    ApolloTracingExtension,
    ApolloTracingExtensionSync,
    OpenTelemetryExtension,
    OpenTelemetryExtensionSync,
)

from tests.differential.recorder import recording
from tests.differential.test_extensions import OPERATIONS, both, schema
from tests.differential.vendors import Provider, Spans, datadog, pyinstrument, sentry, stand_in
from tests.support.clock import MovedClock
from tests.support.strawberry_view import Operation, watchword_view


class NoBroken(ValidationRule):
    def enter_field(self, node: FieldNode, *_: Any) -> None:
        if node.name.value == "broken":
            self.report_error(GraphQLError("Do not ask for broken.", node))


Made = Callable[[Spans], list[Any]]
QUERY, ERRORS = OPERATIONS["a query"], OPERATIONS["errors of fields"]
ALIASES = Operation("{ a: leaves(names: []) { name } b: leaves(names: []) { name } }")
INTROSPECTION = OPERATIONS["introspection"]

LIMITS = Limits(depth=1, selections=100, complexity=100, gas=100)

# Extensions by what a schema is given: a class, a factory, an instance; each with operations for which it does
# something, and some for which it does nothing.
LIMITING: dict[str, tuple[Made, list[Operation]]] = {
    "depth": (lambda _: [lambda: QueryDepthLimiter(max_depth=0)], [QUERY, ALIASES]),
    "depth that is enough": (lambda _: [partial(QueryDepthLimiter, 5)], [QUERY, ERRORS]),
    "aliases": (lambda _: [lambda: MaxAliasesLimiter(1)], [QUERY, ALIASES]),
    "tokens": (lambda _: [lambda: MaxTokensLimiter(14)], [QUERY, INTROSPECTION]),
    "masking": (lambda _: [MaskErrors], [QUERY, ERRORS, OPERATIONS["invalid"]]),
    "masking some": (
        lambda _: [lambda: MaskErrors(lambda error: "meant" not in error.message, "Masked.")],
        [QUERY, ERRORS, OPERATIONS["cut short"]],
    ),
    "rules": (lambda _: [lambda: AddValidationRules([NoBroken])], [QUERY, ERRORS, ALIASES]),
    "rules and ours": (
        lambda _: [lambda: AddValidationRules([NoBroken])],
        [Operation('{ leaves(names: ["a"]) { broken colour } }')],
    ),
    "no introspection": (lambda _: [DisableIntrospection], [QUERY, INTROSPECTION]),
    "parser cache": (lambda _: [ParserCache], [QUERY, ERRORS, OPERATIONS["cut short"]]),
    "validation cache": (
        lambda _: [lambda: ValidationCache(maxsize=5)],
        [QUERY, OPERATIONS["invalid"], ERRORS],
    ),
    "no validation": (lambda _: [DisableValidation], [QUERY, ERRORS]),
    "pydantic": (lambda _: [PydanticErrorExtension], [QUERY, ERRORS]),
    "several": (
        lambda _: [
            MaskErrors,
            lambda: MaxTokensLimiter(100),
            lambda: QueryDepthLimiter(5),
            DisableIntrospection,
            ParserCache,
            lambda: ValidationCache(5),
        ],
        [QUERY, ERRORS, INTROSPECTION, OPERATIONS["cut short"]],
    ),
    "protector": (
        lambda _: [lambda: CustomGrapheneProtector(limits=LIMITS)],
        [QUERY, ERRORS, OPERATIONS["a mutation"]],
    ),
}


@pytest.mark.parametrize("transport", ["http", "websocket"])
@pytest.mark.parametrize("name", LIMITING)
async def test_extensions_that_limit_do_the_same(
    name: str, transport: str, sqlite_url: str, clock: MovedClock
) -> None:
    made, operations = LIMITING[name]
    for operation in operations:
        theirs, ours = await both(made, operation, transport, sqlite_url, clock)
        compare(theirs[0], ours[0])


@pytest.mark.parametrize("transport", ["websocket", "sse", "multipart"])
@pytest.mark.parametrize("name", LIMITING)
async def test_extensions_that_limit_do_the_same_for_subscriptions(
    name: str, transport: str, sqlite_url: str, clock: MovedClock
) -> None:
    made, _ = LIMITING[name]
    for asked in ("grown(to: 2) { name broken }", "a: grown(to: 2) { b: name c: name }"):
        operation = Operation(f"subscription {{ {asked} }}")
        theirs, ours = await both(made, operation, transport, sqlite_url, clock)
        compare(theirs[0], ours[0])


def compare(theirs: list[list[Any]], ours: list[list[Any]]) -> None:
    """Compare the answers, but for what ends an operation on a socket of Strawberry's before it is parsed."""
    if theirs[0] == []:
        # An error that `on_parse` raises ends an operation without a word on Strawberry's sockets.
        [said] = messages(ours)
        assert said.startswith("Syntax Error: ")
    elif "closed" in theirs[0][0]:
        # Strawberry closes the whole socket for a document that cannot be parsed.
        assert {each["reason"] for [each] in theirs} == messages(ours)
    else:
        assert ours == theirs


def messages(answers: list[list[Any]]) -> set[str]:
    return {error["message"] for [each] in answers for error in each["errors"]}


@pytest.mark.filterwarnings("ignore:Passing an extension instance:DeprecationWarning")
@pytest.mark.parametrize("transport", ["http", "websocket", "sse", "multipart"])
@pytest.mark.parametrize(
    "made",
    [
        lambda _: [MaxAliasesLimiter(1)],
        lambda _: [MaskErrors()],
        lambda record: [MaskErrors, recording(record, "instance ")()],
    ],
)
async def test_an_instance_that_all_requests_share_works_as_there(
    made: Made, transport: str, sqlite_url: str, clock: MovedClock
) -> None:
    grown = Operation("subscription { grown(to: 2) { name broken } }")
    # Strawberry's view takes no queries over multipart.
    operations = [] if transport == "multipart" else [QUERY, ALIASES, ERRORS]
    if transport != "http":
        operations.append(grown)
    for operation in operations:
        theirs, ours = await both(made, operation, transport, sqlite_url, clock)
        assert ours == theirs


def from_datadog(name: str) -> Made:
    def make(spans: Spans) -> list[Any]:
        module = "strawberry.extensions.tracing.datadog"
        with stand_in(datadog(spans)):
            sys.modules.pop(module, None)
            return [getattr(importlib.import_module(module), name)]

    return make


def profiled(spans: Spans) -> list[Any]:
    module = "strawberry.extensions.pyinstrument"
    with stand_in(pyinstrument(spans)):
        sys.modules.pop(module, None)
        made = importlib.import_module(module).PyInstrument
    return [lambda: made(report_path=Path("/dev/null"))]


def metered(spans: Spans) -> list[Any]:
    class Billing(AforoGraphQlBilling):
        def __init__(self) -> None:
            self.customer_id_extractor = lambda _context: "acme"

        def record(self, **said: Any) -> None:  # type: ignore[override]
            shown = ("query", "operation_name", "has_errors", "execution_status")
            spans.append(tuple(said[name] for name in shown))

    return [strawberry_extension(Billing())]


TRACING: dict[str, Made] = {
    "OpenTelemetry": lambda spans: [
        lambda: OpenTelemetryExtension(tracer_provider=Provider(spans))
    ],
    "OpenTelemetry, sync": lambda spans: [
        lambda: OpenTelemetryExtensionSync(tracer_provider=Provider(spans))
    ],
    "DataDog": from_datadog("DatadogTracingExtension"),
    "DataDog, sync": from_datadog("DatadogTracingExtensionSync"),
    "Sentry": lambda spans: [sentry(spans, is_async=True)],
    "Sentry, sync": lambda spans: [sentry(spans, is_async=False)],
    "pyinstrument": profiled,
    "Aforo": metered,
}


@pytest.mark.parametrize("transport", ["http", "websocket", "sse"])
@pytest.mark.parametrize("name", TRACING)
async def test_extensions_that_trace_see_the_same(
    name: str, transport: str, sqlite_url: str, clock: MovedClock
) -> None:
    operations = [QUERY, ERRORS, OPERATIONS["a mutation"]]
    if transport == "http":
        operations.append(OPERATIONS["invalid"])
    else:
        operations.append(Operation("subscription { grown(to: 2) { name broken } }"))
    for operation in operations:
        theirs, ours = await both(TRACING[name], operation, transport, sqlite_url, clock)
        assert ours == theirs
        assert ours[1]


@pytest.mark.parametrize("extension", [ApolloTracingExtension, ApolloTracingExtensionSync])
async def test_apollo_tracing_traces_the_same_fields(
    extension: type[SchemaExtension], sqlite_url: str, clock: MovedClock
) -> None:
    theirs, ours = await both(lambda _: [extension], QUERY, "http", sqlite_url, clock)
    assert [*without_times(ours[0])] == [*without_times(theirs[0])]


def without_times(answers: list[list[Any]]) -> Iterator[Any]:
    for [answer] in answers:
        tracing = answer["extensions"].pop("tracing")
        assert tracing["duration"] >= tracing["validation"]["duration"] >= 0
        resolvers = [
            {k: v for k, v in each.items() if k not in ("startOffset", "duration")}
            for each in tracing["execution"]["resolvers"]
        ]
        yield answer, sorted(resolvers, key=json.dumps), sorted(tracing)


async def test_a_document_is_validated_whatever_an_extension_says(
    sqlite_url: str, clock: MovedClock
) -> None:
    async with watchword_view(schema(DisableValidation), sqlite_url, clock) as view:
        [answer] = await view.ask(Operation("{ colour }"))
    assert answer["errors"][0]["message"] == "Cannot query field 'colour' on type 'Query'."
