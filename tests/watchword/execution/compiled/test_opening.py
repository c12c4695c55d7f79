"""A subscription is opened without graphql-core where grants allow it, and exactly as graphql-core opens it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
import strawberry
from graphql import GraphQLError
from strawberry import relay

from tests.support.both_executions import LIMITS, SERVICES
from tests.support.settled import settled
from watchword import HasRole, Public, SignedIn, condition, guarded_by, observe
from watchword.context import Context, Info
from watchword.errors import Forbidden, Unauthenticated
from watchword.execution import executors
from watchword.execution.engine import Engine
from watchword.execution.plan import Refused
from watchword.permissions.guards import pass_by_grants, recheck
from watchword.permissions.input_permission import guard_inputs, guarded_inputs
from watchword.principal import ANONYMOUS, Grants, Principal

KEEPER = Principal("ada", Grants(frozenset({"keeper"})))
CHILD = Principal("bo", Grants(frozenset({"child"})))


@strawberry.input
class Place:
    shelf: int


@guarded_by(HasRole("keeper"))
@strawberry.input
class Secret:
    word: str


def has_door(info: Info) -> bool:
    return info.context.principal.subject != "bo"


@strawberry.type
class Query:
    nothing: str = strawberry.field(permission_classes=[Public])


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def counted(
        self, info: Info, up_to: int = 2, name: str | None = "n"
    ) -> AsyncIterator[str]:
        for number in range(up_to):
            yield f"{info.field_name} {name} {number} {info.context.principal.subject}"

    @strawberry.subscription(permission_classes=[HasRole("keeper"), SignedIn])
    async def kept(self) -> AsyncIterator[str]:
        yield "kept"

    @strawberry.subscription(permission_classes=[condition("to have a door")(has_door)])
    async def behind_a_door(self) -> AsyncIterator[str]:
        yield "behind"

    @strawberry.subscription(permission_classes=[Public, observe(HasRole("keeper"))])
    async def tried_out(self) -> AsyncIterator[str]:
        yield "tried"

    @strawberry.subscription(permission_classes=[Public])
    async def placed(self, place: Place) -> AsyncIterator[str]:
        yield f"{place.shelf}"

    @strawberry.subscription(permission_classes=[Public])
    async def told(self, secret: Secret | None = None) -> AsyncIterator[str]:
        yield "told" if secret is None else secret.word

    @strawberry.subscription(permission_classes=[Public])
    async def known(self, id: relay.GlobalID) -> AsyncIterator[str]:
        yield id.node_id

    @strawberry.subscription(permission_classes=[Public])
    async def later(self) -> AsyncIterator[str]:
        raise ValueError("at the first event")
        yield ""


schema = strawberry.Schema(Query, None, Subscription)
guard_inputs(schema, guarded_inputs(schema))

Outcome = list[Any]


async def outcome(
    engine: Engine, document: str, variables: dict[str, Any] | None, principal: Principal
) -> Outcome:
    """Return the answers of a subscription, or the errors of its refusal."""
    context = Context(SERVICES, principal)
    try:
        plan = engine.plan(document, None)
        source = await engine.subscribe(plan, variables, context)
        return [await settled(source.answer(event, context)) async for event in source.events]
    except Refused as refused:
        return [seen(each) for each in refused.errors]
    except ValueError as error:
        return [error.args]


def seen(error: GraphQLError) -> tuple[Any, ...]:
    return error.message, error.path, error.locations, type(error.original_error), error.extensions


@pytest.fixture
def opened_by_core(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What graphql-core has opened."""
    opened, open_stream = list[Any](), executors.open_stream

    async def noting(executor: Any, *parts: Any) -> Any:
        opened.append(executor)
        return await open_stream(executor, *parts)

    monkeypatch.setattr(executors, "open_stream", noting)
    return opened


