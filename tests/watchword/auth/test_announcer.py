"""The hook hears what happens to accounts, once for all processes, and harms nothing when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.support.clock import MovedClock
from tests.support.identity import DOMAIN, EMAIL, SignInDesk, sign_in_desk
from tests.support.toy_server import until
from watchword.auth.accounts.accounts import add_account, disable, enable, set_roles
from watchword.auth.announcer import RECALLED, Announcer
from watchword.auth.audit.audit import ANNOUNCED
from watchword.context import Services
from watchword.domain import Domain
from watchword.events.event import Event
from watchword.hooks import IdentityEvent
from watchword.process.background import Background
from watchword.storage.database import Database
from watchword.transaction import Transaction, transaction


class Listener:
    """A hook that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[IdentityEvent] = []
        self.fault: Any = None

    async def __call__(self, event: IdentityEvent) -> None:
        self.heard.append(event)
        if self.fault is not None:
            await self.fault()

    @property
    def said(self) -> list[tuple[str, str]]:
        return [(each.kind.value, each.account.name) for each in self.heard]


@pytest.fixture
def hook() -> Listener:
    return Listener()


@pytest.fixture
async def desk(hook: Listener, database: Database, clock: MovedClock) -> AsyncIterator[SignInDesk]:
    domain = Domain(roles=DOMAIN.roles, on_identity=hook)
    database.publishing = domain.publishing(False)
    async with sign_in_desk(database, clock, domain) as made:
        await made.auth.services.event_log.open()
        await made.auth.services.hub.open()
        yield made
        await made.auth.services.background.close()
        await made.auth.services.bus.close()


@asynccontextmanager
async def listening(services: Services, hook: Listener) -> AsyncIterator[None]:
    """Follow as one process does, for a block."""
    background = Background(services.clock)
    Announcer(services, hook).open(background)
    try:
        yield
    finally:
        await background.close()


@asynccontextmanager
async def unit(services: Services) -> AsyncIterator[Transaction]:
    async with transaction(services.database, services.bus, services.clock.now()) as made:
        yield made


async def test_it_hears_of_sign_ins_and_of_accounts(desk: SignInDesk, hook: Listener) -> None:
    services = desk.auth.services
    async with listening(services, hook):
        # The desk has added an account before anybody listened.
        await until(lambda: hook.said == [("REGISTERED", "Alice")])
        await desk.login()
        await until(lambda: len(hook.heard) == 2)
        signed_in = hook.heard[1]
        assert (signed_in.kind.value, signed_in.client) == ("SIGNED_IN", "watchword")
        assert (signed_in.account.id, signed_in.at) == (desk.account.id, services.clock.now())
        assert signed_in.session is not None
        for change in (disable, enable):
            async with unit(services) as made:
                await change(made, desk.account.id)
        async with unit(services) as made:
            await set_roles(made, desk.account.id, ["keeper", "admin"])
            await add_account(made, email="b@example.com", name="Bob", roles=[], hash=None)
        await until(lambda: len(hook.heard) == 5)
    assert hook.said[2:] == [("DISABLED", "Alice"), ("ENABLED", "Alice"), ("REGISTERED", "Bob")]


async def test_what_is_not_committed_is_not_told(desk: SignInDesk, hook: Listener) -> None:
    services = desk.auth.services
    async with listening(services, hook):
        await until(lambda: len(hook.heard) == 1)
        assert (await desk.login(password="wrong horse battery")).status_code == 401
        with pytest.raises(LookupError):
            async with unit(services) as made:
                await add_account(made, email="b@example.com", name="Bob", roles=[], hash=None)
                raise LookupError
        await desk.login()
        await until(lambda: len(hook.heard) == 2)
    assert hook.said[1:] == [("SIGNED_IN", "Alice")]


async def test_of_several_processes_one_calls_the_hook(desk: SignInDesk) -> None:
    services = desk.auth.services
    one, other = Listener(), Listener()
    async with listening(services, one), listening(services, other):
        for _ in range(5):
            await desk.login()
        await until(lambda: len(one.heard) + len(other.heard) == 6)
        await desk.login()
        await until(lambda: len(one.heard) + len(other.heard) == 7)
    sessions = [each.session for each in (*one.heard, *other.heard) if each.session]
    assert len({*sessions}) == len(sessions) == 6


async def test_a_process_that_starts_tells_what_nobody_has_told(
    desk: SignInDesk, hook: Listener, clock: MovedClock
) -> None:
    services = desk.auth.services
    await desk.login()
    for _ in range(2):
        async with listening(services, hook):
            await until(lambda: len(hook.heard) == 2)
    clock.move(RECALLED + 1)
    async with listening(services, late := Listener()):
        await desk.login()
        await until(lambda: bool(late.heard))
    assert late.said == [("SIGNED_IN", "Alice")]


async def raises() -> None:
    raise LookupError("no mail server")


async def hangs() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("fault", [raises, hangs])
async def test_a_hook_that_fails_is_logged_and_breaks_nothing(
    fault: Any,
    desk: SignInDesk,
    hook: Listener,
    clock: MovedClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hook.fault = fault
    services = desk.auth.services
    async with listening(services, hook):
        await until(lambda: len(hook.heard) == 1)
        if fault is hangs:
            clock.move(services.settings.operation_seconds + 1)
        assert (await desk.login()).status_code == 200
        await until(lambda: len(hook.heard) == 2)
        clock.move(services.settings.operation_seconds + 1)
        await until(lambda: caplog.text.count("Domain.on_identity failed") == 2)
    assert hook.said[1] == ("SIGNED_IN", "Alice")
    assert EMAIL not in caplog.text


async def test_a_hook_that_is_no_async_function_is_told_what_to_write(
    desk: SignInDesk, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Any] = []
    async with listening(desk.auth.services, heard.append):  # type: ignore[arg-type]
        await until(lambda: "write async def" in caplog.text)
    assert len(heard) == 1


async def test_an_event_whose_account_cannot_be_read_for_now_is_told_later(
    desk: SignInDesk, hook: Listener, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    told = Announcer._told

    async def away(self: Announcer, event: Event) -> IdentityEvent | None:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise ConnectionError("the database is away")
        return await told(self, event)

    monkeypatch.setattr(Announcer, "_told", away)
    async with listening(desk.auth.services, hook):
        await until(lambda: asked == 1)
        async with asyncio.timeout(30):
            while not hook.heard:
                clock.move(10)
                await asyncio.to_thread(lambda: None)
    assert hook.said == [("REGISTERED", "Alice")]


async def test_without_a_hook_nothing_is_published(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        await desk.login()
        heads = await desk.auth.services.event_log.heads([ANNOUNCED])
    assert heads[ANNOUNCED].position == 0


def test_the_domain_says_whether_it_is_announced() -> None:
    assert not Domain().publishing(False).is_announced
    assert replace(Domain(), on_identity=Listener()).publishing(False).is_announced
