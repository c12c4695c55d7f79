"""Attacks on passkeys, one-time codes and recovery codes: each is refused with its status, never 500.

WebAuthn Level 3, sections 7.1, 7.2 and 13; RFC 6238, section 5; OWASP's multifactor cheat sheet.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from pyotp import TOTP
from sqlalchemy import select

from tests.support.authenticator import PRESENT, Authenticator, encode
from tests.support.clock import MovedClock
from tests.support.factors import enrol, register
from tests.support.identity import ORIGIN, SignInDesk, sign_in_desk, unit_of
from watchword.auth.accounts.accounts import add_account
from watchword.auth.http.passkey_routes import OPTIONS
from watchword.auth.tables import AuditEntry
from watchword.storage.database import Database

MALLORY = "mallory@example.com"


@dataclass
class Scene:
    """Alice, who has a passkey, and an attacker."""

    desk: SignInDesk
    device: Authenticator
    clock: MovedClock

    async def options(self, token: str | None = None) -> dict[str, Any]:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        response = await self.desk.client.post(OPTIONS, json={}, headers=headers)
        assert response.status_code == 200, response.text
        made: dict[str, Any] = response.json()
        return made

    async def sign_in(self, passkey: object) -> httpx2.Response:
        return await self.desk.client.post("/api/auth/login", json={"passkey": passkey})

    async def step_up(self, token: str, **body: Any) -> httpx2.Response:
        headers = {"authorization": f"Bearer {token}"}
        return await self.desk.client.post("/api/auth/step-up", json=body, headers=headers)

    async def token(self, **body: Any) -> str:
        response = await self.desk.login(**body)
        assert response.status_code == 200, response.text
        return str(response.json()["access_token"])

    async def enrol(self) -> tuple[TOTP, list[str]]:
        services = self.desk.auth.services
        return await enrol(
            services.database, services.settings, self.desk.account.id, self.clock.now()
        )


@pytest.fixture
async def scene(database: Database, clock: MovedClock) -> AsyncIterator[Scene]:
    async with sign_in_desk(database, clock) as desk:
        device = Authenticator(ORIGIN)
        services = desk.auth.services
        await register(services.database, services.settings, desk.account.id, device, clock.now())
        yield Scene(desk, device, clock)


def refused(response: httpx2.Response, status: int = 401) -> None:
    assert response.status_code == status, response.text
    assert "access_token" not in response.text
    assert "set-cookie" not in response.headers


TWISTS: dict[str, dict[str, Any]] = {
    "a look-alike of our page (phishing)": {"origin": "https://watchword.example.evil.com"},
    "our page without TLS": {"origin": "http://watchword.example"},
    "our page in somebody's frame (clickjacking)": {"cross_origin": True},
    "a passkey of another relying party": {"rp_id": "evil.com"},
    "a challenge of the attacker's own": {"challenge": encode(b"x" * 32)},
    "a stolen phone that nobody unlocked": {"flags": PRESENT},
    "the signature of another key": {"key": Authenticator(ORIGIN).key},
    "no signature": {"signature": b""},
    "a signature of zeros": {"signature": bytes.fromhex("3006020100020100")},
    "a registration instead of a sign-in": {"type": "webauthn.create"},
    "the handle of another account": {"user": encode(b"admin")},
    "no handle": {"user": None},
    "a count that went back (a clone)": {"count": 0},
}


@pytest.mark.parametrize("twist", TWISTS.values(), ids=TWISTS)
async def test_no_twist_signs_anybody_in(scene: Scene, twist: dict[str, Any]) -> None:
    assert (await scene.sign_in(scene.device.get(await scene.options(), count=5))).is_success
    refused(await scene.sign_in(scene.device.get(await scene.options(), **twist)))


async def test_a_replayed_answer_is_refused(scene: Scene) -> None:
    answer = scene.device.get(await scene.options())
    assert (await scene.sign_in(answer)).is_success
    refused(await scene.sign_in(answer))


async def test_an_answer_raced_many_times_opens_one_session(scene: Scene) -> None:
    answer = scene.device.get(await scene.options())
    responses = await asyncio.gather(*(scene.sign_in(answer) for _ in range(8)))
    assert sorted(response.status_code for response in responses) == [200, *[401] * 7]


async def test_an_answer_kept_for_later_is_refused(scene: Scene) -> None:
    answer = scene.device.get(await scene.options())
    scene.clock.move(300)
    refused(await scene.sign_in(answer))


async def test_an_assertion_for_a_step_up_cannot_sign_in_nor_the_reverse(
    scene: Scene,
) -> None:
    token = await scene.token()
    refused(await scene.sign_in(scene.device.get(await scene.options(token))))
    refused(await scene.step_up(token, passkey=scene.device.get(await scene.options())))


async def test_a_stolen_token_is_not_stepped_up_by_the_thiefs_passkey(
    scene: Scene, database: Database
) -> None:
    now, settings = scene.clock.now(), scene.desk.auth.settings
    async with unit_of(database, now) as unit:
        mallory = await add_account(unit, email=MALLORY, name="M", roles=[], hash=None)
    own = Authenticator(ORIGIN)
    await register(database, settings, mallory.id, own, now)
    token = await scene.token()
    for options in (await scene.options(token), await scene.options()):
        refused(await scene.step_up(token, passkey=own.get(options)))


async def test_a_third_partys_token_gets_no_step_up(scene: Scene) -> None:
    desk = scene.desk
    issued = desk.auth.issuer.issue(
        desk.auth.keys.ring,
        subject=desk.account.id,
        roles=frozenset(),
        scopes=frozenset(),
        session="s",
        now=scene.clock.now(),
        version=desk.account.version,
        client_id="some-app",
    )
    headers = {"authorization": f"Bearer {issued.token}"}
    response = await desk.client.post(OPTIONS, json={}, headers=headers)
    refused(response, 403)


async def test_unknown_passkeys_and_wrong_ones_are_answered_alike(scene: Scene) -> None:
    stranger = Authenticator(ORIGIN, user=scene.device.user)
    unknown = await scene.sign_in(stranger.get(await scene.options()))
    wrong = await scene.sign_in(scene.device.get(await scene.options(), key=stranger.key))
    refused(unknown)
    assert (unknown.status_code, unknown.json()) == (wrong.status_code, wrong.json())


GARBAGE: dict[str, object] = {
    "an empty object": {},
    "an empty response": {"id": "a", "rawId": "a", "type": "public-key", "response": {}},
    "numbers": {"id": 1, "rawId": 2, "type": 3, "response": {"clientDataJSON": 4}},
    "lists": {"id": [], "rawId": [], "type": [], "response": []},
    "null": {"id": None, "rawId": None, "type": None, "response": None},
    "NUL": {
        "id": "\x00",
        "rawId": "\x00",
        "type": "public-key",
        "response": {"clientDataJSON": "\x00"},
    },
    "deep": {"response": {"clientDataJSON": encode(b"[" * 20_000)}},
    "a challenge of a megabyte": {"response": {"clientDataJSON": "A" * 900_000}},
}


@pytest.mark.parametrize("passkey", GARBAGE.values(), ids=GARBAGE)
async def test_garbage_of_any_kind_and_size_is_refused(scene: Scene, passkey: object) -> None:
    refused(await scene.sign_in(passkey))
    refused(await scene.step_up(await scene.token(), passkey=passkey))


@pytest.mark.parametrize("passkey", ["text", 5, True, [], [{}]])
async def test_a_passkey_that_is_no_object_is_refused(scene: Scene, passkey: object) -> None:
    refused(await scene.sign_in(passkey), 400)
    refused(await scene.step_up(await scene.token(), passkey=passkey), 400)


MEMBERS = ["clientDataJSON", "authenticatorData", "signature", "userHandle"]
VALUES: list[object] = [None, 5, [], {}, "", "é", "\x00", "A" * 40_000]


@pytest.mark.parametrize("member", MEMBERS)
async def test_one_member_that_is_wrong_is_enough(scene: Scene, member: str) -> None:
    for value in VALUES:
        answer = scene.device.get(await scene.options())
        answer["response"][member] = value
        refused(await scene.sign_in(answer))


async def test_a_clone_is_in_the_audit_log(scene: Scene, database: Database) -> None:
    await scene.sign_in(scene.device.get(await scene.options(), count=5))
    refused(await scene.sign_in(scene.device.get(await scene.options(), count=5)))
    async with database.read() as db:
        found = await db.execute(select(AuditEntry).filter_by(action="SIGN_IN_FAILED"))
        [entry] = found.scalars()
    assert (entry.account_id, entry.detail) == (scene.desk.account.id, {"rule": "sign_count"})
    assert entry.address == "203.0.113.7"


async def test_a_password_alone_is_not_enough(scene: Scene) -> None:
    token = await scene.token()
    await scene.enrol()
    answer = await scene.desk.login()
    refused(answer)
    assert answer.json()["error"] == "mfa_required"
    refused(await scene.step_up(token, password="correct horse battery"))


async def test_a_wrong_password_does_not_tell_that_there_is_a_second_factor(scene: Scene) -> None:
    before = await scene.desk.login(password="wrong horse battery")
    await scene.enrol()
    after = await scene.desk.login(password="wrong horse battery")
    with_code = await scene.desk.login(password="wrong horse battery", otp="000000")
    refused(before)
    assert before.json() == after.json() == with_code.json()


async def test_a_code_over_the_shoulder_is_used_up(scene: Scene) -> None:
    app, _ = await scene.enrol()
    code = app.at(scene.clock.now())
    await scene.token(otp=code)
    refused(await scene.desk.login(otp=code))
    scene.clock.move(29)
    refused(await scene.desk.login(otp=code))


async def test_a_code_raced_many_times_signs_in_once(scene: Scene) -> None:
    app, codes = await scene.enrol()
    for body in ({"otp": app.at(scene.clock.now())}, {"recovery_code": codes[0]}):
        responses = await asyncio.gather(*(scene.desk.login(**body) for _ in range(5)))
        assert sorted(response.status_code for response in responses) == [200, *[401] * 4]


@pytest.mark.parametrize("offset", [-61, 90])
async def test_a_code_of_another_time_is_refused(scene: Scene, offset: int) -> None:
    app, _ = await scene.enrol()
    refused(await scene.desk.login(otp=app.at(scene.clock.now() + offset)))


async def test_codes_are_not_guessed(scene: Scene) -> None:
    app, codes = await scene.enrol()
    good = app.at(scene.clock.now())
    guesses = [code for code in ("000000", "111111", "222222", "333333", "444444") if code != good]
    for code in guesses:
        refused(await scene.desk.login(otp=code))
    statuses = {(await scene.desk.login(otp="555555")).status_code for _ in range(3)}
    assert 429 in statuses
    # The right code is refused too, but its owner is not locked out: a recovery code is accepted.
    assert (await scene.desk.login(otp=good)).status_code == 429
    await scene.token(recovery_code=codes[0])


@pytest.mark.parametrize(
    "value", ["", " ", "12345", "1234567", "１２３４５６", "\x00", "x" * 10_000]
)
async def test_no_code_is_too_strange_to_be_refused(scene: Scene, value: str) -> None:
    await scene.enrol()
    for name in ("otp", "recovery_code"):
        response = await scene.desk.login(**{name: value})
        assert response.status_code in (400, 401), response.text
        assert "access_token" not in response.text


@pytest.mark.parametrize("value", [5, True, [], {}, ["000000"]])
async def test_a_code_of_any_type_is_refused(scene: Scene, value: object) -> None:
    await scene.enrol()
    for name in ("otp", "recovery_code"):
        refused(await scene.desk.login(**{name: value}), 400)
