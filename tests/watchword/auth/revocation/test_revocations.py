"""Revoked tokens are refused for as long as they could be valid."""

from __future__ import annotations

from dataclasses import replace

import pytest

from watchword.auth.revocation.identity_events import (
    account_revoked,
    client_revoked,
    roles_changed,
    session_revoked,
    token_revoked,
)
from watchword.auth.revocation.revocations import Revocations
from watchword.domain import Domain
from watchword.errors import TokenOutdated, TokenRevoked
from watchword.principal import ANONYMOUS, Grants, Principal

DOMAIN = Domain(roles={"keeper": frozenset({"a:b", "c:d"}), "child": frozenset({"a:b"})})
ALICE = Principal(
    "alice", Grants(frozenset({"keeper"}), frozenset({"a:b", "c:d"})), session="s", version=1
)


@pytest.fixture
def revocations() -> Revocations:
    return Revocations(DOMAIN, 600, downgrades=False)


def test_a_principal_without_revocations_is_accepted(revocations: Revocations) -> None:
    assert revocations.check(ALICE) is ALICE
    revocations.add(session_revoked("alice", "other"), 0)
    revocations.add(account_revoked("bob", 9), 0)
    assert revocations.check(ALICE) is ALICE
    assert revocations.check(ANONYMOUS) is ANONYMOUS


def test_a_revoked_session_is_refused(revocations: Revocations) -> None:
    revocations.add(session_revoked("alice", "s"), 0)
    with pytest.raises(TokenRevoked):
        revocations.check(ALICE)


def test_a_client_that_may_less_ends_its_tokens_from_before_and_no_others(
    revocations: Revocations,
) -> None:
    machine = Principal("c", client="c", client_version=1)
    of_alice = replace(ALICE, client="c", client_version=1)
    revocations.add(client_revoked("c", 2), 0)
    for old in (machine, of_alice):
        with pytest.raises(TokenRevoked):
            revocations.check(old)
    # Even if it was issued only a moment before.
    for good in (
        replace(machine, client_version=2),
        replace(of_alice, client="d"),
        replace(ALICE, client="watchword"),
        ALICE,
    ):
        assert revocations.check(good) is good


def test_a_token_that_was_given_back_is_refused(revocations: Revocations) -> None:
    revocations.add(token_revoked("alice", "t1"), 0)
    with pytest.raises(TokenRevoked):
        revocations.check(replace(ALICE, token_id="t1"))
    other = replace(ALICE, token_id="t2")
    assert revocations.check(other) is other


def test_a_token_from_before_the_account_changed_is_refused(revocations: Revocations) -> None:
    revocations.add(account_revoked("alice", 2), 0)
    with pytest.raises(TokenRevoked):
        revocations.check(ALICE)
    newer = replace(ALICE, version=2)
    assert revocations.check(newer) is newer


def test_a_token_with_roles_from_before_is_outdated(revocations: Revocations) -> None:
    revocations.add(roles_changed("alice", 2, ["child"]), 0)
    with pytest.raises(TokenOutdated) as error:
        revocations.check(ALICE)
    assert (error.value.code, error.value.close_code) == ("TOKEN_EXPIRED", 4403)
    newer = replace(ALICE, version=2)
    assert revocations.check(newer) is newer


def test_a_token_is_downgraded_to_the_remaining_roles() -> None:
    revocations = Revocations(DOMAIN, 600, downgrades=True)
    revocations.add(roles_changed("alice", 2, ["child"]), 0)
    assert revocations.check(ALICE).grants == Grants(frozenset(), frozenset({"a:b"}))
    revocations.add(account_revoked("alice", 3), 0)
    with pytest.raises(TokenRevoked):
        revocations.check(replace(ALICE, version=2))


@pytest.mark.parametrize("downgrades", [True, False])
def test_the_session_that_is_kept_gets_another_token(downgrades: bool) -> None:
    revocations = Revocations(DOMAIN, 600, downgrades)
    revocations.add(account_revoked("alice", 2, "kept"), 0)
    with pytest.raises(TokenOutdated):
        revocations.check(replace(ALICE, session="kept"))
    for session in ("other", None):
        with pytest.raises(TokenRevoked):
            revocations.check(replace(ALICE, session=session))
    # A later revocation ends it with all the others.
    revocations.add(account_revoked("alice", 3), 0)
    with pytest.raises(TokenRevoked):
        revocations.check(replace(ALICE, session="kept"))


def test_revocation_and_roles_do_not_forget_each_other(revocations: Revocations) -> None:
    revocations.add(account_revoked("alice", 2), 0)
    revocations.add(roles_changed("alice", 3, ["child"]), 0)
    with pytest.raises(TokenRevoked):
        revocations.check(ALICE)
    with pytest.raises(TokenOutdated):
        revocations.check(replace(ALICE, version=2))


def test_revocations_are_kept_no_longer_than_a_token_lives(revocations: Revocations) -> None:
    for number in range(100):
        revocations.add(session_revoked("alice", f"s{number}"), 10.0 * number)
        revocations.add(account_revoked(f"a{number}", 2), 10.0 * number)
    revocations.forget(990)
    assert len(revocations) == 120


def test_expired_revocations_are_dropped_without_another_event(revocations: Revocations) -> None:
    for event in (
        session_revoked("alice", "s"),
        token_revoked("alice", "t"),
        client_revoked("c", 2),
        account_revoked("alice", 2),
        roles_changed("bob", 2, ["child"]),
    ):
        revocations.add(event, 0)
    revocations.forget(599)
    assert len(revocations) == 5
    revocations.forget(600)
    assert len(revocations) == 0


def test_a_repeated_revocation_is_kept_from_the_repetition_on(revocations: Revocations) -> None:
    revocations.add(account_revoked("alice", 2), 0)
    revocations.add(account_revoked("bob", 2), 100)
    revocations.add(account_revoked("alice", 3), 500)
    revocations.forget(700)
    with pytest.raises(TokenRevoked):
        revocations.check(replace(ALICE, version=2))
    assert len(revocations) == 1


class Counted(float):
    """A time that counts its comparisons."""

    compared = 0

    def __ge__(self, other: float) -> bool:
        Counted.compared += 1
        return float(self) >= other

    def __lt__(self, other: float) -> bool:
        Counted.compared += 1
        return float(self) < other


def test_many_cost_no_more_each_than_few(revocations: Revocations) -> None:
    Counted.compared = 0
    for number in range(1_000):
        at = Counted(number / 10)
        revocations.add(session_revoked("alice", f"s{number}"), at)
        revocations.add(client_revoked(f"c{number}", 2), at)
        revocations.forget(at)
    assert Counted.compared <= 2 * 1_000
    # Only the entries that are dropped are compared, once each, and not those that stay.
    Counted.compared = 0
    revocations.forget(Counted(650))
    assert len(revocations) == 2 * 499
    assert Counted.compared == 2 * 502
