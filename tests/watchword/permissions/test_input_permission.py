"""What is sent and guarded is refused in its field before the resolver runs, in both executions."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.payroll import STREAM, payroll, ran
from watchword.context import Context, Services
from watchword.events.follow import Follow
from watchword.execution.engine import Engine, Execution
from watchword.execution.limits import Limits
from watchword.execution.plan import Refused
from watchword.permissions.guards import pass_by_grants, permissions_of, recheck
from watchword.permissions.input_permission import input_permission_of
from watchword.principal import ANONYMOUS, Grants, Principal

LIMITS = Limits(5_000, 15, 500, 1_000_000)
VISITOR = Principal("visitor", Grants())
CLERK = Principal("clerk", Grants(frozenset({"payroll", "clerk"}), frozenset({"many", "board"})))


@pytest.fixture(params=["compiled", "graphql-core"])
def engine(request: pytest.FixtureRequest) -> Engine:
    execution: Execution = request.param
    return Engine(payroll(), LIMITS, 10, execution)


@pytest.fixture
def rejecting(services: Services) -> Services:
    return replace(services, settings=services.settings.model_copy(update={"refusals": "reject"}))


async def answers(
    engine: Engine,
    services: Services,
    document: str,
    principal: Principal = VISITOR,
    **variables: Any,
) -> Any:
    """Return the answer of an operation, which is the same each time; it is compiled from the second time on."""
    found = []
    for _ in range(3):
        ran.clear()
        plan = engine.plan(document, None)
        found.append(await engine.execute(plan, variables, Context(services, principal)))
    assert found[0] == found[1] == found[2]
    if engine.execution == "compiled":
        assert not engine.fallbacks
    return found[0]


async def refused(
    engine: Engine,
    services: Services,
    document: str,
    coordinate: str,
    principal: Principal = VISITOR,
    **variables: Any,
) -> dict[str, Any]:
    """Return the only error of an operation, after its resolver was not run."""
    answer = await answers(engine, services, document, principal, **variables)
    [error] = answer["errors"]
    assert error["extensions"]["coordinate"] == coordinate
    assert ran == []
    assert isinstance(error["extensions"], dict)
    return dict(error)


async def test_an_argument_that_is_sent_is_refused_with_what_it_needs(
    engine: Engine, services: Services
) -> None:
    error = await refused(engine, services, "{ people(first: 1) { name } }", "Query.people(first:)")
    assert error["message"] == "Query.people(first:) needs scope many."
    assert error["path"] == ["people"]
    assert error["extensions"] == {
        "code": "FORBIDDEN",
        "requires": {"scope": "many"},
        "coordinate": "Query.people(first:)",
    }


async def test_an_anonymous_caller_is_told_to_sign_in(engine: Engine, services: Services) -> None:
    where = "Query.people(first:)"
    error = await refused(engine, services, "{ people(first: 1) { name } }", where, ANONYMOUS)
    assert error["message"] == "Sign in first: Query.people(first:) needs scope many."
    assert error["extensions"]["code"] == "UNAUTHENTICATED"


async def test_what_the_schema_has_as_a_default_is_not_sent(
    engine: Engine, services: Services
) -> None:
    answer = await answers(engine, services, "{ people { name report } }")
    assert answer["data"]["people"][0] == {"name": "Ada", "report": "AdaAdaAda"}


async def test_a_caller_who_has_what_is_needed_sends_it(engine: Engine, services: Services) -> None:
    document = "query($n: Int!) { people(first: $n, filter: {bonus: 1}) { report(length: $n) } }"
    answer = await answers(engine, services, document, CLERK, n=1)
    assert answer == {"data": {"people": [{"report": "Ada"}]}}


SENT: list[tuple[str, dict[str, Any], str]] = [
    ("query($n: Int = 3) { people(first: $n) { name } }", {}, "Query.people(first:)"),
    ("query($n: Int!) { people(first: $n) { name } }", {"n": 1}, "Query.people(first:)"),
    ("{ people(filter: {bonus: 1}) { name } }", {}, "Filter.bonus"),
    ("{ people(filter: {bonus: null}) { name } }", {}, "Filter.bonus"),
    ("query($b: Int) { people(filter: {bonus: $b}) { name } }", {"b": None}, "Filter.bonus"),
    ("query($b: Int = 1) { people(filter: {bonus: $b}) { name } }", {}, "Filter.bonus"),
    (
        "query($f: Filter = {bonus: 2}) { people(filter: $f) { name } }",
        {},
        "Filter.bonus",
    ),
    ("query($f: Filter) { people(filter: $f) { name } }", {"f": {"bonus": None}}, "Filter.bonus"),
    (
        "query($f: [Filter!]) { people(filter: {either: $f}) { name } }",
        {"f": {"either": {"either": [{}, {"salary": {"low": 1}}]}}},
        "Between.low",
    ),
    ("{ people(filter: {either: [{salary: {low: 1}}]}) { name } }", {}, "Between.low"),
    ("{ people(filter: {level: BOARD}) { name } }", {}, "Level.BOARD"),
    ("{ byLevel(one: BOARD) }", {}, "Level.BOARD"),
    ("{ byLevel(levels: [STAFF, BOARD]) }", {}, "Level.BOARD"),
    ("query($l: Level!) { byLevel(one: $l) }", {"l": "BOARD"}, "Level.BOARD"),
    ("query($l: Level = BOARD) { byLevel(one: $l) }", {}, "Level.BOARD"),
    ("query($l: Level!) { byLevel(levels: [STAFF, $l]) }", {"l": "BOARD"}, "Level.BOARD"),
    ("query($l: [Level!]) { byLevel(levels: $l) }", {"l": ["STAFF", "BOARD"]}, "Level.BOARD"),
    ("query($l: [Level!]) { byLevel(levels: $l) }", {"l": "BOARD"}, "Level.BOARD"),
    ('{ claimed(plan: "free") }', {}, "Query.claimed(plan:)"),
]


@pytest.mark.parametrize(("document", "variables", "coordinate"), SENT)
async def test_what_is_guarded_is_found_wherever_it_is_sent(
    document: str,
    variables: dict[str, Any],
    coordinate: str,
    engine: Engine,
    services: Services,
    rejecting: Services,
) -> None:
    await refused(engine, services, document, coordinate, **variables)
    for _ in range(3):
        with pytest.raises(Refused) as caught:
            await answers(engine, rejecting, document, **variables)
        [error] = caught.value.errors
        assert error.original_error is not None
        assert error.original_error.extensions["coordinate"] == coordinate  # type: ignore[attr-defined]
        assert ran == []


LEFT_OUT: list[tuple[str, dict[str, Any]]] = [
    ("query($f: Filter) { people(filter: $f) { name } }", {"f": {"either": [{"name": "x"}]}}),
    ("query($f: Filter = {bonus: 1}) { people(filter: $f) { name } }", {"f": {}}),
    ("query($f: Filter = {bonus: 1}) { people(filter: $f) { name } }", {"f": None}),
    ("query($b: Int) { people(filter: {bonus: $b, salary: {low: $b}}) { name } }", {}),
    ("{ people(filter: {level: STAFF, salary: null}) { name } }", {}),
    ("query($l: Level!) { byLevel(levels: [$l], one: $l) }", {"l": "STAFF"}),
    ("query($p: Page) { people(page: $p) { name } }", {"p": None}),
    ("query($n: Int!) { people(first: $n) @skip(if: true) { name } byLevel }", {"n": 1}),
]


@pytest.mark.parametrize(("document", "variables"), LEFT_OUT)
async def test_what_is_not_sent_is_not_asked(
    document: str,
    variables: dict[str, Any],
    engine: Engine,
    services: Services,
    rejecting: Services,
) -> None:
    for where in (services, rejecting):
        answer = await answers(engine, where, document, **variables)
        assert "errors" not in answer


async def test_a_guarded_input_type_is_refused_as_a_whole(
    engine: Engine, services: Services
) -> None:
    document = "{ people(page: {}) { name } }"
    error = await refused(engine, services, document, "Page", ANONYMOUS)
    assert error["extensions"]["requires"] == {"signedIn": True}
    assert "errors" not in await answers(engine, services, document)


async def test_the_permissions_of_the_field_are_asked_before(
    engine: Engine, services: Services, rejecting: Services
) -> None:
    answer = await answers(engine, services, "{ closed(first: 2) }")
    [error] = answer["errors"]
    assert error["extensions"] == {"code": "FORBIDDEN", "requires": {"role": "clerk"}}
    with pytest.raises(Refused) as caught:
        await answers(engine, rejecting, "{ closed(first: 2) }")
    assert "role clerk" in str(caught.value)


async def test_a_rule_may_read_the_object_and_wait(
    engine: Engine, services: Services, rejecting: Services
) -> None:
    for where in (services, rejecting):
        ran.clear()
        for _ in range(3):
            plan = engine.plan("{ people { name note(secret: true) } }", None)
            answer = await engine.execute(plan, {}, Context(where, VISITOR))
        assert answer["data"]["people"] == [
            {"name": "Ada", "note": "secret"},
            {"name": "Bob", "note": None},
        ]
        [error] = answer["errors"]
        assert error["path"] == ["people", 1, "note"]
        assert error["extensions"]["coordinate"] == "Person.note(secret:)"
        assert ("note", True) in ran


async def test_a_mutation_asks_for_a_recent_authentication_only_if_it_is_forced(
    engine: Engine, services: Services
) -> None:
    document = 'mutation { hire(name: "x", force: true) }'
    for _ in range(3):
        answer = await engine.execute(engine.plan(document, None), {}, Context(services, VISITOR))
        assert answer["data"] == {"hire": None}
    assert ran == []
    plan = engine.plan('mutation { hire(name: "x") }', None)
    made = await engine.execute(plan, {}, Context(services, VISITOR))
    assert made["data"] == {"hire": "x"}


async def test_a_fragment_and_an_alias_send_too(
    engine: Engine, services: Services, rejecting: Services
) -> None:
    document = "{ ...All } fragment All on Query { people { name long: report(length: 9) } }"
    answer = await answers(engine, services, document)
    [error] = answer["errors"]
    assert error["path"] == ["people", 0, "long"]
    assert error["extensions"]["paths"] == [["people", "@", "long"]]
    assert error["extensions"]["coordinate"] == "Person.report(length:)"
    with pytest.raises(Refused) as caught:
        await answers(engine, rejecting, document)
    [error] = caught.value.errors
    assert error.original_error is not None
    assert error.original_error.extensions["paths"] == [["people", "@", "long"]]  # type: ignore[attr-defined]


async def test_a_subscription_does_not_open_and_its_guards_are_asked_before_each_event(
    engine: Engine, services: Services
) -> None:
    plan = engine.plan("subscription { hired(last: 1) { name } }", None)
    with pytest.raises(Refused) as caught:
        await engine.subscribe(plan, None, Context(services, VISITOR))
    assert "Subscription.hired(last:) needs scope many" in str(caught.value)
    assert ran == []
    follow = Follow(services.hub, services.event_log)
    context = Context(services, CLERK, follow=follow)
    source = await engine.subscribe(plan, None, context)
    assert context.guards is not None
    assert pass_by_grants(context.guards, CLERK)
    assert not pass_by_grants(context.guards, VISITOR)
    await recheck(context.guards, Context(services, CLERK))
    with pytest.raises(Exception, match="needs scope many"):
        await recheck(context.guards, Context(services, VISITOR))
    await source.close()


def test_fields_that_take_nothing_guarded_ask_nothing_more() -> None:
    schema = payroll()
    fields = schema._schema.type_map["Person"].fields
    assert [name for name, each in fields.items() if input_permission_of(each)] == [
        "report",
        "note",
    ]
    assert permissions_of(fields["report"]) == []
    assert STREAM == "people"


@pytest.mark.parametrize(
    ("who", "said"), [(VISITOR, "Query.people(first:) needs scope many."), (CLERK, None)]
)
async def test_strawberrys_own_view_refuses_what_is_guarded_too(
    who: Principal, said: str | None
) -> None:
    context: Any = SimpleNamespace(principal=who)
    answered = await payroll().execute("{ people(first: 5) { name } }", context_value=context)
    assert [each.message for each in answered.errors or ()] == ([] if said is None else [said])
