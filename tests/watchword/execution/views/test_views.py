"""Callers with the same grants share a view, and callers from whom nothing is hidden have none."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from weakref import ref

import pytest
import strawberry
from graphql import build_schema, parse
from strawberry.extensions import SchemaExtension

from tests.differential.arena import make_unopened_services
from tests.support.vault_schema import (
    WITHOUT_VAULT,
    Mutation,
    Query,
    Safe,
    Subscription,
    vault,
)
from watchword.context import Context
from watchword.domain import Domain
from watchword.execution.engine import Engine, Execution
from watchword.execution.limits import Limits
from watchword.execution.plan import Planner, Refused
from watchword.execution.views import views
from watchword.execution.views.view import View
from watchword.execution.views.views import Views, finder
from watchword.permissions.coverage import cover
from watchword.principal import ANONYMOUS, FIRST_PARTY, Grants, Principal

SCHEMA = vault()
dropped: list[View] = []
LIMITS = Limits(5_000, 15, 500, 1_000_000)
ANN = Principal("ann", client=FIRST_PARTY, session="s")
KEEPER = replace(ANN, grants=Grants(frozenset({"keeper"})))
ALL = replace(ANN, grants=Grants(frozenset({"keeper"}), frozenset({"burglaries:read"})))


def engine(introspection: str, memory: int = 10) -> Engine:
    return Engine(SCHEMA, LIMITS, memory, "compiled", introspection)


def messages(made: Engine, query: str, principal: Principal) -> list[str]:
    with pytest.raises(Refused) as refused:
        made.plan(query, None, principal)
    return [each.message for each in refused.value.errors]


def test_view_is_made_once_for_callers_who_reach_the_same() -> None:
    found = Views(SCHEMA, dropped.append)
    view = found.of(ANN)
    assert view is not None
    assert found.of(replace(ANN, subject="bob", session="t")) is view
    assert found.of(ANONYMOUS) is view
    assert found.of(KEEPER) is not view


def test_caller_who_reaches_everything_has_no_view() -> None:
    assert Views(SCHEMA, dropped.append).of(ALL) is None
    made = engine("hidden")
    assert made.plan("{ hello }", None, ALL) is made.planner.plan("{ hello }", None)


def test_nobody_has_a_view_if_everything_is_shown() -> None:
    assert finder(SCHEMA, "shown", dropped.append)(ANN) is None
    assert engine("shown").plan("{ hoards { keptBy } }", None, ANN).view is None


def test_callers_with_different_views_share_no_plan() -> None:
    made = engine("hidden")
    plans = [made.plan("{ hello }", None, each) for each in (ANN, KEEPER, ALL, ANONYMOUS)]
    assert plans[0] is plans[3]
    assert len({each.number for each in plans}) == 3


def test_plans_of_all_views_take_the_room_of_one_cache() -> None:
    made = engine("hidden", memory=2)
    for caller in (ANN, KEEPER, ALL):
        made.plan("{ hello }", None, caller)
    assert len(made.planner) == 2


def test_few_callers_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MOST_CALLERS", 3)
    found = Views(SCHEMA, dropped.append)
    view = found.of(ANN)
    for number in range(10):
        assert found.of(replace(ANN, grants=Grants(tenant=str(number)))) is view
    assert len(found._found) == 3
    assert not dropped


async def test_view_that_is_dropped_is_held_by_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MOST_VIEWS", 1)
    made = engine("hidden")
    context = Context(await make_unopened_services(), ANN)
    for _ in range(3):
        plan = made.plan("{ hello }", None, ANN)
        await made.execute(plan, None, context)
    kept = made.plan("{ hello me }", None, ANN)
    made.planner.adopt(parse("{ me }"), kept)
    view = ref(plan.view.shown)  # type: ignore[union-attr]
    assert made.programs_kept == 1
    assert kept.view is plan.view
    of_keeper = made.plan("{ hello }", None, KEEPER)
    assert made.programs_kept == 0
    assert len(made.planner) == 1
    assert made.plan("{ hello }", None, KEEPER) is of_keeper
    del plan, kept
    gc.collect()
    assert view() is None
    assert made.plan("{ hello }", None, ANN).view is not of_keeper.view


def test_hidden_field_is_refused_as_one_that_does_not_exist() -> None:
    made = engine("hidden")
    [hidden] = messages(made, "{ hoards { keptBy } }", ANN)
    with pytest.raises(Refused) as refused:
        Planner(build_schema(WITHOUT_VAULT), LIMITS, 10).plan("{ hoards { keptBy } }", None)
    assert hidden == refused.value.errors[0].message
    assert made.plan("{ hoards { keptBy } }", None, KEEPER)


def test_suggestions_have_no_hidden_name() -> None:
    made = engine("hidden")
    assert messages(made, "{ hoard { keptBy } }", ANN) == [
        "Cannot query field 'hoard' on type 'Query'. Did you mean 'found' or 'ours'?"
    ]
    [told] = messages(made, "{ hoard { keptBy } }", KEEPER)
    assert "'hoards'" in told


def test_operation_whose_fields_are_all_hidden_is_one_that_the_schema_has_not() -> None:
    [told] = messages(engine("hidden"), "mutation { meltDown { grams } }", ANN)
    assert told == "The mutation operation is not supported by the schema."


@pytest.mark.parametrize(
    "query", ["{ __schema { description } }", '{ __type(name: "Q") { name } }']
)
def test_introspection_needs_the_scope_that_is_set(query: str) -> None:
    made = engine("scope:schema:read")
    [told] = messages(made, query, ALL)
    assert told.startswith("GraphQL introspection has been disabled")
    reader = replace(ANN, grants=Grants(scopes=frozenset({"schema:read"})))
    assert made.plan(query, None, reader).view is None


def test_nothing_is_suggested_without_the_scope_that_is_set() -> None:
    made = engine("scope:schema:read")
    assert messages(made, "{ hell }", ANN) == ["Cannot query field 'hell' on type 'Query'."]
    assert made.plan("{ hoards { keptBy } __typename }", None, ANN)


@pytest.mark.parametrize("view", ["shown", "hidden", "scope:schema:read"])
async def test_document_that_an_extension_puts_in_place_is_validated_by_the_view(
    view: Any,
) -> None:
    made = engine(view)
    plan = made.plan("{ hello }", None, ANN)
    other = made.planner.plan("{ hoards { keptBy } }", None).document
    draft = made.planner.adopt(other, plan)
    assert draft.view is plan.view
    assert bool(getattr(draft, "errors", ())) == (view == "hidden")


class Swap(SchemaExtension):
    """Puts another text in the place of the client's."""

    def on_operation(self) -> Iterator[None]:
        self.execution_context.query = "{ hoards { keptBy } }"
        yield


