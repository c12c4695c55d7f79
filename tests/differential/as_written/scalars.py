"""Scalars: the built-in ones, one's own by decorator, NewType, `scalar_map` and `scalar_overrides`."""

from __future__ import annotations

import base64
import datetime
import decimal
import uuid
from typing import Any, NewType

import strawberry
from strawberry.scalars import JSON, Base16, Base32, Base64
from strawberry.schema.config import StrawberryConfig

from tests.differential.as_written.page import Page
from tests.support.strawberry_view import Operation

Secret = NewType("Secret", bytes)
BigInt = NewType("BigInt", int)
Currency = NewType("Currency", decimal.Decimal)


class Point:
    def __init__(self, x: int, y: int) -> None:
        self.x, self.y = x, y


def _read_point(value: Any) -> Point:
    x, _, y = str(value).partition(",")
    return Point(int(x), int(y))


_UTC = datetime.UTC
_CONFIG = StrawberryConfig(
    scalar_map={
        Secret: strawberry.scalar(
            name="Secret",
            description="Bytes, in base 64.",
            specified_by_url="https://www.rfc-editor.org/rfc/rfc4648",
            serialize=lambda value: base64.b64encode(value).decode(),
            parse_value=lambda value: Secret(base64.b64decode(value)),
        ),
        BigInt: strawberry.scalar(name="BigInt", serialize=int, parse_value=int),
        Currency: strawberry.scalar(
            name="Currency",
            serialize=lambda value: str(value.quantize(decimal.Decimal("0.01"))),
            parse_value=lambda value: Currency(decimal.Decimal(value)),
        ),
        Point: strawberry.scalar(
            name="Point",
            serialize=lambda value: f"{value.x},{value.y}",
            parse_value=_read_point,
            parse_literal=lambda node, variables=None: _read_point(node.value),
        ),
    }
)
_EPOCH = strawberry.scalar(
    name="DateTime",
    serialize=lambda value: int(value.timestamp()),
    parse_value=lambda value: datetime.datetime.fromtimestamp(int(value), _UTC),
)


@strawberry.type
class Everything:
    date: datetime.date = datetime.date(2020, 2, 29)
    time: datetime.time = datetime.time(12, 30, 5)
    delta: decimal.Decimal = decimal.Decimal("1.10")
    key: uuid.UUID = uuid.UUID(int=7)
    nothing: None = None
    json: JSON = strawberry.field(default_factory=lambda: {"a": [1, {"b": None}]})
    base16: Base16 = Base16(b"hi")
    base32: Base32 = Base32(b"hi")
    base64: Base64 = Base64(b"hi")
    secret: Secret = Secret(b"hi")
    big: BigInt = BigInt(2**53 + 1)
    price: Currency = Currency(decimal.Decimal("19.9"))
    moment: datetime.datetime = datetime.datetime(2020, 1, 1, tzinfo=_UTC)


@strawberry.type
class Query:
    @strawberry.field
    def everything(self) -> Everything:
        return Everything()

    @strawberry.field
    def moved(self, point: Point, by: int = 1) -> Point:
        return Point(point.x + by, point.y)

    @strawberry.field
    def points(self, points: list[Point | None]) -> list[Point | None]:
        return points

    @strawberry.field
    def secret(self, secret: Secret) -> str:
        return secret.decode()

    @strawberry.field
    def big(self, number: BigInt) -> BigInt:
        return BigInt(number * 2)

    @strawberry.field
    def later(self, at: datetime.datetime, days: int = 1) -> datetime.datetime:
        return at + datetime.timedelta(days=days)

    @strawberry.field
    def week(self, date: datetime.date, time: datetime.time | None = None) -> datetime.date:
        return date + datetime.timedelta(weeks=1)

    @strawberry.field
    def sum(self, numbers: list[decimal.Decimal]) -> decimal.Decimal:
        return sum(numbers, decimal.Decimal(0))

    @strawberry.field
    def same(self, json: JSON, id: uuid.UUID | None = None) -> JSON:
        return json

    @strawberry.field
    def floats(self) -> list[float]:
        return [1, 2.5, 1e300]

    @strawberry.field
    def void(self) -> None:
        return None

    @strawberry.field
    def encoded(self, a: Base16, b: Base32, c: Base64) -> str:
        return repr((a, b, c))


schema = strawberry.Schema(Query, config=_CONFIG, scalar_overrides={datetime.datetime: _EPOCH})

_ALL = "date time delta key nothing json base16 base32 base64 secret big price moment"

PAGE = Page(
    "scalars",
    schema,
    (
        Operation(f"{{ everything {{ {_ALL} }} }}"),
        Operation('{ moved(point: "1,2") }'),
        Operation("query ($p: Point!) { moved(point: $p, by: 3) }", {"p": "4,5"}),
        Operation("query ($p: Point!) { moved(point: $p) }", {"p": "here"}),
        Operation('{ points(points: ["1,1", null]) }'),
        Operation("query ($p: [Point]!) { points(points: $p) }", {"p": ["1,1", None, "2,2"]}),
        Operation('{ secret(secret: "aGk=") }'),
        Operation("query ($s: Secret!) { secret(secret: $s) }", {"s": "aGk="}),
        Operation("query ($s: Secret!) { secret(secret: $s) }", {"s": 4}),
        Operation("query ($n: BigInt!) { big(number: $n) }", {"n": 2**53 + 1}),
        Operation("{ big(number: 3000000000) }"),
        Operation("{ later(at: 0) }"),
        Operation("query ($a: DateTime!) { later(at: $a) }", {"a": 86400}),
        Operation('{ week(date: "2020-02-28", time: "10:00") }'),
        Operation("query ($d: Date!) { week(date: $d) }", {"d": "2020-13-01"}),
        Operation("query ($d: Date!) { week(date: $d) }", {"d": 5}),
        Operation('{ sum(numbers: ["1.1", "2.20"]) }'),
        Operation("query ($n: [Decimal!]!) { sum(numbers: $n) }", {"n": ["0.1", "0.2"]}),
        Operation("query ($n: [Decimal!]!) { sum(numbers: $n) }", {"n": ["one"]}),
        Operation('{ same(json: {a: [1, 2.5, "x", null, true]}) }'),
        Operation("query ($x: Int) { same(json: {a: $x}) }", {"x": 3}),
        Operation("query ($j: JSON!) { same(json: $j) }", {"j": {"deep": [{"er": 1}]}}),
        Operation("query ($u: UUID) { same(json: 1, id: $u) }", {"u": "no"}),
        Operation("{ floats void }"),
        Operation('{ encoded(a: "6869", b: "NBUQ====", c: "aGk=") }'),
        Operation('{ __type(name: "Secret") { description specifiedByURL } }'),
    ),
)
