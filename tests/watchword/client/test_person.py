"""A person's session: sign-in, refresh, step-up, sign-out."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from gql.transport.exceptions import TransportQueryError
from pyotp import TOTP

from tests.support.site import LIFE, PASSWORD, PERSON, Site
from watchword.client import (
    Person,
    Refused,
    SecondFactorNeeded,
    Server,
    SessionEnded,
    Unavailable,
)
from watchword.client.server import Answer, Token

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


async def test_a_sign_out_that_the_server_did_not_hear_of_can_be_done_again(
    site: Site, person: Person
) -> None:
    await site.stop()
    with pytest.raises(Unavailable):
        await person.sign_out()
    await site.start()
    await person.sign_out()
    # Only the session of the question itself is left.
    assert len((await site.ask("{ sessions { id } }", by=PERSON))["sessions"]) == 1


class Lossy(Server):
    """A server whose answers to a refresh are lost on the way, as long as `is_losing`."""

    is_losing = False

    async def post(self, path: str, token: Token | None = None, **content: Any) -> Answer:
        answer = await super().post(path, token, **content)
        if self.is_losing and path == "/api/auth/refresh":
            raise Unavailable("The connection was cut.")
        return answer


async def test_a_rotated_refresh_token_that_is_lost_on_the_way_ends_no_session(site: Site) -> None:
    server = Lossy(site.url, now=site.clock.now)
    async with Person(server) as person:
        await person.sign_in(PERSON, PASSWORD)
        site.clock.move(LIFE)
        server.is_losing = True
        with pytest.raises(Unavailable):
            await person.token()
        server.is_losing = False
        assert await person.execute(VIEWER) == {"viewer": {"email": PERSON}}
        site.clock.move(LIFE)
        assert await person.execute(VIEWER) == {"viewer": {"email": PERSON}}


async def test_two_processes_with_one_refresh_token_share_a_session_only_for_a_moment(
    site: Site, person: Person
) -> None:
    kept: list[str] = []
    async with Person(at(site), keep=lambda refresh, _: kept.append(refresh)) as first:
        await first.sign_in(PERSON, PASSWORD)
        async with Person(at(site), refresh_token=kept[0]) as second:
            # Both at once are as one, whose first answer was lost.
            await asyncio.gather(first.renew(None), second.renew(None))
            assert await second.execute(VIEWER) == {"viewer": {"email": PERSON}}
        # An older token that comes late may be stolen: its session ends for all, and no other one does.
        site.clock.move(LIFE)
        await first.execute(VIEWER)
        site.clock.move(LIFE)
        async with Person(at(site), refresh_token=kept[0]) as late:
            with pytest.raises(SessionEnded):
                await late.execute(VIEWER)
        with pytest.raises(SessionEnded):
            await first.execute(VIEWER)
    assert await person.execute(VIEWER) == {"viewer": {"email": PERSON}}
