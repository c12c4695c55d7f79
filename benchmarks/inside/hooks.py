"""Measures what each hook of a schema extension costs: `python -m benchmarks.inside.hooks`.

The same compiled operations run on schemas that differ only in one extension, whose hook does nothing, in turns: a query
of one field, a list of 100 rows with four fields, and an event of a subscription. What is printed is the least time that
one execution took without an extension, and what each extension adds to it, in microseconds. Nothing but the engine
takes part: no socket, no token, no shared answer.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import strawberry
from strawberry.directive import DirectiveLocation, DirectiveValue
from strawberry.extensions import SchemaExtension

from benchmarks.inside.rounds import Run, rounds
from watchword import Public
from watchword.app import make_services
from watchword.config.settings import Settings
from watchword.context import Context, Services
from watchword.domain import Domain
from watchword.execution.engine import Engine
from watchword.execution.limits import Limits
from watchword.principal import ANONYMOUS
from watchword.process.clock import SystemClock

LIMITS = Limits(tokens=1_000, depth=10, aliases=10, cost=10_000)
ROWS = 100
SMALL, LIST = "{ hello }", "{ rows { a b c d } }"
DIRECTED = "{ rows { a @same b @same c @same d @same } }"
EVENT = "subscription { ticks { a } }"
# Executions in a round of each.
BURST = {SMALL: 200, LIST: 10, EVENT: 200}


@strawberry.type
class Row:
    a: int = 1
    b: str = "b"
    c: bool = True
    d: float = 1.5


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def hello(self) -> str:
        return "hello"

    @strawberry.field(permission_classes=[Public])
    def rows(self) -> list[Row]:
        return [Row() for _ in range(ROWS)]


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def ticks(self) -> AsyncIterator[Row]:
        row = Row()
        while True:
            yield row


@strawberry.directive(locations=[DirectiveLocation.FIELD], name="same")
def same(value: DirectiveValue[Any]) -> Any:
    return value


def around(self: SchemaExtension) -> Iterator[None]:
    yield


async def around_later(self: SchemaExtension) -> AsyncIterator[None]:
    yield


def resolve(self: SchemaExtension, _next: Any, *parts: Any, **arguments: Any) -> Any:
    return _next(*parts, **arguments)


async def resolve_later(self: SchemaExtension, _next: Any, *parts: Any, **arguments: Any) -> Any:
    return _next(*parts, **arguments)


def get_results(self: SchemaExtension) -> dict[str, Any]:
    return {}


async def get_results_later(self: SchemaExtension) -> dict[str, Any]:
    return {}


def around_result(self: SchemaExtension, result: object) -> Iterator[None]:
    yield


HOOKS: dict[str, dict[str, Any]] = {
    "an extension without hooks": {},
    "on_operation": {"on_operation": around},
    "on_operation, async": {"on_operation": around_later},
    "on_parse": {"on_parse": around},
    "on_validate": {"on_validate": around},
    "on_execute": {"on_execute": around},
    "get_results": {"get_results": get_results},
    "get_results, async": {"get_results": get_results_later},
    "on_stream_result": {"on_stream_result": around_result},
    "resolve": {"resolve": resolve},
    "resolve, async": {"resolve": resolve_later},
}
NONE, DIRECTIVE = "no extension", "an operation directive"


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inside.hooks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        asyncio.run(_measure(Path(home), options.rounds))


async def _measure(home: Path, count: int) -> None:
    services = make_services(Settings(home=home, _env_file=None), SystemClock(), Domain())
    taken = {query: await _taken(services, query, count) for query in BURST}
    print(f"{'':28}{'one field':>12}{f'{ROWS} rows':>12}{'an event':>12}")
    for name in (NONE, *HOOKS, DIRECTIVE):
        cells = (_cell(each, name) for each in taken.values())
        print(f"{name:28}{''.join(f'{cell:>12}' for cell in cells)}")


def _cell(taken: dict[str, float], name: str) -> str:
    if name not in taken:
        return ""
    return f"{taken[name]:.1f}" if name == NONE else f"{taken[name] - taken[NONE]:+.1f}"


async def _taken(services: Services, query: str, count: int) -> dict[str, float]:
    """Return the least microseconds of one execution with each extension."""
    extensions: dict[str, list[Any]] = {NONE: []}
    for name, hooks in HOOKS.items():
        extensions[name] = [type("Extension", (SchemaExtension,), hooks)]
    runs = {name: await _run(services, query, given) for name, given in extensions.items()}
    if query == LIST:
        runs[DIRECTIVE] = await _run(services, DIRECTED, [])
    taken = await rounds(runs, BURST[query], count)
    return {name: min(seconds) * 1e6 for name, seconds in taken.items()}


async def _run(services: Services, query: str, extensions: list[Any]) -> Run:
    """Return what executes an operation once, or answers one event. It was executed before, so it is compiled."""
    schema = strawberry.Schema(Query, None, Subscription, directives=[same], extensions=extensions)
    engine = Engine(schema, LIMITS, 10)

    async def run() -> None:
        plan = engine.plan(query, None)
        answer = await engine.execute(plan, None, Context(services, ANONYMOUS))
        if "errors" in answer:
            raise RuntimeError(answer)

    run_event = await _answering(engine, services, query) if query == EVENT else run
    for _ in range(5):
        await run_event()
    if engine.fallbacks:
        raise RuntimeError(f"not compiled: {engine.fallbacks}")
    return run_event


async def _answering(engine: Engine, services: Services, query: str) -> Run:
    context = Context(services, ANONYMOUS)
    source = await engine.subscribe(engine.plan(query, None), None, context)
    event = await source.pull()

    async def run() -> None:
        answer = source.answer(event, context)
        if not isinstance(answer, dict):
            answer = await answer
        if "errors" in answer:
            raise RuntimeError(answer)

    return run


if __name__ == "__main__":
    main()
