"""Costs are charged to accounts in memory, and told to the other processes by a counter in a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from tests.support.clock import MovedClock
from tests.support.redis import LiveRedis, live_redis
from watchword.config.bus_url import MEMORY
from watchword.errors import OverBudget
from watchword.principal import ANONYMOUS, FIRST_PARTY, Principal
from watchword.process.background import Background
from watchword.throttling import budgets
from watchword.throttling.attempts import Attempts
from watchword.throttling.budgets import SHARE, WINDOW, Budgets, Rates

ALICE, BOB = Principal("alice", client="app"), Principal("bob", client="app")
HERE = "192.0.2.1"
# More than any budget here: a caller that may spend so much has none.
ENOUGH = 5_000


@asynccontextmanager
async def charging(
    clock: MovedClock, rates: Rates, url: str = MEMORY, *, enforced: bool = True
) -> AsyncIterator[tuple[Budgets, Background]]:
    attempts, background = Attempts(url), Background(clock)
    try:
        yield Budgets(rates, attempts, clock, background, enforced=enforced), background
    finally:
        await background.close()
        await attempts.close()


@pytest.mark.parametrize(
    ("rates", "enforced"), [(Rates(), False), (Rates(100, 100, 100), True), (Rates(100), False)]
)
async def test_what_each_caller_has_spent_is_told_when_the_minute_is_over(
    rates: Rates, enforced: bool, clock: MovedClock
) -> None:
    told: list[tuple[str, float]] = []
    async with charging(clock, rates, enforced=enforced) as (made, _):
        made.on_spent = lambda *spent: told.append(spent)
        assert made.is_set
        made.charge(ALICE, HERE, 2)
        made.charge(ALICE, HERE, 3)
        made.charge(BOB, HERE, 7)
        # An IPv6 address counts as its /64 alone, though the networks around it have accounts.
        made.charge(ANONYMOUS, "2001:db8::1", 4)
        made.turn()
        assert not told
        clock.move(WINDOW)
        made.turn()
    assert sorted(told) == [("address", 4), ("client", 12), ("principal", 5), ("principal", 7)]


async def test_a_caller_without_a_budget_is_only_counted_while_limits_are_measured(
    clock: MovedClock,
) -> None:
    async with charging(clock, Rates(), enforced=False) as (made, _):
        made.charge(ALICE, HERE, 10**9)
        assert made.left(ALICE, HERE) is None
        assert not made.exceeded
    async with charging(clock, Rates()) as (made, _):
        assert not made.is_set
        made.charge(ALICE, HERE, 10**9)
        assert len(made) == 0


def spend(made: Budgets, principal: Principal, address: str = HERE, each: float = 1) -> float:
    """Charge until nothing is left; return what was charged."""
    spent = 0.0
    while spent < ENOUGH:
        try:
            made.charge(principal, address, each)
        except OverBudget:
            return spent
        spent += each
    raise AssertionError(f"{spent} were charged, and the budget is not used up")


async def test_a_refusal_says_cost_budget_and_when_the_next_minute_begins(
    clock: MovedClock,
) -> None:
    async with charging(clock, Rates(principal=100)) as (made, _):
        clock.move(WINDOW - clock.now() % WINDOW + 12.5)
        made.charge(ALICE, HERE, 60)
        with pytest.raises(OverBudget) as refused:
            made.charge(ALICE, HERE, 40.5)
        assert refused.value.extensions == {
            "code": "RATE_LIMITED",
            "cost": 41,
            "budget": 100,
            "retryAfter": 48,
        }
        # A refused operation costs nothing.
        made.charge(ALICE, HERE, 40)
        clock.move(48)
        assert spend(made, ALICE) == 100


async def test_a_principal_a_client_and_an_address_without_a_token_have_budgets_of_their_own(
    clock: MovedClock,
) -> None:
    async with charging(clock, Rates(principal=100, client=150, address=20)) as (made, _):
        assert spend(made, ALICE) == 100
        # Both use one client, and 50 of its budget are left.
        assert spend(made, BOB) == 50
        assert spend(made, ANONYMOUS) == 20
        assert spend(made, ANONYMOUS, "192.0.2.2") == 20
        clock.move(WINDOW)
        everybody = [Principal(name, client=FIRST_PARTY) for name in "abc"]
        assert [spend(made, each) for each in everybody] == [100] * 3


async def test_a_refusal_by_one_budget_leaves_the_others_as_they_are(clock: MovedClock) -> None:
    async with charging(clock, Rates(principal=100, client=10)) as (made, _):
        assert spend(made, ALICE) == 10
        assert spend(made, Principal("alice", client="other"), each=10) == 10
        assert spend(made, Principal("alice")) == 80


async def test_one_who_changes_addresses_within_a_network_spends_the_budgets_of_that(
    clock: MovedClock,
) -> None:
    async with charging(clock, Rates(address=10)) as (made, _):
        customers = [spend(made, ANONYMOUS, f"2001:db8:0:{number:x}::1") for number in range(6)]
    # A /56 may spend what four addresses may.
    assert customers == [10, 10, 10, 10, 0, 0]


async def test_the_part_that_was_paid_before_is_not_charged_again(clock: MovedClock) -> None:
    async with charging(clock, Rates(principal=100)) as (made, _):
        made.charge(ALICE, HERE, 1)
        made.charge(ALICE, HERE, 100, paid=1)
        with pytest.raises(OverBudget):
            made.charge(ALICE, HERE, 1)


async def test_accounts_are_forgotten_after_their_minute_and_the_oldest_when_there_are_too_many(
    clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "MOST_ACCOUNTS", 50)
    async with charging(clock, Rates(principal=10)) as (made, _):
        for number in range(200):
            made.charge(Principal(str(number)), HERE, 1)
        assert len(made) == 50
        # A caller whose account was dropped begins a new one, and is not charged to the old one.
        left = made.left(Principal("0"), HERE)
        assert left is not None
        assert left.remaining == 10
        clock.move(WINDOW)
        made.charge(ALICE, HERE, 1)
        assert len(made) == 1


async def test_the_many_users_of_one_client_are_remembered_within_bounds(
    clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "MOST_ACCOUNTS", 50)
    async with charging(clock, Rates(client=1_000)) as (made, _):
        for number in range(200):
            made.charge(Principal(str(number), client="app"), HERE, 1)
            assert len(made._known) <= 50
        assert len(made) == 1
        assert spend(made, ALICE) == 800


@pytest.fixture(scope="module")
def redis() -> Iterator[LiveRedis]:
    with live_redis() as running:
        yield running


async def told(background: Background) -> None:
    """Wait until everything that the others are to hear was told."""
    async with asyncio.timeout(20):
        while background._spawned:
            await asyncio.wait([*background._spawned])
            # The set is emptied in the next turn of the loop.
            await asyncio.sleep(0)


async def test_processes_spend_one_budget_and_at_most_a_twentieth_each_too_much(
    clock: MovedClock, redis: LiveRedis
) -> None:
    rates, budget = Rates(principal=1_000), 1_000
    async with (
        charging(clock, rates, redis.url) as (one, of_one),
        charging(clock, rates, redis.url) as (two, of_two),
        charging(clock, rates, redis.url) as (three, of_three),
    ):
        spent = 0
        admitted = True
        while admitted:
            assert spent < ENOUGH, "the budget is not used up"
            admitted = False
            for made, background in ((one, of_one), (two, of_two), (three, of_three)):
                try:
                    made.charge(ALICE, HERE, 7)
                except OverBudget:
                    continue
                spent, admitted = spent + 7, True
                await told(background)
        assert budget - 7 < spent <= budget * (1 + 3 * SHARE)


async def test_what_is_spent_while_the_others_are_being_told_is_told_once(
    redis: LiveRedis, clock: MovedClock
) -> None:
    rates, carol = Rates(principal=1_000), Principal("carol")
    async with (
        charging(clock, rates, redis.url) as (one, background),
        charging(clock, rates, redis.url) as (other, others),
    ):
        for _ in range(3):
            one.charge(carol, HERE, 60)
        await told(background)
        other.charge(carol, HERE, 50)
        await told(others)
        left = other.left(carol, HERE)
    assert left is not None
    assert left.remaining == 1_000 - 3 * 60 - 50


async def test_one_that_spends_little_costs_no_round_trip(
    clock: MovedClock, redis: LiveRedis
) -> None:
    calls = 0

    async def add(*_: object) -> int:
        nonlocal calls
        calls += 1
        return 0

    async with charging(clock, Rates(principal=1_000), redis.url) as (made, background):
        made._attempts.add = add  # type: ignore[assignment,method-assign]
        for number in range(49):
            made.charge(Principal(f"little {number}"), HERE, 49)
        await told(background)
        assert calls == 0
        for _ in range(1_000):
            made.charge(BOB, HERE, 1)
            await told(background)
        # A twentieth of the budget at a time.
        assert calls == 20


async def test_a_process_without_redis_counts_alone_and_tells_later_what_it_admitted(
    clock: MovedClock,
) -> None:
    with live_redis() as redis:
        rates = Rates(principal=100)
        async with (
            charging(clock, rates, redis.url) as (one, of_one),
            charging(clock, rates, redis.url) as (two, of_two),
        ):
            redis.kill()
            for _ in range(60):
                one.charge(ALICE, HERE, 1)
            await told(of_one)
            redis.start()
            one._attempts._away_until = 0
            for _ in range(5):
                one.charge(ALICE, HERE, 1)
            await told(of_one)
            for _ in range(5):
                two.charge(ALICE, HERE, 1)
            await told(of_two)
            assert spend(two, ALICE) == 100 - 65 - 5


async def test_budgets_that_are_only_measured_refuse_nobody_and_count_what_they_would(
    clock: MovedClock,
) -> None:
    async with charging(clock, Rates(principal=10)) as (made, _):
        made.enforced = False
        for _ in range(15):
            made.charge(ALICE, HERE, 1)
        assert made.exceeded == {"budget_per_principal": 5}
