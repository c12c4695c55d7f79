"""Attempts are counted in memory, or in a real Redis for all processes together."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import pytest

from tests.support.redis import SERVICE, live_redis
from watchword.config.bus_url import MEMORY
from watchword.errors import RateLimited
from watchword.throttling import attempts
from watchword.throttling.attempts import Attempts, Exceeded

LIMIT = "3 per hour"


@asynccontextmanager
async def counting(url: str) -> AsyncIterator[Attempts]:
    made = Attempts(url)
    try:
        yield made
    finally:
        await made.close()


async def use_up(made: Attempts, *key: str) -> None:
    for _ in range(3):
        await made.count(LIMIT, *key)


async def test_the_attempt_after_the_last_is_refused_and_says_when_to_come_back() -> None:
    async with counting(MEMORY) as made:
        await use_up(made, "sign-in", "a")
        with pytest.raises(RateLimited) as refused:
            await made.count(LIMIT, "sign-in", "a")
        assert 3500 < refused.value.extensions["retryAfter"] <= 3600
        await made.count(LIMIT, "sign-in", "b")


async def test_an_attempt_that_is_no_guess_is_taken_back() -> None:
    async with counting(MEMORY) as made:
        for _ in range(10):
            await made.forgive(await made.count(LIMIT, "a"))
        await use_up(made, "a")
        with pytest.raises(RateLimited):
            await made.count(LIMIT, "a")


async def test_a_refused_attempt_uses_up_no_limit() -> None:
    async with counting(MEMORY) as made:
        taken = [await made.count(LIMIT, "a") for _ in range(3)]
        for _ in range(10):
            with pytest.raises(RateLimited):
                await made.count(LIMIT, "a")
        await made.forgive(taken[0])
        await made.count(LIMIT, "a")


async def test_an_attempt_waits_for_undecided_ones() -> None:
    async with counting(MEMORY) as made:
        first = [await made.begin(LIMIT, "a") for _ in range(3)]
        later = [asyncio.ensure_future(made.begin(LIMIT, "a")) for _ in range(3)]
        await asyncio.sleep(0)
        assert not any(each.done() for each in later)
        await made.decide(first[0], is_guess=False)
        done, _ = await asyncio.wait(later, return_when=asyncio.FIRST_COMPLETED)
        assert len(done) == 1
        for taken in (*first[1:], done.pop().result()):
            await made.decide(taken, is_guess=True)
        answers = await asyncio.gather(*later, return_exceptions=True)
        # Three guesses were wrong, so the attempts that waited for them are refused, and none waits any more.
        assert sum(isinstance(answer, RateLimited) for answer in answers) == 2
        with pytest.raises(RateLimited):
            await made.begin(LIMIT, "a")
        assert not made._undecided._open
        assert not made._undecided._waiting


@pytest.mark.parametrize("is_shared", [False, True])
async def test_any_number_of_right_attempts_succeed_at_once(is_shared: bool) -> None:
    with live_redis() if is_shared else nullcontext() as redis:
        async with counting(redis.url if redis else MEMORY) as made:

            async def sign_in(number: int) -> None:
                taken = await made.begin(LIMIT, "address", "2001:db8:1:2::1")
                await asyncio.sleep(0)
                await made.decide(taken, is_guess=False)

            await asyncio.gather(*map(sign_in, range(60)))
            assert not made._undecided._open
            assert not made._undecided._waiting
            await use_up(made, "address", "2001:db8:1:2::1")


async def test_no_attempt_waits_for_attempts_that_cannot_make_room() -> None:
    async with counting(MEMORY) as made:
        undecided = await made.begin(LIMIT, "a")
        for _ in range(2):
            await made.decide(await made.begin(LIMIT, "a"), is_guess=True)
        waiting = asyncio.ensure_future(made.begin(LIMIT, "a"))
        await asyncio.sleep(0)
        await made.decide(undecided, is_guess=False)
        await made.decide(await waiting, is_guess=True)
        with pytest.raises(RateLimited):
            await made.begin(LIMIT, "a")


async def test_a_cancelled_waiting_attempt_is_dropped() -> None:
    async with counting(MEMORY) as made:
        taken = [await made.begin(LIMIT, "a") for _ in range(3)]
        waiting = asyncio.ensure_future(made.begin(LIMIT, "a"))
        await asyncio.sleep(0)
        waiting.cancel()
        for each in taken:
            await made.decide(each, is_guess=False)
        assert not made._undecided._waiting
        await use_up(made, "a")


async def test_processes_with_one_redis_count_together() -> None:
    with live_redis() as redis:
        async with counting(redis.url) as one, counting(redis.url) as other:
            await one.count(LIMIT, "a")
            await other.forgive(await other.count(LIMIT, "a"))
            await one.count(LIMIT, "a")
            await one.count(LIMIT, "a")
            with pytest.raises(RateLimited) as refused:
                await other.count(LIMIT, "a")
            assert 3500 < refused.value.extensions["retryAfter"] <= 3600


@pytest.mark.parametrize("is_shared", [False, True])
async def test_an_attempt_is_not_taken_back_in_the_next_window(
    is_shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now)
    with live_redis() if is_shared else nullcontext() as redis:
        async with counting(redis.url if redis else MEMORY) as made:
            before = [await made.count(LIMIT, "a") for _ in range(3)]
            now += 3600
            if redis:
                redis.client.flushall()
            await made.count(LIMIT, "a")
            for taken in before:
                await made.forgive(taken)
            for _ in range(2):
                await made.count(LIMIT, "a")
            with pytest.raises(RateLimited):
                await made.count(LIMIT, "a")


async def test_counts_in_redis_are_not_taken_back_in_memory() -> None:
    with live_redis() as redis:
        async with counting(redis.url) as made:
            taken = [await made.count(LIMIT, "a") for _ in range(3)]
            redis.kill()
            await made.count(LIMIT, "a")
            for each in taken:
                await made.forgive(each)
            for _ in range(2):
                await made.count(LIMIT, "a")
            with pytest.raises(RateLimited):
                await made.count(LIMIT, "a")


async def test_redis_may_go_before_it_is_asked_to_forgive(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with live_redis() as redis:
        async with counting(redis.url) as made:
            taken = await made.count(LIMIT, "a")
            redis.kill()
            for _ in range(2):
                await made.forgive(taken)
            assert caplog.text.count("Redis cannot be reached") == 1


async def test_neighbours_in_a_64_count_together() -> None:
    async with counting(MEMORY) as made:
        for number in range(3):
            await made.count(LIMIT, "address", f"2001:db8:1:2::{number}")
        with pytest.raises(RateLimited):
            await made.count(LIMIT, "address", "2001:db8:1:2:ffff::1")
        await made.count(LIMIT, "address", "2001:db8:1:3::1")
        for address in ("203.0.113.7", "::ffff:203.0.113.7", "::ffff:cb00:7107"):
            await made.count(LIMIT, "address", address)
        with pytest.raises(RateLimited):
            await made.count(LIMIT, "address", "203.0.113.7")


@pytest.mark.parametrize(("step", "bound"), [(1, 12), (257, 48)])
async def test_an_attacker_with_many_networks_gets_few_more_attempts(step: int, bound: int) -> None:
    async with counting(MEMORY) as made:
        tried = 0
        for number in range(100):
            address = f"2001:db8:1:{number * step:x}::1"
            try:
                await made.count(LIMIT, "address", address)
                tried += 1
            except RateLimited:
                pass
        assert tried == bound
        await made.count(LIMIT, "address", "2001:db8:2:1::1")


async def test_a_refused_attempt_does_not_count_for_its_site() -> None:
    async with counting(MEMORY) as made:
        await use_up(made, "address", "2001:db8:1:2::1")
        for number in range(100):
            with pytest.raises(Exceeded) as refused:
                await made.count(LIMIT, "address", f"2001:db8:1:2::{number}")
            assert refused.value.key == ("address", "2001:db8:1:2::/64")
        for _ in range(3):
            await made.count(LIMIT, "address", "2001:db8:1:3::1")


async def test_what_is_taken_back_is_taken_back_in_every_network() -> None:
    async with counting(MEMORY) as made:
        for number in range(100):
            taken = await made.count(LIMIT, "address", f"2001:db8:1:{number:x}::1")
            await made.forgive(taken)
        await use_up(made, "address", "2001:db8:1:2::1")


async def test_the_first_call_in_a_window_is_first(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now)
    async with counting(MEMORY) as made:
        assert [await made.is_first(LIMIT, "a") for _ in range(6)] == [True] + [False] * 5
        assert await made.is_first(LIMIT, "b")
        now += 3600
        assert await made.is_first(LIMIT, "a")


async def test_two_at_the_same_moment_are_two() -> None:
    with live_redis() as redis:
        async with counting(redis.url) as one, counting(redis.url) as other:
            tries = [each.count(LIMIT, "a") for each in (one, other) * 10]
            answers = await asyncio.gather(*tries, return_exceptions=True)
            assert sum(isinstance(answer, list) for answer in answers) == 3
            assert all(isinstance(answer, RateLimited | list) for answer in answers)


async def test_without_redis_each_process_counts_by_itself_and_says_so(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with live_redis() as redis:
        async with counting(redis.url) as made:
            await use_up(made, "a")
            redis.kill()
            await use_up(made, "a")
            with pytest.raises(RateLimited):
                await made.count(LIMIT, "a")
            assert caplog.text.count("Redis cannot be reached") == 1
            redis.start()
            monkeypatch.setattr(made, "_away_until", 0.0)
            await use_up(made, "a")
            with pytest.raises(RateLimited):
                await made.count(LIMIT, "a")


async def test_a_hanging_redis_is_not_waited_for_long() -> None:
    with live_redis() as redis:
        async with counting(redis.url) as made:
            await made.count(LIMIT, "a")
            os.kill(redis.pid, signal.SIGSTOP)
            try:
                began = time.monotonic()
                for _ in range(3):
                    await made.count(LIMIT, "b")
                assert time.monotonic() - began < 3 * attempts.ANSWER_SECONDS
            finally:
                os.kill(redis.pid, signal.SIGCONT)


@pytest.mark.parametrize("kind", ["redis", "redis+sentinel", "redis+cluster"])
async def test_a_missing_redis_does_not_stop_sign_in(kind: str) -> None:
    path = f"/{SERVICE}" if kind == "redis+sentinel" else ""
    async with counting(f"{kind}://127.0.0.1:1{path}") as made:
        await use_up(made, "a")
        with pytest.raises(RateLimited):
            await made.count(LIMIT, "a")
