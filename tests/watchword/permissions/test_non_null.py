"""Guarded fields that must not be null are named at the start, once, with what a refusal of them does."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest
import strawberry
from strawberry.permission import PermissionExtension

from tests.support.both_executions import Both
from tests.support.clock import MovedClock
from tests.support.toy_app import prepared
from watchword.app import create_app
from watchword.domain import Domain, Mount
from watchword.permissions.coverage import cover
from watchword.permissions.field import HasRole, Public, SignedIn
from watchword.permissions.guarded import guarded_by
from watchword.permissions.non_null import name_non_null, nested_non_null, root_non_null

SOME_NULL = "If one is refused,"
REJECTED = (
    "What roles, scopes and claims deny refuses the whole operation (WATCHWORD_REFUSALS=reject), so nothing is run. If a"
    " rule about the object refuses one, or the request chose another form by extensions.refusals,"
)


@guarded_by(Public)
@strawberry.type
class Person:
    name: str = "Ada"
    salary: int = strawberry.field(permission_classes=[HasRole("payroll")], default=1)
    bonus: int | None = strawberry.field(permission_classes=[HasRole("payroll")], default=2)
    notes: list[str] = strawberry.field(
        extensions=[PermissionExtension([HasRole("payroll")()], fail_silently=True)],
        default_factory=list,
    )


@guarded_by(SignedIn)
@strawberry.type
class Diary:
    page: str = "x"


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def person(self) -> Person | None:
        return Person()

    @strawberry.field(permission_classes=[Public])
    def diary(self) -> Diary:
        return Diary()

    @strawberry.field(permission_classes=[HasRole("admin")])
    def count(self) -> int:
        return 1


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[HasRole("admin")])
    async def numbers(self) -> AsyncIterator[int]:
        yield 1


@pytest.fixture
def schema() -> strawberry.Schema:
    made = strawberry.Schema(Query, subscription=Subscription)
    cover(made, Domain())
    return made


def test_guarded_fields_that_must_not_be_null_are_found_also_by_the_permission_of_their_type(
    schema: strawberry.Schema,
) -> None:
    assert nested_non_null(schema) == ["Person.salary", "Diary.page"]


def test_root_fields_are_found_but_not_a_subscription_which_has_no_answer_when_refused(
    schema: strawberry.Schema,
) -> None:
    assert root_non_null(schema) == ["Query.count"]


def test_the_log_names_them_once_for_each_schema_with_what_a_refusal_does(
    schema: strawberry.Schema, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "watchword.permissions")
    name_non_null(schema, "partial")
    name_non_null(schema, "partial")
    below, root = caplog.messages
    assert "Person (salary), Diary. If one" in below
    assert "its object becomes null too, up to the next place that may be null" in below
    assert "must not be null: Query (count). If one" in root
    assert "the data of the whole answer is null" in root


def test_a_schema_without_such_fields_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    @strawberry.type(name="Query")
    class Quiet:
        @strawberry.field(permission_classes=[SignedIn])
        def maybe(self) -> int | None:
            return 1

        @strawberry.field(permission_classes=[Public])
        def open(self) -> int:
            return 1

    caplog.set_level(logging.INFO, "watchword.permissions")
    name_non_null(strawberry.Schema(Quiet), "partial")
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("refusals", "what"),
    [("partial", SOME_NULL), ("each", SOME_NULL), ("reject", REJECTED)],
)
async def test_they_are_named_when_the_server_starts_with_what_its_setting_does_and_not_before(
    sqlite_url: str,
    clock: MovedClock,
    caplog: pytest.LogCaptureFixture,
    refusals: str,
    what: str,
) -> None:
    caplog.set_level(logging.INFO, "watchword.permissions")
    mount = Mount(strawberry.Schema(Query, subscription=Subscription), Domain())
    app = create_app(await prepared(sqlite_url, clock, refusals=refusals), mount, clock)
    assert caplog.messages == []
    async with app.router.lifespan_context(app):
        below, root = caplog.messages
    assert f"Person (salary), Diary. {what} its object becomes null" in below
    assert f"Query (count). {what} the data of the whole answer is null" in root


@pytest.mark.parametrize(
    ("document", "data"),
    [
        (
            "{ person { name salary } diary { __typename } }",
            {"person": None, "diary": {"__typename": "Diary"}},
        ),
        (
            "{ person { name bonus notes } }",
            {"person": {"name": "Ada", "bonus": None, "notes": []}},
        ),
        ("{ person { name } count }", None),
    ],
)
async def test_a_refusal_does_what_the_log_says(document: str, data: object) -> None:
    found, errors = await Both(Query).execute(document)
    assert found == data
    assert len(errors) == 1
