"""What a client raises."""

from __future__ import annotations

from typing import Any

import pytest
from gql.transport.exceptions import TransportError, TransportQueryError

from watchword import client
from watchword.client.errors import code_of, query_error, retry_after_of


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        (None, None),
        ([], None),
        (["text"], None),
        ([{"message": "No."}], None),
        ([{"extensions": {"code": 7}}], None),
        ([{"extensions": {"code": "NOT_FOUND"}}, {"extensions": {"code": "OTHER"}}], "NOT_FOUND"),
    ],
)
def test_the_code_is_that_of_the_first_error(errors: Any, code: str | None) -> None:
    assert code_of(errors) == code


@pytest.mark.parametrize(
    ("told", "seconds"),
    [(2.5, 2.5), (3, 3.0), (None, 0.0), ("9", 0.0), (True, 0.0), (-1, 0.0), (float("nan"), 0.0)],
)
def test_the_pause_is_what_the_first_error_says(told: Any, seconds: float) -> None:
    assert retry_after_of([{"extensions": {"retryAfter": told}}]) == seconds
    assert retry_after_of(["text"]) == retry_after_of(None) == 0.0


def test_only_a_cursor_that_has_expired_asks_to_fetch_again() -> None:
    expired = query_error([{"message": "Gone.", "extensions": {"code": "CURSOR_EXPIRED"}}])
    assert isinstance(expired, client.FetchAgain)
    other = query_error([{"message": "No."}], {"viewer": None}, {"cost": 1})
    assert type(other) is TransportQueryError
    assert (str(other), other.data, other.extensions) == ("No.", {"viewer": None}, {"cost": 1})


def test_one_clause_catches_all() -> None:
    raised = [getattr(client, name) for name in client.__all__]
    errors = [each for each in raised if issubclass(each, Exception)]
    assert len(errors) == 6
    assert all(issubclass(each, TransportError) for each in errors)
