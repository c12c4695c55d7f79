"""The follower applies the revocations of all processes: recent ones at the start, new ones at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.support.away import away
from tests.support.backup import copied, restored
from tests.support.clock import MovedClock
from tests.support.outlet import Noted
from tests.support.principals import open_services
from tests.support.toy_server import until
from watchword.auth.revocation.follower import RevocationFollower
from watchword.auth.revocation.identity_events import (
    STREAM,
    account_revoked,
    client_revoked,
    roles_changed,
    session_revoked,
    token_revoked,
)
from watchword.auth.revocation.revocations import Revocations
from watchword.config.settings import Settings
from watchword.context import Services
from watchword.delivery.lease import Lease
from watchword.delivery.leases import Leases
from watchword.domain import Domain
from watchword.errors import Ending, TokenOutdated, TokenRevoked
from watchword.events.bus.memory import MemoryBus
from watchword.events.event import Event
from watchword.events.log.pruner import Pruner
from watchword.principal import Grants, Principal
from watchword.process.background import LONGEST_PAUSE
from watchword.storage.database import Database
from watchword.transaction import transaction

DOMAIN = Domain(roles={"child": frozenset({"a:b"})})
ALICE = Principal(
    "alice",
    Grants(frozenset({"keeper"}), frozenset({"a:b", "c:d"})),
    "app",
    "s",
    "t",
    version=1,
    client_version=1,
)


class Post:
    """A process with a follower, and one lease of Alice's."""

    def __init__(self, services: Services, grace: float | None) -> None:
        self.services = services
        self.holder = Noted()
        self.lease = Lease(services.clock, ALICE, self.holder)
        leases = Leases()
        leases.add(self.lease)
        self.revocations = Revocations(DOMAIN, 600, downgrades=grace is None)
        self.follower = RevocationFollower(services, self.revocations, leases, 600, grace)

    async def happen(self, *events: Event) -> None:
        services = self.services
        async with transaction(services.database, services.bus, services.clock.now()) as unit:
            for event in events:
                unit.publish(event)


@pytest.fixture
async def post(database: Database, clock: MovedClock) -> AsyncIterator[Post]:
    services, _ = await open_services(database, clock)
    made = Post(services, grace=10)
    yield made
    await services.background.close()


async def test_events_from_before_the_start_are_applied(post: Post) -> None:
    await post.happen(session_revoked("alice", "s"))
    await post.follower.open()
    with pytest.raises(TokenRevoked):
        post.revocations.check(ALICE)


async def test_a_start_reads_any_number_of_recent_revocations(
    post: Post, clock: MovedClock
) -> None:
    await post.happen(session_revoked("alice", "s"))
    clock.move(599)
    await post.happen(*(token_revoked("bob", str(number)) for number in range(1000)))
    settings = Settings(_env_file=None, log_retention_events=1000)
    await Pruner(post.services.event_log, clock, settings, needed={STREAM: 600}).turn()
    await post.follower.open()
    assert len(post.revocations) == 1001
    with pytest.raises(TokenRevoked):
        post.revocations.check(ALICE)


async def test_revocations_read_at_the_start_are_dropped_with_their_tokens(
    post: Post, clock: MovedClock
) -> None:
    await post.happen(session_revoked("alice", "s"))
    clock.move(500)
    await post.follower.open()
    assert len(post.revocations) == 1
    clock.move(100)
    await post.follower.forget()
    assert len(post.revocations) == 0


async def test_events_older_than_any_token_are_not_applied(post: Post, clock: MovedClock) -> None:
    await post.happen(session_revoked("alice", "s"))
    clock.move(601)
    await post.follower.open()
    assert len(post.revocations) == 0


@pytest.mark.parametrize(
    "event",
    [
        session_revoked("alice", "s"),
        account_revoked("alice", 2),
        token_revoked("alice", "t"),
        client_revoked("app", 2),
    ],
)
async def test_each_event_ends_leases_and_refuses_tokens(event: Event, post: Post) -> None:
    await post.follower.open()
    await post.happen(event)
    await until(lambda: post.lease.ending is not None)
    assert post.holder.endings == [Ending.REVOKED]
    with pytest.raises(TokenRevoked):
        post.revocations.check(ALICE)


