"""Permission classes on Strawberry fields, sync and async, alone and combined."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError, assert_name
from strawberry.permission import PermissionExtension

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
