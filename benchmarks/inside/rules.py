"""Measures what permissions, limits and hidden introspection add to a list query: `python -m benchmarks.inside.rules`.

The same list of 100 rows with six fields is asked of four apps in turns, from the request that was read to the JSON of
its answer; no socket and no token takes part. `bare` has no permission, and its plan is run without asking for limits, places or
budgets. `permissions` has two on each field, and one on the type. `limits` has those too, and the cost of the page by a variable,
a place among the open operations, and budgets of a principal and a client. `hidden` hides from introspection what a
token does not reach. What is printed is the median of the rounds: the time of `bare`, and what each adds to it. Then one
of the fields is denied to the caller; `hidden` refuses such a document, and is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import strawberry

from benchmarks.inside.rounds import Run, rounds
from watchword import Domain, HasScope, Public, SignedIn, guarded_by
from watchword.app import create_app
from watchword.config.settings import Settings
from watchword.context import Context
from watchword.domain import Mount
from watchword.execution.masking import to_json
from watchword.principal import Grants, Principal
from watchword.process.clock import SystemClock
from watchword.transports.pipeline import Pipeline
from watchword.transports.request import GraphQLRequest

ROWS, FIELDS = 100, 6
OPEN = ("bare", "permissions", "limits", "hidden")
DENIED = OPEN[:3]
QUERY = f"query List($first: Int!) {{ rows(first: $first) {{ {' '.join(f'f{n}' for n in range(FIELDS))} }} }}"
VARIABLES = {"first": ROWS}
HERE = "192.0.2.1"
# Executions of each app in a round.
BURST = 20
SCOPES = ("rows:read", "rows:more")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inside.rules", description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        for title, scopes, names in (
            ("all open", SCOPES, OPEN),
            ("one denied", SCOPES[:1], DENIED),
        ):
            taken = asyncio.run(measure(Path(home), names, scopes, options.rounds))
            print(f"{title}: bare {statistics.median(taken['bare']) * 1e6:.0f} µs")
            for name in names[1:]:
                print(f"  {name:12} {added(taken, name):+.1%}")


def added(taken: dict[str, list[float]], name: str) -> float:
    """Return what an app adds to the time of the bare one, as a part of it: the median of all rounds."""
    pairs = zip(taken[name], taken["bare"], strict=True)
    return statistics.median(time / bare for time, bare in pairs) - 1


async def measure(
    home: Path, names: tuple[str, ...], scopes: tuple[str, ...], count: int
) -> dict[str, list[float]]:
    """Return the processor times of one execution of each app, in seconds, by round."""
    principal = Principal("ada", Grants(frozenset(), frozenset(scopes)), client="shop")
    runs = {name: _run(_pipeline(home, name), name, principal) for name in names}
    return await rounds(runs, BURST, count)


def _pipeline(home: Path, name: str) -> Pipeline:
    budgets: dict[str, Any] = {"budget_per_principal": 10**9, "budget_per_client": 10**9}
    settings = Settings(
        home=home,
        introspection="hidden" if name == "hidden" else "shown",
        coverage="roots" if name == "bare" else "strict",
        shared_answers_bytes=0,
        _env_file=None,
        **(budgets if name in ("limits", "hidden") else {}),
    )
    mount = Mount(_schema(is_guarded=name != "bare"), Domain())
    return create_app(settings, mount, SystemClock()).pipeline


def _run(pipeline: Pipeline, name: str, principal: Principal) -> Run:
    request = GraphQLRequest(QUERY, None, VARIABLES, None)

    async def execute(plan: Any) -> bytes:
        context = Context(pipeline.services, principal)
        return to_json(await pipeline.engine.execute(plan, VARIABLES, context))

    async def unlimited() -> bytes:
        return await execute(pipeline.engine.plan(QUERY, None, principal))

    async def limited() -> bytes:
        plan = pipeline.plan(request, principal, HERE)
        with pipeline.operations.take(HERE, principal.subject):
            return await execute(plan)

    return unlimited if name in ("bare", "permissions") else limited


@cache
def _schema(*, is_guarded: bool) -> strawberry.Schema:
    row = _row(is_guarded=is_guarded)

    def rows(first: int) -> list[Any]:
        return [row() for _ in range(first)]

    rows.__annotations__["return"] = list[row]  # type: ignore[valid-type]
    field = strawberry.field(resolver=rows, permission_classes=[Public])
    return strawberry.Schema(strawberry.type(type("Query", (), {"rows": field})))


def _row(*, is_guarded: bool) -> type:
    """Return the type of rows. The last of its fields needs the second scope, if it is guarded."""
    fields: dict[str, Any] = {"__annotations__": {f"f{n}": int | None for n in range(FIELDS)}}
    for n in range(FIELDS):
        scope = HasScope(SCOPES[n == FIELDS - 1])
        classes: list[Any] = [SignedIn, scope] if is_guarded else []
        fields[f"f{n}"] = strawberry.field(default=n, permission_classes=classes)
    made: type = strawberry.type(type("Row", (), fields))
    return guarded_by(HasScope(SCOPES[0]))(made) if is_guarded else made


if __name__ == "__main__":
    main()
