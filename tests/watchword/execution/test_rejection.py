"""With `refusals=reject`, an operation with a field that grants deny is refused before anything of it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import strawberry
from strawberry.permission import PermissionExtension

from watchword.context import Context, Services
from watchword.errors import Forbidden
from watchword.execution.engine import Engine, Execution
from watchword.execution.limits import Limits
from watchword.execution.plan import Refused
from watchword.permissions.field import HasRole, HasScope, Owner, Public
from watchword.principal import ANONYMOUS, Grants, Principal

LIMITS = Limits(5_000, 15, 500, 1_000_000, 5_000, 500)
CLERK = Principal("clerk", Grants(frozenset({"payroll"}), frozenset()))
VISITOR = Principal("visitor", Grants(frozenset(), frozenset()))


class Lenient(PermissionExtension):
    """Lets everybody pass, whatever its permissions say."""

    def resolve(self, next_: Any, source: Any, info: Any, **arguments: Any) -> Any:
        return next_(source, info, **arguments)

    async def resolve_async(self, next_: Any, source: Any, info: Any, **arguments: Any) -> Any:
        return next_(source, info, **arguments)


@strawberry.interface
class Being:
    name: str = "Ada"
    secret: str | None = strawberry.field(permission_classes=[HasRole("payroll")], default="s")


@strawberry.type
class Person(Being):
    salary: int = strawberry.field(permission_classes=[HasRole("payroll")], default=1)
    bonus: int | None = strawberry.field(permission_classes=[HasRole("payroll")], default=2)
    diary: str | None = strawberry.field(permission_classes=[Owner("name")], default="x")
    address: str | None = strawberry.field(permission_classes=[HasScope("home")], default="y")
    notes: list[str] = strawberry.field(
        extensions=[PermissionExtension([HasRole("payroll")()], fail_silently=True)],
        default_factory=list,
    )
    odd: str | None = strawberry.field(
        extensions=[Lenient([HasRole("payroll")()])], default="passes"
    )
    twice: str | None = strawberry.field(
        extensions=[
            PermissionExtension([HasRole("inner")()]),
            PermissionExtension([HasRole("outer")()]),
        ],
        default="z",
    )

    @strawberry.field(permission_classes=[HasScope("home")])
    def closed(self) -> Person | None:
        return self

    @strawberry.field
    def open(self) -> Person | None:
        return self


@strawberry.type
class Dog(Being):
    chip: int | None = 3


ran: list[str] = []


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def people(self) -> list[Person]:
        ran.append("people")
        return [Person()]

    @strawberry.field(permission_classes=[Public])
    def beings(self) -> list[Being]:
        ran.append("beings")
        return [Person(), Dog()]


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[Public])
    def hire(self) -> Person:
        ran.append("hire")
        return Person()


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def hired(self) -> AsyncIterator[Person]:
        ran.append("hired")
        yield Person()

    @strawberry.subscription(permission_classes=[HasRole("payroll")])
    async def paid(self) -> AsyncIterator[int]:
        ran.append("paid")
        yield 1


@pytest.fixture(params=["compiled", "graphql-core"])
def engine(request: pytest.FixtureRequest) -> Engine:
    execution: Execution = request.param
    ran.clear()
    types = [Person, Dog]
    schema = strawberry.Schema(Query, Mutation, Subscription, types=types)
    return Engine(schema, LIMITS, 10, execution)


@pytest.fixture
def rejecting(services: Services) -> Services:
    return replace(services, settings=services.settings.model_copy(update={"refusals": "reject"}))


async def refused(
    engine: Engine,
    services: Services,
    document: str,
    principal: Principal = VISITOR,
    **variables: Any,
) -> list[Any]:
    """Return the errors of an operation that is refused, each time that it is sent."""
    errors: list[Any] = []
    for _ in range(3):
        plan = engine.plan(document, None)
        context = Context(services, principal)
        with pytest.raises(Refused) as caught:
            await engine.execute(plan, variables, context)
        errors.append([each.original_error for each in caught.value.errors])
    shapes = [[(str(e), e.extensions) for e in each] for each in errors]
    assert shapes[0] == shapes[1] == shapes[2]
    assert ran == []
    return errors[0]


async def answered(
    engine: Engine, services: Services, document: str, principal: Principal, **variables: Any
) -> Any:
    for _ in range(3):
        plan = engine.plan(document, None)
        answer = await engine.execute(plan, variables, Context(services, principal))
    return answer


async def test_one_error_has_the_patterns_of_all_places_and_nothing_runs(
    engine: Engine, rejecting: Services
) -> None:
    document = "{ people { name pay: salary ...More } } fragment More on Person { bonus address }"
    payroll, home = await refused(engine, rejecting, document)
    assert payroll.extensions == {
        "code": "FORBIDDEN",
        "requires": {"role": "payroll"},
        "paths": [["people", "@", "pay"], ["people", "@", "bonus"]],
    }
    assert home.extensions["paths"] == [["people", "@", "address"]]


async def test_anonymous_callers_are_told_to_sign_in(engine: Engine, rejecting: Services) -> None:
    [error] = await refused(engine, rejecting, "{ people { salary } }", ANONYMOUS)
    assert error.extensions["code"] == "UNAUTHENTICATED"


async def test_a_mutation_does_nothing(engine: Engine, rejecting: Services) -> None:
    [error] = await refused(engine, rejecting, "mutation { hire { salary } }")
    assert error.extensions["paths"] == [["hire", "salary"]]


async def test_a_fragment_on_a_type_of_an_interface_counts(
    engine: Engine, rejecting: Services
) -> None:
    document = "{ beings { name ... on Dog { chip } ... on Person { bonus } } }"
    [error] = await refused(engine, rejecting, document)
    assert error.extensions["paths"] == [["beings", "@", "bonus"]]


async def test_what_skip_and_include_leave_out_does_not_count(
    engine: Engine, rejecting: Services
) -> None:
    document = "query($pay: Boolean!) { people { name salary @include(if: $pay) } }"
    answer = await answered(engine, rejecting, document, VISITOR, pay=False)
    assert answer == {"data": {"people": [{"name": "Ada"}]}}
    ran.clear()
    assert await refused(engine, rejecting, document, pay=True)


async def test_callers_with_the_grants_are_answered(engine: Engine, rejecting: Services) -> None:
    answer = await answered(engine, rejecting, "{ people { salary } }", CLERK)
    assert answer == {"data": {"people": [{"salary": 1}]}}


async def test_what_depends_on_the_object_is_refused_in_its_place(
    engine: Engine, rejecting: Services
) -> None:
    answer = await answered(engine, rejecting, "{ people { name diary } }", VISITOR)
    assert answer["data"] == {"people": [{"name": "Ada", "diary": None}]}
    assert answer["errors"][0]["path"] == ["people", 0, "diary"]


async def test_a_field_that_fails_silently_stays_empty_and_rejects_nothing(
    engine: Engine, rejecting: Services
) -> None:
    answer = await answered(engine, rejecting, "{ people { name notes } }", VISITOR)
    assert answer == {"data": {"people": [{"name": "Ada", "notes": []}]}}


async def test_an_extension_of_others_decides_by_itself(
    engine: Engine, rejecting: Services
) -> None:
    answer = await answered(engine, rejecting, "{ people { odd } }", VISITOR)
    assert answer == {"data": {"people": [{"odd": "passes"}]}}


async def test_the_error_is_the_one_that_the_field_itself_would_meet(
    engine: Engine, rejecting: Services, services: Services
) -> None:
    [error] = await refused(engine, rejecting, "{ people { twice } }")
    partial = await answered(engine, services, "{ people { twice } }", VISITOR)
    [alone] = partial["errors"]
    assert error.message == alone["message"]
    assert error.extensions["requires"] == alone["extensions"]["requires"] == {"role": "outer"}


@pytest.mark.parametrize(
    ("selected", "place"), [("hired { salary }", ["hired", "salary"]), ("paid", ["paid"])]
)
async def test_a_subscription_does_not_open(
    selected: str, place: list[str], engine: Engine, rejecting: Services
) -> None:
    plan = engine.plan(f"subscription {{ {selected} }}", None)
    with pytest.raises(Refused) as caught:
        await engine.subscribe(plan, None, Context(rejecting, VISITOR))
    [error] = caught.value.errors
    assert isinstance(error.original_error, Forbidden)
    assert error.original_error.extensions["paths"] == [place]
    assert ran == []


async def test_by_default_the_rest_is_answered(engine: Engine, services: Services) -> None:
    answer = await answered(engine, services, "{ people { name bonus } }", VISITOR)
    assert answer["data"] == {"people": [{"name": "Ada", "bonus": None}]}
    assert answer["errors"][0]["path"] == ["people", 0, "bonus"]


async def test_a_fragment_below_a_denied_field_is_found_where_its_field_may_be_read(
    engine: Engine, rejecting: Services
) -> None:
    document = (
        "{ people { closed { ...Pay } open { ...Pay } } }"
        " fragment Pay on Person { name inner: open { bonus } }"
    )
    home, payroll = await refused(engine, rejecting, document)
    assert home.extensions["paths"] == [["people", "@", "closed"]]
    assert payroll.extensions["paths"] == [["people", "@", "open", "inner", "bonus"]]


async def test_a_path_of_several_types_is_named_once(engine: Engine, rejecting: Services) -> None:
    [error] = await refused(engine, rejecting, "{ beings { secret } }")
    assert error.extensions["paths"] == [["beings", "@", "secret"]]


async def test_fragments_that_double_each_other_are_looked_at_once(
    engine: Engine, rejecting: Services
) -> None:
    chain = " ".join(
        f"fragment F{n} on Person {{ a: open {{ ...F{n + 1} }} b: open {{ ...F{n + 1} }} }}"
        for n in range(6)
    )
    document = f"{{ people {{ ...F0 }} }} {chain} fragment F6 on Person {{ bonus }}"
    [error] = await refused(engine, rejecting, document)
    assert error.extensions["paths"] == [["people", "@", *"aaaaaa", "bonus"]]
