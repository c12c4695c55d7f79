"""Authorization requests: what is accepted, what is refused, and where the error is sent."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.authorization import CALLBACK, KEY, answer, challenge
from watchword.oauth.authorize.authorization import (
    LONGEST_STATE,
    TO_DECIDE,
    AuthorizationRequest,
    Parameters,
    ReturnAddress,
    address_of,
    check,
)
from watchword.oauth.errors import OAuthError
from watchword.oauth.tables import Client
from watchword.storage.database import Database
from watchword.tokens.authentication import TWO_FACTORS


def client(**changes: Any) -> Client:
    made: dict[str, Any] = {
        "id": "client_a",
        "name": "Toys",
        "authentication": "none",
        "grants": ["authorization_code"],
        "scopes": ["toys:count", "toys:all"],
        "roles": [],
        "redirect_uris": [CALLBACK],
        "needs_dpop": False,
        "may_introspect": False,
        "created_at": datetime.now(UTC),
    }
    return Client(**(made | changes))


CLIENT = client()
GOOD = {
    "response_type": "code",
    "client_id": "client_a",
    "redirect_uri": CALLBACK,
    "scope": "toys:count",
    "state": "s",
    "code_challenge": challenge(),
    "code_challenge_method": "S256",
}
STEP_UP = 300


def checked(asking: Client = CLIENT, **changes: str | None) -> AuthorizationRequest:
    members: dict[str, Any] = GOOD | changes
    parameters = Parameters((name, value) for name, value in members.items() if value is not None)
    address = ReturnAddress(asking, CALLBACK, "https://issuer.example", parameters.get("state"))
    return check(address, parameters, STEP_UP)


def test_a_good_request_is_understood() -> None:
    asked = checked(dpop_jkt=KEY, max_age="60", prompt="consent login", more="whatever")
    assert asked.scopes == {"toys:count"}
    assert asked.code_challenge == challenge()
    assert asked.key == KEY
    assert asked.max_age == 60
    assert "consent" in asked.prompt


def test_scopes_that_the_client_may_not_have_are_left_out() -> None:
    assert checked(scope="openid toys:all members:write").scopes == {"toys:all"}


def test_who_shall_sign_in_anew_must_have_done_so_of_late() -> None:
    assert checked().max_age is None
    assert checked(prompt="login").max_age == STEP_UP
    assert checked(prompt="login", max_age="900").max_age == STEP_UP
    assert checked(max_age="900").max_age == 900


def test_the_classes_that_a_sign_in_here_can_reach_are_asked_for() -> None:
    assert checked().acr_values == checked(acr_values="").acr_values == ()
    assert checked(acr_values="gold phr").acr_values == ("phr",)
    assert checked(acr_values=f"{TWO_FACTORS} phr").acr_values == ("phr", TWO_FACTORS)


def test_no_max_age_is_so_short_that_nobody_could_decide() -> None:
    for short in ("0", "2", "59", "60"):
        assert checked(max_age=short).max_age == TO_DECIDE
    assert checked(prompt="login", max_age="0").max_age == TO_DECIDE


def test_a_max_age_in_which_nobody_signs_in_and_decides_asks_to_sign_in_anew() -> None:
    for changes in ({"max_age": "0"}, {"max_age": "59"}, {"prompt": "consent login"}):
        assert checked(**changes).anew
    for changes in ({}, {"max_age": "60"}, {"prompt": "consent"}):
        assert not checked(**changes).anew


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_type": "id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://evil.example/"}, "request_uri_not_supported"),
        ({"prompt": "none"}, "interaction_required"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"scope": " toys:count"}, "invalid_scope"),
        ({"scope": "toys:count  toys:all"}, "invalid_scope"),
        ({"scope": 'toys:count "'}, "invalid_scope"),
        ({"scope": "toys:count\n"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": challenge() + "="}, "invalid_request"),
        ({"code_challenge": challenge() + "\n"}, "invalid_request"),
        ({"code_challenge": challenge()[:-1] + "+"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"dpop_jkt": "short"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"acr_values": "gold"}, "unmet_authentication_requirements"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"max_age": "9" * 400}, "invalid_request"),
        ({"max_age": "٣"}, "invalid_request"),
    ],
)
def test_what_is_wrong_has_its_error(changes: dict[str, str | None], error: str) -> None:
    with pytest.raises(OAuthError) as refused:
        checked(**changes)
    assert refused.value.error == error
    # RFC 6749, section 4.1.2.1: the characters that a description may contain.
    assert not set(refused.value.description) & set('"\\')


def test_a_client_without_the_grant_is_refused() -> None:
    machine = client(grants=["client_credentials"])
    with pytest.raises(OAuthError) as refused:
        checked(machine)
    assert refused.value.error == "unauthorized_client"


def test_a_parameter_without_a_value_was_not_sent() -> None:
    assert Parameters.of_query(b"state=&scope=a").get("state") is None


def test_a_parameter_that_comes_twice_is_refused() -> None:
    parameters = Parameters.of_query(b"more=1&more=2")
    for ask in (lambda: parameters.get("more"), parameters.check_single):
        with pytest.raises(OAuthError, match="once"):
            ask()


@given(st.binary(max_size=300))
def test_any_query_is_read_or_refused(query: bytes) -> None:
    with suppress(OAuthError):
        Parameters.of_query(query).check_single()


@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "prompt", "max_age", "dpop_jkt", "request", "response_mode"]),
        st.none() | st.integers() | st.text(max_size=60) | st.lists(st.text(), max_size=2),
    )
)
def test_any_members_are_understood_or_refused(members: dict[str, object]) -> None:
    with suppress(OAuthError):
        parameters = Parameters.of_object(GOOD | members)
        check(ReturnAddress(CLIENT, CALLBACK, "https://issuer.example"), parameters, STEP_UP)


async def test_nobody_is_sent_anywhere_before_the_address_is_certain(database: Database) -> None:
    async with database.write() as db:
        db.add(client())
        db.add(client(id="client_gone", disabled_at=datetime.now(UTC)))
    bad: list[dict[str, str]] = [
        {"client_id": "nobody"},
        {"client_id": ""},
        {"client_id": "client_gone"},
        {"client_id": "client_a\x00"},
        {"client_id": "é" * 20},
        {"client_id": "x" * 100_000},
        {"redirect_uri": ""},
        {"redirect_uri": CALLBACK + "/more"},
        {"redirect_uri": "x" * 100_000},
        {"redirect_uri": "\x00"},
    ]
    async with database.read() as db:
        for changes in bad:
            with pytest.raises(OAuthError):
                await address_of(db, Parameters.of_object(GOOD | changes), "https://i")
        twice = Parameters([*GOOD.items(), ("redirect_uri", CALLBACK)])
        with pytest.raises(OAuthError):
            await address_of(db, twice, "https://i")
        address = await address_of(db, Parameters.of_object(dict(GOOD)), "https://i")
        assert address.client.id == "client_a"


async def test_a_state_that_is_too_long_is_refused_and_given_back(database: Database) -> None:
    async with database.write() as db:
        db.add(client())
    long = "s" * (LONGEST_STATE + 1)
    members = Parameters.of_object(GOOD | {"state": long})
    async with database.read() as db:
        address = await address_of(db, members, "https://i")
    with pytest.raises(OAuthError, match="state") as refused:
        check(address, members, STEP_UP)
    assert answer(address.refused(refused.value))["state"] == long


async def test_of_two_states_neither_is_given_back(database: Database) -> None:
    async with database.write() as db:
        db.add(client())
    members = Parameters([*GOOD.items(), ("state", "other")])
    async with database.read() as db:
        address = await address_of(db, members, "https://i")
    with pytest.raises(OAuthError, match="once"):
        check(address, members, STEP_UP)
    assert "state" not in answer(address.refused(OAuthError("invalid_request", "No.")))


def test_an_answer_says_whose_it_is_and_gives_the_state_back() -> None:
    state = "a b&c=d#é\r\n"
    address = ReturnAddress(CLIENT, CALLBACK, "https://issuer.example", state)
    assert answer(address.granted("the code")) == {
        "code": "the code",
        "state": state,
        "iss": "https://issuer.example",
    }
    told = answer(address.refused(OAuthError("access_denied", "No.")))
    assert told == {
        "error": "access_denied",
        "error_description": "No.",
        "state": state,
        "iss": "https://issuer.example",
    }
    assert "\n" not in address.granted("x")
