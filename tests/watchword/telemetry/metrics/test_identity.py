"""Refused tokens, refreshes, reuses and revocations are counted where they happen."""

from __future__ import annotations

import asyncio

from tests.support.clock import MovedClock
from tests.support.metrics import scraped, total
from tests.support.toy_app import CREDENTIALS, running

BODY = {**CREDENTIALS, "delivery": "body"}


async def test_what_happens_to_tokens_and_sessions_is_counted(
    database_url: str, clock: MovedClock
) -> None:
    async with running(database_url, clock, metrics="prometheus") as app:

        async def counts() -> dict[tuple[str, ...], float]:
            return scraped((await app.client.get("/metrics")).text)

        async def refresh(token: str) -> int:
            answer = await app.client.post("/api/auth/refresh", json={"refresh_token": token})
            return int(answer.status_code)

        before = await counts()
        await app.ask("{ hello }", authorization="Bearer forged")
        signed_in = (await app.client.post("/api/auth/login", json=BODY)).json()
        first = signed_in["refresh_token"]
        answer = await app.client.post("/api/auth/refresh", json={"refresh_token": first})
        second = answer.json()["refresh_token"]
        assert await refresh(second) == 200
        clock.move(100)
        assert await refresh(first) == 401
        assert await refresh("x" * 67) == 401
        found = await counts()
        refused = "watchword_token_refusals_total"
        assert total(found, refused) == total(before, refused) + 1
        assert found["watchword_session_refreshes_total", "refreshed"] == 2
        assert found["watchword_session_refreshes_total", "refused"] == 2
        assert found["watchword_session_reuses_total",] == 1
        async with asyncio.timeout(20):
            while not total(heard := await counts(), "watchword_revocations_total"):
                await asyncio.to_thread(int)
        assert heard["watchword_revocations_kept",] == 1
        text = (await app.client.get("/metrics")).text
        for secret in (first, second, signed_in["access_token"], "alice", "forged"):
            assert secret not in text
