"""Inputs: `Maybe`, `Some` and UNSET, `oneOf`, defaults of every kind, arguments with names of their own, ids."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from typing import Annotated

import strawberry
from strawberry.schema_directives import OneOf

from tests.differential.as_written.page import Page
from tests.support.strawberry_view import Operation


@strawberry.enum
class Size(enum.Enum):
    SMALL = 1
    LARGE = 2


@strawberry.input
class Tag:
    name: str
    weight: float = 1.0


@strawberry.input
class Change:
    name: strawberry.Maybe[str]
    phone: strawberry.Maybe[str | None]
    tags: strawberry.Maybe[list[Tag] | None]
    size: strawberry.Maybe[Size | None]
    nickname: str | None = strawberry.UNSET
    age: int | None = None


@strawberry.input(one_of=True)
class Search:
    id: strawberry.Maybe[strawberry.ID]
    name: strawberry.Maybe[str]
    tag: strawberry.Maybe[Tag]


@strawberry.input(directives=[OneOf()])
class OlderSearch:
    id: strawberry.ID | None = strawberry.UNSET
    name: str | None = strawberry.UNSET


@strawberry.input
class Options:
    since: datetime.date = datetime.date(2020, 1, 1)
    sizes: list[Size] = dataclasses.field(default_factory=lambda: [Size.SMALL])
    tag: Tag = strawberry.field(default_factory=lambda: Tag(name="plain"))
    per_page: int = strawberry.field(name="limit", default=20, description="Things on a page.")
    old: str | None = strawberry.field(default=None, deprecation_reason="Nobody reads it.")


@strawberry.type
class Query:
    @strawberry.field
    def change(self, change: Change) -> list[str]:
        return [repr(getattr(change, each.name)) for each in dataclasses.fields(change)]

    @strawberry.field
    def maybe(self, word: strawberry.Maybe[str | None] = None) -> str:
        return repr(word)

    @strawberry.field
    def search(self, by: Search) -> str:
        return f"{by.id!r} {by.name!r} {by.tag!r}"

    @strawberry.field
    def older_search(self, by: OlderSearch) -> str:
        return f"{by.id!r} {by.name!r}"

    @strawberry.field
    def options(
        self, options: Options | None = None, sizes: list[Size | None] | None = None
    ) -> str:
        return f"{options!r} {sizes!r}"

    @strawberry.field
    def unset(self, word: str | None = strawberry.UNSET, number: int = 7) -> str:
        return f"{word!r} {number}"

    @strawberry.field
    def renamed(
        self,
        in_: Annotated[str, strawberry.argument(name="in", description="A keyword of Python.")],
        old: Annotated[int, strawberry.argument(deprecation_reason="Use in.")] = 0,
    ) -> str:
        return f"{in_} {old}"

    @strawberry.field
    def ids(
        self, id: strawberry.ID, others: list[strawberry.ID] | None = None
    ) -> list[strawberry.ID]:
        assert isinstance(id, str)
        return [id, *(others or [])]

    @strawberry.field
    def nested(self, tags: list[list[Tag]]) -> str:
        return repr(tags)


schema = strawberry.Schema(Query)

_CHANGE = "query ($change: Change!) { change(change: $change) }"
_SEARCH = "query ($by: Search!) { search(by: $by) }"
_OPTIONS = "query ($o: Options, $s: [Size]) { options(options: $o, sizes: $s) }"

PAGE = Page(
    "inputs",
    schema,
    (
        *(
            Operation(_CHANGE, {"change": change})
            for change in (
                {},
                {"name": "Ann"},
                {"name": None},
                {"phone": None, "nickname": None},
                {"phone": "1", "nickname": "A", "age": 3, "size": "LARGE"},
                {"tags": [{"name": "a"}, {"name": "b", "weight": 2}]},
                {"tags": None, "size": None},
                {"size": "HUGE"},
                {"color": "red"},
            )
        ),
        Operation("{ change(change: {name: null}) }"),
        Operation('{ change(change: {phone: null, tags: [{name: "x"}]}) }'),
        Operation('{ a: maybe b: maybe(word: null) c: maybe(word: "w") }'),
        Operation("query ($w: String) { maybe(word: $w) }"),
        Operation("query ($w: String) { maybe(word: $w) }", {"w": None}),
        *(
            Operation(_SEARCH, {"by": by})
            for by in (
                {"id": 5},
                {"name": "Ann"},
                {"tag": {"name": "t"}},
                {},
                {"id": "1", "name": "Ann"},
                {"name": None},
            )
        ),
        Operation('{ search(by: {id: "1", name: "Ann"}) }'),
        Operation('{ search(by: {name: "Ann"}) }'),
        Operation("query ($n: String!) { search(by: {name: $n}) }", {"n": "Ann"}),
        Operation('{ olderSearch(by: {id: "1", name: "Ann"}) }'),
        Operation("{ olderSearch(by: {id: 4}) }"),
        Operation("query ($by: OlderSearch!) { olderSearch(by: $by) }", {"by": {"name": "Ann"}}),
        Operation(_OPTIONS),
        Operation(_OPTIONS, {"o": {}, "s": ["SMALL", None]}),
        Operation(_OPTIONS, {"o": {"since": "2021-02-03", "sizes": ["LARGE"], "limit": 5}}),
        Operation(_OPTIONS, {"o": {"since": "yesterday"}}),
        Operation(_OPTIONS, {"o": {"tag": {"name": "t", "weight": 3}, "old": "x"}, "s": []}),
        Operation('{ a: unset b: unset(word: null) c: unset(word: "w", number: 1) }'),
        Operation("query ($w: String, $n: Int! = 3) { unset(word: $w, number: $n) }"),
        Operation('{ renamed(in: "x") }'),
        Operation("query ($i: String!) { renamed(in: $i, old: 4) }", {"i": "y"}),
        Operation("query ($i: String!) { renamed(in: $i) }"),
        Operation('{ a: ids(id: 7) b: ids(id: "7", others: [1, "2"]) }'),
        Operation("query ($id: ID!) { ids(id: $id) }", {"id": 12}),
        Operation("query ($id: ID!) { ids(id: $id) }", {"id": 1.5}),
        Operation('{ nested(tags: [[{name: "a"}], {name: "b"}]) }'),
        Operation("query ($t: [[Tag!]!]!) { nested(tags: $t) }", {"t": [[{"name": "a"}], []]}),
        Operation('{ __type(name: "Search") { isOneOf inputFields { name defaultValue } } }'),
    ),
)
