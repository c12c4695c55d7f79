"""A resolver is called with the arguments that Strawberry would give it."""

from __future__ import annotations

import datetime
import enum
from typing import Any

import pytest
import strawberry
from strawberry import relay
from strawberry.scalars import JSON

from tests.support.both_executions import Both
from watchword.context import Info
from watchword.execution.compiled.fields import arguments
from watchword.permissions.field import Public, SignedIn


@strawberry.enum
class Kind(enum.Enum):
    SMALL = "small"
    LARGE = "large"


@strawberry.input
class Point:
    x: int
    y: float | None = 1.5
    tags: list[str] = strawberry.field(default_factory=lambda: ["a"])


@strawberry.input(one_of=True)
class Either:
    a: strawberry.Maybe[int]
    b: strawberry.Maybe[str]


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def scalars(
        self,
        info: Info,
        i: int = 3,
        f: float | None = None,
        s: str | None = "d",
        id: strawberry.ID | None = None,
        b: bool | None = strawberry.UNSET,
        k: Kind = Kind.SMALL,
        camel_case: int | None = None,
    ) -> str:
        return f"{i!r} {f!r} {s!r} {id!r} {b!r} {k!r} {camel_case!r} {info.field_name}"

    @strawberry.field(permission_classes=[Public])
    async def needed(self, i: int, s: str) -> str:
        return f"{i} {s}"

    @strawberry.field(permission_classes=[Public])
    def others(
        self,
        p: Point | None = None,
        ps: list[Point] | None = None,
        e: Either | None = None,
        d: datetime.date | None = None,
        j: JSON | None = None,
        m: strawberry.Maybe[int | None] = None,
        words: list[str] | None = None,
    ) -> str | None:
        if words:
            words.append("changed")
        return f"{p} {ps} {e} {d} {j} {m} {words}"

    @strawberry.field(permission_classes=[SignedIn])
    def named(self, id: relay.GlobalID) -> str | None:
        return str(id)

    @strawberry.field(permission_classes=[SignedIn])
    async def named_later(self, id: relay.GlobalID) -> str | None:
        return str(id)


@strawberry.type
class Given:
    given: str


@strawberry.type
class Filtered:
    @strawberry.field(permission_classes=[Public])
    def plain(self, p: Point | None, d: datetime.date | None = None) -> Given:
        return Given(given=f"{p} {d}")


CASES: list[tuple[str, dict[str, Any] | None]] = [
    ("{ scalars }", None),
    (
        '{ scalars(i: 4, f: 2, s: null, id: 7, b: false, k: LARGE, camelCase: 1) needed(i: 1, s: "")}',
        None,
    ),
    ("query($i: Int! = 9, $s: String, $k: Kind!) { scalars(i: $i, s: $s, k: $k) }", {"k": "LARGE"}),
    ("query($s: String, $b: Boolean) { scalars(s: $s, b: $b) }", {"s": None, "b": True}),
    ("query($f: Float, $id: ID) { scalars(f: $f, id: $id) }", {"f": 3, "id": 5}),
    ("query($i: Int = 4) { scalars(i: $i) }", {"i": None}),
    ('query($i: Int = 4) { needed(i: $i, s: "x") scalars }', {"i": None}),
    ("query($x: Int!) { others(p: {x: $x}, ps: [{x: 1, y: null}, {x: $x, tags: []}]) }", {"x": 2}),
    ('{ others(e: {a: 1}, d: "2020-01-02", j: {a: [1]}, m: null, words: ["w"]) }', None),
    ("query($e: Either, $p: [Point!]) { others(e: $e, ps: $p) }", {"e": {"b": "x"}, "p": {"x": 1}}),
    ('{ a: others(words: ["w"]) b: others(words: ["w"]) }', None),
    ("query($w: [String!]) { a: others(words: $w) }", {"w": ["w"]}),
    ("{ others }", None),
    ("{ others(p: null, ps: null, e: null, d: null, j: null, words: null) }", None),
    ("query($s: String) { scalars(s: $s) others(p: null) }", {"s": "x"}),
    ('{ named(id: "no") namedLater(id: "no") scalars }', None),
    ('{ named(id: "SXRlbTox") namedLater(id: "SXRlbTox") }', None),
]


@pytest.mark.parametrize(("document", "variables"), CASES)
async def test_arguments_arrive_as_they_do_otherwise(
    document: str, variables: dict[str, Any] | None
) -> None:
    await Both(Query).execute(document, variables)


async def test_arguments_that_are_absent_or_null_are_not_made_anew_whatever_their_type(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("graphql-core was asked for the arguments")

    monkeypatch.setattr(arguments, "get_argument_values", fail)
    document = "{ plain(p: null) { given } }"
    data, errors = await Both(Filtered).execute(document, None)
    assert (data, errors) == ({"plain": {"given": "None None"}}, [])


async def test_a_changed_list_is_new_for_the_next_execution() -> None:
    both = Both(Query)
    for _ in range(2):
        data, _ = await both.execute('{ others(words: ["w"]) }')
        assert data["others"].endswith("['w', 'changed']")