@pytest.mark.parametrize("caller", [ANN, KEEPER], ids=lambda each: each.subject)
async def test_text_that_an_extension_puts_in_place_is_validated_by_the_view(
    caller: Principal,
) -> None:
    schema = strawberry.Schema(Query, Mutation, Subscription, types=[Safe], extensions=[Swap])
    cover(schema, Domain())
    made = Engine(schema, LIMITS, 10, "compiled", "hidden")
    context = Context(await make_unopened_services(), caller)
    plan = made.plan("{ hello }", None, caller)
    if caller is KEEPER:
        assert (await made.execute(plan, None, context))["data"] == {"hoards": [{"keptBy": "Ada"}]}
        return
    with pytest.raises(Refused, match="Cannot query field 'hoards'"):
        await made.execute(plan, None, context)


def test_plan_that_is_kept_is_found_for_its_view_alone() -> None:
    made = engine("hidden")
    plan = made.plan("{ hoards { keptBy } }", None, KEEPER)
    assert made.known("{ hoards { keptBy } }", None, KEEPER) is plan
    assert made.known("{ hoards { keptBy } }", None, ANN) is None


def test_trusted_documents_are_validated_by_the_view_too() -> None:
    made = engine("hidden")
    made.planner.trust({"{ hoards { keptBy } }"})
    assert made.plan("{ hoards { keptBy } }", None, KEEPER)
    assert messages(made, "{ hoards { keptBy } }", ANN)


SEARCH = "query($matching: Search, $on: [Shelf!]) { search(matching: $matching, on: $on) }"


async def answered(made: Engine, query: str, caller: Principal, **variables: Any) -> Any:
    """The answer, or the errors of the refusal."""
    context = Context(await make_unopened_services(), caller)
    try:
        return await made.execute(made.plan(query, None, caller), variables, context)
    except Refused as refused:
        return [error.message for error in refused.errors]


@pytest.mark.parametrize("execution", ["compiled", "graphql-core"])
@pytest.mark.parametrize(
    ("variables", "hidden", "absent"),
    [
        ({"matching": {"minMargin": 1}}, "minMargin", "minMurmur"),
        ({"matching": {"min_margin": 1}}, "min_margin", "min_murmur"),
        ({"matching": {"on": "LOCKED"}}, "LOCKED", "LICKED"),
        ({"on": ["OPEN", "LOCKED"]}, "LOCKED", "LICKED"),
    ],
)
async def test_hidden_input_in_variables_is_refused_as_one_that_does_not_exist(
    execution: Execution, variables: dict[str, Any], hidden: str, absent: str
) -> None:
    made = Engine(SCHEMA, LIMITS, 10, execution, "hidden")
    other = json.loads(json.dumps(variables).replace(hidden, absent))
    for _ in range(3):
        refused = await answered(made, SEARCH, ANN, **variables)
        assert isinstance(refused, list)
        assert "FORBIDDEN" not in str(refused)
        told = await answered(made, SEARCH, ANN, **other)
        assert [each.replace(hidden, absent) for each in refused] == told
    if hidden != "min_margin":
        assert "data" in await answered(made, SEARCH, KEEPER, **variables)


@pytest.mark.parametrize("execution", ["compiled", "graphql-core"])
async def test_what_is_left_of_inputs_is_read_as_before(execution: Execution) -> None:
    made = Engine(SCHEMA, LIMITS, 10, execution, "hidden")
    for _ in range(3):
        for variables in ({}, {"matching": {"on": "OPEN"}, "on": ["OPEN"]}, {"matching": {}}):
            told = [await answered(made, SEARCH, each, **variables) for each in (ANN, KEEPER)]
            assert told[0] == told[1]
            assert "errors" not in told[0]


@pytest.mark.parametrize("execution", ["compiled", "graphql-core"])
async def test_hidden_value_in_an_answer_is_refused_without_its_name(execution: Execution) -> None:
    made = Engine(SCHEMA, LIMITS, 10, execution, "hidden")
    shown = Engine(SCHEMA, LIMITS, 10, execution, "shown")
    query = "{ found { ... on Book { shelf } } }"
    for _ in range(3):
        for each in (made, shown):
            [error] = (await answered(each, query, ANN))["errors"]
            assert error["extensions"]["code"] == "FORBIDDEN"
            assert "LOCKED" not in json.dumps(error)
        assert "errors" not in await answered(made, query, KEEPER)
