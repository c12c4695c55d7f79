"""Measures sign-ins and refreshes of many clients at once: `python -m benchmarks.inside.sign_in`.

Two server processes use one database. Every third refresh is sent to both at the same moment, as by two
tabs. No session may be lost or duplicated: at the end there is one session for each sign-in, with one
valid refresh token, which its client has.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import tempfile
import time
from collections.abc import Awaitable, Sequence
from pathlib import Path

import httpx2
from sqlalchemy import select

from benchmarks.inside.processes import processes
from watchword.auth.accounts.accounts import add_account
from watchword.auth.sign_in.passwords import hash_chosen
from watchword.auth.tables import RefreshToken, Session
from watchword.events.bus.memory import MemoryBus
from watchword.process.clock import SystemClock
from watchword.storage.database import Database
from watchword.transaction import transaction

PASSWORD = "correct horse battery"
# One refresh in so many is sent twice, as by two tabs.
DOUBLED = 3


def main() -> None:
    """Run the load, check the sessions, and print the times."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.inside.sign_in", description=__doc__
    )
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--sign-ins", type=int, default=1_000)
    parser.add_argument("--refreshes", type=int, default=10_000)
    parser.add_argument(
        "--database-url", default="", help="an empty database; SQLite when not given"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        url = options.database_url or f"sqlite+aiosqlite:///{home}/watchword.db"
        with processes(Path(home), 2, url) as origins:
            asyncio.run(_run(origins, url, options))


async def _run(origins: list[str], url: str, options: argparse.Namespace) -> None:
    database = Database(url)
    emails = [f"client{number}@example.com" for number in range(options.clients)]
    await _make_accounts(database, emails)
    crowd = Clients(origins)
    times = options.sign_ins // options.clients
    began = time.monotonic()
    signing = [crowd.sign_in(email) for email in emails for _ in range(times)]
    tokens = await _limited(options.clients, signing)
    signed_in = time.monotonic()
    each = options.refreshes // len(tokens)
    tokens = await _limited(options.clients, [crowd.refresh(token, each) for token in tokens])
    refreshed = time.monotonic()
    await crowd.close()
    print(f"{len(tokens)} sign-ins by {options.clients} clients: {signed_in - began:.1f} s")
    print(
        f"{crowd.refreshes} refreshes, {crowd.doubled} of them doubled: {refreshed - signed_in:.1f} s"
    )
    await _check(database, tokens)
    await database.close()


class Clients:
    """Clients that use both servers in turn."""

    def __init__(self, origins: list[str]) -> None:
        self._origins = origins
        self._client = httpx2.AsyncClient(timeout=120)
        self._count = 0
        self.refreshes = 0
        self.doubled = 0

    async def sign_in(self, email: str) -> str:
        body = {"email": email, "password": PASSWORD, "delivery": "body"}
        return await self._post("login", body)

    async def refresh(self, token: str, times: int) -> str:
        """Refresh `times` times in sequence, and return the last token."""
        for _ in range(times):
            self.refreshes += 1
            tabs = 2 if self.refreshes % DOUBLED == 0 else 1
            self.doubled += tabs - 1
            body = {"refresh_token": token}
            answers = await asyncio.gather(*(self._post("refresh", body) for _ in range(tabs)))
            [token] = set(answers)
        return token

    async def close(self) -> None:
        await self._client.aclose()

    async def _post(self, route: str, body: dict[str, str]) -> str:
        self._count += 1
        origin = self._origins[self._count % len(self._origins)]
        response = await self._client.post(f"{origin}/api/auth/{route}", json=body)
        if response.status_code != 200:
            raise RuntimeError(f"{route} answered {response.status_code}: {response.text}")
        return str(response.json()["refresh_token"])


async def _check(database: Database, tokens: list[str]) -> None:
    async with database.read() as db:
        sessions = (await db.execute(select(Session))).scalars().all()
        unused = (await db.execute(select(RefreshToken).filter_by(used_at=None))).scalars()
        good = {token.hash: token.session_id for token in unused}
    held = {hashlib.sha256(token.encode()).hexdigest() for token in tokens}
    revoked = sum(row.revoked_at is not None for row in sessions)
    print(f"{len(sessions)} sessions, {revoked} revoked, {len(good)} refresh tokens that are good")
    if len(sessions) != len(tokens) or revoked or len(set(good.values())) != len(good):
        raise SystemExit("sessions were lost or doubled")
    if set(good) != held:
        raise SystemExit("a client holds a token that is not good")
    print("nothing lost, nothing doubled")


async def _limited(most: int, work: Sequence[Awaitable[str]]) -> list[str]:
    """Await all of the work, at most `most` at a time."""
    gate = asyncio.Semaphore(most)

    async def one(each: Awaitable[str]) -> str:
        async with gate:
            return await each

    return await asyncio.gather(*(one(each) for each in work))


async def _make_accounts(database: Database, emails: list[str]) -> None:
    hash = await hash_chosen(PASSWORD)
    for email in emails:
        async with transaction(database, MemoryBus(), SystemClock().now()) as unit:
            await add_account(unit, email=email, name="Client", roles=[], hash=hash)


if __name__ == "__main__":
    main()
