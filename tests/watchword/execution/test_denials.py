"""One error tells all places of a requirement that grants lack, in both executions; by choice, each place has its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError

from watchword.context import Context, Services
from watchword.domain import Domain
from watchword.errors import Forbidden, NotFound
from watchword.execution.compiled.fields import decision
from watchword.execution.denials import chosen, gathered
from watchword.execution.engine import Engine, Execution
from watchword.execution.limits import Limits
from watchword.permissions.coverage import cover
from watchword.permissions.field import HasRole, HasScope, Owner, Public, condition, deny
from watchword.permissions.guarded import guarded_by
from watchword.permissions.rules import Question
from watchword.principal import ANONYMOUS, Grants, Principal, SharedPrincipal

LIMITS = Limits(5_000, 15, 500, 1_000_000)
VISITOR = Principal("Ada", Grants())
refused: list[str] = []


@condition("to be Bob")
def is_bob(question: Question) -> bool:
    return bool(question.principal.subject == "Bob")


@guarded_by(Public)
@strawberry.type
class Person:
    name: str
    salary: int | None = strawberry.field(permission_classes=[HasRole("payroll")], default=1)
    diary: str | None = strawberry.field(permission_classes=[Owner("name")], default="d")
    both: str | None = strawberry.field(
        permission_classes=[HasScope("log") & Owner("name")], default="b"
    )
    either: str | None = strawberry.field(
        permission_classes=[is_bob | HasScope("log")], default="e"
    )
    strict: int = strawberry.field(permission_classes=[HasRole("payroll")], default=2)

    @strawberry.field(permission_classes=[HasRole("payroll")])
    async def bonus(self) -> int | None:
        return 3

    @strawberry.field
    def fails(self) -> int | None:
        raise NotFound("There is none.")

    @strawberry.field
    def friends(self) -> list[Person | None]:
        return [Person(name="Eve"), Person(name="Ada")]


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def people(self) -> list[Person | None]:
        return [Person(name=name) for name in ("Ada", "Bob", "Eve")]

    @strawberry.field(permission_classes=[HasRole("payroll")])
    def total(self) -> int | None:
        return 1


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def hired(self) -> AsyncIterator[list[Person]]:
        yield [Person(name="Ada"), Person(name="Bob")]
        yield [Person(name="Eve")]


class Recording(strawberry.Schema):
    """A schema that notes the errors that its hook is told."""

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        refused.extend(str(each.path) for each in errors)


@pytest.fixture(params=["compiled", "graphql-core"])
def engine(request: pytest.FixtureRequest) -> Engine:
    execution: Execution = request.param
    schema = Recording(Query, subscription=Subscription)
    cover(schema, Domain())
    return Engine(schema, LIMITS, 10, execution)


def having(services: Services, refusals: str) -> Services:
    return replace(services, settings=services.settings.model_copy(update={"refusals": refusals}))


async def answers(
    engine: Engine, services: Services, document: str, principal: Principal = VISITOR, **more: Any
) -> Any:
    """Return the answer of an operation, which is the same each time; it is compiled from the second time on."""
    found = []
    for _ in range(3):
        refused.clear()
        plan = engine.plan(document, None)
        found.append(await engine.execute(plan, {}, Context(services, principal, **more)))
    assert found[0] == found[1] == found[2]
    return found[0]


async def test_one_error_has_the_first_path_and_the_patterns_of_all(
    engine: Engine, services: Services
) -> None:
    answer = await answers(
        engine, services, "{ people { pay: salary bonus friends { salary } } total }"
    )
    assert answer["data"]["people"][2] == {
        "pay": None,
        "bonus": None,
        "friends": [{"salary": None}, {"salary": None}],
    }
    [error] = answer["errors"]
    assert error["path"] in (["people", 0, "pay"], ["total"])
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert error["extensions"]["requires"] == {"role": "payroll"}
    assert sorted(error["extensions"]["paths"]) == [
        ["people", "@", "bonus"],
        ["people", "@", "friends", "@", "salary"],
        ["people", "@", "pay"],
        ["total"],
    ]
    assert len(error["locations"]) == 4
    # The schema's own hook is told the same.
    assert len(refused) == 1


async def test_each_requirement_has_its_error(engine: Engine, services: Services) -> None:
    answer = await answers(engine, services, "{ people { salary both either } }")
    needed = [each["extensions"]["requires"] for each in answer["errors"]]
    assert {"role": "payroll"} in needed
    assert {"allOf": [{"scope": "log"}, {"owner": "name"}]} in needed
    # The third rule asks more than grants, so each place has an error of its own.
    assert len(answer["errors"]) == 2 + 3


async def test_what_depends_on_the_object_and_other_errors_are_told_in_their_places(
    engine: Engine, services: Services
) -> None:
    answer = await answers(engine, services, "{ people { diary fails salary } }")
    paths = [each["path"] for each in answer["errors"]]
    assert sorted(paths) == [
        ["people", 0, "fails"],
        ["people", 0, "salary"],
        ["people", 1, "diary"],
        ["people", 1, "fails"],
        ["people", 2, "diary"],
        ["people", 2, "fails"],
    ]
    with_patterns = [each for each in answer["errors"] if "paths" in each["extensions"]]
    assert [each["path"] for each in with_patterns] == [["people", 0, "salary"]]


async def test_a_field_that_must_not_be_null_takes_each_object_and_has_one_error(
    engine: Engine, services: Services
) -> None:
    answer = await answers(engine, services, "{ people { name strict } }")
    assert answer["data"] == {"people": [None, None, None]}
    [error] = answer["errors"]
    assert error["path"] == ["people", 0, "strict"]
    assert error["extensions"]["paths"] == [["people", "@", "strict"]]


async def test_a_path_that_says_all_has_no_patterns(engine: Engine, services: Services) -> None:
    answer = await answers(engine, services, "{ total }")
    [error] = answer["errors"]
    assert error["path"] == ["total"]
    assert "paths" not in error["extensions"]


async def test_by_setting_or_request_each_place_has_its_error(
    engine: Engine, services: Services
) -> None:
    document = "{ people { salary } }"
    asked = {"extensions": {"refusals": "each"}}
    own = await answers(engine, services, document, **asked)
    each = having(services, "each")
    assert await answers(engine, each, document) == own
    assert [error["path"] for error in own["errors"]] == [
        ["people", number, "salary"] for number in range(3)
    ]
    assert all("paths" not in error["extensions"] for error in own["errors"])
    gathers = {"extensions": {"refusals": "partial"}}
    [error] = (await answers(engine, each, document, **gathers))["errors"]
    assert error["extensions"]["paths"] == [["people", "@", "salary"]]


@pytest.mark.parametrize(("refusals", "counts"), [("partial", [1, 1]), ("each", [2, 1])])
async def test_each_event_of_a_subscription_is_told_alike(
    refusals: str, counts: list[int], engine: Engine, services: Services
) -> None:
    plan = engine.plan("subscription { hired { name salary } }", None)
    for _ in range(3):
        context = Context(having(services, refusals), VISITOR)
        source = await engine.subscribe(plan, None, context)
        found = []
        for _ in range(2):
            answer: Any = source.answer(await source.pull(), context)
            found.append(answer if isinstance(answer, dict) else await answer)
        await source.close()
        assert [len(each["errors"]) for each in found] == counts
        assert [person["salary"] for each in found for person in each["data"]["hired"]] == [
            *(None, None, None)
        ]


@pytest.mark.parametrize(("refusals", "times"), [("partial", 1), ("each", 3)])
async def test_a_compiled_operation_raises_only_what_is_told(
    refusals: str, times: int, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[Any] = []

    def counting(*parts: Any) -> Any:
        raised.append(parts)
        return deny(*parts)

    monkeypatch.setattr(decision, "deny", counting)
    schema = strawberry.Schema(Query)
    cover(schema, Domain())
    compiled, document = Engine(schema, LIMITS, 10), "{ people { salary } }"
    for _ in range(2):
        raised.clear()
        plan = compiled.plan(document, None)
        context = Context(having(services, refusals), VISITOR)
        answer = await compiled.execute(plan, {}, context)
    assert answer["data"] == {"people": [{"salary": None}] * 3}
    assert len(raised) == times


async def test_anonymous_callers_are_told_to_sign_in_once(
    engine: Engine, services: Services
) -> None:
    answer = await answers(engine, services, "{ people { salary } }", ANONYMOUS)
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert error["extensions"]["paths"] == [["people", "@", "salary"]]


def test_errors_of_others_stay_as_they_are() -> None:
    errors = [
        GraphQLError("a", path=["a", 0]),
        GraphQLError("a", path=["a", 1]),
        GraphQLError("b", path=["b", 0], original_error=NotFound("b")),
        GraphQLError("b", path=["b", 1], original_error=NotFound("b")),
    ]
    assert gathered(errors) == errors


def test_what_a_router_asks_for_has_an_error_in_each_place() -> None:
    def denied(*path: str | int) -> GraphQLError:
        cause = Forbidden("This needs a scope.", requires={"scope": "a"})
        cause.by_grants = True
        return GraphQLError(cause.message, path=path, original_error=cause)

    entities = [denied("_entities", number, "notes") for number in range(2)]
    assert gathered(entities) == entities
    [error] = gathered([denied("items", number, "notes") for number in range(2)])
    assert error.original_error is not None
    assert error.original_error.extensions["paths"] == [["items", "@", "notes"]]  # type: ignore[attr-defined]


def test_a_shared_run_has_only_what_is_set_or_what_all_its_members_asked(
    services: Services,
) -> None:
    shared = SharedPrincipal(Grants(), True)
    assert chosen(Context(services, shared)) == "partial"
    assert chosen(Context(services, shared, refusals="each")) == "each"
    assert not shared.was_asked
    asked = Context(services, VISITOR, extensions={"refusals": "reject"})
    assert chosen(asked) == "reject"


@pytest.mark.parametrize("refusals", ["partial", "each"])
@pytest.mark.parametrize("fields", ["name bonus", "bonus other: bonus"])
async def test_a_coroutine_function_that_grants_deny_costs_no_task_for_each_row(
    fields: str, refusals: str, services: Services
) -> None:
    engine = Engine(Recording(Query), LIMITS, 10)
    plan = engine.plan(f"{{ people {{ {fields} }} }}", None)
    loop, begun = asyncio.get_running_loop(), list[str]()

    def note(loop: asyncio.AbstractEventLoop, work: Any, **more: Any) -> Any:
        filename = work.cr_code.co_filename
        if "compiled" in filename or filename == decision.__file__:
            begun.append(work.__qualname__)
        return asyncio.Task(work, loop=loop, **more)

    async def bonuses(*roles: str) -> tuple[list[Any], list[Any]]:
        context = Context(services, Principal("Ada", Grants(frozenset(roles))), refusals=refusals)
        begun.clear()
        loop.set_task_factory(note)
        answer = await engine.execute(plan, {}, context)
        loop.set_task_factory(None)
        found = [person["bonus"] for person in answer["data"]["people"]]
        return found, [error["path"] for error in answer.get("errors", ())]

    for _ in range(3):
        assert await bonuses("payroll") == ([3] * 3, [])
        tasks = len(begun)
        found, denied = await bonuses()
    assert found == [None] * 3
    assert tasks >= 3
    assert not begun
    places = [["people", n, name] for n in range(3) for name in ("bonus", "other")]
    asked = places if "other" in fields else places[::2]
    assert denied == (asked[:1] if refusals == "partial" else asked)
