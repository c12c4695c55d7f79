"""A large schema, made from a seed, with a mark in the value of each guarded field.

A value is made of the marks of all guarded fields on the way to it. So whoever gets the value of a field that is open, on
an object of a field that is not, gets the mark of that one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from random import Random
from typing import Annotated, Any, Union

import strawberry
from strawberry.schema.config import StrawberryConfig

from tests.secrets import ways
from tests.secrets.rules import ROLES, Marked, drawn, marks
from watchword import Domain, Public, guarded_by

SEED = 20261130
LAYERS, WIDTH, SCALARS = 4, 15, 5
OPEN_SHARE, TYPE_SHARE = 0.25, 0.3


dice = Random(SEED)


def _made(target: type) -> Callable[[str], Any]:
    return lambda way: target(way=way)


def _resolver(result: Any, make: Callable[[str], Any], mark: str, kind: str) -> Any:
    def plain(self: Any) -> Any:
        return make(getattr(self, "way", "") + mark)

    async def later(self: Any) -> Any:
        return make(getattr(self, "way", "") + mark)

    def fails(self: Any) -> Any:
        raise ValueError(getattr(self, "way", "") + mark)

    made = {"plain": plain, "later": later, "fails": fails}[kind]
    made.__annotations__ = {"return": result}
    return made


def _field(
    owner: str, name: str, result: Any, make: Callable[[str], Any], asks: list[Marked]
) -> Any:
    """Return a field that asks the rules of its type, `asks`, and perhaps one of its own."""
    is_open = dice.random() < OPEN_SHARE
    own = [] if is_open else [drawn(dice)]
    mark = marks.add(f"{owner}.{name}", [*asks, *own]) if own or asks else ""
    kind = dice.choices(("plain", "later", "fails"), (6, 3, 1))[0]
    permissions = [rule.permission for rule in own] or [Public]
    resolver = _resolver(result, make, mark, kind)
    return strawberry.field(resolver=resolver, permission_classes=permissions)


SCALAR = (
    (str | None, lambda way: way),
    (str, lambda way: way),
    (list[str] | None, lambda way: [way, way]),
    (list[list[str | None]] | None, lambda way: [[way, None], [way]]),
    (strawberry.ID | None, lambda way: strawberry.ID(way)),
)


def _links(targets: list[type]) -> list[tuple[Any, Callable[[str], Any]]]:
    """Return results of fields with objects: one, perhaps none, a list, an interface, and a union."""
    if not targets:
        return []
    kinds = dice.sample(targets, 2)
    (one, two), (first, second) = kinds, map(_made, kinds)
    some = f"Union{dice.getrandbits(40):x}"
    union = Annotated[Union[one, two], strawberry.union(some)]  # noqa: UP007 - made while it runs
    return [
        (one | None, first),
        (two | None, second),
        (list[one] | None, lambda way: [first(way), first(way)]),  # type: ignore[valid-type]
        (list[Named | None] | None, lambda way: [first(way), None, second(way)]),
        (list[union], lambda way: [second(way), first(way)]),  # type: ignore[valid-type]
    ]


LABEL = Marked("scope", ("s:read",))
NAMED = Marked("or", (LABEL, Marked("scope", ("s:audit",))))


@guarded_by(NAMED.permission)
@strawberry.interface
class Named:
    """What every type is. `way` has the marks of the way to the object."""

    way: strawberry.Private[str]

    @strawberry.field(permission_classes=[LABEL.permission])
    def label(self) -> str:
        return self.way + LABELS[type(self).__name__]


LABELS: dict[str, str] = {}


def _type(name: str, targets: list[type]) -> type:
    own = [drawn(dice)] if dice.random() < TYPE_SHARE else []
    asks = [NAMED, *own]
    LABELS[name] = marks.add(f"{name}.label", [*asks, LABEL])
    content = [dice.choice(SCALAR) for _ in range(SCALARS)] + _links(targets)
    names = [f"f{number}" for number in range(len(content))]
    members = {
        each: _field(name, each, result, make, asks)
        for each, (result, make) in zip(names, content, strict=True)
    }
    made: type = strawberry.type(type(name, (Named,), members))
    return guarded_by(*(rule.permission for rule in own))(made) if own else made


def _root(name: str, targets: list[type], members: dict[str, Any]) -> type:
    for number, target in enumerate(targets):
        members[f"r{number}"] = _field(name, f"r{number}", target | None, _made(target), [])
        some = list[target | None] | None  # type: ignore[valid-type]
        one = _made(target)
        members[f"l{number}"] = _field(
            name, f"l{number}", some, lambda way, one=one: [one(way), one(way)], []
        )
    return strawberry.type(type(name, (), members))


def _events(target: type) -> Any:
    async def events(self: Any) -> AsyncIterator[Any]:
        for _ in range(2):
            yield target(way="")

    events.__annotations__ = {"return": AsyncIterator[target]}  # type: ignore[valid-type]
    return strawberry.subscription(resolver=events, permission_classes=[Public])


below: list[type] = []
for layer in reversed(range(LAYERS)):
    below = [_type(f"Layer{layer}Type{number}", below) for number in range(WIDTH)]
subscriptions = {f"e{number}": _events(target) for number, target in enumerate(below)}
schema = strawberry.Schema(
    _root("Query", below, ways.fields()),
    _root("Mutation", below, {}),
    strawberry.type(type("Subscription", (), subscriptions)),
    types=[ways.Ship],
    config=StrawberryConfig(
        batching_config={"max_operations": 3}, enable_experimental_incremental_execution=True
    ),
)
domain = Domain(roles=ROLES)
