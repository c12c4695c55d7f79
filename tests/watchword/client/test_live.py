"""Subscriptions through all that can happen to a token, a session, a connection and a server."""

from __future__ import annotations

import asyncio
import logging

import pytest
from gql.transport.exceptions import TransportQueryError

from tests.clients.documents import SUBSCRIPTION
from tests.support.clock import MovedClock
from tests.support.cut_proxy import CutProxy, cut_proxy
from tests.support.site import ADMIN, LIFE, LIVE, OTHER, PASSWORD, PERSON, Site
from tests.support.toy_server import until
from tests.support.watcher import Naps, Watcher, watching
from watchword.client import (
    ClientError,
    FetchAgain,
    Live,
    Person,
    Public,
    Server,
    SessionEnded,
    Unavailable,
)
from watchword.client import socket as sockets

GIVE = "mutation G($id: ID!, $roles: [Role!]!) { setRoles(input: {member: $id, roles: $roles}) { id } }"
SIGN_OUT = "mutation E($id: ID!) { signOutAccount(account: $id) { id } }"


def ends(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged about connections that have ended."""
    return [text for text in caplog.messages if text.startswith("the connection ended")]


async def renewed(clock: MovedClock) -> None:
    """Wait until a connection on the server has a token that was issued now."""
    await until(lambda: clock.is_waiting_for(LIFE - 60))


async def test_the_token_is_renewed_on_the_open_connection_before_it_ends(
    site: Site, person: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "watchword.client")
    async with watching(site, person) as watcher:
        for _ in range(2):
            site.clock.move(LIFE - 60)
            await renewed(site.clock)
            site.clock.move(61)
            await watcher.hears(site)
    assert ends(caplog) == []


async def test_after_expiry_it_comes_back_with_a_new_token_and_misses_nothing(
    site: Site, person: Person
) -> None:
    async with watching(site, person) as watcher:
        site.clock.move(10 * LIFE)
        missed = [await site.open() for _ in range(3)]
        await watcher.hears(site)
        assert watcher.opened[-4:-1] == missed


async def test_a_change_of_roles_renews_the_token(site: Site, person: Person) -> None:
    async with watching(site, person) as watcher:
        await site.ask(GIVE, id=await site.person(), roles=["COMMANDER"])
        await watcher.hears(site)
        site.clock.move(LIFE)
        await watcher.hears(site)
        viewer = await person.execute("{ viewer { roles } }")
        assert viewer == {"viewer": {"roles": ["commander"]}}


async def test_another_password_of_this_session_ends_nothing(site: Site, person: Person) -> None:
    async with watching(site, person) as watcher:
        change = "mutation C($old: String!, $new: String!) { changePassword(current: $old, new: $new) { id } }"
        await person.execute(change, {"old": PASSWORD, "new": OTHER})
        await watcher.hears(site)
        assert (await person.execute("{ viewer { email } }"))["viewer"] == {"email": PERSON}


async def test_a_revoked_session_sees_nothing_more_and_says_so(site: Site, person: Person) -> None:
    async with watching(site, person) as watcher:
        await watcher.hears(site)
        seen = list(site.opened)
        await site.ask(SIGN_OUT, id=await site.person())
        assert isinstance(await watcher.end(), SessionEnded)
        await site.open()
        site.opened[:] = seen
    with pytest.raises(SessionEnded):
        await person.token()


async def test_a_connection_that_an_administrator_ended_does_not_come_back_on_its_own(
    site: Site, person: Person
) -> None:
    async with watching(site, person) as watcher:
        await watcher.hears(site)
        assert await site.end_connections() == 1
        error = await watcher.end()
        assert isinstance(error, ClientError)
        assert "ended by an administrator" in str(error)
    # The session goes on, and another subscription connects again.
    assert (await person.execute("{ viewer { email } }"))["viewer"] == {"email": PERSON}
    site.opened.clear()
    async with watching(site, person) as again:
        await again.hears(site)


async def test_signing_out_ends_the_subscriptions_at_once(site: Site, person: Person) -> None:
    async with watching(site, person) as watcher:
        await watcher.hears(site)
        await person.sign_out()
        assert isinstance(await watcher.end(), SessionEnded)
        assert not person.is_signed_in


async def test_signing_out_ends_them_while_the_server_is_away_too(
    site: Site, person: Person
) -> None:
    async with watching(site, person) as watcher:
        await site.stop()
        with pytest.raises(Unavailable):
            await person.sign_out()
        assert isinstance(await watcher.end(), SessionEnded)
        await site.start()


async def test_connections_that_are_cut_are_resumed(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "watchword.client")
    async with cut_proxy(site.url) as proxy, at(proxy, site) as session:
        async with watching(site, session) as watcher:
            for _ in range(3):
                proxy.cut()
                missed = await site.open()
                await watcher.hears(site)
                assert missed in watcher.opened
        assert proxy.sockets == 4
    assert [text.partition(";")[0] for text in ends(caplog)] == [
        "the connection ended (None cut)"
    ] * 3


def at(proxy: CutProxy, site: Site) -> Public:
    return Public(Server(proxy.url, now=site.clock.now))


async def test_a_cut_before_the_first_event_misses_nothing(site: Site) -> None:
    async with cut_proxy(site.url) as proxy, at(proxy, site) as session, Live(session) as live:
        watcher = Watcher(live, SUBSCRIPTION)
        await watcher.started.wait()
        proxy.cut()
        missed = await site.open()
        await watcher.hears(site)
        assert watcher.opened == site.opened
        assert missed == watcher.opened[0]
        await watcher.stop()


async def test_a_server_that_restarts_is_come_back_to(site: Site, person: Person) -> None:
    async with watching(site, person) as watcher:
        await site.stop()
        await site.start()
        await watcher.hears(site)


async def test_a_server_that_is_away_for_ten_minutes_is_come_back_to(
    site: Site, person: Person
) -> None:
    await site.open()
    naps = Naps(site.clock)
    async with Live(person, sleep=naps.sleep, chance=lambda: 0.5) as live:
        watcher = Watcher(live)
        await watcher.began()
        await site.stop()
        await until(lambda: sum(naps.taken) > 600)
        await site.start()
        await watcher.hears(site)
        assert watcher.opened == site.opened[1:]
        await watcher.stop()
    # Half of 1, 2, 4, 8, 16 and then 30 seconds.
    assert naps.taken[:8] == [0.5, 1, 2, 4, 8, 15, 15, 15]


async def test_subscriptions_share_one_connection_and_end_alone(site: Site) -> None:
    async with (
        cut_proxy(site.url) as proxy,
        at(proxy, site) as session,
        Live(session) as live,
    ):
        await site.open()
        watchers = [Watcher(live) for _ in range(5)]
        for each in watchers:
            await each.began()
        await watchers[0].stop()
        for each in watchers[1:]:
            await each.hears(site)
        proxy.cut()
        for each in watchers[1:]:
            await each.hears(site)
            assert each.opened == site.opened[1 : len(each.opened) + 1]
            await each.stop()
        assert proxy.sockets == 2


async def test_events_that_the_server_has_no_more_are_to_be_fetched_again(
    site: Site, person: Person
) -> None:
    await site.open()
    async with Live(person) as live:
        watcher = Watcher(live)
        await watcher.began()
        copy = await site.copy()
        await watcher.hears(site)
        await site.lose(copy)
        # The server looks at the log as time passes.
        site.clock.move(1)
        error = await watcher.end()
        assert isinstance(error, FetchAgain)
        assert error.errors is not None
        assert error.errors[0]["extensions"]["code"] == "CURSOR_EXPIRED"
        again = Watcher(live)
        await again.began()
        await again.hears(site)
        await again.stop()


async def test_a_right_that_is_lost_ends_the_subscription_with_its_error(
    site: Site, person: Person
) -> None:
    async with Live(person, sleep=Naps(site.clock).sleep) as live:
        watcher = Watcher(live, "subscription { opened }")
        other = Watcher(live)
        await other.hears(site)
        await until(lambda: len(watcher.updates) > 0)
        await site.ask(GIVE, id=await site.person(), roles=[])
        await other.hears(site)
        error = await watcher.end()
        assert isinstance(error, TransportQueryError)
        assert error.errors is not None
        assert error.errors[0]["extensions"]["code"] == "FORBIDDEN"
        await other.hears(site)
        await other.stop()


async def test_a_reader_that_is_slow_holds_nobody_up_and_misses_nothing(
    site: Site, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "MOST_UNREAD", 2)
    await site.open()
    async with Live(person) as live:
        slow = live.subscribe(LIVE)
        await anext(slow)
        quick = Watcher(live)
        await quick.began()
        for _ in range(6):
            await quick.hears(site)
        await quick.stop()
        names = [(await anext(slow)).data["incidentsChanged"]["incident"]["name"] for _ in range(6)]
        await slow.aclose()
    assert names == site.opened[1:]


async def test_a_program_continues_where_an_earlier_one_stopped(site: Site, person: Person) -> None:
    async with watching(site, person) as watcher:
        await watcher.hears(site)
    missed = await site.open()
    async with Live(person) as live:
        resumed = live.subscribe(LIVE, cursor=watcher.updates[-1].cursor)
        assert (await anext(resumed)).data["incidentsChanged"]["incident"]["name"] == missed
        await resumed.aclose()


async def test_a_cursor_of_nobody_is_refused_and_a_closed_client_subscribes_to_nothing(
    site: Site, person: Person
) -> None:
    async with Live(person) as live:
        with pytest.raises(TransportQueryError) as caught:
            await anext(live.subscribe(LIVE, cursor="forged"))
        assert caught.value.errors is not None
        assert caught.value.errors[0]["extensions"]["code"] == "BAD_USER_INPUT"
    with pytest.raises(ClientError, match="closed"):
        await anext(live.subscribe(LIVE))


async def test_an_address_without_a_server_of_graphql_is_said_at_once(site: Site) -> None:
    session = Public(Server(f"{site.url}/elsewhere", now=site.clock.now))
    async with session, Live(session) as live:
        with pytest.raises(ClientError, match="404|403"):
            await asyncio.wait_for(anext(live.subscribe(LIVE)), 30)


async def test_no_log_of_any_level_has_a_token(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    kept: list[str] = []
    server = Server(site.url, now=site.clock.now)
    async with Person(server, keep=lambda refresh, _: kept.append(refresh)) as person:
        await person.sign_in(PERSON, PASSWORD)
        kept.append((await person.token()).text)
        async with watching(site, person) as watcher:
            site.clock.move(LIFE - 60)
            await renewed(site.clock)
            await watcher.hears(site)
        kept.append((await person.token()).text)
    assert len({*kept}) == 4
    # The server in this process writes frames to the log, too; served by `watchword serve`, it does not.
    log = "".join(each.getMessage() for each in caplog.records if "uvicorn" not in each.name)
    assert "connection_ack" in log
    for secret in (*kept, PASSWORD):
        assert secret[-20:] not in log


async def test_a_token_that_is_refused_twice_is_not_sent_again(
    site: Site, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forged() -> object:
        from watchword.client.server import Token

        return Token("no-token", "Bearer", 1e12, 1e12)

    monkeypatch.setattr(person, "token", forged)
    naps = Naps(site.clock)
    async with Live(person, sleep=naps.sleep) as live:
        with pytest.raises(SessionEnded, match="accepts no token"):
            await anext(live.subscribe(LIVE))
    assert len(naps.taken) == 1


async def test_two_people_on_two_sessions_see_what_each_may_see(site: Site, person: Person) -> None:
    async with Person(Server(site.url, now=site.clock.now)) as admin:
        await admin.sign_in(ADMIN, PASSWORD)
        emails = [
            (await each.execute("{ viewer { email } }"))["viewer"]["email"]
            for each in (person, admin)
        ]
    assert emails == [PERSON, ADMIN]
