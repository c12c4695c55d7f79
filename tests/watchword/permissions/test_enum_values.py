"""A guarded enum value in an answer is null for callers who may not see it, with an error in its place."""

from enum import Enum

import pytest
import strawberry

from tests.support.both_executions import Both
from tests.support.payroll import Query, payroll
from watchword.domain import Domain
from watchword.errors import Unsafe
from watchword.libraries.strawberry_parts import definition
from watchword.permissions.coverage import cover
from watchword.permissions.enum_values import hidden_of
from watchword.permissions.field import FirstParty, HasScope, Owner, Public
from watchword.permissions.guarded import guarded_by
from watchword.principal import ANONYMOUS, Grants, Principal

BOARD = Principal("member", Grants(frozenset({"payroll"}), frozenset({"board"})))
CLERK = Principal("clerk", Grants(frozenset({"payroll"})))


def covered(schema: strawberry.Schema) -> None:
    cover(schema, Domain())


@pytest.fixture
def both() -> Both:
    return Both(Query, added=covered)


async def test_a_value_is_hidden_alone_in_a_list_and_when_it_comes_later(both: Both) -> None:
    data, errors = await both.execute("{ people { level levels later } }")
    assert data["people"] == [
        {"level": "STAFF", "levels": ["STAFF", "STAFF"], "later": "STAFF"},
        {"level": None, "levels": ["STAFF", None], "later": None},
    ]
    assert [path for _, path, *_ in errors] == [
        ["people", 1, "level"],
        ["people", 1, "levels", 1],
        ["people", 1, "later"],
    ]
    assert {message for message, *_ in errors} == {"Sign in first: this needs scope board."}


async def test_callers_who_have_what_is_needed_see_it(both: Both) -> None:
    data, errors = await both.execute("{ people { level levels later } }", principal=BOARD)
    assert errors == []
    assert data["people"][1] == {"level": "BOARD", "levels": ["STAFF", "BOARD"], "later": "BOARD"}


async def test_above_an_enum_each_of_its_values_is_guarded(both: Both) -> None:
    data, [error, _] = await both.execute("{ people { grade } }")
    assert data["people"] == [{"grade": None}, {"grade": None}]
    assert error[0] == "Sign in first: this needs role payroll."
    data, errors = await both.execute("{ people { grade } }", principal=CLERK)
    assert errors == []
    assert data["people"][0] == {"grade": "ONE"}


async def test_a_value_that_must_not_be_null_takes_its_object() -> None:
    @guarded_by(HasScope("a"))
    @strawberry.enum
    class Only(Enum):
        ONE = 1

    @guarded_by(Public)
    @strawberry.type
    class Thing:
        only: Only = Only.ONE

    @strawberry.type
    class Root:
        @strawberry.field(permission_classes=[Public])
        def thing(self) -> Thing | None:
            return Thing()

    both = Both(Root, added=covered)
    data, [error] = await both.execute("{ thing { only } }", principal=CLERK)
    assert data == {"thing": None}
    assert error[1] == ["thing", "only"]


@pytest.mark.parametrize("permission", [Owner("name"), FirstParty])
def test_a_value_of_answers_asks_only_what_grants_say(permission: type) -> None:
    @strawberry.enum
    class Kind(Enum):
        A = strawberry.enum_value("a", directives=[guarded_by(permission)])

    @strawberry.type
    class Root:
        @strawberry.field(permission_classes=[Public])
        def kind(self) -> Kind:
            return Kind.A

    @strawberry.type
    class Taking:
        @strawberry.field(permission_classes=[Public])
        def taken(self, kind: Kind) -> int:
            return 1

    with pytest.raises(Unsafe, match=r"Kind.A is a value of answers, so guarded_by may ask"):
        cover(strawberry.Schema(Root), Domain())
    cover(strawberry.Schema(Taking), Domain())


def test_a_schema_without_guarded_values_hides_nothing() -> None:
    assert set(hidden_of(definition(payroll()))) == {"Grade", "Level"}

    @strawberry.type
    class Root:
        @strawberry.field(permission_classes=[Public])
        def hello(self) -> str:
            return "hello"

    both = Both(Root, added=covered)
    assert hidden_of(definition(both.schema)) == {}
    assert both.core._executor_class.__name__ == "Checking"
    assert ANONYMOUS.is_anonymous
