"""A person's session: sign-in, refresh, step-up, sign-out."""

from __future__ import annotations

import asyncio

import pytest
from gql.transport.exceptions import TransportQueryError
from pyotp import TOTP

from tests.support.site import LIFE, PASSWORD, PERSON, Site
from watchword.client import Person, Refused, SecondFactorNeeded, Server, SessionEnded
from watchword.client.server import Token

VIEWER = "{ viewer { email } }"


def at(site: Site) -> Server:
    return Server(site.url, now=site.clock.now)


async def test_a_wrong_password_is_refused_and_a_second_sign_in_is_a_mistake(site: Site) -> None:
    async with Person(at(site)) as person:
        with pytest.raises(Refused, match="invalid_grant") as caught:
            await person.sign_in(PERSON, "wrong")
        assert PASSWORD not in str(caught.value)
        with pytest.raises(SessionEnded):
            await person.execute(VIEWER)
        await person.sign_in(PERSON, PASSWORD)
        with pytest.raises(RuntimeError, match="sign out"):
            await person.sign_in(PERSON, PASSWORD)
        await person.sign_out()
        await person.sign_out()
        await person.sign_in(PERSON, PASSWORD)
        assert await person.execute(VIEWER) == {"viewer": {"email": PERSON}}


async def test_a_one_time_code_is_asked_for_and_taken(site: Site, person: Person) -> None:
    begun = await person.execute("mutation { beginTotp { secret } }")
    app = TOTP(begun["beginTotp"]["secret"])
    confirm = "mutation C($otp: String!) { confirmTotp(otp: $otp) }"
    codes = (await person.execute(confirm, {"otp": app.at(site.clock.now())}))["confirmTotp"]
    site.clock.move(60)
    async with Person(at(site)) as other:
        with pytest.raises(SecondFactorNeeded):
            await other.sign_in(PERSON, PASSWORD)
        with pytest.raises(Refused, match="invalid_grant"):
            await other.sign_in(PERSON, PASSWORD, otp="000000")
        await other.sign_in(PERSON, PASSWORD, otp=app.at(site.clock.now()))
        assert await other.execute(VIEWER) == {"viewer": {"email": PERSON}}
    async with Person(at(site)) as another:
        await another.sign_in(PERSON, PASSWORD, recovery_code=codes[0])
        assert another.is_signed_in


async def test_an_expired_token_is_refreshed_without_a_word(site: Site, person: Person) -> None:
    for _ in range(3):
        site.clock.move(LIFE + 1)
        assert await person.execute(VIEWER) == {"viewer": {"email": PERSON}}


async def test_a_token_that_the_server_calls_expired_is_refreshed_at_once(
    site: Site, person: Person
) -> None:
    # The clock of this machine stands still, and the server's goes on.
    person.server.now = lambda: 0.0
    held = await person.token()
    assert held is not None
    person._held = Token(held.text, held.scheme, 1e12, 1e12)
    site.clock.move(LIFE + 1)
    assert await person.execute(VIEWER) == {"viewer": {"email": PERSON}}


async def test_a_step_up_allows_what_needs_a_recent_sign_in(site: Site, person: Person) -> None:
    site.clock.move(3_600)
    begin = "mutation { beginTotp { secret } }"
    with pytest.raises(TransportQueryError) as caught:
        await person.execute(begin)
    assert caught.value.errors is not None
    assert caught.value.errors[0]["extensions"]["code"] == "STEP_UP_REQUIRED"
    with pytest.raises(Refused):
        await person.step_up("wrong")
    await person.step_up(PASSWORD)
    assert await person.execute(begin)


async def test_another_process_continues_the_session_with_what_was_kept(site: Site) -> None:
    kept: list[tuple[str, str | None]] = []
    async with Person(at(site), keep=lambda *tokens: kept.append(tokens)) as person:
        await person.sign_in(PERSON, PASSWORD)
        site.clock.move(LIFE)
        await person.execute(VIEWER)
    assert len({refresh for refresh, _ in kept}) == 2
    refresh, device = kept[-1]
    assert device is not None
    async with Person(at(site), refresh_token=refresh, device_token=device) as later:
        assert await later.execute(VIEWER) == {"viewer": {"email": PERSON}}


async def test_a_refresh_token_of_nobody_is_a_session_that_has_ended(site: Site) -> None:
    ended: list[str] = []
    async with Person(at(site), refresh_token="forged") as person:
        person.on_end(lambda: ended.append("ended"))
        with pytest.raises(SessionEnded):
            await person.execute(VIEWER)
        assert not person.is_signed_in
    assert ended == ["ended"]


async def test_signing_out_during_a_refresh_leaves_no_session_behind(
    site: Site, person: Person
) -> None:
    site.clock.move(LIFE)
    asked = asyncio.create_task(person.token())
    await asyncio.sleep(0)
    await person.sign_out()
    await asyncio.wait({asked})
    with pytest.raises(SessionEnded):
        await person.token()
    sessions = (await site.ask("{ sessions { id } }", by=PERSON))["sessions"]
    # That of the question itself.
    assert len(sessions) == 1
