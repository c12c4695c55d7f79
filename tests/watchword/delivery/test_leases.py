"""A revocation ends the leases that it concerns, and no others."""

from __future__ import annotations

import pytest

from tests.support.clock import MovedClock
from tests.support.outlet import Noted
from watchword.delivery.lease import Lease
from watchword.delivery.leases import Leases
from watchword.errors import Ending
from watchword.principal import ANONYMOUS, Principal


@pytest.fixture
def leases(clock: MovedClock) -> dict[str, Lease]:
    return {
        "old": Lease(clock, Principal("alice", session="s1", version=1, token_id="t1"), Noted()),
        "new": Lease(clock, Principal("alice", session="s2", version=2), Noted()),
        "bob": Lease(clock, Principal("bob", session="s1", version=1), Noted()),
        "anonymous": Lease(clock, ANONYMOUS, Noted()),
    }


@pytest.fixture
def kept(leases: dict[str, Lease]) -> Leases:
    made = Leases()
    for lease in leases.values():
        made.add(lease)
    return made


def ended(leases: dict[str, Lease]) -> list[str]:
    return [name for name, lease in leases.items() if lease.ending is Ending.REVOKED]


def test_a_revoked_session_ends_its_leases(leases: dict[str, Lease], kept: Leases) -> None:
    kept.revoke_session("alice", "s1")
    assert ended(leases) == ["old"]


def test_a_revoked_token_ends_its_leases(leases: dict[str, Lease], kept: Leases) -> None:
    kept.revoke_token("alice", "t2")
    kept.revoke_token("bob", "t1")
    assert ended(leases) == []
    kept.revoke_token("alice", "t1")
    assert ended(leases) == ["old"]


def test_a_revoked_client_ends_the_leases_of_older_versions(
    clock: MovedClock,
) -> None:
    held = {
        "machine": Lease(clock, Principal("c", client="c", client_version=1), Noted()),
        "for alice": Lease(clock, Principal("alice", client="c", client_version=1), Noted()),
        "newer": Lease(clock, Principal("bob", client="c", client_version=2), Noted()),
        "other": Lease(clock, Principal("alice", client="d", client_version=1), Noted()),
        "ours": Lease(clock, Principal("alice", client="watchword"), Noted()),
    }
    kept = Leases()
    for lease in held.values():
        kept.add(lease)
    kept.revoke_client("c", 2)
    assert ended(held) == ["machine", "for alice"]


def test_leases_of_older_versions_of_an_account_are_found(kept: Leases) -> None:
    assert {lease.principal.version for lease in kept.outdated("alice", 2)} == {1}
    assert {lease.principal.session for lease in kept.outdated("alice", 3)} == {"s1", "s2"}


def test_leases_are_counted_by_subject(leases: dict[str, Lease], kept: Leases) -> None:
    assert (len(kept), kept.count("alice"), kept.count("bob"), kept.count("nobody")) == (3, 2, 1, 0)
    for lease in leases.values():
        kept.discard(lease)
        kept.discard(lease)
    assert len(kept) == 0
    assert not kept._by_subject


def test_an_anonymous_lease_is_not_revoked(kept: Leases) -> None:
    assert list(kept.outdated("", 9)) == []
