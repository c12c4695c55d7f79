"""Which part of an error the client gets."""

from __future__ import annotations

import pytest
from graphql import GraphQLError

from tests.support.away import away
from watchword.errors import Internal, NotFound
from watchword.execution.masking import format_error, mask


def test_a_known_error_keeps_everything() -> None:
    error = GraphQLError("x", path=["toy"], original_error=NotFound("No such toy."))
    assert format_error(error)["extensions"] == {"code": "NOT_FOUND"}


@pytest.mark.parametrize(
    "cause", [ValueError("secret"), GraphQLError("secret"), KeyError("secret")]
)
def test_an_unexpected_error_becomes_an_id(
    cause: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    shown = format_error(GraphQLError(str(cause), path=["toy"], original_error=cause))
    assert shown["extensions"]["code"] == "INTERNAL"
    assert "secret" not in str(shown)
    assert shown["extensions"]["id"] in caplog.text
    assert "secret" in caplog.text


def test_an_error_of_the_request_keeps_its_message() -> None:
    assert format_error(GraphQLError("Syntax Error"))["extensions"] == {"code": "BAD_USER_INPUT"}


def test_a_known_failure_is_not_concealed() -> None:
    error = NotFound("No such toy.")
    assert mask(error) is error
    assert isinstance(mask(ValueError()), Internal)


def test_a_database_error_becomes_unavailable_without_its_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cause = away(ConnectionRefusedError("postgresql://watchword:hunter2@database"))
    shown = format_error(GraphQLError(str(cause), path=["toy"], original_error=cause))
    assert shown["extensions"] == {"code": "UNAVAILABLE"}
    assert shown["message"] == "The database cannot be asked just now."
    assert "hunter2" not in caplog.text
