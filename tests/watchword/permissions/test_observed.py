"""An observed permission lets everybody pass, covers nothing, and counts each operation that it would have refused once."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from strawberry.permission import BasePermission

from tests.support.both_executions import SERVICES, Both
from watchword.context import Context, Services
from watchword.domain import Domain
from watchword.errors import NotFound, Unsafe
from watchword.permissions.access import callers, table
from watchword.permissions.claims_read import claims_read
from watchword.permissions.coverage import cover
from watchword.permissions.directives import NONE, directives_of
from watchword.permissions.field import (
    HasClaim,
    HasRole,
    HasScope,
    MultiFactor,
    Owner,
    Public,
    SignedIn,
    condition,
    observe,
)
from watchword.permissions.grants import can_decide, decide, reads_grants_only
from watchword.permissions.guarded import guarded_by
from watchword.permissions.guards import asked_of
from watchword.permissions.non_null import nested_non_null
from watchword.permissions.rules import Question
from watchword.permissions.verdict import ALLOWED
from watchword.principal import ANONYMOUS, Grants, IdentityAsked, Principal, SharedPrincipal
from watchword.process.observed_refusals import ObservedRefusals

A, B = HasScope("a"), HasScope("b")
asked: list[Any] = []


@condition("to own it")
def owns(question: Question) -> bool:
    asked.append(question.source)
    return bool(question.source.owner == question.principal.subject)


@condition("to own it later")
async def owns_later(question: Question) -> bool:
    return bool(question.source.owner == question.principal.subject)


@condition("to be found")
def missing(question: Question) -> bool:
    raise NotFound("It is not there.")


@strawberry.type
class Ship:
    owner: str = strawberry.field(permission_classes=[Public, observe(A)])
    berth: int = strawberry.field(permission_classes=[Public, observe(owns)], default=1)
    later: int = strawberry.field(permission_classes=[Public, observe(owns_later)], default=2)
    gone: int = strawberry.field(permission_classes=[Public, observe(missing)], default=3)
    shut: int | None = strawberry.field(permission_classes=[observe(A), B], default=4)
    first: int | None = strawberry.field(permission_classes=[B, observe(A)], default=5)


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def ships(self) -> list[Ship]:
        return [Ship(owner="ann"), Ship(owner="bob"), Ship(owner="cid")]


ANN = Principal("ann", Grants(scopes=frozenset({"b"})))
CAPTAIN = Principal("ann", Grants(scopes=frozenset({"a", "b"})))


@pytest.fixture
def observed(monkeypatch: pytest.MonkeyPatch) -> ObservedRefusals:
    counts = ObservedRefusals()
    monkeypatch.setattr(SERVICES, "observed", counts, raising=False)
    return counts


@pytest.fixture
def both(observed: ObservedRefusals) -> Both:
    return Both(Query)


@pytest.mark.parametrize(
    ("field", "needs", "who"),
    [
        ("owner", "scope a", {"anonymous", "ann"}),
        ("berth", "to own it", {"anonymous", "ann", "captain"}),
        ("later", "to own it later", {"anonymous", "ann", "captain"}),
        ("gone", "to be found", {"anonymous", "ann", "captain"}),
        ("shut", "scope a", {"anonymous", "ann"}),
        # Another permission has refused before.
        ("first", "scope a", {"ann"}),
    ],
)
async def test_each_operation_that_would_be_refused_counts_once_in_both_executions(
    both: Both, observed: ObservedRefusals, field: str, needs: str, who: set[str]
) -> None:
    for name, principal in (("anonymous", ANONYMOUS), ("ann", ANN), ("captain", CAPTAIN)):
        observed.counts.clear()
        data, errors = await both.execute(f"query Fleet {{ ships {{ {field} }} }}", None, principal)
        values = [each[field] for each in data["ships"]]
        is_shut = field in ("shut", "first") and principal is ANONYMOUS
        assert (None in values) is is_shut
        assert bool(errors) is is_shut
        # Once by graphql-core's interpreter, and once compiled.
        expected = {(f"Ship.{field}", needs): 2} if name in who else {}
        assert observed.counts == expected


async def test_what_grants_decide_is_not_asked_for_each_row(
    both: Both, observed: ObservedRefusals, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = both.compiled.plan("{ ships { owner berth } }", None)
    plan.uses += 1
    rows: list[Any] = []
    scope = type(A.rule)
    holds = scope.holds
    monkeypatch.setattr(scope, "holds", lambda *given: rows.append(given) or holds(*given))
    asked.clear()
    await both.compiled.execute(plan, None, Context(SERVICES, ANN))
    assert (len(rows), len(asked)) == (1, 3)


async def test_the_log_has_the_operation_and_nothing_of_the_caller(
    both: Both, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await both.execute("query Fleet { ships { owner } }", None, ANN)
    [record] = [each for each in caplog.records if each.name == "watchword.permissions"]
    assert record.getMessage() == (
        "An observed permission would have refused Ship.owner in 1 operations since it was last logged, lately in Fleet."
        " It needs: scope a"
    )


async def test_a_shared_run_counts_by_grants_and_is_dissolved_if_the_rule_asks_who_it_is(
    observed: ObservedRefusals,
) -> None:
    shared: Any = SharedPrincipal(Grants(), False)
    info = SimpleNamespace(context=Context(SERVICES, shared), place="Ship.owner")
    assert observe(A).rule.decide(Question(shared, Ship(owner="x"), info, {})) is ALLOWED
    assert observed.counts == {("Ship.owner", "scope a"): 1}
    for rule in (observe(owns).rule, observe(Owner("owner")).rule):
        with pytest.raises(IdentityAsked):
            rule.decide(Question(shared, Ship(owner="x"), info, {}))
    with pytest.raises(IdentityAsked):
        await observe(owns_later).rule.decide_async(Question(shared, Ship(owner="x"), info, {}))


async def test_a_context_of_others_counts_nothing() -> None:
    info = SimpleNamespace(context=SimpleNamespace(principal=ANONYMOUS), place="Ship.owner")
    assert observe(A).rule.decide(Question(ANONYMOUS, None, info, {})) is ALLOWED
    assert observe(missing).rule.decide(Question(ANONYMOUS, None, info, {})) is ALLOWED


def test_grants_decide_what_the_rule_within_reads() -> None:
    assert reads_grants_only(observe(A & HasRole("b")).rule)
    assert decide(observe(A).rule, ANONYMOUS) is ALLOWED
    assert not can_decide(observe(owns).rule)
    assert decide(observe(owns).rule, ANONYMOUS) is None


def test_the_claims_that_it_reads_are_part_of_the_grants() -> None:
    @strawberry.type(name="Query")
    class Claims:
        @strawberry.field(permission_classes=[Public, observe(HasClaim("unit", "x") & MultiFactor)])
        def one(self) -> int:
            return 1

    assert claims_read(strawberry.Schema(Claims)) == {"unit", "amr"}


def test_it_is_not_combined_and_observes_ours_only() -> None:
    for combine in (lambda: A | observe(B), lambda: observe(B) & A, lambda: ~observe(A)):
        with pytest.raises(TypeError, match="beside others"):
            combine()
    with pytest.raises(TypeError, match="permission class of Watchword"):
        observe(BasePermission)  # type: ignore[arg-type]
    assert observe(observe(A)) is observe(A)
    assert observe(A) is not observe(B)


# --- It covers nothing ---


def schema(root: list[Any], nested: list[Any], guard: list[Any] | None = None) -> strawberry.Schema:
    @strawberry.type
    class Boat:
        oars: int = strawberry.field(permission_classes=nested)

    if guard is not None:
        guarded_by(*guard)(Boat)

    @strawberry.type(name="Query")
    class Boats:
        @strawberry.field(graphql_type=Boat | None, permission_classes=root)
        def boat(self) -> Any:
            return Boat(oars=2)

    return strawberry.Schema(Boats)


ROOT, NESTED = "Query.boat: no permission", "1 fields below the root"


@pytest.mark.parametrize(
    ("made", "domain", "refusal"),
    [
        (([observe(A)], [Public]), Domain(), ROOT),
        (([SignedIn], [observe(A)]), Domain(), NESTED),
        (([SignedIn], [], [observe(A)]), Domain(), NESTED),
        (([], [Public]), Domain(permissions={"Query.boat": [observe(A)]}), ROOT),
        (([SignedIn], []), Domain(permissions={"Boat": [observe(A)]}), NESTED),
        (([], [Public]), Domain(default_permissions=[observe(A)]), ROOT),
    ],
)
def test_a_field_that_is_only_observed_is_not_covered(
    made: Any, domain: Domain, refusal: str
) -> None:
    with pytest.raises(Unsafe, match=refusal):
        cover(schema(*made), domain)


@pytest.mark.parametrize(
    ("made", "domain"),
    [
        (([observe(A), SignedIn], [observe(A), SignedIn]), Domain()),
        (([observe(A)], [observe(A)]), Domain(default_permissions=[SignedIn])),
        (([observe(A)], [observe(A)]), Domain(permissions={"Query.boat": [SignedIn], "Boat": [SignedIn]})),
        (([], []), Domain(permissions={"Query.boat": [observe(A)], "Boat.oars": [observe(A)]}, default_permissions=[SignedIn])),
        (([observe(A), SignedIn], [], [SignedIn, observe(A)]), Domain()),
    ],
)  # fmt: skip
def test_beside_others_it_is_shown_as_observed_and_refuses_nobody(
    made: Any, domain: Domain
) -> None:
    mounted = schema(*made)
    cover(mounted, domain)
    rows = table(mounted, callers({"viewer": frozenset()}))
    assert {each.field for each in rows} == {"Query.boat", "Boat.oars"}
    for row in rows:
        assert sorted(row.needs.split(" and ")) == ["observed: scope a", "signed in"]
        assert row.outlooks == {"anyone": "no", "viewer": "yes"}


def test_the_sdl_does_not_ask_for_it_and_its_refusal_takes_no_object_away() -> None:
    mounted = schema([Public, observe(A)], [Public, observe(A)])
    cover(mounted, Domain())
    field = mounted._schema.query_type.fields["boat"]  # type: ignore[union-attr]
    assert directives_of(asked_of(field)) == NONE
    assert nested_non_null(mounted) == []


def test_services_count_by_themselves() -> None:
    made: Any = Services.__dataclass_fields__["observed"].default_factory
    assert made() is not made()
