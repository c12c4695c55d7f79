"""Permissions that read only grants are decided once for an execution; the others are asked as they are."""

from __future__ import annotations

from typing import Any

import pytest
import strawberry

from tests.support.both_executions import LIMITS, SERVICES, Both
from watchword.context import Context, Info
from watchword.execution.compiled.fields import decision
from watchword.execution.engine import Engine
from watchword.permissions.field import (
    HasRole,
    HasScope,
    Public,
    RecentlyAuthenticated,
    SignedIn,
    condition,
)
from watchword.permissions.rules import Question, RoleRule
from watchword.principal import ANONYMOUS, Grants, Principal

asked: list[str] = []
ADMIN = Principal("a", Grants(frozenset({"admin"}), frozenset({"read"})))
OTHER = Principal("o", Grants(frozenset(), frozenset({"read"})), session="s")


@condition("to be a")
def is_a(question: Question) -> bool:
    asked.append(f"{question.source.name} {question.info.path.as_list()[1]} {question.arguments}")
    return question.principal.subject == "a"


@condition("to be a, later")
async def is_a_later(question: Question) -> bool:
    return question.principal.subject == "a"


@strawberry.type
class Item:
    name: str

    @strawberry.field(permission_classes=[HasRole("admin")])
    def role(self) -> str | None:
        return self.name

    @strawberry.field(permission_classes=[HasRole("admin") | is_a])
    def either(self, word: str = "w") -> str | None:
        return word

    @strawberry.field(permission_classes=[SignedIn, HasScope("read") & is_a])
    def all_of(self) -> str | None:
        return self.name

    @strawberry.field(permission_classes=[SignedIn & is_a_later])
    async def later(self) -> str | None:
        return self.name

    @strawberry.field(permission_classes=[RecentlyAuthenticated(60)])
    def recent(self) -> str | None:
        return self.name

    @strawberry.field(permission_classes=[~HasRole("admin")])
    def others(self) -> str | None:
        return self.name


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def items(self) -> list[Item]:
        return [Item(name=str(number)) for number in range(3)]


@pytest.mark.parametrize("principal", [ANONYMOUS, ADMIN, OTHER], ids=lambda each: each.subject)
@pytest.mark.parametrize("field", ["role", "either", "allOf", "later", "recent", "others"])
async def test_a_field_is_open_to_those_to_whom_it_was_open(
    field: str, principal: Principal
) -> None:
    _, errors = await Both(Query).execute(f"{{ items {{ {field} }} }}", None, principal)
    assert [path for _, path, *_ in errors] in ([], [["items", n, field] for n in range(3)])


async def test_a_condition_is_asked_only_if_grants_do_not_decide() -> None:
    both = Both(Query, before=asked.clear)
    await both.execute("{ items { either } }", None, OTHER)
    assert asked == [f"{n} {n} {{'word': 'w'}}" for n in range(3)]
    await both.execute("{ items { either } }", None, ADMIN)
    assert asked == []


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The roles that rules have looked for."""
    reads: list[str] = []
    holds = RoleRule.holds

    def counted(rule: RoleRule, question: Question) -> bool:
        reads.append(rule.role)
        return holds(rule, question)

    monkeypatch.setattr(RoleRule, "holds", counted)
    return reads


async def test_grants_are_read_once_for_all_items(reads: list[str]) -> None:
    engine = Engine(strawberry.Schema(Query), LIMITS, 10)
    plan = engine.plan("{ items { role } }", None)
    await engine.execute(plan, None, Context(SERVICES, ADMIN))
    reads.clear()
    for principal in (ADMIN, OTHER):
        await engine.execute(plan, None, Context(SERVICES, principal))
    assert reads == ["admin", "admin"]


async def test_grants_that_are_known_to_open_a_field_are_not_decided_again(
    reads: list[str],
) -> None:
    engine = Engine(strawberry.Schema(Query), LIMITS, 10)
    plan = engine.plan("{ items { role others } }", None)
    like_admin = Principal("b", Grants(frozenset({"admin"}), frozenset({"read"})))
    stranger = Principal("", like_admin.grants)
    for principal in (ADMIN, ADMIN, like_admin, stranger):
        reads.clear()
        answer = await engine.execute(plan, None, Context(SERVICES, principal))
        assert [item["role"] for item in answer["data"]["items"]] == ["0", "1", "2"]
        assert len(answer["errors"]) == 3
    # A caller who is not signed in is another one, whatever its grants.
    assert reads == ["admin", "admin"]
    reads.clear()
    await engine.execute(plan, None, Context(SERVICES, like_admin))
    assert reads == ["admin"]  # the denial alone


async def test_fields_that_known_grants_open_together_are_decided_for_each_other_caller(
    reads: list[str],
) -> None:
    engine = Engine(strawberry.Schema(Query), LIMITS, 10)
    plan = engine.plan("{ items { role again: role more: role } }", None)
    fields = ("role", "again", "more")
    for principal in (ADMIN, ADMIN, OTHER, ADMIN, ANONYMOUS, ADMIN):
        answer = await engine.execute(plan, None, Context(SERVICES, principal))
        is_open = principal is ADMIN
        assert answer["data"]["items"][1] == dict.fromkeys(fields, "1" if is_open else None)
        assert len(answer.get("errors", ())) == (0 if is_open else 9)
    reads.clear()
    await engine.execute(plan, None, Context(SERVICES, ADMIN))
    assert reads == []


async def test_a_field_remembers_only_so_many_grants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision, "MOST_GRANTS", 2)
    engine = Engine(strawberry.Schema(Query), LIMITS, 10)
    plan = engine.plan("{ items { others } }", None)
    for number in [*range(5), 0]:
        principal = Principal("a", Grants(frozenset({f"role {number}"})))
        answer = await engine.execute(plan, None, Context(SERVICES, principal))
        assert "errors" not in answer


class _Holder:
    principal = OTHER


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[Public])
    def renew(self, info: Info) -> Item:
        _Holder.principal = ADMIN
        return Item(name="renewed")

    @strawberry.mutation(permission_classes=[HasRole("admin")])
    def needs_role(self) -> str | None:
        return "open"


@pytest.mark.parametrize("execution", ["compiled", "graphql-core"])
async def test_a_principal_that_is_renewed_meanwhile_counts_at_once(execution: Any) -> None:
    engine = Engine(strawberry.Schema(Query, Mutation), LIMITS, 10, execution)
    plan = engine.plan("mutation { before: needsRole renew { role } after: needsRole }", None)
    for _ in range(2):
        _Holder.principal = OTHER
        context = Context(SERVICES, OTHER, holder=_Holder())
        answer = await engine.execute(plan, None, context)
        assert answer["data"] == {"before": None, "renew": {"role": "renewed"}, "after": "open"}