WAYS: list[tuple[str, dict[str, Any] | None, Principal, bool]] = [
    ("subscription { counted }", None, KEEPER, True),
    ("subscription { a: counted(upTo: 1, name: null) }", None, KEEPER, True),
    ("subscription($n: Int = 3) { counted(upTo: $n) }", None, CHILD, True),
    ("subscription($n: Int!, $m: String) { counted(upTo: $n, name: $m) }", {"n": 1}, KEEPER, True),
    ("subscription($n: Int!) { counted(upTo: $n) }", {"n": "many"}, KEEPER, False),
    ("subscription($n: Int) { counted(upTo: $n) }", {"n": None}, KEEPER, False),
    ("subscription { kept }", None, KEEPER, True),
    ("subscription { kept }", None, CHILD, False),
    ("subscription { kept }", None, ANONYMOUS, False),
    ("subscription { behindADoor }", None, KEEPER, False),
    ("subscription { behindADoor }", None, CHILD, False),
    ("subscription { triedOut }", None, KEEPER, False),
    ("subscription { placed(place: {shelf: 3}) }", None, CHILD, False),
    ("subscription { told }", None, CHILD, True),
    ('subscription { told(secret: {word: "w"}) }', None, CHILD, False),
    ('subscription { told(secret: {word: "w"}) }', None, KEEPER, False),
    ('subscription { known(id: "VG95OjE=") }', None, CHILD, False),
    ('subscription { known(id: "broken") }', None, CHILD, False),
    ("subscription { later }", None, CHILD, True),
    ("subscription { ...f } fragment f on Subscription { counted }", None, CHILD, True),
]


@pytest.mark.parametrize(("document", "variables", "principal", "is_ours"), WAYS)
async def test_a_compiled_subscription_opens_as_graphql_core_opens_it(
    document: str,
    variables: dict[str, Any] | None,
    principal: Principal,
    is_ours: bool,
    opened_by_core: list[Any],
) -> None:
    asked = document, variables, principal
    expected = await outcome(Engine(schema, LIMITS, 10, "graphql-core"), *asked)
    engine = Engine(schema, LIMITS, 10)
    for _ in range(3):
        opened_by_core.clear()
        assert await outcome(engine, *asked) == expected
    # Without an executor, graphql-core has refused the variables before it opened anything.
    assert not (is_ours and opened_by_core)


async def test_grants_open_a_subscription_without_an_executor_of_graphql_core(
    opened_by_core: list[Any],
) -> None:
    engine = Engine(schema, LIMITS, 10)
    for document, variables, principal, is_ours in WAYS:
        await outcome(engine, document, variables, principal)
        opened_by_core.clear()
        found = await outcome(engine, document, variables, principal)
        is_refused_before = document.startswith("subscription($n: Int!) ")
        assert bool(opened_by_core) is not (is_ours or is_refused_before), (document, found)


@pytest.mark.parametrize("execution", ["compiled", "graphql-core"])
async def test_the_permissions_of_an_open_subscription_are_asked_again(execution: Any) -> None:
    engine = Engine(schema, LIMITS, 10, execution)
    plan = engine.plan("subscription { kept }", None)
    for _ in range(2):
        context = Context(SERVICES, KEEPER, follow=cast(Any, object()))
        await engine.subscribe(plan, None, context)
    guards = context.guards
    assert guards is not None
    assert pass_by_grants(guards, KEEPER)
    await recheck(guards, Context(SERVICES, KEEPER))
    for principal, error in ((CHILD, Forbidden), (ANONYMOUS, Unauthenticated)):
        assert not pass_by_grants(guards, principal)
        with pytest.raises(error):
            await recheck(guards, Context(SERVICES, principal))


async def test_an_event_that_graphql_core_must_answer_gets_its_executor() -> None:
    engine = Engine(schema, LIMITS, 10)
    plan = engine.plan("subscription($n: Int!) { counted(upTo: $n) }", None)
    context = Context(SERVICES, KEEPER)
    for _ in range(2):
        source = await engine.subscribe(plan, {"n": 1}, context)
    opened = source._execute.args[1]  # type: ignore[attr-defined]
    assert opened.executor is opened.executor
    assert opened.executor.variable_values.coerced == opened.values == {"n": 1}