async def test_other_roles_narrow_at_once_and_end_after_the_grace(
    post: Post, clock: MovedClock
) -> None:
    await post.follower.open()
    await post.happen(roles_changed("alice", 2, ["child"]))
    await until(lambda: "reminded" in post.holder.told)
    assert post.holder.told == ["regranted", "reminded"]
    assert post.lease.principal.grants == Grants(frozenset(), frozenset({"a:b"}))
    with pytest.raises(TokenOutdated):
        post.revocations.check(ALICE)
    clock.move(10)
    assert post.holder.endings == [Ending.OUTDATED]


@pytest.mark.parametrize("grace", [10, None])
async def test_the_session_that_is_kept_has_time_to_renew(
    grace: float | None, database: Database, clock: MovedClock
) -> None:
    services, _ = await open_services(database, clock)
    post = Post(services, grace=grace)
    await post.follower.open()
    await post.happen(account_revoked("alice", 2, ALICE.session))
    await until(lambda: bool(post.holder.told))
    assert post.holder.told == ["reminded"]
    with pytest.raises(TokenOutdated):
        post.revocations.check(ALICE)
    clock.move(10)
    assert post.holder.endings == [Ending.OUTDATED]
    await services.background.close()


async def test_without_a_grace_the_lease_goes_on_with_less(
    database: Database, clock: MovedClock
) -> None:
    services, _ = await open_services(database, clock)
    post = Post(services, grace=None)
    await post.follower.open()
    await post.happen(roles_changed("alice", 2, ["child"]))
    await until(lambda: bool(post.holder.told))
    clock.move(1000)
    assert post.holder.told == ["regranted"]
    await services.background.close()


async def test_a_follower_that_fails_to_recall_misses_no_event(
    post: Post, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post.follower.open()
    hub, background = post.services.hub, post.services.background
    await until(lambda: hub.size == 1)
    with monkeypatch.context() as patched:

        async def since(*_: object) -> object:
            raise away(ConnectionRefusedError())

        patched.setattr(post.services.event_log, "since", since)
        # The log was pruned beyond the last event that the follower has read, so it must read all again.
        [mailbox] = hub._readers[STREAM]._mailboxes[None]
        mailbox.lose("What followed is not kept any more.")
        await until(lambda: bool(background.unwell))
        await post.happen(session_revoked("alice", "s"))
    assert [(task.name, task.is_needed) for task in background.unwell] == [
        ("the follower of revocations", True)
    ]
    await until(lambda: clock.move(LONGEST_PAUSE) is None and post.lease.ending is not None)
    await until(lambda: background.unwell == [])


async def test_an_event_that_fails_is_applied_again(
    post: Post, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:

        def fail(event: Event, at: float) -> None:
            raise LookupError

        patched.setattr(post.follower, "apply", fail)
        await post.follower.open()
        await until(lambda: post.services.hub.size == 1)
        await post.happen(session_revoked("alice", "s"))
        await until(lambda: bool(post.services.background.unwell))
    await until(lambda: clock.move(LONGEST_PAUSE) is None and post.lease.ending is not None)


async def test_more_than_the_log_keeps_is_recalled(post: Post) -> None:
    await post.follower.open()
    await post.happen(*(session_revoked("bob", str(number)) for number in range(5)))
    await until(lambda: len(post.revocations) == 5)
    await post.services.event_log.prune(0, 1)
    await post.happen(session_revoked("alice", "s"))
    await until(lambda: post.lease.ending is not None)


async def test_a_database_that_goes_back_takes_no_revocation_away_and_hides_none(
    post: Post,
) -> None:
    services = post.services
    await post.follower.open()
    await services.hub.look()
    copy = await copied(services.database)
    await post.happen(session_revoked("alice", "lost"))
    lost = replace(ALICE, session="lost")
    await until(lambda: refuses(post, lost))
    await services.hub.look()
    await restored(services.database, copy)
    # Written at the position of the lost event, and only to the log: the bus is down too.
    async with transaction(services.database, MemoryBus(), services.clock.now()) as unit:
        unit.publish(session_revoked("alice", "new"))
    await services.hub.look()
    await until(lambda: refuses(post, replace(ALICE, session="new")))
    assert refuses(post, lost)
    await post.happen(session_revoked("alice", "next"))
    await until(lambda: refuses(post, replace(ALICE, session="next")))


def refuses(post: Post, principal: Principal) -> bool:
    try:
        post.revocations.check(principal)
    except TokenRevoked:
        return True
    return False
