"""Permission classes on Strawberry fields, sync and async, alone and combined."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError, assert_name
from strawberry.permission import PermissionExtension

from watchword.errors import NotFound
from watchword.permissions.field import (
    Delegated,
    HasRole,
    HasScope,
    Permission,
    Public,
    SignedIn,
    condition,
)
from watchword.permissions.rules import Question
from watchword.principal import ANONYMOUS, Grants, Principal


@dataclass
class Asking:
    principal: Principal


def principal(*roles: str, scopes: tuple[str, ...] = ()) -> Principal:
    return Principal("alice", Grants(frozenset(roles), frozenset(scopes)))


def application(*scopes: str) -> Principal:
    return Principal("alice", Grants(scopes=frozenset(scopes), is_delegated=True), client="app")


async def ask(
    permission: type[Permission], who: Principal, *, resolver_is_async: bool, given: int = 0
) -> list[GraphQLError]:
    async def slow(given: int = 0) -> str | None:
        return "yes"

    def fast(given: int = 0) -> str | None:
        return "yes"

    @strawberry.type
    class Query:
        field: str | None = strawberry.field(
            resolver=slow if resolver_is_async else fast, permission_classes=[permission]
        )

    result = await strawberry.Schema(Query).execute(
        "query($given: Int!) { field(given: $given) }",
        {"given": given},
        context_value=Asking(who),
    )
    assert result.data == {"field": None if result.errors else "yes"}
    return result.errors or []


@condition("to give three")
def gives_three(question: Question) -> bool:
    return bool(question.arguments["given"] == 3)


@condition("to give three, looked up")
async def gives_three_slowly(question: Question) -> bool:
    return bool(question.arguments["given"] == 3)


both = pytest.mark.parametrize("resolver_is_async", [False, True])


@both
@pytest.mark.parametrize(
    ("permission", "who", "allowed"),
    [
        (Public, ANONYMOUS, True),
        (SignedIn, ANONYMOUS, False),
        (SignedIn, principal(), True),
        (HasRole("keeper"), principal("keeper"), True),
        (HasRole("keeper"), principal("visitor"), False),
        (HasScope("a:b"), principal(scopes=("a:b",)), True),
        (HasScope("a:b") & HasRole("keeper"), principal("keeper"), False),
        (HasScope("a:b") & HasRole("keeper"), principal("keeper", scopes=("a:b",)), True),
        (HasScope("a:b") | HasRole("keeper"), principal("keeper"), True),
        (~HasRole("visitor"), principal("visitor"), False),
        (~HasRole("visitor") & SignedIn, principal("keeper"), True),
        (Delegated, principal("keeper", scopes=("a:b",)), False),
        (Delegated, application("a:b"), True),
        (HasScope("a:b") & (HasRole("keeper") | Delegated), application("a:b"), True),
        (HasScope("a:b") & (HasRole("keeper") | Delegated), application(), False),
        (HasScope("a:b") & (HasRole("keeper") | Delegated), principal(scopes=("a:b",)), False),
        # The application does not know the roles of its person.
        (~HasRole("visitor"), application(), False),
        (~(HasScope("a:b") | HasRole("visitor")), application(), False),
        (~~HasRole("visitor"), application(), False),
        (~HasScope("a:b"), application(), True),
    ],
)
async def test_a_permission_passes_if_its_rule_does(
    permission: type[Permission], who: Principal, allowed: bool, resolver_is_async: bool
) -> None:
    assert (await ask(permission, who, resolver_is_async=resolver_is_async) == []) is allowed


@both
@pytest.mark.parametrize("permission", [gives_three, gives_three_slowly])
async def test_a_condition_sees_the_arguments(
    permission: type[Permission], resolver_is_async: bool
) -> None:
    keeper = principal("keeper")
    combined = permission & HasRole("keeper")
    assert await ask(combined, keeper, resolver_is_async=resolver_is_async, given=3) == []
    [error] = await ask(combined, keeper, resolver_is_async=resolver_is_async, given=4)
    requires: Any = error.original_error.extensions["requires"]  # type: ignore[union-attr]
    assert requires["allOf"][1] == {"role": "keeper"}


def test_every_permission_class_has_a_name_of_graphql_that_no_other_rule_has() -> None:
    def twice(needs: str) -> list[type[Permission]]:
        return [condition(needs)(lambda question: True) for _ in range(2)]

    made = [
        *(Public, SignedIn, HasRole("a:b"), HasRole("a.b"), HasScope("a:b")),
        *(SignedIn & HasRole("x"), SignedIn | HasRole("x"), ~SignedIn),
        *(*twice("to be bob"), *twice("für alle"), *twice("3 things"), *twice("…")),
    ]
    names = [assert_name(each.__name__) for each in made]
    assert len(set(names)) == len(names)
    assert names[1:3] == ["SignedIn", "RoleAB"]


def test_equal_rules_have_one_class_so_that_a_schema_may_name_them_twice() -> None:
    assert HasRole("x") & SignedIn is HasRole("x") & SignedIn

    def guarded() -> Any:
        extension = PermissionExtension(permissions=[(HasRole("x") & SignedIn)()])
        return strawberry.field(resolver=lambda: "x", extensions=[extension])

    @strawberry.type
    class Query:
        one: str = guarded()
        other: str = guarded()

    assert "one: String! @roleXAndSignedIn" in str(strawberry.Schema(Query))


async def test_refusals_that_happen_at_once_each_say_what_was_needed() -> None:
    async def one(permission: type[Permission]) -> Any:
        [error] = await ask(permission, principal(), resolver_is_async=True, given=4)
        return error.original_error.extensions["requires"]  # type: ignore[union-attr]

    needs = [HasRole(str(number)) & gives_three_slowly for number in range(9)]
    said = await asyncio.gather(*map(one, needs))
    assert [each["allOf"][0]["role"] for each in said] == [str(number) for number in range(9)]


@dataclass
class Noting(Asking):
    """A context in which the condition below notes what it was asked."""

    seen: list[tuple[Any, dict[str, Any]]] = field(default_factory=list)


@condition("to be noted")
def is_noted(question: Question) -> bool:
    question.info.context.seen.append((question.source, question.arguments))
    return True


@strawberry.input
class Plan:
    starts_at: int = 4


@strawberry.type
class Match:
    id: int

    @strawberry.field(permission_classes=[is_noted])
    def name(self) -> str:
        return "final"


@strawberry.type
class Matches:
    @strawberry.field(permission_classes=[is_noted])
    def match(
        self, first_plan: Plan, lasts: int = 90, note: str | None = strawberry.UNSET
    ) -> Match:
        return Match(id=7)


async def test_a_question_has_python_names_the_input_object_and_no_source_at_the_root() -> None:
    context = Noting(ANONYMOUS)
    query = "{ match(firstPlan: {}) { name } }"
    result = await strawberry.Schema(Matches).execute(query, context_value=context)
    assert result.errors is None
    asked_at_root = {"first_plan": Plan(starts_at=4), "lasts": 90}
    assert context.seen == [(None, asked_at_root), (Match(id=7), {})]


async def test_rules_are_asked_from_left_to_right_and_a_condition_may_raise() -> None:
    asked: list[str] = []

    def noted(name: str, answer: bool) -> type[Permission]:
        @condition(f"to be {name}")
        def function(question: Question) -> bool:
            asked.append(name)
            return answer

        return function

    @condition("to exist")
    async def missing(question: Question) -> bool:
        asked.append("missing")
        raise NotFound("There is no such match.")

    yes, no = noted("yes", True), noted("no", False)
    for rule, order in (
        (yes & no & missing, ["yes", "no"]),
        (no | yes | missing, ["no", "yes"]),
        (no | missing | yes, ["no", "missing"]),
    ):
        asked.clear()
        errors = await ask(rule, ANONYMOUS, resolver_is_async=True)
        assert asked == order
        if "missing" in order:
            assert isinstance(errors[0].original_error, NotFound)


def test_allows_refuses_a_rule_with_an_async_condition() -> None:
    @condition("to wait")
    async def wait(question: Question) -> bool:
        return True

    with pytest.raises(TypeError, match="has an async condition, which `allows` cannot ask"):
        (HasRole("admin") | wait).allows(principal("admin"))
