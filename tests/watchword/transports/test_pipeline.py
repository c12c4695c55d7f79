"""A principal must have a token that is still valid, may have so many connections, and stays the same party."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support.clock import MovedClock
from tests.support.toy_server import LIFE, principal, toy_pipeline
from watchword.errors import InvalidToken, RateLimited, TokenExpired
from watchword.principal import ANONYMOUS, Grants
from watchword.transports.pipeline import Pipeline, check_renewal


class Holder:
    def ended(self, ending: Any) -> None:
        pass

    def reminded(self) -> None:
        pass

    def regranted(self) -> None:
        pass


@pytest.fixture
async def pipeline(clock: MovedClock) -> AsyncIterator[Pipeline]:
    async with toy_pipeline(clock, max_connections_per_principal=2) as (made, _):
        yield made


def test_a_token_that_expired_meanwhile_is_refused(pipeline: Pipeline, clock: MovedClock) -> None:
    alice = principal("alice", clock.now())
    assert pipeline.recheck_token(alice) == alice
    clock.move(LIFE)
    with pytest.raises(TokenExpired):
        pipeline.recheck_token(alice)
    with pytest.raises(TokenExpired):
        pipeline.lease(alice, Holder())


def test_a_principal_has_so_many_connections(pipeline: Pipeline, clock: MovedClock) -> None:
    alice = principal("alice", clock.now())
    first, _ = (pipeline.lease(alice, Holder()) for _ in range(2))
    with pytest.raises(RateLimited):
        pipeline.lease(alice, Holder())
    pipeline.release(first)
    pipeline.lease(alice, Holder())
    for _ in range(3):
        pipeline.lease(ANONYMOUS, Holder())


@pytest.mark.parametrize("name", ["subject", "session", "client", "key"])
def test_a_renewal_may_change_rights_and_not_the_party(name: str, clock: MovedClock) -> None:
    alice = principal("alice", clock.now())
    check_renewal(alice, replace(alice, grants=Grants(frozenset({"keeper"}))))
    with pytest.raises(InvalidToken) as refused:
        check_renewal(alice, replace(alice, **{name: "another"}))  # type: ignore[arg-type]
    assert refused.value.rule == f"renewal with another {name}"


@pytest.mark.parametrize(("now", "then"), [("acme", "other"), ("acme", None), (None, "acme")])
def test_a_renewal_may_not_change_the_tenant(
    now: str | None, then: str | None, clock: MovedClock
) -> None:
    alice = replace(principal("alice", clock.now()), grants=Grants(tenant=now))
    check_renewal(alice, replace(alice, grants=Grants(frozenset({"keeper"}), tenant=now)))
    with pytest.raises(InvalidToken) as refused:
        check_renewal(alice, replace(alice, grants=Grants(tenant=then)))
    assert refused.value.rule == "renewal with another tenant"
