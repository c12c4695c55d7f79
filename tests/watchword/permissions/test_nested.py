"""A type's permissions hold wherever its objects appear, and an interface's for all that implement it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
import strawberry
from strawberry import relay
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission, PermissionExtension

from tests.support.clock import MovedClock
from tests.support.toy_server import principal, toy_pipeline
from watchword.context import Context
from watchword.domain import Domain
from watchword.errors import Unsafe
from watchword.execution.engine import Engine
from watchword.execution.limits import Limits
from watchword.permissions.coverage import cover
from watchword.permissions.field import HasRole, HasScope, Public, SignedIn
from watchword.permissions.guarded import guarded_by
from watchword.permissions.nested import nested_fields
from watchword.principal import ANONYMOUS, Principal
from watchword.relay.connection import Connection


class OnFloor(BasePermission):
    """A permission of somebody else, whose objects differ."""

    message = "not on this floor"

    def __init__(self, floor: str = "first") -> None:
        self.floor = floor

    def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        return bool(self.floor in info.context.principal.grants.roles)


@strawberry.interface
class Room:
    number: int
    door: str | None = strawberry.field(permission_classes=[SignedIn], default="open")
    view: str | None = strawberry.field(
        extensions=[PermissionExtension([OnFloor("second")])], default="sea"
    )


@guarded_by(SignedIn)
@strawberry.type
class Office(Room):
    # They are written anew, without the permissions of the interface.
    door: str | None = "shut"
    view: str | None = strawberry.field(
        extensions=[PermissionExtension([OnFloor("first")])], default="yard"
    )


@guarded_by(HasScope("safes"))
@strawberry.type
class Safe:
    code: str | None = "1234"

    @strawberry.field
    async def weight(self, unit: str = "kg") -> str | None:
        return f"9 {unit}"

    @strawberry.field(permission_classes=[HasRole("admin")])
    def owner(self) -> str | None:
        return "us"


Thing = Annotated[Safe | Office, strawberry.union("Thing")]


@guarded_by(Public)
@strawberry.type
class Made:
    safe: Safe | None


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def safe(self) -> Safe | None:
        return Safe()

    @strawberry.field(permission_classes=[Public])
    def safes(self) -> list[Safe | None]:
        return [Safe(), Safe()]

    @strawberry.field(permission_classes=[Public])
    def thing(self) -> Thing | None:
        return Safe()

    @strawberry.field(permission_classes=[Public])
    def room(self) -> Room | None:
        return Office(number=3)


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[Public])
    def make(self) -> Made | None:
        return Made(safe=Safe())


NUMBER = Domain(permissions={"Office.number": [Public]})


def covered(domain: Domain = NUMBER) -> strawberry.Schema:
    schema = strawberry.Schema(Query, Mutation, types=[Office])
    cover(schema, domain)
    return schema


@strawberry.type
class Salary:
    amount: int
    currency: str


@strawberry.type
class Person:
    name: str = strawberry.field(permission_classes=[SignedIn])
    salary: Salary


@strawberry.type
class People:
    @strawberry.field(permission_classes=[SignedIn])
    def people(self) -> list[Person]:
        return []


@guarded_by(SignedIn)
@strawberry.type
class Ship(relay.Node):
    code: relay.NodeID[int]


@strawberry.type
class Ships:
    node: relay.Node = relay.node(permission_classes=[Public])

    @relay.connection(relay.ListConnection[Ship], permission_classes=[Public])
    def ships(self) -> list[Ship]:
        return []

    @strawberry.field(permission_classes=[Public])
    def pages(self) -> Connection[Ship] | None:
        return None


@guarded_by(Public)
@strawberry.type
class Boat:
    name: str


@strawberry.type
class Fleet(Connection[Boat]):
    worth: int


@strawberry.type
class Fleets:
    @strawberry.field(permission_classes=[Public])
    def ships(self) -> Fleet | None:
        return None


async def ask(clock: MovedClock, query: str, by: str | None) -> tuple[Any, list[str]]:
    """Ask interpreted, and twice compiled, as a member with these roles or scopes, or as nobody."""
    engine = Engine(covered(), Limits(1000, 10, 10, 1000), 10)
    answers = []
    async with toy_pipeline(clock) as (pipeline, _):
        for _ in range(3):
            who: Principal = ANONYMOUS if by is None else principal(by, clock.now())
            answer = await engine.execute(
                engine.plan(query, None), {}, Context(pipeline.services, who)
            )
            answers.append(
                (answer["data"], [each["extensions"]["code"] for each in answer.get("errors", ())])
            )
    assert answers[0] == answers[1] == answers[2]
    return answers[0]


@pytest.mark.parametrize(
    ("query", "allowed"),
    [
        ("{ safe { code weight } }", {"safe": {"code": "1234", "weight": "9 kg"}}),
        ("{ safes { code } }", {"safes": [{"code": "1234"}, {"code": "1234"}]}),
        ('{ thing { ... on Safe { weight(unit: "g") } } }', {"thing": {"weight": "9 g"}}),
        ("mutation { make { safe { code } } }", {"make": {"safe": {"code": "1234"}}}),
    ],
)
async def test_a_types_permission_is_asked_wherever_the_type_appears(
    query: str, allowed: Any, clock: MovedClock
) -> None:
    assert await ask(clock, query, "alice/safes") == (allowed, [])
    for by, code in ((None, "UNAUTHENTICATED"), ("alice", "FORBIDDEN")):
        data, codes = await ask(clock, query, by)
        assert "1234" not in str(data)
        assert "9 " not in str(data)
        assert set(codes) == {code}


async def test_a_field_asks_its_own_permissions_and_those_of_its_type(clock: MovedClock) -> None:
    query = "{ safe { owner } }"
    assert await ask(clock, query, "alice+admin/safes") == ({"safe": {"owner": "us"}}, [])
    for lacking in ("alice+admin", "alice/safes"):
        assert await ask(clock, query, lacking) == ({"safe": {"owner": None}}, ["FORBIDDEN"])


async def test_an_implementation_that_writes_a_field_anew_keeps_the_guard_of_its_interface(
    clock: MovedClock,
) -> None:
    query = "{ room { door view } }"
    assert await ask(clock, query, None) == (
        {"room": {"door": None, "view": None}},
        ["UNAUTHENTICATED"],
    )
    shut = {"room": {"door": "shut", "view": None}}
    assert await ask(clock, query, "alice+first") == (shut, ["FORBIDDEN"])
    assert await ask(clock, query, "alice+second") == (shut, ["FORBIDDEN"])
    seen = {"room": {"door": "shut", "view": "yard"}}
    assert await ask(clock, query, "alice+first+second") == (seen, [])


def test_covering_a_schema_again_adds_nothing() -> None:
    schema = covered()
    before = [each.lacks(()) for each in nested_fields(schema)]
    assert not any(before)


def test_each_field_that_nothing_says_anything_of_is_named_in_lines_that_can_be_pasted() -> None:
    schema = strawberry.Schema(People)
    with pytest.raises(Unsafe) as refused:
        cover(schema, Domain())
    said = str(refused.value)
    assert said.startswith("3 fields below the root do not say who may read them.")
    assert said.endswith(
        'permissions={\n    "Person.salary": [SignedIn],\n'
        '    "Salary": [SignedIn],  # amount, currency\n}\n'
        "WATCHWORD_COVERAGE=roots asks it of root fields only."
    )
    # The advice can be followed.
    pasted = said[said.index("{") : said.rindex("}") + 1]
    cover(schema, Domain(permissions=eval(pasted, {"SignedIn": SignedIn})))
    assert all(each.is_covered for each in nested_fields(schema))


@strawberry.type
class Salaries:
    @strawberry.field
    def first(self) -> Salary | None:
        return None

    @strawberry.field(permission_classes=[Public])
    def second(self) -> Salary | None:
        return None


@pytest.mark.parametrize("coverage", ["strict", "roots"])
def test_root_fields_are_named_in_lines_that_can_be_pasted_with_all_below_them(
    coverage: Literal["strict", "roots"],
) -> None:
    schema = strawberry.Schema(Salaries)
    with pytest.raises(Unsafe, match=r"^Salaries\.first: no permission is declared\.") as refused:
        cover(schema, Domain(), coverage)
    said = str(refused.value)
    pasted = said[said.index("{") : said.rindex("}") + 1]
    named = eval(pasted, {"SignedIn": SignedIn})
    assert [*named] == ["Salaries.first", *(["Salary"] if coverage == "strict" else [])]
    # The advice can be followed at once.
    cover(schema, Domain(permissions=named), coverage)


def test_the_structure_of_connections_is_covered_by_what_leads_to_it() -> None:
    schema = strawberry.Schema(Ships)
    cover(schema, Domain())
    assert {each.name for each in nested_fields(schema) if each.guard} == {"Ship.id"}


def test_a_field_that_a_connection_of_ones_own_adds_must_be_covered() -> None:
    with pytest.raises(Unsafe, match=r'\n    "Fleet\.worth": \[SignedIn\],\n\}'):
        cover(strawberry.Schema(Fleets), Domain())


def test_a_guarded_field_whose_function_was_replaced_is_refused() -> None:
    class Loud(FieldExtension):
        def resolve(self, next_: Any, source: Any, info: Any, **kwargs: Any) -> Any:
            return next_(source, info, **kwargs)

    schema = strawberry.Schema(Query, Mutation, types=[Office])
    schema._schema.type_map["Safe"].fields["code"].resolve = lambda *_: "1234"  # type: ignore[attr-defined]
    with pytest.raises(Unsafe, match=r"^Safe\.code: the function of the field was replaced"):
        cover(schema, NUMBER)
