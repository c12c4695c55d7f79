"""Request options over HTTP, and their use at login and step-up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import event

from tests.support.authenticator import Authenticator, decode, encode
from tests.support.clock import MovedClock
from tests.support.factors import enrol, register
from tests.support.identity import EMAIL, ORIGIN, PASSWORD, SignInDesk, sign_in_desk
from watchword.auth.http.passkey_routes import OPTIONS
from watchword.storage.database import Database


@pytest.fixture
async def desk(database: Database, clock: MovedClock) -> AsyncIterator[SignInDesk]:
    async with sign_in_desk(database, clock) as opened:
        yield opened


@pytest.fixture
async def device(desk: SignInDesk, clock: MovedClock) -> Authenticator:
    made = Authenticator(ORIGIN)
    services = desk.auth.services
    await register(services.database, services.settings, desk.account.id, made, clock.now())
    return made


async def ask(desk: SignInDesk, token: str | None = None, **rest: Any) -> Any:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return await desk.client.post(OPTIONS, **({"json": {}} | rest), headers=headers)


async def test_a_person_signs_in_by_passkey_alone(desk: SignInDesk, device: Authenticator) -> None:
    answer = await ask(desk)
    assert answer.headers["cache-control"] == "no-store"
    response = await desk.client.post(
        "/api/auth/login", json={"passkey": device.get(answer.json())}
    )
    assert response.status_code == 200, response.text
    principal = await desk.auth.verify(response.json()["access_token"])
    assert principal.subject == desk.account.id


async def test_a_passkey_is_asked_for_no_one_time_code(
    desk: SignInDesk, device: Authenticator, clock: MovedClock
) -> None:
    services = desk.auth.services
    await enrol(services.database, services.settings, desk.account.id, clock.now())
    assert (await desk.login()).json()["error"] == "mfa_required"
    options = (await ask(desk)).json()
    response = await desk.client.post("/api/auth/login", json={"passkey": device.get(options)})
    assert response.status_code == 200, response.text


async def test_a_person_steps_up_by_passkey(
    desk: SignInDesk, device: Authenticator, clock: MovedClock
) -> None:
    token = (await desk.login()).json()["access_token"]
    clock.move(200)
    options = (await ask(desk, token)).json()
    assert [each["id"] for each in options["allowCredentials"]] == [encode(device.id)]
    response = await desk.client.post(
        "/api/auth/step-up",
        json={"passkey": device.get(options)},
        headers={"authorization": f"Bearer {token}"},
    )
    assert response.status_code == 200, response.text
    before = await desk.auth.verify(token)
    after = await desk.auth.verify(response.json()["access_token"])
    assert after.session == before.session
    assert after.authenticated_at == clock.now() > before.authenticated_at


async def test_options_are_the_same_for_all_callers(
    desk: SignInDesk, device: Authenticator
) -> None:
    said = []
    for body in ({}, {"email": EMAIL}, {"email": "nobody@example.com"}):
        options = (await ask(desk, json=body)).json()
        assert len(decode(options.pop("challenge"))) == 72
        said.append(options)
    assert said == [said[0]] * 3
    assert said[0]["allowCredentials"] == []


async def test_an_invalid_token_gets_no_options(desk: SignInDesk) -> None:
    for value in ("nonsense", f"Basic {encode(b'a:b')}", "Bearer a b"):
        response = await desk.client.post(OPTIONS, json={}, headers={"authorization": value})
        assert (response.status_code, response.json()["error"]) == (401, "invalid_token")


async def test_a_person_of_a_large_office_gets_options_and_signs_in_when_many_asked_before(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock, sign_in_limit_per_address="2 per 5 minutes") as desk:
        device, services = Authenticator(ORIGIN), desk.auth.services
        await register(services.database, services.settings, desk.account.id, device, clock.now())
        for _ in range(10):
            options = (await ask(desk)).json()
            signed_in = await desk.client.post(
                "/api/auth/login", json={"passkey": device.get(options)}
            )
            assert signed_in.status_code == 200
            # A page that offers passkeys requests options on load, before the user is known.
            assert (await ask(desk)).status_code == 200


async def test_unanswered_options_store_nothing(desk: SignInDesk) -> None:
    writes: list[str] = []
    engine = desk.auth.services.database.engine.sync_engine

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        writes.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    for _ in range(3):
        await ask(desk)
    event.remove(engine, "before_cursor_execute", note)
    assert writes == []


async def test_only_json_is_read(desk: SignInDesk) -> None:
    form = await desk.client.post(OPTIONS, data={"a": "b"})
    assert form.status_code == 415
    for content in (b"[]", b"null", b"{", b"\xff"):
        response = await desk.client.post(
            OPTIONS, content=content, headers={"content-type": "application/json"}
        )
        assert response.status_code == 400, content


async def test_a_server_without_a_name_says_what_to_do(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock, issuer="http://127.0.0.1:8000") as desk:
        response = await ask(desk)
    assert response.status_code == 400
    assert "WATCHWORD_ISSUER" in response.json()["error_description"]


async def test_a_password_in_place_of_a_passkey_is_refused(
    desk: SignInDesk, device: Authenticator
) -> None:
    options = (await ask(desk)).json()
    both = {"email": EMAIL, "password": PASSWORD, "passkey": device.get(options)}
    assert (await desk.client.post("/api/auth/login", json=both)).status_code == 400
