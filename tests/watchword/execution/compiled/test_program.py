"""An operation is compiled at its second use, and gives the answers that graphql-core gives."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError

from tests.support.both_executions import LIMITS, SERVICES, Both
from watchword.context import Context, Info
from watchword.execution.compiled.program import MOST_VARIANTS, Program
from watchword.execution.engine import Engine
from watchword.permissions.field import Public
from watchword.principal import ANONYMOUS

log: list[str] = []


@strawberry.type
class Leaf:
    name: str
    note: str | None = None

    @strawberry.field
    def broken(self) -> str:
        raise ValueError(f"no {self.name}")

    @strawberry.field
    def torn(self) -> str | None:
        raise GraphQLError("torn", extensions={"code": "TORN"})

    @strawberry.field
    async def later(self) -> str:
        log.append(f"begin {self.name}")
        await asyncio.sleep(0)
        log.append(f"end {self.name}")
        return self.name

    @strawberry.field
    async def stays(self) -> str:
        begun = asyncio.current_task()
        await asyncio.sleep(0)
        log.append(f"ends in {'its own' if asyncio.current_task() is begun else 'another'} task")
        return self.name

    @strawberry.field
    async def broken_later(self) -> str:
        await asyncio.sleep(0)
        raise ValueError(f"late {self.name}")

    @strawberry.field
    def place(self, info: Info) -> str:
        return "/".join(map(str, info.path.as_list()))


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def leaf(self) -> Leaf | None:
        return Leaf(name="a")

    @strawberry.field(permission_classes=[Public])
    def leaves(self, count: int = 3) -> list[Leaf | None]:
        return [Leaf(name=str(number)) for number in range(count)]

    @strawberry.field(permission_classes=[Public])
    async def grove(self) -> list[list[Leaf]]:
        return [[Leaf(name="x")], [], [Leaf(name="y"), Leaf(name="z")]]

    @strawberry.field(permission_classes=[Public])
    def nothing(self) -> str:
        return None  # type: ignore[return-value]


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[Public])
    async def write(self, name: str) -> Leaf | None:
        log.append(f"write {name}")
        return Leaf(name=name)

    @strawberry.mutation(permission_classes=[Public])
    async def plant(self) -> Leaf:
        return Leaf(name="new")

    @strawberry.mutation(permission_classes=[Public])
    def tear(self) -> str:
        log.append("tear")
        raise ValueError("torn")


@pytest.fixture
def both() -> Both:
    return Both(Query, Mutation, log.clear)


async def test_fields_come_in_the_order_of_the_document_and_merged(both: Both) -> None:
    data, _ = await both.execute(
        "{ b: leaf { name } ...F __typename } fragment F on Query { a: leaf { note } b: leaf { note x: name } }"
    )
    assert list(data.items()) == [
        ("b", {"name": "a", "note": None, "x": "a"}),
        ("a", {"note": None}),
        ("__typename", "Query"),
    ]


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        ("{ leaf { name broken } leaves { name } }", [["leaf", "broken"]]),
        ("{ leaves { torn broken } }", [["leaves", 0, "torn"], ["leaves", 0, "broken"]]),
        ("{ grove { name broken } }", [["grove", 0, 0, "broken"]]),
        ("{ leaf { name } nothing }", [["nothing"]]),
        ("{ leaves { name brokenLater } }", [["leaves", 0, "brokenLater"]]),
        ("{ leaves { later brokenLater } leaf { broken } }", [["leaf", "broken"]]),
    ],
)
async def test_an_error_has_the_path_at_which_it_was_raised(
    both: Both, document: str, paths: list[Any]
) -> None:
    _, errors = await both.execute(document)
    assert [path for _, path, _, _, _ in errors][: len(paths)] == paths


async def test_all_items_of_a_list_begin_before_any_ends(both: Both) -> None:
    await both.execute("{ leaves { later } }")
    assert log == [f"{step} {number}" for step in ("begin", "end") for number in range(3)]


async def test_work_that_an_error_interrupts_ends_in_the_background(both: Both) -> None:
    data, _ = await both.execute("{ leaf { later broken } }")
    assert data == {"leaf": None}
    assert log == ["begin a", "end a"]


async def test_interrupted_work_has_one_task_when_the_error_goes_through_several_functions(
    both: Both,
) -> None:
    data, _ = await both.execute("mutation { plant { stays broken } }")
    assert data is None
    assert log == ["ends in its own task"]


async def test_mutations_run_one_after_the_other_until_one_fails(both: Both) -> None:
    document = 'mutation { a: write(name: "1") { later } tear b: write(name: "2") { name } }'
    data, errors = await both.execute(document)
    assert (data, len(errors)) == (None, 1)
    assert log == ["write 1", "begin 1", "end 1", "tear"]


async def test_info_knows_its_path(both: Both) -> None:
    data, _ = await both.execute("{ grove { place } leaf { here: place } }")
    assert data["grove"][2] == [{"place": "grove/2/0/place"}, {"place": "grove/2/1/place"}]
    assert data["leaf"] == {"here": "leaf/here"}


@pytest.mark.parametrize("skips", [True, False])
async def test_directives_leave_out_what_they_say(both: Both, skips: bool) -> None:
    document = "query($s: Boolean!) { leaf { name @skip(if: $s) note @include(if: $s) } }"
    data, _ = await both.execute(document, {"s": skips})
    assert data == {"leaf": {"note": None} if skips else {"name": "a"}}


async def test_introspection_is_left_to_graphql_core(both: Both) -> None:
    data, _ = await both.execute('{ __type(name: "Leaf") { name } }', falls_back="introspection")
    assert data == {"__type": {"name": "Leaf"}}


async def test_too_many_variants_are_left_to_graphql_core(both: Both) -> None:
    names = [f"v{number}" for number in range(5)]
    asked = " ".join(f"{name}: leaf {{ name @skip(if: ${name}) note }}" for name in names)
    document = f"query({', '.join(f'${name}: Boolean!' for name in names)}) {{ {asked} }}"
    for number in range(MOST_VARIANTS):
        values = {name: bool(number >> bit & 1) for bit, name in enumerate(names)}
        await both.execute(document, values)
    await both.execute(document, dict.fromkeys(names, True), falls_back="too many variants")


async def test_the_first_use_is_not_compiled() -> None:
    engine = Engine(strawberry.Schema(Query), LIMITS, 10)
    plan = engine.plan("{ leaf { name } }", None)
    for program in (type(None), Program):
        await engine.execute(plan, None, Context(SERVICES, ANONYMOUS))
        assert type(plan.program) is program
    assert not engine.fallbacks
