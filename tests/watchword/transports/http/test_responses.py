"""Responses in one piece: their media type, their status, and their challenges."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.toy_server import principal
from watchword.errors import BadUserInput, InvalidToken, NonceNeeded, TokenNotYetValid
from watchword.transports.http.responses import (
    GRAPHQL_JSON,
    JSON,
    Failure,
    challenges,
    failed,
    plain_media_type,
    refusal,
    response,
    step_up,
)

ERRORS = [{"message": "no"}]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [("", JSON), (GRAPHQL_JSON, GRAPHQL_JSON), ("text/event-stream", JSON), ("*/*", JSON)],
)
def test_a_client_gets_json_of_its_kind(accept: str, expected: str) -> None:
    assert plain_media_type(accept) == expected


@pytest.mark.parametrize(
    ("media_type", "status", "sent"),
    [(JSON, 200, JSON), (GRAPHQL_JSON, 400, GRAPHQL_JSON), ("text/event-stream", 400, JSON)],
)
def test_a_refusal_has_the_status_of_its_media_type(
    media_type: str, status: int, sent: str
) -> None:
    made = refusal(ERRORS, media_type, "")
    assert made.status == status
    assert dict(made.headers)[b"content-type"] == f"{sent}; charset=utf-8".encode()
    assert json.loads(made.body) == {"errors": ERRORS}


@pytest.mark.parametrize(("status", "sent"), [(401, JSON), (413, GRAPHQL_JSON)])
def test_a_refused_token_is_plain_json_if_the_client_takes_it(status: int, sent: str) -> None:
    accept = f"{GRAPHQL_JSON}, {JSON};q=0.9"
    made = failed(Failure(status, BadUserInput("no"), ((b"x-more", b"1"),)), accept)
    headers = dict(made.headers)
    assert (made.status, headers[b"x-more"]) == (status, b"1")
    assert headers[b"content-type"] == f"{sent}; charset=utf-8".encode()
    assert headers[b"cache-control"] == b"private, no-store"


def test_an_answer_is_not_to_be_cached() -> None:
    headers = dict(response(200, {"data": None}, JSON).headers)
    assert headers[b"cache-control"] == b"private, no-store"


def test_a_challenge_has_the_nonce_and_the_time_to_come_back() -> None:
    assert dict(challenges(NonceNeeded("n1"), is_bound=True))[b"dpop-nonce"] == b"n1"
    assert dict(challenges(TokenNotYetValid("nbf", 2.5), is_bound=False))[b"retry-after"] == b"3"
    [(name, value)] = challenges(InvalidToken("exp"), is_bound=False)
    assert (name, value[:6]) == (b"www-authenticate", b"Bearer")


def test_an_answer_demands_the_most_recent_sign_in_of_its_fields() -> None:
    alice = principal("alice", 0)
    errors = [
        {"message": "", "extensions": {"code": "STEP_UP_REQUIRED", "maxAge": age}}
        for age in (300, 60, "soon")
    ]
    [(_, value)] = step_up({"data": None, "errors": errors}, alice)
    assert value.endswith(b'max_age="60"')
    assert step_up({"data": None, "errors": errors[2:]}, alice) == ()
    kinds: list[Any] = [
        ["c", "k"],
        ["k", "x"],
        [],
        "k",
        ['a"b', "a b", "a\r\nb", 7, "\u00e9", "k" * 201],
    ]
    classed = [
        {"message": "", "extensions": {"code": "STEP_UP_REQUIRED", "acrValues": kind}}
        for kind in kinds
    ]
    [(_, value)] = step_up({"data": None, "errors": classed}, alice)
    assert value.endswith(b'error="insufficient_user_authentication", acr_values="k"')
    [(_, value)] = step_up({"data": None, "errors": [*classed[:1], *errors]}, alice)
    assert value.endswith(b'acr_values="c k", max_age="60"')
    assert step_up({"data": None, "errors": classed[2:]}, alice) == ()
    assert step_up({"data": None, "errors": ERRORS}, alice) == step_up({"data": {}}, alice) == ()
