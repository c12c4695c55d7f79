"""Permission classes on Strawberry fields, sync and async, alone and combined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError

from graph.permissions.field import (
    HasRole,
    HasScope,
    Permission,
    Public,
    SignedIn,
    condition,
)
from graph.permissions.rules import Question
from graph.principal import ANONYMOUS, Grants, Principal


@dataclass
class Asking:
    principal: Principal
    guards: None = None


def principal(*roles: str, scopes: tuple[str, ...] = ()) -> Principal:
    return Principal("alice", Grants(frozenset(roles), frozenset(scopes)))


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
    ],
)
async def test_a_permission_lets_in_whom_its_rule_allows(
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
