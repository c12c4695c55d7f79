"""Passkeys and one-time codes over GraphQL: only their owner sees and changes them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
import strawberry
from pyotp import TOTP

from tests.support.authenticator import Authenticator, encode
from tests.support.clock import MovedClock
from tests.support.hashing import watched_hashes
from tests.support.identity import ORIGIN, SignInDesk, sign_in_desk
from watchword.auth.fields.factor_fields import FactorMutation, FactorQuery
from watchword.context import Context
from watchword.errors import WatchwordError
from watchword.principal import ANONYMOUS, FIRST_PARTY, Principal
from watchword.storage.database import Database

schema = strawberry.Schema(FactorQuery, FactorMutation)

PASSKEYS = "{ passkeys { id name createdAt usedAt } }"
BEGIN = "mutation { beginPasskey }"
ADD = "mutation ($name: String!, $credential: JSON!) { addPasskey(name: $name, credential: $credential) { id name } }"
RENAME = "mutation ($id: ID!, $name: String!) { renamePasskey(id: $id, name: $name) { name } }"
REMOVE = "mutation ($id: ID!) { removePasskey(id: $id) }"
SECOND_FACTOR = "{ secondFactor { enabled recoveryCodesLeft } }"
BEGIN_TOTP = "mutation { beginTotp { secret uri } }"
CONFIRM_TOTP = "mutation ($otp: String!) { confirmTotp(otp: $otp) }"
DISABLE_TOTP = "mutation { disableTotp { enabled recoveryCodesLeft } }"
MAKE_CODES = "mutation { makeRecoveryCodes }"


@dataclass
class Person:
    """A user that queries its own factors."""

    desk: SignInDesk
    principal: Principal

    async def data(self, document: str, **variables: Any) -> Any:
        result = await schema.execute(document, variables, self._context())
        assert result.errors is None, result.errors
        assert result.data is not None
        return next(iter(result.data.values()))

    async def refusal(self, document: str, **variables: Any) -> WatchwordError:
        result = await schema.execute(document, variables, self._context())
        assert result.errors is not None, result.data
        [error] = result.errors
        assert isinstance(error.original_error, WatchwordError), error
        return error.original_error

    async def add(self, device: Authenticator, name: str = "phone", **twist: Any) -> Any:
        credential = device.create(await self.data(BEGIN), **twist)
        return await self.data(ADD, name=name, credential=credential)

    def _context(self) -> Context:
        return Context(self.desk.auth.services, self.principal, via={"client": ("203.0.113.7", 1)})


@pytest.fixture
async def desk(database: Database, clock: MovedClock):  # type: ignore[no-untyped-def]
    async with sign_in_desk(database, clock) as opened:
        yield opened


@pytest.fixture
def alice(desk: SignInDesk, clock: MovedClock) -> Person:
    principal = Principal(
        desk.account.id, client=FIRST_PARTY, session="s", authenticated_at=clock.now()
    )
    return Person(desk, principal)


async def test_a_passkey_is_registered_listed_renamed_and_removed(alice: Person) -> None:
    device = Authenticator(ORIGIN)
    made = await alice.add(device)
    assert made == {"id": encode(device.id), "name": "phone"}
    [listed] = await alice.data(PASSKEYS)
    assert (listed["id"], listed["name"], listed["usedAt"]) == (made["id"], "phone", None)
    assert await alice.data(RENAME, id=made["id"], name="ring") == {"name": "ring"}
    assert await alice.data(REMOVE, id=made["id"]) == made["id"]
    assert await alice.data(PASSKEYS) == []
    assert (await alice.refusal(REMOVE, id=made["id"])).code == "NOT_FOUND"


async def test_a_refused_passkey_has_used_its_challenge_up(alice: Person) -> None:
    device = Authenticator(ORIGIN)
    options = await alice.data(BEGIN)
    for twist in ({"origin": "https://evil.example"}, {}):
        credential = device.create(options, **twist)
        refused = await alice.refusal(ADD, name="phone", credential=credential)
        assert (refused.code, refused.extensions["path"]) == ("BAD_USER_INPUT", ["credential"])
    assert await alice.data(PASSKEYS) == []


@pytest.mark.parametrize("credential", [{}, [], "text", 5, True, {"response": {}}])
async def test_no_json_is_too_strange_to_be_refused(alice: Person, credential: object) -> None:
    refused = await alice.refusal(ADD, name="phone", credential=credential)
    assert refused.code == "BAD_USER_INPUT"


async def test_a_server_without_a_name_says_what_to_do(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock, issuer="http://127.0.0.1:8000") as desk:
        principal = Principal(
            desk.account.id, client=FIRST_PARTY, session="s", authenticated_at=clock.now()
        )
        refused = await Person(desk, principal).refusal(BEGIN)
    assert refused.code == "BAD_USER_INPUT"
    assert "WATCHWORD_ISSUER" in refused.message


async def test_one_time_codes_are_begun_confirmed_and_left(
    alice: Person, clock: MovedClock
) -> None:
    assert await alice.data(SECOND_FACTOR) == {"enabled": False, "recoveryCodesLeft": 0}
    setup = await alice.data(BEGIN_TOTP)
    assert setup["uri"].startswith("otpauth://totp/watchword.example:Alice%40Example.com?")
    assert (await alice.data(SECOND_FACTOR))["enabled"] is False
    app = TOTP(setup["secret"])
    codes = await alice.data(CONFIRM_TOTP, otp=app.at(clock.now()))
    assert len(set(codes)) == 10
    assert await alice.data(SECOND_FACTOR) == {"enabled": True, "recoveryCodesLeft": 10}
    assert (await alice.desk.login()).json()["error"] == "mfa_required"
    assert (await alice.desk.login(recovery_code=codes[0])).status_code == 200
    assert (await alice.data(SECOND_FACTOR))["recoveryCodesLeft"] == 9
    fresh = await alice.data(MAKE_CODES)
    assert not set(fresh) & set(codes)
    assert await alice.data(DISABLE_TOTP) == {"enabled": False, "recoveryCodesLeft": 0}
    assert (await alice.desk.login()).status_code == 200


async def test_guesses_at_confirmation_have_an_end(alice: Person) -> None:
    await alice.data(BEGIN_TOTP)
    codes = [(await alice.refusal(CONFIRM_TOTP, otp="000000x")).code for _ in range(11)]
    assert codes == [*["BAD_USER_INPUT"] * 10, "RATE_LIMITED"]


READS = [PASSKEYS, SECOND_FACTOR]
SAFE = [(RENAME, {"id": "x", "name": "y"})]
CHANGES: list[tuple[str, dict[str, Any]]] = [
    (BEGIN, {}),
    (ADD, {"name": "x", "credential": {}}),
    (REMOVE, {"id": "x"}),
    (BEGIN_TOTP, {}),
    (CONFIRM_TOTP, {"otp": "000000"}),
    (DISABLE_TOTP, {}),
    (MAKE_CODES, {}),
]


async def test_anonymous_callers_and_third_parties_cannot_change_factors(alice: Person) -> None:
    third_party = replace(alice.principal, client="some-app")
    machine = Principal(
        "some-app", client="some-app", authenticated_at=alice.principal.authenticated_at
    )
    for document, variables in [*((read, {}) for read in READS), *SAFE, *CHANGES]:
        nobody = await Person(alice.desk, ANONYMOUS).refusal(document, **variables)
        assert nobody.code == "UNAUTHENTICATED", document
        for principal in (third_party, machine):
            refused = await Person(alice.desk, principal).refusal(document, **variables)
            assert refused.code == "FORBIDDEN", document


async def test_whatever_changes_a_factor_asks_for_a_recent_authentication(
    alice: Person, clock: MovedClock
) -> None:
    clock.move(301)
    for document, variables in CHANGES:
        refused = await alice.refusal(document, **variables)
        assert (refused.code, refused.extensions["maxAge"]) == ("STEP_UP_REQUIRED", 300), document
    for document in READS:
        await alice.data(document)


async def test_no_field_about_factors_hashes_slowly_however_often_it_is_asked(
    alice: Person, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watched_hashes(monkeypatch) as slow:
        assert (await alice.refusal(MAKE_CODES)).code == "NOT_FOUND"
        app = TOTP((await alice.data(BEGIN_TOTP))["secret"])
        await alice.refusal(CONFIRM_TOTP, otp="000000")
        await alice.data(CONFIRM_TOTP, otp=app.at(clock.now()))
        aliases = " ".join(f"a{number}: makeRecoveryCodes" for number in range(50))
        await alice.data(f"mutation {{ {aliases} }}")
    assert slow == []


async def test_repeated_confirmations_do_not_count_as_guesses(
    alice: Person, clock: MovedClock
) -> None:
    for _ in range(12):
        app = TOTP((await alice.data(BEGIN_TOTP))["secret"])
        await alice.data(CONFIRM_TOTP, otp=app.at(clock.now()))
