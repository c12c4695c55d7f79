"""The guarded fields of an operation are found once for its plan and each choice of @skip and @include, and no others."""

from __future__ import annotations

from typing import Any

import strawberry
from graphql.execution import VariableValues

from watchword.domain import Domain
from watchword.execution.guarded_fields import MOST_KEPT, Below, GuardedFields, guarded_fields
from watchword.execution.limits import Limits
from watchword.execution.plan import Plan, Planner
from watchword.libraries.strawberry_parts import definition
from watchword.permissions.coverage import cover
from watchword.permissions.field import HasRole, HasScope, Owner, Public, SignedIn
from watchword.permissions.guarded import guarded_by
from watchword.permissions.rules import Question
from watchword.principal import ANONYMOUS, Grants, Principal

LIMITS = Limits(5_000, 15, 10_000, 10**12)


@guarded_by(Public)
@strawberry.type
class Person:
    name: str
    salary: int | None = strawberry.field(permission_classes=[HasRole("payroll")], default=1)
    bonus: int | None = strawberry.field(permission_classes=[HasRole("payroll")], default=1)
    diary: str | None = strawberry.field(permission_classes=[Owner("name")], default="x")
    log: str | None = strawberry.field(
        permission_classes=[HasScope("log"), Owner("name")], default=""
    )

    @strawberry.field
    def friends(self) -> list[Person]:
        return []


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def people(self) -> list[Person]:
        return []

    @strawberry.field(permission_classes=[SignedIn])
    def me(self) -> Person | None:
        return None


def covered() -> strawberry.Schema:
    schema = strawberry.Schema(Query)
    cover(schema, Domain())
    return schema


SCHEMA = definition(covered())


def plan(document: str) -> Plan:
    return Planner(SCHEMA, LIMITS, 10).plan(document, None)


def found(document: str, **values: Any) -> GuardedFields:
    return guarded_fields(SCHEMA, plan(document), values)


def paths(places: Below, above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the paths of the guarded fields among places and below them."""
    made = []
    for each in places:
        if each.guard:
            made.append((*above, each.key))
        made += paths(each.below, (*above, *each.inside))
    return made


def test_an_operation_without_guarded_fields_has_nothing_to_look_at() -> None:
    fields = found("{ people { name friends { name diary } } __typename }")
    assert fields.asked == fields.places == ()


def test_only_places_that_lead_to_a_guarded_field_are_kept() -> None:
    fields = found(
        "{ people { name a: salary friends { bonus ...L } } } fragment L on Person { log }"
    )
    assert paths(fields.places) == [
        ("people", "@", "a"),
        ("people", "@", "friends", "@", "bonus"),
        ("people", "@", "friends", "@", "log"),
    ]
    [people] = fields.places
    assert [each.key for each in people.below] == ["a", "friends"]


def test_what_several_fields_ask_is_asked_once() -> None:
    fields = found("{ people { salary bonus friends { bonus } } me { salary } }")
    assert len(fields.asked) == 2


def test_grants_that_deny_nothing_are_known_without_looking_at_places() -> None:
    fields = found("{ me { salary } }")
    values = VariableValues({}, {})
    clerk = Principal("c", Grants(frozenset({"payroll"})))
    for principal, are_open in (
        (clerk, True),
        (Principal("v", Grants()), False),
        (ANONYMOUS, False),
    ):
        assert fields.are_open(Question(principal, None, None, {}), values) is are_open


def test_they_are_found_once_for_each_choice_of_conditions() -> None:
    made = plan(
        "query($a: Boolean!, $b: Boolean!) { people { salary @include(if: $a) bonus @skip(if: $b) } }"
    )
    kept = {}
    for a in (True, False):
        for b in (True, False):
            first = kept[a, b] = guarded_fields(SCHEMA, made, {"a": a, "b": b})
            assert guarded_fields(SCHEMA, made, {"a": a, "b": b}) is first
    keys = {choice: [path[-1] for path in paths(each.places)] for choice, each in kept.items()}
    assert keys == {
        (True, True): ["salary"],
        (True, False): ["salary", "bonus"],
        (False, True): [],
        (False, False): ["bonus"],
    }


def test_no_more_choices_are_kept_than_a_plan_may_have() -> None:
    names = [f"v{number}" for number in range(6)]
    declared = ", ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"{name}: salary @include(if: ${name})" for name in names)
    made = plan(f"query({declared}) {{ people {{ {fields} }} }}")
    for number in range(2**6):
        choice = {name: bool(number >> at & 1) for at, name in enumerate(names)}
        assert len(paths(guarded_fields(SCHEMA, made, choice).places)) == sum(choice.values())
    assert len(made.guarded) == MOST_KEPT


def test_fragments_in_fragments_are_looked_at_once() -> None:
    chain = " ".join(
        f"fragment F{n} on Person {{ a: friends {{ ...F{n + 1} }} b: friends {{ ...F{n + 1} }} }}"
        for n in range(10)
    )
    fields = found(f"{{ people {{ ...F0 }} }} {chain} fragment F10 on Person {{ salary }}")
    distinct: set[int] = set()

    def count(places: Below) -> None:
        for each in places:
            if id(each) not in distinct:
                distinct.add(id(each))
                count(each.below)

    count(fields.places)
    # Without sharing, it would be more than a thousand.
    assert len(distinct) < 100
