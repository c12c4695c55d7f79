"""The refusal of any permission is FORBIDDEN or UNAUTHENTICATED, and no other error is."""

from __future__ import annotations

from typing import Any

import pytest
import strawberry
from graphql import GraphQLError
from strawberry.permission import BasePermission

from watchword.errors import Forbidden, Unauthenticated, WatchwordError
from watchword.permissions.refusal import refusal, with_refusal
from watchword.principal import ANONYMOUS, Grants, Principal

ALICE = Principal("alice", Grants())


class Never(BasePermission):
    message = "Not today."
    error_extensions = {"code": "CLOSED"}

    def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        return False


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Never])
    def closed(self) -> str:
        return "x"

    @strawberry.field
    def broken(self) -> str:
        raise ValueError("a secret")


def error_of(field: str) -> GraphQLError:
    [error] = strawberry.Schema(Query).execute_sync(f"{{ {field} }}").errors or []
    return error


@pytest.mark.parametrize(("principal", "kind"), [(ALICE, Forbidden), (ANONYMOUS, Unauthenticated)])
def test_a_refusal_keeps_its_message_and_its_extensions(
    principal: Principal, kind: type[WatchwordError]
) -> None:
    cause = error_of("closed").original_error
    assert cause is not None
    refused = refusal(cause, principal)
    assert type(refused) is kind
    assert refused is not None
    assert (refused.message, refused.extensions["code"]) == ("Not today.", "CLOSED")


def test_an_error_from_elsewhere_is_no_refusal() -> None:
    error = error_of("broken")
    assert error.original_error is not None
    assert refusal(error.original_error, ALICE) is None
    assert with_refusal(error, ALICE) is error


def test_a_fields_error_gets_the_refusal_as_its_cause() -> None:
    error = error_of("closed")
    found = with_refusal(error, ALICE)
    assert isinstance(found.original_error, Forbidden)
    assert found.path == error.path
